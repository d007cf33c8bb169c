/**
 * Looking at files and reading small ones without leaving the thread, which takes a fraction of what handing each call to
 * another thread does, for as long as the disk answers at once.
 *
 * @module
 */
import fs from "node:fs";
import { setImmediate } from "node:timers";
import type { Clock } from "../base/mod.ts";
import { systemClock } from "./clock.ts";
import { absentAsNull, type FileStatus, fileStatus, readWholeFile, statusOf } from "./files.ts";

/** Calls are made one after the other for this long, then everything else gets its turn, ms. */
const SLICE_MS = 4;
/** A call that takes longer comes from a disk that is slow, or away, ms. */
const SLOW_CALL_MS = 8;
/** So many calls after such a one are made on another thread. */
const CALLS_ELSEWHERE = 64;

/** Files of a disk that answers at once, most of the time. */
export class PromptFiles {
  readonly #clock: Clock;
  #sliceEndMs = 0;
  #callsElsewhere = 0;

  /** Begins without knowing the disk. */
  constructor(clock: Clock = systemClock) {
    this.#clock = clock;
  }

  /** The status of `path` itself; null where there is nothing. */
  async status(path: string): Promise<FileStatus | null> {
    if (!await this.#takeTurn()) return await fileStatus(path, false);
    return await absentAsNull("look at", path, () => this.#timed(() => statusOf(fs.lstatSync(path))));
  }

  /** All bytes of the file `path`, which should be small; null where there is nothing. */
  async read(path: string): Promise<Uint8Array | null> {
    if (!await this.#takeTurn()) return await readWholeFile(path);
    return await absentAsNull("read", path, () => this.#timed(() => fs.readFileSync(path)));
  }

  /** Waits for this thread's turn; false where the call is better made on another one. */
  async #takeTurn(): Promise<boolean> {
    if (this.#callsElsewhere > 0) {
      this.#callsElsewhere--;
      return false;
    }
    if (this.#clock.nowMs() >= this.#sliceEndMs) {
      await new Promise<void>((resolve) => setImmediate(resolve));
      this.#sliceEndMs = this.#clock.nowMs() + SLICE_MS;
    }
    return true;
  }

  #timed<Result>(call: () => Result): Result {
    const startMs = this.#clock.nowMs();
    try {
      return call();
    } finally {
      if (this.#clock.nowMs() - startMs > SLOW_CALL_MS) this.#callsElsewhere = CALLS_ELSEWHERE;
    }
  }
}

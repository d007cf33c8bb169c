/**
 * Gives back the space of values that nothing refers to any more, a piece at a time.
 *
 * How much of a segment is in use, the database's index of places tells. A segment of which little is in use has the rest
 * written anew, like any other write; one of which nothing is in use is removed, once nobody can see a state any more
 * in which it was.
 *
 * @module
 */
import type { CancelTimer, Clock } from "../../base/mod.ts";
import { WriteBatch } from "../batch.ts";
import { StorageError } from "../errors.ts";
import {
  COMPACT_LIVE_PART,
  SWEEP_BYTE_LENGTH,
  SWEEP_CLOSING_SEGMENT_COUNT,
  SWEEP_CURRENT_BYTE_LENGTH_MIN,
  SWEEP_DELAY_MS,
  SWEEP_LIVE_PART,
  SWEEP_LOOK_PAUSE_MS,
  SWEEP_MOVE_PAUSE_MS,
  SWEEP_SEGMENT_COUNT,
  SWEEP_VALUE_COUNT,
} from "./limits.ts";
import { PLACED_TABLE } from "./place.ts";
import type { StoreWriter } from "./store_writer.ts";
import type { TableReader } from "./table_reader.ts";
import type { ValueFiles } from "./value_files.ts";
import type { ValueLog } from "./value_log.ts";

/** Options of {@linkcode ValueSweeper}. */
export interface ValueSweeperOptions {
  readonly reader: TableReader;
  readonly writer: StoreWriter;
  readonly files: ValueFiles;
  readonly values: ValueLog;
  /** Tells when to go on. */
  readonly schedule: Clock["schedule"];
}

/** How far a sweep gives space back. */
interface Effort {
  /** A segment with a smaller part in use is moved out of. */
  readonly livePart: number;
  /** The segment that is appended to is looked at from so many bytes on. */
  readonly currentByteLengthMin: number;
}

/** A segment that is moved out of, and where in it the rest begins. */
interface Moving {
  readonly segment: number;
  offset: number;
}

const SWEEP: Effort = {
  livePart: SWEEP_LIVE_PART,
  currentByteLengthMin: SWEEP_CURRENT_BYTE_LENGTH_MIN,
};

const COMPACT: Effort = { livePart: COMPACT_LIVE_PART, currentByteLengthMin: 1 };

/** Removes what is not in use, and moves nothing. */
const REMOVE: Effort = { livePart: 0, currentByteLengthMin: Infinity };

/** Looks after the segments of an open store. */
export class ValueSweeper {
  readonly #reader: TableReader;
  readonly #writer: StoreWriter;
  readonly #files: ValueFiles;
  readonly #values: ValueLog;
  readonly #schedule: Clock["schedule"];
  /** Segments still to be looked at, */
  #suspects: number[] = [];
  /** the one that is moved out of, and how far that is, */
  #moving: Moving | null = null;
  /** those to be looked at again once the database has what is in the journal now, */
  #later: number[] = [];
  /** and those that nothing refers to. */
  readonly #dead = new Set<number>();
  #deletedCount = 0;
  #rollCount = 0;
  #cancel: CancelTimer | null = null;
  #isStopped = false;

  /** Looks at all segments, for what a crash has left. */
  constructor({ reader, writer, files, values, schedule }: ValueSweeperOptions) {
    this.#reader = reader;
    this.#writer = writer;
    this.#files = files;
    this.#values = values;
    this.#schedule = schedule;
    this.#suspects = values.segments;
    if (this.#suspects.length > 0) this.#scheduleStep(SWEEP_DELAY_MS);
  }

  /** Looks, some time after writes, whether they have deleted anything. */
  handleWritten(): void {
    if (!this.#hasDeletions()) return;
    // A program that writes and never waits lets no timer run.
    if (this.#values.rollCount !== this.#rollCount) this.#stepOnce();
    this.#rollCount = this.#values.rollCount;
    if (this.#cancel === null) this.#scheduleStep(SWEEP_DELAY_MS);
  }

  /**
   * Gives back as much as can be, now. `settle` brings everything written so far to the database.
   *
   * @throws {StorageError} as a read or a write does; `STORAGE_CLOSED` when it was stopped meanwhile.
   */
  async compact(settle: () => Promise<void>): Promise<void> {
    await settle();
    for (const effort of [COMPACT, REMOVE]) {
      this.#assertRunning();
      this.#begin();
      while (this.#step(effort)) {
        await new Promise<void>((resolve) => this.#schedule(0, resolve));
        this.#assertRunning();
      }
      await settle();
    }
    this.#scheduleRest();
  }

  /** Does nothing by itself any more: the writer is about to be closed. */
  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
    this.#cancel = null;
  }

  /** Removes what it can without moving anything; it was stopped, and the writer and all snapshots are closed. */
  close(): void {
    if (this.#writer.pendingCount > 0) return;
    try {
      if (this.#hasDeletions()) this.#begin();
      this.#moving = null;
      this.#suspects = this.#suspects.slice(-SWEEP_CLOSING_SEGMENT_COUNT);
      while (this.#step(REMOVE));
    } catch {
      // What is left is found when the store is opened again.
    }
  }

  #hasDeletions(): boolean {
    return this.#writer.deletedCount !== this.#deletedCount;
  }

  #begin(): void {
    this.#deletedCount = this.#writer.deletedCount;
    this.#moving = null;
    this.#later = [];
    this.#suspects = this.#values.segments.filter((segment) => !this.#dead.has(segment));
  }

  #assertRunning(): void {
    if (this.#isStopped) {
      throw new StorageError("STORAGE_CLOSED", "Storage was closed while it was compacted");
    }
  }

  #scheduleStep(delayMs: number): void {
    if (this.#isStopped) return;
    this.#cancel?.();
    this.#cancel = this.#schedule(delayMs, () => {
      this.#cancel = null;
      this.#stepOnce();
    }, { unref: true });
  }

  /** Comes back to what could not be done now. */
  #scheduleRest(): void {
    if (this.#dead.size > 0 || this.#later.length > 0 || this.#hasDeletions()) {
      this.#scheduleStep(SWEEP_DELAY_MS);
    }
  }

  #stepOnce(): void {
    try {
      if (this.#suspects.length === 0 && this.#moving === null) {
        if (this.#hasDeletions()) this.#begin();
        else this.#suspects = this.#later.splice(0);
      }
      if (this.#step(SWEEP)) {
        return this.#scheduleStep(this.#moving === null ? SWEEP_LOOK_PAUSE_MS : SWEEP_MOVE_PAUSE_MS);
      }
    } catch {
      // A damaged row is told to whoever reads it, a full disk to whoever writes; the next deletion tries again.
      this.#suspects = [];
      this.#moving = null;
    }
    this.#scheduleRest();
  }

  /** Does a piece of work; whether there is more that needs no waiting. */
  #step(effort: Effort): boolean {
    if (this.#moving !== null) {
      if (this.#move(this.#moving)) return true;
      this.#later.push(this.#moving.segment);
      this.#moving = null;
    } else {
      for (let count = 0; count < SWEEP_SEGMENT_COUNT && this.#suspects.length > 0; count++) {
        if (this.#look(this.#suspects.pop()!, effort)) break;
      }
    }
    if (this.#suspects.length > 0 || this.#moving !== null) return true;
    this.#removeDead();
    return false;
  }

  /** Looks at a segment; whether it is to be moved out of. */
  #look(segment: number, effort: Effort): boolean {
    const byteLength = this.#values.byteLength(segment);
    const isLast = segment === this.#values.lastSegment;
    if (isLast && byteLength < effort.currentByteLengthMin) return false;
    if (segment >= this.#writer.pendingSegment) {
      // What refers to it may not be in the database yet.
      this.#later.push(segment);
      return false;
    }
    const liveByteLength = this.#reader.liveByteLength(segment);
    if (liveByteLength > 0 && liveByteLength >= effort.livePart * byteLength) return false;
    if (isLast) this.#values.roll();
    if (liveByteLength > 0) this.#moving = { segment, offset: 0 };
    else this.#dead.add(segment);
    return liveByteLength > 0;
  }

  /** Writes some values of a segment anew; whether there are more. */
  #move(moving: Moving): boolean {
    const rows = this.#reader.placedRows(moving.segment, moving.offset, SWEEP_VALUE_COUNT);
    const batch = new WriteBatch();
    for (const { owner, index, place } of rows) {
      if (batch.byteLength >= SWEEP_BYTE_LENGTH) break;
      moving.offset = place.offset + 1;
      // It was written or deleted since.
      if (this.#writer.isPending(PLACED_TABLE, owner, index)) continue;
      batch.putRow(PLACED_TABLE, owner, index, this.#files.read(owner, index, place));
    }
    let failure: unknown = null;
    this.#writer.write([{ batch, resolve: () => {}, reject: (error) => failure = error }]);
    if (failure !== null) throw failure;
    return rows.length > 0;
  }

  #removeDead(): void {
    if (this.#dead.size === 0 || !this.#writer.isUnobserved()) return;
    for (const segment of this.#dead) if (this.#values.remove(segment)) this.#dead.delete(segment);
  }
}

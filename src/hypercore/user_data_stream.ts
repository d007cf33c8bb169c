/**
 * User data as a stream.
 *
 * @module
 */
import { Readable, type StreamCallback } from "../base/mod.ts";
import type { UserDataEntry } from "./log/mod.ts";

/** Reads entries as they are asked for. */
export class UserDataStream extends Readable<UserDataEntry> {
  readonly #entries: AsyncGenerator<UserDataEntry, void, void>;

  /** Runs `entries` with the first read. */
  constructor(entries: AsyncGenerator<UserDataEntry, void, void>) {
    super();
    this.#entries = entries;
  }

  override _read(callback: StreamCallback): void {
    this.#entries.next().then(({ value, done }) => {
      this.push(done ? null : value as UserDataEntry);
      callback(null);
    }, callback);
  }

  override _destroy(callback: StreamCallback): void {
    this.#entries.return().then(() => callback(null), callback);
  }
}

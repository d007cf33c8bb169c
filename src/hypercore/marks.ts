/**
 * Mark and sweep: which blocks are in use, kept in the storage, so that the others can be dropped.
 *
 * Source of semantics: `hypercore/lib/mark-bitfield.js`, `hypercore/index.js`.
 *
 * @module
 */
import type { Log } from "./log/mod.ts";

/** The marks of one log. */
export class Marks {
  readonly #log: Log;
  /** Whether reads mark what they read. */
  isMarking = false;

  /** Marks of earlier processes count until they are cleared. */
  constructor(log: Log) {
    this.#log = log;
  }

  /** Marks the blocks from `start` to `end` (exclusive). */
  mark(start: number, end: number): Promise<void> {
    return this.#log.marks.mark(start, end);
  }

  /** Forgets all marks. */
  clear(): Promise<void> {
    return this.#log.marks.clear();
  }

  /** Drops every block that is not marked. Of each `batchSize` runs between marks the clearing is awaited together. */
  async sweep(batchSize: number): Promise<void> {
    let clearing: Promise<number>[] = [];
    let end = this.#log.head.length;
    for await (const index of this.#log.marks.descending()) {
      if (index + 1 < end) clearing.push(this.#log.clear(index + 1, end));
      end = Math.min(end, index);
      if (clearing.length < batchSize) continue;
      await Promise.all(clearing);
      clearing = [];
    }
    if (end > 0) clearing.push(this.#log.clear(0, end));
    await Promise.all(clearing);
    this.isMarking = false;
    await this.clear();
  }
}

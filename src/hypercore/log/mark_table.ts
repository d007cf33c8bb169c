/**
 * Marks on blocks, as pages of 32768 bits in the storage.
 *
 * @module
 */
import { Mutex } from "../../base/mod.ts";
import { WriteBatch } from "../../storage/mod.ts";
import { BITFIELD_PAGE_BITS, BITFIELD_PAGE_BYTES } from "./bitfield.ts";
import type { LogState } from "./log_state.ts";

/** The marks of one log. */
export class MarkTable {
  readonly #state: LogState;
  readonly #mutex = new Mutex();

  /** Marks beside the rows of `state`. */
  constructor(state: LogState) {
    this.#state = state;
  }

  /**
   * Marks the blocks from `start` to `end` (exclusive).
   *
   * @throws {StorageError} as the storage.
   */
  async mark(start: number, end: number): Promise<void> {
    const { storage, owner } = this.#state;
    await this.#mutex.run(async () => {
      const batch = new WriteBatch();
      for (let index = start; index < end;) {
        const page = Math.floor(index / BITFIELD_PAGE_BITS);
        const pageStart = page * BITFIELD_PAGE_BITS;
        const reach = Math.min(end, pageStart + BITFIELD_PAGE_BITS);
        const bytes = new Uint8Array(BITFIELD_PAGE_BYTES);
        const stored = await storage.getRow("mark", owner, page);
        if (stored !== null) bytes.set(stored);
        for (; index < reach; index++) bytes[(index - pageStart) >> 3]! |= 1 << (index & 7);
        batch.putRow("mark", owner, page, bytes);
      }
      if (batch.size > 0) await storage.write(batch);
    });
  }

  /**
   * Forgets all marks.
   *
   * @throws {StorageError} as the storage.
   */
  async clear(): Promise<void> {
    const { storage, owner } = this.#state;
    await this.#mutex.run(async () => {
      const batch = new WriteBatch();
      batch.deleteRows("mark", owner, 0);
      await storage.write(batch);
    });
  }

  /** The marked blocks, the last one first. */
  async *descending(): AsyncGenerator<number, void, void> {
    const { storage, owner } = this.#state;
    for await (const { index: page, value } of storage.rows("mark", owner, { reverse: true })) {
      for (let bit = value.byteLength * 8 - 1; bit >= 0; bit--) {
        if ((value[bit >> 3]! & (1 << (bit & 7))) !== 0) yield page * BITFIELD_PAGE_BITS + bit;
      }
    }
  }
}

/**
 * Blocks kept in memory up to a number of bytes; those not used for longest go first, roughly.
 *
 * @module
 */
import type { Block } from "./block.ts";
import { BLOCK_OVERHEAD_BYTES } from "./limits.ts";

interface Slot {
  readonly block: Block;
  /** Used since eviction last came by: it gets another round. */
  used: boolean;
}

/** The blocks of one log at one fork, shared by a bee and its views. */
export class BlockCache {
  readonly #bytesMax: number;
  readonly #slots = new Map<number, Slot>();
  /** Where eviction goes on: it comes by what was kept since, at the end of the map. */
  #hand: MapIterator<[number, Slot]> | null = null;
  #bytes = 0;
  #length = 0;

  /** Keeps up to `bytesMax` bytes. */
  constructor(bytesMax: number) {
    this.#bytesMax = bytesMax;
  }

  /** Bytes that the kept blocks are reckoned to take. */
  get byteLength(): number {
    return this.#bytes;
  }

  /** How many blocks are kept. */
  get size(): number {
    return this.#slots.size;
  }

  /** A block, where it is kept. */
  get(seq: number): Block | undefined {
    const slot = this.#slots.get(seq);
    if (slot === undefined) return undefined;
    slot.used = true;
    return slot.block;
  }

  /** Keeps a block, unless it alone would fill an eighth of the cache. */
  set(block: Block): void {
    const cost = costOf(block);
    if (cost > this.#bytesMax / 8 || this.#slots.has(block.seq)) return;
    this.#bytes += cost;
    this.#slots.set(block.seq, { block, used: false });
    if (block.seq >= this.#length) this.#length = block.seq + 1;
    while (this.#bytes > this.#bytesMax) this.#evict();
  }

  /** Forgets blocks from `length` on. */
  truncate(length: number): void {
    if (length >= this.#length) return;
    if (this.#length - length > this.#slots.size) {
      for (const seq of this.#slots.keys()) if (seq >= length) this.#delete(seq);
    } else {
      for (let seq = length; seq < this.#length; seq++) this.#delete(seq);
    }
    this.#length = length;
  }

  /** Forgets all blocks. */
  clear(): void {
    this.#slots.clear();
    this.#hand = null;
    this.#bytes = 0;
    this.#length = 0;
  }

  #evict(): void {
    while (true) {
      this.#hand ??= this.#slots.entries();
      const { value, done } = this.#hand.next();
      if (done) {
        this.#hand = null;
        continue;
      }
      const [seq, slot] = value;
      if (!slot.used) return this.#delete(seq);
      slot.used = false;
    }
  }

  #delete(seq: number): void {
    const slot = this.#slots.get(seq);
    if (slot === undefined) return;
    this.#slots.delete(seq);
    this.#bytes -= costOf(slot.block);
  }
}

function costOf(block: Block): number {
  return BLOCK_OVERHEAD_BYTES + block.byteLength;
}

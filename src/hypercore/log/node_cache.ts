/**
 * A bounded cache of stored nodes, in flat arrays: an object for each of the thousands of nodes that a download brings
 * would live just long enough to burden the collector of old objects.
 *
 * Places lie in sets of four. A node goes to the set that its index hashes to, in place of one that was not looked at
 * since that set last took one in. The cache doubles as it fills, up to its bound.
 *
 * @module
 */
import { NODE_ROW_BYTES } from "./node.ts";

/** Places of one set. */
const WAYS = 4;
/** Sets of a cache that has just taken its first node; a power of two above 1. */
const FIRST_SET_BITS = 1;

/** No index of a tree. */
const NONE = -1;

/** What is noted of a place, as bits. */
const CHILDLESS = 1;
const USED = 2;

/** Nodes of one log by tree index. */
export class NodeCache {
  readonly #setBitsMax: number;
  #setBits = 0;
  #indexes = new Float64Array(0);
  #rows = new Uint8Array(0);
  #marks = new Uint8Array(0);
  /** Of each set, the place to look at first when one is to go. */
  #hands = new Uint8Array(0);
  #size = 0;

  /** Holds up to `nodesMax` nodes, rounded down to a power of two; eight at least. */
  constructor(nodesMax: number) {
    this.#setBitsMax = Math.max(FIRST_SET_BITS, Math.floor(Math.log2(nodesMax / WAYS)));
  }

  /** Nodes held. */
  get size(): number {
    return this.#size;
  }

  /** Place of a node, to be used before anything is put; -1 where it is not held. */
  find(index: number): number {
    if (this.#size === 0) return NONE;
    const indexes = this.#indexes;
    const first = this.#setOf(index) * WAYS;
    for (let place = first; place < first + WAYS; place++) {
      if (indexes[place] !== index) continue;
      this.#marks[place]! |= USED;
      return place;
    }
    return NONE;
  }

  /** The stored form of the node at `place`: a view, right until something is put. */
  rowAt(place: number): Uint8Array {
    return this.#rows.subarray(place * NODE_ROW_BYTES, (place + 1) * NODE_ROW_BYTES);
  }

  /** Whether the node at `place` is known to have no stored children. */
  isChildlessAt(place: number): boolean {
    return (this.#marks[place]! & CHILDLESS) !== 0;
  }

  /** Notes whether the node at `place` has stored children. */
  setChildlessAt(place: number, isChildless: boolean): void {
    if (isChildless) this.#marks[place]! |= CHILDLESS;
    else this.#marks[place]! &= ~CHILDLESS;
  }

  /** Holds a node by a copy of its stored form. */
  put(index: number, row: Uint8Array, isChildless: boolean): void {
    let place = this.find(index);
    if (place === NONE) {
      // Up to its bound nothing is given up, unless the nodes are few and in each other's way by bad luck.
      while (!this.#hasRoom(index) && this.#size * 4 >= this.#indexes.length && this.#grow());
      place = this.#makeRoom(this.#setOf(index));
      this.#indexes[place] = index;
    }
    this.#rows.set(row, place * NODE_ROW_BYTES);
    this.#marks[place] = isChildless ? CHILDLESS : 0;
  }

  /** Forgets everything and releases the memory. */
  clear(): void {
    this.#allocate(0);
    this.#size = 0;
  }

  #setOf(index: number): number {
    const high = index > 0xffffffff ? Math.floor(index / 0x1_0000_0000) : 0;
    // The upper bits of such a product are spread evenly, for neighbours above all.
    return Math.imul((index >>> 0) ^ Math.imul(high, 0x85ebca6b), 0x9e3779b1) >>> (32 - this.#setBits);
  }

  #hasRoom(index: number): boolean {
    if (this.#setBits === 0) return false;
    const first = this.#setOf(index) * WAYS;
    for (let place = first; place < first + WAYS; place++) if (this.#indexes[place] === NONE) return true;
    return false;
  }

  /** A free place of a set: one that was free, or that of the node that goes. */
  #makeRoom(set: number): number {
    const first = set * WAYS;
    for (let place = first; place < first + WAYS; place++) {
      if (this.#indexes[place] !== NONE) continue;
      this.#size++;
      return place;
    }
    for (let hand = this.#hands[set]!;; hand = (hand + 1) % WAYS) {
      const place = first + hand;
      if (this.#marks[place]! & USED) {
        this.#marks[place]! &= ~USED;
        continue;
      }
      this.#hands[set] = (hand + 1) % WAYS;
      return place;
    }
  }

  /** Doubles the cache, or tells that it has its full size. Each set becomes two, so everything finds its place. */
  #grow(): boolean {
    if (this.#setBits === this.#setBitsMax) return false;
    const [indexes, rows, marks] = [this.#indexes, this.#rows, this.#marks];
    this.#allocate(this.#setBits === 0 ? FIRST_SET_BITS : this.#setBits + 1);
    this.#size = 0;
    for (let place = 0; place < indexes.length; place++) {
      const index = indexes[place]!;
      if (index === NONE) continue;
      const target = this.#makeRoom(this.#setOf(index));
      this.#indexes[target] = index;
      this.#marks[target] = marks[place]!;
      const start = place * NODE_ROW_BYTES;
      this.#rows.set(rows.subarray(start, start + NODE_ROW_BYTES), target * NODE_ROW_BYTES);
    }
    return true;
  }

  #allocate(setBits: number): void {
    const sets = setBits === 0 ? 0 : 1 << setBits;
    this.#setBits = setBits;
    this.#indexes = new Float64Array(sets * WAYS).fill(NONE);
    this.#rows = new Uint8Array(sets * WAYS * NODE_ROW_BYTES);
    this.#marks = new Uint8Array(sets * WAYS);
    this.#hands = new Uint8Array(sets);
  }
}

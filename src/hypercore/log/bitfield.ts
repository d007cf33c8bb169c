/**
 * Which blocks someone has: a set of block indexes that stays small where it is all zeros or all ones.
 *
 * Bits lie in pages of 32768; pages hang in a tree with 64 children a branch, in which a run of empty or of full
 * pages costs nothing. A contiguous log of any length is therefore one partial page, a search jumps over runs of any
 * size, and a peer that claims to have 2^50 blocks costs nothing either. Used for our own blocks and for those of
 * peers.
 *
 * @module
 */
import {
  copyOfNode,
  editNode,
  fillNode,
  newBranch,
  type Node,
  type Page,
  type PageBudget,
} from "./bitfield_node.ts";
import { countWords, firstInWords, lastInWords, setWords } from "./bitfield_words.ts";
import { BITFIELD_PAGES_MAX, BITFIELD_WANT_BITS } from "./limits.ts";

/** Bits of one page, the unit in which a bitfield is stored. */
export const BITFIELD_PAGE_BITS = 32768;

/** Bytes of one page. */
export const BITFIELD_PAGE_BYTES: number = BITFIELD_PAGE_BITS / 8;

const FANOUT = 64;

/** A run of blocks with one value. */
export interface BitfieldRange {
  /** First block. */
  readonly start: number;
  /** End, exclusive. */
  readonly end: number;
  /** Whether the blocks are there. */
  readonly value: boolean;
}

/** A piece of a bitfield as it travels; source: `hypercore/lib/messages.js`, `wire.bitfield`. */
export interface BitfieldPiece {
  /** First block, a multiple of 32. */
  readonly start: number;
  /** Whole 32-bit words, little-endian: block `start + i` is bit `i & 7` of byte `i >> 3`. */
  readonly bitfield: Uint8Array;
}

/** Options of {@linkcode Bitfield}. */
export interface BitfieldOptions {
  /** Most partial pages (4 KiB each) held; bits that would need one more are dropped. Default {@linkcode BITFIELD_PAGES_MAX}. */
  readonly pagesMax?: number;
}

/** A set of block indexes from 0 to 2^53 - 1. */
export class Bitfield {
  readonly #budget: PageBudget;
  #root: Node | null = null;
  #capacity = BITFIELD_PAGE_BITS;

  // Where the last #locate() ended: a page, FULL or null, and the blocks it covers.
  #leaf: Node | null = null;
  #leafStart = 0;
  #leafEnd = 0;

  /** Creates an empty bitfield. */
  constructor(options: BitfieldOptions = {}) {
    this.#budget = { pages: 0, pagesMax: options.pagesMax ?? BITFIELD_PAGES_MAX };
  }

  /** Partial pages held, 4 KiB each. */
  get pageCount(): number {
    return this.#budget.pages;
  }

  /** Whether no bit is set. */
  get isEmpty(): boolean {
    return this.#root === null;
  }

  /** Tells whether `index` is set. */
  get(index: number): boolean {
    let node = this.#root;
    let size = this.#capacity;
    if (index >= size) return false;
    while (node !== null && node.children !== null) {
      size /= FANOUT;
      node = node.children[Math.floor(index / size) & (FANOUT - 1)]!;
    }
    if (node === null) return false;
    const words = node.words;
    return words === null || (words[(index & (BITFIELD_PAGE_BITS - 1)) >>> 5]! & (1 << (index & 31))) !== 0;
  }

  /** Sets or clears one bit. */
  set(index: number, value: boolean): void {
    this.setRange(index, index + 1, value);
  }

  /** Sets or clears the bits from `start` to `end` (exclusive). */
  setRange(start: number, end: number, value: boolean): void {
    if (start >= end) return;
    if (value) this.#grow(end);
    else end = Math.min(end, this.#capacity);
    if (start >= end) return;
    this.#root = fillNode(this.#root, this.#capacity, start, end, value, this.#budget);
  }

  /**
   * Overwrites the bits from `start` on with those of `bytes` (whole little-endian words).
   *
   * @returns false, changing nothing, when `start` is not a multiple of 32 or `bytes` not of 4, or past 2^53.
   */
  insert(start: number, bytes: Uint8Array): boolean {
    const end = start + bytes.byteLength * 8;
    if (!isWordAligned(start, bytes) || !Number.isSafeInteger(end)) return false;
    this.#edit(start, end, (words, wordStart, wordEnd, offset) => {
      setWords(words, wordStart, wordEnd, bytes, offset / 8);
    });
    return true;
  }

  /**
   * Clears every bit from `start` on that is set in `bytes` (whole little-endian words).
   *
   * @returns false, changing nothing, when `start` is not a multiple of 32 or `bytes` not of 4, or past 2^53.
   */
  clear(start: number, bytes: Uint8Array): boolean {
    const end = start + bytes.byteLength * 8;
    if (!isWordAligned(start, bytes) || !Number.isSafeInteger(end)) return false;
    const reach = Math.min(end, this.#capacity);
    if (start >= reach) return true;
    const mask = new Uint32Array(1);
    this.#edit(start, reach, (words, wordStart, wordEnd, offset) => {
      for (let word = wordStart, at = offset / 8; word < wordEnd; word++, at += 4) {
        setWords(mask, 0, 1, bytes, at);
        words[word]! &= ~mask[0]!;
      }
    });
    return true;
  }

  /** First index from `from` on whose bit is `value`; -1 when there is none, which is so only for set bits. */
  findFirst(value: boolean, from: number): number {
    let index = from;
    while (this.#locate(index) || !value) {
      const leaf = this.#leaf;
      if (leaf === null || leaf.words === null) {
        if ((leaf !== null) === value) return index;
      } else {
        const found = firstInWords(leaf.words, value, index - this.#leafStart);
        if (found !== -1) return this.#leafStart + found;
      }
      index = this.#leafEnd;
    }
    return -1;
  }

  /** Last index up to and including `from` whose bit is `value`; -1 when there is none. */
  findLast(value: boolean, from: number): number {
    let index = from;
    while (index >= 0) {
      this.#locate(index);
      const leaf = this.#leaf;
      if (leaf === null || leaf.words === null) {
        if ((leaf !== null) === value) return index;
      } else {
        const found = lastInWords(leaf.words, value, index - this.#leafStart);
        if (found !== -1) return this.#leafStart + found;
      }
      index = this.#leafStart - 1;
    }
    return -1;
  }

  /** First set index from `from` on; -1 when there is none. */
  firstSet(from: number): number {
    return this.findFirst(true, from);
  }

  /** First unset index from `from` on; there always is one. */
  firstUnset(from: number): number {
    return this.findFirst(false, from);
  }

  /** Last set index up to and including `from`; -1 when there is none. */
  lastSet(from: number): number {
    return this.findLast(true, from);
  }

  /** Last unset index up to and including `from`; -1 when there is none. */
  lastUnset(from: number): number {
    return this.findLast(false, from);
  }

  /** First index from `from` to `end` (exclusive) that is set here and not in `other`; -1 when there is none. */
  firstSetNotIn(other: Bitfield, from: number, end: number): number {
    let index = from;
    while (index < end && this.#locate(index)) {
      other.#locate(index);
      const here = this.#leaf;
      const there = other.#leaf;
      const reach = Math.min(this.#leafEnd, other.#leafEnd, end);
      if (here === null) {
        index = Math.min(this.#leafEnd, end);
      } else if (there !== null && there.words === null) {
        index = Math.min(other.#leafEnd, end);
      } else if (here.words === null && there === null) {
        return index;
      } else {
        // At least one is a page, so both offsets lie within the same 32768 bits.
        const pageStart = index - (index & (BITFIELD_PAGE_BITS - 1));
        const found = firstDifference(here.words, there?.words ?? null, index - pageStart, reach - pageStart);
        if (found !== -1) return pageStart + found;
        index = reach;
      }
    }
    return -1;
  }

  /** Tells whether a bit is unset among the `length` bits from `start` on. */
  hasUnset(start: number, length: number): boolean {
    return length > 0 && this.findFirst(false, start) < start + length;
  }

  /** Tells whether a bit is set among the `length` bits from `start` on. */
  hasSet(start: number, length: number): boolean {
    const first = this.findFirst(true, start);
    return first !== -1 && first < start + length;
  }

  /** Counts the bits that are `value` among the `length` bits from `start` on. */
  count(start: number, length: number, value: boolean): number {
    const set = this.countSet(start, length);
    return value ? set : length - set;
  }

  /** Counts the set bits among the `length` bits from `start` on. */
  countSet(start: number, length: number): number {
    const end = start + length;
    let count = 0;
    for (let index = start; index < end && this.#locate(index);) {
      const leaf = this.#leaf;
      const reach = Math.min(end, this.#leafEnd);
      if (leaf !== null) {
        if (leaf.words === null) count += reach - index;
        else if (reach - index === BITFIELD_PAGE_BITS) count += leaf.set;
        else count += countWords(leaf.words, index - this.#leafStart, reach - this.#leafStart);
      }
      index = reach;
    }
    return count;
  }

  /** Counts the unset bits among the `length` bits from `start` on. */
  countUnset(start: number, length: number): number {
    return length - this.countSet(start, length);
  }

  /** Goes through the runs of set bits from `start` to `end` (exclusive). */
  *setRanges(start: number, end: number): Generator<{ start: number; end: number }, void, void> {
    for (let first = this.firstSet(start); first !== -1 && first < end;) {
      const last = Math.min(this.firstUnset(first), end);
      yield { start: first, end: last };
      first = this.firstSet(last);
    }
  }

  /**
   * Goes through what to tell a peer that wants to know about `length` bits from `start` on: pieces of at most 2^21
   * bits, without those that are all zero. Fresh bytes. Source: `hypercore/lib/bitfield.js`, `want`.
   */
  *wants(start: number, length: number): Generator<BitfieldPiece, void, void> {
    const end = start + length;
    const alignedStart = start - (start & 31);
    for (let index = this.firstSet(alignedStart); index !== -1 && index < end;) {
      const segment = index - (index % BITFIELD_WANT_BITS);
      const segmentEnd = segment + BITFIELD_WANT_BITS;
      const pieceStart = Math.max(segment, alignedStart);
      const last = this.lastSet(Math.min(segmentEnd, end) - 1);
      const words = Math.floor((last - pieceStart) / 32) + 1;
      yield { start: pieceStart, bitfield: this.slice(pieceStart, words * 4) };
      index = this.firstSet(segmentEnd);
    }
  }

  /** The bits from `start` (a multiple of 32) on as `byteLength` fresh bytes (a multiple of 4). */
  slice(start: number, byteLength: number): Uint8Array {
    const bytes = new Uint8Array(byteLength);
    const end = start + byteLength * 8;
    for (let index = start; index < end && this.#locate(index);) {
      const reach = Math.min(end, this.#leafEnd);
      const leaf = this.#leaf;
      const at = (index - start) / 8;
      if (leaf !== null) {
        if (leaf.words === null) bytes.fill(255, at, at + (reach - index) / 8);
        else bytes.set(leafBytes(leaf.words, index - this.#leafStart, reach - this.#leafStart), at);
      }
      index = reach;
    }
    return bytes;
  }

  /**
   * One page as it will be once `changes` have been made: its words without zeros at the end, one byte where all bits
   * are set, or null where none is. Fresh bytes, the form in which {@linkcode loadPage} takes them back.
   */
  encodePage(page: number, changes: readonly BitfieldRange[] = []): Uint8Array | null {
    const start = page * BITFIELD_PAGE_BITS;
    const end = start + BITFIELD_PAGE_BITS;
    const scratch = new Bitfield();
    scratch.insert(0, this.slice(start, BITFIELD_PAGE_BYTES));
    for (const change of changes) {
      scratch.setRange(
        Math.max(change.start, start) - start,
        Math.min(change.end, end) - start,
        change.value,
      );
    }
    if (scratch.isEmpty) return null;
    if (scratch.firstUnset(0) >= BITFIELD_PAGE_BITS) return Uint8Array.of(1);
    const words = (scratch.lastSet(BITFIELD_PAGE_BITS - 1) >>> 5) + 1;
    return scratch.slice(0, words * 4);
  }

  /**
   * Takes back what {@linkcode encodePage} gave.
   *
   * @returns false, changing nothing, when `bytes` are not such a page.
   */
  loadPage(page: number, bytes: Uint8Array): boolean {
    const start = page * BITFIELD_PAGE_BITS;
    if (bytes.byteLength === 1 && bytes[0] === 1) {
      this.setRange(start, start + BITFIELD_PAGE_BITS, true);
      return true;
    }
    return bytes.byteLength <= BITFIELD_PAGE_BYTES && this.insert(start, bytes);
  }

  /** Returns a copy that changes independently. */
  clone(): Bitfield {
    const copy = new Bitfield({ pagesMax: this.#budget.pagesMax });
    copy.#root = copyOfNode(this.#root);
    copy.#capacity = this.#capacity;
    copy.#budget.pages = this.#budget.pages;
    return copy;
  }

  /** Clears every bit and releases the memory. */
  reset(): void {
    this.#root = null;
    this.#capacity = BITFIELD_PAGE_BITS;
    this.#budget.pages = 0;
  }

  /** Finds what covers `index`; false where nothing is set from there on. */
  #locate(index: number): boolean {
    let node = this.#root;
    let size = this.#capacity;
    let start = 0;
    if (index >= size) {
      this.#leaf = null;
      this.#leafStart = node === null ? 0 : size;
      this.#leafEnd = Infinity;
      return false;
    }
    while (node !== null && node.children !== null) {
      size /= FANOUT;
      const slot = Math.floor((index - start) / size);
      start += slot * size;
      node = node.children[slot]!;
    }
    this.#leaf = node;
    this.#leafStart = start;
    this.#leafEnd = start + size;
    return true;
  }

  #grow(end: number): void {
    while (this.#capacity < end) {
      this.#root = this.#root === null ? null : newBranch(this.#root);
      this.#capacity *= FANOUT;
    }
  }

  #edit(start: number, end: number, write: PageWriter): void {
    this.#grow(end);
    for (let index = start; index < end;) {
      const pageStart = index - (index & (BITFIELD_PAGE_BITS - 1));
      const reach = Math.min(end, pageStart + BITFIELD_PAGE_BITS);
      const offset = index - start;
      const wordStart = (index - pageStart) / 32;
      const wordEnd = (reach - pageStart) / 32;
      this.#root = editNode(this.#root, this.#capacity, pageStart, this.#budget, (page: Page) => {
        write(page.words, wordStart, wordEnd, offset);
      });
      index = reach;
    }
  }
}

/** Writes the words from `wordStart` to `wordEnd` of a page; `offset` counts bits from the start of the edit. */
type PageWriter = (words: Uint32Array, wordStart: number, wordEnd: number, offset: number) => void;

function isWordAligned(start: number, bytes: Uint8Array): boolean {
  return Number.isSafeInteger(start) && start >= 0 && start % 32 === 0 && bytes.byteLength % 4 === 0;
}

function leafBytes(words: Uint32Array, start: number, end: number): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset + start / 8, (end - start) / 8);
}

/** First bit of a page set in `here` and not in `there`; null words are all ones in `here`, all zeros in `there`. */
function firstDifference(
  here: Uint32Array | null,
  there: Uint32Array | null,
  from: number,
  end: number,
): number {
  let mask = -1 << (from & 31);
  for (let index = from >>> 5; index * 32 < end; index++) {
    const word = (here === null ? -1 : here[index]!) & ~(there === null ? 0 : there[index]!) & mask;
    if (word !== 0) {
      const found = index * 32 + 31 - Math.clz32(word & -word);
      return found < end ? found : -1;
    }
    mask = -1;
  }
  return -1;
}

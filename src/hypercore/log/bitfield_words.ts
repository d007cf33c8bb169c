/**
 * Searching, counting and filling the 32-bit words of one page of a bitfield.
 *
 * @module
 */

/** Position of the first bit from `from` on that is `value`; -1 when there is none. */
export function firstInWords(words: Uint32Array, value: boolean, from: number): number {
  const flip = value ? 0 : -1;
  let mask = -1 << (from & 31);
  for (let index = from >>> 5; index < words.length; index++) {
    const word = (words[index]! ^ flip) & mask;
    if (word !== 0) return index * 32 + 31 - Math.clz32(word & -word);
    mask = -1;
  }
  return -1;
}

/** Position of the last bit up to and including `from` that is `value`; -1 when there is none. */
export function lastInWords(words: Uint32Array, value: boolean, from: number): number {
  const flip = value ? 0 : -1;
  let mask = -1 >>> (31 - (from & 31));
  for (let index = from >>> 5; index >= 0; index--) {
    const word = (words[index]! ^ flip) & mask;
    if (word !== 0) return index * 32 + 31 - Math.clz32(word);
    mask = -1;
  }
  return -1;
}

/** Counts the set bits from `start` to `end` (exclusive). */
export function countWords(words: Uint32Array, start: number, end: number): number {
  if (start >= end) return 0;
  const first = start >>> 5;
  const last = (end - 1) >>> 5;
  const firstMask = -1 << (start & 31);
  const lastMask = -1 >>> (31 - ((end - 1) & 31));
  if (first === last) return popcount(words[first]! & firstMask & lastMask);
  let count = popcount(words[first]! & firstMask) + popcount(words[last]! & lastMask);
  for (let index = first + 1; index < last; index++) count += popcount(words[index]!);
  return count;
}

/** Sets or clears the bits from `start` to `end` (exclusive). */
export function fillWords(words: Uint32Array, start: number, end: number, value: boolean): void {
  if (start >= end) return;
  const first = start >>> 5;
  const last = (end - 1) >>> 5;
  const firstMask = -1 << (start & 31);
  const lastMask = -1 >>> (31 - ((end - 1) & 31));
  if (first === last) {
    fillWord(words, first, firstMask & lastMask, value);
    return;
  }
  fillWord(words, first, firstMask, value);
  words.fill(value ? 0xffffffff : 0, first + 1, last);
  fillWord(words, last, lastMask, value);
}

/** Overwrites the words from `wordStart` to `wordEnd` with little-endian bytes from `offset` on. */
export function setWords(
  words: Uint32Array,
  wordStart: number,
  wordEnd: number,
  bytes: Uint8Array,
  offset: number,
): void {
  for (let word = wordStart, at = offset; word < wordEnd; word++, at += 4) {
    words[word] = bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24);
  }
}

/** Counts the set bits of one word. */
function popcount(word: number): number {
  word -= (word >>> 1) & 0x55555555;
  word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
  return Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
}

function fillWord(words: Uint32Array, index: number, mask: number, value: boolean): void {
  if (value) words[index]! |= mask;
  else words[index]! &= ~mask;
}

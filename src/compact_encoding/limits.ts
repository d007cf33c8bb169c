/**
 * How much a decoder builds from a few bytes. Everything else is bounded by the number of bytes given.
 *
 * @module
 */

/** Items that `array` decodes at most. Source: compact-encoding `index.js`. */
export const ARRAY_ITEM_COUNT_MAX = 0x100000;

/** Bits that `bitarray` decodes at most: each becomes an array element of 8 bytes. */
export const BIT_COUNT_MAX = 2 ** 24;

/** 64-bit words of a `biguint` or `bigint`, to keep below the size that engines refuse. */
export const BIGUINT_WORD_COUNT_MAX = 2 ** 17;

/** Arrays and objects of `any` within each other, well below what overflows the stack. */
export const ANY_DEPTH_MAX = 512;

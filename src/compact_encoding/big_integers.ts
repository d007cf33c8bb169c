/**
 * Integers as `bigint`: 64 bits, or as many 64-bit words as needed.
 *
 * @module
 */
import { copyBytes, hexText } from "../base/mod.ts";
import { EncodingError, outOfBounds } from "./errors.ts";
import { uint } from "./integers.ts";
import { BIGUINT_WORD_COUNT_MAX } from "./limits.ts";
import type { Encoder, State } from "./state.ts";

const WORD_BYTES = 8;
const WORD_HEX_DIGITS = 16;

/** Unsigned integer of 8 bytes, little-endian; higher bits are cut off. Source: compact-encoding `index.js`. */
export const biguint64: Encoder<bigint> = {
  preencode(state: State): void {
    state.end += WORD_BYTES;
  },
  encode(state: State, value: bigint): void {
    const buffer = state.buffer!;
    let rest = BigInt.asUintN(64, value);
    for (let i = 0; i < 2; i++) {
      const half = Number(rest & 0xffffffffn);
      rest >>= 32n;
      for (let shift = 0; shift < 32; shift += 8) buffer[state.start++] = half >>> shift;
    }
  },
  decode(state: State): bigint {
    if (state.end - state.start < WORD_BYTES) throw outOfBounds();
    const low = readHalf(state);
    return (readHalf(state) << 32n) | low;
  },
};

/** Signed integer of 8 bytes, zigzag of {@linkcode biguint64}. Source: compact-encoding `index.js`. */
export const bigint64: Encoder<bigint> = zigzag(biguint64);

/**
 * Unsigned integer of any size: a {@linkcode uint} with the number of 64-bit words, then the words, both
 * little-endian; zero has none.
 *
 * At most 2^17 words (1 MiB). Source: compact-encoding `index.js`.
 */
export const biguint: Encoder<bigint> = {
  preencode(state: State, value: bigint): void {
    const wordCount = wordCountOf(hexDigits(value));
    uint.preencode(state, wordCount);
    state.end += WORD_BYTES * wordCount;
  },
  encode(state: State, value: bigint): void {
    // Hexadecimal text instead of repeated shifts, which take time quadratic in the size of the number.
    const digits = hexDigits(value);
    const wordCount = wordCountOf(digits);
    uint.encode(state, wordCount);
    const buffer = state.buffer!;
    const end = state.start + WORD_BYTES * wordCount;
    for (let last = digits.length; last > 0; last -= 2) {
      buffer[state.start++] = parseInt(digits.slice(Math.max(0, last - 2), last), 16);
    }
    buffer.fill(0, state.start, end);
    state.start = end;
  },
  decode(state: State): bigint {
    const wordCount = uint.decode(state);
    if (wordCount > BIGUINT_WORD_COUNT_MAX) {
      throw new EncodingError("TOO_BIG", `Integer of ${wordCount} words is too big`);
    }
    const byteLength = WORD_BYTES * wordCount;
    if (state.end - state.start < byteLength) throw outOfBounds();
    const bigEndian = copyBytes(state.buffer!.subarray(state.start, state.start + byteLength)).reverse();
    state.start += byteLength;
    return wordCount === 0 ? 0n : BigInt(`0x${hexText(bigEndian)}`);
  },
};

/** Signed integer of any size, zigzag of {@linkcode biguint}. Source: compact-encoding `index.js`. */
export const bigint: Encoder<bigint> = zigzag(biguint);

function zigzag(unsigned: Encoder<bigint>): Encoder<bigint> {
  return {
    preencode(state: State, value: bigint): void {
      unsigned.preencode(state, toZigzag(value));
    },
    encode(state: State, value: bigint): void {
      unsigned.encode(state, toZigzag(value));
    },
    decode(state: State): bigint {
      const value = unsigned.decode(state);
      return (value & 1n) === 0n ? value >> 1n : -((value + 1n) >> 1n);
    },
  };
}

function toZigzag(value: bigint): bigint {
  return value < 0n ? -2n * value - 1n : 2n * value;
}

function hexDigits(value: bigint): string {
  if (value < 0n) throw new RangeError("biguint must not be negative, use bigint");
  return value === 0n ? "" : value.toString(16);
}

function wordCountOf(digits: string): number {
  const wordCount = Math.ceil(digits.length / WORD_HEX_DIGITS);
  if (wordCount > BIGUINT_WORD_COUNT_MAX) throw new RangeError(`Integer of ${wordCount} words is too big`);
  return wordCount;
}

function readHalf(state: State): bigint {
  const buffer = state.buffer!;
  let half = 0;
  for (let scale = 1; scale <= 0x1000000; scale *= 0x100) half += buffer[state.start++]! * scale;
  return BigInt(half);
}

/**
 * Integers whose encodings sort as the numbers do, byte by byte.
 *
 * @module
 */
import { EncodingError, outOfBounds } from "./errors.ts";
import type { Encoder, State } from "./state.ts";

/** Numbers below stand for themselves in one byte; the longer forms count from here. */
const BASE = 251;

/** First byte of the form with exponent and mantissa. */
const SCALED = 255;

/** Bits of the mantissa that stand left of the exponent's unit. */
const MANTISSA_SHIFT = 11;

const MANTISSA_BYTES = 6;

/**
 * Order-preserving unsigned number: 1 byte below 251, then 2 to 5 bytes up to 2^32 - 1, then 8 bytes and more with
 * exponent and mantissa, exact up to 2^44.
 *
 * Source: compact-encoding `lexint.js`.
 */
export const lexint: Encoder<number> = {
  preencode(state: State, value: number): void {
    if (!(value >= 0 && value <= Number.MAX_VALUE)) {
      throw new RangeError(`lexint must be between 0 and ${Number.MAX_VALUE}, got ${value}`);
    }
    state.end += byteLengthOf(value);
  },
  encode(state: State, value: number): void {
    const buffer = state.buffer!;
    if (value < 0x100000000) {
      writePlain(state, value);
      return;
    }
    const scaled = value - BASE;
    const exponent = exponentOf(scaled);
    buffer[state.start++] = SCALED;
    writePlain(state, exponent);
    const mantissa = scaled / 2 ** (exponent - MANTISSA_SHIFT);
    for (let i = MANTISSA_BYTES - 1; i >= 0; i--) buffer[state.start++] = mantissa / 2 ** (8 * i);
  },
  decode(state: State): number {
    if (state.end - state.start < 1) throw outOfBounds();
    if (state.buffer![state.start] !== SCALED) return readPlain(state);
    state.start++;
    const exponent = readPlain(state);
    if (state.end - state.start < MANTISSA_BYTES) throw outOfBounds();
    let mantissa = 0;
    for (let i = 0; i < MANTISSA_BYTES; i++) mantissa = mantissa * 0x100 + state.buffer![state.start++]!;
    const value = mantissa * 2 ** (exponent - MANTISSA_SHIFT) + BASE;
    // Written so that NaN, which zero times infinity gives, fails it.
    if (!(value <= Number.MAX_VALUE)) throw new EncodingError("OUT_OF_RANGE", "lexint is out of range");
    return value;
  },
};

function byteLengthOf(value: number): number {
  if (value < BASE) return 1;
  if (value < 0x100) return 2;
  if (value < 0x10000) return 3;
  if (value < 0x1000000) return 4;
  if (value < 0x100000000) return 5;
  return 1 + byteLengthOf(exponentOf(value - BASE)) + MANTISSA_BYTES;
}

/**
 * Compat: compact-encoding/lexint.js takes the quotient of two natural logarithms, whose rounding shows on the wire.
 * It writes the 251 numbers from 2^32 on with an exponent of -1, which it cannot read back; 0 reads and sorts right.
 */
function exponentOf(scaled: number): number {
  return Math.max(0, Math.floor(Math.log(scaled) / Math.log(2)) - 32);
}

function writePlain(state: State, value: number): void {
  const buffer = state.buffer!;
  if (value < BASE) {
    buffer[state.start++] = value;
    return;
  }
  const trailingBytes = byteLengthOf(value) - 1;
  buffer[state.start++] = BASE + trailingBytes - 1;
  const rest = value - BASE;
  for (let shift = 8 * (trailingBytes - 1); shift >= 0; shift -= 8) buffer[state.start++] = rest >>> shift;
}

function readPlain(state: State): number {
  const buffer = state.buffer!;
  if (state.end - state.start < 1) throw outOfBounds();
  const first = buffer[state.start++]!;
  if (first < BASE) return first;
  // An exponent in scaled form stands for no number at all.
  if (first === SCALED) throw new EncodingError("OUT_OF_RANGE", "lexint is out of range");
  const trailingBytes = first - BASE + 1;
  if (state.end - state.start < trailingBytes) throw outOfBounds();
  let rest = 0;
  for (let i = 0; i < trailingBytes; i++) rest = rest * 0x100 + buffer[state.start++]!;
  return rest + BASE;
}

/**
 * Integers up to 2^53 - 1 as `number`. All else in this folder stands on these, and so does every wire message,
 * hence the bytes are written out by hand.
 *
 * @module
 */
import { EncodingError, outOfBounds } from "./errors.ts";
import type { Encoder, State } from "./state.ts";

// Zigzag doubles the magnitude, so a signed value reaches half as far as an unsigned one.
const INT_MAX = 2 ** 52 - 1;
const INT_MIN = -(2 ** 52);

/**
 * Unsigned integer of 1, 3, 5 or 9 bytes: one byte below 0xfd, else 0xfd, 0xfe or 0xff and 16, 32 or 64 bits.
 *
 * Decoding accepts longer forms than needed. Source: compact-encoding `index.js`.
 */
export const uint: Encoder<number> = {
  preencode(state: State, value: number): void {
    state.end += value <= 0xfc ? 1 : value <= 0xffff ? 3 : value <= 0xffffffff ? 5 : 9;
  },
  encode(state: State, value: number): void {
    checkUint(value);
    const buffer = state.buffer!;
    const start = state.start;
    if (value <= 0xfc) {
      buffer[start] = value;
      state.start = start + 1;
    } else if (value <= 0xffff) {
      buffer[start] = 0xfd;
      buffer[start + 1] = value;
      buffer[start + 2] = value >>> 8;
      state.start = start + 3;
    } else if (value <= 0xffffffff) {
      buffer[start] = 0xfe;
      write32(buffer, start + 1, value);
      state.start = start + 5;
    } else {
      buffer[start] = 0xff;
      write32(buffer, start + 1, value);
      write32(buffer, start + 5, Math.floor(value / 0x100000000));
      state.start = start + 9;
    }
  },
  decode(state: State): number {
    const start = state.start;
    const available = state.end - start;
    if (available < 1) throw outOfBounds();
    const buffer = state.buffer!;
    const first = buffer[start]!;
    if (first <= 0xfc) {
      state.start = start + 1;
      return first;
    }
    if (first === 0xfd) {
      if (available < 3) throw outOfBounds();
      state.start = start + 3;
      return buffer[start + 1]! + buffer[start + 2]! * 0x100;
    }
    if (first === 0xfe) {
      if (available < 5) throw outOfBounds();
      state.start = start + 5;
      return read32(buffer, start + 1);
    }
    if (available < 9) throw outOfBounds();
    state.start = start + 9;
    return checkDecoded(read32(buffer, start + 1) + 0x100000000 * read32(buffer, start + 5));
  },
};

/** Unsigned integer of 1 byte; higher bits are cut off. Source: compact-encoding `index.js`. */
export const uint8: Encoder<number> = fixedUint(1, writeByte, (buffer, offset) => buffer[offset]!);

/** Unsigned integer of 2 bytes, little-endian; higher bits are cut off. Source: compact-encoding `index.js`. */
export const uint16: Encoder<number> = fixedUint(2, write16, read16);

/** Unsigned integer of 3 bytes, little-endian; higher bits are cut off. Source: compact-encoding `index.js`. */
export const uint24: Encoder<number> = fixedUint(3, write24, read24);

/** Unsigned integer of 4 bytes, little-endian; higher bits are cut off. Source: compact-encoding `index.js`. */
export const uint32: Encoder<number> = fixedUint(4, write32, read32);

/** Unsigned integer of 4 bytes, big-endian; higher bits are cut off. Source: compact-encoding `index.js`. */
export const uint32be: Encoder<number> = fixedUint(4, write32be, read32be);

/** Unsigned integer of 5 bytes, little-endian; higher bits are cut off. Source: compact-encoding `index.js`. */
export const uint40: Encoder<number> = fixedUint(5, (buffer, offset, value) => {
  buffer[offset] = value;
  write32(buffer, offset + 1, Math.floor(value / 0x100));
}, (buffer, offset) => buffer[offset]! + 0x100 * read32(buffer, offset + 1));

/** Unsigned integer of 6 bytes, little-endian; higher bits are cut off. Source: compact-encoding `index.js`. */
export const uint48: Encoder<number> = fixedUint(6, (buffer, offset, value) => {
  write16(buffer, offset, value);
  write32(buffer, offset + 2, Math.floor(value / 0x10000));
}, (buffer, offset) => read16(buffer, offset) + 0x10000 * read32(buffer, offset + 2));

/** Unsigned integer of 7 bytes, little-endian, at most 2^53 - 1. Source: compact-encoding `index.js`. */
export const uint56: Encoder<number> = fixedUint(7, (buffer, offset, value) => {
  write24(buffer, offset, value);
  write32(buffer, offset + 3, Math.floor(value / 0x1000000));
}, (buffer, offset) => checkDecoded(read24(buffer, offset) + 0x1000000 * read32(buffer, offset + 3)));

/** Unsigned integer of 8 bytes, little-endian, at most 2^53 - 1. Source: compact-encoding `index.js`. */
export const uint64: Encoder<number> = fixedUint(8, (buffer, offset, value) => {
  write32(buffer, offset, value);
  write32(buffer, offset + 4, Math.floor(value / 0x100000000));
}, (buffer, offset) => checkDecoded(read32(buffer, offset) + 0x100000000 * read32(buffer, offset + 4)));

/** Unsigned integer of 8 bytes, big-endian, at most 2^53 - 1. Source: compact-encoding `index.js`. */
export const uint64be: Encoder<number> = fixedUint(8, (buffer, offset, value) => {
  write32be(buffer, offset, Math.floor(value / 0x100000000));
  write32be(buffer, offset + 4, value);
}, (buffer, offset) => checkDecoded(0x100000000 * read32be(buffer, offset) + read32be(buffer, offset + 4)));

/**
 * Signed integer of 1, 3, 5 or 9 bytes, from -(2^52) to 2^52 - 1: zigzag (0, -1, 1, -2, …) written as
 * {@linkcode uint}. Source: compact-encoding `index.js`.
 */
export const int: Encoder<number> = zigzag(uint);

/** Signed integer of 1 byte, zigzag of {@linkcode uint8}. Source: compact-encoding `index.js`. */
export const int8: Encoder<number> = zigzag(uint8);

/** Signed integer of 2 bytes, zigzag of {@linkcode uint16}. Source: compact-encoding `index.js`. */
export const int16: Encoder<number> = zigzag(uint16);

/** Signed integer of 3 bytes, zigzag of {@linkcode uint24}. Source: compact-encoding `index.js`. */
export const int24: Encoder<number> = zigzag(uint24);

/** Signed integer of 4 bytes, zigzag of {@linkcode uint32}. Source: compact-encoding `index.js`. */
export const int32: Encoder<number> = zigzag(uint32);

/** Signed integer of 5 bytes, zigzag of {@linkcode uint40}. Source: compact-encoding `index.js`. */
export const int40: Encoder<number> = zigzag(uint40);

/** Signed integer of 6 bytes, zigzag of {@linkcode uint48}. Source: compact-encoding `index.js`. */
export const int48: Encoder<number> = zigzag(uint48);

/** Signed integer of 7 bytes, zigzag of {@linkcode uint56}. Source: compact-encoding `index.js`. */
export const int56: Encoder<number> = zigzag(uint56);

/** Signed integer of 8 bytes, zigzag of {@linkcode uint64}. Source: compact-encoding `index.js`. */
export const int64: Encoder<number> = zigzag(uint64);

function fixedUint(
  byteLength: number,
  write: (buffer: Uint8Array, offset: number, value: number) => void,
  read: (buffer: Uint8Array, offset: number) => number,
): Encoder<number> {
  return {
    preencode(state: State): void {
      state.end += byteLength;
    },
    encode(state: State, value: number): void {
      checkUint(value);
      write(state.buffer!, state.start, value);
      state.start += byteLength;
    },
    decode(state: State): number {
      const start = state.start;
      if (state.end - start < byteLength) throw outOfBounds();
      state.start = start + byteLength;
      return read(state.buffer!, start);
    },
  };
}

function zigzag(unsigned: Encoder<number>): Encoder<number> {
  return {
    preencode(state: State, value: number): void {
      unsigned.preencode(state, toZigzag(value));
    },
    encode(state: State, value: number): void {
      unsigned.encode(state, toZigzag(value));
    },
    decode(state: State): number {
      const value = unsigned.decode(state);
      return (value & 1) === 0 ? value / 2 : -(value + 1) / 2;
    },
  };
}

function toZigzag(value: number): number {
  // The comparison is written so that NaN fails it.
  if (!(value >= INT_MIN && value <= INT_MAX)) throw intRangeError();
  return value < 0 ? -2 * value - 1 : value === 0 ? 0 : 2 * value;
}

function checkUint(value: number): void {
  if (!(value >= 0 && value <= Number.MAX_SAFE_INTEGER)) throw new RangeError(uintRangeMessage());
}

function checkDecoded(value: number): number {
  if (value > Number.MAX_SAFE_INTEGER) throw new EncodingError("OUT_OF_RANGE", uintRangeMessage());
  return value;
}

// Kept apart so that the checks stay small enough to be inlined.

function intRangeError(): RangeError {
  return new RangeError(`int must be between ${INT_MIN} and ${INT_MAX}, use bigint`);
}

function uintRangeMessage(): string {
  return `uint must be between 0 and ${Number.MAX_SAFE_INTEGER}, use biguint`;
}

// Storing into a byte array keeps the low 8 bits, so the writers need no masks.

function writeByte(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value;
}

function write16(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value;
  buffer[offset + 1] = value >>> 8;
}

function write24(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value;
  buffer[offset + 1] = value >>> 8;
  buffer[offset + 2] = value >>> 16;
}

function write32(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value;
  buffer[offset + 1] = value >>> 8;
  buffer[offset + 2] = value >>> 16;
  buffer[offset + 3] = value >>> 24;
}

function write32be(buffer: Uint8Array, offset: number, value: number): void {
  buffer[offset] = value >>> 24;
  buffer[offset + 1] = value >>> 16;
  buffer[offset + 2] = value >>> 8;
  buffer[offset + 3] = value;
}

function read16(buffer: Uint8Array, offset: number): number {
  return buffer[offset]! + buffer[offset + 1]! * 0x100;
}

function read24(buffer: Uint8Array, offset: number): number {
  return buffer[offset]! + buffer[offset + 1]! * 0x100 + buffer[offset + 2]! * 0x10000;
}

function read32(buffer: Uint8Array, offset: number): number {
  return (buffer[offset]! | (buffer[offset + 1]! << 8) | (buffer[offset + 2]! << 16)) +
    buffer[offset + 3]! * 0x1000000;
}

function read32be(buffer: Uint8Array, offset: number): number {
  return buffer[offset]! * 0x1000000 +
    ((buffer[offset + 1]! << 16) | (buffer[offset + 2]! << 8) | buffer[offset + 3]!);
}

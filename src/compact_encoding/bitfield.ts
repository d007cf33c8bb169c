/**
 * The codec of the package `compact-encoding-bitfield`: up to 64 flags, readable as a `uint` too.
 *
 * @module
 */
import { outOfBounds } from "./errors.ts";
import { uint16, uint32, uint64 } from "./integers.ts";
import type { Encoder, State } from "./state.ts";

/** The value of a single byte that would be read as the head of a longer form. */
const HEAD_MIN = 0xfd;

/**
 * Returns a codec of `length` flags, at most 64: one byte for up to 7, else 0xfd, 0xfe or 0xff and 2, 4 or 8 bytes,
 * flag 0 in the lowest bit of the first byte.
 *
 * Takes a number or bytes and decodes to bytes, a view of the state's buffer. A peer that knows fewer or more flags may
 * have written another width, which is what decoding then gives. Source: compact-encoding-bitfield `index.js`.
 */
export function bitfield(length: number): Encoder<number | Uint8Array, Uint8Array> {
  if (length > 64) throw new RangeError("Bitfield cannot be larger than 64 bits");
  // Compat: compact-encoding-bitfield/index.js spends 3 bytes on 8 flags and cuts them back to one byte when reading.
  const byteLength = length < 8 ? 1 : length <= 16 ? 2 : length <= 32 ? 4 : 8;

  return {
    preencode(state: State): void {
      state.end += byteLength === 1 ? 1 : 1 + byteLength;
    },
    encode(state: State, flags: number | Uint8Array): void {
      const buffer = state.buffer!;
      if (byteLength > 1) buffer[state.start++] = headOf(byteLength);
      if (typeof flags === "number") {
        writeNumber(state, flags, byteLength);
        return;
      }
      if (
        flags.byteLength > byteLength || (byteLength === 1 && flags.byteLength === 1 && flags[0]! >= HEAD_MIN)
      ) {
        throw new RangeError(`Cannot encode ${flags.byteLength} bytes as ${length} flags`);
      }
      buffer.set(flags, state.start);
      buffer.fill(0, state.start + flags.byteLength, state.start + byteLength);
      state.start += byteLength;
    },
    decode(state: State): Uint8Array {
      if (state.start >= state.end) throw outOfBounds();
      const buffer = state.buffer!;
      const width = widthOf(buffer[state.start]!);
      if (width > 1) state.start++;
      if (state.end - state.start < width) throw outOfBounds();
      const start = state.start;
      state.start = start + width;
      return buffer.subarray(start, length <= 8 ? start + 1 : state.start);
    },
  };
}

function writeNumber(state: State, flags: number, byteLength: number): void {
  if (byteLength === 2) uint16.encode(state, flags);
  else if (byteLength === 4) uint32.encode(state, flags);
  else if (byteLength === 8) uint64.encode(state, flags);
  else {
    if (!(flags >= 0 && flags < HEAD_MIN)) throw new RangeError(`Cannot encode ${flags} as up to 7 flags`);
    state.buffer![state.start++] = flags;
  }
}

function headOf(byteLength: number): number {
  return byteLength === 2 ? 0xfd : byteLength === 4 ? 0xfe : 0xff;
}

function widthOf(first: number): number {
  return first < HEAD_MIN ? 1 : first === 0xfd ? 2 : first === 0xfe ? 4 : 8;
}

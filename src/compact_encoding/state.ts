/**
 * The state a codec works on, the shape of a codec, and the one-shot helpers.
 *
 * @module
 */
import { allocBytesPooled } from "../base/mod.ts";

/**
 * Where a codec is in its bytes.
 *
 * While sizes are added up (`preencode`) only `end` grows and `buffer` is null. While values are written or read
 * `start` moves towards `end`; a decoder never reads at or past `end`, which must not exceed `buffer.byteLength`.
 */
export interface State {
  /** Offset of the next byte to write or read. */
  start: number;
  /** Offset one past the last byte. */
  end: number;
  /** The bytes written to or read from; null until sizes are known. */
  buffer: Uint8Array | null;
}

/** Turns values into bytes in two passes, sizes first, and bytes into values in one. */
export interface Encoder<Input, Output = Input> {
  /** Adds the size of `value` in bytes to `state.end`. */
  preencode(state: State, value: Input): void;
  /** Writes `value` at `state.start` and moves `start` behind it. */
  encode(state: State, value: Input): void;
  /** Reads a value at `state.start` and moves `start` behind it. */
  decode(state: State): Output;
}

/**
 * Creates a state.
 *
 * Source: compact-encoding `index.js`.
 *
 * @param start offset of the first byte, 0 by default
 * @param end offset one past the last byte, 0 by default
 * @param buffer the bytes, borrowed; null by default
 */
export function state(start = 0, end = 0, buffer: Uint8Array | null = null): State {
  return { start, end, buffer };
}

/**
 * Encodes one value into fresh bytes, which may share their `ArrayBuffer` with others.
 *
 * Source: compact-encoding `index.js`.
 *
 * @example
 * ```ts
 * import { encode, string } from "@quince/quince/compact-encoding";
 * encode(string, "hi"); // 02 68 69
 * ```
 */
export function encode<Input, Output = Input>(encoder: Encoder<Input, Output>, value: Input): Uint8Array {
  const sized: State = { start: 0, end: 0, buffer: null };
  encoder.preencode(sized, value);
  const buffer = sized.buffer = allocBytesPooled(sized.end);
  encoder.encode(sized, value);
  return buffer;
}

/**
 * Decodes one value from the start of `buffer`; bytes behind it are ignored.
 *
 * Byte values in the result may be views of `buffer`. Source: compact-encoding `index.js`.
 *
 * @throws {EncodingError} when the bytes are not an encoding of such a value.
 */
export function decode<Input, Output = Input>(encoder: Encoder<Input, Output>, buffer: Uint8Array): Output {
  return encoder.decode({ start: 0, end: buffer.byteLength, buffer });
}

/**
 * Typed arrays: behind the number of their elements, or up to the end; elements are little-endian.
 *
 * Decoding gives a view of the state's buffer where the elements lie aligned in memory, else a copy.
 *
 * @module
 */
import { outOfBounds } from "./errors.ts";
import { uint } from "./integers.ts";
import type { Encoder, State } from "./state.ts";

/** The part of a typed array class that the codecs need. */
interface ElementType<T> {
  readonly BYTES_PER_ELEMENT: number;
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

const IS_BIG_ENDIAN = new Uint8Array(new Uint16Array([1]).buffer)[0] === 0;

/** Bytes behind their number; decodes to a plain `Uint8Array`. Source: compact-encoding `index.js`. */
export const uint8array: Encoder<Uint8Array> = prefixed(Uint8Array);
/** Elements of 2 bytes behind their number. Source: compact-encoding `index.js`. */
export const uint16array: Encoder<Uint16Array> = prefixed(Uint16Array);
/** Elements of 4 bytes behind their number. Source: compact-encoding `index.js`. */
export const uint32array: Encoder<Uint32Array> = prefixed(Uint32Array);
/** Signed bytes, two's complement, behind their number. Source: compact-encoding `index.js`. */
export const int8array: Encoder<Int8Array> = prefixed(Int8Array);
/** Signed elements of 2 bytes, two's complement, behind their number. Source: compact-encoding `index.js`. */
export const int16array: Encoder<Int16Array> = prefixed(Int16Array);
/** Signed elements of 4 bytes, two's complement, behind their number. Source: compact-encoding `index.js`. */
export const int32array: Encoder<Int32Array> = prefixed(Int32Array);
/** Elements of 8 bytes as `bigint` behind their number. Source: compact-encoding `index.js`. */
export const biguint64array: Encoder<BigUint64Array> = prefixed(BigUint64Array);
/** Signed elements of 8 bytes as `bigint` behind their number. Source: compact-encoding `index.js`. */
export const bigint64array: Encoder<BigInt64Array> = prefixed(BigInt64Array);
/** IEEE 754 single precision numbers behind their number. Source: compact-encoding `index.js`. */
export const float32array: Encoder<Float32Array> = prefixed(Float32Array);
/** IEEE 754 double precision numbers behind their number. Source: compact-encoding `index.js`. */
export const float64array: Encoder<Float64Array> = prefixed(Float64Array);

/** Bytes up to the end. */
export const rawUint8array: Encoder<Uint8Array> = unprefixed(Uint8Array);
/** Elements of 2 bytes up to the end. */
export const rawUint16array: Encoder<Uint16Array> = unprefixed(Uint16Array);
/** Elements of 4 bytes up to the end. */
export const rawUint32array: Encoder<Uint32Array> = unprefixed(Uint32Array);
/** Signed bytes up to the end. */
export const rawInt8array: Encoder<Int8Array> = unprefixed(Int8Array);
/** Signed elements of 2 bytes up to the end. */
export const rawInt16array: Encoder<Int16Array> = unprefixed(Int16Array);
/** Signed elements of 4 bytes up to the end. */
export const rawInt32array: Encoder<Int32Array> = unprefixed(Int32Array);
/** Elements of 8 bytes as `bigint` up to the end. */
export const rawBiguint64array: Encoder<BigUint64Array> = unprefixed(BigUint64Array);
/** Signed elements of 8 bytes as `bigint` up to the end. */
export const rawBigint64array: Encoder<BigInt64Array> = unprefixed(BigInt64Array);
/** IEEE 754 single precision numbers up to the end. */
export const rawFloat32array: Encoder<Float32Array> = unprefixed(Float32Array);
/** IEEE 754 double precision numbers up to the end. */
export const rawFloat64array: Encoder<Float64Array> = unprefixed(Float64Array);

/** Reverses the bytes of each element of `width` bytes in place. */
export function reverseElements(bytes: Uint8Array, width: number): void {
  for (let start = 0; start + width <= bytes.byteLength; start += width) {
    bytes.subarray(start, start + width).reverse();
  }
}

function prefixed<T extends ArrayBufferView & { readonly length: number }>(
  Elements: ElementType<T>,
): Encoder<T> {
  const width = Elements.BYTES_PER_ELEMENT;
  return {
    preencode(state: State, value: T): void {
      uint.preencode(state, value.length);
      state.end += value.byteLength;
    },
    encode(state: State, value: T): void {
      uint.encode(state, value.length);
      writeElements(state, value, width);
    },
    decode(state: State): T {
      const count = uint.decode(state);
      if (Math.floor((state.end - state.start) / width) < count) throw outOfBounds();
      const start = state.start;
      state.start = start + count * width;
      return elementsAt(Elements, state.buffer!, start, count);
    },
  };
}

function unprefixed<T extends ArrayBufferView>(Elements: ElementType<T>): Encoder<T> {
  const width = Elements.BYTES_PER_ELEMENT;
  return {
    preencode(state: State, value: T): void {
      state.end += value.byteLength;
    },
    encode(state: State, value: T): void {
      writeElements(state, value, width);
    },
    decode(state: State): T {
      const start = state.start;
      state.start = state.end;
      // Compat: compact-encoding/raw.js drops the bytes behind the last whole element.
      return elementsAt(Elements, state.buffer!, start, Math.floor((state.end - start) / width));
    },
  };
}

function writeElements(state: State, value: ArrayBufferView, width: number): void {
  const buffer = state.buffer!;
  const start = state.start;
  buffer.set(new Uint8Array(value.buffer, value.byteOffset, value.byteLength), start);
  state.start = start + value.byteLength;
  if (IS_BIG_ENDIAN) reverseElements(buffer.subarray(start, state.start), width);
}

function elementsAt<T>(Elements: ElementType<T>, buffer: Uint8Array, start: number, count: number): T {
  const width = Elements.BYTES_PER_ELEMENT;
  const byteOffset = buffer.byteOffset + start;
  if (byteOffset % width === 0 && (width === 1 || !IS_BIG_ENDIAN)) {
    return new Elements(buffer.buffer, byteOffset, count);
  }
  const copy = new Uint8Array(buffer.subarray(start, start + count * width));
  if (IS_BIG_ENDIAN) reverseElements(copy, width);
  return new Elements(copy.buffer, 0, count);
}

/**
 * Codecs without a length in front: what they read goes on to the end of the state.
 *
 * @module
 */
import { rawArraybuffer, rawBinary, rawBuffer } from "./binary.ts";
import type { Encoder } from "./state.ts";
import { rawAscii, rawBase64, rawHex, rawUtf16le, rawUtf8 } from "./strings.ts";
import { rawArray, rawJson, rawNdjson } from "./structures.ts";
import {
  rawBigint64array,
  rawBiguint64array,
  rawFloat32array,
  rawFloat64array,
  rawInt16array,
  rawInt32array,
  rawInt8array,
  rawUint16array,
  rawUint32array,
  rawUint8array,
} from "./typed_arrays.ts";

/** The codec of bytes up to the end, and those of other values up to the end. */
export interface Raw extends Encoder<Uint8Array> {
  /** Bytes; decodes to a view of the state's buffer. */
  readonly buffer: Encoder<Uint8Array>;
  /** Bytes, or text as UTF-8; decodes to a view of the state's buffer. */
  readonly binary: Encoder<Uint8Array | string, Uint8Array>;
  /** An `ArrayBuffer`; decodes to a copy. */
  readonly arraybuffer: Encoder<ArrayBuffer>;
  /** Bytes; decodes to a plain `Uint8Array`. */
  readonly uint8array: Encoder<Uint8Array>;
  /** Elements of 2 bytes. */
  readonly uint16array: Encoder<Uint16Array>;
  /** Elements of 4 bytes. */
  readonly uint32array: Encoder<Uint32Array>;
  /** Signed bytes, two's complement. */
  readonly int8array: Encoder<Int8Array>;
  /** Signed elements of 2 bytes, two's complement. */
  readonly int16array: Encoder<Int16Array>;
  /** Signed elements of 4 bytes, two's complement. */
  readonly int32array: Encoder<Int32Array>;
  /** Elements of 8 bytes as `bigint`. */
  readonly biguint64array: Encoder<BigUint64Array>;
  /** Signed elements of 8 bytes as `bigint`. */
  readonly bigint64array: Encoder<BigInt64Array>;
  /** IEEE 754 single precision numbers. */
  readonly float32array: Encoder<Float32Array>;
  /** IEEE 754 double precision numbers. */
  readonly float64array: Encoder<Float64Array>;
  /** UTF-8 text. */
  readonly string: Encoder<string>;
  /** UTF-8 text. */
  readonly utf8: Encoder<string>;
  /** Text of one byte a character. */
  readonly ascii: Encoder<string>;
  /** Hexadecimal text as the bytes it stands for. */
  readonly hex: Encoder<string>;
  /** Base64 text as the bytes it stands for. */
  readonly base64: Encoder<string>;
  /** UTF-16 text, little-endian. */
  readonly utf16le: Encoder<string>;
  /** UTF-16 text, little-endian. */
  readonly ucs2: Encoder<string>;
  /** Returns a codec of lists that go on up to the end. */
  array<Input, Output = Input>(encoder: Encoder<Input, Output>): Encoder<Iterable<Input>, Output[]>;
  /** A value as JSON text. */
  readonly json: Encoder<unknown>;
  /** A value as JSON text and a line feed. */
  readonly ndjson: Encoder<unknown>;
}

/**
 * Bytes up to the end, and, as properties, other values up to the end.
 *
 * Source: compact-encoding `raw.js`.
 */
export const raw: Raw = {
  preencode: rawBuffer.preencode,
  encode: rawBuffer.encode,
  decode: rawBuffer.decode,
  buffer: rawBuffer,
  binary: rawBinary,
  arraybuffer: rawArraybuffer,
  uint8array: rawUint8array,
  uint16array: rawUint16array,
  uint32array: rawUint32array,
  int8array: rawInt8array,
  int16array: rawInt16array,
  int32array: rawInt32array,
  biguint64array: rawBiguint64array,
  bigint64array: rawBigint64array,
  float32array: rawFloat32array,
  float64array: rawFloat64array,
  string: rawUtf8,
  utf8: rawUtf8,
  ascii: rawAscii,
  hex: rawHex,
  base64: rawBase64,
  utf16le: rawUtf16le,
  ucs2: rawUtf16le,
  array: rawArray,
  json: rawJson,
  ndjson: rawNdjson,
};

/**
 * Exactly the names that the package `compact-encoding` exports.
 *
 * @module
 */
export { any } from "./any.ts";
export { bigint, bigint64, biguint, biguint64 } from "./big_integers.ts";
export { arraybuffer, binary, buffer, fixed, fixed32, fixed64, optionalBuffer } from "./binary.ts";
export { float32, float64 } from "./floats.ts";
export { from } from "./from.ts";
export {
  int,
  int16,
  int24,
  int32,
  int40,
  int48,
  int56,
  int64,
  int8,
  uint,
  uint16,
  uint24,
  uint32,
  uint32be,
  uint40,
  uint48,
  uint56,
  uint64,
  uint64be,
  uint8,
} from "./integers.ts";
export { lexint } from "./lexint.ts";
export { ip, ipAddress, ipv4, ipv4Address, ipv6, ipv6Address, port } from "./network.ts";
export { raw } from "./raw.ts";
export { decode, encode, state } from "./state.ts";
export { ascii, base64, hex, string, ucs2, utf16le, utf8 } from "./strings.ts";
export {
  array,
  bitarray,
  bool,
  date,
  frame,
  json,
  ndjson,
  none,
  record,
  stringRecord,
} from "./structures.ts";
export {
  bigint64array,
  biguint64array,
  float32array,
  float64array,
  int16array,
  int32array,
  int8array,
  uint16array,
  uint32array,
  uint8array,
} from "./typed_arrays.ts";

/**
 * How keys and checksums stand in the database; `docs/spec/storage.md` has the same in words.
 *
 * @module
 */
import type { SqliteRuntime } from "./runtime.ts";

/** Bits of a row id that hold the index; the owner is above them. */
const INDEX_BITS = 40n;

/** SQL that takes the index out of a row id. */
export const INDEX_OF_ID = "id & 1099511627775";

/** The row id of (`owner`, `index`): `owner * 2^40 + index`, at most 2^63 - 1. */
export function rowId(owner: number, index: number): bigint {
  return (BigInt(owner) << INDEX_BITS) | BigInt(index);
}

/**
 * The checksum of a row: CRC-32 of the value, begun with the low half of the row id exclusive-or the high half, so
 * that a value found under another key does not pass; as a signed 32-bit integer.
 */
export function rowSum(
  crc32: SqliteRuntime["crc32"],
  owner: number,
  index: number,
  value: Uint8Array,
): number {
  const low = index | 0;
  const high = (owner << 8) | (index / 0x1_0000_0000);
  return continuedSum(crc32, value, (low ^ high) >>> 0);
}

/** The checksum of a record: CRC-32 of the key followed by the value; as a signed 32-bit integer. */
export function recordSum(crc32: SqliteRuntime["crc32"], key: Uint8Array, value: Uint8Array): number {
  return continuedSum(crc32, value, crc32(key));
}

/** zlib, and Node with it, forgets `start` when empty bytes have no memory of their own. */
function continuedSum(crc32: SqliteRuntime["crc32"], value: Uint8Array, start: number): number {
  return (value.byteLength === 0 ? start : crc32(value, start)) | 0;
}

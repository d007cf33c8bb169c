/**
 * Random bytes for keys and nonces, from the runtime's cryptographic generator.
 *
 * @module
 */
import { allocBytesUnsafe } from "../base/mod.ts";
import { checkedOut } from "./errors.ts";

/** `crypto.getRandomValues` refuses more at once. */
const PIECE_BYTES = 65536;

/**
 * Returns `byteLength` random bytes, in `out` when given.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` when `out` has another length.
 */
export function randomBytes(byteLength: number, out?: Uint8Array): Uint8Array {
  const bytes = out === undefined ? allocBytesUnsafe(byteLength) : checkedOut(out, byteLength);
  for (let start = 0; start < byteLength; start += PIECE_BYTES) {
    const piece = bytes.subarray(start, Math.min(start + PIECE_BYTES, byteLength));
    crypto.getRandomValues(piece as Uint8Array<ArrayBuffer>);
  }
  return bytes;
}

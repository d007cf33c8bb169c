/**
 * Comparing and wiping secrets, and the CRC-32 checksum.
 *
 * @module
 */
import { CHUNK_BYTES, core, DATA, memory } from "./arena.ts";

/** Compares content in time that depends on the lengths alone; false when they differ. */
export function constantTimeEqual(a: Uint8Array, b: Uint8Array): boolean {
  if (a.byteLength !== b.byteLength) return false;
  let difference = 0;
  for (let i = 0; i < a.byteLength; i++) difference |= a[i]! ^ b[i]!;
  return difference === 0;
}

/** Overwrites a secret with zeros. */
export function wipe(bytes: Uint8Array): void {
  bytes.fill(0);
}

/**
 * CRC-32 (IEEE 802.3) of `bytes` as an unsigned number; `seed` is the checksum of what came before.
 *
 * @example
 * ```ts
 * import { crc32 } from "./mod.ts";
 *
 * console.assert(crc32(new TextEncoder().encode("123456789")) === 0xcbf43926);
 * ```
 */
export function crc32(bytes: Uint8Array, seed = 0): number {
  let checksum = seed | 0;
  for (let start = 0; start < bytes.byteLength; start += CHUNK_BYTES) {
    const end = Math.min(start + CHUNK_BYTES, bytes.byteLength);
    memory.set(start === 0 && end === bytes.byteLength ? bytes : bytes.subarray(start, end), DATA);
    checksum = core.crc32(checksum, DATA, end - start);
  }
  return checksum >>> 0;
}

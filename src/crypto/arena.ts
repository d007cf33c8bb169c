/**
 * The scratch memory that calls into the WASM core share: where arguments go and results come from.
 *
 * The memory never grows, so the views here stay valid. Nothing in it outlives one synchronous call: whoever
 * needs state later (hashes and streams in progress) copies it out and in again. Secrets in the slots are
 * overwritten by the caller with {@linkcode wipeSlots} when they must not linger.
 *
 * @module
 */
import { allocBytesUnsafe } from "../base/mod.ts";
import { core } from "../../wasm/mod.ts";

export { core };

/** All of the core's memory. */
export const memory: Uint8Array = new Uint8Array(core.memory.buffer);

const ARENA = core.arena();
const ARENA_BYTES = core.arena_bytes();
const SLOT_BYTES = 128;

/** A slot for fixed-size arguments: 128 bytes, aligned to 64. */
export const SLOT_A: number = ARENA;
/** Another such slot. */
export const SLOT_B: number = ARENA + SLOT_BYTES;
/** Another such slot. */
export const SLOT_C: number = ARENA + 2 * SLOT_BYTES;
/** Slot for results of up to 256 bytes. */
export const OUT: number = ARENA + 3 * SLOT_BYTES;
/** Slot for the state of a hash or stream, 256 bytes. */
export const STATE: number = ARENA + 5 * SLOT_BYTES;
const SLOTS_END = ARENA + 7 * SLOT_BYTES;

/** Room for the roots of a tree. */
export const ROOTS: number = ARENA + 1024;
/** Where variable-length data begins. */
export const DATA: number = ARENA + 4096;
/** Bytes from {@linkcode DATA} to the end of the arena. */
export const DATA_BYTES: number = ARENA_BYTES - 4096;
/** Long inputs pass through the arena in pieces of this size, which the processor's caches hold. */
export const CHUNK_BYTES: number = 128 * 1024;

/** The first 32 bytes of {@linkcode OUT}. */
export const OUT_32: Uint8Array = memory.subarray(OUT, OUT + 32);
/** The first 64 bytes of {@linkcode OUT}. */
export const OUT_64: Uint8Array = memory.subarray(OUT, OUT + 64);

const slots = memory.subarray(ARENA, SLOTS_END);

/** Small, for it stays in memory as long as one of its digests does. */
const DIGESTS_BYTES = 1024;
let digests = allocBytesUnsafe(DIGESTS_BYTES);
let digestsEnd = 0;

/** Copies `byteLength` bytes at `at` into fresh bytes. */
export function takeBytes(at: number, byteLength: number): Uint8Array {
  const bytes = allocBytesUnsafe(byteLength);
  bytes.set(memory.subarray(at, at + byteLength));
  return bytes;
}

/** Copies the 32-byte result into `out` or fresh bytes. */
export function take32(out?: Uint8Array): Uint8Array {
  const bytes = out ?? allocBytesUnsafe(32);
  bytes.set(OUT_32);
  return bytes;
}

/**
 * Copies the 32-byte result into `out` or into the next place of a buffer that digests share: an allocation of
 * their own costs them more than the hashing. Never for secrets.
 */
export function takeDigest(out?: Uint8Array): Uint8Array {
  if (out === undefined) {
    if (digestsEnd === DIGESTS_BYTES) {
      digests = allocBytesUnsafe(DIGESTS_BYTES);
      digestsEnd = 0;
    }
    out = digests.subarray(digestsEnd, digestsEnd + 32);
    digestsEnd += 32;
  }
  out.set(OUT_32);
  return out;
}

/** Copies the 64-byte result into `out` or fresh bytes. */
export function take64(out?: Uint8Array): Uint8Array {
  const bytes = out ?? allocBytesUnsafe(64);
  bytes.set(OUT_64);
  return bytes;
}

/** Zeroes every slot; for calls that put secrets there. */
export function wipeSlots(): void {
  slots.fill(0);
}

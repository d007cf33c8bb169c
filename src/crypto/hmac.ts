/**
 * HMAC and HKDF over BLAKE2b-512, as the Noise handshake of the Holepunch packages uses them.
 *
 * @module
 */
import { allocBytesUnsafe } from "../base/mod.ts";
import { core, DATA, DATA_BYTES, memory, OUT, SLOT_A, take64, takeBytes, wipeSlots } from "./arena.ts";
import { Blake2b, blake2b } from "./blake2b.ts";
import { assertInteger, checkedOut } from "./errors.ts";

/** Bytes of a MAC and of each HKDF output. */
const HASH_BYTES = 64;
const BLOCK_BYTES = 128;

/**
 * HMAC (RFC 2104) with BLAKE2b-512 (128-byte blocks) over `input` or the concatenation of its parts: 64 bytes.
 *
 * Compat: noise-handshake/hmac.js.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` for a wrong `out` length.
 */
export function hmacBlake2b(
  key: Uint8Array,
  input: Uint8Array | readonly Uint8Array[],
  out?: Uint8Array,
): Uint8Array {
  const target = out === undefined ? undefined : checkedOut(out, HASH_BYTES);
  const shortKey = key.byteLength > BLOCK_BYTES ? blake2b(key, { byteLength: HASH_BYTES }) : key;
  const parts = input instanceof Uint8Array ? [input] : input;
  let byteLength = 0;
  for (const part of parts) byteLength += part.byteLength;
  if (byteLength > DATA_BYTES) return hmacOfLongInput(shortKey, parts, target);
  let at = DATA;
  for (const part of parts) {
    memory.set(part, at);
    at += part.byteLength;
  }
  memory.set(shortKey, SLOT_A);
  core.hmac_blake2b(SLOT_A, shortKey.byteLength, DATA, byteLength, OUT);
  const mac = take64(target);
  wipeSlots();
  return mac;
}

/**
 * HKDF (RFC 5869) with HMAC-BLAKE2b-512 and an empty info: two or three outputs of 64 bytes each.
 *
 * Compat: noise-handshake/hkdf.js; where it needs a cipher key it uses the first 32 bytes of an output.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` for another count or an input above 64 KiB.
 */
export function hkdfBlake2b(
  chainingKey: Uint8Array,
  inputKeyMaterial: Uint8Array,
  outputCount: 2 | 3,
): Uint8Array[] {
  assertInteger("outputCount", outputCount, 2, 3);
  assertInteger("inputKeyMaterial length", inputKeyMaterial.byteLength, 0, 65536);
  const salt = chainingKey.byteLength > BLOCK_BYTES
    ? blake2b(chainingKey, { byteLength: HASH_BYTES })
    : chainingKey;
  memory.set(salt, SLOT_A);
  memory.set(inputKeyMaterial, DATA);
  core.hkdf_blake2b(SLOT_A, salt.byteLength, DATA, inputKeyMaterial.byteLength, OUT, outputCount);
  const outputs: Uint8Array[] = [];
  for (let i = 0; i < outputCount; i++) outputs.push(takeBytes(OUT + i * HASH_BYTES, HASH_BYTES));
  memory.fill(0, DATA, DATA + inputKeyMaterial.byteLength);
  wipeSlots();
  return outputs;
}

function hmacOfLongInput(key: Uint8Array, parts: readonly Uint8Array[], out?: Uint8Array): Uint8Array {
  const inner = new Blake2b({ byteLength: HASH_BYTES }).update(keyPad(key, 0x36));
  for (const part of parts) inner.update(part);
  const outer = new Blake2b({ byteLength: HASH_BYTES }).update(keyPad(key, 0x5c)).update(inner.digest());
  return outer.digest(out);
}

function keyPad(key: Uint8Array, byte: number): Uint8Array {
  const pad = allocBytesUnsafe(BLOCK_BYTES);
  for (let i = 0; i < BLOCK_BYTES; i++) pad[i] = (key[i] ?? 0) ^ byte;
  return pad;
}

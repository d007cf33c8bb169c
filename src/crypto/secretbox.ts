/**
 * XSalsa20-Poly1305 boxes: with a shared key, and sealed for a public key.
 *
 * @module
 */
import { allocBytesUnsafe } from "../base/mod.ts";
import {
  CHUNK_BYTES,
  core,
  DATA,
  memory,
  OUT,
  SLOT_A,
  SLOT_B,
  SLOT_C,
  take32,
  takeBytes,
  wipeSlots,
} from "./arena.ts";
import { x25519Base } from "./curve.ts";
import { assertByteLength, CryptoError } from "./errors.ts";
import { randomBytes } from "./random.ts";
import { type KeyPair, sha512 } from "./sign.ts";

/** Bytes of the MAC before the ciphertext. */
export const SECRETBOX_MACBYTES = 16;
/** Bytes of a nonce. */
export const SECRETBOX_NONCEBYTES = 24;
/** Bytes of a shared key, and of each key of a box key pair. */
export const SECRETBOX_KEYBYTES = 32;
/** Bytes a sealed box is longer than its message. */
export const SEALEDBOX_OVERHEADBYTES = 48;

const PUBLIC_KEY_BYTES = 32;
/** The cipher works on chunks of 32 bytes plus whole blocks first, whole blocks after. */
const FIRST_CHUNK_BYTES = CHUNK_BYTES - 32;

/**
 * Encrypts and authenticates `message` (libsodium's `crypto_secretbox_easy`): 16 bytes of MAC, then the
 * ciphertext.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` for wrong sizes.
 */
export function secretbox(message: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array {
  const sealed = allocBytesUnsafe(message.byteLength + SECRETBOX_MACBYTES);
  begin(nonce, key);
  run(core.secretbox_encrypt, message, sealed.subarray(SECRETBOX_MACBYTES));
  core.secretbox_finish(OUT);
  sealed.set(memory.subarray(OUT, OUT + SECRETBOX_MACBYTES));
  return sealed;
}

/**
 * Decrypts what {@linkcode secretbox} made; null when it is truncated or was changed.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` for wrong sizes of nonce or key.
 */
export function secretboxOpen(ciphertext: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | null {
  begin(nonce, key);
  if (ciphertext.byteLength < SECRETBOX_MACBYTES) return null;
  const message = allocBytesUnsafe(ciphertext.byteLength - SECRETBOX_MACBYTES);
  run(core.secretbox_decrypt, ciphertext.subarray(SECRETBOX_MACBYTES), message);
  memory.set(ciphertext.subarray(0, SECRETBOX_MACBYTES), OUT);
  if (core.secretbox_verify(OUT) === 0) {
    // It was decrypted before the MAC was known to be right.
    message.fill(0);
    return null;
  }
  return message;
}

/**
 * Makes an X25519 key pair for sealed boxes, from a 32-byte seed (libsodium's `crypto_box_seed_keypair`) or at
 * random.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` for another seed length.
 */
export function boxKeyPair(seed?: Uint8Array): KeyPair {
  let secretKey: Uint8Array;
  if (seed === undefined) {
    secretKey = randomBytes(SECRETBOX_KEYBYTES);
  } else {
    assertByteLength("seed", seed, SECRETBOX_KEYBYTES);
    const hash = sha512(seed);
    secretKey = allocBytesUnsafe(SECRETBOX_KEYBYTES);
    secretKey.set(hash.subarray(0, SECRETBOX_KEYBYTES));
    hash.fill(0);
  }
  return { publicKey: x25519Base(secretKey), secretKey };
}

/**
 * Encrypts `message` for `publicKey` without a sender's identity (libsodium's `crypto_box_seal`): 48 bytes
 * longer.
 *
 * @throws {CryptoError} `INVALID_KEY` for a key of small order, `BAD_ARGUMENT` for a wrong size.
 */
export function sealedBox(message: Uint8Array, publicKey: Uint8Array): Uint8Array {
  assertByteLength("publicKey", publicKey, PUBLIC_KEY_BYTES);
  const ephemeral = boxKeyPair();
  const key = sharedKey(publicKey, ephemeral.secretKey);
  ephemeral.secretKey.fill(0);
  if (key === null) throw new CryptoError("INVALID_KEY", "Cannot seal for a public key of small order");
  const sealed = allocBytesUnsafe(message.byteLength + SEALEDBOX_OVERHEADBYTES);
  sealed.set(ephemeral.publicKey);
  sealed.set(secretbox(message, sealedNonce(ephemeral.publicKey, publicKey), key), PUBLIC_KEY_BYTES);
  key.fill(0);
  return sealed;
}

/**
 * Decrypts what {@linkcode sealedBox} made for this key pair; null when it is truncated, was changed or is for
 * another key.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` for wrong key sizes.
 */
export function sealedBoxOpen(ciphertext: Uint8Array, keyPair: KeyPair): Uint8Array | null {
  assertByteLength("publicKey", keyPair.publicKey, PUBLIC_KEY_BYTES);
  assertByteLength("secretKey", keyPair.secretKey, SECRETBOX_KEYBYTES);
  if (ciphertext.byteLength < SEALEDBOX_OVERHEADBYTES) return null;
  const ephemeralKey = ciphertext.subarray(0, PUBLIC_KEY_BYTES);
  const key = sharedKey(ephemeralKey, keyPair.secretKey);
  if (key === null) return null;
  const nonce = sealedNonce(ephemeralKey, keyPair.publicKey);
  const message = secretboxOpen(ciphertext.subarray(PUBLIC_KEY_BYTES), nonce, key);
  key.fill(0);
  return message;
}

function begin(nonce: Uint8Array, key: Uint8Array): void {
  assertByteLength("nonce", nonce, SECRETBOX_NONCEBYTES);
  assertByteLength("key", key, SECRETBOX_KEYBYTES);
  memory.set(key, SLOT_A);
  memory.set(nonce, SLOT_B);
  core.secretbox_begin(SLOT_A, SLOT_B);
  wipeSlots();
}

function run(step: (at: number, len: number) => void, input: Uint8Array, out: Uint8Array): void {
  let start = 0;
  let end = Math.min(FIRST_CHUNK_BYTES, input.byteLength);
  while (start < input.byteLength) {
    memory.set(input.subarray(start, end), DATA);
    step(DATA, end - start);
    out.set(memory.subarray(DATA, DATA + end - start), start);
    start = end;
    end = Math.min(start + CHUNK_BYTES, input.byteLength);
  }
}

function sharedKey(publicKey: Uint8Array, secretKey: Uint8Array): Uint8Array | null {
  memory.set(publicKey, SLOT_A);
  memory.set(secretKey, SLOT_B);
  const isOk = core.box_shared_key(SLOT_A, SLOT_B, OUT) !== 0;
  const key = take32();
  wipeSlots();
  return isOk ? key : null;
}

function sealedNonce(ephemeralKey: Uint8Array, publicKey: Uint8Array): Uint8Array {
  memory.set(ephemeralKey, SLOT_A);
  memory.set(publicKey, SLOT_B);
  core.sealed_box_nonce(SLOT_A, SLOT_B, SLOT_C);
  return takeBytes(SLOT_C, SECRETBOX_NONCEBYTES);
}

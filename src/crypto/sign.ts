/**
 * Ed25519 signatures (RFC 8032) with libsodium's 64-byte secret keys: seed, then public key.
 *
 * @module
 */
import { allocBytesUnsafe, equalBytes } from "../base/mod.ts";
import {
  CHUNK_BYTES,
  core,
  DATA,
  DATA_BYTES,
  memory,
  OUT,
  OUT_32,
  SLOT_A,
  SLOT_B,
  take64,
  wipeSlots,
} from "./arena.ts";
import { ed25519ScalarAdd, ed25519ScalarMul, ed25519ScalarMultBase, ed25519ScalarReduce } from "./curve.ts";
import { assertByteLength, checkedOut } from "./errors.ts";
import { randomBytes } from "./random.ts";

/** Bytes of an Ed25519 public key. */
export const SIGN_PUBLICKEYBYTES = 32;
/** Bytes of an Ed25519 secret key: seed, then public key. */
export const SIGN_SECRETKEYBYTES = 64;
/** Bytes of the seed of a key pair. */
export const SIGN_SEEDBYTES = 32;
/** Bytes of a signature. */
export const SIGN_BYTES = 64;

/** A public key and the secret key that belongs to it. */
export interface KeyPair {
  /** 32 bytes. */
  publicKey: Uint8Array;
  /** 64 bytes (seed and public key) for signing, 32 bytes for boxes. */
  secretKey: Uint8Array;
}

/**
 * Makes an Ed25519 key pair from a 32-byte seed, or at random.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` for another seed length.
 */
export function signKeyPair(seed?: Uint8Array): KeyPair {
  if (seed === undefined) seed = randomBytes(SIGN_SEEDBYTES);
  else assertByteLength("seed", seed, SIGN_SEEDBYTES);
  const publicKey = allocBytesUnsafe(SIGN_PUBLICKEYBYTES);
  const secretKey = allocBytesUnsafe(SIGN_SECRETKEYBYTES);
  memory.set(seed, SLOT_A);
  core.ed25519_public_key(SLOT_A, OUT);
  publicKey.set(OUT_32);
  secretKey.set(seed);
  secretKey.set(OUT_32, SIGN_SEEDBYTES);
  wipeSlots();
  return { publicKey, secretKey };
}

/** Tells whether the secret key's public half equals the public key, as `crypto_sign_ed25519_sk_to_pk` reads it. */
export function isSignKeyPair(pair: KeyPair): boolean {
  const { publicKey, secretKey } = pair;
  return publicKey.byteLength === SIGN_PUBLICKEYBYTES && secretKey.byteLength === SIGN_SECRETKEYBYTES &&
    equalBytes(publicKey, secretKey.subarray(SIGN_SEEDBYTES));
}

/**
 * Signs `message`: 64 bytes, deterministic, in `out` or fresh.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` unless `secretKey` and `out` have 64 bytes.
 *
 * @example
 * ```ts
 * import { sign, signKeyPair, verify } from "./mod.ts";
 *
 * const pair = signKeyPair();
 * const message = new Uint8Array([1, 2, 3]);
 * console.assert(verify(message, sign(message, pair.secretKey), pair.publicKey));
 * ```
 */
export function sign(message: Uint8Array, secretKey: Uint8Array, out?: Uint8Array): Uint8Array {
  assertByteLength("secretKey", secretKey, SIGN_SECRETKEYBYTES);
  if (out !== undefined) checkedOut(out, SIGN_BYTES);
  if (message.byteLength > DATA_BYTES) return signLong(message, secretKey, out);
  memory.set(message, DATA);
  memory.set(secretKey, SLOT_A);
  core.ed25519_sign(DATA, message.byteLength, SLOT_A, OUT);
  const signature = take64(out);
  wipeSlots();
  return signature;
}

/**
 * Tells whether `signature` is `publicKey`'s signature of `message`; false also for wrong sizes, keys and
 * points of small order, and encodings that are not canonical, as libsodium decides.
 */
export function verify(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  if (signature.byteLength !== SIGN_BYTES || publicKey.byteLength !== SIGN_PUBLICKEYBYTES) return false;
  if (message.byteLength > DATA_BYTES) return verifyLong(message, signature, publicKey);
  memory.set(message, DATA);
  memory.set(signature, SLOT_A);
  memory.set(publicKey, SLOT_B);
  return core.ed25519_verify(DATA, message.byteLength, SLOT_A, SLOT_B) !== 0;
}

/** SHA-512 of the concatenation of `parts`: 64 bytes. */
export function sha512(input: Uint8Array | readonly Uint8Array[]): Uint8Array {
  core.sha512_init();
  for (const part of input instanceof Uint8Array ? [input] : input) {
    for (let start = 0; start < part.byteLength; start += CHUNK_BYTES) {
      const end = Math.min(start + CHUNK_BYTES, part.byteLength);
      memory.set(start === 0 && end === part.byteLength ? part : part.subarray(start, end), DATA);
      core.sha512_update(DATA, end - start);
    }
  }
  core.sha512_finish(OUT);
  return take64();
}

/** The steps of RFC 8032, 5.1.6, for a message that does not fit the arena. */
function signLong(
  message: Uint8Array,
  secretKey: Uint8Array,
  signature: Uint8Array = allocBytesUnsafe(SIGN_BYTES),
): Uint8Array {
  const seed = secretKey.subarray(0, SIGN_SEEDBYTES);
  const publicKey = secretKey.subarray(SIGN_SEEDBYTES);
  const expanded = sha512(seed);
  const nonce = ed25519ScalarReduce(sha512([expanded.subarray(32), message]));
  const point = ed25519ScalarMultBase(nonce);
  const challenge = ed25519ScalarReduce(sha512([point, publicKey, message]));
  expanded[0]! &= 248;
  expanded[31] = (expanded[31]! & 127) | 64;
  signature.set(point);
  signature.set(ed25519ScalarAdd(ed25519ScalarMul(challenge, expanded.subarray(0, 32)), nonce), 32);
  expanded.fill(0);
  nonce.fill(0);
  return signature;
}

function verifyLong(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  memory.set(sha512([signature.subarray(0, 32), publicKey, message]), DATA);
  memory.set(signature, SLOT_A);
  memory.set(publicKey, SLOT_B);
  return core.ed25519_verify_prehashed(DATA, SLOT_A, SLOT_B) !== 0;
}

/**
 * Key pairs, signatures, sealed boxes and random bytes.
 *
 * @module
 */
import { isBytes } from "../base/mod.ts";
import {
  boxKeyPair,
  isSignKeyPair,
  type KeyPair,
  randomBytes as cryptoRandomBytes,
  sealedBox,
  SEALEDBOX_OVERHEADBYTES,
  sealedBoxOpen,
  sign as signDetached,
  signKeyPair,
  verify as verifyDetached,
  wipe,
} from "../crypto/mod.ts";

/**
 * Makes an Ed25519 key pair: public key of 32 bytes, secret key of 64 bytes.
 *
 * Source: hypercore-crypto `index.js`.
 *
 * @param seed 32 bytes that determine the pair; random by default
 * @throws {CryptoError} `BAD_ARGUMENT` when `seed` has another size.
 */
export function keyPair(seed?: Uint8Array | null): KeyPair {
  return signKeyPair(seed ?? undefined);
}

/**
 * Tells whether the secret key of an Ed25519 key pair names its public key; false for keys of other sizes.
 *
 * Source: hypercore-crypto `index.js`.
 */
export function validateKeyPair(keyPair: KeyPair): boolean {
  return isSignKeyPair(keyPair);
}

/**
 * Signs `message` with an Ed25519 secret key of 64 bytes; the signature has 64 bytes.
 *
 * Source: hypercore-crypto `index.js`.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` when the key has another size.
 */
export function sign(message: Uint8Array, secretKey: Uint8Array): Uint8Array {
  return signDetached(message, secretKey);
}

/**
 * Tells whether `signature` is that of `message` by the owner of `publicKey`; false for wrong sizes.
 *
 * Source: hypercore-crypto `index.js`.
 */
export function verify(message: Uint8Array, signature: Uint8Array, publicKey: Uint8Array): boolean {
  return verifyDetached(message, signature, publicKey);
}

/**
 * Makes a Curve25519 key pair for {@linkcode encrypt} and {@linkcode decrypt}, keys of 32 bytes.
 *
 * Source: hypercore-crypto `index.js`.
 *
 * @param seed 32 bytes that determine the pair; random by default
 * @throws {CryptoError} `BAD_ARGUMENT` when `seed` has another size.
 */
export function encryptionKeyPair(seed?: Uint8Array | null): KeyPair {
  return boxKeyPair(seed ?? undefined);
}

/**
 * Encrypts `message` so that only the owner of `publicKey` can read it, and nobody can tell who wrote it: a sealed box,
 * 48 bytes longer than the message.
 *
 * Source: hypercore-crypto `index.js`.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` when the key has another size, `INVALID_KEY` when it is of small order.
 */
export function encrypt(message: Uint8Array, publicKey: Uint8Array): Uint8Array {
  return sealedBox(message, publicKey);
}

/**
 * Opens a sealed box; null when it was not made for this key pair or was changed.
 *
 * Source: hypercore-crypto `index.js`.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` when a key has another size.
 */
export function decrypt(ciphertext: Uint8Array, keyPair: KeyPair): Uint8Array | null {
  return ciphertext.byteLength < SEALEDBOX_OVERHEADBYTES ? null : sealedBoxOpen(ciphertext, keyPair);
}

/** Returns `byteLength` bytes of a cryptographic random number generator. Source: hypercore-crypto `index.js`. */
export function randomBytes(byteLength: number): Uint8Array {
  return cryptoRandomBytes(byteLength);
}

/**
 * Overwrites secret bytes, or the secret key of a key pair, with zeros.
 *
 * Compat: hypercore-crypto/index.js releases memory that libsodium allocated and leaves other bytes alone. There is no
 * such memory here, so what is no longer needed is wiped in place.
 */
export function free(secret: Uint8Array | KeyPair): void {
  wipe(isBytes(secret) ? secret : secret.secretKey);
}

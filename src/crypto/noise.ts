/**
 * The Diffie-Hellman function of the Noise handshake: Ed25519 points, scalars clamped here and nowhere else.
 *
 * Compat: noise-curve-ed/index.js.
 *
 * @module
 */
import { core, memory, OUT, OUT_64, SLOT_A, SLOT_B, SLOT_C, take32, wipeSlots } from "./arena.ts";
import { ed25519ScalarMult } from "./curve.ts";
import { assertByteLength } from "./errors.ts";
import { type KeyPair, SIGN_SECRETKEYBYTES, SIGN_SEEDBYTES, signKeyPair } from "./sign.ts";

/** Name of the function in the Noise protocol name. */
export const NOISE_DH_NAME = "Ed25519";
/** Bytes of a shared secret, a public key and a scalar. */
export const NOISE_DH_BYTES = 32;

const CHAINING_KEY_BYTES = 64;
const CIPHER_KEY = memory.subarray(OUT + CHAINING_KEY_BYTES, OUT + CHAINING_KEY_BYTES + NOISE_DH_BYTES);

/**
 * Makes a Noise key pair, which is a signing key pair: at random, from a 32-byte seed, or again from a 64-byte
 * secret key.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` for another length.
 */
export function noiseKeyPair(seed?: Uint8Array): KeyPair {
  if (seed?.byteLength === SIGN_SECRETKEYBYTES) return signKeyPair(seed.subarray(0, SIGN_SEEDBYTES));
  return signKeyPair(seed);
}

/** The clamped scalar of a 64-byte secret key: the first half of SHA-512 of its seed. */
export function noiseScalar(secretKey: Uint8Array): Uint8Array {
  assertByteLength("secretKey", secretKey, SIGN_SECRETKEYBYTES);
  memory.set(secretKey, SLOT_A);
  core.ed25519_clamped_scalar(SLOT_A, OUT);
  const scalar = take32();
  wipeSlots();
  return scalar;
}

/**
 * The shared secret of a remote public key and a local secret: the 64-byte secret key, or a tweaked key's
 * 32-byte scalar.
 *
 * @throws {CryptoError} `INVALID_POINT` for a remote key that is not canonical, of small order or outside the
 *   prime-order subgroup; `BAD_ARGUMENT` for wrong sizes.
 */
export function noiseDh(
  publicKey: Uint8Array,
  secret: { readonly secretKey?: Uint8Array; readonly scalar?: Uint8Array } | Uint8Array,
): Uint8Array {
  if (!(secret instanceof Uint8Array) && secret.scalar !== undefined) {
    return ed25519ScalarMult(secret.scalar, publicKey);
  }
  const secretKey = secret instanceof Uint8Array ? secret : secret.secretKey!;
  assertByteLength("secretKey", secretKey, SIGN_SECRETKEYBYTES);
  const scalar = noiseScalar(secretKey);
  try {
    return ed25519ScalarMult(scalar, publicKey);
  } finally {
    scalar.fill(0);
  }
}

/**
 * Does what {@linkcode noiseDh} does and mixes the shared secret into a handshake's keys (Noise revision 34, `MixKey`):
 * the 64 bytes of `chainingKey` and the 32 bytes of `key` are replaced. Returns false, and leaves them, when the
 * public key is refused.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` for wrong sizes.
 */
export function noiseMixDh(
  publicKey: Uint8Array,
  { secretKey, scalar }: { readonly secretKey?: Uint8Array; readonly scalar?: Uint8Array },
  { chainingKey, key }: { readonly chainingKey: Uint8Array; readonly key: Uint8Array },
): boolean {
  assertByteLength("publicKey", publicKey, NOISE_DH_BYTES);
  assertByteLength("chainingKey", chainingKey, CHAINING_KEY_BYTES);
  assertByteLength("key", key, NOISE_DH_BYTES);
  const secret = scalar ?? secretKey!;
  assertByteLength("secret", secret, scalar === undefined ? SIGN_SECRETKEYBYTES : NOISE_DH_BYTES);
  memory.set(secret, SLOT_A);
  memory.set(publicKey, SLOT_B);
  memory.set(chainingKey, SLOT_C);
  const mix = scalar === undefined ? core.noise_mix_dh_of_key : core.noise_mix_dh;
  const isOk = mix(SLOT_A, SLOT_B, SLOT_C, OUT) !== 0;
  if (isOk) {
    chainingKey.set(OUT_64);
    key.set(CIPHER_KEY);
  }
  wipeSlots();
  return isOk;
}

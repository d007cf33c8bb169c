/**
 * Ed25519 group and scalar operations without clamping, and X25519; names and refusals are libsodium's.
 *
 * Points and scalars are 32 bytes, little-endian.
 *
 * @module
 */
import { core, memory, OUT, SLOT_A, SLOT_B, take32, wipeSlots } from "./arena.ts";
import { assertByteLength, CryptoError } from "./errors.ts";
import { randomBytes } from "./random.ts";

const POINT_BYTES = 32;
const SCALAR_BYTES = 32;

/**
 * Multiplies a point by a scalar without clamping (`crypto_scalarmult_ed25519_noclamp`).
 *
 * @throws {CryptoError} `INVALID_POINT` for a point that is not canonical, not on the curve, of small order or
 *   outside the prime-order subgroup; `INVALID_SCALAR` when the result would be the identity.
 */
export function ed25519ScalarMult(scalar: Uint8Array, point: Uint8Array): Uint8Array {
  loadScalar("scalar", scalar, SLOT_A);
  loadPoint(point, SLOT_B);
  const isOk = core.curve_scalar_mult(SLOT_A, SLOT_B, OUT) !== 0;
  const product = take32();
  wipeSlots();
  if (!isOk) throw refusedProduct(point);
  return product;
}

/**
 * Multiplies the base point by a scalar without clamping (`crypto_scalarmult_ed25519_base_noclamp`).
 *
 * @throws {CryptoError} `INVALID_SCALAR` when the result would be the identity.
 */
export function ed25519ScalarMultBase(scalar: Uint8Array): Uint8Array {
  loadScalar("scalar", scalar, SLOT_A);
  const isOk = core.curve_scalar_mult_base(SLOT_A, OUT) !== 0;
  const product = take32();
  wipeSlots();
  if (!isOk) throw identityResult();
  return product;
}

/**
 * Tells whether `point` is canonical, on the curve, not of small order and in the prime-order subgroup
 * (`crypto_core_ed25519_is_valid_point`); false also for another size.
 */
export function ed25519IsValidPoint(point: Uint8Array): boolean {
  if (point.byteLength !== POINT_BYTES) return false;
  memory.set(point, SLOT_A);
  return core.curve_is_valid_point(SLOT_A) !== 0;
}

/**
 * Adds two points (`crypto_core_ed25519_add`).
 *
 * @throws {CryptoError} `INVALID_POINT` when one is not on the curve.
 */
export function ed25519Add(p: Uint8Array, q: Uint8Array): Uint8Array {
  loadPoint(p, SLOT_A);
  loadPoint(q, SLOT_B);
  if (core.curve_add(SLOT_A, SLOT_B, OUT) === 0) throw notOnCurve("add");
  return take32();
}

/**
 * Subtracts `q` from `p` (`crypto_core_ed25519_sub`).
 *
 * @throws {CryptoError} `INVALID_POINT` when one is not on the curve.
 */
export function ed25519Sub(p: Uint8Array, q: Uint8Array): Uint8Array {
  loadPoint(p, SLOT_A);
  loadPoint(q, SLOT_B);
  if (core.curve_sub(SLOT_A, SLOT_B, OUT) === 0) throw notOnCurve("subtract");
  return take32();
}

/** `x + y` modulo the group order. */
export function ed25519ScalarAdd(x: Uint8Array, y: Uint8Array): Uint8Array {
  loadScalar("x", x, SLOT_A);
  loadScalar("y", y, SLOT_B);
  core.scalar_add(SLOT_A, SLOT_B, OUT);
  return takeSecret32();
}

/** `x - y` modulo the group order. */
export function ed25519ScalarSub(x: Uint8Array, y: Uint8Array): Uint8Array {
  loadScalar("x", x, SLOT_A);
  loadScalar("y", y, SLOT_B);
  core.scalar_sub(SLOT_A, SLOT_B, OUT);
  return takeSecret32();
}

/** `x * y` modulo the group order. */
export function ed25519ScalarMul(x: Uint8Array, y: Uint8Array): Uint8Array {
  loadScalar("x", x, SLOT_A);
  loadScalar("y", y, SLOT_B);
  core.scalar_mul(SLOT_A, SLOT_B, OUT);
  return takeSecret32();
}

/** `-x` modulo the group order. */
export function ed25519ScalarNegate(x: Uint8Array): Uint8Array {
  loadScalar("x", x, SLOT_A);
  core.scalar_negate(SLOT_A, OUT);
  return takeSecret32();
}

/** `1 - x` modulo the group order. */
export function ed25519ScalarComplement(x: Uint8Array): Uint8Array {
  loadScalar("x", x, SLOT_A);
  core.scalar_complement(SLOT_A, OUT);
  return takeSecret32();
}

/**
 * `1 / x` modulo the group order.
 *
 * @throws {CryptoError} `INVALID_SCALAR` for zero.
 */
export function ed25519ScalarInvert(x: Uint8Array): Uint8Array {
  loadScalar("x", x, SLOT_A);
  if (core.scalar_invert(SLOT_A, OUT) === 0) {
    throw new CryptoError("INVALID_SCALAR", "Cannot invert the scalar zero");
  }
  return takeSecret32();
}

/** Reduces 64 bytes modulo the group order. */
export function ed25519ScalarReduce(wide: Uint8Array): Uint8Array {
  assertByteLength("scalar to reduce", wide, 2 * SCALAR_BYTES);
  memory.set(wide, SLOT_A);
  core.scalar_reduce(SLOT_A, OUT);
  return takeSecret32();
}

/** A random scalar other than zero, below the group order. */
export function ed25519ScalarRandom(): Uint8Array {
  for (;;) {
    const scalar = randomBytes(SCALAR_BYTES);
    scalar[31]! &= 0x1f;
    memory.set(scalar, SLOT_A);
    const isCanonical = core.scalar_is_canonical(SLOT_A) !== 0;
    wipeSlots();
    if (isCanonical && scalar.some((byte) => byte !== 0)) return scalar;
  }
}

/**
 * The X25519 form of an Ed25519 public key (`crypto_sign_ed25519_pk_to_curve25519`).
 *
 * @throws {CryptoError} `INVALID_KEY` for a point of small order or outside the prime-order subgroup.
 */
export function ed25519PublicKeyToX25519(publicKey: Uint8Array): Uint8Array {
  assertByteLength("publicKey", publicKey, POINT_BYTES);
  memory.set(publicKey, SLOT_A);
  if (core.curve_public_key_to_x25519(SLOT_A, OUT) === 0) {
    throw new CryptoError("INVALID_KEY", "Cannot convert a public key that is not a point of prime order");
  }
  return take32();
}

/** The X25519 form of a 64-byte Ed25519 secret key (`crypto_sign_ed25519_sk_to_curve25519`). */
export function ed25519SecretKeyToX25519(secretKey: Uint8Array): Uint8Array {
  assertByteLength("secretKey", secretKey, 64);
  memory.set(secretKey, SLOT_A);
  core.ed25519_clamped_scalar(SLOT_A, OUT);
  return takeSecret32();
}

/**
 * X25519 (RFC 7748; `crypto_scalarmult`): the scalar is clamped.
 *
 * @throws {CryptoError} `INVALID_POINT` for a point of small order.
 */
export function x25519(scalar: Uint8Array, point: Uint8Array): Uint8Array {
  loadScalar("scalar", scalar, SLOT_A);
  loadPoint(point, SLOT_B);
  const isOk = core.x25519_scalar_mult(SLOT_A, SLOT_B, OUT) !== 0;
  const product = takeSecret32();
  if (!isOk) throw new CryptoError("INVALID_POINT", "Cannot multiply an X25519 point of small order");
  return product;
}

/** X25519 with the base point (`crypto_scalarmult_base`): the scalar is clamped. */
export function x25519Base(scalar: Uint8Array): Uint8Array {
  loadScalar("scalar", scalar, SLOT_A);
  core.x25519_scalar_mult_base(SLOT_A, OUT);
  return takeSecret32();
}

function loadScalar(name: string, scalar: Uint8Array, slot: number): void {
  assertByteLength(name, scalar, SCALAR_BYTES);
  memory.set(scalar, slot);
}

function loadPoint(point: Uint8Array, slot: number): void {
  assertByteLength("point", point, POINT_BYTES);
  memory.set(point, slot);
}

function takeSecret32(): Uint8Array {
  const bytes = take32();
  wipeSlots();
  return bytes;
}

function refusedProduct(point: Uint8Array): CryptoError {
  return ed25519IsValidPoint(point) ? identityResult() : new CryptoError(
    "INVALID_POINT",
    "Cannot multiply a point that is not canonical, of small order or outside the prime-order subgroup",
  );
}

function identityResult(): CryptoError {
  return new CryptoError("INVALID_SCALAR", "Cannot multiply by a scalar that gives the identity");
}

function notOnCurve(action: string): CryptoError {
  return new CryptoError("INVALID_POINT", `Cannot ${action} points that are not on the curve`);
}

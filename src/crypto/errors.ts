/**
 * The error class of this layer.
 *
 * @module
 */
import { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";

/** Codes of {@linkcode CryptoError}. */
export type CryptoErrorCode =
  /** An argument has the wrong size or lies outside its range. */
  | "BAD_ARGUMENT"
  /** A stream was used after `dispose()`. */
  | "DISPOSED"
  /** Bytes do not encode a point that the operation accepts, or the result would be the identity. */
  | "INVALID_POINT"
  /** A key is not one the operation accepts. */
  | "INVALID_KEY"
  /** A scalar has no inverse, or would give the identity. */
  | "INVALID_SCALAR"
  /** Tree nodes that do not belong together. */
  | "INVALID_NODE";

/** A refused cryptographic operation. */
export class CryptoError extends QuinceError {
  /** What was refused. */
  declare readonly code: CryptoErrorCode;

  /** Creates an error with one of this layer's codes. */
  constructor(code: CryptoErrorCode, message: string, options?: QuinceErrorOptions) {
    super(code, message, options);
  }
}

/** Throws unless `bytes` is a byte array of exactly `byteLength`. */
export function assertByteLength(name: string, bytes: Uint8Array, byteLength: number): void {
  if (!(bytes instanceof Uint8Array) || bytes.byteLength !== byteLength) {
    throwByteLength(name, bytes, `${byteLength}`);
  }
}

/** Throws unless `bytes` is a byte array of `min` to `max` bytes. */
export function assertByteLengthBetween(name: string, bytes: Uint8Array, min: number, max: number): void {
  if (!(bytes instanceof Uint8Array) || bytes.byteLength < min || bytes.byteLength > max) {
    throwByteLength(name, bytes, max === Infinity ? `at least ${min}` : `${min} to ${max}`);
  }
}

/** Throws unless `value` is an integer from `min` to `max`. */
export function assertInteger(name: string, value: number, min: number, max: number): void {
  if (!Number.isInteger(value) || value < min || value > max) {
    throw new CryptoError("BAD_ARGUMENT", `${name} must be an integer from ${min} to ${max}, got ${value}`);
  }
}

/** Returns `out` when it has `byteLength` bytes; throws otherwise. */
export function checkedOut(out: Uint8Array, byteLength: number): Uint8Array {
  assertByteLength("out", out, byteLength);
  return out;
}

function throwByteLength(name: string, bytes: unknown, expected: string): never {
  const got = bytes instanceof Uint8Array ? `${bytes.byteLength} bytes` : typeof bytes;
  throw new CryptoError("BAD_ARGUMENT", `${name} must have ${expected} bytes, got ${got}`);
}

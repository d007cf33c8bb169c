/**
 * What a decoder throws. Mistakes of the caller of an encoder are `TypeError` or `RangeError` instead.
 *
 * @module
 */
import { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";

/** Why bytes could not be decoded. */
export type EncodingErrorCode =
  /** The value reaches past the last byte. */
  | "OUT_OF_BOUNDS"
  /** A number is too large to be represented exactly. */
  | "OUT_OF_RANGE"
  /** A count or a size exceeds the limit of its codec. */
  | "TOO_BIG"
  /** A value of `any` is nested deeper than allowed. */
  | "TOO_DEEP"
  /** A type tag or an address family is unknown. */
  | "UNKNOWN_TYPE"
  /** Text is not valid JSON. */
  | "INVALID_JSON"
  /** An item of an unbounded list takes no bytes, so the list would not end. */
  | "EMPTY_ITEM";

/** Thrown by every decoder when the bytes do not encode a value of its kind. */
export class EncodingError extends QuinceError {
  /** Why the bytes were refused. */
  declare readonly code: EncodingErrorCode;

  /** Creates an error with a code and a message. */
  constructor(code: EncodingErrorCode, message: string, options: QuinceErrorOptions = {}) {
    super(code, message, options);
    // Compat: compact-encoding/index.js throws plain errors without codes; programs compare their messages.
    this.message = message;
  }
}

/** The error for a value that reaches past the last byte. */
export function outOfBounds(): EncodingError {
  return new EncodingError("OUT_OF_BOUNDS", "Out of bounds");
}

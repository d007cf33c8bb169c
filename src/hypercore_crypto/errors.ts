/**
 * What reading a key's text form throws. Other mistakes of the caller are `TypeError`, `RangeError` or
 * `CryptoError`.
 *
 * @module
 */
import { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";

/** Why a key or its text form was refused. */
export type IdEncodingErrorCode =
  /** What was given to be written is not a key of 32 bytes. */
  | "INVALID_KEY"
  /** What was given to be read is no text form of a key. */
  | "INVALID_ID"
  /** A character is not a z-base-32 digit. */
  | "INVALID_CHARACTER";

/** Thrown when a key has no text form, or a text is not that of a key. */
export class IdEncodingError extends QuinceError {
  /** Why it was refused. */
  declare readonly code: IdEncodingErrorCode;

  /** Creates an error with a code and a message. */
  constructor(code: IdEncodingErrorCode, message: string, options: QuinceErrorOptions = {}) {
    super(code, message, options);
    // Compat: hypercore-id-encoding/index.js and z32/index.js throw plain errors; programs compare their messages.
    this.message = message;
  }
}

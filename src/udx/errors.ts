/**
 * Errors of UDX streams and sockets.
 *
 * @module
 */
import { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";

/** Codes of {@linkcode UDXError}; the first four are those of udx-native. */
export type UDXErrorCode =
  | "ECONNRESET"
  | "ETIMEDOUT"
  | "ERR_ASSERTION"
  | "EINVAL"
  | "EPROTO"
  | "ERR_PERMISSION";

/** A stream or socket failed; `code` says how. */
export class UDXError extends QuinceError {
  /** What went wrong, for programs. */
  declare readonly code: UDXErrorCode;

  /** Creates an error with one of the codes. */
  constructor(code: UDXErrorCode, message: string, options: QuinceErrorOptions = {}) {
    super(code, message, options);
  }
}

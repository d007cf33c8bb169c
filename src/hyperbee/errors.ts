/**
 * The error class of this layer, with the codes that `hyperbee` takes from `hypercore-errors`.
 *
 * @module
 */
import { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";

/** Codes of {@linkcode HyperbeeError}. Where `hyperbee` throws an error without a code, the nearest one stands here. */
export type HyperbeeErrorCode =
  /** An argument or a combination of options cannot be. */
  | "BAD_ARGUMENT"
  /** A block is not local and may not be waited for. */
  | "BLOCK_NOT_AVAILABLE"
  /** A block is not one of a bee, or not where one may be. */
  | "DECODING_ERROR"
  /** The read was closed while it waited. */
  | "REQUEST_CANCELLED"
  /** The bee is closed or closing. */
  | "SESSION_CLOSED"
  /** The bee was opened with `readonly`. */
  | "SESSION_NOT_WRITABLE"
  /** The log was cut below the version that is being read. */
  | "SNAPSHOT_NOT_AVAILABLE";

/** A failure of a bee; failures of its core pass through as they are. */
export class HyperbeeError extends QuinceError {
  /** What went wrong, for programs. */
  declare readonly code: HyperbeeErrorCode;

  /** Creates an error with a code and a message. */
  constructor(code: HyperbeeErrorCode, message: string, options: QuinceErrorOptions = {}) {
    super(code, message, options);
  }
}

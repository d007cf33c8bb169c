/**
 * The error class of this layer, with the codes that `hyperblobs` takes from `hypercore-errors`.
 *
 * @module
 */
import { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";

/** Codes of {@linkcode HyperblobsError}. Where `hyperblobs` throws an error without a code, the nearest one stands here. */
export type HyperblobsErrorCode =
  /** An argument cannot be. */
  | "BAD_ARGUMENT"
  /** A block is not local and may not be waited for. */
  | "BLOCK_NOT_AVAILABLE"
  /** A block map is none, or greater than one may be. */
  | "DECODING_ERROR"
  /** The read was closed while it waited. */
  | "REQUEST_CANCELLED";

/** A failure of a store of blobs; failures of its core pass through as they are. */
export class HyperblobsError extends QuinceError {
  /** What went wrong, for programs. */
  declare readonly code: HyperblobsErrorCode;

  /** Creates an error with a code and a message. */
  constructor(code: HyperblobsErrorCode, message: string, options: QuinceErrorOptions = {}) {
    super(code, message, options);
  }
}

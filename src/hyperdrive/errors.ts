/**
 * Errors of drives.
 *
 * @module
 */
import { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";

/**
 * Why a drive refused or failed. Errors of the cores, the bee and the blobs underneath come through with their codes.
 *
 * - `BAD_ARGUMENT`: a path that names no file, a length beyond the drive.
 * - `BLOCK_NOT_AVAILABLE`: the bytes are not here, and were not to be waited for.
 * - `BAD_ENTRY`: the writer stored something that is no entry of a drive.
 * - `BAD_CONTENT_KEY`: the drive does not say where its blobs are.
 * - `RECURSIVE_LINK`: links lead to each other, or too far.
 * - `NOT_FOUND`: there is no such file, where a stream of one was asked for.
 * - `DRIVE_CLOSED`: the drive is closed.
 * - `NOT_SUPPORTED`: a view or a batch cannot do that.
 */
export type HyperdriveErrorCode =
  | "BAD_ARGUMENT"
  | "BLOCK_NOT_AVAILABLE"
  | "BAD_ENTRY"
  | "BAD_CONTENT_KEY"
  | "RECURSIVE_LINK"
  | "NOT_FOUND"
  | "DRIVE_CLOSED"
  | "NOT_SUPPORTED";

/** A drive refused or failed; the message names the file where there is one. */
export class HyperdriveError extends QuinceError {
  /** Tells why. */
  declare readonly code: HyperdriveErrorCode;

  /** Creates an error whose message is `code: message`. */
  constructor(code: HyperdriveErrorCode, message: string, options: QuinceErrorOptions = {}) {
    super(code, message, options);
  }
}

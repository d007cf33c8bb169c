/**
 * Errors of drives on the file system.
 *
 * @module
 */
import { QuinceError, type QuinceErrorOptions } from "../base/mod.ts";

/**
 * Why a drive on the file system refused. Errors of the file system itself are those of the platform, with the
 * operating system's code.
 *
 * - `OUTSIDE_ROOT`: a link on the way leads out of the drive's folder, or would.
 * - `BAD_NAME`: the operating system cannot hold such a name.
 * - `NOT_A_FILE`: there is a device, pipe or socket in the place.
 * - `FILE_CHANGED`: the file became shorter while it was read.
 * - `RECURSIVE_LINK`: links lead to each other, or too far.
 */
export type LocaldriveErrorCode =
  | "OUTSIDE_ROOT"
  | "BAD_NAME"
  | "NOT_A_FILE"
  | "FILE_CHANGED"
  | "RECURSIVE_LINK";

/** A drive on the file system refused; the message names the file. */
export class LocaldriveError extends QuinceError {
  /** Tells why. */
  declare readonly code: LocaldriveErrorCode;

  /** Creates an error whose message is `code: message`. */
  constructor(code: LocaldriveErrorCode, message: string, options: QuinceErrorOptions = {}) {
    super(code, message, options);
  }
}

/**
 * Errors of the drives tool.
 *
 * @module
 */
import { QuinceError, type QuinceErrorOptions } from "../../base/mod.ts";

/**
 * Why the tool refused:
 *
 * - `BAD_DRIVE`: an argument is neither a key nor a path.
 * - `NO_FOLDER`: there is no such folder.
 * - `NOT_WRITABLE`: the drive is somebody else's.
 * - `NO_STORAGE`: no place for the store is known; one has to be named.
 * - `STORAGE_LOCKED`: another program uses the store.
 * - `FOREIGN_STORAGE`: the place holds a store that another program made.
 * - `NO_PEERS`: nobody has the drive.
 * - `NO_NETWORK`: no node of the network answers.
 * - `NOT_FOUND`: the drive has no such file, or the store no such drive.
 */
export type DrivesErrorCode =
  | "BAD_DRIVE"
  | "NO_FOLDER"
  | "NOT_WRITABLE"
  | "NO_STORAGE"
  | "STORAGE_LOCKED"
  | "FOREIGN_STORAGE"
  | "NO_PEERS"
  | "NO_NETWORK"
  | "NOT_FOUND";

/** The tool refused; the message says what to do. */
export class DrivesError extends QuinceError {
  /** Tells why. */
  declare readonly code: DrivesErrorCode;

  /** Creates an error whose message is `code: message`. */
  constructor(code: DrivesErrorCode, message: string, options: QuinceErrorOptions = {}) {
    super(code, message, options);
  }
}

/**
 * The error class of this layer. What concerns one core is a `HypercoreError`, what concerns storage a `StorageError`.
 *
 * @module
 */
import { QuinceError } from "../base/mod.ts";

/**
 * What went wrong with a store of cores:
 *
 * - `ERR_ASSERTION`: a primary key was passed without `unsafe`. Source of the code: `hypercore-errors/index.js`.
 * - `BAD_ARGUMENT`: an option makes no sense.
 * - `STORE_CLOSED`: the store is closing or closed.
 * - `STORE_CONFLICT`: the storage belongs to another primary key.
 * - `STORE_LEGACY`: another program's store lies in the folder, in a format that is not read here.
 */
export type CorestoreErrorCode =
  | "ERR_ASSERTION"
  | "BAD_ARGUMENT"
  | "STORE_CLOSED"
  | "STORE_CONFLICT"
  | "STORE_LEGACY";

/** A failure of a store of cores. */
export class CorestoreError extends QuinceError {
  /** What went wrong, for programs. */
  declare readonly code: CorestoreErrorCode;

  /** Creates an error whose message is `code: message`. */
  constructor(code: CorestoreErrorCode, message: string, options: { readonly cause?: unknown } = {}) {
    super(code, message, options);
  }
}

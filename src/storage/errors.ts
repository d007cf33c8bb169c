/**
 * What can go wrong with a storage, as one class with a code per remedy.
 *
 * @module
 */
import { QuinceError } from "../base/mod.ts";

/**
 * Why a storage refused or failed:
 *
 * - `STORAGE_LOCKED`: another storage has the folder open for writing; see {@linkcode StorageError.holder}.
 * - `STORAGE_BUSY`: another process kept the database locked for longer than a write waits; try again.
 * - `STORAGE_CLOSED`: the storage or snapshot is not open (any more).
 * - `STORAGE_READ_ONLY`: a write to a storage opened with `readOnly`.
 * - `STORAGE_MISSING`: `readOnly` and there is no store in the folder.
 * - `STORAGE_VERSION`: the format is newer than this library, or older and cannot be migrated read-only.
 * - `STORAGE_CORRUPT`: the file is damaged or is no store.
 * - `STORAGE_FULL`: no space left on the device; nothing of the batch was stored, the storage stays usable.
 * - `STORAGE_PERMISSION`: the runtime or the operating system denies access.
 * - `STORAGE_PATH`: the folder cannot be a folder (it is a file, or its path does not exist).
 * - `STORAGE_IO`: the device reported an error.
 * - `STORAGE_SNAPSHOTS`: too many snapshots are open at once.
 * - `STORAGE_UNSUPPORTED`: this runtime has no SQLite.
 */
export type StorageErrorCode =
  | "STORAGE_LOCKED"
  | "STORAGE_BUSY"
  | "STORAGE_CLOSED"
  | "STORAGE_READ_ONLY"
  | "STORAGE_MISSING"
  | "STORAGE_VERSION"
  | "STORAGE_CORRUPT"
  | "STORAGE_FULL"
  | "STORAGE_PERMISSION"
  | "STORAGE_PATH"
  | "STORAGE_IO"
  | "STORAGE_SNAPSHOTS"
  | "STORAGE_UNSUPPORTED";

/** Who has a store open for writing. */
export interface StorageHolder {
  /** Process id. */
  readonly pid: number;
  /** When it opened the store. */
  readonly since: Date;
}

/** Options of {@linkcode StorageError}. */
export interface StorageErrorOptions {
  /** What led to this error. */
  readonly cause?: unknown;
  /** The file or folder concerned. */
  readonly file?: string;
  /** With `STORAGE_LOCKED`: who holds the store, when known. */
  readonly holder?: StorageHolder;
}

/** A storage refused or failed; `code` tells the remedy, the message names the file. */
export class StorageError extends QuinceError {
  /** Tells the remedy. */
  declare readonly code: StorageErrorCode;
  /** The file or folder concerned, when there is one. */
  readonly file: string | undefined;
  /** With `STORAGE_LOCKED`: who holds the store, when known. */
  readonly holder: StorageHolder | undefined;

  /** Creates an error whose message is `code: message`. */
  constructor(code: StorageErrorCode, message: string, options: StorageErrorOptions = {}) {
    super(code, message, { cause: options.cause });
    this.file = options.file;
    this.holder = options.holder;
  }
}

/** A caller's mistake about a type, as `TypeError` with `code` `BAD_ARGUMENT`. */
export function badType(message: string): TypeError & { readonly code: "BAD_ARGUMENT" } {
  return Object.assign(new TypeError(`BAD_ARGUMENT: ${message}`), { code: "BAD_ARGUMENT" as const });
}

/** A caller's mistake about a value, as `RangeError` with `code` `BAD_ARGUMENT`. */
export function badRange(message: string): RangeError & { readonly code: "BAD_ARGUMENT" } {
  return Object.assign(new RangeError(`BAD_ARGUMENT: ${message}`), { code: "BAD_ARGUMENT" as const });
}

/**
 * The error class of this layer, with the codes of `hypercore-errors`.
 *
 * @module
 */
import { hexText, QuinceError } from "../base/mod.ts";

/** Codes of {@linkcode HypercoreError}; source: `hypercore-errors/index.js`. */
export type HypercoreErrorCode =
  | "ERR_ASSERTION"
  | "BAD_ARGUMENT"
  | "STORAGE_EMPTY"
  | "STORAGE_CONFLICT"
  | "INVALID_SIGNATURE"
  | "INVALID_CAPABILITY"
  | "INVALID_CHECKSUM"
  | "INVALID_OPERATION"
  | "INVALID_PROOF"
  | "BLOCK_NOT_AVAILABLE"
  | "SNAPSHOT_NOT_AVAILABLE"
  | "REQUEST_CANCELLED"
  | "REQUEST_TIMEOUT"
  | "SESSION_NOT_WRITABLE"
  | "SESSION_CLOSED"
  | "SESSION_MOVED"
  | "BATCH_UNFLUSHED"
  | "DECODING_ERROR";

/** Options of {@linkcode HypercoreError}. */
export interface HypercoreErrorOptions {
  /** What led to this error. */
  readonly cause?: unknown;
  /** 32 bytes; names the log in the message. */
  readonly discoveryKey?: Uint8Array | null;
}

/** A failure of a log or of its replication. */
export class HypercoreError extends QuinceError {
  /** What went wrong, for programs. */
  declare readonly code: HypercoreErrorCode;
  /** Discovery key of the log concerned, where known. */
  readonly discoveryKey: Uint8Array | null;

  /** Creates an error; the message gets the discovery key appended where one is given. */
  constructor(code: HypercoreErrorCode, message: string, options: HypercoreErrorOptions = {}) {
    const suffix = options.discoveryKey ? ` (discovery key: ${hexText(options.discoveryKey)})` : "";
    super(code, message + suffix, { cause: options.cause });
    this.discoveryKey = options.discoveryKey ?? null;
  }
}

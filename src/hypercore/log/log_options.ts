/**
 * What callers may pass to a log.
 *
 * @module
 */
import type { LogKeyPair } from "./types.ts";

/** Options of `Log.truncate`. */
export interface LogTruncateOptions {
  /** The new fork. Default: one more than the old one. */
  readonly fork?: number;
  /** Signs in place of the log's own key pair. */
  readonly keyPair?: LogKeyPair | null;
  /** A ready signature over the result; checked. */
  readonly signature?: Uint8Array | null;
}

/** Options of `Log.commit`. */
export interface LogCommitOptions {
  /** Blocks that the log has after it. Default: as many as the branch. */
  readonly length?: number;
  /** Blocks from 0 on that are known to be the same. Default: those that are shared. */
  readonly treeLength?: number;
  /** Signs in place of the log's own key pair. */
  readonly keyPair?: LogKeyPair | null;
  /** A ready signature over the result; checked. */
  readonly signature?: Uint8Array | null;
}

/**
 * Options of a mirror. Source: `mirror-drive` 1.14.2 (index.js).
 *
 * @module
 */
import type { Clock, Stream } from "../base/mod.ts";
import type { DriveEntry } from "./drive.ts";

/** Gives a stream that a file's bytes go through, null to leave the file as it is. */
export type Transformer = (key: string) => Stream | null;

/** Options of `new MirrorDrive()`. */
export interface MirrorDriveOptions {
  /** Folders or files to mirror (default `"/"`). */
  readonly prefix?: string | readonly string[];
  /** Tell what would be done and do nothing (default false). */
  readonly dryRun?: boolean;
  /** Remove from the destination what the source does not have (default true). */
  readonly prune?: boolean;
  /** Tell of unchanged files too (default false). */
  readonly includeEquals?: boolean;
  /** Files to mirror are those it is true for; files of the destination are pruned all the same. */
  readonly filter?: ((key: string) => boolean) | null;
  /** Tells whether two entries have the same metadata (default: by value). */
  readonly metadataEquals?: ((source: unknown, destination: unknown) => boolean) | null;
  /** Write the destination's metadata at once, at the end (default false). */
  readonly batch?: boolean;
  /** Mirror these entries or paths instead of what the drives list. */
  readonly entries?: Iterable<DriveEntry | string> | null;
  /** Paths to leave alone in both drives, with what lies below them, or a function that tells. */
  readonly ignore?: string | readonly string[] | ((key: string) => boolean) | null;
  /** Streams that each file's bytes go through, in order. With any, every file counts as changed. */
  readonly transformers?: readonly Transformer[];
  /** Cut files where their content says so, and store blocks that are there already once (default false). */
  readonly dedup?: boolean;
  /** Fetch the source's blobs ahead (default true). */
  readonly preload?: boolean;
  /** Count what is transferred (default false; `monitor()` turns it on). */
  readonly progress?: boolean;
  /**
   * Keep permission bits and times of files (default false). Between drives on the file system they are set; in other
   * drives they lie in the metadata, as `attributes: { mode, mtime }`.
   */
  readonly attributes?: boolean;
  /** Time (default: the system's). */
  readonly clock?: Clock;
}

/** One thing that a mirror does. */
export interface MirrorDifference {
  /** What is done to the file. */
  readonly op: "add" | "change" | "remove" | "equal";
  /** The file. */
  readonly key: string;
  /** Bytes that go away at the destination. */
  readonly bytesRemoved: number;
  /** Bytes that come to the destination. */
  readonly bytesAdded: number;
}

/** How much a mirror did so far. */
export interface MirrorCount {
  /** Files of the source that were looked at. */
  files: number;
  /** Files that the destination did not have. */
  add: number;
  /** Files that the source does not have. */
  remove: number;
  /** Files that differed. */
  change: number;
}

/**
 * Bounds of mirrors.
 *
 * @module
 */

/** Files up to this many bytes are read and written whole: one block of a drive's blobs. */
export const SMALL_FILE_BYTES: number = 64 * 1024;

/** How many files are looked at, and read where they are small, before their turn: 2 MiB of bytes at most. */
export const LOOKAHEAD_COUNT = 32;

/** How many small files are on their way into a drive that is a log, where one append takes several. */
export const COPIES_AT_ONCE = 32;

/** How often a file that changes while it is read is copied anew. */
export const COPY_TRIES_MAX = 3;

/** Milliseconds between updates of a monitor. Source: `mirror-drive` 1.14.2 (index.js). */
export const MONITOR_INTERVAL_MS = 250;

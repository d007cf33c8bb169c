/**
 * Sizes and waits of the storage on disk. How the measured ones were chosen stands in
 * `docs/decisions/0002-storage-interface.md`.
 *
 * @module
 */

/** Size of a database page, bytes. */
export const PAGE_BYTE_LENGTH: number = 8192;

/** The log is copied into the database once it has so many bytes. */
export const CHECKPOINT_BYTE_LENGTH: number = 16 * 1024 * 1024;

/** A log that a snapshot let grow is cut back to so many bytes once it starts over. */
export const WAL_KEPT_BYTE_LENGTH: number = 32 * 1024 * 1024;

/** Page cache of the connection that writes, bytes. */
export const CACHE_BYTE_LENGTH: number = 16 * 1024 * 1024;

/** Page cache of each snapshot's connection, bytes. */
export const SNAPSHOT_CACHE_BYTE_LENGTH: number = 2 * 1024 * 1024;

/** Most snapshots open at once, unless the options say otherwise; each takes two file descriptors. */
export const SNAPSHOT_COUNT_MAX: number = 64;

/** Connections of closed snapshots kept for the next ones. */
export const SNAPSHOT_IDLE_COUNT_MAX: number = 4;

/** An iteration reads at most so many rows at once, */
export const ITERATION_ROW_COUNT_MAX: number = 256;

/** and stops reading ahead once it holds so many bytes. */
export const ITERATION_BYTE_LENGTH_MAX: number = 1024 * 1024;

/** How long a statement waits for a lock that another process holds, ms. */
export const BUSY_TIMEOUT_MS: number = 1000;

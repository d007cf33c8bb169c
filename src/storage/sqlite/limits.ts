/**
 * Sizes and waits of the storage on disk. How the measured ones were chosen stands in
 * `docs/decisions/0002-storage-interface.md` and `docs/decisions/0003-journal-before-sqlite.md`.
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

/** A batch goes through the journal when its entry has at most so many bytes; a larger one goes to SQLite at once. */
export const JOURNAL_ENTRY_BYTE_LENGTH_MAX: number = 16 * 1024;

/** The journal is drained into the database before it would hold more than so many operations, */
export const DRAIN_OPERATION_COUNT: number = 4096;

/** or so many bytes, */
export const DRAIN_BYTE_LENGTH: number = 2 * 1024 * 1024;

/** or when nothing was written for so long, ms. */
export const DRAIN_IDLE_MS: number = 250;

/** A file of the journal is given up for the other one once it has so many bytes. */
export const JOURNAL_FILE_BYTE_LENGTH: number = 8 * 1024 * 1024;

/** Entries are encoded into buffers of so many bytes. */
export const JOURNAL_BUFFER_BYTE_LENGTH: number = 256 * 1024;

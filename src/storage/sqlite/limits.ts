/**
 * Sizes and waits of the storage on disk. How the measured ones were chosen stands in
 * `docs/decisions/0002-storage-interface.md`, `0003-journal-before-sqlite.md` and `0037-values-in-files.md`.
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

/** The same for a batch with values in files, or behind such values that are not durable yet. */
export const PLACED_ENTRY_BYTE_LENGTH_MAX: number = 1024 * 1024;

/** A block of at least so many bytes goes to a file of values. */
export const PLACED_VALUE_BYTE_LENGTH_MIN: number = 4096;

/** Rows that stand close together are packed into one of the database: so many at least, */
export const PACK_ROW_COUNT_MIN: number = 4;

/** and at most, */
export const PACK_ROW_COUNT_MAX: number = 128;

/** and none with a longer value, bytes; */
export const PACK_VALUE_BYTE_LENGTH_MAX: number = 500;

/** a pack has at most so many bytes, so that two fit into a page. */
export const PACK_BYTE_LENGTH_MAX: number = 4000;

/** A file of values is given up for the next one once it has so many bytes. */
export const SEGMENT_BYTE_LENGTH: number = 64 * 1024 * 1024;

/** Descriptors of files of values that are kept open for reading. */
export const SEGMENT_READER_COUNT_MAX: number = 32;

/** The journal is drained into the database before it would hold more than so many operations, */
export const DRAIN_OPERATION_COUNT: number = 4096;

/** or so many bytes, */
export const DRAIN_BYTE_LENGTH: number = 2 * 1024 * 1024;

/** or so many bytes of values in files, */
export const DRAIN_VALUE_BYTE_LENGTH: number = 64 * 1024 * 1024;

/** or when nothing was written for so long, ms. */
export const DRAIN_IDLE_MS: number = 250;

/** While the values of a drain are synced, writes go on until so many times as much waits for the next one. */
export const DRAIN_BACKLOG: number = 4;

/** A file of the journal is given up for the other one once it has so many bytes. */
export const JOURNAL_FILE_BYTE_LENGTH: number = 8 * 1024 * 1024;

/** Entries are encoded into buffers of so many bytes. */
export const JOURNAL_BUFFER_BYTE_LENGTH: number = 256 * 1024;

/** After rows were deleted, or the store opened, files of values are looked through once so much time passed, ms. */
export const SWEEP_DELAY_MS: number = 1000;

/** Pause after a piece of that which only looks, ms. */
export const SWEEP_LOOK_PAUSE_MS: number = 100;

/** Pause after a piece of that which moves values, ms. */
export const SWEEP_MOVE_PAUSE_MS: number = 10;

/** A piece of it looks at so many files, */
export const SWEEP_SEGMENT_COUNT: number = 8;

/** when the store is closed at so many, */
export const SWEEP_CLOSING_SEGMENT_COUNT: number = 256;

/** or moves so many values out of one, */
export const SWEEP_VALUE_COUNT: number = 64;

/** until it has moved so many bytes. */
export const SWEEP_BYTE_LENGTH: number = 1024 * 1024;

/** A file of which less than this part is in use is moved out of. */
export const SWEEP_LIVE_PART: number = 0.5;

/** The same when the store is compacted. */
export const COMPACT_LIVE_PART: number = 0.9;

/** The file that is appended to is left alone until it has so many bytes, unless the store is compacted. */
export const SWEEP_CURRENT_BYTE_LENGTH_MIN: number = 4 * 1024 * 1024;

/** When the store is compacted, the database is written anew if at least this part of it is free, */
export const VACUUM_FREE_PART: number = 0.25;

/** and the rest has at most so many bytes, since it is held in memory meanwhile. */
export const VACUUM_BYTE_LENGTH_MAX: number = 64 * 1024 * 1024;

/**
 * Limits of a log as users meet them; those of tree and replication stand in their folders.
 *
 * @module
 */

/** Largest block that `append` takes: blocks travel whole. Source: `hypercore/index.js`. */
export const MAX_SUGGESTED_BLOCK_SIZE: number = 15 * 1024 * 1024;

/** How often a stream made by `replicate` shows that it lives, ms. Source: `hypercore/index.js`. */
export const DEFAULT_KEEP_ALIVE_MS = 5000;

/** How long a log with two signed trees waits for its peers to take the other tree before it closes, ms. */
export const CONFLICT_SHOW_MS = 2000;

/** Ranges that `sweep` drops before it waits for them. Source: `hypercore/index.js`. */
export const SWEEP_BATCH_SIZE = 1000;

/** How long `recover` waits before it looks for peers again, ms. Source: `hypercore/lib/session-state.js`. */
export const RECOVERY_RETRY_MS = 5000;

/** How often in a row, and at what interval (ms), peers have to confirm what `recover` waits for. Same source. */
export const RECOVERY_CHECKS = 32;

/** See {@linkcode RECOVERY_CHECKS}. */
export const RECOVERY_INTERVAL_MS = 250;

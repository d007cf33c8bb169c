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

/**
 * Limits of a store of cores.
 *
 * @module
 */

/** How often idle cores are looked at, ms. Source: `corestore/index.js`, `CoreTracker`. */
export const IDLE_STRIKE_MS = 2000;

/** An idle core is closed at its so-manieth strike; the first is becoming idle. Source: `corestore/index.js`. */
export const IDLE_STRIKES_MAX = 4;

/** Pause between attempts to get the lock of a store that another process holds, ms. */
export const LOCK_RETRY_MS = 100;

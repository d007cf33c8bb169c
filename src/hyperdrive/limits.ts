/**
 * Bounds of drives.
 *
 * @module
 */

/** Links of the drive that `follow` goes along. Source: `hyperdrive` 13.3.3 (index.js). */
export const FOLLOW_HOPS_MAX = 16;

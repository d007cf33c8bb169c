/**
 * Limits of what is imported from old stores.
 *
 * @module
 */

/** Longest oplog, and longest header file, that is read, bytes; hypercore 10 starts a new one after 64 KiB. */
export const LEGACY_OPLOG_BYTES_MAX: number = 64 << 20;

/** Longest bitfield that is read, bytes: 512 million blocks. */
export const LEGACY_BITFIELD_BYTES_MAX: number = 64 << 20;

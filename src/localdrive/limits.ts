/**
 * Bounds of drives on the file system.
 *
 * @module
 */

/** Links of the drive that `follow` goes along. Source: `localdrive` 2.2.1 (index.js). */
export const FOLLOW_HOPS_MAX = 16;

/** Links that lead out of the root that are gone along. Source: `localdrive` 2.2.1 (index.js). */
export const EXTERNAL_HOPS_MAX = 256;

/** Bytes that a read stream reads at a time. Source: `localdrive` 2.2.1 (streams.js). */
export const READ_BYTES: number = 64 * 1024;

/** Files of a folder that are looked at together. */
export const STATUS_BATCH = 64;

/** Folders that are known to lie inside the root. */
export const CHECKED_FOLDERS_MAX = 4096;

/** Bytes of one name in a path: what the usual file systems take. */
export const NAME_BYTES_MAX = 255;

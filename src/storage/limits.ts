/**
 * Bounds of what a storage takes; each is enforced before anything is written.
 *
 * @module
 */

/** Largest owner of a numbered row: 2^23 - 1, so that (owner, index) fits a signed 64-bit integer. */
export const ROW_OWNER_MAX: number = 2 ** 23 - 1;

/** Largest index of a numbered row: 2^40 - 1. */
export const ROW_INDEX_MAX: number = 2 ** 40 - 1;

/** Largest exclusive end of a row range: one past {@linkcode ROW_INDEX_MAX}. */
export const ROW_END_MAX: number = 2 ** 40;

/** Largest value of a row or record, bytes: 64 MiB, four times the largest block of a hypercore. */
export const VALUE_BYTE_LENGTH_MAX: number = 64 * 1024 * 1024;

/** Largest key of a record, bytes: 64 KiB. The empty key is allowed. */
export const KEY_BYTE_LENGTH_MAX: number = 64 * 1024;

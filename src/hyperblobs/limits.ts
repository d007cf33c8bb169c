/**
 * Sizes and limits of blobs.
 *
 * @module
 */

/** Bytes of a block; source: `hyperblobs/index.js`. */
export const DEFAULT_BLOCK_SIZE = 65_536;

/** Blocks of a blob that one append takes; source: `hyperblobs/lib/streams.js`. */
export const APPEND_BLOCKS = 16;

/** Appends of a blob that may be on their way. */
export const APPENDS_AT_ONCE = 4;

/** Entries that one block of a block map has; source: `hyperblobs/lib/block-map.js`. */
export const MAP_BLOCK_ENTRIES = 8192;

/** Blocks that a block map may have; source: `hyperblobs/lib/block-map.js`. */
export const MAP_BLOCKS_MAX = 64;

/** Bytes of one block of a block map: two numbers of nine bytes an entry, with some room. */
export const MAP_BLOCK_BYTES_MAX: number = 20 * MAP_BLOCK_ENTRIES;

/** Blocks that are read at a time: for a whole blob, and for a stream of one. */
export const READ_BLOCKS: { readonly whole: number; readonly stream: number } = { whole: 256, stream: 16 };

/** Blobs of one block that one append takes, where they wait for each other. */
export const PUTS_AT_ONCE = 32;

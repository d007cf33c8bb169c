/**
 * Limits of a bee: what a log of a hostile writer, or a peer, may make us hold or do.
 *
 * @module
 */

/** Fewest keys of a node but the root; source: `hyperbee/index.js`, T = 5. */
export const NODE_KEYS_MIN = 4;

/** A node that reaches this many keys is split; source: `hyperbee/index.js`. */
export const NODE_KEYS_SPLIT = 9;

/** Keys that a node read from a log may have: far more than any writer makes, few enough to hold. */
export const NODE_KEYS_MAX = 1024;

/** Levels of a tree: with at least five children a node, 2^53 entries fit in 23. */
export const TREE_DEPTH_MAX = 48;

/** Steps that a comparison of trees takes before it lets others run. */
export const STEPS_PER_TURN = 65_536;

/** Bytes of blocks that a bee and its views keep in memory. */
export const DEFAULT_CACHE_BYTES: number = 64 * 1024 * 1024;

/** What a block costs in memory beside its bytes: objects, a view, a tree node or two, the entry in the cache. */
export const BLOCK_OVERHEAD_BYTES = 768;

/** Blocks of a batch that stay in memory once it is appended: the newest. */
export const KEPT_BLOCKS = 1024;

/** Single changes after which the tree nodes that they came by are dropped: some 10 KiB for each. */
export const CHANGES_IN_MEMORY = 128;

/** Blocks read at once ahead of an iteration: few at first, more while it goes on. */
export const READ_AHEAD_BLOCKS: { readonly first: number; readonly most: number } = { first: 8, most: 256 };

/** Blocks that a hint to a peer holds; source: `hyperbee/lib/extension.js`. */
export const HINT_BLOCKS = 128;

/** Blocks after which an iteration asks for hints again; source: `hyperbee/lib/extension.js`. */
export const ITERATOR_HINT_BLOCKS = 2048;

/** Blocks looked at to answer one request for hints; source: `hyperbee/lib/extension.js`. */
export const ANSWER_BLOCKS_MAX: number = ITERATOR_HINT_BLOCKS + HINT_BLOCKS;

/** Requests for hints answered at a time; what comes beyond is dropped, as a hint may be. */
export const ANSWERS_AT_ONCE_MAX = 32;

/** Ranges of hinted blocks being fetched at a time; the oldest is let go. */
export const HINTED_DOWNLOADS_MAX = 64;

/** Size of a message with or for hints; greater ones are dropped unread. Blocks of 128 numbers take 1 KiB. */
export const HINT_MESSAGE_BYTES_MAX: number = 64 * 1024;

/** Changes that are asked for one by one and appended together, where they wait for each other. */
export const CHANGES_AT_ONCE = 32;

/**
 * Bounds of the log: what a peer, a caller or a damaged store can make it allocate.
 *
 * @module
 */

/** Largest flat tree index: 2^53 - 1, the largest integer a number holds. */
export const TREE_INDEX_MAX: number = Number.MAX_SAFE_INTEGER;

/** Most blocks in one log: tree indexes must fit the row indexes of a storage (2^40 - 1). */
export const LOG_LENGTH_MAX: number = 2 ** 39;

/** Most nodes on one path of a proof: no tree of {@linkcode LOG_LENGTH_MAX} blocks is higher. */
export const PROOF_PATH_NODES_MAX = 64;

/** Most nodes in the upgrade part of a proof, each of its two lists: one path down and one path up. */
export const PROOF_UPGRADE_NODES_MAX = 128;

/** Partial pages (4 KiB each) one {@linkcode Bitfield} holds unless told otherwise: 256 MiB of bits, 32 MiB of memory. */
export const BITFIELD_PAGES_MAX = 8192;

/** Bits per piece that `Bitfield.wants()` yields, as `hypercore/lib/bitfield.js` segments. */
export const BITFIELD_WANT_BITS = 2097152;

/** Most signers, and most linked keys, of one manifest. */
export const MANIFEST_ENTRIES_MAX = 4096;

/** Most bytes of a manifest's user data. */
export const MANIFEST_USER_DATA_BYTES_MAX = 1 << 20;

/** Most nodes in the patch of one multi-signature. */
export const MULTISIG_PATCH_NODES_MAX = 8192;

/** Most signatures in one multi-signature. */
export const MULTISIG_PROOFS_MAX = 4096;

/**
 * Tree nodes one log keeps in memory: this many low ones and as many high ones, 49 bytes each and at most 3.2 MB. Logs of
 * up to half a million blocks have fewer high ones.
 */
export const NODE_CACHE_NODES = 32768;

/** A node that covers this many blocks or more counts as high; a power of two. */
export const HIGH_NODE_BLOCKS = 32;

/** Most blocks of concurrent appends that share one transaction; a single append may have more. */
export const APPEND_GROUP_BLOCKS_MAX = 16384;

/** Most bytes of concurrent appends that share one transaction; a single append may have more. */
export const APPEND_GROUP_BYTES_MAX = 8 << 20;

/** Bytes that one transaction of a copy or an import holds, roughly. */
export const COPY_BATCH_BYTES = 4 << 20;

/** Rows read at once when rows are copied to another owner. */
export const COPY_ROWS = 64;

/**
 * A tree node as readers see it, whether it comes from a block or is being changed in memory.
 *
 * @module
 */

/** Key and value as they lie in a block. */
export interface EncodedEntry {
  /** Block. */
  readonly seq: number;
  /** Encoded; not to be changed. */
  readonly key: Uint8Array;
  /** Encoded, null where there is none; not to be changed. */
  readonly value: Uint8Array | null;
}

/** A node of the tree: keys in order and, unless it is a leaf, one child more than keys. */
export interface NodeView {
  /** The block it lies in, where it comes from one. */
  readonly entry: EncodedEntry | null;
  /** Number of that block. */
  readonly seq: number;
  /** Position in the index of that block. */
  readonly offset: number;
  /** How many keys there are. */
  readonly keyCount: number;
  /** How many children there are: 0, or one more than keys. */
  readonly childCount: number;
  /** Block that holds the key at `index`. */
  keySeq(index: number): number;
  /** The key at `index` where the node has it. */
  keyBytes(index: number): Uint8Array | null;
  /** Block that holds the child at `index`. */
  childSeq(index: number): number;
  /** Position of that child in the index of its block. */
  childOffset(index: number): number;
  /** The child at `index` where the node has it. */
  childNode(index: number): NodeView | null;
}

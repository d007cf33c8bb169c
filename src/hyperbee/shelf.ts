/**
 * What the tree code has at hand. It never waits: where a block is missing it notes which, returns {@linkcode MISS},
 * and is called again once the block is here.
 *
 * @module
 */
import type { Block } from "./block.ts";
import { HyperbeeError } from "./errors.ts";
import { TREE_DEPTH_MAX } from "./limits.ts";
import type { EncodedEntry, NodeView } from "./node_view.ts";

/** Says that a block is missing. */
export const MISS: unique symbol = Symbol("miss");

/** The type of {@linkcode MISS}. */
export type Miss = typeof MISS;

/** Where blocks come from without waiting. */
export interface BlockSource {
  /** A block, where it is at hand. */
  get(seq: number): EncodedEntry | undefined;
  /** Whether it is, without reading it. */
  has(seq: number): boolean;
}

/** Blocks at hand, and a note of those that were missing. */
export class Shelf {
  /** Blocks that were missing; emptied by who fetches them. Empty after a miss: the work only paused. */
  readonly wanted: number[] = [];
  /** The node whose keys or children were missing last: a reader of a sparse log may fetch all around it. */
  around: NodeView | null = null;
  readonly #source: BlockSource;

  /** Takes blocks from `source`. */
  constructor(source: BlockSource) {
    this.#source = source;
  }

  /** Key and value of a block. */
  entry(seq: number, around: NodeView | null = null): EncodedEntry | Miss {
    return this.#source.get(seq) ?? this.#miss(seq, around);
  }

  /** The block itself, which must be one of the log. */
  block(seq: number, around: NodeView | null = null): Block | Miss {
    return this.#source.get(seq) as Block | undefined ?? this.#miss(seq, around);
  }

  /** Whether a block is at hand. */
  has(seq: number): boolean {
    return this.#source.has(seq);
  }

  /** The key at `index` of a node. */
  key(node: NodeView, index: number): Uint8Array | Miss {
    const known = node.keyBytes(index);
    if (known !== null) return known;
    const entry = this.entry(node.keySeq(index), node);
    return entry === MISS ? MISS : entry.key;
  }

  /** The child at `index` of a node. */
  child(node: NodeView, index: number): NodeView | Miss {
    const known = node.childNode(index);
    if (known !== null) return known;
    const block = this.block(node.childSeq(index), node);
    return block === MISS ? MISS : block.node(node.childOffset(index));
  }

  #miss(seq: number, around: NodeView | null): Miss {
    this.wanted.push(seq);
    this.around = around;
    return MISS;
  }
}

/**
 * Checks that a way from the root is no longer than a tree is high; only a log made to harm has one.
 *
 * @throws {HyperbeeError} `DECODING_ERROR`
 */
export function checkDepth(depth: number): void {
  if (depth <= TREE_DEPTH_MAX) return;
  throw new HyperbeeError("DECODING_ERROR", `Cannot read a tree of more than ${TREE_DEPTH_MAX} levels`);
}

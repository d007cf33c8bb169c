/**
 * The stored nodes of one log, behind a bounded cache that knows where the stored part of the tree ends.
 *
 * Stored nodes come in pairs of siblings, and whoever is stored has its parent stored, up to a root. So below a node
 * whose children are not stored nothing is: one such mark answers for a whole subtree.
 *
 * @module
 */
import { HIGH_NODE_BLOCKS, NODE_CACHE_NODES } from "./limits.ts";
import type { LogStorage } from "./log_storage.ts";
import { copyOfRow, nodeOfRow } from "./node.ts";
import { NodeCache } from "./node_cache.ts";
import type { TreeNode } from "./types.ts";

/** Low nodes and high ones have a cache each. */
const CACHES = 2;

function cachedNodesOf({ treeCacheNodes }: LogStorage): number {
  return treeCacheNodes === undefined ? NODE_CACHE_NODES : Math.floor(treeCacheNodes / CACHES);
}

/** Reads nodes of one owner. */
export class NodeStore {
  readonly #storage: LogStorage;
  readonly #owner: number;
  readonly #low: NodeCache;
  readonly #high: NodeCache;
  /** Counts deletions: what was read before one may be gone. */
  #epoch = 0;

  /** Reads the rows of `owner`. */
  constructor(storage: LogStorage, owner: number) {
    this.#storage = storage;
    this.#owner = owner;
    this.#low = new NodeCache(cachedNodesOf(storage));
    this.#high = new NodeCache(cachedNodesOf(storage));
  }

  /** Whether the node is in memory; false says nothing. */
  has(index: number): boolean {
    return this.#cacheOf(index).find(index) !== -1;
  }

  /** The node where it is in memory; undefined says nothing. */
  peek(index: number): TreeNode | undefined {
    const cache = this.#cacheOf(index);
    const place = cache.find(index);
    return place === -1 ? undefined : copyOfRow(index, cache.rowAt(place));
  }

  /** The node, at once where it is in memory; null where it is not stored. */
  read(index: number): TreeNode | null | Promise<TreeNode | null> {
    return this.peek(index) ?? this.#readRow(index);
  }

  /** Makes all these nodes available to the caller; nothing to await where they are in memory. */
  gather(indexes: Iterable<number>): GatheredNodes {
    const nodes = new Map<number, TreeNode>();
    const missing = new Set<number>();
    for (const index of indexes) {
      const node = this.peek(index);
      if (node !== undefined) nodes.set(index, node);
      else if (!nodes.has(index)) missing.add(index);
    }
    const pending = missing.size === 0 ? null : this.#readRows(Array.from(missing), nodes);
    return { nodes, pending };
  }

  /** Remembers a stored node by its stored form, which is copied. */
  put(index: number, row: Uint8Array, isChildless = false): void {
    this.#cacheOf(index).put(index, row, isChildless);
  }

  /** Tells whether nothing below `index` is known to be stored; false says nothing. */
  isChildless(index: number): boolean {
    const cache = this.#cacheOf(index);
    const place = cache.find(index);
    return place !== -1 && cache.isChildlessAt(place);
  }

  /** Notes whether children of a remembered node are stored. */
  setChildless(index: number, isChildless: boolean): void {
    const cache = this.#cacheOf(index);
    const place = cache.find(index);
    if (place !== -1) cache.setChildlessAt(place, isChildless);
  }

  /** Forgets everything, after nodes were deleted. */
  reset(): void {
    this.#epoch++;
    this.#low.clear();
    this.#high.clear();
  }

  /**
   * High nodes are few and every path to a block passes some; among the low ones, which each download brings by the
   * hundred, they would be forgotten.
   */
  #cacheOf(index: number): NodeCache {
    // In a flat tree the index of a node that covers 2^d blocks ends in d ones.
    return index % HIGH_NODE_BLOCKS === HIGH_NODE_BLOCKS - 1 ? this.#high : this.#low;
  }

  async #readRow(index: number): Promise<TreeNode | null> {
    const epoch = this.#epoch;
    const row = await this.#storage.getRow("node", this.#owner, index);
    const node = row && nodeOfRow(index, row);
    if (row !== null && node !== null) this.#keep(index, row, epoch);
    return node;
  }

  async #readRows(indexes: readonly number[], nodes: Map<number, TreeNode>): Promise<void> {
    const epoch = this.#epoch;
    const rows = await this.#storage.getRows("node", this.#owner, indexes);
    for (let i = 0; i < indexes.length; i++) {
      const row = rows[i];
      const node = row ? nodeOfRow(indexes[i]!, row) : null;
      if (node === null) continue;
      nodes.set(node.index, node);
      this.#keep(node.index, row!, epoch);
    }
  }

  /** What was learnt while the row was read is newer than the row. */
  #keep(index: number, row: Uint8Array, epoch: number): void {
    if (epoch === this.#epoch && !this.has(index)) this.put(index, row);
  }
}

/** Nodes being read. */
export interface GatheredNodes {
  /** The nodes found; complete once `pending` has settled. */
  readonly nodes: ReadonlyMap<number, TreeNode>;
  /** Null where everything was in memory. */
  readonly pending: Promise<void> | null;
}

/**
 * The stored nodes of one log, behind a bounded cache that knows where the stored part of the tree ends.
 *
 * Stored nodes come in pairs of siblings, and whoever is stored has its parent stored, up to a root. So below a node
 * whose children are not stored nothing is: one such mark answers for a whole subtree.
 *
 * @module
 */
import { HIGH_NODE_BLOCKS, NODE_CACHE_GENERATION_NODES } from "./limits.ts";
import type { LogStorage } from "./log_storage.ts";
import { nodeOfRow } from "./node.ts";
import type { TreeNode } from "./types.ts";

interface Entry {
  /** Stored form: most of what is remembered is never looked at again, so nodes are made on demand. */
  readonly row: Uint8Array;
  node: TreeNode | null;
  /** Known to have no stored children; false says nothing. */
  isChildless: boolean;
}

/** What was used last, in two generations: the older one goes when the younger is full. */
class Generations {
  readonly #entriesMax: number;
  #young = new Map<number, Entry>();
  #old = new Map<number, Entry>();

  constructor(entriesMax: number) {
    this.#entriesMax = entriesMax;
  }

  get(index: number): Entry | undefined {
    const entry = this.#young.get(index);
    if (entry !== undefined) return entry;
    const old = this.#old.get(index);
    if (old !== undefined) this.set(index, old);
    return old;
  }

  set(index: number, entry: Entry): void {
    this.#young.set(index, entry);
    if (this.#young.size < this.#entriesMax) return;
    this.#old = this.#young;
    this.#young = new Map();
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}

/** Two generations of low nodes and two of high ones make up the cache. */
const GENERATIONS = 4;

function generationNodesOf({ treeCacheNodes }: LogStorage): number {
  return treeCacheNodes === undefined
    ? NODE_CACHE_GENERATION_NODES
    : Math.max(1, Math.floor(treeCacheNodes / GENERATIONS));
}

/** Reads nodes of one owner. */
export class NodeStore {
  readonly #storage: LogStorage;
  readonly #owner: number;
  readonly #low: Generations;
  readonly #high: Generations;
  /** Counts deletions: what was read before one may be gone. */
  #epoch = 0;

  /** Reads the rows of `owner`; keeps up to two generations of low nodes, and two of high ones. */
  constructor(storage: LogStorage, owner: number, generationNodes: number = generationNodesOf(storage)) {
    this.#storage = storage;
    this.#owner = owner;
    this.#low = new Generations(generationNodes);
    this.#high = new Generations(generationNodes);
  }

  /** The node where it is in memory; undefined says nothing. */
  peek(index: number): TreeNode | undefined {
    const entry = this.#find(index);
    if (entry === undefined) return undefined;
    entry.node ??= nodeOfRow(index, entry.row);
    return entry.node ?? undefined;
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

  /** Remembers a stored node by its stored form, which is kept; those of low nodes may share a buffer. */
  put(index: number, row: Uint8Array, isChildless = false): void {
    const generations = this.#generationsOf(index);
    // A high node stays longer than the low ones it came with, and would keep all of theirs.
    const kept = generations === this.#high ? row.slice() : row;
    generations.set(index, { row: kept, node: null, isChildless });
  }

  /** Tells whether nothing below `index` is known to be stored; false says nothing. */
  isChildless(index: number): boolean {
    return this.#find(index)?.isChildless ?? false;
  }

  /** Notes whether children of a remembered node are stored. */
  setChildless(index: number, isChildless: boolean): void {
    const entry = this.#find(index);
    if (entry !== undefined) entry.isChildless = isChildless;
  }

  /** Forgets everything, after nodes were deleted. */
  reset(): void {
    this.#epoch++;
    this.#low.clear();
    this.#high.clear();
  }

  #find(index: number): Entry | undefined {
    return this.#generationsOf(index).get(index);
  }

  /**
   * High nodes are few and every path to a block passes some; among the low ones, which each download brings by the
   * hundred, they would be forgotten.
   */
  #generationsOf(index: number): Generations {
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
    if (epoch === this.#epoch && this.#find(index) === undefined) this.put(index, row);
  }
}

/** Nodes being read. */
export interface GatheredNodes {
  /** The nodes found; complete once `pending` has settled. */
  readonly nodes: ReadonlyMap<number, TreeNode>;
  /** Null where everything was in memory. */
  readonly pending: Promise<void> | null;
}

/**
 * Walks a foreign tree from its roots down to what can be trusted: each pair of nodes must hash to its parent, each block
 * to its leaf.
 *
 * Where a stored node does not fit, it is made again from what is below it, a leaf from its block; so damage costs only
 * what cannot be told any more.
 *
 * @module
 */
import { equalBytes } from "../../base/mod.ts";
import type { Bitfield } from "./bitfield.ts";
import { fullRoots, leafCount, leftChild, leftSpan, rightChild } from "./flat_tree.ts";
import { leafNode, parentNode } from "./node.ts";
import type { TreeNode } from "./types.ts";

/** Where a foreign log is read from; nothing of it is trusted. */
export interface LogSource {
  /** The node at a tree index; null where none is stored. */
  node(index: number): Promise<TreeNode | null>;
  /** `size` bytes at `offset` of all blocks; null where there are fewer, or that is more than a block has. */
  bytes(offset: number, size: number): Promise<Uint8Array | null>;
}

/** Takes in what was found to be true. */
export interface ImportSink {
  /** A node that hangs in the tree. */
  putNode(node: TreeNode): Promise<void>;
  /** A block that fits its leaf. */
  putBlock(index: number, value: Uint8Array): Promise<void>;
  /** Blocks from `start` to `end` (exclusive) that are said to be there, and cannot be verified. */
  lose(start: number, end: number): void;
}

/** How much is done to make a node again. */
type Effort =
  /** From its two stored children. */
  | "children"
  /** From the stored leaves. */
  | "leaves"
  /** From the blocks, and the stored leaves of those that are not there. */
  | "blocks";

const EFFORTS: readonly Effort[] = ["children", "leaves", "blocks"];

/** Imports what hangs in one tree. */
export class ImportTree {
  readonly #source: LogSource;
  /** Blocks that are said to be there. */
  readonly #claimed: Bitfield;
  readonly #sink: ImportSink;

  /** Reads from `source` and hands what is true to `sink`. */
  constructor(source: LogSource, claimed: Bitfield, sink: ImportSink) {
    this.#source = source;
    this.#claimed = claimed;
    this.#sink = sink;
  }

  /** The roots over `length` blocks as they may have been, the likeliest first; none may be right. */
  async *roots(length: number): AsyncGenerator<TreeNode[], void, void> {
    const indexes = fullRoots(length);
    const stored: (TreeNode | null)[] = [];
    for (const index of indexes) stored.push(await this.#node(index));
    if (isWhole(stored)) yield stored;
    for (const effort of EFFORTS) {
      const remade: (TreeNode | null)[] = [];
      let offset = 0;
      for (const [i, index] of indexes.entries()) {
        const root: TreeNode | null = await this.#remake(index, offset, effort) ?? stored[i]!;
        remade.push(root);
        offset += root?.size ?? 0;
      }
      for (const i of indexes.keys()) {
        const mixed = stored.with(i, remade[i]!);
        if (isWhole(mixed)) yield mixed;
      }
      if (isWhole(remade)) yield remade;
    }
  }

  /** Imports what lies below `node`, which is trusted and whose first byte is at `offset`. */
  async walk(node: TreeNode, offset: number): Promise<void> {
    if (node.index % 2 === 0) return await this.#takeBlock(node, offset);
    const children = await this.#children(node, offset);
    if (children === null) return this.#lose(node.index);
    const [left, right] = children;
    await this.#sink.putNode(left);
    await this.#sink.putNode(right);
    await this.walk(left, offset);
    await this.walk(right, offset + left.size);
  }

  async #takeBlock(leaf: TreeNode, offset: number): Promise<void> {
    const index = leaf.index / 2;
    if (!this.#claimed.get(index)) return;
    const value = await this.#source.bytes(offset, leaf.size);
    const isTrue = value !== null && equalBytes(leafNode(leaf.index, value).hash, leaf.hash);
    if (isTrue) await this.#sink.putBlock(index, value);
    else this.#sink.lose(index, index + 1);
  }

  /** The two nodes below `parent`; null where nothing is stored of them, or nothing that fits. */
  async #children(parent: TreeNode, offset: number): Promise<[TreeNode, TreeNode] | null> {
    const lefts = present([await this.#node(leftChild(parent.index))]);
    const rights = present([await this.#node(rightChild(parent.index))]);
    const stored = fittingPair(parent, lefts, rights);
    if (stored !== null) return stored;
    if (!this.#claimsAny(parent.index)) return null;
    for (const effort of EFFORTS) {
      lefts.push(...await this.#candidates(parent, leftChild(parent.index), offset, rights, effort));
      for (const { size } of lefts.slice()) {
        const index = rightChild(parent.index);
        rights.push(...await this.#candidates(parent, index, offset + size, lefts, effort));
      }
      const pair = fittingPair(parent, lefts, rights);
      if (pair !== null) return pair;
    }
    return null;
  }

  /** What the node at `index` may be, besides what is stored of it. */
  async #candidates(
    parent: TreeNode,
    index: number,
    offset: number,
    siblings: readonly TreeNode[],
    effort: Effort,
  ): Promise<TreeNode[]> {
    const remade = present([await this.#remake(index, offset, effort)]);
    if (effort !== "blocks" || index % 2 === 1) return remade;
    // The size of a damaged leaf follows from its sibling's.
    for (const sibling of siblings) {
      remade.push(...present([await this.#leafOf(index, offset, parent.size - sibling.size)]));
    }
    return remade;
  }

  /** The node at `index` made again; null where that cannot be done. */
  async #remake(index: number, offset: number, effort: Effort): Promise<TreeNode | null> {
    if (index % 2 === 0) {
      const stored = await this.#node(index);
      if (effort !== "blocks" || stored === null) return stored;
      return await this.#leafOf(index, offset, stored.size) ?? stored;
    }
    const below = (child: number, offset: number) =>
      effort === "children" ? this.#node(child) : this.#remake(child, offset, effort);
    const left = await below(leftChild(index), offset);
    const right = left && await below(rightChild(index), offset + left.size);
    return left && right && addsUp(left, right) ? parentNode(left, right) : null;
  }

  async #leafOf(index: number, offset: number, size: number): Promise<TreeNode | null> {
    const isPossible = size >= 0 && Number.isSafeInteger(offset + size) && this.#claimed.get(index / 2);
    const value = isPossible ? await this.#source.bytes(offset, size) : null;
    return value && leafNode(index, value);
  }

  async #node(index: number): Promise<TreeNode | null> {
    const node = await this.#source.node(index);
    return node !== null && Number.isSafeInteger(node.size) ? node : null;
  }

  /** Tells of the blocks below `index` that are said to be there. */
  #lose(index: number): void {
    const first = leftSpan(index) / 2;
    for (const { start, end } of this.#claimed.setRanges(first, first + leafCount(index))) {
      this.#sink.lose(start, end);
    }
  }

  #claimsAny(index: number): boolean {
    const first = leftSpan(index) / 2;
    const claimed = this.#claimed.firstSet(first);
    return claimed !== -1 && claimed < first + leafCount(index);
  }
}

function fittingPair(
  parent: TreeNode,
  lefts: readonly TreeNode[],
  rights: readonly TreeNode[],
): [TreeNode, TreeNode] | null {
  for (const left of lefts) {
    for (const right of rights) {
      if (!addsUp(left, right) || left.size + right.size !== parent.size) continue;
      if (equalBytes(parentNode(left, right).hash, parent.hash)) return [left, right];
    }
  }
  return null;
}

function addsUp(left: TreeNode, right: TreeNode): boolean {
  return Number.isSafeInteger(left.size + right.size);
}

function isWhole(nodes: readonly (TreeNode | null)[]): nodes is TreeNode[] {
  return nodes.every((node) => node !== null);
}

function present<T>(values: readonly (T | null)[]): T[] {
  return values.filter((value) => value !== null);
}

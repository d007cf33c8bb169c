/**
 * A tree that grows: subtrees are pushed at its end and merge into larger ones.
 *
 * @module
 */
import { copyBytes } from "../../base/mod.ts";
import { HypercoreError } from "../errors.ts";
import { leafCount, leftSpan, treeSibling } from "./flat_tree.ts";
import { LOG_LENGTH_MAX } from "./limits.ts";
import { copyOfNode, parentNode, treeHashOf } from "./node.ts";
import type { TreeHead, TreeNode } from "./types.ts";

/** What a signature is about. */
export interface SignableTree {
  /** Blocks. */
  readonly length: number;
  /** How often the log was truncated. */
  readonly fork: number;
  /** The full roots, left to right. */
  readonly roots: readonly TreeNode[];
  /** Hash over the roots, 32 bytes. */
  hash(): Uint8Array;
}

/** The state of a log before its first block. */
export const EMPTY_HEAD: TreeHead = Object.freeze({
  length: 0,
  byteLength: 0,
  fork: 0,
  roots: Object.freeze([]),
  signature: null,
});

/** A tree on its way from one head to another. The head it starts from is not changed. */
export class TreeBatch implements SignableTree {
  /** Blocks. */
  length: number;
  /** Bytes of all blocks. */
  byteLength: number;
  /** How often the log was truncated. */
  fork: number;
  /** Signature over this state, where there is one. */
  signature: Uint8Array | null;
  /** The full roots, left to right. */
  roots: TreeNode[];
  /** Every node added, pushed ones and merged ones, in order of creation. */
  readonly added: TreeNode[] = [];
  #hash: Uint8Array | null = null;

  /** Starts from `head`. */
  constructor(head: TreeHead) {
    this.length = head.length;
    this.byteLength = head.byteLength;
    this.fork = head.fork;
    this.signature = head.signature;
    this.roots = head.roots.slice();
  }

  /**
   * Adds a subtree behind the last block and merges what can be merged.
   *
   * @throws {HypercoreError} `INVALID_OPERATION` when `node` does not begin where the tree ends, `INVALID_PROOF` when
   *   the tree would outgrow what can be counted.
   */
  push(node: TreeNode): void {
    if (leftSpan(node.index) !== this.length * 2) {
      throw new HypercoreError("INVALID_OPERATION", `Unexpected node: ${node.index}`);
    }
    const length = this.length + leafCount(node.index);
    const byteLength = this.byteLength + node.size;
    if (length > LOG_LENGTH_MAX || !Number.isSafeInteger(byteLength)) {
      throw new HypercoreError("INVALID_PROOF", `Tree is too large: ${length} blocks, ${byteLength} bytes`);
    }
    this.#hash = null;
    this.length = length;
    this.byteLength = byteLength;
    this.added.push(node);
    let last = node;
    for (let left = this.roots.at(-1); left !== undefined; left = this.roots.at(-1)) {
      if (treeSibling(last.index) !== left.index) break;
      this.roots.pop();
      last = parentNode(left, last);
      this.added.push(last);
    }
    this.roots.push(last);
  }

  /** Hash over the roots, 32 bytes. */
  hash(): Uint8Array {
    return this.#hash ??= treeHashOf(this.roots);
  }

  /** The state reached, as a value that does not change and shares no bytes with what was pushed. */
  toHead(): TreeHead {
    const { length, byteLength, fork, signature } = this;
    return {
      length,
      byteLength,
      fork,
      signature: signature && copyBytes(signature),
      roots: this.roots.map(copyOfNode),
    };
  }
}

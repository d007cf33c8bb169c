/**
 * Following a log to a newer fork: the new tree is verified first, then compared with the old one, node by node, to keep
 * what both have in common.
 *
 * Source: `hypercore/lib/merkle-tree.js`, `ReorgBatch`.
 *
 * @module
 */
import { equalBytes } from "../../base/mod.ts";
import { HypercoreError } from "../errors.ts";
import { leftChild, leftSpan, rightChild, rightSpan, treeDepth } from "./flat_tree.ts";
import type { LogState } from "./log_state.ts";
import { copyOfNode } from "./node.ts";
import { EMPTY_HEAD, TreeBatch } from "./tree_batch.ts";
import type { Manifest, Proof, TreeHead, TreeNode } from "./types.ts";
import { applyUpgrade, checkPaths } from "./verify.ts";

/** What would tell more about where the two trees part: a proof of any of these leaves, up to the differing node. */
export interface ReorgWant {
  /** First block of the differing subtree. */
  readonly start: number;
  /** End of it within the old tree, exclusive. */
  readonly end: number;
  /** Levels from a leaf up to the differing node: the `nodes` of a request. */
  readonly nodes: number;
}

/** A verified tree of a newer fork on its way to replace the one that is stored. */
export class Reorg {
  /** The new state, signed. */
  readonly head: TreeHead;
  /** Hash over the roots of `head`. */
  readonly rootHash: Uint8Array;
  /** The manifest that came with it, where none was known. */
  readonly manifest: Manifest | null;
  readonly #state: LogState;
  readonly #oldHead: TreeHead;
  readonly #nodes = new Map<number, TreeNode>();
  #differing: TreeNode | null = null;
  #ancestors: number;
  #want: ReorgWant | null = null;

  private constructor(state: LogState, batch: TreeBatch, manifest: Manifest | null) {
    this.#state = state;
    this.#oldHead = state.head;
    this.head = batch.toHead();
    this.rootHash = batch.hash();
    this.manifest = manifest;
    this.#ancestors = batch.length;
    for (const node of batch.added) this.#keep(node);
  }

  /**
   * Starts from the proof of the whole new tree.
   *
   * @param checkSignature throws unless the tree is signed; returns the manifest where it was not known before
   * @throws {HypercoreError} `INVALID_OPERATION`, `INVALID_PROOF`, and what `checkSignature` throws.
   */
  static async start(
    state: LogState,
    proof: Proof,
    checkSignature: (batch: TreeBatch) => Manifest | null,
  ): Promise<Reorg> {
    if (proof.upgrade === null) throw new HypercoreError("INVALID_OPERATION", "Expected upgrade proof");
    const paths = checkPaths(proof);
    const batch = new TreeBatch(EMPTY_HEAD);
    const { usedRoot } = applyUpgrade(batch, proof.upgrade, paths.root, null);
    if (paths.root !== null && !usedRoot) {
      throw new HypercoreError("INVALID_PROOF", "Fork proof not verifiable");
    }
    batch.fork = proof.fork;
    batch.signature = proof.upgrade.signature;
    const reorg = new Reorg(state, batch, checkSignature(batch));
    for (const node of [...paths.received, ...paths.computed]) reorg.#keep(node);
    for (const root of reorg.head.roots) {
      if (await reorg.#isStored(root)) continue;
      await reorg.#narrow(root);
      break;
    }
    return reorg;
  }

  /** Blocks that both trees have in common, as far as is known. */
  get ancestors(): number {
    return Math.min(this.#ancestors, this.#oldHead.length);
  }

  /** What would tell more; null once it is known where the trees part. */
  get want(): ReorgWant | null {
    return this.#want;
  }

  /** Whether it is known where the trees part. Applying an unfinished one is right too, but drops more. */
  get isFinished(): boolean {
    return this.#want === null;
  }

  /** Whether the stored log is still the one that this was compared with. */
  get isCurrent(): boolean {
    return this.#state.head === this.#oldHead;
  }

  /** The nodes of the new tree that were proved. */
  get nodes(): ReadonlyMap<number, TreeNode> {
    return this.#nodes;
  }

  /**
   * Takes a proof of what was wanted; resolves to whether it is known where the trees part.
   *
   * @throws {HypercoreError} `INVALID_OPERATION`, `INVALID_PROOF`.
   */
  async update(proof: Proof): Promise<boolean> {
    if (this.#want === null || this.#differing === null) return true;
    const { received, computed, root } = checkPaths(proof);
    const isBelow = root !== null && root.index === this.#differing.index &&
      equalBytes(root.hash, this.#differing.hash);
    if (!isBelow) return false;
    for (const node of [...received, ...computed]) this.#keep(node);
    await this.#narrow(root);
    return this.isFinished;
  }

  #keep(node: TreeNode): void {
    this.#nodes.set(node.index, copyOfNode(node));
  }

  /** Walks down from a node that differs to the first of its descendants that does, as far as nodes are known. */
  async #narrow(from: TreeNode): Promise<void> {
    let differing = from;
    while ((differing.index & 1) === 1) {
      const left = this.#nodes.get(leftChild(differing.index));
      const right = this.#nodes.get(rightChild(differing.index));
      if (left === undefined || right === undefined) break;
      differing = await this.#isStored(left) ? right : left;
    }
    this.#differing = differing;
    const start = leftSpan(differing.index) / 2;
    const end = Math.min(this.#oldHead.length, rightSpan(differing.index) / 2 + 1);
    this.#ancestors = start;
    const isLeaf = (differing.index & 1) === 0;
    this.#want = isLeaf || end <= start ? null : { start, end, nodes: treeDepth(differing.index) };
  }

  async #isStored(node: TreeNode): Promise<boolean> {
    const stored = await this.#state.nodes.read(node.index);
    return stored !== null && equalBytes(stored.hash, node.hash);
  }
}

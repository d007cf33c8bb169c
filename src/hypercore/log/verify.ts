/**
 * Checking proofs: from what a peer sent to the nodes it implies. Nothing is read or stored here; the caller compares
 * the result with what it trusts.
 *
 * Source of shapes and orders: `hypercore/lib/merkle-tree.js`. All input is hostile: every error is a
 * {@linkcode HypercoreError}, and the work is bounded by the size of the message.
 *
 * @module
 */
import { equalBytes, isBytes } from "../../base/mod.ts";
import { HypercoreError } from "../errors.ts";
import { TreeCursor } from "./flat_tree.ts";
import { LOG_LENGTH_MAX, PROOF_PATH_NODES_MAX, PROOF_UPGRADE_NODES_MAX } from "./limits.ts";
import { leafNode, parentNode } from "./node.ts";
import type { TreeBatch } from "./tree_batch.ts";
import type { ManifestPrologue, Proof, TreeNode } from "./types.ts";
import { upgradePath } from "./upgrade_path.ts";

const TREE_INDEX_LIMIT = 2 * LOG_LENGTH_MAX;
const HASH_BYTES = 32;

/** What the block, hash and seek parts of a proof imply. */
export interface CheckedPaths {
  /** Nodes the peer sent. */
  readonly received: TreeNode[];
  /** Nodes made from them, `root` included, leaf of the block included. */
  readonly computed: TreeNode[];
  /** The topmost node, to be found in a tree that is trusted; null where there is no such part. */
  readonly root: TreeNode | null;
}

/** What the upgrade part of a proof implies. */
export interface CheckedUpgrade {
  /** Nodes the peer sent. */
  readonly received: TreeNode[];
  /** Whether the root of the paths became part of the new tree, and so is covered by its signature. */
  readonly usedRoot: boolean;
}

/** A part of a proof with an upgrade. */
export type ProofUpgrade = NonNullable<Proof["upgrade"]>;

/**
 * Computes the nodes of the block, hash and seek parts.
 *
 * @throws {HypercoreError} `INVALID_OPERATION` for nodes that do not belong where they stand, `INVALID_PROOF` for
 *   values out of bounds.
 */
export function checkPaths(proof: Proof): CheckedPaths {
  const { block, hash, seek } = proof;
  const received: TreeNode[] = [];
  const computed: TreeNode[] = [];
  let root: TreeNode | null = null;
  if (seek !== null && seek.nodes.length > 0) {
    const [first, ...rest] = checkedNodes(seek.nodes, PROOF_PATH_NODES_MAX);
    received.push(first!);
    root = climb(first!, new NodeQueue(rest, null), received, computed);
  }
  if (block !== null) {
    const queue = new NodeQueue(checkedNodes(block.nodes, PROOF_PATH_NODES_MAX), root);
    if (!isIndex(block.index) || block.index >= LOG_LENGTH_MAX) {
      throw invalidProof(`Block index out of bounds: ${block.index}`);
    }
    let bottom: TreeNode;
    if (block.value === null) {
      received.push(bottom = queue.shift(block.index * 2));
    } else {
      computed.push(bottom = leafNode(block.index * 2, block.value));
    }
    root = climb(bottom, queue, received, computed);
  } else if (hash !== null) {
    const queue = new NodeQueue(checkedNodes(hash.nodes, PROOF_PATH_NODES_MAX), root);
    const bottom = queue.shift(hash.index);
    received.push(bottom);
    root = climb(bottom, queue, received, computed);
  }
  return { received, computed, root };
}

/**
 * Grows `batch` by an upgrade. Whether the result is signed is for the caller to check.
 *
 * @param root topmost node of the paths of the same proof, which the upgrade may take in
 * @throws {HypercoreError} `INVALID_OPERATION` for nodes that do not belong where they stand, `INVALID_PROOF` for
 *   values out of bounds and for what breaks the prologue.
 */
export function applyUpgrade(
  batch: TreeBatch,
  upgrade: ProofUpgrade,
  root: TreeNode | null,
  prologue: ManifestPrologue | null,
): CheckedUpgrade {
  const { start, length } = upgrade;
  const target = start + length;
  if (!isIndex(start) || !isIndex(length) || length === 0 || target > LOG_LENGTH_MAX) {
    throw invalidProof(`Upgrade out of bounds: ${length} blocks from ${start}`);
  }
  if (prologue !== null && start < prologue.length && (start !== 0 || length < prologue.length)) {
    throw invalidProof("Upgrade does not satisfy prologue");
  }
  const nodes = checkedNodes(upgrade.nodes, PROOF_UPGRADE_NODES_MAX);
  const additional = checkedNodes(upgrade.additionalNodes, PROOF_UPGRADE_NODES_MAX);
  const queue = new NodeQueue(nodes, root);
  for (const index of upgradePath(batch.length, target)) batch.push(queue.shift(index));
  if (queue.hasNodes) throw new HypercoreError("INVALID_OPERATION", "Unexpected nodes behind an upgrade");
  if (prologue !== null && batch.length === prologue.length && !equalBytes(prologue.hash, batch.hash())) {
    throw invalidProof("Invalid hash");
  }
  for (const node of additional) batch.push(node);
  return { received: [...nodes, ...additional], usedRoot: root !== null && !queue.hasExtra };
}

/** Length that a proof's upgrade leads to, additional nodes included, as far as its indexes make sense. */
export function upgradeLength(upgrade: ProofUpgrade): number {
  const last = upgrade.additionalNodes.at(-1);
  if (last === undefined) return upgrade.start + upgrade.length;
  const cursor = new TreeCursor(last.index);
  return (last.index + cursor.width / 2 + 1) / 2;
}

/** Nodes in the order they are expected, and one that stands apart and may be taken at any time. */
class NodeQueue {
  readonly #nodes: readonly TreeNode[];
  #next = 0;
  #extra: TreeNode | null;

  constructor(nodes: readonly TreeNode[], extra: TreeNode | null) {
    this.#nodes = nodes;
    this.#extra = extra;
  }

  get hasNodes(): boolean {
    return this.#next < this.#nodes.length;
  }

  get hasExtra(): boolean {
    return this.#extra !== null;
  }

  shift(index: number): TreeNode {
    if (this.#extra !== null && this.#extra.index === index) {
      const extra = this.#extra;
      this.#extra = null;
      return extra;
    }
    const node = this.#nodes[this.#next++];
    if (node === undefined || node.index !== index) {
      const got = node === undefined ? "(nil)" : `node ${node.index}`;
      throw new HypercoreError("INVALID_OPERATION", `Expected node ${index}, got ${got}`);
    }
    return node;
  }
}

/** Climbs from `bottom` until the queue is empty; adds to what was received and computed. */
function climb(
  bottom: TreeNode,
  queue: NodeQueue,
  received: TreeNode[],
  computed: TreeNode[],
): TreeNode {
  const cursor = new TreeCursor(bottom.index);
  let root = bottom;
  while (queue.hasNodes || queue.hasExtra) {
    const hadExtra = queue.hasExtra;
    const sibling = queue.shift(cursor.sibling());
    if (hadExtra === queue.hasExtra) received.push(sibling);
    cursor.parent();
    if (!Number.isSafeInteger(root.size + sibling.size)) throw invalidProof("Tree sizes out of bounds");
    root = parentNode(root, sibling);
    computed.push(root);
  }
  return root;
}

function checkedNodes(nodes: readonly TreeNode[], countMax: number): readonly TreeNode[] {
  if (nodes.length > countMax) throw invalidProof(`Too many nodes: ${nodes.length}`);
  for (const node of nodes) {
    const isValid = isIndex(node.index) && node.index < TREE_INDEX_LIMIT && isIndex(node.size) &&
      isBytes(node.hash) && node.hash.byteLength === HASH_BYTES;
    if (!isValid) throw invalidProof(`Node out of bounds: ${node.index}`);
  }
  return nodes;
}

function isIndex(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function invalidProof(message: string): HypercoreError {
  return new HypercoreError("INVALID_PROOF", message);
}

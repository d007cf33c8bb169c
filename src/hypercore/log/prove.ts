/**
 * Planning and building proofs. Planning says which nodes a proof takes, from the request and the head alone; building
 * puts the fetched nodes in their places. Nothing is read here.
 *
 * Source of shapes and orders: `hypercore/lib/merkle-tree.js`.
 *
 * @module
 */
import { HypercoreError } from "../errors.ts";
import { rightSpan, subtreeContains, TreeCursor } from "./flat_tree.ts";
import { upgradePath } from "./upgrade_path.ts";
import type { ManifestPrologue, Proof, ProofRequest, TreeHead, TreeNode } from "./types.ts";

/** Indexes of the nodes of a proof, part by part, in the order they travel; null for a part that is not there. */
export interface ProofPlan {
  /** The request, its upgrade as it will be answered. */
  readonly request: ProofRequest;
  /** The state that the proof is about. */
  readonly head: TreeHead;
  /** From the block or the node asked for up to the subtree that the asker knows. */
  node: number[] | null;
  /** From the byte asked for up to where the path above, or the upgrade, takes over. */
  seek: number[] | null;
  /** From the asker's length to the one asked for. */
  upgrade: number[] | null;
  /** From the length asked for to that of the head. */
  additional: number[] | null;
}

/** Where a seek has to be looked up before its proof can be planned. */
export type SeekTarget =
  /** Below this subtree, if the byte lies there at all. */
  | { readonly kind: "within"; readonly root: number }
  /** Anywhere in the first `length` blocks. */
  | { readonly kind: "all"; readonly length: number };

/** What of a request does not depend on stored nodes. */
export interface CheckedRequest {
  /** The request, its upgrade as it will be answered. */
  readonly request: ProofRequest;
  /** The node or leaf asked for, null where only a seek or an upgrade is. */
  readonly node: RequestedNode | null;
  /** Top of the subtree that the asker knows, null where the upgrade takes its place. */
  readonly subtree: number | null;
  /** Where to look up the seek, null where there is none to look up. */
  readonly seek: SeekTarget | null;
}

/** A leaf or node whose path is asked for. */
export interface RequestedNode {
  /** Tree index. */
  readonly index: number;
  /** Whether it is a block, so that the proof need not carry its hash. */
  readonly isBlock: boolean;
}

/**
 * Checks a request against a head that is not empty.
 *
 * @throws {HypercoreError} `INVALID_OPERATION` for what nobody could answer.
 */
export function checkRequest(
  request: ProofRequest,
  head: TreeHead,
  prologue: ManifestPrologue | null,
): CheckedRequest {
  const upgrade = request.upgrade && withPrologue(request.upgrade, prologue);
  const to = upgrade ? upgrade.start + upgrade.length : head.length;
  if (upgrade && !(isIndex(upgrade.start) && isIndex(to) && upgrade.start < to && to <= head.length)) {
    throw invalid("Invalid upgrade");
  }
  const node = requestedNode(request);
  if (node !== null && !(isIndex(node.index) && rightSpan(node.index) < 2 * head.length)) {
    throw invalid(`Expected tree node ${node.index} from storage, got (nil)`);
  }
  const { seek } = request;
  if (seek && upgrade && node !== null && node.index >= upgrade.start * 2) {
    throw invalid("Cannot both do a seek and block/hash request when upgrading");
  }
  const answered = upgrade === request.upgrade ? request : { ...request, upgrade };
  if (node !== null && (!upgrade || rightSpan(node.index) / 2 < upgrade.start)) {
    const subtree = climb(node.index, (request.block ?? request.hash)!.nodes, to);
    return { request: answered, node, subtree, seek: seek ? { kind: "within", root: subtree } : null };
  }
  const target: SeekTarget | null = seek && upgrade ? { kind: "all", length: to } : null;
  return { request: answered, node, subtree: null, seek: target };
}

/**
 * Says which nodes the proof takes.
 *
 * @param seekRoot tree index that the looked-up seek leads to, null where there is none
 * @throws {HypercoreError} `INVALID_OPERATION` for a block that the upgrade asked for does not reach.
 */
export function planProof(checked: CheckedRequest, head: TreeHead, seekRoot: number | null): ProofPlan {
  const { request, node, subtree } = checked;
  const plan: ProofPlan = { request, head, node: null, seek: null, upgrade: null, additional: null };
  if (subtree !== null) planPaths(plan, node, seekRoot, subtree);
  if (request.upgrade) {
    const { start, length } = request.upgrade;
    const inside = subtree === null ? seekRoot ?? node?.index ?? null : null;
    planUpgrade(plan, node, request.seek !== null, start, start + length, inside);
    if (head.length > start + length) plan.additional = upgradePath(start + length, head.length);
  }
  if (node !== null && plan.node === null) throw invalid("Invalid block request");
  return plan;
}

/** Calls `visit` with every node a plan takes. */
export function visitPlan(plan: ProofPlan, visit: (index: number) => void): void {
  plan.node?.forEach(visit);
  plan.seek?.forEach(visit);
  plan.upgrade?.forEach(visit);
  plan.additional?.forEach(visit);
}

/**
 * Puts fetched nodes and the block's value in their places.
 *
 * @throws {HypercoreError} `INVALID_OPERATION` when a node is not there.
 */
export function buildProof(
  plan: ProofPlan,
  value: Uint8Array | null,
  nodeAt: (index: number) => TreeNode | undefined,
): Proof {
  const pick = (indexes: readonly number[]): TreeNode[] => {
    const nodes = new Array<TreeNode>(indexes.length);
    for (let i = 0; i < indexes.length; i++) {
      const node = nodeAt(indexes[i]!);
      if (node === undefined) {
        throw invalid(`Expected tree node ${indexes[i]} from storage, got (nil)`);
      }
      nodes[i] = node;
    }
    return nodes;
  };
  const { block, hash, seek, upgrade } = plan.request;
  return {
    fork: plan.head.fork,
    block: block ? { index: block.index, value, nodes: pick(plan.node!) } : null,
    hash: hash && !block ? { index: hash.index, nodes: pick(plan.node!) } : null,
    seek: seek && plan.seek !== null ? { bytes: seek.bytes, nodes: pick(plan.seek) } : null,
    upgrade: upgrade
      ? {
        start: upgrade.start,
        length: upgrade.length,
        nodes: pick(plan.upgrade ?? []),
        additionalNodes: pick(plan.additional ?? []),
        signature: plan.head.signature,
      }
      : null,
    manifest: null,
  };
}

function requestedNode(request: ProofRequest): RequestedNode | null {
  if (request.block) return { index: request.block.index * 2, isBlock: true };
  return request.hash ? { index: request.hash.index, isBlock: false } : null;
}

/** An upgrade that begins in the prologue has to bring all of it: it is one unsigned piece. */
function withPrologue(
  upgrade: { readonly start: number; readonly length: number },
  prologue: ManifestPrologue | null,
): { readonly start: number; readonly length: number } {
  if (prologue === null || upgrade.start >= prologue.length) return upgrade;
  return { start: 0, length: prologue.length };
}

/** Paths from the node asked for, and from the seek, up to `root`. */
function planPaths(plan: ProofPlan, node: RequestedNode | null, seekRoot: number | null, root: number): void {
  if (node === null) {
    if (seekRoot !== null) plan.seek = planSeek(seekRoot, root);
    return;
  }
  if (!subtreeContains(root, node.index)) throw invalid("Invalid block request");
  const cursor = new TreeCursor(node.index);
  const path = plan.node = node.isBlock ? [] : [cursor.index];
  while (cursor.index !== root) {
    const sibling = cursor.sibling();
    if (seekRoot !== null && sibling !== seekRoot && cursor.contains(seekRoot)) {
      plan.seek = planSeek(seekRoot, sibling);
    } else {
      path.push(sibling);
    }
    cursor.parent();
  }
}

function planSeek(seekRoot: number, root: number): number[] {
  const cursor = new TreeCursor(seekRoot);
  const path = [seekRoot];
  while (cursor.index !== root) {
    path.push(cursor.sibling());
    cursor.parent();
  }
  return path;
}

/** As {@linkcode upgradePath}, but the subtree that holds `inside` travels as paths from there instead. */
function planUpgrade(
  plan: ProofPlan,
  node: RequestedNode | null,
  isSeek: boolean,
  from: number,
  to: number,
  inside: number | null,
): void {
  plan.upgrade = [];
  for (const index of upgradePath(from, to)) {
    const isFree = plan.node === null && plan.seek === null;
    if (isFree && inside !== null && subtreeContains(index, inside)) {
      planPaths(plan, node, isSeek ? inside : null, index);
    } else {
      plan.upgrade.push(index);
    }
  }
}

/** The ancestor `count` levels up, which must still lie within the first `length` blocks. */
function climb(index: number, count: number, length: number): number {
  const cursor = new TreeCursor(index);
  for (let i = 0; i < count; i++) {
    cursor.parent();
    if (cursor.contains(2 * length)) throw invalid("Nodes is out of bounds");
  }
  return cursor.index;
}

function isIndex(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function invalid(message: string): HypercoreError {
  return new HypercoreError("INVALID_OPERATION", message);
}

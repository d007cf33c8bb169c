/**
 * Changes that take something away: cutting a log, dropping blocks, replacing a tail by that of another fork.
 *
 * @module
 */
import { WriteBatch } from "../../storage/mod.ts";
import { putLayer } from "./layer.ts";
import { deleteTail, type LogState } from "./log_state.ts";
import { nodeRow, totalSize, treeHashOf } from "./node.ts";
import type { Reorg } from "./reorg.ts";
import type { SignableTree } from "./tree_batch.ts";
import type { TreeHead, TreeNode } from "./types.ts";

/** The tree that is left of a log cut to `length` blocks with these roots. */
export function truncatedTree(length: number, fork: number, roots: readonly TreeNode[]): SignableTree {
  let hash: Uint8Array | null = null;
  return { length, fork, roots, hash: () => hash ??= treeHashOf(roots) };
}

/** Cuts a log to `tree`. */
export async function commitTruncation(
  state: LogState,
  batch: WriteBatch,
  tree: SignableTree,
  signature: Uint8Array | null,
): Promise<void> {
  const { length, fork, roots } = tree;
  const head: TreeHead = { length, byteLength: totalSize(roots), fork, roots, signature };
  await commitTail(state, batch, length, head, length === 0 ? null : tree.hash(), []);
}

/** Replaces everything behind what both forks have in common. */
export async function commitReorg(state: LogState, batch: WriteBatch, reorg: Reorg): Promise<void> {
  const nodes = Array.from(reorg.nodes.values());
  await commitTail(state, batch, reorg.ancestors, reorg.head, reorg.rootHash, nodes);
}

/** Drops stored blocks; the tree over them stays, so that they can be fetched and verified again. */
export async function commitClear(state: LogState, start: number, end: number): Promise<void> {
  const batch = new WriteBatch();
  batch.deleteRows("block", state.owner, start, end);
  await state.commit({ batch, ranges: [{ start, end, value: false }] });
}

/** Puts lost roots back. */
export async function commitRoots(state: LogState, roots: readonly TreeNode[]): Promise<void> {
  const batch = new WriteBatch();
  for (const node of roots) batch.putRow("node", state.owner, node.index, nodeRow(node));
  await state.commit({ batch, head: { ...state.head, roots } });
  state.nodes.reset();
}

async function commitTail(
  state: LogState,
  batch: WriteBatch,
  kept: number,
  head: TreeHead,
  rootHash: Uint8Array | null,
  nodes: readonly TreeNode[],
): Promise<void> {
  const { owner } = state;
  const { length: oldLength } = state.head;
  deleteTail(batch, owner, kept, oldLength);
  for (const node of nodes) batch.putRow("node", owner, node.index, nodeRow(node));
  const { layer } = state;
  const isSharedCut = layer !== null && kept < layer.sharedLength;
  if (isSharedCut) putLayer(batch, { ...layer, sharedLength: kept });
  const ranges = kept < oldLength ? [{ start: kept, end: oldLength, value: false }] : [];
  await state.commit({ batch, head, rootHash, ranges, keptLength: kept });
  if (isSharedCut) layer.sharedLength = kept;
  state.nodes.reset();
}

/**
 * Finding the block that holds a byte, by walking down the tree from its roots.
 *
 * Source: `hypercore/lib/merkle-tree.js`. `padding` is what every block carries in front of its data.
 *
 * @module
 */
import { HypercoreError } from "../errors.ts";
import { fullRoots, leafCount, leftChild, leftSpan, rightChild, rightSpan } from "./flat_tree.ts";
import type { SeekTarget } from "./prove.ts";
import type { SeekResult, TreeHead, TreeNode } from "./types.ts";

/** Gives a stored node, at once where it is in memory; null where it is not here. */
export type NodeReader = (index: number) => TreeNode | null | Promise<TreeNode | null>;

/** Finds the byte at `bytes` as far as the nodes that are here tell. */
export async function seekBlock(
  head: TreeHead,
  bytes: number,
  padding: number,
  read: NodeReader,
): Promise<SeekResult> {
  if (bytes === 0) return { kind: "found", index: 0, offset: 0 };
  let rest = bytes;
  for (const root of head.roots) {
    const size = dataSize(root, padding);
    if (rest === size) return { kind: "found", index: rightSpan(root.index) / 2 + 1, offset: 0 };
    if (rest < size) return await seekBelow(root.index, rest, padding, read);
    rest -= size;
  }
  return { kind: "range", start: head.length, end: head.length };
}

/**
 * Tree index from which a seek proof starts: the subtree that begins at the byte, or the smallest one known to hold
 * it.
 *
 * @throws {HypercoreError} `INVALID_OPERATION` when the byte does not lie where the request says.
 */
export async function seekRoot(
  head: TreeHead,
  target: SeekTarget,
  bytes: number,
  padding: number,
  read: NodeReader,
): Promise<number> {
  if (target.kind === "all") return await seekInRoots(target.length, bytes, padding, read);
  const { root } = target;
  const skipped = padding * leftSpan(root) / 2;
  const offset = await byteOffset(head, root, read) - skipped;
  if (offset > bytes) throw invalidSeek();
  if (offset === bytes) return root;
  const node = await requireNode(root, read);
  if (dataSize(node, padding) <= bytes - offset) throw invalidSeek();
  return await seekInSubtree(root, bytes - offset, padding, read);
}

/**
 * Bytes in front of the first block below `index`.
 *
 * @throws {HypercoreError} `INVALID_OPERATION` when a node on the way is not here.
 */
export async function byteOffset(head: TreeHead, index: number, read: NodeReader): Promise<number> {
  const leaf = leftSpan(index);
  let offset = 0;
  for (const root of head.roots) {
    if (leaf > rightSpan(root.index)) {
      offset += root.size;
      continue;
    }
    for (let at = root.index; at !== leaf;) {
      const left = leftChild(at);
      if (leaf <= rightSpan(left)) {
        at = left;
      } else {
        offset += (await requireNode(left, read)).size;
        at = rightChild(at);
      }
    }
    return offset;
  }
  return offset;
}

async function seekBelow(
  root: number,
  bytes: number,
  padding: number,
  read: NodeReader,
): Promise<SeekResult> {
  let rest = bytes;
  let index = root;
  while ((index & 1) !== 0) {
    const left = await read(leftChild(index));
    if (left === null) return { kind: "range", start: leftSpan(index) / 2, end: rightSpan(index) / 2 + 1 };
    const size = dataSize(left, padding);
    if (size === rest) return { kind: "found", index: rightSpan(left.index) / 2 + 1, offset: 0 };
    if (size < rest) {
      rest -= size;
      index = rightChild(index);
    } else {
      index = left.index;
    }
  }
  return { kind: "found", index: index / 2, offset: rest };
}

async function seekInRoots(
  length: number,
  bytes: number,
  padding: number,
  read: NodeReader,
): Promise<number> {
  let rest = bytes;
  for (const root of fullRoots(length)) {
    const size = dataSize(await requireNode(root, read), padding);
    if (rest === size) return root;
    if (rest < size) return await seekInSubtree(root, rest, padding, read);
    rest -= size;
  }
  return 2 * length;
}

async function seekInSubtree(
  root: number,
  bytes: number,
  padding: number,
  read: NodeReader,
): Promise<number> {
  if (bytes === 0) return root;
  let rest = bytes;
  let index = root;
  while ((index & 1) !== 0) {
    const left = await read(leftChild(index));
    if (left === null) return index;
    const size = dataSize(left, padding);
    // Compat: hypercore/lib/merkle-tree.js stays at the left child when its end is the byte asked for.
    if (size === rest) return left.index;
    if (size < rest) {
      rest -= size;
      index = rightChild(index);
    } else {
      index = left.index;
    }
  }
  return index;
}

async function requireNode(index: number, read: NodeReader): Promise<TreeNode> {
  const node = await read(index);
  if (node !== null) return node;
  throw new HypercoreError("INVALID_OPERATION", `Expected tree node ${index} from storage, got (nil)`);
}

function dataSize(node: TreeNode, padding: number): number {
  return padding === 0 ? node.size : node.size - padding * leafCount(node.index);
}

function invalidSeek(): HypercoreError {
  return new HypercoreError("INVALID_OPERATION", "Invalid seek");
}

/**
 * Tree nodes: making them from blocks and from each other, hashing roots, and their stored form.
 *
 * @module
 */
import { allocBytesPooled } from "../../base/mod.ts";
import { hashLeaf, hashParent, hashRoots, NODE_BYTES } from "../../crypto/mod.ts";
import { treeParent } from "./flat_tree.ts";
import type { TreeNode } from "./types.ts";

/** Bytes of a stored node: size, then hash; its index is that of the row. */
export const NODE_ROW_BYTES = 40;

const HASH_BYTES = 32;
const TWO_POW_32 = 4294967296;

/** The leaf over `value` at tree index `index`. */
export function leafNode(index: number, value: Uint8Array): TreeNode {
  return { index, size: value.byteLength, hash: hashLeaf(value) };
}

/** The parent of two siblings, given in either order; sizes must add up to a safe integer. */
export function parentNode(a: TreeNode, b: TreeNode): TreeNode {
  const left = a.index < b.index ? a : b;
  const right = left === a ? b : a;
  const hash = hashParent(left.size, left.hash, right.size, right.hash);
  return { index: treeParent(a.index), size: left.size + right.size, hash };
}

/** The hash that is signed: over the roots in order, 32 bytes. Source: `hypercore-crypto/index.js`, `tree`. */
export function treeHashOf(roots: readonly TreeNode[]): Uint8Array {
  return hashRoots(packNodes(roots));
}

/** The same node with a hash of its own: that of a received one is a view of its message. */
export function copyOfNode(node: TreeNode): TreeNode {
  return { index: node.index, size: node.size, hash: node.hash.slice() };
}

/** Bytes of all blocks below these nodes. */
export function totalSize(nodes: readonly TreeNode[]): number {
  let size = 0;
  for (const node of nodes) size += node.size;
  return size;
}

/** Packs nodes as `crypto` takes them: index, size, hash, 48 bytes each. */
export function packNodes(nodes: readonly TreeNode[]): Uint8Array {
  const packed = new Uint8Array(nodes.length * NODE_BYTES);
  for (let i = 0, at = 0; i < nodes.length; i++, at += NODE_BYTES) {
    const node = nodes[i]!;
    writeUint64(packed, at, node.index);
    writeUint64(packed, at + 8, node.size);
    packed.set(node.hash, at + 16);
  }
  return packed;
}

/** The packed node at offset `at`; its hash is a view. */
export function unpackNode(packed: Uint8Array, at: number): TreeNode {
  return {
    index: readUint64(packed, at),
    size: readUint64(packed, at + 8),
    hash: packed.subarray(at + 16, at + NODE_BYTES),
  };
}

/** Index of the packed node at offset `at`. */
export function packedNodeIndex(packed: Uint8Array, at: number): number {
  return readUint64(packed, at);
}

/** The stored form of the packed node at offset `at`: a view. */
export function packedNodeRow(packed: Uint8Array, at: number): Uint8Array {
  return packed.subarray(at + 8, at + NODE_BYTES);
}

/** The stored form of a node, fresh bytes. */
export function nodeRow(node: TreeNode): Uint8Array {
  return nodeRows([node])[0]!;
}

/** The stored forms of several nodes: views of one buffer, for one of its own takes longer than all else here. */
export function nodeRows(nodes: readonly TreeNode[]): Uint8Array[] {
  const bytes = new Uint8Array(NODE_ROW_BYTES * nodes.length);
  return nodes.map(({ size, hash }, i) => {
    const row = bytes.subarray(NODE_ROW_BYTES * i, NODE_ROW_BYTES * (i + 1));
    writeUint64(row, 0, size);
    row.set(hash, 8);
    return row;
  });
}

/** The node stored at `index`; null where the row is no node. The hash is a view of the row. */
export function nodeOfRow(index: number, row: Uint8Array): TreeNode | null {
  if (row.byteLength !== NODE_ROW_BYTES) return null;
  return { index, size: readUint64(row, 0), hash: row.subarray(8, 8 + HASH_BYTES) };
}

/** The node that a stored form, which must have its size, stands for; its hash is a copy. */
export function copyOfRow(index: number, row: Uint8Array): TreeNode {
  const hash = allocBytesPooled(HASH_BYTES);
  hash.set(row.subarray(NODE_ROW_BYTES - HASH_BYTES));
  return { index, size: readUint64(row, 0), hash };
}

function writeUint64(bytes: Uint8Array, at: number, value: number): void {
  const high = Math.floor(value / TWO_POW_32);
  bytes[at] = value;
  bytes[at + 1] = value >>> 8;
  bytes[at + 2] = value >>> 16;
  bytes[at + 3] = value >>> 24;
  bytes[at + 4] = high;
  bytes[at + 5] = high >>> 8;
  bytes[at + 6] = high >>> 16;
  bytes[at + 7] = high >>> 24;
}

function readUint64(bytes: Uint8Array, at: number): number {
  const low = (bytes[at]! | (bytes[at + 1]! << 8) | (bytes[at + 2]! << 16) | (bytes[at + 3]! << 24)) >>> 0;
  const high = (bytes[at + 4]! | (bytes[at + 5]! << 8) | (bytes[at + 6]! << 16) | (bytes[at + 7]! << 24)) >>>
    0;
  return low + high * TWO_POW_32;
}

/**
 * Hashes of a hypercore's Merkle tree, one call into the core for many nodes.
 *
 * A node is 48 bytes: index in the flat in-order tree (u64, little-endian), size in bytes of all blocks below
 * it (u64, little-endian), and 32 bytes of hash. Source of the hash definitions: hypercore-crypto/index.js.
 *
 * @module
 */
import { allocBytesUnsafe, concatBytes } from "../base/mod.ts";
import {
  CHUNK_BYTES,
  core,
  DATA,
  memory,
  OUT,
  ROOTS,
  SLOT_A,
  SLOT_B,
  takeBytes,
  takeDigest,
} from "./arena.ts";
import { Blake2b } from "./blake2b.ts";
import { assertByteLength, assertInteger, checkedOut, CryptoError } from "./errors.ts";

/** Bytes of a packed node. */
export const NODE_BYTES = 48;

const HASH_BYTES = 32;
/** Most roots a tree can have: one per bit of a length up to 2^53. */
const ROOTS_MAX = 54;
/** Blocks that go to the core in one call. */
const BATCH_COUNT_MAX = 1024;
const LEAF_PREFIX_BYTES = 9;

/** The arena during a batch: block lengths, then resulting nodes, then the blocks. */
const LENGTHS = DATA;
const NODES = LENGTHS + 4 * BATCH_COUNT_MAX;
const NODES_BYTES = (2 * BATCH_COUNT_MAX + ROOTS_MAX) * NODE_BYTES;
const BLOCKS = NODES + NODES_BYTES;
const BATCH_BYTES_MAX = 2 * CHUNK_BYTES;

const lengthsView = new Uint32Array(memory.buffer, LENGTHS, BATCH_COUNT_MAX);

/** What {@linkcode merkleAppend} made. */
export interface MerkleAppendResult {
  /** All new nodes, leaves and parents, in the order of their creation, 48 bytes each. */
  readonly nodes: Uint8Array;
  /** The new roots in order, 48 bytes each. */
  readonly roots: Uint8Array;
  /** The tree hash over the new roots, 32 bytes. */
  readonly rootHash: Uint8Array;
  /** Bytes of all blocks of the tree. */
  readonly byteLength: number;
}

/** Hash of a block, 32 bytes. */
export function hashLeaf(data: Uint8Array, out?: Uint8Array): Uint8Array {
  if (out !== undefined) checkedOut(out, HASH_BYTES);
  if (data.byteLength > CHUNK_BYTES) return hashLongLeaf(data, out);
  memory.set(data, DATA);
  core.merkle_leaf(DATA, data.byteLength, OUT);
  return takeDigest(out);
}

/**
 * Hash of the parent of two nodes, given left one first, 32 bytes.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` for wrong hash lengths or sizes whose sum exceeds 2^53 - 1.
 */
export function hashParent(
  leftSize: number,
  leftHash: Uint8Array,
  rightSize: number,
  rightHash: Uint8Array,
  out?: Uint8Array,
): Uint8Array {
  const size = leftSize + rightSize;
  assertInteger("size", size, 0, Number.MAX_SAFE_INTEGER);
  assertByteLength("leftHash", leftHash, HASH_BYTES);
  assertByteLength("rightHash", rightHash, HASH_BYTES);
  if (out !== undefined) checkedOut(out, HASH_BYTES);
  memory.set(leftHash, SLOT_A);
  memory.set(rightHash, SLOT_B);
  core.merkle_parent(size, SLOT_A, SLOT_B, OUT);
  return takeDigest(out);
}

/**
 * Tree hash over roots given as packed nodes in order, 32 bytes.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` when `nodes` is not a whole number of nodes or more than 54.
 */
export function hashRoots(nodes: Uint8Array, out?: Uint8Array): Uint8Array {
  const count = nodeCount("roots", nodes);
  assertInteger("number of roots", count, 0, ROOTS_MAX);
  if (out !== undefined) checkedOut(out, HASH_BYTES);
  memory.set(nodes, ROOTS);
  core.merkle_roots(ROOTS, count, OUT);
  return takeDigest(out);
}

/** Hashes of many blocks, 32 bytes each, back to back. */
export function hashLeaves(blocks: readonly Uint8Array[]): Uint8Array {
  const hashes = allocBytesUnsafe(HASH_BYTES * blocks.length);
  let next = 0;
  while (next < blocks.length) {
    const count = loadBatch(blocks, next);
    if (count === 0) {
      hashes.set(hashLongLeaf(blocks[next]!), HASH_BYTES * next);
      next++;
    } else {
      core.merkle_leaves(LENGTHS, count, BLOCKS, NODES);
      hashes.set(memory.subarray(NODES, NODES + HASH_BYTES * count), HASH_BYTES * next);
      next += count;
    }
  }
  return hashes;
}

/**
 * Appends `blocks` to a tree of `length` blocks with these roots (packed nodes in order, none for an empty
 * tree).
 *
 * @throws {CryptoError} `INVALID_NODE` when the number of roots does not belong to `length`; `BAD_ARGUMENT` for
 *   a length or byte length above 2^53 - 1.
 */
export function merkleAppend(
  length: number,
  roots: Uint8Array,
  blocks: readonly Uint8Array[],
): MerkleAppendResult {
  assertInteger("length", length, 0, Number.MAX_SAFE_INTEGER - blocks.length);
  let rootCount = nodeCount("roots", roots);
  if (rootCount !== bitCount(length)) {
    throw new CryptoError("INVALID_NODE", `Cannot append to ${length} blocks with ${rootCount} roots`);
  }
  const byteLength = checkedByteLength(roots, blocks);
  memory.set(roots, ROOTS);
  const pieces: Uint8Array[] = [];
  let next = 0;
  while (next < blocks.length) {
    let count = loadBatch(blocks, next);
    let written: number;
    if (count === 0) {
      count = 1;
      const block = blocks[next]!;
      memory.set(hashLongLeaf(block), SLOT_A);
      written = core.merkle_append_leaf(
        length,
        ROOTS,
        rootCount,
        block.byteLength,
        SLOT_A,
        NODES,
        NODES_BYTES,
      );
    } else {
      written = core.merkle_append(length, ROOTS, rootCount, LENGTHS, count, BLOCKS, NODES, NODES_BYTES);
    }
    pieces.push(takeBytes(NODES, written * NODE_BYTES));
    next += count;
    length += count;
    rootCount = bitCount(length);
  }
  core.merkle_roots(ROOTS, rootCount, OUT);
  const newRoots = takeBytes(ROOTS, rootCount * NODE_BYTES);
  const nodes = pieces.length === 1 ? pieces[0]! : concatBytes(pieces);
  return { nodes, roots: newRoots, rootHash: takeDigest(), byteLength };
}

/**
 * Climbs from a packed node over its packed siblings, bottom-up, and returns the parents, 48 bytes each.
 *
 * @throws {CryptoError} `INVALID_NODE` when a sibling's index is not that of the node below.
 */
export function merkleClimb(node: Uint8Array, siblings: Uint8Array): Uint8Array {
  assertByteLength("node", node, NODE_BYTES);
  const count = nodeCount("siblings", siblings);
  assertInteger("number of siblings", count, 0, ROOTS_MAX);
  memory.set(node, SLOT_A);
  memory.set(siblings, ROOTS);
  const climbed = core.merkle_climb(SLOT_A, ROOTS, count, NODES);
  if (climbed !== count) {
    throw new CryptoError("INVALID_NODE", `Cannot climb over sibling ${climbed}, which belongs elsewhere`);
  }
  return takeBytes(NODES, count * NODE_BYTES);
}

/** Copies blocks from `start` on into the arena; returns how many, 0 when the first is too large for it. */
function loadBatch(blocks: readonly Uint8Array[], start: number): number {
  let at = BLOCKS;
  let count = 0;
  const last = Math.min(blocks.length, start + BATCH_COUNT_MAX);
  for (let i = start; i < last; i++) {
    const block = blocks[i]!;
    const byteLength = block.byteLength;
    if (at + byteLength > BLOCKS + BATCH_BYTES_MAX) break;
    memory.set(block, at);
    lengthsView[count++] = byteLength;
    at += byteLength;
  }
  return count;
}

function hashLongLeaf(data: Uint8Array, out?: Uint8Array): Uint8Array {
  const prefix = new Uint8Array(LEAF_PREFIX_BYTES);
  new DataView(prefix.buffer).setUint32(1, data.byteLength >>> 0, true);
  new DataView(prefix.buffer).setUint32(5, Math.floor(data.byteLength / 0x1_0000_0000), true);
  return new Blake2b().update(prefix).update(data).digest(out);
}

function checkedByteLength(roots: Uint8Array, blocks: readonly Uint8Array[]): number {
  let byteLength = 0;
  const view = new DataView(roots.buffer, roots.byteOffset, roots.byteLength);
  for (let at = 8; at < roots.byteLength; at += NODE_BYTES) {
    byteLength += view.getUint32(at, true) + view.getUint32(at + 4, true) * 0x1_0000_0000;
  }
  for (const block of blocks) byteLength += block.byteLength;
  assertInteger("byteLength", byteLength, 0, Number.MAX_SAFE_INTEGER);
  return byteLength;
}

function nodeCount(name: string, nodes: Uint8Array): number {
  const count = nodes.byteLength / NODE_BYTES;
  if (!Number.isInteger(count)) {
    throw new CryptoError(
      "BAD_ARGUMENT",
      `${name} must be whole nodes of 48 bytes, got ${nodes.byteLength} bytes`,
    );
  }
  return count;
}

function bitCount(value: number): number {
  let count = 0;
  for (let rest = value; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2;
  return count;
}

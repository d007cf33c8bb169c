/**
 * Blocks that a batch has made and not yet appended, and how tree nodes become blocks.
 *
 * Each change makes a block that names the nodes it changed, parents first. A node that a later change of the batch
 * touches again moves to that block, so when the batch is appended the earlier ones name fewer nodes. Which order the
 * rest of them is in then is part of the format, and so is this: the places ({@linkcode ChildRef}) are shared between the
 * tree and the blocks, and what they say when the batch is appended is what is written.
 *
 * @module
 */
import { allocBytesPooled } from "../base/mod.ts";
import type { EncodedEntry } from "./node_view.ts";
import { varintLength, writeVarint } from "./protobuf.ts";
import { ChildRef, type TreeNode } from "./tree_node.ts";

/** A block to be. */
export interface PendingBlock extends EncodedEntry {
  /** Places of the nodes it changed; the first is the root. */
  refs: ChildRef[];
  /** How many of them, the root not counted, are still in this block. */
  liveCount: number;
}

const NO_REFS: ChildRef[] = [];
const KEYS_PREFIX = 0x0a;
const CHILDREN_PREFIX = 0x12;
const LEVEL_PREFIX = 0x0a;
const INDEX_PREFIX = 0x0a;
const KEY_PREFIX = 0x12;
const VALUE_PREFIX = 0x1a;

/** The blocks of a batch, in order. */
export class PendingBlocks {
  /** Number of the first one. */
  readonly start: number;
  readonly #blocks: PendingBlock[] = [];

  /** The first block will be block `start` of the log. */
  constructor(start: number) {
    this.start = start;
  }

  /** How many there are. */
  get length(): number {
    return this.#blocks.length;
  }

  /** A block by its number in the log. */
  get(seq: number): PendingBlock | undefined {
    // An index below 0 is not out of bounds but a property, and slow.
    return seq < this.start ? undefined : this.#blocks[seq - this.start];
  }

  /** Makes the block of one change, with all nodes below `root` that are marked as changed. */
  push(root: TreeNode, key: Uint8Array, value: Uint8Array | null): void {
    const seq = this.start + this.#blocks.length;
    const refs: ChildRef[] = [];
    this.#collect(root, seq, refs);
    refs[0] = new ChildRef(seq, 0, root);
    const previous = this.#blocks.at(-1);
    if (previous !== undefined && previous.liveCount === 0) previous.refs = NO_REFS;
    this.#blocks.push({ seq, key, value, refs, liveCount: refs.length - 1 });
  }

  /** A place is gone: its block need not name the node. */
  release(ref: ChildRef): void {
    this.#leave(ref.seq);
    ref.seq = 0;
  }

  /** The blocks as they are appended. */
  encode(): Uint8Array[] {
    const last = this.#blocks.length - 1;
    const encoder = new BlockEncoder();
    return this.#blocks.map(({ seq, key, value, refs }, i) => {
      if (i < last) dropMoved(refs, seq);
      return encoder.encode(key, value, refs);
    });
  }

  #collect(node: TreeNode, seq: number, refs: ChildRef[]): number {
    const offset = refs.length;
    refs.push(HOLE);
    node.changed = false;
    const { children } = node;
    for (let i = 0; i < children.length; i++) {
      const ref = children[i]!;
      if (ref.node === null || !ref.node.changed) continue;
      this.#leave(ref.seq);
      ref.seq = seq;
      ref.offset = this.#collect(ref.node, seq, refs);
      refs[ref.offset] = ref;
    }
    return offset;
  }

  #leave(seq: number): void {
    if (seq < this.start) return;
    const block = this.#blocks[seq - this.start];
    if (block !== undefined && --block.liveCount === 0 && block !== this.#blocks.at(-1)) block.refs = NO_REFS;
  }
}

const HOLE = new ChildRef(0, 0, null);

/**
 * Drops the root and what has moved to a later block: each gap is filled with the last place, as
 * `hyperbee/index.js`, `toBlocks` does.
 */
function dropMoved(refs: ChildRef[], seq: number): void {
  if (refs.length > 0) refs[0] = HOLE;
  let i = 0;
  while (i < refs.length) {
    const ref = refs[i]!;
    if (ref.seq === seq) ref.offset = i++;
    else if (i === refs.length - 1) refs.pop();
    else refs[i] = refs.pop()!;
  }
}

/** Writes blocks; keeps the sizes of the nodes in hand, so that each is measured once. */
class BlockEncoder {
  /** Of each node: bytes of its keys, of its children, and of both with what stands before them. */
  readonly #sizes: number[] = [];

  /** A block with the nodes at `refs`: a `Node` message with a `YoloIndex` message in it. */
  encode(key: Uint8Array, value: Uint8Array | null, refs: readonly ChildRef[]): Uint8Array {
    const indexByteLength = this.#measure(refs);
    let byteLength = 1 + delimitedLength(indexByteLength) + 1 + delimitedLength(key.byteLength);
    if (value !== null) byteLength += 1 + delimitedLength(value.byteLength);
    const bytes = allocBytesPooled(byteLength);
    bytes[0] = INDEX_PREFIX;
    let offset = this.#writeIndex(bytes, refs, writeVarint(bytes, indexByteLength, 1));
    bytes[offset++] = KEY_PREFIX;
    offset = writeVarint(bytes, key.byteLength, offset);
    bytes.set(key, offset);
    offset += key.byteLength;
    if (value !== null) {
      bytes[offset++] = VALUE_PREFIX;
      offset = writeVarint(bytes, value.byteLength, offset);
      bytes.set(value, offset);
    }
    return bytes;
  }

  #measure(refs: readonly ChildRef[]): number {
    let total = 0;
    for (let i = 0; i < refs.length; i++) {
      const { keys, children } = refs[i]!.node!;
      let keysLength = 0;
      for (let k = 0; k < keys.length; k++) keysLength += varintLength(keys[k]!.seq);
      let childrenLength = 0;
      for (let k = 0; k < children.length; k++) {
        const child = children[k]!;
        childrenLength += varintLength(child.seq) + varintLength(child.offset);
      }
      let level = 0;
      if (keysLength > 0) level += 1 + delimitedLength(keysLength);
      if (childrenLength > 0) level += 1 + delimitedLength(childrenLength);
      this.#sizes[3 * i] = keysLength;
      this.#sizes[3 * i + 1] = childrenLength;
      this.#sizes[3 * i + 2] = level;
      total += 1 + delimitedLength(level);
    }
    return total;
  }

  #writeIndex(bytes: Uint8Array, refs: readonly ChildRef[], start: number): number {
    let offset = start;
    for (let i = 0; i < refs.length; i++) {
      const { keys, children } = refs[i]!.node!;
      bytes[offset++] = LEVEL_PREFIX;
      offset = writeVarint(bytes, this.#sizes[3 * i + 2]!, offset);
      if (keys.length > 0) {
        bytes[offset++] = KEYS_PREFIX;
        offset = writeVarint(bytes, this.#sizes[3 * i]!, offset);
        for (let k = 0; k < keys.length; k++) offset = writeVarint(bytes, keys[k]!.seq, offset);
      }
      if (children.length > 0) {
        bytes[offset++] = CHILDREN_PREFIX;
        offset = writeVarint(bytes, this.#sizes[3 * i + 1]!, offset);
        for (let k = 0; k < children.length; k++) {
          const child = children[k]!;
          offset = writeVarint(bytes, child.offset, writeVarint(bytes, child.seq, offset));
        }
      }
    }
    return offset;
  }
}

function delimitedLength(byteLength: number): number {
  return varintLength(byteLength) + byteLength;
}

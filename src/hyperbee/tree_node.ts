/**
 * Tree nodes that a write changes, in memory. Nodes read from blocks are copied into this shape on the way down, so that
 * what is stored, and what others read, stays as it is.
 *
 * @module
 */
import type { NodeView } from "./node_view.ts";
import { MISS, type Miss, type Shelf } from "./shelf.ts";

/** A key of a node. Never changed, so nodes share it. */
export class KeyRef {
  /** Block that holds the key. */
  readonly seq: number;
  /** The key; null until it has been looked at. */
  bytes: Uint8Array | null;

  /** Names the key of block `seq`. */
  constructor(seq: number, bytes: Uint8Array | null) {
    this.seq = seq;
    this.bytes = bytes;
  }
}

/** A place in the tree where a node hangs. It moves between parents, and its `seq` says which block the node is in. */
export class ChildRef {
  /** Block of the node; 0 once the place is gone. */
  seq: number;
  /** Position in the index of that block. */
  offset: number;
  /** The node; null until it has been come to. */
  node: TreeNode | null;

  /** Names the node at `offset` of block `seq`. */
  constructor(seq: number, offset: number, node: TreeNode | null) {
    this.seq = seq;
    this.offset = offset;
    this.node = node;
  }
}

/** A node being changed. */
export class TreeNode implements NodeView {
  readonly entry = null;
  readonly seq: number;
  readonly offset: number;
  /** In order. */
  readonly keys: KeyRef[];
  /** Empty for a leaf, else one more than keys. */
  readonly children: ChildRef[];
  /** Whether the next block has to hold the node. */
  changed = false;

  /** Takes keys and children as they are. */
  constructor(keys: KeyRef[] = [], children: ChildRef[] = [], seq = 0, offset = 0) {
    this.keys = keys;
    this.children = children;
    this.seq = seq;
    this.offset = offset;
  }

  /** A copy of a stored node. */
  static from(node: NodeView): TreeNode {
    const keys: KeyRef[] = [];
    const children: ChildRef[] = [];
    for (let i = 0; i < node.keyCount; i++) keys.push(new KeyRef(node.keySeq(i), node.keyBytes(i)));
    for (let i = 0; i < node.childCount; i++) {
      children.push(new ChildRef(node.childSeq(i), node.childOffset(i), null));
    }
    return new TreeNode(keys, children, node.seq, node.offset);
  }

  get keyCount(): number {
    return this.keys.length;
  }

  get childCount(): number {
    return this.children.length;
  }

  get isLeaf(): boolean {
    return this.children.length === 0;
  }

  keySeq(index: number): number {
    return this.keys[index]!.seq;
  }

  keyBytes(index: number): Uint8Array | null {
    return this.keys[index]!.bytes;
  }

  childSeq(index: number): number {
    return this.children[index]!.seq;
  }

  childOffset(index: number): number {
    return this.children[index]!.offset;
  }

  childNode(index: number): TreeNode | null {
    return this.children[index]!.node;
  }

  /** The child at `index`, to be changed. */
  child(index: number, shelf: Shelf): TreeNode | Miss {
    const ref = this.children[index]!;
    if (ref.node !== null) return ref.node;
    const block = shelf.block(ref.seq, this);
    return block === MISS ? MISS : ref.node = TreeNode.from(block.node(ref.offset));
  }

  /** The key at `index`, remembered. */
  key(index: number, shelf: Shelf): Uint8Array | Miss {
    const ref = this.keys[index]!;
    if (ref.bytes !== null) return ref.bytes;
    const entry = shelf.entry(ref.seq, this);
    return entry === MISS ? MISS : ref.bytes = entry.key;
  }
}

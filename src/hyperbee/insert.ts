/**
 * Putting a key into a tree: finding its place, and making it.
 *
 * @module
 */
import { compareBytes } from "../base/mod.ts";
import { NODE_KEYS_SPLIT } from "./limits.ts";
import { checkDepth, MISS, type Miss, type Shelf } from "./shelf.ts";
import { ChildRef, type KeyRef, TreeNode } from "./tree_node.ts";

/** Where a key is, or would be. */
export interface Place {
  /** From the root to the node, which is last. */
  readonly path: readonly TreeNode[];
  /** Which child of each node but the last the path goes to. */
  readonly turns: readonly number[];
  /** Index among the keys of the last node. */
  readonly index: number;
  /** Whether the key is there. */
  readonly found: boolean;
  /** Keys beside the leaf in the tree, exclusive; null where there is none. */
  readonly lower: Uint8Array | null;
  readonly upper: Uint8Array | null;
}

/**
 * Finds the place of `key` below `root`. With `marking`, the nodes above the last one are marked as changed.
 *
 * Compat: a put marks them before it knows that it will change something; a conditional put in a batch that comes to
 * nothing therefore leaves marks, which the next block shows (`hyperbee/index.js`, `_put`).
 */
export function findPlace(root: TreeNode, key: Uint8Array, shelf: Shelf, marking: boolean): Place | Miss {
  const path: TreeNode[] = [];
  const turns: number[] = [];
  let lower: Uint8Array | null = null;
  let upper: Uint8Array | null = null;
  let node = root;
  while (true) {
    path.push(node);
    checkDepth(path.length);
    if (marking && !node.isLeaf) node.changed = true;
    const index = search(node, key, shelf);
    if (index === MISS) return MISS;
    if (index >= 0) return { path, turns, index, found: true, lower, upper };
    if (node.isLeaf) return { path, turns, index: ~index, found: false, lower, upper };
    const turn = ~index;
    const child = node.child(turn, shelf);
    if (child === MISS) return MISS;
    if (turn > 0) lower = node.keys[turn - 1]!.bytes;
    if (turn < node.keys.length) upper = node.keys[turn]!.bytes;
    turns.push(turn);
    node = child;
  }
}

/** As {@linkcode findPlace} where the last place found is still right and its leaf is the one of `key` too; else null. */
export function findPlaceNear(last: Place, key: Uint8Array, shelf: Shelf): Place | null {
  const { path, turns, lower, upper } = last;
  const leaf = path.at(-1)!;
  if (!leaf.isLeaf || leaf.keys.length === 0) return null;
  if (upper !== null && compareBytes(key, upper) >= 0) return null;
  const end = leaf.keys.length - 1;
  const greatest = leaf.keys[end]!.bytes;
  if (greatest === null) return null;
  const order = compareBytes(key, greatest);
  let index = order > 0 ? ~(end + 1) : end;
  if (order < 0) {
    if (lower !== null && compareBytes(key, lower) <= 0) return null;
    const found = search(leaf, key, shelf);
    if (found === MISS) return null;
    index = found;
  }
  for (let i = 0; i < path.length - 1; i++) path[i]!.changed = true;
  return { path, turns, index: index >= 0 ? index : ~index, found: index >= 0, lower, upper };
}

/** What an insertion did. */
export interface Inserted {
  /** The root, a new one where the old one was split. */
  readonly root: TreeNode;
  /** Whether a node was split: the path is no longer right. */
  readonly split: boolean;
}

/** Puts `key` at its place, replacing the one that is there or splitting nodes that are full. */
export function insertAt(place: Place, key: KeyRef): Inserted {
  const { path, turns, index, found } = place;
  const last = path.at(-1)!;
  last.changed = true;
  if (found) {
    last.keys[index] = key;
    return { root: path[0]!, split: false };
  }
  insertKey(last, index, key, null);
  let depth = path.length - 1;
  while (path[depth]!.keys.length >= NODE_KEYS_SPLIT) {
    const left = path[depth]!;
    const { median, right } = splitNode(left);
    if (depth === 0) {
      const root = new TreeNode([median], [new ChildRef(0, 0, left), new ChildRef(0, 0, right)]);
      root.changed = true;
      return { root, split: true };
    }
    depth--;
    insertKey(path[depth]!, turns[depth]!, median, right);
    path[depth]!.changed = true;
  }
  return { root: path[0]!, split: depth < path.length - 1 };
}

function insertKey(node: TreeNode, index: number, key: KeyRef, right: TreeNode | null): void {
  if (index === node.keys.length) node.keys.push(key);
  else node.keys.splice(index, 0, key);
  if (right !== null) node.children.splice(index + 1, 0, new ChildRef(0, 0, right));
}

/** Halves a full node: what stays is the left half. */
function splitNode(left: TreeNode): { median: KeyRef; right: TreeNode } {
  const half = left.keys.length >> 1;
  const keys = left.keys.splice(left.keys.length - half, half);
  const median = left.keys.pop()!;
  const children = left.isLeaf ? [] : left.children.splice(left.children.length - half - 1, half + 1);
  const right = new TreeNode(keys, children);
  right.changed = true;
  left.changed = true;
  return { median, right };
}

/** As `searchNode`, and the node remembers the keys. */
function search(node: TreeNode, key: Uint8Array, shelf: Shelf): number | Miss {
  let low = 0;
  let high = node.keys.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = node.keys[middle]!.bytes ?? node.key(middle, shelf);
    if (other === MISS) return MISS;
    const order = compareBytes(key, other);
    if (order === 0) return middle;
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return ~low;
}

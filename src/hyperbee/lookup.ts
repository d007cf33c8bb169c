/**
 * Searching a tree for a key.
 *
 * @module
 */
import { compareBytes, equalBytes } from "../base/mod.ts";
import { Block } from "./block.ts";
import type { EncodedEntry, NodeView } from "./node_view.ts";
import { checkDepth, MISS, type Miss, type Shelf } from "./shelf.ts";

/**
 * Searches the keys of one node: the index of `key`, or the complement (`~`) of the index it would be inserted at. Both
 * neighbours of that place have been compared.
 */
export function searchNode(node: NodeView, key: Uint8Array, shelf: Shelf): number | Miss {
  let low = 0;
  let high = node.keyCount;
  while (low < high) {
    const middle = (low + high) >> 1;
    const other = shelf.key(node, middle);
    if (other === MISS) return MISS;
    const order = compareBytes(key, other);
    if (order === 0) return middle;
    if (order < 0) high = middle;
    else low = middle + 1;
  }
  return ~low;
}

/** The entry of `key` in the tree below `root`; null where there is none. */
export function lookup(root: NodeView, key: Uint8Array, shelf: Shelf): EncodedEntry | null | Miss {
  let node = root;
  for (let depth = 1;; depth++) {
    checkDepth(depth);
    const index = searchNode(node, key, shelf);
    if (index === MISS) return lastChange(node, key, shelf);
    if (index >= 0) return shelf.entry(node.keySeq(index), node);
    if (node.childCount === 0) return null;
    const child = shelf.child(node, ~index);
    if (child === MISS) return MISS;
    node = child;
  }
}

/**
 * Spares fetching: a block on the way that changed this very key has its last change, or a later one would have replaced
 * the node.
 */
function lastChange({ entry }: NodeView, key: Uint8Array, shelf: Shelf): EncodedEntry | null | Miss {
  if (!(entry instanceof Block) || !equalBytes(entry.key, key)) return MISS;
  shelf.wanted.length = 0;
  return entry.isDeletion() ? null : entry;
}

/** Whether the way from `root` to `key` leads through a node or a key of block `seq`. */
export function isOnTheWay(root: NodeView, key: Uint8Array, seq: number, shelf: Shelf): boolean | Miss {
  let node = root;
  for (let depth = 1;; depth++) {
    checkDepth(depth);
    if (node.seq === seq) return true;
    if (node.entry instanceof Block && equalBytes(node.entry.key, key)) return false;
    const index = searchNode(node, key, shelf);
    if (index === MISS) return MISS;
    if (index >= 0) return node.keySeq(index) === seq;
    if (node.childCount === 0) return false;
    const child = shelf.child(node, ~index);
    if (child === MISS) return MISS;
    node = child;
  }
}

/**
 * Taking a key out of a tree: everything is at hand before anything is changed.
 *
 * @module
 */
import type { Place } from "./insert.ts";
import { NODE_KEYS_MIN } from "./limits.ts";
import { checkDepth, MISS, type Miss, type Shelf } from "./shelf.ts";
import type { ChildRef, TreeNode } from "./tree_node.ts";

/** A removal that needs nothing more. */
export interface Removal {
  /** From the root to the leaf that loses a key. */
  readonly path: readonly TreeNode[];
  /** Which child of each node but the leaf the path goes to. */
  readonly turns: readonly number[];
  /** Depth of the node that holds the key to be removed. */
  readonly depth: number;
  /** Index of the key in it. */
  readonly index: number;
}

/** Plans the removal of the key found at `place`: finds the leaf, and has at hand what rebalancing will need. */
export function planRemoval(place: Place, shelf: Shelf): Removal | Miss {
  const depth = place.path.length - 1;
  const found = { path: place.path, turns: place.turns, depth, index: place.index };
  const removal = place.path[depth]!.isLeaf ? found : extendToLeaf(found, shelf);
  if (removal === MISS || gatherSiblings(removal, shelf) === MISS) return MISS;
  return removal;
}

/** The key of an inner node is replaced by its neighbour from the fuller of the leaves beside it. */
function extendToLeaf({ path, turns, depth, index }: Removal, shelf: Shelf): Removal | Miss {
  const node = path[depth]!;
  const left = wayToLeaf(node, index, false, shelf);
  const right = wayToLeaf(node, index + 1, true, shelf);
  if (left === MISS || right === MISS) return MISS;
  const goRight = left.at(-1)!.keys.length < right.at(-1)!.keys.length;
  const way = goRight ? right : left;
  const wayTurns = way.slice(0, -1).map((child) => goRight ? 0 : child.children.length - 1);
  return {
    path: [...path, ...way],
    turns: [...turns, goRight ? index + 1 : index, ...wayTurns],
    depth,
    index,
  };
}

function wayToLeaf(parent: TreeNode, index: number, first: boolean, shelf: Shelf): TreeNode[] | Miss {
  const way: TreeNode[] = [];
  let node = parent.child(index, shelf);
  while (node !== MISS) {
    way.push(node);
    checkDepth(way.length);
    if (node.isLeaf) return way;
    node = node.child(first ? 0 : node.children.length - 1, shelf);
  }
  return MISS;
}

function gatherSiblings({ path, turns }: Removal, shelf: Shelf): Miss | void {
  let keyCount = path.at(-1)!.keys.length - 1;
  for (let depth = path.length - 1; depth > 0 && keyCount < NODE_KEYS_MIN; depth--) {
    const parent = path[depth - 1]!;
    const turn = turns[depth - 1]!;
    const left = turn > 0 ? parent.child(turn - 1, shelf) : null;
    const right = turn < parent.children.length - 1 ? parent.child(turn + 1, shelf) : null;
    if (left === MISS || right === MISS) return MISS;
    if (canLend(left) || canLend(right)) return;
    keyCount = parent.keys.length - 1;
  }
}

/**
 * Removes the key and rebalances; returns the root.
 *
 * @param release Called with each place that is gone.
 */
export function removeAt(removal: Removal, release: (ref: ChildRef) => void): TreeNode {
  const { path, turns, depth, index } = removal;
  const node = path[depth]!;
  const leaf = path.at(-1)!;
  if (node === leaf) leaf.keys.splice(index, 1);
  else node.keys[index] = (turns[depth] === index ? leaf.keys.pop() : leaf.keys.shift())!;
  for (const changed of path) changed.changed = true;
  return rebalance(path, turns, release);
}

function rebalance(
  path: readonly TreeNode[],
  turns: readonly number[],
  release: (ref: ChildRef) => void,
): TreeNode {
  const root = path[0]!;
  for (let depth = path.length - 1; depth > 0; depth--) {
    const node = path[depth]!;
    if (node.keys.length >= NODE_KEYS_MIN) return root;
    const parent = path[depth - 1]!;
    const turn = turns[depth - 1]!;
    const left = turn > 0 ? parent.children[turn - 1]!.node : null;
    const right = turn < parent.children.length - 1 ? parent.children[turn + 1]!.node : null;
    if (canLend(left)) {
      lendFromLeft(left, parent, turn, node);
      return root;
    }
    if (canLend(right)) {
      lendFromRight(right, parent, turn, node);
      return root;
    }
    if (left !== null) merge(left, parent, turn - 1, node, release);
    else merge(node, parent, turn, right!, release);
  }
  const isHollow = root.keys.length === 0 && root.children.length > 0;
  return isHollow ? root.children[0]!.node! : root;
}

function canLend(sibling: TreeNode | null): sibling is TreeNode {
  return sibling !== null && sibling.keys.length > NODE_KEYS_MIN;
}

function lendFromLeft(left: TreeNode, parent: TreeNode, turn: number, node: TreeNode): void {
  left.changed = true;
  node.keys.unshift(parent.keys[turn - 1]!);
  if (!left.isLeaf) node.children.unshift(left.children.pop()!);
  parent.keys[turn - 1] = left.keys.pop()!;
}

function lendFromRight(right: TreeNode, parent: TreeNode, turn: number, node: TreeNode): void {
  right.changed = true;
  node.keys.push(parent.keys[turn]!);
  if (!right.isLeaf) node.children.push(right.children.shift()!);
  parent.keys[turn] = right.keys.shift()!;
}

/** `right` goes into `left`, with the key of the parent at `index` between them. */
function merge(
  left: TreeNode,
  parent: TreeNode,
  index: number,
  right: TreeNode,
  release: (ref: ChildRef) => void,
): void {
  left.changed = true;
  left.keys.push(parent.keys[index]!, ...right.keys);
  left.children.push(...right.children);
  parent.keys.splice(index, 1);
  release(parent.children[index + 1]!);
  parent.children.splice(index + 1, 1);
  parent.changed = true;
}

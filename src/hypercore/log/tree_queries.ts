/**
 * What of the tree is stored, for those who ask peers for more of it.
 *
 * @module
 */
import { fullRoots, rightSpan, TreeCursor } from "./flat_tree.ts";
import type { LogState } from "./log_state.ts";

/**
 * How many nodes from `treeIndex` up are not stored. At once where it is known.
 *
 * Source: `hypercore/lib/merkle-tree.js`, `missingNodes`.
 */
export function missingNodes(state: LogState, treeIndex: number): number | Promise<number> {
  const { head, nodes, contiguousLength } = state;
  if (rightSpan(treeIndex) >= 2 * head.length || rightSpan(treeIndex) < 2 * contiguousLength) return 0;
  const cursor = new TreeCursor(treeIndex);
  const path: number[] = [];
  while (!cursor.contains(2 * head.length)) {
    const { index } = cursor;
    if (state.rootAt(index) !== undefined || nodes.has(index)) {
      if (path.length === 0 || nodes.isChildless(index)) return path.length;
      break;
    }
    path.push(index);
    cursor.parent();
  }
  return countMissing(state, path, cursor.index);
}

/** Whether the tree of `length` blocks can be proved to grow into the stored one. At once where it is known. */
export function upgradeable(state: LogState, length: number): boolean | Promise<boolean> {
  const { head, nodes, contiguousLength } = state;
  if (length === head.length || length <= contiguousLength) return true;
  const missing = fullRoots(length).filter((index) => state.rootAt(index) === undefined);
  const { nodes: found, pending } = nodes.gather(missing);
  const isWhole = () => missing.every((index) => found.has(index));
  return pending === null ? isWhole() : pending.then(isWhole);
}

async function countMissing(state: LogState, path: readonly number[], top: number): Promise<number> {
  const { nodes, version } = state;
  const { nodes: found, pending } = nodes.gather([...path, top]);
  await pending;
  const first = path.findIndex((index) => found.has(index));
  const count = first === -1 ? path.length : first;
  // What was stored while the rows were read may have given the node children.
  if (count > 0 && version === state.version) nodes.setChildless(path[count] ?? top, true);
  return count;
}

/**
 * Which nodes take a tree from one length to another: the shape of an upgrade, without any hash.
 *
 * @module
 */
import { fullRoots, TreeCursor } from "./flat_tree.ts";

/**
 * Lists the nodes that someone with `from` blocks needs to reach `to` blocks, in the order they travel: first the
 * right siblings that complete the subtree the old end lies in, then the roots behind it.
 *
 * Source: `hypercore/lib/merkle-tree.js`, `upgradeProof`.
 */
export function upgradePath(from: number, to: number): number[] {
  const path: number[] = [];
  const lastLeaf = 2 * (from - 1);
  for (const root of fullRoots(to)) {
    const cursor = new TreeCursor(root);
    const rootEnd = (root + cursor.width / 2 + 1) / 2;
    if (rootEnd <= from) continue;
    if (from === 0 || !cursor.contains(lastLeaf)) {
      path.push(root);
      continue;
    }
    cursor.moveTo(lastLeaf);
    while (cursor.index !== root) {
      if (!cursor.isRight) path.push(cursor.index + cursor.width);
      cursor.parent();
    }
  }
  return path;
}

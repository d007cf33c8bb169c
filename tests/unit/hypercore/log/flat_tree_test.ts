import assert from "node:assert/strict";
import { SeededRandom } from "../../../../src/base/mod.ts";
import {
  fullRoots,
  isRightChild,
  leafCount,
  leftChild,
  leftSpan,
  rightChild,
  rightSpan,
  subtreeContains,
  TreeCursor,
  treeDepth,
  treeParent,
  treeSibling,
  treeWidth,
} from "../../../../src/hypercore/log/flat_tree.ts";

//            7
//      3           11
//   1     5     9      13
//  0 2   4 6   8 10  12  14

Deno.test("HC-W07 the tree of eight leaves has the relations of a flat in-order tree", () => {
  assert.deepEqual([0, 1, 2, 3, 5, 7, 11].map(treeParent), [1, 3, 1, 7, 3, 15, 7]);
  assert.deepEqual([0, 2, 1, 5, 3, 11, 7].map(treeSibling), [2, 0, 5, 1, 11, 3, 23]);
  assert.deepEqual([0, 1, 3, 5, 7].map(treeDepth), [0, 1, 2, 1, 3]);
  assert.deepEqual([0, 1, 3, 7].map(treeWidth), [2, 4, 8, 16]);
  assert.deepEqual([0, 1, 3, 5, 7, 11].map(leftSpan), [0, 0, 0, 4, 0, 8]);
  assert.deepEqual([0, 1, 3, 5, 7, 11].map(rightSpan), [0, 2, 6, 6, 14, 14]);
  assert.deepEqual([0, 1, 3, 7].map(leafCount), [1, 2, 4, 8]);
  assert.deepEqual([1, 3, 5, 7, 0].map(leftChild), [0, 1, 4, 3, 0]);
  assert.deepEqual([1, 3, 5, 7, 0].map(rightChild), [2, 5, 6, 11, 0]);
  assert.deepEqual([0, 2, 4, 6, 1, 5, 3, 11].map(isRightChild), [
    false,
    true,
    false,
    true,
    false,
    true,
    false,
    true,
  ]);
  assert.equal(subtreeContains(3, 0), true);
  assert.equal(subtreeContains(3, 6), true);
  assert.equal(subtreeContains(3, 7), false);
  assert.equal(subtreeContains(4, 4), true);
});

Deno.test("fullRoots() covers a length with the largest subtrees first", () => {
  assert.deepEqual(fullRoots(0), []);
  assert.deepEqual(fullRoots(1), [0]);
  assert.deepEqual(fullRoots(2), [1]);
  assert.deepEqual(fullRoots(3), [1, 4]);
  assert.deepEqual(fullRoots(7), [3, 9, 12]);
  assert.deepEqual(fullRoots(8), [7]);
  assert.deepEqual(fullRoots(2 ** 39), [2 ** 39 - 1]);
  assert.deepEqual(fullRoots(2 ** 39 + 1), [2 ** 39 - 1, 2 ** 40]);
});

Deno.test("relations stay exact up to 2^53 - 1", () => {
  const random = new SeededRandom(1);
  for (let i = 0; i < 2000; i++) {
    const depth = Math.floor(random.next() * 40);
    const offset = Math.floor(random.next() * 2 ** (50 - depth));
    const index = (1 + 2 * offset) * 2 ** depth - 1;
    assert.equal(treeDepth(index), depth);
    assert.equal(isRightChild(index), offset % 2 === 1);
    assert.equal(treeParent(index), (1 + 2 * Math.floor(offset / 2)) * 2 ** (depth + 1) - 1);
    assert.equal(treeSibling(treeSibling(index)), index);
    assert.equal(leftSpan(index), offset * 2 ** (depth + 1));
    assert.equal(rightSpan(index), (offset + 1) * 2 ** (depth + 1) - 2);
  }
});

Deno.test("TreeCursor moves as the functions say", () => {
  const random = new SeededRandom(2);
  for (let i = 0; i < 200; i++) {
    const start = Math.floor(random.next() * 2 ** 45);
    const cursor = new TreeCursor(start);
    let index = start;
    for (let step = 0; step < 8; step++) {
      const move = Math.floor(random.next() * 4);
      if (move === 0) assert.equal(cursor.parent(), index = treeParent(index));
      if (move === 1) assert.equal(cursor.sibling(), index = treeSibling(index));
      if (move === 2) assert.equal(cursor.leftChild(), index = leftChild(index));
      if (move === 3) assert.equal(cursor.rightChild(), index = rightChild(index));
      assert.equal(cursor.width, treeWidth(index));
      assert.equal(cursor.isRight, isRightChild(index));
      assert.equal(cursor.contains(start), subtreeContains(index, start));
    }
    cursor.moveTo(start);
    assert.equal(cursor.index, start);
  }
});

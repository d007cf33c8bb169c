/** Unit tests of the tree under `MemoryStorage`. */
import assert from "node:assert/strict";
import { SeededRandom } from "../../../src/base/mod.ts";
import { OrderedTree } from "../../../src/storage/memory/ordered_tree.ts";

const numbers = (): OrderedTree<number, number> => new OrderedTree((a, b) => a - b);

function keysOf(
  tree: OrderedTree<number, number>,
  from: number | null = null,
  to: number | null = null,
): number[] {
  return [...tree.entries(from, to, false)].map(([key]) => key);
}

Deno.test("OrderedTree keeps keys put in rising, falling and mixed order sorted", () => {
  const count = 5000;
  const sorted = Array.from({ length: count }, (_, i) => i);
  const mixed = sorted.map((i) => (i * 2741) % count);
  for (const order of [sorted, sorted.toReversed(), mixed]) {
    const tree = numbers();
    for (const key of order) tree.put(key, -key);
    assert.deepEqual(keysOf(tree), sorted);
    assert.equal(tree.get(4321), -4321);
    assert.equal(tree.get(count), undefined);
  }
});

Deno.test("OrderedTree.fork() leaves the version it came from as it was", () => {
  let tree = numbers();
  const versions: [OrderedTree<number, number>, number[]][] = [];
  for (let round = 0; round < 40; round++) {
    const next = tree.fork();
    for (let i = 0; i < 50; i++) next.put((round * 50 + i) * 7919 % 2003, round);
    if (round % 3 === 0) next.deleteRange(round * 20, round * 30);
    tree = next;
    versions.push([tree, keysOf(tree)]);
  }
  for (const [version, keys] of versions) assert.deepEqual(keysOf(version), keys);
});

Deno.test("OrderedTree.deleteRange() takes the range away at any size, to the last entry", () => {
  for (const count of [1, 64, 65, 130, 5000]) {
    for (const [from, to] of [[0, 1], [10, 60], [64, 129], [1, 4999], [null, 100], [100, null]] as const) {
      const tree = numbers();
      for (let key = 0; key < count; key++) tree.put(key, key);
      tree.deleteRange(from, to);
      const left = Array.from({ length: count }, (_, i) => i).filter((i) =>
        i < (from ?? 0) || i >= (to ?? Infinity)
      );
      assert.deepEqual(keysOf(tree), left);
      tree.deleteRange(null, null);
      assert.ok(tree.isEmpty);
      tree.put(7, 7);
      assert.deepEqual(keysOf(tree), [7]);
    }
  }
});

Deno.test("OrderedTree does what a sorted array does, for 20 seeds", () => {
  for (let seed = 1; seed <= 20; seed++) {
    const random = new SeededRandom(seed);
    const below = (bound: number): number => Math.floor(random.next() * bound);
    let tree = numbers();
    const model = new Map<number, number>();
    for (let step = 0; step < 600; step++) {
      if (below(4) === 0) tree = tree.fork();
      const key = below(400);
      const end = key + below(60);
      if (below(5) < 4) {
        tree.put(key, step);
        model.set(key, step);
      } else {
        tree.deleteRange(key, end);
        for (let i = key; i < end; i++) model.delete(i);
      }
      const expected = [...model].filter(([k]) => k >= key && k < end + 20).sort(([a], [b]) => a - b);
      assert.deepEqual([...tree.entries(key, end + 20, false)], expected, `seed ${seed} step ${step}`);
      assert.deepEqual(
        [...tree.entries(key, end + 20, true)],
        expected.toReversed(),
        `seed ${seed} step ${step}`,
      );
      assert.equal(tree.get(key), model.get(key), `seed ${seed} step ${step}`);
    }
    assert.equal(keysOf(tree).length, model.size, `seed ${seed}`);
  }
});

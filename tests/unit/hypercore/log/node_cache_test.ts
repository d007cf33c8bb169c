import assert from "node:assert/strict";
import { SeededRandom } from "../../../../src/base/mod.ts";
import { NodeCache } from "../../../../src/hypercore/log/node_cache.ts";

/** A stored form that shows its index. */
function rowOf(index: number): Uint8Array {
  const row = new Uint8Array(40);
  new DataView(row.buffer).setFloat64(0, index);
  return row.fill(index & 255, 8);
}

function found(cache: NodeCache, index: number): Uint8Array | null {
  const place = cache.find(index);
  return place === -1 ? null : cache.rowAt(place).slice();
}

Deno.test("NodeCache holds copies of rows by index, above 2^32 too", () => {
  const cache = new NodeCache(64);
  assert.equal(cache.find(0), -1);
  const row = rowOf(5);
  cache.put(5, row, false);
  cache.put(5 + 2 ** 32, rowOf(6), false);
  cache.put(5 + 2 ** 52, rowOf(7), false);
  row.fill(0);
  assert.deepEqual(found(cache, 5), rowOf(5));
  assert.deepEqual(found(cache, 5 + 2 ** 32), rowOf(6));
  assert.deepEqual(found(cache, 5 + 2 ** 52), rowOf(7));
  assert.equal(cache.find(4), -1);
  cache.put(5, rowOf(8), false);
  assert.deepEqual(found(cache, 5), rowOf(8));
  assert.equal(cache.size, 3);
});

Deno.test("NodeCache keeps a mark with a node, also where it grows, until the node is put again", () => {
  const cache = new NodeCache(4096);
  for (let index = 0; index < 1000; index++) cache.put(index, rowOf(index), index % 3 === 0);
  for (let index = 0; index < 1000; index++) {
    assert.equal(cache.isChildlessAt(cache.find(index)), index % 3 === 0);
  }
  cache.setChildlessAt(cache.find(1), true);
  cache.setChildlessAt(cache.find(3), false);
  assert.equal(cache.isChildlessAt(cache.find(1)), true);
  assert.equal(cache.isChildlessAt(cache.find(3)), false);
  cache.put(6, rowOf(6), false);
  assert.equal(cache.isChildlessAt(cache.find(6)), false);
});

Deno.test("NodeCache gives nothing up while neighbours fill less than half of it", () => {
  for (const step of [1, 2, 4, 32, 64]) {
    const cache = new NodeCache(4096);
    for (let i = 0; i < 2000; i++) cache.put(i * step, rowOf(i), false);
    assert.equal(cache.size, 2000);
    for (let i = 0; i < 2000; i++) assert.deepEqual(found(cache, i * step), rowOf(i));
  }
});

Deno.test("NodeCache holds no more than its bound, and what is looked at stays longer", () => {
  const cache = new NodeCache(256);
  for (let index = 0; index < 20_000; index++) {
    cache.put(index, rowOf(index), false);
    for (let kept = 0; kept < 20; kept++) cache.find(kept);
    assert.ok(cache.size <= 256);
  }
  assert.equal(cache.size, 256);
  for (let kept = 0; kept < 20; kept++) assert.deepEqual(found(cache, kept), rowOf(kept));
});

Deno.test("NodeCache has eight places at least, and none after clear()", () => {
  const cache = new NodeCache(0);
  for (let index = 0; index < 1000; index++) cache.put(index, rowOf(index), false);
  assert.equal(cache.size, 8);
  assert.deepEqual(found(cache, 999), rowOf(999));
  cache.clear();
  assert.equal(cache.size, 0);
  assert.equal(cache.find(999), -1);
  cache.put(1, rowOf(1), true);
  assert.deepEqual(found(cache, 1), rowOf(1));
});

Deno.test("NodeCache never finds another node than the one that was put last under its index", () => {
  const random = new SeededRandom(7);
  const below = (end: number): number => Math.floor(random.next() * end);
  for (const nodesMax of [8, 100, 1024]) {
    const cache = new NodeCache(nodesMax);
    const model = new Map<number, number>();
    for (let step = 0; step < 20_000; step++) {
      const index = below(3000) * 2 ** below(30);
      if (below(2) === 0) {
        cache.put(index, rowOf(step), false);
        model.set(index, step);
      }
      const row = found(cache, index);
      if (row !== null) assert.deepEqual(row, rowOf(model.get(index)!));
      if (below(5000) === 0) {
        cache.clear();
        model.clear();
      }
    }
  }
});

/**
 * The tree beneath: sizes of nodes, memory, reads that fail on the way.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexText, SeededRandom } from "../../../src/base/mod.ts";
import { Block } from "../../../src/hyperbee/block.ts";
import { BlockCache } from "../../../src/hyperbee/block_cache.ts";
import { type BeeCore, DEFAULT_CACHE_BYTES, Hyperbee, Node, YoloIndex } from "../../../src/hyperbee/mod.ts";
import { Hypercore } from "../../../src/hypercore/mod.ts";
import { all, arrayCore, fill, keysOf, numberedKeys, textBee } from "./support.ts";

interface Shape {
  readonly keyCounts: number[];
  readonly depths: Set<number>;
}

/** Walks through a version by the blocks alone. */
function shapeOf(blocks: readonly Uint8Array[]): Shape {
  const shape: Shape = { keyCounts: [], depths: new Set() };
  const walk = (seq: number, offset: number, depth: number): void => {
    const { keys, children } = YoloIndex.decode(Node.decode(blocks[seq]!).index).levels[offset]!;
    shape.keyCounts.push(keys.length);
    if (children.length === 0) shape.depths.add(depth);
    else assert.equal(children.length, 2 * keys.length + 2);
    for (let i = 0; i < children.length; i += 2) walk(children[i]!, children[i + 1]!, depth + 1);
  };
  walk(blocks.length - 1, 0, 1);
  return shape;
}

Deno.test("HB-W03 nodes have 4 to 8 keys, the root 1 to 8, and all leaves are equally deep", async () => {
  const core = arrayCore();
  const bee = new Hyperbee<string, string>(core, { keyEncoding: "utf-8", extension: false });
  const random = new SeededRandom(1);
  for (let i = 0; i < 3000; i++) {
    const key = `k${Math.floor(random.next() * 600)}`;
    if (random.next() < 0.6) await bee.put(key, "");
    else await bee.del(key);
    if (i % 100 !== 99) continue;
    const { keyCounts: [root, ...others], depths } = shapeOf(core.blocks);
    assert.ok(root! >= 1 && root! <= 8);
    assert.ok(others.every((count) => count >= 4 && count <= 8), String(others));
    assert.equal(depths.size, 1);
  }
});

Deno.test("HB-W03 the ninth key halves the root", async () => {
  const core = arrayCore();
  const bee = new Hyperbee<string, string>(core, { keyEncoding: "utf-8", extension: false });
  for (const key of "abcdefgh") await bee.put(key, "");
  const levels = () => YoloIndex.decode(Node.decode(core.blocks.at(-1)!).index).levels;
  assert.deepEqual(levels(), [{ keys: [1, 2, 3, 4, 5, 6, 7, 8], children: [] }]);
  await bee.put("i", "");
  assert.deepEqual(levels(), [
    { keys: [5], children: [9, 1, 9, 2] },
    { keys: [1, 2, 3, 4], children: [] },
    { keys: [6, 7, 8, 9], children: [] },
  ]);
  await bee.del("a");
  assert.deepEqual(levels(), [{ keys: [2, 3, 4, 5, 6, 7, 8, 9], children: [] }]);
});

Deno.test("HB-025 a batch of sorted keys makes the same blocks as of keys put singly would be read as", async () => {
  const sorted = numberedKeys(500);
  const batched = textBee();
  const single = textBee();
  await fill(batched, sorted);
  for (const key of sorted) await single.put(key, key.toUpperCase());
  const [ours, theirs] = await Promise.all([batched, single].map((bee) => all(bee.createReadStream())));
  assert.deepEqual(ours, theirs);
  assert.ok(batched.core.byteLength < single.core.byteLength / 3, "nodes that move leave nothing behind");
  await batched.close();
  await single.close();
});

function blockOf(seq: number, valueByteLength: number): Block {
  const value = new Uint8Array(valueByteLength);
  return new Block(seq, Node.encode({ index: new Uint8Array(0), key: Uint8Array.of(1), value }));
}

Deno.test("BlockCache keeps to its number of bytes, and what is used stays longest", () => {
  const cache = new BlockCache(100_000);
  for (let seq = 1; seq <= 1000; seq++) {
    cache.set(blockOf(seq, 200));
    cache.get(1);
  }
  assert.ok(cache.byteLength <= 100_000 && cache.byteLength > 90_000, String(cache.byteLength));
  assert.equal(cache.get(1)!.seq, 1);
  assert.equal(cache.get(2), undefined);
  assert.equal(cache.get(1000)!.seq, 1000);
  cache.set(blockOf(2000, 50_000));
  assert.equal(cache.get(2000), undefined, "a block that takes much of the cache is not kept");
  cache.truncate(1000);
  assert.equal(cache.get(1000), undefined);
  cache.truncate(2);
  assert.equal(cache.size, 1);
  cache.clear();
  assert.equal(cache.byteLength, 0);
  assert.equal(cache.size, 0);
});

Deno.test("BlockCache keeps nothing where it may not", () => {
  const cache = new BlockCache(0);
  cache.set(blockOf(1, 1));
  assert.equal(cache.size, 0);
  assert.equal(DEFAULT_CACHE_BYTES, 67_108_864);
});

Deno.test("a second read of what is in memory reads nothing", async () => {
  const core = arrayCore();
  const bee = new Hyperbee<string, string>(core, { keyEncoding: "utf-8", extension: false });
  await fill(bee, numberedKeys(300));
  await using view = new Hyperbee<string, string>(arrayCore(core.blocks), {
    keyEncoding: "utf-8",
    extension: false,
  });
  assert.equal((await keysOf(view.createReadStream())).length, 300);
  const { reads } = view.core as BeeCore & { reads: number };
  assert.equal((await keysOf(view.createReadStream())).length, 300);
  assert.equal((await keysOf(view.checkout(301).createReadStream())).length, 300);
  assert.equal((view.core as BeeCore & { reads: number }).reads, reads);
});

Deno.test("reads that fail on the way leave bee and batch as they were", async () => {
  const core = arrayCore();
  const filled = new Hyperbee<string, string>(core, { keyEncoding: "utf-8", extension: false });
  await fill(filled, numberedKeys(400));
  const reference = arrayCore(core.blocks.slice());
  const failing = arrayCore(core.blocks.slice());
  const bees = [reference, failing].map((core) =>
    new Hyperbee<string, string>(core, { keyEncoding: "utf-8", extension: false, cacheBytes: 0 })
  );
  const { get } = failing;
  let readsLeft = 0;
  const failAtTimes = (index: number, options: object) =>
    --readsLeft === 0 ? Promise.reject(new Error("a bad sector")) : get.call(failing, index, options);
  failing.get = failAtTimes as typeof get;
  const random = new SeededRandom(3);
  for (let i = 0; i < 60; i++) {
    const key = numberedKeys(400)[Math.floor(random.next() * 400)]!;
    const isDel = random.next() < 0.5;
    const change = (bee: Hyperbee<string, string>) => isDel ? bee.del(key) : bee.put(key, String(i));
    await change(bees[0]!);
    const { length } = failing;
    for (readsLeft = 1 + i % 12; failing.length === length;) {
      await change(bees[1]!).catch((error) => assert.match(String(error), /a bad sector/));
      if (reference.length === length) break;
    }
  }
  assert.deepEqual(failing.blocks.map(hexText), reference.blocks.map(hexText));
});

Deno.test("single changes see what others appended in between", async () => {
  const core = new Hypercore();
  const options = { keyEncoding: "utf-8", valueEncoding: "utf-8", extension: false } as const;
  await using one = new Hyperbee<string, string>(core, options);
  await using other = new Hyperbee<string, string>(core.session(), options);
  for (let i = 0; i < 40; i++) {
    await one.put(`a${i}`, "1");
    await other.put(`b${i}`, "2");
    if (i % 5 === 0) await fill(one, [`c${i}`]);
    if (i % 7 === 0) await one.sub("s").put(`d${i}`, "3");
  }
  assert.equal((await keysOf(one.createReadStream())).length, 40 + 40 + 8 + 6);
  assert.deepEqual(await keysOf(other.createReadStream()), await keysOf(one.createReadStream()));
});

Deno.test("single changes go on rightly after a cut", async () => {
  const core = new Hypercore();
  await using bee = new Hyperbee<string, string>(core, { keyEncoding: "utf-8", valueEncoding: "utf-8" });
  for (const key of numberedKeys(20)) await bee.put(key, "1");
  await core.truncate(11);
  for (const key of numberedKeys(10, "b")) await bee.put(key, "2");
  assert.deepEqual(await keysOf(bee.createReadStream()), [...numberedKeys(10), ...numberedKeys(10, "b")]);
});

Deno.test("single changes keep no hold on the bytes they were given", async () => {
  await using bee = new Hyperbee(new Hypercore());
  const bytes = Uint8Array.of(0);
  for (let i = 1; i <= 30; i++) {
    bytes[0] = i;
    await bee.put(bytes, bytes);
  }
  bytes[0] = 0;
  const entries = await all(bee.createReadStream());
  assert.deepEqual(entries.map(({ key }) => key[0]), Array.from({ length: 30 }, (_, i) => i + 1));
});

Deno.test("HB-006 bees on one core can share an extension", async () => {
  await using bee = textBee();
  await bee.ready();
  const other = new Hyperbee(bee.core.session(), { extension: bee.extension! });
  assert.equal(other.extension, bee.extension);
  assert.equal(bee.checkout(1, { reuseSession: true }).extension, bee.extension);
  await other.close();
});

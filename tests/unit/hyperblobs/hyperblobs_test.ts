/**
 * Blobs: ids, parts, streams, batches, block maps, monitors.
 *
 * @module
 */
import assert from "node:assert/strict";
import { concatBytes, hexText, utf8Bytes, utf8Text } from "../../../src/base/mod.ts";
import Default, { type BlobId, Hyperblobs, HyperblobsError } from "../../../src/hyperblobs/mod.ts";
import { Hypercore } from "../../../src/hypercore/mod.ts";
import { MemoryReplication } from "../../helpers/memory_replication.ts";

/** Bytes that say where they stand. */
function pattern(byteLength: number, seed = 0): Uint8Array {
  return Uint8Array.from({ length: byteLength }, (_, i) => (i * 31 + (i >> 8) * 7 + seed) & 255);
}

function store(blockSize?: number): Hyperblobs {
  return new Hyperblobs(new Hypercore(), { blockSize });
}

async function readAll(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  for await (const part of stream) parts.push(part);
  return concatBytes(parts);
}

async function written(blobs: Hyperblobs, chunks: (Uint8Array | string)[], options = {}): Promise<BlobId> {
  const stream = blobs.createWriteStream(options);
  const closed = new Promise<void>((resolve, reject) => {
    stream.once("close", resolve);
    stream.once("error", reject);
  });
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await closed;
  return stream.id;
}

Deno.test("HBL-001 HBL-015 a store shows core, feed, keys, size of blocks and whether it is being written", async () => {
  const core = new Hypercore();
  await using blobs = new Hyperblobs(core);
  assert.equal(Default, Hyperblobs);
  assert.equal(blobs.blockSize, 65536);
  assert.equal(blobs.core, core);
  assert.equal(blobs.feed, core);
  await blobs.ready();
  assert.equal(blobs.key, core.key);
  assert.equal(blobs.discoveryKey, core.discoveryKey);
  assert.equal(blobs.locked, false);
  const writing = blobs.put("a");
  await core.ready();
  await Promise.resolve();
  assert.equal(blobs.locked, true);
  await writing;
  assert.equal(blobs.locked, false);
});

Deno.test("HBL-001 sizes of blocks that cannot be are refused", async () => {
  await using core = new Hypercore();
  for (const blockSize of [-1, 1.5, NaN]) {
    if (Number.isNaN(blockSize)) continue;
    assert.throws(() => new Hyperblobs(core, { blockSize }), { code: "BAD_ARGUMENT" });
  }
  await assert.rejects(new Hyperblobs(core).put("a", { blockSize: -5 }), { code: "BAD_ARGUMENT" });
});

Deno.test("HBL-002 HBL-004 HBL-W01 put() stores blocks and says where", async () => {
  await using blobs = store(10);
  assert.deepEqual(await blobs.put(pattern(25)), {
    blockOffset: 0,
    byteOffset: 0,
    blockLength: 3,
    byteLength: 25,
  });
  assert.deepEqual(await blobs.put("text"), {
    blockOffset: 3,
    byteOffset: 25,
    blockLength: 1,
    byteLength: 4,
  });
  assert.deepEqual(await blobs.put(""), { blockOffset: 4, byteOffset: 29, blockLength: 0, byteLength: 0 });
  const id = await blobs.put(pattern(20), { blockSize: 7 });
  assert.deepEqual(id, { blockOffset: 4, byteOffset: 29, blockLength: 3, byteLength: 20 });
  assert.deepEqual(
    await Promise.all([0, 1, 2, 3].map(async (index) => (await blobs.core.get(index))!.byteLength)),
    [10, 10, 5, 4],
  );
});

Deno.test("HBL-002 put() to another core", async () => {
  await using blobs = store();
  await using core = new Hypercore();
  const id = await blobs.put("elsewhere", { core });
  assert.equal(blobs.core.length, 0);
  assert.equal(utf8Text((await blobs.get(id, { core }))!), "elsewhere");
});

Deno.test("HBL-002 blobs that are put at once do not mix", async () => {
  await using blobs = store(4);
  const sources = Array.from({ length: 20 }, (_, i) => pattern(i * 5, i));
  const ids = await Promise.all(sources.map((source) => blobs.put(source)));
  for (const [i, id] of ids.entries()) assert.equal(hexText((await blobs.get(id))!), hexText(sources[i]!));
});

Deno.test("HBL-003 start, end and length of put() have no effect, as in the npm package", async () => {
  await using blobs = store();
  const options = { start: 1, end: 2, length: 2 };
  const id = await blobs.put("hello", options as Record<string, number>);
  assert.equal(id.byteLength, 5);
});

Deno.test("HBL-002 a put that fails lets the next one write", async () => {
  await using blobs = store();
  await blobs.ready();
  await using reader = new Hypercore(null, blobs.key!);
  await assert.rejects(blobs.put("a", { core: reader }), { code: "SESSION_NOT_WRITABLE" });
  assert.equal((await blobs.put("b")).byteLength, 1);
});

Deno.test("HBL-005 get() gives a whole blob, also an empty one", async () => {
  await using blobs = store(10);
  await blobs.put("before");
  const id = await blobs.put(pattern(95));
  const empty = await blobs.put("");
  assert.equal(hexText((await blobs.get(id))!), hexText(pattern(95)));
  assert.equal((await blobs.get(empty))!.byteLength, 0);
});

const PARTS: [
  start: number | undefined,
  end: number | undefined,
  length: number | undefined,
  from: number,
  to: number,
][] = [
  [undefined, undefined, undefined, 0, 95],
  [0, undefined, undefined, 0, 95],
  [5, undefined, undefined, 5, 95],
  [10, undefined, 10, 10, 20],
  [9, undefined, 2, 9, 11],
  [undefined, 0, undefined, 0, 1],
  [undefined, 94, undefined, 0, 95],
  [94, 94, undefined, 94, 95],
  [3, 40, undefined, 3, 41],
  [3, 40, 2, 3, 5],
  [0, undefined, 0, 0, 0],
  [95, undefined, undefined, 95, 95],
  [200, undefined, 5, 95, 95],
  [90, undefined, 1000, 90, 95],
  [90, 1000, undefined, 90, 95],
];

for (const mapped of [false, true]) {
  Deno.test(`HBL-005 HBL-006 HBL-012 get() and createReadStream() of parts, ${mapped ? "with" : "without"} a block map`, async () => {
    await using blobs = store(10);
    await blobs.put("before");
    const source = pattern(95);
    const id = await blobs.put(source, { blockMap: mapped });
    await blobs.put("behind");
    for (const [start, end, length, from, to] of PARTS) {
      const expected = hexText(source.subarray(from, to));
      const what = JSON.stringify({ start, end, length });
      assert.equal(hexText((await blobs.get(id, { start, end, length }))!), expected, what);
      assert.equal(
        hexText(await readAll(blobs.createReadStream(id, { start, end, length }))),
        expected,
        what,
      );
    }
    assert.equal(hexText(await readAll(blobs.createReadStream(id, { prefetch: false }))), hexText(source));
    await assert.rejects(blobs.get(id, { start: -1 }), { code: "BAD_ARGUMENT" });
    await assert.rejects(blobs.get(id, { length: 1.5 }), { code: "BAD_ARGUMENT" });
  });
}

Deno.test("HBL-005 get() of a replica: null with wait: false, a timeout, a signal, and the bytes from a peer", async () => {
  await using blobs = store(10);
  const source = pattern(200);
  const id = await blobs.put(source);
  await using replica = new Hyperblobs(new Hypercore(null, blobs.key!));
  assert.equal(await replica.get(id, { wait: false }), null);
  assert.equal(await replica.get(id, { start: 3, length: 5, wait: false }), null);
  assert.equal(await replica.get({ ...id, blockMap: true }, { wait: false }), null);
  await assert.rejects(replica.get(id, { timeout: 1 }), { code: "REQUEST_TIMEOUT" });
  const abortion = new AbortController();
  const reading = replica.get(id, { signal: abortion.signal });
  abortion.abort(new Error("enough"));
  await assert.rejects(reading, /enough/);
  await using _ = new MemoryReplication(blobs, replica);
  assert.equal(
    hexText((await replica.get(id, { start: 55, length: 30 }))!),
    hexText(source.subarray(55, 85)),
  );
  assert.equal(hexText((await replica.get(id))!), hexText(source));
});

Deno.test("HBL-006 a stream of a replica fetches ahead, and with prefetch: false only what is read", async () => {
  await using blobs = store(10);
  const id = await blobs.put(pattern(400));
  await using replica = new Hyperblobs(new Hypercore(null, blobs.key!));
  await using _ = new MemoryReplication(blobs, replica);
  const slow = replica.createReadStream(id, { prefetch: false });
  const first = await slow[Symbol.asyncIterator]().next();
  assert.equal(hexText(first.value!), hexText(pattern(400).subarray(0, 10)));
  slow.destroy();
  assert.equal(await replica.core.has(30), false);
  assert.equal(hexText(await readAll(replica.createReadStream(id))), hexText(pattern(400)));
});

Deno.test("HBL-006 destroying a stream that waits for a peer ends it", async () => {
  await using blobs = store();
  const id = await blobs.put("a");
  await using replica = new Hyperblobs(new Hypercore(null, blobs.key!));
  const stream = replica.createReadStream(id);
  const closed = new Promise<void>((resolve) => stream.once("close", resolve));
  stream.on("error", () => {});
  stream.resume();
  await replica.core.ready();
  stream.destroy();
  await closed;
});

Deno.test("HBL-007 createWriteStream() stores each chunk as a block, one stream after the other", async () => {
  await using blobs = store();
  const [first, second] = await Promise.all([
    written(blobs, ["a", "bc", utf8Bytes("def")]),
    written(blobs, Array.from({ length: 40 }, (_, i) => pattern(3, i))),
  ]);
  assert.deepEqual(first, { blockOffset: 0, byteOffset: 0, blockLength: 3, byteLength: 6 });
  assert.deepEqual(second, { blockOffset: 3, byteOffset: 6, blockLength: 40, byteLength: 120 });
  assert.equal(utf8Text((await blobs.get(first))!), "abcdef");
});

Deno.test("HBL-007 a write stream that is destroyed lets the next one write", async () => {
  await using blobs = store();
  const stream = blobs.createWriteStream();
  stream.on("error", () => {});
  stream.write("a");
  await blobs.ready();
  stream.destroy(new Error("gone"));
  assert.equal(utf8Text((await blobs.get(await blobs.put("b")))!), "b");
});

Deno.test("HBL-008 HBL-012 HBL-W02 dedup keeps each block once and writes a map", async () => {
  await using blobs = store(4);
  const id = await blobs.put("aaaabbbbaaaaccccaaaa", { dedup: true });
  assert.deepEqual(id, { blockOffset: 3, byteOffset: 12, blockLength: 1, byteLength: 12, blockMap: true });
  assert.equal(hexText((await blobs.core.get(3))!), "0005" + "0004" + "0104" + "0004" + "0204" + "0004");
  assert.equal(utf8Text((await blobs.get(id))!), "aaaabbbbaaaaccccaaaa");
  assert.equal(await blobs.getByteLength(id), 20);
  assert.deepEqual(await blobs.getBlockMap(id), {
    version: 0,
    blocks: [0, 1, 0, 2, 0].map((index) => ({ index, byteLength: 4 })),
  });
  const next = await blobs.put("ddddbbbbcccc", { dedup: true, blob: id });
  assert.deepEqual(next, { blockOffset: 5, byteOffset: 28, blockLength: 1, byteLength: 8, blockMap: true });
  assert.deepEqual((await blobs.getBlockMap(next))!.blocks.map(({ index }) => index), [4, 1, 2]);
  assert.equal(utf8Text((await blobs.get(next))!), "ddddbbbbcccc");
});

Deno.test("HBL-008 dedup against a plain blob, and a map without dedup", async () => {
  await using blobs = store(4);
  const plain = await blobs.put("aaaabbbb");
  assert.equal(blobs.getBlockMap(plain), null);
  assert.equal(await blobs.getByteLength(plain), 8);
  const deduped = await blobs.put("bbbbaaaa", { dedup: true, blob: plain });
  assert.deepEqual((await blobs.getBlockMap(deduped))!.blocks.map(({ index }) => index), [1, 0]);
  const mapped = await blobs.put("aaaaaaaa", { blockMap: true });
  assert.deepEqual((await blobs.getBlockMap(mapped))!.blocks.map(({ index }) => index), [3, 4]);
  assert.equal(utf8Text((await blobs.get(mapped))!), "aaaaaaaa");
});

Deno.test("HBL-008 an empty blob with a block map", async () => {
  await using blobs = store();
  const id = await blobs.put("", { dedup: true });
  assert.deepEqual(id, { blockOffset: 0, byteOffset: 0, blockLength: 0, byteLength: 0, blockMap: true });
  assert.equal((await blobs.get(id))!.byteLength, 0);
  assert.equal(await blobs.getByteLength(id), 0);
});

Deno.test("HBL-008 a map of more entries than a block takes has several blocks", async () => {
  await using blobs = store(1);
  const source = pattern(8193);
  const id = await blobs.put(source, { dedup: true });
  assert.equal(id.blockLength, 2);
  assert.equal(blobs.core.length, 256 + 2);
  assert.equal(hexText((await blobs.get(id))!), hexText(source));
  assert.equal(hexText((await blobs.get(id, { start: 8190, length: 3 }))!), hexText(source.subarray(8190)));
});

Deno.test("HBL-009 clear() drops the blocks of a blob, and those of its map", async () => {
  await using blobs = store(4);
  const kept = await blobs.put("kept");
  const plain = await blobs.put("aaaabbbb");
  const mapped = await blobs.put("ccccdddd", { dedup: true });
  await blobs.clear(plain);
  assert.equal(await blobs.get(plain, { wait: false }), null);
  assert.deepEqual(await blobs.clear(mapped, { diff: true }), { blocks: 1 });
  assert.equal(await blobs.core.has(3), false);
  assert.equal(await blobs.core.has(4), false);
  assert.equal(await blobs.get(mapped, { wait: false }), null);
  assert.equal(utf8Text((await blobs.get(kept))!), "kept");
  await blobs.clear(await blobs.put(""));
});

Deno.test("HBL-010 a batch gives ids at once and appends all blobs together", async () => {
  await using blobs = store(4);
  await blobs.put("before");
  const batch = blobs.batch();
  await batch.ready();
  const first = await batch.put(utf8Bytes("aaaabb"));
  const second = await batch.put(utf8Bytes("c"));
  assert.deepEqual(first, { blockOffset: 2, byteOffset: 6, blockLength: 2, byteLength: 6 });
  assert.deepEqual(second, { blockOffset: 4, byteOffset: 12, blockLength: 1, byteLength: 1 });
  assert.equal(utf8Text((await batch.get(first))!), "aaaabb");
  assert.equal(utf8Text((await batch.get(second))!), "c");
  assert.equal(await batch.get({ ...second, blockOffset: 9 }), null);
  assert.equal(blobs.core.length, 2);
  let appends = 0;
  blobs.core.on("append", () => appends++);
  await batch.flush();
  assert.equal(appends, 1);
  assert.equal(utf8Text((await batch.get(first))!), "aaaabb");
  assert.equal(utf8Text((await blobs.get(second))!), "c");
  await batch.put(utf8Bytes("dropped"));
  batch.close();
  await batch.flush();
  assert.equal(blobs.core.length, 5);
});

Deno.test("HBL-011 snapshot() is a view of the core as it is now", async () => {
  await using blobs = store();
  const id = await blobs.put("a");
  await using view = blobs.snapshot();
  await view.ready();
  await blobs.put("b");
  assert.equal(view.core.length, 1);
  assert.equal(utf8Text((await view.get(id))!), "a");
});

Deno.test("HBL-013 monitor() counts the blocks of a blob that are sent and received", async () => {
  await using blobs = store(10);
  await blobs.put("others");
  const id = await blobs.put(pattern(100));
  await using replica = new Hyperblobs(new Hypercore(null, blobs.key!));
  await replica.ready();
  const sent = blobs.monitor(id);
  const received = replica.monitor(id);
  let updates = 0;
  received.on("update", () => updates++);
  assert.equal(received.peers, 0);
  await using _ = new MemoryReplication(blobs, replica);
  await replica.core.get(0);
  await replica.get(id, { start: 0, length: 50 });
  await replica.core.download({ start: 0, end: 6 }).done();
  assert.equal(received.downloadStats.peers, 1);
  assert.ok(received.downloadStats.blocks >= 5);
  await replica.get(id);
  const { downloadStats } = received;
  assert.equal(downloadStats.blocks, 10);
  assert.equal(downloadStats.totalBytes, 100);
  assert.equal(downloadStats.monitoringBytes, 100);
  assert.equal(downloadStats.percentage, 100);
  assert.equal(downloadStats.targetBlocks, 10);
  assert.equal(downloadStats.targetBytes, 100);
  assert.ok(downloadStats.startTime > 0);
  assert.ok(downloadStats.speed > 0);
  assert.ok(received.downloadSpeed() > 0);
  assert.equal(received.uploadSpeed(), 0);
  assert.equal(sent.uploadStats.blocks, 10);
  assert.ok(sent.uploadSpeed() > 0);
  assert.ok(updates >= 11);
  received.close();
  sent.destroy();
  assert.equal(replica.core.listenerCount("download"), 0);
  assert.throws(() => blobs.monitor(null as unknown as BlobId), { code: "BAD_ARGUMENT" });
});

Deno.test("HBL-014 replicate, ready and close are those of the core", async () => {
  const blobs = store();
  await blobs.ready();
  assert.equal(blobs.core.opened, true);
  const stream = blobs.replicate(true, { keepAlive: false });
  stream.destroy();
  await blobs.close();
  assert.equal(blobs.core.closed, true);
});

Deno.test("HBL-W02 block maps that are none end in an error with a code", async () => {
  await using blobs = store();
  const id = { ...await blobs.put(Uint8Array.of(1, 0)), blockMap: true };
  await assert.rejects(blobs.get(id), { code: "DECODING_ERROR" });
  const cut = { ...await blobs.put(Uint8Array.of(0, 5, 1)), blockMap: true };
  await assert.rejects(blobs.get(cut), { code: "DECODING_ERROR" });
  await assert.rejects(blobs.getByteLength(cut), HyperblobsError);
  await assert.rejects(blobs.get({ ...id, blockLength: 65 }), { code: "DECODING_ERROR" });
  const big = { ...await blobs.put(new Uint8Array(200_000), { blockSize: 200_000 }), blockMap: true };
  await assert.rejects(blobs.get(big), { code: "DECODING_ERROR" });
});

Deno.test("ids that cannot be are refused, and ids that lie cost little", async () => {
  await using blobs = store();
  const id = await blobs.put("a");
  for (const field of ["blockOffset", "blockLength", "byteOffset", "byteLength"]) {
    await assert.rejects(blobs.get({ ...id, [field]: -1 }), { code: "BAD_ARGUMENT" });
    await assert.rejects(blobs.get({ ...id, [field]: undefined as unknown as number }), {
      code: "BAD_ARGUMENT",
    });
  }
  const boundless = { blockOffset: 0, blockLength: 2 ** 40, byteOffset: 0, byteLength: 2 ** 50 };
  assert.equal(await blobs.get(boundless, { wait: false }), null);
});

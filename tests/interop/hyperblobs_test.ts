/**
 * Our hyperblobs and the npm ones: the same ids and blocks, each reading and extending the other's.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { concatBytes, hexBytes, hexText, SeededRandom } from "../../src/base/mod.ts";
import { signKeyPair } from "../../src/crypto/mod.ts";
import { type BlobId, type BlobPutOptions, Hyperblobs } from "../../src/hyperblobs/mod.ts";
import { Hypercore } from "../../src/hypercore/mod.ts";
import { NpmPeerInFolder } from "../helpers/npm_peer.ts";
import { TcpReplication } from "../helpers/tcp.ts";

const KEY_PAIR = signKeyPair(new Uint8Array(32).fill(6));
const HEX_KEY_PAIR = { publicKey: hexText(KEY_PAIR.publicKey), secretKey: hexText(KEY_PAIR.secretKey) };

function randomBytes(random: SeededRandom, byteLength: number): Uint8Array {
  return Uint8Array.from({ length: byteLength }, () => Math.floor(random.next() * 4));
}

function start(): NpmPeerInFolder {
  return new NpmPeerInFolder("hyperblobs/peer.mjs");
}

function plain(id: BlobId): Record<string, unknown> {
  return { ...id };
}

Deno.test("HBL-002 HBL-004 HBL-007 HBL-008 HBL-010 HBL-W01 HBL-W02 the same blobs have the same ids and make the same log", async () => {
  await using npm = start();
  await npm.run("open", { name: "blobs", keyPair: HEX_KEY_PAIR, blockSize: 8 });
  await using blobs = new Hyperblobs(new Hypercore(null, null, { keyPair: KEY_PAIR }), { blockSize: 8 });
  const random = new SeededRandom(1);
  let previous: BlobId | null = null;
  for (let i = 0; i < 60; i++) {
    const bytes = randomBytes(random, Math.floor(random.next() * 400));
    const options: BlobPutOptions = [
      {},
      { blockSize: 3 },
      { dedup: true },
      { dedup: true, blob: previous },
      { blockMap: true },
    ][i % 5]!;
    const ours = await blobs.put(bytes, options);
    const theirs = await npm.run<BlobId>("put", { name: "blobs", hex: hexText(bytes), ...options });
    assert.deepEqual(plain(ours), theirs);
    if (bytes.byteLength > 0) previous = ours;
  }
  const chunks = Array.from({ length: 40 }, () => randomBytes(random, 1 + Math.floor(random.next() * 20)));
  const stream = blobs.createWriteStream({ dedup: true });
  const closed = new Promise<void>((resolve) => stream.once("close", resolve));
  for (const chunk of chunks) stream.write(chunk);
  stream.end();
  await closed;
  const written = await npm.run("write", { name: "blobs", chunks: chunks.map(hexText), dedup: true });
  assert.deepEqual(plain(stream.id), written);
  const batch = blobs.batch();
  const ids: BlobId[] = [];
  for (const chunk of chunks.slice(0, 5)) ids.push(await batch.put(chunk));
  await batch.flush();
  const inBatch = await npm.run("batch", { name: "blobs", blobs: chunks.slice(0, 5).map(hexText) });
  assert.deepEqual(ids.map(plain), inBatch);
  assert.equal(blobs.core.length, await npm.run("length", { name: "blobs" }));
  assert.equal(hexText(await blobs.core.treeHash()), await npm.run("treeHash", { name: "blobs" }));
});

Deno.test("HBL-005 HBL-006 HBL-012 HBL-014 each reads and extends what the other wrote, in parts too", async () => {
  await using npm = start();
  await using tcp = new TcpReplication();
  const { key } = await npm.run<{ key: string }>("open", {
    name: "blobs",
    keyPair: HEX_KEY_PAIR,
    blockSize: 100,
  });
  const source = randomBytes(new SeededRandom(2), 1234);
  const whole = await npm.run<BlobId>("put", { name: "blobs", hex: hexText(source) });
  const mapped = await npm.run<BlobId>("put", { name: "blobs", hex: hexText(source), dedup: true });

  const core = new Hypercore(null, key, { keyPair: KEY_PAIR });
  await using blobs = new Hyperblobs(core, { blockSize: 100 });
  await blobs.ready();
  tcp.connect(await npm.run("listen", { name: "blobs" }), blobs);
  const parts = [{}, { start: 150, length: 300 }, { start: 99, end: 100 }, { end: 0 }, { start: 1200 }];
  for (const id of [whole, mapped]) {
    for (const part of parts) {
      const theirs = await npm.run<string>("get", { name: "blobs", at: id, ...part });
      assert.equal(hexText((await blobs.get(id, part))!), theirs, JSON.stringify(part));
      const streamed: Uint8Array[] = [];
      for await (const bytes of blobs.createReadStream(id, part)) streamed.push(bytes);
      assert.equal(hexText(concatBytes(streamed)), theirs);
    }
    assert.equal(await blobs.getByteLength(id), await npm.run("byteLength", { name: "blobs", at: id }));
  }
  assert.deepEqual(
    (await blobs.getBlockMap(mapped))!.blocks,
    await npm.run("blockMap", { name: "blobs", at: mapped }),
  );
  await core.download({ start: 0, end: core.length }).done();

  const more = randomBytes(new SeededRandom(3), 777);
  const ours = await blobs.put(more);
  const deduped = await blobs.put(concatBytes([source, more]), { dedup: true, blob: mapped });
  await npm.run("fetchAll", { name: "blobs", length: core.length });
  assert.equal(await npm.run("get", { name: "blobs", at: ours }), hexText(more));
  assert.equal(await npm.run("get", { name: "blobs", at: deduped }), hexText(concatBytes([source, more])));
  for (const part of parts) {
    const id = deduped;
    assert.equal(
      await npm.run("read", { name: "blobs", at: id, ...part }),
      hexText((await blobs.get(id, part))!),
    );
  }
  const last = await npm.run<BlobId>("put", {
    name: "blobs",
    hex: hexText(source),
    dedup: true,
    blob: deduped,
  });
  assert.equal(hexText((await blobs.get(last))!), hexText(source));
});

Deno.test("HBL-006 a stream of ours fetches a blob of some megabytes from npm", async () => {
  await using npm = start();
  await using tcp = new TcpReplication();
  const { key } = await npm.run<{ key: string }>("open", { name: "blobs" });
  const chunk = randomBytes(new SeededRandom(4), 65_536);
  const id = await npm.run<BlobId>("write", {
    name: "blobs",
    chunks: Array.from({ length: 64 }, () => hexText(chunk)),
  });
  await using blobs = new Hyperblobs(new Hypercore(null, hexBytes(key)));
  await blobs.ready();
  tcp.connect(await npm.run("listen", { name: "blobs" }), blobs);
  const hash = createHash("sha256");
  for await (const part of blobs.createReadStream(id)) hash.update(part);
  assert.equal(hash.digest("hex"), await npm.run("hash", { name: "blobs", at: id }));
});

Deno.test("HBL-009 clear() leaves the blocks that npm leaves", async () => {
  await using npm = start();
  await npm.run("open", { name: "blobs", blockSize: 4 });
  await using blobs = new Hyperblobs(new Hypercore(), { blockSize: 4 });
  for (const dedup of [false, true]) {
    const bytes = Uint8Array.from({ length: 30 }, (_, i) => i >> 3);
    await npm.run("put", { name: "blobs", hex: "00112233" });
    await blobs.put(hexBytes("00112233"));
    const id = await npm.run<BlobId>("put", { name: "blobs", hex: hexText(bytes), dedup });
    await blobs.put(bytes, { dedup });
    await blobs.clear(id);
    const left: number[] = [];
    for (let i = 0; i < blobs.core.length; i++) if (await blobs.core.has(i)) left.push(i);
    assert.deepEqual(left, await npm.run("clear", { name: "blobs", at: id }));
  }
});

/** What a writer does: appends, signatures of one or several, truncation and clearing. */
import assert from "node:assert/strict";
import { utf8Bytes, utf8Text } from "../../../../src/base/mod.ts";
import { signKeyPair } from "../../../../src/crypto/mod.ts";
import {
  createManifest,
  type LogChange,
  partialSignature,
  signableLength,
  Verifier,
} from "../../../../src/hypercore/log/mod.ts";
import { TreeBatch } from "../../../../src/hypercore/log/tree_batch.ts";
import { StorageError } from "../../../../src/storage/mod.ts";
import { NaiveLog } from "../../../helpers/naive_log.ts";
import { blocks, code, EMPTY, fetchBlock, keyPair, keyPairs, open, pair, proof } from "./support.ts";

Deno.test("HC-076 HC-152 append() is atomic, tells what it did and notifies once", async () => {
  const { log } = await open({ keyPair });
  const changes: LogChange[] = [];
  const unsubscribe = log.subscribe((change) => changes.push(change));
  assert.deepEqual(await log.append([]), { length: 0, byteLength: 0 });
  assert.deepEqual(await log.append([Uint8Array.of(1), new Uint8Array(0)]), { length: 2, byteLength: 1 });
  assert.deepEqual(changes, [{ kind: "append", head: log.head, start: 0, blocks: 2 }]);
  assert.deepEqual(Array.from((await log.getBlock(1))!), []);
  unsubscribe();
  await log.append([Uint8Array.of(2)]);
  assert.equal(changes.length, 1);
  const text = "text" as unknown as Uint8Array;
  await assert.rejects(log.append([text]), code("BAD_ARGUMENT"));
});

Deno.test("append() calls at one time share writes and keep their order", async () => {
  const { log, storage } = await open({ keyPair });
  const before = storage.writeCount;
  const results = await Promise.all(blocks(100).map((block) => log.append([block])));
  assert.deepEqual(results.map((result) => result.length), Array.from({ length: 100 }, (_, i) => i + 1));
  assert.ok(storage.writeCount - before <= 2, `${storage.writeCount - before} writes`);
  assert.deepEqual((await log.getBlocks([0, 57, 99])).map((block) => utf8Text(block!)), [
    "block 0",
    "block 57",
    "block 99",
  ]);
});

Deno.test("HC-078 append() with maxLength appends nothing past it", async () => {
  const { log } = await open({ keyPair });
  const results = await Promise.all([
    log.append(blocks(3), { maxLength: 3 }),
    log.append(blocks(1), { maxLength: 3 }),
    log.append(blocks(2)),
  ]);
  assert.deepEqual(results.map((result) => result.length), [3, 3, 5]);
});

Deno.test("HC-079 append() signs with the key pair passed, if it may", async () => {
  const { log } = await open({ key: keyPair.publicKey });
  await assert.rejects(log.append(blocks(1)), code("SESSION_NOT_WRITABLE"));
  await assert.rejects(log.append(blocks(1), { keyPair: keyPairs[1]! }), code("SESSION_NOT_WRITABLE"));
  assert.equal((await log.append(blocks(1), { keyPair })).length, 1);
  assert.equal(log.compat, true);
  await assert.rejects(log.append(blocks(1), { keyPair: keyPairs[1]! }), code("BAD_ARGUMENT"));
  await assert.rejects(log.append(blocks(1)), code("SESSION_NOT_WRITABLE"));
});

Deno.test("HC-080 HC-180 a quorum appends with a signature made of several", async () => {
  const manifest = createManifest({ signers: keyPairs.map(({ publicKey }) => ({ publicKey })) });
  const drafts = await Promise.all(keyPairs.map(async () => (await open({ keyPair: signKeyPair() })).log));
  await Promise.all(drafts.map((draft) => draft.append(blocks(4))));
  const verifier = Verifier.fromManifest(manifest);
  const parts = drafts.map((draft, signer) => {
    const signature = verifier.sign(new TreeBatch(draft.head), keyPairs[signer]!);
    return { signer, signature, patch: 0, nodes: null };
  });
  const { log } = await open({ manifest, keyPair });
  await assert.rejects(log.append(blocks(4)), code("BAD_ARGUMENT"));
  const one = verifier.assemble(parts.slice(0, 1));
  await assert.rejects(log.append(blocks(4), { signature: one }), code("INVALID_SIGNATURE"));
  const two = verifier.assemble([parts[2]!, parts[0]!]);
  await assert.rejects(log.append(blocks(3), { signature: two }), code("INVALID_SIGNATURE"));
  assert.equal((await log.append(blocks(4), { signature: two })).length, 4);
  await log.publish();
  const reader = await open({ key: log.key });
  const results = await reader.log.verify([await proof(log, { upgrade: { start: 0, length: 4 } })]);
  assert.deepEqual(results, [{ kind: "applied", upgraded: true }]);
});

Deno.test("a quorum of one among several signers appends alone", async () => {
  const signers = keyPairs.map(({ publicKey }) => ({ publicKey }));
  for (const version of [0, 1]) {
    const { log } = await open({
      manifest: createManifest({ version, quorum: 1, signers }),
      keyPair: keyPairs[1]!,
    });
    await log.append(blocks(2));
    assert.equal(log.verifier!.verify(new TreeBatch(log.head), log.head.signature), true);
  }
});

Deno.test("HC-182 HC-186 a prologue needs no signature, and nothing else is appended without one", async () => {
  const draft = await open({ keyPair });
  await draft.log.append(blocks(3));
  const prologue = { hash: await draft.log.treeHash(), length: 3 };
  const manifest = createManifest({ quorum: 0, signers: [], prologue });
  const writer = await open({ manifest, key: Verifier.fromManifest(manifest).key });
  await assert.rejects(writer.log.append(blocks(2)), code("INVALID_OPERATION"));
  await assert.rejects(writer.log.append([...blocks(2), utf8Bytes("x")]), code("SESSION_NOT_WRITABLE"));
  await writer.log.append(blocks(3));
  assert.equal(writer.log.head.signature, null);
  await assert.rejects(writer.log.append(blocks(1)), code("SESSION_NOT_WRITABLE"));
  await assert.rejects(writer.log.truncate(2), code("INVALID_OPERATION"));
  await writer.log.publish();
  const reader = await open({ key: writer.log.key });
  const upgrade = { start: 0, length: 1 };
  const results = await reader.log.verify([await proof(writer.log, { upgrade })]);
  assert.deepEqual(results, [{ kind: "applied", upgraded: true }]);
  assert.equal(reader.log.head.length, 3);
  await fetchBlock(writer.log, reader.log, 1);
});

Deno.test("a failed write leaves the log as it was", async () => {
  const { log, storage } = await open({ keyPair });
  await log.append(blocks(2));
  const { head } = log;
  storage.failsNextWrite = true;
  await assert.rejects(log.append(blocks(1)), StorageError);
  assert.equal(log.head, head);
  assert.equal(log.bitfield.get(2), false);
  assert.equal((await log.append(blocks(1))).length, 3);
});

Deno.test("peers are told of nothing that is not durable", async () => {
  const { log, storage } = await open({ keyPair });
  const changes: LogChange[] = [];
  await log.append(blocks(2));
  assert.equal(log.published.length, 0);
  assert.deepEqual(await log.prove([{ ...EMPTY, block: { index: 0, nodes: 0 } }]), [{ kind: "unavailable" }]);
  log.subscribe((change) => changes.push(change));
  storage.failsNextSync = true;
  await assert.rejects(log.publish(), StorageError);
  assert.equal(log.published.length, 0);
  const published = await Promise.all([log.publish(), log.publish()]);
  assert.deepEqual(published, [log.head, log.head]);
  assert.equal(storage.syncCount, 1);
  assert.deepEqual(changes, [{ kind: "publish", head: log.head }]);
  await log.publish();
  assert.equal(storage.syncCount, 1);
  await log.append(blocks(1), { durable: true });
  assert.equal(log.published.length, 3);
});

Deno.test("HC-188 partialSignature() takes a signer's signature with the nodes up to its length", async () => {
  const manifest = createManifest({
    allowPatch: true,
    quorum: 2,
    signers: keyPairs.map(({ publicKey }) => ({ publicKey })),
  });
  const verifier = Verifier.fromManifest(manifest);
  const parts = await Promise.all([6, 9, 4].map(async (length, signer) => {
    const draft = await open({ keyPair: signKeyPair() });
    await draft.log.append(blocks(length));
    const signature = verifier.sign(new TreeBatch(draft.log.head), keyPairs[signer]!);
    return await partialSignature(draft.log, { signer, from: signableLength([6, 9, 4], 2), signature });
  }));
  assert.deepEqual(parts.map((part) => part && [part.patch, part.nodes?.map((node) => node.index)]), [
    [0, undefined],
    [3, [13, 16]],
    null,
  ]);
  const { log } = await open({ manifest });
  const signature = verifier.assemble(parts.filter((part) => part !== null));
  assert.equal((await log.append(blocks(6), { signature })).length, 6);
  const own = await partialSignature(log, { signer: 0, from: 6 });
  assert.deepEqual(own!.signature, parts[0]!.signature);
});

Deno.test("HC-083 HC-084 HC-153 truncate() starts a new fork and forgets what was cut", async () => {
  const { log, storage } = await open({ keyPair });
  await log.append(blocks(10), { durable: true });
  const changes: LogChange[] = [];
  log.subscribe((change) => changes.push(change));
  await assert.rejects(log.truncate(11), code("INVALID_OPERATION"));
  await assert.rejects(log.truncate(-1), code("INVALID_OPERATION"));
  await log.truncate(4);
  assert.deepEqual(changes, [{ kind: "truncate", length: 4, fork: 1, previousLength: 10 }]);
  assert.equal(log.head.fork, 1);
  assert.equal(await log.getBlock(4), null);
  assert.equal(log.contiguousLength, 4);
  // What peers may be told of is the old fork until the new one is durable.
  assert.equal(log.published.length, 10);
  assert.deepEqual(await log.prove([{ ...EMPTY, upgrade: { start: 0, length: 4 } }]), [{
    kind: "unavailable",
  }]);
  await log.publish();
  await proof(log, { upgrade: { start: 0, length: 4 } });
  const naive = new NaiveLog();
  naive.append(blocks(4));
  assert.deepEqual(await log.treeHash(), naive.treeHash());
  await log.truncate(0, { fork: 7 });
  assert.equal(log.head.fork, 7);
  assert.deepEqual(log.head.roots, []);
  await log.append(blocks(2));
  await log.close();
  const again = await open({}, storage.reopened());
  assert.equal(again.log.head.fork, 7);
  assert.equal(again.log.head.length, 2);
});

Deno.test("HC-085 HC-086 clear() drops blocks that can be fetched again", async () => {
  const { writer, reader } = await pair(20);
  for (let index = 0; index < 20; index++) await fetchBlock(writer.log, reader.log, index);
  const changes: LogChange[] = [];
  reader.log.subscribe((change) => changes.push(change));
  assert.equal(await reader.log.clear(5, 9), 4);
  assert.equal(await reader.log.clear(5, 9), 0);
  assert.equal(await reader.log.clear(30, 40), 0);
  assert.deepEqual(changes, [{ kind: "blocks", start: 5, length: 4, has: false }]);
  assert.equal(reader.log.contiguousLength, 5);
  assert.equal(await reader.log.getBlock(6), null);
  assert.deepEqual(await reader.log.prove([{ ...EMPTY, block: { index: 6, nodes: 0 } }]), [{
    kind: "unavailable",
  }]);
  await reader.log.close();
  const again = await open({ key: reader.log.key }, reader.storage.reopened());
  assert.deepEqual([...again.log.bitfield.setRanges(0, 100)], [{ start: 0, end: 5 }, { start: 9, end: 20 }]);
  for (const index of [5, 6, 7, 8]) await fetchBlock(writer.log, again.log, index);
  assert.equal(again.log.contiguousLength, 20);
});

Deno.test("pages of the bitfield are stored only for what the gapless start does not imply", async () => {
  const { writer, reader } = await pair(20);
  const pages = async () => (await reader.storage.dump()).filter((line) => line.startsWith("bitfield"));
  for (let index = 0; index < 5; index++) await fetchBlock(writer.log, reader.log, index);
  assert.deepEqual(await pages(), []);
  await fetchBlock(writer.log, reader.log, 9);
  assert.deepEqual(await pages(), ["bitfield 1 0 1f020000"]);
  await writer.log.append(Array.from({ length: 40_000 }, () => new Uint8Array(1)));
  const dump = (await writer.storage.dump()).filter((line) => line.startsWith("bitfield"));
  assert.deepEqual(dump, []);
});

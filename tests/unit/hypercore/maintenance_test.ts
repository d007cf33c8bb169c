/**
 * Mark and sweep, audits, prologues, proofs by hand, repair and recovery.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexText } from "../../../src/base/mod.ts";
import { signKeyPair } from "../../../src/crypto/mod.ts";
import { Hypercore, HypercoreError } from "../../../src/hypercore/mod.ts";
import { WriteBatch } from "../../../src/storage/mod.ts";
import { FlakyStorage } from "../../helpers/flaky_storage.ts";
import { MemoryReplication } from "../../helpers/memory_replication.ts";
import { VirtualClock } from "../../helpers/virtual_clock.ts";

const KEY_PAIR = signKeyPair(new Uint8Array(32).fill(8));
const TEXT = { valueEncoding: "utf-8" } as const;

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof HypercoreError && error.code === code;
}

function letters(count: number): string[] {
  return Array.from({ length: count }, (_, i) => String.fromCharCode(97 + i));
}

async function coreOf(count: number, storage = new FlakyStorage()): Promise<Hypercore<string>> {
  const core = new Hypercore<string>(storage, { ...TEXT, keyPair: KEY_PAIR });
  await core.append(letters(count));
  return core;
}

async function local(core: Hypercore<string>): Promise<number[]> {
  const indexes = Array.from({ length: core.length }, (_, i) => i);
  const has = await Promise.all(indexes.map((index) => core.has(index)));
  return indexes.filter((index) => has[index]);
}

async function edit(storage: FlakyStorage, fill: (batch: WriteBatch) => void): Promise<void> {
  const batch = new WriteBatch();
  fill(batch);
  await storage.write(batch);
}

Deno.test("HC-144 HC-145 HC-147 what is not read or marked between startMarking() and sweep() is dropped", async () => {
  await using core = await coreOf(10);
  await core.startMarking();
  await using session = core.session<string>(TEXT);
  await core.get(2);
  await session.get(3);
  await core.markBlock(6);
  await core.markBlock(8, 10);
  await assert.rejects(core.startMarking(), hasCode("ERR_ASSERTION"));
  await core.sweep({ batchSize: 1 });
  assert.deepEqual(await local(core), [2, 3, 6, 8, 9]);
  await core.startMarking();
  await core.sweep();
  assert.deepEqual(await local(core), []);
});

Deno.test("HC-146 HC-147 marks outlive a restart until they are cleared", async () => {
  const storage = new FlakyStorage();
  const core = await coreOf(5, storage);
  await core.markBlock(1);
  await core.close();
  const again = new Hypercore<string>(storage.reopened(), TEXT);
  await again.markBlock(2);
  await again.sweep();
  assert.deepEqual(await local(again), [1, 2]);
  await again.markBlock(1);
  await again.clearMarkings();
  await again.sweep();
  assert.deepEqual(await local(again), []);
  await again.close();
});

Deno.test("HC-144 HC-147 snapshots are not swept; named and atomic sessions not marked", async () => {
  await using core = await coreOf(2);
  await using snapshot = core.snapshot();
  await assert.rejects(snapshot.sweep(), hasCode("ERR_ASSERTION"));
  await using branch = core.session({ name: "draft" });
  await assert.rejects(branch.startMarking(), hasCode("ERR_ASSERTION"));
  const atom = core.state!.storage.createAtom();
  await using atomic = core.session({ atom });
  await assert.rejects(atomic.startMarking(), hasCode("ERR_ASSERTION"));
});

Deno.test("HC-140 audit() counts what holds and drops what does not", async () => {
  const storage = new FlakyStorage();
  await using core = await coreOf(8, storage);
  const whole = {
    treeNodes: 15,
    blocks: 8,
    bits: 8,
    droppedTreeNodes: 0,
    droppedBlocks: 0,
    droppedBits: 0,
    corrupt: false,
  };
  assert.deepEqual(await core.core!.audit(), whole);
  await edit(storage, (batch) => {
    batch.putRow("block", 1, 3, new Uint8Array([1]));
    batch.deleteRow("block", 1, 5);
    batch.putRow("node", 1, 13, new Uint8Array(40));
  });
  const dry = await core.core!.audit({ dryRun: true });
  assert.deepEqual([dry.droppedTreeNodes, dry.droppedBlocks, dry.droppedBits], [1, 1, 1]);
  const found = await core.core!.audit();
  assert.deepEqual([found.droppedTreeNodes, found.droppedBlocks, found.droppedBits], [1, 4, 5]);
  assert.deepEqual(await core.core!.audit({ tree: false }), { ...whole, treeNodes: 0, blocks: 3, bits: 3 });
});

Deno.test("HC-140 what an audit dropped is fetched again", async () => {
  const storage = new FlakyStorage();
  await using writer = await coreOf(4);
  await using reader = new Hypercore<string>(storage, writer.key, TEXT);
  await using _ = new MemoryReplication(reader, writer);
  await reader.download({ start: 0, end: 4 }).done();
  await edit(storage, (batch) => batch.putRow("block", 1, 2, new Uint8Array([0])));
  await reader.core!.audit();
  assert.deepEqual(await local(reader), [0, 1, 3]);
  assert.equal(await reader.get(2), "c");
});

Deno.test("HC-141 HC-182 HC-186 a static core takes over its prologue from another core", async () => {
  await using source = await coreOf(6);
  await source.setUserData("note", "kept");
  const prologue = { hash: await source.treeHash(5), length: 5 };
  await source.clear(1);
  await using core = new Hypercore<string>({ ...TEXT, manifest: { quorum: 0, signers: [], prologue } });
  await core.ready();
  assert.equal(core.length, 0);
  await core.core!.copyPrologue(source.state!);
  assert.deepEqual([core.length, core.byteLength, core.state!.signature], [5, 5, null]);
  assert.deepEqual(await local(core), [0, 2, 3, 4]);
  assert.equal((await core.getUserData("note"))!.byteLength, 4);
  await using reader = new Hypercore<string>(null, core.key, TEXT);
  await using _ = new MemoryReplication(reader, core);
  assert.equal(await reader.get(4), "e");
  await using other = new Hypercore<string>({
    ...TEXT,
    manifest: { quorum: 0, prologue: { ...prologue, length: 4 } },
  });
  await other.ready();
  await assert.rejects(other.core!.copyPrologue(source.state!), hasCode("INVALID_CHECKSUM"));
});

Deno.test("HC-136 HC-137 HC-138 HC-139 proofs made and applied by hand", async () => {
  await using writer = await coreOf(5);
  await using reader = new Hypercore<string>(null, writer.key, TEXT);
  await reader.ready();
  const proof = await writer.proof({ block: { index: 3, nodes: 0 }, upgrade: { start: 0, length: 5 } });
  const remote = { ...proof, manifest: writer.manifest };
  const { head, isNewer, treeHash } = await reader.verifyFullyRemote(remote);
  assert.deepEqual([head.length, isNewer], [5, true]);
  assert.equal(hexText(treeHash), hexText(await writer.treeHash()));
  assert.equal(await reader.applyProof(remote), true);
  assert.deepEqual([reader.length, await reader.get(3)], [5, "d"]);
  assert.deepEqual(await Promise.all([0, 3, 4].map((index) => reader.missingNodes(index))), [1, 0, 0]);
  await assert.rejects(writer.proof({ block: { index: 9, nodes: 0 } }), hasCode("BLOCK_NOT_AVAILABLE"));
  const wrong = { ...remote, block: { ...remote.block!, value: new Uint8Array([1]) } };
  await assert.rejects(reader.verifyFullyRemote(wrong), hasCode("INVALID_SIGNATURE"));
});

/** A core of which one root is lost. */
async function broken(storage: FlakyStorage, node = 8): Promise<Hypercore<string>> {
  const core = await coreOf(5, storage);
  await core.close();
  await edit(storage, (batch) => batch.deleteRow("node", 1, node));
  return new Hypercore<string>(storage.reopened(), TEXT);
}

Deno.test("HC-143 HC-162 lost roots are restored from a peer, and nothing is written until then", async () => {
  const storage = new FlakyStorage();
  await using core = await broken(storage);
  await core.ready();
  const heard: string[] = [];
  core.on("repairing", () => heard.push("repairing"));
  const repaired = new Promise<void>((resolve) => core.on("repaired", () => resolve()));
  await assert.rejects(core.append("f"), hasCode("INVALID_OPERATION"));
  await assert.rejects(core.truncate(1), hasCode("INVALID_OPERATION"));
  assert.equal(core.replicator!.pushOnly, true);
  await using writer = await coreOf(5);
  await using _ = new MemoryReplication(core, writer);
  await repaired;
  assert.deepEqual(heard, ["repairing"]);
  assert.equal(core.replicator!.pushOnly, false);
  assert.equal(hexText(await core.treeHash()), hexText(await writer.treeHash()));
  await core.append("f");
  assert.equal(core.length, 6);
});

Deno.test("HC-143 HC-162 lost roots are restored from a proof made elsewhere", async () => {
  await using core = await broken(new FlakyStorage(), 3);
  await core.ready();
  await using writer = await coreOf(5);
  const proof = await writer.generateRemoteProofForTreeNode(3);
  await using other = new Hypercore<string>(TEXT);
  await other.append(letters(5));
  const failed = new Promise<void>((resolve) => core.on("repair-failed", () => resolve()));
  const damaged = Uint8Array.from(proof);
  damaged[60]! ^= 1;
  assert.equal(await core.recoverFromRemoteProof(damaged), false);
  await failed;
  assert.equal(await core.recoverFromRemoteProof(await other.generateRemoteProofForTreeNode(3)), false);
  assert.equal(await core.recoverFromRemoteProof(proof), true);
  assert.equal(await core.get(4), "e");
  await core.append("f");
});

Deno.test("HC-143 recoverTreeNodeFromPeers() asks the peers there are", async () => {
  await using core = await broken(new FlakyStorage());
  await core.ready();
  await using writer = await coreOf(0);
  await using _ = new MemoryReplication(core, writer);
  await new Promise<void>((resolve) => core.on("peer-add", () => resolve()));
  const repaired = new Promise<void>((resolve) => core.on("repaired", () => resolve()));
  await writer.append(letters(5));
  core.recoverTreeNodeFromPeers();
  await repaired;
  assert.equal(core.core!.log.isBroken, false);
});

Deno.test("HC-074 HC-142 HC-174 recover() waits until trusted peers have confirmed for 8 s that they have no more", async () => {
  const clock = new VirtualClock();
  const core = new Hypercore<string>({ ...TEXT, keyPair: KEY_PAIR, clock });
  await core.append(letters(3));
  await core.core!.log.setRecovering(1);
  assert.equal(core.recovering, 1);
  const peer = new Hypercore<string>(null, core.key, TEXT);
  const stranger = new Uint8Array(32);
  Hypercore.setRecoveryPeers([stranger]);
  try {
    let isDone = false;
    const appending = core.append("d").then(() => isDone = true);
    const connection = new MemoryReplication(core, peer);
    await peer.get(2);
    for (let i = 0; i < 4; i++) await pass(clock, 5000);
    assert.equal(isDone, false);
    Hypercore.setRecoveryPeers(null);
    await pass(clock, 5000);
    for (let i = 0; i < 31; i++) await pass(clock, 250);
    assert.equal(isDone, false);
    await pass(clock, 250);
    await appending;
    assert.deepEqual([core.length, core.recovering], [4, 0]);
    await connection[Symbol.asyncDispose]();
  } finally {
    Hypercore.setRecoveryPeers(null);
    await Promise.all([core.close(), peer.close()]);
  }
});

/** Lets time pass, and what follows from it happen. */
async function pass(clock: VirtualClock, ms: number): Promise<void> {
  clock.advance(ms);
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
}

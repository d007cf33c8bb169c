import assert from "node:assert/strict";
import { utf8Bytes, utf8Text } from "../../../../src/base/mod.ts";
import { signKeyPair } from "../../../../src/crypto/mod.ts";
import { HypercoreError } from "../../../../src/hypercore/errors.ts";
import {
  CoreStore,
  createManifest,
  defaultSignerManifest,
  Log,
  type LogChange,
  type LogOpenOptions,
  partialSignature,
  type Proof,
  PROOF_PATH_NODES_MAX,
  PROOF_UPGRADE_NODES_MAX,
  type ProofRequest,
  signableLength,
  type TreeNode,
  Verifier,
} from "../../../../src/hypercore/log/mod.ts";
import { TreeBatch } from "../../../../src/hypercore/log/tree_batch.ts";
import { SqliteStorage, StorageError, WriteBatch } from "../../../../src/storage/mod.ts";
import { FlakyStorage } from "../../../helpers/flaky_storage.ts";
import { NaiveLog } from "../../../helpers/naive_log.ts";
import { withFolder } from "../../../helpers/store_folder.ts";

const EMPTY: ProofRequest = { block: null, hash: null, seek: null, upgrade: null };
const keyPairs = [1, 2, 3].map((seed) => signKeyPair(new Uint8Array(32).fill(seed)));
const keyPair = keyPairs[0]!;

interface Opened {
  readonly log: Log;
  readonly storage: FlakyStorage;
}

async function open(options: LogOpenOptions = {}, storage = new FlakyStorage()): Promise<Opened> {
  return { log: await Log.open(new CoreStore(storage), options), storage };
}

function code(expected: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof HypercoreError, `${error}`);
    assert.equal(error.code, expected);
    return true;
  };
}

function blocks(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => utf8Bytes(`block ${i}`));
}

async function proof(log: Log, request: Partial<ProofRequest>): Promise<Proof> {
  const [result] = await log.prove([{ ...EMPTY, ...request }]);
  if (result!.kind !== "proof") throw new Error(`No proof: ${result!.kind}`, { cause: result });
  return { ...result!.proof, manifest: log.manifest };
}

/** A writer of `count` published blocks and a reader that has verified its length. */
async function pair(count: number): Promise<{ writer: Opened; reader: Opened }> {
  const writer = await open({ keyPair });
  await writer.log.append(blocks(count));
  await writer.log.publish();
  const reader = await open({ key: writer.log.key, manifest: writer.log.manifest });
  await reader.log.verify([await proof(writer.log, { upgrade: { start: 0, length: count } })]);
  assert.equal(reader.log.head.length, count);
  return { writer, reader };
}

async function fetchBlock(from: Log, to: Log, index: number): Promise<void> {
  const nodes = await to.missingNodes(2 * index);
  const results = await to.verify([await proof(from, { block: { index, nodes } })]);
  assert.deepEqual(results, [{ kind: "applied", upgraded: false }]);
}

Deno.test("HC-001 HC-012 HC-185 open() creates a log with a key pair, and opens it again without a key", async () => {
  const { log, storage } = await open();
  assert.equal(log.compat, false);
  assert.deepEqual(log.key, Verifier.fromManifest(log.manifest!).key);
  assert.deepEqual(log.manifest, defaultSignerManifest(log.keyPair!.publicKey));
  await log.append(blocks(3));
  await log.close();
  const again = await open({}, storage.reopened());
  assert.deepEqual(Uint8Array.from(again.log.key), Uint8Array.from(log.key));
  assert.equal(again.log.head.length, 3);
  assert.equal(again.log.contiguousLength, 3);
  assert.equal(utf8Text((await again.log.getBlock(2))!), "block 2");
});

Deno.test("HC-002 HC-194 a log on disk is the same when it is opened again", async () => {
  await withFolder(async (folder) => {
    let key: Uint8Array;
    {
      await using store = new CoreStore(new SqliteStorage(folder));
      await using log = await Log.open(store, { keyPair });
      await log.append(blocks(5));
      await Promise.all(blocks(70).map((block) => log.append([block])));
      await log.clear(3, 5);
      key = log.key;
    }
    await using store = new CoreStore(new SqliteStorage(folder));
    await using log = await Log.open(store, { key });
    assert.equal(log.head.length, 75);
    assert.equal(log.contiguousLength, 3);
    assert.equal(utf8Text((await log.getBlock(74))!), "block 69");
    assert.equal(await log.getBlock(4), null);
    assert.equal(log.verifier!.verify(new TreeBatch(log.head), log.head.signature), true);
    assert.equal((await log.append(blocks(1), { durable: true })).length, 76);
  });
});

Deno.test("HC-030 open() with compat takes the public key for the key", async () => {
  const { log } = await open({ keyPair, compat: true });
  assert.deepEqual(log.key, keyPair.publicKey);
  assert.equal(log.compat, true);
  assert.equal(log.verifier!.version, 0);
  await log.append(blocks(1));
  assert.equal(log.head.signature!.byteLength, 64);
});

Deno.test("HC-007 HC-200 open() with createIfMissing false rejects with STORAGE_EMPTY", async () => {
  await assert.rejects(open({ createIfMissing: false }), code("STORAGE_EMPTY"));
  await assert.rejects(open({ key: keyPair.publicKey, createIfMissing: false }), code("STORAGE_EMPTY"));
});

Deno.test("HC-036 open() by discovery key finds a stored log, and nothing else", async () => {
  const { log, storage } = await open({ keyPair });
  const { discoveryKey } = log;
  await log.close();
  const again = await open({ discoveryKey }, storage.reopened());
  assert.deepEqual(Uint8Array.from(again.log.key), Uint8Array.from(log.key));
  await assert.rejects(open({ discoveryKey }), code("STORAGE_EMPTY"));
});

Deno.test("HC-005 open() with a key that does not belong to the discovery key rejects with STORAGE_CONFLICT", async () => {
  const { log, storage } = await open({ keyPair });
  const { discoveryKey } = log;
  await log.close();
  const key = keyPairs[1]!.publicKey;
  await assert.rejects(open({ key, discoveryKey }, storage.reopened()), code("STORAGE_CONFLICT"));
  await assert.rejects(open({ key: new Uint8Array(31) }), code("BAD_ARGUMENT"));
});

Deno.test("HC-009 open() with force replaces a log of another key", async () => {
  const { log, storage } = await open({ keyPair });
  const { discoveryKey } = log;
  await log.append(blocks(2));
  await log.close();
  const key = keyPairs[1]!.publicKey;
  const again = await open({ key, discoveryKey, force: true }, storage.reopened());
  assert.deepEqual(again.log.key, key);
  assert.equal(again.log.head.length, 0);
});

Deno.test("HC-008 open() with overwrite discards what is stored", async () => {
  const { log, storage } = await open({ keyPair });
  await log.append(blocks(9));
  await log.close();
  const again = await open({ keyPair, overwrite: true }, storage.reopened());
  assert.equal(again.log.head.length, 0);
  assert.equal(await again.log.getBlock(0), null);
  await again.log.close();
  const rows = (await again.storage.dump()).filter((line) => /^(block|node|head)/.test(line));
  assert.deepEqual(rows, []);
});

Deno.test("HC-027 HC-133 a manifest is attached once it is known, and only where it hashes to the key", async () => {
  const manifest = createManifest({
    signers: [{ publicKey: keyPair.publicKey }],
    userData: Uint8Array.of(1),
  });
  const { key } = Verifier.fromManifest(manifest);
  const { log, storage } = await open({ key });
  assert.equal(log.manifest, null);
  const changes: LogChange[] = [];
  log.subscribe((change) => changes.push(change));
  await assert.rejects(log.setManifest(defaultSignerManifest(keyPair.publicKey)), code("INVALID_CHECKSUM"));
  await log.setManifest(manifest);
  await log.setManifest(defaultSignerManifest(keyPair.publicKey));
  assert.deepEqual(log.manifest, manifest);
  assert.deepEqual(changes, [{ kind: "manifest" }]);
  await log.close();
  const again = await open({ key }, storage.reopened());
  assert.deepEqual(again.log.manifest!.signers[0]!.publicKey.byteLength, 32);
  await again.log.close();
  const other = { manifest: defaultSignerManifest(keyPairs[1]!.publicKey) };
  await assert.rejects(open(other, again.storage.reopened()), code("STORAGE_CONFLICT"));
});

Deno.test("open() of a log that is open already rejects with STORAGE_CONFLICT, until it is closed", async () => {
  const store = new CoreStore(new FlakyStorage());
  const log = await Log.open(store, { keyPair });
  await assert.rejects(Log.open(store, { key: log.key }), code("STORAGE_CONFLICT"));
  await log.close();
  await using again = await Log.open(store, { key: log.key });
  assert.equal(again.head.length, 0);
});

Deno.test("HC-003 two logs in one store keep apart", async () => {
  const store = new CoreStore(new FlakyStorage());
  await using one = await Log.open(store, { keyPair: keyPairs[0]! });
  await using two = await Log.open(store, { keyPair: keyPairs[1]!, key: keyPairs[1]!.publicKey });
  await Promise.all([one.append(blocks(3)), two.append([utf8Bytes("other")])]);
  assert.equal(utf8Text((await one.getBlock(0))!), "block 0");
  assert.equal(utf8Text((await two.getBlock(0))!), "other");
  assert.equal(two.head.length, 1);
});

Deno.test("HC-026 HC-130 user data is stored with the log, changed and deleted", async () => {
  const { log, storage } = await open({ keyPair, userData: { a: "text", b: Uint8Array.of(1, 2) } });
  assert.equal(utf8Text((await log.userData.get("a"))!), "text");
  await log.setUserData("b", null);
  await log.setUserData("c", Uint8Array.of(7));
  await log.close();
  const again = await open({}, storage.reopened());
  assert.equal(await again.log.userData.get("b"), null);
  assert.deepEqual(Array.from((await again.log.userData.get("c"))!), [7]);
});

Deno.test("open() refuses a head that does not fit the stored tree", async () => {
  const { log, storage } = await open({ keyPair });
  await log.append(blocks(3));
  await log.close();
  const batch = new WriteBatch();
  batch.putRow("node", 1, 4, new Uint8Array(40));
  await storage.write(batch);
  await assert.rejects(open({}, storage.reopened()), (error) => {
    return error instanceof StorageError && error.code === "STORAGE_CORRUPT";
  });
});

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

Deno.test("open() makes durable what it finds, before peers can be told of it", async () => {
  const { log, storage } = await open({ keyPair });
  await log.append(blocks(2));
  await log.close();
  const again = await open({}, storage.reopened());
  assert.equal(again.storage.syncCount, 1);
  assert.equal(again.log.published.length, 2);
});

Deno.test("HC-137 HC-190 verify() takes blocks in any order and says so", async () => {
  const { writer, reader } = await pair(20);
  const changes: LogChange[] = [];
  reader.log.subscribe((change) => changes.push(change));
  for (const index of [7, 19, 6, 0, 1, 3, 2]) await fetchBlock(writer.log, reader.log, index);
  assert.deepEqual(
    changes.map((change) => change.kind === "blocks" && [change.start, change.length, change.has]),
    [
      [7, 1, true],
      [19, 1, true],
      [6, 1, true],
      [0, 1, true],
      [1, 1, true],
      [3, 1, true],
      [2, 1, true],
    ],
  );
  assert.equal(reader.log.contiguousLength, 4);
  assert.equal(utf8Text((await reader.log.getBlock(19))!), "block 19");
});

Deno.test("verify() stores any number of proofs in one write, and those that hold beside those that do not", async () => {
  const { writer, reader } = await pair(20);
  const proofs: Proof[] = [];
  for (let index = 0; index < 20; index++) {
    const nodes = await reader.log.missingNodes(2 * index);
    proofs.push(await proof(writer.log, { block: { index, nodes } }));
  }
  const bad = { ...proofs[7]!, block: { ...proofs[7]!.block!, value: utf8Bytes("block X") } };
  proofs[7] = bad;
  const before = reader.storage.writeCount;
  const results = await reader.log.verify(proofs);
  assert.equal(reader.storage.writeCount, before + 1);
  results.forEach((result, i) => assert.equal(result.kind, i === 7 ? "invalid" : "applied", `${i}`));
  assert.equal(reader.log.contiguousLength, 7);
  assert.equal(reader.log.bitfield.countSet(0, 20), 19);
});

Deno.test("HC-200 verify() names what is wrong with a proof", async () => {
  const { writer, reader } = await pair(20);
  const good = await proof(writer.log, { block: { index: 5, nodes: await reader.log.missingNodes(10) } });
  const block = good.block!;
  const cases: [string, Proof][] = [
    ["INVALID_CHECKSUM", { ...good, block: { ...block, value: utf8Bytes("wrong") } }],
    ["INVALID_OPERATION", { ...good, block: { ...block, nodes: block.nodes.slice(1) } }],
    ["INVALID_OPERATION", { ...good, block: { ...block, nodes: block.nodes.toReversed() } }],
    ["INVALID_PROOF", { ...good, block: { ...block, index: -1 } }],
    ["INVALID_PROOF", { ...good, block: { ...block, index: 2 ** 53 } }],
    ["INVALID_PROOF", { ...good, block: { ...block, nodes: [{ ...block.nodes[0]!, size: -1 }] } }],
    ["INVALID_PROOF", { ...good, block: { ...block, nodes: [{ ...block.nodes[0]!, index: 2 ** 52 }] } }],
    ["INVALID_PROOF", {
      ...good,
      block: { ...block, nodes: [{ ...block.nodes[0]!, hash: new Uint8Array(31) }] },
    }],
    ["INVALID_PROOF", { ...good, block: { ...block, nodes: [{ ...block.nodes[0]!, size: 2 ** 53 - 1 }] } }],
  ];
  const before = await reader.storage.dump();
  for (const [expected, bad] of cases) {
    const [result] = await reader.log.verify([bad]);
    if (result!.kind !== "invalid") return assert.fail(`${expected}: ${result!.kind}`);
    assert.equal(result!.error.code, expected);
  }
  assert.deepEqual(await reader.log.verify([{ ...good, fork: 1 }]), [{ kind: "stale" }]);
  assert.deepEqual(await reader.storage.dump(), before);
});

Deno.test("verify() names what is wrong with an upgrade", async () => {
  const writer = await open({ keyPair });
  await writer.log.append(blocks(11), { durable: true });
  const reader = await open({ key: writer.log.key, manifest: writer.log.manifest });
  const good = await proof(writer.log, { upgrade: { start: 0, length: 6 } });
  const upgrade = good.upgrade!;
  const signature = Uint8Array.from(upgrade.signature!);
  signature[5]! ^= 1;
  const cases: [string, Proof][] = [
    ["INVALID_SIGNATURE", { ...good, upgrade: { ...upgrade, signature } }],
    ["INVALID_SIGNATURE", { ...good, upgrade: { ...upgrade, signature: null } }],
    ["INVALID_SIGNATURE", { ...good, upgrade: { ...upgrade, additionalNodes: [] } }],
    ["INVALID_OPERATION", { ...good, upgrade: { ...upgrade, nodes: upgrade.nodes.slice(1) } }],
    ["INVALID_OPERATION", { ...good, upgrade: { ...upgrade, start: 3, length: 8 } }],
    ["INVALID_OPERATION", { ...good, upgrade: { ...upgrade, nodes: [...upgrade.nodes, upgrade.nodes[0]!] } }],
    ["INVALID_OPERATION", { ...good, upgrade: { ...upgrade, additionalNodes: upgrade.nodes } }],
    ["INVALID_PROOF", { ...good, upgrade: { ...upgrade, length: 2 ** 53 - 1 } }],
    ["INVALID_PROOF", { ...good, upgrade: { ...upgrade, start: -1 } }],
  ];
  for (const [expected, bad] of cases) {
    const [result] = await reader.log.verify([bad]);
    if (result!.kind !== "invalid") return assert.fail(`${expected}: ${result!.kind}`);
    assert.equal(result!.error.code, expected, result!.error.message);
  }
  assert.deepEqual(await reader.log.verify([good]), [{ kind: "applied", upgraded: true }]);
  assert.equal(reader.log.head.length, 11);
});

Deno.test("verify() bounds the nodes of a proof", async () => {
  const { reader } = await pair(4);
  const nodes = (count: number) => {
    return new Array<TreeNode>(count).fill({ index: 30, size: 1, hash: new Uint8Array(32) });
  };
  const none: Proof = { fork: 0, block: null, hash: null, seek: null, upgrade: null, manifest: null };
  const path = (count: number): Proof => {
    return { ...none, block: { index: 0, value: Uint8Array.of(1), nodes: nodes(count) } };
  };
  const upgrade = (count: number, additional: number): Proof => {
    const signature = new Uint8Array(64);
    const lists = { nodes: nodes(count), additionalNodes: nodes(additional) };
    return { ...none, upgrade: { start: 4, length: 4, signature, ...lists } };
  };
  const results = await reader.log.verify([
    path(PROOF_PATH_NODES_MAX),
    path(PROOF_PATH_NODES_MAX + 1),
    upgrade(PROOF_UPGRADE_NODES_MAX, PROOF_UPGRADE_NODES_MAX),
    upgrade(PROOF_UPGRADE_NODES_MAX + 1, 1),
    upgrade(1, PROOF_UPGRADE_NODES_MAX + 1),
  ]);
  assert.deepEqual(results.map((result) => result.kind === "invalid" ? result.error.code : result.kind), [
    "INVALID_OPERATION",
    "INVALID_PROOF",
    "INVALID_OPERATION",
    "INVALID_PROOF",
    "INVALID_PROOF",
  ]);
});

Deno.test("an upgrade that was overtaken is stale, a block that came with it is not", async () => {
  const { writer, reader } = await pair(4);
  await writer.log.append(blocks(4), { durable: true });
  const upgrade = { start: 4, length: 4 };
  const first = await proof(writer.log, { upgrade });
  const second = await proof(writer.log, {
    upgrade,
    block: { index: 1, nodes: await reader.log.missingNodes(2) },
  });
  assert.deepEqual(await reader.log.verify([first, first, second]), [
    { kind: "applied", upgraded: true },
    { kind: "stale" },
    { kind: "applied", upgraded: false },
  ]);
  assert.equal(reader.log.bitfield.get(1), true);
});

Deno.test("a reader learns the manifest with its first upgrade, or alone", async () => {
  for (const compat of [true, false]) {
    const writer = await open({ keyPair, compat });
    await writer.log.append(blocks(3), { durable: true });
    const reader = await open({ key: writer.log.key });
    const upgrade = await proof(writer.log, { upgrade: { start: 0, length: 3 } });
    if (!compat) {
      // Without it, the key is taken for the signer's.
      const [result] = await reader.log.verify([{ ...upgrade, manifest: null }]);
      if (result!.kind !== "invalid") return assert.fail(result!.kind);
      assert.equal(result!.error.code, "INVALID_SIGNATURE");
    }
    const changes: LogChange[] = [];
    reader.log.subscribe((change) => changes.push(change));
    const given = compat ? { ...upgrade, manifest: null } : upgrade;
    assert.deepEqual(await reader.log.verify([given]), [{ kind: "applied", upgraded: true }]);
    assert.deepEqual(changes, [{ kind: "manifest" }, {
      kind: "upgrade",
      head: reader.log.head,
      isReorg: false,
    }]);
    assert.equal(reader.log.compat, compat);
    assert.deepEqual(reader.log.manifest, writer.log.manifest);
    assert.equal(reader.log.published, reader.log.head);
  }
  const { log } = await open({ keyPair });
  const reader = await open({ key: log.key });
  const alone: Proof = {
    fork: 0,
    block: null,
    hash: null,
    seek: null,
    upgrade: null,
    manifest: log.manifest,
  };
  const wrong = { ...alone, manifest: defaultSignerManifest(keyPairs[1]!.publicKey) };
  const [result] = await reader.log.verify([wrong]);
  if (result!.kind !== "invalid") return assert.fail(result!.kind);
  assert.equal(result!.error.code, "INVALID_CHECKSUM");
  assert.deepEqual(await reader.log.verify([alone]), [{ kind: "applied", upgraded: false }]);
  assert.deepEqual(reader.log.manifest, log.manifest);
});

Deno.test("verify() keeps no bytes of the messages it was given", async () => {
  const writer = await open({ keyPair });
  await writer.log.append(blocks(11), { durable: true });
  const reader = await open({ key: writer.log.key });
  const upgrade = await proof(writer.log, { upgrade: { start: 0, length: 11 } });
  const given = structuredClone(upgrade);
  await reader.log.verify([given]);
  for (const node of given.upgrade!.nodes) node.hash.fill(0);
  given.upgrade!.signature!.fill(0);
  given.manifest!.signers[0]!.publicKey.fill(0);
  const block = structuredClone(await proof(writer.log, { block: { index: 3, nodes: 3 } }));
  await reader.log.verify([block]);
  for (const node of block.block!.nodes) node.hash.fill(0);
  block.block!.value!.fill(0);
  assert.deepEqual(await reader.log.treeHash(), await writer.log.treeHash());
  assert.equal(utf8Text((await reader.log.getBlock(3))!), "block 3");
  for (const index of [2, 0, 10]) await fetchBlock(writer.log, reader.log, index);
  const again = await proof(reader.log, { upgrade: { start: 0, length: 11 }, block: { index: 3, nodes: 0 } });
  assert.equal((await open({ key: writer.log.key })).log.verifyFullyRemote(again).head.length, 11);
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

/** Proofs of the first `count` blocks, each up to a node that the one before brings, the first to the root. */
function proofsOfRun(from: Log, count: number): Promise<Proof[]> {
  const levels = (index: number): number => index === 0 ? Math.log2(count) : 31 - Math.clz32(index & -index);
  return Promise.all(
    Array.from({ length: count }, (_, index) => proof(from, { block: { index, nodes: levels(index) } })),
  );
}

Deno.test("HC-137 verify() does not look among stored nodes for those that proofs of the same call bring", async () => {
  const { writer, reader } = await pair(64);
  const rows: number[] = [];
  const { storage } = reader;
  const getRows = storage.getRows.bind(storage);
  storage.getRows = (table, owner, indexes) => {
    if (table === "node") rows.push(...indexes);
    return getRows(table, owner, indexes);
  };
  const results = await reader.log.verify(await proofsOfRun(writer.log, 64));
  assert.ok(results.every(({ kind }) => kind === "applied"));
  assert.deepEqual(rows, []);
  assert.equal(reader.log.contiguousLength, 64);
});

Deno.test("HC-137 verify() takes a proof that builds on a stored node which a false one claimed to bring", async () => {
  const { writer, reader } = await pair(8);
  await fetchBlock(writer.log, reader.log, 0);
  const honest = await proof(writer.log, { block: { index: 0, nodes: 3 } });
  const bad = { ...honest, block: { ...honest.block!, value: utf8Bytes("another") } };
  const good = await proof(writer.log, { block: { index: 1, nodes: 0 } });
  const results = await reader.log.verify([bad, good]);
  assert.deepEqual(results.map(({ kind }) => kind), ["invalid", "applied"]);
  assert.equal(utf8Text((await reader.log.getBlock(1))!), utf8Text((await writer.log.getBlock(1))!));
});

Deno.test("HC-139 missingNodes() and upgradeable() answer at once while a log is downloaded in order", async () => {
  const { writer, reader } = await pair(100);
  for (let index = 0; index < 100; index++) {
    const nodes = reader.log.missingNodes(2 * index);
    if (typeof nodes !== "number") return assert.fail(`waits at ${index}`);
    await fetchBlock(writer.log, reader.log, index);
  }
  assert.equal(reader.log.upgradeable(37), true);
  assert.equal(reader.log.upgradeable(100), true);
  assert.equal(await reader.log.upgradeable(101), false);
  const sparse = await pair(100);
  assert.equal(await sparse.reader.log.upgradeable(64), true);
  assert.equal(await sparse.reader.log.upgradeable(65), false);
});

Deno.test("HC-100 seek() finds every byte of a whole log, with and without padding", async () => {
  const { log } = await open({ keyPair });
  const content = Array.from({ length: 23 }, (_, i) => new Uint8Array(3 + (i * 7) % 5));
  await log.append(content);
  for (const padding of [0, 2]) {
    let byte = 0;
    for (let index = 0; index < content.length; index++) {
      for (let offset = 0; offset < content[index]!.byteLength - padding; offset++, byte++) {
        assert.deepEqual(await log.seek(byte, padding), { kind: "found", index, offset }, `${byte}`);
      }
    }
    assert.deepEqual(await log.seek(byte, padding), { kind: "found", index: 23, offset: 0 });
    assert.deepEqual(await log.seek(byte + 1, padding), { kind: "range", start: 23, end: 23 });
  }
});

Deno.test("seek() in a sparse log narrows down to what is known, and a proof narrows it further", async () => {
  const { writer, reader } = await pair(16);
  assert.deepEqual(await reader.log.seek(100), { kind: "range", start: 0, end: 16 });
  const { byteLength } = reader.log.head;
  const sought = byteLength - 3;
  const request = { hash: { index: 0, nodes: 4 }, seek: { bytes: sought, padding: 0 } };
  await reader.log.verify([await proof(writer.log, request)]);
  assert.deepEqual(await reader.log.seek(sought), { kind: "found", index: 15, offset: 5 });
});

Deno.test("HC-138 verifyFullyRemote() checks a whole log by its manifest alone", async () => {
  const writer = await open({ keyPair });
  await writer.log.append(blocks(9), { durable: true });
  const reader = await open({ key: writer.log.key });
  const whole = await proof(writer.log, { upgrade: { start: 0, length: 9 }, block: { index: 8, nodes: 0 } });
  const found = reader.log.verifyFullyRemote(whole);
  assert.equal(found.head.length, 9);
  assert.equal(found.isNewer, true);
  assert.deepEqual(found.treeHash, await writer.log.treeHash());
  assert.equal(reader.log.head.length, 0);
  const wrong = { ...whole, block: { ...whole.block!, value: utf8Bytes("wrong") } };
  assert.throws(() => reader.log.verifyFullyRemote(wrong), code("INVALID_SIGNATURE"));
  assert.throws(() => reader.log.verifyFullyRemote({ ...whole, upgrade: null }), code("INVALID_OPERATION"));
  const other = { ...whole, manifest: defaultSignerManifest(keyPairs[1]!.publicKey) };
  assert.throws(() => reader.log.verifyFullyRemote(other), code("INVALID_SIGNATURE"));
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

Deno.test("HC-191 an empty log follows to a newer fork at once", async () => {
  const writer = await open({ keyPair });
  await writer.log.append(blocks(5));
  await writer.log.truncate(3);
  await writer.log.append(blocks(1), { durable: true });
  const reader = await open({ key: writer.log.key });
  const whole = await proof(writer.log, { upgrade: { start: 0, length: 4 } });
  assert.deepEqual(await reader.log.verify([whole]), [{ kind: "stale" }]);
  const changes: LogChange[] = [];
  reader.log.subscribe((change) => changes.push(change));
  const reorg = await reader.log.verifyReorg(whole);
  assert.equal(reorg.isFinished, true);
  assert.equal(await reader.log.reorg(reorg), true);
  assert.deepEqual(changes.map((change) => change.kind), ["manifest", "truncate", "upgrade"]);
  assert.equal(reader.log.head.length, 4);
  assert.equal(reader.log.head.fork, 1);
  assert.equal(reader.log.published, reader.log.head);
  await fetchBlock(writer.log, reader.log, 3);
});

Deno.test("HC-191 a reader keeps what both forks have in common, block by block", async () => {
  const { writer, reader } = await pair(20);
  for (let index = 0; index < 20; index++) await fetchBlock(writer.log, reader.log, index);
  await writer.log.truncate(13);
  await writer.log.append(blocks(9), { durable: true });
  const reorg = await reader.log.verifyReorg(await proof(writer.log, { upgrade: { start: 0, length: 22 } }));
  let rounds = 0;
  while (reorg.want !== null) {
    const { start, nodes } = reorg.want;
    await reorg.update(await proof(writer.log, { hash: { index: 2 * start, nodes } }));
    assert.ok(++rounds < 8);
  }
  assert.equal(reorg.ancestors, 13);
  assert.equal(await reader.log.reorg(reorg), true);
  assert.equal(reader.log.contiguousLength, 13);
  assert.equal(utf8Text((await reader.log.getBlock(12))!), "block 12");
  await fetchBlock(writer.log, reader.log, 21);
});

Deno.test("a fork that is not signed, or no newer, or compared with an older state, is not followed", async () => {
  const { writer, reader } = await pair(8);
  await writer.log.truncate(5);
  await writer.log.append(blocks(2), { durable: true });
  const whole = await proof(writer.log, { upgrade: { start: 0, length: 7 } });
  await assert.rejects(reader.log.verifyReorg({ ...whole, fork: 2 }), code("INVALID_SIGNATURE"));
  await assert.rejects(reader.log.verifyReorg({ ...whole, upgrade: null }), code("INVALID_OPERATION"));
  const reorg = await reader.log.verifyReorg(whole);
  const late = await reader.log.verifyReorg(whole);
  assert.equal(await reader.log.reorg(reorg), true);
  assert.equal(await reader.log.reorg(late), false);
  assert.equal(await reader.log.reorg(await reader.log.verifyReorg(whole)), false);
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

Deno.test("HC-192 checkConflict() freezes a log that was signed twice, and only such a one", async () => {
  const { writer, reader } = await pair(6);
  const upgrade = { start: 0, length: 6 };
  assert.equal(await reader.log.checkConflict(await proof(writer.log, { upgrade })), "same");
  const twin = await open({ keyPair });
  await twin.log.append([...blocks(5), utf8Bytes("other"), utf8Bytes("more")], { durable: true });
  const other = await proof(twin.log, { upgrade });
  const signature = new Uint8Array(other.upgrade!.signature!.byteLength);
  assert.equal(
    await reader.log.checkConflict({ ...other, upgrade: { ...other.upgrade!, signature } }),
    "invalid",
  );
  assert.equal(await reader.log.checkConflict({ ...other, fork: 1 }), "unrelated");
  const longer = await proof(twin.log, { upgrade: { start: 0, length: 7 } });
  assert.equal(await reader.log.checkConflict(longer), "unrelated");
  assert.equal(reader.log.isFrozen, false);
  assert.equal(await reader.log.checkConflict(other), "conflict");
  assert.equal(reader.log.isFrozen, true);
  await reader.log.close();
  const again = await open({ key: reader.log.key }, reader.storage.reopened());
  assert.equal(again.log.isFrozen, true);
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

Deno.test("close() lets what was called before finish and refuses what comes after", async () => {
  const { log } = await open({ keyPair });
  const pending = log.append(blocks(2));
  const closing = log.close();
  assert.equal(closing, log.close());
  assert.equal((await pending).length, 2);
  await closing;
  await assert.rejects(log.append(blocks(1)), code("SESSION_CLOSED"));
  await assert.rejects(log.verify([]), code("SESSION_CLOSED"));
  await assert.rejects(log.truncate(0), code("SESSION_CLOSED"));
  await assert.rejects(log.setUserData("a", null), code("SESSION_CLOSED"));
});

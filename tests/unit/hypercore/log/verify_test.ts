/** What a reader takes from peers: blocks, upgrades, proofs that are wrong, and seeking in what it has. */
import assert from "node:assert/strict";
import { utf8Bytes, utf8Text } from "../../../../src/base/mod.ts";
import {
  defaultSignerManifest,
  type Log,
  type LogChange,
  type Proof,
  PROOF_PATH_NODES_MAX,
  PROOF_UPGRADE_NODES_MAX,
  type TreeNode,
} from "../../../../src/hypercore/log/mod.ts";
import { blocks, code, fetchBlock, keyPair, keyPairs, open, pair, proof } from "./support.ts";

/** Proofs of the first `count` blocks, each up to a node that the one before brings, the first to the root. */
function proofsOfRun(from: Log, count: number): Promise<Proof[]> {
  const levels = (index: number): number => index === 0 ? Math.log2(count) : 31 - Math.clz32(index & -index);
  return Promise.all(
    Array.from({ length: count }, (_, index) => proof(from, { block: { index, nodes: levels(index) } })),
  );
}

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

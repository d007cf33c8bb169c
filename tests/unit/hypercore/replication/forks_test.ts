import { strict as assert } from "node:assert";
import { HypercoreError } from "../../../../src/hypercore/errors.ts";
import type { PendingReorg } from "../../../../src/hypercore/replication/context.ts";
import type { PeerState } from "../../../../src/hypercore/replication/peer_state.ts";
import { blockData, Harness, request, sync } from "./harness.ts";

const checksum = new HypercoreError("INVALID_CHECKSUM", "Invalid checksum at node 14");

/** A machine with 10 blocks on fork 0 and a peer with 5 on fork 1. */
function forked(
  options: { allowFork?: boolean; eagerUpgrade?: boolean } = {},
): { h: Harness; peer: PeerState } {
  const h = new Harness(options, (log) => log.setFull(10));
  const peer = h.open();
  h.receive(peer, sync({ fork: 1, length: 5, canUpgrade: true }));
  h.receive(peer, { kind: "range", message: { drop: false, start: 0, length: 5 } });
  return { h, peer };
}

function pending(h: Harness, want: PendingReorg["want"]): PendingReorg {
  return {
    head: { length: 5, byteLength: 500, fork: 1 },
    want,
    isFinished: want === null,
    isCurrent: h.log.head.fork === 0,
    update: () => Promise.resolve(want === null),
  };
}

/** Answers the request for the tree and has the log find `reorg` in it. */
function verifyTree(h: Harness, peer: PeerState, reorg: PendingReorg): void {
  const [tree] = h.requests(peer);
  h.receive(peer, { kind: "data", message: blockData(tree!, new Uint8Array(0)) });
  const [job] = h.takeJobs("reorg");
  h.machine.handleReorgChecked(job!, { kind: "checked", reorg }, h.nowMs);
}

Deno.test("HC-191 a peer on a newer fork is asked for its whole tree and nothing else", () => {
  const { h, peer } = forked();
  h.machine.addRange({ start: 0, end: 20 });
  const asked = h.requests(peer);
  assert.deepEqual(asked.map(({ fork, upgrade, block, hash }) => ({ fork, upgrade, block, hash })), [
    { fork: 1, upgrade: { start: 0, length: 5 }, block: null, hash: null },
  ]);
});

Deno.test("HC-025 without allowFork a newer fork is not followed", () => {
  const { h, peer } = forked({ allowFork: false });
  assert.deepEqual(h.requests(peer), []);
});

Deno.test("HC-191 nothing is asked of a peer on an older fork", () => {
  const h = new Harness({}, (log) => log.setLength(10, 2));
  const peer = h.open();
  h.receive(peer, sync({ fork: 1, length: 20, canUpgrade: true }));
  assert.deepEqual(h.requests(peer), []);
});

Deno.test("HC-191 where the trees part is asked for node by node, then our tail is replaced", () => {
  const { h, peer } = forked();
  verifyTree(h, peer, pending(h, { start: 0, end: 4, nodes: 2 }));
  const [nodes] = h.requests(peer);
  assert.deepEqual([nodes?.fork, nodes?.hash, nodes?.upgrade], [1, { index: 0, nodes: 2 }, null]);
  h.receive(peer, { kind: "data", message: blockData(nodes!, new Uint8Array(0)) });
  const [job] = h.takeJobs("reorg");
  const reorg = pending(h, null);
  h.machine.handleReorgChecked(job!, { kind: "checked", reorg }, h.nowMs);
  assert.deepEqual(h.takeJobs("applyReorg"), [{ kind: "applyReorg", reorg }]);
});

Deno.test("HC-191 nothing is asked for while our tail is being replaced, everything after", () => {
  const { h, peer } = forked();
  const update = h.machine.addUpgrade();
  h.machine.addRange({});
  verifyTree(h, peer, pending(h, null));
  h.machine.addBlock(20, false);
  assert.deepEqual(h.requests(peer), []);
  h.log.setLength(5, 1);
  h.log.bitfield.setRange(3, 10, false);
  h.machine.handleLogChange({ kind: "truncate", length: 3, fork: 1, previousLength: 10 }, h.nowMs);
  h.machine.handleReorgApplied(h.nowMs);
  assert.ok(h.takeEvents("resolved").some(({ handle, value }) => handle === update && value === true));
  assert.deepEqual(h.requests(peer).map(({ block, fork }) => [block?.index, fork]).sort(), [[3, 1], [4, 1]]);
});

Deno.test("HC-098 a newer fork waits for somebody to update where upgrades are not eager", () => {
  const { h, peer } = forked({ eagerUpgrade: false });
  verifyTree(h, peer, pending(h, null));
  assert.deepEqual(h.takeJobs("applyReorg"), []);
  h.machine.addUpgrade();
  assert.equal(h.takeJobs("applyReorg").length, 1);
});

Deno.test("HC-098 update waits for a newer fork that is on its way", () => {
  const { h, peer } = forked();
  const handle = h.machine.addUpgrade();
  assert.deepEqual(h.takeEvents("resolved"), []);
  const [tree] = h.requests(peer);
  h.receive(peer, { kind: "noData", message: { request: tree!.id, reason: 1 } });
  h.machine.handlePeerClosed(peer, h.nowMs);
  assert.deepEqual(h.takeEvents("resolved"), [{ kind: "resolved", handle, value: false }]);
});

Deno.test("HC-191 a comparison that our own log has overtaken starts over", () => {
  const { h, peer } = forked();
  verifyTree(h, peer, { ...pending(h, null), isCurrent: false });
  assert.deepEqual(h.takeJobs("applyReorg"), []);
  h.machine.updateAll();
  assert.equal(h.requests(peer).length, 1);
});

Deno.test("HC-191 a newer fork that does not verify cuts its peer off", () => {
  const { h, peer } = forked();
  const [tree] = h.requests(peer);
  h.receive(peer, { kind: "data", message: blockData(tree!, new Uint8Array(0)) });
  const [job] = h.takeJobs("reorg");
  const error = new HypercoreError("INVALID_SIGNATURE", "Proof contains an invalid signature");
  h.machine.handleReorgChecked(job!, { kind: "invalid", error }, h.nowMs);
  assert.deepEqual(h.takeEvents("close"), [{ kind: "close", peer, error }]);
});

Deno.test("HC-191 no more than 8 newer forks are asked about at a time", () => {
  const h = new Harness({}, (log) => log.setFull(10));
  for (let fork = 1; fork <= 10; fork++) {
    h.receive(h.open(), sync({ fork, length: 5, canUpgrade: true }));
  }
  assert.equal(h.allRequests().length, 8);
});

Deno.test("HC-191 a peer that tells nothing about where the trees part is given up", () => {
  const { h, peer } = forked();
  const reorg = pending(h, { start: 0, end: 4, nodes: 2 });
  verifyTree(h, peer, reorg);
  for (let round = 0; round < 32; round++) {
    const [nodes] = h.requests(peer);
    h.receive(peer, { kind: "data", message: blockData(nodes!, new Uint8Array(0)) });
    const [job] = h.takeJobs("reorg");
    h.machine.handleReorgChecked(job!, { kind: "checked", reorg }, h.nowMs);
  }
  assert.equal(peer.isPaused, true);
  assert.deepEqual(h.requests(peer), []);
});

/** A machine whose peer has sent a block that does not fit. */
function suspicious(): { h: Harness; peer: PeerState } {
  const h = new Harness({}, (log) => log.setLength(100));
  const peer = h.openFull(100);
  h.machine.addBlock(7, false);
  const [asked] = h.requests(peer);
  h.receive(peer, { kind: "data", message: blockData(asked!, new Uint8Array(100)) });
  h.settleVerify(() => ({ kind: "invalid", error: checksum }));
  return { h, peer };
}

const tree = blockData(request({ id: 0, upgrade: { start: 0, length: 100 } }), new Uint8Array(0));

Deno.test("HC-192 a peer whose proof fails is asked for its signed tree", () => {
  const { h, peer } = suspicious();
  assert.deepEqual(h.requests(peer), [request({ id: 0, upgrade: { start: 0, length: 100 } })]);
});

Deno.test("HC-192 a peer that shows the same tree, a bad one, or none, is cut off", () => {
  for (const result of ["same", "invalid", "unrelated"] as const) {
    const { h, peer } = suspicious();
    h.receive(peer, { kind: "data", message: tree });
    const [job] = h.takeJobs("conflict");
    assert.deepEqual(h.takeEvents("close"), []);
    h.machine.handleConflictChecked(job!, result, h.nowMs);
    assert.deepEqual(h.takeEvents("close"), [{ kind: "close", peer, error: checksum }], result);
  }
  const { h, peer } = suspicious();
  assert.equal(h.machine.pollDeadline(), h.nowMs + 2000);
  h.advance(2000);
  assert.deepEqual(h.takeEvents("close"), [{ kind: "close", peer, error: checksum }]);
});

Deno.test("HC-159 HC-192 two signed trees are told to users and peers, and every channel is closed", () => {
  const { h, peer } = suspicious();
  const other = h.openFull(100);
  h.sent(other);
  h.receive(peer, { kind: "data", message: tree });
  const [job] = h.takeJobs("conflict");
  h.log.isFrozen = true;
  h.machine.handleConflictChecked(job!, "conflict", h.nowMs);
  assert.deepEqual(h.takeEvents("conflict"), [{ kind: "conflict", data: tree }]);
  h.settleProve();
  for (const shown of [peer, other]) {
    const [data] = h.sent(shown).filter(({ kind }) => kind === "data");
    assert.ok(data?.kind === "data");
    assert.deepEqual([data.message.request, data.message.upgrade?.length], [0, 100]);
  }
  assert.deepEqual(new Set(h.takeEvents("close").map(({ peer }) => peer)), new Set([peer, other]));
  h.machine.addBlock(9, false);
  assert.deepEqual(h.allRequests(), []);
});

Deno.test("HC-192 a peer may ask for our signed tree, and be shown it", () => {
  const h = new Harness({}, (log) => log.setFull(10));
  const peer = h.open();
  h.receive(peer, { kind: "request", message: request({ id: 0, upgrade: { start: 0, length: 10 } }) });
  h.settleProve();
  const [data] = h.sent(peer);
  assert.ok(data?.kind === "data");
  assert.equal(data.message.request, 0);
  assert.deepEqual(h.takeEvents("close"), []);
});

Deno.test("HC-192 a peer that shows tree after tree has one looked at, at a time", () => {
  const h = new Harness({}, (log) => log.setFull(100));
  const peer = h.openFull(100);
  for (let i = 0; i < 100; i++) h.receive(peer, { kind: "data", message: tree });
  assert.equal(h.takeJobs("conflict").length, 1);
});

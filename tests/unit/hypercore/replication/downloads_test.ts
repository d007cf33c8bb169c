import { strict as assert } from "node:assert";
import { HypercoreError } from "../../../../src/hypercore/errors.ts";
import { Bitfield } from "../../../../src/hypercore/log/mod.ts";
import { blockData, blocksOf, type FakeLog, Harness, MANIFEST, sync } from "./harness.ts";

/** A log that knows its length of 100 and has nothing. */
const empty100 = (log: FakeLog): void => log.setLength(100);

Deno.test("HC-190 a block is asked for with the nodes that are missing, and resolves once it is stored", () => {
  const h = new Harness({}, empty100);
  const peer = h.openFull(100);
  const handle = h.machine.addBlock(7, false);
  const [asked] = h.requests(peer);
  assert.deepEqual(asked, {
    id: 1,
    fork: 0,
    block: { index: 7, nodes: 3 },
    hash: null,
    seek: null,
    upgrade: null,
    manifest: false,
    priority: 1,
  });
  h.receive(peer, { kind: "data", message: blockData(asked, Uint8Array.of(1, 2, 3)) });
  assert.deepEqual(h.takeEvents("resolved"), [], "not before it is verified");
  h.settleVerify();
  assert.deepEqual(h.takeEvents("resolved"), [{ kind: "resolved", handle, value: Uint8Array.of(1, 2, 3) }]);
  const [download] = h.takeEvents("download");
  assert.deepEqual([download?.index, download?.byteLength, download?.peer], [7, 3, peer]);
});

Deno.test("HC-190 only what was asked for is asked for", () => {
  const h = new Harness({}, empty100);
  const peer = h.openFull(100);
  h.machine.addBlock(7, false);
  const [asked] = h.requests(peer);
  h.answerBlock(peer, asked!);
  assert.deepEqual(h.requests(peer), []);
});

Deno.test("HC-139 a request waits while the log counts missing nodes", () => {
  const h = new Harness({}, (log) => {
    log.setLength(100);
    log.missing = null;
  });
  const peer = h.openFull(100);
  h.machine.addBlock(7, false);
  assert.deepEqual(h.requests(peer), []);
  const [job] = h.takeJobs("count");
  assert.equal(job?.treeIndex, 14);
  h.machine.handleCounted(job.request, 5, h.nowMs);
  assert.deepEqual(h.requests(peer).map(({ block }) => block), [{ index: 7, nodes: 5 }]);
});

Deno.test("HC-190 neighbours ask for what the first one's proof does not hold already", () => {
  const h = new Harness({}, empty100);
  const peer = h.openFull(100);
  h.machine.addRange({ start: 0, end: 8, linear: true });
  // With 3 levels missing, block 0 brings nodes 0, 2, 1, 5, 3 and 11: all but the leaves behind 1 and below 5.
  assert.deepEqual(h.requests(peer).map(({ block }) => [block!.index, block!.nodes]), [
    [0, 3],
    [1, 0],
    [2, 1],
    [3, 0],
    [4, 2],
    [5, 0],
    [6, 1],
    [7, 0],
  ]);
});

Deno.test("HC-190 an answer that builds on a later one is verified after it", () => {
  const h = new Harness({}, empty100);
  const peer = h.openFull(100);
  h.machine.addRange({ start: 0, end: 3, linear: true });
  const [first, second, third] = h.requests(peer);
  for (const message of [second!, third!]) {
    h.receive(peer, { kind: "data", message: blockData(message, new Uint8Array(100)) });
  }
  assert.deepEqual(h.takeJobs("verify"), []);
  h.receive(peer, { kind: "data", message: blockData(first!, new Uint8Array(100)) });
  const [job] = h.takeJobs("verify");
  assert.deepEqual(job?.entries.map(({ data }) => data.block?.index), [0, 1, 2]);
});

Deno.test("HC-190 an answer whose base never comes is asked for again, with its own nodes", () => {
  const h = new Harness({}, empty100);
  const peer = h.openFull(100);
  h.machine.addRange({ start: 0, end: 2, linear: true });
  const [first, second] = h.requests(peer);
  h.receive(peer, { kind: "data", message: blockData(second!, new Uint8Array(100)) });
  h.receive(peer, { kind: "noData", message: { request: first!.id, reason: 1 } });
  assert.deepEqual(h.requests(peer).map(({ block }) => block), [{ index: 1, nodes: 3 }]);
  assert.deepEqual(h.takeEvents("close"), []);
});

Deno.test("HC-190 a proof that cannot be checked because its base was wrong is not held against the peer", () => {
  const h = new Harness({}, empty100);
  const peer = h.openFull(100);
  h.machine.addRange({ start: 0, end: 2, linear: true });
  for (const message of h.requests(peer)) {
    h.receive(peer, { kind: "data", message: blockData(message, new Uint8Array(100)) });
  }
  const error = new HypercoreError("INVALID_OPERATION", "Expected tree node");
  h.settleVerify(({ block }) => block!.index === 0 ? { kind: "stale" } : { kind: "invalid", error });
  assert.deepEqual(h.takeEvents("verification-error"), []);
  assert.deepEqual(blocksOf(h.requests(peer)), [0, 1]);
});

Deno.test("HC-192 a peer with a false proof is cut off, and what it was asked for is asked elsewhere", () => {
  const h = new Harness({}, empty100);
  const liar = h.openFull(100);
  h.machine.addBlock(7, false);
  h.machine.addBlock(8, false);
  const [asked] = h.requests(liar);
  const data = blockData(asked!, new Uint8Array(100));
  h.receive(liar, { kind: "data", message: data });
  const error = new HypercoreError("INVALID_CHECKSUM", "Invalid checksum at node 14");
  h.settleVerify(() => ({ kind: "invalid", error }));
  assert.deepEqual(h.takeEvents("verification-error"), [
    { kind: "verification-error", peer: liar, error, request: asked, data },
  ]);
  assert.deepEqual(h.takeEvents("close"), [], "not before it could show its signed tree");
  h.receive(liar, { kind: "noData", message: { request: 0, reason: 1 } });
  assert.deepEqual(h.takeEvents("close"), [{ kind: "close", peer: liar, error }]);
  assert.equal(liar.stats.invalidData, 1);
  h.machine.handlePeerClosed(liar, h.nowMs);
  const honest = h.openFull(100);
  assert.deepEqual(blocksOf(h.requests(honest)).sort(), [7, 8]);
});

Deno.test("HC-192 a proof that was overtaken by dropped blocks here is not held against the peer", () => {
  const h = new Harness({}, empty100);
  const peer = h.openFull(100);
  h.machine.addBlock(7, false);
  const [asked] = h.requests(peer);
  h.machine.handleLogChange({ kind: "blocks", start: 6, length: 1, has: false }, h.nowMs);
  h.receive(peer, { kind: "data", message: blockData(asked!, new Uint8Array(100)) });
  const error = new HypercoreError("INVALID_OPERATION", "Expected tree node");
  h.settleVerify(() => ({ kind: "invalid", error }));
  assert.deepEqual(h.takeEvents("close"), []);
  assert.deepEqual(blocksOf(h.requests(peer)), [7]);
});

Deno.test("HC-195 an upgrade that another one has overtaken is not held against the peer", () => {
  const h = new Harness();
  const peers = [h.open(), h.open()];
  for (const peer of peers) h.receive(peer, sync({ length: 10, canUpgrade: true }));
  const asked = h.allRequests();
  h.advance(2000);
  asked.push(...h.allRequests());
  assert.equal(asked.length, 2);
  for (const { peer, message } of asked) {
    h.receive(peer, { kind: "data", message: blockData(message, new Uint8Array(0)) });
  }
  const error = new HypercoreError("INVALID_OPERATION", "Expected node 413, got node 410");
  let isFirst = true;
  h.settleVerify(() => {
    if (!isFirst) return { kind: "invalid", error };
    isFirst = false;
    return { kind: "applied", upgraded: true };
  });
  assert.deepEqual(h.takeEvents("close"), []);
  assert.equal(h.log.head.length, 10);
});

Deno.test("data nobody asked for is dropped", () => {
  const h = new Harness({}, empty100);
  const peer = h.openFull(100);
  const other = h.openFull(100);
  h.machine.addBlock(7, false);
  const [{ peer: asked, message }] = h.allRequests() as [{ peer: typeof peer; message: never }];
  const stranger = asked === peer ? other : peer;
  h.receive(stranger, { kind: "data", message: blockData(message, new Uint8Array(100)) });
  assert.deepEqual(h.takeJobs("verify"), []);
  assert.equal(h.machine.peers.length, 2);
});

Deno.test("an answer to something else than what was asked counts as none", () => {
  const h = new Harness({}, empty100);
  const peer = h.openFull(100);
  h.machine.addBlock(7, false);
  const [asked] = h.requests(peer);
  const answer = blockData({ ...asked!, block: { index: 8, nodes: 0 } }, new Uint8Array(100));
  h.receive(peer, { kind: "data", message: answer });
  assert.deepEqual(h.takeJobs("verify"), []);
  assert.equal(peer.stats.notAvailableBackoffs, 1);
  assert.deepEqual(blocksOf(h.requests(peer)), [7]);
});

Deno.test("HC-033 pushed data is verified where that is allowed, and not held against the peer when wrong", () => {
  const h = new Harness({ allowPush: true }, empty100);
  const peer = h.openFull(100);
  const handle = h.machine.addBlock(7, false);
  const [asked] = h.requests(peer);
  h.receive(peer, { kind: "data", message: { ...blockData(asked!, Uint8Array.of(7)), request: 0 } });
  h.settleVerify();
  assert.deepEqual(h.takeEvents("resolved"), [{ kind: "resolved", handle, value: Uint8Array.of(7) }]);
  assert.deepEqual(h.sent(peer), [{ kind: "cancel", message: { request: asked!.id } }]);
  h.receive(peer, { kind: "data", message: { ...blockData(asked!, Uint8Array.of(7)), request: 0 } });
  const error = new HypercoreError("INVALID_CHECKSUM", "Invalid checksum");
  h.settleVerify(() => ({ kind: "invalid", error }));
  assert.deepEqual(h.takeEvents("close"), []);
});

Deno.test("HC-198 a block that is given up is cancelled at the peer", () => {
  const h = new Harness({}, empty100);
  const peer = h.openFull(100);
  const handle = h.machine.addBlock(7, false);
  const [asked] = h.requests(peer);
  assert.equal(h.machine.cancel(handle), true);
  assert.deepEqual(h.sent(peer), [{ kind: "cancel", message: { request: asked!.id } }]);
  assert.equal(peer.window.open, 0);
  assert.equal(h.machine.cancel(handle), false);
});

Deno.test("HC-198 a block that two wait for is cancelled when both have given up", () => {
  const h = new Harness({}, empty100);
  const peer = h.openFull(100);
  const first = h.machine.addBlock(7, false);
  const second = h.machine.addBlock(7, false);
  assert.equal(h.requests(peer).length, 1);
  h.machine.cancel(first);
  assert.deepEqual(h.sent(peer), []);
  h.machine.cancel(second);
  assert.deepEqual(h.sent(peer).map(({ kind }) => kind), ["cancel"]);
});

Deno.test("HC-198 a block that a peer does not have after all is asked of another", () => {
  const h = new Harness({}, empty100);
  const first = h.openFull(100);
  h.machine.addBlock(7, false);
  const [asked] = h.requests(first);
  const second = h.openFull(100);
  h.receive(first, { kind: "noData", message: { request: asked!.id, reason: 1 } });
  assert.deepEqual(blocksOf(h.requests(second)), [7]);
  assert.equal(first.has.get(7), false);
});

Deno.test("HC-198 a peer without data 32 times is not asked any more", () => {
  const h = new Harness({}, empty100);
  const peer = h.openFull(100);
  h.machine.addRange({ start: 0, end: 40, linear: true });
  const asked = h.requests(peer);
  for (const [i, { id }] of asked.slice(0, 32).entries()) {
    assert.equal(peer.isPaused, false, `after ${i}`);
    h.receive(peer, { kind: "noData", message: { request: id, reason: 1 } });
  }
  assert.equal(peer.isPaused, true);
  h.receive(peer, { kind: "range", message: { drop: false, start: 0, length: 100 } });
  assert.deepEqual(h.requests(peer), []);
});

Deno.test("HC-198 a peer that calls requests invalid 32 times is not asked any more", () => {
  const h = new Harness({}, empty100);
  const peer = h.openFull(100);
  h.machine.addRange({ start: 0, end: 40, linear: true });
  const asked = h.requests(peer);
  for (const { id } of asked.slice(0, 32)) {
    h.receive(peer, { kind: "noData", message: { request: id, reason: 2 } });
  }
  assert.equal(peer.isPaused, true);
  assert.equal(h.machine.stats.backoffs, 32);
});

Deno.test("HC-112 a range resolves once all of it is stored, at once when it is already", () => {
  const h = new Harness({}, (log) => {
    log.setLength(100);
    log.bitfield.setRange(0, 10, true);
  });
  const stored = h.machine.addRange({ start: 2, end: 8 });
  const partly = h.machine.addRange({ start: 8, end: 12 });
  assert.deepEqual(h.takeEvents("resolved"), [{ kind: "resolved", handle: stored, value: true }]);
  const peer = h.openFull(100);
  const asked = h.requests(peer);
  assert.deepEqual(blocksOf(asked), [10, 11]);
  for (const message of asked) h.answerBlock(peer, message);
  assert.deepEqual(h.takeEvents("resolved"), [{ kind: "resolved", handle: partly, value: true }]);
});

Deno.test("HC-109 a linear range is asked for in order, others in runs from random places", () => {
  const order = (linear: boolean): number[] => {
    const h = new Harness({ inflightRange: [600, 600] }, (log) => log.setLength(512));
    h.machine.addRange({ start: 0, end: 512, linear });
    return blocksOf(h.requests(h.openFull(512)));
  };
  const inOrder = Array.from({ length: 512 }, (_, i) => i);
  assert.deepEqual(order(true), inOrder);
  const random = order(false);
  assert.notDeepEqual(random, inOrder);
  assert.deepEqual(random.toSorted((a, b) => a - b), inOrder);
});

Deno.test("HC-108 a list of blocks is asked for and nothing else", () => {
  const h = new Harness({}, (log) => {
    log.setLength(100);
    log.bitfield.set(20, true);
  });
  const handle = h.machine.addRange({ blocks: [5, 20, 90, 3] });
  const peer = h.openFull(100);
  const asked = h.requests(peer);
  assert.deepEqual(blocksOf(asked), [5, 90, 3]);
  for (const message of asked) h.answerBlock(peer, message);
  assert.deepEqual(h.takeEvents("resolved"), [{ kind: "resolved", handle, value: true }]);
});

Deno.test("HC-110 a range may be given by its length", () => {
  const h = new Harness({}, empty100);
  h.machine.addRange({ start: 10, length: 3, linear: true });
  assert.deepEqual(blocksOf(h.requests(h.openFull(100))), [10, 11, 12]);
});

Deno.test("HC-107 a range without end follows the log and brings the newest block with each upgrade", () => {
  const h = new Harness({}, (log) => log.setFull(2));
  h.machine.addRange({});
  const peer = h.openFull(2);
  assert.deepEqual(h.requests(peer), []);
  h.receive(peer, { kind: "range", message: { drop: false, start: 0, length: 5 } });
  h.receive(peer, sync({ length: 5, remoteLength: 2, canUpgrade: true }));
  const [upgrade] = h.requests(peer);
  assert.deepEqual([upgrade?.block, upgrade?.upgrade], [{ index: 4, nodes: 0 }, { start: 2, length: 3 }]);
  h.answerBlock(peer, upgrade!);
  assert.deepEqual(blocksOf(h.requests(peer)).sort(), [2, 3]);
});

Deno.test("HC-035 alwaysLatestBlock brings the newest block with each upgrade", () => {
  const h = new Harness({ alwaysLatestBlock: true });
  const peer = h.open();
  h.receive(peer, { kind: "range", message: { drop: false, start: 0, length: 5 } });
  h.receive(peer, sync({ length: 5, canUpgrade: true }));
  const [upgrade] = h.requests(peer);
  assert.deepEqual([upgrade?.block?.index, upgrade?.upgrade], [4, { start: 0, length: 5 }]);
});

Deno.test("HC-090 a block past the end is asked for together with the upgrade", () => {
  const h = new Harness({}, (log) => log.setFull(2));
  const peer = h.open();
  h.machine.addBlock(3, false);
  h.receive(peer, { kind: "range", message: { drop: false, start: 0, length: 5 } });
  h.receive(peer, sync({ length: 5, remoteLength: 2, canUpgrade: true }));
  const [asked] = h.requests(peer);
  assert.deepEqual([asked?.block, asked?.upgrade], [{ index: 3, nodes: 0 }, { start: 2, length: 3 }]);
});

Deno.test("HC-090 a block past the end of every peer waits until one grows", () => {
  const h = new Harness({}, (log) => log.setFull(2));
  const peer = h.openFull(2);
  h.poll();
  h.machine.addBlock(2, false);
  assert.deepEqual(h.requests(peer), []);
  h.receive(peer, sync({ length: 3, remoteLength: 2, canUpgrade: true }));
  h.receive(peer, { kind: "range", message: { drop: false, start: 0, length: 3 } });
  assert.deepEqual(blocksOf(h.requests(peer)), [2]);
});

Deno.test("a block that is written here while somebody waits for it is read from the log", () => {
  const h = new Harness({}, (log) => log.setFull(2));
  const handle = h.machine.addBlock(2, false);
  h.append(1);
  assert.deepEqual(h.takeJobs("read"), [{ kind: "read", indexes: [2] }]);
  h.machine.handleRead([2], [Uint8Array.of(9)], h.nowMs);
  assert.deepEqual(h.takeEvents("resolved"), [{ kind: "resolved", handle, value: Uint8Array.of(9) }]);
});

Deno.test("HC-100 a byte is sought with the nodes that narrow it down", () => {
  const h = new Harness({}, (log) => {
    log.setLength(64);
    log.missing = 6;
  });
  const peer = h.openFull(64);
  const handle = h.machine.addSeek(1234, 8);
  const [first] = h.takeJobs("seek");
  h.machine.handleSought(first!.seek, { kind: "range", start: 0, end: 64 }, h.nowMs);
  const [asked] = h.requests(peer);
  assert.deepEqual([asked?.hash?.nodes, asked?.seek], [6, { bytes: 1234, padding: 8 }]);
  h.answerBlock(peer, asked!);
  const [second] = h.takeJobs("seek");
  h.machine.handleSought(second!.seek, { kind: "found", index: 12, offset: 34 }, h.nowMs);
  assert.deepEqual(h.takeEvents("resolved"), [{ kind: "resolved", handle, value: [12, 34] }]);
});

Deno.test("HC-100 a byte past the end is sought together with the upgrade", () => {
  const h = new Harness({}, (log) => log.setFull(2));
  h.machine.addSeek(250, 0);
  const [job] = h.takeJobs("seek");
  h.machine.handleSought(job!.seek, { kind: "range", start: 2, end: 2 }, h.nowMs);
  const peer = h.open();
  h.receive(peer, sync({ length: 5, remoteLength: 2, canUpgrade: true }));
  const [asked] = h.requests(peer);
  assert.deepEqual([asked?.hash, asked?.seek, asked?.upgrade], [null, { bytes: 250, padding: 0 }, {
    start: 2,
    length: 3,
  }]);
});

Deno.test("HC-100 a peer that does not understand seeks is asked for the nodes alone", () => {
  const h = new Harness({}, (log) => log.setLength(64));
  const peer = h.open(false);
  h.receive(peer, sync({ length: 64, remoteLength: 64 }));
  h.receive(peer, { kind: "range", message: { drop: false, start: 0, length: 64 } });
  h.machine.addSeek(1234, 0);
  const [job] = h.takeJobs("seek");
  h.machine.handleSought(job!.seek, { kind: "range", start: 0, end: 64 }, h.nowMs);
  const [asked] = h.requests(peer);
  assert.deepEqual([asked?.hash?.nodes, asked?.seek], [6, null]);
});

Deno.test("HC-132 an empty log asks for the manifest alone, of one peer", () => {
  const h = new Harness({}, (log) => log.manifest = null);
  const peers = [h.open(), h.open()];
  for (const peer of peers) h.receive(peer, sync({ hasManifest: true }));
  const asked = h.allRequests();
  assert.equal(asked.length, 1);
  assert.deepEqual([asked[0]!.message.manifest, asked[0]!.message.upgrade], [true, null]);
});

Deno.test("HC-132 requests ask for the manifest until it is known", () => {
  const h = new Harness({}, (log) => {
    log.setLength(10);
    log.manifest = null;
  });
  const peer = h.openFull(10);
  h.machine.addBlock(1, false);
  assert.equal(h.requests(peer)[0]?.manifest, true);
  h.log.manifest = MANIFEST;
  h.machine.handleLogChange({ kind: "manifest" }, h.nowMs);
  h.machine.addBlock(2, false);
  assert.equal(h.requests(peer)[0]?.manifest, false);
});

Deno.test("HC-023 no more requests are open than the window has, and it grows with quick answers", () => {
  const h = new Harness({ inflightRange: [4, 16] }, empty100);
  h.machine.addRange({ start: 0, end: 100, linear: true });
  const peer = h.openFull(100);
  const sizes: number[] = [];
  let asked = h.requests(peer);
  for (let round = 0; round < 4; round++) {
    sizes.push(asked.length);
    for (const message of asked) {
      h.receive(peer, { kind: "data", message: blockData(message, new Uint8Array(100)) });
    }
    h.settleVerify();
    asked = h.requests(peer);
  }
  assert.deepEqual(sizes, [12, 16, 16, 16]);
});

Deno.test("HC-123 setInflightRange() changes the windows of peers there are", () => {
  const h = new Harness({}, empty100);
  const peer = h.openFull(100);
  h.machine.setInflightRange([5, 5]);
  h.machine.addRange({ start: 0, end: 100 });
  assert.equal(h.requests(peer).length, 5);
});

Deno.test("no more bytes are under way than the bound, but always one block", () => {
  const large = new Harness({}, (log) => log.setLength(100, 0, 4 * 1024 * 1024));
  large.machine.addRange({ start: 0, end: 100 });
  assert.equal(large.requests(large.openFull(100)).length, 3);
  const huge = new Harness({}, (log) => log.setLength(100, 0, 20 * 1024 * 1024));
  huge.machine.addRange({ start: 0, end: 100 });
  assert.equal(huge.requests(huge.openFull(100)).length, 1);
});

Deno.test("bytes count until they are stored, not until they arrive", () => {
  const h = new Harness({}, (log) => log.setLength(100, 0, 8 * 1024 * 1024 - 1024));
  h.machine.addRange({ start: 0, end: 100 });
  const peer = h.openFull(100);
  const asked = h.requests(peer);
  assert.equal(asked.length, 2);
  h.receive(peer, { kind: "data", message: blockData(asked[0]!, new Uint8Array(100)) });
  assert.deepEqual(h.requests(peer), []);
  h.settleVerify();
  assert.equal(h.requests(peer).length, 1);
});

Deno.test("HC-196 a block that takes long is asked of an idle peer too, and cancelled when it comes", () => {
  const h = new Harness({}, empty100);
  const slow = h.openFull(100);
  const handle = h.machine.addBlock(7, false);
  const [first] = h.requests(slow);
  const quick = h.openFull(100);
  assert.deepEqual(h.requests(quick), []);
  h.advance(100);
  const [second] = h.requests(quick);
  assert.equal(second?.block?.index, 7);
  assert.equal(h.machine.stats.hotswaps, 1);
  h.receive(quick, { kind: "data", message: blockData(second, Uint8Array.of(1)) });
  h.settleVerify();
  assert.deepEqual(h.takeEvents("resolved"), [{ kind: "resolved", handle, value: Uint8Array.of(1) }]);
  assert.equal(slow.window.open, 0);
  assert.equal(slow.stats.wireCancel.tx, 1);
  assert.equal(first?.block?.index, 7);
});

Deno.test("HC-196 a block is asked of three peers at most", () => {
  const h = new Harness({}, empty100);
  for (let i = 0; i < 5; i++) h.openFull(100);
  h.machine.addBlock(7, false);
  let asked = 0;
  for (let i = 0; i < 20; i++) {
    asked += h.allRequests().length;
    h.advance(100);
  }
  assert.equal(asked, 3);
});

Deno.test("blocks under way at a peer that is gone are asked of the others", () => {
  const h = new Harness({}, empty100);
  const first = h.openFull(100);
  h.machine.addRange({ start: 0, end: 10, linear: true });
  h.machine.addBlock(50, false);
  assert.equal(h.requests(first).length, 11);
  h.machine.handlePeerClosed(first, h.nowMs);
  assert.equal(h.machine.isDownloading, false);
  const second = h.openFull(100);
  assert.deepEqual(blocksOf(h.requests(second)).toSorted((a, b) => a - b), [
    ...Array.from({ length: 10 }, (_, i) => i),
    50,
  ]);
});

Deno.test("peers share a range of large blocks evenly", () => {
  const h = new Harness({}, (log) => log.setLength(30, 0, 65536));
  const peers = [h.openFull(30), h.openFull(30), h.openFull(30)];
  h.machine.addRange({ start: 0, end: 30 });
  assert.deepEqual(peers.map((peer) => h.requests(peer).length), [10, 10, 10]);
});

Deno.test("each peer of a sparse swarm is asked for what it has", () => {
  const h = new Harness({}, (log) => log.setLength(64));
  h.machine.addRange({ start: 0, end: 64 });
  const peers = Array.from({ length: 8 }, (_, i) => {
    const peer = h.open();
    h.receive(peer, sync({ length: 64, remoteLength: 64 }));
    const has = new Bitfield();
    for (let index = i; index < 64; index += 8) has.set(index, true);
    h.receive(peer, { kind: "bitfield", message: { start: 0, bitfield: has.slice(0, 8) } });
    return peer;
  });
  const asked = h.allRequests();
  assert.equal(asked.length, 64);
  for (const { peer, message } of asked) assert.equal(message.block!.index % 8, peers.indexOf(peer));
});

Deno.test("nothing is asked of a peer that does not upload, or that cannot prove the block", () => {
  const h = new Harness({}, empty100);
  h.machine.addRange({ start: 0, end: 10 });
  const idle = h.open();
  h.receive(idle, sync({ length: 100, uploading: false }));
  h.receive(idle, { kind: "range", message: { drop: false, start: 0, length: 100 } });
  h.log.canUpgrade = false;
  const apart = h.open();
  h.receive(apart, sync({ length: 50 }));
  h.receive(apart, { kind: "range", message: { drop: false, start: 0, length: 50 } });
  assert.deepEqual(h.allRequests(), []);
});

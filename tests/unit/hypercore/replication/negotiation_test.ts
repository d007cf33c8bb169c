import { strict as assert } from "node:assert";
import { Harness, sync } from "./harness.ts";

Deno.test("HC-195 a peer is greeted with our state, then with what we have", () => {
  const { machine, nowMs } = new Harness({}, (log) => log.setFull(5));
  const peer = machine.handlePeerOpen({ seeks: true, capability: new Uint8Array(32) }, nowMs);
  machine.poll(nowMs);
  assert.deepEqual(machine.pollTransmit(), {
    peer,
    messages: [
      {
        kind: "sync",
        message: {
          fork: 0,
          length: 5,
          remoteLength: 0,
          canUpgrade: true,
          uploading: true,
          downloading: false,
          hasManifest: true,
          allowPush: false,
        },
      },
      { kind: "range", message: { drop: false, start: 0, length: 5 } },
    ],
  });
  assert.equal(machine.pollTransmit(), null);
});

Deno.test("HC-195 a peer that is behind gets our state again, with its length acknowledged", () => {
  const h = new Harness({}, (log) => log.setFull(5));
  const peer = h.open();
  h.receive(peer, sync({ length: 3 }));
  const [reply] = h.sent(peer);
  assert.equal(reply?.kind, "sync");
  assert.deepEqual([reply.message.length, reply.message.remoteLength], [5, 3]);
});

Deno.test("HC-195 a peer that is as long as we are gets no reply", () => {
  const h = new Harness({}, (log) => log.setFull(5));
  const peer = h.open();
  h.receive(peer, sync({ length: 5, remoteLength: 5 }));
  assert.deepEqual(h.sent(peer), []);
});

Deno.test("HC-195 HC-032 an upgrade is asked of a longer peer once it has acknowledged our length", () => {
  const h = new Harness({}, (log) => log.setFull(2));
  const peer = h.open();
  h.receive(peer, sync({ length: 10, canUpgrade: true }));
  assert.deepEqual(h.requests(peer), []);
  h.receive(peer, sync({ length: 10, remoteLength: 2, canUpgrade: true }));
  assert.deepEqual(h.requests(peer).map(({ upgrade }) => upgrade), [{ start: 2, length: 8 }]);
});

Deno.test("HC-032 without eager upgrades none is asked for until somebody wants one", () => {
  const h = new Harness({ eagerUpgrade: false });
  const peer = h.open();
  h.receive(peer, sync({ length: 10, canUpgrade: true }));
  assert.deepEqual(h.requests(peer), []);
  h.machine.addUpgrade();
  assert.equal(h.requests(peer).length, 1);
});

Deno.test("HC-195 no upgrade is asked of a peer that cannot prove its length to us", () => {
  const h = new Harness();
  const peer = h.open();
  h.receive(peer, sync({ length: 10, canUpgrade: false }));
  assert.deepEqual(h.requests(peer), []);
});

Deno.test("HC-195 one upgrade is under way at a time, three once it takes long", () => {
  const h = new Harness();
  const peers = [1, 2, 3, 4].map(() => h.open());
  for (const peer of peers) h.receive(peer, sync({ length: 10, canUpgrade: true }));
  assert.equal(h.allRequests().length, 1);
  for (const expected of [1, 1, 0]) {
    h.advance(2000);
    assert.equal(h.allRequests().length, expected);
  }
});

Deno.test("HC-195 our length is not offered to a peer whose tree we cannot prove it from", () => {
  const h = new Harness({}, (log) => {
    log.setLength(10);
    log.canUpgrade = false;
  });
  const peer = h.open();
  h.receive(peer, sync({ length: 4 }));
  assert.deepEqual(h.sent(peer), []);
  h.log.canUpgrade = true;
  h.append(1);
  const [message] = h.sent(peer);
  assert.equal(message?.kind, "sync");
  assert.deepEqual([message.message.length, message.message.canUpgrade], [11, true]);
});

Deno.test("HC-195 a sync waits while the log finds out whether our length can be proved", () => {
  const h = new Harness({}, (log) => {
    log.setLength(10);
    log.canUpgrade = null;
  });
  const peer = h.open();
  h.receive(peer, sync({ length: 4 }));
  assert.deepEqual(h.sent(peer), []);
  const [job] = h.takeJobs("upgradeable");
  assert.equal(job?.length, 4);
  h.machine.handleUpgradeable(job, true, h.nowMs);
  assert.deepEqual(h.sent(peer).map(({ kind }) => kind), ["sync"]);
});

Deno.test("HC-098 update resolves to true with the upgrade, to false once all peers have said there is none", () => {
  const h = new Harness({}, (log) => log.setLength(3));
  const behind = h.open();
  h.receive(behind, sync({ length: 3, remoteLength: 3 }));
  const unsynced = h.open();
  const first = h.machine.addUpgrade();
  assert.deepEqual(h.takeEvents("resolved"), []);
  h.receive(unsynced, sync({ length: 2, remoteLength: 3 }));
  assert.deepEqual(h.takeEvents("resolved"), [{ kind: "resolved", handle: first, value: false }]);
  const second = h.machine.addUpgrade();
  h.receive(unsynced, sync({ length: 4, remoteLength: 3, canUpgrade: true }));
  const [asked] = h.requests(unsynced);
  assert.deepEqual(h.takeEvents("resolved"), []);
  h.answerBlock(unsynced, asked!);
  assert.deepEqual(h.takeEvents("resolved"), [{ kind: "resolved", handle: second, value: true }]);
});

Deno.test("HC-119 update waits for the first peer while somebody looks for peers", () => {
  const h = new Harness();
  h.machine.findingPeers = 1;
  const handle = h.machine.addUpgrade();
  assert.deepEqual(h.takeEvents("resolved"), []);
  h.machine.findingPeers = 0;
  assert.deepEqual(h.takeEvents("resolved"), [{ kind: "resolved", handle, value: false }]);
});

Deno.test("HC-097 update waits for peers whose channel is about to open", () => {
  const h = new Harness();
  h.machine.handleExpectedPeers(1);
  const handle = h.machine.addUpgrade();
  assert.deepEqual(h.takeEvents("resolved"), []);
  h.machine.handleExpectedPeers(-1);
  assert.deepEqual(h.takeEvents("resolved"), [{ kind: "resolved", handle, value: false }]);
});

Deno.test("HC-024 peers hear of the end of downloading after the linger time", () => {
  const h = new Harness({ lingerMs: 20_000 });
  const peer = h.open();
  h.receive(peer, sync());
  h.machine.updateActivity(1, h.nowMs);
  const [begin] = h.sent(peer);
  assert.ok(begin?.kind === "sync" && begin.message.downloading);
  h.machine.updateActivity(-1, h.nowMs);
  assert.equal(h.machine.pollDeadline(), h.nowMs + 20_000);
  h.advance(19_999);
  assert.deepEqual(h.sent(peer), []);
  h.advance(1);
  const [end] = h.sent(peer);
  assert.ok(end?.kind === "sync" && !end.message.downloading);
});

Deno.test("HC-024 a channel is closed once neither side downloads", () => {
  const h = new Harness({ lingerMs: 1000 });
  const peer = h.open();
  h.machine.updateActivity(1, h.nowMs);
  h.receive(peer, sync({ downloading: false }));
  assert.deepEqual(h.takeEvents("close"), []);
  h.machine.updateActivity(-1, h.nowMs);
  h.advance(1000);
  assert.deepEqual(h.takeEvents("close"), [{ kind: "close", peer, error: null }]);
});

Deno.test("HC-033 peers are told that we take pushed blocks while we download", () => {
  const h = new Harness({ allowPush: true });
  const peer = h.open();
  h.receive(peer, sync());
  h.machine.updateActivity(1, h.nowMs);
  const [message] = h.sent(peer);
  assert.ok(message?.kind === "sync" && message.message.allowPush);
  h.machine.setAllowPush(false);
  const [later] = h.sent(peer);
  assert.ok(later?.kind === "sync" && !later.message.allowPush);
});

Deno.test("HC-034 a push-only log asks for nothing", () => {
  const h = new Harness({ pushOnly: true });
  h.machine.addRange({ start: 0, end: 10 });
  h.machine.addUpgrade();
  assert.deepEqual(h.requests(h.openFull(10)), []);
});

Deno.test("a published length is told even when the log grew without publishing before", () => {
  const h = new Harness({}, (log) => log.setFull(2));
  const peer = h.openFull(2);
  h.poll();
  h.log.head = { length: 4, byteLength: 400, fork: 0 };
  h.log.bitfield.setRange(2, 4, true);
  const head = { ...h.log.head, roots: [], signature: null };
  h.machine.handleLogChange({ kind: "append", head, start: 2, blocks: 2 }, h.nowMs);
  assert.deepEqual(h.sent(peer), [], "nothing is told of what is not durable");
  h.log.published = h.log.head;
  h.machine.handleLogChange({ kind: "publish", head }, h.nowMs);
  assert.deepEqual(h.sent(peer).map(({ kind }) => kind), ["sync", "range"]);
});

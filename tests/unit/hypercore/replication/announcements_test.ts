import { strict as assert } from "node:assert";
import { hexText } from "../../../../src/base/mod.ts";
import { LocalWants, RemoteWants } from "../../../../src/hypercore/replication/wants.ts";
import { blocksOf, Harness, sync } from "./harness.ts";

const REGION = 2097152;
const want = (start: number, length: number, any = false) => ({ start, length, any });

Deno.test("HC-197 a block is wanted by region from a peer that has not said whether it has it", () => {
  const h = new Harness({}, (log) => log.setLength(3 * REGION));
  const peer = h.open();
  h.receive(peer, sync({ length: 3 * REGION, remoteLength: 3 * REGION }));
  h.machine.addBlock(REGION + 5, false);
  assert.deepEqual(h.sent(peer), [{ kind: "want", message: want(REGION, REGION) }]);
  h.machine.addBlock(REGION + 6, false);
  assert.deepEqual(h.sent(peer), [], "once per region");
  h.receive(peer, { kind: "bitfield", message: { start: REGION, bitfield: Uint8Array.of(0x20, 0, 0, 0) } });
  assert.deepEqual(blocksOf(h.requests(peer)), [REGION + 5]);
});

Deno.test("HC-197 nothing is wanted of a peer that has everything up to the block", () => {
  const h = new Harness({}, (log) => log.setLength(100));
  h.machine.addBlock(5, false);
  const peer = h.openFull(100);
  assert.deepEqual(h.sent(peer).map(({ kind }) => kind), ["request"]);
});

Deno.test("HC-197 a range wants a few regions at a time, those of its missing blocks", () => {
  const h = new Harness({}, (log) => {
    log.setLength(10 * REGION);
    log.bitfield.setRange(0, 2 * REGION, true);
  });
  const peer = h.open();
  h.receive(peer, sync({ length: 10 * REGION, remoteLength: 10 * REGION }));
  h.machine.addRange({ start: 0, end: 10 * REGION });
  const starts = () => h.sent(peer).map(({ message }) => (message as { start: number }).start / REGION);
  assert.deepEqual(starts(), [2, 3, 4]);
  h.receive(peer, { kind: "bitfield", message: { start: 2 * REGION, bitfield: new Uint8Array(4) } });
  assert.deepEqual(starts(), [5, 6, 7]);
});

Deno.test("HC-197 a list of blocks wants the regions of those a peer does not have", () => {
  const h = new Harness({}, (log) => log.setLength(3 * REGION));
  const peer = h.open();
  h.receive(peer, sync({ length: 3 * REGION, remoteLength: 3 * REGION }));
  h.machine.addRange({ blocks: [1, 2 * REGION] });
  assert.deepEqual(h.sent(peer).map(({ message }) => message), [want(0, REGION), want(2 * REGION, REGION)]);
});

Deno.test("HC-197 at 512 regions one that is not needed any more is given up for a new one", () => {
  const wants = new LocalWants();
  for (let region = 0; region < 512; region++) {
    assert.deepEqual(wants.add(region, () => true), { want: want(region * REGION, REGION), unwant: null });
  }
  assert.equal(wants.add(512, () => true), null);
  assert.deepEqual(wants.add(512, (region) => region !== 7), {
    want: want(512 * REGION, REGION),
    unwant: want(7 * REGION, REGION),
  });
  assert.equal(wants.has(7), false);
});

Deno.test("HC-197 a want is answered with everything from 0 on by one who has it all", () => {
  const h = new Harness({}, (log) => log.setFull(100));
  const peer = h.open();
  h.receive(peer, { kind: "want", message: want(0, REGION) });
  assert.deepEqual(h.sent(peer), [{ kind: "range", message: { drop: false, start: 0, length: 100 } }]);
});

Deno.test("HC-197 a want is answered with the bits of the region by one who has part of it", () => {
  const h = new Harness({}, (log) => {
    log.setLength(100);
    log.bitfield.setRange(40, 44, true);
  });
  const peer = h.open();
  h.receive(peer, { kind: "want", message: want(0, REGION) });
  const [answer] = h.sent(peer);
  assert.ok(answer?.kind === "bitfield");
  assert.deepEqual([answer.message.start, hexText(answer.message.bitfield)], [0, "00000000000f0000"]);
});

Deno.test("HC-197 a want for any block of a region is answered with one", () => {
  const h = new Harness({}, (log) => {
    log.setLength(100);
    log.bitfield.setRange(40, 44, true);
  });
  const peer = h.open();
  h.receive(peer, { kind: "want", message: want(10, 50, true) });
  assert.deepEqual(h.sent(peer), [{ kind: "range", message: { drop: false, start: 40, length: 1 } }]);
  h.receive(peer, { kind: "want", message: want(60, 10, true) });
  assert.deepEqual(h.sent(peer), []);
});

Deno.test("HC-197 a want that is too long is ignored", () => {
  const h = new Harness({}, (log) => log.setFull(100));
  const peer = h.open();
  h.receive(peer, { kind: "want", message: want(0, 2 * REGION) });
  assert.deepEqual(h.sent(peer), []);
});

Deno.test("HC-197 wants of a peer whose stream is full are answered once it drains, each once", () => {
  const h = new Harness({}, (log) => {
    log.setLength(100);
    log.bitfield.set(40, true);
  });
  const peer = h.open();
  h.machine.handleDrained(peer, false);
  for (let i = 0; i < 1000; i++) h.receive(peer, { kind: "want", message: want(0, REGION) });
  assert.deepEqual(h.sent(peer), []);
  h.machine.handleDrained(peer, true);
  assert.deepEqual(h.sent(peer).map(({ kind }) => kind), ["bitfield"]);
});

Deno.test("HC-197 a block far from the end is announced to those who want its region only", () => {
  const h = new Harness({}, (log) => log.setLength(1000));
  const [wanting, other] = [h.open(), h.open()];
  h.receive(wanting!, { kind: "want", message: want(0, REGION) });
  h.poll();
  h.log.bitfield.set(100, true);
  h.machine.handleLogChange({ kind: "blocks", start: 100, length: 1, has: true }, h.nowMs);
  assert.deepEqual(h.sent(wanting!), [{ kind: "range", message: { drop: false, start: 100, length: 1 } }]);
  assert.deepEqual(h.sent(other!), []);
});

Deno.test("HC-197 one of the last 256 blocks is announced to everybody", () => {
  for (const [index, isAnnounced] of [[743, false], [744, true]] as const) {
    const h = new Harness({}, (log) => log.setLength(1000));
    const peer = h.open();
    h.log.bitfield.set(index, true);
    h.machine.handleLogChange({ kind: "blocks", start: index, length: 1, has: true }, h.nowMs);
    assert.equal(h.sent(peer).length, isAnnounced ? 1 : 0, `block ${index}`);
  }
});

Deno.test("HC-197 nothing is announced to a peer that has it", () => {
  const h = new Harness({}, (log) => log.setLength(1000));
  const peer = h.openFull(1000);
  h.log.bitfield.set(990, true);
  h.machine.handleLogChange({ kind: "blocks", start: 990, length: 1, has: true }, h.nowMs);
  assert.deepEqual(h.sent(peer), []);
});

Deno.test("HC-197 one who has become complete tells even those who are, once", () => {
  const h = new Harness({}, (log) => {
    log.setLength(10);
    log.bitfield.setRange(0, 9, true);
  });
  const peer = h.openFull(10);
  h.sent(peer);
  h.log.bitfield.set(9, true);
  for (let i = 0; i < 2; i++) {
    h.machine.handleLogChange({ kind: "blocks", start: 9, length: 1, has: true }, h.nowMs);
  }
  assert.deepEqual(h.sent(peer), [{ kind: "range", message: { drop: false, start: 0, length: 10 } }]);
});

Deno.test("HC-085 HC-197 dropped blocks are announced to everybody who may care", () => {
  const h = new Harness({}, (log) => log.setFull(1000));
  const peer = h.open();
  h.log.bitfield.setRange(5, 8, false);
  h.machine.handleLogChange({ kind: "blocks", start: 5, length: 3, has: false }, h.nowMs);
  assert.deepEqual(h.sent(peer), [{ kind: "range", message: { drop: true, start: 5, length: 3 } }]);
});

Deno.test("announcements of one turn are merged where they touch", () => {
  const h = new Harness({}, (log) => log.setLength(1000));
  const peer = h.open();
  for (const index of [900, 901, 902, 950]) {
    h.log.bitfield.set(index, true);
    h.machine.handleLogChange({ kind: "blocks", start: index, length: 1, has: true }, h.nowMs);
  }
  assert.deepEqual(h.sent(peer).map(({ message }) => message), [
    { drop: false, start: 900, length: 3 },
    { drop: false, start: 950, length: 1 },
  ]);
});

Deno.test("a peer that does not drain is told of what changed as a whole, in the end", () => {
  const h = new Harness({}, (log) => log.setLength(1000));
  const peer = h.open();
  h.receive(peer, { kind: "want", message: want(0, REGION) });
  h.poll();
  h.machine.handleDrained(peer, false);
  for (let index = 0; index < 1000; index += 2) {
    h.log.bitfield.set(index, true);
    h.machine.handleLogChange({ kind: "blocks", start: index, length: 1, has: true }, h.nowMs);
  }
  assert.ok(peer.pendingRanges.length <= 64);
  assert.deepEqual(h.sent(peer), []);
  h.machine.handleDrained(peer, true);
  const sent = h.sent(peer);
  assert.deepEqual(sent.map(({ kind }) => kind), ["bitfield", "bitfield"]);
  assert.ok(sent[0]?.kind === "bitfield");
  assert.equal(hexText(sent[0].message.bitfield.subarray(0, 4)), "55555555");
});

Deno.test("HC-127 what a peer drops or says anew is what counts", () => {
  const h = new Harness({}, (log) => log.setLength(100));
  const peer = h.openFull(100);
  h.receive(peer, { kind: "range", message: { drop: true, start: 10, length: 5 } });
  assert.equal(peer.remoteContiguousLength, 10);
  h.receive(peer, { kind: "bitfield", message: { start: 0, bitfield: Uint8Array.of(0xfe, 255, 255, 255) } });
  assert.equal(peer.remoteContiguousLength, 0);
  assert.equal(peer.has.get(20), true);
});

Deno.test("a peer may claim any number of blocks without costing us anything", () => {
  const h = new Harness({}, (log) => log.setLength(100));
  const peer = h.open();
  h.receive(peer, { kind: "range", message: { drop: false, start: 5, length: Number.MAX_SAFE_INTEGER } });
  for (let i = 0; i < 10_000; i++) {
    h.receive(peer, { kind: "range", message: { drop: false, start: i * 65536 * 1024, length: 1 } });
  }
  h.receive(peer, { kind: "bitfield", message: { start: 2 ** 53 - 32, bitfield: new Uint8Array(4) } });
  assert.ok(peer.has.pageCount <= 2048);
});

Deno.test("HC-157 the longest run from 0 that a peer on our fork claims is told once", () => {
  const h = new Harness({}, (log) => log.setLength(100));
  const peer = h.open();
  for (const length of [10, 5, 20]) {
    h.receive(peer, { kind: "range", message: { drop: false, start: 0, length } });
  }
  assert.deepEqual(h.takeEvents("remote-contiguous-length").map(({ length }) => length), [10, 20]);
  assert.equal(h.machine.remoteContiguousLength, 20);
});

Deno.test("RemoteWants.hasRange() knows regions of several sizes and of any shape", () => {
  const wants = new RemoteWants();
  wants.add(want(64, 32));
  wants.add(want(1024, 1024));
  wants.add(want(5000, 10, true));
  const has = (start: number, length: number) => wants.hasRange(start, length);
  assert.deepEqual([has(63, 1), has(64, 1), has(95, 1), has(96, 1)], [false, true, true, false]);
  assert.deepEqual([has(1023, 1), has(1023, 2), has(2048, 1)], [false, true, false]);
  assert.deepEqual([has(4999, 1), has(4999, 2), has(5010, 5)], [false, true, false]);
  assert.equal(has(0, 10_000), true);
  wants.remove(want(64, 32));
  wants.remove(want(1024, 1024));
  wants.remove(want(5000, 10, true));
  assert.equal(has(0, 10_000), false);
});

Deno.test("HC-197 a peer that wants too many different things is told of everything", () => {
  const many = new RemoteWants();
  for (let i = 0; i < 512; i++) many.add(want(i * 32, 32));
  assert.equal(many.wantsAll, false);
  many.add(want(512 * 32, 32));
  assert.equal(many.wantsAll, true);
  const sizes = new RemoteWants();
  for (const size of [32, 64, 128, 256]) sizes.add(want(0, size));
  assert.equal(sizes.wantsAll, false);
  sizes.add(want(0, 512));
  assert.equal(sizes.wantsAll, true);
  const shapes = new RemoteWants();
  for (let i = 0; i < 16; i++) shapes.add(want(i, 1, true));
  assert.equal(shapes.wantsAll, false);
  shapes.add(want(16, 1, true));
  assert.equal(shapes.wantsAll, true);
  const odd = new RemoteWants();
  odd.add(want(1, 32));
  assert.equal(odd.wantsAll, true);
});

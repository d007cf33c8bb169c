/** UDX streams on simulated networks: two thousand seeds, shared bottlenecks, and a table of throughput. */
import { strict as assert } from "node:assert";
import { SeededRandom } from "../../src/base/mod.ts";
import { SharedPath } from "../../src/udx/shared_path.ts";
import { Link, type LinkConditions, VirtualTime } from "./network.ts";
import { DrivenSocket } from "./support/driven_streams.ts";
import { connectPeers, type StreamPeer } from "./support/stream_peer.ts";

const SEED_COUNT = 2000;
const SEEDS_PER_TEST = 500;

/** Virtual time after which a run counts as stuck. */
const LIMIT_MS = 600_000;

/** Steps that a run may take: a machine that spins at one instant shows here. */
const STEPS_MAX = 400_000;

/** What a receiver and a sender may hold: the window twice (in order and not), and slack. */
const BUFFERED_BYTES_MAX = 13 * 1024 * 1024;

const NOTHING = { byteLength: 0, chunkBytes: 1 };

/** Draws a network from a seed: from perfect to dreadful, each direction by itself. */
function drawConditions(random: SeededRandom): LinkConditions {
  const chance = (part: number): boolean => random.next() < part;
  return {
    latencyMs: chance(0.2) ? 0.05 : random.next() * 80,
    jitterMs: chance(0.4) ? random.next() * 10 : 0,
    lossRate: chance(0.6) ? random.next() * 0.1 : 0,
    burstRate: chance(0.2) ? 0.005 : 0,
    burstLength: 2 + Math.floor(random.next() * 10),
    duplicateRate: chance(0.3) ? random.next() * 0.1 : 0,
    reorderRate: chance(0.3) ? random.next() * 0.2 : 0,
    reorderMs: random.next() * 30,
    bytesPerMs: chance(0.5) ? 50 + random.next() * 5000 : undefined,
    queueBytes: 8_000 + random.next() * 100_000,
    mtu: chance(0.3) ? 1200 + Math.floor(random.next() * 300) : undefined,
  };
}

function drawByteLength(random: SeededRandom): number {
  if (random.next() < 0.15) return 0;
  return Math.floor(random.next() ** 3 * 200_000);
}

function runToEnd(time: VirtualTime, peers: readonly StreamPeer[], what: string): void {
  let steps = 0;
  while (peers.some((peer) => !peer.closed)) {
    assert(time.step(LIMIT_MS), `${what}: stuck at ${time.nowMs} ms`);
    assert(++steps < STEPS_MAX, `${what}: spins at ${time.nowMs} ms`);
  }
}

/** One run: every byte arrives once and in order, or the stream ends with a typed error. */
function runSeed(seed: number): void {
  const what = `seed ${seed}`;
  const random = new SeededRandom(seed);
  const time = new VirtualTime();
  const links = {
    forth: new Link(time, random, drawConditions(random)),
    back: new Link(time, random, drawConditions(random)),
  };
  const uploads = {
    forth: { byteLength: drawByteLength(random), chunkBytes: 1 + Math.floor(random.next() * 30_000) },
    back: { byteLength: drawByteLength(random), chunkBytes: 1 + Math.floor(random.next() * 30_000) },
  };
  const [a, b] = connectPeers(time, links, uploads, seed);
  runToEnd(time, [a, b], what);
  for (const [peer, expected] of [[a, uploads.back], [b, uploads.forth]] as const) {
    assert.equal(peer.corruptAt, -1, `${what}: a byte is not what was sent`);
    assert(peer.bufferedBytesMax <= BUFFERED_BYTES_MAX, `${what}: ${peer.bufferedBytesMax} bytes held`);
    const error = peer.closed!.error;
    if (error) {
      assert(["ETIMEDOUT", "ECONNRESET"].includes(error.code), `${what}: ${error.code}`);
      assert(peer.receivedBytes <= expected.byteLength, `${what}: too many bytes`);
    } else {
      assert.equal(peer.receivedBytes, expected.byteLength, `${what}: bytes missing`);
      assert(peer.hasEnded, `${what}: closed without an end`);
    }
  }
}

for (let first = 1; first <= SEED_COUNT; first += SEEDS_PER_TEST) {
  const last = first + SEEDS_PER_TEST - 1;
  Deno.test(`UDX-035 UDX-038 streams survive the networks of seeds ${first} to ${last}`, () => {
    for (let seed = first; seed <= last; seed++) runSeed(seed);
  });
}

Deno.test("UDX-035 errors are the exception: mild networks always complete", () => {
  for (let seed = 1; seed <= 50; seed++) {
    const random = new SeededRandom(seed);
    const time = new VirtualTime();
    const conditions = { latencyMs: 10, lossRate: 0.05, reorderRate: 0.1, reorderMs: 5, duplicateRate: 0.05 };
    const links = { forth: new Link(time, random, conditions), back: new Link(time, random, conditions) };
    const upload = { byteLength: 100_000, chunkBytes: 10_000 };
    const [a, b] = connectPeers(time, links, { forth: upload, back: upload }, seed);
    runToEnd(time, [a, b], `seed ${seed}`);
    assert.equal(a.closed!.error, null, `seed ${seed}`);
    assert.equal(b.closed!.error, null, `seed ${seed}`);
  }
});

Deno.test("UDX-036 two streams share a bottleneck within 30 %", () => {
  for (const seed of [1, 2, 3]) {
    const random = new SeededRandom(seed);
    const time = new VirtualTime();
    const conditions = { latencyMs: 20, bytesPerMs: 2500, queueBytes: 100_000 };
    const forth = new Link(time, random, conditions);
    const back = new Link(time, random, { latencyMs: 20 });
    const endless = { byteLength: 1e9, chunkBytes: 65536 };
    const pairs = [seed, seed + 100].map((each) =>
      connectPeers(time, { forth, back }, { forth: endless, back: NOTHING }, each)
    );
    // Fairness comes with the common probing of the round trip, every ten seconds.
    const settleMs = 25_000;
    const measureMs = 60_000;
    while (time.step(settleMs));
    const before = pairs.map(([, receiver]) => receiver.receivedBytes);
    while (time.step(settleMs + measureMs));
    const rates = pairs.map(([, receiver], i) => (receiver.receivedBytes - before[i]!) / measureMs);
    const [low, high] = [Math.min(...rates), Math.max(...rates)];
    assert(low >= 0.7 * high, `seed ${seed}: ${rates.map((rate) => rate.toFixed(0))} bytes/ms`);
    assert(
      low + high > 0.85 * 2500,
      `seed ${seed}: the bottleneck is idle, ${(low + high).toFixed(0)} bytes/ms`,
    );
  }
});

Deno.test("UDX-036 ten streams between two sockets share a short queue, and none waits for a timeout", () => {
  const random = new SeededRandom(1);
  const time = new VirtualTime();
  // Loopback: 150 MB/s into the 90 packets that Linux keeps for a socket.
  const conditions = { latencyMs: 0.05, bytesPerMs: 150_000, queueBytes: 90 * 1500 };
  const links = {
    forth: new Link(time, random, conditions),
    back: new Link(time, random, { latencyMs: 0.05 }),
  };
  const upload = { byteLength: 4_000_000, chunkBytes: 65536 };
  const shared = { forth: new SharedPath(), back: new SharedPath() };
  const pairs = Array.from(
    { length: 10 },
    (_, i) => connectPeers(time, links, { forth: upload, back: NOTHING }, i + 1, shared),
  );
  runToEnd(time, pairs.flat(), "ten streams");
  const ends = pairs.map(([, receiver]) => receiver.closedAtMs);
  const statistics = pairs.map(([sender]) => sender.machine.sender.statistics);
  const packetCount = pairs.reduce((sum, [sender]) => sum + sender.packetCount, 0);
  const retransmitCount = statistics.reduce((sum, each) => sum + each.retransmitCount, 0);
  assert.deepEqual(statistics.map(({ rtoCount }) => rtoCount), new Array(10).fill(0));
  assert(Math.min(...ends) > 0.7 * Math.max(...ends), `${ends.map((end) => end.toFixed(0))} ms`);
  assert(40_000_000 / Math.max(...ends) > 0.85 * 150_000, `the last is done after ${Math.max(...ends)} ms`);
  assert(retransmitCount < 0.06 * packetCount, `${retransmitCount} of ${packetCount} sent again`);
  assert(shared.forth.isEmpty && shared.back.isEmpty);
});

for (const count of [10, 50, 200]) {
  Deno.test(`UDX-036 ${count} streams that start at once take turns in a short queue, and none waits for a timeout`, () => {
    const time = new VirtualTime();
    const random = new SeededRandom(1);
    const conditions = { latencyMs: 0.05, bytesPerMs: 120_000, queueBytes: 90 * 1500 };
    const sender = new DrivenSocket(time, new Link(time, random, conditions), 0.05, 1);
    const receiver = new DrivenSocket(time, new Link(time, random, { latencyMs: 0.05 }), 0.1, 2);
    sender.other = receiver;
    receiver.other = sender;
    const byteLength = 24_000_000 / count;
    const streams = Array.from({ length: count }, (_, id) => {
      return { from: sender.open(id, byteLength), to: receiver.open(id, 0) };
    });
    sender.driver.flush();
    while (streams.some(({ from, to }) => from.closedAtMs < 0 || to.closedAtMs < 0)) {
      assert(time.step(60_000), `stuck at ${time.nowMs} ms`);
    }
    const statistics = streams.map(({ from }) => from.machine.sender.statistics);
    const retransmitCount = statistics.reduce((sum, each) => sum + each.retransmitCount, 0);
    const ends = streams.map(({ to }) => to.closedAtMs).sort((a, b) => a - b);
    assert(streams.every(({ to }) => to.receivedBytes === byteLength && to.errorCode === null));
    assert.equal(statistics.reduce((sum, { rtoCount }) => sum + rtoCount, 0), 0);
    assert(24_000_000 / ends.at(-1)! > 0.8 * 120_000, `the last is done after ${ends.at(-1)} ms`);
    assert(ends[count / 2]! > 0.8 * ends.at(-1)!, `half are done after ${ends[count / 2]} ms`);
    assert(retransmitCount < 0.15 * 24_000_000 / 1452, `${retransmitCount} sent again`);
  });
}

Deno.test("UDX-027 throughput by loss and latency matches the snapshot", async () => {
  const byteLength = 4_000_000;
  const rows: Record<string, Record<string, number>> = {};
  for (const latencyMs of [1, 10, 50, 100]) {
    const row: Record<string, number> = {};
    for (const lossRate of [0, 0.001, 0.01, 0.05]) {
      const random = new SeededRandom(7);
      const time = new VirtualTime();
      const conditions = { latencyMs, lossRate, bytesPerMs: 12_500, queueBytes: 300_000 };
      const links = { forth: new Link(time, random, conditions), back: new Link(time, random, conditions) };
      const [a, b] = connectPeers(
        time,
        links,
        { forth: { byteLength, chunkBytes: 65536 }, back: NOTHING },
        7,
      );
      runToEnd(time, [a, b], `${latencyMs} ms, ${lossRate}`);
      assert.equal(b.receivedBytes, byteLength);
      row[`${lossRate * 100} % loss`] = Number((byteLength / b.closedAtMs / 1000).toFixed(2));
    }
    rows[`${2 * latencyMs} ms round trip`] = row;
  }
  const path = new URL("./udx_throughput.json", import.meta.url);
  const snapshot = {
    what: "4 MB over a bottleneck of 12.5 MB/s with a queue of 300 kB, MB/s including start and close",
    rows,
  };
  if (Deno.env.get("UPDATE_SNAPSHOTS")) {
    await Deno.writeTextFile(path, JSON.stringify(snapshot, null, 2) + "\n");
  }
  assert.deepEqual(snapshot, JSON.parse(await Deno.readTextFile(path)));
});

/** The small parts of a stream, each by itself. */
import { strict as assert } from "node:assert";
import { SeededRandom } from "../../../src/base/mod.ts";
import { isIP, isIPv4, isIPv6 } from "../../../src/udx/address.ts";
import { BbrController } from "../../../src/udx/bbr.ts";
import { ClosedStreams } from "../../../src/udx/closed_streams.ts";
import { MtuDiscovery } from "../../../src/udx/mtu.ts";
import { Pacer } from "../../../src/udx/pacer.ts";
import { ReadAssembler } from "../../../src/udx/read_assembler.ts";
import { ReceiveBuffer } from "../../../src/udx/receive_buffer.ts";
import { RttEstimator } from "../../../src/udx/rtt.ts";
import { SharedPath } from "../../../src/udx/shared_path.ts";
import { Scoreboard } from "../../../src/udx/scoreboard.ts";
import { seqAdd, seqDiff } from "../../../src/udx/sequence.ts";
import { Slab } from "../../../src/udx/slab.ts";
import { readUint32 } from "../../../src/udx/messages.ts";
import { WindowTuner } from "../../../src/udx/window_tuner.ts";
import { WindowedFilter } from "../../../src/udx/windowed_filter.ts";
import { WriteQueue } from "../../../src/udx/write_queue.ts";

Deno.test("UDX-002 isIP() tells the families apart", () => {
  for (const host of ["127.0.0.1", "0.0.0.0", "255.255.255.255", "1.20.255.3"]) {
    assert.equal(isIP(host), 4, host);
    assert.equal(isIPv4(host), true);
    assert.equal(isIPv6(host), false);
  }
  for (
    const host of ["::", "::1", "fe80::1%eth0", "1:2:3:4:5:6:7:8", "::ffff:1.2.3.4", "1::8", "2001:db8::"]
  ) {
    assert.equal(isIP(host), 6, host);
    assert.equal(isIPv6(host), true);
  }
  for (
    const host of [
      "",
      "localhost",
      "256.1.1.1",
      "1.2.3",
      "1.2.3.4.",
      "01.2.3.4",
      ":",
      ":::",
      "1:2",
      "1::2::3",
      "g::",
    ]
  ) {
    assert.equal(isIP(host), 0, host);
  }
  for (const host of ["1:2:3:4:5:6:7:8:9", "1:2:3:4:5:6:7::8:9", "::1.2.3", "::1%", "12345::"]) {
    assert.equal(isIP(host), 0, host);
  }
});

Deno.test("UDX-032 sequence numbers compare across the wrap", () => {
  assert.equal(seqAdd(0xffffffff, 1), 0);
  assert.equal(seqAdd(0, -1), 0xffffffff);
  assert.equal(seqDiff(2, 0xfffffffe), 4);
  assert.equal(seqDiff(0xfffffffe, 2), -4);
});

Deno.test("WindowedFilter gives the largest value of its window", () => {
  const filter = new WindowedFilter("max", 10);
  const values = [5, 9, 3, 7, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 2];
  values.forEach((value, time) => filter.add(time, value));
  assert.equal(filter.value, 2);
});

Deno.test("WindowedFilter never lies above the true maximum nor below the newest value", () => {
  const random = new SeededRandom(4);
  const filter = new WindowedFilter("max", 20);
  const values: number[] = [];
  for (let time = 0; time < 2000; time++) {
    values.push(random.next());
    filter.add(time, values.at(-1)!);
    const largest = Math.max(...values.slice(-21));
    assert(filter.value <= largest && filter.value >= values.at(-1)!, `at ${time}`);
  }
});

Deno.test("RttEstimator follows RFC 6298 with the timeout between 1 s and 30 s", () => {
  const rtt = new RttEstimator();
  assert.equal(rtt.timeoutMs, 1000);
  rtt.add(0, 400);
  assert.equal(rtt.smoothedMs, 400);
  assert.equal(rtt.timeoutMs, 400 + 4 * 200);
  rtt.add(1, 800);
  assert.equal(rtt.smoothedMs, 450);
  assert.equal(rtt.timeoutMs, 450 + 4 * 250);
  assert.equal(rtt.leastMs, 400);
  rtt.add(2, 100_000);
  assert.equal(rtt.timeoutMs, 30_000);
});

Deno.test("RttEstimator clamps samples that a sleeping machine makes", () => {
  const rtt = new RttEstimator();
  assert.equal(rtt.clampMs(90_000), 30_000);
  rtt.add(0, 100);
  assert.equal(rtt.clampMs(4_000), 4_000);
  assert.equal(rtt.clampMs(6_000), 350);
});

Deno.test("UDX-037 MtuDiscovery climbs in steps of 32 from 1200 to 1500", () => {
  const mtu = new MtuDiscovery();
  assert.equal(mtu.probeSize, 0);
  mtu.handleDelivery();
  const sizes: number[] = [];
  while (mtu.probeSize > 0) {
    const size: number = mtu.probeSize;
    sizes.push(size);
    mtu.handleProbeSent();
    assert.equal(mtu.probeSize, 0);
    mtu.handleProbeDelivered(size);
    assert.equal(mtu.size, size);
  }
  assert.deepEqual(sizes, [1232, 1264, 1296, 1328, 1360, 1392, 1424, 1456, 1488, 1500]);
});

Deno.test("UDX-037 MtuDiscovery stops after three lost probes of a size", () => {
  const mtu = new MtuDiscovery();
  mtu.handleDelivery();
  for (let i = 0; i < 3; i++) {
    assert.equal(mtu.probeSize, 1232);
    mtu.handleProbeSent();
    mtu.handleProbeLost();
  }
  assert.equal(mtu.probeSize, 0);
  assert.equal(mtu.size, 1200);
});

Deno.test("UDX-037 MtuDiscovery falls back to 1200 in a black hole, and starts over on another path", () => {
  const mtu = new MtuDiscovery();
  mtu.handleDelivery();
  mtu.handleProbeSent();
  mtu.handleProbeDelivered(1232);
  mtu.handleBlackHole();
  assert.deepEqual([mtu.size, mtu.probeSize], [1200, 0]);
  mtu.reset();
  mtu.handleDelivery();
  assert.equal(mtu.probeSize, 1232);
});

Deno.test("UDX-036 Pacer closes when its bytes are spent and opens with time", () => {
  const pacer = new Pacer();
  pacer.fill(0, 100, 4);
  pacer.take(25_000);
  assert.equal(pacer.isOpen, false);
  assert.equal(pacer.waitMs(100), 15);
  pacer.fill(15, 100, 4);
  assert.equal(pacer.isOpen, true);
});

Deno.test("UDX-036 Pacer saves up no more than a burst", () => {
  const pacer = new Pacer();
  const countAt = (nowMs: number, bytesPerMs: number): number => {
    pacer.fill(nowMs, bytesPerMs, 2);
    let count = 0;
    for (; pacer.isOpen; count++) pacer.take(1500);
    return count;
  };
  pacer.fill(0, 10, 2);
  assert.equal(countAt(1_000_000, 10), 8);
  assert.equal(countAt(2_000_000, 30_000), 40);
});

Deno.test("UDX-036 BbrController holds the flight down for a round where much was lost, not for single packets", () => {
  const cwndAfter = (lostCount: number): number => {
    const congestion = new BbrController(0, 1152, new SeededRandom(1));
    const sample = {
      ackedCount: 100,
      lostCount: 0,
      deliveredCount: 100,
      intervalMs: 10,
      priorDeliveredCount: 0,
      rttMs: 10,
      isAppLimited: false,
    };
    const flight = {
      inFlightCount: 100,
      deliveredCount: 100,
      deliveredAtMs: 10,
      smoothedRttMs: 10,
      payloadBytes: 1152,
      phase: "open",
    } as const;
    congestion.handleAck(sample, flight, 10);
    congestion.handleRecovery();
    const lossy = { ...flight, phase: "recovery", inFlightCount: 50, deliveredCount: 110 } as const;
    congestion.handleAck(
      { ...sample, ackedCount: 10, lostCount, intervalMs: -1, deliveredCount: -1 },
      lossy,
      11,
    );
    return congestion.cwndPackets;
  };
  assert.equal(cwndAfter(0), 110 + 10);
  assert.equal(cwndAfter(1), 110 - 1 + 10);
  assert.equal(cwndAfter(2), 50 + 10);
});

Deno.test("UDX-036 SharedPath leaves streams alone until a queue overflows", () => {
  const path = new SharedPath();
  const member = path.join();
  member.cwndPackets = 100;
  member.handleOutcome(0, 96, 4, 0);
  assert.equal(member.limitPackets, Infinity);
  member.handleOutcome(0, 91, 9, 0);
  assert.equal(member.limitPackets, 70);
  member.handleOutcome(0, 100, 0, 0);
  assert.equal(member.limitPackets, 70 * 1.02);
});

Deno.test("UDX-036 SharedPath divides what fits, modest streams leave the rest to the others", () => {
  const path = new SharedPath();
  const [greedy, second, modest] = [path.join(), path.join(), path.join()];
  for (const member of [greedy, second]) member.cwndPackets = 60;
  modest.cwndPackets = 10;
  path.changeFlight(130);
  modest.handleOutcome(0, 10, 0, 0);
  second.handleOutcome(0, 40, 0, 20);
  greedy.handleOutcome(0, 30, 20, 10);
  // Of 0.7 * 130 packets the modest one has 10.
  assert.equal(greedy.limitPackets, (0.7 * 130 - 10) / 2);
  assert.equal(second.limitPackets, greedy.limitPackets);
});

Deno.test("UDX-036 SharedPath lets a stream have four packets, and what the path holds", () => {
  const path = new SharedPath();
  const members = Array.from({ length: 20 }, () => path.join());
  path.changeFlight(80);
  for (const member of members) {
    member.cwndPackets = 4;
    member.handleOutcome(0, 3, 1, 0);
  }
  for (let i = 0; i < 20; i++) members[0]!.handleOutcome(0, 32, 32, 0);
  assert.equal(members[1]!.limitPackets, 8);
  for (const member of members) member.handleOutcome(0, 3, 1, 0);
  assert.equal(members[1]!.limitPackets, 4);
  members[1]!.bandwidth = 2;
  members[1]!.leastRttMs = 10;
  assert.equal(members[1]!.limitPackets, 1.5 * 20);
  // By the shortest round trip that any of them saw.
  members[2]!.leastRttMs = 5;
  members[2]!.handleOutcome(0, 64, 0, 0);
  assert.equal(members[1]!.limitPackets, 1.5 * 10);
});

Deno.test("UDX-036 SharedPath has room for 64 packets of several streams at first, and for more as they arrive", () => {
  const path = new SharedPath();
  const first = path.join();
  assert.equal(path.roomPackets, Infinity);
  path.join();
  path.changeFlight(10);
  first.handleOutcome(0, 10, 0, 0);
  // Little of the room was used.
  assert.equal(path.roomPackets, 64 - 10);
  path.changeFlight(54);
  assert.equal(path.roomPackets, 0);
  first.handleOutcome(20, 32, 0, 32);
  path.changeFlight(-32);
  assert.equal(path.roomPackets, 64 + 32 / 2 - 32);
});

Deno.test("UDX-036 SharedPath has room for what a single stream had in flight when another comes", () => {
  const path = new SharedPath();
  path.join();
  path.changeFlight(100);
  path.join();
  assert.equal(path.roomPackets, 0);
  path.changeFlight(-100);
  assert.equal(path.roomPackets, 100);
});

Deno.test("UDX-036 SharedPath has less room for several streams after an overrun, but never less than 64 packets", () => {
  const path = new SharedPath();
  const [first, second] = [path.join(), path.join()];
  path.changeFlight(200);
  second.handleOutcome(0, 30, 20, 100);
  first.handleOutcome(0, 30, 20, 100);
  path.changeFlight(-200);
  assert.equal(path.roomPackets, 0.6 * 200);
  first.handleOutcome(0, 0, 400, 0);
  assert.equal(path.roomPackets, 64);
});

Deno.test("UDX-036 SharedPath has room for what the path of several streams holds, by what arrives in a round trip", () => {
  const path = new SharedPath();
  const [first, second] = [path.join(), path.join()];
  for (const member of [first, second]) {
    member.leastRttMs = 20;
    // As a stream sees it that sends when the others do not.
    member.bandwidth = 100;
  }
  for (let nowMs = 0; nowMs < 200; nowMs++) {
    for (const member of [first, second]) member.handleOutcome(nowMs, 5, 0, 100);
  }
  path.changeFlight(400);
  path.changeFlight(-400);
  for (let i = 0; i < 40; i++) [first, second][i % 2]!.handleOutcome(200, 0, 50, 0);
  assert.equal(path.roomPackets, 1.5 * 10 * 20);
});

Deno.test("UDX-036 SharedPath is empty when its streams have left", () => {
  const path = new SharedPath();
  const member = path.join();
  assert.equal(path.isEmpty, false);
  member.leave();
  member.leave();
  assert.equal(path.isEmpty, true);
});

Deno.test("WriteQueue gives the bytes of its chunks in order, whatever is taken at once", () => {
  const random = new SeededRandom(5);
  const queue = new WriteQueue();
  let written = 0;
  let read = 0;
  for (let i = 0; i < 2000; i++) {
    const chunk = new Uint8Array(Math.floor(random.next() * 50));
    for (let j = 0; j < chunk.length; j++) chunk[j] = written++;
    queue.push(chunk);
    const target = new Uint8Array(Math.min(queue.byteLength, Math.floor(random.next() * 60)));
    queue.take(target, 0, target.length);
    for (const byte of target) assert.equal(byte, read++ & 0xff);
  }
  assert.equal(queue.byteLength, written - read);
});

function ranges(buffer: ReceiveBuffer): number[][] {
  const target = new Uint8Array(8 * 50);
  const count = buffer.writeRanges(target, 0);
  return Array.from({ length: count }, (_, i) => [readUint32(target, 8 * i), readUint32(target, 8 * i + 4)]);
}

Deno.test("UDX-035 ReceiveBuffer reports ranges and gives packets in order", () => {
  const buffer = new ReceiveBuffer();
  buffer.start(0xfffffffe);
  for (const seq of [0, 1, 4, 0xffffffff]) {
    assert.equal(buffer.insert(seq, 1, new Uint8Array([seq & 0xff]), 100), true);
  }
  assert.deepEqual(ranges(buffer), [[0xffffffff, 2], [4, 5]]);
  assert.equal(buffer.shift(), null);
  buffer.advance();
  assert.deepEqual([buffer.shift()!.payload[0], buffer.shift()!.payload[0], buffer.shift()!.payload[0]], [
    255,
    0,
    1,
  ]);
  assert.equal(buffer.shift(), null);
  assert.equal(buffer.nextSeq, 2);
  assert.deepEqual(ranges(buffer), [[4, 5]]);
});

Deno.test("UDX-035 ReceiveBuffer keeps payloads of every size apart, round after round", () => {
  const buffer = new ReceiveBuffer();
  const sizes = [1452, 1200, 1452, 10, 749, 750, 1500, 2000];
  for (let round = 0; round < 3; round++) {
    const first = buffer.nextSeq;
    const payloadOf = (i: number): Uint8Array => new Uint8Array(sizes[(i + round) % 8]!).fill(8 * round + i);
    for (let i = 8; i >= 1; i--) assert(buffer.insert(first + i, i, payloadOf(i), 1e6));
    buffer.advance();
    for (let i = 1; i <= 8; i++) assert.deepEqual({ ...buffer.shift() }.payload, payloadOf(i));
    assert.equal(buffer.shift(), null);
    assert.equal(buffer.byteLength, 0);
  }
});

Deno.test("UDX-035 ReceiveBuffer joins ranges when a gap closes", () => {
  const buffer = new ReceiveBuffer();
  for (const seq of [2, 4, 6, 3, 5]) buffer.insert(seq, 1, new Uint8Array(1), 100);
  assert.deepEqual(ranges(buffer), [[2, 7]]);
});

Deno.test("UDX-035 ReceiveBuffer refuses what is old, known, too far or too much", () => {
  const buffer = new ReceiveBuffer();
  buffer.start(10);
  const payload = new Uint8Array(10);
  assert.equal(buffer.insert(9, 1, payload, 100), false);
  assert.equal(buffer.insert(10 + 8191, 1, payload, 100), true);
  assert.equal(buffer.insert(10 + 8192, 1, payload, 100), false);
  assert.equal(buffer.insert(10 + 8191, 1, payload, 100), false);
  assert.equal(buffer.insert(12, 1, payload, 19), false);
  assert.equal(buffer.byteLength, 10);
});

Deno.test("UDX-035 ReceiveBuffer tells of new ranges first when not all fit", () => {
  const buffer = new ReceiveBuffer();
  for (let i = 0; i < 60; i++) buffer.insert(2 + 2 * i, 1, new Uint8Array(1), 1000);
  assert.equal(ranges(buffer).length, 50);
  const second = ranges(buffer);
  assert(second.some(([start]) => start === 2 + 2 * 59));
});

Deno.test("Scoreboard keeps packets across growth and the wrap of numbers", () => {
  const board = new Scoreboard<{ overheadBytes: number }>();
  board.start(0xffffff00);
  for (let i = 0; i < 1000; i++) {
    const packet = board.create();
    packet.bytes = new Uint8Array(100);
    board.addSent(packet);
  }
  assert.equal(board.nextSeq, 0xffffff00 + 1000 - 2 ** 32);
  assert.equal(board.inFlightCount, 1000);
  assert.equal(board.inFlightBytes, 100_000);
  assert.equal(board.get(0xffffff00)!.seq, 0xffffff00);
  assert.equal(board.get(5)!.seq, 5);
});

Deno.test("Scoreboard sends lost packets again unless they arrive meanwhile", () => {
  const board = new Scoreboard<{ overheadBytes: number }>();
  const packets = Array.from({ length: 4 }, () => {
    const packet = board.create();
    packet.bytes = new Uint8Array(10);
    board.addSent(packet);
    return packet;
  });
  assert.equal(board.newest, packets[3]);
  for (const index of [2, 0, 1]) board.markLost(packets[index]!);
  assert.equal(board.newest, packets[3]);
  assert.equal(board.inFlightCount, 1);
  board.release(board.take(2, true)!);
  assert.equal(board.peekLost()!.seq, 0);
  board.shiftLost();
  assert.equal(board.peekLost()!.seq, 1);
  board.shiftLost();
  assert.equal(board.peekLost(), null);
  assert.equal(board.sackedCount, 1);
});

Deno.test("Scoreboard puts lost packets in the order of the stream on request", () => {
  const board = new Scoreboard<{ overheadBytes: number }>();
  const packets = Array.from({ length: 3 }, () => {
    const packet = board.create();
    board.addSent(packet);
    return packet;
  });
  for (const index of [2, 0, 1]) board.markLost(packets[index]!);
  board.sortLost();
  assert.equal(board.peekLost()!.seq, 0);
});

Deno.test("UDX-030 ReadAssembler joins plain payloads", () => {
  const reads = new ReadAssembler(false);
  reads.append(new Uint8Array([1, 2]));
  reads.append(new Uint8Array([3]));
  assert.deepEqual([...reads.take()!], [1, 2, 3]);
  assert.equal(reads.take(), null);
  assert.equal(reads.byteLength, 0);
});

Deno.test("UDX-030 ReadAssembler holds a frame back until it is whole", () => {
  const reads = new ReadAssembler(true);
  reads.append(new Uint8Array([4, 0, 0, 1, 2]));
  assert.equal(reads.take(), null);
  reads.append(new Uint8Array([3, 4]));
  assert.deepEqual([...reads.take()!], [4, 0, 0, 1, 2, 3, 4]);
  reads.append(new Uint8Array([1, 0, 0, 9]));
  assert.deepEqual([...reads.take()!], [1, 0, 0, 9]);
  assert.equal(reads.isFramed, true);
});

Deno.test("UDX-030 ReadAssembler turns plain when packets do not bear the framing out", () => {
  const short = new ReadAssembler(true);
  short.append(new Uint8Array([1, 0]));
  assert.equal(short.isFramed, false);
  assert.deepEqual([...short.take()!], [1, 0]);
  const long = new ReadAssembler(true);
  long.append(new Uint8Array([1, 0, 0, 9, 9]));
  assert.equal(long.isFramed, false);
  assert.deepEqual([...long.take()!], [1, 0, 0, 9, 9]);
});

Deno.test("UDX-030 ReadAssembler gives a large frame out in pieces, and an unfinished one at the end", () => {
  const reads = new ReadAssembler(true);
  const packet = new Uint8Array(1000);
  packet.set([0xa0, 0x86, 0x01]);
  for (let sent = 0; sent < 100_003; sent += 1000) {
    reads.append(sent === 0 ? packet : new Uint8Array(Math.min(1000, 100_003 - sent)));
  }
  let total = 0;
  for (let chunk = reads.take(); chunk; chunk = reads.take()) total += chunk.length;
  assert.equal(total, 100_003);
  assert.equal(reads.isFramed, true);
  reads.append(new Uint8Array([9, 0, 0, 1]));
  assert.equal(reads.take(), null);
  assert.deepEqual([...reads.take(true)!], [9, 0, 0, 1]);
});

Deno.test("UDX-030 ReadAssembler takes little memory at first, twice as much each time, and frames stay whole", () => {
  const reads = new ReadAssembler(true);
  const sizes: number[] = [];
  for (const frameBytes of [20, 3000, 3000, 10_000, 60_000]) {
    const frame = Uint8Array.from({ length: frameBytes }, (_, i) => i);
    frame.set([frameBytes - 3, (frameBytes - 3) >> 8, 0]);
    for (let start = 0; start < frameBytes; start += 1000) reads.append(frame.subarray(start, start + 1000));
    const chunk = reads.take()!;
    assert.deepEqual(Uint8Array.from(chunk), frame);
    sizes.push(chunk.buffer.byteLength);
    assert.equal(reads.take(), null);
  }
  assert.deepEqual(sizes, [4096, 4096, 8192, 16_384, 65_536]);
  assert.equal(reads.isFramed, true);
});

Deno.test("Slab takes little memory at first, twice as much each time", () => {
  const slab = new Slab();
  const sizes = new Set<number>();
  for (let i = 0; i < 200; i++) sizes.add(slab.allocate(1200).buffer.byteLength);
  assert.deepEqual([...sizes], [4096, 8192, 16_384, 32_768, 65_536]);
  assert.equal(slab.allocate(100_000).buffer.byteLength, 100_000);
});

Deno.test("UDX-038 WindowTuner starts with a small window and widens it twice as fast as data arrives", () => {
  const tuner = new WindowTuner();
  assert.equal(tuner.limitBytes, 128 * 1024);
  for (let seq = 0; seq < 100; seq++) tuner.handleArrival(seq, 1000, 1);
  assert.equal(tuner.limitBytes, 128 * 1024 + 2 * 100 * 1000);
  for (let seq = 100; seq < 3000; seq++) tuner.handleArrival(seq, 1000, 1);
  assert.equal(tuner.limitBytes, 4 * 1024 * 1024);
});

Deno.test("UDX-038 WindowTuner narrows the window under heavy loss and widens it again", () => {
  const tuner = new WindowTuner();
  for (let seq = 0; seq < 4 * 256; seq += 2) tuner.handleArrival(seq, 0, 0.1);
  assert.equal(tuner.limitBytes, 65_536); // 128 KiB by 0.7, no less than 64 KiB
  for (let seq = 2000; seq < 2000 + 128; seq++) tuner.handleArrival(seq, 0, 0.1);
  assert.equal(tuner.limitBytes, 65_536); // the gap of 976
  for (let seq = 2128; seq < 2128 + 128 * 10; seq++) tuner.handleArrival(seq, 0, 0.1);
  assert.equal(tuner.limitBytes, 79_882); // by 1.02, ten times
});

Deno.test("UDX-038 WindowTuner leaves the window alone under four per cent of loss", () => {
  const tuner = new WindowTuner();
  for (let seq = 0; seq < 10_000; seq++) if (seq % 25 !== 0) tuner.handleArrival(seq, 1000, 1);
  assert.equal(tuner.limitBytes, 4 * 1024 * 1024);
});

Deno.test("UDX-038 WindowTuner leaves room for the round trip, and leaves an unknown one alone", () => {
  const leasts = [0.01, 1, 10, Infinity].map((leastRttMs) => {
    const tuner = new WindowTuner();
    for (let seq = 0; seq < 2000; seq++) tuner.handleArrival(seq, 2000, 1);
    for (let seq = 2000; seq < 100_000; seq += 2) tuner.handleArrival(seq, 1000, leastRttMs);
    return tuner.limitBytes;
  });
  assert.deepEqual(leasts, [64 * 1024, 256 * 1024, 10 * 256 * 1024, 4 * 1024 * 1024]);
});

Deno.test("UDX-038 WindowTuner asks for the round trip, and again while packets get lost", () => {
  const tuner = new WindowTuner();
  const asks = (leastRttMs: number, step: number): number[] => {
    const seqs: number[] = [];
    for (let i = 0; i < 256; i++) if (tuner.handleArrival(i * step, 1000, leastRttMs)) seqs.push(i);
    return seqs;
  };
  assert.deepEqual(asks(Infinity, 1), [127, 255]);
  assert.deepEqual(asks(1, 1), []);
  assert.deepEqual(asks(1, 2), [255]); // what comes before is old
});

Deno.test("UDX-038 WindowTuner does not take overtaken packets for lost ones", () => {
  const tuner = new WindowTuner();
  for (let seq = 0; seq < 10_000; seq += 5) {
    for (let i = 4; i >= 0; i--) tuner.handleArrival(seq + i, 1000, 1);
  }
  assert.equal(tuner.limitBytes, 4 * 1024 * 1024);
});

Deno.test("ClosedStreams answers only what asks, for a while", () => {
  const closed = new ClosedStreams<{ overheadBytes: number }>();
  const reply = { bytes: new Uint8Array(20), path: { overheadBytes: 48 } };
  closed.add(7, { reply, lingerMs: 1000 }, 0);
  assert.equal(closed.answer(7, 1, 10), reply);
  assert.equal(closed.answer(7, 32, 10), reply);
  assert.equal(closed.answer(7, 4, 10), null);
  assert.equal(closed.answer(7, 16, 10), null);
  assert.equal(closed.answer(8, 1, 10), undefined);
  assert.equal(closed.answer(7, 1, 1000), undefined);
});

Deno.test("ClosedStreams remembers a bounded number", () => {
  const closed = new ClosedStreams<{ overheadBytes: number }>();
  const reply = { bytes: new Uint8Array(20), path: { overheadBytes: 48 } };
  for (let id = 0; id <= 1024; id++) closed.add(id, { reply, lingerMs: 1000 }, 0);
  assert.equal(closed.size, 1024);
  assert.equal(closed.answer(0, 1, 1), undefined);
  assert.equal(closed.answer(1024, 1, 1), reply);
});

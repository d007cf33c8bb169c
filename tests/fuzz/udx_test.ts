/** Hostile packets during a transfer: it completes or ends with a typed error, in bounded time and memory. */
import { strict as assert } from "node:assert";
import { SeededRandom } from "../../src/base/mod.ts";
import { decodePacket, encodeHeader, PacketView, writeUint32 } from "../../src/udx/messages.ts";
import { StreamMachine } from "../../src/udx/stream_machine.ts";
import { Link, VirtualTime } from "../sim/network.ts";
import { connectPeers, type StreamPeer } from "../sim/support/stream_peer.ts";

const SEED_COUNT = 30;

/** Virtual time that an attack lasts: a stalled stream may take as long as it is told lies. */
const ATTACK_MS = 2000;
const BUFFERED_BYTES_MAX = 13 * 1024 * 1024;

/** How an attacker who sees the traffic, but cannot stop it, makes packets. */
type Attack = (random: SeededRandom, seen: readonly Uint8Array[]) => Uint8Array;

function pick<T>(random: SeededRandom, list: readonly T[]): T {
  return list[Math.floor(random.next() * list.length)]!;
}

function noise(random: SeededRandom, byteLength: number): Uint8Array {
  return Uint8Array.from({ length: byteLength }, () => Math.floor(random.next() * 256));
}

function uint32(random: SeededRandom): number {
  return Math.floor(random.next() * 2 ** 32);
}

/** A copy of a packet that passed, or a made-up one before any did. */
function copied(random: SeededRandom, seen: readonly Uint8Array[]): Uint8Array {
  return seen.length > 0 ? pick(random, seen).slice() : forged(random);
}

function forged(random: SeededRandom): Uint8Array {
  const bytes = new Uint8Array(20 + Math.floor(random.next() * 100));
  const flags = Math.floor(random.next() * 64) & ~16;
  encodeHeader(
    bytes,
    flags,
    Math.floor(random.next() * 40),
    1 + Math.floor(random.next() * 2),
    uint32(random),
    0,
    0,
  );
  writeUint32(bytes, 12, uint32(random));
  writeUint32(bytes, 16, uint32(random));
  return bytes;
}

const ATTACKS: Record<string, Attack> = {
  noise: (random) => noise(random, Math.floor(random.next() * 1500)),
  "noise behind a header": (random) => {
    const bytes = noise(random, 20 + Math.floor(random.next() * 200));
    bytes.set([0xff, 1]);
    bytes[2]! &= ~16;
    writeUint32(bytes, 4, 1 + Math.floor(random.next() * 2));
    return bytes;
  },
  forged,
  replayed: copied,
  truncated: (random, seen) => {
    const bytes = copied(random, seen);
    // A truncated data packet is a forgery that no checksum catches: cut within the header only.
    return bytes.subarray(0, Math.floor(random.next() * 20));
  },
  "acknowledging what was never sent": (random, seen) => {
    const bytes = copied(random, seen).slice(0, 20);
    bytes[2] = 0;
    bytes[3] = 0;
    writeUint32(bytes, 16, uint32(random));
    return bytes;
  },
  "floods of ranges": (random, seen) => {
    const header = copied(random, seen).subarray(0, 20);
    const bytes = new Uint8Array(20 + 8 * 180);
    bytes.set(header);
    bytes[2] = 4;
    bytes[3] = 0;
    const base = uint32(random);
    for (let i = 0; i < 360; i++) {
      writeUint32(bytes, 20 + 4 * i, (base + i * Math.floor(random.next() * 5)) >>> 0);
    }
    return bytes;
  },
  "data far ahead": (random, seen) => {
    const bytes = copied(random, seen);
    if (bytes.length < 20) return bytes;
    const view = new PacketView();
    decodePacket(bytes, view);
    bytes[2] = 1;
    writeUint32(bytes, 12, (view.seq + 8192 + Math.floor(random.next() * 2 ** 30)) >>> 0);
    return bytes;
  },
  "windows of zero": (random, seen) => {
    const bytes = copied(random, seen).slice(0, 20);
    bytes[2] = 0;
    bytes[3] = 0;
    writeUint32(bytes, 8, 0);
    return bytes;
  },
};

function attackTransfer(attack: Attack, seed: number, what: string): void {
  const random = new SeededRandom(seed);
  const time = new VirtualTime();
  const link = new Link(time, random, { latencyMs: 5, lossRate: 0.01, bytesPerMs: 2000, queueBytes: 50_000 });
  const back = new Link(time, random, { latencyMs: 5 });
  const upload = { byteLength: 60_000, chunkBytes: 5000 };
  const [a, b] = connectPeers(time, { forth: link, back }, { forth: upload, back: upload }, seed);
  const seen: Uint8Array[] = [];
  const record = (peer: StreamPeer): void => {
    const receive = peer.receive.bind(peer);
    peer.receive = (bytes) => {
      if (seen.length < 50) seen.push(bytes.slice());
      receive(bytes);
    };
  };
  record(a);
  record(b);
  const strike = (): void => {
    for (let i = 0; i < 3; i++) pick(random, [a, b]).receive(attack(random, seen));
    if (!(a.closed && b.closed) && time.nowMs < ATTACK_MS) time.at(time.nowMs + 0.5 + random.next(), strike);
  };
  strike();
  let steps = 0;
  while (!(a.closed && b.closed) && time.step(120_000)) assert(++steps < 1_000_000, `${what}: spins`);
  for (const peer of [a, b]) {
    assert(peer.closed, `${what}: stuck at ${time.nowMs} ms`);
    assert(peer.bufferedBytesMax < BUFFERED_BYTES_MAX, `${what}: holds ${peer.bufferedBytesMax} bytes`);
    const { error } = peer.closed;
    if (error) assert(["ECONNRESET", "ETIMEDOUT"].includes(error.code), `${what}: ${error.code}`);
  }
}

for (const [name, attack] of Object.entries(ATTACKS)) {
  Deno.test(`UDX-035 a transfer survives or ends under attack: ${name}`, () => {
    for (let seed = 1; seed <= SEED_COUNT; seed++) attackTransfer(attack, seed, `${name}, seed ${seed}`);
  });
}

Deno.test("UDX-035 noise and truncated packets do no harm at all", () => {
  for (
    const name of ["truncated", "noise"]
  ) {
    for (let seed = 1; seed <= 20; seed++) {
      const random = new SeededRandom(seed);
      const time = new VirtualTime();
      const links = {
        forth: new Link(time, random, { latencyMs: 5 }),
        back: new Link(time, random, { latencyMs: 5 }),
      };
      const upload = { byteLength: 30_000, chunkBytes: 5000 };
      const [a, b] = connectPeers(time, links, { forth: upload, back: upload }, seed);
      const strike = (): void => {
        b.receive(ATTACKS[name]!(random, []));
        if (!(a.closed && b.closed) && time.nowMs < 1000) time.at(time.nowMs + 0.5, strike);
      };
      strike();
      while (!(a.closed && b.closed) && time.step(120_000));
      assert.equal(a.closed?.error, null, `${name}, seed ${seed}`);
      assert.equal(b.receivedBytes, upload.byteLength, `${name}, seed ${seed}`);
      assert.equal(b.corruptAt, -1, `${name}, seed ${seed}`);
    }
  }
});

Deno.test("UDX-035 a flood of packets costs microseconds each", () => {
  const random = new SeededRandom(3);
  const machine = new StreamMachine<{ overheadBytes: number }>(0, { random });
  machine.connect(0, 2, { overheadBytes: 48 });
  // The worst case: a full flight for ranges to point into.
  machine.write(0, new Uint8Array(4_000_000));
  const sent: Uint8Array[] = [];
  for (let out = machine.pollTransmit(0); out; out = machine.pollTransmit(0)) sent.push(out.bytes.slice());
  const view = new PacketView();
  const packets = Array.from(
    { length: 1000 },
    (_, i) => pick(random, Object.values(ATTACKS))(random, sent.slice(i % 5)),
  );
  const startedAt = performance.now();
  let count = 0;
  for (let round = 0; round < 20; round++) {
    for (const packet of packets) {
      if (decodePacket(packet, view)) machine.handlePacket(view, round);
      count++;
    }
    while (machine.pollTransmit(round));
    while (machine.pollRead());
    while (machine.pollEvent());
  }
  const microseconds = (1000 * (performance.now() - startedAt)) / count;
  assert(microseconds < 200, `${microseconds} us per packet`);
  assert(machine.bufferedBytes < BUFFERED_BYTES_MAX);
});

Deno.test("UDX-W01 decodePacket() takes any bytes", () => {
  const random = new SeededRandom(9);
  const view = new PacketView();
  for (let i = 0; i < 20_000; i++) {
    const bytes = noise(random, Math.floor(random.next() * 60));
    if (bytes.length > 2 && random.next() < 0.8) bytes.set([0xff, 1]);
    if (!decodePacket(bytes, view)) continue;
    for (let j = 0; j < view.sackCount; j++) assert(view.sackEnd(j) >= 0 && view.sackStart(j) >= 0);
    assert(view.payload.length <= bytes.length);
  }
});

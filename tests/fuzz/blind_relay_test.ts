/**
 * Random bytes against the messages, random programs against the relay machine, and mutated traffic against relays
 * and clients. A failure names the seed of its round.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexText, SeededRandom } from "../../src/base/mod.ts";
import relay, { DEFAULT_LIMITS, type RelayLimits } from "../../src/blind_relay/mod.ts";
import { type Pair, RelayMachine } from "../../src/blind_relay/relay_machine.ts";
import c, { EncodingError } from "../../src/compact_encoding/mod.ts";
import UDX from "../../src/udx/mod.ts";
import { memoryPair, type WireTap } from "../helpers/memory_pair.ts";
import { settle } from "../unit/blind_relay/relay_net.ts";

const FIRST_SEED = 20_261_125;

/** Random choices of one round. */
class Dice {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  /** An integer below `end`. */
  below(end: number): number {
    return Math.floor(this.#random.next() * end);
  }

  bytes(byteLength: number): Uint8Array {
    return Uint8Array.from({ length: byteLength }, () => this.below(256));
  }

  /** Flips a bit, cuts the end off, or puts random bytes behind. */
  damage(bytes: Uint8Array): Uint8Array {
    const at = this.below(bytes.byteLength);
    if (this.below(3) === 0) return bytes.slice(0, at);
    if (this.below(3) === 0) return Uint8Array.from([...bytes, ...this.bytes(1 + this.below(20))]);
    const flipped = bytes.slice();
    flipped[at]! ^= 1 << this.below(8);
    return flipped;
  }
}

/** Runs `round` with seeds in a row. */
function fuzz(name: string, rounds: number, round: (dice: Dice) => void | Promise<void>): void {
  Deno.test(name, async () => {
    for (let seed = FIRST_SEED; seed < FIRST_SEED + rounds; seed++) {
      try {
        await round(new Dice(seed));
      } catch (cause) {
        throw new Error(`Seed ${seed} fails: ${(cause as Error).message}`, { cause });
      }
    }
  });
}

fuzz(
  "BR-011 BR-W02 the decoders refuse with an EncodingError or give a message that encodes to itself",
  20_000,
  (dice) => {
    const message = {
      isInitiator: dice.below(2) === 1,
      token: dice.bytes(32),
      id: dice.below(2 ** 32),
      seq: 0,
    };
    const bytes = dice.damage(c.encode(relay.messages.pair, message));
    for (const codec of [relay.messages.pair, relay.messages.unpair]) {
      try {
        const decoded = c.decode<unknown>(codec, bytes) as typeof message;
        const again = c.decode<unknown>(codec, c.encode<unknown>(codec, decoded)) as typeof message;
        assert.deepEqual([again.isInitiator, again.id], [decoded.isInitiator, decoded.id]);
        assert.equal(hexText(again.token), hexText(decoded.token));
      } catch (error) {
        if (!(error instanceof EncodingError) && !(error instanceof RangeError)) throw error;
      }
    }
  },
);

interface Session {
  readonly id: number;
  isOpen: boolean;
}

fuzz("BR-001 the relay machine keeps its counts and its limits under random programs", 400, (dice) => {
  const limits: RelayLimits = {
    ...DEFAULT_LIMITS,
    sessionsMax: 1 + dice.below(6),
    pairsMax: 1 + dice.below(6),
    pairsPerSessionMax: 1 + dice.below(4),
    pendingMax: 1 + dice.below(6),
    pendingMs: 1 + dice.below(100),
    pairMs: 1 + dice.below(500),
    idleMs: 1 + dice.below(100),
    pairBytesMax: 1 + dice.below(20_000),
    pairBytesPerSecond: 1 + dice.below(1_000_000),
  };
  const machine = new RelayMachine<Session>(limits);
  const sessions: Session[] = [];
  const pairs = new Set<Pair<Session>>();
  const relayed = new Map<Pair<Session>, number>();
  let [nowMs, refusedCount, expiredCount] = [0, 0, 0];
  const drain = (): void => {
    for (let event = machine.pollEvent(); event; event = machine.pollEvent()) {
      if (event.kind === "matched") {
        const [first, second] = event.pair.ends;
        assert.deepEqual([first.isInitiator, second.isInitiator], [false, true]);
        assert.ok(first.session.isOpen && second.session.isOpen);
        pairs.add(event.pair);
      } else if (event.kind === "ended") {
        assert.ok(pairs.delete(event.pair), "ended once");
      } else if (event.error.code === "PAIRING_TIMED_OUT") expiredCount++;
      else refusedCount++;
    }
  };
  for (let step = 0; step < 300; step++) {
    nowMs += dice.below(8);
    if (machine.deadlineMs <= nowMs) machine.handleTimeout(nowMs);
    drain();
    const session = sessions[dice.below(sessions.length)];
    const token = new Uint8Array(32).fill(dice.below(4));
    const pair = [...pairs][dice.below(pairs.size)];
    const kind = dice.below(12);
    if (kind === 0 || session === undefined) {
      const fresh = { id: step, isOpen: true };
      const openCount = sessions.filter(({ isOpen }) => isOpen).length;
      assert.equal(machine.handleSession(fresh), openCount < limits.sessionsMax);
      if (openCount < limits.sessionsMax) sessions.push(fresh);
    } else if (kind === 1) {
      session.isOpen = false;
      machine.handleSessionEnd(session, new Error("gone"));
    } else if (kind < 7) {
      machine.handlePair(session, { isInitiator: dice.below(2) === 1, token, id: step, seq: 0 }, nowMs);
    } else if (kind === 7) machine.handleUnpair(session, token);
    else if (pair !== undefined && kind < 11) {
      const byteLength = 20 + dice.below(1480);
      if (machine.handlePacket(pair, dice.below(2) === 1, byteLength, nowMs) < Infinity) {
        relayed.set(pair, (relayed.get(pair) ?? 0) + byteLength);
        assert.ok(relayed.get(pair)! <= limits.pairBytesMax);
      }
    } else if (pair !== undefined) {
      machine.handleStreamClose(pair, true);
      machine.handleStreamClose(pair, false);
      pairs.delete(pair);
    }
    drain();
    const { pending, active, matched, requested, cancelled, refused, ended } = machine.pairings;
    assert.equal(active, pairs.size);
    assert.ok(active <= limits.pairsMax && pending <= limits.pendingMax && pending >= 0);
    assert.equal(refused, refusedCount);
    assert.ok(ended >= expiredCount && cancelled >= 0 && requested >= 2 * matched);
    const waitingSessions = sessions.filter((candidate) => machine.isPairing(candidate)).length;
    assert.ok(waitingSessions <= pending);
    for (const candidate of sessions) {
      const held = [...pairs].filter(({ ends }) => ends.some((end) => end.session === candidate)).length;
      assert.ok(held <= limits.pairsPerSessionMax);
    }
  }
  for (const session of sessions) machine.handleSessionEnd(session, new Error("over"));
  drain();
  assert.deepEqual([machine.pairings.active, machine.pairings.pending, machine.deadlineMs], [0, 0, Infinity]);
});

fuzz("BR-002 BR-006 relays and clients survive damaged and random frames", 300, async (dice) => {
  const rate = dice.below(4);
  const tap: WireTap = (frame) => {
    if (dice.below(4) < rate) return [dice.damage(frame)];
    return dice.below(10) === 0 ? [frame, frame] : [frame];
  };
  const udx = new UDX();
  let lastId = 0;
  const server = new relay.Server({
    createStream: (options) => udx.createStream(++lastId, options),
    limits: { pairsPerSessionMax: 8 },
  });
  const wires = Array.from({ length: 2 }, () => memoryPair({ leftToRight: tap, rightToLeft: tap }));
  const clients = wires.map(([near, far]) => {
    for (const end of [near, far]) end.on("error", () => {});
    server.accept(far);
    const client = new relay.Client(near);
    return client;
  });
  for (let step = 0; step < 10; step++) {
    const client = clients[dice.below(2)]!;
    const token = new Uint8Array(32).fill(dice.below(5));
    try {
      if (dice.below(4) === 0) client.unpair(token);
      else client.pair(dice.below(2) === 1, token, { id: step }).on("error", () => {}).resume();
    } catch (error) {
      assert.match((error as { code: string }).code, /^(ALREADY_PAIRING|CHANNEL_CLOSED|CHANNEL_DESTROYED)$/);
    }
    if (dice.below(5) === 0) wires[dice.below(2)]![1].push(dice.bytes(1 + dice.below(60)));
    await settle();
  }
  for (const wire of wires.flat()) wire.destroy();
  await server[Symbol.asyncDispose]();
  await settle();
  const { pairings, streams, sessions } = server.stats;
  assert.deepEqual([pairings.pending, pairings.active, sessions.active, streams.active], [0, 0, 0, 0]);
});

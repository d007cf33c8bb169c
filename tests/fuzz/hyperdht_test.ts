/** Random and damaged input for every decoder and machine of HyperDHT: nothing throws, everything stays bounded. */
import { strict as assert } from "node:assert";
import { copyBytes, hexBytes, SeededRandom, viewBytes } from "../../src/base/mod.ts";
import { encode, EncodingError, uint } from "../../src/compact_encoding/mod.ts";
import { AnnouncerMachine } from "../../src/hyperdht/announcer_machine.ts";
import { AgeingCache, RecordCache } from "../../src/hyperdht/caches.ts";
import { ConnectMachine } from "../../src/hyperdht/connect_machine.ts";
import * as messages from "../../src/hyperdht/messages.ts";
import DHT, { address, NoiseWrap } from "../../src/hyperdht/mod.ts";
import { RecordStore, type StoreRequest } from "../../src/hyperdht/record_store.ts";
import { RouterMachine } from "../../src/hyperdht/router_machine.ts";
import { ServerMachine } from "../../src/hyperdht/server_machine.ts";
import recorded from "../vectors/hyperdht/messages.json" with { type: "json" };

const RUNS = 300;

/** Draws of all kinds from one seed. */
class Draw {
  readonly random: SeededRandom;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  below(count: number): number {
    return Math.floor(this.random.next() * count);
  }

  bytes(byteLength = this.below(200)): Uint8Array {
    return Uint8Array.from({ length: byteLength }, () => this.below(256));
  }

  pick<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  address(): messages.PeerAddress {
    return { host: `${this.below(256)}.${this.below(256)}.0.${this.below(4)}`, port: this.below(4) * 20_000 };
  }

  /** `bytes` with some bits flipped, cut short, or with more behind them. */
  damaged(bytes: Uint8Array): Uint8Array {
    const copy = Uint8Array.from(bytes);
    for (let flips = this.below(4); flips > 0 && copy.byteLength > 0; flips--) {
      copy[this.below(copy.byteLength)]! ^= 1 << this.below(8);
    }
    if (this.below(4) === 0) return copy.subarray(0, this.below(copy.byteLength + 1));
    return this.below(6) === 0 ? Uint8Array.from([...copy, ...this.bytes(20)]) : copy;
  }
}

/** Runs `program` for seeds 1 to `runs`; a failure names its seed. */
function fuzz(runs: number, program: (draw: Draw) => void): void {
  for (let seed = 1; seed <= runs; seed++) {
    try {
      program(new Draw(seed));
    } catch (cause) {
      throw new Error(`Seed ${seed} failed`, { cause });
    }
  }
}

const SAMPLES = recorded.messages.map(({ hex }) => hexBytes(hex));
const CODECS = [
  messages.handshake,
  messages.noisePayload,
  messages.holepunch,
  messages.holepunchPayload,
  messages.peer,
  messages.peers,
  messages.lookupRawReply,
  messages.announce,
  messages.mutableSignable,
  messages.mutablePut,
  messages.mutableRecord,
  messages.pluginRequest,
];

Deno.test("DHT-W03 every decoder takes any bytes, and what it reads can be written", () => {
  fuzz(20 * RUNS, (draw) => {
    const bytes = draw.below(3) === 0 ? draw.bytes() : draw.damaged(draw.pick(SAMPLES));
    for (const codec of CODECS) {
      const value = messages.tryDecode<unknown, unknown>(codec as never, viewBytes(bytes));
      if (value === null || codec === messages.lookupRawReply) continue;
      const again = messages.tryDecode<unknown, unknown>(codec as never, encode(codec as never, value));
      if (isOurVersion(value)) assert.deepEqual(again, value);
    }
    try {
      address.decode(bytes);
    } catch (error) {
      assert.ok(error instanceof EncodingError);
    }
  });
});

/** Whether the versions are those that we write. */
function isOurVersion(value: unknown): boolean {
  const { version = 1, udx, secretStream, relayThrough } = value as messages.NoisePayload;
  return [version, udx?.version, secretStream?.version, relayThrough?.version].every((v = 1) => v === 1);
}

Deno.test("DHT-W04 handshakes of any bytes are refused, and true ones still pass afterwards", () => {
  const [client, server] = [DHT.keyPair(new Uint8Array(32).fill(1)), DHT.keyPair(new Uint8Array(32).fill(2))];
  fuzz(20, (draw) => {
    const [a, b] = [new NoiseWrap(client, server.publicKey), new NoiseWrap(server, null)];
    const payload = { error: 0, firewall: 0, udx: { reusableSocket: false, id: draw.below(1000), seq: 0 } };
    const first = copyBytes(a.send(payload));
    const forged = draw.damaged(first);
    if (!isEqual(forged, first)) {
      assert.throws(() => new NoiseWrap(server, null).recv(forged), { code: "HANDSHAKE_INVALID" });
    }
    b.recv(first);
    const second = copyBytes(b.send(payload));
    for (let tries = 0; tries < 3; tries++) {
      const forged = draw.below(2) === 0 ? draw.bytes() : draw.damaged(second);
      if (!isEqual(forged, second)) assert.throws(() => a.recv(forged), { code: "HANDSHAKE_INVALID" });
    }
    a.recv(second);
    assert.deepEqual(a.final().hash, b.final().hash);
  });
});

function isEqual(a: Uint8Array, b: Uint8Array): boolean {
  return a.byteLength === b.byteLength && a.every((byte, i) => byte === b[i]);
}

Deno.test("DHT-078 a router never throws, never answers without being asked, and keeps its bound", () => {
  fuzz(RUNS, (draw) => {
    const machine = new RouterMachine<string>({ maxSize: 20, maxAgeMs: 1000 });
    let nowMs = 0;
    for (let step = 0; step < 60; step++) {
      nowMs += draw.below(300);
      const target = draw.below(8) === 0 ? null : new Uint8Array(32).fill(draw.below(60));
      const from = draw.address();
      switch (draw.below(6)) {
        case 0:
          machine.addRelay(target ?? new Uint8Array(32), from, draw.bytes(33), nowMs);
          break;
        case 1:
          if (draw.below(4) === 0) machine.addServer(target ?? new Uint8Array(32), "server", draw.bytes(33));
          break;
        case 2:
          machine.removeRelay(target ?? new Uint8Array(32));
          break;
        default: {
          const value = draw.below(4) === 0 ? draw.bytes() : encode(messages.handshake, {
            mode: draw.below(6),
            noise: draw.bytes(20),
            peerAddress: draw.below(2) === 0 ? draw.address() : null,
            relayAddress: draw.below(2) === 0 ? draw.address() : null,
          });
          const action = machine.handleHandshake(target, value, from, nowMs);
          if (action.kind === "handshake") machine.answerHandshake(action.message, draw.bytes(), from);
          if (action.kind === "relay" || action.kind === "reply") assert.notEqual(action.to?.port, 0);
          const punch = draw.below(4) === 0 ? draw.bytes() : encode(messages.holepunch, {
            mode: draw.below(6),
            id: draw.below(1000),
            payload: draw.bytes(30),
            peerAddress: draw.below(2) === 0 ? draw.address() : null,
          });
          const punched = machine.handleHolepunch(target, punch, from, nowMs);
          if (punched.kind === "holepunch") machine.answerHolepunch(punched.message, draw.bytes(), from);
        }
      }
      assert.ok(machine.size <= 40 + 60);
    }
  });
});

Deno.test("DHT-080 a store takes any request and keeps nothing that is not signed", () => {
  const target = DHT.hash(new Uint8Array(3));
  fuzz(RUNS, (draw) => {
    const routes = new RouterMachine<string>({ maxSize: 20, maxAgeMs: 1000 });
    const store = new RecordStore({
      records: { maxSize: 20, maxAgeMs: 1000 },
      values: { maxSize: 20, maxAgeMs: 1000 },
      routes,
      random: draw.random,
    });
    const methods = [
      store.handleFindPeer,
      store.handleLookup,
      store.handleAnnounce,
      store.handleUnannounce,
      store.handleMutableGet,
      store.handleMutablePut,
      store.handleImmutableGet,
    ];
    for (let step = 0; step < 20; step++) {
      const request: StoreRequest = {
        target: draw.below(6) === 0 ? null : target,
        token: draw.below(3) === 0 ? null : draw.bytes(32),
        value: draw.below(6) === 0 ? null : draw.damaged(draw.pick(SAMPLES)),
        from: draw.address(),
        nodeId: draw.bytes(32),
        nowMs: step * draw.below(200),
        wallMs: 1_770_000_000_000,
      };
      const { kind } = draw.pick(methods).call(store, request);
      assert.ok(["drop", "value"].includes(kind), kind);
    }
    assert.deepEqual(store.counts, { records: 0, refreshes: 0, bumps: 0, mutables: 0, immutables: 0 });
    assert.equal(routes.size, 0);
  });
});

Deno.test("DHT-010 DHT-080 caches agree with a plain map as long as nothing is forgotten, and keep their bounds", () => {
  fuzz(RUNS, (draw) => {
    const cache = new AgeingCache<number>({ maxSize: 16, maxAgeMs: 600 });
    const records = new RecordCache({ maxSize: 16, maxAgeMs: 600 }, draw.random);
    const last = new Map<string, { value: number; usedMs: number }>();
    let nowMs = 0;
    for (let step = 0; step < 200; step++) {
      nowMs += draw.below(30);
      const key = `${draw.below(12)}`;
      switch (draw.below(4)) {
        case 0:
          cache.set(key, step, nowMs);
          last.set(key, { value: step, usedMs: nowMs });
          records.add(`topic ${draw.below(3)}`, key, Uint8Array.of(step), nowMs);
          break;
        case 1:
          cache.delete(key);
          last.delete(key);
          records.remove(`topic ${draw.below(3)}`, key);
          break;
        default: {
          const value = cache.get(key, nowMs);
          const known = last.get(key);
          if (value !== null) assert.equal(value, known?.value);
          // Young ones are always there.
          if (known !== undefined && nowMs - known.usedMs < 400) assert.equal(value, known.value);
          if (known !== undefined && value !== null) known.usedMs = nowMs;
          assert.ok(records.get(`topic ${draw.below(3)}`, 5, nowMs).length <= 5);
        }
      }
      assert.ok(cache.size <= 32 && records.size <= 34);
    }
  });
});

Deno.test("DHT-025 a server's table survives any order of events and keeps its bounds", () => {
  fuzz(RUNS, (draw) => {
    const machine = new ServerMachine({ clearWaitMs: 500, halfOpenMax: 10, handshakesMax: 30 });
    let nowMs = 0;
    const live = new Set<number>();
    for (let step = 0; step < 300; step++) {
      nowMs += draw.below(400);
      const id = draw.below(60);
      switch (draw.below(8)) {
        case 0:
          machine.wait(id, nowMs);
          break;
        case 1:
          machine.punch(id);
          break;
        case 2:
          machine.relay(id);
          break;
        case 3:
          machine.finish(id, nowMs);
          break;
        case 4:
          machine.handleTimeout(nowMs);
          break;
        default: {
          const begun = machine.begin(
            `${draw.below(80)}`,
            { host: `1.1.1.${draw.below(9)}`, port: 1 },
            nowMs,
          );
          if (begun.kind === "new") live.add(begun.id);
        }
      }
      for (let event = machine.pollEvent(); event !== null; event = machine.pollEvent()) {
        if (event.kind === "forgotten") assert.ok(live.delete(event.id));
      }
      assert.equal(machine.size, live.size);
      assert.ok(machine.halfOpenCount >= 0 && machine.halfOpenCount <= 11 + 30);
      assert.ok(machine.size <= 30);
    }
    machine.clear();
    assert.equal(machine.halfOpenCount, 0);
  });
});

Deno.test("DHT-044 a connect ends once at most, whatever happens in which order", () => {
  fuzz(10 * RUNS, (draw) => {
    const machine = new ConnectMachine<string>({
      nowMs: 0,
      wallMs: 0,
      route: draw.below(4) === 0 ? { socket: "route", address: draw.address() } : null,
      relayAddresses: Array.from({ length: draw.below(4) }, () => draw.address()),
      isLanAllowed: draw.below(2) === 0,
      isRelayWanted: draw.below(3) === 0,
    });
    machine.start(0);
    let [nowMs, opened, failed, attempts] = [0, 0, 0, 0];
    const error = Object.assign(new Error("x"), { code: "X" });
    for (let step = 0; step < 80; step++) {
      for (let action = machine.pollAction(); action !== null; action = machine.pollAction()) {
        if (action.kind === "handshake") attempts = action.attempt + 1;
        if (action.kind === "open") opened++;
        if (action.kind === "fail") failed++;
      }
      nowMs += draw.below(3000);
      const attempt = draw.below(attempts + 2);
      switch (draw.below(11)) {
        case 0:
        case 1:
          machine.handleFound(draw.address(), nowMs);
          break;
        case 2:
          machine.handleFindEnd(
            { error: draw.below(10) === 0 ? error : null, answerCount: draw.below(3) },
            nowMs,
          );
          break;
        case 3:
          machine.handleAttemptFailed(attempt, error, nowMs);
          break;
        case 4: {
          const payload = messages.tryDecode(messages.noisePayload, draw.damaged(draw.pick(SAMPLES)));
          if (payload === null) break;
          machine.handleReply(attempt, {
            payload,
            serverAddress: draw.address(),
            clientAddress: draw.address(),
            isRelayed: draw.below(4) !== 0,
          }, nowMs);
          break;
        }
        case 5:
          if (draw.below(4) === 0) machine.handleIncoming({ socket: "in", address: draw.address() }, nowMs);
          break;
        case 6:
          if (draw.below(2) === 0) machine.handleRelayed(nowMs);
          else machine.handleRelayFailed(error, nowMs);
          break;
        case 7:
          machine.handlePong(draw.below(2) === 0 ? null : error, nowMs);
          break;
        case 8:
          if (draw.below(2) === 0) machine.handlePunched({ socket: "hole", address: draw.address() }, nowMs);
          else machine.handlePunchFailed(error, nowMs);
          break;
        case 9:
          machine.handleTimeout(nowMs);
          break;
        case 10:
          if (draw.below(5) === 0) machine.handleAnswered();
      }
      assert.ok(opened <= 1 && failed <= 1);
      if (machine.isOver && failed > 0) assert.equal(machine.pollDeadline(), null);
    }
    const { attempts: reported, durationMs } = machine.report(nowMs);
    assert.ok(reported.length <= 64 && durationMs >= 0);
  });
});

Deno.test("DHT-079 an announcer goes on whatever it is told, and ends when it is stopped", () => {
  fuzz(RUNS, (draw) => {
    const machine = new AnnouncerMachine<number>();
    let ownSteps = 0;
    for (let step = 0; step < 200; step++) {
      const { kind } = machine.nextStep(draw.below(5) !== 0);
      if (kind === "find" || kind === "announce") ownSteps++;
      const announced = Array.from({ length: draw.below(4) }, () => ({
        relayAddress: draw.address(),
        peerAddress: draw.address(),
      }));
      switch (draw.below(8)) {
        case 0:
          machine.handleFound([1, 2, 3, 4].slice(draw.below(5)), [draw.address()]);
          break;
        case 1:
          machine.handleAnnounced(announced, draw.below(2) === 0 ? draw.address() : null);
          break;
        case 2:
          machine.handleUnannounced();
          break;
        case 3:
          machine.handlePonged(draw.below(4));
          break;
        case 4:
          machine.refresh();
          break;
        case 5:
          if (draw.below(4) === 0) machine.suspend();
          break;
        case 6:
          machine.resume();
          break;
        case 7:
          machine.isRelay(draw.address());
      }
      assert.ok(machine.relayAddresses.length <= 3 && machine.relays.length <= 3);
      assert.ok(machine.currentNodes.length <= 3);
    }
    assert.ok(ownSteps > 0);
    machine.stop();
    assert.equal(machine.nextStep(true).kind, "stopped");
    assert.ok(machine.takeAnnounced().length < 200);
  });
});

Deno.test("DHT-066 uint and record prefixes of any length are read or refused", () => {
  fuzz(RUNS, (draw) => {
    const bytes = draw.bytes(12);
    messages.tryDecode(uint, bytes);
    messages.tryDecode(messages.mutableRecord, bytes);
  });
});

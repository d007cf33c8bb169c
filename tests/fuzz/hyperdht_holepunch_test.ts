/**
 * Machines of punches under whatever a peer, nodes, sockets and time may do, in any order. A failure names its seed.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { SeededRandom } from "../../src/base/mod.ts";
import {
  type ClientPunchAction,
  ClientPunchMachine,
} from "../../src/hyperdht/holepunch/client_punch_machine.ts";
import { BIRTHDAY_SOCKETS, REOPENS_MAX } from "../../src/hyperdht/holepunch/limits.ts";
import type { PuncherEnvironment } from "../../src/hyperdht/holepunch/puncher_machine.ts";
import { type DecodedHolepunchPayload, SecurePayload } from "../../src/hyperdht/holepunch/secure_payload.ts";
import {
  type ServerPunchAction,
  ServerPunchMachine,
} from "../../src/hyperdht/holepunch/server_punch_machine.ts";
import type { PeerAddress } from "../../src/hyperdht/messages.ts";

const SEEDS = 600;
const STEPS = 120;

/** Sockets of one punch at a time: those of a random NAT, and one that is about to be given back. */
const SOCKETS_MAX = BIRTHDAY_SOCKETS + 1;

class Dice {
  readonly random: SeededRandom;

  constructor(seed: number) {
    this.random = new SeededRandom(seed);
  }

  below(count: number): number {
    return Math.floor(this.random.next() * count);
  }

  chance(part: number): boolean {
    return this.random.next() < part;
  }

  address(): PeerAddress {
    const port = this.chance(0.1) ? [0, 65_535, 1][this.below(3)]! : 1024 + this.below(4);
    return { host: `198.51.100.${this.below(3)}`, port };
  }

  node(): PeerAddress {
    return { host: `203.0.113.${this.below(12)}`, port: 49737 };
  }

  token(): Uint8Array | null {
    return this.chance(0.4) ? null : new Uint8Array(32).fill(this.below(3));
  }

  payload(): DecodedHolepunchPayload {
    return {
      error: this.chance(0.9) ? 0 : this.below(5),
      firewall: this.chance(0.9) ? this.below(4) : 2 ** this.below(53),
      round: this.below(6),
      connected: this.chance(0.2),
      punching: this.chance(0.6),
      addresses: this.chance(0.2) ? null : Array.from({ length: this.below(30) }, () => this.address()),
      remoteAddress: this.chance(0.5) ? this.address() : null,
      token: this.token(),
      remoteToken: this.token(),
    };
  }
}

/** A node whose limiter counts what it is told, and which holds the sockets that a machine asks for. */
class Bench {
  readonly dice: Dice;
  readonly sockets = new Set<number>();
  readonly pings: number[] = [];
  readonly #failed = new Set<number>();
  punchCount = 0;
  limiterCount = 0;
  isFirewalled = true;
  readonly environment: PuncherEnvironment;

  constructor(dice: Dice) {
    this.dice = dice;
    const nodeCount = dice.below(14);
    this.environment = {
      random: dice.random,
      limiter: {
        isAllowed: true,
        begin: () => void this.limiterCount++,
        end: () => void this.limiterCount--,
        cancel: () => void this.limiterCount--,
        defer: () => {},
      },
      stats: { consistent: 0, random: 0, open: 0, tryLater: 0, tryLaterRelayedHandshakesAtLeastOnce: 0 },
      isFirewalled: () => this.isFirewalled,
      nodeCount: () => nodeCount,
      recentNodes: () => Array.from({ length: nodeCount }, () => dice.node()),
    };
    Object.defineProperty(this.environment.limiter, "isAllowed", { get: () => this.dice.chance(0.7) });
  }

  /** Does what all punches ask for; slots whose sockets cannot be had are given back to `fail`. */
  perform(action: ClientPunchAction | ServerPunchAction, fail: (slot: number) => void): void {
    if (action.kind === "open") {
      if (this.dice.chance(0.01)) {
        this.#failed.add(action.slot);
        return fail(action.slot);
      }
      this.sockets.add(action.slot);
      assert.ok(this.sockets.size <= SOCKETS_MAX, `${this.sockets.size} sockets`);
    } else if (action.kind === "release") {
      // It may have been given up before the machine heard that it could not be had.
      if (this.#failed.delete(action.slot)) return;
      assert.ok(this.sockets.delete(action.slot), "a socket is given back once");
    } else if (action.kind === "ping") {
      this.pings.push(action.slot);
    } else if (action.kind === "punch") {
      assert.ok(action.to.port > 0 && action.to.port < 65_536);
      this.punchCount++;
    }
  }

  /** A ping that is answered, or not, later or never. */
  takePing(): number | null {
    return this.pings.length === 0 ? null : this.pings.splice(this.dice.below(this.pings.length), 1)[0]!;
  }

  assertClean(): void {
    assert.equal(this.sockets.size, 0, "all sockets are given back");
    assert.equal(this.limiterCount, 0, "the limiter is told of every end");
  }
}

function forSeeds(run: (dice: Dice) => void): void {
  for (let seed = 1; seed <= SEEDS; seed++) {
    try {
      run(new Dice(seed));
    } catch (cause) {
      throw new Error(`Seed ${seed} failed`, { cause });
    }
  }
}

Deno.test("DHT-071 DHT-074 a client's punch stands whatever happens, by seed", () => {
  forSeeds((dice) => {
    const bench = new Bench(dice);
    let isRelayed = dice.chance(0.5);
    const machine = new ClientPunchMachine({
      environment: bench.environment,
      remoteFirewall: dice.below(4),
      relays: Array.from({ length: 1 + dice.below(3) }, () => ({
        relayAddress: dice.node(),
        peerAddress: dice.address(),
      })),
      relayAddress: dice.node(),
      serverAddress: dice.address(),
      isFastOpen: dice.chance(0.8),
      tokenOf: () => new Uint8Array(32).fill(1),
      isRelayed: () => isRelayed,
      veto: dice.chance(0.2) ? () => dice.chance(0.5) : null,
    });
    let nowMs = 0;
    let ends = 0;
    const requests: number[] = [];
    const drain = (): void => {
      for (let action = machine.pollAction(); action !== null; action = machine.pollAction()) {
        if (action.kind === "send") requests.push(action.request);
        else if (action.kind === "connect" || action.kind === "abort") ends++;
        else bench.perform(action, (slot) => machine.handleOpenFailure(slot, nowMs));
      }
    };
    drain();
    machine.start(nowMs);
    for (let step = 0; step < STEPS; step++) {
      drain();
      const ping = dice.chance(0.5) ? bench.takePing() : null;
      if (ping !== null) {
        if (dice.chance(0.3)) machine.handlePingFailure(ping, nowMs);
        else machine.handlePong(ping, dice.address(), dice.node(), nowMs);
        continue;
      }
      switch (dice.below(5)) {
        case 0: {
          const request = requests.length > 0 && dice.chance(0.9) ? requests.at(-1)! : dice.below(10);
          if (dice.chance(0.1)) machine.handleSendFailure(request, new Error("Request timed out"));
          else {
            const payload = dice.chance(0.95) ? dice.payload() : null;
            const reply = { from: dice.node(), to: dice.address(), peerAddress: dice.address(), payload };
            machine.handleReply(request, reply, nowMs);
          }
          break;
        }
        case 1:
          if (dice.chance(0.1)) machine.handlePunch(dice.below(300), dice.address(), nowMs);
          break;
        case 2:
          isRelayed = dice.chance(0.5);
          bench.isFirewalled = dice.chance(0.9);
          break;
        default:
          nowMs = machine.deadlineMs === Infinity
            ? nowMs + 1
            : Math.max(nowMs, machine.deadlineMs) + dice.below(50);
          machine.handleTimeout(nowMs);
          assert.ok(machine.deadlineMs > nowMs, "time goes on");
      }
    }
    machine.destroy();
    drain();
    assert.ok(ends <= 1, "an end is told once");
    assert.equal(machine.isOver, true);
    assert.equal(machine.deadlineMs, Infinity);
    bench.assertClean();
  });
});

Deno.test("DHT-071 DHT-074 a server's punch stands whatever happens, by seed", () => {
  forSeeds((dice) => {
    const bench = new Bench(dice);
    const machine = new ServerPunchMachine({
      environment: bench.environment,
      remoteFirewall: dice.below(4),
      tokenOf: () => new Uint8Array(32).fill(1),
      isRelayed: () => dice.chance(0.5),
      isServerRelay: () => dice.chance(0.8),
      veto: dice.chance(0.2) ? () => dice.chance(0.5) : null,
    });
    let nowMs = 0;
    let aborts = 0;
    const asked = new Set<number>();
    const drain = (): void => {
      for (let action = machine.pollAction(); action !== null; action = machine.pollAction()) {
        if (action.kind === "reply") assert.ok(asked.delete(action.round), "a round is answered once");
        else if (action.kind === "abort") aborts++;
        else bench.perform(action, (slot) => machine.handleOpenFailure(slot, nowMs));
      }
    };
    drain();
    for (let step = 0; step < STEPS; step++) {
      const ping = dice.chance(0.5) ? bench.takePing() : null;
      if (ping !== null) {
        if (dice.chance(0.3)) machine.handlePingFailure(ping, nowMs);
        else machine.handlePong(ping, dice.address(), dice.node(), nowMs);
      } else if (dice.chance(0.4)) {
        const slot = dice.chance(0.5) ? dice.below(4) : null;
        const places = { peerAddress: dice.address(), from: dice.node(), to: dice.address(), slot };
        asked.add(machine.handleRound({ payload: dice.payload(), ...places }, nowMs));
      } else if (dice.chance(0.1)) {
        machine.handlePunch(dice.below(300), dice.address(), nowMs);
      } else {
        nowMs = machine.deadlineMs === Infinity
          ? nowMs + 1
          : Math.max(nowMs, machine.deadlineMs) + dice.below(50);
        machine.handleTimeout(nowMs);
        assert.ok(machine.deadlineMs > nowMs, "time goes on");
      }
      drain();
    }
    machine.destroy();
    drain();
    assert.ok(aborts <= 1, "an end is told once");
    assert.equal(asked.size, 0, "every round is answered, if only with silence");
    assert.equal(machine.deadlineMs, Infinity);
    bench.assertClean();
  });
});

Deno.test("DHT-W05 SecurePayload decrypts nothing that a peer did not make, by seed", () => {
  forSeeds((dice) => {
    const bytes = (byteLength: number): Uint8Array =>
      Uint8Array.from({ length: byteLength }, () => dice.below(256));
    const payloads = new SecurePayload(new Uint8Array(32).fill(7), bytes);
    const payload = dice.payload();
    const message = payloads.encrypt(payload);
    const { token, remoteToken, ...rest } = payloads.decrypt(message)!;
    const plain = (bytes: Uint8Array | null): Uint8Array | null => bytes && Uint8Array.from(bytes);
    assert.deepEqual({ ...rest, token: plain(token), remoteToken: plain(remoteToken) }, payload);
    const damaged = Uint8Array.from(message);
    damaged[dice.below(damaged.length)]! ^= 1 << dice.below(8);
    assert.equal(payloads.decrypt(damaged), null);
    assert.equal(payloads.decrypt(bytes(dice.below(200))), null);
  });
});

Deno.test("DHT-071 a punch tries a few sockets when its NAT stays unstable, by seed", () => {
  forSeeds((dice) => {
    const bench = new Bench(dice);
    const machine = new ServerPunchMachine({
      environment: bench.environment,
      remoteFirewall: 3,
      tokenOf: () => new Uint8Array(32),
      isRelayed: () => false,
      isServerRelay: () => true,
      veto: null,
    });
    let opened = 0;
    const drain = (): void => {
      for (let action = machine.pollAction(); action !== null; action = machine.pollAction()) {
        if (action.kind === "open") opened++;
        bench.perform(action, (slot) => machine.handleOpenFailure(slot, 0));
      }
    };
    drain();
    const payload = { ...dice.payload(), error: 0, firewall: 3, punching: false };
    const places = { peerAddress: dice.address(), from: dice.node(), to: dice.address(), slot: null };
    machine.handleRound({ payload, ...places }, 0);
    drain();
    for (let ping = bench.takePing(); ping !== null; ping = bench.takePing()) {
      machine.handlePong(ping, { host: "198.51.100.1", port: 1 + dice.below(60_000) }, dice.node(), 0);
      drain();
    }
    assert.ok(opened <= 1 + REOPENS_MAX, `${opened} sockets`);
    machine.destroy();
    drain();
    bench.assertClean();
  });
});

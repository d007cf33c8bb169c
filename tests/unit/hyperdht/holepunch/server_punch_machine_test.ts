import { strict as assert } from "node:assert";
import { ERROR, FIREWALL } from "../../../../src/hyperdht/constants.ts";
import type { DecodedHolepunchPayload } from "../../../../src/hyperdht/holepunch/secure_payload.ts";
import {
  type ServerPunchAction,
  ServerPunchMachine,
  type ServerPunchMachineOptions,
} from "../../../../src/hyperdht/holepunch/server_punch_machine.ts";
import type { PeerAddress } from "../../../../src/hyperdht/messages.ts";
import { createEnvironment, node, seenAt, type TestEnvironment } from "./support.ts";

const CLIENT = { host: "198.51.100.7", port: 4000 };
const RELAY = node(0);
const STRANGER = node(11);

type ReplyAction = ServerPunchAction & { kind: "reply" };

function tokenOf({ host }: PeerAddress): Uint8Array {
  return new Uint8Array(32).fill(Number(host.split(".")[3]));
}

class Server {
  readonly environment: TestEnvironment;
  readonly machine: ServerPunchMachine;
  readonly replies: ReplyAction[] = [];
  readonly punches: string[] = [];
  readonly events: string[] = [];
  isRelayed = false;
  nowMs = 0;

  constructor(options: Partial<ServerPunchMachineOptions> = {}, environment = createEnvironment()) {
    this.environment = environment;
    this.machine = new ServerPunchMachine({
      environment,
      remoteFirewall: FIREWALL.UNKNOWN,
      tokenOf,
      isRelayed: () => this.isRelayed,
      isServerRelay: ({ host }) => host === RELAY.host,
      veto: null,
      ...options,
    });
    this.drain();
  }

  drain(): void {
    for (let action = this.machine.pollAction(); action !== null; action = this.machine.pollAction()) {
      if (action.kind === "reply") this.replies.push(action);
      else if (action.kind === "punch") {
        this.punches.push(`${action.to.host}:${action.to.port} ttl ${action.ttl}`);
      } else if (action.kind === "trace") this.events.push(action.event.event);
      else if (action.kind === "punching" || action.kind === "abort") this.events.push(action.kind);
    }
  }

  judge(local: "consistent" | "random" | "unknown"): void {
    const { slot } = this.machine.puncher;
    for (let i = 0; i < 4; i++) {
      if (local === "unknown") this.machine.handlePingFailure(slot, this.nowMs);
      else this.machine.handlePong(slot, seenAt(local === "random" ? 5 + i : 5), node(5 + i), this.nowMs);
    }
    this.drain();
  }

  ask(parts: Partial<DecodedHolepunchPayload> = {}, from: PeerAddress = RELAY): void {
    const payload: DecodedHolepunchPayload = {
      error: ERROR.NONE,
      firewall: FIREWALL.CONSISTENT,
      round: 0,
      connected: false,
      punching: false,
      addresses: [CLIENT],
      remoteAddress: null,
      token: null,
      remoteToken: null,
      ...parts,
    };
    this.machine.handleRound({ payload, peerAddress: CLIENT, from, to: seenAt(5), slot: null }, this.nowMs);
    this.drain();
  }

  wait(ms: number): void {
    this.nowMs += ms;
    this.machine.handleTimeout(this.nowMs);
    this.drain();
  }

  get last(): DecodedHolepunchPayload {
    return this.replies.at(-1)!.payload as DecodedHolepunchPayload;
  }
}

Deno.test("DHT-073 ServerPunchMachine answers a probe once its NAT is judged, with a token", () => {
  const server = new Server();
  server.ask({ token: new Uint8Array(32).fill(3) });
  assert.deepEqual(server.replies, []);
  server.judge("consistent");
  assert.deepEqual(server.replies, [{
    kind: "reply",
    round: 0,
    slot: 0,
    payload: {
      error: ERROR.NONE,
      firewall: FIREWALL.CONSISTENT,
      round: 0,
      connected: false,
      punching: false,
      addresses: [seenAt(5)],
      remoteAddress: null,
      token: tokenOf(CLIENT),
      remoteToken: new Uint8Array(32).fill(3),
    },
  }]);
  server.ask({ round: 1 }, STRANGER);
  assert.equal(server.last.token, null, "only relays of ours vouch for where a client is");
});

Deno.test("DHT-073 ServerPunchMachine punches back at once when the client has opened its NAT for us", () => {
  const server = new Server();
  server.judge("consistent");
  server.ask({ remoteAddress: seenAt(5) });
  assert.deepEqual(server.punches, ["198.51.100.7:4000 ttl 64"]);
  server.ask({ remoteAddress: seenAt(6), round: 1 });
  assert.equal(server.punches.length, 1);
  const random = new Server();
  random.judge("random");
  random.ask({ remoteAddress: { host: "198.51.100.1", port: 0 } });
  assert.deepEqual(random.punches, []);
});

Deno.test("DHT-073 ServerPunchMachine punches when the client does", () => {
  const server = new Server();
  server.judge("consistent");
  server.ask({});
  server.ask({ round: 1, punching: true, remoteToken: tokenOf(CLIENT) });
  assert.equal(server.last.punching, true);
  assert.deepEqual(server.events, ["punching", "punch"]);
  assert.deepEqual(server.punches, []);
  server.wait(1000);
  assert.deepEqual(server.punches, ["198.51.100.7:4000 ttl 64"]);
  server.machine.handlePunch(0, { host: CLIENT.host, port: 4321 }, server.nowMs);
  server.drain();
  assert.equal(server.punches.at(-1), "198.51.100.7:4321 ttl 64");
});

Deno.test("DHT-073 ServerPunchMachine says it once more when the client asks again", () => {
  const server = new Server();
  server.judge("consistent");
  server.ask({ punching: true, remoteToken: tokenOf(CLIENT) });
  server.ask({ punching: true, remoteToken: tokenOf(CLIENT) });
  assert.deepEqual(server.replies.map(({ payload }) => payload?.punching), [true, true]);
  assert.equal(server.environment.stats.consistent, 1);
});

Deno.test("DHT-073 ServerPunchMachine ends when nothing came through", () => {
  const server = new Server();
  server.judge("consistent");
  server.ask({ punching: true });
  for (let i = 0; i < 11; i++) server.wait(1000);
  assert.deepEqual(server.events, ["punching", "punch", "abort"]);
  assert.equal(server.machine.isOver, true);
});

Deno.test("DHT-074 ServerPunchMachine with a random NAT answers while its sockets are opened", () => {
  const server = new Server();
  server.judge("random");
  server.ask({});
  assert.deepEqual(server.last.addresses, [{ host: "198.51.100.1", port: 0 }]);
  server.ask({ round: 1, punching: true, remoteToken: tokenOf(CLIENT) });
  assert.equal(server.replies.length, 2);
  assert.equal(server.punches.length, 16);
  for (let i = 0; i < 16; i++) server.wait(1);
  assert.equal(server.replies.length, 2);
  assert.equal(server.punches.length, 255);
  assert.deepEqual([server.last.punching, server.last.firewall], [true, FIREWALL.RANDOM]);
  server.ask({ round: 1, punching: true, remoteToken: tokenOf(CLIENT) });
  assert.equal(server.last.error, ERROR.NONE, "the same punch does not stand in its own way");
});

Deno.test("DHT-074 ServerPunchMachine does not probe at random a client that nobody vouched for", () => {
  const server = new Server();
  server.judge("consistent");
  server.ask({ firewall: FIREWALL.RANDOM, punching: true, remoteToken: tokenOf(CLIENT) }, STRANGER);
  assert.equal(server.last.error, ERROR.ABORTED);
  assert.deepEqual(server.punches, []);
  assert.equal(server.events.at(-1), "abort");
});

Deno.test("DHT-074 ServerPunchMachine lets a client try later, on a relay", () => {
  const server = new Server();
  server.environment.isAllowed = false;
  server.isRelayed = true;
  server.judge("random");
  const ask = { punching: true, remoteToken: tokenOf(CLIENT) };
  server.ask(ask);
  assert.deepEqual([server.last.error, server.last.firewall], [ERROR.TRY_LATER, FIREWALL.RANDOM]);
  server.ask({ ...ask, round: 1 });
  assert.equal(server.environment.stats.tryLater, 2);
  assert.equal(server.environment.stats.tryLaterRelayedHandshakesAtLeastOnce, 1);
  server.environment.isAllowed = true;
  server.ask({ ...ask, round: 2 });
  for (let i = 0; i < 16; i++) server.wait(1);
  assert.deepEqual([server.last.error, server.last.punching], [ERROR.NONE, true]);
});

Deno.test("DHT-074 ServerPunchMachine ends with try later when no relay holds the connection", () => {
  const server = new Server();
  server.environment.isAllowed = false;
  server.judge("random");
  server.ask({ punching: true, remoteToken: tokenOf(CLIENT) });
  assert.deepEqual([server.last.error, server.last.addresses], [ERROR.TRY_LATER, null]);
  assert.equal(server.replies.at(-1)!.slot, null);
  assert.equal(server.machine.isOver, true);
});

Deno.test("DHT-075 ServerPunchMachine tries other sockets, then aborts, when both NATs are random", () => {
  const server = new Server();
  server.judge("random");
  server.ask({ firewall: FIREWALL.RANDOM, addresses: [{ host: CLIENT.host, port: 0 }] });
  assert.deepEqual(server.events, ["reopen"]);
  for (let i = 0; i < 3; i++) server.judge("random");
  assert.equal(server.last.error, ERROR.ABORTED);
  assert.deepEqual(server.events, ["reopen", "abort"]);
});

Deno.test("DHT-071 ServerPunchMachine answers from the socket that replaced an unstable one", () => {
  const server = new Server();
  server.judge("unknown");
  server.judge("unknown");
  server.ask({});
  server.judge("consistent");
  assert.equal(server.replies.at(-1)!.slot, 1);
  assert.equal(server.last.firewall, FIREWALL.CONSISTENT);
});

Deno.test("ServerPunchMachine asks the user when the client punches", () => {
  const asked: unknown[][] = [];
  const server = new Server({
    veto: (...args) => {
      asked.push(args);
      return false;
    },
  });
  server.judge("consistent");
  server.ask({});
  assert.deepEqual(asked, []);
  server.ask({ punching: true });
  assert.deepEqual(asked, [[FIREWALL.CONSISTENT, FIREWALL.CONSISTENT, [CLIENT], [seenAt(5)]]]);
  assert.equal(server.last.error, ERROR.ABORTED);
});

Deno.test("ServerPunchMachine goes by the latest round of the client", () => {
  const server = new Server();
  server.judge("consistent");
  server.ask({ round: 5, firewall: FIREWALL.CONSISTENT });
  server.ask({ round: 4, firewall: FIREWALL.RANDOM });
  assert.equal(server.machine.puncher.remoteFirewall, FIREWALL.CONSISTENT);
  assert.equal(server.last.round, 5);
});

Deno.test("ServerPunchMachine ends when the client says so", () => {
  const server = new Server();
  server.ask({ error: ERROR.ABORTED, round: 3 });
  assert.deepEqual([server.last.error, server.last.round], [ERROR.ABORTED, 3]);
  assert.deepEqual(server.events, ["abort"]);
  server.ask({});
  assert.equal(server.replies.at(-1)!.payload, null);
});

Deno.test("ServerPunchMachine lets eight rounds wait and stays silent to more", () => {
  const server = new Server();
  for (let round = 0; round < 20; round++) server.ask({ round });
  assert.deepEqual(server.replies.map(({ round, payload }) => [round, payload]), [
    ...Array.from({ length: 12 }, (_, i) => [8 + i, null]),
  ]);
  server.judge("consistent");
  assert.equal(server.replies.length, 20);
  assert.deepEqual(server.replies.slice(12).map(({ round }) => round), [0, 1, 2, 3, 4, 5, 6, 7]);
});

Deno.test("ServerPunchMachine lets waiting rounds go when it is destroyed", () => {
  const server = new Server();
  server.ask({});
  server.machine.destroy();
  server.machine.destroy();
  server.drain();
  assert.deepEqual(server.replies.map(({ payload }) => payload), [null]);
  assert.deepEqual(server.events, []);
  assert.equal(server.machine.deadlineMs, Infinity);
});

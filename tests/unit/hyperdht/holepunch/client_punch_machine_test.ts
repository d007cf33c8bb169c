import { strict as assert } from "node:assert";
import { ERROR, FIREWALL } from "../../../../src/hyperdht/constants.ts";
import type { DHTError } from "../../../../src/hyperdht/errors.ts";
import {
  type ClientPunchAction,
  ClientPunchMachine,
  type ClientPunchMachineOptions,
} from "../../../../src/hyperdht/holepunch/client_punch_machine.ts";
import type { DecodedHolepunchPayload } from "../../../../src/hyperdht/holepunch/secure_payload.ts";
import type { PeerAddress } from "../../../../src/hyperdht/messages.ts";
import { createEnvironment, node, seenAt, type TestEnvironment } from "./support.ts";

const SERVER = { host: "198.51.100.9", port: 7000 };
const SERVER_MAIN = { host: "198.51.100.9", port: 6000 };
const CLIENT_RELAY = node(0);
const OTHER_RELAY = node(1);
const SERVER_TOKEN = new Uint8Array(32).fill(9);

type SendAction = ClientPunchAction & { kind: "send" };

/** A client's machine, and the other side of its actions. */
class Client {
  readonly environment: TestEnvironment;
  readonly machine: ClientPunchMachine;
  readonly sent: SendAction[] = [];
  readonly punches: string[] = [];
  readonly events: string[] = [];
  error: Error | null = null;
  connectedTo: PeerAddress | null = null;
  isRelayed = false;
  nowMs = 0;

  constructor(options: Partial<ClientPunchMachineOptions> = {}, environment = createEnvironment()) {
    this.environment = environment;
    this.machine = new ClientPunchMachine({
      environment,
      remoteFirewall: FIREWALL.UNKNOWN,
      relays: [{ relayAddress: CLIENT_RELAY, peerAddress: SERVER_MAIN }],
      relayAddress: CLIENT_RELAY,
      serverAddress: SERVER,
      isFastOpen: true,
      tokenOf: ({ host }) => new Uint8Array(32).fill(Number(host.split(".")[3])),
      isRelayed: () => this.isRelayed,
      veto: null,
      ...options,
    });
    this.drain();
  }

  drain(): void {
    for (let action = this.machine.pollAction(); action !== null; action = this.machine.pollAction()) {
      switch (action.kind) {
        case "send":
          this.sent.push(action);
          break;
        case "punch":
          this.punches.push(`${action.to.host}:${action.to.port} ttl ${action.ttl}`);
          break;
        case "connect":
          this.connectedTo = action.from;
          break;
        case "abort":
          this.error = action.error;
          break;
        case "trace":
          this.events.push(action.event.event);
      }
    }
  }

  start(): void {
    this.machine.start(this.nowMs);
    this.drain();
  }

  /** Nodes say where the main socket is seen: at one port, or at a different one each. */
  judge(local: "consistent" | "random" | "unknown"): void {
    const { slot } = this.machine.puncher;
    for (let i = 0; i < 4; i++) {
      if (local === "unknown") this.machine.handlePingFailure(slot, this.nowMs);
      else this.machine.handlePong(slot, seenAt(local === "random" ? 5 + i : 5), node(5 + i), this.nowMs);
    }
    this.drain();
  }

  /** The server answers the latest message. */
  answer(parts: Partial<DecodedHolepunchPayload>, peerAddress: PeerAddress = SERVER): void {
    const { request, relay } = this.sent.at(-1)!;
    const payload: DecodedHolepunchPayload = {
      error: ERROR.NONE,
      firewall: FIREWALL.CONSISTENT,
      round: 0,
      connected: false,
      punching: false,
      addresses: [SERVER],
      remoteAddress: null,
      token: SERVER_TOKEN,
      remoteToken: null,
      ...parts,
    };
    this.machine.handleReply(request, { from: relay, to: seenAt(5), peerAddress, payload }, this.nowMs);
    this.drain();
  }

  wait(ms: number): void {
    this.nowMs += ms;
    this.machine.handleTimeout(this.nowMs);
    this.drain();
  }

  get last(): SendAction {
    return this.sent.at(-1)!;
  }

  get causeCode(): string {
    assert.equal((this.error as DHTError).code, "HOLEPUNCH_ABORTED");
    return (this.error!.cause as DHTError).code;
  }
}

Deno.test("DHT-073 ClientPunchMachine probes, tells both addresses, and punches when the server does", () => {
  const client = new Client();
  client.start();
  assert.deepEqual(client.punches, ["198.51.100.9:7000 ttl 5"]);
  const [probe] = client.sent;
  assert.deepEqual([probe!.relay, probe!.peerAddress], [CLIENT_RELAY, SERVER_MAIN]);
  assert.deepEqual(probe!.payload, {
    error: ERROR.NONE,
    firewall: FIREWALL.UNKNOWN,
    round: 0,
    connected: false,
    punching: false,
    addresses: null,
    remoteAddress: SERVER,
    token: null,
    remoteToken: null,
  });
  client.judge("consistent");
  client.answer({});
  assert.deepEqual([client.last.relay, client.last.peerAddress], [CLIENT_RELAY, SERVER]);
  assert.deepEqual(client.last.payload, {
    error: ERROR.NONE,
    firewall: FIREWALL.CONSISTENT,
    round: 1,
    connected: false,
    punching: true,
    addresses: [seenAt(5)],
    remoteAddress: null,
    token: new Uint8Array(32).fill(9),
    remoteToken: SERVER_TOKEN,
  });
  client.answer({ punching: true, remoteToken: new Uint8Array(32).fill(9) });
  assert.deepEqual(client.punches, ["198.51.100.9:7000 ttl 5", "198.51.100.9:7000 ttl 64"]);
  client.machine.handlePunch(0, SERVER, 100);
  client.drain();
  assert.deepEqual(client.connectedTo, SERVER);
  assert.equal(client.machine.isOver, true);
  assert.deepEqual(client.events, ["probe", "punch"]);
});

Deno.test("DHT-073 ClientPunchMachine connects while it probes when the server punches back at once", () => {
  const client = new Client();
  client.start();
  client.machine.handlePunch(0, SERVER, 30);
  client.drain();
  assert.deepEqual(client.connectedTo, SERVER);
  client.answer({});
  assert.equal(client.sent.length, 1);
  assert.equal(client.error, null);
});

Deno.test("DHT-073 ClientPunchMachine without fast open names no address and opens none", () => {
  const client = new Client({ isFastOpen: false });
  client.start();
  assert.deepEqual(client.punches, []);
  assert.equal(client.last.payload.remoteAddress, null);
});

Deno.test("ClientPunchMachine probes through its own relay when the server has it too", () => {
  const relays = [
    { relayAddress: OTHER_RELAY, peerAddress: seenAt(1) },
    { relayAddress: CLIENT_RELAY, peerAddress: SERVER_MAIN },
  ];
  const client = new Client({ relays });
  client.start();
  assert.deepEqual([client.last.relay, client.last.peerAddress], [CLIENT_RELAY, SERVER_MAIN]);
});

Deno.test("ClientPunchMachine probes through a relay of the server and punches through its own", () => {
  const client = new Client({ relays: [{ relayAddress: OTHER_RELAY, peerAddress: SERVER_MAIN }] });
  client.start();
  client.judge("consistent");
  client.answer({}, { host: SERVER.host, port: 7777 });
  assert.deepEqual([client.sent[0]!.relay, client.sent[1]!.relay], [OTHER_RELAY, CLIENT_RELAY]);
  assert.deepEqual(client.last.peerAddress, SERVER, "the new address is not known to our relay");
});

Deno.test("ClientPunchMachine follows a server that replaced its socket", () => {
  const client = new Client();
  client.start();
  client.judge("consistent");
  const replaced = { host: SERVER.host, port: 7777 };
  client.answer({ addresses: [replaced] }, replaced);
  assert.deepEqual(client.punches, ["198.51.100.9:7000 ttl 5", "198.51.100.9:7777 ttl 5"]);
  assert.deepEqual(client.last.peerAddress, replaced);
});

Deno.test("ClientPunchMachine gives a server a second to judge its NAT, and asks once more", () => {
  const client = new Client();
  client.start();
  client.judge("consistent");
  client.answer({ firewall: FIREWALL.UNKNOWN, addresses: null });
  assert.equal(client.sent.length, 1);
  assert.equal(client.machine.deadlineMs, 1000);
  client.wait(1000);
  assert.equal(client.sent.length, 2);
  assert.equal(client.last.payload.punching, false);
  client.answer({});
  assert.equal(client.last.payload.punching, true);
});

Deno.test("ClientPunchMachine gives up on a server that never knows its NAT", () => {
  const client = new Client();
  client.start();
  client.judge("consistent");
  client.answer({ firewall: FIREWALL.UNKNOWN });
  client.wait(1000);
  client.answer({ firewall: FIREWALL.UNKNOWN });
  client.wait(1000);
  assert.equal(client.last.payload.error, ERROR.ABORTED);
  client.answer({ error: ERROR.ABORTED });
  assert.equal(client.causeCode, "HOLEPUNCH_PROBE_TIMEOUT");
  assert.match(client.error!.message, /the server's NAT could not be judged in time/);
});

Deno.test("ClientPunchMachine asks once more when the probe gave no token", () => {
  const client = new Client();
  client.start();
  client.judge("consistent");
  client.answer({ token: null });
  assert.equal(client.last.payload.punching, false);
  client.answer({ token: null });
  assert.equal(client.last.payload.punching, true);
  assert.equal(client.last.payload.remoteToken, null);
});

Deno.test("DHT-071 ClientPunchMachine probes anew through a socket that replaced an unstable one", () => {
  const client = new Client();
  client.start();
  client.judge("unknown");
  client.judge("unknown");
  client.answer({});
  assert.deepEqual(client.events, ["probe", "reopen"]);
  assert.equal(client.machine.puncher.slot, 1);
  client.judge("consistent");
  assert.deepEqual([client.last.slot, client.last.payload.punching], [1, false]);
  client.answer({});
  assert.deepEqual([client.last.slot, client.last.payload.punching], [1, true]);
});

Deno.test("DHT-075 ClientPunchMachine refuses when both NATs are random, and tells the server", () => {
  const client = new Client();
  client.start();
  client.judge("random");
  client.answer({ firewall: FIREWALL.RANDOM, addresses: [{ host: SERVER.host, port: 0 }] });
  for (let i = 0; i < 3; i++) client.judge("random");
  assert.equal(client.last.payload.error, ERROR.ABORTED);
  assert.equal(client.error, null);
  client.machine.handleSendFailure(client.last.request, new Error("Request timed out"));
  client.drain();
  assert.equal(client.causeCode, "HOLEPUNCH_DOUBLE_RANDOMIZED_NATS");
  assert.equal(client.machine.deadlineMs, Infinity);
});

Deno.test("DHT-074 ClientPunchMachine commits to a random punch while it asks the server", () => {
  const client = new Client();
  client.start();
  client.judge("consistent");
  client.answer({ firewall: FIREWALL.RANDOM, addresses: [{ host: SERVER.host, port: 0 }] });
  assert.deepEqual(client.environment.limits, ["begin"]);
  client.answer({
    firewall: FIREWALL.RANDOM,
    addresses: [{ host: SERVER.host, port: 0 }],
    punching: true,
    remoteToken: new Uint8Array(32).fill(9),
  });
  assert.deepEqual(client.environment.limits, ["begin", "cancel", "begin"]);
  client.wait(10);
  assert.equal(client.punches.length, 3);
  client.machine.destroy();
  assert.deepEqual(client.environment.limits, ["begin", "cancel", "begin", "end"]);
});

Deno.test("DHT-074 ClientPunchMachine gives a server time to open its sockets before it asks again", () => {
  for (
    const [firewall, port, expected] of [[FIREWALL.RANDOM, 0, 3000], [FIREWALL.CONSISTENT, 7, undefined]]
  ) {
    const client = new Client();
    client.start();
    client.judge("consistent");
    client.answer({ firewall, addresses: [{ host: SERVER.host, port: port! }] });
    const waits = client.sent.map(({ payload, timeoutMs }) => [payload.punching, timeoutMs]);
    assert.deepEqual(waits, [[false, undefined], [true, expected]]);
    client.machine.destroy();
  }
});

Deno.test("DHT-074 ClientPunchMachine uncommits when it is destroyed or the server does not answer", () => {
  for (const end of ["destroy", "fail"]) {
    const client = new Client();
    client.start();
    client.judge("random");
    client.answer({});
    assert.deepEqual(client.environment.limits, ["begin"]);
    if (end === "destroy") client.machine.destroy();
    else client.machine.handleSendFailure(client.last.request, new Error("Request timed out"));
    client.drain();
    assert.deepEqual(client.environment.limits, ["begin", "cancel"]);
    assert.equal(
      client.error?.message,
      end === "destroy" ? undefined : "HOLEPUNCH_ABORTED: Holepunch aborted: the server did not answer",
    );
  }
});

Deno.test("DHT-074 ClientPunchMachine that may not punch yet gives up without a relay", () => {
  const client = new Client();
  client.environment.isAllowed = false;
  client.start();
  client.judge("random");
  client.answer({});
  assert.match(client.error!.message, /another punch with a random NAT was a short time ago/);
  assert.equal(client.sent.length, 1);
});

Deno.test("DHT-074 ClientPunchMachine that may not punch yet tells the server, and waits on a relay", () => {
  const client = new Client({ relays: [{ relayAddress: OTHER_RELAY, peerAddress: SERVER_MAIN }] });
  client.environment.isAllowed = false;
  client.isRelayed = true;
  client.start();
  client.judge("random");
  client.answer({});
  assert.deepEqual(
    [client.last.relay, client.last.payload.punching, client.last.payload.remoteToken],
    [CLIENT_RELAY, false, SERVER_TOKEN],
  );
  client.answer({});
  assert.equal(client.machine.deadlineMs, 12_500);
  client.wait(12_500);
  assert.equal(client.sent.length, 2);
  client.environment.isAllowed = true;
  client.wait(client.machine.deadlineMs - client.nowMs);
  assert.deepEqual(
    [client.last.relay, client.last.payload.punching, client.last.payload.token],
    [OTHER_RELAY, true, null],
  );
  assert.deepEqual(client.events, ["probe", "try-later", "try-later"]);
});

Deno.test("DHT-074 ClientPunchMachine that shall try later waits on a relay and asks again", () => {
  const client = new Client();
  client.isRelayed = true;
  client.start();
  client.judge("random");
  client.answer({});
  client.answer({ error: ERROR.TRY_LATER });
  assert.equal(client.error, null);
  client.wait(client.machine.deadlineMs);
  assert.deepEqual([client.last.payload.punching, client.last.payload.token], [true, null]);
  assert.deepEqual(client.last.peerAddress, SERVER_MAIN);
  client.isRelayed = false;
  client.answer({ error: ERROR.TRY_LATER });
  assert.equal(client.causeCode, "REMOTE_ABORTED");
});

Deno.test("ClientPunchMachine asks the user, who may refuse or fail", () => {
  const asked: unknown[][] = [];
  const client = new Client({
    veto: (...args) => {
      asked.push(args);
      return false;
    },
  });
  client.start();
  client.judge("consistent");
  client.answer({});
  assert.deepEqual(asked, [[FIREWALL.CONSISTENT, FIREWALL.CONSISTENT, [SERVER], [seenAt(5)]]]);
  client.answer({ error: ERROR.ABORTED });
  assert.equal(client.error!.message, "HOLEPUNCH_ABORTED: Client aborted holepunch");
  const failing = new Client({
    veto: () => {
      throw new Error("no opinion");
    },
  });
  failing.start();
  failing.judge("consistent");
  failing.answer({});
  failing.answer({});
  assert.equal((failing.error!.cause as Error).message, "no opinion");
});

Deno.test("ClientPunchMachine ends with the reason that the server's answer is", () => {
  const cases: [string, (client: Client) => void][] = [
    ["REMOTE_ABORTED", (client) => client.answer({ error: ERROR.ABORTED })],
    ["REMOTE_NOT_HOLEPUNCHING", (client) => {
      client.answer({});
      client.answer({ punching: false });
    }],
    ["REMOTE_NOT_HOLEPUNCHABLE", (client) => {
      client.answer({});
      client.answer({ punching: true, addresses: null });
    }],
    ["HOLEPUNCH_INVALID", (client) => {
      const { request, relay } = client.last;
      client.machine.handleReply(
        request,
        { from: relay, to: seenAt(5), peerAddress: SERVER, payload: null },
        0,
      );
      client.drain();
    }],
  ];
  for (const [code, act] of cases) {
    const client = new Client();
    client.start();
    client.judge("consistent");
    act(client);
    assert.equal(client.causeCode, code);
    assert.equal(client.machine.isOver, true);
  }
});

Deno.test("ClientPunchMachine ends when ten rounds of punches brought nothing", () => {
  const client = new Client();
  client.start();
  client.judge("consistent");
  client.answer({});
  client.answer({ punching: true });
  client.wait(5000);
  for (let i = 0; i < 10; i++) client.wait(1000);
  assert.match(client.error!.message, /no datagram came through/);
});

Deno.test("ClientPunchMachine ignores answers that it does not wait for", () => {
  const client = new Client();
  client.start();
  client.judge("consistent");
  const first = client.last;
  client.answer({});
  const count = client.sent.length;
  client.machine.handleReply(
    first.request,
    { from: first.relay, to: seenAt(5), peerAddress: SERVER, payload: null },
    0,
  );
  client.machine.handleSendFailure(first.request, new Error("late"));
  client.drain();
  assert.equal(client.error, null);
  assert.equal(client.sent.length, count);
});

Deno.test("ClientPunchMachine says nothing when it is destroyed", () => {
  const client = new Client();
  client.start();
  client.machine.destroy();
  client.machine.destroy();
  client.judge("consistent");
  client.answer({});
  client.wait(60_000);
  assert.equal(client.error, null);
  assert.equal(client.connectedTo, null);
  assert.equal(client.machine.deadlineMs, Infinity);
});

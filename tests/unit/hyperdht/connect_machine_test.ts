/** The procedure of a connect, as dialogues on a virtual clock. */
import { strict as assert } from "node:assert";
import {
  type ConnectAction,
  ConnectMachine,
  type ConnectMachineOptions,
  type HandshakeReply,
} from "../../../src/hyperdht/connect_machine.ts";
import { FIREWALL } from "../../../src/hyperdht/constants.ts";
import { DHTError } from "../../../src/hyperdht/mod.ts";
import { addressOf, EMPTY_PAYLOAD } from "./support.ts";

const NODE = addressOf(1);
const [OUR_HOST, SERVER_HOST] = ["8.8.4.4", "9.9.9.9"];
const CLIENT = { host: OUR_HOST, port: 1000 };
const SERVER = { host: SERVER_HOST, port: 2000 };
const PUNCHABLE = { id: 3, relays: [{ relayAddress: NODE, peerAddress: SERVER }] };
const ERROR = Object.assign(new Error("request timed out"), { code: "REQUEST_TIMEOUT" });

function machineOf(options: Partial<ConnectMachineOptions<string>> = {}): ConnectMachine<string> {
  return new ConnectMachine<string>({
    nowMs: 1000,
    wallMs: 1_770_000_000_000,
    route: null,
    relayAddresses: [],
    isLanAllowed: true,
    isRelayWanted: false,
    ...options,
  });
}

function actions(machine: ConnectMachine<string>): ConnectAction<string>[] {
  const list: ConnectAction<string>[] = [];
  for (let action = machine.pollAction(); action !== null; action = machine.pollAction()) list.push(action);
  return list;
}

function replyOf(
  payload: Partial<HandshakeReply["payload"]> = {},
  more: Partial<HandshakeReply> = {},
): HandshakeReply {
  return {
    payload: { ...EMPTY_PAYLOAD, ...payload },
    serverAddress: SERVER,
    clientAddress: CLIENT,
    isRelayed: true,
    ...more,
  };
}

/** A machine that has found `NODE` and sent the handshake there; its number. */
function asked(
  options: Partial<ConnectMachineOptions<string>> = {},
): { machine: ConnectMachine<string>; attempt: number } {
  const machine = machineOf(options);
  machine.start(1000);
  machine.handleFound(NODE, 1010);
  const handshake = actions(machine).find(({ kind }) => kind === "handshake") as { attempt: number };
  return { machine, attempt: handshake.attempt };
}

/** A machine that got `payload` from the server. */
function answered(
  payload: Partial<HandshakeReply["payload"]>,
  more: Partial<HandshakeReply> = {},
  options: Partial<ConnectMachineOptions<string>> = {},
  setUp: (machine: ConnectMachine<string>) => void = () => {},
): { machine: ConnectMachine<string>; actions: ConnectAction<string>[] } {
  const { machine, attempt } = asked(options);
  setUp(machine);
  machine.handleReply(attempt, replyOf(payload, more), 1050);
  const list = actions(machine);
  assert.equal(list.shift()!.kind, "end-find");
  return { machine, actions: list };
}

function failureOf(list: ConnectAction<string>[]): DHTError {
  const action = list.at(-1)!;
  assert.equal(action.kind, "fail");
  return (action as { error: DHTError }).error;
}

Deno.test("DHT-044 a connect looks for nodes and asks two of them at a time", () => {
  const machine = machineOf();
  machine.start(1000);
  assert.deepEqual(actions(machine), [{ kind: "find", nodes: null }]);
  for (const i of [1, 2, 3, 4]) machine.handleFound(addressOf(i), 1010);
  const first = actions(machine) as { attempt: number; path: { address: unknown } }[];
  assert.deepEqual(first.map(({ path }) => path.address), [addressOf(1), addressOf(2)]);
  machine.handleAttemptFailed(first[0]!.attempt, ERROR, 1100);
  const [third] = actions(machine) as { attempt: number; path: { address: unknown } }[];
  assert.deepEqual(third!.path.address, addressOf(3));
  machine.handleFindEnd({ error: null, answerCount: 3 }, 1200);
  assert.deepEqual(actions(machine), []);
  machine.handleReply(third!.attempt, replyOf({ firewall: FIREWALL.OPEN }), 1300);
  assert.deepEqual(actions(machine).map(({ kind }) => kind), ["end-find", "open"]);
});

Deno.test("DHT-057 DHT-044 PEER_NOT_FOUND when nobody knows the server, with a report", () => {
  const machine = machineOf();
  machine.start(1000);
  machine.handleFindEnd({ error: null, answerCount: 3 }, 1250);
  const { code, message, report } = failureOf(actions(machine));
  assert.equal(code, "PEER_NOT_FOUND");
  assert.equal(message, "PEER_NOT_FOUND: Peer not found, none of the 3 nodes that answered knows it");
  assert.deepEqual(report, {
    stage: "find",
    attempts: [{ stage: "find", address: null, startedMs: 0, durationMs: 250, outcome: "PEER_NOT_FOUND" }],
    localFirewall: 0,
    remoteFirewall: 0,
    startedAt: 1_770_000_000_000,
    durationMs: 250,
  });
  assert.ok(machine.isOver);
});

Deno.test("DHT-057 PEER_NOT_FOUND says whether it is the server or the whole network that is missing", () => {
  for (
    const [answerCount, words, outcome] of [
      [0, "Peer not found, no node of the network answered", "no answer"],
      [1, "Peer not found, the only node that answered does not know it", "PEER_NOT_FOUND"],
    ] as const
  ) {
    const machine = machineOf();
    machine.start(1000);
    machine.handleFindEnd({ error: null, answerCount }, 1250);
    const { message, report } = failureOf(actions(machine));
    assert.equal(message, `PEER_NOT_FOUND: ${words}`);
    assert.equal(report!.attempts[0]!.outcome, outcome);
  }
});

Deno.test("DHT-057 PEER_CONNECTION_FAILED when the server answers nowhere", () => {
  const { machine, attempt } = asked();
  machine.handleFindEnd({ error: null, answerCount: 3 }, 1020);
  machine.handleAttemptFailed(attempt, ERROR, 5000);
  const { code, message, report } = failureOf(actions(machine));
  assert.equal(code, "PEER_CONNECTION_FAILED");
  assert.equal(
    message,
    "PEER_CONNECTION_FAILED: Could not connect to peer, " +
      "it did not answer through the only node that knows it: it is gone or refuses us",
  );
  assert.deepEqual(report!.attempts[1], {
    stage: "handshake",
    address: NODE,
    startedMs: 10,
    durationMs: 3990,
    outcome: "REQUEST_TIMEOUT",
  });
});

Deno.test("DHT-057 PEER_CONNECTION_FAILED names what handshakes failed with besides silence", () => {
  const machine = machineOf();
  machine.start(1000);
  for (const number of [1, 2, 3]) machine.handleFound(addressOf(number), 1010);
  machine.handleFindEnd({ error: null, answerCount: 3 }, 1020);
  const errors = [ERROR, new DHTError("HANDSHAKE_INVALID"), new Error("the hook fails")];
  for (let failed = 0; failed < errors.length;) {
    for (const action of actions(machine)) {
      if (action.kind === "handshake") machine.handleAttemptFailed(action.attempt, errors[failed++]!, 1100);
      else if (action.kind === "fail") assert.fail("too early");
    }
  }
  assert.equal(
    failureOf(actions(machine)).message,
    "PEER_CONNECTION_FAILED: Could not connect to peer, " +
      "it did not answer through any of the 3 nodes that know it: HANDSHAKE_INVALID, the hook fails",
  );
});

Deno.test("DHT-057 what the process may not send is named where nothing else explains the failure", () => {
  const refusal = Object.assign(new Error("Cannot send to 9.9.9.9:1"), { code: "ERR_PERMISSION" });
  const machine = machineOf();
  machine.start(1000);
  machine.handleRefusal(refusal);
  machine.handleFindEnd({ error: null, answerCount: 0 }, 1001);
  const error = failureOf(actions(machine));
  assert.equal(
    error.message,
    "PEER_NOT_FOUND: Peer not found, no node of the network answered; the process may not send to all addresses (--allow-net)",
  );
  assert.equal(error.cause, refusal);

  const other = asked();
  other.machine.handleAttemptFailed(other.attempt, refusal, 1020);
  other.machine.handleFindEnd({ error: null, answerCount: 3 }, 1030);
  const { code, cause, report } = failureOf(actions(other.machine));
  assert.equal(code, "PEER_CONNECTION_FAILED");
  assert.equal(cause, refusal);
  assert.equal(report!.attempts.at(-1)!.outcome, "ERR_PERMISSION");
});

Deno.test("DHT-057 a query that fails ends the connect with its error as the cause", () => {
  const machine = machineOf();
  machine.start(1000);
  machine.handleFindEnd({ error: ERROR, answerCount: 0 }, 1020);
  const error = failureOf(actions(machine));
  assert.equal(error.code, "PEER_CONNECTION_FAILED");
  assert.equal(error.cause, ERROR);
});

Deno.test("DHT-045 DHT-047 known nodes are asked first, one after the other, then others are looked for afresh", () => {
  const known = [1, 2].map(addressOf);
  const machine = machineOf({ relayAddresses: known });
  machine.start(1000);
  const [first, ...rest] = actions(machine) as { attempt: number; path: { address: unknown } }[];
  assert.deepEqual(first!.path.address, known[0]);
  assert.deepEqual(rest, []);
  // The known nodes have a head start.
  assert.equal(machine.pollDeadline(), 1020);
  machine.handleTimeout(1019);
  assert.deepEqual(actions(machine), []);
  machine.handleTimeout(1020);
  assert.deepEqual(actions(machine), [{ kind: "find", nodes: known }]);
  // The query finds one of them again, which is not asked twice, and another one.
  machine.handleFound(known[1]!, 1010);
  assert.deepEqual(actions(machine), []);
  machine.handleFound(addressOf(3), 1010);
  const [other] = actions(machine) as { attempt: number }[];
  machine.handleAttemptFailed(first!.attempt, ERROR, 1020);
  const [second] = actions(machine) as { attempt: number; path: { address: unknown } }[];
  assert.deepEqual(second!.path.address, known[1]);
  machine.handleFindEnd({ error: null, answerCount: 3 }, 1030);
  machine.handleAttemptFailed(other!.attempt, ERROR, 1040);
  assert.deepEqual(actions(machine), []);
  machine.handleAttemptFailed(second!.attempt, ERROR, 1050);
  assert.deepEqual(actions(machine), [{ kind: "find", nodes: null }]);
  machine.handleFound(known[0]!, 1060);
  assert.equal(actions(machine).length, 1);
});

Deno.test("DHT-045 with known nodes only, the second search does not wait for them", () => {
  const machine = machineOf({ relayAddresses: [NODE] });
  machine.start(1000);
  machine.handleTimeout(1020);
  assert.deepEqual(actions(machine).map(({ kind }) => kind), ["handshake", "find"]);
  machine.handleFindEnd({ error: null, answerCount: 3 }, 1030);
  assert.deepEqual(actions(machine), [{ kind: "find", nodes: null }]);
  machine.handleFindEnd({ error: null, answerCount: 3 }, 1040);
  assert.deepEqual(actions(machine), []);
});

Deno.test("DHT-045 a known node that answers at once spares the search, one that fails begins it", () => {
  const quick = machineOf({ relayAddresses: [NODE] });
  quick.start(1000);
  const [handshake] = actions(quick) as { attempt: number }[];
  quick.handleReply(handshake!.attempt, replyOf({ firewall: FIREWALL.OPEN }), 1010);
  assert.deepEqual(actions(quick).map(({ kind }) => kind), ["end-find", "open"]);
  quick.handleAnswered();
  assert.equal(quick.pollDeadline(), null);

  const failing = machineOf({ relayAddresses: [NODE] });
  failing.start(1000);
  const [failed] = actions(failing) as { attempt: number }[];
  failing.handleAttemptFailed(failed!.attempt, ERROR, 1005);
  assert.deepEqual(actions(failing), [{ kind: "find", nodes: [NODE] }]);
  assert.equal(failing.pollDeadline(), null);
});

Deno.test("DHT-049 an earlier way is tried first; when it fails the server is looked for", () => {
  const path = { socket: "old socket", address: SERVER };
  const machine = machineOf({ route: path });
  machine.start(1000);
  const [handshake] = actions(machine) as { attempt: number; path: unknown }[];
  assert.deepEqual(handshake!.path, path);
  machine.handleReply(handshake!.attempt, replyOf({}, { isRelayed: false, serverAddress: SERVER }), 1010);
  assert.deepEqual(actions(machine).at(-1), { kind: "open", stage: "direct", path, isUpgrade: false });

  const other = machineOf({ route: path });
  other.start(1000);
  const [failing] = actions(other) as { attempt: number }[];
  other.handleAttemptFailed(failing!.attempt, ERROR, 2000);
  assert.deepEqual(actions(other), [{ kind: "find", nodes: null }]);
  assert.equal(other.report(2000).attempts[0]!.stage, "reuse");
});

for (
  const [code, payload] of [
    ["SERVER_INCOMPATIBLE", { version: 2 }],
    ["SERVER_ERROR", { error: 1 }],
    ["SERVER_ERROR", { udx: null }],
  ] as const
) {
  Deno.test(`DHT-057 ${code} for ${JSON.stringify(payload)}`, () => {
    const { machine, attempt } = asked();
    machine.handleReply(attempt, replyOf(payload), 1100);
    const error = failureOf(actions(machine));
    assert.equal(error.code, code);
    assert.equal(error.report!.attempts[1]!.outcome, code);
  });
}

Deno.test("DHT-072 an open server is connected to at its public address, or as the relay sees it", () => {
  const addresses4 = [{ host: "10.0.0.1", port: 5 }, { host: "1.2.3.4", port: 6 }];
  const withPublic = answered({ firewall: FIREWALL.OPEN, addresses4 }).actions;
  assert.deepEqual(withPublic, [
    { kind: "open", stage: "direct", path: { socket: null, address: addresses4[1] }, isUpgrade: false },
  ]);
  const without = answered({ firewall: FIREWALL.OPEN, addresses4: addresses4.slice(0, 1) }).actions;
  assert.deepEqual((without[0] as { path: unknown }).path, { socket: null, address: SERVER });
});

Deno.test("DHT-072 a server that was asked itself is connected to where it was asked", () => {
  const { actions: list } = answered({}, { isRelayed: false });
  assert.deepEqual(list, [
    { kind: "open", stage: "direct", path: { socket: null, address: NODE }, isUpgrade: false },
  ]);
});

Deno.test("DHT-072 a client that can be reached waits ten seconds for the server", () => {
  const { machine, actions: list } = answered(
    { holepunch: PUNCHABLE },
    {},
    {},
    (machine) => machine.setLocal(FIREWALL.OPEN, []),
  );
  assert.deepEqual(list, []);
  assert.equal(machine.pollDeadline(), 11_050);
  machine.handleIncoming({ socket: "a", address: SERVER }, 1100);
  assert.deepEqual(actions(machine), [
    { kind: "open", stage: "passive", path: { socket: "a", address: SERVER }, isUpgrade: false },
  ]);

  const { machine: other } = answered(
    { holepunch: PUNCHABLE },
    {},
    {},
    (machine) => machine.setLocal(FIREWALL.OPEN, []),
  );
  other.handleTimeout(11_049);
  assert.deepEqual(actions(other), []);
  other.handleTimeout(11_050);
  assert.equal(failureOf(actions(other)).code, "HOLEPUNCH_ABORTED");
});

Deno.test("DHT-044 a packet of the server that comes before its answer shows the way", () => {
  const { machine, attempt } = asked();
  machine.handleIncoming({ socket: "a", address: SERVER }, 1020);
  assert.deepEqual(actions(machine), []);
  machine.handleReply(attempt, replyOf({ holepunch: PUNCHABLE }), 1030);
  assert.deepEqual(actions(machine), [
    { kind: "end-find" },
    { kind: "open", stage: "passive", path: { socket: "a", address: SERVER }, isUpgrade: false },
  ]);
});

Deno.test("DHT-073 a firewalled server is punched to; the result or the error of the punch decides", () => {
  const { machine, actions: list } = answered({ holepunch: PUNCHABLE });
  assert.deepEqual(list, [{ kind: "punch" }]);
  machine.setFirewalls(FIREWALL.CONSISTENT, FIREWALL.RANDOM);
  machine.handlePunched({ socket: "hole", address: SERVER }, 1500);
  assert.deepEqual(actions(machine), [
    { kind: "open", stage: "holepunch", path: { socket: "hole", address: SERVER }, isUpgrade: false },
  ]);

  const { machine: other } = answered({ holepunch: PUNCHABLE });
  other.setFirewalls(FIREWALL.RANDOM, FIREWALL.RANDOM);
  other.handlePunchFailed(new DHTError("HOLEPUNCH_DOUBLE_RANDOMIZED_NATS"), 1500);
  const { message, report } = failureOf(actions(other));
  assert.equal(
    message,
    "HOLEPUNCH_DOUBLE_RANDOMIZED_NATS: Both remote and local NATs are randomized; " +
      "tried: holepunch HOLEPUNCH_DOUBLE_RANDOMIZED_NATS; NATs: ours random, theirs random",
  );
  assert.equal(report!.stage, "holepunch");
  assert.equal(report!.localFirewall, FIREWALL.RANDOM);
  assert.equal(report!.remoteFirewall, FIREWALL.RANDOM);
});

Deno.test("DHT-057 an error of a request that ends a punch becomes the cause", () => {
  const { machine } = answered({ holepunch: PUNCHABLE });
  machine.handlePunchFailed(ERROR, 1500);
  const error = failureOf(actions(machine));
  assert.equal(error.code, "PEER_CONNECTION_FAILED");
  assert.equal(error.cause, ERROR);
});

Deno.test("DHT-072 a relayed server without relays of its own is connected to as it is seen", () => {
  const { actions: list } = answered({ holepunch: null });
  assert.deepEqual((list[0] as { path: unknown }).path, { socket: null, address: SERVER });
});

Deno.test("DHT-057 CANNOT_HOLEPUNCH for a firewalled server that is its own relay and names no others", () => {
  const { machine, attempt } = asked();
  machine.handleReply(attempt, replyOf({ holepunch: null }, { serverAddress: NODE }), 1050);
  assert.equal(failureOf(actions(machine)).code, "CANNOT_HOLEPUNCH");
});

Deno.test("DHT-050 DHT-076 behind the same address the local network is tried first, then punching races it", () => {
  const addresses4 = [{ host: "192.168.1.9", port: 7 }, { host: "240.0.0.1", port: 1 }];
  const near = { holepunch: PUNCHABLE, addresses4 };
  const sameHost = { clientAddress: { host: SERVER_HOST, port: 9 } };
  const setUp = (machine: ConnectMachine<string>) =>
    machine.setLocal(FIREWALL.UNKNOWN, [{ host: "192.168.1.2", port: 1 }]);
  const { machine, actions: list } = answered(near, sameHost, {}, setUp);
  assert.deepEqual(list, [{ kind: "ping", address: addresses4[0] }]);
  assert.equal(machine.pollDeadline(), 1150);
  machine.handleTimeout(1150);
  assert.deepEqual(actions(machine), [{ kind: "punch" }]);
  machine.handlePong(null, 1160);
  assert.deepEqual(actions(machine), [
    { kind: "open", stage: "lan", path: { socket: null, address: addresses4[0] }, isUpgrade: false },
  ]);
  // Whoever comes second changes nothing.
  machine.handlePunched({ socket: "hole", address: SERVER }, 1170);
  assert.deepEqual(actions(machine), []);

  const { machine: lost } = answered(near, sameHost, {}, setUp);
  lost.handlePong(ERROR, 1060);
  assert.deepEqual(actions(lost), [{ kind: "punch" }]);
  lost.handlePunched({ socket: "hole", address: SERVER }, 1070);
  assert.equal((actions(lost)[0] as { stage: string }).stage, "holepunch");

  assert.deepEqual(answered(near, sameHost, { isLanAllowed: false }, setUp).actions, [{ kind: "punch" }]);
  assert.deepEqual(answered(near, {}, {}, setUp).actions, [{ kind: "punch" }]);
});

Deno.test("DHT-048 DHT-077 a relay is met at while punching, and left for the hole", () => {
  const { machine, actions: list } = answered({ holepunch: PUNCHABLE }, {}, { isRelayWanted: true });
  assert.deepEqual(list, [{ kind: "relay" }, { kind: "punch" }]);
  machine.handleRelayed(1200);
  assert.ok(machine.isReaching);
  assert.equal(machine.pollDeadline(), 31_200);
  machine.handleAnswered();
  assert.equal(machine.pollDeadline(), null);
  machine.handlePunched({ socket: "hole", address: SERVER }, 1500);
  assert.deepEqual(actions(machine), [
    { kind: "open", stage: "holepunch", path: { socket: "hole", address: SERVER }, isUpgrade: true },
  ]);
  assert.equal(machine.pollDeadline(), null);
});

Deno.test("DHT-077 a relayed connection stays when punching fails", () => {
  const { machine } = answered({ holepunch: PUNCHABLE }, {}, { isRelayWanted: true });
  machine.handleRelayed(1200);
  machine.handlePunchFailed(new DHTError("HOLEPUNCH_ABORTED"), 40_000);
  assert.deepEqual(actions(machine), []);
  assert.ok(!machine.isOver);
});

Deno.test("DHT-028 DHT-057 the error of whichever way ends last is given", () => {
  const relayThrough = { version: 1, publicKey: new Uint8Array(32), token: new Uint8Array(32) };
  const alone = answered({ holepunch: PUNCHABLE, relayThrough }, {}, { isRelayAllowed: false });
  assert.deepEqual(alone.actions, [{ kind: "punch" }]);

  const punchLast = answered({ holepunch: PUNCHABLE, relayThrough }).machine;
  punchLast.handleRelayFailed(new DHTError("RELAY_ABORTED"), 1200);
  assert.deepEqual(actions(punchLast), []);
  punchLast.handlePunchFailed(new DHTError("REMOTE_ABORTED"), 1300);
  assert.equal(
    failureOf(actions(punchLast)).message,
    "REMOTE_ABORTED: Remote aborted; tried: relay RELAY_ABORTED, holepunch REMOTE_ABORTED; " +
      "NATs: ours unknown, theirs unknown",
  );

  const relayLast = answered({ holepunch: PUNCHABLE, relayThrough }).machine;
  relayLast.handlePunchFailed(new DHTError("REMOTE_ABORTED"), 1200);
  assert.deepEqual(actions(relayLast), []);
  relayLast.handleRelayFailed(new DHTError("RELAY_ABORTED"), 1300);
  const { code, report } = failureOf(actions(relayLast));
  assert.equal(code, "RELAY_ABORTED");
  assert.equal(report!.stage, "relay");
  assert.deepEqual(report!.attempts.map(({ stage, outcome }) => [stage, outcome]), [
    ["find", "ok"],
    ["handshake", "ok"],
    ["relay", "RELAY_ABORTED"],
    ["holepunch", "REMOTE_ABORTED"],
  ]);
});

Deno.test("DHT-057 a server that accepts and never answers is given up after thirty seconds", () => {
  const { machine } = answered({ firewall: FIREWALL.OPEN });
  assert.equal(machine.pollDeadline(), 31_050);
  machine.handleTimeout(31_049);
  assert.deepEqual(actions(machine), []);
  machine.handleTimeout(31_050);
  assert.equal(
    failureOf(actions(machine)).message,
    "PEER_CONNECTION_FAILED: Peer accepted and did not answer",
  );
});

Deno.test("DHT-044 a closed connect does nothing more, whatever comes", () => {
  const { machine, attempt } = asked();
  machine.close();
  machine.handleFound(NODE, 1);
  machine.handleReply(attempt, replyOf({ holepunch: PUNCHABLE }), 1);
  machine.handleAttemptFailed(attempt, ERROR, 1);
  machine.handleFindEnd({ error: null, answerCount: 3 }, 1);
  machine.handleIncoming({ socket: "a", address: SERVER }, 1);
  machine.handleRelayed(1);
  machine.handlePong(null, 1);
  machine.handlePunched({ socket: "a", address: SERVER }, 1);
  machine.handlePunchFailed(ERROR, 1);
  machine.handleTimeout(1e9);
  machine.start(1);
  assert.deepEqual(actions(machine), []);
  assert.equal(machine.pollDeadline(), null);
});

Deno.test("DHT-044 thousands of nodes that claim to know the server are not all asked, nor all reported", () => {
  const machine = machineOf();
  machine.start(1000);
  for (let i = 0; i < 5000; i++) machine.handleFound({ host: `1.2.${i >> 8}.${i & 255}`, port: 1 }, 1000);
  let count = 0;
  for (let list = actions(machine); list.length > 0; list = actions(machine)) {
    for (const action of list) {
      if (action.kind !== "handshake") continue;
      count++;
      machine.handleAttemptFailed(action.attempt, ERROR, 1000);
    }
  }
  assert.equal(count, 64);
  machine.handleFindEnd({ error: null, answerCount: 3 }, 1000);
  assert.equal(failureOf(actions(machine)).report!.attempts.length, 64);
});

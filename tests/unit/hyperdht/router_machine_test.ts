/** The ways of handshakes and hole punching messages, as dialogues. */
import { strict as assert } from "node:assert";
import { encode } from "../../../src/compact_encoding/mod.ts";
import {
  handshake,
  type HandshakeMessage,
  holepunch,
  type HolepunchMessage,
  tryDecode,
} from "../../../src/hyperdht/messages.ts";
import { type RouterAction, RouterMachine } from "../../../src/hyperdht/router_machine.ts";
import { addressOf, bytesOf } from "./support.ts";

const TARGET = bytesOf(1);
const RECORD = bytesOf(9, 33);
const NOISE = bytesOf(2, 5);
const [CLIENT, RELAY, SECOND_RELAY, SERVER] = [1, 2, 3, 4].map(addressOf) as [
  ReturnType<typeof addressOf>,
  ReturnType<typeof addressOf>,
  ReturnType<typeof addressOf>,
  ReturnType<typeof addressOf>,
];

function router(): RouterMachine<string> {
  return new RouterMachine({ maxSize: 10, maxAgeMs: 1000 });
}

/** A relay's table: `target` is reached at `SERVER`. */
function relayRouter(to = SERVER): RouterMachine<string> {
  const machine = router();
  machine.addRelay(TARGET, to, RECORD, 0);
  return machine;
}

function serverRouter(): RouterMachine<string> {
  const machine = router();
  machine.addServer(TARGET, "server", RECORD);
  return machine;
}

function shake(
  machine: RouterMachine<string>,
  message: HandshakeMessage,
  from = CLIENT,
): RouterAction<string> {
  return machine.handleHandshake(TARGET, encode(handshake, message), from, 0);
}

function punch(
  machine: RouterMachine<string>,
  message: HolepunchMessage,
  from = CLIENT,
): RouterAction<string> {
  return machine.handleHolepunch(TARGET, encode(holepunch, message), from, 0);
}

/** The action with its value decoded. */
function read(action: RouterAction<string>): unknown {
  if (action.kind !== "relay" && action.kind !== "reply") return action;
  const message = tryDecode(handshake, action.value)!;
  return { ...action, value: { ...message, noise: message.noise.byteLength } };
}

function readPunch(action: RouterAction<string>): unknown {
  if (action.kind !== "relay" && action.kind !== "reply") return action;
  const message = tryDecode(holepunch, action.value)!;
  return { ...action, value: { ...message, payload: message.payload.byteLength } };
}

Deno.test("DHT-078 a handshake goes from the client over one relay to the server and back", () => {
  const [relay, server] = [relayRouter(), serverRouter()];
  const first = shake(relay, { mode: 0, noise: NOISE });
  assert.deepEqual(read(first), {
    kind: "relay",
    to: SERVER,
    value: { mode: 2, noise: 5, peerAddress: CLIENT, relayAddress: null },
  });

  const asked = server.handleHandshake(TARGET, (first as { value: Uint8Array }).value, RELAY, 0);
  assert.equal(asked.kind, "handshake");
  const { message } = asked as RouterAction<string> & { kind: "handshake" };
  const answer = server.answerHandshake(message, bytesOf(3, 7), RELAY);
  assert.deepEqual(read(answer), {
    kind: "relay",
    to: RELAY,
    value: { mode: 1, noise: 7, peerAddress: CLIENT, relayAddress: null },
  });

  const reply = relay.handleHandshake(TARGET, (answer as { value: Uint8Array }).value, SERVER, 0);
  assert.deepEqual(read(reply), {
    kind: "reply",
    to: CLIENT,
    value: { mode: 4, noise: 7, peerAddress: SERVER, relayAddress: null },
  });
});

Deno.test("DHT-078 a second relay is passed on the way there, and the server answers over it", () => {
  const [second, server] = [relayRouter(), serverRouter()];
  const passed = shake(second, { mode: 2, noise: NOISE, peerAddress: CLIENT }, RELAY);
  assert.deepEqual(read(passed), {
    kind: "relay",
    to: SERVER,
    value: { mode: 3, noise: 5, peerAddress: CLIENT, relayAddress: RELAY },
  });
  const asked = server.handleHandshake(TARGET, (passed as { value: Uint8Array }).value, SECOND_RELAY, 0);
  const { message } = asked as RouterAction<string> & { kind: "handshake" };
  assert.deepEqual(read(server.answerHandshake(message, NOISE, SECOND_RELAY)), {
    kind: "relay",
    to: RELAY,
    value: { mode: 1, noise: 5, peerAddress: CLIENT, relayAddress: null },
  });
});

Deno.test("DHT-078 a client that asks the server's node itself gets a plain reply", () => {
  const server = serverRouter();
  const asked = shake(server, { mode: 0, noise: NOISE });
  const { message } = asked as RouterAction<string> & { kind: "handshake" };
  assert.deepEqual(read(server.answerHandshake(message, NOISE, CLIENT)), {
    kind: "reply",
    to: null,
    value: { mode: 4, noise: 5, peerAddress: null, relayAddress: null },
  });
});

Deno.test("DHT-078 a node that does not know the server names closer nodes, or asks the relay it is told", () => {
  assert.deepEqual(shake(router(), { mode: 0, noise: NOISE }), { kind: "closer-nodes" });
  assert.deepEqual(read(shake(router(), { mode: 0, noise: NOISE, relayAddress: RELAY })), {
    kind: "relay",
    to: RELAY,
    value: { mode: 2, noise: 5, peerAddress: CLIENT, relayAddress: null },
  });
});

Deno.test("DHT-078 handshakes that make no sense are dropped", () => {
  const drop = { kind: "drop" };
  assert.deepEqual(shake(router(), { mode: 2, noise: NOISE, peerAddress: CLIENT }), drop);
  assert.deepEqual(shake(router(), { mode: 1, noise: NOISE }), drop);
  assert.deepEqual(shake(router(), { mode: 1, noise: NOISE, peerAddress: { ...CLIENT, port: 0 } }), drop);
  assert.deepEqual(shake(router(), { mode: 4, noise: NOISE, peerAddress: CLIENT }), drop);
  assert.deepEqual(shake(router(), { mode: 77, noise: NOISE }), drop);
  assert.deepEqual(shake(serverRouter(), { mode: 1, noise: NOISE, peerAddress: CLIENT }), drop);
  assert.deepEqual(shake(serverRouter(), { mode: 3, noise: NOISE, peerAddress: CLIENT }), drop);
  assert.deepEqual(shake(relayRouter({ ...SERVER, port: 0 }), { mode: 0, noise: NOISE }), drop);
  assert.deepEqual(relayRouter().handleHandshake(TARGET, null, CLIENT, 0), drop);
  assert.deepEqual(relayRouter().handleHandshake(TARGET, Uint8Array.of(3, 0), CLIENT, 0), drop);
  assert.deepEqual(
    relayRouter().handleHandshake(null, encode(handshake, { mode: 0, noise: NOISE }), CLIENT, 0),
    {
      kind: "closer-nodes",
    },
  );
});

Deno.test("DHT-078 a hole punching message goes from the client over the server's relay and back", () => {
  const [relay, server] = [router(), serverRouter()];
  const first = punch(relay, { mode: 0, id: 300, payload: NOISE, peerAddress: SERVER });
  assert.deepEqual(readPunch(first), {
    kind: "relay",
    to: SERVER,
    value: { mode: 2, id: 300, payload: 5, peerAddress: CLIENT },
  });
  const asked = server.handleHolepunch(TARGET, (first as { value: Uint8Array }).value, RELAY, 0);
  assert.equal(asked.kind, "holepunch");
  const { message } = asked as RouterAction<string> & { kind: "holepunch" };
  assert.equal(message.id, 300);
  const answer = server.answerHolepunch(message, bytesOf(1, 9), RELAY);
  assert.deepEqual(readPunch(answer), {
    kind: "relay",
    to: RELAY,
    value: { mode: 1, id: 0, payload: 9, peerAddress: CLIENT },
  });
  const reply = relay.handleHolepunch(TARGET, (answer as { value: Uint8Array }).value, SERVER, 0);
  assert.deepEqual(readPunch(reply), {
    kind: "reply",
    to: CLIENT,
    value: { mode: 4, id: 0, payload: 9, peerAddress: SERVER },
  });
  // Without an address the relay uses the way it knows.
  const known = punch(relayRouter(), { mode: 0, id: 1, payload: NOISE });
  assert.deepEqual((known as { to: unknown }).to, SERVER);
});

Deno.test("DHT-078 hole punching messages that make no sense are dropped", () => {
  const drop = { kind: "drop" };
  assert.deepEqual(punch(router(), { mode: 0, id: 1, payload: NOISE }), drop);
  assert.deepEqual(punch(serverRouter(), { mode: 0, id: 1, payload: NOISE }), drop);
  assert.deepEqual(
    punch(router(), { mode: 0, id: 1, payload: NOISE, peerAddress: { ...SERVER, port: 0 } }),
    drop,
  );
  assert.deepEqual(punch(router(), { mode: 2, id: 1, payload: NOISE, peerAddress: CLIENT }), drop);
  assert.deepEqual(punch(serverRouter(), { mode: 2, id: 1, payload: NOISE }), drop);
  assert.deepEqual(punch(router(), { mode: 9, id: 1, payload: NOISE, peerAddress: CLIENT }), drop);
  assert.deepEqual(router().handleHolepunch(TARGET, null, CLIENT, 0), drop);
});

Deno.test("DHT-078 routes: servers of this node come first, announced ones are forgotten, none replaces another's", () => {
  const machine = relayRouter();
  machine.addServer(TARGET, "server", RECORD);
  machine.addRelay(TARGET, RELAY, bytesOf(8), 0);
  assert.deepEqual(machine.get(TARGET, 0), { kind: "server", server: "server", record: RECORD });
  machine.removeServer(TARGET, "another");
  assert.equal(machine.get(TARGET, 0)!.kind, "server");
  machine.removeServer(TARGET, "server");
  assert.equal(machine.get(TARGET, 0), null);

  machine.addRelay(TARGET, RELAY, RECORD, 0);
  assert.deepEqual(machine.get(TARGET, 0), { kind: "relay", relay: RELAY, record: RECORD });
  assert.equal(machine.get(TARGET, 3000), null);
  machine.addRelay(TARGET, RELAY, RECORD, 3000);
  machine.removeRelay(TARGET);
  assert.equal(machine.get(TARGET, 3000), null);
  for (let i = 0; i < 100; i++) machine.addRelay(bytesOf(i), RELAY, RECORD, 3000);
  assert.ok(machine.size <= 20);
  machine.clear();
  assert.equal(machine.size, 0);
});

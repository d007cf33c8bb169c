/** The Noise handshake: recorded dialogues, forged answers, wrong order. */
import { strict as assert } from "node:assert";
import { hexBytes, hexText } from "../../../src/base/mod.ts";
import { randomBytes } from "../../../src/crypto/mod.ts";
import type { NoisePayload } from "../../../src/hyperdht/messages.ts";
import { NoiseWrap } from "../../../src/hyperdht/mod.ts";
import { NS } from "../../../src/hyperdht/constants.ts";
import { NoiseHandshake } from "../../../src/secret_stream/mod.ts";
import recorded from "../../vectors/hyperdht/handshakes.json" with { type: "json" };
import { bytesOf, EMPTY_PAYLOAD, keyPairOf, revive } from "./support.ts";

const [CLIENT, SERVER] = [keyPairOf(11), keyPairOf(12)];

/** A client that has sent, and a server that has not read. */
function begun(): { client: NoiseWrap; server: NoiseWrap; first: Uint8Array } {
  const client = new NoiseWrap(CLIENT, SERVER.publicKey);
  return { client, server: new NoiseWrap(SERVER, null), first: client.send(EMPTY_PAYLOAD) };
}

for (const [index, dialogue] of recorded.handshakes.entries()) {
  Deno.test(`DHT-W04 NoiseWrap says and understands what was recorded (${index})`, () => {
    const client = new NoiseWrap(CLIENT, SERVER.publicKey, () => bytesOf(13));
    const server = new NoiseWrap(SERVER, null, () => bytesOf(14));
    const first = client.send(revive(dialogue.clientPayload) as NoisePayload);
    assert.equal(hexText(first), dialogue.first);
    server.recv(hexBytes(dialogue.first));
    assert.equal(hexText(server.remotePublicKey!), hexText(CLIENT.publicKey));
    const second = server.send(revive(dialogue.serverPayload) as NoisePayload);
    assert.equal(hexText(second), dialogue.second);
    client.recv(hexBytes(dialogue.second));
    for (const [side, wrap] of [["client", client], ["server", server]] as const) {
      const result = Object.fromEntries(
        Object.entries(wrap.final()).map(([name, value]) => [
          name,
          typeof value === "boolean" ? value : hexText(value as Uint8Array),
        ]),
      );
      assert.deepEqual(result, dialogue[side]);
    }
  });
}

Deno.test("DHT-057 NoiseWrap gives nothing before both messages are through", () => {
  const { client } = begun();
  assert.throws(() => client.final(), { code: "HANDSHAKE_UNFINISHED" });
});

Deno.test("DHT-W04 a forged answer leaves a client ready for the true one", () => {
  const { client, server, first } = begun();
  server.recv(first);
  const second = server.send(EMPTY_PAYLOAD);
  for (const forged of [new Uint8Array(0), randomBytes(second.byteLength), second.subarray(1), first]) {
    assert.throws(() => client.recv(forged), { code: "HANDSHAKE_INVALID" });
    assert.throws(() => client.final(), { code: "HANDSHAKE_UNFINISHED" });
  }
  client.recv(second);
  assert.deepEqual(client.final().hash, server.final().hash);
  assert.throws(() => client.recv(second), { code: "HANDSHAKE_INVALID" });
});

Deno.test("DHT-W04 a server refuses a message for another key, changed or cut", () => {
  const { first } = begun();
  assert.throws(() => new NoiseWrap(keyPairOf(3), null).recv(first), { code: "HANDSHAKE_INVALID" });
  for (let i = 0; i < first.byteLength; i++) {
    const changed = Uint8Array.from(first);
    changed[i]! ^= 0x40;
    assert.throws(
      () => new NoiseWrap(SERVER, null).recv(changed),
      { code: "HANDSHAKE_INVALID" },
      `byte ${i}`,
    );
    assert.throws(() => new NoiseWrap(SERVER, null).recv(first.subarray(0, i)), {
      code: "HANDSHAKE_INVALID",
    });
  }
});

Deno.test("DHT-W04 keys that are no proper keys are refused with a code", () => {
  const client = new NoiseWrap(CLIENT, new Uint8Array(32));
  assert.throws(() => client.send(EMPTY_PAYLOAD), { code: "HANDSHAKE_INVALID" });
  assert.throws(() => new NoiseWrap(CLIENT, new Uint8Array(31)), TypeError);
});

Deno.test("DHT-W04 a payload that cannot be read is an invalid handshake", () => {
  const noise = new NoiseHandshake({
    pattern: "IK",
    isInitiator: true,
    keyPair: CLIENT,
    remotePublicKey: SERVER.publicKey,
    prologue: NS.PEER_HANDSHAKE,
    randomBytes,
  });
  const message = noise.writeMessage(hexBytes("010800"))!;
  assert.throws(() => new NoiseWrap(SERVER, null).recv(message), {
    code: "HANDSHAKE_INVALID",
    message: "HANDSHAKE_INVALID: Payload of the handshake is none",
  });
});

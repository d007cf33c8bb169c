import { strict as assert } from "node:assert";
import { concatBytes, hexBytes, utf8Text } from "../../../src/base/mod.ts";
import { randomBytes, signKeyPair } from "../../../src/crypto/mod.ts";
import { type ChannelEvent, ChannelMachine } from "../../../src/secret_stream/channel_machine.ts";
import { bytes, seedOf } from "./support.ts";

function channel(isInitiator: boolean): ChannelMachine {
  const machine = new ChannelMachine({ isInitiator, randomBytes });
  machine.prepareHandshake({ pattern: "XX", keyPair: signKeyPair(seedOf(isInitiator ? 1 : 2)) });
  return machine;
}

/** A channel that has shaken hands and heard the header, and its peer. */
function openChannels(): [ChannelMachine, ChannelMachine] {
  const a = channel(true);
  const b = channel(false);
  a.startHandshake();
  for (let i = 0; i < 2; i++) {
    give(b, a.pollTransmit()!);
    give(a, b.pollTransmit()!);
  }
  return [a, b];
}

/** Hands bytes in and works them off. */
function give(machine: ChannelMachine, chunk: Uint8Array): void {
  machine.handleBytes(chunk);
  drain(machine);
}

function drain(machine: ChannelMachine): ChannelEvent[] {
  const events: ChannelEvent[] = [];
  for (let event = machine.pollEvent(); event !== null; event = machine.pollEvent()) events.push(event);
  return events;
}

/** Names of the events, with codes and texts of messages. */
function told(machine: ChannelMachine): string[] {
  return drain(machine).flatMap((event) => {
    if (event.kind === "failed") return [event.error.code];
    return event.kind === "messages" ? event.messages.map(utf8Text) : [event.kind];
  });
}

Deno.test("SS-W01 SS-W02 ChannelMachine XX dialogue", () => {
  const a = channel(true);
  const b = channel(false);
  assert.equal(a.pollTransmit(), null);
  a.startHandshake();
  b.startHandshake();
  assert.equal(b.pollTransmit(), null, "the responder waits");
  const first = a.pollTransmit()!;
  assert.equal(first.byteLength, 3 + 32);
  b.handleBytes(first);
  assert.deepEqual(told(b), []);
  const second = b.pollTransmit()!;
  assert.equal(second.byteLength, 3 + 32 + 48 + 16);
  a.handleBytes(second);
  assert.deepEqual(told(a), ["handshake"]);
  assert.ok(a.isOpen);
  const third = a.pollTransmit()!;
  assert.equal(third.byteLength, 3 + 48 + 16 + 3 + 56, "the header goes with the last message");
  b.handleBytes(concatBytes([third, a.encrypt([bytes("one"), bytes("")]), a.encrypt([bytes("two")])]));
  assert.deepEqual(told(b), ["handshake", "one", "", "two"]);
  const header = b.pollTransmit()!;
  assert.equal(header.byteLength, 3 + 56);
  a.handleBytes(header.subarray(0, 40));
  assert.deepEqual(told(a), []);
  assert.equal(a.missingBytes, 19);
  a.handleBytes(concatBytes([header.subarray(40), b.encrypt([bytes("back")])]));
  assert.deepEqual(told(a), ["back"]);
  assert.equal(a.missingBytes, 0);
});

Deno.test("SS-W01 ChannelMachine fails on garbage in place of a handshake", () => {
  for (
    const [name, hex] of [
      ["empty message", "000000"],
      ["too short", "010000ff"],
      ["no point", "200000" + "00".repeat(32)],
      ["too long for Noise", "000001"],
    ] as const
  ) {
    const machine = channel(false);
    machine.handleBytes(hexBytes(hex));
    assert.deepEqual(told(machine), ["HANDSHAKE_FAILED"], name);
    assert.equal(machine.pollTransmit(), null, name);
    machine.handleBytes(hexBytes(hex));
    assert.deepEqual(told(machine), [], `${name}: over`);
  }
});

Deno.test("SS-W01 ChannelMachine fails when the initiator is spoken to first", () => {
  const machine = channel(true);
  machine.handleBytes(hexBytes("200000" + "00".repeat(32)));
  assert.deepEqual(told(machine), ["HANDSHAKE_FAILED"]);
});

Deno.test("SS-W02 ChannelMachine refuses a header of another length or another stream", () => {
  for (
    const [change, code] of [
      [(header: Uint8Array) => header[0] = 55, "INVALID_HEADER_MESSAGE"],
      [(header: Uint8Array) => header[0] = 57, "INVALID_HEADER_MESSAGE"],
      [(header: Uint8Array) => header[2] = 1, "INVALID_HEADER_MESSAGE"],
      [(header: Uint8Array) => header[3]! ^= 1, "INVALID_HEADER"],
      [(header: Uint8Array) => header[34]! ^= 128, "INVALID_HEADER"],
    ] as const
  ) {
    const a = channel(true);
    const b = channel(false);
    a.startHandshake();
    give(b, a.pollTransmit()!);
    give(a, b.pollTransmit()!);
    give(b, a.pollTransmit()!);
    const header = b.pollTransmit()!;
    change(header);
    a.handleBytes(header);
    assert.deepEqual(told(a), [code]);
  }
});

Deno.test("SS-W02 ChannelMachine refuses its own header sent back", () => {
  const a = channel(true);
  const b = channel(false);
  a.startHandshake();
  give(b, a.pollTransmit()!);
  give(a, b.pollTransmit()!);
  a.handleBytes(a.pollTransmit()!.subarray(-59));
  assert.deepEqual(told(a), ["INVALID_HEADER"]);
});

Deno.test("SS-W04 ChannelMachine refuses a message with any byte changed, and tells of those before it", () => {
  for (let byte = 3; byte < 3 + 17 + 3; byte++) {
    const [a, b] = openChannels();
    const good = a.encrypt([bytes("good")]);
    const bad = a.encrypt([bytes("bad")]);
    bad[byte]! ^= 1;
    b.handleBytes(concatBytes([good, bad, a.encrypt([bytes("late")])]));
    assert.deepEqual(told(b), ["good", "DECRYPTION_FAILED"]);
    b.handleBytes(a.encrypt([bytes("later")]));
    assert.deepEqual(told(b), []);
  }
});

Deno.test("SS-W04 ChannelMachine refuses a message left out, repeated or out of order", () => {
  const cases: ((frames: Uint8Array[]) => Uint8Array[])[] = [
    ([, second]) => [second!],
    ([first]) => [first!, first!],
    ([first, second]) => [second!, first!],
  ];
  for (const change of cases) {
    const [a, b] = openChannels();
    b.handleBytes(concatBytes(change([a.encrypt([bytes("1")]), a.encrypt([bytes("2")])])));
    assert.equal(told(b).at(-1), "DECRYPTION_FAILED");
  }
});

Deno.test("SS-W04 ChannelMachine refuses a frame too short for a message, whole or not", () => {
  for (const hex of ["000000", "100000", "100000" + "00".repeat(16)]) {
    const [, b] = openChannels();
    b.handleBytes(hexBytes(hex));
    assert.deepEqual(told(b), ["INVALID_MESSAGE"], hex);
  }
  const [, b] = openChannels();
  b.handleBytes(hexBytes("110000" + "00".repeat(17)));
  assert.deepEqual(told(b), ["DECRYPTION_FAILED"]);
});

Deno.test("SS-W04 ChannelMachine takes messages in pieces of any size", () => {
  const texts = ["", "x", "y".repeat(1000), "z".repeat(200_000)];
  for (const pieceBytes of [1, 7, 4096, 65_536]) {
    const [a, b] = openChannels();
    const run = a.encrypt(texts.map(bytes));
    const got: string[] = [];
    for (let offset = 0; offset < run.byteLength; offset += pieceBytes) {
      b.handleBytes(run.slice(offset, offset + pieceBytes));
      got.push(...told(b));
    }
    assert.deepEqual(got, texts);
  }
});

Deno.test("SS-024 ChannelMachine carries a frame of 16 MiB - 1", () => {
  const [a, b] = openChannels();
  const message = new Uint8Array(0xffffff - 17).fill(3);
  const run = a.encrypt([message]);
  assert.equal(run.byteLength, 3 + 0xffffff);
  b.handleBytes(run.subarray(0, 1_000_000));
  assert.deepEqual(told(b), []);
  assert.equal(b.missingBytes, 3 + 0xffffff - 1_000_000);
  b.handleBytes(run.subarray(1_000_000));
  const [event] = drain(b);
  assert.ok(event?.kind === "messages");
  assert.equal(event.messages.length, 1);
  assert.equal(Buffer.compare(event.messages[0]!, message), 0);
});

Deno.test("ChannelMachine.encrypt() throws before the handshake and after destroy()", () => {
  const a = channel(true);
  assert.throws(() => a.encrypt([bytes("early")]), /channel is handshake/);
  const [b] = openChannels();
  b.destroy();
  assert.throws(() => b.encrypt([bytes("late")]), /channel is closed/);
});

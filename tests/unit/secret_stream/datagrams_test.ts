/**
 * Unordered messages over a raw stream that can carry them, as UDX streams do.
 */
import { strict as assert } from "node:assert";
import { concatBytes, hexText, utf8Text } from "../../../src/base/mod.ts";
import { SecretStream, SecretStreamError } from "../../../src/secret_stream/mod.ts";
import { MemoryEnd } from "../../helpers/memory_pair.ts";
import { bytes, closed, drawn, settled } from "./support.ts";

/** An end of a wire that carries datagrams too. */
class UdxLikeEnd extends MemoryEnd {
  readonly udx = {};
  readonly sent: Uint8Array[] = [];
  readonly tried: Uint8Array[] = [];
  readonly contentSizes: number[] = [];
  other: UdxLikeEnd | null = null;

  send(message: Uint8Array): Promise<boolean> {
    this.sent.push(message.slice());
    this.other!.emit("message" as "data", message);
    return Promise.resolve(true);
  }

  trySend(message: Uint8Array): void {
    this.tried.push(message.slice());
    this.other!.emit("message" as "data", message);
  }

  setContentSize(byteLength: number): void {
    this.contentSizes.push(byteLength);
  }
}

function udxLikePair(): [UdxLikeEnd, UdxLikeEnd] {
  const [left, right] = [new UdxLikeEnd(), new UdxLikeEnd()];
  MemoryEnd.connect(left, right);
  [left.other, right.other] = [right, left];
  return [left, right];
}

async function pair(responderOptions = {}) {
  const [left, right] = udxLikePair();
  const initiator = new SecretStream(true, left);
  const responder = new SecretStream(false, right, responderOptions);
  await Promise.all([initiator.opened, responder.opened]);
  const messages: string[] = [];
  responder.on("message", (message) => messages.push(utf8Text(message)));
  return { initiator, responder, left, right, messages };
}

Deno.test("SS-014 SS-015 send() and trySend() reach the other side as 'message'", async () => {
  const { initiator, responder, left, messages } = await pair();
  assert.equal(await initiator.send(bytes("sent")), true);
  assert.equal(initiator.trySend(bytes("tried")), undefined);
  initiator.trySend(bytes(""));
  assert.deepEqual(messages, ["sent", "tried", ""]);
  assert.equal(left.sent[0]!.byteLength, 8 + 16 + 4);
  assert.notEqual(hexText(left.sent[0]!), hexText(left.tried[0]!));
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-014 send() does nothing before the handshake, without datagrams underneath, after the end", async () => {
  const [left] = udxLikePair();
  const early = new SecretStream(true, left);
  assert.equal(early.send(bytes("early")), undefined);
  early.trySend(bytes("early"));
  assert.deepEqual([left.sent, left.tried], [[], []]);
  left.emit("message" as "data", bytes("who are you to say so early"));
  early.destroy();

  const plain = new SecretStream(true);
  assert.equal(plain.send(bytes("nowhere")), undefined);
  plain.trySend(bytes("nowhere"));
  plain.destroy();

  const { initiator, responder, left: end } = await pair();
  initiator.destroy();
  await Promise.all([closed(initiator), closed(responder)]);
  assert.equal(initiator.send(bytes("late")), undefined);
  assert.deepEqual(end.sent, []);
});

Deno.test("SS-015 datagrams that are short, changed or foreign are dropped", async () => {
  const { initiator, responder, left, right, messages } = await pair();
  await initiator.send(bytes("first"));
  const sealed = left.sent[0]!;
  for (const byteLength of [0, 7, 8, 23, 24, sealed.byteLength - 1]) {
    right.emit("message" as "data", sealed.slice(0, byteLength));
  }
  for (let byte = 0; byte < sealed.byteLength; byte++) {
    const changed = sealed.slice();
    changed[byte]! ^= 1;
    right.emit("message" as "data", changed);
  }
  left.emit("message" as "data", sealed);
  assert.deepEqual(messages, ["first"]);
  assert.equal(responder.destroying, false);
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-007 opts.enableSend: false receives no datagrams", async () => {
  const { initiator, responder, messages } = await pair({ enableSend: false });
  assert.equal(responder.enableSend, false);
  await initiator.send(bytes("unheard"));
  assert.deepEqual(messages, []);
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-014 datagrams count from random bytes of the stream's own source", async () => {
  const [left, right] = udxLikePair();
  const draws = ["05".repeat(32), "06".repeat(24), "ff00000000000000"];
  const keyPair = SecretStream.keyPair();
  const initiator = new SecretStream(true, left, { keyPair, randomBytes: drawn(draws) });
  const responder = new SecretStream(false, right);
  await Promise.all([initiator.opened, responder.opened]);
  await initiator.send(bytes("counted"));
  assert.equal(hexText(left.sent[0]!.subarray(0, 8)), "0001000000000000");
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-014 the stream is destroyed when every datagram counter has been used", async () => {
  const [left, right] = udxLikePair();
  // A counter of one byte stands for one of eight.
  const randomBytes = (byteLength: number) => new Uint8Array(byteLength === 8 ? 1 : byteLength).fill(1);
  const initiator = new SecretStream(true, left, { randomBytes });
  const responder = new SecretStream(false, right);
  await Promise.all([initiator.opened, responder.opened]);
  for (let i = 0; i < 255; i++) initiator.trySend(bytes("m"));
  assert.equal(initiator.destroying, false);
  initiator.trySend(bytes("one too many"));
  const error = await closed(initiator);
  assert.ok(error instanceof SecretStreamError);
  assert.equal(error.code, "SEND_NONCE_EXHAUSTED");
  assert.equal(error.message, "udp send nonce exchausted");
  assert.equal(left.tried.length, 255);
  await closed(responder);
});

Deno.test("SS-001 the raw stream is told how much of a frame is to come", async () => {
  const { initiator, responder, left, right } = await pair();
  await settled();
  right.contentSizes.length = 0;
  const before = left.written.length;
  initiator.write(new Uint8Array(1000));
  await initiator.flush();
  await settled();
  assert.deepEqual(right.contentSizes, [], "all of it came at once");
  const frame = concatBytes(left.written.slice(before));
  right.push(frame.slice(0, 20));
  await settled();
  assert.deepEqual(right.contentSizes, [3 + 1017 - 20]);
  initiator.destroy();
  await closed(responder);
});

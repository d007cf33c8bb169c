/**
 * Heartbeats, timeouts, ends and errors, on a virtual clock.
 */
import { strict as assert } from "node:assert";
import { utf8Text } from "../../../src/base/mod.ts";
import { SecretStream, SecretStreamError } from "../../../src/secret_stream/mod.ts";
import { memoryPair } from "../../helpers/memory_pair.ts";
import { VirtualClock } from "../../helpers/virtual_clock.ts";
import { bytes, closed, emitted, received, settled, streamPair } from "./support.ts";

function messagesOf(stream: SecretStream): string[] {
  const messages: string[] = [];
  stream.on("data", (message) => messages.push(utf8Text(message)));
  return messages;
}

async function opened(
  clock: VirtualClock,
  options: { leftKeepAlive?: number; rightKeepAlive?: number } = {},
) {
  const pair = streamPair({
    both: { clock },
    initiator: { keepAlive: options.leftKeepAlive },
    responder: { keepAlive: options.rightKeepAlive },
  });
  await Promise.all([pair.initiator.opened, pair.responder.opened]);
  return pair;
}

Deno.test("SS-009 setTimeout() destroys a stream that hears nothing, before and after the handshake", async () => {
  const clock = new VirtualClock();
  const [left] = memoryPair();
  const silent = new SecretStream(true, left, { clock });
  silent.setTimeout(1000);
  assert.equal(silent.timeout, 1000);
  clock.advance(999);
  assert.equal(silent.destroying, false);
  clock.advance(1);
  const error = await closed(silent);
  assert.ok(error instanceof SecretStreamError);
  assert.equal(error.code, "TIMED_OUT");
  assert.equal(error.message, "Stream timed out");
  assert.equal(await silent.opened, false);
  assert.equal(silent.timeout, 0);
  assert.equal(clock.pendingCount, 0);
});

Deno.test("SS-009 every byte received puts the timeout off", async () => {
  const clock = new VirtualClock();
  const { initiator, responder } = await opened(clock);
  responder.setTimeout(100);
  for (let i = 0; i < 5; i++) {
    clock.advance(99);
    initiator.write("still here");
    await settled();
    responder.read();
  }
  assert.equal(responder.destroying, false);
  clock.advance(100);
  assert.equal((await closed(responder) as SecretStreamError).code, "TIMED_OUT");
  await closed(initiator);
});

Deno.test("SS-009 setTimeout(0) switches the timeout off, and one set before start() waits for it", async () => {
  const clock = new VirtualClock();
  const { initiator, responder } = await opened(clock);
  initiator.setTimeout(50);
  initiator.setTimeout(0);
  assert.equal(initiator.timeout, 0);
  clock.advance(1000);
  assert.equal(initiator.destroying, false);
  assert.equal(clock.pendingCount, 0);
  const late = new SecretStream(true, null, { autoStart: false, clock });
  late.on("error", () => {});
  late.setTimeout(50);
  clock.advance(1000);
  assert.equal(late.destroying, false);
  late.start();
  clock.advance(50);
  assert.equal(late.destroying, true);
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-010 setKeepAlive() sends an empty message whenever nothing was sent for that long", async () => {
  const clock = new VirtualClock();
  const { initiator, responder } = await opened(clock);
  const messages = messagesOf(responder);
  initiator.setKeepAlive(100);
  assert.equal(initiator.keepAlive, 100);
  clock.advance(99);
  await settled();
  assert.deepEqual(messages, []);
  clock.advance(1);
  await settled();
  assert.deepEqual(messages, [""]);
  clock.advance(60);
  initiator.write("busy");
  await settled();
  clock.advance(60);
  await settled();
  assert.deepEqual(messages, ["", "busy"]);
  clock.advance(40);
  await settled();
  assert.deepEqual(messages, ["", "busy", ""]);
  initiator.setKeepAlive(0);
  clock.advance(1000);
  await settled();
  assert.equal(messages.length, 3);
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-007 SS-010 who keeps alive drops the other side's empty messages", async () => {
  const clock = new VirtualClock();
  const { initiator, responder } = await opened(clock, { leftKeepAlive: 50, rightKeepAlive: 70 });
  assert.equal(initiator.keepAlive, 50);
  const [atInitiator, atResponder] = [messagesOf(initiator), messagesOf(responder)];
  for (let i = 0; i < 20; i++) {
    clock.advance(25);
    await settled();
  }
  assert.ok(initiator.rawBytesRead > 0 && responder.rawBytesRead > 0, "heartbeats passed");
  assert.deepEqual([atInitiator, atResponder], [[], []]);
  initiator.write("");
  initiator.write("data");
  await settled();
  assert.deepEqual(atResponder, ["data"]);
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-010 heartbeats keep a timeout away on both sides", async () => {
  const clock = new VirtualClock();
  const { initiator, responder } = await opened(clock, { leftKeepAlive: 50, rightKeepAlive: 50 });
  initiator.setTimeout(120);
  responder.setTimeout(120);
  initiator.resume();
  responder.resume();
  for (let i = 0; i < 40; i++) {
    clock.advance(25);
    await settled();
  }
  assert.equal(initiator.destroying || responder.destroying, false);
  initiator.destroy();
  await closed(responder);
  assert.equal(clock.pendingCount, 0);
});

Deno.test("SS-010 no heartbeats pile up before the handshake or behind a raw stream that waits", async () => {
  const clock = new VirtualClock();
  const [left] = memoryPair();
  const alone = new SecretStream(true, left, { clock, keepAlive: 10 });
  for (let i = 0; i < 100; i++) {
    clock.advance(10);
    await settled();
  }
  assert.equal(left.written.length, 1, "the first message of the handshake");
  alone.destroy();

  const { initiator, responder, ends } = await opened(clock, { leftKeepAlive: 10 });
  responder.pause();
  for (let i = 0; i < 20; i++) initiator.write(new Uint8Array(50_000));
  await settled();
  const before = ends[0].written.length;
  for (let i = 0; i < 100; i++) {
    clock.advance(10);
    await settled();
  }
  assert.equal(ends[0].written.length, before);
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-011 sendKeepAlive() sends an empty message", async () => {
  const { initiator, responder } = await opened(new VirtualClock());
  initiator.sendKeepAlive();
  initiator.sendKeepAlive();
  assert.deepEqual((await received(responder, 2)).map((message) => message.byteLength), [0, 0]);
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-010 end() stops the heartbeats, the other direction goes on", async () => {
  const clock = new VirtualClock();
  const { initiator, responder } = await opened(clock, { leftKeepAlive: 10 });
  initiator.end("last");
  const ended = emitted(responder, "end");
  assert.deepEqual((await received(responder, 1)).map(utf8Text), ["last"]);
  await ended;
  assert.equal(initiator.keepAlive, 0);
  assert.equal(clock.pendingCount, 0);
  responder.write("half-closed");
  assert.deepEqual((await received(initiator, 1)).map(utf8Text), ["half-closed"]);
  responder.end();
  initiator.resume();
  assert.deepEqual(await Promise.all([closed(initiator), closed(responder)]), [null, null]);
});

Deno.test("SS-018 a peer that closes half-way through the handshake: closed, no error, opened false", async () => {
  for (const how of ["destroy", "end"] as const) {
    const [left, right] = memoryPair();
    const initiator = new SecretStream(true, left);
    await received(right as never, 1);
    right[how]();
    assert.equal(await closed(initiator), null, how);
    assert.equal(await initiator.opened, false);
    assert.equal(initiator.connected, false);
  }
});

Deno.test("SS-018 opened resolves with false when the stream is destroyed first", async () => {
  const { initiator, responder } = streamPair();
  const reason = new Error("given up");
  initiator.destroy(reason);
  assert.equal(await initiator.opened, false);
  assert.equal(await closed(responder), null);
  assert.equal(await responder.opened, false);
});

Deno.test("SS-001 an error of the raw stream destroys the secret stream with it, and the other way round", async () => {
  const { initiator, responder, ends } = streamPair();
  await initiator.opened;
  const reason = new Error("cable cut");
  ends[0].destroy(reason);
  assert.equal(await closed(initiator), reason);
  await closed(responder);

  const second = streamPair();
  await second.initiator.opened;
  const rawError = emitted(second.ends[0], "error");
  second.initiator.destroy(reason);
  assert.equal(await rawError, reason);
  await closed(second.responder);
});

Deno.test("SS-001 destroy() ends a write that waits for the raw stream", async () => {
  const { initiator, responder } = streamPair();
  await Promise.all([initiator.opened, responder.opened]);
  responder.pause();
  for (let i = 0; i < 100; i++) initiator.write(new Uint8Array(50_000));
  await settled();
  initiator.destroy();
  assert.equal(await closed(initiator), null);
  await closed(responder);
});

Deno.test("SS-001 a flipped bit on the wire destroys the receiver with a typed error", async () => {
  let passed = 0;
  const { initiator, responder } = streamPair({
    leftToRight: (data) => {
      if (++passed === 3) data[data.byteLength - 1]! ^= 1;
      return [data];
    },
  });
  await Promise.all([initiator.opened, responder.opened]);
  initiator.write("flipped");
  const [error, other] = await Promise.all([closed(responder), closed(initiator)]);
  assert.ok(error instanceof SecretStreamError);
  assert.equal(error.code, "DECRYPTION_FAILED");
  assert.equal(error.message, "pull failed");
  assert.equal(other, null);
});

Deno.test("SS-W02 a wrong header destroys the receiver with a typed error", async () => {
  const { initiator, responder } = streamPair({
    leftToRight: (data) => {
      if (data.byteLength === 3 + 64 + 3 + 56) data[3 + 64 + 3]! ^= 1;
      return [data];
    },
  });
  // It opens in the same turn, and must not write after the header has failed.
  responder.write("queued");
  const error = await closed(responder);
  assert.ok(error instanceof SecretStreamError);
  assert.equal(error.code, "INVALID_HEADER");
  assert.equal(error.message, "Invalid header received");
  await closed(initiator);
});

Deno.test("SS-001 chunks of single bytes make no difference", async () => {
  const tap = (data: Uint8Array) => Array.from(data, (byte) => Uint8Array.of(byte));
  const { initiator, responder } = streamPair({ leftToRight: tap, rightToLeft: tap });
  initiator.write("byte by byte");
  initiator.write("and again");
  assert.deepEqual((await received(responder, 2)).map(utf8Text), ["byte by byte", "and again"]);
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-001 a raw stream that was paused is resumed", async () => {
  const [left, right] = memoryPair();
  const initiator = new SecretStream(true, left);
  const responder = new SecretStream(false, right);
  initiator.write(bytes("resumed"));
  assert.deepEqual((await received(responder, 1)).map(utf8Text), ["resumed"]);
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-001 await using disposes of a stream", async () => {
  const { initiator, responder } = streamPair();
  {
    await using stream = initiator;
    await stream.opened;
  }
  assert.ok(initiator.destroyed);
  await closed(responder);
  await initiator[Symbol.asyncDispose]();
});

/**
 * The stream's options, fields, events and methods, over ends of a wire in memory.
 */
import { strict as assert } from "node:assert";
import net from "node:net";
import { Duplex as NodeDuplex } from "node:stream";
import { concatBytes, hexText, utf8Text } from "../../../src/base/mod.ts";
import { blake2b } from "../../../src/crypto/mod.ts";
import DefaultExport, {
  Bridge,
  type Handshake,
  NoiseSecretStream,
  SecretStream,
  SecretStreamError,
} from "../../../src/secret_stream/mod.ts";
import { memoryPair } from "../../helpers/memory_pair.ts";
import { bytes, closed, emitted, received, seedOf, settled, streamPair } from "./support.ts";

const KEY_PAIRS = { initiator: SecretStream.keyPair(seedOf(1)), responder: SecretStream.keyPair(seedOf(2)) };

/** Keys of a handshake that nobody made. */
function adopted(): [Handshake, Handshake] {
  const tx = new Uint8Array(32).fill(1);
  const rx = new Uint8Array(32).fill(2);
  const hash = blake2b(bytes("handshake"), { byteLength: 64 });
  const [publicKey, remotePublicKey] = [KEY_PAIRS.initiator.publicKey, KEY_PAIRS.responder.publicKey];
  return [
    { tx, rx, hash, publicKey, remotePublicKey },
    { tx: rx, rx: tx, hash, publicKey: remotePublicKey, remotePublicKey: publicKey },
  ];
}

Deno.test("SS-001 the default export is the class, under both names", () => {
  assert.equal(DefaultExport, SecretStream);
  assert.equal(NoiseSecretStream, SecretStream);
});

Deno.test("SS-001 new SecretStream() asks for a boolean", () => {
  assert.throws(() => new SecretStream("yes" as never), new TypeError("isInitiator should be a boolean"));
});

Deno.test("SS-001 SecretStream carries messages both ways over streamx, whole and in order", async () => {
  const { initiator, responder } = streamPair();
  const texts = ["a", "", "b".repeat(100_000), "c"];
  for (const text of texts) initiator.write(text);
  responder.write(bytes("answer"));
  const [there, back] = await Promise.all([received(responder, 4), received(initiator, 1)]);
  assert.deepEqual(there.map(utf8Text), texts);
  assert.deepEqual(back.map(utf8Text), ["answer"]);
  await initiator[Symbol.asyncDispose]();
  await responder[Symbol.asyncDispose]();
});

Deno.test("SS-001 SecretStream runs over node:stream duplexes", async () => {
  const ends: NodeDuplex[] = [];
  for (const other of [1, 0]) {
    ends.push(
      new NodeDuplex({
        read() {},
        write(chunk, _encoding, done) {
          ends[other]!.push(chunk);
          done();
        },
        final(done) {
          ends[other]!.push(null);
          done();
        },
      }),
    );
  }
  const initiator = new SecretStream(true, ends[0]);
  const responder = new SecretStream(false, ends[1]);
  initiator.end("over node:stream");
  assert.equal(utf8Text((await received(responder, 1))[0]!), "over node:stream");
  responder.end();
  initiator.resume();
  await Promise.all([closed(initiator), closed(responder)]);
});

Deno.test("SS-001 SecretStream runs over node:net sockets", async () => {
  const server = net.createServer((socket) => {
    const stream = new SecretStream(false, socket);
    stream.on("data", (message) => stream.write(message));
    stream.on("end", () => stream.end());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const stream = new SecretStream(true, net.connect(port, "127.0.0.1"));
  stream.write("over TCP");
  assert.equal(utf8Text((await received(stream, 1))[0]!), "over TCP");
  stream.end();
  assert.equal(await closed(stream), null);
  await new Promise((resolve) => server.close(resolve));
});

Deno.test("SS-001 a Bridge takes text for its bytes in UTF-8", async () => {
  const stream = new SecretStream(true);
  const { rawStream: bridge } = stream;
  assert.ok(bridge instanceof Bridge);
  const data = new Promise<Uint8Array>((resolve) => bridge.reverse.on("data", resolve));
  bridge.write("é");
  assert.deepEqual(hexText(await data), "c3a9");
  stream.destroy();
});

Deno.test("SS-001 SS-017 without a raw stream, rawStream is a Bridge to be piped", async () => {
  const initiator = new SecretStream(true);
  const responder = new SecretStream(false);
  const [a, b] = [initiator.rawStream, responder.rawStream];
  assert.ok(a instanceof Bridge && b instanceof Bridge);
  assert.equal(a.noiseStream, initiator);
  assert.equal(a.publicKey, initiator.publicKey);
  assert.equal(a.handshakeHash, null);
  const events: string[] = [];
  a.on("handshake", () => events.push("handshake"));
  a.pipe(b);
  b.pipe(a);
  initiator.write("x".repeat(200_000));
  initiator.end("bridged");
  const [, message] = await received(responder, 2);
  assert.equal(utf8Text(message!), "bridged");
  assert.deepEqual(events, ["handshake"]);
  assert.equal(a.remotePublicKey, initiator.remotePublicKey);
  assert.equal(a.handshakeHash, initiator.handshakeHash);
  assert.ok(await a.flush());
  initiator.resume();
  responder.end();
  await Promise.all([closed(initiator), closed(responder)]);
});

Deno.test("SS-001 destroying a Bridge destroys its stream, also while a write waits", async () => {
  const stream = new SecretStream(true, null, { keyPair: new Promise(() => {}) });
  const bridge = stream.rawStream as Bridge;
  for (let i = 0; i < 10; i++) bridge.write(new Uint8Array(20_000));
  await settled();
  bridge.destroy();
  await closed(stream);
  assert.ok(bridge.destroyed);
});

Deno.test("SS-001 SecretStream.write() refuses what is neither bytes nor text", () => {
  const stream = new SecretStream(true);
  assert.throws(() => stream.write(5 as never), new TypeError("Cannot write a value of type number"));
  stream.destroy();
});

Deno.test("SS-002 opts.pattern: XX by default, IK and XK when told", async () => {
  for (const pattern of [undefined, "XX", "IK", "XK"] as const) {
    const { initiator, responder } = streamPair({
      both: { pattern },
      initiator: { keyPair: KEY_PAIRS.initiator, remotePublicKey: KEY_PAIRS.responder.publicKey },
      responder: { keyPair: KEY_PAIRS.responder },
    });
    assert.deepEqual(await Promise.all([initiator.opened, responder.opened]), [true, true]);
    assert.deepEqual(responder.remotePublicKey, KEY_PAIRS.initiator.publicKey);
    initiator.destroy();
    responder.destroy();
  }
  assert.throws(() => new SecretStream(true, null, { pattern: "NN" as never }), /Unknown Noise pattern: NN/);
});

Deno.test("SS-002 SecretStream fails when the patterns differ", async () => {
  const { initiator, responder } = streamPair({ responder: { pattern: "IK" } });
  const error = await closed(responder);
  assert.ok(error instanceof SecretStreamError);
  assert.equal(error.code, "HANDSHAKE_FAILED");
  assert.equal(error.message, "Noise handshake failed");
  assert.equal(await initiator.opened, false);
  assert.equal(await responder.opened, false);
});

Deno.test("SS-003 opts.remotePublicKey is needed to initiate IK", () => {
  assert.throws(
    () => new SecretStream(true, null, { pattern: "IK" }),
    new TypeError("Remote pubkey required"),
  );
});

Deno.test("SS-003 SecretStream fails when the peer has another key than opts.remotePublicKey", async () => {
  for (const pattern of ["XX", "IK", "XK"] as const) {
    const { initiator, responder } = streamPair({
      both: { pattern },
      initiator: { remotePublicKey: SecretStream.keyPair(seedOf(3)).publicKey },
      responder: { keyPair: KEY_PAIRS.responder },
    });
    const errors = await Promise.all([closed(initiator), closed(responder)]);
    assert.ok(
      errors.some((error) => error instanceof SecretStreamError && error.code === "HANDSHAKE_FAILED"),
    );
    assert.deepEqual(await Promise.all([initiator.opened, responder.opened]), [false, false]);
  }
});

Deno.test("SS-004 opts.keyPair: fresh when not given, known at once", async () => {
  const { initiator, responder } = streamPair({ responder: { keyPair: KEY_PAIRS.responder } });
  assert.equal(initiator.publicKey?.byteLength, 32);
  assert.equal(responder.publicKey, KEY_PAIRS.responder.publicKey);
  await initiator.opened;
  assert.deepEqual(initiator.remotePublicKey, KEY_PAIRS.responder.publicKey);
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-004 opts.keyPair may be a promise that the handshake waits for", async () => {
  const { promise, resolve } = Promise.withResolvers<typeof KEY_PAIRS.initiator>();
  const { initiator, responder, ends } = streamPair({ initiator: { keyPair: promise } });
  initiator.write("early");
  await settled();
  assert.equal(initiator.publicKey, null);
  assert.equal(ends[0].written.length, 0);
  resolve(KEY_PAIRS.initiator);
  assert.equal(utf8Text((await received(responder, 1))[0]!), "early");
  assert.equal(initiator.publicKey, KEY_PAIRS.initiator.publicKey);
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-004 SecretStream is destroyed with the error of its key pair's promise", async () => {
  const reason = new Error("no key");
  const { initiator } = streamPair({ initiator: { keyPair: Promise.reject(reason) } });
  assert.equal(await closed(initiator), reason);
  assert.equal(await initiator.opened, false);
  const wrong = Promise.resolve({ publicKey: new Uint8Array(3), secretKey: new Uint8Array(64) });
  const { responder } = streamPair({ responder: { keyPair: wrong } });
  assert.match(String(await closed(responder)), /keyPair.publicKey must be 32 bytes, got 3 bytes/);
});

Deno.test("SS-004 a key pair that comes after destroy() changes nothing", async () => {
  const { promise, resolve } = Promise.withResolvers<typeof KEY_PAIRS.initiator>();
  const { initiator, ends } = streamPair({ initiator: { keyPair: promise } });
  initiator.destroy();
  await closed(initiator);
  resolve(KEY_PAIRS.initiator);
  await settled();
  assert.equal(initiator.publicKey, null);
  assert.equal(ends[0].written.length, 0);
});

Deno.test("SS-005 opts.handshake is adopted, none is made", async () => {
  const [ours, theirs] = adopted();
  const { initiator, responder, ends } = streamPair({
    initiator: { handshake: ours },
    responder: { handshake: theirs },
  });
  assert.equal(initiator.publicKey, ours.publicKey);
  assert.equal(initiator.remotePublicKey, ours.remotePublicKey);
  assert.equal(initiator.handshakeHash, ours.hash);
  initiator.write("adopted");
  assert.equal(utf8Text((await received(responder, 1))[0]!), "adopted");
  const [header, message] = ends[0].written;
  assert.equal(header?.byteLength, 3 + 56);
  assert.equal(hexText(header!.subarray(3, 35)), hexText(SecretStream.id(ours.hash, true)));
  assert.equal(message?.byteLength, 3 + 17 + 7);
  initiator.destroy();
  await closed(responder);
  assert.equal(ours.tx[0], 1, "the caller's keys are left alone");
});

Deno.test("SS-005 with an adopted handshake a stream is open at once, and answered once the other side has begun", async () => {
  const [ours, theirs] = adopted();
  const [left, right] = memoryPair();
  const early = new SecretStream(true, left, { handshake: ours });
  assert.equal(await early.opened, true);
  assert.equal(early.isAnswered, false);
  const late = new SecretStream(false, right, { handshake: theirs });
  late.write("begun");
  await received(early, 1);
  assert.equal(early.isAnswered, true);
  early.destroy();
  await closed(late);
});

Deno.test("SS-006 SS-008 opts.autoStart: false waits for start(), also with what was written", async () => {
  const [left, right] = memoryPair();
  const initiator = new SecretStream(true, null, { autoStart: false });
  const responder = new SecretStream(false, right);
  assert.equal(initiator.rawStream, null);
  assert.equal(initiator.publicKey, null);
  initiator.write("before the start");
  await settled();
  assert.equal(left.written.length, 0);
  initiator.start(left, { keyPair: KEY_PAIRS.initiator });
  assert.equal(initiator.rawStream, left);
  assert.equal(utf8Text((await received(responder, 1))[0]!), "before the start");
  assert.deepEqual(responder.remotePublicKey, KEY_PAIRS.initiator.publicKey);
  assert.throws(() => initiator.start(left), new TypeError("Cannot start a secret stream twice"));
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-008 start() takes what it is not given from the constructor's options", async () => {
  const [left, right] = memoryPair();
  const initiator = new SecretStream(true, null, { autoStart: false, keyPair: KEY_PAIRS.initiator });
  const responder = new SecretStream(false, null, { autoStart: false, pattern: "IK" });
  initiator.start(left, { pattern: "IK", remotePublicKey: KEY_PAIRS.responder.publicKey });
  responder.start(right, { keyPair: KEY_PAIRS.responder });
  assert.deepEqual(await Promise.all([initiator.opened, responder.opened]), [true, true]);
  assert.deepEqual(responder.remotePublicKey, KEY_PAIRS.initiator.publicKey);
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-008 start() of a destroyed stream destroys the raw stream", async () => {
  const [left] = memoryPair();
  const stream = new SecretStream(true, null, { autoStart: false });
  stream.destroy();
  assert.equal(await stream.opened, false);
  stream.start(left);
  assert.ok(left.destroying);
});

Deno.test("SS-007 opts.publicKey is told until the handshake is done", () => {
  const { publicKey } = KEY_PAIRS.initiator;
  const stream = new SecretStream(true, null, { autoStart: false, publicKey });
  assert.equal(stream.publicKey, publicKey);
  stream.destroy();
});

Deno.test("SS-007 opts.data and opts.ended stand for what was read before", async () => {
  const [ours, theirs] = adopted();
  const [left, right] = memoryPair();
  const sender = new SecretStream(true, left, { handshake: ours });
  sender.write("one");
  sender.write("two");
  await sender.flush();
  const data = concatBytes(left.written);
  for (const keyPair of [undefined, new Promise<never>(() => {})]) {
    const [, end] = memoryPair();
    const stream = new SecretStream(false, end, { handshake: theirs, keyPair, data, ended: true });
    const ended = emitted(stream, "end");
    assert.deepEqual((await received(stream, 2)).map(utf8Text), ["one", "two"]);
    await ended;
    stream.destroy();
  }
  sender.destroy();
  right.destroy();
});

Deno.test("SS-007 opts.data may hold the first message of the handshake", async () => {
  const [left, right] = memoryPair();
  const initiator = new SecretStream(true, left);
  const first = await received(right as never, 1);
  right.pause();
  const { promise, resolve } = Promise.withResolvers<typeof KEY_PAIRS.initiator>();
  const responder = new SecretStream(false, right, { keyPair: promise, data: first[0] });
  await settled();
  resolve(KEY_PAIRS.responder);
  assert.equal(await initiator.opened, true);
  assert.deepEqual(initiator.remotePublicKey, KEY_PAIRS.responder.publicKey);
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-012 SS-016 SS-017 SS-018 events come in order: handshake, connect, open", async () => {
  const { initiator, responder } = streamPair();
  const events: string[] = [];
  assert.equal(initiator.connected, false);
  for (const event of ["handshake", "connect", "open"] as const) {
    initiator.on(event, () => {
      events.push(event);
      assert.equal(initiator.handshakeHash?.byteLength, 64);
      assert.equal(initiator.remotePublicKey?.byteLength, 32);
      assert.equal(initiator.connected, event !== "handshake");
    });
  }
  assert.equal(await initiator.opened, true);
  await settled();
  assert.deepEqual(events, ["handshake", "connect", "open"]);
  assert.deepEqual(initiator.handshakeHash, responder.handshakeHash);
  assert.deepEqual(initiator.remotePublicKey, responder.publicKey);
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-017 a listener may destroy the stream on 'handshake' and on 'connect'", async () => {
  for (const event of ["handshake", "connect"] as const) {
    const { initiator, responder } = streamPair();
    initiator.on(event, () => initiator.destroy());
    assert.deepEqual(await Promise.all([closed(initiator), closed(responder)]), [null, null]);
    assert.equal(await initiator.opened, event === "connect");
  }
});

Deno.test("SS-013 rawBytesWritten counts prefixes and rawBytesRead does not", async () => {
  const { initiator, responder } = streamPair();
  initiator.write("12345");
  initiator.write("");
  await received(responder, 2);
  assert.equal(initiator.rawBytesWritten, (3 + 17 + 5) + (3 + 17));
  assert.equal(responder.rawBytesRead, (17 + 5) + 17);
  assert.equal(initiator.rawBytesRead, 0);
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-001 writes that wait together leave in one write to the raw stream", async () => {
  const { initiator, responder, ends } = streamPair();
  await initiator.opened;
  const before = ends[0].written.length;
  for (let i = 0; i < 100; i++) initiator.write(`message ${i}`);
  const messages = await received(responder, 100);
  assert.deepEqual(messages.map(utf8Text), Array.from({ length: 100 }, (_, i) => `message ${i}`));
  assert.equal(ends[0].written.length, before + 1);
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-001 long runs of writes are cut and wait for the raw stream's drain", async () => {
  const { initiator, responder, ends } = streamPair();
  await Promise.all([initiator.opened, responder.opened]);
  responder.pause();
  const before = ends[0].written.length;
  for (let i = 0; i < 64; i++) initiator.write(new Uint8Array(65_536).fill(i));
  await settled();
  assert.ok(ends[0].written.length - before < 8, "the raw stream is not flooded");
  const messages = await received(responder, 64);
  assert.ok(messages.every((message, i) => message.byteLength === 65_536 && message[100] === i));
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-001 a reader that waits pauses the raw stream", async () => {
  const { initiator, responder, ends } = streamPair();
  await Promise.all([initiator.opened, responder.opened]);
  responder.pause();
  let sent = 0;
  while (sent < 1000 && initiator.write(new Uint8Array(10_000))) sent++;
  for (let i = 0; i < 50; i++) {
    initiator.write(new Uint8Array(10_000));
    await settled();
  }
  const arrivedBytes = responder.rawBytesRead;
  assert.ok(arrivedBytes < 400_000, `${arrivedBytes} bytes were taken in`);
  assert.ok(ends[1].listenerCount("data") > 0);
  const rest = received(responder, 51);
  responder.resume();
  await rest;
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-019 flush() resolves when all is sent, or false when that can no longer be", async () => {
  const { initiator, responder, ends } = streamPair();
  initiator.write("flushed");
  assert.equal(await initiator.flush(), true);
  const sentBytes = ends[0].written.reduce((sum, part) => sum + part.byteLength, 0);
  assert.equal(sentBytes, (3 + 32) + (3 + 64) + (3 + 56) + (3 + 17 + 7));
  const late = responder.flush();
  responder.destroy();
  assert.equal(await late, false);
  await closed(initiator);
  assert.equal(await initiator.flush(), false);
});

Deno.test("SS-019 flush() asks the raw stream where that can tell", async () => {
  const [left, right] = memoryPair();
  const answers = [true, false];
  const initiator = new SecretStream(
    true,
    Object.assign(left, { flush: () => Promise.resolve(answers.shift()!) }),
  );
  const responder = new SecretStream(false, right);
  assert.equal(await initiator.flush(), true);
  assert.equal(await initiator.flush(), false);
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-019 flush() ends when its signal is aborted, the stream lives on", async () => {
  const stream = new SecretStream(true);
  const controller = new AbortController();
  const flushed = stream.flush({ signal: controller.signal });
  const reason = new Error("enough");
  controller.abort(reason);
  await assert.rejects(flushed, reason);
  await assert.rejects(stream.flush({ signal: controller.signal }), reason);
  assert.equal(stream.destroying, false);
  await stream[Symbol.asyncDispose]();
});

Deno.test("SS-018 opts.signal destroys the stream with the signal's reason", async () => {
  const controller = new AbortController();
  const { initiator, responder } = streamPair({ initiator: { signal: controller.signal } });
  await initiator.opened;
  const reason = new Error("enough");
  const over = Promise.all([closed(initiator), closed(responder)]);
  controller.abort(reason);
  assert.equal((await over)[0], reason);
  const early = streamPair({ initiator: { signal: controller.signal } });
  assert.equal(await closed(early.initiator), reason);
  assert.equal(await early.initiator.opened, false);
});

Deno.test("SS-020 alloc() gives distinct bytes that may be written at once", async () => {
  const { initiator, responder } = streamPair();
  const texts = ["first", "", "second", "third".repeat(10_000)];
  for (const text of texts) {
    const buffer = initiator.alloc(text.length);
    assert.equal(buffer.byteLength, text.length);
    buffer.set(bytes(text));
    initiator.write(buffer);
  }
  assert.deepEqual((await received(responder, 4)).map(utf8Text), texts);
  initiator.destroy();
  await closed(responder);
});

Deno.test("SS-021 SecretStream has the fields that others lean on", () => {
  const [left] = memoryPair();
  const stream = new SecretStream(true, left);
  assert.equal(stream.isInitiator, true);
  assert.equal(stream.rawStream, left);
  assert.equal(stream.noiseStream, stream);
  assert.equal(stream.userData, null);
  assert.equal(stream.relay, null);
  assert.equal(stream.puncher, null);
  assert.equal(stream.keepAlive, 0);
  assert.equal(stream.timeout, 0);
  assert.equal(stream.enableSend, true);
  assert.deepEqual(JSON.parse(JSON.stringify(stream)), {
    isInitiator: true,
    publicKey: hexText(stream.publicKey!),
    remotePublicKey: null,
    connected: false,
    destroying: false,
    destroyed: false,
    rawStream: null,
  });
  stream.destroy();
});

Deno.test("SS-022 keyPair() is random without a seed and refuses a seed of another length", () => {
  assert.notDeepEqual(SecretStream.keyPair().publicKey, SecretStream.keyPair().publicKey);
  assert.throws(() => SecretStream.keyPair(new Uint8Array(31)));
});

Deno.test("SS-024 the longest message passes, one byte more destroys the stream", async () => {
  const { initiator, responder } = streamPair();
  const longest = new Uint8Array(256 ** 3 - 1 - 17).fill(5);
  initiator.write(longest);
  const [message] = await received(responder, 1);
  assert.equal(Buffer.compare(message!, longest), 0);
  initiator.write("one more");
  initiator.write(new Uint8Array(256 ** 3 - 17));
  const error = await closed(initiator);
  assert.equal(initiator.rawBytesWritten, 3 + 256 ** 3 - 1 + (3 + 17 + 8));
  assert.ok(error instanceof SecretStreamError);
  assert.equal(error.code, "MESSAGE_TOO_LARGE");
  assert.equal(error.message, "Message is too large for an atomic write. Max size is 16777215 bytes.");
  await closed(responder);
});

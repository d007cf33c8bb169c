/**
 * Our streams and those of the npm package over TCP on 127.0.0.1, in every mix of roles.
 */
import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import net from "node:net";
import { hexBytes, hexText } from "../../src/base/mod.ts";
import {
  type Bridge,
  SecretStream,
  SecretStreamError,
  type SecretStreamOptions,
} from "../../src/secret_stream/mod.ts";
import { NodePeer, type PeerMessage } from "../helpers/node_peer.ts";
import { messageOf } from "./peers/secret_stream/messages.mjs";

const OUR_SEED = "11".repeat(32);
const THEIR_SEED = "22".repeat(32);
const OUR_KEY_PAIR = SecretStream.keyPair(hexBytes(OUR_SEED));
const THEIR_KEY_PAIR = SecretStream.keyPair(hexBytes(THEIR_SEED));

/** Options of the peer script; see its head. */
interface PeerOptions {
  isInitiator?: boolean;
  pattern?: string;
  seed?: string;
  remotePublicKey?: string;
  keepAlive?: number;
  timeout?: number;
  mode?: "stream" | "silent" | "half";
  reportEvery?: number;
  halfOpen?: boolean;
  write?: { count: number; byteLength: number };
}

/** Counts and digests what a stream receives, as the peer does. */
class Tally {
  count = 0;
  emptyCount = 0;
  byteLength = 0;
  readonly #hash = createHash("sha256");

  constructor(stream: SecretStream) {
    stream.on("data", (message) => this.add(message));
  }

  add(message: Uint8Array): void {
    this.count++;
    if (message.byteLength === 0) this.emptyCount++;
    this.byteLength += message.byteLength;
    this.#hash.update(`${message.byteLength}:`).update(message);
  }

  digest(): string {
    return this.#hash.copy().digest("hex");
  }
}

/** The digest of messages written by `write`. */
function digestOf(
  writes: readonly { count: number; byteLength: number }[],
): string {
  const hash = createHash("sha256");
  for (const { count, byteLength } of writes) {
    for (let index = 0; index < count; index++) {
      hash.update(`${byteLength}:`).update(messageOf(index, byteLength));
    }
  }
  return hash.digest("hex");
}

/** Starts a peer that listens, and connects to it. */
async function connectTo(
  peerOptions: PeerOptions,
): Promise<{ peer: NodePeer; socket: net.Socket }> {
  const peer = NodePeer.start("secret_stream/peer.mjs", {
    args: [{ seed: THEIR_SEED, ...peerOptions }],
  });
  const { port } = await peer.next("listening");
  return {
    peer,
    socket: net.connect({
      port: port as number,
      host: "127.0.0.1",
      allowHalfOpen: peerOptions.halfOpen,
    }),
  };
}

/** Listens, and starts a peer that connects. */
async function acceptFrom(
  peerOptions: PeerOptions,
): Promise<{ peer: NodePeer; socket: net.Socket }> {
  const server = net.createServer({ allowHalfOpen: peerOptions.halfOpen });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as net.AddressInfo;
  const accepted = new Promise<net.Socket>((resolve) => server.once("connection", resolve));
  const args = [{ port, seed: THEIR_SEED, ...peerOptions }];
  const peer = NodePeer.start("secret_stream/peer.mjs", { args });
  const socket = await accepted;
  server.close();
  return { peer, socket };
}

function ourStream(
  isInitiator: boolean,
  socket: net.Socket,
  options: SecretStreamOptions = {},
): SecretStream {
  const stream = new SecretStream(isInitiator, socket, {
    keyPair: OUR_KEY_PAIR,
    ...options,
  });
  stream.on("error", () => {});
  return stream;
}

/** Resolves when the stream is closed, with its error or null. */
function closed(stream: SecretStream): Promise<Error | null> {
  let error: Error | null = null;
  stream.on("error", (reason) => error = reason);
  return new Promise((resolve) => stream.once("close", () => resolve(error)));
}

function once(stream: SecretStream, event: "end" | "open"): Promise<void> {
  return new Promise((resolve) => stream.once(event, resolve));
}

function received(stream: SecretStream, count: number): Promise<Tally> {
  const tally = new Tally(stream);
  return new Promise((resolve) => {
    stream.on("data", () => {
      if (tally.count === count) resolve(tally);
    });
  });
}

/** What both sides write: small, large and many messages. */
const WRITES = [
  { count: 3, byteLength: 1 },
  { count: 3000, byteLength: 100 },
  { count: 50, byteLength: 65_536 },
  { count: 2, byteLength: 3_000_000 },
  { count: 1, byteLength: 17 },
];
const WRITE_COUNT = WRITES.reduce((sum, { count }) => sum + count, 0);

for (const pattern of ["XX", "IK"] as const) {
  for (const isInitiator of [true, false]) {
    const role = isInitiator ? "initiator" : "responder";

    Deno.test(`SS-001 SS-002 SS-012 SS-013 ${pattern}, we as ${role}: same keys and hash, messages both ways`, async () => {
      const theirRemoteKey = hexText(OUR_KEY_PAIR.publicKey);
      const options = {
        isInitiator: !isInitiator,
        pattern,
        remotePublicKey: theirRemoteKey,
        halfOpen: true,
      };
      const { peer, socket } = isInitiator ? await connectTo(options) : await acceptFrom(options);
      await using _ = peer;
      const remotePublicKey = isInitiator ? THEIR_KEY_PAIR.publicKey : null;
      const stream = ourStream(isInitiator, socket, {
        pattern,
        remotePublicKey,
      });
      const over = closed(stream);
      assert.equal(await stream.opened, true);
      const open = await peer.next("open");
      assert.equal(open.publicKey, hexText(stream.remotePublicKey!));
      assert.equal(open.publicKey, hexText(THEIR_KEY_PAIR.publicKey));
      assert.equal(open.remotePublicKey, hexText(stream.publicKey!));
      assert.equal(open.remotePublicKey, hexText(OUR_KEY_PAIR.publicKey));
      assert.equal(open.handshakeHash, hexText(stream.handshakeHash!));

      const allReceived = received(stream, WRITE_COUNT);
      for (const { count, byteLength } of WRITES) {
        await peer.send({ write: { count, byteLength } });
        for (let index = 0; index < count; index++) {
          stream.write(messageOf(index, byteLength));
        }
      }
      const tally = await allReceived;
      assert.equal(tally.digest(), digestOf(WRITES));
      assert.equal(await stream.flush(), true);

      // Half-close: we say no more, they go on, then end as well.
      stream.end();
      const end = await peer.next("end");
      assert.equal(end.count, WRITE_COUNT);
      assert.equal(end.digest, digestOf(WRITES));
      assert.equal(end.rawBytesRead, stream.rawBytesWritten - 3 * WRITE_COUNT);
      assert.equal(end.rawBytesWritten, stream.rawBytesRead + 3 * WRITE_COUNT);
      const late = received(stream, 2);
      await peer.send({ write: { count: 2, byteLength: 5 } });
      assert.equal((await late).byteLength, 10);
      const ended = once(stream, "end");
      await peer.send({ end: true });
      await ended;
      assert.equal(await over, null);
      assert.deepEqual(await peer.next("close"), {
        event: "close",
        error: null,
        opened: true,
      });
      await peer.ended();
    });
  }
}

Deno.test("SS-001 a Bridge piped to a socket speaks with the npm package", async () => {
  const { peer, socket } = await connectTo({ isInitiator: false, write: { count: 500, byteLength: 10_000 } });
  await using _ = peer;
  const stream = new SecretStream(true, null, { keyPair: OUR_KEY_PAIR });
  stream.on("error", () => {});
  const bridge = stream.rawStream as Bridge;
  bridge.pipe(socket);
  socket.pipe(bridge);
  for (let index = 0; index < 500; index++) stream.write(messageOf(index, 10_000));
  assert.equal((await received(stream, 500)).digest(), digestOf([{ count: 500, byteLength: 10_000 }]));
  assert.equal((await peer.next("open")).handshakeHash, hexText(stream.handshakeHash!));
  const over = closed(stream);
  stream.end();
  const end = await peer.next("end");
  assert.equal(end.digest, digestOf([{ count: 500, byteLength: 10_000 }]));
  assert.equal(await over, null);
  await peer.ended();
});

Deno.test("SS-024 the longest message passes both ways, both sides refuse one byte more", async () => {
  const longest = 256 ** 3 - 1 - 17;
  const { peer, socket } = await connectTo({
    isInitiator: false,
    reportEvery: 1,
  });
  await using _ = peer;
  const stream = ourStream(true, socket);
  stream.write(messageOf(7, longest));
  const atPeer = await peer.next("stats");
  const hash = createHash("sha256").update(`${longest}:`).update(
    messageOf(7, longest),
  ).digest("hex");
  assert.deepEqual([atPeer.count, atPeer.byteLength, atPeer.digest], [
    1,
    longest,
    hash,
  ]);
  const back = received(stream, 1);
  await peer.send({ write: { count: 1, byteLength: longest } });
  assert.equal(
    (await back).digest(),
    digestOf([{ count: 1, byteLength: longest }]),
  );
  const over = closed(stream);
  await peer.send({ write: { count: 1, byteLength: longest + 1 } });
  const theirs = await peer.next("close");
  await over;
  await peer.ended();

  const second = await connectTo({ isInitiator: false });
  await using __ = second.peer;
  const ours = ourStream(true, second.socket);
  await second.peer.next("open");
  const ourEnd = closed(ours);
  ours.write(new Uint8Array(longest + 1));
  const error = await ourEnd;
  assert.ok(error instanceof SecretStreamError);
  assert.equal(error.message, theirs.error);
  assert.equal((await second.peer.next("close")).error, null);
  await second.peer.ended();
});

Deno.test("SS-003 an expected key that the peer has not: the handshake fails on both sides", async () => {
  const other = SecretStream.keyPair(new Uint8Array(32)).publicKey;
  const { peer, socket } = await connectTo({
    isInitiator: false,
    pattern: "IK",
  });
  await using _ = peer;
  const stream = ourStream(true, socket, {
    pattern: "IK",
    remotePublicKey: other,
  });
  assert.equal(await closed(stream), null);
  assert.equal(await stream.opened, false);
  const close = {
    event: "close",
    error: "Noise handshake failed",
    opened: false,
  };
  assert.deepEqual(await peer.next("close"), close);
  await peer.ended();

  const second = await acceptFrom({
    isInitiator: true,
    pattern: "IK",
    remotePublicKey: hexText(other),
  });
  await using __ = second.peer;
  const ours = ourStream(false, second.socket, { pattern: "IK" });
  const error = await closed(ours);
  assert.ok(error instanceof SecretStreamError);
  assert.equal(error.code, "HANDSHAKE_FAILED");
  assert.equal(error.message, close.error);
  assert.deepEqual(await second.peer.next("close"), {
    event: "close",
    error: null,
    opened: false,
  });
  await second.peer.ended();
});

/** A socket whose bytes towards us, or from us, are changed on the way. */
class MeddledSocket {
  readonly socket: net.Socket;
  readonly #proxy: net.Server;

  private constructor(socket: net.Socket, proxy: net.Server) {
    this.socket = socket;
    this.#proxy = proxy;
  }

  /** Connects to `port` through a proxy that flips a bit of byte `flipAt` of one direction. */
  static async connect(
    port: number,
    direction: "fromUs" | "towardsUs",
    flipAt: number,
  ): Promise<MeddledSocket> {
    const proxy = net.createServer((near) => {
      const far = net.connect(port, "127.0.0.1");
      pump(near, far, direction === "fromUs" ? flipAt : -1);
      pump(far, near, direction === "towardsUs" ? flipAt : -1);
    });
    await new Promise<void>((resolve) => proxy.listen(0, "127.0.0.1", resolve));
    const socket = net.connect(
      (proxy.address() as net.AddressInfo).port,
      "127.0.0.1",
    );
    return new MeddledSocket(socket, proxy);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy();
    await new Promise((resolve) => this.#proxy.close(resolve));
  }
}

function pump(from: net.Socket, to: net.Socket, flipAt: number): void {
  let passedBytes = 0;
  from.on("data", (data: Uint8Array) => {
    const index = flipAt - passedBytes;
    passedBytes += data.byteLength;
    if (index >= 0 && index < data.byteLength) data[index]! ^= 4;
    to.write(data);
  });
  from.on("error", () => {});
  from.on("close", () => to.destroy());
}

/** Bytes before the first encrypted message of an XX initiator and responder: handshake, then header. */
const BEFORE_MESSAGES = {
  initiator: (3 + 32) + (3 + 64) + (3 + 56),
  responder: (3 + 96) + (3 + 56),
};

const FLIPS = [
  { name: "the ephemeral key", at: 3 + 5, code: "HANDSHAKE_FAILED" },
  { name: "the stream id", at: -56 + 3, code: "INVALID_HEADER" },
  { name: "the cipher header", at: -10, code: "DECRYPTION_FAILED" },
  { name: "a message", at: 3 + 8, code: "DECRYPTION_FAILED" },
  {
    name: "the end of a message",
    at: 3 + 17 + 100 - 1,
    code: "DECRYPTION_FAILED",
  },
] as const;

for (const flip of FLIPS) {
  Deno.test(`SS-W01 SS-W02 SS-W04 a bit of ${flip.name} flipped on its way to us`, async () => {
    const isInHandshake = flip.code === "HANDSHAKE_FAILED";
    const { peer, port } = await listeningPeer({
      isInitiator: false,
      write: { count: 1, byteLength: 100 },
    });
    await using _ = peer;
    const flipAt = isInHandshake ? flip.at : BEFORE_MESSAGES.responder + flip.at;
    await using meddled = await MeddledSocket.connect(
      port,
      "towardsUs",
      flipAt,
    );
    const stream = ourStream(true, meddled.socket);
    const over = closed(stream);
    const error = await over;
    assert.ok(error instanceof SecretStreamError);
    assert.equal(error.code, flip.code);
    assert.equal(await stream.opened, !isInHandshake);
    assert.equal((await peer.next("close")).error, null);
    await peer.ended();
  });

  Deno.test(`SS-W01 SS-W02 SS-W04 a bit of ${flip.name} flipped on its way to the peer`, async () => {
    const isInHandshake = flip.code === "HANDSHAKE_FAILED";
    const { peer, port } = await listeningPeer({ isInitiator: false });
    await using _ = peer;
    const flipAt = isInHandshake ? flip.at : BEFORE_MESSAGES.initiator + flip.at;
    await using meddled = await MeddledSocket.connect(port, "fromUs", flipAt);
    const stream = ourStream(true, meddled.socket);
    const over = closed(stream);
    stream.write(messageOf(0, 100));
    const close = await peer.next("close");
    // The peer may only see the consequence: an altered ephemeral key makes our answer fail on our side first.
    const error = await over;
    const message = close.error ?? error?.message;
    assert.equal(message, new SecretStreamError(flip.code).message);
    await peer.ended();
  });
}

async function listeningPeer(
  options: PeerOptions,
): Promise<{ peer: NodePeer; port: number }> {
  const peer = NodePeer.start("secret_stream/peer.mjs", {
    args: [{ seed: THEIR_SEED, ...options }],
  });
  return {
    peer,
    port: (await peer.next("listening") as PeerMessage & { port: number }).port,
  };
}

Deno.test("SS-009 a silent peer: our stream times out as theirs does", async () => {
  const { peer, socket } = await connectTo({ mode: "silent" });
  await using _ = peer;
  const stream = ourStream(true, socket);
  stream.setTimeout(100);
  const error = await closed(stream);
  assert.ok(error instanceof SecretStreamError);
  assert.equal(error.code, "TIMED_OUT");
  assert.equal(await stream.opened, false);
  await peer.next("closed");
  await peer.ended();

  const second = await acceptFrom({ isInitiator: true, timeout: 100 });
  await using __ = second.peer;
  second.socket.on("error", () => {});
  second.socket.resume();
  const close = { event: "close", error: error.message, opened: false };
  assert.deepEqual(await second.peer.next("close"), close);
  second.socket.destroy();
  await second.peer.ended();
});

Deno.test("SS-009 a peer that falls silent after the handshake: our stream times out", async () => {
  const { peer, socket } = await connectTo({ isInitiator: false });
  await using _ = peer;
  const stream = ourStream(true, socket);
  await peer.next("open");
  await stream.opened;
  stream.setTimeout(100);
  assert.equal((await closed(stream) as SecretStreamError).code, "TIMED_OUT");
  assert.deepEqual(await peer.next("close"), {
    event: "close",
    error: null,
    opened: true,
  });
  await peer.ended();
});

Deno.test("SS-018 a peer that closes half-way through the handshake: both kinds close alike", async () => {
  const { peer, socket } = await connectTo({ mode: "half" });
  await using _ = peer;
  const stream = ourStream(true, socket);
  const ourError = await closed(stream);
  const weOpened = await stream.opened;
  await peer.next("closed");
  await peer.ended();

  const second = await acceptFrom({ isInitiator: true });
  await using __ = second.peer;
  second.socket.once("data", () => second.socket.destroy());
  const close = await second.peer.next("close");
  assert.deepEqual({ error: ourError, opened: weOpened }, {
    error: null,
    opened: false,
  });
  assert.deepEqual({ error: close.error, opened: close.opened }, {
    error: null,
    opened: false,
  });
  await second.peer.ended();
});

Deno.test("SS-010 keep-alive: heartbeats arrive, and are dropped by who keeps alive", async () => {
  const { peer, socket } = await connectTo({
    isInitiator: false,
    reportEvery: 1,
  });
  await using _ = peer;
  const stream = ourStream(true, socket, { keepAlive: 20 });
  const tally = new Tally(stream);
  const stats = await peer.next("stats");
  assert.deepEqual([stats.count, stats.emptyCount], [1, 1]);
  await peer.send({ keepAlive: 20 });
  const before = stream.rawBytesRead;
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (stream.rawBytesRead < before + 3 * 17) return;
      clearInterval(timer);
      resolve();
    }, 10);
  });
  assert.equal(tally.count, 0, "we keep alive and drop theirs");
  stream.setKeepAlive(0);
  const theirs = received(stream, 2);
  assert.ok(
    (await theirs).emptyCount >= 2,
    "we do not any more and get theirs",
  );
  const over = closed(stream);
  stream.destroy();
  await over;
  await peer.ended();
});

/** UDX against udx-native 1.21.0: both ways, over loopback and through a bad network. */
import { strict as assert } from "node:assert";
import { createHash } from "node:crypto";
import UDX, { type UDXSocket, type UDXStream, type UDXStreamOptions } from "../../src/udx/mod.ts";
import { DatagramProxy, type DatagramProxyConditions } from "../helpers/datagram_proxy.ts";
import { NodePeer } from "../helpers/node_peer.ts";

const MEBIBYTE = 1024 * 1024;

/** Size of the long transfers; the full 512 are run by hand. */
const TRANSFER_MEBIBYTES = Number(Deno.env.get("UDX_INTEROP_MEBIBYTES") ?? 24);

/** Bytes that depend on `seed`, the same on both sides of a test. */
function pattern(seed: number, byteLength: number): Uint8Array {
  const bytes = new Uint8Array(byteLength);
  let state = seed >>> 0;
  for (let i = 0; i < byteLength; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    bytes[i] = state >>> 24;
  }
  return bytes;
}

function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, "0")).join(
    "",
  );
}

/** Our side: a socket and the streams of one test. */
class OurPeer implements AsyncDisposable {
  readonly udx: UDX = new UDX();
  readonly socket: UDXSocket = this.udx.createSocket();
  readonly #streams: UDXStream[] = [];

  constructor() {
    this.socket.bind(0, "127.0.0.1");
  }

  get port(): number {
    return this.socket.address()!.port;
  }

  open(
    id: number,
    remoteId: number,
    port: number,
    options: UDXStreamOptions = {},
  ): OurStream {
    const stream = this.udx.createStream(id, options);
    this.#streams.push(stream);
    const ours = new OurStream(stream);
    stream.connect(this.socket, remoteId, port, "127.0.0.1");
    return ours;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const stream of this.#streams) stream.destroy();
    await this.socket.close();
  }
}

class OurStream {
  readonly stream: UDXStream;
  readonly ended = Promise.withResolvers<
    { byteLength: number; sha256: string }
  >();
  readonly closed = Promise.withResolvers<string | null>();
  readonly first = Promise.withResolvers<void>();
  #isWriting = false;

  constructor(stream: UDXStream) {
    this.stream = stream;
    const hash = createHash("sha256");
    let byteLength = 0;
    let failure: string | null = null;
    stream.on("data", (data) => {
      hash.update(data);
      byteLength += data.length;
      this.first.resolve();
    });
    stream.on("end", () => {
      this.ended.resolve({ byteLength, sha256: hash.digest("hex") });
      if (!this.#isWriting) stream.end();
    });
    stream.on(
      "error",
      (error) => failure = (error as { code?: string }).code ?? error.message,
    );
    stream.on("close", () => this.closed.resolve(failure));
  }

  /** Writes patterned bytes and returns their hash. */
  async write(byteLength: number, seed: number, end = true): Promise<string> {
    this.#isWriting = true;
    this.stream.setMaxListeners(0);
    const chunk = pattern(seed, 65536);
    const hash = createHash("sha256");
    for (
      let left = byteLength;
      left > 0 && !this.stream.destroying;
      left -= chunk.length
    ) {
      const part = chunk.subarray(0, Math.min(left, chunk.length));
      hash.update(part);
      if (!this.stream.write(part)) {
        await new Promise<void>((resolve) => {
          this.stream.once("drain", resolve);
          this.stream.once("close", resolve);
        });
      }
    }
    if (end) this.stream.end();
    return hash.digest("hex");
  }
}

interface Pair extends AsyncDisposable {
  readonly native: NodePeer;
  readonly ours: OurPeer;
  /** Where ours sends to. */
  readonly nativePort: number;
  /** Where native sends to. */
  readonly ourPort: number;
  readonly proxy: DatagramProxy | null;
}

async function startPair(
  conditions: DatagramProxyConditions | null = null,
): Promise<Pair> {
  const native = NodePeer.start("udx/peer.mjs");
  const ours = new OurPeer();
  const port = (await native.next("bound")).port as number;
  const proxy = conditions ? await DatagramProxy.start(ours.port, port, conditions) : null;
  return {
    native,
    ours,
    proxy,
    nativePort: proxy?.senderSidePort ?? port,
    ourPort: proxy?.receiverSidePort ?? ours.port,
    async [Symbol.asyncDispose]() {
      await ours[Symbol.asyncDispose]();
      await native.close();
      await proxy?.close();
    },
  };
}

/** Opens stream 1 here and 2 there, connected to each other. */
async function connectStreams(
  pair: Pair,
  options: Record<string, unknown> = {},
  ourOptions: UDXStreamOptions = {},
): Promise<OurStream> {
  await pair.native.send({
    op: "stream",
    id: 2,
    remoteId: 1,
    port: pair.ourPort,
    ...options,
  });
  await pair.native.next("ready");
  return pair.ours.open(1, 2, pair.nativePort, ourOptions);
}

async function transferBothWays(
  pair: Pair,
  byteLength: number,
): Promise<OurStream> {
  const stream = await connectStreams(pair);
  await pair.native.send({ op: "write", id: 2, byteLength, seed: 11 });
  const sent = await stream.write(byteLength, 12);
  const received = await stream.ended.promise;
  const [there, end] = [
    await pair.native.next("written"),
    await pair.native.next("end"),
  ];
  assert.deepEqual(received, { byteLength, sha256: there.sha256 });
  assert.equal(end.byteLength, byteLength);
  assert.equal(end.sha256, sent);
  assert.equal(await stream.closed.promise, null);
  assert.equal((await pair.native.next("close")).error, null);
  return stream;
}

Deno.test("UDX-024 UDX-W01 stream writes to udx-native in order and whole", async () => {
  await using pair = await startPair();
  const stream = await connectStreams(pair);
  const byteLength = TRANSFER_MEBIBYTES * MEBIBYTE;
  const sent = await stream.write(byteLength, 5);
  const end = await pair.native.next("end");
  assert.equal(end.byteLength, byteLength);
  assert.equal(end.sha256, sent);
  assert.equal(await stream.closed.promise, null);
  assert.equal((await pair.native.next("close")).error, null);
});

Deno.test("UDX-024 UDX-W02 stream reads from udx-native in order and whole", async () => {
  await using pair = await startPair();
  const stream = await connectStreams(pair);
  const byteLength = TRANSFER_MEBIBYTES * MEBIBYTE;
  await pair.native.send({ op: "write", id: 2, byteLength, seed: 6 });
  const received = await stream.ended.promise;
  const written = await pair.native.next("written");
  assert.deepEqual(received, { byteLength, sha256: written.sha256 });
  assert.equal(await stream.closed.promise, null);
});

Deno.test("UDX-038 UDX-W02 a stream that only reads from udx-native learns the round trip", async () => {
  await using pair = await startPair({ latencyMs: 10 });
  const stream = await connectStreams(pair);
  await pair.native.send({ op: "write", id: 2, byteLength: MEBIBYTE, seed: 6 });
  await stream.ended.promise;
  assert(stream.stream.rtt >= 20, `${stream.stream.rtt} ms`);
  assert.equal(await stream.closed.promise, null);
});

for (const lossRate of [0, 0.01, 0.05]) {
  Deno.test(`UDX-035 UDX-W03 both ways with ${lossRate * 100} % loss and reordering`, async () => {
    await using pair = await startPair({
      latencyMs: 2,
      lossRate,
      reorderRate: 0.05,
      seed: 3,
    });
    await transferBothWays(pair, 2 * MEBIBYTE);
  });
}

Deno.test("UDX-037 path MTU discovery stops below what a network drops", async () => {
  await using pair = await startPair({ latencyMs: 2, mtu: 1300 });
  const stream = await connectStreams(pair);
  const sent = await stream.write(4 * MEBIBYTE, 8);
  assert.equal((await pair.native.next("end")).sha256, sent);
  await stream.closed.promise;
  assert.equal(stream.stream.mtu, 1296);
  assert(pair.proxy!.droppedCount >= 3);
});

Deno.test("UDX-037 path MTU discovery reaches 1500 with udx-native's receiver", async () => {
  await using pair = await startPair();
  const stream = await connectStreams(pair);
  const sent = await stream.write(8 * MEBIBYTE, 8);
  assert.equal((await pair.native.next("end")).sha256, sent);
  await stream.closed.promise;
  assert.equal(stream.stream.mtu, 1500);
});

Deno.test("UDX-016 two hundred streams share one socket", async () => {
  await using pair = await startPair();
  const count = 200;
  const streams: OurStream[] = [];
  for (let i = 0; i < count; i++) {
    await pair.native.send({
      op: "stream",
      id: 5000 + i,
      remoteId: 1000 + i,
      port: pair.ourPort,
    });
  }
  for (let i = 0; i < count; i++) await pair.native.next("ready");
  for (let i = 0; i < count; i++) {
    streams.push(pair.ours.open(1000 + i, 5000 + i, pair.nativePort));
  }
  assert.equal(pair.ours.socket.streams.size, count);
  const sent = await Promise.all(
    streams.map((stream, i) => stream.write(20_000 + i, i)),
  );
  const ends = new Map<number, string>();
  for (let i = 0; i < count; i++) {
    const end = await pair.native.next("end");
    ends.set(end.id as number, end.sha256 as string);
  }
  sent.forEach((sha256, i) => assert.equal(ends.get(5000 + i), sha256));
  await Promise.all(streams.map((stream) => stream.closed.promise));
  assert.equal(pair.ours.socket.idle, true);
});

Deno.test("UDX-024 destroying our idle stream resets udx-native's", async () => {
  await using pair = await startPair();
  const stream = await connectStreams(pair);
  stream.stream.destroy();
  assert.equal((await pair.native.next("close")).error, "ECONNRESET");
  assert.equal(await stream.closed.promise, null);
});

Deno.test("UDX-024 destroying udx-native's idle stream resets ours", async () => {
  await using pair = await startPair();
  const stream = await connectStreams(pair);
  await pair.native.send({ op: "destroy", id: 2 });
  assert.equal(await stream.closed.promise, "ECONNRESET");
  assert.equal((await pair.native.next("close")).error, null);
});

Deno.test("UDX-024 destroying our stream amid our own transfer resets udx-native's", async () => {
  await using pair = await startPair();
  const stream = await connectStreams(pair);
  const writing = stream.write(64 * MEBIBYTE, 1, false);
  await pair.native.next("first");
  stream.stream.destroy();
  await writing;
  assert.equal((await pair.native.next("close")).error, "ECONNRESET");
});

Deno.test("UDX-024 destroying our stream amid udx-native's transfer resets it", async () => {
  await using pair = await startPair();
  const stream = await connectStreams(pair);
  await pair.native.send({
    op: "write",
    id: 2,
    byteLength: 64 * MEBIBYTE,
    seed: 1,
  });
  await stream.first.promise;
  stream.stream.destroy();
  assert.equal((await pair.native.next("close")).error, "ECONNRESET");
});

Deno.test("UDX-024 udx-native destroying its stream amid our transfer resets ours", async () => {
  await using pair = await startPair();
  const stream = await connectStreams(pair);
  const writing = stream.write(64 * MEBIBYTE, 1, false);
  await pair.native.next("first");
  await pair.native.send({ op: "destroy", id: 2 });
  assert.equal(await stream.closed.promise, "ECONNRESET");
  await writing;
});

Deno.test("UDX-024 our end leaves udx-native's side open until it ends", async () => {
  await using pair = await startPair();
  const stream = await connectStreams(pair, { halfOpen: true });
  stream.stream.end("last words");
  const end = await pair.native.next("end");
  assert.equal(end.byteLength, 10);
  assert.equal(stream.stream.connected, true);
  await pair.native.send({ op: "write", id: 2, byteLength: 100_000, seed: 9 });
  assert.equal((await stream.ended.promise).byteLength, 100_000);
  assert.equal(await stream.closed.promise, null);
  assert.equal((await pair.native.next("close")).error, null);
});

Deno.test("UDX-024 destroying after our end resets udx-native's half-open stream", async () => {
  await using pair = await startPair();
  const stream = await connectStreams(pair, { halfOpen: true });
  stream.stream.end("last words");
  await pair.native.next("end");
  assert.equal(await stream.stream.flush(), true);
  stream.stream.destroy();
  assert.equal((await pair.native.next("close")).error, "ECONNRESET");
});

/** Our stream 1, connected to udx-native's 2, which reads but does not end by itself. */
async function connectHalfOpen(
  pair: Pair,
): Promise<{ stream: UDXStream; ended: Promise<void>; closed: Promise<unknown> }> {
  await pair.native.send({ op: "stream", id: 2, remoteId: 1, port: pair.ourPort, halfOpen: true });
  await pair.native.next("ready");
  const stream = pair.ours.udx.createStream(1);
  let failure: unknown = null;
  stream.on("error", (error) => (failure = (error as { code?: string }).code));
  const ended = new Promise<void>((resolve) => stream.on("end", () => resolve()));
  const closed = new Promise<unknown>((resolve) => stream.on("close", () => resolve(failure)));
  stream.resume();
  stream.connect(pair.ours.socket, 2, pair.nativePort);
  return { stream, ended, closed };
}

Deno.test("UDX-024 udx-native destroying its stream amid its own transfer resets ours", async () => {
  await using pair = await startPair();
  const stream = await connectStreams(pair);
  await pair.native.send({ op: "write", id: 2, byteLength: 64 * MEBIBYTE, seed: 1 });
  await stream.first.promise;
  await pair.native.send({ op: "destroy", id: 2 });
  assert.equal(await stream.closed.promise, "ECONNRESET");
  assert.equal((await pair.native.next("close")).error, null);
});

Deno.test("UDX-024 udx-native destroying after its end resets our half-open stream", async () => {
  await using pair = await startPair();
  const ours = await connectHalfOpen(pair);
  await pair.native.send({ op: "end", id: 2 });
  await ours.ended;
  await pair.native.send({ op: "destroy", id: 2 });
  assert.equal(await ours.closed, "ECONNRESET");
});

Deno.test("UDX-024 udx-native destroying after our end resets our half-open stream", async () => {
  await using pair = await startPair();
  const ours = await connectHalfOpen(pair);
  ours.stream.end("last words");
  await pair.native.next("end");
  await pair.native.send({ op: "destroy", id: 2 });
  assert.equal(await ours.closed, "ECONNRESET");
});

Deno.test("UDX-024 destroying our stream after udx-native's end resets its half-open stream", async () => {
  await using pair = await startPair();
  const ours = await connectHalfOpen(pair);
  await pair.native.send({ op: "end", id: 2 });
  await ours.ended;
  ours.stream.destroy();
  assert.equal((await pair.native.next("close")).error, "ECONNRESET");
  assert.equal(await ours.closed, null);
});

Deno.test("UDX-024 UDX-031 destroying our stream resets udx-native's that is not connected yet", async () => {
  await using pair = await startPair();
  await pair.native.send({ op: "stream", id: 2, connect: false });
  await pair.native.next("ready");
  const stream = pair.ours.open(1, 2, pair.nativePort);
  stream.stream.write("too early");
  await pair.native.next("first");
  stream.stream.destroy();
  assert.equal((await pair.native.next("close")).error, "ECONNRESET");
});

Deno.test("UDX-024 UDX-031 udx-native destroying its stream resets ours that is not connected yet", async () => {
  await using pair = await startPair();
  const stream = pair.ours.udx.createStream(1, { firewall: () => false });
  const first = new Promise<void>((resolve) => stream.once("data", () => resolve()));
  let failure: unknown = null;
  stream.on("error", (error) => (failure = (error as { code?: string }).code));
  const closed = new Promise<void>((resolve) => stream.once("close", () => resolve()));
  await pair.native.send({ op: "stream", id: 2, remoteId: 1, port: pair.ourPort });
  await pair.native.next("ready");
  await pair.native.send({ op: "write", id: 2, byteLength: 10, seed: 1, end: false });
  await first;
  await pair.native.send({ op: "destroy", id: 2 });
  await closed;
  assert.equal(failure, "ECONNRESET");
});

Deno.test("UDX-024 both sides destroy at once: both close without an error or with a reset", async () => {
  await using pair = await startPair();
  const stream = await connectStreams(pair);
  await pair.native.send({ op: "destroy", id: 2 });
  stream.stream.destroy();
  assert.equal(await stream.closed.promise, null);
  assert.ok([null, "ECONNRESET"].includes((await pair.native.next("close")).error as string | null));
});

Deno.test("UDX-022 messages arrive both ways", async () => {
  await using pair = await startPair();
  const stream = await connectStreams(pair);
  const message = Promise.withResolvers<Uint8Array>();
  stream.stream.once("message", message.resolve);
  assert.equal(await stream.stream.send(new Uint8Array([1, 2, 3])), true);
  assert.equal((await pair.native.next("message")).hex, "010203");
  await pair.native.send({ op: "send", id: 2, hex: "0a0b" });
  assert.equal(hex(await message.promise), "0a0b");
});

Deno.test("UDX-W04 datagrams that are no packets reach the sockets' message event", async () => {
  await using pair = await startPair();
  await connectStreams(pair);
  const message = Promise.withResolvers<Uint8Array>();
  pair.ours.socket.once("message", message.resolve);
  assert.equal(
    await pair.ours.socket.send(new Uint8Array([7, 7]), pair.nativePort),
    true,
  );
  assert.equal((await pair.native.next("datagram")).hex, "0707");
  await pair.native.send({ op: "socketSend", hex: "0808", port: pair.ourPort });
  assert.equal(hex(await message.promise), "0808");
});

Deno.test("UDX-032 sequence numbers that wrap around agree", async () => {
  await using pair = await startPair();
  const ourSeq = 0xffffff00;
  const nativeSeq = 0xfffffff0;
  await pair.native.send({
    op: "stream",
    id: 2,
    remoteId: 1,
    port: pair.ourPort,
    seq: nativeSeq,
    ack: ourSeq,
  });
  await pair.native.next("ready");
  const stream = pair.ours.udx.createStream(1, { seq: ourSeq });
  const ours = new OurStream(stream);
  stream.connect(pair.ours.socket, 2, pair.nativePort, { ack: nativeSeq });
  await pair.native.send({ op: "write", id: 2, byteLength: MEBIBYTE, seed: 1 });
  const sent = await ours.write(MEBIBYTE, 2);
  assert.equal((await pair.native.next("end")).sha256, sent);
  assert.equal(
    (await ours.ended.promise).sha256,
    (await pair.native.next("written")).sha256,
  );
  assert.equal(await ours.closed.promise, null);
});

Deno.test("UDX-030 framed reads deliver udx-native's messages whole", async () => {
  await using pair = await startPair();
  await pair.native.send({
    op: "stream",
    id: 2,
    remoteId: 1,
    port: pair.ourPort,
    framed: true,
  });
  await pair.native.next("ready");
  const stream = pair.ours.open(1, 2, pair.nativePort);
  const frame = new Uint8Array(3 + 50_000);
  frame.set([50_000 & 0xff, 50_000 >> 8, 0]);
  stream.stream.end(frame);
  assert.equal((await pair.native.next("end")).byteLength, frame.length);
});

Deno.test("UDX-021 UDX-040 udx-native relays between two of our streams", async () => {
  await using pair = await startPair();
  await using other = new OurPeer();
  await pair.native.send({
    op: "stream",
    id: 10,
    remoteId: 1,
    port: pair.ours.port,
  });
  await pair.native.send({
    op: "stream",
    id: 20,
    remoteId: 3,
    port: other.port,
  });
  await pair.native.send({ op: "relay", a: 10, b: 20 });
  await pair.native.next("relaying");
  const left = pair.ours.open(1, 10, pair.nativePort);
  const right = other.open(3, 20, pair.nativePort);
  const sent = await left.write(MEBIBYTE, 4);
  assert.equal((await right.ended.promise).sha256, sent);
  assert.deepEqual(
    await Promise.all([left.closed.promise, right.closed.promise]),
    [null, null],
  );
});

Deno.test("UDX-021 UDX-040 our streams relay between two udx-native peers", async () => {
  await using pair = await startPair();
  await using other = await startPair();
  const [near, far] = [
    pair.ours.udx.createStream(10),
    pair.ours.udx.createStream(20),
  ];
  near.connect(pair.ours.socket, 2, pair.nativePort);
  far.connect(pair.ours.socket, 4, other.nativePort);
  near.relayTo(far);
  far.relayTo(near);
  await pair.native.send({
    op: "stream",
    id: 2,
    remoteId: 10,
    port: pair.ours.port,
  });
  await other.native.send({
    op: "stream",
    id: 4,
    remoteId: 20,
    port: pair.ours.port,
  });
  await Promise.all([pair.native.next("ready"), other.native.next("ready")]);
  await pair.native.send({ op: "write", id: 2, byteLength: MEBIBYTE, seed: 3 });
  const [written, end] = await Promise.all([
    pair.native.next("written"),
    other.native.next("end"),
  ]);
  assert.equal(end.sha256, written.sha256);
  const closed = Promise.all(
    [near, far].map((stream) => new Promise<void>((resolve) => stream.once("close", () => resolve()))),
  );
  near.destroy();
  far.destroy();
  await closed;
});

Deno.test("UDX-020 changeRemote() moves our stream from one udx-native peer to another", async () => {
  await using pair = await startPair();
  await using other = await startPair();
  const stream = await connectStreams(pair);
  stream.stream.write("before");
  assert.equal(await stream.stream.flush(), true);
  // The other process takes the stream over: same peer, other place. It expects the next sequence number.
  await other.native.send({
    op: "stream",
    id: 9,
    remoteId: 1,
    port: pair.ours.port,
    ack: 1,
  });
  await other.native.next("ready");
  await stream.stream.changeRemote(pair.ours.socket, 9, other.nativePort);
  assert.equal(stream.stream.remotePort, other.nativePort);
  stream.stream.end("after");
  assert.equal((await other.native.next("end")).byteLength, 5);
});

/** The public classes, over loopback. */
import { strict as assert } from "node:assert";
import UDX, { NetworkInterfaces, type UDXSocket, type UDXStream } from "../../../src/udx/mod.ts";
import { VirtualClock } from "../../helpers/virtual_clock.ts";

interface Pair extends AsyncDisposable {
  readonly udx: UDX;
  readonly a: UDXSocket;
  readonly b: UDXSocket;
  readonly left: UDXStream;
  readonly right: UDXStream;
}

function createPair(options: { framed?: boolean; connect?: boolean; backend?: "deno" | "node" } = {}): Pair {
  const udx = new UDX({ backend: options.backend });
  const [a, b] = [udx.createSocket(), udx.createSocket()];
  a.bind(0, "127.0.0.1");
  b.bind(0, "127.0.0.1");
  const [left, right] = [udx.createStream(1), udx.createStream(2, { framed: options.framed })];
  if (options.connect ?? true) {
    left.connect(a, 2, b.address()!.port);
    right.connect(b, 1, a.address()!.port, "127.0.0.1");
  }
  return {
    udx,
    a,
    b,
    left,
    right,
    async [Symbol.asyncDispose]() {
      left.destroy();
      right.destroy();
      await Promise.all([a.close(), b.close()]);
    },
  };
}

function once(stream: UDXStream, event: "data" | "message"): Promise<Uint8Array> {
  return new Promise((resolve) => stream.once(event, resolve));
}

function happened(stream: UDXStream, event: "end" | "close" | "connect" | "remote-changed"): Promise<void> {
  return new Promise((resolve) => stream.once(event, () => resolve()));
}

Deno.test("UDX-001 UDX-016 a fresh socket is idle, unbound and open", () => {
  const udx = new UDX();
  const socket = udx.createSocket();
  assert.equal(socket.udx, udx);
  assert.deepEqual([socket.bound, socket.closing, socket.idle, socket.busy], [false, false, true, false]);
  assert.equal(socket.userData, null);
  assert.equal(socket.streams.size, 0);
  assert.equal(socket.address(), null);
  assert.equal(socket.toJSON().reuseAddress, false);
});

Deno.test("UDX-002 the class tests addresses", () => {
  assert.deepEqual([UDX.isIP("::1"), UDX.isIP("1.2.3.4"), UDX.isIP("x")], [6, 4, 0]);
  assert.deepEqual([UDX.isIPv4("1.2.3.4"), UDX.isIPv6("1.2.3.4")], [true, false]);
});

for (const backend of ["deno", "node"] as const) {
  Deno.test(`UDX-003 UDX-009 UDX-010 UDX-018 bind() tells the address at once (${backend})`, async () => {
    const socket = new UDX({ backend }).createSocket();
    let isListening = false;
    socket.on("listening", () => isListening = true);
    socket.bind(0, "127.0.0.1");
    assert.equal(isListening, true);
    const address = socket.address()!;
    assert.deepEqual([address.host, address.family, address.port > 0], ["127.0.0.1", 4, true]);
    assert.throws(() => socket.bind(0), /Already bound/);
    await socket.close();
  });

  Deno.test(`UDX-009 bind() without a host takes both families (${backend})`, async () => {
    const udx = new UDX({ backend });
    await using socket = udx.createSocket();
    socket.bind();
    assert.equal(socket.address()!.host, "::");
    await using other = udx.createSocket();
    other.bind(0, "127.0.0.1");
    const message = new Promise<unknown[]>((resolve) => socket.once("message", (...args) => resolve(args)));
    assert.equal(await other.send(new Uint8Array([1]), socket.address()!.port), true);
    const [bytes, from] = await message;
    assert.deepEqual([...bytes as Uint8Array], [1]);
    assert.deepEqual(from, { host: "127.0.0.1", family: 4, port: other.address()!.port });
    const answer = new Promise<Uint8Array>((resolve) => other.once("message", resolve));
    socket.trySend(new Uint8Array([2]), other.address()!.port);
    assert.deepEqual([...await answer], [2]);
  });

  Deno.test(`UDX-024 a stream carries data both ways and ends (${backend})`, async () => {
    await using pair = createPair({ backend });
    const { left, right } = pair;
    let text = "";
    right.on("data", (data) => text += new TextDecoder().decode(data));
    right.on("end", () => right.end("and back"));
    const closed = Promise.all([happened(left, "close"), happened(right, "close")]);
    left.end("there ");
    assert.equal(new TextDecoder().decode(await once(left, "data")), "and back");
    await closed;
    assert.equal(text, "there ");
    assert.equal(pair.a.idle && pair.b.idle, true);
  });
}

Deno.test("UDX-009 bind() refuses what is no address, and after close()", async () => {
  const socket = new UDX().createSocket();
  assert.throws(() => socket.bind(0, "localhost"), /localhost is not a valid IP address/);
  await socket.close();
  assert.throws(() => socket.bind(0), /Socket is closed/);
  assert.equal(await socket.send(new Uint8Array(1), 9), false);
});

Deno.test("UDX-011 close() waits for streams to leave", async () => {
  const pair = createPair();
  let isClosed = false;
  const closing = pair.a.close().then(() => isClosed = true);
  assert.equal(pair.a.closing, true);
  await pair.left.send(new Uint8Array(1));
  assert.equal(isClosed, false);
  pair.left.destroy();
  await closing;
  await pair[Symbol.asyncDispose]();
});

Deno.test("UDX-012 UDX-013 send() binds, and rejects what is no address; trySend() throws", async () => {
  await using socket = new UDX().createSocket();
  await assert.rejects(socket.send(new Uint8Array(1), 9, "nowhere"), /nowhere is not a valid IP address/);
  assert.throws(() => socket.trySend(new Uint8Array(1), 9, "nowhere"));
  assert.equal(await socket.send(new Uint8Array(1), 9), true);
  assert.equal(socket.bound, true);
});

Deno.test("UDX-018 messages keep their bytes when others follow", async () => {
  const udx = new UDX();
  const [a, b] = [udx.createSocket(), udx.createSocket()];
  b.bind(0, "127.0.0.1");
  const { port } = b.address()!;
  const messages: Uint8Array[] = [];
  // Sizes at and past what shares an allocation, which 2048 bytes fill several times.
  for (let i = 0; i < 40; i++) {
    const arrived = new Promise<void>((resolve) =>
      b.once("message", (bytes) => (messages.push(bytes), resolve()))
    );
    a.trySend(new Uint8Array([0, 1, 255, 256, 257, 1200][i % 6]!).fill(i), port);
    await arrived;
  }
  for (const [i, bytes] of messages.entries()) {
    assert.deepEqual(
      [...bytes],
      Array.from({ length: [0, 1, 255, 256, 257, 1200][i % 6]! }, () => i),
    );
  }
  await Promise.all([a.close(), b.close()]);
});

Deno.test("UDX-014 UDX-012 node sockets have TTL, and in Deno no buffer sizes", async () => {
  await using socket = new UDX().createSocket({ backend: "node" });
  assert.throws(() => socket.setTTL(5), /Socket not active/);
  socket.bind(0, "127.0.0.1");
  socket.setTTL(5);
  assert.throws(() => socket.setTTL(0), RangeError);
  for (
    const attempt of [
      () => socket.setRecvBufferSize(100_000),
      () => socket.setSendBufferSize(100_000),
      () => socket.getRecvBufferSize(),
      () => socket.getSendBufferSize(),
    ]
  ) {
    assert.throws(attempt, { code: "ERR_UNSUPPORTED" });
  }
  assert.equal(await socket.send(new Uint8Array(1), 9, "127.0.0.1", 2), true);
});

Deno.test("UDX-014 Deno's sockets say that they have none", async () => {
  await using socket = new UDX().createSocket({ backend: "deno" });
  socket.bind(0, "127.0.0.1");
  for (
    const attempt of [
      () => socket.setTTL(5),
      () => socket.getRecvBufferSize(),
      () => socket.setSendBufferSize(1),
    ]
  ) {
    assert.throws(attempt, { code: "ERR_UNSUPPORTED" });
  }
});

Deno.test("UDX-015 sockets join and leave multicast groups", async () => {
  for (const backend of ["deno", "node"] as const) {
    await using socket = new UDX().createSocket({ backend });
    socket.bind(0, "0.0.0.0");
    const isMember = (group: string): boolean => Deno.readTextFileSync("/proc/net/igmp").includes(group);
    assert.equal(isMember("0201FFEF"), false, backend);
    socket.addMembership("239.255.1.2", "127.0.0.1");
    await socket.send(new Uint8Array(1), 9); // joining goes to the system without being waited for
    while (!isMember("0201FFEF")) await new Promise((resolve) => setImmediate(resolve));
    socket.dropMembership("239.255.1.2", "127.0.0.1");
    while (isMember("0201FFEF")) await new Promise((resolve) => setImmediate(resolve));
  }
});

Deno.test("UDX-018 sockets tell when they become busy and idle", async () => {
  const udx = new UDX();
  await using socket = udx.createSocket();
  const log: string[] = [];
  socket.on("busy", () => log.push("busy"));
  socket.on("idle", () => log.push("idle"));
  const stream = udx.createStream(1);
  stream.connect(socket, 2, 9);
  assert.equal(socket.busy, true);
  const closed = happened(stream, "close");
  stream.destroy();
  await closed;
  assert.deepEqual(log, ["busy", "idle"]);
});

Deno.test("UDX-004 createStream() makes a stream of that id, cut to 32 bits, that is not connected", () => {
  const udx = new UDX();
  const streams = [0, 7, 2 ** 32 - 1, 2 ** 32 + 5, -1].map((id) => udx.createStream(id));
  assert.deepEqual(streams.map(({ id }) => id), [0, 7, 4294967295, 5, 4294967295]);
  for (const stream of streams) {
    assert.deepEqual([stream.udx === udx, stream.connected, stream.socket, stream.remoteId], [
      true,
      false,
      null,
      0,
    ]);
    assert.deepEqual([stream.remoteHost, stream.remotePort, stream.remoteFamily], [null, 0, 0]);
    stream.destroy();
  }
});

Deno.test("UDX-019 UDX-026 UDX-033 connect() sets the state and tells", async () => {
  await using pair = createPair({ connect: false });
  const { left, a } = pair;
  assert.deepEqual([left.connected, left.remoteHost, left.localPort, left.localHost], [false, null, 0, null]);
  let isConnected = false;
  left.on("connect", () => isConnected = true);
  left.connect(a, 77, 4000, "127.0.0.2");
  assert.equal(isConnected, true);
  assert.deepEqual(
    [left.id, left.remoteId, left.remoteHost, left.remoteFamily, left.remotePort],
    [1, 77, "127.0.0.2", 4, 4000],
  );
  assert.deepEqual([left.localHost, left.localFamily, left.localPort], ["127.0.0.1", 4, a.address()!.port]);
  assert.equal(left.socket, a);
  assert.equal(left.userData, null);
  left.userData = pair;
  assert.equal(left.userData, pair);
  assert.throws(() => left.connect(a, 77, 4000), /Already connected/);
});

Deno.test("UDX-019 connect() refuses bad ports and hosts", async () => {
  await using pair = createPair({ connect: false });
  assert.throws(() => pair.left.connect(pair.a, 2, 0), /0 is not a valid port/);
  assert.throws(() => pair.left.connect(pair.a, 2, 65536), /65536 is not a valid port/);
  assert.throws(() => pair.left.connect(pair.a, 2, 9, "name"), /name is not a valid IP address/);
});

Deno.test("UDX-020 UDX-033 changeRemote() moves to another socket and resolves", async () => {
  await using pair = createPair();
  const { udx, left, right, a } = pair;
  await using other = udx.createSocket();
  other.bind(0, "127.0.0.1");
  left.write("old");
  await once(right, "data");
  const changed = happened(right, "remote-changed");
  await right.changeRemote(other, 1, a.address()!.port);
  await changed;
  assert.equal(right.socket, other);
  assert.equal(pair.b.idle, true);
  await left.changeRemote(a, 2, other.address()!.port);
  left.write("new");
  assert.equal(new TextDecoder().decode(await once(right, "data")), "new");
  const closed = happened(right, "close");
  right.destroy();
  await closed;
});

Deno.test("UDX-020 changeRemote() refuses streams that are not connected", async () => {
  await using pair = createPair({ connect: false });
  assert.throws(() => pair.left.changeRemote(pair.a, 2, 9), /Not yet connected/);
  const other = new UDX().createSocket();
  pair.left.connect(pair.a, 2, 9);
  assert.throws(() => pair.left.changeRemote(other, 2, 9), /another UDX instance/);
});

Deno.test("UDX-021 relayTo() forwards between two streams, and falls with its destination", async () => {
  await using outer = createPair({ connect: false });
  const relay = new UDX();
  await using middle = relay.createSocket();
  middle.bind(0, "127.0.0.1");
  const [near, far] = [relay.createStream(10), relay.createStream(20)];
  near.connect(middle, 1, outer.a.address()!.port);
  far.connect(middle, 2, outer.b.address()!.port);
  near.relayTo(far);
  far.relayTo(near);
  assert.throws(() => near.relayTo(far), { code: "EINVAL" });
  const { port } = middle.address()!;
  outer.left.connect(outer.a, 10, port);
  outer.right.connect(outer.b, 20, port);
  outer.left.write("through");
  assert.equal(new TextDecoder().decode(await once(outer.right, "data")), "through");
  const closed = Promise.all([happened(near, "close"), happened(far, "close")]);
  far.destroy();
  await closed;
});

Deno.test("UDX-021 relayTo() keeps what comes before its destination is connected", async () => {
  await using outer = createPair({ connect: false });
  const relay = new UDX();
  await using middle = relay.createSocket();
  middle.bind(0, "127.0.0.1");
  const { port } = middle.address()!;
  const far = relay.createStream(20);
  const near = relay.createStream(10);
  near.connect(middle, 1, outer.a.address()!.port);
  // The destination connects when the first packet for it has passed.
  const waitMs = () => {
    queueMicrotask(() => far.connected || far.connect(middle, 2, outer.b.address()!.port));
    return 0;
  };
  near.relayTo(far, { waitMs });
  far.relayTo(near);
  outer.left.connect(outer.a, 10, port);
  outer.right.connect(outer.b, 20, port);
  outer.left.write("early");
  assert.equal(new TextDecoder().decode(await once(outer.right, "data")), "early");
  assert.equal(outer.left.retransmits, 0);
  near.destroy();
  far.destroy();
});

Deno.test("UDX-021 relayTo() drops what waits forever, but never the end of a stream", async () => {
  await using outer = createPair({ connect: false });
  const relay = new UDX();
  await using middle = relay.createSocket();
  middle.bind(0, "127.0.0.1");
  const [near, far] = [relay.createStream(10), relay.createStream(20)];
  near.connect(middle, 1, outer.a.address()!.port);
  far.connect(middle, 2, outer.b.address()!.port);
  const asked: number[] = [];
  near.on("error", () => {});
  near.relayTo(far, { waitMs: (byteLength) => asked.push(byteLength) > 1 ? 0 : Infinity });
  far.relayTo(near);
  outer.left.connect(outer.a, 10, middle.address()!.port);
  outer.right.connect(outer.b, 20, middle.address()!.port);
  outer.right.on("error", () => {});
  await outer.left.send(new Uint8Array([1]));
  await outer.left.send(new Uint8Array([2, 2]));
  assert.deepEqual([...await once(outer.right, "message")], [2, 2]);
  assert.deepEqual(asked, [21, 22]);
  const closed = happened(outer.right, "close");
  outer.left.destroy();
  await closed;
  assert.equal(asked.length, 2);
});

Deno.test("UDX-021 relayTo() lets packets wait, and none overtakes another", async () => {
  await using outer = createPair({ connect: false });
  const clock = new VirtualClock();
  const relay = new UDX({ clock });
  await using middle = relay.createSocket();
  middle.bind(0, "127.0.0.1");
  const [near, far] = [relay.createStream(10), relay.createStream(20)];
  near.connect(middle, 1, outer.a.address()!.port);
  far.connect(middle, 2, outer.b.address()!.port);
  const waits = [30, 0, 50];
  const asked = Promise.withResolvers<void>();
  near.relayTo(far, {
    waitMs: () => {
      if (waits.length === 1) asked.resolve();
      return waits.shift()!;
    },
  });
  outer.left.connect(outer.a, 10, middle.address()!.port);
  outer.right.connect(outer.b, 20, middle.address()!.port);
  const received: number[] = [];
  const arrival = { count: 2, done: Promise.withResolvers<void>() };
  outer.right.on("message", (message) => {
    received.push(message[0]!);
    if (received.length === arrival.count) arrival.done.resolve();
  });
  for (const value of [1, 2, 3]) await outer.left.send(new Uint8Array([value]));
  await asked.promise;
  clock.advance(29);
  assert.deepEqual(received, []);
  clock.advance(1);
  await arrival.done.promise;
  assert.deepEqual(received, [1, 2]);
  arrival.count = 3;
  arrival.done = Promise.withResolvers<void>();
  clock.advance(20);
  await arrival.done.promise;
  assert.deepEqual(received, [1, 2, 3]);
  near.destroy();
  far.destroy();
});

Deno.test("UDX-022 messages arrive beside the stream", async () => {
  await using pair = createPair();
  const message = once(pair.right, "message");
  assert.equal(await pair.left.send(new Uint8Array([5, 6])), true);
  assert.deepEqual([...await message], [5, 6]);
  const back = once(pair.left, "message");
  pair.right.trySend(new Uint8Array([7]));
  assert.deepEqual([...await back], [7]);
});

Deno.test("UDX-022 send() on an unconnected stream resolves with false", async () => {
  await using pair = createPair({ connect: false });
  assert.equal(await pair.left.send(new Uint8Array(1)), false);
});

Deno.test("UDX-023 flush() resolves when all writes are acknowledged", async () => {
  await using pair = createPair();
  pair.right.resume();
  pair.left.write(new Uint8Array(200_000));
  assert.equal(await pair.left.flush(), true);
  assert.equal(pair.right.bytesReceived >= 200_000, true);
  assert.equal(await pair.left.flush(), true);
  pair.left.destroy();
  assert.equal(await pair.left.flush(), false);
});

Deno.test("UDX-024 writing before connect() destroys the stream with an error", async () => {
  await using pair = createPair({ connect: false });
  const failed = new Promise<Error>((resolve) => pair.left.once("error", resolve));
  pair.left.write("x");
  assert.equal((await failed as { code?: string }).code, "ERR_ASSERTION");
});

Deno.test("UDX-024 back-pressure: an unread stream stops its writer", async () => {
  await using pair = createPair();
  const { left, right } = pair;
  let written = 0;
  const chunk = new Uint8Array(65536);
  const limit = 32 * 1024 * 1024;
  while (written < limit) {
    written += chunk.length;
    if (left.write(chunk)) continue;
    const isDrained = await Promise.race([
      new Promise<boolean>((resolve) => left.once("drain", () => resolve(true))),
      new Promise<boolean>((resolve) => watchStall(left, resolve)),
    ]);
    if (!isDrained) break;
  }
  assert(written < limit, "the writer had to wait");
  let read = 0;
  const all = new Promise<void>((resolve) => {
    right.on("data", (data) => {
      read += data.length;
      if (read === written) resolve();
    });
  });
  await all;
});

/** Calls back when nothing more is in flight on a stream that still has data: its peer does not read. */
function watchStall(stream: UDXStream, resolve: (isDrained: boolean) => void): void {
  let quiet = 0;
  const timer = setInterval(() => {
    quiet = stream.inflight === 0 ? quiet + 1 : 0;
    if (quiet < 20) return;
    clearInterval(timer);
    resolve(false);
  }, 5);
  stream.once("drain", () => clearInterval(timer));
}

Deno.test("UDX-025 setInteractive() changes nothing, as udx-native's on a stream that is not closed", async () => {
  await using pair = createPair();
  for (const isInteractive of [false, true]) {
    pair.right.setInteractive(isInteractive);
    pair.left.write("a few bytes");
    assert.equal(new TextDecoder().decode(await once(pair.right, "data")), "a few bytes");
  }
});

Deno.test("UDX-008 UDX-017 UDX-027 UDX-028 UDX-029 counters and metrics move", async () => {
  await using pair = createPair();
  const { udx, left, right, a, b } = pair;
  assert.deepEqual([left.mtu, left.rtt, left.cwnd, left.inflight], [1200, 0, 10, 0]);
  right.resume();
  left.write(new Uint8Array(100_000));
  await new Promise((resolve) => setImmediate(resolve)); // it has begun and has not heard of the other side
  assert(left.inflight > 0 && left.inflight <= 100_000, `${left.inflight}`);
  await left.flush();
  assert(Number.isInteger(left.rtt) && left.rtt >= 0 && left.rtt < 1000, `${left.rtt}`);
  assert(left.mtu > 1200 && left.cwnd >= 4 && left.bbrBandwidth > 0);
  assert([0, 1, 2, 3].includes(left.bbrState));
  assert.deepEqual([left.rtoCount, left.inflight], [0, 0]);
  assert(left.retransmits >= 0 && left.fastRecoveries >= 0);
  assert(left.bytesTransmitted > 100_000 && left.packetsTransmitted > 60);
  assert(right.bytesReceived > 100_000 && right.packetsReceived > 60);
  assert(a.bytesTransmitted > 100_000 && b.bytesReceived > 100_000);
  assert(a.packetsTransmitted > 60 && b.packetsReceived > 60);
  assert(udx.bytesTransmitted > 100_000 && udx.packetsReceived > 60 && udx.packetsTransmitted > 60);
  assert.deepEqual([udx.packetsDroppedByKernel, a.packetsDroppedByKernel], [-1, -1]);
  assert.equal(left.toJSON().socket!.streams, 1);
});

Deno.test("UDX-030 framed streams deliver messages whole", async () => {
  await using pair = createPair({ framed: true });
  const frame = new Uint8Array(40_003);
  frame.set([40_000 & 0xff, 40_000 >> 8, 0]);
  const chunk = once(pair.right, "data");
  pair.left.write(frame);
  assert.equal((await chunk).length, 40_003);
});

Deno.test("UDX-031 a firewall admits packets before connect(), the default refuses", async () => {
  const udx = new UDX();
  await using a = udx.createSocket();
  await using b = udx.createSocket();
  a.bind(0, "127.0.0.1");
  b.bind(0, "127.0.0.1");
  const asked: unknown[] = [];
  const open = udx.createStream(5, {
    firewall: (socket, port, host, family) => {
      asked.push([socket, port, host, family]);
      return false;
    },
  });
  const shut = udx.createStream(6);
  shut.on("data", () => assert.fail("the default refuses"));
  const [toOpen, toShut] = [udx.createStream(7), udx.createStream(8)];
  toShut.connect(a, 6, b.address()!.port);
  toOpen.connect(a, 5, b.address()!.port);
  toShut.write("x");
  toOpen.write("early");
  assert.equal(new TextDecoder().decode(await once(open, "data")), "early");
  assert.deepEqual(asked[0], [b, a.address()!.port, "127.0.0.1", 4]);
  open.connect(b, 7, a.address()!.port);
  assert.equal(await toOpen.flush(), true);
  assert.equal(shut.packetsReceived > 0, true);
  const closed = [open, shut, toOpen, toShut].map((stream) => happened(stream, "close"));
  for (const stream of [open, shut, toOpen, toShut]) stream.destroy();
  await Promise.all(closed);
});

Deno.test("UDX-031 checksRemote asks the firewall for the stream's own socket, too", async () => {
  const udx = new UDX();
  await using a = udx.createSocket();
  await using b = udx.createSocket();
  await using elsewhere = udx.createSocket();
  for (const socket of [a, b, elsewhere]) socket.bind(0, "127.0.0.1");
  for (const [id, checksRemote] of [[11, true], [13, false]] as const) {
    const asked: number[] = [];
    const firewall = (_socket: unknown, port: number): boolean => {
      asked.push(port);
      return false;
    };
    const [left, right] = [
      udx.createStream(id, { firewall: () => false }),
      udx.createStream(id + 1, { checksRemote, firewall }),
    ];
    right.connect(b, id, a.address()!.port);
    left.connect(a, id + 1, b.address()!.port);
    const first = once(right, "data");
    left.write("from the remote");
    await first;
    assert.deepEqual(asked, []);
    const second = once(right, "data");
    const moved = left.changeRemote(elsewhere, id + 1, b.address()!.port);
    left.write("from elsewhere");
    await second;
    assert.equal(asked[0], checksRemote ? elsewhere.address()!.port : undefined);
    await moved;
    const closed = [left, right].map((stream) => happened(stream, "close"));
    for (const stream of [left, right]) stream.destroy();
    await Promise.all(closed);
  }
});

Deno.test("UDX-032 streams may start at any sequence number", async () => {
  const udx = new UDX();
  await using a = udx.createSocket();
  await using b = udx.createSocket();
  a.bind(0, "127.0.0.1");
  b.bind(0, "127.0.0.1");
  const left = udx.createStream(1, { seq: 0xfffffffe });
  const right = udx.createStream(2, { seq: 100 });
  left.connect(a, 2, b.address()!.port, { ack: 100 });
  right.connect(b, 1, a.address()!.port, "127.0.0.1", { ack: 0xfffffffe });
  right.resume();
  left.write(new Uint8Array(10_000));
  assert.equal(await left.flush(), true);
  const closed = [left, right].map((stream) => happened(stream, "close"));
  left.destroy();
  right.on("error", () => {});
  await Promise.all(closed);
});

Deno.test("UDX-034 mtu-exceeded is not emitted, as in udx-native 1.21.0", async () => {
  await using pair = createPair();
  pair.left.on("mtu-exceeded" as "drain", () => assert.fail("it is in the README only"));
  pair.right.resume();
  pair.left.write(new Uint8Array(5000));
  await pair.left.flush();
});

Deno.test("UDX-039 setKeepAlive() keeps heartbeats going", async () => {
  await using pair = createPair();
  const before = pair.right.packetsReceived;
  pair.left.setKeepAlive(5);
  await new Promise<void>((resolve) => {
    const timer = setInterval(() => {
      if (pair.right.packetsReceived < before + 2) return;
      clearInterval(timer);
      resolve();
    }, 2);
  });
  pair.left.setKeepAlive(0);
});

Deno.test("UDX-W04 packets for streams that nobody knows are messages", async () => {
  await using pair = createPair();
  const message = new Promise<Uint8Array>((resolve) => pair.b.once("message", resolve));
  const packet = new Uint8Array(20);
  packet.set([0xff, 1, 1, 0, 99]);
  await pair.a.send(packet, pair.b.address()!.port);
  assert.deepEqual([...await message], [...packet]);
});

Deno.test("UDX-005 networkInterfaces() lists loopback", () => {
  const loopback = new UDX().networkInterfaces().find(({ host }) => host === "127.0.0.1");
  assert.deepEqual([loopback!.family, loopback!.internal], [4, true]);
});

Deno.test("UDX-006 watchNetworkInterfaces() iterates and closes", async () => {
  const udx = new UDX();
  const watcher = udx.watchNetworkInterfaces(() => {});
  assert.deepEqual([...watcher], watcher.interfaces);
  assert.equal(udx.networkInterfaces(), watcher.interfaces);
  assert.equal(watcher.unwatch().watch(), watcher);
  let isClosed = false;
  watcher.on("close", () => isClosed = true);
  await watcher.destroy();
  assert.equal(isClosed, true);
});

Deno.test("UDX-006 watchers tell of changes, every five seconds at most", () => {
  const clock = new VirtualClock();
  const loopback = { name: "lo", host: "127.0.0.1", family: 4, internal: true } as const;
  let list = [loopback, { ...loopback, host: "::1", family: 6 as const }] as NetworkInterfaces["interfaces"];
  const watcher = new NetworkInterfaces(clock, () => list).watch();
  const changes: number[] = [];
  watcher.on("change", (interfaces) => changes.push(interfaces.length));
  clock.advance(5000);
  list = [list[1]!, list[0]!];
  clock.advance(5000);
  assert.deepEqual(changes, []);
  list = [loopback];
  clock.advance(4999);
  assert.deepEqual(changes, []);
  clock.advance(1);
  assert.deepEqual(changes, [1]);
  watcher.unwatch();
  assert.equal(clock.pendingCount, 0);
});

Deno.test("UDX-007 lookup() resolves names and rejects unknown ones", async () => {
  const udx = new UDX();
  assert.deepEqual(await udx.lookup("127.0.0.1"), { host: "127.0.0.1", family: 4 });
  assert.deepEqual(await udx.lookup("localhost", { family: 4 }), { host: "127.0.0.1", family: 4 });
  await assert.rejects(udx.lookup("nothing.invalid"), { code: "ENOTFOUND" });
});

Deno.test({
  name: "a missing permission is a typed error that names the flag",
  permissions: { net: ["127.0.0.1"], sys: false },
  fn: async () => {
    const udx = new UDX();
    const socket = udx.createSocket();
    assert.throws(() => socket.bind(0, "0.0.0.0"), { code: "ERR_PERMISSION", flag: "--allow-net" });
    assert.throws(() => udx.networkInterfaces(), { code: "ERR_PERMISSION" });
    socket.bind(0, "127.0.0.1");
    await assert.rejects(socket.send(new Uint8Array(1), 9, "10.1.2.3"), { code: "ERR_PERMISSION" });
    const stream = udx.createStream(1);
    stream.connect(socket, 2, 9, "10.1.2.3");
    const failed = new Promise<Error>((resolve) => stream.once("error", resolve));
    stream.write("x");
    assert.equal((await failed as { code?: string }).code, "ERR_PERMISSION");
    await socket.close();
  },
});

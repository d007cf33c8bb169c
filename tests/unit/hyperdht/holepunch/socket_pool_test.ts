import { strict as assert } from "node:assert";
import { RandomPunchLimiter, SocketPool } from "../../../../src/hyperdht/holepunch/mod.ts";
import UDX, { type UDXSocket } from "../../../../src/udx/mod.ts";
import { VirtualClock } from "../../../helpers/virtual_clock.ts";

const KEY = new Uint8Array(32).fill(1);
const HOST = "127.0.0.1";

interface Pool {
  readonly udx: UDX;
  readonly pool: SocketPool;
  readonly clock: VirtualClock;
  readonly messages: [UDXSocket, number][];
}

function createPool(): Pool {
  const udx = new UDX();
  const clock = new VirtualClock();
  const messages: [UDXSocket, number][] = [];
  const onmessage = (socket: UDXSocket, message: Uint8Array): void => {
    messages.push([socket, message.length]);
  };
  return { udx, clock, messages, pool: new SocketPool({ udx, host: HOST, clock, onmessage }) };
}

let nextId = 1;

/** Two streams with each other: one on `socket`, the other on a socket of its own. */
async function connectStreams(udx: UDX, socket: UDXSocket) {
  const other = udx.createSocket();
  other.bind(0, HOST);
  const [near, far] = [udx.createStream(nextId++), udx.createStream(nextId++)];
  const closed = [near, far].map((stream) =>
    new Promise((resolve) => stream.once("close", () => resolve(null)))
  );
  near.on("error", () => {});
  far.on("error", () => {});
  near.connect(socket, far.id, other.address()!.port, HOST);
  far.connect(other, near.id, socket.address()!.port, HOST);
  const connected = new Promise((resolve) => far.once("data", () => resolve(null)));
  near.write(new Uint8Array([1]));
  await connected;
  return {
    near,
    far,
    async end(): Promise<void> {
      near.destroy();
      far.destroy();
      await Promise.all(closed);
      await other.close();
    },
  };
}

Deno.test("SocketPool acquire() binds sockets of their own, that close when they are given back", async () => {
  const { pool } = createPool();
  const [first, second] = [pool.acquire(), pool.acquire()];
  assert.notEqual(first.socket.address()!.port, second.socket.address()!.port);
  assert.equal(pool.lookup(first.socket), first);
  assert.deepEqual(pool.stats, { socketsAdded: 2, socketsRemoved: 0 });
  const closed = new Promise((resolve) => first.socket.once("close", () => resolve(null)));
  first.release();
  first.release();
  await closed;
  assert.equal(pool.lookup(first.socket), null);
  assert.deepEqual(pool.stats, { socketsAdded: 2, socketsRemoved: 1 });
  await pool.destroy();
  assert.deepEqual(pool.stats, { socketsAdded: 2, socketsRemoved: 2 });
});

Deno.test("SocketPool tells punches from other messages", async () => {
  const { pool, messages } = createPool();
  const [from, to] = [pool.acquire(), pool.acquire()];
  const punched = Promise.withResolvers<[number, number]>();
  to.onholepunchmessage = (message, { port }) => punched.resolve([message.length, port]);
  const { port } = to.socket.address()!;
  await from.socket.send(new Uint8Array(2), port, HOST);
  await from.socket.send(new Uint8Array(1), port, HOST, 5);
  assert.deepEqual(await punched.promise, [1, from.socket.address()!.port]);
  assert.deepEqual(messages, [[to.socket, 2]]);
  await pool.destroy();
});

Deno.test("SocketPool keeps a socket as long as somebody uses it", async () => {
  const { pool, udx } = createPool();
  const entry = pool.acquire();
  const streams = await connectStreams(udx, entry.socket);
  entry.release();
  entry.active();
  assert.equal(entry.socket.closing, false);
  await streams.end();
  assert.equal(entry.socket.closing, false);
  const closed = new Promise((resolve) => entry.socket.once("close", () => resolve(null)));
  entry.inactive();
  await closed;
});

Deno.test("SocketPool lets reusable sockets linger for three seconds", async () => {
  const { pool, udx, clock } = createPool();
  const entry = pool.acquire();
  entry.reusable = true;
  const first = await connectStreams(udx, entry.socket);
  entry.release();
  await first.end();
  clock.advance(2999);
  assert.equal(entry.socket.closing, false);
  const second = await connectStreams(udx, entry.socket);
  clock.advance(10_000);
  assert.equal(entry.socket.closing, false);
  await second.end();
  clock.advance(3000);
  assert.equal(entry.socket.closing, true);
  await pool.destroy();
});

Deno.test("SocketPool destroy() does not wait for lingering sockets", async () => {
  const { pool, udx, clock } = createPool();
  const entry = pool.acquire();
  entry.reusable = true;
  const streams = await connectStreams(udx, entry.socket);
  entry.release();
  await streams.end();
  await pool.destroy();
  assert.equal(clock.pendingCount, 0);
});

Deno.test("SocketRoutes remember where a peer was, until its socket closes or its stream fails", async () => {
  const { pool, udx } = createPool();
  const entry = pool.acquire();
  const { socket } = entry;
  assert.equal(pool.routes.get(KEY), null);
  const streams = await connectStreams(udx, socket);
  pool.routes.add(KEY, streams.near);
  const { remotePort } = streams.near;
  assert.equal(pool.routes.get(KEY)!.socket, socket);
  assert.deepEqual(pool.routes.get(KEY)!.address, { host: HOST, port: remotePort });
  assert.equal(entry.reusable, true);
  await streams.end();
  assert.notEqual(pool.routes.get(KEY), null);
  entry.reusable = false;
  entry.release();
  await pool.destroy();
  assert.equal(pool.routes.get(KEY), null);
});

Deno.test("SocketRoutes forget the way of a stream that failed", async () => {
  const { pool, udx } = createPool();
  const entry = pool.acquire();
  const streams = await connectStreams(udx, entry.socket);
  pool.routes.add(KEY, streams.near);
  const failed = new Promise((resolve) => streams.near.once("error", () => resolve(null)));
  streams.near.destroy(new Error("lost"));
  await failed;
  assert.equal(pool.routes.get(KEY), null);
  assert.equal(entry.reusable, false);
  await streams.end();
  entry.release();
  await pool.destroy();
});

Deno.test("SocketRoutes wait for a stream that is not connected yet", async () => {
  const { pool, udx } = createPool();
  const entry = pool.acquire();
  const stream = udx.createStream(nextId++);
  pool.routes.add(KEY, stream);
  assert.equal(pool.routes.get(KEY), null);
  stream.connect(entry.socket, 2, 9, HOST);
  await Promise.resolve();
  assert.deepEqual(pool.routes.get(KEY)?.address, { host: HOST, port: 9 });
  const closed = new Promise((resolve) => stream.once("close", () => resolve(null)));
  stream.destroy();
  await closed;
  entry.reusable = false;
  entry.release();
  await pool.destroy();
});

Deno.test("DHT-074 RandomPunchLimiter lets one punch run, and the next an interval after it", () => {
  const clock = new VirtualClock();
  const limiter = new RandomPunchLimiter({ clock, intervalMs: 20_000, isDeferred: false });
  assert.equal(limiter.isAllowed, true);
  limiter.begin();
  assert.equal(limiter.isAllowed, false);
  limiter.cancel();
  assert.equal(limiter.isAllowed, true);
  limiter.begin();
  limiter.end();
  clock.advance(19_999);
  assert.equal(limiter.isAllowed, false);
  clock.advance(1);
  assert.equal(limiter.isAllowed, true);
  limiter.defer();
  assert.equal(limiter.isAllowed, false);
});

Deno.test("DHT-074 RandomPunchLimiter can begin with an interval", () => {
  const clock = new VirtualClock();
  const limiter = new RandomPunchLimiter({ clock, intervalMs: 20_000, isDeferred: true });
  assert.equal(limiter.isAllowed, false);
  clock.advance(20_000);
  assert.equal(limiter.isAllowed, true);
});

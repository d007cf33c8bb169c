/**
 * Relays and clients as programs use them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { hexText } from "../../../src/base/mod.ts";
import relay, { BlindRelayClient, type BlindRelayError } from "../../../src/blind_relay/mod.ts";
import { Protomux } from "../../../src/protomux/mod.ts";
import UDX from "../../../src/udx/mod.ts";
import { memoryPair } from "../../helpers/memory_pair.ts";
import { allClosed, errorCodeOf, nextText, RelayNet, settle } from "./relay_net.ts";

const TOKEN = new Uint8Array(32).fill(7);

/** Stands for a stream where nothing is relayed. */
function streamOf(id: number): { readonly id: number } {
  return { id };
}

Deno.test("BR-001 BR-002 BR-007 a relay joins the streams of two clients", async () => {
  await using net = new RelayNet();
  const [a, b] = [net.connect(), net.connect()];
  const [left, right] = await Promise.all([a.pair(true, TOKEN), b.pair(false, TOKEN)]);
  const texts = Promise.all([nextText(left), nextText(right)]);
  left.write("from the left");
  right.write("from the right");
  assert.deepEqual(await texts, ["from the right", "from the left"]);
  assert.equal(left.remotePort, net.socket.address()!.port);
});

Deno.test("BR-W03 BR-003 the end of both streams passes the relay, which lives as long as the sessions", async () => {
  await using net = new RelayNet();
  const [a, b] = [net.connect(), net.connect()];
  const [left, right] = await Promise.all([a.pair(true, TOKEN), b.pair(false, TOKEN)]);
  right.write("hello");
  const closed = allClosed(left, right);
  left.resume().end("bye");
  right.resume().end();
  await closed;
  assert.equal(net.server.stats.streams.active, 2);
  assert.ok(net.server.stats.traffic.bytesRelayed > 8 + 2 * 20);
  const relayClosed = allClosed(...net.streams);
  await a.client.end();
  await relayClosed;
  assert.deepEqual([net.server.stats.streams.active, net.server.stats.pairings.active], [0, 0]);
});

Deno.test("BR-W03 a stream that is destroyed ends the relay's streams and the other peer's", async () => {
  await using net = new RelayNet();
  const [a, b] = [net.connect(), net.connect()];
  const errors: unknown[] = [];
  a.session.on("error", (error) => errors.push((error as Error & { code: string }).code));
  const [left, right] = await Promise.all([a.pair(true, TOKEN), b.pair(false, TOKEN)]);
  const heard = Promise.all([nextText(left), nextText(right)]);
  left.write("1");
  right.write("2");
  await heard;
  const code = errorCodeOf(right);
  const closed = allClosed(...net.streams);
  left.destroy();
  assert.equal(await code, "ECONNRESET");
  await closed;
  assert.deepEqual(errors, ["ECONNRESET"]);
  assert.deepEqual(net.server.stats.streams, { opened: 2, closed: 2, errors: 1, active: 0 });
  assert.equal(net.server.stats.pairings.active, 0);
});

Deno.test("BR-003 BR-005 stats, sessions and events of a pairing", async () => {
  const net = new RelayNet();
  const { server } = net;
  const [a, b] = [net.connect(), net.connect()];
  const log: unknown[] = [];
  for (const [name, { session }] of Object.entries({ a, b })) {
    for (const event of ["open", "close", "destroy"] as const) {
      session.on(event, () => log.push(`${name} ${event}`));
    }
    session.on("pair", (isInitiator, token, stream, remoteId) => {
      log.push([name, isInitiator, token.byteLength, stream.id, remoteId]);
    });
  }
  await settle();
  assert.deepEqual(log.splice(0), ["a open", "b open"]);
  assert.deepEqual([...server.sessions], [a.session, b.session]);
  const request = a.client.pair(true, TOKEN, a.stream).resume();
  await settle();
  assert.deepEqual({ ...server.stats.pairings }, {
    requested: 1,
    matched: 0,
    cancelled: 0,
    pending: 1,
    active: 0,
    refused: 0,
    ended: 0,
  });
  assert.deepEqual([...a.client.requests], [request]);
  b.client.pair(false, TOKEN, b.stream).resume();
  await settle();
  assert.deepEqual(log.splice(0), [["b", false, 32, 100, 2], ["a", true, 32, 101, 1]]);
  assert.deepEqual([...a.client.requests], []);
  assert.deepEqual({ ...server.stats.pairings }, {
    requested: 2,
    matched: 1,
    cancelled: 0,
    pending: 0,
    active: 1,
    refused: 0,
    ended: 0,
  });
  assert.deepEqual(server.stats.streams, { opened: 2, closed: 0, errors: 0, active: 2 });
  await server.close();
  assert.deepEqual(log, ["a close", "a destroy", "b close", "b destroy"]);
  assert.deepEqual([...server.sessions], []);
  assert.deepEqual(server.stats.sessions, { accepted: 2, opened: 2, closed: 2, active: 0 });
  await net[Symbol.asyncDispose]();
  assert.equal(server.stats.streams.active, 0);
});

Deno.test("BR-009 events of a client: open, pair, close, destroy", async () => {
  await using net = new RelayNet();
  const [a, b] = [net.connect(), net.connect()];
  const log: unknown[] = [];
  for (const event of ["open", "close", "destroy"] as const) a.client.on(event, () => log.push(event));
  a.client.on("pair", (isInitiator, token, stream, remoteId) => {
    log.push([isInitiator, hexText(token), stream === a.stream, remoteId]);
  });
  a.client.pair(true, TOKEN, a.stream).resume();
  b.client.pair(false, TOKEN, b.stream).resume();
  await settle();
  assert.deepEqual(log.splice(0), ["open", [true, "07".repeat(32), true, 101]]);
  assert.equal(a.client.closed, false);
  a.client.destroy();
  assert.deepEqual([log, a.client.closed], [["close", "destroy"], true]);
});

Deno.test("BR-006 Client.from() gives one client per stream", async () => {
  const [near, far] = memoryPair();
  const client = BlindRelayClient.from(near);
  assert.equal(BlindRelayClient.from(near), client);
  assert.equal(BlindRelayClient.from(Protomux.from(near)), client);
  assert.deepEqual([client.stream, client.mux], [near, Protomux.from(near)]);
  client.destroy();
  const next = BlindRelayClient.from(near);
  assert.notEqual(next, client);
  await next[Symbol.asyncDispose]();
  near.destroy();
  far.destroy();
});

Deno.test("BR-012 a second channel of the same id is DUPLICATE_CHANNEL, another id is not", () => {
  const [near] = memoryPair();
  new relay.Client(near, { id: new Uint8Array([1]) });
  new relay.Client(near, { id: new Uint8Array([2]) });
  assert.throws(() => new relay.Client(near, { id: new Uint8Array([1]) }), { code: "DUPLICATE_CHANNEL" });
});

Deno.test("BR-012 BR-006 a client of a stream that is gone is CHANNEL_CLOSED", async () => {
  const [near, far] = memoryPair();
  near.destroy();
  far.destroy();
  await once(near, "close");
  assert.throws(() => new relay.Client(near), { code: "CHANNEL_CLOSED" });
});

Deno.test("BR-002 handshakes reach the other side", async () => {
  const [near, far] = memoryPair();
  const server = new relay.Server({ createStream: () => assert.fail("no pair was asked for") });
  const session = server.accept(far, { handshake: new Uint8Array([1, 2]) });
  const client = new relay.Client(near, { handshake: new Uint8Array([3]) });
  await settle();
  const channels = [session, client].map(({ mux }) => mux.getLastChannel({ protocol: "blind-relay" }));
  assert.deepEqual(channels.map((channel) => Array.from(channel!.handshake as Uint8Array)), [[3], [1, 2]]);
  await server.close();
  near.destroy();
  far.destroy();
});

Deno.test("BR-007 BR-012 pair() twice with one token is ALREADY_PAIRING", async () => {
  await using net = new RelayNet();
  const { client } = net.connect();
  client.pair(true, TOKEN, streamOf(1)).on("error", () => {});
  assert.throws(() => client.pair(true, TOKEN, streamOf(2)), { code: "ALREADY_PAIRING" });
  assert.throws(() => client.pair(true, TOKEN.subarray(1), streamOf(2)), RangeError);
});

Deno.test("BR-008 BR-012 unpair() cancels a request on both sides", async () => {
  await using net = new RelayNet();
  const { client } = net.connect();
  const request = client.pair(true, TOKEN, streamOf(1)).resume();
  await settle();
  assert.equal(net.server.stats.pairings.pending, 1);
  const code = errorCodeOf(request);
  client.unpair(TOKEN);
  assert.equal(await code, "PAIRING_CANCELLED");
  await settle();
  const { pending, cancelled } = net.server.stats.pairings;
  assert.deepEqual([pending, cancelled], [0, 1]);
});

Deno.test("BR-008 unpair() ends a pair, and the other peer's streams at the relay with it", async () => {
  await using net = new RelayNet();
  const [a, b] = [net.connect(), net.connect()];
  await Promise.all([a.pair(true, TOKEN), b.pair(false, TOKEN)]);
  const closed = allClosed(...net.streams);
  a.client.unpair(TOKEN);
  await closed;
  const { active, cancelled } = net.server.stats.pairings;
  assert.deepEqual([active, cancelled, net.server.stats.streams.active], [0, 1, 0]);
});

Deno.test("BR-007 a signal takes the request back, and its reason is the error", async () => {
  await using net = new RelayNet();
  const { client } = net.connect();
  const controller = new AbortController();
  const request = client.pair(true, TOKEN, streamOf(1), { signal: controller.signal }).resume();
  await settle();
  const failed = once(request, "error").catch((error) => [error]);
  const reason = new Error("changed our mind");
  controller.abort(reason);
  assert.equal((await failed)[0], reason);
  await settle();
  assert.equal(net.server.stats.pairings.pending, 0);
  assert.throws(() => client.pair(true, TOKEN, streamOf(1), { signal: AbortSignal.abort(reason) }), reason);
});

Deno.test("BR-004 BR-009 end() waits for the requests", async () => {
  await using net = new RelayNet();
  const [a, b] = [net.connect(), net.connect()];
  const request = a.client.pair(true, TOKEN, streamOf(1)).resume();
  const code = errorCodeOf(request);
  await settle();
  const ended = Promise.all([a.session.end(), a.client.end()]);
  await settle();
  assert.deepEqual([a.session.closed, a.client.closed, request.destroyed], [false, false, false]);
  b.client.unpair(TOKEN);
  await settle();
  // The relay has nothing to wait for any more; the client hears of that.
  assert.equal(a.session.closed, true);
  assert.equal(await code, "CHANNEL_CLOSED");
  await ended;
});

Deno.test("BR-004 BR-012 destroy() of a session ends its pairs with its error", async () => {
  await using net = new RelayNet();
  const [a, b] = [net.connect(), net.connect()];
  await Promise.all([a.pair(true, TOKEN), b.pair(false, TOKEN)]);
  const closed = allClosed(...net.streams);
  const error = new Error("enough");
  a.session.destroy(error);
  await closed;
  assert.deepEqual([a.session.closed, a.session.error, b.session.closed], [true, error, false]);
  assert.equal(net.server.stats.pairings.active, 0);
  await settle();
  assert.equal(a.client.closed, true);
});

Deno.test("BR-009 BR-012 destroy() of a client: requests are CHANNEL_DESTROYED, and so is pair()", async () => {
  await using net = new RelayNet();
  const { client } = net.connect();
  const request = client.pair(true, TOKEN, streamOf(1)).resume();
  const code = errorCodeOf(request);
  client.destroy();
  assert.equal(await code, "CHANNEL_DESTROYED");
  assert.throws(() => client.pair(true, TOKEN, streamOf(1)), { code: "CHANNEL_DESTROYED" });
  assert.throws(() => client.unpair(TOKEN), { code: "CHANNEL_DESTROYED" });
});

Deno.test("BR-004 BR-009 cork() holds back what a client asks until uncork()", async () => {
  await using net = new RelayNet();
  const { client, session } = net.connect();
  await settle();
  client.cork();
  client.pair(true, TOKEN, streamOf(1)).on("error", () => {}).resume();
  await settle();
  assert.equal(net.server.stats.pairings.pending, 0);
  client.uncork();
  await settle();
  assert.equal(net.server.stats.pairings.pending, 1);
  session.cork();
  session.uncork();
});

Deno.test("BR-010 token() is 32 random bytes, in a buffer of yours if you like", () => {
  const [first, second] = [relay.token(), relay.token()];
  assert.equal(first.byteLength, 32);
  assert.notDeepEqual(first, second);
  const out = new Uint8Array(32);
  assert.equal(relay.token(out), out);
  assert.ok(out.some((byte) => byte > 0));
});

Deno.test("BR-011 the default export has the names of the npm package", () => {
  assert.deepEqual(Object.keys(relay).sort(), ["Client", "Server", "messages", "token"]);
  assert.deepEqual(Object.keys(relay.messages).sort(), ["pair", "unpair"]);
});

Deno.test("BR-001 a createStream that throws ends the pair with STREAM_FAILED for both clients", async () => {
  const udx = new UDX();
  const [streams, pairs] = [[] as UDXStreamLike[], [memoryPair(), memoryPair()]];
  const server = new relay.Server({
    createStream: (options) => {
      if (streams.length === 1) throw new Error("no more");
      streams.push(udx.createStream(1, options));
      return streams[0] as ReturnType<UDX["createStream"]>;
    },
  });
  const clients = pairs.map(([near, far]) => {
    server.accept(far);
    return new relay.Client(near);
  });
  const told = clients.map((client) => once(client, "unpair"));
  const codes = clients.map((client, i) => errorCodeOf(client.pair(i === 0, TOKEN, streamOf(i)).resume()));
  assert.deepEqual(await Promise.all(codes), ["STREAM_FAILED", "STREAM_FAILED"]);
  for (const [token, error] of await Promise.all(told)) {
    assert.deepEqual([hexText(token), (error as BlindRelayError).code], ["07".repeat(32), "STREAM_FAILED"]);
  }
  await settle();
  assert.deepEqual([streams[0]!.destroyed, server.stats.pairings.active], [true, 0]);
  await server[Symbol.asyncDispose]();
  for (const wire of pairs.flat()) wire.destroy();
});

interface UDXStreamLike {
  readonly destroyed: boolean;
}

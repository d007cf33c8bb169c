import { strict as assert } from "node:assert";
import { randomBytes } from "../../../../src/crypto/mod.ts";
import { runtimeRandom } from "../../../../src/base/mod.ts";
import { ERROR, FIREWALL } from "../../../../src/hyperdht/constants.ts";
import type { DHTError } from "../../../../src/hyperdht/errors.ts";
import type {
  ClientPunchOptions,
  PunchHost,
  ServerPunch,
  ServerPunchOptions,
} from "../../../../src/hyperdht/holepunch_port.ts";
import {
  createClientPunch,
  createServerPunch,
  RandomPunchLimiter,
  SecurePayload,
  SocketPool,
} from "../../../../src/hyperdht/holepunch/mod.ts";
import type { PeerAddress } from "../../../../src/hyperdht/messages.ts";
import { systemClock } from "../../../../src/platform/mod.ts";
import UDX, { type UDXSocket } from "../../../../src/udx/mod.ts";
import { node } from "./support.ts";

const HOST = "127.0.0.1";
const SECRET = new Uint8Array(32).fill(7);

/** A node on loopback whose pings are answered by nobody in particular. */
function createHost(): PunchHost & { readonly sockets: SocketPool } {
  return {
    clock: systemClock,
    random: runtimeRandom,
    randomBytes,
    sockets: new SocketPool({ udx: new UDX(), host: HOST, clock: systemClock, onmessage: () => {} }),
    limiter: new RandomPunchLimiter({ clock: systemClock, intervalMs: 20_000, isDeferred: false }),
    stats: { consistent: 0, random: 0, open: 0, tryLater: 0, tryLaterRelayedHandshakesAtLeastOnce: 0 },
    isFirewalled: () => true,
    nodeCount: () => 4,
    recentNodes: () => [0, 1, 2, 3].map(node),
  };
}

function addressOf(socket: UDXSocket): PeerAddress {
  const { port } = socket.address()!;
  return { host: HOST, port };
}

/** Nodes see each socket where it is. */
const session = {
  ping: (from: PeerAddress, options?: { readonly socket?: UDXSocket }) =>
    Promise.resolve({ from, to: addressOf(options!.socket!) }),
  destroy: () => {},
};

function serverPunch(host: PunchHost, options: Partial<ServerPunchOptions> = {}): ServerPunch {
  return createServerPunch({
    host,
    session,
    holepunchSecret: SECRET,
    remoteFirewall: FIREWALL.UNKNOWN,
    isRelayed: () => false,
    veto: null,
    trace: null,
    isServerRelay: () => true,
    onpunching: () => {},
    onabort: () => {},
    ...options,
  });
}

/** Options of a client that sends its rounds straight to `server`. */
function clientOptions(host: PunchHost, server: ServerPunch): ClientPunchOptions {
  const serverAddress = addressOf(server.socket);
  return {
    host,
    session,
    holepunchSecret: SECRET,
    remoteFirewall: FIREWALL.UNKNOWN,
    isRelayed: () => false,
    veto: null,
    trace: null,
    relays: [{ relayAddress: node(0), peerAddress: serverAddress }],
    relayAddress: node(0),
    serverAddress,
    isFastOpen: false,
    async send({ payload, socket }, relay) {
      const to = addressOf(socket);
      const reply = await server.handleRound({
        payload,
        peerAddress: to,
        from: relay,
        to: serverAddress,
        socket: server.socket,
      });
      if (!reply) throw new Error("Request timed out");
      return { from: relay, to, payload: reply.payload, peerAddress: serverAddress };
    },
    onconnect: () => {},
    onabort: () => {},
  };
}

Deno.test({
  name: "DHT-073 a punch tells of datagrams that the process may not send",
  permissions: { net: [HOST] },
  fn: async () => {
    const [near, far] = [createHost(), createHost()];
    const server = serverPunch(far);
    const refused = Promise.withResolvers<Error & { code?: string }>();
    const traced: unknown[] = [];
    const client = createClientPunch({
      ...clientOptions(near, server),
      serverAddress: { host: "127.0.0.2", port: 9 },
      isFastOpen: true,
      trace: ({ event, to }) => event === "refused" && traced.push(to),
      onrefused: refused.resolve,
    });
    client.start();
    assert.equal((await refused.promise).code, "ERR_PERMISSION");
    assert.deepEqual(traced, [{ host: "127.0.0.2", port: 9 }]);
    client.destroy();
    server.destroy();
    await Promise.all([near.sockets.destroy(), far.sockets.destroy()]);
  },
});

Deno.test("DHT-073 createClientPunch() and createServerPunch() find a way between two sockets", async () => {
  const [near, far] = [createHost(), createHost()];
  const events: string[] = [];
  const server = serverPunch(far, { onpunching: () => events.push("punching") });
  const connected = Promise.withResolvers<{ socket: UDXSocket; port: number; host: string }>();
  const client = createClientPunch({
    ...clientOptions(near, server),
    trace: ({ event }) => events.push(event),
    onconnect: (socket, port, host) => connected.resolve({ socket, port, host }),
    onabort: connected.reject,
  });
  const { socket } = client;
  client.start();
  const way = await connected.promise;
  assert.equal(way.socket, socket);
  assert.deepEqual([way.host, way.port], [HOST, server.socket.address()!.port]);
  assert.deepEqual([client.connected, client.destroyed, server.destroyed], [true, true, false]);
  assert.deepEqual([client.firewall, client.remoteFirewall], [FIREWALL.CONSISTENT, FIREWALL.CONSISTENT]);
  assert.deepEqual(events.toSorted(), ["probe", "punch", "punching"]);
  server.destroy();
  assert.equal(server.socket, server.socket);
  await Promise.all([near.sockets.destroy(), far.sockets.destroy()]);
  assert.deepEqual(near.sockets.stats, { socketsAdded: 1, socketsRemoved: 1 });
});

Deno.test("DHT-071 both sides of a punch ping nodes behind what the other side waits for", async () => {
  const [near, far] = [createHost(), createHost()];
  const steps: string[] = [];
  const watched = (side: string) => ({
    ...session,
    ping: (...args: Parameters<typeof session.ping>) => {
      steps.push(`${side} pings`);
      return session.ping(...args);
    },
  });
  const server = serverPunch(far, { session: watched("server") });
  const options = clientOptions(near, server);
  const connected = Promise.withResolvers<void>();
  const client = createClientPunch({
    ...options,
    session: watched("client"),
    send: (message, to) => {
      steps.push("client asks");
      return options.send(message, to);
    },
    onconnect: () => connected.resolve(),
    onabort: connected.reject,
  });
  assert.equal(steps.length, 0);
  steps.push("server has answered the handshake");
  server.start();
  client.start();
  const pings = (side: string) => Array.from({ length: 4 }, () => `${side} pings`);
  const before = ["server has answered the handshake", ...pings("server"), "client asks"];
  assert.deepEqual(steps, before);
  await connected.promise;
  // The client judges its NAT once the server's answer is there without a hole.
  assert.deepEqual(steps.slice(0, before.length + 4), [...before, ...pings("client")]);
  server.destroy();
  await Promise.all([near.sockets.destroy(), far.sockets.destroy()]);
});

Deno.test("DHT-073 createClientPunch() punches from the fast open on", async () => {
  const [near, far] = [createHost(), createHost()];
  const server = serverPunch(far);
  const connected = Promise.withResolvers<void>();
  const client = createClientPunch({
    ...clientOptions(near, server),
    isFastOpen: true,
    onconnect: () => connected.resolve(),
    onabort: connected.reject,
  });
  client.start();
  await connected.promise;
  server.destroy();
  await Promise.all([near.sockets.destroy(), far.sockets.destroy()]);
});

Deno.test("createClientPunch() ends with the reason, all sockets given back", async () => {
  const [near, far] = [createHost(), createHost()];
  const aborted = Promise.withResolvers<void>();
  const server = serverPunch(far, { veto: () => false, onabort: () => aborted.resolve() });
  const failed = Promise.withResolvers<Error>();
  const client = createClientPunch({ ...clientOptions(near, server), onabort: failed.resolve });
  client.start();
  const error = await failed.promise as DHTError;
  assert.equal(error.code, "HOLEPUNCH_ABORTED");
  assert.equal((error.cause as DHTError).code, "REMOTE_ABORTED");
  await aborted.promise;
  assert.deepEqual([client.destroyed, server.destroyed], [true, true]);
  await Promise.all([near.sockets.destroy(), far.sockets.destroy()]);
  assert.deepEqual(near.sockets.stats, { socketsAdded: 1, socketsRemoved: 1 });
});

Deno.test("createClientPunch() says nothing more once it is destroyed, even from within", async () => {
  const [near, far] = [createHost(), createHost()];
  const server = serverPunch(far);
  const options = clientOptions(near, server);
  const asked = Promise.withResolvers<void>();
  const client = createClientPunch({
    ...options,
    send: async (message, to) => {
      const reply = await options.send(message, to);
      asked.resolve();
      return reply;
    },
    trace: ({ event }) => event === "probe" && client.destroy(),
    onconnect: () => assert.fail("connected"),
    onabort: () => assert.fail("aborted"),
  });
  client.start();
  await asked.promise;
  await Promise.resolve();
  assert.equal(client.destroyed, true);
  server.destroy();
  await Promise.all([near.sockets.destroy(), far.sockets.destroy()]);
});

Deno.test("createClientPunch() gives all sockets back although the program throws", async () => {
  const [near, far] = [createHost(), createHost()];
  const server = serverPunch(far);
  const thrown = new Error("the program's own");
  const told = Promise.withResolvers<void>();
  const client = createClientPunch({
    ...clientOptions(near, server),
    trace: () => {
      told.resolve();
      throw thrown;
    },
  });
  // The first trace comes with an answer, so the promise of the round carries the error.
  const unhandled = new Promise<unknown>((resolve) => {
    globalThis.addEventListener("unhandledrejection", (event) => {
      event.preventDefault();
      resolve(event.reason);
    }, { once: true });
  });
  client.start();
  await told.promise;
  assert.equal(await unhandled, thrown);
  client.destroy();
  server.destroy();
  await Promise.all([near.sockets.destroy(), far.sockets.destroy()]);
  assert.deepEqual(near.sockets.stats, { socketsAdded: 1, socketsRemoved: 1 });
});

Deno.test("createServerPunch() stays silent to payloads that are no client's", async () => {
  const host = createHost();
  const server = serverPunch(host);
  const stranger = new SecurePayload(new Uint8Array(32), randomBytes);
  const payload = stranger.encrypt({
    error: ERROR.NONE,
    firewall: 0,
    round: 0,
    connected: false,
    punching: true,
  });
  const round = { peerAddress: node(1), from: node(0), to: node(2), socket: server.socket };
  assert.equal(await server.handleRound({ ...round, payload }), null);
  assert.equal(await server.handleRound({ ...round, payload: new Uint8Array(0) }), null);
  server.destroy();
  assert.equal(await server.handleRound({ ...round, payload }), null);
  await host.sockets.destroy();
});

Deno.test("createServerPunch() throws when no socket can be bound", () => {
  const host = createHost();
  const sockets = new SocketPool({
    udx: new UDX(),
    host: "192.0.2.1",
    clock: systemClock,
    onmessage: () => {},
  });
  assert.throws(() => serverPunch({ ...host, sockets }), { code: "EADDRNOTAVAIL" });
});

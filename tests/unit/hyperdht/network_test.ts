/** Whole nodes in one process: servers, connections, records, plugins, pools, suspension and the end. */
import { strict as assert } from "node:assert";
import { equalBytes, hexText, utf8Bytes, utf8Text } from "../../../src/base/mod.ts";
import { randomBytes } from "../../../src/crypto/mod.ts";
import { DHT as RPCNode, type IncomingRequest } from "../../../src/dht_rpc/mod.ts";
import DHT, {
  address,
  type DHTError,
  type DHTHandshake,
  type HyperDHTOptions,
  type HyperDHTTraceEvent,
  NoiseWrap,
  Plugin,
  type PluginRequest,
  type Server,
  type TraceEvent,
} from "../../../src/hyperdht/mod.ts";
import createTestnet, { type Testnet } from "../../../src/hyperdht/testnet/mod.ts";
import { idEncoding } from "../../../src/hypercore_crypto/mod.ts";
import { SecretStream } from "../../../src/secret_stream/mod.ts";
import type { UDXStream } from "../../../src/udx/mod.ts";
import { RandomPunchLimiter } from "../../../src/hyperdht/holepunch/mod.ts";
import { VirtualClock } from "../../helpers/virtual_clock.ts";
import { addressOf, bytesOf, keyPairOf, ownKeyPair } from "./support.ts";

const FIREWALLED = { ephemeral: true, quickFirewall: false };

/** A network of three nodes, and two more that are up. */
async function network(
  options: ConstructorParameters<typeof DHT>[0] = {},
  size = 3,
): Promise<{ testnet: Testnet; a: DHT; b: DHT } & AsyncDisposable> {
  const testnet = await createTestnet(size);
  const [a, b] = [testnet.createNode(options), testnet.createNode(options)];
  await Promise.all([a.fullyBootstrapped(), b.fullyBootstrapped()]);
  return { testnet, a, b, [Symbol.asyncDispose]: () => testnet.destroy() };
}

function echoing(socket: SecretStream): void {
  socket.on("data", (data) => socket.write(data));
  socket.on("end", () => socket.end());
  socket.on("error", () => {});
}

/** The text that comes back from an echo; the stream is closed by then. */
async function echo(socket: SecretStream, text = "hello"): Promise<string> {
  let received = "";
  socket.on("data", (data) => {
    received += utf8Text(data);
    if (received.length >= text.length) socket.end();
  });
  socket.write(text);
  await closed(socket);
  return received;
}

async function closed(socket: SecretStream): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    socket.on("close", () => resolve());
    socket.on("error", reject);
  });
}

async function failure(socket: SecretStream): Promise<DHTError> {
  return await new Promise((resolve) => socket.on("error", (error) => resolve(error as DHTError)));
}

Deno.test("DHT-022 DHT-023 createTestnet() makes persistent nodes, more of them, and ends them", async () => {
  const teardowns: (() => Promise<void>)[] = [];
  const testnet = await createTestnet(3, { teardown: (callback) => teardowns.push(callback) });
  assert.equal(testnet.nodes.length, 3);
  assert.deepEqual(testnet.bootstrap, [{ host: "127.0.0.1", port: testnet.nodes[0]!.address()!.port }]);
  // The first node has nobody to learn its address from; the others are persistent.
  assert.deepEqual(Array.from(testnet, (node) => node.ephemeral), [true, false, false]);
  assert.ok(Array.from(testnet).every((node) => !node.firewalled));
  const node = testnet.createNode();
  await node.fullyBootstrapped();
  assert.ok(node.ephemeral);
  const more = await createTestnet(1, { bootstrap: testnet.bootstrap as [] });
  assert.deepEqual(more.bootstrap, testnet.bootstrap);
  assert.ok(more.nodes[0]!.nodes.length > 0);
  await more.destroy();
  await teardowns[0]!();
  assert.ok(testnet.nodes.every((node) => node.destroyed));
  assert.equal((await createTestnet(0)).nodes.length, 0);
});

Deno.test("DHT-001 DHT-042 DHT-044 DHT-046 DHT-054 DHT-055 DHT-056 connect() opens an encrypted stream between two keys", async () => {
  await using net = await network();
  const server = await net.a.createServer().listen(ownKeyPair(1));
  const accepted = new Promise<SecretStream>((resolve) => server.on("connection", resolve));
  const socket = net.b.connect(server.publicKey!, { keyPair: ownKeyPair(2) });
  assert.deepEqual(socket.remotePublicKey, server.publicKey);
  assert.deepEqual(socket.publicKey, ownKeyPair(2).publicKey);
  assert.equal(socket.isInitiator, true);
  await new Promise<void>((resolve) => socket.on("open", () => resolve()));
  const other = await accepted;
  await other.opened;
  assert.deepEqual(other.remotePublicKey, ownKeyPair(2).publicKey);
  assert.deepEqual(other.handshakeHash, socket.handshakeHash);
  assert.equal(socket.handshakeHash!.byteLength, 64);
  assert.equal(socket.keepAlive, 5000);
  assert.equal(other.keepAlive, 5000);
  echoing(other);
  assert.equal(await echo(socket), "hello");
});

Deno.test("DHT-044 DHT-047 connect() takes a key as bytes or text, an address, and options that name nodes", async () => {
  await using net = await network();
  const server = await net.a.createServer(echoing).listen(ownKeyPair(1));
  const { publicKey, relayAddresses } = server;
  const options = { relayAddresses } as const;
  const given = { ...options };
  const targets: [Uint8Array | string, Parameters<DHT["connect"]>[1]?][] = [
    [publicKey!],
    [hexText(publicKey!)],
    [idEncoding.encode(publicKey!)],
    [address.encode(publicKey!, relayAddresses)],
    [publicKey!, options],
    [publicKey!, { nodes: relayAddresses }],
  ];
  for (const [target, options] of targets) assert.equal(await echo(net.b.connect(target, options)), "hello");
  assert.deepEqual(options, given);
  assert.throws(() => net.b.connect("no key"), { code: "INVALID_ID" });
  assert.throws(() => net.b.connect(bytesOf(1, 31)), { code: "OUT_OF_BOUNDS" });
});

Deno.test("DHT-003 DHT-004 DHT-070 a node has a default key pair: given, of a seed, or fresh", async () => {
  await using net = await network();
  const withPair = net.testnet.createNode({ keyPair: keyPairOf(3) });
  const withSeed = net.testnet.createNode({ seed: bytesOf(4) });
  assert.deepEqual(withPair.defaultKeyPair, keyPairOf(3));
  assert.deepEqual(withSeed.defaultKeyPair.publicKey, keyPairOf(4).publicKey);
  assert.notDeepEqual(net.a.defaultKeyPair.publicKey, net.b.defaultKeyPair.publicKey);
  const server = await withPair.createServer(echoing).listen();
  assert.deepEqual(server.publicKey, keyPairOf(3).publicKey);
  assert.ok(withPair.listening.has(server));
  const socket = withSeed.connect(server.publicKey!);
  assert.deepEqual(socket.publicKey, keyPairOf(4).publicKey);
  await echo(socket);
});

Deno.test("DHT-034 DHT-038 DHT-039 DHT-043 a server tells its state and its events", async () => {
  await using net = await network();
  let count = 0;
  const server = net.a.createServer({ onconnection: echoing, firewall: () => (count++, false) });
  const events: string[] = [];
  server.on("listening", () => events.push("listening"));
  server.on("close", () => events.push("close"));
  assert.deepEqual([
    server.listening,
    server.publicKey,
    server.address(),
    server.relayAddresses,
    server.target,
  ], [
    false,
    null,
    null,
    [],
    null,
  ]);
  assert.equal(await server.listen(ownKeyPair(1)), server);
  assert.deepEqual(server.address(), {
    publicKey: ownKeyPair(1).publicKey,
    host: "127.0.0.1",
    port: net.a.port,
  });
  assert.ok(server.listening);
  assert.ok(server.relayAddresses.length > 0);
  assert.ok(equalBytes(server.target!, DHT.hash(server.publicKey!)));
  await echo(net.b.connect(server.publicKey!));
  assert.equal(count, 1);
  await Promise.all([server.close(), server.close()]);
  assert.deepEqual(events, ["listening", "close"]);
  assert.ok(server.closed);
  assert.equal(net.a.listening.size, 0);
  assert.equal((await failure(net.b.connect(ownKeyPair(1).publicKey))).code, "PEER_NOT_FOUND");
});

Deno.test("DHT-057 DHT-035 listen() refuses a second time, a key in use, and a node that is gone", async () => {
  await using net = await network();
  const server = await net.a.createServer().listen(ownKeyPair(1));
  await assert.rejects(server.listen(ownKeyPair(2)), { code: "ALREADY_LISTENING" });
  const other = net.a.createServer();
  await assert.rejects(other.listen(ownKeyPair(1)), { code: "KEYPAIR_ALREADY_USED" });
  await other.close();
  await server.close();
  const again = await net.a.createServer().listen(ownKeyPair(1));
  assert.ok(again.listening);
  await net.a.destroy();
  await assert.rejects(net.a.createServer().listen(), { code: "NODE_DESTROYED" });
  assert.equal((await failure(net.a.connect(bytesOf(1)))).code, "NODE_DESTROYED");
});

Deno.test("DHT-026 firewall() sees the client and may take its time; what it throws refuses", async () => {
  await using net = await network();
  const seen: unknown[] = [];
  const server = await net.a.createServer({
    firewall: async (publicKey, payload, clientAddress) => {
      await Promise.resolve();
      seen.push([equalBytes(publicKey, ownKeyPair(2).publicKey), payload.version, clientAddress.host]);
      if (seen.length > 1) throw new Error("firewall fails");
      return false;
    },
  }, echoing).listen(ownKeyPair(1));
  assert.equal(await echo(net.b.connect(server.publicKey!, { keyPair: ownKeyPair(2) })), "hello");
  assert.deepEqual(seen, [[true, 1, "127.0.0.1"]]);
  // Another client, which knows no nodes that it would ask one after the other.
  const refused = await failure(net.testnet.createNode().connect(server.publicKey!));
  assert.equal(refused.code, "PEER_CONNECTION_FAILED");
});

Deno.test("DHT-027 DHT-052 either side may veto the punch, and is asked with what is known", async () => {
  await using net = await network(FIREWALLED, 4);
  const asked: unknown[] = [];
  const options = { shareLocalAddress: false };
  const vetoing = await net.a.createServer({
    ...options,
    holepunch: (remoteFirewall, localFirewall, remoteAddresses) => {
      asked.push([remoteFirewall, localFirewall, remoteAddresses.length > 0]);
      return false;
    },
  }).listen(ownKeyPair(1));
  const error = await failure(net.b.connect(vetoing.publicKey!, { localConnection: false, fastOpen: false }));
  assert.equal(error.code, "HOLEPUNCH_ABORTED");
  assert.equal((error.cause as DHTError).code, "REMOTE_ABORTED");
  assert.equal(error.report!.attempts.at(-1)!.outcome, "REMOTE_ABORTED");
  assert.deepEqual(asked, [[2, 2, true]]);
  assert.equal(error.report!.stage, "holepunch");

  const server = await net.a.createServer(options).listen(ownKeyPair(2));
  const vetoed = net.b.connect(server.publicKey!, {
    localConnection: false,
    fastOpen: false,
    holepunch: () => false,
  });
  assert.equal((await failure(vetoed)).code, "HOLEPUNCH_ABORTED");
});

Deno.test("DHT-051 DHT-073 firewalled nodes punch, with and without fast open", async () => {
  await using net = await network(FIREWALLED, 4);
  const server = await net.a.createServer({ shareLocalAddress: false }, echoing).listen(ownKeyPair(1));
  for (const fastOpen of [true, false]) {
    assert.equal(await echo(net.b.connect(server.publicKey!, { localConnection: false, fastOpen })), "hello");
  }
  assert.ok(net.b.stats.socketPool.socketsAdded >= 2);
});

Deno.test("DHT-031 DHT-050 DHT-076 firewalled nodes of one machine meet at a local address", async () => {
  const events: HyperDHTTraceEvent[] = [];
  const trace = (event: TraceEvent | HyperDHTTraceEvent) => {
    if (event.kind === "connect") events.push(event);
  };
  await using net = await network({ ...FIREWALLED, trace }, 4);
  const server = await net.a.createServer(echoing).listen(ownKeyPair(1));
  assert.equal(await echo(net.b.connect(server.publicKey!)), "hello");
  assert.ok(events.some((event) => event.kind === "connect" && event.step === "ping"));
});

Deno.test("DHT-030 DHT-049 a reusable socket is used again without asking other nodes", async () => {
  await using net = await network();
  const server = await net.a.createServer({ reusableSocket: true }, echoing).listen(ownKeyPair(1));
  const first = net.b.connect(server.publicKey!, { reusableSocket: true });
  await first.opened;
  const queries = net.b.stats.queries.total;
  assert.equal(await echo(net.b.connect(server.publicKey!, { reusableSocket: true })), "hello");
  assert.equal(net.b.stats.queries.total, queries);
  assert.equal(await echo(first), "hello");
});

Deno.test("DHT-032 DHT-053 handshakes and streams may be made by the program", async () => {
  await using net = await network();
  const made: string[] = [];
  const hooks = (side: string) => ({
    createHandshake: (...args: ConstructorParameters<typeof NoiseWrap>) => {
      made.push(`${side} handshake`);
      return new NoiseWrap(args[0], args[1]);
    },
    createSecretStream: (...args: ConstructorParameters<typeof SecretStream>) => {
      made.push(`${side} stream`);
      return new SecretStream(...args);
    },
  });
  const server = await net.a.createServer(hooks("server"), echoing).listen(ownKeyPair(1));
  assert.equal(await echo(net.b.connect(server.publicKey!, hooks("client"))), "hello");
  assert.deepEqual(made.toSorted(), [
    "client handshake",
    "client stream",
    "server handshake",
    "server stream",
  ]);
});

Deno.test("DHT-054 connect() reads one answer of a server that answers through two nodes, and asks no third", async () => {
  await using net = await network();
  const server = await net.a.createServer(echoing).listen(ownKeyPair(1));
  const asked = Promise.withResolvers<void>();
  const answered = Promise.withResolvers<void>();
  let handshakes = 0;
  let answers = 0;
  const pending = new Set<number>();
  const client = net.testnet.createNode({
    trace: (event: HyperDHTTraceEvent | TraceEvent) => {
      if (event.kind === "connect" && event.step === "handshake" && ++handshakes === 2) asked.resolve();
      if (event.kind === "request-sent" && !event.internal && event.command === 0) pending.add(event.tid);
      if (event.kind === "reply" && pending.delete(event.tid) && pending.size === 0) answered.resolve();
    },
  });
  await client.fullyBootstrapped();
  const createHandshake = (...[keyPair, key]: ConstructorParameters<typeof NoiseWrap>): DHTHandshake => {
    const handshake = new NoiseWrap(keyPair, key);
    return {
      remotePublicKey: key,
      send: (payload) => asked.promise.then(() => handshake.send(payload)),
      recv: (noise) => {
        answers++;
        return answered.promise.then(() => handshake.recv(noise));
      },
      final: () => handshake.final(),
    };
  };
  assert.equal(await echo(client.connect(server.publicKey!, { createHandshake })), "hello");
  assert.deepEqual([handshakes, answers], [2, 1]);
});

Deno.test("DHT-005 connectionKeepAlive is the keep-alive of all connections, or none", async () => {
  await using net = await network();
  for (const [connectionKeepAlive, expected] of [[false, 0], [1234, 1234]] as const) {
    const node = net.testnet.createNode({ connectionKeepAlive });
    assert.equal(node.connectionKeepAlive, expected);
    const socket = node.connect(bytesOf(7));
    assert.equal(socket.keepAlive, expected);
    socket.on("error", () => {});
    socket.destroy();
  }
});

Deno.test("DHT-006 DHT-007 punches with random NATs are an interval apart, counted from the start if so wished", async () => {
  await using net = await network();
  assert.equal(net.a.config.randomPunchInterval, 20_000);
  const node = net.testnet.createNode({ randomPunchInterval: 5000, deferRandomPunch: true });
  assert.equal(node.config.randomPunchInterval, 5000);
  assert.equal(node.config.connectionKeepAlive, 5000);

  const clock = new VirtualClock();
  const limiter = new RandomPunchLimiter({ clock, intervalMs: 5000, isDeferred: true });
  assert.equal(limiter.isAllowed, false);
  clock.advance(5000);
  assert.equal(limiter.isAllowed, true);
  limiter.begin();
  assert.equal(limiter.isAllowed, false);
  limiter.end();
  clock.advance(4999);
  assert.equal(limiter.isAllowed, false);
  clock.advance(1);
  assert.equal(limiter.isAllowed, true);
  limiter.defer();
  assert.equal(limiter.isAllowed, false);
  assert.equal(new RandomPunchLimiter({ clock, intervalMs: 5000, isDeferred: false }).isAllowed, true);
});

Deno.test("DHT-024 key pairs and hashes need no permission; a node names the one that it lacks", async () => {
  const program = `
    import DHT from "${new URL("../../../src/hyperdht/mod.ts", import.meta.url)}";
    const { publicKey } = DHT.keyPair(new Uint8Array(32));
    console.log(DHT.hash(publicKey).byteLength);
    const node = new DHT({ host: "127.0.0.1", bootstrap: [] });
    await node.fullyBootstrapped().catch((error) => console.log(error.code, error.flag));
    await node.destroy();
  `;
  const file = await Deno.makeTempFile({ suffix: ".ts" });
  try {
    await Deno.writeTextFile(file, program);
    const config = new URL("../../../deno.json", import.meta.url).pathname;
    const { stdout } = await new Deno.Command(Deno.execPath(), {
      args: ["run", "--quiet", "--no-prompt", "--no-check", "--config", config, file],
      env: { NO_COLOR: "1" },
    }).output();
    assert.equal(new TextDecoder().decode(stdout), "32\nERR_PERMISSION --allow-net\n");
  } finally {
    await Deno.remove(file);
  }
});

Deno.test({
  name: "DHT-057 connect() says that the process may not send to those who know the peer",
  permissions: { net: ["127.0.0.1"] },
  fn: async () => {
    const node = new DHT({ host: "127.0.0.1", bootstrap: ["127.0.0.2:9"] });
    await node.fullyBootstrapped();
    const error = await failure(node.connect(ownKeyPair(7).publicKey));
    assert.equal(error.code, "PEER_NOT_FOUND");
    assert.match(error.message, /may not send to all addresses \(--allow-net\)$/);
    assert.equal((error.cause as { code?: string }).code, "ERR_PERMISSION");
    const named = await failure(
      node.connect(ownKeyPair(7).publicKey, { nodes: [{ host: "127.0.0.2", port: 9 }] }),
    );
    assert.equal(named.report!.attempts[0]!.outcome, "ERR_PERMISSION");
    await node.destroy();
  },
});

Deno.test("DHT-035 DHT-061 DHT-062 announcements may be signed elsewhere", async () => {
  await using net = await network();
  const signed: string[] = [];
  const { signAnnounce, signUnannounce } = await import("../../../src/hyperdht/signatures.ts");
  const options = {
    signAnnounce: (
      ...args: Parameters<typeof signAnnounce>
    ) => (signed.push("announce"), signAnnounce(...args)),
    signUnannounce: (
      ...args: Parameters<typeof signAnnounce>
    ) => (signed.push("unannounce"), signUnannounce(...args)),
  };
  const server = await net.a.createServer(echoing).listen(ownKeyPair(1), options);
  assert.equal(await echo(net.b.connect(server.publicKey!)), "hello");
  await server.close();
  assert.deepEqual(new Set(signed), new Set(["announce", "unannounce"]));

  signed.length = 0;
  await net.a.announce(bytesOf(9), ownKeyPair(2), [], options).finished();
  await net.a.unannounce(bytesOf(9), ownKeyPair(2), options);
  assert.deepEqual(new Set(signed), new Set(["announce", "unannounce"]));
  assert.deepEqual((await Array.fromAsync(net.b.lookup(bytesOf(9)))).flatMap(({ peers }) => peers), []);
});

Deno.test("DHT-059 DHT-060 DHT-061 DHT-063 announce, lookup, clear and withdraw in one walk", async () => {
  await using net = await network();
  const topic = DHT.hash(utf8Bytes("topic"));
  await net.a.announce(topic, ownKeyPair(1), [addressOf(1)]).finished();
  const found = await Array.fromAsync(net.b.announce(topic, ownKeyPair(2), [], { clear: true, bump: 5 }));
  assert.deepEqual(found[0]!.peers, [{ publicKey: ownKeyPair(1).publicKey, relayAddresses: [addressOf(1)] }]);
  assert.ok(found[0]!.token !== null && found[0]!.from.port > 0 && found[0]!.to.port > 0);
  const withdrawn = await Array.fromAsync(net.b.lookupAndUnannounce(topic, ownKeyPair(2)));
  assert.ok(withdrawn.some(({ peers }) => peers.length === 2));
  const left = await Array.fromAsync(net.a.lookup(topic));
  assert.ok(left.length > 0 && left.every(({ peers, bump }) => peers.length === 1 && bump === 5));
});

Deno.test("DHT-064 DHT-065 DHT-066 DHT-067 records are stored, found, renewed, and verified", async () => {
  await using net = await network();
  const value = randomBytes(800);
  const put = await net.a.immutablePut(value);
  assert.ok(put.closestNodes.length > 0);
  assert.ok(equalBytes((await net.b.immutableGet(put.hash))!.value, value));
  assert.equal(await net.b.immutableGet(bytesOf(1)), null);
  await assert.rejects(net.a.immutablePut(randomBytes(2000)), RangeError);
  await assert.rejects(net.a.mutablePut(ownKeyPair(1), randomBytes(1900)), RangeError);

  const { publicKey } = ownKeyPair(1);
  const stored = await net.a.mutablePut(ownKeyPair(1), utf8Bytes("one"), { seq: 1 });
  assert.equal(stored.seq, 1);
  let refreshed = 0;
  const got = await net.b.mutableGet(publicKey, { refresh: (record) => (refreshed++, record.seq === 1) });
  assert.equal(utf8Text(got!.value), "one");
  assert.equal(refreshed, 1);
  assert.equal((await net.b.mutableGet(publicKey, { latest: false }))!.seq, 1);

  // A node that comes later gets the record when somebody who reads it renews it.
  const late = net.testnet.createNode({ ephemeral: false });
  await late.fullyBootstrapped();
  const { host, port } = late.address()!;
  const lateOnly = { nodes: [{ host, port }], onlyClosestNodes: true };
  assert.equal(await net.b.mutableGet(publicKey, { ...lateOnly, refresh: () => true }), null);
  await net.b.mutableGet(publicKey, { refresh: () => false });
  assert.equal(await net.b.mutableGet(publicKey, lateOnly), null);
  await net.b.mutableGet(publicKey, { refresh: () => true });
  assert.equal(utf8Text((await net.b.mutableGet(publicKey, lateOnly))!.value), "one");

  const signer = (...[seq, bytes]: [number, Uint8Array, unknown]) => signWith(seq, bytes);
  const { signMutable } = await import("../../../src/hyperdht/signatures.ts");
  const signWith = (seq: number, bytes: Uint8Array) => signMutable(seq, bytes, ownKeyPair(1));
  await net.a.mutablePut({ publicKey, secretKey: bytesOf(0, 64) }, utf8Bytes("two"), {
    seq: 2,
    signMutable: signer,
  });
  assert.equal((await net.b.mutableGet(publicKey))!.seq, 2);
});

Deno.test("DHT-057 a node that answers a handshake with anything else is passed over, and named in the report", async () => {
  await using net = await network();
  const rogue = new RPCNode({ bootstrap: [], host: "127.0.0.1", ephemeral: false });
  await rogue.fullyBootstrapped();
  rogue.on("request", (request) => request.reply(Uint8Array.of(1, 2, 3)));
  const { port } = rogue.address()!;
  const error = await failure(
    net.b.connect(ownKeyPair(9).publicKey, { relayAddresses: [{ host: "127.0.0.1", port }] }),
  );
  assert.equal(error.code, "PEER_NOT_FOUND");
  assert.deepEqual(error.report!.attempts[0]!.address, { host: "127.0.0.1", port });
  assert.equal(error.report!.attempts[0]!.outcome, "BAD_HANDSHAKE_REPLY");
  await rogue.destroy();
});

Deno.test("DHT-021 plugins answer requests and queries of their name and version", async () => {
  class Adder extends Plugin {
    override onrequest({ command, value }: PluginRequest, request: IncomingRequest): void {
      request.reply(Uint8Array.of(command + value![0]!));
    }
  }
  await using net = await network();
  for (const node of net.testnet.nodes.slice(0, 3)) node.register("adder", new Adder("adder", 2));
  const own = new Adder("adder", 2);
  assert.throws(() => own.request({ command: 1 }, net.testnet.nodes[0]!.address()!), /not registered/);
  net.a.register("adder", own);
  const { host, port } = net.testnet.nodes[1]!.address()!;
  const reply = await own.request({ command: 4, value: Uint8Array.of(38) }, { host, port });
  assert.deepEqual(Array.from(reply.value!), [42]);
  const replies = await Array.fromAsync(
    own.query({ command: 1, target: bytesOf(1), value: Uint8Array.of(1) }),
  );
  assert.ok(replies.length > 0 && replies.every(({ value }) => value![0] === 2));

  const events: string[] = [];
  const newer = new Adder("adder", 3);
  newer.onpersistent = () => events.push("persistent");
  newer.destroy = () => events.push("destroy");
  const node = net.testnet.createNode({ ephemeral: false });
  node.register("adder", newer);
  assert.equal(newer.dht, node);
  await node.fullyBootstrapped();
  assert.deepEqual(events, ["persistent"]);
  // Another version of it is another plugin.
  await assert.rejects(
    newer.request({ command: 4, value: Uint8Array.of(38) }, { host, port }, { retry: false }),
    {
      code: "REQUEST_TIMEOUT",
    },
  );
  await node.destroy();
  assert.deepEqual(events, ["persistent", "destroy"]);
});

Deno.test("DHT-010 maxSize bounds what a node keeps for others", async () => {
  await using net = await network();
  const kept = async (options: HyperDHTOptions): Promise<number> => {
    const node = net.testnet.createNode({ ephemeral: false, ...options });
    await node.fullyBootstrapped();
    const { host, port } = node.address()!;
    const only = { nodes: [{ host, port }], onlyClosestNodes: true };
    const hashes: Uint8Array[] = [];
    for (let index = 0; index < 12; index++) {
      hashes.push((await net.b.immutablePut(Uint8Array.of(index), only)).hash);
    }
    const found = await Promise.all(hashes.map((hash) => net.b.immutableGet(hash, only)));
    return found.filter((value) => value !== null).length;
  };
  assert.equal(await kept({}), 12);
  // Values have half of it, in each of two generations, the older of which may be forgotten.
  const count = await kept({ maxSize: 4 });
  assert.ok(count >= 2 && count <= 4, `${count}`);
});

Deno.test("DHT-019 DHT-020 DHT-057 a pool keeps one connection to each peer, and both sides the same one", async () => {
  await using net = await network();
  const [poolA, poolB] = [net.a.pool(), net.b.pool()];
  const serverA = await net.a.createServer({ pool: poolA }).listen(ownKeyPair(1));
  const serverB = await net.b.createServer({ pool: poolB }).listen(ownKeyPair(2));
  const codes: unknown[] = [];
  const onError = (error: Error): void => void codes.push((error as { code?: string }).code);
  for (const server of [serverA, serverB]) server.on("connection", (socket) => socket.on("error", onError));
  const first = net.b.connect(serverA.publicKey!, { pool: poolB, keyPair: ownKeyPair(2) });
  assert.equal(net.b.connect(serverA.publicKey!, { pool: poolB, keyPair: ownKeyPair(2) }), first);
  assert.equal(poolB.connecting, 1);
  assert.equal(poolB.get(serverA.publicKey!), first);
  const [stream, ref] = await new Promise<[SecretStream, { stream: SecretStream }]>((resolve) =>
    poolB.on("connection", (...args) => resolve(args))
  );
  assert.equal(stream, first);
  assert.equal(ref.stream, first);
  assert.equal(poolB.connecting, 0);
  assert.deepEqual(Array.from(poolB.connections, ({ stream }) => stream), [first]);

  // The peer connects as well: the side with the greater key decides, so one of the two is left.
  const second = net.a.connect(serverB.publicKey!, { keyPair: ownKeyPair(1) });
  second.on("error", onError);
  first.on("error", onError);
  await new Promise<void>((resolve) => {
    first.on("close", () => resolve());
    second.on("close", () => resolve());
  });
  await Promise.resolve();
  assert.equal(Array.from(poolB.connections).length + poolB.connecting, 1);
  assert.ok(codes.includes("DUPLICATE_CONNECTION"), codes.join());
  for (const { stream } of poolB.connections) {
    const gone = closed(stream);
    stream.on("error", () => {});
    stream.destroy();
    await gone;
  }
  assert.equal(poolB.has(serverA.publicKey!), false);
});

Deno.test("DHT-069 DHT-040 DHT-057 a suspended node has no connections and makes none, and goes on afterwards", async () => {
  await using net = await network();
  const server = await net.a.createServer(echoing).listen(ownKeyPair(1));
  const socket = net.b.connect(server.publicKey!);
  await socket.opened;
  const gone = new Promise<void>((resolve) => socket.on("close", () => resolve()));
  socket.on("error", () => {});
  const log: string[] = [];
  const suspending = net.b.suspend({ log: (line) => log.push(line) });
  assert.equal((await failure(net.b.connect(server.publicKey!))).code, "SUSPENDED");
  await suspending;
  await gone;
  assert.ok(net.b.suspended && log.length > 3);
  assert.equal((await failure(net.b.connect(server.publicKey!))).code, "SUSPENDED");
  assert.equal(net.b.rawStreams.size, 0);
  await net.b.resume();
  assert.equal(await echo(net.b.connect(server.publicKey!)), "hello");

  await net.a.suspend();
  assert.ok(server.suspended);
  assert.equal((await failure(net.b.connect(server.publicKey!))).code, "PEER_NOT_FOUND");
});

Deno.test("DHT-036 DHT-037 DHT-079 refresh() announces anew", async () => {
  const announced: (() => void)[] = [];
  const trace = (event: TraceEvent | HyperDHTTraceEvent) => {
    if (event.kind === "announce" && event.step === "announced") announced.shift()?.();
  };
  await using net = await network({ trace });
  const server = await net.a.createServer(echoing).listen(ownKeyPair(1));
  const again = new Promise<void>((resolve) => announced.push(resolve));
  server.notifyOnline();
  server.refresh();
  await again;
  assert.equal(await echo(net.b.connect(server.publicKey!)), "hello");
});

Deno.test("DHT-018 validateLocalAddresses() keeps the addresses that work, each tried once", async () => {
  await using net = await network();
  const addresses = [{ host: "127.0.0.1", port: 7 }, { host: "203.0.113.5", port: 8 }];
  const [first, second] = await Promise.all([
    net.a.validateLocalAddresses(addresses),
    net.a.validateLocalAddresses(addresses),
  ]);
  assert.deepEqual(first, [addresses[0]]);
  assert.deepEqual(second, first);
});

Deno.test("DHT-015 DHT-017 DHT-070 raw streams have ids of their own and share a connection's socket", async () => {
  await using net = await network();
  const server = await net.a.createServer(echoing).listen(ownKeyPair(1));
  const accepted = new Promise<SecretStream>((resolve) => server.on("connection", resolve));
  const socket = net.b.connect(server.publicKey!);
  socket.on("error", () => {});
  const raw = net.b.createRawStream();
  raw.on("error", () => {});
  assert.throws(() => DHT.connectRawStream(socket, raw, 1), { code: "STREAM_NOT_CONNECTED" });
  await socket.opened;
  const other = net.a.createRawStream();
  other.on("error", () => {});
  DHT.connectRawStream(socket, raw, other.id);
  DHT.connectRawStream(await accepted, other, raw.id);
  assert.equal(raw.socket, (socket.rawStream as UDXStream).socket);
  const received = new Promise<string>((resolve) => other.on("data", (data) => resolve(utf8Text(data))));
  raw.write("raw");
  assert.equal(await received, "raw");

  const streams = Array.from({ length: 300 }, () => net.b.createRawStream());
  assert.equal(new Set(streams.map(({ id }) => id)).size, 300);
  assert.equal(net.b.rawStreams.size, 302);
  assert.equal(Array.from(net.b.rawStreams).length, 302);
  await net.b.rawStreams.clear();
  assert.equal(net.b.rawStreams.size, 0);
});

Deno.test("DHT-070 stats and metrics are plain figures", async () => {
  await using net = await network();
  const server = await net.a.createServer(echoing).listen(ownKeyPair(1));
  await echo(net.b.connect(server.publicKey!));
  const { stats } = net.a;
  assert.deepEqual(Object.keys(stats).toSorted(), [
    "commands",
    "punches",
    "queries",
    "relaying",
    "requests",
    "socketPool",
  ]);
  assert.equal(stats.punches.open + net.b.stats.punches.open, 1);
  const metrics = net.a.metrics();
  assert.deepEqual([metrics.servers, metrics.halfOpenHandshakes, metrics.records], [1, 0, null]);
  assert.deepEqual(structuredClone(metrics), metrics);
  const keeper = net.testnet.nodes[1]!.metrics();
  assert.ok(keeper.records !== null && keeper.routes >= 1);
});

Deno.test("DHT-068 destroy() ends servers, connections and what is being connected, with and without force", async () => {
  await using net = await network();
  const server = await net.a.createServer(echoing).listen(ownKeyPair(1));
  const socket = net.b.connect(server.publicKey!);
  await socket.opened;
  const connecting = net.b.connect(ownKeyPair(9).publicKey);
  const ends = [socket, connecting].map((stream) =>
    new Promise<void>((resolve) => {
      stream.on("error", () => {});
      stream.on("close", () => resolve());
    })
  );
  await Promise.all([net.b.destroy(), net.b.destroy()]);
  await Promise.all(ends);
  assert.ok(net.b.destroyed);
  let isClosed = false;
  server.on("close", () => isClosed = true);
  await net.a.destroy({ force: true });
  assert.ok(isClosed);
  // Withdrawn by nobody: the record is still there.
  const left = net.testnet.createNode();
  const found = await Array.fromAsync(left.findPeer(ownKeyPair(1).publicKey));
  assert.ok(found.length > 0);
});

Deno.test("DHT-068 destroy() returns while listening, while suspended, and before the node is bound", async () => {
  await using net = await network();
  const listening = net.a.createServer().listen(ownKeyPair(1)).catch((error) => error);
  await net.a.destroy();
  await listening;
  await net.b.suspend();
  await net.b.destroy();
  const fresh = net.testnet.createNode();
  await fresh.destroy();
  const forced = net.testnet.createNode();
  await forced.fullyBootstrapped();
  await forced.createServer().listen(ownKeyPair(2));
  const slow = forced.destroy();
  await forced.destroy({ force: true });
  await slow;
});

Deno.test("DHT-002 DHT-008 DHT-009 DHT-011 options of nodes: an isolated root, a port, known nodes", async () => {
  await using root = new DHT({ bootstrap: [], host: "127.0.0.1", ephemeral: false, firewalled: false });
  await root.fullyBootstrapped();
  const known = { host: "127.0.0.1", port: root.address()!.port };
  await using node = new DHT({ bootstrap: [], nodes: [known], host: "127.0.0.1", port: known.port + 10 });
  await node.fullyBootstrapped();
  assert.equal(node.nodes.length, 1);
  assert.ok(node.io.serverSocket!.address()!.port >= known.port + 10);
  assert.throws(() => DHT.bootstrapper(0, "127.0.0.1"), /Port is required/);
  await using alone = new DHT({ bootstrap: false, host: "127.0.0.1" });
  assert.deepEqual(alone.bootstrapNodes, []);
});

Deno.test("DHT-044 a signal ends a connect with its reason", async () => {
  await using net = await network();
  const controller = new AbortController();
  const socket = net.b.connect(ownKeyPair(9).publicKey, { signal: controller.signal });
  const reason = new Error("no longer wanted");
  const failed = failure(socket);
  controller.abort(reason);
  assert.equal(await failed, reason);
});

Deno.test("DHT-035 a signal ends listen() with its reason and closes the server", async () => {
  await using net = await network();
  const controller = new AbortController();
  const server = net.a.createServer();
  const listening = server.listen(ownKeyPair(1), { signal: controller.signal });
  const reason = new Error("no longer wanted");
  controller.abort(reason);
  await assert.rejects(listening, reason);
  await server.close();
  assert.ok(server.closed);
  await assert.rejects(net.a.createServer().listen(ownKeyPair(2), { signal: controller.signal }), reason);
  assert.equal(net.a.listening.size, 0);
});

Deno.test("DHT-068 DHT-057 whoever waits for a peer is told that the node is gone, or suspended", async () => {
  await using net = await network(FIREWALLED, 4);
  // Nothing but a punch that is never answered: the connect is in the middle of it.
  const server = await net.a.createServer({ shareLocalAddress: false, holepunch: false }).listen(
    ownKeyPair(1),
  );
  for (const [end, code] of [["suspend", "SUSPENDED"], ["destroy", "NODE_DESTROYED"]] as const) {
    const punching = Promise.withResolvers<void>();
    const node = net.testnet.createNode({
      ...FIREWALLED,
      trace: (event) => {
        if (event.kind === "connect" && event.step === "punch") punching.resolve();
      },
    });
    await node.fullyBootstrapped();
    const socket = node.connect(server.publicKey!, { localConnection: false });
    const failed = failure(socket);
    await punching.promise;
    await node[end]();
    assert.equal((await failed).code, code);
  }
});

Deno.test("DHT-041 a server that closes leaves its connections alone, and its name to others", async () => {
  await using net = await network();
  await using server: Server = await net.a.createServer(echoing).listen(ownKeyPair(1));
  const socket = net.b.connect(server.publicKey!);
  await socket.opened;
  await server.close();
  assert.equal(await echo(socket), "hello");
  await assert.rejects(server.listen(ownKeyPair(1)), { code: "NODE_DESTROYED" });
});

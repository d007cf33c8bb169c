/** HyperDHT nodes, servers and clients, ours and those of the npm package, on one machine. */
import { strict as assert } from "node:assert";
import { hexBytes, hexText, utf8Bytes, utf8Text } from "../../src/base/mod.ts";
import relay from "../../src/blind_relay/mod.ts";
import DHT, { address, type DHTError, type PeerAddress, type Server } from "../../src/hyperdht/mod.ts";
import createTestnet, { type Testnet } from "../../src/hyperdht/testnet/mod.ts";
import type { SecretStream } from "../../src/secret_stream/mod.ts";
import type { UDXStream } from "../../src/udx/mod.ts";
import { NpmPeer } from "../helpers/npm_peer.ts";

/** What a command of the reference answers. */
type Fields = Readonly<Record<string, unknown>>;

const keyPairOf = (seed: number) => DHT.keyPair(new Uint8Array(32).fill(seed));
const topicOf = (seed: number) => DHT.hash(new Uint8Array(32).fill(seed));

/** A network that npm nodes made, and a node of each kind in it. */
interface MixedNetwork extends AsyncDisposable {
  readonly npm: NpmPeer;
  readonly bootstrap: PeerAddress[];
  readonly ours: Testnet;
}

/** Starts `npmCount` npm nodes and `ourCount` of ours in one network; whoever is `first` has the first node. */
async function startNetwork(
  { npmCount, ourCount, first }: {
    readonly npmCount: number;
    readonly ourCount: number;
    readonly first: "npm" | "ours";
  },
): Promise<MixedNetwork> {
  const npm = new NpmPeer("hyperdht/peer.mjs");
  let ours: Testnet;
  let bootstrap: PeerAddress[];
  if (first === "npm") {
    ({ bootstrap } = await npm.run<{ bootstrap: PeerAddress[] }>("testnet", { size: npmCount }));
    ours = await createTestnet(ourCount, { bootstrap });
  } else {
    ours = await createTestnet(ourCount);
    bootstrap = ours.bootstrap as PeerAddress[];
    await npm.run("testnet", { size: npmCount, bootstrap });
  }
  return {
    npm,
    bootstrap,
    ours,
    async [Symbol.asyncDispose]() {
      await ours.destroy();
      await npm[Symbol.asyncDispose]();
    },
  };
}

/** A server that echoes. */
async function listen(
  node: DHT,
  seed: number,
  options: Parameters<DHT["createServer"]>[0] = {},
): Promise<Server> {
  const server = node.createServer(options, (socket: SecretStream) => {
    socket.on("data", (data) => socket.write(data));
    socket.on("end", () => socket.end());
    socket.on("error", () => {});
  });
  return await server.listen(keyPairOf(seed));
}

/** Sends `text` to an echo, waits until it is back, and ends the stream. */
async function echo(socket: SecretStream, text: string): Promise<void> {
  const closed = new Promise<void>((resolve, reject) => {
    socket.on("close", () => resolve());
    socket.on("error", reject);
  });
  let received = "";
  socket.on("data", (data) => {
    received += utf8Text(data);
    if (received.length === text.length) socket.end();
  });
  socket.write(text);
  await closed;
  assert.equal(received, text);
}

for (const first of ["npm", "ours"] as const) {
  Deno.test(`DHT-044 DHT-025 connect both ways in a network of 3 nodes that ${first} began`, async () => {
    await using network = await startNetwork({
      npmCount: first === "npm" ? 2 : 1,
      ourCount: first === "npm" ? 1 : 2,
      first,
    });
    const { npm, ours, bootstrap } = network;
    const { node } = await npm.run<{ node: number }>("node", { bootstrap, ephemeral: true });
    const own = ours.createNode();
    await own.fullyBootstrapped();

    const theirs = await npm.run<{ publicKey: string; address: string }>("server", { node, seed: 7 });
    const socket = own.connect(hexBytes(theirs.publicKey), { keyPair: keyPairOf(9) });
    await echo(socket, "from ours to npm");
    const connection = await npm.next("connection");
    assert.equal(connection.remotePublicKey, hexText(keyPairOf(9).publicKey));
    assert.equal(hexText(socket.remotePublicKey!), theirs.publicKey);

    // The other form of an address, which says where to ask.
    await echo(own.connect(hexBytes(theirs.address)), "by address");
    await npm.next("connection");

    const server = await listen(own, 8);
    const connected = await npm.run<{ connected: boolean }>("connect", {
      node,
      target: hexText(address.encode(server.publicKey!, server.relayAddresses)),
      text: "from npm to ours",
    });
    assert.equal(connected.connected, true);
    assert.equal((await npm.next("data")).text, "from npm to ours");
  });
}

for (const keeper of ["npm", "ours"] as const) {
  const countOf = (make: "npm" | "ours") => (make === keeper ? 3 : 0);

  Deno.test(`DHT-059 DHT-060 DHT-062 announce, lookup and unannounce both ways, kept by ${keeper} nodes`, async () => {
    await using network = await startNetwork({
      npmCount: countOf("npm"),
      ourCount: countOf("ours"),
      first: keeper,
    });
    const { npm, ours, bootstrap } = network;
    const { node } = await npm.run<{ node: number }>("node", { bootstrap, ephemeral: true });
    const own = ours.createNode({ bootstrap });
    await own.fullyBootstrapped();
    const topic = topicOf(1);
    const relays = [{ host: "10.1.2.3", port: 4567 }];
    const bump = Date.now();

    await own.announce(topic, keyPairOf(2), relays, { bump }).finished();
    const found = await npm.run<Fields>("lookup", { node, topic: hexText(topic) });
    assert.deepEqual(found.peers, [{ publicKey: hexText(keyPairOf(2).publicKey), relayAddresses: relays }]);
    assert.equal(found.bump, bump);

    await npm.run("announce", { node, topic: hexText(topic), seed: 3, bump: bump + 1 });
    assert.deepEqual(await lookUp(own, topic), {
      keys: [keyPairOf(2).publicKey, keyPairOf(3).publicKey].map(hexText).toSorted(),
      bump: bump + 1,
    });

    await npm.run("unannounce", { node, topic: hexText(topic), seed: 3 });
    await own.unannounce(topic, keyPairOf(2));
    assert.deepEqual(await lookUp(own, topic), { keys: [], bump: 0 });
    const { peers } = await npm.run<{ peers: unknown[] }>("lookup", { node, topic: hexText(topic) });
    assert.deepEqual(peers, []);
  });

  Deno.test(`DHT-064 DHT-065 DHT-066 mutable and immutable records both ways, kept by ${keeper} nodes`, async () => {
    await using network = await startNetwork({
      npmCount: countOf("npm"),
      ourCount: countOf("ours"),
      first: keeper,
    });
    const { npm, ours, bootstrap } = network;
    const { node } = await npm.run<{ node: number }>("node", { bootstrap, ephemeral: true });
    const own = ours.createNode({ bootstrap });
    await own.fullyBootstrapped();

    const value = utf8Bytes("a value of some length");
    const { hash } = await own.immutablePut(value);
    assert.equal(hexText(hash), hexText(DHT.hash(value)));
    const got = await npm.run<{ value: string }>("immutableGet", { node, hash: hexText(hash) });
    assert.equal(got.value, hexText(value));
    const put = await npm.run<{ hash: string }>("immutablePut", { node, value: "00ff00" });
    assert.equal(hexText((await own.immutableGet(hexBytes(put.hash)))!.value), "00ff00");

    const { publicKey } = keyPairOf(4);
    const first = await own.mutablePut(keyPairOf(4), utf8Bytes("first"), { seq: 3 });
    const read = await npm.run<Fields>("mutableGet", { node, publicKey: hexText(publicKey) });
    assert.deepEqual(
      { seq: read.seq, value: read.value, signature: read.signature },
      { seq: 3, value: hexText(utf8Bytes("first")), signature: hexText(first.signature) },
    );
    const second = await npm.run<Fields>("mutablePut", { node, seed: 4, value: "1234", seq: 5 });
    const latest = await own.mutableGet(publicKey);
    assert.equal(latest!.seq, 5);
    assert.equal(hexText(latest!.value), "1234");
    assert.equal(hexText(latest!.signature), second.signature);
    assert.equal(await own.mutableGet(publicKey, { seq: 6 }), null);
    assert.equal(
      (await npm.run<Fields>("mutableGet", { node, publicKey: hexText(publicKey), seq: 6 })).seq,
      null,
    );

    // An older version changes nothing, nor does another value of the same version.
    await own.mutablePut(keyPairOf(4), utf8Bytes("late"), { seq: 4 });
    await npm.run("mutablePut", { node, seed: 4, value: "5678", seq: 5 });
    assert.equal(hexText((await own.mutableGet(publicKey))!.value), "1234");
  });

  Deno.test(`DHT-058 DHT-078 DHT-041 handshakes relayed by ${keeper} nodes, both ways, until the server closes`, async () => {
    await using network = await startNetwork({
      npmCount: countOf("npm"),
      ourCount: countOf("ours"),
      first: keeper,
    });
    const { npm, ours, bootstrap } = network;
    const { node } = await npm.run<{ node: number }>("node", { bootstrap, ephemeral: true });
    const [own, other] = [ours.createNode({ bootstrap }), ours.createNode({ bootstrap })];
    await Promise.all([own.fullyBootstrapped(), other.fullyBootstrapped()]);

    const server = await listen(own, 5);
    const { found } = await npm.run<{ found: { publicKey: string }[] }>("findPeer", {
      node,
      publicKey: hexText(server.publicKey!),
    });
    assert.ok(found.length > 0);
    assert.ok(found.every(({ publicKey }) => publicKey === hexText(server.publicKey!)));
    await echo(other.connect(server.publicKey!), "ours to ours");
    await npm.run("connect", { node, target: hexText(server.publicKey!), text: "npm to ours" });
    assert.equal((await npm.next("data")).text, "npm to ours");

    const theirs = await npm.run<{ server: number; publicKey: string }>("server", { node, seed: 6 });
    await echo(other.connect(theirs.publicKey), "ours to npm");

    await server.close();
    await npm.run("closeServer", { server: theirs.server });
    assert.deepEqual(await Array.fromAsync(other.findPeer(keyPairOf(5).publicKey)), []);
    assert.deepEqual(await Array.fromAsync(other.findPeer(hexBytes(theirs.publicKey))), []);
    const missing = await npm.run<{ connected: boolean }>("connect", {
      node,
      target: hexText(keyPairOf(5).publicKey),
    });
    assert.equal(missing.connected, false);
  });
}

/** Public keys announced under `topic`, and the newest bump. */
async function lookUp(node: DHT, topic: Uint8Array): Promise<{ keys: string[]; bump: number }> {
  const keys = new Set<string>();
  let bump = 0;
  for await (const found of node.lookup(topic)) {
    bump = Math.max(bump, found.bump);
    for (const { publicKey } of found.peers) keys.add(hexText(publicKey));
  }
  return { keys: Array.from(keys).toSorted(), bump };
}

/** Behind a firewall, as far as the node knows: it neither offers its own address nor finds out that it could. */
const FIREWALLED = { ephemeral: true, quickFirewall: false };

for (const relayMake of ["npm", "ours"] as const) {
  for (const chooser of ["server", "client"] as const) {
    Deno.test(`DHT-028 DHT-048 DHT-077 relayThrough of the ${chooser} over a relay of ${relayMake}, both ways`, async () => {
      await using network = await startNetwork({ npmCount: 2, ourCount: 1, first: "npm" });
      const { npm, ours, bootstrap } = network;
      const { node } = await npm.run<{ node: number }>("node", { bootstrap, ...FIREWALLED });
      const own = ours.createNode(FIREWALLED);
      await own.fullyBootstrapped();

      let relayKey: string;
      if (relayMake === "npm") {
        relayKey = (await npm.run<{ publicKey: string }>("relayServer", { node: 0, seed: 11 })).publicKey;
      } else {
        const relayNode = ours.nodes[0]!;
        const relays = new relay.Server({ createStream: (options) => relayNode.createRawStream(options) });
        const server = relayNode.createServer({ shareLocalAddress: false }, (socket) => {
          relays.accept(socket, { id: socket.remotePublicKey });
        });
        await server.listen(keyPairOf(11));
        relayKey = hexText(server.publicKey!);
      }
      const relayOf = (side: "server" | "client") => (side === chooser ? relayKey : undefined);
      const closed = { holepunch: false as const, shareLocalAddress: false };

      const theirs = await npm.run<{ publicKey: string }>("server", {
        node,
        seed: 7,
        relayThrough: relayOf("server"),
        ...closed,
      });
      const clientRelay = relayOf("client");
      const socket = own.connect(theirs.publicKey, {
        localConnection: false,
        relayThrough: clientRelay === undefined ? null : hexBytes(clientRelay),
      });
      await echo(socket, "relayed to npm");

      const serverRelay = relayOf("server");
      const server = await listen(own, 8, {
        ...closed,
        relayThrough: serverRelay === undefined ? null : hexBytes(serverRelay),
      });
      const connected = await npm.run<{ connected: boolean; socket: number }>("connect", {
        node,
        target: hexText(server.publicKey!),
        relayThrough: relayOf("client"),
        localConnection: false,
        text: "relayed to ours",
      });
      assert.equal(connected.connected, true);
      assert.equal((await npm.next("data")).text, "relayed to ours");
      assert.deepEqual(own.stats.relaying, { attempts: 1, successes: 1, aborts: 0 });
      await npm.run("end", { socket: connected.socket });
      await npm.next("close");
    });
  }
}

Deno.test("DHT-073 DHT-076 DHT-050 firewalled peers punch and use the local network, both ways", async () => {
  await using network = await startNetwork({ npmCount: 3, ourCount: 2, first: "npm" });
  const { npm, ours, bootstrap } = network;
  const { node } = await npm.run<{ node: number }>("node", { bootstrap, ...FIREWALLED });
  const stages: (string | null)[] = [];
  const own = ours.createNode({
    ...FIREWALLED,
    trace: (event) => {
      if (event.kind === "connect" && event.step === "open") stages.push(event.stage);
    },
  });
  await own.fullyBootstrapped();
  const theirs = await npm.run<{ publicKey: string }>("server", { node, seed: 7, shareLocalAddress: false });
  const server = await listen(own, 8, { shareLocalAddress: false });

  await echo(own.connect(theirs.publicKey, { localConnection: false }), "punched to npm");
  assert.deepEqual(stages, ["holepunch"]);
  await npm.run("connect", {
    node,
    target: hexText(server.publicKey!),
    localConnection: false,
    text: "punched to ours",
  });
  assert.equal((await npm.next("data")).text, "punched to ours");

  const near = await npm.run<{ publicKey: string }>("server", { node, seed: 9 });
  await echo(own.connect(near.publicKey), "near to npm");
  assert.deepEqual(stages, ["holepunch", "lan"]);
  const nearServer = await listen(own, 10);
  await npm.run("connect", { node, target: hexText(nearServer.publicKey!), text: "near to ours" });
  assert.equal((await npm.next("data")).text, "near to ours");
});

Deno.test("DHT-077 a relayed connection moves to the punched path, both ways", async () => {
  await using network = await startNetwork({ npmCount: 3, ourCount: 2, first: "npm" });
  const { npm, ours, bootstrap } = network;
  const { node } = await npm.run<{ node: number }>("node", { bootstrap, ...FIREWALLED });
  const own = ours.createNode(FIREWALLED);
  await own.fullyBootstrapped();
  const relayed = await npm.run<{ publicKey: string }>("relayServer", { node: 0, seed: 11 });
  const relayPort = (await npm.run<{ port: number }>("address", { node: 0 })).port;
  const relayThrough = hexBytes(relayed.publicKey);

  const theirs = await npm.run<{ publicKey: string }>("server", { node, seed: 7, shareLocalAddress: false });
  const socket = own.connect(theirs.publicKey, { relayThrough, localConnection: false });
  await socket.opened;
  const raw = socket.rawStream as UDXStream;
  if (raw.remotePort === relayPort) await new Promise<void>((resolve) => raw.once("remote-changed", resolve));
  assert.notEqual(raw.remotePort, relayPort);
  await echo(socket, "moved");

  const server = await listen(own, 8, { shareLocalAddress: false, relayThrough });
  const connections: SecretStream[] = [];
  server.on("connection", (connection) => connections.push(connection));
  await npm.run("connect", {
    node,
    target: hexText(server.publicKey!),
    localConnection: false,
    text: "moved, too",
  });
  assert.equal((await npm.next("data")).text, "moved, too");
  assert.equal(connections.length, 1);
  const ourRaw = connections[0]!.rawStream as UDXStream;
  if (ourRaw.remotePort === relayPort) {
    await new Promise<void>((resolve) => ourRaw.once("remote-changed", resolve));
  }
  assert.notEqual(ourRaw.remotePort, relayPort);
});

Deno.test("DHT-015 DHT-017 connectRawStream() opens a second stream beside a connection to npm", async () => {
  await using network = await startNetwork({ npmCount: 2, ourCount: 1, first: "npm" });
  const { npm, ours } = network;
  const own = ours.createNode();
  await own.fullyBootstrapped();
  const theirs = await npm.run<{ publicKey: string }>("server", { node: 0, seed: 7 });
  const socket = own.connect(theirs.publicKey);
  await socket.opened;
  await npm.next("connection");
  const raw = own.createRawStream();
  const { rawId: remoteId } = await npm.run<{ rawId: number }>("rawEcho", { socket: 0, remoteId: raw.id });
  DHT.connectRawStream(socket, raw, remoteId);
  const closed = new Promise<void>((resolve) => raw.on("close", () => resolve()));
  const received: string[] = [];
  raw.on("data", (data) => received.push(utf8Text(data)));
  raw.end("raw bytes");
  await closed;
  assert.deepEqual(received, ["raw bytes"]);
  await echo(socket, "the connection goes on");
});

/** Two ports that nobody has bound just now. */
function freePorts(): [number, number] {
  const sockets = [0, 0].map((port) =>
    Deno.listenDatagram({ transport: "udp", hostname: "127.0.0.1", port })
  );
  const ports = sockets.map((socket) => (socket.addr as Deno.NetAddr).port);
  for (const socket of sockets) socket.close();
  return ports as [number, number];
}

Deno.test("DHT-013 DHT-002 bootstrappers of either make lead into one network", async () => {
  await using npm = new NpmPeer("hyperdht/peer.mjs");
  const [port, otherPort] = freePorts();
  await using ours = DHT.bootstrapper(port, "127.0.0.1", { host: "127.0.0.1" });
  await ours.fullyBootstrapped();
  assert.equal(ours.address()!.port, port);
  const bootstrap = [`127.0.0.1:${port}`];
  const joined = await npm.run<{ node: number }>("node", { bootstrap, ephemeral: false, firewalled: false });
  assert.equal((await npm.run<{ firewalled: boolean }>("address", { node: joined.node })).firewalled, false);

  const theirs = await npm.run<{ port: number }>("bootstrapper", { port: otherPort });
  await using node = new DHT({
    host: "127.0.0.1",
    bootstrap: [`127.0.0.1:${theirs.port}`],
    ephemeral: false,
    firewalled: false,
  });
  await node.fullyBootstrapped();
  assert.equal(node.toArray().some((address) => address.port === theirs.port), true);
  const server = await npm.run<{ publicKey: string }>("server", { node: 1, seed: 3 });
  await echo(node.connect(server.publicKey), "through their bootstrapper");
});

Deno.test("DHT-057 DHT-026 npm clients and ours get the same errors from a server that refuses", async () => {
  await using network = await startNetwork({ npmCount: 2, ourCount: 1, first: "npm" });
  const { npm, ours } = network;
  const own = ours.createNode();
  await own.fullyBootstrapped();
  const theirs = await npm.run<{ publicKey: string }>("server", { node: 0, seed: 7, refuse: true });
  const server = await listen(own, 8, { firewall: () => true });
  const npmError = npm.run("connect", { node: 1, target: hexText(server.publicKey!) })
    .then(() => npm.next("close"));
  const socket = own.connect(theirs.publicKey);
  const error = await new Promise<DHTError>((resolve) =>
    socket.on("error", (error) => resolve(error as DHTError))
  );
  assert.equal(error.code, (await npmError).error);
  assert.equal(error.code, "PEER_CONNECTION_FAILED");
  assert.equal(error.report!.stage, "handshake");
  assert.ok(
    error.report!.attempts.some(({ stage, outcome }) =>
      stage === "handshake" && outcome === "REQUEST_TIMEOUT"
    ),
  );
});

Deno.test("DHT-069 DHT-040 a suspended server of ours is found again by npm", async () => {
  await using network = await startNetwork({ npmCount: 3, ourCount: 0, first: "npm" });
  const { npm, ours, bootstrap } = network;
  let handleAnnounced = (): void => {};
  const own = ours.createNode({
    bootstrap,
    trace: (event) => {
      if (event.kind === "announce" && event.step === "announced") handleAnnounced();
    },
  });
  await own.fullyBootstrapped();
  const server = await listen(own, 8);
  const target = hexText(server.publicKey!);
  const announced = new Promise<void>((resolve) => handleAnnounced = resolve);
  await own.suspend();
  const { found } = await npm.run<{ found: unknown[] }>("findPeer", { node: 0, publicKey: target });
  assert.deepEqual(found, []);
  await own.resume();
  await announced;
  await npm.run("connect", { node: 1, target, text: "back again" });
  assert.equal((await npm.next("data")).text, "back again");
});

for (const size of [20, 60]) {
  Deno.test(`DHT-044 DHT-059 a network of ${size} nodes, half of each make: all find and reach each other`, async () => {
    await using network = await startNetwork({ npmCount: size / 2, ourCount: size / 2, first: "npm" });
    const { npm, ours, bootstrap } = network;
    const { node } = await npm.run<{ node: number }>("node", { bootstrap, ephemeral: true });
    const clients = [ours.createNode({ bootstrap }), ours.createNode({ bootstrap })];
    await Promise.all(clients.map((client) => client.fullyBootstrapped()));

    const theirs = await Promise.all(
      [1, 2, 3].map((seed) => npm.run<{ publicKey: string }>("server", { node, seed })),
    );
    const servers = await Promise.all([4, 5, 6].map((seed) => listen(clients[0]!, seed)));
    const targets = [
      ...theirs.map(({ publicKey }) => publicKey),
      ...servers.map((s) => hexText(s.publicKey!)),
    ];
    await Promise.all(targets.map((target) => echo(clients[1]!.connect(target), target)));
    for (const server of servers) {
      await npm.run("connect", { node, target: hexText(server.publicKey!), text: "hello" });
      assert.equal((await npm.next("data")).text, "hello");
    }

    const topic = topicOf(size);
    await npm.run("announce", { node, topic: hexText(topic), seed: 7 });
    await clients[0]!.announce(topic, keyPairOf(8)).finished();
    assert.deepEqual(
      (await lookUp(clients[1]!, topic)).keys,
      [7, 8].map((seed) => hexText(keyPairOf(seed).publicKey)).toSorted(),
    );
    const { peers } = await npm.run<{ peers: unknown[] }>("lookup", { node, topic: hexText(topic) });
    assert.equal(peers.length, 2);
  });
}

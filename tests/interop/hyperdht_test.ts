/** HyperDHT nodes, servers and clients, ours and those of the npm package, on one machine. */
import { strict as assert } from "node:assert";
import { hexBytes, hexText, utf8Bytes, utf8Text } from "../../src/base/mod.ts";
import relay from "../../src/blind_relay/mod.ts";
import DHT, { address, type PeerAddress, type Server } from "../../src/hyperdht/mod.ts";
import createTestnet, { type Testnet } from "../../src/hyperdht/testnet/mod.ts";
import type { SecretStream } from "../../src/secret_stream/mod.ts";
import type { UDXStream } from "../../src/udx/mod.ts";
import { NpmHyperDHT } from "../helpers/npm_hyperdht.ts";

const keyPairOf = (seed: number) => DHT.keyPair(new Uint8Array(32).fill(seed));
const topicOf = (seed: number) => DHT.hash(new Uint8Array(32).fill(seed));

/** A network that npm nodes made, and a node of each kind in it. */
interface MixedNetwork extends AsyncDisposable {
  readonly npm: NpmHyperDHT;
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
  const npm = await NpmHyperDHT.start();
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
    assert.deepEqual(
      { ...(await npm.run("lookup", { node, topic: hexText(topic) })), event: undefined, id: undefined },
      {
        event: undefined,
        id: undefined,
        peers: [{ publicKey: hexText(keyPairOf(2).publicKey), relayAddresses: relays }],
        bump,
      },
    );

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
    const read = await npm.run("mutableGet", { node, publicKey: hexText(publicKey) });
    assert.deepEqual(
      { seq: read.seq, value: read.value, signature: read.signature },
      { seq: 3, value: hexText(utf8Bytes("first")), signature: hexText(first.signature) },
    );
    const second = await npm.run("mutablePut", { node, seed: 4, value: "1234", seq: 5 });
    const latest = await own.mutableGet(publicKey);
    assert.equal(latest!.seq, 5);
    assert.equal(hexText(latest!.value), "1234");
    assert.equal(hexText(latest!.signature), second.signature);
    assert.equal(await own.mutableGet(publicKey, { seq: 6 }), null);
    assert.equal((await npm.run("mutableGet", { node, publicKey: hexText(publicKey), seq: 6 })).seq, null);

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

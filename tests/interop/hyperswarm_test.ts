/** Swarms of both makes on networks of both makes, on the loopback interface. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { hexBytes, hexText } from "../../src/base/mod.ts";
import Hypercore from "../../src/hypercore/mod.ts";
import { HyperDHT } from "../../src/hyperdht/mod.ts";
import createTestnet from "../../src/hyperdht/testnet/mod.ts";
import Hyperswarm, { type HyperswarmOptions, type SwarmConnection } from "../../src/hyperswarm/mod.ts";
import { NpmPeer } from "../helpers/npm_peer.ts";
import { withFolder } from "../helpers/store_folder.ts";
import { numberedKeyPair } from "../helpers/swarm_network.ts";

type Bootstrap = (string | { host: string; port: number })[];

function topic(number: number): Uint8Array {
  return Buffer.alloc(32, number);
}

function ourSwarm(
  bootstrap: Bootstrap,
  number: number,
  options: HyperswarmOptions<HyperDHT> = {},
): Hyperswarm {
  const dht = new HyperDHT({ bootstrap, host: "127.0.0.1" });
  return new Hyperswarm({ keyPair: numberedKeyPair(number), dht, ...options });
}

/** Answers every message with the same one in capitals, and gives those that come. */
function answerInCapitals(swarm: Hyperswarm): { next(): Promise<string> } {
  const messages: string[] = [];
  const waiting: ((text: string) => void)[] = [];
  swarm.on("connection", (connection: SwarmConnection) => {
    connection.on("data", (data) => {
      const text = String(data);
      const resolve = waiting.shift();
      if (resolve) resolve(text);
      else messages.push(text);
      if (text !== text.toUpperCase()) connection.write(text.toUpperCase());
    });
  });
  return {
    next: () =>
      messages.length > 0
        ? Promise.resolve(messages.shift()!)
        : new Promise((resolve) => waiting.push(resolve)),
  };
}

for (const make of ["npm", "ours"] as const) {
  Deno.test(`SW-017 SW-024 SW-029 both makes meet under a topic, in a network of ${make} nodes, whoever serves`, async () => {
    await using npm = new NpmPeer("hyperswarm/peer.mjs");
    await using testnet = await createTestnet(make === "ours" ? 4 : 0);
    const bootstrap = make === "ours"
      ? testnet.bootstrap as Bootstrap
      : await npm.run<Bootstrap>("testnet", { size: 4 });
    const theirs = await npm.run<{ swarm: number; publicKey: string }>("swarm", { bootstrap, seed: 1 });
    await using swarm = ourSwarm(bootstrap, 2);
    const messages = answerInCapitals(swarm);

    // They serve, we find them.
    await npm.run("join", { swarm: theirs.swarm, topic: hexText(topic(1)), client: false });
    const connected = once(swarm, "connection");
    await swarm.join(topic(1), { server: false }).flushed();
    assert.equal(await swarm.flush(), true);
    const [connection, info] = await connected;
    assert.equal(hexText(connection.remotePublicKey), theirs.publicKey);
    assert.deepEqual(info.topics, [topic(1)]);
    const seen = await npm.next("connection");
    assert.deepEqual([seen.remote, seen.client, seen.topics], [
      hexText(swarm.keyPair.publicKey),
      false,
      [],
    ]);
    connection.write("from us");
    assert.equal((await npm.next("message")).text, "from us");
    assert.equal(await messages.next(), "FROM US");

    // We serve, another one of theirs finds us.
    await swarm.join(topic(2), { client: false }).flushed();
    const second = await npm.run<{ swarm: number; publicKey: string }>("swarm", { bootstrap, seed: 3 });
    await npm.run("join", { swarm: second.swarm, topic: hexText(topic(2)), server: false });
    assert.equal(await npm.run("flush", { swarm: second.swarm }), true);
    const found = await npm.next("connection");
    assert.deepEqual([found.swarm, found.client, found.topics], [second.swarm, true, [hexText(topic(2))]]);
    await npm.run("say", { swarm: second.swarm, text: "from them" });
    assert.equal(await messages.next(), "from them");
    assert.equal((await npm.next("message")).text, "FROM THEM");
    assert.equal(swarm.connections.size, 2);

    // Leaving withdraws the announcement.
    await swarm.leave(topic(2));
    assert.deepEqual(await npm.run("lookup", { swarm: theirs.swarm, topic: hexText(topic(2)) }), []);
    await npm.run("destroy", { swarm: theirs.swarm });
    await npm.run("destroy", { swarm: second.swarm });
  });
}

Deno.test("SW-020 SW-042 peers of both makes that dial each other by key keep one and the same connection", async () => {
  await using npm = new NpmPeer("hyperswarm/peer.mjs");
  await using testnet = await createTestnet(4);
  const bootstrap = testnet.bootstrap as Bootstrap;
  for (const [ours, theirs] of [[11, 12], [14, 13]] as const) {
    await using swarm = ourSwarm(bootstrap, ours);
    const { swarm: index, publicKey } = await npm.run<{ swarm: number; publicKey: string }>("swarm", {
      bootstrap,
      seed: theirs,
    });
    await Promise.all([swarm.listen(), npm.run("listen", { swarm: index })]);
    swarm.joinPeer(hexBytes(publicKey));
    await npm.run("joinPeer", { swarm: index, publicKey: hexText(swarm.keyPair.publicKey) });
    const isSettled = async (): Promise<boolean> => {
      const connections = await npm.run<{ isInitiator: boolean }[]>("connections", { swarm: index });
      const [connection] = swarm.connections;
      return connections.length === 1 && swarm.connections.size === 1 &&
        connections[0]!.isInitiator !== connection!.isInitiator;
    };
    // Where both dial at the same moment, both open a connection first and close the same one.
    while (!await isSettled());
    const [connection] = swarm.connections;
    assert.equal(hexText(connection!.remotePublicKey!), publicKey);
    await npm.run("destroy", { swarm: index });
  }
});

Deno.test("hypercores replicate over swarms of both makes, either as the writer", async () => {
  await using npm = new NpmPeer("hyperswarm/peer.mjs");
  await using testnet = await createTestnet(4);
  const bootstrap = testnet.bootstrap as Bootstrap;
  await withFolder(async (folder) => {
    const writer = await npm.run<{ swarm: number }>("swarm", { bootstrap, seed: 21 });
    const core = await npm.run<{ key: string; discoveryKey: string }>("core", {
      swarm: writer.swarm,
      folder: `${folder}/npm-writer`,
      blocks: ["a", "b", "c"],
    });
    await npm.run("join", { swarm: writer.swarm, topic: core.discoveryKey, client: false });
    await using reader = new Hypercore<string>(null, core.key, { valueEncoding: "utf-8" });
    await using swarm = ourSwarm(bootstrap, 22);
    swarm.on("connection", (connection) => reader.replicate(connection));
    await reader.ready();
    await swarm.join(reader.discoveryKey!, { server: false }).flushed();
    const done = reader.findingPeers();
    swarm.flush().then(done);
    assert.equal(await reader.update(), true);
    assert.deepEqual(await Promise.all([0, 1, 2].map((index) => reader.get(index))), ["a", "b", "c"]);
    await npm.run("destroy", { swarm: writer.swarm });

    await using ours = new Hypercore<string>(null, { valueEncoding: "utf-8" });
    await ours.append(["x", "y"]);
    await using server = ourSwarm(bootstrap, 23);
    server.on("connection", (connection) => ours.replicate(connection));
    await server.join(ours.discoveryKey!, { client: false }).flushed();
    const theirs = await npm.run<{ swarm: number }>("swarm", { bootstrap, seed: 24 });
    await npm.run("core", { swarm: theirs.swarm, folder: `${folder}/npm-reader`, key: hexText(ours.key!) });
    await npm.run("join", { swarm: theirs.swarm, topic: hexText(ours.discoveryKey!), server: false });
    assert.deepEqual(await npm.run("read", { swarm: theirs.swarm, count: 2 }), ["x", "y"]);
    await npm.run("destroy", { swarm: theirs.swarm });
  });
});

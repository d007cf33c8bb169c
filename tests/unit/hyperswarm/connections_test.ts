/** Connections of a swarm: how many, with whom, which of two, and over what. */
import assert from "node:assert/strict";
import { once } from "node:events";
import { compareBytes, hexText } from "../../../src/base/mod.ts";
import type { PeerInfo, SwarmConnection } from "../../../src/hyperswarm/mod.ts";
import { MemoryDHT, numberedKeyPair } from "../../helpers/swarm_network.ts";
import { idOf, ids, OTHER_TOPIC, strangerKey, TOPIC, World } from "./world.ts";

Deno.test("SW-001 SW-006 SW-017 SW-029 SW-038 peers of a topic are connected, and both are told", async () => {
  await using world = new World();
  const server = world.swarm(1);
  const client = world.swarm(2);
  const accepted = once(server, "connection");
  await server.join(TOPIC, { client: false }).flushed();
  const dialled = once(client, "connection");
  assert.equal(await client.join(TOPIC, { server: false }).flushed(), true);
  assert.equal(await client.flush(), true);
  const [connection, info] = await dialled as [SwarmConnection, PeerInfo];
  const [other, otherInfo] = await accepted as [SwarmConnection, PeerInfo];
  assert.deepEqual(connection.remotePublicKey, server.keyPair.publicKey);
  assert.deepEqual(info.topics, [TOPIC]);
  assert.equal(info.client, true);
  assert.deepEqual(otherInfo.topics, []);
  assert.equal(otherInfo.server, true);
  connection.write("hello");
  assert.equal(String((await once(other, "data"))[0]), "hello");
  assert.deepEqual(ids(client), [idOf(server)]);
  assert.deepEqual(ids(server), [idOf(client)]);
});

Deno.test("SW-012 SW-013 SW-014 SW-016 SW-030 counts move with connections", async () => {
  await using world = new World();
  const server = world.swarm(1);
  const client = world.swarm(2);
  await server.join(TOPIC).flushed();
  client.join(TOPIC, { server: false });
  let updates = 0;
  const connecting: number[] = [];
  client.on("update", () => {
    updates++;
    connecting.push(client.connecting);
  });
  await world.settle();
  assert.deepEqual([Math.max(...connecting), connecting.at(-1), client.connecting], [1, 0, 0]);
  assert.equal(client.connections.size, 1);
  assert.deepEqual(Array.from(client.peers.keys()), [idOf(server)]);
  assert.deepEqual(client.stats.connects.client, { opened: 1, closed: 0, attempted: 1 });
  assert.deepEqual(server.stats.connects.server, { opened: 1, closed: 0 });
  const opened = updates;
  for (const connection of client.connections) connection.destroy();
  await world.settle();
  assert.ok(updates > opened, `${updates}`);
  assert.deepEqual(client.stats.connects.client, { opened: 1, closed: 1, attempted: 1 });
  assert.deepEqual(server.stats.connects.server, { opened: 1, closed: 1 });
  assert.equal(client.connections.size, 0);
  assert.equal(client.stats.updates, updates);
});

Deno.test("SW-004 no more than maxPeers are connected, fewer where peers were asked for by key", async () => {
  await using world = new World();
  for (let number = 1; number <= 8; number++) {
    await world.swarm(number).join(TOPIC, { client: false }).flushed();
  }
  const few = world.swarm(20, { maxPeers: 5 });
  await few.join(TOPIC, { server: false }).flushed();
  assert.equal(await few.flush(), true);
  await world.settle();
  assert.equal(few.connections.size, 5);

  const fewer = world.swarm(21, { maxPeers: 4 });
  fewer.joinPeer(numberedKeyPair(1).publicKey);
  await world.settle();
  await fewer.join(TOPIC, { server: false }).flushed();
  await world.settle();
  assert.equal(fewer.connections.size, 2);
});

Deno.test("SW-008 no more than maxParallel are dialled at a time, nor than maxClientConnections held", async () => {
  await using world = new World();
  for (let number = 1; number <= 8; number++) {
    await world.swarm(number).join(TOPIC, { client: false }).flushed();
  }
  const swarm = world.swarm(20, { maxParallel: 2, maxClientConnections: 6 });
  let most = 0;
  swarm.on("update", () => most = Math.max(most, swarm.connecting));
  await swarm.join(TOPIC, { server: false }).flushed();
  await swarm.flush();
  await world.settle();
  assert.equal(most, 2);
  assert.equal(swarm.connections.size, 6);
});

Deno.test("SW-008 a server past maxServerConnections refuses further ones without banning them", async () => {
  await using world = new World();
  const server = world.swarm(1, { maxServerConnections: 1 });
  await server.join(TOPIC, { client: false }).flushed();
  for (const number of [2, 3]) {
    await world.swarm(number).join(TOPIC, { server: false }).flushed();
    await world.settle();
  }
  assert.equal(server.connections.size, 1);
  assert.equal(server.stats.bannedPeers, 0);
});

Deno.test("SW-005 SW-031 SW-035 a firewall refuses and bans, both ways", async () => {
  await using world = new World();
  const payloads: unknown[] = [];
  const firewall = (_key: Uint8Array, payload: unknown): boolean => payloads.push(payload) > 0;
  const server = world.swarm(1, { firewall });
  const banned: string[] = [];
  server.on("ban", (info, error) => banned.push(`${info.id} ${(error as { code?: string }).code}`));
  await server.join(TOPIC, { client: false }).flushed();
  const client = world.swarm(2);
  await client.join(TOPIC, { server: false }).flushed();
  await world.settle();
  assert.equal(server.connections.size, 0);
  assert.deepEqual(banned, [`${idOf(client)} PEER_FIREWALLED`]);
  assert.deepEqual(payloads, [{}]);
  assert.equal(server.peers.get(idOf(client))!.banned, true);
  assert.equal(server.stats.bannedPeers, 1);

  const refusing = world.swarm(3, { firewall: (_key, payload) => payload === null });
  await refusing.join(TOPIC, { server: false }).flushed();
  assert.equal(await refusing.flush(), true);
  assert.equal(refusing.dht.connects.length, 0);

  const banning = world.swarm(4);
  banning.on("connection", (connection, info) => {
    info.ban(true);
    connection.destroy();
  });
  const friend = world.swarm(5);
  await friend.join(OTHER_TOPIC, { client: false }).flushed();
  await banning.join(OTHER_TOPIC, { server: false }).flushed();
  await world.settle();
  world.clock.advance(60_000);
  await world.settle();
  assert.equal(banning.dht.connects.length, 1);
});

Deno.test("SW-009 SW-046 a relay is used where our NAT is random, and after a punch that cannot be made", async () => {
  await using world = new World();
  const relay = new Uint8Array(32).fill(5);
  await world.swarm(1).join(TOPIC, { client: false }).flushed();
  const swarm = world.swarm(2, { relayThrough: relay });
  swarm.dht.connectError = "HOLEPUNCH_DOUBLE_RANDOMIZED_NATS";
  await swarm.join(TOPIC, { server: false }).flushed();
  await world.settle();
  swarm.dht.connectError = null;
  world.clock.advance(5000);
  await world.settle();
  assert.deepEqual(swarm.dht.connects.map(({ relayThrough }) => relayThrough), [null, relay]);
  assert.equal(swarm.connections.size, 1);

  const random = world.swarm(3, { relayThrough: relay });
  random.dht.randomized = true;
  await random.join(TOPIC, { server: false }).flushed();
  await world.settle();
  assert.deepEqual(random.dht.connects.map(({ relayThrough }) => relayThrough), [relay]);

  for (const relayThrough of [relay.subarray(1), [relay, relay.subarray(1)]]) {
    assert.throws(() => world.swarm(5, { relayThrough }), {
      code: "BAD_ARGUMENT",
      message: "BAD_ARGUMENT: A relay's key must be 32 bytes, not 31 bytes",
    });
  }

  const asked: unknown[] = [];
  const own = world.swarm(4, {
    relayThrough: (isForced, swarm) => {
      asked.push([isForced, swarm]);
      return null;
    },
  });
  await own.join(TOPIC, { server: false }).flushed();
  await world.settle();
  assert.deepEqual(asked, [[false, own]]);
});

Deno.test("SW-042 two peers that dial each other keep the connection that the one with the greater key began", async () => {
  for (const numbers of [[1, 2], [2, 1]] as const) {
    await using world = new World();
    const [one, other] = [world.swarm(numbers[0]), world.swarm(numbers[1])];
    await Promise.all([one.listen(), other.listen()]);
    one.joinPeer(other.keyPair.publicKey);
    other.joinPeer(one.keyPair.publicKey);
    for (let second = 0; second < 10; second++) {
      await world.settle();
      world.clock.advance(1000);
    }
    assert.equal(one.connections.size, 1);
    assert.equal(other.connections.size, 1);
    const [connection] = one.connections;
    const isOneGreater = compareBytes(one.keyPair.publicKey, other.keyPair.publicKey) > 0;
    assert.equal(connection!.isInitiator, isOneGreater);
  }
});

Deno.test("SW-042 a peer that lost a connection that has carried bytes gets a new one", async () => {
  await using world = new World();
  const server = world.swarm(1);
  await server.listen();
  const client = world.swarm(2);
  client.joinPeer(server.keyPair.publicKey);
  await world.settle();
  const [old] = server.connections;
  old!.rawBytesRead = old!.rawBytesWritten = 1;
  const again = new MemoryDHT(world.network);
  const connection = again.connect(server.keyPair.publicKey, { keyPair: client.keyPair });
  connection.on("error", () => {});
  await world.settle();
  assert.equal(server.connections.size, 1);
  assert.ok(!server.connections.has(old!));
  assert.equal(connection.destroying, false);
  await again.destroy();
});

Deno.test("SW-005 SW-035 of the peers that the firewall refused the last 16 384 are remembered", async () => {
  await using world = new World();
  const refused = new Set<string>();
  const firewall = (publicKey: Uint8Array): boolean => refused.has(hexText(publicKey));
  const swarm = world.swarm(1, { firewall });
  await swarm.listen();
  const server = world.network.servers.get(idOf(swarm))!;
  for (let i = 0; i < 16_385; i++) {
    refused.add(hexText(strangerKey(i)));
    assert.equal(server.firewall(strangerKey(i), {}), true);
  }
  assert.equal(swarm.peers.size, 16_384);
  assert.equal(swarm.peers.has(hexText(strangerKey(0))), false);
  assert.equal(swarm.peers.get(hexText(strangerKey(1)))!.banned, true);
  const honest = world.swarm(2);
  honest.joinPeer(swarm.keyPair.publicKey);
  await world.settle();
  assert.deepEqual(ids(swarm), [idOf(honest)]);
});

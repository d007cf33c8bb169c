/** Peers: what is known of each, and when it is tried again. */
import assert from "node:assert/strict";
import { numberedKeyPair } from "../../helpers/swarm_network.ts";
import { idOf, OTHER_TOPIC, TOPIC, World } from "./world.ts";

Deno.test("SW-020 SW-021 joinPeer() connects to a key and keeps connected until leavePeer()", async () => {
  await using world = new World();
  const server = world.swarm(1);
  await server.listen();
  const swarm = world.swarm(2);
  swarm.joinPeer(server.keyPair.publicKey);
  swarm.joinPeer(swarm.keyPair.publicKey);
  await world.settle();
  assert.equal(swarm.connections.size, 1);
  assert.equal(swarm.explicitPeers.size, 1);
  for (const connection of swarm.connections) connection.destroy();
  await world.settle();
  world.clock.advance(1000);
  await world.settle();
  assert.equal(swarm.connections.size, 1);
  swarm.leavePeer(server.keyPair.publicKey);
  assert.equal(swarm.connections.size, 1);
  for (const connection of swarm.connections) connection.destroy();
  await world.settle();
  world.clock.advance(3_600_000);
  await world.settle();
  assert.equal(swarm.connections.size, 0);
  assert.equal(swarm.peers.size, 0);
});

Deno.test("SW-043 an explicit peer that never answers is tried every ten minutes in the end", async () => {
  await using world = new World();
  const swarm = world.swarm(2);
  swarm.joinPeer(numberedKeyPair(9).publicKey);
  const counts: number[] = [];
  for (let minute = 0; minute < 35; minute++) {
    await world.settle();
    if (minute % 10 === 4) counts.push(swarm.dht.connects.length);
    world.clock.advance(60_000);
  }
  assert.ok(counts[0]! >= 4, `${counts}`);
  assert.deepEqual(counts.map((count) => count - counts[1]!).slice(1), [0, 1, 2].slice(0, counts.length - 1));
});

Deno.test("SW-032 SW-033 SW-034 SW-037 peer info tells keys, topics and priority", async () => {
  await using world = new World();
  const server = world.swarm(1);
  await Promise.all([server.join(TOPIC).flushed(), server.join(OTHER_TOPIC).flushed()]);
  const swarm = world.swarm(2);
  await swarm.join(TOPIC, { server: false }).flushed();
  const info = swarm.peers.get(idOf(server))!;
  const topics: Uint8Array[] = [];
  info.on("topic", (topic) => topics.push(topic));
  await swarm.join(OTHER_TOPIC, { server: false }).flushed();
  await world.settle();
  assert.deepEqual(topics, [OTHER_TOPIC]);
  assert.deepEqual(info.topics, [TOPIC, OTHER_TOPIC]);
  assert.deepEqual(info.publicKey, server.keyPair.publicKey);
  assert.deepEqual(info.relayAddresses, server.server.relayAddresses);
  assert.equal(info.prioritized, true);
  assert.deepEqual([info.explicit, info.banned, info.attempts, info.priority, info.forceRelaying], [
    false,
    false,
    0,
    2,
    false,
  ]);
});

Deno.test("SW-036 reconnect(false) lets a lost peer go", async () => {
  await using world = new World();
  await world.swarm(1).join(TOPIC, { client: false }).flushed();
  const swarm = world.swarm(2);
  swarm.on("connection", (connection, info) => {
    info.reconnect(false);
    connection.destroy();
  });
  await swarm.join(TOPIC, { server: false }).flushed();
  await world.settle();
  world.clock.advance(60_000);
  await world.settle();
  assert.equal(swarm.dht.connects.length, 1);
});

Deno.test("SW-043 a lost peer is tried again after 1, 5 and 15 seconds, then no more", async () => {
  await using world = new World();
  const server = world.swarm(1);
  await server.join(TOPIC, { client: false }).flushed();
  const swarm = world.swarm(2);
  swarm.on("connection", (connection) => connection.destroy());
  await swarm.join(TOPIC, { server: false }).flushed();
  const tries: number[] = [];
  for (let second = 0; second <= 40; second++) {
    await world.settle();
    tries[second] = swarm.dht.connects.length;
    world.clock.advance(1000);
  }
  assert.deepEqual([0, 1, 5, 6, 20, 21, 40].map((second) => tries[second]), [1, 2, 2, 3, 3, 4, 4]);
  assert.equal(swarm.peers.size, 0);
});

Deno.test("SW-043 a connection that held for 15 seconds counts as a new beginning", async () => {
  await using world = new World();
  await world.swarm(1).join(TOPIC, { client: false }).flushed();
  const swarm = world.swarm(2);
  await swarm.join(TOPIC, { server: false }).flushed();
  await world.settle();
  for (let round = 0; round < 6; round++) {
    world.clock.advance(15_000);
    for (const connection of swarm.connections) connection.destroy();
    await world.settle();
    world.clock.advance(1000);
    await world.settle();
    assert.equal(swarm.connections.size, 1, `round ${round}`);
  }
});

Deno.test("SW-043 a lookup that finds a peer anew that failed too often gives it another chance", async () => {
  await using world = new World();
  const server = world.swarm(1);
  await server.join(TOPIC, { client: false }).flushed();
  world.network.servers.delete(idOf(server));
  const swarm = world.swarm(2);
  const session = swarm.join(TOPIC, { server: false });
  await session.flushed();
  for (let second = 0; second < 60; second++) {
    await world.settle();
    world.clock.advance(1000);
  }
  const before = swarm.dht.connects.length;
  assert.equal(before, 4);
  await server.server.resume();
  await session.refresh();
  await world.settle();
  assert.equal(swarm.connections.size, 1);
});

Deno.test("SW-043 a peer that came by itself is tried when it is gone, if one of our topics is its own", async () => {
  await using world = new World();
  const writer = world.swarm(1);
  const reader = world.swarm(2);
  await reader.join(OTHER_TOPIC, { client: false }).flushed();
  const session = writer.join(OTHER_TOPIC, { server: false });
  await session.flushed();
  await world.settle();
  await writer.join(TOPIC, { client: false }).flushed();
  await reader.join(TOPIC, { server: false }).flushed();
  await world.settle();
  assert.equal(reader.dht.connects.length, 0);
  const [connection] = reader.connections;
  await session.destroy();
  connection!.destroy();
  await world.settle();
  world.clock.advance(4999);
  await world.settle();
  assert.equal(reader.connections.size, 0);
  world.clock.advance(1);
  await world.settle();
  assert.equal(reader.connections.size, 1);
  assert.equal(reader.dht.connects.length, 1);
});

Deno.test("SW-043 a peer that came by itself and is back is not dialled, nor one of no topic of ours", async () => {
  await using world = new World();
  const server = world.swarm(1);
  const client = world.swarm(2);
  await server.join(TOPIC).flushed();
  await client.join(TOPIC).flushed();
  await server.status(TOPIC)!.refresh();
  await world.settle();
  const began = server.dht.connects.length === 0 ? client : server;
  const other = began === client ? server : client;
  for (const connection of other.connections) connection.destroy();
  await world.settle();
  for (let second = 0; second < 10; second++) {
    world.clock.advance(1000);
    await world.settle();
  }
  assert.deepEqual([began.dht.connects.length, other.dht.connects.length], [2, 0]);

  const stranger = world.swarm(3);
  stranger.joinPeer(server.keyPair.publicKey);
  await world.settle();
  stranger.leavePeer(server.keyPair.publicKey);
  for (const connection of stranger.connections) connection.destroy();
  await world.settle();
  world.clock.advance(60_000);
  await world.settle();
  assert.equal(server.connections.size, 1);
  assert.equal(server.peers.has(idOf(stranger)), false);
});

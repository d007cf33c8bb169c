/** Topics: joined, limited, refreshed, left. */
import assert from "node:assert/strict";
import { hexText } from "../../../src/base/mod.ts";
import { idOf, ids, OTHER_TOPIC, strangerKey, TOPIC, World } from "./world.ts";

Deno.test("SW-018 a topic's limit bounds the peers that lookups hand on", async () => {
  await using world = new World();
  for (let number = 1; number <= 8; number++) {
    await world.swarm(number).join(TOPIC, { client: false }).flushed();
  }
  const swarm = world.swarm(20);
  const session = swarm.join(TOPIC, { server: false, limit: 3 });
  await session.flushed();
  await world.settle();
  assert.equal(swarm.connections.size, 3);
  await session.refresh({ limit: 3 });
  await world.settle();
  assert.equal(swarm.connections.size, 3);
  await session.refresh({ limit: 5 });
  await world.settle();
  assert.equal(swarm.connections.size, 5);
});

Deno.test("SW-019 SW-022 SW-026 leave() withdraws and keeps connections", async () => {
  await using world = new World();
  const { server, client } = await world.pair();
  assert.equal(client.status(TOPIC)!.isClient, true);
  assert.equal(client.status(OTHER_TOPIC), null);
  assert.deepEqual(Array.from(server.topics(), ({ topic }) => topic), [TOPIC]);
  await server.leave(TOPIC);
  await server.leave(OTHER_TOPIC);
  assert.deepEqual(server.dht.calls, ["listen", "announce 07 clear", "unannounce 07"]);
  assert.equal(server.status(TOPIC), null);
  assert.equal(server.connections.size, 1);
});

Deno.test("SW-019 SW-025 what waits for room is forgotten with its last topic, and no more is known after many joins", async () => {
  await using world = new World();
  for (let number = 1; number <= 8; number++) {
    const swarm = world.swarm(number);
    await Promise.all([TOPIC, OTHER_TOPIC].map((topic) => swarm.join(topic, { client: false }).flushed()));
  }
  const full = world.swarm(20, { maxPeers: 2 });
  const ownTopics = await Promise.all(Array.from({ length: 4 }, async (_, i) => {
    const topic = new Uint8Array(32).fill(100 + i);
    await world.swarm(30 + i).join(topic, { client: false }).flushed();
    return topic;
  }));
  for (const topic of [TOPIC, OTHER_TOPIC]) await full.join(topic, { server: false }).flushed();
  await world.settle();
  assert.deepEqual([full.connections.size, full.peers.size], [2, 8]);
  await full.leave(TOPIC);
  assert.equal(full.peers.size, 8);
  for (let round = 0; round < 5; round++) {
    for (const topic of ownTopics) {
      const session = full.join(topic, { server: false });
      await session.flushed();
      await session.destroy();
      assert.equal(full.peers.size, 8, `round ${round}`);
    }
  }
  await full.leave(OTHER_TOPIC);
  assert.deepEqual([full.connections.size, full.peers.size], [2, 2]);
  assert.equal(await full.flush(), true);

  const roomy = world.swarm(21, { maxParallel: 1 });
  await roomy.join(TOPIC, { server: false }).flushed();
  await roomy.leave(TOPIC);
  await world.settle();
  assert.equal(roomy.connections.size, 8);
});

Deno.test("SW-040 SW-041 modes of a topic's sessions add up; the last server withdraws, the last one leaves", async () => {
  await using world = new World();
  const swarm = world.swarm(1);
  const server = swarm.join(TOPIC, { client: false });
  await server.flushed();
  const client = swarm.join(TOPIC, { server: false });
  await client.flushed();
  const discovery = swarm.status(TOPIC)!;
  assert.deepEqual([discovery.isServer, discovery.isClient], [true, true]);
  await server.destroy();
  assert.deepEqual([discovery.isServer, discovery.isClient], [false, true]);
  await client.destroy();
  await client.destroy();
  assert.equal(swarm.status(TOPIC), null);
  assert.deepEqual(swarm.dht.calls, ["listen", "announce 07 clear", "announce 07", "lookupAndUnannounce 07"]);
  await assert.rejects(client.refresh(), { code: "DISCOVERY_DESTROYED" });
  assert.throws(() => discovery.session({}), { code: "DISCOVERY_DESTROYED" });
});

Deno.test("SW-039 refresh() changes what a session wants, and announces again", async () => {
  await using world = new World();
  const swarm = world.swarm(1);
  const session = swarm.join(TOPIC, { server: false });
  await session.flushed();
  await session.refresh({ server: true });
  await session.refresh();
  await session.refresh({ server: false });
  assert.deepEqual(swarm.dht.calls, [
    "lookup 07",
    "listen",
    "announce 07 clear",
    "announce 07",
    "lookupAndUnannounce 07",
  ]);
  await assert.rejects(session.refresh({ client: false, server: false }), { code: "BAD_ARGUMENT" });
});

Deno.test("SW-017 a topic that is joined again while it is left waits for the leaving", async () => {
  await using world = new World();
  const swarm = world.swarm(1);
  await swarm.join(TOPIC).flushed();
  const left = swarm.leave(TOPIC);
  const session = swarm.join(TOPIC);
  await left;
  await session.flushed();
  assert.deepEqual(swarm.dht.calls, ["listen", "announce 07 clear", "unannounce 07", "announce 07 clear"]);
  assert.equal(swarm.status(TOPIC), session.discovery);
});

Deno.test("SW-044 topics are looked up again after ten to twelve minutes, spread out after a sleep", async () => {
  await using world = new World();
  const swarm = world.swarm(1, { random: { next: () => 0.5 } });
  const counts: number[] = [];
  const advance = async (byMs: number): Promise<void> => {
    world.clock.advance(byMs);
    await world.settle();
    counts.push(swarm.dht.calls.length);
  };
  await swarm.join(TOPIC, { server: false }).flushed();
  // Nobody is there: it looks again soon, twice.
  await advance(7500);
  await advance(45_000);
  await advance(607_499);
  await advance(1);
  // A sleep: the wall clock has gone on much further than the timer.
  const wallMs = world.clock.wallMs.bind(world.clock);
  world.clock.wallMs = () => wallMs() + 3_600_000;
  await advance(660_000);
  await advance(59_999);
  await advance(1);
  assert.deepEqual(counts, [2, 3, 3, 4, 4, 4, 5]);
});

Deno.test("SW-044 two that join at the same moment miss each other, and look again within ten seconds", async () => {
  await using world = new World();
  const swarms = [world.swarm(1), world.swarm(2)];
  for (const swarm of swarms) swarm.dht.isBlind = true;
  await Promise.all(swarms.map((swarm) => swarm.join(TOPIC).flushed()));
  await world.settle();
  assert.deepEqual(swarms.map(({ connections }) => connections.size), [0, 0]);
  for (const swarm of swarms) swarm.dht.isBlind = false;
  world.clock.advance(10_000);
  await world.settle();
  assert.deepEqual(swarms.map(({ connections }) => connections.size), [1, 1]);
  assert.deepEqual(swarms[0]!.dht.calls, ["listen", "announce 07 clear", "lookup 07"]);
  world.clock.advance(500_000);
  await world.settle();
  assert.equal(swarms[0]!.dht.calls.length, 3);
});

Deno.test("SW-044 a client that finds nobody looks again twice for each session, then waits for the refresh", async () => {
  await using world = new World();
  const swarm = world.swarm(1, { random: { next: () => 0.5 } });
  const session = swarm.join(TOPIC, { server: false });
  await session.flushed();
  const looksIn = async (ms: number): Promise<number> => {
    const before = swarm.dht.calls.length;
    for (let second = 0; second < ms / 1000; second++) {
      world.clock.advance(1000);
      await world.settle();
    }
    return swarm.dht.calls.length - before;
  };
  assert.equal(await looksIn(7000), 0);
  assert.equal(await looksIn(1000), 1);
  assert.equal(await looksIn(60_000), 1);
  assert.equal(await looksIn(120_000), 0);
  const another = swarm.join(TOPIC, { server: false });
  assert.equal(await looksIn(120_000), 2);
  await Promise.all([session.destroy(), another.destroy()]);
  assert.equal(await looksIn(120_000), 0);
  await swarm.join(OTHER_TOPIC, { client: false }).flushed();
  assert.equal(await looksIn(120_000), 0);
});

Deno.test("SW-044 SW-038 a topic that was left, or is refreshed, is not looked up early as well", async () => {
  await using world = new World();
  const swarm = world.swarm(1, { random: { next: () => 0.5 } });
  const session = swarm.join(TOPIC, { server: false });
  await session.flushed();
  await session.refresh();
  world.clock.advance(30_000);
  await world.settle();
  assert.deepEqual(swarm.dht.calls, ["lookup 07", "lookup 07"]);
  world.network.isUp = false;
  world.clock.advance(15_000);
  await world.settle();
  assert.equal(swarm.dht.calls.length, 3);
  await swarm.leave(TOPIC);
  world.clock.advance(120_000);
  await world.settle();
  assert.equal(swarm.dht.calls.length, 3);
});

Deno.test("SW-038 a network that is down: flushed() and refresh() say so, and the topic is looked up again later", async () => {
  await using world = new World();
  world.network.isUp = false;
  const swarm = world.swarm(1);
  const session = swarm.join(TOPIC, { server: false });
  assert.equal(await session.flushed(), false);
  assert.equal(await session.refresh(), false);
  world.network.isUp = true;
  world.clock.advance(720_000);
  await world.settle();
  assert.equal(await session.flushed(), true);
});

Deno.test("SW-019 SW-020 of 20 000 peers that a topic names 16 384 are known; whoever comes or is asked for has room", async () => {
  await using world = new World();
  const named = Array.from({ length: 20_000 }, (_, i) => strangerKey(i));
  world.network.topics.set(
    hexText(TOPIC),
    new Map(named.map((publicKey) => [hexText(publicKey), { publicKey, relayAddresses: [] }])),
  );
  const swarm = world.swarm(1, { maxParallel: 0 });
  await swarm.join(TOPIC).flushed();
  assert.equal(swarm.peers.size, 16_384);

  const honest = world.swarm(2);
  honest.joinPeer(swarm.keyPair.publicKey);
  swarm.joinPeer(strangerKey(30_000));
  await world.settle();
  assert.deepEqual(ids(swarm), [idOf(honest)]);
  assert.equal(swarm.peers.size, 16_384 + 2);
  await swarm.status(TOPIC)!.refresh();
  assert.equal(swarm.peers.size, 16_384 + 2);
});

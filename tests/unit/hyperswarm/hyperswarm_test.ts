import assert from "node:assert/strict";
import { once } from "node:events";
import { compareBytes, hexText, SeededRandom } from "../../../src/base/mod.ts";
import type { HyperDHT } from "../../../src/hyperdht/mod.ts";
import createTestnet from "../../../src/hyperdht/testnet/mod.ts";
import Hyperswarm, {
  type HyperswarmOptions,
  type PeerInfo,
  type SwarmConnection,
} from "../../../src/hyperswarm/mod.ts";
import { MemoryDHT, numberedKeyPair, SwarmNetwork } from "../../helpers/swarm_network.ts";
import { durationOf, settle, VirtualClock } from "../../helpers/virtual_clock.ts";

const TOPIC: Uint8Array = Buffer.alloc(32, 7);
const OTHER_TOPIC: Uint8Array = Buffer.alloc(32, 8);

/** Swarms on one network and one clock. */
class World implements AsyncDisposable {
  readonly network = new SwarmNetwork();
  readonly clock = new VirtualClock(1_000_000);
  readonly #swarms: Hyperswarm[] = [];

  swarm(number: number, options: HyperswarmOptions = {}): Hyperswarm & { readonly dht: MemoryDHT } {
    const swarm = new Hyperswarm({
      keyPair: numberedKeyPair(number),
      dht: new MemoryDHT(this.network),
      clock: this.clock,
      random: new SeededRandom(number),
      backoffs: [1000, 5000, 15_000, 600_000],
      jitter: 0,
      ...options,
    });
    this.#swarms.push(swarm);
    return swarm as Hyperswarm & { readonly dht: MemoryDHT };
  }

  /** Lets all that is ready happen. */
  async settle(): Promise<void> {
    await settle();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const swarm of this.#swarms) await swarm.destroy();
    assert.equal(this.clock.pendingCount, 0, "timers are left");
  }
}

function ids(swarm: Hyperswarm): string[] {
  return Array.from(swarm.connections, (connection) => hexText(connection.remotePublicKey!)).sort();
}

function idOf(swarm: Hyperswarm): string {
  return hexText(swarm.keyPair.publicKey);
}

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

Deno.test("SW-002 SW-003 SW-015 SW-016 the identity is a given key pair, or made from a seed", async () => {
  await using world = new World();
  const seed = new Uint8Array(32).fill(3);
  const swarm = world.swarm(0, { keyPair: undefined, seed });
  assert.deepEqual(swarm.keyPair.publicKey, numberedKeyPair(3).publicKey);
  assert.ok(swarm.dht instanceof MemoryDHT);
  assert.equal(swarm.listening, null);
  assert.equal(swarm.suspended, false);
  assert.equal(swarm.destroyed, false);
  assert.deepEqual(swarm.stats, {
    updates: 0,
    connects: { client: { opened: 0, closed: 0, attempted: 0 }, server: { opened: 0, closed: 0 } },
    bannedPeers: 0,
  });
});

Deno.test("SW-012 SW-013 SW-014 SW-016 SW-030 counts move with connections", async () => {
  await using world = new World();
  const server = world.swarm(1);
  const client = world.swarm(2);
  await server.join(TOPIC).flushed();
  client.join(TOPIC, { server: false });
  let updates = 0;
  client.on("update", () => updates++);
  await world.settle();
  assert.equal(client.connecting, 0);
  assert.equal(client.connections.size, 1);
  assert.deepEqual(Array.from(client.peers.keys()), [idOf(server)]);
  assert.deepEqual(client.stats.connects.client, { opened: 1, closed: 0, attempted: 1 });
  assert.deepEqual(server.stats.connects.server, { opened: 1, closed: 0 });
  for (const connection of client.connections) connection.destroy();
  await world.settle();
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
  const server = world.swarm(1);
  const client = world.swarm(2);
  await server.join(TOPIC).flushed();
  await client.join(TOPIC, { server: false }).flushed();
  await world.settle();
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

Deno.test("SW-023 listen() starts the server once, and the swarm is reachable by key", async () => {
  await using world = new World();
  const swarm = world.swarm(1);
  await Promise.all([swarm.listen(), swarm.listen()]);
  assert.deepEqual(swarm.dht.calls, ["listen"]);
  assert.ok(world.network.servers.has(idOf(swarm)));
});

Deno.test("SW-024 flush() waits for the peers known by then, also for those that fail", async () => {
  await using world = new World();
  await world.swarm(1).join(TOPIC, { client: false }).flushed();
  const gone = world.swarm(2);
  await gone.join(TOPIC, { client: false }).flushed();
  world.network.servers.delete(idOf(gone));
  const swarm = world.swarm(3);
  swarm.join(TOPIC, { server: false });
  assert.equal(await swarm.flush(), true);
  assert.equal(swarm.dht.connects.length, 2);
  assert.equal(swarm.connections.size, 1);
  assert.equal(await swarm.flush(), true);
});

Deno.test("SW-025 clear() leaves all topics", async () => {
  await using world = new World();
  const swarm = world.swarm(1);
  await Promise.all([swarm.join(TOPIC).flushed(), swarm.join(OTHER_TOPIC).flushed()]);
  await swarm.clear();
  assert.deepEqual(Array.from(swarm.topics()), []);
  assert.deepEqual(swarm.dht.calls.slice(-2).sort(), ["unannounce 07", "unannounce 08"]);
});

Deno.test("SW-027 suspend() closes everything, resume() restores it", async () => {
  await using world = new World();
  const server = world.swarm(1);
  const client = world.swarm(2);
  await server.join(TOPIC).flushed();
  await client.join(TOPIC, { server: false }).flushed();
  await world.settle();
  const log: string[] = [];
  await client.suspend({ log: (line) => log.push(line) });
  assert.equal(log.at(-1), "Swarm is suspended");
  assert.equal(client.connections.size, 0);
  assert.equal(client.suspended, true);
  world.clock.advance(3_600_000);
  await world.settle();
  assert.equal(client.connections.size, 0);
  await client.suspend();
  await client.resume();
  await client.flush();
  await world.settle();
  assert.equal(client.connections.size, 1);
  assert.deepEqual(client.dht.calls, ["lookup 07", "suspend", "resume", "lookup 07"]);
});

Deno.test("SW-027 a suspended server withdraws, and announces again when resumed", async () => {
  await using world = new World();
  const server = world.swarm(1);
  await server.join(TOPIC, { client: false }).flushed();
  await server.suspend();
  assert.equal(world.network.topics.get(hexText(TOPIC))!.size, 0);
  assert.equal(world.network.servers.size, 0);
  await server.resume();
  await server.flush();
  assert.equal(world.network.topics.get(hexText(TOPIC))!.size, 1);
  assert.equal(world.network.servers.size, 1);
});

Deno.test("SW-028 destroy(), suspend() and leave() do not wait for a server that does not come to listen", async () => {
  for (const end of ["destroy", "suspend", "leave"] as const) {
    await using world = new World();
    const swarm = world.swarm(1);
    swarm.server.listen = () => new Promise(() => {});
    swarm.join(TOPIC);
    await world.settle();
    await (end === "leave" ? swarm.leave(TOPIC) : swarm[end]());
    assert.ok(!swarm.dht.calls.some((call) => call.startsWith("announce")));
  }
});

Deno.test("SW-028 destroy() withdraws and ends; by force it tells nobody", async () => {
  await using world = new World();
  const swarm = world.swarm(1);
  await swarm.join(TOPIC).flushed();
  const flushed = swarm.flush();
  await Promise.all([swarm.destroy(), swarm.destroy()]);
  assert.equal(await flushed, true);
  assert.deepEqual(swarm.dht.calls.slice(-2), ["unannounce 07", "destroy"]);
  assert.throws(() => swarm.join(TOPIC), { code: "SWARM_DESTROYED" });
  assert.throws(() => swarm.joinPeer(TOPIC), { code: "SWARM_DESTROYED" });
  assert.throws(() => swarm.listen(), { code: "SWARM_DESTROYED" });

  const forced = world.swarm(2);
  await forced.join(TOPIC).flushed();
  await forced.destroy({ force: true });
  assert.deepEqual(forced.dht.calls.slice(-1), ["destroy by force"]);
  assert.ok(!forced.dht.calls.includes("unannounce 07"));
});

Deno.test("SW-028 destroy() takes 2.5 s where the network is gone, with topics and a server to withdraw", async () => {
  await using testnet = await createTestnet(4);
  const clock = new VirtualClock();
  const dht = testnet.createNode({ clock });
  const swarm = new Hyperswarm({ dht, clock });
  await Promise.all([swarm.join(TOPIC).flushed(), swarm.join(OTHER_TOPIC).flushed()]);
  await Promise.all(testnet.nodes.filter((node) => node !== dht).map((node) => node.destroy()));
  clock.advance(4000);
  await settle();
  assert.equal(await durationOf(swarm.destroy(), clock), 2500);
  assert.equal(clock.pendingCount, 0, "timers are left");
});

Deno.test("SW-028 destroy() ends flushes with false, and connections that come late", async () => {
  await using world = new World();
  const swarm = world.swarm(1, { maxParallel: 0 });
  await world.swarm(2).join(TOPIC, { client: false }).flushed();
  await swarm.join(TOPIC, { server: false }).flushed();
  const flushed = swarm.flush();
  await world.settle();
  await swarm.destroy();
  assert.equal(await flushed, false);
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

Deno.test("SW-045 another network: connections are probed and topics looked up", async () => {
  await using world = new World();
  await world.swarm(1).join(TOPIC, { client: false }).flushed();
  const swarm = world.swarm(2);
  await swarm.join(TOPIC, { server: false }).flushed();
  await world.settle();
  let probes = 0;
  for (const connection of swarm.connections) connection.sendKeepAlive = () => probes++;
  swarm.dht.emit("network-change");
  await world.settle();
  assert.deepEqual([probes, swarm.dht.calls.length], [1, 2]);
  swarm.dht.online = false;
  swarm.dht.emit("network-update");
  await world.settle();
  assert.deepEqual([probes, swarm.dht.calls.length], [1, 2]);
  swarm.dht.online = true;
  swarm.dht.emit("network-update");
  await world.settle();
  assert.deepEqual([probes, swarm.dht.calls.length], [2, 3]);
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

Deno.test("SW-007 without a DHT one is made, with the options that are its", async () => {
  await using testnet = await createTestnet(1);
  const nodes = [testnet.nodes[0]!.address()!];
  await using swarm = new Hyperswarm({
    bootstrap: [],
    nodes,
    host: "127.0.0.1",
    port: 0,
    randomPunchInterval: 77,
    deferRandomPunch: true,
  });
  const dht = swarm.dht as HyperDHT;
  await dht.fullyBootstrapped();
  assert.equal(dht.config.randomPunchInterval, 77);
  assert.deepEqual(
    dht.toArray().map(({ host, port }) => ({ host, port })),
    nodes.map(({ host, port }) => ({ host, port })),
  );
  assert.equal(dht.address()!.host, "127.0.0.1");
});

Deno.test("SW-011 handshakeClearWait is the server's", async () => {
  await using world = new World();
  assert.deepEqual(world.swarm(1, { handshakeClearWait: 7 }).dht.handshakeClearWaits, [7]);
});

Deno.test("SW-010 given backoffs and jitter are used", async () => {
  await using world = new World();
  await world.swarm(1).join(TOPIC, { client: false }).flushed();
  const swarm = world.swarm(2, { backoffs: [10, 20, 30, 40], jitter: 0 });
  swarm.on("connection", (connection) => connection.destroy());
  await swarm.join(TOPIC, { server: false }).flushed();
  await world.settle();
  for (const ms of [10, 20, 30]) {
    world.clock.advance(ms);
    await world.settle();
  }
  assert.equal(swarm.dht.connects.length, 4);
});

Deno.test("topics and keys that are not 32 bytes are refused", async () => {
  await using world = new World();
  const swarm = world.swarm(1);
  assert.throws(() => swarm.join(new Uint8Array(31)), { code: "BAD_ARGUMENT", message: /31 bytes/ });
  assert.throws(() => swarm.join("topic" as never), { code: "BAD_ARGUMENT", message: /string/ });
  assert.throws(() => swarm.joinPeer(new Uint8Array(33)), { code: "BAD_ARGUMENT" });
});

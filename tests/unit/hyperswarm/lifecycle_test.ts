/** A swarm's identity, options, waits, suspension and end. */
import assert from "node:assert/strict";
import { hexText } from "../../../src/base/mod.ts";
import type { HyperDHT } from "../../../src/hyperdht/mod.ts";
import createTestnet from "../../../src/hyperdht/testnet/mod.ts";
import Hyperswarm from "../../../src/hyperswarm/mod.ts";
import { MemoryDHT, numberedKeyPair } from "../../helpers/swarm_network.ts";
import { durationOf, settle, VirtualClock } from "../../helpers/virtual_clock.ts";
import { idOf, OTHER_TOPIC, TOPIC, World } from "./world.ts";

Deno.test("SW-002 SW-003 SW-015 SW-016 the identity is a given key pair, or made from a seed", async () => {
  await using world = new World();
  const seed = new Uint8Array(32).fill(3);
  const swarm = world.swarm(0, { keyPair: undefined, seed });
  assert.deepEqual(swarm.keyPair.publicKey, numberedKeyPair(3).publicKey);
  assert.deepEqual(world.swarm(5, { seed }).keyPair, numberedKeyPair(5));
  const [one, other] = [0, 0].map((number) => world.swarm(number, { keyPair: undefined }));
  assert.notDeepEqual(one!.keyPair.publicKey, other!.keyPair.publicKey);
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
  const { client } = await world.pair();
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
  await using testnet = await createTestnet(24);
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
  const dht: HyperDHT = swarm.dht; // by its type, too
  await dht.fullyBootstrapped();
  assert.equal(dht.config.randomPunchInterval, 77);
  assert.deepEqual(
    dht.toArray().map(({ host, port }) => ({ host, port })),
    nodes.map(({ host, port }) => ({ host, port })),
  );
  assert.equal(dht.address()!.host, "127.0.0.1");
});

Deno.test("SW-016 metrics() tells what there is as plain data", async () => {
  await using world = new World();
  const [server, other] = [world.swarm(1), world.swarm(3)];
  await server.join(TOPIC, { client: false }).flushed();
  await other.join(TOPIC, { client: false }).flushed();
  const swarm = world.swarm(2, { firewall: (publicKey) => publicKey[0] === other.keyPair.publicKey[0] });
  swarm.joinPeer(server.keyPair.publicKey);
  await swarm.join(TOPIC, { server: false }).flushed();
  await world.settle();
  const metrics = swarm.metrics();
  assert.deepEqual(metrics, {
    stats: swarm.stats,
    connections: { client: 1, server: 0, connecting: 0 },
    peers: { known: 2, waiting: 0, explicit: 1, banned: 1 },
    topics: [{ topic: "07".repeat(32), client: true, server: false }],
    suspended: false,
    destroyed: false,
  });
  assert.notEqual(metrics.stats, swarm.stats);
  assert.deepEqual(JSON.parse(JSON.stringify(metrics)), metrics);
  assert.deepEqual(server.metrics().connections, { client: 0, server: 1, connecting: 0 });
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

// deno-lint-ignore-file no-console -- a program that prints
/**
 * Swarms whose peers are killed, whose networks vanish, for good or for a while, and whose connections need a relay:
 * again and again, while the same swarms stay. Fails where anything of those that are gone is left.
 *
 *     deno run -A --v8-flags=--expose-gc bench/macro/soak_faults.ts [--rounds=20] [--staying=20] [--passing=30]
 *
 * Each round, as many swarms as `passing` join the topic of those that stay, each on a loopback address of its own. A
 * third of them is killed: its packets stop, and nobody is told. A third loses its network, and closes without one. A
 * third loses its network for 20 s, comes back, and leaves as it should. Every third can reach those that stay by the
 * relay only.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { parseArgs } from "node:util";
import HyperDHT from "../../src/hyperdht/mod.ts";
import createTestnet from "../../src/hyperdht/testnet/mod.ts";
import Hyperswarm, { type SwarmConnection } from "../../src/hyperswarm/mod.ts";
import { RelayNode } from "../../src/tools/relay/mod.ts";
import UDX from "../../src/udx/mod.ts";
import { countTimers, delay, listHandles, measureMemory, newHandles } from "./census.ts";
import { LoopbackHosts } from "./loopback_hosts.ts";

const TESTNET_NODES = 4;
const TOPIC = new Uint8Array(32).fill(7);
const CONNECT_MS = 30_000;
const CUT_MS = 20_000;
/** A peer that is gone is noticed within this time: keep-alives, and 6 retransmissions. */
const NOTICE_MS = 60_000;
const END_MS = 60_000;
const POLL_MS = 100;
const CHATTER_MS = 1000;

const { values: flags } = parseArgs({
  args: Deno.args,
  options: {
    rounds: { type: "string", default: "20" },
    staying: { type: "string", default: "20" },
    passing: { type: "string", default: "30" },
  },
});
const roundCount = Number(flags.rounds);
const stayingCount = Number(flags.staying);
const passingCount = Number(flags.passing);

interface Member {
  readonly host: string;
  readonly dht: HyperDHT;
  readonly swarm: Hyperswarm;
}

const hosts = new LoopbackHosts();
const timers = countTimers();
const start = performance.now();
/** Every connection that there was: what is collected has left nothing that holds it. */
const seen: WeakRef<SwarmConnection>[] = [];
const handlesBefore = await listHandles();

const testnet = await createTestnet(TESTNET_NODES);
const relay = new RelayNode({ dht: testnet.createNode() });
await relay.listen();
const staying = Array.from({ length: stayingCount }, (_, i) => makeMember(`127.0.1.${i + 1}`));
await Promise.all(staying.map(({ swarm }) => swarm.join(TOPIC).flushed()));
const chatter = setInterval(() => {
  for (const { swarm } of staying) {
    for (const connection of swarm.connections) connection.write("still there");
  }
}, CHATTER_MS);
await report("those that stay", []);

const closingMs: number[] = [];
let reconnected = 0;
let relayed = 0;
for (let round = 1; round <= roundCount; round++) {
  const passing = Array.from({ length: passingCount }, (_, i) => makeMember(`127.0.2.${i + 1}`));
  for (const [i, { host }] of passing.entries()) {
    if (i % 9 < 3) { for (const { host: other } of staying) hosts.separate(host, other); }
  }
  await Promise.all(passing.map(({ swarm }) => swarm.join(TOPIC).flushed()));
  await until(CONNECT_MS, () => passing.every(({ swarm }) => swarm.connections.size > 0));
  relayed += relay.stats.pairings.active;
  await report(`round ${round}, all there`, passing);
  await Promise.all(passing.map((member, i) => [kill, vanish, leaveForAWhile][i % 3]!(member)));
  await until(NOTICE_MS, () => relay.stats.pairings.active === 0 && connectionCount() === connectionsAmong());
  await report(`round ${round}, all gone`, []);
}
clearInterval(chatter);

await until(END_MS, () => relay.stats.pairings.pending === 0 && heldCount(staying) === 0);
const last = await report("at the end", []);
assert.equal(connectionCount(), connectionsAmong(), "connections to those that are gone");
assert.equal(relay.stats.pairings.active, 0, "pairs at the relay");
assert.equal(relay.stats.pairings.pending, 0, "requests at the relay");
assert(last.punchSockets <= connectionCount(), "sockets that no connection uses");
assert.equal(last.held, 0, "connections that are over and held by something");
console.log(
  `closing without a network took ${Math.min(...closingMs).toFixed(0)} to ${
    Math.max(...closingMs).toFixed(0)
  } ms; ${reconnected} connected again after ${CUT_MS / 1000} s; ${relayed} connections by the relay`,
);

await Promise.all(staying.map(({ swarm }) => swarm.destroy()));
await relay.close();
await testnet.destroy();
await until(END_MS, async () => timers.size === 0 && (await newHandles(handlesBefore)).length === 0);
await report("destroyed", []);
for (const origin of timers.values()) console.error(origin);
assert.equal(timers.size, 0, "timers that are left");
assert.deepEqual(await newHandles(handlesBefore), [], "handles that are left");
console.log(`nothing is left after ${((performance.now() - start) / 1000).toFixed(0)} s`);

function makeMember(host: string): Member {
  const dht = new HyperDHT({
    bootstrap: testnet.bootstrap,
    host,
    // Behind a firewall as far as it knows, so that it punches.
    quickFirewall: false,
    // Deno's own sockets only: those that heed TTLs are cut off by nobody.
    udx: new UDX({ backend: "deno" }),
  });
  const swarm = new Hyperswarm({ dht, relayThrough: () => relay.publicKey });
  swarm.on("connection", (connection) => {
    seen.push(new WeakRef(connection));
    connection.on("error", () => {});
    connection.resume();
  });
  return { host, dht, swarm };
}

async function kill({ host, swarm }: Member): Promise<void> {
  hosts.cut(host);
  await swarm.destroy({ force: true });
  hosts.heal(host);
}

async function vanish({ host, swarm }: Member): Promise<void> {
  hosts.cut(host);
  await delay(Math.random() * 5000);
  const beganMs = performance.now();
  await swarm.destroy();
  closingMs.push(performance.now() - beganMs);
  hosts.heal(host);
}

async function leaveForAWhile({ host, swarm }: Member): Promise<void> {
  hosts.cut(host);
  await delay(CUT_MS);
  hosts.heal(host);
  if (await until(NOTICE_MS, () => swarm.connections.size > 0)) reconnected++;
  await swarm.destroy();
}

async function until(limitMs: number, isSo: () => boolean | Promise<boolean>): Promise<boolean> {
  for (let waitedMs = 0; waitedMs < limitMs; waitedMs += POLL_MS) {
    if (await isSo()) return true;
    await delay(POLL_MS);
  }
  return false;
}

/** Ends of connections of those that stay. */
function connectionCount(): number {
  return staying.reduce((sum, { swarm }) => sum + swarm.connections.size, 0);
}

/** Those of them whose other end stays as well. */
function connectionsAmong(): number {
  const keys = new Set(staying.map(({ swarm }) => text(swarm.keyPair.publicKey)));
  return staying.reduce(
    (sum, { swarm }) =>
      sum +
      Array.from(swarm.connections).filter(({ remotePublicKey }) => keys.has(text(remotePublicKey!))).length,
    0,
  );
}

function text(key: Uint8Array): string {
  return key.toString();
}

/** Connections that are over, and are held by something. */
function heldCount(members: readonly Member[]): number {
  (globalThis as { gc?(): void }).gc?.();
  const open = new Set(members.flatMap(({ swarm }) => Array.from(swarm.connections)));
  const alive = seen.map((reference) => reference.deref()).filter((connection) => connection !== undefined);
  seen.splice(0, seen.length, ...alive.map((connection) => new WeakRef(connection)));
  return alive.filter((connection) => !open.has(connection)).length;
}

async function report(
  label: string,
  passing: readonly Member[],
): Promise<{ readonly punchSockets: number; readonly held: number }> {
  const members = [...staying, ...passing];
  await delay(POLL_MS);
  const { heapMegabytes, residentMegabytes } = measureMemory();
  const held = heldCount(members);
  const nodes = [...testnet.nodes, ...members.map(({ dht }) => dht)];
  const streams = nodes.reduce((sum, node) => sum + node.rawStreams.size, 0);
  const punchSockets = nodes.reduce(
    (sum, { stats: { socketPool } }) => sum + socketPool.socketsAdded - socketPool.socketsRemoved,
    0,
  );
  const peers = staying.reduce((sum, { swarm }) => sum + swarm.peers.size, 0);
  const { active, pending } = relay.stats.pairings;
  console.log(
    `${((performance.now() - start) / 1000).toFixed(0)} s, ${label}: ${
      (await listHandles()).length
    } handles, ` +
      `${timers.size} timers, ${streams} streams, ${connectionCount()} ends of connections, ${held} held though over, ` +
      `${punchSockets} sockets of punches, ${active} pairs and ${pending} requests at the relay, ${peers} peers known, heap ${
        heapMegabytes.toFixed(0)
      } MB, resident ${residentMegabytes.toFixed(0)} MB`,
  );
  return { punchSockets, held };
}

// deno-lint-ignore-file no-console -- a program that prints
/**
 * Many swarms in one process join and leave topics, thousands of times in all, while some of them replicate a hypercore
 * that grows: what stays open, and what stays in memory. Fails where anything is left at the end.
 *
 *     deno run -A --v8-flags=--expose-gc bench/macro/soak_swarm.ts [--swarms=200] [--joins=10000] [--readers=10]
 *
 * Swarms without a core end a connection after each topic that they leave, so that connections come and go as well.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { parseArgs } from "node:util";
import Hypercore from "../../src/hypercore/mod.ts";
import HyperDHT, { type HyperDHTOptions } from "../../src/hyperdht/mod.ts";
import createTestnet from "../../src/hyperdht/testnet/mod.ts";
import Hyperswarm from "../../src/hyperswarm/mod.ts";
import { countTimers, delay, listHandles, measureMemory, newHandles } from "./census.ts";

const HOST = "127.0.0.1";
const TESTNET_NODES = 4;
/** Swarms that know each other by a topic, on average, if each joined one. */
const SWARMS_PER_TOPIC = 5;
const CONNECTIONS_MAX = 6;
const JOINS_AT_ONCE = 20;
const APPEND_INTERVAL_MS = 500;
const REPORTS = 10;
const END_MS = 60_000;
const POLL_MS = 100;

const { values: flags } = parseArgs({
  args: Deno.args,
  options: {
    swarms: { type: "string", default: "200" },
    joins: { type: "string", default: "10000" },
    readers: { type: "string", default: "10" },
  },
});
const swarmCount = Number(flags.swarms);
const joinCount = Number(flags.joins);
const readerCount = Number(flags.readers);

/** A swarm, with its node and, in some, a core that it replicates. */
interface Member {
  readonly dht: HyperDHT;
  readonly swarm: Hyperswarm;
  readonly core: Hypercore | null;
}

interface State {
  readonly handles: number;
  readonly timers: number;
  readonly streams: number;
  readonly connections: number;
  readonly topics: number;
  /** Peers that swarms know of. */
  readonly peers: number;
  readonly heapMegabytes: number;
  readonly residentMegabytes: number;
}

const timers = countTimers();
const start = performance.now();
const handlesBefore = await listHandles();
print("before", await state([], []));

const testnet = await createTestnet(TESTNET_NODES);
const folder = await Deno.makeTempDir({ prefix: "quince-soak-" });
const writer = new Hypercore(`${folder}/writer`);
await writer.append(new Uint8Array(100));
const members = await makeMembers();
const nodes = [...testnet.nodes, ...members.map(({ dht }) => dht)];
print("swarms made", await state(nodes, members));

let joined = 0;
let isRunning = true;
const appending = appendUntilEnd();
await Promise.all(
  Array.from({ length: Math.min(JOINS_AT_ONCE, swarmCount) }, (_, lane) => joinAndLeave(lane)),
);
isRunning = false;
await appending;

for (const { core } of members.slice(1, readerCount + 1)) {
  await core!.download({ start: 0, end: writer.length }).done();
  assert.equal(core!.contiguousLength, writer.length);
}
const last = await state(nodes, members);
print(`all ${joinCount} joined and left`, last);
console.log(`${readerCount} readers have all ${writer.length} blocks`);
const opened = members.reduce((sum, { swarm }) => sum + swarm.stats.connects.client.opened, 0);
const closed = members.reduce((sum, { swarm }) => sum + swarm.stats.connects.client.closed, 0);
const attempted = members.reduce((sum, { swarm }) => sum + swarm.stats.connects.client.attempted, 0);
console.log(
  `connections of clients: ${attempted} tried, ${opened} opened, ${closed} tries or connections ended`,
);

await Promise.all(members.map(({ swarm }) => swarm.destroy()));
await Promise.all(members.map(({ core }) => core?.close()));
await testnet.destroy();
await Deno.remove(folder, { recursive: true });
// Sockets close a moment after their owners.
for (let waitedMs = 0; waitedMs < END_MS && !await isAllGone(); waitedMs += POLL_MS) await delay(POLL_MS);
const after = await state(nodes, members);
print("destroyed", after);
for (const origin of timers.values()) console.error(origin);
assert.equal(after.timers, 0, "timers that are left");
assert.equal(after.streams, 0, "streams that are left");
assert.equal(after.connections, 0, "connections that are left");
assert.equal(after.topics, 0, "topics that are left");
assert.deepEqual(await newHandles(handlesBefore), [], "handles that are left");
console.log(`nothing is left after ${((performance.now() - start) / 1000).toFixed(0)} s`);

function makeSwarm(bootstrap: HyperDHTOptions["bootstrap"], maxPeers: number): Pick<Member, "dht" | "swarm"> {
  const dht = new HyperDHT({ bootstrap, host: HOST });
  return { dht, swarm: new Hyperswarm({ dht, maxPeers }) };
}

async function makeMembers(): Promise<Member[]> {
  const made: Member[] = [];
  for (let i = 0; i < swarmCount; i++) {
    const isReplicating = i <= readerCount;
    const maxPeers = isReplicating ? readerCount + CONNECTIONS_MAX : CONNECTIONS_MAX;
    const { dht, swarm } = makeSwarm(testnet.bootstrap, maxPeers);
    const core = i === 0 ? writer : isReplicating ? await makeReader(i) : null;
    swarm.on("connection", (connection) => {
      connection.on("error", () => {});
      if (core === null) connection.resume();
      else core.replicate(connection);
    });
    if (isReplicating) {
      await swarm.join(writer.discoveryKey!, { server: i === 0, client: i !== 0 }).flushed();
    }
    made.push({ dht, swarm, core });
  }
  return made;
}

async function makeReader(index: number): Promise<Hypercore> {
  const core = new Hypercore(`${folder}/reader ${index}`, writer.key);
  await core.ready();
  core.download({ start: 0, end: -1 });
  return core;
}

async function joinAndLeave(lane: number): Promise<void> {
  let seed = lane + 1;
  const draw = (count: number): number => {
    seed = (seed * 1103515245 + 12345) % 2147483648;
    return Math.floor(seed / 65536) % count;
  };
  while (joined < joinCount) {
    const turn = ++joined;
    const { swarm, core } = members[draw(swarmCount)]!;
    const topic = new Uint8Array(32).fill(1);
    topic[0] = draw(Math.max(1, Math.floor(swarmCount / SWARMS_PER_TOPIC)));
    const mode = draw(3);
    const session = swarm.join(topic, { server: mode !== 0, client: mode !== 1 });
    await session.flushed();
    await session.destroy();
    // A reader that was dialled for another topic would not look for the writer again before its next refresh.
    if (core === null) endConnection(swarm, draw(CONNECTIONS_MAX));
    if (turn % Math.ceil(joinCount / REPORTS) === 0) print(`${turn} joined`, await state(nodes, members));
  }
}

/** Ends the connection at `index`, if there are as many. */
function endConnection(swarm: Hyperswarm, index: number): void {
  const [...connections] = swarm.connections;
  connections[index]?.destroy();
}

async function isAllGone(): Promise<boolean> {
  return timers.size === 0 && (await newHandles(handlesBefore)).length === 0;
}

async function appendUntilEnd(): Promise<void> {
  while (isRunning) {
    await writer.append(Array.from({ length: 10 }, () => new Uint8Array(1000)));
    await delay(APPEND_INTERVAL_MS);
  }
}

async function state(nodes: readonly HyperDHT[], members: readonly Member[]): Promise<State> {
  return {
    handles: (await listHandles()).length,
    timers: timers.size,
    streams: nodes.reduce((sum, node) => sum + node.rawStreams.size, 0),
    connections: members.reduce((sum, { swarm }) => sum + swarm.connections.size, 0),
    topics: members.reduce((sum, { swarm }) => sum + Array.from(swarm.topics()).length, 0),
    peers: members.reduce((sum, { swarm }) => sum + swarm.peers.size, 0),
    ...measureMemory(),
  };
}

function print(label: string, state: State): void {
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  const { handles, timers, streams, connections, topics, peers, heapMegabytes, residentMegabytes } = state;
  console.log(
    `${seconds} s, ${label}: ${handles} handles, ${timers} timers, ${streams} streams, ${connections} ends of connections, ` +
      `${topics} topics, ${peers} peers known, heap ${heapMegabytes.toFixed(0)} MB, resident ${
        residentMegabytes.toFixed(0)
      } MB`,
  );
}

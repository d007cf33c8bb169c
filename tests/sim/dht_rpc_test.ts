/** Thousands of simulated DHT nodes: what lookups find, in how many hops, and what survives. */
import { strict as assert } from "node:assert";
import { compareBytes, equalBytes } from "../../src/base/mod.ts";
import { addressKey, type PersistentPeer } from "../../src/dht_rpc/peer.ts";
import { compareDistance } from "../../src/dht_rpc/routing_table.ts";
import { type SimLookup, SimNetwork, type SimNode } from "./support/dht_network.ts";

/** Virtual time within which a lookup ends, whatever happens. */
const LOOKUP_MS_MAX = 60_000;

/** A network of `count` persistent nodes that found each other through the first one. */
function grow(seed: number, count: number, lossRate = 0): SimNetwork {
  const network = new SimNetwork(seed, { lossRate });
  const bootstrapper = network.startBootstrapper();
  const bootstrap = [bootstrapper.server.address];
  while (network.nodes.length < count) {
    // Every wave finds what the ones before left.
    const wave = Math.min(count - network.nodes.length, Math.max(5, network.nodes.length >> 1));
    for (let i = 0; i < wave; i++) network.start({ bootstrap, ephemeral: false, firewalled: false });
    const isReady = (): boolean => network.nodes.every((node) => node.machine.bootstrapped);
    assert(network.runUntil(isReady, 120_000), "all nodes bootstrap");
  }
  return network;
}

/** A network of `count` nodes with the tables that such networks come to: 20 nodes of every distance, at random. */
function settle(seed: number, count: number): SimNetwork {
  const network = new SimNetwork(seed);
  const peers: PersistentPeer[] = [];
  const fill = ({ id, machine }: SimNode): void => {
    let [start, end] = [0, count];
    for (let bit = 0; end - start > 1; bit++) {
      const middle = firstWithBit(peers, start, end, bit);
      const hasBit = ((id[bit >> 3]! >> (7 - (bit & 7))) & 1) === 1;
      const [otherStart, otherEnd] = hasBit ? [start, middle] : [middle, end];
      [start, end] = hasBit ? [middle, end] : [start, middle];
      const drawn = new Set<number>();
      while (drawn.size < Math.min(20, otherEnd - otherStart)) {
        drawn.add(otherStart + Math.floor(network.random.next() * (otherEnd - otherStart)));
      }
      for (const index of drawn) machine.membership.add(peers[index]!, null);
    }
  };
  for (let i = 0; i < count; i++) {
    const { id, server } = network.startSettled(fill);
    peers.push({ id, ...server.address });
  }
  peers.sort((a, b) => compareBytes(a.id, b.id));
  return network;
}

/** The first of sorted ids, alike in all bits before, that has `bit` set. */
function firstWithBit(peers: readonly PersistentPeer[], start: number, end: number, bit: number): number {
  while (start < end) {
    const middle = (start + end) >> 1;
    if ((peers[middle]!.id[bit >> 3]! >> (7 - (bit & 7))) & 1) end = middle;
    else start = middle + 1;
  }
  return start;
}

/** The `count` nodes closest to `target`. */
function closest(nodes: readonly SimNode[], target: Uint8Array, count: number): SimNode[] {
  return [...nodes].sort((a, b) => compareDistance(target, a.id, b.id)).slice(0, count);
}

/** How many answers led to the closest node found, itself included. */
function hopsOf(lookup: SimLookup): number {
  const depths = new Map(lookup.start.map((node) => [addressKey(node), 1]));
  let hops = 0;
  const { closestReplies } = lookup.walk!.query;
  const goal = closestReplies[0] && addressKey(closestReplies[0].from);
  for (const { from, closerNodes } of lookup.replies) {
    const key = addressKey(from);
    const depth = depths.get(key) ?? 1;
    if (key === goal) hops = depth;
    for (const node of closerNodes ?? []) {
      if (!depths.has(addressKey(node))) depths.set(addressKey(node), depth + 1);
    }
  }
  return hops;
}

interface Summary {
  readonly lookups: number;
  /** Part of the lookups that found the very closest node. */
  readonly foundClosest: number;
  /** Part of the 20 closest nodes that were found. */
  readonly foundOf20: number;
  readonly meanHops: number;
  readonly maxHops: number;
  readonly meanRequests: number;
  readonly meanMs: number;
  readonly maxMs: number;
}

/** Lookups of random targets from random nodes, some at a time. */
function survey(network: SimNetwork, lookupCount: number): Summary {
  const alive = network.nodes.filter((node) => !node.isGone);
  const lookups = Array.from({ length: lookupCount }, () => {
    const node = alive[Math.floor(network.random.next() * alive.length)]!;
    const target = network.randomBytes(32);
    const lookup = node.lookup(target);
    network.run(20);
    return { node, target, lookup };
  });
  const isOver = (): boolean => lookups.every(({ lookup }) => lookup.endedAtMs >= 0);
  assert(network.runUntil(isOver, LOOKUP_MS_MAX), "every lookup ends");
  let foundClosest = 0;
  let found = 0;
  let expectedCount = 0;
  for (const { node, target, lookup } of lookups) {
    const expected = closest(alive, target, 21).filter((other) => other !== node).slice(0, 20);
    const got = lookup.walk!.query.closestReplies;
    if (got[0] && equalBytes(got[0].from.id, expected[0]!.id)) foundClosest++;
    const ids = new Set(got.map((reply) => addressKey(reply.from)));
    found += expected.filter((other) => ids.has(addressKey(other.server.address))).length;
    expectedCount += expected.length;
  }
  const hops = lookups.map(({ lookup }) => hopsOf(lookup));
  const times = lookups.map(({ lookup }) => lookup.endedAtMs - lookup.startedAtMs);
  const requests = lookups.map(({ lookup }) => lookup.walk!.query.visits);
  const mean = (values: readonly number[]): number =>
    Number((values.reduce((sum, value) => sum + value, 0) / values.length).toFixed(2));
  return {
    lookups: lookupCount,
    foundClosest: Number((foundClosest / lookupCount).toFixed(4)),
    foundOf20: Number((found / expectedCount).toFixed(4)),
    meanHops: mean(hops),
    maxHops: Math.max(...hops),
    meanRequests: mean(requests),
    meanMs: Math.round(mean(times)),
    maxMs: Math.round(Math.max(...times)),
  };
}

const SNAPSHOT = new URL("./dht_rpc_lookups.json", import.meta.url);

/** Compares `rows` with those of the same names in the table that lies in the repository. */
async function checkSnapshot(rows: Record<string, Summary>): Promise<void> {
  const snapshot = JSON.parse(await Deno.readTextFile(SNAPSHOT));
  if (Deno.env.get("UPDATE_SNAPSHOTS")) {
    Object.assign(snapshot.rows, rows);
    await Deno.writeTextFile(SNAPSHOT, JSON.stringify(snapshot, null, 2) + "\n");
  }
  for (const [name, row] of Object.entries(rows)) assert.deepEqual(row, snapshot.rows[name], name);
}

const NETWORKS = [
  { count: 10, lookupCount: 50, hopsMax: 1, make: grow },
  { count: 100, lookupCount: 100, hopsMax: 3, make: grow },
  { count: 1000, lookupCount: 200, hopsMax: 4, make: grow },
  { count: 10_000, lookupCount: 200, hopsMax: 5, make: settle },
];

for (const { count, lookupCount, hopsMax, make } of NETWORKS) {
  Deno.test(`RPC-016 RPC-021 RPC-W06 lookups among ${count} nodes end within ${hopsMax} hops, also when 30 % vanish`, async () => {
    const network = make(count, count);
    const whole = survey(network, lookupCount);
    assert(whole.maxHops <= hopsMax, `${whole.maxHops} hops`);
    assert(whole.foundClosest >= 0.99, `${whole.foundClosest} found the closest node`);
    const gone = new Set<SimNode>();
    while (gone.size < count * 0.3) {
      const node = network.nodes[Math.floor(network.random.next() * count)]!;
      if (!gone.has(node)) network.remove(node);
      gone.add(node);
    }
    const rest = survey(network, lookupCount);
    assert(rest.foundClosest >= 0.97, `${rest.foundClosest} found the closest node that is left`);
    await checkSnapshot({ [`${count} nodes`]: whole, [`${count} nodes, 30 % of them gone`]: rest });
  });
}

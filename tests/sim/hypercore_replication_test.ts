/**
 * Swarms of 2 to 6 nodes on simulated networks. Each run has a seed; a failing run says which.
 *
 * @module
 */
import { strict as assert } from "node:assert";
import { type Random, SeededRandom } from "../../src/base/mod.ts";
import type { Log, Proof, ProveResult } from "../../src/hypercore/log/mod.ts";
import type { ReplicatedLog } from "../../src/hypercore/replication/mod.ts";
import { disguised, randomLink, SimClock, SimNode } from "./hypercore_replication_network.ts";

const SEEDS = 200;
const LIMIT_MS = 600_000;

/** A swarm under construction. */
interface Swarm {
  readonly clock: SimClock;
  readonly random: Random;
  readonly writer: SimNode;
  readonly nodes: SimNode[];
  /** Adds an honest reader, connected to `peers`. */
  join(...peers: SimNode[]): Promise<SimNode>;
  /** Adds a node with a full copy whose peers see what `disguise` makes of it. */
  impostor(disguise: (log: Log) => ReplicatedLog): Promise<SimNode>;
  connect(left: SimNode, right: SimNode): () => void;
  /** Runs until `isDone`; fails when it takes too long. */
  until(isDone: () => boolean): Promise<void>;
  /** Codes of the errors that peers were turned away with; a run without liars has none. */
  readonly turnedAway: string[];
}

function below(random: Random, end: number): number {
  return Math.floor(random.next() * end);
}

/** Runs `play` for every seed. */
function simulate(name: string, play: (swarm: Swarm) => Promise<void>): void {
  Deno.test(name, async () => {
    for (let seed = 1; seed <= SEEDS; seed++) {
      try {
        await playOnce(seed, play);
      } catch (error) {
        throw new Error(`Seed ${seed}: ${error instanceof Error ? error.message : error}`, { cause: error });
      }
    }
  });
}

async function playOnce(seed: number, play: (swarm: Swarm) => Promise<void>): Promise<void> {
  const random = new SeededRandom(seed);
  const clock = new SimClock();
  const writer = await SimNode.open(clock, { random });
  const count = 20 + below(random, 300);
  await writer.log.append(blocks(random, count));
  await writer.log.publish();
  const nodes: SimNode[] = [];
  const turnedAway: string[] = [];
  const add = (node: SimNode): SimNode => {
    node.replicator.on("peer-error", (error) => turnedAway.push(error.code));
    nodes.push(node);
    return node;
  };
  add(writer);
  const connect = (left: SimNode, right: SimNode) => SimNode.connect(left, right, randomLink(random));
  const { key } = writer.log;
  await play({
    clock,
    random,
    writer,
    nodes,
    turnedAway,
    connect,
    join: async (...peers) => {
      const node = add(await SimNode.open(clock, { random, key }));
      for (const peer of peers) connect(node, peer);
      return node;
    },
    impostor: async (disguise) => {
      const copy = add(await SimNode.open(clock, { random, key, disguise }));
      const cut = SimNode.connect(copy, writer, { latencyMs: () => 1, bytesPerMs: 1e6 });
      copy.replicator.addUpgrade([]);
      const range = copy.replicator.addRange([], { start: 0, end: count });
      let isWhole = false;
      range.promise.then(() => isWhole = true);
      assert.ok(await clock.run(() => isWhole, LIMIT_MS));
      cut();
      assert.ok(await clock.run(() => copy.replicator.peers.length === 0, LIMIT_MS));
      return copy;
    },
    until: async (isDone) => {
      if (await clock.run(isDone, LIMIT_MS)) return;
      const states = nodes.map(({ log, replicator }) =>
        `${log.bitfield.countSet(0, log.head.length)}/${log.head.length} of ${replicator.peers.length} peers`
      );
      assert.fail(`not done after ${LIMIT_MS} ms: ${states.join(", ")}`);
    },
  });
  await checkNodes(writer, nodes);
  assert.deepEqual(turnedAway, []);
  for (const node of nodes) await node.close();
}

/** What a node has is what the writer wrote, and nothing is left under way. */
async function checkNodes(writer: SimNode, nodes: readonly SimNode[]): Promise<void> {
  const indexes = Array.from({ length: writer.log.head.length }, (_, index) => index);
  const written = await writer.log.getBlocks(indexes);
  for (const { log } of nodes) {
    const stored = await log.getBlocks(indexes);
    stored.forEach((block, index) => {
      if (block !== null) assert.deepEqual(block, written[index], `block ${index}`);
    });
  }
}

function blocks(random: Random, count: number): Uint8Array[] {
  const byteLength = random.next() < 0.2 ? 20_000 : 200;
  return Array.from({ length: count }, (_, i) => new Uint8Array(1 + below(random, byteLength)).fill(i));
}

/** Whether `node` has every block that the writer has. */
function isWhole(node: SimNode, writer: SimNode): boolean {
  return node.log.contiguousLength === writer.log.head.length && node.log.head.length > 0;
}

simulate("HC-107 readers in a chain each get everything", async ({ join, writer, random, nodes, until }) => {
  const count = 1 + below(random, 4);
  let last = writer;
  for (let i = 0; i < count; i++) {
    last = await join(last);
    last.replicator.addRange([], { linear: random.next() < 0.5 });
  }
  await until(() => nodes.every((node) => isWhole(node, writer)));
  await until(() =>
    nodes.every(({ replicator }) => replicator.peers.every(({ inflight }) => inflight === 0))
  );
});

simulate("HC-190 a mesh of readers that want different parts get theirs and only theirs", async (swarm) => {
  const { join, writer, random, nodes, connect, until } = swarm;
  const wanted = new Map<SimNode, number[]>();
  for (let i = 0; i < 3; i++) {
    const node = await join(writer);
    for (const other of nodes.slice(1, -1)) if (random.next() < 0.7) connect(node, other);
    const indexes = Array.from({ length: 10 }, () => below(random, writer.log.head.length));
    wanted.set(node, indexes);
    node.replicator.addRange([], { blocks: indexes });
    node.replicator.addUpgrade([]);
  }
  await until(() =>
    Array.from(wanted).every(([{ log }, list]) => list.every((index) => log.bitfield.get(index)))
  );
  for (const [{ log }, list] of wanted) {
    assert.equal(log.bitfield.countSet(0, log.head.length), new Set(list).size);
  }
});

simulate("HC-107 blocks appended while readers follow reach all of them", async (swarm) => {
  const { join, writer, random, nodes, clock, until } = swarm;
  const first = await join(writer);
  const second = await join(first, ...(random.next() < 0.5 ? [writer] : []));
  for (const { replicator } of [first, second]) replicator.addRange([]);
  for (let i = 0; i < 5; i++) {
    await clock.run(() => false, below(random, 300));
    await writer.log.append(blocks(random, 1 + below(random, 20)));
    await writer.log.publish();
  }
  await until(() => nodes.every((node) => isWhole(node, writer)));
});

simulate("connections that break at random times are made again and all ends well", async (swarm) => {
  const { join, writer, random, nodes, connect, clock, until } = swarm;
  const [left, right] = [await join(writer), await join(writer)];
  for (const { replicator } of [left, right]) replicator.addRange([]);
  for (let i = 0; i < 6; i++) {
    const cut = connect(left, random.next() < 0.5 ? right : writer);
    await clock.run(() => false, below(random, 400));
    cut();
  }
  connect(left, writer);
  connect(right, left);
  await until(() => nodes.every((node) => isWhole(node, writer)));
});

simulate("HC-192 a liar is cut off, leaves no trace, and the others serve what it did not", async (swarm) => {
  const { join, impostor, writer, random, connect, until, turnedAway } = swarm;
  const liar = await impostor((log) =>
    disguised(log, {
      prove: async (requests) => (await log.prove(requests)).map((result) => lie(random, result)),
    })
  );
  const reader = await join();
  const failures: string[] = [];
  reader.replicator.on("verification-error", (error) => failures.push(error.code));
  const range = reader.replicator.addRange([], { start: 0, end: writer.log.head.length });
  connect(reader, liar);
  await until(() => failures.length > 0 && reader.replicator.peers.length === 0);
  connect(reader, writer);
  await until(() => isWhole(reader, writer));
  assert.equal(await range.promise, true);
  assert.deepEqual(turnedAway.splice(0), failures.slice(0, 1));
});

simulate("HC-196 peers that answer slowly or never do not keep a reader from the others", async (swarm) => {
  const { join, impostor, writer, random, clock, connect, until } = swarm;
  const silent = await impostor((log) => disguised(log, { prove: () => new Promise(() => {}) }));
  const slow = await impostor((log) =>
    disguised(log, {
      prove: async (requests) => {
        await new Promise<void>((resolve) => clock.schedule(1 + below(random, 3000), resolve));
        return await log.prove(requests);
      },
    })
  );
  const reader = await join();
  for (const peer of [silent, slow, writer].sort(() => random.next() - 0.5)) connect(reader, peer);
  reader.replicator.addRange([], { linear: random.next() < 0.5 });
  const block = reader.replicator.addBlock([], below(random, writer.log.head.length));
  await until(() => isWhole(reader, writer));
  await block.promise;
});

simulate("HC-198 a peer that has nothing after all is given up for one that has", async (swarm) => {
  const { join, impostor, writer, connect, until } = swarm;
  const empty = await impostor((log) =>
    disguised(log, {
      prove: (requests) => Promise.resolve(requests.map((): ProveResult => ({ kind: "unavailable" }))),
    })
  );
  const reader = await join(empty);
  reader.replicator.addRange([]);
  connect(reader, writer);
  await until(() => isWhole(reader, writer));
});

simulate("HC-100 seeks, blocks and updates of a sparse reader all come to their ends", async (swarm) => {
  const { join, writer, random, until } = swarm;
  const reader = await join(writer);
  let open = 0;
  const track = <Result>(promise: Promise<Result>, check: (result: Result) => Promise<void>): void => {
    open++;
    promise.then(check).then(() => open--);
  };
  track(reader.replicator.addUpgrade([]).promise, (result) => Promise.resolve(assert.equal(result, true)));
  await until(() => open === 0);
  const { byteLength, length } = writer.log.head;
  for (let i = 0; i < 10; i++) {
    const bytes = below(random, byteLength);
    track(reader.replicator.addSeek([], bytes).promise, async ([index, offset]) => {
      assert.deepEqual({ kind: "found", index, offset }, await writer.log.seek(bytes));
    });
    const index = below(random, length);
    track(reader.replicator.addBlock([], index).promise, async (block) => {
      assert.deepEqual(block, await writer.log.getBlock(index));
    });
  }
  await until(() => open === 0);
});

simulate("HC-198 requests that are given up leave nothing behind", async (swarm) => {
  const { join, writer, random, clock, until } = swarm;
  const reader = await join(writer);
  reader.replicator.addUpgrade([]);
  await until(() => reader.log.head.length > 0);
  const list: Parameters<typeof reader.replicator.clearRequests>[0] = [];
  const results: Promise<unknown>[] = [];
  for (let i = 0; i < 30; i++) {
    const { promise } = reader.replicator.addBlock(list, below(random, writer.log.head.length));
    results.push(promise.catch((error) => assert.equal(error.code, "REQUEST_CANCELLED")));
  }
  results.push(reader.replicator.addRange(list, { start: 0, end: 10 }).promise);
  await clock.run(() => false, below(random, 200));
  reader.replicator.clearRequests(list);
  assert.equal(list.length, 0);
  await Promise.all(results);
  await until(() => reader.replicator.peers[0]!.inflight === 0);
});

simulate("HC-191 a writer that cuts its log is followed by all, to the same blocks", async (swarm) => {
  const { join, writer, random, nodes, clock, connect, until } = swarm;
  const first = await join(writer);
  const second = await join(first);
  if (random.next() < 0.5) connect(second, writer);
  for (const { replicator } of [first, second]) replicator.addRange([], { linear: random.next() < 0.5 });
  for (let i = 0; i < 4; i++) {
    await clock.run(() => false, below(random, 500));
    if (random.next() < 0.7) await writer.log.truncate(below(random, writer.log.head.length));
    await writer.log.append(blocks(random, 1 + below(random, 20)));
    await writer.log.publish();
  }
  await until(() =>
    nodes.every((node) => isWhole(node, writer) && node.log.head.fork === writer.log.head.fork)
  );
  assert.deepEqual(await second.log.treeHash(), await writer.log.treeHash());
});

simulate("HC-191 a reader that joins after the log was cut gets what is left", async (swarm) => {
  const { join, writer, random, until } = swarm;
  await writer.log.truncate(1 + below(random, writer.log.head.length - 1));
  if (random.next() < 0.5) await writer.log.append(blocks(random, 1 + below(random, 20)));
  await writer.log.publish();
  const reader = await join(writer);
  const update = reader.replicator.addUpgrade([]);
  reader.replicator.addRange([]);
  await until(() => isWhole(reader, writer));
  assert.equal(await update.promise, true);
  assert.equal(reader.log.head.fork, 1);
});

simulate("HC-085 blocks that are cleared here or there are fetched again where they are", async (swarm) => {
  const { join, writer, random, nodes, clock, until } = swarm;
  const first = await join(writer);
  const second = await join(first, writer);
  for (const { replicator } of [first, second]) {
    replicator.addRange([], { start: 0, end: writer.log.head.length });
  }
  await until(() => nodes.every((node) => isWhole(node, writer)));
  for (let i = 0; i < 4; i++) {
    const start = below(random, writer.log.head.length);
    const end = start + 1 + below(random, 20);
    await first.log.clear(start, end);
    await clock.run(() => false, below(random, 100));
    first.replicator.addRange([], { start, end: Math.min(end, writer.log.head.length) });
  }
  await until(() => nodes.every((node) => isWhole(node, writer)));
});

simulate("HC-192 two logs signed with one key are found out by both", async (swarm) => {
  const { writer, random, connect, clock, until } = swarm;
  const { key, keyPair, manifest } = writer.log;
  const twin = await SimNode.open(clock, { random, key, keyPair: keyPair!, manifest: manifest! });
  await twin.log.append(blocks(random, writer.log.head.length + below(random, 5)));
  await twin.log.publish();
  const conflicts = new Set<SimNode>();
  for (const node of [writer, twin]) node.replicator.on("conflict", () => conflicts.add(node));
  await writer.log.clear(0, 5);
  await twin.log.clear(5, 10);
  for (const { replicator } of [writer, twin]) replicator.addRange([], { start: 0, end: 10 });
  connect(writer, twin);
  await until(() => conflicts.size > 0 && writer.replicator.peers.length === 0);
  assert.ok(writer.log.isFrozen || twin.log.isFrozen);
  await twin.close();
});

/** A result that is wrong in one place. */
function lie(random: Random, result: ProveResult): ProveResult {
  if (result.kind !== "proof") return result;
  const proof = structuredClone(result.proof) as Mutable<Proof>;
  const hashes = [
    ...(proof.block?.nodes ?? []).map(({ hash }) => hash),
    ...(proof.upgrade?.nodes ?? []).map(({ hash }) => hash),
  ];
  if (proof.block?.value && proof.block.value.byteLength > 0) hashes.push(proof.block.value);
  if (proof.upgrade?.signature) hashes.push(proof.upgrade.signature);
  const bytes = hashes[below(random, hashes.length)];
  if (bytes !== undefined) bytes[below(random, bytes.byteLength)]! ^= 1 << below(random, 8);
  return { kind: "proof", proof };
}

type Mutable<T> = { -readonly [Key in keyof T]: T[Key] };

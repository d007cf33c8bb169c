/**
 * A writer that loses power comes back with every block that a peer has seen, so that it never signs another one in its
 * place.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexText, utf8Bytes } from "../../../src/base/mod.ts";
import { Corestore } from "../../../src/corestore/mod.ts";
import type { Hypercore } from "../../../src/hypercore/mod.ts";
import { MemoryReplication } from "../../helpers/memory_replication.ts";
import { type PowerLossOptions, PowerLossStorage, randomOf } from "../../helpers/power_loss.ts";
import { withFolder } from "../../helpers/store_folder.ts";

const SEEDS = 10;
const CUTS_PER_SEED = 10;
const PEERS = 2;

/** What a peer knows of the writer's core: the hash over its blocks, by fork and length. */
type Seen = Map<string, string>;

interface PeerOfTest {
  readonly store: Corestore;
  readonly core: Hypercore;
  /** Conflicts and proofs that did not hold. */
  readonly failures: unknown[];
}

async function openPeer(key: Uint8Array): Promise<PeerOfTest> {
  const store = new Corestore();
  const core = store.get({ key });
  await core.ready();
  const failures: unknown[] = [];
  core.core!.replicator.on("conflict", (proof) => failures.push(proof));
  core.on("verification-error", (error) => failures.push(error));
  core.download();
  return { store, core, failures };
}

async function note(seen: Seen, { core }: PeerOfTest): Promise<void> {
  const { fork, length } = core;
  if (length > 0) seen.set(`${fork} ${length}`, hexText(await core.core!.log.treeHash(length)));
}

/** Appends and truncates until a peer has heard of some of it, in the middle of more. */
async function work(
  core: Hypercore,
  peers: readonly PeerOfTest[],
  random: { next(): number },
): Promise<void> {
  let heard = 0;
  const target = 1 + Math.floor(random.next() * 4);
  const enough = Promise.withResolvers<void>();
  for (const { core } of peers) {
    const hear = () => {
      if (++heard === target) enough.resolve();
    };
    core.on("append", hear).on("truncate", hear);
  }
  let isOver = false;
  enough.promise.then(() => isOver = true);
  const pending: Promise<unknown>[] = [];
  while (!isOver) {
    const kind = random.next();
    if (kind < 0.1 && core.length > 4) {
      pending.push(core.truncate(core.length - Math.floor(random.next() * 3)));
    } else {
      const count = kind < 0.8 ? 1 : 20;
      const byteLength = random.next() < 0.2 ? 20_000 : 10;
      const text = `${core.length} ${random.next()} `;
      const blocks = Array.from(
        { length: count },
        (_, i) => utf8Bytes(`${text}${i}`.padEnd(byteLength, "x")),
      );
      pending.push(core.append(blocks));
    }
    if (random.next() < 0.5) await Promise.all(pending.splice(0));
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  // What is under way when the power goes may end either way.
  for (const promise of pending) promise.catch(() => {});
  for (const { core } of peers) core.removeAllListeners("append").removeAllListeners("truncate");
}

/** Runs a writer through some power cuts; returns how many blocks that a peer had seen were lost. */
async function run(seed: number, options: PowerLossOptions): Promise<number> {
  const random = randomOf(seed);
  const seen: Seen = new Map();
  let lost = 0;
  let peers: PeerOfTest[] | null = null;
  const folders: string[] = [await Deno.makeTempDir({ prefix: "quince-power-" })];
  try {
    for (let cut = 0; cut <= CUTS_PER_SEED && lost === 0; cut++) {
      const storage = new PowerLossStorage(folders.at(-1)!, options);
      const store = new Corestore(storage);
      const core = store.get({ name: "core" });
      await core.ready();
      peers ??= await Promise.all(Array.from({ length: PEERS }, () => openPeer(core.key!)));
      lost = await countLost(core, seen);
      const replications = peers.map((peer) => new MemoryReplication(store, peer.store));
      if (lost === 0) await work(core, peers, random);
      const image = await Deno.makeTempDir({ prefix: "quince-power-" });
      folders.push(image);
      storage.cutPower(image, random);
      for (const peer of peers) await note(seen, peer);
      for (const replication of replications) await replication[Symbol.asyncDispose]();
      // What a peer had received by then and takes in only now, it has seen as well.
      for (const peer of peers) await note(seen, peer);
      await store.close();
    }
    for (const { failures } of peers!) assert.deepEqual(failures, [], `seed ${seed}`);
  } finally {
    for (const { store } of peers ?? []) await store.close();
    for (const folder of folders) await Deno.remove(folder, { recursive: true });
  }
  return lost;
}

/** How many states that a peer has seen the writer does not have any more. */
async function countLost(core: Hypercore, seen: Seen): Promise<number> {
  let lost = 0;
  for (const [state, hash] of seen) {
    const [fork, length] = state.split(" ").map(Number) as [number, number];
    if (fork > core.fork) lost++;
    else if (fork === core.fork) {
      const isThere = length <= core.length && hexText(await core.core!.log.treeHash(length)) === hash;
      if (!isThere) lost++;
    }
  }
  return lost;
}

Deno.test(`a writer that loses power ${SEEDS * CUTS_PER_SEED} times has all that a peer has seen, and signs no second block`, async () => {
  for (let seed = 1; seed <= SEEDS; seed++) {
    assert.equal(await run(seed, { syncMs: 2 }), 0, `seed ${seed}`);
  }
});

Deno.test("a storage that lies about syncs is found out: the test above can fail", async () => {
  let lost = 0;
  for (let seed = 1; seed <= SEEDS && lost === 0; seed++) lost = await run(seed, { lies: true });
  assert.ok(lost > 0);
});

Deno.test("append() with durable resolves once a power cut leaves the block", async () => {
  await withFolder(async (folder) => {
    const random = randomOf(1);
    const storage = new PowerLossStorage(folder, { syncMs: 5 });
    const store = new Corestore(storage);
    const core = store.get({ name: "core" });
    for (let i = 0; i < 5; i++) {
      await core.append(utf8Bytes(`block ${i}`), { durable: true });
      const lengthKept = core.length;
      core.append(utf8Bytes("more")).catch(() => {});
      await withFolder(async (image) => {
        storage.cutPower(image, random);
        await using again = new Corestore(image);
        const kept = again.get({ name: "core" });
        await kept.ready();
        assert.ok(kept.length >= lengthKept);
        assert.equal(hexText(kept.key!), hexText(core.key!));
      });
    }
    await store.close();
  });
});

/**
 * Stores whose process is killed while it appends, cuts, commits batches and replicates: nothing acknowledged is lost, all
 * of it holds, and peers of both makes that have followed from the start go on with it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createServer, type Server, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { hexText, SeededRandom, utf8Bytes } from "../../src/base/mod.ts";
import { Corestore } from "../../src/corestore/mod.ts";
import type { Hypercore } from "../../src/hypercore/mod.ts";
import { NpmCorestore } from "../helpers/npm_corestore.ts";
import { withFolder } from "../helpers/store_folder.ts";
import { TcpReplication } from "../helpers/tcp.ts";

const ROUNDS = 15;
/** Stores in one process: each kill meets all of them at moments of their own. */
const STORES = 20;
const WORKER = fileURLToPath(new URL("../helpers/corestore_worker.ts", import.meta.url));

/** What was acknowledged last of a store's own core. */
interface Acknowledged {
  length: number;
  fork: number;
}

/** A reader that follows one store's core over all kills. */
class Follower implements AsyncDisposable {
  readonly failures: unknown[] = [];
  readonly #store = new Corestore();
  readonly #source: Corestore;
  readonly #sockets = new Set<Socket>();
  #server: Server | null = null;
  #core: Hypercore | null = null;

  /** Serves the cores of `source` as well. */
  constructor(source: Corestore) {
    this.#source = source;
  }

  /** Listens; resolves to the port. */
  async listen(): Promise<number> {
    const server = this.#server = createServer((socket) => {
      const stream = this.#store.replicate(false);
      this.#source.replicate(stream);
      this.#sockets.add(socket);
      socket.on("close", () => this.#sockets.delete(socket));
      stream.on("error", () => {});
      socket.on("error", () => stream.destroy());
      stream.pipe(socket).pipe(stream);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    return (server.address() as AddressInfo).port;
  }

  /** Follows the core with `key` from the first call on; what it knows of it. */
  async follow(key: Uint8Array): Promise<Hypercore> {
    if (this.#core !== null) return this.#core;
    const core = this.#core = this.#store.get({ key });
    await core.ready();
    core.on("verification-error", (error) => this.failures.push(error));
    core.on("conflict", (length) => this.failures.push(new Error(`Conflict at ${length}`)));
    core.download();
    return core;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = new Promise((resolve) => this.#server?.close(resolve) ?? resolve(null));
    for (const socket of this.#sockets) socket.destroy();
    await closed;
    await this.#store.close();
  }
}

/** Lets a worker work until it has acknowledged `count` changes, then kills it. */
async function killAfter(
  args: readonly string[],
  count: number,
  acknowledged: Acknowledged[],
): Promise<void> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", WORKER, ...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const errors = new Response(child.stderr).text();
  let rest = "";
  let heard = 0;
  let isKilled = false;
  for await (const text of child.stdout.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    for (const line of lines) {
      const [number, length, fork] = line.split(" ").map(Number) as [number, number, number];
      acknowledged[number] = { length, fork };
      if (++heard < count || isKilled) continue;
      isKilled = true;
      child.kill("SIGKILL");
    }
  }
  await child.status;
  assert.ok(isKilled, `The worker ended by itself: ${await errors}`);
}

/** Opens a store that was killed and looks at all of it. */
async function inspect(store: Corestore, acknowledged: Acknowledged, follower: Follower): Promise<Hypercore> {
  const core = store.get({ name: "own" });
  await core.ready();
  const what = `${core.length} blocks of fork ${core.fork}, acknowledged ${JSON.stringify(acknowledged)}`;
  const isThere = core.fork > acknowledged.fork ||
    (core.fork === acknowledged.fork && core.length >= acknowledged.length);
  assert.ok(isThere, what);
  const seen = await follower.follow(core.key!);
  assert.ok(core.fork >= seen.fork, `a peer has seen fork ${seen.fork}, stored are ${what}`);
  if (core.fork === seen.fork) {
    assert.ok(core.length >= seen.length, `a peer has seen ${seen.length} blocks, stored are ${what}`);
    assert.equal(
      hexText(await core.treeHash(seen.length)),
      hexText(await seen.core!.log.treeHash(seen.length)),
    );
  }
  for await (const { audit } of store.audit({ dryRun: true })) {
    const { droppedTreeNodes, droppedBlocks, droppedBits, corrupt } = audit;
    assert.deepEqual(
      { droppedTreeNodes, droppedBlocks, droppedBits, corrupt },
      { droppedTreeNodes: 0, droppedBlocks: 0, droppedBits: 0, corrupt: false },
    );
  }
  return core;
}

Deno.test(`CS-036 stores killed at ${ROUNDS * STORES} random moments hold, and peers of both makes go on with them`, async () => {
  await withFolder(async (folder) => {
    const random = new SeededRandom(7);
    await using source = new Corestore();
    const theirs = source.get({ name: "theirs" });
    await theirs.append(Array.from({ length: 500 }, (_, i) => utf8Bytes(`block ${i}`.repeat(10))));
    await using npm = await NpmCorestore.start();
    const followers = Array.from({ length: STORES }, () => new Follower(source));
    try {
      const ports = await Promise.all(followers.map((follower) => follower.listen()));
      const followedByNpm = new Set<string>();
      const acknowledged: Acknowledged[] = Array.from({ length: STORES }, () => ({ length: 0, fork: 0 }));
      for (let round = 0; round < ROUNDS; round++) {
        const args = [folder, String(STORES), String(1000 * round), ports.join(), hexText(theirs.key!)];
        await killAfter(args, Math.floor(random.next() ** 2 * 40 * STORES), acknowledged);
        await using tcp = new TcpReplication();
        for (let number = 0; number < STORES; number++) {
          await using store = new Corestore(`${folder}/${number}`);
          const core = await inspect(store, acknowledged[number]!, followers[number]!);
          // Each store meets npm a few times, which keeps what it has read before.
          if ((round + number) % 5 !== 0 || core.length === 0) continue;
          await core.append(utf8Bytes(`round ${round}`));
          acknowledged[number] = { length: core.length, fork: core.fork };
          await npm.connect(await tcp.listen(store));
          const id = `own ${number}`;
          if (!followedByNpm.has(id)) await npm.get({ id, key: core.key! });
          followedByNpm.add(id);
          const known = await npm.run("follow", { id, length: core.length, fork: core.fork });
          assert.equal(known, hexText(await core.treeHash()), `npm at round ${round}, store ${number}`);
          await npm.run("disconnect");
          await tcp.cut();
        }
      }
      for (const { failures } of followers) assert.deepEqual(failures, []);
    } finally {
      for (const follower of followers) await follower[Symbol.asyncDispose]();
    }
  });
});

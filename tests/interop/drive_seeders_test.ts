/**
 * Seeders that vanish while a drive is mirrored from them, over a swarm: another one takes over, at once or later. Both
 * makes vanish, and both take over.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { join } from "node:path";
import { hexText } from "../../src/base/mod.ts";
import { Corestore } from "../../src/corestore/mod.ts";
import createTestnet, { type Testnet } from "../../src/hyperdht/testnet/mod.ts";
import { HyperDHT } from "../../src/hyperdht/mod.ts";
import { idEncoding } from "../../src/hypercore_crypto/mod.ts";
import { Hyperdrive } from "../../src/hyperdrive/mod.ts";
import { Hyperswarm } from "../../src/hyperswarm/mod.ts";
import { Localdrive } from "../../src/localdrive/mod.ts";
import { MirrorDrive } from "../../src/mirror_drive/mod.ts";
import { assertSameFolders, digestFolder, writeBigFiles } from "../helpers/large_folder.ts";
import { NodePeer } from "../helpers/node_peer.ts";
import { NpmPeer } from "../helpers/npm_peer.ts";
import { withFolder } from "../helpers/store_folder.ts";

const MAIN = fileURLToPath(new URL("../../src/cli/main.ts", import.meta.url));
const BYTES = 48 << 20;
/** Blocks that have come when a seeder is killed, of 768. */
const KILL_BLOCKS = 60;

type Address = { readonly host: string; readonly port: number };

/** `quince drives seed` of a folder, in a process of its own. */
async function seedFolder(folder: string, storage: string, testnet: Testnet): Promise<[NodePeer, string]> {
  const [{ port }] = testnet.bootstrap as [Address];
  const peer = NodePeer.startCommand("quince drives seed", [
    Deno.execPath(),
    ...["run", "-A", "--no-check", MAIN, "drives", "seed", folder, "--json", "--storage", storage],
    ...["--host", "127.0.0.1", "--bootstrap", `127.0.0.1:${port}`],
  ]);
  const { key } = await peer.next("drive");
  await peer.next("mirrored");
  await peer.next("announced");
  return [peer, key as string];
}

/** A reader of a drive that tells from whom its blobs come. */
class Reader implements AsyncDisposable {
  readonly drive: Hyperdrive;
  /** Blocks of blobs by the public key of the peer that sent them. */
  readonly blocks = new Map<string, number>();
  readonly #swarm: Hyperswarm;

  constructor(storage: string, key: string, testnet: Testnet) {
    this.drive = new Hyperdrive(new Corestore(storage), key);
    this.#swarm = new Hyperswarm({
      dht: new HyperDHT({ bootstrap: testnet.bootstrap as Address[], host: "127.0.0.1" }),
    });
    this.#swarm.on("connection", (connection) => this.drive.replicate(connection));
  }

  /** Joins, and resolves once the drive's files and blobs are known. */
  async open(): Promise<void> {
    await this.drive.ready();
    const found = this.drive.findingPeers();
    this.#swarm.join(this.drive.discoveryKey!);
    this.#swarm.flush().then(found, found);
    await this.drive.update();
    (await this.drive.getBlobs())!.core.on("download", (_index, _byteLength, peer) => {
      const id = hexText(peer.remotePublicKey!);
      this.blocks.set(id, (this.blocks.get(id) ?? 0) + 1);
    });
  }

  /** Public keys of the peers that are connected. */
  get peers(): string[] {
    return Array.from(this.#swarm.connections, ({ remotePublicKey }) => hexText(remotePublicKey!));
  }

  /** Resolves once as many peers are connected. */
  async connected(count: number): Promise<void> {
    while (this.peers.length !== count) {
      await new Promise<void>((resolve) => this.#swarm.once("update", resolve));
    }
  }

  /** Blocks of blobs that have come. */
  get blockCount(): number {
    return Array.from(this.blocks.values()).reduce((a, b) => a + b, 0);
  }

  /** Resolves once so many blocks of blobs have come. */
  async received(count: number): Promise<void> {
    const { core } = this.drive.blobs!;
    while (this.blockCount < count) {
      await new Promise<void>((resolve) => core.once("download", () => resolve()));
    }
  }

  get isComplete(): boolean {
    const { core } = this.drive.blobs!;
    return core.contiguousLength === core.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#swarm.destroy();
    await this.drive.close();
  }
}

Deno.test("HD-051 HD-041 MD-001 a mirror whose seeder is killed goes on with another one, which may come later", async () => {
  await using testnet = await createTestnet(3);
  const bootstrap = testnet.bootstrap as Address[];
  await withFolder(async (folder) => {
    const source = join(folder, "source");
    writeBigFiles(source, BYTES);
    const expected = await digestFolder(source);
    const [ours, key] = await seedFolder(source, join(folder, "ours"), testnet);
    await using _ours = ours;
    await using npm = new NpmPeer("hyperdrive/peer.mjs");
    await npm.run("open", { drive: 1, folder: join(folder, "npm"), key: hexText(idEncoding.decode(key)) });
    const npmKey = await npm.run<string>("swarm", { drive: 1, bootstrap });
    await npm.run("update", { drive: 1 });
    await npm.run("download", { drive: 1, folder: "/" });

    // Both are there when ours is killed.
    {
      await using reader = new Reader(join(folder, "first"), key, testnet);
      await reader.open();
      await reader.connected(2);
      const copy = join(folder, "first copy");
      const done = new MirrorDrive(reader.drive, new Localdrive(copy, { atomic: true })).done();
      await reader.received(KILL_BLOCKS);
      ours.kill();
      assert.ok(!reader.isComplete, "the seeder was killed too late");
      await done;
      assert.ok(reader.blocks.get(npmKey)! > KILL_BLOCKS);
      assertSameFolders(await digestFolder(copy), expected);
    }

    // npm is alone, and is killed; ours comes back after it is gone.
    {
      await using reader = new Reader(join(folder, "second"), key, testnet);
      await reader.open();
      await reader.connected(1);
      const copy = join(folder, "second copy");
      const done = new MirrorDrive(reader.drive, new Localdrive(copy, { atomic: true })).done();
      await reader.received(KILL_BLOCKS);
      await npm[Symbol.asyncDispose]();
      await reader.connected(0);
      assert.ok(!reader.isComplete, "the seeder was killed too late");
      for await (const { name } of Deno.readDir(copy)) {
        assert.ok(name.endsWith(".tmp") || expected.has(`/${name}`));
      }
      const [again] = await seedFolder(source, join(folder, "ours"), testnet);
      await using _again = again;
      await done;
      assert.equal(reader.blocks.size, 2);
      assertSameFolders(await digestFolder(copy), expected);
    }
  });
});

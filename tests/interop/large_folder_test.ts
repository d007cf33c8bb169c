/**
 * A large folder of every kind of file, from disk to disk through drives of both makes. `bench/macro/share_folder.ts` does
 * the same with 20 000 files, and with gigabytes, through the commands.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { hexBytes, hexText } from "../../src/base/mod.ts";
import { Corestore } from "../../src/corestore/mod.ts";
import { Hyperdrive } from "../../src/hyperdrive/mod.ts";
import { Localdrive } from "../../src/localdrive/mod.ts";
import { assertSameFolders, digestFolder, writeLargeFolder } from "../helpers/large_folder.ts";
import { NpmPeer } from "../helpers/npm_peer.ts";
import { withFolder } from "../helpers/store_folder.ts";
import { TcpReplication } from "../helpers/tcp.ts";

const FILES = 2000;
const NOTHING_DONE = { files: FILES, add: 0, remove: 0, change: 0 };
const ALL_ADDED = { files: FILES, add: FILES, remove: 0, change: 0 };

Deno.test(`MD-001 HD-051 LD-018 a folder of ${FILES} files goes through our drive to npm's, and to disk as it was`, async () => {
  await using npm = new NpmPeer("hyperdrive/peer.mjs");
  await using tcp = new TcpReplication();
  await withFolder(async (folder) => {
    const source = join(folder, "source");
    writeLargeFolder(source, FILES);
    await using drive = new Hyperdrive(new Corestore(join(folder, "ours")));
    const mirror = new Localdrive(source).mirror(drive);
    await mirror.done();
    assert.deepEqual(mirror.count, ALL_ADDED);

    await npm.run("open", { drive: 1, folder: join(folder, "npm"), key: hexText(drive.key!) });
    await npm.run("connect", { drive: 1, port: await tcp.listen(drive.corestore) });
    await npm.run("update", { drive: 1 });
    const copy = join(folder, "copy");
    assert.deepEqual(await npm.run("mirrorTo", { drive: 1, folder: copy }), ALL_ADDED);
    assertSameFolders(await digestFolder(copy), await digestFolder(source));

    // Both find nothing left to do, in the folder that the other side wrote.
    assert.deepEqual(
      await npm.run("mirrorTo", { drive: 1, folder: source, options: { dryRun: true } }),
      NOTHING_DONE,
    );
    const again = new Localdrive(copy).mirror(drive, { dryRun: true });
    await again.done();
    assert.deepEqual(again.count, NOTHING_DONE);
    await npm.run("close", { drive: 1 });
  });
});

Deno.test(`MD-001 HD-051 LD-018 a folder of ${FILES} files goes through npm's drive to ours, and to disk as it was`, async () => {
  await using npm = new NpmPeer("hyperdrive/peer.mjs");
  await using tcp = new TcpReplication();
  await withFolder(async (folder) => {
    const source = join(folder, "source");
    writeLargeFolder(source, FILES);
    const { key } = await npm.run<{ key: string }>("open", { drive: 1, folder: join(folder, "npm") });
    assert.deepEqual(await npm.run("mirrorFrom", { drive: 1, folder: source }), ALL_ADDED);

    await using drive = new Hyperdrive(new Corestore(join(folder, "ours")), hexBytes(key));
    await drive.ready();
    tcp.connect(await npm.run<number>("listen", { drive: 1 }), drive.corestore);
    const found = drive.findingPeers();
    await drive.update();
    found();
    const copy = join(folder, "copy");
    const mirror = drive.mirror(new Localdrive(copy, { atomic: true }));
    await mirror.done();
    assert.deepEqual(mirror.count, ALL_ADDED);
    assertSameFolders(await digestFolder(copy), await digestFolder(source));

    const again = drive.mirror(new Localdrive(source), { dryRun: true });
    await again.done();
    assert.deepEqual(again.count, NOTHING_DONE);
    assert.deepEqual(
      await npm.run("mirrorFrom", { drive: 1, folder: copy, options: { dryRun: true } }),
      NOTHING_DONE,
    );
    await npm.run("close", { drive: 1 });
  });
});

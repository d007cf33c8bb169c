import assert from "node:assert/strict";
import { type EventEmitter, once } from "node:events";
import { equalBytes, utf8Bytes, utf8Text } from "../../../src/base/mod.ts";
import { Corestore } from "../../../src/corestore/mod.ts";
import { Hypercore } from "../../../src/hypercore/mod.ts";
import { Hyperdrive, type HyperdriveOptions } from "../../../src/hyperdrive/mod.ts";
import { Localdrive } from "../../../src/localdrive/mod.ts";
import { MemoryDrive } from "../../helpers/memory_drive.ts";
import { replicateStores } from "../../helpers/replicate_stores.ts";
import { withFolder } from "../../helpers/store_folder.ts";
import type { FileTree } from "../../helpers/files.ts";

/** Runs `run` with a drive in memory that holds `tree`. */
async function withDrive(tree: FileTree, run: (drive: Hyperdrive) => Promise<void>): Promise<void> {
  await using drive = new Hyperdrive(new Corestore());
  await write(drive, tree);
  await run(drive);
}

async function write(drive: Hyperdrive, tree: FileTree): Promise<void> {
  for (const [path, text] of Object.entries(tree)) {
    if (text.startsWith("-> ")) await drive.symlink(path, text.slice(3));
    else await drive.put(path, utf8Bytes(text));
  }
}

/** A drive of a writer, replicating with a reader of it. */
async function withReader(
  tree: FileTree,
  run: (writer: Hyperdrive, reader: Hyperdrive) => Promise<void>,
  options?: HyperdriveOptions,
): Promise<void> {
  const [store, other] = [new Corestore(), new Corestore()];
  await using writer = new Hyperdrive(store);
  await writer.ready();
  await write(writer, tree);
  await using reader = new Hyperdrive(other, writer.key, options);
  await reader.ready();
  await using _replication = replicateStores(store, other);
  const done = reader.findingPeers();
  await reader.update({ wait: true });
  done();
  await run(writer, reader);
}

async function keysOf(entries: AsyncIterable<{ readonly key: string }>): Promise<string[]> {
  return (await Array.fromAsync(entries)).map(({ key }) => key);
}

/** Resolves once a stream is closed, with whatever error. */
function closed(stream: EventEmitter): Promise<void> {
  return new Promise((resolve) => stream.on("close", resolve));
}

async function text(drive: Hyperdrive, path: string): Promise<string | null> {
  const bytes = await drive.get(path);
  return bytes === null ? null : utf8Text(bytes);
}

Deno.test("HD-055 HD-001 HD-004 HD-005 HD-006 HD-008 HD-010 HD-011 HD-012 a drive is a bee and blobs in a store", async () => {
  const store = new Corestore();
  await using drive = new Hyperdrive(store);
  assert.equal(drive.opened, false);
  await drive.ready();
  assert.equal(drive.corestore, store);
  assert.equal(drive.core, drive.db.core);
  assert.deepEqual(drive.key, drive.core.key);
  assert.equal(drive.id, drive.core.id);
  assert.deepEqual(drive.discoveryKey, drive.core.discoveryKey);
  assert.deepEqual([drive.version, drive.writable, drive.readable, drive.supportsMetadata], [
    1,
    true,
    true,
    true,
  ]);
  await drive.put("/x", "1");
  assert.equal(drive.version, 2);
  await using twin = new Corestore(null, { primaryKey: store.primaryKey!, unsafe: true });
  assert.deepEqual(await Hyperdrive.getDriveKey(twin), drive.key);
});

Deno.test("HD-007 HD-009 HD-054 HD-056 blobs are known at once to a writer, with a key that follows from the drive's", async () => {
  const drive = new Hyperdrive(new Corestore());
  const events: unknown[] = [];
  drive.on("blobs", (blobs) => events.push(blobs));
  drive.on("content-key", (key) => events.push(key));
  await drive.ready();
  assert.deepEqual(events, [drive.blobs, drive.contentKey]);
  assert.deepEqual(drive.contentKey, drive.blobs!.core.key);
  assert.deepEqual(Hyperdrive.getContentKey(drive.core), drive.contentKey);
  const { manifest } = drive.core;
  assert.deepEqual(Hyperdrive.getContentKey(manifest!, drive.key!), drive.contentKey);
  assert.deepEqual(Hypercore.key(Hyperdrive.getContentManifest(manifest!, drive.key!)!), drive.contentKey);
  assert.equal(Hyperdrive.getContentManifest({ ...manifest!, version: 0 }), null);
  await drive.close();
});

Deno.test("HD-013 close() closes cores and store, and views with them", async () => {
  const store = new Corestore();
  const drive = new Hyperdrive(store);
  await drive.put("/x", "1");
  const view = drive.checkout(2);
  await view.ready();
  let closed = 0;
  drive.on("close", () => closed++);
  await Promise.all([drive.close(), drive.close()]);
  assert.deepEqual([closed, drive.closed, view.closed, store.closed, drive.core.closed], [
    1,
    true,
    true,
    true,
    true,
  ]);
});

Deno.test("HD-014 HD-040 entries() and iteration give all entries, ranges of them, reversed and limited", async () => {
  await withDrive({ "/a": "1", "/b": "2", "/c": "3" }, async (drive) => {
    assert.deepEqual(await keysOf(drive), ["/a", "/b", "/c"]);
    assert.deepEqual(await keysOf(drive.entries({ gt: "/a" })), ["/b", "/c"]);
    assert.deepEqual(await keysOf(drive.entries({ lt: "/c" }, { reverse: true })), ["/b", "/a"]);
    assert.deepEqual(await keysOf(drive.entries({}, { limit: 1 })), ["/a"]);
    assert.deepEqual(await keysOf(drive.entries({}, { ignore: "/b" })), ["/a", "/c"]);
  });
});

Deno.test("HD-015 HD-016 HD-017 HD-W02 HD-W04 put() writes, get() reads, entry() tells", async () => {
  await withDrive({}, async (drive) => {
    await drive.put("/a/b", utf8Bytes("hello"), { executable: true, metadata: { by: "me" } });
    assert.equal(await text(drive, "a/b"), "hello");
    assert.deepEqual(await drive.entry("/a/b"), {
      seq: 1,
      key: "/a/b",
      value: {
        executable: true,
        linkname: null,
        blob: { blockOffset: 0, blockLength: 1, byteOffset: 0, byteLength: 5 },
        metadata: { by: "me" },
      },
    });
    await drive.put("/big", new Uint8Array(150_000));
    const big = (await drive.entry("/big"))!;
    assert.deepEqual(big.value.blob, { blockOffset: 1, blockLength: 3, byteOffset: 5, byteLength: 150_000 });
    assert.equal((await drive.get("/big"))!.byteLength, 150_000);
    assert.equal((await drive.get(big, { start: 10, end: 19 }))!.byteLength, 10);
    assert.equal(await drive.get("/none"), null);
    assert.equal(await drive.entry("/none"), null);
    assert.equal(await drive.entry(big), big);
  });
});

Deno.test("HD-016 HD-018 HD-023 links are followed when asked, 16 at most", async () => {
  const tree = {
    "/file": "x",
    "/dir/near": "-> ../../file",
    "/far": "-> /dir/near",
    "/a": "-> /b",
    "/b": "-> /a",
  };
  await withDrive(tree, async (drive) => {
    assert.equal((await drive.entry("/far"))!.value.linkname, "/dir/near");
    assert.equal(await text(drive, "/far"), null);
    assert.equal(utf8Text((await drive.get("/far", { follow: true }))!), "x");
    assert.equal((await drive.entry("/far", { follow: true }))!.key, "/file");
    await assert.rejects(drive.entry("/a", { follow: true }), { code: "RECURSIVE_LINK", message: /\/a/ });
    await drive.symlink("/m", "/file", { metadata: 7 });
    assert.equal((await drive.entry("/m"))!.value.metadata, 7);
    for (let hop = 0; hop < 16; hop++) await drive.symlink(`/l${hop}`, hop === 0 ? "/file" : `/l${hop - 1}`);
    await assert.rejects(drive.entry("/l15", { follow: true }), { code: "RECURSIVE_LINK" });
    assert.equal((await drive.entry("/l14", { follow: true }))!.key, "/file");
  });
});

Deno.test("HD-019 HD-021 HD-022 exists(), del() and putEntry()", async () => {
  await withDrive({ "/a": "1" }, async (drive) => {
    assert.deepEqual([await drive.exists("/a"), await drive.exists("/b")], [true, false]);
    const { value } = (await drive.entry("/a"))!;
    await drive.putEntry("/b", { ...value, metadata: "copy" });
    assert.equal(await text(drive, "/b"), "1");
    assert.equal((await drive.entry("/b"))!.value.metadata, "copy");
    await drive.del("/a");
    assert.equal(await drive.exists("/a"), false);
    assert.equal(await text(drive, "/b"), "1");
  });
});

Deno.test("HD-020 has() tells whether the bytes of a file or folder are here", async () => {
  await withReader({ "/a/x": "1", "/a/y": "2", "/b": "3", "/l": "-> /b" }, async (writer, reader) => {
    assert.equal(await writer.has("/"), true);
    assert.equal(await reader.has("/b"), false);
    await reader.get("/a/x");
    assert.deepEqual([await reader.has("/a/x"), await reader.has("/a"), await reader.has("/none")], [
      true,
      false,
      false,
    ]);
    await reader.get("/a/y");
    assert.deepEqual([await reader.has("/a"), await reader.has("/a/"), await reader.has()], [
      true,
      true,
      false,
    ]);
    assert.equal(await reader.has("/l"), false);
  });
});

Deno.test("HD-024 compare() goes by the block of the entry", async () => {
  await withDrive({ "/a": "1", "/b": "2" }, async (drive) => {
    const [a, b] = [(await drive.entry("/a"))!, (await drive.entry("/b"))!];
    assert.deepEqual([drive.compare(a, b), drive.compare(b, a), drive.compare(a, a)], [-1, 1, 0]);
  });
});

Deno.test("HD-025 HD-026 clear() and clearAll() drop bytes and keep entries", async () => {
  await withReader({ "/a": "1", "/b": "2" }, async (writer, reader) => {
    await reader.get("/a");
    await reader.get("/b");
    assert.deepEqual(await reader.clear("/a", { diff: true }), { blocks: 1 });
    assert.equal(await reader.clear("/b"), null);
    assert.equal(await reader.has("/"), false);
    assert.equal(await text(reader, "/a"), "1");
    assert.deepEqual(await reader.clear("/none", { diff: true }), { blocks: 0 });
    assert.equal(await reader.clear("/none"), null);
    await reader.get("/b");
    assert.deepEqual(await reader.clearAll({ diff: true }), { blocks: 2 });
    assert.equal(await reader.has("/b"), false);
    assert.equal(await writer.has("/b"), true);
  });
});

Deno.test("HD-027 purge() deletes both cores", async () => {
  const store = new Corestore();
  const drive = new Hyperdrive(store.session());
  await drive.put("/x", "1");
  const view = drive.checkout(2);
  await assert.rejects(view.purge(), { code: "NOT_SUPPORTED" });
  await drive.purge();
  assert.equal(drive.closed, true);
  assert.deepEqual(await Array.fromAsync(store.list()), []);
  await store.close();
});

Deno.test("HD-028 HD-029 truncate() goes back to a version, with the blobs that it needs", async () => {
  await withDrive({ "/a": "1", "/b": "22" }, async (drive) => {
    const version = drive.version;
    await drive.put("/c", new Uint8Array(70_000));
    assert.deepEqual([await drive.getBlobsLength(version), await drive.getBlobsLength()], [2, 4]);
    await assert.rejects(drive.truncate(99), { code: "BAD_ARGUMENT", message: /99/ });
    await assert.rejects(drive.truncate(version, { blobs: 99 }), { code: "BAD_ARGUMENT" });
    await drive.truncate(version);
    assert.deepEqual(await keysOf(drive), ["/a", "/b"]);
    assert.deepEqual([drive.version, drive.blobs!.core.length], [version, 2]);
    await drive.put("/d", "3");
    assert.equal(await text(drive, "/d"), "3");
  });
});

Deno.test("HD-030 createReadStream() reads ranges, the end included; of a file that is not there is an error", async () => {
  await withDrive({ "/x": "0123456789", "/empty": "", "/l": "-> /x" }, async (drive) => {
    const read = async (options: object, path = "/x"): Promise<string> =>
      utf8Text(Buffer.concat(await Array.fromAsync(drive.createReadStream(path, options))));
    assert.equal(await read({}), "0123456789");
    assert.equal(await read({ start: 2, end: 4 }), "234");
    assert.equal(await read({ start: 2, length: 2 }), "23");
    assert.equal(await read({}, "/empty"), "");
    assert.equal(await read({}, "/l"), "");
    await assert.rejects(read({}, "/none"), { code: "NOT_FOUND", message: /\/none/ });
  });
});

Deno.test("HD-031 createWriteStream() writes when it has finished, and nothing when it is destroyed", async () => {
  await withDrive({ "/x": "old" }, async (drive) => {
    const stream = drive.createWriteStream("/x", { executable: true, metadata: 1 });
    stream.write("ab");
    stream.write(utf8Bytes("cd"));
    assert.equal(await text(drive, "/x"), "old");
    stream.end();
    await closed(stream);
    assert.equal(await text(drive, "/x"), "abcd");
    const { value } = (await drive.entry("/x"))!;
    assert.deepEqual([value.executable, value.metadata], [true, 1]);
    const broken = drive.createWriteStream("/x");
    broken.on("error", () => {});
    broken.write("half");
    await once(broken, "open");
    broken.destroy(new Error("stop"));
    await closed(broken);
    assert.equal(await text(drive, "/x"), "abcd");
    await drive.put("/y", "next");
    assert.equal(await text(drive, "/y"), "next");
  });
});

Deno.test("HD-031 a large file streams in and out", async () => {
  await withDrive({}, async (drive) => {
    const bytes = crypto.getRandomValues(new Uint8Array(60_000));
    const stream = drive.createWriteStream("/big");
    for (let part = 0; part < 40; part++) {
      if (!stream.write(bytes.slice())) await once(stream, "drain");
    }
    stream.end();
    await closed(stream);
    let byteLength = 0;
    for await (const part of drive.createReadStream("/big")) byteLength += part.byteLength;
    assert.equal(byteLength, 40 * 60_000);
    assert.ok(equalBytes((await drive.get("/big", { start: 60_000, length: 60_000 }))!, bytes));
  });
});

Deno.test("HD-032 with dedup, blocks that the version before has are used again", async () => {
  await withDrive({}, async (drive) => {
    const write = async (...chunks: string[]): Promise<void> => {
      const stream = drive.createWriteStream("/x", { dedup: true });
      for (const chunk of chunks) stream.write(chunk);
      stream.end();
      await closed(stream);
    };
    await write("one", "two", "three");
    const length = drive.blobs!.core.length;
    await write("one", "2", "three");
    assert.equal(await text(drive, "/x"), "one2three");
    assert.equal(drive.blobs!.core.length, length + 2);
    assert.equal((await drive.entry("/x"))!.value.blob!.blockMap, true);
    assert.equal(await drive.has("/x"), true);
  });
});

Deno.test("HD-033 HD-034 a batch shows its own changes, and the drive shows them once it is flushed", async () => {
  await withDrive({ "/a": "1", "/b": "2" }, async (drive) => {
    const batch = drive.batch();
    await batch.put("/a", "new");
    await batch.del("/b");
    await batch.symlink("/l", "/a");
    assert.deepEqual(await keysOf(batch.list()), ["/a", "/l"]);
    assert.equal(await text(batch, "/a"), "new");
    assert.deepEqual(await keysOf(drive.list()), ["/a", "/b"]);
    const before = drive.core.length;
    await batch.flush();
    assert.equal(batch.closed, true);
    assert.deepEqual(await keysOf(drive.list()), ["/a", "/l"]);
    assert.equal(drive.core.length, before + 3);
    await assert.rejects(drive.flush(), { code: "NOT_SUPPORTED" });
    const abandoned = drive.batch();
    await abandoned.put("/z", "1");
    await abandoned.close();
    assert.equal(await drive.exists("/z"), false);
    await drive.put("/z", "2");
  });
});

Deno.test("HD-035 checkout() shows a version, also a file that was overwritten since", async () => {
  await withDrive({ "/a": "1" }, async (drive) => {
    const version = drive.version;
    await drive.put("/a", "2");
    await drive.put("/b", "3");
    const view = drive.checkout(version);
    assert.deepEqual([await text(view, "/a"), await view.exists("/b"), view.version], ["1", false, version]);
    await assert.rejects(view.put("/c", "4"));
    const nested = view.checkout(version);
    assert.deepEqual(await keysOf(nested.list()), ["/a"]);
    await nested.close();
    await view.close();
    assert.equal(await text(drive, "/a"), "2");
  });
});

Deno.test("HD-036 HD-037 HD-038 HD-058 list() and readdir() of folders", async () => {
  const tree = { "/a/x": "", "/a/y/z": "", "/a.txt": "", "/a0": "", "/b": "" };
  await withDrive(tree, async (drive) => {
    assert.deepEqual(await keysOf(drive.list("/a")), ["/a/x", "/a/y/z"]);
    assert.deepEqual(await keysOf(drive.list()), ["/a.txt", "/a/x", "/a/y/z", "/a0", "/b"]);
    assert.deepEqual(await keysOf(drive.list({ recursive: false })), ["/a.txt", "/a/x", "/a0", "/b"]);
    assert.deepEqual(await keysOf(drive.list("/", { ignore: ["/a", "b"] })), ["/a.txt", "/a0"]);
    assert.deepEqual(await keysOf(drive.list("a/", { ignore: (key) => key.endsWith("x") })), ["/a/y/z"]);
    assert.deepEqual(await Array.fromAsync(drive.readdir()), ["a.txt", "a", "a0", "b"]);
    assert.deepEqual(await Array.fromAsync(drive.readdir("/a")), ["x", "y"]);
    assert.deepEqual(await Array.fromAsync(drive.readdir("/none")), []);
  });
});

Deno.test("HD-037 HD-039 list() and readdir() with wait false do not wait for what is not here", async () => {
  await withReader({ "/a": "1" }, async (_writer, reader) => {
    await using other = new Hyperdrive(new Corestore(), reader.key);
    await other.ready();
    assert.deepEqual(await Array.fromAsync(other.readdir("/", { wait: false })), []);
    assert.deepEqual(await keysOf(other.list("/", { wait: false })), []);
  });
});

Deno.test("HD-041 watch() gives pairs of views between which something in a folder changed", async () => {
  await withDrive({ "/a/x": "1" }, async (drive) => {
    const watcher = drive.watch("/a");
    await watcher.ready();
    await drive.put("/b", "not watched");
    await drive.put("/a/y", "2");
    const { value: [current, previous] } = await watcher.next() as { value: [Hyperdrive, Hyperdrive] };
    assert.deepEqual([await current.exists("/a/y"), await previous.exists("/a/y")], [true, false]);
    await watcher.destroy();
  });
});

Deno.test("HD-042 diff() gives what changed since a version, of a folder", async () => {
  await withDrive({ "/a/x": "1", "/b": "2", "/gone": "3" }, async (drive) => {
    const version = drive.version;
    await drive.put("/a/x", "new");
    await drive.put("/a/z", "4");
    await drive.del("/gone");
    const differences = async (folder?: string): Promise<unknown[]> =>
      (await Array.fromAsync(drive.diff(version, folder))).map(({ left, right }) => [
        left?.key ?? null,
        right?.key ?? null,
      ]);
    assert.deepEqual(await differences(), [["/a/x", "/a/x"], ["/a/z", null], [null, "/gone"]]);
    assert.deepEqual(await differences("/a"), [["/a/x", "/a/x"], ["/a/z", null]]);
  });
});

Deno.test("HD-043 HD-046 download() fetches a file or a folder", async () => {
  await withReader({ "/a/x": "1", "/a/y": "2", "/b": "3" }, async (_writer, reader) => {
    await reader.download("/a/x").done();
    assert.deepEqual([await reader.has("/a/x"), await reader.has("/a/y")], [true, false]);
    await reader.download("/a").done();
    assert.deepEqual([await reader.has("/a"), await reader.has("/b")], [true, false]);
    const download = reader.download({ ignore: "/a" });
    await download.ready();
    await download.done();
    assert.equal(await reader.has("/"), true);
    const given = reader.download();
    given.destroy();
    await given.done();
    assert.equal(given.destroyed, true);
  });
});

Deno.test("HD-043 download() fetches files that are stored as maps of blocks", async () => {
  await withReader({}, async (writer, reader) => {
    for (const name of ["/x", "/y"]) {
      const stream = writer.createWriteStream(name, { dedup: true });
      stream.write("one");
      stream.write(name);
      stream.end();
      await closed(stream);
    }
    while (reader.version < writer.version) await once(reader.core, "append");
    await reader.download("/").done();
    assert.equal(await reader.has("/"), true);
    assert.equal(utf8Text((await reader.get("/y", { wait: false }))!), "one/y");
  });
});

Deno.test("HD-044 downloadDiff() fetches what changed since a version", async () => {
  await withReader({ "/a": "1" }, async (writer, reader) => {
    const version = writer.version;
    await writer.put("/b", "2");
    await reader.update({ wait: true });
    await (await reader.downloadDiff(version)).done();
    assert.deepEqual([await reader.has("/a"), await reader.has("/b")], [false, true]);
  });
});

Deno.test("HD-045 downloadRange() fetches ranges of both cores", async () => {
  await withReader({ "/a": "1", "/b": "2" }, async (_writer, reader) => {
    await (await reader.downloadRange([{ start: 0, end: 2 }], [{ start: 1, end: 2 }])).done();
    assert.deepEqual([await reader.blobs!.core.has(0), await reader.blobs!.core.has(1)], [false, true]);
  });
});

Deno.test("HD-047 HD-048 HD-049 HD-050 a reader finds the writer's files and follows them", async () => {
  await withReader({ "/a": "1" }, async (writer, reader) => {
    assert.equal(reader.writable, false);
    assert.equal(await text(reader, "/a"), "1");
    assert.deepEqual((await reader.getBlobs())!.core.key, writer.contentKey);
    await writer.put("/b", "2");
    assert.equal(await reader.update({ wait: true }), true);
    assert.equal(await text(reader, "/b"), "2");
    await assert.rejects(reader.put("/c", "3"));
  });
});

Deno.test("HD-016 get() with wait false tells that the bytes are not here", async () => {
  await withReader({ "/a": "1" }, async (_writer, reader) => {
    await reader.entry("/a");
    await assert.rejects(reader.get("/a", { wait: false }), { code: "BLOCK_NOT_AVAILABLE", message: /\/a/ });
  });
});

Deno.test("HD-003 onwait is told of blocks that are waited for", async () => {
  const waited: number[] = [];
  await withReader({ "/a": "1" }, async (_writer, reader) => {
    await reader.get("/a");
  }, { onwait: (index) => waited.push(index) });
  assert.ok(waited.length >= 2, `${waited}`);
});

Deno.test("HD-051 mirror() makes a folder, or another drive, like this one", async () => {
  await withDrive({ "/a": "1", "/b/c": "2", "/l": "-> /a" }, async (drive) => {
    const memory = new MemoryDrive({ "/old": "" });
    await drive.mirror(memory).done();
    assert.deepEqual(memory.tree, { "/a": "1", "/b/c": "2", "/l": "-> /a" });
    await withFolder(async (folder) => {
      const local = new Localdrive(folder);
      await drive.mirror(local).done();
      assert.deepEqual(await keysOf(local.list()), ["/a", "/b/c", "/l"]);
      await local.put("/new", utf8Bytes("3"));
      const mirror = local.mirror(drive, { batch: true });
      await mirror.done();
      assert.deepEqual(mirror.count, { files: 4, add: 1, remove: 0, change: 0 });
      assert.equal(await text(drive, "/new"), "3");
    });
  });
});

Deno.test("MD-013 a mirror of a reader fetches ahead and counts what comes", async () => {
  const tree = Object.fromEntries(Array.from({ length: 20 }, (_, index) => [`/${index}`, `file ${index}`]));
  await withReader(tree, async (_writer, reader) => {
    const memory = new MemoryDrive();
    const mirror = reader.mirror(memory, { progress: true });
    await mirror.done();
    assert.equal(Object.keys(memory.tree).length, 20);
    assert.deepEqual([mirror.downloadedBlocks, mirror.downloadProgress, mirror.preloaded], [20, 1, true]);
  });
});

Deno.test("HD-052 monitor() counts what of a file passes", async () => {
  await withReader({ "/a": "12345", "/b": "other" }, async (writer, reader) => {
    const monitor = reader.monitor("/a");
    const all = writer.monitor();
    await Promise.all([monitor.ready(), all.ready()]);
    let updates = 0;
    monitor.on("update", () => updates++);
    await reader.get("/b");
    await reader.get("/a");
    const { blocks, totalBytes, targetBytes, targetBlocks, percentage, peers } = monitor.downloadStats;
    assert.deepEqual({ blocks, totalBytes, targetBytes, targetBlocks, percentage, peers, updates }, {
      blocks: 1,
      totalBytes: 5,
      targetBytes: 5,
      targetBlocks: 1,
      percentage: 100,
      peers: 1,
      updates: 1,
    });
    assert.ok(all.uploadStats.blocks >= 2);
    assert.ok(monitor.downloadSpeed() > 0);
    assert.equal(monitor.uploadSpeed(), 0);
    assert.equal(reader.monitors.size, 1);
    await reader.closeMonitors();
    assert.equal(reader.monitors.size, 0);
  });
});

Deno.test("HD-053 setActive() passes on to both cores", async () => {
  await withDrive({ "/a": "1" }, async (drive) => {
    await drive.ready();
    const calls: boolean[] = [];
    drive.core.setActive = (active: boolean) => calls.push(active);
    drive.blobs!.core.setActive = (active: boolean) => calls.push(active);
    drive.setActive(false);
    drive.setActive(false);
    drive.setActive(true);
    assert.deepEqual(calls, [false, false, true, true]);
  });
});

Deno.test("HD-057 HD-058 normalizePath() resolves paths and refuses the root", async () => {
  assert.equal(Hyperdrive.normalizePath("a//b/../c"), "/a/c");
  assert.throws(() => Hyperdrive.normalizePath("/"), { code: "BAD_ARGUMENT" });
  assert.throws(() => Hyperdrive.normalizePath(".."), { code: "BAD_ARGUMENT" });
  await withDrive({}, async (drive) => {
    await assert.rejects(drive.put("/", "x"), { code: "BAD_ARGUMENT" });
    await assert.rejects(drive.get("/../x"), { code: "BAD_ARGUMENT" });
  });
});

Deno.test("HD-W01 file keys lie under a prefix, other keys may lie beside", async () => {
  await withDrive({ "/a": "1" }, async (drive) => {
    await drive.db.put("beside", { any: "value" });
    assert.deepEqual(await keysOf(drive.list()), ["/a"]);
    assert.deepEqual((await drive.db.get("files\0/a"))!.key, "files\0/a");
    assert.deepEqual((await drive.db.get("beside"))!.value, { any: "value" });
  });
});

Deno.test("what a writer stored that is no entry is an error that names the file", async () => {
  const values = [
    7,
    "text",
    { linkname: 5 },
    { blob: "x" },
    { blob: { blockOffset: -1, blockLength: 1, byteOffset: 0, byteLength: 1 } },
    { blob: { blockOffset: 0, blockLength: 1e300, byteOffset: 0, byteLength: 1 } },
    { blob: { blockOffset: 0, blockLength: 1, byteOffset: 0 } },
  ];
  await withDrive({}, async (drive) => {
    for (const value of values) {
      await drive.db.put("files\0/bad", value);
      await assert.rejects(drive.entry("/bad"), { code: "BAD_ENTRY", message: /\/bad/ });
      await assert.rejects(Array.fromAsync(drive.list()), { code: "BAD_ENTRY" });
    }
    await drive.db.put("files\0/bad", {});
    assert.deepEqual((await drive.entry("/bad"))!.value, {
      executable: false,
      linkname: null,
      blob: null,
      metadata: null,
    });
    await drive.db.put("files\0/far", {
      blob: { blockOffset: 1e9, blockLength: 1, byteOffset: 0, byteLength: 1 },
    });
    await assert.rejects(drive.get("/far", { wait: false }), { code: "BLOCK_NOT_AVAILABLE" });
  });
});

Deno.test("a drive on disk is the same when opened again", async () => {
  await withFolder(async (folder) => {
    const first = new Hyperdrive(new Corestore(folder));
    await first.put("/a", "1");
    const { key, contentKey } = first;
    await first.close();
    await using again = new Hyperdrive(new Corestore(folder));
    assert.equal(await text(again, "/a"), "1");
    assert.deepEqual([again.key, again.contentKey, again.writable], [key, contentKey, true]);
    await again.put("/b", "2");
  });
});

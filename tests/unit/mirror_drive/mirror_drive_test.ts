import assert from "node:assert/strict";
import { join } from "node:path";
import { pipeline, Transform, utf8Bytes, utf8Text, type Writable } from "../../../src/base/mod.ts";
import { Corestore } from "../../../src/corestore/mod.ts";
import { Hyperdrive } from "../../../src/hyperdrive/mod.ts";
import Localdrive from "../../../src/localdrive/mod.ts";
import MirrorDrive, {
  type BlockListener,
  type DriveEntry,
  type MirrorableBlobs,
  type MirrorableCore,
  type MirrorDriveOptions,
  type MirrorStats,
} from "../../../src/mirror_drive/mod.ts";
import { EntryDrive, MemoryDrive } from "../../helpers/memory_drive.ts";
import { withFolder } from "../../helpers/store_folder.ts";
import { VirtualClock } from "../../helpers/virtual_clock.ts";

/** Mirrors and gives the differences as text. */
async function differences(
  src: MemoryDrive,
  dst: MemoryDrive,
  options?: MirrorDriveOptions,
): Promise<string[]> {
  const told: string[] = [];
  for await (const { op, key, bytesAdded, bytesRemoved } of new MirrorDrive(src, dst, options)) {
    told.push(`${op} ${key} +${bytesAdded} -${bytesRemoved}`);
  }
  return told;
}

Deno.test("MD-001 MD-014 MD-016 MD-018 a mirror makes the destination like the source and tells how", async () => {
  const src = new MemoryDrive({ "/a": "one", "/b": "two", "/same": "x" });
  const dst = new MemoryDrive({ "/b": "other", "/same": "x", "/old": "gone" });
  const mirror = new MirrorDrive(src, dst);
  const told = await Array.fromAsync(mirror);
  assert.deepEqual(told, [
    { op: "remove", key: "/old", bytesRemoved: 4, bytesAdded: 0 },
    { op: "add", key: "/a", bytesRemoved: 0, bytesAdded: 3 },
    { op: "change", key: "/b", bytesRemoved: 5, bytesAdded: 3 },
  ]);
  assert.deepEqual(dst.tree, src.tree);
  assert.deepEqual(mirror.count, { files: 3, add: 1, remove: 1, change: 1 });
  assert.equal(mirror.bytesAdded, 6);
  assert.equal(mirror.bytesRemoved, 9);
  assert.equal(mirror.finished, true);
  assert.equal(mirror.downloadProgress, 1);
  assert.deepEqual(mirror.peers, []);
});

Deno.test("MD-015 done() runs to the end, and nothing happens before", async () => {
  const dst = new MemoryDrive();
  const mirror = new MirrorDrive(new MemoryDrive({ "/a": "1" }), dst);
  assert.deepEqual(dst.tree, {});
  await mirror.done();
  assert.deepEqual(dst.tree, { "/a": "1" });
});

Deno.test("MD-014 a difference is told before it is dealt with, and leaving the loop stops there", async () => {
  const dst = new MemoryDrive();
  for await (const { key } of new MirrorDrive(new MemoryDrive({ "/a": "1", "/b": "2" }), dst)) {
    if (key === "/b") break;
    assert.deepEqual(dst.tree, {});
  }
  assert.deepEqual(dst.tree, { "/a": "1" });
});

Deno.test("MD-002 prefix limits the mirror to folders, or a file", async () => {
  const src = new MemoryDrive({ "/a/x": "1", "/b/y": "2", "/c": "3" });
  const dst = new MemoryDrive({ "/a/old": "", "/b/old": "" });
  assert.deepEqual(await differences(src, dst, { prefix: "/a" }), ["remove /a/old +0 -0", "add /a/x +1 -0"]);
  assert.deepEqual(await differences(src, dst, { prefix: ["/b", "/c"] }), [
    "remove /b/old +0 -0",
    "add /b/y +1 -0",
    "add /c +1 -0",
  ]);
});

Deno.test("MD-003 dryRun tells and does nothing", async () => {
  const src = new MemoryDrive({ "/a": "1" });
  const dst = new MemoryDrive({ "/old": "" });
  assert.deepEqual(await differences(src, dst, { dryRun: true }), ["remove /old +0 -0", "add /a +1 -0"]);
  assert.deepEqual(dst.tree, { "/old": "" });
});

Deno.test("MD-004 prune false leaves what the source does not have", async () => {
  const dst = new MemoryDrive({ "/old": "" });
  await differences(new MemoryDrive({ "/a": "1" }), dst, { prune: false });
  assert.deepEqual(dst.tree, { "/a": "1", "/old": "" });
});

Deno.test("MD-005 includeEquals tells of unchanged files", async () => {
  const told = await differences(new MemoryDrive({ "/a": "1" }), new MemoryDrive({ "/a": "1" }), {
    includeEquals: true,
  });
  assert.deepEqual(told, ["equal /a +0 -0"]);
});

Deno.test("MD-006 filter chooses what is mirrored, not what is pruned", async () => {
  const src = new MemoryDrive({ "/a": "1", "/b": "2" });
  const dst = new MemoryDrive({ "/old": "" });
  assert.deepEqual(await differences(src, dst, { filter: (key) => key === "/a" }), [
    "remove /old +0 -0",
    "add /a +1 -0",
  ]);
});

Deno.test("MD-009 entries are mirrored instead of what the drives list", async () => {
  const src = new MemoryDrive({ "/a": "1", "/b": "2" });
  const dst = new MemoryDrive({ "/c": "3", "/d": "4" });
  const given = (await src.entry("/b")) as DriveEntry;
  assert.deepEqual(await differences(src, dst, { entries: [given, "/c", "/nowhere"] }), [
    "remove /c +0 -1",
    "add /b +1 -0",
  ]);
});

Deno.test("MD-010 ignore leaves paths alone in both drives", async () => {
  const tree = { "/a/x": "1", "/ab": "2", "/c": "3" };
  const dst = new MemoryDrive({ "/a/old": "" });
  assert.deepEqual(await differences(new MemoryDrive(tree), dst, { ignore: "/a" }), [
    "add /ab +1 -0",
    "add /c +1 -0",
  ]);
  const told = await differences(new MemoryDrive(tree), new MemoryDrive(), { ignore: (key) => key > "/b" });
  assert.deepEqual(told, ["add /a/x +1 -0", "add /ab +1 -0"]);
});

Deno.test("MD-011 transformers change what is written, in order", async () => {
  const upper = (): Transform =>
    new Transform<Uint8Array, Uint8Array>({
      transform: (bytes, callback) => callback(null, utf8Bytes(utf8Text(bytes).toUpperCase())),
    });
  const doubled = (): Transform =>
    new Transform<Uint8Array, Uint8Array>({
      transform(bytes, callback) {
        this.push(bytes);
        callback(null, bytes);
      },
    });
  const dst = new MemoryDrive({ "/a": "AA" });
  const transformers = [upper, (key: string) => key === "/b" ? null : doubled()];
  await differences(new MemoryDrive({ "/a": "x", "/b": "y" }), dst, { transformers });
  assert.deepEqual(dst.tree, { "/a": "XX", "/b": "Y" });
});

Deno.test("MD-011 a transformer that is no function or gives no stream is an error", async () => {
  const src = new MemoryDrive({ "/a": "x" });
  for (const transformer of [1, () => "text"]) {
    await assert.rejects(differences(src, new MemoryDrive(), { transformers: [transformer as never] }), {
      code: "BAD_TRANSFORMER",
    });
  }
});

Deno.test("MD-012 dedup cuts files by content", async () => {
  const big = "0123456789".repeat(300_000);
  const dst = new EntryDrive();
  await differences(new MemoryDrive({ "/a": big }), dst, { dedup: true });
  assert.deepEqual(dst.tree, { "/a": big });
  assert.match(dst.writes[0]!, /^stream \/a in [1-5]$/);
});

Deno.test("MD-019 files differ by link, size, bytes, executability and metadata", async () => {
  const src = new MemoryDrive({
    "/bytes": "ab",
    "/size": "abc",
    "/equal": "same",
    "/big": "x".repeat(100_000),
  });
  const dst = new MemoryDrive({
    "/bytes": "cd",
    "/size": "ab",
    "/equal": "same",
    "/big": "x".repeat(99_999) + "y",
  });
  await src.symlink("/link", "/a");
  await dst.symlink("/link", "/b");
  await src.symlink("/linked", "/a");
  await dst.put("/linked", utf8Bytes(""));
  await src.put("/run", utf8Bytes("1"), { executable: true });
  await dst.put("/run", utf8Bytes("1"));
  await src.put("/meta", utf8Bytes("1"), { metadata: { a: [1] } });
  await dst.put("/meta", utf8Bytes("1"), { metadata: { a: [2] } });
  const told = await differences(src, dst);
  assert.deepEqual(told.map((line) => line.split(" ").slice(0, 2).join(" ")), [
    "change /big",
    "change /bytes",
    "change /link",
    "change /linked",
    "change /meta",
    "change /run",
    "change /size",
  ]);
  assert.deepEqual(dst.tree, src.tree);
  assert.deepEqual(await differences(src, dst), []);
});

Deno.test("MD-020 a change of metadata alone copies no bytes where the destination can help it", async () => {
  const src = new MemoryDrive();
  const dst = new EntryDrive({ "/a": "text" });
  await src.put("/a", utf8Bytes("text"), { metadata: 1, executable: true });
  assert.deepEqual(await differences(src, dst), ["change /a +0 -0"]);
  assert.deepEqual(dst.writes, ["putEntry /a"]);
  assert.equal((await dst.entry("/a"))!.value.metadata, 1);
  assert.deepEqual(await differences(src, dst), []);
});

Deno.test("MD-007 metadataEquals decides whether metadata differs", async () => {
  const src = new MemoryDrive();
  const dst = new MemoryDrive();
  await src.put("/a", utf8Bytes("1"), { metadata: "source" });
  await dst.put("/a", utf8Bytes("1"), { metadata: "destination" });
  const seen: unknown[] = [];
  const metadataEquals = (a: unknown, b: unknown): boolean => seen.push(a, b) > 0;
  assert.deepEqual(await differences(src, dst, { metadataEquals }), []);
  assert.deepEqual(seen, ["source", "destination"]);
});

Deno.test("MD-008 batch writes to a batch and flushes it at the end", async () => {
  const dst = new MemoryDrive();
  const calls: string[] = [];
  const batch = Object.assign(new MemoryDrive(), { flush: () => Promise.resolve(calls.push("flush")) });
  dst.batch = () => batch;
  await differences(new MemoryDrive({ "/a": "1" }), dst, { batch: true });
  assert.deepEqual(batch.tree, { "/a": "1" });
  assert.deepEqual(dst.tree, {});
  assert.deepEqual(calls, ["flush"]);
});

Deno.test("a destination that is not writable is refused", async () => {
  const dst = Object.assign(new MemoryDrive(), { core: { writable: false, peers: [] } });
  await assert.rejects(differences(new MemoryDrive(), dst), { code: "NOT_WRITABLE" });
});

Deno.test("errors of a drive come out with the file and the drive's code, and what was done stays", async () => {
  const failure = Object.assign(new Error("no space"), { code: "ENOSPC" });
  const dst = new MemoryDrive({}, (operation, key) => {
    if (operation === "put" && key === "/b") throw failure;
  });
  await assert.rejects(differences(new MemoryDrive({ "/a": "1", "/b": "2", "/c": "3" }), dst), {
    code: "ENOSPC",
    key: "/b",
    cause: failure,
    message: "ENOSPC: Cannot mirror /b: no space",
  });
  assert.deepEqual(dst.tree, { "/a": "1" });
});

/** A source with blobs whose core tells what is asked of it. */
function withBlobs(
  drive: MemoryDrive,
  contiguousLength: number,
): { asked: unknown[]; emit(byteLength: number): void } {
  const asked: unknown[] = [];
  const listeners = new Set<BlockListener>();
  const core: MirrorableCore = {
    writable: false,
    length: 10,
    contiguousLength,
    download(range) {
      asked.push(range);
      return {
        request: { context: { start: 0, end: 5 } },
        ready: () => Promise.resolve(),
        done: () => Promise.resolve(),
        destroy: () => asked.push("destroyed"),
      };
    },
    on: (event, listener) => event === "download" && listeners.add(listener),
    off: (_event, listener) => listeners.delete(listener),
  };
  const blobs: MirrorableBlobs = { core, getBlockMap: () => null, getByteLength: () => Promise.resolve(0) };
  Object.assign(drive, { getBlobs: () => Promise.resolve(blobs) });
  return { asked, emit: (byteLength) => listeners.forEach((listener) => listener(0, byteLength, null)) };
}

Deno.test("MD-013 preload asks for the source's blobs, unless all are here", async () => {
  const src = new MemoryDrive({ "/a": "1", "/b": "" });
  const { asked } = withBlobs(src, 3);
  await differences(src, new MemoryDrive());
  assert.deepEqual(asked, [{ start: 0, length: 1 }, "destroyed"]);

  const whole = new MemoryDrive({ "/a": "1" });
  const idle = withBlobs(whole, 10);
  await differences(whole, new MemoryDrive());
  assert.deepEqual(idle.asked, []);

  const off = new MemoryDrive({ "/a": "1" });
  const none = withBlobs(off, 3);
  await differences(off, new MemoryDrive(), { preload: false });
  assert.deepEqual(none.asked, []);
});

Deno.test("MD-017 a monitor tells transfers at intervals and ends with the mirror", async () => {
  const clock = new VirtualClock();
  const src = new MemoryDrive({ "/a": "1", "/b": "2" });
  const { emit } = withBlobs(src, 3);
  const mirror = new MirrorDrive(src, new MemoryDrive(), { clock });
  const monitor = mirror.monitor({ interval: 100 });
  const updates: MirrorStats[] = [];
  const events: string[] = [];
  monitor.on("update", (stats) => updates.push(stats));
  monitor.on("preloaded", () => events.push("preloaded"));
  monitor.on("destroy", () => events.push("destroy"));
  await mirror.iterator.next();
  emit(1000);
  clock.advance(100);
  assert.deepEqual(updates, [{
    peers: 0,
    download: { bytes: 1000, blocks: 1, speed: 1000, progress: 0.1 },
    upload: { bytes: 0, blocks: 0, speed: 0 },
  }]);
  assert.equal(monitor.preloaded, true);
  await mirror.done();
  assert.deepEqual(events, ["preloaded", "destroy"]);
  assert.equal(monitor.destroyed, true);
  assert.equal(monitor.stats.download.progress, 1);
  assert.deepEqual(mirror.monitors, []);
});

Deno.test("attributes keep modes and times between folders, and in the metadata of other drives", async () => {
  await withFolder(async (folder) => {
    const src = new Localdrive(join(folder, "src"));
    await src.put("/x", utf8Bytes("1"), { mode: 0o640, mtime: 1_600_000_000_123 });
    await src.put("/y", utf8Bytes("2"), { mode: 0o755, mtime: 1_500_000_000_000 });
    const between = new EntryDrive();
    await new MirrorDrive(src, between, { attributes: true }).done();
    assert.deepEqual((await between.entry("/x"))!.value.metadata, {
      attributes: { mode: 0o640, mtime: 1_600_000_000_123 },
    });
    const dst = new Localdrive(join(folder, "dst"));
    await new MirrorDrive(between, dst, { attributes: true }).done();
    const { mode, mtime } = (await dst.entry("/x"))!;
    assert.deepEqual([mode, Math.floor(mtime)], [0o640, 1_600_000_000_123]);
    assert.equal((await dst.entry("/y"))!.mode, 0o755);

    const again = new MirrorDrive(src, dst, { attributes: true });
    await again.done();
    assert.deepEqual(again.count, { files: 2, add: 0, remove: 0, change: 0 });
    await src.put("/x", utf8Bytes("1"), { mode: 0o600, mtime: 1_600_000_000_123 });
    const told = await Array.fromAsync(new MirrorDrive(src, between, { attributes: true }));
    assert.deepEqual(told.map(({ op, key, bytesAdded }) => [op, key, bytesAdded]), [["change", "/x", 0]]);
  });
});

Deno.test("attributes in metadata that are no modes or times are passed over", async () => {
  await withFolder(async (folder) => {
    const src = new MemoryDrive();
    const hostile = [
      { mode: 0o4777, mtime: 0 },
      { mode: -1, mtime: 0 },
      { mode: 0o644, mtime: "x" },
      7,
      null,
    ];
    for (const [index, attributes] of hostile.entries()) {
      await src.put(`/${index}`, utf8Bytes("1"), { metadata: { attributes } });
    }
    const dst = new Localdrive(folder);
    await new MirrorDrive(src, dst, { attributes: true }).done();
    for await (const { mode } of dst.list()) assert.equal(mode, 0o644);
  });
});

Deno.test("a file that keeps changing while it is copied is an error that names it", async () => {
  await withFolder(async (folder) => {
    const src = new Localdrive(folder);
    await src.put("/busy", utf8Bytes("0"), { mtime: 0 });
    let writes = 0;
    const dst = new MemoryDrive({}, (operation) => {
      if (operation === "put") Deno.writeTextFileSync(join(folder, "busy"), "x".repeat(++writes + 1));
    });
    await assert.rejects(new MirrorDrive(src, dst).done(), { code: "SOURCE_CHANGED", key: "/busy" });
    assert.equal(writes, 3);
  });
});

Deno.test("a file that vanishes before it is copied is left out, one that becomes a link is one", async () => {
  await withFolder(async (folder) => {
    const src = new Localdrive(folder);
    for (const name of ["/a", "/b", "/c", "/d"]) await src.put(name, utf8Bytes(name));
    await src.put("/large", new Uint8Array(100_000));
    const dst = new MemoryDrive();
    for await (const { key } of new MirrorDrive(src, dst)) {
      if (key !== "/a") continue;
      for (const name of ["b", "large", "c"]) await Deno.remove(join(folder, name));
      await Deno.symlink("d", join(folder, "c"));
    }
    // What was read ahead is there as it was.
    assert.deepEqual(dst.tree, { "/a": "/a", "/b": "/b", "/c": "-> d", "/d": "/d" });
  });
});

Deno.test("MD-004 prune removes a file whose path leads through a link in the source", async () => {
  await withFolder(async (folder) => {
    const src = new Localdrive(folder);
    await src.put("/real/x", utf8Bytes("1"));
    await src.symlink("/linked", "/real");
    assert.notEqual(await src.entry("/linked/x"), null);
    assert.deepEqual([await src.isListed("/linked/x"), await src.isListed("/real/x")], [false, true]);
    const dst = new MemoryDrive({ "/linked/x": "1" });
    await new MirrorDrive(src, dst).done();
    assert.deepEqual(dst.tree, { "/linked": "-> /real", "/real/x": "1" });
  });
});

Deno.test("MD-008 a batch that is not flushed is closed, so that others may write", async () => {
  const drive = new Hyperdrive(new Corestore());
  const src = new MemoryDrive({ "/x": "1" }, (operation) => {
    if (operation === "get") throw new Error("Told to fail");
  });
  await assert.rejects(new MirrorDrive(src, drive, { batch: true }).done(), { key: "/x" });
  await new MirrorDrive(new MemoryDrive({ "/y": "2" }), drive, { batch: true }).done();
  assert.equal(await drive.exists("/y"), true);
  await drive.close();
});

Deno.test("MD-001 a mirror into a drive makes the blocks that puts one by one make, in few appends", async () => {
  const tree = Object.fromEntries(
    Array.from({ length: 100 }, (_, index) => [
      `/${String(index).padStart(3, "0")}`,
      index % 30 === 7
        ? "large".repeat(30_000)
        : index % 10 === 3
        ? "-> x"
        : index % 10 === 4
        ? ""
        : `file ${index}`,
    ]),
  );
  const options = { primaryKey: new Uint8Array(32).fill(7), unsafe: true };
  const [mirrored, written] = [0, 1].map(() => new Hyperdrive(new Corestore(null, options)));
  const src = new MemoryDrive();
  for (const [key, text] of Object.entries(tree)) {
    if (text.startsWith("-> ")) {
      await Promise.all([src, written!].map((drive) => drive.symlink(key, text.slice(3))));
    } else if (text.length < 100_000) {
      await Promise.all([src, written!].map((drive) => drive.put(key, utf8Bytes(text))));
    } else {
      await src.put(key, utf8Bytes(text));
      await pipeline(src.createReadStream(key), written!.createWriteStream(key) as Writable<Uint8Array>);
    }
  }
  await mirrored!.ready();
  let appends = 0;
  mirrored!.core.on("append", () => appends++);
  await new MirrorDrive(src, mirrored!).done();
  for (const drive of [mirrored!, written!]) await drive.getBlobs();
  assert.equal(mirrored!.version, 101);
  assert.deepEqual(await mirrored!.core.treeHash(), await written!.core.treeHash());
  assert.deepEqual(await mirrored!.blobs!.core.treeHash(), await written!.blobs!.core.treeHash());
  assert.ok(appends < 60, `${appends} appends`);
  for (const drive of [mirrored!, written!]) await drive.close();
});

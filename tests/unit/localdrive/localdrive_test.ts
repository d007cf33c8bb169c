import assert from "node:assert/strict";
import { join, resolve } from "node:path";
import Localdrive, { type LocaldriveOptions } from "../../../src/localdrive/mod.ts";
import { utf8Bytes, utf8Text } from "../../../src/base/mod.ts";
import { type FileTree, readTree, writeTree } from "../../helpers/files.ts";
import { withFolder, withSmallDisk } from "../../helpers/store_folder.ts";

/** Runs `run` with a drive on a folder that holds `tree`. */
async function withDrive(
  tree: FileTree,
  run: (drive: Localdrive, folder: string) => Promise<void>,
  options?: LocaldriveOptions,
): Promise<void> {
  await withFolder(async (folder) => {
    await writeTree(folder, tree);
    await run(new Localdrive(folder, options), folder);
  });
}

async function keysOf(entries: AsyncIterable<{ readonly key: string }>): Promise<string[]> {
  return (await Array.fromAsync(entries)).map(({ key }) => key);
}

Deno.test("LD-001 LD-007 a relative root is resolved against the working directory", () => {
  assert.equal(new Localdrive("some/folder").root, resolve("some/folder"));
});

Deno.test("LD-009 LD-010 put() writes a file with its folders, get() gives its bytes", async () => {
  await withDrive({}, async (drive, folder) => {
    await drive.put("/a/b/c.txt", utf8Bytes("hello"));
    await drive.put("empty", utf8Bytes(""));
    assert.deepEqual(await readTree(folder), { "/a/b/c.txt": "hello", "/empty": "" });
    assert.equal(utf8Text((await drive.get("a/b/c.txt"))!), "hello");
    assert.equal((await drive.get("/empty"))!.byteLength, 0);
    assert.equal(await drive.get("/missing"), null);
    assert.equal(await drive.get("/a/b"), null);
  });
});

Deno.test("LD-009 put() replaces a longer file", async () => {
  await withDrive({ "/x": "a long text" }, async (drive, folder) => {
    await drive.put("/x", utf8Bytes("short"));
    assert.deepEqual(await readTree(folder), { "/x": "short" });
  });
});

Deno.test("LD-011 LD-W01 entry() tells size, blocks, time and whether a file is executable", async () => {
  await withDrive({ "/x": "12345" }, async (drive, folder) => {
    await Deno.chmod(join(folder, "x"), 0o750);
    await Deno.utime(join(folder, "x"), new Date(1_700_000_000_000), new Date(1_700_000_000_000));
    const { blocks } = await Deno.lstat(join(folder, "x"));
    assert.deepEqual(await drive.entry("x"), {
      key: "/x",
      value: {
        executable: true,
        linkname: null,
        blob: { byteOffset: 0, blockOffset: 0, blockLength: blocks, byteLength: 5 },
        metadata: null,
      },
      mtime: 1_700_000_000_000,
      mode: 0o750,
    });
    assert.equal(await drive.entry("/nothing"), null);
    assert.equal(await drive.entry("/"), null);
  });
});

Deno.test("LD-011 entry() with follow goes along links and refuses circles", async () => {
  const tree = {
    "/dir/file": "x",
    "/dir/near": "-> file",
    "/far": "-> dir/near",
    "/a": "-> b",
    "/b": "-> a",
  };
  await withDrive(tree, async (drive) => {
    assert.equal((await drive.entry("/far"))!.value.linkname, "dir/near");
    assert.equal((await drive.entry("/far", { follow: true }))!.key, "/dir/file");
    assert.equal(utf8Text((await drive.get("/far", { follow: true }))!), "x");
    assert.equal(await drive.get("/far"), null);
    await assert.rejects(drive.entry("/a", { follow: true }), { code: "RECURSIVE_LINK" });
  });
});

Deno.test("LD-012 del() removes a file and the folders that it leaves empty", async () => {
  await withDrive({ "/a/b/c": "1", "/a/d": "2" }, async (drive, folder) => {
    await drive.del("/a/b/c");
    assert.deepEqual(await readTree(folder), { "/a/d": "2" });
    await assert.rejects(Deno.lstat(join(folder, "a/b")), Deno.errors.NotFound);
    await drive.del("/a/d");
    assert.deepEqual(await Array.fromAsync(Deno.readDir(folder)), []);
    await drive.del("/never/there");
  });
});

Deno.test("LD-013 symlink() makes links, absolute ones within the drive", async () => {
  await withDrive({ "/dir/file": "x" }, async (drive, folder) => {
    await drive.symlink("/one", "/dir/file");
    await drive.symlink("/deep/two", "../dir/file");
    assert.equal(await Deno.readLink(join(folder, "one")), join(folder, "dir/file"));
    assert.equal(await Deno.readLink(join(folder, "deep/two")), "../dir/file");
    assert.equal((await drive.entry("/one"))!.value.linkname, "/dir/file");
    await drive.symlink("/one", "dir/file");
    assert.equal((await drive.entry("/one"))!.value.linkname, "dir/file");
  });
});

Deno.test("LD-014 compare() goes by time", () => {
  const drive = new Localdrive(".");
  assert.equal(drive.compare({ mtime: 2 }, { mtime: 1 }), 1);
  assert.equal(drive.compare({ mtime: 1 }, { mtime: 2 }), -1);
  assert.equal(drive.compare({ mtime: 1 }, { mtime: 1 }), 0);
});

Deno.test("LD-015 list() gives everything below a folder, sorted by the bytes of paths", async () => {
  const tree = { "/b": "", "/a/z": "", "/a.txt": "", "/a/y/x": "", "/ä": "", "/link": "-> b" };
  await withDrive(tree, async (drive) => {
    assert.deepEqual(await keysOf(drive.list()), ["/a.txt", "/a/y/x", "/a/z", "/b", "/link", "/ä"]);
    assert.deepEqual(await keysOf(drive.list("/a")), ["/a/y/x", "/a/z"]);
    assert.deepEqual(await keysOf(drive.list("/none")), []);
    assert.deepEqual(await keysOf(drive.list("/b")), []);
  });
});

Deno.test("LD-016 list() leaves out what is ignored", async () => {
  await withDrive({ "/a/x": "", "/a/y": "", "/b": "" }, async (drive) => {
    assert.deepEqual(await keysOf(drive.list({ ignore: "/a" })), ["/b"]);
    assert.deepEqual(await keysOf(drive.list("/", { ignore: ["a/x", "b"] })), ["/a/y"]);
    assert.deepEqual(await keysOf(drive.list("/", { ignore: (key) => key.endsWith("y") })), ["/a/x", "/b"]);
  });
});

Deno.test("LD-017 readdir() gives names and hides empty folders", async () => {
  await withDrive({ "/a/x": "", "/b": "", "/c/d/e": "" }, async (drive, folder) => {
    await Deno.mkdir(join(folder, "empty/inside"), { recursive: true });
    assert.deepEqual(await Array.fromAsync(drive.readdir("/")), ["a", "b", "c"]);
    assert.deepEqual(await Array.fromAsync(drive.readdir("/c")), ["d"]);
    assert.deepEqual(await Array.fromAsync(drive.readdir("/none")), []);
  });
});

Deno.test("LD-018 mirror() makes another drive like this one", async () => {
  await withDrive({ "/a": "1", "/b/c": "2" }, async (drive) => {
    await withDrive({ "/old": "" }, async (out, folder) => {
      const mirror = drive.mirror(out);
      await mirror.done();
      assert.deepEqual(await readTree(folder), { "/a": "1", "/b/c": "2" });
      assert.deepEqual(mirror.count, { files: 2, add: 2, remove: 1, change: 0 });
    });
  });
});

Deno.test("LD-019 createReadStream() reads ranges, the end included", async () => {
  await withDrive({ "/x": "0123456789" }, async (drive) => {
    const read = async (options: object): Promise<string> =>
      utf8Text(Buffer.concat(await Array.fromAsync(drive.createReadStream("/x", options))));
    assert.equal(await read({}), "0123456789");
    assert.equal(await read({ start: 3 }), "3456789");
    assert.equal(await read({ start: 3, end: 5 }), "345");
    assert.equal(await read({ start: 3, length: 2 }), "34");
    assert.equal(await read({ start: 8, length: 9 }), "89");
    assert.equal(await read({ start: 20 }), "");
    await assert.rejects(Array.fromAsync(drive.createReadStream("/none")), { code: "ENOENT" });
  });
});

Deno.test("LD-019 createReadStream() reads 64 KiB at a time", async () => {
  await withDrive({ "/x": "x".repeat(150_000) }, async (drive) => {
    const pieces = await Array.fromAsync(drive.createReadStream("/x"));
    assert.deepEqual(pieces.map((piece) => piece.byteLength), [65_536, 65_536, 18_928]);
  });
});

Deno.test("LD-019 a file that becomes shorter while it is read is an error that names it", async () => {
  await withDrive({ "/x": "x".repeat(200_000) }, async (drive, folder) => {
    const stream = drive.createReadStream("/x");
    const reading = (async () => {
      for await (const _ of stream) await Deno.truncate(join(folder, "x"), 70_000);
    })();
    await assert.rejects(reading, { code: "FILE_CHANGED", message: /\/x/ });
  });
});

Deno.test("LD-020 createWriteStream() writes with mode 644 or 755, and makes folders", async () => {
  await withDrive({}, async (drive, folder) => {
    await drive.put("/plain", utf8Bytes("a"));
    const stream = drive.createWriteStream("/bin/run", { executable: true });
    stream.write("ab");
    stream.end(utf8Bytes("cd"));
    await new Promise<void>((resolve, reject) => stream.on("close", resolve).on("error", reject));
    assert.deepEqual(await readTree(folder), { "/bin/run": "abcd", "/plain": "a" });
    assert.equal((await Deno.stat(join(folder, "bin/run"))).mode! & 0o777, 0o755);
    assert.equal((await Deno.stat(join(folder, "plain"))).mode! & 0o777, 0o644);
    await drive.put("/plain", utf8Bytes("a"), { executable: true });
    assert.equal((await Deno.stat(join(folder, "plain"))).mode! & 0o777, 0o755);
  });
});

Deno.test("LD-020 mode and mtime are set where they are given", async () => {
  await withDrive({}, async (drive) => {
    await drive.put("/x", utf8Bytes("a"), { mode: 0o600, mtime: 1_600_000_000_123 });
    const entry = (await drive.entry("/x"))!;
    assert.equal(entry.mode, 0o600);
    assert.equal(Math.round(entry.mtime), 1_600_000_000_123);
  });
});

Deno.test("LD-004 LD-008 metadata lives in hooks or a Map", async () => {
  const metadata = new Map<string, unknown>();
  await withDrive({}, async (drive) => {
    assert.equal(drive.supportsMetadata, true);
    await drive.put("/x", utf8Bytes("a"), { metadata: { from: "me" } });
    assert.deepEqual(metadata.get("/x"), { from: "me" });
    assert.deepEqual((await drive.entry("/x"))!.value.metadata, { from: "me" });
    await drive.put("/x", utf8Bytes("b"));
    assert.equal(metadata.has("/x"), false);
    await drive.put("/x", utf8Bytes("b"), { metadata: 1 });
    await drive.del("/x");
    assert.equal(metadata.has("/x"), false);
  }, { metadata });
  assert.equal(new Localdrive(".").supportsMetadata, false);
  const calls: unknown[] = [];
  await withDrive({}, async (drive) => {
    await drive.put("/x", utf8Bytes("a"), { metadata: 7 });
    await drive.del("/x");
  }, { metadata: { put: (...args) => calls.push(args), del: (key) => calls.push(key) } });
  assert.deepEqual(calls, [["/x", 7], "/x"]);
});

Deno.test("LD-005 LD-W02 atomic drives write beside the file and rename", async () => {
  await withDrive({ "/x": "old" }, async (drive, folder) => {
    const first = drive.createWriteStream("/x");
    const second = drive.createWriteStream("/x");
    await new Promise<void>((resolve) => first.write("new") && first.once("drain", resolve) && resolve());
    const opened = Promise.all(
      [first, second].map((stream) => new Promise<void>((resolve) => stream.once("open", resolve))),
    );
    second.write("newer");
    await opened;
    assert.deepEqual(Object.keys(await readTree(folder)).sort(), [
      "/x",
      "/x.0.localdrive.tmp",
      "/x.1.localdrive.tmp",
    ]);
    assert.equal((await readTree(folder))["/x"], "old");
    first.destroy();
    second.end();
    await Promise.all(
      [first, second].map((stream) => new Promise<void>((resolve) => stream.once("close", resolve))),
    );
    assert.deepEqual(await readTree(folder), { "/x": "newer" });
  }, { atomic: true });
});

Deno.test("LD-005 a write that fails leaves nothing of a new file behind", async () => {
  await withDrive({}, async (drive, folder) => {
    const stream = drive.createWriteStream("/x");
    stream.on("error", () => {});
    stream.write("half");
    await new Promise<void>((resolve) => stream.once("open", resolve));
    stream.destroy(new Error("gone"));
    await new Promise<void>((resolve) => stream.once("close", resolve));
    assert.deepEqual(await readTree(folder), {});
  });
});

Deno.test("LD-005 atomic drives write names of all lengths that the file system takes", async () => {
  const names = ["x".repeat(255), "ü".repeat(127), `a${"ü".repeat(127)}`, `${"😀".repeat(63)}abc`];
  await withDrive({}, async (drive, folder) => {
    await Promise.all(names.map((name) => drive.put(name, utf8Bytes(name))));
    for (const name of names) await drive.put(name, utf8Bytes("again"));
    assert.deepEqual(
      await readTree(folder),
      Object.fromEntries(names.sort().map((name) => [`/${name}`, "again"])),
    );
  }, { atomic: true });
});

Deno.test("LD-009 LD-013 a folder without files is not in the way of a file or a link", async () => {
  await withDrive({ "/full/er/x": "kept" }, async (drive, folder) => {
    await Deno.mkdir(join(folder, "a/b/c"), { recursive: true });
    await Deno.mkdir(join(folder, "l/m"), { recursive: true });
    await drive.put("/a", utf8Bytes("file"));
    await drive.symlink("/l", "/a");
    await assert.rejects(drive.put("/full", utf8Bytes("x")), { code: "EISDIR" });
    await assert.rejects(drive.symlink("/full/er", "/a"), { code: "EISDIR" });
    assert.deepEqual(await readTree(folder), {
      "/a": "file",
      "/full/er/x": "kept",
      "/l": `-> ${join(folder, "a")}`,
    });
  });
});

Deno.test("LD-013 symlink() that fails leaves what was there", async () => {
  await withSmallDisk(1_000_000, async ({ folder, remount }) => {
    await writeTree(folder, { "/deep/x": "old" });
    await remount("nr_inodes=3"); // the root, the folder and the file: there is no room for a link
    const drive = new Localdrive(folder);
    await assert.rejects(drive.symlink("/deep/x", "/y"), { code: "ENOSPC", message: /deep\/x/ });
    assert.deepEqual(await readTree(folder), { "/deep/x": "old" });
    await remount("nr_inodes=4");
    await drive.symlink("/deep/x", "/y");
    assert.deepEqual(await readTree(folder), { "/deep/x": `-> ${join(folder, "y")}` });
  });
});

Deno.test("LD-006 roots map prefixes to other folders", async () => {
  await withFolder(async (other) => {
    await writeTree(other, { "/inside": "1" });
    await withDrive({ "/a": "2", "/mapped/hidden": "3" }, async (drive, folder) => {
      assert.equal(drive.toPath("/mapped/x"), join(other, "x"));
      assert.equal(drive.toPath("/mappedtoo"), join(folder, "mappedtoo"));
      assert.deepEqual(await keysOf(drive.list()), ["/a", "/deep/er/inside", "/mapped/inside"]);
      assert.deepEqual(await Array.fromAsync(drive.readdir()), ["a", "deep", "mapped"]);
      await drive.put("/mapped/new", utf8Bytes("4"));
      assert.equal(await Deno.readTextFile(join(other, "new")), "4");
    }, { roots: { "/mapped": other, "/deep/er": other } });
  });
});

Deno.test("LD-021 exists() and toPath() tell of files", async () => {
  await withDrive({ "/a": "" }, async (drive, folder) => {
    assert.equal(await drive.exists("/a"), true);
    assert.equal(await drive.exists("/b"), false);
    assert.equal(drive.toPath("/x/../y"), join(folder, "y"));
  });
});

Deno.test("LD-022 a folder is always open, and its own batch and checkout", async () => {
  await withDrive({}, async (drive) => {
    await drive.ready();
    await drive.flush();
    await drive.close();
    assert.equal(drive.batch(), drive);
    assert.equal(drive.checkout(), drive);
    await using same = drive;
    await same.put("/x", utf8Bytes("still open"));
  });
});

Deno.test("LD-002 followLinks shows what links lead to", async () => {
  await withDrive({ "/dir/file": "x", "/link": "-> dir", "/dir/up": "-> .." }, async (drive) => {
    assert.deepEqual(await keysOf(drive.list()), ["/dir/file", "/link/file"]);
    assert.equal((await drive.entry("/link/file"))!.value.linkname, null);
  }, { followLinks: true });
});

Deno.test("LD-003 followExternalLinks shows what links out of the folder lead to", async () => {
  await withFolder(async (outside) => {
    await writeTree(outside, { "/there": "far" });
    await withDrive({ "/in": "x", "/near": "-> in", "/far": `-> ${outside}` }, async (drive) => {
      assert.deepEqual(await keysOf(drive.list()), ["/far/there", "/in", "/near"]);
      assert.equal((await drive.entry("/near"))!.value.linkname, "in");
      assert.equal(utf8Text((await drive.get("/far/there"))!), "far");
    }, { followExternalLinks: true });
  });
});

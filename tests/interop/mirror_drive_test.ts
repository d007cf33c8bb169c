/** Localdrive and MirrorDrive beside the npm packages, on the same folders. */
import assert from "node:assert/strict";
import { join } from "node:path";
import { SeededRandom } from "../../src/base/mod.ts";
import Localdrive from "../../src/localdrive/mod.ts";
import MirrorDrive, { type MirrorDriveOptions } from "../../src/mirror_drive/mod.ts";
import { readTree, writeTree } from "../helpers/files.ts";
import { NpmPeer } from "../helpers/npm_peer.ts";
import { withFolder } from "../helpers/store_folder.ts";

const TREE = {
  "/a.txt": "text",
  "/deep/er/file": "x".repeat(70_000),
  "/deep/empty": "",
  "/link": "-> a.txt",
  "/ünï/cödé": "u",
};

Deno.test("LD-011 LD-013 LD-015 LD-W01 both list the same entries of the same folder", async () => {
  await using peer = new NpmPeer("mirror_drive/peer.mjs");
  await withFolder(async (folder) => {
    await writeTree(folder, TREE);
    await Deno.chmod(join(folder, "a.txt"), 0o755);
    const drive = new Localdrive(folder);
    await peer.run("symlink", { folder, path: "/npm", target: "/deep/empty" });
    await drive.symlink("/ours", "/deep/empty");
    const theirs = await peer.run("list", { folder }) as { key: string; mtime: number }[];
    const ours = (await Array.fromAsync(drive.list())).map(({ mode: _, ...entry }) => entry);
    const byKey = (a: { key: string }, b: { key: string }): number => a.key < b.key ? -1 : 1;
    // Times have fractions of a millisecond in Node and whole ones in Deno.
    const rounded = <Entry extends { mtime: number }>(entry: Entry): Entry => ({
      ...entry,
      mtime: Math.floor(entry.mtime),
    });
    assert.deepEqual(ours.map(rounded).sort(byKey), theirs.map(rounded).sort(byKey));
    for (const below of ["/", "/deep", "/none"]) {
      const names = await Array.fromAsync(drive.readdir(below));
      assert.deepEqual(names.sort(), (await peer.run("readdir", { folder, below }) as string[]).sort());
    }
  });
});

Deno.test("LD-009 LD-012 LD-020 what one writes the other reads, with the same modes", async () => {
  await using peer = new NpmPeer("mirror_drive/peer.mjs");
  await withFolder(async (folder) => {
    for (const options of [{}, { executable: true }]) {
      await peer.run("put", { folder: join(folder, "npm"), path: "/a/b", text: "hello", options });
      await new Localdrive(join(folder, "ours")).put("/a/b", new TextEncoder().encode("hello"), options);
      const [npm, ours] = await Promise.all(
        ["npm", "ours"].map((name) => Deno.stat(join(folder, name, "a/b"))),
      );
      assert.equal(ours!.mode, npm!.mode);
      assert.equal(await Deno.readTextFile(join(folder, "ours/a/b")), "hello");
    }
    await peer.run("del", { folder: join(folder, "npm"), path: "/a/b" });
    await new Localdrive(join(folder, "ours")).del("/a/b");
    assert.deepEqual(await Array.fromAsync(Deno.readDir(join(folder, "npm"))), []);
    assert.deepEqual(await Array.fromAsync(Deno.readDir(join(folder, "ours"))), []);
  });
});

Deno.test("MD-014 MD-016 MD-018 MD-019 both find the same differences between the same folders", async () => {
  await using peer = new NpmPeer("mirror_drive/peer.mjs");
  for (let seed = 1; seed <= 30; seed++) {
    const random = new SeededRandom(seed);
    const options: MirrorDriveOptions = {
      prune: random.next() < 0.7,
      includeEquals: random.next() < 0.5,
      dryRun: random.next() < 0.2,
      ...(random.next() < 0.3 && { prefix: "/a" }),
      ...(random.next() < 0.2 && { ignore: ["/b"] }),
    };
    await withFolder(async (folder) => {
      const source = randomTree(random);
      const before = randomTree(random);
      await writeTree(join(folder, "src"), { ...source, "/always": "there" });
      for (const name of ["npm", "ours"]) {
        await writeTree(join(folder, name), { ...before, "/always": "there" });
      }
      const theirs = await peer.run("mirror", {
        from: join(folder, "src"),
        to: join(folder, "npm"),
        options,
      });
      const mirror = new MirrorDrive(
        new Localdrive(join(folder, "src")),
        new Localdrive(join(folder, "ours")),
        options,
      );
      const differences = await Array.fromAsync(mirror);
      const { count, bytesAdded, bytesRemoved } = mirror;
      assert.deepEqual(
        comparable({ differences, count, bytesAdded, bytesRemoved }),
        comparable(theirs),
        `seed ${seed}`,
      );
      assert.deepEqual(
        await readTree(join(folder, "ours")),
        await readTree(join(folder, "npm")),
        `seed ${seed}`,
      );
    });
  }
});

/** The package lists folders in the system's order, we in that of the paths. */
function comparable(result: unknown): unknown {
  const { differences, ...rest } = result as { differences: { op: string; key: string }[] };
  const order = ({ op, key }: { op: string; key: string }): string => (op === "remove" ? "0" : "1") + key;
  return { ...rest, differences: differences.toSorted((a, b) => order(a) < order(b) ? -1 : 1) };
}

function randomTree(random: SeededRandom): Record<string, string> {
  const tree: Record<string, string> = {};
  for (const path of ["/a/x", "/a/y/z", "/b/x", "/b/long", "/c", "/d"]) {
    if (random.next() < 0.4) continue;
    const text = "ab"[Math.floor(random.next() * 2)]!;
    tree[path] = path === "/d"
      ? `-> ${text}`
      : text.repeat(path === "/b/long" ? 200_000 : 1 + Math.floor(random.next() * 2));
  }
  return tree;
}

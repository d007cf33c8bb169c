/**
 * Mirrors between random trees, with disks that fail: what a mirror says it did is done, what it did not is as it was,
 * and no file is ever half one and half the other.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { SeededRandom } from "../../src/base/mod.ts";
import Localdrive from "../../src/localdrive/mod.ts";
import MirrorDrive, { MirrorDriveError } from "../../src/mirror_drive/mod.ts";
import { readTree, writeTree } from "../helpers/files.ts";
import { MemoryDrive } from "../helpers/memory_drive.ts";
import { withFolder } from "../helpers/store_folder.ts";

const RUNS = 1500;
const DISK_RUNS = 60;

function integer(random: SeededRandom, end: number): number {
  return Math.floor(random.next() * end);
}

function randomTree(random: SeededRandom): Record<string, string> {
  const tree: Record<string, string> = {};
  for (let count = integer(random, 12); count > 0; count--) {
    const depth = 1 + integer(random, 3);
    // Files end in .f and folders do not, so that no path is both.
    const folders = Array.from({ length: depth - 1 }, () => "abä"[integer(random, 3)]);
    const path = ["", ...folders, `${"xyz"[integer(random, 3)]}.f`].join("/");
    const sizes = [0, 1, 10, 70_000, 200_000];
    const text = String.fromCharCode(97 + integer(random, 2)).repeat(sizes[integer(random, sizes.length)]!);
    tree[path] = random.next() < 0.1 ? "-> x.f" : text;
  }
  return tree;
}

async function memoryDrive(
  tree: Record<string, string>,
  fault?: (operation: string, key: string) => void,
): Promise<MemoryDrive> {
  const drive = new MemoryDrive({}, fault);
  for (const [key, text] of Object.entries(tree)) {
    if (text.startsWith("-> ")) await drive.symlink(key, text.slice(3));
    else await drive.put(key, new TextEncoder().encode(text));
  }
  return drive;
}

Deno.test(`${RUNS} mirrors between random trees end equal, or say which file failed and leave all others whole`, async () => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const random = new SeededRandom(seed);
    const source = randomTree(random);
    const before = randomTree(random);
    const options = { prune: random.next() < 0.7, preload: random.next() < 0.5, batch: random.next() < 0.3 };
    const failAt = random.next() < 0.5 ? integer(random, 20) : Infinity;
    let operationCount = 0;
    let isArmed = false;
    const src = await memoryDrive(source);
    const dst = await memoryDrive(before, (operation, key) => {
      if (!isArmed || operation === "entry" || operation === "get" || operationCount++ !== failAt) return;
      throw Object.assign(new Error(`cannot ${operation} ${key}`), { code: "EIO" });
    });
    isArmed = true;
    const touched = new Set<string>();
    let failure: unknown = null;
    try {
      for await (const { key } of new MirrorDrive(src, dst, options)) touched.add(key);
    } catch (error) {
      failure = error;
    }
    const expected = options.prune ? source : { ...before, ...source };
    if (failure === null) {
      assert.deepEqual(dst.tree, sorted(expected), `seed ${seed}`);
      continue;
    }
    assert.ok(failure instanceof MirrorDriveError && failure.code === "EIO", `seed ${seed}: ${failure}`);
    assert.ok(failure.key !== null && failure.message.includes(failure.key), `seed ${seed}`);
    for (const key of new Set([...Object.keys(before), ...Object.keys(expected)])) {
      const is = dst.tree[key];
      const isWhole = is === before[key] || touched.has(key) && is === expected[key];
      assert.ok(isWhole, `seed ${seed}: ${key} is neither what it was nor what it should be`);
    }
    isArmed = false;
    await new MirrorDrive(src, dst, options).done();
    assert.deepEqual(dst.tree, sorted(expected), `seed ${seed}, once more`);
  }
});

Deno.test(`${DISK_RUNS} mirrors of random trees to and from folders end equal`, async () => {
  for (let seed = 1; seed <= DISK_RUNS; seed++) {
    const random = new SeededRandom(seed);
    const source = randomTree(random);
    const before = randomTree(random);
    await withFolder(async (folder) => {
      for (const name of ["src", "dst"]) await Deno.mkdir(join(folder, name));
      await writeTree(join(folder, "src"), source);
      await writeTree(join(folder, "dst"), before);
      const src = new Localdrive(join(folder, "src"));
      const dst = new Localdrive(join(folder, "dst"), { atomic: random.next() < 0.5 });
      const between = new MemoryDrive();
      await new MirrorDrive(src, between).done();
      assert.deepEqual(between.tree, sorted(source), `seed ${seed}`);
      await new MirrorDrive(between, dst).done();
      assert.deepEqual(sorted(await readTree(join(folder, "dst"))), sorted(source), `seed ${seed}`);
    });
  }
});

function sorted(tree: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(tree).sort(([a], [b]) => a < b ? -1 : 1));
}

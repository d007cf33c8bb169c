/**
 * Mirrors from and to disks and stores that fail, and from folders that change meanwhile: nothing is lost, nothing is
 * half-written, the error names the file, and a second run completes.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { SeededRandom, utf8Bytes, utf8Text } from "../../src/base/mod.ts";
import { Corestore } from "../../src/corestore/mod.ts";
import { Hyperdrive } from "../../src/hyperdrive/mod.ts";
import Localdrive from "../../src/localdrive/mod.ts";
import MirrorDrive, { type MirrorableDrive, MirrorDriveError } from "../../src/mirror_drive/mod.ts";
import { StorageError } from "../../src/storage/mod.ts";
import { systemError, withFileCalls } from "../helpers/failing_files.ts";
import { type FileTree, readTree, writeTree } from "../helpers/files.ts";
import { FlakyStorage } from "../helpers/flaky_storage.ts";
import { withFolder, withSmallDisk } from "../helpers/store_folder.ts";

const RUNS = 300;

const SIZES = [0, 1, 300, 66_000, 200_000];
const CODES = ["EIO", "ENOSPC", "EACCES", "EMFILE", "EROFS"];

function integer(random: SeededRandom, end: number): number {
  return Math.floor(random.next() * end);
}

function pick<Item>(random: SeededRandom, items: readonly Item[]): Item {
  return items[integer(random, items.length)]!;
}

/** A text of one letter, so that one that is half of each of two shows. */
function randomText(random: SeededRandom): string {
  const size = pick(random, SIZES);
  return pick(random, ["a", "b", "c"]).repeat(size === 0 ? 0 : size + integer(random, 50));
}

/** Files, links and folders by few names, so that what is a file in one tree is a folder in another. */
function randomTree(random: SeededRandom, folder = "", depth = 0): Record<string, string> {
  const tree: Record<string, string> = {};
  for (const name of ["x", "y", "ü"]) {
    const kind = integer(random, 10);
    if (kind < 4) tree[`${folder}/${name}`] = randomText(random);
    else if (kind < 5) tree[`${folder}/${name}`] = pick(random, ["-> x", "-> nowhere"]);
    else if (kind < 8 && depth < 2) Object.assign(tree, randomTree(random, `${folder}/${name}`, depth + 1));
  }
  return tree;
}

/** One end of a mirror. */
interface End {
  readonly drive: MirrorableDrive;
  /** Whether a call of the file system is one of this end's. */
  readonly folder: string | null;
  readonly storage: FlakyStorage | null;
  /** What files it has. */
  read(): Promise<FileTree>;
  close(): Promise<void>;
}

async function localEnd(folder: string, tree: FileTree, atomic: boolean): Promise<End> {
  await Deno.mkdir(folder);
  await writeTree(folder, tree);
  return {
    drive: new Localdrive(folder, { atomic }),
    folder,
    storage: null,
    read: () => readTree(folder),
    close: () => Promise.resolve(),
  };
}

async function hyperEnd(tree: FileTree): Promise<End> {
  const storage = new FlakyStorage();
  const drive = new Hyperdrive(new Corestore(storage));
  for (const [path, text] of Object.entries(tree)) {
    if (text.startsWith("-> ")) await drive.symlink(path, text.slice(3));
    else await drive.put(path, utf8Bytes(text));
  }
  await drive.ready();
  return {
    drive,
    folder: null,
    storage,
    async read() {
      const found: Record<string, string> = {};
      for await (const { key, value } of drive.list("/")) {
        found[key] = value.linkname === null ? utf8Text((await drive.get(key))!) : `-> ${value.linkname}`;
      }
      return found;
    },
    close: () => drive.close(),
  };
}

/** Calls `hit` at the end's calls, reads, writes and syncs while `run` runs. */
async function withCalls(
  end: End,
  hit: (call: string, path: string) => void,
  run: () => Promise<void>,
): Promise<void> {
  if (end.storage === null) {
    return await withFileCalls((call, path) => {
      if (String(path).startsWith(end.folder!)) hit(call, path);
    }, run);
  }
  end.storage.onCall = (call) => hit(call, "");
  try {
    await run();
  } finally {
    end.storage.onCall = null;
  }
}

function failure(end: End, random: SeededRandom, call: string, path: string): Error {
  return end.storage === null
    ? systemError(pick(random, CODES), call, path)
    : new StorageError(pick(random, ["STORAGE_IO", "STORAGE_FULL"]), `told to fail, ${call}`);
}

/** Changes one thing in a folder, as another program may at any moment. */
function change(folder: string, random: SeededRandom, tree: FileTree): void {
  const files = Object.keys(tree);
  const path = files.length === 0 ? "/new" : pick(random, files);
  const file = join(folder, path);
  // What an earlier change made of it may not allow this one.
  try {
    switch (integer(random, 7)) {
      case 0:
        Deno.writeTextFileSync(file, "d".repeat(integer(random, 200_000)), { create: true });
        break;
      case 1:
        Deno.writeTextFileSync(file, "d", { append: true });
        break;
      case 2:
        Deno.truncateSync(file, 0);
        break;
      case 3:
        Deno.removeSync(file);
        break;
      case 4:
        Deno.removeSync(file);
        Deno.mkdirSync(file);
        Deno.writeTextFileSync(join(file, "inside"), "d");
        break;
      case 5: {
        const above = join(file, "..");
        if (above === folder) break;
        Deno.removeSync(above, { recursive: true });
        Deno.writeTextFileSync(above, "was a folder");
        break;
      }
      default:
        Deno.removeSync(file);
        Deno.symlinkSync("nowhere", file);
    }
  } catch (error) {
    assert.ok(error instanceof Error);
  }
}

/** Fails unless the error says which file or folder it is about. */
function assertNamed(
  error: unknown,
  paths: ReadonlySet<string>,
  seed: number,
): asserts error is MirrorDriveError {
  assert.ok(
    error instanceof MirrorDriveError,
    `seed ${seed}: ${error instanceof Error ? error.stack : error}`,
  );
  if (error.message.includes("the changes of all files")) return;
  assert.ok(error.key !== null, `seed ${seed}: ${error.stack}`);
  assert.ok(
    error.key === "/" || Array.from(paths).some((path) => `${path}/`.startsWith(`${error.key}`)),
    `seed ${seed}: ${error.key}`,
  );
  assert.ok(error.message.includes(error.key), `seed ${seed}: ${error.message}`);
}

Deno.test(`${RUNS} mirrors whose ends fail lose nothing, name the file and complete the second time`, async () => {
  let failed = 0;
  for (let seed = 1; seed <= RUNS; seed++) {
    await withFolder(async (folder) => {
      const random = new SeededRandom(seed);
      const source = randomTree(random);
      const before = randomTree(random);
      const isAtomic = random.next() < 0.7;
      const src = random.next() < 0.6
        ? await localEnd(join(folder, "src"), source, false)
        : await hyperEnd(source);
      const dst = random.next() < 0.6
        ? await localEnd(join(folder, "dst"), before, isAtomic)
        : await hyperEnd(before);
      const options = { batch: random.next() < 0.3, attributes: random.next() < 0.2 };
      const failing = random.next() < 0.4 ? src : dst;
      const isLasting = random.next() < 0.3;
      let left = integer(random, pick(random, [5, 30, 100]));
      const touched = new Set<string>();
      let error: unknown = null;
      await withCalls(failing, (call, path) => {
        const isHit = isLasting ? left <= 0 : left === 0;
        left--;
        if (isHit) throw failure(failing, random, call, path);
      }, async () => {
        try {
          for await (const { key } of new MirrorDrive(src.drive, dst.drive, options)) touched.add(key);
        } catch (caught) {
          error = caught;
        }
      });
      const after = await dst.read();
      const paths = new Set([...Object.keys(source), ...Object.keys(before)]);
      if (error === null) {
        assert.deepEqual(after, sorted(source), `seed ${seed}`);
      } else {
        failed++;
        assertNamed(error, paths, seed);
        for (const path of new Set([...paths, ...Object.keys(after)])) {
          // A disk that fails for good may not even let go of a temporary file.
          if (isLasting && path.endsWith(".localdrive.tmp")) continue;
          const is = after[path];
          const isWhole = is === before[path] || touched.has(path) && is === source[path];
          // Without `atomic`, the one file that was being written may be anything.
          const isVictim = dst.folder !== null && !isAtomic && path === error.key;
          assert.ok(isWhole || isVictim, `seed ${seed}: ${path} is ${is?.slice(0, 20)}… after ${error}`);
        }
        await new MirrorDrive(src.drive, dst.drive, options).done();
        assert.deepEqual(await dst.read(), sorted(source), `seed ${seed}, the second time`);
      }
      await src.close();
      await dst.close();
    });
  }
  assert.ok(failed > RUNS / 3, `only ${failed} mirrors met their fault`);
});

Deno.test(`${RUNS} mirrors from folders that change meanwhile end with files that were there, and complete the second time`, async () => {
  for (let seed = 1; seed <= RUNS; seed++) {
    await withFolder(async (folder) => {
      const random = new SeededRandom(seed);
      const source = randomTree(random);
      const before = randomTree(random);
      const src = await localEnd(join(folder, "src"), source, false);
      const dst = random.next() < 0.5
        ? await localEnd(join(folder, "dst"), before, true)
        : await hyperEnd(before);
      const options = { batch: random.next() < 0.3 };
      const at = new Set(Array.from({ length: 3 }, () => integer(random, 60)));
      let callCount = 0;
      const states: FileTree[] = [before, source];
      let error: unknown = null;
      await withCalls(src, () => {
        if (!at.has(callCount++)) return;
        change(src.folder!, random, source);
        states.push(readTreeSync(src.folder!));
      }, async () => {
        try {
          await new MirrorDrive(src.drive, dst.drive, options).done();
        } catch (caught) {
          error = caught;
        }
      });
      const now = await readTree(src.folder!);
      const after = await dst.read();
      const paths = new Set(states.flatMap((tree) => Object.keys(tree)));
      if (error !== null) assertNamed(error, paths, seed);
      for (const path of new Set([...paths, ...Object.keys(after)])) {
        assert.ok(
          states.some((tree) => tree[path] === after[path]),
          `seed ${seed}: ${path} is ${after[path]?.slice(0, 20)}…`,
        );
      }
      await new MirrorDrive(src.drive, dst.drive, options).done();
      assert.deepEqual(await dst.read(), sorted(now), `seed ${seed}, the second time`);
      await dst.close();
    });
  }
});

/** Twelve files of which a disk of a million bytes takes some. */
const LARGE_TREE: FileTree = Object.fromEntries(
  Array.from({ length: 12 }, (_, index) => [`/${index}.f`, String(index % 10).repeat(150_000)]),
);
const SMALL_DISK = 1_000_000;
const LARGE_DISK = "size=20000000";

for (const atomic of [true, false]) {
  Deno.test(`a full disk below a folder, ${atomic ? "atomic" : "in place"}, names the file, and with more room all goes on`, async () => {
    await withSmallDisk(SMALL_DISK, async ({ folder, remount }) => {
      const source = await hyperEnd(LARGE_TREE);
      const dst = new Localdrive(folder, { atomic });
      await assert.rejects(new MirrorDrive(source.drive, dst).done(), (error: unknown) => {
        assertNamed(error, new Set(Object.keys(LARGE_TREE)), 0);
        assert.equal(error.code, "ENOSPC");
        return true;
      });
      const written = Object.entries(await readTree(folder));
      assert.ok(written.length > 2);
      for (const [path, text] of written) assert.equal(text, LARGE_TREE[path], path);
      await remount("ro");
      await assert.rejects(new MirrorDrive(source.drive, dst).done(), { code: "EROFS", message: /\.f/ });
      await remount(`rw,${LARGE_DISK}`);
      await new MirrorDrive(source.drive, dst).done();
      assert.deepEqual(sorted(await readTree(folder)), sorted(LARGE_TREE));
      await source.close();
    });
  });
}

Deno.test("a full disk below a drive names the file, and with more room all goes on", async () => {
  await withSmallDisk(SMALL_DISK, async ({ folder, remount }) => {
    await withFolder(async (files) => {
      await writeTree(files, LARGE_TREE);
      const src = new Localdrive(files);
      const drive = new Hyperdrive(new Corestore(join(folder, "store")));
      await assert.rejects(new MirrorDrive(src, drive).done(), (error: unknown) => {
        assertNamed(error, new Set(Object.keys(LARGE_TREE)), 0);
        assert.equal(error.code, "STORAGE_FULL");
        return true;
      });
      const readAll = async (of: Hyperdrive): Promise<FileTree> => {
        const tree: Record<string, string> = {};
        for await (const { key } of of.list("/")) tree[key] = utf8Text((await of.get(key))!);
        return tree;
      };
      for (const [path, text] of Object.entries(await readAll(drive))) {
        assert.equal(text, LARGE_TREE[path], path);
      }
      await remount(LARGE_DISK);
      await new MirrorDrive(src, drive).done();
      assert.deepEqual(await readAll(drive), sorted(LARGE_TREE));
      await drive.close();
      await using again = new Hyperdrive(new Corestore(join(folder, "store")));
      await again.ready();
      assert.deepEqual(await readAll(again), sorted(LARGE_TREE));
    });
  });
});

function readTreeSync(folder: string, below = ""): FileTree {
  const tree: Record<string, string> = {};
  for (const { name, isDirectory, isSymlink } of Deno.readDirSync(join(folder, below))) {
    const path = `${below}/${name}`;
    if (isDirectory) Object.assign(tree, readTreeSync(folder, path));
    else if (isSymlink) tree[path] = `-> ${Deno.readLinkSync(join(folder, path))}`;
    else tree[path] = Deno.readTextFileSync(join(folder, path));
  }
  return tree;
}

function sorted(tree: FileTree): FileTree {
  return Object.fromEntries(Object.entries(tree).sort(([a], [b]) => a < b ? -1 : 1));
}

/**
 * Random programs on a drive beside a map of files: puts, deletes, links, batches, views, differences, truncation, and
 * entries that a hostile writer made.
 */
import assert from "node:assert/strict";
import { utf8Text } from "../../src/base/mod.ts";
import { SeededRandom } from "../../src/base/mod.ts";
import { Corestore } from "../../src/corestore/mod.ts";
import { Hyperdrive, HyperdriveError } from "../../src/hyperdrive/mod.ts";

const RUNS = 300;
const STEPS = 40;
const HOSTILE_RUNS = 2000;

type Model = Map<string, string>;

function integer(random: SeededRandom, end: number): number {
  return Math.floor(random.next() * end);
}

function randomPath(random: SeededRandom): string {
  const folders = ["", "/a", "/a0", "/a/b", "/ü", "/a.b"];
  return `${folders[integer(random, folders.length)]}/${"xyz"[integer(random, 3)]}`;
}

async function treeOf(drive: Hyperdrive): Promise<Model> {
  const tree: Model = new Map();
  for await (const { key, value } of drive.list("/")) {
    tree.set(key, value.linkname === null ? utf8Text((await drive.get(key))!) : `-> ${value.linkname}`);
  }
  return tree;
}

function sorted(model: Model): [string, string][] {
  return Array.from(model).sort(([a], [b]) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
}

/** One random change of a drive, or of a batch on it, and of its model. */
async function change(random: SeededRandom, drive: Hyperdrive, model: Model): Promise<void> {
  const path = randomPath(random);
  const text = String(integer(random, 1000)).repeat(integer(random, 4));
  switch (integer(random, 4)) {
    case 0:
      await drive.del(path);
      model.delete(path);
      break;
    case 1:
      await drive.symlink(path, "/a/x");
      model.set(path, "-> /a/x");
      break;
    default:
      await drive.put(path, text);
      model.set(path, text);
  }
}

function namesIn(model: Model, folder: string): string[] {
  const below = folder === "/" ? "/" : `${folder}/`;
  const names = sorted(model).map(([key]) => key).filter((key) => key.startsWith(below));
  return Array.from(new Set(names.map((key) => key.slice(below.length).split("/")[0]!)));
}

Deno.test(`HD-015 HD-033 HD-035 HD-038 HD-042 ${RUNS} random programs leave drive and model alike`, async () => {
  for (let seed = 1; seed <= RUNS; seed++) {
    const random = new SeededRandom(seed);
    await using drive = new Hyperdrive(new Corestore());
    await drive.ready();
    let model: Model = new Map();
    const versions: { readonly version: number; readonly model: Model }[] = [{
      version: drive.version,
      model: new Map(),
    }];
    for (let step = 0; step < STEPS; step++) {
      switch (integer(random, 8)) {
        case 0: {
          const batch = drive.batch();
          const changed: Model = new Map(model);
          for (let count = integer(random, 6); count > 0; count--) await change(random, batch, changed);
          if (random.next() < 0.8) {
            await batch.flush();
            model = changed;
          } else await batch.close();
          break;
        }
        case 1: {
          const kept = versions[integer(random, versions.length)]!;
          const view = drive.checkout(kept.version);
          assert.deepEqual(
            sorted(await treeOf(view)),
            sorted(kept.model),
            `seed ${seed}, version ${kept.version}`,
          );
          await view.close();
          break;
        }
        case 2: {
          const kept = versions[integer(random, versions.length)]!;
          const differing = (await Array.fromAsync(drive.diff(kept.version))).map(({ left, right }) =>
            (left ?? right)!.key
          );
          const expected = new Set([...model.keys(), ...kept.model.keys()]
            .filter((key) => model.get(key) !== kept.model.get(key)));
          // Files that were written anew with the same bytes differ too.
          for (const key of expected) assert.ok(differing.includes(key), `seed ${seed}: ${key} differs`);
          break;
        }
        case 3: {
          const folder = ["/", "/a", "/a0", "/ü", "/none"][integer(random, 5)]!;
          assert.deepEqual(
            await Array.fromAsync(drive.readdir(folder)),
            namesIn(model, folder),
            `seed ${seed}, ${folder}`,
          );
          break;
        }
        case 4:
          if (random.next() < 0.2 && versions.length > 1 && drive.core.length > 0) {
            const kept = versions[1 + integer(random, versions.length - 1)]!;
            await drive.truncate(kept.version);
            model = new Map(kept.model);
            // The blobs go back to what this version's files need; older versions may have had more.
            versions.splice(0, versions.length, kept);
          }
          break;
        default:
          await change(random, drive, model);
      }
      versions.push({ version: drive.version, model: new Map(model) });
    }
    assert.deepEqual(sorted(await treeOf(drive)), sorted(model), `seed ${seed}`);
  }
});

Deno.test(`${HOSTILE_RUNS} entries of a hostile writer are read, or refused by name`, async () => {
  await using drive = new Hyperdrive(new Corestore());
  await drive.ready();
  const random = new SeededRandom(1);
  const numbers = [0, 1, -1, 0.5, 1e9, 2 ** 53, 1e300, null, "1", [], {}, true];
  const any = (): unknown => numbers[integer(random, numbers.length)];
  const blob = (): unknown =>
    random.next() < 0.7
      ? { blockOffset: any(), blockLength: any(), byteOffset: any(), byteLength: any(), blockMap: any() }
      : any();
  for (let round = 0; round < HOSTILE_RUNS; round++) {
    const value = random.next() < 0.1
      ? any()
      : { executable: any(), linkname: any(), blob: blob(), metadata: any() };
    await drive.db.put("files\0/evil", value);
    try {
      const entry = await drive.entry("/evil");
      await drive.get("/evil", { wait: false });
      assert.equal(entry!.key, "/evil");
    } catch (error) {
      const { code, message } = error as HyperdriveError;
      assert.ok(typeof code === "string", `round ${round}: ${error}`);
      if (error instanceof HyperdriveError) assert.match(message, /\/evil/);
    }
  }
});

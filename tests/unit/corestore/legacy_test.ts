/**
 * Stores of corestore 6 and hypercore 10, imported.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexBytes, hexText, utf8Text } from "../../../src/base/mod.ts";
import { crc32 } from "../../../src/crypto/mod.ts";
import {
  Corestore,
  CorestoreError,
  importLegacyStore,
  type LegacyCoreReport,
} from "../../../src/corestore/mod.ts";
import { Hypercore } from "../../../src/hypercore/mod.ts";
import { MemoryStorage } from "../../../src/storage/mod.ts";
import {
  copyFolder,
  folderDigest,
  legacyBlock,
  type LegacyCore,
  legacyFolder,
  legacyStores,
} from "../../helpers/legacy_stores.ts";
import { withFolder } from "../../helpers/store_folder.ts";

/** Checks that `core` holds what was recorded, and nothing else. */
async function assertHolds(core: Hypercore, expected: LegacyCore): Promise<void> {
  await core.ready();
  assert.equal(hexText(core.key!), expected.key);
  assert.equal(core.length, expected.length);
  assert.equal(core.fork, expected.fork);
  if (expected.treeHash !== null) assert.equal(hexText(await core.treeHash()), expected.treeHash);
  for (let index = 0; index < expected.length; index++) {
    const block = await core.get(index, { wait: false });
    const text = expected.present.includes(index) ? utf8Text(legacyBlock(expected, index)) : null;
    assert.equal(block && utf8Text(block), text, `block ${index} of ${expected.name}`);
  }
  for (const [name, value] of Object.entries(expected.userData)) {
    assert.equal(hexText((await core.getUserData(name))!), value);
  }
}

function reportOf(reports: readonly LegacyCoreReport[], core: LegacyCore): LegacyCoreReport {
  return reports.find(({ key }) => key !== null && hexText(key) === core.key)!;
}

for (const [name, { primaryKey, cores }] of Object.entries(legacyStores.stores)) {
  Deno.test(`CS-W04 importLegacyStore() brings over all of ${name}, and leaves it as it is`, async () => {
    await withFolder(async (folder) => {
      const before = folderDigest(legacyFolder(name));
      const report = await importLegacyStore(legacyFolder(name), folder);
      assert.equal(folderDigest(legacyFolder(name)), before);
      assert.equal(report.source, "corestore");
      assert.equal(report.primaryKey, "imported");
      assert.equal(report.cores.length, cores.length);
      for (const core of cores) {
        const { outcome, length, blocks, lost, isWritable, problems } = reportOf(report.cores, core);
        assert.deepEqual(problems, []);
        assert.equal(outcome, core.length === 0 ? "empty" : "imported");
        assert.deepEqual([length, blocks, lost], [core.length, core.present.length, []]);
        assert.equal(isWritable, core.writable);
      }

      await using store = new Corestore(folder);
      await store.ready();
      assert.equal(hexText(store.primaryKey!), primaryKey);
      for (const expected of cores) {
        await assertHolds(store.get({ key: expected.key }), expected);
        if (!expected.writable) continue;
        const within = (expected.path ?? []).reduce((parent, name) => parent.namespace(name), store);
        const named = within.get({ name: expected.alias ?? expected.name });
        await assertHolds(named, expected);
        assert.equal(named.writable, true);
        const { length } = await named.append(new Uint8Array([1, 2, 3]));
        assert.equal(length, expected.length + 1);
      }
    });
  });
}

for (const [name, expected] of Object.entries(legacyStores.cores)) {
  Deno.test(`CS-W04 importLegacyStore() brings over the hypercore ${name}`, async () => {
    const storage = Hypercore.defaultStorage(new MemoryStorage());
    const report = await importLegacyStore(legacyFolder(name), storage);
    assert.equal(report.source, "hypercore");
    assert.equal(report.primaryKey, "missing");
    const [core] = report.cores;
    assert.deepEqual(core!.problems, []);
    assert.equal(core!.isWritable, true);
    // The store's only core is the one that is opened without a key.
    await using opened = new Hypercore(storage);
    await assertHolds(opened, expected);
    assert.equal(opened.writable, true);
    await opened.append(new Uint8Array([1]));
    assert.equal(opened.length, expected.length + 1);
  });
}

Deno.test("CS-W04 an import into an open store gives it the old primary key", async () => {
  await using store = new Corestore();
  await store.get({ key: new Uint8Array(32).fill(1) }).ready();
  const { primaryKey } = await importLegacyStore(legacyFolder("store6_18"), store);
  assert.equal(primaryKey, "imported");
  assert.equal(hexText(store.primaryKey!), legacyStores.stores.store6_18!.primaryKey);
  const main = store.get<string>({ name: "main", valueEncoding: "utf-8" });
  assert.equal(await main.get(0), "main 0 ");
});

Deno.test("CS-W04 a store that has named cores keeps its primary key; imported names work, taken ones do not", async () => {
  await using store = new Corestore();
  const own = store.get({ name: "main" });
  await own.ready();
  const { primaryKey, cores } = await importLegacyStore(legacyFolder("store6_18"), store);
  assert.equal(primaryKey, "kept");
  const legacy = legacyStores.stores.store6_18!.cores;
  const main = reportOf(cores, legacy.find(({ name }) => name === "main")!);
  assert.equal(main.alias, null);
  assert.deepEqual(main.problems, ['The store has another core called "main"; open this one by key']);
  const again = store.get({ name: "main" });
  await again.ready();
  assert.equal(again.core, own.core);
  const cut = legacy.find(({ name }) => name === "cut")!;
  const named = store.get({ name: "cut" });
  await assertHolds(named, cut);
  assert.equal(named.writable, true);
});

Deno.test("CS-W04 importing twice keeps what is there, and goes on with what is not", async () => {
  const storage = Hypercore.defaultStorage(new MemoryStorage());
  const done: LegacyCoreReport[] = [];
  const abortion = new AbortController();
  const cutOff = importLegacyStore(legacyFolder("store6_18"), storage, {
    signal: abortion.signal,
    onprogress: (report) => {
      done.push(report);
      if (done.length === 3) abortion.abort(new Error("Enough"));
    },
  });
  await assert.rejects(cutOff, { message: "Enough" });
  const { primaryKey, cores } = await importLegacyStore(legacyFolder("store6_18"), storage);
  assert.equal(primaryKey, "imported");
  for (const [i, { outcome, length, blocks, isWritable }] of cores.entries()) {
    const first = done[i];
    if (first === undefined || first.length === 0) continue;
    assert.equal(outcome, "kept");
    assert.deepEqual([length, blocks, isWritable], [first.length, first.blocks, first.isWritable]);
  }
  const third = await importLegacyStore(legacyFolder("store6_18"), storage);
  assert.equal(third.primaryKey, "same");
  await using store = new Corestore(storage);
  for (const expected of legacyStores.stores.store6_18!.cores) {
    await assertHolds(store.get({ key: expected.key }), expected);
  }
});

Deno.test("CS-W04 a store opened where an old one lies takes it over, once, and tells", async () => {
  await withFolder(async (folder) => {
    copyFolder(legacyFolder("store6_8"), folder);
    const before = folderDigest(`${folder}/cores`);
    {
      await using store = new Corestore(folder);
      const told: string[] = [];
      store.on("import", ({ cores }) => told.push(`import ${cores.length}`)).on(
        "ready",
        () => told.push("ready"),
      );
      const cut = store.get({ name: "cut" });
      await assertHolds(cut, legacyStores.stores.store6_8!.cores.find(({ name }) => name === "cut")!);
      assert.deepEqual(told, ["import 6", "ready"]);
      assert.equal(hexText(store.primaryKey!), legacyStores.stores.store6_8!.primaryKey);
    }
    assert.equal(folderDigest(`${folder}/cores`), before);
    await using store = new Corestore(folder);
    store.on("import", () => assert.fail("imported twice"));
    const main = store.get<string>({ name: "main", valueEncoding: "utf-8" });
    assert.equal(await main.get(1), "main 1 main 1 ");
  });
});

Deno.test("CS-W04 a folder that holds something else is refused with the reason", async () => {
  await withFolder(async (folder) => {
    const refusal = (text: string) => (error: unknown) =>
      error instanceof CorestoreError && error.code === "BAD_ARGUMENT" && error.message.includes(text);
    await assert.rejects(importLegacyStore(folder, null!), refusal("There is no corestore 6"));
    await assert.rejects(importLegacyStore(`${folder}/missing`, null!), refusal("There is no corestore 6"));
    await Deno.mkdir(`${folder}/db`);
    await Deno.writeTextFile(`${folder}/CORESTORE`, "");
    await assert.rejects(importLegacyStore(folder, null!), refusal("replicate it"));
    const store = new Corestore(folder);
    await assert.rejects(store.ready(), { code: "STORE_LEGACY" });
    await store.close();
  });
});

/** What came of a core whose files were changed before the import. */
interface Damaged extends AsyncDisposable {
  readonly report: LegacyCoreReport;
  readonly expected: LegacyCore;
  readonly core: Hypercore;
  readonly store: Corestore;
}

/** Imports a copy of a recorded folder after `damage` to the files of one core. */
async function importDamaged(
  source: string,
  expected: LegacyCore,
  damage: (coreFolder: string) => void,
): Promise<Damaged> {
  const id = expected.discoveryKey;
  const isStore = source in legacyStores.stores;
  const folder = await Deno.makeTempDir({ prefix: "quince-legacy-" });
  const store = new Corestore();
  try {
    copyFolder(legacyFolder(source), folder);
    const coreFolder = isStore ? `${folder}/cores/${id.slice(0, 2)}/${id.slice(2, 4)}/${id}` : folder;
    damage(coreFolder);
    const { cores } = await importLegacyStore(folder, store);
    const report = cores.find(({ folder }) => folder === coreFolder)!;
    const core = store.get({ key: hexBytes(expected.key) });
    await core.ready();
    return { report, expected, core, store, [Symbol.asyncDispose]: () => store.close() };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** The same with a core of `store6_18`. */
function damagedCoreOfStore(name: string, damage: (coreFolder: string) => void): Promise<Damaged> {
  const expected = legacyStores.stores.store6_18!.cores.find((core) => core.name === name)!;
  return importDamaged("store6_18", expected, damage);
}

/** The same with a hypercore whose first 33 of 35 blocks are in the tree's file. */
function damagedCore(damage: (coreFolder: string) => void): Promise<Damaged> {
  return importDamaged("core10_9", legacyStores.cores.core10_9!, damage);
}

function flip(path: string, offset: number, byteLength = 1): void {
  const bytes = Deno.readFileSync(path);
  for (let i = offset; i < offset + byteLength; i++) bytes[i]! ^= 0xff;
  Deno.writeFileSync(path, bytes);
}

function cut(path: string, byteLength: number): void {
  Deno.writeFileSync(path, Deno.readFileSync(path).subarray(0, byteLength));
}

Deno.test("CS-W04 a damaged block is listed, all others are imported", async () => {
  await using damaged = await damagedCore((folder) => flip(`${folder}/data`, 20));
  const { report, expected, core } = damaged;
  assert.equal(report.outcome, "imported");
  assert.deepEqual(report.lost, [{ start: 1, end: 2 }]);
  assert.deepEqual(report.problems, ["Blocks that could not be verified: 1 to 1"]);
  assert.equal(report.isWritable, true);
  await assertHolds(core, { ...expected, present: expected.present.filter((index) => index !== 1) });
});

Deno.test("CS-W04 damaged nodes are made again from what is below them", async () => {
  for (const index of [0, 1, 2, 3, 5, 7, 15, 23, 30, 31, 33, 47, 61, 64]) {
    await using damaged = await damagedCore((folder) => flip(`${folder}/tree`, 40 * index, 40));
    assert.deepEqual(damaged.report.problems, [], `node ${index}`);
    await assertHolds(damaged.core, damaged.expected);
  }
});

Deno.test("CS-W04 where sizes are lost the blocks are, and nothing else", async () => {
  // Two neighbouring leaves: nobody can tell where one block ends and the next begins.
  await using damaged = await damagedCore((folder) => {
    flip(`${folder}/tree`, 40 * 16, 40);
    flip(`${folder}/tree`, 40 * 18, 40);
  });
  const { report, expected, core } = damaged;
  assert.deepEqual(report.lost, [{ start: 8, end: 10 }]);
  assert.equal(report.isWritable, true);
  const present = expected.present.filter((index) => index !== 8 && index !== 9);
  await assertHolds(core, { ...expected, present });
});

Deno.test("CS-W04 without the roots nothing can be verified", async () => {
  await using damaged = await damagedCore((folder) => cut(`${folder}/tree`, 40 * 20));
  assert.equal(damaged.report.outcome, "unverifiable");
  assert.equal(damaged.report.isWritable, false);
  assert.equal(damaged.core.length, 0);
  assert.equal(damaged.core.writable, false);
});

Deno.test("CS-W04 a damaged oplog costs the secret key and what it says, not the blocks before", async () => {
  await using damaged = await damagedCoreOfStore("cut", (folder) => flip(`${folder}/oplog`, 8192 + 20));
  const { report, expected, store } = damaged;
  assert.equal(report.outcome, "imported");
  assert.equal(report.isWritable, false);
  assert.deepEqual(report.problems, [
    "The oplog is damaged",
    "The newest state may be lost: the secret key was left out, so that the core is not forked",
  ]);
  const named = store.get({ name: "cut" });
  const upTo6 = { ...expected, length: 6, treeHash: null, present: [0, 1, 2, 3, 4, 5] };
  await assertHolds(named, upTo6);
  assert.equal(named.writable, false);
});

Deno.test("CS-W04 an entry that was being written when the process died is no damage", async () => {
  await using damaged = await damagedCoreOfStore("cut", (folder) => {
    cut(`${folder}/oplog`, Deno.statSync(`${folder}/oplog`).size - 5);
  });
  const { report } = damaged;
  assert.deepEqual(report.problems, []);
  assert.deepEqual([report.outcome, report.isWritable, report.length], ["imported", true, 6]);
});

Deno.test("CS-W04 an older state is imported where the newest cannot be verified", async () => {
  // The newest state's nodes are in the oplog; the blocks behind the older one are there all the same.
  const { cores } = legacyStores;
  await using damaged = await importDamaged("core10_9", cores.core10_9!, (folder) => {
    const bytes = Deno.readFileSync(`${folder}/oplog`);
    const at = 8192 + 8;
    // Signature of the entry's upgrade, with the checksum mended.
    bytes[bytes.byteLength - 10]! ^= 0xff;
    const length = new DataView(bytes.buffer).getUint32(at - 4, true) >>> 2;
    const checksum = crc32(bytes.subarray(at - 4, at + length));
    new DataView(bytes.buffer).setUint32(at - 8, checksum, true);
    Deno.writeFileSync(`${folder}/oplog`, bytes);
  });
  const { report, expected, core } = damaged;
  assert.deepEqual(report.problems, [
    "The newest state could not be verified; an older one was imported",
    "The newest state may be lost: the secret key was left out, so that the core is not forked",
  ]);
  const present = expected.present.filter((index) => index < 33);
  await assertHolds(core, { ...expected, length: 33, treeHash: null, present });
});

Deno.test("CS-W04 a core without a readable header, or without files, is reported", async () => {
  await using gone = await damagedCoreOfStore("holes", (folder) => flip(`${folder}/oplog`, 0, 8192));
  assert.equal(gone.report.outcome, "unreadable");
  assert.equal(hexText(gone.report.discoveryKey!), gone.expected.discoveryKey);
  assert.deepEqual(gone.report.problems, ["No header of the oplog can be read"]);
  await using missing = await damagedCoreOfStore("holes", (folder) => Deno.removeSync(`${folder}/oplog`));
  assert.deepEqual(missing.report.problems, ["There is no oplog"]);
  await using empty = await damagedCoreOfStore("holes", (folder) => {
    for (const file of ["data", "tree", "bitfield"]) Deno.removeSync(`${folder}/${file}`);
  });
  assert.equal(empty.report.outcome, "unverifiable");
  assert.equal(empty.report.isWritable, false);
  await using dataless = await damagedCoreOfStore("holes", (folder) => Deno.removeSync(`${folder}/data`));
  assert.equal(dataless.report.outcome, "imported");
  assert.deepEqual(dataless.report.lost, [{ start: 0, end: 3 }, { start: 9, end: 20 }, {
    start: 21,
    end: 40,
  }]);
});

Deno.test("CS-W04 a header file that is cut off leaves a core unreadable", async () => {
  const { core10_38_manifest } = legacyStores.cores;
  await using damaged = await importDamaged("core10_38_manifest", core10_38_manifest!, (folder) => {
    cut(`${folder}/header`, 100);
  });
  assert.equal(damaged.report.outcome, "unreadable");
  assert.deepEqual(damaged.report.problems, ["The header file is cut off"]);
});

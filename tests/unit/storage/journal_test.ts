/** The journal before the database: what survives which crash, and what readers see of it. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { crc32 } from "node:zlib";
import { SeededRandom } from "../../../src/base/mod.ts";
import { SqliteStorage, type Storage, type StorageReader, WriteBatch } from "../../../src/storage/mod.ts";
import {
  encodeEntry,
  entryByteLength,
  type EntrySum,
  entrySum,
} from "../../../src/storage/sqlite/journal_entry.ts";
import { readEntries } from "../../../src/storage/sqlite/journal_scan.ts";
import { DRAIN_OPERATION_COUNT, JOURNAL_FILE_BYTE_LENGTH } from "../../../src/storage/sqlite/limits.ts";
import { bytes, keyList, rejectsWith, rowList } from "../../conformance/storage/suite.ts";
import { DurableSizes } from "../../helpers/durable_sizes.ts";
import { copyStore, withFolder } from "../../helpers/store_folder.ts";

const HEAD = bytes(1);

/**
 * Batch `index`: a row and the record that counts, of `byteLength` bytes and a little; with `isDirect` there is a range
 * deletion in it, so that the journal does not take it.
 */
function numbered(index: number, byteLength: number = 20, isDirect: boolean = false): WriteBatch {
  const batch = new WriteBatch();
  if (isDirect) batch.deleteRows("mark", 0, 0, 1);
  const value = new Uint8Array(byteLength).fill(index & 255);
  batch.putRow("block", 1, index, value);
  const head = new Uint8Array(8);
  new DataView(head.buffer).setFloat64(0, index + 1);
  batch.putRecord("head", HEAD, head);
  return batch;
}

/** Asserts that exactly the first batches are there, whole, and returns how many. */
async function assertPrefix(reader: StorageReader): Promise<number> {
  const value = await reader.getRecord("head", HEAD);
  const head = value === null ? 0 : new DataView(value.buffer, value.byteOffset).getFloat64(0);
  const found: number[] = [];
  for await (const row of reader.rows("block", 1)) {
    assert.equal(row.value[0], row.index & 255);
    found.push(row.index);
  }
  assert.deepEqual(found, Array.from({ length: head }, (_, index) => index));
  return head;
}

async function withStore<T>(
  folder: string,
  run: (storage: SqliteStorage) => Promise<T>,
  readOnly: boolean = false,
): Promise<T> {
  const storage = new SqliteStorage(folder, { readOnly });
  try {
    await storage.open();
    return await run(storage);
  } finally {
    await storage.close();
  }
}

/** Writes batches `start` to `end` (exclusive), one after the other. */
async function writeNumbered(storage: Storage, start: number, end: number): Promise<void> {
  for (let index = start; index < end; index++) await storage.write(numbered(index));
}

/** What the database alone has. */
function rowCountOf(folder: string): number {
  const database = new DatabaseSync(`${folder}/quince.db`, { readOnly: true });
  const { count } = database.prepare('SELECT count(*) AS count FROM "block"').get() as { count: number };
  const packs = database.prepare('SELECT value FROM "block_pack"').all() as { value: Uint8Array }[];
  database.close();
  return packs.reduce((sum, { value }) => sum + value[0]! + 256 * value[1]!, count);
}

/** The checksum of the entries of the store in `folder`. */
function sumOf(folder: string): EntrySum {
  const database = new DatabaseSync(`${folder}/quince.db`, { readOnly: true });
  const { salt } = database.prepare('SELECT salt FROM "journal"').get() as { salt: number };
  database.close();
  return entrySum(crc32, salt);
}

function cut(path: string, byteLength: number): void {
  Deno.truncateSync(path, byteLength);
}

Deno.test("a process killed between a write and the drain loses nothing", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      await writeNumbered(storage, 0, 5);
      assert.equal(rowCountOf(folder), 0);
      const copy = copyStore(folder);
      assert.equal(await withStore(copy, assertPrefix, true), 5);
      assert.equal(await withStore(copy, assertPrefix), 5);
      assert.equal(rowCountOf(copy), 5);
      assert.equal(await withStore(copy, assertPrefix), 5);
    })
  ));

Deno.test("a journal torn or changed at any byte of its last entry gives all entries but that one", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      await writeNumbered(storage, 0, 3);
      const copy = copyStore(folder);
      const journal = await Deno.readFile(`${copy}/journal-0`);
      const database = await Deno.readFile(`${copy}/quince.db`);
      const log = await Deno.readFile(`${copy}/quince.db-wal`);
      const entries = readEntries(sumOf(copy), journal);
      assert.equal(entries.length, 3);
      const { start, end } = entries[2]!;
      assert.equal(end, journal.byteLength);
      const attempt = async (damaged: Uint8Array, what: string): Promise<void> => {
        await Deno.writeFile(`${copy}/quince.db`, database);
        await Deno.writeFile(`${copy}/quince.db-wal`, log);
        await Deno.writeFile(`${copy}/journal-0`, damaged);
        await withStore(copy, async (again) => {
          assert.equal(await assertPrefix(again), 2, what);
          await again.write(numbered(2));
        });
        assert.equal(await withStore(copy, assertPrefix), 3, what);
      };
      for (let length = start; length < end; length++) {
        await attempt(journal.slice(0, length), `cut to ${length}`);
      }
      for (let at = start; at < end; at += 3) {
        const changed = journal.slice();
        changed[at]! ^= 255;
        await attempt(changed, `changed at ${at}`);
      }
    })
  ));

Deno.test("a journal replayed twice, or after later writes, changes nothing", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      await writeNumbered(storage, 0, 4);
      const copy = copyStore(folder);
      const journal = await Deno.readFile(`${copy}/journal-0`);
      assert.equal(await withStore(copy, assertPrefix), 4);
      await Deno.writeFile(`${copy}/journal-0`, journal);
      assert.equal(await withStore(copy, assertPrefix, true), 4);
      assert.equal(await withStore(copy, assertPrefix), 4);
      await withStore(copy, (again) => writeNumbered(again, 4, 6));
      await Deno.writeFile(`${copy}/journal-0`, journal);
      assert.equal(await withStore(copy, assertPrefix, true), 6);
      assert.equal(await withStore(copy, assertPrefix), 6);
    })
  ));

Deno.test("the journal is drained by the write that finds it full, not by the one before", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      const perBatch = DRAIN_OPERATION_COUNT / 8;
      const write = async (start: number, count: number): Promise<void> => {
        const batch = new WriteBatch();
        for (let i = start; i < start + count; i++) batch.putRow("block", 0, i, bytes());
        await storage.write(batch);
      };
      for (let i = 0; i < 8; i++) await write(i * perBatch, perBatch);
      assert.equal(rowCountOf(folder), 0);
      await write(DRAIN_OPERATION_COUNT, 1);
      assert.equal(rowCountOf(folder), DRAIN_OPERATION_COUNT);
      assert.equal((await rowList(storage, 0)).length, DRAIN_OPERATION_COUNT + 1);
      assert.equal(rowCountOf(folder), DRAIN_OPERATION_COUNT + 1);
    })
  ));

Deno.test("ranges, snapshots, range deletions and large batches see and follow what is in the journal", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      await writeNumbered(storage, 0, 3);
      await using snapshot = await storage.snapshot();
      assert.equal(rowCountOf(folder), 3);
      await writeNumbered(storage, 3, 5);
      await storage.write(numbered(5, 100_000, true));
      assert.equal(rowCountOf(folder), 6);
      await writeNumbered(storage, 6, 8);
      const deletion = new WriteBatch();
      deletion.deleteRows("block", 1, 7, 9);
      await storage.write(deletion);
      assert.equal(rowCountOf(folder), 7);
      assert.equal(await storage.getRow("block", 1, 7), null);
      await storage.write(numbered(7));
      assert.equal(await assertPrefix(storage), 8);
      assert.equal(await assertPrefix(snapshot), 3);
    })
  ));

Deno.test("a large file of the journal is emptied while the other one takes over", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      const byteLength = 15_000;
      const count = Math.ceil(2.5 * JOURNAL_FILE_BYTE_LENGTH / byteLength);
      for (let index = 0; index < count; index++) {
        await storage.write(numbered(index, byteLength));
        if (index % 100 === 0) await storage.sync();
      }
      const sizes = ["journal-0", "journal-1"].map((name) => Deno.statSync(`${folder}/${name}`).size);
      assert.ok(sizes.every((size) => size < 2 * JOURNAL_FILE_BYTE_LENGTH), sizes.join());
      assert.ok(sizes[0]! + sizes[1]! < count * byteLength, sizes.join());
      const copy = copyStore(folder);
      assert.equal(await withStore(copy, assertPrefix, true), count);
      assert.equal(await withStore(copy, assertPrefix), count);
      assert.equal(await assertPrefix(storage), count);
    })
  ));

Deno.test("files cut anywhere behind what was synced give the first writes whole, the durable ones among them", async () => {
  for (let seed = 1; seed <= 12; seed++) {
    await withFolder((folder) => withStore(folder, (storage) => cutAtRandom(storage, folder, seed)));
  }
});

/** Writes batches of all kinds, some durable, then cuts copies as a power loss may. */
async function cutAtRandom(storage: SqliteStorage, folder: string, seed: number): Promise<void> {
  const random = new SeededRandom(seed);
  const sizeOf = (name: string): number => Deno.statSync(`${folder}/${name}`).size;
  using sizes = await DurableSizes.watch();
  const pathOf = (name: string): string => Deno.realPathSync(`${folder}/${name}`);
  sizes.set(pathOf("quince.db-wal"), sizeOf("quince.db-wal"));
  let durableCount = 0;
  const count = 40 + Math.floor(random.next() * 40);
  for (let index = 0; index < count; index++) {
    const kind = random.next();
    const [byteLength, isDirect] = kind < 0.25 ? [20_000, false] : kind < 0.4 ? [20_000, true] : [20, false];
    const durable = random.next() < 0.1 || index === 5;
    await storage.write(numbered(index, byteLength, isDirect), { durable });
    if (durable) durableCount = index + 1;
    // Reading a range drains where nothing waits for a sync.
    if (random.next() < 0.1) assert.equal(await assertPrefix(storage), index + 1);
    // Others drain once their values are synced.
    if (random.next() < 0.05) await storage.compact();
  }
  const files = ["journal-0", "quince.db-wal", "values-0"].map((name) => ({
    name,
    end: sizeOf(name),
    synced: Math.min(sizes.of(pathOf(name)), sizeOf(name)),
  }));
  const image = copyStore(folder);
  for (let round = 0; round < 10; round++) {
    const between = (low: number, high: number): number => {
      const at = random.next();
      return at < 0.2 ? low : at < 0.4 ? high : low + Math.floor(random.next() * (high - low + 1));
    };
    const copy = copyStore(image);
    const cuts = files.map(({ name, synced, end }) => {
      const at = between(synced, end);
      cut(`${copy}/${name}`, at);
      return `${name} cut to ${at}`;
    });
    const what = `seed ${seed}: ${cuts.join(", ")}`;
    if (round % 2 === 0) await withStore(copy, assertPrefix, true);
    const kept = await withStore(copy, assertPrefix).catch((cause) => {
      throw new Error(what, { cause });
    });
    assert.ok(kept >= durableCount, `${what}: ${durableCount} durable, ${kept} kept`);
    await withStore(copy, (again) => writeNumbered(again, kept, kept + 2));
    assert.equal(await withStore(copy, assertPrefix), kept + 2, what);
  }
}

Deno.test("an entry that is damaged is cut off with what follows, unless what follows says it was durable", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      await writeNumbered(storage, 0, 3);
      const plain = copyStore(folder);
      await storage.sync();
      await writeNumbered(storage, 3, 4);
      const synced = copyStore(folder);
      for (const copy of [plain, synced]) {
        const journal = await Deno.readFile(`${copy}/journal-0`);
        journal[readEntries(sumOf(copy), journal)[1]!.end - 1]! ^= 1;
        await Deno.writeFile(`${copy}/journal-0`, journal);
      }
      assert.equal(await withStore(plain, assertPrefix), 1);
      const error = await rejectsWith("STORAGE_CORRUPT", new SqliteStorage(synced).open());
      for (const part of [`${synced}/journal-0`, "durable", "restore the folder"]) {
        assert.ok(error.message.includes(part), error.message);
      }
      // Read-only it shows the state up to the damage.
      assert.equal(await withStore(synced, assertPrefix, true), 1);
    })
  ));

Deno.test("a journal of another database is not replayed", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      await writeNumbered(storage, 0, 3);
      const copy = copyStore(folder);
      await Deno.remove(`${copy}/quince.db`);
      await Deno.remove(`${copy}/quince.db-wal`);
      assert.equal(await withStore(copy, assertPrefix), 0);
    })
  ));

Deno.test("a database older than what the journal says was durable is refused", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      await writeNumbered(storage, 0, 3);
      assert.equal(await assertPrefix(storage), 3);
      const old = copyStore(folder);
      await storage.write(numbered(3, 100_000, true), { durable: true });
      await storage.write(numbered(4), { durable: true });
      await writeNumbered(storage, 5, 6);
      const copy = copyStore(folder);
      for (const name of ["quince.db", "quince.db-wal"]) {
        await Deno.copyFile(`${old}/${name}`, `${copy}/${name}`);
      }
      await rejectsWith("STORAGE_CORRUPT", new SqliteStorage(copy).open());
    })
  ));

Deno.test("what looks like an entry within a block is none, even where the journal is torn", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      await writeNumbered(storage, 0, 2);
      const { operations } = numbered(9);
      const value = new Uint8Array(entryByteLength(operations)!);
      const target = { bytes: value, view: new DataView(value.buffer) };
      const forged = { sequence: 1, durableSequence: 2 ** 52, operations, start: 0, end: value.byteLength };
      encodeEntry(crc32, target, forged);
      const batch = new WriteBatch();
      batch.putRow("block", 1, 2, value);
      await storage.write(batch);
      const copy = copyStore(folder);
      const journal = await Deno.readFile(`${copy}/journal-0`);
      journal[readEntries(sumOf(copy), journal)[2]!.start]! ^= 1;
      await Deno.writeFile(`${copy}/journal-0`, journal);
      assert.equal(await withStore(copy, assertPrefix), 2);
    })
  ));

Deno.test("a journal of a newer format is refused with STORAGE_VERSION", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      await writeNumbered(storage, 0, 2);
      const copy = copyStore(folder);
      const journal = await Deno.readFile(`${copy}/journal-0`);
      const { start, end } = readEntries(sumOf(copy), journal)[1]!;
      journal[start + 12] = 3;
      new DataView(journal.buffer).setUint32(start + 4, sumOf(copy)(journal.subarray(start + 8, end)), true);
      await Deno.writeFile(`${copy}/journal-0`, journal);
      const error = await rejectsWith("STORAGE_VERSION", new SqliteStorage(copy).open());
      for (const part of [`${copy}/journal-0`, "is 3", "up to 2"]) {
        assert.ok(error.message.includes(part), error.message);
      }
      await withStore(copy, (reader) => rejectsWith("STORAGE_VERSION", reader.getRow("block", 1, 0)), true);
    })
  ));

Deno.test("SqliteStorage with readOnly sees at once what a writer has put into the journal, drained or not", () =>
  withFolder((folder) =>
    withStore(folder, (storage) =>
      withStore(folder, async (reader) => {
        await writeNumbered(storage, 0, 3);
        const batch = new WriteBatch();
        batch.deleteRow("block", 1, 2);
        batch.putRecord("user", bytes(9), bytes(8));
        batch.deleteRecord("user", bytes(7));
        await storage.write(batch);
        assert.equal(rowCountOf(folder), 0);
        assert.deepEqual(await rowList(reader, 1), [[0, 0], [1, 1]]);
        assert.deepEqual(await keyList(reader), ["09"]);
        assert.equal((await reader.getRow("block", 1, 1))?.[0], 1);
        assert.equal(await reader.getRow("block", 1, 2), null);
        await using snapshot = await reader.snapshot();
        await storage.write(numbered(2));
        assert.equal(await assertPrefix(reader), 3);
        assert.deepEqual(await rowList(snapshot, 1), [[0, 0], [1, 1]]);
        assert.equal(await assertPrefix(storage), 3);
        assert.equal(rowCountOf(folder), 3);
        await writeNumbered(storage, 3, 5);
        assert.equal(await assertPrefix(reader), 5);
        assert.deepEqual(await rowList(snapshot, 1), [[0, 0], [1, 1]]);
      }, true))
  ));

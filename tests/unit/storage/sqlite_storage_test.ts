/** Unit tests of what only `SqliteStorage` has: folders, reopening, limits of its own. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { pathToFileURL } from "node:url";
import { SNAPSHOT_COUNT_MAX, SqliteStorage, type Storage, WriteBatch } from "../../../src/storage/mod.ts";
import { CHECKPOINT_BYTE_LENGTH } from "../../../src/storage/sqlite/limits.ts";
import { bytes, keyList, rejectsWith, rowList } from "../../conformance/storage/suite.ts";
import { withFolder } from "../../helpers/store_folder.ts";

async function putRow(storage: Storage, index: number, value: Uint8Array): Promise<void> {
  const batch = new WriteBatch();
  batch.putRow("block", 0, index, value);
  await storage.write(batch);
}

/** Opens the store in `folder`, runs `run`, closes it. */
async function withStore(folder: string, run: (storage: SqliteStorage) => Promise<void>): Promise<void> {
  const storage = new SqliteStorage(folder);
  try {
    await storage.open();
    await run(storage);
  } finally {
    await storage.close();
  }
}

Deno.test("SqliteStorage keeps what was written when it is opened again", () =>
  withFolder(async (folder) => {
    await withStore(folder, async (storage) => {
      const batch = new WriteBatch();
      batch.putRow("block", 0, 0, bytes(1));
      batch.putRow("node", 8388607, 1099511627775, bytes(2));
      batch.putRecord("user", bytes(3), bytes());
      await storage.write(batch);
    });
    await withStore(folder, async (storage) => {
      assert.deepEqual(await rowList(storage, 0), [[0, 1]]);
      assert.equal((await storage.getRow("node", 8388607, 1099511627775))?.[0], 2);
      assert.deepEqual(await keyList(storage), ["03"]);
    });
  }));

Deno.test("SqliteStorage creates its folder with the ones above, and takes a file URL", () =>
  withFolder(async (folder) => {
    await withStore(`${folder}/a/b`, (storage) => putRow(storage, 0, bytes(1)));
    const storage = new SqliteStorage(pathToFileURL(`${folder}/a/b`));
    assert.equal(storage.folder, `${folder}/a/b`);
    await storage.open();
    assert.deepEqual(await rowList(storage, 0), [[0, 1]]);
    await storage.close();
  }));

Deno.test("SqliteStorage.close() leaves the database, the lock file and an empty journal in the folder", () =>
  withFolder(async (folder) => {
    await withStore(folder, (storage) => putRow(storage, 0, bytes(1)));
    assert.deepEqual([...Deno.readDirSync(folder)].map((entry) => entry.name).sort(), [
      "journal-0",
      "journal-1",
      "lock.db",
      "quince.db",
    ]);
    for (const name of ["journal-0", "journal-1"]) {
      assert.equal(Deno.statSync(`${folder}/${name}`).size, 0);
    }
  }));

Deno.test("new SqliteStorage() refuses what is no path and options out of bounds", () => {
  for (const folder of ["", "a\0b", undefined, 7, {}]) {
    assert.throws(() => new SqliteStorage(folder as string), { name: "TypeError", code: "BAD_ARGUMENT" });
  }
  for (const value of [0, -1, 1.5, NaN, Infinity]) {
    const range = { name: "RangeError", code: "BAD_ARGUMENT" };
    assert.throws(() => new SqliteStorage("a", { snapshotCountMax: value }), range);
    assert.throws(() => new SqliteStorage("a", { cacheByteLength: value }), range);
  }
});

Deno.test("SqliteStorage.open() where a file is in the way rejects with STORAGE_PATH and names it", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/file`, "text");
    for (const path of [`${folder}/file`, `${folder}/file/below`]) {
      const error = await rejectsWith("STORAGE_PATH", new SqliteStorage(path).open());
      assert.ok(error.message.includes(path), error.message);
    }
    await Deno.mkdir(`${folder}/store/quince.db`, { recursive: true });
    for (const readOnly of [false, true]) {
      const error = await rejectsWith(
        "STORAGE_PATH",
        new SqliteStorage(`${folder}/store`, { readOnly }).open(),
      );
      assert.ok(error.message.includes("store/quince.db"), error.message);
    }
  }));

Deno.test("SqliteStorage.open() may be called again after it failed", () =>
  withFolder(async (folder) => {
    await Deno.writeTextFile(`${folder}/store`, "text");
    const storage = new SqliteStorage(`${folder}/store`);
    await rejectsWith("STORAGE_PATH", storage.open());
    await rejectsWith("STORAGE_CLOSED", storage.getRow("block", 0, 0));
    await Deno.remove(`${folder}/store`);
    await storage.open();
    assert.equal(await storage.getRow("block", 0, 0), null);
    await storage.close();
  }));

Deno.test("SqliteStorage.close() while open() is under way closes what it opens", () =>
  withFolder(async (folder) => {
    const storage = new SqliteStorage(folder);
    const opened = storage.open();
    const refused = rejectsWith("STORAGE_CLOSED", opened);
    await storage.close();
    await refused;
    await withStore(folder, (again) => putRow(again, 0, bytes(1)));
  }));

Deno.test("SqliteStorage.open() of a newer format rejects with STORAGE_VERSION and changes nothing", () =>
  withFolder(async (folder) => {
    await withStore(folder, (storage) => putRow(storage, 0, bytes(1)));
    const setVersion = (version: number): void => {
      const database = new DatabaseSync(`${folder}/quince.db`);
      database.exec(`PRAGMA user_version = ${version}`);
      database.close();
    };
    setVersion(7);
    for (const readOnly of [false, true]) {
      const error = await rejectsWith("STORAGE_VERSION", new SqliteStorage(folder, { readOnly }).open());
      for (const part of [`${folder}/quince.db`, "is 7", "up to 4"]) {
        assert.ok(error.message.includes(part), error.message);
      }
    }
    setVersion(4);
    await withStore(folder, async (storage) => assert.deepEqual(await rowList(storage, 0), [[0, 1]]));
  }));

Deno.test("SqliteStorage.snapshot() takes as many as allowed, one more rejects with STORAGE_SNAPSHOTS", () =>
  withFolder(async (folder) => {
    for (const options of [{}, { snapshotCountMax: 2 }]) {
      const countMax = options.snapshotCountMax ?? SNAPSHOT_COUNT_MAX;
      const storage = new SqliteStorage(folder, options);
      await storage.open();
      const snapshots = [];
      for (let i = 0; i < countMax; i++) snapshots.push(await storage.snapshot());
      const error = await rejectsWith("STORAGE_SNAPSHOTS", storage.snapshot());
      assert.ok(error.message.includes(`${countMax} are open`), error.message);
      await snapshots[0]!.close();
      await (await storage.snapshot()).close();
      await storage.close();
    }
  }));

Deno.test("SqliteStorage.sync() makes a batch durable that was written in the same turn", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      const written = putRow(storage, 0, bytes(1));
      await storage.sync();
      await written;
      assert.deepEqual(await rowList(storage, 0), [[0, 1]]);
    })
  ));

Deno.test("the log starts over although reads go on between writes", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      const value = new Uint8Array(256 * 1024);
      for (let i = 0; i < 256; i++) {
        await putRow(storage, i % 8, value);
        assert.equal((await storage.getRow("block", 0, i % 8))?.byteLength, value.byteLength);
      }
      const { size } = await Deno.stat(`${folder}/quince.db-wal`);
      assert.ok(size < CHECKPOINT_BYTE_LENGTH * 1.25, `log of ${size} bytes after 64 MiB`);
    })
  ));

Deno.test("reads hold a bounded number of rows and bytes of an iteration", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      const batch = new WriteBatch();
      for (let i = 0; i < 24; i++) batch.putRow("block", 0, i, new Uint8Array(1024 * 1024).fill(i));
      for (let i = 24; i < 2000; i++) batch.putRow("block", 0, i, bytes(1));
      await storage.write(batch);
      // A row deleted before the iteration has read it is not seen: it had read no further than that.
      const iterator = storage.rows("block", 0)[Symbol.asyncIterator]();
      await iterator.next();
      const deletion = new WriteBatch();
      deletion.deleteRow("block", 0, 1);
      deletion.deleteRow("block", 0, 300);
      await storage.write(deletion);
      const seen: number[] = [];
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) {
        seen.push(next.value.index);
      }
      assert.equal(seen[0], 2);
      assert.equal(seen.includes(300), false);
      assert.equal(seen.length, 1997);
    })
  ));

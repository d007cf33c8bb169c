/** Who may have a store open at the same time. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { SqliteStorage, WriteBatch } from "../../../src/storage/mod.ts";
import { JOURNAL_ENTRY_BYTE_LENGTH_MAX } from "../../../src/storage/sqlite/limits.ts";
import { rejectsWith, rowList } from "../../conformance/storage/suite.ts";
import { HEAD_KEY, headOf, KEPT_COUNT, rowValue } from "../../helpers/storage_writer.ts";
import { withFolder, WriterProcess } from "../../helpers/store_folder.ts";

Deno.test("SqliteStorage.open() of a store open in this process rejects with STORAGE_LOCKED and this pid", () =>
  withFolder(async (folder) => {
    const first = new SqliteStorage(folder);
    const second = new SqliteStorage(folder);
    await first.open();
    const error = await rejectsWith("STORAGE_LOCKED", second.open());
    assert.equal(error.holder?.pid, Deno.pid);
    assert.equal(error.file, folder);
    await first.close();
    await second.open();
    await second.close();
  }));

Deno.test("SqliteStorage.open() of a store held by another process names it, and works once it is killed", () =>
  withFolder(async (folder) => {
    const before = Date.now();
    await using writer = new WriterProcess(folder, 1);
    await writer.acknowledge();
    const storage = new SqliteStorage(folder);
    const error = await rejectsWith("STORAGE_LOCKED", storage.open());
    assert.equal(error.holder?.pid, writer.pid);
    const since = error.holder!.since.getTime();
    assert.ok(since >= before && since <= Date.now(), error.holder!.since.toISOString());
    for (const part of [folder, `process ${writer.pid}`, error.holder!.since.toISOString(), "readOnly"]) {
      assert.ok(error.message.includes(part), error.message);
    }
    await writer.kill();
    await storage.open();
    assert.ok(headOf(await storage.getRecord("head", HEAD_KEY)) >= writer.acknowledged);
    await storage.close();
  }));

Deno.test("SqliteStorage with readOnly reads whole batches while another process writes", () =>
  withFolder(async (folder) => {
    await using writer = new WriterProcess(folder, 2);
    await writer.acknowledge();
    const storage = new SqliteStorage(folder, { readOnly: true });
    await storage.open();
    const heads: number[] = [];
    for (let round = 0; round < 20; round++) {
      await writer.acknowledge();
      const acknowledged = writer.acknowledged;
      const latest = headOf(await storage.getRecord("head", HEAD_KEY));
      assert.ok(latest >= acknowledged, `acknowledged ${acknowledged}, read ${latest}`);
      await using snapshot = await storage.snapshot();
      const head = headOf(await snapshot.getRecord("head", HEAD_KEY));
      heads.push(head);
      for (const table of ["block", "node"] as const) {
        const indexes: number[] = [];
        for await (const { index, value } of snapshot.rows(table, 1)) {
          indexes.push(index);
          assert.deepEqual(new Uint8Array(value), rowValue(index));
        }
        assert.equal(indexes.length, Math.min(head, KEPT_COUNT));
        assert.equal(indexes.at(-1), head - 1);
      }
    }
    assert.deepEqual(heads, heads.toSorted((a, b) => a - b));
    assert.ok(heads.at(-1)! > heads[0]!);
    await writer.kill();
    await storage.close();
  }));

Deno.test("SqliteStorage with readOnly refuses to write with STORAGE_READ_ONLY, and any number may be open", () =>
  withFolder(async (folder) => {
    const writer = new SqliteStorage(folder);
    await writer.open();
    const batch = new WriteBatch();
    batch.putRow("block", 0, 0, new Uint8Array([1]));
    await writer.write(batch);
    const readers = [1, 2, 3].map(() => new SqliteStorage(folder, { readOnly: true }));
    for (const reader of readers) {
      await reader.open();
      assert.equal(reader.readOnly, true);
      assert.equal((await reader.getRow("block", 0, 0))?.[0], 1);
      const error = await rejectsWith("STORAGE_READ_ONLY", reader.write(batch));
      assert.ok(error.message.includes(`${folder}/quince.db`), error.message);
      await rejectsWith("STORAGE_READ_ONLY", reader.write(batch, { durable: true }));
      await rejectsWith("STORAGE_READ_ONLY", reader.sync());
    }
    const later = new WriteBatch();
    later.putRow("block", 0, 1, new Uint8Array([2]));
    await writer.write(later);
    for (const reader of readers) assert.equal((await reader.getRow("block", 0, 1))?.[0], 2);
    await writer.close();
    for (const reader of readers) {
      assert.equal((await reader.getRow("block", 0, 1))?.[0], 2);
      await reader.close();
    }
  }));

Deno.test("SqliteStorage.open() with readOnly in a folder without a store rejects with STORAGE_MISSING", () =>
  withFolder(async (folder) => {
    for (const path of [folder, `${folder}/nowhere`]) {
      const error = await rejectsWith("STORAGE_MISSING", new SqliteStorage(path, { readOnly: true }).open());
      assert.ok(error.message.includes(path), error.message);
    }
    assert.deepEqual([...Deno.readDirSync(folder)], []);
  }));

Deno.test("SqliteStorage.open() of a held store says so also when it cannot tell by whom", () =>
  withFolder(async (folder) => {
    const first = new SqliteStorage(folder);
    await first.open();
    for (const text of ["", "no JSON", "null", '{"pid":"x","since":"y"}', '{"pid":7,"since":"never"}']) {
      await Deno.writeTextFile(`${folder}/lock.json`, text);
      const error = await rejectsWith("STORAGE_LOCKED", new SqliteStorage(folder).open());
      assert.equal(error.holder, undefined);
      assert.ok(error.message.includes("another storage"), error.message);
    }
    await Deno.remove(`${folder}/lock.json`);
    await rejectsWith("STORAGE_LOCKED", new SqliteStorage(folder).open());
    await first.close();
  }));

Deno.test("a large write rejects with STORAGE_BUSY while a stranger holds the database, and succeeds after", () =>
  withFolder(async (folder) => {
    await using storage = new SqliteStorage(folder);
    await storage.open();
    const stranger = new DatabaseSync(`${folder}/quince.db`);
    stranger.exec("BEGIN IMMEDIATE");
    const batch = new WriteBatch();
    batch.putRow("block", 0, 0, new Uint8Array(JOURNAL_ENTRY_BYTE_LENGTH_MAX));
    const error = await rejectsWith("STORAGE_BUSY", storage.write(batch));
    assert.ok(error.message.includes("try again"), error.message);
    assert.equal(await storage.getRow("block", 0, 0), null);
    stranger.close();
    await storage.write(batch);
    assert.equal((await storage.getRow("block", 0, 0))?.[0], 0);
  }));

Deno.test("small writes go on while a stranger holds the database, and are read by any means", () =>
  withFolder(async (folder) => {
    await using storage = new SqliteStorage(folder);
    await storage.open();
    const write = (index: number): Promise<void> => {
      const batch = new WriteBatch();
      batch.putRow("block", 0, index, new Uint8Array([index]));
      return storage.write(batch);
    };
    await write(0);
    const stranger = new DatabaseSync(`${folder}/quince.db`);
    stranger.exec("BEGIN IMMEDIATE");
    await write(1);
    assert.equal((await storage.getRow("block", 0, 1))?.[0], 1);
    assert.deepEqual(await rowList(storage, 0), [[0, 0], [1, 1]]);
    await using snapshot = await storage.snapshot();
    await write(2);
    stranger.close();
    assert.deepEqual(await rowList(storage, 0), [[0, 0], [1, 1], [2, 2]]);
    assert.deepEqual(await rowList(snapshot, 0), [[0, 0], [1, 1]]);
  }));

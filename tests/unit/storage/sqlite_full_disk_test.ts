/** A store on a disk without space, a small tmpfs: needs root and Linux. */
import assert from "node:assert/strict";
import { SqliteStorage, StorageError, WriteBatch } from "../../../src/storage/mod.ts";
import { bytes, rejectsWith, rowList } from "../../conformance/storage/suite.ts";
import { withSmallDisk } from "../../helpers/store_folder.ts";

function rowPair(index: number, byteLength: number): WriteBatch {
  const batch = new WriteBatch();
  batch.putRow("block", 0, index, new Uint8Array(byteLength).fill(index & 255));
  batch.putRow("block", 1, index, bytes(index & 255));
  return batch;
}

/** Writes until the disk is full; returns how many batches were stored and how it failed. */
async function fill(
  storage: SqliteStorage,
  start: number,
  byteLength: number,
): Promise<[number, StorageError]> {
  for (let index = start;; index++) {
    try {
      await storage.write(rowPair(index, byteLength));
    } catch (error) {
      assert.ok(error instanceof StorageError, String(error));
      return [index, error];
    }
  }
}

async function assertRows(storage: SqliteStorage, count: number): Promise<void> {
  const expected = Array.from({ length: count }, (_, index) => [index, index & 255]);
  assert.deepEqual(await rowList(storage, 0), expected);
  assert.deepEqual(await rowList(storage, 1), expected);
}

Deno.test("SqliteStorage on a full disk rejects with STORAGE_FULL, reads on, and writes again once there is room", () =>
  withSmallDisk(3_000_000, async (disk) => {
    const storage = new SqliteStorage(disk.folder);
    await storage.open();
    const [count, error] = await fill(storage, 0, 50_000);
    assert.equal(error.code, "STORAGE_FULL", error.message);
    for (const part of [`${disk.folder}/values-0`, "make room"]) {
      assert.ok(error.message.includes(part), error.message);
    }
    assert.ok(count > 20, `${count} batches`);
    await assertRows(storage, count);
    await rejectsWith("STORAGE_FULL", storage.write(rowPair(count, 50_000)));
    await assertRows(storage, count);

    await disk.remount("size=20000000");
    await storage.write(rowPair(count, 50_000), { durable: true });
    await assertRows(storage, count + 1);
    await storage.close();

    const again = new SqliteStorage(disk.folder);
    await again.open();
    await assertRows(again, count + 1);
    await again.close();
  }));

Deno.test("of several writes in one turn on a full disk only those fail that find no room", () =>
  withSmallDisk(3_000_000, async (disk) => {
    const storage = new SqliteStorage(disk.folder);
    await storage.open();
    const results = await Promise.allSettled([
      storage.write(rowPair(0, 10)),
      storage.write(rowPair(7, 10_000_000)),
      storage.write(rowPair(1, 10)),
    ]);
    assert.deepEqual(results.map((result) => result.status), ["fulfilled", "rejected", "fulfilled"]);
    assert.equal((results[1] as PromiseRejectedResult).reason.code, "STORAGE_FULL");
    await assertRows(storage, 2);
    await storage.close();
  }));

Deno.test("a store closed on a full disk keeps everything and opens again on it", () =>
  withSmallDisk(3_000_000, async (disk) => {
    const storage = new SqliteStorage(disk.folder);
    await storage.open();
    const [many, first] = await fill(storage, 0, 30_000);
    const [count, second] = await fill(storage, many, 100);
    assert.deepEqual([first.code, second.code], ["STORAGE_FULL", "STORAGE_FULL"]);
    await storage.close();
    const again = new SqliteStorage(disk.folder);
    await again.open();
    await assertRows(again, count);
    await again.close();
  }));

Deno.test("a journal that a full disk keeps out of the database is read, kept over close(), and drained later", () =>
  withSmallDisk(3_000_000, async (disk) => {
    let storage = new SqliteStorage(disk.folder);
    await storage.open();
    await storage.write(rowPair(0, 100));
    const ballast = await Deno.open(`${disk.folder}/ballast`, { create: true, write: true });
    // Space for a journal of this size, and none for the same in SQLite's log.
    const { size: logByteLength } = await Deno.stat(`${disk.folder}/quince.db-wal`);
    await ballast.write(new Uint8Array(3_000_000 - 2 * logByteLength - 800_000));
    ballast.close();
    const [count, error] = await fill(storage, 1, 1000);
    assert.equal(error.code, "STORAGE_FULL");
    assert.ok(error.message.includes(`${disk.folder}/journal-0`), error.message);
    assert.equal((await storage.getRow("block", 0, count - 1))?.[0], (count - 1) & 255);
    await assertRows(storage, count);
    await storage.close();
    assert.ok((await Deno.stat(`${disk.folder}/journal-0`)).size > 1000 * (count - 2));

    storage = new SqliteStorage(disk.folder);
    await storage.open();
    await assertRows(storage, count);
    const snapshot = await storage.snapshot();
    await rejectsWith("STORAGE_FULL", storage.write(rowPair(count, 100_000)));
    await disk.remount("size=20000000");
    await storage.write(rowPair(count, 100));
    await assertRows(storage, count + 1);
    assert.equal(await snapshot.getRow("block", 0, count), null);
    assert.equal((await snapshot.getRow("block", 0, count - 1))?.[0], (count - 1) & 255);
    await storage.close();
    assert.equal((await Deno.stat(`${disk.folder}/journal-0`)).size, 0);

    storage = new SqliteStorage(disk.folder);
    await storage.open();
    await assertRows(storage, count + 1);
    await storage.close();
  }));

Deno.test("SqliteStorage.open() on a disk without any space rejects with STORAGE_FULL", () =>
  withSmallDisk(200_000, async (disk) => {
    const ballast = await Deno.open(`${disk.folder}/ballast`, { create: true, write: true });
    try {
      while (true) ballast.writeSync(new Uint8Array(4096));
    } catch (error) {
      assert.match(String(error), /No space left/);
    }
    ballast.close();
    const error = await rejectsWith("STORAGE_FULL", new SqliteStorage(`${disk.folder}/store`).open());
    assert.ok(error.message.includes(`${disk.folder}/store`), error.message);
    await disk.remount("size=2000000");
    const storage = new SqliteStorage(`${disk.folder}/store`);
    await storage.open();
    await storage.write(rowPair(0, 100));
    await assertRows(storage, 1);
    await storage.close();
  }));

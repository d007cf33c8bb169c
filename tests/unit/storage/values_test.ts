/** Values in files of their own: where they lie, what survives which crash, and how their space is given back. */
import assert from "node:assert/strict";
import fs from "node:fs";
import { DatabaseSync } from "node:sqlite";
import { setImmediate } from "node:timers/promises";
import { crc32 } from "node:zlib";
import { SqliteStorage, type StorageReader, WriteBatch } from "../../../src/storage/mod.ts";
import { FORMAT_STEPS, prepareFormat } from "../../../src/storage/sqlite/format.ts";
import { PLACED_VALUE_BYTE_LENGTH_MIN, SEGMENT_BYTE_LENGTH } from "../../../src/storage/sqlite/limits.ts";
import { rejectsWith } from "../../conformance/storage/suite.ts";
import { copyStore, withFolder, withSmallDisk } from "../../helpers/store_folder.ts";

const BYTE_LENGTH = 100_000;

/** The value of row `index`, told from others by its first and its last byte. */
function valueOf(index: number, byteLength: number = BYTE_LENGTH): Uint8Array {
  return new Uint8Array(byteLength).fill(index & 255).fill(index >> 8, byteLength - 1);
}

async function write(storage: SqliteStorage, fill: (batch: WriteBatch) => void): Promise<void> {
  const batch = new WriteBatch();
  fill(batch);
  await storage.write(batch);
}

/** Puts rows `start` to `end` (exclusive), each in a batch of its own. */
async function putRows(
  storage: SqliteStorage,
  start: number,
  end: number,
  byteLength?: number,
): Promise<void> {
  for (let index = start; index < end; index++) {
    await write(storage, (batch) => batch.putRow("block", 1, index, valueOf(index, byteLength)));
  }
}

async function assertRows(
  reader: StorageReader,
  indexes: readonly number[],
  byteLength?: number,
): Promise<void> {
  const found: number[] = [];
  for await (const { index, value } of reader.rows("block", 1)) {
    assert.ok(Buffer.compare(value, valueOf(index, byteLength)) === 0, `row ${index}`);
    found.push(index);
  }
  assert.deepEqual(found, indexes);
  for (const index of indexes) {
    const value = await reader.getRow("block", 1, index);
    assert.ok(Buffer.compare(value!, valueOf(index, byteLength)) === 0, `row ${index}`);
  }
}

function range(start: number, end: number): number[] {
  return Array.from({ length: end - start }, (_, i) => start + i);
}

async function withStore<T>(
  folder: string,
  run: (storage: SqliteStorage) => Promise<T>,
  readOnly: boolean = false,
): Promise<T> {
  await using storage = new SqliteStorage(folder, { readOnly });
  await storage.open();
  return await run(storage);
}

/** Names and lengths of the files of values. */
function segments(folder: string): [string, number][] {
  const names = Array.from(Deno.readDirSync(folder), ({ name }) => name).filter((name) =>
    name.startsWith("values-")
  );
  return names.sort().map((name) => [name, Deno.statSync(`${folder}/${name}`).size]);
}

Deno.test("blocks from a length on lie in a file and are read by everyone, drained or not", () =>
  withFolder((folder) =>
    withStore(folder, (storage) =>
      withStore(folder, async (reader) => {
        const least = PLACED_VALUE_BYTE_LENGTH_MIN;
        await putRows(storage, 0, 2, least);
        await putRows(storage, 2, 3, least - 1);
        assert.deepEqual(segments(folder), [["values-0", 2 * least]]);
        await using snapshot = await storage.snapshot();
        for (const each of [storage, reader, snapshot]) {
          assert.deepEqual(
            (await each.getRows("block", 1, [1, 0, 2, 3])).map((value) => [value?.[0], value?.length]),
            [[1, least], [0, least], [2, least - 1], [undefined, undefined]],
          );
        }
        await write(storage, (batch) => {
          batch.deleteRow("block", 1, 0);
          batch.putRow("block", 1, 1, valueOf(9, least));
        });
        for (const drained of [false, true]) {
          if (drained) await storage.compact();
          for (const each of [storage, reader]) {
            assert.equal(await each.getRow("block", 1, 0), null);
            assert.equal((await each.getRow("block", 1, 1))?.[0], 9);
          }
          assert.equal((await snapshot.getRow("block", 1, 0))?.length, least);
          assert.equal((await snapshot.getRow("block", 1, 1))?.[0], 1);
        }
      }, true))
  ));

Deno.test("a drain waits until the values are durable, and writes and reads go on meanwhile", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      const { fdatasync } = fs;
      const held: (() => void)[] = [];
      const patched = fs as unknown as { fdatasync: (...args: Parameters<typeof fdatasync>) => void };
      patched.fdatasync = (fd, done) => held.push(() => fdatasync(fd, done));
      const rowCount = (): number => {
        const database = new DatabaseSync(`${folder}/quince.db`, { readOnly: true });
        const { count } = database.prepare('SELECT count(*) AS count FROM "block"').get() as {
          count: number;
        };
        database.close();
        return count;
      };
      try {
        const large = 1_000_000;
        await putRows(storage, 0, 69, large);
        // The last write found 64 MiB of values before it, and has begun to drain them.
        assert.equal(held.length, 1);
        assert.equal(rowCount(), 0);
        await assertRows(storage, range(0, 69), large);
        held.pop()!();
        while (rowCount() === 0) await setImmediate();
        assert.equal(rowCount(), 68);
        await assertRows(storage, range(0, 69), large);
      } finally {
        patched.fdatasync = fdatasync;
        for (const run of held) run();
      }
    })
  ));

Deno.test("an entry whose value is missing or torn does not count, nor what follows it", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      await putRows(storage, 0, 3);
      await write(storage, (batch) => batch.putRow("block", 1, 9, valueOf(9, 5)));
      const image = copyStore(folder);
      const length = segments(image)[0]![1];
      for (
        const [kept, damage] of [
          [2, (path: string) => Deno.truncateSync(path, length - 1)],
          [1, (path: string) => Deno.truncateSync(path, 2 * BYTE_LENGTH - 1)],
          [0, (path: string) => Deno.removeSync(path)],
          [1, (path: string) => {
            const bytes = Deno.readFileSync(path);
            bytes[BYTE_LENGTH + 5]! ^= 1;
            Deno.writeFileSync(path, bytes);
          }],
        ] as const
      ) {
        const copy = copyStore(image);
        damage(`${copy}/values-0`);
        await withStore(copy, (reader) => assertRows(reader, range(0, kept)), true);
        await withStore(copy, async (again) => {
          await assertRows(again, range(0, kept));
          await putRows(again, kept, 5);
        });
        await withStore(copy, (again) => assertRows(again, range(0, 5)));
      }
    })
  ));

Deno.test("a durable value that is not in its file any more is STORAGE_CORRUPT and named", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      await putRows(storage, 0, 2);
      await storage.sync();
      await write(storage, (batch) => batch.putRow("block", 1, 9, valueOf(9, 5)));
      const copy = copyStore(folder);
      Deno.truncateSync(`${copy}/values-0`, BYTE_LENGTH);
      const error = await rejectsWith("STORAGE_CORRUPT", new SqliteStorage(copy).open());
      assert.equal(error.file, `${copy}/values-0`);
      assert.ok(error.message.includes("was durable"), error.message);
    })
  ));

Deno.test("a damaged, cut or missing file of values refuses its own rows, naming it, and no others", () =>
  withFolder(async (folder) => {
    await withStore(folder, async (storage) => {
      await putRows(storage, 0, 3);
      await putRows(storage, 7, 8, 5);
    });
    const path = `${folder}/values-0`;
    const whole = await Deno.readFile(path);
    const flipped = whole.slice();
    flipped[BYTE_LENGTH]! ^= 1;
    for (
      const [bytes, refused] of [
        [flipped, [1]],
        [whole.subarray(0, 2 * BYTE_LENGTH + 1), [2]],
        [null, [0, 1, 2]],
      ] as const
    ) {
      if (bytes === null) await Deno.remove(path);
      else await Deno.writeFile(path, bytes);
      for (const readOnly of [true, false]) {
        await withStore(folder, async (storage) => {
          for (const index of range(0, 3)) {
            const read = storage.getRow("block", 1, index);
            if (!(refused as readonly number[]).includes(index)) {
              assert.ok(Buffer.compare((await read)!, valueOf(index)) === 0);
              continue;
            }
            const error = await rejectsWith("STORAGE_CORRUPT", read);
            assert.equal(error.file, path);
            for (const part of [`block 1/${index}`, "restore the folder"]) {
              assert.ok(error.message.includes(part), error.message);
            }
          }
          assert.equal((await storage.getRow("block", 1, 7))?.length, 5);
        }, readOnly);
      }
    }
  }));

Deno.test("compact() gives back what was deleted, and moves the rest", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      await putRows(storage, 0, 10);
      await write(storage, (batch) => batch.deleteRows("block", 1, 0, 7));
      assert.deepEqual(segments(folder), [["values-0", 10 * BYTE_LENGTH]]);
      await storage.compact();
      assert.deepEqual(segments(folder), [["values-1", 3 * BYTE_LENGTH]]);
      await assertRows(storage, range(7, 10));
      await write(storage, (batch) => batch.deleteRows("block", 1, 0));
      await storage.compact();
      assert.deepEqual(segments(folder), [["values-2", 0]]);
      await putRows(storage, 20, 21);
      const copy = copyStore(folder);
      await withStore(copy, (again) => assertRows(again, [20]));
    })
  ));

Deno.test("close() while compact() moves values ends it with STORAGE_CLOSED, and nothing is lost", () =>
  withFolder(async (folder) => {
    const storage = new SqliteStorage(folder);
    await storage.open();
    await putRows(storage, 0, 60);
    await write(storage, (batch) => batch.deleteRows("block", 1, 0, 20));
    const compacted = rejectsWith("STORAGE_CLOSED", storage.compact());
    while (segments(folder).length < 2) await setImmediate();
    await storage.close();
    await compacted;
    await withStore(folder, async (again) => {
      await assertRows(again, range(20, 60));
      await again.compact();
      assert.equal(segments(folder).length, 1);
      await assertRows(again, range(20, 60));
    });
  }));

Deno.test("compact() shrinks a database that is mostly free", () =>
  withFolder(async (folder) => {
    await withStore(folder, (storage) =>
      write(storage, (batch) => {
        for (const index of range(0, 20_000)) batch.putRow("block", 1, index, valueOf(index, 100));
      }));
    const { size } = Deno.statSync(`${folder}/quince.db`);
    await withStore(folder, async (storage) => {
      await write(storage, (batch) => batch.deleteRows("block", 1, 10));
      await storage.compact();
      assert.ok(Deno.statSync(`${folder}/quince.db`).size < size / 4);
      await assertRows(storage, range(0, 10), 100);
      await putRows(storage, 10, 12, 100);
      await withStore(copyStore(folder), (again) => assertRows(again, range(0, 12), 100));
    });
  }));

Deno.test("compact() leaves what snapshots see, in this storage and in one opened for reading, until they are closed", () =>
  withFolder((folder) =>
    withStore(folder, (storage) =>
      withStore(folder, async (reader) => {
        for (const owner of [storage, reader]) {
          await putRows(storage, 0, 4);
          const snapshot = await owner.snapshot();
          await write(storage, (batch) => batch.deleteRows("block", 1, 0));
          await storage.compact();
          assert.equal(segments(folder).filter(([, length]) => length > 0).length, 1);
          await assertRows(snapshot, range(0, 4));
          await assertRows(reader, []);
          await snapshot.close();
          await storage.compact();
          assert.deepEqual(segments(folder).map(([, length]) => length), [0]);
        }
      }, true))
  ));

Deno.test("the power may fail after space was given back: what is there is what was durable", () =>
  withFolder((folder) =>
    withStore(folder, async (storage) => {
      await putRows(storage, 0, 6);
      await write(storage, (batch) => batch.deleteRows("block", 1, 1, 6));
      await storage.compact();
      await putRows(storage, 6, 7, 5);
      const copy = copyStore(folder);
      // SQLite's log and the journal are gone altogether, and the new file of values is cut to what was synced.
      for (const name of ["quince.db-wal", "journal-0", "journal-1"]) Deno.truncateSync(`${copy}/${name}`, 0);
      await withStore(copy, (again) => assertRows(again, [0]));
    })
  ));

Deno.test("files of values are given up at 64 MiB, and one that nothing is in is removed at close", () =>
  withFolder(async (folder) => {
    const large = 8 * 1024 * 1024;
    const perSegment = SEGMENT_BYTE_LENGTH / large;
    await withStore(folder, async (storage) => {
      await putRows(storage, 0, perSegment + 1, large);
      assert.deepEqual(segments(folder), [["values-0", SEGMENT_BYTE_LENGTH], ["values-1", large]]);
      await assertRows(storage, range(0, perSegment + 1), large);
      await write(storage, (batch) => batch.deleteRows("block", 1, 0, perSegment));
    });
    assert.deepEqual(segments(folder), [["values-1", large]]);
    await withStore(folder, async (storage) => {
      await assertRows(storage, [perSegment], large);
      await putRows(storage, perSegment + 1, perSegment + 2, large);
      assert.deepEqual(segments(folder), [["values-1", 2 * large]]);
    });
  }));

Deno.test("a file of values that a killed process has left unused is removed at close", () =>
  withFolder(async (folder) => {
    await withStore(folder, (storage) => putRows(storage, 0, 1));
    await Deno.rename(`${folder}/values-0`, `${folder}/values-3`);
    await Deno.writeFile(`${folder}/values-0`, valueOf(0));
    await Deno.writeFile(`${folder}/values-2`, valueOf(0));
    await withStore(folder, (storage) => assertRows(storage, [0]));
    assert.deepEqual(segments(folder).map(([name]) => name), ["values-0", "values-3"]);
  }));

Deno.test("a store of format 2 is opened as it is: its large rows stay in the database, its journal counts", () =>
  withFolder(async (folder) => {
    const database = new DatabaseSync(`${folder}/quince.db`);
    prepareFormat(database, { file: "", readOnly: false, steps: FORMAT_STEPS.slice(0, 2) });
    database.close();
    await assert.rejects(withStore(folder, () => Promise.resolve(), true), { code: "STORAGE_VERSION" });
    const rowOf = (index: number): number => 2 ** 40 + index;
    const old = new DatabaseSync(`${folder}/quince.db`);
    for (const index of [0, 1]) {
      old.prepare('INSERT INTO "block" VALUES (?, ?, ?)')
        .run(rowOf(index), crc32(valueOf(index), 256 + index) | 0, valueOf(index));
    }
    old.close();
    await withStore(folder, async (storage) => {
      await assertRows(storage, [0, 1]);
      await putRows(storage, 1, 3);
      await storage.compact();
      await assertRows(storage, [0, 1, 2]);
      assert.deepEqual(segments(folder), [["values-0", 2 * BYTE_LENGTH]]);
    });
    await withStore(folder, (storage) => assertRows(storage, [0, 1, 2]), true);
  }));

Deno.test("values that find no room are cut off again, and the store goes on", () =>
  withSmallDisk(3_000_000, async (disk) => {
    const { folder } = disk;
    await withStore(folder, async (storage) => {
      let count = 0;
      const failure = await (async () => {
        try {
          while (true) await putRows(storage, count, ++count);
        } catch (error) {
          return error as { code: string; file: string };
        }
      })();
      count--;
      assert.deepEqual([failure.code, failure.file], ["STORAGE_FULL", `${folder}/values-0`]);
      assert.deepEqual(segments(folder), [["values-0", count * BYTE_LENGTH]]);
      await write(storage, (batch) => batch.deleteRow("block", 1, 0));
      await disk.remount("size=20000000");
      await putRows(storage, count, count + 1);
      await assertRows(storage, range(1, count + 1));
    });
    await withStore(folder, (storage) => assertRows(storage, segmentRows(folder)));
  }));

/** The rows that are there when each of a file's values but the first is. */
function segmentRows(folder: string): number[] {
  return range(1, segments(folder)[0]![1] / BYTE_LENGTH);
}

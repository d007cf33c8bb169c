/** Rows that are packed: the bytes, when it is done, and what hides what. */
import assert from "node:assert/strict";
import { DatabaseSync } from "node:sqlite";
import { hexText } from "../../../src/base/mod.ts";
import { SqliteStorage, type StorageReader, WriteBatch } from "../../../src/storage/mod.ts";
import {
  PACK_ROW_COUNT_MAX,
  PACK_ROW_COUNT_MIN,
  PACK_VALUE_BYTE_LENGTH_MAX,
} from "../../../src/storage/sqlite/limits.ts";
import { encodePack, Pack, packEnd } from "../../../src/storage/sqlite/pack.ts";
import { bytes } from "../../conformance/storage/suite.ts";
import { withFolder } from "../../helpers/store_folder.ts";

const SAMPLE = { indexes: [7, 8, 10], values: [bytes(1, 2), bytes(), bytes(3)] };

function encoded(): Uint8Array {
  const target = new DataView(new ArrayBuffer(100));
  return new Uint8Array(target.buffer, 0, encodePack(target, SAMPLE, 0, 3));
}

Deno.test("encodePack() writes what docs/spec/storage.md says, and Pack reads it", () => {
  assert.equal(hexText(encoded()), "0300" + "00001000" + "01001000" + "03001100" + "010203");
  const pack = Pack.of(5, 7, 3, encoded())!;
  assert.deepEqual([6, 7, 8, 9, 10, 11].map((index) => pack.find(index)?.byteLength), [
    undefined,
    2,
    0,
    undefined,
    1,
    undefined,
  ]);
  assert.deepEqual(pack.rows().map(({ index, value }) => [index, ...value]), [[7, 1, 2], [8], [10, 3]]);
  assert.deepEqual([pack.covers(5, 9), pack.covers(5, 11), pack.covers(5, 6), pack.covers(4, 9)], [
    true,
    false,
    false,
    false,
  ]);
});

Deno.test("Pack.of() refuses what is cut, or spans something else", () => {
  const whole = encoded();
  for (let length = 0; length < whole.byteLength; length++) {
    assert.equal(Pack.of(5, 7, 3, whole.subarray(0, length)), null, `cut to ${length}`);
  }
  for (const span of [2, 4, 0, -1]) assert.equal(Pack.of(5, 7, span, whole), null);
  assert.equal(Pack.of(5, 7, 3, new Uint8Array(20)), null);
});

Deno.test("packEnd() ends before gaps, large values, and what is too much", () => {
  const rows = (indexes: number[], byteLength = 1) => ({
    indexes,
    values: indexes.map(() => new Uint8Array(byteLength)),
  });
  assert.equal(packEnd(rows([1, 2, 4, 7, 8]), 0, 4000, 500), 3);
  assert.equal(packEnd(rows([1, 2, 4, 7, 8]), 3, 4000, 500), 5);
  assert.equal(packEnd(rows([1, 2], 501), 0, 4000, 500), 0);
  assert.equal(packEnd(rows([1, 2, 3, 4, 5, 6, 7, 8, 9], 500), 0, 4000, 500), 7);
  const many = rows(Array.from({ length: 500 }, (_, i) => i), 0);
  assert.equal(packEnd(many, 0, 4000, 500), PACK_ROW_COUNT_MAX);
});

async function withStore(run: (storage: SqliteStorage, folder: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    await using storage = new SqliteStorage(folder);
    await storage.open();
    await run(storage, folder);
  });
}

/** Writes and has it brought to the database. */
async function write(storage: SqliteStorage, fill: (batch: WriteBatch) => void): Promise<void> {
  const batch = new WriteBatch();
  fill(batch);
  await storage.write(batch);
  await storage.compact();
}

/** `[rows that stand for themselves, rows of each pack]` of the table of blocks. */
function layoutOf(folder: string): [number[], number[][]] {
  const database = new DatabaseSync(`${folder}/quince.db`, { readOnly: true });
  const rows = database.prepare('SELECT id & 1023 AS "index" FROM "block" ORDER BY id').all();
  const packs = database.prepare('SELECT id & 1023 AS first, span, value FROM "block_pack" ORDER BY id')
    .all();
  database.close();
  return [
    rows.map((row) => row["index"] as number),
    packs.map(({ first, span, value }) =>
      Pack.of(1, first as number, span as number, value as Uint8Array)!.rows().map(({ index }) => index)
    ),
  ];
}

function put(batch: WriteBatch, indexes: number[], mark: number = 0): void {
  for (const index of indexes) batch.putRow("block", 1, index, bytes(index, mark));
}

/** All rows, by each way of reading, as `[index, mark]`. */
async function marksOf(reader: StorageReader): Promise<[number, number][]> {
  const found: [number, number][] = [];
  for await (const { index, value } of reader.rows("block", 1)) {
    assert.equal(value[0], index);
    found.push([index, value[1]!]);
  }
  const reversed: [number, number][] = [];
  for await (const { index, value } of reader.rows("block", 1, { reverse: true })) {
    reversed.unshift([index, value[1]!]);
  }
  assert.deepEqual(reversed, found);
  const end = (found.at(-1)?.[0] ?? 0) + 3;
  const known = new Map(found);
  for (let index = 0; index < end; index++) {
    assert.equal((await reader.getRow("block", 1, index))?.[1], known.get(index), `row ${index}`);
  }
  return found;
}

Deno.test("rows close together are packed, others are not", () =>
  withStore(async (storage, folder) => {
    assert.equal(PACK_ROW_COUNT_MIN, 4);
    await write(storage, (batch) => put(batch, [5, 4, 2, 3, 9, 10, 20, 22, 24, 26, 27]));
    assert.deepEqual(layoutOf(folder), [[9, 10], [[2, 3, 4, 5], [20, 22, 24, 26, 27]]]);
    assert.equal((await marksOf(storage)).length, 11);
    await write(storage, (batch) => {
      for (let index = 40; index < 44; index++) {
        batch.putRow("block", 1, index, new Uint8Array(PACK_VALUE_BYTE_LENGTH_MAX + 1).fill(index));
      }
    });
    assert.deepEqual(layoutOf(folder)[0], [9, 10, 40, 41, 42, 43]);
  }));

Deno.test("of a row that is put twice in a batch the last counts", () =>
  withStore(async (storage, folder) => {
    await write(storage, (batch) => {
      put(batch, [1, 2, 3, 4], 1);
      put(batch, [3, 2], 2);
      batch.deleteRow("block", 1, 4);
      put(batch, [4, 5, 6, 7], 3);
    });
    assert.deepEqual(await marksOf(storage), [[1, 1], [2, 2], [3, 2], [4, 3], [5, 3], [6, 3], [7, 3]]);
    assert.equal(layoutOf(folder)[1].flat().length + layoutOf(folder)[0].length, 7);
  }));

Deno.test("a row put later hides the one in a pack, and a deletion takes both away", () =>
  withStore(async (storage, folder) => {
    await write(storage, (batch) => put(batch, [1, 2, 3, 4, 5, 6], 1));
    await using before = await storage.snapshot();
    await write(storage, (batch) => put(batch, [3], 2));
    assert.deepEqual(layoutOf(folder), [[3], [[1, 2, 3, 4, 5, 6]]]);
    assert.deepEqual((await marksOf(storage))[2], [3, 2]);
    // Over rows that are there, packed or not, no pack is written.
    await write(storage, (batch) => put(batch, [4, 5, 6, 7], 3));
    assert.deepEqual(layoutOf(folder), [[3, 4, 5, 6, 7], [[1, 2, 3, 4, 5, 6]]]);
    await write(storage, (batch) => batch.deleteRow("block", 1, 3));
    assert.deepEqual(layoutOf(folder), [[4, 5, 6, 7], [[1, 2], [4, 5, 6]]]);
    assert.deepEqual(await marksOf(storage), [[1, 1], [2, 1], [4, 3], [5, 3], [6, 3], [7, 3]]);
    await write(storage, (batch) => batch.deleteRows("block", 1, 2, 6));
    assert.deepEqual(layoutOf(folder), [[6, 7], [[1], [6]]]);
    assert.deepEqual(await marksOf(storage), [[1, 1], [6, 3], [7, 3]]);
    await write(storage, (batch) => batch.deleteRows("block", 1, 0));
    assert.deepEqual(layoutOf(folder), [[], []]);
    assert.deepEqual(await marksOf(before), [1, 2, 3, 4, 5, 6].map((index) => [index, 1]));
  }));

Deno.test("packs of other owners are left alone, up to the largest index", () =>
  withStore(async (storage) => {
    const top = 2 ** 40 - 4;
    await write(storage, (batch) => {
      for (const owner of [0, 1, 2]) {
        for (const index of [0, 1, 2, 3, top, top + 1, top + 2, top + 3]) {
          batch.putRow("node", owner, index, bytes(owner, index & 255));
        }
      }
    });
    await write(storage, (batch) => batch.deleteRows("node", 1, 0));
    for (const owner of [0, 1, 2]) {
      const found: number[] = [];
      for await (const { index } of storage.rows("node", owner)) found.push(index);
      assert.deepEqual(found, owner === 1 ? [] : [0, 1, 2, 3, top, top + 1, top + 2, top + 3]);
      const value = await storage.getRow("node", owner, top + 3);
      assert.deepEqual(value && [...value], owner === 1 ? null : [owner, 255]);
    }
  }));

Deno.test("what was read of a pack is not what the caller may change, and is read anew after a write", () =>
  withStore(async (storage) => {
    await write(storage, (batch) => put(batch, [0, 1, 2, 3], 1));
    (await storage.getRow("block", 1, 1))!.fill(99);
    assert.deepEqual(await marksOf(storage), [[0, 1], [1, 1], [2, 1], [3, 1]]);
    await write(storage, (batch) => put(batch, [2], 5));
    assert.equal((await storage.getRow("block", 1, 2))?.[1], 5);
    assert.equal((await storage.getRow("block", 1, 3))?.[1], 1);
  }));

Deno.test("a storage opened for reading sees packs that are written, hidden and taken apart meanwhile", () =>
  withStore(async (storage, folder) => {
    await using reader = new SqliteStorage(folder, { readOnly: true });
    await reader.open();
    await write(storage, (batch) => put(batch, [0, 1, 2, 3], 1));
    assert.equal((await marksOf(reader)).length, 4);
    await write(storage, (batch) => put(batch, [1], 2));
    assert.deepEqual(await marksOf(reader), [[0, 1], [1, 2], [2, 1], [3, 1]]);
    await write(storage, (batch) => batch.deleteRow("block", 1, 2));
    assert.deepEqual(await marksOf(reader), [[0, 1], [1, 2], [3, 1]]);
  }));

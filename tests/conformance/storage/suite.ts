/**
 * What every storage promises, as one suite.
 *
 * An implementation registers it with a function that makes an opened, empty storage:
 * `testStorage("MemoryStorage", async () => ({ storage, remove }))`.
 *
 * @module
 */
import assert from "node:assert/strict";
import {
  isStorage,
  KEY_BYTE_LENGTH_MAX,
  RECORD_TABLES,
  type RecordRange,
  ROW_END_MAX,
  ROW_INDEX_MAX,
  ROW_OWNER_MAX,
  ROW_TABLES,
  type RowRange,
  type Storage,
  StorageError,
  type StorageErrorCode,
  type StorageReader,
  VALUE_BYTE_LENGTH_MAX,
  WriteBatch,
} from "../../../src/storage/mod.ts";

/** A storage under test and what removes its traces after it was closed. */
export interface StorageUnderTest {
  readonly storage: Storage;
  remove?(): Promise<void>;
}

/** Makes a storage that is not open yet and holds nothing. */
export type MakeStorage = () => Promise<StorageUnderTest>;

/** Registers the suite for one implementation. */
export function testStorage(name: string, make: MakeStorage): void {
  const test = (what: string, run: (storage: Storage) => Promise<void>) =>
    Deno.test(`${name}: ${what}`, async () => {
      const { storage, remove } = await make();
      try {
        await storage.open();
        await run(storage);
      } finally {
        await storage.close();
        await remove?.();
      }
    });

  testLife(name, make, test);
  testRows(test);
  testRecords(test);
  testBatches(test);
  testArguments(test);
  testIteration(test);
  testSnapshots(test);
}

/** Bytes from numbers. */
export function bytes(...values: number[]): Uint8Array {
  return new Uint8Array(values);
}

/** Reads all rows of an owner as `[index, first byte]`. */
export async function rowList(
  reader: StorageReader,
  owner: number,
  range?: RowRange,
): Promise<[number, number | undefined][]> {
  const list: [number, number | undefined][] = [];
  for await (const { index, value } of reader.rows("block", owner, range)) list.push([index, value[0]]);
  return list;
}

/** Reads all records of the table `user` as hexadecimal keys. */
export async function keyList(reader: StorageReader, range?: RecordRange): Promise<string[]> {
  const list: string[] = [];
  for await (const { key } of reader.records("user", range)) {
    list.push(Array.from(key, (byte) => byte.toString(16).padStart(2, "0")).join(""));
  }
  return list;
}

/** Asserts that `promise` rejects with a {@linkcode StorageError} of `code`, and returns it. */
export async function rejectsWith(code: StorageErrorCode, promise: Promise<unknown>): Promise<StorageError> {
  const error = await promise.then(() => null, (reason: unknown) => reason);
  if (!(error instanceof StorageError)) throw error ?? new assert.AssertionError({ message: `no ${code}` });
  assert.equal(error.code, code, error.message);
  return error;
}

type Test = (what: string, run: (storage: Storage) => Promise<void>) => void;

/** Writes what `fill` adds to a batch. */
async function writeWith(storage: Storage, fill: (batch: WriteBatch) => void): Promise<void> {
  const batch = new WriteBatch();
  fill(batch);
  await storage.write(batch);
}

/** Equal as bytes, whatever the class of each. */
function sameBytes(actual: Uint8Array | null | undefined, expected: Uint8Array): void {
  assert.ok(actual instanceof Uint8Array, "no bytes");
  assert.deepEqual(new Uint8Array(actual), new Uint8Array(expected));
}

function testLife(name: string, make: MakeStorage, test: Test): void {
  Deno.test(`${name}: before open() and after close() every use rejects with STORAGE_CLOSED`, async () => {
    const { storage, remove } = await make();
    try {
      await rejectsWith("STORAGE_CLOSED", storage.getRow("block", 0, 0));
      await storage.open();
      await storage.open();
      await storage.close();
      await storage.close();
      await rejectsWith("STORAGE_CLOSED", storage.open());
      await rejectsWith("STORAGE_CLOSED", storage.getRow("block", 0, 0));
      await rejectsWith("STORAGE_CLOSED", storage.getRows("block", 0, [0]));
      await rejectsWith("STORAGE_CLOSED", storage.getRecord("meta", bytes()));
      await rejectsWith("STORAGE_CLOSED", rowList(storage, 0));
      await rejectsWith("STORAGE_CLOSED", keyList(storage));
      await rejectsWith("STORAGE_CLOSED", storage.write(new WriteBatch()));
      await rejectsWith("STORAGE_CLOSED", storage.sync());
      await rejectsWith("STORAGE_CLOSED", storage.snapshot());
    } finally {
      await storage.close();
      await remove?.();
    }
  });

  Deno.test(`${name}: close() of a storage that was never opened resolves`, async () => {
    const { storage, remove } = await make();
    await storage.close();
    await rejectsWith("STORAGE_CLOSED", storage.open());
    await remove?.();
  });

  test("open() called twice at once opens once", async (storage) => {
    await Promise.all([storage.open(), storage.open()]);
    assert.equal(await storage.getRow("block", 0, 0), null);
  });

  test("isStorage() accepts it and refuses other values", (storage) => {
    assert.ok(isStorage(storage));
    for (const other of [null, undefined, "path", {}, new WriteBatch(), new Map()]) {
      assert.equal(isStorage(other), false);
    }
    assert.equal(storage.readOnly, false);
    return Promise.resolve();
  });

  test("close() stores writes that were not awaited", async (storage) => {
    const batch = new WriteBatch();
    batch.putRow("block", 0, 0, bytes(1));
    const written = storage.write(batch);
    await storage.close();
    await written;
  });

  test("close() lets an iteration that is under way reject with STORAGE_CLOSED", async (storage) => {
    await writeWith(storage, (batch) => {
      for (let i = 0; i < 5000; i++) batch.putRow("block", 0, i, bytes(1));
    });
    const iterator = storage.rows("block", 0)[Symbol.asyncIterator]();
    await iterator.next();
    await storage.close();
    await rejectsWith(
      "STORAGE_CLOSED",
      (async () => {
        while (!(await iterator.next()).done);
      })(),
    );
  });

  test("sync() resolves, also several times at once and with nothing written", async (storage) => {
    await storage.sync();
    await writeWith(storage, (batch) => batch.putRow("block", 0, 0, bytes(1)));
    await Promise.all([storage.sync(), storage.sync(), storage.sync()]);
    await storage.sync();
  });
}

function testRows(test: Test): void {
  test("getRow() gives null where nothing is stored", async (storage) => {
    for (const table of ROW_TABLES) assert.equal(await storage.getRow(table, 0, 0), null);
  });

  test("putRow() stores in one table, owner and index only, and replaces", async (storage) => {
    await writeWith(storage, (batch) => batch.putRow("node", 3, 7, bytes(1)));
    await writeWith(storage, (batch) => batch.putRow("node", 3, 7, bytes(2, 2)));
    sameBytes(await storage.getRow("node", 3, 7), bytes(2, 2));
    assert.equal(await storage.getRow("block", 3, 7), null);
    assert.equal(await storage.getRow("node", 2, 7), null);
    assert.equal(await storage.getRow("node", 3, 8), null);
  });

  test("getRows() keeps the order asked for, repeats and gaps included", async (storage) => {
    await writeWith(storage, (batch) => {
      for (const index of [1, 5, 9]) batch.putRow("mark", 1, index, bytes(index));
    });
    const found = await storage.getRows("mark", 1, [9, 2, 1, 9, 5]);
    assert.deepEqual(found.map((value) => value === null ? null : value[0]), [9, null, 1, 9, 5]);
    assert.deepEqual(await storage.getRows("mark", 1, []), []);
  });

  test("values of 0 bytes are values", async (storage) => {
    await writeWith(storage, (batch) => {
      batch.putRow("block", 0, 0, bytes());
      batch.putRecord("user", bytes(), bytes());
    });
    sameBytes(await storage.getRow("block", 0, 0), bytes());
    sameBytes(await storage.getRecord("user", bytes()), bytes());
    assert.deepEqual(await rowList(storage, 0), [[0, undefined]]);
  });

  test("values of 15 MiB come back whole", async (storage) => {
    const value = new Uint8Array(15 * 1024 * 1024);
    for (let i = 0; i < value.length; i += 997) value[i] = i % 251;
    await writeWith(storage, (batch) => {
      batch.putRow("block", 0, 0, value);
      batch.putRecord("user", bytes(1), value);
    });
    assert.ok(equal(await storage.getRow("block", 0, 0), value));
    assert.ok(equal(await storage.getRecord("user", bytes(1)), value));
  });

  test("the largest owner and index hold a row, apart from their neighbours", async (storage) => {
    const corners: [number, number][] = [
      [0, 0],
      [0, ROW_INDEX_MAX],
      [1, 0],
      [ROW_OWNER_MAX - 1, ROW_INDEX_MAX],
      [ROW_OWNER_MAX, 0],
      [ROW_OWNER_MAX, ROW_INDEX_MAX],
      [2 ** 13, 3],
      [2 ** 11, ROW_INDEX_MAX],
    ];
    await writeWith(storage, (batch) => {
      corners.forEach(([owner, index], i) => batch.putRow("block", owner, index, bytes(i)));
    });
    for (const [i, [owner, index]] of corners.entries()) {
      sameBytes(await storage.getRow("block", owner, index), bytes(i));
    }
    assert.deepEqual(await rowList(storage, 0), [[0, 0], [ROW_INDEX_MAX, 1]]);
    assert.deepEqual(await rowList(storage, ROW_OWNER_MAX), [[0, 4], [ROW_INDEX_MAX, 5]]);
    assert.deepEqual(await rowList(storage, ROW_OWNER_MAX, { reverse: true }), [[ROW_INDEX_MAX, 5], [0, 4]]);
    await writeWith(storage, (batch) => batch.deleteRows("block", ROW_OWNER_MAX, 1));
    assert.deepEqual(await rowList(storage, ROW_OWNER_MAX), [[0, 4]]);
    assert.deepEqual(await rowList(storage, ROW_OWNER_MAX - 1), [[ROW_INDEX_MAX, 3]]);
  });

  test("rows() honours start, end, reverse and limit", async (storage) => {
    await writeWith(storage, (batch) => {
      for (const index of [0, 2, 4, 6, 8]) batch.putRow("block", 5, index, bytes(index));
      batch.putRow("block", 4, 100, bytes(0));
      batch.putRow("block", 6, 0, bytes(0));
    });
    const indexes = async (range?: RowRange) => (await rowList(storage, 5, range)).map(([index]) => index);
    assert.deepEqual(await indexes(), [0, 2, 4, 6, 8]);
    assert.deepEqual(await indexes({ start: 2, end: 6 }), [2, 4]);
    assert.deepEqual(await indexes({ start: 3 }), [4, 6, 8]);
    assert.deepEqual(await indexes({ end: 1 }), [0]);
    assert.deepEqual(await indexes({ reverse: true }), [8, 6, 4, 2, 0]);
    assert.deepEqual(await indexes({ start: 2, end: 6, reverse: true }), [4, 2]);
    assert.deepEqual(await indexes({ limit: 2 }), [0, 2]);
    assert.deepEqual(await indexes({ reverse: true, limit: 2 }), [8, 6]);
    assert.deepEqual(await indexes({ limit: 0 }), []);
    assert.deepEqual(await indexes({ limit: Infinity }), [0, 2, 4, 6, 8]);
    assert.deepEqual(await indexes({ start: 4, end: 4 }), []);
    assert.deepEqual(await indexes({ start: 6, end: 2 }), []);
    assert.deepEqual(await indexes({ end: ROW_END_MAX, start: 8 }), [8]);
    assert.deepEqual(await rowList(storage, 7), []);
  });

  test("deleteRow() and deleteRows() take away what they name and nothing else", async (storage) => {
    await writeWith(storage, (batch) => {
      for (let index = 0; index < 300; index++) batch.putRow("block", 1, index, bytes(1));
      batch.putRow("block", 0, 10, bytes(1));
      batch.putRow("block", 2, 10, bytes(1));
      batch.putRow("node", 1, 10, bytes(1));
    });
    await writeWith(storage, (batch) => {
      batch.deleteRow("block", 1, 299);
      batch.deleteRow("block", 1, 5000);
      batch.deleteRow("block", 9, 0);
      batch.deleteRows("block", 1, 10, 290);
      batch.deleteRows("block", 1, 5, 5);
      batch.deleteRows("block", 1, 7, 3);
    });
    const left = (await rowList(storage, 1)).map(([index]) => index);
    assert.deepEqual(left, [...Array(10).keys(), ...Array.from({ length: 9 }, (_, i) => 290 + i)]);
    await writeWith(storage, (batch) => batch.deleteRows("block", 1, 0));
    assert.deepEqual(await rowList(storage, 1), []);
    assert.deepEqual(await rowList(storage, 0), [[10, 1]]);
    assert.deepEqual(await rowList(storage, 2), [[10, 1]]);
    assert.ok(await storage.getRow("node", 1, 10));
  });
}

function testRecords(test: Test): void {
  const KEYS = [
    bytes(),
    bytes(0),
    bytes(0, 0),
    bytes(0, 1),
    bytes(1),
    bytes(1, 0),
    bytes(127),
    bytes(128),
    bytes(255),
  ];
  const HEX = ["", "00", "0000", "0001", "01", "0100", "7f", "80", "ff"];
  const fill = (storage: Storage) =>
    writeWith(storage, (batch) => {
      for (const key of KEYS.toReversed()) batch.putRecord("user", key, key);
    });

  test("putRecord() stores in one table and key only, and replaces", async (storage) => {
    for (const [i, table] of RECORD_TABLES.entries()) {
      await writeWith(storage, (batch) => batch.putRecord(table, bytes(1, 2), bytes(i)));
    }
    for (const [i, table] of RECORD_TABLES.entries()) {
      sameBytes(await storage.getRecord(table, bytes(1, 2)), bytes(i));
      assert.equal(await storage.getRecord(table, bytes(1)), null);
    }
    await writeWith(storage, (batch) => batch.putRecord("head", bytes(1, 2), bytes(9, 9)));
    sameBytes(await storage.getRecord("head", bytes(1, 2)), bytes(9, 9));
  });

  test("records() go in unsigned lexicographic order, a prefix first", async (storage) => {
    await fill(storage);
    assert.deepEqual(await keyList(storage), HEX);
    assert.deepEqual(await keyList(storage, { reverse: true }), HEX.toReversed());
  });

  test("records() honours gte, gt, lte, lt, reverse and limit", async (storage) => {
    await fill(storage);
    const [one, ff] = [bytes(1), bytes(255)];
    assert.deepEqual(await keyList(storage, { gte: one, lt: ff }), ["01", "0100", "7f", "80"]);
    assert.deepEqual(await keyList(storage, { gt: one, lte: ff }), ["0100", "7f", "80", "ff"]);
    assert.deepEqual(await keyList(storage, { gt: one, lt: bytes(1, 0) }), []);
    assert.deepEqual(await keyList(storage, { lt: bytes() }), []);
    assert.deepEqual(await keyList(storage, { lte: bytes() }), [""]);
    assert.deepEqual(await keyList(storage, { gt: bytes() }), HEX.slice(1));
    assert.deepEqual(await keyList(storage, { gt: ff }), []);
    assert.deepEqual(await keyList(storage, { gte: ff, lte: ff }), ["ff"]);
    assert.deepEqual(await keyList(storage, { gte: bytes(0), gt: bytes(0) }), HEX.slice(2));
    assert.deepEqual(await keyList(storage, { lte: bytes(0), lt: bytes(0) }), [""]);
    assert.deepEqual(await keyList(storage, { gte: ff, lt: one }), []);
    assert.deepEqual(await keyList(storage, { gte: one, reverse: true, limit: 2 }), ["ff", "80"]);
    assert.deepEqual(await keyList(storage, { limit: 0 }), []);
    assert.deepEqual(await keyList(storage, { limit: 3 }), ["", "00", "0000"]);
  });

  test("deleteRecord() and deleteRecords() take away what they name and nothing else", async (storage) => {
    await fill(storage);
    await writeWith(storage, (batch) => {
      batch.deleteRecord("user", bytes(0));
      batch.deleteRecord("user", bytes(9));
      batch.deleteRecords("user", { gte: bytes(1), lt: bytes(128) });
    });
    assert.deepEqual(await keyList(storage), ["", "0000", "0001", "80", "ff"]);
    await writeWith(storage, (batch) => batch.deleteRecords("user", { gte: bytes(2), lt: bytes(2) }));
    await writeWith(storage, (batch) => batch.deleteRecords("user", { lt: bytes(0, 1) }));
    assert.deepEqual(await keyList(storage), ["0001", "80", "ff"]);
    await writeWith(storage, (batch) => batch.deleteRecords("user", { gte: bytes(255) }));
    assert.deepEqual(await keyList(storage), ["0001", "80"]);
    await writeWith(storage, (batch) => batch.deleteRecords("user", {}));
    assert.deepEqual(await keyList(storage), []);
  });
}

function testBatches(test: Test): void {
  test("operations of a batch apply in their order", async (storage) => {
    await writeWith(storage, (batch) => {
      batch.putRow("block", 0, 1, bytes(1));
      batch.deleteRows("block", 0, 0, 10);
      batch.putRow("block", 0, 2, bytes(2));
      batch.putRow("block", 0, 2, bytes(3));
      batch.putRow("block", 0, 4, bytes(4));
      batch.deleteRow("block", 0, 4);
      batch.putRecord("user", bytes(1), bytes(1));
      batch.deleteRecords("user", {});
      batch.putRecord("user", bytes(2), bytes(2));
    });
    assert.deepEqual(await rowList(storage, 0), [[2, 3]]);
    assert.deepEqual(await keyList(storage), ["02"]);
  });

  test("operations of a long batch apply in their order, across tables and sizes", async (storage) => {
    await writeWith(storage, (batch) => {
      for (let i = 0; i < 100; i++) {
        batch.putRow("block", 0, i % 30, new Uint8Array(i % 7 === 0 ? 5000 : 3).fill(i));
        batch.putRow("node", 0, i, bytes(i));
        batch.putRow("block", 0, 1000 + i, bytes(i));
        if (i % 11 === 0) batch.deleteRow("block", 0, i % 30);
        if (i === 80) batch.deleteRows("node", 0, 10, 90);
      }
    });
    const rows = await rowList(storage, 0, { end: 1000 });
    const expected = new Map<number, number>();
    for (let i = 0; i < 100; i++) {
      expected.set(i % 30, i);
      if (i % 11 === 0) expected.delete(i % 30);
    }
    assert.deepEqual(rows, [...expected].sort(([a], [b]) => a - b));
    assert.equal((await rowList(storage, 0, { start: 1000 })).length, 100);
    const nodes: number[] = [];
    for await (const { index } of storage.rows("node", 0)) nodes.push(index);
    assert.deepEqual(nodes, [...Array(10).keys(), ...Array.from({ length: 19 }, (_, i) => 81 + i)]);
  });

  test("a batch that fails half-way leaves no trace, and its neighbours in the same turn do", async (storage) => {
    const before = new WriteBatch();
    before.putRow("block", 0, 0, bytes(1));
    const failing = new WriteBatch();
    failing.putRow("block", 0, 1, bytes(1));
    failing.deleteRows("block", 0, 0);
    failing.putRecord("user", bytes(1), bytes(1));
    (failing.operations as unknown[]).push({
      kind: "putRow",
      table: "nowhere",
      owner: 0,
      index: 0,
      value: null,
    });
    const after = new WriteBatch();
    after.putRow("block", 0, 2, bytes(2));

    const results = await Promise.allSettled([before, failing, after].map((batch) => storage.write(batch)));
    assert.deepEqual(results.map((result) => result.status), ["fulfilled", "rejected", "fulfilled"]);
    assert.deepEqual(await rowList(storage, 0), [[0, 1], [2, 2]]);
    assert.deepEqual(await keyList(storage), []);
  });

  test("writes called without awaiting keep their order", async (storage) => {
    const writes: Promise<void>[] = [];
    for (let i = 0; i < 50; i++) {
      writes.push(writeWith(storage, (batch) => batch.putRow("block", 0, 0, bytes(i))));
    }
    sameBytes(await storage.getRow("block", 0, 0), bytes(49));
    await Promise.all(writes);
    sameBytes(await storage.getRow("block", 0, 0), bytes(49));
  });

  test("a read called after write() sees the batch before the write is awaited", async (storage) => {
    const batch = new WriteBatch();
    batch.putRow("block", 0, 0, bytes(1));
    batch.putRecord("user", bytes(1), bytes(1));
    const written = storage.write(batch);
    const row = storage.getRow("block", 0, 0);
    const record = storage.getRecord("user", bytes(1));
    sameBytes(await row, bytes(1));
    sameBytes(await record, bytes(1));
    await written;
  });

  test("an empty batch is written", async (storage) => {
    await storage.write(new WriteBatch());
    await storage.write(new WriteBatch(), { durable: true });
  });

  test("a batch written with durable is stored, alone and with others", async (storage) => {
    const writes: Promise<void>[] = [];
    for (let i = 0; i < 20; i++) {
      const batch = new WriteBatch();
      batch.putRow("block", 0, i, bytes(i));
      writes.push(storage.write(batch, { durable: i % 2 === 0 }));
    }
    await Promise.all(writes);
    assert.equal((await rowList(storage, 0)).length, 20);
  });

  test("a batch can be cleared and used again once its write settled", async (storage) => {
    const batch = new WriteBatch();
    batch.putRow("block", 0, 0, bytes(1));
    await storage.write(batch);
    batch.clear();
    batch.putRow("block", 0, 1, bytes(1));
    await storage.write(batch);
    assert.deepEqual(await rowList(storage, 0), [[0, 1], [1, 1]]);
  });

  test("values are free to change once the write settled, and results belong to the reader", async (storage) => {
    const value = bytes(1, 2, 3);
    const key = bytes(7);
    await writeWith(storage, (batch) => {
      batch.putRow("block", 0, 0, value);
      batch.putRecord("user", key, value);
    });
    value.fill(0);
    key.fill(0);
    const row = await storage.getRow("block", 0, 0);
    sameBytes(row, bytes(1, 2, 3));
    row!.fill(9);
    sameBytes(await storage.getRow("block", 0, 0), bytes(1, 2, 3));
    for await (const record of storage.records("user")) {
      sameBytes(record.key, bytes(7));
      record.key.fill(9);
      record.value.fill(9);
    }
    sameBytes(await storage.getRecord("user", bytes(7)), bytes(1, 2, 3));
  });

  test("a view into a larger buffer is stored as the view", async (storage) => {
    const large = bytes(1, 2, 3, 4, 5);
    await writeWith(storage, (batch) => {
      batch.putRow("block", 0, 0, large.subarray(1, 3));
      batch.putRecord("user", large.subarray(2, 4), large.subarray(4));
    });
    sameBytes(await storage.getRow("block", 0, 0), bytes(2, 3));
    sameBytes(await storage.getRecord("user", bytes(3, 4)), bytes(5));
  });
}

function testArguments(test: Test): void {
  test("arguments out of bounds throw BAD_ARGUMENT at the call", (storage) => {
    const range = { name: "RangeError", code: "BAD_ARGUMENT" };
    const type = { name: "TypeError", code: "BAD_ARGUMENT" };
    const batch = new WriteBatch();
    for (const owner of [-1, ROW_OWNER_MAX + 1]) {
      assert.throws(() => storage.getRow("block", owner, 0), range);
      assert.throws(() => storage.getRows("block", owner, []), range);
      assert.throws(() => storage.rows("block", owner), range);
      assert.throws(() => batch.putRow("block", owner, 0, bytes()), range);
      assert.throws(() => batch.deleteRow("block", owner, 0), range);
      assert.throws(() => batch.deleteRows("block", owner, 0, 1), range);
    }
    for (const index of [-1, ROW_INDEX_MAX + 1]) {
      assert.throws(() => storage.getRow("block", 0, index), range);
      assert.throws(() => storage.getRows("block", 0, [0, index]), range);
      assert.throws(() => batch.putRow("block", 0, index, bytes()), range);
      assert.throws(() => batch.deleteRow("block", 0, index), range);
    }
    for (const bound of [-1, ROW_END_MAX + 1]) {
      assert.throws(() => storage.rows("block", 0, { start: bound }), range);
      assert.throws(() => storage.rows("block", 0, { end: bound }), range);
      assert.throws(() => batch.deleteRows("block", 0, bound, 1), range);
      assert.throws(() => batch.deleteRows("block", 0, 0, bound), range);
    }
    for (const odd of [0.5, NaN, Infinity, "1" as unknown as number]) {
      assert.throws(() => storage.getRow("block", odd, 0), type);
      assert.throws(() => storage.getRow("block", 0, odd), type);
      assert.throws(() => batch.putRow("block", 0, odd, bytes()), type);
    }
    assert.throws(() => storage.rows("block", 0, { limit: -1 }), range);
    assert.throws(() => storage.records("user", { limit: 1.5 }), type);
    assert.throws(() => storage.getRow("user" as "block", 0, 0), type);
    assert.throws(() => storage.getRecord("block" as "user", bytes()), type);
    assert.throws(() => storage.getRecord("user", "key" as unknown as Uint8Array), type);
    assert.throws(() => batch.putRow("block", 0, 0, "text" as unknown as Uint8Array), type);
    assert.throws(() => batch.putRecord("user", [1] as unknown as Uint8Array, bytes()), type);
    assert.equal(batch.size, 0);
    return Promise.resolve();
  });

  test("a key of the largest length is stored, one byte more is refused", async (storage) => {
    const key = new Uint8Array(KEY_BYTE_LENGTH_MAX).fill(7);
    await writeWith(storage, (batch) => batch.putRecord("user", key, bytes(1)));
    sameBytes(await storage.getRecord("user", key), bytes(1));
    assert.equal((await keyList(storage, { lte: key })).length, 1);
    const longer = new Uint8Array(KEY_BYTE_LENGTH_MAX + 1);
    assert.throws(() => new WriteBatch().putRecord("user", longer, bytes()), { code: "BAD_ARGUMENT" });
    assert.throws(() => storage.getRecord("user", longer), { code: "BAD_ARGUMENT" });
  });

  test("a value of the largest length is stored, one byte more is refused", async (storage) => {
    const value = new Uint8Array(VALUE_BYTE_LENGTH_MAX + 1);
    value[VALUE_BYTE_LENGTH_MAX - 1] = 7;
    const batch = new WriteBatch();
    assert.throws(() => batch.putRow("block", 0, 0, value), { name: "RangeError", code: "BAD_ARGUMENT" });
    assert.throws(() => batch.putRecord("user", bytes(), value), {
      name: "RangeError",
      code: "BAD_ARGUMENT",
    });
    batch.putRow("block", 0, 0, value.subarray(0, VALUE_BYTE_LENGTH_MAX));
    await storage.write(batch);
    const found = await storage.getRow("block", 0, 0);
    assert.equal(found?.byteLength, VALUE_BYTE_LENGTH_MAX);
    assert.equal(found?.[VALUE_BYTE_LENGTH_MAX - 1], 7);
  });
}

function testIteration(test: Test): void {
  const fill = (storage: Storage, count: number) =>
    writeWith(storage, (batch) => {
      for (let i = 0; i < count; i++) {
        batch.putRow("block", 1, i, bytes(i & 255));
        batch.putRecord("user", bytes(i >> 8, i & 255), bytes(i & 255));
      }
    });

  test("rows() and records() go through thousands in order, both ways, and stop at the limit", async (storage) => {
    await fill(storage, 3000);
    const up = Array.from({ length: 3000 }, (_, i) => i);
    const indexes = async (range: RowRange) => (await rowList(storage, 1, range)).map(([index]) => index);
    assert.deepEqual(await indexes({}), up);
    assert.deepEqual(await indexes({ reverse: true }), up.toReversed());
    assert.deepEqual(await indexes({ limit: 1500 }), up.slice(0, 1500));
    assert.deepEqual(await indexes({ limit: 1500, reverse: true }), up.slice(1500).toReversed());
    const keys = up.map((i) => i.toString(16).padStart(4, "0"));
    assert.deepEqual(await keyList(storage), keys);
    assert.deepEqual(await keyList(storage, { reverse: true }), keys.toReversed());
    assert.deepEqual(await keyList(storage, { limit: 1500, gt: bytes(0, 9) }), keys.slice(10, 1510));
  });

  test("rows() of large values come whole and in order", async (storage) => {
    for (let i = 0; i < 8; i++) {
      await writeWith(storage, (batch) => batch.putRow("block", 0, i, new Uint8Array(700_000).fill(i)));
    }
    const seen: number[] = [];
    for await (const { index, value } of storage.rows("block", 0)) {
      assert.equal(value.byteLength, 700_000);
      assert.equal(value[699_999], index);
      seen.push(index);
    }
    assert.deepEqual(seen, [0, 1, 2, 3, 4, 5, 6, 7]);
  });

  test("an iteration may be left early and the storage written during it", async (storage) => {
    await fill(storage, 2000);
    let count = 0;
    for await (const { index } of storage.rows("block", 1)) {
      if (++count === 5) break;
      await writeWith(storage, (batch) => batch.deleteRow("block", 1, index));
    }
    for await (const _ of storage.records("user")) break;
    const seen: number[] = [];
    for await (const { index } of storage.rows("block", 1)) {
      seen.push(index);
      if (index % 100 === 50) await writeWith(storage, (batch) => batch.deleteRows("block", 1, 0, index + 1));
    }
    assert.deepEqual(seen, Array.from({ length: 1996 }, (_, i) => i + 4));
  });

  test("several iterations run at once, each over its own range", async (storage) => {
    await fill(storage, 1000);
    const runs = [0, 100, 200, 300].map((start) => rowList(storage, 1, { start, end: start + 600 }));
    for (const [i, rows] of (await Promise.all(runs)).entries()) {
      assert.equal(rows.length, 600);
      assert.equal(rows[0]?.[0], i * 100);
    }
  });
}

function testSnapshots(test: Test): void {
  test("a snapshot keeps the state at its creation, whatever is written later", async (storage) => {
    await writeWith(storage, (batch) => {
      for (let i = 0; i < 500; i++) batch.putRow("block", 0, i, bytes(1));
      batch.putRecord("user", bytes(1), bytes(1));
    });
    const snapshot = await storage.snapshot();
    await writeWith(storage, (batch) => {
      batch.deleteRows("block", 0, 100);
      batch.putRow("block", 0, 0, bytes(2));
      batch.putRow("block", 0, 600, bytes(2));
      batch.putRecord("user", bytes(2), bytes(2));
      batch.deleteRecord("user", bytes(1));
    });
    assert.equal((await rowList(snapshot, 0)).length, 500);
    assert.equal((await rowList(storage, 0)).length, 101);
    sameBytes(await snapshot.getRow("block", 0, 0), bytes(1));
    sameBytes(await storage.getRow("block", 0, 0), bytes(2));
    assert.deepEqual((await snapshot.getRows("block", 0, [499, 600])).map((value) => value?.[0]), [
      1,
      undefined,
    ]);
    assert.deepEqual(await keyList(snapshot), ["01"]);
    assert.deepEqual(await keyList(storage), ["02"]);
    assert.equal(await snapshot.getRecord("user", bytes(2)), null);
    await snapshot.close();
  });

  test("a snapshot sees writes called before it and none called after it", async (storage) => {
    const first = writeWith(storage, (batch) => batch.putRow("block", 0, 0, bytes(1)));
    const taken = storage.snapshot();
    const second = writeWith(storage, (batch) => batch.putRow("block", 0, 1, bytes(2)));
    const snapshot = await taken;
    await Promise.all([first, second]);
    assert.deepEqual(await rowList(snapshot, 0), [[0, 1]]);
    assert.deepEqual(await rowList(storage, 0), [[0, 1], [1, 2]]);
    await snapshot.close();
  });

  test("snapshots of several states live side by side", async (storage) => {
    const snapshots = [];
    for (let i = 0; i < 6; i++) {
      await writeWith(storage, (batch) => batch.putRow("block", 0, i, bytes(i)));
      snapshots.push(await storage.snapshot());
    }
    for (const [i, snapshot] of snapshots.entries()) {
      assert.equal((await rowList(snapshot, 0)).length, i + 1);
      await snapshot.close();
    }
    const again = await storage.snapshot();
    assert.equal((await rowList(again, 0)).length, 6);
    await again.close();
  });

  test("a closed snapshot rejects with STORAGE_CLOSED; closing the storage closes its snapshots", async (storage) => {
    const closed = await storage.snapshot();
    await closed.close();
    await closed.close();
    await rejectsWith("STORAGE_CLOSED", closed.getRow("block", 0, 0));
    await rejectsWith("STORAGE_CLOSED", rowList(closed, 0));
    assert.equal(await storage.getRow("block", 0, 0), null);
    const open = await storage.snapshot();
    await storage.close();
    await rejectsWith("STORAGE_CLOSED", open.getRecord("user", bytes()));
    await open.close();
  });

  test("a snapshot is disposed of by await using", async (storage) => {
    let kept;
    {
      await using snapshot = await storage.snapshot();
      kept = snapshot;
      assert.equal(await snapshot.getRow("block", 0, 0), null);
    }
    await rejectsWith("STORAGE_CLOSED", kept.getRow("block", 0, 0));
  });
}

/** `deepEqual` of megabytes takes seconds. */
function equal(a: Uint8Array | null, b: Uint8Array): boolean {
  if (a === null || a.byteLength !== b.byteLength) return false;
  for (let i = 0; i < b.byteLength; i++) if (a[i] !== b[i]) return false;
  return true;
}

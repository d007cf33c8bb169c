/**
 * Both storages against naive maps: random batches, reads, ranges, snapshots and reopenings, from fixed seeds. A
 * failing run names its seed and step.
 */
import assert from "node:assert/strict";
import { compareBytes, hexText, type Random, SeededRandom } from "../../src/base/mod.ts";
import {
  MemoryStorage,
  type RecordRange,
  type RecordTable,
  ROW_END_MAX,
  ROW_INDEX_MAX,
  ROW_OWNER_MAX,
  type RowRange,
  type RowTable,
  SqliteStorage,
  type Storage,
  type StorageReader,
  type StorageSnapshot,
  WriteBatch,
} from "../../src/storage/mod.ts";

const ROW_TABLES: readonly RowTable[] = ["block", "node"];
const RECORD_TABLES: readonly RecordTable[] = ["head", "user"];
const OWNERS = [0, 1, 2047, 2048, 8192, ROW_OWNER_MAX];

/** What is stored, as plainly as can be: `table/owner` to rows, table to records by hexadecimal key. */
class Model {
  rows = new Map<string, Map<number, string>>();
  records = new Map<string, Map<string, string>>();

  copy(): Model {
    const copy = new Model();
    for (const [name, rows] of this.rows) copy.rows.set(name, new Map(rows));
    for (const [name, records] of this.records) copy.records.set(name, new Map(records));
    return copy;
  }

  rowsOf(table: RowTable, owner: number): Map<number, string> {
    return entry(this.rows, `${table}/${owner}`);
  }

  recordsOf(table: RecordTable): Map<string, string> {
    return entry(this.records, table);
  }

  rowList(table: RowTable, owner: number, range: RowRange): [number, string][] {
    const { start = 0, end = ROW_END_MAX, reverse = false, limit = Infinity } = range;
    const list = [...this.rowsOf(table, owner)].filter(([index]) => index >= start && index < end);
    list.sort(([a], [b]) => reverse ? b - a : a - b);
    return list.slice(0, limit);
  }

  recordList(table: RecordTable, range: RecordRange): [string, string][] {
    const { gte, gt, lte, lt, reverse = false, limit = Infinity } = range;
    const list = [...this.recordsOf(table)].filter(([hex]) => {
      const key = Uint8Array.from(hex.match(/../g) ?? [], (pair) => parseInt(pair, 16));
      return (gte === undefined || compareBytes(key, gte) >= 0) &&
        (gt === undefined || compareBytes(key, gt) > 0) &&
        (lte === undefined || compareBytes(key, lte) <= 0) && (lt === undefined || compareBytes(key, lt) < 0);
    });
    list.sort(([a], [b]) => (a < b ? -1 : 1) * (reverse ? -1 : 1));
    return list.slice(0, limit);
  }
}

function entry<K, V>(map: Map<string, Map<K, V>>, name: string): Map<K, V> {
  let inner = map.get(name);
  if (inner === undefined) map.set(name, inner = new Map());
  return inner;
}

/** Random choices from one seed. */
class Choices {
  readonly #random: Random;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  below(bound: number): number {
    return Math.floor(this.#random.next() * bound);
  }

  of<T>(list: readonly T[]): T {
    return list[this.below(list.length)]!;
  }

  maybe<T>(value: T): T | undefined {
    return this.below(2) === 0 ? value : undefined;
  }

  index(): number {
    return this.below(10) === 0
      ? this.of([ROW_INDEX_MAX, ROW_INDEX_MAX - 1, 2 ** 32, 2 ** 32 - 1])
      : this.below(60);
  }

  bound(): number {
    return this.below(10) === 0 ? ROW_END_MAX : this.index();
  }

  bytes(lengthMax: number): Uint8Array {
    const bytes = new Uint8Array(this.below(lengthMax + 1));
    for (let i = 0; i < bytes.byteLength; i++) bytes[i] = this.below(256);
    return bytes;
  }

  /** Few different keys, with prefixes of each other among them. */
  key(): Uint8Array {
    const key = new Uint8Array(this.below(4));
    for (let i = 0; i < key.byteLength; i++) key[i] = this.of([0, 1, 127, 128, 255]);
    return key;
  }

  value(): Uint8Array {
    return this.bytes(this.below(20) === 0 ? 20_000 : 40);
  }
}

/** Adds a random operation to `batch` and does the same to `model`. */
function addOperation(choices: Choices, batch: WriteBatch, model: Model): void {
  const rowTable = choices.of(ROW_TABLES);
  const owner = choices.of(OWNERS);
  const recordTable = choices.of(RECORD_TABLES);
  switch (choices.below(10)) {
    case 0: {
      const index = choices.index();
      batch.deleteRow(rowTable, owner, index);
      model.rowsOf(rowTable, owner).delete(index);
      return;
    }
    case 1: {
      const [start, end] = [choices.bound(), choices.bound()];
      batch.deleteRows(rowTable, owner, start, end);
      for (const [index] of model.rowList(rowTable, owner, { start, end })) {
        model.rowsOf(rowTable, owner).delete(index);
      }
      return;
    }
    case 2: {
      const key = choices.key();
      batch.deleteRecord(recordTable, key);
      model.recordsOf(recordTable).delete(hexText(key));
      return;
    }
    case 3: {
      const range = { gte: choices.maybe(choices.key()), lt: choices.maybe(choices.key()) };
      batch.deleteRecords(recordTable, range);
      for (const [hex] of model.recordList(recordTable, range)) model.recordsOf(recordTable).delete(hex);
      return;
    }
    case 4:
    case 5: {
      const [key, value] = [choices.key(), choices.value()];
      batch.putRecord(recordTable, key, value);
      model.recordsOf(recordTable).set(hexText(key), hexText(value));
      return;
    }
    case 6: {
      // Rows close together, which are packed.
      const [start, step] = [choices.index(), choices.of([1, 1, 2, 3])];
      for (let i = choices.below(30); i > 0 && start + i * step <= ROW_INDEX_MAX; i--) {
        const value = choices.bytes(40);
        batch.putRow(rowTable, owner, start + i * step, value);
        model.rowsOf(rowTable, owner).set(start + i * step, hexText(value));
      }
      return;
    }
    default: {
      const [index, value] = [choices.index(), choices.value()];
      batch.putRow(rowTable, owner, index, value);
      model.rowsOf(rowTable, owner).set(index, hexText(value));
    }
  }
}

/** Makes random reads and compares them with the model. */
async function compareReads(choices: Choices, reader: StorageReader, model: Model): Promise<void> {
  const rowTable = choices.of(ROW_TABLES);
  const owner = choices.of(OWNERS);
  const recordTable = choices.of(RECORD_TABLES);
  const hex = (value: Uint8Array | null): string | undefined => value === null ? undefined : hexText(value);

  const index = choices.index();
  assert.equal(hex(await reader.getRow(rowTable, owner, index)), model.rowsOf(rowTable, owner).get(index));
  const indexes = Array.from({ length: choices.below(8) }, () => choices.index());
  assert.deepEqual(
    (await reader.getRows(rowTable, owner, indexes)).map(hex),
    indexes.map((each) => model.rowsOf(rowTable, owner).get(each)),
  );
  const key = choices.key();
  assert.equal(hex(await reader.getRecord(recordTable, key)), model.recordsOf(recordTable).get(hexText(key)));

  const rowRange: RowRange = {
    start: choices.maybe(choices.bound()),
    end: choices.maybe(choices.bound()),
    reverse: choices.maybe(true),
    limit: choices.maybe(choices.below(20)),
  };
  const rows: [number, string][] = [];
  for await (const row of reader.rows(rowTable, owner, rowRange)) rows.push([row.index, hexText(row.value)]);
  assert.deepEqual(rows, model.rowList(rowTable, owner, rowRange), JSON.stringify(rowRange));

  const recordRange: RecordRange = {
    gte: choices.maybe(choices.key()),
    gt: choices.below(4) === 0 ? choices.key() : undefined,
    lte: choices.below(4) === 0 ? choices.key() : undefined,
    lt: choices.maybe(choices.key()),
    reverse: choices.maybe(true),
    limit: choices.maybe(choices.below(20)),
  };
  const records: [string, string][] = [];
  for await (const record of reader.records(recordTable, recordRange)) {
    records.push([hexText(record.key), hexText(record.value)]);
  }
  assert.deepEqual(records, model.recordList(recordTable, recordRange), JSON.stringify(recordRange));
}

/** One random step on `storage`, `model` and the snapshots of both. */
async function step(
  choices: Choices,
  storage: Storage,
  model: Model,
  snapshots: [StorageSnapshot, Model][],
  reader: Storage | null,
): Promise<void> {
  const writes: Promise<void>[] = [];
  for (let count = choices.of([0, 1, 1, 1, 4]); count > 0; count--) {
    const batch = new WriteBatch();
    if (choices.below(12) === 0) {
      addOperation(choices, batch, model.copy());
      (batch.operations as unknown[]).push({
        kind: "putRow",
        table: "block",
        owner: 0,
        index: 0,
        value: null,
      });
      writes.push(assert.rejects(storage.write(batch)));
    } else {
      for (let size = choices.of([1, 3, 40]); size > 0; size--) addOperation(choices, batch, model);
      writes.push(storage.write(batch, { durable: choices.below(40) === 0 }));
    }
  }
  if (reader !== null || choices.below(2) === 0) await Promise.all(writes);
  if (reader !== null) {
    await compareReads(choices, reader, model);
    if (choices.below(6) === 0 && snapshots.length < 5) {
      snapshots.push([await reader.snapshot(), model.copy()]);
    }
  }
  if (choices.below(6) === 0 && snapshots.length < 5) {
    snapshots.push([await storage.snapshot(), model.copy()]);
  }
  if (choices.below(6) === 0) await snapshots.shift()?.[0].close();
  if (choices.below(8) === 0) await storage.compact?.();
  await compareReads(choices, storage, model);
  for (const [snapshot, then] of snapshots) await compareReads(choices, snapshot, then);
  await Promise.all(writes);
}

/**
 * Runs `stepCount` steps, reopening the storage now and then where it outlives its object; `openReader` opens it a second
 * time for reading.
 */
async function fuzz(
  seed: number,
  stepCount: number,
  open: () => Promise<Storage>,
  isPersistent: boolean,
  openReader: () => Promise<Storage | null> = () => Promise.resolve(null),
): Promise<void> {
  const choices = new Choices(seed);
  const model = new Model();
  let storage = await open();
  const reader = await openReader();
  let snapshots: [StorageSnapshot, Model][] = [];
  for (let i = 0; i < stepCount; i++) {
    try {
      await step(choices, storage, model, snapshots, reader);
    } catch (cause) {
      throw new Error(`Storage differs from the model: seed ${seed}, step ${i}`, { cause });
    }
    if (isPersistent && choices.below(30) === 0) {
      await storage.close();
      for (const [snapshot] of snapshots) await snapshot.close();
      snapshots = [];
      storage = await open();
    }
  }
  await storage.close();
  await reader?.close();
}

async function opened<S extends Storage>(storage: S): Promise<S> {
  await storage.open();
  return storage;
}

Deno.test("MemoryStorage does what maps do, for 20 seeds", async () => {
  for (let seed = 1; seed <= 20; seed++) await fuzz(seed, 150, () => opened(new MemoryStorage()), false);
});

Deno.test("SqliteStorage does what maps do, for 10 seeds", async () => {
  for (let seed = 101; seed <= 110; seed++) {
    const folder = await Deno.makeTempDir({ prefix: "quince-fuzz-" });
    try {
      await fuzz(seed, 150, () => opened(new SqliteStorage(folder)), true);
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
});

Deno.test("SqliteStorage opened for reading beside a writer does what maps do, for 10 seeds", async () => {
  for (let seed = 201; seed <= 210; seed++) {
    const folder = await Deno.makeTempDir({ prefix: "quince-fuzz-" });
    const open = (readOnly: boolean): Promise<Storage> => opened(new SqliteStorage(folder, { readOnly }));
    try {
      await fuzz(seed, 100, () => open(false), true, () => open(true));
    } finally {
      await Deno.remove(folder, { recursive: true });
    }
  }
});

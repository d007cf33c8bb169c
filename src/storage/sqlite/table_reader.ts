/**
 * Reads of one SQLite connection: synchronous, and checked against their checksums.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { copyBytes, hexText, isBytes, viewBytes } from "../../base/mod.ts";
import type { RecordSpan, RowSpan } from "../checks.ts";
import {
  RECORD_TABLES,
  type RecordTable,
  type Row,
  ROW_TABLES,
  type RowTable,
  type StoredRecord,
} from "../storage.ts";
import { damagedValue } from "./failure.ts";
import { INDEX_OF_ID, recordSum, rowId, rowSum } from "./keys.ts";
import { ITERATION_BYTE_LENGTH_MAX, ITERATION_ROW_COUNT_MAX } from "./limits.ts";
import { PACKED_TABLES, type PackedRow } from "./pack.ts";
import { PackReader } from "./pack_reader.ts";
import { firstPlaceNumber, type Place, PLACED_TABLE, placeOf } from "./place.ts";
import type { SqliteRuntime } from "./runtime.ts";
import { columnsOf, prepareArrays } from "./statements.ts";
import type { ValueFiles } from "./value_files.ts";

/** Options of {@linkcode TableReader}. */
export interface TableReaderOptions {
  /** Built-in modules. */
  readonly runtime: SqliteRuntime;
  /** The connection. */
  readonly database: DatabaseSync;
  /** Path of the database, for messages. */
  readonly file: string;
  /** Reads the values that lie in files. */
  readonly values: ValueFiles;
}

/** A row whose value lies in a file. */
export interface PlacedRow {
  readonly owner: number;
  readonly index: number;
  readonly place: Place;
}

/** What is selected of a row, after its key where that is needed. */
type RowColumns = readonly [value: Uint8Array, sum: number, place?: number | null, size?: number | null];

/** Reads of all tables over one connection. */
export class TableReader {
  readonly #crc32: SqliteRuntime["crc32"];
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #values: ValueFiles;
  readonly #getRow: Readonly<Record<RowTable, StatementSync>>;
  readonly #getRecord: Readonly<Record<RecordTable, StatementSync>>;
  readonly #getJournal: StatementSync;
  readonly #packs: ReadonlyMap<RowTable, PackReader>;
  readonly #ranges = new Map<string, StatementSync>();

  /** Prepares what every read needs; ranges are prepared when first used. */
  constructor({ runtime, database, file, values }: TableReaderOptions) {
    this.#crc32 = runtime.crc32;
    this.#database = database;
    this.#file = file;
    this.#values = values;
    this.#getJournal = prepareArrays(database, `SELECT applied, salt FROM "journal"`);
    this.#packs = new Map(
      Array.from(PACKED_TABLES, (table) => [table, new PackReader(runtime, database, file, table)]),
    );
    const get = (table: string, columns: string, key: string) =>
      prepareArrays(database, `SELECT ${columns} FROM "${table}" WHERE ${key} = ?`);
    this.#getRow = Object.fromEntries(
      ROW_TABLES.map((table) => [table, get(table, rowColumns(table), "id")]),
    ) as Record<RowTable, StatementSync>;
    this.#getRecord = Object.fromEntries(
      RECORD_TABLES.map((table) => [table, get(table, "value, sum", "key")]),
    ) as Record<RecordTable, StatementSync>;
  }

  /** Up to which of its entries the journal is in the database. */
  appliedSequence(): number {
    return this.#journalState()[0];
  }

  /** The number that the checksums of the journal's entries begin with. */
  journalSalt(): number {
    return this.#journalState()[1];
  }

  /** Forgets what it keeps of earlier reads: the database, or the view of it, is about to change. */
  forget(): void {
    for (const packs of this.#packs.values()) packs.forget();
  }

  /** Reads one row; `null` when there is none. */
  row(table: RowTable, owner: number, index: number): Uint8Array | null {
    const packs = this.#packs.get(table);
    const known = packs?.peek(owner, index);
    if (known !== undefined) return known && copyBytes(known);
    const found: unknown = this.#getRow[table].get(rowId(owner, index));
    if (found === undefined) {
      const packed = packs?.find(owner, index) ?? null;
      return packed && copyBytes(packed);
    }
    return this.#valueOf(table, owner, index, columnsOf<RowColumns>(found));
  }

  /** Reads one record; `null` when there is none. */
  record(table: RecordTable, key: Uint8Array): Uint8Array | null {
    const found: unknown = this.#getRecord[table].get(key);
    if (found === undefined) return null;
    const [value, sum] = columnsOf<[Uint8Array, number]>(found);
    return this.#checkedRecord(table, key, value, sum);
  }

  /** Reads the first rows of `span`, fewer than there are when they are many or large; none at its end. */
  rowPage(table: RowTable, owner: number, span: RowSpan): Row[] {
    if (span.start >= span.end || span.limit === 0) return [];
    const packed = this.#packs.get(table)?.page(owner, span) ?? [];
    const last = packed.at(-1)?.index;
    if (last === undefined) return this.#rowPage(table, owner, span);
    const covered = span.reverse ? { ...span, start: last } : { ...span, end: last + 1 };
    return mergedPage(this.#rowPage(table, owner, covered), packed, span);
  }

  /** Reads the first records of `span`, fewer than there are when they are many or large; none at its end. */
  recordPage(table: RecordTable, span: RecordSpan): StoredRecord[] {
    const bounds = [span.gte, span.lt].filter((key) => key !== null);
    const conditions = [span.gte === null ? "" : "key >= ?", span.lt === null ? "" : "key < ?"].filter(
      Boolean,
    );
    const where = conditions.length === 0 ? "" : `WHERE ${conditions.join(" AND ")} `;
    const order = `FROM "${table}" ${where}ORDER BY key ${direction(span)} LIMIT ?`;
    const columns = "key, value, sum";
    return this.#page({ columns, length: "length(value)", order }, bounds, span.limit).map((row) => {
      const [key, value, sum] = columnsOf<[Uint8Array, Uint8Array, number]>(row);
      const checked = this.#checkedRecord(table, key, value, sum);
      return { key: viewBytes(key), value: checked };
    });
  }

  /** Bytes of all values that lie in `segment`. */
  liveByteLength(segment: number): number {
    const sql = `SELECT coalesce(sum(size), 0) FROM "${PLACED_TABLE}" WHERE place >= ? AND place < ?`;
    const found = this.#prepared(sql).get(firstPlaceNumber(segment), firstPlaceNumber(segment + 1));
    return columnsOf<[number]>(found)[0];
  }

  /** The first rows, `count` at most, whose values lie in `segment` from `offset` on, in that order. */
  placedRows(segment: number, offset: number, count: number): PlacedRow[] {
    const sql =
      `SELECT id >> 40 AS owner, ${INDEX_OF_ID} AS "index", place, size, sum FROM "${PLACED_TABLE}" ` +
      `WHERE place >= ? AND place < ? ORDER BY place LIMIT ?`;
    const first = firstPlaceNumber(segment);
    return this.#prepared(sql).all(first + offset, firstPlaceNumber(segment + 1), count).map((row) => {
      const [owner, index, number, size, sum] = columnsOf<[number, number, number, number, number]>(row);
      const place = placeOf(number, size, sum);
      if (place === null) throw damagedValue(this.#file, `${PLACED_TABLE} ${owner}/${index}`);
      return { owner, index, place };
    });
  }

  /**
   * Reads rows until the page is full. How many that are is asked first, which does not read the values: the
   * statement's iterator would do the same in one go, at twice the time per row and with faults in Node before 24.
   */
  #page(
    { columns, length, order }: { columns: string; length: string; order: string },
    bounds: (bigint | Uint8Array)[],
    limit: number,
  ): unknown[] {
    const countMax = Math.min(limit, ITERATION_ROW_COUNT_MAX);
    let count = countMax;
    if (countMax > 1) {
      const lengths = this.#prepared(`SELECT ${length} AS length ${order}`).all(...bounds, countMax);
      let byteLength = 0;
      count = 0;
      while (count < lengths.length && byteLength < ITERATION_BYTE_LENGTH_MAX) {
        byteLength += Number(columnsOf<[number]>(lengths[count++])[0]);
      }
    }
    return count === 0 ? [] : this.#prepared(`SELECT ${columns} ${order}`).all(...bounds, count);
  }

  /** The rows that stand for themselves. */
  #rowPage(table: RowTable, owner: number, span: RowSpan): Row[] {
    const bounds = [rowId(owner, span.start), rowId(owner, span.end - 1)];
    const order = `FROM "${table}" WHERE id BETWEEN ? AND ? ORDER BY id ${direction(span)} LIMIT ?`;
    const columns = `${INDEX_OF_ID} AS "index", ${rowColumns(table)}`;
    const length = table === PLACED_TABLE ? "coalesce(size, length(value))" : "length(value)";
    return this.#page({ columns, length, order }, bounds, span.limit).map((row) => {
      const [index, ...value] = columnsOf<[number, ...RowColumns]>(row);
      return { index, value: this.#valueOf(table, owner, index, value) };
    });
  }

  #journalState(): readonly [number, number] {
    const found: unknown = this.#getJournal.get();
    const state = found === undefined ? [] : columnsOf<number[]>(found);
    const [applied, salt] = state;
    if (Number.isSafeInteger(applied) && Number.isSafeInteger(salt)) return [applied!, salt!];
    throw damagedValue(this.#file, "how far the journal is applied");
  }

  #prepared(sql: string): StatementSync {
    let statement = this.#ranges.get(sql);
    if (statement === undefined) {
      statement = prepareArrays(this.#database, sql);
      this.#ranges.set(sql, statement);
    }
    return statement;
  }

  // In a damaged file a column may hold any type, so what it is comes before what it sums to.
  #valueOf(table: RowTable, owner: number, index: number, columns: RowColumns): Uint8Array {
    const [value, sum, number = null, size] = columns;
    if (number !== null) {
      const place = placeOf(number, Number(size), sum);
      if (place !== null) return this.#values.read(owner, index, place);
    } else if (isBytes(value) && rowSum(this.#crc32, owner, index, value) === sum) {
      return viewBytes(value);
    }
    throw damagedValue(this.#file, `${table} ${owner}/${index}`);
  }

  #checkedRecord(table: RecordTable, key: Uint8Array, value: Uint8Array, sum: number): Uint8Array {
    if (isBytes(key) && isBytes(value) && recordSum(this.#crc32, key, value) === sum) return viewBytes(value);
    throw damagedValue(this.#file, `${table} ${isBytes(key) ? hexText(key) : String(key)}`);
  }
}

/** Merges the first rows of two kinds, as far as both go; of equal ones that counts which stands for itself. */
function mergedPage(rows: readonly Row[], packed: readonly PackedRow[], span: RowSpan): Row[] {
  const compare = (a: number, b: number): number => span.reverse ? b - a : a - b;
  const bounds = [rows, packed].filter((page) => page.length > 0).map((page) => page.at(-1)!.index);
  const bound = bounds.sort(compare)[0]!;
  const merged: Row[] = [];
  let [i, k] = [0, 0];
  while (merged.length < Math.min(span.limit, ITERATION_ROW_COUNT_MAX)) {
    const [row, other] = [rows[i], packed[k]];
    if (row === undefined && other === undefined) break;
    const order = row === undefined ? 1 : other === undefined ? -1 : compare(row.index, other.index);
    const next = order <= 0 ? row! : other!;
    if (compare(next.index, bound) > 0) break;
    if (order <= 0) i++;
    if (order >= 0) k++;
    merged.push(order <= 0 ? row! : { index: next.index, value: copyBytes(next.value) });
  }
  return merged;
}

function rowColumns(table: RowTable): string {
  return table === PLACED_TABLE ? "value, sum, place, size" : "value, sum";
}

function direction(span: { readonly reverse: boolean }): string {
  return span.reverse ? "DESC" : "ASC";
}

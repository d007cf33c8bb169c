/**
 * Reads of one SQLite connection: synchronous, and checked against their checksums.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { hexText, isBytes, viewBytes } from "../../base/mod.ts";
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
import type { SqliteRuntime } from "./runtime.ts";
import { prepareArrays } from "./statements.ts";

/** Options of {@linkcode TableReader}. */
export interface TableReaderOptions {
  /** Built-in modules. */
  readonly runtime: SqliteRuntime;
  /** The connection. */
  readonly database: DatabaseSync;
  /** Path of the database, for messages. */
  readonly file: string;
}

/** Reads of all tables over one connection. */
export class TableReader {
  readonly #crc32: SqliteRuntime["crc32"];
  readonly #database: DatabaseSync;
  readonly #file: string;
  readonly #getRow: Readonly<Record<RowTable, StatementSync>>;
  readonly #getRecord: Readonly<Record<RecordTable, StatementSync>>;
  readonly #ranges = new Map<string, StatementSync>();

  /** Prepares what every read needs; ranges are prepared when first used. */
  constructor({ runtime, database, file }: TableReaderOptions) {
    this.#crc32 = runtime.crc32;
    this.#database = database;
    this.#file = file;
    const get = (table: string, key: string) =>
      prepareArrays(database, `SELECT value, sum FROM "${table}" WHERE ${key} = ?`);
    this.#getRow = Object.fromEntries(
      ROW_TABLES.map((table) => [table, get(table, "id")]),
    ) as Record<RowTable, StatementSync>;
    this.#getRecord = Object.fromEntries(
      RECORD_TABLES.map((table) => [table, get(table, "key")]),
    ) as Record<RecordTable, StatementSync>;
  }

  /** Reads one row; `null` when there is none. */
  row(table: RowTable, owner: number, index: number): Uint8Array | null {
    const found = this.#getRow[table].get(rowId(owner, index)) as [Uint8Array, number] | undefined;
    return found === undefined ? null : this.#checkedRow(table, owner, index, found[0], found[1]);
  }

  /** Reads one record; `null` when there is none. */
  record(table: RecordTable, key: Uint8Array): Uint8Array | null {
    const found = this.#getRecord[table].get(key) as [Uint8Array, number] | undefined;
    return found === undefined ? null : this.#checkedRecord(table, key, found[0], found[1]);
  }

  /** Reads the first rows of `span`, fewer than there are when they are many or large; none at its end. */
  rowPage(table: RowTable, owner: number, span: RowSpan): Row[] {
    if (span.start >= span.end) return [];
    const statement = this.#range(
      `SELECT ${INDEX_OF_ID}, value, sum FROM "${table}" WHERE id BETWEEN ? AND ? ` +
        `ORDER BY id ${span.reverse ? "DESC" : "ASC"} LIMIT ?`,
    );
    const found = statement.iterate(
      rowId(owner, span.start),
      rowId(owner, span.end - 1),
      pageLimit(span.limit),
    );
    const page: Row[] = [];
    let byteLength = 0;
    for (const [index, value, sum] of found as Iterable<unknown> as Iterable<[number, Uint8Array, number]>) {
      page.push({ index, value: this.#checkedRow(table, owner, index, value, sum) });
      byteLength += value.byteLength;
      if (byteLength >= ITERATION_BYTE_LENGTH_MAX) break;
    }
    return page;
  }

  /** Reads the first records of `span`, fewer than there are when they are many or large; none at its end. */
  recordPage(table: RecordTable, span: RecordSpan): StoredRecord[] {
    const bounds = [span.gte === null ? "" : "key >= ?", span.lt === null ? "" : "key < ?"].filter(Boolean);
    const statement = this.#range(
      `SELECT key, value, sum FROM "${table}" ${bounds.length > 0 ? "WHERE " : ""}${bounds.join(" AND ")} ` +
        `ORDER BY key ${span.reverse ? "DESC" : "ASC"} LIMIT ?`,
    );
    const keys = [span.gte, span.lt].filter((key) => key !== null);
    const found = statement.iterate(...keys, pageLimit(span.limit));
    const page: StoredRecord[] = [];
    let byteLength = 0;
    for (
      const [key, value, sum] of found as Iterable<unknown> as Iterable<[Uint8Array, Uint8Array, number]>
    ) {
      const checked = this.#checkedRecord(table, key, value, sum);
      page.push({ key: viewBytes(key), value: checked });
      byteLength += key.byteLength + value.byteLength;
      if (byteLength >= ITERATION_BYTE_LENGTH_MAX) break;
    }
    return page;
  }

  #range(sql: string): StatementSync {
    let statement = this.#ranges.get(sql);
    if (statement === undefined) {
      statement = prepareArrays(this.#database, sql);
      this.#ranges.set(sql, statement);
    }
    return statement;
  }

  // In a damaged file a column may hold any type, so what it is comes before what it sums to.
  #checkedRow(table: RowTable, owner: number, index: number, value: Uint8Array, sum: number): Uint8Array {
    if (isBytes(value) && rowSum(this.#crc32, owner, index, value) === sum) return viewBytes(value);
    throw damagedValue(this.#file, `${table} ${owner}/${index}`);
  }

  #checkedRecord(table: RecordTable, key: Uint8Array, value: Uint8Array, sum: number): Uint8Array {
    if (isBytes(key) && isBytes(value) && recordSum(this.#crc32, key, value) === sum) return viewBytes(value);
    throw damagedValue(this.#file, `${table} ${isBytes(key) ? hexText(key) : String(key)}`);
  }
}

function pageLimit(limit: number): number {
  return Math.min(limit, ITERATION_ROW_COUNT_MAX);
}

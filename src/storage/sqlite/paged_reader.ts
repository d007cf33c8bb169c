/**
 * The asynchronous face of {@linkcode Tables}: checks arguments, and reads ranges page by page.
 *
 * @module
 */
import {
  assertIndex,
  assertKey,
  assertOwner,
  assertRecordTable,
  keyAfter,
  type RecordSpan,
  recordSpan,
  type RowSpan,
  rowSpan,
} from "../checks.ts";
import { settled } from "../settled.ts";
import type {
  RecordRange,
  RecordTable,
  Row,
  RowRange,
  RowTable,
  StorageReader,
  StoredRecord,
} from "../storage.ts";
import type { Tables } from "./overlaid_tables.ts";

/**
 * Runs `work` on the tables as they are now, in one view of them; throws `StorageError` only. `isRange` tells that `work`
 * reads a page of a range.
 */
export type ReadTables = <T>(work: (tables: Tables) => T, isRange?: boolean) => T;

/** Reads over whatever `read` gives access to. */
export class PagedReader implements StorageReader {
  readonly #read: ReadTables;

  /** `read` is called for each read and for each page of an iteration. */
  constructor(read: ReadTables) {
    this.#read = read;
  }

  getRow(table: RowTable, owner: number, index: number): Promise<Uint8Array | null> {
    assertOwner(table, owner);
    assertIndex(index);
    return settled(() => this.#read((tables) => tables.row(table, owner, index)));
  }

  getRows(table: RowTable, owner: number, indexes: readonly number[]): Promise<(Uint8Array | null)[]> {
    assertOwner(table, owner);
    for (const index of indexes) assertIndex(index);
    return settled(() => this.#read((tables) => indexes.map((index) => tables.row(table, owner, index))));
  }

  rows(table: RowTable, owner: number, range: RowRange = {}): AsyncIterable<Row> {
    assertOwner(table, owner);
    return this.#rows(table, owner, rowSpan(range));
  }

  getRecord(table: RecordTable, key: Uint8Array): Promise<Uint8Array | null> {
    assertRecordTable(table);
    assertKey(key);
    return settled(() => this.#read((tables) => tables.record(table, key)));
  }

  records(table: RecordTable, range: RecordRange = {}): AsyncIterable<StoredRecord> {
    assertRecordTable(table);
    return this.#records(table, recordSpan(range));
  }

  /** Continues after the last row of each page, so that no statement stays open between pages. */
  async *#rows(table: RowTable, owner: number, span: RowSpan): AsyncGenerator<Row> {
    let { start, end, limit } = span;
    while (true) {
      const page = this.#read((tables) => tables.rowPage(table, owner, { ...span, start, end, limit }), true);
      const last = page.at(-1);
      if (last === undefined) return;
      yield* page;
      limit -= page.length;
      if (span.reverse) end = last.index;
      else start = last.index + 1;
    }
  }

  async *#records(table: RecordTable, span: RecordSpan): AsyncGenerator<StoredRecord> {
    let { gte, lt, limit } = span;
    while (true) {
      const page = this.#read((tables) => tables.recordPage(table, { ...span, gte, lt, limit }), true);
      const last = page.at(-1);
      if (last === undefined) return;
      const after = span.reverse ? last.key.slice() : keyAfter(last.key);
      yield* page;
      limit -= page.length;
      if (span.reverse) lt = after;
      else gte = after;
    }
  }
}

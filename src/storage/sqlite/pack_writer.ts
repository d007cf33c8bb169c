/**
 * Writes of one table whose rows are packed.
 *
 * A row may stand for itself and in a pack; then the one that stands for itself counts. So a put never has to look for
 * packs. A pack is written only where no row stands for itself and no other pack is, so that it hides nothing and a row is
 * in one pack at most; a deletion takes a row out of both.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { RowTable } from "../storage.ts";
import { rowId, rowSum } from "./keys.ts";
import { PACK_BYTE_LENGTH_MAX, PACK_ROW_COUNT_MIN, PACK_VALUE_BYTE_LENGTH_MAX } from "./limits.ts";
import { encodePack, type PackedRow, packEnd, packTable, type RowList } from "./pack.ts";
import type { PackReader } from "./pack_reader.ts";
import { RowWriter } from "./row_writer.ts";
import type { SqliteRuntime } from "./runtime.ts";

/** Indexes that lie this close together on average are put in order by filling places. */
const DENSE_STEP = 4;

/** Writes one table, holding puts back until something else comes. */
export class PackWriter {
  readonly #crc32: SqliteRuntime["crc32"];
  readonly #rows: RowWriter;
  readonly #packs: PackReader;
  readonly #put: StatementSync;
  readonly #delete: StatementSync;
  readonly #deleteOne: StatementSync;
  readonly #target = new DataView(new ArrayBuffer(PACK_BYTE_LENGTH_MAX));
  #owner = 0;
  #indexes: number[] = [];
  #values: Uint8Array[] = [];

  /** Prepares the statements. */
  constructor(runtime: SqliteRuntime, database: DatabaseSync, table: RowTable, packs: PackReader) {
    const name = packTable(table);
    this.#crc32 = runtime.crc32;
    this.#rows = new RowWriter(runtime, database, table);
    this.#packs = packs;
    this.#put = database.prepare(`INSERT INTO "${name}" (id, span, sum, value) VALUES (?, ?, ?, ?)`);
    this.#delete = database.prepare(`DELETE FROM "${name}" WHERE id BETWEEN ? AND ? AND id + span <= ?`);
    this.#deleteOne = database.prepare(`DELETE FROM "${name}" WHERE id = ?`);
  }

  /** Rows deleted so far that stood for themselves. */
  get deletedCount(): number {
    return this.#rows.deletedCount;
  }

  /** Puts a row. */
  put(owner: number, index: number, value: Uint8Array): void {
    if (owner !== this.#owner) {
      this.flush();
      this.#owner = owner;
    }
    this.#indexes.push(index);
    this.#values.push(value);
  }

  /** Deletes the rows from `first` to `last`, both included. */
  deleteRange(owner: number, first: number, last: number): void {
    this.flush();
    this.#rows.deleteRange(owner, first, last);
    const [firstId, lastId] = [rowId(owner, first), rowId(owner, last)];
    this.#delete.run(firstId, lastId, lastId);
    // At most two are left, one at each end. What is left of one stays a pack: a row of it may be hidden.
    for (const pack of this.#packs.overlapping(owner, first, last)) {
      const rows = pack.rows();
      this.#deleteOne.run(rowId(owner, pack.first));
      this.#putRest(owner, rows.filter(({ index }) => index < first));
      this.#putRest(owner, rows.filter(({ index }) => index > last));
    }
  }

  /** Puts what is held back. */
  flush(): void {
    if (this.#indexes.length > 0) {
      const rows = sorted({ indexes: this.#indexes, values: this.#values });
      this.forget();
      this.#putRows(this.#owner, rows);
    }
    this.#rows.flush();
  }

  /** Drops what is held back. */
  forget(): void {
    this.#indexes = [];
    this.#values = [];
    this.#rows.forget();
  }

  #putRows(owner: number, rows: RowList): void {
    const { indexes, values } = rows;
    const isFree = indexes.length >= PACK_ROW_COUNT_MIN &&
      this.#packs.isFree(owner, indexes[0]!, indexes.at(-1)!);
    for (let start = 0; start < indexes.length;) {
      const end = packEnd(rows, start, PACK_BYTE_LENGTH_MAX, PACK_VALUE_BYTE_LENGTH_MAX);
      if (
        end - start >= PACK_ROW_COUNT_MIN &&
        (isFree || this.#packs.isFree(owner, indexes[start]!, indexes[end - 1]!))
      ) {
        this.#putPack(owner, rows, start, end);
        start = end;
      } else {
        for (const stop = Math.max(end, start + 1); start < stop; start++) {
          this.#rows.put(owner, indexes[start]!, values[start]!);
        }
      }
    }
  }

  #putRest(owner: number, rows: readonly PackedRow[]): void {
    if (rows.length === 0) return;
    const list = { indexes: rows.map(({ index }) => index), values: rows.map(({ value }) => value) };
    this.#putPack(owner, list, 0, rows.length);
  }

  #putPack(owner: number, rows: RowList, start: number, end: number): void {
    const first = rows.indexes[start]!;
    const value = new Uint8Array(this.#target.buffer, 0, encodePack(this.#target, rows, start, end));
    const span = rows.indexes[end - 1]! - first;
    this.#put.run(rowId(owner, first), span, rowSum(this.#crc32, owner, first, value), value);
  }
}

/** The rows in order of index, of equal ones the last. */
function sorted(rows: RowList): RowList {
  const { indexes, values } = rows;
  let [first, last, isSorted] = [indexes[0]!, indexes[0]!, true];
  for (let i = 1; i < indexes.length; i++) {
    const index = indexes[i]!;
    if (index > last) last = index;
    else isSorted = false;
    if (index < first) first = index;
  }
  if (isSorted) return rows;
  if (last - first >= DENSE_STEP * indexes.length) {
    const found = new Map(indexes.map((index, i) => [index, values[i]!]));
    const order = Array.from(found.keys()).sort((a, b) => a - b);
    return { indexes: order, values: order.map((index) => found.get(index)!) };
  }
  // The nodes of an append: to fill a place for each index takes a fraction of the time.
  const places = new Array<Uint8Array | null>(last - first + 1).fill(null);
  for (let i = 0; i < indexes.length; i++) places[indexes[i]! - first] = values[i]!;
  const result = { indexes: [] as number[], values: [] as Uint8Array[] };
  for (let i = 0; i < places.length; i++) {
    const value = places[i]!;
    if (value === null) continue;
    result.indexes.push(first + i);
    result.values.push(value);
  }
  return result;
}

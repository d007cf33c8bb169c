/**
 * Reads of the packs of one table.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { isBytes } from "../../base/mod.ts";
import type { RowSpan } from "../checks.ts";
import type { RowTable } from "../storage.ts";
import { damagedValue } from "./failure.ts";
import { INDEX_OF_ID, rowId, rowSum } from "./keys.ts";
import { Pack, PACK_SPAN_MAX, type PackedRow, packTable } from "./pack.ts";
import type { SqliteRuntime } from "./runtime.ts";
import { columnsOf, prepareArrays } from "./statements.ts";

/** Packs that are read for a page of a range. */
const PAGE_PACK_COUNT = 4;

/** Reads over one connection. */
export class PackReader {
  readonly #crc32: SqliteRuntime["crc32"];
  readonly #file: string;
  readonly #name: string;
  readonly #get: StatementSync;
  readonly #ascending: StatementSync;
  readonly #descending: StatementSync;
  readonly #hasRow: StatementSync;
  readonly #hasPack: StatementSync;
  /** The pack read last. */
  #known: Pack | null = null;
  /** Whether none of its rows stands for itself too. */
  #isWhole = false;

  /** Prepares the statements. `file` is the database's path, for messages. */
  constructor(runtime: SqliteRuntime, database: DatabaseSync, file: string, table: RowTable) {
    const name = packTable(table);
    const select =
      `SELECT ${INDEX_OF_ID} AS "index", span, sum, value FROM "${name}" WHERE id BETWEEN ? AND ?`;
    this.#crc32 = runtime.crc32;
    this.#file = file;
    this.#name = name;
    this.#get = prepareArrays(database, `${select} ORDER BY id DESC LIMIT 1`);
    this.#ascending = prepareArrays(database, `${select} AND id + span >= ? ORDER BY id LIMIT ?`);
    this.#descending = prepareArrays(database, `${select} AND id + span >= ? ORDER BY id DESC LIMIT ?`);
    this.#hasRow = prepareArrays(database, `SELECT 1 FROM "${table}" WHERE id BETWEEN ? AND ? LIMIT 1`);
    this.#hasPack = prepareArrays(
      database,
      `SELECT 1 FROM "${name}" WHERE id BETWEEN ? AND ? AND id + span >= ? LIMIT 1`,
    );
  }

  /** Forgets what was read: the database, or the view of it, is about to change. */
  forget(): void {
    this.#known = null;
  }

  /**
   * The value of a row where it is known that it does not stand for itself: a view, or `null` where there is none;
   * `undefined` says nothing.
   */
  peek(owner: number, index: number): Uint8Array | null | undefined {
    return this.#isWhole && this.#known?.covers(owner, index) ? this.#known.find(index) : undefined;
  }

  /** The value of a row that does not stand for itself: a view; `null` where there is none. */
  find(owner: number, index: number): Uint8Array | null {
    if (!this.#known?.covers(owner, index)) {
      const found: unknown = this.#get.get(lowestId(owner, index), rowId(owner, index));
      if (found === undefined) return null;
      const pack = this.#packOf(owner, found);
      if (!pack.covers(owner, index)) return null;
      this.#known = pack;
      this.#isWhole = this.#hasRow.get(rowId(owner, pack.first), rowId(owner, pack.last)) === undefined;
    }
    return this.#known!.find(index);
  }

  /**
   * The packs that have indexes from `first` to `last`, both included, within their bounds; without damaged ones, which
   * must not keep anything from being written.
   */
  overlapping(owner: number, first: number, last: number): Pack[] {
    return this.#found(this.#ascending, owner, first, last, -1)
      .map((found) => this.#unharmed(owner, found)).filter((pack) => pack !== null);
  }

  /** Whether no row stands for itself, and no pack is, from `first` to `last`, both included. */
  isFree(owner: number, first: number, last: number): boolean {
    const [firstId, lastId] = [rowId(owner, first), rowId(owner, last)];
    return this.#hasRow.get(firstId, lastId) === undefined &&
      this.#hasPack.get(lowestId(owner, first), lastId, firstId) === undefined;
  }

  /** The first packed rows of `span`, with views of the packs; none at its end. */
  page(owner: number, { start, end, reverse }: RowSpan): PackedRow[] {
    if (start >= end) return [];
    const statement = reverse ? this.#descending : this.#ascending;
    const rows = this.#found(statement, owner, start, end - 1, PAGE_PACK_COUNT).flatMap((found) => {
      const rows = this.#packOf(owner, found).rows();
      return reverse ? rows.reverse() : rows;
    });
    return rows.filter(({ index }) => index >= start && index < end);
  }

  #found(
    statement: StatementSync,
    owner: number,
    first: number,
    last: number,
    countMax: number,
  ): unknown[] {
    return statement.all(lowestId(owner, first), rowId(owner, last), rowId(owner, first), countMax);
  }

  #packOf(owner: number, found: unknown): Pack {
    const pack = this.#unharmed(owner, found);
    if (pack !== null) return pack;
    const [first] = columnsOf<[number]>(found);
    throw damagedValue(this.#file, `${this.#name} ${owner}/${first}`);
  }

  #unharmed(owner: number, found: unknown): Pack | null {
    const [first, span, sum, value] = columnsOf<[number, number, number, Uint8Array]>(found);
    const isUnharmed = isBytes(value) && rowSum(this.#crc32, owner, first, value) === sum;
    return isUnharmed ? Pack.of(owner, first, span, value) : null;
  }
}

/** The smallest id that a pack with `index` in it may have. */
function lowestId(owner: number, index: number): bigint {
  return rowId(owner, Math.max(0, index - PACK_SPAN_MAX));
}

/**
 * Applies batches over one SQLite connection, each whole or not at all.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { badType } from "../errors.ts";
import { RECORD_TABLES, type RecordTable, ROW_TABLES, type RowTable } from "../storage.ts";
import { recordSum, rowId, rowSum } from "./keys.ts";
import { BUSY_TIMEOUT_MS, VACUUM_BYTE_LENGTH_MAX, VACUUM_FREE_PART } from "./limits.ts";
import { PLACED_TABLE, placeNumber, type StoredOperation } from "./place.ts";
import type { SqliteRuntime } from "./runtime.ts";
import { columnsOf, rollBack } from "./statements.ts";

/**
 * Rows that one statement puts at a time, largest first: at 32 a row takes a third of the time that it takes alone, and
 * larger statements gain nothing more.
 */
const PUT_ROW_COUNTS = [32, 4, 1] as const;

/** Rows that are held back until a statement is full. */
const HELD_ROW_COUNT = PUT_ROW_COUNTS[0];

/** A longer value is put alone: it gains nothing, and a statement keeps a copy of what was bound to it last. */
const HELD_VALUE_BYTE_LENGTH_MAX = 4096;

/** Values bound per row. */
const PUT_COLUMN_COUNT = 3;

/** Prepared writes of one table of records. */
interface RecordWrites {
  readonly put: StatementSync;
  readonly delete: StatementSync;
  /** From the first key to before the second. */
  readonly deleteRange: StatementSync;
  /** From a key on. */
  readonly deleteFrom: StatementSync;
}

/** Writes of all tables over one connection. */
export class TableWriter {
  readonly #crc32: SqliteRuntime["crc32"];
  readonly #database: DatabaseSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #setApplied: StatementSync;
  readonly #place: StatementSync;
  readonly #rows: Readonly<Record<RowTable, RowWriter>>;
  readonly #records: Readonly<Record<RecordTable, RecordWrites>>;

  /** Prepares the statements. */
  constructor(runtime: SqliteRuntime, database: DatabaseSync) {
    this.#crc32 = runtime.crc32;
    this.#database = database;
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#setApplied = database.prepare(`UPDATE "journal" SET applied = ?`);
    this.#place = database.prepare(
      `INSERT OR REPLACE INTO "${PLACED_TABLE}" (id, sum, value, place, size) VALUES (?, ?, x'', ?, ?)`,
    );
    this.#rows = Object.fromEntries(
      ROW_TABLES.map((table) => [table, new RowWriter(database, table)]),
    ) as Record<RowTable, RowWriter>;
    this.#records = Object.fromEntries(
      RECORD_TABLES.map((table) => [table, recordWrites(database, table)]),
    ) as Record<RecordTable, RecordWrites>;
  }

  /** How many rows that may have a value in a file were deleted so far. */
  get deletedCount(): number {
    return this.#rows[PLACED_TABLE].deletedCount;
  }

  /**
   * Copies all of the log into the database, durably; whether nobody, in whatever process, reads an earlier state any
   * more. Not within a transaction.
   */
  isUnobserved(): boolean {
    this.#database.exec("PRAGMA busy_timeout = 0");
    try {
      const [busy] = columnsOf<[number]>(this.#database.prepare("PRAGMA wal_checkpoint(RESTART)").get());
      return busy === 0;
    } finally {
      this.#database.exec(`PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}`);
    }
  }

  /** Writes the database anew without its free pages, where they are many and the others are not. */
  vacuum(): void {
    const [pageCount, freeCount, pageByteLength] = ["page_count", "freelist_count", "page_size"].map((name) =>
      columnsOf<[number]>(this.#database.prepare(`PRAGMA ${name}`).get())[0]
    ) as [number, number, number];
    if (freeCount < VACUUM_FREE_PART * pageCount) return;
    if ((pageCount - freeCount) * pageByteLength > VACUUM_BYTE_LENGTH_MAX) return;
    this.#database.exec("VACUUM");
  }

  /**
   * Applies all operations of `lists` in their order as one transaction, and notes that the journal is applied up to
   * `appliedSequence` unless that is `null`; throws when nothing was stored.
   */
  commit(lists: Iterable<readonly StoredOperation[]>, appliedSequence: number | null): void {
    this.#begin.run();
    try {
      for (const operations of lists) {
        for (const operation of operations) this.#apply(operation);
      }
      for (const table of ROW_TABLES) this.#rows[table].flush();
      if (appliedSequence !== null) this.#setApplied.run(appliedSequence);
      this.#commit.run();
    } catch (error) {
      rollBack(this.#database);
      for (const table of ROW_TABLES) this.#rows[table].forget();
      throw error;
    }
  }

  #apply(operation: StoredOperation): void {
    switch (operation.kind) {
      case "putRow": {
        const { table, owner, index, value } = operation;
        this.#rows[table].put(rowId(owner, index), rowSum(this.#crc32, owner, index, value), value);
        return;
      }
      case "placeRow": {
        const { table, owner, index, place } = operation;
        this.#rows[table].flush();
        this.#place.run(rowId(owner, index), place.sum, placeNumber(place), place.byteLength);
        return;
      }
      case "deleteRow": {
        const id = rowId(operation.owner, operation.index);
        this.#rows[operation.table].deleteRange(id, id);
        return;
      }
      case "deleteRows": {
        const { table, owner, start, end } = operation;
        if (start < end) this.#rows[table].deleteRange(rowId(owner, start), rowId(owner, end - 1));
        return;
      }
      case "putRecord": {
        const { table, key, value } = operation;
        this.#records[table].put.run(key, recordSum(this.#crc32, key, value), value);
        return;
      }
      case "deleteRecord":
        this.#records[operation.table].delete.run(operation.key);
        return;
      case "deleteRecords": {
        const { deleteFrom, deleteRange } = this.#records[operation.table];
        const gte = operation.gte ?? new Uint8Array(0);
        if (operation.lt === null) deleteFrom.run(gte);
        else deleteRange.run(gte, operation.lt);
        return;
      }
      default:
        throw badType(`Unknown kind of write ${String((operation as { kind: unknown }).kind)}`);
    }
  }
}

/**
 * Writes one table of rows, holding puts back until a statement is full. Tables do not depend on each other, and
 * within one the order is kept, so nobody can tell.
 */
class RowWriter {
  /** One for each of {@linkcode PUT_ROW_COUNTS}. */
  readonly #puts: readonly StatementSync[];
  readonly #delete: StatementSync;
  #held: (bigint | number | Uint8Array)[] = [];
  /** Rows deleted so far, those of transactions that failed included. */
  deletedCount = 0;

  constructor(database: DatabaseSync, table: RowTable) {
    const put = (rowCount: number): StatementSync =>
      database.prepare(
        `INSERT OR REPLACE INTO "${table}" (id, sum, value) VALUES ${
          Array(rowCount).fill("(?, ?, ?)").join(", ")
        }`,
      );
    this.#puts = PUT_ROW_COUNTS.map(put);
    this.#delete = database.prepare(`DELETE FROM "${table}" WHERE id BETWEEN ? AND ?`);
  }

  put(id: bigint, sum: number, value: Uint8Array): void {
    if (value.byteLength > HELD_VALUE_BYTE_LENGTH_MAX) {
      this.flush();
      this.#puts.at(-1)!.run(id, sum, value);
      return;
    }
    this.#held.push(id, sum, value);
    if (this.#held.length === HELD_ROW_COUNT * PUT_COLUMN_COUNT) this.flush();
  }

  /** Deletes the rows from `first` to `last`, both included. */
  deleteRange(first: bigint, last: bigint): void {
    this.flush();
    this.deletedCount += Number(this.#delete.run(first, last).changes);
  }

  /** Puts what is held back. */
  flush(): void {
    const held = this.#held;
    if (held.length === 0) return;
    this.#held = [];
    let start = 0;
    for (const [i, rowCount] of PUT_ROW_COUNTS.entries()) {
      const valueCount = rowCount * PUT_COLUMN_COUNT;
      while (held.length - start >= valueCount) {
        this.#puts[i]!.run(...held.slice(start, start + valueCount));
        start += valueCount;
      }
    }
  }

  /** Drops what is held back, after a failure. */
  forget(): void {
    this.#held = [];
  }
}

function recordWrites(database: DatabaseSync, table: RecordTable): RecordWrites {
  return {
    put: database.prepare(`INSERT OR REPLACE INTO "${table}" (key, sum, value) VALUES (?, ?, ?)`),
    delete: database.prepare(`DELETE FROM "${table}" WHERE key = ?`),
    deleteRange: database.prepare(`DELETE FROM "${table}" WHERE key >= ? AND key < ?`),
    deleteFrom: database.prepare(`DELETE FROM "${table}" WHERE key >= ?`),
  };
}

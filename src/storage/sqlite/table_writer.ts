/**
 * Applies batches over one SQLite connection, each whole or not at all.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { isBytes } from "../../base/mod.ts";
import { badType } from "../errors.ts";
import { RECORD_TABLES, type RecordTable, ROW_TABLES, type RowTable } from "../storage.ts";
import { recordSum, rowId } from "./keys.ts";
import { BUSY_TIMEOUT_MS, VACUUM_BYTE_LENGTH_MAX, VACUUM_FREE_PART } from "./limits.ts";
import { PACKED_TABLES } from "./pack.ts";
import { PackReader } from "./pack_reader.ts";
import { PackWriter } from "./pack_writer.ts";
import { PLACED_TABLE, placeNumber, type StoredOperation } from "./place.ts";
import { RowWriter } from "./row_writer.ts";
import type { SqliteRuntime } from "./runtime.ts";
import { columnsOf, rollBack } from "./statements.ts";

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
  readonly #rows: Readonly<Record<RowTable, RowWriter | PackWriter>>;
  readonly #records: Readonly<Record<RecordTable, RecordWrites>>;

  /** Prepares the statements. `file` is the database's path, for messages. */
  constructor(runtime: SqliteRuntime, database: DatabaseSync, file: string) {
    this.#crc32 = runtime.crc32;
    this.#database = database;
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#setApplied = database.prepare(`UPDATE "journal" SET applied = ?`);
    this.#place = database.prepare(
      `INSERT OR REPLACE INTO "${PLACED_TABLE}" (id, sum, value, place, size) VALUES (?, ?, x'', ?, ?)`,
    );
    const rowWriter = (table: RowTable) =>
      PACKED_TABLES.has(table)
        ? new PackWriter(runtime, database, table, new PackReader(runtime, database, file, table))
        : new RowWriter(runtime, database, table);
    this.#rows = Object.fromEntries(
      ROW_TABLES.map((table) => [table, rowWriter(table)]),
    ) as Record<RowTable, RowWriter | PackWriter>;
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

  /** Writes the database anew without its free pages, where they are many and the others are not; whether it did. */
  vacuum(): boolean {
    const [pageCount, freeCount, pageByteLength] = ["page_count", "freelist_count", "page_size"].map((name) =>
      columnsOf<[number]>(this.#database.prepare(`PRAGMA ${name}`).get())[0]
    ) as [number, number, number];
    if (freeCount < VACUUM_FREE_PART * pageCount) return false;
    if ((pageCount - freeCount) * pageByteLength > VACUUM_BYTE_LENGTH_MAX) return false;
    this.#database.exec("VACUUM");
    return true;
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
        // It may be held back, and must not fail then.
        if (!isBytes(value)) throw badType(`Stored value must be a Uint8Array, got ${typeof value}`);
        this.#rows[table].put(owner, index, value);
        return;
      }
      case "placeRow": {
        const { table, owner, index, place } = operation;
        this.#rows[table].flush();
        this.#place.run(rowId(owner, index), place.sum, placeNumber(place), place.byteLength);
        return;
      }
      case "deleteRow": {
        const { table, owner, index } = operation;
        this.#rows[table].deleteRange(owner, index, index);
        return;
      }
      case "deleteRows": {
        const { table, owner, start, end } = operation;
        if (start < end) this.#rows[table].deleteRange(owner, start, end - 1);
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

function recordWrites(database: DatabaseSync, table: RecordTable): RecordWrites {
  return {
    put: database.prepare(`INSERT OR REPLACE INTO "${table}" (key, sum, value) VALUES (?, ?, ?)`),
    delete: database.prepare(`DELETE FROM "${table}" WHERE key = ?`),
    deleteRange: database.prepare(`DELETE FROM "${table}" WHERE key >= ? AND key < ?`),
    deleteFrom: database.prepare(`DELETE FROM "${table}" WHERE key >= ?`),
  };
}

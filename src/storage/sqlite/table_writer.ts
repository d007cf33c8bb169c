/**
 * Applies batches over one SQLite connection, each whole or not at all.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { WriteBatch, WriteOperation } from "../batch.ts";
import { badType } from "../errors.ts";
import { RECORD_TABLES, type RecordTable, ROW_TABLES, type RowTable } from "../storage.ts";
import { recordSum, rowId, rowSum } from "./keys.ts";
import type { SqliteRuntime } from "./runtime.ts";
import { rollBack } from "./statements.ts";

interface Writes {
  readonly put: StatementSync;
  readonly delete: StatementSync;
  /** Rows: both bounds inclusive. Records: `gte` and `lt`. */
  readonly deleteRange: StatementSync;
  /** Records only: `gte` alone. */
  readonly deleteFrom: StatementSync;
}

/** Writes of all tables over one connection. */
export class TableWriter {
  readonly #crc32: SqliteRuntime["crc32"];
  readonly #database: DatabaseSync;
  readonly #begin: StatementSync;
  readonly #commit: StatementSync;
  readonly #rows: Readonly<Record<RowTable, Writes>>;
  readonly #records: Readonly<Record<RecordTable, Writes>>;

  /** Prepares the statements. */
  constructor(runtime: SqliteRuntime, database: DatabaseSync) {
    this.#crc32 = runtime.crc32;
    this.#database = database;
    this.#begin = database.prepare("BEGIN IMMEDIATE");
    this.#commit = database.prepare("COMMIT");
    this.#rows = Object.fromEntries(
      ROW_TABLES.map((table) => [table, rowWrites(database, table)]),
    ) as Record<RowTable, Writes>;
    this.#records = Object.fromEntries(
      RECORD_TABLES.map((table) => [table, recordWrites(database, table)]),
    ) as Record<RecordTable, Writes>;
  }

  /** Applies all of `batches` in their order as one transaction; throws when nothing was stored. */
  commit(batches: Iterable<WriteBatch>): void {
    this.#begin.run();
    try {
      for (const batch of batches) {
        for (const operation of batch.operations) this.#apply(operation);
      }
      this.#commit.run();
    } catch (error) {
      rollBack(this.#database);
      throw error;
    }
  }

  #apply(operation: WriteOperation): void {
    switch (operation.kind) {
      case "putRow": {
        const { table, owner, index, value } = operation;
        this.#rows[table].put.run(rowId(owner, index), rowSum(this.#crc32, owner, index, value), value);
        return;
      }
      case "deleteRow":
        this.#rows[operation.table].delete.run(rowId(operation.owner, operation.index));
        return;
      case "deleteRows": {
        const { table, owner, start, end } = operation;
        if (start < end) this.#rows[table].deleteRange.run(rowId(owner, start), rowId(owner, end - 1));
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

function rowWrites(database: DatabaseSync, table: RowTable): Writes {
  return {
    put: database.prepare(`INSERT OR REPLACE INTO "${table}" (id, sum, value) VALUES (?, ?, ?)`),
    delete: database.prepare(`DELETE FROM "${table}" WHERE id = ?`),
    deleteRange: database.prepare(`DELETE FROM "${table}" WHERE id BETWEEN ? AND ?`),
    deleteFrom: database.prepare(`DELETE FROM "${table}" WHERE id >= ?`),
  };
}

function recordWrites(database: DatabaseSync, table: RecordTable): Writes {
  return {
    put: database.prepare(`INSERT OR REPLACE INTO "${table}" (key, sum, value) VALUES (?, ?, ?)`),
    delete: database.prepare(`DELETE FROM "${table}" WHERE key = ?`),
    deleteRange: database.prepare(`DELETE FROM "${table}" WHERE key >= ? AND key < ?`),
    deleteFrom: database.prepare(`DELETE FROM "${table}" WHERE key >= ?`),
  };
}

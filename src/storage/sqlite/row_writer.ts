/**
 * Writes of one table of rows: each row for itself, several by a statement.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";
import type { RowTable } from "../storage.ts";
import { rowId, rowSum } from "./keys.ts";
import type { SqliteRuntime } from "./runtime.ts";

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

/**
 * Writes one table of rows, holding puts back until a statement is full. Tables do not depend on each other, and
 * within one the order is kept, so nobody can tell.
 */
export class RowWriter {
  readonly #crc32: SqliteRuntime["crc32"];
  /** One for each of {@linkcode PUT_ROW_COUNTS}. */
  readonly #puts: readonly StatementSync[];
  readonly #delete: StatementSync;
  #held: (bigint | number | Uint8Array)[] = [];
  /** Rows deleted so far, those of transactions that failed included. */
  deletedCount = 0;

  /** Prepares the statements. */
  constructor(runtime: SqliteRuntime, database: DatabaseSync, table: RowTable) {
    const put = (rowCount: number): StatementSync =>
      database.prepare(
        `INSERT OR REPLACE INTO "${table}" (id, sum, value) VALUES ${
          Array(rowCount).fill("(?, ?, ?)").join(", ")
        }`,
      );
    this.#crc32 = runtime.crc32;
    this.#puts = PUT_ROW_COUNTS.map(put);
    this.#delete = database.prepare(`DELETE FROM "${table}" WHERE id BETWEEN ? AND ?`);
  }

  /** Puts a row. */
  put(owner: number, index: number, value: Uint8Array): void {
    const id = rowId(owner, index);
    const sum = rowSum(this.#crc32, owner, index, value);
    if (value.byteLength > HELD_VALUE_BYTE_LENGTH_MAX) {
      this.flush();
      this.#puts.at(-1)!.run(id, sum, value);
      return;
    }
    this.#held.push(id, sum, value);
    if (this.#held.length === HELD_ROW_COUNT * PUT_COLUMN_COUNT) this.flush();
  }

  /** Deletes the rows from `first` to `last`, both included. */
  deleteRange(owner: number, first: number, last: number): void {
    this.flush();
    this.deletedCount += Number(this.#delete.run(rowId(owner, first), rowId(owner, last)).changes);
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

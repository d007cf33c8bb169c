/**
 * Small matters of SQLite statements.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";

/** Prepares `sql` so that rows come as arrays where the runtime can; {@linkcode columnsOf} evens it out. */
export function prepareArrays(database: DatabaseSync, sql: string): StatementSync {
  const statement = database.prepare(sql);
  // Node has it from 22.16 on.
  (statement as { setReturnArrays?(isOn: boolean): void }).setReturnArrays?.(true);
  return statement;
}

/** The columns of a row in the order of the query, whether it came as an array or, slower, as an object. */
export function columnsOf<Columns extends readonly unknown[]>(row: unknown): Columns {
  return (Array.isArray(row) ? row : Object.values(row as Record<string, unknown>)) as unknown as Columns;
}

/** Ends a transaction that failed. SQLite may have ended it by itself, and a second end is an error to it. */
export function rollBack(database: DatabaseSync): void {
  try {
    database.exec("ROLLBACK");
  } catch {
    // "no transaction is active": there is nothing left to undo.
  }
}

/**
 * Small matters of SQLite statements.
 *
 * @module
 */
import type { DatabaseSync, StatementSync } from "node:sqlite";

/**
 * Prepares `sql` so that rows come as arrays of columns.
 */
export function prepareArrays(database: DatabaseSync, sql: string): StatementSync {
  const statement = database.prepare(sql);
  statement.setReturnArrays(true);
  return statement;
}

/** Ends a transaction that failed. SQLite may have ended it by itself, and a second end is an error to it. */
export function rollBack(database: DatabaseSync): void {
  try {
    database.exec("ROLLBACK");
  } catch {
    // "no transaction is active": there is nothing left to undo.
  }
}

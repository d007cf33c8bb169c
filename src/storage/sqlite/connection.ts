/**
 * Connections to the database file, set up as the storage needs them.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import {
  BUSY_TIMEOUT_MS,
  CHECKPOINT_BYTE_LENGTH,
  PAGE_BYTE_LENGTH,
  SNAPSHOT_CACHE_BYTE_LENGTH,
  WAL_KEPT_BYTE_LENGTH,
} from "./limits.ts";
import { prepareFormat } from "./format.ts";
import type { SqliteRuntime } from "./runtime.ts";

/** Options of {@linkcode openWriter}. */
export interface WriterOptions {
  /** Path of the database. */
  readonly file: string;
  /** Page cache, bytes. */
  readonly cacheByteLength: number;
}

/** Opens the connection that writes, creating or migrating the database. */
export function openWriter(runtime: SqliteRuntime, options: WriterOptions): DatabaseSync {
  const { file, cacheByteLength } = options;
  return opened(new runtime.Database(file), (database) => {
    database.exec(
      `${COMMON} PRAGMA cache_size = ${
        cacheKibibytes(cacheByteLength)
      }; PRAGMA page_size = ${PAGE_BYTE_LENGTH};`,
    );
    prepareFormat(database, { file, readOnly: false });
    // After the format, so that a database that is refused stays as it was.
    database.exec("PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;");
    const { page_size: pageByteLength } = database.prepare("PRAGMA page_size").get() as { page_size: number };
    database.exec(
      `PRAGMA wal_autocheckpoint = ${Math.ceil(CHECKPOINT_BYTE_LENGTH / pageByteLength)}; ` +
        `PRAGMA journal_size_limit = ${WAL_KEPT_BYTE_LENGTH}; ` +
        // The first read creates the log, which is to be synced from the start.
        `SELECT 1 FROM sqlite_schema LIMIT 1`,
    );
  });
}

/** Opens a connection that reads. */
export function openReader(runtime: SqliteRuntime, file: string): DatabaseSync {
  return opened(new runtime.Database(file, { readOnly: true }), (database) => {
    database.exec(`${COMMON} PRAGMA cache_size = ${cacheKibibytes(SNAPSHOT_CACHE_BYTE_LENGTH)};`);
    prepareFormat(database, { file, readOnly: true });
  });
}

/**
 * Checks more of each page that is read (`cell_size_check`), runs nothing that a foreign schema may carry
 * (`trusted_schema`), and never writes outside the folder (`temp_store`).
 */
const COMMON = `PRAGMA busy_timeout = ${BUSY_TIMEOUT_MS}; PRAGMA cell_size_check = ON; ` +
  `PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;`;

/** SQLite takes a negative number as KiB instead of pages. */
function cacheKibibytes(byteLength: number): number {
  return -Math.ceil(byteLength / 1024);
}

/** Sets up `database`, closing it when that fails. */
function opened(database: DatabaseSync, setUp: (database: DatabaseSync) => void): DatabaseSync {
  try {
    setUp(database);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

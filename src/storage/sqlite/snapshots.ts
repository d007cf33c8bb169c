/**
 * Snapshots: read transactions on connections of their own.
 *
 * While a snapshot is open, SQLite keeps in its log whatever was written since; the log grows until the snapshot is
 * closed.
 *
 * @module
 */
import type { DatabaseSync } from "node:sqlite";
import { StorageError } from "../errors.ts";
import type { StorageSnapshot } from "../storage.ts";
import { openReader } from "./connection.ts";
import { storageFailure } from "./failure.ts";
import { SNAPSHOT_IDLE_COUNT_MAX } from "./limits.ts";
import { OverlaidTables, type Tables } from "./overlaid_tables.ts";
import type { Overlay } from "./overlay.ts";
import { PagedReader } from "./paged_reader.ts";
import type { SqliteRuntime } from "./runtime.ts";
import { settled } from "../settled.ts";
import { TableReader } from "./table_reader.ts";
import type { ValueFiles } from "./value_files.ts";

/** A connection with its prepared reads. */
interface Connection {
  readonly database: DatabaseSync;
  readonly tables: TableReader;
}

/** Options of {@linkcode SnapshotPool}. */
export interface SnapshotPoolOptions {
  /** Built-in modules. */
  readonly runtime: SqliteRuntime;
  /** Path of the database. */
  readonly file: string;
  /** The store's folder, for messages. */
  readonly folder: string;
  /** Reads the values that lie in files. */
  readonly values: ValueFiles;
  /** Most snapshots open at once. */
  readonly countMax: number;
}

/** Hands out snapshots and keeps a few connections for the next ones. */
export class SnapshotPool {
  readonly #options: SnapshotPoolOptions;
  readonly #idle: Connection[] = [];
  readonly #open = new Set<SqliteSnapshot>();

  /** Opens nothing yet. */
  constructor(options: SnapshotPoolOptions) {
    this.#options = options;
  }

  /**
   * Takes a snapshot of what is committed now, with what `overlayFor` gives laid over it; that is asked once the view
   * of the database is fixed.
   *
   * @throws {StorageError} `STORAGE_SNAPSHOTS` when as many as allowed are open.
   */
  take(overlayFor: (tables: TableReader) => Overlay): SqliteSnapshot {
    const { file, folder, countMax } = this.#options;
    if (this.#open.size >= countMax) {
      throw new StorageError(
        "STORAGE_SNAPSHOTS",
        `Cannot take a snapshot of ${file}: ${countMax} are open; close some, or raise snapshotCountMax`,
        { file },
      );
    }
    try {
      const connection = this.#begin();
      const snapshot = new SqliteSnapshot({
        tables: this.#overlaid(connection, overlayFor),
        file,
        folder,
        released: () => this.#release(snapshot, connection),
      });
      this.#open.add(snapshot);
      return snapshot;
    } catch (error) {
      throw storageFailure(error, "take a snapshot of", file, folder);
    }
  }

  /** Closes all snapshots and connections. */
  close(): void {
    for (const snapshot of this.#open) snapshot.release();
    for (const { database } of this.#idle.splice(0)) database.close();
  }

  /** A connection whose view of the database is fixed from now on. */
  #begin(): Connection {
    const connection = this.#idle.pop() ?? this.#connect();
    try {
      // The view is fixed by the first read, not by BEGIN.
      connection.database.exec("BEGIN; SELECT 1 FROM sqlite_schema LIMIT 1");
      return connection;
    } catch (error) {
      connection.database.close();
      throw error;
    }
  }

  #overlaid({ database, tables }: Connection, overlayFor: (tables: TableReader) => Overlay): Tables {
    try {
      return new OverlaidTables(tables, overlayFor(tables), this.#options.values);
    } catch (error) {
      database.close();
      throw error;
    }
  }

  #connect(): Connection {
    const { runtime, file, values } = this.#options;
    const database = openReader(runtime, file);
    return { database, tables: new TableReader({ runtime, database, file, values }) };
  }

  #release(snapshot: SqliteSnapshot, connection: Connection): void {
    this.#open.delete(snapshot);
    connection.tables.forget();
    if (this.#idle.length < SNAPSHOT_IDLE_COUNT_MAX) {
      try {
        connection.database.exec("COMMIT");
        this.#idle.push(connection);
        return;
      } catch {
        // A connection whose transaction does not end as it should is not used again.
      }
    }
    connection.database.close();
  }
}

/** Options of {@linkcode SqliteSnapshot}. */
interface SqliteSnapshotOptions {
  readonly tables: Tables;
  readonly file: string;
  readonly folder: string;
  /** Called once, when the connection is no longer used. */
  readonly released: () => void;
}

/** A read transaction that the pool began. */
class SqliteSnapshot extends PagedReader implements StorageSnapshot {
  readonly #released: () => void;
  #tables: Tables | null;

  constructor({ tables, file, folder, released }: SqliteSnapshotOptions) {
    super((work) => {
      if (this.#tables === null) throw new StorageError("STORAGE_CLOSED", "Snapshot is closed", { file });
      try {
        return work(this.#tables);
      } catch (error) {
        throw storageFailure(error, "read", file, folder);
      }
    });
    this.#tables = tables;
    this.#released = released;
  }

  /** Gives the connection back at once. */
  release(): void {
    if (this.#tables === null) return;
    this.#tables = null;
    this.#released();
  }

  close(): Promise<void> {
    return settled(() => this.release());
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

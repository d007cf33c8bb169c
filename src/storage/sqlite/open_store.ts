/**
 * An open store: one connection that writes (or, read-only, only reads), the journal, the queue of writes, the
 * snapshots. Whether it may be used is the business of `SqliteStorage`.
 *
 * @module
 */
import { type FileHandle, mkdir, open, stat } from "node:fs/promises";
import { join } from "node:path";
import type { DatabaseSync, StatementSync } from "node:sqlite";
import { clearTimeout, setTimeout } from "node:timers";
import type { CancelTimer } from "../../base/mod.ts";
import type { WriteBatch } from "../batch.ts";
import { StorageError } from "../errors.ts";
import type { StorageSnapshot } from "../storage.ts";
import { openReader, openWriter } from "./connection.ts";
import { storageFailure } from "./failure.ts";
import { FolderLock } from "./folder_lock.ts";
import { entrySum } from "./journal_entry.ts";
import { JournalView } from "./journal_view.ts";
import { LogSync } from "./log_sync.ts";
import { OverlaidTables, type Tables } from "./overlaid_tables.ts";
import { loadRuntime } from "./runtime.ts";
import { SnapshotPool } from "./snapshots.ts";
import { type QueuedWrite, StoreWriter } from "./store_writer.ts";
import { TableReader } from "./table_reader.ts";
import { TableWriter } from "./table_writer.ts";
import { ValueFiles } from "./value_files.ts";
import { ValueLog } from "./value_log.ts";
import { ValueSweeper } from "./value_sweeper.ts";

/** Options of {@linkcode OpenStore.open}. */
export interface OpenStoreOptions {
  /** The store's folder. */
  readonly folder: string;
  /** Opens without the lock, for reading what another process may be writing. */
  readonly readOnly: boolean;
  /** Most snapshots open at once. */
  readonly snapshotCountMax: number;
  /** Page cache, bytes. */
  readonly cacheByteLength: number;
}

/** What only a store open for writing has. */
interface WriteSide {
  readonly lock: FolderLock;
  readonly writer: StoreWriter;
  readonly sweeper: ValueSweeper;
  readonly log: FileHandle;
}

/** An open store. */
export class OpenStore {
  readonly #folder: string;
  readonly #file: string;
  readonly #database: DatabaseSync;
  readonly #begin: StatementSync;
  readonly #end: StatementSync;
  readonly #tables: TableReader;
  readonly #values: ValueFiles;
  readonly #snapshots: SnapshotPool;
  /** The journal, of a store opened read-only. */
  readonly #view: JournalView | null;
  readonly #writeSide: WriteSide | null;
  #queue: QueuedWrite[] = [];
  #isReading = false;

  private constructor(
    { folder, file, database, tables, values, snapshots, view, writeSide }: {
      folder: string;
      file: string;
      database: DatabaseSync;
      tables: TableReader;
      values: ValueFiles;
      snapshots: SnapshotPool;
      view: JournalView | null;
      writeSide: WriteSide | null;
    },
  ) {
    this.#folder = folder;
    this.#file = file;
    this.#database = database;
    this.#begin = database.prepare("BEGIN");
    this.#end = database.prepare("COMMIT");
    this.#tables = tables;
    this.#values = values;
    this.#snapshots = snapshots;
    this.#view = view;
    this.#writeSide = writeSide;
    writeSide?.writer.handleReads(() => this.#endReading());
  }

  /** Opens the store in a folder, creating both unless `readOnly`. Leaves nothing open when it fails. */
  static async open(options: OpenStoreOptions): Promise<OpenStore> {
    const { folder, readOnly, snapshotCountMax, cacheByteLength } = options;
    const runtime = await loadRuntime();
    const file = join(folder, "quince.db");
    const failed: (() => unknown)[] = [];
    try {
      if (!readOnly) await mkdir(folder, { recursive: true });
      await assertFile(options, file);
      const lock = readOnly ? null : await FolderLock.acquire(runtime, folder);
      if (lock !== null) failed.push(() => lock.release());
      const database = readOnly ? openReader(runtime, file) : openWriter(runtime, { file, cacheByteLength });
      failed.push(() => database.close());
      const values = new ValueFiles(runtime, folder);
      failed.push(() => values.close());
      const tables = new TableReader({ runtime, database, file, values });
      const snapshots = new SnapshotPool({ runtime, file, folder, values, countMax: snapshotCountMax });
      const sum = entrySum(runtime.crc32, tables.journalSalt());
      const view = readOnly ? new JournalView(sum, folder, values) : null;
      let writeSide: WriteSide | null = null;
      if (lock !== null) {
        const logFile = `${file}-wal`;
        const log = await open(logFile, "r+");
        failed.push(() => log.close());
        const walSync = new LogSync(() => log.datasync(), logFile);
        const valueLog = new ValueLog({ runtime, folder, files: values });
        const common = { runtime, folder, file, reader: tables, files: values, values: valueLog, schedule };
        const writer = await StoreWriter.open({
          ...common,
          writer: new TableWriter(runtime, database, file),
          walSync,
        });
        writeSide = { lock, writer, sweeper: new ValueSweeper({ ...common, writer }), log };
      }
      return new OpenStore({ folder, file, database, tables, values, snapshots, view, writeSide });
    } catch (error) {
      for (const undo of failed.reverse()) await undo();
      throw storageFailure(error, "open", file, folder);
    }
  }

  /** Runs `work` on one view of everything written so far. */
  read<T>(work: (tables: Tables) => T, isRange: boolean = false): T {
    this.#flush();
    try {
      if (this.#writeSide === null) return this.#readThrough(work);
      if (isRange) this.#writeSide.writer.tryDrain();
      this.#beginReading();
      return work(this.#writeSide.writer.tables);
    } catch (error) {
      this.#endReading();
      throw storageFailure(error, "read", this.#file, this.#folder);
    }
  }

  /** Stores `batch` with whatever else is written in the same turn. */
  write(batch: WriteBatch): Promise<void> {
    if (this.#writeSide === null) return Promise.reject(this.#readOnlyError());
    return new Promise((resolve, reject) => {
      this.#queue.push({ batch, resolve, reject });
      if (this.#queue.length === 1) queueMicrotask(() => this.#flush());
    });
  }

  /** Makes everything written so far durable. */
  async sync(): Promise<void> {
    if (this.#writeSide === null) throw this.#readOnlyError();
    this.#flush();
    await this.#writeSide.writer.sync();
  }

  /** Gives back the space of what was deleted, as far as nobody reads it any more. */
  async compact(): Promise<void> {
    if (this.#writeSide === null) throw this.#readOnlyError();
    const { writer, sweeper } = this.#writeSide;
    try {
      await sweeper.compact(async () => {
        this.#flush();
        await writer.settle();
      });
      writer.vacuum();
    } catch (error) {
      throw storageFailure(error, "compact", this.#file, this.#folder);
    }
  }

  /** Takes a snapshot of everything written so far. */
  snapshot(): StorageSnapshot {
    this.#flush();
    const { writer } = this.#writeSide ?? {};
    writer?.tryDrain();
    this.#look();
    return this.#snapshots.take((tables) =>
      writer === undefined ? this.#view!.fixedOverlay(tables.appliedSequence()) : writer.copyOverlay()
    );
  }

  /** Makes everything durable and releases everything, whatever of it fails; then throws the first failure. */
  async close(): Promise<void> {
    this.#flush();
    const writeSide = this.#writeSide;
    const failures: unknown[] = [];
    const steps: readonly (() => unknown)[] = [
      () => this.#endReading(),
      () => writeSide?.sweeper.stop(),
      // SQLite syncs when the last connection is closed; a reader in another process may be later.
      () => writeSide?.writer.close(),
      () => writeSide?.log.close(),
      () => this.#view?.close(),
      () => this.#snapshots.close(),
      () => writeSide?.sweeper.close(),
      () => this.#values.close(),
      () => this.#database.close(),
      () => writeSide?.lock.release(),
    ];
    for (const step of steps) {
      try {
        await step();
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw storageFailure(failures[0], "close", this.#file, this.#folder);
  }

  /** Carries out what is queued. */
  #flush(): void {
    if (this.#queue.length === 0) return;
    const writes = this.#queue;
    this.#queue = [];
    const { writer, sweeper } = this.#writeSide!;
    writer.write(writes);
    sweeper.handleWritten();
  }

  /** What another process writes must become visible: the journal as it is now, and a transaction for each read. */
  #readThrough<T>(work: (tables: Tables) => T): T {
    this.#look();
    this.#beginReading();
    const overlay = this.#view!.overlay(this.#tables.appliedSequence());
    const result = work(new OverlaidTables(this.#tables, overlay, this.#values));
    this.#endReading();
    return result;
  }

  #look(): void {
    try {
      this.#view?.look();
    } catch (error) {
      throw storageFailure(error, "read the journal of", this.#file, this.#folder);
    }
  }

  #beginReading(): void {
    if (this.#isReading) return;
    this.#begin.run();
    this.#isReading = true;
  }

  /**
   * Ends the transaction that reads share. It is left open between reads because taking and dropping SQLite's locks
   * costs twice as much as a read; a transaction that writes ends it, so it never keeps the log from starting over.
   */
  #endReading(): void {
    if (!this.#isReading) return;
    this.#isReading = false;
    this.#tables.forget();
    try {
      this.#end.run();
    } catch {
      // An input/output error ended it already.
    }
  }

  #readOnlyError(): StorageError {
    return new StorageError(
      "STORAGE_READ_ONLY",
      `Cannot write ${this.#file}: it was opened with readOnly; open it without`,
      { file: this.#file },
    );
  }
}

function schedule(delayMs: number, callback: () => void, options?: { unref?: boolean }): CancelTimer {
  const timer = setTimeout(callback, delayMs);
  if (options?.unref) timer.unref();
  return () => clearTimeout(timer);
}

/** @throws {StorageError} `STORAGE_PATH` when `file` is no file, `STORAGE_MISSING` when it must be there and is not. */
async function assertFile({ folder, readOnly }: OpenStoreOptions, file: string): Promise<void> {
  try {
    if ((await stat(file)).isFile()) return;
  } catch (error) {
    if ((error as { code?: unknown }).code !== "ENOENT") throw error;
    if (!readOnly) return;
    throw new StorageError(
      "STORAGE_MISSING",
      `Cannot open ${folder} read-only: there is no store in it; check the path, or open it once for writing`,
      { cause: error, file: folder },
    );
  }
  throw new StorageError(
    "STORAGE_PATH",
    `Cannot open ${file}: it is not a file; give the store a folder of its own`,
    { file },
  );
}

/**
 * Only one storage has a folder open for writing, and the lock dies with its process.
 *
 * The lock is SQLite's own write lock on a database of its own, `lock.db`, held by a transaction that never writes:
 * the operating system drops it when the process ends, however it ends. Who holds it stands in `lock.json`,
 * which is for messages only: the lock does not depend on it.
 *
 * @module
 */
import { readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import process from "node:process";
import type { DatabaseSync } from "node:sqlite";
import { StorageError, type StorageHolder } from "../errors.ts";
import { storageFailure } from "./failure.ts";
import type { SqliteRuntime } from "./runtime.ts";

/** A held lock. */
export class FolderLock {
  readonly #database: DatabaseSync;
  readonly #holderFile: string;

  private constructor(database: DatabaseSync, holderFile: string) {
    this.#database = database;
    this.#holderFile = holderFile;
  }

  /**
   * Takes the lock of `folder`.
   *
   * @throws {StorageError} `STORAGE_LOCKED` with the holder when another storage has it.
   */
  static async acquire(runtime: SqliteRuntime, folder: string): Promise<FolderLock> {
    const file = join(folder, "lock.db");
    const holderFile = join(folder, "lock.json");
    let database: DatabaseSync | null = null;
    try {
      database = new runtime.Database(file);
      takeWriteLock(database);
    } catch (error) {
      database?.close();
      const failure = storageFailure(error, "lock", file, folder);
      if (failure.code === "STORAGE_BUSY") throw await lockedError(folder, holderFile, error);
      throw failure;
    }
    const holder = { pid: process.pid, since: new Date().toISOString() };
    try {
      await writeFile(holderFile, JSON.stringify(holder) + "\n");
    } catch {
      // On a full disk the store must still open for reading and deleting; messages then lack the holder.
    }
    return new FolderLock(database, holderFile);
  }

  /** Gives the lock back. */
  async release(): Promise<void> {
    await rm(this.#holderFile, { force: true }).catch(() => {
      // Left behind it does no harm: the next holder overwrites it.
    });
    this.#database.close();
  }
}

/** Begins a transaction that holds SQLite's write lock without writing. */
function takeWriteLock(database: DatabaseSync): void {
  database.exec("PRAGMA busy_timeout = 0; BEGIN IMMEDIATE");
  const { user_version: made } = database.prepare("PRAGMA user_version").get() as { user_version: number };
  if (made !== 0) return;
  // An empty database would keep a journal open for its first page; after this it has that page.
  database.exec("PRAGMA user_version = 1; COMMIT; BEGIN IMMEDIATE");
}

async function lockedError(folder: string, holderFile: string, cause: unknown): Promise<StorageError> {
  const holder = await readHolder(holderFile);
  const who = holder === undefined
    ? "another storage has it open for writing"
    : `process ${holder.pid} has had it open for writing since ${holder.since.toISOString()}`;
  return new StorageError(
    "STORAGE_LOCKED",
    `Cannot open ${folder}: ${who}; close it there, or open with readOnly`,
    { cause, file: folder, holder },
  );
}

/** Reads who holds the lock; `undefined` when the holder has not written it (yet). */
async function readHolder(holderFile: string): Promise<StorageHolder | undefined> {
  try {
    const { pid, since } = JSON.parse(await readFile(holderFile, "utf8")) as { pid: unknown; since: unknown };
    const date = new Date(String(since));
    return typeof pid === "number" && !Number.isNaN(date.getTime()) ? { pid, since: date } : undefined;
  } catch {
    return undefined;
  }
}

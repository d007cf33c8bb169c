/**
 * The storage on disk, as its users see it.
 *
 * @module
 */
import { fileURLToPath } from "node:url";
import type { WriteBatch } from "../batch.ts";
import { badRange, badType, StorageError } from "../errors.ts";
import { settled } from "../settled.ts";
import type {
  RecordRange,
  RecordTable,
  Row,
  RowRange,
  RowTable,
  Storage,
  StorageSnapshot,
  StoredRecord,
  WriteOptions,
} from "../storage.ts";
import { CACHE_BYTE_LENGTH, SNAPSHOT_COUNT_MAX } from "./limits.ts";
import { OpenStore } from "./open_store.ts";
import { PagedReader } from "./paged_reader.ts";

/** Options of {@linkcode SqliteStorage}. */
export interface SqliteStorageOptions {
  /**
   * Opens an existing store for reading, also while another process writes it; each read sees what is committed by
   * then. Writes reject with `STORAGE_READ_ONLY`. Default `false`.
   */
  readonly readOnly?: boolean;
  /** Most snapshots open at once; default {@linkcode SNAPSHOT_COUNT_MAX}. */
  readonly snapshotCountMax?: number;
  /** Memory for cached pages, bytes; default 16 MiB. */
  readonly cacheByteLength?: number;
}

/** Where a storage is in its life. */
type Life =
  | { readonly kind: "new" }
  | { readonly kind: "opening"; readonly opened: Promise<void> }
  | { readonly kind: "open"; readonly store: OpenStore }
  | { readonly kind: "closed"; readonly closed: Promise<void> };

/**
 * A storage in a folder: an SQLite database `quince.db` with its log, a journal, files of larger values, and the lock of
 * whoever writes it.
 *
 * Needs read and write access to the folder and nothing else; `readOnly` needs read access. One storage at a time
 * has a folder open for writing, in whatever process.
 *
 * @example
 * ```ts
 * import { SqliteStorage, WriteBatch } from "../mod.ts";
 *
 * const folder = await Deno.makeTempDir();
 * {
 *   await using storage = new SqliteStorage(folder);
 *   await storage.open();
 *   const batch = new WriteBatch();
 *   batch.putRow("block", 1, 0, new Uint8Array([1, 2, 3]));
 *   await storage.write(batch, { durable: true });
 * }
 * await Deno.remove(folder, { recursive: true });
 * ```
 */
export class SqliteStorage implements Storage {
  /** Path of the folder. */
  readonly folder: string;
  /** Whether writes are refused with `STORAGE_READ_ONLY`. */
  readonly readOnly: boolean;
  readonly #snapshotCountMax: number;
  readonly #cacheByteLength: number;
  readonly #reader = new PagedReader((work, isRange) => this.#store().read(work, isRange));
  #life: Life = { kind: "new" };

  /**
   * Prepares a storage in `folder`, a path or a `file:` URL; nothing is touched before {@linkcode SqliteStorage.open}.
   *
   * @throws {TypeError} `BAD_ARGUMENT` when `folder` is no path.
   */
  constructor(folder: string | URL, options: SqliteStorageOptions = {}) {
    const path = folder instanceof URL ? fileURLToPath(folder) : folder;
    if (typeof path !== "string" || path === "" || path.includes("\0")) {
      throw badType(`Storage folder must be a path, got ${JSON.stringify(path)}`);
    }
    this.folder = path;
    this.readOnly = options.readOnly ?? false;
    this.#snapshotCountMax = positive("snapshotCountMax", options.snapshotCountMax ?? SNAPSHOT_COUNT_MAX);
    this.#cacheByteLength = positive("cacheByteLength", options.cacheByteLength ?? CACHE_BYTE_LENGTH);
  }

  /**
   * Opens the store, creating folder and database unless `readOnly`; idempotent. After a failure it may be called
   * again.
   *
   * @throws {StorageError} `STORAGE_LOCKED`, `STORAGE_VERSION`, `STORAGE_CORRUPT`, `STORAGE_PERMISSION`, `STORAGE_PATH`,
   *   `STORAGE_MISSING`, `STORAGE_FULL`, `STORAGE_BUSY`, `STORAGE_IO` or `STORAGE_UNSUPPORTED`.
   */
  open(): Promise<void> {
    switch (this.#life.kind) {
      case "open":
        return Promise.resolve();
      case "opening":
        return this.#life.opened;
      case "closed":
        return Promise.reject(this.#closedError("was closed; create a new one"));
      case "new": {
        const opened = this.#open();
        this.#life = { kind: "opening", opened };
        return opened;
      }
    }
  }

  /** Finishes what was called before, makes it durable, closes open snapshots and releases the folder; idempotent. */
  close(): Promise<void> {
    if (this.#life.kind === "closed") return this.#life.closed;
    const closed = this.#close(this.#life);
    this.#life = { kind: "closed", closed };
    return closed;
  }

  /** Stores all operations of `batch` in their order, or none of them; see {@linkcode Storage.write}. */
  async write(batch: WriteBatch, options?: WriteOptions): Promise<void> {
    const store = this.#store();
    await store.write(batch);
    if (options?.durable) await store.sync();
  }

  /** Resolves once everything written so far survives a power loss; concurrent calls share the work. */
  async sync(): Promise<void> {
    await this.#store().sync();
  }

  /**
   * Gives back the space of what was deleted, as far as nobody reads it any more: files of values that have unused parts
   * are written anew, and so is a database of which a quarter is free and at most 64 MiB are not.
   *
   * @throws {StorageError} as a read or a write does.
   */
  async compact(): Promise<void> {
    await this.#store().compact();
  }

  /**
   * Takes a snapshot of the state at the call.
   *
   * @throws {StorageError} `STORAGE_SNAPSHOTS` when `snapshotCountMax` snapshots are open.
   */
  snapshot(): Promise<StorageSnapshot> {
    return settled(() => this.#store().snapshot());
  }

  /** Reads one row; `null` when there is none. */
  getRow(table: RowTable, owner: number, index: number): Promise<Uint8Array | null> {
    return this.#reader.getRow(table, owner, index);
  }

  /** Reads several rows of one owner, in the order of `indexes`. */
  getRows(table: RowTable, owner: number, indexes: readonly number[]): Promise<(Uint8Array | null)[]> {
    return this.#reader.getRows(table, owner, indexes);
  }

  /** Iterates rows of one owner in order of index; each page of it sees what is written by then. */
  rows(table: RowTable, owner: number, range?: RowRange): AsyncIterable<Row> {
    return this.#reader.rows(table, owner, range);
  }

  /** Reads one record; `null` when there is none. */
  getRecord(table: RecordTable, key: Uint8Array): Promise<Uint8Array | null> {
    return this.#reader.getRecord(table, key);
  }

  /** Iterates records in order of key; each page of it sees what is written by then. */
  records(table: RecordTable, range?: RecordRange): AsyncIterable<StoredRecord> {
    return this.#reader.records(table, range);
  }

  /** Same as {@linkcode SqliteStorage.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #open(): Promise<void> {
    try {
      const store = await OpenStore.open({
        folder: this.folder,
        readOnly: this.readOnly,
        snapshotCountMax: this.#snapshotCountMax,
        cacheByteLength: this.#cacheByteLength,
      });
      if (this.#isClosed()) {
        await store.close();
        throw this.#closedError("was closed while it opened");
      }
      this.#life = { kind: "open", store };
    } catch (error) {
      if (!this.#isClosed()) this.#life = { kind: "new" };
      throw error;
    }
  }

  async #close(life: Life): Promise<void> {
    if (life.kind === "open") await life.store.close();
    // An opening that is under way closes what it opened, and its failure belongs to whoever called open().
    else if (life.kind === "opening") await life.opened.catch(() => undefined);
  }

  #isClosed(): boolean {
    return this.#life.kind === "closed";
  }

  #store(): OpenStore {
    if (this.#life.kind === "open") return this.#life.store;
    throw this.#closedError(this.#isClosed() ? "is closed" : "is not open yet; await open() first");
  }

  #closedError(what: string): StorageError {
    return new StorageError("STORAGE_CLOSED", `Storage in ${this.folder} ${what}`, { file: this.folder });
  }
}

function positive(name: string, value: number): number {
  if (!Number.isSafeInteger(value) || value < 1) {
    throw badRange(`Option ${name} must be a positive integer, got ${String(value)}`);
  }
  return value;
}

/**
 * The storage interface: an ordered, transactional store of numbered rows and of records by key.
 *
 * It knows nothing of hypercores. Two implementations come with the package (`memory`, `sqlite`); a program may
 * hand in its own as long as it passes `tests/conformance/storage`.
 *
 * @module
 */
import type { WriteBatch } from "./batch.ts";

/** Tables of numbered rows, keyed by (owner, index). */
export type RowTable = "block" | "node" | "bitfield" | "mark";

/** Tables of records, keyed by bytes in unsigned lexicographic order. */
export type RecordTable = "core" | "head" | "alias" | "session" | "user" | "meta" | "group";

/** All tables of numbered rows. */
export const ROW_TABLES: readonly RowTable[] = ["block", "node", "bitfield", "mark"];

/** All tables of records. */
export const RECORD_TABLES: readonly RecordTable[] = [
  "core",
  "head",
  "alias",
  "session",
  "user",
  "meta",
  "group",
];

/** Which rows of one owner, and in which order. */
export interface RowRange {
  /** First index; 0 when left out. */
  readonly start?: number;
  /** End index, exclusive; {@linkcode ROW_END_MAX} when left out. */
  readonly end?: number;
  /** Highest index first. */
  readonly reverse?: boolean;
  /** At most so many rows; all when left out or `Infinity`. */
  readonly limit?: number;
}

/** Which records of a table, and in which order. All given bounds hold together. */
export interface RecordRange {
  /** Smallest key, inclusive. */
  readonly gte?: Uint8Array;
  /** Smallest key, exclusive. */
  readonly gt?: Uint8Array;
  /** Largest key, inclusive. */
  readonly lte?: Uint8Array;
  /** Largest key, exclusive. */
  readonly lt?: Uint8Array;
  /** Largest key first. */
  readonly reverse?: boolean;
  /** At most so many records; all when left out or `Infinity`. */
  readonly limit?: number;
}

/** A row found by {@linkcode StorageReader.rows}. */
export interface Row {
  /** Index within the owner. */
  readonly index: number;
  /** Fresh bytes. */
  readonly value: Uint8Array;
}

/** A record found by {@linkcode StorageReader.records}. */
export interface StoredRecord {
  /** Fresh bytes. */
  readonly key: Uint8Array;
  /** Fresh bytes. */
  readonly value: Uint8Array;
}

/**
 * What can be read. All results are fresh bytes that the caller may keep and change; all arguments are borrowed
 * until the call's promise settles or its iterator ends.
 *
 * Arguments out of bounds throw `RangeError` or `TypeError` with `code` `BAD_ARGUMENT` at the call; everything
 * else rejects with {@linkcode StorageError}.
 *
 * Calls take effect in the order they are made: a read that is called after `write` sees that batch if it was
 * stored, whether or not the write's promise was awaited.
 */
export interface StorageReader {
  /** Reads one row; `null` when there is none. */
  getRow(table: RowTable, owner: number, index: number): Promise<Uint8Array | null>;

  /** Reads several rows of one owner; the results stand in the order of `indexes`, `null` where there is none. */
  getRows(table: RowTable, owner: number, indexes: readonly number[]): Promise<(Uint8Array | null)[]>;

  /**
   * Iterates rows of one owner in order of index, with bounded memory.
   *
   * On a storage, rows written or deleted while the iteration runs may or may not be seen; no row is seen twice or
   * out of order. On a snapshot the view is fixed.
   */
  rows(table: RowTable, owner: number, range?: RowRange): AsyncIterable<Row>;

  /** Reads one record; `null` when there is none. */
  getRecord(table: RecordTable, key: Uint8Array): Promise<Uint8Array | null>;

  /** Iterates records in order of key, with the same promises as {@linkcode StorageReader.rows}. */
  records(table: RecordTable, range?: RecordRange): AsyncIterable<StoredRecord>;
}

/** The state of a storage at the moment it was taken, unaffected by later writes; close it soon. */
export interface StorageSnapshot extends StorageReader {
  /** Releases the snapshot; later reads reject with `STORAGE_CLOSED`. Idempotent. */
  close(): Promise<void>;
  /** Same as {@linkcode StorageSnapshot.close}. */
  [Symbol.asyncDispose](): Promise<void>;
}

/** Options of {@linkcode Storage.write}. */
export interface WriteOptions {
  /** Resolve only once the batch survives a power loss. */
  readonly durable?: boolean;
}

/**
 * An ordered, transactional store.
 *
 * Life: constructed, {@linkcode Storage.open | opened}, used, {@linkcode Storage.close | closed}; a closed storage
 * is not opened again. Outside of open every use rejects with `STORAGE_CLOSED`.
 */
export interface Storage extends StorageReader {
  /** Whether writes are refused with `STORAGE_READ_ONLY`. */
  readonly readOnly: boolean;

  /** Opens the storage; idempotent. */
  open(): Promise<void>;

  /**
   * Finishes what was called before, makes it durable, closes open snapshots and releases everything; idempotent.
   */
  close(): Promise<void>;

  /**
   * Stores all operations of `batch` in their order, or none of them.
   *
   * Values and keys are borrowed until the promise settles, and so is the batch. Once resolved, the batch is visible
   * to all later reads and survives the death of the process; it survives a power loss once a later
   * {@linkcode Storage.sync} resolved, or at once with `durable`.
   *
   * A rejection means that nothing was stored. The one exception is `durable`: when the batch was stored and only
   * making it durable failed, the promise rejects with `STORAGE_IO` and the batch stays visible.
   */
  write(batch: WriteBatch, options?: WriteOptions): Promise<void>;

  /** Resolves once everything written so far survives a power loss; concurrent calls share the work. */
  sync(): Promise<void>;

  /** Gives back the space of what was deleted, as far as it can; a storage without it does so by itself. */
  compact?(): Promise<void>;

  /** Takes a snapshot of the state at the call. */
  snapshot(): Promise<StorageSnapshot>;

  /** Same as {@linkcode Storage.close}. */
  [Symbol.asyncDispose](): Promise<void>;
}

const STORAGE_METHODS = [
  "open",
  "close",
  "write",
  "sync",
  "snapshot",
  "getRow",
  "getRows",
  "rows",
  "getRecord",
  "records",
] as const;

/** Tells whether `value` has the methods of a {@linkcode Storage}; a path or an options object has not. */
export function isStorage(value: unknown): value is Storage {
  if (typeof value !== "object" || value === null) return false;
  const methods = value as Record<string, unknown>;
  return STORAGE_METHODS.every((name) => typeof methods[name] === "function");
}

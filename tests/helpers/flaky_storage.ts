/**
 * A storage whose writes fail when told to, and that tells what it holds.
 *
 * @module
 */
import { hexText } from "../../src/base/mod.ts";
import {
  MemoryStorage,
  RECORD_TABLES,
  type RecordRange,
  type RecordTable,
  type Row,
  ROW_TABLES,
  type RowRange,
  type RowTable,
  type Storage,
  StorageError,
  type StorageSnapshot,
  type StoredRecord,
  type WriteBatch,
  type WriteOptions,
} from "../../src/storage/mod.ts";

/** Passes everything on to a storage in memory, which outlives {@linkcode FlakyStorage.close}. */
export class FlakyStorage implements Storage {
  readonly readOnly = false;
  /** The next write is refused. */
  failsNextWrite = false;
  /** The next sync is refused. */
  failsNextSync = false;
  /** Called before each read, write and sync; what it throws is what that fails with. */
  onCall: ((call: "read" | "write" | "sync") => void) | null = null;
  /** Writes and syncs so far. */
  writeCount = 0;
  syncCount = 0;
  readonly #inner: MemoryStorage;

  /** Holds what `inner` holds. */
  constructor(inner: MemoryStorage = new MemoryStorage()) {
    this.#inner = inner;
  }

  /** The same content in a storage that is not open yet. */
  reopened(): FlakyStorage {
    return new FlakyStorage(this.#inner);
  }

  open(): Promise<void> {
    return this.#inner.open();
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async write(batch: WriteBatch, options?: WriteOptions): Promise<void> {
    this.onCall?.("write");
    if (this.failsNextWrite) {
      this.failsNextWrite = false;
      throw new StorageError("STORAGE_FULL", "Told to fail");
    }
    this.writeCount++;
    await this.#inner.write(batch, options);
  }

  async sync(): Promise<void> {
    this.onCall?.("sync");
    if (this.failsNextSync) {
      this.failsNextSync = false;
      throw new StorageError("STORAGE_IO", "Told to fail");
    }
    this.syncCount++;
    await this.#inner.sync();
  }

  snapshot(): Promise<StorageSnapshot> {
    return this.#inner.snapshot();
  }

  async getRow(table: RowTable, owner: number, index: number): Promise<Uint8Array | null> {
    this.onCall?.("read");
    return await this.#inner.getRow(table, owner, index);
  }

  async getRows(table: RowTable, owner: number, indexes: readonly number[]): Promise<(Uint8Array | null)[]> {
    this.onCall?.("read");
    return await this.#inner.getRows(table, owner, indexes);
  }

  async *rows(table: RowTable, owner: number, range?: RowRange): AsyncIterable<Row> {
    this.onCall?.("read");
    yield* this.#inner.rows(table, owner, range);
  }

  async getRecord(table: RecordTable, key: Uint8Array): Promise<Uint8Array | null> {
    this.onCall?.("read");
    return await this.#inner.getRecord(table, key);
  }

  async *records(table: RecordTable, range?: RecordRange): AsyncIterable<StoredRecord> {
    this.onCall?.("read");
    yield* this.#inner.records(table, range);
  }

  /** Everything held by owners below `ownerEnd`, as text. */
  async dump(ownerEnd = 4): Promise<string[]> {
    const lines: string[] = [];
    for (const table of RECORD_TABLES) {
      for await (const { key, value } of this.records(table)) {
        lines.push(`${table} ${hexText(key)} ${hexText(value)}`);
      }
    }
    for (const table of ROW_TABLES) {
      for (let owner = 0; owner < ownerEnd; owner++) {
        for await (const { index, value } of this.rows(table, owner)) {
          lines.push(`${table} ${owner} ${index} ${hexText(value)}`);
        }
      }
    }
    return lines;
  }
}

/**
 * A storage behind a gate: while the gate is shut, whatever is asked of it waits.
 *
 * @module
 */
import type {
  RecordRange,
  RecordTable,
  Row,
  RowRange,
  RowTable,
  Storage,
  StorageSnapshot,
  StoredRecord,
  WriteBatch,
  WriteOptions,
} from "../../storage/mod.ts";

/** Passes everything on to another storage, now or once the gate is open. */
export class GatedStorage implements Storage {
  /** Tree nodes that each log opened from now on keeps in memory; left out for the default. */
  treeCacheNodes?: number;
  readonly #inner: Storage;
  #gate: PromiseWithResolvers<void> | null = null;

  /** Takes ownership of `inner`; the gate is open. */
  constructor(inner: Storage) {
    this.#inner = inner;
  }

  /** Whether writes are refused. */
  get readOnly(): boolean {
    return this.#inner.readOnly;
  }

  /** Whether the gate is shut. */
  get isShut(): boolean {
    return this.#gate !== null;
  }

  /** Shuts the gate; resolves once what came before is stored and, unless read-only, survives a power loss. */
  async shut(): Promise<void> {
    this.#gate ??= Promise.withResolvers();
    if (!this.#inner.readOnly) await this.#inner.sync();
  }

  /** Opens the gate: what waited goes on, in its order. */
  unshut(): void {
    const gate = this.#gate;
    this.#gate = null;
    gate?.resolve();
  }

  /** Opens the storage. */
  open(): Promise<void> {
    return this.#inner.open();
  }

  /** Opens the gate and closes the storage behind what waited. */
  close(): Promise<void> {
    if (this.#gate === null) return this.#inner.close();
    const waited = this.#gate.promise;
    this.unshut();
    return waited.then(() => this.#inner.close());
  }

  /** Same as {@linkcode GatedStorage.close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** As {@linkcode Storage.write}. */
  write(batch: WriteBatch, options?: WriteOptions): Promise<void> {
    return this.#pass(() => this.#inner.write(batch, options));
  }

  /** As {@linkcode Storage.sync}. */
  sync(): Promise<void> {
    return this.#pass(() => this.#inner.sync());
  }

  /** As {@linkcode Storage.compact}; a sync where the storage has none. */
  compact(): Promise<void> {
    return this.#pass(async () => await (this.#inner.compact?.() ?? this.#inner.sync()));
  }

  /** As {@linkcode Storage.snapshot}. */
  snapshot(): Promise<StorageSnapshot> {
    return this.#pass(() => this.#inner.snapshot());
  }

  /** As {@linkcode Storage.getRow}. */
  getRow(table: RowTable, owner: number, index: number): Promise<Uint8Array | null> {
    return this.#pass(() => this.#inner.getRow(table, owner, index));
  }

  /** As {@linkcode Storage.getRows}. */
  getRows(table: RowTable, owner: number, indexes: readonly number[]): Promise<(Uint8Array | null)[]> {
    return this.#pass(() => this.#inner.getRows(table, owner, indexes));
  }

  /** As {@linkcode Storage.rows}; an iteration that has begun goes on. */
  rows(table: RowTable, owner: number, range?: RowRange): AsyncIterable<Row> {
    return this.#iterate(() => this.#inner.rows(table, owner, range));
  }

  /** As {@linkcode Storage.getRecord}. */
  getRecord(table: RecordTable, key: Uint8Array): Promise<Uint8Array | null> {
    return this.#pass(() => this.#inner.getRecord(table, key));
  }

  /** As {@linkcode Storage.records}; an iteration that has begun goes on. */
  records(table: RecordTable, range?: RecordRange): AsyncIterable<StoredRecord> {
    return this.#iterate(() => this.#inner.records(table, range));
  }

  #pass<T>(call: () => Promise<T>): Promise<T> {
    return this.#gate === null ? call() : this.#gate.promise.then(call);
  }

  #iterate<T>(start: () => AsyncIterable<T>): AsyncIterable<T> {
    return this.#gate === null ? start() : iterateAfter(this.#gate.promise, start);
  }
}

async function* iterateAfter<T>(opened: Promise<void>, start: () => AsyncIterable<T>): AsyncGenerator<T> {
  await opened;
  yield* start();
}

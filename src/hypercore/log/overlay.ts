/**
 * Writes that are held back: seen by whoever reads through the overlay, by nobody else, until they are drained into one
 * batch.
 *
 * @module
 */
import { compareBytes, copyBytes, equalBytes, hexText } from "../../base/mod.ts";
import type {
  RecordRange,
  RecordTable,
  Row,
  RowRange,
  RowTable,
  StoredRecord,
  WriteBatch,
} from "../../storage/mod.ts";
import type { LogStorage } from "./log_storage.ts";
import { ownerKey } from "./records.ts";

/** Rows of one owner in one table that differ from what is stored. */
interface RowChanges {
  readonly table: RowTable;
  readonly owner: number;
  /** Ranges in which no stored row counts any more. */
  readonly dropped: { readonly start: number; readonly end: number }[];
  /** Rows by index; null for a deleted one. */
  readonly rows: Map<number, Uint8Array | null>;
}

/** A record that differs from what is stored; null for a deleted one. */
interface RecordChange {
  readonly table: RecordTable;
  readonly key: Uint8Array;
  readonly value: Uint8Array | null;
}

/** A storage with changes on top that nobody else sees. */
export class Overlay implements LogStorage {
  readonly #base: LogStorage;
  #rows = new Map<string, RowChanges>();
  #records = new Map<string, RecordChange>();

  /** Changes nothing in `base`. */
  constructor(base: LogStorage) {
    this.#base = base;
  }

  /** Whether there is nothing to drain. */
  get isEmpty(): boolean {
    return this.#rows.size === 0 && this.#records.size === 0;
  }

  /** Takes the changes up; values are copied. */
  write(batch: WriteBatch): Promise<void> {
    for (const operation of batch) {
      switch (operation.kind) {
        case "putRow":
          this.#changes(operation.table, operation.owner).rows.set(
            operation.index,
            copyBytes(operation.value),
          );
          break;
        case "deleteRow":
          this.#changes(operation.table, operation.owner).rows.set(operation.index, null);
          break;
        case "deleteRows":
          this.#dropRows(operation.table, operation.owner, operation.start, operation.end);
          break;
        case "putRecord":
        case "deleteRecord": {
          const value = operation.kind === "putRecord" ? copyBytes(operation.value) : null;
          const { table, key } = operation;
          this.#records.set(recordId(table, key), { table, key: copyBytes(key), value });
          break;
        }
        case "deleteRecords":
          return Promise.reject(new TypeError("Ranges of records cannot be deleted within an atom"));
      }
    }
    return Promise.resolve();
  }

  /** Adds all changes to `batch`; they stay until {@linkcode reset}. */
  drain(batch: WriteBatch): void {
    for (const { table, owner, dropped, rows } of this.#rows.values()) {
      for (const { start, end } of dropped) batch.deleteRows(table, owner, start, end);
      for (const [index, value] of rows) {
        if (value === null) batch.deleteRow(table, owner, index);
        else batch.putRow(table, owner, index, value);
      }
    }
    for (const { table, key, value } of this.#records.values()) {
      if (value === null) batch.deleteRecord(table, key);
      else batch.putRecord(table, key, value);
    }
  }

  /** Forgets all changes. */
  reset(): void {
    this.#rows = new Map();
    this.#records = new Map();
  }

  /** Forgets the changes of one owner: rows, user data, and the record of a branch under `layerKey`. */
  forget(owner: number, layerKey: Uint8Array | null): void {
    for (const [id, changes] of this.#rows) if (changes.owner === owner) this.#rows.delete(id);
    const prefix = ownerKey(owner);
    for (const [id, { table, key }] of this.#records) {
      const isUserData = table === "user" && equalBytes(key.subarray(0, prefix.byteLength), prefix);
      const isLayer = table === "session" && layerKey !== null && equalBytes(key, layerKey);
      if (isUserData || isLayer) this.#records.delete(id);
    }
  }

  /** One row as it will be. */
  async getRow(table: RowTable, owner: number, index: number): Promise<Uint8Array | null> {
    const changed = this.#changed(table, owner, index);
    return changed === undefined
      ? await this.#base.getRow(table, owner, index)
      : changed && copyBytes(changed);
  }

  /** Several rows as they will be, in the order of `indexes`. */
  async getRows(table: RowTable, owner: number, indexes: readonly number[]): Promise<(Uint8Array | null)[]> {
    const results = indexes.map((index) => this.#changed(table, owner, index));
    const stored = indexes.filter((_, i) => results[i] === undefined);
    const values = stored.length === 0 ? [] : await this.#base.getRows(table, owner, stored);
    let next = 0;
    return results.map((value) => value === undefined ? values[next++]! : value && copyBytes(value));
  }

  /** The rows of a range as they will be, in order. */
  async *rows(table: RowTable, owner: number, range: RowRange = {}): AsyncGenerator<Row, void, void> {
    const changes = this.#rows.get(rowsId(table, owner));
    const { start = 0, end = Infinity, reverse = false, limit = Infinity } = range;
    const all: Row[] = [];
    for await (const row of this.#base.rows(table, owner, { ...range, reverse: false, limit: Infinity })) {
      if (this.#changed(table, owner, row.index) === undefined) all.push(row);
    }
    for (const [index, value] of changes?.rows ?? []) {
      if (value !== null && index >= start && index < end) all.push({ index, value: copyBytes(value) });
    }
    all.sort((a, b) => reverse ? b.index - a.index : a.index - b.index);
    yield* all.slice(0, limit);
  }

  /** One record as it will be. */
  async getRecord(table: RecordTable, key: Uint8Array): Promise<Uint8Array | null> {
    const changed = this.#records.get(recordId(table, key));
    return changed === undefined
      ? await this.#base.getRecord(table, key)
      : changed.value && copyBytes(changed.value);
  }

  /** The records of a range as they will be, in order. */
  async *records(table: RecordTable, range: RecordRange = {}): AsyncGenerator<StoredRecord, void, void> {
    const { reverse = false, limit = Infinity } = range;
    const all: StoredRecord[] = [];
    for await (const record of this.#base.records(table, { ...range, reverse: false, limit: Infinity })) {
      if (!this.#records.has(recordId(table, record.key))) all.push(record);
    }
    for (const { table: other, key, value } of this.#records.values()) {
      if (other === table && value !== null && isWithin(key, range)) {
        all.push({ key: copyBytes(key), value: copyBytes(value) });
      }
    }
    all.sort((a, b) => reverse ? compareBytes(b.key, a.key) : compareBytes(a.key, b.key));
    yield* all.slice(0, limit);
  }

  #dropRows(table: RowTable, owner: number, start: number, end: number): void {
    const { dropped, rows } = this.#changes(table, owner);
    for (const index of Array.from(rows.keys())) if (index >= start && index < end) rows.delete(index);
    dropped.push({ start, end });
  }

  #changes(table: RowTable, owner: number): RowChanges {
    const id = rowsId(table, owner);
    let changes = this.#rows.get(id);
    if (changes === undefined) {
      this.#rows.set(id, changes = { table, owner, dropped: [], rows: new Map() });
    }
    return changes;
  }

  /** The row as it was changed, null for a deleted one; undefined where it is as stored. */
  #changed(table: RowTable, owner: number, index: number): Uint8Array | null | undefined {
    const changes = this.#rows.get(rowsId(table, owner));
    if (changes === undefined) return undefined;
    const value = changes.rows.get(index);
    if (value !== undefined) return value;
    return changes.dropped.some(({ start, end }) => index >= start && index < end) ? null : undefined;
  }
}

function rowsId(table: RowTable, owner: number): string {
  return `${table} ${owner}`;
}

function recordId(table: RecordTable, key: Uint8Array): string {
  return `${table} ${hexText(key)}`;
}

function isWithin(key: Uint8Array, { gte, gt, lte, lt }: RecordRange): boolean {
  return (gte === undefined || compareBytes(key, gte) >= 0) &&
    (gt === undefined || compareBytes(key, gt) > 0) &&
    (lte === undefined || compareBytes(key, lte) <= 0) && (lt === undefined || compareBytes(key, lt) < 0);
}

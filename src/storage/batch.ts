/**
 * A list of writes that a storage applies as a whole.
 *
 * @module
 */
import {
  assertIndex,
  assertKey,
  assertOwner,
  assertRecordTable,
  assertRowBounds,
  assertValue,
} from "./checks.ts";
import { ROW_END_MAX } from "./limits.ts";
import type { RecordTable, RowTable } from "./storage.ts";

/** One write of a batch, tagged by `kind`. Its arguments were checked when it was added. */
export type WriteOperation =
  | {
    readonly kind: "putRow";
    readonly table: RowTable;
    readonly owner: number;
    readonly index: number;
    readonly value: Uint8Array;
  }
  | {
    readonly kind: "deleteRow";
    readonly table: RowTable;
    readonly owner: number;
    readonly index: number;
  }
  | {
    readonly kind: "deleteRows";
    readonly table: RowTable;
    readonly owner: number;
    /** First index deleted. */
    readonly start: number;
    /** End of the deleted range, exclusive. */
    readonly end: number;
  }
  | {
    readonly kind: "putRecord";
    readonly table: RecordTable;
    readonly key: Uint8Array;
    readonly value: Uint8Array;
  }
  | {
    readonly kind: "deleteRecord";
    readonly table: RecordTable;
    readonly key: Uint8Array;
  }
  | {
    readonly kind: "deleteRecords";
    readonly table: RecordTable;
    /** First key deleted; `null` from the first on. */
    readonly gte: Uint8Array | null;
    /** End of the deleted range, exclusive; `null` to the last. */
    readonly lt: Uint8Array | null;
  };

/** Which records to delete, as a half-open interval. */
export interface RecordDeletion {
  /** First key deleted; from the first key on when left out. */
  readonly gte?: Uint8Array;
  /** End of the deleted range, exclusive; to the last key when left out. */
  readonly lt?: Uint8Array;
}

/**
 * A list of writes, applied in the order they were added, all or none.
 *
 * Keys and values are borrowed, not copied: leave them unchanged until the write settled. Every method throws
 * `RangeError` or `TypeError` with `code` `BAD_ARGUMENT` for arguments out of bounds (see `limits.ts`), and adds
 * nothing then.
 *
 * @example
 * ```ts
 * import { MemoryStorage, WriteBatch } from "./mod.ts";
 *
 * await using storage = new MemoryStorage();
 * await storage.open();
 * const batch = new WriteBatch();
 * batch.putRow("block", 1, 0, new Uint8Array([1, 2, 3]));
 * await storage.write(batch);
 * ```
 */
export class WriteBatch {
  #operations: WriteOperation[] = [];
  #byteLength = 0;

  /** The operations in order; what an implementation of a storage goes through. */
  get operations(): readonly WriteOperation[] {
    return this.#operations;
  }

  /** Number of operations. */
  get size(): number {
    return this.#operations.length;
  }

  /** Bytes of all keys and values held. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Stores `value` at (`owner`, `index`), replacing what is there. */
  putRow(table: RowTable, owner: number, index: number, value: Uint8Array): void {
    assertOwner(table, owner);
    assertIndex(index);
    assertValue(value);
    this.#operations.push({ kind: "putRow", table, owner, index, value });
    this.#byteLength += value.byteLength;
  }

  /** Deletes the row at (`owner`, `index`), if there is one. */
  deleteRow(table: RowTable, owner: number, index: number): void {
    assertOwner(table, owner);
    assertIndex(index);
    this.#operations.push({ kind: "deleteRow", table, owner, index });
  }

  /** Deletes the rows of `owner` from `start` to `end` (exclusive; all when left out). */
  deleteRows(table: RowTable, owner: number, start: number, end: number = ROW_END_MAX): void {
    assertOwner(table, owner);
    assertRowBounds(start, end);
    this.#operations.push({ kind: "deleteRows", table, owner, start, end });
  }

  /** Stores `value` under `key`, replacing what is there. */
  putRecord(table: RecordTable, key: Uint8Array, value: Uint8Array): void {
    assertRecordTable(table);
    assertKey(key);
    assertValue(value);
    this.#operations.push({ kind: "putRecord", table, key, value });
    this.#byteLength += key.byteLength + value.byteLength;
  }

  /** Deletes the record under `key`, if there is one. */
  deleteRecord(table: RecordTable, key: Uint8Array): void {
    assertRecordTable(table);
    assertKey(key);
    this.#operations.push({ kind: "deleteRecord", table, key });
    this.#byteLength += key.byteLength;
  }

  /** Deletes the records of a range of keys. */
  deleteRecords(table: RecordTable, range: RecordDeletion): void {
    assertRecordTable(table);
    const { gte = null, lt = null } = range;
    if (gte !== null) assertKey(gte);
    if (lt !== null) assertKey(lt);
    this.#operations.push({ kind: "deleteRecords", table, gte, lt });
    this.#byteLength += (gte?.byteLength ?? 0) + (lt?.byteLength ?? 0);
  }

  /** Forgets all operations, so that the batch can be used again. */
  clear(): void {
    this.#operations = [];
    this.#byteLength = 0;
  }

  /** Goes through {@linkcode WriteBatch.operations}. */
  [Symbol.iterator](): IterableIterator<WriteOperation> {
    return this.#operations.values();
  }
}

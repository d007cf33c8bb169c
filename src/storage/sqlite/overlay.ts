/**
 * What is in the journal but not in the database yet: the last value, or the deletion, of each key.
 *
 * Keys and values are held, not copied: hand in bytes that nobody changes.
 *
 * @module
 */
import { compareBytes, isBytes } from "../../base/mod.ts";
import { badType } from "../errors.ts";
import { RECORD_TABLES, type RecordTable, ROW_TABLES, type RowTable } from "../storage.ts";
import type { RecordSpan, RowSpan } from "../checks.ts";
import type { Place, StoredOperation } from "./place.ts";

/** A value, or `null` for a deletion. */
export type Held = Uint8Array | null;

/** The same, or where the value lies. */
export type HeldRow = Held | Place;

/** A record that is put or deleted. */
interface HeldRecord {
  readonly key: Uint8Array;
  readonly value: Held;
}

/** By owner and index. */
type Rows = Readonly<Record<RowTable, Map<number, Map<number, HeldRow>>>>;

/** By text of the key. */
type Records = Readonly<Record<RecordTable, Map<string, HeldRecord>>>;

/** Operations on single rows and records, by key. */
export class Overlay {
  #rows: Rows = emptyRows();
  #records: Records = emptyRecords();
  #size = 0;

  /** Number of operations applied since it was empty. */
  get size(): number {
    return this.#size;
  }

  /** Takes over `operations`, of single rows and records only. */
  apply(operations: readonly StoredOperation[]): void {
    for (const operation of operations) {
      switch (operation.kind) {
        case "putRow":
          this.#setRow(operation.table, operation.owner, operation.index, operation.value);
          break;
        case "placeRow":
          this.#setRow(operation.table, operation.owner, operation.index, operation.place);
          break;
        case "deleteRow":
          this.#setRow(operation.table, operation.owner, operation.index, null);
          break;
        case "putRecord": {
          const { table, key, value } = operation;
          this.#records[table].set(keyText(key), { key, value });
          break;
        }
        case "deleteRecord": {
          const { table, key } = operation;
          this.#records[table].set(keyText(key), { key, value: null });
          break;
        }
        default:
          throw badType(`The journal takes no ${operation.kind}`);
      }
    }
    this.#size += operations.length;
  }

  /** Forgets everything. */
  clear(): void {
    if (this.#size === 0) return;
    for (const table of ROW_TABLES) this.#rows[table].clear();
    for (const table of RECORD_TABLES) this.#records[table].clear();
    this.#size = 0;
  }

  /** The same, unchanged by what is applied to this one later. */
  copy(): Overlay {
    const copy = new Overlay();
    copy.apply(this.operations());
    return copy;
  }

  /** Hands everything to `target`, which is empty. */
  moveTo(target: Overlay): void {
    target.#rows = this.#rows;
    target.#records = this.#records;
    target.#size = this.#size;
    this.#rows = emptyRows();
    this.#records = emptyRecords();
    this.#size = 0;
  }

  /** What is held of a row: `undefined` when nothing is. */
  row(table: RowTable, owner: number, index: number): HeldRow | undefined {
    return this.#rows[table].get(owner)?.get(index);
  }

  /** What is held of a record: `undefined` when nothing is. */
  record(table: RecordTable, key: Uint8Array): Held | undefined {
    const records = this.#records[table];
    return records.size === 0 ? undefined : records.get(keyText(key))?.value;
  }

  /** The rows held within `span`, in its order, whatever its limit. */
  rowsIn(table: RowTable, owner: number, span: RowSpan): { index: number; value: HeldRow }[] {
    const rows = this.#rows[table].get(owner);
    if (rows === undefined) return [];
    const found: { index: number; value: HeldRow }[] = [];
    for (const [index, value] of rows) {
      if (index >= span.start && index < span.end) found.push({ index, value });
    }
    return found.sort((a, b) => span.reverse ? b.index - a.index : a.index - b.index);
  }

  /** The records held within `span`, in its order, whatever its limit. */
  recordsIn(table: RecordTable, { gte, lt, reverse }: RecordSpan): { key: Uint8Array; value: Held }[] {
    const found: HeldRecord[] = [];
    for (const record of this.#records[table].values()) {
      if (gte !== null && compareBytes(record.key, gte) < 0) continue;
      if (lt !== null && compareBytes(record.key, lt) >= 0) continue;
      found.push(record);
    }
    return found.sort((a, b) => reverse ? compareBytes(b.key, a.key) : compareBytes(a.key, b.key));
  }

  /** One operation for each key held. */
  operations(): StoredOperation[] {
    const operations: StoredOperation[] = [];
    for (const table of ROW_TABLES) {
      for (const [owner, rows] of this.#rows[table]) {
        for (const [index, value] of rows) {
          if (value === null) operations.push({ kind: "deleteRow", table, owner, index });
          else if (isBytes(value)) operations.push({ kind: "putRow", table, owner, index, value });
          else operations.push({ kind: "placeRow", table, owner, index, place: value });
        }
      }
    }
    for (const table of RECORD_TABLES) {
      for (const { key, value } of this.#records[table].values()) {
        operations.push(
          value === null ? { kind: "deleteRecord", table, key } : { kind: "putRecord", table, key, value },
        );
      }
    }
    return operations;
  }

  #setRow(table: RowTable, owner: number, index: number, value: HeldRow): void {
    let rows = this.#rows[table].get(owner);
    if (rows === undefined) this.#rows[table].set(owner, rows = new Map());
    rows.set(index, value);
  }
}

function emptyRows(): Rows {
  return Object.fromEntries(ROW_TABLES.map((table) => [table, new Map()])) as Rows;
}

function emptyRecords(): Records {
  return Object.fromEntries(RECORD_TABLES.map((table) => [table, new Map()])) as Records;
}

/** Bytes of a key per call, since a call takes only so many arguments. */
const KEY_PART_BYTE_LENGTH = 4096;

/** A text that no other key has: one character per byte. */
function keyText(key: Uint8Array): string {
  if (key.byteLength <= KEY_PART_BYTE_LENGTH) return String.fromCharCode(...key);
  let text = "";
  for (let at = 0; at < key.byteLength; at += KEY_PART_BYTE_LENGTH) {
    text += String.fromCharCode(...key.subarray(at, at + KEY_PART_BYTE_LENGTH));
  }
  return text;
}

/**
 * A pack: small rows that stand close together, as one row of the database; `docs/spec/storage.md` has the table.
 *
 * @module
 */
import type { RowTable } from "../storage.ts";
import { PACK_ROW_COUNT_MAX } from "./limits.ts";

/** The tables whose rows are packed. */
export const PACKED_TABLES: ReadonlySet<RowTable> = new Set(["block", "node"]);

/** Name of the table with the packs of `table`. */
export function packTable(table: RowTable): string {
  return `${table}_pack`;
}

/** From one row of a pack to the next the index grows by so much at most: nodes have gaps where parents are to come. */
export const PACK_STEP_MAX = 2;

/** From the first row of a pack to its last the index grows by so much at most. */
export const PACK_SPAN_MAX: number = PACK_STEP_MAX * (PACK_ROW_COUNT_MAX - 1);

const COUNT_BYTE_LENGTH = 2;

/** What stands in front for each row, bytes. */
export const PACK_ENTRY_BYTE_LENGTH = 4;

/** A row of a pack. */
export interface PackedRow {
  readonly index: number;
  /** View of the pack. */
  readonly value: Uint8Array;
}

/** A pack as it was read. */
export class Pack {
  readonly owner: number;
  /** First index. */
  readonly first: number;
  /** Last index. */
  readonly last: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #count: number;

  private constructor(owner: number, first: number, span: number, bytes: Uint8Array) {
    this.owner = owner;
    this.first = first;
    this.last = first + span;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#count = this.#view.getUint16(0, true);
  }

  /** Takes over `bytes`, whose checksum holds; `null` when they are no pack whose indexes span so much. */
  static of(owner: number, first: number, span: number, bytes: Uint8Array): Pack | null {
    if (bytes.byteLength < COUNT_BYTE_LENGTH + PACK_ENTRY_BYTE_LENGTH) return null;
    const pack = new Pack(owner, first, span, bytes);
    const count = pack.#count;
    if (count === 0 || COUNT_BYTE_LENGTH + count * PACK_ENTRY_BYTE_LENGTH > bytes.byteLength) return null;
    return pack.#delta(count - 1) === span && pack.#end(count - 1) === bytes.byteLength ? pack : null;
  }

  /** Whether `index` of `owner` is within its bounds. */
  covers(owner: number, index: number): boolean {
    return owner === this.owner && index >= this.first && index <= this.last;
  }

  /** The value of a row; `null` when it has none. */
  find(index: number): Uint8Array | null {
    const delta = index - this.first;
    let [low, high] = [0, this.#count];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#delta(middle) < delta) low = middle + 1;
      else high = middle;
    }
    return low < this.#count && this.#delta(low) === delta ? this.#value(low) : null;
  }

  /** All rows, in order of index. */
  rows(): PackedRow[] {
    return Array.from({ length: this.#count }, (_, i) => ({
      index: this.first + this.#delta(i),
      value: this.#value(i),
    }));
  }

  #delta(i: number): number {
    return this.#view.getUint16(COUNT_BYTE_LENGTH + i * PACK_ENTRY_BYTE_LENGTH, true);
  }

  #value(i: number): Uint8Array {
    const start = i === 0 ? COUNT_BYTE_LENGTH + this.#count * PACK_ENTRY_BYTE_LENGTH : this.#end(i - 1);
    return this.#bytes.subarray(start, this.#end(i));
  }

  #end(i: number): number {
    return this.#view.getUint16(COUNT_BYTE_LENGTH + i * PACK_ENTRY_BYTE_LENGTH + 2, true);
  }
}

/** Rows in order of index, as two lists. */
export interface RowList {
  readonly indexes: readonly number[];
  readonly values: readonly Uint8Array[];
}

/** Writes the rows from `start` to `end` (exclusive) into `target` as a pack; returns its length. */
export function encodePack(target: DataView, rows: RowList, start: number, end: number): number {
  const bytes = new Uint8Array(target.buffer, target.byteOffset, target.byteLength);
  const first = rows.indexes[start]!;
  target.setUint16(0, end - start, true);
  let entry = COUNT_BYTE_LENGTH;
  let offset = entry + (end - start) * PACK_ENTRY_BYTE_LENGTH;
  for (let i = start; i < end; i++) {
    const value = rows.values[i]!;
    bytes.set(value, offset);
    offset += value.byteLength;
    target.setUint16(entry, rows.indexes[i]! - first, true);
    target.setUint16(entry + 2, offset, true);
    entry += PACK_ENTRY_BYTE_LENGTH;
  }
  return offset;
}

/** Where a pack that begins with row `start` ends: before `rows` do, before a gap, or before it is too large. */
export function packEnd(
  rows: RowList,
  start: number,
  byteLengthMax: number,
  valueByteLengthMax: number,
): number {
  const { indexes, values } = rows;
  const endMax = Math.min(indexes.length, start + PACK_ROW_COUNT_MAX);
  let byteLength = COUNT_BYTE_LENGTH;
  let end = start;
  while (end < endMax) {
    const { byteLength: valueByteLength } = values[end]!;
    byteLength += PACK_ENTRY_BYTE_LENGTH + valueByteLength;
    if (valueByteLength > valueByteLengthMax || byteLength > byteLengthMax) break;
    if (end > start && indexes[end]! - indexes[end - 1]! > PACK_STEP_MAX) break;
    end++;
  }
  return end;
}

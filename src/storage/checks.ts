/**
 * Argument checks shared by the batch and by all implementations, and ranges in their canonical form.
 *
 * @module
 */
import { allocBytesUnsafe, compareBytes, copyBytes, isBytes } from "../base/mod.ts";
import { badRange, badType } from "./errors.ts";
import {
  KEY_BYTE_LENGTH_MAX,
  ROW_END_MAX,
  ROW_INDEX_MAX,
  ROW_OWNER_MAX,
  VALUE_BYTE_LENGTH_MAX,
} from "./limits.ts";
import {
  RECORD_TABLES,
  type RecordRange,
  type RecordTable,
  ROW_TABLES,
  type RowRange,
  type RowTable,
} from "./storage.ts";

/** A {@linkcode RowRange} with everything filled in. */
export interface RowSpan {
  readonly start: number;
  readonly end: number;
  readonly reverse: boolean;
  readonly limit: number;
}

/** A {@linkcode RecordRange} as a half-open interval; `null` is unbounded. */
export interface RecordSpan {
  readonly gte: Uint8Array | null;
  readonly lt: Uint8Array | null;
  readonly reverse: boolean;
  readonly limit: number;
}

const rowTables: ReadonlySet<string> = new Set(ROW_TABLES);
const recordTables: ReadonlySet<string> = new Set(RECORD_TABLES);

/** Throws unless `table` and `owner` can name rows. */
export function assertOwner(table: RowTable, owner: number): void {
  if (!rowTables.has(table)) throw badType(`Unknown row table ${String(table)}`);
  if (!Number.isInteger(owner)) throw badType(`Row owner must be an integer, got ${String(owner)}`);
  if (owner < 0 || owner > ROW_OWNER_MAX) {
    throw badRange(`Row owner must be from 0 to ${ROW_OWNER_MAX}, got ${owner}`);
  }
}

/** Throws unless `index` can name a row. */
export function assertIndex(index: number): void {
  if (!Number.isInteger(index)) throw badType(`Row index must be an integer, got ${String(index)}`);
  if (index < 0 || index > ROW_INDEX_MAX) {
    throw badRange(`Row index must be from 0 to ${ROW_INDEX_MAX}, got ${index}`);
  }
}

/** Throws unless `start` and `end` are bounds of a row range; an end before the start is an empty range. */
export function assertRowBounds(start: number, end: number): void {
  for (const bound of [start, end]) {
    if (!Number.isInteger(bound)) throw badType(`Row range bound must be an integer, got ${String(bound)}`);
    if (bound < 0 || bound > ROW_END_MAX) {
      throw badRange(`Row range bound must be from 0 to ${ROW_END_MAX}, got ${bound}`);
    }
  }
}

/** Throws unless `table` is a table of records. */
export function assertRecordTable(table: RecordTable): void {
  if (!recordTables.has(table)) throw badType(`Unknown record table ${String(table)}`);
}

/** Throws unless `key` can be the key of a record. */
export function assertKey(key: Uint8Array): void {
  if (!isBytes(key)) throw badType(`Record key must be a Uint8Array, got ${typeof key}`);
  if (key.byteLength > KEY_BYTE_LENGTH_MAX) {
    throw badRange(`Record key must have at most ${KEY_BYTE_LENGTH_MAX} bytes, got ${key.byteLength}`);
  }
}

/** Throws unless `value` can be stored. */
export function assertValue(value: Uint8Array): void {
  if (!isBytes(value)) throw badType(`Stored value must be a Uint8Array, got ${typeof value}`);
  if (value.byteLength > VALUE_BYTE_LENGTH_MAX) {
    throw badRange(`Stored value must have at most ${VALUE_BYTE_LENGTH_MAX} bytes, got ${value.byteLength}`);
  }
}

/** Checks `range` and fills in what was left out. */
export function rowSpan(range: RowRange): RowSpan {
  const { start = 0, end = ROW_END_MAX, reverse = false } = range;
  assertRowBounds(start, end);
  return { start, end, reverse, limit: spanLimit(range.limit) };
}

/** Checks `range` and reduces it to a half-open interval with bytes of its own. */
export function recordSpan(range: RecordRange): RecordSpan {
  const lower: Uint8Array[] = [];
  const upper: Uint8Array[] = [];
  if (range.gte !== undefined) lower.push(ownBound(range.gte));
  if (range.gt !== undefined) lower.push(keyAfter(ownBound(range.gt)));
  if (range.lt !== undefined) upper.push(ownBound(range.lt));
  if (range.lte !== undefined) upper.push(keyAfter(ownBound(range.lte)));
  return {
    gte: lower.sort(compareBytes).at(-1) ?? null,
    lt: upper.sort(compareBytes).at(0) ?? null,
    reverse: range.reverse ?? false,
    limit: spanLimit(range.limit),
  };
}

/** The smallest key greater than `key`: `key` with a zero byte appended. */
export function keyAfter(key: Uint8Array): Uint8Array {
  const next = allocBytesUnsafe(key.byteLength + 1);
  next.set(key);
  next[key.byteLength] = 0;
  return next;
}

function ownBound(key: Uint8Array): Uint8Array {
  assertKey(key);
  return copyBytes(key);
}

function spanLimit(limit: number = Infinity): number {
  if (limit !== Infinity && !Number.isInteger(limit)) {
    throw badType(`Range limit must be an integer or Infinity, got ${String(limit)}`);
  }
  if (limit < 0) throw badRange(`Range limit must not be negative, got ${limit}`);
  return limit;
}

/**
 * Where a value lies that is in a file of values; `docs/spec/storage.md` has the same in words.
 *
 * @module
 */
import { isBytes } from "../../base/mod.ts";
import type { WriteOperation } from "../batch.ts";
import { VALUE_BYTE_LENGTH_MAX } from "../limits.ts";
import type { RowTable } from "../storage.ts";
import { PLACED_VALUE_BYTE_LENGTH_MIN } from "./limits.ts";

/** The table whose larger values lie in files. */
export const PLACED_TABLE: RowTable = "block";

/** More offsets than a segment has bytes before the last value in it begins. */
const OFFSET_COUNT = 2 ** 28;

/** Numbers of segments: so that a place is a safe integer. */
const SEGMENT_COUNT = 2 ** 25;

/** A stretch of a segment, and the checksum of the row whose value it is. */
export interface Place {
  /** Number of the segment. */
  readonly segment: number;
  /** Where the value begins in it. */
  readonly offset: number;
  /** Length of the value, bytes. */
  readonly byteLength: number;
  /** As `rowSum` has it: signed 32 bits. */
  readonly sum: number;
}

/** Stores a row whose value is in a file already. */
export interface PlaceRow {
  readonly kind: "placeRow";
  readonly table: RowTable;
  readonly owner: number;
  readonly index: number;
  readonly place: Place;
}

/** A write as it stands in the journal and goes to the database. */
export type StoredOperation = WriteOperation | PlaceRow;

/** Whether the value of `operation` goes to a file of values, where the batch may have some. */
export function isPlaced(operation: WriteOperation): operation is WriteOperation & { kind: "putRow" } {
  return operation.kind === "putRow" && operation.table === PLACED_TABLE &&
    isBytes(operation.value) && operation.value.byteLength >= PLACED_VALUE_BYTE_LENGTH_MIN;
}

/** Segment and offset as one number. */
export function placeNumber({ segment, offset }: Pick<Place, "segment" | "offset">): number {
  return segment * OFFSET_COUNT + offset;
}

/** The smallest number of a place in `segment`. */
export function firstPlaceNumber(segment: number): number {
  return placeNumber({ segment, offset: 0 });
}

/** The place of a row of the database; `null` when there can be none like it. */
export function placeOf(number: number, byteLength: number, sum: number): Place | null {
  const place = {
    segment: Math.floor(number / OFFSET_COUNT),
    offset: number % OFFSET_COUNT,
    byteLength,
    sum,
  };
  return isPlace(place) ? place : null;
}

/** Whether `place` can be one, wherever it comes from. */
export function isPlace({ segment, offset, byteLength }: Place): boolean {
  return isCount(segment, SEGMENT_COUNT) && isCount(offset, OFFSET_COUNT) &&
    isCount(byteLength, VALUE_BYTE_LENGTH_MAX + 1);
}

function isCount(value: number, end: number): boolean {
  return Number.isInteger(value) && value >= 0 && value < end;
}

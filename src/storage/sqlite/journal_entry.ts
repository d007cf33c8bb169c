/**
 * Entries of the journal as bytes; `docs/spec/storage.md` has the tables.
 *
 * @module
 */
import { isBytes } from "../../base/mod.ts";
import type { WriteOperation } from "../batch.ts";
import { badType } from "../errors.ts";
import { RECORD_TABLES, ROW_TABLES } from "../storage.ts";
import { isPlace, isPlaced, PLACED_TABLE, type StoredOperation } from "./place.ts";
import type { SqliteRuntime } from "./runtime.ts";

/** Format of the entries written; those of format 1 have no values in files, and are read as well. */
export const JOURNAL_FORMAT = 2;

/** Length of what stands before an entry's operations, bytes. */
export const ENTRY_HEADER_BYTE_LENGTH = 32;

/** No entry is longer, bytes; so that looking for one in damaged bytes takes bounded time. */
export const ENTRY_BYTE_LENGTH_MAX: number = 1024 * 1024;

/** "QNCJ" as it stands in the file. */
const MAGIC = [0x51, 0x4e, 0x43, 0x4a] as const;
const MAGIC_NUMBER = 0x4a434e51;
const MAGIC_BYTES = Uint8Array.from(MAGIC);

/** Where the checksum begins: after the magic and itself. */
const SUMMED_OFFSET = 8;

const PUT_ROW = 1;
const DELETE_ROW = 2;
const PUT_RECORD = 3;
const DELETE_RECORD = 4;
const PLACE_ROW = 5;

const PUT_ROW_BYTE_LENGTH = 16;
const DELETE_ROW_BYTE_LENGTH = 12;
const PUT_RECORD_BYTE_LENGTH = 12;
const DELETE_RECORD_BYTE_LENGTH = 8;
const PLACE_ROW_BYTE_LENGTH = 28;

const ROW_TABLE_NUMBERS = numbersOf(ROW_TABLES);
const RECORD_TABLE_NUMBERS = numbersOf(RECORD_TABLES);

const ROW_KINDS = { putRow: PUT_ROW, deleteRow: DELETE_ROW, placeRow: PLACE_ROW } as const;
const ROW_HEADER_BYTE_LENGTHS = {
  [PUT_ROW]: PUT_ROW_BYTE_LENGTH,
  [DELETE_ROW]: DELETE_ROW_BYTE_LENGTH,
  [PLACE_ROW]: PLACE_ROW_BYTE_LENGTH,
} as const;

/** The checksum of an entry's bytes. */
export type EntrySum = (bytes: Uint8Array) => number;

/**
 * The checksum of a store's entries: CRC-32 begun with the store's own random number, so that no block by somebody
 * else that looks like an entry is taken for one when the file is damaged.
 */
export function entrySum(crc32: SqliteRuntime["crc32"], salt: number): EntrySum {
  return (bytes) => crc32(bytes, salt);
}

/** An entry found in a file. */
export interface JournalEntry {
  /** Its format; one that is not {@linkcode JOURNAL_FORMAT} is not to be decoded. */
  readonly format: number;
  /** Number of the write, counted over the life of the store. */
  readonly sequence: number;
  /** Up to which write all were known to be durable when this one was written. */
  readonly durableSequence: number;
  /** The encoded operations: a view. */
  readonly body: Uint8Array;
  /** Where in the searched bytes it begins. */
  readonly start: number;
  /** Where in the searched bytes it ends, exclusive. */
  readonly end: number;
}

/**
 * How many bytes the entry of `operations` takes, header included, and without the values that go to files; `null` when
 * one of them is a range deletion, which the journal does not take.
 *
 * @throws {TypeError} `BAD_ARGUMENT` when one of them is no operation.
 */
export function entryByteLength(operations: readonly WriteOperation[]): number | null {
  let byteLength = ENTRY_HEADER_BYTE_LENGTH;
  for (const operation of operations) {
    switch (operation.kind) {
      case "putRow":
        byteLength += isPlaced(operation)
          ? PLACE_ROW_BYTE_LENGTH
          : PUT_ROW_BYTE_LENGTH + lengthOf(operation.value);
        break;
      case "deleteRow":
        byteLength += DELETE_ROW_BYTE_LENGTH;
        break;
      case "putRecord":
        byteLength += PUT_RECORD_BYTE_LENGTH + lengthOf(operation.key) + lengthOf(operation.value);
        break;
      case "deleteRecord":
        byteLength += DELETE_RECORD_BYTE_LENGTH + lengthOf(operation.key);
        break;
      default:
        return null;
    }
  }
  return byteLength;
}

/** A buffer that entries are encoded into. */
export interface EntryBuffer {
  readonly bytes: Uint8Array;
  readonly view: DataView;
}

/** What {@linkcode encodeEntry} writes, and where. */
export interface EntryOptions {
  readonly sequence: number;
  readonly durableSequence: number;
  readonly operations: readonly StoredOperation[];
  /** Where to begin. */
  readonly start: number;
  /** Where it ends: `start` plus {@linkcode entryByteLength}. */
  readonly end: number;
}

/** Encodes an entry into `target`. */
export function encodeEntry(sum: EntrySum, target: EntryBuffer, entry: EntryOptions): void {
  const { bytes, view } = target;
  const { start, end } = entry;
  view.setUint32(start, MAGIC_NUMBER, true);
  view.setUint32(start + 8, end - start, true);
  view.setUint32(start + 12, JOURNAL_FORMAT, true);
  setUint64(view, start + 16, entry.sequence);
  setUint64(view, start + 24, entry.durableSequence);
  let offset = start + ENTRY_HEADER_BYTE_LENGTH;
  for (const operation of entry.operations) offset = encodeOperation(target, offset, operation);
  view.setUint32(start + 4, sum(bytes.subarray(start + SUMMED_OFFSET, end)), true);
}

/** Reads the entry that begins at `start`; `null` when there is none, or not a whole and unharmed one. */
export function entryAt(
  sum: EntrySum,
  bytes: Uint8Array,
  start: number,
): JournalEntry | null {
  if (bytes.byteLength - start < ENTRY_HEADER_BYTE_LENGTH) return null;
  if (MAGIC.some((byte, i) => bytes[start + i] !== byte)) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const end = start + view.getUint32(start + 8, true);
  if (end < start + ENTRY_HEADER_BYTE_LENGTH || end > bytes.byteLength) return null;
  if (end > start + ENTRY_BYTE_LENGTH_MAX) return null;
  if (sum(bytes.subarray(start + SUMMED_OFFSET, end)) !== view.getUint32(start + 4, true)) return null;
  return {
    format: view.getUint32(start + 12, true),
    sequence: getUint64(view, start + 16),
    durableSequence: getUint64(view, start + 24),
    body: bytes.subarray(start + ENTRY_HEADER_BYTE_LENGTH, end),
    start,
    end,
  };
}

/** Finds where an entry may begin, at `start` or after; -1 when nowhere. */
export function entryStart(bytes: Uint8Array, start: number): number {
  for (
    let at = bytes.indexOf(MAGIC_BYTES[0]!, start);
    at !== -1;
    at = bytes.indexOf(MAGIC_BYTES[0]!, at + 1)
  ) {
    if (MAGIC.every((byte, i) => bytes[at + i] === byte)) return at;
  }
  return -1;
}

/** Decodes the operations of an entry whose checksum held; keys and values are views. `null` when they make no sense. */
export function decodeOperations(body: Uint8Array): StoredOperation[] | null {
  const { buffer, byteOffset, byteLength } = body;
  const view = new DataView(buffer, byteOffset, byteLength);
  const operations: StoredOperation[] = [];
  let offset = 0;
  while (offset < byteLength) {
    if (byteLength - offset < DELETE_RECORD_BYTE_LENGTH) return null;
    const kind = view.getUint8(offset);
    if (kind === PUT_ROW || kind === DELETE_ROW || kind === PLACE_ROW) {
      const headerByteLength = ROW_HEADER_BYTE_LENGTHS[kind];
      const table = ROW_TABLES[view.getUint8(offset + 1)];
      if (table === undefined || byteLength - offset < headerByteLength) return null;
      const index = view.getUint16(offset + 2, true) * 0x1_0000_0000 + view.getUint32(offset + 4, true);
      const owner = view.getUint32(offset + 8, true);
      if (kind === DELETE_ROW) {
        operations.push({ kind: "deleteRow", table, owner, index });
        offset += headerByteLength;
        continue;
      }
      if (kind === PLACE_ROW) {
        const place = {
          segment: view.getUint32(offset + 20, true),
          offset: view.getUint32(offset + 24, true),
          byteLength: view.getUint32(offset + 12, true),
          sum: view.getInt32(offset + 16, true),
        };
        if (table !== PLACED_TABLE || !isPlace(place)) return null;
        operations.push({ kind: "placeRow", table, owner, index, place });
        offset += headerByteLength;
        continue;
      }
      const start = offset + headerByteLength;
      const length = view.getUint32(offset + 12, true);
      if (length > byteLength - start) return null;
      const value = new Uint8Array(buffer, byteOffset + start, length);
      operations.push({ kind: "putRow", table, owner, index, value });
      offset = start + length;
    } else if (kind === PUT_RECORD || kind === DELETE_RECORD) {
      const headerByteLength = kind === PUT_RECORD ? PUT_RECORD_BYTE_LENGTH : DELETE_RECORD_BYTE_LENGTH;
      const table = RECORD_TABLES[view.getUint8(offset + 1)];
      if (table === undefined || byteLength - offset < headerByteLength) return null;
      const keyLength = view.getUint32(offset + 4, true);
      const valueLength = kind === PUT_RECORD ? view.getUint32(offset + 8, true) : 0;
      const start = offset + headerByteLength;
      if (keyLength + valueLength > byteLength - start) return null;
      const key = new Uint8Array(buffer, byteOffset + start, keyLength);
      if (kind === DELETE_RECORD) operations.push({ kind: "deleteRecord", table, key });
      else {
        const value = new Uint8Array(buffer, byteOffset + start + keyLength, valueLength);
        operations.push({ kind: "putRecord", table, key, value });
      }
      offset = start + keyLength + valueLength;
    } else return null;
  }
  return operations;
}

function encodeOperation({ bytes, view }: EntryBuffer, offset: number, operation: StoredOperation): number {
  switch (operation.kind) {
    case "putRow":
    case "deleteRow":
    case "placeRow": {
      const kind = ROW_KINDS[operation.kind];
      view.setUint8(offset, kind);
      view.setUint8(offset + 1, ROW_TABLE_NUMBERS[operation.table]);
      view.setUint16(offset + 2, operation.index / 0x1_0000_0000, true);
      view.setUint32(offset + 4, operation.index >>> 0, true);
      view.setUint32(offset + 8, operation.owner, true);
      if (operation.kind === "deleteRow") return offset + DELETE_ROW_BYTE_LENGTH;
      if (operation.kind === "placeRow") {
        const { place } = operation;
        view.setUint32(offset + 12, place.byteLength, true);
        view.setInt32(offset + 16, place.sum, true);
        view.setUint32(offset + 20, place.segment, true);
        view.setUint32(offset + 24, place.offset, true);
        return offset + PLACE_ROW_BYTE_LENGTH;
      }
      view.setUint32(offset + 12, operation.value.byteLength, true);
      bytes.set(operation.value, offset + PUT_ROW_BYTE_LENGTH);
      return offset + PUT_ROW_BYTE_LENGTH + operation.value.byteLength;
    }
    case "putRecord":
    case "deleteRecord": {
      const isPut = operation.kind === "putRecord";
      const { key } = operation;
      view.setUint8(offset, isPut ? PUT_RECORD : DELETE_RECORD);
      view.setUint8(offset + 1, RECORD_TABLE_NUMBERS[operation.table]);
      view.setUint16(offset + 2, 0);
      view.setUint32(offset + 4, key.byteLength, true);
      if (!isPut) {
        bytes.set(key, offset + DELETE_RECORD_BYTE_LENGTH);
        return offset + DELETE_RECORD_BYTE_LENGTH + key.byteLength;
      }
      view.setUint32(offset + 8, operation.value.byteLength, true);
      bytes.set(key, offset + PUT_RECORD_BYTE_LENGTH);
      bytes.set(operation.value, offset + PUT_RECORD_BYTE_LENGTH + key.byteLength);
      return offset + PUT_RECORD_BYTE_LENGTH + key.byteLength + operation.value.byteLength;
    }
    default:
      throw badType(`The journal takes no ${operation.kind}`);
  }
}

function lengthOf(value: Uint8Array): number {
  if (!isBytes(value)) throw badType(`Stored value must be a Uint8Array, got ${typeof value}`);
  return value.byteLength;
}

function setUint64(view: DataView, offset: number, value: number): void {
  view.setUint32(offset, value >>> 0, true);
  view.setUint32(offset + 4, value / 0x1_0000_0000, true);
}

function getUint64(view: DataView, offset: number): number {
  return view.getUint32(offset + 4, true) * 0x1_0000_0000 + view.getUint32(offset, true);
}

function numbersOf<Name extends string>(names: readonly Name[]): Readonly<Record<Name, number>> {
  return Object.fromEntries(names.map((name, number) => [name, number])) as Record<Name, number>;
}

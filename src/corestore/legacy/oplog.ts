/**
 * The `oplog` of hypercore 10: two slots for headers, then entries since. Bytes in, content out. Source: `hypercore`
 * 10.38.2 (`lib/oplog.js`). Byte table: `docs/spec/corestore.md`.
 *
 * @module
 */
import { crc32 } from "../../crypto/mod.ts";
import {
  decodeEntry,
  decodeHeader,
  type ExternalHeader,
  type LegacyEntry,
  type LegacyHeader,
} from "./messages.ts";

const SLOT_BYTES = 4096;
const ENTRIES_START = 2 * SLOT_BYTES;
/** Checksum, then length and two bits. */
const FRAME_HEAD_BYTES = 8;

/** What an oplog holds. */
export interface Oplog {
  /** The header that counts; null where neither slot can be read. */
  readonly header: LegacyHeader | ExternalHeader | null;
  /** Entries since, whole batches only. */
  readonly entries: readonly LegacyEntry[];
  /**
   * Whether something was written that cannot be read any more: a slot of the two, or an entry that is there whole. An
   * entry that is cut off by the end of the file is no damage: it was being written when the process died.
   */
  readonly isDamaged: boolean;
}

interface Frame {
  readonly bit: number;
  readonly isPartial: boolean;
  readonly payload: Uint8Array;
  readonly end: number;
}

/** Reads an oplog; what cannot be read is left out. */
export function readOplog(bytes: Uint8Array): Oplog {
  const first = readSlot(bytes, 0);
  const second = readSlot(bytes, SLOT_BYTES);
  if (first === null && second === null) {
    return { header: null, entries: [], isDamaged: bytes.byteLength > 0 };
  }
  // A slot that is missing has the bit that makes the other one count.
  const firstBit = first?.bit ?? (second!.bit + 1) & 1;
  const secondBit = second?.bit ?? first!.bit;
  const bit = (firstBit + secondBit) & 1;
  const header = bit === 1 ? second! : first!;
  const { entries, isDamaged } = readEntries(bytes, bit);
  const isSlotDamaged = isWritten(bytes, 0) && first === null ||
    isWritten(bytes, SLOT_BYTES) && second === null;
  return { header: header.header, entries, isDamaged: isDamaged || isSlotDamaged };
}

function readSlot(
  bytes: Uint8Array,
  at: number,
): { bit: number; header: LegacyHeader | ExternalHeader } | null {
  const frame = readFrame(bytes, at);
  if (frame === null) return null;
  try {
    return { bit: frame.bit, header: decodeHeader(frame.payload) };
  } catch {
    return null;
  }
}

function readEntries(bytes: Uint8Array, bit: number): { entries: LegacyEntry[]; isDamaged: boolean } {
  const entries: LegacyEntry[] = [];
  /** Entries that end with a whole batch. */
  let wholeCount = 0;
  let at = ENTRIES_START;
  while (at < bytes.byteLength) {
    const frame = readFrame(bytes, at);
    if (frame === null) return { entries: entries.slice(0, wholeCount), isDamaged: !isCutOff(bytes, at) };
    // Left behind by an earlier header.
    if (frame.bit !== bit) break;
    try {
      entries.push(decodeEntry(frame.payload));
    } catch {
      return { entries: entries.slice(0, wholeCount), isDamaged: true };
    }
    if (!frame.isPartial) wholeCount = entries.length;
    at = frame.end;
  }
  return { entries: entries.slice(0, wholeCount), isDamaged: false };
}

/** The frame at `at`; null where there is none, or its checksum is another one. */
function readFrame(bytes: Uint8Array, at: number): Frame | null {
  const start = at + FRAME_HEAD_BYTES;
  if (start > bytes.byteLength) return null;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const word = view.getUint32(at + 4, true);
  const end = start + (word >>> 2);
  if (end > bytes.byteLength || crc32(bytes.subarray(at + 4, end)) !== view.getUint32(at, true)) return null;
  return { bit: word & 1, isPartial: (word & 2) !== 0, payload: bytes.subarray(start, end), end };
}

/** Whether the frame at `at` reaches past the end of the file. */
function isCutOff(bytes: Uint8Array, at: number): boolean {
  const start = at + FRAME_HEAD_BYTES;
  if (start > bytes.byteLength) return true;
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return start + (view.getUint32(at + 4, true) >>> 2) > bytes.byteLength;
}

function isWritten(bytes: Uint8Array, at: number): boolean {
  return bytes.subarray(at, at + FRAME_HEAD_BYTES).some((byte) => byte !== 0);
}

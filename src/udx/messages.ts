/**
 * The wire format of a UDX packet: 20 bytes of header, then selective acknowledgements or padding, then data.
 *
 * Source: libudx include/udx.h and src/udx.c; byte tables in docs/spec/udx.md.
 *
 * @module
 */
import { HEADER_BYTES, SACK_RANGES_MAX } from "./limits.ts";

/** First byte of every packet. */
export const MAGIC = 0xff;
/** Second byte of every packet. */
export const VERSION = 1;

/** Carries stream data. */
export const FLAG_DATA = 1;
/** Nothing follows this packet. */
export const FLAG_END = 2;
/** Selective acknowledgements follow the header. */
export const FLAG_SACK = 4;
/** Carries an unordered message. */
export const FLAG_MESSAGE = 8;
/** The sender dropped the stream. */
export const FLAG_DESTROY = 16;
/** Asks for an acknowledgement. */
export const FLAG_HEARTBEAT = 32;

/** The header's fields. */
export interface PacketHeader {
  /** Sum of `FLAG_…`. */
  readonly flags: number;
  /** Bytes between the header and the data. */
  readonly dataOffset: number;
  /** The receiver's stream id. */
  readonly streamId: number;
  /** Bytes that the sender is ready to receive beyond `ack`. */
  readonly windowBytes: number;
  /** This packet's sequence number; of packets without data or end, the next one to be used. */
  readonly seq: number;
  /** The next sequence number that the sender expects. */
  readonly ack: number;
}

/** A decoded packet: views into the datagram, valid as long as that is. One object serves many packets. */
export class PacketView implements PacketHeader {
  flags = 0;
  dataOffset = 0;
  streamId = 0;
  windowBytes = 0;
  seq = 0;
  ack = 0;
  /** The datagram. */
  bytes: Uint8Array = new Uint8Array(0);
  /** Where the payload begins in `bytes`; past the end when the data offset lies. */
  payloadStart = 0;
  /** Acknowledged ranges that follow the header. */
  sackCount = 0;

  /** The data or message, a view. */
  get payload(): Uint8Array {
    return this.bytes.subarray(this.payloadStart);
  }

  /** First sequence number of a range. */
  sackStart(index: number): number {
    return readUint32(this.bytes, HEADER_BYTES + 8 * index);
  }

  /** Sequence number after the last of a range. */
  sackEnd(index: number): number {
    return readUint32(this.bytes, HEADER_BYTES + 8 * index + 4);
  }
}

/** Decodes `bytes` into `view`; false when this is no UDX packet. Never throws. */
export function decodePacket(bytes: Uint8Array, view: PacketView): boolean {
  if (bytes.length < HEADER_BYTES || bytes[0] !== MAGIC || bytes[1] !== VERSION) return false;
  const flags = bytes[2]!;
  const dataOffset = bytes[3]!;
  view.bytes = bytes;
  view.flags = flags;
  view.dataOffset = dataOffset;
  view.streamId = readUint32(bytes, 4);
  view.windowBytes = readUint32(bytes, 8);
  view.seq = readUint32(bytes, 12);
  view.ack = readUint32(bytes, 16);
  view.payloadStart = HEADER_BYTES + dataOffset;
  view.sackCount = 0;
  if (flags & FLAG_SACK) {
    // Compat: without a data offset the ranges take all that follows (libudx src/udx.c).
    const rest = bytes.length - HEADER_BYTES;
    const sackBytes = dataOffset > 0 && dataOffset < rest ? dataOffset : rest;
    view.sackCount = Math.min(sackBytes >> 3, SACK_RANGES_MAX);
  }
  return true;
}

/** Writes a header at the beginning of `target`. */
export function encodeHeader(
  target: Uint8Array,
  flags: number,
  dataOffset: number,
  streamId: number,
  windowBytes: number,
  seq: number,
  ack: number,
): void {
  target[0] = MAGIC;
  target[1] = VERSION;
  target[2] = flags;
  target[3] = dataOffset;
  writeUint32(target, 4, streamId);
  writeUint32(target, 8, windowBytes);
  writeUint32(target, 12, seq);
  writeUint32(target, 16, ack);
}

/** Reads a little-endian 32-bit number. */
export function readUint32(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! | bytes[offset + 1]! << 8 | bytes[offset + 2]! << 16 | bytes[offset + 3]! << 24) >>>
    0;
}

/** Writes a little-endian 32-bit number. */
export function writeUint32(bytes: Uint8Array, offset: number, value: number): void {
  bytes[offset] = value;
  bytes[offset + 1] = value >>> 8;
  bytes[offset + 2] = value >>> 16;
  bytes[offset + 3] = value >>> 24;
}

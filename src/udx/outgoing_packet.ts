/**
 * A data packet between its first transmission and its acknowledgement.
 *
 * @module
 */
import { HEADER_BYTES } from "./limits.ts";
import type { SharedPath } from "./shared_path.ts";

/** Where packets of a stream go: what the machine has to know of it; drivers add what they need. */
export interface PacketPath {
  /** Bytes of IP, UDP and UDX headers on this path. */
  readonly overheadBytes: number;
  /** What the streams on the path have in common; without it a stream keeps to itself. */
  readonly shared?: SharedPath;
}

/** A datagram to send. */
export interface Transmit<Path extends PacketPath> {
  /** The datagram. */
  readonly bytes: Uint8Array;
  /** Where to. */
  readonly path: Path;
}

/** A packet with data or the end of the stream; the objects are used again and again. */
export class OutgoingPacket<Path extends PacketPath> implements Transmit<Path> {
  seq = 0;
  bytes: Uint8Array = EMPTY;
  /** Of the latest transmission: what is repeated takes the path that the stream has by then. */
  path!: Path;
  flags = 0;
  /** Padding between header and data: this packet probes the path's MTU. */
  paddingBytes = 0;
  /** Position in the stream of the first byte after this packet's data. */
  endOffset = 0;
  /** Counts transmissions of the stream: the exact order in which packets left. */
  sendIndex = 0;
  sentAtMs = 0;
  isLost = false;
  wasRetransmitted = false;
  timeoutCount = 0;

  // What the rate sampler knew when the packet left.
  deliveredCount = 0;
  deliveredAtMs = 0;
  firstSentAtMs = 0;
  isAppLimited = false;

  // Neighbours in the list of packets in flight, in order of transmission.
  previous: OutgoingPacket<Path> | null = null;
  next: OutgoingPacket<Path> | null = null;

  /** Bytes that count as in flight: header and data. */
  get byteLength(): number {
    return this.bytes.length - this.paddingBytes;
  }

  /** Takes the padding out of a probe that got lost, so that the data passes where the probe did not. */
  removePadding(): void {
    this.bytes.copyWithin(this.paddingBytes, 0, HEADER_BYTES);
    this.bytes = this.bytes.subarray(this.paddingBytes);
    this.paddingBytes = 0;
  }

  /** Number of data bytes. */
  get payloadLength(): number {
    return this.bytes.length - HEADER_BYTES - this.paddingBytes;
  }

  /** Forgets everything, for the next use. */
  reset(): void {
    this.bytes = EMPTY;
    this.paddingBytes = 0;
    this.isLost = false;
    this.wasRetransmitted = false;
    this.timeoutCount = 0;
    this.previous = null;
    this.next = null;
  }
}

const EMPTY = new Uint8Array(0);

/**
 * Packets that arrived before their turn, and the ranges that tell the peer so.
 *
 * @module
 */
import { MTU_MAX, RECEIVE_PACKETS_MAX, SACK_RANGES_MAX } from "./limits.ts";
import { writeUint32 } from "./messages.ts";
import { seqAdd, seqDiff } from "./sequence.ts";

/** A range is news in so many acknowledgements, because some of these get lost. */
const REPORTS_MAX = 3;

/** Payloads of this size and more are kept in slots that are used again; smaller ones would waste them. */
const SLOT_PAYLOAD_MIN_BYTES = MTU_MAX / 2;

/** Slots that are kept while nothing is early. */
const IDLE_SLOTS_MAX = 8;

interface EarlyPacket {
  flags: number;
  /** Valid until the next packet is inserted. */
  payload: Uint8Array;
}

/** An early packet with memory for a full payload, which `payload` is the beginning of. */
interface Slot extends EarlyPacket {
  readonly bytes: Uint8Array;
}

/** Consecutive packets that are here; the end is exclusive. */
interface Range {
  start: number;
  end: number;
  /** How often the range was reported since it last changed. */
  reportCount: number;
}

/** Puts packets in order. */
export class ReceiveBuffer {
  readonly #early = new Map<number, EarlyPacket | Slot>();
  /** Behind a lost packet a whole round trip's worth is early: allocating for each costs more than all else here. */
  readonly #freeSlots: Slot[] = [];
  /** Ascending, disjoint, with gaps between them. */
  #ranges: Range[] = [];
  #nextSeq = 0;
  #byteLength = 0;

  /** The next sequence number in order (`RCV.NXT`). */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** Bytes held out of order. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Whether packets wait for an earlier one. */
  get hasGap(): boolean {
    return this.#early.size > 0;
  }

  /** Starts at `seq`; only before the first packet. */
  start(seq: number): void {
    this.#nextSeq = seq >>> 0;
  }

  /** The packet with the next number was consumed. */
  advance(): void {
    this.#nextSeq = seqAdd(this.#nextSeq, 1);
  }

  /**
   * Keeps a copy of a packet that is not the next one; false when it is old, known, too far ahead or when there
   * is no room for its bytes.
   */
  insert(seq: number, flags: number, payload: Uint8Array, roomBytes: number): boolean {
    const distance = seqDiff(seq, this.#nextSeq);
    if (distance < 0 || distance >= RECEIVE_PACKETS_MAX) return false;
    if (this.#byteLength + payload.length > roomBytes || this.#early.has(seq)) return false;
    this.#early.set(seq, this.#keep(flags, payload));
    this.#byteLength += payload.length;
    this.#addToRanges(seq);
    return true;
  }

  /** Takes the next packet in order, if it is here; valid until the next insertion. */
  shift(): EarlyPacket | null {
    const first = this.#ranges[0];
    if (!first || first.start !== this.#nextSeq) return null;
    const packet = this.#early.get(this.#nextSeq)!;
    this.#early.delete(this.#nextSeq);
    this.#byteLength -= packet.payload.length;
    if ("bytes" in packet) this.#freeSlots.push(packet);
    if (this.#early.size === 0 && this.#freeSlots.length > IDLE_SLOTS_MAX) {
      this.#freeSlots.length = IDLE_SLOTS_MAX;
    }
    this.advance();
    first.start = this.#nextSeq;
    if (first.start === first.end) this.#ranges.shift();
    return packet;
  }

  /**
   * Writes received ranges into `target`, ascending, and returns how many. When not all fit, those that the peer
   * does not know come first: what it was told before it remembers.
   */
  writeRanges(target: Uint8Array, offset: number): number {
    const chosen = this.#ranges.length <= SACK_RANGES_MAX ? this.#ranges : this.#newestRanges();
    for (let i = 0; i < chosen.length; i++) {
      const range = chosen[i]!;
      range.reportCount++;
      writeUint32(target, offset + 8 * i, range.start);
      writeUint32(target, offset + 8 * i + 4, range.end);
    }
    return chosen.length;
  }

  /** Forgets the packets. */
  clear(): void {
    this.#early.clear();
    this.#freeSlots.length = 0;
    this.#ranges = [];
    this.#byteLength = 0;
  }

  #keep(flags: number, payload: Uint8Array): EarlyPacket | Slot {
    const { length } = payload;
    if (length < SLOT_PAYLOAD_MIN_BYTES || length > MTU_MAX) return { flags, payload: payload.slice() };
    const slot = this.#freeSlots.pop() ?? createSlot();
    slot.flags = flags;
    slot.bytes.set(payload);
    if (slot.payload.length !== length) slot.payload = slot.bytes.subarray(0, length);
    return slot;
  }

  #addToRanges(seq: number): void {
    const ranges = this.#ranges;
    let index = ranges.length;
    while (index > 0 && seqDiff(ranges[index - 1]!.start, seq) > 0) index--;
    const before = ranges[index - 1];
    const after = ranges[index];
    const end = seqAdd(seq, 1);
    if (before && before.end === seq) {
      before.end = end;
      before.reportCount = 0;
      if (after && after.start === end) {
        before.end = after.end;
        ranges.splice(index, 1);
      }
    } else if (after && after.start === end) {
      after.start = seq;
      after.reportCount = 0;
    } else {
      ranges.splice(index, 0, { start: seq, end, reportCount: 0 });
    }
  }

  #newestRanges(): Range[] {
    const byNews: Range[][] = Array.from({ length: REPORTS_MAX + 1 }, () => []);
    for (const range of this.#ranges) byNews[Math.min(range.reportCount, REPORTS_MAX)]!.push(range);
    const chosen = byNews.flat().slice(0, SACK_RANGES_MAX);
    return chosen.sort((a, b) => seqDiff(a.start, b.start));
  }
}

function createSlot(): Slot {
  const bytes = new Uint8Array(MTU_MAX);
  return { flags: 0, payload: bytes, bytes };
}

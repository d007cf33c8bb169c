/**
 * The packets that were sent and are not acknowledged: by sequence number, in order of transmission, and the lost
 * ones that wait to be sent again.
 *
 * @module
 */
import { OutgoingPacket, type PacketPath } from "./outgoing_packet.ts";
import { seqAdd, seqDiff } from "./sequence.ts";

const INITIAL_CAPACITY = 64;
const POOL_MAX = 1024;

/** Keeps account of a stream's unacknowledged packets. */
export class Scoreboard<Path extends PacketPath> {
  #ring: (OutgoingPacket<Path> | null)[] = new Array(INITIAL_CAPACITY).fill(null);
  #mask = INITIAL_CAPACITY - 1;
  #nextSeq = 0;
  #ackedSeq = 0;
  #oldest: OutgoingPacket<Path> | null = null;
  #newest: OutgoingPacket<Path> | null = null;
  #inFlightCount = 0;
  #inFlightBytes = 0;
  #lost: OutgoingPacket<Path>[] = [];
  #lostHead = 0;
  #sackedCount = 0;
  readonly #pool: OutgoingPacket<Path>[] = [];

  /** Sequence number of the next new packet (`SND.NXT`). */
  get nextSeq(): number {
    return this.#nextSeq;
  }

  /** First sequence number that is not acknowledged (`SND.UNA`). */
  get ackedSeq(): number {
    return this.#ackedSeq;
  }

  /** Nothing is waiting for an acknowledgement. */
  get isEmpty(): boolean {
    return this.#nextSeq === this.#ackedSeq;
  }

  /** Sequence numbers from the first unacknowledged to the next new one. */
  get unackedCount(): number {
    return seqDiff(this.#nextSeq, this.#ackedSeq);
  }

  /** Packets believed to be on their way. */
  get inFlightCount(): number {
    return this.#inFlightCount;
  }

  /** Their bytes. */
  get inFlightBytes(): number {
    return this.#inFlightBytes;
  }

  /** Packets acknowledged selectively, beyond {@linkcode Scoreboard.ackedSeq}. */
  get sackedCount(): number {
    return this.#sackedCount;
  }

  /** The packet that left first of those in flight. */
  get oldest(): OutgoingPacket<Path> | null {
    return this.#oldest;
  }

  /** The packet that left last of those in flight. */
  get newest(): OutgoingPacket<Path> | null {
    return this.#newest;
  }

  /** Starts at `seq`; only before the first packet. */
  start(seq: number): void {
    this.#nextSeq = this.#ackedSeq = seq >>> 0;
  }

  /** The unacknowledged packet with this number, if there is one. */
  get(seq: number): OutgoingPacket<Path> | null {
    const packet = this.#ring[seq & this.#mask];
    return packet && packet.seq === seq ? packet : null;
  }

  /** A packet object for the next number; it joins the flight with {@linkcode Scoreboard.addSent}. */
  create(): OutgoingPacket<Path> {
    const packet = this.#pool.pop() ?? new OutgoingPacket<Path>();
    packet.seq = this.#nextSeq;
    this.#nextSeq = seqAdd(this.#nextSeq, 1);
    if (seqDiff(this.#nextSeq, this.#ackedSeq) > this.#ring.length) this.#grow();
    this.#ring[packet.seq & this.#mask] = packet;
    return packet;
  }

  /** Skips a number: of a packet that is never sent again. */
  skip(): void {
    this.#nextSeq = seqAdd(this.#nextSeq, 1);
  }

  /** The packet left just now, for the first time or again. */
  addSent(packet: OutgoingPacket<Path>): void {
    packet.previous = this.#newest;
    packet.next = null;
    if (this.#newest) this.#newest.next = packet;
    else this.#oldest = packet;
    this.#newest = packet;
    this.#inFlightCount++;
    this.#inFlightBytes += packet.byteLength;
  }

  /** Takes a packet out of the flight, to send it again at once. */
  recall(packet: OutgoingPacket<Path>): void {
    this.#unlink(packet);
  }

  /** A packet in flight counts as lost from now on. */
  markLost(packet: OutgoingPacket<Path>): void {
    this.#unlink(packet);
    packet.isLost = true;
    this.#lost.push(packet);
  }

  /** The lost packet to send first, if any. */
  peekLost(): OutgoingPacket<Path> | null {
    while (this.#lostHead < this.#lost.length) {
      const packet = this.#lost[this.#lostHead]!;
      // Acknowledged after all, and perhaps in use again under another number.
      if (packet.isLost && this.get(packet.seq) === packet) return packet;
      this.#lostHead++;
    }
    if (this.#lostHead > 0) {
      this.#lost = [];
      this.#lostHead = 0;
    }
    return null;
  }

  /** Removes what {@linkcode Scoreboard.peekLost} returned. */
  shiftLost(): void {
    this.#lost[this.#lostHead++]!.isLost = false;
  }

  /** Lost packets are sent in the order of the stream: the first of them is what the receiver waits for. */
  sortLost(): void {
    this.#lost = this.#lost.slice(this.#lostHead).filter((packet) => packet.isLost);
    this.#lostHead = 0;
    this.#lost.sort((a, b) => seqDiff(a.seq, b.seq));
  }

  /**
   * Removes an acknowledged packet. The caller reads what it needs from the packet and gives it back with
   * {@linkcode Scoreboard.release}.
   */
  take(seq: number, isSelective: boolean): OutgoingPacket<Path> | null {
    const packet = this.get(seq);
    if (!packet) {
      if (!isSelective && this.#sackedCount > 0) this.#sackedCount--;
      return null;
    }
    this.#ring[seq & this.#mask] = null;
    if (isSelective) this.#sackedCount++;
    if (packet.isLost) packet.isLost = false;
    else this.#unlink(packet);
    return packet;
  }

  /** Gives a packet object back. */
  release(packet: OutgoingPacket<Path>): void {
    packet.reset();
    if (this.#pool.length < POOL_MAX) this.#pool.push(packet);
  }

  /** Everything before `seq` is acknowledged. */
  advance(seq: number): void {
    this.#ackedSeq = seq;
  }

  /** Forgets all packets. */
  clear(): void {
    this.#ring = [];
    this.#mask = 0;
    this.#oldest = this.#newest = null;
    this.#inFlightCount = this.#inFlightBytes = this.#sackedCount = 0;
    this.#lost = [];
    this.#lostHead = 0;
    this.#ackedSeq = this.#nextSeq;
    this.#pool.length = 0;
  }

  #unlink(packet: OutgoingPacket<Path>): void {
    if (packet.previous) packet.previous.next = packet.next;
    else this.#oldest = packet.next;
    if (packet.next) packet.next.previous = packet.previous;
    else this.#newest = packet.previous;
    packet.previous = packet.next = null;
    this.#inFlightCount--;
    this.#inFlightBytes -= packet.byteLength;
  }

  #grow(): void {
    const old = this.#ring;
    this.#ring = new Array(old.length * 2).fill(null);
    this.#mask = this.#ring.length - 1;
    for (const packet of old) {
      if (packet) this.#ring[packet.seq & this.#mask] = packet;
    }
  }
}

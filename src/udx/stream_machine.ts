/**
 * One UDX stream as a machine: packets and a time go in; packets, data, events and the next deadline come out.
 *
 * It has no socket, clock or timer, and knows addresses only as an opaque path.
 *
 * @module
 */
import { type Random, runtimeRandom } from "../base/mod.ts";
import { BbrController } from "./bbr.ts";
import type { CongestionController } from "./congestion.ts";
import { UDXError } from "./errors.ts";
import {
  EARLY_BYTES_MAX,
  HEADER_BYTES,
  IPV4_OVERHEAD_BYTES,
  LINGER_MS,
  MESSAGE_BYTES_MAX,
  MTU_BASE,
  RECEIVE_PACKETS_MAX,
  SACK_RANGES_MAX,
  WINDOW_BYTES,
} from "./limits.ts";
import {
  encodeHeader,
  FLAG_DATA,
  FLAG_DESTROY,
  FLAG_END,
  FLAG_HEARTBEAT,
  FLAG_MESSAGE,
  FLAG_SACK,
  type PacketView,
} from "./messages.ts";
import type { PacketPath, Transmit } from "./outgoing_packet.ts";
import { ReadAssembler } from "./read_assembler.ts";
import { ReceiveBuffer } from "./receive_buffer.ts";
import { type HeaderFields, Sender } from "./sender.ts";
import { seqDiff } from "./sequence.ts";
import { Slab } from "./slab.ts";
import { WindowTuner } from "./window_tuner.ts";

export type { PacketPath, Transmit } from "./outgoing_packet.ts";

/**
 * Bytes that are kept at all: a window's worth for the reader, what waited behind a gap and joins it at once, and slack.
 * A peer that heeds the window sends no more.
 */
const HELD_BYTES_MAX = WINDOW_BYTES + EARLY_BYTES_MAX + 256 * 1024;

/** Options of {@linkcode StreamMachine}. */
export interface StreamMachineOptions {
  /** First sequence number to send; 0 unless given. */
  readonly seq?: number;
  /** Deliver length-prefixed messages whole. */
  readonly isFramed?: boolean;
  /** Randomness for congestion control. */
  readonly random?: Random;
  /** Another congestion control than BBR. */
  readonly congestion?: CongestionController;
}

/** What happened on a stream. */
export type StreamEvent =
  | { readonly kind: "message"; readonly bytes: Uint8Array }
  /** The peer sends no more data; all of it was read. */
  | { readonly kind: "end" }
  /** All packets for the former path are acknowledged. */
  | { readonly kind: "remoteChanged" }
  /** The stream is over; `error` is null after a proper end or our own destruction. */
  | { readonly kind: "closed"; readonly error: UDXError | null };

/** What is left of a closed stream: how to answer a peer that did not notice. */
export interface Epitaph<Path extends PacketPath> {
  /** The answer to a packet that asks for one. */
  readonly reply: Transmit<Path>;
  /** How long to keep it. */
  readonly lingerMs: number;
}

type StreamState<Path extends PacketPath> =
  | { readonly kind: "unconnected" }
  | { readonly kind: "connected"; readonly header: HeaderFields<Path> }
  | { readonly kind: "closed"; readonly epitaph: Epitaph<Path> | null };

/** A stream. */
export class StreamMachine<Path extends PacketPath> {
  readonly #slab = new Slab();
  readonly #sender: Sender<Path>;
  readonly #receive = new ReceiveBuffer();
  readonly #reads: ReadAssembler;
  readonly #tuner = new WindowTuner();
  #state: StreamState<Path> = { kind: "unconnected" };
  #readBufferedBytes = 0;
  #advertisedWindowBytes = WINDOW_BYTES;
  #hasRemoteEnded = false;
  #isAckDue = false;
  #isHeartbeatDue = false;
  #keepAliveMs = 0;
  #keepAliveAtMs = Infinity;
  /** Sequence number that ends the migration to another path, while one is under way. */
  #migrationSeq: number | null = null;
  #events: StreamEvent[] = [];

  /** Creates an unconnected stream at `nowMs`. */
  constructor(nowMs: number, options: StreamMachineOptions = {}) {
    const { congestion, random = runtimeRandom } = options;
    const payloadBytes = MTU_BASE - IPV4_OVERHEAD_BYTES;
    this.#sender = new Sender(congestion ?? new BbrController(nowMs, payloadBytes, random), this.#slab);
    this.#reads = new ReadAssembler(options.isFramed ?? false);
    if (options.seq) this.#sender.start(options.seq);
  }

  // Commands

  /** Sends to the stream `remoteId` over `path` from now on; `ack` is the peer's first sequence number. */
  connect(nowMs: number, remoteId: number, path: Path, ack = 0): void {
    if (this.#state.kind !== "unconnected") return;
    if (ack && this.#receive.nextSeq === 0) {
      this.#receive.start(ack);
      this.#sender.startWindow(ack);
    }
    const header = { streamId: remoteId >>> 0, windowBytes: WINDOW_BYTES, ack: this.#receive.nextSeq, path };
    this.#state = { kind: "connected", header };
    this.#sender.usePath(path);
    this.#armKeepAlive(nowMs);
  }

  /** Moves to another path; `remoteChanged` follows when the former one has nothing left to deliver. */
  changePath(remoteId: number, path: Path): void {
    if (this.#state.kind !== "connected") return;
    this.#state.header.streamId = remoteId >>> 0;
    this.#state.header.path = path;
    this.#sender.usePath(path);
    if (this.#sender.isIdle) this.#events.push({ kind: "remoteChanged" });
    else this.#migrationSeq = this.#sender.nextSeq;
  }

  /** Nobody drives the stream any more: others on its path need not heed it. */
  leavePath(): void {
    this.#sender.leavePath();
  }

  /** Queues bytes, borrowed until they are sent. */
  write(nowMs: number, chunk: Uint8Array): void {
    if (this.#state.kind === "closed") return;
    this.#sender.write(chunk);
    this.#sender.handleWrite(nowMs);
  }

  /** No more writes follow. */
  end(nowMs: number): void {
    if (this.#state.kind === "closed") return;
    this.#sender.end();
    this.#sender.handleWrite(nowMs);
  }

  /** Drops the stream and tells the peer, once. */
  destroy(): void {
    if (this.#state.kind === "closed") return;
    if (this.#state.kind === "connected") this.#closeTelling(null, this.#state.header);
    else this.#close(null, null);
  }

  /** Drops the stream with an error of ours, telling nobody; as a relay does. */
  abort(error: UDXError | null): void {
    if (this.#state.kind !== "closed") this.#close(error, null);
  }

  /** Raises the sequence number to that of a packet which was relayed in the peer's name. */
  skipTo(seq: number): void {
    this.#sender.skipTo(seq);
  }

  /** A heartbeat leaves after so long without traffic; 0 for never. */
  setKeepAlive(nowMs: number, keepAliveMs: number): void {
    this.#keepAliveMs = keepAliveMs;
    this.#armKeepAlive(nowMs);
  }

  /**
   * The reader holds so many bytes that it was given and did not consume: they narrow the receive window. True when
   * the peer is to be told now.
   */
  setReadBuffered(byteLength: number): boolean {
    this.#readBufferedBytes = byteLength;
    const gained = this.#windowBytes() - this.#advertisedWindowBytes;
    const isNews = gained >= WINDOW_BYTES / 4 ||
      (this.#advertisedWindowBytes < MTU_BASE && gained > 2 * MTU_BASE);
    if (!isNews || this.#hasRemoteEnded || this.#state.kind !== "connected") return false;
    this.#isAckDue = true;
    return true;
  }

  /** The datagram for an unordered message; null unless connected. @throws {RangeError} when it is too long. */
  encodeMessage(payload: Uint8Array): Transmit<Path> | null {
    if (this.#state.kind !== "connected") return null;
    if (payload.length > MESSAGE_BYTES_MAX) {
      throw new RangeError(`Cannot send a message of ${payload.length} bytes, at most ${MESSAGE_BYTES_MAX}`);
    }
    const { header } = this.#state;
    const bytes = this.#slab.allocate(HEADER_BYTES + payload.length);
    this.#writeHeader(bytes, FLAG_MESSAGE, header);
    bytes.set(payload, HEADER_BYTES);
    return { bytes, path: header.path };
  }

  /** A datagram that acknowledges what is here in order, for whoever knows us as `streamId`; null unless connected. */
  encodeAck(streamId: number): Uint8Array | null {
    if (this.#state.kind !== "connected") return null;
    return this.#control(0, { ...this.#state.header, streamId });
  }

  // Inputs

  /** A packet for this stream arrived. */
  handlePacket(view: PacketView, nowMs: number): void {
    if (this.#state.kind === "closed") return;
    this.#armKeepAlive(nowMs);
    if (view.flags & FLAG_HEARTBEAT) {
      this.#isAckDue = true;
      return;
    }
    if (view.payloadStart > view.bytes.length) return;
    const distance = seqDiff(view.seq, this.#receive.nextSeq);
    if (distance >= RECEIVE_PACKETS_MAX) return;
    if (view.flags & (FLAG_DATA | FLAG_END)) {
      const isAsking = this.#tuner.handleArrival(view.seq, view.bytes.length, this.#sender.rtt.leastMs);
      // A stream that sends nothing has to ask for the round trip.
      if (isAsking && this.#sender.canEcho(nowMs)) this.#isHeartbeatDue = true;
      this.#handleData(view, distance);
      this.#isAckDue = true;
    }
    if (view.flags & FLAG_DESTROY && distance >= 0) {
      this.#close(new UDXError("ECONNRESET", "connection reset by peer"), null);
      return;
    }
    if (view.flags & FLAG_MESSAGE) this.#events.push({ kind: "message", bytes: view.payload.slice() });
    if (this.#state.kind !== "connected") return;
    if (view.flags === 0) this.#sender.handleEcho(nowMs);
    this.#sender.handleAck(view, nowMs, this.#state.header);
    if (this.#migrationSeq !== null && seqDiff(this.#sender.ackedSeq, this.#migrationSeq) >= 0) {
      this.#migrationSeq = null;
      this.#events.push({ kind: "remoteChanged" });
    }
    this.#closeWhenEnded();
  }

  /** Time passed {@linkcode StreamMachine.deadlineMs}. */
  handleTimeout(nowMs: number): void {
    if (this.#state.kind !== "connected") return;
    this.#sender.handleTimeout(nowMs);
    if (this.#sender.hasTimedOut) {
      // Compat: libudx forgets a stream at once, so nobody repeats an acknowledgement that got lost (src/udx.c).
      // When all data was acknowledged and the peer has ended, nothing is missing but that of our end.
      const isComplete = this.#hasRemoteEnded && this.#sender.isOnlyEndUnacked;
      const error = isComplete ? null : new UDXError("ETIMEDOUT", "connection timed out");
      this.#closeTelling(error, this.#state.header);
      return;
    }
    if (this.#sender.pollWindowProbe()) this.#isHeartbeatDue = true;
    if (this.#keepAliveAtMs <= nowMs) {
      this.#isHeartbeatDue = this.#sender.isIdle;
      this.#armKeepAlive(nowMs);
    }
  }

  // Outputs

  /**
   * The next datagram to send; valid until the next call. A stream that shares its path sends data when it has its turn,
   * and says otherwise by {@linkcode StreamMachine.isWaitingForTurn} that it would.
   */
  pollTransmit(nowMs: number, hasTurn = true): Transmit<Path> | null {
    if (this.#state.kind === "closed") return this.#pollFarewell();
    if (this.#state.kind !== "connected") return null;
    const { header } = this.#state;
    if (this.#isAckDue && this.#receive.hasGap) return this.#ack(header);
    if (this.#isHeartbeatDue) {
      this.#isHeartbeatDue = false;
      this.#sender.handleHeartbeat(nowMs);
      return { bytes: this.#control(FLAG_HEARTBEAT, header), path: header.path };
    }
    header.windowBytes = this.#windowBytes();
    header.ack = this.#receive.nextSeq;
    const packet = this.#sender.pollPacket(nowMs, header, this.#migrationSeq === null, hasTurn);
    if (packet) {
      this.#isAckDue = false;
      this.#advertisedWindowBytes = header.windowBytes;
      return packet;
    }
    return this.#isAckDue ? this.#ack(header) : null;
  }

  /** The next chunk of data in order, if any. */
  pollRead(): Uint8Array | null {
    return this.#reads.take(this.#hasRemoteEnded);
  }

  /** The next event; poll reads first, data comes before the `end` that follows it. */
  pollEvent(): StreamEvent | null {
    return this.#events.shift() ?? null;
  }

  /** When {@linkcode StreamMachine.handleTimeout} or a transmission is due; infinity for never. */
  get deadlineMs(): number {
    return this.#state.kind === "connected"
      ? Math.min(this.#sender.deadlineMs, this.#keepAliveAtMs)
      : Infinity;
  }

  // Getters

  /** The sending half: statistics. */
  get sender(): Omit<Sender<Path>, "start"> {
    return this.#sender;
  }

  /** Whether packets can be sent. */
  get isConnected(): boolean {
    return this.#state.kind === "connected";
  }

  /** Whether data would have left, had it been the stream's turn. */
  get isWaitingForTurn(): boolean {
    return this.#sender.isWaitingForTurn;
  }

  /** The peer's stream id while connected, else null. */
  get remoteId(): number | null {
    return this.#state.kind === "connected" ? this.#state.header.streamId : null;
  }

  /** Whether the stream is over. */
  get isClosed(): boolean {
    return this.#state.kind === "closed";
  }

  /** What to answer after the end. */
  get epitaph(): Epitaph<Path> | null {
    return this.#state.kind === "closed" ? this.#state.epitaph : null;
  }

  /** The writer may go on. */
  get isWritable(): boolean {
    return this.#sender.isWritable(this.#state.kind === "connected" ? this.#state.header.path : null);
  }

  /** Next sequence number expected from the peer. */
  get receivedSeq(): number {
    return this.#receive.nextSeq;
  }

  /** Bytes held for the reader or until they are in order. */
  get bufferedBytes(): number {
    return this.#reads.byteLength + this.#receive.byteLength + this.#readBufferedBytes;
  }

  /** The peer's end was received. */
  get hasRemoteEnded(): boolean {
    return this.#hasRemoteEnded;
  }

  #handleData(view: PacketView, distance: number): void {
    if (this.#hasRemoteEnded || distance < 0) return;
    const { flags, payload } = view;
    const roomBytes = HELD_BYTES_MAX - this.#reads.byteLength - this.#readBufferedBytes;
    if (distance > 0) {
      this.#receive.insert(view.seq, flags, payload, Math.min(EARLY_BYTES_MAX, roomBytes));
      return;
    }
    if (payload.length > roomBytes - this.#receive.byteLength) return;
    this.#receive.advance();
    this.#consume(flags, payload);
    for (let early = this.#receive.shift(); early; early = this.#receive.shift()) {
      this.#consume(early.flags, early.payload);
    }
  }

  #consume(flags: number, payload: Uint8Array): void {
    if (this.#hasRemoteEnded) return;
    if (flags & FLAG_DATA && payload.length > 0) this.#reads.append(payload);
    if (!(flags & FLAG_END)) return;
    this.#hasRemoteEnded = true;
    this.#receive.clear();
    this.#events.push({ kind: "end" });
  }

  #windowBytes(): number {
    const roomBytes = WINDOW_BYTES - this.#reads.byteLength - this.#readBufferedBytes;
    return Math.max(0, Math.min(this.#tuner.limitBytes, roomBytes));
  }

  #armKeepAlive(nowMs: number): void {
    this.#keepAliveAtMs = this.#keepAliveMs > 0 ? nowMs + this.#keepAliveMs : Infinity;
  }

  #closeWhenEnded(): void {
    if (!this.#hasRemoteEnded || !this.#sender.hasEnded || this.#state.kind !== "connected") return;
    const { header } = this.#state;
    const wasAckDue = this.#isAckDue;
    // The peer may not get our last acknowledgement and send its end again.
    this.#close(null, this.#farewell(0, header));
    this.#isAckDue = wasAckDue;
  }

  /** Closes with a packet that destroys the peer's stream; it leaves once, and again when the peer asks. */
  #closeTelling(error: UDXError | null, header: HeaderFields<Path>): void {
    const reply = this.#farewell(FLAG_DESTROY, header);
    this.#sender.skipOne();
    this.#close(error, reply);
    this.#isAckDue = true;
  }

  #close(error: UDXError | null, reply: Transmit<Path> | null): void {
    this.#state = { kind: "closed", epitaph: reply && { reply, lingerMs: LINGER_MS } };
    this.#sender.clear();
    this.#receive.clear();
    this.#isAckDue = this.#isHeartbeatDue = false;
    this.#keepAliveAtMs = Infinity;
    this.#events.push({ kind: "closed", error });
  }

  #pollFarewell(): Transmit<Path> | null {
    if (!this.#isAckDue) return null;
    this.#isAckDue = false;
    return this.epitaph?.reply ?? null;
  }

  #ack(header: HeaderFields<Path>): Transmit<Path> {
    this.#isAckDue = false;
    if (!this.#receive.hasGap) return { bytes: this.#control(0, header), path: header.path };
    const bytes = new Uint8Array(HEADER_BYTES + 8 * SACK_RANGES_MAX);
    const rangeCount = this.#receive.writeRanges(bytes, HEADER_BYTES);
    this.#writeHeader(bytes, FLAG_SACK, header);
    return { bytes: bytes.subarray(0, HEADER_BYTES + 8 * rangeCount), path: header.path };
  }

  #control(flags: number, header: HeaderFields<Path>, bytes = this.#slab.allocate(HEADER_BYTES)): Uint8Array {
    this.#writeHeader(bytes, flags, header);
    return bytes;
  }

  /** What outlives the stream must not keep its slab. */
  #farewell(flags: number, header: HeaderFields<Path>): Transmit<Path> {
    return { bytes: this.#control(flags, header, new Uint8Array(HEADER_BYTES)), path: header.path };
  }

  #writeHeader(bytes: Uint8Array, flags: number, header: HeaderFields<Path>): void {
    const windowBytes = this.#windowBytes();
    this.#advertisedWindowBytes = windowBytes;
    encodeHeader(bytes, flags, 0, header.streamId, windowBytes, this.#sender.nextSeq, this.#receive.nextSeq);
  }
}

/**
 * The sending half of a stream: what to send, when, and when again.
 *
 * It knows nothing of receiving, except for the fields of the header that it copies from {@linkcode HeaderFields}.
 *
 * @module
 */
import type { CongestionController, FlightState, RecoveryPhase } from "./congestion.ts";
import {
  ACK_DELAY_MAX_MS,
  EARLY_BYTES_MAX,
  HEADER_BYTES,
  PACING_BURST_MS,
  RECEIVE_PACKETS_MAX,
  RTO_COUNT_MAX,
  RTO_MIN_MS,
  SACK_RANGES_MAX,
  SHORT_PATH_BURST_MS,
  WINDOW_BYTES,
  WINDOW_PROBES_UNANSWERED_MAX,
  WRITE_HIGH_WATERMARK_BYTES,
} from "./limits.ts";
import { LossDetector } from "./loss_detector.ts";
import { encodeHeader, FLAG_DATA, FLAG_END, type PacketView } from "./messages.ts";
import { MtuDiscovery } from "./mtu.ts";
import type { OutgoingPacket, PacketPath } from "./outgoing_packet.ts";
import { Pacer } from "./pacer.ts";
import { RateSampler } from "./rate_sampler.ts";
import { RttEstimator } from "./rtt.ts";
import { Scoreboard } from "./scoreboard.ts";
import { seqAdd, seqDiff } from "./sequence.ts";
import type { SharedPath } from "./shared_path.ts";
import type { Slab } from "./slab.ts";
import { WriteQueue } from "./write_queue.ts";

/** A tail-loss probe waits at least so long: the peer may be busy, and timers are coarse. */
const TAIL_PROBE_MIN_MS = 10;

/** Probes for the tail of a flight before only the retransmission timer is left; RFC 8985 has one. */
const TAIL_PROBES_MAX = 3;

/** Timeouts of one packet after which the path is suspected of carrying less than it did. */
const BLACK_HOLE_TIMEOUTS = 2;

/** What every header says about the other direction, and where packets go. */
export interface HeaderFields<Path extends PacketPath> {
  /** The receiver's stream id. */
  streamId: number;
  /** Receive window to advertise. */
  windowBytes: number;
  /** Next sequence number expected. */
  ack: number;
  /** Where to. */
  path: Path;
}

/** Whether the end of the stream was asked for, sent, acknowledged. */
type EndState = "none" | "queued" | "sent" | "acked";

/** Counters for users. */
export interface SenderStatistics {
  /** Retransmission timeouts. */
  rtoCount: number;
  /** Packets sent again. */
  retransmitCount: number;
  /** Fast recoveries. */
  fastRecoveryCount: number;
  /** Zero-window probes. */
  windowProbeCount: number;
}

/** Sends reliably. */
export class Sender<Path extends PacketPath> {
  readonly statistics: SenderStatistics = {
    rtoCount: 0,
    retransmitCount: 0,
    fastRecoveryCount: 0,
    windowProbeCount: 0,
  };
  readonly rtt: RttEstimator = new RttEstimator();
  readonly mtu: MtuDiscovery = new MtuDiscovery();
  readonly #congestion: CongestionController;
  readonly #slab: Slab;
  readonly #board = new Scoreboard<Path>();
  readonly #queue = new WriteQueue();
  readonly #pacer = new Pacer();
  readonly #rate = new RateSampler();
  readonly #detector: LossDetector<Path>;
  readonly #flight: FlightState = {
    inFlightCount: 0,
    deliveredCount: 0,
    deliveredAtMs: 0,
    smoothedRttMs: 0,
    payloadBytes: 0,
    phase: "open",
  };
  /** All timers: when each is due, infinity when it is not set. */
  readonly #timers = {
    retransmission: Infinity,
    reordering: Infinity,
    tailProbe: Infinity,
    windowProbe: Infinity,
    pacing: Infinity,
  };

  #shared: SharedPath | null = null;
  /** Packets in flight that the shared path knows of. */
  #sharedCount = 0;
  #isWaitingForTurn = false;
  #phase: RecoveryPhase = "open";
  #recoveryEndSeq = 0;
  #sendCount = 0;
  #end: EndState = "none";
  #unackedBytes = 0;
  #writtenOffset = 0;
  #sentOffset = 0;
  #ackedOffset = 0;

  #peerWindowBytes = WINDOW_BYTES;
  #windowSeq = 0;
  #windowAck = 0;
  #windowProbesUnanswered = 0;
  #isWindowProbeDue = false;

  #isTailProbeDue = false;
  /** When the tail probe was set. */
  #tailProbeFromMs = 0;
  /** Tail probes since the last acknowledgement. */
  #tailProbeCount = 0;

  #hasTimedOut = false;
  #newlyLostCount = 0;
  #newlyLostProbeCount = 0;
  #newestAckedSendIndex = 0;
  #newestAckedRttMs = -1;
  /** When a heartbeat left that was not answered yet. */
  #heartbeatAtMs = -Infinity;

  constructor(congestion: CongestionController, slab: Slab) {
    this.#congestion = congestion;
    this.#slab = slab;
    this.#detector = new LossDetector(this.#board, this.rtt);
  }

  /** Numbers packets from `seq` on; only before the first one. */
  start(seq: number): void {
    this.#board.start(seq);
    this.#detector.start(seq >>> 0);
    this.#windowAck = seq >>> 0;
  }

  /** The peer numbers its packets from `seq` on. */
  startWindow(seq: number): void {
    this.#windowSeq = seq >>> 0;
  }

  /** Sends over `path` from now on. */
  usePath(path: Path): void {
    this.mtu.reset();
    this.#leaveShared();
    this.#shared = path.shared ?? null;
    this.#tellShared();
    if (path.shared) this.#congestion.joinPath(path.shared);
  }

  /** Others on the path need not heed this stream any more. */
  leavePath(): void {
    this.#congestion.leavePath();
    this.#leaveShared();
  }

  /** Queues bytes; they are borrowed until they are in packets. */
  write(chunk: Uint8Array): void {
    this.#queue.push(chunk);
    this.#writtenOffset += chunk.length;
    this.#unackedBytes += chunk.length;
  }

  /** Nothing follows what was written. */
  end(): void {
    if (this.#end === "none") this.#end = "queued";
  }

  /** Takes the acknowledgements out of a packet. */
  handleAck(view: PacketView, nowMs: number, header: HeaderFields<Path>): void {
    const board = this.#board;
    const { ack } = view;
    this.#windowProbesUnanswered = 0;
    if (seqDiff(ack, board.nextSeq) > 0) return; // acknowledges what was never sent
    this.#updateWindow(view);
    const hadUnacked = !board.isEmpty;
    if (hadUnacked) {
      this.#rate.begin();
      this.#newestAckedSendIndex = 0;
      this.#newestAckedRttMs = -1;
      const deliveredBefore = this.#rate.deliveredCount;
      this.#takeCumulative(ack, nowMs);
      this.#takeSelective(view, nowMs);
      if (this.#rate.deliveredCount !== deliveredBefore) {
        this.#afterDelivery(nowMs);
      }
      this.#runCongestionControl(nowMs, header.path);
    }
    if (board.isEmpty && this.#end === "sent") this.#end = "acked";
    this.#armWindowProbe(nowMs);
    this.#tellShared();
  }

  /** Does what is due at `nowMs`. */
  handleTimeout(nowMs: number): void {
    const timers = this.#timers;
    if (timers.pacing <= nowMs) timers.pacing = Infinity;
    if (timers.reordering <= nowMs) {
      timers.reordering = Infinity;
      this.#detectLoss(nowMs);
    }
    if (this.#tailProbeAtMs <= nowMs) {
      timers.tailProbe = Infinity;
      this.#isTailProbeDue = !this.#board.isEmpty;
    }
    if (timers.windowProbe <= nowMs) {
      timers.windowProbe = nowMs + 2 * this.rtt.timeoutMs;
      this.#isWindowProbeDue = true;
      if (++this.#windowProbesUnanswered > WINDOW_PROBES_UNANSWERED_MAX) this.#hasTimedOut = true;
    }
    if (timers.retransmission <= nowMs) this.#handleRetransmissionTimeout(nowMs);
    this.#tellShared();
  }

  /**
   * The next data packet to send, if one may leave now; valid until the next call. Without `hasTurn` only probes leave,
   * see {@linkcode Sender.isWaitingForTurn}.
   */
  pollPacket(
    nowMs: number,
    header: HeaderFields<Path>,
    isProbingMtu: boolean,
    hasTurn: boolean,
  ): OutgoingPacket<Path> | null {
    this.#isWaitingForTurn = false;
    const congestion = this.#congestion;
    const isShort = this.rtt.leastMs < 2 * PACING_BURST_MS;
    this.#pacer.fill(nowMs, congestion.pacingBytesPerMs, isShort ? SHORT_PATH_BURST_MS : PACING_BURST_MS);
    if (this.#isTailProbeDue) {
      this.#isTailProbeDue = false;
      const probe = this.#pollTailProbe(nowMs, header);
      if (probe) return probe;
    }
    const lost = this.#board.peekLost();
    const hasNew = this.#queue.byteLength > 0 || this.#end === "queued";
    if (!lost && !hasNew) {
      if (this.#board.inFlightCount < congestion.cwndPackets) {
        this.#rate.markAppLimited(this.#board.inFlightCount);
      }
      return null;
    }
    // Retransmissions ignore the peer's window: it may have shrunk while they travelled.
    if (this.#board.inFlightCount >= congestion.cwndPackets) return null;
    if (!lost && !this.#fitsWindow(header.path)) return null;
    if (!this.#pacer.isOpen) {
      this.#timers.pacing = nowMs + this.#pacer.waitMs(congestion.pacingBytesPerMs);
      return null;
    }
    if (!hasTurn) {
      this.#isWaitingForTurn = true;
      return null;
    }
    if (lost) {
      this.#board.shiftLost();
      return this.#resend(lost, nowMs, header);
    }
    return this.#sendNew(nowMs, header, isProbingMtu);
  }

  /** Whether a packet would have left, had it been the stream's turn. */
  get isWaitingForTurn(): boolean {
    return this.#isWaitingForTurn;
  }

  /** Whether a packet that asks for the peer's window is due. */
  pollWindowProbe(): boolean {
    const isDue = this.#isWindowProbeDue;
    this.#isWindowProbeDue = false;
    if (isDue) this.statistics.windowProbeCount++;
    return isDue;
  }

  /** When {@linkcode Sender.handleTimeout} wants to be called; infinity for never. */
  get deadlineMs(): number {
    const { retransmission, reordering, windowProbe, pacing } = this.#timers;
    return Math.min(retransmission, reordering, this.#tailProbeAtMs, windowProbe, pacing);
  }

  /** The peer does not answer any more. */
  get hasTimedOut(): boolean {
    return this.#hasTimedOut;
  }

  /** Everything sent is acknowledged. */
  get isIdle(): boolean {
    return this.#board.isEmpty;
  }

  /** Nothing is queued either. */
  get isDrained(): boolean {
    return this.#board.isEmpty && this.#queue.byteLength === 0;
  }

  /** The end of the stream is acknowledged. */
  get hasEnded(): boolean {
    return this.#end === "acked";
  }

  /** Nothing but the end itself is unacknowledged. */
  get isOnlyEndUnacked(): boolean {
    return this.#end === "sent" && this.#unackedBytes === 0;
  }

  /** Sequence number of the next packet. */
  get nextSeq(): number {
    return this.#board.nextSeq;
  }

  /** First unacknowledged sequence number. */
  get ackedSeq(): number {
    return this.#board.ackedSeq;
  }

  /** Bytes written so far. */
  get writtenOffset(): number {
    return this.#writtenOffset;
  }

  /** Bytes acknowledged in order so far. */
  get ackedOffset(): number {
    return this.#ackedOffset;
  }

  /** Bytes in flight, headers included. */
  get inFlightBytes(): number {
    return this.#board.inFlightBytes;
  }

  /** Congestion control, for statistics. */
  get congestion(): CongestionController {
    return this.#congestion;
  }

  /** Whether the writer may go on: less is queued than the window and a margin. */
  isWritable(path: Path | null): boolean {
    const payloadBytes = path ? this.#payloadMax(path) : 0;
    const windowBytes = Math.min(this.#congestion.cwndPackets * payloadBytes, this.#peerWindowBytes);
    return this.#unackedBytes <= WRITE_HIGH_WATERMARK_BYTES + windowBytes;
  }

  /** Raises the sequence number, as a relay does for the packets that it forwards. */
  skipTo(seq: number): void {
    if (seqDiff(seq, this.#board.nextSeq) > 0) this.#board.start(seq);
  }

  /** Uses up a sequence number for the packet that destroys the stream. */
  skipOne(): void {
    this.#board.skip();
  }

  /** Forgets all data and timers. */
  clear(): void {
    this.#board.clear();
    this.#queue.clear();
    this.leavePath();
    const timers = this.#timers;
    timers.retransmission =
      timers.reordering =
      timers.tailProbe =
      timers.windowProbe =
      timers.pacing =
        Infinity;
    this.#isTailProbeDue = this.#isWindowProbeDue = this.#isWaitingForTurn = false;
  }

  #tellShared(): void {
    const { inFlightCount } = this.#board;
    this.#shared?.changeFlight(inFlightCount - this.#sharedCount);
    this.#sharedCount = inFlightCount;
  }

  #leaveShared(): void {
    this.#shared?.changeFlight(-this.#sharedCount);
    this.#shared = null;
    this.#sharedCount = 0;
  }

  #payloadMax(path: Path): number {
    return this.mtu.size - path.overheadBytes;
  }

  #peerWindowPackets(path: Path): number {
    if (this.#peerWindowBytes === 0) return 0;
    return Math.max(1, Math.floor(this.#peerWindowBytes / this.#payloadMax(path)));
  }

  /**
   * Compat: as in libudx, what arrived behind a gap does not count against the window (src/udx.c). A lost packet that is
   * lost again takes round trips to arrive, and the peer may narrow its window meanwhile.
   */
  #fitsWindow(path: Path): boolean {
    const { inFlightCount, unackedCount } = this.#board;
    const spanPackets = Math.min(RECEIVE_PACKETS_MAX, Math.floor(EARLY_BYTES_MAX / this.#payloadMax(path)));
    return unackedCount < spanPackets && inFlightCount < this.#peerWindowPackets(path);
  }

  #updateWindow(view: PacketView): void {
    if (seqDiff(view.ack, this.#board.ackedSeq) < 0) return;
    const age = seqDiff(view.seq, this.#windowSeq);
    if (age < 0 || (age === 0 && seqDiff(view.ack, this.#windowAck) < 0)) return;
    this.#peerWindowBytes = view.windowBytes;
    this.#windowSeq = view.seq;
    this.#windowAck = view.ack;
  }

  #armWindowProbe(nowMs: number): void {
    const timers = this.#timers;
    const hasNew = this.#queue.byteLength > 0 || this.#end === "queued";
    if (this.#peerWindowBytes > 0 || !hasNew || !this.#board.isEmpty) timers.windowProbe = Infinity;
    else if (timers.windowProbe === Infinity) timers.windowProbe = nowMs + this.rtt.timeoutMs;
  }

  /** Whether a heartbeat would tell the round trip: nothing that asks for an answer travels. */
  canEcho(nowMs: number): boolean {
    return this.#board.isEmpty && nowMs - this.#heartbeatAtMs > RTO_MIN_MS;
  }

  /** A heartbeat leaves. */
  handleHeartbeat(nowMs: number): void {
    this.#heartbeatAtMs = this.canEcho(nowMs) ? nowMs : -Infinity;
  }

  /** A bare acknowledgement arrived: the answer to a heartbeat, if one left lately and nothing else did. */
  handleEcho(nowMs: number): void {
    const rttMs = nowMs - this.#heartbeatAtMs;
    this.#heartbeatAtMs = -Infinity;
    if (this.#board.isEmpty && rttMs < RTO_MIN_MS) this.#addRoundTrip(nowMs, rttMs);
  }

  /** Something was written while the peer's window may be closed. */
  handleWrite(nowMs: number): void {
    this.#armWindowProbe(nowMs);
  }

  #takeCumulative(ack: number, nowMs: number): void {
    const board = this.#board;
    for (let seq = board.ackedSeq; seqDiff(ack, seq) > 0; seq = seqAdd(seq, 1)) {
      const packet = board.take(seq, false);
      if (packet) this.#deliver(packet, nowMs);
    }
    if (seqDiff(ack, board.ackedSeq) <= 0) return;
    board.advance(ack);
    const first = board.isEmpty ? null : board.get(ack);
    if (board.isEmpty) this.#ackedOffset = this.#sentOffset;
    else if (first) this.#ackedOffset = first.endOffset - first.payloadLength;
  }

  #takeSelective(view: PacketView, nowMs: number): void {
    const board = this.#board;
    let from = board.ackedSeq;
    for (let i = 0; i < view.sackCount; i++) {
      const start = view.sackStart(i);
      const end = view.sackEnd(i);
      // In order and within what was sent, else the rest is noise; that bounds the work per packet.
      const startOffset = seqAdd(start, -from);
      const endOffset = seqAdd(end, -from);
      if (startOffset >= endOffset || endOffset > seqAdd(board.nextSeq, -from)) break;
      for (let seq = start; seq !== end; seq = seqAdd(seq, 1)) {
        const packet = board.take(seq, true);
        if (packet) this.#deliver(packet, nowMs);
      }
      from = end;
    }
    // A full list may have left out what comes after it.
    this.#detector.limitTo(view.sackCount === SACK_RANGES_MAX ? from : null);
  }

  #deliver(packet: OutgoingPacket<Path>, nowMs: number): void {
    const rttMs = this.rtt.clampMs(nowMs - packet.sentAtMs);
    if (packet.paddingBytes > 0) {
      this.mtu.handleProbeDelivered(packet.bytes.length + packet.path.overheadBytes - HEADER_BYTES);
    } else this.mtu.handleDelivery();
    this.#rate.handleDelivered(packet, packet.wasRetransmitted ? -1 : rttMs);
    this.#detector.handleDelivered(packet, rttMs);
    if (!packet.wasRetransmitted && packet.sendIndex > this.#newestAckedSendIndex) {
      this.#newestAckedSendIndex = packet.sendIndex;
      this.#newestAckedRttMs = rttMs;
    }
    this.#unackedBytes -= packet.payloadLength;
    this.#board.release(packet);
  }

  #afterDelivery(nowMs: number): void {
    const board = this.#board;
    if (this.#newestAckedRttMs >= 0) this.#addRoundTrip(nowMs, this.#newestAckedRttMs);
    this.#tailProbeCount = 0;
    if (this.#phase !== "open" && seqDiff(board.ackedSeq, this.#recoveryEndSeq) >= 0) this.#phase = "open";
    this.#timers.retransmission = board.isEmpty ? Infinity : nowMs + this.rtt.timeoutMs;
    this.#timers.tailProbe = Infinity;
    this.#detectLoss(nowMs);
    this.#armTailProbe(nowMs);
  }

  #addRoundTrip(nowMs: number, rttMs: number): void {
    this.rtt.add(nowMs, rttMs);
    if (this.#shared) this.#shared.smoothedRttMs = this.rtt.smoothedMs;
  }

  #runCongestionControl(nowMs: number, path: Path): void {
    const sample = this.#rate.finish(nowMs, this.rtt.leastMs === Infinity ? 0 : this.rtt.leastMs);
    const flight = this.#flight;
    flight.inFlightCount = this.#board.inFlightCount;
    flight.deliveredCount = this.#rate.deliveredCount;
    flight.deliveredAtMs = this.#rate.deliveredAtMs;
    flight.smoothedRttMs = this.rtt.smoothedMs;
    flight.payloadBytes = this.#payloadMax(path);
    flight.phase = this.#phase;
    this.#congestion.handleAck(sample, flight, nowMs);
    if (this.#congestion.isProbingRtt) this.#rate.markAppLimited(this.#board.inFlightCount);
  }

  readonly #onLost = (packet: OutgoingPacket<Path>): void => {
    this.#newlyLostCount++;
    this.#rate.lostCount++;
    this.#board.markLost(packet);
    if (packet.paddingBytes === 0) return;
    this.#newlyLostProbeCount++;
    packet.removePadding();
    this.mtu.handleProbeLost();
  };

  #detectLoss(nowMs: number): void {
    this.#newlyLostCount = this.#newlyLostProbeCount = 0;
    const waitMs = this.#detector.detect(nowMs, this.#phase, this.#onLost);
    this.#timers.reordering = waitMs > 0 ? nowMs + waitMs : Infinity;
    // A lost MTU probe says nothing about congestion.
    if (this.#newlyLostCount <= this.#newlyLostProbeCount || this.#phase !== "open") return;
    this.statistics.fastRecoveryCount++;
    this.#phase = "recovery";
    this.#recoveryEndSeq = this.#board.nextSeq;
    this.#congestion.handleRecovery();
  }

  #armTailProbe(nowMs: number): void {
    const board = this.#board;
    // Unlike RFC 8985 also during recovery, as QUIC does: the tail of a retransmitted flight gets lost too.
    if (board.inFlightCount === 0 || this.#tailProbeCount >= TAIL_PROBES_MAX) return;
    this.#tailProbeFromMs = nowMs;
    this.#timers.tailProbe = Math.min(nowMs + this.#tailProbeWaitMs(), this.#timers.retransmission);
  }

  #tailProbeWaitMs(): number {
    const rttMs = this.rtt.hasSample ? this.rtt.smoothedMs : this.#shared?.smoothedRttMs ?? null;
    const waitMs = rttMs === null ? RTO_MIN_MS : Math.max(TAIL_PROBE_MIN_MS, 2 * rttMs + ACK_DELAY_MAX_MS);
    return waitMs * 2 ** this.#tailProbeCount;
  }

  /** When the tail probe is due; a stream without a round trip of its own may learn the path's while it waits. */
  get #tailProbeAtMs(): number {
    const { tailProbe } = this.#timers;
    if (tailProbe === Infinity || this.rtt.hasSample) return tailProbe;
    return Math.min(tailProbe, this.#tailProbeFromMs + this.#tailProbeWaitMs());
  }

  #pollTailProbe(nowMs: number, header: HeaderFields<Path>): OutgoingPacket<Path> | null {
    if (this.#board.isEmpty) return null;
    const hasNew = this.#queue.byteLength > 0 && this.#peerWindowBytes > 0;
    let packet: OutgoingPacket<Path>;
    if (hasNew) {
      packet = this.#sendNew(nowMs, header, false);
    } else {
      // Not the one with the highest number: that may have arrived while one that was sent again since then got lost.
      const last = this.#board.newest;
      if (!last) return null;
      this.#board.recall(last);
      packet = this.#resend(last, nowMs, header);
    }
    this.#tailProbeCount++;
    this.#timers.retransmission = nowMs + this.rtt.timeoutMs;
    this.#timers.tailProbe = Infinity;
    this.#armTailProbe(nowMs);
    return packet;
  }

  #handleRetransmissionTimeout(nowMs: number): void {
    const board = this.#board;
    const timers = this.#timers;
    if (board.isEmpty) {
      timers.retransmission = Infinity;
      return;
    }
    this.statistics.rtoCount++;
    this.#phase = "loss";
    this.#recoveryEndSeq = board.nextSeq;
    timers.tailProbe = Infinity;
    timers.retransmission = nowMs + 2 * this.rtt.timeoutMs;
    for (let seq = board.ackedSeq; seq !== board.nextSeq; seq = seqAdd(seq, 1)) {
      const packet = board.get(seq);
      if (!packet || packet.isLost) continue;
      const isFirst = seq === board.ackedSeq;
      if (!isFirst && !this.#detector.isOverdue(packet.sentAtMs, nowMs, this.#phase)) continue;
      if (packet.timeoutCount >= RTO_COUNT_MAX) {
        this.#hasTimedOut = true;
        return;
      }
      packet.timeoutCount++;
      if (packet.timeoutCount >= BLACK_HOLE_TIMEOUTS) this.mtu.handleBlackHole();
      this.#onLost(packet);
    }
    board.sortLost();
    this.#congestion.handleTimeout(board.inFlightCount);
  }

  #sendNew(nowMs: number, header: HeaderFields<Path>, isProbingMtu: boolean): OutgoingPacket<Path> {
    const { path } = header;
    const payloadMax = this.#payloadMax(path);
    const payloadBytes = Math.min(this.#queue.byteLength, payloadMax);
    const probeSize = isProbingMtu && payloadBytes === payloadMax ? this.mtu.probeSize : 0;
    const paddingBytes = probeSize > 0 ? probeSize - this.mtu.size : 0;
    const isFirst = this.#board.isEmpty;

    const packet = this.#board.create();
    packet.path = path;
    packet.paddingBytes = paddingBytes;
    packet.bytes = this.#slab.allocate(HEADER_BYTES + paddingBytes + payloadBytes);
    if (paddingBytes > 0) packet.bytes.fill(0, HEADER_BYTES, HEADER_BYTES + paddingBytes);
    this.#queue.take(packet.bytes, HEADER_BYTES + paddingBytes, payloadBytes);
    this.#sentOffset += payloadBytes;
    packet.endOffset = this.#sentOffset;
    packet.flags = payloadBytes > 0 ? FLAG_DATA : 0;
    // The end travels by itself: libudx repeats no acknowledgement once it has closed, and if that of the last data
    // got lost together with that of the end, nobody could tell whether the data arrived.
    if (this.#end === "queued" && payloadBytes === 0) {
      packet.flags |= FLAG_END;
      this.#end = "sent";
    }
    encodeHeader(
      packet.bytes,
      packet.flags,
      paddingBytes,
      header.streamId,
      header.windowBytes,
      packet.seq,
      header.ack,
    );
    if (paddingBytes > 0) this.mtu.handleProbeSent();
    this.#send(packet, nowMs, isFirst);
    return packet;
  }

  #resend(packet: OutgoingPacket<Path>, nowMs: number, header: HeaderFields<Path>): OutgoingPacket<Path> {
    packet.wasRetransmitted = true;
    this.statistics.retransmitCount++;
    // The path that it was made for may be gone, such as a relay that the peer has left.
    packet.path = header.path;
    const { bytes, flags, paddingBytes, seq } = packet;
    encodeHeader(bytes, flags, paddingBytes, header.streamId, header.windowBytes, seq, header.ack);
    this.#send(packet, nowMs, false);
    return packet;
  }

  #send(packet: OutgoingPacket<Path>, nowMs: number, isFirst: boolean): void {
    const wasQuiet = this.#board.inFlightCount === 0;
    packet.sendIndex = ++this.#sendCount;
    packet.sentAtMs = nowMs;
    this.#rate.handleSent(packet, nowMs, isFirst);
    this.#board.addSent(packet);
    this.#tellShared();
    this.#pacer.take(packet.byteLength);
    if (this.#timers.retransmission === Infinity) this.#timers.retransmission = nowMs + this.rtt.timeoutMs;
    if (this.#timers.tailProbe === Infinity) this.#armTailProbe(nowMs);
    if (wasQuiet) {
      this.#congestion.handleRestart(nowMs, this.#rate.isAppLimited, this.#payloadMax(packet.path));
    }
  }
}

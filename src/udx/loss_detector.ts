/**
 * Loss detection by time: a packet that left before one which arrived, and is overdue, is lost.
 *
 * Source: RFC 8985 (RACK). Where that compares send times, this compares a count of transmissions, which never ties.
 *
 * @module
 */
import type { RecoveryPhase } from "./congestion.ts";
import type { OutgoingPacket, PacketPath } from "./outgoing_packet.ts";
import type { RttEstimator } from "./rtt.ts";
import type { Scoreboard } from "./scoreboard.ts";
import { seqAdd, seqDiff } from "./sequence.ts";

/** So many packets acknowledged out of order mean loss, not reordering (RFC 8985, section 6.2.4). */
const REORDERING_THRESHOLD_PACKETS = 3;

/** Differences of times below this are rounding. */
const TIME_RESOLUTION_MS = 0.001;

/** Finds lost packets. */
export class LossDetector<Path extends PacketPath> {
  readonly #board: Scoreboard<Path>;
  readonly #rtt: RttEstimator;
  #newestSendIndex = 0;
  #newestRttMs = 0;
  #highestSeq: number;
  #hasSeenReordering = false;
  #limitSeq: number | null = null;

  constructor(board: Scoreboard<Path>, rtt: RttEstimator) {
    this.#board = board;
    this.#rtt = rtt;
    this.#highestSeq = board.nextSeq;
  }

  /** Starts at `seq`; only before the first packet. */
  start(seq: number): void {
    this.#highestSeq = seq;
  }

  /** Packets from `seq` on may have arrived without the peer telling; null when it tells all. */
  limitTo(seq: number | null): void {
    this.#limitSeq = seq;
  }

  /** A packet arrived after `rttMs`. */
  handleDelivered(packet: OutgoingPacket<Path>, rttMs: number): void {
    // Too quick for the retransmission: the acknowledgement is of an earlier copy.
    if (!packet.wasRetransmitted || rttMs >= this.#rtt.leastMs) {
      this.#newestRttMs = rttMs;
      if (packet.sendIndex > this.#newestSendIndex) this.#newestSendIndex = packet.sendIndex;
    }
    const end = seqAdd(packet.seq, 1);
    const distance = seqDiff(end, this.#highestSeq);
    if (distance > 0) this.#highestSeq = end;
    else if (distance < 0 && !packet.wasRetransmitted) this.#hasSeenReordering = true;
  }

  /**
   * Calls `onLost` for each packet that counts as lost; returns how long until the next may, 0 when none waits.
   */
  detect(nowMs: number, phase: RecoveryPhase, onLost: (packet: OutgoingPacket<Path>) => void): number {
    const toleranceMs = this.#newestRttMs + this.#reorderingWindowMs(phase);
    let waitMs = 0;
    let packet = this.#board.oldest;
    while (packet && packet.sendIndex < this.#newestSendIndex) {
      const next: OutgoingPacket<Path> | null = packet.next;
      const remainingMs = packet.sentAtMs + toleranceMs - nowMs;
      const isKnown = this.#limitSeq === null || seqDiff(packet.seq, this.#limitSeq) < 0;
      if (!isKnown) {
        // Wait for an acknowledgement that covers it, or for the retransmission timer.
      } else if (remainingMs <= TIME_RESOLUTION_MS) onLost(packet);
      else if (remainingMs > waitMs) waitMs = remainingMs;
      packet = next;
    }
    return waitMs;
  }

  /** Whether a packet sent at `sentAtMs` is overdue when the retransmission timer fires. */
  isOverdue(sentAtMs: number, nowMs: number, phase: RecoveryPhase): boolean {
    return sentAtMs + this.#newestRttMs + this.#reorderingWindowMs(phase) < nowMs;
  }

  #reorderingWindowMs(phase: RecoveryPhase): number {
    if (!this.#hasSeenReordering) {
      if (phase !== "open" || this.#board.sackedCount >= REORDERING_THRESHOLD_PACKETS) return 0;
    }
    return this.#rtt.hasSample ? Math.min(this.#rtt.leastMs / 4, this.#rtt.smoothedMs) : 0;
  }
}

/**
 * Delivery rate: how many packets arrive in how long, from what packets remember of their departure.
 *
 * Source: draft-cheng-iccrg-delivery-rate-estimation, counted in packets as libudx does (src/udx_rate.c).
 *
 * @module
 */
import type { OutgoingPacket, PacketPath } from "./outgoing_packet.ts";
import { seqDiff } from "./sequence.ts";

/** What one acknowledgement says about the path. */
export interface RateSample {
  /** Packets that this acknowledgement newly covers. */
  ackedCount: number;
  /** Packets that it made count as lost. */
  lostCount: number;
  /** Packets delivered during {@linkcode RateSample.intervalMs}; -1 when there is no rate. */
  deliveredCount: number;
  /** Length of the interval; -1 when there is no rate. */
  intervalMs: number;
  /** Value of the delivered counter at the interval's start. */
  priorDeliveredCount: number;
  /** Round trip of the newest packet, -1 without one. */
  rttMs: number;
  /** The rate is the application's, not the path's. */
  isAppLimited: boolean;
}

/** Counts deliveries and makes samples. */
export class RateSampler {
  /** Packets delivered so far. */
  deliveredCount = 0;
  /** When that last changed. */
  deliveredAtMs = 0;
  /** Packets lost so far. */
  lostCount = 0;
  #firstSentAtMs = 0;
  /** The rate counts as the application's until so many are delivered; 0 when it does not. */
  #appLimitedUntil = 0xffffffff;
  #isSampling = false;
  #sampleSendIndex = 0;
  #priorDeliveredAtMs = 0;
  #sendIntervalMs = 0;
  #startDeliveredCount = 0;
  #startLostCount = 0;
  readonly #sample: RateSample = {
    ackedCount: 0,
    lostCount: 0,
    deliveredCount: -1,
    intervalMs: -1,
    priorDeliveredCount: 0,
    rttMs: -1,
    isAppLimited: false,
  };

  /** Whether the application, not the path, sets the rate at present. */
  get isAppLimited(): boolean {
    return this.#appLimitedUntil !== 0;
  }

  /** The application has nothing more to send while `inFlightCount` packets travel. */
  markAppLimited(inFlightCount: number): void {
    this.#appLimitedUntil = ((this.deliveredCount + inFlightCount) >>> 0) || 1;
  }

  /** A packet leaves; `isFirst` when nothing else is unacknowledged. */
  handleSent<Path extends PacketPath>(packet: OutgoingPacket<Path>, nowMs: number, isFirst: boolean): void {
    if (isFirst) this.#firstSentAtMs = this.deliveredAtMs = nowMs;
    packet.firstSentAtMs = this.#firstSentAtMs;
    packet.deliveredAtMs = this.deliveredAtMs;
    packet.deliveredCount = this.deliveredCount;
    packet.isAppLimited = this.isAppLimited;
  }

  /** An acknowledgement begins. */
  begin(): void {
    this.#isSampling = false;
    this.#startDeliveredCount = this.deliveredCount;
    this.#startLostCount = this.lostCount;
    this.#sample.rttMs = -1;
  }

  /** The acknowledgement covers `packet`, its round trip being `rttMs` or, when that is ambiguous, -1. */
  handleDelivered<Path extends PacketPath>(packet: OutgoingPacket<Path>, rttMs: number): void {
    this.deliveredCount = (this.deliveredCount + 1) >>> 0;
    if (this.#isSampling && seqDiff(packet.sendIndex, this.#sampleSendIndex) <= 0) return;
    this.#isSampling = true;
    this.#sampleSendIndex = packet.sendIndex;
    this.#sample.priorDeliveredCount = packet.deliveredCount;
    this.#sample.isAppLimited = packet.isAppLimited;
    if (rttMs >= 0) this.#sample.rttMs = rttMs;
    this.#priorDeliveredAtMs = packet.deliveredAtMs;
    this.#firstSentAtMs = packet.sentAtMs;
    this.#sendIntervalMs = packet.sentAtMs - packet.firstSentAtMs;
  }

  /** The acknowledgement is done: its sample, valid until the next. */
  finish(nowMs: number, leastRttMs: number): RateSample {
    const sample = this.#sample;
    if (this.#appLimitedUntil !== 0 && seqDiff(this.deliveredCount, this.#appLimitedUntil) > 0) {
      this.#appLimitedUntil = 0;
    }
    sample.ackedCount = (this.deliveredCount - this.#startDeliveredCount) >>> 0;
    sample.lostCount = this.lostCount - this.#startLostCount;
    sample.deliveredCount = sample.intervalMs = -1;
    if (sample.ackedCount > 0) this.deliveredAtMs = nowMs;
    if (!this.#isSampling) return sample;
    const intervalMs = Math.max(this.#sendIntervalMs, nowMs - this.#priorDeliveredAtMs);
    // Shorter than any round trip: acknowledgements were bunched, the rate would be fantasy.
    if (intervalMs <= 0 || intervalMs < leastRttMs) return sample;
    sample.deliveredCount = (this.deliveredCount - sample.priorDeliveredCount) >>> 0;
    sample.intervalMs = intervalMs;
    return sample;
  }
}

/**
 * BBR: a model of the path's bandwidth and round trip instead of reactions to loss.
 *
 * Source: draft-cardwell-iccrg-bbr-congestion-control-00 (BBR version 1) with the constants of Linux, which libudx
 * uses too (src/udx_bbr.c). Bandwidth is in packets per ms, as there.
 *
 * @module
 */
import type { Random } from "../base/mod.ts";
import type { CongestionController, FlightState, RecoveryPhase } from "./congestion.ts";
import { INITIAL_CWND_PACKETS } from "./limits.ts";
import type { RateSample } from "./rate_sampler.ts";
import { seqDiff } from "./sequence.ts";
import { type PathMember, SharedPath } from "./shared_path.ts";
import { WindowedFilter } from "./windowed_filter.ts";

/** Phases; the numbers are those that udx-native shows as `bbrState`. */
export const BBR_STATES = { startup: 0, drain: 1, probeBandwidth: 2, probeRtt: 3 } as const;

type BbrState = keyof typeof BBR_STATES;

/** 2/ln 2: the least gain that doubles the rate each round. */
const HIGH_GAIN = 2.88539;
const DRAIN_GAIN = 1 / HIGH_GAIN;
const CWND_GAIN = 2;
const PACING_MARGIN = 0.99;
const PROBE_GAINS = [1.25, 0.75, 1, 1, 1, 1, 1, 1] as const;
const BANDWIDTH_ROUNDS = PROBE_GAINS.length + 2;
const MIN_RTT_INTERVAL_MS = 10_000;
const PROBE_RTT_MS = 200;
const CWND_MIN_PACKETS = 4;
const FULL_BANDWIDTH_GROWTH = 1.25;
const FULL_BANDWIDTH_ROUNDS = 3;
const EXTRA_ACKED_ROUNDS = 5;
const EXTRA_ACKED_MAX_MS = 100;

/**
 * Recovery holds the flight down for a round only where more than this part of it was lost (BBR version 2 begins to mind
 * loss there): a path that loses single packets at random would be held down every other round.
 */
const CONSERVING_LOSS = 0.02;

/** Shorter round trips count as this one: timers and event loops do not turn faster. */
const MODEL_RTT_MIN_MS = 1;

/** BBR version 1. */
export class BbrController implements CongestionController {
  readonly #random: Random;
  #state: BbrState = "startup";
  #cwndPackets = INITIAL_CWND_PACKETS;
  #pacingBytesPerMs: number;
  #pacingGain: number = HIGH_GAIN;
  #cwndGain: number = HIGH_GAIN;

  readonly #bandwidth = new WindowedFilter("max", BANDWIDTH_ROUNDS);
  #roundCount = 0;
  #roundEndsAt = 0;
  #isRoundStart = false;

  #minRttMs = Infinity;
  #minRttAtMs: number;
  #probeRttDoneAtMs = 0;
  #isProbeRttRoundDone = false;
  #isIdleRestart = false;

  #cycleIndex = 0;
  #cycleAtMs = 0;

  #fullBandwidth = 0;
  #fullBandwidthRounds = 0;
  #isPipeFull = false;

  #member: PathMember = new SharedPath().join();

  #phase: RecoveryPhase = "open";
  #savedCwndPackets = 0;
  #isConserving = false;
  #hasSeenRtt = false;

  #extraAckedAtMs: number;
  #extraAckedCount = 0;
  #extraAckedRounds = 0;
  #extraAckedIndex = 0;
  readonly #extraAcked: [number, number] = [0, 0];

  /** Starts at `nowMs`; `payloadBytes` is what a full packet carries. */
  constructor(nowMs: number, payloadBytes: number, random: Random) {
    this.#random = random;
    this.#minRttAtMs = nowMs;
    this.#extraAckedAtMs = nowMs;
    this.#pacingBytesPerMs = pacingRate(INITIAL_CWND_PACKETS, payloadBytes, HIGH_GAIN);
  }

  get cwndPackets(): number {
    return this.#cwndPackets;
  }

  get pacingBytesPerMs(): number {
    return this.#pacingBytesPerMs;
  }

  get stateCode(): number {
    return BBR_STATES[this.#state];
  }

  get bandwidth(): number {
    return this.#bandwidth.value;
  }

  get isProbingRtt(): boolean {
    return this.#state === "probeRtt";
  }

  joinPath(path: SharedPath): void {
    this.#member.leave();
    this.#member = path.join();
  }

  leavePath(): void {
    this.#member.leave();
  }

  handleRestart(nowMs: number, isAppLimited: boolean, payloadBytes: number): void {
    if (!isAppLimited) return;
    this.#isIdleRestart = true;
    this.#extraAckedAtMs = nowMs;
    this.#extraAckedCount = 0;
    if (this.#state === "probeBandwidth") this.#setPacing(1, payloadBytes);
    else if (this.#state === "probeRtt") this.#leaveProbeRttMaybe(nowMs);
  }

  handleAck(sample: RateSample, flight: FlightState, nowMs: number): void {
    this.#updateBandwidth(sample, flight);
    this.#updateBound(sample, flight);
    this.#updateAckAggregation(sample, flight);
    this.#updateCycle(sample, flight);
    this.#checkPipeFull(sample);
    this.#checkDrain(flight, nowMs);
    this.#updateMinRtt(sample, flight, nowMs);
    this.#updateGains();

    if (!this.#hasSeenRtt && flight.smoothedRttMs > 0) {
      this.#hasSeenRtt = true;
      const bandwidth = this.#cwndPackets / Math.max(flight.smoothedRttMs, MODEL_RTT_MIN_MS);
      this.#pacingBytesPerMs = pacingRate(bandwidth, flight.payloadBytes, HIGH_GAIN);
    }
    this.#setPacing(this.#pacingGain, flight.payloadBytes);
    this.#setCwnd(sample, flight);
  }

  handleRecovery(): void {
    this.#saveCwnd();
  }

  handleTimeout(inFlightCount: number): void {
    this.#saveCwnd();
    this.#phase = "loss";
    this.#fullBandwidth = 0;
    this.#isRoundStart = true;
    this.#cwndPackets = Math.max(CWND_MIN_PACKETS, inFlightCount + 1);
  }

  #updateBandwidth(sample: RateSample, flight: FlightState): void {
    this.#isRoundStart = false;
    if (sample.deliveredCount <= 0 || sample.intervalMs <= 0) return;
    if (seqDiff(sample.priorDeliveredCount, this.#roundEndsAt) >= 0) {
      this.#roundEndsAt = flight.deliveredCount;
      this.#roundCount++;
      this.#isRoundStart = true;
      this.#isConserving = false;
    }
    const bandwidth = sample.deliveredCount / sample.intervalMs;
    if (!sample.isAppLimited || bandwidth >= this.bandwidth) this.#bandwidth.add(this.#roundCount, bandwidth);
  }

  #updateBound(sample: RateSample, flight: FlightState): void {
    const member = this.#member;
    // What a stream by itself loses at the start tells it how fast the path is.
    if (!this.#isPipeFull && !member.hasCompany) return;
    member.cwndPackets = this.#cwndPackets;
    member.bandwidth = this.bandwidth;
    member.leastRttMs = this.#minRttMs;
    member.handleOutcome(flight.deliveredAtMs, sample.ackedCount, sample.lostCount, flight.inFlightCount);
  }

  /** How many more packets than the model expects are acknowledged in bunches, so that bunches do not stall us. */
  #updateAckAggregation(sample: RateSample, flight: FlightState): void {
    if (sample.ackedCount <= 0 || sample.deliveredCount < 0) return;
    if (this.#isRoundStart && ++this.#extraAckedRounds >= EXTRA_ACKED_ROUNDS) {
      this.#extraAckedRounds = 0;
      this.#extraAckedIndex = 1 - this.#extraAckedIndex;
      this.#extraAcked[this.#extraAckedIndex] = 0;
    }
    let expectedCount = this.bandwidth * Math.max(0, flight.deliveredAtMs - this.#extraAckedAtMs);
    if (this.#extraAckedCount <= expectedCount) {
      this.#extraAckedCount = 0;
      this.#extraAckedAtMs = flight.deliveredAtMs;
      expectedCount = 0;
    }
    this.#extraAckedCount += sample.ackedCount;
    const extra = Math.min(this.#cwndPackets, Math.floor(this.#extraAckedCount - expectedCount));
    if (extra > this.#extraAcked[this.#extraAckedIndex]!) this.#extraAcked[this.#extraAckedIndex] = extra;
  }

  #updateCycle(sample: RateSample, flight: FlightState): void {
    if (this.#state !== "probeBandwidth" || !this.#isCycleDone(sample, flight)) return;
    this.#advanceCycle(flight.deliveredAtMs);
  }

  #isCycleDone(sample: RateSample, flight: FlightState): boolean {
    const isFullLength = flight.deliveredAtMs - this.#cycleAtMs > this.#modelRttMs();
    if (this.#pacingGain === 1) return isFullLength;
    if (this.#pacingGain > 1) {
      return isFullLength &&
        (sample.lostCount > 0 || flight.inFlightCount >= this.#targetPackets(this.#pacingGain));
    }
    return isFullLength || flight.inFlightCount <= this.#targetPackets(1);
  }

  #advanceCycle(atMs: number): void {
    this.#cycleIndex = (this.#cycleIndex + 1) % PROBE_GAINS.length;
    this.#cycleAtMs = atMs;
  }

  #checkPipeFull(sample: RateSample): void {
    if (this.#isPipeFull || !this.#isRoundStart || sample.isAppLimited) return;
    if (this.bandwidth >= this.#fullBandwidth * FULL_BANDWIDTH_GROWTH) {
      this.#fullBandwidth = this.bandwidth;
      this.#fullBandwidthRounds = 0;
      return;
    }
    this.#isPipeFull = ++this.#fullBandwidthRounds >= FULL_BANDWIDTH_ROUNDS;
  }

  #checkDrain(flight: FlightState, nowMs: number): void {
    if (this.#state === "startup" && this.#isPipeFull) this.#state = "drain";
    if (this.#state === "drain" && flight.inFlightCount <= this.#targetPackets(1)) {
      this.#enterProbeBandwidth(nowMs);
    }
  }

  #enterProbeBandwidth(nowMs: number): void {
    this.#state = "probeBandwidth";
    // Any phase but the draining one, at random, so that flows which start together do not probe together.
    const choice = 1 + Math.floor(this.#random.next() * (PROBE_GAINS.length - 1));
    this.#cycleIndex = choice;
    this.#advanceCycle(nowMs);
  }

  #updateMinRtt(sample: RateSample, flight: FlightState, nowMs: number): void {
    const isExpired = nowMs > this.#minRttAtMs + MIN_RTT_INTERVAL_MS;
    if (sample.rttMs >= 0 && (sample.rttMs < this.#minRttMs || isExpired)) {
      this.#minRttMs = sample.rttMs;
      this.#minRttAtMs = nowMs;
    }
    if (isExpired && !this.#isIdleRestart && this.#state !== "probeRtt") {
      this.#saveCwnd();
      this.#state = "probeRtt";
      this.#probeRttDoneAtMs = 0;
    }
    if (this.#state === "probeRtt") {
      if (this.#probeRttDoneAtMs === 0 && flight.inFlightCount <= CWND_MIN_PACKETS) {
        this.#probeRttDoneAtMs = nowMs + PROBE_RTT_MS;
        this.#isProbeRttRoundDone = false;
        this.#roundEndsAt = flight.deliveredCount;
      } else if (this.#probeRttDoneAtMs !== 0) {
        if (this.#isRoundStart) this.#isProbeRttRoundDone = true;
        if (this.#isProbeRttRoundDone) this.#leaveProbeRttMaybe(nowMs);
      }
    }
    if (sample.deliveredCount > 0) this.#isIdleRestart = false;
  }

  #leaveProbeRttMaybe(nowMs: number): void {
    if (this.#probeRttDoneAtMs === 0 || nowMs < this.#probeRttDoneAtMs) return;
    this.#minRttAtMs = nowMs;
    this.#cwndPackets = Math.max(this.#cwndPackets, this.#savedCwndPackets);
    if (this.#isPipeFull) this.#enterProbeBandwidth(nowMs);
    else this.#state = "startup";
  }

  #updateGains(): void {
    switch (this.#state) {
      case "startup":
        this.#pacingGain = this.#cwndGain = HIGH_GAIN;
        break;
      case "drain":
        this.#pacingGain = DRAIN_GAIN;
        this.#cwndGain = HIGH_GAIN;
        break;
      case "probeBandwidth":
        this.#pacingGain = PROBE_GAINS[this.#cycleIndex]!;
        this.#cwndGain = CWND_GAIN;
        break;
      case "probeRtt":
        this.#pacingGain = this.#cwndGain = 1;
        break;
    }
  }

  #setPacing(gain: number, payloadBytes: number): void {
    const rate = pacingRate(this.bandwidth, payloadBytes, gain);
    if (this.#isPipeFull || rate > this.#pacingBytesPerMs) this.#pacingBytesPerMs = rate;
  }

  #setCwnd(sample: RateSample, flight: FlightState): void {
    if (sample.ackedCount > 0) {
      this.#cwndPackets = this.#recoverCwnd(sample, flight) ?? this.#nextCwnd(sample, flight);
    }
    this.#cwndPackets = Math.min(this.#cwndPackets, this.#member.limitPackets);
    if (this.#state === "probeRtt") this.#cwndPackets = Math.min(this.#cwndPackets, CWND_MIN_PACKETS);
  }

  #nextCwnd(sample: RateSample, flight: FlightState): number {
    const target = this.#targetPackets(this.#cwndGain) + this.#aggregationPackets();
    let cwnd = this.#cwndPackets;
    if (this.#isPipeFull) cwnd = Math.min(cwnd + sample.ackedCount, target);
    else if (cwnd < target || flight.deliveredCount < INITIAL_CWND_PACKETS) cwnd += sample.ackedCount;
    return Math.max(cwnd, CWND_MIN_PACKETS);
  }

  /** The window while recovery rules it, else null; losses are taken off either way. */
  #recoverCwnd(sample: RateSample, flight: FlightState): number | null {
    const previous = this.#phase;
    this.#phase = flight.phase;
    if (sample.lostCount > 0) this.#cwndPackets = Math.max(1, this.#cwndPackets - sample.lostCount);
    const isHeavy = sample.lostCount > CONSERVING_LOSS * flight.inFlightCount;
    if (flight.phase === "recovery" && previous !== "recovery" && isHeavy) {
      this.#isConserving = true;
      this.#roundEndsAt = flight.deliveredCount;
      this.#cwndPackets = Math.max(CWND_MIN_PACKETS, flight.inFlightCount + sample.ackedCount);
    } else if (flight.phase === "open" && previous !== "open") {
      this.#cwndPackets = Math.max(this.#cwndPackets, this.#savedCwndPackets);
      this.#isConserving = false;
    }
    if (!this.#isConserving) return null;
    return Math.max(this.#cwndPackets, flight.inFlightCount + sample.ackedCount);
  }

  #saveCwnd(): void {
    const isFresh = this.#phase === "open" && this.#state !== "probeRtt";
    this.#savedCwndPackets = isFresh
      ? this.#cwndPackets
      : Math.max(this.#savedCwndPackets, this.#cwndPackets);
  }

  #modelRttMs(): number {
    return Math.max(this.#minRttMs, MODEL_RTT_MIN_MS);
  }

  #targetPackets(gain: number): number {
    if (this.#minRttMs === Infinity) return INITIAL_CWND_PACKETS;
    return Math.ceil(this.bandwidth * this.#modelRttMs() * gain);
  }

  #aggregationPackets(): number {
    if (!this.#isPipeFull) return 0;
    const most = Math.floor(this.bandwidth * EXTRA_ACKED_MAX_MS);
    return Math.min(most, Math.max(this.#extraAcked[0], this.#extraAcked[1]));
  }
}

function pacingRate(packetsPerMs: number, payloadBytes: number, gain: number): number {
  return Math.max(1, packetsPerMs * payloadBytes * gain * PACING_MARGIN);
}

/**
 * What a stream asks of its congestion controller.
 *
 * @module
 */
import type { RateSample } from "./rate_sampler.ts";
import type { SharedPath } from "./shared_path.ts";

/** Loss recovery, as the congestion controller sees it. */
export type RecoveryPhase = "open" | "recovery" | "loss";

/** The stream's side of a sample. */
export interface FlightState {
  /** Packets in flight after the acknowledgement. */
  inFlightCount: number;
  /** Packets delivered since the stream began. */
  deliveredCount: number;
  /** When that last changed. */
  deliveredAtMs: number;
  /** Smoothed round trip, 0 without one. */
  smoothedRttMs: number;
  /** Payload bytes of a full packet. */
  payloadBytes: number;
  /** Loss recovery. */
  phase: RecoveryPhase;
}

/** Decides how much may be in flight and how fast it leaves. */
export interface CongestionController {
  /** Packets that may be in flight. */
  readonly cwndPackets: number;
  /** Bytes that may leave in a millisecond. */
  readonly pacingBytesPerMs: number;
  /** Name of the phase as a number, for statistics. */
  readonly stateCode: number;
  /** Estimated bandwidth, packets per ms. */
  readonly bandwidth: number;
  /** True while the controller wants samples to count as the application's. */
  readonly isProbingRtt: boolean;
  /** The stream sends over `path` from now on. */
  joinPath(path: SharedPath): void;
  /** The stream sends nothing more. */
  leavePath(): void;
  /** Sending starts after a pause. */
  handleRestart(nowMs: number, isAppLimited: boolean, payloadBytes: number): void;
  /** An acknowledgement was processed. */
  handleAck(sample: RateSample, flight: FlightState, nowMs: number): void;
  /** Fast recovery begins. */
  handleRecovery(): void;
  /** The retransmission timer fired; `inFlightCount` packets are still believed to travel. */
  handleTimeout(inFlightCount: number): void;
}

/**
 * Round trips: the smoothed value, its variation, the retransmission timeout, the least seen.
 *
 * Source: RFC 6298 with libudx's constants (src/udx.c).
 *
 * @module
 */
import { RTO_MAX_MS, RTO_MIN_MS, RTT_MAX_MS, RTT_MIN_WINDOW_MS } from "./limits.ts";
import { WindowedFilter } from "./windowed_filter.ts";

/** A sample this long is suspect of counting the time that a machine slept. */
const OUTLIER_MS = 5000;

/** Estimates the round-trip time of one path. */
export class RttEstimator {
  readonly #least = new WindowedFilter("min", RTT_MIN_WINDOW_MS);
  #smoothedMs = 0;
  #variationMs = 0;
  #timeoutMs = RTO_MIN_MS;
  #hasSample = false;

  /** Whether any round trip was measured. */
  get hasSample(): boolean {
    return this.#hasSample;
  }

  /** Smoothed round trip, 0 without a sample. */
  get smoothedMs(): number {
    return this.#smoothedMs;
  }

  /** Least round trip of the last minutes, infinity without a sample. */
  get leastMs(): number {
    return this.#least.value;
  }

  /** Time after which an unacknowledged packet counts as lost. */
  get timeoutMs(): number {
    return this.#timeoutMs;
  }

  /** The sample as far as it can be trusted. */
  clampMs(rttMs: number): number {
    if (!this.#hasSample) return Math.min(rttMs, RTT_MAX_MS);
    const threshold = this.#smoothedMs + 5 * this.#variationMs;
    return rttMs > threshold && rttMs > OUTLIER_MS ? Math.min(threshold, RTT_MAX_MS) : rttMs;
  }

  /** Adds a sample of a packet that was sent once. */
  add(nowMs: number, rttMs: number): void {
    this.#least.add(nowMs, rttMs);
    if (!this.#hasSample) {
      this.#hasSample = true;
      this.#smoothedMs = rttMs;
      this.#variationMs = rttMs / 2;
    } else {
      this.#variationMs += (Math.abs(rttMs - this.#smoothedMs) - this.#variationMs) / 4;
      this.#smoothedMs += (rttMs - this.#smoothedMs) / 8;
    }
    const timeoutMs = this.#smoothedMs + 4 * this.#variationMs;
    this.#timeoutMs = Math.min(RTO_MAX_MS, Math.max(RTO_MIN_MS, timeoutMs));
  }
}

/**
 * How long an answer is waited for, by what a node took before.
 *
 * Source: adaptive-timeout `index.js`.
 *
 * @module
 */
import type { Random } from "../base/mod.ts";

/** Options of adaptive timeouts: what adaptive-timeout 1.0 takes. */
export interface AdaptiveTimeoutOptions {
  /** Addresses that are remembered (default 65 536). */
  readonly maxSize?: number;
  /** How long, in ms (default 10 minutes). */
  readonly maxAge?: number;
  /** Timeouts in ms of the first, second, … attempt at an unknown address (default 250, 500, 1000, 2000, 4000). */
  readonly fallback?: readonly number[];
  /** Shortest timeout at a known address, in ms (default 300). */
  readonly min?: number;
  /** Longest timeout at a known address, in ms (default 4000). */
  readonly max?: number;
  /** Up to so many ms more, at random (default 256). */
  readonly jitter?: number;
}

interface Estimate {
  averageMs: number;
  varianceMs: number;
  updatedAtMs: number;
}

/** Round trips by address. */
export class AdaptiveTimeout {
  readonly #estimates = new Map<string, Estimate>();
  readonly #options: Required<AdaptiveTimeoutOptions>;
  readonly #random: Random;

  /** Starts knowing nobody. */
  constructor(options: AdaptiveTimeoutOptions, random: Random) {
    this.#random = random;
    this.#options = {
      maxSize: options.maxSize || 65_536,
      maxAge: options.maxAge || 600_000,
      fallback: options.fallback ?? [250, 500, 1000, 2000, 4000],
      min: options.min ?? 300,
      max: options.max || 4000,
      jitter: options.jitter ?? 256,
    };
  }

  /** An answer took `rttMs`. */
  put(key: string, rttMs: number, nowMs: number): void {
    const sampleMs = Math.round(rttMs);
    const known = this.#find(key, nowMs);
    // Taken out and put back, so that the first of the map is the one that was not used for the longest time.
    this.#estimates.delete(key);
    if (known) {
      known.varianceMs += (Math.abs(known.averageMs - sampleMs) - known.varianceMs) >> 2;
      known.averageMs += (sampleMs - known.averageMs) >> 3;
      known.updatedAtMs = nowMs;
      this.#estimates.set(key, known);
      return;
    }
    if (this.#estimates.size >= this.#options.maxSize) {
      const [stalest] = this.#estimates.keys();
      this.#estimates.delete(stalest!);
    }
    this.#estimates.set(key, { averageMs: sampleMs, varianceMs: sampleMs >> 1, updatedAtMs: nowMs });
  }

  /** How long to wait for the answer to the `attempt`-th try, from 1, in ms. */
  get(key: string, attempt: number, nowMs: number): number {
    const { fallback, min, max, jitter } = this.#options;
    const known = this.#find(key, nowMs);
    const jitterMs = Math.floor(this.#random.next() * jitter);
    if (!known) return fallback[Math.min(attempt, fallback.length) - 1]! + jitterMs;
    const backoffMs = (known.averageMs + 2 * known.varianceMs) * attempt;
    return Math.min(Math.max(backoffMs + jitterMs, min), max);
  }

  #find(key: string, nowMs: number): Estimate | null {
    const estimate = this.#estimates.get(key);
    if (!estimate) return null;
    if (nowMs - estimate.updatedAtMs < this.#options.maxAge) return estimate;
    this.#estimates.delete(key);
    return null;
  }
}

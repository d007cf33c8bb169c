/**
 * Keeps punches with random NATs apart: they send much, and two at a time would look like an attack to a NAT.
 *
 * @module
 */
import type { Clock } from "../../base/mod.ts";
import type { RandomPunchLimiterOptions, RandomPunchLimiterPort } from "../holepunch_port.ts";

/** Punches with a random NAT at the same time. Source: hyperdht `index.js`. */
const PUNCHES_MAX = 1;

/** One node's limiter. Source: hyperdht `index.js`, `_randomPunches` and `_lastRandomPunch`. */
export class RandomPunchLimiter implements RandomPunchLimiterPort {
  readonly #clock: Clock;
  readonly #intervalMs: number;
  #count = 0;
  #lastMs: number;

  /** Starts with an interval if `isDeferred`. */
  constructor({ clock, intervalMs, isDeferred }: RandomPunchLimiterOptions) {
    this.#clock = clock;
    this.#intervalMs = intervalMs;
    this.#lastMs = isDeferred ? clock.nowMs() : -Infinity;
  }

  /** Whether a punch may begin now. */
  get isAllowed(): boolean {
    return this.#count < PUNCHES_MAX && this.#clock.nowMs() - this.#lastMs >= this.#intervalMs;
  }

  /** A punch begins, or somebody is committed to one. */
  begin(): void {
    this.#count++;
  }

  /** A punch has ended; the interval counts from now. */
  end(): void {
    this.#count--;
    this.#lastMs = this.#clock.nowMs();
  }

  /** Undoes {@linkcode begin} without an interval. */
  cancel(): void {
    this.#count--;
  }

  /** The interval counts from now. */
  defer(): void {
    this.#lastMs = this.#clock.nowMs();
  }
}

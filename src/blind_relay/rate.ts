/**
 * A rate that packets are held to: each is due when those before it have been paid for.
 *
 * @module
 */
import { BURST_MS, QUEUE_BYTES_MIN, QUEUE_MS_MAX } from "./limits.ts";

/** Lets so many bytes per second pass. */
export class Rate {
  readonly #bytesPerMs: number;
  readonly #waitMsMax: number;
  #paidUntilMs = -Infinity;

  /** An infinite rate lets all pass at once. */
  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#waitMsMax = Math.max(QUEUE_MS_MAX, QUEUE_BYTES_MIN / this.#bytesPerMs);
  }

  /** How long a packet that came at `nowMs` waits; infinity when it is not to be kept. */
  waitMs(nowMs: number): number {
    const waitMs = Math.max(0, this.#paidUntilMs - nowMs);
    return waitMs > this.#waitMsMax ? Infinity : waitMs;
  }

  /** A packet of `byteLength` that came at `nowMs` passes, now or when its wait is over. */
  take(byteLength: number, nowMs: number): void {
    const fromMs = Math.max(this.#paidUntilMs, nowMs - BURST_MS);
    this.#paidUntilMs = fromMs + byteLength / this.#bytesPerMs;
  }
}

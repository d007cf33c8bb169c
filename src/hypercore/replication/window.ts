/**
 * How many requests one peer may have open: between bounds in count, below a bound in bytes.
 *
 * Grows while answers come quickly and shrinks when they start to queue up at the peer, so that a user's request
 * does not wait behind a long line of others.
 *
 * @module
 */
import {
  INFLIGHT_BYTES_MAX,
  INFLIGHT_START_FACTOR,
  WINDOW_GROW_BELOW_MS,
  WINDOW_SHRINK_ABOVE_MS,
} from "./limits.ts";

/** The window of one peer. Knows counts, bytes and times; not what was asked. */
export class RequestWindow {
  #min: number;
  #max: number;
  #limit: number;
  #open = 0;
  #bytes = 0;
  #answersSinceGrowth = 0;
  #smoothedMs = 0;
  #quickestMs = Infinity;

  /** Bounds are in requests. */
  constructor([min, max]: readonly [number, number]) {
    this.#min = min;
    this.#max = Math.max(min, max);
    this.#limit = Math.min(this.#max, min * INFLIGHT_START_FACTOR);
  }

  /** Sets new bounds, in requests. */
  setRange([min, max]: readonly [number, number]): void {
    this.#min = min;
    this.#max = Math.max(min, max);
    this.#limit = Math.min(this.#max, Math.max(this.#limit, min * INFLIGHT_START_FACTOR));
  }

  /** Requests without an answer. */
  get open(): number {
    return this.#open;
  }

  /** Requests that may be open. */
  get limit(): number {
    return this.#limit;
  }

  /** Smoothed time from request to answer, ms; 0 before the first answer. */
  get smoothedMs(): number {
    return this.#smoothedMs;
  }

  /** Tells whether a request for about `bytes` may be opened. */
  hasRoom(bytes: number): boolean {
    if (this.#open >= this.#limit) return false;
    return this.#bytes === 0 || this.#bytes + bytes <= INFLIGHT_BYTES_MAX;
  }

  /** A request for about `bytes` was opened. */
  opened(bytes: number): void {
    this.#open++;
    this.#bytes += bytes;
  }

  /** A request was answered (`elapsedMs` after it was opened) or taken back (null). Its bytes still count. */
  closed(elapsedMs: number | null): void {
    this.#open--;
    if (elapsedMs === null) return;
    this.#smoothedMs = this.#smoothedMs === 0 ? elapsedMs : this.#smoothedMs * 0.875 + elapsedMs * 0.125;
    this.#quickestMs = Math.min(this.#quickestMs, elapsedMs);
    if (++this.#answersSinceGrowth < this.#limit) return;
    this.#answersSinceGrowth = 0;
    const queuedMs = this.#smoothedMs - this.#quickestMs;
    if (queuedMs < WINDOW_GROW_BELOW_MS) this.#limit = Math.min(this.#max, this.#limit * 2);
    else if (queuedMs > WINDOW_SHRINK_ABOVE_MS) this.#limit = Math.max(this.#min, this.#limit >> 1);
  }

  /** What was asked for is stored or given up. */
  settled(bytes: number): void {
    this.#bytes -= bytes;
  }
}

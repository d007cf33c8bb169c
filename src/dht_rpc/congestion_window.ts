/**
 * How many requests may leave within a time: four windows of 750 ms, each with a bound, and a bound on their sum.
 *
 * Source: dht-rpc `lib/io.js`.
 *
 * @module
 */
import { WINDOW_MS } from "./limits.ts";

const WINDOW_COUNT = 4;

/** Counts what was sent and what was answered. */
export class CongestionWindow {
  /** Requests that one window takes. */
  readonly maxWindow: number;
  readonly #sent: number[] = new Array(WINDOW_COUNT).fill(0);
  #total = 0;
  #current = 0;
  #endsAtMs: number;

  /** Starts empty. */
  constructor(maxWindow: number, nowMs: number) {
    this.maxWindow = maxWindow;
    this.#endsAtMs = nowMs + WINDOW_MS;
  }

  /** When the present window ends. */
  get endsAtMs(): number {
    return this.#endsAtMs;
  }

  /** Requests that were sent within the windows and not answered. */
  get total(): number {
    return this.#total;
  }

  /** Tells whether the next request has to wait. */
  isFull(nowMs: number): boolean {
    this.#advance(nowMs);
    return this.#total >= 2 * this.maxWindow || this.#sent[this.#current]! >= this.maxWindow;
  }

  /** A request was sent. */
  handleSent(nowMs: number): void {
    this.#advance(nowMs);
    this.#total++;
    this.#sent[this.#current]!++;
  }

  /** A request is over: answered, given up or cancelled. */
  handleOver(nowMs: number): void {
    this.#advance(nowMs);
    if (this.#sent[this.#current]! === 0) return;
    this.#sent[this.#current]!--;
    this.#total--;
  }

  /** Forgets everything. */
  clear(): void {
    this.#sent.fill(0);
    this.#total = 0;
  }

  #advance(nowMs: number): void {
    for (let steps = 0; nowMs >= this.#endsAtMs; steps++) {
      if (steps === WINDOW_COUNT) {
        this.#endsAtMs = nowMs + WINDOW_MS;
        return;
      }
      this.#endsAtMs += WINDOW_MS;
      this.#current = (this.#current + 1) % WINDOW_COUNT;
      this.#total -= this.#sent[this.#current]!;
      this.#sent[this.#current] = 0;
    }
  }
}

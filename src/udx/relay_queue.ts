/**
 * Packets on their way through a relay that is made to slow them down.
 *
 * @module
 */
import type { CancelTimer, Clock } from "../base/mod.ts";

/** Forwards packets in order, each at its time. */
export class RelayQueue {
  readonly #clock: Clock;
  readonly #forward: (packets: readonly Uint8Array[]) => void;
  #waiting: { readonly bytes: Uint8Array; readonly atMs: number }[] = [];
  #cancelTimer: CancelTimer | null = null;

  /** `forward` gets what is due. */
  constructor(clock: Clock, forward: (packets: readonly Uint8Array[]) => void) {
    this.#clock = clock;
    this.#forward = forward;
  }

  /** Appends a packet, which leaves in `waitMs` and never before those in front of it. */
  push(bytes: Uint8Array, waitMs: number): void {
    this.#waiting.push({ bytes, atMs: this.#clock.nowMs() + waitMs });
    this.#arm();
  }

  /** Whether nothing waits. */
  get isEmpty(): boolean {
    return this.#waiting.length === 0;
  }

  /** Drops what waits. */
  clear(): void {
    this.#waiting = [];
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #arm(): void {
    const [next] = this.#waiting;
    if (next === undefined || this.#cancelTimer !== null) return;
    const delayMs = Math.max(0, next.atMs - this.#clock.nowMs());
    this.#cancelTimer = this.#clock.schedule(delayMs, () => {
      this.#cancelTimer = null;
      this.#release();
      this.#arm();
    });
  }

  #release(): void {
    const nowMs = this.#clock.nowMs();
    const lateIndex = this.#waiting.findIndex(({ atMs }) => atMs > nowMs);
    const due = this.#waiting.splice(0, lateIndex < 0 ? this.#waiting.length : lateIndex);
    if (due.length > 0) this.#forward(due.map(({ bytes }) => bytes));
  }
}

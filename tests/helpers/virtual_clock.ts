/**
 * A clock that stands still until a test moves it.
 *
 * @module
 */
import type { CancelTimer, Clock } from "../../src/base/mod.ts";

interface Timer {
  readonly dueMs: number;
  readonly order: number;
  readonly callback: () => void;
}

/** Time under control of a test; timers run in order of their due times, then of their scheduling. */
export class VirtualClock implements Clock {
  #nowMs: number;
  #order = 0;
  readonly #timers = new Set<Timer>();

  /** Starts at `startMs`. */
  constructor(startMs = 0) {
    this.#nowMs = startMs;
  }

  /** Timers that have not run yet. */
  get pendingCount(): number {
    return this.#timers.size;
  }

  /** Monotonic time in ms. */
  nowMs(): number {
    return this.#nowMs;
  }

  /** Wall-clock time in ms: the monotonic time counted from 2026-01-01. */
  wallMs(): number {
    return 1_767_225_600_000 + this.#nowMs;
  }

  /** Calls `callback` once the clock has been moved `delayMs` ahead. */
  schedule(delayMs: number, callback: () => void): CancelTimer {
    const timer: Timer = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#timers.add(timer);
    return () => {
      this.#timers.delete(timer);
    };
  }

  /** Moves time ahead by `byMs` and runs what falls due on the way, timers set meanwhile included. */
  advance(byMs: number): void {
    const targetMs = this.#nowMs + byMs;
    for (let timer = this.#nextDue(targetMs); timer !== null; timer = this.#nextDue(targetMs)) {
      this.#timers.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
      timer.callback();
    }
    this.#nowMs = targetMs;
  }

  #nextDue(targetMs: number): Timer | null {
    let next: Timer | null = null;
    for (const timer of this.#timers) {
      if (timer.dueMs > targetMs) continue;
      if (
        next === null || timer.dueMs < next.dueMs || (timer.dueMs === next.dueMs && timer.order < next.order)
      ) {
        next = timer;
      }
    }
    return next;
  }
}

/** Lets all that is ready happen, without a move of any clock. */
export async function settle(): Promise<void> {
  for (let turn = 0; turn < 30; turn++) await new Promise((resolve) => setImmediate(resolve));
}

/** Moves `clock` on, 100 ms at a time, until `promise` is resolved; tells how far, in ms. */
export async function durationOf(promise: Promise<unknown>, clock: VirtualClock): Promise<number> {
  const startMs = clock.nowMs();
  let isOver = false;
  const over = promise.finally(() => isOver = true);
  await settle();
  while (!isOver) {
    clock.advance(100);
    await settle();
  }
  await over;
  return clock.nowMs() - startMs;
}

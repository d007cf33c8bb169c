/**
 * When to send a heartbeat and when to give a silent peer up.
 *
 * @module
 */

/** What falls due: the peer was silent for too long, or we were. */
export type IdleEvent = "timeout" | "keepAlive";

interface Timer {
  /** How long nothing may happen, in ms; 0 when the timer is off. */
  periodMs: number;
  sinceMs: number;
}

/** Pure timers of one stream. They stand still until {@linkcode start}. */
export class IdleMachine {
  /** All timers: `timeout` counts from the last byte received, `keepAlive` from the last message sent. */
  readonly #timers: Readonly<Record<IdleEvent, Timer>> = {
    timeout: { periodMs: 0, sinceMs: 0 },
    keepAlive: { periodMs: 0, sinceMs: 0 },
  };
  #isStarted = false;

  /** Starts counting. */
  start(nowMs: number): void {
    this.#isStarted = true;
    this.#timers.timeout.sinceMs = nowMs;
    this.#timers.keepAlive.sinceMs = nowMs;
  }

  /** Lets `event` fall due whenever nothing happened for `periodMs` (0: never). */
  set(event: IdleEvent, periodMs: number, nowMs: number): void {
    this.#timers[event].periodMs = periodMs;
    this.#timers[event].sinceMs = nowMs;
  }

  /** Counts from now on again. */
  handleActivity(event: IdleEvent, nowMs: number): void {
    this.#timers[event].sinceMs = nowMs;
  }

  /** Returns what fell due, once for each time it does, or null. */
  pollEvent(nowMs: number): IdleEvent | null {
    const event = this.#first();
    if (event === null || this.#dueMs(event) > nowMs) return null;
    this.#timers[event].sinceMs = nowMs;
    if (event === "timeout") this.#timers.timeout.periodMs = 0;
    return event;
  }

  /** When something falls due next, or null. */
  pollDeadline(): number | null {
    const event = this.#first();
    return event === null ? null : this.#dueMs(event);
  }

  #first(): IdleEvent | null {
    if (!this.#isStarted) return null;
    const { timeout, keepAlive } = this.#timers;
    if (timeout.periodMs === 0) return keepAlive.periodMs === 0 ? null : "keepAlive";
    if (keepAlive.periodMs === 0) return "timeout";
    return this.#dueMs("timeout") <= this.#dueMs("keepAlive") ? "timeout" : "keepAlive";
  }

  #dueMs(event: IdleEvent): number {
    return this.#timers[event].sinceMs + this.#timers[event].periodMs;
  }
}

/**
 * Runs the timers of a stream on a clock.
 *
 * @module
 */
import type { CancelTimer, Clock } from "../base/mod.ts";
import { systemClock } from "../platform/mod.ts";
import { type IdleEvent, IdleMachine } from "./idle_machine.ts";

/**
 * Calls back when a timer of an {@linkcode IdleMachine} falls due. Activity only notes the time: the timer that is
 * set looks at it when it runs. No timer keeps the process alive.
 */
export class IdleDriver {
  readonly #clock: Clock;
  readonly #handle: (event: IdleEvent) => void;
  readonly #machine: IdleMachine = new IdleMachine();
  #cancelTimer: CancelTimer | null = null;
  #timerDueMs = 0;

  /** Uses `clock`, or the system's own. */
  constructor(clock: Clock | undefined, handle: (event: IdleEvent) => void) {
    this.#clock = clock ?? systemClock;
    this.#handle = handle;
  }

  /** Starts counting. */
  start(): void {
    this.#machine.start(this.#clock.nowMs());
    this.#arm();
  }

  /** Sets the period of a timer, in ms (0: off). */
  set(event: IdleEvent, periodMs: number): void {
    this.#machine.set(event, periodMs, this.#clock.nowMs());
    this.#arm();
  }

  /** Notes that a byte came in (`timeout`) or a message went out (`keepAlive`). */
  noteActivity(event: IdleEvent): void {
    if (this.#cancelTimer !== null) this.#machine.handleActivity(event, this.#clock.nowMs());
  }

  /** Switches all timers off. */
  stop(): void {
    this.set("timeout", 0);
    this.set("keepAlive", 0);
  }

  #arm(): void {
    const dueMs = this.#machine.pollDeadline();
    // A timer that runs too early finds nothing due and is set anew, so only an earlier deadline matters.
    if (this.#cancelTimer !== null && dueMs !== null && dueMs >= this.#timerDueMs) return;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    if (dueMs === null) return;
    this.#timerDueMs = dueMs;
    const delayMs = Math.max(0, dueMs - this.#clock.nowMs());
    this.#cancelTimer = this.#clock.schedule(delayMs, () => this.#run(), { unref: true });
  }

  #run(): void {
    this.#cancelTimer = null;
    const nowMs = this.#clock.nowMs();
    for (let event = this.#machine.pollEvent(nowMs); event !== null; event = this.#machine.pollEvent(nowMs)) {
      this.#handle(event);
    }
    this.#arm();
  }
}

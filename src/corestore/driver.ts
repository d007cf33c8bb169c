/**
 * Time for a store of cores: closes idle cores when the machine says so, and waits between attempts.
 *
 * @module
 */
import type { CancelTimer, Clock } from "../base/mod.ts";
import { systemClock } from "../platform/mod.ts";
import { IdleMachine } from "./idle_machine.ts";

/** Runs the {@linkcode IdleMachine} on a clock. */
export class IdleDriver<Core> {
  readonly #clock: Clock;
  readonly #close: (core: Core) => void;
  readonly #machine = new IdleMachine<Core>();
  #cancelTimer: CancelTimer | null = null;
  #timerMs = Infinity;

  /** `close` is called for each core whose time is over. */
  constructor(close: (core: Core) => void, clock: Clock = systemClock) {
    this.#close = close;
    this.#clock = clock;
  }

  /** Nobody uses `core`. */
  idle(core: Core): void {
    this.#machine.handleIdle(core, this.#clock.nowMs());
    this.#schedule();
  }

  /** `core` is in use, or gone. */
  use(core: Core): void {
    this.#machine.handleUse(core);
    this.#schedule();
  }

  /** Closes nothing more. */
  stop(): void {
    this.#machine.clear();
    this.#schedule();
  }

  #schedule(): void {
    const deadlineMs = this.#machine.pollDeadline();
    if (deadlineMs === this.#timerMs) return;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#timerMs = deadlineMs;
    if (deadlineMs === Infinity) return;
    const delayMs = Math.max(0, deadlineMs - this.#clock.nowMs());
    this.#cancelTimer = this.#clock.schedule(delayMs, () => this.#tick(), { unref: true });
  }

  #tick(): void {
    this.#cancelTimer = null;
    this.#timerMs = Infinity;
    this.#machine.handleTime(this.#clock.nowMs());
    for (const core of this.#machine.pollClosable()) this.#close(core);
    this.#schedule();
  }
}

/** Resolves after `delayMs`. */
export function pause(delayMs: number, clock: Clock = systemClock): Promise<void> {
  return new Promise((resolve) => clock.schedule(delayMs, resolve));
}

/**
 * Which idle cores are to be closed, and when: each gets a strike when it becomes idle and at every tick after, and is
 * out at the fourth. Source: `corestore/index.js`, `CoreTracker`.
 *
 * It knows no core: anything with an identity will do.
 *
 * @module
 */
import { IDLE_STRIKE_MS, IDLE_STRIKES_MAX } from "./limits.ts";

/** The strikes of idle cores. */
export class IdleMachine<Core> {
  readonly #strikes = new Map<Core, number>();
  #out: Core[] = [];
  #tickMs = Infinity;

  /** Nobody uses `core` (any more): its first strike, also when it had some already. */
  handleIdle(core: Core, nowMs: number): void {
    this.#strikes.set(core, 1);
    if (this.#tickMs === Infinity) this.#tickMs = nowMs + IDLE_STRIKE_MS;
  }

  /** `core` is in use, or gone. */
  handleUse(core: Core): void {
    this.#strikes.delete(core);
    if (this.#strikes.size === 0) this.#tickMs = Infinity;
  }

  /** Time passed. A time that jumps counts as one tick, so that a suspended process closes nothing at once. */
  handleTime(nowMs: number): void {
    if (nowMs < this.#tickMs) return;
    for (const [core, strikes] of this.#strikes) {
      if (strikes + 1 < IDLE_STRIKES_MAX) {
        this.#strikes.set(core, strikes + 1);
      } else {
        this.#strikes.delete(core);
        this.#out.push(core);
      }
    }
    this.#tickMs = this.#strikes.size === 0 ? Infinity : nowMs + IDLE_STRIKE_MS;
  }

  /** Forgets all cores. */
  clear(): void {
    this.#strikes.clear();
    this.#out = [];
    this.#tickMs = Infinity;
  }

  /** The cores to be closed now; each is given once. */
  pollClosable(): Core[] {
    const out = this.#out;
    this.#out = [];
    return out;
  }

  /** When {@linkcode handleTime} is due, ms; Infinity for never. */
  pollDeadline(): number {
    return this.#tickMs;
  }

  /** Idle cores that wait. */
  get size(): number {
    return this.#strikes.size;
  }
}

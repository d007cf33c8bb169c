/**
 * Speed as a moving average, for progress displays.
 *
 * @module
 */

/** Resolution of the average, ms. Source for both numbers: `speedometer` 1.1.0. */
const TICK_MS = 250;
/** Over how many ticks is averaged: 5 s. */
const TICK_COUNT = 20;

/** Units per second over the last 5 seconds. It has no clock: whoever asks brings the time. */
export class SpeedMeter {
  /** Units of each of the last ticks, by tick modulo {@linkcode TICK_COUNT}. */
  readonly #units = new Float64Array(TICK_COUNT);
  #firstTick: number | null = null;
  #tick = 0;

  /** Counts `units` at `nowMs`, monotonic ms. */
  add(units: number, nowMs: number): void {
    this.#advance(nowMs);
    this.#units[this.#tick % TICK_COUNT]! += units;
  }

  /** Units per second up to `nowMs`, monotonic ms. */
  rate(nowMs: number): number {
    if (this.#firstTick === null) return 0;
    this.#advance(nowMs);
    const tickCount = Math.min(this.#tick - this.#firstTick + 1, TICK_COUNT);
    const ticksPerSecond = 1000 / TICK_MS;
    // Less than a second of history counts as a second, or the first chunk would look like an enormous speed.
    return this.#units.reduce((sum, units) => sum + units, 0) * ticksPerSecond /
      Math.max(tickCount, ticksPerSecond);
  }

  #advance(nowMs: number): void {
    const tick = Math.floor(nowMs / TICK_MS);
    if (this.#firstTick === null) {
      this.#firstTick = tick;
      this.#tick = tick;
      return;
    }
    const steps = Math.min(tick - this.#tick, TICK_COUNT);
    for (let step = 1; step <= steps; step++) this.#units[(this.#tick + step) % TICK_COUNT] = 0;
    this.#tick = Math.max(tick, this.#tick);
  }
}

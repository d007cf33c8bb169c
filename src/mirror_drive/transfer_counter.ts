/**
 * Blocks and bytes in one direction, and their speed.
 *
 * @module
 */
import { type Clock, SpeedMeter } from "../base/mod.ts";

/** Counts what goes in one direction. */
export class TransferCounter {
  /** Blocks so far. */
  blockCount = 0;
  /** Bytes so far. */
  byteCount = 0;
  readonly #meter = new SpeedMeter();
  readonly #clock: Clock;

  /** Counts with the time of `clock`. */
  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Counts a block; a listener of a core's `upload` and `download`. */
  readonly add = (_index: number, byteLength: number): void => {
    this.blockCount++;
    this.byteCount += byteLength;
    this.#meter.add(byteLength, this.#clock.nowMs());
  };

  /** Bytes per second over the last seconds. */
  speed(): number {
    return this.#meter.rate(this.#clock.nowMs());
  }
}

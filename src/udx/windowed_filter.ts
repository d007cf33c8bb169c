/**
 * The extreme of a series over a moving window, in constant space.
 *
 * Kathleen Nichols' algorithm, as in Linux and libudx: it keeps the best, second and third best samples, each later
 * than the one before, and lets them move up as the window moves on.
 *
 * @module
 */

/** Keeps the largest (or smallest) of the samples that are at most `span` old. */
export class WindowedFilter {
  readonly #sign: 1 | -1;
  readonly #span: number;
  #times: [number, number, number] = [0, 0, 0];
  #values: [number, number, number];

  /** `span` is in the unit of the times given to {@linkcode WindowedFilter.add}. */
  constructor(kind: "max" | "min", span: number) {
    this.#sign = kind === "max" ? 1 : -1;
    this.#span = span;
    const none = kind === "max" ? 0 : Infinity;
    this.#values = [none, none, none];
  }

  /** The extreme; without any sample 0 of a maximum, infinity of a minimum. */
  get value(): number {
    return this.#values[0];
  }

  /** Adds a sample taken at `time`, which never decreases. */
  add(time: number, value: number): void {
    const times = this.#times;
    const values = this.#values;
    const isAtLeast = (other: number): boolean => this.#sign * (value - other) >= 0;
    if (isAtLeast(values[0]) || time - times[2] > this.#span) return this.#fill(0, time, value);
    if (isAtLeast(values[1])) this.#fill(1, time, value);
    else if (isAtLeast(values[2])) this.#fill(2, time, value);

    const age = time - times[0];
    if (age > this.#span) {
      this.#shift(time, value);
      if (time - times[0] > this.#span) this.#shift(time, value);
    } else if (times[1] === times[0] && age > this.#span / 4) {
      this.#fill(1, time, value);
    } else if (times[2] === times[1] && age > this.#span / 2) {
      this.#fill(2, time, value);
    }
  }

  #fill(from: number, time: number, value: number): void {
    for (let i = from; i < 3; i++) {
      this.#times[i] = time;
      this.#values[i] = value;
    }
  }

  #shift(time: number, value: number): void {
    this.#times[0] = this.#times[1];
    this.#values[0] = this.#values[1];
    this.#times[1] = this.#times[2];
    this.#values[1] = this.#values[2];
    this.#times[2] = time;
    this.#values[2] = value;
  }
}

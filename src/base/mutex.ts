/**
 * One at a time, in the order of asking.
 *
 * @module
 */

/** Runs asynchronous sections one after the other; where nobody holds it a section starts at once. */
export class Mutex {
  readonly #waiting: (() => void)[] = [];
  #isHeld = false;

  /** Runs `section` once all earlier ones have settled. */
  async run<T>(section: () => Promise<T>): Promise<T> {
    if (this.#isHeld) await new Promise<void>((resolve) => this.#waiting.push(resolve));
    this.#isHeld = true;
    try {
      return await section();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#isHeld = false;
      else next();
    }
  }
}

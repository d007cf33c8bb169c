/**
 * One at a time, in the order of asking.
 *
 * @module
 */

/** Waits for its turn and resolves to a function that ends it; what `mutexify/promise` gives is one too. */
export type Lock = () => Promise<() => void>;

/** Runs asynchronous sections one after the other; where nobody holds it a section starts at once. */
export class Mutex {
  readonly #waiting: ((release: () => void) => void)[] = [];
  #isHeld = false;

  /** Whether somebody holds it. */
  get isHeld(): boolean {
    return this.#isHeld;
  }

  /** Resolves once nobody holds it, to a function that lets the next one go on; a second call of that does nothing. */
  lock(): Promise<() => void> {
    if (this.#isHeld) return new Promise((resolve) => this.#waiting.push(resolve));
    return Promise.resolve(this.#take());
  }

  #take(): () => void {
    this.#isHeld = true;
    return this.#releaseOnce();
  }

  #releaseOnce(): () => void {
    let isReleased = false;
    return () => {
      if (isReleased) return;
      isReleased = true;
      const next = this.#waiting.shift();
      if (next === undefined) this.#isHeld = false;
      else next(this.#releaseOnce());
    };
  }

  /** Runs `section` once all earlier ones have settled. */
  async run<T>(section: () => Promise<T>): Promise<T> {
    const release = this.#isHeld ? await this.lock() : this.#take();
    try {
      return await section();
    } finally {
      release();
    }
  }
}

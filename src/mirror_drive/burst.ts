/**
 * Pieces of work that are begun together.
 *
 * @module
 */

/** Gathers pieces of work, and begins all of them when there are enough. */
export class Burst {
  readonly #countMax: number;
  #waiting: (() => Promise<void>)[] = [];

  /** Begins the work once there are `countMax` pieces. */
  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** Adds a piece. Throws as {@linkcode settle} does. */
  async add(work: () => Promise<void>): Promise<void> {
    this.#waiting.push(work);
    if (this.#waiting.length >= this.#countMax) await this.settle();
  }

  /** Does what waits, in order of its beginning, and throws what the first piece that failed did so with. */
  async settle(): Promise<void> {
    const results = await this.#run();
    const failed = results.find(({ status }) => status === "rejected");
    if (failed?.status === "rejected") throw failed.reason;
  }

  /** Does what waits, however it ends. */
  async end(): Promise<void> {
    await this.#run();
  }

  async #run(): Promise<PromiseSettledResult<void>[]> {
    const waiting = this.#waiting;
    this.#waiting = [];
    return await Promise.allSettled(waiting.map((work) => work()));
  }
}

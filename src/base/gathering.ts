/**
 * Work that waits for the same lock, done together by whoever gets it.
 *
 * @module
 */
import type { Lock } from "./mutex.ts";

/** One piece of work, and whoever waits for it. */
export interface Gathered<Item, Result> {
  /** What is to be done. */
  readonly item: Item;
  /** It is done. */
  resolve(result: Result): void;
  /** It failed. */
  reject(reason: unknown): void;
}

interface Waiting<Item, Result> extends Gathered<Item, Result> {
  readonly row: number;
  isTaken: boolean;
}

/** Gathers pieces of work that are asked for while an earlier one goes on. */
export class Gathering<Item, Result> {
  readonly #lock: Lock;
  readonly #countMax: number;
  readonly #work: (gathered: readonly Gathered<Item, Result>[]) => Promise<void>;
  #waiting: Waiting<Item, Result>[] = [];
  #row = 0;

  /** Each piece asks for `lock` once; `work` gets up to `countMax` pieces, and settles each of them. */
  constructor(
    lock: Lock,
    countMax: number,
    work: (gathered: readonly Gathered<Item, Result>[]) => Promise<void>,
  ) {
    this.#lock = lock;
    this.#countMax = countMax;
    this.#work = work;
  }

  /** Has `item` done in its turn, perhaps with others. What the lock or the work rejects with, this rejects with. */
  async add(item: Item): Promise<Result> {
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    promise.catch(() => {}); // it may fail before the lock is ours, whereupon it is awaited
    const waiting: Waiting<Item, Result> = { item, resolve, reject, row: this.#row, isTaken: false };
    this.#waiting.push(waiting);
    let release: () => void;
    try {
      release = await this.#lock();
    } catch (error) {
      if (!waiting.isTaken) this.#waiting.splice(this.#waiting.indexOf(waiting), 1);
      throw error;
    }
    try {
      if (!waiting.isTaken) await this.#run(this.#take());
    } finally {
      release();
    }
    return await promise;
  }

  /** Somebody else asks for the lock: what comes from now on is not done before that. */
  part(): void {
    this.#row++;
  }

  #take(): readonly Waiting<Item, Result>[] {
    const [first] = this.#waiting;
    let count = 0;
    while (count < this.#countMax && this.#waiting[count]?.row === first!.row) count++;
    const taken = this.#waiting.splice(0, count);
    for (const waiting of taken) waiting.isTaken = true;
    return taken;
  }

  async #run(taken: readonly Waiting<Item, Result>[]): Promise<void> {
    try {
      await this.#work(taken);
    } catch (error) {
      for (const { reject } of taken) reject(error); // those that are settled stay so
    }
  }
}

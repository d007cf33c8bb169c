/**
 * Calls of `flush()` that wait: each for the peers that were known when it was made.
 *
 * @module
 */

interface PendingFlush {
  readonly tick: number;
  missing: number;
  readonly resolve: (isFlushed: boolean) => void;
}

/** The flushes of one swarm. */
export class Flushes {
  #tick = 0;
  #pending: PendingFlush[] = [];

  /** What peers that are found now are marked with. */
  get tick(): number {
    return this.#tick;
  }

  /** Resolves once `peerCount` of the peers marked until now have been tried. */
  add(peerCount: number): Promise<boolean> {
    return new Promise((resolve) => {
      this.#pending.push({ tick: this.#tick++, missing: peerCount, resolve });
    });
  }

  /** A peer with this mark has been tried. */
  handleTried(tick: number): void {
    const reached = this.#pending.filter((flush) => tick <= flush.tick && --flush.missing <= 0);
    this.#pending = this.#pending.filter((flush) => !reached.includes(flush));
    for (const flush of reached) flush.resolve(true);
  }

  /** Ends all that wait. */
  resolveAll(isFlushed: boolean): void {
    const ended = this.#pending;
    this.#pending = [];
    for (const flush of ended) flush.resolve(isFlushed);
  }
}

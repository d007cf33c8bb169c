/**
 * Randomness as a collaborator: machines and drivers get a {@linkcode Random}, tests hand in a seeded one.
 *
 * @module
 */

/** A source of random numbers for scheduling decisions; not for keys (see `crypto`). */
export interface Random {
  /** A number from 0 (inclusive) to 1 (exclusive). */
  next(): number;
}

/** The runtime's own generator. */
export const runtimeRandom: Random = { next: () => Math.random() };

/** A small seeded generator (mulberry32): the same seed gives the same numbers everywhere. */
export class SeededRandom implements Random {
  #state: number;

  /** Starts the sequence that belongs to `seed` (an unsigned 32-bit integer). */
  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** A number from 0 (inclusive) to 1 (exclusive). */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  }
}

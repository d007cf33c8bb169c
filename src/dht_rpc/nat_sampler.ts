/**
 * Our public address by the word of others: what nearly all of the last samples agree on.
 *
 * Source: nat-sampler `index.js`.
 *
 * @module
 */

/** Samples that count. */
const SAMPLES_MAX = 16;

/** Samples that are compared with a new one; one that matches none of them starts a count of its own. */
const COMPARED_SAMPLES = 4;

interface Tally {
  readonly host: string;
  readonly port: number;
  hits: number;
}

/** Counts samples of host and port, and of the host alone. */
export class NatSampler {
  #host: string | null = null;
  #port = 0;
  #size = 0;
  #threshold = 0;
  /** Two rings that move together: the newest sample lies before `#next`. */
  readonly #exact: Tally[] = [];
  readonly #hosts: Tally[] = [];
  #next = 0;
  #bestExact: Tally | null = null;
  #bestHost: Tally | null = null;

  /** The host that the samples agree on, null while they do not. */
  get host(): string | null {
    return this.#host;
  }

  /** The port that they agree on, 0 while they agree on the host only or on nothing. */
  get port(): number {
    return this.#port;
  }

  /** Samples that count, 16 at most. */
  get size(): number {
    return this.#size;
  }

  /** Adds a sample; returns how often this very address is among those that count. */
  add(host: string, port: number): number {
    const exact = this.#count(this.#exact, host, port);
    const hostOnly = this.#count(this.#hosts, host, 0);
    if (this.#size < SAMPLES_MAX) {
      this.#size++;
      this.#threshold = this.#size - disagreements(this.#size);
    } else {
      if (this.#next === SAMPLES_MAX) this.#next = 0;
      this.#exact[this.#next]!.hits--;
      this.#hosts[this.#next]!.hits--;
    }
    this.#exact[this.#next] = exact;
    this.#hosts[this.#next] = hostOnly;
    this.#next++;
    if (this.#bestExact === null || this.#bestExact.hits < exact.hits) this.#bestExact = exact;
    if (this.#bestHost === null || this.#bestHost.hits < hostOnly.hits) this.#bestHost = hostOnly;
    this.#conclude(this.#bestExact, this.#bestHost);
    return exact.hits;
  }

  #conclude(exact: Tally, hostOnly: Tally): void {
    if (exact.hits >= this.#threshold) {
      this.#host = exact.host;
      this.#port = exact.port;
    } else {
      this.#host = hostOnly.hits >= this.#threshold ? hostOnly.host : null;
      this.#port = 0;
    }
  }

  #count(ring: readonly Tally[], host: string, port: number): Tally {
    for (let i = 1; i <= COMPARED_SAMPLES; i++) {
      const tally = ring[(this.#next - i) & (SAMPLES_MAX - 1)];
      if (!tally) break;
      if (tally.port !== port || tally.host !== host) continue;
      tally.hits++;
      return tally;
    }
    return { host, port, hits: 1 };
  }
}

/** How many of `size` samples may differ from the others. */
function disagreements(size: number): number {
  if (size < 4) return 0;
  return size < 8 ? 1 : size < 12 ? 2 : 3;
}

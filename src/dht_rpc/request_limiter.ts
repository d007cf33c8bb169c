/**
 * Which requests of others are served when there are more than can be: every source has its share, and those that have
 * shown that they receive at their address do not suffer from those that may be forged.
 *
 * A source is a host; on the loopback, where all nodes have one host, it is a host with its port.
 *
 * @module
 */
import { INBOUND_REQUESTS_MAX, INBOUND_SHARE_MIN, INBOUND_SOURCES_MAX, INBOUND_WINDOW_MS } from "./limits.ts";
import type { PeerAddress } from "./peer.ts";

/** Counts requests by source within a short window. Not in the npm package. */
export class RequestLimiter {
  /** Requests that were not served. */
  droppedCount = 0;
  readonly #requestsMax: number;
  readonly #windowMs: number;
  readonly #proven = new Set<string>();
  #windowEndsAtMs = -Infinity;
  #total = 0;
  #served = 0;
  #counts = new Map<string, number>();
  /** Requests of the sources that are not counted by themselves. */
  #others = 0;
  #sourcesBefore = 0;

  /**
   * Serves about `requestsMax` requests in `windowMs`: half of them to whoever comes, then as many by shares; never more
   * than twice as many to those that have shown nothing.
   */
  constructor(requestsMax: number = INBOUND_REQUESTS_MAX, windowMs: number = INBOUND_WINDOW_MS) {
    this.#requestsMax = requestsMax;
    this.#windowMs = windowMs;
  }

  /** `source` has shown that it receives at its address: it answered us, or gave back a token. */
  handleProof(source: PeerAddress): void {
    const key = keyOf(source);
    if (this.#proven.has(key)) return;
    if (this.#proven.size >= INBOUND_SOURCES_MAX) {
      const [oldest] = this.#proven;
      this.#proven.delete(oldest!);
    }
    this.#proven.add(key);
  }

  /** Tells whether to serve a request from `source`. */
  admit(source: PeerAddress, nowMs: number): boolean {
    if (nowMs >= this.#windowEndsAtMs) this.#startWindow(nowMs);
    this.#total++;
    // Far from the bound nobody has to be told apart.
    const isServed = this.#total <= this.#requestsMax / 2 || this.#isWithinShare(source);
    if (isServed) this.#served++;
    else this.droppedCount++;
    return isServed;
  }

  /** Sources that it remembers: those of the window, and those that have shown that they receive. */
  get sourceCount(): number {
    return this.#counts.size + this.#proven.size;
  }

  #isWithinShare(source: PeerAddress): boolean {
    const count = this.#count(source);
    const sources = Math.max(1, this.#counts.size, this.#sourcesBefore);
    const share = Math.max(INBOUND_SHARE_MIN, Math.floor(this.#requestsMax / sources));
    return count <= share && (this.#served < 2 * this.#requestsMax || this.#proven.has(keyOf(source)));
  }

  #startWindow(nowMs: number): void {
    this.#sourcesBefore = this.#counts.size;
    this.#windowEndsAtMs = nowMs + this.#windowMs;
    this.#counts = new Map();
    this.#total = 0;
    this.#served = 0;
    this.#others = 0;
  }

  #count(source: PeerAddress): number {
    const key = keyOf(source);
    const count = this.#counts.get(key) ?? 0;
    if (count === 0 && this.#counts.size >= INBOUND_SOURCES_MAX && !this.#proven.has(key)) {
      return ++this.#others;
    }
    this.#counts.set(key, count + 1);
    return count + 1;
  }
}

function keyOf({ host, port }: PeerAddress): string {
  return host.startsWith("127.") ? `${host}:${port}` : host;
}

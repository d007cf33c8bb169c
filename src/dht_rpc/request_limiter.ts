/**
 * Which requests of others are served when there are more than can be: every source has its share.
 *
 * A source is a host; on the loopback, where all nodes have one host, it is a host with its port.
 *
 * @module
 */
import { INBOUND_REQUESTS_MAX, INBOUND_SHARE_MIN, INBOUND_SOURCES_MAX, INBOUND_WINDOW_MS } from "./limits.ts";
import type { PeerAddress } from "./peer.ts";

/** Counts requests by source within a short window. */
export class RequestLimiter {
  /** Requests that were not served. */
  droppedCount = 0;
  readonly #requestsMax: number;
  #windowEndsAtMs = -Infinity;
  #total = 0;
  #counts = new Map<string, number>();
  /** Requests of the sources that are not counted by themselves. */
  #others = 0;
  #sourcesBefore = 0;

  /** Serves up to `requestsMax` requests in 100 ms. */
  constructor(requestsMax: number = INBOUND_REQUESTS_MAX) {
    this.#requestsMax = requestsMax;
  }

  /** Tells whether to serve a request from `source`. */
  admit(source: PeerAddress, nowMs: number): boolean {
    if (nowMs >= this.#windowEndsAtMs) this.#startWindow(nowMs);
    this.#total++;
    const count = this.#count(source);
    if (this.#total <= this.#requestsMax / 2) return true;
    const sources = Math.max(1, this.#counts.size, this.#sourcesBefore);
    const share = Math.max(INBOUND_SHARE_MIN, Math.floor(this.#requestsMax / sources));
    if (count <= share && this.#total <= 2 * this.#requestsMax) return true;
    this.droppedCount++;
    return false;
  }

  #startWindow(nowMs: number): void {
    this.#sourcesBefore = this.#counts.size;
    this.#windowEndsAtMs = nowMs + INBOUND_WINDOW_MS;
    this.#counts = new Map();
    this.#total = 0;
    this.#others = 0;
  }

  #count(source: PeerAddress): number {
    const key = source.host.startsWith("127.") ? `${source.host}:${source.port}` : source.host;
    const count = this.#counts.get(key);
    if (count === undefined && this.#counts.size >= INBOUND_SOURCES_MAX) return ++this.#others;
    this.#counts.set(key, (count ?? 0) + 1);
    return (count ?? 0) + 1;
  }
}

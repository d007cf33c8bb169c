/**
 * Requests that end together.
 *
 * @module
 */
import type { DHT } from "./dht.ts";
import { DHTError } from "./errors.ts";
import type { PingOptions, QueryContent, QueryOptions, RequestContent, RequestOptions } from "./options.ts";
import type { PeerAddress } from "./peer.ts";
import type { Query } from "./query.ts";
import type { Reply } from "./query_machine.ts";
import { RequestGroup } from "./request_machine.ts";

/** The group behind a session; not part of the public interface. */
export const sessionGroup: unique symbol = Symbol("dht session group");

/** A group of requests; create one with `dht.session()`. */
export class Session implements Disposable {
  /** The node that asks. */
  readonly dht: DHT;
  /**
   * The requests under way.
   *
   * @internal
   */
  readonly [sessionGroup]: RequestGroup = new RequestGroup();

  /** Called by `dht.session()`. */
  constructor(dht: DHT) {
    this.dht = dht;
  }

  /** As `dht.query()`. */
  query<Data = Reply>(content: QueryContent, options: QueryOptions<Data> = {}): Query<Data> {
    return this.dht.query(content, { ...options, session: this });
  }

  /** As `dht.request()`. */
  request(content: RequestContent, to: PeerAddress, options: RequestOptions = {}): Promise<Reply> {
    return this.dht.request(content, to, { ...options, session: this });
  }

  /** As `dht.ping()`. */
  ping(to: PeerAddress, options: PingOptions = {}): Promise<Reply> {
    return this.dht.ping(to, { ...options, session: this });
  }

  /** Gives up all requests under way, which reject with `error`; more may be made afterwards. */
  destroy(error?: Error | null): void {
    const group = this[sessionGroup];
    // Most sessions end with nothing under way, and an error with its stack is not cheap.
    if (group.requests.size === 0) return;
    this.dht.cancelRequests(
      group,
      error ?? new DHTError("REQUEST_DESTROYED", "Request destroyed"),
    );
  }

  /** Same as {@linkcode Session.destroy}. */
  [Symbol.dispose](): void {
    this.destroy();
  }
}

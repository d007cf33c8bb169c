/**
 * A query as users see it: a stream of replies, and the closest nodes when it is over.
 *
 * @module
 */
import { destroyOnAbort, getStreamError, Readable, type StreamCallback } from "../base/mod.ts";
import type { DHT } from "./dht.ts";
import type { Driver } from "./driver.ts";
import { DHTError } from "./errors.ts";
import { QUERY_RETRIES } from "./limits.ts";
import type { Walk } from "./node_types.ts";
import type { QueryCommit, QueryOptions, WaitOptions } from "./options.ts";
import type { Peer } from "./peer.ts";
import type { QueryMachine, Reply } from "./query_machine.ts";
import { RequestGroup } from "./request_machine.ts";
import { sessionGroup } from "./session.ts";

/** What a query asks; see `QueryContent`. */
export interface QueryInit {
  readonly target: Uint8Array;
  readonly internal: boolean;
  readonly command: number;
  readonly value: Uint8Array | null;
}

/** Inner side of a query, for its node. */
export const queryEvents: unique symbol = Symbol("dht query events");

/** What a node tells its queries. */
export interface QueryEvents {
  /** A node answered. */
  handleReply(reply: Reply): void;
  /** All nodes are asked. */
  handleFinished(): void;
}

/**
 * A walk towards a target: a stream of the replies on the way; made by `dht.query()` and `dht.findNode()`.
 *
 * It begins when somebody reads, or waits for {@linkcode Query.finished}.
 */
export class Query<Data = Reply> extends Readable<Data> {
  /** The node that asks. */
  readonly dht: DHT;
  /** Nodes that the walk ends with. */
  readonly k: number;
  /** 32 bytes. */
  readonly target: Uint8Array;
  /** Whether the command is one of the protocol itself. */
  readonly internal: boolean;
  /** What is asked. */
  readonly command: number;
  /** What else belongs to the command. */
  readonly value: Uint8Array | null;
  /** Whether requests are sent once each, also while too much is under way. */
  readonly force: boolean;
  /** Times that a request is sent again. */
  readonly retries: number;
  /** Changes each reply; null leaves it out. */
  readonly map: (reply: Reply) => Data | null;
  /**
   * Inner side, for the node.
   *
   * @internal
   */
  readonly [queryEvents]: QueryEvents;
  readonly #driver: Driver;
  readonly #walk: Walk<Query<unknown>>;
  readonly #machine: QueryMachine;
  readonly #commit: QueryCommit | null;
  readonly #ownsRequests: boolean;

  /** Called by nodes. */
  constructor(dht: DHT, driver: Driver, init: QueryInit, options: QueryOptions<Data> = {}) {
    super();
    destroyOnAbort(this, options.signal);
    this.dht = dht;
    this.target = init.target;
    this.internal = init.internal;
    this.command = init.command;
    this.value = init.value;
    this.force = options.force === true;
    this.retries = options.retries ?? QUERY_RETRIES;
    this.map = options.map ?? ((reply) => reply as Data);
    this.#driver = driver;
    this.#ownsRequests = !options.session;
    this.#commit = options.commit === true ? commitAgain : options.commit || null;
    this.#walk = driver.machine.createWalk({
      ...init,
      concurrency: options.concurrency || dht.concurrency,
      retries: this.retries,
      force: this.force,
      nodes: startingNodes(options),
      onlyClosestNodes: options.onlyClosestNodes === true,
      group: options.session ? options.session[sessionGroup] : new RequestGroup(),
      handle: this as Query<unknown>,
    });
    this.#machine = this.#walk.query;
    this.k = this.#machine.k;
    this[queryEvents] = {
      handleReply: (reply) => this.#handleReply(reply),
      handleFinished: () => this.#handleFinished(),
    };
  }

  /** Replies of the nodes closest to the target, 20 at most, the closest first. */
  get closestReplies(): Reply[] {
    return [...this.#machine.closestReplies];
  }

  /** The nodes closest to the target, 20 at most, the closest first. */
  get closestNodes(): Peer[] {
    return this.#machine.closestReplies.map((reply) => reply.from);
  }

  /** Replies without an error. */
  get successes(): number {
    return this.#machine.successes;
  }

  /** Requests without an answer, and replies with an error. */
  get errors(): number {
    return this.#machine.errors;
  }

  /** Why some node could not be asked at all, `ERR_PERMISSION`; null where all could. Not in the npm package. */
  get refusal(): Error | null {
    return this.#walk.refusal;
  }

  /** Requests under way. */
  get inflight(): number {
    return this.#machine.inflight;
  }

  /** Requests at the same time. */
  get concurrency(): number {
    return this.#machine.concurrency;
  }

  /** Changes it. */
  set concurrency(count: number) {
    this.#machine.concurrency = count;
  }

  /**
   * Reads to the end and resolves when the query, with its commit, is over.
   *
   * @throws {Error} (as a rejection) what the query was destroyed with, or the reason of `signal`.
   */
  finished(options: WaitOptions = {}): Promise<void> {
    const { signal } = options;
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      if (this.destroyed) {
        const error = getStreamError(this);
        return error ? reject(error) : resolve();
      }
      let failure: Error | null = null;
      const onError = (error: Error): void => {
        failure = error;
      };
      const stopListening = (): void => {
        this.off("error", onError);
        this.off("close", onClose);
        signal?.removeEventListener("abort", onAbort);
      };
      const onClose = (): void => {
        stopListening();
        if (failure) reject(failure);
        else resolve();
      };
      const onAbort = (): void => {
        stopListening();
        reject(signal!.reason);
      };
      signal?.addEventListener("abort", onAbort, { once: true });
      this.on("error", onError);
      this.on("close", onClose);
      this.resume();
    });
  }

  /** Called by the stream. */
  override _open(callback: StreamCallback): void {
    this.#driver.act((machine, nowMs) => machine.startWalk(this.#walk, nowMs));
    callback(null);
  }

  /** Called by the stream. */
  override _read(callback: StreamCallback): void {
    this.#continue();
    callback(null);
  }

  /** Called by the stream. */
  override _destroy(callback: StreamCallback): void {
    this.#driver.act((machine, nowMs) => machine.endWalk(this.#walk, this.#ownsRequests, nowMs));
    callback(null);
  }

  #continue(): void {
    this.#driver.act((machine, nowMs) => machine.continueWalk(this.#walk, nowMs));
  }

  #handleReply(reply: Reply): void {
    if (this.destroying) return;
    let data: Data | null;
    try {
      data = this.map(reply);
    } catch (error) {
      this.destroy(error as Error);
      return;
    }
    if (!data || this.push(data)) this.#continue();
  }

  #handleFinished(): void {
    if (this.destroying) return;
    if (this.#commit === null) {
      this.push(null);
      return;
    }
    this.#commitAll(this.#commit).then(
      () => this.push(null),
      (error) => this.destroy(error),
    );
  }

  /** One commit that succeeds is enough. */
  async #commitAll(commit: QueryCommit): Promise<void> {
    const replies = this.closestReplies;
    if (replies.length === 0) {
      throw new DHTError("TOO_FEW_NODES", "Too few nodes responded, nothing was committed");
    }
    const results = await Promise.allSettled(
      replies.map(async (reply) => await commit(reply, this.dht, this as Query<unknown>)),
    );
    if (results.some(({ status }) => status === "fulfilled")) return;
    throw (results.at(-1) as PromiseRejectedResult).reason;
  }
}

async function commitAgain(reply: Reply, dht: DHT, query: Query<unknown>): Promise<unknown> {
  const { token, from } = reply;
  if (!token) throw new DHTError("NO_TOKEN", `No token received from ${from.host}:${from.port}`);
  const { target, command, value } = query;
  return await dht.request({ token, target, command, value }, from);
}

function startingNodes(options: QueryOptions<unknown>): Peer[] | null {
  const nodes = options.nodes ?? options.closestNodes;
  if (nodes) return nodes.map(({ id, host, port }) => ({ id: id ?? null, host, port }));
  const replies = options.replies ?? options.closestReplies;
  return replies ? replies.map((reply) => reply.from) : null;
}

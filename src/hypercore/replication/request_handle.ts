/**
 * A user's request: a promise, a way to give up, and a place in a list of requests that are given up together.
 *
 * @module
 */
import type { CancelTimer, Clock } from "../../base/mod.ts";
import { HypercoreError } from "../errors.ts";

/** Requests that are given up together, those of a session for example. Settled ones leave it by themselves. */
export type RequestList = RequestHandle<unknown>[];

/** What a handle needs of the replication; no part of the public surface. */
export interface RequestHost {
  readonly clock: Clock;
  /** Forgets the request `id`; nobody settles it any more. */
  forget(id: number): void;
  /** Why the request `id` is not settled yet, in words. */
  explain(id: number): string;
}

/** Options of {@linkcode RequestHandle}. */
export interface RequestHandleOptions<Result> {
  readonly id: number;
  readonly list: RequestList;
  /** Block asked for, -1 for others. */
  readonly index?: number;
  /** What it resolves to when given up; without it, it rejects. */
  readonly cancelledValue?: { readonly value: Result };
}

/** A request that waits for peers. */
export class RequestHandle<out Result> {
  /** Settles with what was asked for. */
  readonly promise: Promise<Result>;
  /** Block asked for, -1 for requests that are not for one block. */
  readonly index: number;
  /** The block belongs to a fixed state of the log: should the log be cut below it, the request ends. */
  snapshot = false;

  readonly #id: number;
  readonly #host: RequestHost;
  readonly #list: RequestList;
  readonly #resolve: (value: unknown) => void;
  readonly #reject: (error: unknown) => void;
  readonly #cancelledValue: { readonly value: Result } | null;
  #place: number;
  #cancelTimer: CancelTimer | null = null;
  #isSettled = false;

  /** Created by the methods of `Replicator`. */
  constructor(host: RequestHost, options: RequestHandleOptions<Result>) {
    this.#host = host;
    this.#id = options.id;
    this.index = options.index ?? -1;
    this.#cancelledValue = options.cancelledValue ?? null;
    const { promise, resolve, reject } = Promise.withResolvers<Result>();
    this.promise = promise;
    this.#resolve = resolve as (value: unknown) => void;
    this.#reject = reject;
    this.#list = options.list;
    if (areRequestsDestroyed(this.#list)) {
      throw new HypercoreError("REQUEST_CANCELLED", "Requests of this list are not taken any more");
    }
    this.#place = this.#list.push(this) - 1;
  }

  /**
   * Gives up. Blocks and seeks reject with `error` (default: `REQUEST_CANCELLED`), ranges and upgrades resolve to
   * false, as upstream, unless the error says that the session has moved. Nothing happens when the request has settled.
   */
  cancel(error: unknown = null): void {
    if (this.#isSettled) return;
    this.#host.forget(this.#id);
    const hasMoved = error instanceof HypercoreError && error.code === "SESSION_MOVED";
    if (this.#cancelledValue !== null && !hasMoved) this.resolve(this.#cancelledValue.value);
    else this.reject(error ?? new HypercoreError("REQUEST_CANCELLED", "Request was cancelled"));
  }

  /** Gives up with `REQUEST_TIMEOUT` after `ms`, unless set again. */
  setTimeout(ms: number): void {
    this.#cancelTimer?.();
    if (this.#isSettled) return;
    this.#cancelTimer = this.#host.clock.schedule(ms, () => {
      const reason = this.#host.explain(this.#id);
      this.cancel(new HypercoreError("REQUEST_TIMEOUT", `Request timed out after ${ms} ms: ${reason}`));
    });
  }

  /** Settles the promise; called by the replication. */
  resolve(value: unknown): void {
    this.#settle();
    this.#resolve(value);
  }

  /** Settles the promise; called by the replication. */
  reject(error: unknown): void {
    this.#settle();
    this.#reject(error);
  }

  #settle(): void {
    this.#isSettled = true;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    const list = this.#list;
    const place = list[this.#place] === this ? this.#place : list.indexOf(this);
    if (place === -1) return;
    const last = list.pop()!;
    if (last === this) return;
    list[place] = last;
    last.#place = place;
  }
}

/** Gives up every request in `list`; `error` as in {@linkcode RequestHandle.cancel}. */
export function clearRequests(list: RequestList, error: Error | null = null): void {
  while (list.length > 0) list[list.length - 1]!.cancel(error);
}

/** Gives up every request in `list`, and has every later one that is to go on it fail. */
export function destroyRequests(list: RequestList, error: Error | null = null): void {
  if (areRequestsDestroyed(list)) return;
  clearRequests(list, error);
  Object.freeze(list);
}

/** Whether no request can go on `list` any more. */
export function areRequestsDestroyed(list: RequestList): boolean {
  return Object.isFrozen(list);
}

/**
 * Waits for a request: at most `timeoutMs` (0: for ever), and no longer than until `signal`, whose reason it rejects
 * with then.
 */
export async function settleRequest<Result>(
  request: RequestHandle<Result>,
  timeoutMs: number,
  signal: AbortSignal | undefined,
): Promise<Result> {
  if (timeoutMs > 0) request.setTimeout(timeoutMs);
  if (signal === undefined) return await request.promise;
  const abort = (): void => request.cancel(signal.reason);
  if (signal.aborted) abort();
  signal.addEventListener("abort", abort, { once: true });
  try {
    return await request.promise;
  } finally {
    signal.removeEventListener("abort", abort);
  }
}

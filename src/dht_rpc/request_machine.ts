/**
 * Requests on their way: transaction ids, timeouts, repetitions and the sending window.
 *
 * Source: dht-rpc `lib/io.js`.
 *
 * @module
 */
import type { Random } from "../base/mod.ts";
import { AdaptiveTimeout, type AdaptiveTimeoutOptions } from "./adaptive_timeout.ts";
import { CongestionWindow } from "./congestion_window.ts";
import { DHTError } from "./errors.ts";
import { REQUEST_RETRIES, REQUEST_TIMEOUT_MS, REQUESTS_MAX, STRAY_REPLIES_MAX, WINDOW_MS } from "./limits.ts";
import { encodeRequest, type ReplyMessage } from "./messages.ts";
import { addressKey, type Peer } from "./peer.ts";
import { Queue } from "./queue.ts";
import type { TraceEvent } from "./trace.ts";

/** Transaction ids that are tried at random before the next free one is looked for. */
const TID_TRIES = 16;
const TID_COUNT = 65_536;

/** Requests that end together, when their session or query does. */
export class RequestGroup {
  /** Those under way. */
  readonly requests: Set<OutgoingRequest<unknown, unknown>> = new Set();
}

/** What a request asks, and how. */
export interface RequestInit<Socket, Purpose> {
  /** Where it is sent from; null while there is no socket. */
  readonly socket: Socket | null;
  /** Whom it is sent to. */
  readonly to: Peer;
  /** A token of the receiver, 32 bytes. */
  readonly token?: Uint8Array | null;
  /** Whether the command is one of the protocol itself. */
  readonly internal: boolean;
  /** The command. */
  readonly command: number;
  /** What it is about, 32 bytes. */
  readonly target?: Uint8Array | null;
  /** What else belongs to the command. */
  readonly value?: Uint8Array | null;
  /** IP time to live of its packets, 0 for the usual. */
  readonly ttl?: number;
  /** Times that it is sent again (default 3). */
  readonly retries?: number;
  /** How long an answer is waited for (default 1 s, or adaptive). */
  readonly timeoutMs?: number;
  /** What it ends with. */
  readonly group?: RequestGroup | null;
  /** Sends even when the window is full. */
  readonly force?: boolean;
  /** Whose it is; not looked at here. */
  readonly purpose: Purpose;
}

/** A request under way. */
export interface OutgoingRequest<Socket, Purpose> extends RequestInit<Socket, Purpose> {
  /** See {@linkcode RequestInit.socket}; set when sockets come. */
  socket: Socket | null;
  /** Transaction id, 16 bits. */
  readonly tid: number;
  /** Times that it was sent. */
  sent: number;
  /** When it was sent first, 0 before. */
  sentAtMs: number;
  /** When the present wait for an answer ends, Infinity while there is none. */
  deadlineMs: number;
  /** Answered, given up or cancelled. */
  isOver: boolean;
  /** Its bytes, once they are known. */
  bytes: Uint8Array | null;
}

/** A datagram to send. */
export interface Transmit<Socket> {
  /** Through which socket. */
  readonly socket: Socket;
  /** Textual IPv4 address. */
  readonly host: string;
  /** UDP port. */
  readonly port: number;
  /** The datagram. */
  readonly bytes: Uint8Array;
  /** IP time to live, 0 for the usual. */
  readonly ttl: number;
  /** The request that this is; null for an answer to another node. */
  readonly tid: number | null;
}

/** What became of a request. */
export type RequestEvent<Socket, Purpose> =
  /** A wait for its answer ended; it is sent again or given up right after. */
  | { readonly kind: "cycle"; readonly request: OutgoingRequest<Socket, Purpose> }
  /** It ended without an answer. */
  | { readonly kind: "failed"; readonly request: OutgoingRequest<Socket, Purpose>; readonly error: Error };

/** Counters of requests, the object that users see. */
export interface RequestStats {
  /** Under way. */
  active: number;
  /** Made so far. */
  total: number;
  /** Answered. */
  responses: number;
  /** Given up. */
  timeouts: number;
  /** Times that one was sent again. */
  retries: number;
}

/** Counters of one command, the object that users see. */
export interface CommandStats {
  /** Requests made. */
  tx: number;
  /** Answers received. */
  rx: number;
}

/** Options of {@linkcode RequestMachine}. */
export interface RequestMachineOptions<Socket> {
  /** See `CongestionWindow`. */
  readonly maxWindow: number;
  /** Draws transaction ids and jitter. */
  readonly random: Random;
  /** Adaptive timeouts; without, every answer is waited for 1 s. */
  readonly adaptiveTimeout?: AdaptiveTimeoutOptions | null;
  /** The id that a request through `socket` carries. */
  idOf(socket: Socket): Uint8Array | null;
  /** Told of each step. */
  readonly onTrace?: ((event: TraceEvent) => void) | null;
}

/** All requests of a node. */
export class RequestMachine<Socket, Purpose> {
  /** Counters. */
  readonly stats: RequestStats = { active: 0, total: 0, responses: 0, timeouts: 0, retries: 0 };
  /** Counters of the commands 0 to 3. */
  readonly commandStats: readonly CommandStats[] = Array.from({ length: 4 }, () => ({ tx: 0, rx: 0 }));
  /** Why there are no sockets and will be none. */
  bindError: Error | null = null;
  readonly #options: RequestMachineOptions<Socket>;
  readonly #window: CongestionWindow;
  readonly #adaptive: AdaptiveTimeout | null;
  readonly #byTid = new Map<number, OutgoingRequest<Socket, Purpose>>();
  /** Requests that wait for room in the window, those that are over among them. */
  readonly #waiting = new Queue<OutgoingRequest<Socket, Purpose>>();
  readonly #transmits = new Queue<Transmit<Socket>>();
  readonly #events = new Queue<RequestEvent<Socket, Purpose>>();
  /** No wait ends before. */
  #nextDeadlineMs = Infinity;
  #strayReplies = 0;
  #straysForgottenAtMs = 0;

  /** Starts without requests. */
  constructor(options: RequestMachineOptions<Socket>, nowMs: number) {
    this.#options = options;
    this.#window = new CongestionWindow(options.maxWindow, nowMs);
    this.#adaptive = options.adaptiveTimeout
      ? new AdaptiveTimeout(options.adaptiveTimeout, options.random)
      : null;
  }

  /**
   * Makes a request and sends it as soon as there is a socket, and room in the window.
   *
   * @throws {Error} what binding the sockets failed with.
   * @throws {DHTError} `TOO_MANY_REQUESTS`.
   * @throws {TypeError} when the address is no IPv4 address.
   * @throws {RangeError} when the token or the target has not 32 bytes.
   */
  create(init: RequestInit<Socket, Purpose>, nowMs: number): OutgoingRequest<Socket, Purpose> {
    if (this.bindError !== null) throw this.bindError;
    if (this.#byTid.size >= REQUESTS_MAX) {
      throw new DHTError("TOO_MANY_REQUESTS", `Cannot send a request, ${REQUESTS_MAX} are under way`);
    }
    const request: OutgoingRequest<Socket, Purpose> = {
      ...init,
      tid: this.#freeTid(),
      sent: 0,
      sentAtMs: 0,
      deadlineMs: Infinity,
      isOver: false,
      bytes: null,
    };
    // What cannot be encoded throws before anything is counted.
    if (request.socket !== null) request.bytes = this.#encode(request, request.socket);
    this.#byTid.set(request.tid, request);
    request.group?.requests.add(request as OutgoingRequest<unknown, unknown>);
    if (request.internal && request.command < this.commandStats.length) {
      this.commandStats[request.command]!.tx++;
    }
    this.stats.active++;
    this.stats.total++;
    this.#sendOrWait(request, nowMs);
    return request;
  }

  /** Ends a request with `error`. */
  cancel(request: OutgoingRequest<Socket, Purpose>, error: Error, nowMs: number): void {
    if (request.isOver) return;
    this.#end(request, nowMs);
    this.#events.push({ kind: "failed", request, error });
  }

  /** The runtime refused to send the request `tid`: it ends with `error`, for it would be refused again. */
  handleRefusal(tid: number, error: Error, nowMs: number): void {
    const request = this.#byTid.get(tid);
    if (request) this.cancel(request, error, nowMs);
  }

  /** Ends all requests of `group` with `error`. */
  cancelGroup(group: RequestGroup, error: Error, nowMs: number): void {
    for (const request of Array.from(group.requests)) {
      this.cancel(request as OutgoingRequest<Socket, Purpose>, error, nowMs);
    }
  }

  /** Ends all requests, and forgets what was sent. */
  cancelAll(makeError: () => Error, nowMs: number): void {
    for (const request of Array.from(this.#byTid.values())) this.cancel(request, makeError(), nowMs);
    this.#waiting.clear();
    this.#window.clear();
  }

  /** Sockets could not be bound: all requests end with `error`, those to come too. */
  handleBindError(error: Error, nowMs: number): void {
    this.bindError = error;
    this.cancelAll(() => error, nowMs);
  }

  /** Sockets were bound: requests without one leave through `socketFor`. */
  handleBound(socketFor: Socket, nowMs: number): void {
    this.bindError = null;
    for (const request of Array.from(this.#byTid.values())) {
      if (request.socket !== null) continue;
      request.socket = socketFor;
      this.#sendOrWait(request, nowMs);
    }
  }

  /**
   * Finds the request that `reply` answers and ends it; null when there is none.
   *
   * Compat: dht-rpc looks at the transaction id only, and hyperdht needs that: who relays a request answers it from
   * another address. While somebody guesses ids, only the address that was asked is believed.
   */
  handleReply(reply: ReplyMessage, from: Peer, nowMs: number): OutgoingRequest<Socket, Purpose> | null {
    const request = this.#byTid.get(reply.tid);
    if (!request || request.sent === 0 || (this.#isUnderAttack(nowMs) && !isFromAsked(request, from))) {
      this.#strayReplies++;
      return null;
    }
    this.#end(request, nowMs);
    this.stats.responses++;
    if (request.internal && request.command < this.commandStats.length) {
      this.commandStats[request.command]!.rx++;
    }
    if (this.#adaptive && request.sent <= 2) {
      this.#adaptive.put(addressKey(request.to), nowMs - request.sentAtMs, nowMs);
    }
    return request;
  }

  /** Time passed. */
  handleTimeout(nowMs: number): void {
    if (nowMs >= this.#nextDeadlineMs) this.#cycle(nowMs);
    this.#sendWaiting(nowMs);
  }

  /** The next datagram to send. */
  pollTransmit(): Transmit<Socket> | null {
    return this.#transmits.shift();
  }

  /** The next thing that became of a request. */
  pollEvent(): RequestEvent<Socket, Purpose> | null {
    return this.#events.shift();
  }

  /** When {@linkcode RequestMachine.handleTimeout} is due, Infinity when it is not. */
  get deadlineMs(): number {
    return this.#waiting.first ? Math.min(this.#nextDeadlineMs, this.#window.endsAtMs) : this.#nextDeadlineMs;
  }

  /** Requests under way, those that wait for room among them. */
  get activeCount(): number {
    return this.#byTid.size;
  }

  /** Requests under way. */
  get active(): IterableIterator<OutgoingRequest<Socket, Purpose>> {
    return this.#byTid.values();
  }

  #isUnderAttack(nowMs: number): boolean {
    if (nowMs >= this.#straysForgottenAtMs) {
      this.#straysForgottenAtMs = nowMs + WINDOW_MS;
      this.#strayReplies = 0;
    }
    return this.#strayReplies > STRAY_REPLIES_MAX;
  }

  #freeTid(): number {
    for (let i = 0; i < TID_TRIES; i++) {
      const tid = Math.floor(this.#options.random.next() * TID_COUNT);
      if (!this.#byTid.has(tid)) return tid;
    }
    let tid = Math.floor(this.#options.random.next() * TID_COUNT);
    while (this.#byTid.has(tid)) tid = (tid + 1) % TID_COUNT;
    return tid;
  }

  #encode(request: OutgoingRequest<Socket, Purpose>, socket: Socket): Uint8Array {
    const { tid, to, token = null, internal, command, target = null, value = null } = request;
    return encodeRequest({
      tid,
      to,
      id: this.#options.idOf(socket),
      token,
      internal,
      command,
      target,
      value,
    });
  }

  #sendOrWait(request: OutgoingRequest<Socket, Purpose>, nowMs: number): void {
    if (request.socket === null) return;
    request.bytes ??= this.#encode(request, request.socket);
    if (!request.force && this.#window.isFull(nowMs)) this.#waiting.push(request);
    else this.#send(request, request.socket, request.bytes, nowMs);
  }

  #send(request: OutgoingRequest<Socket, Purpose>, socket: Socket, bytes: Uint8Array, nowMs: number): void {
    if (request.sent === 0) request.sentAtMs = nowMs;
    request.sent++;
    this.#window.handleSent(nowMs);
    const { to: { host, port }, tid, command, internal, sent: attempt, ttl = 0 } = request;
    this.#transmits.push({ socket, host, port, bytes, ttl, tid });
    this.#options.onTrace?.({ kind: "request-sent", to: { host, port }, tid, command, internal, attempt });
    request.deadlineMs = nowMs + this.#timeoutMs(request, nowMs);
    if (request.deadlineMs < this.#nextDeadlineMs) this.#nextDeadlineMs = request.deadlineMs;
  }

  #timeoutMs(request: OutgoingRequest<Socket, Purpose>, nowMs: number): number {
    if (request.timeoutMs) return request.timeoutMs;
    return this.#adaptive?.get(addressKey(request.to), request.sent, nowMs) ?? REQUEST_TIMEOUT_MS;
  }

  #sendWaiting(nowMs: number): void {
    for (let request = this.#waiting.first; request !== null; request = this.#waiting.first) {
      if (!request.isOver) {
        if (this.#window.isFull(nowMs)) return;
        this.#send(request, request.socket!, request.bytes!, nowMs);
      }
      this.#waiting.shift();
    }
  }

  #cycle(nowMs: number): void {
    this.#nextDeadlineMs = Infinity;
    for (const request of Array.from(this.#byTid.values())) {
      if (request.deadlineMs > nowMs) {
        if (request.deadlineMs < this.#nextDeadlineMs) this.#nextDeadlineMs = request.deadlineMs;
        continue;
      }
      request.deadlineMs = Infinity;
      this.#events.push({ kind: "cycle", request });
      if (request.sent > (request.retries ?? REQUEST_RETRIES)) {
        this.stats.timeouts++;
        const { host, port } = request.to;
        const attempts = request.sent === 1 ? "1 attempt" : `${request.sent} attempts`;
        const message = `Request timed out, ${host}:${port} did not answer in ${attempts}`;
        this.cancel(request, new DHTError("REQUEST_TIMEOUT", message), nowMs);
      } else {
        this.stats.retries++;
        this.#sendOrWait(request, nowMs);
      }
    }
  }

  #end(request: OutgoingRequest<Socket, Purpose>, nowMs: number): void {
    request.isOver = true;
    request.deadlineMs = Infinity;
    this.#byTid.delete(request.tid);
    request.group?.requests.delete(request as OutgoingRequest<unknown, unknown>);
    this.stats.active--;
    // Compat: dht-rpc lib/io.js takes also those off the window that wait for room; here only what was sent.
    if (request.sent > 0) this.#window.handleOver(nowMs);
  }
}

function isFromAsked<Socket, Purpose>(request: OutgoingRequest<Socket, Purpose>, from: Peer): boolean {
  return request.to.port === from.port && request.to.host === from.host;
}

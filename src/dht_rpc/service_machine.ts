/**
 * What a node does for others: answers their requests, gives out tokens, names nodes.
 *
 * Source: dht-rpc `index.js`, `lib/io.js`.
 *
 * @module
 */
import { allocBytesUnsafe } from "../base/mod.ts";
import { decode, uint16, uint32 } from "../compact_encoding/mod.ts";
import { DELAYED_PING, DOWN_HINT, FIND_NODE, PING, PING_NAT } from "./commands.ts";
import { ERROR_INVALID_TOKEN, ERROR_UNKNOWN_COMMAND } from "./errors.ts";
import { ADDRESS_BYTES, DELAYED_PINGS_MAX, DELAYED_PINGS_PER_HOST_MAX } from "./limits.ts";
import type { Membership } from "./membership.ts";
import { decodeRequest, encodeReply, encodeRequest } from "./messages.ts";
import type { InboundRequest, ReplyContent } from "./node_types.ts";
import { decodeAddress, type PeerAddress, writeAddressNumber } from "./peer.ts";
import { Queue } from "./queue.ts";
import { RequestLimiter } from "./request_limiter.ts";
import type { Transmit } from "./request_machine.ts";
import { Tokens } from "./tokens.ts";
import type { TraceEvent } from "./trace.ts";

/** Options of {@linkcode ServiceMachine}. */
export interface ServiceMachineOptions<Socket> {
  /** 64 random bytes for the first tokens. */
  readonly tokenSeed: Uint8Array;
  /** Longest delay of a delayed ping. */
  readonly maxPingDelayMs: number;
  /** Requests that are served in 100 ms. */
  readonly inboundRequestsMax?: number;
  /** Knows the nodes that are named. */
  readonly membership: Membership;
  /** The id that a message through `socket` carries. */
  idOf(socket: Socket): Uint8Array | null;
  /** Told of each step. */
  readonly onTrace: ((event: TraceEvent) => void) | null;
}

interface DelayedPing<Socket> {
  readonly request: InboundRequest<Socket>;
  readonly dueMs: number;
}

/** Serves requests. */
export class ServiceMachine<Socket> {
  readonly #options: ServiceMachineOptions<Socket>;
  readonly #tokens: Tokens;
  readonly #limiter: RequestLimiter;
  readonly #transmits = new Queue<Transmit<Socket>>();
  #delayedPings: DelayedPing<Socket>[] = [];
  #nextPingMs = Infinity;
  /** The nodes to name for targets of each row, encoded, as long as the table stays as it is. */
  readonly #named = new Map<number, Uint8Array>();
  #namedTable: unknown = null;
  #namedVersion = -1;
  #isDestroyed = false;

  /** Starts serving. */
  constructor(options: ServiceMachineOptions<Socket>, nowMs: number) {
    this.#options = options;
    this.#tokens = new Tokens(options.tokenSeed, nowMs);
    this.#limiter = new RequestLimiter(options.inboundRequestsMax);
  }

  /** Answers a request. @throws {TypeError} when the receiver's host is no IPv4 address. */
  reply(request: InboundRequest<Socket>, content: ReplyContent<Socket>, nowMs: number): void {
    if (this.#isDestroyed) return;
    const { tid, target } = request;
    const { to = request.from, socket = request.socket, error, value } = content;
    const bytes = encodeReply({
      tid,
      to,
      id: this.#options.idOf(socket),
      token: content.hasToken ? this.#tokens.issue(to.host, nowMs) : null,
      closerNodes: target !== null && content.hasCloserNodes ? this.#closestTo(target) : null,
      error,
      value,
    });
    this.#transmits.push({ socket, host: to.host, port: to.port, bytes, ttl: 0, tid: null });
  }

  /** Passes a request on to another node, with another value. @throws {TypeError} when its host is no IPv4 address. */
  relay(
    request: InboundRequest<Socket>,
    value: Uint8Array | null,
    to: PeerAddress,
    socket: Socket = request.socket,
  ): void {
    if (this.#isDestroyed) return;
    const { tid, internal, command, target } = request;
    const id = this.#options.idOf(socket);
    const bytes = encodeRequest({ tid, to, id, token: null, internal, command, target, value });
    this.#transmits.push({ socket, host: to.host, port: to.port, bytes, ttl: 0, tid: null });
  }

  /** Answers one of the protocol's own requests; returns the node that it says is down, if it does. */
  serve(request: InboundRequest<Socket>, nowMs: number): PeerAddress | null {
    const { command, value, target, from } = request;
    switch (command) {
      case PING:
        this.#replyEmpty(request, nowMs);
        return null;
      case DELAYED_PING:
        this.#delayPing(request, nowMs);
        return null;
      case PING_NAT: {
        if (value === null || value.byteLength < 2) return null;
        const port = decode(uint16, value);
        if (port !== 0) this.#replyEmpty({ ...request, from: { ...from, port } }, nowMs);
        return null;
      }
      case FIND_NODE:
        if (target === null) return null;
        this.reply(request, { error: 0, value: null, hasToken: false, hasCloserNodes: true }, nowMs);
        return null;
      case DOWN_HINT: {
        const down = value === null ? null : decodeAddress(value);
        if (down) this.#replyEmpty(request, nowMs);
        return down;
      }
    }
    this.#replyError(request, ERROR_UNKNOWN_COMMAND, false, nowMs);
    return null;
  }

  /** Stops delayed pings. */
  suspend(): void {
    this.#delayedPings = [];
    this.#nextPingMs = Infinity;
  }

  /** Ends for good. */
  destroy(): void {
    this.#isDestroyed = true;
    this.suspend();
    this.#transmits.clear();
    this.#tokens.dispose();
  }

  /** Reads a request; null when it is not to be served. */
  handleRequest(
    socket: Socket,
    bytes: Uint8Array,
    { host, port }: PeerAddress,
    nowMs: number,
  ): InboundRequest<Socket> | null {
    const { membership, onTrace } = this.#options;
    if (!this.#limiter.admit({ host, port }, nowMs)) {
      onTrace?.({ kind: "dropped", from: { host, port }, reason: "too-many" });
      return null;
    }
    const message = decodeRequest(bytes);
    if (!message) {
      onTrace?.({ kind: "dropped", from: { host, port }, reason: "malformed" });
      return null;
    }
    const { tid, to, id, token, internal, command, target, value } = message;
    const request: InboundRequest<Socket> = {
      socket,
      tid,
      from: membership.identify(id, host, port),
      to: { id: null, host: to.host, port: to.port },
      token,
      internal,
      command,
      target,
      value,
    };
    onTrace?.({ kind: "request", from: { host, port }, tid, command, internal });
    if (token === null) return request;
    if (this.#tokens.isValid(token, host, nowMs)) {
      this.#limiter.handleProof({ host, port });
      return request;
    }
    onTrace?.({ kind: "dropped", from: { host, port }, reason: "bad-token" });
    this.#replyError(request, ERROR_INVALID_TOKEN, true, nowMs);
    return null;
  }

  /** A node answered us, so that its address is its own. */
  handleProof(from: PeerAddress): void {
    this.#limiter.handleProof(from);
  }

  /** Answers the delayed pings that are due. */
  handleTimeout(nowMs: number): void {
    if (nowMs < this.#nextPingMs) return;
    this.#nextPingMs = Infinity;
    const pings = this.#delayedPings;
    this.#delayedPings = [];
    for (const ping of pings) {
      if (ping.dueMs > nowMs) this.#delay(ping);
      else this.#replyEmpty(ping.request, nowMs);
    }
  }

  /** The next datagram to send. */
  pollTransmit(): Transmit<Socket> | null {
    return this.#transmits.shift();
  }

  /** When {@linkcode ServiceMachine.handleTimeout} is due. */
  get deadlineMs(): number {
    return this.#nextPingMs;
  }

  /** Requests that were not served because there were too many. */
  get droppedCount(): number {
    return this.#limiter.droppedCount;
  }

  /** Sources of requests that it remembers. */
  get sourceCount(): number {
    return this.#limiter.sourceCount;
  }

  #closestTo(target: Uint8Array): Uint8Array {
    const { table } = this.#options.membership;
    if (table !== this.#namedTable || table.version !== this.#namedVersion) {
      this.#named.clear();
      this.#namedTable = table;
      this.#namedVersion = table.version;
    }
    const row = table.rowOf(target);
    let bytes = this.#named.get(row);
    if (!bytes) {
      const nodes = table.closest(target);
      bytes = allocBytesUnsafe(nodes.length * ADDRESS_BYTES);
      for (const [i, { address }] of nodes.entries()) writeAddressNumber(address, bytes, i * ADDRESS_BYTES);
      this.#named.set(row, bytes);
    }
    return bytes;
  }

  #replyEmpty(request: InboundRequest<Socket>, nowMs: number): void {
    this.reply(request, { error: 0, value: null, hasToken: false, hasCloserNodes: false }, nowMs);
  }

  #replyError(request: InboundRequest<Socket>, error: number, hasToken: boolean, nowMs: number): void {
    this.reply(request, { error, value: null, hasToken, hasCloserNodes: true }, nowMs);
  }

  #delayPing(request: InboundRequest<Socket>, nowMs: number): void {
    const { value, from } = request;
    if (value === null || value.byteLength < 4) return;
    const delayMs = decode(uint32, value);
    if (delayMs > this.#options.maxPingDelayMs || this.#delayedPings.length >= DELAYED_PINGS_MAX) return;
    const ofHost = this.#delayedPings.filter((ping) => ping.request.from.host === from.host).length;
    if (ofHost < DELAYED_PINGS_PER_HOST_MAX) this.#delay({ request, dueMs: nowMs + delayMs });
  }

  #delay(ping: DelayedPing<Socket>): void {
    this.#delayedPings.push(ping);
    this.#nextPingMs = Math.min(this.#nextPingMs, ping.dueMs);
  }
}

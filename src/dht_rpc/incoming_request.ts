/**
 * A request of another node, as the `request` event gives it.
 *
 * @module
 */
import type { UDXSocket } from "../udx/mod.ts";
import type { InboundRequest, ReplyContent } from "./node_types.ts";
import type { Peer, PeerAddress } from "./peer.ts";

/** Options of {@linkcode IncomingRequest.reply} and {@linkcode IncomingRequest.error}. */
export interface ReplyOptions {
  /** Another socket than the request came on. */
  readonly socket?: UDXSocket | null;
  /** Another receiver than who asked. */
  readonly to?: PeerAddress;
  /** Whether to give out a token (default true, of errors false). */
  readonly token?: boolean;
  /** Whether to name nodes closer to the target (default true). */
  readonly closerNodes?: boolean;
}

/** Sends what a request is answered with. */
export interface Responder {
  /** Answers. */
  reply(request: InboundRequest<UDXSocket>, content: ReplyContent<UDXSocket>): void;
  /** Passes the request on. */
  relay(
    request: InboundRequest<UDXSocket>,
    value: Uint8Array | null,
    to: PeerAddress,
    socket: UDXSocket | undefined,
  ): void;
}

/** A request of another node; answer with {@linkcode IncomingRequest.reply} or {@linkcode IncomingRequest.error}. */
export class IncomingRequest implements InboundRequest<UDXSocket> {
  /** The socket that it arrived on. */
  readonly socket: UDXSocket;
  /** Transaction id, 16 bits. */
  readonly tid: number;
  /** Who asks; the id is null when it is ephemeral. */
  readonly from: Peer;
  /** Our address as the other side sees it. */
  readonly to: Peer;
  /** Set when the other side has proved its address with a token of ours, 32 bytes. */
  readonly token: Uint8Array | null;
  /** Whether the command is one of the protocol itself; false in `request` events. */
  readonly internal: boolean;
  /** What is asked. */
  readonly command: number;
  /** What it is about, 32 bytes. */
  readonly target: Uint8Array | null;
  /** What else belongs to the command. */
  readonly value: Uint8Array | null;
  readonly #responder: Responder;

  /** Called by nodes. */
  constructor(request: InboundRequest<UDXSocket>, responder: Responder) {
    this.socket = request.socket;
    this.tid = request.tid;
    this.from = request.from;
    this.to = request.to;
    this.token = request.token;
    this.internal = request.internal;
    this.command = request.command;
    this.target = request.target;
    this.value = request.value;
    this.#responder = responder;
  }

  /** Answers with `value`. */
  reply(value?: Uint8Array | null, options: ReplyOptions = {}): void {
    this.#send(0, value ?? null, options.token !== false, options);
  }

  /** Answers with an error; numbers below 16 belong to the protocol. */
  error(code: number, options: ReplyOptions = {}): void {
    this.#send(code, null, options.token === true, options);
  }

  /** Passes the request on to another node, with another value: who asked gets the answer of whoever it reaches. */
  relay(
    value: Uint8Array | null,
    to: PeerAddress,
    options: { readonly socket?: UDXSocket | null } = {},
  ): void {
    this.#responder.relay(this, value ?? null, to, options?.socket ?? undefined);
  }

  #send(error: number, value: Uint8Array | null, hasToken: boolean, options: ReplyOptions): void {
    this.#responder.reply(this, {
      error,
      value,
      hasToken,
      hasCloserNodes: options.closerNodes !== false,
      to: options.to,
      socket: options.socket ?? undefined,
    });
  }
}

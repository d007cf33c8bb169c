/**
 * Sends and answers handshakes and hole punching messages the way {@linkcode RouterMachine} says.
 *
 * @module
 */
import type { Clock } from "../base/mod.ts";
import { encode } from "../compact_encoding/mod.ts";
import type { DHT, IncomingRequest, RequestOptions, Session } from "../dht_rpc/mod.ts";
import type { UDXSocket } from "../udx/mod.ts";
import { isSameAddress } from "./addresses.ts";
import type { CacheOptions } from "./caches.ts";
import { COMMANDS } from "./constants.ts";
import { DHTError } from "./errors.ts";
import type { PunchReply } from "./holepunch_port.ts";
import {
  handshake,
  type HandshakeMessage,
  holepunch,
  type HolepunchMessage,
  type PeerAddress,
  ROUTE,
  tryDecode,
} from "./messages.ts";
import { type RouterAction, RouterMachine } from "./router_machine.ts";

/** A server's answer to a handshake. */
export interface HandshakeAnswer {
  /** The socket to answer through; null for the one that was asked. */
  readonly socket: UDXSocket | null;
  /** The Noise message. */
  readonly noise: Uint8Array;
  /** Called when the answer is on its way. */
  readonly onsent?: () => void;
}

/** A server of this node, as the router sees it. Neither method throws. */
export interface RoutedServer {
  /** Answers a handshake, or null for silence. */
  handleHandshake(message: HandshakeMessage, request: IncomingRequest): Promise<HandshakeAnswer | null>;
  /** Answers a hole punching message, or null for silence. */
  handleHolepunch(message: HolepunchMessage, request: IncomingRequest): Promise<PunchReply | null>;
}

/** How a request is sent. */
export interface RouteOptions {
  /** Another socket than the node's. */
  readonly socket?: UDXSocket | null;
  /** Whose request it is. */
  readonly session: Session;
  /** How long an answer is waited for each time, ms (default as for all requests). */
  readonly timeout?: number;
}

/** What came back on a handshake. */
export interface RoutedHandshake {
  /** The server's Noise message. */
  readonly noise: Uint8Array;
  /** Whether the node asked only relayed. */
  readonly isRelayed: boolean;
  /** The server as that node sees it. */
  readonly serverAddress: PeerAddress;
  /** We as that node sees us. */
  readonly clientAddress: PeerAddress;
}

/** What came back on a hole punching message. */
export interface RoutedHolepunch {
  /** The relay. */
  readonly from: PeerAddress;
  /** We as the relay sees us. */
  readonly to: PeerAddress;
  /** The server's payload. */
  readonly payload: Uint8Array;
  /** The server as the relay sees it. */
  readonly peerAddress: PeerAddress;
}

/** The router of a node. Source: hyperdht `lib/router.js`. */
export class Router {
  /** The table of routes. */
  readonly machine: RouterMachine<RoutedServer>;
  readonly #clock: Clock;

  /** Creates a router without routes. */
  constructor(clock: Clock, options: CacheOptions) {
    this.#clock = clock;
    this.machine = new RouterMachine(options);
  }

  /** Sends a client's handshake to a node. @throws {DHTError} `BAD_HANDSHAKE_REPLY`, or the request's own error. */
  async sendHandshake(
    dht: DHT,
    target: Uint8Array,
    noise: Uint8Array,
    to: PeerAddress,
    options: RouteOptions,
  ): Promise<RoutedHandshake> {
    const value = encode(handshake, { mode: ROUTE.FROM_CLIENT, noise });
    const response = await dht.request(
      { command: COMMANDS.PEER_HANDSHAKE, target, value },
      to,
      requestOptions(options),
    );
    const message = tryDecode(handshake, response.value);
    if (message === null || message.mode !== ROUTE.REPLY || !isSameAddress(to, response.from)) {
      throw new DHTError("BAD_HANDSHAKE_REPLY");
    }
    return {
      noise: message.noise,
      isRelayed: !!message.peerAddress,
      serverAddress: message.peerAddress ?? to,
      clientAddress: response.to,
    };
  }

  /** Sends a client's hole punching message. @throws {DHTError} `BAD_HOLEPUNCH_REPLY`, or the request's own error. */
  async sendHolepunch(
    dht: DHT,
    target: Uint8Array,
    message: { readonly id: number; readonly payload: Uint8Array; readonly peerAddress: PeerAddress },
    to: PeerAddress,
    options: RouteOptions,
  ): Promise<RoutedHolepunch> {
    const response = await dht.request(
      {
        command: COMMANDS.PEER_HOLEPUNCH,
        target,
        value: encode(holepunch, { mode: ROUTE.FROM_CLIENT, ...message }),
      },
      to,
      requestOptions(options),
    );
    const reply = tryDecode(holepunch, response.value);
    if (reply === null || reply.mode !== ROUTE.REPLY || !isSameAddress(to, response.from)) {
      throw new DHTError("BAD_HOLEPUNCH_REPLY");
    }
    return {
      from: response.from,
      to: response.to,
      payload: reply.payload,
      peerAddress: reply.peerAddress ?? to,
    };
  }

  /** Serves a PEER_HANDSHAKE request. */
  async handleHandshake(request: IncomingRequest): Promise<void> {
    const { target, value, from } = request;
    const action = this.machine.handleHandshake(target, value, from, this.#clock.nowMs());
    if (action.kind !== "handshake") return perform(action, request);
    const answer = await action.server.handleHandshake(action.message, request);
    if (answer === null) return;
    perform(this.machine.answerHandshake(action.message, answer.noise, from), request, answer.socket);
    answer.onsent?.();
  }

  /** Serves a PEER_HOLEPUNCH request; `nodeSocket` is the node's own, since the one of a punch may be gone by then. */
  async handleHolepunch(request: IncomingRequest, nodeSocket: UDXSocket | null): Promise<void> {
    const { target, value, from } = request;
    const action = this.machine.handleHolepunch(target, value, from, this.#clock.nowMs());
    if (action.kind !== "holepunch") return perform(action, request);
    const answer = await action.server.handleHolepunch(action.message, request);
    if (answer === null) return;
    const reply = this.machine.answerHolepunch(action.message, answer.payload, from);
    perform(reply, request, answer.socket ?? nodeSocket);
  }
}

function perform(
  action: RouterAction<RoutedServer>,
  request: IncomingRequest,
  socket: UDXSocket | null = null,
): void {
  switch (action.kind) {
    case "relay":
      request.relay(action.value, action.to, { socket: socket ?? undefined });
      break;
    case "reply":
      request.reply(action.value, {
        to: action.to ?? undefined,
        socket: socket ?? undefined,
        closerNodes: false,
        token: false,
      });
      break;
    case "closer-nodes":
      request.reply(null, { token: false, closerNodes: true });
      break;
    default:
      break;
  }
}

function requestOptions({ socket, ...options }: RouteOptions): RequestOptions {
  return { ...options, socket: socket ?? undefined };
}

/**
 * Which way handshakes and hole punching messages go: knows the servers of this node and those announced to it.
 *
 * A message comes from a client to a relay, from there perhaps to a second relay, to the server, and back. The
 * machine says what to do with each; it neither sends nor waits.
 *
 * @module
 */
import { hexText } from "../base/mod.ts";
import { encode } from "../compact_encoding/mod.ts";
import { isPort } from "./addresses.ts";
import { AgeingCache, type CacheOptions } from "./caches.ts";
import {
  handshake,
  type HandshakeMessage,
  holepunch,
  type HolepunchMessage,
  type PeerAddress,
  ROUTE,
  tryDecode,
} from "./messages.ts";

/** How a target is reached: a server of this node, or one that announced itself through `relay`. */
export type Route<Server> =
  | { readonly kind: "server"; readonly server: Server; readonly record: Uint8Array }
  | { readonly kind: "relay"; readonly relay: PeerAddress; readonly record: Uint8Array };

/** What to do with a message that came in. */
export type RouterAction<Server> =
  /** Nothing. */
  | { readonly kind: "drop" }
  /** Send it on as a request. */
  | { readonly kind: "relay"; readonly value: Uint8Array; readonly to: PeerAddress }
  /** Answer the request; to somebody else if `to` is given. */
  | { readonly kind: "reply"; readonly value: Uint8Array; readonly to: PeerAddress | null }
  /** Answer with nodes that are closer. */
  | { readonly kind: "closer-nodes" }
  /** Ask a server of this node, and hand its answer to {@linkcode RouterMachine.answerHandshake}. */
  | { readonly kind: "handshake"; readonly server: Server; readonly message: HandshakeMessage }
  /** Ask a server of this node, and hand its answer to {@linkcode RouterMachine.answerHolepunch}. */
  | { readonly kind: "holepunch"; readonly server: Server; readonly message: HolepunchMessage };

const DROP = { kind: "drop" } as const;

/** The table of routes and what it says about messages. Source: hyperdht `lib/router.js`. */
export class RouterMachine<Server> {
  readonly #servers = new Map<string, Route<Server>>();
  readonly #relays: AgeingCache<Route<Server>>;

  /** Creates an empty table; the options are those of the routes to other nodes' servers. */
  constructor(options: CacheOptions) {
    this.#relays = new AgeingCache(options);
  }

  /** Adds a server of this node, which takes precedence. */
  addServer(target: Uint8Array, server: Server, record: Uint8Array): void {
    const key = hexText(target);
    this.#relays.delete(key);
    this.#servers.set(key, { kind: "server", server, record });
  }

  /** Removes a server of this node; another one that has taken its place stays. */
  removeServer(target: Uint8Array, server: Server): void {
    const key = hexText(target);
    const route = this.#servers.get(key);
    if (route?.kind === "server" && route.server === server) this.#servers.delete(key);
  }

  /** Remembers that `relay` is (or reaches) the server of `target`; `record` is kept. */
  addRelay(target: Uint8Array, relay: PeerAddress, record: Uint8Array, nowMs: number): void {
    const key = hexText(target);
    if (this.#servers.has(key)) return;
    this.#relays.set(key, { kind: "relay", relay: { host: relay.host, port: relay.port }, record }, nowMs);
  }

  /** Forgets an announced server. */
  removeRelay(target: Uint8Array): void {
    this.#relays.delete(hexText(target));
  }

  /** The route to `target`, or null. */
  get(target: Uint8Array, nowMs: number): Route<Server> | null {
    const key = hexText(target);
    return this.#servers.get(key) ?? this.#relays.get(key, nowMs);
  }

  /** Number of routes. */
  get size(): number {
    return this.#servers.size + this.#relays.size;
  }

  /** Forgets all routes. */
  clear(): void {
    this.#servers.clear();
    this.#relays.clear();
  }

  /** A handshake came from `from`. */
  handleHandshake(
    target: Uint8Array | null,
    value: Uint8Array | null,
    from: PeerAddress,
    nowMs: number,
  ): RouterAction<Server> {
    const message = tryDecode(handshake, value);
    if (message === null) return DROP;
    const route = target === null ? null : this.get(target, nowMs);
    if (route?.kind === "server") {
      const isForServer = message.mode === ROUTE.FROM_CLIENT || message.mode === ROUTE.FROM_RELAY ||
        (message.mode === ROUTE.FROM_SECOND_RELAY && isReachable(message.relayAddress));
      return isForServer ? { kind: "handshake", server: route.server, message } : DROP;
    }
    const relay = route === null ? null : route.relay;
    const { mode, noise } = message;
    switch (mode) {
      case ROUTE.FROM_CLIENT: {
        const to = message.relayAddress ?? relay;
        if (to === null) return { kind: "closer-nodes" };
        return relayHandshake({ mode: ROUTE.FROM_RELAY, noise, peerAddress: from }, to);
      }
      case ROUTE.FROM_RELAY: {
        const { peerAddress } = message;
        if (relay === null) return DROP;
        return relayHandshake(
          { mode: ROUTE.FROM_SECOND_RELAY, noise, peerAddress, relayAddress: from },
          relay,
        );
      }
      case ROUTE.FROM_SERVER: {
        if (!isReachable(message.peerAddress)) return DROP;
        const reply = encode(handshake, { mode: ROUTE.REPLY, noise, peerAddress: from });
        return { kind: "reply", value: reply, to: message.peerAddress };
      }
      default:
        return DROP;
    }
  }

  /** What to do with a server's answer, `noise`, to a handshake that came from `from`. */
  answerHandshake(message: HandshakeMessage, noise: Uint8Array, from: PeerAddress): RouterAction<Server> {
    const { mode, peerAddress, relayAddress } = message;
    if (mode === ROUTE.FROM_CLIENT) {
      return { kind: "reply", value: encode(handshake, { mode: ROUTE.REPLY, noise }), to: null };
    }
    const to = mode === ROUTE.FROM_RELAY ? from : relayAddress!;
    return relayHandshake({ mode: ROUTE.FROM_SERVER, noise, peerAddress }, to);
  }

  /** A hole punching message came from `from`. */
  handleHolepunch(
    target: Uint8Array | null,
    value: Uint8Array | null,
    from: PeerAddress,
    nowMs: number,
  ): RouterAction<Server> {
    const message = tryDecode(holepunch, value);
    if (message === null) return DROP;
    const { mode, id, payload, peerAddress = null } = message;
    const route = target === null ? null : this.get(target, nowMs);
    switch (mode) {
      case ROUTE.FROM_CLIENT: {
        const to = peerAddress ?? (route?.kind === "relay" ? route.relay : null);
        if (!isReachable(to)) return DROP;
        const relayed = encode(holepunch, { mode: ROUTE.FROM_RELAY, id, payload, peerAddress: from });
        return { kind: "relay", value: relayed, to };
      }
      case ROUTE.FROM_RELAY:
        if (route?.kind !== "server" || peerAddress === null) return DROP;
        return { kind: "holepunch", server: route.server, message };
      case ROUTE.FROM_SERVER: {
        // Compat: without an address the reply goes to the sender (hyperdht lib/router.js).
        const to = isReachable(peerAddress) ? peerAddress : null;
        const reply = encode(holepunch, { mode: ROUTE.REPLY, id, payload, peerAddress: from });
        return { kind: "reply", value: reply, to };
      }
      default:
        return DROP;
    }
  }

  /** What to do with a server's answer, `payload`, to a hole punching message that came from `from`. */
  answerHolepunch(message: HolepunchMessage, payload: Uint8Array, from: PeerAddress): RouterAction<Server> {
    const { peerAddress } = message;
    const value = encode(holepunch, { mode: ROUTE.FROM_SERVER, id: 0, payload, peerAddress });
    return { kind: "relay", value, to: from };
  }
}

function relayHandshake<Server>(message: HandshakeMessage, to: PeerAddress): RouterAction<Server> {
  if (!isReachable(to)) return DROP;
  return { kind: "relay", value: encode(handshake, message), to };
}

function isReachable(address: PeerAddress | null | undefined): address is PeerAddress {
  return !!address && isPort(address.port);
}

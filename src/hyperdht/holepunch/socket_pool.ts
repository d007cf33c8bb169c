/**
 * The sockets that punch: each connection that was found by punching has one of its own.
 *
 * @module
 */
import { type CancelTimer, hexText } from "../../base/mod.ts";
import type { UDXSocket, UDXStream } from "../../udx/mod.ts";
import type { PooledSocket, SocketPoolOptions, SocketPoolPort, SocketRoute } from "../holepunch_port.ts";
import type { PeerAddress } from "../messages.ts";
import { LINGER_MS, ROUTES_MAX } from "./limits.ts";

/**
 * A node's pool of sockets. They heed TTLs until a stream uses them, see `docs/decisions/0021-punching-with-ttl.md`.
 * Source: hyperdht `lib/socket-pool.js`.
 */
export class SocketPool implements SocketPoolPort {
  /** For `dht.stats.socketPool`. */
  readonly stats: { socketsAdded: number; socketsRemoved: number } = { socketsAdded: 0, socketsRemoved: 0 };
  /** Where peers were last connected to. */
  readonly routes: SocketRoutes;
  readonly #options: SocketPoolOptions;
  readonly #entries = new Map<UDXSocket, PoolEntry>();

  /** A pool without sockets. */
  constructor(options: SocketPoolOptions) {
    this.#options = options;
    this.routes = new SocketRoutes(this);
  }

  /**
   * A fresh bound socket that heeds TTLs (default) or is fast from the start.
   *
   * @throws {PlatformError} when it cannot be bound.
   */
  acquire({ heedsTtl = true }: { readonly heedsTtl?: boolean } = {}): PooledSocket {
    const socket = this.#options.udx.createSocket({ heedsTtl });
    const entry = new PoolEntry(socket, this.#options);
    socket.on("close", () => {
      if (this.#entries.delete(socket)) this.stats.socketsRemoved++;
    });
    socket.bind(0, this.#options.host);
    this.#entries.set(socket, entry);
    this.stats.socketsAdded++;
    return entry;
  }

  /** The pool's entry for `socket`, or null for another's. */
  lookup(socket: UDXSocket): PooledSocket | null {
    return this.#entries.get(socket) ?? null;
  }

  /** Closes all sockets, lingering ones at once; streams have to be gone. */
  async destroy(): Promise<void> {
    await Promise.all(Array.from(this.#entries.values(), (entry) => entry.close()));
  }
}

class PoolEntry implements PooledSocket {
  readonly socket: UDXSocket;
  onholepunchmessage: ((message: Uint8Array, from: PeerAddress) => void) | null = null;
  reusable = false;
  readonly #options: SocketPoolOptions;
  #users = 1;
  #wasBusy = false;
  #isReleased = false;
  #cancelLinger: CancelTimer | null = null;
  #cancelSettle: CancelTimer | null = null;

  constructor(socket: UDXSocket, options: SocketPoolOptions) {
    this.socket = socket;
    this.#options = options;
    socket.on("message", (message, { host, port }) => {
      if (message.length > 1) options.onmessage(socket, message, { host, port });
      else this.onholepunchmessage?.(message, { host, port });
    });
    socket.on("busy", () => {
      this.#wasBusy = true;
      this.#stopLingering();
      this.#settleSoon();
    });
    socket.on("idle", () => {
      this.#cancelSettle?.();
      this.#leaveMaybe();
    });
  }

  active(): void {
    this.#users++;
    this.#stopLingering();
  }

  inactive(): void {
    this.#users--;
    this.#leaveMaybe();
  }

  release(): void {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.onholepunchmessage = null;
    this.inactive();
  }

  close(): Promise<void> {
    this.#stopLingering();
    this.#cancelSettle?.();
    return this.socket.close();
  }

  /** Whoever streams needs speed, and no TTLs any more; but the first packets go out before that. */
  #settleSoon(): void {
    this.#cancelSettle?.();
    this.#cancelSettle = this.#options.clock.schedule(0, () => this.socket.settle());
  }

  #leaveMaybe(): void {
    if (this.#users > 0 || this.socket.busy || this.#cancelLinger) return;
    if (!this.reusable || !this.#wasBusy) {
      this.close();
      return;
    }
    this.#wasBusy = false;
    this.#cancelLinger = this.#options.clock.schedule(LINGER_MS, () => {
      this.#cancelLinger = null;
      this.#leaveMaybe();
    });
  }

  #stopLingering(): void {
    this.#cancelLinger?.();
    this.#cancelLinger = null;
  }
}

interface KnownRoute extends SocketRoute {
  readonly forget: () => void;
}

/** Where peers were last connected to, by public key. */
export class SocketRoutes {
  readonly #pool: SocketPool;
  readonly #routes = new Map<string, KnownRoute>();

  /** Without routes; sockets of `pool` that have one linger. */
  constructor(pool: SocketPool) {
    this.#pool = pool;
  }

  /** Remembers the way of a stream, now or once it is connected; forgets it when the stream fails. */
  add(publicKey: Uint8Array, rawStream: UDXStream): void {
    if (rawStream.socket) this.#add(publicKey, rawStream);
    else rawStream.once("connect", () => this.#add(publicKey, rawStream));
  }

  /** The way to a peer, or null. */
  get(publicKey: Uint8Array): SocketRoute | null {
    return this.#routes.get(hexText(publicKey)) ?? null;
  }

  #add(publicKey: Uint8Array, rawStream: UDXStream): void {
    const { socket, remoteHost, remotePort } = rawStream;
    if (!socket || !remoteHost) return;
    const key = hexText(publicKey);
    if (!this.#routes.has(key)) this.#remember(key, socket, { host: remoteHost, port: remotePort });
    this.#setReusable(socket, true);
    rawStream.on("error", () => {
      this.#setReusable(socket, false);
      const route = this.#routes.get(key);
      if (route?.socket === socket) route.forget();
    });
  }

  #remember(key: string, socket: UDXSocket, address: PeerAddress): void {
    if (this.#routes.size === ROUTES_MAX) this.#routes.values().next().value!.forget();
    const forget = (): void => {
      socket.off("close", forget);
      this.#routes.delete(key);
    };
    socket.on("close", forget);
    this.#routes.set(key, { socket, address, forget });
  }

  #setReusable(socket: UDXSocket, isReusable: boolean): void {
    const entry = this.#pool.lookup(socket);
    if (entry) entry.reusable = isReusable;
  }
}

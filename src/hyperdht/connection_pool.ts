/**
 * Connections by public key: at most one to each peer.
 *
 * @module
 */
import { compareBytes, hexText, TypedEventEmitter } from "../base/mod.ts";
import type { SecretStream } from "../secret_stream/mod.ts";
import { DHTError } from "./errors.ts";
import type { Server } from "./server.ts";

/** Events of {@linkcode ConnectionPool} with the arguments of their listeners. */
export type ConnectionPoolEvents = {
  /** A connection is open. */
  connection: [stream: SecretStream, session: ConnectionRef];
};

/** A connection of a pool. */
export class ConnectionRef {
  readonly #stream: SecretStream;
  #count = 0;

  /** Called by the pool. */
  constructor(stream: SecretStream) {
    this.#stream = stream;
  }

  /** The connection. */
  get stream(): SecretStream {
    return this.#stream;
  }

  /** How many use the connection. */
  get count(): number {
    return this.#count;
  }

  /** Somebody uses the connection. */
  active(): void {
    this.#count++;
  }

  /** Somebody uses the connection no more. */
  inactive(): void {
    this.#count--;
  }

  /** Ends the connection. */
  release(): void {
    this.#stream.destroy();
  }
}

/**
 * Keeps one connection to each peer; create it with `dht.pool()` and pass it to `connect` and `createServer`.
 *
 * @example
 * ```ts
 * import type DHT from "@quince/quince/hyperdht";
 *
 * function dial(dht: DHT, publicKey: Uint8Array): void {
 *   const pool = dht.pool();
 *   dht.connect(publicKey, { pool });
 *   dht.connect(publicKey, { pool }); // the same stream
 * }
 * ```
 */
export class ConnectionPool extends TypedEventEmitter<ConnectionPoolEvents> {
  readonly #servers = new Map<string, Server>();
  readonly #connecting = new Map<string, ConnectionRef>();
  readonly #connections = new Map<string, ConnectionRef>();

  /** Number of connections that are not open yet. */
  get connecting(): number {
    return this.#connecting.size;
  }

  /** Open connections. */
  get connections(): IterableIterator<ConnectionRef> {
    return this.#connections.values();
  }

  /** Whether there is a connection to a peer, or one is being made. */
  has(publicKey: Uint8Array): boolean {
    return this.get(publicKey) !== null;
  }

  /** The connection to a peer, also one that is being made, or null. */
  get(publicKey: Uint8Array): SecretStream | null {
    const key = hexText(publicKey);
    return (this.#connections.get(key) ?? this.#connecting.get(key))?.stream ?? null;
  }

  /**
   * Takes in all connections of a server.
   *
   * @internal
   */
  attachServer(server: Server): void {
    const key = hexText(server.publicKey!);
    this.#servers.set(key, server);
    const onconnection = (stream: SecretStream): void => this.attachStream(stream, true);
    server.on("connection", onconnection);
    server.once("close", () => {
      this.#servers.delete(key);
      server.off("connection", onconnection);
    });
  }

  /**
   * Takes in a connection, open or not; of two to the same peer, both sides keep the same one.
   *
   * @internal
   */
  attachStream(stream: SecretStream, isOpen: boolean): void {
    const existing = this.get(stream.remotePublicKey!);
    if (existing !== null) return this.#resolveDuplicate(existing, stream, isOpen);
    const key = hexText(stream.remotePublicKey!);
    const ref = new ConnectionRef(stream);
    if (isOpen) return this.#addOpen(key, ref);

    this.#connecting.set(key, ref);
    stream.on("error", ignore);
    stream.on("close", () => {
      this.#connecting.delete(key);
    });
    stream.on("open", () => {
      this.#connecting.delete(key);
      stream.off("error", ignore);
      this.#addOpen(key, ref);
    });
  }

  #addOpen(key: string, ref: ConnectionRef): void {
    this.#connections.set(key, ref);
    ref.stream.on("close", () => {
      if (this.#connections.get(key) === ref) this.#connections.delete(key);
    });
    this.emit("connection", ref.stream, ref);
  }

  /** Source: hyperdht `lib/connection-pool.js`. */
  #resolveDuplicate(existing: SecretStream, stream: SecretStream, isOpen: boolean): void {
    stream.on("error", ignore);
    const isNewKept = stream.isInitiator === existing.isInitiator ||
      compareBytes(stream.publicKey!, stream.remotePublicKey!) > 0;
    if (!isNewKept) {
      stream.destroy(new DHTError("DUPLICATE_CONNECTION"));
      return;
    }
    existing.on("error", ignore);
    existing.on("close", () => {
      stream.off("error", ignore);
      if (!stream.destroying) this.attachStream(stream, isOpen);
    });
    existing.destroy(new DHTError("DUPLICATE_CONNECTION"));
  }
}

/** Streams that are taken in tell by "close". */
function ignore(): void {}

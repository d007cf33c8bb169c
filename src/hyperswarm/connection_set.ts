/**
 * Connections by the key of their peer, and which of two to the same peer is kept.
 *
 * @module
 */
import { compareBytes, hexText } from "../base/mod.ts";
import type { SwarmConnection } from "./dht.ts";

/** All connections of a swarm, those that are not open yet included: one a peer. */
export class ConnectionSet {
  readonly #byId = new Map<string, SwarmConnection>();

  /** How many there are. */
  get size(): number {
    return this.#byId.size;
  }

  /** The connection to a peer. */
  get(publicKey: Uint8Array): SwarmConnection | undefined {
    return this.#byId.get(hexText(publicKey));
  }

  /** Whether there is one to a peer. */
  has(publicKey: Uint8Array): boolean {
    return this.#byId.has(hexText(publicKey));
  }

  /** Adds the connection to a peer, in place of another one. */
  add(publicKey: Uint8Array, connection: SwarmConnection): void {
    this.#byId.set(hexText(publicKey), connection);
  }

  /** Removes a connection, unless another one to the same peer has taken its place. */
  delete(publicKey: Uint8Array, connection: SwarmConnection): void {
    const id = hexText(publicKey);
    if (this.#byId.get(id) === connection) this.#byId.delete(id);
  }

  /** All of them. */
  [Symbol.iterator](): IterableIterator<SwarmConnection> {
    return this.#byId.values();
  }
}

/**
 * Whether a new connection from a peer takes the place of the existing one. Both sides come to the same answer: where
 * the old one has carried bytes both ways the peer must have lost it; else that one stays which the peer with the
 * greater key began. Source: `hyperswarm` 4.17.1 (index.js).
 */
export function takesPlace(
  incoming: Pick<SwarmConnection, "publicKey" | "remotePublicKey" | "isInitiator">,
  existing: Pick<SwarmConnection, "rawBytesRead" | "rawBytesWritten">,
): boolean {
  if (existing.rawBytesRead > 0 && existing.rawBytesWritten > 0) return true;
  const isOursToBegin = compareBytes(incoming.publicKey!, incoming.remotePublicKey!) > 0;
  return isOursToBegin === incoming.isInitiator;
}

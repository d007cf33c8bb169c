/**
 * Received datagrams on their way to a socket's owner: collected without allocating per datagram.
 *
 * @module
 */
import type { DatagramAddress, IncomingDatagram } from "./datagram_socket.ts";

/** Datagrams that are handed over in one call at most. */
export const RECEIVE_BATCH_MAX = 32;

/** Collects datagrams and hands them over together. */
export class ReceiveBatch {
  readonly #entries: { bytes: Uint8Array; address: DatagramAddress }[] = [];
  readonly #onReceive: (datagrams: readonly IncomingDatagram[], count: number) => void;
  #count = 0;
  #lastPeer: DatagramAddress | null = null;
  #lastHost = "";

  constructor(onReceive: (datagrams: readonly IncomingDatagram[], count: number) => void) {
    this.#onReceive = onReceive;
  }

  /** Tells whether the batch has to be delivered before another datagram is added. */
  get isFull(): boolean {
    return this.#count === RECEIVE_BATCH_MAX;
  }

  /** Adds a datagram from `host` as the runtime writes it, IPv4-mapped or not. */
  add(bytes: Uint8Array, host: string, port: number): void {
    const address = this.#peer(host, port);
    const entry = this.#entries[this.#count++];
    if (entry) {
      entry.bytes = bytes;
      entry.address = address;
    } else {
      this.#entries.push({ bytes, address });
    }
  }

  /** Hands over what was added since the last time, if anything. */
  deliver(): void {
    const count = this.#count;
    if (count === 0) return;
    this.#count = 0;
    this.#onReceive(this.#entries, count);
  }

  #peer(host: string, port: number): DatagramAddress {
    if (this.#lastPeer && this.#lastPeer.port === port && this.#lastHost === host) return this.#lastPeer;
    this.#lastHost = host;
    const plain = host.startsWith("::ffff:") && host.includes(".") ? host.slice(7) : host;
    return this.#lastPeer = { host: plain, port, family: plain.includes(":") ? 6 : 4 };
  }
}

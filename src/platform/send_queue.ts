/**
 * Datagrams on their way to the system, one after the other.
 *
 * Deno starts operations that are asked for in one go in any order, in practice backwards; only waiting for each
 * keeps datagrams in order, and it is no slower.
 *
 * @module
 */
import type { DatagramAddress, OutgoingDatagram } from "./datagram_socket.ts";

/** Datagrams not yet taken by the system before the socket says that it is full. */
const PENDING_MAX = 96;

/** Room is announced when no more than so many are left. */
const PENDING_LOW = 24;

/** What a queue calls. */
export interface SendQueueHandlers {
  /** Hands one datagram to the system. */
  send(bytes: Uint8Array, address: DatagramAddress): Promise<unknown>;
  /** Sending failed; the queue goes on. */
  onError(error: unknown, address: DatagramAddress): void;
  /** Room is available again. */
  onWritable(): void;
}

/** Sends datagrams in order. */
export class SendQueue {
  readonly #handlers: SendQueueHandlers;
  #waiting: OutgoingDatagram[] = [];
  #head = 0;
  #isSending = false;
  #wasFull = false;
  #isClosed = false;

  constructor(handlers: SendQueueHandlers) {
    this.#handlers = handlers;
  }

  /** Whether less than the bound is waiting. */
  get isWritable(): boolean {
    return this.#pendingCount < PENDING_MAX;
  }

  /** Appends the first `count` datagrams. */
  push(datagrams: readonly OutgoingDatagram[], count: number): void {
    if (this.#isClosed) return;
    for (let i = 0; i < count; i++) {
      const { bytes, address } = datagrams[i]!;
      this.#waiting.push({ bytes, address });
    }
    if (!this.isWritable) this.#wasFull = true;
    if (!this.#isSending) this.#sendAll();
  }

  /** Sends nothing more. */
  close(): void {
    this.#isClosed = true;
    this.#waiting = [];
    this.#head = 0;
  }

  get #pendingCount(): number {
    return this.#waiting.length - this.#head;
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    while (this.#head < this.#waiting.length) {
      const { bytes, address } = this.#waiting[this.#head]!;
      try {
        await this.#handlers.send(bytes, address);
      } catch (error) {
        if (!this.#isClosed) this.#handlers.onError(error, address);
      }
      if (this.#isClosed) return;
      this.#head++;
      if (this.#head === this.#waiting.length) {
        this.#waiting = [];
        this.#head = 0;
      }
      if (this.#wasFull && this.#pendingCount <= PENDING_LOW) {
        this.#wasFull = false;
        this.#handlers.onWritable();
      }
    }
    this.#isSending = false;
  }
}

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
  /** Hands one datagram to the system; `ttl` 0 stands for the socket's own. */
  send(bytes: Uint8Array, address: DatagramAddress, ttl: number): Promise<unknown>;
  /** Sending failed; the queue goes on. */
  onError(error: unknown, address: DatagramAddress): void;
  /** Room is available again. */
  onWritable(): void;
}

interface QueuedDatagram extends OutgoingDatagram {
  readonly ttl: number;
  /** Who waits for this datagram; null when failures go to the handlers. */
  readonly waiter: Pick<PromiseWithResolvers<boolean>, "resolve" | "reject"> | null;
}

/** Sends datagrams in order. */
export class SendQueue {
  readonly #handlers: SendQueueHandlers;
  #waiting: QueuedDatagram[] = [];
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
      this.#waiting.push({ bytes, address, ttl: 0, waiter: null });
    }
    this.#start();
  }

  /**
   * Appends one datagram with a time to live of its own; resolves with true when the system took it, with false
   * when the queue closed before.
   *
   * @throws whatever sending throws, as a rejection.
   */
  pushOne(bytes: Uint8Array, address: DatagramAddress, ttl: number): Promise<boolean> {
    if (this.#isClosed) return Promise.resolve(false);
    return new Promise((resolve, reject) => {
      this.#waiting.push({ bytes, address, ttl, waiter: { resolve, reject } });
      this.#start();
    });
  }

  /** Sends nothing more. */
  close(): void {
    this.#isClosed = true;
    for (let i = this.#head; i < this.#waiting.length; i++) this.#waiting[i]!.waiter?.resolve(false);
    this.#waiting = [];
    this.#head = 0;
  }

  #start(): void {
    if (!this.isWritable) this.#wasFull = true;
    if (!this.#isSending) this.#sendAll();
  }

  get #pendingCount(): number {
    return this.#waiting.length - this.#head;
  }

  async #sendAll(): Promise<void> {
    this.#isSending = true;
    while (this.#head < this.#waiting.length) {
      const { bytes, address, ttl, waiter } = this.#waiting[this.#head]!;
      try {
        await this.#handlers.send(bytes, address, ttl);
        waiter?.resolve(true);
      } catch (error) {
        if (waiter) waiter.reject(error);
        else if (!this.#isClosed) this.#handlers.onError(error, address);
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

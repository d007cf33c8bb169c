/**
 * What one peer asked for and has not been answered yet.
 *
 * Urgent requests go first, the latest of them first of all; the others in order. A request whose id is used again
 * is forgotten. Source: `hypercore/lib/receiver-queue.js`, here with a bound.
 *
 * @module
 */
import { REMOTE_REQUESTS_MAX } from "./limits.ts";
import type { RequestMessage } from "./messages.ts";

/** The requests of one peer. */
export class UploadQueue {
  readonly #waiting = new Map<number, RequestMessage>();
  readonly #answering = new Map<number, RequestMessage>();
  #urgent: RequestMessage[] = [];

  /** Requests nobody works on yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Requests without an answer. */
  get size(): number {
    return this.#waiting.size + this.#answering.size;
  }

  /** Puts `message` in line; false, changing nothing, when there are {@linkcode REMOTE_REQUESTS_MAX}. */
  add(message: RequestMessage): boolean {
    this.cancel(message.id);
    if (this.size >= REMOTE_REQUESTS_MAX) return false;
    this.#waiting.set(message.id, message);
    if (message.priority > 0) this.#urgent.push(message);
    return true;
  }

  /** Forgets the request `id`; one that is being answered will not be. */
  cancel(id: number): void {
    this.#waiting.delete(id);
    this.#answering.delete(id);
    // Taken-back urgent requests stay in the list until they are next; it must not outgrow the line.
    if (this.#urgent.length > 2 * this.#waiting.size + 16) {
      this.#urgent = this.#urgent.filter((message) => this.#waiting.get(message.id) === message);
    }
  }

  /** Takes the next request to answer, or null. */
  shift(): RequestMessage | null {
    for (let next = this.#urgent.pop(); next !== undefined; next = this.#urgent.pop()) {
      if (this.#waiting.get(next.id) === next) return this.#begin(next);
    }
    for (const message of this.#waiting.values()) return this.#begin(message);
    return null;
  }

  /** Undoes the last {@linkcode shift}: `message` is the next one again. */
  putBack(message: RequestMessage): void {
    if (!this.finish(message)) return;
    this.#waiting.set(message.id, message);
    this.#urgent.push(message);
  }

  /** Ends work on `message`; false when it was taken back meanwhile and is not to be answered. */
  finish(message: RequestMessage): boolean {
    if (this.#answering.get(message.id) !== message) return false;
    this.#answering.delete(message.id);
    return true;
  }

  /** Forgets everything. */
  clear(): void {
    this.#waiting.clear();
    this.#answering.clear();
    this.#urgent = [];
  }

  #begin(message: RequestMessage): RequestMessage {
    this.#waiting.delete(message.id);
    this.#answering.set(message.id, message);
    return message;
  }
}

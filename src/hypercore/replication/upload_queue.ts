/**
 * What one peer asked for and has not been answered yet.
 *
 * Urgent requests go first, the latest of them first of all; the others in order. A request whose id is used again
 * is forgotten. Source: `hypercore/lib/receiver-queue.js`, here with bounds.
 *
 * Compat: a peer that mirrors a drive with npm's `mirror-drive` 1.14.2 (index.js) has lost its limit of open requests and
 * asks for all blocks of a file at once. So plain requests that wait are kept as two numbers where there are many.
 *
 * @module
 */
import { REMOTE_BLOCK_REQUESTS_MAX, REMOTE_REQUESTS_MAX } from "./limits.ts";
import type { RequestMessage } from "./messages.ts";

/** Plain requests wait as messages up to this many, so that there is room for others. */
const PLAIN_MAX = REMOTE_REQUESTS_MAX / 2;
/** Parents that a plain request may ask for, end exclusive: its block and they make one number. */
const NODES_END = 128;
const INDEX_END = 2 ** 46;

/** The requests of one peer. */
export class UploadQueue {
  readonly #waiting = new Map<number, RequestMessage>();
  readonly #answering = new Map<number, RequestMessage>();
  #urgent: RequestMessage[] = [];
  /** Plain requests behind all others, by their ids: the block, and the parents asked for with it. */
  readonly #plain = new Map<number, number>();
  /** Stands before the first of them: looking for it from the start would pass all that are gone each time. */
  #plainFirst: Iterator<[number, number]> = this.#plain.entries();
  /** The fork that all of them are for. */
  #plainFork = 0;

  /** Requests nobody works on yet. */
  get waiting(): number {
    return this.#waiting.size + this.#plain.size;
  }

  /** Requests without an answer. */
  get size(): number {
    return this.waiting + this.#answering.size;
  }

  /**
   * Puts `message` in line; false, changing nothing, when there are {@linkcode REMOTE_REQUESTS_MAX}, or
   * {@linkcode REMOTE_BLOCK_REQUESTS_MAX} more of those that ask for a block alone.
   */
  add(message: RequestMessage): boolean {
    this.cancel(message.id);
    const count = this.#waiting.size + this.#answering.size;
    const isBehind = this.#plain.size > 0 ? message.fork === this.#plainFork : count >= PLAIN_MAX;
    if (isBehind && isPlain(message)) return this.#addPlain(message);
    if (count >= REMOTE_REQUESTS_MAX) return false;
    this.#waiting.set(message.id, message);
    if (message.priority > 0) this.#urgent.push(message);
    return true;
  }

  #addPlain({ id, fork, block }: PlainRequest): boolean {
    if (this.#plain.size >= REMOTE_BLOCK_REQUESTS_MAX) return false;
    this.#plainFork = fork;
    this.#plain.set(id, block.index * NODES_END + block.nodes);
    return true;
  }

  /** Forgets the request `id`; one that is being answered will not be. */
  cancel(id: number): void {
    this.#waiting.delete(id);
    this.#plain.delete(id);
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
    return this.#shiftPlain();
  }

  #shiftPlain(): RequestMessage | null {
    const { done, value } = this.#plainFirst.next();
    if (!done) return this.#begin(plainRequest(value[0], this.#plainFork, value[1]));
    this.#plainFirst = this.#plain.entries(); // one that has come to its end stays there
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
    this.#plain.clear();
    this.#answering.clear();
    this.#urgent = [];
  }

  #begin(message: RequestMessage): RequestMessage {
    this.#waiting.delete(message.id);
    this.#plain.delete(message.id);
    this.#answering.set(message.id, message);
    return message;
  }
}

/** A request for a block alone. */
type PlainRequest = RequestMessage & { readonly block: NonNullable<RequestMessage["block"]> };

function isPlain(message: RequestMessage): message is PlainRequest {
  const { block, hash, seek, upgrade, manifest, priority } = message;
  return block !== null && block.index < INDEX_END && block.nodes < NODES_END && hash === null &&
    seek === null &&
    upgrade === null && !manifest && priority === 0;
}

function plainRequest(id: number, fork: number, packed: number): RequestMessage {
  const block = { index: Math.floor(packed / NODES_END), nodes: packed % NODES_END };
  return { id, fork, block, hash: null, seek: null, upgrade: null, manifest: false, priority: 0 };
}

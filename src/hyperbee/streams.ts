/**
 * Iterations as streams.
 *
 * @module
 */
import { destroyOnAbort, Readable, type StreamCallback } from "../base/mod.ts";
import type { Items } from "./iterators.ts";

/** A stream of what an iteration gives; destroying it ends the iteration. */
export class ItemStream<Item> extends Readable<Item> {
  readonly #items: Promise<Items<Item>> | Items<Item>;
  #opened: Items<Item> | null = null;

  /** Reads `items`, once they are there, until their end or until `signal` aborts. */
  constructor(items: Promise<Items<Item>> | Items<Item>, signal: AbortSignal | null | undefined) {
    super();
    destroyOnAbort(this, signal);
    this.#items = items;
    if (items instanceof Promise) items.catch(ignoreUntilRead);
  }

  override _open(callback: StreamCallback): void {
    this.#open().then(() => callback(null), callback);
  }

  async #open(): Promise<void> {
    const items = await this.#items;
    this.#opened = items;
    if (this.destroying) return;
    await items.open();
  }

  override _read(callback: StreamCallback): void {
    try {
      while (true) {
        const item = this.#opened!.take();
        if (item === undefined) break;
        if (!this.push(item) || item === null) return callback(null);
      }
    } catch (error) {
      return callback(error as Error);
    }
    this.#opened!.next().then((item) => {
      this.push(item);
      callback(null);
    }, callback);
  }

  /** A read that waits for peers would keep the stream from closing. */
  override _predestroy(): void {
    this.#opened?.close();
  }

  override _destroy(callback: StreamCallback): void {
    Promise.resolve(this.#items).then((items) => items.close()).then(
      () => callback(null),
      () => callback(null),
    );
  }
}

/** The error reaches whoever reads the stream; nobody has to. */
function ignoreUntilRead(): void {}

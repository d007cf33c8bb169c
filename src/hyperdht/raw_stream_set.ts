/**
 * The raw streams of a node, under ids that nobody can guess.
 *
 * @module
 */
import type { Random } from "../base/mod.ts";
import type { UDX, UDXStream, UDXStreamOptions } from "../udx/mod.ts";

/** UDX looks streams up by the low bits of their ids: these are kept apart. Source: hyperdht `lib/raw-stream-set.js`. */
const PREFIX_START = 15;

/** The raw streams that a node has made and that are not closed. */
export class RawStreamSet implements Iterable<UDXStream> {
  readonly #udx: UDX;
  readonly #random: Random;
  /** By the low bits of their ids, which are different. */
  #streams = new Map<number, UDXStream>();
  #prefix = PREFIX_START;

  /** Creates an empty set. */
  constructor(udx: UDX, random: Random) {
    this.#udx = udx;
    this.#random = random;
  }

  /** Number of streams. */
  get size(): number {
    return this.#streams.size;
  }

  /** All streams. */
  [Symbol.iterator](): IterableIterator<UDXStream> {
    return this.#streams.values();
  }

  /** Makes a stream with an id of its own. */
  add(options?: UDXStreamOptions): UDXStream {
    const id = this.#freeId();
    // Half of the ids stay free, so that two draws find one on average.
    if (2 * this.#streams.size >= this.#prefix) this.#grow();
    const stream = this.#udx.createStream(id, options);
    this.#streams.set(id & this.#prefix, stream);
    stream.on("close", () => {
      this.#streams.delete(id & this.#prefix);
    });
    return stream;
  }

  /** Destroys all streams, and resolves when they are closed. */
  async clear(): Promise<void> {
    await Promise.all(Array.from(this.#streams.values(), (stream) =>
      new Promise<void>((resolve) => {
        stream.once("close", () => resolve());
        stream.destroy();
      })));
  }

  #freeId(): number {
    while (true) {
      const id = (this.#random.next() * 0x100000000) >>> 0;
      if (!this.#streams.has(id & this.#prefix)) return id;
    }
  }

  #grow(): void {
    this.#prefix = 2 * this.#prefix + 1;
    this.#streams = new Map(
      Array.from(this.#streams.values(), (stream) => [stream.id & this.#prefix, stream]),
    );
  }
}

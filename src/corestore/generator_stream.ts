/**
 * A stream of what a generator yields.
 *
 * @module
 */
import { Readable, type StreamCallback } from "../base/mod.ts";

/** Reads a generator as it is read; leaving it early ends the generator. */
export class GeneratorStream<Value> extends Readable<Value> {
  readonly #generator: AsyncGenerator<Value, void, void>;

  /** `start` is called at once, but runs with the first read. */
  constructor(start: () => AsyncGenerator<Value, void, void>) {
    super();
    this.#generator = start();
  }

  /** Takes the next value. */
  override _read(done: StreamCallback): void {
    this.#generator.next().then(({ value, done: isOver }) => {
      this.push(isOver ? null : value as Value);
      done(null);
    }, done);
  }

  /** Ends the generator. */
  override _destroy(done: StreamCallback): void {
    this.#generator.return().then(() => done(null), done);
  }
}

/**
 * Replicates two cores through memory.
 *
 * @module
 */
import type { ReplicateOptions } from "../../src/hypercore/mod.ts";
import type { Bridge } from "../../src/secret_stream/mod.ts";

/** The part of a core that a connection needs. */
interface Replicating {
  replicate(isInitiator: boolean, options: ReplicateOptions): Bridge;
}

/** Two cores connected; disposing cuts the connection and waits until both ends are gone. */
export class MemoryReplication implements AsyncDisposable {
  /** Errors that ended either stream. */
  readonly errors: Error[] = [];
  readonly #streams: readonly [Bridge, Bridge];

  /** Connects `a`, who begins, with `b`. */
  constructor(a: Replicating, b: Replicating) {
    const [left, right] = this.#streams = [
      a.replicate(true, { keepAlive: false }),
      b.replicate(false, { keepAlive: false }),
    ];
    for (const stream of this.#streams) stream.on("error", (error: Error) => this.errors.push(error));
    left.pipe(right).pipe(left);
  }

  /** Cuts the connection. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#streams.map((stream) => {
      const closed = Promise.withResolvers<void>();
      if (stream.noiseStream.destroyed) return;
      stream.noiseStream.on("close", () => closed.resolve());
      stream.noiseStream.on("error", () => {});
      stream.noiseStream.destroy();
      return closed.promise;
    }));
  }
}

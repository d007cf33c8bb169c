/**
 * The streams that a store replicates over.
 *
 * @module
 */
import { type Core, Hypercore, type ProtocolStream } from "../hypercore/mod.ts";

/** A stream that can be watched and ended. */
export interface StoreStream extends ProtocolStream {
  /** Adds a listener. */
  once(event: "close", listener: () => void): unknown;
  /** Ends the stream. */
  destroy(error?: Error | null): void;
}

/** Streams in use, and whose they are. */
export class StreamRegistry {
  readonly #streams = new Map<StoreStream, { isOwn: boolean }>();

  /** Streams in use. */
  get size(): number {
    return this.#streams.size;
  }

  /** Takes in a stream until it closes; `isOwn` for one that was made here, which ends with the store. */
  add(stream: StoreStream, isOwn: boolean): void {
    if (this.#streams.has(stream)) return;
    this.#streams.set(stream, { isOwn });
    stream.once("close", () => this.#streams.delete(stream));
  }

  /** Replicates `core` over every stream. */
  attachAll(core: Core): void {
    for (const stream of this.#streams.keys()) attach(core, stream);
  }

  /** Ends the streams that were made here. */
  destroy(): void {
    for (const [stream, { isOwn }] of Array.from(this.#streams)) if (isOwn) stream.destroy();
  }
}

/** Replicates `core` over `stream`, unless it does. */
export async function attach(core: Core, stream: ProtocolStream): Promise<void> {
  try {
    await core.attachTo(Hypercore.getProtocolMuxer(stream));
  } catch {
    // Peers hear nothing of a core that cannot be opened or made durable; whoever uses it here hears why.
  }
}

/**
 * A stream whose pieces are the chunks of {@linkcode RabinChunker}.
 *
 * @module
 */
import { concatBytes, Transform, type TransformCallback } from "../base/mod.ts";
import { RabinChunker } from "./rabin_chunker.ts";

/** Cuts what is written to it where its content says so. */
export class ChunkStream extends Transform<Uint8Array, Uint8Array> {
  readonly #chunker = new RabinChunker();
  /** The current chunk's bytes, 8 MiB and one piece at most. */
  #pending: Uint8Array[] = [];

  /** For the stream itself: looks for boundaries in a piece. */
  override _transform(bytes: Uint8Array, callback: TransformCallback<Uint8Array>): void {
    let start = 0;
    for (;;) {
      const end = this.#chunker.findEnd(bytes, start);
      if (end === -1) break;
      this.#pending.push(bytes.subarray(start, end));
      this.push(this.#take());
      start = end;
    }
    if (start < bytes.length) this.#pending.push(bytes.subarray(start));
    callback(null);
  }

  /** For the stream itself: gives the last chunk. */
  override _flush(callback: TransformCallback<Uint8Array>): void {
    if (this.#pending.length > 0) this.push(this.#take());
    callback(null);
  }

  #take(): Uint8Array {
    const chunk = this.#pending.length === 1 ? this.#pending[0]! : concatBytes(this.#pending);
    this.#pending = [];
    return chunk;
  }
}

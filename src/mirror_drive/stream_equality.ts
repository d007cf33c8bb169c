/**
 * Whether two streams give the same bytes, however they are cut.
 *
 * @module
 */
import type { Readable } from "../base/mod.ts";
import { equalBytes } from "../base/mod.ts";

/** Reads both streams side by side, until they differ or end, and destroys them. */
export async function equalStreams(a: Readable<Uint8Array>, b: Readable<Uint8Array>): Promise<boolean> {
  const left = new PieceReader(a);
  const right = new PieceReader(b);
  try {
    for (;;) {
      const [one, other] = await Promise.all([left.peek(), right.peek()]);
      if (one === null || other === null) return one === other;
      const byteLength = Math.min(one.byteLength, other.byteLength);
      if (!equalBytes(one.subarray(0, byteLength), other.subarray(0, byteLength))) return false;
      left.skip(byteLength);
      right.skip(byteLength);
    }
  } finally {
    await Promise.all([left.close(), right.close()]);
  }
}

class PieceReader {
  readonly #pieces: AsyncIterator<Uint8Array>;
  #current: Uint8Array = new Uint8Array();

  constructor(stream: Readable<Uint8Array>) {
    this.#pieces = stream[Symbol.asyncIterator]();
  }

  /** Bytes that come next, null at the end. */
  async peek(): Promise<Uint8Array | null> {
    while (this.#current.byteLength === 0) {
      const { done, value } = await this.#pieces.next();
      if (done) return null;
      this.#current = value;
    }
    return this.#current;
  }

  skip(byteLength: number): void {
    this.#current = this.#current.subarray(byteLength);
  }

  async close(): Promise<void> {
    await this.#pieces.return?.();
  }
}

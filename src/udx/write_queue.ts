/**
 * Written bytes that were not put into packets yet.
 *
 * @module
 */

/** Chunks that were consumed are dropped from the array in one go when there are this many. */
const CONSUMED_CHUNKS_MAX = 64;

/** A queue of bytes: chunks go in, packet payloads of any size come out. */
export class WriteQueue {
  #chunks: Uint8Array[] = [];
  #head = 0;
  #headOffset = 0;
  #byteLength = 0;

  /** Bytes in the queue. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Appends a chunk and keeps it (no copy) until its bytes are taken. */
  push(chunk: Uint8Array): void {
    if (chunk.length === 0) return;
    this.#chunks.push(chunk);
    this.#byteLength += chunk.length;
  }

  /** Moves the first `byteLength` bytes into `target` at `offset`; the queue holds as many. */
  take(target: Uint8Array, offset: number, byteLength: number): void {
    this.#byteLength -= byteLength;
    while (byteLength > 0) {
      const chunk = this.#chunks[this.#head]!;
      const available = chunk.length - this.#headOffset;
      const taken = available < byteLength ? available : byteLength;
      target.set(chunk.subarray(this.#headOffset, this.#headOffset + taken), offset);
      offset += taken;
      byteLength -= taken;
      if (taken === available) this.#dropHead();
      else this.#headOffset += taken;
    }
  }

  /** Forgets everything. */
  clear(): void {
    this.#chunks = [];
    this.#head = this.#headOffset = this.#byteLength = 0;
  }

  #dropHead(): void {
    this.#headOffset = 0;
    this.#head++;
    if (this.#head < CONSUMED_CHUNKS_MAX && this.#byteLength > 0) return;
    this.#chunks = this.#chunks.slice(this.#head);
    this.#head = 0;
  }
}

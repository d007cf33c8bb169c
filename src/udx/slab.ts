/**
 * Memory for outgoing packets: one allocation serves many.
 *
 * Pieces are never reused, because the system may hold on to one until it is sent; a slab goes when all its pieces
 * are unreachable.
 *
 * @module
 */

/** Most streams send little: the first slab is small, each further one twice as large. */
const FIRST_SLAB_BYTES = 4096;
const SLAB_BYTES_MAX = 65_536;

/** Cuts packets out of larger allocations. */
export class Slab {
  #bytes: Uint8Array = new Uint8Array(0);
  #used = 0;

  /** `byteLength` fresh bytes of undefined content. */
  allocate(byteLength: number): Uint8Array {
    if (byteLength > this.#bytes.length - this.#used) {
      const slabBytes = Math.min(SLAB_BYTES_MAX, 2 * this.#bytes.length || FIRST_SLAB_BYTES);
      this.#bytes = new Uint8Array(Math.max(slabBytes, byteLength));
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += byteLength;
    return this.#bytes.subarray(start, this.#used);
  }
}

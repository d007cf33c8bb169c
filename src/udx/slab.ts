/**
 * Memory for outgoing packets: one allocation serves many.
 *
 * Pieces are never reused, because the system may hold on to one until it is sent; a slab goes when all its pieces
 * are unreachable.
 *
 * @module
 */

const SLAB_BYTES = 65536;

/** Cuts packets out of larger allocations. */
export class Slab {
  #bytes: Uint8Array = new Uint8Array(0);
  #used = 0;

  /** `byteLength` fresh bytes of undefined content. */
  allocate(byteLength: number): Uint8Array {
    if (byteLength > this.#bytes.length - this.#used) {
      this.#bytes = new Uint8Array(Math.max(SLAB_BYTES, byteLength));
      this.#used = 0;
    }
    const start = this.#used;
    this.#used += byteLength;
    return this.#bytes.subarray(start, this.#used);
  }
}

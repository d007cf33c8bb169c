/**
 * Frames cut from larger pieces, for streams without an allocator of their own: most frames are small, and a buffer
 * for each takes longer than all else about sending it.
 *
 * @module
 */
import { allocBytesUnsafe } from "../base/mod.ts";

const SLAB_BYTES = 8 * 1024;
const FRAME_BYTES_MAX = SLAB_BYTES / 4;

/** Allocates frames that share slabs. */
export class FrameSlab {
  #slab: Uint8Array | null = null;
  #offset = 0;

  /** Returns `byteLength` bytes with undefined content that nobody else has. */
  alloc(byteLength: number): Uint8Array {
    if (byteLength > FRAME_BYTES_MAX) return allocBytesUnsafe(byteLength);
    if (this.#slab === null || this.#offset + byteLength > SLAB_BYTES) {
      this.#slab = allocBytesUnsafe(SLAB_BYTES);
      this.#offset = 0;
    }
    const start = this.#offset;
    this.#offset += byteLength;
    return this.#slab.subarray(start, this.#offset);
  }
}

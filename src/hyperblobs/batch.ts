/**
 * Blobs that are appended together.
 *
 * @module
 */
import { concatBytes, copyBytes } from "../base/mod.ts";
import type { Hyperblobs } from "./hyperblobs.ts";
import type { BlobId } from "./options.ts";

/**
 * Blobs in memory until `flush()`; made by `batch()`. Nothing else may be appended to the core meanwhile, or the ids are
 * wrong.
 */
export class HyperblobsBatch {
  /** The store. */
  readonly blobs: Hyperblobs;
  #blocks: Uint8Array[] = [];
  #byteLength = 0;

  /**
   * Called by `batch()`.
   *
   * @internal
   */
  constructor(blobs: Hyperblobs) {
    this.blobs = blobs;
  }

  /** The blocks that wait. */
  get blocks(): readonly Uint8Array[] {
    return this.#blocks;
  }

  /** Bytes that wait. */
  get bytes(): number {
    return this.#byteLength;
  }

  /** Resolves once the core is open. */
  ready(): Promise<void> {
    return this.blobs.ready();
  }

  /** Adds a blob; resolves to where it will be. */
  async put(bytes: Uint8Array): Promise<BlobId> {
    const { core, blockSize } = this.blobs;
    if (!core.opened) await core.ready();
    const blockOffset = core.length + this.#blocks.length;
    const byteOffset = core.byteLength + this.#byteLength;
    for (let start = 0; start < bytes.byteLength; start += blockSize) {
      this.#blocks.push(copyBytes(bytes.subarray(start, start + blockSize)));
    }
    this.#byteLength += bytes.byteLength;
    const blockLength = core.length + this.#blocks.length - blockOffset;
    return { blockOffset, blockLength, byteOffset, byteLength: bytes.byteLength };
  }

  /** A blob of the batch or of the store; null where the batch has no such blocks. */
  async get(id: BlobId): Promise<Uint8Array | null> {
    const { core } = this.blobs;
    if (id.blockOffset < core.length) return await this.blobs.get(id);
    const first = id.blockOffset - core.length;
    const blocks = this.#blocks.slice(first, first + id.blockLength);
    return blocks.length < id.blockLength ? null : concatBytes(blocks);
  }

  /** Appends all blobs at once. */
  async flush(): Promise<void> {
    const blocks = this.#blocks;
    this.close();
    if (blocks.length > 0) await this.blobs.core.append(blocks);
  }

  /** Drops what was not flushed. */
  close(): void {
    this.#blocks = [];
    this.#byteLength = 0;
  }
}

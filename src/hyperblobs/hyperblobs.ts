/**
 * The class users hold. Source for names, options and defaults: `hyperblobs/index.js`.
 *
 * @module
 */
import { concatBytes, type Gathered, Gathering, isBytes, type Lock, Mutex, utf8Bytes } from "../base/mod.ts";
import type { ClearOptions, ClearResult, ReplicateOptions } from "../hypercore/mod.ts";
import { HyperblobsBatch } from "./batch.ts";
import { BlobReader, checkId, readBlockMap } from "./blob_reader.ts";
import { BlobWriter, checkBlockSize } from "./blob_writer.ts";
import { mappedByteLength } from "./block_map.ts";
import { Monitor } from "./driver.ts";
import { DEFAULT_BLOCK_SIZE, PUTS_AT_ONCE, READ_BLOCKS } from "./limits.ts";
import type {
  BlobCore,
  BlobGetOptions,
  BlobId,
  BlobPutOptions,
  BlobReadOptions,
  BlobWriteOptions,
  BlockMap,
  HyperblobsOptions,
} from "./options.ts";
import { BlobReadStream, BlobWriteStream } from "./streams.ts";

/**
 * Blobs on a core: each is a run of blocks, and its id says which.
 *
 * @example
 * ```ts
 * import Hyperblobs from "@quince/quince/hyperblobs";
 * import Hypercore from "@quince/quince/hypercore";
 *
 * await using blobs = new Hyperblobs(new Hypercore("./my-blobs"));
 * const id = await blobs.put("hello world");
 * await blobs.get(id); // the bytes of "hello world"
 * await blobs.get(id, { start: 1, length: 2 }); // those of "el"
 * ```
 */
export class Hyperblobs {
  /** The core. */
  readonly core: BlobCore;
  /** Bytes of a block. */
  readonly blockSize: number;
  readonly #writing = new Mutex();
  /** Blobs of one block that wait to be written. */
  readonly #puts: Gathering<Uint8Array, BlobId> = new Gathering(
    () => this.#writing.lock(),
    PUTS_AT_ONCE,
    (puts) => this.#putBlocks(puts),
  );
  /** Takes the lock for a blob of several blocks. */
  readonly #lock: Lock = () => {
    this.#puts.part();
    return this.#writing.lock();
  };

  /**
   * Takes a core to keep blobs on.
   *
   * @throws {HyperblobsError} `BAD_ARGUMENT` for a size of blocks that is no whole number from 1.
   */
  constructor(core: BlobCore, options: HyperblobsOptions = {}) {
    this.core = core;
    this.blockSize = checkBlockSize(options.blockSize || DEFAULT_BLOCK_SIZE);
  }

  /** The same as `core`. */
  get feed(): BlobCore {
    return this.core;
  }

  /** The key of the core, null before it is known. */
  get key(): Uint8Array | null {
    return this.core.key;
  }

  /** The discovery key of the core, null before it is known. */
  get discoveryKey(): Uint8Array | null {
    return this.core.discoveryKey;
  }

  /** Whether a blob is being written. */
  get locked(): boolean {
    return this.#writing.isHeld;
  }

  /** Resolves once the core is open. */
  ready(): Promise<void> {
    return this.core.ready();
  }

  /** Closes the core. */
  close(): Promise<void> {
    return this.core.close();
  }

  /** Closes the core. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Replicates the core; as `core.replicate`. */
  // deno-lint-ignore no-explicit-any -- as broad as the core's own
  replicate(isInitiatorOrStream: any, options?: ReplicateOptions): any {
    return this.core.replicate(isInitiatorOrStream, options);
  }

  /** Blobs that are appended together. */
  batch(): HyperblobsBatch {
    return new HyperblobsBatch(this);
  }

  /** A read-only view of the core as it is now; it is a session of its own: close it. */
  snapshot(): Hyperblobs {
    return new Hyperblobs(this.core.snapshot());
  }

  /**
   * Stores a blob; resolves to where it is. One blob is written at a time.
   *
   * Compat: `start`, `end` and `length`, which the README of the npm package lists, have no effect there either.
   *
   * @throws {HyperblobsError} `BAD_ARGUMENT` for a size of blocks that is no whole number from 1; and what the core's
   * `append` throws.
   */
  async put(blob: Uint8Array | string, options: BlobPutOptions = {}): Promise<BlobId> {
    const bytes = isBytes(blob) ? blob : utf8Bytes(blob);
    const blockSize = checkBlockSize(options.blockSize || this.blockSize);
    const isPlain = !options.core && !options.dedup && !options.blockMap;
    if (isPlain && bytes.byteLength <= blockSize) return await this.#puts.add(bytes);
    const writer = new BlobWriter(options.core ?? this.core, this.#lock, options);
    try {
      await writer.open();
      for (let start = 0; start < bytes.byteLength; start += blockSize) {
        await writer.write(bytes.subarray(start, start + blockSize));
      }
      return await writer.finish();
    } finally {
      await writer.close();
    }
  }

  async #putBlocks(puts: readonly Gathered<Uint8Array, BlobId>[]): Promise<void> {
    const { core } = this;
    await core.ready();
    let blockOffset = core.length;
    let byteOffset = core.byteLength;
    const ids = puts.map(({ item: { byteLength } }): BlobId => {
      // The order of the fields is that of the package: a drive writes ids as JSON.
      const id = { blockOffset, byteOffset, blockLength: byteLength === 0 ? 0 : 1, byteLength };
      blockOffset += id.blockLength;
      byteOffset += byteLength;
      return id;
    });
    const blocks = puts.map(({ item }) => item).filter(({ byteLength }) => byteLength > 0);
    if (blocks.length > 0) await core.append(blocks);
    for (const [i, { resolve }] of puts.entries()) resolve(ids[i]!);
  }

  /**
   * A blob, or a part of it; null with `wait: false` where a block is not local. A part ends with its blob.
   *
   * @throws {HyperblobsError} `BAD_ARGUMENT`, `DECODING_ERROR` for a broken block map; and what the core's `get` throws.
   */
  async get(id: BlobId, options: BlobGetOptions = {}): Promise<Uint8Array | null> {
    const reader = new BlobReader(options.core ?? this.core, id, {
      ...options,
      aheadCount: READ_BLOCKS.whole,
    });
    const parts: Uint8Array[] = [];
    try {
      await reader.open();
      for (let part = await reader.next(); part !== null; part = await reader.next()) parts.push(part);
    } catch (error) {
      if ((error as { code?: unknown }).code === "BLOCK_NOT_AVAILABLE") return null;
      throw error;
    } finally {
      reader.close();
    }
    return parts.length === 1 ? parts[0]! : concatBytes(parts);
  }

  /** A blob, or a part of it, as a stream; it fetches ahead of what is read. */
  createReadStream(id: BlobId, options: BlobReadOptions = {}): BlobReadStream {
    return new BlobReadStream(options.core ?? this.core, id, options);
  }

  /** A stream that stores what is written; its `id` says where, once it has finished. */
  createWriteStream(options: BlobWriteOptions = {}): BlobWriteStream {
    return new BlobWriteStream(options.core ?? this.core, this.#lock, options);
  }

  /** The block map of a blob that has one; null where it has none. */
  getBlockMap(id: BlobId): Promise<BlockMap> | null {
    return id.blockMap ? this.#readBlockMap(id) : null;
  }

  async #readBlockMap(id: BlobId): Promise<BlockMap> {
    return { version: 0, blocks: (await readBlockMap(this.core, id, { wait: true }))! };
  }

  /** Bytes of a blob, of the blob itself where it has a block map. */
  async getByteLength(id: BlobId): Promise<number> {
    if (!id.blockMap || id.byteLength === 0) return id.byteLength;
    return mappedByteLength((await this.#readBlockMap(id)).blocks);
  }

  /**
   * Drops the blocks of a blob from the local store; they can be fetched again.
   *
   * Compat: with a block map, blocks that other blobs use too are dropped as well.
   */
  async clear(id: BlobId, options?: ClearOptions): Promise<ClearResult | null> {
    checkId(id);
    if (id.blockMap) {
      const entries = await readBlockMap(this.core, id, { wait: false });
      for (const { index } of entries ?? []) await this.core.clear(index, index + 1, options);
    }
    return await this.core.clear(id.blockOffset, id.blockOffset + id.blockLength, options);
  }

  /** Watches how a blob is sent and received. */
  monitor(id: BlobId): Monitor {
    return new Monitor(this.core, id);
  }
}

/**
 * Writing one blob, block by block.
 *
 * @module
 */
import { hexText, type Lock } from "../base/mod.ts";
import { hash } from "../hypercore_crypto/mod.ts";
import { encodeBlockMap } from "./block_map.ts";
import { blobBlocks } from "./blob_reader.ts";
import { HyperblobsError } from "./errors.ts";
import { APPEND_BLOCKS, APPENDS_AT_ONCE } from "./limits.ts";
import type { BlobCore, BlobId, BlobWriteOptions, BlockMapEntry } from "./options.ts";

/** One blob being written. From `open()` to `close()` it alone may append. */
export class BlobWriter {
  readonly #core: BlobCore;
  readonly #lock: Lock;
  readonly #previous: BlobId | null;
  readonly #withMap: boolean;
  /** The blocks of the blob so far, where a map is written. */
  readonly #entries: BlockMapEntry[] = [];
  /** Blocks by hash, where each is kept once. */
  readonly #known: Map<string, BlockMapEntry> | null;
  #release: (() => void) | null = null;
  #waiting: Uint8Array[] = [];
  /** Appends on their way, oldest first: the core makes one of several. */
  readonly #appends: Promise<unknown>[] = [];
  /** Block that the next one will be. */
  #nextIndex = 0;
  #blockOffset = 0;
  #byteOffset = 0;
  #blockLength = 0;
  #byteLength = 0;

  constructor(core: BlobCore, lock: Lock, options: BlobWriteOptions) {
    this.#core = core;
    this.#lock = lock;
    this.#known = options.dedup ? new Map() : null;
    this.#previous = options.dedup ? options.blob ?? null : null;
    this.#withMap = options.blockMap === true || options.dedup === true;
  }

  /** Where the blob is; final after `finish()`. */
  get id(): BlobId {
    const id = {
      blockOffset: this.#blockOffset,
      byteOffset: this.#byteOffset,
      blockLength: this.#blockLength,
      byteLength: this.#byteLength,
    };
    return this.#withMap ? { ...id, blockMap: true } : id;
  }

  /** Waits for those who write before. */
  async open(): Promise<void> {
    await this.#core.ready();
    this.#release = await this.#lock();
    this.#begin();
    if (this.#known === null || this.#previous === null) return;
    for await (const { entry, block } of blobBlocks(this.#core, this.#previous)) {
      this.#known.set(hexText(hash(block)), entry);
    }
  }

  #begin(): void {
    this.#blockOffset = this.#core.length;
    this.#byteOffset = this.#core.byteLength;
    this.#nextIndex = this.#blockOffset;
  }

  /** Adds a block; it must not change before the blob is finished. */
  async write(block: Uint8Array): Promise<void> {
    if (this.#withMap && this.#isKnown(block)) return;
    this.#waiting.push(block);
    this.#nextIndex++;
    if (this.#waiting.length < APPEND_BLOCKS) return;
    this.#append();
    if (this.#appends.length >= APPENDS_AT_ONCE) await this.#appends.shift();
  }

  #isKnown(block: Uint8Array): boolean {
    const entry = { index: this.#nextIndex, byteLength: block.byteLength };
    const blockHash = this.#known === null ? "" : hexText(hash(block));
    const known = this.#known?.get(blockHash);
    this.#entries.push(known ?? entry);
    if (known === undefined) this.#known?.set(blockHash, entry);
    return known !== undefined;
  }

  #append(): void {
    if (this.#waiting.length === 0) return;
    const append: Promise<unknown> = this.#core.append(this.#waiting);
    append.catch(ignoreUntilAwaited);
    this.#appends.push(append);
    this.#waiting = [];
  }

  async #settle(): Promise<void> {
    this.#append();
    await Promise.all(this.#appends.splice(0));
  }

  /** Appends what is left; resolves to where the blob is. */
  async finish(): Promise<BlobId> {
    await this.#settle();
    if (this.#withMap) {
      this.#begin();
      const map = encodeBlockMap(this.#entries);
      if (map.length > 0) await this.#core.append(map);
    }
    this.#blockLength = this.#core.length - this.#blockOffset;
    this.#byteLength = this.#core.byteLength - this.#byteOffset;
    return this.id;
  }

  /** Lets the next one write, once what is on its way has arrived. */
  async close(): Promise<void> {
    await Promise.allSettled(this.#appends.splice(0));
    this.#release?.();
    this.#release = null;
  }
}

/** The error counts when the append is awaited. */
function ignoreUntilAwaited(): void {}

/**
 * Checks the size of blocks.
 *
 * @throws {HyperblobsError} `BAD_ARGUMENT`
 */
export function checkBlockSize(blockSize: number): number {
  if (Number.isSafeInteger(blockSize) && blockSize > 0) return blockSize;
  throw new HyperblobsError(
    "BAD_ARGUMENT",
    `The size of a block must be a whole number from 1, not ${blockSize}`,
  );
}

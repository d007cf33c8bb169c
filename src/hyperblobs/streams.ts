/**
 * Blobs as streams.
 *
 * @module
 */
import {
  destroyOnAbort,
  isBytes,
  type Lock,
  Readable,
  type StreamCallback,
  utf8Bytes,
  Writable,
} from "../base/mod.ts";
import { BlobReader } from "./blob_reader.ts";
import { BlobWriter } from "./blob_writer.ts";
import { READ_BLOCKS } from "./limits.ts";
import type { BlobCore, BlobId, BlobReadOptions, BlobWriteOptions } from "./options.ts";

/** The bytes of a blob, or of a part of it; made by `createReadStream()`. */
export class BlobReadStream extends Readable<Uint8Array> {
  /** The blob. */
  readonly id: BlobId;
  readonly #reader: BlobReader;

  /**
   * Called by `createReadStream()`.
   *
   * @internal
   */
  constructor(core: BlobCore, id: BlobId, options: BlobReadOptions) {
    super();
    destroyOnAbort(this, options.signal);
    this.id = id;
    this.#reader = new BlobReader(core, id, { ...options, aheadCount: READ_BLOCKS.stream });
  }

  /** Finds the first byte. */
  override _open(callback: StreamCallback): void {
    this.#reader.open().then(() => callback(null), callback);
  }

  /** Reads a block. */
  override _read(callback: StreamCallback): void {
    this.#reader.next().then((part) => {
      this.push(part);
      callback(null);
    }, callback);
  }

  /** A read that waits for peers would keep the stream from closing. */
  override _predestroy(): void {
    this.#reader.close();
  }

  /** Ends what was fetched ahead. */
  override _destroy(callback: StreamCallback): void {
    this.#reader.close();
    callback(null);
  }
}

/** Stores what is written, each chunk a block; made by `createWriteStream()`. */
export class BlobWriteStream extends Writable<Uint8Array | string> {
  readonly #writer: BlobWriter;

  /**
   * Called by `createWriteStream()`.
   *
   * @internal
   */
  constructor(core: BlobCore, lock: Lock, options: BlobWriteOptions) {
    super();
    this.#writer = new BlobWriter(core, lock, options);
  }

  /** Where the blob is; final once the stream has finished. */
  get id(): BlobId {
    return this.#writer.id;
  }

  /** Waits for those who write before. */
  override _open(callback: StreamCallback): void {
    this.#writer.open().then(() => callback(null), callback);
  }

  /** Adds a block. */
  override _write(chunk: Uint8Array | string, callback: StreamCallback): void {
    this.#writer.write(isBytes(chunk) ? chunk : utf8Bytes(chunk)).then(() => callback(null), callback);
  }

  /** Appends what is left. */
  override _final(callback: StreamCallback): void {
    this.#writer.finish().then(() => callback(null), callback);
  }

  /** Lets the next one write. */
  override _destroy(callback: StreamCallback): void {
    this.#writer.close().then(() => callback(null), callback);
  }
}

/**
 * Files of a drive as streams.
 *
 * @module
 */
import { destroyOnAbort, Readable, type StreamCallback, Writable } from "../base/mod.ts";
import { HyperdriveError } from "./errors.ts";
import type { BlobId, BlobReadStream, BlobWriteStream } from "../hyperblobs/mod.ts";

/** Reads a file, or a range of its bytes. */
export class FileReadStream extends Readable<Uint8Array> {
  readonly #openBlob: () => Promise<BlobReadStream | null>;
  #blob: BlobReadStream | null = null;
  #chunks: AsyncIterator<Uint8Array> | null = null;

  /** Reads the stream that `openBlob` gives, null for nothing. */
  constructor(openBlob: () => Promise<BlobReadStream | null>, signal?: AbortSignal | null) {
    super();
    destroyOnAbort(this, signal);
    this.#openBlob = openBlob;
  }

  /** For the stream itself. */
  override _open(callback: StreamCallback): void {
    this.#openBlob().then((blob) => {
      this.#blob = blob;
      if (this.destroying) blob?.destroy();
      this.#chunks = blob?.[Symbol.asyncIterator]() ?? null;
      callback(null);
    }, callback);
  }

  /** For the stream itself. */
  override _read(callback: StreamCallback): void {
    if (this.#chunks === null) {
      this.push(null);
      return callback(null);
    }
    this.#chunks.next().then(({ done, value }) => {
      this.push(done ? null : value);
      callback(null);
    }, callback);
  }

  /** For the stream itself: a read that waits for peers would keep it from closing. */
  override _predestroy(): void {
    this.#blob?.destroy();
  }
}

/** Writes a file: its bytes as they come, its entry when all are there. */
export class FileWriteStream extends Writable<Uint8Array | string> {
  readonly #openBlob: () => Promise<BlobWriteStream>;
  readonly #putEntry: (blob: BlobId) => Promise<void>;
  #blob: BlobWriteStream | null = null;
  /** Ends the write that waits for room. */
  #drained: StreamCallback | null = null;
  /** Ends the end that waits for the last byte. */
  #finished: StreamCallback | null = null;

  /** Writes to the stream that `openBlob` gives; `putEntry` gets the blob at the end. */
  constructor(openBlob: () => Promise<BlobWriteStream>, putEntry: (blob: BlobId) => Promise<void>) {
    super();
    this.#openBlob = openBlob;
    this.#putEntry = putEntry;
  }

  /** For the stream itself. */
  override _open(callback: StreamCallback): void {
    this.#openBlob().then((blob) => {
      this.#blob = blob;
      blob.on("drain", () => this.#endWrite(null));
      blob.on("finish", () => this.#endFinal(null));
      blob.on("error", (error) => this.destroy(error));
      blob.on("close", () => {
        const closed = new HyperdriveError(
          "DRIVE_CLOSED",
          "The blobs of the drive were closed while writing",
        );
        this.#endWrite(closed);
        this.#endFinal(closed);
      });
      if (this.destroying) blob.destroy();
      callback(null);
    }, callback);
  }

  /** For the stream itself. */
  override _write(data: Uint8Array | string, callback: StreamCallback): void {
    if (this.#blob!.write(data)) callback(null);
    else this.#drained = callback;
  }

  #endWrite(error: Error | null): void {
    const callback = this.#drained;
    this.#drained = null;
    callback?.(error);
  }

  /** For the stream itself. */
  override _final(callback: StreamCallback): void {
    this.#finished = callback;
    this.#blob!.end();
  }

  #endFinal(error: Error | null): void {
    const callback = this.#finished;
    this.#finished = null;
    if (callback === null) return;
    if (error !== null) callback(error);
    else this.#putEntry(this.#blob!.id).then(() => callback(null), callback);
  }

  /** For the stream itself: what was written is no file of the drive then, and whoever writes next need not wait. */
  override _predestroy(): void {
    this.#blob?.destroy();
  }
}

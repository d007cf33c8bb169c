/**
 * Files as streams.
 *
 * @module
 */
import {
  allocBytesUnsafe,
  getStreamError,
  Readable,
  type StreamCallback,
  utf8Bytes,
  Writable,
} from "../base/mod.ts";
import { type OpenFile, openToRead } from "../platform/mod.ts";
import { LocaldriveError } from "./errors.ts";
import { FileWriter, type WriterDrive } from "./file_writer.ts";
import { READ_BYTES } from "./limits.ts";
import type { ReadStreamOptions, WriteOptions } from "./options.ts";

/** Reads a file, or a range of it. */
export class FileReadStream extends Readable<Uint8Array> {
  readonly #locate: () => Promise<string>;
  readonly #key: string;
  readonly #options: ReadStreamOptions;
  #open: OpenFile | null = null;
  #position = 0;
  #left = 0;

  /** Reads the file that `locate` finds. */
  constructor(key: string, locate: () => Promise<string>, options: ReadStreamOptions) {
    super();
    this.#key = key;
    this.#locate = locate;
    this.#options = options;
  }

  /** For the stream itself. */
  override _open(callback: StreamCallback): void {
    this.#start().then(() => callback(null), callback);
  }

  async #start(): Promise<void> {
    const file = await this.#locate();
    this.#open = await openToRead(file);
    const { kind, byteLength } = await this.#open.status();
    if (kind !== "file") {
      throw new LocaldriveError("NOT_A_FILE", `Cannot read ${this.#key}, it is not a file`);
    }
    const { start = 0, end, length } = this.#options;
    const wanted = length || (end === undefined ? Infinity : end - start + 1);
    this.#position = Math.min(start, byteLength);
    this.#left = Math.max(0, Math.min(wanted, byteLength - this.#position));
  }

  /** For the stream itself. */
  override _read(callback: StreamCallback): void {
    this.#readSome().then(() => callback(null), callback);
  }

  async #readSome(): Promise<void> {
    if (this.#left > 0) {
      const target = allocBytesUnsafe(Math.min(this.#left, READ_BYTES));
      const byteCount = await this.#open!.read(target, this.#position);
      if (byteCount < target.byteLength) {
        throw new LocaldriveError(
          "FILE_CHANGED",
          `Cannot read ${this.#key} to its end, it became ${this.#left - byteCount} bytes shorter meanwhile`,
        );
      }
      this.#position += byteCount;
      this.#left -= byteCount;
      this.push(target);
    }
    if (this.#left === 0) this.push(null);
  }

  /** For the stream itself. */
  override _destroy(callback: StreamCallback): void {
    if (this.#open === null) callback(null);
    else this.#open.close().then(() => callback(null), callback);
  }
}

/** Writes a file; it is there, whole, when the stream closes without an error. */
export class FileWriteStream extends Writable<Uint8Array | string, Uint8Array> {
  readonly #writer: FileWriter;

  /** Writes the file at `key`. */
  constructor(drive: WriterDrive, key: string, options: WriteOptions) {
    super({ map: (data) => typeof data === "string" ? utf8Bytes(data) : data });
    this.#writer = new FileWriter(drive, key, options);
  }

  /** For the stream itself. */
  override _open(callback: StreamCallback): void {
    this.#writer.open().then(() => callback(null), callback);
  }

  /** For the stream itself. */
  override _writev(batch: Uint8Array[], callback: StreamCallback): void {
    this.#writer.write(batch).then(() => callback(null), callback);
  }

  /** For the stream itself. */
  override _final(callback: StreamCallback): void {
    this.#writer.finish().then(() => callback(null), callback);
  }

  /** For the stream itself. */
  override _destroy(callback: StreamCallback): void {
    this.#writer.abort().then(() => callback(null), (error) => callback(getStreamError(this) ?? error));
  }
}

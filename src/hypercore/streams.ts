/**
 * A log as streams of blocks and of bytes; source for options and order of calls: `hypercore/lib/streams.js`.
 *
 * @module
 */
import { Readable, type StreamCallback, Writable } from "../base/mod.ts";
import type { Download } from "./download.ts";
import type {
  AppendResult,
  ByteStreamOptions,
  DownloadRange,
  GetOptions,
  ReadStreamOptions,
  UpdateOptions,
} from "./options.ts";

/** What the streams ask of a session. */
export interface StreamSource<Value> {
  readonly length: number;
  readonly byteLength: number;
  readonly wait: boolean;
  readonly timeout: number;
  ready(): Promise<void>;
  update(options?: UpdateOptions): Promise<boolean>;
  get(index: number, options?: GetOptions<Value>): Promise<Value | null>;
  seek(byteOffset: number): Promise<[block: number, offset: number] | null>;
  append(values: readonly Value[]): Promise<AppendResult>;
  download(range: DownloadRange): Download;
}

/** Reads blocks in order, live if asked. */
export class ReadStream<Value> extends Readable<Value> {
  readonly #core: StreamSource<Value>;
  readonly #live: boolean;
  readonly #snapshot: boolean;
  readonly #getOptions: GetOptions<Value>;
  readonly #abortion = new AbortController();
  #next: number;
  #end: number;

  /** Opens at the first read. */
  constructor(core: StreamSource<Value>, options: ReadStreamOptions = {}) {
    super();
    this.#core = core;
    this.#next = options.start ?? 0;
    this.#end = options.end ?? -1;
    this.#live = this.#end === -1 && options.live === true;
    this.#snapshot = options.live !== true && options.snapshot !== false;
    this.#getOptions = {
      wait: options.wait ?? core.wait,
      timeout: options.timeout || core.timeout,
      signal: this.#abortion.signal,
    };
  }

  override _open(callback: StreamCallback): void {
    settle(this.#open(), callback);
  }

  override _read(callback: StreamCallback): void {
    settle(this.#readNext(), callback);
  }

  /** A read that waits for peers would keep the stream from closing. */
  override _predestroy(): void {
    this.#abortion.abort();
  }

  async #open(): Promise<void> {
    if (this.#end !== -1) return await this.#core.ready();
    await this.#core.update({ signal: this.#abortion.signal });
    if (this.#snapshot) this.#end = this.#core.length;
  }

  async #readNext(): Promise<void> {
    const end = this.#live ? Infinity : this.#end === -1 ? this.#core.length : this.#end;
    if (this.#next >= end) this.push(null);
    else this.push(await this.#core.get(this.#next++, this.#getOptions));
  }
}

/** Appends what is written; writes that queue up become one append. */
export class WriteStream<Value> extends Writable<Value> {
  readonly #core: StreamSource<Value>;

  /** Writes go to `core`. */
  constructor(core: StreamSource<Value>) {
    super();
    this.#core = core;
  }

  override _writev(batch: Value[], callback: StreamCallback): void {
    settle(this.#core.append(batch), callback);
  }
}

/** Reads a range of bytes, with blocks fetched ahead in order. */
export class ByteStream extends Readable<Uint8Array> {
  readonly #core: StreamSource<Uint8Array>;
  readonly #byteOffset: number;
  readonly #prefetch: number;
  #bytesLeft: number;
  #block = 0;
  #skip: number;
  #ahead: Download | null = null;

  /** Opens at the first read. */
  constructor(core: StreamSource<Uint8Array>, options: ByteStreamOptions = {}) {
    super();
    this.#core = core;
    this.#byteOffset = options.byteOffset ?? 0;
    this.#bytesLeft = options.byteLength ?? -1;
    this.#prefetch = options.prefetch ?? 32;
    this.#skip = 0;
  }

  override _open(callback: StreamCallback): void {
    settle(this.#open(), callback);
  }

  override _read(callback: StreamCallback): void {
    settle(this.#readNext(), callback);
  }

  override _destroy(callback: StreamCallback): void {
    this.#ahead?.destroy();
    callback(null);
  }

  async #open(): Promise<void> {
    if (this.#bytesLeft === -1) {
      await this.#core.update();
      this.#bytesLeft = Math.max(this.#core.byteLength - this.#byteOffset, 0);
    }
    if (this.#byteOffset === 0 || this.#bytesLeft === 0) return;
    const found = await this.#core.seek(this.#byteOffset);
    if (found === null) throw new RangeError(`Cannot seek to byte ${this.#byteOffset} of the log`);
    [this.#block, this.#skip] = found;
  }

  async #readNext(): Promise<void> {
    if (this.#bytesLeft === 0) {
      this.push(null);
      return;
    }
    this.#fetchAhead(this.#block + 1);
    const block = await this.#core.get(this.#block++, { valueEncoding: "binary" });
    if (block === null) throw new RangeError(`Cannot read block ${this.#block - 1} of the log`);
    const bytes = block.subarray(this.#skip, this.#skip + this.#bytesLeft);
    this.#skip = 0;
    this.#bytesLeft -= bytes.byteLength;
    this.push(bytes);
    if (this.#bytesLeft === 0) this.push(null);
  }

  #fetchAhead(start: number): void {
    this.#ahead?.destroy();
    this.#ahead = this.#core.download({ start, end: start + this.#prefetch, linear: true });
  }
}

function settle(work: Promise<unknown>, callback: StreamCallback): void {
  work.then(() => callback(null), callback);
}

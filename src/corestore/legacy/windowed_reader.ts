/**
 * Reads small pieces of a large file by keeping windows of it in memory.
 *
 * @module
 */

/** Fills `target` from byte `position` on as far as the file goes, and resolves how many bytes that were. */
export type ReadAt = (target: Uint8Array, position: number) => Promise<number>;

/** Options of {@linkcode WindowedReader}. */
export interface WindowedReaderOptions {
  /** Bytes of one window. */
  readonly windowBytes: number;
  /** Windows kept, those used last. */
  readonly windowCount: number;
}

/** Reads one file. Damage of the medium is no error here: what cannot be read is not there. */
export class WindowedReader {
  readonly #read: ReadAt;
  readonly #byteLength: number;
  readonly #options: WindowedReaderOptions;
  /** By place, the one used last at the end. */
  readonly #windows = new Map<number, Promise<Uint8Array>>();
  #failure: unknown = null;

  /** Reads a file of `byteLength` bytes. */
  constructor(read: ReadAt, byteLength: number, options: WindowedReaderOptions) {
    this.#read = read;
    this.#byteLength = byteLength;
    this.#options = options;
  }

  /** What went wrong last; null while nothing has. */
  get failure(): unknown {
    return this.#failure;
  }

  /** `size` bytes from `offset` on, fresh; null where the file ends before, or cannot be read. */
  async bytes(offset: number, size: number): Promise<Uint8Array | null> {
    if (offset < 0 || size < 0 || offset + size > this.#byteLength) return null;
    const { windowBytes } = this.#options;
    const bytes = new Uint8Array(size);
    if (size > windowBytes) return await this.#fill(bytes, offset) === size ? bytes : null;
    for (let done = 0; done < size;) {
      const place = Math.floor((offset + done) / windowBytes);
      const window = await this.#window(place);
      const part = window.subarray(offset + done - place * windowBytes).subarray(0, size - done);
      if (part.byteLength === 0) return null;
      bytes.set(part, done);
      done += part.byteLength;
    }
    return bytes;
  }

  async #window(place: number): Promise<Uint8Array> {
    const { windowBytes, windowCount } = this.#options;
    let window = this.#windows.get(place);
    if (window === undefined) {
      const bytes = new Uint8Array(Math.min(windowBytes, this.#byteLength - place * windowBytes));
      window = this.#fill(bytes, place * windowBytes).then((filled) => bytes.subarray(0, filled));
    } else {
      this.#windows.delete(place);
    }
    this.#windows.set(place, window);
    if (this.#windows.size > windowCount) this.#windows.delete(this.#windows.keys().next().value!);
    return await window;
  }

  async #fill(target: Uint8Array, position: number): Promise<number> {
    try {
      return await this.#read(target, position);
    } catch (error) {
      this.#failure = error;
      return 0;
    }
  }
}

/**
 * Streams to be read.
 *
 * @module
 */
// deno-lint-ignore-file no-explicit-any -- a stream without type arguments carries anything
import type { Stream, StreamCallback, StreamEvents, StreamOptions } from "./stream.ts";
import { runtime } from "./streamx.ts";

/** Listeners of a {@linkcode Readable}, by event. */
export interface ReadableEvents<Data = any> extends StreamEvents {
  /** A chunk was read; a listener makes the stream flow. */
  data(data: Data): void;
  /** There is something to read. */
  readable(): void;
  /** All is read and no more will come. */
  end(): void;
  /** The stream pipes into `target` from now on. */
  piping(target: PipeTarget<Data>): void;
}

/** What a stream can be piped to: streams of `streamx`, of `node:stream`, sockets of `node:net`. */
export interface PipeTarget<Data = any> {
  /** Takes a chunk; false asks to wait for 'drain'. */
  write(data: Data): boolean;
  /** No more will come. */
  end(): unknown;
  /** Listens to 'drain', 'finish', 'error' and 'close'. */
  on(event: string, listener: (...args: any[]) => void): unknown;
  /** Tells of 'pipe'. */
  emit(event: string, ...args: any[]): unknown;
}

/** Options of `new Readable()`. */
export interface ReadableOptions<Inner = any, Data = Inner, Counted = Data>
  extends StreamOptions<Readable, Counted> {
  /** Takes the place of {@linkcode Readable._read}. */
  read?(this: Readable, callback: StreamCallback): void;
  /** Changes each chunk that is pushed; null drops it. */
  map?(data: Inner): Data | null;
  /** As `map`, and goes before it. */
  mapReadable?(data: Inner): Data | null;
  /** As `byteLength`, and goes before it. */
  readonly byteLengthReadable?: (data: Counted) => number;
  /** Decodes the bytes that are pushed to text, `"utf-8"` for example (default: leaves them). */
  readonly encoding?: string;
}

/** A stream to be read: `push()` or `_read` puts `Inner` in, `Data` comes out. */
export interface Readable<
  Inner = any,
  Data = Inner,
  Counted = Data,
  IsReadable extends boolean = true,
  IsWritable extends boolean = boolean,
  Events extends ReadableEvents<Data> = ReadableEvents<Data>,
> extends Stream<Counted, IsReadable, IsWritable, Events> {
  /** Adds a chunk to be read, null to end; false asks to wait for the next `_read`. */
  push(data: Inner | null): boolean;
  /** Puts a chunk before all others that wait. */
  unshift(data: Inner): void;
  /** Takes the next chunk; null when none waits. */
  read(): Data | null;
  /** Makes the stream flow, with or without listeners. */
  resume(): this;
  /** Stops the flow. */
  pause(): this;
  /**
   * Writes all that is read to `target` and ends it at the end; errors of either destroy both.
   *
   * @param callback Called once both are closed, with what went wrong; errors count as handled then.
   * @returns `target`.
   * @throws {Error} when the stream is piped already.
   */
  pipe<Target extends PipeTarget<Data>>(target: Target, callback?: StreamCallback): Target;
  /** Decodes the bytes that are pushed from now on to text (default UTF-8). */
  setEncoding(encoding?: string): this;
  /** For subclasses: pushes at least one chunk, then or later, and calls back. */
  _read(callback: StreamCallback): void;
  /** Reads to the end; leaving the loop early destroys the stream. */
  [Symbol.asyncIterator](): AsyncIterableIterator<Data>;
}

/** The class {@linkcode Readable}. */
export interface ReadableConstructor {
  /** Makes a stream to be read. */
  new <
    Inner = any,
    Data = Inner,
    Counted = Data,
    IsReadable extends boolean = true,
    IsWritable extends boolean = boolean,
    Events extends ReadableEvents<Data> = ReadableEvents<Data>,
  >(
    options?: ReadableOptions<Inner, Data, Counted>,
  ): Readable<Inner, Data, Counted, IsReadable, IsWritable, Events>;
  /** What all instances share. */
  readonly prototype: Readable;
  /** Makes a stream of the items of `source`, or of `source` itself where it is no array and not async iterable. */
  from<Data>(
    source: AsyncIterable<Data> | readonly Data[] | Data,
    options?: ReadableOptions<Data>,
  ): Readable<Data>;
  /** Makes a stream that gives what the stream that `open` resolves to gives; null stands for an empty one. */
  deferred<Data>(open: () => Promise<Readable<Data> | null>, options?: ReadableOptions<Data>): Readable<Data>;
  /** Tells whether `stream` holds as much unread data as it should, or takes no more at all. */
  isBackpressured(stream: Pick<Stream, "destroyed">): boolean;
  /** Tells whether `stream` does not flow. */
  isPaused(stream: Pick<Stream, "destroyed">): boolean;
}

/** A stream to be read. */
export const Readable: ReadableConstructor = runtime.Readable;

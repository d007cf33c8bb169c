/**
 * Streams to be written.
 *
 * @module
 */
// deno-lint-ignore-file no-explicit-any -- a stream without type arguments carries anything
import type { Stream, StreamCallback, StreamEvents, StreamOptions } from "./stream.ts";
import { runtime } from "./streamx.ts";

/** Listeners of a {@linkcode Writable}, by event. */
export interface WritableEvents extends StreamEvents {
  /** There is room again after a `write` that told of none. */
  drain(): void;
  /** All that was written is handed on, and nothing more can be. */
  finish(): void;
  /** `source` pipes into the stream from now on. */
  pipe(source: unknown): void;
}

/** Options of `new Writable()`. */
export interface WritableOptions<Data = any, Inner = Data, Counted = Inner>
  extends StreamOptions<Writable, Counted> {
  /** Takes the place of {@linkcode Writable._write}. */
  write?(this: Writable, data: Inner, callback: StreamCallback): void;
  /** Takes the place of {@linkcode Writable._writev}. */
  writev?(this: Writable, batch: Inner[], callback: StreamCallback): void;
  /** Takes the place of {@linkcode Writable._final}. */
  final?(this: Writable, callback: StreamCallback): void;
  /** Changes each chunk that is written. */
  map?(data: Data): Inner;
  /** As `map`, and goes before it. */
  mapWritable?(data: Data): Inner;
  /** As `byteLength`, and goes before it. */
  readonly byteLengthWritable?: (data: Counted) => number;
}

/** A stream to be written: `write()` puts `Data` in, the hooks get `Inner`. */
export interface Writable<
  Data = any,
  Inner = Data,
  Counted = Data,
  IsReadable extends boolean = boolean,
  IsWritable extends boolean = true,
  Events extends WritableEvents = WritableEvents,
> extends Stream<Counted, IsReadable, IsWritable, Events> {
  /** Writes a chunk; false asks to wait for `drain`, or tells that the stream takes no more. */
  write(data: Data): boolean;
  /** Writes a last chunk if one is given and ends the stream; a function is called once it is finished. */
  end(data?: Data | (() => void) | null): this;
  /** Holds back what is written until {@linkcode Writable.uncork}. */
  cork(): void;
  /** Hands on what {@linkcode Writable.cork} held back. */
  uncork(): void;
  /** For subclasses: hands one chunk on and calls back; without it, `_writev` gets all chunks. */
  _write(data: Inner, callback: StreamCallback): void;
  /** For subclasses: hands on all chunks that wait and calls back. */
  _writev(batch: Inner[], callback: StreamCallback): void;
  /** For subclasses: runs after the last chunk, before `finish`. */
  _final(callback: StreamCallback): void;
}

/** The class {@linkcode Writable}. */
export interface WritableConstructor {
  /** Makes a stream to be written. */
  new <
    Data = any,
    Inner = Data,
    Counted = Data,
    IsReadable extends boolean = boolean,
    IsWritable extends boolean = true,
    Events extends WritableEvents = WritableEvents,
  >(
    options?: WritableOptions<Data, Inner, Counted>,
  ): Writable<Data, Inner, Counted, IsReadable, IsWritable, Events>;
  /** What all instances share. */
  readonly prototype: Writable;
  /** Tells whether `stream` holds as much unwritten data as it should. */
  isBackpressured(stream: Pick<Stream, "destroyed">): boolean;
  /** Resolves once what was written so far is handed on: true, or false when `stream` was destroyed before. */
  drained(stream: Pick<Stream, "destroyed">): Promise<boolean>;
}

/** A stream to be written. */
export const Writable: WritableConstructor = runtime.Writable;

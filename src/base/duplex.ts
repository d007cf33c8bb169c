/**
 * Streams to be read and written.
 *
 * @module
 */
// deno-lint-ignore-file no-explicit-any -- a stream without type arguments carries anything
import type { Readable, ReadableEvents, ReadableOptions } from "./readable.ts";
import type { StreamCallback, StreamOptions } from "./stream.ts";
import { runtime } from "./streamx.ts";
import type { Writable, WritableEvents, WritableOptions } from "./writable.ts";

/** Listeners of a {@linkcode Duplex}, by event. */
export interface DuplexEvents<Read = any> extends ReadableEvents<Read>, WritableEvents {}

/** Options of `new Duplex()`. */
export interface DuplexOptions<Written = any, Read = Written, Inner = Written, Counted = any>
  extends
    StreamOptions<Duplex, Counted>,
    Pick<ReadableOptions<Inner, Read, Counted>, "mapReadable" | "byteLengthReadable" | "encoding">,
    Pick<WritableOptions<Written, Inner, Counted>, "mapWritable" | "byteLengthWritable"> {
  /** Takes the place of {@linkcode Readable._read}. */
  read?(this: Duplex, callback: StreamCallback): void;
  /** Takes the place of {@linkcode Writable._write}. */
  write?(this: Duplex, data: Inner, callback: StreamCallback): void;
  /** Takes the place of {@linkcode Writable._writev}. */
  writev?(this: Duplex, batch: Inner[], callback: StreamCallback): void;
  /** Takes the place of {@linkcode Writable._final}. */
  final?(this: Duplex, callback: StreamCallback): void;
  /** Changes each chunk of both directions. */
  map?(data: any): any;
}

/** A stream to be read and written: `Written` goes in and reaches the hooks as `Inner`; `Read` comes out. */
export interface Duplex<
  Written = any,
  Read = Written,
  Inner = Written,
  Counted = Written | Read,
  IsReadable extends boolean = true,
  IsWritable extends boolean = true,
  Events extends DuplexEvents<Read> = DuplexEvents<Read>,
> extends
  Readable<Inner, Read, Counted, IsReadable, IsWritable, Events>,
  Writable<Written, Inner, Counted, IsReadable, IsWritable, Events> {}

/** The class {@linkcode Duplex}. */
export interface DuplexConstructor {
  /** Makes a stream to be read and written. */
  new <
    Written = any,
    Read = Written,
    Inner = Written,
    Counted = Written | Read,
    IsReadable extends boolean = true,
    IsWritable extends boolean = true,
    Events extends DuplexEvents<Read> = DuplexEvents<Read>,
  >(
    options?: DuplexOptions<Written, Read, Inner, Counted>,
  ): Duplex<Written, Read, Inner, Counted, IsReadable, IsWritable, Events>;
  /** What all instances share. */
  readonly prototype: Duplex;
}

/** A stream to be read and written. */
export const Duplex: DuplexConstructor = runtime.Duplex;

/** Ends the transformation of one chunk, with what comes of it if anything does. */
export type TransformCallback<Read = any> = (error?: Error | null, data?: Read | null) => void;

/** Options of `new Transform()`. */
export interface TransformOptions<Written = any, Read = Written>
  extends Omit<DuplexOptions<Written, Read, any>, "read" | "write" | "writev" | "final"> {
  /** Takes the place of {@linkcode Transform._transform}. */
  transform?(this: Transform, data: Written, callback: TransformCallback<Read>): void;
  /** Takes the place of {@linkcode Transform._flush}. */
  flush?(this: Transform, callback: TransformCallback<Read>): void;
}

/** A stream that gives what comes of what is written to it. */
export interface Transform<Written = any, Read = Written> extends Duplex<Written, Read, any> {
  /** For subclasses: turns one chunk into another, or pushes any number of them, and calls back. */
  _transform(data: Written, callback: TransformCallback<Read>): void;
  /** For subclasses: gives what is left at the end. */
  _flush(callback: TransformCallback<Read>): void;
}

/** The class {@linkcode Transform}, and {@linkcode PassThrough} likewise. */
export interface TransformConstructor {
  /** Makes a stream that transforms. */
  new <Written = any, Read = Written>(options?: TransformOptions<Written, Read>): Transform<Written, Read>;
  /** What all instances share. */
  readonly prototype: Transform;
}

/** A stream that transforms. */
export const Transform: TransformConstructor = runtime.Transform;

/** A stream that gives what is written to it. */
export const PassThrough: TransformConstructor = runtime.PassThrough;

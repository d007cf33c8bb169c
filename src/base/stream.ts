/**
 * What all streams of `streamx` have in common: opening, destruction and typed events.
 *
 * `streamx` brings no types and those of `@types/streamx` say nothing about what they describe, so that this file and
 * `readable.ts`, `writable.ts` and `duplex.ts` beside it declare what the Holepunch packages use of it. The type
 * parameters are those of `@types/streamx`: code written for that package fits.
 *
 * @module
 */
// deno-lint-ignore-file no-explicit-any -- a stream without type arguments carries anything
import type { EventEmitter } from "node:events";

/** Ends one step of a stream's own work (`_open`, `_read`, `_write`, …), with what went wrong if anything did. */
export type StreamCallback = (error?: Error | null) => void;

/** Listeners of every stream, by event. */
export interface StreamEvents {
  /** The stream is ready. */
  open(): void;
  /** The stream is gone; the last event. */
  close(): void;
  /** The stream was destroyed with an error; `close` follows. */
  error(error: Error): void;
}

/** A member of an event map, as the function that it is. */
export type StreamListener<Listener> = Listener extends (...args: any[]) => void ? Listener : never;

/** Options of every stream. */
export interface StreamOptions<Self = any, Counted = any> {
  /** How many bytes may wait in each direction before the stream asks for a pause (default 16384). */
  readonly highWaterMark?: number;
  /** Bytes that one chunk counts for (default: its `byteLength`, 1024 where it has none). */
  readonly byteLength?: (data: Counted) => number;
  /** Takes the place of {@linkcode Stream._open}. */
  open?(this: Self, callback: StreamCallback): void;
  /** Takes the place of {@linkcode Stream._predestroy}. */
  predestroy?(this: Self): void;
  /** Takes the place of {@linkcode Stream._destroy}. */
  destroy?(this: Self, callback: StreamCallback): void;
  /** Destroys the stream when aborted. */
  readonly signal?: AbortSignal;
  /** Whether to open at once rather than at first use (default false). */
  readonly eagerOpen?: boolean;
}

/** What every stream of `streamx` does. */
export interface Stream<
  Counted = any,
  IsReadable extends boolean = boolean,
  IsWritable extends boolean = boolean,
  Events extends StreamEvents = StreamEvents,
> extends EventEmitter {
  /** True where the stream is of a kind to be read, else undefined. */
  readonly readable: IsReadable;
  /** True where the stream is of a kind to be written, else undefined. */
  readonly writable: IsWritable;
  /** Whether the stream is being destroyed or is gone. */
  readonly destroying: boolean;
  /** Whether the stream is gone. */
  readonly destroyed: boolean;
  /** Closes the stream at once, what waits in it is lost; emits `error` where one is given, then `close`. */
  destroy(error?: Error | null): void;
  /** For subclasses: prepares the stream, before anything is read or written. */
  _open(callback: StreamCallback): void;
  /** For subclasses: runs at once when the stream is destroyed, to end a hook that would keep it from closing. */
  _predestroy(): void;
  /** For subclasses: releases what the stream holds, once no other hook is at work; `close` follows. */
  _destroy(callback: StreamCallback): void;
  /** Adds a listener; one for `data` makes the stream flow. */
  on<Name extends keyof Events & string>(
    event: Name,
    listener: StreamListener<Events[Name]>,
  ): this;
  /** Adds a listener for the next such event only. */
  once<Name extends keyof Events & string>(
    event: Name,
    listener: StreamListener<Events[Name]>,
  ): this;
  /** Removes a listener. */
  off<Name extends keyof Events & string>(
    event: Name,
    listener: StreamListener<Events[Name]>,
  ): this;
  /** Calls the listeners of an event; tells whether there were any. */
  emit<Name extends keyof Events & string>(
    event: Name,
    ...args: Parameters<StreamListener<Events[Name]>>
  ): boolean;
}

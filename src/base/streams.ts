/**
 * Byte and object streams: `streamx`, as the Holepunch packages use, with its types attached.
 *
 * @module
 */
// @ts-types="@types/streamx"
import * as streamx from "streamx";

// @ts-types="@types/streamx"
export { Duplex, PassThrough, Readable, Transform, Writable } from "streamx";

/** Any stream of streamx, whatever it carries. */
export type AnyStream = Pick<streamx.Stream, "destroyed" | "destroying">;

/** What streamx exports and its types leave out. */
interface UntypedStreamx {
  getStreamError(stream: AnyStream): Error | null;
  readonly Readable: { isBackpressured(stream: AnyStream): boolean };
  readonly Writable: { drained(stream: AnyStream): Promise<boolean> };
}

const untyped = streamx as unknown as UntypedStreamx;

/** The error that `stream` was destroyed with, or null when it lives or was destroyed without one. */
export function getStreamError(stream: AnyStream): Error | null {
  return untyped.getStreamError(stream);
}

/**
 * Resolves once everything written to `stream` so far has been handed to its sink: true, or false when it was
 * destroyed before.
 */
export function drained(stream: AnyStream): Promise<boolean> {
  return untyped.Writable.drained(stream);
}

/** Tells whether `stream` holds as much unread data as it should, or takes no more at all. */
export function isReadBackpressured(stream: AnyStream): boolean {
  return untyped.Readable.isBackpressured(stream);
}

/** Ends one step of a stream's own work (`_open`, `_read`, `_write`, …), with what went wrong if anything did. */
export type StreamCallback = (error?: Error | null) => void;

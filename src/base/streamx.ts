/**
 * The package `streamx` with the types of this folder on it.
 *
 * @module
 */
import * as streamx from "streamx";
import type { DuplexConstructor, TransformConstructor } from "./duplex.ts";
import type { ReadableConstructor } from "./readable.ts";
import type { Stream } from "./stream.ts";
import type { WritableConstructor } from "./writable.ts";

/** What of `streamx` is used. */
interface Streamx {
  readonly Readable: ReadableConstructor;
  readonly Writable: WritableConstructor;
  readonly Duplex: DuplexConstructor;
  readonly Transform: TransformConstructor;
  readonly PassThrough: TransformConstructor;
  getStreamError(stream: Pick<Stream, "destroyed">): Error | null;
  isStream(value: unknown): boolean;
  pipelinePromise(...streams: readonly unknown[]): Promise<void>;
}

/**
 * The exports of `streamx`. The cast is what binds our types to its code: it cannot be checked, for the types that the
 * package brings know neither events nor kinds of data nor `drained()`.
 */
export const runtime: Streamx = streamx as unknown as Streamx;

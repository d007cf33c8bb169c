/**
 * What can be asked of, and done with, any stream of `streamx`.
 *
 * @module
 */
import type { Duplex } from "./duplex.ts";
import type { Readable } from "./readable.ts";
import type { Stream } from "./stream.ts";
import { runtime } from "./streamx.ts";
import type { Writable } from "./writable.ts";

/** Any stream of `streamx`, whatever it carries. */
export type AnyStream = Pick<Stream, "destroyed" | "destroying">;

/** The error that `stream` was destroyed with, or null when it lives or was destroyed without one. */
export function getStreamError(stream: AnyStream): Error | null {
  return runtime.getStreamError(stream);
}

/**
 * Resolves once everything written to `stream` so far has been handed to its sink: true, or false when it was
 * destroyed before.
 */
export function drained(stream: AnyStream): Promise<boolean> {
  return runtime.Writable.drained(stream);
}

/** Tells whether `stream` holds as much unread data as it should, or takes no more at all. */
export function isReadBackpressured(stream: AnyStream): boolean {
  return runtime.Readable.isBackpressured(stream);
}

/**
 * Destroys `stream` with the signal's reason once it aborts. The `signal` option of `streamx` gives an error of its own,
 * overlooks a signal that is aborted already, and listens to one for as long as that lives.
 */
export function destroyOnAbort(stream: Stream, signal: AbortSignal | null | undefined): void {
  if (!signal) return;
  const abort = (): void => stream.destroy(signal.reason);
  if (signal.aborted) {
    queueMicrotask(abort);
    return;
  }
  signal.addEventListener("abort", abort, { once: true });
  stream.on("close", () => signal.removeEventListener("abort", abort));
}

/** Tells whether `value` is a stream of `streamx`. */
export function isStream(value: unknown): value is Stream {
  return runtime.isStream(value);
}

/**
 * Pipes each stream into the next and resolves once all is through; when one fails all are destroyed, and it rejects
 * with that stream's error.
 */
export function pipeline(
  source: Readable,
  ...targets: readonly [...between: readonly Duplex[], last: Writable]
): Promise<void> {
  return runtime.pipelinePromise(source, ...targets);
}

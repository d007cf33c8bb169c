/**
 * The runtime's clock.
 *
 * @module
 */
import type { CancelTimer, Clock } from "../base/mod.ts";

/** Timer handles of Deno, Node and browsers differ; only `unref` is of interest. */
type TimerHandle = number | { unref?(): void };

/** Real time, real timers. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  schedule(delayMs, callback, options = {}): CancelTimer {
    const handle = setTimeout(callback, delayMs);
    if (options.unref) unrefTimer(handle);
    return () => clearTimeout(handle);
  },
};

function unrefTimer(handle: TimerHandle): void {
  if (typeof handle === "object") handle.unref?.();
  else (globalThis as { Deno?: { unrefTimer?(id: number): void } }).Deno?.unrefTimer?.(handle);
}

/**
 * The runtime's clock.
 *
 * @module
 */
import type { CancelTimer, Clock } from "../base/mod.ts";

/** Timer handles of Deno, Node and browsers differ; only `unref` is of interest. */
type TimerHandle = number | { unref?(): void };

/** Shortest time that is rounded, ms. */
const FIRST_STEPPED_MS = 1024;

/** Lengths of timers between one power of two and the next: 256. */
const STEPS_LOG2 = 8;

/** Real time, real timers. */
export const systemClock: Clock = {
  nowMs: () => performance.now(),
  wallMs: () => Date.now(),
  schedule(delayMs, callback, options = {}): CancelTimer {
    const handle = setTimeout(callback, steppedMs(delayMs));
    if (options.unref) unrefTimer(handle);
    return () => clearTimeout(handle);
  },
};

/**
 * Times from a second on are rounded up, by 0.4 % at most: Deno keeps a list for each length of timers until so much time
 * has passed, although all timers of that length were cancelled.
 */
function steppedMs(delayMs: number): number {
  if (delayMs < FIRST_STEPPED_MS) return delayMs;
  const stepMs = 2 ** (Math.floor(Math.log2(delayMs)) - STEPS_LOG2);
  return Math.ceil(delayMs / stepMs) * stepMs;
}

function unrefTimer(handle: TimerHandle): void {
  if (typeof handle === "object") handle.unref?.();
  else (globalThis as { Deno?: { unrefTimer?(id: number): void } }).Deno?.unrefTimer?.(handle);
}

/** The runtime's clock: what it asks of the runtime's timers. */
import assert from "node:assert/strict";
import { systemClock } from "../../../src/platform/mod.ts";

/** The length of the timer that `schedule(delayMs)` sets, ms. */
function timerMs(delayMs: number): number {
  const { setTimeout: original } = globalThis;
  let setMs = NaN;
  globalThis.setTimeout = ((callback: () => void, ms: number) => {
    setMs = ms;
    return original(callback, ms);
  }) as typeof setTimeout;
  try {
    systemClock.schedule(delayMs, () => {})();
  } finally {
    globalThis.setTimeout = original;
  }
  return setMs;
}

Deno.test("systemClock.schedule() sets timers of the length asked below a second, rounded up by 0.4 % above", () => {
  const expected = [
    [0, 0],
    [5.5, 5.5],
    [1000, 1000],
    [1023.9, 1023.9],
    [1024, 1024],
    [1025, 1028],
    [3000, 3000],
    [5001, 5008],
    [10_000, 10_016],
    [600_001, 600_064],
  ] as const;
  for (const [delayMs, setMs] of expected) assert.equal(timerMs(delayMs), setMs, `${delayMs} ms`);
});

Deno.test("systemClock.schedule() sets timers of few lengths, whatever is asked", () => {
  const lengths = new Set(Array.from({ length: 120_000 }, (_, i) => timerMs(600_000 + i)));
  assert.equal(lengths.size, 60);
});

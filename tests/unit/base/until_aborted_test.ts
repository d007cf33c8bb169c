import assert from "node:assert/strict";
import { untilAborted } from "../../../src/base/mod.ts";

/** A signal that can be asked how many listen. */
function countedSignal(): { readonly signal: AbortSignal; readonly listeners: Set<() => void> } {
  const listeners = new Set<() => void>();
  const signal = {
    aborted: false,
    reason: new Error("enough"),
    addEventListener: (_: string, listener: () => void) => listeners.add(listener),
    removeEventListener: (_: string, listener: () => void) => listeners.delete(listener),
  } as unknown as AbortSignal;
  return { signal, listeners };
}

Deno.test("untilAborted() settles as the wait does, and lets go of the signal", async () => {
  const { signal, listeners } = countedSignal();
  const waiting = untilAborted(Promise.resolve(7), signal);
  assert.equal(listeners.size, 1);
  assert.equal(await waiting, 7);
  await assert.rejects(untilAborted(Promise.reject(new Error("lost")), signal), /lost/);
  assert.equal(listeners.size, 0);
  assert.equal(await untilAborted(Promise.resolve(7), null), 7);
  assert.equal(await untilAborted(Promise.resolve(7), undefined), 7);
});

Deno.test("untilAborted() rejects with the signal's reason, whatever the wait does afterwards", async () => {
  const { promise, reject } = Promise.withResolvers<void>();
  const abortion = new AbortController();
  const waiting = untilAborted(promise, abortion.signal);
  abortion.abort(new Error("enough"));
  await assert.rejects(waiting, /enough/);
  reject(new Error("nobody hears this"));
  await assert.rejects(untilAborted(Promise.resolve(), abortion.signal), /enough/);
});

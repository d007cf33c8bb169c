import assert from "node:assert/strict";
import { QuinceError, SeededRandom, TypedEventEmitter } from "../../../src/base/mod.ts";

Deno.test("QuinceError carries code, cause and the name of its class", () => {
  class LayerError extends QuinceError {}
  const cause = new Error("below");
  const error = new LayerError("BAD_ARGUMENT", "Cannot use this", { cause });
  assert.equal(error.code, "BAD_ARGUMENT");
  assert.equal(error.message, "BAD_ARGUMENT: Cannot use this");
  assert.equal(error.name, "LayerError");
  assert.equal(error.cause, cause);
});

Deno.test("TypedEventEmitter delivers to on, once and not after off", () => {
  const emitter = new TypedEventEmitter<{ tick: [count: number] }>();
  const seen: number[] = [];
  const listener = (count: number): void => void seen.push(count);
  emitter.on("tick", listener).once("tick", (count) => seen.push(count * 10));
  emitter.emit("tick", 1);
  emitter.emit("tick", 2);
  emitter.off("tick", listener);
  emitter.emit("tick", 3);
  assert.deepEqual(seen, [1, 10, 2]);
});

Deno.test("SeededRandom gives the same numbers for the same seed, all in [0, 1)", () => {
  const a = new SeededRandom(7);
  const b = new SeededRandom(7);
  const numbers = Array.from({ length: 1000 }, () => a.next());
  assert.deepEqual(numbers, Array.from({ length: 1000 }, () => b.next()));
  assert.ok(numbers.every((number) => number >= 0 && number < 1));
  assert.ok(new Set(numbers).size > 990);
});

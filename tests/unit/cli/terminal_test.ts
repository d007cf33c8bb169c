import assert from "node:assert/strict";
import { wrapped } from "../../../src/cli/terminal.ts";

Deno.test("wrapped() breaks a text between words, and leaves long words and narrow rooms as they are", () => {
  const text = "UDP may be blocked: try another network";
  assert.deepEqual(wrapped(text, 20), ["UDP may be blocked:", "try another network"]);
  assert.deepEqual(wrapped(text, 39), [text]);
  assert.deepEqual(wrapped(text, 19), [text]);
  assert.deepEqual(wrapped(text, Infinity), [text]);
  const key = "w36954indbtxh8yn3c3mpwzo7xe7t9h5me911a68ca1nibqnmyro";
  assert.deepEqual(wrapped(`The key ${key} is here`, 24), ["The key", key, "is here"]);
});

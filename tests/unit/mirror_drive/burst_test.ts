import assert from "node:assert/strict";
import { Burst } from "../../../src/mirror_drive/burst.ts";

/** A piece of work that notes its beginning and its end. */
function piece(log: string[], name: string, error?: Error): () => Promise<void> {
  return async () => {
    log.push(`${name} begins`);
    await Promise.resolve();
    log.push(`${name} ends`);
    if (error !== undefined) throw error;
  };
}

Deno.test("Burst begins its pieces together once there are enough", async () => {
  const log: string[] = [];
  const burst = new Burst(2);
  await burst.add(piece(log, "a"));
  assert.deepEqual(log, []);
  await burst.add(piece(log, "b"));
  assert.deepEqual(log, ["a begins", "b begins", "a ends", "b ends"]);
  await burst.add(piece(log, "c"));
  await burst.settle();
  await burst.settle();
  assert.deepEqual(log.slice(4), ["c begins", "c ends"]);
});

Deno.test("Burst throws what the first piece failed with, when all have ended", async () => {
  const log: string[] = [];
  const burst = new Burst(3);
  await burst.add(piece(log, "a"));
  await burst.add(piece(log, "b", new Error("b failed")));
  await assert.rejects(burst.add(piece(log, "c", new Error("c failed"))), { message: "b failed" });
  assert.deepEqual(log.filter((line) => line.endsWith("ends")), ["a ends", "b ends", "c ends"]);
  await burst.settle();
});

Deno.test("Burst end() does what waits and keeps what it fails with to itself", async () => {
  const log: string[] = [];
  const burst = new Burst(3);
  await burst.add(piece(log, "a", new Error("a failed")));
  await burst.end();
  assert.deepEqual(log, ["a begins", "a ends"]);
});

/**
 * One at a time.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Mutex } from "../../../src/base/mod.ts";

Deno.test("run() runs sections one after the other, the first at once", async () => {
  const mutex = new Mutex();
  const events: string[] = [];
  const section = (name: string) => async () => {
    events.push(`${name} begins`);
    await Promise.resolve();
    events.push(`${name} ends`);
    return name;
  };
  assert.deepEqual(await Promise.all(["a", "b", "c"].map((name) => mutex.run(section(name)))), [
    "a",
    "b",
    "c",
  ]);
  assert.deepEqual(events, ["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
});

Deno.test("run() lets the next one go on after a failure", async () => {
  const mutex = new Mutex();
  await assert.rejects(mutex.run(() => Promise.reject(new Error("no"))), /no/);
  assert.equal(await mutex.run(() => Promise.resolve(1)), 1);
});

Deno.test("lock() resolves in the order of asking, and a release counts once", async () => {
  const mutex = new Mutex();
  const first = await mutex.lock();
  assert.equal(mutex.isHeld, true);
  const order: string[] = [];
  const second = mutex.lock().then((release) => (order.push("second"), release));
  const third = mutex.lock().then((release) => (order.push("third"), release));
  first();
  first();
  const release = await second;
  assert.deepEqual(order, ["second"]);
  release();
  (await third)();
  assert.deepEqual(order, ["second", "third"]);
  assert.equal(mutex.isHeld, false);
});

/**
 * Watchers of ranges and of keys.
 *
 * @module
 */
import assert from "node:assert/strict";
import { once } from "node:events";
import { Hyperbee } from "../../../src/hyperbee/mod.ts";
import { Hypercore } from "../../../src/hypercore/mod.ts";
import { fill, textBee } from "./support.ts";

Deno.test("HB-042 HB-043 watch() gives pairs of snapshots between which something changed", async () => {
  await using bee = textBee();
  await bee.put("a", "1");
  const watcher = bee.watch();
  await watcher.ready();
  await bee.put("a", "2");
  const [current, previous] = (await watcher.next()).value!;
  assert.equal((await current.get("a"))!.value, "2");
  assert.equal((await previous.get("a"))!.value, "1");
  assert.equal(current.version, 3);
  assert.equal(previous.version, 2);
  assert.equal(watcher.current, current);
  assert.equal(watcher.previous, previous);
  const waiting = watcher.next();
  await fill(bee, ["b", "c"]);
  const [next, before] = (await waiting).value!;
  assert.equal(next.version, 5);
  assert.equal(before.version, 3);
  assert.equal(previous.core.closed, true, "the pair before is closed");
  await watcher.close();
  assert.equal(next.core.closed, true);
});

Deno.test("HB-042 watch() of a range passes over changes outside of it", async () => {
  await using bee = textBee();
  const watcher = bee.watch({ gte: "b", lt: "c" });
  await watcher.ready();
  const waiting = watcher.next();
  await bee.put("a", "1");
  await bee.put("c", "1");
  await bee.put("b", "1");
  const [current] = (await waiting).value!;
  assert.equal((await current.get("b"))!.value, "1");
  await watcher.close();
});

Deno.test("HB-042 HB-044 a loop watches until it is left", async () => {
  await using bee = textBee();
  const seen: number[] = [];
  const watcher = bee.watch();
  await watcher.ready();
  setTimeout(() => bee.put("a", "1"), 0);
  for await (const [current] of watcher) {
    seen.push(current.version);
    if (seen.length === 3) break;
    setTimeout(() => bee.put("a", String(seen.length)), 0);
  }
  assert.deepEqual(seen, [2, 3, 4]);
  assert.equal(watcher.closing, true);
  assert.deepEqual(await watcher.next(), { value: undefined, done: true });
});

Deno.test("HB-044 destroy() ends a watcher that waits, and so does closing the bee", async () => {
  const bee = textBee();
  const first = bee.watch();
  const second = bee.watch();
  await Promise.all([first.ready(), second.ready()]);
  const waiting = [first.next(), second.next()];
  await first.destroy();
  await bee.close();
  assert.deepEqual(await Promise.all(waiting), [{ value: undefined, done: true }, {
    value: undefined,
    done: true,
  }]);
});

Deno.test("HB-045 the snapshots have the encodings that were asked for", async () => {
  await using bee = textBee();
  const watcher = bee.watch({}, { valueEncoding: "json" as never });
  await watcher.ready();
  await bee.put("a", "[1]");
  const [current] = (await watcher.next()).value!;
  assert.deepEqual((await current.get("a"))!.value as unknown, [1]);
  await watcher.close();
});

Deno.test("HB-046 map, differ, eager and onchange", async () => {
  await using bee = textBee();
  await bee.put("a", "1");
  const compared: number[][] = [];
  let changes = 0;
  const watcher = bee.watch<{ version: number }>(undefined, {
    eager: true,
    map: (snapshot) => ({ version: snapshot.version }),
    differ: (current, previous, range) => {
      compared.push([current.version, previous.version]);
      return current.createDiffStream(previous, range);
    },
    onchange: () => void changes++,
  });
  await watcher.ready();
  await once(watcher, "update");
  assert.deepEqual(watcher.currentMapped, { version: 2 });
  assert.deepEqual(watcher.previousMapped, { version: 1 });
  assert.equal(watcher.current!.version, 2);
  assert.deepEqual(compared, [[2, 1]]);
  assert.equal(changes, 2, "once at the beginning, once for the difference to the empty tree");
  await watcher.close();
});

Deno.test("HB-046 a listener of update makes the watcher flow", async () => {
  await using bee = textBee();
  const watcher = bee.watch();
  await watcher.ready();
  const updated = once(watcher, "update");
  await bee.put("a", "1");
  await updated;
  assert.equal(watcher.current!.version, 2);
  const again = once(watcher, "update");
  await bee.put("a", "2");
  await again;
  await watcher.close();
});

Deno.test("HB-046 a differ that fails closes the watcher with its error", async () => {
  await using bee = textBee();
  const watcher = bee.watch(undefined, {
    differ: () => {
      throw new Error("no difference");
    },
  });
  await watcher.ready();
  await bee.put("a", "1");
  await assert.rejects(watcher.next(), /no difference/);
  assert.equal((await watcher.next()).done, true);
});

Deno.test("HB-042 a cut of the core counts as a change", async () => {
  const core = new Hypercore();
  await using bee = new Hyperbee<string, string>(core, { keyEncoding: "utf-8", valueEncoding: "utf-8" });
  for (const key of ["a", "b", "c"]) await bee.put(key, "1");
  const watcher = bee.watch();
  await watcher.ready();
  const waiting = watcher.next();
  await core.truncate(3);
  await bee.put("x", "1");
  await bee.put("y", "1");
  const [current] = (await waiting).value!;
  assert.equal(await current.get("c"), null);
  await watcher.close();
});

Deno.test("HB-047 getAndWatch() keeps the entry of a key", async () => {
  await using bee = textBee();
  const watcher = await bee.getAndWatch("a");
  assert.equal(watcher.node, null);
  let updated = once(watcher, "update");
  await bee.put("a", "1");
  await updated;
  assert.deepEqual(watcher.node, { seq: 1, key: "a", value: "1" });
  updated = once(watcher, "update");
  await bee.put("b", "1");
  await bee.put("a", "2");
  await updated;
  assert.deepEqual(watcher.node, { seq: 3, key: "a", value: "2" });
  updated = once(watcher, "update");
  await bee.del("a");
  await updated;
  assert.equal(watcher.node, null);
  await watcher.close();
  await bee.put("a", "3");
  assert.equal(watcher.node, null);
});

Deno.test("HB-047 getAndWatch() with encodings, and closed by the bee", async () => {
  const bee = textBee();
  await bee.put("a", "[1]");
  const watcher = await bee.getAndWatch("a", { valueEncoding: "json" as never });
  assert.deepEqual(watcher.node!.value as unknown, [1]);
  const closed = once(watcher, "close");
  await bee.close();
  await closed;
  await assert.rejects(bee.getAndWatch("a"), { code: "SESSION_CLOSED" });
});

Deno.test("HB-048 checkouts and subs cannot be watched", async () => {
  await using bee = textBee();
  await bee.put("a", "1");
  await using view = bee.checkout(2);
  assert.throws(() => view.watch(), { code: "BAD_ARGUMENT" });
  await assert.rejects(view.getAndWatch("a"), { code: "BAD_ARGUMENT" });
  assert.throws(() => bee.sub("s").watch(), { code: "BAD_ARGUMENT" });
});

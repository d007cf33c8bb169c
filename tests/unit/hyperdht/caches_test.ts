/** Caches that forget by age, by number and by bytes. */
import { strict as assert } from "node:assert";
import { SeededRandom } from "../../../src/base/mod.ts";
import { AgeingCache, RecordCache } from "../../../src/hyperdht/caches.ts";

const value = (byte: number) => Uint8Array.of(byte);

Deno.test("DHT-080 AgeingCache forgets what was not used for its age, give or take a third", () => {
  const cache = new AgeingCache<number>({ maxSize: 100, maxAgeMs: 900 });
  cache.set("a", 1, 0);
  assert.equal(cache.get("a", 599), 1);
  // Turns at 600 and 1200: what is not read in between is gone at the second one.
  cache.set("b", 2, 599);
  assert.equal(cache.get("a", 1199), 1);
  assert.equal(cache.get("b", 1200), null);
  assert.equal(cache.get("a", 1200), 1);
  assert.equal(cache.get("a", 1200 + 1200), null);
  assert.equal(cache.size, 0);
});

Deno.test("DHT-010 AgeingCache holds two generations of its size, and keeps what is used", () => {
  const cache = new AgeingCache<number>({ maxSize: 3, maxAgeMs: 0 });
  for (let i = 0; i < 3; i++) cache.set(`${i}`, i, 0);
  assert.equal(cache.get("0", 0), 0);
  for (let i = 3; i < 5; i++) cache.set(`${i}`, i, 0);
  assert.deepEqual([0, 1, 2, 3, 4].map((i) => cache.get(`${i}`, 1e12)), [0, null, null, 3, 4]);
  for (let i = 0; i < 1000; i++) {
    cache.set(`x${i}`, i, 0);
    assert.ok(cache.size <= 6);
  }
});

Deno.test("DHT-080 AgeingCache bounds the bytes of a generation", () => {
  const cache = new AgeingCache<Uint8Array>({
    maxSize: 1000,
    maxAgeMs: 0,
    maxBytes: 100,
    byteLengthOf: (bytes) => bytes.byteLength,
  });
  for (let i = 0; i < 100; i++) cache.set(`${i}`, new Uint8Array(30), 0);
  assert.ok(cache.size <= 8);
  // Setting and deleting the same key again and again takes no room.
  const other = new AgeingCache<Uint8Array>({
    maxSize: 1000,
    maxAgeMs: 0,
    maxBytes: 100,
    byteLengthOf: (bytes) => bytes.byteLength,
  });
  other.set("kept", new Uint8Array(30), 0);
  for (let i = 0; i < 100; i++) {
    other.set("changing", new Uint8Array(30), 0);
    other.delete("changing");
  }
  assert.equal(other.get("kept", 0)?.byteLength, 30);
});

Deno.test("DHT-010 AgeingCache.delete() and clear() forget", () => {
  const cache = new AgeingCache<number>({ maxSize: 2, maxAgeMs: 0 });
  for (const key of ["a", "b", "c"]) cache.set(key, 1, 0);
  cache.delete("a");
  cache.delete("c");
  assert.deepEqual(["a", "b", "c"].map((key) => cache.get(key, 0)), [null, 1, null]);
  cache.clear();
  assert.equal(cache.size, 0);
});

Deno.test("DHT-059 RecordCache gives different records, at most as many as asked for", () => {
  const cache = new RecordCache({ maxSize: 1000, maxAgeMs: 0 }, new SeededRandom(1));
  for (let i = 0; i < 100; i++) cache.add("topic", `${i}`, value(i), 0);
  const counts = new Map<number, number>();
  for (let round = 0; round < 200; round++) {
    const picked = cache.get("topic", 20, 0).map((bytes) => bytes[0]!);
    assert.equal(new Set(picked).size, 20);
    for (const byte of picked) counts.set(byte, (counts.get(byte) ?? 0) + 1);
  }
  // 40 is expected of each.
  assert.equal(counts.size, 100);
  assert.ok(Math.min(...counts.values()) > 15 && Math.max(...counts.values()) < 75);
  assert.equal(cache.get("topic", 200, 0).length, 100);
  assert.deepEqual(cache.get("other", 20, 0), []);
});

Deno.test("DHT-080 RecordCache has one record of an id, the newest, and forgets by age and number", () => {
  const cache = new RecordCache({ maxSize: 3, maxAgeMs: 900 }, new SeededRandom(1));
  cache.add("topic", "a", value(1), 0);
  cache.add("topic", "a", value(2), 100);
  assert.deepEqual(cache.get("topic", 20, 100), [value(2)]);
  assert.equal(cache.get("topic", 20, 600).length, 1);
  assert.equal(cache.get("topic", 20, 1200).length, 0);

  for (let i = 0; i < 50; i++) {
    cache.add(`topic ${i % 7}`, `${i}`, value(i), 1200);
    assert.ok(cache.size <= 7);
  }
  cache.add("topic", "x", value(1), 1200);
  cache.add("topic", "y", value(2), 1200);
  cache.remove("topic", "x");
  assert.deepEqual(cache.get("topic", 20, 1200), [value(2)]);
  cache.remove("topic", "nobody");
  cache.clear();
  assert.equal(cache.size, 0);
});

/** Unit tests of `WriteBatch`. */
import assert from "node:assert/strict";
import { WriteBatch } from "../../../src/storage/mod.ts";

const KEY = new Uint8Array([1, 2]);
const VALUE = new Uint8Array([3, 4, 5]);

Deno.test("WriteBatch lists its operations in the order they were added", () => {
  const batch = new WriteBatch();
  batch.putRow("block", 1, 2, VALUE);
  batch.deleteRow("node", 3, 4);
  batch.deleteRows("bitfield", 5, 6, 7);
  batch.putRecord("head", KEY, VALUE);
  batch.deleteRecord("user", KEY);
  batch.deleteRecords("meta", { gte: KEY });
  const expected = [
    { kind: "putRow", table: "block", owner: 1, index: 2, value: VALUE },
    { kind: "deleteRow", table: "node", owner: 3, index: 4 },
    { kind: "deleteRows", table: "bitfield", owner: 5, start: 6, end: 7 },
    { kind: "putRecord", table: "head", key: KEY, value: VALUE },
    { kind: "deleteRecord", table: "user", key: KEY },
    { kind: "deleteRecords", table: "meta", gte: KEY, lt: null },
  ];
  assert.deepEqual(batch.operations, expected);
  assert.deepEqual([...batch], expected);
});

Deno.test("WriteBatch borrows values instead of copying them", () => {
  const batch = new WriteBatch();
  batch.putRow("block", 0, 0, VALUE);
  const [operation] = batch.operations;
  assert.ok(operation?.kind === "putRow" && operation.value === VALUE);
});

Deno.test("WriteBatch counts operations and bytes, and clear() forgets both", () => {
  const batch = new WriteBatch();
  assert.deepEqual([batch.size, batch.byteLength], [0, 0]);
  batch.putRow("block", 0, 0, VALUE);
  batch.putRecord("user", KEY, VALUE);
  batch.deleteRecord("user", KEY);
  batch.deleteRecords("user", { gte: KEY, lt: VALUE });
  assert.deepEqual([batch.size, batch.byteLength], [4, 3 + 5 + 2 + 5]);
  const before = batch.operations;
  batch.clear();
  assert.deepEqual([batch.size, batch.byteLength], [0, 0]);
  assert.equal(before.length, 4);
});

Deno.test("WriteBatch.deleteRows() without an end goes to the last index", () => {
  const batch = new WriteBatch();
  batch.deleteRows("block", 0, 5);
  assert.deepEqual(batch.operations, [
    { kind: "deleteRows", table: "block", owner: 0, start: 5, end: 1099511627776 },
  ]);
});

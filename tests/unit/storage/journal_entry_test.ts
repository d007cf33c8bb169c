/** Unit tests of the journal's entries as bytes. */
import assert from "node:assert/strict";
import { crc32 } from "node:zlib";
import { hexText } from "../../../src/base/mod.ts";
import { WriteBatch } from "../../../src/storage/mod.ts";
import {
  decodeOperations,
  encodeEntry,
  entryAt,
  entryByteLength,
  entryStart,
} from "../../../src/storage/sqlite/journal_entry.ts";

function sample(): WriteBatch {
  const batch = new WriteBatch();
  batch.putRow("node", 8388607, 1099511627775, new Uint8Array([1, 2]));
  batch.deleteRow("mark", 5, 4294967296);
  batch.putRecord("user", new Uint8Array([3]), new Uint8Array([4]));
  batch.deleteRecord("group", new Uint8Array([6, 7]));
  return batch;
}

function encoded(batch: WriteBatch, sequence: number, durableSequence: number): Uint8Array {
  const bytes = new Uint8Array(entryByteLength(batch.operations)!);
  const view = new DataView(bytes.buffer);
  const { operations } = batch;
  encodeEntry(crc32, { bytes, view }, { sequence, durableSequence, operations, start: 0, end: bytes.length });
  return bytes;
}

Deno.test("encodeEntry() writes what docs/spec/storage.md says, and entryAt() reads it", () => {
  const bytes = encoded(sample(), 2 ** 40 + 2, 7);
  assert.equal(
    hexText(bytes.subarray(8)),
    "56000000" + "02000000" + "0200000000010000" + "0700000000000000" +
      "0101ff00ffffffffffff7f00020000000102" + "020301000000000005000000" + "030400000100000001000000" +
      "0304" +
      "04060000020000000607",
  );
  assert.equal(hexText(bytes.subarray(0, 4)), "514e434a");
  const entry = entryAt(crc32, bytes, 0)!;
  assert.deepEqual([entry.format, entry.sequence, entry.durableSequence], [2, 2 ** 40 + 2, 7]);
  assert.deepEqual([entry.start, entry.end], [0, bytes.byteLength]);
  assert.deepEqual(decodeOperations(entry.body), sample().operations);
});

Deno.test("entryAt() finds nothing in an entry cut at any byte or changed in any bit", () => {
  const bytes = encoded(sample(), 3, 0);
  for (let length = 0; length < bytes.byteLength; length++) {
    assert.equal(entryAt(crc32, bytes.subarray(0, length), 0), null, `cut to ${length}`);
  }
  for (let bit = 0; bit < 8 * bytes.byteLength; bit++) {
    const changed = bytes.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    assert.equal(entryAt(crc32, changed, 0), null, `bit ${bit}`);
  }
});

Deno.test("decodeOperations() gives null for what makes no sense", () => {
  const body = entryAt(crc32, encoded(sample(), 3, 0), 0)!.body;
  const whole = new Set([18, 30, 44, body.byteLength, 0]);
  for (let length = 0; length <= body.byteLength; length++) {
    assert.equal(decodeOperations(body.subarray(0, length)) !== null, whole.has(length), `cut to ${length}`);
  }
  for (const [offset, value] of [[0, 0], [0, 6], [1, 4], [31, 7], [12, 255], [15, 255], [34, 255]] as const) {
    const changed = body.slice();
    changed[offset] = value;
    assert.equal(decodeOperations(changed), null, `${value} at ${offset}`);
  }
});

Deno.test("entryByteLength() is null for range deletions and throws for what is no value", () => {
  const batch = sample();
  batch.deleteRows("block", 0, 0, 1);
  assert.equal(entryByteLength(batch.operations), null);
  assert.throws(
    () => entryByteLength([{ kind: "putRow", table: "block", owner: 0, index: 0, value: null as never }]),
    { name: "TypeError", code: "BAD_ARGUMENT" },
  );
});

Deno.test("entryStart() finds the magic and no part of it", () => {
  const bytes = new Uint8Array([0x51, 0x51, 0x4e, 0x43, 0x51, 0x4e, 0x43, 0x4a, 0x51]);
  assert.deepEqual([entryStart(bytes, 0), entryStart(bytes, 4), entryStart(bytes, 5)], [4, 4, -1]);
});

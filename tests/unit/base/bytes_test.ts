import assert from "node:assert/strict";
import {
  allocBytes,
  allocBytesPooled,
  allocBytesUnsafe,
  compareBytes,
  concatBytes,
  copyBytes,
  equalBytes,
  hexBytes,
  hexText,
  isBytes,
  utf8ByteLength,
  utf8Bytes,
  utf8Text,
  viewBytes,
} from "../../../src/base/mod.ts";

Deno.test("allocBytes() gives zeroed bytes with a buffer of their own", () => {
  const bytes = allocBytes(10);
  assert.deepEqual(Array.from(bytes), new Array(10).fill(0));
  assert.equal(bytes.buffer.byteLength, 10);
});

Deno.test("allocBytesUnsafe() does not take from a pool", () => {
  assert.equal(allocBytesUnsafe(10).buffer.byteLength, 10);
});

Deno.test("viewBytes() shares memory and has the runtime's byte type", () => {
  const bytes = new Uint8Array([104, 105]);
  const view = viewBytes(bytes);
  view[0] = 72;
  assert.equal(bytes[0], 72);
  assert.equal(view.toString(), "Hi");
});

Deno.test("copyBytes() is independent of its source", () => {
  const bytes = new Uint8Array([1, 2]);
  const copy = copyBytes(bytes);
  bytes[0] = 9;
  assert.deepEqual(Array.from(copy), [1, 2]);
});

Deno.test("concatBytes() joins the parts in order", () => {
  const joined = concatBytes([new Uint8Array([1]), new Uint8Array(0), new Uint8Array([2, 3])]);
  assert.deepEqual(Array.from(joined), [1, 2, 3]);
});

Deno.test("equalBytes() compares content", () => {
  assert.equal(equalBytes(new Uint8Array([1, 2]), new Uint8Array([1, 2])), true);
  assert.equal(equalBytes(new Uint8Array([1, 2]), new Uint8Array([1, 3])), false);
  assert.equal(equalBytes(new Uint8Array([1, 2]), new Uint8Array([1])), false);
});

Deno.test("compareBytes() orders as unsigned lexicographic strings", () => {
  const sorted = [[2], [1, 255], [1], [], [128]].map((bytes) => new Uint8Array(bytes)).sort(compareBytes);
  assert.deepEqual(sorted.map((bytes) => Array.from(bytes)), [[], [1], [1, 255], [2], [128]]);
});

Deno.test("utf8Bytes() and utf8Text() are inverse", () => {
  assert.equal(utf8Text(utf8Bytes("häß€😀")), "häß€😀");
});

Deno.test("hexText() and hexBytes() are inverse", () => {
  assert.equal(hexText(new Uint8Array([0, 15, 255])), "000fff");
  assert.deepEqual(Array.from(hexBytes("000FfF")), [0, 15, 255]);
});

Deno.test("hexBytes() refuses odd lengths and other characters", () => {
  assert.throws(() => hexBytes("abc"), TypeError);
  assert.throws(() => hexBytes("zz"), TypeError);
});

Deno.test("isBytes() accepts byte arrays only", () => {
  assert.equal(isBytes(allocBytes(1)), true);
  assert.equal(isBytes([1]), false);
  assert.equal(isBytes(new ArrayBuffer(1)), false);
});

Deno.test("allocBytesPooled() gives bytes of the size asked for", () => {
  for (const byteLength of [0, 1, 100, 100_000]) {
    assert.equal(allocBytesPooled(byteLength).byteLength, byteLength);
  }
});

Deno.test("utf8ByteLength() counts the bytes that utf8Bytes() gives", () => {
  for (const text of ["", "abc", "é€😀", "\ud800x", "\ufeffa"]) {
    assert.equal(utf8ByteLength(text), utf8Bytes(text).byteLength);
  }
});

Deno.test("utf8Text() keeps a byte order mark", () => {
  assert.equal(utf8Text(utf8Bytes("\ufeffa")), "\ufeffa");
});

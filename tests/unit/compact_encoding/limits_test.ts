import assert from "node:assert/strict";
import c, {
  ANY_DEPTH_MAX,
  ARRAY_ITEM_COUNT_MAX,
  BIGUINT_WORD_COUNT_MAX,
  BIT_COUNT_MAX,
  bitfield,
  type Encoder,
} from "../../../src/compact_encoding/mod.ts";
import { bytesOf, hexOf } from "./vectors.ts";

const MAX_UINT = "ffffffffffffff1f00";

Deno.test("CE-030 array() decodes 2^20 items and refuses one more", () => {
  const count = (value: number) => c.encode(c.uint, value);
  assert.equal(c.decode(c.array(c.none), count(ARRAY_ITEM_COUNT_MAX)).length, ARRAY_ITEM_COUNT_MAX);
  const run = () => c.decode(c.array(c.none), count(ARRAY_ITEM_COUNT_MAX + 1));
  assert.throws(run, { code: "TOO_BIG", message: "Array is too big" });
});

Deno.test("CE-030 array() writes more items than it reads, as upstream", () => {
  const list = new Array<null>(ARRAY_ITEM_COUNT_MAX + 1).fill(null);
  assert.equal(hexOf(c.encode(c.array(c.none), list)), "fe01001000");
});

Deno.test("CE-045 raw.array() refuses items that take no bytes", () => {
  assert.throws(() => c.decode(c.raw.array(c.none), bytesOf("00")), { code: "EMPTY_ITEM" });
  assert.deepEqual(c.decode(c.raw.array(c.none), bytesOf("")), []);
});

Deno.test("CE-022 bitarray decodes 2^24 bits and refuses one more", () => {
  const at = new Uint8Array(5 + BIT_COUNT_MAX / 8).fill(0xff);
  at.set(c.encode(c.uint, BIT_COUNT_MAX));
  assert.equal(c.decode(c.bitarray, at).length, BIT_COUNT_MAX);
  const past = new Uint8Array(5 + BIT_COUNT_MAX / 8 + 1);
  past.set(c.encode(c.uint, BIT_COUNT_MAX + 1));
  assert.throws(() => c.decode(c.bitarray, past), { code: "TOO_BIG" });
});

Deno.test("CE-013 biguint takes 2^17 words and refuses one more, both ways", () => {
  const bits = BigInt(64 * BIGUINT_WORD_COUNT_MAX);
  const largest = (1n << bits) - 1n;
  const bytes = c.encode(c.biguint, largest);
  assert.equal(c.decode(c.biguint, bytes), largest);
  assert.throws(() => c.encode(c.biguint, largest + 1n), RangeError);
  const past = new Uint8Array(bytes.byteLength + 8);
  past.set(c.encode(c.uint, BIGUINT_WORD_COUNT_MAX + 1));
  assert.throws(() => c.decode(c.biguint, past), { code: "TOO_BIG" });
});

Deno.test("CE-013 biguint refuses negative numbers", () => {
  assert.throws(() => c.encode(c.biguint, -1n), RangeError);
});

Deno.test("CE-013 biguint leaves the bytes it reads alone", () => {
  for (const bytes of [bytesOf("010102030405060708"), c.encode(c.biguint, 0x0807060504030201n)]) {
    assert.equal(c.decode(c.biguint, bytes), 0x0807060504030201n);
    assert.equal(hexOf(bytes), "010102030405060708");
  }
});

Deno.test("CE-035 any nests 512 deep and refuses one more, both ways", () => {
  const nested = (depth: number) => {
    let value: unknown = 1;
    for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
    return value;
  };
  const deepest = nested(ANY_DEPTH_MAX);
  assert.deepEqual(c.decode(c.any, c.encode(c.any, deepest)), deepest);
  assert.throws(() => c.encode(c.any, nested(ANY_DEPTH_MAX + 1)), RangeError);
  for (const level of ["0701", "08010161"]) {
    const bytes = bytesOf(level.repeat(ANY_DEPTH_MAX + 1) + "00");
    assert.throws(() => c.decode(c.any, bytes), { code: "TOO_DEEP" });
  }
});

Deno.test("CE-035 any refuses to encode what contains itself", () => {
  const list: unknown[] = [];
  list.push(list);
  assert.throws(() => c.encode(c.any, list), RangeError);
});

Deno.test("CE-004 absurd sizes and counts are refused before anything is allocated", () => {
  const encoders = {
    buffer: c.buffer,
    optionalBuffer: c.optionalBuffer,
    binary: c.binary,
    arraybuffer: c.arraybuffer,
    uint8array: c.uint8array,
    float64array: c.float64array,
    biguint64array: c.biguint64array,
    bitarray: c.bitarray,
    string: c.string,
    ascii: c.ascii,
    hex: c.hex,
    base64: c.base64,
    utf16le: c.utf16le,
    json: c.json,
    stringRecord: c.stringRecord,
    frame: c.frame(c.raw),
  };
  for (const [name, encoder] of Object.entries(encoders)) {
    const run = () => c.decode(encoder as Encoder<unknown>, bytesOf(MAX_UINT + "00000000"));
    assert.throws(run, { code: "OUT_OF_BOUNDS" }, name);
  }
  assert.throws(() => c.decode(c.array(c.uint), bytesOf(MAX_UINT)), { code: "TOO_BIG" });
  assert.throws(() => c.decode(c.biguint, bytesOf(MAX_UINT)), { code: "TOO_BIG" });
  assert.throws(() => c.decode(c.any, bytesOf("07" + MAX_UINT)), { code: "OUT_OF_BOUNDS" });
  assert.throws(() => c.decode(c.any, bytesOf("08" + MAX_UINT)), { code: "OUT_OF_BOUNDS" });
});

Deno.test("CE-048 bitfield() takes up to 64 flags and values that fit", () => {
  assert.equal(hexOf(c.encode(bitfield(64), 2 ** 53 - 1)), "ffffffffffffff1f00");
  assert.throws(() => bitfield(65), {
    name: "RangeError",
    message: "Bitfield cannot be larger than 64 bits",
  });
  assert.equal(hexOf(c.encode(bitfield(7), 0xfc)), "fc");
  assert.throws(() => c.encode(bitfield(7), 0xfd), RangeError);
  assert.throws(() => c.encode(bitfield(7), bytesOf("fd")), RangeError);
  assert.throws(() => c.encode(bitfield(7), bytesOf("0101")), RangeError);
  assert.throws(() => c.encode(bitfield(9), bytesOf("010203")), RangeError);
  assert.equal(hexOf(c.encode(bitfield(7), bytesOf(""))), "00");
});

Deno.test("CE-014 lexint refuses what is no number, both ways", () => {
  for (const value of [-1, NaN, Infinity]) assert.throws(() => c.encode(c.lexint, value), RangeError);
  assert.equal(c.decode(c.lexint, c.encode(c.lexint, 2 ** 1000)), 2 ** 1000);
  const mantissa = "ffffffffffff";
  assert.throws(() => c.decode(c.lexint, bytesOf("fffcffff" + mantissa)), { code: "OUT_OF_RANGE" });
  assert.throws(() => c.decode(c.lexint, bytesOf("fffcffff000000000000")), { code: "OUT_OF_RANGE" });
  assert.throws(() => c.decode(c.lexint, new Uint8Array(100_000).fill(0xff)), { code: "OUT_OF_RANGE" });
});

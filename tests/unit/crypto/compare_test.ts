import assert from "node:assert/strict";
import { crc32 as nodeCrc32 } from "node:zlib";
import { utf8Bytes } from "../../../src/base/mod.ts";
import { constantTimeEqual, crc32, randomBytes, wipe } from "../../../src/crypto/mod.ts";
import { assertRefused, Dice, flipped, LENGTHS, SHORT_LENGTHS } from "./support.ts";

Deno.test("crc32() has the check value of its definition", () => {
  assert.equal(crc32(utf8Bytes("123456789")), 0xcbf43926);
  assert.equal(crc32(new Uint8Array(0)), 0);
});

Deno.test("crc32() is that of zlib, of every length, at once and going on", () => {
  const dice = new Dice(32);
  for (const byteLength of LENGTHS) {
    const bytes = dice.bytes(byteLength);
    const expected = nodeCrc32(bytes);
    assert.equal(crc32(bytes), expected, `${byteLength} bytes`);
    const cut = dice.below(byteLength + 1);
    assert.equal(crc32(bytes.subarray(cut), crc32(bytes.subarray(0, cut))), expected, `cut at ${cut}`);
  }
});

Deno.test("constantTimeEqual() tells equal content of every length", () => {
  const dice = new Dice(1);
  for (const byteLength of SHORT_LENGTHS) {
    const bytes = dice.bytes(byteLength);
    assert.equal(constantTimeEqual(bytes, Uint8Array.from(bytes)), true);
    assert.equal(constantTimeEqual(bytes, new Uint8Array(byteLength + 1)), false);
    if (byteLength === 0) continue;
    assert.equal(constantTimeEqual(bytes, flipped(bytes, dice.below(8 * byteLength))), false);
  }
});

Deno.test("wipe() overwrites", () => {
  const secret = new Dice(2).bytes(100);
  wipe(secret);
  assert.ok(secret.every((byte) => byte === 0));
});

Deno.test("randomBytes() fills any number of bytes, or `out`", () => {
  for (const byteLength of [0, 1, 32, 65_536, 65_537, 200_000]) {
    const bytes = randomBytes(byteLength);
    assert.equal(bytes.byteLength, byteLength);
    // Sixteen zeros in a row would be chance once in 2^128.
    for (let at = 0; at + 16 <= byteLength; at += 16) {
      assert.ok(bytes.subarray(at, at + 16).some((byte) => byte !== 0), `at ${at}`);
    }
  }
  const out = new Uint8Array(32);
  assert.equal(randomBytes(32, out), out);
  assert.ok(out.some((byte) => byte !== 0));
  assertRefused("BAD_ARGUMENT", () => randomBytes(31, out));
});

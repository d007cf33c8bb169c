import assert from "node:assert/strict";
import { hkdfBlake2b, hmacBlake2b } from "../../../src/crypto/mod.ts";
import { assertBytes, assertRefused, concat, Dice, LENGTHS, SHORT_LENGTHS, sodium } from "./support.ts";

Deno.test("hmacBlake2b() is RFC 2104 over BLAKE2b-512, for inputs of every length", () => {
  const dice = new Dice(2104);
  for (const byteLength of LENGTHS) {
    const key = dice.bytes(dice.below(129));
    const input = dice.bytes(byteLength);
    assertBytes(hmacBlake2b(key, input), plainHmac(key, input), `${byteLength} bytes`);
    const cut = dice.below(byteLength + 1);
    assertBytes(
      hmacBlake2b(key, [input.subarray(0, cut), input.subarray(cut)]),
      plainHmac(key, input),
      `${byteLength} bytes in parts`,
    );
  }
});

Deno.test("hmacBlake2b() takes keys of every length", () => {
  const dice = new Dice(1);
  const input = dice.bytes(50);
  for (const byteLength of SHORT_LENGTHS) {
    const key = dice.bytes(byteLength);
    assertBytes(hmacBlake2b(key, input), plainHmac(key, input), `${byteLength} bytes`);
  }
});

Deno.test("hmacBlake2b() writes to `out` of 64 bytes and no other", () => {
  const key = new Uint8Array(32);
  const out = new Uint8Array(64);
  assert.equal(hmacBlake2b(key, key, out), out);
  assertBytes(out, plainHmac(key, key), "out");
  assertRefused("BAD_ARGUMENT", () => hmacBlake2b(key, key, new Uint8Array(32)));
});

Deno.test("hkdfBlake2b() is RFC 5869 without an info", () => {
  const dice = new Dice(5869);
  for (const byteLength of [...SHORT_LENGTHS, 65_536]) {
    const salt = dice.bytes(dice.below(200));
    const material = dice.bytes(byteLength);
    const prk = plainHmac(salt, material);
    const first = plainHmac(prk, Uint8Array.of(1));
    const second = plainHmac(prk, concat(first, Uint8Array.of(2)));
    const third = plainHmac(prk, concat(second, Uint8Array.of(3)));
    const two = hkdfBlake2b(salt, material, 2);
    const three = hkdfBlake2b(salt, material, 3);
    assert.deepEqual([two.length, three.length], [2, 3]);
    for (const [i, expected] of [first, second, third].entries()) {
      if (i < 2) assertBytes(two[i]!, expected, `output ${i} of two, ${byteLength} bytes`);
      assertBytes(three[i]!, expected, `output ${i} of three, ${byteLength} bytes`);
    }
  }
});

Deno.test("hkdfBlake2b() refuses other counts and too much material", () => {
  const salt = new Uint8Array(64);
  for (const count of [0, 1, 4] as unknown as (2 | 3)[]) {
    assertRefused("BAD_ARGUMENT", () => hkdfBlake2b(salt, salt, count));
  }
  assertRefused("BAD_ARGUMENT", () => hkdfBlake2b(salt, new Uint8Array(65_537), 2));
});

/** As RFC 2104 writes it, with libsodium's hash. */
function plainHmac(key: Uint8Array, input: Uint8Array): Uint8Array {
  const block = new Uint8Array(128);
  block.set(key.byteLength > 128 ? sodium.crypto_generichash(64, key, null) : key);
  const inner = sodium.crypto_generichash(64, concat(block.map((byte) => byte ^ 0x36), input), null);
  return sodium.crypto_generichash(64, concat(block.map((byte) => byte ^ 0x5c), inner), null);
}

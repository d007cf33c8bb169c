import assert from "node:assert/strict";
import { hexBytes, hexText } from "../../../src/base/mod.ts";
import {
  secretbox,
  xchacha20Keystream,
  xchacha20Xor,
  xsalsa20Keystream,
  xsalsa20Xor,
} from "../../../src/crypto/mod.ts";
import { assertBytes, assertRefused, concat, Dice, LENGTHS, sodium } from "./support.ts";

/** The key, nonce and message of "Cryptography in NaCl" (Bernstein 2009), sections 8 to 10. */
const NACL_KEY = hexBytes("1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389");
const NACL_NONCE = hexBytes("69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37");
const NACL_MESSAGE = hexBytes(
  "be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c6129" +
    "6cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde" +
    "048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705",
);
const NACL_CIPHERTEXT =
  "8e993b9f48681273c29650ba32fc76ce48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec" +
  "48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732b" +
  "c0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5";

Deno.test("xsalsa20Xor() agrees with the test of the NaCl paper, section 9", () => {
  const padded = concat(new Uint8Array(32), NACL_MESSAGE);
  assert.equal(hexText(xsalsa20Xor(padded, NACL_NONCE, NACL_KEY).subarray(32)), NACL_CIPHERTEXT);
  assert.equal(
    hexText(secretbox(NACL_MESSAGE, NACL_NONCE, NACL_KEY)),
    "f3ffc7703f9400e52a7dfb4b3d3305d9" + NACL_CIPHERTEXT,
  );
});

Deno.test("xsalsa20Xor() is the stream inside libsodium's secretbox, of every length", () => {
  const dice = new Dice(20);
  for (const byteLength of LENGTHS) {
    const key = dice.bytes(32);
    const nonce = dice.bytes(24);
    const text = dice.bytes(byteLength);
    // The first 32 bytes of the keystream are the MAC's key.
    const ours = xsalsa20Xor(concat(new Uint8Array(32), text), nonce, key).subarray(32);
    assertBytes(ours, sodium.crypto_secretbox_easy(text, nonce, key).subarray(16), `${byteLength} bytes`);
  }
});

Deno.test("xchacha20Xor() does as libsodium does, of every length", () => {
  const dice = new Dice(24);
  for (const byteLength of LENGTHS) {
    const key = dice.bytes(32);
    const nonce = dice.bytes(24);
    const text = dice.bytes(byteLength);
    assertBytes(
      xchacha20Xor(text, nonce, key),
      sodium.crypto_stream_xchacha20_xor(text, nonce, key),
      `${byteLength} bytes`,
    );
    const counter = dice.below(2 ** 31);
    assertBytes(
      xchacha20Xor(text, nonce, key, { counter }),
      sodium.crypto_stream_xchacha20_xor_ic(text, nonce, counter, key),
      `${byteLength} bytes from block ${counter}`,
    );
  }
});

for (
  const { name, xor, keystream } of [
    { name: "XSalsa20", xor: xsalsa20Xor, keystream: xsalsa20Keystream },
    { name: "XChaCha20", xor: xchacha20Xor, keystream: xchacha20Keystream },
  ]
) {
  Deno.test(`${name} is the same from any block on`, () => {
    const dice = new Dice(1);
    const key = dice.bytes(32);
    const nonce = dice.bytes(24);
    const whole = keystream(4096, nonce, key);
    for (let counter = 0; counter < 64; counter++) {
      const rest = xor(new Uint8Array(4096 - 64 * counter), nonce, key, { counter });
      assertBytes(rest, whole.subarray(64 * counter), `block ${counter}`);
    }
  });

  Deno.test(`${name} carries its counter past 32 bits`, () => {
    const dice = new Dice(2);
    const key = dice.bytes(32);
    const nonce = dice.bytes(24);
    const counter = 2 ** 32 - 9;
    const text = dice.bytes(64 * 40);
    const whole = xor(text, nonce, key, { counter });
    for (let i = 0; i < 40; i++) {
      const block = xor(text.subarray(64 * i, 64 * i + 64), nonce, key, { counter: counter + i });
      assertBytes(block, whole.subarray(64 * i, 64 * i + 64), `block ${counter + i}`);
    }
  });

  Deno.test(`${name} works in place, and twice is nothing`, () => {
    const dice = new Dice(3);
    for (const byteLength of [0, 1, 300, 131_073]) {
      const key = dice.bytes(32);
      const nonce = dice.bytes(24);
      const text = dice.bytes(byteLength);
      const data = Uint8Array.from(text);
      assert.equal(xor(data, nonce, key, { out: data }), data);
      assertBytes(data, xor(text, nonce, key), `${byteLength} bytes`);
      assertBytes(xor(data, nonce, key), text, `${byteLength} bytes, back`);
    }
  });

  Deno.test(`${name} refuses wrong sizes and counters`, () => {
    const key = new Uint8Array(32);
    const nonce = new Uint8Array(24);
    const text = new Uint8Array(5);
    assertRefused("BAD_ARGUMENT", () => xor(text, new Uint8Array(12), key));
    assertRefused("BAD_ARGUMENT", () => xor(text, nonce, new Uint8Array(31)));
    assertRefused("BAD_ARGUMENT", () => xor(text, nonce, key, { out: new Uint8Array(4) }));
    for (const counter of [-1, 0.5, 2 ** 53, NaN]) {
      assertRefused("BAD_ARGUMENT", () => xor(text, nonce, key, { counter }));
    }
    assertRefused("BAD_ARGUMENT", () => keystream(8, key, key));
  });
}

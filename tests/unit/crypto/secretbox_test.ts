import assert from "node:assert/strict";
import {
  boxKeyPair,
  sealedBox,
  SEALEDBOX_OVERHEADBYTES,
  sealedBoxOpen,
  secretbox,
  SECRETBOX_MACBYTES,
  secretboxOpen,
} from "../../../src/crypto/mod.ts";
import { assertBytes, assertRefused, Dice, flipped, LENGTHS, SHORT_LENGTHS, sodium } from "./support.ts";

Deno.test("secretbox() seals as libsodium does, and back, of every length", () => {
  const dice = new Dice(2009);
  for (const byteLength of LENGTHS) {
    const key = dice.bytes(32);
    const nonce = dice.bytes(24);
    const message = dice.bytes(byteLength);
    const sealed = secretbox(message, nonce, key);
    assertBytes(sealed, sodium.crypto_secretbox_easy(message, nonce, key), `${byteLength} bytes`);
    assertBytes(secretboxOpen(sealed, nonce, key), message, `${byteLength} bytes, back`);
  }
});

Deno.test("secretboxOpen() refuses what was cut anywhere or flipped anywhere", () => {
  const dice = new Dice(1);
  const key = dice.bytes(32);
  const nonce = dice.bytes(24);
  for (const byteLength of [0, 1, 40, 70]) {
    const sealed = secretbox(dice.bytes(byteLength), nonce, key);
    for (let end = 0; end < sealed.byteLength; end++) {
      assert.equal(secretboxOpen(sealed.subarray(0, end), nonce, key), null, `cut at ${end}`);
    }
    for (let bit = 0; bit < 8 * sealed.byteLength; bit++) {
      assert.equal(secretboxOpen(flipped(sealed, bit), nonce, key), null, `bit ${bit}`);
    }
    for (let bit = 0; bit < 256; bit++) {
      assert.equal(secretboxOpen(sealed, nonce, flipped(key, bit)), null, `key bit ${bit}`);
    }
    for (let bit = 0; bit < 192; bit++) {
      assert.equal(secretboxOpen(sealed, flipped(nonce, bit), key), null, `nonce bit ${bit}`);
    }
  }
});

Deno.test("boxKeyPair() makes libsodium's key pair of a seed", () => {
  const dice = new Dice(2);
  for (let i = 0; i < 200; i++) {
    const seed = dice.bytes(32);
    const { publicKey, secretKey } = boxKeyPair(seed);
    const expected = sodium.crypto_box_seed_keypair(seed);
    assertBytes(publicKey, expected.publicKey, "public key");
    assertBytes(secretKey, expected.privateKey, "secret key");
  }
});

Deno.test("sealed boxes open in libsodium and libsodium's open here, of every length", () => {
  const dice = new Dice(3);
  for (const byteLength of [...SHORT_LENGTHS, 131_000, 131_072, 300_000]) {
    const pair = boxKeyPair(dice.bytes(32));
    const message = dice.bytes(byteLength);
    const ours = sealedBox(message, pair.publicKey);
    assert.equal(ours.byteLength, byteLength + SEALEDBOX_OVERHEADBYTES);
    const opened = sodium.crypto_box_seal_open(ours, pair.publicKey, pair.secretKey);
    assertBytes(opened, message, `${byteLength} bytes, opened by libsodium`);
    const theirs = sodium.crypto_box_seal(message, pair.publicKey);
    assertBytes(sealedBoxOpen(theirs, pair), message, `${byteLength} bytes, sealed by libsodium`);
  }
});

Deno.test("sealedBoxOpen() refuses what was cut anywhere or flipped anywhere, and another's box", () => {
  const dice = new Dice(4);
  const pair = boxKeyPair(dice.bytes(32));
  const sealed = sealedBox(dice.bytes(20), pair.publicKey);
  for (let end = 0; end < sealed.byteLength; end++) {
    assert.equal(sealedBoxOpen(sealed.subarray(0, end), pair), null, `cut at ${end}`);
  }
  for (let bit = 0; bit < 8 * sealed.byteLength; bit++) {
    assert.equal(sealedBoxOpen(flipped(sealed, bit), pair), null, `bit ${bit}`);
  }
  assert.equal(sealedBoxOpen(sealed, boxKeyPair()), null);
});

Deno.test("sealed boxes refuse keys of small order", () => {
  const pair = boxKeyPair(new Uint8Array(32));
  const zero = new Uint8Array(32);
  const one = Uint8Array.of(1, ...new Uint8Array(31));
  for (const key of [zero, one]) {
    assertRefused("INVALID_KEY", () => sealedBox(new Uint8Array(3), key));
    const forged = new Uint8Array(SEALEDBOX_OVERHEADBYTES + 3);
    forged.set(key);
    assert.equal(sealedBoxOpen(forged, pair), null);
  }
});

Deno.test("boxes refuse keys, nonces and seeds of another size", () => {
  const message = new Uint8Array(3);
  const pair = boxKeyPair();
  const wrong = new Uint8Array(31);
  assertRefused("BAD_ARGUMENT", () => secretbox(message, wrong, new Uint8Array(32)));
  assertRefused("BAD_ARGUMENT", () => secretbox(message, new Uint8Array(24), wrong));
  const sealed = new Uint8Array(SECRETBOX_MACBYTES);
  assertRefused("BAD_ARGUMENT", () => secretboxOpen(sealed, wrong, new Uint8Array(32)));
  assertRefused("BAD_ARGUMENT", () => secretboxOpen(sealed, new Uint8Array(24), wrong));
  assertRefused("BAD_ARGUMENT", () => sealedBox(message, wrong));
  assertRefused("BAD_ARGUMENT", () => sealedBoxOpen(sealed, { ...pair, publicKey: wrong }));
  assertRefused("BAD_ARGUMENT", () => sealedBoxOpen(sealed, { ...pair, secretKey: wrong }));
  assertRefused("BAD_ARGUMENT", () => boxKeyPair(wrong));
});

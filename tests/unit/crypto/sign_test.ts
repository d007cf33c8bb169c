import assert from "node:assert/strict";
import { hexBytes, hexText, utf8Bytes } from "../../../src/base/mod.ts";
import { isSignKeyPair, sha512, sign, signKeyPair, verify } from "../../../src/crypto/mod.ts";
import {
  assertBytes,
  assertRefused,
  concat,
  Dice,
  flipped,
  LENGTHS,
  orNull,
  SHORT_LENGTHS,
  sodium,
} from "./support.ts";
import { GROUP_ORDER, ODD_POINTS, scalarBytes, scalarNumber, SMALL_ORDER_POINTS } from "./points.ts";

/** RFC 8032, 7.1: tests 1, 2, 3 and SHA(abc). */
const RFC_8032 = [
  {
    seed: "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
    publicKey: "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
    message: "",
    signature: "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155" +
      "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
  },
  {
    seed: "4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
    publicKey: "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
    message: "72",
    signature: "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da" +
      "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
  },
  {
    seed: "c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
    publicKey: "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
    message: "af82",
    signature: "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac" +
      "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
  },
  {
    seed: "833fe62409237b9d62ec77587520911e9a759cec1d19755b7da901b96dca3d42",
    publicKey: "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
    message: "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
    signature: "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589" +
      "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
  },
];

Deno.test("sign() and verify() agree with RFC 8032", () => {
  for (const { seed, publicKey, message, signature } of RFC_8032) {
    const pair = signKeyPair(hexBytes(seed));
    assert.equal(hexText(pair.publicKey), publicKey);
    assert.equal(hexText(pair.secretKey), seed + publicKey);
    assert.equal(hexText(sign(hexBytes(message), pair.secretKey)), signature);
    assert.equal(verify(hexBytes(message), hexBytes(signature), pair.publicKey), true);
  }
});

Deno.test("sign() writes into `out` when it has 64 bytes, also for messages larger than the arena", () => {
  const { seed, publicKey, signature } = RFC_8032[2]!;
  const secretKey = hexBytes(seed + publicKey);
  const out = new Uint8Array(64);
  assert.equal(sign(hexBytes("af82"), secretKey, out), out);
  assert.equal(hexText(out), signature);
  const long = new Uint8Array(1_200_000).fill(9);
  assert.equal(sign(long, secretKey, out), out);
  assert.equal(hexText(out), hexText(sign(long, secretKey)));
  assertRefused("BAD_ARGUMENT", () => sign(long, secretKey, new Uint8Array(63)));
});

Deno.test("sign() and verify() do as libsodium does with messages of every length", () => {
  const dice = new Dice(8032);
  for (const byteLength of LENGTHS) {
    const pair = signKeyPair(dice.bytes(32));
    const message = dice.bytes(byteLength);
    const signature = sign(message, pair.secretKey);
    assertBytes(signature, sodium.crypto_sign_detached(message, pair.secretKey), `${byteLength} bytes`);
    assert.equal(verify(message, signature, pair.publicKey), true, `${byteLength} bytes`);
    const changed = byteLength === 0 ? new Uint8Array(1) : flipped(message, dice.below(8 * byteLength));
    assert.equal(verify(changed, signature, pair.publicKey), false, `${byteLength} bytes, one flipped`);
  }
});

Deno.test("signKeyPair() makes libsodium's key pair of a seed", () => {
  const dice = new Dice(1);
  for (let i = 0; i < 300; i++) {
    const seed = dice.bytes(32);
    const { publicKey, secretKey } = signKeyPair(seed);
    const expected = sodium.crypto_sign_seed_keypair(seed);
    assertBytes(publicKey, expected.publicKey, `public key ${i}`);
    assertBytes(secretKey, expected.privateKey, `secret key ${i}`);
  }
});

Deno.test("signKeyPair() without a seed makes another pair each time", () => {
  const pairs = Array.from({ length: 50 }, () => signKeyPair());
  assert.equal(new Set(pairs.map(({ publicKey }) => hexText(publicKey))).size, 50);
  for (const pair of pairs) {
    assert.equal(isSignKeyPair(pair), true);
    assert.equal(verify(utf8Bytes("x"), sign(utf8Bytes("x"), pair.secretKey), pair.publicKey), true);
  }
});

Deno.test("verify() rejects a flip of any bit of signature and key", () => {
  const dice = new Dice(2);
  const message = dice.bytes(100);
  const { publicKey, secretKey } = signKeyPair(dice.bytes(32));
  const signature = sign(message, secretKey);
  for (let bit = 0; bit < 512; bit++) {
    assert.equal(verify(message, flipped(signature, bit), publicKey), false, `bit ${bit} of the signature`);
  }
  for (let bit = 0; bit < 256; bit++) {
    assert.equal(verify(message, signature, flipped(publicKey, bit)), false, `bit ${bit} of the key`);
  }
});

Deno.test("verify() rejects scalars that are not below the group order", () => {
  const dice = new Dice(3);
  const { publicKey, secretKey } = signKeyPair(dice.bytes(32));
  for (let i = 0; i < 50; i++) {
    const message = dice.bytes(i);
    const signature = sign(message, secretKey);
    for (const multiple of [1n, 2n, 7n]) {
      const scalar = scalarNumber(signature.subarray(32)) + multiple * GROUP_ORDER;
      if (scalar >= 1n << 256n) continue;
      const malleated = concat(signature.subarray(0, 32), scalarBytes(scalar));
      assert.equal(verify(message, malleated, publicKey), false, `plus ${multiple} orders`);
      assert.equal(sodium.crypto_sign_verify_detached(malleated, message, publicKey), false);
    }
  }
});

Deno.test("verify() decides on odd keys and commitments as libsodium does", () => {
  const dice = new Dice(4);
  const { publicKey, secretKey } = signKeyPair(dice.bytes(32));
  for (const { name, bytes } of [...SMALL_ORDER_POINTS, ...ODD_POINTS]) {
    for (let i = 0; i < 16; i++) {
      const message = dice.bytes(i);
      const honest = sign(message, secretKey);
      const zeroScalar = concat(bytes, new Uint8Array(32));
      // With a key of small order and S = 0, R = -kA has a chance to hold for one message in eight.
      const cases: [string, Uint8Array, Uint8Array][] = [
        [`key ${name}`, honest, bytes],
        [`commitment ${name}`, concat(bytes, honest.subarray(32)), publicKey],
        [`both ${name}`, zeroScalar, bytes],
      ];
      for (const [what, signature, key] of cases) {
        const expected = orNull(() => sodium.crypto_sign_verify_detached(signature, message, key)) ?? false;
        assert.equal(verify(message, signature, key), expected, `${what}, message of ${i} bytes`);
      }
    }
  }
});

Deno.test("verify() accepts no key of small order", () => {
  const identity = SMALL_ORDER_POINTS[0]!.bytes;
  for (const { name, bytes } of SMALL_ORDER_POINTS) {
    for (let i = 0; i < 16; i++) {
      const message = Uint8Array.of(i);
      for (const commitment of SMALL_ORDER_POINTS) {
        assert.equal(verify(message, concat(commitment.bytes, new Uint8Array(32)), bytes), false, name);
      }
      assert.equal(verify(message, concat(identity, new Uint8Array(32)), bytes), false, name);
    }
  }
});

Deno.test("verify() answers false to other sizes; sign() and signKeyPair() throw", () => {
  const { publicKey, secretKey } = signKeyPair(new Uint8Array(32));
  const message = utf8Bytes("hello");
  const signature = sign(message, secretKey);
  for (const size of [0, 63, 65]) assert.equal(verify(message, new Uint8Array(size), publicKey), false);
  for (const size of [0, 31, 33]) assert.equal(verify(message, signature, new Uint8Array(size)), false);
  for (const size of [0, 32, 63, 65]) {
    assertRefused("BAD_ARGUMENT", () => sign(message, new Uint8Array(size)));
  }
  for (const size of [0, 31, 33, 64]) assertRefused("BAD_ARGUMENT", () => signKeyPair(new Uint8Array(size)));
});

Deno.test("isSignKeyPair() compares the public key with the second half of the secret key", () => {
  const a = signKeyPair(new Uint8Array(32));
  const b = signKeyPair(new Uint8Array(32).fill(1));
  assert.equal(isSignKeyPair(a), true);
  assert.equal(isSignKeyPair({ publicKey: a.publicKey, secretKey: b.secretKey }), false);
  assert.equal(isSignKeyPair({ publicKey: a.publicKey, secretKey: a.secretKey.subarray(32) }), false);
  assert.equal(isSignKeyPair({ publicKey: a.publicKey.subarray(1), secretKey: a.secretKey }), false);
});

Deno.test("sha512() hashes as libsodium does, at once and in parts", () => {
  const dice = new Dice(5);
  assert.equal(
    hexText(sha512(utf8Bytes("abc"))),
    "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a" +
      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
  );
  for (const byteLength of [...SHORT_LENGTHS, 131_072, 131_073, 1_048_577]) {
    const input = dice.bytes(byteLength);
    const expected = sodium.crypto_hash_sha512(input);
    const cut = dice.below(byteLength + 1);
    assertBytes(sha512(input), expected, `${byteLength} bytes`);
    assertBytes(sha512([input.subarray(0, cut), input.subarray(cut)]), expected, `${byteLength} in parts`);
  }
});

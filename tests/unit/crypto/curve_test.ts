import assert from "node:assert/strict";
import { hexBytes, hexText } from "../../../src/base/mod.ts";
import * as crypto from "../../../src/crypto/mod.ts";
import { assertBytes, assertRefused, Dice, orNull, sodium } from "./support.ts";
import {
  FIELD_PRIME,
  GROUP_ORDER,
  ODD_POINTS,
  scalarBytes,
  scalarNumber,
  SMALL_ORDER_POINTS,
} from "./points.ts";

const ALL_POINTS = [...SMALL_ORDER_POINTS, ...ODD_POINTS];

/** Scalars at the edges of what an implementation may reduce, clamp or look up. */
const EDGE_SCALARS: readonly bigint[] = [
  1n,
  2n,
  7n,
  8n,
  15n,
  16n,
  (1n << 128n) - 1n,
  GROUP_ORDER - 2n,
  GROUP_ORDER - 1n,
  GROUP_ORDER + 1n,
  2n * GROUP_ORDER + 3n,
  1n << 252n,
  (1n << 255n) - 1n,
];

Deno.test("ed25519ScalarMult() and ed25519ScalarMultBase() multiply as libsodium does", () => {
  const dice = new Dice(25519);
  const scalars = [...EDGE_SCALARS.map(scalarBytes), ...Array.from({ length: 300 }, () => dice.bytes(32))];
  for (const scalar of scalars) {
    const what = hexText(scalar);
    const base = orNull(() => sodium.crypto_scalarmult_ed25519_base_noclamp(scalar));
    assertSameOrRefused(() => crypto.ed25519ScalarMultBase(scalar), base, `base times ${what}`);
    const point = crypto.signKeyPair(dice.bytes(32)).publicKey;
    const product = orNull(() => sodium.crypto_scalarmult_ed25519_noclamp(scalar, point));
    assertSameOrRefused(() => crypto.ed25519ScalarMult(scalar, point), product, `point times ${what}`);
  }
});

Deno.test("ed25519ScalarMult() refuses a scalar that gives the identity", () => {
  const { publicKey } = crypto.signKeyPair(new Uint8Array(32));
  for (const scalar of [0n, GROUP_ORDER, 2n * GROUP_ORDER]) {
    assertRefused("INVALID_SCALAR", () => crypto.ed25519ScalarMult(scalarBytes(scalar), publicKey));
    assertRefused("INVALID_SCALAR", () => crypto.ed25519ScalarMultBase(scalarBytes(scalar)));
  }
});

Deno.test("ed25519ScalarMult() and noiseDh() refuse the points that libsodium refuses", () => {
  const { secretKey } = crypto.signKeyPair(new Uint8Array(32).fill(3));
  const scalar = crypto.noiseScalar(secretKey);
  for (const { name, bytes } of ALL_POINTS) {
    const expected = orNull(() => sodium.crypto_scalarmult_ed25519_noclamp(scalar, bytes));
    assertSameOrRefused(() => crypto.ed25519ScalarMult(scalar, bytes), expected, name);
    assertSameOrRefused(() => crypto.noiseDh(bytes, secretKey), expected, name);
    if (expected === null) assertRefused("INVALID_POINT", () => crypto.noiseDh(bytes, secretKey), name);
  }
});

Deno.test("ed25519IsValidPoint() decides as libsodium does", () => {
  const dice = new Dice(1);
  for (const { name, bytes } of ALL_POINTS) {
    assert.equal(
      crypto.ed25519IsValidPoint(bytes),
      sodium.crypto_core_ed25519_is_valid_point(bytes),
      name,
    );
  }
  for (const { name, bytes } of SMALL_ORDER_POINTS) {
    assert.equal(crypto.ed25519IsValidPoint(bytes), false, name);
  }
  let validCount = 0;
  for (let i = 0; i < 400; i++) {
    const bytes = dice.bytes(32);
    const isValid = crypto.ed25519IsValidPoint(bytes);
    if (isValid) validCount++;
    assert.equal(isValid, sodium.crypto_core_ed25519_is_valid_point(bytes), hexText(bytes));
    assert.equal(crypto.ed25519IsValidPoint(crypto.signKeyPair(bytes).publicKey), true);
  }
  // Half of all bytes are on the curve, an eighth of those in the subgroup.
  assert.ok(validCount > 5 && validCount < 60, `${validCount}`);
  for (const size of [0, 31, 33]) assert.equal(crypto.ed25519IsValidPoint(new Uint8Array(size)), false);
});

Deno.test("ed25519Add() and ed25519Sub() do as libsodium does with valid, odd and random points", () => {
  const dice = new Dice(2);
  const points = [
    ...ALL_POINTS,
    ...Array.from({ length: 30 }, (_, i) => ({ name: `random ${i}`, bytes: dice.bytes(32) })),
    ...Array.from({ length: 10 }, (_, i) => ({
      name: `key ${i}`,
      bytes: crypto.signKeyPair(dice.bytes(32)).publicKey,
    })),
  ];
  for (const p of points) {
    for (const q of points) {
      const sum = orNull(() => sodium.crypto_core_ed25519_add(p.bytes, q.bytes));
      assertSameOrRefused(() => crypto.ed25519Add(p.bytes, q.bytes), sum, `${p.name} + ${q.name}`);
      const difference = orNull(() => sodium.crypto_core_ed25519_sub(p.bytes, q.bytes));
      assertSameOrRefused(() => crypto.ed25519Sub(p.bytes, q.bytes), difference, `${p.name} - ${q.name}`);
    }
  }
});

Deno.test("scalar arithmetic is that of libsodium and of numbers modulo the group order", () => {
  const dice = new Dice(3);
  const edges = EDGE_SCALARS.map(scalarBytes);
  const scalars = [
    new Uint8Array(32),
    ...edges,
    new Uint8Array(32).fill(0xff),
    ...Array.from({ length: 40 }, () => dice.bytes(32)),
  ];
  for (const x of scalars) {
    const what = hexText(x);
    const a = scalarNumber(x);
    assertNumber(crypto.ed25519ScalarNegate(x), -a, `-${what}`);
    assertNumber(crypto.ed25519ScalarComplement(x), 1n - a, `1 - ${what}`);
    assertBytes(
      crypto.ed25519ScalarNegate(x),
      sodium.crypto_core_ed25519_scalar_negate(x),
      `-${what}, libsodium`,
    );
    assertBytes(
      crypto.ed25519ScalarComplement(x),
      sodium.crypto_core_ed25519_scalar_complement(x),
      `1 - ${what}, libsodium`,
    );
    if (a % GROUP_ORDER === 0n) {
      assertRefused("INVALID_SCALAR", () => crypto.ed25519ScalarInvert(x), what);
    } else {
      assertNumber(crypto.ed25519ScalarMul(crypto.ed25519ScalarInvert(x), x), 1n, `1 / ${what}`);
      assertBytes(
        crypto.ed25519ScalarInvert(x),
        sodium.crypto_core_ed25519_scalar_invert(x),
        `1 / ${what}, libsodium`,
      );
    }
    for (const y of scalars) {
      const b = scalarNumber(y);
      const both = `${what} and ${hexText(y)}`;
      // Compat: libsodium drops what a sum of scalars that are not reduced carries past 2^256.
      assertNumber(crypto.ed25519ScalarAdd(x, y), (a + b) % (1n << 256n), `the sum of ${both}`);
      assertNumber(crypto.ed25519ScalarMul(x, y), a * b, `the product of ${both}`);
      assertBytes(
        crypto.ed25519ScalarAdd(x, y),
        sodium.crypto_core_ed25519_scalar_add(x, y),
        `the sum of ${both}, libsodium`,
      );
      assertBytes(
        crypto.ed25519ScalarSub(x, y),
        sodium.crypto_core_ed25519_scalar_sub(x, y),
        `the difference of ${both}, libsodium`,
      );
    }
  }
});

Deno.test("scalar sums and products of reduced scalars are libsodium's", () => {
  const dice = new Dice(4);
  for (let i = 0; i < 300; i++) {
    const x = crypto.ed25519ScalarReduce(dice.bytes(64));
    const y = crypto.ed25519ScalarReduce(dice.bytes(64));
    assertBytes(crypto.ed25519ScalarAdd(x, y), sodium.crypto_core_ed25519_scalar_add(x, y), "sum");
    assertBytes(crypto.ed25519ScalarSub(x, y), sodium.crypto_core_ed25519_scalar_sub(x, y), "difference");
    assertBytes(crypto.ed25519ScalarMul(x, y), sodium.crypto_core_ed25519_scalar_mul(x, y), "product");
  }
});

Deno.test("ed25519ScalarReduce() reduces 64 bytes as libsodium does", () => {
  const dice = new Dice(5);
  for (const wide of [new Uint8Array(64), new Uint8Array(64).fill(0xff), ...wides(dice, 300)]) {
    assertBytes(
      crypto.ed25519ScalarReduce(wide),
      sodium.crypto_core_ed25519_scalar_reduce(wide),
      hexText(wide),
    );
  }
  assertRefused("BAD_ARGUMENT", () => crypto.ed25519ScalarReduce(new Uint8Array(32)));
});

Deno.test("ed25519ScalarRandom() is below the group order and never the same", () => {
  const scalars = Array.from({ length: 200 }, () => crypto.ed25519ScalarRandom());
  for (const scalar of scalars) {
    const value = scalarNumber(scalar);
    assert.ok(value > 0n && value < GROUP_ORDER);
  }
  assert.equal(new Set(scalars.map(hexText)).size, 200);
});

Deno.test("keys convert to X25519 as libsodium's do", () => {
  const dice = new Dice(6);
  for (let i = 0; i < 200; i++) {
    const { publicKey, secretKey } = crypto.signKeyPair(dice.bytes(32));
    const converted = crypto.ed25519PublicKeyToX25519(publicKey);
    assertBytes(converted, sodium.crypto_sign_ed25519_pk_to_curve25519(publicKey), "public key");
    const secret = crypto.ed25519SecretKeyToX25519(secretKey);
    assertBytes(secret, sodium.crypto_sign_ed25519_sk_to_curve25519(secretKey), "secret key");
    assertBytes(crypto.x25519Base(secret), converted, "the pair");
  }
});

Deno.test("ed25519PublicKeyToX25519() refuses the points that libsodium refuses", () => {
  for (const { name, bytes } of ALL_POINTS) {
    const expected = orNull(() => sodium.crypto_sign_ed25519_pk_to_curve25519(bytes));
    assertSameOrRefused(() => crypto.ed25519PublicKeyToX25519(bytes), expected, name);
  }
  assertRefused("INVALID_KEY", () => crypto.ed25519PublicKeyToX25519(SMALL_ORDER_POINTS[0]!.bytes));
});

Deno.test("x25519() agrees with RFC 7748, 5.2 and 6.1", () => {
  assert.equal(
    hexText(crypto.x25519(
      hexBytes("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
      hexBytes("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c"),
    )),
    "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552",
  );
  assert.equal(
    hexText(crypto.x25519(
      hexBytes("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d"),
      hexBytes("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493"),
    )),
    "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957",
  );
  const alice = hexBytes("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a");
  const bob = hexBytes("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb");
  assert.equal(
    hexText(crypto.x25519Base(alice)),
    "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
  );
  assert.equal(
    hexText(crypto.x25519Base(bob)),
    "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
  );
  assert.equal(
    hexText(crypto.x25519(alice, crypto.x25519Base(bob))),
    "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742",
  );
});

Deno.test("x25519() passes the iterated test of RFC 7748, 5.2", () => {
  const nine = scalarBytes(9n);
  let k: Uint8Array = nine;
  let u: Uint8Array = nine;
  for (let i = 0; i < 1000; i++) {
    [k, u] = [crypto.x25519(k, u), k];
    if (i === 0) {
      assert.equal(hexText(k), "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079");
    }
  }
  assert.equal(hexText(k), "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51");
});

Deno.test("x25519() and x25519Base() multiply as libsodium does, odd points included", () => {
  const dice = new Dice(7);
  const odd = [0n, 1n, 2n, FIELD_PRIME - 1n, FIELD_PRIME, FIELD_PRIME + 1n, (1n << 256n) - 1n].map(
    scalarBytes,
  );
  const points = [
    ...odd,
    // The two points of order 8 (curve25519-donna's list and RFC 7748's warning in section 6.1).
    hexBytes("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    hexBytes("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
    ...Array.from({ length: 300 }, () => dice.bytes(32)),
  ];
  let refusedCount = 0;
  for (const point of points) {
    const scalar = dice.bytes(32);
    const expected = orNull(() => sodium.crypto_scalarmult(scalar, point));
    if (expected === null) refusedCount++;
    assertSameOrRefused(() => crypto.x25519(scalar, point), expected, hexText(point));
    assertBytes(crypto.x25519Base(scalar), sodium.crypto_scalarmult_base(scalar), "base");
  }
  assert.equal(refusedCount, 7);
  assertRefused("INVALID_POINT", () => crypto.x25519(dice.bytes(32), new Uint8Array(32)));
});

Deno.test("noiseDh() gives both sides the same secret, and takes a tweaked scalar", () => {
  const a = crypto.noiseKeyPair(new Uint8Array(32).fill(1));
  const b = crypto.noiseKeyPair(new Uint8Array(32).fill(2));
  const secret = crypto.noiseDh(b.publicKey, a);
  assert.deepEqual(crypto.noiseDh(a.publicKey, b), secret);
  assert.deepEqual(crypto.noiseDh(a.publicKey, b.secretKey), secret);
  assert.deepEqual(crypto.noiseDh(b.publicKey, { scalar: crypto.noiseScalar(a.secretKey) }), secret);
  assert.deepEqual(crypto.noiseKeyPair(a.secretKey), a);
  assert.equal(crypto.NOISE_DH_NAME, "Ed25519");
  assert.equal(crypto.NOISE_DH_BYTES, 32);
});

Deno.test("noiseMixDh() gives what noiseDh() and hkdfBlake2b() give", () => {
  const a = crypto.noiseKeyPair(new Uint8Array(32).fill(1));
  const b = crypto.noiseKeyPair(new Uint8Array(32).fill(2));
  const before = new Uint8Array(64).fill(3);
  const [chaining, cipher] = crypto.hkdfBlake2b(before, crypto.noiseDh(b.publicKey, a), 2);
  for (const secret of [{ secretKey: a.secretKey }, { scalar: crypto.noiseScalar(a.secretKey) }]) {
    const keys = { chainingKey: before.slice(), key: new Uint8Array(32) };
    assert.equal(crypto.noiseMixDh(b.publicKey, secret, keys), true);
    assertBytes(keys.chainingKey, chaining!, "chaining key");
    assertBytes(keys.key, cipher!.subarray(0, 32), "cipher key");
    // The point of order 1, and a scalar that gives it.
    const kept = { chainingKey: before.slice(), key: new Uint8Array(32).fill(4) };
    assert.equal(crypto.noiseMixDh(new Uint8Array(32).fill(1, 0, 1), secret, kept), false);
    assert.equal(crypto.noiseMixDh(b.publicKey, { scalar: new Uint8Array(32) }, kept), false);
    assertBytes(kept.chainingKey, before, "chaining key");
    assertBytes(kept.key, new Uint8Array(32).fill(4), "cipher key");
  }
});

Deno.test("curve functions refuse other sizes", () => {
  const ok = crypto.signKeyPair(new Uint8Array(32)).publicKey;
  for (const size of [0, 31, 33, 64]) {
    const wrong = new Uint8Array(size);
    for (
      const work of [
        () => crypto.ed25519ScalarMult(wrong, ok),
        () => crypto.ed25519ScalarMult(ok, wrong),
        () => crypto.ed25519ScalarMultBase(wrong),
        () => crypto.ed25519Add(ok, wrong),
        () => crypto.ed25519Sub(wrong, ok),
        () => crypto.ed25519ScalarAdd(wrong, ok),
        () => crypto.ed25519ScalarSub(ok, wrong),
        () => crypto.ed25519ScalarMul(ok, wrong),
        () => crypto.ed25519ScalarNegate(wrong),
        () => crypto.ed25519ScalarComplement(wrong),
        () => crypto.ed25519ScalarInvert(wrong),
        () => crypto.ed25519PublicKeyToX25519(wrong),
        () => crypto.x25519(wrong, ok),
        () => crypto.x25519(ok, wrong),
        () => crypto.x25519Base(wrong),
      ]
    ) assertRefused("BAD_ARGUMENT", work, `${work}`);
  }
  assertRefused("BAD_ARGUMENT", () => crypto.ed25519SecretKeyToX25519(ok));
  assertRefused("BAD_ARGUMENT", () => crypto.noiseScalar(ok));
  assertRefused("BAD_ARGUMENT", () => crypto.noiseDh(ok, ok));
  const keys = { chainingKey: new Uint8Array(64), key: ok };
  assertRefused("BAD_ARGUMENT", () => crypto.noiseMixDh(new Uint8Array(31), { scalar: ok }, keys));
  assertRefused("BAD_ARGUMENT", () => crypto.noiseMixDh(ok, { secretKey: ok }, keys));
  assertRefused("BAD_ARGUMENT", () => crypto.noiseMixDh(ok, { scalar: new Uint8Array(64) }, keys));
  assertRefused("BAD_ARGUMENT", () => crypto.noiseMixDh(ok, { scalar: ok }, { ...keys, chainingKey: ok }));
  assertRefused(
    "BAD_ARGUMENT",
    () => crypto.noiseMixDh(ok, { scalar: ok }, { ...keys, key: keys.chainingKey }),
  );
});

function assertSameOrRefused(work: () => Uint8Array, expected: Uint8Array | null, what: string): void {
  if (expected === null) {
    assert.throws(work, crypto.CryptoError, `${what}: libsodium refuses`);
  } else {
    assertBytes(work(), expected, what);
  }
}

function assertNumber(actual: Uint8Array, expected: bigint, what: string): void {
  const reduced = ((expected % GROUP_ORDER) + GROUP_ORDER) % GROUP_ORDER;
  assert.equal(scalarNumber(actual), reduced, what);
}

function wides(dice: Dice, count: number): Uint8Array[] {
  return Array.from({ length: count }, () => dice.bytes(64));
}

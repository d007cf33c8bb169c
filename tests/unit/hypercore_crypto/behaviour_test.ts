import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import sodium from "libsodium-wrappers-sumo";
import crypto, { CryptoError, idEncoding, IdEncodingError, z32 } from "../../../src/hypercore_crypto/mod.ts";

await sodium.ready;

const message = new TextEncoder().encode("hello");

Deno.test("HCR-001 HCR-004 key pairs are random without a seed", () => {
  for (const make of [crypto.keyPair, crypto.encryptionKeyPair]) {
    const pairs = [make(), make(null), make(undefined)];
    assert.equal(new Set(pairs.map(({ publicKey }) => publicKey.toString())).size, 3);
    for (const { publicKey, secretKey } of pairs) {
      assert.ok(Buffer.isBuffer(publicKey) && Buffer.isBuffer(secretKey));
      assert.equal(publicKey.byteLength, 32);
      assert.equal(secretKey.byteLength, make === crypto.keyPair ? 64 : 32);
    }
  }
});

Deno.test("HCR-001 HCR-004 a seed of another size is refused", () => {
  for (const byteLength of [0, 31, 33, 64]) {
    assert.throws(() => crypto.keyPair(new Uint8Array(byteLength)), CryptoError);
    assert.throws(() => crypto.encryptionKeyPair(new Uint8Array(byteLength)), CryptoError);
  }
});

Deno.test("HCR-002 validateKeyPair() accepts what keyPair() makes and refuses secret keys of another size", () => {
  const pair = crypto.keyPair();
  assert.equal(crypto.validateKeyPair(pair), true);
  assert.equal(crypto.validateKeyPair({ ...pair, secretKey: pair.secretKey.subarray(1) }), false);
});

Deno.test("HCR-003 sign() refuses secret keys of another size", () => {
  assert.throws(() => crypto.sign(message, new Uint8Array(32)), CryptoError);
});

Deno.test("HCR-005 encrypt() seals what libsodium opens", () => {
  const pair = crypto.encryptionKeyPair();
  for (const byteLength of [0, 1, 5, 1000]) {
    const plaintext = crypto.randomBytes(byteLength);
    const ciphertext = crypto.encrypt(plaintext, pair.publicKey);
    assert.equal(ciphertext.byteLength, byteLength + 48);
    const opened = sodium.crypto_box_seal_open(ciphertext, pair.publicKey, pair.secretKey);
    assert.deepEqual(Buffer.from(opened), Buffer.from(plaintext));
    assert.deepEqual(crypto.decrypt(ciphertext, pair), plaintext);
  }
});

Deno.test("HCR-005 encrypt() refuses keys that are none, decrypt() gives null for another's box", () => {
  assert.throws(() => crypto.encrypt(message, new Uint8Array(31)), { code: "BAD_ARGUMENT" });
  assert.throws(() => crypto.encrypt(message, new Uint8Array(32)), { code: "INVALID_KEY" });
  const ciphertext = crypto.encrypt(message, crypto.encryptionKeyPair().publicKey);
  assert.equal(crypto.decrypt(ciphertext, crypto.encryptionKeyPair()), null);
  assert.equal(crypto.decrypt(new Uint8Array(47), crypto.encryptionKeyPair()), null);
  assert.throws(
    () => crypto.decrypt(ciphertext, { publicKey: new Uint8Array(31), secretKey: new Uint8Array(32) }),
    CryptoError,
  );
});

Deno.test("HCR-006 parent() and tree() refuse sizes that cannot be written", () => {
  const node = { index: 0, size: Number.MAX_SAFE_INTEGER, hash: new Uint8Array(32) };
  assert.throws(() => crypto.parent(node, { ...node, index: 2, size: 1 }), CryptoError);
  assert.throws(() => crypto.tree([{ ...node, size: -1 }]), RangeError);
  assert.throws(() => crypto.tree([{ ...node, index: NaN }]), RangeError);
});

Deno.test("HCR-006 tree() takes any number of roots", () => {
  const root = { index: 0, size: 1, hash: new Uint8Array(32).fill(1) };
  const packed = new Uint8Array(1 + 48 * 100);
  packed[0] = 2;
  for (let i = 0; i < 100; i++) {
    packed.fill(1, 1 + 48 * i, 1 + 48 * i + 32);
    packed[1 + 48 * i + 40] = 1;
  }
  assert.deepEqual(crypto.tree(new Array(100).fill(root)), crypto.hash(packed));
});

Deno.test("HCR-007 hash() refuses what is not bytes and outputs of impossible size", () => {
  for (const value of ["text", ["text"], 5, null, undefined, [new Uint8Array(1), "x"]]) {
    assert.throws(() => crypto.hash(value as unknown as Uint8Array), TypeError);
  }
  assert.throws(() => crypto.hash(message, new Uint8Array(65)), CryptoError);
  assert.throws(() => crypto.hash(message, new Uint8Array(0)), CryptoError);
});

Deno.test("HCR-008 randomBytes() gives as many bytes as asked for, also beyond one call of the runtime", () => {
  assert.equal(crypto.randomBytes(0).byteLength, 0);
  const bytes = crypto.randomBytes(100_000);
  assert.equal(bytes.byteLength, 100_000);
  assert.ok(bytes.subarray(99_900).some((byte) => byte !== 0));
  assert.notDeepEqual(crypto.randomBytes(32), crypto.randomBytes(32));
  assert.throws(() => crypto.randomBytes(-1), RangeError);
});

Deno.test("HCR-009 discoveryKey() refuses other sizes", () => {
  for (const key of [new Uint8Array(31), new Uint8Array(33), null, "x".repeat(32)]) {
    const run = () => crypto.discoveryKey(key as unknown as Uint8Array);
    assert.throws(run, { name: "TypeError", message: "Must pass a 32 byte buffer" });
  }
});

Deno.test("HCR-010 namespace() numbers modulo 256 and takes any list of numbers", () => {
  const list = crypto.namespace("x", 300);
  assert.equal(list.length, 300);
  assert.deepEqual(list[256], list[0]);
  assert.deepEqual(crypto.namespace("x", Uint8Array.of(1, 0)), [list[1], list[0]]);
  assert.throws(() => crypto.namespace("x", -1), RangeError);
  assert.throws(() => crypto.namespace("x", undefined as unknown as number), TypeError);
});

Deno.test("HCR-011 free() wipes bytes and the secret key of a pair", () => {
  const pair = crypto.keyPair();
  const publicKey = pair.publicKey.toString();
  crypto.free(pair);
  assert.ok(pair.secretKey.every((byte) => byte === 0));
  assert.equal(pair.publicKey.toString(), publicKey);
  const secret = crypto.randomBytes(100);
  crypto.free(secret);
  assert.ok(secret.every((byte) => byte === 0));
});

Deno.test("HCR-012 encode() refuses what is no key, decode() gives bytes back as they are", () => {
  const key = new Uint8Array(32);
  assert.equal(idEncoding.decode(key), key);
  for (
    const [value, text] of [["x", "Key must be a Buffer"], [new Uint8Array(31), "Key must be 32-bytes long"]]
  ) {
    const run = () => idEncoding.encode(value as Uint8Array);
    assert.throws(run, { name: "IdEncodingError", code: "INVALID_KEY", message: text as string });
  }
  const run = () => idEncoding.decode(new Uint8Array(33));
  assert.throws(run, { name: "IdEncodingError", code: "INVALID_ID", message: "ID must be 32-bytes long" });
});

Deno.test("HCR-012 isValid() takes anything", () => {
  for (const value of [null, undefined, 5, {}, [], Symbol("s"), new Uint8Array(31), new ArrayBuffer(32)]) {
    assert.equal(idEncoding.isValid(value), false);
    assert.throws(() => idEncoding.decode(value as string), IdEncodingError);
  }
  assert.equal(idEncoding.isValid(new Uint8Array(32)), true);
});

Deno.test("HCR-012 z32 takes text and writes into given bytes", () => {
  assert.equal(z32.encode("hello"), "pb1sa5dx");
  assert.equal(z32.ALPHABET.length, 32);
  const out = new Uint8Array(10).fill(0xff);
  const view = z32.decode("oooo", out);
  assert.deepEqual([view.buffer, view.byteLength], [out.buffer, 2]);
  assert.deepEqual(Array.from(out.subarray(0, 3)), [0x84, 0x21, 0xff]);
  assert.throws(() => z32.decode("oooo", new Uint8Array(1)), RangeError);
});

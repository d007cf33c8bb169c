import assert from "node:assert/strict";
import { hexText, utf8Bytes } from "../../../src/base/mod.ts";
import { Blake2b, blake2b } from "../../../src/crypto/mod.ts";
import { assertBytes, assertRefused, Dice, LENGTHS, SHORT_LENGTHS, sodium } from "./support.ts";

Deno.test("blake2b() hashes what RFC 7693 appendix A and the reference implementation hash", () => {
  assert.equal(
    hexText(blake2b(utf8Bytes("abc"), { byteLength: 64 })),
    "ba80a53f981c4d0d6a2797b69f12f6e94c212f14685ac4b74b12bb6fdbffa2d1" +
      "7d87c5392aab792dc252d5de4533cc9518d38aa8dbf1925ab92386edd4009923",
  );
  assert.equal(
    hexText(blake2b(new Uint8Array(0), { byteLength: 64 })),
    "786a02f742015903c6c6fd852552d272912f4740e15847618a86e217f71f5419" +
      "d25e1031afee585313896444934eb04b903a685b1448b755d56f701afe9be2ce",
  );
  assert.equal(
    hexText(blake2b(new Uint8Array(0))),
    "0e5751c026e543b2e8ab2eb06099daa1d1e5df47778f7787faab45cdf12fe3a8",
  );
});

Deno.test("Blake2b passes the self-test of RFC 7693 appendix E", () => {
  const whole = new Blake2b({ byteLength: 32 });
  for (const digestLength of [20, 32, 48, 64]) {
    for (const inputLength of [0, 3, 128, 129, 255, 1024]) {
      const input = fibonacciBytes(inputLength, inputLength);
      whole.update(blake2b(input, { byteLength: digestLength }));
      const key = fibonacciBytes(digestLength, digestLength);
      whole.update(blake2b(input, { byteLength: digestLength, key }));
    }
  }
  assert.equal(
    hexText(whole.digest()),
    "c23a7800d98123bd10f506c61e29da5603d763b8bbad2e737f5e765a7bccd475",
  );
});

Deno.test("blake2b() hashes as libsodium does, of every length, keyed and not", () => {
  const dice = new Dice(7693);
  for (const byteLength of LENGTHS) {
    const input = dice.bytes(byteLength);
    assertBytes(blake2b(input), sodium.crypto_generichash(32, input, null), `${byteLength} bytes`);
    const key = dice.bytes(16 + (byteLength % 49));
    const digestLength = 16 + (byteLength % 49);
    assertBytes(
      blake2b(input, { key, byteLength: digestLength }),
      sodium.crypto_generichash(digestLength, input, key),
      `${byteLength} bytes with a key of ${key.byteLength}`,
    );
  }
});

Deno.test("blake2b() takes keys and makes digests of every length", () => {
  const dice = new Dice(1);
  const input = dice.bytes(77);
  const keyed = new Set<string>();
  for (let n = 1; n <= 64; n++) {
    assert.equal(blake2b(input, { byteLength: n }).byteLength, n);
    keyed.add(hexText(blake2b(input, { key: dice.bytes(n) })));
    // libsodium refuses shorter ones; its parameters are the same from there on.
    if (n < 16) continue;
    assertBytes(blake2b(input, { byteLength: n }), sodium.crypto_generichash(n, input, null), `digest ${n}`);
    const key = dice.bytes(n);
    assertBytes(blake2b(input, { key }), sodium.crypto_generichash(32, input, key), `key ${n}`);
  }
  assert.equal(keyed.size, 64);
});

Deno.test("blake2b() of parts is blake2b() of their concatenation", () => {
  const dice = new Dice(2);
  for (const byteLength of [...SHORT_LENGTHS, 131_073, 1_048_576]) {
    const input = dice.bytes(byteLength);
    const cuts = [dice.below(byteLength + 1), dice.below(byteLength + 1)].sort((a, b) => a - b);
    const parts = [input.subarray(0, cuts[0]), input.subarray(cuts[0], cuts[1]), input.subarray(cuts[1])];
    assertBytes(blake2b(parts), blake2b(input), `${byteLength} bytes`);
    const key = dice.bytes(32);
    assertBytes(blake2b(parts, { key }), blake2b(input, { key }), `${byteLength} bytes, keyed`);
  }
  assertBytes(blake2b([]), blake2b(new Uint8Array(0)), "no parts");
});

Deno.test("Blake2b hashes in any number of pieces, several hashes at a time", () => {
  const dice = new Dice(3);
  const inputs = [0, 1, 127, 128, 129, 256, 1000, 300_000].map((byteLength) => dice.bytes(byteLength));
  const hashes = inputs.map(() => new Blake2b({ byteLength: 48 }));
  const places = inputs.map(() => 0);
  while (places.some((at, i) => at < inputs[i]!.byteLength)) {
    const i = dice.below(inputs.length);
    const step = dice.below(inputs[i]!.byteLength > 10_000 ? 50_000 : 200);
    const end = Math.min(places[i]! + step, inputs[i]!.byteLength);
    hashes[i]!.update(inputs[i]!.subarray(places[i], end));
    places[i] = end;
  }
  for (const [i, hash] of hashes.entries()) {
    assertBytes(
      hash.digest(),
      sodium.crypto_generichash(48, inputs[i]!, null),
      `${inputs[i]!.byteLength} bytes`,
    );
  }
});

Deno.test("blake2b() and digest() write to `out`", () => {
  const input = utf8Bytes("hello");
  const out = new Uint8Array(32);
  assert.equal(blake2b(input, { out }), out);
  assert.equal(hexText(out), hexText(blake2b(input)));
  const streamed = new Uint8Array(32);
  assert.equal(new Blake2b().update(input).digest(streamed), streamed);
  assert.deepEqual(streamed, out);
});

Deno.test("blake2b() refuses keys, digests and `out` of another size", () => {
  const input = new Uint8Array(1);
  for (const key of [0, 65]) {
    assertRefused("BAD_ARGUMENT", () => blake2b(input, { key: new Uint8Array(key) }));
    assertRefused("BAD_ARGUMENT", () => new Blake2b({ key: new Uint8Array(key) }));
  }
  for (const byteLength of [0, 65, 1.5, NaN]) {
    assertRefused("BAD_ARGUMENT", () => blake2b(input, { byteLength }));
    assertRefused("BAD_ARGUMENT", () => new Blake2b({ byteLength }));
  }
  assertRefused("BAD_ARGUMENT", () => blake2b(input, { out: new Uint8Array(31) }));
  assertRefused("BAD_ARGUMENT", () => new Blake2b().digest(new Uint8Array(33)));
});

Deno.test("Blake2b refuses to go on after its end", () => {
  const ended = new Blake2b();
  ended.digest();
  assertRefused("DISPOSED", () => ended.digest());
  assertRefused("DISPOSED", () => ended.update(new Uint8Array(1)));
  const disposed = new Blake2b();
  disposed[Symbol.dispose]();
  assertRefused("DISPOSED", () => disposed.update(new Uint8Array(1)));
});

Deno.test("a digest that was returned stays when others are made", () => {
  const first = blake2b(utf8Bytes("one"));
  const text = hexText(first);
  for (let i = 0; i < 100; i++) blake2b(utf8Bytes(`other ${i}`));
  assert.equal(hexText(first), text);
  assert.equal(hexText(blake2b(utf8Bytes("one"))), text);
});

/** The input generator of RFC 7693 appendix E. */
function fibonacciBytes(byteLength: number, seed: number): Uint8Array {
  let a = Math.imul(0xdead4bad, seed);
  let b = 1;
  return Uint8Array.from({ length: byteLength }, () => {
    const next = (a + b) | 0;
    a = b;
    b = next;
    return next >>> 24;
  });
}

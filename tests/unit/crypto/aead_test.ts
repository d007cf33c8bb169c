import assert from "node:assert/strict";
import { hexBytes, hexText, utf8Bytes } from "../../../src/base/mod.ts";
import {
  aeadChaCha20Poly1305Decrypt,
  aeadChaCha20Poly1305Encrypt,
  type AeadOptions,
  aeadXChaCha20Poly1305Decrypt,
  aeadXChaCha20Poly1305Encrypt,
} from "../../../src/crypto/mod.ts";
import { assertBytes, assertRefused, Dice, flipped, LENGTHS, LONG_LENGTHS, sodium } from "./support.ts";

interface Variant {
  readonly name: string;
  readonly nonceBytes: number;
  readonly encrypt: (text: Uint8Array, options: AeadOptions) => Uint8Array;
  readonly decrypt: (sealed: Uint8Array, options: AeadOptions) => Uint8Array | null;
  readonly reference: (text: Uint8Array, ad: Uint8Array, nonce: Uint8Array, key: Uint8Array) => Uint8Array;
}

const VARIANTS: readonly Variant[] = [
  {
    name: "ChaCha20-Poly1305",
    nonceBytes: 12,
    encrypt: aeadChaCha20Poly1305Encrypt,
    decrypt: aeadChaCha20Poly1305Decrypt,
    reference: (text, ad, nonce, key) =>
      sodium.crypto_aead_chacha20poly1305_ietf_encrypt(text, ad, null, nonce, key),
  },
  {
    name: "XChaCha20-Poly1305",
    nonceBytes: 24,
    encrypt: aeadXChaCha20Poly1305Encrypt,
    decrypt: aeadXChaCha20Poly1305Decrypt,
    reference: (text, ad, nonce, key) =>
      sodium.crypto_aead_xchacha20poly1305_ietf_encrypt(text, ad, null, nonce, key),
  },
];

const SUNSCREEN = utf8Bytes(
  "Ladies and Gentlemen of the class of '99: If I could offer you only one tip for the future, sunscreen would be it.",
);
const AD = hexBytes("50515253c0c1c2c3c4c5c6c7");
const KEY = Uint8Array.from({ length: 32 }, (_, i) => 0x80 + i);

Deno.test("aeadChaCha20Poly1305Encrypt() agrees with RFC 8439, 2.8.2", () => {
  const sealed = aeadChaCha20Poly1305Encrypt(SUNSCREEN, {
    key: KEY,
    nonce: hexBytes("070000004041424344454647"),
    ad: AD,
  });
  assert.equal(
    hexText(sealed),
    "d31a8d34648e60db7b86afbc53ef7ec2a4aded51296e08fea9e2b5a736ee62d6" +
      "3dbea45e8ca9671282fafb69da92728b1a71de0a9e060b2905d6a5b67ecd3b36" +
      "92ddbd7f2d778b8c9803aee328091b58fab324e4fad675945585808b4831d7bc" +
      "3ff4def08e4b7a9de576d26586cec64b6116" + "1ae10b594f09e26a7e902ecbd0600691",
  );
});

Deno.test("aeadXChaCha20Poly1305Encrypt() agrees with draft-irtf-cfrg-xchacha-03, A.3.1", () => {
  const sealed = aeadXChaCha20Poly1305Encrypt(SUNSCREEN, {
    key: KEY,
    nonce: Uint8Array.from({ length: 24 }, (_, i) => 0x40 + i),
    ad: AD,
  });
  assert.equal(
    hexText(sealed),
    "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb" +
      "731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b452" +
      "2f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff9" +
      "21f9664c97637da9768812f615c68b13b52e" + "c0875924c1c7987947deafd8780acf49",
  );
});

for (const { name, nonceBytes, encrypt, decrypt, reference } of VARIANTS) {
  Deno.test(`${name} encrypts as libsodium does, and back, of every length`, () => {
    const dice = new Dice(8439);
    for (const byteLength of LENGTHS) {
      const key = dice.bytes(32);
      const nonce = dice.bytes(nonceBytes);
      const ad = dice.bytes(dice.below(80));
      const text = dice.bytes(byteLength);
      const sealed = encrypt(text, { key, nonce, ad });
      assertBytes(sealed, reference(text, ad, nonce, key), `${byteLength} bytes, ${ad.byteLength} more`);
      assertBytes(decrypt(sealed, { key, nonce, ad }), text, `${byteLength} bytes, back`);
    }
  });

  Deno.test(`${name} authenticates additional data of every length`, () => {
    const dice = new Dice(1);
    const text = dice.bytes(99);
    for (const byteLength of LENGTHS) {
      const key = dice.bytes(32);
      const nonce = dice.bytes(nonceBytes);
      const ad = dice.bytes(byteLength);
      const sealed = encrypt(text, { key, nonce, ad });
      assertBytes(sealed, reference(text, ad, nonce, key), `${byteLength} bytes`);
      assertBytes(decrypt(sealed, { key, nonce, ad }), text, `${byteLength} bytes, back`);
      if (byteLength === 0) continue;
      const other = flipped(ad, dice.below(8 * byteLength));
      assert.equal(decrypt(sealed, { key, nonce, ad: other }), null, `${byteLength} bytes, one flipped`);
    }
  });

  Deno.test(`${name} refuses what was cut anywhere or flipped anywhere`, () => {
    const dice = new Dice(2);
    const options = { key: dice.bytes(32), nonce: dice.bytes(nonceBytes), ad: dice.bytes(5) };
    const sealed = encrypt(dice.bytes(70), options);
    for (let end = 0; end < sealed.byteLength; end++) {
      assert.equal(decrypt(sealed.subarray(0, end), options), null, `cut at ${end}`);
    }
    for (let bit = 0; bit < 8 * sealed.byteLength; bit++) {
      assert.equal(decrypt(flipped(sealed, bit), options), null, `bit ${bit}`);
    }
    for (let bit = 0; bit < 256; bit++) {
      assert.equal(decrypt(sealed, { ...options, key: flipped(options.key, bit) }), null, `key bit ${bit}`);
    }
    for (let bit = 0; bit < 8 * nonceBytes; bit++) {
      assert.equal(decrypt(sealed, { ...options, nonce: flipped(options.nonce, bit) }), null, `nonce ${bit}`);
    }
  });

  Deno.test(`${name} leaves nothing of a forged message in \`out\``, () => {
    const dice = new Dice(3);
    for (const byteLength of [1, 64, 1000, ...LONG_LENGTHS]) {
      const options = { key: dice.bytes(32), nonce: dice.bytes(nonceBytes) };
      const sealed = flipped(encrypt(dice.bytes(byteLength), options), 8 * (byteLength + 3));
      const out = new Uint8Array(byteLength);
      assert.equal(decrypt(sealed, { ...options, out }), null);
      assert.ok(out.every((byte) => byte === 0), `${byteLength} bytes`);
    }
  });

  Deno.test(`${name} works in place and into \`out\``, () => {
    const dice = new Dice(4);
    for (const byteLength of [0, 5, 300, 131_056, 131_072, 400_000]) {
      const options = { key: dice.bytes(32), nonce: dice.bytes(nonceBytes) };
      const text = dice.bytes(byteLength);
      const expected = encrypt(text, options);
      const out = new Uint8Array(byteLength + 16);
      out.set(text);
      assert.equal(encrypt(out.subarray(0, byteLength), { ...options, out }), out);
      assertBytes(out, expected, `${byteLength} bytes`);
      const opened = out.subarray(0, byteLength);
      assert.equal(decrypt(out, { ...options, out: opened }), opened);
      assertBytes(opened, text, `${byteLength} bytes, back`);
    }
  });

  Deno.test(`${name} refuses keys, nonces and \`out\` of another size`, () => {
    const text = new Uint8Array(10);
    const options = { key: new Uint8Array(32), nonce: new Uint8Array(nonceBytes) };
    const sealed = encrypt(text, options);
    for (
      const wrong of [
        { ...options, key: new Uint8Array(31) },
        { ...options, nonce: new Uint8Array(nonceBytes + 1) },
        { ...options, nonce: new Uint8Array(nonceBytes === 12 ? 24 : 12) },
        { ...options, out: new Uint8Array(9) },
      ]
    ) {
      assertRefused("BAD_ARGUMENT", () => encrypt(text, wrong));
      assertRefused("BAD_ARGUMENT", () => decrypt(sealed, wrong));
    }
  });
}

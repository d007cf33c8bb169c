import assert from "node:assert/strict";
import * as crypto from "../../../src/crypto/mod.ts";
import { core, memory } from "../../../src/crypto/arena.ts";
import { SOURCE_HASH } from "../../../wasm/mod.ts";
import { sourceHash } from "../../../wasm/source_hash.ts";
import { Dice } from "./support.ts";

Deno.test("the committed build was made from the committed sources", () => {
  assert.equal(SOURCE_HASH, sourceHash(new URL("../../../wasm/", import.meta.url)));
});

Deno.test("the core's memory does not grow with what it is given", () => {
  const { buffer } = core.memory;
  const { byteLength } = buffer;
  const input = new Uint8Array(5_000_000);
  crypto.blake2b(input);
  crypto.sign(input, crypto.signKeyPair().secretKey);
  crypto.merkleAppend(0, new Uint8Array(0), [input, input]);
  assert.equal(core.memory.buffer, buffer);
  assert.equal(buffer.byteLength, byteLength);
  assert.ok(byteLength <= 2 * 1024 * 1024, `${byteLength}`);
});

Deno.test("keys, scalars and shared secrets do not stay in the core's memory", () => {
  const dice = new Dice(1);
  const seed = dice.bytes(32);
  const pair = crypto.signKeyPair(seed);
  const scalar = crypto.noiseScalar(pair.secretKey);
  const other = crypto.signKeyPair(dice.bytes(32));
  const shared = crypto.noiseDh(other.publicKey, pair);
  const mixed = { chainingKey: dice.bytes(64), key: new Uint8Array(32) };
  crypto.noiseMixDh(other.publicKey, pair, mixed);
  crypto.sign(dice.bytes(10), pair.secretKey);
  const key = dice.bytes(32);
  crypto.secretbox(dice.bytes(10), dice.bytes(24), key);
  crypto.aeadChaCha20Poly1305Encrypt(dice.bytes(10), { key, nonce: dice.bytes(12) });
  crypto.xchacha20Xor(dice.bytes(10), dice.bytes(24), key);
  crypto.xsalsa20Xor(dice.bytes(10), dice.bytes(24), key);
  crypto.blake2b(dice.bytes(10), { key });
  const push = new crypto.SecretStreamPush(key);
  push.push(dice.bytes(10));
  push.dispose();
  const boxSeed = dice.bytes(32);
  const box = crypto.boxKeyPair(boxSeed);
  crypto.sealedBoxOpen(crypto.sealedBox(dice.bytes(9), box.publicKey), box);
  const material = dice.bytes(32);
  const [output] = crypto.hkdfBlake2b(dice.bytes(64), material, 2);
  const arena = memory.subarray(core.arena(), core.arena() + core.arena_bytes());
  for (
    const [name, secret] of Object.entries({
      scalar,
      shared,
      mixedKey: mixed.key,
      chainingKey: mixed.chainingKey.subarray(0, 32),
      key,
      box: box.secretKey,
      material,
      output: output!.subarray(0, 32),
    })
  ) {
    assert.equal(indexOfBytes(arena, secret), -1, name);
  }
});

function indexOfBytes(haystack: Uint8Array, needle: Uint8Array): number {
  for (let at = haystack.indexOf(needle[0]!); at >= 0; at = haystack.indexOf(needle[0]!, at + 1)) {
    if (needle.every((byte, i) => haystack[at + i] === byte)) return at;
  }
  return -1;
}

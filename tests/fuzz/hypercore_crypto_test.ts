/**
 * Random keys, texts and bytes, on our functions and on those of libsodium and the npm packages side by side. A failure
 * names the seed of its round.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createRequire } from "node:module";
import sodium from "libsodium-wrappers-sumo";
import { hexText, SeededRandom } from "../../src/base/mod.ts";
import crypto, { idEncoding, IdEncodingError, z32 } from "../../src/hypercore_crypto/mod.ts";

const ROUNDS = 300;
const SEED = 20_260_102;

const require = createRequire(new URL("../interop/peers/package.json", import.meta.url));
const npmId = require("hypercore-id-encoding") as typeof idEncoding;
const npmZ32 = require("z32") as typeof z32;

await sodium.ready;

Deno.test("HCR-012 identifiers and z32 read random text as the npm packages do", () => {
  rounds((dice) => {
    const text = dice.idText();
    compare(() => idEncoding.decode(text), () => npmId.decode(text), text);
    compare(() => z32.decode(text), () => npmZ32.decode(text), text);
    assert.equal(idEncoding.isValid(text), npmId.isValid(text), text);
  });
});

Deno.test("HCR-012 identifiers and z32 write random bytes as the npm packages do", () => {
  rounds((dice) => {
    const bytes = dice.bytes(dice.below(70));
    const text = z32.encode(bytes);
    assert.equal(text, npmZ32.encode(bytes));
    assert.equal(hexText(z32.decode(text)), hexText(bytes));
    const key = dice.bytes(32);
    assert.equal(idEncoding.encode(key), npmId.encode(key));
    assert.equal(hexText(idEncoding.decode(`pear://${idEncoding.encode(key)}/x`)), hexText(key));
  });
});

Deno.test("HCR-003 signatures are those of libsodium and damaged ones are never accepted", () => {
  rounds((dice) => {
    const { publicKey, secretKey } = crypto.keyPair(dice.bytes(32));
    const message = dice.bytes(dice.below(300));
    const signature = crypto.sign(message, secretKey);
    assert.equal(hexText(signature), hexText(sodium.crypto_sign_detached(message, secretKey)));
    assert.equal(crypto.verify(message, signature, publicKey), true);
    const damaged = dice.damaged(signature);
    assert.equal(crypto.verify(message, damaged, publicKey), false);
    assert.equal(crypto.verify(message, signature, dice.bytes(32)), false);
    assert.equal(crypto.verify(message, dice.bytes(64), publicKey), false);
  });
});

Deno.test("HCR-005 sealed boxes of libsodium open, damaged and random ones do not", () => {
  rounds((dice) => {
    const pair = crypto.encryptionKeyPair(dice.bytes(32));
    const message = dice.bytes(dice.below(300));
    const box = sodium.crypto_box_seal(message, pair.publicKey);
    assert.equal(hexText(crypto.decrypt(box, pair)!), hexText(message));
    assert.equal(crypto.decrypt(dice.damaged(box), pair), null);
    assert.equal(crypto.decrypt(dice.bytes(dice.below(120)), pair), null);
  });
});

Deno.test("HCR-006 HCR-007 hashes are those of libsodium", () => {
  rounds((dice) => {
    const parts = Array.from({ length: dice.below(5) }, () => dice.bytes(dice.below(200)));
    const byteLength = 16 + dice.below(49);
    const joined = new Uint8Array(parts.flatMap((part) => [...part]));
    const expected = sodium.crypto_generichash(byteLength, joined, null);
    assert.equal(hexText(crypto.hash(parts, new Uint8Array(byteLength))), hexText(expected));
    const nodes = parts.map((part, i) => ({ index: 2 * i, size: part.byteLength, hash: crypto.data(part) }));
    const [a, b] = nodes;
    if (a !== undefined && b !== undefined) {
      const bytes = Uint8Array.of(1, ...uint64(a.size + b.size), ...a.hash, ...b.hash);
      assert.equal(hexText(crypto.parent(b, a)), hexText(sodium.crypto_generichash(32, bytes, null)));
    }
    const roots = nodes.flatMap(({ index, size, hash }) => [...hash, ...uint64(index), ...uint64(size)]);
    assert.equal(
      hexText(crypto.tree(nodes)),
      hexText(sodium.crypto_generichash(32, Uint8Array.of(2, ...roots), null)),
    );
  });
});

function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

/** Both give the same bytes, or ours refuses with its typed error what theirs refuses with the same message. */
function compare(ours: () => Uint8Array, theirs: () => Uint8Array, context: string): void {
  let expected: string;
  try {
    expected = hexText(theirs());
  } catch (error) {
    assert.throws(
      ours,
      (refusal) => refusal instanceof IdEncodingError && refusal.message === (error as Error).message,
      context,
    );
    return;
  }
  assert.equal(hexText(ours()), expected, context);
}

function rounds(run: (dice: Dice) => void): void {
  for (let seed = SEED; seed < SEED + ROUNDS; seed++) {
    try {
      run(new Dice(seed));
    } catch (error) {
      throw new Error(`Failed with seed ${seed}: ${error instanceof Error ? error.message : error}`, {
        cause: error,
      });
    }
  }
}

/** Random values from one seed. */
class Dice {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  below(end: number): number {
    return Math.floor(this.#random.next() * end);
  }

  pick<T>(list: ArrayLike<T>): T {
    return list[this.below(list.length)]!;
  }

  bytes(byteLength: number): Uint8Array {
    return Uint8Array.from({ length: byteLength }, () => this.below(256));
  }

  /** A copy with one byte changed, or without its last bytes. */
  damaged(bytes: Uint8Array): Uint8Array {
    if (this.below(4) === 0) return bytes.slice(0, this.below(bytes.byteLength));
    const copy = Uint8Array.from(bytes);
    copy[this.below(copy.byteLength)]! ^= 1 + this.below(255);
    return copy;
  }

  /** Text that may be an identifier, or almost one. */
  idText(): string {
    const alphabet = this.pick([z32.ALPHABET, z32.ALPHABET, "0123456789abcdefABCDEF", "lv2\u00e9\0 ~"]);
    const length = this.pick([52, 52, 64, 64, 51, 53, 63, this.below(20)]);
    const text = Array.from({ length }, () => this.pick(alphabet)).join("");
    const suspect = this.below(3) === 0
      ? text.slice(0, 9) + this.pick(["l", "v", "\u00e9", "/", "\ud800"]) + text.slice(10)
      : text;
    return this.pick(["", "", "", "pear://", "pear:/"]) + suspect + this.pick(["", "", "/", "/a", "?"]);
  }
}

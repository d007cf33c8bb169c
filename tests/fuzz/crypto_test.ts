/**
 * Random and damaged keys, points, signatures and ciphertexts, given to our functions and to libsodium side by side: both
 * accept and give the same bytes, or both refuse. A failure names the seed of its round.
 *
 * @module
 */
import assert from "node:assert/strict";
import sodium from "libsodium-wrappers-sumo";
import { concatBytes, hexBytes, hexText, SeededRandom } from "../../src/base/mod.ts";
import * as crypto from "../../src/crypto/mod.ts";

const ROUNDS = 400;
const FIRST_SEED = 20_260_401;

await sodium.ready;

/** Bytes that implementations trip over: 0, 1, the field's prime and around, the group order, points of small order. */
const SPECIAL_32 = [
  "0000000000000000000000000000000000000000000000000000000000000000",
  "0100000000000000000000000000000000000000000000000000000000000000",
  "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
  "edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010",
  "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
  "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
  "ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff",
].map(hexBytes);

class Dice {
  readonly #random: SeededRandom;

  constructor(seed: number) {
    this.#random = new SeededRandom(seed);
  }

  below(end: number): number {
    return Math.floor(this.#random.next() * end);
  }

  bytes(byteLength: number): Uint8Array {
    return Uint8Array.from({ length: byteLength }, () => this.below(256));
  }

  /** 32 bytes: random, special, a key, or one of those with a bit or the sign changed. */
  point(): Uint8Array {
    const kind = this.below(4);
    const bytes = kind === 0
      ? this.bytes(32)
      : kind === 1
      ? Uint8Array.from(SPECIAL_32[this.below(SPECIAL_32.length)]!)
      : Uint8Array.from(crypto.signKeyPair(this.bytes(32)).publicKey);
    if (this.below(4) === 0) bytes[31]! ^= 0x80;
    if (this.below(4) === 0) bytes[this.below(32)]! ^= 1 << this.below(8);
    return bytes;
  }

  /** Flips a bit, cuts, repeats or replaces bytes; now and then leaves all as it is. */
  damage(bytes: Uint8Array): Uint8Array {
    if (bytes.byteLength === 0) return this.bytes(this.below(3));
    const at = this.below(bytes.byteLength);
    const copy = Uint8Array.from(bytes);
    switch (this.below(6)) {
      case 0:
        return copy;
      case 1:
        copy[at]! ^= 1 << this.below(8);
        return copy;
      case 2:
        return copy.subarray(0, at);
      case 3:
        return copy.subarray(at);
      case 4:
        return Uint8Array.from([...copy, ...copy.subarray(at)]);
      default:
        return this.bytes(bytes.byteLength);
    }
  }
}

Deno.test("verify() decides on random and damaged signatures as libsodium does", () => {
  rounds((dice) => {
    const { publicKey, secretKey } = crypto.signKeyPair(dice.bytes(32));
    const message = dice.bytes(dice.below(200));
    const signature = dice.damage(crypto.sign(message, secretKey));
    if (signature.byteLength === 64 && dice.below(3) === 0) signature.set(dice.point(), 32 * dice.below(2));
    const key = dice.below(3) === 0 ? dice.point() : publicKey;
    const text = dice.below(4) === 0 ? dice.damage(message) : message;
    const expected = accepted(() => sodium.crypto_sign_verify_detached(signature, text, key)) ?? false;
    assert.equal(crypto.verify(text, signature, key), expected);
  });
});

Deno.test("operations on points and scalars give or refuse what libsodium does", () => {
  rounds((dice) => {
    const [p, q, x] = [dice.point(), dice.point(), dice.point()];
    same(() => crypto.ed25519Add(p, q), () => sodium.crypto_core_ed25519_add(p, q));
    same(() => crypto.ed25519Sub(p, q), () => sodium.crypto_core_ed25519_sub(p, q));
    same(() => crypto.ed25519ScalarMult(x, p), () => sodium.crypto_scalarmult_ed25519_noclamp(x, p));
    same(() => crypto.ed25519ScalarMultBase(x), () => sodium.crypto_scalarmult_ed25519_base_noclamp(x));
    same(() => crypto.ed25519PublicKeyToX25519(p), () => sodium.crypto_sign_ed25519_pk_to_curve25519(p));
    // libsodium inverts the group order, which is zero too, to zero.
    if (
      hexText(crypto.ed25519ScalarReduce(concatBytes([x, new Uint8Array(32)]))) !== hexText(SPECIAL_32[0]!)
    ) {
      same(() => crypto.ed25519ScalarInvert(x), () => sodium.crypto_core_ed25519_scalar_invert(x));
    }
    same(() => crypto.ed25519ScalarAdd(x, q), () => sodium.crypto_core_ed25519_scalar_add(x, q));
    same(() => crypto.ed25519ScalarSub(x, q), () => sodium.crypto_core_ed25519_scalar_sub(x, q));
    same(() => crypto.x25519(x, p), () => sodium.crypto_scalarmult(x, p));
    assert.equal(crypto.ed25519IsValidPoint(p), sodium.crypto_core_ed25519_is_valid_point(p));
  });
});

Deno.test("damaged messages of both AEADs, boxes and sealed boxes open where libsodium opens them", () => {
  rounds((dice) => {
    const key = dice.bytes(32);
    const ad = dice.bytes(dice.below(40));
    const message = dice.bytes(dice.below(400));
    const short = dice.bytes(12);
    const long = dice.bytes(24);
    const ietf = dice.damage(crypto.aeadChaCha20Poly1305Encrypt(message, { key, nonce: short, ad }));
    sameOrNull(
      crypto.aeadChaCha20Poly1305Decrypt(ietf, { key, nonce: short, ad }),
      () => sodium.crypto_aead_chacha20poly1305_ietf_decrypt(null, ietf, ad, short, key),
    );
    const extended = dice.damage(crypto.aeadXChaCha20Poly1305Encrypt(message, { key, nonce: long, ad }));
    sameOrNull(
      crypto.aeadXChaCha20Poly1305Decrypt(extended, { key, nonce: long, ad }),
      () => sodium.crypto_aead_xchacha20poly1305_ietf_decrypt(null, extended, ad, long, key),
    );
    const box = dice.damage(crypto.secretbox(message, long, key));
    sameOrNull(
      crypto.secretboxOpen(box, long, key),
      () => sodium.crypto_secretbox_open_easy(box, long, key),
    );
    const pair = crypto.boxKeyPair(dice.bytes(32));
    const sealed = dice.damage(crypto.sealedBox(message, pair.publicKey));
    sameOrNull(
      crypto.sealedBoxOpen(sealed, pair),
      () => sodium.crypto_box_seal_open(sealed, pair.publicKey, pair.secretKey),
    );
  });
});

Deno.test("a damaged secretstream opens where libsodium opens it, and both go on alike", () => {
  rounds((dice) => {
    const key = dice.bytes(32);
    const push = new crypto.SecretStreamPush(key, dice.bytes(24));
    const pull = new crypto.SecretStreamPull(key, push.header);
    const state = sodium.crypto_secretstream_xchacha20poly1305_init_pull(push.header, key);
    for (let i = 0; i < 8; i++) {
      const ad = dice.bytes(dice.below(20));
      const message = dice.bytes(dice.below(300));
      const sealed = dice.damage(push.push(message, { ad, tag: dice.below(4) }));
      const ours = pull.pull(sealed, { ad });
      const theirs = accepted(() => sodium.crypto_secretstream_xchacha20poly1305_pull(state, sealed, ad));
      if (theirs === null || theirs === false) {
        assert.equal(ours, null);
      } else {
        assert.equal(hexText(ours!.message), hexText(theirs.message));
        assert.equal(ours!.tag, theirs.tag);
      }
    }
  });
});

Deno.test("pullFrames() takes damaged runs of frames without an error, and never more than were sent", () => {
  rounds((dice) => {
    const key = dice.bytes(32);
    const push = new crypto.SecretStreamPush(key);
    const pull = new crypto.SecretStreamPull(key, push.header);
    const parts = Array.from({ length: dice.below(6) }, () => dice.bytes(dice.below(300)));
    const run = push.pushFrames(parts);
    const { messages, tags, consumedBytes } = pull.pullFrames(dice.damage(run));
    assert.ok(consumedBytes <= 2 * run.byteLength + 3);
    assert.ok(messages.length <= parts.length);
    assert.equal(tags.length, messages.length);
    for (const [i, message] of messages.entries()) assert.equal(hexText(message), hexText(parts[i]!));
  });
});

function rounds(round: (dice: Dice) => void): void {
  for (let i = 0; i < ROUNDS; i++) {
    const seed = FIRST_SEED + i;
    try {
      round(new Dice(seed));
    } catch (error) {
      throw new Error(`With seed ${seed}`, { cause: error });
    }
  }
}

/** What libsodium returns; null when its wrapper throws. */
function accepted<T>(work: () => T): T | null {
  try {
    return work();
  } catch {
    return null;
  }
}

function same(ours: () => Uint8Array, theirs: () => Uint8Array): void {
  const expected = accepted(theirs);
  if (expected === null) assert.throws(ours, crypto.CryptoError, `${theirs}`);
  else assert.equal(hexText(ours()), hexText(expected), `${theirs}`);
}

function sameOrNull(ours: Uint8Array | null, theirs: () => Uint8Array): void {
  const expected = accepted(theirs);
  assert.equal(
    ours === null ? null : hexText(ours),
    expected === null ? null : hexText(expected),
    `${theirs}`,
  );
}

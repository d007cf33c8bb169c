import assert from "node:assert/strict";
import {
  SECRETSTREAM_ABYTES,
  SecretStreamPull,
  SecretStreamPush,
  TAG_FINAL,
  TAG_MESSAGE,
  TAG_PUSH,
  TAG_REKEY,
} from "../../../src/crypto/mod.ts";
import {
  assertBytes,
  assertRefused,
  concat,
  Dice,
  flipped,
  LENGTHS,
  LONG_LENGTHS,
  sodium,
} from "./support.ts";

const TAGS = [TAG_MESSAGE, TAG_PUSH, TAG_REKEY, TAG_FINAL];

Deno.test("tags, overhead and header have libsodium's numbers", () => {
  assert.deepEqual(TAGS, [
    sodium.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE,
    sodium.crypto_secretstream_xchacha20poly1305_TAG_PUSH,
    sodium.crypto_secretstream_xchacha20poly1305_TAG_REKEY,
    sodium.crypto_secretstream_xchacha20poly1305_TAG_FINAL,
  ]);
  assert.equal(SECRETSTREAM_ABYTES, sodium.crypto_secretstream_xchacha20poly1305_ABYTES);
});

Deno.test("SecretStreamPush makes what libsodium opens, of every length", () => {
  const dice = new Dice(1);
  const key = dice.bytes(32);
  const push = new SecretStreamPush(key);
  const state = sodium.crypto_secretstream_xchacha20poly1305_init_pull(push.header, key);
  for (const byteLength of LENGTHS) {
    const message = dice.bytes(byteLength);
    const ad = dice.below(2) === 0 ? undefined : dice.bytes(dice.below(100));
    const tag = TAGS[dice.below(4)]!;
    const sealed = push.push(message, { tag, ad });
    const opened = sodium.crypto_secretstream_xchacha20poly1305_pull(state, sealed, ad ?? null);
    assert.ok(opened !== false, `${byteLength} bytes, tag ${tag}`);
    assertBytes(opened.message, message, `${byteLength} bytes`);
    assert.equal(opened.tag, tag);
  }
});

Deno.test("SecretStreamPull opens what libsodium makes, of every length", () => {
  const dice = new Dice(2);
  const key = dice.bytes(32);
  const { state, header } = sodium.crypto_secretstream_xchacha20poly1305_init_push(key);
  const pull = new SecretStreamPull(key, header);
  for (const byteLength of LENGTHS) {
    const message = dice.bytes(byteLength);
    const ad = dice.below(2) === 0 ? undefined : dice.bytes(dice.below(100));
    const tag = TAGS[dice.below(4)]!;
    const sealed = sodium.crypto_secretstream_xchacha20poly1305_push(state, message, ad ?? null, tag);
    const opened = pull.pull(sealed, { ad });
    assert.ok(opened !== null, `${byteLength} bytes, tag ${tag}`);
    assertBytes(opened.message, message, `${byteLength} bytes`);
    assert.equal(opened.tag, tag);
  }
});

Deno.test("additional data of every length is authenticated as libsodium does", () => {
  const dice = new Dice(3);
  const key = dice.bytes(32);
  const push = new SecretStreamPush(key);
  const pull = new SecretStreamPull(key, push.header);
  const state = sodium.crypto_secretstream_xchacha20poly1305_init_pull(push.header, key);
  const message = dice.bytes(33);
  for (const byteLength of LENGTHS) {
    const ad = dice.bytes(byteLength);
    const sealed = push.push(message, { ad });
    if (byteLength > 0) assert.equal(pull.pull(sealed, { ad: flipped(ad, 0) }), null);
    assertBytes(pull.pull(sealed, { ad })!.message, message, `${byteLength} bytes`);
    const opened = sodium.crypto_secretstream_xchacha20poly1305_pull(state, sealed, ad);
    assert.ok(opened !== false, `${byteLength} bytes, libsodium`);
  }
});

Deno.test("rekey() changes both sides' keys as libsodium does", () => {
  const dice = new Dice(4);
  const key = dice.bytes(32);
  const push = new SecretStreamPush(key);
  const pull = new SecretStreamPull(key, push.header);
  const state = sodium.crypto_secretstream_xchacha20poly1305_init_pull(push.header, key);
  for (let i = 0; i < 20; i++) {
    push.rekey();
    pull.rekey();
    sodium.crypto_secretstream_xchacha20poly1305_rekey(state);
    const message = dice.bytes(i);
    const sealed = push.push(message);
    assertBytes(pull.pull(sealed)!.message, message, `after ${i + 1}`);
    const opened = sodium.crypto_secretstream_xchacha20poly1305_pull(state, sealed, null);
    assert.ok(opened !== false, `after ${i + 1}, libsodium`);
  }
  push.rekey();
  assert.equal(pull.pull(push.push(dice.bytes(5))), null);
});

Deno.test("pull() refuses what was cut, flipped, reordered or repeated, and stays where it is", () => {
  const dice = new Dice(5);
  const key = dice.bytes(32);
  const push = new SecretStreamPush(key);
  const pull = new SecretStreamPull(key, push.header);
  const first = push.push(dice.bytes(40));
  const second = push.push(dice.bytes(41));
  for (let end = 0; end < first.byteLength; end++) {
    assert.equal(pull.pull(first.subarray(0, end)), null, `cut at ${end}`);
  }
  for (let bit = 0; bit < 8 * first.byteLength; bit++) {
    assert.equal(pull.pull(flipped(first, bit)), null, `bit ${bit}`);
  }
  assert.equal(pull.pull(second), null);
  assert.equal(pull.pull(first)!.message.byteLength, 40);
  assert.equal(pull.pull(first), null);
  assert.equal(pull.pull(second)!.message.byteLength, 41);
});

Deno.test("a long message that was changed leaves nothing in `out`, and the stream stays where it is", () => {
  const dice = new Dice(6);
  const key = dice.bytes(32);
  const push = new SecretStreamPush(key);
  const pull = new SecretStreamPull(key, push.header);
  for (const byteLength of LONG_LENGTHS) {
    const message = dice.bytes(byteLength);
    const sealed = push.push(message);
    const out = new Uint8Array(byteLength);
    assert.equal(pull.pull(flipped(sealed, 8 * byteLength), { out }), null);
    assert.ok(out.every((byte) => byte === 0), `${byteLength} bytes`);
    assertBytes(pull.pull(sealed, { out })!.message, message, `${byteLength} bytes`);
  }
});

Deno.test("push() and pull() work in place and into a larger `out`", () => {
  const dice = new Dice(7);
  const key = dice.bytes(32);
  const push = new SecretStreamPush(key);
  const pull = new SecretStreamPull(key, push.header);
  for (const byteLength of [0, 1, 200, 131_055, 131_072, 131_073, 300_000]) {
    for (const offset of [0, 1, 17, 40]) {
      const message = dice.bytes(byteLength);
      const memory = new Uint8Array(byteLength + 100);
      memory.set(message, offset);
      const length = push.pushInto(memory.subarray(offset, offset + byteLength), memory, 20);
      assert.equal(length, byteLength + 17);
      const tag = pull.pullInto(memory.subarray(20, 20 + length), memory, offset);
      assert.equal(tag, TAG_MESSAGE, `${byteLength} bytes at ${offset}`);
      assertBytes(memory.subarray(offset, offset + byteLength), message, `${byteLength} bytes at ${offset}`);
    }
    const out = new Uint8Array(byteLength + 30);
    const sealed = push.push(new Uint8Array(byteLength), { out });
    assert.equal(sealed.buffer, out.buffer);
    assert.equal(sealed.byteLength, byteLength + 17);
    assert.equal(pull.pull(sealed, { out: new Uint8Array(byteLength + 1) })!.message.byteLength, byteLength);
  }
});

Deno.test("pushFrames() makes length-prefixed messages that libsodium opens", () => {
  const dice = new Dice(8);
  const key = dice.bytes(32);
  const push = new SecretStreamPush(key);
  const state = sodium.crypto_secretstream_xchacha20poly1305_init_pull(push.header, key);
  const parts = [...LENGTHS, 0, 0, 1].map((byteLength) => dice.bytes(byteLength));
  const run = push.pushFrames(parts);
  let at = 0;
  for (const part of parts) {
    const bodyBytes = run[at]! | (run[at + 1]! << 8) | (run[at + 2]! << 16);
    assert.equal(bodyBytes, part.byteLength + 17);
    const body = run.subarray(at + 3, at + 3 + bodyBytes);
    const opened = sodium.crypto_secretstream_xchacha20poly1305_pull(state, body, null);
    assert.ok(opened !== false, `${part.byteLength} bytes`);
    assertBytes(opened.message, part, `${part.byteLength} bytes`);
    assert.equal(opened.tag, TAG_MESSAGE);
    at += 3 + bodyBytes;
  }
  assert.equal(at, run.byteLength);
});

Deno.test("pullFrames() takes all complete frames, however the run is cut", () => {
  const dice = new Dice(9);
  const key = dice.bytes(32);
  const parts = [0, 1, 2, 100, 4000, 0, 70_000, 131_072, 300_000, 5, 1_100_003, 6].map((n) => dice.bytes(n));
  for (let round = 0; round < 20; round++) {
    const push = new SecretStreamPush(key);
    const pull = new SecretStreamPull(key, push.header);
    const run = push.pushFrames(parts);
    const got: Uint8Array[] = [];
    let pending: Uint8Array = new Uint8Array(0);
    let at = 0;
    while (at < run.byteLength) {
      const end = Math.min(run.byteLength, at + 1 + dice.below(400_000));
      pending = concat(pending, run.subarray(at, end));
      at = end;
      const { messages, tags, consumedBytes, isAuthentic } = pull.pullFrames(pending);
      assert.equal(isAuthentic, true);
      assert.equal(tags.length, messages.length);
      got.push(...messages);
      pending = pending.subarray(consumedBytes);
    }
    assert.equal(pending.byteLength, 0);
    assert.equal(got.length, parts.length);
    for (const [i, part] of parts.entries()) assertBytes(got[i]!, part, `frame ${i}`);
  }
});

Deno.test("pullFrames() stops before a frame that is too short or was changed", () => {
  const dice = new Dice(10);
  const key = dice.bytes(32);
  for (const bad of [0, 1, 2, 3]) {
    const push = new SecretStreamPush(key);
    const pull = new SecretStreamPull(key, push.header);
    const parts = [10, 20, 30, 40].map((n) => dice.bytes(n));
    const run = push.pushFrames(parts);
    const starts = [0, 30, 70, 120];
    const damaged = flipped(run, 8 * (starts[bad]! + 5));
    const opened = pull.pullFrames(damaged);
    assert.equal(opened.isAuthentic, false);
    assert.equal(opened.messages.length, bad);
    assert.equal(opened.consumedBytes, starts[bad]);
    // It stays before the frame: the right one opens.
    const rest = pull.pullFrames(run.subarray(opened.consumedBytes));
    assert.equal(rest.isAuthentic, true);
    assert.equal(rest.messages.length, 4 - bad);
  }
  const pull = new SecretStreamPull(key, new Uint8Array(24));
  const short = pull.pullFrames(Uint8Array.of(16, 0, 0, ...new Uint8Array(16)));
  assert.deepEqual([short.isAuthentic, short.consumedBytes, short.messages.length], [false, 0, 0]);
});

Deno.test("the counter of libsodium's stream goes on past the messages of one byte of it", () => {
  const dice = new Dice(11);
  const key = dice.bytes(32);
  const push = new SecretStreamPush(key);
  const state = sodium.crypto_secretstream_xchacha20poly1305_init_pull(push.header, key);
  const message = dice.bytes(3);
  for (let i = 0; i < 700; i++) {
    const opened = sodium.crypto_secretstream_xchacha20poly1305_pull(state, push.push(message), null);
    assert.ok(opened !== false, `message ${i}`);
  }
});

Deno.test("secretstreams refuse wrong sizes and tags", () => {
  const key = new Uint8Array(32);
  assertRefused("BAD_ARGUMENT", () => new SecretStreamPush(key.subarray(1)));
  assertRefused("BAD_ARGUMENT", () => new SecretStreamPush(key, new Uint8Array(23)));
  assertRefused("BAD_ARGUMENT", () => new SecretStreamPull(key, key));
  assertRefused("BAD_ARGUMENT", () => new SecretStreamPull(new Uint8Array(0), new Uint8Array(24)));
  const push = new SecretStreamPush(key);
  const pull = new SecretStreamPull(key, push.header);
  for (const tag of [-1, 256, 0.5]) assertRefused("BAD_ARGUMENT", () => push.push(key, { tag }));
  assertRefused("BAD_ARGUMENT", () => push.push(key, { out: new Uint8Array(48) }));
  for (const offset of [-1, 1, 0.5]) {
    assertRefused("BAD_ARGUMENT", () => push.pushInto(key, new Uint8Array(49), offset));
  }
  const sealed = push.push(key);
  assertRefused("BAD_ARGUMENT", () => pull.pull(sealed, { out: new Uint8Array(31) }));
  assert.equal(pull.pull(sealed)!.message.byteLength, 32);
  assertRefused("BAD_ARGUMENT", () => push.pushFrames([new Uint8Array(2 ** 24 - 17)]));
});

Deno.test("secretstreams refuse to work after dispose()", () => {
  const key = new Uint8Array(32);
  const push = new SecretStreamPush(key);
  const pull = new SecretStreamPull(key, push.header);
  const sealed = push.push(key);
  push.dispose();
  pull[Symbol.dispose]();
  assertRefused("DISPOSED", () => push.push(key));
  assertRefused("DISPOSED", () => push.pushFrames([key]));
  assertRefused("DISPOSED", () => push.rekey());
  assertRefused("DISPOSED", () => pull.pull(sealed));
  assertRefused("DISPOSED", () => pull.pullFrames(Uint8Array.of(17, 0, 0, ...new Uint8Array(17))));
});

Deno.test("two streams may be used in turn", () => {
  const dice = new Dice(12);
  const pairs = Array.from({ length: 4 }, () => {
    const key = dice.bytes(32);
    const push = new SecretStreamPush(key);
    return { push, pull: new SecretStreamPull(key, push.header) };
  });
  for (let i = 0; i < 200; i++) {
    const { push, pull } = pairs[dice.below(4)]!;
    const message = dice.bytes(dice.below(400));
    assertBytes(pull.pull(push.push(message))!.message, message, `message ${i}`);
  }
});

/**
 * The two messages against those of the npm package.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexBytes, hexText } from "../../../src/base/mod.ts";
import relay, { BlindRelayError, type PairMessage } from "../../../src/blind_relay/mod.ts";
import { END_REASONS, endReasonOf } from "../../../src/blind_relay/messages.ts";
import c from "../../../src/compact_encoding/mod.ts";
import vectors from "../../vectors/blind_relay/messages.json" with { type: "json" };

const { pair, unpair } = relay.messages;

for (const { name, hex, value } of vectors.pairs) {
  Deno.test(`BR-W02 BR-011 pair: ${name}`, () => {
    const message: PairMessage = { ...value, token: hexBytes(value.token) };
    assert.equal(hexText(c.encode(pair, message)), hex);
    const decoded = c.decode(pair, hexBytes(hex));
    assert.deepEqual({ ...decoded, token: hexText(decoded.token) }, value);
  });
}

for (const { name, hex, value } of vectors.unpairs) {
  Deno.test(`BR-W02 BR-011 unpair: ${name}`, () => {
    assert.equal(hexText(c.encode(unpair, { token: hexBytes(value.token) })), hex);
    const decoded = c.decode(unpair, hexBytes(hex));
    assert.deepEqual([hexText(decoded.token), decoded.reason], [value.token, 0]);
  });
}

Deno.test("BR-W02 messages cut short anywhere are refused", () => {
  for (const [codec, { hex }] of [[pair, vectors.pairs[6]!], [unpair, vectors.unpairs[1]!]] as const) {
    const bytes = hexBytes(hex);
    for (let length = 0; length < bytes.byteLength; length++) {
      assert.throws(() => c.decode<unknown>(codec, bytes.subarray(0, length)), { code: "OUT_OF_BOUNDS" });
    }
  }
});

Deno.test("BR-W02 flags that are not known are ignored, wide ones too", () => {
  const token = "11".repeat(32);
  assert.equal(c.decode(pair, hexBytes(`02${token}0100`)).isInitiator, false);
  assert.equal(c.decode(pair, hexBytes(`ff01000000000000ff${token}0100`)).isInitiator, true);
  assert.equal(hexText(c.decode(unpair, hexBytes(`fd0300${token}`)).token), token);
});

Deno.test("BR-W02 an id beyond 2^53 - 1 is refused", () => {
  const token = "11".repeat(32);
  assert.throws(() => c.decode(pair, hexBytes(`01${token}ffffffffffffffff0f00`)), { code: "OUT_OF_RANGE" });
});

Deno.test("unpair carries the reason of a relay in its flags", () => {
  const token = new Uint8Array(32);
  for (const [reason, code] of Object.entries(END_REASONS)) {
    assert.equal(endReasonOf(code), Number(reason));
    const bytes = c.encode(unpair, { token, reason: endReasonOf(code) });
    assert.equal(c.decode(unpair, bytes).reason, Number(reason));
  }
  assert.equal(endReasonOf("PAIRING_CANCELLED"), 0);
});

Deno.test("BR-012 errors have the codes and messages of the npm package", () => {
  const messages = [
    "DUPLICATE_CHANNEL",
    "ALREADY_PAIRING",
    "PAIRING_CANCELLED",
    "CHANNEL_CLOSED",
    "CHANNEL_DESTROYED",
  ]
    .map((code) => new BlindRelayError(code as BlindRelayError["code"]).message);
  assert.deepEqual(messages, [
    "DUPLICATE_CHANNEL: Duplicate channel",
    "ALREADY_PAIRING: Already pairing",
    "PAIRING_CANCELLED: Pairing cancelled",
    "CHANNEL_CLOSED: Channel closed",
    "CHANNEL_DESTROYED: Channel destroyed",
  ]);
  assert.equal(new BlindRelayError("PAIR_IDLE").name, "BlindRelayError");
});

import { strict as assert } from "node:assert";
import { hexBytes, hexText, isBytes } from "../../../../src/base/mod.ts";
import { decode, encode, type Encoder, EncodingError } from "../../../../src/compact_encoding/mod.ts";
import { replicationCapability } from "../../../../src/hypercore/log/mod.ts";
import * as messages from "../../../../src/hypercore/replication/messages.ts";
import vectors from "../../../vectors/hypercore_replication/messages.json" with { type: "json" };

type AnyCodec = Encoder<unknown>;
const CODECS = {
  handshake: messages.handshake,
  sync: messages.sync,
  request: messages.request,
  cancel: messages.cancel,
  data: messages.data,
  noData: messages.noData,
  want: messages.want,
  unwant: messages.want,
  bitfield: messages.bitfield,
  range: messages.range,
  extension: messages.extension,
};

function codecOf(kind: string): AnyCodec {
  return CODECS[kind as keyof typeof CODECS] as AnyCodec;
}

/** Bytes as `{ hex }`, as the recorder writes them. */
function toJSON(value: unknown): unknown {
  if (isBytes(value)) return { hex: hexText(value) };
  if (Array.isArray(value)) return value.map(toJSON);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, toJSON(field)]));
}

function fromJSON(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(fromJSON);
  if (value === null || typeof value !== "object") return value;
  if ("hex" in value) return hexBytes(String(value.hex));
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, fromJSON(field)]));
}

Deno.test("HC-W02 HC-W03 messages encode to the bytes of hypercore", async (t) => {
  for (const { kind, name, hex, value } of vectors.messages) {
    await t.step(`${kind}: ${name}`, () => {
      assert.equal(hexText(encode(codecOf(kind), fromJSON(value))), hex);
    });
  }
});

Deno.test("HC-W02 HC-W03 messages decode from the bytes of hypercore", async (t) => {
  for (const { kind, name, hex, value } of vectors.messages) {
    await t.step(`${kind}: ${name}`, () => {
      assert.deepEqual(toJSON(decode(codecOf(kind), hexBytes(hex))), value);
    });
  }
});

Deno.test("HC-W03 messages of real traffic decode and encode to the same bytes", () => {
  for (const { kind, hex } of vectors.traffic) {
    const codec = codecOf(kind);
    assert.equal(hexText(encode(codec, decode(codec, hexBytes(hex)))), hex, kind);
  }
});

Deno.test("HC-W03 messages cut off at any byte are refused or read as a shorter message", () => {
  for (const { kind, hex } of vectors.messages) {
    const bytes = hexBytes(hex);
    for (let length = 0; length < bytes.byteLength; length++) {
      try {
        decode(codecOf(kind), bytes.subarray(0, length));
      } catch (error) {
        assert.ok(isDecodingError(error), `${kind} ${length}: ${error}`);
        continue;
      }
      // Flags at the end are optional, and the payload of an extension has no length.
      assert.ok(["noData", "want", "unwant", "extension"].includes(kind), `${kind} of ${length} bytes`);
    }
  }
});

Deno.test("HC-W03 a count of nodes past the bytes left is refused before anything is allocated", () => {
  const bytes = hexBytes("010100" + "00" + "00" + "feffffff7f");
  assert.throws(() => decode(messages.data, bytes), (error) => isDecodingError(error));
});

Deno.test("HC-W11 a bitfield longer than the bytes left is refused", () => {
  assert.throws(() => decode(messages.bitfield, hexBytes("00" + "02" + "00000000")), EncodingError);
});

Deno.test("data.encode() refuses a block without its value", () => {
  const block = { index: 0, value: null, nodes: [] };
  const message = { request: 1, fork: 0, block, hash: null, seek: null, upgrade: null, manifest: null };
  assert.throws(() => encode(messages.data, message), TypeError);
});

Deno.test("HC-W04 HC-189 replicationCapability() is that of hypercore", () => {
  for (const { isInitiator, key, handshakeHash, capability } of vectors.capabilities) {
    const made = replicationCapability(isInitiator, hexBytes(key), hexBytes(handshakeHash));
    assert.equal(hexText(made), capability);
  }
});

function isDecodingError(error: unknown): boolean {
  return error instanceof EncodingError ||
    (error instanceof Error && (error as { code?: string }).code === "DECODING_ERROR");
}

/**
 * The messages of bees against vectors recorded from the npm package, cut and damaged at every byte.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexBytes, hexText, isBytes } from "../../../src/base/mod.ts";
import { decode, encode, from } from "../../../src/compact_encoding/mod.ts";
import {
  Extension,
  Header,
  HyperbeeError,
  type MessageCodec,
  Node,
  YoloIndex,
} from "../../../src/hyperbee/mod.ts";

interface Vector {
  readonly message: string;
  readonly name: string;
  readonly value: unknown;
  readonly bytes: string;
  readonly decoded: unknown;
}

const { vectors } = JSON.parse(
  await Deno.readTextFile(new URL("../../vectors/hyperbee/messages.json", import.meta.url)),
) as { vectors: Vector[] };

const CODECS: Readonly<Record<string, MessageCodec<unknown>>> = {
  Extension,
  Header,
  Node,
  YoloIndex,
} as never;

function toBytes(value: unknown): unknown {
  if (value === null || typeof value !== "object") return value;
  if ("hex" in value) return hexBytes(value.hex as string);
  if (Array.isArray(value)) return value.map(toBytes);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, toBytes(field)]));
}

function toHex(value: unknown): unknown {
  if (isBytes(value)) return { hex: hexText(value) };
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(toHex);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, toHex(field)]));
}

for (const { message, name, value, bytes, decoded } of vectors) {
  Deno.test(`HB-056 HB-W01 HB-W02 HB-W05 ${message}, ${name}, both ways as npm`, () => {
    const codec = CODECS[message]!;
    const given = toBytes(value);
    assert.equal(codec.encodingLength(given), bytes.length / 2);
    assert.equal(hexText(codec.encode(given)), bytes);
    assert.equal(codec.encode.bytes, bytes.length / 2);
    assert.deepEqual(toHex(codec.decode(hexBytes(bytes))), decoded);
    assert.equal(codec.decode.bytes, bytes.length / 2);
    const padded = hexBytes("ff" + bytes + "ff");
    assert.deepEqual(toHex(codec.decode(padded, 1, padded.byteLength - 1)), decoded);
    assert.equal(hexText(codec.encode(given, new Uint8Array(bytes.length / 2 + 3), 2)).slice(4, -2), bytes);
  });

  Deno.test(`${message}, ${name}, cut and damaged at every byte, is decoded or refused with a code`, () => {
    const codec = CODECS[message]!;
    const whole = hexBytes(bytes);
    const step = Math.max(1, Math.floor(whole.byteLength / 300));
    for (let i = 0; i < whole.byteLength; i += step) {
      for (const damage of [0, 1, 0x7f, 0x80, 0xff]) {
        const damaged = whole.slice();
        damaged[i]! ^= damage;
        for (const candidate of [damaged, damaged.subarray(0, i)]) {
          try {
            codec.decode(candidate);
          } catch (error) {
            assert.ok(error instanceof HyperbeeError && error.code === "DECODING_ERROR", String(error));
          }
        }
      }
    }
  });
}

Deno.test("HB-056 a message codec serves as value encoding", () => {
  const encoder = from(Header);
  const bytes = encode(encoder, { protocol: "hyperbee" });
  assert.equal(hexText(bytes), "0a086879706572626565");
  assert.deepEqual(decode(encoder, bytes), { protocol: "hyperbee", metadata: null });
});

const REFUSED: [name: string, codec: MessageCodec<never, unknown>, hex: string][] = [
  ["a node without a key", Node, "0a0100"],
  ["a node without an index", Node, "120100"],
  ["a header without a protocol", Header, "1200"],
  ["a cache without an end", Extension, "0a020805"],
  ["a number of eleven bytes", YoloIndex, "0a0d0a0b" + "ff".repeat(10) + "01"],
  ["a number past 2^53 - 1", YoloIndex, "0a0a0a08" + "80808080808080" + "10"],
  ["a list that ends within a number", YoloIndex, "0a030a0180"],
  ["a part that is longer than what is there", Node, "0a05000000"],
  ["a group", Header, "0b0a0161"],
  ["text of the type of a number", Header, "0805"],
];

for (const [name, codec, hex] of REFUSED) {
  Deno.test(`decode() refuses ${name}`, () => {
    assert.throws(() => codec.decode(hexBytes(hex)), { code: "DECODING_ERROR" });
  });
}

Deno.test("decode() passes over unknown fields of every type", () => {
  const unknown = "2005" + "29" + "00".repeat(8) + "3203616263" + "3d" + "00".repeat(4);
  assert.deepEqual(toHex(Header.decode(hexBytes(unknown + "0a0161"))), { protocol: "a", metadata: null });
});

Deno.test("encode() refuses what is required and missing, and numbers that cannot be", () => {
  assert.throws(() => Node.encode({ index: new Uint8Array(0) } as never), { code: "BAD_ARGUMENT" });
  for (const number of [-1, 1.5, 2 ** 53]) {
    assert.throws(() => YoloIndex.encode({ levels: [{ keys: [number], children: [] }] }), {
      code: "BAD_ARGUMENT",
    });
  }
});

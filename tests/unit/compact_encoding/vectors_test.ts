import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import * as module from "../../../src/compact_encoding/mod.ts";
import c, { EncodingError, net } from "../../../src/compact_encoding/mod.ts";
import { bytesOf, codecOf, hexOf, readVectors, tagged, untagged, type ValueVector } from "./vectors.ts";

const vectors = readVectors();

/** Behind these there is only more of the same text. */
const FLIPPED_BYTES_MAX = 400;

/** Codecs that read up to the end, so that fewer bytes are another value. */
function isUnbounded(codec: string): boolean {
  return codec.startsWith("raw") || codec.startsWith("from('");
}

/** Decoded byte values are `Buffer` where the given bytes are, as upstream: hence the recorded tags. */
function asBuffer(hex: string): Uint8Array {
  return Buffer.from(hex, "hex");
}

for (const [title, group] of groups(vectors.values)) {
  Deno.test(`${title} values have the bytes of the npm package, both ways`, () => {
    for (const { codec, name, hex, value, decoded = value } of group) {
      const encoder = codecOf(codec);
      const context = `${codec} ${name}`;
      assert.equal(hexOf(c.encode(encoder, untagged(value))), hex, context);
      assert.deepEqual(tagged(c.decode(encoder, asBuffer(hex))), decoded, context);
    }
  });

  Deno.test(`${title} sizes add up and states move on, wherever a value starts`, () => {
    for (const { codec, name, hex, value, decoded = value } of group) {
      const encoder = codecOf(codec);
      const context = `${codec} ${name}`;
      const byteLength = hex.length / 2;
      const state = c.state(5, 5, null);
      encoder.preencode(state, untagged(value));
      assert.equal(state.end, 5 + byteLength, context);
      // Stale bytes on all sides: a codec writes all of its own and none of the others.
      state.buffer = Buffer.alloc(byteLength + 10, 0xa5);
      encoder.encode(state, untagged(value));
      assert.equal(hexOf(state.buffer), "a5".repeat(5) + hex + "a5".repeat(5), context);
      assert.equal(state.start, state.end, context);
      state.start = 5;
      assert.deepEqual(tagged(encoder.decode(state)), decoded, context);
      assert.deepEqual([state.start, state.end], [5 + byteLength, 5 + byteLength], context);
    }
  });

  Deno.test(`${title} bytes cut off anywhere are refused`, () => {
    for (const { codec, hex } of group) {
      const bytes = asBuffer(hex);
      for (let end = 0; end < bytes.byteLength; end++) {
        const run = () => c.decode(codecOf(codec), bytes.subarray(0, end));
        if (isUnbounded(codec)) settles(run);
        else assert.throws(run, EncodingError, `${codec} ${hex} cut at ${end}`);
      }
    }
  });

  Deno.test(`${title} a flipped bit gives a value or a typed error`, () => {
    for (const { codec, hex } of group) {
      const bytes = asBuffer(hex).subarray(0, FLIPPED_BYTES_MAX);
      for (let i = 0; i < bytes.byteLength; i++) {
        for (let bit = 0; bit < 8; bit++) {
          bytes[i]! ^= 1 << bit;
          settles(() => c.decode(codecOf(codec), bytes));
          bytes[i]! ^= 1 << bit;
        }
      }
    }
  });
}

for (const [title, group] of groups(vectors.readings)) {
  Deno.test(`${title} bytes that only others write are read`, () => {
    for (const { codec, name, hex, decoded } of group) {
      assert.deepEqual(tagged(c.decode(codecOf(codec), asBuffer(hex))), decoded, `${codec} ${name}`);
    }
  });
}

for (const [title, group] of groups(vectors.refusals)) {
  Deno.test(`${title} bytes are refused with the message of the npm package`, () => {
    for (const { codec, name, hex, message } of group) {
      const run = () => c.decode(codecOf(codec), bytesOf(hex));
      assert.throws(
        run,
        (error) => error instanceof EncodingError && error.message === message,
        `${codec} ${name}`,
      );
    }
  });
}

for (const [title, group] of groups(vectors.unencodable)) {
  Deno.test(`${title} values are refused with the message of the npm package`, () => {
    for (const { codec, name, value, message } of group) {
      const run = () => c.encode(codecOf(codec), untagged(value));
      assert.throws(
        run,
        (error) => (error instanceof RangeError || error instanceof TypeError) && error.message === message,
        `${codec} ${name}`,
      );
    }
  });
}

Deno.test("CE-047 the default export, raw and net have the names of the npm packages", () => {
  assert.deepEqual(Object.keys(c).sort(), vectors.exports.package);
  assert.deepEqual(Object.keys(c.raw).sort(), vectors.exports.raw);
  assert.deepEqual(Object.keys(net).sort(), vectors.exports.net);
  for (const name of vectors.exports.package) {
    assert.equal(Reflect.get(module, name), Reflect.get(c, name), name);
  }
});

Deno.test("CE-W01 vectors exist for every kind of codec", () => {
  const rows = new Set(vectors.values.map(({ row }: ValueVector) => row));
  for (let row = 6; row <= 48; row++) {
    assert.ok(rows.has(`CE-${String(row).padStart(3, "0")}`), `no vector for row ${row}`);
  }
});

/** Puts the vectors of a row together, under a title with the row and its codecs. */
function groups<Vector extends { row: string; codec: string }>(
  list: readonly Vector[],
): [string, Vector[]][] {
  const byRow = Map.groupBy(list, ({ row }) => row);
  return Array.from(byRow, ([row, group]) => {
    const names = new Set(group.map(({ codec }) => codec.replace(/\(.*/, "")));
    return [`${row} ${[...names].join(" ")}:`, group];
  });
}

/** Runs a decoder that may refuse with its typed error and nothing else. */
function settles(run: () => unknown): void {
  try {
    run();
  } catch (error) {
    if (!(error instanceof EncodingError)) throw error;
  }
}

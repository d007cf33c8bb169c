import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import c, { type Encoder, EncodingError, type State } from "../../../src/compact_encoding/mod.ts";
import { QuinceError } from "../../../src/base/mod.ts";
import { bytesOf, hexOf } from "./vectors.ts";

Deno.test("CE-001 state() starts empty and takes start, end and buffer", () => {
  assert.deepEqual(c.state(), { start: 0, end: 0, buffer: null });
  const buffer = new Uint8Array(3);
  const state = c.state(1, 3, buffer);
  assert.deepEqual([state.start, state.end], [1, 3]);
  assert.equal(state.buffer, buffer);
});

Deno.test("CE-002 CE-003 preencode() and encode() chain several values into one buffer", () => {
  const state = c.state();
  c.uint.preencode(state, 300);
  c.string.preencode(state, "hi");
  c.bool.preencode(state, true);
  assert.equal(state.end, 7);
  state.buffer = new Uint8Array(state.end);
  c.uint.encode(state, 300);
  c.string.encode(state, "hi");
  c.bool.encode(state, true);
  assert.equal(hexOf(state.buffer), "fd2c0102686901");
  assert.equal(state.start, 7);
});

Deno.test("CE-004 decode() reads no further than the end of the state", () => {
  const buffer = bytesOf("0102030405060708");
  for (
    const encoder of [c.uint16, c.uint32, c.fixed(3), c.float64, c.ipv4, c.raw.array(c.uint16)] as Encoder<
      unknown
    >[]
  ) {
    assert.throws(() => encoder.decode(c.state(0, 1, buffer)), {
      message: "Out of bounds",
      code: "OUT_OF_BOUNDS",
    });
  }
  assert.equal(hexOf(c.raw.decode(c.state(1, 3, buffer))), "0203");
  assert.equal(hexOf(c.raw.buffer.decode(c.state(1, 3, buffer))), "0203");
  assert.equal(hexOf(new Uint8Array(c.raw.arraybuffer.decode(c.state(1, 3, buffer)))), "0203");
  assert.deepEqual(Array.from(c.raw.uint16array.decode(c.state(1, 3, buffer))), [0x0302]);
  assert.equal(c.raw.string.decode(c.state(1, 3, buffer)), "\x02\x03");
});

Deno.test("CE-004 EncodingError is a QuinceError with a code and the message of the npm package", () => {
  const error = new EncodingError("OUT_OF_BOUNDS", "Out of bounds", { cause: 1 });
  assert.ok(error instanceof QuinceError);
  assert.deepEqual([error.name, error.code, error.message, error.cause], [
    "EncodingError",
    "OUT_OF_BOUNDS",
    "Out of bounds",
    1,
  ]);
});

Deno.test("CE-005 encode() gives bytes of the exact size and decode() ignores what follows", () => {
  const bytes = c.encode(c.array(c.uint), [1, 300]);
  assert.equal(hexOf(bytes), "0201fd2c01");
  assert.ok(Buffer.isBuffer(bytes));
  assert.deepEqual(c.decode(c.array(c.uint), bytesOf("0201fd2c01ffff")), [1, 300]);
});

Deno.test("CE-006 from() gives back a codec and the named ones", () => {
  assert.equal(c.from(c.uint), c.uint);
  assert.equal(c.from("utf-8"), c.raw.utf8);
  assert.equal(c.from("json"), c.raw.json);
  assert.equal(c.from("binary"), c.raw.binary);
  assert.equal(c.from("no such name"), c.raw.binary);
  assert.throws(() => c.from(undefined as unknown as string), TypeError);
});

Deno.test("CE-006 from() of encode and decode functions encodes a value once", () => {
  let encodeCount = 0;
  const encoder = c.from({
    encode(value: number): Uint8Array {
      encodeCount++;
      return Uint8Array.of(value, value);
    },
    decode: (bytes: Uint8Array): number => bytes[0]!,
  });
  assert.equal(hexOf(c.encode(encoder, 7)), "0707");
  assert.equal(encodeCount, 1);
  assert.equal(c.decode(encoder, bytesOf("0909")), 9);
  assert.equal(hexOf(c.encode(c.frame(encoder), 5)), "020505");
  const state = c.state(0, 2, new Uint8Array(2));
  encoder.encode(state, 3);
  assert.equal(hexOf(state.buffer!), "0303");
});

Deno.test("CE-006 from() of an abstract encoding moves by the bytes it reports", () => {
  const encode: ((value: string, buffer: Uint8Array, offset: number) => unknown) & { bytes?: number } = (
    value,
    buffer,
    offset,
  ) => {
    buffer[offset] = value.charCodeAt(0);
    encode.bytes = 1;
  };
  const decode: ((buffer: Uint8Array, start: number, end: number) => string) & { bytes?: number } = (
    buffer,
    start,
  ) => {
    decode.bytes = 1;
    return String.fromCharCode(buffer[start]!);
  };
  const encoder = c.from({ encodingLength: (): number => 1, encode, decode });
  assert.equal(hexOf(c.encode(c.array(encoder), ["a", "b"])), "026162");
  assert.deepEqual(c.decode(c.array(encoder), bytesOf("026162")), ["a", "b"]);
});

Deno.test("CE-016 CE-017 CE-023 CE-024 CE-040 bytes decode to views of what was given", () => {
  const given = Buffer.from("0301020300", "hex");
  const plain = bytesOf("0301020300");
  const views: [Encoder<never, Uint8Array | null>, number][] = [
    [c.buffer, 1],
    [c.optionalBuffer, 1],
    [c.binary, 1],
    [c.fixed(2), 0],
    [c.raw, 0],
    [c.raw.buffer, 0],
    [c.raw.binary, 0],
  ];
  for (const [encoder, offset] of views) {
    const view = c.decode(encoder, given)!;
    assert.ok(Buffer.isBuffer(view));
    assert.deepEqual([view.buffer, view.byteOffset], [given.buffer, given.byteOffset + offset]);
    assert.equal(Buffer.isBuffer(c.decode(encoder, plain)), false);
  }
});

Deno.test("CE-019 CE-041 array buffers decode to copies", () => {
  const given = bytesOf("020102");
  for (const encoder of [c.arraybuffer, c.raw.arraybuffer]) {
    assert.notEqual(c.decode(encoder, given), given.buffer);
  }
  assert.equal(c.decode(c.arraybuffer, given).byteLength, 2);
});

Deno.test("CE-020 CE-042 typed arrays decode to views where aligned, else to copies", () => {
  const given = new Uint8Array(new ArrayBuffer(16));
  given[0] = given[1] = 2;
  const unaligned = c.decode(c.uint16array, given);
  assert.notEqual(unaligned.buffer, given.buffer);
  assert.equal(unaligned.length, 2);
  const aligned = c.uint16array.decode(c.state(1, 16, given));
  assert.equal(aligned.buffer, given.buffer);
  assert.equal(c.raw.uint32array.decode(c.state(4, 16, given)).byteOffset, 4);
  assert.equal(Buffer.isBuffer(c.decode(c.uint8array, Buffer.from("0101", "hex"))), false);
});

Deno.test("CE-025 frame() skips what its codec does not read and keeps it to the frame", () => {
  const encoder = c.array(c.frame(c.raw.buffer));
  assert.deepEqual(c.decode(encoder, bytesOf("0201aa02bbcc")).map(hexOf), ["aa", "bbcc"]);
  assert.throws(() => c.decode(c.frame(c.uint), bytesOf("0105").subarray(0, 1)), EncodingError);
  assert.throws(() => c.decode(c.frame(c.uint32), bytesOf("02010203040506")), { code: "OUT_OF_BOUNDS" });
  assert.throws(() => c.decode(c.frame(c.none), bytesOf("02ff")), { code: "OUT_OF_BOUNDS" });
});

Deno.test("CE-025 frame() may be used within itself", () => {
  interface Node {
    name: string;
    children: Node[];
  }
  const node: Encoder<Node> = {
    preencode(state: State, value: Node): void {
      c.string.preencode(state, value.name);
      children.preencode(state, value.children);
    },
    encode(state: State, value: Node): void {
      c.string.encode(state, value.name);
      children.encode(state, value.children);
    },
    decode(state: State): Node {
      return { name: c.string.decode(state), children: children.decode(state) };
    },
  };
  const framed = c.frame(node);
  const children = c.array(framed) as Encoder<Node[]>;
  const tree = { name: "a", children: [{ name: "b", children: [{ name: "c", children: [] }] }] };
  assert.deepEqual(c.decode(framed, c.encode(framed, tree)), tree);
});

Deno.test("CE-W01 numbers are little-endian unless the name ends in be", () => {
  assert.equal(hexOf(c.encode(c.uint32, 0x01020304)), "04030201");
  assert.equal(hexOf(c.encode(c.uint32be, 0x01020304)), "01020304");
  assert.equal(hexOf(c.encode(c.uint64be, 0x01020304)), "0000000001020304");
});

Deno.test("CE-W02 a struct with a version and a byte of flags is composed of these codecs", () => {
  interface Entry {
    key: Uint8Array;
    length: number | null;
  }
  const entry: Encoder<Entry> = {
    preencode(state: State, value: Entry): void {
      state.end += 2;
      c.fixed32.preencode(state, value.key);
      if (value.length !== null) c.uint.preencode(state, value.length);
    },
    encode(state: State, value: Entry): void {
      c.uint.encode(state, 1);
      c.uint.encode(state, value.length !== null ? 1 : 0);
      c.fixed32.encode(state, value.key);
      if (value.length !== null) c.uint.encode(state, value.length);
    },
    decode(state: State): Entry {
      assert.equal(c.uint.decode(state), 1);
      const flags = c.uint.decode(state);
      return { key: c.fixed32.decode(state), length: flags & 1 ? c.uint.decode(state) : null };
    },
  };
  const key = new Uint8Array(32).fill(7);
  assert.equal(hexOf(c.encode(entry, { key, length: 300 })), "0101" + "07".repeat(32) + "fd2c01");
  assert.equal(c.decode(entry, c.encode(entry, { key, length: null })).length, null);
});

import assert from "node:assert/strict";
import { isIPv6 } from "node:net";
import c, { EncodingError, net } from "../../../src/compact_encoding/mod.ts";
import { reverseElements } from "../../../src/compact_encoding/typed_arrays.ts";
import { bytesOf, hexOf } from "./vectors.ts";

Deno.test("CE-014 lexint sorts as the numbers do, byte by byte", () => {
  const values = [0, 1, 250, 251, 255, 256, 0xffff, 0x10000, 0xffffff, 0x1000000, 0xffffffff];
  for (let value = 2 ** 32; value < 2 ** 53; value *= 1.37) values.push(Math.floor(value));
  for (const offset of [0, 1, 250, 251, 252]) values.push(2 ** 32 + offset);
  values.sort((a, b) => a - b);
  const encoded = values.map((value) => hexOf(c.encode(c.lexint, value)));
  assert.deepEqual(encoded, encoded.toSorted());
});

Deno.test("CE-014 lexint reads back what it wrote just above 2^32", () => {
  for (let value = 2 ** 32; value < 2 ** 32 + 260; value++) {
    const bytes = c.encode(c.lexint, value);
    assert.equal(bytes.byteLength, 8);
    assert.equal(c.decode(c.lexint, bytes), value);
  }
});

Deno.test("CE-020 reverseElements() reverses the bytes of every element", () => {
  const bytes = bytesOf("0102030405060708");
  reverseElements(bytes, 4);
  assert.equal(hexOf(bytes), "0403020108070605");
  reverseElements(bytes, 2);
  assert.equal(hexOf(bytes), "0304010207080506");
});

Deno.test("CE-026 a byte order mark survives, alone and in long text", () => {
  for (const text of ["\ufeff", "\ufeff" + "x".repeat(1000)]) {
    assert.equal(c.decode(c.string, c.encode(c.string, text)), text);
  }
});

Deno.test("CE-027 text of all lengths around the short paths comes back", () => {
  const samples = { string: "a", utf8: "\u20ac", ascii: "b", hex: "c0", base64: "QUJD", utf16le: "\ud83d" };
  for (const [name, unit] of Object.entries(samples)) {
    for (const count of [1, 23, 24, 25, 31, 32, 33, 48, 49, 1000, 4095, 4096, 4097, 20_000]) {
      const encoder = c[name as keyof typeof samples];
      const text = unit.repeat(count);
      assert.equal(c.decode(encoder, c.encode(encoder, text)), text, `${name} ${count}`);
      if (count < 32) assert.equal(c.decode(encoder, c.encode(encoder, text + unit)), text + unit);
    }
  }
});

Deno.test("CE-027 hex and base64 refuse other characters", () => {
  for (const text of ["zz", "0g", "\u0130\u0130", "0 "]) {
    assert.throws(() => c.encode(c.hex, text), TypeError, text);
    assert.throws(() => c.encode(c.raw.hex, text), TypeError, text);
  }
  for (const text of ["QU JD", "QUJ!", "=QUJD", "QU\nJD"]) {
    assert.throws(() => c.encode(c.base64, text), TypeError, text);
  }
});

Deno.test("CE-028 fixed text cuts off behind whole characters and fills up with zero bytes", () => {
  const encode = (encoder: typeof c.string, byteLength: number, text: string) => {
    const state = c.state(0, byteLength + 1, new Uint8Array(byteLength + 1).fill(0xa5));
    encoder.fixed(byteLength).encode(state, text);
    assert.equal(state.start, byteLength);
    assert.equal(state.buffer![byteLength], 0xa5);
    return hexOf(state.buffer!.subarray(0, byteLength));
  };
  assert.equal(encode(c.string, 4, "ab"), "61620000");
  assert.equal(encode(c.string, 4, "a\u20ac\u20ac"), "61e282ac");
  assert.equal(encode(c.string, 5, "a\u20ac\u20ac"), "61e282ac00");
  assert.equal(encode(c.string, 5, "\u20ac".repeat(50)), "e282ac0000");
  assert.equal(encode(c.string, 50, "x".repeat(100)), "78".repeat(50));
  assert.equal(encode(c.ascii, 3, "a"), "610000");
  assert.equal(encode(c.hex, 3, "be"), "be0000");
  assert.equal(encode(c.base64, 3, "QQ=="), "410000");
  assert.equal(encode(c.utf16le, 5, "abc"), "6100620000");
  assert.equal(c.decode(c.string.fixed(4), bytesOf("61620000")), "ab\0\0");
});

Deno.test("CE-031 record() decodes to an object without prototype", () => {
  const value = c.decode(c.stringRecord, bytesOf("01095f5f70726f746f5f5f0161"));
  assert.equal(Object.getPrototypeOf(value), null);
  assert.deepEqual(Object.keys(value), ["__proto__"]);
});

Deno.test("CE-032 CE-046 json refuses text that is not JSON and values without a text", () => {
  for (const encoder of [c.json, c.ndjson]) {
    assert.throws(
      () => c.decode(encoder, bytesOf("017b")),
      (error) =>
        error instanceof EncodingError && error.code === "INVALID_JSON" && error.cause instanceof SyntaxError,
    );
    for (const value of [undefined, () => {}, Symbol("s")]) {
      assert.throws(() => c.encode(encoder, value), TypeError);
    }
  }
  for (const encoder of [c.raw.json, c.raw.ndjson]) {
    assert.throws(() => c.decode(encoder, bytesOf("")), { code: "INVALID_JSON" });
  }
});

Deno.test("CE-035 any adds a field named __proto__ instead of changing the object", () => {
  const value = c.decode(c.any, bytesOf("0801" + "095f5f70726f746f5f5f" + "0801016104" + "01"));
  assert.equal(Object.getPrototypeOf(value), Object.prototype);
  assert.deepEqual(Object.keys(value as object), ["__proto__"]);
  assert.equal(Reflect.get(value as object, "a"), undefined);
});

Deno.test("CE-035 any refuses functions and symbols", () => {
  assert.throws(() => c.encode(c.any, () => {}), TypeError);
  assert.throws(() => c.encode(c.any, [Symbol("s")]), { message: "Unsupported type for Symbol(s)" });
});

Deno.test("CE-036 port, ucs2 and utf8 are the same codecs as uint16, utf16le and string", () => {
  assert.equal(c.port, c.uint16);
  assert.equal(c.ucs2, c.utf16le);
  assert.equal(c.utf8, c.string);
});

Deno.test("CE-037 ipv4 refuses what is not an address", () => {
  const invalid = [
    "",
    "1",
    "1.2.3",
    "1.2.3.4.5",
    "1.2.3.256",
    "1.2.3.",
    ".1.2.3",
    "1..2.3",
    "a.b.c.d",
    "1.2.3.4 ",
    "::1",
  ];
  for (const host of invalid) assert.throws(() => c.encode(c.ipv4, host), TypeError, host);
});

Deno.test("CE-037 ipv6 takes all forms of an address and refuses the rest", () => {
  const forms: [string, string][] = [
    ["::", "00".repeat(16)],
    ["::1", "00".repeat(15) + "01"],
    ["1::", "0001" + "00".repeat(14)],
    ["1::2:3", "0001" + "00".repeat(10) + "00020003"],
    ["1:2:3:4:5:6:7::", "0001000200030004000500060007" + "0000"],
    ["::2:3:4:5:6:7:8", "0000" + "0002000300040005000600070008"],
    ["1:2:3::5:6:7:8", "000100020003" + "0000" + "0005000600070008"],
    ["::ffff:1.2.3.4", "00".repeat(10) + "ffff01020304"],
    ["1:2:3:4:5:6:1.2.3.4", "00010002000300040005000601020304"],
    ["fe80::1%eth0", "fe80" + "00".repeat(13) + "01"],
  ];
  for (const [host, hex] of forms) {
    assert.ok(isIPv6(host), host);
    assert.equal(hexOf(c.encode(c.ipv6, host)), hex, host);
  }
  const invalid = [
    "",
    ":",
    ":1",
    "1:",
    ":::",
    "1:::2",
    "1::2::3",
    "::1::",
    "1:2:3:4:5:6:7",
    "1:2:3:4:5:6:7:8:9",
    "1:2:3:4:5:6:7:8::",
    "::1:2:3:4:5:6:7:8",
    "12345::",
    "g::",
    "1:2:3:4:5:6:7:1.2.3.4",
    "::1.2.3",
    "::1.2.3.4:5",
    "::1.2.3.4.5",
    "1.2.3.4",
    "%eth0",
  ];
  for (const host of invalid) {
    assert.equal(isIPv6(host), false, host);
    assert.throws(() => c.encode(c.ipv6, host), TypeError, host);
  }
});

Deno.test("CE-039 CE-047 addresses of an unknown family are refused", () => {
  const bytes = bytesOf("05" + "00".repeat(18));
  for (const encoder of [c.ip, c.ipAddress, net.ip, net.ipAddress]) {
    assert.throws(() => c.decode(encoder as typeof c.ip, bytes), { code: "UNKNOWN_TYPE" });
  }
});

Deno.test("CE-038 CE-039 addresses decode with their family", () => {
  assert.deepEqual(c.decode(c.ipv4Address, bytesOf("010203040500")), { host: "1.2.3.4", family: 4, port: 5 });
  assert.equal(c.decode(c.ipv6Address, bytesOf("00".repeat(16) + "0500")).family, 6);
  assert.equal(c.decode(c.ipAddress, bytesOf("04010203040500")).family, 4);
});

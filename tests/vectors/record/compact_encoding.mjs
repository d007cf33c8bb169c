// Records tests/vectors/compact_encoding/vectors.json from the npm packages.
//
//   node tests/vectors/record/compact_encoding.mjs
//
// Every codec is named by an expression over the package's exports, `array(fixed(4))` for example; see
// tests/unit/compact_encoding/vectors.ts, which reads them.
import { createRequire } from "node:module";
import { writeFileSync } from "node:fs";

const require = createRequire(new URL("../../interop/peers/package.json", import.meta.url));
const c = require("compact-encoding");
const net = require("compact-encoding-net");
const bitfield = require("compact-encoding-bitfield");

const roots = { ...c, net, bitfield };
const long = (text, count) => text.repeat(count);
const bytes = (...values) => Buffer.from(values);
const counted = (count) => Buffer.from(Array.from({ length: count }, (_, i) => i & 255));
const key = counted(32);

const values = [
  // Integers
  ...each("CE-007", "uint", [
    0,
    1,
    0xfc,
    0xfd,
    0xff,
    0x100,
    0xffff,
    0x10000,
    0xffffffff,
    0x100000000,
    2 ** 53 - 1,
  ]),
  ...each("CE-008", "uint8", [0, 1, 0x7f, 0x80, 0xff]),
  ...each("CE-008", "uint16", [0, 1, 0xff, 0x100, 0xabcd, 0xffff]),
  ...each("CE-008", "uint24", [0, 1, 0xabcdef, 0xffffff]),
  ...each("CE-008", "uint32", [0, 1, 0x89abcdef, 0xffffffff]),
  ...each("CE-008", "uint40", [0, 1, 0x89abcdef12, 2 ** 40 - 1]),
  ...each("CE-008", "uint48", [0, 1, 0x89abcdef1234, 2 ** 48 - 1]),
  ...each("CE-008", "uint56", [0, 1, 0x1abcdef123456, 2 ** 53 - 1]),
  ...each("CE-008", "uint64", [0, 1, 0x1abcdef123456, 2 ** 53 - 1]),
  ["CE-008", "uint8", "cuts off higher bits", 0x1ab],
  ["CE-008", "uint16", "cuts off higher bits", 0x1abcd],
  ["CE-008", "uint24", "cuts off higher bits", 2 ** 40 + 7],
  ["CE-008", "uint32", "cuts off higher bits", 2 ** 40 + 7],
  ["CE-008", "uint40", "cuts off higher bits", 2 ** 45 + 7],
  ["CE-008", "uint48", "cuts off higher bits", 2 ** 50 + 7],
  ...each("CE-009", "uint32be", [0, 1, 0x89abcdef, 0xffffffff]),
  ...each("CE-009", "uint64be", [0, 1, 0x1abcdef123456, 2 ** 53 - 1]),
  ...each("CE-010", "int", [
    0,
    -1,
    1,
    -126,
    126,
    -127,
    127,
    2 ** 31,
    -(2 ** 31) - 1,
    2 ** 52 - 1,
    -(2 ** 52),
  ]),
  ...each("CE-011", "int8", [0, -1, 1, 127, -128]),
  ...each("CE-011", "int16", [0, -1, 1, 32767, -32768]),
  ...each("CE-011", "int24", [0, -1, 2 ** 23 - 1, -(2 ** 23)]),
  ...each("CE-011", "int32", [0, -1, 2 ** 31 - 1, -(2 ** 31)]),
  ...each("CE-011", "int40", [0, -1, 2 ** 39 - 1, -(2 ** 39)]),
  ...each("CE-011", "int48", [0, -1, 2 ** 47 - 1, -(2 ** 47)]),
  ...each("CE-011", "int56", [0, -1, 2 ** 52 - 1, -(2 ** 52)]),
  ...each("CE-011", "int64", [0, -1, 2 ** 52 - 1, -(2 ** 52)]),
  ...each("CE-012", "biguint64", [0n, 1n, 0x89abcdef12345678n, 2n ** 64n - 1n]),
  ...each("CE-012", "bigint64", [0n, -1n, 1n, 2n ** 63n - 1n, -(2n ** 63n)]),
  ["CE-012", "biguint64", "cuts off higher bits", 2n ** 64n + 5n],
  ...each("CE-013", "biguint", [0n, 1n, 2n ** 64n - 1n, 2n ** 64n, 2n ** 128n + 3n, 2n ** 200n - 1n]),
  ...each("CE-013", "bigint", [0n, -1n, 1n, -(2n ** 64n), 2n ** 130n, -(2n ** 200n) + 1n]),
  ...each("CE-014", "lexint", [
    0,
    1,
    250,
    251,
    252,
    255,
    256,
    257,
    0xffff,
    0x10000,
    0xffffff,
    0x1000000,
    0xffffffff,
  ]),
  ...each("CE-014", "lexint", [
    2 ** 32 + 251,
    2 ** 32 + 252,
    2 ** 33,
    2 ** 40 + 1,
    2 ** 44 + 251,
    2 ** 53 - 1,
    2 ** 70,
  ]),
  ...each("CE-015", "float32", [0, -0, 1, -1.5, 0.1, NaN, Infinity, -Infinity]),
  ...each("CE-015", "float64", [0, -0, 1, -1.5, Math.PI, NaN, Infinity, 5e-324]),

  // Bytes
  ["CE-016", "buffer", "empty", bytes()],
  ["CE-016", "buffer", "short", bytes(1, 2, 255)],
  ["CE-016", "buffer", "long", counted(300)],
  ["CE-017", "optionalBuffer", "null", null],
  ["CE-017", "optionalBuffer", "empty", bytes()],
  ["CE-017", "optionalBuffer", "short", bytes(1, 2, 255)],
  ["CE-018", "binary", "text", "h\u00e9"],
  ["CE-018", "binary", "bytes", bytes(0, 1)],
  ["CE-019", "arraybuffer", "empty", new ArrayBuffer(0)],
  ["CE-019", "arraybuffer", "short", Uint8Array.of(1, 2, 3).buffer],
  ...typedArrays("CE-020", "CE-021", ""),
  ["CE-022", "bitarray", "empty", []],
  ["CE-022", "bitarray", "one bit", [true]],
  ["CE-022", "bitarray", "eight bits", [true, false, true, true, false, false, false, true]],
  ["CE-022", "bitarray", "nine bits", [false, false, false, false, false, false, false, false, true]],
  ["CE-022", "bitarray", "numbers", [1, 0, 1]],
  ["CE-023", "fixed32", "key", key],
  ["CE-023", "fixed64", "signature", counted(64)],
  ["CE-023", "fixed(3)", "three bytes", bytes(1, 2, 3)],
  ["CE-023", "fixed(0)", "no bytes", bytes()],
  ["CE-024", "raw", "empty", bytes()],
  ["CE-024", "raw", "bytes", bytes(9, 8, 7)],
  ["CE-025", "frame(uint)", "one byte", 7],
  ["CE-025", "frame(uint)", "nine bytes", 2 ** 40],
  ["CE-025", "frame(raw.string)", "text to the end of the frame", "abc"],
  ["CE-025", "frame(frame(string))", "frame in a frame", long("x", 300)],
  ["CE-025", "array(frame(string))", "list of frames", ["a", "", "bc"]],

  // Text
  ...texts("CE-026", "string", [
    "",
    "a",
    "hello world",
    "h\u00e9 \u20ac \u{1f600}",
    "\ufeffmark",
    "\0",
    long("x", 300),
  ]),
  ...texts("CE-026", "utf8", ["", "h\u00e9", long("\u20ac", 100), "lone \ud800 surrogate"]),
  ...texts("CE-027", "ascii", ["", "hello", "h\u00e9"]),
  ...texts("CE-027", "hex", ["", "00ff", "ABcd", "abc", long("0123456789abcdef", 20)]),
  ...texts("CE-027", "base64", ["", "YQ==", "YWI=", "YWJj", "YWI", "-_-_", "+/+/", long("QUJD", 100)]),
  ...texts("CE-027", "utf16le", ["", "a\u00e9\u20ac\u{1f600}", "lone \ud800", long("y", 5000)]),
  ...texts("CE-027", "ucs2", ["ab"]),
  ["CE-028", "string.fixed(5)", "exact", "hello"],
  ["CE-028", "string.fixed(5)", "longer", "hello world"],
  ["CE-028", "utf8.fixed(3)", "exact", "\u20ac"],
  ["CE-028", "ascii.fixed(3)", "exact", "abc"],
  ["CE-028", "hex.fixed(2)", "exact", "beef"],
  ["CE-028", "hex.fixed(2)", "longer", "beef00"],
  ["CE-028", "base64.fixed(3)", "exact", "YWJj"],
  ["CE-028", "utf16le.fixed(4)", "exact", "ab"],
  ["CE-028", "ucs2.fixed(4)", "exact", "ab"],

  // Structures
  ["CE-029", "bool", "true", true],
  ["CE-029", "bool", "false", false],
  ["CE-030", "array(uint)", "empty", []],
  ["CE-030", "array(uint)", "three", [1, 300, 70000]],
  ["CE-030", "array(array(string))", "nested", [["a"], [], ["b", "c"]]],
  ["CE-030", "array(none)", "items without bytes", [null, null, null]],
  ["CE-031", "stringRecord", "empty", {}],
  ["CE-031", "stringRecord", "two", { a: "b", key: "value" }],
  ["CE-031", "record(hex,uint)", "hexadecimal keys", { beef: 1, "00": 2 }],
  ["CE-031", "record(string,array(uint))", "lists", { a: [1], b: [] }],
  ...json("CE-032", "json"),
  ...json("CE-032", "ndjson"),
  ["CE-033", "date", "epoch", new Date(0)],
  ["CE-033", "date", "after", new Date(1700000000123)],
  ["CE-033", "date", "before", new Date(-86400000)],
  ["CE-034", "none", "null", null],
  ["CE-034", "none", "undefined", undefined],
  ["CE-035", "any", "null", null],
  ["CE-035", "any", "undefined", undefined],
  ["CE-035", "any", "true", true],
  ["CE-035", "any", "false", false],
  ["CE-035", "any", "text", "h\u00e9"],
  ["CE-035", "any", "bytes", bytes(1, 2)],
  ["CE-035", "any", "whole number", 300],
  ["CE-035", "any", "negative zero", -0],
  ["CE-035", "any", "negative number", -5],
  ["CE-035", "any", "fraction", -1.5],
  ["CE-035", "any", "not a number", NaN],
  ["CE-035", "any", "infinity", Infinity],
  ["CE-035", "any", "array", [1, "two", [null, true]]],
  ["CE-035", "any", "empty array", []],
  ["CE-035", "any", "object", { a: 1, b: { c: [-1], d: bytes(3) }, e: undefined }],
  ["CE-035", "any", "empty object", {}],
  ["CE-035", "any", "date", new Date(1700000000123)],
  ["CE-035", "array(any)", "mixed", [1, null, { a: [] }]],

  // Network
  ...each("CE-036", "port", [0, 80, 65535]),
  ...each("CE-037", "ipv4", ["0.0.0.0", "127.0.0.1", "192.168.254.255"]),
  ...each("CE-037", "ipv6", [
    "::",
    "::1",
    "1::",
    "fe80::1:2",
    "2001:db8::ff00:42:8329",
    "1:2:3:4:5:6:7:8",
    "ABCD::eF",
  ]),
  ["CE-038", "ipv4Address", "address", { host: "10.0.0.1", port: 4321 }],
  ["CE-038", "ipv6Address", "address", { host: "::1", port: 4321 }],
  ["CE-038", "array(ipv4Address)", "list", [{ host: "1.2.3.4", port: 1 }, { host: "5.6.7.8", port: 2 }]],
  ...each("CE-039", "ip", ["127.0.0.1", "2001:db8::1"]),
  ["CE-039", "ipAddress", "IPv4", { host: "10.0.0.1", port: 4321 }],
  ["CE-039", "ipAddress", "IPv6", { host: "fe80::1", port: 65535 }],

  // Without a length
  ["CE-040", "raw.buffer", "bytes", bytes(1, 2, 3)],
  ["CE-040", "raw.binary", "bytes", bytes(1, 2, 3)],
  ["CE-040", "raw.binary", "text", "h\u00e9"],
  ["CE-041", "raw.arraybuffer", "bytes", Uint8Array.of(1, 2, 3).buffer],
  ...typedArrays("CE-042", "CE-043", "raw."),
  ...texts("CE-044", "raw.string", ["", "h\u00e9 \u{1f600}"]),
  ...texts("CE-044", "raw.utf8", ["hello"]),
  ...texts("CE-044", "raw.ascii", ["hello"]),
  ...texts("CE-044", "raw.hex", ["", "beef"]),
  ...texts("CE-044", "raw.base64", ["", "YWI="]),
  ...texts("CE-044", "raw.utf16le", ["a\u20ac"]),
  ...texts("CE-044", "raw.ucs2", ["ab"]),
  ["CE-045", "raw.array(uint)", "empty", []],
  ["CE-045", "raw.array(uint)", "three", [1, 300, 5]],
  ["CE-045", "raw.array(string)", "texts", ["a", "", "bc"]],
  ...json("CE-046", "raw.json"),
  ...json("CE-046", "raw.ndjson"),

  // Names
  ...["'ascii'", "'utf-8'", "'utf8'"].map((name) => ["CE-006", `from(${name})`, "text", "hello"]),
  ["CE-006", "from('hex')", "hexadecimal", "beef"],
  ["CE-006", "from('base64')", "base64", "YWJj"],
  ...["'utf16-le'", "'utf16le'", "'ucs-2'", "'ucs2'"].map((
    name,
  ) => ["CE-006", `from(${name})`, "text", "hi"]),
  ["CE-006", "from('ndjson')", "object", { a: 1 }],
  ["CE-006", "from('json')", "object", { a: 1 }],
  ["CE-006", "from('binary')", "bytes", bytes(1, 2)],
  ["CE-006", "from('binary')", "text", "hi"],
  ["CE-006", "from('unknown')", "bytes", bytes(1, 2)],
  ["CE-006", "from(uint)", "codec", 300],

  // Companions
  ...each("CE-047", "net.port", [0, 65535]),
  ...each("CE-047", "net.ipv4", ["127.0.0.1", null, undefined, ""]),
  ...each("CE-047", "net.ipv6", ["fe80::1", null]),
  ...each("CE-047", "net.ip", ["1.2.3.4", "::1", null]),
  ["CE-047", "net.ipv4Address", "full", { host: "1.2.3.4", port: 5 }],
  ["CE-047", "net.ipv4Address", "empty", {}],
  ["CE-047", "net.ipv6Address", "no port", { host: "::2" }],
  ["CE-047", "net.ipv6Address", "no host", { port: 1 }],
  ["CE-047", "net.ipAddress", "empty", {}],
  ["CE-047", "net.ipAddress", "full", { host: "1.2.3.4", port: 5 }],
  ["CE-048", "bitfield(1)", "number", 1],
  ["CE-048", "bitfield(7)", "number", 0x55],
  ["CE-048", "bitfield(7)", "bytes", bytes(0x55)],
  ["CE-048", "bitfield(8)", "number", 0xff],
  ["CE-048", "bitfield(8)", "bytes", bytes(0xff)],
  ["CE-048", "bitfield(9)", "number", 0x1ff],
  ["CE-048", "bitfield(16)", "fewer bytes", bytes(1)],
  ["CE-048", "bitfield(17)", "number", 0x1ffff],
  ["CE-048", "bitfield(32)", "bytes", bytes(1, 2, 3, 4)],
  ["CE-048", "bitfield(33)", "number", 2 ** 33 - 1],
  ["CE-048", "bitfield(64)", "bytes", counted(8)],
];

// Bytes that are read although no encoder of the package writes them.
const readings = [
  ["CE-007", "uint", "longer than needed", "fd0500"],
  ["CE-007", "uint", "much longer than needed", "ff0500000000000000"],
  ["CE-007", "uint", "bytes behind it", "05ffff"],
  ["CE-010", "int", "longer than needed", "fe03000000"],
  ["CE-013", "biguint", "words of zero", "0205000000000000000000000000000000"],
  ["CE-013", "bigint", "words of zero", "01" + "00".repeat(8)],
  ["CE-014", "lexint", "longer than needed", "fc0001"],
  ["CE-022", "bitarray", "bits behind the last", "03ff"],
  ["CE-025", "array(frame(uint))", "bytes behind a framed value", "02020501020607"],
  ["CE-026", "string", "malformed UTF-8", "05c328ff6180"],
  ["CE-027", "ascii", "high bits", "03e1e2ff"],
  ["CE-027", "utf16le", "odd byte", "03610062"],
  ["CE-028", "string.fixed(3)", "zero bytes", "610000"],
  ["CE-029", "bool", "another byte", "02"],
  ["CE-031", "stringRecord", "a key twice", "02016101620161" + "0163"],
  ["CE-031", "stringRecord", "a key of the prototype", "01095f5f70726f746f5f5f" + "0161"],
  ["CE-032", "json", "white space", "0520312020" + "0a"],
  ["CE-033", "date", "the earliest", "ffffffffffffff1f00"],
  ["CE-035", "any", "a type longer than needed", "fd040005"],
  ["CE-042", "raw.uint16array", "odd byte", "010203"],
  ["CE-042", "raw.float64array", "too few bytes", "010203"],
  ["CE-048", "bitfield(7)", "wider", "fd0102"],
  ["CE-048", "bitfield(9)", "wider", "fe01020304"],
  ["CE-048", "bitfield(9)", "narrower", "05"],
  ["CE-048", "bitfield(64)", "narrower", "fd0506"],
];

// Bytes that are refused.
const refusals = [
  ["CE-004", "uint", "no bytes", ""],
  ["CE-007", "uint", "too large", "ff00000000000020" + "00"],
  ["CE-008", "uint56", "too large", "00000000000020"],
  ["CE-008", "uint64", "too large", "0000000000002000"],
  ["CE-009", "uint64be", "too large", "0020000000000000"],
  ["CE-011", "int64", "too large", "ffffffffffffffff"],
  ["CE-016", "buffer", "length past the end", "03aabb"],
  ["CE-016", "buffer", "absurd length", "ffffffffffffff1f00"],
  ["CE-020", "uint32array", "count past the end", "02000000"],
  ["CE-022", "bitarray", "count past the end", "11ffff"],
  ["CE-023", "fixed32", "too short", "00".repeat(31)],
  ["CE-030", "array(uint)", "too many items", "fe01001000"],
  ["CE-030", "array(uint)", "fewer items than announced", "03aabb"],
  ["CE-035", "any", "unknown type", "0a"],
  ["CE-035", "any", "absurd type", "ffffffffffffff1f00"],
  ["CE-048", "bitfield(9)", "too short", "fd01"],
];

// Values that are refused.
const unencodable = [
  ["CE-007", "uint", "negative", -1],
  ["CE-007", "uint", "not a number", NaN],
  ["CE-007", "uint", "too large", 2 ** 53],
  ["CE-008", "uint8", "negative", -1],
  ["CE-009", "uint32be", "not a number", NaN],
  ["CE-010", "int", "too large", 2 ** 52],
  ["CE-010", "int", "too small", -(2 ** 52) - 1],
  ["CE-011", "int8", "not a number", NaN],
  ["CE-023", "fixed32", "wrong size", bytes(1)],
  ["CE-033", "date", "invalid date", new Date(NaN)],
  ["CE-035", "any", "bigint", 5n],
  ["CE-035", "any", "too large", 2 ** 60],
];

const version = (name) => `${name}@${require(`${name}/package.json`).version}`;
const sections = {
  origin: ["compact-encoding", "compact-encoding-net", "compact-encoding-bitfield"].map(version),
  exports: { package: Object.keys(c).sort(), raw: Object.keys(c.raw).sort(), net: Object.keys(net).sort() },
  values: values.map(([row, codec, name, value]) => {
    const encoded = c.encode(codecOf(codec), value);
    const entry = { row, codec, name, hex: encoded.toString("hex"), value: tagged(value) };
    const decoded = tagged(c.decode(codecOf(codec), encoded));
    if (JSON.stringify(decoded) !== JSON.stringify(entry.value)) entry.decoded = decoded;
    return entry;
  }),
  readings: readings.map(([row, codec, name, hex]) => {
    return { row, codec, name, hex, decoded: tagged(c.decode(codecOf(codec), Buffer.from(hex, "hex"))) };
  }),
  refusals: refusals.map(([row, codec, name, hex]) => {
    return {
      row,
      codec,
      name,
      hex,
      message: messageOf(() => c.decode(codecOf(codec), Buffer.from(hex, "hex"))),
    };
  }),
  unencodable: unencodable.map(([row, codec, name, value]) => {
    return {
      row,
      codec,
      name,
      value: tagged(value),
      message: messageOf(() => c.encode(codecOf(codec), value)),
    };
  }),
};

const lines = Object.entries(sections).map(([name, section]) => {
  if (!Array.isArray(section) || typeof section[0] === "string") {
    return `  "${name}": ${JSON.stringify(section)}`;
  }
  return `  "${name}": [\n${section.map((entry) => "    " + JSON.stringify(entry)).join(",\n")}\n  ]`;
});
writeFileSync(new URL("../compact_encoding/vectors.json", import.meta.url), `{\n${lines.join(",\n")}\n}\n`);

function each(row, codec, list) {
  return list.map((
    value,
  ) => [row, codec, Object.is(value, -0) ? "-0" : value === "" ? "empty" : String(value), value]);
}

function texts(row, codec, list) {
  return list.map((
    value,
  ) => [row, codec, value.length > 40 ? `${value.length} characters` : JSON.stringify(value), value]);
}

function json(row, codec) {
  return [
    [row, codec, "object", { a: [1, "two", null], b: { c: true } }],
    [row, codec, "text", "h\u00e9"],
    [row, codec, "number", 1.5],
    [row, codec, "null", null],
  ];
}

function typedArrays(row, bigRow, prefix) {
  return [
    [row, `${prefix}uint8array`, "empty", new Uint8Array()],
    [row, `${prefix}uint8array`, "bytes", Uint8Array.of(0, 1, 255)],
    [row, `${prefix}uint16array`, "elements", Uint16Array.of(0, 1, 0xabcd)],
    [row, `${prefix}uint32array`, "elements", Uint32Array.of(0, 1, 0x89abcdef)],
    [row, `${prefix}int8array`, "elements", Int8Array.of(0, 127, -128)],
    [row, `${prefix}int16array`, "elements", Int16Array.of(0, 1, -32768)],
    [row, `${prefix}int32array`, "elements", Int32Array.of(0, 1, -(2 ** 31))],
    [row, `${prefix}float32array`, "elements", Float32Array.of(0, -1.5, NaN)],
    [row, `${prefix}float64array`, "elements", Float64Array.of(0, Math.PI, -Infinity)],
    [bigRow, `${prefix}biguint64array`, "elements", BigUint64Array.of(0n, 2n ** 64n - 1n)],
    [bigRow, `${prefix}bigint64array`, "elements", BigInt64Array.of(1n, -(2n ** 63n))],
  ];
}

function messageOf(run) {
  try {
    run();
  } catch (error) {
    return error.message;
  }
  throw new Error(`Not refused: ${run}`);
}

/** Makes a value JSON: what JSON does not know becomes an object with one key that begins with `$`. */
function tagged(value) {
  if (value === undefined) return { $undefined: true };
  if (typeof value === "bigint") return { $bigint: String(value) };
  if (typeof value === "number") {
    return Number.isFinite(value) && !Object.is(value, -0)
      ? value
      : { $number: Object.is(value, -0) ? "-0" : String(value) };
  }
  if (value === null || typeof value !== "object") return value;
  if (Buffer.isBuffer(value)) return { $bytes: value.toString("hex") };
  if (value instanceof ArrayBuffer) return { $arraybuffer: Buffer.from(value).toString("hex") };
  if (ArrayBuffer.isView(value)) return { [`$${value.constructor.name}`]: Array.from(value, tagged) };
  if (value instanceof Date) return { $date: tagged(value.getTime()) };
  if (Array.isArray(value)) return value.map(tagged);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, tagged(field)]));
}

/** Evaluates `name`, `name.name`, `name(argument,…)`; an argument is a number, a name in quotes or a codec. */
function codecOf(expression) {
  let rest = expression;
  const result = read();
  if (rest !== "") throw new Error(`Cannot read ${expression}`);
  return result;

  function read() {
    const literal = /^(\d+|'[^']*')/.exec(rest);
    if (literal) {
      rest = rest.slice(literal[0].length);
      return literal[0][0] === "'" ? literal[0].slice(1, -1) : Number(literal[0]);
    }
    const path = /^[\w.]+/.exec(rest)[0];
    rest = rest.slice(path.length);
    const parts = path.split(".");
    const value = parts.reduce((object, name) => object[name], roots);
    if (rest[0] !== "(") return value;
    const args = [];
    while (rest[0] !== ")") {
      rest = rest.slice(1);
      args.push(read());
    }
    rest = rest.slice(1);
    return value(...args);
  }
}

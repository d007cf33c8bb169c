// Records messages of npm's hyperbee as vectors for our codecs.
//
//     node tests/vectors/record/hyperbee.mjs
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const peers = new URL("../../interop/peers/", import.meta.url);
const require = createRequire(new URL("index.js", peers));
const { Extension, Header, Node, YoloIndex } = require("hyperbee/lib/messages");
const { version } = JSON.parse(readFileSync(new URL("node_modules/hyperbee/package.json", peers)));
const codecs = { Extension, Header, Node, YoloIndex };

const hex = (text) => ({ hex: Buffer.from(text).toString("hex") });
const big = 2 ** 40 + 5;
const cases = [
  ["Header", "plain", { protocol: "hyperbee" }],
  ["Header", "metadata null", { protocol: "hyperbee", metadata: null }],
  ["Header", "empty metadata", { protocol: "hyperbee", metadata: {} }],
  ["Header", "metadata", { protocol: "hyperbee", metadata: { contentFeed: hex("feed"), userData: hex("data") } }],
  ["Header", "another protocol, not ASCII", { protocol: "hypérbee" }],
  ["YoloIndex", "empty", { levels: [] }],
  ["YoloIndex", "an empty root", { levels: [{ keys: [], children: [] }] }],
  ["YoloIndex", "a leaf", { levels: [{ keys: [1, 2, 127, 128], children: [] }] }],
  ["YoloIndex", "levels", {
    levels: [
      { keys: [300], children: [16383, 0, 16384, 1] },
      { keys: [2097151, 2097152, 268435455, 268435456], children: [] },
    ],
  }],
  ["YoloIndex", "great numbers", { levels: [{ keys: [2 ** 31 - 1, 2 ** 31, 2 ** 32, big, 2 ** 53 - 1], children: [] }] }],
  ["Node", "a value", { index: hex("index"), key: hex("key"), value: hex("value") }],
  ["Node", "no value", { index: hex(""), key: hex("key"), value: null }],
  ["Node", "an empty value and an empty key", { index: hex("i"), key: hex(""), value: hex("") }],
  ["Node", "a long value", { index: hex("i"), key: hex("k".repeat(200)), value: hex("v".repeat(300)) }],
  ["Extension", "empty", {}],
  ["Extension", "cache", { cache: { start: 5, end: 301, blocks: [5, 300] } }],
  ["Extension", "cache without blocks", { cache: { start: 0, end: 0, blocks: [] } }],
  ["Extension", "get", { get: { version: 7, key: hex("key") } }],
  ["Extension", "get of great version", { get: { version: big, key: hex("") } }],
  ["Extension", "iterator", {
    iterator: {
      version: 9,
      gte: hex("a"),
      gt: null,
      lte: null,
      lt: hex("b"),
      limit: 0,
      reverse: false,
      checkpoint: [8, 0, 3, 7, 1, 0],
    },
  }],
  ["Extension", "iterator in reverse", {
    iterator: { version: 9, gte: null, gt: hex("a"), lte: hex("b"), lt: null, limit: 10, reverse: true, checkpoint: [] },
  }],
  ["Extension", "all at once", {
    cache: { start: 1, end: 2, blocks: [1] },
    get: { version: 1, key: hex("k") },
    iterator: { version: 1, gte: null, gt: null, lte: null, lt: null, limit: 1, reverse: false, checkpoint: [] },
  }],
];

const vectors = cases.map(([message, name, value]) => {
  const bytes = codecs[message].encode(toBuffers(value));
  return { message, name, value, bytes: bytes.toString("hex"), decoded: toHex(codecs[message].decode(bytes)) };
});

const folder = new URL("../hyperbee/", import.meta.url);
mkdirSync(folder, { recursive: true });
writeFileSync(
  new URL("messages.json", folder),
  JSON.stringify({ origin: `hyperbee ${version}, lib/messages.js`, vectors }, null, 1) + "\n",
);

function toBuffers(value) {
  if (value === null || typeof value !== "object") return value;
  if (typeof value.hex === "string") return Buffer.from(value.hex, "hex");
  if (Array.isArray(value)) return value.map(toBuffers);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, toBuffers(field)]));
}

function toHex(value) {
  if (Buffer.isBuffer(value)) return { hex: value.toString("hex") };
  if (value === null || typeof value !== "object") return value;
  if (Array.isArray(value)) return value.map(toHex);
  return Object.fromEntries(Object.entries(value).map(([name, field]) => [name, toHex(field)]));
}

// Records tests/vectors/hypercore_replication/messages.json from the npm package hypercore.
//
//   node tests/vectors/record/hypercore_replication.mjs
//
// `messages` are values chosen here and encoded by hypercore/lib/messages.js, `capabilities` come from
// hypercore/lib/caps.js, and `traffic` is what two npm cores said to each other while one was downloading the other.
import { createRequire } from "node:module";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(new URL("../../interop/peers/package.json", import.meta.url));
const { wire } = require("hypercore/lib/messages.js");
const caps = require("hypercore/lib/caps.js");
const Hypercore = require("hypercore");
const c = require("compact-encoding");
const { version } = JSON.parse(readFileSync(require.resolve("hypercore/package.json")));

const KINDS = {
  handshake: wire.handshake,
  sync: wire.sync,
  request: wire.request,
  cancel: wire.cancel,
  data: wire.data,
  noData: wire.noData,
  want: wire.want,
  unwant: wire.unwant,
  bitfield: wire.bitfield,
  range: wire.range,
  extension: wire.extension,
};

const filled = (byteLength, byte) => Buffer.alloc(byteLength, byte);
const node = (index, size, byte) => ({ index, size, hash: filled(32, byte) });
const request = (fields) => ({
  id: 1,
  fork: 0,
  block: null,
  hash: null,
  seek: null,
  upgrade: null,
  manifest: false,
  priority: 0,
  ...fields,
});
const data = (fields) => ({
  request: 1,
  fork: 0,
  block: null,
  hash: null,
  seek: null,
  upgrade: null,
  manifest: null,
  ...fields,
});
const signer = (byte) => ({ signature: "ed25519", namespace: filled(32, byte), publicKey: filled(32, byte + 1) });
const manifest = (fields) => ({
  version: 1,
  hash: "blake2b",
  allowPatch: false,
  quorum: 1,
  signers: [signer(1)],
  prologue: null,
  linked: null,
  userData: null,
  ...fields,
});
const sync = (fields) => ({
  fork: 0,
  length: 0,
  remoteLength: 0,
  canUpgrade: false,
  uploading: false,
  downloading: false,
  hasManifest: false,
  allowPush: false,
  ...fields,
});

const chosen = [
  ["handshake", "with seeks", { seeks: true, capability: filled(32, 0xab) }],
  ["handshake", "without seeks", { seeks: false, capability: filled(32, 0) }],
  ["sync", "nothing", sync({})],
  ["sync", "can upgrade", sync({ canUpgrade: true })],
  ["sync", "uploading", sync({ uploading: true })],
  ["sync", "downloading", sync({ downloading: true })],
  ["sync", "has manifest", sync({ hasManifest: true })],
  ["sync", "allows push", sync({ allowPush: true })],
  ["sync", "large numbers", sync({ fork: 300, length: 70000, remoteLength: 2 ** 40 })],
  ["request", "empty", request({})],
  ["request", "block", request({ block: { index: 5, nodes: 2 } })],
  ["request", "hash", request({ id: 300, hash: { index: 1001, nodes: 3 } })],
  ["request", "seek", request({ seek: { bytes: 123456, padding: 8 } })],
  ["request", "upgrade", request({ fork: 2, upgrade: { start: 10, length: 90 } })],
  ["request", "manifest", request({ manifest: true })],
  ["request", "priority", request({ block: { index: 0, nodes: 0 }, priority: 1 })],
  [
    "request",
    "everything",
    request({
      id: 70000,
      fork: 1,
      block: { index: 2 ** 33, nodes: 30 },
      hash: { index: 4, nodes: 1 },
      seek: { bytes: 2 ** 40, padding: 0 },
      upgrade: { start: 0, length: 2 ** 34 },
      manifest: true,
      priority: 2,
    }),
  ],
  ["cancel", "small", { request: 1 }],
  ["cancel", "large", { request: 2 ** 45 }],
  ["data", "empty", data({})],
  ["data", "block without nodes", data({ block: { index: 3, value: Buffer.from("hello"), nodes: [] } })],
  [
    "data",
    "block with nodes",
    data({ block: { index: 3, value: filled(300, 7), nodes: [node(4, 10, 1), node(9, 70000, 2)] } }),
  ],
  ["data", "empty block", data({ block: { index: 0, value: Buffer.alloc(0), nodes: [] } })],
  ["data", "hash", data({ hash: { index: 7, nodes: [node(7, 1, 3)] } })],
  ["data", "seek", data({ seek: { bytes: 1000, nodes: [node(1, 2, 4), node(5, 6, 5)] } })],
  [
    "data",
    "upgrade",
    data({
      upgrade: {
        start: 0,
        length: 3,
        nodes: [node(1, 20, 6), node(4, 10, 7)],
        additionalNodes: [node(6, 10, 8)],
        signature: filled(64, 9),
      },
    }),
  ],
  [
    "data",
    "upgrade without signature",
    data({ upgrade: { start: 0, length: 1, nodes: [], additionalNodes: [], signature: null } }),
  ],
  ["data", "manifest version 1", data({ manifest: manifest({}) })],
  ["data", "manifest version 0", data({ manifest: manifest({ version: 0 }) })],
  [
    "data",
    "manifest version 2",
    data({
      manifest: manifest({
        version: 2,
        allowPatch: true,
        quorum: 2,
        signers: [signer(1), signer(3), signer(5)],
        prologue: { hash: filled(32, 8), length: 12 },
        linked: [filled(32, 10)],
        userData: Buffer.from("user"),
      }),
    }),
  ],
  [
    "data",
    "everything",
    data({
      request: 2 ** 33,
      fork: 3,
      block: { index: 1, value: Buffer.from("block"), nodes: [node(0, 5, 1)] },
      hash: { index: 3, nodes: [] },
      seek: { bytes: 5, nodes: [node(2, 5, 2)] },
      upgrade: { start: 1, length: 1, nodes: [], additionalNodes: [], signature: filled(64, 3) },
      manifest: manifest({}),
    }),
  ],
  ["noData", "without reason", { request: 1, reason: 0 }],
  ["noData", "not available", { request: 300, reason: 1 }],
  ["noData", "invalid request", { request: 1, reason: 2 }],
  ["want", "aligned", { start: 2097152, length: 2097152, any: false }],
  ["want", "any", { start: 10, length: 20, any: true }],
  ["unwant", "aligned", { start: 0, length: 2097152, any: false }],
  ["unwant", "any", { start: 10, length: 20, any: true }],
  ["bitfield", "empty", { start: 0, bitfield: new Uint32Array(0) }],
  ["bitfield", "two words", { start: 64, bitfield: new Uint32Array([0x80000001, 0x12345678]) }],
  ["range", "one block", { drop: false, start: 5, length: 1 }],
  ["range", "several blocks", { drop: false, start: 0, length: 100000 }],
  ["range", "dropped block", { drop: true, start: 300, length: 1 }],
  ["range", "dropped blocks", { drop: true, start: 7, length: 3 }],
  ["range", "no block", { drop: false, start: 0, length: 0 }],
  ["extension", "named", { name: "ext", message: Buffer.from("payload") }],
  ["extension", "name of the one before", { name: "", message: Buffer.from([0, 255]) }],
  ["extension", "empty", { name: "é", message: Buffer.alloc(0) }],
];

const messages = chosen.map(([kind, name, value]) => ({
  kind,
  name,
  hex: c.encode(KINDS[kind], value).toString("hex"),
  value: toJSON(value),
}));

const capabilities = [];
for (const isInitiator of [true, false]) {
  const key = filled(32, 1);
  const handshakeHash = filled(64, 2);
  capabilities.push({
    isInitiator,
    key: key.toString("hex"),
    handshakeHash: handshakeHash.toString("hex"),
    capability: caps.replicate(isInitiator, key, handshakeHash).toString("hex"),
  });
}

const traffic = await recordTraffic();
const target = new URL("../hypercore_replication/messages.json", import.meta.url);
const origin = { package: "hypercore", version, files: ["lib/messages.js", "lib/caps.js", "lib/replicator.js"] };
writeFileSync(target, JSON.stringify({ origin, messages, capabilities, traffic }, null, 1) + "\n");

/** Has one npm core download another and notes the bytes of every message that is decoded. */
async function recordTraffic() {
  const folder = mkdtempSync(join(tmpdir(), "replication-vectors-"));
  const seen = [];
  for (const [kind, codec] of Object.entries(KINDS)) {
    const { decode } = codec;
    codec.decode = (state, extra) => {
      const bytes = state.buffer.subarray(state.start, state.end);
      const value = decode(state, extra);
      seen.push({ kind, hex: Buffer.from(bytes).toString("hex") });
      return value;
    };
  }
  const writer = new Hypercore(join(folder, "writer"));
  
  await writer.append(Array.from({ length: 37 }, (_, i) => `block ${i} ${"x".repeat(i)}`));
  const reader = new Hypercore(join(folder, "reader"), writer.key);
  await reader.ready();
  const streams = [writer.replicate(true), reader.replicate(false)];
  streams[0].pipe(streams[1]).pipe(streams[0]);
  writer.registerExtension("greet", { encoding: "utf-8" });
  const extension = reader.registerExtension("greet", { encoding: "utf-8" });
  await reader.update({ wait: true });
  await reader.get(20);
  await reader.seek(300);
  extension.broadcast("hello");
  extension.broadcast("again");
  await reader.download({ start: 0, end: 9 }).done();
  await writer.append("live");
  await reader.get(37);
  // From a reader that has only some of it, wanting blocks it does not have.
  const second = new Hypercore(join(folder, "second"), writer.key);
  await second.ready();
  const more = [reader.replicate(true), second.replicate(false)];
  more[0].pipe(more[1]).pipe(more[0]);
  await second.get(20);
  await second.get(30, { timeout: 100 }).catch(() => {});
  const missed = second.get(31);
  await reader.get(31);
  await missed;
  await reader.clear(20);
  await new Promise((resolve) => setTimeout(resolve, 50));
  await second.close();
  await reader.close();
  await writer.close();
  rmSync(folder, { recursive: true, force: true });
  return seen;
}

/** Bytes become `{ hex }`. */
function toJSON(value) {
  if (value instanceof Uint32Array) value = Buffer.from(value.buffer, value.byteOffset, value.byteLength);
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString("hex") };
  if (Array.isArray(value)) return value.map(toJSON);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, toJSON(field)]));
}

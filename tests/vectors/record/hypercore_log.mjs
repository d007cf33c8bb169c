// Records tests/vectors/hypercore/{manifests,tree,proofs,multisig}.json from the npm package hypercore.
//
//   node tests/vectors/record/hypercore_log.mjs
//
// Blocks are made by a rule (see `block` here and in tests/helpers/log_vectors.ts), keys from fixed seeds, requests from a
// small seeded generator, so that every run writes the same files.
import { createRequire } from "node:module";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(new URL("../../interop/peers/package.json", import.meta.url));
const Hypercore = require("hypercore");
const Verifier = require("hypercore/lib/verifier");
const multisig = require("hypercore/lib/multisig");
const caps = require("hypercore/lib/caps");
const { MerkleTree } = require("hypercore/lib/merkle-tree");
const crypto = require("hypercore-crypto");
const origin = { package: "hypercore", version: require("hypercore/package.json").version };

const hex = (bytes) => bytes === null || bytes === undefined ? null : Buffer.from(bytes).toString("hex");
const keyPairs = [1, 2, 3, 4].map((seed) => crypto.keyPair(Buffer.alloc(32, seed)));
const block = (i) => Buffer.from(Array.from({ length: (i * 5) % 17 }, (_, j) => (i * 31 + j) & 255));
const blocks = (start, end) => Array.from({ length: end - start }, (_, i) => block(start + i));

const folders = [];
const cores = [];

async function open(key, options) {
  const folder = mkdtempSync(join(tmpdir(), "quince-vectors-"));
  folders.push(folder);
  const core = new Hypercore(folder, key, options);
  await core.ready();
  cores.push(core);
  return core;
}

function write(name, content) {
  const path = new URL(`../hypercore/${name}.json`, import.meta.url);
  // Small values on one line each, so that a change shows where it is.
  const text = JSON.stringify({ origin, ...content }, null, 1).replace(/\n {4,}/g, " ").replace(/\n {3}([}\]])/g, " $1");
  writeFileSync(path, text + "\n");
}

const signer = (i, namespace) => ({ publicKey: keyPairs[i].publicKey, ...(namespace && { namespace }) });

function recordManifests() {
  const hash = Buffer.alloc(32, 7);
  const inputs = {
    "one signer": { signers: [signer(0)] },
    "one signer, version 0": { version: 0, signers: [signer(0)] },
    "one signer, version 2": { version: 2, signers: [signer(0)] },
    "own namespace": { signers: [signer(0, Buffer.alloc(32, 9))] },
    "two of three": { quorum: 2, signers: [signer(0), signer(1), signer(2)] },
    "two of three by default": { signers: [signer(0), signer(1), signer(2)] },
    "two of three, version 0": { version: 0, quorum: 2, signers: [signer(0), signer(1), signer(2)] },
    "patches": { allowPatch: true, quorum: 1, signers: [signer(0), signer(1)] },
    "patches, version 0": { version: 0, allowPatch: true, quorum: 1, signers: [signer(0)] },
    "prologue": { signers: [signer(0)], prologue: { hash, length: 300 } },
    "static": { quorum: 0, signers: [], prologue: { hash, length: 3 } },
    "static, version 0": { version: 0, quorum: 0, signers: [], prologue: { hash, length: 0 } },
    "linked": { signers: [signer(0)], linked: [hash, keyPairs[3].publicKey] },
    "user data": { signers: [signer(0)], userData: Buffer.from("some data") },
    "everything": {
      version: 2,
      allowPatch: true,
      quorum: 2,
      signers: [signer(0), signer(1), signer(2, hash)],
      prologue: { hash, length: 70000 },
      linked: [hash],
      userData: Buffer.alloc(300, 5),
    },
    "no signers": { signers: [] },
  };
  const manifests = Object.entries(inputs).map(([name, input]) => {
    const manifest = Verifier.createManifest(input);
    return {
      name,
      input: manifestJson(input),
      manifest: manifestJson(manifest),
      encoded: hex(Verifier.encodeManifest(manifest)),
      key: hex(Verifier.manifestHash(manifest)),
    };
  });
  const refused = Object.entries({
    "negative quorum": { quorum: -1, signers: [signer(0)] },
    "quorum too high": { quorum: 2, signers: [signer(0)] },
    "signer without key": { signers: [{}] },
    "unknown signature": { signers: [{ ...signer(0), signature: "rsa" }] },
    "unknown hash": { signers: [signer(0)], hash: "sha1" },
    "user data in version 1": { version: 1, signers: [signer(0)], userData: Buffer.from("x") },
    "linked in version 1": { version: 1, signers: [signer(0)], linked: [hash] },
    "short linked key": { signers: [signer(0)], linked: [Buffer.alloc(31)] },
    "short prologue hash": { signers: [signer(0)], prologue: { hash: Buffer.alloc(31), length: 1 } },
    "negative prologue length": { signers: [signer(0)], prologue: { hash, length: -1 } },
  }).map(([name, input]) => {
    try {
      Verifier.createManifest(input);
    } catch (error) {
      return { name, input: manifestJson(input), code: error.code };
    }
    throw new Error(`Accepted: ${name}`);
  });
  const namespaces = [
    ...crypto.namespace("hypercore", 6).map(hex),
  ];
  const handshakeHash = Buffer.alloc(64, 3);
  const capabilities = [true, false].map((isInitiator) => ({
    isInitiator,
    key: hex(hash),
    handshakeHash: hex(handshakeHash),
    capability: hex(caps.replicate(isInitiator, hash, handshakeHash)),
  }));
  write("manifests", { namespaces, capabilities, manifests, refused });
}

function manifestJson(value) {
  return JSON.parse(JSON.stringify(value, function (key) {
    const raw = this[key];
    return raw instanceof Uint8Array ? { hex: hex(raw) } : raw;
  }));
}

async function recordTree() {
  const lengths = [1, 2, 3, 4, 5, 6, 7, 8, 9, 13, 16, 31, 32, 33, 100];
  const compat = await open(null, { keyPair: keyPairs[0], compat: true });
  const manifest = Verifier.createManifest({ signers: [signer(0)] });
  const modern = await open(null, { keyPair: keyPairs[0], manifest, compat: false });
  const legacyVerifier = new Verifier(keyPairs[0].publicKey, Verifier.defaultSignerManifest(keyPairs[0].publicKey), {
    legacy: true,
  });
  const states = [];
  for (const length of lengths) {
    await compat.append(blocks(compat.length, length));
    await modern.append(blocks(modern.length, length));
    const batch = compat.state.createTreeBatch();
    states.push({
      length,
      byteLength: compat.byteLength,
      roots: compat.state.roots.map((root) => root.index),
      treeHash: hex(await compat.treeHash()),
      compatSignable: hex(batch.signableCompat(false)),
      compatSignature: hex(compat.state.signature),
      legacySignable: hex(batch.signableCompat(true)),
      legacySignature: hex(legacyVerifier.sign(batch, keyPairs[0])),
      signable: hex(await modern.signable()),
      signature: hex(modern.state.signature),
    });
  }
  const rx = compat.state.storage.read();
  const reads = Array.from({ length: 2 * lengths.at(-1) - 1 }, (_, index) => rx.getTreeNode(index));
  rx.tryFlush();
  const nodes = (await Promise.all(reads)).filter((node) => node !== null).map((node) => [
    node.index,
    node.size,
    hex(node.hash),
  ]);
  const keys = { compat: hex(compat.key), modern: hex(modern.key), discoveryKey: hex(compat.discoveryKey) };
  write("tree", { secretKey: hex(keyPairs[0].secretKey), keys, states, nodes });
}

async function recordProofs() {
  const random = mulberry32(20260915);
  const below = (end) => Math.floor(random() * end);
  const logs = [];
  for (const length of [1, 2, 3, 5, 8, 13, 16, 21, 33, 64, 100]) {
    const core = await open(null, { keyPair: keyPairs[0] });
    await core.append(blocks(0, length));
    const requests = [
      ...fixedRequests(length),
      ...Array.from({ length: 120 }, () => randomRequest(below, length, core.byteLength)),
    ].filter((request) => !isBrokenSeek(request, core.state.roots[0].index));
    const proofs = [];
    for (const request of requests) proofs.push({ request, ...await proved(core, request) });
    logs.push({ length, proofs });
  }
  write("proofs", { secretKey: hex(keyPairs[0].secretKey), logs });
}

function fixedRequests(length) {
  const empty = { block: null, hash: null, seek: null, upgrade: null };
  return [
    { ...empty, upgrade: { start: 0, length } },
    { ...empty, upgrade: { start: 0, length: length + 1 } },
    { ...empty, upgrade: { start: length, length: 0 } },
    { ...empty, block: { index: 0, nodes: 0 } },
    { ...empty, block: { index: length - 1, nodes: 0 } },
    { ...empty, block: { index: 0, nodes: 60 } },
    { ...empty, block: { index: 0, nodes: 0 }, upgrade: { start: 0, length } },
    { ...empty, hash: { index: 2 * length - 2, nodes: 0 }, upgrade: { start: 0, length } },
    { ...empty, seek: { bytes: 0, padding: 0 }, upgrade: { start: 0, length } },
    { ...empty, seek: { bytes: 20, padding: 0 } },
  ];
}

// The package takes the offset of anything behind the first root for NaN (lib/merkle-tree.js, getByteOffsetBatch gives
// numbers where nodes are expected) and then answers without the seek.
function isBrokenSeek({ seek, block, hash }, firstRoot) {
  const index = block ? 2 * block.index : hash ? hash.index : 0;
  return seek !== null && index > 2 * firstRoot;
}

function randomRequest(below, length, byteLength) {
  const request = { block: null, hash: null, seek: null, upgrade: null };
  const shape = below(8);
  const index = below(length + (below(10) === 0 ? 2 : 0));
  const nodes = below(1 + Math.ceil(Math.log2(length)) + (below(10) === 0 ? 3 : 0));
  if (shape === 0 || shape === 3 || shape === 5) request.block = { index, nodes };
  if (shape === 1 || shape === 4 || shape === 6) {
    // Nodes of any height that lie within the tree, mostly.
    const height = below(4);
    request.hash = { index: (1 + 2 * Math.floor(index / 2 ** height)) * 2 ** height - 1, nodes };
  }
  if (shape >= 5 || below(9) === 0) request.seek = { bytes: below(byteLength + 3), padding: 0 };
  if (shape === 2 || shape === 3 || shape === 4 || shape === 7) {
    const start = below(length);
    request.upgrade = { start, length: 1 + below(length - start) + (below(15) === 0 ? 1 : 0) };
  }
  return request;
}

async function proved(core, request) {
  try {
    // As the replicator does it: core.proof() cannot seek.
    const rx = core.state.storage.read();
    const planned = await MerkleTree.proof(core.state, rx, structuredClone(request));
    rx.tryFlush();
    const proof = await planned.settle();
    const indexes = (part) => part === null ? null : part.map((node) => node.index);
    return {
      proof: {
        block: proof.block && { index: proof.block.index, nodes: indexes(proof.block.nodes) },
        hash: proof.hash && { index: proof.hash.index, nodes: indexes(proof.hash.nodes) },
        seek: proof.seek && { bytes: proof.seek.bytes, nodes: indexes(proof.seek.nodes) },
        upgrade: proof.upgrade && {
          start: proof.upgrade.start,
          length: proof.upgrade.length,
          nodes: indexes(proof.upgrade.nodes),
          additionalNodes: indexes(proof.upgrade.additionalNodes),
        },
      },
    };
  } catch (error) {
    return { error: error.code ?? error.name };
  }
}

async function recordMultisig() {
  const cases = [];
  for (const version of [0, 1, 2]) {
    for (const [allowPatch, lengths] of [[false, [5, 5, 5]], [true, [9, 5, 12]], [true, [8, 16, 8]], [true, [1, 3, 7]]]) {
      cases.push(await multisigCase(version, allowPatch, lengths));
    }
  }
  const signable = [[[3, 1, 2], 2], [[3, 1, 2], 1], [[3, 1, 2], 3], [[3, 1], 3], [[], 1], [[4, 4], 0]].map((
    [lengths, quorum],
  ) => ({ lengths, quorum, length: multisig.signableLength(lengths.slice(), quorum) }));
  write("multisig", { signable, cases });
}

// Three signers who hold logs of different lengths sign together, two are enough.
async function multisigCase(version, allowPatch, lengths) {
  const manifest = Verifier.createManifest({
    version,
    allowPatch,
    quorum: 2,
    signers: [signer(0), signer(1), signer(2)],
  });
  const verifier = Verifier.fromManifest(manifest);
  const common = multisig.signableLength(lengths.slice(), 2);
  const parts = [];
  for (let i = 0; i < lengths.length; i++) {
    if (lengths[i] < common) continue;
    const core = await open(null, { manifest, compat: false, keyPair: keyPairs[i] });
    await core.append(blocks(0, lengths[i]));
    const signature = verifier.sign(core.state.createTreeBatch(), keyPairs[i]);
    parts.push(await multisig.partialSignature(core, i, common, lengths[i], signature));
  }
  const source = await open(null, { keyPair: keyPairs[3] });
  await source.append(blocks(0, common));
  const batch = source.state.createTreeBatch();
  const two = parts.slice(0, 2);
  const combinations = {
    "two signers": two,
    "the other order": two.slice().reverse(),
    "all signers": parts,
    "one signer": two.slice(0, 1),
    "one signer twice": [two[0], two[0]],
    "unknown signer": [two[0], { ...two[1], signer: 7 }],
    "signer of another": [two[0], { ...two[1], signer: (two[1].signer + 1) % 3 }],
    ...(two[1].nodes && { "patch too long": [two[0], { ...two[1], patch: two[1].patch + 1 }] }),
  };
  const signatures = Object.entries(combinations).map(([name, inputs]) => {
    const assembled = verifier.assemble(inputs);
    return { name, inputs: inputs.map(partJson), assembled: hex(assembled), isValid: isValid(verifier, batch, assembled) };
  });
  return {
    version,
    allowPatch,
    manifest: hex(Verifier.encodeManifest(manifest)),
    length: common,
    treeHash: hex(await source.treeHash()),
    signatures,
  };
}

// The package throws on some malformed patches instead of answering false.
function isValid(verifier, batch, signature) {
  try {
    return verifier.verify(batch, signature);
  } catch {
    return false;
  }
}

function partJson(part) {
  return {
    signer: part.signer,
    signature: hex(part.signature),
    patch: part.patch,
    nodes: part.nodes && part.nodes.map((node) => [node.index, node.size, hex(node.hash)]),
  };
}

function mulberry32(seed) {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296;
  };
}

try {
  recordManifests();
  await recordTree();
  await recordProofs();
  await recordMultisig();
} finally {
  for (const core of cores) await core.close();
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
}

// A npm hypercore that does what it is told: one JSON command per line on standard input, each answered by one line.
// Cores live in folders under the one given as first argument; connections are TCP on 127.0.0.1.
import { connect, createServer } from "node:net";
import { join } from "node:path";
import Hypercore from "hypercore";
import crypto from "hypercore-crypto";
import { serveCommands } from "../commands.mjs";

const [root] = process.argv.slice(2);
const cores = new Map();
const servers = new Map();
const streams = new Map();
const messages = [];
const drafts = new Map();

const commands = {
  async open({ name, key, encoding, ...options }) {
    if (options.keyPair) options.keyPair = fromHexFields(options.keyPair);
    if (options.manifest) options.manifest = fromHexFields(options.manifest);
    if (options.encryption) options.encryption = fromHexFields(options.encryption);
    if (encoding) options.valueEncoding = encoding;
    const core = new Hypercore(
      join(root, name),
      key ? Buffer.from(key, "hex") : null,
      options,
    );
    cores.set(name, core);
    core.failures = [];
    core.downloads = 0;
    core.heard = [];
    core.on("truncate", (length, fork) => core.heard.push(["truncate", length, fork]));
    core.on("conflict", (length, fork) => core.heard.push(["conflict", length, fork]));
    core.on("close", () => core.heard.push(["close"]));
    core.on("verification-error", (error) => core.failures.push(error.code));
    core.on("download", () => core.downloads++);
    await core.ready();
    return describe(core);
  },
  describe: ({ name }) => describe(core(name)),
  async append({ name, blocks, generate }) {
    if (generate) {
      blocks = generated(generate).map((block) => block.toString("hex"));
    }
    const { length } = await core(name).append(
      blocks.map((hex) => Buffer.from(hex, "hex")),
    );
    return length;
  },
  async appendText({ name, blocks }) {
    return (await core(name).append(blocks)).length;
  },
  async get({ name, index, ...options }) {
    const block = await core(name).get(index, options);
    return block === null ? null : Buffer.from(block).toString("hex");
  },
  async download({ name, ...range }) {
    return await core(name).download(range).done();
  },
  async readHash({ name, start = 0, end }) {
    const { createHash } = await import("node:crypto");
    const hash = createHash("sha256");
    for (let i = start; i < end; i++) hash.update(await core(name).get(i));
    return hash.digest("hex");
  },
  update: ({ name, ...options }) => core(name).update(options),
  seek: ({ name, bytes }) => core(name).seek(bytes),
  has: ({ name, start, end }) => core(name).has(start, end),
  truncate: ({ name, length }) => core(name).truncate(length),
  heard: ({ name }) => core(name).heard,
  async waitHeard({ name, event }) {
    while (!core(name).heard.some(([heard]) => heard === event)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return core(name).heard;
  },
  push: ({ name, index }) => core(name).core.replicator.push(index),
  async waitAllowPush({ name }) {
    while (!core(name).peers.some((peer) => peer.remoteAllowPush)) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  },
  waitDownloads: ({ name, count }) => waitUntil(core(name), "download", () => core(name).downloads >= count),
  copyPrologue: ({ name, from }) => core(name).core.copyPrologue(core(from).state),
  async remoteProof({ name, treeIndex }) {
    return (await core(name).generateRemoteProofForTreeNode(treeIndex)).toString("hex");
  },
  recover: ({ name, proof }) => core(name).recoverFromRemoteProof(Buffer.from(proof, "hex")),
  // Misbehaves: puts another block in place of a stored one, so that its proofs are wrong.
  async tamper({ name, index }) {
    const tx = core(name).state.storage.write();
    tx.putBlock(index, Buffer.from("not what was signed"));
    await tx.flush();
  },
  // Misbehaves: asks every peer for `count` blocks at once, the same ones over and over.
  flood({ name, count }) {
    for (const peer of core(name).peers) {
      peer.protomux.cork();
      for (let id = 1; id <= count; id++) {
        const block = { index: id % core(name).length, nodes: 0 };
        peer.wireRequest.send({
          id,
          fork: 0,
          block,
          hash: null,
          seek: null,
          upgrade: null,
          manifest: false,
          priority: 1,
        });
      }
      peer.protomux.uncork();
    }
  },
  // What a signer has to sign so that `blocks` are appended: they wait in a branch until `commit`.
  async draft({ name, branch, blocks }) {
    const draft = core(name).session({ name: branch });
    await draft.append(blocks.map((hex) => Buffer.from(hex, "hex")));
    drafts.set(branch, draft);
    return (await draft.signable(draft.length, core(name).fork)).toString("hex");
  },
  sign({ signable, keyPair }) {
    const { secretKey } = fromHexFields(keyPair);
    return crypto.sign(Buffer.from(signable, "hex"), secretKey).toString("hex");
  },
  async commit({ name, branch, signature }) {
    const result = await core(name).commit(drafts.get(branch), { signature: Buffer.from(signature, "hex") });
    await drafts.get(branch).close();
    drafts.delete(branch);
    return result;
  },
  clear: ({ name, start, end }) => core(name).clear(start, end),
  async treeHash({ name, length }) {
    return (await core(name).treeHash(length)).toString("hex");
  },
  waitFork: ({ name, fork, length }) =>
    waitUntil(
      core(name),
      ["append", "truncate"],
      () => core(name).fork === fork && core(name).length >= length,
    ),
  waitLength: ({ name, length }) => waitUntil(core(name), "append", () => core(name).length >= length),
  waitContiguous: ({ name, length }) =>
    waitUntil(
      core(name),
      "download",
      () => core(name).contiguousLength >= length,
    ),
  extension({ name, extension }) {
    const handle = core(name).registerExtension(extension, {
      encoding: "utf-8",
      onmessage: (message) => messages.push({ extension, message }),
    });
    core(name)[`extension ${extension}`] = handle;
  },
  broadcast({ name, extension, message }) {
    core(name)[`extension ${extension}`].broadcast(message);
  },
  async messages({ count }) {
    while (messages.length < count) {
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
    return messages.splice(0, count);
  },
  async listen({ names }) {
    const server = createServer((socket) => attach(socket, false, names));
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address();
    servers.set(port, server);
    return port;
  },
  connect({ port, names }) {
    attach(connect(port, "127.0.0.1"), true, names);
  },
  disconnect() {
    for (const socket of streams.keys()) socket.destroy();
  },
  async close({ name }) {
    await core(name).close();
    cores.delete(name);
  },
};

function attach(socket, isInitiator, names) {
  const stream = Hypercore.createProtocolStream(isInitiator);
  for (const name of names) core(name).replicate(stream);
  streams.set(socket, stream);
  socket.on("close", () => streams.delete(socket));
  socket.on("error", (error) => stream.destroy(error));
  stream.on("error", () => socket.destroy());
  stream.pipe(socket).pipe(stream);
}

function core(name) {
  const core = cores.get(name);
  if (!core) throw new Error(`No core called ${name} is open`);
  return core;
}

function describe(core) {
  return {
    key: core.key.toString("hex"),
    discoveryKey: core.discoveryKey.toString("hex"),
    id: core.id,
    length: core.length,
    byteLength: core.byteLength,
    fork: core.fork,
    contiguousLength: core.contiguousLength,
    remoteContiguousLength: core.remoteContiguousLength,
    signature: core.state?.signature?.toString("hex") ?? null,
    manifest: core.manifest ? Buffer.from(core.getManifest({ raw: true })).toString("hex") : null,
    writable: core.writable,
    peers: core.peers.length,
    failures: core.failures,
    downloads: core.downloads,
  };
}

function waitUntil(emitter, events, holds) {
  return new Promise((resolve) => {
    const check = () => {
      if (!holds()) return;
      for (const event of [events].flat()) emitter.off(event, check);
      resolve(true);
    };
    for (const event of [events].flat()) emitter.on(event, check);
    check();
  });
}

// Blocks of `byteLength` bytes that both sides can make: the block's index, little-endian, then its low byte repeated.
function generated({ start, count, byteLength }) {
  return Array.from({ length: count }, (_, i) => {
    const block = Buffer.alloc(byteLength, (start + i) & 255);
    block.writeUInt32LE(start + i, 0);
    return block;
  });
}

function fromHexFields(value) {
  if (typeof value === "string" && value.startsWith("hex:")) {
    return Buffer.from(value.slice(4), "hex");
  }
  if (Array.isArray(value)) return value.map(fromHexFields);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, field]) => [name, fromHexFields(field)]),
  );
}

serveCommands(commands);

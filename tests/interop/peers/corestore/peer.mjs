// A npm corestore that does what it is told: one JSON command per line on standard input, each answered by one line.
// Stores live in folders under the one given as first argument; connections are TCP on 127.0.0.1.
import { connect, createServer } from "node:net";
import { join } from "node:path";
import Corestore from "corestore";
import { serveCommands } from "../commands.mjs";

const [root] = process.argv.slice(2);
const stores = new Map();
const cores = new Map();
const servers = new Map();
const sockets = new Set();

const commands = {
  async open({ name, primaryKey, ...options }) {
    if (primaryKey) options = { ...options, primaryKey: Buffer.from(primaryKey, "hex"), unsafe: true };
    const store = new Corestore(join(root, name), options);
    stores.set(name, store);
    await store.ready();
    return { primaryKey: hex(store.primaryKey) };
  },
  // `path` chains namespaces; what is opened is known as `id` from then on.
  async get({ store, id, path = [], key, discoveryKey, ...options }) {
    const within = path.reduce((parent, name) => parent.namespace(name), stores.get(store));
    if (key) options.key = Buffer.from(key, "hex");
    if (discoveryKey) options.discoveryKey = Buffer.from(discoveryKey, "hex");
    const core = within.get(options);
    cores.set(id, core);
    await core.ready();
    return describe(core);
  },
  // Opens and reads one block of each of many cores at once.
  async readAll({ store, keys, index = 0 }) {
    return await Promise.all(keys.map(async (key) => {
      const core = stores.get(store).get({ key: Buffer.from(key, "hex") });
      return hex(await core.get(index));
    }));
  },
  // Creates many named cores with one block each, and closes them if told to.
  async fill({ store, prefix, start, end, close = false }) {
    const keys = [];
    for (let i = start; i < end; i++) {
      const core = stores.get(store).get({ name: `${prefix} ${i}` });
      await core.append(Buffer.from(`${prefix} ${i}`));
      keys.push(hex(core.key));
      if (close) await core.close();
    }
    return keys;
  },
  async truncate({ id, length }) {
    await cores.get(id).truncate(length);
  },
  describe: ({ id }) => describe(cores.get(id)),
  async append({ id, blocks }) {
    return (await cores.get(id).append(blocks.map((block) => Buffer.from(block, "hex")))).length;
  },
  async block({ id, index, ...options }) {
    const block = await cores.get(id).get(index, options);
    return block && hex(block);
  },
  async contiguous({ id, length }) {
    const core = cores.get(id);
    await core.download({ start: 0, end: length }).done();
    return core.contiguousLength;
  },
  async update({ id }) {
    return await cores.get(id).update({ wait: true });
  },
  async waitLength({ id, length }) {
    const core = cores.get(id);
    while (core.length < length) await new Promise((resolve) => core.once("append", resolve));
    return core.length;
  },
  // Fetches all blocks of one state of a core, whatever it knew before; the hash over its tree.
  async follow({ id, length, fork }) {
    const core = cores.get(id);
    while (core.fork !== fork || core.length < length) {
      await new Promise((resolve) => {
        core.once("append", resolve);
        core.once("truncate", resolve);
      });
    }
    await core.download({ start: 0, end: length }).done();
    return hex(await core.treeHash(length));
  },
  async list({ store, namespace }) {
    const keys = [];
    const stream = stores.get(store).list(namespace ? Buffer.from(namespace, "hex") : undefined);
    for await (const key of stream) keys.push(hex(key));
    return keys;
  },
  async closeCore({ id }) {
    await cores.get(id).close();
    cores.delete(id);
  },
  async listen({ store }) {
    const server = createServer((socket) => attach(socket, false, store));
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    const { port } = server.address();
    servers.set(port, server);
    return port;
  },
  connect({ store, port }) {
    attach(connect(port, "127.0.0.1"), true, store);
  },
  disconnect() {
    for (const socket of sockets) socket.destroy();
  },
  async close({ store }) {
    await stores.get(store).close();
    stores.delete(store);
  },
};

function attach(socket, isInitiator, store) {
  const stream = stores.get(store).replicate(isInitiator);
  sockets.add(socket);
  socket.on("close", () => sockets.delete(socket));
  socket.on("error", (error) => stream.destroy(error));
  stream.on("error", () => socket.destroy());
  stream.pipe(socket).pipe(stream);
}

function describe(core) {
  return {
    key: hex(core.key),
    discoveryKey: hex(core.discoveryKey),
    length: core.length,
    fork: core.fork,
    writable: core.writable,
    manifest: core.manifest ? hex(core.getManifest({ raw: true })) : null,
    peers: core.peers.length,
  };
}

function hex(bytes) {
  return Buffer.from(bytes).toString("hex");
}

serveCommands(commands);

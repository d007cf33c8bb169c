// npm hyperdrives that do what they are told: one JSON command per line on standard input, each answered by one line.
// Stores live in folders; connections are TCP on 127.0.0.1; bytes travel as hexadecimal digits.
import { createHash } from "node:crypto";
import { connect, createServer } from "node:net";
import Corestore from "corestore";
import HyperDHT from "hyperdht";
import Hyperdrive from "hyperdrive";
import Hyperswarm from "hyperswarm";
import Localdrive from "localdrive";
import { serveCommands } from "../commands.mjs";
import { hex } from "../report.mjs";

const digest = (data) => createHash("sha256").update(data).digest("hex");
const bytes = (text) => Buffer.from(text, "hex");
const drives = new Map();
const watchers = new Map();

function attach(socket, store, isInitiator) {
  const stream = store.replicate(isInitiator);
  stream.on("error", () => socket.destroy());
  socket.on("error", () => stream.destroy());
  socket.on("close", () => stream.destroy());
  stream.pipe(socket).pipe(stream);
}

async function collect(iterable) {
  const items = [];
  for await (const item of iterable) items.push(item);
  return items;
}

async function blocksOf(core) {
  const blocks = [];
  for (let index = 0; index < core.length; index++) {
    blocks.push(hex(await core.get(index, { raw: true, valueEncoding: "binary" })));
  }
  return blocks;
}

const commands = {
  async open({ drive, folder, primaryKey, key, encryptionKey }) {
    const store = new Corestore(folder, primaryKey ? { primaryKey: bytes(primaryKey), unsafe: true } : {});
    const opened = new Hyperdrive(store, key ? bytes(key) : null, {
      encryptionKey: encryptionKey ? bytes(encryptionKey) : null,
    });
    drives.set(drive, opened);
    await opened.ready();
    return { key: hex(opened.key), contentKey: hex(opened.contentKey), primaryKey: hex(store.primaryKey) };
  },
  // Runs steps such as ["put", "/a", "6869"].
  async run({ drive, steps }) {
    let target = drives.get(drive);
    for (const [op, ...args] of steps) {
      if (op === "batch") target = target.batch();
      else if (op === "flush") {
        await target.flush();
        target = drives.get(drive);
      } else if (op === "put") await target.put(args[0], bytes(args[1]), args[2]);
      else if (op === "stream") {
        await new Promise((resolve, reject) => {
          const stream = target.createWriteStream(args[0], args[2]);
          stream.on("error", reject).on("close", resolve);
          for (const part of args[1]) stream.write(bytes(part));
          stream.end();
        });
      } else await target[op](...args);
    }
    return drives.get(drive).version;
  },
  async state({ drive }) {
    const { db, blobs, version } = drives.get(drive);
    return { version, metadata: await blocksOf(db.core), blobs: await blocksOf(blobs.core) };
  },
  update: ({ drive }) => drives.get(drive).core.update({ wait: true, force: true }),
  version: ({ drive }) => drives.get(drive).version,
  list: ({ drive, folder, options }) => collect(drives.get(drive).list(folder, options)),
  readdir: ({ drive, folder }) => collect(drives.get(drive).readdir(folder)),
  diff: ({ drive, version, folder }) => collect(drives.get(drive).diff(version, folder)),
  async get({ drive, path, options, version }) {
    const view = version === undefined ? drives.get(drive) : drives.get(drive).checkout(version);
    return hex(await view.get(path, options));
  },
  async tree({ drive }) {
    const tree = {};
    for await (const { key, value } of drives.get(drive).list("/")) {
      tree[key] = value.linkname ? `-> ${value.linkname}` : digest(await drives.get(drive).get(key));
    }
    return tree;
  },
  async download({ drive, folder }) {
    await drives.get(drive).download(folder).done();
  },
  has: ({ drive, path }) => drives.get(drive).has(path),
  async clear({ drive, path }) {
    await drives.get(drive).clear(path);
  },
  async mirrorTo({ drive, folder, options }) {
    const mirror = drives.get(drive).mirror(new Localdrive(folder), options);
    await mirror.done();
    return mirror.count;
  },
  async mirrorFrom({ drive, folder, options }) {
    const mirror = new Localdrive(folder).mirror(drives.get(drive), options);
    await mirror.done();
    return mirror.count;
  },
  async watch({ drive, folder }) {
    const watcher = drives.get(drive).watch(folder);
    watchers.set(drive, watcher);
    await watcher.ready();
  },
  async watched({ drive }) {
    const { value } = await watchers.get(drive).next();
    return value.map((view) => view.version);
  },
  async listen({ drive }) {
    const server = createServer((socket) => attach(socket, drives.get(drive).corestore, false));
    await new Promise((resolve) => server.listen(0, "127.0.0.1", resolve));
    return server.address().port;
  },
  connect({ drive, port }) {
    attach(connect(port, "127.0.0.1"), drives.get(drive).corestore, true);
  },
  // Resolves once the drive is announced and whoever was found is connected.
  async swarm({ drive, bootstrap }) {
    const { corestore, discoveryKey } = drives.get(drive);
    const swarm = new Hyperswarm({ dht: new HyperDHT({ bootstrap, host: "127.0.0.1" }) });
    swarm.on("connection", (connection) => corestore.replicate(connection));
    const joined = swarm.join(discoveryKey);
    await joined.flushed();
    await swarm.flush();
    return hex(swarm.keyPair.publicKey);
  },
  async close({ drive }) {
    await drives.get(drive).close();
    drives.delete(drive);
  },
};

serveCommands(commands);

// npm hyperblobs that do as they are told; see tests/helpers/npm_peer.ts. Cores lie in folders below the first argument.
import { createHash } from "node:crypto";
import { join } from "node:path";
import Hyperblobs from "hyperblobs";
import { serveCommands } from "../commands.mjs";
import { connect, fetchAll, listen, openCore } from "../hypercore/replicate.mjs";

const [root] = process.argv.slice(2);
const stores = new Map();

serveCommands({
  async open({ name, key, keyPair, blockSize }) {
    const core = await openCore(join(root, name), { key, keyPair });
    const blobs = new Hyperblobs(core, { blockSize });
    stores.set(name, blobs);
    return { key: core.key.toString("hex") };
  },
  put: ({ name, hex, ...options }) => stores.get(name).put(Buffer.from(hex, "hex"), options),
  async write({ name, chunks, ...options }) {
    const stream = stores.get(name).createWriteStream(options);
    for (const chunk of chunks) stream.write(Buffer.from(chunk, "hex"));
    stream.end();
    await new Promise((resolve, reject) => stream.once("error", reject).once("close", resolve));
    return stream.id;
  },
  async batch({ name, blobs }) {
    const batch = stores.get(name).batch();
    const ids = [];
    for (const hex of blobs) ids.push(await batch.put(Buffer.from(hex, "hex")));
    await batch.flush();
    return ids;
  },
  async get({ name, at, ...options }) {
    const bytes = await stores.get(name).get(at, options);
    return bytes === null ? null : Buffer.from(bytes).toString("hex");
  },
  async read({ name, at, ...options }) {
    const parts = [];
    for await (const part of stores.get(name).createReadStream(at, options)) parts.push(part);
    return Buffer.concat(parts).toString("hex");
  },
  async hash({ name, at }) {
    const hash = createHash("sha256");
    for await (const part of stores.get(name).createReadStream(at)) hash.update(part);
    return hash.digest("hex");
  },
  byteLength: ({ name, at }) => stores.get(name).getByteLength(at),
  async blockMap({ name, at }) {
    return (await stores.get(name).getBlockMap(at)).blocks;
  },
  async clear({ name, at }) {
    const { core } = stores.get(name);
    await stores.get(name).clear(at);
    const left = [];
    for (let i = 0; i < core.length; i++) if (await core.has(i)) left.push(i);
    return left;
  },
  treeHash: async ({ name }) => (await stores.get(name).core.treeHash()).toString("hex"),
  length: ({ name }) => stores.get(name).core.length,
  fetchAll: ({ name, length }) => fetchAll(stores.get(name).core, length),
  listen: ({ name }) => listen(stores.get(name).core),
  connect: ({ name, port }) => connect(stores.get(name).core, port),
});

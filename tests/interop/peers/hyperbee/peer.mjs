// npm bees that do as they are told; see tests/helpers/npm_peer.ts. Cores lie in folders below the first argument.
import { createHash } from "node:crypto";
import { join } from "node:path";
import Hyperbee from "hyperbee";
import { serveCommands } from "../commands.mjs";
import { connect, fetchAll, listen, openCore, reachLength } from "../hypercore/replicate.mjs";
import { ArrayCore } from "./array_core.mjs";
import { program, run } from "./programs.mjs";

const [root] = process.argv.slice(2);
const bees = new Map();

serveCommands({
  /** SHA-256 over the blocks of each program from `start` to `end`. */
  async programs({ start, end }) {
    const hashes = [];
    for (let seed = start; seed < end; seed++) {
      const core = new ArrayCore();
      const bee = new Hyperbee(core, {
        keyEncoding: "utf-8",
        valueEncoding: "utf-8",
        extension: false,
        alwaysDuplicate: seed % 3 !== 0,
      });
      await bee.ready();
      await run(bee, program(seed));
      hashes.push(hashOf(core.blocks));
    }
    return hashes;
  },
  async open({ name, key, keyPair, ...options }) {
    const core = await openCore(join(root, name), { key, keyPair });
    const messages = recordMessages(core);
    if (options.metadata?.contentFeed) {
      options.metadata.contentFeed = Buffer.from(options.metadata.contentFeed, "hex");
    }
    const bee = new Hyperbee(core, { keyEncoding: "utf-8", valueEncoding: "utf-8", ...options });
    await bee.ready();
    bees.set(name, { bee, core, messages });
    return { key: core.key.toString("hex"), version: bee.version };
  },
  async run({ name, seed }) {
    const { bee } = bees.get(name);
    await run(bee, program(seed));
    return bee.version;
  },
  async fill({ name, count, prefix = "k" }) {
    const batch = bees.get(name).bee.batch();
    for (let i = 0; i < count; i++) await batch.put(prefix + String(i).padStart(6, "0"), String(i));
    await batch.flush();
    return bees.get(name).bee.version;
  },
  async subPut({ name, sub, key, value }) {
    await bees.get(name).bee.sub(sub).put(key, value);
  },
  async get({ name, version, key, ...options }) {
    const { bee } = bees.get(name);
    return await (version ? bee.checkout(version) : bee).get(key, options);
  },
  async entries({ name, version, range, sub }) {
    let { bee } = bees.get(name);
    if (version) bee = bee.checkout(version);
    if (sub) bee = bee.sub(sub);
    return await all(bee.createReadStream(range));
  },
  async history({ name, ...options }) {
    return await all(bees.get(name).bee.createHistoryStream(options));
  },
  async diff({ name, version, other }) {
    return await all(bees.get(name).bee.checkout(version).createDiffStream(other));
  },
  async header({ name }) {
    const { protocol, metadata } = await bees.get(name).bee.getHeader();
    return { protocol, contentFeed: metadata?.contentFeed?.toString("hex") ?? null };
  },
  async blocks({ name }) {
    const { core } = bees.get(name);
    const blocks = [];
    for (let i = 0; i < core.length; i++) blocks.push((await core.get(i)).toString("hex"));
    return blocks;
  },
  async clearUnlinked({ name }) {
    const { bee, core } = bees.get(name);
    await bee.clearUnlinked();
    const left = [];
    for (let i = 0; i < core.length; i++) if (await core.has(i)) left.push(i);
    return left;
  },
  treeHash: async ({ name }) => (await bees.get(name).core.treeHash()).toString("hex"),
  version: ({ name }) => bees.get(name).bee.version,
  has: ({ name, seq }) => bees.get(name).core.has(seq),
  reachLength: ({ name, length }) => reachLength(bees.get(name).core, length),
  fetchAll: ({ name, length }) => fetchAll(bees.get(name).core, length),
  listen: ({ name }) => listen(bees.get(name).core),
  connect: ({ name, port }) => connect(bees.get(name).core, port),
  /** What was said over the extension, as { sent } or { received }, hexadecimal. */
  messages: ({ name }) => bees.get(name).messages.splice(0),
});

function recordMessages(core) {
  const messages = [];
  const { registerExtension } = core;
  core.registerExtension = (name, handlers) => {
    const { onmessage } = handlers;
    handlers.onmessage = function (message, from) {
      messages.push({ received: Buffer.from(message).toString("hex") });
      return onmessage.call(this, message, from);
    };
    const extension = registerExtension.call(core, name, handlers);
    for (const way of ["send", "broadcast"]) {
      const send = extension[way];
      extension[way] = function (message, ...rest) {
        messages.push({ sent: Buffer.from(message).toString("hex") });
        return send.call(this, message, ...rest);
      };
    }
    return extension;
  };
  return messages;
}

function hashOf(blocks) {
  const hash = createHash("sha256");
  for (const block of blocks) hash.update(String(block.byteLength) + " ").update(block);
  return hash.digest("hex");
}

async function all(stream) {
  const items = [];
  for await (const item of stream) items.push(item);
  return items;
}

// A npm hypercore in the folder given as argument that proves and verifies without a network: one JSON command per line on
// standard input, each answered by one line. Bytes travel as { hex }.
import { createRequire } from "node:module";
import Hypercore from "hypercore";
import { onCommand, report } from "../report.mjs";

const require = createRequire(import.meta.url);
const { MerkleTree } = require("hypercore/lib/merkle-tree");

const [folder] = process.argv.slice(2);
let core = null;
let reorg = null;

const commands = {
  async open({ key = null, keyPair, manifest, compat }) {
    core = new Hypercore(folder, key, { keyPair, manifest, compat });
    await core.ready();
    return describe();
  },
  describe,
  async append({ blocks, signature }) {
    await core.append(blocks, { signature });
    return describe();
  },
  async truncate({ length }) {
    await core.truncate(length);
    return describe();
  },
  missingNodes: ({ index }) => MerkleTree.missingNodes(core.state, index, core.state.length),
  async prove({ request }) {
    const rx = core.state.storage.read();
    const block = request.block ? rx.getBlock(request.block.index) : null;
    const planned = await MerkleTree.proof(core.state, rx, request);
    rx.tryFlush();
    const proof = await planned.settle();
    if (block) proof.block.value = await block;
    return { ...proof, manifest: core.manifest };
  },
  async verify({ proof }) {
    try {
      return await core.core.verify(proof, null);
    } catch (error) {
      return error.code;
    }
  },
  async verifyReorg({ proof }) {
    reorg = await core.core.verifyReorg(proof);
    return reorg.want;
  },
  async updateReorg({ proof }) {
    await reorg.update(proof);
    return reorg.want;
  },
  reorg: () => core.core.reorg(reorg),
  get: ({ index }) => core.get(index, { wait: false }),
  async seek({ bytes }) {
    const seeker = MerkleTree.seek(core.state, bytes, 0);
    return await seeker.update() ?? { start: seeker.start, end: seeker.end };
  },
};

async function describe() {
  return {
    key: core.key,
    manifest: core.manifest,
    length: core.length,
    byteLength: core.byteLength,
    fork: core.fork,
    contiguousLength: core.contiguousLength,
    treeHash: MerkleTree.hash(core.state),
    signature: core.state.signature,
  };
}

function revived(value) {
  if (Array.isArray(value)) return value.map(revived);
  if (typeof value !== "object" || value === null) return value;
  if (typeof value.hex === "string") return Buffer.from(value.hex, "hex");
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, revived(item)]));
}

function packed(value) {
  if (value instanceof Uint8Array) return { hex: Buffer.from(value).toString("hex") };
  if (Array.isArray(value)) return value.map(packed);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, packed(item)]));
}

process.stdin.on("end", async () => {
  if (core) await core.close();
});

onCommand(async ({ command, ...args }) => {
  report("result", { value: packed(await commands[command](revived(args))) });
});

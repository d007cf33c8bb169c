/**
 * Fetches the last block of a bee as the block of a core that it is, and decodes it with the bee's own codec.
 *
 *     deno run --allow-net=127.0.0.1 examples/dictionary_core_reader.ts KEY 127.0.0.1:PORT
 *
 * The writer's half is `dictionary_writer.ts`.
 *
 * @module
 */
import process from "node:process";
import { Node, YoloIndex } from "@quince/quince/hyperbee/messages";
import Hypercore from "@quince/quince/hypercore";
import { connectPeer } from "./support/tcp_peers.ts";

const [key, address] = process.argv.slice(2);
if (key === undefined || address === undefined) {
  process.stderr.write("Usage: dictionary_core_reader.ts KEY HOST:PORT\n");
  process.exit(2);
}

const core = new Hypercore(null, key);
await core.ready();

connectPeer(address, (isInitiator) => core.replicate(isInitiator), (error) => {
  process.stderr.write(`The writer is gone${error ? `: ${error.message}` : ""}\n`);
  process.exit(1);
});

const found = core.findingPeers();
core.once("peer-add", () => found());
await core.update();

const seq = core.length - 1;
const block = (await core.get(seq))!;
const node = Node.decode(block);
const text = new TextDecoder();
process.stdout.write(`block ${seq}, ${block.byteLength} bytes\n`);
process.stdout.write(`key ${text.decode(node.key)}\n`);
process.stdout.write(`value ${text.decode(node.value ?? new Uint8Array(0))}\n`);
for (const { keys, children } of YoloIndex.decode(node.index).levels) {
  process.stdout.write(`tree node of ${keys.length} keys, ${children.length / 2} children\n`);
}
process.exit(0);

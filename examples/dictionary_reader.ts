/**
 * Looks up each word of standard input, one a line, in the bee of a writer, and fetches only the blocks that lead there.
 *
 *     deno run --allow-net=127.0.0.1 examples/dictionary_reader.ts KEY 127.0.0.1:PORT
 *
 * The writer's half is `dictionary_writer.ts`.
 *
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";
import Hyperbee from "@quince/quince/hyperbee";
import Hypercore from "@quince/quince/hypercore";
import { connectPeer } from "./support/tcp_peers.ts";

const [key, address] = process.argv.slice(2);
if (key === undefined || address === undefined) {
  process.stderr.write("Usage: dictionary_reader.ts KEY HOST:PORT < WORDS\n");
  process.exit(2);
}

const core = new Hypercore(null, key);
const bee = new Hyperbee<string, string>(core, { keyEncoding: "utf-8", valueEncoding: "utf-8" });
await bee.ready();
let fetchedCount = 0;
core.on("download", () => fetchedCount++);

connectPeer(address, (isInitiator) => bee.replicate(isInitiator), (error) => {
  process.stderr.write(`The writer is gone${error ? `: ${error.message}` : ""}\n`);
  process.exit(1);
});

const found = core.findingPeers();
core.once("peer-add", () => found());
await bee.update();

for await (const line of createInterface({ input: process.stdin })) {
  const word = line.trim();
  if (word === "") continue;
  const entry = await bee.get(word);
  process.stdout.write(entry === null ? `${word} is not in the dictionary\n` : `${word}: ${entry.value}\n`);
}
process.stdout.write(`fetched ${fetchedCount} of ${core.length} blocks\n`);
process.exit(0);

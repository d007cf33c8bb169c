/**
 * Appends each line of standard input to a log on disk and serves it to everyone who looks for it.
 *
 *     deno run --unstable-net --allow-net --allow-read=log --allow-write=log examples/hypercore_writer.ts log < README.md
 *
 * Prints the log's key, and its length at the end of the input; serves on until interrupted. Readers find the log by the
 * hash of its key: `hypercore_reader.ts` is their half. In a network of your own (`private_network.ts`) both get
 * `--bootstrap HOST:PORT`, and `--host HOST` names the address to bind to.
 *
 * A block is a line with its line break, so that a blank line is a block like any other.
 *
 * @module
 */
import process from "node:process";
import Hypercore from "@quince/quince/hypercore";
import Hyperswarm from "@quince/quince/hyperswarm";
import { lineBatches } from "./support/lines.ts";
import { atTheEnd, exampleArguments } from "./support/network.ts";

const { positionals: [folder], createNode } = exampleArguments();
if (folder === undefined) {
  process.stderr.write("Usage: hypercore_writer.ts FOLDER [--bootstrap HOST:PORT] [--host HOST] < LINES\n");
  process.exit(2);
}

const core = new Hypercore(folder);
await core.ready();

const swarm = new Hyperswarm({ dht: createNode() });
swarm.on("connection", (connection) => core.replicate(connection));
atTheEnd(() => swarm.destroy().then(() => core.close()));

const announcing = swarm.join(core.discoveryKey!, { client: false }).flushed();
process.stdout.write(`key ${core.id}\n`);
for await (const lines of lineBatches(process.stdin)) await core.append(lines);
await announcing;
process.stdout.write(`length ${core.length} blocks, ${core.byteLength} bytes\n`);

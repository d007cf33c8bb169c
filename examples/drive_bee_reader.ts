/**
 * A drive as the bee that it is: lists what the metadata of its files says, each time they change.
 *
 *     deno run --unstable-net --allow-net examples/drive_bee_reader.ts KEY
 *
 * Fetches no file: only the blocks of the bee. The drive is written by `drive_writer.ts`.
 *
 * @module
 */
import process from "node:process";
import Hyperbee from "@quince/quince/hyperbee";
import Hypercore from "@quince/quince/hypercore";
import Hyperswarm from "@quince/quince/hyperswarm";
import { atTheEnd, exampleArguments } from "./support/network.ts";

const { positionals: [key], createNode } = exampleArguments();
if (key === undefined) {
  process.stderr.write("Usage: drive_bee_reader.ts KEY [--bootstrap HOST:PORT] [--host HOST]\n");
  process.exit(2);
}

const core = new Hypercore(null, key);
const bee = new Hyperbee(core, { keyEncoding: "utf-8", valueEncoding: "json" });
await bee.ready();

const swarm = new Hyperswarm({ dht: createNode() });
swarm.on("connection", (connection) => core.replicate(connection));
atTheEnd(() => swarm.destroy().then(() => bee.close()));
swarm.join(core.discoveryKey!, { server: false });

const files = bee.sub("files", { keyEncoding: "utf-8", valueEncoding: "json" });
for await (const _change of bee.watch()) {
  for await (const { key: path, value } of files.createReadStream()) {
    process.stdout.write(`${path} ${JSON.stringify(value)}\n`);
  }
  process.stdout.write(`version ${bee.version}\n`);
}

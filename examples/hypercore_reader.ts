/**
 * Opens a log by its key, finds who has it and prints its blocks in order, those to come included.
 *
 *     deno run --unstable-net --allow-net examples/hypercore_reader.ts KEY
 *
 * Keeps the log in memory, and so needs no permission but the net's; a second argument names a folder to keep it in
 * (`--allow-read` and `--allow-write` on that folder). The writer's half is `hypercore_writer.ts`.
 *
 * @module
 */
import process from "node:process";
import Hypercore from "@quince/quince/hypercore";
import Hyperswarm from "@quince/quince/hyperswarm";
import { atTheEnd, exampleArguments } from "./support/network.ts";

const { positionals: [key, folder], createNode } = exampleArguments();
if (key === undefined) {
  process.stderr.write("Usage: hypercore_reader.ts KEY [FOLDER] [--bootstrap HOST:PORT] [--host HOST]\n");
  process.exit(2);
}

const core = new Hypercore(folder ?? null, key);
await core.ready();

const swarm = new Hyperswarm({ dht: createNode() });
swarm.on("connection", (connection) => core.replicate(connection));
atTheEnd(() => swarm.destroy().then(() => core.close()));
swarm.join(core.discoveryKey!, { server: false });

core.download({ linear: true });
for await (const block of core.createReadStream({ live: true })) {
  process.stdout.write(block);
}

/**
 * A folder that others follow: each line on standard input brings the folder's state into a drive and tells what changed.
 *
 *     deno run --unstable-net --allow-net --allow-read=folder,store --allow-write=store examples/drive_writer.ts folder store
 *
 * Prints the drive's key, which its readers (`drive_reader.ts`, `drive_bee_reader.ts`) are given. In a network of your own
 * (`private_network.ts`) all get `--bootstrap HOST:PORT`, and `--host HOST` names the address to bind to.
 *
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";
import Corestore from "@quince/quince/corestore";
import Hyperdrive from "@quince/quince/hyperdrive";
import Hyperswarm from "@quince/quince/hyperswarm";
import Localdrive from "@quince/quince/localdrive";
import { atTheEnd, exampleArguments } from "./support/network.ts";

const { positionals: [folder, storage], createNode } = exampleArguments();
if (folder === undefined || storage === undefined) {
  process.stderr.write("Usage: drive_writer.ts FOLDER STORE [--bootstrap HOST:PORT] [--host HOST]\n");
  process.exit(2);
}

const drive = new Hyperdrive(new Corestore(storage));
await drive.ready();

const swarm = new Hyperswarm({ dht: createNode() });
swarm.on("connection", (connection) => drive.replicate(connection));
atTheEnd(() => swarm.destroy().then(() => drive.close()));
await swarm.join(drive.discoveryKey!, { client: false }).flushed();
process.stdout.write(`key ${drive.id}\n`);

const files = new Localdrive(folder);
for await (const _line of createInterface({ input: process.stdin })) {
  const mirror = files.mirror(drive);
  await mirror.done();
  const { add, remove, change } = mirror.count;
  process.stdout.write(`version ${drive.version}: ${add} added, ${remove} removed, ${change} changed\n`);
}

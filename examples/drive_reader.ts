/**
 * Keeps a folder like a drive that somebody shares: what is new comes as it is written.
 *
 *     deno run --unstable-net --allow-net --allow-read --allow-write examples/drive_reader.ts KEY folder
 *
 * Blocks are kept in memory; a third argument names a folder to keep them in. `--allow-read` and `--allow-write` can be
 * limited to these folders where the drive has no symbolic links, which Deno makes with the full permission alone.
 *
 * @module
 */
import process from "node:process";
import Corestore from "@quince/quince/corestore";
import Hyperdrive from "@quince/quince/hyperdrive";
import Hyperswarm from "@quince/quince/hyperswarm";
import Localdrive from "@quince/quince/localdrive";
import { atTheEnd, exampleArguments } from "./support/network.ts";

const { positionals: [key, folder, storage], createNode } = exampleArguments();
if (key === undefined || folder === undefined) {
  process.stderr.write("Usage: drive_reader.ts KEY FOLDER [STORE] [--bootstrap HOST:PORT] [--host HOST]\n");
  process.exit(2);
}

const drive = new Hyperdrive(storage === undefined ? new Corestore() : new Corestore(storage), key);
await drive.ready();

const swarm = new Hyperswarm({ dht: createNode() });
swarm.on("connection", (connection) => drive.replicate(connection));
atTheEnd(() => swarm.destroy().then(() => drive.close()));
const found = drive.findingPeers();
swarm.join(drive.discoveryKey!, { server: false });
void swarm.flush().then(found);

const files = new Localdrive(folder);
const changes = drive.watch();
if (drive.version > 1) await copy(); // what an earlier run has fetched
for await (const _change of changes) await copy();

async function copy(): Promise<void> {
  const mirror = drive.mirror(files);
  await mirror.done();
  const { add, remove, change } = mirror.count;
  process.stdout.write(`version ${drive.version}: ${add} added, ${remove} removed, ${change} changed\n`);
}

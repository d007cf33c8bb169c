/**
 * Opens a log by its key, fetches it from a writer and prints its blocks in order, those to come included.
 *
 *     deno run --allow-net=127.0.0.1 examples/hypercore_reader.ts KEY 127.0.0.1:PORT
 *
 * Keeps the log in memory, and so needs no permission but the net's; a third argument names a folder to keep it in
 * (`--allow-read` and `--allow-write` on that folder). The writer's half is `hypercore_writer.ts`.
 *
 * @module
 */
import { connect } from "node:net";
import process from "node:process";
import Hypercore from "@quince/quince/hypercore";

const [key, address, folder] = process.argv.slice(2);
if (key === undefined || address === undefined) {
  process.stderr.write("Usage: hypercore_reader.ts KEY HOST:PORT [FOLDER]\n");
  process.exit(2);
}

const core = new Hypercore(folder ?? null, key);
await core.ready();

const [host, port] = address.split(":");
const socket = connect({ host, port: Number(port) });
const stream = core.replicate(true);
stream.pipe(socket).pipe(stream);
stream.on("error", fail);
socket.on("error", fail);

core.download({ linear: true });
for await (const block of core.createReadStream({ live: true })) {
  process.stdout.write(block);
}

function fail(error: Error): void {
  process.stderr.write(`Cannot read the log: ${error.message}\n`);
  process.exit(1);
}

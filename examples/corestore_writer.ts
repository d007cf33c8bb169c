/**
 * Writes two logs and a list of them: short lines of standard input go to one, long lines to the other.
 *
 *     deno run --allow-net=127.0.0.1 --allow-read=store --allow-write=store examples/corestore_writer.ts store < README.md
 *
 * The first block of a third log is the list, as JSON; whoever knows that log's key finds the others. Prints the key and
 * its own address, then `written` at the end of the input, and serves on until interrupted. The reader's half is
 * `corestore_reader.ts`.
 *
 * @module
 */
import process from "node:process";
import Corestore from "@quince/quince/corestore";
import { lineBatches } from "./support/lines.ts";
import { servePeers } from "./support/tcp_peers.ts";

/** Lines below this many bytes, line break included, are short. */
const SHORT_BYTES = 6;

const [folder, port = "0"] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write("Usage: corestore_writer.ts FOLDER [PORT] < LINES\n");
  process.exit(2);
}

const store = new Corestore(folder);
const list = store.get<string[]>({ name: "list", valueEncoding: "json" });
const short = store.get({ name: "short lines" });
const long = store.get({ name: "long lines" });
await Promise.all([list.ready(), short.ready(), long.ready()]);
if (list.length === 0) await list.append([[short.id!, long.id!]]);

// One stream carries all logs of the store, whatever the transport.
const address = await servePeers((isInitiator) => store.replicate(isInitiator), Number(port));
process.stdout.write(`key ${list.id}\naddress ${address}\n`);

for await (const lines of lineBatches(process.stdin)) {
  await short.append(lines.filter((line) => line.byteLength < SHORT_BYTES));
  await long.append(lines.filter((line) => line.byteLength >= SHORT_BYTES));
}
process.stdout.write(`written ${short.length} short, ${long.length} long\n`);

/**
 * Opens a list of logs by its key and prints what is appended to the logs on it, each line with the log's place.
 *
 *     deno run --allow-net=127.0.0.1 examples/corestore_reader.ts KEY 127.0.0.1:PORT
 *
 * Keeps everything in memory, and so needs no permission but the net's. The writer's half is `corestore_writer.ts`.
 *
 * @module
 */
import process from "node:process";
import Corestore from "@quince/quince/corestore";
import { connectPeer } from "./support/tcp_peers.ts";

const [key, address] = process.argv.slice(2);
if (key === undefined || address === undefined) {
  process.stderr.write("Usage: corestore_reader.ts KEY HOST:PORT\n");
  process.exit(2);
}

await using store = new Corestore();
connectPeer(address, (isInitiator) => store.replicate(isInitiator), (error) => {
  process.stderr.write(`The writer is gone${error ? `: ${error.message}` : ""}\n`);
  process.exit(1);
});

const list = store.get<string[]>({ key, valueEncoding: "json" });
const keys = (await list.get(0))!;

await Promise.all(keys.map(async (key, place) => {
  const core = store.get<string>({ key, valueEncoding: "utf-8" });
  for await (const line of core.createReadStream({ live: true })) {
    process.stdout.write(`${place + 1}: ${line}`);
  }
}));

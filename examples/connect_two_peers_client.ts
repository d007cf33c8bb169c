/**
 * Connects to a peer by its key, wherever it is, and talks with it: what is typed here appears there, and the other way
 * round.
 *
 *     deno run --unstable-net --allow-net examples/connect_two_peers_client.ts KEY
 *
 * Ends with the standard input. The server's half is `connect_two_peers_server.ts`.
 *
 * @module
 */
import process from "node:process";
import { parseArgs } from "node:util";
import DHT, { type DHTError } from "@quince/quince/hyperdht";

const { values: { bootstrap, host }, positionals: [key] } = parseArgs({
  args: process.argv.slice(2),
  options: { bootstrap: { type: "string" }, host: { type: "string" } },
  allowPositionals: true,
});
if (key === undefined) {
  process.stderr.write("Usage: connect_two_peers_client.ts KEY [--bootstrap HOST:PORT] [--host HOST]\n");
  process.exit(2);
}

const dht = new DHT({ bootstrap: bootstrap?.split(","), host });
const socket = dht.connect(key);
socket.on("open", () => {
  process.stdin.on("data", (bytes: Uint8Array) => socket.write(bytes));
  process.stdin.on("end", () => socket.end());
});
socket.on("data", (bytes) => process.stdout.write(bytes));
socket.on("error", (error) => {
  process.stderr.write(`${error.message}\n`);
  for (const { stage, address, startedMs, outcome } of (error as DHTError).report?.attempts ?? []) {
    const whom = address === null ? "" : ` ${address.host}:${address.port}`;
    process.stderr.write(`  after ${startedMs} ms: ${stage}${whom}: ${outcome ?? "under way"}\n`);
  }
  process.exitCode = 1;
});
socket.on("close", () => dht.destroy());
process.once("SIGINT", () => socket.destroy());

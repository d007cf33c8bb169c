/**
 * Waits for a peer that knows our key, and talks with it: what is typed here appears there, and the other way round.
 *
 *     deno run --unstable-net --allow-net examples/connect_two_peers_server.ts
 *
 * Prints the key, which the client is given. It is a fresh one at each start; keep the pair to keep the name. The
 * client's half is `connect_two_peers_client.ts`. In a network of your own (`private_network.ts`) both get
 * `--bootstrap HOST:PORT`, and `--host HOST` names the address to bind to.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { parseArgs } from "node:util";
import DHT from "@quince/quince/hyperdht";

const { values: { bootstrap, host } } = parseArgs({
  args: process.argv.slice(2),
  options: { bootstrap: { type: "string" }, host: { type: "string" } },
});

const dht = new DHT({ bootstrap: bootstrap?.split(","), host });
const server = dht.createServer((socket) => {
  const said = (bytes: Uint8Array): void => {
    socket.write(bytes);
  };
  process.stdin.on("data", said);
  socket.on("data", (bytes) => process.stdout.write(bytes));
  socket.on("end", () => socket.end());
  socket.on("error", (error) => process.stderr.write(`The client is gone: ${error.message}\n`));
  socket.on("close", () => process.stdin.off("data", said));
});

await server.listen(DHT.keyPair());
process.stdout.write(`key ${Buffer.from(server.publicKey!).toString("hex")}\n`);

// Withdraws the announcement, so that nobody looks for us in vain.
process.once("SIGINT", () => dht.destroy().then(() => process.exit(0)));

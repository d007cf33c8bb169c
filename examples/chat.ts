/**
 * A chat of everyone who knows a topic: what is typed here appears at all others.
 *
 *     deno run --unstable-net --allow-net examples/chat.ts [TOPIC]
 *
 * Without a topic a fresh one is made and printed; the others are given it. In a network of your own
 * (`private_network.ts`) all get `--bootstrap HOST:PORT`, and `--host HOST` names the address to bind to.
 *
 * @module
 */
import { Buffer } from "node:buffer";
import process from "node:process";
import { hypercoreCrypto } from "@quince/quince";
import Hyperswarm from "@quince/quince/hyperswarm";
import { atTheEnd, exampleArguments } from "./support/network.ts";

const { positionals: [given], createNode } = exampleArguments();
const topic = given === undefined ? hypercoreCrypto.randomBytes(32) : Buffer.from(given, "hex");

const swarm = new Hyperswarm({ dht: createNode() });
atTheEnd(() => swarm.destroy());

swarm.on("connection", (connection) => {
  const name = Buffer.from(connection.remotePublicKey!).toString("hex").slice(0, 6);
  process.stderr.write(`${name} has joined\n`);
  connection.on(
    "data",
    (bytes) => process.stdout.write(`${name}: ${Buffer.from(bytes).toString().trimEnd()}\n`),
  );
  connection.on("close", () => process.stderr.write(`${name} has left\n`));
});
process.stdin.on("data", (bytes: Uint8Array) => {
  for (const connection of swarm.connections) connection.write(bytes);
});

await swarm.join(topic).flushed();
process.stdout.write(`topic ${Buffer.from(topic).toString("hex")}\n`);

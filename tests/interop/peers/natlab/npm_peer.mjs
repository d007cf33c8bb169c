/** The laboratory's program with the npm packages. */
import process from "node:process";
import readline from "node:readline";
import HyperDHT from "hyperdht";
import relay from "blind-relay";
import { servePeer } from "./lab_peer.mjs";

const say = (message) => process.stdout.write(JSON.stringify(message) + "\n");
await servePeer(
  { HyperDHT, relay, toBuffer: (bytes) => Buffer.from(bytes) },
  say,
  readline.createInterface({ input: process.stdin }),
);
process.exit(0);

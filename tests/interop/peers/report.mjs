/**
 * The peers' side of tests/helpers/node_peer.ts: one JSON value per line, both ways.
 */
import { createInterface } from "node:readline";

/** Prints a line that the test reads with `peer.next(event)`. */
export function report(event, fields = {}) {
  process.stdout.write(JSON.stringify({ event, ...fields }) + "\n");
}

/** What a peer that the test has left may still take to finish, ms. */
const LINGER_MS = 5000;

/** Calls `handle` with each value that the test sends; the peer ends when its input does. */
export function onCommand(handle) {
  createInterface({ input: process.stdin }).on("line", (line) => {
    Promise.resolve(handle(JSON.parse(line))).catch((error) => {
      console.error(error);
      process.exit(1);
    });
  }).on("close", () => setTimeout(() => process.exit(), LINGER_MS).unref());
}

/** Bytes as lower-case hexadecimal digits, or null. */
export function hex(bytes) {
  return bytes ? Buffer.from(bytes).toString("hex") : null;
}

/** The laboratory's program with Quince. */
import relay from "../../src/blind_relay/mod.ts";
import HyperDHT from "../../src/hyperdht/mod.ts";
import { servePeer } from "../interop/peers/natlab/lab_peer.mjs";

const encoder = new TextEncoder();

function say(message: unknown): void {
  Deno.stdout.writeSync(encoder.encode(JSON.stringify(message) + "\n"));
}

async function* readLines(): AsyncGenerator<string> {
  let rest = "";
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    const lines = (rest + text).split("\n");
    rest = lines.pop()!;
    yield* lines;
  }
}

await servePeer({ HyperDHT, relay, toBuffer: (bytes: Uint8Array) => bytes }, say, readLines());
Deno.exit(0);

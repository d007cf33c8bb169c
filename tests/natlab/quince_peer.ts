/** The laboratory's program with Quince. */
import relay from "../../src/blind_relay/mod.ts";
import HyperDHT, { type HyperDHTOptions } from "../../src/hyperdht/mod.ts";
import UDX from "../../src/udx/mod.ts";
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

interface LineOptions {
  /** Which of the runtime's sockets to use; see `UDX`. */
  readonly backend?: "auto" | "deno" | "node";
}

function toOptions({ backend, ...options }: LineOptions): HyperDHTOptions {
  return backend ? { ...options, udx: new UDX({ backend }) } : options;
}

await servePeer({ HyperDHT, relay, toOptions, toBuffer: (bytes: Uint8Array) => bytes }, say, readLines());
Deno.exit(0);

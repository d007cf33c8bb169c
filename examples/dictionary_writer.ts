/**
 * Imports a made-up dictionary into a bee, in one batch, and serves it to every reader that connects.
 *
 *     deno run --allow-net=127.0.0.1 examples/dictionary_writer.ts [COUNT] [PORT]
 *
 * Keeps the bee in memory, and so needs no permission but the net's. Prints the key, the number of entries and the
 * address; serves until interrupted. Readers: `dictionary_reader.ts` looks up words, `dictionary_core_reader.ts` looks at
 * a block as it is.
 *
 * @module
 */
import process from "node:process";
import Hyperbee from "@quince/quince/hyperbee";
import Hypercore from "@quince/quince/hypercore";
import { servePeers } from "./support/tcp_peers.ts";
import { dictionary } from "./support/words.ts";

const [count = "100000", port = "0"] = process.argv.slice(2);

const bee = new Hyperbee<string, string>(new Hypercore(), { keyEncoding: "utf-8", valueEncoding: "utf-8" });
await bee.ready();

const batch = bee.batch();
for (const { word, meaning } of dictionary(Number(count))) await batch.put(word, meaning);
await batch.flush();

const address = await servePeers((isInitiator) => bee.replicate(isInitiator), Number(port));

process.stdout.write(`key ${bee.id}\n`);
process.stdout.write(`entries ${bee.version - 1}\n`);
process.stdout.write(`address ${address}\n`);

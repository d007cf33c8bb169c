/**
 * A key-value store on a DHT of its own: a bootstrapper, four nodes that keep values, one that stores and reads.
 *
 *     deno run --unstable-net --allow-net=127.0.0.1 examples/dht_key_value.ts TEXT
 *
 * @module
 */
import process from "node:process";
import DHT from "@quince/quince/dht-rpc";
import { hash } from "@quince/quince/hypercore-crypto";

const HOST = "127.0.0.1";
const PORT = 10_001;
/** Our one command: with a token it stores, without it reads. */
const VALUES = 0;

const [text] = process.argv.slice(2);
if (text === undefined) {
  process.stderr.write("Usage: dht_key_value.ts TEXT\n");
  process.exit(2);
}

await using bootstrapper = DHT.bootstrapper(PORT, HOST, { host: HOST });
await bootstrapper.fullyBootstrapped();

const keepers = Array.from({ length: 4 }, () => startKeeper());
await Promise.all(keepers.map((node) => node.fullyBootstrapped()));

await using node = new DHT({ host: HOST, bootstrap: [`${HOST}:${PORT}`] });
const value = new TextEncoder().encode(text);
const target = hash(value);
await node.query({ target, command: VALUES, value }, { commit: true }).finished();

let copies = 0;
for await (const reply of node.query({ target, command: VALUES })) {
  if (reply.value !== null && new TextDecoder().decode(reply.value) === text) copies++;
}
process.stdout.write(`${copies} nodes have "${text}"\n`);
await Promise.all(keepers.map((keeper) => keeper.destroy()));

function startKeeper(): DHT {
  const keeper = new DHT({ host: HOST, bootstrap: [`${HOST}:${PORT}`], ephemeral: false });
  const values = new Map<string, Uint8Array | null>();
  keeper.on("request", (request) => {
    if (request.command !== VALUES || request.target === null) {
      return request.error(DHT.ERROR_UNKNOWN_COMMAND);
    }
    const key = request.target.join();
    // A valid token proves that who asks receives at its address.
    if (request.token) values.set(key, request.value);
    request.reply(request.token ? null : values.get(key) ?? null);
  });
  return keeper;
}

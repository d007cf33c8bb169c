/**
 * Hands a store of npm's corestore 7 over to `corestore7_import.ts`: run by Node, where the package `corestore` is installed.
 *
 *     node corestore7_export.mjs OLD_FOLDER | deno run --allow-net=127.0.0.1 --allow-read=NEW_FOLDER \
 *       --allow-write=NEW_FOLDER corestore7_import.ts NEW_FOLDER
 *
 * Prints one line that tells what is in the store, its secret keys included, and serves all of it on a port of this machine
 * until the import is done. Stop every other program that uses the store first, and never write to it again afterwards.
 */
import { once } from "node:events";
import { createRequire } from "node:module";
import { createServer } from "node:net";
import { join } from "node:path";
import process from "node:process";

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write("Usage: corestore7_export.mjs OLD_FOLDER\n");
  process.exit(2);
}
const require = createRequire(join(process.cwd(), "package.json"));
const Corestore = require("corestore");

const store = new Corestore(folder);
await store.ready();

const cores = [];
for await (const { discoveryKey, core: { alias } } of store.storage.createCoreStream()) {
  const core = store.get({ discoveryKey, active: false });
  await core.ready();
  const { keyPair } = await store.getAuth(discoveryKey);
  cores.push({
    key: hex(core.key),
    manifest: core.manifest && hex(core.getManifest({ raw: true })),
    publicKey: keyPair && hex(keyPair.publicKey),
    secretKey: keyPair?.secretKey ? hex(keyPair.secretKey) : null,
    name: alias?.name ?? null,
    namespace: alias && hex(alias.namespace),
    length: core.length,
    fork: core.fork,
    ranges: await storedRanges(core),
  });
  await core.close();
}

const server = createServer((socket) => {
  const stream = store.replicate(false);
  stream.on("error", () => socket.destroy());
  socket.on("error", () => stream.destroy());
  stream.pipe(socket).pipe(stream);
  socket.on("close", () => process.exit(0));
});
server.listen(0, "127.0.0.1");
await once(server, "listening");
const { port } = server.address();
process.stdout.write(JSON.stringify({ port, primaryKey: hex(store.primaryKey), cores }) + "\n");

/** Runs of blocks that are stored, end exclusive. */
async function storedRanges(core) {
  const ranges = [];
  for (let index = 0; index < core.length; index++) {
    if (!await core.has(index)) continue;
    const last = ranges.at(-1);
    if (last?.end === index) last.end++;
    else ranges.push({ start: index, end: index + 1 });
  }
  return ranges;
}

function hex(bytes) {
  return Buffer.from(bytes).toString("hex");
}

/**
 * Takes over a store of npm's corestore 7 by replicating all of it: names, key pairs and blocks. The other half is
 * `corestore7_export.mjs`, which says how to run both.
 *
 * @module
 */
import process from "node:process";
import Corestore from "@quince/quince/corestore";
import Hypercore from "@quince/quince/hypercore";
import { lineBatches } from "./support/lines.ts";
import { connectPeer } from "./support/tcp_peers.ts";

/** What the exporter says of a core; bytes are hexadecimal. */
interface ExportedCore {
  readonly key: string;
  readonly manifest: string | null;
  readonly publicKey: string | null;
  readonly secretKey: string | null;
  readonly name: string | null;
  readonly namespace: string | null;
  readonly length: number;
  readonly fork: number;
  readonly ranges: readonly { start: number; end: number }[];
}

const [folder] = process.argv.slice(2);
if (folder === undefined) {
  process.stderr.write("Usage: corestore7_export.mjs OLD_FOLDER | corestore7_import.ts NEW_FOLDER\n");
  process.exit(2);
}

const { port, primaryKey, cores } = await readTicket();
const store = new Corestore(folder, { primaryKey: bytes(primaryKey), unsafe: true });
await store.ready();
let isDone = false;
connectPeer(`127.0.0.1:${port}`, (isInitiator) => store.replicate(isInitiator), (error) => {
  if (isDone) return;
  process.stderr.write(`The exporter is gone${error ? `: ${error.message}` : ""}\n`);
  process.exit(1);
});

for (const exported of cores) {
  const core = open(exported);
  await core.ready();
  await reach(core, exported);
  for (const { start, end } of exported.ranges) await core.download({ start, end }).done();
  process.stdout.write(`${core.id} ${core.length} blocks${exported.name ? ` (${exported.name})` : ""}\n`);
}
isDone = true;
await store.close();
process.stdout.write(`imported ${cores.length} cores\n`);
process.exit(0);

/** Opens a core so that name and key pair are kept. */
function open({ key, manifest, publicKey, secretKey, name, namespace }: ExportedCore): Hypercore {
  if (name !== null) return store.session({ namespace: bytes(namespace!) }).get({ name });
  const keyPair = publicKey && { publicKey: bytes(publicKey), secretKey: secretKey && bytes(secretKey) };
  return store.get({
    key,
    ...(keyPair && { keyPair: { ...keyPair, secretKey: keyPair.secretKey || null } }),
    ...(manifest && { manifest: Hypercore.parseManifest(bytes(manifest))! }),
  });
}

/** Waits until the core is as long as it was. */
async function reach(core: Hypercore, { key, length, fork }: ExportedCore): Promise<void> {
  if (Buffer.from(core.key!).toString("hex") !== key) throw new Error(`Core ${key} has another key here`);
  while (core.length < length || core.fork < fork) {
    await new Promise<void>((resolve) => {
      core.once("append", resolve);
      core.once("truncate", () => resolve());
      core.update({ force: true }).catch(() => {});
    });
  }
}

async function readTicket(): Promise<{ port: number; primaryKey: string; cores: ExportedCore[] }> {
  for await (const [line] of lineBatches(process.stdin)) return JSON.parse(new TextDecoder().decode(line));
  throw new Error("The exporter said nothing");
}

function bytes(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, "hex"));
}

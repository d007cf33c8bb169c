// Records tests/vectors/corestore/keys.json from the npm package corestore: what names become keys of.
//
//   node tests/vectors/record/corestore.mjs
//
// The primary key is fixed, so that every run writes the same file.
import { createRequire } from "node:module";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(new URL("../../interop/peers/package.json", import.meta.url));
const Corestore = require("corestore");
const origin = { package: "corestore", version: require("corestore/package.json").version };

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const primaryKey = Buffer.alloc(32, 7);
const folder = mkdtempSync(join(tmpdir(), "quince-vectors-"));

// Paths of namespaces; a name that begins with "hex:" is bytes.
const paths = [[], ["a"], ["a", "b"], ["b", "a"], ["ab"], [""], ["naïve 🍐"], ["hex:00ff80"], ["x".repeat(300)]];
const names = ["main", "a", "b", "", "naïve 🍐", "x".repeat(300)];
const bytesOf = (name) => name.startsWith("hex:") ? Buffer.from(name.slice(4), "hex") : name;

const store = new Corestore(folder, { primaryKey, unsafe: true });
await store.ready();
const namespaces = [];
for (const path of paths) {
  const within = path.reduce((parent, name) => parent.namespace(bytesOf(name)), store);
  const keyPairs = [];
  for (const name of names) {
    const keyPair = await within.createKeyPair(name);
    keyPairs.push({ name, publicKey: hex(keyPair.publicKey), secretKey: hex(keyPair.secretKey) });
  }
  namespaces.push({ path, ns: hex(within.ns), keyPairs });
}

const cores = [];
for (const manifestVersion of [1, 2]) {
  for (const path of [[], ["a", "b"]]) {
    const within = path.reduce((parent, name) => parent.namespace(name), store.session({ manifestVersion }));
    const core = within.get({ name: `core of version ${manifestVersion}` });
    await core.ready();
    cores.push({
      path,
      name: `core of version ${manifestVersion}`,
      manifestVersion,
      key: hex(core.key),
      discoveryKey: hex(core.discoveryKey),
      manifest: hex(core.getManifest({ raw: true })),
    });
  }
}
await store.close();
rmSync(folder, { recursive: true });

const text = JSON.stringify({ origin, primaryKey: hex(primaryKey), namespaces, cores }, null, 1)
  .replace(/\n {4,}/g, " ").replace(/\n {3}([}\]])/g, " $1");
writeFileSync(new URL("../corestore/keys.json", import.meta.url), text + "\n");

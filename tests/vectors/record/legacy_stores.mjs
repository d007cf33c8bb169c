// Records tests/vectors/corestore/legacy: folders that corestore 6 and hypercore 10 wrote, and what is in them.
//
//   node tests/vectors/record/legacy_stores.mjs
//
// Primary keys and seeds are fixed and blocks made by a rule ("<name> <index>"), so that content is the same in every run.
import Module, { createRequire } from "node:module";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { join } from "node:path";

const require = createRequire(new URL("../../interop/peers/package.json", import.meta.url));
const crypto = require("hypercore-crypto");
const Hypercore109 = require("hypercore-10");

// corestore 6.8 asks for "hypercore ^10.12.0" and gets one that it does not work with any more.
const resolve = Module._resolveFilename;
Module._resolveFilename = function (request, parent, ...rest) {
  const isEarly = request === "hypercore" && parent?.filename?.includes("corestore-6/");
  return resolve.call(this, isEarly ? require.resolve("hypercore-10") : request, parent, ...rest);
};
const Corestore68 = require("corestore-6");
const Corestore618 = require("corestore-6-18");
const requireOf618 = createRequire(require.resolve("corestore-6-18"));
const Hypercore1038 = requireOf618("hypercore");

const origin = {
  store6_8: {
    corestore: require("corestore-6/package.json").version,
    hypercore: require("hypercore-10/package.json").version,
  },
  store6_18: {
    corestore: require("corestore-6-18/package.json").version,
    hypercore: requireOf618("hypercore/package.json").version,
  },
};

const root = fileURLToPath(new URL("../corestore/legacy/", import.meta.url));
rmSync(root, { recursive: true, force: true });
mkdirSync(root, { recursive: true });

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const block = (name, i) => Buffer.from(`${name} ${i} `.repeat(1 + i % 5));
const blocks = (name, start, end) => Array.from({ length: end - start }, (_, i) => block(name, start + i));

async function describe(name, core, { writable = true, userData = {} } = {}) {
  const present = [];
  for (let i = 0; i < core.length; i++) if (await core.has(i)) present.push(i);
  return {
    name,
    key: hex(core.key),
    discoveryKey: hex(core.discoveryKey),
    length: core.length,
    fork: core.fork,
    treeHash: core.length > 0 ? hex(await core.treeHash()) : null,
    present,
    writable,
    userData,
  };
}

const expected = { origin, block: "<name> <index> , repeated 1 + index % 5 times", stores: {}, cores: {} };

async function recordStore(folder, Corestore, seed) {
  const primaryKey = Buffer.alloc(32, seed);
  const store = new Corestore(join(root, folder), { primaryKey });
  await store.ready();
  const list = [];

  const main = store.get({ name: "main" });
  await main.ready();
  await main.append(blocks("main", 0, 70));
  await main.setUserData("note", Buffer.from("kept"));
  list.push(await describe("main", main, { userData: { note: hex(Buffer.from("kept")) } }));

  const inner = store.namespace("a").namespace("b").get({ name: "main" });
  await inner.ready();
  for (const one of blocks("inner", 0, 7)) await inner.append(one);
  list.push({ ...await describe("inner", inner), path: ["a", "b"], alias: "main" });

  const cut = store.get({ name: "cut" });
  await cut.ready();
  await cut.append(blocks("old", 0, 20));
  await cut.truncate(6);
  await cut.append(blocks("cut", 6, 11));
  list.push({ ...await describe("cut", cut), changedAt: 6, before: "old" });

  const holes = store.get({ name: "holes" });
  await holes.ready();
  await holes.append(blocks("holes", 0, 40));
  await holes.clear(3, 9);
  await holes.clear(20, 21);
  list.push(await describe("holes", holes));

  const empty = store.get({ name: "empty" });
  await empty.ready();
  list.push(await describe("empty", empty));

  // A core of somebody else, of which only some blocks were fetched.
  const writer = new Corestore(join(root, "writer"), { primaryKey: Buffer.alloc(32, 22) });
  const theirs = writer.get({ name: "theirs" });
  await theirs.ready();
  await theirs.append(blocks("theirs", 0, 100));
  const sparse = store.get({ key: theirs.key });
  await sparse.ready();
  const left = writer.replicate(true);
  const right = store.replicate(false);
  left.on("error", () => {});
  right.on("error", () => {});
  left.pipe(right).pipe(left);
  for (const i of [0, 3, 30, 31, 32, 33, 77, 99]) await sparse.get(i);
  list.push(await describe("theirs", sparse, { writable: false }));
  left.destroy();
  right.destroy();

  expected.stores[folder] = { primaryKey: hex(primaryKey), cores: list };
  await store.close();
  await writer.close();
  rmSync(join(root, "writer"), { recursive: true });
}

await recordStore("store6_8", Corestore68, 21);
await recordStore("store6_18", Corestore618, 24);

async function recordCore(name, Hypercore, options, fill, description) {
  const core = new Hypercore(join(root, name), null, options);
  await core.ready();
  await fill(core);
  expected.cores[name] = await describe(name, core, description);
  await core.close();
}

const keyPair = crypto.keyPair(Buffer.alloc(32, 23));
await recordCore("core10_9", Hypercore109, { keyPair }, async (core) => {
  await core.append(blocks("core10_9", 0, 33));
  await core.append(blocks("core10_9", 33, 35));
});
await recordCore("core10_38", Hypercore1038, { keyPair }, async (core) => {
  for (const one of blocks("core10_38", 0, 18)) await core.append(one);
});
// So much user data that the header lies in a file of its own, and a manifest whose hash is the key.
const big = Buffer.alloc(6000, 7);
await recordCore(
  "core10_38_manifest",
  Hypercore1038,
  { keyPair, manifest: { version: 1, quorum: 1, signers: [{ publicKey: keyPair.publicKey }] } },
  async (core) => {
    await core.setUserData("big", big);
    await core.append(blocks("core10_38_manifest", 0, 9));
  },
  { userData: { big: hex(big) } },
);

writeFileSync(join(root, "expected.json"), JSON.stringify(expected, null, 1) + "\n");
process.exit(0);

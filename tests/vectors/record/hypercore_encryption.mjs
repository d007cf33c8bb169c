// Records what hypercore stores of encrypted blocks. Run in tests/interop/peers: node ../../vectors/record/hypercore_encryption.mjs
import { mkdtempSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";

const require = createRequire(join(process.cwd(), "package.json"));
const Hypercore = require("hypercore");
const crypto = require("hypercore-crypto");
const { version } = require("hypercore/package.json");

const key = Buffer.alloc(32, 1);
const keyPair = crypto.keyPair(Buffer.alloc(32, 4));
const hex = (bytes) => Buffer.from(bytes).toString("hex");

async function record(name, options) {
  const core = new Hypercore(mkdtempSync(join(tmpdir(), "vectors-")), { keyPair, ...options });
  await core.append(["hello", "world"]);
  const blocks = [hex(await core.get(0, { raw: true })), hex(await core.get(1, { raw: true }))];
  await core.truncate(1);
  await core.append("again");
  blocks.push(hex(await core.get(1, { raw: true })));
  const { padding, byteLength } = core;
  const { blockKey, blindingKey } = core.encryption;
  const result = { name, key: hex(core.key), blocks, padding, byteLength, blockKey: hex(blockKey), blindingKey: hex(blindingKey) };
  await core.close();
  return result;
}

const cases = [
  await record("core key", { encryption: { key } }),
  await record("block key", { encryption: { key, block: true } }),
  await record("compat", { encryption: { key }, compat: true }),
  await record("compat block key", { encryptionKey: key, isBlockKey: true, compat: true }),
];
const vectors = { source: `hypercore ${version}`, encryptionKey: hex(key), cases };
writeFileSync(new URL("../hypercore/encryption.json", import.meta.url), JSON.stringify(vectors, null, 2) + "\n");

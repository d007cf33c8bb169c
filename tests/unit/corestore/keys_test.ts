/**
 * From names to keys, held to what the npm package makes of them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexBytes, hexText } from "../../../src/base/mod.ts";
import { childNamespace, Corestore, CorestoreError, namedKeyPair } from "../../../src/corestore/mod.ts";

interface KeyVectors {
  readonly primaryKey: string;
  readonly namespaces: readonly {
    readonly path: readonly string[];
    readonly ns: string;
    readonly keyPairs: readonly { name: string; publicKey: string; secretKey: string }[];
  }[];
  readonly cores: readonly {
    readonly path: readonly string[];
    readonly name: string;
    readonly manifestVersion: number;
    readonly key: string;
    readonly discoveryKey: string;
    readonly manifest: string;
  }[];
}

const vectors = JSON.parse(
  Deno.readTextFileSync(new URL("../../vectors/corestore/keys.json", import.meta.url)),
) as KeyVectors;
const primaryKey = hexBytes(vectors.primaryKey);

/** A recorded name: bytes where it begins with "hex:". */
function nameOf(text: string): string | Uint8Array {
  return text.startsWith("hex:") ? hexBytes(text.slice(4)) : text;
}

for (const { path, ns, keyPairs } of vectors.namespaces) {
  const within = path.map((name) => name.slice(0, 20)).join(" / ");

  Deno.test(`CS-W02 childNamespace() chains as recorded: ${within}`, () => {
    const namespace = path.map(nameOf).reduce<Uint8Array>(childNamespace, new Uint8Array(32));
    assert.equal(hexText(namespace), ns);
  });

  Deno.test(`CS-W01 CS-030 namedKeyPair() gives the recorded keys in ${within}`, async () => {
    await using store = new Corestore(null, { primaryKey, unsafe: true });
    const handle = path.reduce<Corestore>((parent, name) => parent.namespace(nameOf(name)), store);
    assert.equal(hexText(handle.ns), ns);
    for (const { name, publicKey, secretKey } of keyPairs) {
      const keyPair = namedKeyPair(primaryKey, hexBytes(ns), name);
      assert.equal(hexText(keyPair.publicKey), publicKey);
      assert.equal(hexText(keyPair.secretKey), secretKey);
      assert.equal(hexText((await handle.createKeyPair(name)).publicKey), publicKey);
      assert.equal(hexText((await store.createKeyPair(name, hexBytes(ns))).publicKey), publicKey);
    }
  });
}

for (const { path, name, manifestVersion, key, discoveryKey, manifest } of vectors.cores) {
  Deno.test(`CS-009 CS-014 get({ name }) with manifest version ${manifestVersion} gives the recorded key in ${path}`, async () => {
    await using store = new Corestore(null, { primaryKey, unsafe: true, manifestVersion });
    const handle = path.reduce<Corestore>((parent, name) => parent.namespace(name), store);
    const core = handle.get({ name });
    await core.ready();
    assert.equal(hexText(core.key!), key);
    assert.equal(hexText(core.discoveryKey!), discoveryKey);
    assert.equal(hexText(core.getManifest({ raw: true })!), manifest);
  });
}

Deno.test("CS-003 CS-005 keys and namespaces of another size are refused", async () => {
  const short = new Uint8Array(31);
  const refusal = (error: unknown) => error instanceof CorestoreError && error.code === "BAD_ARGUMENT";
  assert.throws(() => new Corestore(null, { primaryKey: short, unsafe: true }), refusal);
  assert.throws(() => new Corestore(null, { namespace: short }), refusal);
  await using store = new Corestore();
  await assert.rejects(store.createKeyPair("name", short), refusal);
  assert.throws(() => store.list(short), refusal);
});

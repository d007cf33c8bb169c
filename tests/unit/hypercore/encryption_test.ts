/**
 * Block encryption: at rest, over the wire, and with a provider of one's own.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexBytes, hexText, utf8Text } from "../../../src/base/mod.ts";
import { signKeyPair } from "../../../src/crypto/mod.ts";
import {
  DefaultEncryption,
  type EncryptionContext,
  type EncryptionProvider,
  Hypercore,
  HypercoreError,
  type HypercoreOptions,
} from "../../../src/hypercore/mod.ts";
import vectors from "../../vectors/hypercore/encryption.json" with { type: "json" };
import { collect } from "../../helpers/collect.ts";
import { MemoryReplication } from "../../helpers/memory_replication.ts";

const KEY = new Uint8Array(32).fill(1);
const KEY_PAIR = signKeyPair(new Uint8Array(32).fill(4));
const OPTIONS: Readonly<Record<string, HypercoreOptions<string>>> = {
  "core key": { encryption: { key: KEY } },
  "block key": { encryption: { key: KEY, block: true } },
  compat: { encryption: KEY, compat: true },
  "compat block key": { encryptionKey: KEY, isBlockKey: true, compat: true },
};

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof HypercoreError && error.code === code;
}

for (const vector of vectors.cases) {
  Deno.test(`HC-013 HC-014 HC-015 HC-W12 HC-193 blocks are encrypted as by the npm package: ${vector.name}`, async () => {
    await using core = new Hypercore<string>({
      ...OPTIONS[vector.name],
      keyPair: KEY_PAIR,
      valueEncoding: "utf-8",
    });
    await core.append(["hello", "world"]);
    const stored = [0, 1].map((index) => core.get<Uint8Array>(index, { raw: true }));
    assert.deepEqual((await Promise.all(stored)).map((block) => hexText(block!)), vector.blocks.slice(0, 2));
    await core.truncate(1);
    await core.append("again");
    assert.equal(hexText((await core.get<Uint8Array>(1, { raw: true }))!), vector.blocks[2]);
    assert.equal(await core.get(1), "again");
    assert.equal(hexText(core.key!), vector.key);
    const encryption = core.encryption as DefaultEncryption;
    assert.equal(hexText(encryption.blockKey), vector.blockKey);
    assert.equal(hexText(encryption.blindingKey), vector.blindingKey);
    assert.deepEqual([core.padding, core.byteLength], [vector.padding, vector.byteLength]);
  });
}

Deno.test("HC-166 HC-172 keys and blocks by the statics", () => {
  const [vector] = vectors.cases;
  const key = hexBytes(vector!.key);
  assert.equal(hexText(Hypercore.blockEncryptionKey(key, KEY)), vector!.blockKey);
  const { block, blinding } = Hypercore.DefaultEncryption.deriveKeys(KEY, key);
  assert.equal(hexText(block), vector!.blockKey);
  assert.equal(hexText(blinding), vector!.blindingKey);
  const bytes = new Uint8Array([...new Uint8Array(8), ...new TextEncoder().encode("hello")]);
  DefaultEncryption.encrypt(0, bytes, 0, block, blinding);
  assert.equal(hexText(bytes), vector!.blocks[0]);
  DefaultEncryption.decrypt(0, bytes, block);
  assert.equal(utf8Text(bytes.subarray(DefaultEncryption.PADDING)), "hello");
  assert.throws(() => DefaultEncryption.deriveKeys(new Uint8Array(31), key), hasCode("BAD_ARGUMENT"));
});

Deno.test("HC-058 HC-062 HC-068 HC-100 HC-105 HC-106 padding is left out of lengths, seeks and byte streams", async () => {
  await using core = new Hypercore<string>({ encryption: { key: KEY }, valueEncoding: "utf-8" });
  await core.append(["abc", "defgh", "ij"]);
  assert.equal(core.byteLength, 10);
  assert.equal(core.padding, 8);
  const { byteLength, padding } = await core.info();
  assert.deepEqual([byteLength, padding], [10, 8]);
  assert.deepEqual(await core.seek(4), [1, 1]);
  assert.deepEqual(await core.seek(8), [2, 0]);
  const bytes = await collect(core.createByteStream({ byteOffset: 2, byteLength: 7 }));
  assert.equal(bytes.map(utf8Text).join(""), "cdefghi");
  await using snapshot = core.snapshot<string>();
  await snapshot.ready();
  assert.equal(snapshot.byteLength, 10);
  assert.equal(core.encryption instanceof DefaultEncryption, true);
});

Deno.test("HC-091 HC-092 decrypt: false leaves the padding out, raw does not", async () => {
  await using core = new Hypercore<Uint8Array>({ encryption: { key: KEY } });
  await core.append(new TextEncoder().encode("hello"));
  const raw = (await core.get(0, { raw: true }))!;
  const cipher = (await core.get(0, { decrypt: false }))!;
  assert.equal(raw.byteLength, 13);
  assert.equal(hexText(cipher), hexText(raw.subarray(8)));
  assert.equal(utf8Text((await core.get(0))!), "hello");
});

for (const compat of [false, true]) {
  Deno.test(`HC-193 HC-156 an encrypted core travels encrypted; compat ${compat}`, async () => {
    await using writer = new Hypercore<string>({ encryption: { key: KEY }, valueEncoding: "utf-8", compat });
    await writer.append(["hello", "world"]);
    await using reader = new Hypercore<string>(null, writer.key, {
      encryption: { key: KEY },
      valueEncoding: "utf-8",
    });
    await using blind = new Hypercore<Uint8Array>(null, writer.key);
    const downloads: number[] = [];
    await reader.ready();
    reader.on("download", (_, byteLength) => downloads.push(byteLength));
    await using _ = new MemoryReplication(reader, writer);
    await using _blind = new MemoryReplication(blind, writer);
    assert.deepEqual(await reader.seek(7), [1, 2]);
    assert.equal(await reader.get(1), "world");
    assert.deepEqual(downloads, [5]);
    assert.equal((await blind.get(1))!.byteLength, 13);
    assert.equal(hexText((await blind.get(1))!), hexText((await writer.get<Uint8Array>(1, { raw: true }))!));
  });
}

Deno.test("HC-127 HC-128 an encryption is installed and removed after opening", async () => {
  await using core = new Hypercore<string>({ valueEncoding: "utf-8" });
  await core.append("plain");
  await core.setEncryptionKey(KEY);
  await core.append("secret");
  assert.equal(await core.get(1), "secret");
  await using session = core.session<string>({ valueEncoding: "utf-8" });
  assert.equal(await session.get(1), "secret");
  await core.setEncryption(null);
  assert.equal(core.encryption, null);
  assert.equal(await core.get(0), "plain");
  await core.setEncryptionKey(KEY, { block: true });
  assert.equal(hexText((core.encryption as unknown as DefaultEncryption).blockKey), hexText(KEY));
  await assert.rejects(core.setEncryption({ key: KEY }), hasCode("ERR_ASSERTION"));
});

Deno.test("HC-047 HC-193 branches and atoms are encrypted where their blocks will stand", async () => {
  await using core = new Hypercore<string>({ encryption: { key: KEY }, valueEncoding: "utf-8" });
  await core.append("a");
  await using branch = core.session<string>({ name: "draft", valueEncoding: "utf-8" });
  await Promise.all([branch.append("b"), branch.append(["c", "d"])]);
  assert.deepEqual(await core.commit(branch), { length: 4, byteLength: 4 + 4 * 8 });
  assert.deepEqual(await collect(core.createReadStream()), ["a", "b", "c", "d"]);
});

/** XORs with the block's index, behind as many bytes as the index says. */
class OddEncryption implements EncryptionProvider {
  readonly seen: string[] = [];

  padding(_core: EncryptionContext, _index: number): number {
    return 3;
  }

  async encrypt(index: number, block: Uint8Array, fork: number, core: EncryptionContext): Promise<void> {
    await Promise.resolve();
    this.seen.push(`encrypt ${index} at fork ${fork} of ${hexText(core.key!).slice(0, 2)}`);
    block.set([9, 9, 9]);
    for (let i = 3; i < block.byteLength; i++) block[i]! ^= index + 1;
  }

  async decrypt(index: number, block: Uint8Array): Promise<void> {
    await Promise.resolve();
    this.seen.push(`decrypt ${index}`);
    for (let i = 3; i < block.byteLength; i++) block[i]! ^= index + 1;
  }
}

Deno.test("HC-014 HC-128 a provider of one's own encrypts and decrypts, in its own time", async () => {
  const encryption = new OddEncryption();
  await using core = new Hypercore<string>({ encryption, valueEncoding: "utf-8" });
  await core.append(["ab", "c"]);
  const raw = (await core.get<Uint8Array>(1, { raw: true }))!;
  assert.deepEqual(Array.from(raw), [9, 9, 9, 99 ^ 2]);
  assert.equal(await core.get(0), "ab");
  assert.deepEqual([core.padding, core.byteLength], [3, 3]);
  const key = hexText(core.key!).slice(0, 2);
  assert.deepEqual(encryption.seen, [
    `encrypt 0 at fork 0 of ${key}`,
    `encrypt 1 at fork 0 of ${key}`,
    "decrypt 0",
  ]);
});

import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { hexText, utf8Bytes, utf8Text } from "../../../../src/base/mod.ts";
import { signKeyPair } from "../../../../src/crypto/mod.ts";
import { HypercoreError } from "../../../../src/hypercore/errors.ts";
import { CoreStore, defaultSignerManifest, Log } from "../../../../src/hypercore/log/mod.ts";
import {
  decodeCoreInfo,
  decodeHead,
  encodeCoreInfo,
  encodeHead,
} from "../../../../src/hypercore/log/records.ts";
import { StorageError, WriteBatch } from "../../../../src/storage/mod.ts";
import { FlakyStorage } from "../../../helpers/flaky_storage.ts";

const bytes = (value: number) => new Uint8Array(32).fill(value);

async function openStore(storage = new FlakyStorage()): Promise<CoreStore> {
  const store = new CoreStore(storage);
  await store.open();
  return store;
}

function init(value: number) {
  return { discoveryKey: bytes(value), key: bytes(value + 100), manifest: null, keyPair: null };
}

async function listed(keys: AsyncIterable<Uint8Array>): Promise<number[]> {
  const list: number[] = [];
  for await (const key of keys) list.push(key[0]!);
  return list;
}

Deno.test("create() numbers logs, remembers them and gives back the one that is there", async () => {
  const storage = new FlakyStorage();
  const store = await openStore(storage);
  const keyPair = signKeyPair(bytes(1));
  const manifest = defaultSignerManifest(keyPair.publicKey);
  const [one, two] = await Promise.all([
    store.create({ ...init(5), manifest, keyPair, userData: { name: "value" } }),
    store.create(init(3)),
  ]);
  assert.deepEqual([one.owner, two.owner], [1, 2]);
  assert.deepEqual((await store.create({ ...init(5), key: bytes(9) })).key[0], 105);
  const again = await openStore(storage.reopened());
  const info = (await again.info(bytes(5)))!;
  assert.equal(info.owner, 1);
  assert.deepEqual(info.manifest, manifest);
  assert.equal(hexText(info.keyPair!.secretKey!), hexText(keyPair.secretKey));
  assert.equal(await again.has(bytes(3)), true);
  assert.equal(await again.has(bytes(4)), false);
  assert.equal(await again.info(bytes(4)), null);
  assert.deepEqual(await listed(again.list()), [3, 5]);
  assert.equal((await again.create(init(4))).owner, 3);
});

Deno.test("list() leaves the namespace it is given as it is, also where that is a Buffer", async () => {
  const store = await openStore();
  await store.create({ ...init(5), alias: { namespace: bytes(7), name: "name" } });
  const namespace = Buffer.from(bytes(7));
  assert.deepEqual(await listed(store.list(namespace)), [5]);
  assert.deepEqual(Array.from(namespace), Array.from(bytes(7)));
});

Deno.test("the first log is the default one, until another is made that", async () => {
  const store = await openStore();
  assert.equal(await store.defaultDiscoveryKey(), null);
  await store.create(init(5));
  await store.create(init(3));
  assert.equal((await store.defaultDiscoveryKey())![0], 5);
  await store.setDefaultDiscoveryKey(bytes(3));
  assert.equal((await store.defaultDiscoveryKey())![0], 3);
});

Deno.test("names lead to logs, apart in each namespace", async () => {
  const store = await openStore();
  const first = { namespace: bytes(255), name: "log" };
  const second = { namespace: bytes(7), name: "log" };
  await store.create({ ...init(1), alias: first });
  await store.create({ ...init(2), alias: second });
  await store.create({ ...init(3), alias: { namespace: bytes(7), name: "a" } });
  assert.equal((await store.findAlias(first))![0], 1);
  assert.equal((await store.findAlias(second))![0], 2);
  assert.equal(await store.findAlias({ namespace: bytes(8), name: "log" }), null);
  assert.deepEqual(await listed(store.list(bytes(7))), [3, 2]);
  assert.deepEqual(await listed(store.list(bytes(255))), [1]);
  const names: string[] = [];
  for await (const { alias, discoveryKey } of store.aliases(bytes(7))) {
    names.push(alias.name + discoveryKey[0]);
  }
  assert.deepEqual(names, ["a3", "log2"]);
  const { alias } = (await store.info(bytes(1)))!;
  assert.equal(alias!.name, "log");
  assert.equal(hexText(alias!.namespace), hexText(first.namespace));
});

Deno.test("setSeed() keeps the first one when told to", async () => {
  const store = await openStore();
  assert.equal(await store.getSeed(), null);
  assert.equal((await store.setSeed(bytes(1), { overwrite: false }))[0], 1);
  assert.equal((await store.setSeed(bytes(2), { overwrite: false }))[0], 1);
  assert.equal((await store.setSeed(bytes(3)))[0], 3);
  assert.equal((await store.getSeed())![0], 3);
});

Deno.test("HC-087 delete() leaves nothing of a log, and nothing else is touched", async () => {
  const storage = new FlakyStorage();
  const store = await openStore(storage);
  const kept = await Log.open(store, { keyPair: signKeyPair(bytes(1)) });
  await kept.append([utf8Bytes("kept")]);
  const before = await storage.dump();
  const alias = { namespace: bytes(1), name: "gone" };
  const gone = await Log.open(store, {
    keyPair: signKeyPair(bytes(2)),
    key: signKeyPair(bytes(2)).publicKey,
    alias,
  });
  await gone.append([utf8Bytes("gone"), utf8Bytes("too")]);
  await gone.setUserData("a", bytes(1));
  await assert.rejects(store.delete(gone.discoveryKey), (error) => {
    return error instanceof HypercoreError && error.code === "STORAGE_CONFLICT";
  });
  await gone.close();
  assert.equal(await store.delete(gone.discoveryKey), true);
  assert.equal(await store.delete(gone.discoveryKey), false);
  const isNextOwner = (line: string) => line.startsWith(`meta ${hexText(utf8Bytes("owner"))}`);
  assert.deepEqual(
    (await storage.dump()).filter((line) => !isNextOwner(line)),
    before.filter((line) => !isNextOwner(line)),
  );
  await kept.close();
  await store.delete(kept.discoveryKey);
  assert.equal(await store.defaultDiscoveryKey(), null);
  // Numbers are not used twice.
  assert.equal((await store.create(init(1))).owner, 3);
});

Deno.test("open() refuses a layout from the future and names the remedy", async () => {
  const storage = new FlakyStorage();
  await storage.open();
  const batch = new WriteBatch();
  batch.putRecord("meta", utf8Bytes("layout"), Uint8Array.of(2));
  await storage.write(batch);
  await assert.rejects(openStore(storage.reopened()), (error) => {
    return error instanceof StorageError && error.code === "STORAGE_VERSION" && /update/.test(error.message);
  });
});

Deno.test("records survive encoding, and what is no record is refused", () => {
  const head = {
    fork: 3,
    length: 300,
    byteLength: 2 ** 40,
    contiguousLength: 299,
    remoteContiguousLength: 1,
    rootHash: bytes(1),
    signature: new Uint8Array(64).fill(2),
    recovering: 2,
  };
  const encodedHead = encodeHead(head);
  assert.deepEqual({ ...decodeHead(encodedHead), rootHash: bytes(1), signature: head.signature }, head);
  const keyPair = { publicKey: bytes(4), secretKey: null };
  const alias = { namespace: bytes(6), name: "naïve" };
  const manifest = defaultSignerManifest(bytes(4));
  const info = {
    discoveryKey: bytes(1),
    owner: 70000,
    key: bytes(2),
    manifest,
    keyPair,
    isFrozen: true,
    alias,
    group: bytes(8),
  };
  const encodedInfo = encodeCoreInfo(info);
  const decoded = decodeCoreInfo(bytes(1), encodedInfo);
  assert.equal(decoded.owner, 70000);
  assert.equal(decoded.isFrozen, true);
  assert.equal(decoded.alias!.name, "naïve");
  assert.equal(hexText(decoded.group!), hexText(bytes(8)));
  assert.equal(decoded.keyPair!.secretKey, null);
  assert.deepEqual(decoded.manifest, manifest);
  const refused = (expected: string) => (error: unknown) =>
    error instanceof StorageError && error.code === expected;
  for (let end = 0; end < encodedHead.byteLength; end++) {
    assert.throws(() => decodeHead(encodedHead.subarray(0, end)), refused("STORAGE_CORRUPT"));
  }
  for (let end = 0; end < encodedInfo.byteLength; end++) {
    assert.throws(() => decodeCoreInfo(bytes(1), encodedInfo.subarray(0, end)), refused("STORAGE_CORRUPT"));
  }
  const newer = Uint8Array.from(encodedHead);
  newer[0] = 2;
  assert.throws(() => decodeHead(newer), refused("STORAGE_VERSION"));
  assert.equal(utf8Text(utf8Bytes(alias.name)), alias.name);
});

Deno.test("suspend() makes what was written durable, and what comes later waits for resume()", async () => {
  const storage = new FlakyStorage();
  const store = await openStore(storage);
  await store.create(init(5));
  const syncsBefore = storage.syncCount;
  await store.suspend();
  assert.equal(storage.syncCount, syncsBefore + 1);
  assert.equal(store.isSuspended, true);
  const writesBefore = storage.writeCount;
  const created = store.create(init(6));
  const listing = listed(store.list());
  await new Promise((resolve) => setTimeout(resolve, 0));
  assert.equal(storage.writeCount, writesBefore);
  store.resume();
  assert.equal((await created).owner, 2);
  assert.deepEqual(await listing, [5]);
  assert.deepEqual(await listed(store.list()), [5, 6]);
});

Deno.test("a store that is suspended can be closed", async () => {
  const store = await openStore();
  await store.suspend();
  const created = store.create(init(5));
  await store.close();
  assert.equal((await created).owner, 1);
});

Deno.test("CS-033 groupUpdates() tells of each log of a group once, by its last change", async () => {
  const storage = new FlakyStorage();
  const store = await openStore(storage);
  const topic = bytes(7);
  let nowMs = 1000;
  const logs: Log[] = [];
  for (const value of [1, 2, 3]) {
    const keyPair = signKeyPair(bytes(value));
    const log = await Log.open(store, { key: keyPair.publicKey, keyPair });
    await log.setGroup(topic);
    await log.setGroup(topic);
    await log.trackGroup(() => nowMs);
    logs.push(log);
  }
  const names = async (options = {}) => {
    const found: number[] = [];
    for await (const key of store.groupUpdates(topic, options)) {
      found.push(logs.findIndex((log) => hexText(log.key) === hexText(key)));
    }
    return found;
  };
  assert.deepEqual(await names(), []);
  for (const index of [0, 1, 2, 0]) {
    await logs[index]!.append([utf8Bytes("block")]);
    nowMs += 10;
  }
  assert.deepEqual(await names(), [0, 2, 1]);
  assert.deepEqual(await names({ reverse: false }), [1, 2, 0]);
  assert.deepEqual(await names({ since: 1020 }), [0, 2]);
  await assert.rejects(logs[0]!.setGroup(bytes(8)), { code: "STORAGE_CONFLICT" });
  // After a failed write the order is as before.
  storage.failsNextWrite = true;
  await assert.rejects(logs[1]!.append([utf8Bytes("block")]), { code: "STORAGE_FULL" });
  assert.deepEqual(await names(), [0, 2, 1]);
  await logs[1]!.truncate(0);
  assert.deepEqual(await names(), [1, 0, 2]);
  // It is remembered, and goes with the log.
  await logs[2]!.close();
  const again = await Log.open(store, { discoveryKey: logs[2]!.discoveryKey });
  await again.trackGroup(() => nowMs);
  assert.equal(hexText(again.group!), hexText(topic));
  nowMs += 10;
  await again.append([utf8Bytes("block")]);
  assert.deepEqual(await names(), [2, 1, 0]);
  await again.close();
  await store.delete(again.discoveryKey);
  assert.deepEqual(await names(), [1, 0]);
});

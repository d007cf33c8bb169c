/** Opening and closing logs: new ones, stored ones, and those that do not fit. */
import assert from "node:assert/strict";
import { utf8Bytes, utf8Text } from "../../../../src/base/mod.ts";
import {
  CoreStore,
  createManifest,
  defaultSignerManifest,
  Log,
  type LogChange,
  Verifier,
} from "../../../../src/hypercore/log/mod.ts";
import { TreeBatch } from "../../../../src/hypercore/log/tree_batch.ts";
import { SqliteStorage, StorageError, WriteBatch } from "../../../../src/storage/mod.ts";
import { FlakyStorage } from "../../../helpers/flaky_storage.ts";
import { withFolder } from "../../../helpers/store_folder.ts";
import { blocks, code, keyPair, keyPairs, open } from "./support.ts";

Deno.test("HC-001 HC-012 HC-185 open() creates a log with a key pair, and opens it again without a key", async () => {
  const { log, storage } = await open();
  assert.equal(log.compat, false);
  assert.deepEqual(log.key, Verifier.fromManifest(log.manifest!).key);
  assert.deepEqual(log.manifest, defaultSignerManifest(log.keyPair!.publicKey));
  await log.append(blocks(3));
  await log.close();
  const again = await open({}, storage.reopened());
  assert.deepEqual(Uint8Array.from(again.log.key), Uint8Array.from(log.key));
  assert.equal(again.log.head.length, 3);
  assert.equal(again.log.contiguousLength, 3);
  assert.equal(utf8Text((await again.log.getBlock(2))!), "block 2");
});

Deno.test("HC-002 HC-194 a log on disk is the same when it is opened again", async () => {
  await withFolder(async (folder) => {
    let key: Uint8Array;
    {
      await using store = new CoreStore(new SqliteStorage(folder));
      await using log = await Log.open(store, { keyPair });
      await log.append(blocks(5));
      await Promise.all(blocks(70).map((block) => log.append([block])));
      await log.clear(3, 5);
      key = log.key;
    }
    await using store = new CoreStore(new SqliteStorage(folder));
    await using log = await Log.open(store, { key });
    assert.equal(log.head.length, 75);
    assert.equal(log.contiguousLength, 3);
    assert.equal(utf8Text((await log.getBlock(74))!), "block 69");
    assert.equal(await log.getBlock(4), null);
    assert.equal(log.verifier!.verify(new TreeBatch(log.head), log.head.signature), true);
    assert.equal((await log.append(blocks(1), { durable: true })).length, 76);
  });
});

Deno.test("HC-030 open() with compat takes the public key for the key", async () => {
  const { log } = await open({ keyPair, compat: true });
  assert.deepEqual(log.key, keyPair.publicKey);
  assert.equal(log.compat, true);
  assert.equal(log.verifier!.version, 0);
  await log.append(blocks(1));
  assert.equal(log.head.signature!.byteLength, 64);
});

Deno.test("HC-007 HC-200 open() with createIfMissing false rejects with STORAGE_EMPTY", async () => {
  await assert.rejects(open({ createIfMissing: false }), code("STORAGE_EMPTY"));
  await assert.rejects(open({ key: keyPair.publicKey, createIfMissing: false }), code("STORAGE_EMPTY"));
});

Deno.test("HC-036 open() by discovery key finds a stored log, and nothing else", async () => {
  const { log, storage } = await open({ keyPair });
  const { discoveryKey } = log;
  await log.close();
  const again = await open({ discoveryKey }, storage.reopened());
  assert.deepEqual(Uint8Array.from(again.log.key), Uint8Array.from(log.key));
  await assert.rejects(open({ discoveryKey }), code("STORAGE_EMPTY"));
});

Deno.test("HC-005 open() with a key that does not belong to the discovery key rejects with STORAGE_CONFLICT", async () => {
  const { log, storage } = await open({ keyPair });
  const { discoveryKey } = log;
  await log.close();
  const key = keyPairs[1]!.publicKey;
  await assert.rejects(open({ key, discoveryKey }, storage.reopened()), code("STORAGE_CONFLICT"));
  await assert.rejects(open({ key: new Uint8Array(31) }), code("BAD_ARGUMENT"));
});

Deno.test("HC-009 open() with force replaces a log of another key", async () => {
  const { log, storage } = await open({ keyPair });
  const { discoveryKey } = log;
  await log.append(blocks(2));
  await log.close();
  const key = keyPairs[1]!.publicKey;
  const again = await open({ key, discoveryKey, force: true }, storage.reopened());
  assert.deepEqual(again.log.key, key);
  assert.equal(again.log.head.length, 0);
});

Deno.test("HC-008 open() with overwrite discards what is stored", async () => {
  const { log, storage } = await open({ keyPair });
  await log.append(blocks(9));
  await log.close();
  const again = await open({ keyPair, overwrite: true }, storage.reopened());
  assert.equal(again.log.head.length, 0);
  assert.equal(await again.log.getBlock(0), null);
  await again.log.close();
  const rows = (await again.storage.dump()).filter((line) => /^(block|node|head)/.test(line));
  assert.deepEqual(rows, []);
});

Deno.test("HC-027 HC-133 a manifest is attached once it is known, and only where it hashes to the key", async () => {
  const manifest = createManifest({
    signers: [{ publicKey: keyPair.publicKey }],
    userData: Uint8Array.of(1),
  });
  const { key } = Verifier.fromManifest(manifest);
  const { log, storage } = await open({ key });
  assert.equal(log.manifest, null);
  const changes: LogChange[] = [];
  log.subscribe((change) => changes.push(change));
  await assert.rejects(log.setManifest(defaultSignerManifest(keyPair.publicKey)), code("INVALID_CHECKSUM"));
  await log.setManifest(manifest);
  await log.setManifest(defaultSignerManifest(keyPair.publicKey));
  assert.deepEqual(log.manifest, manifest);
  assert.deepEqual(changes, [{ kind: "manifest" }]);
  await log.close();
  const again = await open({ key }, storage.reopened());
  assert.deepEqual(again.log.manifest!.signers[0]!.publicKey.byteLength, 32);
  await again.log.close();
  const other = { manifest: defaultSignerManifest(keyPairs[1]!.publicKey) };
  await assert.rejects(open(other, again.storage.reopened()), code("STORAGE_CONFLICT"));
});

Deno.test("open() of a log that is open already rejects with STORAGE_CONFLICT, until it is closed", async () => {
  const store = new CoreStore(new FlakyStorage());
  const log = await Log.open(store, { keyPair });
  await assert.rejects(Log.open(store, { key: log.key }), code("STORAGE_CONFLICT"));
  await log.close();
  await using again = await Log.open(store, { key: log.key });
  assert.equal(again.head.length, 0);
});

Deno.test("HC-003 two logs in one store keep apart", async () => {
  const store = new CoreStore(new FlakyStorage());
  await using one = await Log.open(store, { keyPair: keyPairs[0]! });
  await using two = await Log.open(store, { keyPair: keyPairs[1]!, key: keyPairs[1]!.publicKey });
  await Promise.all([one.append(blocks(3)), two.append([utf8Bytes("other")])]);
  assert.equal(utf8Text((await one.getBlock(0))!), "block 0");
  assert.equal(utf8Text((await two.getBlock(0))!), "other");
  assert.equal(two.head.length, 1);
});

Deno.test("HC-026 HC-130 user data is stored with the log, changed and deleted", async () => {
  const { log, storage } = await open({ keyPair, userData: { a: "text", b: Uint8Array.of(1, 2) } });
  assert.equal(utf8Text((await log.userData.get("a"))!), "text");
  await log.setUserData("b", null);
  await log.setUserData("c", Uint8Array.of(7));
  await log.close();
  const again = await open({}, storage.reopened());
  assert.equal(await again.log.userData.get("b"), null);
  assert.deepEqual(Array.from((await again.log.userData.get("c"))!), [7]);
});

Deno.test("open() refuses a head that does not fit the stored tree", async () => {
  const { log, storage } = await open({ keyPair });
  await log.append(blocks(3));
  await log.close();
  const batch = new WriteBatch();
  batch.putRow("node", 1, 4, new Uint8Array(40));
  await storage.write(batch);
  await assert.rejects(open({}, storage.reopened()), (error) => {
    return error instanceof StorageError && error.code === "STORAGE_CORRUPT";
  });
});

Deno.test("open() makes durable what it finds, before peers can be told of it", async () => {
  const { log, storage } = await open({ keyPair });
  await log.append(blocks(2));
  await log.close();
  const again = await open({}, storage.reopened());
  assert.equal(again.storage.syncCount, 1);
  assert.equal(again.log.published.length, 2);
});

Deno.test("close() lets what was called before finish and refuses what comes after", async () => {
  const { log } = await open({ keyPair });
  const pending = log.append(blocks(2));
  const closing = log.close();
  assert.equal(closing, log.close());
  assert.equal((await pending).length, 2);
  await closing;
  await assert.rejects(log.append(blocks(1)), code("SESSION_CLOSED"));
  await assert.rejects(log.verify([]), code("SESSION_CLOSED"));
  await assert.rejects(log.truncate(0), code("SESSION_CLOSED"));
  await assert.rejects(log.setUserData("a", null), code("SESSION_CLOSED"));
});

/**
 * Where a store may lie: a folder, a storage, nothing; and who may open it when.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Corestore } from "../../../src/corestore/mod.ts";
import { Hypercore } from "../../../src/hypercore/mod.ts";
import { MemoryStorage, SqliteStorage, StorageError } from "../../../src/storage/mod.ts";
import { FlakyStorage } from "../../helpers/flaky_storage.ts";
import { withFolder } from "../../helpers/store_folder.ts";
import { VirtualClock } from "../../helpers/virtual_clock.ts";

const TEXT = { valueEncoding: "utf-8" } as const;

Deno.test("CS-001 a folder, a Storage, a store of cores and nothing are places for a store", async () => {
  await withFolder(async (folder) => {
    const storage = new MemoryStorage();
    for (const place of [folder, storage, Hypercore.defaultStorage(new MemoryStorage()), undefined]) {
      await using store = new Corestore(place);
      const core = store.get<string>({ name: "core", ...TEXT });
      await core.append("block");
      assert.equal(await core.get(0), "block");
    }
    await using again = new Corestore(new SqliteStorage(folder));
    assert.equal(await again.get<string>({ name: "core", ...TEXT }).get(0), "block");
  });
  assert.throws(() => new Corestore(7 as unknown as string), { code: "BAD_ARGUMENT" });
});

Deno.test("CS-010 a folder that is open for writing is refused, waited for with wait, and read with readOnly", async () => {
  await withFolder(async (folder) => {
    const writer = new Corestore(folder);
    const core = writer.get<string>({ name: "core", ...TEXT });
    await core.append("one");
    const refused = new Corestore(folder);
    await assert.rejects(
      refused.ready(),
      (error) => error instanceof StorageError && error.code === "STORAGE_LOCKED",
    );
    await refused.close();

    const reader = new Corestore(folder, { readOnly: true });
    const reading = reader.get<string>({ name: "core", ...TEXT });
    assert.equal(await reading.get(0), "one");
    assert.equal(reading.writable, false);
    assert.deepEqual(reader.primaryKey, writer.primaryKey);
    await core.append("two");
    await reading.close();
    await reader.cores.get(reading.discoveryKey!)!.close();
    assert.equal(await reader.get<string>({ key: core.key, ...TEXT }).get(1), "two");
    const missing = reader.get({ name: "missing" });
    await assert.rejects(missing.ready(), { code: "STORAGE_READ_ONLY" });
    await reader.close();

    const clock = new VirtualClock();
    const waiting = new Corestore(folder, { wait: true, clock });
    let isReady = false;
    const ready = waiting.ready().then(() => isReady = true);
    while (clock.pendingCount === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    assert.equal(isReady, false);
    await writer.close();
    clock.advance(100);
    await ready;
    assert.equal(await waiting.get<string>({ name: "core", ...TEXT }).get(1), "two");
    await waiting.close();
  });
});

Deno.test("CS-010 a store that waits for its folder can be closed", async () => {
  await withFolder(async (folder) => {
    const writer = new Corestore(folder);
    await writer.ready();
    const clock = new VirtualClock();
    const waiting = new Corestore(folder, { wait: true, clock });
    while (clock.pendingCount === 0) await new Promise((resolve) => setTimeout(resolve, 0));
    const closed = waiting.close();
    clock.advance(100);
    await closed;
    await assert.rejects(waiting.ready(), { code: "STORAGE_LOCKED" });
    await writer.close();
  });
});

Deno.test("CS-010 an id is kept, and another one refused", async () => {
  const storage = new FlakyStorage();
  const first = new Corestore(storage, { id: "mine" });
  await first.ready();
  await first.close();
  const same = new Corestore(storage.reopened(), { id: "mine", allowBackup: true });
  await same.ready();
  await same.close();
  const other = new Corestore(storage.reopened(), { id: "yours" });
  await assert.rejects(other.ready(), { code: "STORE_CONFLICT" });
  await other.close();
  const none = new Corestore(storage.reopened());
  await none.ready();
  await none.close();
});

Deno.test("CS-001 a folder that holds no store cannot be read", async () => {
  await withFolder(async (folder) => {
    const store = new Corestore(folder, { readOnly: true });
    const core = store.get({ name: "core" });
    await assert.rejects(store.ready(), { code: "STORAGE_MISSING" });
    await assert.rejects(core.ready(), { code: "STORAGE_MISSING" });
    await store.close();
    assert.throws(() => store.get({ name: "core" }), (error: Error) => {
      return (error as { code?: string }).code === "STORE_CLOSED" &&
        (error.cause as { code?: string }).code === "STORAGE_MISSING";
    });
  });
});

Deno.test("CS-001 a write that fails fails alone, and a core that could not be created can be asked for again", async () => {
  const storage = new FlakyStorage();
  const store = new Corestore(storage);
  const core = store.get<string>({ name: "core", ...TEXT });
  await core.append("one");
  storage.failsNextWrite = true;
  await assert.rejects(core.append("two"), { code: "STORAGE_FULL" });
  await core.append("three");
  assert.equal(await core.get(1), "three");
  storage.failsNextWrite = true;
  const other = store.get({ name: "other" });
  await assert.rejects(other.ready(), { code: "STORAGE_FULL" });
  const again = store.get({ name: "other" });
  await again.ready();
  await store.close();
});

/** Counts the rows of tree nodes that are read. */
class NodeReads extends MemoryStorage {
  count = 0;

  override getRows(...args: Parameters<MemoryStorage["getRows"]>): ReturnType<MemoryStorage["getRows"]> {
    if (args[0] === "node") this.count += args[2].length;
    return super.getRows(...args);
  }
}

Deno.test("CS-007 treeCache bounds the tree nodes in memory, and with them what is read again", async () => {
  const reads: number[] = [];
  for (const treeCache of [undefined, { maxSize: 64 }]) {
    const storage = new NodeReads();
    await using store = new Corestore(storage, { treeCache });
    const core = store.get<string>({ name: "core", ...TEXT });
    await core.append(Array.from({ length: 1000 }, (_, i) => `block ${i}`));
    const hashAll = async () => {
      for (let length = 1; length <= 1000; length += 7) await core.treeHash(length);
    };
    await hashAll();
    storage.count = 0;
    await hashAll();
    reads.push(storage.count);
  }
  assert.equal(reads[0], 0);
  assert.ok(reads[1]! > 100, `${reads[1]} nodes read again`);
});

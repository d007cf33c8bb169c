/**
 * What a store of cores does by itself, in memory.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexText } from "../../../src/base/mod.ts";
import { Corestore, CorestoreError } from "../../../src/corestore/mod.ts";
import { MemoryStorage } from "../../../src/storage/mod.ts";
import { collect } from "../../helpers/collect.ts";
import { MemoryReplication } from "../../helpers/memory_replication.ts";

const PRIMARY_KEY = new Uint8Array(32).fill(1);

Deno.test("CS-001 CS-014 CS-019 get({ name }) makes a writable core with the options of a core", async () => {
  await using store = new Corestore();
  const core = store.get<string>({ name: "posts", valueEncoding: "utf-8" });
  await core.ready();
  assert.equal(core.writable, true);
  await core.append(["hello", "world"]);
  assert.equal(await core.get(1), "world");
});

Deno.test("CS-015 CS-021 get(key) of an open core is another session of the same core", async () => {
  await using store = new Corestore();
  const core = store.get<string>({ name: "posts", valueEncoding: "utf-8" });
  await core.append("hello");
  for (const key of [core.key!, hexText(core.key!), core.id!]) {
    const again = store.get(key);
    assert.equal(again.core, core.core);
    await again.ready();
    assert.equal(again.writable, true);
    assert.equal(again.length, 1);
    await again.close();
  }
  assert.equal(await core.get(0), "hello");
});

Deno.test("CS-016 get({ discoveryKey }) opens what is stored, STORAGE_EMPTY where nothing is", async () => {
  await using store = new Corestore();
  const core = store.get<string>({ name: "posts", valueEncoding: "utf-8" });
  await core.append("hello");
  const again = store.get({ discoveryKey: core.discoveryKey! });
  await again.ready();
  assert.equal(again.length, 1);
  const missing = store.get({ discoveryKey: new Uint8Array(32).fill(9) });
  await assert.rejects(missing.ready(), { code: "STORAGE_EMPTY" });
});

Deno.test("CS-022 namespaces and names are apart, and chain", async () => {
  await using store = new Corestore(null, { primaryKey: PRIMARY_KEY, unsafe: true });
  const cores = [
    store.get({ name: "a" }),
    store.get({ name: "b" }),
    store.namespace("a").get({ name: "a" }),
    store.namespace("a").namespace("b").get({ name: "a" }),
    store.namespace("b").namespace("a").get({ name: "a" }),
  ];
  await Promise.all(cores.map((core) => core.ready()));
  assert.equal(new Set(cores.map((core) => core.id)).size, 5);
  const again = store.namespace("a").namespace("b").get({ name: "a" });
  await again.ready();
  assert.equal(again.core, cores[3]!.core);
});

Deno.test("CS-026 CS-040 replicate() carries open cores, cores opened later, and stored ones on request", async () => {
  const storage = new MemoryStorage();
  await using writer = new Corestore(storage);
  const cores = ["one", "two", "three"].map((name) => writer.get<string>({ name, valueEncoding: "utf-8" }));
  for (const [i, core] of cores.entries()) await core.append(`block ${i}`);
  // Stored, but not open.
  await cores[2]!.close();
  await using reader = new Corestore();
  const first = reader.get<string>({ key: cores[0]!.key!, valueEncoding: "utf-8" });
  await using _replication = new MemoryReplication(writer, reader);
  assert.equal(await first.get(0), "block 0");
  const second = reader.get<string>({ key: cores[1]!.key!, valueEncoding: "utf-8" });
  assert.equal(await second.get(0), "block 1");
  const third = reader.get<string>({ key: cores[2]!.key!, valueEncoding: "utf-8" });
  assert.equal(await third.get(0), "block 2");
});

Deno.test("CS-028 list() streams the discovery keys of all cores, or of a namespace", async () => {
  await using store = new Corestore();
  const inner = store.namespace("inner");
  const cores = [store.get({ name: "a" }), inner.get({ name: "a" }), inner.get({ name: "b" })];
  await Promise.all(cores.map((core) => core.ready()));
  const keys = (list: Uint8Array[]) => list.map(hexText).sort();
  assert.deepEqual(
    keys(await collect(store.list())),
    keys(cores.map((core) => core.discoveryKey!)),
  );
  assert.deepEqual(
    keys(await collect(store.list(inner.ns))),
    keys(cores.slice(1).map((core) => core.discoveryKey!)),
  );
});

Deno.test("CS-004 a primary key needs unsafe", () => {
  assert.throws(() => new Corestore(null, { primaryKey: PRIMARY_KEY }), CorestoreError);
});

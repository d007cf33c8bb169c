/**
 * Handles on a store: what they share, what they open, and what closes with them.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexText, utf8Bytes } from "../../../src/base/mod.ts";
import { signKeyPair } from "../../../src/crypto/mod.ts";
import { Corestore, type GetCoreOptions } from "../../../src/corestore/mod.ts";
import { Hypercore } from "../../../src/hypercore/mod.ts";
import { MemoryStorage } from "../../../src/storage/mod.ts";
import { collect } from "../../helpers/collect.ts";
import { FlakyStorage } from "../../helpers/flaky_storage.ts";
import { VirtualClock } from "../../helpers/virtual_clock.ts";

const PRIMARY_KEY = new Uint8Array(32).fill(1);
const TEXT = { valueEncoding: "utf-8" } as const;

/** Lets everything that needs no time happen. */
async function settle(): Promise<void> {
  for (let i = 0; i < 50; i++) await Promise.resolve();
}

Deno.test("CS-013 ready() resolves once open, close() closes sessions, handles and storage, with events", async () => {
  const storage = new MemoryStorage();
  const store = new Corestore(storage);
  const events: string[] = [];
  store.on("ready", () => events.push("ready")).on("close", () => events.push("close"));
  assert.equal(store.opened, false);
  assert.equal(store.primaryKey, null);
  await store.ready();
  assert.equal(store.opened, true);
  assert.equal(store.primaryKey!.byteLength, 32);
  const core = store.get({ name: "core" });
  const child = store.namespace("child");
  const other = child.get({ name: "core" });
  await Promise.all([core.ready(), other.ready()]);
  await store.close();
  assert.equal(store.close(), store.closing);
  assert.deepEqual(events, ["ready", "close"]);
  assert.deepEqual([core.closed, other.closed, child.closed, store.closed], [true, true, true, true]);
  await assert.rejects(storage.getRecord("core", new Uint8Array(1)), { code: "STORAGE_CLOSED" });
  for (const use of [() => store.get({ name: "a" }), () => child.session(), () => child.replicate(true)]) {
    assert.throws(use, { code: "STORE_CLOSED" });
  }
});

Deno.test("CS-013 a store can be closed before it is open, and while cores are being opened", async () => {
  const first = new Corestore();
  const core = first.get({ name: "core" });
  await first.close();
  assert.equal(core.closed, true);
  const never = new Promise<GetCoreOptions>(() => {});
  const second = new Corestore();
  const waiting = second.get({ name: "core", preload: never });
  await second.ready();
  await second.close();
  await assert.rejects(waiting.ready(), { code: "STORE_CLOSED" });
});

Deno.test("CS-003 the primary key is random, kept, and durable before the store is ready", async () => {
  const storage = new FlakyStorage();
  const store = new Corestore(storage);
  await store.ready();
  const core = store.get({ name: "core" });
  await core.ready();
  const { primaryKey } = store;
  await store.close();
  const again = new Corestore(storage.reopened());
  await again.ready();
  assert.deepEqual(again.primaryKey, primaryKey);
  const same = again.get({ name: "core" });
  await same.ready();
  assert.equal(hexText(same.key!), hexText(core.key!));
  await again.close();
  const others = new Corestore(new MemoryStorage());
  await others.ready();
  assert.notDeepEqual(others.primaryKey, primaryKey);
  await others.close();
});

Deno.test("CS-003 CS-004 another primary key than the stored one is refused, the same one is not", async () => {
  const storage = new FlakyStorage();
  const store = new Corestore(storage, { primaryKey: PRIMARY_KEY, unsafe: true });
  assert.equal(hexText(store.primaryKey!), hexText(PRIMARY_KEY));
  await store.ready();
  await store.close();
  const same = new Corestore(storage.reopened(), { primaryKey: PRIMARY_KEY, unsafe: true });
  await same.ready();
  await same.close();
  const other = new Corestore(storage.reopened(), { primaryKey: new Uint8Array(32), unsafe: true });
  await assert.rejects(other.ready(), { code: "STORE_CONFLICT" });
  await other.close();
  assert.equal(other.closed, true);
  assert.throws(() => new Corestore(null, { primaryKey: PRIMARY_KEY }), { code: "ERR_ASSERTION" });
});

Deno.test("CS-005 CS-023 session() shares cores; closing it closes what it opened and nothing else", async () => {
  await using store = new Corestore();
  const mine = store.get({ name: "core" });
  const session = store.session();
  const theirs = session.get({ name: "core" });
  await Promise.all([mine.ready(), theirs.ready()]);
  assert.equal(theirs.core, mine.core);
  assert.deepEqual(store.sessions, new Set([mine]));
  assert.deepEqual(session.sessions, new Set([theirs]));
  assert.equal(hexText(session.ns), "00".repeat(32));
  const namespaced = store.session({ namespace: PRIMARY_KEY });
  assert.equal(hexText(namespaced.ns), hexText(PRIMARY_KEY));
  assert.equal(hexText(store.namespace("a").session().ns), "00".repeat(32));
  await session.close();
  assert.equal(theirs.closed, true);
  assert.equal(mine.closed, false);
  await mine.append(utf8Bytes("block"));
});

Deno.test("CS-006 readOnly and writable: false open cores that cannot be written, unless get() says otherwise", async () => {
  await using store = new Corestore();
  for (const options of [{ readOnly: true }, { writable: false }]) {
    const session = store.session(options);
    assert.equal(session.readOnly, true);
    const core = session.get({ name: "core" });
    await core.ready();
    assert.equal(core.writable, false);
    const writable = session.get({ name: "core", writable: true });
    await writable.ready();
    assert.equal(writable.writable, true);
  }
  const readOnly = store.get({ name: "core", writable: false });
  await readOnly.ready();
  assert.equal(readOnly.writable, false);
});

Deno.test("CS-011 globalCache is handed to every core", async () => {
  const cache = { size: 0 };
  await using store = new Corestore(null, { globalCache: cache });
  const core = store.get({ name: "core" });
  await core.ready();
  assert.equal(store.session().globalCache, cache);
  assert.equal(core.core!.globalCache, cache);
  const own = { size: 1 };
  const other = store.get({ name: "other", globalCache: own });
  await other.ready();
  assert.equal(other.core!.globalCache, own);
});

Deno.test("CS-017 get() takes a key pair or a manifest; what says nothing is refused", async () => {
  await using store = new Corestore();
  const keyPair = signKeyPair(new Uint8Array(32).fill(5));
  const byPair = store.get({ keyPair });
  assert.equal(hexText(byPair.key!), hexText(Hypercore.key(keyPair.publicKey)));
  await byPair.append(utf8Bytes("block"));
  const manifest = { version: 1, quorum: 1, signers: [{ publicKey: keyPair.publicKey }] };
  const byManifest = store.get({ manifest });
  await byManifest.ready();
  assert.equal(byManifest.core, byPair.core);
  assert.equal(byManifest.length, 1);
  assert.throws(() => store.get({}), { code: "BAD_ARGUMENT" });
});

Deno.test("CS-017 a key pair beside the key of a core with a manifest of its own signs, and is not taken for the manifest", async () => {
  const keyPair = signKeyPair(new Uint8Array(32).fill(5));
  const manifest = { version: 2, signers: [{ publicKey: keyPair.publicKey, namespace: PRIMARY_KEY }] };
  await using writer = new Corestore();
  const core = writer.get({ manifest, keyPair });
  await core.append(utf8Bytes("block"));
  await using store = new Corestore();
  const reader = store.get({ key: core.key, keyPair });
  await reader.ready();
  assert.equal(reader.manifest, null);
  assert.equal(hexText(reader.key!), hexText(core.key!));
});

Deno.test("CS-014 CS-W03 a name leads to its core by the stored alias, also where the primary key is another", async () => {
  const storage = new FlakyStorage();
  const store = new Corestore(storage, { primaryKey: PRIMARY_KEY, unsafe: true });
  const core = store.namespace("a").get<string>({ name: "core", ...TEXT });
  await core.append("block");
  const alias = { name: "core", namespace: store.namespace("a").ns };
  assert.equal(hexText((await store.storage.findAlias(alias))!), hexText(core.discoveryKey!));
  assert.equal(await store.storage.findAlias({ ...alias, namespace: store.ns }), null);
  await store.close();
  const again = new Corestore(storage.reopened());
  const same = again.namespace("a").get<string>({ name: "core", ...TEXT });
  assert.equal(await same.get(0), "block");
  assert.equal(same.writable, true);
  await again.close();
});

Deno.test("CS-018 exclusive sessions take turns; read-only ones do not wait", async () => {
  await using store = new Corestore();
  const first = store.get({ name: "core", exclusive: true });
  await first.ready();
  const order: string[] = [];
  const second = store.get({ key: first.key, exclusive: true });
  const third = store.get({ name: "core", exclusive: true });
  assert.equal(hexText(second.key!), hexText(first.key!));
  second.ready().then(() => order.push("second"));
  third.ready().then(() => order.push("third"));
  const reading = store.get({ name: "core", exclusive: true, writable: false });
  await reading.ready();
  const plain = store.get({ name: "core" });
  await plain.ready();
  assert.deepEqual(order, []);
  await first.close();
  await second.ready();
  await settle();
  assert.deepEqual(order, ["second"]);
  await second.close();
  await third.ready();
  assert.deepEqual(order, ["second", "third"]);
});

Deno.test("CS-018 a store that closes gives up its places in the queue", async () => {
  await using store = new Corestore();
  const first = store.get({ name: "core", exclusive: true });
  await first.ready();
  const session = store.session();
  const waiting = session.get({ name: "core", exclusive: true });
  const next = store.get({ name: "core", exclusive: true });
  await settle();
  await session.close();
  await assert.rejects(waiting.ready(), { code: "SESSION_CLOSED" });
  assert.deepEqual([first.exclusive, waiting.closed], [true, true]);
  await first.close();
  await next.ready();
});

Deno.test("CS-029 watch() tells of each core that is opened, until unwatch()", async () => {
  await using store = new Corestore();
  const seen: string[] = [];
  const watcher = (core: { discoveryKey: Uint8Array | null }) => seen.push(hexText(core.discoveryKey!));
  store.watch(watcher);
  const session = store.session();
  const names = ["a", "b"].map((name) => session.get({ name }));
  await Promise.all(names.map((core) => core.ready()));
  store.get({ key: names[0]!.key });
  assert.deepEqual(seen, names.map((core) => hexText(core.discoveryKey!)));
  store.unwatch(watcher);
  await store.get({ name: "c" }).ready();
  assert.equal(seen.length, 2);
  store.watch(watcher);
  await store.get({ name: "d" }).ready();
  assert.equal(seen.length, 3);
});

Deno.test("CS-027 findingPeers() holds update() of sessions there are and to come, until every caller is done", async () => {
  await using store = new Corestore();
  const key = new Uint8Array(32).fill(3);
  const early = store.get(key);
  const first = store.findingPeers();
  const second = store.findingPeers();
  const late = store.get(key);
  await Promise.all([early.ready(), late.ready()]);
  let settled = 0;
  const updates = [early, late].map((core) => core.update().then((grew) => (settled++, grew)));
  first();
  first();
  await settle();
  assert.equal(settled, 0);
  second();
  assert.deepEqual(await Promise.all(updates), [false, false]);
  // Nobody looks: at once.
  assert.equal(await store.get(key).update(), false);
});

Deno.test("CS-030 createKeyPair() is what names are made of", async () => {
  await using store = new Corestore();
  const keyPair = await store.createKeyPair("core");
  const core = store.get({ name: "core" });
  await core.ready();
  assert.equal(hexText(core.keyPair!.publicKey), hexText(keyPair.publicKey));
  const inner = store.namespace("a");
  assert.deepEqual(await inner.createKeyPair("core"), await store.createKeyPair("core", inner.ns));
});

Deno.test("CS-031 CS-012 suspend() holds reads and writes until resume()", async () => {
  await using store = new Corestore();
  const core = store.get<string>({ name: "core", ...TEXT });
  await core.append("one");
  const log: string[] = [];
  await store.suspend({ log: (message) => void log.push(message) });
  assert.deepEqual(log, ["Suspending db...", "Suspending db completed"]);
  let appended = false;
  const append = core.append("two").then(() => appended = true);
  const read = core.get(0);
  await settle();
  assert.equal(appended, false);
  await store.resume();
  await append;
  assert.equal(await read, "one");
  await using never = new Corestore(null, { suspend: false });
  await never.suspend();
  await never.get({ name: "core" }).ready();
});

Deno.test("CS-032 CS-033 CS-034 CS-035 CS-020 notifyGroup() tells of cores of a group, now and later", async () => {
  await using store = new Corestore();
  const topic = new Uint8Array(32).fill(7);
  const a = store.get({ name: "a", group: topic });
  const b = store.get({ name: "b", group: topic });
  const alone = store.get({ name: "c" });
  await Promise.all([a.ready(), b.ready(), alone.ready()]);
  const active: string[] = [];
  store.on(
    "group-active",
    (topic, update) => active.push(`${topic[0]} ${hexText(update.key)} ${update.length}`),
  );
  const handle = store.notifyGroup(topic);
  const updates: number[] = [];
  handle.on("update", ({ length }) => updates.push(length));
  await a.append(utf8Bytes("block"));
  await alone.append(utf8Bytes("block"));
  await b.append([utf8Bytes("block"), utf8Bytes("block")]);
  assert.deepEqual(active, [`7 ${hexText(a.key!)} 1`, `7 ${hexText(b.key!)} 2`]);
  assert.deepEqual(updates, [1, 2]);
  const found = (await collect(handle.updates({ reverse: false }))).map(hexText);
  assert.deepEqual(found.toSorted(), [a, b].map((core) => hexText(core.key!)).toSorted());
  assert.deepEqual(await collect(handle.updates({ since: Date.now() + 60_000 })), []);
  assert.deepEqual(await collect(store.notifyGroup(PRIMARY_KEY).updates()), []);
  handle.destroy();
  await a.append(utf8Bytes("block"));
  assert.deepEqual(updates, [1, 2]);
  const other = store.get({ name: "a", group: PRIMARY_KEY });
  await assert.rejects(other.ready(), { code: "STORAGE_CONFLICT" });
});

Deno.test("CS-038 getAuth() gives what is stored of a core, null for others", async () => {
  await using store = new Corestore();
  const core = store.get({ name: "core" });
  await core.ready();
  const auth = (await store.getAuth(core.discoveryKey!))!;
  assert.equal(hexText(auth.key), hexText(core.key!));
  assert.equal(hexText(auth.discoveryKey), hexText(core.discoveryKey!));
  assert.equal(hexText(auth.keyPair!.secretKey!), hexText(core.keyPair!.secretKey!));
  assert.equal(auth.manifest!.signers.length, 1);
  assert.equal(auth.encryptionKey, null);
  assert.equal(await store.getAuth(new Uint8Array(32)), null);
});

Deno.test("CS-037 staticify() makes a core that holds the same and cannot grow; the original goes on", async () => {
  await using store = new Corestore();
  const core = store.get<string>({ name: "core", ...TEXT });
  await assert.rejects(store.staticify(core), { code: "STORAGE_EMPTY" });
  const blocks = Array.from({ length: 70 }, (_, i) => `block ${i}`);
  await core.append(blocks);
  const copy = await store.staticify<string>(core, TEXT);
  assert.equal(copy.length, 70);
  assert.deepEqual(await collect(copy.createReadStream()), blocks);
  assert.equal(copy.manifest!.quorum, 0);
  assert.equal(copy.manifest!.prologue!.length, 70);
  assert.equal(hexText(await copy.treeHash()), hexText(await core.treeHash()));
  await assert.rejects(copy.append("more"), { code: "SESSION_NOT_WRITABLE" });
  await core.append("more");
  assert.equal(copy.length, 70);
  // The same content is the same core; different content another.
  assert.notEqual((await store.staticify(core)).id, copy.id);
  const reading = store.get<string>({ key: copy.key, ...TEXT });
  await reading.ready();
  assert.equal(reading.core, copy.core);
});

Deno.test("CS-039 a core that nobody uses closes after 6 s, and opens again when asked for", async () => {
  const clock = new VirtualClock();
  await using store = new Corestore(null, { clock });
  const core = store.get<string>({ name: "core", ...TEXT });
  await core.append("block");
  const { discoveryKey, key } = core;
  const internal = core.core!;
  await core.close();
  clock.advance(4000);
  assert.equal(store.cores.get(discoveryKey!), internal);
  // Used again: the strikes are gone.
  await store.get(key!).close();
  clock.advance(4000);
  assert.equal(store.cores.get(discoveryKey!), internal);
  clock.advance(2000);
  assert.equal(store.cores.get(discoveryKey!), null);
  // While it closes, it can be asked for.
  const again = store.get<string>({ key, ...TEXT });
  assert.equal(await again.get(0), "block");
  assert.notEqual(again.core, internal);
  clock.advance(60_000);
  assert.equal(store.cores.opened(discoveryKey!), true);
  assert.equal(store.cores.size, 1);
});

Deno.test("CS-016 a core that could not be opened is forgotten at once", async () => {
  await using store = new Corestore();
  const key = new Uint8Array(32).fill(3);
  const core = store.get({ key, createIfMissing: false });
  await assert.rejects(core.ready(), { code: "STORAGE_EMPTY" });
  await store.get({ key }).ready();
  assert.equal(store.cores.size, 1);
});

/**
 * Options and properties of a core that have no other home.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexText, utf8Text } from "../../../src/base/mod.ts";
import { signKeyPair } from "../../../src/crypto/mod.ts";
import { Core, CoreStore, Hypercore, HypercoreError } from "../../../src/hypercore/mod.ts";
import { MemoryStorage } from "../../../src/storage/mod.ts";
import { collect } from "../../helpers/collect.ts";
import { MemoryReplication } from "../../helpers/memory_replication.ts";

const KEY_PAIR = signKeyPair(new Uint8Array(32).fill(6));
const TEXT = { valueEncoding: "utf-8" } as const;

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof HypercoreError && error.code === code;
}

Deno.test("HC-006 storage and key may be given by name", async () => {
  const storage = new MemoryStorage();
  await using core = new Hypercore<string>({ storage, key: KEY_PAIR.publicKey, keyPair: KEY_PAIR, ...TEXT });
  await core.append("a");
  assert.equal(hexText(core.key!), hexText(KEY_PAIR.publicKey));
  assert.equal(utf8Text((await storage.getRow("block", 1, 0))!), "a");
});

Deno.test("HC-019 HC-020 wait and timeout are the defaults of reads", async () => {
  await using core = new Hypercore<string>({ ...TEXT, wait: false, timeout: 5 });
  await core.ready();
  assert.equal(await core.get(0), null);
  await assert.rejects(core.get(0, { wait: true }), hasCode("REQUEST_TIMEOUT"));
});

Deno.test("HC-029 HC-120 an inactive session does not want blocks", async () => {
  await using core = new Hypercore<string>(null, KEY_PAIR.publicKey, {
    ...TEXT,
    active: false,
    notDownloadingLinger: 0,
  });
  await core.ready();
  assert.equal(core.replicator!.downloading, false);
  core.setActive(true);
  assert.equal(core.replicator!.downloading, true);
  core.setActive(false);
  assert.equal(core.replicator!.downloading, false);
});

Deno.test("HC-031 legacy accepts and makes signatures from before namespaces", async () => {
  const options = { ...TEXT, keyPair: KEY_PAIR, compat: true };
  await using old = new Hypercore<string>({ ...options, legacy: true });
  await old.append("a");
  await using plain = new Hypercore<string>(options);
  await plain.append("a");
  assert.equal(hexText(old.key!), hexText(plain.key!));
  assert.notEqual(hexText(old.state!.signature!), hexText(plain.state!.signature!));
  await using reader = new Hypercore<string>(null, old.key, { ...TEXT, legacy: true });
  await using _ = new MemoryReplication(reader, old);
  assert.equal(await reader.get(0), "a");
});

Deno.test("HC-037 preopen is awaited before storage is touched", async () => {
  const gate = Promise.withResolvers<void>();
  const storage = new MemoryStorage();
  await using core = new Hypercore<string>(storage, { ...TEXT, preopen: gate.promise });
  await assert.rejects(storage.getRecord("meta", new Uint8Array(1)));
  gate.resolve();
  await core.ready();
  assert.equal(await storage.getRecord("meta", new Uint8Array(1)), null);
});

Deno.test("HC-038 HC-134 a core joins one group, by option or later", async () => {
  const topic = new Uint8Array(32).fill(1);
  await using core = new Hypercore<string>({ ...TEXT, group: topic });
  const updates: unknown[] = [];
  await core.ready();
  core.core!.ongroupupdate = (group, update) => updates.push([group[0], update.length]);
  await core.append(["a", "b"]);
  assert.deepEqual(updates, [[1, 2]]);
  await core.setGroup(topic);
  await assert.rejects(core.setGroup(new Uint8Array(32)), hasCode("STORAGE_CONFLICT"));
  await using other = new Hypercore<string>(TEXT);
  await other.setGroup(topic);
  assert.equal(hexText(other.core!.log.group!), hexText(topic));
});

Deno.test("HC-039 HC-075 what dependants rely on is there", async () => {
  const globalCache = { size: 3 };
  await using core = new Hypercore<string>({ ...TEXT, globalCache });
  assert.equal(core.state, null);
  await core.append(["a", "b"]);
  assert.equal(core.globalCache, globalCache);
  assert.equal(core.replicator, core.core!.replicator);
  assert.deepEqual(core.sessions, [core]);
  assert.equal(core.core!.bitfield.get(1), true);
  assert.equal(core.core!.id, core.id);
  assert.equal(core.core!.compat, core.core!.log.compat);
  const { length, byteLength, fork, roots, signature } = core.state!;
  assert.deepEqual([length, byteLength, fork, roots.length], [2, 2, 0, 1]);
  assert.equal(signature, core.core!.log.head.signature);
  assert.equal(core.state!.core, core.core);
  assert.equal(core.state!.storage.atom, null);
});

Deno.test("HC-053..055 HC-056 HC-060 HC-061 HC-063 HC-065 HC-070 HC-071 HC-073 properties through a life", async () => {
  const core = new Hypercore<string>({ ...TEXT, keyPair: KEY_PAIR });
  assert.deepEqual([core.opened, core.closed, core.readable, core.writable], [false, false, true, false]);
  assert.deepEqual([core.length, core.byteLength, core.contiguousLength, core.fork], [0, 0, 0, 0]);
  assert.deepEqual([core.id, core.manifest, core.closing, core.peers], [null, null, null, []]);
  await core.opening;
  assert.equal(core.keyPair!.publicKey, KEY_PAIR.publicKey);
  await core.append(["ab", "c"]);
  assert.deepEqual([core.length, core.byteLength, core.contiguousLength], [2, 3, 2]);
  assert.equal(core.contiguousByteLength, 0);
  assert.equal(core.manifest!.signers.length, 1);
  assert.equal(core.waits, 0);
  assert.equal(await core.get(7, { wait: false }), null);
  assert.equal(core.waits, 0);
  const closing = core.close();
  assert.equal(core.closing, closing);
  await closing;
  assert.deepEqual([core.opened, core.closed, core.readable, core.writable], [false, true, false, false]);
});

Deno.test("HC-017 onseq hears of every index read", async () => {
  const seen: number[] = [];
  await using core = new Hypercore<string>({ ...TEXT, onseq: (index) => seen.push(index) });
  await core.append(["a", "b"]);
  await core.get(1);
  await core.get(5, { wait: false });
  assert.deepEqual(seen, [1, 5]);
});

Deno.test("HC-077 HC-081 append() without the check, and a hook before anybody hears of it", async () => {
  await using core = new Hypercore<string>({ ...TEXT });
  await core.ready();
  core.setKeyPair(null);
  await assert.rejects(core.append("a"), hasCode("SESSION_NOT_WRITABLE"));
  const order: string[] = [];
  core.on("append", () => order.push("append event"));
  await core.append("a", {
    writable: true,
    postappend: (blocks) => {
      order.push(`stored ${utf8Text(blocks[0]!)} at ${core.length - 1}`);
    },
  });
  assert.deepEqual(order, ["stored a at 0", "append event"]);
});

Deno.test("HC-091 HC-094 per-read options, and force", async () => {
  await using writer = new Hypercore<string>({ ...TEXT });
  await writer.append("a");
  await using reader = new Hypercore<string>(null, writer.key, TEXT);
  await using _ = new MemoryReplication(reader, writer);
  const waited: number[] = [];
  await reader.get(0, { onwait: (index) => waited.push(index) });
  assert.deepEqual(waited, [0]);
  assert.deepEqual(Array.from((await reader.get<Uint8Array>(0, { valueEncoding: "binary" }))!), [97]);
  await reader.clear(0);
  assert.equal(await reader.get(0, { force: true }), "a");
});

Deno.test("HC-093 HC-098 HC-101 HC-111 HC-122 HC-175 caller-owned request lists", async () => {
  await using core = new Hypercore<string>(null, KEY_PAIR.publicKey, TEXT);
  const stop = core.findingPeers();
  await core.ready();
  const list: never[] = [];
  const options = { activeRequests: list };
  const reads = [core.get(3, options), core.seek(9, options)].map((read) =>
    assert.rejects(read, hasCode("REQUEST_CANCELLED"))
  );
  const update = core.update(options);
  const download = core.download({ start: 0, end: 4, activeRequests: list });
  await download.ready();
  await Promise.resolve();
  assert.equal(core.activeRequests.length, 0);
  while (list.length < 4) await new Promise<void>((resolve) => setTimeout(resolve, 0));
  core.clearRequests(list);
  assert.equal(await update, false);
  assert.equal(await download.done(), false);
  await Promise.all(reads);
  const reason = new Error("given up");
  const later = assert.rejects(core.get(3, options), reason);
  while (list.length < 1) await new Promise<void>((resolve) => setTimeout(resolve, 0));
  Hypercore.clearRequests(list, reason);
  await later;
  Hypercore.destroyRequests(list);
  await assert.rejects(core.get(3, options), hasCode("REQUEST_CANCELLED"));
  await assert.rejects(core.update(options), hasCode("REQUEST_CANCELLED"));
  stop();
});

Deno.test("HC-104 a read stream passes wait and timeout on", async () => {
  await using core = new Hypercore<string>(TEXT);
  await core.append(["a", "b", "c"]);
  await core.clear(1);
  await assert.rejects(
    collect(core.createReadStream({ timeout: 5 })),
    hasCode("REQUEST_TIMEOUT"),
  );
});

Deno.test("HC-114 HC-115 downloads by their older names", async () => {
  await using core = new Hypercore<string>(TEXT);
  await core.append(["a"]);
  const done = core.download({ start: 0, end: 1 });
  await done.ready();
  assert.equal(await done.downloaded(), true);
  const open = core.download({ start: 0, end: 9 });
  await open.ready();
  core.undownload(open);
  assert.equal(await open.done(), false);
  assert.equal(core.cancel(open), undefined);
});

Deno.test("HC-117 HC-118 HC-169 HC-167 replicate() attaches to a stream or a muxer once", async () => {
  await using writer = new Hypercore<string>(TEXT);
  await writer.append("a");
  await using reader = new Hypercore<string>(null, writer.key, TEXT);
  const [left, right] = [Hypercore.createProtocolStream(true), Hypercore.createProtocolStream(false)];
  assert.equal(reader.replicate(left), left);
  assert.equal(reader.replicate(left), left);
  const mux = Hypercore.getProtocolMuxer(right);
  assert.equal(writer.replicate(mux), mux);
  writer.replicate(mux);
  left.pipe(right).pipe(left);
  assert.equal(await reader.get(0), "a");
  assert.deepEqual([reader.peers.length, writer.peers.length], [1, 1]);
  const closed = [left, right].map((stream) =>
    new Promise<void>((resolve) => stream.noiseStream.on("close", () => resolve()))
  );
  left.noiseStream.destroy();
  await Promise.all(closed);
});

Deno.test("HC-W01 the channel is hypercore/alpha under the discovery key", async () => {
  await using writer = new Hypercore<string>(TEXT);
  await writer.append("a");
  await using reader = new Hypercore<string>(null, writer.key, TEXT);
  await using _ = new MemoryReplication(reader, writer);
  await reader.get(0);
  const { channel, remoteSupportsSeeks } = reader.peers[0]!;
  assert.equal(channel.protocol, "hypercore/alpha");
  assert.deepEqual(channel.aliases, ["hypercore"]);
  assert.equal(hexText(channel.id!), hexText(writer.discoveryKey!));
  assert.equal(remoteSupportsSeeks, true);
});

Deno.test("HC-088 compact() leaves everything readable", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using core = new Hypercore<string>(folder, TEXT);
    await core.append(["a", "b", "c"]);
    await core.clear(0, 2);
    await core.compact();
    assert.equal(await core.get(2), "c");
    assert.equal(await core.get(0, { wait: false }), null);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("HC-125 ondownloading is called when a core begins to want blocks", async () => {
  await using core = new Hypercore<string>({ ...TEXT, active: false, notDownloadingLinger: 0 });
  await core.ready();
  let calls = 0;
  core.core!.ondownloading = () => calls++;
  core.setActive(true);
  await Promise.resolve();
  assert.equal(calls, 1);
});

Deno.test("HC-123 HC-126 the window is retuned live, and everything sent is counted", async () => {
  await using writer = new Hypercore<string>(TEXT);
  await writer.append(["a", "b", "c"]);
  await using reader = new Hypercore<string>(null, writer.key, { ...TEXT, inflightRange: [8, 64] });
  await using _ = new MemoryReplication(reader, writer);
  await reader.download({ start: 0, end: 3 }).done();
  assert.deepEqual(reader.replicator!.inflightRange, [8, 64]);
  reader.core!.replicator.setInflightRange(4, 9);
  assert.deepEqual(reader.replicator!.inflightRange, [4, 9]);
  // One for the length, three for the blocks.
  assert.equal(reader.replicator!.stats.wireData.rx, 4);
  assert.equal(reader.peers[0]!.stats.wireRequest.tx, 4);
  assert.equal(writer.replicator!.stats.wireData.tx, 4);
});

Deno.test("HC-033 HC-034 HC-124 pushed blocks are taken by those who allow it, and nothing is asked for", async () => {
  await using writer = new Hypercore<string>(TEXT);
  await writer.append(["a", "b", "c"]);
  await using reader = new Hypercore<string>(null, writer.key, { ...TEXT, allowPush: true, pushOnly: true });
  await using _ = new MemoryReplication(reader, writer);
  const added = new Promise<void>((resolve) => writer.on("peer-add", () => resolve()));
  await added;
  while (!writer.peers[0]!.remoteAllowPush) await new Promise<void>((resolve) => setTimeout(resolve, 0));
  const received = new Promise<number>((resolve) => reader.on("download", (index) => resolve(index)));
  writer.core!.replicator.push(1);
  assert.equal(await received, 1);
  assert.deepEqual([reader.length, await reader.has(1), await reader.has(0)], [3, true, false]);
  assert.equal(reader.replicator!.stats.wireRequest.tx, 0);
  await assert.rejects(reader.get(0, { timeout: 20 }), (error) => {
    return error instanceof HypercoreError && /only what peers push is taken/.test(error.message);
  });
});

Deno.test("HC-130 HC-131 user data in order of names", async () => {
  await using core = new Hypercore<string>({ ...TEXT, userData: { b: "2", a: "1" } });
  await core.setUserData("c", new Uint8Array([3]));
  const entries = await collect(core.core!.createUserDataStream());
  assert.deepEqual(entries.map(({ key }) => key), ["a", "b", "c"]);
  const some = await collect(core.core!.createUserDataStream({ gte: "b", lt: "c" }));
  assert.deepEqual(some.map(({ key, value }) => [key, utf8Text(value)]), [["b", "2"]]);
});

Deno.test("HC-158 HC-133 manifest tells when it becomes known", async () => {
  await using writer = new Hypercore<string>(TEXT);
  await writer.append("a");
  await using reader = new Hypercore<string>(null, writer.key, TEXT);
  await reader.ready();
  const heard = new Promise<void>((resolve) => reader.once("manifest", () => resolve()));
  assert.equal(reader.manifest, null);
  await reader.core!.setManifest(writer.getManifest({ raw: true })!);
  await heard;
  assert.equal(hexText(reader.getManifest({ raw: true })!), hexText(writer.getManifest({ raw: true })!));
});

Deno.test("HC-168 HC-170 createCore() gives a core without a session, defaultStorage() a store", async () => {
  const store = Hypercore.defaultStorage(new MemoryStorage());
  assert.ok(store instanceof CoreStore);
  assert.equal(Hypercore.defaultStorage(store), store);
  const core = Hypercore.createCore(store, { keyPair: KEY_PAIR });
  assert.ok(core instanceof Core);
  await core.ready();
  const session = new Hypercore<string>({ core, ...TEXT });
  await session.append("a");
  await session.close();
  assert.equal(core.opened, true);
  await core.close();
  await store.close();
});

Deno.test("HC-173 SMALL_WANTS asks peers about regions of 4096 blocks", async () => {
  Hypercore.enable(Hypercore.SMALL_WANTS);
  try {
    await using writer = new Hypercore<string>(TEXT);
    await writer.append(Array.from({ length: 20 }, (_, i) => `${i}`));
    await writer.clear(3);
    await using reader = new Hypercore<string>(null, writer.key, TEXT);
    await using _ = new MemoryReplication(reader, writer);
    assert.equal(await reader.get(7), "7");
  } finally {
    Hypercore.enable(0);
  }
  assert.equal(Core.asksSmallRegions, false);
});

Deno.test("HC-176 treeHashFromStorage() does not ask peers", async () => {
  await using core = new Hypercore<string>(TEXT);
  await core.append(["a", "b"]);
  const hash = await core.treeHash(1);
  await core.clear(0, 2);
  assert.equal(hexText(await Hypercore.treeHashFromStorage(core, 1)), hexText(hash));
  assert.equal((await Hypercore.treeHashFromStorage(core)).byteLength, 32);
});

Deno.test("HC-177 HC-183 HC-184 linked cores and user data are part of the key", async () => {
  const signers = [{ publicKey: KEY_PAIR.publicKey }];
  const linked = [new Uint8Array(32).fill(1)];
  const userData = new Uint8Array([1, 2, 3]);
  await using core = new Hypercore<string>({
    ...TEXT,
    keyPair: KEY_PAIR,
    manifest: { signers, linked, userData },
  });
  await core.ready();
  assert.equal(core.manifest!.version, 2);
  assert.equal(hexText(core.manifest!.linked![0]!), hexText(linked[0]!));
  assert.deepEqual(Array.from(core.manifest!.userData!), [1, 2, 3]);
  assert.equal(hexText(core.key!), hexText(Hypercore.key({ signers, linked, userData })));
  assert.notEqual(hexText(core.key!), hexText(Hypercore.key({ signers, linked })));
  assert.throws(() => Hypercore.key({ version: 1, signers, userData }), hasCode("BAD_ARGUMENT"));
});

Deno.test("HC-161 a false proof and an impossible request are told of", async () => {
  await using a = new Hypercore<string>({ ...TEXT, keyPair: KEY_PAIR });
  await a.append(["a", "b"]);
  await using b = new Hypercore<string>({ ...TEXT, keyPair: KEY_PAIR });
  await b.append(["a", "X", "c"]);
  const failed = new Promise<string>((resolve) => a.on("verification-error", (error) => resolve(error.code)));
  await using _ = new MemoryReplication(a, b);
  await a.update({ wait: true, force: true }).catch(() => {});
  assert.equal(await failed, "INVALID_SIGNATURE");
});

Deno.test("replicationStatus() says who has what, who was asked, and why nothing moves", async () => {
  await using writer = new Hypercore<string>(TEXT);
  await writer.append(["a", "b", "c"]);
  await writer.clear(1);
  await using reader = new Hypercore<string>(null, writer.key, TEXT);
  await reader.ready();
  const alone = assert.rejects(reader.get(0, { timeout: 5 }), (error: Error) => {
    assert.match(error.message, /^REQUEST_TIMEOUT: Request timed out after 5 ms: no peer is connected/);
    return true;
  });
  await Promise.resolve();
  await alone;
  await using _ = new MemoryReplication(reader, writer);
  await reader.get(0);
  const blocked = assert.rejects(reader.get(1, { timeout: 30 }), (error: Error) => {
    assert.match(error.message, /the one peer does not have it/);
    return true;
  });
  const beyond = assert.rejects(reader.get(9, { timeout: 30 }), (error: Error) => {
    assert.match(
      error.message,
      /block 9 lies behind the end of every log: here 3 blocks, at peers at most 3/,
    );
    return true;
  });
  const download = reader.download();
  await download.ready();
  await new Promise<void>((resolve) => setTimeout(resolve, 0));
  const status = await reader.replicationStatus();
  assert.equal(status.peers.length, 1);
  assert.equal(status.peers[0]!.peer, reader.peers[0]);
  assert.deepEqual([status.peers[0]!.length, status.peers[0]!.refusal], [3, null]);
  const block = status.pending.find(({ kind, start }) => kind === "block" && start === 1)!;
  assert.deepEqual([block.waiting, block.available.length, block.asked.length], [1, 0, 0]);
  assert.equal(block.reason, "the one peer does not have it");
  assert.equal(status.pending.some(({ kind }) => kind === "range"), true);
  await Promise.all([blocked, beyond]);
  download.destroy();
});

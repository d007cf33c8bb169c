/**
 * Branches of a core: named sessions, atoms, committing, and snapshots that outlive what they show.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexText } from "../../../src/base/mod.ts";
import { signKeyPair } from "../../../src/crypto/mod.ts";
import { Hypercore, HypercoreError } from "../../../src/hypercore/mod.ts";
import { MemoryStorage, type Storage } from "../../../src/storage/mod.ts";
import { collect } from "../../helpers/collect.ts";
import { FlakyStorage } from "../../helpers/flaky_storage.ts";
import { MemoryReplication } from "../../helpers/memory_replication.ts";

const KEY_PAIR = signKeyPair(new Uint8Array(32).fill(5));
const TEXT = { valueEncoding: "utf-8" } as const;

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof HypercoreError && error.code === code;
}

async function coreOf(
  blocks: readonly string[],
  storage: Storage = new MemoryStorage(),
): Promise<Hypercore<string>> {
  const core = new Hypercore<string>(storage, { ...TEXT, keyPair: KEY_PAIR });
  if (blocks.length > 0) await core.append(blocks);
  else await core.ready();
  return core;
}

function text(core: Hypercore<string>): Promise<string[]> {
  return collect(core.createReadStream());
}

Deno.test("HC-047 a named session is a branch of its own, which needs no signature", async () => {
  await using core = await coreOf(["a", "b"]);
  await using branch = core.session<string>({ ...TEXT, name: "draft" });
  await branch.append(["c", "d"]);
  assert.deepEqual(await text(branch), ["a", "b", "c", "d"]);
  assert.deepEqual(await text(core), ["a", "b"]);
  await core.append("C");
  assert.deepEqual(await text(branch), ["a", "b", "c", "d"]);
  assert.equal(branch.state!.name, "draft");
  assert.equal(branch.state!.isDefault(), false);
  assert.equal(branch.state!.signature, null);
  assert.equal(core.state!.isDefault(), true);
});

Deno.test("HC-047 HC-066 a named session of a core we cannot sign is writable; its signed length is what it shares", async () => {
  await using writer = await coreOf(["a", "b"]);
  await using reader = new Hypercore<string>(null, writer.key, TEXT);
  await using _ = new MemoryReplication(reader, writer);
  await reader.download({ start: 0, end: 2 }).done();
  await using branch = reader.session<string>({ ...TEXT, name: "mine" });
  await branch.ready();
  assert.equal(reader.writable, false);
  assert.equal(branch.writable, true);
  await branch.append("c");
  assert.deepEqual([branch.length, branch.signedLength, reader.signedLength], [3, 2, 2]);
  assert.equal(branch.state!.flushedLength(), 2);
});

Deno.test("HC-047 a named session is there again after reopening, and two of one name are on one branch", async () => {
  const storage = new FlakyStorage();
  const core = await coreOf(["a"], storage);
  const first = core.session<string>({ ...TEXT, name: "draft" });
  await first.append(["b", "c"]);
  const second = core.session<string>({ ...TEXT, name: "draft" });
  await second.append("d");
  assert.deepEqual(await text(first), ["a", "b", "c", "d"]);
  await first.close();
  await second.close();
  await core.close();
  await using again = new Hypercore<string>(storage.reopened(), { ...TEXT });
  await again.append("A");
  await using branch = again.session<string>({ ...TEXT, name: "draft" });
  assert.deepEqual(await text(branch), ["a", "b", "c", "d"]);
  assert.deepEqual(await text(again), ["a", "A"]);
});

Deno.test("HC-047 overwrite discards a branch", async () => {
  await using core = await coreOf(["a"]);
  {
    await using branch = core.session<string>({ ...TEXT, name: "draft" });
    await branch.append("b");
    await assert.rejects(
      core.session({ name: "draft", overwrite: true }).ready(),
      hasCode("ERR_ASSERTION"),
    );
  }
  await core.append("A");
  await using branch = core.session<string>({ ...TEXT, name: "draft", overwrite: true });
  assert.deepEqual(await text(branch), ["a", "A"]);
});

Deno.test("HC-049 a checkout starts a branch at a length, and is refused without one", async () => {
  await using core = await coreOf(["a", "b", "c"]);
  assert.throws(() => core.session({ checkout: 1 }), hasCode("ERR_ASSERTION"));
  await using branch = core.session<string>({ ...TEXT, name: "draft", checkout: 1 });
  await branch.append("B");
  assert.deepEqual(await text(branch), ["a", "B"]);
  assert.equal(branch.fork, 0);
  await assert.rejects(core.session({ name: "other", checkout: 4 }).ready(), hasCode("ERR_ASSERTION"));
  assert.deepEqual(await text(core), ["a", "b", "c"]);
});

Deno.test("HC-052 commit() appends what a branch has more, signed, and tells peers", async () => {
  await using core = await coreOf(["a", "b"]);
  await using reader = new Hypercore<string>(null, core.key, TEXT);
  await using _ = new MemoryReplication(reader, core);
  await reader.get(1);
  await using branch = core.session<string>({ ...TEXT, name: "draft" });
  await branch.append(["c", "d", "e"]);
  assert.deepEqual(await core.commit(branch, { length: 4 }), { length: 4, byteLength: 4 });
  assert.equal(await reader.get(3), "d");
  assert.deepEqual(await core.commit(branch), { length: 5, byteLength: 5 });
  assert.deepEqual(await text(core), ["a", "b", "c", "d", "e"]);
  assert.equal(hexText(await core.treeHash()), hexText(await branch.treeHash()));
  await branch.append("f");
  assert.deepEqual(await text(branch), ["a", "b", "c", "d", "e", "f"]);
  assert.deepEqual([branch.signedLength, branch.length], [5, 6]);
});

Deno.test("HC-052 commit() gives null where the branch has not what the core has", async () => {
  await using core = await coreOf(["a", "b"]);
  await using branch = core.session<string>({ ...TEXT, name: "draft" });
  await branch.append("c");
  await core.append("C");
  assert.equal(await core.commit(branch), null);
  assert.deepEqual(await text(core), ["a", "b", "C"]);
  await using same = core.session<string>({ ...TEXT, name: "same", checkout: 2 });
  await same.append(["C", "d"]);
  assert.deepEqual(await core.commit(same), { length: 4, byteLength: 4 });
});

Deno.test("HC-052 commit() refuses a session of another core", async () => {
  await using core = await coreOf(["a"]);
  await using other = new Hypercore<string>({ ...TEXT });
  await assert.rejects(core.commit(other), hasCode("ERR_ASSERTION"));
  await assert.rejects(core.commit(core), hasCode("ERR_ASSERTION"));
});

Deno.test("HC-052 commit() takes a ready signature, and a key pair", async () => {
  await using writer = await coreOf(["a", "b"]);
  await using reader = new Hypercore<string>(null, writer.key, TEXT);
  {
    await using _ = new MemoryReplication(reader, writer);
    await reader.download({ start: 0, end: 2 }).done();
  }
  await using branch = reader.session<string>({ ...TEXT, name: "draft" });
  await branch.append(["c"]);
  await writer.append(["c"]);
  await assert.rejects(reader.commit(branch), hasCode("SESSION_NOT_WRITABLE"));
  await assert.rejects(
    reader.commit(branch, { signature: new Uint8Array(64) }),
    hasCode("INVALID_SIGNATURE"),
  );
  const { signature } = writer.state!;
  assert.deepEqual(await reader.commit(branch, { signature }), { length: 3, byteLength: 3 });
  await branch.append("d");
  assert.deepEqual(await reader.commit(branch, { keyPair: KEY_PAIR }), { length: 4, byteLength: 4 });
});

Deno.test("HC-047 cutting the core leaves its branches whole", async () => {
  await using core = await coreOf(["a", "b", "c", "d", "e"]);
  await using branch = core.session<string>({ ...TEXT, name: "draft" });
  await branch.append("f");
  const hash = await branch.treeHash();
  await core.truncate(2);
  await core.append(["C", "D"]);
  assert.deepEqual(await text(branch), ["a", "b", "c", "d", "e", "f"]);
  assert.equal(hexText(await branch.treeHash()), hexText(hash));
  assert.deepEqual(await branch.seek(3), [3, 0]);
  assert.deepEqual(await text(core), ["a", "b", "C", "D"]);
  assert.equal(branch.signedLength, 2);
});

Deno.test("HC-047 a branch of a branch, and the first one cut", async () => {
  await using core = await coreOf(["a"]);
  await using first = core.session<string>({ ...TEXT, name: "first" });
  await first.append(["b", "c"]);
  await using second = first.session<string>({ ...TEXT, name: "second" });
  await second.append("d");
  await first.truncate(1);
  await first.append("B");
  assert.deepEqual(await text(second), ["a", "b", "c", "d"]);
  assert.deepEqual(await text(first), ["a", "B"]);
  assert.deepEqual(await core.commit(second), { length: 4, byteLength: 4 });
});

Deno.test("HC-085 HC-047 clear() on a branch drops its own blocks; shared ones are read from the core", async () => {
  await using core = await coreOf(["a", "b"]);
  await using branch = core.session<string>({ ...TEXT, name: "draft" });
  await branch.append(["c", "d"]);
  assert.deepEqual(await branch.clear(1, 3, { diff: true }), { blocks: 2 });
  assert.equal(await branch.get(1, { wait: false }), "b");
  assert.equal(await branch.get(2, { wait: false }), null);
  assert.equal(await branch.get(3), "d");
  assert.deepEqual(await text(core), ["a", "b"]);
  assert.deepEqual([await branch.has(0), await branch.has(2)], [true, false]);
  await assert.rejects(core.commit(branch), hasCode("INVALID_OPERATION"));
});

Deno.test("HC-087 purge() deletes branches too", async () => {
  const storage = new MemoryStorage();
  await using other = new Hypercore<string>(storage, { ...TEXT });
  await other.append("stays");
  const core = new Hypercore<string>(storage, KEY_PAIR.publicKey, { ...TEXT, keyPair: KEY_PAIR });
  await core.append("a");
  const branch = core.session<string>({ ...TEXT, name: "draft" });
  await branch.append("b");
  await core.purge();
  for await (const record of storage.records("session")) assert.fail(`left: ${hexText(record.key)}`);
  for (const owner of [2, 3]) {
    for await (const row of storage.rows("block", owner)) assert.fail(`block ${row.index} is left`);
  }
});

Deno.test("HC-048 HC-051 an atom holds changes of several cores back until it is flushed, then they are there at once", async () => {
  const storage = new MemoryStorage();
  await using a = new Hypercore<string>(storage, { ...TEXT });
  await using b = new Hypercore<string>(storage, KEY_PAIR.publicKey, { ...TEXT, keyPair: KEY_PAIR });
  await a.append("a0");
  await b.append("b0");
  const atom = a.state!.storage.createAtom();
  await using atomA = a.session<string>({ ...TEXT, atom });
  await using atomB = b.session<string>({ ...TEXT, atom });
  await atomA.append(["a1", "a2"]);
  await atomB.append("b1");
  await atomB.setUserData("note", "held back");
  assert.deepEqual([a.length, b.length, atomA.length, atomB.length], [1, 1, 3, 2]);
  assert.deepEqual(await text(atomA), ["a0", "a1", "a2"]);
  assert.equal(await b.getUserData("note"), null);
  const heard: string[] = [];
  a.on("append", () => heard.push(`a ${a.length}`));
  b.on("append", () => heard.push(`b ${b.length}`));
  await atom.flush();
  assert.deepEqual(heard, ["a 3", "b 2"]);
  assert.deepEqual(await text(a), ["a0", "a1", "a2"]);
  assert.equal((await b.getUserData("note"))!.byteLength, 9);
  assert.equal(atomA.state!.isDefault(), true);
  await atomA.append("a3");
  await atom.flush();
  assert.equal(a.length, 4);
});

Deno.test("HC-048 an atom can cut a core and append to it; snapshots and peers see it at the flush", async () => {
  await using core = await coreOf(["a", "b", "c", "d"]);
  await using reader = new Hypercore<string>(null, core.key, TEXT);
  await using _ = new MemoryReplication(reader, core);
  await reader.download({ start: 0, end: 4 }).done();
  await using snapshot = core.snapshot<string>(TEXT);
  await snapshot.ready();
  const atom = core.state!.storage.createAtom();
  await using session = core.session<string>({ ...TEXT, atom });
  await session.truncate(2);
  await session.append(["C", "D", "E"]);
  assert.deepEqual(await text(session), ["a", "b", "C", "D", "E"]);
  assert.deepEqual(await text(core), ["a", "b", "c", "d"]);
  const heard: unknown[] = [];
  core.on("truncate", (...args) => heard.push(["truncate", ...args]));
  core.on("append", () => heard.push("append"));
  await atom.flush();
  assert.deepEqual(heard, [["truncate", 2, 1], "append"]);
  assert.deepEqual(await text(core), ["a", "b", "C", "D", "E"]);
  assert.deepEqual(await text(snapshot), ["a", "b", "c", "d"]);
  while (reader.length < 5) await new Promise<void>((resolve) => reader.once("truncate", () => resolve()));
  assert.equal(await reader.get(4), "E");
});

Deno.test("HC-048 what an atom holds back is gone with its session", async () => {
  await using core = await coreOf(["a"]);
  const atom = core.state!.storage.createAtom();
  const session = core.session<string>({ ...TEXT, atom });
  await session.append("b");
  await assert.rejects(
    core.session({ atom: core.state!.storage.createAtom() }).ready(),
    hasCode("ERR_ASSERTION"),
  );
  await session.setUserData("note", "gone too");
  await session.close();
  assert.deepEqual(await text(core), ["a"]);
  await atom.flush();
  assert.deepEqual(await text(core), ["a"]);
  assert.equal(await core.getUserData("note"), null);
  const { droppedBlocks } = await core.core!.audit({ dryRun: true });
  assert.equal(droppedBlocks, 0);
  await using again = core.session<string>({ ...TEXT, atom });
  await again.append("B");
  await atom.flush();
  assert.deepEqual(await text(core), ["a", "B"]);
});

Deno.test("HC-048 an atom of another storage is refused", async () => {
  await using core = await coreOf(["a"]);
  await using other = new Hypercore<string>(TEXT);
  await other.ready();
  const atom = other.state!.storage.createAtom();
  await assert.rejects(core.session({ atom }).ready(), hasCode("ERR_ASSERTION"));
});

Deno.test("HC-047 a branch can be opened again while it is being closed", async () => {
  await using core = await coreOf(["a"]);
  const first = core.session<string>({ ...TEXT, name: "draft" });
  await first.ready();
  const append = first.append("b");
  const closing = first.close();
  await using second = core.session<string>({ ...TEXT, name: "draft" });
  await second.append("c");
  await Promise.all([append, closing]);
  assert.deepEqual(await text(second), ["a", "b", "c"]);
});

Deno.test("HC-048 a flush that fails changes nothing", async () => {
  const storage = new FlakyStorage();
  await using core = await coreOf(["a"], storage);
  const atom = core.state!.storage.createAtom();
  await using session = core.session<string>({ ...TEXT, atom });
  await session.append("b");
  storage.failsNextWrite = true;
  await assert.rejects(atom.flush());
  assert.deepEqual(await text(core), ["a"]);
  await atom.flush();
  assert.deepEqual(await text(core), ["a", "b"]);
});

Deno.test("HC-051 what was appended otherwise meanwhile is clobbered, unless peers know of it", async () => {
  await using core = await coreOf(["a"]);
  const atom = core.state!.storage.createAtom();
  await using session = core.session<string>({ ...TEXT, atom });
  await session.append("b");
  await core.append("B");
  await atom.flush();
  assert.deepEqual(await text(core), ["a", "b"]);
  await session.append("c");
  await core.append("C", { durable: true });
  await assert.rejects(atom.flush(), hasCode("INVALID_OPERATION"));
  assert.deepEqual(await text(core), ["a", "b", "C"]);
});

Deno.test("HC-048 HC-052 a branch is committed within an atom", async () => {
  await using core = await coreOf(["a"]);
  await using branch = core.session<string>({ ...TEXT, name: "draft" });
  await branch.append(["b", "c"]);
  const atom = core.state!.storage.createAtom();
  await using session = core.session<string>({ ...TEXT, atom });
  assert.deepEqual(await session.commit(branch), { length: 3, byteLength: 3 });
  assert.equal(core.length, 1);
  await atom.flush();
  assert.deepEqual(await text(core), ["a", "b", "c"]);
  assert.deepEqual(await text(branch), ["a", "b", "c"]);
});

Deno.test("HC-048 HC-047 changes of a branch are held back in an atom", async () => {
  await using core = await coreOf(["a", "b"]);
  await using branch = core.session<string>({ ...TEXT, name: "draft" });
  await branch.append("c");
  const atom = core.state!.storage.createAtom();
  await using session = branch.session<string>({ ...TEXT, atom });
  await session.truncate(1);
  await session.append("B");
  assert.deepEqual(await text(branch), ["a", "b", "c"]);
  await atom.flush();
  assert.deepEqual(await text(branch), ["a", "B"]);
  assert.deepEqual(await text(core), ["a", "b"]);
});

Deno.test("atoms call their hooks around the flush", async () => {
  await using core = await coreOf(["a"]);
  const atom = core.state!.storage.createAtom();
  const order: string[] = [];
  atom.preflush(() => order.push(`before ${core.length}`));
  atom.onflush(() => order.push(`after ${core.length}`));
  await using session = core.session<string>({ ...TEXT, atom });
  await session.append("b");
  await atom.flush();
  assert.deepEqual(order, ["before 1", "after 2"]);
  assert.equal(atom.flushing, false);
});

Deno.test("HC-041 a snapshot reads what was cut off and dropped after it", async () => {
  const storage = new MemoryStorage();
  await using core = await coreOf(["a", "b", "c", "d", "e", "f"], storage);
  const snapshot = core.snapshot<string>(TEXT);
  await snapshot.ready();
  const hash = await snapshot.treeHash();
  await core.clear(1, 3);
  await core.truncate(4);
  await core.append(["E", "F", "G"]);
  const later = core.snapshot<string>(TEXT);
  await later.ready();
  await core.truncate(2);
  await core.append(["x", "y", "z", "w", "v"]);
  assert.deepEqual(await text(snapshot), ["a", "b", "c", "d", "e", "f"]);
  assert.deepEqual(await collect(later.createReadStream({ start: 3, wait: false })), ["d", "E", "F", "G"]);
  assert.equal(hexText(await snapshot.treeHash()), hexText(hash));
  assert.deepEqual(await snapshot.seek(4), [4, 0]);
  assert.equal(await snapshot.has(0, 6), true);
  assert.deepEqual([snapshot.state!.isSnapshot(), core.state!.isSnapshot()], [true, false]);
  assert.deepEqual([snapshot.length, snapshot.fork, snapshot.signedLength], [6, 0, 2]);
  const proof = await snapshot.proof({ block: { index: 5, nodes: 0 }, upgrade: { start: 0, length: 6 } });
  assert.equal(hexText((await core.verifyFullyRemote(proof)).treeHash), hexText(hash));
  await snapshot.close();
  await later.close();
  const owners = new Set<string>();
  for await (const { key } of storage.records("session")) owners.add(hexText(key));
  assert.deepEqual(Array.from(owners), []);
});

Deno.test("HC-199 what a snapshot never had locally is refused once it is cut off", async () => {
  await using writer = await coreOf(["a", "b", "c"]);
  await using reader = new Hypercore<string>(null, writer.key, TEXT);
  await using _ = new MemoryReplication(reader, writer);
  await reader.get(0);
  await using snapshot = reader.snapshot<string>(TEXT);
  await snapshot.ready();
  const truncated = new Promise<void>((resolve) => reader.once("truncate", () => resolve()));
  await writer.truncate(1);
  await writer.append("B");
  await truncated;
  assert.equal(await snapshot.get(0), "a");
  await assert.rejects(snapshot.get(1), hasCode("SNAPSHOT_NOT_AVAILABLE"));
});

Deno.test("what was kept for snapshots is forgotten when the log is opened again", async () => {
  const storage = new FlakyStorage();
  const core = await coreOf(["a", "b"], storage);
  const snapshot = core.snapshot<string>(TEXT);
  await snapshot.ready();
  await core.truncate(0);
  const left = storage.reopened();
  await using again = new Hypercore<string>(left, { ...TEXT });
  await again.ready();
  for await (const { key } of left.records("session")) assert.fail(`left: ${hexText(key)}`);
  for await (const row of left.rows("block", 2)) assert.fail(`block ${row.index} is left`);
  await snapshot.close();
  await core.close();
});

Deno.test("HC-045 a weak session closes once no other one is left", async () => {
  const core = await coreOf(["a"]);
  const weak = core.session<string>({ ...TEXT, weak: true });
  await weak.ready();
  assert.equal(weak.weak, true);
  const closed = new Promise<void>((resolve) => weak.once("close", () => resolve()));
  await core.close();
  await closed;
  assert.equal(weak.closed, true);
});

Deno.test("HC-046 HC-072 exclusive sessions take turns", async () => {
  await using core = await coreOf(["a"]);
  const first = core.session<string>({ exclusive: true });
  await first.ready();
  const order: string[] = [];
  const second = core.session<string>({ exclusive: true });
  const ready = second.ready().then(() => order.push("second"));
  await using reading = core.session<string>({ exclusive: true, writable: false });
  await reading.ready();
  assert.deepEqual([first.exclusive, reading.exclusive], [true, false]);
  order.push("first closes");
  await first.close();
  await ready;
  assert.deepEqual(order, ["first closes", "second"]);
  await second.close();
});

Deno.test("HC-018 HC-050 ongc tells when a session has left its list", async () => {
  const sessions: Hypercore<unknown>[] = [];
  const gone: number[] = [];
  const core = new Hypercore<string>({ ...TEXT, sessions, ongc: () => gone.push(sessions.length) });
  await core.ready();
  const session = core.session<string>(TEXT);
  await session.ready();
  assert.equal(sessions.length, 2);
  assert.equal(core.sessions, sessions);
  await session.close();
  await core.close();
  assert.deepEqual(gone, [1, 0]);
});

Deno.test("HC-044 a session of another class", async () => {
  class Special<Value> extends Hypercore<Value> {
    readonly isSpecial = true;
  }
  await using core = await coreOf(["a"]);
  await using session = core.session<string>({ ...TEXT, class: Special });
  assert.ok(session instanceof Special);
  assert.equal(await session.get(0), "a");
});

Deno.test("HC-160 moveTo() takes a branch with its sessions to another core", async () => {
  const storage = new MemoryStorage();
  await using old = new Hypercore<string>(storage, { ...TEXT });
  await old.append(["a", "b"]);
  await using next = new Hypercore<string>(storage, KEY_PAIR.publicKey, { ...TEXT, keyPair: KEY_PAIR });
  await next.append(["a", "b", "c"]);
  await using branch = old.session<string>({ ...TEXT, name: "batch" });
  await branch.append("X");
  await using other = old.session<string>({ ...TEXT, name: "batch" });
  await other.ready();
  const heard: string[] = [];
  for (const [name, session] of [["branch", branch], ["other", other]] as const) {
    session.on("migrate", (key) => heard.push(`${name} ${hexText(key) === hexText(next.key!)}`));
    session.on("truncate", (length) => heard.push(`${name} truncate ${length}`));
  }
  await branch.state!.moveTo(next.core!, 2);
  assert.deepEqual(heard, ["branch true", "branch truncate 2", "other true", "other truncate 2"]);
  assert.equal(hexText(branch.key!), hexText(next.key!));
  await branch.append("c2");
  assert.deepEqual(await text(other), ["a", "b", "c2"]);
  assert.deepEqual(await text(old), ["a", "b"]);
  await assert.rejects(old.state!.moveTo(next.core!, 1), hasCode("ERR_ASSERTION"));
});

Deno.test("HC-160 HC-107 a download goes on at the new core", async () => {
  const storage = new MemoryStorage();
  await using old = new Hypercore<string>(storage, { ...TEXT });
  await old.append(["a"]);
  await using next = new Hypercore<string>(storage, KEY_PAIR.publicKey, { ...TEXT, keyPair: KEY_PAIR });
  await next.append(["a"]);
  await using branch = old.session<string>({ ...TEXT, name: "batch" });
  const download = branch.download({ start: 0, end: 2 });
  await download.ready();
  const done = download.done();
  await branch.state!.moveTo(next.core!, 1);
  await next.append("b");
  assert.equal(await done, true);
});

Deno.test("HC-045 a weak snapshot is closed before the log is", async () => {
  const storage = new MemoryStorage();
  const core = await coreOf(["a", "b"], storage);
  const weak = core.snapshot<string>({ ...TEXT, weak: true });
  await weak.ready();
  await core.truncate(0);
  await core.close();
  assert.equal(weak.closed, true);
});

Deno.test("HC-160 a read that waits goes on at the new core", async () => {
  const storage = new MemoryStorage();
  await using old = new Hypercore<string>(storage, { ...TEXT });
  await old.append(["a"]);
  await using next = new Hypercore<string>(storage, KEY_PAIR.publicKey, { ...TEXT, keyPair: KEY_PAIR });
  await next.append(["a"]);
  const waits = Promise.withResolvers<void>();
  await using branch = old.session<string>({ ...TEXT, name: "batch", onwait: () => waits.resolve() });
  const reading = branch.get(1);
  await waits.promise;
  await branch.state!.moveTo(next.core!, 1);
  await next.append("b");
  assert.equal(await reading, "b");
});

Deno.test("HC-041 HC-085 a snapshot of a branch reads what the core drops", async () => {
  await using core = await coreOf(["a", "b"]);
  await using branch = core.session<string>({ ...TEXT, name: "draft" });
  await branch.append("c");
  await using snapshot = branch.snapshot<string>(TEXT);
  await snapshot.ready();
  const opening = core.session<string>({ ...TEXT, name: "other" });
  assert.deepEqual(await core.clear(0, 2, { diff: true }), { blocks: 2 });
  await opening.ready();
  assert.deepEqual(await text(snapshot), ["a", "b", "c"]);
  assert.equal(await branch.get(0, { wait: false }), null);
  await opening.close();
});

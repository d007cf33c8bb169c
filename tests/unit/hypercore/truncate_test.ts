/**
 * Cutting a core, dropping blocks, following forks, conflicts and purging, as users see it.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexText } from "../../../src/base/mod.ts";
import { signKeyPair } from "../../../src/crypto/mod.ts";
import { Hypercore, HypercoreError } from "../../../src/hypercore/mod.ts";
import { MemoryStorage } from "../../../src/storage/mod.ts";
import { MemoryReplication } from "../../helpers/memory_replication.ts";

const KEY_PAIR = signKeyPair(new Uint8Array(32).fill(3));

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof HypercoreError && error.code === code;
}

async function writerOf(...blocks: string[]): Promise<Hypercore<string>> {
  const core = new Hypercore<string>({ valueEncoding: "utf-8", keyPair: KEY_PAIR });
  await core.append(blocks);
  return core;
}

function once(core: Hypercore<string>, event: "append" | "truncate" | "close"): Promise<unknown[]> {
  return new Promise((resolve) => core.once(event, (...args: unknown[]) => resolve(args)));
}

Deno.test("HC-083 HC-153 truncate() cuts the log, bumps the fork and tells every session", async () => {
  await using core = await writerOf("a", "b", "c", "d");
  await using session = core.session();
  await session.ready();
  const heard: unknown[] = [];
  core.on("truncate", (...args) => heard.push(["core", ...args]));
  session.on("truncate", (...args) => heard.push(["session", ...args]));
  await core.truncate(2);
  assert.deepEqual([core.length, core.fork, core.byteLength, core.contiguousLength], [2, 1, 2, 2]);
  assert.deepEqual(heard, [["core", 2, 1], ["session", 2, 1]]);
  assert.equal(await core.has(2), false);
  await core.append("C");
  assert.equal(await core.get(2), "C");
});

Deno.test("HC-083 HC-084 the fork can be given, as a number or by name", async () => {
  await using core = await writerOf("a", "b", "c");
  await core.truncate(2, 7);
  assert.equal(core.fork, 7);
  await core.truncate(1, { fork: 9 });
  assert.equal(core.fork, 9);
  await core.truncate();
  assert.deepEqual([core.length, core.fork], [0, 10]);
});

Deno.test("HC-084 truncate() signs with the key pair given, or takes a signature", async () => {
  await using core = new Hypercore<string>(null, KEY_PAIR.publicKey, { valueEncoding: "utf-8" });
  await core.append(["a", "b"], { keyPair: KEY_PAIR });
  await assert.rejects(core.truncate(1), hasCode("SESSION_NOT_WRITABLE"));
  await core.truncate(1, { keyPair: KEY_PAIR });
  assert.deepEqual([core.length, core.fork], [1, 1]);
  await assert.rejects(core.truncate(1, { signature: new Uint8Array(64) }), hasCode("INVALID_SIGNATURE"));
});

Deno.test("truncate() refuses what is longer than the log", async () => {
  await using core = await writerOf("a");
  await assert.rejects(core.truncate(2), hasCode("INVALID_OPERATION"));
  await core.close();
  await assert.rejects(core.truncate(0), hasCode("SESSION_CLOSED"));
});

Deno.test("HC-191 HC-153 HC-025 a reader follows a newer fork and hears of it by truncate alone", async () => {
  await using writer = await writerOf("a", "b", "c", "d");
  await using reader = new Hypercore<string>(null, writer.key, { valueEncoding: "utf-8" });
  await using _ = new MemoryReplication(reader, writer);
  await reader.download({ start: 0, end: 4 }).done();
  const heard: unknown[] = [];
  const truncated = once(reader, "truncate");
  reader.on("append", () => heard.push("append"));
  await writer.truncate(2);
  await writer.append(["C", "D", "E"]);
  await truncated;
  while (reader.length < 5) await once(reader, "append");
  assert.equal(reader.fork, 1);
  assert.equal(await reader.get(4), "E");
  assert.equal(await reader.get(2), "C");
});

Deno.test("HC-025 allowFork false keeps what is here", async () => {
  await using writer = await writerOf("a", "b");
  await using reader = new Hypercore<string>(null, writer.key, { valueEncoding: "utf-8", allowFork: false });
  await using _ = new MemoryReplication(reader, writer);
  await reader.download({ start: 0, end: 2 }).done();
  await writer.truncate(1);
  await writer.append("B");
  await using other = new Hypercore<string>(null, writer.key, { valueEncoding: "utf-8" });
  await using _other = new MemoryReplication(other, writer);
  assert.equal(await other.get(1), "B");
  assert.deepEqual([reader.length, reader.fork], [2, 0]);
  assert.equal(await reader.get(1), "b");
});

Deno.test("HC-085 HC-086 clear() drops blocks, counts them, and they can be fetched again", async () => {
  await using writer = await writerOf("a", "b", "c", "d");
  await using reader = new Hypercore<string>(null, writer.key, { valueEncoding: "utf-8" });
  await using _ = new MemoryReplication(reader, writer);
  await reader.download({ start: 0, end: 4 }).done();
  assert.equal(await reader.clear(1), null);
  assert.deepEqual(await reader.clear(0, 3, { diff: true }), { blocks: 2 });
  assert.deepEqual(await reader.clear(3, { diff: true }), { blocks: 1 });
  assert.deepEqual(await reader.clear(9, 12, { diff: true }), { blocks: 0 });
  assert.equal(reader.contiguousLength, 0);
  assert.equal(reader.length, 4);
  assert.equal(await reader.get(2, { wait: false }), null);
  assert.equal(await reader.get(2), "c");
});

Deno.test("HC-085 clear() gives the rows back", async () => {
  const storage = new MemoryStorage();
  await using core = new Hypercore<string>(storage, { valueEncoding: "utf-8" });
  await core.append(["a", "b", "c"]);
  await core.clear(0, 2);
  const rows: number[] = [];
  for await (const { index } of storage.rows("block", 1)) rows.push(index);
  assert.deepEqual(rows, [2]);
});

Deno.test("HC-085 clear() refuses what is no range", async () => {
  await using core = await writerOf("a");
  await assert.rejects(core.clear(-1), hasCode("ERR_ASSERTION"));
  await assert.rejects(core.clear(0.5, 1), hasCode("ERR_ASSERTION"));
});

Deno.test("HC-087 purge() closes every session and deletes what is stored", async () => {
  const storage = new MemoryStorage();
  await using other = new Hypercore<string>(storage, { keyPair: signKeyPair(new Uint8Array(32).fill(1)) });
  await other.append("stays");
  const core = new Hypercore<string>(storage, KEY_PAIR.publicKey, { keyPair: KEY_PAIR });
  await core.append(["a", "b"]);
  const session = core.session();
  await session.ready();
  const { discoveryKey } = core;
  await core.purge();
  assert.equal(core.closed, true);
  assert.equal(session.closed, true);
  const keys: string[] = [];
  for await (const { key } of storage.records("core")) keys.push(hexText(key));
  assert.equal(keys.includes(hexText(discoveryKey!)), false);
  assert.equal(keys.length, 1);
  for await (const row of storage.rows("block", 2)) assert.fail(`row ${row.index} is left`);
});

Deno.test("HC-159 HC-192 two signed logs under one key: conflict on both sides, then every session closes", async () => {
  const a = await writerOf("a", "b", "c");
  const b = await writerOf("a", "b", "X");
  const session = a.session();
  await session.ready();
  const heard: unknown[] = [];
  a.on("conflict", (length, fork, proof) => heard.push([length, fork, proof.upgrade!.length]));
  const closed = Promise.all([once(a, "close"), once(b, "close")]);
  await using _ = new MemoryReplication(a, b);
  await b.append("Y");
  const waiting = assert.rejects(a.session({ wait: true }).get(9), hasCode("INVALID_SIGNATURE"));
  await closed;
  assert.deepEqual(heard, [[3, 0, 3]]);
  assert.equal(session.closed, true);
  await waiting;
});

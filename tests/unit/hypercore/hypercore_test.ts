/**
 * The class users hold, on one machine and without peers.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexText, utf8Text } from "../../../src/base/mod.ts";
import { signKeyPair } from "../../../src/crypto/mod.ts";
import { Hypercore, HypercoreError, type HypercoreOptions } from "../../../src/hypercore/mod.ts";
import { MemoryStorage, SqliteStorage, type Storage } from "../../../src/storage/mod.ts";

const KEY_PAIR = signKeyPair(new Uint8Array(32).fill(1));

/** Runs `body` with a folder that is gone afterwards. */
async function withFolder(body: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir({ prefix: "quince-core-" });
  try {
    await body(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

function hasCode(code: string): (error: unknown) => boolean {
  return (error) => error instanceof HypercoreError && error.code === code;
}

Deno.test("HC-001 new Hypercore() takes storage, key and options in any of their places", async () => {
  await using alone = new Hypercore({ keyPair: KEY_PAIR });
  await using second = new Hypercore(null, { keyPair: KEY_PAIR });
  await using third = new Hypercore(null, null, { keyPair: KEY_PAIR });
  await using named = new Hypercore({
    storage: new MemoryStorage(),
    key: alone.key ?? undefined,
    keyPair: KEY_PAIR,
  });
  for (const core of [alone, second, third, named]) await core.ready();
  assert.equal(hexText(alone.key!), hexText(second.key!));
  assert.equal(hexText(alone.key!), hexText(third.key!));
});

Deno.test("HC-002 a path is a folder that is created, and found again", () =>
  withFolder(async (folder) => {
    const path = `${folder}/deep/down`;
    const core = new Hypercore<string>(path, { valueEncoding: "utf-8" });
    await core.append(["a", "b"]);
    const { key } = core;
    await core.close();
    await using again = new Hypercore<string>(path, { valueEncoding: "utf-8" });
    await again.ready();
    assert.equal(hexText(again.key!), hexText(key!));
    assert.equal(again.length, 2);
    assert.equal(again.writable, true);
    assert.equal(await again.get(1), "b");
  }));

Deno.test("HC-003 cores on one storage are apart, and the storage closes with the last of them", () =>
  withFolder(async (folder) => {
    const storage = new SqliteStorage(folder);
    const first = new Hypercore<string>(storage, { keyPair: KEY_PAIR, valueEncoding: "utf-8" });
    await first.append("first");
    const other = signKeyPair(new Uint8Array(32).fill(2));
    const second = new Hypercore<string>(storage, other.publicKey, {
      keyPair: other,
      valueEncoding: "utf-8",
    });
    await second.append(["second", "more"]);
    await first.close();
    assert.equal(await second.get(0), "second");
    assert.equal(second.length, 2);
    await second.close();
    await using reopened = new Hypercore<string>(folder, other.publicKey, { valueEncoding: "utf-8" });
    assert.equal(await reopened.get(1), "more");
  }));

Deno.test("storage of another kind is refused with a typed error", () => {
  const factory = (() => null) as unknown as Storage;
  assert.throws(() => Hypercore.defaultStorage(factory), hasCode("BAD_ARGUMENT"));
});

Deno.test("HC-005 a key of another length or spelling is refused", async () => {
  assert.throws(() => new Hypercore(null, new Uint8Array(31)), hasCode("BAD_ARGUMENT"));
  assert.throws(() => new Hypercore(null, "not a key"), /Invalid/i);
  const storage = new MemoryStorage();
  await using core = new Hypercore(storage, { keyPair: KEY_PAIR });
  await core.ready();
});

Deno.test("HC-007 createIfMissing: false on an empty storage rejects with STORAGE_EMPTY", async () => {
  const core = new Hypercore(null, { createIfMissing: false });
  await assert.rejects(core.ready(), hasCode("STORAGE_EMPTY"));
  assert.equal(core.closed, true);
  await core.close();
});

Deno.test("HC-008 overwrite discards what is stored", () =>
  withFolder(async (folder) => {
    const core = new Hypercore<string>(folder, { keyPair: KEY_PAIR });
    await core.append("old");
    await core.close();
    await using fresh = new Hypercore<string>(folder, { keyPair: KEY_PAIR, overwrite: true });
    await fresh.ready();
    assert.equal(fresh.length, 0);
    assert.equal(await fresh.get(0, { wait: false }), null);
  }));

Deno.test("HC-010 HC-011 values are encoded per block, or per batch", async () => {
  await using json = new Hypercore<unknown>({ valueEncoding: "json" });
  await json.append([{ a: [1, 2] }, null, "text"]);
  assert.deepEqual(await json.get(0), { a: [1, 2] });
  assert.equal(await json.get(1), null);
  assert.equal(utf8Text((await json.get<Uint8Array>(2, { valueEncoding: "binary" }))!), '"text"');
  await using batched = new Hypercore<number>({
    encodeBatch: (values) => [new Uint8Array(values), new Uint8Array([values.length])],
  });
  await batched.append([1, 2, 3]);
  assert.equal(batched.length, 2);
  assert.deepEqual(Array.from((await batched.get<Uint8Array>(0, { raw: true }))!), [1, 2, 3]);
});

Deno.test("HC-200 a block that the encoding cannot read rejects with DECODING_ERROR", async () => {
  await using core = new Hypercore<unknown>({ valueEncoding: "json" });
  await core.append(new Uint8Array([123]) as unknown);
  await assert.rejects(core.get(0), hasCode("DECODING_ERROR"));
});

Deno.test("HC-017 onseq hears of every index", async () => {
  const indexes: number[] = [];
  await using core = new Hypercore({ onseq: (index) => indexes.push(index) });
  await core.append([new Uint8Array(1), new Uint8Array(1)]);
  await core.get(1);
  await core.get(0);
  assert.deepEqual(indexes, [1, 0]);
});

Deno.test("HC-021 HC-059 writable: false refuses to append", async () => {
  await using core = new Hypercore({ writable: false });
  await core.ready();
  assert.equal(core.writable, false);
  await assert.rejects(core.append(new Uint8Array(1)), hasCode("SESSION_NOT_WRITABLE"));
  await using reader = new Hypercore(null, signKeyPair().publicKey);
  await reader.ready();
  assert.equal(reader.writable, false);
  await assert.rejects(reader.append(new Uint8Array(1)), hasCode("SESSION_NOT_WRITABLE"));
});

Deno.test("HC-026 HC-130 user data is kept beside the log", () =>
  withFolder(async (folder) => {
    const core = new Hypercore(folder, { userData: { first: "one" } });
    await core.setUserData("second", new Uint8Array([2]));
    assert.equal(await core.getUserData("third"), null);
    await core.close();
    await using again = new Hypercore(folder);
    assert.equal(utf8Text((await again.getUserData("first"))!), "one");
    assert.deepEqual(Array.from((await again.getUserData("second"))!), [2]);
  }));

Deno.test("HC-028 preload overrides the options", async () => {
  await using core = new Hypercore<string>({
    preload: Promise.resolve({ keyPair: KEY_PAIR } as HypercoreOptions<string>),
  });
  await using plain = new Hypercore<string>({ keyPair: KEY_PAIR });
  await core.ready();
  await plain.ready();
  assert.equal(hexText(core.key!), hexText(plain.key!));
});

Deno.test("HC-053..HC-067 properties before opening, open and closed", async () => {
  const core = new Hypercore<string>({ keyPair: KEY_PAIR });
  assert.equal(core.opened, false);
  assert.equal(core.length, 0);
  assert.equal(core.writable, false);
  assert.equal(core.key, null);
  await core.ready();
  assert.equal(core.key!.byteLength, 32);
  assert.equal(core.discoveryKey!.byteLength, 32);
  assert.equal(core.id!.length, 52);
  assert.equal(core.fork, 0);
  await core.append(["one", "three"]);
  assert.equal(core.length, 2);
  assert.equal(core.byteLength, 8);
  assert.equal(core.contiguousLength, 2);
  assert.equal(core.signedLength, 2);
  assert.equal(core.remoteContiguousLength, 0);
  assert.equal(core.padding, 0);
  assert.deepEqual(core.peers, []);
  await core.close();
  assert.equal(core.closed, true);
  assert.equal(core.readable, false);
  assert.equal(core.writable, false);
});

Deno.test("HC-076 append() resolves to the new length and is atomic for a batch", async () => {
  await using core = new Hypercore<string>();
  assert.deepEqual(await core.append("a"), { length: 1, byteLength: 1 });
  assert.deepEqual(await core.append(["bc", "d"]), { length: 3, byteLength: 4 });
  assert.deepEqual(await core.append([]), { length: 3, byteLength: 4 });
  const results = await Promise.all([core.append("e"), core.append(["f", "g"]), core.append("h")]);
  assert.deepEqual(results.map(({ length }) => length), [4, 6, 7]);
  assert.equal(utf8Text((await core.get<Uint8Array>(5))!), "g");
});

Deno.test("HC-078 an append past maxLength appends nothing", async () => {
  await using core = new Hypercore<string>();
  await core.append("a", { maxLength: 1 });
  assert.deepEqual(await core.append("b", { maxLength: 1 }), { length: 1, byteLength: 1 });
  assert.equal(core.length, 1);
});

Deno.test("HC-082 HC-163 a block of 15 MiB is taken, one byte more refused", async () => {
  await using core = new Hypercore();
  await core.append(new Uint8Array(Hypercore.MAX_SUGGESTED_BLOCK_SIZE));
  const tooLong = new Uint8Array(Hypercore.MAX_SUGGESTED_BLOCK_SIZE + 1);
  await assert.rejects(core.append(tooLong), hasCode("BAD_ARGUMENT"));
  assert.equal(core.length, 1);
});

Deno.test("append() of a value that has no encoding is refused", async () => {
  await using core = new Hypercore<unknown>();
  await assert.rejects(core.append(42), hasCode("BAD_ARGUMENT"));
});

Deno.test("a durable append resolves and is there after reopening", () =>
  withFolder(async (folder) => {
    const core = new Hypercore<string>(folder);
    await core.append("kept", { durable: true });
    await core.close();
    await using again = new Hypercore<string>(folder, { valueEncoding: "utf-8" });
    assert.equal(await again.get(0), "kept");
  }));

Deno.test("HC-090 HC-091 get() without peers: null, a timeout or an abort", async () => {
  await using core = new Hypercore<string>();
  assert.equal(await core.get(0, { wait: false }), null);
  await assert.rejects(core.get(0, { timeout: 1 }), hasCode("REQUEST_TIMEOUT"));
  const controller = new AbortController();
  const reading = core.get(0, { signal: controller.signal });
  controller.abort(new Error("enough"));
  await assert.rejects(reading, /enough/);
  await assert.rejects(core.get(0, { signal: AbortSignal.abort(new Error("before")) }), /before/);
});

Deno.test("HC-016 HC-073 a read that waits is counted and told", async () => {
  const waited: number[] = [];
  await using core = new Hypercore({ onwait: (index) => waited.push(index) });
  await assert.rejects(core.get(7, { timeout: 1, onwait: (index) => waited.push(index * 10) }));
  assert.deepEqual(waited.toSorted((a, b) => a - b), [7, 70]);
  assert.equal(core.waits, 1);
});

Deno.test("get(), has() and seek() refuse what is not a position", async () => {
  await using core = new Hypercore();
  for (const index of [-1, 0.5, NaN, 2 ** 53]) {
    await assert.rejects(core.get(index), hasCode("ERR_ASSERTION"));
    await assert.rejects(core.has(index), hasCode("ERR_ASSERTION"));
    await assert.rejects(core.seek(index), hasCode("ERR_ASSERTION"));
  }
});

Deno.test("HC-095 has() says whether a block or a whole range is there", async () => {
  await using core = new Hypercore<string>();
  await core.append(["a", "b", "c"]);
  assert.equal(await core.has(2), true);
  assert.equal(await core.has(3), false);
  assert.equal(await core.has(0, 3), true);
  assert.equal(await core.has(0, 4), false);
});

Deno.test("HC-096 update() of a writable core resolves to false at once", async () => {
  await using core = new Hypercore();
  assert.equal(await core.update(), false);
});

Deno.test("HC-100 seek() finds the block of each byte", async () => {
  await using core = new Hypercore<string>();
  await core.append(["abc", "", "de", "f"]);
  const found = [];
  for (let byte = 0; byte < 6; byte++) found.push(await core.seek(byte));
  assert.deepEqual(found, [[0, 0], [0, 1], [0, 2], [2, 0], [2, 1], [3, 0]]);
  assert.deepEqual(await core.seek(6), [4, 0]);
});

Deno.test("HC-106 info() describes the core", async () => {
  await using core = new Hypercore<string>({ keyPair: KEY_PAIR });
  await core.append(["a", "bc"]);
  const { key, discoveryKey, ...figures } = await core.info();
  assert.equal(hexText(key), hexText(core.key!));
  assert.equal(hexText(discoveryKey), hexText(core.discoveryKey!));
  assert.deepEqual(figures, {
    length: 2,
    contiguousLength: 2,
    byteLength: 3,
    fork: 0,
    padding: 0,
    storage: null,
  });
});

Deno.test("HC-148 HC-150 HC-151 HC-152 events of a core's life", async () => {
  const events: string[] = [];
  const core = new Hypercore<string>();
  core.on("ready", () => events.push("ready"));
  core.on("append", () => events.push(`append ${core.length}`));
  core.on("close", () => events.push("close"));
  await core.append("a");
  await core.append(["b", "c"]);
  await core.close();
  await core.close();
  assert.deepEqual(events, ["ready", "append 1", "append 3", "close"]);
});

Deno.test("HC-149 close() ends waiting reads, with the error given or REQUEST_CANCELLED", async () => {
  for (
    const [error, isExpected] of [[undefined, hasCode("REQUEST_CANCELLED")], [
      new Error("down"),
      /down/,
    ]] as const
  ) {
    const waits = Promise.withResolvers<void>();
    const core = new Hypercore({ onwait: () => waits.resolve() });
    const ended = assert.rejects(core.get(0), isExpected);
    await waits.promise;
    await core.close({ error });
    await ended;
  }
});

Deno.test("HC-200 a closed session refuses every use with SESSION_CLOSED", async () => {
  const core = new Hypercore();
  await core.close();
  for (
    const use of [
      () => core.get(0),
      () => core.append(new Uint8Array(1)),
      () => core.has(0),
      () => core.seek(0),
    ]
  ) {
    await assert.rejects(use, hasCode("SESSION_CLOSED"));
  }
  assert.throws(() => core.session(), hasCode("SESSION_CLOSED"));
});

Deno.test("HC-164 HC-165 key() and discoveryKey() agree with an open core", async () => {
  await using core = new Hypercore({
    keyPair: KEY_PAIR,
    compat: false,
    manifest: { signers: [{ publicKey: KEY_PAIR.publicKey }] },
  });
  await core.ready();
  assert.equal(hexText(Hypercore.key(KEY_PAIR.publicKey)), hexText(core.key!));
  assert.equal(hexText(Hypercore.key(core.manifest!)), hexText(core.key!));
  assert.equal(hexText(Hypercore.key(core.getManifest({ raw: true })!)), hexText(core.key!));
  assert.equal(hexText(Hypercore.key(core.manifest!, { compat: true })), hexText(KEY_PAIR.publicKey));
  assert.equal(hexText(Hypercore.discoveryKey(core.key!)), hexText(core.discoveryKey!));
});

Deno.test("HC-171 parseManifest() checks against a key", async () => {
  await using core = new Hypercore({
    manifest: { signers: [{ publicKey: KEY_PAIR.publicKey }] },
    keyPair: KEY_PAIR,
  });
  await core.ready();
  assert.deepEqual(Hypercore.parseManifest(core.getManifest({ raw: true }), core.key), core.manifest);
  assert.throws(
    () => Hypercore.parseManifest(core.manifest, new Uint8Array(32)),
    hasCode("INVALID_CHECKSUM"),
  );
  assert.equal(Hypercore.parseManifest(null), null);
});

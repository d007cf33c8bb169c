/**
 * Entries of a bee: put, get, del, conditions, encodings, batches, locks.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexText, utf8Bytes, utf8Text } from "../../../src/base/mod.ts";
import { uint } from "../../../src/compact_encoding/mod.ts";
import Default, { Hyperbee, type HyperbeeOptions } from "../../../src/hyperbee/mod.ts";
import { Hypercore } from "../../../src/hypercore/mod.ts";
import { all, arrayCore, fill, keysOf, numberedKeys, textBee } from "./support.ts";

Deno.test("HB-001 new Hyperbee() on an empty core writes nothing before the first change", async () => {
  await using bee = textBee();
  await bee.ready();
  assert.equal(bee.core.length, 0);
  assert.equal(await bee.get("a"), null);
  assert.deepEqual(await all(bee.createReadStream()), []);
  await bee.put("a", "1");
  assert.equal(bee.core.length, 2);
  assert.equal(Default, Hyperbee);
});

Deno.test("HB-010 HB-011 HB-012 HB-013 a bee shows core, feed, version, id, keys and what it may do", async () => {
  const core = new Hypercore();
  await using bee = new Hyperbee(core);
  assert.equal(bee.core, core);
  assert.equal(bee.feed, core);
  assert.equal(bee.version, 1);
  assert.equal(bee.id, null);
  await bee.ready();
  assert.equal(bee.version, 1);
  assert.equal(bee.id, core.id);
  assert.equal(bee.key, core.key);
  assert.equal(bee.discoveryKey, core.discoveryKey);
  assert.equal(bee.writable, true);
  assert.equal(bee.readable, true);
  await bee.put("a", "b");
  assert.equal(bee.version, 2);
});

Deno.test("HB-014 ready() opens, close() closes the core, and both tell", async () => {
  const bee = textBee();
  const events: string[] = [];
  bee.on("ready", () => events.push("ready"));
  bee.on("close", () => events.push("close"));
  assert.equal(bee.opened, false);
  await bee.ready();
  assert.equal(bee.opened, true);
  await bee.put("a", "1");
  await bee.close();
  await bee.close();
  assert.equal(bee.closed, true);
  assert.equal(bee.core.closed, true);
  assert.deepEqual(events, ["ready", "close"]);
  await assert.rejects(bee.get("a"), { code: "SESSION_CLOSED" });
  await assert.rejects(bee.put("a", "2"), { code: "SESSION_CLOSED" });
  await assert.rejects(bee.getBySeq(1), { code: "SESSION_CLOSED" });
  await assert.rejects(all(bee.createReadStream()), { code: "SESSION_CLOSED" });
});

Deno.test("HB-015 update() asks the core", async () => {
  await using bee = textBee();
  assert.equal(await bee.update(), false);
});

Deno.test("HB-017 HB-019 put() inserts and overwrites, get() gives seq, key and value", async () => {
  await using bee = textBee();
  await bee.put("b", "1");
  await bee.put("a", "2");
  await bee.put("b", "3");
  assert.deepEqual(await bee.get("a"), { seq: 2, key: "a", value: "2" });
  assert.deepEqual(await bee.get("b"), { seq: 3, key: "b", value: "3" });
  assert.equal(await bee.get("c"), null);
});

Deno.test("HB-017 put() without a value puts null", async () => {
  await using bee = textBee();
  await bee.put("a");
  assert.deepEqual(await bee.get("a"), { seq: 1, key: "a", value: null });
});

Deno.test("HB-017 put() and get() of nothing as key are refused", async () => {
  await using bee = textBee();
  await assert.rejects(bee.put(null as unknown as string, "1"), { code: "BAD_ARGUMENT" });
  await assert.rejects(bee.get(undefined as unknown as string), { code: "BAD_ARGUMENT" });
  assert.equal(bee.core.length, 0);
});

Deno.test("HB-017 puts that are made at once are all made, in order", async () => {
  await using bee = textBee();
  await Promise.all(numberedKeys(100).map((key) => bee.put(key, "x")));
  assert.deepEqual(await keysOf(bee.createReadStream()), numberedKeys(100));
  assert.deepEqual(await keysOf(bee.createHistoryStream()), numberedKeys(100));
});

Deno.test("HB-018 put() with cas replaces only what its condition accepts", async () => {
  await using bee = textBee();
  const seen: unknown[] = [];
  const cas = (answer: boolean) => (previous: unknown, next: unknown) => {
    seen.push([previous, next]);
    return Promise.resolve(answer);
  };
  await bee.put("a", "1", { cas: cas(false) });
  assert.deepEqual(seen, [], "there is nothing to compare with");
  await bee.put("a", "2", { cas: cas(false) });
  assert.equal((await bee.get("a"))!.value, "1");
  await bee.put("a", "3", { cas: cas(true) });
  assert.equal((await bee.get("a"))!.value, "3");
  assert.deepEqual(seen, [
    [{ seq: 1, key: "a", value: "1" }, { seq: 2, key: "a", value: "2" }],
    [{ seq: 1, key: "a", value: "1" }, { seq: 2, key: "a", value: "3" }],
  ]);
  assert.equal(bee.version, 3);
});

Deno.test("HB-018 a condition that throws changes nothing and releases the lock", async () => {
  await using bee = textBee();
  await bee.put("a", "1");
  const cas = () => {
    throw new Error("no");
  };
  await assert.rejects(bee.put("a", "2", { cas }), /no/);
  await bee.put("a", "3");
  assert.deepEqual(await bee.get("a"), { seq: 2, key: "a", value: "3" });
});

Deno.test("HB-020 get() with other encodings", async () => {
  await using bee = new Hyperbee(new Hypercore());
  await bee.put("a", "[1]");
  const entry = await bee.get("a", { keyEncoding: "hex", valueEncoding: "json" });
  assert.deepEqual(entry as unknown, null, "the key is read as hexadecimal digits");
  assert.deepEqual(await bee.get("a", { keyEncoding: "utf-8", valueEncoding: "json" }) as unknown, {
    seq: 1,
    key: "a",
    value: [1],
  });
});

Deno.test("HB-020 HB-021 get() of a replica with wait: false, a timeout and onwait", async () => {
  await using writer = textBee();
  await writer.put("a", "1");
  await using bee = new Hyperbee(new Hypercore(null, writer.key!), {
    keyEncoding: "utf-8",
    extension: false,
  });
  assert.equal(await bee.get("a"), null, "a replica that knows of nothing is empty");
  await using view = bee.checkout(2);
  await assert.rejects(view.get("a", { wait: false }), { code: "BLOCK_NOT_AVAILABLE" });
  const waited: number[] = [];
  await assert.rejects(view.get("a", { timeout: 1, onwait: (seq) => waited.push(seq) }), {
    code: "REQUEST_TIMEOUT",
  });
  assert.deepEqual(waited, [1]);
  const abortion = new AbortController();
  const reading = view.get("a", { signal: abortion.signal });
  abortion.abort(new Error("enough"));
  await assert.rejects(reading, /enough/);
});

Deno.test("HB-021 get() tells of each block it looks at", async () => {
  await using bee = textBee();
  await fill(bee, numberedKeys(30));
  const seqs: number[] = [];
  await bee.get("a000", { onseq: (seq) => seqs.push(seq) });
  assert.equal(seqs[0], 30);
  assert.equal(seqs.at(-1), 1);
  assert.equal(new Set(seqs).size, seqs.length);
});

Deno.test("HB-022 del() removes the entry and leaves a block that says so", async () => {
  await using bee = textBee();
  await fill(bee, numberedKeys(100));
  for (const key of numberedKeys(100)) {
    await bee.del(key);
    assert.equal(await bee.get(key), null);
  }
  assert.deepEqual(await all(bee.createReadStream()), []);
  assert.equal(bee.version, 201);
  await bee.del("a000");
  assert.equal(bee.version, 201, "what is not there is not deleted again");
});

Deno.test("HB-022 del() in an empty bee writes the header only", async () => {
  await using bee = textBee();
  await bee.del("a");
  assert.equal(bee.core.length, 1);
});

Deno.test("HB-023 del() with cas deletes only what its condition accepts", async () => {
  await using bee = textBee();
  await bee.put("a", "1");
  const seen: unknown[] = [];
  await bee.del("a", { cas: (previous, next) => (seen.push(previous, next), false) });
  assert.equal((await bee.get("a"))!.value, "1");
  await bee.del("a", { cas: ({ value }) => value === "1" });
  assert.equal(await bee.get("a"), null);
  assert.deepEqual(seen, [{ seq: 1, key: "a", value: "1" }, { seq: 2, key: "a", value: null }]);
});

Deno.test("HB-024 getBySeq() gives key and value of a block", async () => {
  await using bee = textBee();
  await bee.put("a", "1");
  await bee.put("b", "2");
  await bee.del("a");
  assert.deepEqual(await bee.getBySeq(2), { key: "b", value: "2" });
  assert.deepEqual(await bee.getBySeq(3), { key: "a", value: null });
  await assert.rejects(bee.getBySeq(0), { code: "DECODING_ERROR" });
});

const ENCODINGS: [name: string, options: HyperbeeOptions, key: unknown, value: unknown, keyHex: string][] = [
  ["binary", {}, Uint8Array.of(1), Uint8Array.of(2), "01"],
  ["utf-8", { keyEncoding: "utf-8", valueEncoding: "utf-8" }, "ü", "ö", "c3bc"],
  ["ascii", { keyEncoding: "ascii", valueEncoding: "ascii" }, "a", "b", "61"],
  ["hex", { keyEncoding: "hex", valueEncoding: "hex" }, "01ff", "02", "01ff"],
  ["base64", { keyEncoding: "base64", valueEncoding: "base64" }, "AQI=", "AwQ=", "0102"],
  ["json", { keyEncoding: "json", valueEncoding: "json" }, [1, "a"], { b: null }, "5b312c2261225d"],
  ["a compact encoding", { keyEncoding: uint, valueEncoding: uint }, 300, 7, "fd2c01"],
  [
    "a codec",
    {
      keyEncoding: {
        encode: (text: unknown) => utf8Bytes(String(text).toUpperCase()),
        decode: (bytes: Uint8Array) => utf8Text(bytes).toLowerCase(),
      },
    },
    "abc",
    Uint8Array.of(9),
    "414243",
  ],
];

for (const [name, options, key, value, keyHex] of ENCODINGS) {
  Deno.test(`HB-002 HB-003 keys and values are encoded as ${name}`, async () => {
    await using bee = new Hyperbee(new Hypercore(), options);
    await bee.put(key as string, value as string);
    const entry = (await bee.get(key as string))!;
    const plain = (given: unknown) => given instanceof Uint8Array ? Array.from(given) : given;
    assert.deepEqual(plain(entry.key), plain(key));
    assert.deepEqual(plain(entry.value), plain(value));
    await using bytes = new Hyperbee(bee.core.session());
    const [raw] = await all(bytes.createReadStream());
    assert.equal(hexText(raw!.key), keyHex);
  });
}

Deno.test("HB-002 keys are ordered by their bytes", async () => {
  await using bee = new Hyperbee<string>(new Hypercore(), { keyEncoding: "utf-8" });
  for (const key of ["b", "a", "ä", "B", "aa", "", "z"]) await bee.put(key, "");
  assert.deepEqual(await keysOf(bee.createReadStream()), ["", "B", "a", "aa", "b", "z", "ä"]);
});

Deno.test("HB-002 without an encoding text is taken as UTF-8 and bytes come back fresh", async () => {
  await using bee = new Hyperbee(new Hypercore());
  await bee.put("a", "text");
  const entry = (await bee.get("a"))!;
  assert.equal(utf8Text(entry.value!), "text");
  entry.value!.fill(0);
  entry.key.fill(0);
  assert.equal(utf8Text((await bee.get("a"))!.value!), "text");
  await assert.rejects(bee.put({} as unknown as string, "x"), { code: "BAD_ARGUMENT" });
});

Deno.test("HB-007 a read-only bee refuses changes", async () => {
  await using bee = textBee({ readonly: true });
  await assert.rejects(bee.put("a", "1"), { code: "SESSION_NOT_WRITABLE" });
  await assert.rejects(bee.del("a"), { code: "SESSION_NOT_WRITABLE" });
  await assert.rejects(bee.batch().put("a", "1"), { code: "SESSION_NOT_WRITABLE" });
  assert.equal(bee.core.length, 0);
});

Deno.test("HB-008 alwaysDuplicate: false makes no block for the value that is there", async () => {
  await using bee = textBee({ alwaysDuplicate: false });
  await fill(bee, numberedKeys(20));
  const { version } = bee;
  await bee.put("a003", "A003");
  await bee.put("a012", "A012");
  assert.equal(bee.version, version);
  await bee.put("a012", "other");
  assert.equal(bee.version, version + 1);
  await bee.put("empty");
  await bee.put("empty");
  assert.equal(bee.version, version + 2);
});

Deno.test("HB-009 a lock given by the caller is taken for each change", async () => {
  let taken = 0;
  const lock = () => {
    taken++;
    return Promise.resolve(() => {});
  };
  await using bee = textBee({ lock });
  await bee.put("a", "1");
  await bee.del("a");
  const batch = bee.batch();
  await batch.put("b", "2");
  await batch.put("c", "3");
  await batch.flush();
  assert.equal(taken, 3);
});

Deno.test("HB-009 checkout and sessions as options", async () => {
  const core = new Hypercore();
  await using writer = textBee();
  await using bee = new Hyperbee<string, string>(core, { keyEncoding: "utf-8", valueEncoding: "utf-8" });
  await bee.put("a", "1");
  await bee.put("a", "2");
  await using old = new Hyperbee<string, string>(core.session(), {
    keyEncoding: "utf-8",
    valueEncoding: "utf-8",
    checkout: 2,
  });
  assert.equal((await old.get("a"))!.value, "1");
  await using single = new Hyperbee<string, string>(core.session(), {
    keyEncoding: "utf-8",
    sessions: false,
  });
  await single.ready();
  assert.equal(single.checkout(2).core, single.core);
  await writer.ready();
});

Deno.test("HB-025 HB-026 HB-027 a batch reads its own changes and appends them at once", async () => {
  await using bee = textBee();
  await bee.put("a", "1");
  const batch = bee.batch();
  await batch.put("b", "2");
  await batch.put("a", "3");
  await batch.del("b");
  await batch.put("c", "4");
  assert.deepEqual(await batch.get("a"), { seq: 3, key: "a", value: "3" });
  assert.equal(await batch.get("b"), null);
  assert.deepEqual(await bee.get("a"), { seq: 1, key: "a", value: "1" });
  assert.equal(bee.version, 2);
  assert.equal(batch.version, 6);
  assert.equal(batch.length, 4);
  let appends = 0;
  bee.core.on("append", () => appends++);
  await batch.flush();
  assert.equal(appends, 1);
  assert.equal(bee.version, 6);
  assert.deepEqual(await keysOf(bee.createReadStream()), ["a", "c"]);
});

Deno.test("HB-025 batches of a bee take turns with each other and with single changes", async () => {
  await using bee = textBee();
  const first = bee.batch();
  await first.put("a", "1");
  const order: string[] = [];
  const second = bee.batch();
  const later = [
    second.lock().then(() => second.put("a", "2")).then(() => second.flush()).then(() => order.push("batch")),
    bee.put("a", "3").then(() => order.push("put")),
  ];
  await Promise.resolve();
  order.push("flush");
  await first.flush();
  await Promise.all(later);
  assert.deepEqual(order, ["flush", "batch", "put"]);
  assert.equal((await bee.get("a"))!.value, "3");
});

Deno.test("HB-025 changes of one batch that are made at once keep their order", async () => {
  await using bee = textBee();
  const batch = bee.batch();
  await Promise.all([batch.put("a", "1"), batch.put("a", "2"), batch.del("a"), batch.put("a", "3")]);
  await batch.flush();
  assert.deepEqual((await all(bee.createHistoryStream())).map(({ value }) => value), ["1", "2", null, "3"]);
});

Deno.test("HB-025 a batch keeps no hold on the bytes it was given", async () => {
  await using bee = new Hyperbee(new Hypercore());
  const batch = bee.batch();
  const bytes = Uint8Array.of(1);
  for (let i = 1; i <= 3; i++) {
    bytes[0] = i;
    await batch.put(bytes, bytes);
  }
  await batch.flush();
  const entries = await all(bee.createReadStream());
  assert.deepEqual(entries.map(({ key, value }) => [key[0], value![0]]), [[1, 1], [2, 2], [3, 3]]);
});

Deno.test("HB-026 conditions in a batch see what the batch has changed", async () => {
  await using bee = textBee();
  const batch = bee.batch();
  await batch.put("a", "1");
  const seen: unknown[] = [];
  await batch.put("a", "2", { cas: (previous) => (seen.push(previous.value), false) });
  await batch.put("a", "3", { cas: (previous) => (seen.push(previous.value), true) });
  await batch.del("a", { cas: (previous) => (seen.push(previous.value), false) });
  await batch.flush();
  assert.deepEqual(seen, ["1", "1", "3"]);
  assert.equal((await bee.get("a"))!.value, "3");
});

Deno.test("HB-028 close() of a batch drops its changes and releases the lock", async () => {
  await using bee = textBee();
  const batch = bee.batch();
  await batch.put("a", "1");
  assert.equal(batch.locked, true);
  await batch.close();
  assert.equal(batch.locked, false);
  await bee.put("b", "2");
  assert.deepEqual(await keysOf(bee.createReadStream()), ["b"]);
  const other = bee.batch();
  await other.put("c", "3");
  other.destroy();
  await bee.put("d", "4");
  assert.deepEqual(await keysOf(bee.createReadStream()), ["b", "d"]);
});

Deno.test("HB-028 a flushed batch may be used again", async () => {
  await using bee = textBee();
  const batch = bee.batch();
  await batch.flush();
  await batch.put("a", "1");
  await batch.flush();
  await batch.put("b", "2");
  assert.equal((await batch.get("a"))!.value, "1");
  await batch.flush();
  assert.deepEqual(await keysOf(bee.createReadStream()), ["a", "b"]);
});

Deno.test("HB-029 lock() takes the write lock before the first change", async () => {
  await using bee = textBee();
  const batch = bee.batch();
  await batch.lock();
  let done = false;
  const put = bee.put("a", "1").then(() => done = true);
  await batch.put("b", "2");
  assert.equal(done, false);
  await batch.flush();
  await put;
  assert.deepEqual(await keysOf(bee.createHistoryStream()), ["b", "a"]);
});

Deno.test("HB-030 getBySeq, peek, createReadStream and createRangeIterator within a batch", async () => {
  await using bee = textBee();
  await fill(bee, ["b", "d"]);
  const batch = bee.batch();
  await batch.put("a", "1");
  await batch.put("c", "2");
  await batch.del("d");
  assert.deepEqual(await batch.getBySeq(3), { key: "a", value: "1" });
  assert.deepEqual(await batch.peek(), { seq: 3, key: "a", value: "1" });
  assert.deepEqual(await batch.peek({ gt: "a" }), { seq: 1, key: "b", value: "B" });
  assert.deepEqual(await keysOf(batch.createReadStream()), ["a", "b", "c"]);
  assert.deepEqual(await keysOf(batch.createReadStream({ reverse: true, limit: 2 })), ["c", "b"]);
  assert.deepEqual(await keysOf(batch.createRangeIterator({ gte: "b" })), ["b", "c"]);
  await batch.close();
});

Deno.test("HB-031 toBlocks() gives what flush() appends", async () => {
  await using bee = textBee();
  await bee.put("a", "1");
  const batch = bee.batch();
  assert.deepEqual(batch.toBlocks(), []);
  await batch.put("b", "2");
  await batch.put("c", "3");
  const blocks = batch.toBlocks().map(hexText);
  assert.equal(blocks.length, 2);
  await batch.flush();
  assert.equal(hexText((await bee.core.get(2))!), blocks[0]);
  assert.equal(hexText((await bee.core.get(3))!), blocks[1]);
});

Deno.test("HB-032 a batch reads from the version it is given", async () => {
  await using bee = textBee();
  await bee.put("a", "1");
  await bee.put("a", "2");
  const batch = bee.batch({ checkout: 2, update: false, maxBlocksCached: 4 });
  assert.deepEqual(await batch.get("a"), { seq: 1, key: "a", value: "1" });
  assert.equal(batch.version, 2);
  await batch.close();
});

Deno.test("HB-033 peek() gives the first entry of a range", async () => {
  await using bee = textBee();
  assert.equal(await bee.peek(), null);
  await fill(bee, numberedKeys(50));
  assert.equal((await bee.peek())!.key, "a000");
  assert.equal((await bee.peek({ gt: "a010" }))!.key, "a011");
  assert.equal((await bee.peek({ lt: "a010" }, { reverse: true }))!.key, "a009");
  assert.equal(await bee.peek({ gt: "a049" }), null);
});

Deno.test("a failed append leaves bee and batch usable", async () => {
  const core = arrayCore();
  const bee = new Hyperbee<string, string>(core, {
    keyEncoding: "utf-8",
    valueEncoding: "utf-8",
    extension: false,
  });
  await bee.put("a", "1");
  const { append } = core;
  core.append = () => Promise.reject(new Error("disk full"));
  await assert.rejects(bee.put("b", "2"), /disk full/);
  const batch = bee.batch();
  await batch.put("c", "3");
  await assert.rejects(batch.flush(), /disk full/);
  core.append = append;
  await bee.put("d", "4");
  assert.deepEqual(await keysOf(bee.createReadStream()), ["a", "d"]);
});

Deno.test("a change on a core that is not writable says so", async () => {
  await using writer = textBee();
  await writer.put("a", "1");
  await using bee = new Hyperbee(new Hypercore(null, writer.key!));
  await assert.rejects(bee.put("a", "1"), { code: "SESSION_NOT_WRITABLE" });
  await using old = writer.checkout(2);
  await assert.rejects(old.put("a", "2"), { code: "SESSION_NOT_WRITABLE" });
});

/**
 * Ranges, iterations, histories and differences of a bee.
 *
 * @module
 */
import assert from "node:assert/strict";
import { type BeeEncoding, Hyperbee, type RangeOptions } from "../../../src/hyperbee/mod.ts";
import { Hypercore } from "../../../src/hypercore/mod.ts";
import { all, arrayCore, fill, keysOf, numberedKeys, textBee } from "./support.ts";

const KEYS = numberedKeys(200);

function expected(range: RangeOptions<string, string>): string[] {
  const { gt, gte, lt, lte, reverse, limit = -1 } = range as Record<string, string> & {
    reverse?: boolean;
    limit?: number;
  };
  const inside = KEYS.filter((key) =>
    (gt !== undefined ? key > gt : gte === undefined || key >= gte) &&
    (lt !== undefined ? key < lt : lte === undefined || key <= lte)
  );
  if (reverse) inside.reverse();
  return limit < 0 ? inside : inside.slice(0, limit);
}

const BOUNDS = ["a000", "a004", "a050", "a0505", "a199", "A", "z"];

Deno.test("HB-034 HB-035 createReadStream() gives the entries of every range in either order, limited or not", async () => {
  await using bee = textBee();
  await fill(bee, KEYS);
  for (const lower of [{}, ...BOUNDS.flatMap((key) => [{ gt: key }, { gte: key }])]) {
    for (const upper of [{}, ...BOUNDS.flatMap((key) => [{ lt: key }, { lte: key }])]) {
      for (const order of [{}, { reverse: true }, { limit: 3 }, { reverse: true, limit: 5 }]) {
        const range = { ...lower, ...upper, ...order };
        assert.deepEqual(await keysOf(bee.createReadStream(range)), expected(range), JSON.stringify(range));
      }
    }
  }
});

Deno.test("HB-034 entries have seq, key and value", async () => {
  await using bee = textBee();
  await fill(bee, ["a", "b"]);
  await bee.put("a", "new");
  assert.deepEqual(await all(bee.createReadStream()), [
    { seq: 3, key: "a", value: "new" },
    { seq: 2, key: "b", value: "B" },
  ]);
});

Deno.test("HB-034 a stream stays on the version it began with", async () => {
  await using bee = textBee();
  await fill(bee, KEYS);
  const read: string[] = [];
  for await (const { key } of bee.createReadStream()) {
    read.push(key);
    if (read.length % 20 === 0) await bee.del(KEYS[199 - read.length / 20]!);
    if (read.length % 30 === 0) await bee.put(`zz${read.length}`, "");
  }
  assert.deepEqual(read, KEYS);
});

Deno.test("HB-035 a limit of 0 gives nothing", async () => {
  await using bee = textBee();
  await fill(bee, ["a"]);
  assert.deepEqual(await all(bee.createReadStream({ limit: 0 })), []);
  assert.deepEqual(await all(bee.createReadStream({}, { limit: 0 })), []);
});

Deno.test("HB-036 a signal ends the stream", async () => {
  await using bee = textBee();
  await fill(bee, KEYS);
  const abortion = new AbortController();
  const read: string[] = [];
  await assert.rejects(async () => {
    for await (const { key } of bee.createReadStream({}, { signal: abortion.signal })) {
      read.push(key);
      if (read.length === 3) abortion.abort(new Error("enough"));
    }
  }, /^Error: enough$/);
  assert.equal(read.length, 3);
});

Deno.test("HB-036 a signal ends a stream that waits for a peer", async () => {
  await using writer = textBee();
  await fill(writer, KEYS);
  await using replica = new Hyperbee(new Hypercore(null, writer.key!), { extension: false });
  await using view = replica.checkout(100);
  const abortion = new AbortController();
  const reading = all(view.createReadStream({}, { signal: abortion.signal }));
  await replica.ready();
  abortion.abort(new Error("enough"));
  await assert.rejects(reading, /^Error: enough$/);
});

Deno.test("HB-034 closing the bee ends streams that wait for a peer", async () => {
  await using writer = textBee();
  await fill(writer, KEYS);
  const replica = new Hyperbee(new Hypercore(null, writer.key!), { extension: false });
  const view = replica.checkout(100);
  const reading = all(view.createReadStream());
  const history = all(view.createHistoryStream());
  const difference = all(view.createDiffStream(50));
  const outcome = Promise.all([reading, history, difference].map((work) => assert.rejects(work)));
  await view.ready();
  await view.close();
  await outcome;
  await replica.close();
});

Deno.test("HB-037 createRangeIterator() steps through a range", async () => {
  await using bee = textBee();
  await fill(bee, KEYS);
  const iterator = bee.createRangeIterator({ gte: "a010", lt: "a013" });
  await iterator.open();
  assert.equal((await iterator.next())!.key, "a010");
  assert.equal((await iterator.next())!.key, "a011");
  assert.equal((await iterator.next())!.key, "a012");
  assert.equal(await iterator.next(), null);
  await iterator.close();
  await assert.rejects(iterator.next(), { code: "SESSION_CLOSED" });
});

for (const reverse of [false, true]) {
  Deno.test(`HB-037 snapshot() of an iteration${reverse ? " in reverse" : ""} is enough to go on with it, at every place`, async () => {
    await using bee = textBee();
    await fill(bee, KEYS);
    const range = { gte: "a020", lt: "a180", reverse };
    const inside = expected(range);
    const iterator = bee.createRangeIterator(range);
    for (let i = 0; i <= inside.length; i++) {
      const snapshot = iterator.snapshot();
      assert.equal(snapshot.version, bee.version);
      assert.equal(snapshot.reverse, reverse);
      const resumed = await keysOf(bee.createRangeIterator(asRange(snapshot)));
      assert.deepEqual(resumed, inside.slice(i), `after ${i}`);
      await iterator.next();
    }
    assert.equal(await iterator.next(), null);
    assert.equal(iterator.snapshot().limit, 0, "there is nothing left");
    const whole = bee.createRangeIterator({ reverse });
    while (await whole.next() !== null);
    assert.equal(whole.snapshot().ended, true);
  });
}

/** The bounds of a snapshot are encoded, and bytes are taken as such. */
function asRange(snapshot: object): RangeOptions<string, string> {
  return { ...snapshot, keyEncoding: BYTES };
}

const BYTES: BeeEncoding<string> = {
  encode: (key: string) => key as unknown as Uint8Array,
  decode: (bytes: Uint8Array) => new TextDecoder().decode(bytes),
};

Deno.test("HB-037 a checkpoint that cannot be is refused", async () => {
  await using bee = textBee();
  await fill(bee, KEYS);
  for (const checkpoint of [[5, 0], [150, 0, 1000], [150, 99, 0], [0, 0, 0]]) {
    const iterator = bee.createRangeIterator({ checkpoint });
    await assert.rejects(iterator.next(), /BAD_ARGUMENT|DECODING_ERROR/, JSON.stringify(checkpoint));
    await iterator.close();
  }
});

Deno.test("HB-038 HB-039 createHistoryStream() gives every change, within bounds and in either order", async () => {
  await using bee = textBee();
  await bee.put("a", "1");
  await bee.put("b", "2");
  await bee.del("a");
  await bee.put("c", "3");
  const history = [
    { type: "put", seq: 1, key: "a", value: "1" },
    { type: "put", seq: 2, key: "b", value: "2" },
    { type: "del", seq: 3, key: "a", value: null },
    { type: "put", seq: 4, key: "c", value: "3" },
  ];
  const seqs = async (options: object) => (await all(bee.createHistoryStream(options))).map(({ seq }) => seq);
  assert.deepEqual(await all(bee.createHistoryStream()), history);
  assert.deepEqual(await all(bee.createHistoryStream({ reverse: true })), history.toReversed());
  assert.deepEqual(await seqs({ gte: 2, lt: 4 }), [2, 3]);
  assert.deepEqual(await seqs({ since: 2, end: 4 }), [2, 3]);
  assert.deepEqual(await seqs({ gt: 2, lte: 3 }), [3]);
  assert.deepEqual(await seqs({ gte: -2 }), [3, 4]);
  assert.deepEqual(await seqs({ gt: -2 }), [4]);
  assert.deepEqual(await seqs({ lt: -1 }), [1, 2, 3]);
  assert.deepEqual(await seqs({ lte: -2 }), [1, 2, 3]);
  assert.deepEqual(await seqs({ limit: 2 }), [1, 2]);
  assert.deepEqual(await seqs({ limit: 2, reverse: true }), [4, 3]);
  assert.deepEqual(await seqs({ lt: 0 }), []);
  assert.deepEqual(await seqs({ limit: 0 }), []);
});

Deno.test("HB-038 a live history goes on with changes to come", async () => {
  await using bee = textBee();
  await bee.put("a", "1");
  const read: string[] = [];
  for await (const { type, key } of bee.createHistoryStream({ live: true })) {
    read.push(`${type} ${key}`);
    if (read.length === 1) await bee.put("b", "2");
    if (read.length === 2) setTimeout(() => bee.del("a"), 0);
    if (read.length === 3) break;
  }
  assert.deepEqual(read, ["put a", "put b", "del a"]);
});

Deno.test("HB-038 live and reverse together are refused", async () => {
  await using bee = textBee();
  assert.throws(() => bee.createHistoryStream({ live: true, reverse: true }), { code: "BAD_ARGUMENT" });
});

Deno.test("HB-040 createDiffStream() gives what differs from a version, in the order of keys", async () => {
  await using bee = textBee();
  await fill(bee, KEYS);
  const { version } = bee;
  await bee.put("a050", "new");
  await bee.put("added", "x");
  await bee.del("a100");
  await bee.put("a007", "A007");
  const differences = await all(bee.createDiffStream(version));
  assert.deepEqual(differences, [
    { left: { seq: 204, key: "a007", value: "A007" }, right: { seq: 8, key: "a007", value: "A007" } },
    { left: { seq: 201, key: "a050", value: "new" }, right: { seq: 51, key: "a050", value: "A050" } },
    { left: null, right: { seq: 101, key: "a100", value: "A100" } },
    { left: { seq: 202, key: "added", value: "x" }, right: null },
  ]);
  const reversed = await all(bee.checkout(version).createDiffStream(bee.version));
  assert.deepEqual(reversed, differences.map(({ left, right }) => ({ left: right, right: left })));
});

Deno.test("HB-040 createDiffStream() to the same version is empty, to version 1 everything", async () => {
  await using bee = textBee();
  await fill(bee, KEYS);
  assert.deepEqual(await all(bee.createDiffStream(bee.version)), []);
  assert.deepEqual((await all(bee.createDiffStream(1))).map(({ left }) => left!.key), KEYS);
  assert.deepEqual((await all(bee.createDiffStream(0))).length, 200);
});

Deno.test("HB-041 createDiffStream() against a snapshot, with a range and a limit", async () => {
  await using bee = textBee();
  await fill(bee, KEYS);
  await using snapshot = bee.snapshot();
  await snapshot.ready();
  for (const key of ["a010", "a020", "a030", "a040"]) await bee.put(key, "new");
  const keys = async (range: object, options?: object) =>
    (await all(bee.createDiffStream(snapshot, range, options))).map(({ left }) => left!.key);
  assert.deepEqual(await keys({}), ["a010", "a020", "a030", "a040"]);
  assert.deepEqual(await keys({ gt: "a010", lte: "a030" }), ["a020", "a030"]);
  assert.deepEqual(await keys({ gte: "a010", lt: "a030" }), ["a010", "a020"]);
  assert.deepEqual(await keys({ gte: "a0101" }), ["a020", "a030", "a040"]);
  assert.deepEqual(await keys({}, { limit: 2 }), ["a010", "a020"]);
  assert.deepEqual(await keys({ gt: "z" }), []);
});

Deno.test("HB-040 a difference of few changes reads few blocks", async () => {
  const core = arrayCore();
  const bee = new Hyperbee<string, string>(core, { keyEncoding: "utf-8", cacheBytes: 0, extension: false });
  const keys = Array.from({ length: 5000 }, (_, i) => `k${String(i).padStart(5, "0")}`);
  const batch = bee.batch();
  for (const key of keys) await batch.put(key, "");
  await batch.flush();
  const { version } = bee;
  await bee.put("k02500", "x");
  const before = core.reads;
  assert.equal((await all(bee.createDiffStream(version))).length, 1);
  assert.ok(core.reads - before < 100, `${core.reads - before} reads`);
});

Deno.test("a stream without room in memory reads all the same", async () => {
  const core = arrayCore();
  const bee = new Hyperbee<string, string>(core, { keyEncoding: "utf-8", cacheBytes: 0, extension: false });
  await fill(bee, KEYS);
  assert.deepEqual(await keysOf(bee.createReadStream()), KEYS);
  assert.deepEqual(await keysOf(bee.createReadStream({ reverse: true })), KEYS.toReversed());
  assert.equal((await bee.get("a123"))!.seq, 124);
});

Deno.test("a short range reads little more than it gives", async () => {
  const core = arrayCore();
  const bee = new Hyperbee<string, string>(core, { keyEncoding: "utf-8", cacheBytes: 0, extension: false });
  await fill(bee, KEYS);
  const before = core.reads;
  assert.equal((await keysOf(bee.createReadStream({ gte: "a100", limit: 2 }))).length, 2);
  assert.ok(core.reads - before < 25, `${core.reads - before} reads`);
});

Deno.test("leaving the loop of an iteration closes it", async () => {
  await using bee = textBee();
  await fill(bee, KEYS);
  const iterator = bee.createRangeIterator();
  for await (const { key } of iterator) {
    if (key === "a003") break;
  }
  await assert.rejects(iterator.next(), { code: "SESSION_CLOSED" });
});

/**
 * Views of a bee: checkouts, snapshots, subs; the header, and clearing what is not linked.
 *
 * @module
 */
import assert from "node:assert/strict";
import { utf8Bytes, utf8Text } from "../../../src/base/mod.ts";
import { Hyperbee, Node, SubEncoder, YoloIndex } from "../../../src/hyperbee/mod.ts";
import { Hypercore } from "../../../src/hypercore/mod.ts";
import { all, fill, keysOf, numberedKeys, textBee } from "./support.ts";

Deno.test("HB-049 checkout() is a view of a version", async () => {
  await using bee = textBee();
  await bee.put("a", "1");
  await bee.put("b", "2");
  await bee.del("a");
  for (const [version, keys] of [[0, []], [1, []], [2, ["a"]], [3, ["a", "b"]], [4, ["b"]]] as const) {
    const view = bee.checkout(version);
    assert.deepEqual(await keysOf(view.createReadStream()), keys);
    assert.equal(view.version, Math.max(1, version));
    assert.notEqual(view.core, bee.core);
    await view.close();
  }
  assert.equal((await bee.get("b"))!.value, "2", "closing a view leaves the bee open");
});

Deno.test("HB-049 the checkout of a version to come waits for it", async () => {
  await using bee = textBee();
  await bee.put("a", "1");
  await using view = bee.checkout(3);
  const reading = view.get("b");
  await bee.put("b", "2");
  assert.deepEqual(await reading, { seq: 2, key: "b", value: "2" });
});

Deno.test("HB-050 a checkout with encodings of its own, and on the same session", async () => {
  await using bee = textBee();
  await bee.put("a", "[1]");
  await using view = bee.checkout(2, { valueEncoding: "json" as never });
  assert.deepEqual((await view.get("a"))!.value as unknown, [1]);
  const reused = bee.checkout(2, { reuseSession: true });
  assert.equal(reused.core, bee.core);
});

Deno.test("HB-051 snapshot() is a checkout of the version that there is", async () => {
  await using bee = textBee();
  await using early = bee.snapshot();
  await early.ready();
  await bee.put("a", "1");
  await using snapshot = bee.snapshot();
  await snapshot.ready();
  await bee.put("a", "2");
  assert.equal(await early.get("a"), null);
  assert.equal((await snapshot.get("a"))!.value, "1");
  assert.equal(snapshot.version, 2);
  await using again = snapshot.snapshot();
  assert.equal(again.version, 2);
  assert.equal((await again.get("a"))!.value, "1");
});

Deno.test("HB-052 HB-W04 sub() keeps its keys behind prefix and separator", async () => {
  await using bee = textBee();
  const users = bee.sub("users");
  const posts = bee.sub("posts", { valueEncoding: "json" });
  await bee.put("users", "a key of the bee");
  await users.put("b", "1");
  await users.put("a", "2");
  await posts.put("x", { n: 1 } as unknown as string);
  assert.deepEqual(await keysOf(users.createReadStream()), ["a", "b"]);
  assert.deepEqual(await keysOf(users.createReadStream({ gt: "a" })), ["b"]);
  assert.deepEqual(await keysOf(users.createReadStream({ lt: "b", reverse: true })), ["a"]);
  assert.deepEqual(await users.get("a"), { seq: 3, key: "a", value: "2" });
  assert.deepEqual((await posts.get("x"))!.value, { n: 1 });
  assert.equal(await users.get("x"), null);
  assert.deepEqual(await keysOf(bee.createReadStream()), ["posts\0x", "users", "users\0a", "users\0b"]);
  assert.deepEqual((await users.peek())!.key, "a");
  await users.del("a");
  assert.equal(await users.get("a"), null);
  const batch = users.batch();
  await batch.put("c", "3");
  assert.deepEqual(await keysOf(batch.createReadStream()), ["b", "c"]);
  await batch.flush();
  assert.deepEqual((await all(users.createDiffStream(1))).map(({ left }) => left!.key), ["b", "c"]);
});

Deno.test("HB-052 subs of subs, separators and encodings of their own", async () => {
  await using bee = textBee({ sep: "/" });
  const inner = bee.sub("a").sub("b", { sep: "!" });
  await inner.put("key", "1");
  assert.deepEqual(await keysOf(bee.createReadStream()), ["a/b!key"]);
  const bytes = bee.sub<Uint8Array, Uint8Array>(utf8Bytes("raw"), {
    keyEncoding: "binary",
    valueEncoding: "binary",
  });
  await bytes.put(Uint8Array.of(255), Uint8Array.of(1));
  const [entry] = await all(bytes.createReadStream());
  assert.deepEqual([Array.from(entry!.key), Array.from(entry!.value!)], [[255], [1]]);
});

Deno.test("HB-052 checkouts and snapshots of a sub see the sub", async () => {
  await using bee = textBee();
  await bee.put("other", "");
  const sub = bee.sub("s");
  await sub.put("a", "1");
  await sub.put("b", "2");
  await using view = sub.checkout(3);
  assert.deepEqual(await keysOf(view.createReadStream()), ["a"]);
  assert.deepEqual(await keysOf(view.sub("b").createReadStream()), []);
  await using snapshot = sub.snapshot();
  assert.deepEqual(await keysOf(snapshot.createReadStream()), ["a", "b"]);
});

Deno.test("HB-004 HB-052 a key encoding with encodeRange says what a range is", async () => {
  await using bee = new Hyperbee<string, string>(new Hypercore(), {
    keyEncoding: "utf-8",
    valueEncoding: "utf-8",
  });
  const users = new SubEncoder<string>("users", "utf-8");
  const admins = users.sub<string>("admins", "utf-8");
  for (const key of ["b", "a", "c"]) await bee.put(key, "user", { keyEncoding: users });
  await bee.put("x", "admin", { keyEncoding: admins });
  await bee.put("z", "plain");
  const keys = (range: object) => keysOf(bee.createReadStream(range, { keyEncoding: users }));
  assert.deepEqual(await keys({}), ["a", "admins\0x", "b", "c"]);
  assert.deepEqual(await keys({ gt: "admins\0x" }), ["b", "c"]);
  assert.deepEqual(await keys({ gte: "b", lte: "b" }), ["b"]);
  assert.deepEqual(await keys({ lt: "b", reverse: true }), ["admins\0x", "a"]);
  assert.deepEqual(await keysOf(bee.createReadStream({}, { keyEncoding: admins })), ["x"]);
  assert.equal((await bee.get("a", { keyEncoding: users }))!.key, "a");
  assert.equal(utf8Text(users.encode("k")), "users\0k");
  assert.equal(new SubEncoder<string>(null, "utf-8").encode("k").byteLength, 1);
  assert.deepEqual(
    (await all(bee.createDiffStream(1, { gte: "b" }, { keyEncoding: users }))).map(({ left }) => left!.key),
    ["b", "c"],
  );
});

Deno.test("HB-005 HB-053 HB-W02 getHeader() gives the first block, with metadata", async () => {
  await using bee = textBee({ metadata: { contentFeed: Uint8Array.of(1, 2), userData: "mine" } });
  await bee.put("a", "1");
  const header = (await bee.getHeader())!;
  assert.equal(header.protocol, "hyperbee");
  assert.deepEqual(Array.from(header.metadata!.contentFeed!), [1, 2]);
  assert.equal(utf8Text(header.metadata!.userData as Uint8Array), "mine");
  await using plain = textBee();
  await plain.put("a", "1");
  assert.deepEqual(await plain.getHeader(), { protocol: "hyperbee", metadata: null });
  await using replica = new Hyperbee(new Hypercore(null, bee.key!));
  assert.equal(await replica.getHeader({ wait: false }), null);
  await using core = new Hypercore();
  await core.append(utf8Bytes("no header"));
  await using none = new Hyperbee(core);
  await assert.rejects(none.getHeader(), { code: "DECODING_ERROR" });
});

Deno.test("HB-054 isHyperbee() tells by the first block", async () => {
  await using bee = textBee();
  await bee.put("a", "1");
  assert.equal(await Hyperbee.isHyperbee(bee.core), true);
  await using core = new Hypercore();
  await core.append(utf8Bytes("no header"));
  assert.equal(await Hyperbee.isHyperbee(core), false);
  await using replica = new Hypercore(null, bee.key!);
  await assert.rejects(Hyperbee.isHyperbee(replica, { wait: false }), { code: "BLOCK_NOT_AVAILABLE" });
});

Deno.test("HB-055 clearUnlinked() clears what the tree does not lead to, and nothing else", async () => {
  await using bee = textBee();
  const keys = numberedKeys(60);
  await fill(bee, keys);
  for (let round = 0; round < 5; round++) {
    for (const key of keys.slice(0, 20)) await bee.put(key, String(round));
  }
  for (const key of keys.slice(40)) await bee.del(key);
  const { core } = bee;
  const before = await stored(core);
  assert.equal(await bee.clearUnlinked(), bee.version - 1);
  const after = await stored(core);
  assert.ok(after.length < before.length / 2, `${after.length} of ${before.length} blocks are left`);
  await using fresh = new Hyperbee<string, string>(core.session(), {
    keyEncoding: "utf-8",
    valueEncoding: "utf-8",
  });
  const entries = await all(fresh.createReadStream({}, { wait: false }));
  assert.deepEqual(entries.map(({ key }) => key), keys.slice(0, 40));
  assert.equal(entries[0]!.value, "4");
  assert.equal(await bee.clearUnlinked({ gte: 10, lt: 20, batchSize: 3, wait: false }), 20);
});

async function stored(core: Hypercore): Promise<number[]> {
  const seqs: number[] = [];
  for (let seq = 0; seq < core.length; seq++) if (await core.has(seq)) seqs.push(seq);
  return seqs;
}

Deno.test("HB-056 HB-W01 Node decodes a block read from the core", async () => {
  await using bee = textBee();
  await bee.put("a", "1");
  await bee.put("b", "2");
  const node = Node.decode((await bee.core.get(2))!);
  assert.equal(utf8Text(node.key), "b");
  assert.equal(utf8Text(node.value!), "2");
  assert.deepEqual(await bee.core.get(2, { valueEncoding: Node }), node);
  assert.deepEqual(YoloIndex.decode(node.index), { levels: [{ keys: [1, 2], children: [] }] });
});

Deno.test("a bee whose core is cut shows the older version, and old snapshots tell what is gone", async () => {
  const core = new Hypercore();
  await using bee = new Hyperbee<string, string>(core, { keyEncoding: "utf-8", valueEncoding: "utf-8" });
  await fill(bee, numberedKeys(60));
  await fill(bee, numberedKeys(100).slice(60));
  await bee.get("a099");
  await using old = bee.checkout(61);
  await old.ready();
  await core.truncate(61);
  assert.deepEqual(await keysOf(bee.createReadStream()), numberedKeys(60));
  assert.equal(await bee.get("a099"), null);
  await fill(bee, ["b"]);
  assert.deepEqual(await bee.get("b"), { seq: 61, key: "b", value: "B" });
  assert.deepEqual(await keysOf(old.createReadStream()), numberedKeys(60));
});

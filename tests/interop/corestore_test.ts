/**
 * Our corestore and the npm one, each in either role, over TCP.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexBytes, hexText, utf8Bytes, utf8Text } from "../../src/base/mod.ts";
import { Corestore } from "../../src/corestore/mod.ts";
import { MemoryStorage } from "../../src/storage/mod.ts";
import { collect } from "../helpers/collect.ts";
import { NpmCorestore } from "../helpers/npm_corestore.ts";
import { TcpReplication } from "../helpers/tcp.ts";

const PRIMARY_KEY = new Uint8Array(32).fill(11);
const MANY = 1000;
/** Cores that the npm peer creates, or loads, at a time. */
const STEP = 100;

function textOf(block: Uint8Array | null): string | null {
  return block && utf8Text(block);
}

function keyOf(hex: string): Uint8Array {
  return hexBytes(hex);
}

Deno.test("CS-W01 CS-W02 CS-W03 CS-028 one primary key gives both makes the same cores under the same names", async () => {
  await using npm = await NpmCorestore.start({ primaryKey: PRIMARY_KEY });
  await using store = new Corestore(null, { primaryKey: PRIMARY_KEY, unsafe: true });
  for (const path of [[], ["a"], ["a", "b"]]) {
    const within = path.reduce<Corestore>((parent, name) => parent.namespace(name), store);
    for (const name of ["main", "naïve 🍐"]) {
      const theirs = await npm.get({ id: name, name, path });
      const ours = within.get({ name });
      await ours.ready();
      assert.equal(hexText(ours.key!), theirs.key);
      assert.equal(hexText(ours.discoveryKey!), theirs.discoveryKey);
      assert.equal(hexText(ours.getManifest({ raw: true })!), theirs.manifest);
    }
    const listed = await npm.run<string[]>("list", { namespace: hexText(within.ns) });
    const ours = (await collect(within.list(within.ns))).map(hexText);
    assert.deepEqual(ours.toSorted(), listed.toSorted());
  }
  const all = await npm.run<string[]>("list");
  assert.deepEqual((await collect(store.list())).map(hexText), all);
});

Deno.test("CS-003 a store of ours goes on under the primary key of a npm store", async () => {
  await using npm = await NpmCorestore.start();
  const theirs = await npm.get({ id: "core", name: "core" });
  const primaryKey = await npm.open("other");
  assert.equal(primaryKey.byteLength, 32);
  await using store = new Corestore(null, { primaryKey, unsafe: true });
  const ours = store.get({ name: "core" });
  await ours.ready();
  assert.equal(hexText(ours.key!), (await npm.get({ store: "other", id: "same", name: "core" })).key);
  assert.notEqual(hexText(ours.key!), theirs.key);
});

for (const isOursInitiator of [true, false]) {
  const who = isOursInitiator ? "we connect" : "npm connects";

  Deno.test(`CS-026 CS-W05 cores of both sides, open before and opened later, both ways (${who})`, async () => {
    await using npm = await NpmCorestore.start();
    await using tcp = new TcpReplication();
    await using store = new Corestore();
    const connect = async () => {
      if (isOursInitiator) tcp.connect(await npm.listen(), store);
      else await npm.connect(await tcp.listen(store));
    };
    const theirs = await npm.get({ id: "theirs", name: "theirs" });
    await npm.append("theirs", utf8Bytes("from npm"));
    const ours = store.get({ name: "ours" });
    await ours.append(utf8Bytes("from us"));
    const reading = store.get({ key: keyOf(theirs.key) });
    await reading.ready();
    await npm.get({ id: "reading", key: ours.key! });
    await connect();
    assert.equal(textOf(await reading.get(0)), "from npm");
    assert.equal(textOf(await npm.block("reading", 0)), "from us");

    // Opened here by name, there later by key, and the reverse.
    const later = store.get({ name: "later" });
    await later.append(utf8Bytes("later, from us"));
    await npm.get({ id: "later", key: later.key! });
    assert.equal(textOf(await npm.block("later", 0)), "later, from us");
    const theirLater = await npm.get({ id: "their later", name: "later" });
    await npm.append("their later", utf8Bytes("later, from npm"));
    const readingLater = store.get({ key: keyOf(theirLater.key) });
    assert.equal(textOf(await readingLater.get(0)), "later, from npm");

    // Wanted before the other side has anything.
    const early = await npm.get({ id: "early", name: "early" });
    const waiting = store.get({ key: keyOf(early.key) });
    const block = waiting.get(0);
    await npm.append("early", utf8Bytes("at last"));
    assert.equal(textOf(await block), "at last");
    assert.deepEqual(tcp.errors, []);
  });

  Deno.test(`CS-026 stored cores that are not open are loaded when the other make asks (${who})`, async () => {
    await using npm = await NpmCorestore.start();
    await using tcp = new TcpReplication();
    const storage = new MemoryStorage();
    await using store = new Corestore(storage);
    const ours = store.get({ name: "ours" });
    await ours.append(utf8Bytes("from us"));
    const { key } = ours;
    await ours.close();
    await store.cores.get(ours.discoveryKey!)!.close();
    assert.equal(store.cores.get(ours.discoveryKey!), null);
    const theirs = await npm.get({ id: "theirs", name: "theirs" });
    await npm.append("theirs", utf8Bytes("from npm"));
    await npm.run("closeCore", { id: "theirs" });

    if (isOursInitiator) tcp.connect(await npm.listen(), store);
    else await npm.connect(await tcp.listen(store));
    const reading = store.get({ key: keyOf(theirs.key) });
    assert.equal(textOf(await reading.get(0)), "from npm");
    await npm.get({ id: "reading", key: key! });
    assert.equal(textOf(await npm.block("reading", 0)), "from us");
    assert.equal(store.cores.opened(ours.discoveryKey!), true);
  });
}

Deno.test("CS-026 a npm peer that asks for what is not stored is told so, and what is asked later still comes", async () => {
  await using npm = await NpmCorestore.start();
  await using tcp = new TcpReplication();
  await using store = new Corestore();
  await npm.connect(await tcp.listen(store));
  await npm.get({ id: "unknown", key: new Uint8Array(32).fill(3) });
  const ours = store.get({ name: "ours" });
  await ours.append(utf8Bytes("from us"));
  await npm.get({ id: "reading", key: ours.key! });
  assert.equal(textOf(await npm.block("reading", 0)), "from us");
  assert.equal((await npm.describe("unknown")).peers, 0);
});

Deno.test(`CS-026 CS-040 ${MANY} cores of ours over one connection to npm`, async () => {
  await using npm = await NpmCorestore.start();
  await using tcp = new TcpReplication();
  await using store = new Corestore();
  const keys: string[] = [];
  for (let i = 0; i < MANY; i++) {
    const core = store.get({ name: `core ${i}` });
    await core.append(utf8Bytes(`core ${i}`));
    keys.push(hexText(core.key!));
    // Half of them are stored only.
    if (i % 2 === 0) await core.close();
  }
  await npm.connect(await tcp.listen(store));
  const blocks = await npm.run<string[]>("readAll", { keys });
  assert.deepEqual(blocks.map((hex) => utf8Text(hexBytes(hex))), keys.map((_, i) => `core ${i}`));
});

Deno.test(`CS-026 CS-040 ${MANY} cores of npm over one connection to us`, async () => {
  await using npm = await NpmCorestore.start();
  await using tcp = new TcpReplication();
  await using store = new Corestore();
  const keys: string[] = [];
  for (const prefix of ["open", "closed"]) {
    // How long the peer may be silent is bounded, and creating a core may take it long.
    for (let start = 0; start < MANY / 2; start += STEP) {
      const cores = { prefix, start, end: start + STEP, close: prefix === "closed" };
      keys.push(...await npm.run<string[]>("fill", cores));
    }
  }
  tcp.connect(await npm.listen(), store);
  const blocks: Uint8Array[] = [];
  // In steps: npm closes a stored core 8 s after a peer had it loaded, though the peer be waiting, and holds its answers
  // back until all that was asked for at once is loaded.
  for (let start = 0; start < MANY; start += STEP) {
    const cores = keys.slice(start, start + STEP).map((key) => store.get({ key: hexBytes(key) }));
    blocks.push(...await Promise.all(cores.map(async (core) => (await core.get(0))!)));
  }
  const expected = keys.map((_, i) => i < MANY / 2 ? `open ${i}` : `closed ${i - MANY / 2}`);
  assert.deepEqual(blocks.map(textOf), expected);
});

Deno.test("CS-026 blocks travel through stores of both makes in a row", async () => {
  await using npm = await NpmCorestore.start();
  await using tcp = new TcpReplication();
  await using writer = new Corestore();
  await using middle = new Corestore();
  await using last = new Corestore();
  const core = writer.get({ name: "core" });
  await core.append(Array.from({ length: 50 }, (_, i) => utf8Bytes(`block ${i}`)));

  // writer (ours) - npm - middle (ours) - "second" (npm) - last (ours)
  await npm.connect(await tcp.listen(writer));
  await npm.get({ id: "core", key: core.key! });
  assert.equal(await npm.run("contiguous", { id: "core", length: 50 }), 50);
  tcp.connect(await npm.listen(), middle);
  const copy = middle.get(core.key!);
  await copy.get(0);
  await copy.download({ start: 0, end: 50 }).done();
  await npm.open("second");
  await npm.get({ store: "second", id: "second", key: core.key! });
  await npm.connect(await tcp.listen(middle), "second");
  assert.equal(await npm.run("contiguous", { id: "second", length: 50 }), 50);
  tcp.connect(await npm.listen("second"), last);
  const end = last.get(core.key!);
  assert.equal(textOf(await end.get(49)), "block 49");

  // The new length goes all the way by itself, the block as each asks for it.
  await core.append(utf8Bytes("one more"));
  assert.equal(await npm.run("waitLength", { id: "second", length: 51 }), 51);
  assert.equal(await npm.run("contiguous", { id: "core", length: 51 }), 51);
  assert.equal(textOf(await copy.get(50)), "one more");
  assert.equal(await npm.run("contiguous", { id: "second", length: 51 }), 51);
  assert.equal(textOf(await end.get(50)), "one more");
});

Deno.test("CS-027 findingPeers() makes update() wait for the first npm peer", async () => {
  await using npm = await NpmCorestore.start();
  await using tcp = new TcpReplication();
  await using store = new Corestore();
  const theirs = await npm.get({ id: "theirs", name: "theirs" });
  await npm.append("theirs", utf8Bytes("one"), utf8Bytes("two"));
  const done = store.findingPeers();
  const reading = store.get({ key: keyOf(theirs.key) });
  const updated = reading.update();
  tcp.connect(await npm.listen(), store);
  reading.once("peer-add", done);
  assert.equal(await updated, true);
  assert.equal(reading.length, 2);
});

Deno.test("CS-037 a static copy made here is read by npm", async () => {
  await using npm = await NpmCorestore.start();
  await using tcp = new TcpReplication();
  await using store = new Corestore();
  const core = store.get({ name: "core" });
  await core.append([utf8Bytes("one"), utf8Bytes("two"), utf8Bytes("three")]);
  const copy = await store.staticify(core);
  assert.equal(copy.writable, false);
  assert.equal(copy.length, 3);
  await npm.connect(await tcp.listen(store));
  const theirs = await npm.get({ id: "copy", key: copy.key! });
  assert.equal(theirs.length, 0);
  assert.equal(textOf(await npm.block("copy", 2)), "three");
  // The original goes on.
  await core.append(utf8Bytes("four"));
  assert.equal(core.length, 4);
  assert.equal(copy.length, 3);
});

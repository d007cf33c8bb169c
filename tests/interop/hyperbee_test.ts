/**
 * Our hyperbee and the npm one: the same blocks, each reading and extending the other's, and hints both ways.
 *
 * @module
 */
import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { hexBytes, hexText, utf8Text } from "../../src/base/mod.ts";
import { signKeyPair } from "../../src/crypto/mod.ts";
import { type BeeCore, Extension, Hyperbee, type HyperbeeOptions } from "../../src/hyperbee/mod.ts";
import { Hypercore } from "../../src/hypercore/mod.ts";
import { NpmPeerInFolder } from "../helpers/npm_peer.ts";
import { TcpReplication } from "../helpers/tcp.ts";
import { ArrayCore } from "./peers/hyperbee/array_core.mjs";
import { program, run } from "./peers/hyperbee/programs.mjs";

const KEY_PAIR = signKeyPair(new Uint8Array(32).fill(5));
const HEX_KEY_PAIR = { publicKey: hexText(KEY_PAIR.publicKey), secretKey: hexText(KEY_PAIR.secretKey) };
const TEXT = { keyEncoding: "utf-8", valueEncoding: "utf-8" } as const;

type TextBee = Hyperbee<string, string>;

function textBee(core: BeeCore, options: HyperbeeOptions<string, string> = {}): TextBee {
  return new Hyperbee<string, string>(core, { ...TEXT, ...options });
}

/** A core that can be written under {@linkcode KEY_PAIR}, on either side. */
function writableCore(key?: Uint8Array): Hypercore {
  return new Hypercore(null, key ?? null, { keyPair: KEY_PAIR });
}

async function all<Item>(items: AsyncIterable<Item>): Promise<Item[]> {
  const list: Item[] = [];
  for await (const item of items) list.push(item);
  return list;
}

async function blocksOf(core: BeeCore): Promise<string[]> {
  const blocks: string[] = [];
  for (let i = 0; i < core.length; i++) blocks.push(hexText((await core.get(i))!));
  return blocks;
}

function hashOf(blocks: readonly Uint8Array[]): string {
  const hash = createHash("sha256");
  for (const block of blocks) hash.update(String(block.byteLength) + " ").update(block);
  return hash.digest("hex");
}

function start(): NpmPeerInFolder {
  return new NpmPeerInFolder("hyperbee/peer.mjs");
}

const PROGRAMS = 2000;

Deno.test(`HB-W01 HB-W03 HB-017 HB-022 HB-025 ${PROGRAMS} seeded programs make the blocks that npm makes, byte for byte`, async () => {
  await using npm = start();
  const theirs = npm.run<string[]>("programs", { start: 0, end: PROGRAMS });
  const ours: string[] = [];
  for (let seed = 0; seed < PROGRAMS; seed++) {
    const core = new ArrayCore();
    const bee = textBee(core as unknown as BeeCore, { extension: false, alwaysDuplicate: seed % 3 !== 0 });
    await run(bee, program(seed));
    ours.push(hashOf(core.blocks));
  }
  for (const [seed, hash] of (await theirs).entries()) {
    assert.equal(ours[seed], hash, `program ${seed} makes other blocks`);
  }
});

Deno.test("HB-001 HB-005 HB-052 HB-W02 HB-W04 the same changes on cores of both make the same log, metadata and subs included", async () => {
  await using npm = start();
  const contentFeed = new Uint8Array(32).fill(3);
  await npm.run("open", {
    name: "bee",
    keyPair: HEX_KEY_PAIR,
    metadata: { contentFeed: hexText(contentFeed), userData: "mine" },
  });
  await using bee = textBee(writableCore(), { metadata: { contentFeed, userData: "mine" } });
  for (const seed of [7, 11, 12]) {
    await npm.run("run", { name: "bee", seed });
    await run(bee, program(seed));
    await npm.run("subPut", { name: "bee", sub: "s", key: `key ${seed}`, value: "x" });
    await bee.sub("s").put(`key ${seed}`, "x");
    assert.deepEqual(await blocksOf(bee.core), await npm.run("blocks", { name: "bee" }));
    assert.equal(hexText(await bee.core.treeHash()), await npm.run("treeHash", { name: "bee" }));
  }
});

Deno.test("HB-016 HB-019 HB-034 HB-038 HB-040 HB-049 each reads and extends what the other wrote", async () => {
  await using npm = start();
  await using tcp = new TcpReplication();
  const { key } = await npm.run<{ key: string }>("open", { name: "bee", keyPair: HEX_KEY_PAIR });
  const first = await npm.run<number>("run", { name: "bee", seed: 21 });

  await using bee = textBee(writableCore(hexBytes(key)));
  await bee.ready();
  tcp.connect(await npm.run("listen", { name: "bee" }), bee.core);
  await reachLength(bee.core, first);
  assert.equal(bee.version, first);
  assert.deepEqual(await all(bee.createReadStream()), await npm.run("entries", { name: "bee" }));
  assert.deepEqual(await all(bee.createHistoryStream()), await npm.run("history", { name: "bee" }));
  await bee.core.download({ start: 0, end: first }).done();

  await run(bee, program(23));
  await run(bee, program(30));
  const second = bee.version;
  await npm.run("fetchAll", { name: "bee", length: second });
  assert.equal(await npm.run("version", { name: "bee" }), second);
  assert.deepEqual(await npm.run("entries", { name: "bee" }), await all(bee.createReadStream()));

  const third = await npm.run<number>("run", { name: "bee", seed: 31 });
  await reachLength(bee.core, third);
  const entries = await npm.run("entries", { name: "bee" });
  assert.deepEqual(await all(bee.createReadStream()), entries);
  for (const [left, right] of [[third, first], [first, second], [second, third], [third, 1]] as const) {
    await using view = bee.checkout(left);
    const npmDifferences = await npm.run("diff", { name: "bee", version: left, other: right });
    assert.deepEqual(await all(view.createDiffStream(right)), npmDifferences);
  }
  await using old = bee.checkout(first);
  assert.deepEqual(
    await all(old.createReadStream()),
    await npm.run("entries", { name: "bee", version: first }),
  );
});

Deno.test("HB-035 HB-038 ranges and histories with every kind of bound are those of npm", async () => {
  await using npm = start();
  await npm.run("open", { name: "bee", keyPair: HEX_KEY_PAIR });
  await npm.run("fill", { name: "bee", count: 120 });
  await using bee = textBee(writableCore());
  const batch = bee.batch();
  for (let i = 0; i < 120; i++) await batch.put(`k${String(i).padStart(6, "0")}`, String(i));
  await batch.flush();
  const bounds = ["k000000", "k000005", "k0000055", "k000119", "a", "z"];
  const ranges = bounds.flatMap((lower) => bounds.map((upper) => ({ lower, upper }))).map((
    { lower, upper },
    i,
  ) => ({
    [i % 2 === 0 ? "gt" : "gte"]: lower,
    [i % 3 === 0 ? "lt" : "lte"]: upper,
    reverse: i % 5 < 2,
    limit: i % 7 === 0 ? 3 : -1,
  }));
  for (const range of ranges) {
    const theirs = await npm.run("entries", { name: "bee", range });
    assert.deepEqual(await all(bee.createReadStream(range)), theirs, JSON.stringify(range));
  }
  const histories = [
    { gte: -3 },
    { gt: -3, lt: -1 },
    { since: 5, end: 9 },
    { lte: -100 },
    { reverse: true, limit: 4 },
    { reverse: true, gte: 115 },
    { gt: 3, lte: 7, reverse: true },
  ];
  for (const options of histories) {
    const theirs = await npm.run("history", { name: "bee", ...options });
    assert.deepEqual(await all(bee.createHistoryStream(options)), theirs, JSON.stringify(options));
  }
});

Deno.test("HB-055 clearUnlinked() leaves the blocks that npm leaves", async () => {
  await using npm = start();
  for (const seed of [3, 9, 21]) {
    const name = `bee ${seed}`;
    await npm.run("open", { name, keyPair: HEX_KEY_PAIR });
    await npm.run("run", { name, seed });
    await npm.run("run", { name, seed });
    await using bee = textBee(writableCore());
    await run(bee, program(seed));
    await run(bee, program(seed));
    await bee.clearUnlinked();
    const left: number[] = [];
    for (let i = 0; i < bee.core.length; i++) if (await bee.core.has(i)) left.push(i);
    assert.deepEqual(left, await npm.run("clearUnlinked", { name }));
  }
});

interface Said {
  readonly sent?: string;
  readonly received?: string;
}

/** Notes what a bee of ours says and hears over its extension. */
function recordMessages(core: Hypercore): Said[] {
  const messages: Said[] = [];
  const register = core.registerExtension.bind(core);
  // deno-lint-ignore no-explicit-any -- stands in for a generic method
  core.registerExtension = ((name: string, handlers: any) => {
    const { onmessage } = handlers;
    handlers.onmessage = (message: Uint8Array, from: unknown) => {
      messages.push({ received: hexText(message) });
      onmessage(message, from);
    };
    const extension = register<Uint8Array>(name, handlers);
    const { send, broadcast } = extension;
    extension.send = (message, peer) => {
      messages.push({ sent: hexText(message) });
      send.call(extension, message, peer);
    };
    extension.broadcast = (message) => {
      messages.push({ sent: hexText(message) });
      broadcast.call(extension, message);
    };
    return extension;
  }) as typeof core.registerExtension;
  return messages;
}

function decoded(messages: readonly Said[], way: "sent" | "received") {
  return messages.filter((said) => said[way] !== undefined).map((said) =>
    Extension.decode(hexBytes(said[way]!))
  );
}

Deno.test("HB-006 HB-W05 our sparse reads ask npm for hints, and npm's hints are fetched", async () => {
  await using npm = start();
  await using tcp = new TcpReplication();
  const { key } = await npm.run<{ key: string }>("open", { name: "bee" });
  await npm.run("fill", { name: "bee", count: 3000 });
  const core = new Hypercore(null, key);
  const said = recordMessages(core);
  await using bee = textBee(core);
  await bee.ready();
  tcp.connect(await npm.run("listen", { name: "bee" }), core);
  await reachLength(core, 3001);

  assert.equal((await bee.get("k001234"))!.value, "1234");
  const [asked] = decoded(said, "sent");
  assert.equal(asked!.get!.version, 3001);
  assert.equal(utf8Text(asked!.get!.key!), "k001234");
  await until(() => decoded(said, "received").length > 0);
  const [hint] = decoded(said, "received");
  assert.ok(hint!.cache!.blocks.includes(1235), "the block of the entry is among the hints");
  for (const seq of hint!.cache!.blocks) await core.get(seq);

  said.length = 0;
  const batch = bee.batch();
  assert.equal((await batch.get("k000777"))!.value, "777");
  assert.equal(utf8Text(decoded(said, "sent")[0]!.get!.key!), "k000777");
  await batch.close();

  said.length = 0;
  const entries = await all(bee.createReadStream({ gte: "k002000", lt: "k002500" }));
  assert.equal(entries.length, 500);
  const iterators = decoded(said, "sent").filter(({ iterator }) => iterator);
  assert.ok(iterators.length >= 1);
  assert.equal(utf8Text(iterators[0]!.iterator!.gte!), "k002000");
  await until(() => decoded(said, "received").length > 0);
  const heard = await npm.run<Said[]>("messages", { name: "bee" });
  assert.ok(decoded(heard, "received").some(({ iterator }) => iterator !== null), "npm has understood it");
  assert.ok(decoded(heard, "sent").some(({ cache }) => cache!.blocks.length > 1), "and answered");
});

Deno.test("HB-006 HB-W05 npm's sparse reads are answered with hints of ours", async () => {
  await using npm = start();
  await using tcp = new TcpReplication();
  const core = new Hypercore();
  const said = recordMessages(core);
  await using bee = textBee(core);
  const batch = bee.batch();
  for (let i = 0; i < 3000; i++) await batch.put(`k${String(i).padStart(6, "0")}`, String(i));
  await batch.flush();
  await npm.run("open", { name: "bee", key: hexText(core.key!) });
  await npm.run("connect", { name: "bee", port: await tcp.listen(core) });
  await npm.run("reachLength", { name: "bee", length: 3001 });
  const onTheWay: number[] = [];
  await bee.get("k001234", { onseq: (seq) => onTheWay.push(seq) });

  assert.deepEqual(await npm.run("get", { name: "bee", key: "k001234" }), {
    seq: 1235,
    key: "k001234",
    value: "1234",
  });
  await until(() => decoded(said, "sent").length > 0);
  const [request] = decoded(said, "received");
  assert.equal(utf8Text(request!.get!.key!), "k001234");
  const [answer] = decoded(said, "sent");
  assert.deepEqual(answer!.cache!.blocks, onTheWay);
  assert.equal(answer!.cache!.start, Math.min(...onTheWay));
  assert.equal(answer!.cache!.end, Math.max(...onTheWay) + 1);

  said.length = 0;
  const range = { gte: "k002000", lt: "k002500" };
  const entries = await npm.run<unknown[]>("entries", { name: "bee", range });
  assert.equal(entries.length, 500);
  await until(() => decoded(said, "sent").some(({ cache }) => cache !== null));
  assert.ok(decoded(said, "received").some(({ iterator }) => iterator !== null));
  const heard = await npm.run<Said[]>("messages", { name: "bee" });
  assert.ok(decoded(heard, "received").some(({ cache }) => cache !== null), "npm has received our hints");
});

Deno.test("HB-006 HB-W05 extension: false asks for nothing", async () => {
  await using npm = start();
  await using tcp = new TcpReplication();
  const { key } = await npm.run<{ key: string }>("open", { name: "bee" });
  await npm.run("fill", { name: "bee", count: 500 });
  const core = new Hypercore(null, key);
  await using bee = textBee(core, { extension: false });
  await bee.ready();
  assert.equal(bee.extension, null);
  tcp.connect(await npm.run("listen", { name: "bee" }), core);
  await reachLength(core, 501);
  assert.equal((await bee.get("k000123"))!.value, "123");
  assert.deepEqual(await npm.run("messages", { name: "bee" }), []);
});

/** Waits until peers have told of `length` blocks. */
async function reachLength(core: Hypercore, length: number): Promise<void> {
  while (core.length < length) {
    const grown = once(core, "append");
    await core.update({ wait: true, force: true });
    if (core.length < length) await grown;
  }
}

/** Lets messages pass until `holds`. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 1));
}

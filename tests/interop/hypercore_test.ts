/**
 * Our hypercore and the npm one, each in either role, over TCP.
 *
 * @module
 */
import assert from "node:assert/strict";
import { hexBytes, hexText, utf8Text } from "../../src/base/mod.ts";
import { Hypercore, type HypercoreOptions } from "../../src/hypercore/mod.ts";
import { encode } from "../../src/compact_encoding/mod.ts";
import { signKeyPair } from "../../src/crypto/mod.ts";
import { generatedBlocks, NpmHypercore } from "../helpers/npm_hypercore.ts";
import { TcpReplication } from "../helpers/tcp.ts";

const KEY_PAIR = signKeyPair(new Uint8Array(32).fill(7));
const HEX_KEY_PAIR = {
  publicKey: `hex:${hexText(KEY_PAIR.publicKey)}`,
  secretKey: `hex:${hexText(KEY_PAIR.secretKey)}`,
};
const SIGNERS = [{
  publicKey: KEY_PAIR.publicKey,
  signature: "ed25519" as const,
}];
const HEX_SIGNERS = [{
  publicKey: HEX_KEY_PAIR.publicKey,
  signature: "ed25519",
}];

/** The ways of saying who signs, and what they are for the reference. */
const IDENTITIES: readonly {
  name: string;
  ours: HypercoreOptions;
  theirs: Record<string, unknown>;
}[] = [
  {
    name: "a key pair alone",
    ours: { keyPair: KEY_PAIR },
    theirs: { keyPair: HEX_KEY_PAIR },
  },
  {
    name: "compat",
    ours: { keyPair: KEY_PAIR, compat: true },
    theirs: { keyPair: HEX_KEY_PAIR, compat: true },
  },
  ...[0, 1, 2].map((version) => ({
    name: `a manifest of version ${version}`,
    ours: { keyPair: KEY_PAIR, manifest: { version, signers: SIGNERS } },
    theirs: {
      keyPair: HEX_KEY_PAIR,
      manifest: { version, signers: HEX_SIGNERS },
    },
  })),
];

for (const { name, ours, theirs } of IDENTITIES) {
  Deno.test(`HC-054 HC-055 HC-102 HC-135 HC-W05..W09 same content under ${name} gives the same key, hash and signature`, async () => {
    await using npm = new NpmHypercore();
    await npm.open("core", theirs);
    await using core = new Hypercore(ours);
    for (const count of [1, 2, 5, 13]) {
      const blocks = generatedBlocks(core.length, count, 100);
      await core.append(blocks);
      await npm.append("core", blocks);
      const description = await npm.describe("core");
      assert.equal(hexText(core.key!), description.key);
      assert.equal(hexText(core.discoveryKey!), description.discoveryKey);
      assert.equal(core.id, description.id);
      assert.equal(core.length, description.length);
      assert.equal(core.byteLength, description.byteLength);
      assert.equal(
        hexText(core.getManifest({ raw: true })!),
        description.manifest,
      );
      assert.equal(
        hexText(await core.treeHash()),
        await npm.run("treeHash", { name: "core" }),
      );
      assert.equal(
        hexText(core.core!.log.head.signature!),
        description.signature,
      );
    }
  });

  Deno.test(`a core under ${name} written by npm is read by us, and the reverse`, async () => {
    await using npm = new NpmHypercore();
    await using tcp = new TcpReplication();
    const theirCore = await npm.open("theirs", theirs);
    await npm.append("theirs", generatedBlocks(0, 10, 50));
    await using reader = new Hypercore(null, hexBytes(theirCore.key));
    tcp.connect(await npm.listen("theirs"), reader);
    assert.equal(
      hexText((await reader.get(9))!),
      hexText(generatedBlocks(9, 1, 50)[0]!),
    );
    assert.equal(reader.length, 10);

    await using writer = new Hypercore(ours);
    await writer.append(generatedBlocks(0, 10, 60));
    await npm.open("ours", { key: hexText(writer.key!) });
    await npm.connect(await tcp.listen(writer), "ours");
    assert.deepEqual(
      Array.from((await npm.get("ours", 3))!),
      Array.from(generatedBlocks(3, 1, 60)[0]!),
    );
    assert.equal((await npm.describe("ours")).length, 10);
    assert.deepEqual((await npm.describe("ours")).failures, []);
  });
}

Deno.test("HC-036 HC-005 a core of ours is reopened from disk by key, as hex and as z-base-32", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const writer = new Hypercore(
      folder,
      { valueEncoding: "json" } as HypercoreOptions<unknown>,
    );
    await writer.append([{ a: 1 }, "two"]);
    const { id, key } = writer;
    await writer.close();
    for (const text of [id!, hexText(key!)]) {
      await using reopened = new Hypercore<unknown>(folder, text, {
        valueEncoding: "json",
      });
      assert.deepEqual(await reopened.get(0), { a: 1 });
      assert.equal(reopened.writable, true);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("one writer of ours, three mixed readers: all get everything", async () => {
  await using npm = new NpmHypercore();
  await using tcp = new TcpReplication();
  await using writer = new Hypercore();
  await writer.append(generatedBlocks(0, 500, 200));
  const port = await tcp.listen(writer);
  await using reader = new Hypercore(null, writer.key);
  tcp.connect(port, reader);
  for (const name of ["first", "second"]) {
    await npm.open(name, { key: hexText(writer.key!) });
    await npm.connect(port, name);
  }
  await Promise.all([
    reader.download({ start: 0, end: 500 }).done(),
    npm.run("download", { name: "first", start: 0, end: 500 }),
    npm.run("download", { name: "second", start: 0, end: 500, linear: true }),
  ]);
  const hash = await npm.run("readHash", { name: "first", end: 500 });
  assert.equal(await npm.run("readHash", { name: "second", end: 500 }), hash);
  assert.equal(await hashOf(reader), hash);
});

Deno.test("one writer of npm's, three mixed readers that also serve each other: all get everything", async () => {
  await using npm = new NpmHypercore();
  await using tcp = new TcpReplication();
  const { key } = await npm.open("writer");
  await npm.append("writer", generatedBlocks(0, 500, 200));
  await npm.open("reader", { key });
  await using first = new Hypercore(null, hexBytes(key));
  await using second = new Hypercore(null, hexBytes(key));
  const port = await npm.listen("writer");
  tcp.connect(port, first);
  tcp.connect(await tcp.listen(first), second);
  await npm.connect(await tcp.listen(second), "reader");
  await Promise.all([
    first.download({ start: 0, end: 500 }).done(),
    second.download({ start: 0, end: 500 }).done(),
    npm.run("download", { name: "reader", start: 0, end: 500 }),
  ]);
  const hash = await npm.run("readHash", { name: "writer", end: 500 });
  assert.equal(await hashOf(first), hash);
  assert.equal(await hashOf(second), hash);
  assert.equal(await npm.run("readHash", { name: "reader", end: 500 }), hash);
});

Deno.test("HC-190 only the blocks asked for travel, in either direction", async () => {
  await using npm = new NpmHypercore();
  await using tcp = new TcpReplication();
  const { key } = await npm.open("theirs");
  await npm.append("theirs", generatedBlocks(0, 1000, 100));
  await using reader = new Hypercore(null, hexBytes(key));
  let downloads = 0;
  reader.on("download", () => downloads++);
  tcp.connect(await npm.listen("theirs"), reader);
  for (const index of [999, 0, 512, 511, 3]) {
    assert.equal(
      hexText((await reader.get(index))!),
      hexText(generatedBlocks(index, 1, 100)[0]!),
    );
  }
  assert.equal(downloads, 5);
  assert.equal(await reader.has(1), false);

  await using writer = new Hypercore();
  await writer.append(generatedBlocks(0, 1000, 100));
  await npm.open("ours", { key: hexText(writer.key!) });
  await npm.connect(await tcp.listen(writer), "ours");
  for (const index of [999, 0, 512, 511, 3]) await npm.get("ours", index);
  assert.equal((await npm.describe("ours")).downloads, 5);
});

Deno.test("a reader of ours that is killed half-way goes on from where it was", async () => {
  await using npm = new NpmHypercore();
  const { key } = await npm.open("writer");
  await npm.run("append", {
    name: "writer",
    generate: { start: 0, count: 20_000, byteLength: 100 },
  });
  const port = await npm.listen("writer");
  const folder = await Deno.makeTempDir();
  try {
    const child = new Deno.Command(Deno.execPath(), {
      args: [
        "run",
        "-A",
        new URL("../helpers/download_core.ts", import.meta.url).pathname,
        folder,
        key,
        `${port}`,
      ],
      stdout: "piped",
    }).spawn();
    const reports = child.stdout.pipeThrough(new TextDecoderStream())
      .getReader();
    while (
      !/\b[1-9]\d{3,}\n/.test((await reports.read()).value ?? "0000\n")
    ) { /* until a thousand blocks are there */ }
    child.kill("SIGKILL");
    await reports.cancel();
    await child.status;

    await using tcp = new TcpReplication();
    await using reader = new Hypercore(folder, hexBytes(key));
    await reader.ready();
    const kept = reader.contiguousLength;
    let downloads = 0;
    reader.on("download", () => downloads++);
    tcp.connect(port, reader);
    await reader.download({ start: 0, end: 20_000 }).done();
    assert.ok(kept >= 1000, `kept ${kept} blocks`);
    assert.ok(
      downloads <= 20_000 - kept,
      `fetched ${downloads} although ${kept} were there`,
    );
    assert.equal(
      await hashOf(reader),
      await npm.run("readHash", { name: "writer", end: 20_000 }),
    );
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("a reader of npm's that is killed half-way goes on from where it was, with what we serve", async () => {
  const folder = await Deno.makeTempDir();
  try {
    await using tcp = new TcpReplication();
    await using writer = new Hypercore();
    await writer.append(generatedBlocks(0, 5000, 100));
    const port = await tcp.listen(writer);
    const key = hexText(writer.key!);

    const first = new NpmHypercore({ folder });
    await first.open("reader", { key });
    await first.connect(port, "reader");
    // Never answered: the process ends before.
    first.run("download", { name: "reader", start: 0, end: 5000 }).catch(() => {});
    while ((await first.describe("reader")).downloads < 500) { /* until five hundred blocks are there */ }
    await first.kill();

    await using second = new NpmHypercore({ folder });
    await second.open("reader", { key });
    await second.connect(port, "reader");
    await second.run("download", { name: "reader", start: 0, end: 5000 });
    const { downloads } = await second.describe("reader");
    assert.ok(downloads > 0 && downloads <= 4600, `fetched ${downloads} of 5000`);
    assert.equal(await second.run("readHash", { name: "reader", end: 5000 }), await hashOf(writer));
  } finally {
    await Deno.remove(folder, { recursive: true }).catch((error) => {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // the second process's end removes it
    });
  }
});

Deno.test("100 000 small blocks, npm to us and us to npm", async () => {
  const count = 100_000;
  await using npm = new NpmHypercore();
  await using tcp = new TcpReplication();
  const { key } = await npm.open("theirs");
  await npm.run("append", {
    name: "theirs",
    generate: { start: 0, count, byteLength: 100 },
  });
  await using reader = new Hypercore(null, hexBytes(key));
  const socket = tcp.connect(await npm.listen("theirs"), reader);
  await reader.download({ start: 0, end: count }).done();
  const hash = await npm.run("readHash", { name: "theirs", end: count });
  assert.equal(await hashOf(reader), hash);
  socket.destroy();

  await npm.open("ours", { key });
  await npm.run("close", { name: "theirs" });
  await using other = new NpmHypercore();
  await other.open("copy", { key });
  await other.connect(await tcp.listen(reader), "copy");
  await other.run("download", { name: "copy", start: 0, end: count });
  assert.equal(await other.run("readHash", { name: "copy", end: count }), hash);
  assert.deepEqual((await other.describe("copy")).failures, []);
});

Deno.test("HC-103 HC-152 live tailing: we follow npm, and npm follows us", async () => {
  await using npm = new NpmHypercore();
  await using tcp = new TcpReplication();
  const { key } = await npm.open("theirs");
  await using reader = new Hypercore<string>(null, hexBytes(key), {
    valueEncoding: "utf-8",
  });
  tcp.connect(await npm.listen("theirs"), reader);
  const blocks = reader.createReadStream({ live: true })
    [Symbol.asyncIterator]();
  for (let i = 0; i < 20; i++) {
    const next = blocks.next();
    await npm.run("appendText", { name: "theirs", blocks: [`line ${i}`] });
    assert.equal((await next).value, `line ${i}`);
  }
  await blocks.return?.();

  await using writer = new Hypercore<string>({ valueEncoding: "utf-8" });
  await writer.ready();
  await npm.open("ours", { key: hexText(writer.key!) });
  await npm.connect(await tcp.listen(writer), "ours");
  for (let i = 0; i < 20; i++) {
    const next = npm.get("ours", i);
    await writer.append(`line ${i}`);
    assert.equal(utf8Text((await next)!), `line ${i}`);
  }
});

Deno.test("HC-121 an extension without an encoding has bytes behind their length, as npm's", async () => {
  await using core = new Hypercore();
  const { encoding } = core.registerExtension("any");
  assert.equal(hexText(encode(encoding, Uint8Array.of(1, 2))), "020102");
});

Deno.test("HC-121 extensions carry messages both ways", async () => {
  await using npm = new NpmHypercore();
  await using tcp = new TcpReplication();
  const { key } = await npm.open("theirs");
  await npm.run("extension", { name: "theirs", extension: "chat" });
  await using core = new Hypercore(null, hexBytes(key));
  const received = Promise.withResolvers<string>();
  const chat = core.registerExtension<string>("chat", {
    encoding: "utf-8",
    onmessage: (message) => received.resolve(message),
  });
  const met = new Promise((resolve) => core.once("peer-add", resolve));
  tcp.connect(await npm.listen("theirs"), core);
  await met;
  chat.broadcast("from us");
  assert.deepEqual(await npm.run("messages", { count: 1 }), [{
    extension: "chat",
    message: "from us",
  }]);
  await npm.run("broadcast", {
    name: "theirs",
    extension: "chat",
    message: "from npm",
  });
  assert.equal(await received.promise, "from npm");
});

Deno.test("HC-100 seek asks the other make where the bytes are", async () => {
  await using npm = new NpmHypercore();
  await using tcp = new TcpReplication();
  const { key } = await npm.open("theirs");
  await npm.append("theirs", generatedBlocks(0, 300, 1000));
  await using reader = new Hypercore(null, hexBytes(key));
  tcp.connect(await npm.listen("theirs"), reader);
  await reader.get(0);
  assert.deepEqual(await reader.seek(123_456), [123, 456]);

  await using writer = new Hypercore();
  await writer.append(generatedBlocks(0, 300, 1000));
  await npm.open("ours", { key: hexText(writer.key!) });
  await npm.connect(await tcp.listen(writer), "ours");
  await npm.get("ours", 0);
  assert.deepEqual(await npm.run("seek", { name: "ours", bytes: 123_456 }), [
    123,
    456,
  ]);
});

Deno.test("HC-096 HC-119 update() finds the other make's length without fetching a block", async () => {
  await using npm = new NpmHypercore();
  await using tcp = new TcpReplication();
  const { key } = await npm.open("theirs");
  await npm.append("theirs", generatedBlocks(0, 7, 10));
  await using reader = new Hypercore(null, hexBytes(key));
  const found = reader.findingPeers();
  tcp.connect(await npm.listen("theirs"), reader);
  reader.once("peer-add", found);
  assert.equal(await reader.update(), true);
  assert.equal(reader.length, 7);
  assert.equal(await reader.has(0), false);

  await using writer = new Hypercore();
  await writer.append(generatedBlocks(0, 7, 10));
  await npm.open("ours", { key: hexText(writer.key!) });
  await npm.connect(await tcp.listen(writer), "ours");
  assert.equal(await npm.run("update", { name: "ours", wait: true }), true);
  assert.equal((await npm.describe("ours")).length, 7);
});

async function hashOf(core: Hypercore): Promise<string> {
  const { createHash } = await import("node:crypto");
  const hash = createHash("sha256");
  for (let index = 0; index < core.length; index++) {
    hash.update((await core.get(index))!);
  }
  return hash.digest("hex");
}

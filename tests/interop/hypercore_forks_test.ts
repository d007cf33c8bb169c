/**
 * Cores that are cut, forked, encrypted, signed by several, cleared and scattered, with peers of both makes; and peers that
 * do not behave.
 *
 * @module
 */
import assert from "node:assert/strict";
import { connect, createServer, type Socket } from "node:net";
import type { AddressInfo } from "node:net";
import { hexBytes, hexText, SeededRandom } from "../../src/base/mod.ts";
import { sign, signKeyPair } from "../../src/crypto/mod.ts";
import { Hypercore, type HypercoreOptions } from "../../src/hypercore/mod.ts";
import { assembleMultiSignature } from "../../src/hypercore/log/mod.ts";
import { MemoryStorage, WriteBatch } from "../../src/storage/mod.ts";
import { generatedBlocks, NpmHypercore } from "../helpers/npm_hypercore.ts";
import { TcpReplication } from "../helpers/tcp.ts";

type Core = Hypercore<Uint8Array>;

function keyPair(
  seed: number,
): { ours: { publicKey: Uint8Array; secretKey: Uint8Array }; theirs: Record<string, string> } {
  const ours = signKeyPair(new Uint8Array(32).fill(seed));
  return {
    ours,
    theirs: { publicKey: `hex:${hexText(ours.publicKey)}`, secretKey: `hex:${hexText(ours.secretKey)}` },
  };
}

/** Resolves once `holds`, which is asked again after each change of the core. */
function until(core: Core, holds: () => boolean): Promise<void> {
  return new Promise((resolve) => {
    const check = (): void => {
      if (!holds()) return;
      core.off("append", check).off("truncate", check);
      resolve();
    };
    core.on("append", check).on("truncate", check);
    check();
  });
}

async function texts(core: Core, start: number, end: number): Promise<string[]> {
  const indexes = Array.from({ length: end - start }, (_, i) => start + i);
  return (await Promise.all(indexes.map((index) => core.get(index)))).map((block) => hexText(block!));
}

Deno.test("HC-083 HC-153 HC-191 a truncation of npm's is followed live by us and by npm", async () => {
  await using npm = new NpmHypercore();
  await using tcp = new TcpReplication();
  const { key } = await npm.open("writer");
  await npm.append("writer", generatedBlocks(0, 20, 40));
  await using ours: Core = new Hypercore(null, hexBytes(key));
  await npm.open("reader", { key });
  const port = await npm.listen("writer");
  tcp.connect(port, ours);
  await npm.connect(port, "reader");
  await ours.download({ start: 0, end: 20 }).done();
  await npm.run("download", { name: "reader", start: 0, end: 20 });
  const truncated = new Promise<[number, number]>((resolve) =>
    ours.once("truncate", (...args) => resolve(args))
  );
  await npm.run("truncate", { name: "writer", length: 8 });
  await npm.append("writer", generatedBlocks(100, 9, 40));
  assert.deepEqual(await truncated, [8, 1]);
  await until(ours, () => ours.length === 17);
  assert.deepEqual([ours.length, ours.fork], [17, 1]);
  assert.deepEqual(
    await texts(ours, 6, 17),
    [...generatedBlocks(6, 2, 40), ...generatedBlocks(100, 9, 40)].map(hexText),
  );
  await npm.run("waitHeard", { name: "reader", event: "truncate" });
  assert.equal(hexText((await npm.get("reader", 16))!), hexText(generatedBlocks(108, 1, 40)[0]!));
  assert.deepEqual((await npm.describe("reader")).failures, []);
});

Deno.test("HC-083 HC-153 HC-191 a truncation of ours is followed live by npm and by us", async () => {
  await using npm = new NpmHypercore();
  await using tcp = new TcpReplication();
  await using writer: Core = new Hypercore();
  await writer.append(generatedBlocks(0, 20, 40));
  await using reader: Core = new Hypercore(null, writer.key);
  await npm.open("reader", { key: hexText(writer.key!) });
  const port = await tcp.listen(writer);
  tcp.connect(port, reader);
  await npm.connect(port, "reader");
  await reader.download({ start: 0, end: 20 }).done();
  await npm.run("download", { name: "reader", start: 0, end: 20 });
  for (const [fork, length] of [[1, 11], [2, 3]] as const) {
    await writer.truncate(length);
    await writer.append(generatedBlocks(100 * fork, 6, 40));
    await until(reader, () => reader.fork === fork && reader.length === length + 6);
    await npm.run("waitFork", { name: "reader", fork, length: length + 6 });
    const last = hexText(generatedBlocks(100 * fork + 5, 1, 40)[0]!);
    assert.equal(hexText((await reader.get(length + 5))!), last);
    assert.equal(hexText((await npm.get("reader", length + 5))!), last);
    assert.equal(await npm.run("treeHash", { name: "reader" }), hexText(await writer.treeHash()));
  }
  assert.deepEqual((await npm.describe("reader")).failures, []);
});

const ENCRYPTION_KEY = new Uint8Array(32).fill(9);
const HEX_ENCRYPTION_KEY = `hex:${hexText(ENCRYPTION_KEY)}`;

for (const block of [false, true]) {
  for (const compat of [false, true]) {
    Deno.test(`HC-013 HC-014 HC-193 an encrypted core is read by the other make; block key ${block}, compat ${compat}`, async () => {
      await using npm = new NpmHypercore();
      await using tcp = new TcpReplication();
      const theirs = { encryption: { key: HEX_ENCRYPTION_KEY, block }, compat };
      const options: HypercoreOptions = { encryption: { key: ENCRYPTION_KEY, block }, compat };
      const { key } = await npm.open("theirs", theirs);
      await npm.append("theirs", generatedBlocks(0, 5, 50));
      await using reader: Core = new Hypercore(null, hexBytes(key), {
        encryption: { key: ENCRYPTION_KEY, block },
      });
      tcp.connect(await npm.listen("theirs"), reader);
      assert.deepEqual(await texts(reader, 0, 5), generatedBlocks(0, 5, 50).map(hexText));
      assert.deepEqual([reader.byteLength, reader.padding], [250, 8]);
      assert.deepEqual(await reader.seek(101), await npm.run("seek", { name: "theirs", bytes: 101 }));

      await using writer: Core = new Hypercore(options);
      await writer.append(generatedBlocks(0, 3, 50));
      await writer.truncate(2);
      await writer.append(generatedBlocks(7, 2, 50));
      // Compat: of a compat core, npm derives the keys only when it is told at once that it is one.
      await npm.open("ours", { key: hexText(writer.key!), ...theirs });
      await npm.connect(await tcp.listen(writer), "ours");
      for (const [index, value] of [[0, 0], [1, 1], [2, 7], [3, 8]] as const) {
        const expected = generatedBlocks(value, 1, 50)[0]!;
        assert.equal(hexText((await npm.get("ours", index))!), hexText(expected));
      }
      assert.equal((await npm.describe("ours")).byteLength, 200);
    });
  }
}

Deno.test("HC-052 HC-080 HC-179 HC-181 HC-187 a core of two signers is appended to by both makes, with patches allowed", async () => {
  const [a, b] = [keyPair(1), keyPair(2)];
  await using npm = new NpmHypercore();
  await using tcp = new TcpReplication();
  const rules = { version: 1, quorum: 2, allowPatch: true };
  const manifest = { ...rules, signers: [a, b].map(({ ours }) => ({ publicKey: ours.publicKey })) };
  const theirs = {
    ...rules,
    signers: [a, b].map(({ theirs }) => ({ publicKey: theirs.publicKey, signature: "ed25519" })),
  };
  await using ours: Core = new Hypercore({ manifest });
  await ours.ready();
  const { key } = await npm.open("theirs", { manifest: theirs });
  assert.equal(hexText(ours.key!), key);
  await npm.connect(await tcp.listen(ours), "theirs");
  for (const round of [0, 1, 2, 3]) {
    const blocks = generatedBlocks(10 * round, 1 + round, 30);
    const signable = await npm.run<string>("draft", {
      name: "theirs",
      branch: `r${round}`,
      blocks: blocks.map(hexText),
    });
    await using draft: Core = ours.session({ name: `r${round}` });
    await draft.append(blocks);
    assert.equal(hexText(await draft.signable(undefined, ours.fork)), signable);
    const signatures = [
      hexBytes(await npm.run("sign", { signable, keyPair: a.theirs })),
      sign(await draft.signable(undefined, ours.fork), b.ours.secretKey),
    ];
    const signature = assembleMultiSignature(
      signatures.map((signature, signer) => ({ signer, signature, patch: 0, nodes: null })),
    );
    if (round % 2 === 0) {
      await npm.run("commit", { name: "theirs", branch: `r${round}`, signature: hexText(signature) });
      await until(ours, () => ours.length === draft.length);
    } else {
      assert.deepEqual((await ours.commit(draft, { signature }))!.length, draft.length);
      await npm.run("waitLength", { name: "theirs", length: draft.length });
    }
    assert.equal(await npm.run("treeHash", { name: "theirs" }), hexText(await ours.treeHash()));
  }
  assert.equal(hexText((await npm.get("theirs", 9))!), hexText(generatedBlocks(33, 1, 30)[0]!));
  assert.equal(hexText((await ours.get(4))!), hexText(generatedBlocks(21, 1, 30)[0]!));
  assert.deepEqual((await npm.describe("theirs")).failures, []);
});

Deno.test("HC-159 HC-192 a core that its npm writer forked is refused by us as by npm", async () => {
  const { theirs } = keyPair(3);
  await using npm = new NpmHypercore();
  await using tcp = new TcpReplication();
  const { key } = await npm.open("one", { keyPair: theirs });
  await npm.open("two", { keyPair: theirs });
  await npm.append("one", [...generatedBlocks(0, 3, 30), ...generatedBlocks(10, 2, 30)]);
  await npm.append("two", [...generatedBlocks(0, 3, 30), ...generatedBlocks(20, 3, 30)]);
  const ours: Core = new Hypercore(null, hexBytes(key));
  const conflict = new Promise<unknown[]>((resolve) =>
    ours.on("conflict", (...args) => resolve(args.slice(0, 2)))
  );
  const closed = new Promise<void>((resolve) => ours.on("close", () => resolve()));
  tcp.connect(await npm.listen("one"), ours);
  assert.equal(await ours.download({ start: 0, end: 5 }).done(), true);
  tcp.connect(await npm.listen("two"), ours);
  ours.get(5).catch(() => {});
  assert.deepEqual(await conflict, [5, 0]);
  await closed;
  assert.equal(ours.closed, true);
});

Deno.test("HC-085 blocks cleared on either side are fetched again from the other", async () => {
  await using npm = new NpmHypercore();
  await using tcp = new TcpReplication();
  const { key } = await npm.open("theirs");
  await npm.append("theirs", generatedBlocks(0, 40, 60));
  await using ours: Core = new Hypercore(null, hexBytes(key));
  tcp.connect(await npm.listen("theirs"), ours);
  await ours.download({ start: 0, end: 40 }).done();
  assert.deepEqual(await ours.clear(5, 30, { diff: true }), { blocks: 25 });
  assert.deepEqual(await texts(ours, 5, 30), generatedBlocks(5, 25, 60).map(hexText));
  await npm.run("clear", { name: "theirs", start: 10, end: 20 });
  assert.equal(await npm.run("has", { name: "theirs", start: 12 }), false);
  assert.equal(hexText((await npm.get("theirs", 12))!), hexText(generatedBlocks(12, 1, 60)[0]!));
  assert.equal(await npm.run("download", { name: "theirs", start: 10, end: 20 }), true);
});

Deno.test("HC-190 HC-197 eight mixed peers with a random eighth each: readers of both makes get everything", async () => {
  const count = 400;
  await using npm = new NpmHypercore();
  await using tcp = new TcpReplication();
  const { key } = await npm.open("writer");
  await npm.append("writer", generatedBlocks(0, count, 100));
  const random = new SeededRandom(5);
  const parts: number[][] = Array.from({ length: 8 }, () => []);
  for (let index = 0; index < count; index++) parts[Math.floor(random.next() * 8)]!.push(index);
  const writerPort = await npm.listen("writer");
  await using stack = new AsyncDisposableStack();
  const ports: number[] = [];
  const npmNames: string[] = [];
  for (const [i, blocks] of parts.entries()) {
    if (i % 2 === 0) {
      const peer: Core = stack.use(new Hypercore(null, hexBytes(key)));
      tcp.connect(writerPort, peer);
      assert.equal(await peer.download({ blocks }).done(), true);
      ports.push(await tcp.listen(peer));
    } else {
      const name = `peer ${i}`;
      await npm.open(name, { key });
      await npm.connect(writerPort, name);
      await npm.run("download", { name, blocks });
      npmNames.push(name);
    }
  }
  await tcp.cut();
  await npm.run("disconnect");
  for (const name of npmNames) ports.push(await npm.listen(name));
  await using ours: Core = new Hypercore(null, hexBytes(key));
  await npm.open("reader", { key });
  for (const port of ports) {
    tcp.connect(port, ours);
    await npm.connect(port, "reader");
  }
  assert.equal(await ours.download({ start: 0, end: count }).done(), true);
  assert.equal(await npm.run("download", { name: "reader", start: 0, end: count }), true);
  assert.equal(hexText(await ours.treeHash()), await npm.run("treeHash", { name: "writer" }));
  assert.deepEqual((await npm.describe("reader")).failures, []);
  assert.deepEqual(tcp.errors, []);
});

/** A proxy to `port` on 127.0.0.1 that does as it likes with what the server sends. */
async function proxy(
  port: number,
  forward: (chunk: Uint8Array, client: Socket) => void,
): Promise<AsyncDisposable & { port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((client) => {
    const upstream = connect(port, "127.0.0.1");
    for (const socket of [client, upstream]) {
      sockets.add(socket);
      socket.on("error", () => {});
      socket.on("close", () => sockets.delete(socket));
    }
    client.on("data", (chunk) => upstream.write(chunk));
    client.on("close", () => upstream.destroy());
    upstream.on("data", (chunk) => forward(chunk as Uint8Array, client));
    upstream.on("close", () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    async [Symbol.asyncDispose](): Promise<void> {
      const closed = Array.from(sockets, (socket) =>
        new Promise<void>((resolve) => {
          socket.once("close", () => resolve());
          socket.destroy();
        }));
      await Promise.all([...closed, new Promise((resolve) => server.close(resolve))]);
    },
  };
}

Deno.test("HC-196 a peer that falls silent, and one that is slow, do not keep us from what a good one has", async () => {
  await using npm = new NpmHypercore();
  const { key } = await npm.open("writer");
  await npm.append("writer", generatedBlocks(0, 300, 200));
  const port = await npm.listen("writer");
  let received = 0;
  await using silent = await proxy(port, (chunk, client) => {
    received += chunk.byteLength;
    if (received < 6000) client.write(chunk);
  });
  const waiting: Uint8Array[] = [];
  await using slow = await proxy(port, (chunk, client) => {
    waiting.push(chunk);
    if (waiting.length === 1) setTimeout(() => waiting.splice(0).forEach((each) => client.write(each)), 20);
  });
  await using tcp = new TcpReplication();
  await using ours: Core = new Hypercore(null, hexBytes(key));
  tcp.connect(silent.port, ours);
  tcp.connect(slow.port, ours);
  await ours.update({ wait: true });
  const download = ours.download({ start: 0, end: 300 });
  tcp.connect(port, ours);
  assert.equal(await download.done(), true);
  assert.equal(ours.contiguousLength, 300);
});

Deno.test("HC-161 HC-198 a peer of npm's whose answers are wrong is cut off, and a good one asked instead", async () => {
  await using npm = new NpmHypercore();
  await using tcp = new TcpReplication();
  const { key } = await npm.open("writer");
  await npm.append("writer", generatedBlocks(0, 30, 40));
  await npm.open("liar", { key });
  await npm.connect(await npm.listen("writer"), "liar");
  await npm.run("download", { name: "liar", start: 0, end: 30 });
  await npm.run("tamper", { name: "liar", index: 17 });
  await npm.run("disconnect");
  await using ours: Core = new Hypercore(null, hexBytes(key));
  const wrong = new Promise<string>((resolve) => ours.on("verification-error", ({ code }) => resolve(code)));
  const gone = new Promise<void>((resolve) => ours.on("peer-remove", () => resolve()));
  tcp.connect(await npm.listen("liar"), ours);
  const download = ours.download({ start: 0, end: 30 });
  assert.equal(await wrong, "INVALID_CHECKSUM");
  await gone;
  tcp.connect(await npm.listen("writer"), ours);
  assert.equal(await download.done(), true);
  assert.deepEqual(await texts(ours, 16, 19), generatedBlocks(16, 3, 40).map(hexText));
});

Deno.test("HC-198 a peer of npm's that floods us with requests is cut off; others are served", async () => {
  await using npm = new NpmHypercore();
  await using tcp = new TcpReplication();
  await using writer: Core = new Hypercore();
  await writer.append(generatedBlocks(0, 200, 1000));
  const key = hexText(writer.key!);
  const port = await tcp.listen(writer);
  await npm.open("flooder", { key });
  await npm.connect(port, "flooder");
  await npm.run("get", { name: "flooder", index: 0 });
  const gone = new Promise<void>((resolve) => writer.on("peer-remove", () => resolve()));
  await npm.run("flood", { name: "flooder", count: 20_000 });
  await gone;
  await npm.open("reader", { key });
  await npm.connect(port, "reader");
  assert.equal(await npm.run("download", { name: "reader", start: 0, end: 200 }), true);
});

Deno.test("HC-033 HC-034 HC-124 pushed blocks are taken by the other make", async () => {
  await using npm = new NpmHypercore();
  await using tcp = new TcpReplication();
  await using writer: Core = new Hypercore();
  await writer.append(generatedBlocks(0, 4, 40));
  await npm.open("reader", { key: hexText(writer.key!), allowPush: true, pushOnly: true });
  await npm.connect(await tcp.listen(writer), "reader");
  await new Promise<void>((resolve) => {
    const check = (): void => {
      if (writer.peers[0]?.remoteAllowPush) resolve();
      else setTimeout(check, 5);
    };
    check();
  });
  writer.core!.replicator.push(2);
  writer.core!.replicator.push(1);
  await npm.run("waitDownloads", { name: "reader", count: 2 });
  assert.deepEqual(
    await Promise.all([0, 1, 2, 3].map((start) => npm.run("has", { name: "reader", start }))),
    [false, true, true, false],
  );

  const { key } = await npm.open("theirs");
  await npm.append("theirs", generatedBlocks(0, 4, 40));
  await using reader: Core = new Hypercore(null, hexBytes(key), { allowPush: true, pushOnly: true });
  const downloads: number[] = [];
  const both = new Promise<void>((resolve) =>
    reader.on("download", (index) => {
      if (downloads.push(index) === 2) resolve();
    })
  );
  tcp.connect(await npm.listen("theirs"), reader);
  await npm.run("waitAllowPush", { name: "theirs" });
  await npm.run("push", { name: "theirs", index: 3 });
  await npm.run("push", { name: "theirs", index: 0 });
  await both;
  assert.deepEqual(downloads.toSorted(), [0, 3]);
  assert.equal(reader.length, 4);
  assert.equal(reader.replicator!.stats.wireRequest.tx, 0);
});

Deno.test("HC-141 HC-182 HC-186 static cores pass both ways", async () => {
  await using npm = new NpmHypercore();
  await using tcp = new TcpReplication();
  await using source: Core = new Hypercore();
  await source.append(generatedBlocks(0, 13, 40));
  const hash = await source.treeHash(11);
  await using ours: Core = new Hypercore({ manifest: { quorum: 0, prologue: { hash, length: 11 } } });
  await ours.ready();
  await ours.core!.copyPrologue(source.state!);
  const prologue = { hash: `hex:${hexText(hash)}`, length: 11 };
  await npm.open("source");
  await npm.append("source", generatedBlocks(0, 12, 40));
  const { key } = await npm.open("static", { manifest: { quorum: 0, signers: [], prologue } });
  assert.equal(hexText(ours.key!), key);
  await npm.open("reader", { key });
  await npm.connect(await tcp.listen(ours), "reader");
  assert.equal(hexText((await npm.get("reader", 10))!), hexText(generatedBlocks(10, 1, 40)[0]!));
  assert.equal((await npm.describe("reader")).length, 11);
  await npm.run("copyPrologue", { name: "static", from: "source" });
  await using reader: Core = new Hypercore(null, hexBytes(key));
  tcp.connect(await npm.listen("static"), reader);
  assert.equal(hexText((await reader.get(4))!), hexText(generatedBlocks(4, 1, 40)[0]!));
  assert.deepEqual([reader.length, reader.state!.signature], [11, null]);
});

Deno.test("HC-143 a proof of npm's for lost roots restores ours", async () => {
  const { ours: pair, theirs } = keyPair(6);
  await using npm = new NpmHypercore();
  await npm.open("whole", { keyPair: theirs, compat: true });
  await npm.append("whole", generatedBlocks(0, 5, 30));
  const storage = new MemoryStorage();
  await using holder = new Hypercore(storage, { keyPair: signKeyPair(new Uint8Array(32).fill(7)) });
  await holder.ready();
  const core: Core = new Hypercore(storage, pair.publicKey, { keyPair: pair, compat: true });
  await core.append(generatedBlocks(0, 5, 30));
  const { key } = core;
  await core.close();
  const batch = new WriteBatch();
  batch.deleteRow("node", 2, 3);
  await storage.write(batch);
  await using broken: Core = new Hypercore(storage, key, {});
  await broken.ready();
  assert.equal(broken.core!.log.isBroken, true);
  const proof = await npm.run<string>("remoteProof", { name: "whole", treeIndex: 3 });
  assert.equal(await broken.recoverFromRemoteProof(hexBytes(proof)), true);
  assert.equal(hexText(await broken.treeHash()), await npm.run("treeHash", { name: "whole" }));
});

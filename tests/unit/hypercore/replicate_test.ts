/**
 * Two of our cores through memory: what the class adds to replication.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Hypercore, HypercoreError } from "../../../src/hypercore/mod.ts";
import { MemoryStorage } from "../../../src/storage/mod.ts";
import { MemoryReplication } from "../../helpers/memory_replication.ts";

async function writerOf(count: number): Promise<Hypercore<string>> {
  const core = new Hypercore<string>({ valueEncoding: "utf-8" });
  await core.ready();
  if (count > 0) await core.append(Array.from({ length: count }, (_, i) => `block ${i}`));
  return core;
}

function readerOf(writer: Hypercore<string>): Hypercore<string> {
  return new Hypercore<string>(null, writer.key, { valueEncoding: "utf-8" });
}

Deno.test("HC-116 get() fetches from the peer, and every event tells of it", async () => {
  await using writer = await writerOf(3);
  await using reader = readerOf(writer);
  const events: string[] = [];
  reader.on("peer-add", () => events.push("peer-add"));
  reader.on("append", () => events.push(`append ${reader.length}`));
  reader.on("download", (index, byteLength) => events.push(`download ${index} ${byteLength}`));
  const uploads: number[] = [];
  writer.on("upload", (index) => uploads.push(index));
  await using _ = new MemoryReplication(reader, writer);
  assert.equal(await reader.get(1), "block 1");
  assert.deepEqual(events, ["peer-add", "append 3", "download 1 7"]);
  assert.deepEqual(uploads, [1]);
  assert.equal(reader.peers.length, 1);
  assert.equal(await reader.has(0), false);
});

Deno.test("HC-154 peer-remove when the connection is cut", async () => {
  await using writer = await writerOf(1);
  await using reader = readerOf(writer);
  const removed = Promise.withResolvers<void>();
  reader.on("peer-remove", () => removed.resolve());
  {
    await using _ = new MemoryReplication(reader, writer);
    await reader.get(0);
  }
  await removed.promise;
  assert.equal(reader.peers.length, 0);
});

Deno.test("HC-107 HC-112 download() of a range resolves once it is here", async () => {
  await using writer = await writerOf(50);
  await using reader = readerOf(writer);
  await using _ = new MemoryReplication(reader, writer);
  assert.equal(await reader.download({ start: 10, end: 20 }).done(), true);
  assert.equal(await reader.has(10, 20), true);
  assert.equal(await reader.has(9), false);
  assert.equal(await reader.has(20), false);
});

Deno.test("HC-108 HC-110 download() of a list, and by length", async () => {
  await using writer = await writerOf(50);
  await using reader = readerOf(writer);
  await using _ = new MemoryReplication(reader, writer);
  await reader.download({ blocks: [3, 30, 44] }).done();
  assert.deepEqual(await Promise.all([3, 30, 44, 4].map((index) => reader.has(index))), [
    true,
    true,
    true,
    false,
  ]);
  await reader.download({ start: 5, length: 2 }).done();
  assert.equal(await reader.has(5, 7), true);
});

Deno.test("HC-109 a linear download comes in order", async () => {
  await using writer = await writerOf(200);
  await using reader = readerOf(writer);
  const order: number[] = [];
  reader.on("download", (index) => order.push(index));
  await using _ = new MemoryReplication(reader, writer);
  await reader.download({ start: 0, end: 200, linear: true }).done();
  assert.deepEqual(order, Array.from({ length: 200 }, (_, i) => i));
});

Deno.test("HC-107 a download without an end follows the log", async () => {
  await using writer = await writerOf(5);
  await using reader = readerOf(writer);
  await using _ = new MemoryReplication(reader, writer);
  const download = reader.download();
  const held = (length: number): Promise<void> =>
    new Promise((resolve) => {
      const check = (): void => {
        if (reader.contiguousLength < length) return;
        reader.off("download", check);
        resolve();
      };
      reader.on("download", check);
      check();
    });
  await held(5);
  await writer.append(["x", "y"]);
  await held(7);
  assert.equal(reader.contiguousLength, 7);
  download.destroy();
  assert.equal(await download.done(), false);
});

Deno.test("HC-113 a destroyed or aborted download resolves to false", async () => {
  await using writer = await writerOf(1);
  await using reader = readerOf(writer);
  const destroyed = reader.download({ start: 0, end: 10 });
  await destroyed.ready();
  destroyed.destroy();
  assert.equal(await destroyed.done(), false);
  const controller = new AbortController();
  const aborted = reader.download({ start: 0, end: 10, signal: controller.signal });
  await aborted.ready();
  controller.abort();
  assert.equal(await aborted.done(), false);
});

Deno.test("HC-064 HC-157 the peer's contiguous length becomes known", async () => {
  await using writer = await writerOf(8);
  await using reader = readerOf(writer);
  const heard = Promise.withResolvers<number>();
  reader.on("remote-contiguous-length", (length) => heard.resolve(length));
  await using _ = new MemoryReplication(reader, writer);
  assert.equal(await heard.promise, 8);
  await reader.get(0);
  assert.equal(reader.remoteContiguousLength, 8);
});

Deno.test("HC-118 replicating over the same muxer twice changes nothing", async () => {
  await using writer = await writerOf(1);
  await using reader = readerOf(writer);
  await using _ = new MemoryReplication(reader, writer);
  await reader.get(0);
  const [peer] = reader.peers;
  reader.replicate(peer!.protomux);
  assert.equal(reader.peers.length, 1);
});

Deno.test("several cores replicate over one stream", async () => {
  await using first = await writerOf(2);
  await using second = await writerOf(3);
  await using firstReader = readerOf(first);
  await using secondReader = readerOf(second);
  const left = first.replicate(true, { keepAlive: false });
  const right = firstReader.replicate(false, { keepAlive: false });
  second.replicate(left);
  secondReader.replicate(right);
  left.pipe(right).pipe(left);
  assert.equal(await secondReader.get(2), "block 2");
  assert.equal(await firstReader.get(1), "block 1");
  const closed = [left, right].map((stream) =>
    new Promise((resolve) => stream.noiseStream.on("close", () => resolve(0)))
  );
  left.noiseStream.destroy();
  await Promise.all(closed);
});

Deno.test("HC-169 HC-167 createProtocolStream() tells of logs nobody here has", async () => {
  await using writer = await writerOf(1);
  const asked = Promise.withResolvers<Uint8Array>();
  const stream = Hypercore.createProtocolStream(false, {
    keepAlive: false,
    ondiscoverykey: (discoveryKey) => asked.resolve(discoveryKey),
  });
  const other = writer.replicate(true, { keepAlive: false });
  stream.pipe(other).pipe(stream);
  assert.deepEqual(await asked.promise, writer.discoveryKey);
  assert.equal(Hypercore.getProtocolMuxer(stream).stream, stream.noiseStream);
  const closed = [stream, other].map(({ noiseStream }) =>
    new Promise((resolve) => noiseStream.on("close", () => resolve(0)))
  );
  stream.noiseStream.destroy();
  await Promise.all(closed);
});

Deno.test("replicate() over a stream that is not a secret stream is refused", async () => {
  await using core = new Hypercore();
  const isBadArgument = (error: unknown): boolean =>
    error instanceof HypercoreError && error.code === "BAD_ARGUMENT";
  assert.throws(() => core.replicate({ noiseStream: null } as never), isBadArgument);
});

Deno.test("HC-120 an inactive session does not ask for a longer log", async () => {
  await using writer = await writerOf(1);
  await using reader = readerOf(writer);
  await reader.ready();
  reader.setActive(false);
  reader.setActive(false);
  reader.setActive(true);
  await using _ = new MemoryReplication(reader, writer);
  assert.equal(await reader.get(0), "block 0");
});

Deno.test("HC-121 an extension is heard until it is destroyed", async () => {
  await using writer = await writerOf(0);
  await using reader = readerOf(writer);
  const heard: string[] = [];
  const twice = Promise.withResolvers<void>();
  const listening = writer.registerExtension<string>("chat", {
    encoding: "utf-8",
    onmessage: (message) => {
      heard.push(message);
      if (heard.length === 2) twice.resolve();
    },
  });
  const met = new Promise((resolve) => reader.once("peer-add", resolve));
  await using _ = new MemoryReplication(reader, writer);
  await met;
  const speaking = reader.registerExtension<string>("chat", { encoding: "utf-8" });
  speaking.broadcast("one");
  speaking.send("two", reader.peers[0]!);
  await twice.promise;
  listening.destroy();
  speaking.broadcast("unheard");
  await writer.append("end");
  assert.equal(await reader.get(0), "end");
  assert.deepEqual(heard, ["one", "two"]);
});

/** A storage whose syncs wait while its gate is shut. */
class GatedSyncs extends MemoryStorage {
  gate: PromiseWithResolvers<void> | null = null;

  override async sync(): Promise<void> {
    await super.sync();
    await this.gate?.promise;
  }
}

Deno.test("requests for what was cut off wait until peers may be told of the cut, and count against nobody", async () => {
  const storage = new GatedSyncs();
  await using writer = new Hypercore<string>(storage, { valueEncoding: "utf-8" });
  await writer.append(Array.from({ length: 60 }, (_, i) => `block ${i}`));
  await using reader = readerOf(writer);
  await using _ = new MemoryReplication(reader, writer);
  await reader.update({ wait: true });
  assert.equal(reader.length, 60);
  storage.gate = Promise.withResolvers();
  await writer.truncate(10);
  await writer.append("on the new fork");
  const asked = new Promise<void>((resolve) => {
    const check = () => reader.peers[0]!.stats.wireRequest.tx >= 10 ? resolve() : setTimeout(check, 0);
    check();
  });
  const download = reader.download({ start: 0, end: -1 });
  await asked;
  assert.deepEqual([reader.fork, reader.peers[0]!.stats.notAvailableBackoffs], [0, 0]);
  const followed = new Promise((resolve) => reader.once("truncate", resolve));
  storage.gate.resolve();
  storage.gate = null;
  await followed;
  assert.equal(await reader.get(10), "on the new fork");
  assert.deepEqual([reader.fork, reader.length, reader.peers[0]!.paused], [1, 11, false]);
  download.destroy();
});

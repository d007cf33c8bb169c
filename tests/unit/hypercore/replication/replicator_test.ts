import { strict as assert } from "node:assert";
import { SeededRandom, utf8Bytes, utf8Text } from "../../../../src/base/mod.ts";
import type { HypercoreError } from "../../../../src/hypercore/errors.ts";
import { CoreStore, Log, type LogChange } from "../../../../src/hypercore/log/mod.ts";
import {
  type Peer,
  type ReplicatedLog,
  Replicator,
  type ReplicatorOptions,
  type RequestList,
} from "../../../../src/hypercore/replication/mod.ts";
import { type FramedStream, Protomux } from "../../../../src/protomux/mod.ts";
import { SecretStream } from "../../../../src/secret_stream/mod.ts";
import { MemoryStorage } from "../../../../src/storage/mod.ts";
import { memoryPair } from "../../../helpers/memory_pair.ts";
import { VirtualClock } from "../../../helpers/virtual_clock.ts";
import { disguised } from "../../../sim/hypercore_replication_network.ts";

async function openLog(key?: Uint8Array): Promise<Log> {
  const store = new CoreStore(new MemoryStorage());
  await store.open();
  return await Log.open(store, key === undefined ? {} : { key });
}

async function writtenLog(count = 3): Promise<Log> {
  const log = await openLog();
  await log.append(Array.from({ length: count }, (_, i) => utf8Bytes(`block ${i}`)));
  await log.publish();
  return log;
}

/** Two muxers on one encrypted connection. */
function muxPair(): { left: Protomux; right: Protomux; [Symbol.asyncDispose](): Promise<void> } {
  const [leftEnd, rightEnd] = memoryPair();
  const streams = [new SecretStream(true, leftEnd), new SecretStream(false, rightEnd)];
  const [left, right] = streams.map((stream) => Protomux.from(stream as unknown as FramedStream));
  const closed = streams.map((stream) => new Promise<void>((resolve) => stream.on("close", () => resolve())));
  return {
    left: left!,
    right: right!,
    async [Symbol.asyncDispose]() {
      for (const stream of streams) stream.destroy();
      await Promise.all(closed);
    },
  };
}

function active(log: ReplicatedLog, options: ReplicatorOptions = {}): Replicator {
  const replicator = new Replicator(log, {
    random: new SeededRandom(1),
    clock: new VirtualClock(),
    ...options,
  });
  replicator.updateActivity(1);
  return replicator;
}

function once<Args extends unknown[]>(
  emitter: { once(event: never, listener: (...args: Args) => void): unknown },
  event: string,
): Promise<Args> {
  return new Promise((resolve) => emitter.once(event as never, (...args: Args) => resolve(args)));
}

/** Lets everything that can happen in memory happen. */
async function settle(): Promise<void> {
  for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve));
}

Deno.test("HC-090 HC-107 HC-155 HC-156 blocks reach a reader over an encrypted stream", async () => {
  await using muxes = muxPair();
  const source = await writtenLog();
  const reader = await openLog(source.key);
  await using sender = active(source);
  await using receiver = active(reader);
  const uploads: unknown[][] = [];
  const downloads: unknown[][] = [];
  sender.on("upload", (...args) => uploads.push(args));
  receiver.on("download", (...args) => downloads.push(args));
  sender.attachTo(muxes.left);
  receiver.attachTo(muxes.right);
  assert.equal(utf8Text(await receiver.addBlock([], 1).promise), "block 1");
  assert.equal(await receiver.addRange([], { start: 0, end: 3 }).promise, true);
  assert.deepEqual(downloads.map(([index, byteLength]) => [index, byteLength]).sort(), [[0, 7], [1, 7], [
    2,
    7,
  ]]);
  assert.deepEqual(uploads.map(([index, byteLength]) => [index, byteLength]).sort(), [[0, 7], [1, 7], [
    2,
    7,
  ]]);
  assert.deepEqual(downloads.map(([, , peer]) => peer), [1, 2, 3].map(() => receiver.peers[0]));
  assert.deepEqual(await receiver.addSeek([], 8).promise, [1, 1]);
  assert.equal(await receiver.addUpgrade([]).promise, false);
});

Deno.test("HC-069 a peer shows what is known of it", async () => {
  await using muxes = muxPair();
  const source = await writtenLog();
  await using sender = active(source);
  await using receiver = active(await openLog(source.key));
  sender.attachTo(muxes.left);
  receiver.attachTo(muxes.right);
  await receiver.addRange([], { blocks: [2] }).promise;
  await settle();
  const [peer] = receiver.peers;
  assert.ok(peer);
  assert.deepEqual(
    {
      remoteLength: peer.remoteLength,
      remoteContiguousLength: peer.remoteContiguousLength,
      remoteFork: peer.remoteFork,
      remoteCanUpgrade: peer.remoteCanUpgrade,
      remoteUploading: peer.remoteUploading,
      remoteDownloading: peer.remoteDownloading,
      remoteHasManifest: peer.remoteHasManifest,
      remoteAllowPush: peer.remoteAllowPush,
      remoteSupportsSeeks: peer.remoteSupportsSeeks,
      remoteOpened: peer.remoteOpened,
      remoteSynced: peer.remoteSynced,
      lengthAcked: peer.lengthAcked,
      canUpgrade: peer.canUpgrade,
      inflight: peer.inflight,
      maxInflight: peer.getMaxInflight(),
      isActive: peer.isActive(),
      paused: peer.paused,
      removed: peer.removed,
    },
    {
      remoteLength: 3,
      remoteContiguousLength: 3,
      remoteFork: 0,
      remoteCanUpgrade: true,
      remoteUploading: true,
      remoteDownloading: true,
      remoteHasManifest: true,
      remoteAllowPush: false,
      remoteSupportsSeeks: true,
      remoteOpened: true,
      remoteSynced: true,
      lengthAcked: 0,
      canUpgrade: false,
      inflight: 0,
      maxInflight: 48,
      isActive: true,
      paused: false,
      removed: false,
    },
  );
  assert.equal(peer.remoteBitfield.get(2), true);
  assert.equal(peer.remotePublicKey?.byteLength, 32);
  assert.equal(peer.protomux, muxes.right);
  assert.equal(peer.stream, muxes.right.stream);
  assert.equal(peer.channel.userData, peer);
  assert.equal(peer.stats.wireRequest.tx, receiver.stats.wireRequest.tx);
  assert.equal(sender.peers[0]?.stats.wireRequest.rx, receiver.stats.wireRequest.tx);
});

Deno.test("HC-154 peers come and go with their channels", async () => {
  await using muxes = muxPair();
  const source = await writtenLog();
  await using sender = active(source);
  const receiver = active(await openLog(source.key));
  const added = once<[Peer]>(sender, "peer-add");
  sender.attachTo(muxes.left);
  receiver.attachTo(muxes.right);
  const [peer] = await added;
  assert.deepEqual(sender.peers, [peer]);
  const removed = once<[Peer]>(sender, "peer-remove");
  await receiver.close();
  assert.deepEqual(await removed, [peer]);
  assert.deepEqual(sender.peers, []);
  assert.equal(peer.removed, true);
});

Deno.test("HC-189 a remote that does not know the key gets no channel, and is told by a typed error", async () => {
  await using muxes = muxPair();
  const source = await writtenLog();
  const impostor = disguised(await openLog(), { discoveryKey: source.discoveryKey });
  await using sender = active(source);
  await using receiver = active(impostor);
  const errors = Promise.all([once<[HypercoreError]>(sender, "peer-error"), once(receiver, "peer-error")]);
  sender.attachTo(muxes.left);
  receiver.attachTo(muxes.right);
  const [[error]] = await errors;
  assert.equal(error.code, "INVALID_CAPABILITY");
  await settle();
  assert.deepEqual([sender.peers, receiver.peers], [[], []]);
  assert.equal(muxes.left.stream.destroyed, false);
  receiver.setDownloading(false);
  receiver.setDownloading(true);
  await settle();
  assert.equal(muxes.left.opened({ protocol: "hypercore/alpha", id: source.discoveryKey }), false);
});

Deno.test("HC-192 a remote with a false proof is cut off with a typed error and not let in again", async () => {
  await using muxes = muxPair();
  const source = await writtenLog();
  const reader = await openLog(source.key);
  const liar = disguised(source, {
    prove: async (requests) => {
      const results = await source.prove(requests);
      for (const result of results) {
        if (result.kind === "proof" && result.proof.block) result.proof.block.value!.fill(0);
      }
      return results;
    },
  });
  await using sender = active(liar);
  await using receiver = active(reader);
  const failed = once<[HypercoreError, unknown, unknown, Peer]>(receiver, "verification-error");
  const cutOff = once<[HypercoreError]>(receiver, "peer-error");
  sender.attachTo(muxes.left);
  receiver.attachTo(muxes.right);
  await receiver.addUpgrade([]).promise;
  receiver.addBlock([], 1);
  const [error, , , peer] = await failed;
  assert.equal(error.code, "INVALID_CHECKSUM");
  assert.deepEqual(await cutOff, [error, muxes.right.stream]);
  assert.equal(peer.stats.invalidData, 1);
  await settle();
  assert.deepEqual([receiver.peers, sender.peers], [[], []]);
  assert.equal(reader.bitfield.isEmpty, true);
  sender.setDownloading(false);
  sender.setDownloading(true);
  await settle();
  assert.deepEqual(receiver.peers, []);
});

Deno.test("a log that is attached later meets the channel that its remote has opened", async () => {
  await using muxes = muxPair();
  const source = await writtenLog();
  await using sender = active(source);
  await using receiver = active(await openLog(source.key));
  receiver.attachTo(muxes.right);
  const block = receiver.addBlock([], 0).promise;
  await settle();
  assert.deepEqual(receiver.peers, []);
  sender.attachTo(muxes.left);
  await settle();
  // The first channel was rejected, there being no log; the sender's own brings the two together.
  assert.equal(utf8Text(await block), "block 0");
});

Deno.test("HC-118 a muxer is attached once, until it is detached or its stream closes", async () => {
  const muxes = muxPair();
  const source = await writtenLog();
  await using sender = active(source);
  assert.equal(sender.hasAttached(), false);
  sender.attachTo(muxes.left);
  sender.attachTo(muxes.left);
  assert.equal(sender.attached(muxes.left), true);
  sender.detachFrom(muxes.left);
  assert.deepEqual([sender.attached(muxes.left), sender.hasAttached()], [false, false]);
  sender.attachTo(muxes.left);
  await muxes[Symbol.asyncDispose]();
  assert.equal(sender.hasAttached(), false);
});

Deno.test("HC-024 a channel that idles is closed, and opened again for new work", async () => {
  await using muxes = muxPair();
  const source = await writtenLog();
  const options = { notDownloadingLinger: 0 };
  await using sender = new Replicator(source, { ...options, clock: new VirtualClock() });
  await using receiver = active(await openLog(source.key), options);
  await settle();
  let reopened = 0;
  receiver.ondownloading = () => reopened++;
  sender.attachTo(muxes.left);
  receiver.attachTo(muxes.right);
  await receiver.addRange([], { blocks: [0] }).promise;
  receiver.updateActivity(-1);
  await settle();
  assert.deepEqual([sender.peers, receiver.peers], [[], []]);
  const block = receiver.addBlock([], 1).promise;
  receiver.updateActivity(1);
  assert.equal(utf8Text(await block), "block 1");
  assert.equal(reopened, 1);
});

/** Answers nothing. */
function silent(log: Log): ReplicatedLog {
  return disguised(log, { prove: () => new Promise(() => {}) });
}

Deno.test("HC-024 a channel that a downloading remote closes is opened again for what is waited for", async () => {
  await using muxes = muxPair();
  const source = await writtenLog();
  await using receiver = active(await openLog(source.key));
  await using serving = active(source);
  const closing = active(silent(source));
  closing.attachTo(muxes.left);
  receiver.attachTo(muxes.right);
  const block = receiver.addBlock([], 1).promise;
  await settle();
  assert.deepEqual([receiver.peers[0]?.remoteDownloading, receiver.peers[0]?.inflight], [true, 1]);
  await closing.close();
  // As a store does, whose core is loaded when a peer asks for it.
  muxes.left.pair({ protocol: "hypercore/alpha" }, () => serving.attachTo(muxes.left));
  assert.equal(utf8Text(await block), "block 1");
});

Deno.test("HC-024 a channel that a remote closes again and again is opened 8 times, and not without need", async () => {
  for (const [isAwaited, count] of [[true, 8], [false, 0]] as const) {
    await using muxes = muxPair();
    const source = await writtenLog();
    const receiver = active(await openLog(source.key));
    let openedCount = 0;
    const list: RequestList = [];
    const open = (): void => {
      const sender = active(silent(source));
      sender.on("peer-add", () => setImmediate(() => sender.close()));
      sender.attachTo(muxes.left);
    };
    muxes.left.pair({ protocol: "hypercore/alpha" }, () => {
      openedCount++;
      open();
    });
    const waiting = isAwaited ? receiver.addBlock(list, 1).promise : null;
    open();
    receiver.attachTo(muxes.right);
    for (let turn = 0; turn < 20; turn++) await settle();
    assert.equal(openedCount, count);
    receiver.clearRequests(list);
    if (waiting !== null) await assert.rejects(waiting);
    await receiver.close();
  }
});

Deno.test("HC-121 messages of extensions reach the other side", async () => {
  await using muxes = muxPair();
  const source = await writtenLog();
  await using sender = active(source);
  await using receiver = active(await openLog(source.key));
  const heard: [string, string][] = [];
  receiver.on("extension", (name, message, peer) => {
    heard.push([name, utf8Text(message)]);
    assert.equal(peer, receiver.peers[0]);
  });
  const added = once<[Peer]>(sender, "peer-add");
  sender.attachTo(muxes.left);
  receiver.attachTo(muxes.right);
  const [peer] = await added;
  for (const text of ["one", "two"]) peer.extension("greet", utf8Bytes(text));
  await settle();
  assert.deepEqual(heard, [["greet", "one"], ["greet", "two"]]);
});

Deno.test("HC-122 HC-175 requests leave their list when they settle, and are given up with it", async () => {
  const replicator = active(await openLog((await writtenLog()).key));
  const list: RequestList = [];
  const block = replicator.addBlock(list, 5);
  const range = replicator.addRange(list, { start: 0, end: 4 });
  const seek = replicator.addSeek(list, 100);
  const other = replicator.addBlock(list, 6);
  assert.equal(list.length, 4);
  const rejected = [
    assert.rejects(block.promise, { code: "REQUEST_CANCELLED" }),
    assert.rejects(seek.promise, { message: "closing" }),
    assert.rejects(other.promise, { message: "closing" }),
  ];
  block.cancel();
  block.cancel();
  assert.equal(list.length, 3);
  replicator.clearRequests(list, new Error("closing"));
  assert.equal(list.length, 0);
  await Promise.all(rejected);
  assert.equal(await range.promise, false);
  replicator.destroy();
});

Deno.test("HC-020 HC-200 a request with a timeout ends with REQUEST_TIMEOUT, an upgrade with false", async () => {
  const clock = new VirtualClock();
  const replicator = active(await openLog((await writtenLog()).key), { clock });
  replicator.findingPeers = 1;
  const block = replicator.addBlock([], 5);
  const upgrade = replicator.addUpgrade([]);
  const rejected = assert.rejects(block.promise, { code: "REQUEST_TIMEOUT" });
  block.setTimeout(50);
  block.setTimeout(100);
  upgrade.setTimeout(100);
  clock.advance(99);
  assert.equal(clock.pendingCount, 2);
  clock.advance(1);
  await rejected;
  assert.equal(await upgrade.promise, false);
  replicator.destroy();
});

Deno.test("HC-199 a block of a fixed state ends when the log is cut below it, one past the end goes on", async () => {
  const source = await writtenLog(5);
  const listeners: ((change: LogChange) => void)[] = [];
  const log = disguised(source, {
    subscribe: (listener) => {
      listeners.push(listener);
      return () => {};
    },
  });
  const replicator = active(log);
  const list: RequestList = [];
  const [kept, cut, beyond] = [1, 4, 7].map((index) => replicator.addBlock(list, index, true));
  assert.deepEqual([kept!.snapshot, cut!.snapshot, beyond!.snapshot], [true, true, false]);
  const rejected = assert.rejects(cut!.promise, { code: "SNAPSHOT_NOT_AVAILABLE" });
  listeners[0]!({ kind: "truncate", length: 3, fork: 1, previousLength: 5 });
  await rejected;
  assert.deepEqual(new Set(list), new Set([kept, beyond]));
  const ended = [kept!, beyond!].map(({ promise }) => assert.rejects(promise));
  replicator.clearRequests(list);
  await Promise.all(ended);
  replicator.destroy();
});

Deno.test("addBlock() refuses what is not an index", async () => {
  const replicator = active(await writtenLog());
  for (const index of [-1, 0.5, NaN, 2 ** 53]) {
    assert.throws(() => replicator.addBlock([], index), RangeError);
  }
  replicator.destroy();
});

Deno.test("a log that cannot be written is reported, and its peers are not asked any more", async () => {
  await using muxes = muxPair();
  const source = await writtenLog();
  const broken = disguised(await openLog(source.key), {
    verify: () => Promise.reject(new Error("disk full")),
  });
  await using sender = active(source);
  await using receiver = active(broken);
  const reported = once<[Error]>(receiver, "error");
  sender.attachTo(muxes.left);
  receiver.attachTo(muxes.right);
  const [error] = await reported;
  assert.equal(error.message, "disk full");
  assert.equal(receiver.peers[0]?.paused, true);
});

Deno.test("destroy() leaves no timer and no listener behind", async () => {
  await using muxes = muxPair();
  const source = await writtenLog();
  const clock = new VirtualClock();
  const replicator = active(source, { clock });
  replicator.attachTo(muxes.left);
  replicator.updateActivity(-1);
  await settle();
  assert.equal(clock.pendingCount, 1);
  replicator.destroy();
  replicator.destroy();
  assert.equal(clock.pendingCount, 0);
  assert.equal(replicator.destroyed, true);
  replicator.attachTo(muxes.left);
  assert.equal(replicator.hasAttached(), false);
  await source.append([utf8Bytes("more")]);
});

Deno.test("HC-123 HC-124 settings can be changed while the log is open", async () => {
  const replicator = active(await writtenLog(), { allowPush: true, inflightRange: [2, 4] });
  assert.deepEqual(
    [replicator.allowPush, replicator.pushOnly, replicator.inflightRange, replicator.downloading],
    [true, false, [2, 4], true],
  );
  replicator.setAllowPush(false);
  replicator.setPushOnly(true);
  replicator.setInflightRange(8, 16);
  assert.deepEqual(
    [replicator.allowPush, replicator.pushOnly, replicator.inflightRange, replicator.isDownloading()],
    [false, true, [8, 16], true],
  );
  replicator.destroy();
});

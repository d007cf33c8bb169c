/**
 * Which cores are on which stream, and when.
 *
 * @module
 */
import assert from "node:assert/strict";
import { Corestore } from "../../../src/corestore/mod.ts";
import { Hypercore } from "../../../src/hypercore/mod.ts";
import { FlakyStorage } from "../../helpers/flaky_storage.ts";
import { MemoryReplication } from "../../helpers/memory_replication.ts";
import { VirtualClock } from "../../helpers/virtual_clock.ts";

const TEXT = { valueEncoding: "utf-8" } as const;

/** Waits until `holds`, which takes some messages and no time. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await new Promise((resolve) => setTimeout(resolve, 0));
}

/** A writer with some named cores of one block each. */
async function writerOf(names: readonly string[]): Promise<{ writer: Corestore; keys: Uint8Array[] }> {
  const writer = new Corestore();
  const keys: Uint8Array[] = [];
  for (const name of names) {
    const core = writer.get<string>({ name, ...TEXT });
    await core.append(name);
    keys.push(core.key!);
  }
  return { writer, keys };
}

Deno.test("CS-008 a store with active: false puts its cores on no stream until the other side asks", async () => {
  const { writer, keys } = await writerOf(["a", "b", "c"]);
  await using _writer = writer;
  await using reader = new Corestore();
  const passive = reader.session({ active: false });
  const a = passive.get<string>({ key: keys[0], ...TEXT });
  const b = reader.get<string>({ key: keys[1], ...TEXT });
  await Promise.all([a.ready(), b.ready()]);
  {
    await using _quiet = new MemoryReplication(passive, writer.session({ active: false }));
    // Opened by an active handle, so that it is put on every stream.
    const c = reader.get<string>({ key: keys[2], ...TEXT });
    assert.equal(await c.get(0), "c");
    assert.deepEqual([a.peers.length, b.peers.length, c.peers.length], [0, 0, 1]);
  }
  await using _replication = new MemoryReplication(passive, writer);
  assert.equal(await a.get(0), "a");
  assert.equal(await b.get(0), "b");
});

Deno.test("CS-020 CS-026 a session with active: false wants nothing, but answers", async () => {
  const { writer, keys } = await writerOf(["a"]);
  await using _writer = writer;
  await using reader = new Corestore(null, { clock: new VirtualClock() });
  await using _replication = new MemoryReplication(writer, reader);
  const passive = reader.get<string>({ key: keys[0], active: false, ...TEXT });
  await passive.ready();
  // It has asked once for the length.
  await until(() => passive.length === 1);
  assert.equal(await passive.get(0, { wait: false }), null);
});

Deno.test("CS-026 replicate() over a stream of another core, or one given twice, adds to it", async () => {
  const { writer, keys } = await writerOf(["a"]);
  await using _writer = writer;
  await using reader = new Corestore();
  const alone = new Hypercore<string>(null, TEXT);
  await alone.append("alone");
  const reading = new Hypercore<string>(null, alone.key, TEXT);
  await reading.ready();
  const a = reader.get<string>({ key: keys[0], ...TEXT });
  const left = {
    replicate(isInitiator: true, options: { keepAlive: false }) {
      const stream = alone.replicate(isInitiator, options);
      assert.equal(writer.replicate(stream), stream);
      writer.replicate(stream);
      return stream;
    },
  };
  const right = {
    replicate(isInitiator: false, options: { keepAlive: false }) {
      const stream = reader.replicate(isInitiator, options);
      reading.replicate(stream);
      return stream;
    },
  };
  {
    // deno-lint-ignore no-explicit-any -- either takes the one value it is called with
    await using _replication = new MemoryReplication(left as any, right as any);
    assert.equal(await a.get(0), "a");
    assert.equal(await reading.get(0), "alone");
  }
  await Promise.all([alone.close(), reading.close()]);
});

Deno.test("CS-026 replicate() takes a muxer", async () => {
  const { writer, keys } = await writerOf(["a"]);
  await using _writer = writer;
  await using reader = new Corestore();
  const a = reader.get<string>({ key: keys[0], ...TEXT });
  const viaMuxer = {
    replicate(isInitiator: true, options: { keepAlive: false }) {
      const stream = Hypercore.createProtocolStream(isInitiator, options);
      assert.equal(writer.replicate(Hypercore.getProtocolMuxer(stream)), stream.noiseStream);
      return stream;
    },
  };
  // deno-lint-ignore no-explicit-any -- takes the one value it is called with
  await using _replication = new MemoryReplication(viaMuxer as any, reader);
  assert.equal(await a.get(0), "a");
});

Deno.test("CS-040 closing a store ends the streams it made, and not those it was given", async () => {
  const store = new Corestore();
  await store.ready();
  const own = store.replicate(true, { keepAlive: false });
  const given = Hypercore.createProtocolStream(false, { keepAlive: false });
  store.replicate(given);
  await store.close();
  await until(() => own.destroyed);
  assert.equal(given.destroyed, false);
  given.noiseStream.destroy();
  await until(() => given.noiseStream.destroyed);
});

Deno.test("CS-040 a stream that closed is forgotten: cores opened later have nothing to do with it", async () => {
  const { writer, keys } = await writerOf(["a"]);
  await using _writer = writer;
  await using reader = new Corestore();
  {
    await using _replication = new MemoryReplication(writer, reader);
    assert.equal(await reader.get<string>({ key: keys[0], ...TEXT }).get(0), "a");
  }
  const later = reader.get({ key: new Uint8Array(32).fill(4) });
  await later.ready();
  assert.equal(later.core!.replicator.hasAttached(), false);
});

Deno.test("CS-026 CS-039 a core loaded for a peer closes when the peer wants nothing more", async () => {
  const clock = new VirtualClock();
  const storage = new FlakyStorage();
  const first = new Corestore(storage, { clock });
  const core = first.get<string>({ name: "core", ...TEXT });
  await core.append("block");
  await first.close();
  await using writer = new Corestore(storage.reopened(), { clock });
  await using reader = new Corestore(null, { clock });
  await using _replication = new MemoryReplication(writer, reader);
  const reading = reader.get<string>({ key: core.key, notDownloadingLinger: 0, ...TEXT });
  assert.equal(await reading.get(0), "block");
  assert.equal(writer.cores.opened(core.discoveryKey!), true);
  clock.advance(60_000);
  assert.equal(writer.cores.opened(core.discoveryKey!), true);
  await reading.close();
  const served = writer.cores.get(core.discoveryKey!)!;
  await until(() => served.isIdle);
  clock.advance(6000);
  assert.equal(writer.cores.get(core.discoveryKey!), null);
  await until(() => writer.cores.size === 0);
  // And is loaded again.
  const again = reader.get<string>({ key: core.key, ...TEXT });
  await again.ready();
  await until(() => again.peers.length === 1);
});

Deno.test("CS-026 a peer's request finds nothing in a store that is closing", async () => {
  const { writer, keys } = await writerOf(["a"]);
  const reader = new Corestore();
  const replication = new MemoryReplication(writer, reader);
  const a = reader.get<string>({ key: keys[0], ...TEXT });
  assert.equal(await a.get(0), "a");
  const closing = writer.close();
  const b = reader.get({ key: new Uint8Array(32).fill(8) });
  await b.ready();
  await closing;
  await reader.close();
  await replication[Symbol.asyncDispose]();
});

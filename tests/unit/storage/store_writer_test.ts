/** Unit tests of the order of syncs, on a log of SQLite whose syncs are counted. */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { type StoreWriterBench, withStoreWriter } from "./store_writer_bench.ts";

/** A writer, and how often it had SQLite's log synced; `isFailing` makes that fail. */
interface Bench extends Pick<StoreWriterBench, "writer"> {
  readonly log: { syncCount: number; isFailing: boolean };
  write(byteLength: number): Promise<void>;
  sizes(): number[];
  /** Callbacks of timers that run. */
  readonly timers: (() => void)[];
}

async function withWriter(run: (bench: Bench) => Promise<void>): Promise<void> {
  const timers: (() => void)[] = [];
  const log = { syncCount: 0, isFailing: false };
  const options = {
    syncLog: (): Promise<void> => {
      log.syncCount++;
      return log.isFailing ? Promise.reject(new Error("EIO")) : Promise.resolve();
    },
    schedule: (_: number, callback: () => void) => {
      timers.push(callback);
      return () => timers.splice(0);
    },
  };
  await withStoreWriter(options, async ({ writer, folder, write }) =>
    await run({
      writer,
      log,
      write: (byteLength) => write((batch) => batch.putRow("node", 0, 0, new Uint8Array(byteLength))),
      sizes: () => [0, 1].map((i) => Deno.statSync(`${folder}/journal-${i}`).size),
      timers,
    }));
}

Deno.test("sync() syncs SQLite's log only for what the journal has not", () =>
  withWriter(async ({ writer, log, write }) => {
    await write(10);
    await writer.sync();
    assert.equal(log.syncCount, 1);
    for (const drains of [false, true]) {
      await write(10);
      if (drains) writer.drain();
      await writer.sync();
      assert.equal(log.syncCount, 1, `drained: ${drains}`);
    }
    await write(100_000);
    await writer.sync();
    assert.equal(log.syncCount, 2);
    // The number that the database gets before the entry must not be lost either.
    await write(10);
    await writer.sync();
    assert.equal(log.syncCount, 3);
    // What is drained together with a large batch is numbered already.
    await write(100_000);
    await writer.sync();
    await write(10);
    await writer.sync();
    assert.equal(log.syncCount, 4);
    await writer.close();
  }));

Deno.test("a file of the journal is emptied after SQLite's log was synced, and kept when that failed", async () => {
  for (const isFailing of [false, true]) {
    await withWriter(async ({ writer, log, write, sizes }) => {
      await write(10);
      await writer.sync();
      log.isFailing = isFailing;
      while (sizes()[1] === 0) await write(15_000);
      // The sync that was begun with the change of files ends meanwhile.
      await setImmediate();
      assert.equal(log.syncCount, 2);
      assert.equal(sizes()[0] === 0, !isFailing);
      const closed = writer.close();
      await (isFailing ? assert.rejects(closed, { code: "STORAGE_IO" }) : closed);
      assert.equal(sizes()[0] === 0, !isFailing);
    });
  }
});

Deno.test("the journal is drained once nothing was written for a while", () =>
  withWriter(async ({ writer, write, timers }) => {
    await write(10);
    assert.equal(timers.length, 1);
    await write(10);
    assert.equal(timers.length, 1);
    timers.pop()!();
    assert.equal(writer.pendingCount, 2);
    assert.equal(timers.length, 1);
    timers.pop()!();
    assert.equal(writer.pendingCount, 0);
    assert.equal(timers.length, 0);
    await write(10);
    assert.equal(timers.length, 1);
    await writer.close();
    assert.equal(timers.length, 0);
  }));

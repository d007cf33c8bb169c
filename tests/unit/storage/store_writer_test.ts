/** Unit tests of the order of syncs, on a log of SQLite whose syncs are counted. */
import assert from "node:assert/strict";
import { setImmediate } from "node:timers/promises";
import { WriteBatch } from "../../../src/storage/mod.ts";
import { openWriter } from "../../../src/storage/sqlite/connection.ts";
import { LogSync } from "../../../src/storage/sqlite/log_sync.ts";
import { loadRuntime } from "../../../src/storage/sqlite/runtime.ts";
import { StoreWriter } from "../../../src/storage/sqlite/store_writer.ts";
import { TableReader } from "../../../src/storage/sqlite/table_reader.ts";
import { TableWriter } from "../../../src/storage/sqlite/table_writer.ts";
import { ValueFiles } from "../../../src/storage/sqlite/value_files.ts";
import { ValueLog } from "../../../src/storage/sqlite/value_log.ts";
import { withFolder } from "../../helpers/store_folder.ts";

/** A writer, and how often it had SQLite's log synced; `isFailing` makes that fail. */
interface Bench {
  readonly writer: StoreWriter;
  readonly log: { syncCount: number; isFailing: boolean };
  write(byteLength: number): Promise<void>;
  sizes(): number[];
  /** Callbacks of timers that run. */
  readonly timers: (() => void)[];
}

async function withWriter(run: (bench: Bench) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const runtime = await loadRuntime();
    const file = `${folder}/quince.db`;
    const database = openWriter(runtime, { file, cacheByteLength: 1 << 20 });
    const files = new ValueFiles(runtime, folder);
    const values = new ValueLog({ runtime, folder, files });
    const timers: (() => void)[] = [];
    const log = { syncCount: 0, isFailing: false };
    const syncLog = (): Promise<void> => {
      log.syncCount++;
      return log.isFailing ? Promise.reject(new Error("EIO")) : Promise.resolve();
    };
    const writer = await StoreWriter.open({
      runtime,
      folder,
      file,
      reader: new TableReader({ runtime, database, file, values: files }),
      files,
      values,
      writer: new TableWriter(runtime, database, file),
      walSync: new LogSync(syncLog, "log"),
      schedule: (_, callback) => {
        timers.push(callback);
        return () => timers.splice(0);
      },
    });
    const write = (byteLength: number): Promise<void> => {
      const batch = new WriteBatch();
      batch.putRow("node", 0, 0, new Uint8Array(byteLength));
      return new Promise((resolve, reject) => writer.write([{ batch, resolve, reject }]));
    };
    const sizes = (): number[] => [0, 1].map((i) => Deno.statSync(`${folder}/journal-${i}`).size);
    await run({ writer, log, write, sizes, timers });
    database.close();
  });
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

/** Unit tests of the coalescing sync, on a log whose syncs the test finishes by hand. */
import assert from "node:assert/strict";
import { LogSync } from "../../../src/storage/sqlite/log_sync.ts";
import { StorageError } from "../../../src/storage/mod.ts";

/** A log that counts its syncs and lets the test end each. */
class ManualLog {
  readonly running: PromiseWithResolvers<void>[] = [];
  readonly sync = (): Promise<void> => {
    const started = Promise.withResolvers<void>();
    this.running.push(started);
    return started.promise;
  };
}

Deno.test("LogSync syncs once for all who wait, and once more for who came meanwhile", async () => {
  const log = new ManualLog();
  const logSync = new LogSync(log.sync, "log");
  const done: string[] = [];
  logSync.handleCommit();
  const first = Promise.all([1, 2, 3].map(() => logSync.sync())).then(() => done.push("first"));
  logSync.handleCommit();
  const second = Promise.all([1, 2].map(() => logSync.sync())).then(() => done.push("second"));
  assert.equal(log.running.length, 1);
  log.running[0]!.resolve();
  await first;
  assert.deepEqual(done, ["first"]);
  assert.equal(log.running.length, 2);
  log.running[1]!.resolve();
  await second;
  assert.equal(log.running.length, 2);
});

Deno.test("LogSync syncs at the first call whatever was committed, and not again before the next commit", async () => {
  const log = new ManualLog();
  const logSync = new LogSync(log.sync, "log");
  const first = logSync.sync();
  log.running[0]!.resolve();
  await first;
  await logSync.sync();
  assert.equal(log.running.length, 1);
  logSync.handleCommit();
  const second = logSync.sync();
  assert.equal(log.running.length, 2);
  log.running[1]!.resolve();
  await second;
});

Deno.test("LogSync.sync() does not wait for copies, syncAll() does", async () => {
  const log = new ManualLog();
  const logSync = new LogSync(log.sync, "log");
  const first = logSync.sync();
  log.running[0]!.resolve();
  await first;
  logSync.handleCopy();
  await logSync.sync();
  assert.equal(log.running.length, 1);
  const second = logSync.syncAll();
  log.running[1]!.resolve();
  await second;
  await logSync.syncAll();
  assert.equal(log.running.length, 2);
});

Deno.test("LogSync fails for ever once a sync failed, naming the file", async () => {
  const log = new ManualLog();
  const logSync = new LogSync(log.sync, "folder/quince.db-wal");
  const first = logSync.sync();
  const second = logSync.sync();
  log.running[0]!.reject(new Error("EIO"));
  const isFailure = (error: unknown): boolean =>
    error instanceof StorageError && error.code === "STORAGE_IO" && error.file === "folder/quince.db-wal" &&
    error.message.includes("folder/quince.db-wal") && (error.cause as Error).message === "EIO";
  await assert.rejects(first, isFailure);
  await assert.rejects(second, isFailure);
  logSync.handleCommit();
  await assert.rejects(logSync.sync(), isFailure);
  assert.equal(log.running.length, 1);
});

/**
 * A store whose process is killed while it writes: what was acknowledged is there, and no half of a batch is.
 */
import assert from "node:assert/strict";
import { SeededRandom } from "../../../src/base/mod.ts";
import { SqliteStorage, type StorageReader } from "../../../src/storage/mod.ts";
import { HEAD_KEY, headOf, KEPT_COUNT, rowValue } from "../../helpers/storage_writer.ts";
import { withFolder, WriterProcess } from "../../helpers/store_folder.ts";

const KILL_COUNT = 200;
/** Lines of kills that run side by side, each with folders of its own. */
const LANE_COUNT = 4;
/** After so many kills a lane starts with a new folder. */
const FOLDER_KILL_COUNT = 10;

/** Asserts that `reader` shows the state after whole batches, at least up to `acknowledged`; returns the head. */
async function assertWhole(reader: StorageReader, acknowledged: number): Promise<number> {
  const head = headOf(await reader.getRecord("head", HEAD_KEY));
  assert.ok(head >= acknowledged, `acknowledged ${acknowledged}, stored ${head}`);
  const expected = Array.from(
    { length: Math.min(head, KEPT_COUNT) },
    (_, i) => head - Math.min(head, KEPT_COUNT) + i,
  );
  for (const table of ["block", "node"] as const) {
    const found: number[] = [];
    for await (const { index, value } of reader.rows(table, 1)) {
      found.push(index);
      assert.deepEqual(new Uint8Array(value), rowValue(index), `${table} ${index}`);
    }
    assert.deepEqual(found, expected, table);
  }
  return head;
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

/** Kills a writer at a random moment: while it creates the store, or after some acknowledgements. */
async function killAtRandom(folder: string, random: SeededRandom): Promise<number> {
  await using writer = new WriterProcess(folder, Math.floor(random.next() * 2 ** 32));
  const isNew = !(await exists(`${folder}/lock.db`));
  if (isNew && random.next() < 0.5) {
    const files = ["lock.db", "lock.json", "quince.db", "quince.db-journal", "quince.db-wal"];
    const file = files[Math.floor(random.next() * files.length)]!;
    // The journal lives for a moment only and may be missed; the log comes right after it.
    while (!(await exists(`${folder}/${file}`)) && !(await exists(`${folder}/quince.db-wal`)));
  } else {
    const readCount = 1 + Math.floor(random.next() ** 2 * 60);
    for (let i = 0; i < readCount; i++) await writer.acknowledge();
  }
  await writer.kill();
  return writer.acknowledged;
}

/** Kills writers one after the other and looks at the store after each. */
async function runLane(lane: number, killCount: number): Promise<void> {
  const random = new SeededRandom(1000 + lane);
  for (let done = 0; done < killCount; done += FOLDER_KILL_COUNT) {
    await withFolder(async (folder) => {
      let head = 0;
      for (let kill = 0; kill < FOLDER_KILL_COUNT && done + kill < killCount; kill++) {
        const acknowledged = await killAtRandom(folder, random);
        // Every other time the next writer finds the log as the killed one left it.
        const readOnly = kill % 2 === 1;
        await using storage = new SqliteStorage(folder, { readOnly });
        await storage.open();
        head = await assertWhole(storage, Math.max(head, acknowledged));
      }
    });
  }
}

Deno.test(`SqliteStorage loses and halves nothing when its process is killed ${KILL_COUNT} times`, async () => {
  const lanes = Array.from({ length: LANE_COUNT }, (_, lane) => runLane(lane, KILL_COUNT / LANE_COUNT));
  // All of them end before the test does, so that a failure leaves no process behind.
  for (const result of await Promise.allSettled(lanes)) {
    if (result.status === "rejected") throw result.reason;
  }
});

/**
 * A `StoreWriter` on a database in a folder of its own, without the store around it.
 *
 * @module
 */
import { WriteBatch } from "../../../src/storage/mod.ts";
import { openWriter } from "../../../src/storage/sqlite/connection.ts";
import { LogSync } from "../../../src/storage/sqlite/log_sync.ts";
import { loadRuntime, type SqliteRuntime } from "../../../src/storage/sqlite/runtime.ts";
import { StoreWriter, type StoreWriterOptions } from "../../../src/storage/sqlite/store_writer.ts";
import { TableReader } from "../../../src/storage/sqlite/table_reader.ts";
import { TableWriter } from "../../../src/storage/sqlite/table_writer.ts";
import { ValueFiles } from "../../../src/storage/sqlite/value_files.ts";
import { ValueLog } from "../../../src/storage/sqlite/value_log.ts";
import { withFolder } from "../../helpers/store_folder.ts";

/** The writer and what it stands on. */
export interface StoreWriterBench {
  readonly runtime: SqliteRuntime;
  readonly folder: string;
  readonly file: string;
  readonly reader: TableReader;
  readonly files: ValueFiles;
  readonly values: ValueLog;
  readonly writer: StoreWriter;
  /** Writes what `fill` puts into a batch; resolves when it is written. */
  write(fill: (batch: WriteBatch) => void): Promise<void>;
}

/** Runs `run` with a writer, which `run` closes. `syncLog` stands for the syncs of SQLite's log. */
export async function withStoreWriter(
  { syncLog, schedule }: { syncLog: () => Promise<void> } & Pick<StoreWriterOptions, "schedule">,
  run: (bench: StoreWriterBench) => Promise<void>,
): Promise<void> {
  await withFolder(async (folder) => {
    const runtime = await loadRuntime();
    const file = `${folder}/quince.db`;
    const database = openWriter(runtime, { file, cacheByteLength: 1 << 20 });
    const files = new ValueFiles(runtime, folder);
    const values = new ValueLog({ runtime, folder, files });
    const reader = new TableReader({ runtime, database, file, values: files });
    const common = { runtime, folder, file, reader, files, values };
    const writer = await StoreWriter.open({
      ...common,
      writer: new TableWriter(runtime, database, file),
      walSync: new LogSync(syncLog, "log"),
      schedule,
    });
    await run({
      ...common,
      writer,
      write: (fill) => {
        const batch = new WriteBatch();
        fill(batch);
        return new Promise((resolve, reject) => writer.write([{ batch, resolve, reject }]));
      },
    });
    files.close();
    database.close();
  });
}

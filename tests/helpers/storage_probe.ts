/**
 * A process that uses a store with whatever permissions it was given and prints what came of it as JSON:
 * `deno run [permissions] storage_probe.ts FOLDER write|read|memory`.
 *
 * @module
 */
import {
  MemoryStorage,
  SqliteStorage,
  type Storage,
  StorageError,
  WriteBatch,
} from "../../src/storage/mod.ts";

/** What the process prints. */
export interface ProbeReport {
  /** `"ok"` or the error's code. */
  readonly outcome: string;
  /** The error's message. */
  readonly message?: string;
}

function makeStorage(folder: string, mode: string): Storage {
  return mode === "memory" ? new MemoryStorage() : new SqliteStorage(folder, { readOnly: mode === "read" });
}

async function use(storage: Storage): Promise<void> {
  await storage.open();
  if (!storage.readOnly) {
    const batch = new WriteBatch();
    batch.putRow("block", 1, 0, new Uint8Array([1, 2, 3]));
    batch.putRecord("user", new Uint8Array([1]), new Uint8Array([2]));
    await storage.write(batch, { durable: true });
    await storage.sync();
  }
  const snapshot = await storage.snapshot();
  const value = await snapshot.getRow("block", 1, 0);
  await snapshot.close();
  for await (const _ of storage.records("user"));
  if (value?.[2] !== 3) throw new Error("value not found");
}

async function probe(folder: string, mode: string): Promise<ProbeReport> {
  const storage = makeStorage(folder, mode);
  try {
    await use(storage);
    await storage.close();
    return { outcome: "ok" };
  } catch (error) {
    const outcome = error instanceof StorageError ? error.code : String(error);
    return { outcome, message: (error as Error).message };
  }
}

if (import.meta.main) {
  const report = await probe(Deno.args[0]!, Deno.args[1]!);
  Deno.stdout.writeSync(new TextEncoder().encode(JSON.stringify(report)));
}

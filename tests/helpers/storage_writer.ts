/**
 * A process that writes to a store until it is killed: `deno run -A storage_writer.ts FOLDER SEED`.
 *
 * Batch `k` puts row `k` into two tables, deletes the rows before the last {@linkcode KEPT_COUNT} from both, and sets
 * the record `head` to `k + 1`, so that any half of a batch would show. After each acknowledged batch it prints the
 * new head on a line.
 *
 * @module
 */
import { SeededRandom } from "../../src/base/mod.ts";
import { SqliteStorage, WriteBatch } from "../../src/storage/mod.ts";

/** Rows that stay after each batch. */
export const KEPT_COUNT = 40;

/** The value of row `index`: as long as the index says, 300 bytes or, each fourth, up to 30 000, and filled with it. */
export function rowValue(index: number): Uint8Array {
  const value = new Uint8Array((index * 7919) % (index % 4 === 0 ? 30_000 : 300));
  for (let i = 0; i < value.byteLength; i++) value[i] = (index + i) & 255;
  return value;
}

/** The key of the record that counts. */
export const HEAD_KEY: Uint8Array = new Uint8Array([1]);

/** The value of the record that counts. */
export function headValue(head: number): Uint8Array {
  const value = new Uint8Array(8);
  new DataView(value.buffer).setFloat64(0, head);
  return value;
}

/** Reads back what {@linkcode headValue} made; 0 when there is none. */
export function headOf(value: Uint8Array | null): number {
  return value === null ? 0 : new DataView(value.buffer, value.byteOffset).getFloat64(0);
}

async function writeForEver(folder: string, seed: number): Promise<never> {
  const random = new SeededRandom(seed);
  const storage = new SqliteStorage(folder);
  await storage.open();
  let head = headOf(await storage.getRecord("head", HEAD_KEY));
  const writeOne = async (): Promise<void> => {
    const index = head++;
    const batch = new WriteBatch();
    batch.putRow("block", 1, index, rowValue(index));
    batch.putRow("node", 1, index, rowValue(index));
    // By range, which is a transaction of the database, or singly, which is an entry of the journal.
    const isRange = random.next() < 0.2;
    const end = Math.max(0, head - KEPT_COUNT);
    for (const table of ["block", "node"] as const) {
      if (isRange) batch.deleteRows(table, 1, 0, end);
      else if (end > 0) batch.deleteRow(table, 1, end - 1);
    }
    batch.putRecord("head", HEAD_KEY, headValue(head));
    await storage.write(batch, { durable: random.next() < 0.05 });
    Deno.stdout.writeSync(new TextEncoder().encode(`${index + 1}\n`));
  };
  while (true) {
    // One at a time and several in one turn.
    const count = random.next() < 0.3 ? 1 + Math.floor(random.next() * 5) : 1;
    await Promise.all(Array.from({ length: count }, writeOne));
    if (random.next() < 0.02) await storage.compact();
  }
}

if (import.meta.main) await writeForEver(Deno.args[0]!, Number(Deno.args[1]));

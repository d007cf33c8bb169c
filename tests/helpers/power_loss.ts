/**
 * What a power cut leaves of a store on disk: everything that was synced, and any part of what was appended since.
 *
 * SQLite's log, the two files of the journal and the files of values are appended to; how much of each is durable is noted
 * at each sync. The database itself is written only when the log is copied into it, which takes more than these tests write.
 *
 * @module
 */
import { type Random, SeededRandom } from "../../src/base/mod.ts";
import {
  type RecordRange,
  type RecordTable,
  type Row,
  type RowRange,
  type RowTable,
  SqliteStorage,
  type Storage,
  type StorageSnapshot,
  type StoredRecord,
  type WriteBatch,
  type WriteOptions,
} from "../../src/storage/mod.ts";
import { DurableSizes } from "./durable_sizes.ts";

const JOURNALS = ["journal-0", "journal-1"];
const LOG = "quince.db-wal";

/** How {@linkcode PowerLossStorage} behaves. */
export interface PowerLossOptions {
  /** How long a sync takes at least, ms: what is told too early is told before it is durable. */
  readonly syncMs?: number;
  /** Tells that a sync is done without doing it. */
  readonly lies?: boolean;
}

/** A store on disk that knows how much of each file is durable. */
export class PowerLossStorage implements Storage {
  readonly readOnly = false;
  readonly folder: string;
  /** Syncs that were asked for. */
  syncCount = 0;
  readonly #inner: SqliteStorage;
  readonly #options: PowerLossOptions;
  /** What was synced, by the storage's doing. */
  #sizes: DurableSizes | null = null;
  /** Durable bytes of SQLite's log and the journal. */
  readonly #durable = new Map<string, number>();

  constructor(folder: string, options: PowerLossOptions = {}) {
    this.folder = folder;
    this.#inner = new SqliteStorage(folder);
    this.#options = options;
  }

  async open(): Promise<void> {
    await this.#inner.open();
    this.#sizes = await DurableSizes.watch();
    // What an earlier process left of values is durable as far as it counts, which opening has seen to.
    for (const { name } of Deno.readDirSync(this.folder)) {
      if (isValues(name)) this.#sizes.set(this.#path(name), this.#size(name));
    }
    // Creating the store ends with everything synced but the log, which has nothing a peer could know of.
    for (const name of JOURNALS) this.#note(name, 0);
    this.#sizes.set(this.#path(LOG), this.#size(LOG));
  }

  async close(): Promise<void> {
    await this.#inner.close();
    this.#sizes?.[Symbol.dispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Copies the store into `target` as a power cut now may leave it. Another process copies: reading its files here would
   * drop the locks of this one.
   */
  cutPower(target: string, random: Random): void {
    const { success } = new Deno.Command("cp", { args: ["-r", `${this.folder}/.`, target] }).outputSync();
    if (!success) throw new Error(`Cannot copy ${this.folder}`);
    const values = Array.from(Deno.readDirSync(target), ({ name }) => name).filter(isValues);
    const synced = [LOG, ...values].map((name) => [name, this.#sizes!.of(this.#path(name))] as const);
    for (const [name, durable] of [...this.#durable, ...synced]) {
      const size = Deno.statSync(`${target}/${name}`).size;
      const low = Math.min(durable, size);
      const at = random.next();
      const end = at < 0.3 ? low : at < 0.5 ? size : low + Math.floor(random.next() * (size - low + 1));
      Deno.truncateSync(`${target}/${name}`, end);
      // A new file may be missing altogether.
      if (isValues(name) && durable === 0 && end === 0) Deno.removeSync(`${target}/${name}`);
    }
    // The index of the log is made anew, and the lock is not of this folder.
    for (const name of ["quince.db-shm", "lock.json"]) removeIfThere(`${target}/${name}`);
  }

  write(batch: WriteBatch, options: WriteOptions = {}): Promise<void> {
    const written = this.#inner.write(batch);
    return options.durable ? written.then(() => this.sync()) : written;
  }

  async sync(): Promise<void> {
    this.syncCount++;
    if (this.#options.lies) return;
    const syncing = this.#inner.sync();
    // What was written until now is what this sync is about.
    const sizes = JOURNALS.map((name) => [name, this.#size(name)] as const);
    await syncing;
    const { syncMs = 0 } = this.#options;
    if (syncMs > 0) await new Promise((resolve) => setTimeout(resolve, syncMs));
    for (const [name, size] of sizes) this.#note(name, size);
  }

  snapshot(): Promise<StorageSnapshot> {
    return this.#inner.snapshot();
  }

  getRow(table: RowTable, owner: number, index: number): Promise<Uint8Array | null> {
    return this.#inner.getRow(table, owner, index);
  }

  getRows(table: RowTable, owner: number, indexes: readonly number[]): Promise<(Uint8Array | null)[]> {
    return this.#inner.getRows(table, owner, indexes);
  }

  rows(table: RowTable, owner: number, range?: RowRange): AsyncIterable<Row> {
    return this.#inner.rows(table, owner, range);
  }

  getRecord(table: RecordTable, key: Uint8Array): Promise<Uint8Array | null> {
    return this.#inner.getRecord(table, key);
  }

  records(table: RecordTable, range?: RecordRange): AsyncIterable<StoredRecord> {
    return this.#inner.records(table, range);
  }

  #size(name: string): number {
    return Deno.statSync(`${this.folder}/${name}`).size;
  }

  #path(name: string): string {
    return Deno.realPathSync(`${this.folder}/${name}`);
  }

  #note(name: string, size: number): void {
    this.#durable.set(name, size);
  }
}

function isValues(name: string): boolean {
  return name.startsWith("values-");
}

function removeIfThere(path: string): void {
  try {
    Deno.removeSync(path);
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}

/** Random numbers that go with a seed. */
export function randomOf(seed: number): Random {
  return new SeededRandom(seed);
}

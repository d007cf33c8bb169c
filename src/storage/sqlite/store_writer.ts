/**
 * Writes of an open store: small batches to the journal, large ones to the database, and the journal's into the
 * database many at a time.
 *
 * Every write has a number. Journal entries carry theirs; the database says up to which number it has everything.
 * A batch that goes straight to the database takes no number as long as no entry follows it; before one does, the
 * database is told the next number, so that an entry never outlives a write that came before it.
 *
 * @module
 */
import type { CancelTimer, Clock } from "../../base/mod.ts";
import type { WriteBatch, WriteOperation } from "../batch.ts";
import { StorageError } from "../errors.ts";
import { storageFailure } from "./failure.ts";
import { Journal } from "./journal.ts";
import { entryByteLength } from "./journal_entry.ts";
import {
  DRAIN_BYTE_LENGTH,
  DRAIN_IDLE_MS,
  DRAIN_OPERATION_COUNT,
  JOURNAL_ENTRY_BYTE_LENGTH_MAX,
} from "./limits.ts";
import type { LogSync } from "./log_sync.ts";
import { Overlay } from "./overlay.ts";
import type { SqliteRuntime } from "./runtime.ts";
import type { TableReader } from "./table_reader.ts";
import type { TableWriter } from "./table_writer.ts";

/** A write that is called but not carried out. */
export interface QueuedWrite {
  readonly batch: WriteBatch;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/** Options of {@linkcode StoreWriter.open}. */
export interface StoreWriterOptions {
  readonly runtime: SqliteRuntime;
  readonly folder: string;
  /** Path of the database, for messages. */
  readonly file: string;
  readonly reader: TableReader;
  readonly writer: TableWriter;
  /** Sync of SQLite's log. */
  readonly walSync: LogSync;
  /** Tells when nothing was written for a while. */
  readonly schedule: Clock["schedule"];
}

/** A write that goes to the journal has the length of its entry; one that does not has `null`. */
interface SizedWrite extends QueuedWrite {
  readonly operations: readonly WriteOperation[];
  readonly entryByteLength: number | null;
}

/** Carries out writes. */
export class StoreWriter {
  /** What is in the journal alone. */
  readonly overlay: Overlay = new Overlay();
  readonly #folder: string;
  readonly #file: string;
  readonly #tables: TableWriter;
  readonly #journal: Journal;
  readonly #walSync: LogSync;
  readonly #schedule: Clock["schedule"];
  #endReading: () => void = () => {};
  /** Bytes of the overlay's entries. */
  #byteLength = 0;
  /** Whether the database may have writes since its last number. */
  #isUnnumbered = true;
  #stopIdle: CancelTimer | null = null;

  private constructor({ folder, file, writer, walSync, schedule }: StoreWriterOptions, journal: Journal) {
    this.#folder = folder;
    this.#file = file;
    this.#tables = writer;
    this.#journal = journal;
    this.#walSync = walSync;
    this.#schedule = schedule;
  }

  /** Opens the journal and applies what is in it. */
  static async open(options: StoreWriterOptions): Promise<StoreWriter> {
    const journal = Journal.open({ ...options, salt: options.reader.journalSalt() });
    try {
      const writer = new StoreWriter(options, journal);
      await writer.#recover(options.reader.appliedSequence());
      return writer;
    } catch (error) {
      journal.close();
      throw error;
    }
  }

  /** Sets what is called before the database is written, to end the transaction that reads share. */
  handleReads(endReading: () => void): void {
    this.#endReading = endReading;
  }

  /** Carries out `writes` in their order and settles them; only those fail that must. */
  write(writes: readonly QueuedWrite[]): void {
    for (const run of this.#runs(writes)) {
      const apply = run[0]!.entryByteLength === null ? this.#writeDatabase : this.#writeJournal;
      if (run.length > 1) {
        try {
          apply.call(this, run);
          for (const { resolve } of run) resolve();
          continue;
        } catch {
          // Which of them failed, and why, comes out below.
        }
      }
      for (const write of run) {
        try {
          apply.call(this, [write]);
          write.resolve();
        } catch (error) {
          write.reject(this.#failure(error, this.#file));
        }
      }
    }
  }

  /** Moves everything from the journal into the database; throws when it stays where it is. */
  drain(): void {
    if (this.overlay.size === 0) return;
    this.#endReading();
    this.#tables.commit([this.overlay.operations()], this.#journal.sequence);
    this.#walSync.handleCopy();
    this.#handleDrained();
  }

  /** The same as far as the database takes it. */
  tryDrain(): void {
    try {
      this.drain();
    } catch {
      // On a full disk, or while a stranger keeps the database locked, the overlay is read on.
    }
  }

  /** Makes everything written so far durable. */
  async sync(): Promise<void> {
    const { sequence } = this.#journal;
    await Promise.all([this.#walSync.sync(), this.#journal.sync()]);
    this.#journal.handleDurable(sequence);
  }

  /** Makes everything durable and leaves the journal empty, if the database takes what is in it. */
  async close(): Promise<void> {
    this.#stopIdle?.();
    this.#stopIdle = null;
    try {
      await this.#journal.settle();
      this.tryDrain();
      // A drain may have begun to empty a file.
      await this.#journal.settle();
      if (this.overlay.size > 0) await this.sync();
      else {
        await this.#walSync.syncAll();
        this.#journal.empty();
      }
    } finally {
      this.#journal.close();
    }
  }

  async #recover(appliedSequence: number): Promise<void> {
    const recovery = this.#journal.recover(appliedSequence);
    if (recovery.isEmpty) return;
    try {
      this.#tables.commit([recovery.operations], recovery.sequenceMax);
    } catch (error) {
      const failure = this.#failure(error, this.#file);
      if (!(failure instanceof StorageError) || failure.code !== "STORAGE_FULL") throw failure;
      this.#journal.keep(recovery);
      this.overlay.apply(recovery.operations);
      this.#isUnnumbered = false;
      return;
    }
    this.#journal.handleNumber(recovery.sequenceMax);
    await this.#walSync.syncAll();
    this.#journal.handleDurable(recovery.sequenceMax);
    this.#journal.empty();
  }

  /** Runs of writes that go the same way, none larger than a drain; what is no write is settled. */
  *#runs(writes: readonly QueuedWrite[]): Generator<readonly SizedWrite[]> {
    let run: SizedWrite[] = [];
    let count = 0;
    for (const write of writes) {
      const sized = this.#sized(write);
      if (sized === null) continue;
      const isSame = run.length === 0 ||
        (run[0]!.entryByteLength === null) === (sized.entryByteLength === null);
      if (!isSame || (sized.entryByteLength !== null && count >= DRAIN_OPERATION_COUNT)) {
        yield run;
        run = [];
        count = 0;
      }
      run.push(sized);
      count += sized.operations.length;
    }
    if (run.length > 0) yield run;
  }

  #sized(write: QueuedWrite): SizedWrite | null {
    const { batch, resolve, reject } = write;
    const { operations } = batch;
    if (operations.length === 0) {
      resolve();
      return null;
    }
    try {
      const isLarge = batch.byteLength > JOURNAL_ENTRY_BYTE_LENGTH_MAX;
      const byteLength = isLarge ? null : entryByteLength(operations);
      const isSmall = byteLength !== null && byteLength <= JOURNAL_ENTRY_BYTE_LENGTH_MAX;
      return { batch, resolve, reject, operations, entryByteLength: isSmall ? byteLength : null };
    } catch (error) {
      reject(error);
      return null;
    }
  }

  #writeJournal(run: readonly SizedWrite[]): void {
    if (this.overlay.size >= DRAIN_OPERATION_COUNT || this.#byteLength >= DRAIN_BYTE_LENGTH) this.drain();
    if (this.#isUnnumbered) this.#number();
    let byteLength = 0;
    const batches = run.map(({ operations, entryByteLength }) => {
      byteLength += entryByteLength!;
      return { operations, entryByteLength: entryByteLength! };
    });
    try {
      this.overlay.apply(this.#journal.append(batches));
    } catch (error) {
      throw this.#failure(error, this.#journal.path);
    }
    this.#byteLength += byteLength;
    this.#drainWhenIdle();
  }

  /** One transaction of what is in the journal and of `run` behind it. */
  #writeDatabase(run: readonly SizedWrite[]): void {
    const lists = run.map((write) => write.operations);
    if (this.overlay.size === 0) this.#commit(lists, null);
    else {
      try {
        this.#commit([this.overlay.operations(), ...lists], this.#journal.sequence + 1);
        return;
      } catch {
        // Perhaps for want of space, or because of `run`; the journal's part must be there first in any case.
      }
      this.drain();
      this.#commit(lists, null);
    }
  }

  #commit(lists: readonly (readonly WriteOperation[])[], sequence: number | null): void {
    this.#endReading();
    this.#tables.commit(lists, sequence);
    this.#walSync.handleCommit();
    if (sequence === null) this.#isUnnumbered = true;
    else {
      this.#journal.handleNumber(sequence);
      this.#handleDrained();
    }
  }

  /** Gives what the database has a number that the next entry can follow. */
  #number(): void {
    this.#commit([this.overlay.operations()], this.#journal.sequence + 1);
  }

  #handleDrained(): void {
    this.overlay.clear();
    this.#byteLength = 0;
    this.#isUnnumbered = false;
    this.#journal.handleApplied();
  }

  #drainWhenIdle(): void {
    if (this.#stopIdle !== null) return;
    const { sequence } = this.#journal;
    this.#stopIdle = this.#schedule(DRAIN_IDLE_MS, () => {
      this.#stopIdle = null;
      if (this.overlay.size === 0) return;
      if (this.#journal.sequence === sequence) this.tryDrain();
      else this.#drainWhenIdle();
    }, { unref: true });
  }

  #failure(error: unknown, file: string): unknown {
    const isMistake = error instanceof TypeError || error instanceof RangeError;
    return isMistake ? error : storageFailure(error, "write", file, this.#folder);
  }
}

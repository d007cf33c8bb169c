/**
 * Writes of an open store: small batches to the journal, large ones to the database, and the journal's into the
 * database many at a time.
 *
 * The values of larger blocks do not go that way: they are appended to files, and the journal and the database say where
 * they lie. The database may become durable at any time, so a drain waits until the values are; meanwhile writes go on.
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
import type { RowTable } from "../storage.ts";
import { storageFailure } from "./failure.ts";
import { Journal } from "./journal.ts";
import { entryByteLength } from "./journal_entry.ts";
import type { FindDamaged } from "./journal_scan.ts";
import {
  DRAIN_BACKLOG,
  DRAIN_BYTE_LENGTH,
  DRAIN_IDLE_MS,
  DRAIN_OPERATION_COUNT,
  DRAIN_VALUE_BYTE_LENGTH,
  JOURNAL_ENTRY_BYTE_LENGTH_MAX,
  PLACED_ENTRY_BYTE_LENGTH_MAX,
} from "./limits.ts";
import type { LogSync } from "./log_sync.ts";
import { OverlaidTables, type Tables } from "./overlaid_tables.ts";
import { Overlay } from "./overlay.ts";
import { isPlaced, type StoredOperation } from "./place.ts";
import type { SqliteRuntime } from "./runtime.ts";
import type { TableReader } from "./table_reader.ts";
import type { TableWriter } from "./table_writer.ts";
import type { ValueFiles } from "./value_files.ts";
import type { ValueLog } from "./value_log.ts";

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
  /** Files of values, as they are read and as they are written. */
  readonly files: ValueFiles;
  readonly values: ValueLog;
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
  /** The database with what is in the journal alone over it. */
  readonly tables: Tables;
  /** What is in the journal alone, apart from what is on its way to the database. */
  readonly #overlay = new Overlay();
  /** What goes to the database as soon as its values are durable. */
  readonly #draining = new Overlay();
  readonly #folder: string;
  readonly #file: string;
  readonly #reader: TableReader;
  readonly #writer: TableWriter;
  readonly #journal: Journal;
  readonly #walSync: LogSync;
  readonly #files: ValueFiles;
  readonly #values: ValueLog;
  readonly #schedule: Clock["schedule"];
  #endReading: () => void = () => {};
  /** Bytes of the overlay's entries, and of their values in files. */
  #byteLength = 0;
  #valueByteLength = 0;
  /** The first segments that entries of the overlay, and of what is on its way, may refer to. */
  #segment = 0;
  #drainingSegment = 0;
  /** Number of the last write of what is on its way. */
  #drainingSequence = 0;
  #drainWork: Promise<void> | null = null;
  /** Whether the database may have writes since its last number. */
  #isUnnumbered = true;
  #stopIdle: CancelTimer | null = null;
  #isClosing = false;

  private constructor(options: StoreWriterOptions, journal: Journal) {
    const { files, reader, values } = options;
    const below = new OverlaidTables(reader, this.#draining, files);
    this.tables = new OverlaidTables(below, this.#overlay, files);
    this.#folder = options.folder;
    this.#file = options.file;
    this.#reader = reader;
    this.#writer = options.writer;
    this.#journal = journal;
    this.#walSync = options.walSync;
    this.#files = files;
    this.#values = values;
    this.#schedule = options.schedule;
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

  /** Number of operations that are in the journal alone. */
  get pendingCount(): number {
    return this.#overlay.size + this.#draining.size;
  }

  /** What is in the journal alone, as it is now and stays. */
  copyOverlay(): Overlay {
    const copy = this.#draining.copy();
    copy.apply(this.#overlay.operations());
    return copy;
  }

  /** Whether the journal has something of a row that the database has not. */
  isPending(table: RowTable, owner: number, index: number): boolean {
    return [this.#overlay, this.#draining].some((overlay) => overlay.row(table, owner, index) !== undefined);
  }

  /** Segments from this one on may have values that the database does not know of. */
  get pendingSegment(): number {
    return Math.min(
      this.#overlay.size === 0 ? Infinity : this.#segment,
      this.#draining.size === 0 ? Infinity : this.#drainingSegment,
    );
  }

  /** How many rows that may have a value in a file were deleted so far. */
  get deletedCount(): number {
    return this.#writer.deletedCount;
  }

  /** As {@linkcode TableWriter.isUnobserved}. */
  isUnobserved(): boolean {
    this.#beforeWrite();
    return this.#writer.isUnobserved();
  }

  /** As {@linkcode TableWriter.vacuum}; the file shrinks if nobody reads an earlier state. */
  vacuum(): void {
    this.#beforeWrite();
    if (!this.#writer.vacuum()) return;
    this.#walSync.handleCopy();
    this.#writer.isUnobserved();
  }

  /** Moves everything from the journal into the database; throws when it stays where it is. */
  drain(): void {
    if (this.pendingCount === 0) return;
    this.#values.syncNow();
    this.#beforeWrite();
    this.#writer.commit(this.#pendingLists(), this.#journal.sequence);
    this.#walSync.handleCopy();
    this.#handleDrained();
  }

  /** The same where that takes no sync, and as far as the database takes it. */
  tryDrain(): void {
    if (!this.#values.isSynced) return;
    try {
      this.drain();
    } catch {
      // On a full disk, or while a stranger keeps the database locked, the overlay is read on.
    }
  }

  /** Brings everything written so far to the database, without blocking for a sync where that is possible. */
  async settle(): Promise<void> {
    await this.#drainWork;
    await this.#values.sync();
    this.drain();
  }

  /** Makes everything written so far durable. */
  async sync(): Promise<void> {
    const { sequence } = this.#journal;
    await Promise.all([this.#values.sync(), this.#walSync.sync(), this.#journal.sync()]);
    this.#journal.handleDurable(sequence);
  }

  /** Makes everything durable and leaves the journal empty, if the database takes what is in it. */
  async close(): Promise<void> {
    this.#isClosing = true;
    this.#stopIdle?.();
    this.#stopIdle = null;
    try {
      await this.#drainWork;
      await this.#journal.settle();
      await this.#values.sync();
      this.tryDrain();
      // A drain may have begun to empty a file.
      await this.#journal.settle();
      if (this.pendingCount > 0) await this.sync();
      else {
        await this.#walSync.syncAll();
        this.#journal.empty();
      }
    } finally {
      this.#journal.close();
      this.#values.close();
    }
  }

  async #recover(appliedSequence: number): Promise<void> {
    const findDamaged: FindDamaged = (operations) => this.#files.findDamaged(operations);
    const recovery = this.#journal.recover(appliedSequence, findDamaged);
    if (recovery.isEmpty) return;
    const placed = recovery.operations.filter((operation) => operation.kind === "placeRow");
    await this.#values.syncFound(new Set(placed.map(({ place }) => place.segment)));
    try {
      this.#writer.commit([recovery.operations], recovery.sequenceMax);
    } catch (error) {
      const failure = this.#failure(error, this.#file);
      if (!(failure instanceof StorageError) || failure.code !== "STORAGE_FULL") throw failure;
      this.#journal.keep(recovery);
      this.#overlay.apply(recovery.operations);
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
      const byteLength = this.#entryByteLength(batch);
      return { batch, resolve, reject, operations, entryByteLength: byteLength };
    } catch (error) {
      reject(error);
      return null;
    }
  }

  /** The length of the entry of a batch that goes to the journal; `null` for one that does not. */
  #entryByteLength({ operations, byteLength }: WriteBatch): number | null {
    // Before the database is written the values of what the journal has must be synced, which would block.
    const isWaiting = !this.#values.isSynced && this.pendingCount > 0;
    const isLarge = byteLength > JOURNAL_ENTRY_BYTE_LENGTH_MAX;
    const isWide = isWaiting || (isLarge && operations.some(isPlaced));
    if (isLarge && !isWide) return null;
    const length = entryByteLength(operations);
    const lengthMax = isWide ? PLACED_ENTRY_BYTE_LENGTH_MAX : JOURNAL_ENTRY_BYTE_LENGTH_MAX;
    return length !== null && length <= lengthMax ? length : null;
  }

  #writeJournal(run: readonly SizedWrite[]): void {
    this.#makeRoom();
    if (this.#isUnnumbered) this.#number();
    const mark = this.#values.mark();
    let byteLength = 0;
    let valueByteLength = 0;
    try {
      const batches = run.map(({ operations, entryByteLength }) => {
        byteLength += entryByteLength!;
        return {
          operations: operations.map((operation): StoredOperation => {
            if (!isPlaced(operation)) return operation;
            const { table, owner, index, value } = operation;
            valueByteLength += value.byteLength;
            return { kind: "placeRow", table, owner, index, place: this.#values.append(owner, index, value) };
          }),
          entryByteLength: entryByteLength!,
        };
      });
      this.#overlay.apply(this.#journal.append(batches));
    } catch (error) {
      if (valueByteLength > 0) this.#values.cutBack(mark);
      throw this.#failure(error, this.#journal.path);
    }
    this.#byteLength += byteLength;
    this.#valueByteLength += valueByteLength;
    this.#drainWhenIdle();
  }

  /** Drains what is full; throws when the journal takes no more. */
  #makeRoom(): void {
    if (!this.#isFull(1)) return;
    this.#beginDrain();
    if (this.#isFull(DRAIN_BACKLOG)) this.drain();
  }

  #isFull(backlog: number): boolean {
    return this.#overlay.size >= backlog * DRAIN_OPERATION_COUNT ||
      this.#byteLength >= backlog * DRAIN_BYTE_LENGTH ||
      this.#valueByteLength >= backlog * DRAIN_VALUE_BYTE_LENGTH;
  }

  /** Drains at once, or begins to and leaves the rest for when the values are durable. */
  #beginDrain(): void {
    if (this.#values.isSynced) return this.drain();
    if (this.#drainWork !== null) return;
    if (this.#draining.size === 0) {
      this.#overlay.moveTo(this.#draining);
      this.#drainingSequence = this.#journal.sequence;
      this.#drainingSegment = this.#segment;
      this.#handleMoved();
    }
    this.#drainWork = this.#values.sync().then(() => this.#finishDrain()).catch(() => {
      // It is told by the write that finds no room any more, or by sync().
    }).finally(() => {
      this.#drainWork = null;
      if (this.#overlay.size > 0) this.#drainWhenIdle();
    });
  }

  #finishDrain(): void {
    // A drain that could not wait may have taken it along.
    if (this.#draining.size === 0) return;
    this.#beforeWrite();
    this.#writer.commit([this.#draining.operations()], this.#drainingSequence);
    this.#walSync.handleCopy();
    this.#draining.clear();
    this.#journal.handleApplied(this.#drainingSequence);
  }

  /** One transaction of what is in the journal and of `run` behind it. */
  #writeDatabase(run: readonly SizedWrite[]): void {
    const lists = run.map((write) => write.operations);
    if (this.pendingCount === 0) this.#commit(lists, null);
    else {
      try {
        this.#values.syncNow();
        this.#commit([...this.#pendingLists(), ...lists], this.#journal.sequence + 1);
        return;
      } catch {
        // Perhaps for want of space, or because of `run`; the journal's part must be there first in any case.
      }
      this.drain();
      this.#commit(lists, null);
    }
  }

  #commit(lists: readonly (readonly StoredOperation[])[], sequence: number | null): void {
    this.#beforeWrite();
    this.#writer.commit(lists, sequence);
    this.#walSync.handleCommit();
    if (sequence === null) this.#isUnnumbered = true;
    else {
      this.#journal.handleNumber(sequence);
      this.#handleDrained();
    }
  }

  /** Gives what the database has, which is everything, a number that the next entry can follow. */
  #number(): void {
    this.#commit([], this.#journal.sequence + 1);
  }

  #pendingLists(): StoredOperation[][] {
    return [this.#draining.operations(), this.#overlay.operations()];
  }

  #handleDrained(): void {
    this.#draining.clear();
    this.#overlay.clear();
    this.#handleMoved();
    this.#isUnnumbered = false;
    this.#journal.handleApplied(this.#journal.sequence);
  }

  /** Begins to count what is in the overlay. */
  #handleMoved(): void {
    this.#byteLength = this.#valueByteLength = 0;
    this.#segment = Math.max(0, this.#values.lastSegment);
  }

  #drainWhenIdle(): void {
    if (this.#stopIdle !== null || this.#isClosing) return;
    const { sequence } = this.#journal;
    this.#stopIdle = this.#schedule(DRAIN_IDLE_MS, () => {
      this.#stopIdle = null;
      if (this.pendingCount === 0) return;
      if (this.#journal.sequence !== sequence) this.#drainWhenIdle();
      else this.#drainIdle();
    }, { unref: true });
  }

  #beforeWrite(): void {
    this.#reader.forget();
    this.#endReading();
  }

  #drainIdle(): void {
    try {
      this.#beginDrain();
    } catch {
      // See tryDrain().
    }
  }

  #failure(error: unknown, file: string): unknown {
    const isMistake = error instanceof TypeError || error instanceof RangeError;
    return isMistake ? error : storageFailure(error, "write", file, this.#folder);
  }
}

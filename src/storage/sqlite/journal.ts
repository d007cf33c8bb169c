/**
 * The journal of a store that is open for writing: small batches are appended to it, and later drained into the
 * database many at a time.
 *
 * It has two files. One is appended to. Once that is large, entries go to the other one; it is emptied when all of its
 * entries are applied and SQLite's log with them is synced.
 *
 * @module
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { AppendFile } from "./append_file.ts";
import { syncFolderNow } from "./folder_sync.ts";
import {
  decodeOperations,
  encodeEntry,
  ENTRY_HEADER_BYTE_LENGTH,
  type EntryBuffer,
  type EntrySum,
  entrySum,
} from "./journal_entry.ts";
import { type FindDamaged, JOURNAL_NAMES, operationsOf, planReplay, scanFile } from "./journal_scan.ts";
import { JOURNAL_BUFFER_BYTE_LENGTH, JOURNAL_FILE_BYTE_LENGTH } from "./limits.ts";
import type { LogSync } from "./log_sync.ts";
import type { StoredOperation } from "./place.ts";
import type { SqliteRuntime } from "./runtime.ts";

/** Operations and the length of their entry. */
export interface JournalBatch {
  readonly operations: readonly StoredOperation[];
  /** As `entryByteLength` has it. */
  readonly entryByteLength: number;
}

/** Options of {@linkcode Journal.open}. */
export interface JournalOptions {
  readonly runtime: SqliteRuntime;
  readonly folder: string;
  /** The store's own number, see `entrySum`. */
  readonly salt: number;
  /** Sync of SQLite's log. */
  readonly walSync: LogSync;
}

/** An open journal. */
export class Journal {
  readonly #sum: EntrySum;
  readonly #files: readonly [AppendFile, AppendFile];
  readonly #walSync: LogSync;
  #current: AppendFile;
  /** Number of the last entry that may be in the file that is not appended to. */
  #otherSequence = 0;
  #sequence = 0;
  #durableSequence = 0;
  #buffer: EntryBuffer = entryBuffer(JOURNAL_BUFFER_BYTE_LENGTH);
  #bufferEnd = 0;
  #emptying: Promise<void> | null = null;

  private constructor(
    { runtime, salt, walSync }: JournalOptions,
    files: readonly [AppendFile, AppendFile],
  ) {
    this.#sum = entrySum(runtime.crc32, salt);
    this.#files = files;
    this.#walSync = walSync;
    this.#current = files[0];
  }

  /** Opens the files, creating them when they are missing; {@linkcode Journal.recover} comes next. */
  static open(options: JournalOptions): Journal {
    const [first, second] = JOURNAL_NAMES.map((name) => join(options.folder, name)) as [string, string];
    const isNew = !existsSync(first) || !existsSync(second);
    const file = new AppendFile(first);
    try {
      const journal = new Journal(options, [file, new AppendFile(second)]);
      if (isNew) syncFolderNow(options.folder);
      return journal;
    } catch (error) {
      file.close();
      throw error;
    }
  }

  /** Number of the last write. */
  get sequence(): number {
    return this.#sequence;
  }

  /** Path of the file that is appended to. */
  get path(): string {
    return this.#current.path;
  }

  /**
   * Finds what an earlier process left for a database that has everything up to `appliedSequence`. Until
   * {@linkcode Journal.empty} or {@linkcode Journal.keep} was called nothing may be appended.
   *
   * @throws {StorageError} as `planReplay` does.
   */
  recover(appliedSequence: number, findDamaged: FindDamaged): Recovery {
    const contents = this.#files.map((file) => file.read());
    const scanned = contents.map((bytes, i) => scanFile(this.#sum, this.#files[i]!.path, bytes));
    const { entries, sequence, sequenceMax } = planReplay(scanned, appliedSequence, findDamaged);
    this.#sequence = appliedSequence;
    return {
      isEmpty: contents.every((bytes) => bytes.byteLength === 0),
      operations: entries.flatMap((entry) => operationsOf(entry, this.#current.path)),
      sequence,
      // Numbers are not used again, since what is cut off might come back with a power loss.
      sequenceMax,
      ends: scanned.map((file) => file.entries.findLast((entry) => entry.sequence <= sequence)?.end ?? 0),
      isSecondLast: scanned[1]!.entries.some((entry) => entry.sequence === sequence),
    };
  }

  /** Goes on behind what was recovered, when it could not be applied; the rest is cut off. */
  keep({ sequence, ends, isSecondLast }: Recovery): void {
    for (const [i, file] of this.#files.entries()) file.cut(ends[i]!);
    this.#current = this.#files[isSecondLast ? 1 : 0];
    this.#sequence = this.#otherSequence = sequence;
  }

  /** Empties both files: everything is in the database, durably. */
  empty(): void {
    for (const file of this.#files) file.cut(0);
  }

  /** Notes that the database took the number `sequence` for a write of its own. */
  handleNumber(sequence: number): void {
    this.#sequence = sequence;
  }

  /** Appends `batches` as an entry each, all or none; returns their operations with bytes of the journal's own. */
  append(batches: readonly JournalBatch[]): StoredOperation[] {
    let byteLength = 0;
    for (const batch of batches) byteLength += batch.entryByteLength;
    if (byteLength > this.#buffer.bytes.byteLength - this.#bufferEnd) {
      this.#buffer = entryBuffer(Math.max(byteLength, JOURNAL_BUFFER_BYTE_LENGTH));
      this.#bufferEnd = 0;
    }
    const first = this.#bufferEnd;
    let [start, sequence] = [first, this.#sequence];
    for (const { operations, entryByteLength } of batches) {
      const end = start + entryByteLength;
      const durableSequence = this.#durableSequence;
      encodeEntry(this.#sum, this.#buffer, {
        sequence: ++sequence,
        durableSequence,
        operations,
        start,
        end,
      });
      start = end;
    }
    this.#current.append(this.#buffer.bytes.subarray(first, start));
    this.#sequence = sequence;
    this.#bufferEnd = start;
    return this.#ownOperations(first, batches);
  }

  /** Notes that the entries up to `sequence` are applied; a large file is given up, or emptied, then. */
  handleApplied(sequence: number): void {
    if (this.#emptying !== null) return;
    let other = this.#files.find((file) => file !== this.#current)!;
    if (other.byteLength === 0) {
      if (this.#current.byteLength < JOURNAL_FILE_BYTE_LENGTH) return;
      [this.#current, other] = [other, this.#current];
      this.#otherSequence = this.#sequence;
    }
    if (this.#otherSequence <= sequence) this.#emptying = this.#emptySynced(other, sequence);
  }

  /** Makes all entries durable. */
  async sync(): Promise<void> {
    await Promise.all(this.#files.map((file) => file.sync()));
  }

  /** Notes that everything up to `sequence` is durable. */
  handleDurable(sequence: number): void {
    this.#durableSequence = Math.max(this.#durableSequence, sequence);
  }

  /** Waits for what goes on behind the scenes. */
  async settle(): Promise<void> {
    await this.#emptying;
  }

  /** Closes the files. */
  close(): void {
    for (const file of this.#files) file.close();
  }

  /** Empties a file whose entries are all applied, up to `sequence`, once SQLite's log that has them is durable. */
  async #emptySynced(file: AppendFile, sequence: number): Promise<void> {
    try {
      await this.#walSync.syncAll();
      this.handleDurable(sequence);
      file.cut(0);
    } catch {
      // The file stays as it is and is tried again after the next drain; a failed sync is told by sync().
    } finally {
      this.#emptying = null;
    }
  }

  /** What was appended, as views of the buffer. */
  #ownOperations(first: number, batches: readonly JournalBatch[]): StoredOperation[] {
    const { bytes } = this.#buffer;
    const all: StoredOperation[] = [];
    let start = first;
    for (const { entryByteLength } of batches) {
      const end = start + entryByteLength;
      const operations = decodeOperations(bytes.subarray(start + ENTRY_HEADER_BYTE_LENGTH, end));
      if (batches.length === 1) return operations!;
      for (const operation of operations!) all.push(operation);
      start = end;
    }
    return all;
  }
}

/** What {@linkcode Journal.recover} found. */
export interface Recovery {
  /** Whether there are no bytes at all. */
  readonly isEmpty: boolean;
  /** What the database lacks. */
  readonly operations: readonly StoredOperation[];
  /** The number reached with them. */
  readonly sequence: number;
  /** Largest number seen. */
  readonly sequenceMax: number;
  /** Where in each file the entries end that count. */
  readonly ends: readonly number[];
  /** Whether the last of them stands in the second file. */
  readonly isSecondLast: boolean;
}

function entryBuffer(byteLength: number): EntryBuffer {
  const bytes = new Uint8Array(byteLength);
  return { bytes, view: new DataView(bytes.buffer) };
}

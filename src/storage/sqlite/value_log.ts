/**
 * The files of values of a store that is open for writing: values are appended to the last one, in segments of 64 MiB,
 * and a segment that has nothing in use any more is removed.
 *
 * @module
 */
import { readdirSync, statSync, unlinkSync } from "node:fs";
import { AppendFile } from "./append_file.ts";
import { storageFailure } from "./failure.ts";
import { syncFolder, syncFolderNow } from "./folder_sync.ts";
import { rowSum } from "./keys.ts";
import { SEGMENT_BYTE_LENGTH } from "./limits.ts";
import { LogSync } from "./log_sync.ts";
import type { Place } from "./place.ts";
import type { SqliteRuntime } from "./runtime.ts";
import { segmentPath, type ValueFiles } from "./value_files.ts";

/** Options of {@linkcode ValueLog}. */
export interface ValueLogOptions {
  readonly runtime: SqliteRuntime;
  readonly folder: string;
  /** Reads what is written here. */
  readonly files: ValueFiles;
}

/** A segment that may be appended to, or synced. */
interface OpenSegment {
  readonly segment: number;
  readonly file: AppendFile;
}

/** Appends values. */
export class ValueLog {
  readonly #crc32: SqliteRuntime["crc32"];
  readonly #folder: string;
  readonly #files: ValueFiles;
  /** Bytes of each segment; of the one that is appended to when it was opened. */
  readonly #byteLengths: Map<number, number>;
  readonly #folderSync: LogSync;
  /** Given up; to be closed once they are durable. */
  #full: OpenSegment[] = [];
  #current: OpenSegment | null = null;
  /** How many segments were given up so far. */
  rollCount = 0;

  /** Looks up which segments there are. What an earlier process left in them is durable as far as it is referred to. */
  constructor({ runtime, folder, files }: ValueLogOptions) {
    this.#crc32 = runtime.crc32;
    this.#folder = folder;
    this.#files = files;
    this.#byteLengths = foundSegments(folder);
    this.#folderSync = new LogSync(() => syncFolder(folder), folder);
    this.#folderSync.handleSynced();
  }

  /** The numbers of all segments, in no order. */
  get segments(): number[] {
    return Array.from(this.#byteLengths.keys());
  }

  /** The number of the segment that is appended to; -1 before there is any. */
  get lastSegment(): number {
    let last = -1;
    for (const segment of this.#byteLengths.keys()) last = Math.max(last, segment);
    return last;
  }

  /** Whether everything appended so far is durable. */
  get isSynced(): boolean {
    return this.#folderSync.isSynced && this.#unsynced().length === 0;
  }

  /** Bytes of a segment, those that nothing refers to included. */
  byteLength(segment: number): number {
    const current = this.#current;
    return current?.segment === segment ? current.file.byteLength : this.#byteLengths.get(segment) ?? 0;
  }

  /**
   * Appends the value of a row.
   *
   * @throws {StorageError} when it was not stored.
   */
  append(owner: number, index: number, value: Uint8Array): Place {
    const { segment, file } = this.#opened();
    const offset = file.byteLength;
    try {
      file.append(value);
    } catch (error) {
      throw storageFailure(error, "write", file.path, this.#folder);
    }
    return { segment, offset, byteLength: value.byteLength, sum: rowSum(this.#crc32, owner, index, value) };
  }

  /** The end of what was appended. */
  mark(): ValueMark {
    const { segment, file } = this.#current ?? { segment: -1, file: null };
    return { segment, byteLength: file?.byteLength ?? 0 };
  }

  /** Takes back what was appended since `mark`, which nothing must refer to; of several segments the last part. */
  cutBack(mark: ValueMark): void {
    if (this.#current === null) return;
    const { segment, file } = this.#current;
    file.tryCut(segment === mark.segment ? mark.byteLength : this.#byteLengths.get(segment)!);
  }

  /** Makes everything appended so far durable; see {@linkcode LogSync.sync}. */
  async sync(): Promise<void> {
    const segments = this.#unsynced();
    await Promise.all([this.#folderSync.sync(), ...segments.map(({ file }) => file.sync())]);
    this.#closeSynced();
  }

  /** The same, blocking. */
  syncNow(): void {
    if (this.isSynced) return;
    this.#folderSync.syncNow(() => syncFolderNow(this.#folder));
    for (const { file } of this.#unsynced()) file.syncNow();
    this.#closeSynced();
  }

  /** Makes what an earlier process wrote to `segments` durable. */
  async syncFound(segments: Iterable<number>): Promise<void> {
    for (const segment of segments) {
      const file = new AppendFile(segmentPath(this.#folder, segment));
      try {
        await file.sync();
      } finally {
        file.close();
      }
    }
    await syncFolder(this.#folder);
  }

  /** Gives up the segment that is appended to; the next one is there, so that no number is used twice. */
  roll(): void {
    const { segment, file } = this.#begun();
    const next = this.#openSegment(segment + 1, false);
    this.rollCount++;
    this.#byteLengths.set(segment, file.byteLength);
    this.#full.push({ segment, file });
    this.#current = next;
    this.#closeSynced();
  }

  /** Removes a segment that nothing refers to; false where it could not be. */
  remove(segment: number): boolean {
    this.#files.forget(segment);
    try {
      unlinkSync(segmentPath(this.#folder, segment));
    } catch (error) {
      if ((error as { code?: unknown }).code !== "ENOENT") return false;
    }
    this.#byteLengths.delete(segment);
    return true;
  }

  /** Closes the files. */
  close(): void {
    for (const { file } of [...this.#full, ...(this.#current === null ? [] : [this.#current])]) file.close();
    this.#full = [];
    this.#current = null;
  }

  /** The segment to append to. */
  #opened(): OpenSegment {
    if (this.#begun().file.byteLength >= SEGMENT_BYTE_LENGTH) this.roll();
    return this.#begun();
  }

  /** The last segment, full or not. */
  #begun(): OpenSegment {
    if (this.#current !== null) return this.#current;
    const last = this.lastSegment;
    return this.#current = this.#openSegment(Math.max(0, last), last >= 0);
  }

  #openSegment(segment: number, isThere: boolean): OpenSegment {
    const path = segmentPath(this.#folder, segment);
    try {
      const file = isThere ? AppendFile.openDurable(path) : new AppendFile(path);
      if (!isThere) this.#folderSync.handleCommit();
      this.#byteLengths.set(segment, file.byteLength);
      return { segment, file };
    } catch (error) {
      throw storageFailure(error, "write", path, this.#folder);
    }
  }

  #unsynced(): OpenSegment[] {
    const segments = this.#current === null ? this.#full : [...this.#full, this.#current];
    return segments.filter(({ file }) => !file.isSynced);
  }

  #closeSynced(): void {
    const isDone = ({ file }: OpenSegment): boolean => file.isSynced && !file.isSyncing;
    for (const { file } of this.#full.filter(isDone)) file.close();
    this.#full = this.#full.filter((segment) => !isDone(segment));
  }
}

/** Where {@linkcode ValueLog.cutBack} cuts. */
export interface ValueMark {
  readonly segment: number;
  readonly byteLength: number;
}

function foundSegments(folder: string): Map<number, number> {
  const found = new Map<number, number>();
  for (const name of readdirSync(folder)) {
    const segment = Number(/^values-(0|[1-9]\d{0,7})$/.exec(name)?.[1] ?? -1);
    if (segment >= 0) found.set(segment, statSync(segmentPath(folder, segment)).size);
  }
  return found;
}

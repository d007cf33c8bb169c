/**
 * The journal as a store that is open read-only sees it, while another process may be writing.
 *
 * Look at the journal first, at the database then: what the writer has emptied out of the journal in between is in
 * the database by then, so that no write is missed.
 *
 * @module
 */
import { closeSync, openSync, readSync } from "node:fs";
import { join } from "node:path";
import { ENTRY_HEADER_BYTE_LENGTH, type EntrySum, type JournalEntry } from "./journal_entry.ts";
import {
  assertFormat,
  entriesAfter,
  JOURNAL_NAMES,
  operationsOf,
  readEntries,
  wholeEntries,
} from "./journal_scan.ts";
import { Overlay } from "./overlay.ts";
import type { ValueFiles } from "./value_files.ts";

/** Bytes read at once, at first. */
const READ_BYTE_LENGTH = 64 * 1024;

/** Follows both files. */
export class JournalView {
  readonly #files: readonly FollowedFile[];
  readonly #values: ValueFiles;
  #entries: JournalEntry[] = [];
  #overlay = new Overlay();
  #applied = -1;
  #reached = -1;
  #isStale = false;
  #isFirst = true;

  /** Opens the files that are there; others are tried again at each look. */
  constructor(sum: EntrySum, folder: string, values: ValueFiles) {
    this.#values = values;
    this.#files = JOURNAL_NAMES.map((name) => new FollowedFile(sum, join(folder, name)));
  }

  /** Reads what has come since the last look. */
  look(): void {
    for (const file of this.#files) {
      for (const entry of file.read()) {
        this.#entries.push(entry);
        this.#isStale = true;
      }
    }
  }

  /** What the journal has beyond `applied`, which a look at the database after {@linkcode JournalView.look} found. */
  overlay(applied: number): Overlay {
    if (applied !== this.#applied) {
      this.#entries = this.#entries.filter((entry) => entry.sequence > applied);
      this.#overlay = new Overlay();
      this.#applied = this.#reached = applied;
      this.#isStale = true;
    }
    if (this.#isStale) {
      this.#isStale = false;
      if (this.#isFirst) this.#dropTorn(applied);
      for (const entry of entriesAfter(this.#entries, this.#reached)) {
        this.#overlay.apply(operationsOf(entry, this.#files[0]!.path));
        this.#reached = entry.sequence;
      }
    }
    return this.#overlay;
  }

  /** The same, as it is now and stays. */
  fixedOverlay(applied: number): Overlay {
    return this.overlay(applied).copy();
  }

  /**
   * Drops what a power loss has left without its values, and what is behind it. Whoever writes now has stored the values
   * of an entry before the entry.
   */
  #dropTorn(applied: number): void {
    this.#isFirst = false;
    const following = entriesAfter(this.#entries, applied);
    const path = this.#files[0]!.path;
    const { entries } = wholeEntries(following, path, (operations) => this.#values.findDamaged(operations));
    if (entries.length < following.length) this.#entries = entries.slice();
  }

  /** Closes the files. */
  close(): void {
    for (const file of this.#files) file.close();
  }
}

/** A file that another process appends to and empties. */
class FollowedFile {
  readonly path: string;
  readonly #sum: EntrySum;
  readonly #header = new Uint8Array(ENTRY_HEADER_BYTE_LENGTH);
  #fd: number | null = null;
  /** Header of the first entry: another one after the file was emptied. */
  #first = new Uint8Array(ENTRY_HEADER_BYTE_LENGTH);
  #end = 0;

  constructor(sum: EntrySum, path: string) {
    this.#sum = sum;
    this.path = path;
  }

  /** Reads the entries that were appended since the last time, all when the file was emptied meanwhile. */
  read(): JournalEntry[] {
    this.#fd ??= openExisting(this.path);
    if (this.#fd === null) return [];
    const length = readSync(this.#fd, this.#header, 0, this.#header.byteLength, 0);
    if (length < ENTRY_HEADER_BYTE_LENGTH) {
      this.#end = 0;
      return [];
    }
    if (this.#header.some((byte, i) => byte !== this.#first[i])) {
      this.#first.set(this.#header);
      this.#end = 0;
    }
    const entries = readEntries(this.#sum, readFrom(this.#fd, this.#end));
    this.#end += entries.at(-1)?.end ?? 0;
    for (const entry of entries) assertFormat(this.path, entry);
    return entries;
  }

  close(): void {
    if (this.#fd !== null) closeSync(this.#fd);
    this.#fd = null;
  }
}

function openExisting(path: string): number | null {
  try {
    return openSync(path, "r");
  } catch (error) {
    // A store that was never opened for writing since it was copied has none.
    if ((error as { code?: unknown }).code === "ENOENT") return null;
    throw error;
  }
}

/** Reads a file from `offset` to its end. */
function readFrom(fd: number, offset: number): Uint8Array {
  let bytes = new Uint8Array(READ_BYTE_LENGTH);
  let length = 0;
  while (true) {
    const count = readSync(fd, bytes, length, bytes.byteLength - length, offset + length);
    if (count === 0) return bytes.subarray(0, length);
    length += count;
    if (length < bytes.byteLength) continue;
    const larger = new Uint8Array(2 * bytes.byteLength);
    larger.set(bytes);
    bytes = larger;
  }
}

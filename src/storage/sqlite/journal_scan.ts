/**
 * What a journal holds: which entries count, and when what is missing is damage.
 *
 * @module
 */
import { StorageError } from "../errors.ts";
import {
  decodeOperations,
  entryAt,
  entryStart,
  type EntrySum,
  JOURNAL_FORMAT,
  type JournalEntry,
} from "./journal_entry.ts";
import type { StoredOperation } from "./place.ts";

/** Names of the two files, in the store's folder. */
export const JOURNAL_NAMES = ["journal-0", "journal-1"] as const;

/** What became of the bytes of one file. */
export interface ScannedFile {
  /** Path. */
  readonly file: string;
  /** Entries from the beginning on, without a gap in the bytes. */
  readonly entries: readonly JournalEntry[];
  /** Entries behind bytes that are none. */
  readonly strays: readonly JournalEntry[];
}

/** Reads the entries that stand in `bytes` one after the other, from `start` on. */
export function readEntries(
  sum: EntrySum,
  bytes: Uint8Array,
  start: number = 0,
): JournalEntry[] {
  const entries: JournalEntry[] = [];
  for (let entry = entryAt(sum, bytes, start); entry !== null; entry = entryAt(sum, bytes, entry.end)) {
    entries.push(entry);
  }
  return entries;
}

/** Reads all entries of a file, those behind damaged bytes included. */
export function scanFile(sum: EntrySum, file: string, bytes: Uint8Array): ScannedFile {
  const entries = readEntries(sum, bytes);
  const strays: JournalEntry[] = [];
  const end = entries.at(-1)?.end ?? 0;
  for (let at = entryStart(bytes, end); at !== -1;) {
    const entry = entryAt(sum, bytes, at);
    if (entry !== null) strays.push(entry);
    at = entryStart(bytes, entry?.end ?? at + 1);
  }
  return { file, entries, strays };
}

/** The path of a file of values that has not what one of the operations says is in it; `null` when all is there. */
export type FindDamaged = (operations: readonly StoredOperation[]) => string | null;

/** Entries to apply to the database. */
export interface Replay {
  /** Those that follow what is applied, each by one, with all of their values. */
  readonly entries: readonly JournalEntry[];
  /** The sequence number reached. */
  readonly sequence: number;
  /** Largest sequence number there is in any entry, or `sequence`. */
  readonly sequenceMax: number;
}

/**
 * Finds what must be replayed onto a database that has everything up to `appliedSequence`.
 *
 * @throws {StorageError} `STORAGE_VERSION` when an entry has a newer format; `STORAGE_CORRUPT` when an entry says that
 *   writes were durable which are in neither the database nor the journal.
 */
export function planReplay(
  files: readonly ScannedFile[],
  appliedSequence: number,
  findDamaged: FindDamaged,
): Replay {
  let [sequenceMax, durableSequence] = [appliedSequence, 0];
  for (const { file, entries, strays } of files) {
    for (const entry of [...entries, ...strays]) {
      assertFormat(file, entry);
      sequenceMax = Math.max(sequenceMax, entry.sequence);
      durableSequence = Math.max(durableSequence, entry.durableSequence);
    }
  }
  const following = entriesAfter(files.flatMap((file) => file.entries), appliedSequence);
  const { entries, damaged } = wholeEntries(following, files[0]?.file ?? "", findDamaged);
  const sequence = entries.at(-1)?.sequence ?? appliedSequence;
  if (durableSequence > sequence) {
    const names = damaged ?? files.map(({ file }) => file).join(" or ");
    throw new StorageError(
      "STORAGE_CORRUPT",
      `Cannot replay ${names}: write ${durableSequence} was durable, and what is there ends at ${sequence}; the ` +
        `file or the database is damaged; restore the folder from a copy, or delete it and fetch the data from peers`,
      { file: damaged ?? files[0]?.file },
    );
  }
  return { entries, sequence, sequenceMax };
}

/** Those of `entries` before the first that lacks a value, and the file that it lacks it in. */
export function wholeEntries(
  entries: readonly JournalEntry[],
  file: string,
  findDamaged: FindDamaged,
): { readonly entries: readonly JournalEntry[]; readonly damaged: string | null } {
  for (const [i, entry] of entries.entries()) {
    const damaged = findDamaged(operationsOf(entry, file));
    if (damaged !== null) return { entries: entries.slice(0, i), damaged };
  }
  return { entries, damaged: null };
}

/** Those of `entries` that follow `appliedSequence`, each by one: an entry behind a gap builds on what is lost. */
export function entriesAfter(entries: readonly JournalEntry[], appliedSequence: number): JournalEntry[] {
  const following: JournalEntry[] = [];
  let sequence = appliedSequence;
  for (const entry of entries.toSorted((a, b) => a.sequence - b.sequence)) {
    if (entry.sequence <= sequence) continue;
    if (entry.sequence !== sequence + 1) break;
    following.push(entry);
    sequence = entry.sequence;
  }
  return following;
}

/** The operations of an entry. @throws {StorageError} `STORAGE_CORRUPT` when they make no sense. */
export function operationsOf(entry: JournalEntry, file: string): StoredOperation[] {
  const operations = decodeOperations(entry.body);
  if (operations !== null) return operations;
  throw new StorageError(
    "STORAGE_CORRUPT",
    `Cannot read write ${entry.sequence} from ${file}: its checksum holds, its content makes no sense; restore the ` +
      `folder from a copy, or delete it and fetch the data from peers`,
    { file },
  );
}

/** @throws {StorageError} `STORAGE_VERSION` when `entry`, found in `file`, has a newer format. */
export function assertFormat(file: string, { format }: JournalEntry): void {
  if (format >= 1 && format <= JOURNAL_FORMAT) return;
  throw new StorageError(
    "STORAGE_VERSION",
    `Cannot open ${file}: its format version is ${format}, this library supports up to ${JOURNAL_FORMAT}; ` +
      `use a newer version of the library`,
    { file },
  );
}

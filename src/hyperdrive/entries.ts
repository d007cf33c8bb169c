/**
 * Entries as a drive stores them: what a writer, whoever that is, has put into the bee.
 *
 * @module
 */
import type { BeeEntry } from "../hyperbee/mod.ts";
import { SubEncoder } from "../hyperbee/mod.ts";
import type { BlobId } from "../hyperblobs/mod.ts";
import type { DriveEntry, DriveEntryValue } from "../mirror_drive/mod.ts";
import { HyperdriveError } from "./errors.ts";

/** A file or link of a Hyperdrive. */
export interface HyperdriveEntry extends DriveEntry {
  /** The block of the metadata core that the entry is in: a greater one is newer. */
  readonly seq: number;
}

/** Keys of files: other keys may lie beside them in the bee. */
export const FILE_KEYS: SubEncoder<string> = new SubEncoder<string>("files", "utf-8");

/**
 * The entry that a bee's node holds; null for null.
 *
 * @throws {HyperdriveError} `BAD_ENTRY` where it is none.
 */
export function entryOf(node: BeeEntry<string, unknown> | null): HyperdriveEntry | null {
  if (node === null) return null;
  const { seq, key, value } = node;
  if (typeof value !== "object" || value === null) throw badEntry(key, "it is no object");
  const { executable, linkname, blob, metadata } = value as Partial<DriveEntryValue>;
  if (linkname !== undefined && linkname !== null && typeof linkname !== "string") {
    throw badEntry(key, "its link is no text");
  }
  return {
    seq,
    key,
    value: {
      executable: executable === true,
      linkname: linkname ?? null,
      blob: blob === undefined || blob === null ? null : checkBlob(key, blob),
      metadata: metadata ?? null,
    },
  };
}

function checkBlob(key: string, blob: BlobId): BlobId {
  if (typeof blob !== "object") throw badEntry(key, "its blob is no object");
  for (const field of ["blockOffset", "blockLength", "byteOffset", "byteLength"] as const) {
    const number: unknown = blob[field];
    if (!Number.isSafeInteger(number) || (number as number) < 0) {
      throw badEntry(key, `the ${field} of its blob is ${JSON.stringify(number)}`);
    }
  }
  return blob;
}

function badEntry(key: string, reason: string): HyperdriveError {
  return new HyperdriveError("BAD_ENTRY", `What is stored as ${key} is no entry of a drive, ${reason}`);
}

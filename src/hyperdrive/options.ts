/**
 * Options of drives. Source: `hyperdrive` 13.3.3 (index.js).
 *
 * @module
 */
import type { ReadOptions } from "../hyperbee/mod.ts";
import type { Ignore } from "./listing.ts";

/** Options of `new Hyperdrive()`. */
export interface HyperdriveOptions {
  /** Key that both cores are encrypted with, 32 bytes (default: they are not). */
  readonly encryptionKey?: Uint8Array | null;
  /** Told when a block has to be waited for. */
  readonly onwait?: (index: number) => void;
  /** Whether the drive's cores count as interested in downloading (default true). */
  readonly active?: boolean;
  /** True: keys are the signers' public keys, as in Hypercore 10. */
  readonly compat?: boolean;
  /** False: the metadata's bee neither sends nor takes hints. */
  readonly extension?: boolean;
}

/** Options of reading. */
export interface WaitOptions extends Pick<ReadOptions, "wait" | "timeout"> {
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Options of `entry()` and `exists()`. */
export interface EntryOptions extends WaitOptions {
  /** Go along links to the file that they lead to, 16 at most (default false). */
  readonly follow?: boolean;
}

/** A range of a file's bytes. */
export interface ByteRange {
  /** First byte (default 0). */
  readonly start?: number;
  /** Last byte, inclusive (default: the last one). */
  readonly end?: number;
  /** How many bytes, before `end`. */
  readonly length?: number;
}

/** Options of `get()`. */
export interface GetOptions extends EntryOptions, ByteRange {}

/** Options of `createReadStream()`. */
export interface ReadStreamOptions extends WaitOptions, ByteRange {
  /** False: fetches no block before it is read (default true). */
  readonly prefetch?: boolean;
}

/** Options of `put()`. */
export interface PutOptions {
  /** Whether the file may be run (default false). */
  readonly executable?: boolean;
  /** Kept with the entry, as JSON. */
  readonly metadata?: unknown;
}

/** Options of `createWriteStream()`. */
export interface WriteStreamOptions extends PutOptions {
  /** Blocks that the version before has are used again (default false). */
  readonly dedup?: boolean;
}

/** Options of `list()`. */
export interface ListOptions extends WaitOptions {
  /** Whether folders are gone into (default true). */
  readonly recursive?: boolean;
  /** Paths to leave out, with what lies below them, or a function that tells. */
  readonly ignore?: string | readonly string[] | NonNullable<Ignore> | null;
}

/** Options of `entries()`. */
export interface EntriesOptions extends ListOptions {
  /** The greatest key first (default false). */
  readonly reverse?: boolean;
  /** How many at most. */
  readonly limit?: number;
}

/** A range of keys of entries. */
export interface EntryRange {
  /** Behind this key. */
  readonly gt?: string;
  /** From this key on. */
  readonly gte?: string;
  /** Before this key. */
  readonly lt?: string;
  /** Up to this key. */
  readonly lte?: string;
}

/** Options of `truncate()`. */
export interface TruncateOptions {
  /** Length of the blobs' core to go back to (default: what the version's entries need). */
  readonly blobs?: number;
}

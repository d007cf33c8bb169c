/**
 * Options of drives on the file system. Source: `localdrive` 2.2.1 (index.js).
 *
 * @module
 */

/** Where a drive keeps what file systems do not: metadata by path. */
export interface MetadataHooks {
  /** What is kept for `key`, null for nothing. */
  get?(key: string): unknown;
  /** Keeps `value` for `key`. */
  put?(key: string, value: unknown): unknown;
  /** Forgets `key`. */
  del?(key: string): unknown;
}

/** Options of `new Localdrive()`. */
export interface LocaldriveOptions {
  /** Show what links lead to, wherever that is, instead of links (default false). */
  readonly followLinks?: boolean;
  /** The same for links that lead out of the folder only (default false). */
  readonly followExternalLinks?: boolean;
  /** Keeps metadata; without it there is none. */
  readonly metadata?: MetadataHooks | Map<string, unknown> | null;
  /** Write to a temporary file and rename it, so that a file is never seen half-written (default false). */
  readonly atomic?: boolean;
  /** Folders that paths below a prefix lie in, by prefix: `{ "/photos": "/media/photos" }`. */
  readonly roots?: Readonly<Record<string, string>>;
}

/** Options of `get()` and `entry()`. */
export interface EntryOptions {
  /** Go along links to the file that they lead to, 16 at most (default false). */
  readonly follow?: boolean;
}

/** Options of `list()` and `readdir()`. */
export interface ListOptions {
  /** Paths to leave out, with what lies below them, or a function that tells. */
  readonly ignore?: string | readonly string[] | ((key: string) => boolean) | null;
}

/** Options of `createReadStream()`. */
export interface ReadStreamOptions {
  /** First byte (default 0). */
  readonly start?: number;
  /** Last byte, inclusive (default: the last of the file). */
  readonly end?: number;
  /** How many bytes, before `end`. */
  readonly length?: number;
}

/** Options of `put()` and `createWriteStream()`. */
export interface WriteOptions {
  /** Whether its owner may run the file: mode 755 instead of 644 (default false). */
  readonly executable?: boolean;
  /** Kept by the drive's metadata hooks; without it what is kept is forgotten. */
  readonly metadata?: unknown;
  /** Permission bits (default: those of `executable`). */
  readonly mode?: number;
  /** Time of the last change, ms since the Unix epoch (default: now). */
  readonly mtime?: number;
  /** Ignored: a file system has no blocks to share. */
  readonly dedup?: boolean;
}

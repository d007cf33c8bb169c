/**
 * What a drive is to a mirror: Hyperdrive, Localdrive, and whatever else looks like them.
 *
 * @module
 */
import type { Readable, Writable } from "../base/mod.ts";

/** Where the bytes of a file lie in a drive's blobs. Source: `hyperblobs` 2.12.1 (index.js). */
export interface DriveBlobId {
  /** First block. */
  readonly blockOffset: number;
  /** How many blocks. */
  readonly blockLength: number;
  /** Offset of the first byte in the core. */
  readonly byteOffset: number;
  /** How many bytes. */
  readonly byteLength: number;
  /** The blocks hold a map of blocks instead of the bytes. */
  readonly blockMap?: boolean;
}

/** What a drive knows of a file. Source: `hyperdrive` 13.3.3 (index.js). */
export interface DriveEntryValue {
  /** Whether its owner may run it. */
  readonly executable: boolean;
  /** Where a link leads, null for a file. */
  readonly linkname: string | null;
  /** Where the bytes are, null for a link. */
  readonly blob: DriveBlobId | null;
  /** Whatever its writer added. */
  readonly metadata: unknown;
}

/** A file or link of a drive. */
export interface DriveEntry {
  /** Absolute path in the drive. */
  readonly key: string;
  /** What is known of it. */
  readonly value: DriveEntryValue;
  /** In a drive on the file system: time of the last change, ms since the Unix epoch. */
  readonly mtime?: number;
  /** In a drive on the file system: permission bits. */
  readonly mode?: number;
}

/** Options of {@linkcode MirrorableDrive.createWriteStream}. */
export interface DriveWriteOptions {
  /** Whether its owner may run the file. */
  readonly executable?: boolean;
  /** Kept with the file. */
  readonly metadata?: unknown;
  /** Blocks that the version before has already are not stored again, in drives that can. */
  readonly dedup?: boolean;
  /** Permission bits, in drives on the file system. */
  readonly mode?: number;
  /** Time of the last change, ms since the Unix epoch, in drives on the file system. */
  readonly mtime?: number;
}

/** A range of blocks on its way. */
export interface BlockDownload {
  /** The request itself, once made. */
  readonly request?: { readonly context: { readonly start: number; readonly end: number } | null } | null;
  /** Resolves once the request is made. */
  ready(): Promise<void>;
  /** Resolves once all blocks are here. */
  done(): Promise<unknown>;
  /** Gives up. */
  destroy(error?: Error | null): void;
}

/** Told of a block that was sent or received. */
// deno-lint-ignore no-explicit-any -- cores tell of the peer too, which is nothing to a mirror
export type BlockListener = (index: number, byteLength: number, peer: any) => void;

/** The core that a drive's blobs lie in, as far as a mirror uses it. */
export interface MirrorableCore {
  /** Whether we may append. */
  readonly writable: boolean;
  /** Length, blocks. */
  readonly length: number;
  /** Blocks that are here without a gap from the first. */
  readonly contiguousLength: number;
  /** Fetches blocks in the background. */
  download(
    range: { readonly start?: number; readonly length?: number; readonly blocks?: number[] },
  ): BlockDownload;
  /** Listens to `upload` and `download` of blocks. */
  on(event: "upload" | "download", listener: BlockListener): unknown;
  /** Stops listening. */
  off(event: "upload" | "download", listener: BlockListener): unknown;
}

/** A drive's blobs, as far as a mirror uses them. */
export interface MirrorableBlobs {
  /** The core they lie in. */
  readonly core: MirrorableCore;
  /** The blocks of a blob that is stored as a map of blocks, null for another. */
  getBlockMap(
    blob: DriveBlobId,
  ): Promise<{ readonly blocks: readonly { readonly index: number }[] } | null> | null;
  /** The size of a blob, bytes, whichever way it is stored. */
  getByteLength(blob: DriveBlobId): Promise<number>;
}

/** A drive that can be one end of a mirror. */
export interface MirrorableDrive {
  /** Whether entries keep metadata. */
  readonly supportsMetadata: boolean;
  /** Whether files keep permission bits and times by themselves. */
  readonly supportsAttributes?: boolean;
  /** The core of its metadata, where it has one. */
  readonly core?: { readonly writable: boolean; readonly peers: readonly unknown[] };
  /** Resolves once it is open. */
  ready(): Promise<void>;
  /** The entry of a path, null where there is none. */
  entry(path: string | DriveEntry): Promise<DriveEntry | null>;
  /** Whether `list()` shows a path that `entry()` knows: a file system also knows paths through links. Default: it does. */
  isListed?(path: string): Promise<boolean>;
  /** The entries below a folder. */
  list(
    folder: string,
    options?: { readonly ignore?: ((key: string) => boolean) | null },
  ): AsyncIterable<DriveEntry>;
  /** The bytes of a file. */
  get(path: string | DriveEntry): Promise<Uint8Array | null>;
  /** Writes a file. */
  put(path: string, bytes: Uint8Array, options?: DriveWriteOptions): Promise<unknown>;
  /** Reads a file. */
  createReadStream(path: string | DriveEntry): Readable<Uint8Array>;
  /** Writes a file. */
  createWriteStream(path: string, options?: DriveWriteOptions): Writable<Uint8Array>;
  /** Removes a file. */
  del(path: string): Promise<unknown>;
  /** Writes a link. */
  symlink(path: string, linkname: string): Promise<unknown>;
  /** Writes the entry of a file without its bytes, in drives that can. */
  putEntry?(path: string, value: DriveEntryValue): Promise<unknown>;
  /** Its blobs, in drives that have them. */
  getBlobs?(): Promise<MirrorableBlobs | null>;
  /** A view of it whose writes wait for `flush()`. */
  batch(): MirrorableDrive;
  /** Commits a batch, and closes it. */
  flush?(): Promise<unknown>;
  /** Drops a batch that was not committed, in drives whose batches keep others from writing. */
  close?(): Promise<unknown>;
}

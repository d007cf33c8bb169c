/**
 * The class that programs use: a folder as a drive. Source for names, options and behaviour: `localdrive` 2.2.1.
 *
 * @module
 */
import {
  compareBytes,
  Mutex,
  type Readable,
  resolveDrivePath,
  utf8Bytes,
  type Writable,
} from "../base/mod.ts";
import {
  type DriveEntry,
  type MirrorableDrive,
  MirrorDrive,
  type MirrorDriveOptions,
} from "../mirror_drive/mod.ts";
import {
  type DirectoryEntry,
  PromptFiles,
  readDirectory,
  readLink,
  readWholeFile,
  realPath,
  removeEmptyDirectory,
  removeFile,
} from "../platform/mod.ts";
import path from "node:path";
import { LocaldriveError } from "./errors.ts";
import { FileWriter, isExecutable, writeLink, type WriterDrive } from "./file_writer.ts";
import { FOLLOW_HOPS_MAX, READ_BYTES, STATUS_BATCH } from "./limits.ts";
import { Locator } from "./locator.ts";
import type {
  EntryOptions,
  ListOptions,
  LocaldriveOptions,
  MetadataHooks,
  ReadStreamOptions,
  WriteOptions,
} from "./options.ts";
import { FileReadStream, FileWriteStream } from "./streams.ts";

/** A file or link of a {@linkcode Localdrive}. */
export interface LocaldriveEntry extends DriveEntry {
  /** Time of the last change, ms since the Unix epoch. */
  readonly mtime: number;
  /** Permission bits. */
  readonly mode: number;
}

/** An entry, and the file that its bytes are in. */
interface Found {
  readonly entry: LocaldriveEntry;
  readonly file: string;
}

/**
 * A folder as a drive: the methods of Hyperdrive on the file system. Paths are absolute within the folder and cannot
 * leave it.
 *
 * @example
 * ```ts
 * import Localdrive from "@quince/quince/localdrive";
 *
 * const drive = new Localdrive("./photos");
 * await drive.put("/2026/list.txt", new TextEncoder().encode("none yet"));
 * for await (const { key } of drive.list("/2026")) console.log(key);
 * ```
 */
export class Localdrive implements MirrorableDrive {
  /** The folder, absolute. */
  readonly root: string;
  /** Where metadata is kept. */
  readonly metadata: MetadataHooks;
  /** Whether metadata is kept at all. */
  readonly supportsMetadata: boolean;
  /** Permission bits and times are those of the files. */
  readonly supportsAttributes = true;
  readonly #files = new PromptFiles();
  readonly #locator: Locator;
  readonly #folders = new Mutex();
  readonly #isAtomic: boolean;
  readonly #temporaryFiles = new Set<string>();

  /** Makes a drive of the folder `root`, which need not be there yet. */
  constructor(root: string, options: LocaldriveOptions = {}) {
    this.#locator = new Locator(root, options, this.#files);
    this.root = this.#locator.root;
    this.metadata = hooksOf(options.metadata ?? null);
    this.supportsMetadata = Boolean(options.metadata);
    this.#isAtomic = options.atomic === true;
  }

  /** Does nothing: a folder is always open. */
  async ready(): Promise<void> {}

  /** Does nothing: a folder is always open. */
  async close(): Promise<void> {}

  /** Does nothing: what is written is there. */
  async flush(): Promise<void> {}

  /** Does nothing: a folder is always open. */
  async [Symbol.asyncDispose](): Promise<void> {}

  /** The drive itself: a folder has no batches. */
  batch(): this {
    return this;
  }

  /** The drive itself: a folder has no versions. */
  checkout(): this {
    return this;
  }

  /**
   * Where a path of the drive lies in the file system.
   *
   * @throws {LocaldriveError} `BAD_NAME`.
   */
  toPath(key: string): string {
    return this.#locator.fileOf(keyOf(key));
  }

  /**
   * What is known of a file or link; null where there is none.
   *
   * @throws {LocaldriveError} `RECURSIVE_LINK` when `follow` meets a 17th link.
   */
  async entry(name: string | DriveEntry, options: EntryOptions = {}): Promise<LocaldriveEntry | null> {
    return (await this.#find(name, options))?.entry ?? null;
  }

  async #find(name: string | DriveEntry, { follow }: EntryOptions): Promise<Found | null> {
    let key = keyOf(name);
    for (let hop = 0; hop < FOLLOW_HOPS_MAX; hop++) {
      const found = await this.#foundAt(key);
      const linkname = found?.entry.value.linkname ?? null;
      if (!follow || linkname === null) return found;
      key = resolveDrivePath(path.posix.dirname(key), linkname);
    }
    throw new LocaldriveError(
      "RECURSIVE_LINK",
      `Links lead from ${keyOf(name)} more than ${FOLLOW_HOPS_MAX} times on`,
    );
  }

  async #entryAt(key: string): Promise<LocaldriveEntry | null> {
    return (await this.#foundAt(key))?.entry ?? null;
  }

  async #foundAt(key: string): Promise<Found | null> {
    const located = await this.#locator.find(key);
    if (located === null) return null;
    const { file, status: { kind, byteLength, blockLength, mode, mtimeMs } } = located;
    if (kind === "link") {
      const target = await readLink(file);
      if (target === null) return null;
      const linkname = this.#locator.linkName(key, target);
      const value = { executable: false, linkname, blob: null, metadata: null };
      return { file, entry: { key, value, mtime: mtimeMs, mode } };
    }
    if (kind !== "file") return null;
    const value = {
      executable: isExecutable(mode),
      linkname: null,
      blob: { byteOffset: 0, blockOffset: 0, blockLength, byteLength },
      metadata: await this.metadata.get?.(key) ?? null,
    };
    return { file, entry: { key, value, mtime: mtimeMs, mode } };
  }

  /** All bytes of a file; null where there is none, and for a link unless `follow`. */
  async get(name: string | DriveEntry, options: EntryOptions = {}): Promise<Uint8Array | null> {
    const found = await this.#find(name, options);
    // What is looked at just now and is no link need not be looked at again.
    if (found === null || found.entry.value.blob === null) return null;
    const isSmall = found.entry.value.blob.byteLength <= READ_BYTES;
    return await (isSmall ? this.#files.read(found.file) : readWholeFile(found.file));
  }

  /** Whether there is a file or link. */
  async exists(name: string): Promise<boolean> {
    return await this.entry(name) !== null;
  }

  /** Whether `list()` shows a path that `entry()` knows: it does not go through links, unless the drive follows them. */
  async isListed(name: string): Promise<boolean> {
    return await this.#locator.isReachedWithoutLinks(keyOf(name));
  }

  /** Writes a file, with the folders that it lies in; in the place of a link that is there. */
  async put(key: string, bytes: Uint8Array | string, options: WriteOptions = {}): Promise<void> {
    const writer = new FileWriter(this.#writerDrive, keyOf(key), options);
    try {
      await writer.open();
      await writer.write([typeof bytes === "string" ? utf8Bytes(bytes) : bytes]);
      await writer.finish();
    } catch (error) {
      await writer.abort().catch(() => {}); // what failed first is what the caller hears of
      throw error;
    }
  }

  /** Removes a file or link, and the folders that are empty then; does nothing where there is none. */
  async del(name: string): Promise<void> {
    const key = keyOf(name);
    const file = await this.#locator.forWriting(key);
    if (!await removeFile(file)) return;
    this.#locator.handleChange();
    await this.#folders.run(() => this.#removeEmptyFolders(path.dirname(file)));
    await this.metadata.del?.(key);
  }

  async #removeEmptyFolders(folder: string): Promise<void> {
    for (let current = folder; current.length > this.root.length; current = path.dirname(current)) {
      if (!current.startsWith(this.root) || !await removeEmptyDirectory(current)) return;
    }
  }

  /**
   * Makes a link, in the place of what is there, to an absolute path of the drive or one relative to its folder.
   *
   * @throws {LocaldriveError} `OUTSIDE_ROOT` when it would lead out of the drive.
   */
  async symlink(name: string, linkname: string): Promise<void> {
    const key = keyOf(name);
    const target = await this.#locator.linkTarget(key, linkname);
    await writeLink(this.#writerDrive, key, target);
    this.#locator.handleChange();
    await this.metadata.del?.(key);
  }

  /** Which of two entries changed later: 1 for `a`, -1 for `b`, 0 for neither. */
  compare(a: { readonly mtime: number }, b: { readonly mtime: number }): -1 | 0 | 1 {
    return Math.sign(a.mtime - b.mtime) as -1 | 0 | 1;
  }

  /** All files and links below a folder, sorted by their paths' bytes. */
  async *list(folder?: string | ListOptions, options: ListOptions = {}): AsyncGenerator<LocaldriveEntry> {
    const [start, given] = typeof folder === "object" ? ["/", folder] : [folder ?? "/", options];
    yield* this.#listFolder(keyOf(start), ignoreFunction(given.ignore), []);
  }

  async *#listFolder(
    folder: string,
    ignore: ((key: string) => boolean) | null,
    above: readonly string[],
  ): AsyncGenerator<LocaldriveEntry> {
    const trail = await this.#trailTo(folder, above);
    if (trail === null) return;
    const names = (await this.#namesIn(folder)).filter(({ key }) => !ignore?.(key));
    for (let start = 0; start < names.length; start += STATUS_BATCH) {
      const batch = names.slice(start, start + STATUS_BATCH);
      const entries = await Promise.all(
        batch.map(({ key, isFolder }) => isFolder ? null : this.#entryAt(key)),
      );
      for (const [index, { key, isFolder }] of batch.entries()) {
        if (isFolder) yield* this.#listFolder(key, ignore, trail);
        else if (entries[index]) yield entries[index];
      }
    }
  }

  /** The folders that `folder` lies in, links resolved; null where it lies in itself, by links that lead back. */
  async #trailTo(folder: string, above: readonly string[]): Promise<readonly string[] | null> {
    if (!this.#locator.isFollowing) return above;
    const real = await realPath(this.#locator.fileOf(folder));
    return real === null || above.includes(real) ? null : [...above, real];
  }

  /** What is directly in a folder, in the order that its listing has; a folder sorts as its files' paths do. */
  async #namesIn(folder: string): Promise<{ readonly key: string; readonly isFolder: boolean }[]> {
    const found = new Map<string, boolean>();
    for (const entry of await this.#directory(folder)) {
      found.set(entry.name, await this.#isFolder(resolveDrivePath(folder, entry.name), entry));
    }
    for (const name of this.#locator.mappedNames(folder)) found.set(name, true);
    return Array.from(found, ([name, isFolder]) => ({ key: resolveDrivePath(folder, name), isFolder }))
      .map((item) => ({ ...item, order: utf8Bytes(item.isFolder ? `${item.key}/` : item.key) }))
      .sort((a, b) => compareBytes(a.order, b.order));
  }

  async #directory(folder: string): Promise<DirectoryEntry[]> {
    const file = this.#locator.fileOf(folder);
    // What lies behind a link that leads out is not there for a drive that follows none.
    const isSeen = this.#locator.isFollowing ||
      await this.#locator.find(folder) !== null && await this.#locator.leadsInside(folder, file);
    if (!isSeen) return [];
    return await readDirectory(file) ?? [];
  }

  async #isFolder(key: string, entry: DirectoryEntry): Promise<boolean> {
    if (entry.kind !== "link" || !this.#locator.isFollowing) return entry.kind === "directory";
    return (await this.#locator.find(key))?.status.kind === "directory";
  }

  /** The names directly in a folder, of files, links and folders that are not empty. */
  async *readdir(folder = "/"): AsyncGenerator<string> {
    const key = keyOf(folder);
    const above = key === "/" ? 1 : key.length + 1;
    for (const { key: child, isFolder } of await this.#namesIn(key)) {
      const isShown = isFolder ? !await this.#isEmpty(child) : await this.#entryAt(child) !== null;
      if (isShown) yield child.slice(above);
    }
  }

  async #isEmpty(folder: string): Promise<boolean> {
    const { done } = await this.list(folder).next();
    return done === true;
  }

  /** A mirror from this drive to `out`. */
  mirror(out: MirrorableDrive, options?: MirrorDriveOptions): MirrorDrive {
    return new MirrorDrive(this, out, options);
  }

  /** Reads a file, or a range of its bytes. */
  createReadStream(name: string | DriveEntry, options: ReadStreamOptions = {}): Readable<Uint8Array> {
    const key = keyOf(name);
    return new FileReadStream(key, () => this.#locator.forReading(key), options);
  }

  /** Writes a file, with the folders that it lies in. */
  createWriteStream(key: string, options: WriteOptions = {}): Writable<Uint8Array | string, Uint8Array> {
    return new FileWriteStream(this.#writerDrive, keyOf(key), options);
  }

  get #writerDrive(): WriterDrive {
    return {
      locator: this.#locator,
      hooks: this.metadata,
      folders: this.#folders,
      isAtomic: this.#isAtomic,
      temporaryFiles: this.#temporaryFiles,
    };
  }
}

function keyOf(name: string | DriveEntry): string {
  return resolveDrivePath("/", typeof name === "string" ? name : name.key);
}

function hooksOf(metadata: MetadataHooks | Map<string, unknown> | null): MetadataHooks {
  if (!(metadata instanceof Map)) return metadata ?? {};
  return {
    get: (key) => metadata.get(key) ?? null,
    put: (key, value) => metadata.set(key, value),
    del: (key) => metadata.delete(key),
  };
}

function ignoreFunction(ignore: ListOptions["ignore"]): ((key: string) => boolean) | null {
  if (ignore === null || ignore === undefined) return null;
  if (typeof ignore === "function") return ignore;
  const keys = [ignore].flat().map(keyOf);
  return (key) => keys.includes(key);
}

/**
 * The class that programs use: files on a bee and a core of blobs. Source for names, options and behaviour: `hyperdrive`
 * 13.3.3 (index.js).
 *
 * @module
 */
import { type Readable, resolveDrivePath, TypedEventEmitter, type Writable } from "../base/mod.ts";
import type { Corestore, CorestoreReplicateOptions, GetCoreOptions } from "../corestore/mod.ts";
import {
  type Batch,
  type BeeDifference,
  type HeaderMetadata,
  Hyperbee,
  type Watcher,
} from "../hyperbee/mod.ts";
import { type BlobCore, type BlobId, Hyperblobs } from "../hyperblobs/mod.ts";
import {
  type ClearOptions,
  type ClearResult,
  Hypercore,
  type KeyInput,
  type Manifest,
  type UpdateOptions,
} from "../hypercore/mod.ts";
import type { DownloadRange } from "../hypercore/mod.ts";
import {
  type DriveEntry,
  type DriveEntryValue,
  type MirrorableDrive,
  MirrorDrive,
  type MirrorDriveOptions,
} from "../mirror_drive/mod.ts";
import { contentManifest } from "./content_manifest.ts";
import { Download, downloadBlobs } from "./download.ts";
import { Monitor, type MonitorOptions } from "./driver.ts";
import { entryOf, FILE_KEYS, type HyperdriveEntry } from "./entries.ts";
import { HyperdriveError } from "./errors.ts";
import { FOLLOW_HOPS_MAX } from "./limits.ts";
import { FolderStream, type Ignore, SourceStream, streamSource } from "./listing.ts";
import type {
  EntriesOptions,
  EntryOptions,
  EntryRange,
  GetOptions,
  HyperdriveOptions,
  ListOptions,
  PutOptions,
  ReadStreamOptions,
  TruncateOptions,
  WaitOptions,
  WriteStreamOptions,
} from "./options.ts";
import { filePath, folderPath, rangeBelow } from "./paths.ts";
import { FileReadStream, FileWriteStream } from "./streams.ts";

/** Events of a {@linkcode Hyperdrive}. */
export interface HyperdriveEvents {
  /** The drive is open. */
  ready: [];
  /** The drive is closed. */
  close: [];
  /** The blobs became known. */
  blobs: [blobs: Hyperblobs];
  /** The key of the blobs' core became known. */
  "content-key": [key: Uint8Array];
}

/** A file that differs between two versions. */
export interface HyperdriveDifference {
  /** Its entry here, null where there is none. */
  readonly left: HyperdriveEntry | null;
  /** Its entry in the other version, null where there is none. */
  readonly right: HyperdriveEntry | null;
}

/** The metadata of a drive. */
export type DriveBee = Hyperbee<string, unknown>;

/** What makes a drive a view of another one, or a batch on it. */
interface Derived {
  readonly parent: Hyperdrive;
  readonly bee: DriveBee;
  readonly batch: Batch<string, unknown> | null;
}

/** Kept from one construction to the next only: what a view has from its drive is nothing for callers to pass. */
const derivations = new WeakMap<HyperdriveOptions, Derived>();

/**
 * A drive: files with their whole history, in two cores of a store.
 *
 * @example
 * ```ts
 * import Corestore from "@quince/quince/corestore";
 * import Hyperdrive from "@quince/quince/hyperdrive";
 *
 * await using drive = new Hyperdrive(new Corestore("./my-store"));
 * await drive.put("/hello.txt", new TextEncoder().encode("world"));
 * for await (const { key } of drive.list("/")) console.log(key);
 * ```
 */
export class Hyperdrive extends TypedEventEmitter<HyperdriveEvents>
  implements MirrorableDrive, AsyncDisposable {
  /** The store that the cores are in. */
  readonly corestore: Corestore;
  /** The metadata: a bee, in a batch the batch on it. Files have keys of their own in it, others may lie beside. */
  readonly db: DriveBee;
  /** The core of the metadata. */
  readonly core: Hypercore<Uint8Array>;
  /** The blobs, null before they are known. */
  blobs: Hyperblobs | null = null;
  /** Entries keep metadata. */
  readonly supportsMetadata = true;
  /** Key that both cores are encrypted with, null where they are not. */
  readonly encryptionKey: Uint8Array | null;
  /** What watches the drive. */
  readonly monitors: Set<Monitor> = new Set();
  /** Resolves once the drive is open. */
  readonly opening: Promise<void>;
  /** Resolves once the drive is closed, null while nobody closes it. */
  closing: Promise<void> | null = null;
  /** Whether the drive is open. */
  opened = false;
  /** Whether the drive is closed. */
  closed = false;

  readonly #options: HyperdriveOptions;
  readonly #derived: Derived | null;
  readonly #bee: DriveBee;
  /** Where reads and writes of metadata go. */
  readonly #tree: DriveBee | Batch<string, unknown>;
  readonly #header: { contentFeed: Uint8Array | null };
  /** Views and batches that close with the drive. */
  readonly #dependants = new Set<Hyperdrive>();
  #openingBlobs: Promise<unknown> | null = null;
  #active: boolean;

  /**
   * Opens a drive by its key, or the drive of the store.
   *
   * @param corestore The store; it closes with the drive.
   * @param key 32 bytes, hexadecimal or z-base-32; options may stand here.
   */
  constructor(
    corestore: Corestore,
    key?: KeyInput | HyperdriveOptions | null,
    options: HyperdriveOptions = {},
  ) {
    super();
    const isKey = key instanceof Uint8Array || typeof key === "string";
    const given = isKey || !key ? options : key;
    this.corestore = corestore;
    this.encryptionKey = given.encryptionKey ?? null;
    this.#options = given;
    this.#active = given.active !== false;
    this.#derived = derivations.get(given) ?? null;
    this.#header = { contentFeed: null };
    this.#bee = this.#derived?.bee ?? makeBee(corestore, isKey ? key : null, given, this.#header);
    this.#tree = this.#derived?.batch ?? this.#bee;
    this.db = this.#tree as DriveBee;
    this.core = this.#bee.core as Hypercore<Uint8Array>;
    this.opening = this.#open();
    this.opening.catch(() => {}); // whoever awaits `ready()` hears of it
  }

  /** The key that the drive of a store has. */
  static async getDriveKey(corestore: Corestore): Promise<Uint8Array> {
    const core = corestore.get({ name: "db" });
    await core.ready();
    const key = core.key!;
    await core.close();
    return key;
  }

  /** The key of the blobs' core of a drive; null where the drive's header says it instead. */
  static getContentKey(metadata: BlobCore | Manifest, key?: Uint8Array): Uint8Array | null {
    const manifest = metadata instanceof Hypercore ? metadata.manifest : metadata;
    const ofKey = metadata instanceof Hypercore ? metadata.key! : key;
    const content = manifest === null ? null : contentManifest(manifest, ofKey);
    return content === null ? null : Hypercore.key(content);
  }

  /** The manifest of the blobs' core of a drive; null where the drive's header says its key instead. */
  static getContentManifest(manifest: Manifest, key?: Uint8Array): Manifest | null {
    return contentManifest(manifest, key);
  }

  /**
   * The absolute path of a file: with a slash in front, without dots.
   *
   * @throws {QuinceError} `BAD_ARGUMENT` for the root, and for paths above it.
   */
  static normalizePath(path: string): string {
    return filePath(path);
  }

  async #open(): Promise<void> {
    if (this.#derived !== null) {
      await this.#derived.parent.ready();
      this.blobs = this.#derived.parent.blobs;
    } else {
      await this.#bee.ready();
      await this.#openKnownBlobs({ wait: false });
      if (this.blobs === null && this.core.writable) await this.#createBlobs();
      if (this.blobs === null) {
        this.#openingBlobs = this.#openKnownBlobs({});
        this.#openingBlobs.catch(() => {}); // whoever needs the blobs hears of it
      }
    }
    this.opened = true;
    this.emit("ready");
  }

  /** Opens the blobs of a drive that has a header, which a reader may have to wait for. */
  async #openKnownBlobs(options: WaitOptions): Promise<void> {
    const header = await this.#bee.getHeader(options);
    if (header === null || this.blobs !== null) return;
    const named = header.metadata?.contentFeed?.subarray(0, 32) ?? null;
    const core = named?.byteLength === 32 ? this.#getBlobsCore({ key: named }) : this.#derivedBlobsCore();
    if (core === null) {
      throw new HyperdriveError(
        "BAD_CONTENT_KEY",
        `The drive ${this.core.id} does not say where its blobs are`,
      );
    }
    await this.#setBlobs(core);
  }

  /** Makes the blobs of a drive that is new here. */
  async #createBlobs(): Promise<void> {
    const derived = this.#derivedBlobsCore();
    const core = derived ?? this.#getBlobsCore({ name: `${this.core.id}/blobs` });
    await core.ready();
    if (derived === null) this.#header.contentFeed = core.key;
    await this.#setBlobs(core);
  }

  /** The blobs' core that follows from the metadata's; null where none does. */
  #derivedBlobsCore(): Hypercore<Uint8Array> | null {
    const manifest = this.core.manifest === null ? null : contentManifest(this.core.manifest, this.core.key!);
    if (manifest === null) return null;
    const keyPair = this.core.writable ? this.core.keyPair : null;
    return this.#getBlobsCore({ manifest, ...(keyPair && { keyPair }) });
  }

  #getBlobsCore(which: GetCoreOptions): Hypercore<Uint8Array> {
    return this.corestore.get({ ...this.#coreOptions, ...which });
  }

  get #coreOptions(): Pick<HyperdriveOptions, "encryptionKey" | "onwait" | "active"> {
    return coreOptions({ ...this.#options, active: this.#active });
  }

  async #setBlobs(core: Hypercore<Uint8Array>): Promise<void> {
    await core.ready();
    if (this.closing !== null) return await core.close();
    this.blobs = new Hyperblobs(core);
    this.emit("blobs", this.blobs);
    this.emit("content-key", core.key!);
  }

  /** Resolves once the drive is open. */
  ready(): Promise<void> {
    return this.opening;
  }

  /** Identity of the drive, z-base-32; null before it is open. */
  get id(): string | null {
    return this.core.id;
  }

  /** Key of the drive, 32 bytes; null before it is open. */
  get key(): Uint8Array | null {
    return this.core.key;
  }

  /** Hash of the key, safe to publish, 32 bytes; null before it is open. */
  get discoveryKey(): Uint8Array | null {
    return this.core.discoveryKey;
  }

  /** Key of the blobs' core, 32 bytes; null before it is known. */
  get contentKey(): Uint8Array | null {
    return this.blobs?.key ?? null;
  }

  /** Version of the metadata: `checkout()` goes back to it. */
  get version(): number {
    return this.#tree.version;
  }

  /** Whether files can be written. */
  get writable(): boolean {
    return this.core.writable;
  }

  /** Whether files can be read. */
  get readable(): boolean {
    return this.core.readable;
  }

  /** Marks that peers are being looked for: `update()` waits until the result is called. */
  findingPeers(): () => void {
    return this.corestore.findingPeers();
  }

  /** Replicates the drive's store over a stream, or a new one; see Corestore. */
  // deno-lint-ignore no-explicit-any -- what `Corestore.replicate` takes and gives, by any of its overloads
  replicate(isInitiatorOrStream: any, options?: CorestoreReplicateOptions): any {
    return this.corestore.replicate(isInitiatorOrStream, options);
  }

  /** Asks peers for a newer version, and resolves whether there is one. */
  update(options?: UpdateOptions): Promise<boolean> {
    return this.#bee.update(options);
  }

  /** The blobs, once they are known; a reader may have to wait for peers. */
  async getBlobs(): Promise<Hyperblobs | null> {
    if (this.blobs !== null) return this.blobs;
    if (this.#derived !== null) {
      this.blobs = await this.#derived.parent.getBlobs();
    } else {
      await this.opening;
      await this.#openingBlobs;
    }
    return this.blobs;
  }

  async #needBlobs(): Promise<Hyperblobs> {
    const blobs = await this.getBlobs();
    if (blobs !== null) return blobs;
    throw new HyperdriveError("DRIVE_CLOSED", "The drive was closed before its blobs were known");
  }

  /** A read-only view of a version; close it. */
  checkout(version: number): Hyperdrive {
    return this.#derive(this.#bee.checkout(version), null);
  }

  /** A drive whose changes of metadata wait for `flush()`. Bytes are written at once. */
  batch(): Hyperdrive {
    return this.#derive(this.#bee, this.#bee.batch());
  }

  #derive(bee: DriveBee, batch: Batch<string, unknown> | null): Hyperdrive {
    const options = { ...this.#options };
    derivations.set(options, { parent: this.#derived?.parent ?? this, bee, batch });
    const drive = new Hyperdrive(this.corestore, options);
    const { parent } = derivations.get(options)!;
    parent.#dependants.add(drive);
    drive.once("close", () => parent.#dependants.delete(drive));
    return drive;
  }

  /**
   * Commits a batch, and closes it.
   *
   * @throws {HyperdriveError} `NOT_SUPPORTED` for a drive that is no batch.
   */
  async flush(): Promise<void> {
    const batch = this.#derived?.batch ?? null;
    if (batch === null) throw new HyperdriveError("NOT_SUPPORTED", "Only a batch can be flushed");
    await batch.flush();
    await this.close();
  }

  /** Closes the drive with its views, and its store; closing a view or a batch closes that alone. */
  close(): Promise<void> {
    this.closing ??= this.#close();
    return this.closing;
  }

  async #close(): Promise<void> {
    await this.opening.catch(() => {}); // what it failed with, `ready()` tells
    await this.closeMonitors();
    if (this.#derived !== null) {
      await (this.#derived.batch ?? this.#bee).close();
    } else {
      for (const drive of this.#dependants) await drive.close();
      await this.blobs?.close();
      await this.#bee.close();
      await this.corestore.close();
    }
    this.closed = true;
    this.emit("close");
  }

  /** Closes the drive. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /** Deletes both cores from the store, and closes the drive. */
  async purge(): Promise<void> {
    this.#checkMain("purge");
    await this.opening;
    const blobs = this.blobs;
    for (const drive of this.#dependants) await drive.close();
    await blobs?.core.purge();
    await this.core.purge();
    await this.close();
  }

  #checkMain(action: string): void {
    if (this.#derived === null) return;
    throw new HyperdriveError("NOT_SUPPORTED", `Cannot ${action} a view or a batch, only the drive itself`);
  }

  /** Whether the drive's cores count as interested in downloading. */
  setActive(active: boolean): void {
    if (active === this.#active) return;
    this.#active = active;
    this.core.setActive(active);
    this.blobs?.core.setActive(active);
  }

  /** Goes back to an earlier version: what came after it is gone, for everyone. */
  async truncate(version: number, options: TruncateOptions = {}): Promise<void> {
    this.#checkMain("truncate");
    await this.opening;
    const blobs = await this.#needBlobs();
    if (version > this.core.length) throw this.#lengthError("version", version, this.core.length);
    const blobsLength = options.blobs ?? await this.getBlobsLength(version);
    if (blobsLength > blobs.core.length) throw this.#lengthError("length", blobsLength, blobs.core.length);
    await this.core.truncate(version);
    await blobs.core.truncate(blobsLength);
  }

  #lengthError(what: string, given: number, length: number): HyperdriveError {
    return new HyperdriveError(
      "BAD_ARGUMENT",
      `Cannot truncate to ${what} ${given}, the core has ${length} blocks`,
    );
  }

  /** The length of the blobs' core that a version's files need, blocks. */
  async getBlobsLength(version: number = this.version): Promise<number> {
    await this.opening;
    const drive = this.checkout(version);
    try {
      let length = 0;
      for await (const { value: { blob } } of drive.entries()) {
        if (blob !== null) length = Math.max(length, blob.blockOffset + blob.blockLength);
      }
      return length;
    } finally {
      await drive.close();
    }
  }

  /** The bytes of a file, or a range of them; null where there is none, and for a link unless `follow`. */
  async get(name: string | DriveEntry, options: GetOptions = {}): Promise<Uint8Array | null> {
    const entry = await this.entry(name, options);
    if (entry === null || entry.value.blob === null) return null;
    const blobs = await this.#needBlobs();
    const bytes = await blobs.get(entry.value.blob, options);
    if (bytes === null) {
      throw new HyperdriveError("BLOCK_NOT_AVAILABLE", `The bytes of ${entry.key} are not here`);
    }
    return bytes;
  }

  /** Writes a file. */
  async put(name: string, bytes: Uint8Array | string, options: PutOptions = {}): Promise<void> {
    const key = filePath(name);
    const blobs = await this.#needBlobs();
    const blob = await blobs.put(bytes);
    await this.#putEntry(key, blob, options);
  }

  async #putEntry(
    key: string,
    blob: BlobId,
    { executable = false, metadata = null }: PutOptions,
  ): Promise<void> {
    await this.putEntry(key, { executable, linkname: null, blob, metadata });
  }

  /** Writes the entry of a file without bytes. */
  async putEntry(name: string, value: Partial<DriveEntryValue> = {}): Promise<void> {
    const { executable = false, linkname = null, blob = null, metadata = null } = value;
    const entry: DriveEntryValue = { executable, linkname, blob, metadata };
    await this.#tree.put(filePath(name), entry, { keyEncoding: FILE_KEYS });
  }

  /** Writes a link to another file of the drive. */
  async symlink(
    name: string,
    linkname: string,
    options: { readonly metadata?: unknown } = {},
  ): Promise<void> {
    await this.putEntry(name, { linkname, metadata: options.metadata ?? null });
  }

  /** Removes a file; its bytes stay in the history. */
  async del(name: string): Promise<void> {
    await this.#tree.del(filePath(name), { keyEncoding: FILE_KEYS });
  }

  /**
   * What is known of a file or link; null where there is none.
   *
   * @throws {HyperdriveError} `RECURSIVE_LINK` when `follow` meets a 17th link, `BAD_ENTRY` where it is none.
   */
  async entry(name: string | DriveEntry, options: EntryOptions = {}): Promise<HyperdriveEntry | null> {
    let entry = await this.#entryOf(name, options);
    if (!options.follow) return entry;
    for (let hop = 0; hop < FOLLOW_HOPS_MAX; hop++) {
      if (entry === null || entry.value.linkname === null) return entry;
      // Compat: a relative link is resolved against the link itself, not its folder (hyperdrive/index.js).
      entry = await this.#entryOf(resolveDrivePath(entry.key, entry.value.linkname), options);
    }
    throw new HyperdriveError(
      "RECURSIVE_LINK",
      `Links lead from ${typeof name === "string" ? name : name.key} more than ${FOLLOW_HOPS_MAX} times on`,
    );
  }

  async #entryOf(name: string | DriveEntry, options: EntryOptions): Promise<HyperdriveEntry | null> {
    if (typeof name !== "string") return name as HyperdriveEntry;
    return entryOf(await this.#tree.get(filePath(name), { ...options, keyEncoding: FILE_KEYS }));
  }

  /** Whether there is a file or link. */
  async exists(name: string, options?: EntryOptions): Promise<boolean> {
    return await this.entry(name, options) !== null;
  }

  /** Which of two entries is newer: 1 for `a`, -1 for `b`, 0 for neither. */
  compare(a: { readonly seq: number }, b: { readonly seq: number }): -1 | 0 | 1 {
    return Math.sign(a.seq - b.seq) as -1 | 0 | 1;
  }

  /** Whether all bytes of a file, or of all files below a folder, are here. */
  async has(path?: string | null): Promise<boolean> {
    const blobs = await this.#needBlobs();
    const entry = !path || path.endsWith("/") ? null : await this.entry(path);
    if (entry !== null) return entry.value.blob !== null && await hasBlob(blobs, entry.value.blob);
    let isFolder = false;
    for await (const { value: { blob } } of this.list(path ?? "/")) {
      isFolder = true;
      if (blob !== null && !await hasBlob(blobs, blob)) return false;
    }
    return isFolder;
  }

  /** Drops the bytes of a file that are here; the file stays, and can be fetched again. */
  async clear(name: string, options: ClearOptions = {}): Promise<ClearResult | null> {
    await this.opening;
    const entry = await this.#localEntry(name);
    const blob = entry?.value.blob ?? null;
    if (blob === null || this.blobs === null) return options.diff ? { blocks: 0 } : null;
    return await this.blobs.clear(blob, options);
  }

  async #localEntry(name: string): Promise<HyperdriveEntry | null> {
    try {
      return await this.entry(name, { wait: false });
    } catch {
      return null; // the metadata is not here, then nothing of the file is
    }
  }

  /** Drops the bytes of all files that are here. */
  async clearAll(options: ClearOptions = {}): Promise<ClearResult | null> {
    await this.opening;
    if (this.blobs === null) return options.diff ? { blocks: 0 } : null;
    return await this.blobs.core.clear(0, this.blobs.core.length, options);
  }

  /** All entries of files in a range of paths, sorted by the paths' bytes. */
  entries(range: EntryRange = {}, options: EntriesOptions = {}): EntryReadable {
    const ignore = ignoreFunction(options.ignore);
    const { ignore: _, recursive: _recursive, ...rest } = options;
    const source = this.#tree.createRangeIterator({ ...range, ...rest, keyEncoding: FILE_KEYS });
    return new SourceStream(source, (node) => ignore?.(node.key) ? null : entryOf(node), options.signal);
  }

  /** All files and links below a folder, sorted; without `recursive`, the first one of each folder in it. */
  list(folder?: string | ListOptions | null, options: ListOptions = {}): EntryReadable {
    if (typeof folder === "object" && folder !== null) return this.list("/", folder);
    const path = folderPath(folder);
    if (options.recursive === false) return this.#listFolder(path, options, (_name, entry) => entry);
    return this.entries(rangeBelow(path), options);
  }

  /** The names directly in a folder. */
  readdir(folder?: string | null, options: WaitOptions = {}): Readable<string> {
    return this.#listFolder(folderPath(folder), options, (name) => name);
  }

  #listFolder<Item>(
    folder: string,
    { ignore, recursive: _, ...options }: ListOptions,
    map: (name: string, entry: HyperdriveEntry) => Item,
  ): Readable<Item> {
    return new FolderStream(
      folder,
      (range) => this.#tree.peek({ ...range, ...options, keyEncoding: FILE_KEYS }),
      ignoreFunction(ignore),
      map,
    );
  }

  /** All files and links. */
  [Symbol.asyncIterator](): AsyncIterableIterator<HyperdriveEntry> {
    return this.entries()[Symbol.asyncIterator]();
  }

  /** Watches a folder: pairs of views, now and before, between which something in it changed. */
  watch(folder?: string | null): Watcher<string, unknown, Hyperdrive> {
    return this.#bee.watch<Hyperdrive>(rangeBelow(folderPath(folder)), {
      keyEncoding: FILE_KEYS,
      map: (snapshot) => this.#derive(snapshot, null),
    });
  }

  /** The files below a folder that differ between this and another version. */
  diff(
    version: number,
    folder?: string | WaitOptions | null,
    options: WaitOptions = {},
  ): Readable<HyperdriveDifference> {
    if (typeof folder === "object" && folder !== null) return this.diff(version, "/", folder);
    const stream = this.#bee.createDiffStream(version, rangeBelow(folderPath(folder)), {
      ...options,
      keyEncoding: FILE_KEYS,
    }) as Readable<BeeDifference<string, unknown>>;
    return new SourceStream(
      streamSource(stream),
      ({ left, right }) => ({ left: entryOf(left), right: entryOf(right) }),
      options.signal,
    );
  }

  /** Fetches the bytes of a file, or of all files below a folder, in the background. */
  download(path: string | ListOptions = "/", options: ListOptions = {}): Download {
    if (typeof path === "object") return this.download("/", path);
    return new Download(async (add, isCancelled) => {
      const blobs = await this.#needBlobs();
      const ids: BlobId[] = [];
      const entry = path.endsWith("/") ? null : await this.entry(path, options);
      if (entry?.value.blob) ids.push(entry.value.blob);
      if (entry === null) {
        for await (const { value: { blob } } of this.list(path, options)) {
          if (isCancelled()) return;
          if (blob !== null) ids.push(blob);
        }
      }
      await downloadBlobs(blobs, ids, add, isCancelled);
    });
  }

  /** Fetches the bytes of the files below a folder that differ from another version. */
  async downloadDiff(
    version: number,
    folder?: string | WaitOptions | null,
    options?: WaitOptions,
  ): Promise<Download> {
    const ids: BlobId[] = [];
    for await (const { left } of this.diff(version, folder, options)) {
      if (left?.value.blob) ids.push(left.value.blob);
    }
    const blobs = await this.#needBlobs();
    return new Download((add, isCancelled) => downloadBlobs(blobs, ids, add, isCancelled));
  }

  /** Fetches ranges of blocks of the metadata's core and of the blobs'. */
  async downloadRange(
    metadataRanges: readonly DownloadRange[],
    blobRanges: readonly DownloadRange[],
  ): Promise<Download> {
    await this.opening;
    const blobs = await this.#needBlobs();
    return new Download((add) => {
      for (const range of metadataRanges) add(this.core.download(range));
      for (const range of blobRanges) add(blobs.core.download(range));
      return Promise.resolve();
    });
  }

  /** Watches what of a file, or of the whole drive, is sent and received. */
  monitor(name: string | null = null, options: MonitorOptions = {}): Monitor {
    const monitor = new Monitor(this, name, options);
    this.monitors.add(monitor);
    return monitor;
  }

  /** Ends all monitors. */
  async closeMonitors(): Promise<void> {
    await Promise.all(Array.from(this.monitors, (monitor) => monitor.close()));
  }

  /** A mirror from this drive to `out`. */
  mirror(out: MirrorableDrive, options?: MirrorDriveOptions): MirrorDrive {
    return new MirrorDrive(this, out, options);
  }

  /** Reads a file, or a range of its bytes. */
  createReadStream(name: string | DriveEntry, options: ReadStreamOptions = {}): Readable<Uint8Array> {
    return new FileReadStream(async () => {
      const blobs = await this.#needBlobs();
      const entry = await this.entry(name, options);
      if (entry === null) throw new HyperdriveError("NOT_FOUND", `The drive has no file ${name}`);
      const { blob } = entry.value;
      if (this.closing !== null) {
        throw new HyperdriveError("DRIVE_CLOSED", `Cannot read ${entry.key}, the drive is closed`);
      }
      return blob === null || blob.byteLength === 0 ? null : blobs.createReadStream(blob, options);
    }, options.signal);
  }

  /** Writes a file; it is in the drive when the stream has finished. */
  createWriteStream(name: string, options: WriteStreamOptions = {}): Writable<Uint8Array | string> {
    const key = filePath(name);
    return new FileWriteStream(async () => {
      const blobs = await this.#needBlobs();
      if (!options.dedup) return blobs.createWriteStream();
      const before = await this.entry(key);
      return blobs.createWriteStream({ dedup: true, blob: before?.value.blob ?? null });
    }, (blob) => this.#putEntry(key, blob, options));
  }
}

/** Entries as a stream. */
export type EntryReadable = Readable<HyperdriveEntry>;

function makeBee(
  corestore: Corestore,
  key: KeyInput | null,
  options: HyperdriveOptions,
  metadata: HeaderMetadata,
): DriveBee {
  const which = key === null ? { name: "db" } : { key };
  const core = corestore.get({ ...coreOptions(options), ...which, exclusive: true });
  return new Hyperbee<string, unknown>(core, {
    keyEncoding: "utf-8",
    valueEncoding: "json",
    metadata,
    extension: options.extension,
  });
}

function coreOptions(
  options: HyperdriveOptions,
): Pick<HyperdriveOptions, "encryptionKey" | "onwait" | "active"> {
  const { encryptionKey, onwait, active } = options;
  return { ...(encryptionKey && { encryptionKey }), ...(onwait && { onwait }), active: active !== false };
}

async function hasBlob(blobs: Hyperblobs, blob: BlobId): Promise<boolean> {
  const { blockOffset, blockLength } = blob;
  if (!await blobs.core.has(blockOffset, blockOffset + blockLength)) return false;
  if (blob.blockMap !== true) return true;
  const map = await blobs.getBlockMap(blob);
  for (const { index } of map?.blocks ?? []) {
    if (!await blobs.core.has(index)) return false;
  }
  return true;
}

function ignoreFunction(ignore: ListOptions["ignore"]): Ignore {
  if (ignore === null || ignore === undefined) return null;
  if (typeof ignore === "function") return ignore;
  const paths = [ignore].flat().map((path) => resolveDrivePath("/", path));
  return (key) => paths.some((path) => path === key || key.startsWith(`${path}/`));
}

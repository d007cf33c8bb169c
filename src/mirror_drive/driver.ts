/**
 * The class that programs use: what differs between two drives, and making them equal.
 *
 * @module
 */
import type { Clock } from "../base/mod.ts";
import { systemClock } from "../platform/mod.ts";
import { Burst } from "./burst.ts";
import { compareEntries, type ComparisonOptions, type Difference } from "./comparison.ts";
import { copyFile, copyMetadata, type CopyOptions, isCopiedWhole, isUnchanged } from "./copy.ts";
import type { DriveEntry, MirrorableBlobs, MirrorableDrive } from "./drive.ts";
import { MirrorDriveError, namingFile } from "./errors.ts";
import { COPIES_AT_ONCE, LOOKAHEAD_COUNT } from "./limits.ts";
import { entryOf, ignoreFunction, isThere, listEntries, type ListingOptions } from "./listing.ts";
import { lookAhead } from "./lookahead.ts";
import { type MirrorStats, Monitor, type MonitoredMirror } from "./monitor.ts";
import type { MirrorCount, MirrorDifference, MirrorDriveOptions, Transformer } from "./options.ts";
import { Preload } from "./preload.ts";
import { TransferCounter } from "./transfer_counter.ts";

/** A file of the source, compared, with its bytes where they were worth reading already. */
interface Prepared {
  readonly source: DriveEntry;
  readonly destination: DriveEntry | null;
  readonly difference: Difference;
  readonly bytes: Uint8Array | null;
}

/**
 * Makes one drive like another, one way. Nothing happens until it is iterated or `done()` is called; each difference is
 * told before it is dealt with.
 *
 * @example
 * ```ts
 * import MirrorDrive from "@quince/quince/mirror-drive";
 * import Localdrive from "@quince/quince/localdrive";
 *
 * const mirror = new MirrorDrive(new Localdrive("./photos"), new Localdrive("./backup"));
 * for await (const { op, key } of mirror) console.log(op, key);
 * console.log(mirror.count.files);
 * ```
 */
export class MirrorDrive implements MonitoredMirror {
  /** Where files come from. */
  readonly src: MirrorableDrive;
  /** Where files go. */
  readonly dst: MirrorableDrive;
  /** Folders or files that are mirrored. */
  readonly prefix: readonly string[];
  /** Whether files are cut where their content says so. */
  readonly dedup: boolean;
  /** Whether nothing is written. */
  readonly dryRun: boolean;
  /** Whether files that the source does not have are removed. */
  readonly prune: boolean;
  /** Whether blobs are fetched ahead. */
  readonly preload: boolean;
  /** Whether all that is to come is known. */
  preloaded = false;
  /** Whether unchanged files are told too. */
  readonly includeEquals: boolean;
  /** Which files are mirrored, null for all. */
  readonly filter: ((key: string) => boolean) | null;
  /** Which paths are left alone in both drives, null for none. */
  readonly ignore: ((key: string) => boolean) | null;
  /** Whether metadata is the same, null for comparing by value. */
  readonly metadataEquals: ((source: unknown, destination: unknown) => boolean) | null;
  /** Whether the destination's metadata is written at the end. */
  readonly batch: boolean;
  /** Entries or paths to mirror, null for what the drives list. */
  readonly entries: readonly (DriveEntry | string)[] | null;
  /** What each file goes through. */
  readonly transformers: readonly Transformer[];
  /** Whether permission bits and times are kept. */
  readonly attributes: boolean;
  /** What was done so far. */
  readonly count: MirrorCount = { files: 0, add: 0, remove: 0, change: 0 };
  /** Bytes that went away at the destination. */
  bytesRemoved = 0;
  /** Bytes that came to the destination. */
  bytesAdded = 0;
  /** Whether all is done. */
  finished = false;
  /** Blocks that are to come in, those that have come included. */
  downloadedBlocksEstimate = 0;
  /** The monitors that watch. */
  readonly monitors: Monitor[] = [];
  /** The run of this mirror: there is one. */
  readonly iterator: AsyncGenerator<MirrorDifference>;

  readonly #clock: Clock;
  #includeProgress: boolean;
  readonly #downloads: TransferCounter;
  readonly #uploads: TransferCounter;

  /**
   * Makes a mirror from `src` to `dst`; options as upstream.
   *
   * @throws {QuinceError} `BAD_ARGUMENT` for a path in `ignore` that leads above the root.
   */
  constructor(src: MirrorableDrive, dst: MirrorableDrive, options: MirrorDriveOptions = {}) {
    this.src = src;
    this.dst = dst;
    this.prefix = [options.prefix ?? "/"].flat();
    this.dedup = options.dedup === true;
    this.dryRun = options.dryRun === true;
    this.prune = options.prune !== false;
    this.preload = options.preload !== false && (src.getBlobs !== undefined || dst.getBlobs !== undefined);
    this.includeEquals = options.includeEquals === true;
    this.filter = options.filter ?? null;
    this.ignore = ignoreFunction(options.ignore);
    this.metadataEquals = options.metadataEquals ?? null;
    this.batch = options.batch === true;
    this.entries = options.entries ? Array.from(options.entries) : null;
    this.transformers = options.transformers ?? [];
    this.attributes = options.attributes === true;
    this.#includeProgress = options.progress === true && src.getBlobs !== undefined;
    this.#clock = options.clock ?? systemClock;
    this.#downloads = new TransferCounter(this.#clock);
    this.#uploads = new TransferCounter(this.#clock);
    this.iterator = this.#run();
  }

  /** The differences, in turn; each is dealt with when the next one is asked for. */
  [Symbol.asyncIterator](): AsyncGenerator<MirrorDifference> {
    return this.iterator;
  }

  /** Runs to the end. */
  async done(): Promise<void> {
    while (!(await this.iterator.next()).done);
  }

  /** Peers that the source replicates with. */
  get peers(): readonly unknown[] {
    return this.src.core?.peers ?? [];
  }

  /** Whether transfers are counted. */
  get includeProgress(): boolean {
    return this.#includeProgress;
  }

  /** Blocks that came in. */
  get downloadedBlocks(): number {
    return this.#downloads.blockCount;
  }

  /** Bytes that came in. */
  get downloadedBytes(): number {
    return this.#downloads.byteCount;
  }

  /** Blocks that went out. */
  get uploadedBlocks(): number {
    return this.#uploads.blockCount;
  }

  /** Bytes that went out. */
  get uploadedBytes(): number {
    return this.#uploads.byteCount;
  }

  /** Bytes per second that come in. */
  downloadSpeed(): number {
    return this.#downloads.speed();
  }

  /** Bytes per second that go out. */
  uploadSpeed(): number {
    return this.#uploads.speed();
  }

  /** How much of what is to come has come, from 0 to 1; 1 only when all is done. */
  get downloadProgress(): number {
    if (this.finished) return 1;
    if (this.downloadedBlocksEstimate === 0) return 0;
    // Compat: the estimate may be wrong, so that a mirror at work never looks done (mirror-drive/index.js).
    return Math.min(0.99, this.downloadedBlocks / this.downloadedBlocksEstimate);
  }

  /** Tells the progress at intervals; counts transfers if called before the mirror runs. */
  monitor(options: { readonly interval?: number } = {}): Monitor {
    this.#includeProgress = true;
    const monitor = new Monitor(this, this.#clock, options.interval);
    this.monitors.push(monitor);
    return monitor;
  }

  /** What has been transferred by now. */
  stats(): MirrorStats {
    return {
      peers: this.peers.length,
      download: {
        bytes: this.downloadedBytes,
        blocks: this.downloadedBlocks,
        speed: this.downloadSpeed(),
        progress: this.downloadProgress,
      },
      upload: { bytes: this.uploadedBytes, blocks: this.uploadedBlocks, speed: this.uploadSpeed() },
    };
  }

  async *#run(): AsyncGenerator<MirrorDifference> {
    let counted: MirrorableBlobs | null = null;
    let preload: Preload | null = null;
    let batch: MirrorableDrive | null = null;
    try {
      await this.src.ready();
      await this.dst.ready();
      if (this.dst.core?.writable === false) {
        throw new MirrorDriveError("NOT_WRITABLE", "The destination of a mirror must be writable");
      }
      const srcBlobs = await this.src.getBlobs?.() ?? null;
      const dstBlobs = await this.dst.getBlobs?.() ?? null;
      if (this.#includeProgress) counted = srcBlobs;
      counted?.core.on("download", this.#downloads.add);
      counted?.core.on("upload", this.#uploads.add);
      if (this.preload) preload = await this.#startPreload(srcBlobs, dstBlobs);
      if (this.batch) batch = this.dst.batch();
      const dst = batch ?? this.dst;
      if (this.prune) yield* this.#prune(dst, dstBlobs);
      yield* this.#copy(dst, srcBlobs, dstBlobs);
      if (batch !== null) await flush(batch);
      this.finished = true;
    } finally {
      counted?.core.off("download", this.#downloads.add);
      counted?.core.off("upload", this.#uploads.add);
      preload?.cancel();
      // One that is not flushed keeps others from writing.
      if (!this.finished && batch !== null && batch !== this.dst) await batch.close?.();
      for (const monitor of this.monitors.slice()) {
        monitor.update();
        monitor.destroy();
      }
    }
  }

  async #startPreload(
    srcBlobs: MirrorableBlobs | null,
    dstBlobs: MirrorableBlobs | null,
  ): Promise<Preload | null> {
    const blobs = srcBlobs ?? dstBlobs;
    if (blobs === null) return null;
    const preload = new Preload(blobs);
    if (preload.isIdle) {
      this.#handlePreloaded(0);
      return preload;
    }
    const entries: DriveEntry[] = [];
    for await (const { key, entry } of listEntries(this.src, this.#listing, this.filter)) {
      const wanted = srcBlobs !== null ? entry : await entryOf(this.dst, key);
      if (wanted !== null) entries.push(wanted);
    }
    await preload.fetchMaps(entries);
    // In the background; whoever reads a blob that does not come meets the reason.
    preload.request(entries).then((blockCount) => this.#handlePreloaded(blockCount), () => {});
    return preload;
  }

  #handlePreloaded(blockCount: number): void {
    this.downloadedBlocksEstimate = this.downloadedBlocks + blockCount;
    this.preloaded = true;
    for (const monitor of this.monitors) monitor.emit("preloaded");
  }

  async *#prune(dst: MirrorableDrive, dstBlobs: MirrorableBlobs | null): AsyncGenerator<MirrorDifference> {
    for await (const { key, entry } of listEntries(this.dst, this.#listing, null)) {
      if (entry === null || await isThere(this.src, key)) continue;
      const bytesRemoved = await byteLengthOf(entry, dstBlobs);
      this.count.remove++;
      this.bytesRemoved += bytesRemoved;
      yield { op: "remove", key, bytesRemoved, bytesAdded: 0 };
      if (!this.dryRun) await namingFile("remove", key, () => dst.del(key));
    }
  }

  async *#copy(
    dst: MirrorableDrive,
    srcBlobs: MirrorableBlobs | null,
    dstBlobs: MirrorableBlobs | null,
  ): AsyncGenerator<MirrorDifference> {
    const copy: CopyOptions = {
      src: this.src,
      dst,
      attributes: this.attributes,
      dedup: this.dedup && dst.putEntry !== undefined,
      transformers: this.transformers,
    };
    const listed = listEntries(this.src, this.#listing, this.filter);
    const files = lookAhead(
      listed,
      LOOKAHEAD_COUNT,
      ({ key, entry }) => namingFile("compare", key, () => this.#prepare(copy, key, entry)),
    );
    // A drive that is a log puts what comes at once in order, and appends it together.
    const copies = new Burst(dst.putEntry === undefined ? 1 : COPIES_AT_ONCE);
    try {
      for await (const file of files) {
        if (file === null) continue;
        const { source, destination, difference, bytes } = file;
        const { key } = source;
        this.count.files++;
        if (difference === "same") {
          if (this.includeEquals) yield { op: "equal", key, bytesRemoved: 0, bytesAdded: 0 };
          continue;
        }
        const isMetadataOnly = difference === "metadata" && dst.putEntry !== undefined;
        const bytesAdded = isMetadataOnly ? 0 : await byteLengthOf(source, srcBlobs);
        const bytesRemoved = isMetadataOnly || destination === null
          ? 0
          : await byteLengthOf(destination, dstBlobs);
        this.bytesAdded += bytesAdded;
        this.bytesRemoved += bytesRemoved;
        const op = destination === null ? "add" : "change";
        this.count[op]++;
        yield { op, key, bytesRemoved, bytesAdded };
        if (this.dryRun) continue;
        if (bytes === null) await copies.settle();
        await copies.add(() =>
          namingFile(
            "mirror",
            key,
            () =>
              isMetadataOnly && destination !== null
                ? copyMetadata(copy, source, destination)
                : copyFile(copy, source, bytes),
          )
        );
        if (bytes === null) await copies.settle();
      }
      await copies.settle();
    } finally {
      await copies.end();
    }
  }

  /** Compares a file and reads it where it is small and differs; null where the source has no such file (any more). */
  async #prepare(copy: CopyOptions, key: string, source: DriveEntry | null): Promise<Prepared | null> {
    if (source === null) return null;
    const destination = await this.dst.entry(key);
    const difference = destination === null || this.transformers.length > 0
      ? "content"
      : await this.#compare(source, destination);
    const isRead = difference === "content" && !this.dryRun && isCopiedWhole(copy, source);
    // What fails here is read once more in its turn.
    const bytes = isRead ? await this.src.get(source).catch(() => null) : null;
    return { source, destination, difference, bytes };
  }

  async #compare(source: DriveEntry, destination: DriveEntry): Promise<Difference> {
    try {
      return await compareEntries(this.#comparison, source, destination);
    } catch (error) {
      const after = this.src.supportsAttributes ? await this.src.entry(source.key) : source;
      if (after !== null && isUnchanged(source, after)) throw error;
      return "content"; // it has changed or gone, which the copy finds out
    }
  }

  get #comparison(): ComparisonOptions {
    return this;
  }

  get #listing(): ListingOptions {
    return { prefixes: this.prefix, entries: this.entries, ignore: this.ignore };
  }
}

async function flush(batch: MirrorableDrive): Promise<void> {
  try {
    await batch.flush?.();
  } catch (cause) {
    const { code, message } = cause as Error & { code?: unknown };
    throw new MirrorDriveError(
      typeof code === "string" ? code : "ERR_MIRROR",
      `Cannot write the changes of all files: ${message}`,
      { cause },
    );
  }
}

async function byteLengthOf(entry: DriveEntry, blobs: MirrorableBlobs | null): Promise<number> {
  const { blob } = entry.value;
  if (blob === null) return 0;
  if (!blob.blockMap || blobs === null) return blob.byteLength;
  return await namingFile("measure", entry.key, () => blobs.getByteLength(blob));
}

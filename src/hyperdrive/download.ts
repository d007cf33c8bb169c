/**
 * Fetching the bytes of files in the background.
 *
 * @module
 */
import type { Download as BlockDownload } from "../hypercore/mod.ts";
import type { BlobId, Hyperblobs } from "../hyperblobs/mod.ts";

/** Blocks from `start` on, up to `end`, exclusive. */
export interface BlockRange {
  /** First block. */
  readonly start: number;
  /** End, exclusive. */
  readonly end: number;
}

/** Starts the downloads of a {@linkcode Download}: `add` takes each as soon as it is under way. */
export type StartDownloads = (
  add: (download: BlockDownload) => void,
  isCancelled: () => boolean,
) => Promise<void>;

/** A download of files, under way. */
export class Download {
  readonly #downloads: BlockDownload[] = [];
  readonly #starting: Promise<void>;
  /** Whether it was given up. */
  destroyed = false;

  /** Starts at once. */
  constructor(start: StartDownloads) {
    this.#starting = start((download) => this.#add(download), () => this.destroyed);
    this.#starting.catch(() => {}); // whoever waits for it hears of it
  }

  #add(download: BlockDownload): void {
    if (this.destroyed) download.destroy();
    else this.#downloads.push(download);
  }

  /** Resolves once all blocks are asked for. */
  async ready(): Promise<void> {
    try {
      await this.#starting;
    } catch (error) {
      if (!this.destroyed) throw error;
    }
  }

  /** Resolves once all blocks are here, or the download was given up. */
  async done(): Promise<void> {
    await this.ready();
    await Promise.allSettled(this.#downloads.map((download) => download.done()));
  }

  /** Gives up what is not here yet. */
  destroy(): void {
    this.destroyed = true;
    for (const download of this.#downloads) download.destroy();
  }

  /** The same as `destroy()`. */
  close(): Promise<void> {
    this.destroy();
    return Promise.resolve();
  }
}

/** Fetches the blobs of files: first those blocks that say which blocks are meant, then all together. */
export async function downloadBlobs(
  blobs: Hyperblobs,
  ids: readonly BlobId[],
  add: (download: BlockDownload) => void,
  isCancelled: () => boolean,
): Promise<void> {
  const maps = ids.filter((id) => id.blockMap === true);
  const mapDownloads = mergeRanges(maps.map(rangeOf)).map((range) => blobs.core.download(range));
  for (const download of mapDownloads) add(download);
  await Promise.allSettled(mapDownloads.map((download) => download.done()));
  if (isCancelled()) return;
  const ranges = ids.filter((id) => id.blockMap !== true).map(rangeOf);
  for (const id of maps) {
    const map = await blobs.getBlockMap(id);
    for (const { index } of map?.blocks ?? []) ranges.push({ start: index, end: index + 1 });
  }
  for (const range of mergeRanges(ranges)) {
    if (isCancelled()) return;
    const download = blobs.core.download(range);
    add(download);
    await download.ready();
  }
}

function rangeOf({ blockOffset, blockLength }: BlobId): BlockRange {
  return { start: blockOffset, end: blockOffset + blockLength };
}

/** The same blocks in as few ranges as can be: files that were written together lie together. */
export function mergeRanges(ranges: readonly BlockRange[]): BlockRange[] {
  const merged: { start: number; end: number }[] = [];
  for (const { start, end } of ranges.toSorted((a, b) => a.start - b.start)) {
    if (start === end) continue;
    const last = merged.at(-1);
    if (last !== undefined && start <= last.end) last.end = Math.max(last.end, end);
    else merged.push({ start, end });
  }
  return merged;
}

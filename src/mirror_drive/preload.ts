/**
 * Fetching the blobs of a mirror's files before their turn.
 *
 * @module
 */
import type { BlockDownload, DriveBlobId, DriveEntry, MirrorableBlobs } from "./drive.ts";

/** The blobs of a drive that are being fetched. */
export class Preload {
  readonly #blobs: MirrorableBlobs;
  readonly #downloads: BlockDownload[] = [];
  #isCancelled = false;

  /** Makes a preload that fetches nothing yet. */
  constructor(blobs: MirrorableBlobs) {
    this.#blobs = blobs;
  }

  /** Whether all blocks are here anyway. */
  get isIdle(): boolean {
    const { core } = this.#blobs;
    return core.length > 0 && core.contiguousLength === core.length;
  }

  /** Fetches the maps of the blobs that are stored as maps of blocks: without them nobody knows what to fetch. */
  async fetchMaps(entries: readonly DriveEntry[]): Promise<void> {
    const maps = blobsOf(entries).filter((blob) => blob.blockMap === true && blob.blockLength > 0);
    const downloads = maps.map((blob) =>
      this.#download({ start: blob.blockOffset, length: blob.blockLength })
    );
    for (const download of downloads) await download.done();
  }

  /** Asks for the blobs of `entries`, and resolves how many blocks are to come. */
  async request(entries: readonly DriveEntry[]): Promise<number> {
    let blockCount = 0;
    for (const blob of blobsOf(entries)) {
      if (this.#isCancelled) return blockCount;
      const download = await this.#requestBlob(blob);
      const range = download?.request?.context;
      if (range) blockCount += range.end - range.start;
    }
    return blockCount;
  }

  async #requestBlob(blob: DriveBlobId): Promise<BlockDownload | null> {
    if (blob.byteLength === 0) return null;
    const map = blob.blockMap === true ? await this.#blobs.getBlockMap(blob) : null;
    const download = map === null
      ? this.#download({ start: blob.blockOffset, length: blob.blockLength })
      : this.#download({ blocks: map.blocks.map((block) => block.index) });
    await download.ready();
    return download;
  }

  #download(range: Parameters<MirrorableBlobs["core"]["download"]>[0]): BlockDownload {
    const download = this.#blobs.core.download(range);
    // Whoever reads the blob meets the error; here it only ends the fetching ahead.
    download.done().catch(() => {});
    this.#downloads.push(download);
    return download;
  }

  /** Gives up what is not here yet. */
  cancel(): void {
    this.#isCancelled = true;
    for (const download of this.#downloads) download.destroy();
  }
}

function blobsOf(entries: readonly DriveEntry[]): DriveBlobId[] {
  return entries.map((entry) => entry.value.blob).filter((blob) => blob !== null);
}

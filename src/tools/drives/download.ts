/**
 * Fetching a whole drive, with its history.
 *
 * @module
 */
import type { Hyperdrive } from "../../hyperdrive/mod.ts";

/** How much of a drive is here. */
export interface DownloadProgress {
  /** Blocks of the metadata that are here without a gap, and all there are. */
  readonly files: { readonly have: number; readonly length: number };
  /** The same of the blobs. */
  readonly blobs: { readonly have: number; readonly length: number };
  /** Bytes that came in so far. */
  readonly bytes: number;
  /** Bytes per second. */
  readonly speed: number;
}

/** A download of a whole drive, under way. */
export interface DriveDownload {
  /** How far it is. */
  progress(): DownloadProgress;
  /** Resolves once all is here. */
  done(): Promise<void>;
  /** Gives up; what has come stays. */
  destroy(): void;
}

/** Starts to fetch all blocks of a drive that are not here yet. */
export async function downloadDrive(drive: Hyperdrive): Promise<DriveDownload> {
  const blobs = await drive.getBlobs();
  const monitor = drive.monitor();
  await monitor.ready();
  const metadata = drive.core.download({ start: 0, end: drive.core.length });
  await metadata.done();
  // How long the blobs are, the files say before any peer does.
  const blobsLength = Math.max(blobs?.core.length ?? 0, await drive.getBlobsLength());
  const downloads = blobs === null ? [] : [blobs.core.download({ start: 0, end: blobsLength })];
  return {
    progress: () => ({
      files: { have: drive.core.contiguousLength, length: drive.core.length },
      blobs: { have: blobs?.core.contiguousLength ?? 0, length: blobsLength },
      bytes: monitor.downloadStats.totalBytes,
      speed: monitor.downloadSpeed(),
    }),
    async done() {
      await Promise.all(downloads.map((download) => download.done()));
      await monitor.close();
    },
    destroy() {
      for (const download of downloads) download.destroy();
    },
  };
}

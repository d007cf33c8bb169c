/**
 * Fetching a whole drive, with its history.
 *
 * @module
 */
import { untilAborted } from "../../base/mod.ts";
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

/** Options of {@linkcode downloadDrive}. */
export interface DownloadOptions {
  /** Gives up while the metadata is fetched, with its reason; afterwards `destroy()` does. */
  readonly signal?: AbortSignal;
}

/** Fetches the metadata of a drive, then starts to fetch all of its blobs that are not here yet. */
export async function downloadDrive(
  drive: Hyperdrive,
  { signal }: DownloadOptions = {},
): Promise<DriveDownload> {
  const blobs = await untilAborted(drive.getBlobs(), signal);
  const monitor = drive.monitor();
  const metadata = drive.core.download({ start: 0, end: drive.core.length });
  try {
    await untilAborted(monitor.ready(), signal);
    await untilAborted(metadata.done(), signal);
  } catch (error) {
    metadata.destroy();
    await monitor.close();
    throw error;
  }
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

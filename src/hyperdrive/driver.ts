/**
 * Watching a drive's blocks pass: what its cores tell, with the time it is told at. Source: `hyperdrive` 13.3.3
 * (lib/monitor.js).
 *
 * @module
 */
import { type Clock, TypedEventEmitter } from "../base/mod.ts";
import { type BlobCore, type Hyperblobs, TransferCounter, type TransferStats } from "../hyperblobs/mod.ts";
import { systemClock } from "../platform/mod.ts";
import type { HyperdriveEntry } from "./entries.ts";

/** Events of a {@linkcode Monitor}. */
export interface MonitorEvents {
  /** A figure changed. */
  update: [];
}

/** Options of `drive.monitor()`. */
export interface MonitorOptions {
  /** The entry to watch, instead of a name. */
  readonly entry?: HyperdriveEntry | null;
  /** Time (default: the system's). */
  readonly clock?: Clock;
}

/** What a monitor asks of its drive. */
export interface MonitoredDrive {
  /** The core of its metadata. */
  readonly core: BlobCore;
  /** The monitors that watch it. */
  readonly monitors: Set<Monitor>;
  /** Its blobs, once they are known. */
  getBlobs(): Promise<Hyperblobs | null>;
  /** The entry of a path. */
  entry(name: string): Promise<HyperdriveEntry | null>;
}

/** Tells how much of a file, or of a drive with its metadata, passes. */
export class Monitor extends TypedEventEmitter<MonitorEvents> {
  /** The file's path, null for the whole drive. */
  readonly name: string | null;
  /** The file's entry, null for the whole drive and before it is known. */
  entry: HyperdriveEntry | null;
  /** Peers of the blobs' core. */
  peers = 0;
  readonly #drive: MonitoredDrive;
  readonly #clock: Clock;
  readonly #opening: Promise<void>;
  #upload = new TransferCounter(null);
  #download = new TransferCounter(null);
  #watched: BlobCore[] = [];
  #blobCore: BlobCore | null = null;
  #isClosed = false;

  /** Starts watching; made by `drive.monitor()`. */
  constructor(drive: MonitoredDrive, name: string | null, options: MonitorOptions = {}) {
    super();
    this.name = name;
    this.entry = options.entry ?? null;
    this.#drive = drive;
    this.#clock = options.clock ?? systemClock;
    this.#opening = this.#open();
    this.#opening.catch(() => {}); // whoever waits for it hears of it
  }

  async #open(): Promise<void> {
    const blobs = await this.#drive.getBlobs();
    if (this.entry === null && this.name !== null) this.entry = await this.#drive.entry(this.name);
    if (this.#isClosed || blobs === null) return;
    const id = this.entry?.value.blob ?? null;
    this.#upload = new TransferCounter(id);
    this.#download = new TransferCounter(id);
    this.#blobCore = blobs.core;
    this.#watched = this.entry === null ? [blobs.core, this.#drive.core] : [blobs.core];
    for (const core of this.#watched) {
      core.on("peer-add", this.#countPeers);
      core.on("peer-remove", this.#countPeers);
      core.on("upload", this.#onUpload);
      core.on("download", this.#onDownload);
    }
    this.#countPeers();
  }

  /** Resolves once it watches. */
  ready(): Promise<void> {
    return this.#opening;
  }

  /** What was sent. */
  get uploadStats(): TransferStats {
    return this.#upload.stats;
  }

  /** What was received. */
  get downloadStats(): TransferStats {
    return this.#download.stats;
  }

  /** Bytes sent a second, over the last five seconds. */
  uploadSpeed(): number {
    return this.#upload.speed(this.#clock.nowMs());
  }

  /** Bytes received a second, over the last five seconds. */
  downloadSpeed(): number {
    return this.#download.speed(this.#clock.nowMs());
  }

  readonly #onUpload = (index: number, byteLength: number): void =>
    this.#count(this.#upload, index, byteLength);
  readonly #onDownload = (index: number, byteLength: number): void =>
    this.#count(this.#download, index, byteLength);
  readonly #countPeers = (): void => {
    this.peers = this.#blobCore?.peers.length ?? 0;
    this.#upload.stats.peers = this.#download.stats.peers = this.peers;
  };

  #count(counter: TransferCounter, index: number, byteLength: number): void {
    if (counter.add(index, byteLength, this.#clock.nowMs(), this.#clock.wallMs())) this.emit("update");
  }

  /** Stops watching. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#drive.monitors.delete(this);
    await this.#opening.catch(() => {});
    for (const core of this.#watched) {
      core.off("peer-add", this.#countPeers);
      core.off("peer-remove", this.#countPeers);
      core.off("upload", this.#onUpload);
      core.off("download", this.#onDownload);
    }
  }
}

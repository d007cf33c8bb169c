/**
 * Watching a blob pass: what the core tells, with the time it is told at.
 *
 * @module
 */
import { type Clock, TypedEventEmitter } from "../base/mod.ts";
import { systemClock } from "../platform/mod.ts";
import { checkId } from "./blob_reader.ts";
import { HyperblobsError } from "./errors.ts";
import type { BlobCore, BlobId } from "./options.ts";
import { TransferCounter, type TransferStats } from "./transfer_stats.ts";

/** Events of {@linkcode Monitor}. */
export interface MonitorEvents {
  /** A figure changed. */
  update: [];
}

/** Watches how a blob is sent and received; made by `monitor()`. */
export class Monitor extends TypedEventEmitter<MonitorEvents> {
  /** The blob. */
  readonly id: BlobId;
  readonly #core: BlobCore;
  readonly #clock: Clock;
  readonly #upload: TransferCounter;
  readonly #download: TransferCounter;
  readonly #handleUpload = (index: number, byteLength: number): void =>
    this.#count(this.#upload, index, byteLength);
  readonly #handleDownload = (index: number, byteLength: number): void =>
    this.#count(this.#download, index, byteLength);
  readonly #handlePeers = (): void => {
    this.#countPeers();
    this.emit("update");
  };

  /**
   * Called by `monitor()`.
   *
   * @internal
   */
  constructor(core: BlobCore, id: BlobId, clock: Clock = systemClock) {
    super();
    if (!id) throw new HyperblobsError("BAD_ARGUMENT", "The id of a blob is needed to watch it");
    this.id = checkId(id);
    this.#core = core;
    this.#clock = clock;
    this.#upload = new TransferCounter(id);
    this.#download = new TransferCounter(id);
    this.#countPeers();
    core.on("peer-add", this.#handlePeers);
    core.on("peer-remove", this.#handlePeers);
    core.on("upload", this.#handleUpload);
    core.on("download", this.#handleDownload);
  }

  /** Peers of the core. */
  get peers(): number {
    return this.#core.peers.length;
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

  #count(counter: TransferCounter, index: number, byteLength: number): void {
    if (counter.add(index, byteLength, this.#clock.nowMs(), this.#clock.wallMs())) this.emit("update");
  }

  #countPeers(): void {
    this.#upload.stats.peers = this.#download.stats.peers = this.peers;
  }

  /** Stops watching. */
  close(): void {
    this.#core.off("peer-add", this.#handlePeers);
    this.#core.off("peer-remove", this.#handlePeers);
    this.#core.off("upload", this.#handleUpload);
    this.#core.off("download", this.#handleDownload);
  }

  /** The same as `close()`. */
  destroy(): void {
    this.close();
  }

  /** The same as `close()`. */
  [Symbol.dispose](): void {
    this.close();
  }
}

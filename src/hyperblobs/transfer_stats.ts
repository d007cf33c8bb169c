/**
 * What of a blob has passed in one direction.
 *
 * @module
 */
import { SpeedMeter } from "../base/mod.ts";
import type { BlobId } from "./options.ts";

/** Figures of one direction; source: `hyperblobs/lib/monitor.js`. */
export interface TransferStats {
  /** When the first block passed, ms since the Unix epoch; 0 before. */
  startTime: number;
  /** Blocks that passed in percent of the blob's, to two decimals. */
  percentage: number;
  /** Peers of the core. */
  peers: number;
  /** Bytes a second, over the last five seconds. */
  speed: number;
  /** Blocks that passed. */
  blocks: number;
  /** Bytes that passed. */
  totalBytes: number;
  /** Bytes that passed since the monitor was made. */
  monitoringBytes: number;
  /** Bytes of the blob. */
  targetBytes: number;
  /** Blocks of the blob. */
  targetBlocks: number;
}

/** Counts the blocks of a blob as they pass, or all blocks. */
export class TransferCounter {
  /** The figures. */
  readonly stats: TransferStats;
  readonly #id: BlobId | null;
  readonly #meter = new SpeedMeter();

  /** Counts the blocks of `id`; null counts all. */
  constructor(id: BlobId | null) {
    this.#id = id;
    this.stats = {
      startTime: 0,
      percentage: 0,
      peers: 0,
      speed: 0,
      blocks: 0,
      totalBytes: 0,
      monitoringBytes: 0,
      targetBytes: id?.byteLength ?? 0,
      targetBlocks: id?.blockLength ?? 0,
    };
  }

  /** Counts a block; false where it is not the blob's. */
  add(index: number, byteLength: number, nowMs: number, wallMs: number): boolean {
    const { blockOffset, blockLength } = this.#id ?? { blockOffset: 0, blockLength: Infinity };
    if (index < blockOffset || index >= blockOffset + blockLength) return false;
    const { stats } = this;
    if (stats.startTime === 0) stats.startTime = wallMs;
    this.#meter.add(byteLength, nowMs);
    stats.speed = this.#meter.rate(nowMs);
    stats.blocks++;
    stats.totalBytes += byteLength;
    stats.monitoringBytes += byteLength;
    if (stats.targetBlocks > 0) {
      stats.percentage = Math.round((stats.blocks / stats.targetBlocks) * 10_000) / 100;
    }
    return true;
  }

  /** Bytes a second up to `nowMs`. */
  speed(nowMs: number): number {
    return this.#meter.rate(nowMs);
  }
}

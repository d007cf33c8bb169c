/**
 * What callers may pass to a store of blobs and what they get; source for names and defaults: `hyperblobs/index.js`.
 *
 * @module
 */
import type { Hypercore } from "../hypercore/mod.ts";

/** A core of whatever values: blobs are bytes. */
// deno-lint-ignore no-explicit-any -- cores of any value type are taken
export type BlobCore = Hypercore<any>;

/** Where a blob lies: all that is needed to read it, kept by whoever stored it. */
export interface BlobId {
  /** First block. */
  readonly blockOffset: number;
  /** Blocks. */
  readonly blockLength: number;
  /** First byte, counted from the beginning of the core. */
  readonly byteOffset: number;
  /** Bytes; with `blockMap` those of the map. */
  readonly byteLength: number;
  /** True: the blocks are a map that names those of the blob. */
  readonly blockMap?: boolean;
}

/** Options of `new Hyperblobs`. */
export interface HyperblobsOptions {
  /** Bytes of a block. Default 65 536. */
  readonly blockSize?: number;
}

/** Options of `createWriteStream`. */
export interface BlobWriteOptions {
  /** Core to write to. Default: the store's. */
  readonly core?: BlobCore;
  /** Keeps each block once and writes a block map. Default false. */
  readonly dedup?: boolean;
  /** With `dedup`: blocks of this blob are used again. */
  readonly blob?: BlobId | null;
  /** Writes a block map even without `dedup`. Default false. */
  readonly blockMap?: boolean;
}

/** Options of `put`. */
export interface BlobPutOptions extends BlobWriteOptions {
  /** Bytes of a block. Default: the store's. */
  readonly blockSize?: number;
}

/** Options of `get`: which part, and how to wait. */
export interface BlobGetOptions {
  /** First byte within the blob. Default 0. */
  readonly start?: number;
  /** Last byte, inclusive. */
  readonly end?: number;
  /** Bytes from `start`; goes before `end`. */
  readonly length?: number;
  /** Whether to wait for peers; the default is the core's. */
  readonly wait?: boolean;
  /** How long to wait for a block, ms, 0 for ever; the default is the core's. */
  readonly timeout?: number;
  /** Core to read from. Default: the store's. */
  readonly core?: BlobCore;
  /** Gives up with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** Options of `createReadStream`. */
export interface BlobReadOptions extends BlobGetOptions {
  /** False: fetches no block before it is read. Default true. */
  readonly prefetch?: boolean;
}

/** A block of a blob that has a map. */
export interface BlockMapEntry {
  /** The block. */
  readonly index: number;
  /** Its bytes. */
  readonly byteLength: number;
}

/** The blocks of a blob, in order. */
export interface BlockMap {
  /** Format; 0 where it was read from the core. */
  readonly version?: number;
  /** The blocks. */
  readonly blocks: readonly BlockMapEntry[];
}

/**
 * Hyperblobs: blobs on a Hypercore, with the ids, blocks and API of the npm package `hyperblobs` 2.
 *
 * @module
 */
export {
  type PipeTarget,
  type Readable,
  type ReadableEvents,
  type Stream,
  type StreamCallback,
  type StreamEvents,
  type StreamListener,
  TypedEventEmitter,
  type Writable,
  type WritableEvents,
} from "../base/mod.ts";
export type { ClearOptions, ClearResult, Hypercore, ReplicateOptions } from "../hypercore/mod.ts";
export { HyperblobsBatch } from "./batch.ts";
export { Monitor, type MonitorEvents } from "./driver.ts";
export { HyperblobsError, type HyperblobsErrorCode } from "./errors.ts";
export { Hyperblobs, Hyperblobs as default } from "./hyperblobs.ts";
export { DEFAULT_BLOCK_SIZE } from "./limits.ts";
export type * from "./options.ts";
export { BlobReadStream, BlobWriteStream } from "./streams.ts";
export { TransferCounter, type TransferStats } from "./transfer_stats.ts";

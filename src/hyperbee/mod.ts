/**
 * Hyperbee: an append-only B-tree on a Hypercore, with the blocks and the API of the npm package `hyperbee` 2.
 *
 * @module
 */
export {
  type Lock,
  type PipeTarget,
  type Readable,
  type ReadableEvents,
  type Stream,
  type StreamCallback,
  type StreamEvents,
  type StreamListener,
  TypedEventEmitter,
} from "../base/mod.ts";
export type { CodecLike, Encoder, State } from "../compact_encoding/mod.ts";
export type {
  Hypercore,
  ReplicateOptions,
  RequestList,
  UpdateOptions,
  WaitOptions,
} from "../hypercore/mod.ts";
export { Batch } from "./batch.ts";
export type { BeeCore, ReadOptions } from "./driver.ts";
export type { BeeEncoding, BeeEntry, KeyRange, RangeCodec } from "./encodings.ts";
export { EntryWatcher, type EntryWatcherEvents } from "./entry_watcher.ts";
export { BeeExtension } from "./extension.ts";
export { Hyperbee, Hyperbee as default, type HyperbeeEvents } from "./hyperbee.ts";
export { type Items, RangeIterator } from "./iterators.ts";
export { DEFAULT_CACHE_BYTES } from "./limits.ts";
export * from "./messages.ts";
export type * from "./options.ts";
export type { EncodedRange, RangeSnapshot } from "./range_machine.ts";
export { SubEncoder } from "./sub_encoder.ts";
export { Watcher, type WatcherEvents } from "./watcher.ts";

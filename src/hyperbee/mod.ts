/**
 * Hyperbee: an append-only B-tree on a Hypercore, with the blocks and the API of the npm package `hyperbee` 2.
 *
 * @module
 */
export {
  type CodecLike,
  type Encoder,
  QuinceError,
  type QuinceErrorOptions,
} from "../compact_encoding/mod.ts";
export { Batch, type BatchHost } from "./batch.ts";
export type { BeeCore, ReadOptions } from "./driver.ts";
export type { BeeEncoding, BeeEntry, EntryEncoding, KeyRange, RangeCodec } from "./encodings.ts";
export { EntryWatcher, type EntryWatcherEvents, type EntryWatcherHost } from "./entry_watcher.ts";
export { HyperbeeError, type HyperbeeErrorCode } from "./errors.ts";
export { BeeExtension, type HintSource } from "./extension.ts";
export { Hyperbee, Hyperbee as default, type HyperbeeEvents } from "./hyperbee.ts";
export { type Items, type IterationSource, RangeIterator } from "./iterators.ts";
export { DEFAULT_CACHE_BYTES } from "./limits.ts";
export {
  type CacheHint,
  Extension,
  type ExtensionMessage,
  type GetRequest,
  Header,
  type HeaderMessage,
  type HeaderMetadata,
  type IteratorRequest,
  type LevelMessage,
  type MessageCodec,
  Node,
  type NodeMessage,
  YoloIndex,
  type YoloIndexMessage,
} from "./messages.ts";
export type { Lock } from "./mutex.ts";
export type * from "./options.ts";
export type { EncodedRange, RangeSnapshot } from "./range_machine.ts";
export { SubEncoder } from "./sub_encoder.ts";
export { Watcher, type WatcherEvents, type WatcherHost } from "./watcher.ts";

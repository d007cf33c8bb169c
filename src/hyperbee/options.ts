/**
 * What callers may pass to a bee and what they get; source for names and defaults: `hyperbee/index.js`.
 *
 * @module
 */
import type { Lock } from "../base/mod.ts";
import type { ReadOptions } from "./driver.ts";
import type { BeeEncoding, BeeEntry, KeyRange } from "./encodings.ts";
import type { BeeExtension } from "./extension.ts";
import type { Hyperbee } from "./hyperbee.ts";
import type { HeaderMetadata } from "./messages.ts";

/** How keys and values become bytes; the default is the bee's. */
export interface EncodingOptions<Key = unknown, Value = unknown> {
  /** Of keys. */
  readonly keyEncoding?: BeeEncoding<Key> | null;
  /** Of values. */
  readonly valueEncoding?: BeeEncoding<Value> | null;
}

/** Options of `new Hyperbee`. */
export interface HyperbeeOptions<Key = unknown, Value = unknown> extends EncodingOptions<Key, Value> {
  /** Written into the first block when it is made. */
  readonly metadata?: HeaderMetadata | null;
  /** False: sends no hints to peers and asks for none; or the extension of another bee on the same core. */
  readonly extension?: boolean | BeeExtension;
  /** Refuses changes. Default false. */
  readonly readonly?: boolean;
  /** False: a put of the value that is there changes nothing. Default true. */
  readonly alwaysDuplicate?: boolean;
  /** Stands between the prefixes of subs. Default one zero byte. */
  readonly sep?: Uint8Array | string;
  /** Encoded keys begin with this; `sub()` sets it. */
  readonly prefix?: Uint8Array | null;
  /** Taken for the time of each change; bees on one core share one. `mutexify/promise` fits. */
  readonly lock?: Lock;
  /** Version to read; 0 for the newest, -1 for the one there is when the bee opens. Default 0. */
  readonly checkout?: number;
  /** False: checkouts use the core itself, not sessions of it. Default true. */
  readonly sessions?: boolean;
  /** How many bytes of blocks to keep in memory, views included. Default 64 MiB. */
  readonly cacheBytes?: number;
}

/** Options of `checkout` and `snapshot`. */
export interface CheckoutOptions<Key = unknown, Value = unknown> extends EncodingOptions<Key, Value> {
  /** Uses the core itself, not a session of it; then closing the view closes the core. Default false. */
  readonly reuseSession?: boolean;
}

/** Options of `sub`. */
export interface SubOptions<Key = unknown, Value = unknown> extends EncodingOptions<Key, Value> {
  /** Stands behind the prefix. Default: the bee's. */
  readonly sep?: Uint8Array | string;
}

/** Options of `get`. */
export interface GetOptions<Key = unknown, Value = unknown>
  extends ReadOptions, EncodingOptions<Key, Value> {}

/** Options of `put`. */
export interface PutOptions<Key = unknown, Value = unknown> extends EncodingOptions<Key, Value> {
  /** Called where the key is there; the put is made only if it gives true. */
  readonly cas?: (
    previous: BeeEntry<Key, Value>,
    next: BeeChange<Key, Value>,
  ) => boolean | Promise<boolean>;
}

/** Options of `del`. */
export interface DelOptions<Key = unknown, Value = unknown> extends EncodingOptions<Key, Value> {
  /** Called where the key is there; it is deleted only if this gives true. */
  readonly cas?: (
    previous: BeeEntry<Key, Value>,
    next: BeeChange<Key, Value>,
  ) => boolean | Promise<boolean>;
}

/** A change that is about to be made, as it was given. */
export interface BeeChange<Key = unknown, Value = unknown> {
  /** Block that it will be. */
  readonly seq: number;
  /** As given. */
  readonly key: Key | Uint8Array | string;
  /** As given; null for a deletion. */
  readonly value: Value | Uint8Array | string | null | undefined;
}

/** Options of `batch`. */
export interface BatchOptions<Key = unknown, Value = unknown>
  extends ReadOptions, EncodingOptions<Key, Value> {
  /** Version to read from, in place of the newest. */
  readonly checkout?: number;
  /** Taken and without effect: blocks in memory are bounded by `cacheBytes` of the bee. */
  readonly maxBlocksCached?: number;
}

/** A range, with order and number of entries. */
export interface RangeOptions<Key = unknown, Value = unknown>
  extends KeyRange<Key>, ReadOptions, EncodingOptions<Key, Value> {
  /** Greatest key first. Default false. */
  readonly reverse?: boolean;
  /** At most so many entries; -1 for all. Default -1. */
  readonly limit?: number;
  /** As `snapshot()` of an iteration gives it: goes on from there. */
  readonly checkpoint?: readonly number[];
}

/** Options of `createHistoryStream`. Bounds are blocks; negative ones count from the version. */
export interface HistoryOptions<Key = unknown, Value = unknown>
  extends ReadOptions, EncodingOptions<Key, Value> {
  /** Waits for changes at the end. Default false. */
  readonly live?: boolean;
  /** Newest first. Default false. */
  readonly reverse?: boolean;
  /** First block, exclusive. */
  readonly gt?: number;
  /** First block. */
  readonly gte?: number;
  /** The same as `gte`. */
  readonly since?: number;
  /** End, exclusive. */
  readonly lt?: number;
  /** Last block. */
  readonly lte?: number;
  /** The same as `lt`. */
  readonly end?: number;
  /** At most so many changes; -1 for all. Default -1. */
  readonly limit?: number;
}

/** A change, as `createHistoryStream` gives it. */
export interface BeeHistoryEntry<Key = Uint8Array, Value = Uint8Array> extends BeeEntry<Key, Value> {
  /** What was done. */
  readonly type: "put" | "del";
}

/** A key that differs between two versions, as `createDiffStream` gives it. */
export interface BeeDifference<Key = Uint8Array, Value = Uint8Array> {
  /** The entry in the bee that was asked; null where there is none. */
  readonly left: BeeEntry<Key, Value> | null;
  /** The entry in the other version; null where there is none. */
  readonly right: BeeEntry<Key, Value> | null;
}

/** Options of `watch`. */
export interface WatchOptions<Key = unknown, Value = unknown, Mapped = Hyperbee<Key, Value>>
  extends EncodingOptions<Key, Value> {
  /** Makes of a snapshot what the watcher gives. Whatever it gives is closed with the snapshot. */
  readonly map?: (snapshot: Hyperbee<Key, Value>) => Mapped;
  /** Compares two snapshots; a change is what it gives an item for. Default: `createDiffStream`. */
  readonly differ?: (
    current: Hyperbee<Key, Value>,
    previous: Hyperbee<Key, Value>,
    range: RangeOptions<Key, Value> | undefined,
  ) => AsyncIterable<unknown>;
  /** Begins with the difference to the empty tree. Default false. */
  readonly eager?: boolean;
  /** Called on every change; makes the watcher flow without a loop. */
  readonly onchange?: () => void | Promise<void>;
}

/** Options of `clearUnlinked`. */
export interface ClearUnlinkedOptions {
  /** First block. Default 0. */
  readonly gte?: number;
  /** End, exclusive. Default: the last block. */
  readonly lt?: number;
  /** Blocks after which what is in memory for the work is dropped. Default 4096. */
  readonly batchSize?: number;
  /** Whether to wait for blocks of the current tree. Default true. */
  readonly wait?: boolean;
}

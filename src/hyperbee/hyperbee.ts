/**
 * The class users hold. Source for names, options, defaults and events: `hyperbee/index.js`.
 *
 * @module
 */
import { concatBytes, isBytes, type Lock, type Readable, TypedEventEmitter, utf8Bytes } from "../base/mod.ts";
import type { ReplicateOptions, UpdateOptions, WaitOptions } from "../hypercore/mod.ts";
import { Batch, type BatchHost, decider, encodingOf } from "./batch.ts";
import { type Change, SingleChanges } from "./changes.ts";
import { clearUnlinked } from "./clear_unlinked.ts";
import { type BeeCore, Reader, type ReadOptions, TreeState } from "./driver.ts";
import {
  type BeeEncoding,
  type BeeEntry,
  codecOf,
  decodeEntry,
  encodeKey,
  encodeRange,
  encodeValue,
  type EntryEncoding,
  ownBytes,
  prefixCodec,
  type RangeCodec,
} from "./encodings.ts";
import { EntryWatcher } from "./entry_watcher.ts";
import { HyperbeeError } from "./errors.ts";
import { BeeExtension } from "./extension.ts";
import { DiffIterator, firstOf, HistoryIterator, type IterationSource, RangeIterator } from "./iterators.ts";
import { DEFAULT_CACHE_BYTES, ITERATOR_HINT_BLOCKS } from "./limits.ts";
import { lookup } from "./lookup.ts";
import { Header, type HeaderMessage, type HeaderMetadata, type IteratorRequest } from "./messages.ts";
import type { EncodedEntry } from "./node_view.ts";
import type {
  BatchOptions,
  BeeDifference,
  BeeHistoryEntry,
  CheckoutOptions,
  ClearUnlinkedOptions,
  DelOptions,
  EncodingOptions,
  GetOptions,
  HistoryOptions,
  HyperbeeOptions,
  PutOptions,
  RangeOptions,
  SubOptions,
  WatchOptions,
} from "./options.ts";
import { RangeMachine } from "./range_machine.ts";
import { MISS } from "./shelf.ts";
import { ItemStream } from "./streams.ts";
import { Watcher } from "./watcher.ts";

/** Events of {@linkcode Hyperbee}. */
export interface HyperbeeEvents {
  /** The bee is open. */
  ready: [];
  /** The bee is closed. */
  close: [];
}

/** What a view has from the bee it is a view of. */
interface ViewOptions {
  readonly state: TreeState;
  /** Encoding of keys behind the prefix. */
  readonly unprefixedKeyEncoding: RangeCodec<unknown> | null;
}

interface Closable {
  close(): Promise<void>;
}

/** Kept from one construction to the next only: what a view has from its bee is nothing for callers to pass. */
const views = new WeakMap<HyperbeeOptions, ViewOptions>();

/**
 * An append-only B-tree on a core: sorted entries, with every version kept.
 *
 * @example
 * ```ts
 * import Hypercore from "@quince/quince/hypercore";
 * import Hyperbee from "@quince/quince/hyperbee";
 *
 * await using bee = new Hyperbee(new Hypercore("./my-bee"), { keyEncoding: "utf-8", valueEncoding: "json" });
 * await bee.put("hello", { world: true });
 * await bee.get("hello"); // { seq: 1, key: "hello", value: { world: true } }
 * ```
 */
export class Hyperbee<Key = Uint8Array, Value = Uint8Array> extends TypedEventEmitter<HyperbeeEvents> {
  /** The core. */
  readonly core: BeeCore;
  /** Codec of keys; null for bytes as they are. */
  readonly keyEncoding: RangeCodec<Key> | null;
  /** Codec of values; null for bytes as they are. */
  readonly valueEncoding: RangeCodec<Value> | null;
  /** Hints to and from peers; null where there are none. */
  readonly extension: BeeExtension | null;
  /** Written into the first block when it is made. */
  readonly metadata: HeaderMetadata | null;
  /** Taken for the time of each change. */
  readonly lock: Lock;
  /** Stands between the prefixes of subs. */
  readonly sep: Uint8Array;
  /** Encoded keys begin with this; null for any. */
  readonly prefix: Uint8Array | null;
  /** Whether changes are refused. */
  readonly readonly: boolean;
  /** Whether a put of the value that is there makes a block. */
  readonly alwaysDuplicate: boolean;
  /** Resolves once the bee is open; the same promise as `ready()` gives. */
  readonly opening: Promise<void>;
  /** Resolves once the bee is closed; null while nobody closes it. */
  closing: Promise<void> | null = null;

  readonly #state: TreeState;
  readonly #encoding: EntryEncoding;
  readonly #unprefixedKeyEncoding: RangeCodec<unknown> | null;
  readonly #isView: boolean;
  readonly #usesSessions: boolean;
  readonly #host: BatchHost;
  readonly #watchers = new Set<Watcher<Key, Value, unknown>>();
  readonly #entryWatchers = new Set<EntryWatcher<Key, Value>>();
  readonly #open = new Set<Closable>();
  readonly #handleAppend = (): void => this.#handleChange(false);
  readonly #handleTruncate = (length: number): void => {
    this.#state.handleTruncate(length);
    this.#handleChange(true);
  };
  readonly #changes: SingleChanges;
  #checkout: number;
  #opened = false;
  #closed = false;

  /** Opens the bee of `core`, in the background. A new one is made with the first change. */
  constructor(core: BeeCore, options: HyperbeeOptions<Key, Value> = {}) {
    super();
    const view = views.get(options as HyperbeeOptions);
    this.core = core;
    this.#isView = view !== undefined;
    this.#state = view?.state ?? new TreeState(core, options.cacheBytes ?? DEFAULT_CACHE_BYTES);
    this.prefix = options.prefix ?? null;
    const keyEncoding = codecOf(options.keyEncoding as BeeEncoding<unknown> | null | undefined);
    this.#unprefixedKeyEncoding = view === undefined ? keyEncoding : view.unprefixedKeyEncoding;
    this.keyEncoding = keyEncoding as RangeCodec<Key> | null;
    this.valueEncoding = codecOf(options.valueEncoding as BeeEncoding<unknown>) as RangeCodec<Value> | null;
    this.#encoding = {
      key: keyEncoding,
      value: this.valueEncoding as RangeCodec<unknown> | null,
    };
    this.metadata = options.metadata ?? null;
    this.sep = toBytes(options.sep ?? Uint8Array.of(0));
    this.readonly = options.readonly === true;
    this.alwaysDuplicate = options.alwaysDuplicate !== false;
    this.#usesSessions = options.sessions !== false;
    this.#checkout = options.checkout ?? 0;
    this.#changes = this.#singleChanges(options.lock);
    this.lock = this.#changes.lock;
    this.#host = this.#batchHost();
    this.extension = this.#extensionOf(options.extension);
    if (!this.#isView) {
      core.on("append", this.#handleAppend);
      core.on("truncate", this.#handleTruncate);
    }
    this.opening = this.#start();
    this.opening.catch(ignoreUntilAsked);
  }

  async #start(): Promise<void> {
    if (!this.core.opened) await this.core.ready();
    if (this.#checkout === -1) this.#checkout = Math.max(1, this.core.length);
    this.#opened = true;
    this.emit("ready");
  }

  #extensionOf(given: boolean | BeeExtension | undefined): BeeExtension | null {
    if (given === false) return null;
    if (typeof given === "object") return given;
    return new BeeExtension({
      core: this.core,
      version: () => this.version,
      traceGet: (version, key, onseq) => this.#traceGet(version, key, onseq),
      traceRange: (request, onseq) => this.#traceRange(request, onseq),
    });
  }

  #batchHost(): BatchHost {
    return {
      core: this.core,
      state: this.#state,
      encoding: this.#encoding,
      isSub: this.prefix !== null,
      readonly: this.readonly,
      alwaysDuplicate: this.alwaysDuplicate,
      lock: () => this.lock(),
      extension: () => this.extension,
      checkout: () => this.#checkout,
      ready: () => this.ready(),
      update: (options) => this.#update(options),
      ensureHeader: () => this.#ensureHeader(),
      opened: (batch) => void this.#open.add(batch),
      closed: (batch) => void this.#open.delete(batch),
    };
  }

  #singleChanges(lock: Lock | undefined): SingleChanges {
    return new SingleChanges({
      core: this.core,
      state: this.#state,
      alwaysDuplicate: this.alwaysDuplicate,
      version: () => this.version,
      ensureHeader: () => this.#ensureHeader(),
      prepare: async () => {
        if (!this.#opened) await this.opening;
        this.#checkOpen();
        if (this.#checkout === 0) await this.#update({});
      },
    }, lock);
  }

  /** Whether block 0 of `core` is the header of a bee. */
  static async isHyperbee(core: BeeCore, options: WaitOptions = {}): Promise<boolean> {
    await core.ready();
    const block = await getBytes(core, 0, options);
    if (block === null) {
      throw new HyperbeeError(
        "BLOCK_NOT_AVAILABLE",
        "Cannot tell whether a core is a bee: block 0 is not available",
      );
    }
    try {
      return Header.decode(block).protocol === "hyperbee";
    } catch {
      return false; // whatever it is, it is no header
    }
  }

  /** Resolves once the bee is open. */
  ready(): Promise<void> {
    return this.opening;
  }

  /** Whether the bee is open. */
  get opened(): boolean {
    return this.#opened;
  }

  /** Whether the bee is closed. */
  get closed(): boolean {
    return this.#closed;
  }

  /** The same as `core`. */
  get feed(): BeeCore {
    return this.core;
  }

  /** Length of the core at the version that is read, at least 1. */
  get version(): number {
    return Math.max(1, this.#checkout || this.core.length);
  }

  /** The key of the core as z-base-32, null before it is known. */
  get id(): string | null {
    return this.core.id;
  }

  /** The key of the core, null before it is known. */
  get key(): Uint8Array | null {
    return this.core.key;
  }

  /** The discovery key of the core, null before it is known. */
  get discoveryKey(): Uint8Array | null {
    return this.core.discoveryKey;
  }

  /** Whether the core takes changes. */
  get writable(): boolean {
    return this.core.writable;
  }

  /** False once the core is closed. */
  get readable(): boolean {
    return this.core.readable;
  }

  /** Replicates the core; as `core.replicate`. */
  // deno-lint-ignore no-explicit-any -- as broad as the core's own
  replicate(isInitiatorOrStream: any, options?: ReplicateOptions): any {
    return this.core.replicate(isInitiatorOrStream, options);
  }

  /** Asks peers for a newer version; resolves whether there is one. */
  update(options?: UpdateOptions): Promise<boolean> {
    return this.core.update(options);
  }

  /**
   * The entry of a key; null where there is none.
   *
   * @throws {HyperbeeError} `BLOCK_NOT_AVAILABLE` with `wait: false`, `SNAPSHOT_NOT_AVAILABLE`, `DECODING_ERROR`,
   * `SESSION_CLOSED`; and what the core's `get` throws.
   */
  async get(
    key: Key | Uint8Array | string,
    options: GetOptions<Key, Value> = {},
  ): Promise<BeeEntry<Key, Value> | null> {
    const encoding = encodingOf(this.#encoding, options);
    const encoded = encodeKey(encoding, key);
    const entry = await this.#lookup(encoded, options as ReadOptions);
    return entry === null ? null : decodeEntry(encoding, entry);
  }

  async #lookup(key: Uint8Array, options: ReadOptions): Promise<EncodedEntry | null> {
    if (!this.#opened) await this.opening;
    this.#checkOpen();
    if (!this.#usesSessions) await this.#update(options);
    const { version } = this;
    const reader = new Reader(this.#state, this.core, this.#withGetHints(options, version, key));
    try {
      const root = reader.root(version);
      const start = root instanceof Promise ? await root : root;
      if (start === null) return null;
      const found = lookup(start, key, reader.shelf);
      if (found !== MISS) return found;
      return await reader.run((shelf) => lookup(start, key, shelf));
    } finally {
      reader.close();
    }
  }

  /** The first block that has to be waited for makes a request for hints. */
  #withGetHints(options: ReadOptions, version: number, key: Uint8Array): ReadOptions {
    const { extension } = this;
    if (extension === null || options.extension === false) return options;
    let asked = false;
    return {
      ...options,
      onwait: (seq) => {
        if (!asked) extension.get(version, key);
        asked = true;
        options.onwait?.(seq);
      },
    };
  }

  /** Key and value of one block. */
  async getBySeq(
    seq: number,
    options: GetOptions<Key, Value> = {},
  ): Promise<{ key: Key; value: Value | null }> {
    if (!this.#opened) await this.opening;
    this.#checkOpen();
    const reader = new Reader(this.#state, this.core, options);
    try {
      const entry = await reader.run((shelf) => shelf.entry(seq));
      const { key, value } = decodeEntry<Key, Value>(encodingOf(this.#encoding, options), entry);
      return { key, value };
    } finally {
      reader.close();
    }
  }

  /**
   * Inserts an entry or replaces its value.
   *
   * @throws {HyperbeeError} `SESSION_NOT_WRITABLE` where the bee is read-only; and what the core's `append` throws.
   */
  async put(
    key: Key | Uint8Array | string,
    value?: Value | Uint8Array | string | null,
    options: PutOptions<Key, Value> = {},
  ): Promise<void> {
    const encoding = encodingOf(this.#encoding, options);
    const encodedKey = ownBytes(encodeKey(encoding, key), key);
    const encodedValue = encodeValue(encoding, value);
    const decide = decider(encoding, options.cas, key, value);
    await this.#change((writer) => writer.put(encodedKey, encodedValue, decide));
  }

  /**
   * Deletes an entry, where there is one.
   *
   * @throws {HyperbeeError} `SESSION_NOT_WRITABLE` where the bee is read-only; and what the core's `append` throws.
   */
  async del(key: Key | Uint8Array | string, options: DelOptions<Key, Value> = {}): Promise<void> {
    const encoding = encodingOf(this.#encoding, options);
    const encodedKey = encodeKey(encoding, key);
    const decide = decider(encoding, options.cas, key, null);
    await this.#change((writer) => writer.del(encodedKey, decide));
  }

  async #change(change: Change): Promise<void> {
    if (this.readonly) {
      throw new HyperbeeError("SESSION_NOT_WRITABLE", "Cannot change a bee that is marked as read-only");
    }
    await this.#changes.add(change);
  }

  /** Changes that are made together; they are in no other read until the batch is flushed. */
  batch(options: BatchOptions<Key, Value> = {}): Batch<Key, Value> {
    return new Batch<Key, Value>(this, this.#host, options);
  }

  /** The first entry of a range; null where there is none. */
  peek(
    range?: RangeOptions<Key, Value>,
    options?: RangeOptions<Key, Value>,
  ): Promise<BeeEntry<Key, Value> | null> {
    return firstOf(this.createRangeIterator(range, { ...options, limit: 1 }));
  }

  /** An iteration over a range of the version that there is now. */
  createRangeIterator(
    range?: RangeOptions<Key, Value>,
    options?: RangeOptions<Key, Value>,
  ): RangeIterator<Key, Value> {
    const all = { ...options, ...range };
    const { key } = encodingOf(this.#encoding, all);
    const encoded = {
      ...encodeRange(key, all, this.prefix !== null),
      limit: all.limit,
      reverse: all.reverse,
    };
    const version = this.#pinVersion();
    const { extension } = this;
    let nextHintAt = 0;
    const hinted: ReadOptions = extension === null || all.extension === false ? all : {
      ...all,
      onwait: (seq) => {
        if (iterator.takenCount >= nextHintAt) {
          nextHintAt = iterator.takenCount + ITERATOR_HINT_BLOCKS;
          extension.iterator(iterator.snapshot());
        }
        all.onwait?.(seq);
      },
    };
    const source = this.#iterationSource(hinted, encodingOf(this.#encoding, all), version);
    const iterator: RangeIterator<Key, Value> = new RangeIterator(source, encoded, all.checkpoint ?? null);
    return iterator;
  }

  /** The entries of a range as a stream, of the version that there is now. */
  createReadStream(
    range?: RangeOptions<Key, Value>,
    options?: RangeOptions<Key, Value>,
  ): Readable<BeeEntry<Key, Value>> {
    const signal = options?.signal ?? range?.signal;
    return new ItemStream<BeeEntry<Key, Value>>(this.createRangeIterator(range, options), signal);
  }

  /** All changes as a stream, with their `type`. */
  createHistoryStream(options: HistoryOptions<Key, Value> = {}): Readable<BeeHistoryEntry<Key, Value>> {
    const version = options.live ? () => this.version : this.#pinVersion();
    const source = this.#iterationSource(options, encodingOf(this.#encoding, options), version);
    return new ItemStream<BeeHistoryEntry<Key, Value>>(new HistoryIterator(source, options), options.signal);
  }

  /**
   * The keys that differ between this bee (left) and another version of it (right), as a stream in the order of keys.
   *
   * @param right A version, or a bee on the same core.
   */
  createDiffStream(
    right: number | Hyperbee<Key, Value>,
    range?: RangeOptions<Key, Value>,
    options?: RangeOptions<Key, Value>,
  ): Readable<BeeDifference<Key, Value>> {
    const all = { ...options, ...range };
    const encoding = encodingOf(this.#encoding, all);
    const encoded = { ...encodeRange(encoding.key, all, this.prefix !== null), limit: all.limit };
    const leftVersion = this.#pinVersion();
    const rightVersion = typeof right === "number" ? () => Math.max(1, right) : right.#pinVersion();
    const rightEncoding = typeof right === "number" ? encoding : encodingOf(right.#encoding, all);
    const opened = async (): Promise<DiffIterator<Key, Value>> => {
      if (typeof right !== "number") await right.ready();
      await this.ready();
      if (this.core.closing !== null || (typeof right !== "number" && right.core.closing !== null)) {
        throw new HyperbeeError("SESSION_CLOSED", "Cannot compare with a closed bee");
      }
      // The view of the newer version reads both: a view of the older one may not see blocks past it.
      const newer = typeof right !== "number" && rightVersion() > leftVersion() ? right : this;
      return new DiffIterator<Key, Value>(
        newer.#iterationSource(all, encoding, leftVersion),
        newer.#iterationSource(all, rightEncoding, rightVersion),
        encoded,
      );
    };
    return new ItemStream<BeeDifference<Key, Value>>(opened(), all.signal);
  }

  /** The version as it is now, or as it is once the bee is open. */
  #pinVersion(): () => number {
    let version = this.#opened ? this.version : 0;
    return () => {
      if (version === 0 && this.#opened) version = this.version;
      return Math.max(1, version);
    };
  }

  #iterationSource(options: ReadOptions, encoding: EntryEncoding, version: () => number): IterationSource {
    let reader: Reader | null = null;
    const source: IterationSource & Closable = {
      encoding,
      version,
      get reader(): Reader {
        return reader!;
      },
      root: () => reader!.root(version()),
      ready: async () => {
        if (!this.#opened) await this.opening;
        this.#checkOpen();
        if (!this.#usesSessions) await this.#update(options);
        version();
      },
      release: () => {
        this.#open.delete(source);
        reader!.close();
      },
      close: () => {
        source.release();
        return Promise.resolve();
      },
    };
    reader = new Reader(this.#state, this.core, options);
    this.#open.add(source);
    return source;
  }

  /** Watches a range: an iterator of pairs of snapshots between which something in it changed. */
  watch<Mapped = Hyperbee<Key, Value>>(
    range?: RangeOptions<Key, Value>,
    options: WatchOptions<Key, Value, Mapped> = {},
  ): Watcher<Key, Value, Mapped> {
    this.#checkWatchable();
    const watcher = new Watcher<Key, Value, Mapped>(
      { bee: this, forget: (gone) => void this.#watchers.delete(gone as Watcher<Key, Value, unknown>) },
      range,
      options,
    );
    this.#watchers.add(watcher as Watcher<Key, Value, unknown>);
    return watcher;
  }

  /** Watches one key: an emitter of `update` whose `node` is the entry as it is now. */
  async getAndWatch(
    key: Key | Uint8Array | string,
    options: EncodingOptions<Key, Value> = {},
  ): Promise<EntryWatcher<Key, Value>> {
    this.#checkWatchable();
    const watcher = new EntryWatcher<Key, Value>(
      { bee: this, forget: (gone) => void this.#entryWatchers.delete(gone as EntryWatcher<Key, Value>) },
      key,
      options,
    );
    this.#entryWatchers.add(watcher);
    await watcher.update();
    if (this.closing !== null) {
      await watcher.close();
      throw new HyperbeeError("SESSION_CLOSED", "Cannot watch a closed bee");
    }
    return watcher;
  }

  #checkWatchable(): void {
    if (!this.#isView) return;
    throw new HyperbeeError("BAD_ARGUMENT", "Can only watch the main bee instance, not a checkout or a sub");
  }

  #handleChange(truncated: boolean): void {
    for (const watcher of Array.from(this.#watchers)) watcher.handleChange();
    for (const watcher of Array.from(this.#entryWatchers)) watcher.handleChange(truncated);
  }

  /** A read-only view of a version. It is a session of its own: close it. */
  checkout(version: number, options: CheckoutOptions<Key, Value> = {}): Hyperbee<Key, Value> {
    const pinned = version === 0 ? 1 : version;
    const reuse = options.reuseSession === true || !this.#usesSessions;
    const exists = pinned <= this.core.length || pinned <= 1;
    const core = reuse ? this.core : exists ? this.core.snapshot() : this.core.session();
    return this.#view(core, {
      checkout: pinned,
      keyEncoding: options.keyEncoding || this.keyEncoding,
      valueEncoding: options.valueEncoding || this.valueEncoding,
      prefix: this.prefix,
    }, this.#unprefixedKeyEncoding);
  }

  /** A read-only view of the version that there is now. */
  snapshot(options: CheckoutOptions<Key, Value> = {}): Hyperbee<Key, Value> {
    const isOpenEnded = !this.core.opened || this.#checkout <= 0;
    return this.checkout(isOpenEnded ? -1 : this.version, options);
  }

  /**
   * A part of the bee: keys are stored behind `prefix` and a separator. It shares the core: closing it closes the bee.
   */
  sub<SubKey = Key, SubValue = Value>(
    prefix: string | Uint8Array,
    options: SubOptions<SubKey, SubValue> = {},
  ): Hyperbee<SubKey, SubValue> {
    const separator = toBytes(options.sep ?? this.sep);
    const whole = concatBytes([this.prefix ?? new Uint8Array(0), toBytes(prefix), separator]);
    const given = (options.keyEncoding || this.#unprefixedKeyEncoding || "binary") as BeeEncoding<unknown>;
    const unprefixed = codecOf(given);
    return this.#view<SubKey, SubValue>(this.core, {
      checkout: this.#checkout,
      keyEncoding: prefixCodec(whole, unprefixed) as RangeCodec<SubKey>,
      valueEncoding: options.valueEncoding || this.valueEncoding as RangeCodec<SubValue> | null || "binary",
      prefix: whole,
      metadata: this.metadata,
    }, unprefixed);
  }

  #view<ViewKey, ViewValue>(
    core: BeeCore,
    options: HyperbeeOptions<ViewKey, ViewValue>,
    unprefixedKeyEncoding: RangeCodec<unknown> | null,
  ): Hyperbee<ViewKey, ViewValue> {
    const all = { ...options, sep: this.sep, lock: this.lock, extension: this.extension ?? false };
    views.set(all as HyperbeeOptions, { state: this.#state, unprefixedKeyEncoding });
    return new Hyperbee<ViewKey, ViewValue>(core, all);
  }

  /**
   * The first block, decoded; null with `wait: false` where it is not local.
   *
   * @throws {HyperbeeError} `DECODING_ERROR` where it is not the header of a bee.
   */
  async getHeader(options: WaitOptions = {}): Promise<HeaderMessage | null> {
    const block = await getBytes(this.core, 0, options);
    if (block === null) return null;
    try {
      return Header.decode(block);
    } catch (cause) {
      throw new HyperbeeError("DECODING_ERROR", "Cannot decode block 0 as the header of a bee", { cause });
    }
  }

  /** Clears blocks that the tree does not lead to any more; resolves to the end of what was looked at, exclusive. */
  async clearUnlinked(options: ClearUnlinkedOptions = {}): Promise<number> {
    await this.ready();
    this.#checkOpen();
    return await clearUnlinked({ core: this.core, state: this.#state, version: this.version }, options);
  }

  #ensureHeader(): Promise<unknown> | void {
    if (this.core.length > 0 || !this.core.writable || this.readonly) return;
    return this.core.append([Header.encode({ protocol: "hyperbee", metadata: this.metadata })]);
  }

  /** Sessions of their own have the version of their making, so that only without them peers are asked first. */
  async #update(options: ReadOptions): Promise<void> {
    if (options.update === false || this.#checkout !== 0 || this.core.writable) return;
    await this.core.update();
  }

  /** Answers from what is local, and without touching the core's requests. */
  async #traceGet(version: number, key: Uint8Array, onseq: (seq: number) => void): Promise<void> {
    const reader = new Reader(this.#state, this.core, { wait: false, onseq });
    try {
      const root = await reader.root(version);
      if (root !== null) await reader.run((shelf) => lookup(root, key, shelf));
    } finally {
      reader.close();
    }
  }

  async #traceRange(request: IteratorRequest, onseq: (seq: number) => boolean): Promise<void> {
    let goOn = true;
    const trace = (seq: number): void => {
      goOn = onseq(seq) && goOn;
    };
    const reader = new Reader(this.#state, this.core, { wait: false, onseq: trace });
    const machine = new RangeMachine({ ...request, limit: request.limit === 0 ? -1 : request.limit });
    try {
      if (request.checkpoint.length > 0) {
        await reader.run((shelf) => machine.openAt(request.checkpoint, shelf));
      } else {
        const root = await reader.root(request.version);
        await reader.run((shelf) => machine.open(root, shelf));
      }
      while (goOn && await reader.run((shelf) => machine.next(shelf)) !== null);
    } finally {
      reader.close();
    }
  }

  #checkOpen(): void {
    if (this.closing === null && this.core.closing === null) return;
    throw new HyperbeeError("SESSION_CLOSED", "Cannot use a closed bee");
  }

  /** Closes watchers, batches and iterations, and the core. */
  close(): Promise<void> {
    return this.closing ??= this.#close();
  }

  async #close(): Promise<void> {
    if (!this.#isView) {
      this.core.off("append", this.#handleAppend);
      this.core.off("truncate", this.#handleTruncate);
      this.#state.stop();
    }
    for (const watcher of Array.from(this.#watchers)) await watcher.close();
    for (const watcher of Array.from(this.#entryWatchers)) await watcher.close();
    for (const open of Array.from(this.#open)) await open.close();
    await this.core.close();
    this.#closed = true;
    this.emit("close");
  }

  /** Closes the bee and its core. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

function toBytes(value: Uint8Array | string): Uint8Array {
  return isBytes(value) ? value : utf8Bytes(value);
}

function getBytes(core: BeeCore, index: number, options: WaitOptions): Promise<Uint8Array | null> {
  return core.get<Uint8Array>(index, { ...options, valueEncoding: "binary" });
}

/** The error reaches whoever awaits `ready()` or calls a method; nobody has to. */
function ignoreUntilAsked(): void {}

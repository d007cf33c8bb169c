/**
 * Changes that are made together: in memory until they are appended at once.
 *
 * @module
 */
import { type Lock, Mutex, type Readable } from "../base/mod.ts";
import type { BeeCore, ReadOptions, TreeState } from "./driver.ts";
import {
  type BeeEntry,
  codecOf,
  decodeEntry,
  encodeKey,
  encodeRange,
  encodeValue,
  type EntryEncoding,
  ownBytes,
} from "./encodings.ts";
import { HyperbeeError } from "./errors.ts";
import type { BeeExtension } from "./extension.ts";
import type { Hyperbee } from "./hyperbee.ts";
import { firstOf, type IterationSource, RangeIterator } from "./iterators.ts";
import { lookup } from "./lookup.ts";
import type { NodeView } from "./node_view.ts";
import type {
  BatchOptions,
  DelOptions,
  EncodingOptions,
  GetOptions,
  PutOptions,
  RangeOptions,
} from "./options.ts";
import { MISS, type Miss, type Shelf } from "./shelf.ts";
import { ItemStream } from "./streams.ts";
import { type Decide, TreeWriter } from "./writer.ts";

/** What a change that is made at once returns. */
const DONE: Promise<void> = Promise.resolve();

/** What a batch asks of its bee. */
export interface BatchHost {
  readonly core: BeeCore;
  readonly state: TreeState;
  readonly encoding: EntryEncoding;
  readonly isSub: boolean;
  readonly readonly: boolean;
  readonly alwaysDuplicate: boolean;
  readonly lock: Lock;
  /** Version that the bee is pinned to; 0 for the newest. */
  checkout(): number;
  ready(): Promise<void>;
  /** Asks peers for hints; null where none are wanted. */
  extension(): Pick<BeeExtension, "get"> | null;
  /** Asks peers for a newer version where that may be. */
  update(options: ReadOptions): Promise<void>;
  /** Appends the header where the log is empty. */
  ensureHeader(): Promise<unknown> | void;
  /** The batch is in use; the bee closes it when it is closed itself. */
  opened(batch: Pick<Batch, "close">): void;
  /** The batch is not in use any more. */
  closed(batch: Pick<Batch, "close">): void;
}

/**
 * A row of changes; made by `batch()`. Its reads see its changes, other reads do not until `flush()`.
 *
 * @example
 * ```ts
 * const batch = bee.batch();
 * await batch.put("a", "1");
 * await batch.put("b", "2");
 * await batch.flush();
 * ```
 */
export class Batch<Key = Uint8Array, Value = Uint8Array> {
  /** The bee. */
  readonly tree: Hyperbee<Key, Value>;
  /** The core of the bee. */
  readonly core: BeeCore;
  readonly #host: BatchHost;
  readonly #options: BatchOptions;
  readonly #encoding: EntryEncoding;
  readonly #writer: TreeWriter;
  readonly #turn = new Mutex();
  #release: (() => void) | null = null;
  #updating: Promise<void> | null = null;
  #isPrepared = false;
  #blocks: Uint8Array[] | null = null;
  /** Key that is being looked up and that no hint was asked for. */
  #hintKey: Uint8Array | null = null;
  /** Counts changes: a read that had to wait begins again when there was one. */
  #changeCount = 0;

  /**
   * Called by `batch()`.
   *
   * @internal
   */
  constructor(tree: Hyperbee<Key, Value>, host: BatchHost, options: BatchOptions<Key, Value>) {
    this.tree = tree;
    this.core = host.core;
    this.#host = host;
    this.#options = options as BatchOptions;
    this.#encoding = encodingOf(host.encoding, options);
    this.#writer = new TreeWriter({
      core: host.core,
      state: host.state,
      alwaysDuplicate: host.alwaysDuplicate,
      version: () => this.#storedVersion,
      ensureHeader: () => host.ensureHeader(),
    }, {
      ...options,
      onwait: (seq) => {
        this.#askForHints();
        options.onwait?.(seq);
      },
    });
    host.opened(this);
  }

  /** The same as `core`. */
  get feed(): BeeCore {
    return this.core;
  }

  /** Version that the bee has once the batch is flushed. */
  get version(): number {
    const { checkout } = this.#options;
    if (checkout !== undefined && checkout !== -1) return Math.max(1, checkout);
    return Math.max(1, this.#host.checkout() || this.core.length + this.length);
  }

  get #storedVersion(): number {
    const { checkout } = this.#options;
    if (checkout !== undefined && checkout !== -1) return Math.max(1, checkout);
    return Math.max(1, this.#host.checkout() || this.core.length);
  }

  /** How many changes wait to be flushed. */
  get length(): number {
    return this.#writer.pendingCount;
  }

  /** Whether the batch holds the write lock of the bee. */
  get locked(): boolean {
    return this.#release !== null;
  }

  /** Resolves once the bee is open. */
  ready(): Promise<void> {
    return this.#host.ready();
  }

  /**
   * Takes the write lock of the bee; the first change does it too.
   *
   * @throws {HyperbeeError} `SESSION_NOT_WRITABLE` where the bee is read-only.
   */
  async lock(): Promise<void> {
    if (this.#host.readonly) {
      throw new HyperbeeError("SESSION_NOT_WRITABLE", "Cannot change a bee that is marked as read-only");
    }
    if (this.#release === null) this.#release = await this.#host.lock();
  }

  /** Inserts an entry or replaces its value. */
  put(
    key: Key | Uint8Array | string,
    value?: Value | Uint8Array | string | null,
    options: PutOptions<Key, Value> = {},
  ): Promise<void> {
    const encoding = encodingOf(this.#encoding, options);
    const encodedKey = ownBytes(encodeKey(encoding, key), key);
    const encodedValue = encodeValue(encoding, value);
    const ownValue = encodedValue === null ? null : ownBytes(encodedValue, value);
    const decide = decider(encoding, options.cas, key, value);
    if (decide === null && this.#putAtHand(encodedKey, ownValue)) return DONE;
    return this.#change(() => this.#writer.put(encodedKey, ownValue, decide));
  }

  /** Deletes an entry, where there is one. */
  del(key: Key | Uint8Array | string, options: DelOptions<Key, Value> = {}): Promise<void> {
    const encoding = encodingOf(this.#encoding, options);
    const encodedKey = ownBytes(encodeKey(encoding, key), key);
    const decide = decider(encoding, options.cas, key, null);
    return this.#change(() => this.#writer.del(encodedKey, decide));
  }

  /** Most puts of a great batch find their place in memory; waiting for nothing would be most of their time. */
  #putAtHand(key: Uint8Array, value: Uint8Array | null): boolean {
    if (!this.#isPrepared || this.#release === null || this.#turn.isHeld) return false;
    if (!this.#writer.putAtHand(key, value)) return false;
    this.#changeCount++;
    this.#blocks = null;
    return true;
  }

  async #change(change: () => Promise<boolean>): Promise<void> {
    const release = await this.#turn.lock();
    try {
      if (this.#release === null) await this.lock();
      await this.#prepare();
      if (await change()) this.#changeCount++;
      this.#blocks = null;
    } finally {
      release();
    }
  }

  /** Once a batch, as a batch builds on one version. */
  async #prepare(): Promise<void> {
    if (this.#updating === null) {
      await this.#host.ready();
      this.#updating = this.#host.checkout() === 0 && this.#options.checkout === undefined
        ? this.#host.update(this.#options)
        : Promise.resolve();
    }
    await this.#updating;
    this.#isPrepared = true;
  }

  /** The entry of `key` with the changes of the batch; null where there is none. */
  async get(
    key: Key | Uint8Array | string,
    options: GetOptions<Key, Value> = {},
  ): Promise<BeeEntry<Key, Value> | null> {
    const encoding = encodingOf(this.#encoding, options);
    const encoded = encodeKey(encoding, key);
    await this.#prepare();
    this.#hintKey = encoded;
    const entry = await this.#read((root, shelf) => root === null ? null : lookup(root, encoded, shelf));
    this.#hintKey = null;
    return entry === null ? null : decodeEntry(encoding, entry);
  }

  #askForHints(): void {
    if (this.#hintKey === null || this.#options.extension === false) return;
    this.#host.extension()?.get(this.#storedVersion, this.#hintKey);
    this.#hintKey = null;
  }

  async #read<Result>(work: (root: NodeView | null, shelf: Shelf) => Result | Miss): Promise<Result> {
    const { reader } = this.#writer;
    while (true) {
      const root = await this.#writer.root();
      const count = this.#changeCount;
      let result = work(root, reader.shelf);
      while (result === MISS) {
        await reader.fetch();
        if (count !== this.#changeCount) break;
        result = work(root, reader.shelf);
      }
      if (result !== MISS) return result;
    }
  }

  /** Key and value of one block, those of the batch included. */
  async getBySeq(
    seq: number,
    options: GetOptions<Key, Value> = {},
  ): Promise<{ key: Key; value: Value | null }> {
    await this.#prepare();
    const entry = await this.#writer.reader.run((shelf) => shelf.entry(seq));
    const { key, value } = decodeEntry<Key, Value>(encodingOf(this.#encoding, options), entry);
    return { key, value };
  }

  /** The first entry of a range; null where there is none. */
  peek(
    range?: RangeOptions<Key, Value>,
    options?: RangeOptions<Key, Value>,
  ): Promise<BeeEntry<Key, Value> | null> {
    return firstOf(this.createRangeIterator(range, { ...options, limit: 1 }));
  }

  /** An iteration over a range, with the changes that the batch has when it begins. */
  createRangeIterator(
    range?: RangeOptions<Key, Value>,
    options?: RangeOptions<Key, Value>,
  ): RangeIterator<Key, Value> {
    const all = { ...options, ...range };
    const encoding = encodingOf(this.#encoding, all);
    const source: IterationSource = {
      reader: this.#writer.reader,
      encoding,
      root: () => this.#writer.root(),
      version: () => this.version,
      ready: () => this.#prepare(),
      release: () => {},
    };
    const encoded = {
      ...encodeRange(encoding.key, all, this.#host.isSub),
      limit: all.limit,
      reverse: all.reverse,
    };
    return new RangeIterator<Key, Value>(source, encoded, all.checkpoint ?? null);
  }

  /** The entries of a range as a stream. */
  createReadStream(
    range?: RangeOptions<Key, Value>,
    options?: RangeOptions<Key, Value>,
  ): Readable<BeeEntry<Key, Value>> {
    const signal = range?.signal ?? options?.signal;
    return new ItemStream<BeeEntry<Key, Value>>(this.createRangeIterator(range, options), signal);
  }

  /** The blocks that `flush()` would append. */
  toBlocks(): Uint8Array[] {
    return this.#blocks ??= this.#writer.encode();
  }

  /** Appends all changes at once and releases the lock. */
  async flush(): Promise<void> {
    if (this.length === 0) return await this.close();
    const blocks = this.toBlocks();
    try {
      await this.#writer.append(blocks);
    } finally {
      await this.close();
    }
  }

  /** Drops what was not flushed and releases the lock. */
  close(): Promise<void> {
    this.#writer.reset();
    this.#blocks = null;
    this.#updating = null;
    this.#isPrepared = false;
    this.#changeCount++;
    const release = this.#release;
    this.#release = null;
    release?.();
    this.#host.closed(this);
    return Promise.resolve();
  }

  /** The same as `close()`. */
  destroy(): void {
    this.close();
  }

  /** The same as `close()`: what was not flushed is dropped. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

/** The encodings that `options` ask for, those of `encoding` else. */
export function encodingOf(encoding: EntryEncoding, options: EncodingOptions): EntryEncoding {
  if (!options.keyEncoding && !options.valueEncoding) return encoding;
  return {
    key: codecOf(options.keyEncoding) ?? encoding.key,
    value: codecOf(options.valueEncoding) ?? encoding.value,
  };
}

/** A decision by the caller's `cas`, about what the caller gave. */
export function decider<Key, Value>(
  encoding: EntryEncoding,
  cas: PutOptions<Key, Value>["cas"],
  key: Key | Uint8Array | string,
  value: Value | Uint8Array | string | null | undefined,
): Decide | null {
  if (!cas) return null;
  return (previous, seq) => cas(decodeEntry<Key, Value>(encoding, previous), { seq, key, value });
}

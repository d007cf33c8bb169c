/**
 * Iterations over entries, changes and differences.
 *
 * @module
 */
import { DiffMachine } from "./diff_machine.ts";
import type { Reader } from "./driver.ts";
import { type BeeEntry, decodeEntry, type EntryEncoding } from "./encodings.ts";
import { HyperbeeError } from "./errors.ts";
import type { EncodedEntry, NodeView } from "./node_view.ts";
import type { BeeDifference, BeeHistoryEntry, HistoryOptions } from "./options.ts";
import { type EncodedRange, RangeMachine, type RangeSnapshot } from "./range_machine.ts";
import { MISS, type Shelf } from "./shelf.ts";

/** Something to be read one by one, as streams do. */
export interface Items<Item> {
  /** Goes to the first item. */
  open(): Promise<void>;
  /** The next item where it is at hand, null at the end, undefined where it has to be waited for. */
  take(): Item | null | undefined;
  /** The next item; null at the end. */
  next(): Promise<Item | null>;
  /** Ends it. */
  close(): Promise<void>;
}

/** What an iteration reads. */
export interface IterationSource {
  readonly reader: Reader;
  readonly encoding: EntryEncoding;
  /** Resolves to the root of the version. */
  root(): Promise<NodeView | null> | NodeView | null;
  /** The version. */
  version(): number;
  /** Resolves once reads may begin. */
  ready(): Promise<void>;
  /** Called at the end. */
  release(): void;
}

/** An iteration over a range; made by `createRangeIterator()`. */
export class RangeIterator<Key = Uint8Array, Value = Uint8Array> implements Items<BeeEntry<Key, Value>> {
  readonly #source: IterationSource;
  readonly #machine: RangeMachine;
  readonly #checkpoint: readonly number[] | null;
  readonly #ahead = (shelf: Shelf, countMax: number): number[] => this.#machine.ahead(shelf, countMax);
  #opening: Promise<void> | null = null;
  #closed = false;
  #takenCount = 0;

  /**
   * Called by `createRangeIterator()`.
   *
   * @internal
   */
  constructor(source: IterationSource, range: EncodedRange, checkpoint: readonly number[] | null) {
    this.#source = source;
    this.#machine = new RangeMachine(range);
    this.#checkpoint = checkpoint !== null && checkpoint.length > 0 ? checkpoint : null;
  }

  /** Goes to the first entry; `next()` does it too. */
  open(): Promise<void> {
    return this.#opening ??= this.#open();
  }

  async #open(): Promise<void> {
    await this.#source.ready();
    const { reader } = this.#source;
    if (this.#checkpoint !== null) {
      const checkpoint = this.#checkpoint;
      await reader.run((shelf) => this.#machine.openAt(checkpoint, shelf));
      return;
    }
    const root = await this.#source.root();
    await reader.run((shelf) => this.#machine.open(root, shelf));
  }

  /** The next entry where it is at hand, null at the end, undefined where it has to be waited for. */
  take(): BeeEntry<Key, Value> | null | undefined {
    const { reader } = this.#source;
    this.#checkOpen();
    const entry = this.#machine.next(reader.shelf);
    if (entry !== MISS) return entry === null ? null : this.#take(entry);
    reader.shelf.wanted.length = 0;
    return undefined;
  }

  /** The next entry; null at the end. */
  async next(): Promise<BeeEntry<Key, Value> | null> {
    await this.open();
    this.#checkOpen();
    const { reader } = this.#source;
    const entry = await reader.run((shelf) => this.#machine.next(shelf), this.#ahead);
    return entry === null ? null : this.#take(entry);
  }

  #take(entry: EncodedEntry): BeeEntry<Key, Value> {
    this.#takenCount++;
    return decodeEntry(this.#source.encoding, entry);
  }

  /** How many entries it has given. */
  get takenCount(): number {
    return this.#takenCount;
  }

  #checkOpen(): void {
    if (this.#closed) throw new HyperbeeError("SESSION_CLOSED", "Cannot go on with a closed iteration");
  }

  /** Where the iteration stands: given as range to `createRangeIterator` of the same version it goes on from there. */
  snapshot(version: number = this.#source.version()): RangeSnapshot {
    return this.#machine.snapshot(version);
  }

  /** Ends the iteration. */
  close(): Promise<void> {
    this.#closed = true;
    this.#source.release();
    return Promise.resolve();
  }

  /** All entries that are left; leaving the loop closes the iteration. */
  async *[Symbol.asyncIterator](): AsyncGenerator<BeeEntry<Key, Value>> {
    try {
      for (let entry = await this.next(); entry !== null; entry = await this.next()) yield entry;
    } finally {
      await this.close();
    }
  }
}

/** The first entry of an iteration, which is closed; null where there is none. */
export async function firstOf<Key, Value>(
  iterator: RangeIterator<Key, Value>,
): Promise<BeeEntry<Key, Value> | null> {
  try {
    return await iterator.next();
  } finally {
    await iterator.close();
  }
}

/** All changes in the order they were made, or against it. */
export class HistoryIterator<Key, Value> implements Items<BeeHistoryEntry<Key, Value>> {
  readonly #source: IterationSource;
  readonly #options: HistoryOptions;
  #next = 0;
  #end = 0;
  #limit: number;

  constructor(source: IterationSource, options: HistoryOptions) {
    if (options.live && options.reverse) {
      throw new HyperbeeError("BAD_ARGUMENT", "Cannot have both live and reverse enabled");
    }
    this.#source = source;
    this.#options = options;
    this.#limit = typeof options.limit === "number" ? options.limit : -1;
  }

  async open(): Promise<void> {
    await this.#source.ready();
    const version = this.#source.version();
    this.#next = firstSeq(this.#options, version);
    this.#end = this.#options.live ? Infinity : endSeq(this.#options, version);
  }

  take(): BeeHistoryEntry<Key, Value> | null | undefined {
    const seq = this.#nextSeq();
    if (seq === null) return null;
    const { shelf } = this.#source.reader;
    return shelf.has(seq) ? this.#pass(shelf.block(seq) as EncodedChange) : undefined;
  }

  async next(): Promise<BeeHistoryEntry<Key, Value> | null> {
    const seq = this.#nextSeq();
    if (seq === null) return null;
    const block = await this.#source.reader.run(
      (shelf) => shelf.block(seq),
      (shelf, countMax) => this.#ahead(shelf, countMax),
    );
    return this.#pass(block);
  }

  #nextSeq(): number | null {
    if (this.#limit === 0 || this.#next >= this.#end) return null;
    if (!this.#options.reverse) return this.#next;
    return this.#end <= 1 ? null : this.#end - 1;
  }

  #pass(block: EncodedChange): BeeHistoryEntry<Key, Value> {
    if (this.#options.reverse) this.#end--;
    else this.#next++;
    if (this.#limit > 0) this.#limit--;
    const type = block.isDeletion() ? "del" : "put";
    return { type, ...decodeEntry<Key, Value>(this.#source.encoding, block) };
  }

  #ahead(shelf: Shelf, countMax: number): number[] {
    const count = this.#limit < 0 ? countMax : Math.min(countMax, this.#limit);
    const first = this.#options.reverse ? Math.max(this.#next, 1, this.#end - count) : this.#next;
    const end = Math.min(
      this.#end,
      this.#options.reverse ? this.#end : first + count,
      this.#source.version(),
    );
    const seqs: number[] = [];
    for (let seq = first; seq < end; seq++) if (!shelf.has(seq)) seqs.push(seq);
    return seqs;
  }

  close(): Promise<void> {
    this.#source.release();
    return Promise.resolve();
  }
}

type EncodedChange = EncodedEntry & { isDeletion(): boolean };

/** Negative bounds count from the version; 0 is none. Source: `hyperbee/iterators/history.js`. */
function firstSeq(options: HistoryOptions, version: number): number {
  if (options.gt) return (options.gt < 0 ? options.gt + version : options.gt) + 1;
  const gte = options.gte || options.since || 1;
  return gte < 0 ? gte + version : gte;
}

function endSeq(options: HistoryOptions, version: number): number {
  if (options.lte === 0 || options.lt === 0 || options.end === 0) return 0;
  if (options.lte) return (options.lte < 0 ? options.lte + version : options.lte) + 1;
  const lt = options.lt || options.end || version;
  return lt < 0 ? lt + version : lt;
}

/** All keys that differ between two versions. */
export class DiffIterator<Key, Value> implements Items<BeeDifference<Key, Value>> {
  readonly #left: IterationSource;
  readonly #right: IterationSource;
  readonly #machine: DiffMachine;

  constructor(left: IterationSource, right: IterationSource, range: EncodedRange) {
    this.#left = left;
    this.#right = right;
    this.#machine = new DiffMachine(left.reader.shelf, right.reader.shelf, range);
  }

  async open(): Promise<void> {
    await Promise.all([this.#left.ready(), this.#right.ready()]);
    const [left, right] = await Promise.all([this.#left.root(), this.#right.root()]);
    while (this.#machine.open(left, right) === MISS) await this.#fetch();
  }

  take(): BeeDifference<Key, Value> | null | undefined {
    const difference = this.#machine.next();
    if (difference !== MISS) return difference === null ? null : this.#decode(difference);
    for (const { reader } of [this.#left, this.#right]) reader.shelf.wanted.length = 0;
    return undefined;
  }

  async next(): Promise<BeeDifference<Key, Value> | null> {
    while (true) {
      const difference = this.#machine.next();
      if (difference !== MISS) return difference === null ? null : this.#decode(difference);
      await this.#fetch();
    }
  }

  async #fetch(): Promise<void> {
    const readers = [this.#left.reader, this.#right.reader].filter(({ shelf }) => shelf.wanted.length > 0);
    await Promise.all((readers.length === 0 ? [this.#left.reader] : readers).map((reader) => reader.fetch()));
  }

  #decode(
    { left, right }: { left: EncodedEntry | null; right: EncodedEntry | null },
  ): BeeDifference<Key, Value> {
    return {
      left: left === null ? null : decodeEntry(this.#left.encoding, left),
      right: right === null ? null : decodeEntry(this.#right.encoding, right),
    };
  }

  close(): Promise<void> {
    this.#left.release();
    this.#right.release();
    return Promise.resolve();
  }
}

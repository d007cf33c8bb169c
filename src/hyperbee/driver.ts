/**
 * Fetches the blocks that the tree code lacks: the only place of a bee where anything is waited for to be read.
 *
 * @module
 */
import type { Download, Hypercore, RequestList } from "../hypercore/mod.ts";
import { Block } from "./block.ts";
import { BlockCache } from "./block_cache.ts";
import { HyperbeeError } from "./errors.ts";
import { READ_AHEAD_BLOCKS } from "./limits.ts";
import type { EncodedEntry, NodeView } from "./node_view.ts";
import { type BlockSource, MISS, type Miss, Shelf } from "./shelf.ts";

/** A core of whatever values: a bee reads and writes bytes. */
// deno-lint-ignore no-explicit-any -- cores of any value type are taken
export type BeeCore = Hypercore<any>;

/** Options of every read. */
export interface ReadOptions {
  /** Whether to wait for peers where a block is not local; the default is the core's. */
  readonly wait?: boolean;
  /** How long to wait for a block, ms, 0 for ever; the default is the core's. */
  readonly timeout?: number;
  /** False: does not ask peers for a newer version first, where that would be done. Default true. */
  readonly update?: boolean;
  /** Called when a block has to be waited for. */
  readonly onwait?: ((seq: number) => void) | null;
  /** Called once for each block that is looked at. */
  readonly onseq?: ((seq: number) => void) | null;
  /** False: asks no peer for hints. Default true. */
  readonly extension?: boolean;
  /** Gives up waiting with the signal's reason. */
  readonly signal?: AbortSignal | null;
  /** List that holds the requests, for `Hypercore.clearRequests`. */
  readonly activeRequests?: RequestList;
}

/** What a bee and its views have in common: the blocks in memory, and the reads that run. */
export class TreeState {
  readonly cache: BlockCache;
  readonly #core: BeeCore;
  readonly #readers = new Set<Reader>();
  #cutCount = 0;
  #isWatching = true;

  constructor(core: BeeCore, cacheBytes: number) {
    this.#core = core;
    this.cache = new BlockCache(cacheBytes);
  }

  /** The blocks in memory where they are those that `core` sees: not after a cut that it was made before. */
  cacheFor(core: BeeCore): BlockCache | null {
    return this.#isWatching && (core === this.#core || core.fork === this.#core.fork) ? this.cache : null;
  }

  /** How often the log was cut: what was made before a cut may be of blocks that are gone. */
  get cutCount(): number {
    return this.#cutCount;
  }

  register(reader: Reader): void {
    this.#readers.add(reader);
  }

  unregister(reader: Reader): void {
    this.#readers.delete(reader);
  }

  /** The log was cut: blocks from `length` on are gone, for those too who read an older version. */
  handleTruncate(length: number): void {
    this.#cutCount++;
    this.cache.truncate(length);
    for (const reader of this.#readers) reader.handleTruncate(length);
  }

  /** Nobody tells of cuts from now on. */
  stop(): void {
    this.#isWatching = false;
    this.cache.clear();
  }
}

/** Blocks of a batch that are not in the log yet. */
export interface PendingSource {
  get(seq: number): EncodedEntry | undefined;
}

/** Blocks that one reader keeps at hand beside the shared ones, before it lets go of them. */
const OWN_BLOCKS_MAX = 1024;

/** Blocks of which a reader knows that it has told of them; beyond, it may tell of one again. */
const SEEN_BLOCKS_MAX = 65_536;

/** One read, or a row of reads, of one version. */
export class Reader implements BlockSource {
  /** What the tree code works on. */
  readonly shelf: Shelf = new Shelf(this);
  readonly core: BeeCore;
  readonly #state: TreeState;
  readonly #options: ReadOptions;
  readonly #pending: PendingSource | null;
  readonly #seen: Set<number> | null;
  readonly #downloads = new Set<Download>();
  #closing: AbortController | null = null;
  #abortSignal: AbortSignal | null = null;
  #isClosed = false;
  #loadCount = 0;
  /** Fetched for this reader: whatever the cache forgets, work that begins again finds them. */
  readonly #own = new Map<number, Block>();
  #cache: BlockCache | null;
  #compatLength = Infinity;
  #isRegistered = false;
  #aheadCount = READ_AHEAD_BLOCKS.first;

  constructor(state: TreeState, core: BeeCore, options: ReadOptions, pending: PendingSource | null = null) {
    this.#state = state;
    this.core = core;
    this.#options = options;
    this.#pending = pending;
    this.#seen = options.onseq ? new Set() : null;
    this.#cache = state.cacheFor(core);
  }

  get(seq: number): EncodedEntry | undefined {
    if (this.#seen !== null && !this.#seen.has(seq)) {
      if (this.#seen.size >= SEEN_BLOCKS_MAX) this.#seen.clear();
      this.#seen.add(seq);
      this.#options.onseq!(seq);
    }
    return this.#pending?.get(seq) ?? this.#atHand(seq);
  }

  has(seq: number): boolean {
    return this.#pending?.get(seq) !== undefined || this.#atHand(seq) !== undefined;
  }

  #atHand(seq: number): Block | undefined {
    return this.#cache?.get(seq) ?? (this.#own.size === 0 ? undefined : this.#own.get(seq));
  }

  /** Repeats `work` until nothing is missing. `ahead` names further blocks that will be needed soon. */
  async run<Result>(
    work: (shelf: Shelf) => Result | Miss,
    ahead?: (shelf: Shelf, countMax: number) => number[],
  ): Promise<Result> {
    while (true) {
      const result = work(this.shelf);
      if (result !== MISS) return result;
      await this.fetch(ahead);
    }
  }

  /** The root of `version`; null before anything was put. */
  root(version: number): Promise<NodeView | null> | NodeView | null {
    if (version < 2) return null;
    const block = this.shelf.block(version - 1);
    if (block !== MISS) return block.node(0);
    return this.run((shelf) => {
      const block = shelf.block(version - 1);
      return block === MISS ? MISS : block.node(0);
    });
  }

  /** Fetches what was missing. */
  async fetch(ahead?: (shelf: Shelf, countMax: number) => number[]): Promise<void> {
    if (this.#isClosed) throw requestCancelled();
    if (!this.#isRegistered) {
      this.#isRegistered = true;
      this.#state.register(this);
    }
    const { wanted, around } = this.shelf;
    const seqs = Array.from(new Set(wanted.splice(0)));
    if (seqs.length === 0) return await nextTurn();
    if (this.#own.size > OWN_BLOCKS_MAX) this.#own.clear();
    const more = ahead === undefined ? [] : this.#readAhead(ahead, seqs);
    if (around !== null && this.#options.wait !== false && !seqs.every((seq) => this.#isLocal(seq))) {
      this.#downloadAround(around, more);
    }
    const local = more.filter((seq) => this.#isLocal(seq));
    await Promise.all([
      ...seqs.map((seq) => this.#load(seq, this.#options.wait)),
      ...local.map((seq) => this.#load(seq, false).catch(ignoreUntilNeeded)),
    ]);
  }

  /** Few blocks at first, so that a short range reads little more than it gives. */
  #readAhead(ahead: (shelf: Shelf, countMax: number) => number[], wanted: readonly number[]): number[] {
    const seqs = ahead(this.shelf, this.#aheadCount).filter((seq) => !wanted.includes(seq));
    this.#aheadCount = Math.min(2 * this.#aheadCount, READ_AHEAD_BLOCKS.most);
    return Array.from(new Set(seqs));
  }

  /** Blocks are small and round trips long: what hangs on a node is fetched together. */
  #downloadAround(node: NodeView, more: readonly number[]): void {
    const blocks = new Set<number>();
    const add = (seq: number): void => {
      if (!this.has(seq) && !this.#isLocal(seq)) blocks.add(seq);
    };
    for (let i = 0; i < node.keyCount; i++) add(node.keySeq(i));
    for (let i = 0; i < node.childCount; i++) add(node.childSeq(i));
    for (const seq of more) add(seq);
    if (blocks.size <= 1) return;
    const download = this.core.download({ blocks: Array.from(blocks) });
    this.#downloads.add(download);
    download.done().catch(ignoreUntilNeeded).finally(() => this.#downloads.delete(download));
  }

  #isLocal(seq: number): boolean {
    const { core } = this.core;
    if (core === null || !core.opened) return true;
    // Blocks past the log are those of a branch, which are written here.
    return seq >= core.log.head.length || core.log.bitfield.get(seq);
  }

  async #load(seq: number, wait: boolean | undefined): Promise<void> {
    this.#checkCompat(seq);
    const { timeout, onwait, activeRequests } = this.#options;
    const { fork } = this.core;
    let bytes: Uint8Array | null;
    this.#loadCount++;
    try {
      bytes = await this.core.get(seq, {
        valueEncoding: "binary",
        wait,
        timeout,
        signal: this.#signal(),
        activeRequests,
        onwait: onwait ? (index) => onwait(index) : undefined,
      });
    } finally {
      this.#loadCount--;
    }
    if (bytes === null) {
      throw new HyperbeeError("BLOCK_NOT_AVAILABLE", `Block ${seq} is not available locally`);
    }
    this.#checkCompat(seq);
    const block = new Block(seq, bytes);
    this.#own.set(seq, block);
    this.#cache = this.#state.cacheFor(this.core);
    if (fork === this.core.fork) this.#cache?.set(block);
  }

  /** Aborts when the reader is closed, or when the caller says so. */
  #signal(): AbortSignal {
    if (this.#abortSignal !== null) return this.#abortSignal;
    const { signal } = this.#options;
    this.#closing = new AbortController();
    const closing = this.#closing.signal;
    return this.#abortSignal = signal ? AbortSignal.any([signal, closing]) : closing;
  }

  #checkCompat(seq: number): void {
    if (seq < this.#compatLength) return;
    throw new HyperbeeError(
      "SNAPSHOT_NOT_AVAILABLE",
      `Block ${seq} is gone: the log was cut to ${this.#compatLength} blocks`,
    );
  }

  /** The log was cut. */
  handleTruncate(length: number): void {
    this.#compatLength = Math.min(this.#compatLength, length);
    for (const seq of this.#own.keys()) if (seq >= length) this.#own.delete(seq);
  }

  /** Forgets what was kept; the reader may be used on. */
  release(): void {
    for (const download of this.#downloads) download.destroy();
    this.#downloads.clear();
    this.#own.clear();
    if (this.#isRegistered) this.#state.unregister(this);
    this.#isRegistered = false;
  }

  /** Gives up what is being waited for; whoever reads on gets `REQUEST_CANCELLED`. */
  close(): void {
    this.release();
    if (this.#loadCount > 0) this.#closing?.abort(requestCancelled());
    this.#isClosed = true;
  }
}

function requestCancelled(): HyperbeeError {
  return new HyperbeeError("REQUEST_CANCELLED", "A read was given up");
}

function nextTurn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
}

/** The block is read for itself when it is needed, and then the error counts. */
function ignoreUntilNeeded(): void {}

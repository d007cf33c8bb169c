/**
 * What a log holds in memory of what it has stored, and how both change together.
 *
 * A change is one atomic batch: rows, the head record, and those pages of the bitfield that the gapless start of the log
 * does not already imply. Memory follows once the batch is stored, so a failed write changes nothing.
 *
 * @module
 */
import { equalBytes } from "../../base/mod.ts";
import { StorageError, WriteBatch } from "../../storage/mod.ts";
import { HypercoreError } from "../errors.ts";
import { Bitfield, BITFIELD_PAGE_BITS, type BitfieldRange } from "./bitfield.ts";
import { fullRoots, straddling } from "./flat_tree.ts";
import { type Layer, LayerView } from "./layer.ts";
import type { LogStorage } from "./log_storage.ts";
import { totalSize, treeHashOf } from "./node.ts";
import { type GatheredNodes, NodeStore } from "./node_store.ts";
import type { ProofSource } from "./prover.ts";
import { decodeHead, EMPTY_HEAD_RECORD, encodeHead, type HeadRecord, ownerKey } from "./records.ts";
import type { TreeHead, TreeNode } from "./types.ts";

/** A change to be stored. */
export interface StateChange {
  /** Rows and records that belong to the change; the head and the bitfield are added to it. */
  readonly batch: WriteBatch;
  /** The new head, where it changes. */
  readonly head?: TreeHead;
  /** Hash over the roots of `head`. */
  readonly rootHash?: Uint8Array | null;
  /** Blocks that arrive and blocks that go, in order. */
  readonly ranges?: readonly BitfieldRange[];
  /** Blocks that stay, where the log is cut. */
  readonly keptLength?: number;
}

/** What a state has taken up and not handed to the one below it. */
interface HeldBack {
  /** The state that it was made from, as it was then. */
  readonly origin: LogState;
  originHead: TreeHead;
  ranges: BitfieldRange[];
  /** Blocks that stay of what there was. */
  keptLength: number;
}

/** The state of one log. */
export class LogState implements ProofSource {
  /** Number of the log in its store. */
  readonly owner: number;
  /** Where it lies. */
  readonly storage: LogStorage;
  /** What it shares with another log; null for a log that is no branch. */
  readonly layer: Layer | null;
  /** Its tree nodes. */
  readonly nodes: NodeStore;
  /** Blocks that are stored. */
  readonly bitfield: Bitfield;
  /** Adds to the batch of each change of the head; what it returns is called once that is stored. */
  onHead: ((batch: WriteBatch) => () => void) | null = null;
  #head: TreeHead;
  #rootHash: Uint8Array | null;
  #contiguousLength: number;
  #remoteContiguousLength: number;
  #recovering: number;
  #version = 0;
  readonly #storedPages = new Set<number>();
  readonly #headKey: Uint8Array;
  /** Null where changes are stored at once. */
  #heldBack: HeldBack | null = null;

  private constructor(place: LogPlace, head: TreeHead, bitfield: Bitfield, record: HeadHints) {
    this.storage = place.storage;
    this.owner = place.owner;
    this.layer = place.layer;
    this.nodes = new NodeStore(place.storage, place.owner);
    this.#headKey = ownerKey(place.owner);
    this.bitfield = bitfield;
    this.#head = head;
    this.#rootHash = record.rootHash;
    this.#contiguousLength = Math.min(record.contiguousLength, head.length);
    this.#remoteContiguousLength = record.remoteContiguousLength;
    this.#recovering = record.recovering;
  }

  /**
   * Reads the state of a log and checks that its head fits its tree.
   *
   * @throws {StorageError} `STORAGE_CORRUPT`, `STORAGE_VERSION`.
   */
  static async load(physical: LogStorage, owner: number, layer: Layer | null = null): Promise<LogState> {
    const storage = layer === null ? physical : new LayerView(physical, layer);
    const bytes = await storage.getRecord("head", ownerKey(owner));
    const record = bytes === null ? EMPTY_HEAD_RECORD : decodeHead(bytes);
    const { length, byteLength, fork, signature, rootHash } = record;
    const nodes = new NodeStore(storage, owner);
    const { nodes: found, pending } = nodes.gather(fullRoots(length));
    await pending;
    const roots = Array.from(fullRoots(length), (index) => found.get(index)).filter((node) =>
      node !== undefined
    );
    if (roots.length < fullRoots(length).length) roots.length = 0;
    const isBroken = length > 0 && roots.length === 0;
    const isWhole = length === 0 || (rootHash !== null && equalBytes(treeHashOf(roots), rootHash));
    if (!isBroken && (!isWhole || totalSize(roots) !== byteLength)) {
      throw new StorageError("STORAGE_CORRUPT", `Stored tree of ${length} blocks does not match its head`);
    }
    const head = { length, byteLength, fork, signature, roots };
    const bitfield = new Bitfield({ pagesMax: Infinity });
    const state = new LogState({ storage, owner, layer }, head, bitfield, record);
    await state.#loadBitfield();
    return state;
  }

  /** The same state, whose changes go to `physical` and are kept together until they are {@linkcode handDown | handed down}. */
  fork(physical: LogStorage): LogState {
    const layer = this.layer && { ...this.layer };
    const storage = layer === null ? physical : new LayerView(physical, layer);
    const place = { storage, owner: this.owner, layer };
    const state = new LogState(place, this.#head, this.bitfield.clone(), {
      rootHash: this.#rootHash,
      contiguousLength: this.#contiguousLength,
      remoteContiguousLength: this.#remoteContiguousLength,
      recovering: this.#recovering,
    });
    const { length: keptLength } = this.#head;
    state.#heldBack = { origin: this, originHead: this.#head, ranges: [], keptLength };
    return state;
  }

  /** The latest state. */
  get head(): TreeHead {
    return this.#head;
  }

  /** Hash over the roots, 32 bytes; null for an empty log. */
  get rootHash(): Uint8Array | null {
    return this.#rootHash;
  }

  /** Counts changes: what was read at another version may be out of date. */
  get version(): number {
    return this.#version;
  }

  /** Blocks stored without a gap from 0. */
  get contiguousLength(): number {
    return this.#contiguousLength;
  }

  /** The longest gapless start that a peer was known to have, blocks. */
  get remoteContiguousLength(): number {
    return this.#remoteContiguousLength;
  }

  /** Changes the hint; it is stored with the next change. */
  set remoteContiguousLength(length: number) {
    this.#remoteContiguousLength = length;
  }

  /** Above 0 where peers may have seen own appends that are not stored. */
  get recovering(): number {
    return this.#recovering;
  }

  /** Stores the hint. */
  async storeRecovering(recovering: number): Promise<void> {
    this.#recovering = recovering;
    await this.commit({ batch: new WriteBatch() });
  }

  /** Whether roots are missing, so that nothing can be verified or appended. */
  get isBroken(): boolean {
    return this.#head.length > 0 && this.#head.roots.length === 0;
  }

  /** The root with this index; undefined where it is none. */
  rootAt(index: number): TreeNode | undefined {
    return this.#head.roots.find((root) => root.index === index);
  }

  /** Whether a block is stored. */
  mayHaveBlock(index: number): boolean {
    return this.bitfield.get(index);
  }

  /** Several blocks, in the order of `indexes`; null for those that are not stored. */
  async readBlocks(indexes: readonly number[]): Promise<(Uint8Array | null)[]> {
    const { storage, owner } = this;
    if (indexes.length === 1) return [await storage.getRow("block", owner, indexes[0]!)];
    return await storage.getRows("block", owner, indexes);
  }

  /** A block; null where it is not stored. */
  async getBlock(index: number): Promise<Uint8Array | null> {
    return this.bitfield.get(index) ? await this.storage.getRow("block", this.owner, index) : null;
  }

  /** As {@linkcode readBlocks}, without asking the storage for what is not there. */
  async getBlocks(indexes: readonly number[]): Promise<(Uint8Array | null)[]> {
    const stored = indexes.filter((index) => this.bitfield.get(index));
    const values = await this.storage.getRows("block", this.owner, stored);
    let next = 0;
    return indexes.map((index) => stored[next] === index ? values[next++]! : null);
  }

  /** A node, at once where it is in memory; null where it is not stored. */
  readNode(index: number): TreeNode | null | Promise<TreeNode | null> {
    return this.nodes.read(index);
  }

  /** Makes several nodes available. */
  gatherNodes(indexes: Iterable<number>): GatheredNodes {
    return this.nodes.gather(indexes);
  }

  /** Whether all blocks from `start` to `end` (exclusive) are stored. */
  async has(start: number, end: number): Promise<boolean> {
    if (this.bitfield.firstUnset(start) < end) return false;
    // What a branch shares may have been dropped from the log since.
    for (let index = start; index < Math.min(end, this.layer?.sharedLength ?? 0); index++) {
      if (await this.storage.getRow("block", this.owner, index) === null) return false;
    }
    return true;
  }

  /**
   * The roots that cover `length` blocks, left to right.
   *
   * @throws {HypercoreError} `INVALID_OPERATION` where one is not stored.
   */
  async roots(length: number): Promise<TreeNode[]> {
    const indexes = fullRoots(length);
    const { nodes, pending } = this.nodes.gather(indexes);
    await pending;
    return indexes.map((index) => {
      const node = this.rootAt(index) ?? nodes.get(index);
      if (node !== undefined) return node;
      throw new HypercoreError("INVALID_OPERATION", `Expected tree node ${index} from storage, got (nil)`);
    });
  }

  /** Stores a change, then makes it visible. */
  async commit(change: StateChange): Promise<void> {
    const apply = this.#heldBack === null ? this.prepare(change) : this.#holdBack(change, this.#heldBack);
    await this.storage.write(change.batch);
    apply();
  }

  /** Adds head and bitfield to a change; call the result once it is stored, to make it visible. */
  prepare(change: StateChange): () => void {
    const { batch, ranges = [] } = change;
    const head = change.head ?? this.#head;
    const rootHash = change.rootHash === undefined ? this.#rootHash : change.rootHash;
    const contiguousLength = this.#contiguousAfter(ranges);
    const pages = this.#putPages(batch, ranges, contiguousLength);
    const { length, byteLength, fork, signature } = head;
    const remoteContiguousLength = this.#remoteContiguousLength;
    const hints = { contiguousLength, remoteContiguousLength };
    const recovering = this.#recovering;
    const record = encodeHead({ length, byteLength, fork, signature, rootHash, recovering, ...hints });
    batch.putRecord("head", this.#headKey, record);
    const handleStored = head === this.#head ? undefined : this.onHead?.(batch);
    return () => {
      handleStored?.();
      this.#apply(head, rootHash, ranges, contiguousLength);
      for (const [page, isStored] of pages) {
        if (isStored) this.#storedPages.add(page);
        else this.#storedPages.delete(page);
      }
    };
  }

  /** Whether anything is held back. */
  get hasHeldBack(): boolean {
    const held = this.#heldBack;
    return held !== null && (held.ranges.length > 0 || held.originHead !== this.#head);
  }

  /** Blocks of the state that this holds changes back from, as it is now. */
  get originLength(): number {
    return this.#heldBack!.origin.head.length;
  }

  /** Blocks that stay of what there was before the changes that are held back. */
  get keptLength(): number {
    return this.#heldBack!.keptLength;
  }

  /**
   * Whether the state that this was made from has still all blocks that this builds on, and none behind them that peers
   * have heard of: they know `toldLength` blocks.
   */
  isCurrent(toldLength: number): boolean {
    const { origin, originHead } = this.#heldBack!;
    if (origin.head === originHead) return true;
    return origin.head.fork === originHead.fork && origin.head.length >= originHead.length &&
      toldLength <= originHead.length;
  }

  /** Adds the deletion of what the state below has appended in the meantime to `batch`. */
  dropOverrun(batch: WriteBatch): void {
    const { origin, originHead } = this.#heldBack!;
    deleteTail(batch, this.owner, originHead.length, origin.head.length);
  }

  /**
   * Adds to `batch`, which has the rows already, what makes the state below become this one; call the result once it is
   * stored. What the one below has appended in the meantime is dropped.
   */
  handDown(batch: WriteBatch): () => void {
    const held = this.#heldBack!;
    const { origin, originHead } = held;
    const overrun = { start: originHead.length, end: origin.head.length, value: false };
    const ranges = overrun.start < overrun.end ? [overrun, ...held.ranges] : held.ranges;
    const apply = origin.prepare({ batch, head: this.#head, rootHash: this.#rootHash, ranges });
    return () => {
      apply();
      origin.nodes.reset();
      if (origin.layer !== null) Object.assign(origin.layer, this.layer);
      held.originHead = this.#head;
      held.ranges = [];
      held.keptLength = this.#head.length;
    };
  }

  #holdBack(change: StateChange, held: HeldBack): () => void {
    const { ranges = [] } = change;
    const head = change.head ?? this.#head;
    const rootHash = change.rootHash === undefined ? this.#rootHash : change.rootHash;
    const contiguousLength = this.#contiguousAfter(ranges);
    return () => {
      this.#apply(head, rootHash, ranges, contiguousLength);
      held.ranges.push(...ranges);
      held.keptLength = Math.min(held.keptLength, change.keptLength ?? Infinity);
    };
  }

  #apply(
    head: TreeHead,
    rootHash: Uint8Array | null,
    ranges: readonly BitfieldRange[],
    contiguousLength: number,
  ): void {
    this.#version++;
    this.#head = head;
    this.#rootHash = rootHash;
    this.#contiguousLength = contiguousLength;
    for (const { start, end, value } of ranges) this.bitfield.setRange(start, end, value);
  }

  /** Where the gapless start ends once `ranges` have been applied. */
  #contiguousAfter(ranges: readonly BitfieldRange[]): number {
    let length = this.#contiguousLength;
    let droppedEnd = 0;
    for (const { start, end, value } of ranges) {
      if (!value) {
        length = Math.min(length, start);
        droppedEnd = Math.max(droppedEnd, end);
      } else if (start <= length && end > length) {
        // What was there behind a dropped range is not looked at: after a truncation there is nothing.
        length = end < droppedEnd ? end : this.bitfield.firstUnset(end);
      }
    }
    return length;
  }

  /** Adds the pages that change to `batch`; tells which rows there are afterwards. */
  #putPages(
    batch: WriteBatch,
    ranges: readonly BitfieldRange[],
    contiguousLength: number,
  ): Map<number, boolean> {
    const touched = new Set<number>();
    for (const { start, end, value } of ranges) {
      if (value && end <= contiguousLength) continue;
      const first = pageOf(value ? Math.max(start, contiguousLength) : start);
      const last = pageOf((value ? end : Math.max(end, this.#contiguousLength)) - 1);
      for (let page = first; page <= last; page++) touched.add(page);
    }
    const pages = new Map<number, boolean>();
    for (const page of touched) {
      const bytes = this.bitfield.encodePage(page, ranges);
      if (bytes !== null) batch.putRow("bitfield", this.owner, page, bytes);
      else if (this.#storedPages.has(page)) batch.deleteRow("bitfield", this.owner, page);
      pages.set(page, bytes !== null);
    }
    if (pageOf(contiguousLength) > pageOf(this.#contiguousLength)) {
      for (const page of this.#storedPages) {
        if (page >= pageOf(contiguousLength)) continue;
        batch.deleteRow("bitfield", this.owner, page);
        pages.set(page, false);
      }
    }
    return pages;
  }

  async #loadBitfield(): Promise<void> {
    const { length } = this.#head;
    const range = { start: pageOf(this.#contiguousLength), end: pageOf(length) + 1 };
    for await (const { index, value } of this.storage.rows("bitfield", this.owner, range)) {
      if (!this.bitfield.loadPage(index, value)) {
        throw new StorageError("STORAGE_CORRUPT", `Stored page ${index} of a bitfield cannot be read`);
      }
      this.#storedPages.add(index);
    }
    this.bitfield.setRange(0, this.#contiguousLength, true);
    this.bitfield.setRange(length, Number.MAX_SAFE_INTEGER, false);
    this.#contiguousLength = this.bitfield.firstUnset(this.#contiguousLength);
  }
}

/** Adds the deletion of the blocks from `kept` to `length` (exclusive), and of the tree over them, to `batch`. */
export function deleteTail(batch: WriteBatch, owner: number, kept: number, length: number): void {
  if (kept >= length) return;
  batch.deleteRows("block", owner, kept, length);
  batch.deleteRows("node", owner, 2 * kept, 2 * length);
  for (const index of straddling(kept)) batch.deleteRow("node", owner, index);
}

/** Where a state lies. */
interface LogPlace {
  readonly storage: LogStorage;
  readonly owner: number;
  readonly layer: Layer | null;
}

/** What of a head record is not in the head. */
type HeadHints = Pick<
  HeadRecord,
  "rootHash" | "contiguousLength" | "remoteContiguousLength" | "recovering"
>;

function pageOf(index: number): number {
  return Math.floor(index / BITFIELD_PAGE_BITS);
}

/**
 * What a log holds in memory of what it has stored, and how both change together.
 *
 * A change is one atomic batch: rows, the head record, and those pages of the bitfield that the gapless start of the log
 * does not already imply. Memory follows once the batch is stored, so a failed write changes nothing.
 *
 * @module
 */
import { equalBytes } from "../../base/mod.ts";
import { type Storage, StorageError, type WriteBatch } from "../../storage/mod.ts";
import { Bitfield, BITFIELD_PAGE_BITS, type BitfieldRange } from "./bitfield.ts";
import { fullRoots } from "./flat_tree.ts";
import { totalSize, treeHashOf } from "./node.ts";
import { NodeStore } from "./node_store.ts";
import { decodeHead, EMPTY_HEAD_RECORD, encodeHead, ownerKey } from "./records.ts";
import type { TreeHead, TreeNode } from "./types.ts";

/** A change to be stored. */
export interface StateChange {
  /** Rows and records that belong to the change; the head and the bitfield are added to it. */
  readonly batch: WriteBatch;
  /** The new head, where it changes. */
  readonly head?: TreeHead;
  /** Hash over the roots of `head`. */
  readonly rootHash?: Uint8Array | null;
  /** Blocks that arrive, or blocks that go, in order; never both. */
  readonly ranges?: readonly BitfieldRange[];
}

/** The state of one log. */
export class LogState {
  /** Number of the log in its store. */
  readonly owner: number;
  /** Where it lies. */
  readonly storage: Storage;
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
  #version = 0;
  readonly #storedPages = new Set<number>();

  private constructor(storage: Storage, owner: number, head: TreeHead, record: typeof EMPTY_HEAD_RECORD) {
    this.storage = storage;
    this.owner = owner;
    this.nodes = new NodeStore(storage, owner);
    this.bitfield = new Bitfield({ pagesMax: Infinity });
    this.#head = head;
    this.#rootHash = record.rootHash;
    this.#contiguousLength = Math.min(record.contiguousLength, head.length);
    this.#remoteContiguousLength = record.remoteContiguousLength;
  }

  /**
   * Reads the state of a log and checks that its head fits its tree.
   *
   * @throws {StorageError} `STORAGE_CORRUPT`, `STORAGE_VERSION`.
   */
  static async load(storage: Storage, owner: number): Promise<LogState> {
    const bytes = await storage.getRecord("head", ownerKey(owner));
    const record = bytes === null ? EMPTY_HEAD_RECORD : decodeHead(bytes);
    const { length, byteLength, fork, signature, rootHash } = record;
    const nodes = new NodeStore(storage, owner);
    const { nodes: found, pending } = nodes.gather(fullRoots(length));
    await pending;
    const roots = Array.from(fullRoots(length), (index) => found.get(index)).filter((node) =>
      node !== undefined
    );
    const isWhole = length === 0 || (rootHash !== null && equalBytes(treeHashOf(roots), rootHash));
    if (!isWhole || totalSize(roots) !== byteLength) {
      throw new StorageError("STORAGE_CORRUPT", `Stored tree of ${length} blocks does not match its head`);
    }
    const state = new LogState(storage, owner, { length, byteLength, fork, signature, roots }, record);
    await state.#loadBitfield();
    return state;
  }

  /** The latest state. */
  get head(): TreeHead {
    return this.#head;
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

  /** The root with this index; undefined where it is none. */
  rootAt(index: number): TreeNode | undefined {
    return this.#head.roots.find((root) => root.index === index);
  }

  /** Stores a change, then makes it visible. */
  async commit(change: StateChange): Promise<void> {
    const { batch, ranges = [] } = change;
    const head = change.head ?? this.#head;
    const rootHash = change.rootHash === undefined ? this.#rootHash : change.rootHash;
    const contiguousLength = this.#contiguousAfter(ranges);
    const pages = this.#putPages(batch, ranges, contiguousLength);
    const { length, byteLength, fork, signature } = head;
    const remoteContiguousLength = this.#remoteContiguousLength;
    const hints = { contiguousLength, remoteContiguousLength };
    const record = encodeHead({ length, byteLength, fork, signature, rootHash, ...hints });
    batch.putRecord("head", ownerKey(this.owner), record);
    const handleStored = head === this.#head ? undefined : this.onHead?.(batch);
    await this.storage.write(batch);
    handleStored?.();
    this.#version++;
    this.#head = head;
    this.#rootHash = rootHash;
    this.#contiguousLength = contiguousLength;
    for (const { start, end, value } of ranges) this.bitfield.setRange(start, end, value);
    for (const [page, isStored] of pages) {
      if (isStored) this.#storedPages.add(page);
      else this.#storedPages.delete(page);
    }
  }

  /** Where the gapless start ends once `ranges` have been applied. */
  #contiguousAfter(ranges: readonly BitfieldRange[]): number {
    let length = this.#contiguousLength;
    if (ranges.length === 0) return length;
    if (!ranges[0]!.value) return Math.min(length, ...ranges.map((range) => range.start));
    for (const { start, end } of ranges) {
      if (start > length) break;
      if (end > length) length = this.bitfield.firstUnset(end);
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

function pageOf(index: number): number {
  return Math.floor(index / BITFIELD_PAGE_BITS);
}

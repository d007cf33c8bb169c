/**
 * One state of a log that stays readable whatever happens to the log. What is about to be taken away is copied first,
 * once for all snapshots that have it; so snapshots cost nothing until then, and hold no lock on the storage.
 *
 * @module
 */
import { WriteBatch } from "../../storage/mod.ts";
import { HypercoreError } from "../errors.ts";
import { type CoreStore, deleteContent } from "./core_store.ts";
import { copyRows } from "./copy_rows.ts";
import { fullRoots, rightSpan, straddling } from "./flat_tree.ts";
import type { LogState } from "./log_state.ts";
import { nodeOfRow, treeHashOf } from "./node.ts";
import type { GatheredNodes } from "./node_store.ts";
import { type ProofSource, proveAll } from "./prover.ts";
import { keptKey, keptOwnerOf, ownerKey } from "./records.ts";
import { seekBlock } from "./seek.ts";
import type { ManifestPrologue, ProofRequest, ProveResult, SeekResult, TreeHead, TreeNode } from "./types.ts";

/** What a log's snapshots still need of a past state of it. */
export interface KeptRows {
  /** Number of the rows' owner. */
  readonly owner: number;
  /** Snapshots that read from it. */
  users: number;
}

/** A part of a snapshot that the log does not have any more. */
interface KeptPart {
  readonly kept: KeptRows;
  /** Blocks up to here are the snapshot's. */
  readonly end: number;
}

/** A pinned state of a log. */
export class LogSnapshot implements ProofSource {
  /** The state. */
  readonly head: TreeHead;
  readonly #keeper: SnapshotKeeper;
  #compatLength: number;
  /** What was cut off, oldest first. */
  #cut: KeptPart[];
  /** What was dropped without being cut off. */
  #cleared: KeptPart[];

  /** Made by {@linkcode SnapshotKeeper}. */
  constructor(
    keeper: SnapshotKeeper,
    head: TreeHead,
    compatLength: number,
    cut: KeptPart[] = [],
    cleared: KeptPart[] = [],
  ) {
    this.#keeper = keeper;
    this.head = head;
    this.#compatLength = compatLength;
    this.#cut = cut;
    this.#cleared = cleared;
    for (const { kept } of [...cut, ...cleared]) kept.users++;
  }

  /** Blocks from 0 on that the log still has in common with this state. */
  get compatLength(): number {
    return this.#compatLength;
  }

  /** Whether `log` is what was pinned. */
  isOf(log: { readonly owner: number }): boolean {
    return log.owner === this.#keeper.state.owner;
  }

  /** Another snapshot of the same state. */
  clone(): LogSnapshot {
    return this.#keeper.add(
      new LogSnapshot(this.#keeper, this.head, this.#compatLength, this.#cut.slice(), this.#cleared.slice()),
    );
  }

  /** A block; null where it was not stored when it was cut off, or is not stored. */
  async getBlock(index: number): Promise<Uint8Array | null> {
    const { state, storage } = this.#keeper;
    if (index >= this.head.length) return null;
    if (index < this.#compatLength && state.bitfield.get(index)) {
      const row = await storage.getRow("block", state.owner, index);
      if (row !== null) return row;
    }
    for (const part of this.#partsOf(index + 1)) {
      const row = await storage.getRow("block", part.kept.owner, index);
      if (row !== null) return row;
    }
    return null;
  }

  /** Whether all blocks from `start` to `end` (exclusive) can be read. */
  async has(start: number, end: number): Promise<boolean> {
    for (let index = start; index < end; index++) {
      const isInLog = index < this.#compatLength && this.#keeper.state.bitfield.get(index);
      if (!isInLog && await this.getBlock(index) === null) return false;
    }
    return true;
  }

  /**
   * Hash over the roots that cover `length` blocks, 32 bytes.
   *
   * @throws {HypercoreError} `INVALID_OPERATION` where a root is not stored.
   */
  async treeHash(length: number = this.head.length): Promise<Uint8Array> {
    const roots: TreeNode[] = [];
    for (const index of fullRoots(length)) {
      const node = await this.readNode(index);
      if (node === null) {
        throw new HypercoreError("INVALID_OPERATION", `Expected tree node ${index} from storage, got (nil)`);
      }
      roots.push(node);
    }
    return treeHashOf(roots);
  }

  /** Finds the byte at `bytes`; `padding` is what each block has in front. */
  seek(bytes: number, padding = 0): Promise<SeekResult> {
    return seekBlock(this.head, bytes, padding, (index) => this.readNode(index));
  }

  /** Proves what is asked for, as of this state. Results stand in the order of the requests. */
  prove(requests: readonly ProofRequest[], prologue: ManifestPrologue | null): Promise<ProveResult[]> {
    return proveAll(this, requests, this.head, prologue);
  }

  /** Whether a block may be readable; false is certain. */
  mayHaveBlock(index: number): boolean {
    return index < this.head.length;
  }

  /** Several blocks, in the order of `indexes`. */
  readBlocks(indexes: readonly number[]): Promise<(Uint8Array | null)[]> {
    return Promise.all(indexes.map((index) => this.getBlock(index)));
  }

  /** A node of the tree; null where it is not stored. */
  async readNode(index: number): Promise<TreeNode | null> {
    const root = this.head.roots.find((other) => other.index === index);
    if (root !== undefined) return root;
    const end = rightSpan(index) / 2 + 1;
    const { state, storage } = this.#keeper;
    if (end <= this.#compatLength) return await state.nodes.read(index);
    for (const part of this.#partsOf(end)) {
      const row = await storage.getRow("node", part.kept.owner, index);
      if (row !== null) return nodeOfRow(index, row);
    }
    return null;
  }

  /** Makes all these nodes available. */
  gatherNodes(indexes: Iterable<number>): GatheredNodes {
    const nodes = new Map<number, TreeNode>();
    const pending = Promise.all(Array.from(new Set(indexes), async (index) => {
      const node = await this.readNode(index);
      if (node !== null) nodes.set(index, node);
    })).then(() => {});
    return { nodes, pending };
  }

  /** Lets go of what was kept for it; idempotent. */
  async close(): Promise<void> {
    const parts = [...this.#cut, ...this.#cleared];
    this.#cut = [];
    this.#cleared = [];
    await this.#keeper.remove(this, parts.map(({ kept }) => kept));
  }

  /** Notes that the log was cut to `length`, and where what was cut off can be read; called by the keeper. */
  noteCut(kept: KeptRows, length: number): void {
    kept.users++;
    this.#cut.push({ kept, end: this.#compatLength });
    this.#compatLength = length;
  }

  /** Notes that blocks were dropped from the log, and where they can be read; called by the keeper. */
  noteCleared(kept: KeptRows): void {
    kept.users++;
    this.#cleared.push({ kept, end: this.#compatLength });
  }

  /** Where to look for what ends at `end` and is not in the log, the likeliest place first. */
  *#partsOf(end: number): Generator<KeptPart, void, void> {
    const cut = this.#cut.findLast((part) => part.end >= end);
    if (end > this.#compatLength && cut !== undefined) yield cut;
    for (const part of this.#cleared) if (part.end >= end) yield part;
  }
}

/** Keeps what snapshots of one log need before the log changes. */
export class SnapshotKeeper {
  /** The log's state. */
  readonly state: LogState;
  readonly #store: CoreStore;
  readonly #logOwner: number;
  readonly #snapshots = new Set<LogSnapshot>();

  /** `logOwner` is the number of the log that `state` is of or branches from. */
  constructor(store: CoreStore, state: LogState, logOwner: number) {
    this.#store = store;
    this.state = state;
    this.#logOwner = logOwner;
  }

  /** Where the log reads from, and what is kept too. */
  get storage(): LogState["storage"] {
    return this.state.storage;
  }

  /** Pins the present state. */
  take(): LogSnapshot {
    const { head } = this.state;
    return this.add(new LogSnapshot(this, head, head.length));
  }

  /** Registers a snapshot. */
  add(snapshot: LogSnapshot): LogSnapshot {
    this.#snapshots.add(snapshot);
    return snapshot;
  }

  /**
   * Keeps what a cut to `length` would take from snapshots; the result is called once the log is cut.
   *
   * @throws {StorageError} as the storage.
   */
  async beforeCut(length: number): Promise<() => Promise<void>> {
    const affected = Array.from(this.#snapshots).filter((snapshot) => snapshot.compatLength > length);
    const end = Math.max(...affected.map((snapshot) => snapshot.compatLength));
    if (affected.length === 0) return () => Promise.resolve();
    const kept = await this.#keep(length, end, true);
    return () => {
      for (const snapshot of affected) if (this.#snapshots.has(snapshot)) snapshot.noteCut(kept, length);
      return this.#release(kept);
    };
  }

  /**
   * Keeps the blocks from `start` to `end` (exclusive) that snapshots have; the result is called once they are dropped.
   *
   * @throws {StorageError} as the storage.
   */
  async beforeClear(start: number, end: number): Promise<() => Promise<void>> {
    const affected = Array.from(this.#snapshots).filter((snapshot) => snapshot.compatLength > start);
    if (affected.length === 0) return () => Promise.resolve();
    const kept = await this.#keep(start, end, false);
    return () => {
      for (const snapshot of affected) if (this.#snapshots.has(snapshot)) snapshot.noteCleared(kept);
      return this.#release(kept);
    };
  }

  /** Forgets a snapshot, and deletes what was kept for it alone. */
  async remove(snapshot: LogSnapshot, parts: readonly KeptRows[]): Promise<void> {
    this.#snapshots.delete(snapshot);
    for (const kept of parts) await this.#release(kept);
  }

  /** Copies rows that are about to go; whoever is told of them counts as a user, and so does the caller. */
  async #keep(start: number, end: number, withNodes: boolean): Promise<KeptRows> {
    const owner = await this.#store.createOwner((batch, owner) => {
      batch.putRecord("session", keptKey(this.#logOwner, owner), new Uint8Array(0));
    });
    const { bitfield } = this.state;
    for (const run of bitfield.setRanges(start, end)) {
      await copyRows(this.state, { table: "block", ...run, owner });
    }
    if (withNodes) {
      const nodes = { table: "node", owner, sharedLength: end } as const;
      for (const index of straddling(start)) {
        await copyRows(this.state, { ...nodes, start: index, end: index + 1 });
      }
      await copyRows(this.state, { ...nodes, start: 2 * start, end: 2 * end });
    }
    return { owner, users: 1 };
  }

  async #release(kept: KeptRows): Promise<void> {
    if (--kept.users > 0) return;
    const batch = new WriteBatch();
    deleteContent(batch, kept.owner);
    batch.deleteRecord("session", keptKey(this.#logOwner, kept.owner));
    await this.storage.write(batch);
  }
}

/**
 * Keeps the blocks from `start` to `end` (exclusive) for the snapshots of a log and of those that share blocks with it;
 * the result is called once they are dropped.
 *
 * @throws {StorageError} as the storage.
 */
export async function beforeClear(
  keepers: Iterable<SnapshotKeeper>,
  start: number,
  end: number,
): Promise<() => Promise<void>> {
  const notes: (() => Promise<void>)[] = [];
  for (const keeper of keepers) notes.push(await keeper.beforeClear(start, end));
  return async () => {
    for (const note of notes) await note();
  };
}

/** Deletes what a process that ended without closing its snapshots had kept for them. */
export async function forgetKept(store: CoreStore, logOwner: number): Promise<void> {
  const range = { gte: ownerKey(logOwner), lt: ownerKey(logOwner + 1) };
  const batch = new WriteBatch();
  for await (const { key } of store.storage.records("session", range)) {
    const owner = keptOwnerOf(key);
    if (owner === null) break;
    deleteContent(batch, owner);
    batch.deleteRecord("session", key);
  }
  if (batch.size > 0 && !store.storage.readOnly) await store.storage.write(batch);
}

/**
 * Changing a tree: each change becomes a block, held until it is appended.
 *
 * @module
 */
import { equalBytes } from "../base/mod.ts";
import { Block } from "./block.ts";
import { type BeeCore, Reader, type ReadOptions, type TreeState } from "./driver.ts";
import { findPlace, findPlaceNear, insertAt, type Place } from "./insert.ts";
import { CHANGES_IN_MEMORY, KEPT_BLOCKS } from "./limits.ts";
import type { EncodedEntry, NodeView } from "./node_view.ts";
import { PendingBlocks } from "./pending.ts";
import { planRemoval, removeAt } from "./remove.ts";
import { MISS } from "./shelf.ts";
import { KeyRef, TreeNode } from "./tree_node.ts";

/** Decides about a change when the entry there is known; `seq` is the block the change would become. */
export type Decide = (previous: EncodedEntry, seq: number) => Promise<boolean> | boolean;

/** What a {@linkcode TreeWriter} asks of its bee. */
export interface WriteContext {
  readonly core: BeeCore;
  readonly state: TreeState;
  /** False: a put of the value that is there changes nothing. */
  readonly alwaysDuplicate: boolean;
  /** The version in the log that changes build on. */
  version(): number;
  /** Appends the header where the log is empty. */
  ensureHeader(): Promise<unknown> | void;
}

/** A root in memory, and what the log was when it was the newest one. */
interface Base {
  readonly version: number;
  readonly fork: number;
  readonly cutCount: number;
  readonly root: TreeNode;
  /** Changes that were made on it one by one: what they came by stays in memory. */
  readonly changeCount: number;
}

/** Changes of one tree, in order. Whoever holds the bee's lock may use it, one call at a time. */
export class TreeWriter {
  /** Reads what the changes need. */
  readonly reader: Reader;
  readonly #context: WriteContext;
  #pending: PendingBlocks | null = null;
  /** Number of the first block that waits. */
  #start = 0;
  /** Changes before those, each a block as it would be alone, that are appended with them. */
  readonly #sealed: { readonly entry: EncodedEntry; readonly block: Uint8Array }[] = [];
  /** The root with the changes that are pending; null while there are none. */
  #root: TreeNode | null = null;
  /**
   * A root that is stored and still in memory: it was appended from here, or a change came to nothing on it.
   *
   * Compat: in a batch the marks that a put left below it count for the changes that follow (see `findPlace`).
   */
  #base: Base | null = null;
  /** Where the last key was put: sorted keys go beside each other. */
  #last: Place | null = null;

  constructor(context: WriteContext, options: ReadOptions) {
    this.#context = context;
    this.reader = new Reader(context.state, context.core, options, {
      get: (seq) => this.#pending?.get(seq) ?? this.#sealedEntry(seq),
    });
  }

  #sealedEntry(seq: number): EncodedEntry | undefined {
    if (this.#sealed.length === 0 || seq < this.#start) return undefined;
    return this.#sealed[seq - this.#start]?.entry;
  }

  /** How many blocks wait to be appended. */
  get pendingCount(): number {
    return this.#sealed.length + (this.#pending?.length ?? 0);
  }

  /** The root with all changes so far. */
  root(): Promise<NodeView | null> | NodeView | null {
    return this.#root ?? this.reader.root(this.#context.version());
  }

  /** Puts an entry without waiting; false, with nothing done, where something is missing or has to be decided. */
  putAtHand(key: Uint8Array, value: Uint8Array | null): boolean {
    const { shelf } = this.reader;
    const root = this.#rootAtHand();
    if (root === null) return false;
    const near = this.#last?.path[0] === root ? findPlaceNear(this.#last, key, shelf) : null;
    const place = near ?? findPlace(root, key, shelf, true);
    if (place === MISS) {
      shelf.wanted.length = 0;
      return false;
    }
    if (place.found && !this.#context.alwaysDuplicate) return false;
    this.#insert(place, key, value, this.#nextSeq());
    return true;
  }

  #insert(place: Place, key: Uint8Array, value: Uint8Array | null, seq: number): void {
    const { root, split } = insertAt(place, new KeyRef(seq, key));
    this.#last = split || !place.path.at(-1)!.isLeaf ? null : place;
    this.#push(root, key, value);
  }

  /** Puts an entry; false where nothing was changed. The bytes are kept. */
  async put(key: Uint8Array, value: Uint8Array | null, decide: Decide | null): Promise<boolean> {
    const { shelf } = this.reader;
    const root = this.#rootAtHand() ?? await this.#rootToChange() ?? emptyRoot();
    let place = this.#last?.path[0] === root ? findPlaceNear(this.#last, key, shelf) : null;
    if (place === null) {
      const found = findPlace(root, key, shelf, true);
      place = found === MISS ? await this.reader.run(() => findPlace(root, key, shelf, true)) : found;
    }
    const seq = this.#nextSeq();
    if (place.found && !await this.#mayReplace(place, value, seq, decide)) return false;
    this.#insert(place, key, value, seq);
    return true;
  }

  /** Deletes an entry; false where there is none or `decide` is against it. The bytes are kept. */
  async del(key: Uint8Array, decide: Decide | null): Promise<boolean> {
    this.#last = null;
    const root = this.#rootAtHand() ?? await this.#rootToChange();
    if (root === null) return false;
    const place = await this.reader.run((shelf) => findPlace(root, key, shelf, false));
    if (!place.found) return false;
    if (decide !== null && !await decide(await this.#entryAt(place), this.#nextSeq())) return false;
    const removal = await this.reader.run((shelf) => planRemoval(place, shelf));
    const changed = removeAt(removal, (ref) => this.#pending?.release(ref));
    this.#push(changed, key, null);
    return true;
  }

  async #mayReplace(
    place: Place,
    value: Uint8Array | null,
    seq: number,
    decide: Decide | null,
  ): Promise<boolean> {
    const { alwaysDuplicate } = this.#context;
    if (decide === null && alwaysDuplicate) return true;
    const previous = await this.#entryAt(place);
    if (decide !== null && !await decide(previous, seq)) return false;
    return alwaysDuplicate || !isSameValue(previous.value, value);
  }

  #entryAt(place: Place): Promise<EncodedEntry> {
    const node = place.path.at(-1)!;
    return this.reader.run((shelf) => shelf.entry(node.keySeq(place.index), node));
  }

  #rootAtHand(): TreeNode | null {
    if (this.#root !== null) return this.#root;
    const base = this.#base;
    if (base === null) return null;
    const { core, state } = this.#context;
    const isUncut = base.fork === core.fork && base.cutCount === state.cutCount;
    return isUncut && base.version === this.#context.version() ? base.root : null;
  }

  async #rootToChange(): Promise<TreeNode | null> {
    await this.#context.ensureHeader();
    const version = this.#context.version();
    const { core: { fork }, state: { cutCount } } = this.#context;
    const stored = await this.reader.root(version);
    if (stored === null) return null;
    const root = TreeNode.from(stored);
    this.#base = { version, fork, cutCount, root, changeCount: 0 };
    return root;
  }

  #nextSeq(): number {
    return this.#context.core.length + this.pendingCount;
  }

  #push(root: TreeNode, key: Uint8Array, value: Uint8Array | null): void {
    if (this.pendingCount === 0) this.#start = this.#context.core.length;
    this.#pending ??= new PendingBlocks(this.#start + this.#sealed.length);
    this.#pending.push(root, key, value);
    this.#root = root;
  }

  /** Ends what belongs together: changes that follow are as if these had been appended. */
  seal(): void {
    const pending = this.#pending;
    if (pending === null) return;
    for (const [i, block] of pending.encode().entries()) {
      this.#sealed.push({ entry: pending.get(pending.start + i)!, block });
    }
    this.#pending = null;
  }

  /** The blocks that wait, encoded. */
  encode(): Uint8Array[] {
    const pending = this.#pending?.encode() ?? [];
    return this.#sealed.length === 0 ? pending : [...this.#sealed.map(({ block }) => block), ...pending];
  }

  /** Appends blocks that {@linkcode TreeWriter.encode} made. */
  async append(blocks: readonly Uint8Array[]): Promise<void> {
    const { core, state } = this.#context;
    const start = this.#start;
    const { fork } = core;
    const { cutCount } = state;
    const root = this.#root;
    const changeCount = (this.#base?.changeCount ?? 0) + blocks.length;
    const last = this.#last;
    this.reset();
    const { length } = await core.append(blocks);
    if (length !== start + blocks.length || core.fork !== fork) return;
    const cache = state.cacheFor(core);
    const firstKept = Math.max(0, blocks.length - KEPT_BLOCKS);
    for (let i = firstKept; cache !== null && i < blocks.length; i++) {
      cache.set(new Block(start + i, blocks[i]!));
    }
    if (root === null || changeCount > CHANGES_IN_MEMORY) return;
    this.#base = { version: length, fork, cutCount, root, changeCount };
    this.#last = last;
  }

  /** Forgets what was not appended. */
  reset(): void {
    this.#pending = null;
    this.#sealed.length = 0;
    this.#root = null;
    this.#base = null;
    this.#last = null;
    this.reader.release();
  }
}

function emptyRoot(): TreeNode {
  const root = new TreeNode();
  root.changed = true;
  return root;
}

function isSameValue(a: Uint8Array | null, b: Uint8Array | null): boolean {
  return a === null || b === null ? a === b : equalBytes(a, b);
}

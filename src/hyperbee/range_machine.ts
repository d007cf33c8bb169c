/**
 * Walking through the entries between two keys, in either order.
 *
 * Of each node on the way it keeps a step: an even one stands before a child, an odd one before a key, so that steps 0 to
 * `2 * keyCount` go through the node from left to right. These triples (block, offset, step) are also what is sent to
 * peers and what `snapshot()` returns, so their meaning is part of the format (`hyperbee/iterators/range.js`).
 *
 * @module
 */
import { compareBytes } from "../base/mod.ts";
import { HyperbeeError } from "./errors.ts";
import { searchNode } from "./lookup.ts";
import type { EncodedEntry, NodeView } from "./node_view.ts";
import { checkDepth, MISS, type Miss, type Shelf } from "./shelf.ts";

/** Bounds, order and number of entries; keys are encoded. */
export interface EncodedRange {
  /** Exclusive lower bound; goes before `gte`. */
  readonly gt?: Uint8Array | null;
  /** Inclusive lower bound. */
  readonly gte?: Uint8Array | null;
  /** Exclusive upper bound; goes before `lte`. */
  readonly lt?: Uint8Array | null;
  /** Inclusive upper bound. */
  readonly lte?: Uint8Array | null;
  /** Greatest key first. */
  readonly reverse?: boolean;
  /** At most so many entries; -1 for all. */
  readonly limit?: number;
}

/** Where an iteration stands: enough to go on with it elsewhere or later. Source: `hyperbee/iterators/range.js`. */
export interface RangeSnapshot {
  /** Version of the tree. */
  version: number;
  /** Bounds, encoded. */
  gte: Uint8Array | null;
  /** As `gte`, exclusive. */
  gt: Uint8Array | null;
  /** As `gte`, upper. */
  lte: Uint8Array | null;
  /** As `lte`, exclusive. */
  lt: Uint8Array | null;
  /** Entries left; -1 for all. */
  limit: number;
  /** Whether the greatest key comes first. */
  reverse: boolean;
  /** Whether the iteration is over. */
  ended: boolean;
  /** Block, position in its index and step of each node on the way, one after the other; empty before it began. */
  checkpoint: number[];
}

interface Level {
  readonly node: NodeView;
  step: number;
}

/** An iteration over a range. */
export class RangeMachine {
  readonly #lower: Uint8Array | null;
  readonly #lowerInclusive: boolean;
  readonly #upper: Uint8Array | null;
  readonly #upperInclusive: boolean;
  readonly #reverse: boolean;
  #limit: number;
  #levels: Level[] = [];
  #opened = false;
  #lastKey: Uint8Array | null = null;

  /** Nothing is read before {@linkcode RangeMachine.open}. */
  constructor(range: EncodedRange) {
    this.#lower = range.gt ?? range.gte ?? null;
    this.#lowerInclusive = !range.gt;
    this.#upper = range.lt ?? range.lte ?? null;
    this.#upperInclusive = !range.lt;
    this.#reverse = range.reverse === true;
    this.#limit = typeof range.limit === "number" ? range.limit : -1;
  }

  /** Goes to the first entry below `root`; null stands for an empty tree. */
  open(root: NodeView | null, shelf: Shelf): true | Miss {
    this.#levels = [];
    const bound = this.#reverse ? this.#upper : this.#lower;
    let node = root;
    while (node !== null && node.keyCount > 0) {
      checkDepth(this.#levels.length);
      if (bound === null) {
        this.#levels.push({ node, step: this.#firstStep(node) });
        break;
      }
      const index = searchNode(node, bound, shelf);
      if (index === MISS) return MISS;
      this.#levels.push({ node, step: this.#stepBeside(index) });
      if (index >= 0 || node.childCount === 0) break;
      const child = shelf.child(node, ~index);
      if (child === MISS) return MISS;
      node = child;
    }
    return this.#opened = true;
  }

  /**
   * Goes to where another iteration stood.
   *
   * @throws {HyperbeeError} `BAD_ARGUMENT`, `DECODING_ERROR` when it cannot have stood there.
   */
  openAt(checkpoint: readonly number[], shelf: Shelf): true | Miss {
    const levels: Level[] = [];
    for (let i = 0; i < checkpoint.length; i += 3) {
      const [seq, offset, step] = checkpoint.slice(i, i + 3);
      checkDepth(levels.length);
      const block = shelf.block(seq!);
      if (block === MISS) return MISS;
      const node = block.node(offset ?? 0);
      if (step === undefined || step > 2 * node.keyCount + 1) {
        throw new HyperbeeError(
          "BAD_ARGUMENT",
          `Cannot go on at step ${step} of a node of ${node.keyCount} keys`,
        );
      }
      levels.push({ node, step });
    }
    this.#levels = levels;
    return this.#opened = true;
  }

  /** The next entry; null at the end. */
  next(shelf: Shelf): EncodedEntry | null | Miss {
    const forward = this.#reverse ? -1 : 1;
    while (this.#levels.length > 0 && this.#limit !== 0) {
      const top = this.#levels.at(-1)!;
      const { node, step } = top;
      if (step < 0 || step > 2 * node.keyCount) {
        this.#levels.pop();
      } else if ((step & 1) === 0) {
        if (node.childCount > 0) {
          const child = shelf.child(node, step >> 1);
          if (child === MISS) return MISS;
          checkDepth(this.#levels.length);
          this.#levels.push({ node: child, step: this.#firstStep(child) });
        }
        top.step += forward;
      } else {
        const entry = shelf.entry(node.keySeq(step >> 1), node);
        if (entry === MISS) return MISS;
        if (this.#isBeyond(entry.key)) {
          this.#limit = 0;
          return null;
        }
        this.#checkOrder(entry);
        top.step += forward;
        if (this.#limit > 0) this.#limit--;
        return entry;
      }
    }
    return null;
  }

  /** Blocks that the next steps will need and that are not at hand, at most `countMax`. */
  ahead(shelf: Shelf, countMax: number): number[] {
    const seqs: number[] = [];
    const forward = this.#reverse ? -1 : 1;
    const levels = this.#levels.map(({ node, step }) => ({ node, step }));
    const entryCountMax = this.#limit < 0 ? countMax : Math.min(countMax, this.#limit);
    let entryCount = 0;
    for (let steps = 0; levels.length > 0 && steps < 16 * countMax; steps++) {
      if (seqs.length >= countMax || entryCount >= entryCountMax) break;
      const top = levels.at(-1)!;
      const { node, step } = top;
      top.step += forward;
      if (step < 0 || step > 2 * node.keyCount) {
        levels.pop();
      } else if ((step & 1) === 1) {
        entryCount++;
        if (!shelf.has(node.keySeq(step >> 1))) seqs.push(node.keySeq(step >> 1));
      } else if (node.childCount > 0) {
        const seq = node.childSeq(step >> 1);
        const child = node.childNode(step >> 1) ?? (shelf.has(seq) ? shelf.child(node, step >> 1) : null);
        if (child === null || child === MISS) seqs.push(seq);
        else levels.push({ node: child, step: this.#firstStep(child) });
      }
    }
    return seqs;
  }

  /** Where the iteration stands. */
  snapshot(version: number): RangeSnapshot {
    const checkpoint: number[] = [];
    const top = this.#levels.at(-1);
    for (const level of this.#levels) {
      // While the first entry is being looked for, the child of the last node is not on the way yet.
      const isBefore = !this.#opened && level === top;
      const step = isBefore ? level.step + (this.#reverse ? 1 : -1) : level.step;
      if (level.node.entry !== null && step >= 0) checkpoint.push(level.node.seq, level.node.offset, step);
    }
    return {
      version,
      gte: this.#lowerInclusive ? this.#lower : null,
      gt: this.#lowerInclusive ? null : this.#lower,
      lte: this.#upperInclusive ? this.#upper : null,
      lt: this.#upperInclusive ? null : this.#upper,
      limit: this.#limit,
      reverse: this.#reverse,
      ended: this.#opened && checkpoint.length === 0,
      checkpoint: checkpoint,
    };
  }

  #firstStep(node: NodeView): number {
    return this.#reverse ? 2 * node.keyCount : 0;
  }

  /** The step after a bound that was found at `index`, or would be at `~index`. */
  #stepBeside(index: number): number {
    const inclusive = this.#reverse ? this.#upperInclusive : this.#lowerInclusive;
    if (index >= 0) return 2 * index + (inclusive ? 1 : this.#reverse ? 0 : 2);
    return 2 * ~index + (this.#reverse ? -1 : 1);
  }

  #isBeyond(key: Uint8Array): boolean {
    const bound = this.#reverse ? this.#lower : this.#upper;
    if (bound === null) return false;
    const order = compareBytes(key, bound);
    if (order === 0) return !(this.#reverse ? this.#lowerInclusive : this.#upperInclusive);
    return this.#reverse ? order < 0 : order > 0;
  }

  /** A log made to harm could lead in circles; where every entry comes after the last one, it cannot. */
  #checkOrder({ key, seq }: EncodedEntry): void {
    if (this.#lastKey !== null) {
      const order = compareBytes(key, this.#lastKey);
      if (this.#reverse ? order >= 0 : order <= 0) {
        throw new HyperbeeError(
          "DECODING_ERROR",
          `Cannot read a tree whose keys are not in order, at block ${seq}`,
        );
      }
    }
    this.#lastKey = key;
  }
}

/**
 * Comparing two versions of a tree: both are walked through in step, and what hangs in both is passed over unread.
 *
 * @module
 */
import { compareBytes } from "../base/mod.ts";
import { HyperbeeError } from "./errors.ts";
import { STEPS_PER_TURN } from "./limits.ts";
import { searchNode } from "./lookup.ts";
import type { EncodedEntry, NodeView } from "./node_view.ts";
import type { EncodedRange } from "./range_machine.ts";
import { checkDepth, MISS, type Miss, type Shelf } from "./shelf.ts";

/** A key that differs: its entry on either side, null where there is none. */
export interface EncodedDifference {
  readonly left: EncodedEntry | null;
  readonly right: EncodedEntry | null;
}

/** A node on the way; steps as in `range_machine.ts`, in ascending order only. */
interface Level {
  readonly node: NodeView;
  step: number;
}

/** A walk through one of the versions. */
class Side {
  readonly shelf: Shelf;
  readonly #lower: Uint8Array | null;
  readonly #lowerInclusive: boolean;
  readonly #upper: Uint8Array | null;
  readonly #upperInclusive: boolean;
  #levels: Level[] = [];
  #lastKey: Uint8Array | null = null;

  constructor(shelf: Shelf, range: EncodedRange) {
    this.shelf = shelf;
    this.#lower = range.gt ?? range.gte ?? null;
    this.#lowerInclusive = !range.gt;
    this.#upper = range.lt ?? range.lte ?? null;
    this.#upperInclusive = !range.lt;
  }

  open(root: NodeView | null): true | Miss {
    this.#levels = [];
    let node = root;
    while (node !== null && node.keyCount > 0) {
      checkDepth(this.#levels.length);
      if (this.#lower === null) {
        this.#levels.push({ node, step: 0 });
        break;
      }
      const index = searchNode(node, this.#lower, this.shelf);
      if (index === MISS) return MISS;
      const isEnd = index >= 0 || node.childCount === 0;
      const step = index >= 0 ? 2 * index + (this.#lowerInclusive ? 1 : 2) : 2 * ~index + 1;
      this.#levels.push({ node, step });
      if (isEnd) break;
      const child = this.shelf.child(node, ~index);
      if (child === MISS) return MISS;
      node = child;
    }
    this.#settle();
    return true;
  }

  /** Whether all is walked through. */
  get done(): boolean {
    return this.#levels.length === 0;
  }

  get #top(): Level {
    return this.#levels.at(-1)!;
  }

  /** Whether the walk stands before a key, not a child. */
  get atKey(): boolean {
    return (this.#top.step & 1) === 1;
  }

  /** Whether both stand before the same key or child. */
  isSameAs(other: Side): boolean {
    if (this.atKey !== other.atKey) return false;
    const { node, step } = this.#top;
    const { node: otherNode, step: otherStep } = other.#top;
    const [index, otherIndex] = [step >> 1, otherStep >> 1];
    if (this.atKey) return node.keySeq(index) === otherNode.keySeq(otherIndex);
    return node.childSeq(index) === otherNode.childSeq(otherIndex) &&
      node.childOffset(index) === otherNode.childOffset(otherIndex);
  }

  /** The key ahead, or the one behind the child ahead; null where no key follows. */
  followingKey(): Uint8Array | null | Miss {
    for (let depth = this.#levels.length - 1; depth >= 0; depth--) {
      const { node, step } = this.#levels[depth]!;
      // The step of a node above is already past the child that leads here: before the key behind it.
      const index = step >> 1;
      if (index < node.keyCount) return this.shelf.key(node, index);
    }
    return null;
  }

  /** Passes over the key or child ahead. */
  skip(): void {
    this.#top.step++;
    this.#settle();
  }

  /** Goes into the child ahead. */
  descend(): true | Miss {
    const top = this.#top;
    const child = this.shelf.child(top.node, top.step >> 1);
    if (child === MISS) return MISS;
    checkDepth(this.#levels.length);
    top.step++;
    this.#levels.push({ node: child, step: 0 });
    this.#settle();
    return true;
  }

  /** The entry of the key ahead, without passing it; null when it is beyond the range, and then all is done. */
  entry(): EncodedEntry | null | Miss {
    const { node, step } = this.#top;
    const entry = this.shelf.entry(node.keySeq(step >> 1), node);
    if (entry === MISS) return MISS;
    if (this.#upper !== null) {
      const order = compareBytes(entry.key, this.#upper);
      if (this.#upperInclusive ? order > 0 : order >= 0) {
        this.#levels = [];
        return null;
      }
    }
    if (this.#lastKey !== null && compareBytes(entry.key, this.#lastKey) <= 0) {
      throw new HyperbeeError(
        "DECODING_ERROR",
        `Cannot read a tree whose keys are not in order, at block ${entry.seq}`,
      );
    }
    return entry;
  }

  /** Passes the key ahead after its entry was read. */
  take(entry: EncodedEntry): void {
    this.#lastKey = entry.key;
    this.skip();
  }

  /** Leaves nodes that are walked through, and passes over the children that leaves do not have. */
  #settle(): void {
    while (this.#levels.length > 0) {
      const top = this.#top;
      if (top.node.childCount === 0 && (top.step & 1) === 0) top.step++;
      if (top.step <= 2 * top.node.keyCount) return;
      this.#levels.pop();
    }
  }
}

/** A comparison of two versions within a range. */
export class DiffMachine {
  readonly #left: Side;
  readonly #right: Side;
  #limit: number;

  /** Reads each side from its own shelf. */
  constructor(left: Shelf, right: Shelf, range: EncodedRange) {
    this.#left = new Side(left, range);
    this.#right = new Side(right, range);
    this.#limit = typeof range.limit === "number" ? range.limit : -1;
  }

  /** Goes to the beginning of the range below both roots; null stands for an empty tree. */
  open(left: NodeView | null, right: NodeView | null): true | Miss {
    const opened = [this.#left.open(left), this.#right.open(right)];
    return opened.includes(MISS) ? MISS : true;
  }

  /** The next difference; null at the end. */
  next(): EncodedDifference | null | Miss {
    if (this.#limit === 0) return null;
    for (let steps = 0; steps < STEPS_PER_TURN; steps++) {
      const difference = this.#step();
      if (difference === MISS) return MISS;
      if (difference === undefined) continue;
      if (difference !== null && this.#limit > 0) this.#limit--;
      return difference;
    }
    return MISS;
  }

  /** Undefined after a step that shows no difference yet. */
  #step(): EncodedDifference | null | undefined | Miss {
    const left = this.#left;
    const right = this.#right;
    if (left.done && right.done) return null;
    if (left.done) return this.#rest(right, "right");
    if (right.done) return this.#rest(left, "left");
    if (left.isSameAs(right)) {
      left.skip();
      right.skip();
      return undefined;
    }
    if (left.atKey && right.atKey) return this.#keys();
    if (left.atKey) return right.descend() === MISS ? MISS : undefined;
    if (right.atKey) return left.descend() === MISS ? MISS : undefined;
    return this.#children();
  }

  #rest(side: Side, name: "left" | "right"): EncodedDifference | undefined | Miss {
    if (!side.atKey) return side.descend() === MISS ? MISS : undefined;
    const entry = side.entry();
    if (entry === MISS) return MISS;
    if (entry === null) return undefined;
    side.take(entry);
    return name === "left" ? { left: entry, right: null } : { left: null, right: entry };
  }

  #keys(): EncodedDifference | undefined | Miss {
    const left = this.#left.entry();
    const right = this.#right.entry();
    if (left === MISS || right === MISS) return MISS;
    if (left === null || right === null) return undefined;
    const order = compareBytes(left.key, right.key);
    if (order <= 0) this.#left.take(left);
    if (order >= 0) this.#right.take(right);
    return { left: order <= 0 ? left : null, right: order >= 0 ? right : null };
  }

  /** The child that reaches further is gone into, so that the other may turn up in it. */
  #children(): undefined | Miss {
    const left = this.#left.followingKey();
    const right = this.#right.followingKey();
    if (left === MISS || right === MISS) return MISS;
    const order = compareEnds(left, right);
    const descended = [
      order >= 0 ? this.#left.descend() : true,
      order <= 0 ? this.#right.descend() : true,
    ];
    return descended.includes(MISS) ? MISS : undefined;
  }
}

/** Null, the end of the tree, is after every key. */
function compareEnds(left: Uint8Array | null, right: Uint8Array | null): number {
  if (left === null || right === null) return Number(left === null) - Number(right === null);
  return compareBytes(left, right);
}

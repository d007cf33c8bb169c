/**
 * Arithmetic of the flat in-order tree: leaves are the even indexes, a parent lies between its two children.
 *
 * All functions are exact for indexes up to 2^53 - 1. They know nothing of hashes or blocks.
 *
 * @module
 */

const TWO_POW_32 = 4294967296;

/** Distance between neighbours of the same depth: 2 for a leaf, doubled with every level. */
export function treeWidth(index: number): number {
  const low = (index + 1) | 0;
  if (low !== 0) return ((low & -low) >>> 0) * 2;
  const high = (index + 1) / TWO_POW_32;
  return ((high & -high) >>> 0) * 2 * TWO_POW_32;
}

/** Levels above the leaves: 0 for a leaf. */
export function treeDepth(index: number): number {
  return Math.log2(treeWidth(index)) - 1;
}

/** Tells whether `index` is the right one of its parent's two children. */
export function isRightChild(index: number): boolean {
  return isRightChildOf(index, treeWidth(index));
}

/** Index of the other child of the parent of `index`. */
export function treeSibling(index: number): number {
  const width = treeWidth(index);
  return isRightChildOf(index, width) ? index - width : index + width;
}

/** Index of the parent. */
export function treeParent(index: number): number {
  const width = treeWidth(index);
  return isRightChildOf(index, width) ? index - width / 2 : index + width / 2;
}

/** Index of the left child; a leaf has none and gives itself. */
export function leftChild(index: number): number {
  return index - Math.floor(treeWidth(index) / 4);
}

/** Index of the right child; a leaf has none and gives itself. */
export function rightChild(index: number): number {
  return index + Math.floor(treeWidth(index) / 4);
}

/** Index of the leftmost leaf below (or at) `index`. */
export function leftSpan(index: number): number {
  return index - treeWidth(index) / 2 + 1;
}

/** Index of the rightmost leaf below (or at) `index`. */
export function rightSpan(index: number): number {
  return index + treeWidth(index) / 2 - 1;
}

/** Leaves below (or at) `index`. */
export function leafCount(index: number): number {
  return treeWidth(index) / 2;
}

/** Tells whether `index` lies below (or at) `root`. */
export function subtreeContains(root: number, index: number): boolean {
  return Math.abs(index - root) < treeWidth(root) / 2;
}

/** Indexes of the full roots that cover `length` blocks, left to right. */
export function fullRoots(length: number): number[] {
  const roots: number[] = [];
  let start = 0;
  let rest = length;
  while (rest > 0) {
    const leaves = largestPowerOfTwo(rest);
    roots.push(start * 2 + leaves - 1);
    start += leaves;
    rest -= leaves;
  }
  return roots;
}

/** The largest power of two that is not above `value`, which is at least 1. */
function largestPowerOfTwo(value: number): number {
  if (value < TWO_POW_32) return (1 << (31 - Math.clz32(value))) >>> 0;
  return ((1 << (31 - Math.clz32(value / TWO_POW_32))) >>> 0) * TWO_POW_32;
}

function isRightChildOf(index: number, width: number): boolean {
  return (((index + 1) / (width / 2)) & 2) !== 0;
}

/** A place in the tree that moves in constant time, without recomputing its depth. */
export class TreeCursor {
  /** Where the cursor is. */
  index: number;
  /** {@linkcode treeWidth} of `index`. */
  width: number;

  /** Starts at `index`. */
  constructor(index: number) {
    this.index = index;
    this.width = treeWidth(index);
  }

  /** Jumps to `index`. */
  moveTo(index: number): void {
    this.index = index;
    this.width = treeWidth(index);
  }

  /** Tells whether this is the right one of its parent's two children. */
  get isRight(): boolean {
    return isRightChildOf(this.index, this.width);
  }

  /** Tells whether `index` lies below (or at) this place. */
  contains(index: number): boolean {
    return Math.abs(index - this.index) < this.width / 2;
  }

  /** Moves to the sibling and returns its index. */
  sibling(): number {
    this.index += this.isRight ? -this.width : this.width;
    return this.index;
  }

  /** Moves to the parent and returns its index. */
  parent(): number {
    this.index += this.isRight ? -this.width / 2 : this.width / 2;
    this.width *= 2;
    return this.index;
  }

  /** Moves to the left child and returns its index; stays where it is at a leaf. */
  leftChild(): number {
    if (this.width > 2) {
      this.width /= 2;
      this.index -= this.width / 2;
    }
    return this.index;
  }

  /** Moves to the right child and returns its index; stays where it is at a leaf. */
  rightChild(): number {
    if (this.width > 2) {
      this.width /= 2;
      this.index += this.width / 2;
    }
    return this.index;
  }
}

/** Parents that begin within the first `length` blocks and end behind them, and have an index below `2 * length`. */
export function* straddling(length: number): Generator<number, void, void> {
  if (length === 0) return;
  const cursor = new TreeCursor(2 * length - 2);
  while (cursor.index < 2 * length || cursor.index >= cursor.width / 2) {
    if (cursor.index < 2 * length && cursor.contains(2 * length)) yield cursor.index;
    cursor.parent();
  }
}

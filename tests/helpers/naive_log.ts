/**
 * A log as simple as can be, to compare the real one with: an array of blocks, everything else computed anew.
 *
 * @module
 */
import { concatBytes } from "../../src/base/mod.ts";
import { blake2b } from "../../src/crypto/mod.ts";

/** A node of the naive tree. */
export interface NaiveNode {
  readonly index: number;
  readonly size: number;
  readonly hash: Uint8Array;
}

/** An array of blocks with the tree over it. */
export class NaiveLog {
  readonly fork: number;
  readonly blocks: Uint8Array[] = [];
  readonly #nodes = new Map<number, NaiveNode>();

  constructor(fork = 0) {
    this.fork = fork;
  }

  get length(): number {
    return this.blocks.length;
  }

  get byteLength(): number {
    return this.blocks.reduce((sum, block) => sum + block.byteLength, 0);
  }

  append(blocks: readonly Uint8Array[]): void {
    this.blocks.push(...blocks.map((block) => Uint8Array.from(block)));
  }

  /** A copy of the first `length` blocks, one fork further. */
  truncated(length: number): NaiveLog {
    const copy = new NaiveLog(this.fork + 1);
    copy.append(this.blocks.slice(0, length));
    return copy;
  }

  /** First and last block below a node, and its depth, found by halving: index = (2 * offset + 1) * 2^depth - 1. */
  span(index: number): { start: number; end: number } {
    let depth = 0;
    while (((index + 1) / 2 ** depth) % 2 === 0) depth++;
    const offset = ((index + 1) / 2 ** depth - 1) / 2;
    return { start: offset * 2 ** depth, end: (offset + 1) * 2 ** depth };
  }

  /** The node at an index, whose blocks must all be there. */
  node(index: number): NaiveNode {
    const known = this.#nodes.get(index);
    if (known !== undefined) return known;
    const node = this.#make(index);
    this.#nodes.set(index, node);
    return node;
  }

  /** Indexes of the full roots of the first `length` blocks. */
  roots(length: number = this.length): number[] {
    const roots: number[] = [];
    for (let start = 0; start < length;) {
      let count = 1;
      while (start + count * 2 <= length) count *= 2;
      roots.push(2 * start + count - 1);
      start += count;
    }
    return roots;
  }

  treeHash(length: number = this.length): Uint8Array {
    const parts = this.roots(length).flatMap((index) => {
      const { hash, size } = this.node(index);
      return [hash, uint64(index), uint64(size)];
    });
    return blake2b([Uint8Array.of(2), ...parts]);
  }

  #make(index: number): NaiveNode {
    const { start, end } = this.span(index);
    if (end > this.length) throw new Error(`Node ${index} lies outside of ${this.length} blocks`);
    if (end - start === 1) {
      const block = this.blocks[start]!;
      const size = block.byteLength;
      return { index, size, hash: blake2b(concatBytes([Uint8Array.of(0), uint64(size), block])) };
    }
    const quarter = (end - start) / 2;
    const left = this.node(index - quarter);
    const right = this.node(index + quarter);
    const size = left.size + right.size;
    return { index, size, hash: blake2b([Uint8Array.of(1), uint64(size), left.hash, right.hash]) };
  }
}

function uint64(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(value), true);
  return bytes;
}

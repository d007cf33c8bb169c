/**
 * A block of a bee, decoded as far as it is needed: key and value at once, a tree node when a search comes to it.
 *
 * Compat: blocks between the first and the last of a batch have nodes that no longer belong to any tree; only nodes that
 * a tree leads to are checked (`hyperbee/index.js`, `toBlocks`).
 *
 * @module
 */
import { HyperbeeError } from "./errors.ts";
import { NODE_KEYS_MAX } from "./limits.ts";
import type { EncodedEntry, NodeView } from "./node_view.ts";
import { FieldReader } from "./protobuf.ts";

/** A tree node as it lies in a block; never changed. */
export class StoredNode implements NodeView {
  /** The block it lies in. */
  readonly entry: Block;
  /** Position in the index of that block. */
  readonly offset: number;
  readonly #keys: readonly number[];
  readonly #children: readonly number[];

  /** Takes what was decoded and checked. */
  constructor(entry: Block, offset: number, keys: readonly number[], children: readonly number[]) {
    this.entry = entry;
    this.offset = offset;
    this.#keys = keys;
    this.#children = children;
  }

  get seq(): number {
    return this.entry.seq;
  }

  get keyCount(): number {
    return this.#keys.length;
  }

  get childCount(): number {
    return this.#children.length >>> 1;
  }

  keySeq(index: number): number {
    return this.#keys[index]!;
  }

  keyBytes(index: number): Uint8Array | null {
    return this.#keys[index] === this.entry.seq ? this.entry.key : null;
  }

  childSeq(index: number): number {
    return this.#children[2 * index]!;
  }

  childOffset(index: number): number {
    return this.#children[2 * index + 1]!;
  }

  childNode(index: number): NodeView | null {
    return this.childSeq(index) === this.entry.seq ? this.entry.node(this.childOffset(index)) : null;
  }
}

/** A block but the first. */
export class Block implements EncodedEntry {
  /** Number of the block. */
  readonly seq: number;
  /** The key that was put or deleted; a view. */
  readonly key: Uint8Array;
  readonly #bytes: Uint8Array;
  // Where index and value are: many blocks are kept for their keys only, and views cost more than numbers.
  readonly #indexStart: number;
  readonly #indexEnd: number;
  readonly #valueStart: number;
  readonly #valueEnd: number;
  /** Where each tree node begins and ends in the block; null until one is asked for. */
  #levels: readonly number[] | null = null;
  #nodes: (StoredNode | undefined)[] | null = null;

  /**
   * Decodes `bytes`, which must not change any more.
   *
   * @throws {HyperbeeError} `DECODING_ERROR`
   */
  constructor(seq: number, bytes: Uint8Array) {
    const reader = new FieldReader(bytes);
    const starts = [-1, -1, -1];
    const ends = [0, 0, 0];
    while (!reader.done) {
      const prefix = reader.varint();
      const tag = Math.floor(prefix / 8);
      if (tag < 1 || tag > 3) {
        reader.skip(prefix % 8);
        continue;
      }
      reader.expectDelimited(prefix);
      ends[tag - 1] = reader.passDelimited();
      starts[tag - 1] = reader.start;
    }
    if (starts[0] === -1 || starts[1] === -1) throw undecodable(seq, "it has no index or no key");
    this.seq = seq;
    this.#bytes = bytes;
    [this.#indexStart, , this.#valueStart] = starts as [number, number, number];
    [this.#indexEnd, , this.#valueEnd] = ends as [number, number, number];
    this.key = viewOf(bytes, starts[1]!, ends[1]!);
  }

  /** Bytes of the whole block. */
  get byteLength(): number {
    return this.#bytes.byteLength;
  }

  /** The value; null where there is none; a view. */
  get value(): Uint8Array | null {
    return this.#valueStart === -1 ? null : viewOf(this.#bytes, this.#valueStart, this.#valueEnd);
  }

  /** How many tree nodes there are. */
  get nodeCount(): number {
    return this.#positions().length >>> 1;
  }

  /**
   * The tree node at `offset` of the index.
   *
   * @throws {HyperbeeError} `DECODING_ERROR`
   */
  node(offset: number): StoredNode {
    const nodes = this.#nodes ??= [];
    const known = nodes[offset];
    if (known !== undefined) return known;
    const { keys, children } = this.#decode(offset);
    this.#check(keys, children, offset);
    return nodes[offset] = new StoredNode(this, offset, keys, children);
  }

  /** Whether the block deletes its key: it has no value, and no node in it names the block. */
  isDeletion(): boolean {
    if (this.#valueStart !== -1) return false;
    for (let offset = 0; offset < this.nodeCount; offset++) {
      if (this.#decode(offset).keys.includes(this.seq)) return false;
    }
    return true;
  }

  /** The block that holds the first key of each node. */
  firstKeys(): number[] {
    const seqs: number[] = [];
    for (let offset = 0; offset < this.nodeCount; offset++) {
      const [first] = this.#decode(offset).keys;
      if (first !== undefined && first >= 1 && first <= this.seq) seqs.push(first);
    }
    return seqs;
  }

  #positions(): readonly number[] {
    if (this.#levels !== null) return this.#levels;
    const levels: number[] = [];
    const reader = new FieldReader(this.#bytes, this.#indexStart, this.#indexEnd);
    while (!reader.done) {
      const prefix = reader.varint();
      if (Math.floor(prefix / 8) !== 1) {
        reader.skip(prefix % 8);
        continue;
      }
      reader.expectDelimited(prefix);
      const end = reader.passDelimited();
      levels.push(reader.start, end);
    }
    return this.#levels = levels;
  }

  #decode(offset: number): { keys: number[]; children: number[] } {
    const levels = this.#positions();
    const start = levels[2 * offset];
    if (start === undefined) {
      throw undecodable(
        this.seq,
        `it has ${levels.length >>> 1} tree nodes, and a node leads to number ${offset}`,
      );
    }
    const reader = new FieldReader(this.#bytes, start, levels[2 * offset + 1]);
    let keys: number[] = [];
    let children: number[] = [];
    while (!reader.done) {
      const prefix = reader.varint();
      const tag = Math.floor(prefix / 8);
      if (tag !== 1 && tag !== 2) {
        reader.skip(prefix % 8);
        continue;
      }
      reader.expectDelimited(prefix);
      const numbers = reader.part().numbers(2 * NODE_KEYS_MAX + 2);
      if (tag === 1) keys = keys.length === 0 ? numbers : keys.concat(numbers);
      else children = children.length === 0 ? numbers : children.concat(numbers);
    }
    return { keys, children };
  }

  /** What a search relies on: it ends, and it never waits for blocks past the version it reads. */
  #check(keys: readonly number[], children: readonly number[], offset: number): void {
    const isEmptyTree = keys.length === 0 && children.length === 0 && offset === 0;
    if (keys.length > NODE_KEYS_MAX || (keys.length === 0 && !isEmptyTree)) {
      throw undecodable(this.seq, `tree node ${offset} has ${keys.length} keys`);
    }
    if (children.length !== 0 && children.length !== 2 * keys.length + 2) {
      throw undecodable(
        this.seq,
        `tree node ${offset} has ${keys.length} keys and ${children.length / 2} children`,
      );
    }
    for (const key of keys) this.#checkReference(key, offset);
    for (let i = 0; i < children.length; i += 2) this.#checkReference(children[i]!, offset);
  }

  #checkReference(seq: number, offset: number): void {
    if (seq >= 1 && seq <= this.seq) return;
    throw undecodable(this.seq, `tree node ${offset} leads to block ${seq}`);
  }
}

/** Plain bytes: a view made by a `Buffer` takes several times as long. */
function viewOf(bytes: Uint8Array, start: number, end: number): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset + start, end - start);
}

function undecodable(seq: number, why: string): HyperbeeError {
  return new HyperbeeError("DECODING_ERROR", `Cannot decode block ${seq}: ${why}`);
}

/**
 * An ordered map whose versions share structure: a B+ tree that copies the nodes it changes.
 *
 * `fork()` costs the same whatever the size. A node belongs to the version that made it and only that version
 * changes it in place, so a batch of writes copies each node it touches once. Once forked, a version is not
 * written again; it stays readable for ever.
 *
 * @module
 */

/** Orders two keys: negative, zero or positive. */
export type Compare<K> = (a: K, b: K) => number;

/** Marks which version of the tree may change a node in place. */
type Version = Record<never, never>;

interface Leaf<K, V> {
  readonly kind: "leaf";
  readonly version: Version;
  readonly keys: K[];
  readonly values: V[];
}

/** `keys[i]` is a lower bound of all keys below `children[i]`; `keys[0]` is never looked at. */
interface Branch<K, V> {
  readonly kind: "branch";
  readonly version: Version;
  readonly keys: K[];
  readonly children: Node<K, V>[];
}

type Node<K, V> = Leaf<K, V> | Branch<K, V>;

/** Most entries of a leaf and most children of a branch. */
const NODE_COUNT_MAX = 64;

/** An ordered map; see the module for how versions share structure. */
export class OrderedTree<K, V> {
  readonly #compare: Compare<K>;
  readonly #version: Version = {};
  #root: Node<K, V> | null = null;

  /** Creates an empty map ordered by `compare`. */
  constructor(compare: Compare<K>) {
    this.#compare = compare;
  }

  /** Returns a version to write to; this one is not to be written again. */
  fork(): OrderedTree<K, V> {
    const next = new OrderedTree<K, V>(this.#compare);
    next.#root = this.#root;
    return next;
  }

  /** Whether there is no entry. */
  get isEmpty(): boolean {
    return this.#root === null;
  }

  /** The value under `key`. */
  get(key: K): V | undefined {
    let node = this.#root;
    if (node === null) return undefined;
    while (node.kind === "branch") node = node.children[this.#childIndex(node, key)]!;
    const position = this.#position(node.keys, key);
    return position < node.keys.length && this.#compare(node.keys[position]!, key) === 0
      ? node.values[position]
      : undefined;
  }

  /** Sets the value under `key`. */
  put(key: K, value: V): void {
    if (this.#root === null) {
      this.#root = { kind: "leaf", version: this.#version, keys: [key], values: [value] };
      return;
    }
    const root = this.#own(this.#root);
    const sibling = this.#putBelow(root, key, value);
    this.#root = sibling === null ? root : {
      kind: "branch",
      version: this.#version,
      keys: [root.keys[0]!, sibling.keys[0]!],
      children: [root, sibling],
    };
  }

  /** Deletes the entries from `from` to `to` (exclusive); `null` is unbounded. */
  deleteRange(from: K | null, to: K | null): void {
    if (this.#root === null) return;
    if (from !== null && to !== null && this.#compare(from, to) >= 0) return;
    let root: Node<K, V> | null = this.#deleteBelow(this.#root, from, to);
    while (root !== null && root.kind === "branch" && root.children.length === 1) root = root.children[0]!;
    this.#root = root;
  }

  /** Goes through the entries from `from` to `to` (exclusive) of this version; `null` is unbounded. */
  entries(from: K | null, to: K | null, reverse: boolean): Generator<[K, V]> {
    return this.#entriesBelow(this.#root, from, to, reverse);
  }

  /** Returns `node` if this version may change it, else a copy. */
  #own(node: Node<K, V>): Node<K, V> {
    if (node.version === this.#version) return node;
    return node.kind === "leaf"
      ? { kind: "leaf", version: this.#version, keys: node.keys.slice(), values: node.values.slice() }
      : { kind: "branch", version: this.#version, keys: node.keys.slice(), children: node.children.slice() };
  }

  /** Puts into the owned `node`; returns a new right-hand sibling when it had to be split. */
  #putBelow(node: Node<K, V>, key: K, value: V): Node<K, V> | null {
    if (node.kind === "leaf") {
      const position = this.#position(node.keys, key);
      if (position < node.keys.length && this.#compare(node.keys[position]!, key) === 0) {
        node.values[position] = value;
        return null;
      }
      insertAt(node.keys, position, key);
      insertAt(node.values, position, value);
      if (node.keys.length <= NODE_COUNT_MAX) return null;
      const split = splitPosition(position, node.keys.length);
      return {
        kind: "leaf",
        version: this.#version,
        keys: node.keys.splice(split),
        values: node.values.splice(split),
      };
    }
    const index = this.#childIndex(node, key);
    const child = this.#own(node.children[index]!);
    node.children[index] = child;
    const sibling = this.#putBelow(child, key, value);
    if (sibling === null) return null;
    insertAt(node.keys, index + 1, sibling.keys[0]!);
    insertAt(node.children, index + 1, sibling);
    if (node.children.length <= NODE_COUNT_MAX) return null;
    const split = splitPosition(index + 1, node.children.length);
    return {
      kind: "branch",
      version: this.#version,
      keys: node.keys.splice(split),
      children: node.children.splice(split),
    };
  }

  /** Returns `node` without the range, `null` when nothing is left. Whole children go without being visited. */
  #deleteBelow(node: Node<K, V>, from: K | null, to: K | null): Node<K, V> | null {
    if (node.kind === "leaf") {
      const start = from === null ? 0 : this.#position(node.keys, from);
      const end = to === null ? node.keys.length : this.#position(node.keys, to);
      if (start >= end) return node;
      if (end - start === node.keys.length) return null;
      const owned = this.#own(node) as Leaf<K, V>;
      owned.keys.splice(start, end - start);
      owned.values.splice(start, end - start);
      return owned;
    }
    const last = node.children.length - 1;
    const firstIndex = from === null ? 0 : this.#childIndex(node, from);
    const lastIndex = to === null ? last : this.#childIndex(node, to);
    const keys: K[] = [];
    const children: Node<K, V>[] = [];
    for (let i = firstIndex; i <= lastIndex; i++) {
      const childFrom = i === firstIndex ? from : null;
      const childTo = i === lastIndex ? to : null;
      const child = childFrom === null && childTo === null
        ? null
        : this.#deleteBelow(node.children[i]!, childFrom, childTo);
      if (child !== null) {
        keys.push(node.keys[i]!);
        children.push(child);
      }
    }
    if (firstIndex === 0 && lastIndex === last && children.length === 0) return null;
    const owned = this.#own(node) as Branch<K, V>;
    owned.keys.splice(firstIndex, lastIndex - firstIndex + 1, ...keys);
    owned.children.splice(firstIndex, lastIndex - firstIndex + 1, ...children);
    return owned;
  }

  *#entriesBelow(node: Node<K, V> | null, from: K | null, to: K | null, reverse: boolean): Generator<[K, V]> {
    if (node === null) return;
    if (node.kind === "leaf") {
      const start = from === null ? 0 : this.#position(node.keys, from);
      const end = to === null ? node.keys.length : this.#position(node.keys, to);
      if (reverse) { for (let i = end - 1; i >= start; i--) yield [node.keys[i]!, node.values[i]!]; }
      else for (let i = start; i < end; i++) yield [node.keys[i]!, node.values[i]!];
      return;
    }
    const first = from === null ? 0 : this.#childIndex(node, from);
    const last = to === null ? node.children.length - 1 : this.#childIndex(node, to);
    for (let step = 0; step <= last - first; step++) {
      const i = reverse ? last - step : first + step;
      yield* this.#entriesBelow(
        node.children[i]!,
        i === first ? from : null,
        i === last ? to : null,
        reverse,
      );
    }
  }

  /** Position of the first of `keys` that is not before `key`. */
  #position(keys: readonly K[], key: K): number {
    let low = 0;
    let high = keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(keys[middle]!, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Index of the child of `branch` whose range holds `key`. */
  #childIndex(branch: Branch<K, V>, key: K): number {
    let low = 1;
    let high = branch.keys.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#compare(branch.keys[middle]!, key) <= 0) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

/** `splice` for one element, without its argument array when the element goes to the end. */
function insertAt<T>(list: T[], position: number, element: T): void {
  if (position === list.length) list.push(element);
  else list.splice(position, 0, element);
}

/** Where to split an overfull node: in the middle, or before the last entry where entries come in order. */
function splitPosition(inserted: number, count: number): number {
  return inserted === count - 1 ? count - 1 : count >>> 1;
}

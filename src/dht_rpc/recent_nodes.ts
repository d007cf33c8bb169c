/**
 * The nodes of the routing table in the order in which they were last heard of.
 *
 * Source: time-ordered-set `index.js`.
 *
 * @module
 */
import type { PeerAddress, PersistentPeer } from "./peer.ts";

/** A node of the routing table. Times are ticks. */
export interface TableNode extends PersistentPeer {
  /** Host and port as one number, for quick encoding. */
  readonly address: number;
  /** Our address as the node sees it, null before it told. */
  to: PeerAddress | null;
  /** When `to` was counted last, 0 for never. */
  sampled: number;
  /** When the node came into the table. */
  added: number;
  /** When we last asked it or heard of it. */
  pinged: number;
  /** When we last heard of it. */
  seen: number;
  /** How often others said that it is down. */
  downHints: number;
  /** The node that was heard of before it. */
  prev: TableNode | null;
  /** The node that was heard of after it. */
  next: TableNode | null;
}

/** A linked list with a node in it once at most. */
export class RecentNodes {
  #oldest: TableNode | null = null;
  #latest: TableNode | null = null;
  #length = 0;

  /** The node that has been silent the longest. */
  get oldest(): TableNode | null {
    return this.#oldest;
  }

  /** The node that was heard of last. */
  get latest(): TableNode | null {
    return this.#latest;
  }

  /** Number of nodes. */
  get length(): number {
    return this.#length;
  }

  /** Tells whether `node`, the very object, is in the list. */
  has(node: TableNode): boolean {
    return node.next !== null || node.prev !== null || node === this.#oldest;
  }

  /** Adds `node` as the latest, or makes it that. */
  add(node: TableNode): void {
    this.remove(node);
    node.prev = this.#latest;
    node.next = null;
    if (this.#latest) this.#latest.next = node;
    else this.#oldest = node;
    this.#latest = node;
    this.#length++;
  }

  /** Removes `node` if it is there. */
  remove(node: TableNode): void {
    if (!this.has(node)) return;
    if (node.prev) node.prev.next = node.next;
    else this.#oldest = node.next;
    if (node.next) node.next.prev = node.prev;
    else this.#latest = node.prev;
    node.prev = null;
    node.next = null;
    this.#length--;
  }

  /** Up to `limit` nodes, the oldest first, or with `reverse` the latest first. */
  toArray(options: { readonly limit?: number; readonly reverse?: boolean } = {}): TableNode[] {
    const { limit = Infinity, reverse = false } = options;
    const nodes: TableNode[] = [];
    let node = reverse ? this.#latest : this.#oldest;
    while (node && nodes.length < limit) {
      nodes.push(node);
      node = reverse ? node.prev : node.next;
    }
    return nodes;
  }
}

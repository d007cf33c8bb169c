/**
 * Which nodes the routing table holds, and which of them have to be asked whether they live.
 *
 * Source: dht-rpc `index.js`.
 *
 * @module
 */
import { copyBytes, equalBytes } from "../base/mod.ts";
import { ID_BYTES, OLD_TICKS, RECENT_TICKS, SWAPS_MAX } from "./limits.ts";
import {
  addressNumber,
  encodeAddress,
  type Peer,
  type PeerAddress,
  peerId,
  type PersistentPeer,
} from "./peer.ts";
import { Queue } from "./queue.ts";
import { RecentNodes, type TableNode } from "./recent_nodes.ts";
import { RoutingTable, type TableRow } from "./routing_table.ts";

/** What followed from news of nodes. */
export type MembershipEvent =
  /** A node came into the table. */
  | { readonly kind: "added"; readonly node: TableNode }
  /** A node left the table. */
  | { readonly kind: "removed"; readonly node: TableNode }
  /** A node told our address. */
  | { readonly kind: "sampled"; readonly to: PeerAddress }
  /** `oldest` has to be asked whether it lives; otherwise `replacement` takes its place. */
  | { readonly kind: "challenge"; readonly oldest: TableNode; readonly replacement: TableNode };

/** The routing table and the order of news. */
export class Membership {
  /** Counts intervals of 5 s. */
  tick: number;
  /** Whether full rows challenge their oldest node; not while the table is first filled. */
  isSettled = false;
  readonly #nodes = new RecentNodes();
  #table: RoutingTable<TableNode>;
  readonly #events = new Queue<MembershipEvent>();
  #challenges = 0;

  /** Starts with an empty table around `id`. */
  constructor(id: Uint8Array, tick: number) {
    this.#table = new RoutingTable(id);
    this.tick = tick;
  }

  /** Adds a node that nobody has told of. */
  add(peer: PersistentPeer, to: PeerAddress | null): void {
    const { id, host, port } = peer;
    const { tick } = this;
    this.#insert({
      // What came in a datagram would keep all of it in memory.
      id: id.buffer.byteLength === ID_BYTES ? id : copyBytes(id),
      host,
      port,
      address: addressNumber(encodeAddress(peer)),
      to,
      sampled: 0,
      added: tick,
      pinged: tick,
      seen: tick,
      downHints: 0,
      prev: null,
      next: null,
    });
  }

  /** A challenge ended: the oldest node lives, or the replacement takes its place. */
  settleChallenge(oldest: TableNode, replacement: TableNode, isAlive: boolean): void {
    this.#challenges--;
    if (isAlive) return;
    this.remove(oldest);
    this.#insert(replacement);
  }

  /** Removes `node` if it is still there. */
  remove(node: TableNode): void {
    if (!this.#nodes.has(node)) return;
    this.#table.remove(node.id);
    this.#nodes.remove(node);
    this.#events.push({ kind: "removed", node });
  }

  /** Measures distances from another id; nodes for which there is no room any more are dropped. */
  rename(id: Uint8Array): void {
    const before = this.#table;
    this.#table = new RoutingTable(id);
    for (const node of before.toArray()) {
      const isKept = !equalBytes(node.id, id) && this.#table.add(node).kind === "added";
      if (isKept) continue;
      this.#nodes.remove(node);
      this.#events.push({ kind: "removed", node });
    }
  }

  /** A node with an id was heard of; `isSample` says whether our address in its words counts. */
  handleNews(peer: PersistentPeer, to: PeerAddress, isSample: boolean): void {
    const node = this.#table.get(peer.id);
    if (!node) {
      this.add(peer, to);
      return;
    }
    if (isSample && (node.sampled === 0 || this.tick - node.sampled >= OLD_TICKS)) {
      node.to = to;
      node.sampled = this.tick;
      this.#events.push({ kind: "sampled", to });
    }
    node.pinged = node.seen = this.tick;
    this.#nodes.add(node);
  }

  /** The next thing that followed. */
  pollEvent(): MembershipEvent | null {
    return this.#events.shift();
  }

  /** The routing table; another one after {@linkcode Membership.rename}. */
  get table(): RoutingTable<TableNode> {
    return this.#table;
  }

  /** The nodes of the table by news. */
  get nodes(): RecentNodes {
    return this.#nodes;
  }

  /** The sender of a message; an id that does not belong to its address does not count. */
  identify(id: Uint8Array | null, host: string, port: number): Peer {
    if (id === null) return { id: null, host, port };
    const known = this.#table.get(id);
    if (known && known.host === host && known.port === port) return { id: known.id, host, port };
    return { id: equalBytes(peerId(host, port), id) ? id : null, host, port };
  }

  /** The node in the table that `peer` is. */
  find(peer: Peer): TableNode | null {
    return peer.id === null ? null : this.#table.get(peer.id);
  }

  #insert(node: TableNode): void {
    if (this.#table.has(node.id) || equalBytes(node.id, this.#table.id)) return;
    node.added = node.pinged = node.seen = this.tick;
    const result = this.#table.add(node);
    if (result.kind === "full") {
      this.#challenge(node, result.row);
      return;
    }
    this.#nodes.add(node);
    if (node.to && node.sampled === 0) {
      node.sampled = this.tick;
      this.#events.push({ kind: "sampled", to: node.to });
    }
    this.#events.push({ kind: "added", node });
  }

  #challenge(replacement: TableNode, row: TableRow<TableNode>): void {
    if (!this.isSettled || this.#challenges >= SWAPS_MAX) return;
    let oldest: TableNode | null = null;
    for (const node of row.nodes) {
      if (node.pinged === this.tick) continue;
      const isOlder = oldest === null || node.pinged < oldest.pinged ||
        (node.pinged === oldest.pinged && node.added < oldest.added);
      if (isOlder) oldest = node;
    }
    if (oldest === null) return;
    // Who has been there for long and was heard of lately stays.
    if (this.tick - oldest.pinged < RECENT_TICKS && this.tick - oldest.added > OLD_TICKS) return;
    oldest.pinged = this.tick;
    this.#challenges++;
    this.#events.push({ kind: "challenge", oldest, replacement });
  }
}

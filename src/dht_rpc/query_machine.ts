/**
 * One walk towards a target: whom to ask next, what was learnt, and when it is over.
 *
 * Source: dht-rpc `lib/query.js`.
 *
 * @module
 */
import { equalBytes } from "../base/mod.ts";
import { blake2b } from "../crypto/mod.ts";
import { ADDRESS_BYTES, K, QUERY_ADDRESSES_MAX, QUERY_VISITS_MAX, SLOW_START_CONCURRENCY } from "./limits.ts";
import {
  addressNumber,
  decodeAddress,
  encodeAddress,
  isReachable,
  type Peer,
  type PeerAddress,
  type PersistentPeer,
} from "./peer.ts";
import { compareDistance } from "./routing_table.ts";

/** A reply to a request. */
export interface Reply {
  /** Transaction id. */
  readonly tid: number;
  /** Round trip in ms, counted from the first time that the request was sent. */
  readonly rtt: number;
  /** Who answered; the id is null when it is ephemeral, or when it claims one that is not its own. */
  readonly from: Peer;
  /** Our address as the other side sees it. */
  readonly to: Peer;
  /** What the other side accepts as proof of our address for a while, 32 bytes. */
  readonly token: Uint8Array | null;
  /** Nodes that the other side knows near the target, 20 at most; their ids are there in replies to queries. */
  readonly closerNodes: readonly Peer[] | null;
  /** 0 when all went well. */
  readonly error: number;
  /** The answer. */
  readonly value: Uint8Array | null;
}

/** A reply of a node that has an id. */
type PersistentReply = Reply & { readonly from: PersistentPeer };

/** Options of {@linkcode QueryMachine}. */
export interface QueryMachineOptions {
  /** 32 bytes. */
  readonly target: Uint8Array;
  /** Nodes that the walk ends with. */
  readonly k: number;
  /** Requests at the same time. */
  readonly concurrency: number;
  /** Nodes to begin with, in this order. */
  readonly nodes?: readonly Peer[] | null;
  /** Asks only the nodes to begin with. */
  readonly onlyClosestNodes?: boolean;
  /** Our own id: we do not ask ourselves. */
  readonly ownId: Uint8Array;
  /** Tells which nodes may be asked. */
  readonly filterNode?: ((node: PersistentPeer) => boolean) | null;
}

/** A node that was named, and what became of it. */
export interface NamedNode {
  /** Who it is. */
  readonly node: PersistentPeer;
  /** Skipped are those that are too far away, or may not be asked. */
  state: "skipped" | "pending" | "answered" | "down";
  /** Who named it. */
  readonly referrers: Peer[];
}

/** A node to be told that another one is down. */
export interface DownHint {
  /** Who named it. */
  readonly to: Peer;
  /** Who does not answer. */
  readonly down: PeerAddress;
}

/** Where the walk is. */
export type QueryPhase = "starting" | "walking" | "finished";

/** The state of one walk. */
export class QueryMachine {
  /** 32 bytes. */
  readonly target: Uint8Array;
  /** Nodes that the walk ends with. */
  readonly k: number;
  /** Requests at the same time. */
  concurrency: number;
  /** Replies that count. */
  successes = 0;
  /** Requests without an answer, and replies that report an error. */
  errors = 0;
  /** Requests under way. */
  inflight = 0;
  readonly #options: QueryMachineOptions;
  readonly #closest: PersistentReply[] = [];
  /** Whoever was named, by the number of the address. */
  readonly #named = new Map<number, NamedNode>();
  /** To be asked: those to begin with in reverse order, then the others in any. */
  readonly #given: NamedNode[] = [];
  readonly #pending: NamedNode[] = [];
  readonly #hints: DownHint[] = [];
  /** Requests under way that took longer than a timeout. */
  #slow = 0;
  #visits = 0;
  #isSlowStart = false;
  #usedTable = false;
  #phase: QueryPhase = "starting";

  /** Begins a walk; nodes come by {@linkcode QueryMachine.addFromTable}. */
  constructor(options: QueryMachineOptions) {
    this.#options = options;
    this.target = options.target;
    this.k = options.k;
    this.concurrency = options.concurrency;
    for (const node of options.nodes ?? []) this.#addGiven(node);
    this.#given.reverse();
  }

  /** Whether nodes are missing to begin with. */
  get needsNodes(): boolean {
    return this.#given.length + this.#pending.length < this.k;
  }

  /** How many. */
  get missingNodes(): number {
    return Math.max(0, this.k - this.#given.length - this.#pending.length);
  }

  /** Adds nodes of the routing table. */
  addFromTable(nodes: readonly PersistentPeer[]): void {
    this.#usedTable = true;
    this.addNodes(nodes);
  }

  /** Adds nodes to begin with, such as bootstrap nodes. */
  addNodes(nodes: readonly PersistentPeer[]): void {
    if (this.#options.onlyClosestNodes) return;
    for (const node of nodes) {
      const named = this.#name(addressNumber(encodeAddress(node)), () => node);
      if (named.state === "skipped") this.#consider(named);
    }
  }

  /** Finds out who the nodes are whose addresses lie in `bytes`. */
  nameNodes(bytes: Uint8Array): NamedNode[] {
    const nodes: NamedNode[] = [];
    for (let start = 0; start < bytes.byteLength; start += ADDRESS_BYTES) {
      // Most nodes are named again and again, so that their hash is known.
      nodes.push(this.#name(addressNumber(bytes, start), () => {
        const address = bytes.slice(start, start + ADDRESS_BYTES);
        const { host, port } = decodeAddress(address)!;
        return { id: blake2b(address), host, port };
      }));
    }
    return nodes;
  }

  /** All nodes to begin with are there. */
  start(): void {
    if (this.#phase === "starting") this.#phase = "walking";
  }

  /** Ends the walk. */
  stop(): void {
    this.#phase = "finished";
  }

  /** A visited node answered and named others; `isSlow` says whether its request had become slow. */
  handleReply(reply: Reply, closerNodes: readonly NamedNode[], visited: NamedNode, isSlow: boolean): void {
    this.#leave(isSlow);
    visited.state = "answered";
    if (this.#phase === "finished") return;
    if (reply.error === 0) this.successes++;
    else this.errors++;
    if (reply.error === 0 && isPersistent(reply) && this.#isCloser(reply.from.id)) this.#addClosest(reply);
    if (!this.#options.onlyClosestNodes) {
      for (const node of closerNodes) this.#handleNamed(node, reply.from);
    }
    if (this.#isWarm) this.#isSlowStart = false;
  }

  /** A visited node did not answer, or the request to it was cancelled. */
  handleFailure(visited: NamedNode, isTimeout: boolean, isSlow: boolean): void {
    this.#leave(isSlow);
    if (isTimeout) {
      visited.state = "down";
      for (const referrer of visited.referrers) this.#hints.push({ to: referrer, down: visited.node });
    }
    this.errors++;
  }

  /** A request takes longer than a timeout; others may be made meanwhile. */
  handleSlow(): void {
    this.#slow++;
  }

  /** The next node to ask, null when none is to be asked now. */
  pollVisit(): NamedNode | null {
    if (this.#phase !== "walking" || this.#visits >= QUERY_VISITS_MAX) return null;
    const concurrency = (this.#isSlowStart ? SLOW_START_CONCURRENCY : this.concurrency) + this.#slow;
    if (this.inflight >= concurrency) return null;
    const next = this.#given.pop() ?? this.#takeClosest();
    if (!next) return null;
    this.inflight++;
    this.#visits++;
    return next;
  }

  /** The next node to be told of a node that is down. */
  pollHint(): DownHint | null {
    return this.#hints.shift() ?? null;
  }

  /** All that can be asked now is asked: what follows? */
  settle(): "waiting" | "needs-table" | "finished" {
    if (this.#phase !== "walking") return this.#phase === "finished" ? "finished" : "waiting";
    // The first nodes are given a chance to answer before many others are asked.
    if (!this.#usedTable && this.successes === 0 && this.errors === 0) this.#isSlowStart = true;
    const isExhausted = this.#visits >= QUERY_VISITS_MAX;
    if (!isExhausted && this.#given.length + this.#pending.length > 0) return "waiting";
    const onlySlow = this.#slow === this.inflight && this.#closest.length >= this.k;
    if (this.inflight > 0 && !onlySlow) return "waiting";
    if (!this.#usedTable && this.successes < this.k / 4) return "needs-table";
    this.#phase = "finished";
    return "finished";
  }

  /** Where the walk is. */
  get phase(): QueryPhase {
    return this.#phase;
  }

  /** Requests made. */
  get visits(): number {
    return this.#visits;
  }

  /** Replies of the nodes closest to the target, the closest first; live. */
  get closestReplies(): readonly PersistentReply[] {
    return this.#closest;
  }

  get #isWarm(): boolean {
    return !this.#usedTable && this.successes + this.errors >= this.concurrency;
  }

  #leave(isSlow: boolean): void {
    this.inflight--;
    if (isSlow) this.#slow--;
  }

  #addGiven({ id, host, port }: Peer): void {
    const address = encodeAddress({ host, port });
    const named = this.#name(addressNumber(address), () => ({ id: id ?? blake2b(address), host, port }));
    if (named.state !== "skipped") return;
    named.state = "pending";
    this.#given.push(named);
  }

  #name(key: number, identify: () => PersistentPeer): NamedNode {
    let named = this.#named.get(key);
    if (named) return named;
    named = { node: identify(), state: "skipped", referrers: [] };
    if (this.#named.size < QUERY_ADDRESSES_MAX) this.#named.set(key, named);
    return named;
  }

  #handleNamed(named: NamedNode, referrer: Peer): void {
    if (named.state === "down") {
      this.#hints.push({ to: referrer, down: named.node });
      return;
    }
    if (named.state === "skipped") this.#consider(named);
    if (named.state === "pending" && named.referrers.length < K) named.referrers.push(referrer);
  }

  #consider(named: NamedNode): void {
    const { node } = named;
    const { filterNode, ownId } = this.#options;
    if (!this.#isCloser(node.id) || this.#pending.length >= QUERY_ADDRESSES_MAX) return;
    if (!isReachable(node) || equalBytes(node.id, ownId) || (filterNode && !filterNode(node))) return;
    named.state = "pending";
    this.#pending.push(named);
  }

  /** Takes the pending node that is closest to the target, and drops those that came too late. */
  #takeClosest(): NamedNode | null {
    const pending = this.#pending;
    let best = -1;
    for (let i = 0; i < pending.length; i++) {
      const isCloser = best < 0 ||
        compareDistance(this.target, pending[i]!.node.id, pending[best]!.node.id) < 0;
      if (isCloser) best = i;
    }
    if (best < 0) return null;
    const named = pending[best]!;
    if (!this.#isCloser(named.node.id)) {
      pending.length = 0;
      return null;
    }
    pending[best] = pending[pending.length - 1]!;
    pending.pop();
    return named;
  }

  #isCloser(id: Uint8Array): boolean {
    if (this.#closest.length < this.k) return true;
    return compareDistance(this.target, id, this.#closest[this.#closest.length - 1]!.from.id) < 0;
  }

  #addClosest(reply: PersistentReply): void {
    const closest = this.#closest;
    let position = closest.length;
    while (position > 0) {
      const order = compareDistance(this.target, closest[position - 1]!.from.id, reply.from.id);
      if (order === 0) return;
      if (order < 0) break;
      position--;
    }
    closest.splice(position, 0, reply);
    if (closest.length > this.k) closest.pop();
  }
}

function isPersistent(reply: Reply): reply is PersistentReply {
  return reply.from.id !== null;
}

/**
 * Deciding what to ask whom: seeks, blocks that users wait for, an upgrade, ranges, and blocks that are slow to come.
 *
 * One pass fills the windows of all peers. Users' blocks go before ranges. Within a range a peer is given short runs
 * of neighbouring blocks, because the proof of one then holds most of the proof of the next.
 *
 * @module
 */
import type { ReplicationContext } from "./context.ts";
import type { BlockDemand, DemandBook, RangeDemand } from "./demands.ts";
import {
  BLOCK_REQUESTS_MAX,
  HOTSWAP_AGE_MIN_MS,
  HOTSWAP_INTERVAL_MS,
  HOTSWAP_SCAN_MAX,
  RANGE_WANTS_MAX,
  RANGES_PER_PASS_MAX,
  RUN_BLOCKS_MAX,
  RUN_BYTES,
  STALL_MS,
  TURN_BLOCKS,
} from "./limits.ts";
import type { Outgoing } from "./outgoing.ts";
import type { PeerState } from "./peer_state.ts";
import type { Reorgs } from "./reorgs.ts";
import type { Requests } from "./requests.ts";

/** Blocks larger than this go to peers one by one, smaller ones in turns of several. */
const SMALL_BLOCK_BYTES = 4096;

/** How far one peer got with one range. */
interface RangeProgress {
  /** Next block (or place in the list) to look at. */
  cursor: number;
  /** End of the run of neighbours, exclusive. */
  runEnd: number;
  /** The context's generation when the cursor was set. */
  generation: number;
  /** The context's generation when the peer had nothing more to give. */
  exhaustedAt: number;
}

/** The choice of requests. */
export class Selection {
  readonly #context: ReplicationContext;
  readonly #book: DemandBook;
  readonly #requests: Requests;
  readonly #reorgs: Reorgs;
  readonly #progress = new WeakMap<PeerState, WeakMap<RangeDemand, RangeProgress>>();
  #manifestPeer: PeerState | null = null;
  #nextHotswapMs = 0;
  #nextStallMs = Infinity;

  constructor(context: ReplicationContext, book: DemandBook, requests: Requests, reorgs: Reorgs) {
    this.#context = context;
    this.#book = book;
    this.#requests = requests;
    this.#reorgs = reorgs;
  }

  /** Opens every request that is useful now. */
  fill(): void {
    this.#reorgs.fill();
    // What would be asked for now would be asked for of a tree that is about to go.
    if (this.#reorgs.isApplying) return;
    this.#book.unpark();
    let ready = this.#ready();
    for (const peer of ready) this.#askManifest(peer);
    for (const peer of ready) this.#askSeeks(peer);
    this.#askQueued(ready);
    if (this.#book.upgrade !== null) ready.some((peer) => this.#requests.openUpgrade(peer));
    if (this.#book.ranges.length > 0) this.#askRanges(ready);
    if (this.#context.peers.length > 1 && this.#context.nowMs >= this.#nextHotswapMs) {
      this.#nextHotswapMs = this.#context.nowMs + HOTSWAP_INTERVAL_MS;
      ready = this.#context.peers.filter((peer) => this.#requests.hasHotswapRoom(peer));
      if (ready.length > 0) this.#hotswap(this.#context.shuffle(ready));
    }
    this.#nextStallMs = this.#findNextStall();
  }

  /** When to fill again though nothing has happened, ms; Infinity for never. */
  get deadlineMs(): number {
    if (this.#context.peers.length < 2 || this.#context.openRequests === 0) return Infinity;
    const canHotswap = this.#book.blocks.size > 0 &&
      this.#context.peers.some((peer) => this.#requests.hasHotswapRoom(peer));
    return canHotswap ? Math.min(this.#nextHotswapMs, this.#nextStallMs) : this.#nextStallMs;
  }

  /** A peer is gone. */
  dropPeer(peer: PeerState): void {
    if (this.#manifestPeer === peer) this.#manifestPeer = null;
  }

  #ready(): PeerState[] {
    return this.#context.shuffle(this.#context.peers.filter((peer) => this.#requests.hasRoom(peer)));
  }

  /** When the next upgrade or seek under way becomes one that another peer may be asked for too. */
  #findNextStall(): number {
    let nextMs = Infinity;
    const check = ({ openedMs }: Outgoing): void => {
      const stallMs = openedMs + STALL_MS;
      if (stallMs > this.#context.nowMs) nextMs = Math.min(nextMs, stallMs);
    };
    this.#book.upgrade?.requests.forEach(check);
    for (const seek of this.#book.seeks) seek.requests.forEach(check);
    return nextMs;
  }

  /** An empty log has no upgrade to bring the manifest. */
  #askManifest(peer: PeerState): void {
    if (this.#context.log.manifest !== null || this.#manifestPeer !== null || this.#context.pushOnly) return;
    if (peer.remoteLength > 0 || !peer.remoteHasManifest) return;
    this.#manifestPeer = peer;
    this.#requests.openManifest(peer);
  }

  #askSeeks(peer: PeerState): void {
    for (const seek of this.#book.seeks) {
      if (!this.#requests.hasRoom(peer)) return;
      this.#requests.openSeek(peer, seek);
    }
  }

  /** Asks for the blocks that users wait for, in order, each of any peer that has it. */
  #askQueued(ready: PeerState[]): void {
    const { queue } = this.#book;
    if (queue.length === 0) return;
    this.#book.queue = [];
    const peers = ready.slice();
    for (const demand of queue) {
      if (demand.place !== "queued") continue;
      if (peers.length > 0 && this.#askOne(demand, peers)) continue;
      if (peers.length === 0 || this.#isServedByBusyPeer(demand, peers)) {
        this.#book.queue.push(demand);
        continue;
      }
      for (const peer of this.#context.peers) {
        if (peer.isActive && !peer.has.get(demand.index)) {
          this.#requests.want(peer, this.#context.regionOf(demand.index));
        }
      }
      this.#book.park(demand);
    }
    this.#book.sealParked();
  }

  /** Asks one of `peers`, taking it out of the list when it has no room left after that. */
  #askOne(demand: BlockDemand, peers: PeerState[]): boolean {
    const first = this.#context.randomBelow(peers.length);
    for (let i = 0; i < peers.length; i++) {
      const place = (first + i) % peers.length;
      const peer = peers[place]!;
      if (!this.#requests.openBlock(peer, demand)) continue;
      if (!this.#requests.hasRoom(peer)) peers.splice(place, 1);
      return true;
    }
    return false;
  }

  #isServedByBusyPeer(demand: BlockDemand, idle: readonly PeerState[]): boolean {
    return this.#context.peers.some((peer) =>
      peer.isActive && !idle.includes(peer) && peer.has.get(demand.index) && peer.remoteUploading
    );
  }

  /** Gives each peer blocks of ranges in turns, until none has room or none finds more. */
  #askRanges(ready: readonly PeerState[]): void {
    let peers = ready.slice();
    const isSmall = this.#context.blockBytes <= SMALL_BLOCK_BYTES;
    while (peers.length > 0) {
      const turn = peers.length === 1 ? Infinity : isSmall ? TURN_BLOCKS : 1;
      peers = peers.filter((peer) => this.#askPeerForRanges(peer, turn) && this.#requests.hasRoom(peer));
    }
  }

  /** Asks `peer` for up to `turn` blocks; false when it has nothing more to give. */
  #askPeerForRanges(peer: PeerState, turn: number): boolean {
    const { ranges } = this.#book;
    const count = Math.min(ranges.length, RANGES_PER_PASS_MAX);
    const first = ranges.length === 1 ? 0 : this.#context.randomBelow(ranges.length);
    let left = turn;
    for (let i = 0; i < count && left > 0; i++) {
      const range = ranges[(first + i) % ranges.length]!;
      left -= range.blocks === null
        ? this.#askRange(peer, range, left)
        : this.#askList(peer, range, range.blocks, left);
    }
    return left < turn;
  }

  #askRange(peer: PeerState, range: RangeDemand, turn: number): number {
    const progress = this.#progressOf(peer, range);
    if (progress.exhaustedAt === this.#context.generation) return 0;
    const end = this.#requests.provableEnd(peer, range.end);
    let asked = 0;
    while (asked < turn && this.#requests.hasRoom(peer)) {
      const index = range.start < end ? this.#nextOfRange(peer, range, progress, end) : -1;
      if (index === -1) {
        progress.exhaustedAt = this.#context.generation;
        this.#wantRange(peer, range);
        return asked;
      }
      if (!this.#requests.openBlock(peer, this.#book.ensureBlock(index))) {
        this.#book.dropUnneeded(index);
        progress.exhaustedAt = this.#context.generation;
        return asked;
      }
      asked++;
    }
    return asked;
  }

  #nextOfRange(peer: PeerState, range: RangeDemand, progress: RangeProgress, end: number): number {
    if (range.isLinear && progress.generation !== this.#context.generation) {
      progress.cursor = progress.runEnd = 0;
    }
    progress.generation = this.#context.generation;
    const from = Math.max(progress.cursor, range.start);
    let index = from < progress.runEnd ? this.#findFree(peer, from, Math.min(progress.runEnd, end)) : -1;
    if (index === -1) {
      const runBlocks = this.#runBlocks();
      const start = range.isLinear ? range.start : this.#randomRunStart(range.start, end, runBlocks);
      index = this.#findFree(peer, start, end);
      if (index === -1) index = this.#findFree(peer, range.start, start);
      if (index === -1) return -1;
      progress.runEnd = range.isLinear ? Infinity : index - (index % runBlocks) + runBlocks;
    }
    progress.cursor = index + 1;
    return index;
  }

  #randomRunStart(start: number, end: number, runBlocks: number): number {
    const index = start + this.#context.randomBelow(end - start);
    return Math.max(start, index - (index % runBlocks));
  }

  #runBlocks(): number {
    return Math.max(1, Math.min(RUN_BLOCKS_MAX, Math.floor(RUN_BYTES / this.#requests.blockBytes)));
  }

  /** The first block from `from` to `end` that `peer` has, we have not, and nobody is asked for; -1 if none. */
  #findFree(peer: PeerState, from: number, end: number): number {
    const { bitfield } = this.#context.log;
    const { blocks } = this.#book;
    for (let index = from; index < end; index++) {
      index = peer.has.firstSetNotIn(bitfield, index, end);
      if (index === -1) return -1;
      const demand = blocks.get(index);
      if (demand === undefined || demand.requests.length === 0) return index;
    }
    return -1;
  }

  #askList(peer: PeerState, range: RangeDemand, list: readonly number[], turn: number): number {
    const progress = this.#progressOf(peer, range);
    if (progress.exhaustedAt === this.#context.generation) return 0;
    if (progress.generation !== this.#context.generation) progress.cursor = 0;
    progress.generation = this.#context.generation;
    const { bitfield } = this.#context.log;
    let asked = 0;
    for (let place = Math.max(progress.cursor, range.start); place < range.end; place++) {
      if (asked === turn || !this.#requests.hasRoom(peer)) {
        progress.cursor = place;
        return asked;
      }
      const index = list[place]!;
      if (bitfield.get(index)) continue;
      const demand = this.#book.ensureBlock(index);
      if (demand.requests.length > 0) continue;
      if (this.#requests.openBlock(peer, demand)) asked++;
      else if (!peer.has.get(index)) this.#requests.want(peer, this.#context.regionOf(index));
      this.#book.dropUnneeded(index);
    }
    progress.exhaustedAt = this.#context.generation;
    return asked;
  }

  /** Asks about a few regions of `range` of which it is not known whether `peer` has them. */
  #wantRange(peer: PeerState, range: RangeDemand): void {
    const { head, bitfield } = this.#context.log;
    const end = Math.min(range.end === -1 ? head.length : range.end, head.length);
    let asked = 0;
    for (let index = range.start; index < end && asked < RANGE_WANTS_MAX;) {
      index = bitfield.firstUnset(index);
      if (index >= end) return;
      const region = this.#context.regionOf(index);
      const next = Math.min((region + 1) * this.#context.regionBlocks, end);
      if (peer.has.firstUnset(index) < next && !peer.localWants.has(region)) {
        this.#requests.want(peer, region);
        asked++;
      }
      index = next;
    }
  }

  #progressOf(peer: PeerState, range: RangeDemand): RangeProgress {
    let ofPeer = this.#progress.get(peer);
    if (ofPeer === undefined) this.#progress.set(peer, ofPeer = new WeakMap());
    let progress = ofPeer.get(range);
    if (progress === undefined) {
      progress = { cursor: 0, runEnd: 0, generation: 0, exhaustedAt: 0 };
      ofPeer.set(range, progress);
    }
    return progress;
  }

  /** Asks `peers` for blocks that take long at others. */
  #hotswap(peers: readonly PeerState[]): void {
    let scanned = 0;
    for (const demand of this.#book.blocks.values()) {
      if (++scanned > HOTSWAP_SCAN_MAX) return;
      const { requests } = demand;
      if (requests.length === 0 || requests.length >= BLOCK_REQUESTS_MAX) continue;
      const ageMs = this.#context.nowMs - requests[requests.length - 1]!.openedMs;
      if (ageMs < HOTSWAP_AGE_MIN_MS || requests.some((request) => request.state !== "sent")) continue;
      for (const peer of peers) {
        if (ageMs < 2 * peer.window.smoothedMs || requests.some((request) => request.peer === peer)) continue;
        if (!this.#requests.hasHotswapRoom(peer) || !this.#requests.openBlock(peer, demand)) continue;
        peer.stats.hotswaps++;
        this.#context.stats.hotswaps++;
        break;
      }
    }
  }
}

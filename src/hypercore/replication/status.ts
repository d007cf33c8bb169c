/**
 * What everything that waits is waiting for: who has it, who was asked and when, and why nothing moves.
 *
 * @module
 */
import type { ReplicationContext } from "./context.ts";
import type { BlockDemand, Demand, DemandBook, RangeDemand, SeekDemand } from "./demands.ts";
import { BACKOFFS_MAX } from "./limits.ts";
import type { Outgoing } from "./outgoing.ts";
import type { PeerState } from "./peer_state.ts";
import type { Requests } from "./requests.ts";
import type { UpgradeWatch } from "./upgrade_watch.ts";

/** A request to one peer that is under way. */
export interface AskedPeer<PeerType> {
  /** Who was asked. */
  readonly peer: PeerType;
  /** How long ago, ms. */
  readonly elapsedMs: number;
  /** Whether its answer is here and is being checked. */
  readonly isAnswered: boolean;
}

/** Something that somebody waits for. */
export interface PendingStatus<PeerType> {
  /** A block, a range of blocks, the place of a byte, or a longer log. */
  readonly kind: "block" | "range" | "seek" | "upgrade";
  /** First block that is missing, or byte that is sought; null for a longer log. */
  readonly start: number | null;
  /** End of what is missing, exclusive; null where there is none. */
  readonly end: number | null;
  /** How many wait for it; 0 for what is fetched on behalf of a range. */
  readonly waiting: number;
  /** Peers that say they have it, or for ranges the first block of it that is missing. */
  readonly available: readonly PeerType[];
  /** Requests under way, the oldest first. */
  readonly asked: readonly AskedPeer<PeerType>[];
  /** Why it is not here yet, in words. */
  readonly reason: string;
}

/** How one peer stands. */
export interface PeerStatus<PeerType> {
  /** The peer. */
  readonly peer: PeerType;
  /** Blocks of its log. */
  readonly length: number;
  /** Fork of its log. */
  readonly fork: number;
  /** Requests to it without an answer. */
  readonly inflight: number;
  /** Requests it may have open just now. */
  readonly maxInflight: number;
  /** Why it is not asked for anything, in words; null where it is. */
  readonly refusal: string | null;
}

/** How the replication of a log stands. */
export interface ReplicationStatusOf<PeerType> {
  /** The peers whose channel is open. */
  readonly peers: readonly PeerStatus<PeerType>[];
  /** Everything that somebody waits for. */
  readonly pending: readonly PendingStatus<PeerType>[];
}

/** Says how things stand. Changes nothing. */
export class StatusReport {
  readonly #context: ReplicationContext;
  readonly #book: DemandBook;
  readonly #requests: Requests;
  readonly #watch: UpgradeWatch;

  constructor(context: ReplicationContext, book: DemandBook, requests: Requests, watch: UpgradeWatch) {
    this.#context = context;
    this.#book = book;
    this.#requests = requests;
    this.#watch = watch;
  }

  /** How all stands. */
  whole(): ReplicationStatusOf<PeerState> {
    const pending: PendingStatus<PeerState>[] = [];
    for (const demand of this.#book.blocks.values()) pending.push(this.#ofBlock(demand));
    for (const demand of this.#book.ranges) pending.push(this.#ofRange(demand));
    for (const demand of this.#book.seeks) pending.push(this.#ofSeek(demand));
    const { upgrade } = this.#book;
    if (upgrade !== null && (upgrade.handles.length > 0 || upgrade.requests.length > 0)) {
      pending.push(this.#ofUpgrade(upgrade.handles.length, upgrade.requests));
    }
    return { peers: this.#context.peers.map((peer) => this.#ofPeer(peer)), pending };
  }

  /** How one demand stands. */
  of(demand: Demand): PendingStatus<PeerState> {
    switch (demand.kind) {
      case "block":
        return this.#ofBlock(demand);
      case "range":
        return this.#ofRange(demand);
      case "seek":
        return this.#ofSeek(demand);
      case "upgrade":
        return this.#ofUpgrade(demand.handles.length, demand.requests);
    }
  }

  #ofPeer(peer: PeerState): PeerStatus<PeerState> {
    return {
      peer,
      length: peer.remoteLength,
      fork: peer.remoteFork,
      inflight: peer.window.open,
      maxInflight: peer.window.limit,
      refusal: this.#refusalOf(peer),
    };
  }

  #ofBlock(demand: BlockDemand): PendingStatus<PeerState> {
    const { index, handles, requests } = demand;
    const available = this.#peersWith(index);
    const reason = this.#reasonOfBlock(index, available, requests, demand.isForced);
    const bounds = { start: index, end: index + 1 };
    return {
      kind: "block",
      ...bounds,
      waiting: handles.length,
      available,
      asked: this.#asked(requests),
      reason,
    };
  }

  #ofRange(demand: RangeDemand): PendingStatus<PeerState> {
    const { log } = this.#context;
    const start = demand.blocks === null
      ? log.bitfield.firstUnset(demand.start)
      : demand.blocks[demand.start]!;
    const end = demand.blocks !== null
      ? demand.blocks[demand.end - 1]! + 1
      : demand.end === -1
      ? null
      : demand.end;
    const requests: Outgoing[] = [];
    for (const block of this.#book.blocks.values()) {
      if (block.index >= start && (end === null || block.index < end)) requests.push(...block.requests);
    }
    const available = this.#peersWith(start);
    const isComplete = end === null && start >= log.head.length;
    const reason = isComplete
      ? "all blocks are here; it waits for the log to grow"
      : this.#reasonOfBlock(start, available, requests, false);
    return { kind: "range", start, end, waiting: 1, available, asked: this.#asked(requests), reason };
  }

  #ofSeek(demand: SeekDemand): PendingStatus<PeerState> {
    const available = this.#context.peers.filter((peer) => peer.remoteLength > demand.start);
    const reason = this.#commonReason(demand.requests, false) ??
      (available.length === 0
        ? `no peer has a log that reaches behind byte ${demand.bytes}`
        : this.#reasonOfPeers(available, "could tell where the byte lies"));
    return {
      kind: "seek",
      start: demand.bytes,
      end: null,
      waiting: 1,
      available,
      asked: this.#asked(demand.requests),
      reason,
    };
  }

  #ofUpgrade(waiting: number, requests: readonly Outgoing[]): PendingStatus<PeerState> {
    const { head } = this.#context.log;
    const available = this.#context.peers.filter((peer) =>
      peer.remoteFork > head.fork || (peer.remoteFork === head.fork && peer.remoteLength > head.length)
    );
    const reason = this.#commonReason(requests, false) ??
      (available.length === 0
        ? `no peer has more than ${head.length} blocks`
        : this.#reasonOfPeers(available, "has a longer log"));
    return {
      kind: "upgrade",
      start: null,
      end: null,
      waiting,
      available,
      asked: this.#asked(requests),
      reason,
    };
  }

  #peersWith(index: number): PeerState[] {
    return this.#context.peers.filter((peer) => peer.has.get(index));
  }

  #asked(requests: readonly Outgoing[]): AskedPeer<PeerState>[] {
    return requests.toSorted((a, b) => a.openedMs - b.openedMs).map(({ peer, openedMs, state }) => ({
      peer,
      elapsedMs: Math.max(0, this.#context.nowMs - openedMs),
      isAnswered: state === "held" || state === "verifying",
    }));
  }

  #reasonOfBlock(
    index: number,
    available: readonly PeerState[],
    requests: readonly Outgoing[],
    isForced: boolean,
  ): string {
    const common = this.#commonReason(requests, isForced);
    if (common !== null) return common;
    const { peers } = this.#context;
    if (available.length > 0) return this.#reasonOfPeers(available, "has it");
    const { length } = this.#context.log.head;
    if (index >= length && peers.every((peer) => peer.remoteLength <= index)) {
      const longest = Math.max(...peers.map((peer) => peer.remoteLength));
      return `block ${index} lies behind the end of every log: here ${length} blocks, at peers at most ${longest}`;
    }
    return `${peers.length === 1 ? "the one peer does not have it" : `none of ${peers.length} peers has it`}`;
  }

  /** What holds everything up, or that there is no hold-up; null where it depends on what is asked for. */
  #commonReason(requests: readonly Outgoing[], isForced: boolean): string | null {
    const { log, peers, pushOnly } = this.#context;
    if (log.isFrozen) return "two logs are signed under this key, so that nothing is asked for any more";
    if (requests.length > 0) {
      const oldestMs = this.#context.nowMs - Math.min(...requests.map(({ openedMs }) => openedMs));
      return requests.every(({ state }) => state === "held" || state === "verifying")
        ? "the answer is here and is being checked"
        : `asked of ${
          plural(new Set(requests.map(({ peer }) => peer)).size, "peer")
        }, first ${oldestMs} ms ago`;
    }
    if (peers.length === 0) {
      if (this.#watch.expectedPeers > 0) return "no peer's channel is open yet";
      return this.#watch.findingPeers > 0 ? "no peer yet; some are being looked for" : "no peer is connected";
    }
    return pushOnly && !isForced ? "nothing is asked for: only what peers push is taken" : null;
  }

  /** Why none of `peers`, who could help, is asked. */
  #reasonOfPeers(peers: readonly PeerState[], what: string): string {
    const refusals = peers.map((peer) => this.#refusalOf(peer));
    const reasons = Array.from(new Set(refusals.filter((refusal) => refusal !== null)));
    if (refusals.includes(null)) return `${plural(peers.length, "peer")} ${what}; it is next in line`;
    return `${plural(peers.length, "peer")} ${what}, but ${reasons.join("; ")}`;
  }

  #refusalOf(peer: PeerState): string | null {
    const { head } = this.#context.log;
    if (!peer.isSynced) return "it has not told its state yet";
    if (peer.isCutOff || peer.isConflictChecking) return "it sent what is not true";
    if (peer.fruitlessAnswers >= BACKOFFS_MAX) return `it gave ${peer.fruitlessAnswers} answers without data`;
    if (peer.isPaused) return "it is not asked any more";
    if (!peer.remoteUploading) return "it does not answer requests";
    if (peer.remoteFork < head.fork) return `it is on fork ${peer.remoteFork}, we are on ${head.fork}`;
    if (peer.remoteFork > head.fork && this.#context.options.allowFork === false) {
      return `it is on fork ${peer.remoteFork}, which is not to be followed`;
    }
    if (!this.#requests.hasRoom(peer)) {
      return `it has ${plural(peer.window.open, "request")} open, as many as it may`;
    }
    if (peer.remoteFork > head.fork) return `its fork ${peer.remoteFork} is being compared with ours`;
    const mayProve = this.#requests.canRequest(peer, Math.max(0, head.length - 1), true);
    return mayProve ? null : "it has not agreed with us on a length yet";
  }
}

function plural(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? "" : "s"}`;
}

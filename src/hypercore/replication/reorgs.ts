/**
 * Following peers to a newer fork: the whole new tree is asked for and verified first, then node by node where it
 * parts from ours, and only then does it replace our tail.
 *
 * Source: `hypercore/lib/replicator.js`, `ForkRequest` and what uses it.
 *
 * @module
 */
import type { HypercoreError } from "../errors.ts";
import type { ReorgWant } from "../log/mod.ts";
import type { PendingReorg, ReplicationContext } from "./context.ts";
import { type DemandBook, removeFrom } from "./demands.ts";
import { BACKOFFS_MAX, REORGS_MAX } from "./limits.ts";
import type { DataMessage } from "./messages.ts";
import type { Outgoing } from "./outgoing.ts";
import type { PeerState } from "./peer_state.ts";
import type { Requests } from "./requests.ts";

/** A fork that a peer is on, newer than ours. */
export interface ReorgDemand {
  readonly fork: number;
  /** The new tree once it is verified. */
  reorg: PendingReorg | null;
  readonly requests: Outgoing[];
  /** The log is looking at an answer. */
  isChecking: boolean;
}

/** An answer to look at. */
export interface ReorgJob {
  readonly kind: "reorg";
  readonly demand: ReorgDemand;
  readonly request: Outgoing;
  readonly data: DataMessage;
  /** What was wanted of the peer; null for the tree itself. */
  readonly want: ReorgWant | null;
}

/** What came of an answer. */
export type ReorgResult =
  | { readonly kind: "checked"; readonly reorg: PendingReorg }
  | { readonly kind: "invalid"; readonly error: HypercoreError };

/** The newer forks that are known. */
export class Reorgs {
  readonly #context: ReplicationContext;
  readonly #book: DemandBook;
  readonly #requests: Requests;
  /** By fork, oldest first. */
  #demands: ReorgDemand[] = [];
  #isApplying = false;

  constructor(context: ReplicationContext, book: DemandBook, requests: Requests) {
    this.#context = context;
    this.#book = book;
    this.#requests = requests;
  }

  /** Whether our tail is being replaced; nothing is to be asked for meanwhile. */
  get isApplying(): boolean {
    return this.#isApplying;
  }

  /** Whether a newer fork is on its way; users who wait for an upgrade wait for it. */
  get isBusy(): boolean {
    return this.#isApplying ||
      this.#demands.some(({ requests, isChecking }) => requests.length > 0 || isChecking);
  }

  /** Asks for what is known to be newer, and replaces our tail once enough is known. */
  fill(): void {
    if (this.#context.options.allowFork === false || this.#isApplying) return;
    for (const peer of this.#context.peers) this.#askForTree(peer);
    // The newest one counts; the others are not needed once it is there.
    for (const demand of this.#demands.toReversed()) {
      if (this.#applyMaybe(demand)) return;
      this.#askForNodes(demand);
    }
  }

  /** Replaces our tail if it is known how, whether or not somebody asked for that; tells whether it does, or is at it. */
  applyPending(): boolean {
    if (this.#isApplying) return true;
    return this.#demands.toReversed().some(({ reorg, isChecking, requests }) => {
      if (reorg === null || isChecking || !reorg.isFinished || !reorg.isCurrent) return false;
      this.#apply(reorg, requests);
      return true;
    });
  }

  /** An answer to a request for a newer fork. */
  handleAnswer(request: Outgoing, data: DataMessage): void {
    const demand = request.reorg!;
    if (demand.isChecking || !this.#demands.includes(demand)) {
      this.#requests.fail(request);
      return;
    }
    demand.isChecking = true;
    this.#context.jobs.push({ kind: "reorg", demand, request, data, want: demand.reorg?.want ?? null });
    this.#requests.finish(request, "applied");
  }

  /** The log has looked at an answer. */
  handleChecked({ demand, request, data, want }: ReorgJob, result: ReorgResult): void {
    const { peer } = request;
    demand.isChecking = false;
    this.#context.generation++;
    if (result.kind === "invalid") {
      peer.stats.invalidData++;
      this.#context.stats.invalidData++;
      const { error } = result;
      this.#context.emit({ kind: "verification-error", peer, error, request: request.message, data });
      this.#context.cutOff(peer, error);
      this.#forgetIfUnused(demand);
      return;
    }
    const isNews = demand.reorg === null || result.reorg.want !== want;
    demand.reorg = result.reorg;
    // One who answers without telling anything could do so for ever.
    if (!isNews && ++peer.fruitlessAnswers >= BACKOFFS_MAX) peer.isPaused = true;
    this.#demands = this.#demands.filter(({ fork, reorg }) => fork >= demand.fork || reorg !== null);
  }

  /** The log could not look at an answer. */
  handleCheckFailed(demand: ReorgDemand): void {
    demand.isChecking = false;
    this.#forgetIfUnused(demand);
  }

  /** Our tail was replaced, or was not because the log had changed meanwhile. */
  handleApplied(): void {
    this.#isApplying = false;
    this.#context.emit({ kind: "reorg-applied" });
    // What was compared was compared with the old tree.
    this.#demands = [];
    this.#context.generation++;
  }

  /** The log could not be written: nothing more is asked of those on newer forks. */
  handleApplyFailed(): void {
    for (const peer of this.#context.peers) {
      if (peer.remoteFork > this.#context.log.head.fork) peer.isPaused = true;
    }
    this.handleApplied();
  }

  /** A request for a newer fork came to nothing. */
  handleFailed(request: Outgoing): void {
    if (request.reorg !== null) this.#forgetIfUnused(request.reorg);
  }

  #forgetIfUnused(demand: ReorgDemand): void {
    if (demand.reorg === null && demand.requests.length === 0 && !demand.isChecking) {
      this.#demands = this.#demands.filter((other) => other !== demand);
    }
  }

  #askForTree(peer: PeerState): void {
    const fork = peer.remoteFork;
    if (fork <= this.#context.log.head.fork || peer.remoteLength === 0 || !this.#requests.hasRoom(peer)) {
      return;
    }
    if (this.#demands.some((demand) => demand.fork > fork && demand.reorg !== null)) return;
    let demand = this.#demands.find((other) => other.fork === fork);
    if (demand === undefined) {
      if (this.#demands.length >= REORGS_MAX) return;
      demand = { fork, reorg: null, requests: [], isChecking: false };
      this.#demands.push(demand);
      this.#demands.sort((a, b) => a.fork - b.fork);
    }
    if (demand.reorg !== null || demand.isChecking || this.#context.pushOnly) return;
    if (this.#requests.hasOnlyStalled(demand.requests, peer)) this.#requests.openFork(peer, demand);
  }

  /** Asks for nodes that tell where the new tree parts from ours. */
  #askForNodes(demand: ReorgDemand): void {
    const want = demand.reorg?.want;
    if (!want || demand.isChecking || this.#context.pushOnly) return;
    for (const peer of this.#context.shuffle(this.#context.peers.slice())) {
      if (peer.remoteFork !== demand.fork || !this.#requests.hasRoom(peer)) continue;
      if (!this.#requests.hasOnlyStalled(demand.requests, peer)) continue;
      const end = Math.min(want.end, peer.remoteLength);
      const index = peer.has.firstSet(want.start);
      if (index === -1 || index >= end) this.#requests.want(peer, this.#context.regionOf(want.start));
      else this.#requests.openForkNodes(peer, demand, index, want.nodes);
    }
  }

  /** Replaces our tail if it is known how, and somebody wants that. */
  #applyMaybe(demand: ReorgDemand): boolean {
    const { reorg } = demand;
    if (reorg === null || demand.isChecking) return false;
    if (!reorg.isCurrent) {
      // Our log has changed since; the comparison starts over.
      demand.reorg = null;
      for (const request of demand.requests.slice()) this.#requests.cancel(request);
      removeFrom(this.#demands, demand);
      this.#context.generation++;
      return false;
    }
    if (!reorg.isFinished || this.#book.ensureEagerUpgrade() === null) return false;
    this.#apply(reorg, demand.requests);
    return true;
  }

  #apply(reorg: PendingReorg, requests: readonly Outgoing[]): void {
    this.#isApplying = true;
    for (const request of requests.slice()) this.#requests.cancel(request);
    this.#context.jobs.push({ kind: "applyReorg", reorg });
  }
}

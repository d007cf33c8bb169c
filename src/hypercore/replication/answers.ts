/**
 * What peers answer to our requests: matching it to what was asked, having it verified in order, and drawing the
 * consequences.
 *
 * Nothing a peer sends is believed before the log has verified it. A proof that is wrong ends the peer's channel;
 * what was asked of it is asked elsewhere.
 *
 * @module
 */
import type { HypercoreError } from "../errors.ts";
import type { ReplicationContext, VerifyEntry, VerifyResult } from "./context.ts";
import type { DemandBook } from "./demands.ts";
import { BACKOFFS_MAX, INFLIGHT_BYTES_MAX } from "./limits.ts";
import {
  type DataMessage,
  type NoDataMessage,
  REASON_INVALID_REQUEST,
  REASON_NOT_AVAILABLE,
} from "./messages.ts";
import { isPending, type Outgoing } from "./outgoing.ts";
import type { PeerState } from "./peer_state.ts";
import type { Conflicts } from "./conflicts.ts";
import type { Reorgs } from "./reorgs.ts";
import type { Requests } from "./requests.ts";

/** The parts of the machine that answers reach. */
export interface AnswersParts {
  readonly book: DemandBook;
  readonly requests: Requests;
  readonly reorgs: Reorgs;
  readonly conflicts: Conflicts;
}

/** The answers of all peers. */
export class Answers {
  readonly #context: ReplicationContext;
  readonly #book: DemandBook;
  readonly #requests: Requests;
  readonly #reorgs: Reorgs;
  readonly #conflicts: Conflicts;
  #waiting: VerifyEntry[] = [];
  #isVerifying = false;
  #pushedBytes = 0;

  constructor(context: ReplicationContext, { book, requests, reorgs, conflicts }: AnswersParts) {
    this.#context = context;
    this.#book = book;
    this.#requests = requests;
    this.#reorgs = reorgs;
    this.#conflicts = conflicts;
  }

  /** Whether the log is at work on answers. */
  get isVerifying(): boolean {
    return this.#isVerifying;
  }

  /** An answer, or data nobody asked for. */
  handleData(peer: PeerState, data: DataMessage): void {
    const { head } = this.#context.log;
    // A pushed block may bring a whole tree too, but then it is there for the block.
    if (data.request === 0 && data.block === null && data.upgrade !== null && data.upgrade.start === 0) {
      this.#conflicts.handleProof(peer, data);
      return;
    }
    const request = peer.requests.get(data.request);
    if (request === undefined || request.state !== "sent") {
      const isPushed = this.#context.allowPush && data.fork === head.fork && !peer.requests.has(data.request);
      if (isPushed) this.#takePushed(peer, data);
      return;
    }
    this.#requests.answered(request);
    request.answer = data;
    if (data.fork !== request.message.fork || !isWhatWasAsked(request, data)) {
      this.#countNotAvailable(peer);
      this.#giveUp(request);
    } else if (request.reorg !== null) {
      this.#reorgs.handleAnswer(request, data);
    } else {
      this.#place(request);
    }
  }

  /** A peer has no answer. */
  handleNoData(peer: PeerState, { request: id, reason }: NoDataMessage): void {
    if (id === 0) this.#conflicts.handleNoProof(peer);
    const request = peer.requests.get(id);
    if (request === undefined || request.state !== "sent") return;
    this.#requests.answered(request);
    const { block, upgrade, fork } = request.message;
    // One who has moved on to another fork since it was asked has no data for a reason.
    if (fork === peer.remoteFork) {
      if (reason === REASON_INVALID_REQUEST) this.#countInvalid(peer);
      else if (reason === REASON_NOT_AVAILABLE) this.#countNotAvailable(peer);
      // The peer was wrong about this block; it is asked for it again only after announcing it again.
      if (block !== null && upgrade === null) peer.has.set(block.index, false);
    }
    this.#giveUp(request);
  }

  /** The next run of answers to verify, all that have arrived; null while one is under way. */
  takeVerifyJob(): readonly VerifyEntry[] | null {
    if (this.#isVerifying || this.#waiting.length === 0) return null;
    const entries = this.#waiting;
    this.#waiting = [];
    this.#isVerifying = true;
    return entries;
  }

  /** The log has verified `entries`; what was right is stored. Returns the peers that sent any of it. */
  handleVerified(entries: readonly VerifyEntry[], results: readonly VerifyResult[]): Set<PeerState> {
    this.#isVerifying = false;
    const peers = new Set<PeerState>();
    for (let i = 0; i < entries.length; i++) {
      const entry = entries[i]!;
      const result = results[i]!;
      if (entry.request === null) this.#pushedBytes -= pushedBytesOf(entry.data);
      peers.add(entry.peer);
      if (result.kind === "applied") this.#apply(entry);
      else if (result.kind === "invalid" && !this.#isExcused(entry)) this.#refuse(entry, result.error);
      else if (entry.request !== null) this.#requests.fail(entry.request);
    }
    this.#book.markSeeks();
    return peers;
  }

  /** The log failed, for reasons of its own, to store `entries`: nothing more is asked of their peers. */
  handleVerifyFailed(entries: readonly VerifyEntry[]): void {
    this.#isVerifying = false;
    for (const { peer, request, data } of entries) {
      peer.isPaused = true;
      if (request !== null) this.#requests.fail(request);
      else this.#pushedBytes -= pushedBytesOf(data);
    }
  }

  /** Forgets what a peer sent that has not been handed to the log. */
  dropPeer(peer: PeerState): void {
    const dropped = this.#waiting.filter((entry) => entry.peer === peer);
    if (dropped.length === 0) return;
    this.#waiting = this.#waiting.filter((entry) => entry.peer !== peer);
    for (const { request, data } of dropped) {
      if (request !== null) this.#requests.fail(request);
      else this.#pushedBytes -= pushedBytesOf(data);
    }
  }

  /** Puts an answer in line, or holds it until the one that its proof builds on is in line. */
  #place(request: Outgoing): void {
    const { builtOn } = request;
    if (this.#isOvertaken(request)) {
      this.#requests.fail(request);
    } else if (builtOn === null || builtOn.state === "applied" || builtOn.state === "verifying") {
      this.#enqueue(request);
    } else if (builtOn.state === "failed") {
      this.#requests.fail(request);
    } else {
      request.state = "held";
      (builtOn.holds ??= []).push(request);
    }
  }

  #enqueue(request: Outgoing): void {
    request.state = "verifying";
    this.#waiting.push({ peer: request.peer, request, data: request.answer! });
    const { holds } = request;
    request.holds = null;
    if (holds === null) return;
    for (const held of holds) if (held.state === "held") this.#enqueue(held);
  }

  #takePushed(peer: PeerState, data: DataMessage): void {
    const byteLength = pushedBytesOf(data);
    if (this.#pushedBytes > 0 && this.#pushedBytes + byteLength > INFLIGHT_BYTES_MAX) return;
    this.#pushedBytes += byteLength;
    this.#waiting.push({ peer, request: null, data });
  }

  #apply({ peer, request, data }: VerifyEntry): void {
    if (request !== null) {
      this.#requests.finish(request, "applied");
      request.answer = null;
      peer.fruitlessAnswers = 0;
    }
    const { block } = data;
    if (block === null || block.value === null) return;
    const { index, value } = block;
    const demand = this.#book.blocks.get(index);
    if (demand !== undefined) {
      const others = demand.requests.slice();
      this.#book.resolveBlock(demand, value);
      for (const other of others) this.#requests.cancel(other);
    }
    const elapsedMs = request === null ? null : this.#context.nowMs - request.openedMs;
    this.#context.emit({ kind: "download", peer, index, byteLength: value.byteLength, elapsedMs });
  }

  /** Whether the log has grown, by other means, since an upgrade was asked for that builds on what it was then. */
  #isOvertaken({ message: { upgrade } }: Outgoing): boolean {
    return upgrade !== null && upgrade.start !== this.#context.log.head.length;
  }

  /**
   * Whether a proof may be wrong through no fault of the peer: nodes it builds on were dropped here after it was
   * asked for, or never came. What is pushed may be so too, but not for ever.
   */
  #isExcused({ peer, request }: VerifyEntry): boolean {
    if (request === null) return peer.stats.invalidData++ < BACKOFFS_MAX;
    if (request.epoch !== this.#context.epoch) return true;
    if (this.#isOvertaken(request)) return true;
    return request.builtOn !== null && request.builtOn.state !== "applied";
  }

  #refuse({ peer, request, data }: VerifyEntry, error: HypercoreError): void {
    peer.stats.invalidData++;
    this.#context.stats.invalidData++;
    this.#context.emit({
      kind: "verification-error",
      peer,
      error,
      request: request === null ? null : request.message,
      data,
    });
    this.#conflicts.suspect(peer, error);
    if (request !== null && isPending(request)) this.#requests.fail(request);
  }

  #giveUp(request: Outgoing): void {
    this.#requests.fail(request);
    this.#reorgs.handleFailed(request);
  }

  #countInvalid(peer: PeerState): void {
    this.#context.stats.backoffs++;
    peer.stats.backoffs++;
    this.#countFruitless(peer);
  }

  #countNotAvailable(peer: PeerState): void {
    this.#context.stats.notAvailableBackoffs++;
    peer.stats.notAvailableBackoffs++;
    this.#countFruitless(peer);
  }

  #countFruitless(peer: PeerState): void {
    if (++peer.fruitlessAnswers >= BACKOFFS_MAX) peer.isPaused = true;
  }
}

/** Whether `data` holds what `request` asked for, and nothing that it did not. */
function isWhatWasAsked({ message }: Outgoing, { block, hash, seek, upgrade }: DataMessage): boolean {
  if ((block === null) !== (message.block === null) || block?.index !== message.block?.index) return false;
  if ((hash === null) !== (message.hash === null) || hash?.index !== message.hash?.index) return false;
  // A peer may find nothing to say about a seek.
  if (seek !== null && (message.seek === null || seek.bytes !== message.seek.bytes)) return false;
  return (upgrade === null) === (message.upgrade === null);
}

function pushedBytesOf({ block }: DataMessage): number {
  return 1024 + (block?.value?.byteLength ?? 0);
}

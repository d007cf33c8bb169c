/**
 * Answering the requests of peers: in runs, only as fast as each peer's stream drains, urgent ones first.
 *
 * While one run leaves, the next is proved, so that the stream does not wait for the log. It is sent once the stream
 * takes more.
 *
 * @module
 */
import { HypercoreError } from "../errors.ts";
import { fullRoots, rightSpan, TreeCursor } from "../log/mod.ts";
import type { MachineEvent, ProveEntry, ProveResult, ReplicationContext } from "./context.ts";
import {
  INVALID_REQUESTS_MAX,
  invalidRequestDelayMs,
  UPLOAD_RUN_BYTES,
  UPLOAD_RUN_REQUESTS_MAX,
  UPLOAD_RUN_REQUESTS_START,
} from "./limits.ts";
import {
  type DataMessage,
  REASON_INVALID_REQUEST,
  REASON_NOT_AVAILABLE,
  type RequestMessage,
} from "./messages.ts";
import type { Answer, PeerState } from "./peer_state.ts";

/** Estimate of an answer's size besides its block. */
const PROOF_BYTES = 256;

/** A refusal that is held back so that a peer cannot ask nonsense at full speed. */
interface DelayedRefusal {
  readonly peer: PeerState;
  readonly message: RequestMessage;
  readonly atMs: number;
}

/** The answers to all peers. */
export class Uploads {
  readonly #context: ReplicationContext;
  #isProving = false;
  #runRequestsMax = UPLOAD_RUN_REQUESTS_START;
  #refusals: DelayedRefusal[] = [];
  /** Numbers of blocks that nobody asked for, below those of requests. */
  #nextPushId = -1;

  constructor(context: ReplicationContext) {
    this.#context = context;
  }

  /** A peer asks. */
  handleRequest(peer: PeerState, message: RequestMessage): void {
    if (peer.uploads.add(message)) return;
    const error = new HypercoreError(
      "INVALID_OPERATION",
      `Peer has more requests open than are kept, ${peer.uploads.size}`,
    );
    this.#context.cutOff(peer, error);
  }

  /** Sends block `index` unasked, to a peer that takes such and does not have it. Source: `hypercore/lib/replicator.js`. */
  push(peer: PeerState, index: number): void {
    const { published } = this.#context.log;
    if (!peer.isActive || peer.isClosing || !peer.remoteAllowPush || !peer.remoteDownloading) return;
    if (published.length <= index || published.fork !== peer.remoteFork || peer.has.get(index)) return;
    const length = Math.max(peer.remoteLength, peer.pushedLength);
    const upgrade = index < length ? null : { start: length, length: published.length - length };
    peer.pushedLength = Math.max(peer.pushedLength, index < length ? 0 : published.length);
    const added = peer.uploads.add({
      // Its own number here, 0 on the wire: nobody asked.
      id: this.#nextPushId--,
      fork: published.fork,
      block: { index, nodes: maxMissingNodes(2 * index, length) },
      hash: null,
      seek: null,
      upgrade,
      manifest: peer.remoteLength === 0,
      priority: 0,
    });
    if (!added) peer.stats.invalidRequests++;
  }

  /** Shows our signed tree to a peer that is to compare it with its own, then has the channel closed. */
  showTree(peer: PeerState): void {
    const { published } = this.#context.log;
    const length = peer.remoteFork === published.fork ? Math.min(published.length, peer.remoteLength) : 0;
    peer.isClosing = true;
    const message: RequestMessage = {
      id: 0,
      fork: published.fork,
      block: null,
      hash: null,
      seek: null,
      upgrade: { start: 0, length },
      manifest: false,
      priority: 1,
    };
    if (length === 0 || !peer.uploads.add(message)) this.#emit({ kind: "close", peer, error: null });
  }

  /** Sends the answers that are ready to all peers whose stream takes more; false when there were none. */
  flushAll(): boolean {
    let hasSent = false;
    for (const peer of this.#context.peers) {
      if (!peer.isDrained || peer.answers.length === 0) continue;
      const { answers } = peer;
      peer.answers = [];
      for (const { message, answer } of answers) if (peer.uploads.finish(message)) this.#send(peer, answer);
      hasSent = true;
    }
    return hasSent;
  }

  /** The next run of requests to prove, fairly over peers; null while one is under way or none is to be. */
  takeProveJob(): readonly ProveEntry[] | null {
    if (this.#isProving || this.#isCutUnpublished) return null;
    const entries: ProveEntry[] = [];
    for (const peer of this.#context.peers) {
      if (peer.answers.length === 0 && peer.uploads.waiting > 0) this.#takeRun(peer, entries);
    }
    if (entries.length === 0) return null;
    this.#isProving = true;
    return entries;
  }

  /** The log's answers to `entries`. */
  handleProved(entries: readonly ProveEntry[], results: readonly ProveResult[]): void {
    this.#isProving = false;
    this.#adaptRun(entries.length, results);
    for (let i = 0; i < entries.length; i++) this.#answer(entries[i]!, results[i]!);
  }

  /** The log failed, for reasons of its own: the peers are told that there is nothing. */
  handleProveFailed(entries: readonly ProveEntry[]): void {
    this.#isProving = false;
    for (const { peer, message } of entries) this.#refuse(peer, message, REASON_NOT_AVAILABLE);
  }

  /** Sends the refusals that were held back long enough. */
  handleTime(): void {
    const due = this.#refusals.filter(({ atMs }) => atMs <= this.#context.nowMs);
    if (due.length === 0) return;
    this.#refusals = this.#refusals.filter(({ atMs }) => atMs > this.#context.nowMs);
    for (const { peer, message } of due) this.#refuse(peer, message, REASON_INVALID_REQUEST);
  }

  /** When {@linkcode handleTime} is due, ms; Infinity for never. */
  get deadlineMs(): number {
    let deadlineMs = Infinity;
    for (const { atMs } of this.#refusals) deadlineMs = Math.min(deadlineMs, atMs);
    return deadlineMs;
  }

  /** Forgets what a peer that is gone asked for. */
  dropPeer(peer: PeerState): void {
    peer.uploads.clear();
    peer.answers = [];
    this.#refusals = this.#refusals.filter((refusal) => refusal.peer !== peer);
  }

  #takeRun(peer: PeerState, entries: ProveEntry[]): void {
    const { published, compat } = this.#context.log;
    const indexes = new Set<number>();
    let bytes = 0;
    let count = 0;
    while (bytes < UPLOAD_RUN_BYTES && count < this.#runRequestsMax) {
      const message = peer.uploads.shift();
      if (message === null) return;
      if (message.block !== null) {
        // One large block asked for many times over would be read as many times.
        if (indexes.has(message.block.index)) return peer.uploads.putBack(message);
        indexes.add(message.block.index);
      }
      count++;
      if (message.fork !== published.fork) {
        this.#refuse(peer, message, this.#reasonOfOtherFork(message.fork));
        continue;
      }
      bytes += PROOF_BYTES + (message.block === null ? 0 : this.#context.blockBytes);
      if (isForManifestOnly(message) && !compat) this.#sendManifest(peer, message);
      else entries.push({ peer, message });
    }
  }

  /** Sizes are known only after reading, so the next run is as long as this one should have been. */
  #adaptRun(requests: number, results: readonly ProveResult[]): void {
    let bytes = 0;
    for (const result of results) {
      if (result.kind === "proof") bytes += PROOF_BYTES + (result.proof.block?.value?.byteLength ?? 0);
    }
    if (bytes <= UPLOAD_RUN_BYTES) {
      this.#runRequestsMax = Math.min(UPLOAD_RUN_REQUESTS_MAX, this.#runRequestsMax * 2);
    } else {
      this.#runRequestsMax = Math.max(1, Math.ceil(requests * UPLOAD_RUN_BYTES / bytes));
    }
  }

  /**
   * Whether the log was cut and peers may not be told yet. What they know of can be proved no more, and saying that it is
   * not there would make them think ill of us: their requests wait for the short while.
   */
  get #isCutUnpublished(): boolean {
    const { head, published } = this.#context.log;
    return head.fork !== published.fork;
  }

  #answer({ peer, message }: ProveEntry, result: ProveResult): void {
    if (this.#isCutUnpublished) return peer.uploads.putBack(message);
    if (message.id < 0 && result.kind !== "proof") return this.#refuse(peer, message, 0);
    if (result.kind === "invalid") {
      this.#countInvalid(peer, message, result.error);
      return;
    }
    const { log } = this.#context;
    if (result.kind === "unavailable" || message.fork !== log.published.fork) {
      if (message.manifest && log.manifest !== null && !log.compat) this.#sendManifest(peer, message);
      else this.#refuse(peer, message, this.#reasonOfOtherFork(message.fork));
      return;
    }
    const { proof } = result;
    if ((!peer.isActive || log.isFrozen) && proof.block !== null) {
      peer.uploads.finish(message);
      return;
    }
    const manifest = message.manifest && !log.compat ? log.manifest : null;
    const request = Math.max(0, message.id);
    const answer: DataMessage = { ...proof, request, fork: message.fork, manifest };
    peer.answers.push({ message, answer: { kind: "data", message: answer } });
  }

  /**
   * Compat: hypercore/lib/replicator.js counts answers with a reason and asks a peer with 32 of them no more; what it
   * had asked of a fork that we have left should not count.
   */
  #reasonOfOtherFork(fork: number): number {
    return fork < this.#context.log.published.fork ? 0 : REASON_NOT_AVAILABLE;
  }

  #sendManifest(peer: PeerState, message: RequestMessage): void {
    const { manifest, published } = this.#context.log;
    if (manifest === null) {
      this.#refuse(peer, message, REASON_NOT_AVAILABLE);
      return;
    }
    const answer: DataMessage = {
      request: message.id,
      fork: published.fork,
      block: null,
      hash: null,
      seek: null,
      upgrade: null,
      manifest,
    };
    peer.answers.push({ message, answer: { kind: "data", message: answer } });
  }

  #countInvalid(peer: PeerState, message: RequestMessage, error: HypercoreError): void {
    this.#context.stats.invalidRequests++;
    const count = ++peer.stats.invalidRequests;
    this.#emit({ kind: "invalid-request", peer, error, request: message });
    if (count >= INVALID_REQUESTS_MAX) {
      this.#context.cutOff(peer, error);
      return;
    }
    this.#refusals.push({ peer, message, atMs: this.#context.nowMs + invalidRequestDelayMs(count) });
  }

  #refuse(peer: PeerState, message: RequestMessage, reason: number): void {
    if (peer.isClosed) return;
    if (message.id < 0) {
      peer.uploads.finish(message);
      return;
    }
    peer.answers.push({ message, answer: { kind: "noData", message: { request: message.id, reason } } });
  }

  #send(peer: PeerState, answer: Answer["answer"]): void {
    peer.outbox.push(answer);
    if (peer.isClosing && answer.message.request === 0) this.#emit({ kind: "close", peer, error: null });
    if (answer.kind === "noData") return;
    const { block, upgrade } = answer.message;
    if (block !== null) {
      this.#emit({ kind: "upload", peer, index: block.index, byteLength: block.value?.byteLength ?? 0 });
    }
    if (upgrade !== null) peer.pushedLength = Math.max(peer.pushedLength, this.#context.log.published.length);
    peer.stats.wireData.tx++;
    this.#context.stats.wireData.tx++;
  }

  #emit(event: MachineEvent): void {
    this.#context.emit(event);
  }
}

/** Nodes from `treeIndex` up that one who has `length` blocks may be missing. Source: `hypercore/lib/merkle-tree.js`. */
function maxMissingNodes(treeIndex: number, length: number): number {
  if (rightSpan(treeIndex) >= 2 * length || fullRoots(length).includes(treeIndex)) return 0;
  const cursor = new TreeCursor(treeIndex);
  let count = 0;
  for (cursor.parent(); !cursor.contains(2 * length); cursor.parent()) count++;
  return count;
}

function isForManifestOnly({ block, hash, seek, upgrade, manifest }: RequestMessage): boolean {
  return manifest && block === null && hash === null && seek === null && upgrade === null;
}

/**
 * The replication of one log with any number of peers, as a machine: messages, requests of users, changes of the log
 * and a time go in; messages, jobs for the log, events and the next deadline come out.
 *
 * It knows no stream, no promise and no clock. Parts: `negotiation.ts` (lengths), `activity.ts` (interest), `announcer.ts`
 * (which blocks we have), `claims.ts` (which blocks peers have), `uploads.ts` (what peers ask), `demands.ts` (what
 * users ask), `selection.ts` and `requests.ts` (what we ask peers), `answers.ts` (what they answer). Source of the protocol: `hypercore/lib/replicator.js`.
 *
 * @module
 */
import type { Random } from "../../base/mod.ts";
import type { ConflictResult, LogChange, SeekResult } from "../log/mod.ts";
import { Activity } from "./activity.ts";
import { Announcer } from "./announcer.ts";
import { Answers } from "./answers.ts";
import { Claims } from "./claims.ts";
import { Conflicts } from "./conflicts.ts";
import {
  type Job,
  type LogView,
  type MachineEvent,
  type ProveEntry,
  type ProveResult,
  ReplicationContext,
  type ReplicationMachineOptions,
  type VerifyEntry,
  type VerifyResult,
} from "./context.ts";
import { DemandBook, type RangeOptions, type SeekDemand } from "./demands.ts";
import { EXTENSION_NAME_BYTES_MAX, INFLIGHT_RANGE } from "./limits.ts";
import { LogChanges } from "./log_changes.ts";
import type { ExtensionMessage, HandshakeMessage, SyncMessage } from "./messages.ts";
import { Negotiation } from "./negotiation.ts";
import type { Outgoing } from "./outgoing.ts";
import { PeerState, type WireMessage } from "./peer_state.ts";
import { type ReorgJob, type ReorgResult, Reorgs } from "./reorgs.ts";
import { Requests } from "./requests.ts";
import { Selection } from "./selection.ts";
import { type PendingStatus, type ReplicationStatusOf, StatusReport } from "./status.ts";
import { COUNTER_OF_RECEIVED, type ReplicationStats } from "./stats.ts";
import { UpgradeWatch } from "./upgrade_watch.ts";
import { Uploads } from "./uploads.ts";

/** Messages for one peer, to be sent in one go. */
export interface Transmit {
  readonly peer: PeerState;
  readonly messages: readonly WireMessage[];
}

/** The machine of one log. */
export class ReplicationMachine {
  readonly #context: ReplicationContext;
  readonly #book: DemandBook;
  readonly #negotiation: Negotiation;
  readonly #activity: Activity;
  readonly #announcer: Announcer;
  readonly #claims: Claims;
  readonly #uploads: Uploads;
  readonly #requests: Requests;
  readonly #reorgs: Reorgs;
  readonly #conflicts: Conflicts;
  readonly #answers: Answers;
  readonly #selection: Selection;
  readonly #upgradeWatch: UpgradeWatch;
  readonly #logChanges: LogChanges;
  readonly #report: StatusReport;
  #inflightRange: readonly [number, number];
  #nextPeerId = 1;
  /** Something happened that may make requests possible. */
  #isFillDue = false;

  constructor(log: LogView, random: Random, options: ReplicationMachineOptions) {
    this.#inflightRange = options.inflightRange ?? INFLIGHT_RANGE;
    this.#context = new ReplicationContext(log, random, options);
    this.#book = new DemandBook(this.#context);
    this.#negotiation = new Negotiation(this.#context);
    this.#activity = new Activity(this.#context, this.#negotiation);
    this.#announcer = new Announcer(this.#context);
    this.#claims = new Claims(this.#context);
    this.#uploads = new Uploads(this.#context);
    this.#requests = new Requests(this.#context, this.#book);
    this.#reorgs = new Reorgs(this.#context, this.#book, this.#requests);
    this.#conflicts = new Conflicts(this.#context, this.#uploads);
    this.#answers = new Answers(this.#context, {
      book: this.#book,
      requests: this.#requests,
      reorgs: this.#reorgs,
      conflicts: this.#conflicts,
    });
    this.#selection = new Selection(this.#context, this.#book, this.#requests, this.#reorgs);
    this.#upgradeWatch = new UpgradeWatch(this.#context, this.#book, this.#reorgs);
    this.#report = new StatusReport(this.#context, this.#book, this.#requests, this.#upgradeWatch);
    this.#logChanges = new LogChanges(this.#context, {
      book: this.#book,
      negotiation: this.#negotiation,
      announcer: this.#announcer,
      claims: this.#claims,
    });
  }

  // Commands.

  /** Wants a block; returns the handle that its event will name. `isForced`: even if it is here. */
  addBlock(index: number, isForced: boolean): number {
    this.#isFillDue = true;
    return this.#book.addBlock(index, isForced);
  }

  /** Wants a range of blocks. */
  addRange(options: RangeOptions): number {
    this.#isFillDue = true;
    return this.#book.addRange(options);
  }

  /** Wants to know where a byte lies. */
  addSeek(bytes: number, padding: number): number {
    this.#isFillDue = true;
    return this.#book.addSeek(bytes, padding);
  }

  /** Wants a longer log, or to know that there is none. */
  addUpgrade(): number {
    this.#isFillDue = true;
    return this.#book.addUpgrade();
  }

  /** Gives up what `handle` stands for; false when it is settled already. No event follows. */
  cancel(handle: number): boolean {
    const demand = this.#book.cancel(handle);
    if (demand === null) return false;
    this.#isFillDue = true;
    if (demand.kind === "block" && demand.handles.length === 0) {
      for (const request of demand.requests.slice()) this.#requests.cancel(request);
      this.#book.dropUnneeded(demand.index);
    } else if (demand.kind === "upgrade" && demand.handles.length === 0 && demand.requests.length === 0) {
      if (this.#context.options.eagerUpgrade === false && this.#book.upgrade === demand) {
        this.#book.upgrade = null;
      }
    }
    return true;
  }

  /** Sets how many requests one peer may have open, lowest and highest. */
  setInflightRange(range: readonly [number, number]): void {
    this.#inflightRange = range;
    for (const peer of this.#context.peers) peer.window.setRange(range);
    this.#isFillDue = true;
  }

  /** Sessions that want blocks came (positive) or went. */
  updateActivity(change: number, nowMs: number): void {
    this.#context.nowMs = nowMs;
    this.#activity.update(change);
    this.#isFillDue = true;
  }

  /** Says whether blocks are wanted; that they are not takes effect after the linger time. */
  setDownloading(downloading: boolean, nowMs: number): void {
    this.#context.nowMs = nowMs;
    this.#activity.setDownloading(downloading);
    this.#isFillDue = true;
  }

  /** Says whether blocks that nobody asked for are taken. */
  setAllowPush(allowPush: boolean): void {
    if (allowPush === this.#context.allowPush) return;
    this.#context.allowPush = allowPush;
    for (const peer of this.#context.peers) this.#negotiation.sendSync(peer);
  }

  /** Says whether blocks are asked for at all. */
  setPushOnly(pushOnly: boolean): void {
    this.#context.pushOnly = pushOnly;
    this.#isFillDue = true;
  }

  /** Sends bytes for an extension. */
  sendExtension(peer: PeerState, name: string, message: Uint8Array): void {
    peer.outbox.push({
      kind: "extension",
      message: { name: name === peer.lastExtensionSent ? "" : name, message },
    });
    peer.lastExtensionSent = name;
    peer.stats.wireExtension.tx++;
    this.#context.stats.wireExtension.tx++;
  }

  /** Sends block `index` to every peer that takes blocks it did not ask for and does not have it. */
  push(index: number): void {
    for (const peer of this.#context.peers) this.#uploads.push(peer, index);
  }

  /** Replaces our tail by that of a newer fork if it is known how; tells whether it does, or is at it. */
  applyPendingReorg(): boolean {
    this.#isFillDue = true;
    return this.#reorgs.applyPending();
  }

  /** Asks every peer for its whole tree, to restore roots of ours that are lost. */
  askForRoots(): void {
    for (const peer of this.#context.peers) this.#conflicts.ask(peer);
  }

  /** Looks again for something to ask, whatever happened. */
  updateAll(): void {
    this.#context.generation++;
    this.#isFillDue = true;
  }

  // Inputs.

  /** A channel may open soon (positive), or did, or will not (negative). */
  handleExpectedPeers(change: number): void {
    this.#upgradeWatch.expectedPeers += change;
    this.#isFillDue = true;
  }

  /** A channel is open: both handshakes are there and right. */
  handlePeerOpen(handshake: HandshakeMessage, nowMs: number): PeerState {
    this.#context.nowMs = nowMs;
    const peer = new PeerState(
      this.#nextPeerId++,
      handshake,
      this.#inflightRange,
      this.#context.regionBlocks,
    );
    this.#context.peers.push(peer);
    this.#changed();
    this.#negotiation.sendSync(peer);
    this.#announcer.handleOpen(peer);
    this.#context.emit({ kind: "peer-add", peer });
    return peer;
  }

  /** A channel is gone. */
  handlePeerClosed(peer: PeerState, nowMs: number): void {
    this.#context.nowMs = nowMs;
    if (peer.isClosed) return;
    peer.isClosed = true;
    const { peers } = this.#context;
    peers.splice(peers.indexOf(peer), 1);
    peer.outbox = [];
    this.#requests.failAll(peer);
    this.#answers.dropPeer(peer);
    this.#uploads.dropPeer(peer);
    this.#selection.dropPeer(peer);
    this.#conflicts.dropPeer(peer);
    this.#changed();
    this.#context.emit({ kind: "peer-remove", peer });
  }

  /** A message arrived. */
  handleMessage(peer: PeerState, { kind, message }: WireMessage, nowMs: number): void {
    if (peer.isClosed) return;
    this.#context.nowMs = nowMs;
    const counter = COUNTER_OF_RECEIVED[kind];
    if (counter !== undefined) {
      peer.stats[counter].rx++;
      this.#context.stats[counter].rx++;
    }
    switch (kind) {
      case "request":
        return this.#uploads.handleRequest(peer, message);
      case "cancel":
        return peer.uploads.cancel(message.request);
      case "want":
        return this.#announcer.handleWant(peer, message);
      case "unwant":
        return peer.remoteWants.remove(message);
      case "extension":
        return this.#handleExtension(peer, message);
    }
    // The others may make requests of ours possible.
    this.#isFillDue = true;
    switch (kind) {
      case "sync":
        return this.#handleSync(peer, message);
      case "data":
        return this.#answers.handleData(peer, message);
      case "noData":
        return this.#answers.handleNoData(peer, message);
      case "bitfield":
        return this.#claims.handleBitfield(peer, message);
      case "range":
        return this.#claims.handleRange(peer, message);
    }
  }

  /** The stream of `peer` takes more, or does not. */
  handleDrained(peer: PeerState, isDrained: boolean): void {
    peer.isDrained = isDrained;
  }

  /** The log changed. */
  handleLogChange(change: LogChange, nowMs: number): void {
    this.#context.nowMs = nowMs;
    this.#isFillDue = true;
    this.#logChanges.handle(change);
  }

  /** How many nodes a request has to ask for. */
  handleCounted(request: Outgoing, nodes: number, nowMs: number): void {
    this.#context.nowMs = nowMs;
    this.#requests.handleCount(request, nodes);
  }

  /** The log could not be asked: the request is given up. */
  handleCountFailed(request: Outgoing, nowMs: number): void {
    this.#context.nowMs = nowMs;
    this.#changed();
    this.#requests.fail(request);
  }

  /** Whether our state can be proved to a peer. */
  handleUpgradeable(job: Extract<Job, { kind: "upgradeable" }>, canUpgrade: boolean, nowMs: number): void {
    this.#context.nowMs = nowMs;
    this.#changed();
    this.#negotiation.handleUpgradeable(job, canUpgrade);
  }

  /** Proofs for peers. */
  handleProved(entries: readonly ProveEntry[], results: readonly ProveResult[], nowMs: number): void {
    this.#context.nowMs = nowMs;
    this.#uploads.handleProved(entries, results);
  }

  /** The log could not be read. */
  handleProveFailed(entries: readonly ProveEntry[], nowMs: number): void {
    this.#context.nowMs = nowMs;
    this.#uploads.handleProveFailed(entries);
  }

  /** What came of verifying answers; the log has told of its changes before. */
  handleVerified(entries: readonly VerifyEntry[], results: readonly VerifyResult[], nowMs: number): void {
    this.#context.nowMs = nowMs;
    this.#isFillDue = true;
    const peers = this.#answers.handleVerified(entries, results);
    for (const peer of peers) if (!peer.isClosed) this.#negotiation.handleStored(peer);
  }

  /** The log could not be written. */
  handleVerifyFailed(entries: readonly VerifyEntry[], nowMs: number): void {
    this.#context.nowMs = nowMs;
    this.#changed();
    this.#answers.handleVerifyFailed(entries);
  }

  /** What the log knows about a byte that is sought. */
  handleSought(seek: SeekDemand, result: SeekResult, nowMs: number): void {
    this.#context.nowMs = nowMs;
    this.#changed();
    seek.isChecking = false;
    if (!this.#book.seeks.includes(seek)) return;
    if (result.kind === "found") this.#book.resolveSeek(seek, [result.index, result.offset]);
    else [seek.start, seek.end] = [result.start, result.end];
  }

  /** The log could not be searched. */
  handleSeekFailed(seek: SeekDemand, error: unknown, nowMs: number): void {
    this.#context.nowMs = nowMs;
    seek.isChecking = false;
    if (this.#book.seeks.includes(seek)) this.#book.rejectSeek(seek, error);
  }

  /** Blocks that users wait for and that were written here. */
  handleRead(indexes: readonly number[], values: readonly (Uint8Array | null)[], nowMs: number): void {
    this.#context.nowMs = nowMs;
    indexes.forEach((index, i) => {
      const demand = this.#book.blocks.get(index);
      const value = values[i] ?? null;
      if (demand === undefined || value === null) return;
      const requests = demand.requests.slice();
      this.#book.resolveBlock(demand, value);
      for (const request of requests) this.#requests.cancel(request);
    });
  }

  /** Blocks that users wait for could not be read. */
  handleReadFailed(indexes: readonly number[], error: unknown, nowMs: number): void {
    this.#context.nowMs = nowMs;
    for (const index of indexes) {
      const demand = this.#book.blocks.get(index);
      if (demand !== undefined) this.#book.rejectBlock(demand, error);
    }
  }

  /** What came of looking at an answer about a newer fork. */
  handleReorgChecked(job: ReorgJob, result: ReorgResult, nowMs: number): void {
    this.#context.nowMs = nowMs;
    this.#isFillDue = true;
    this.#reorgs.handleChecked(job, result);
  }

  /** The log could not look at an answer about a newer fork. */
  handleReorgFailed(job: ReorgJob, nowMs: number): void {
    this.#context.nowMs = nowMs;
    this.#reorgs.handleCheckFailed(job.demand);
  }

  /** Our tail was replaced by that of a newer fork, or was not. */
  handleReorgApplied(nowMs: number): void {
    this.#context.nowMs = nowMs;
    this.#changed();
    this.#reorgs.handleApplied();
  }

  /** The log could not be written. */
  handleReorgApplyFailed(nowMs: number): void {
    this.#context.nowMs = nowMs;
    this.#changed();
    this.#reorgs.handleApplyFailed();
  }

  /** What came of comparing a peer's signed tree with ours. */
  handleConflictChecked(
    job: Extract<Job, { kind: "conflict" }>,
    result: ConflictResult,
    nowMs: number,
  ): void {
    this.#context.nowMs = nowMs;
    this.#conflicts.handleChecked(job.peer, job.data, result);
  }

  /** Time passed. */
  handleTime(nowMs: number): void {
    this.#context.nowMs = nowMs;
    this.#activity.handleTime();
    this.#uploads.handleTime();
    this.#conflicts.handleTime();
    if (this.#selection.deadlineMs <= nowMs) this.#isFillDue = true;
  }

  // Outputs.

  /** Decides what is to be done after inputs; to be called before the other polls. */
  poll(nowMs: number): void {
    this.#context.nowMs = nowMs;
    // The log tells of what it stored before it says what it verified; users hear of it in the other order.
    if (!this.#answers.isVerifying) this.#logChanges.settleRanges();
    if (this.#isFillDue) {
      this.#isFillDue = false;
      this.#selection.fill();
      this.#upgradeWatch.check();
    }
    // What is ready leaves room for the next run, which may be ready at once.
    do this.#planJobs(); while (this.#uploads.flushAll());
    this.#negotiation.checkDownloading();
    for (const peer of this.#context.peers) {
      this.#announcer.flush(peer);
      this.#negotiation.flush(peer);
    }
  }

  /** Messages of the next peer that has any, or null. */
  pollTransmit(): Transmit | null {
    for (const peer of this.#context.peers) {
      if (peer.outbox.length === 0) continue;
      const messages = peer.outbox;
      peer.outbox = [];
      return { peer, messages };
    }
    return null;
  }

  /** The next job for the log, or null. */
  pollJob(): Job | null {
    return this.#context.jobs.shift() ?? null;
  }

  /** All that happened since the last call, in order. */
  pollEvents(): readonly MachineEvent[] {
    return this.#context.takeEvents();
  }

  /** When {@linkcode handleTime} is due, ms; Infinity for never. */
  pollDeadline(): number {
    return Math.min(
      this.#activity.deadlineMs,
      this.#uploads.deadlineMs,
      this.#conflicts.deadlineMs,
      this.#selection.deadlineMs,
    );
  }

  // State.

  /** How all that waits stands. */
  status(nowMs: number): ReplicationStatusOf<PeerState> {
    this.#context.nowMs = nowMs;
    return this.#report.whole();
  }

  /** How what `handle` stands for stands; null when it is settled. */
  statusOf(handle: number, nowMs: number): PendingStatus<PeerState> | null {
    this.#context.nowMs = nowMs;
    const demand = this.#book.demandOf(handle);
    return demand === null ? null : this.#report.of(demand);
  }

  /** Counters since the start. */
  get stats(): ReplicationStats {
    return this.#context.stats;
  }

  /** Peers whose channel is open. */
  get peers(): readonly PeerState[] {
    return this.#context.peers;
  }

  /** Whether no channel is open, nor about to be. */
  get isIdle(): boolean {
    return this.#context.peers.length === 0 && this.#upgradeWatch.expectedPeers === 0;
  }

  /** Whether blocks are wanted or under way. */
  get isDownloading(): boolean {
    return this.#context.isDownloading;
  }

  /** Whether users wait for anything. */
  get isAwaited(): boolean {
    return this.#book.isAwaited;
  }

  /** Whether blocks are wanted; the channel to an idle peer is opened again for that. */
  get wantsDownloads(): boolean {
    return this.#context.downloading;
  }

  /** Whether blocks that nobody asked for are taken. */
  get allowsPush(): boolean {
    return this.#context.allowPush;
  }

  /** Whether nothing is asked for. */
  get isPushOnly(): boolean {
    return this.#context.pushOnly;
  }

  /** Bounds of the requests open at one peer. */
  get inflightRange(): readonly [number, number] {
    return this.#inflightRange;
  }

  /** Longest run of blocks from 0 that a peer on our fork has claimed. */
  get remoteContiguousLength(): number {
    return this.#claims.contiguousLength;
  }

  /** Someone looks for peers while this is above 0; an upgrade then waits for the first. */
  get findingPeers(): number {
    return this.#upgradeWatch.findingPeers;
  }
  set findingPeers(count: number) {
    this.#upgradeWatch.findingPeers = count;
    if (count === 0) this.#isFillDue = true;
  }

  #planJobs(): void {
    const { jobs } = this.#context;
    const verify = this.#answers.takeVerifyJob();
    if (verify !== null) jobs.push({ kind: "verify", entries: verify });
    const prove = this.#uploads.takeProveJob();
    if (prove !== null) jobs.push({ kind: "prove", entries: prove });
    for (const seek of this.#book.seeks) {
      if (!seek.isCheckDue || seek.isChecking) continue;
      seek.isCheckDue = false;
      seek.isChecking = true;
      jobs.push({ kind: "seek", seek });
    }
  }

  #handleSync(peer: PeerState, message: SyncMessage): void {
    const { head, published } = this.#context.log;
    const hasLengthChanged = message.length !== peer.remoteLength;
    peer.isSynced = true;
    peer.remoteFork = message.fork;
    peer.remoteLength = message.length;
    peer.remoteCanUpgrade = message.canUpgrade;
    peer.remoteUploading = message.uploading;
    peer.remoteDownloading = message.downloading;
    peer.remoteHasManifest = message.hasManifest;
    peer.remoteAllowPush = message.allowPush;
    if (this.#activity.closeIfIdle(peer)) return;
    peer.lengthAcked = message.fork === published.fork ? message.remoteLength : 0;
    if (message.length > head.length && peer.lengthAcked === published.length && message.fork === head.fork) {
      this.#book.ensureEagerUpgrade();
    }
    if (this.#context.log.isBroken) this.#conflicts.ask(peer);
    this.#changed();
    this.#negotiation.handleSync(peer, message, hasLengthChanged);
  }

  #handleExtension(peer: PeerState, { name, message }: ExtensionMessage): void {
    const fullName = name === "" ? peer.lastExtensionReceived : name;
    if (fullName.length <= EXTENSION_NAME_BYTES_MAX) peer.lastExtensionReceived = fullName;
    this.#context.emit({ kind: "extension", peer, name: fullName, message });
  }

  /** Notes that what could not be asked for before may be possible now. */
  #changed(): void {
    this.#context.generation++;
    this.#isFillDue = true;
  }
}

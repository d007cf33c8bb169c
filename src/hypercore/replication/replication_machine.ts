/**
 * The replication of one log with any number of peers, as a machine: messages, requests of users, changes of the log
 * and a time go in; messages, jobs for the log, events and the next deadline come out.
 *
 * It knows no stream, no promise and no clock. Parts: `negotiation.ts` (lengths), `announcer.ts` (which blocks we
 * have), `uploads.ts` (what peers ask), `demands.ts` (what users ask), `selection.ts` and `requests.ts` (what we ask
 * peers), `answers.ts` (what they answer). Source of the protocol: `hypercore/lib/replicator.js`.
 *
 * @module
 */
import type { Random } from "../../base/mod.ts";
import type { LogChange, SeekResult } from "../log/mod.ts";
import { Announcer } from "./announcer.ts";
import { Answers } from "./answers.ts";
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
import { EXTENSION_NAME_BYTES_MAX, INFLIGHT_RANGE, UPGRADE_PEERS_MAX } from "./limits.ts";
import type {
  BitfieldMessage,
  ExtensionMessage,
  HandshakeMessage,
  RangeMessage,
  SyncMessage,
} from "./messages.ts";
import { Negotiation } from "./negotiation.ts";
import type { Outgoing } from "./outgoing.ts";
import { PeerState, type WireMessage } from "./peer_state.ts";
import { Requests } from "./requests.ts";
import { Selection } from "./selection.ts";
import type { ReplicationStats } from "./stats.ts";
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
  readonly #announcer: Announcer;
  readonly #uploads: Uploads;
  readonly #requests: Requests;
  readonly #answers: Answers;
  readonly #selection: Selection;
  #inflightRange: readonly [number, number];
  #nextPeerId = 1;
  #activeSessions = 0;
  /** Peers that may be about to open a channel; an upgrade waits for their word. */
  #expectedPeers = 0;
  #hasHadPeers = false;
  #findingPeers = 0;
  #remoteContiguousLength = 0;
  /** Something happened that may make requests possible. */
  #isFillDue = false;
  /** Blocks came; ranges may be complete. */
  #areRangesDue = false;
  #published: { length: number; fork: number };

  constructor(log: LogView, random: Random, options: ReplicationMachineOptions) {
    this.#inflightRange = options.inflightRange ?? INFLIGHT_RANGE;
    this.#context = new ReplicationContext(log, random, options);
    this.#book = new DemandBook(this.#context);
    this.#negotiation = new Negotiation(this.#context);
    this.#announcer = new Announcer(this.#context);
    this.#uploads = new Uploads(this.#context);
    this.#requests = new Requests(this.#context, this.#book);
    this.#answers = new Answers(this.#context, this.#book, this.#requests);
    this.#selection = new Selection(this.#context, this.#book, this.#requests);
    this.#published = { length: log.published.length, fork: log.published.fork };
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
    this.#activeSessions += change;
    this.setDownloading(this.#activeSessions > 0, nowMs);
  }

  /** Says whether blocks are wanted; that they are not takes effect after the linger time. */
  setDownloading(downloading: boolean, nowMs: number): void {
    const context = this.#context;
    context.nowMs = nowMs;
    const wasAllowingPush = context.isAllowingPush;
    context.lingerEndMs = null;
    if (downloading || context.options.lingerMs === 0) this.#setDownloadingNow(downloading);
    else context.lingerEndMs = nowMs + context.options.lingerMs;
    if (wasAllowingPush !== context.isAllowingPush) this.#negotiation.signalAll();
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

  /** Looks again for something to ask, whatever happened. */
  updateAll(): void {
    this.#context.generation++;
    this.#isFillDue = true;
  }

  // Inputs.

  /** A channel may open soon (positive), or did, or will not (negative). */
  handleExpectedPeers(change: number): void {
    this.#expectedPeers += change;
    this.#isFillDue = true;
  }

  /** A channel is open: both handshakes are there and right. */
  handlePeerOpen(handshake: HandshakeMessage, nowMs: number): PeerState {
    this.#context.nowMs = nowMs;
    const peer = new PeerState(this.#nextPeerId++, handshake, this.#inflightRange);
    this.#hasHadPeers = true;
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
    this.#changed();
    this.#context.emit({ kind: "peer-remove", peer });
  }

  /** A message arrived. */
  handleMessage(peer: PeerState, { kind, message }: WireMessage, nowMs: number): void {
    if (peer.isClosed) return;
    this.#context.nowMs = nowMs;
    switch (kind) {
      case "sync":
        this.#countReceived(peer, "wireSync");
        return this.#handleSync(peer, message);
      case "request":
        this.#countReceived(peer, "wireRequest");
        return this.#uploads.handleRequest(peer, message);
      case "cancel":
        this.#countReceived(peer, "wireCancel");
        return peer.uploads.cancel(message.request);
      case "data":
        this.#countReceived(peer, "wireData");
        this.#isFillDue = true;
        return this.#answers.handleData(peer, message);
      case "noData":
        this.#changed();
        return this.#answers.handleNoData(peer, message);
      case "want":
        this.#countReceived(peer, "wireWant");
        return this.#announcer.handleWant(peer, message);
      case "unwant":
        return peer.remoteWants.remove(message);
      case "bitfield":
        this.#countReceived(peer, "wireBitfield");
        return this.#handleBitfield(peer, message);
      case "range":
        this.#countReceived(peer, "wireRange");
        return this.#handleRange(peer, message);
      case "extension":
        this.#countReceived(peer, "wireExtension");
        return this.#handleExtension(peer, message);
    }
  }

  /** The stream of `peer` takes more, or does not. */
  handleDrained(peer: PeerState, isDrained: boolean): void {
    peer.isDrained = isDrained;
  }

  /** The log changed. */
  handleLogChange(change: LogChange, nowMs: number): void {
    this.#context.nowMs = nowMs;
    if (change.kind === "blocks" && change.has) {
      this.#announcer.announceToAll(change.start, change.length, false);
      this.#areRangesDue = this.#isFillDue = true;
      return;
    }
    this.#changed();
    switch (change.kind) {
      case "append":
        this.#readWaitingBlocks();
        this.#handleHeadChange();
        break;
      case "upgrade":
        this.#handleHeadChange();
        break;
      case "publish":
        this.#handlePublish();
        break;
      case "blocks":
        this.#context.epoch++;
        this.#announcer.announceToAll(change.start, change.length, true);
        break;
      case "truncate":
        this.#context.epoch++;
        this.#announcer.handleTruncate(change.length);
        if (change.previousLength > change.length) {
          this.#announcer.announceToAll(change.length, change.previousLength - change.length, true);
        }
        this.#book.resetRanges();
        this.#handleHeadChange();
        break;
      case "manifest":
        this.#negotiation.signalAll();
        break;
    }
    this.#signalIfPublishedChanged();
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

  /** Time passed. */
  handleTime(nowMs: number): void {
    const context = this.#context;
    context.nowMs = nowMs;
    if (context.lingerEndMs !== null && context.lingerEndMs <= nowMs) {
      context.lingerEndMs = null;
      this.#setDownloadingNow(false);
    }
    this.#uploads.handleTime();
    if (this.#selection.deadlineMs <= nowMs) this.#isFillDue = true;
  }

  // Outputs.

  /** Decides what is to be done after inputs; to be called before the other polls. */
  poll(nowMs: number): void {
    this.#context.nowMs = nowMs;
    if (this.#areRangesDue) {
      this.#areRangesDue = false;
      this.#book.checkRanges();
    }
    if (this.#isFillDue) {
      this.#isFillDue = false;
      this.#selection.fill();
      this.#checkUpgradeAvailable();
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
    const lingerMs = this.#context.lingerEndMs ?? Infinity;
    return Math.min(lingerMs, this.#uploads.deadlineMs, this.#selection.deadlineMs);
  }

  // State.

  /** Counters since the start. */
  get stats(): ReplicationStats {
    return this.#context.stats;
  }

  /** Peers whose channel is open. */
  get peers(): readonly PeerState[] {
    return this.#context.peers;
  }

  /** Whether blocks are wanted or under way. */
  get isDownloading(): boolean {
    return this.#context.isDownloading;
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
    return this.#remoteContiguousLength;
  }

  /** Someone looks for peers while this is above 0; an upgrade then waits for the first. */
  get findingPeers(): number {
    return this.#findingPeers;
  }
  set findingPeers(count: number) {
    this.#findingPeers = count;
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
    if (this.#closeIfIdle(peer)) return;
    peer.lengthAcked = message.fork === published.fork ? message.remoteLength : 0;
    if (message.fork > head.fork) this.#context.emit({ kind: "fork", peer, data: null });
    if (message.length > head.length && peer.lengthAcked === published.length && message.fork === head.fork) {
      this.#book.ensureEagerUpgrade();
    }
    this.#changed();
    this.#negotiation.handleSync(peer, message, hasLengthChanged);
  }

  #handleBitfield(peer: PeerState, { start, bitfield }: BitfieldMessage): void {
    this.#changed();
    peer.has.insert(start, bitfield);
  }

  #handleRange(peer: PeerState, { drop, start, length }: RangeMessage): void {
    this.#changed();
    const end = Math.min(start + length, Number.MAX_SAFE_INTEGER);
    peer.has.setRange(start, end, !drop);
    if (drop || start !== 0 || peer.remoteFork !== this.#context.log.head.fork) return;
    if (end <= this.#remoteContiguousLength) return;
    this.#remoteContiguousLength = end;
    this.#context.emit({ kind: "remote-contiguous-length", length: end });
  }

  #handleExtension(peer: PeerState, { name, message }: ExtensionMessage): void {
    const fullName = name === "" ? peer.lastExtensionReceived : name;
    if (fullName.length <= EXTENSION_NAME_BYTES_MAX) peer.lastExtensionReceived = fullName;
    this.#context.emit({ kind: "extension", peer, name: fullName, message });
  }

  #handleHeadChange(): void {
    this.#book.checkUpgrade();
    this.#book.markSeeks();
    this.#areRangesDue = true;
  }

  /** Blocks written here are announced once they may be: when they are published. */
  #handlePublish(): void {
    const { published, bitfield } = this.#context.log;
    const start = published.fork === this.#published.fork ? this.#published.length : 0;
    for (const run of bitfield.setRanges(start, published.length)) {
      this.#announcer.announceToAll(run.start, run.end - run.start, false);
    }
  }

  #signalIfPublishedChanged(): void {
    const { length, fork } = this.#context.log.published;
    if (length === this.#published.length && fork === this.#published.fork) return;
    this.#published = { length, fork };
    this.#negotiation.signalAll();
  }

  #readWaitingBlocks(): void {
    const { bitfield } = this.#context.log;
    const indexes: number[] = [];
    for (const demand of this.#book.blocks.values()) {
      if (demand.handles.length > 0 && bitfield.get(demand.index)) indexes.push(demand.index);
    }
    if (indexes.length > 0) this.#context.jobs.push({ kind: "read", indexes });
  }

  #setDownloadingNow(downloading: boolean): void {
    const context = this.#context;
    if (context.downloading === downloading) return;
    context.downloading = downloading;
    if (!downloading && context.isDownloading) return;
    for (const peer of context.peers) this.#negotiation.sendSync(peer);
    if (!downloading) { for (const peer of context.peers) this.#closeIfIdle(peer); }
    this.#isFillDue = true;
    context.emit({ kind: "downloading", value: downloading });
  }

  #closeIfIdle(peer: PeerState): boolean {
    if (peer.remoteDownloading || this.#context.isDownloading) return false;
    this.#context.emit({ kind: "close", peer, error: null });
    return true;
  }

  /** Tells users who wait for an upgrade that there is none, once enough peers have said so. */
  #checkUpgradeAvailable(): void {
    const { upgrade } = this.#book;
    const { peers, log } = this.#context;
    if (upgrade === null || upgrade.handles.length === 0 || upgrade.requests.length > 0) return;
    if (this.#expectedPeers > 0 && peers.length < UPGRADE_PEERS_MAX) return;
    if (!this.#hasHadPeers && this.#findingPeers > 0) return;
    for (const peer of peers.slice(0, UPGRADE_PEERS_MAX)) {
      if (!peer.isSynced) return;
      if (log.head.length === 0 && peer.remoteLength > 0) return;
      if (peer.remoteLength <= upgrade.length || peer.remoteFork !== upgrade.fork) continue;
      if (peer.upgradeChecks > 0 || peer.remoteCanUpgrade) return;
      if (peer.lengthAcked !== log.published.length && peer.remoteFork === log.head.fork) return;
    }
    this.#book.resolveUpgrade(false);
  }

  /** Notes that what could not be asked for before may be possible now. */
  #changed(): void {
    this.#context.generation++;
    this.#isFillDue = true;
  }

  #countReceived(
    peer: PeerState,
    name: keyof Pick<
      ReplicationStats,
      | "wireSync"
      | "wireRequest"
      | "wireCancel"
      | "wireData"
      | "wireWant"
      | "wireBitfield"
      | "wireRange"
      | "wireExtension"
    >,
  ): void {
    peer.stats[name].rx++;
    this.#context.stats[name].rx++;
  }
}

/**
 * The replication of one log: the machine on channels, the log and a clock.
 *
 * Everything that arrives in one turn is handled in one pass, so that requests are proved together, answers are
 * verified and stored together, and what goes out leaves in one batch per stream.
 *
 * @module
 */
import {
  type CancelTimer,
  type Clock,
  copyBytes,
  isBytes,
  type Random,
  runtimeRandom,
  TypedEventEmitter,
} from "../../base/mod.ts";
import { systemClock } from "../../platform/mod.ts";
import type { Protomux } from "../../protomux/mod.ts";
import { HypercoreError } from "../errors.ts";
import type { LogChange } from "../log/mod.ts";
import { type AfterClose, type ChannelHost, Channels } from "./channels.ts";
import type { MachineEvent, ReplicationMachineOptions } from "./context.ts";
import type { RangeOptions } from "./demands.ts";
import { LINGER_MIN_MS, LINGER_SPREAD_MS } from "./limits.ts";
import { LogJobs } from "./log_jobs.ts";
import { logView, type ReplicatedLog } from "./log_view.ts";
import type { DataMessage, HandshakeMessage, RequestMessage } from "./messages.ts";
import { Peer, type ReplicationChannel, type ReplicationStream } from "./peer.ts";
import { MESSAGE_TYPES, type PeerState, type WireMessage } from "./peer_state.ts";
import { ReplicationMachine, type Transmit } from "./replication_machine.ts";
import { clearRequests, RequestHandle, type RequestHost, type RequestList } from "./request_handle.ts";
import type { ReplicationStats } from "./stats.ts";
import type { ReplicationStatusOf } from "./status.ts";

/** Options of {@linkcode Replicator}. */
export interface ReplicatorOptions extends Omit<ReplicationMachineOptions, "lingerMs"> {
  /** How long the log counts as downloading after the last session went, ms. Default random, 20 000 to 40 000. */
  readonly notDownloadingLinger?: number;
  /** Source of time. */
  readonly clock?: Clock;
  /** Source of randomness for scheduling. */
  readonly random?: Random;
}

/** Events of {@linkcode Replicator}. */
export type ReplicatorEvents = {
  /** A peer's channel opened. */
  "peer-add": [peer: Peer];
  /** A peer's channel closed. */
  "peer-remove": [peer: Peer];
  /** A peer was turned away for breaking the rules; its channel is closed and not opened again on that stream. */
  "peer-error": [error: HypercoreError, stream: ReplicationStream];
  /** A block was sent. */
  upload: [index: number, byteLength: number, peer: Peer];
  /** A block was verified and stored. */
  download: [index: number, byteLength: number, peer: Peer];
  /** A proof did not verify. */
  "verification-error": [
    error: HypercoreError,
    request: RequestMessage | null,
    data: DataMessage,
    peer: Peer,
  ];
  /** A peer asked for what cannot be proved. */
  "invalid-request": [error: HypercoreError, request: RequestMessage, peer: Peer];
  /** A peer claimed a longer run of blocks from 0 than any before. */
  "remote-contiguous-length": [length: number];
  /** Two logs are signed for one key: `proof` is of the one that is not ours. The log is frozen. */
  conflict: [proof: DataMessage];
  /** A message for an extension. The bytes are a view. */
  extension: [name: string, message: Uint8Array, peer: Peer];
  /** The log could not be read or written for a peer. */
  error: [error: unknown];
};

/** How the replication of a log stands. */
export type ReplicationStatus = ReplicationStatusOf<Peer>;

/** Replicates one log with any number of peers. */
export class Replicator extends TypedEventEmitter<ReplicatorEvents> {
  /** Peers whose channel is open. To be read only. */
  readonly peers: Peer[] = [];
  /** Called when the log begins to download; for stores that attach logs to streams only then. */
  ondownloading: (() => void) | null = null;
  /** Called when no channel is open, nor about to be; for stores that close logs nobody uses. */
  onidle: (() => void) | null = null;

  readonly #log: ReplicatedLog;
  readonly #clock: Clock;
  readonly #machine: ReplicationMachine;
  readonly #host: RequestHost;
  readonly #channels: Channels;
  readonly #jobs: LogJobs;
  readonly #peerOf = new Map<PeerState, Peer>();
  readonly #handles = new Map<number, RequestHandle<unknown>>();
  #reorgWaiters: (() => void)[] = [];
  readonly #unsubscribe: () => void;
  readonly #flushBound = (): void => this.#flush();
  #isFlushQueued = false;
  #cancelTimer: CancelTimer | null = null;
  #timerMs = Infinity;
  #isDestroyed = false;

  /** Starts without peers; {@linkcode attachTo} adds streams. */
  constructor(log: ReplicatedLog, options: ReplicatorOptions = {}) {
    super();
    const { clock = systemClock, random = runtimeRandom } = options;
    const lingerMs = options.notDownloadingLinger ??
      LINGER_MIN_MS + Math.floor(random.next() * LINGER_SPREAD_MS);
    this.#log = log;
    this.#clock = clock;
    const view = logView(log);
    this.#machine = new ReplicationMachine(view, random, { ...options, lingerMs });
    this.#channels = new Channels(this.#createChannelHost());
    this.#jobs = new LogJobs(log, view, {
      machine: this.#machine,
      clock,
      handleSettled: () => this.#kick(),
      handleError: (error) => this.#reportError(error),
    });
    this.#host = {
      clock,
      forget: (id) => {
        this.#handles.delete(id);
        this.#machine.cancel(id);
        this.#kick();
      },
      explain: (id) => this.#machine.statusOf(id, clock.nowMs())?.reason ?? "it was about to be settled",
    };
    this.#unsubscribe = log.subscribe((change) => this.#handleLogChange(change));
  }

  // Requests.

  /** Asks peers for block `index`; resolves to its bytes (fresh). `force`: even if the log has it. */
  addBlock(list: RequestList, index: number, force = false): RequestHandle<Uint8Array> {
    if (!Number.isSafeInteger(index) || index < 0) throw new RangeError(`Block index ${index} is not valid`);
    const id = this.#machine.addBlock(index, force);
    const handle = this.#track(new RequestHandle<Uint8Array>(this.#host, { id, list, index }), id);
    handle.snapshot = index < this.#log.head.length;
    return handle;
  }

  /** Asks peers for a range of blocks; resolves to true once all of it is stored, to false when given up. */
  addRange(list: RequestList, range: RangeOptions = {}): RequestHandle<boolean> {
    const id = this.#machine.addRange(range);
    return this.#track(
      new RequestHandle<boolean>(this.#host, { id, list, cancelledValue: { value: false } }),
      id,
    );
  }

  /** Asks peers where byte `bytes` lies; resolves to its block and the offset in it. */
  addSeek(list: RequestList, bytes: number, padding = 0): RequestHandle<[block: number, offset: number]> {
    const id = this.#machine.addSeek(bytes, padding);
    return this.#track(new RequestHandle<[block: number, offset: number]>(this.#host, { id, list }), id);
  }

  /** Asks peers for a longer log; resolves to whether there is one. */
  addUpgrade(list: RequestList): RequestHandle<boolean> {
    const id = this.#machine.addUpgrade();
    return this.#track(
      new RequestHandle<boolean>(this.#host, { id, list, cancelledValue: { value: false } }),
      id,
    );
  }

  /** Gives up every request in `list`. */
  clearRequests(list: RequestList, error: Error | null = null): void {
    clearRequests(list, error);
  }

  /** Sends block `index` to every peer that takes blocks it did not ask for and does not have it. */
  push(index: number): void {
    this.#machine.push(index);
    this.#kick();
  }

  /** Follows peers to a newer fork if all is known for that; whether it did. Without `eagerUpgrade` nobody else does. */
  async applyPendingReorg(): Promise<boolean> {
    if (this.#isDestroyed || !this.#machine.applyPendingReorg()) return false;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#reorgWaiters.push(resolve);
    this.#kick();
    await promise;
    return true;
  }

  /** Asks every peer for its whole tree, to restore roots of ours that are lost. */
  askForRoots(): void {
    this.#machine.askForRoots();
    this.#kick();
  }

  /** For everything that waits: which peers could serve it, what they were asked and when, and why nothing moves. */
  status(): ReplicationStatus {
    const { peers, pending } = this.#machine.status(this.#clock.nowMs());
    const peerOf = (state: PeerState): Peer => this.#peerOf.get(state)!;
    return {
      peers: peers.map((status) => ({ ...status, peer: peerOf(status.peer) })),
      pending: pending.map((status) => ({
        ...status,
        available: status.available.map(peerOf),
        asked: status.asked.map((asked) => ({ ...asked, peer: peerOf(asked.peer) })),
      })),
    };
  }

  // State.

  /** Counters of all peers since the start. */
  get stats(): ReplicationStats {
    return this.#machine.stats;
  }

  /** Source of time. */
  get clock(): Clock {
    return this.#clock;
  }

  /** Whether {@linkcode destroy} was called. */
  get destroyed(): boolean {
    return this.#isDestroyed;
  }

  /** Whether sessions want blocks. */
  get downloading(): boolean {
    return this.#machine.wantsDownloads;
  }

  /** Longest run of blocks from 0 that a peer on our fork has claimed. */
  get remoteContiguousLength(): number {
    return this.#machine.remoteContiguousLength;
  }

  /** How many look for peers; while there are some, an upgrade waits for the first peer. */
  get findingPeers(): number {
    return this.#machine.findingPeers;
  }
  set findingPeers(count: number) {
    this.#machine.findingPeers = count;
    this.#kick();
  }

  /** Blocks asked of one peer at a time, lowest and highest. */
  get inflightRange(): readonly [number, number] {
    return this.#machine.inflightRange;
  }

  /** Sets {@linkcode inflightRange}, for peers there are and for those to come. */
  setInflightRange(min: number, max: number): void {
    this.#machine.setInflightRange([min, max]);
    this.#kick();
  }

  /** Whether blocks are wanted or under way. */
  isDownloading(): boolean {
    return this.#machine.isDownloading;
  }

  /** Sessions that want blocks came (positive) or went. */
  updateActivity(change: number): void {
    this.#machine.updateActivity(change, this.#clock.nowMs());
    this.#kick();
  }

  /** Says whether blocks are wanted; that they are not takes effect after the linger time. */
  setDownloading(downloading: boolean): void {
    this.#machine.setDownloading(downloading, this.#clock.nowMs());
    this.#kick();
  }

  /** Whether blocks that nobody asked for are taken. */
  get allowPush(): boolean {
    return this.#machine.allowsPush;
  }

  /** Sets {@linkcode allowPush} and tells peers. */
  setAllowPush(allowPush: boolean): void {
    this.#machine.setAllowPush(allowPush);
    this.#kick();
  }

  /** Whether nothing is asked for. */
  get pushOnly(): boolean {
    return this.#machine.isPushOnly;
  }

  /** Sets {@linkcode pushOnly}. */
  setPushOnly(pushOnly: boolean): void {
    this.#machine.setPushOnly(pushOnly);
    this.#kick();
  }

  /** Looks again for something to ask of peers. */
  updateAll(): void {
    this.#machine.updateAll();
    this.#kick();
  }

  // Streams.

  /** Replicates over `mux`, now and whenever its remote opens the channel. */
  attachTo(mux: Protomux): void {
    if (!this.#isDestroyed) this.#channels.attach(mux);
  }

  /** Whether {@linkcode attachTo} was called with `mux`. */
  attached(mux: Protomux): boolean {
    return this.#channels.has(mux);
  }

  /** Whether no channel is open, nor about to be. */
  isIdle(): boolean {
    return this.#machine.isIdle;
  }

  /** Whether there is any muxer to replicate over. */
  hasAttached(): boolean {
    return this.#channels.size > 0;
  }

  /** Opens no more channels on `mux`; one that is open stays so. */
  detachFrom(mux: Protomux): void {
    this.#channels.detach(mux);
  }

  /** Resolves once no peer is left, or after `ms`. */
  peersGone(ms: number): Promise<void> {
    if (this.peers.length === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const settle = (): void => {
        cancel();
        this.off("peer-remove", check);
        resolve();
      };
      const check = (): void => {
        if (this.peers.length === 0) settle();
      };
      const cancel = this.#clock.schedule(ms, settle);
      this.on("peer-remove", check);
    });
  }

  /** Closes every channel and waits until they are closed. */
  async close(): Promise<void> {
    const channels = this.peers.map(({ channel }) => channel);
    channels.push(...this.#destroy());
    await Promise.all(channels.map((channel) => channel.fullyClosed()));
  }

  /** Closes every channel. Requests that wait stay open; their lists are for giving them up. */
  destroy(): void {
    this.#destroy();
  }

  /** Closes every channel. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #destroy(): ReplicationChannel[] {
    if (this.#isDestroyed) return [];
    this.#isDestroyed = true;
    this.#unsubscribe();
    this.#cancelTimer?.();
    this.#jobs.stop();
    for (const resolve of this.#reorgWaiters.splice(0)) resolve();
    const channels = this.#channels.closeAll();
    // Those on muxers that were detached before.
    for (const peer of this.peers.slice()) peer.channel.close();
    return channels;
  }

  #createChannelHost(): ChannelHost {
    const { key, discoveryKey } = this.#log;
    return {
      key,
      discoveryKey,
      handleExpected: (change) => {
        this.#machine.handleExpectedPeers(change);
        this.#kick();
      },
      handleOpen: (handshake, mux, channel) => this.#addPeer(handshake, mux, channel),
      handleMessage: (peer, message) => this.#receive(peer, message),
      handleClose: (peer, isRemote) => this.#removePeer(peer, isRemote),
      handleDrain: () => this.#kick(),
      handleError: (error, stream) => {
        if (error instanceof HypercoreError) this.emit("peer-error", error, stream);
        else this.#reportError(error);
      },
    };
  }

  #addPeer(handshake: HandshakeMessage, mux: Protomux, channel: ReplicationChannel): PeerState {
    const state = this.#machine.handlePeerOpen(handshake, this.#clock.nowMs());
    const peer = new Peer(
      { sendExtension: (state, name, message) => this.#sendExtension(state, name, message) },
      state,
      mux,
      channel,
    );
    channel.userData = peer;
    this.#peerOf.set(state, peer);
    this.peers.push(peer);
    this.#kick();
    return state;
  }

  /**
   * Compat: hypercore/lib/replicator.js opens the channel again when the remote closed it before it heard of work. A
   * store also closes cores that were idle some seconds ago, and says before that it downloads; whoever waits for blocks
   * of such a core would wait for ever.
   */
  #removePeer(state: PeerState, isRemote: boolean): AfterClose {
    this.#machine.handlePeerClosed(state, this.#clock.nowMs());
    const index = this.peers.indexOf(this.#peerOf.get(state)!);
    if (index !== -1) this.peers.splice(index, 1);
    this.#kick();
    if (!isRemote || !state.remoteUploading || !this.#machine.wantsDownloads) return "none";
    if (!state.remoteDownloading) return "again";
    return this.#machine.isAwaited ? "retry" : "none";
  }

  #reportError(error: unknown): void {
    // Without a listener, an "error" event would throw here, where nobody can handle it.
    if (this.listenerCount("error") > 0) this.emit("error", error);
  }

  #receive(state: PeerState, message: WireMessage): void {
    this.#machine.handleMessage(state, message, this.#clock.nowMs());
    this.#kick();
  }

  #sendExtension(state: PeerState, name: string, message: Uint8Array): void {
    if (state.isClosed) return;
    this.#machine.sendExtension(state, name, message);
    this.#kick();
  }

  #handleLogChange(change: LogChange): void {
    this.#machine.handleLogChange(change, this.#clock.nowMs());
    if (change.kind === "truncate") this.#endSnapshots(change.length);
    this.#kick();
  }

  #endSnapshots(length: number): void {
    for (const handle of Array.from(this.#handles.values())) {
      if (handle.snapshot && handle.index >= length) {
        handle.cancel(new HypercoreError("SNAPSHOT_NOT_AVAILABLE", "Snapshot is not available"));
      }
    }
  }

  #track<Result>(handle: RequestHandle<Result>, id: number): RequestHandle<Result> {
    this.#handles.set(id, handle);
    this.#kick();
    return handle;
  }

  /** Has the machine polled once this turn is over. */
  #kick(): void {
    if (this.#isFlushQueued) return;
    this.#isFlushQueued = true;
    queueMicrotask(this.#flushBound);
  }

  #flush(): void {
    this.#isFlushQueued = false;
    for (const [state, peer] of this.#peerOf) this.#machine.handleDrained(state, peer.protomux.drained);
    if (!this.#isDestroyed) {
      this.#machine.poll(this.#clock.nowMs());
      for (let next = this.#machine.pollTransmit(); next !== null; next = this.#machine.pollTransmit()) {
        this.#transmit(next);
      }
      for (let job = this.#machine.pollJob(); job !== null; job = this.#machine.pollJob()) {
        this.#jobs.start(job);
      }
      this.#schedule();
    }
    for (const event of this.#machine.pollEvents()) this.#dispatch(event);
    if (!this.#isDestroyed && this.#machine.isIdle) this.onidle?.();
  }

  #transmit({ peer: state, messages }: Transmit): void {
    const { protomux, channel } = this.#peerOf.get(state)!;
    protomux.cork();
    for (const { kind, message } of messages) channel.messages[MESSAGE_TYPES[kind]]!.send(message);
    protomux.uncork();
  }

  #schedule(): void {
    const deadlineMs = this.#machine.pollDeadline();
    if (deadlineMs === this.#timerMs) return;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#timerMs = deadlineMs;
    if (deadlineMs === Infinity) return;
    const delayMs = Math.max(0, deadlineMs - this.#clock.nowMs());
    this.#cancelTimer = this.#clock.schedule(delayMs, () => {
      this.#cancelTimer = null;
      this.#timerMs = Infinity;
      this.#machine.handleTime(this.#clock.nowMs());
      this.#kick();
    }, { unref: true });
  }

  #dispatch(event: MachineEvent): void {
    switch (event.kind) {
      case "peer-add":
        this.emit("peer-add", this.#peerOf.get(event.peer)!);
        break;
      case "peer-remove":
        this.emit("peer-remove", this.#peerOf.get(event.peer)!);
        this.#peerOf.delete(event.peer);
        break;
      case "close":
        this.#closePeer(event.peer, event.error);
        break;
      case "upload":
      case "download":
        this.emit(event.kind, event.index, event.byteLength, this.#peerOf.get(event.peer)!);
        break;
      case "resolved":
        this.#takeHandle(event.handle)?.resolve(isBytes(event.value) ? copyBytes(event.value) : event.value);
        break;
      case "rejected":
        this.#takeHandle(event.handle)?.reject(event.error);
        break;
      case "verification-error": {
        const { error, request, data, peer } = event;
        this.emit("verification-error", error, request, data, this.#peerOf.get(peer)!);
        break;
      }
      case "invalid-request":
        this.emit("invalid-request", event.error, event.request, this.#peerOf.get(event.peer)!);
        break;
      case "remote-contiguous-length":
        this.emit("remote-contiguous-length", event.length);
        break;
      case "extension":
        this.emit("extension", event.name, event.message, this.#peerOf.get(event.peer)!);
        break;
      case "reorg-applied":
        for (const resolve of this.#reorgWaiters.splice(0)) resolve();
        break;
      case "downloading":
        if (event.value) this.#handleDownloading();
        break;
      case "conflict":
        this.emit("conflict", event.data);
        break;
    }
  }

  #takeHandle(id: number): RequestHandle<unknown> | undefined {
    const handle = this.#handles.get(id);
    this.#handles.delete(id);
    return handle;
  }

  #closePeer(state: PeerState, error: HypercoreError | null): void {
    const peer = this.#peerOf.get(state);
    if (peer === undefined) return;
    if (error !== null) {
      this.#channels.ban(peer.protomux);
      this.emit("peer-error", error, peer.stream);
    }
    peer.channel.close();
  }

  #handleDownloading(): void {
    this.#channels.openAll();
    this.ondownloading?.();
  }
}

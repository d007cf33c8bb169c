/**
 * What the parts of the replication machine share: the view of the log, the peers, counters and what goes out.
 *
 * @module
 */
import type { Random } from "../../base/mod.ts";
import type { HypercoreError } from "../errors.ts";
import type { Bitfield, Manifest, Proof, ProveResult, ReorgWant, VerifyResult } from "../log/mod.ts";
import { SMALL_WANT_BLOCKS, WANT_BLOCKS } from "./limits.ts";
import type { DataMessage, RequestMessage } from "./messages.ts";
import type { Outgoing } from "./outgoing.ts";
import type { PeerState } from "./peer_state.ts";
import type { ReorgJob } from "./reorgs.ts";
import type { SeekDemand } from "./demands.ts";
import { newStats, type ReplicationStats } from "./stats.ts";

/** A state of the tree, as far as replication cares. */
export interface LogState {
  /** Blocks. */
  readonly length: number;
  /** Bytes of all blocks. */
  readonly byteLength: number;
  readonly fork: number;
}

/** The log as the machine sees it: always current, never waiting. */
export interface LogView {
  /** The latest state; what we verify against. */
  readonly head: LogState;
  /** The state that peers may be told of. */
  readonly published: LogState;
  /** Blocks stored. */
  readonly bitfield: Bitfield;
  /** Blocks stored without a gap from 0. */
  readonly contiguousLength: number;
  readonly manifest: Manifest | null;
  readonly compat: boolean;
  /** Two logs are signed for one key; nothing is asked for and no block is given any more. */
  readonly isFrozen: boolean;
  /** Roots are missing: peers are asked for their whole trees. */
  readonly isBroken: boolean;
  /** How many nodes from `treeIndex` up are not stored; null when it takes waiting to know. */
  missingNodes(treeIndex: number): number | null;
  /** Whether the tree of `length` blocks can be proved to grow into ours; null when it takes waiting to know. */
  upgradeable(length: number): boolean | null;
}

/** A verified tree of a newer fork that is being compared with ours. */
export interface PendingReorg {
  /** The new state. */
  readonly head: LogState;
  /** What would tell more; null once it is known where the trees part. */
  readonly want: ReorgWant | null;
  readonly isFinished: boolean;
  /** Whether ours is still the tree that it was compared with. */
  readonly isCurrent: boolean;
  /** Takes a proof of what was wanted. */
  update(proof: Proof): Promise<boolean>;
}

/** How a machine behaves. */
export interface ReplicationMachineOptions {
  /** Asks for a longer log without being told to. Default true. */
  readonly eagerUpgrade?: boolean;
  /** Follows a fork of a peer. Default true. */
  readonly allowFork?: boolean;
  /** Takes blocks nobody asked for. Default false. */
  readonly allowPush?: boolean;
  /** Asks for nothing. Default false. */
  readonly pushOnly?: boolean;
  /** Fetches the newest block with each upgrade. Default false. */
  readonly alwaysLatestBlock?: boolean;
  /** Asks peers about small regions. Default false. */
  readonly smallWants?: boolean;
  /** Requests open at one peer, lowest and highest. Default 16 and 512. */
  readonly inflightRange?: readonly [number, number];
  /** How long the log counts as downloading after it ceased to be, ms. */
  readonly lingerMs: number;
}

/** One remote request to prove. */
export interface ProveEntry {
  readonly peer: PeerState;
  readonly message: RequestMessage;
}

/** One answer to verify; `request` is null for data nobody asked for. */
export interface VerifyEntry {
  readonly peer: PeerState;
  readonly request: Outgoing | null;
  readonly data: DataMessage;
}

/** Work that takes waiting; the result comes back through the method named after it. */
export type Job =
  | { readonly kind: "prove"; readonly entries: readonly ProveEntry[] }
  | { readonly kind: "verify"; readonly entries: readonly VerifyEntry[] }
  | { readonly kind: "count"; readonly request: Outgoing; readonly treeIndex: number }
  | {
    readonly kind: "upgradeable";
    readonly peer: PeerState;
    readonly state: LogState;
    readonly length: number;
    /** Asked because the peer told its state, not because ours changed. */
    readonly isSync: boolean;
  }
  | { readonly kind: "seek"; readonly seek: SeekDemand }
  | { readonly kind: "read"; readonly indexes: readonly number[] }
  | ReorgJob
  | { readonly kind: "applyReorg"; readonly reorg: PendingReorg }
  | { readonly kind: "conflict"; readonly peer: PeerState; readonly data: DataMessage };

/** Re-exported so that drivers and tests name results by one import. */
export type { ProveResult, VerifyResult };

/** What a user's request comes to: a block's bytes, a place, or whether there was something to do. */
export type ResolvedValue = Uint8Array | readonly [index: number, offset: number] | boolean | null;

/** What happened, for the driver and its users. */
export type MachineEvent =
  | { readonly kind: "peer-add"; readonly peer: PeerState }
  | { readonly kind: "peer-remove"; readonly peer: PeerState }
  /** The channel is to be closed; an error says that the peer broke the rules and is not to come back. */
  | { readonly kind: "close"; readonly peer: PeerState; readonly error: HypercoreError | null }
  | { readonly kind: "upload"; readonly peer: PeerState; readonly index: number; readonly byteLength: number }
  | {
    readonly kind: "download";
    readonly peer: PeerState;
    readonly index: number;
    readonly byteLength: number;
    /** From request to answer, ms; null for data nobody asked for. */
    readonly elapsedMs: number | null;
  }
  | { readonly kind: "resolved"; readonly handle: number; readonly value: ResolvedValue }
  | { readonly kind: "rejected"; readonly handle: number; readonly error: unknown }
  | {
    readonly kind: "verification-error";
    readonly peer: PeerState;
    readonly error: HypercoreError;
    readonly request: RequestMessage | null;
    readonly data: DataMessage;
  }
  | {
    readonly kind: "invalid-request";
    readonly peer: PeerState;
    readonly error: HypercoreError;
    readonly request: RequestMessage;
  }
  | { readonly kind: "remote-contiguous-length"; readonly length: number }
  | {
    readonly kind: "extension";
    readonly peer: PeerState;
    readonly name: string;
    readonly message: Uint8Array;
  }
  /** Two logs are signed for one key: `data` proves the one that is not ours. */
  | { readonly kind: "conflict"; readonly data: DataMessage }
  /** Our tail was replaced by that of a newer fork, or could not be. */
  | { readonly kind: "reorg-applied" }
  | { readonly kind: "downloading"; readonly value: boolean };

/** State shared by the parts of one machine. */
export class ReplicationContext {
  readonly log: LogView;
  readonly random: Random;
  readonly options: ReplicationMachineOptions;
  /** Blocks of a region that peers are asked about. */
  readonly regionBlocks: number;
  /** Counters of all peers since the start. */
  readonly stats: ReplicationStats = newStats();
  /** Peers whose channel is open. */
  readonly peers: PeerState[] = [];
  readonly jobs: Job[] = [];

  nowMs = 0;
  allowPush: boolean;
  pushOnly: boolean;
  /** Sessions want blocks, or did until a moment ago. */
  downloading = false;
  /** When `downloading` ends, null unless it is about to. */
  lingerEndMs: number | null = null;
  /** Requests without an answer, of all peers. */
  openRequests = 0;
  nextRequestId = 1;
  /** Grows when something may be asked for that could not before. */
  generation = 1;
  /** Grows when stored nodes or blocks go away, so that honest answers under way may not verify. */
  epoch = 0;

  #events: MachineEvent[] = [];

  constructor(log: LogView, random: Random, options: ReplicationMachineOptions) {
    this.log = log;
    this.random = random;
    this.options = options;
    this.regionBlocks = options.smallWants ? SMALL_WANT_BLOCKS : WANT_BLOCKS;
    this.allowPush = options.allowPush ?? false;
    this.pushOnly = options.pushOnly ?? false;
  }

  /** Whether peers are to be told that we download. */
  get isDownloading(): boolean {
    return this.downloading || this.openRequests > 0;
  }

  /** Whether peers are to be told that we take blocks we did not ask for. */
  get isAllowingPush(): boolean {
    return this.allowPush && this.downloading && this.lingerEndMs === null;
  }

  /** Blocks that peers may be told of and that are there without a gap from 0. */
  get publishedContiguousLength(): number {
    return Math.min(this.log.published.length, this.log.contiguousLength);
  }

  /** Estimate of the size of a block. */
  get blockBytes(): number {
    const { length, byteLength } = this.log.head;
    return length === 0 ? 0 : byteLength / length;
  }

  /** Number of the region that holds a block. */
  regionOf(index: number): number {
    return Math.floor(index / this.regionBlocks);
  }

  emit(event: MachineEvent): void {
    this.#events.push(event);
  }

  /** Has the channel of a peer closed that broke the rules. */
  cutOff(peer: PeerState, error: HypercoreError): void {
    if (peer.isCutOff) return;
    peer.isCutOff = peer.isPaused = true;
    this.emit({ kind: "close", peer, error });
  }

  /** All events since the last call. */
  takeEvents(): readonly MachineEvent[] {
    const events = this.#events;
    if (events.length > 0) this.#events = [];
    return events;
  }

  /** A whole number from 0 up to `end` (exclusive). */
  randomBelow(end: number): number {
    return Math.floor(this.random.next() * end);
  }

  /** Puts `list` in random order, in place. */
  shuffle<T>(list: T[]): T[] {
    for (let i = list.length - 1; i > 0; i--) {
      const j = this.randomBelow(i + 1);
      const swapped = list[i]!;
      list[i] = list[j]!;
      list[j] = swapped;
    }
    return list;
  }
}

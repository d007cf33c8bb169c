/**
 * What is known of one peer, and what is under way between it and us. Data with the rules of each field; who changes
 * it and when is written in the files named after what they do.
 *
 * @module
 */
import { Bitfield } from "../log/mod.ts";
import { REMOTE_PAGES_MAX } from "./limits.ts";
import type {
  BitfieldMessage,
  CancelMessage,
  DataMessage,
  ExtensionMessage,
  HandshakeMessage,
  NoDataMessage,
  RangeMessage,
  RequestMessage,
  SyncMessage,
  WantMessage,
} from "./messages.ts";
import { ExpectedNodes, type Outgoing } from "./outgoing.ts";
import { newStats, type ReplicationStats } from "./stats.ts";
import { UploadQueue } from "./upload_queue.ts";
import { LocalWants, RemoteWants } from "./wants.ts";
import { RequestWindow } from "./window.ts";

/** A message of the channel, named; {@linkcode MESSAGE_KINDS} has their order on the wire. */
export type WireMessage =
  | { readonly kind: "sync"; readonly message: SyncMessage }
  | { readonly kind: "request"; readonly message: RequestMessage }
  | { readonly kind: "cancel"; readonly message: CancelMessage }
  | { readonly kind: "data"; readonly message: DataMessage }
  | { readonly kind: "noData"; readonly message: NoDataMessage }
  | { readonly kind: "want"; readonly message: WantMessage }
  | { readonly kind: "unwant"; readonly message: WantMessage }
  | { readonly kind: "bitfield"; readonly message: BitfieldMessage }
  | { readonly kind: "range"; readonly message: RangeMessage }
  | { readonly kind: "extension"; readonly message: ExtensionMessage };

/** The answer to a request of a peer. */
export interface Answer {
  /** What was asked. */
  readonly message: RequestMessage;
  readonly answer: Extract<WireMessage, { kind: "data" | "noData" }>;
}

/** Numbers of the message kinds on the wire. */
export const MESSAGE_TYPES = {
  sync: 0,
  request: 1,
  cancel: 2,
  data: 3,
  noData: 4,
  want: 5,
  unwant: 6,
  bitfield: 7,
  range: 8,
  extension: 9,
} as const satisfies Record<WireMessage["kind"], number>;

/** Message kinds in the order of their numbers. */
export const MESSAGE_KINDS: readonly WireMessage["kind"][] = Object.keys(
  MESSAGE_TYPES,
) as WireMessage["kind"][];

/** One peer whose channel is open. */
export class PeerState {
  /** Distinguishes the peers of one machine. */
  readonly id: number;
  /** Understands seeks in requests. */
  readonly supportsSeeks: boolean;
  /** Counters. */
  readonly stats: ReplicationStats = newStats();

  /** Not asked and not served any more, though its channel stays open. */
  isPaused = false;
  /** Broke the rules; its channel is about to be closed. */
  isCutOff = false;
  /** The log is comparing the tree that the peer showed with ours. */
  isConflictChecking = false;
  /** The channel is closed once the peer has been shown our tree. */
  isClosing = false;
  /** The channel is gone. */
  isClosed = false;
  /** The stream takes more; while false, nothing that a peer can ask for at will is sent. */
  isDrained = true;

  // Said by the peer.
  remoteFork = 0;
  remoteLength = 0;
  /** Our length as the peer knows it, 0 across forks. */
  lengthAcked = 0;
  remoteCanUpgrade = false;
  remoteUploading = true;
  remoteDownloading = true;
  remoteHasManifest = false;
  remoteAllowPush = false;
  /** There was a sync. */
  isSynced = false;
  /** Blocks the peer says it has. */
  readonly has: Bitfield = new Bitfield({ pagesMax: REMOTE_PAGES_MAX });
  readonly remoteWants: RemoteWants = new RemoteWants();

  // Negotiation of lengths.
  /** We can prove our length to the peer, as far as we know. */
  canUpgrade = true;
  /** A length of the peer that we could prove ours from. */
  lastUpgradableLength = 0;
  lastUpgradableFork = 0;
  /** Answers from the log about `canUpgrade` that are under way. */
  upgradeChecks = 0;
  /** A sync was due while such an answer was under way. */
  needsSync = false;
  /** A sync is to be sent with the next messages. */
  isSyncDue = false;

  // Our requests.
  /** Answers without data since the last one with; a peer with many is not asked any more. */
  fruitlessAnswers = 0;
  readonly window: RequestWindow;
  /** Unanswered, by id. */
  readonly requests: Map<number, Outgoing> = new Map();
  readonly expected: ExpectedNodes = new ExpectedNodes();
  readonly localWants: LocalWants;

  // The peer's requests.
  readonly uploads: UploadQueue = new UploadQueue();
  /** Answers that are ready and wait for the stream; one run at most, and what was refused meanwhile. */
  answers: Answer[] = [];
  /** Length that our answers have proved to the peer. */
  pushedLength = 0;

  // Announcements.
  /** The peer was told that we have everything up to here. */
  fullyContiguousSignaled = 0;
  /** Wants to answer, and ranges to tell, once the stream takes more. */
  pendingWants: WantMessage[] = [];
  pendingRanges: RangeMessage[] = [];
  /** Too many ranges were pending; every wanted region is told again instead. */
  isRetellDue = false;

  lastExtensionSent = "";
  lastExtensionReceived = "";

  /** Messages to send, in order. */
  outbox: WireMessage[] = [];

  /** Starts where a peer is after its handshake. */
  constructor(
    id: number,
    handshake: HandshakeMessage,
    inflightRange: readonly [number, number],
    regionBlocks: number,
  ) {
    this.id = id;
    this.localWants = new LocalWants(regionBlocks);
    this.supportsSeeks = handshake.seeks;
    this.window = new RequestWindow(inflightRange);
  }

  /** Whether the peer may be asked and is served. */
  get isActive(): boolean {
    return !this.isPaused && !this.isClosed;
  }

  /** Blocks the peer has without a gap from 0. */
  get remoteContiguousLength(): number {
    return this.has.firstUnset(0);
  }
}

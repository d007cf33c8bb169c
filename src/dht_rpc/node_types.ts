/**
 * What goes into a node's machine and what comes out.
 *
 * @module
 */
import type { Random } from "../base/mod.ts";
import type { AdaptiveTimeoutOptions } from "./adaptive_timeout.ts";
import type { Peer, PeerAddress, PersistentPeer } from "./peer.ts";
import type { NamedNode, QueryMachine, Reply } from "./query_machine.ts";
import type { TableNode } from "./recent_nodes.ts";
import type { RequestGroup } from "./request_machine.ts";
import type { TraceEvent } from "./trace.ts";

/** Options of a node's machine; see `DHTOptions` for those of the same names. */
export interface NodeMachineOptions {
  /** 32 random bytes: the centre of the table until the node has an id. */
  readonly tableId: Uint8Array;
  /** 64 random bytes for the first tokens. */
  readonly tokenSeed: Uint8Array;
  /** Draws everything else. */
  readonly random: Random;
  readonly concurrency: number;
  readonly maxWindow: number;
  readonly maxPingDelayMs: number;
  readonly ephemeral?: boolean;
  readonly adaptive: boolean;
  readonly firewalled: boolean;
  readonly quickFirewall: boolean;
  readonly sendDownHints: boolean;
  /** Down hints per tick, -1 for any number. */
  readonly downHintsRateLimit: number;
  readonly adaptiveTimeout?: AdaptiveTimeoutOptions | null;
  readonly filterNode?: ((node: Peer) => boolean) | null;
  /** Bootstrap nodes that can be resolved. */
  readonly bootstrapCount: number;
  /** Requests of others that are served in 100 ms. */
  readonly inboundRequestsMax?: number;
  /** Whether trace events are wanted. */
  readonly isTraced: boolean;
}

/** The two sockets of a node. */
export interface NodeSockets<Socket> {
  /** Receives what comes unasked, and sends once nothing is in the way. */
  readonly server: Socket;
  /** Sends while the node is behind a firewall. */
  readonly client: Socket;
  /** Local port of the server socket. */
  readonly serverPort: number;
}

/** A request of another node. */
export interface InboundRequest<Socket> {
  /** The socket that it arrived on. */
  readonly socket: Socket;
  /** Transaction id, 16 bits. */
  readonly tid: number;
  /** Who asks. */
  readonly from: Peer;
  /** Our address as the other side sees it. */
  readonly to: Peer;
  /** A token of ours that is valid, 32 bytes. */
  readonly token: Uint8Array | null;
  /** Whether the command is one of the protocol itself. */
  readonly internal: boolean;
  /** The command. */
  readonly command: number;
  /** What it is about, 32 bytes. */
  readonly target: Uint8Array | null;
  /** What else belongs to the command. */
  readonly value: Uint8Array | null;
}

/** What a reply carries, and where it goes instead of back. */
export interface ReplyContent<Socket> {
  /** 0 when all went well. */
  readonly error: number;
  /** The answer. */
  readonly value: Uint8Array | null;
  /** Whether to give out a token. */
  readonly hasToken: boolean;
  /** Whether to name the nodes closest to the target. */
  readonly hasCloserNodes: boolean;
  /** Another receiver. */
  readonly to?: PeerAddress;
  /** Another socket. */
  readonly socket?: Socket;
}

/** A request of the node's user. */
export interface UserRequest<Socket, Handle> {
  readonly to: PeerAddress;
  readonly token: Uint8Array | null;
  readonly internal: boolean;
  readonly command: number;
  readonly target: Uint8Array | null;
  readonly value: Uint8Array | null;
  readonly ttl: number;
  readonly retries?: number;
  readonly timeoutMs?: number;
  readonly socket?: Socket | null;
  readonly group: RequestGroup | null;
  /** Whose it is. */
  readonly handle: Handle;
}

/** A walk to begin. */
export interface WalkInit<Handle> {
  readonly target: Uint8Array;
  readonly internal: boolean;
  readonly command: number;
  readonly value: Uint8Array | null;
  readonly concurrency: number;
  readonly retries: number;
  /** Sends each request once, whether or not the window is full. */
  readonly force: boolean;
  readonly nodes: readonly Peer[] | null;
  readonly onlyClosestNodes: boolean;
  readonly group: RequestGroup;
  /** Whose it is; null for upkeep of the node itself. */
  readonly handle: Handle | null;
}

/** A walk under way, and what its requests are. */
export interface Walk<Handle> extends WalkInit<Handle> {
  /** Its state. */
  readonly query: QueryMachine;
  /** Not yet given back by {@linkcode WalkInit.handle}'s owner. */
  isActive: boolean;
  /** Why a node could not be asked at all, null where all could. */
  refusal: Error | null;
}

/** What a request of the node is for. */
export type Purpose<RequestHandle, QueryHandle> =
  | { readonly kind: "user"; readonly handle: RequestHandle }
  | { readonly kind: "visit"; readonly walk: Walk<QueryHandle>; readonly visited: NamedNode; isSlow: boolean }
  | { readonly kind: "check"; readonly node: TableNode }
  | { readonly kind: "challenge"; readonly oldest: TableNode; readonly replacement: TableNode }
  | { readonly kind: "quick-probe" | "probe" | "hint" };

/** How far the first filling of the table is. */
export type Bootstrap<QueryHandle> =
  | { readonly kind: "unbound" | "probing" | "done" }
  | {
    readonly kind: "walking";
    readonly round: number;
    readonly walk: Walk<QueryHandle>;
    /** The first node that answers is asked to reach our other socket. */
    wantsQuickProbe: boolean;
    isProbeAnswered: boolean;
  };

/** A test of the firewall under way. */
export interface Probe {
  asked: number;
  outstanding: number;
  readonly isBootstrap: boolean;
}

/** Counters of queries, the object that users see. */
export interface QueryStats {
  /** Under way. */
  active: number;
  /** Made so far. */
  total: number;
}

/** What bootstrap nodes are wanted for. */
export type BootstrapTicket<Handle> =
  | { readonly kind: "walk"; readonly walk: Walk<Handle> }
  | { readonly kind: "probe"; readonly nodes: readonly PersistentPeer[] };

/** What a node's machine tells. */
export type NodeEvent<Socket, RequestHandle, QueryHandle> =
  | { readonly kind: "ready" | "persistent" | "ephemeral" | "wakeup" | "network-update" }
  | { readonly kind: "nat-update"; readonly host: string | null; readonly port: number }
  | { readonly kind: "add-node" | "remove-node"; readonly node: TableNode }
  /** A request that the user may answer. */
  | { readonly kind: "request"; readonly request: InboundRequest<Socket> }
  | { readonly kind: "response"; readonly handle: RequestHandle; readonly reply: Reply }
  | { readonly kind: "failed"; readonly handle: RequestHandle; readonly error: Error }
  /** A node answered; the walk goes on at `continueWalk()`. */
  | { readonly kind: "walk-reply"; readonly walk: Walk<QueryHandle>; readonly reply: Reply }
  | { readonly kind: "walk-finished"; readonly walk: Walk<QueryHandle> }
  /** Bootstrap nodes are wanted: answer with `handleBootstrapNodes()`. */
  | { readonly kind: "resolve"; readonly ticket: BootstrapTicket<QueryHandle> }
  | { readonly kind: "trace"; readonly event: TraceEvent };

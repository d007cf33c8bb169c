/**
 * Options of nodes and their methods.
 *
 * @module
 */
import type { Clock, Random } from "../base/mod.ts";
import type { UDX, UDXSocket } from "../udx/mod.ts";
import type { AdaptiveTimeoutOptions } from "./adaptive_timeout.ts";
import type { BootstrapNode } from "./bootstrap_nodes.ts";
import type { DHT } from "./dht.ts";
import type { Peer, PeerAddress } from "./peer.ts";
import type { Query } from "./query.ts";
import type { Reply } from "./query_machine.ts";
import type { Session } from "./session.ts";
import type { TraceEvent } from "./trace.ts";

/** Options of `new DHT()`. */
export interface DHTOptions {
  /** Nodes that lead into the network (default none); false for none. */
  readonly bootstrap?: readonly BootstrapNode[] | false;
  /** Nodes that are known already. */
  readonly nodes?: readonly PeerAddress[];
  /** Port of the server socket, or a range of ports, end exclusive, that are tried in order (default 0: any). */
  readonly port?: number | readonly [start: number, end: number];
  /** Address to bind to (default `0.0.0.0`). */
  readonly host?: string;
  /** Where sockets are made (default: an instance of its own). */
  readonly udx?: UDX;
  /** False says that others can reach the node unasked, and skips the test (default true). */
  readonly firewalled?: boolean;
  /** Whether to tell nodes that a node which they named is down (default true). */
  readonly sendDownHints?: boolean;
  /** How many of them in 5 s, -1 for any number (default 50). */
  readonly downHintsRateLimit?: number;
  /** True stays out of the tables of others, false joins them at once (default: joins when stable and reachable). */
  readonly ephemeral?: boolean;
  /** Whether to join the tables of others when stable and reachable (default true). */
  readonly adaptive?: boolean;
  /** Whether any port will do when the given ones are taken (default true). */
  readonly anyPort?: boolean;
  /** Whether a node that can be reached finds out while bootstrapping (default true). */
  readonly quickFirewall?: boolean;
  /** Tells which nodes may be asked and put into the table (default all). */
  readonly filterNode?: (node: Peer) => boolean;
  /** Older name of `filterNode`. */
  readonly addNode?: (node: Peer) => boolean;
  /** Requests of a query at the same time (default 10). */
  readonly concurrency?: number;
  /** Requests that may leave within 750 ms (default 80). */
  readonly maxWindow?: number;
  /** Longest delay of a delayed ping, in ms (default 10 000). */
  readonly maxPingDelay?: number;
  /** Waits for answers by what nodes took before, instead of 1 s. */
  readonly adaptiveTimeout?: AdaptiveTimeoutOptions;
  /** Requests of others in 100 ms that sources share (default 5000), once half as many were served to anybody. */
  readonly inboundRequestsMax?: number;
  /** Told of every step of the node. */
  readonly trace?: (event: TraceEvent) => void;
  /** Another clock than the runtime's. */
  readonly clock?: Clock;
  /** Other randomness than the runtime's, for anything but tokens and ids. */
  readonly random?: Random;
}

/** Options of `bootstrapper()`. */
export type BootstrapperOptions = DHTOptions;

/** What to ask a node. */
export interface RequestContent {
  /** A token of the node, 32 bytes: needed to store something. */
  readonly token?: Uint8Array | null;
  /** What is asked. */
  readonly command: number;
  /** What it is about, 32 bytes. */
  readonly target?: Uint8Array | null;
  /** What else belongs to the command. */
  readonly value?: Uint8Array | null;
}

/** What to ask the nodes near a target. */
export interface QueryContent {
  /** What it is about, 32 bytes, evenly distributed as hashes are. */
  readonly target: Uint8Array;
  /** What is asked. */
  readonly command: number;
  /** What else belongs to the command. */
  readonly value?: Uint8Array | null;
}

/** Options of `request()`. */
export interface RequestOptions {
  /** False asks once only (default true: up to four times). */
  readonly retry?: boolean;
  /** How long an answer is waited for each time, ms (default 1000, or adaptive). Not in the npm package. */
  readonly timeout?: number;
  /** Which socket to send from. */
  readonly socket?: UDXSocket;
  /** IP time to live of the packets, 0 (default) for the usual; heeded where the socket can. */
  readonly ttl?: number;
  /** What the request ends with. */
  readonly session?: Session | null;
  /** Gives the request up. */
  readonly signal?: AbortSignal;
}

/** Options of `ping()`. */
export interface PingOptions extends RequestOptions {
  /** Zero bytes that the ping carries (default 0). */
  readonly size?: number;
}

/** What a query does with a reply of a close node once it is over. */
export type QueryCommit = (reply: Reply, dht: DHT, query: Query<unknown>) => Promise<unknown> | unknown;

/** Options of `query()` and `findNode()`. */
export interface QueryOptions<Data = Reply> {
  /** Asks the closest nodes again, with their tokens; a function does so in its own way. */
  readonly commit?: boolean | QueryCommit | null;
  /** Nodes to begin with, in this order, instead of those of the table. */
  readonly nodes?: readonly (PeerAddress & { readonly id?: Uint8Array | null })[] | null;
  /** Older name of `nodes`. */
  readonly closestNodes?: readonly (PeerAddress & { readonly id?: Uint8Array | null })[] | null;
  /** Replies of an earlier query whose senders to begin with. */
  readonly replies?: readonly Reply[] | null;
  /** Older name of `replies`. */
  readonly closestReplies?: readonly Reply[] | null;
  /** Changes each reply; null leaves it out of the stream. */
  readonly map?: (reply: Reply) => Data | null;
  /** Requests at the same time (default that of the node, 10). */
  readonly concurrency?: number;
  /** Times that a request is sent again (default 5). */
  readonly retries?: number;
  /** Asks only the nodes to begin with. */
  readonly onlyClosestNodes?: boolean;
  /** Asks once each, also while too much is under way. */
  readonly force?: boolean;
  /** What the requests end with; they then outlive the query. */
  readonly session?: Session | null;
  /** Destroys the query with its reason. */
  readonly signal?: AbortSignal;
}

/** Options of a wait. */
export interface WaitOptions {
  /** Gives the wait up. */
  readonly signal?: AbortSignal;
}

/** Options of `suspend()` and `resume()`. */
export interface SuspendOptions {
  /** Told of each step. */
  readonly log?: (message: string) => void;
}

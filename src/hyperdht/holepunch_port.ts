/**
 * What `connect` and the server need of hole punching, and what hole punching needs of the node: the seam between
 * this folder and `holepunch/`.
 *
 * `holepunch/mod.ts` exports, under these names: the class `SocketPool` (constructor takes
 * {@linkcode SocketPoolOptions}), the class `RandomPunchLimiter` (constructor takes
 * {@linkcode RandomPunchLimiterOptions}), and the functions `createClientPunch(options)` and
 * `createServerPunch(options)`. It imports this folder's `constants.ts`, `errors.ts` and `messages.ts`.
 *
 * Lists of addresses come from peers and may be long: a punch uses the first few of each.
 *
 * @module
 */
import type { Clock, Random } from "../base/mod.ts";
import type UDX from "../udx/mod.ts";
import type { UDXSocket, UDXStream } from "../udx/mod.ts";
import type { PeerAddress, RelayInfo } from "./messages.ts";

/** Told when a way to the peer is open. */
export type PunchConnectListener = (socket: UDXSocket, port: number, host: string) => void;

/**
 * Asked before punching starts; false refuses. The firewalls are numbers of `FIREWALL`, the addresses those that
 * each side is seen at.
 */
export type HolepunchVeto = (
  remoteFirewall: number,
  localFirewall: number,
  remoteAddresses: readonly PeerAddress[],
  localAddresses: readonly PeerAddress[],
) => boolean;

/** A group of requests that end together; `session()` of the node makes one. */
export interface PunchSession {
  /** Pings a node, through `socket` if given; answers with who answered and at which address it sees us. */
  ping(
    to: PeerAddress,
    options?: { readonly socket?: UDXSocket; readonly retry?: boolean },
  ): Promise<{ readonly from: PeerAddress; readonly to: PeerAddress }>;
  /** Ends the requests. */
  destroy(): void;
}

/** Counters of `dht.stats.punches`. */
export interface PunchStats {
  /** Punches between consistent NATs. */
  consistent: number;
  /** Punches with one random NAT. */
  random: number;
  /** Connects that needed no punch. */
  open: number;
  /** Requests to punch later that were sent. */
  tryLater: number;
  /** Relayed handshakes in which such a request was sent. */
  tryLaterRelayedHandshakesAtLeastOnce: number;
}

/** A socket of the pool: one that punches, and that connections found so use later. */
export interface PooledSocket {
  /** The socket, bound. */
  readonly socket: UDXSocket;
  /** Takes the datagrams of one byte, which are punches. */
  onholepunchmessage: ((message: Uint8Array, from: PeerAddress) => void) | null;
  /** Whether the socket lingers once it is idle. */
  reusable: boolean;
  /** Keeps the socket from closing until {@linkcode inactive}. */
  active(): void;
  /** Undoes {@linkcode active}. */
  inactive(): void;
  /** Gives the socket back: it closes once it is idle. */
  release(): void;
}

/** Where a peer was last connected to. */
export interface SocketRoute {
  /** Our socket. */
  readonly socket: UDXSocket;
  /** The peer's address. */
  readonly address: PeerAddress;
}

/** Options of the socket pool. */
export interface SocketPoolOptions {
  /** Makes the sockets. */
  readonly udx: UDX;
  /** Address to bind to. */
  readonly host: string;
  /** For lingering (3 s). */
  readonly clock: Clock;
  /** Takes the datagrams that are longer than a byte: requests and replies. */
  onmessage(socket: UDXSocket, message: Uint8Array, from: PeerAddress): void;
}

/** The sockets that punch. */
export interface SocketPoolPort {
  /** For `dht.stats.socketPool`. */
  readonly stats: { socketsAdded: number; socketsRemoved: number };
  /** Where peers were last connected to, by public key. */
  readonly routes: {
    /** Remembers the way of a stream, now or once it is connected; forgets it when the stream fails. */
    add(publicKey: Uint8Array, rawStream: UDXStream): void;
    /** The way to a peer, or null. */
    get(publicKey: Uint8Array): SocketRoute | null;
  };
  /**
   * A fresh bound socket that heeds TTLs (default) or is fast from the start.
   *
   * @throws {PlatformError} when it cannot be bound.
   */
  acquire(options?: { readonly heedsTtl?: boolean }): PooledSocket;
  /** The pool's entry for `socket`, or null for another's. */
  lookup(socket: UDXSocket): PooledSocket | null;
  /** Closes all sockets, lingering ones at once. */
  destroy(): Promise<void>;
}

/** Options of the limiter. */
export interface RandomPunchLimiterOptions {
  /** Time. */
  readonly clock: Clock;
  /** Shortest time between punches with a random NAT, ms. */
  readonly intervalMs: number;
  /** Whether the first interval counts from now. */
  readonly isDeferred: boolean;
}

/** Keeps punches with random NATs, which send much, apart. */
export interface RandomPunchLimiterPort {
  /** Whether a punch may begin now: none is under way, and the last one ended an interval ago. */
  readonly isAllowed: boolean;
  /** A punch begins, or somebody is committed to one. */
  begin(): void;
  /** A punch has ended; the interval counts from now. */
  end(): void;
  /** Undoes {@linkcode begin} without an interval. */
  cancel(): void;
  /** The interval counts from now (`deferRandomPunch` on resuming). */
  defer(): void;
}

/** What hole punching needs of the node. */
export interface PunchHost {
  /** Time. */
  readonly clock: Clock;
  /** For ports and waiting times. */
  readonly random: Random;
  /** For nonces and secrets. */
  readonly randomBytes: (byteLength: number) => Uint8Array;
  /** Where sockets come from. */
  readonly sockets: SocketPoolPort;
  /** Shared by all punches of the node. */
  readonly limiter: RandomPunchLimiterPort;
  /** `dht.stats.punches` */
  readonly stats: PunchStats;
  /** Whether the node is behind a firewall; asked anew each time. */
  isFirewalled(): boolean;
  /** Number of nodes in the routing table. */
  nodeCount(): number;
  /** Nodes of the routing table, the one heard of last first. */
  recentNodes(): Iterable<PeerAddress>;
}

/** Something that happened in a punch, for traces. */
export interface PunchEvent {
  /** For example `"probe"`, `"nat"`, `"reopen"`, `"punch"`, `"try-later"`. */
  readonly event: string;
  /** Whatever there is to tell. */
  readonly [field: string]: unknown;
}

/** What the sides of a punch share. */
export interface Punch {
  /** The socket that punches now. */
  readonly socket: UDXSocket;
  /** What is known of our NAT: one of `FIREWALL`. */
  readonly firewall: number;
  /** What the peer said of its NAT last: one of `FIREWALL`. */
  readonly remoteFirewall: number;
  /** Whether a hole was found. */
  readonly connected: boolean;
  /** Whether it is over. */
  readonly destroyed: boolean;
  /** Ends the punch silently: neither `onconnect` nor `onabort` is called any more. */
  destroy(): void;
}

/** What every punch is made with. */
export interface PunchOptions {
  /** The node. */
  readonly host: PunchHost;
  /** For pings that sample the NAT; the caller destroys it. */
  readonly session: PunchSession;
  /** Key of the payloads, 32 bytes. Source: hyperdht `lib/noise-wrap.js`. */
  readonly holepunchSecret: Uint8Array;
  /** What the peer said of its NAT in the handshake. */
  readonly remoteFirewall: number;
  /** Whether a blind relay holds the connection meanwhile, so that waiting is worthwhile; asked anew each time. */
  isRelayed(): boolean;
  /** Asked once both NATs are known. */
  readonly veto: HolepunchVeto | null;
  /** Told what happens, for traces. */
  readonly trace: ((event: PunchEvent) => void) | null;
  /** A punch could not be sent, as the process lacks the permission (`ERR_PERMISSION`). */
  readonly onrefused?: (error: Error) => void;
}

/** Sends a payload through `to` (a relay) to the server at `peerAddress` and gives the server's answer. */
export type SendPunch = (
  message: {
    readonly payload: Uint8Array;
    readonly peerAddress: PeerAddress;
    readonly socket: UDXSocket;
    /** How long an answer is waited for each time, ms (default as for all requests). */
    readonly timeout?: number;
  },
  to: PeerAddress,
) => Promise<{
  /** The relay. */
  readonly from: PeerAddress;
  /** We as the relay sees us. */
  readonly to: PeerAddress;
  /** The server's payload. */
  readonly payload: Uint8Array;
  /** The server as the relay sees it. */
  readonly peerAddress: PeerAddress;
}>;

/** What a client's punch is made with. */
export interface ClientPunchOptions extends PunchOptions {
  /** Relays the server named in the handshake, at least one. */
  readonly relays: readonly RelayInfo[];
  /** The relay that the handshake went through. */
  readonly relayAddress: PeerAddress;
  /** The server as that relay sees it. */
  readonly serverAddress: PeerAddress;
  /** Whether to open a session to the server's address while probing. */
  readonly isFastOpen: boolean;
  /** Sends a round. Rejects with an error of the request. */
  readonly send: SendPunch;
  /** A hole is open: called at most once. */
  readonly onconnect: PunchConnectListener;
  /**
   * No hole will be: called at most once, with a `DHTError` or an error of a request. The punch is destroyed by then.
   */
  readonly onabort: (error: Error) => void;
}

/** A client's punch: probes, then punches. `start()` is called once. */
export interface ClientPunch extends Punch {
  /** Runs all rounds in the background. Never throws. */
  start(): void;
}

/** A round of the client, as it reached the server. */
export interface IncomingPunch {
  /** The encrypted payload. */
  readonly payload: Uint8Array;
  /** The client as its relay sees it. */
  readonly peerAddress: PeerAddress;
  /** Who relayed. */
  readonly from: PeerAddress;
  /** We as the relay sees us. */
  readonly to: PeerAddress;
  /** The socket it came in on. */
  readonly socket: UDXSocket;
}

/** What the server answers to a round. */
export interface PunchReply {
  /** The socket to answer through; null for the node's own. */
  readonly socket: UDXSocket | null;
  /** The encrypted payload. */
  readonly payload: Uint8Array;
}

/** What a server's punch is made with. */
export interface ServerPunchOptions extends PunchOptions {
  /** Whether an address is one of the server's relays. */
  isServerRelay(address: PeerAddress): boolean;
  /** The client is about to punch: the deadline for the first round is over. */
  readonly onpunching: () => void;
  /** No hole will be: called at most once. The punch is destroyed by then. */
  readonly onabort: () => void;
}

/**
 * A server's punch: answers rounds and punches. The connection itself shows in the raw stream's firewall, so there is
 * no `onconnect`.
 */
export interface ServerPunch extends Punch {
  /** Begins to judge our NAT, once the client has been sent its answer. */
  start(): void;
  /** Answers a round, or null for silence. Never throws, whatever the payload. */
  handleRound(round: IncomingPunch): Promise<PunchReply | null>;
}

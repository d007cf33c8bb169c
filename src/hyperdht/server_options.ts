/**
 * Options of servers and connects, and the events of servers.
 *
 * @module
 */
import type { KeyPair, SecretStream, SecretStreamOptions } from "../secret_stream/mod.ts";
import type { UDXStream } from "../udx/mod.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import type { HolepunchVeto } from "./holepunch_port.ts";
import type { DecodedNoisePayload, PeerAddress } from "./messages.ts";
import type { CreateHandshake } from "./noise_wrap.ts";
import type { RelayThrough } from "./relay_meeting.ts";

/** Decides whether a client is refused (true); asked before anything is answered. */
export type ServerFirewall = (
  remotePublicKey: Uint8Array,
  remotePayload: DecodedNoisePayload,
  clientAddress: PeerAddress,
) => boolean | Promise<boolean>;

/** Makes the encrypted stream of a connection; a client's is given its raw stream later. */
export type CreateSecretStream = (
  isInitiator: boolean,
  rawStream: UDXStream | null,
  options: SecretStreamOptions,
) => SecretStream;

/** Options of `dht.createServer()`. */
export interface ServerOptions {
  /** Decides whether a client is refused (default: none is). When it fails the client is refused. */
  readonly firewall?: ServerFirewall;
  /** Asked before punching starts, false refuses; `false` in its place disables punching. */
  readonly holepunch?: HolepunchVeto | false;
  /** A blind relay to meet clients at while no direct way is open (default none). */
  readonly relayThrough?: RelayThrough;
  /** Keep-alive of connections to relays, ms (default 5000). */
  readonly relayKeepAlive?: number;
  /** Whether a client that agrees may use the socket for another connection later (default false). */
  readonly reusableSocket?: boolean;
  /** Whether clients are told the addresses of this machine (default true). */
  readonly shareLocalAddress?: boolean;
  /** Makes the Noise handshake (default: Noise IK). */
  readonly createHandshake?: CreateHandshake;
  /** Makes the encrypted streams. */
  readonly createSecretStream?: CreateSecretStream;
  /** Takes in all connections. */
  readonly pool?: ConnectionPool | null;
  /** How long a finished handshake is kept for what is sent again, ms (default 10 000). */
  readonly handshakeClearWait?: number;
  /** Listens to "connection". */
  readonly onconnection?: (socket: SecretStream) => void;
}

/** Options of `dht.connect()`. */
export interface ConnectOptions {
  /** Who we are (default: the node's key pair). */
  readonly keyPair?: KeyPair;
  /** Nodes that are said to route to the server. */
  readonly relayAddresses?: readonly PeerAddress[];
  /** Same as `relayAddresses`, which takes precedence. */
  readonly nodes?: readonly PeerAddress[];
  /** A blind relay to meet the server at while no direct way is open (default none). */
  readonly relayThrough?: RelayThrough;
  /** Keep-alive of the connection to the relay, ms (default 5000). */
  readonly relayKeepAlive?: number;
  /** Whether to try the way of an earlier connection first, and to keep this one's (default false). */
  readonly reusableSocket?: boolean;
  /** Whether addresses in the local network are tried (default true). */
  readonly localConnection?: boolean;
  /** Whether a session to the server's address is opened while probing (default true). */
  readonly fastOpen?: boolean;
  /** Asked before punching starts; false refuses. */
  readonly holepunch?: HolepunchVeto;
  /** A connection of the pool to the same peer is given back instead of a new one. */
  readonly pool?: ConnectionPool | null;
  /** Makes the Noise handshake (default: Noise IK). */
  readonly createHandshake?: CreateHandshake;
  /** Makes the encrypted stream. */
  readonly createSecretStream?: CreateSecretStream;
  /** Destroys the connection with its reason. */
  readonly signal?: AbortSignal;
}

/** Events of a server with the arguments of their listeners. */
export type ServerEvents = {
  /** A client is connected. */
  connection: [socket: SecretStream];
  /** The server is announced. */
  listening: [];
  /** The server is closed. */
  close: [];
};

/** Options of `suspend()` and `resume()`. */
export interface LogOptions {
  /** Told of each step. */
  readonly log?: (message: string) => void;
}

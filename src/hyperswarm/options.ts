/**
 * Options of swarms. Source: `hyperswarm` 4.17.1 (index.js).
 *
 * @module
 */
import type { Clock, Random } from "../base/mod.ts";
import type { HyperDHTOptions } from "../hyperdht/mod.ts";
import type { RelayChoice, SwarmDHT, SwarmKeyPair } from "./dht.ts";

/** Options of `new Hyperswarm()`; `DHT` is the type of the DHT that it is given. */
export interface HyperswarmOptions<DHT extends SwarmDHT = SwarmDHT> extends
  Pick<
    HyperDHTOptions,
    "bootstrap" | "nodes" | "port" | "host" | "deferRandomPunch" | "randomPunchInterval"
  > {
  /** Who we are (default: made from `seed`, or at random). */
  readonly keyPair?: SwarmKeyPair;
  /** Seed of the key pair, 32 bytes. */
  readonly seed?: Uint8Array;
  /** A DHT to use; it is destroyed with the swarm (default: one of our own with the options for one). */
  readonly dht?: DHT;
  /** Connections at most (default 64). With peers asked for by their key, other peers get a half to a quarter of it. */
  readonly maxPeers?: number;
  /** Connections at most that we make (default: no limit). */
  readonly maxClientConnections?: number;
  /** Connections at most that others make; further ones are refused (default: no limit). */
  readonly maxServerConnections?: number;
  /** Connections being made at a time (default 3). */
  readonly maxParallel?: number;
  /** Tells whether a peer is refused; `payload` is null before we dial. A refused peer is banned. */
  readonly firewall?: (remotePublicKey: Uint8Array, payload: unknown) => boolean;
  /** The key of a blind relay, used where no direct way is, or a function that picks one. */
  readonly relayThrough?: Uint8Array | readonly Uint8Array[] | RelayChoice | null;
  /** Waits before a peer is tried again, ms: short, middle, long, and the last for explicit peers. */
  readonly backoffs?: readonly number[];
  /** What is added to each wait at random, ms at most (default 500). */
  readonly jitter?: number;
  /** How long the server keeps a finished handshake, ms; see HyperDHT. */
  readonly handshakeClearWait?: number;
  /** Time (default: the system's). */
  readonly clock?: Clock;
  /** Choices (default: the runtime's). */
  readonly random?: Random;
}

/** Options of `join()`. */
export interface JoinOptions {
  /** Announce ourselves (default true). */
  readonly server?: boolean;
  /** Look for peers (default true). */
  readonly client?: boolean;
  /** Peers at most that lookups hand on (default: no limit). */
  readonly limit?: number;
  /** Told when the first lookup or announce cannot be made (default: passed over). */
  readonly onerror?: (error: unknown) => void;
}

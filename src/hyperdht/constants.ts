/**
 * Numbers and names that both sides of the wire agree on.
 *
 * @module
 */
import { namespace } from "../hypercore_crypto/mod.ts";

/** Commands of HyperDHT's requests. Source: hyperdht `lib/constants.js`. */
export const COMMANDS = {
  PEER_HANDSHAKE: 0,
  PEER_HOLEPUNCH: 1,
  FIND_PEER: 2,
  LOOKUP: 3,
  ANNOUNCE: 4,
  UNANNOUNCE: 5,
  MUTABLE_PUT: 6,
  MUTABLE_GET: 7,
  IMMUTABLE_PUT: 8,
  IMMUTABLE_GET: 9,
  PLUGIN: 10,
} as const;

/** What a node knows of the NAT before it. Source: hyperdht `lib/constants.js`. */
export const FIREWALL = {
  /** Not known yet. */
  UNKNOWN: 0,
  /** Anybody can reach the node. */
  OPEN: 1,
  /** One mapped port for all destinations. */
  CONSISTENT: 2,
  /** Another mapped port for each destination. */
  RANDOM: 3,
} as const;

/** Error codes in messages. Source: hyperdht `lib/constants.js`. */
export const ERROR = {
  NONE: 0,
  ABORTED: 1,
  VERSION_MISMATCH: 2,
  TRY_LATER: 3,
  SEQ_REUSED: 16,
  SEQ_TOO_LOW: 17,
} as const;

/** Bootstrap nodes of the public network, `suggestedIP@host:port`. Source: hyperdht `lib/constants.js`. */
export const BOOTSTRAP_NODES: readonly string[] = [
  "88.99.3.86@node1.hyperdht.org:49737",
  "142.93.90.113@node2.hyperdht.org:49737",
  "138.68.147.8@node3.hyperdht.org:49737",
];

/** Namespaces of signatures, handshakes and keys, 32 bytes each. */
export interface Namespaces {
  /** Of announcements. */
  readonly ANNOUNCE: Uint8Array;
  /** Of withdrawals of announcements. */
  readonly UNANNOUNCE: Uint8Array;
  /** Of mutable records. */
  readonly MUTABLE_PUT: Uint8Array;
  /** Prologue of the Noise handshake. */
  readonly PEER_HANDSHAKE: Uint8Array;
  /** What the key for hole punching messages is derived with. */
  readonly PEER_HOLEPUNCH: Uint8Array;
  /** Of plugins. */
  readonly PLUGIN: Uint8Array;
}

const [announce, unannounce, mutablePut, peerHandshake, peerHolepunch, plugin] = namespace("hyperswarm/dht", [
  COMMANDS.ANNOUNCE,
  COMMANDS.UNANNOUNCE,
  COMMANDS.MUTABLE_PUT,
  COMMANDS.PEER_HANDSHAKE,
  COMMANDS.PEER_HOLEPUNCH,
  COMMANDS.PLUGIN,
]);

/** The namespaces `hyperswarm/dht`, one per command. Source: hyperdht `lib/constants.js`. */
export const NS: Namespaces = {
  ANNOUNCE: announce!,
  UNANNOUNCE: unannounce!,
  MUTABLE_PUT: mutablePut!,
  PEER_HANDSHAKE: peerHandshake!,
  PEER_HOLEPUNCH: peerHolepunch!,
  PLUGIN: plugin!,
};

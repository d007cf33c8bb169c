/**
 * What a swarm knows of a peer. Source: `hyperswarm` 4.17.1 (lib/peer-info.js).
 *
 * @module
 */
import { copyBytes, equalBytes, hexText, TypedEventEmitter } from "../base/mod.ts";
import type { SwarmAddress } from "./dht.ts";
import { GOOD_CONNECTION_MS, TRIES_MAX } from "./limits.ts";

/** How soon a peer's turn comes, from 0, last, to 4, first. */
export type PeerPriority = 0 | 1 | 2 | 3 | 4;

/** Priority of a peer that nothing speaks for or against. */
export const NORMAL_PRIORITY = 2;

/** Events of a {@linkcode PeerInfo}. */
export interface PeerInfoEvents {
  /** The peer was found under another topic. */
  topic: [topic: Uint8Array];
}

/** A peer of a swarm. Fields that the swarm keeps are for reading only. */
export class PeerInfo extends TypedEventEmitter<PeerInfoEvents> {
  /** The peer's public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The same as hexadecimal digits: the key of `swarm.peers`. */
  readonly id: string;
  /** Nodes that are said to route to the peer. */
  relayAddresses: readonly SwarmAddress[] | null;
  /** Topics that the peer was found under, by us; none for a peer that came by itself. */
  readonly topics: Uint8Array[] = [];
  /** Whether a connection that was lost is made again. */
  reconnecting = true;
  /** Whether a connection that we made has been open since the last discovery. */
  proven = false;
  /** Whether the peer is refused. */
  banned = false;
  /** Compat: part of the package's interface, where nothing sets it (hyperswarm/lib/peer-info.js). */
  readonly tried = false;
  /** Whether it was asked for by its key. */
  explicit = false;
  /** Whether it waits for its next try. */
  waiting = false;
  /** Whether it is in the queue. */
  queued = false;
  /** Whether we made the connection. */
  client = false;
  /** Whether there is no way but a relay. */
  forceRelaying = false;
  /** Tries in a row that ended too soon. */
  attempts = 0;
  /** How soon its turn comes. */
  priority: PeerPriority = NORMAL_PRIORITY;
  /** When the last connection that we made ended, ms of the swarm's clock; 0 for never. */
  disconnectedTime = 0;
  /** When the open connection that we made was opened, ms of the swarm's clock; -1 where there is none. */
  connectedTime: number = -1;
  /** For the swarm: which `flush()` it counts for. */
  flushTick = 0;

  /** Makes what is known of a peer that was never connected. */
  constructor(publicKey: Uint8Array, relayAddresses: readonly SwarmAddress[] | null) {
    super();
    this.publicKey = copyBytes(publicKey);
    this.id = hexText(publicKey);
    this.relayAddresses = relayAddresses;
  }

  /** Whether the peer made the connection. */
  get server(): boolean {
    return !this.client;
  }

  /** Whether its turn comes soon. */
  get prioritized(): boolean {
    return this.priority >= NORMAL_PRIORITY;
  }

  /** Turns making the connection again on or off. */
  reconnect(reconnecting: boolean): void {
    this.reconnecting = Boolean(reconnecting);
  }

  /** Refuses the peer from now on, or no more. */
  ban(banned: boolean): void {
    this.banned = Boolean(banned);
  }

  /** For the swarm: the peer was found under `topic`. */
  addTopic(topic: Uint8Array): void {
    if (this.topics.some((known) => equalBytes(known, topic))) return;
    this.topics.push(topic);
    this.emit("topic", topic);
  }

  /** For the swarm: a connection that we made is open. */
  handleConnected(nowMs: number): void {
    this.client = true;
    this.proven = true;
    this.connectedTime = nowMs;
  }

  /** For the swarm: a connection that we made, or tried to, has ended. */
  handleDisconnected(nowMs: number): void {
    if (this.connectedTime >= 0 && nowMs - this.connectedTime >= GOOD_CONNECTION_MS) this.attempts = 0;
    this.connectedTime = -1;
    this.disconnectedTime = nowMs;
    this.attempts++;
  }

  /** For the swarm: a connection that the peer made has ended, which counts as the first try. */
  handleMissed(): void {
    this.proven = false;
    this.attempts = Math.max(1, this.attempts);
  }

  /** For the swarm: the peer has been found anew, which counts as a new beginning. */
  reset(): void {
    this.client = false;
    this.proven = false;
    this.attempts = 0;
  }

  /** For the swarm: sets the priority by the tries so far; false for a peer that is not to be tried. */
  updatePriority(): boolean {
    if (this.explicit && this.attempts > TRIES_MAX) this.attempts = TRIES_MAX;
    if (this.banned || this.queued || this.attempts > TRIES_MAX) return false;
    this.priority = priorityOf(this.attempts);
    return true;
  }

  /** For the swarm: whether it may be forgotten when it is not connected. */
  get isForgettable(): boolean {
    return !(this.banned || this.queued || this.explicit || this.waiting);
  }
}

/** A peer that was there a moment ago comes before new ones, one that keeps failing after them. */
function priorityOf(attempts: number): PeerPriority {
  switch (attempts) {
    case 0:
      return NORMAL_PRIORITY;
    case 1:
      return 4;
    case 2:
      return 3;
    default:
      return 1;
  }
}

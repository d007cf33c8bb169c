/**
 * A peer as programs see it, with the names of the originals; source: `hypercore/lib/replicator.js`, `Peer`.
 *
 * @module
 */
import type { Channel, FramedStream, Protomux } from "../../protomux/mod.ts";
import type { Bitfield } from "../log/mod.ts";
import type { HandshakeMessage } from "./messages.ts";
import type { PeerState } from "./peer_state.ts";
import type { ReplicationStats } from "./stats.ts";

/** What replication needs of a muxer's stream besides frames; a `SecretStream` has it. */
export interface ReplicationStream extends FramedStream {
  /** Resolves once the handshake is done, to false when the stream ended before. */
  readonly opened: Promise<boolean>;
  /** 64 bytes that both sides and nobody else know; null before the handshake. */
  readonly handshakeHash: Uint8Array | null;
  /** Whether this side began. */
  readonly isInitiator: boolean;
  /** 32 bytes; null before the handshake. */
  readonly remotePublicKey: Uint8Array | null;
  /** Undoes `on`. */
  off?(event: string, listener: (...args: never[]) => void): unknown;
}

/** The channel that a log is replicated over. */
export type ReplicationChannel = Channel<HandshakeMessage>;

/** What a peer asks of the replication it belongs to; no part of the public surface. */
export interface PeerHost {
  sendExtension(state: PeerState, name: string, message: Uint8Array): void;
}

/** One peer that replicates a log with us. */
export class Peer {
  /** The stream to the peer. */
  readonly stream: ReplicationStream;
  /** The muxer on it. */
  readonly protomux: Protomux;
  /** The channel of this log. */
  readonly channel: ReplicationChannel;
  /** 32 bytes. */
  readonly remotePublicKey: Uint8Array | null;
  readonly #host: PeerHost;
  readonly #state: PeerState;

  /** Created by the replication. */
  constructor(host: PeerHost, state: PeerState, protomux: Protomux, channel: ReplicationChannel) {
    this.#host = host;
    this.#state = state;
    this.protomux = protomux;
    this.channel = channel;
    this.stream = protomux.stream as ReplicationStream;
    this.remotePublicKey = this.stream.remotePublicKey;
  }

  /** Blocks of the peer's log. */
  get remoteLength(): number {
    return this.#state.remoteLength;
  }

  /** Blocks the peer has without a gap from 0. */
  get remoteContiguousLength(): number {
    return this.#state.remoteContiguousLength;
  }

  /** Fork of the peer's log. */
  get remoteFork(): number {
    return this.#state.remoteFork;
  }

  /** Blocks the peer says it has. To be read only. */
  get remoteBitfield(): Bitfield {
    return this.#state.has;
  }

  /** Whether the peer can prove its length to us. */
  get remoteCanUpgrade(): boolean {
    return this.#state.remoteCanUpgrade;
  }

  /** Whether the peer answers requests. */
  get remoteUploading(): boolean {
    return this.#state.remoteUploading;
  }

  /** Whether the peer wants blocks. */
  get remoteDownloading(): boolean {
    return this.#state.remoteDownloading;
  }

  /** Whether the peer knows the manifest. */
  get remoteHasManifest(): boolean {
    return this.#state.remoteHasManifest;
  }

  /** Whether the peer takes blocks it did not ask for. */
  get remoteAllowPush(): boolean {
    return this.#state.remoteAllowPush;
  }

  /** Whether the peer understands seeks in requests. */
  get remoteSupportsSeeks(): boolean {
    return this.#state.supportsSeeks;
  }

  /** Whether the peer's channel is open. */
  get remoteOpened(): boolean {
    return !this.#state.isClosed;
  }

  /** Whether the peer has told its state. */
  get remoteSynced(): boolean {
    return this.#state.isSynced;
  }

  /** Our length as the peer knows it, 0 across forks. */
  get lengthAcked(): number {
    return this.#state.lengthAcked;
  }

  /** Whether our length can be proved to the peer, as far as we know. */
  get canUpgrade(): boolean {
    return this.#state.canUpgrade;
  }

  /** Requests to the peer without an answer. */
  get inflight(): number {
    return this.#state.window.open;
  }

  /** Not asked and not served any more. */
  get paused(): boolean {
    return this.#state.isPaused;
  }

  /** Whether the peer is gone. */
  get removed(): boolean {
    return this.#state.isClosed;
  }

  /** Counters. */
  get stats(): ReplicationStats {
    return this.#state.stats;
  }

  /** Requests the peer may have open just now. */
  getMaxInflight(): number {
    return this.#state.window.limit;
  }

  /** Whether the peer may be asked and is served. */
  isActive(): boolean {
    return this.#state.isActive;
  }

  /** Sends bytes to the extension of that name at the peer. */
  extension(name: string, message: Uint8Array): void {
    this.#host.sendExtension(this.#state, name, message);
  }
}

/**
 * Agreeing on lengths: when to tell a peer our state, and whether ours can be proved from the peer's.
 *
 * A peer asks for an upgrade only from one who acknowledged its own length and says that it can be upgraded. Source:
 * `hypercore/lib/replicator.js`, `onsync`, `sendSync`, `signalUpgrade`.
 *
 * @module
 */
import type { LogState, ReplicationContext } from "./context.ts";
import type { SyncMessage } from "./messages.ts";
import type { PeerState } from "./peer_state.ts";

/** The negotiation with all peers. */
export class Negotiation {
  readonly #context: ReplicationContext;
  #hasSignalledDownloading = false;

  constructor(context: ReplicationContext) {
    this.#context = context;
  }

  /** A peer told its state, which is noted already but for what follows from it. */
  handleSync(peer: PeerState, message: SyncMessage, hasLengthChanged: boolean): void {
    const { published } = this.#context.log;
    const { length, fork } = message;
    const isSameFork = fork === published.fork;
    if (hasLengthChanged && isSameFork) {
      const canUpgrade = this.#canUpgrade(length, fork);
      if (canUpgrade === null) {
        peer.upgradeChecks++;
        this.#context.jobs.push({ kind: "upgradeable", peer, state: published, length, isSync: true });
        return;
      }
      this.#noteCanUpgrade(peer, canUpgrade);
    } else {
      this.#noteCanUpgrade(peer, peer.canUpgrade && isSameFork);
    }
    this.#afterSync(peer);
  }

  /** The log's answer whether our state can be proved from `length`. */
  handleUpgradeable(
    { peer, state, length, isSync }: { peer: PeerState; state: LogState; length: number; isSync: boolean },
    canUpgrade: boolean,
  ): void {
    const { published } = this.#context.log;
    peer.upgradeChecks--;
    this.#context.generation++;
    const isCurrent = published.fork === state.fork && peer.remoteFork === state.fork &&
      peer.remoteLength === length;
    if (isSync) {
      if (isCurrent) this.#noteCanUpgrade(peer, canUpgrade && length < published.length);
      if (peer.upgradeChecks === 0) this.#afterSync(peer);
    } else if (peer.upgradeChecks === 0 && isCurrent && published.length === state.length) {
      this.#noteRecheck(peer, canUpgrade);
      if (peer.needsSync) this.sendSync(peer);
    } else if (peer.upgradeChecks === 0) {
      this.signal(peer);
    }
  }

  /** Our state changed: tells `peer`, after finding out whether ours can be proved from its. */
  signal(peer: PeerState): void {
    if (this.#isRecheckDue(peer)) this.#recheck(peer);
    else this.sendSync(peer);
  }

  /** Our state changed: tells every peer. */
  signalAll(): void {
    for (const peer of this.#context.peers) this.signal(peer);
  }

  /** More of the tree is stored: finds out whether it now suffices to prove our length to `peer`. */
  handleStored(peer: PeerState): void {
    if (this.#isRecheckDue(peer)) this.#recheck(peer);
  }

  /** Notes that `peer` is to be told our state. */
  sendSync(peer: PeerState): void {
    if (peer.upgradeChecks > 0) {
      peer.needsSync = true;
      return;
    }
    peer.needsSync = false;
    peer.isSyncDue = true;
  }

  /** Tells every peer when we have ceased to download. */
  checkDownloading(): void {
    if (!this.#hasSignalledDownloading || this.#context.isDownloading) return;
    this.#hasSignalledDownloading = false;
    for (const peer of this.#context.peers) this.sendSync(peer);
  }

  /** Sends our state where that is due, unless the peer's stream is full. */
  flush(peer: PeerState): void {
    if (!peer.isSyncDue || !peer.isDrained) return;
    const { published, manifest, compat } = this.#context.log;
    const isSameFork = published.fork === peer.remoteFork;
    if (!isSameFork) peer.canUpgrade = false;
    peer.isSyncDue = false;
    this.#hasSignalledDownloading = this.#context.isDownloading;
    // Before anything else, so that announcements do not reach past the length the peer knows.
    peer.outbox.unshift({
      kind: "sync",
      message: {
        fork: published.fork,
        length: published.length,
        remoteLength: isSameFork ? peer.remoteLength : 0,
        canUpgrade: peer.canUpgrade,
        uploading: true,
        downloading: this.#context.isDownloading,
        hasManifest: manifest !== null && !compat,
        allowPush: this.#context.isAllowingPush,
      },
    });
    peer.stats.wireSync.tx++;
    this.#context.stats.wireSync.tx++;
  }

  #afterSync(peer: PeerState): void {
    const { published } = this.#context.log;
    const isAhead = published.fork === peer.remoteFork && published.length > peer.remoteLength;
    if (peer.needsSync || isAhead) this.signal(peer);
  }

  #noteCanUpgrade(peer: PeerState, canUpgrade: boolean): void {
    peer.canUpgrade = canUpgrade;
    if (!canUpgrade) return;
    peer.lastUpgradableFork = peer.remoteFork;
    peer.lastUpgradableLength = peer.remoteLength;
  }

  #isRecheckDue(peer: PeerState): boolean {
    const { published } = this.#context.log;
    return published.fork === peer.remoteFork && published.length > peer.remoteLength && !peer.canUpgrade &&
      peer.upgradeChecks === 0;
  }

  #recheck(peer: PeerState): void {
    const { published } = this.#context.log;
    const length = peer.remoteLength;
    const canUpgrade = this.#canUpgrade(length, peer.remoteFork);
    if (canUpgrade !== null) this.#noteRecheck(peer, canUpgrade);
    else {
      peer.upgradeChecks++;
      this.#context.jobs.push({ kind: "upgradeable", peer, state: published, length, isSync: false });
    }
  }

  /** Compat: hypercore/lib/replicator.js tells a peer nothing while its length cannot be proved to it. */
  #noteRecheck(peer: PeerState, canUpgrade: boolean): void {
    if (canUpgrade === peer.canUpgrade) return;
    this.#noteCanUpgrade(peer, canUpgrade);
    this.#context.generation++;
    this.sendSync(peer);
  }

  /** Whether our state can be proved to one who has `length` blocks; null when the log has to look. */
  #canUpgrade(length: number, fork: number): boolean | null {
    const { published } = this.#context.log;
    if (fork !== published.fork) return false;
    if (length === 0) return true;
    if (length >= published.length) return false;
    return this.#context.log.upgradeable(length);
  }
}

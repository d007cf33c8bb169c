/**
 * When users who wait for a longer log are told that there is none: once no peer is expected, and those there are have
 * all said so. Source: `hypercore/lib/replicator.js`, `_checkUpgradeIfAvailable`.
 *
 * @module
 */
import type { ReplicationContext } from "./context.ts";
import type { DemandBook } from "./demands.ts";
import { UPGRADE_PEERS_MAX } from "./limits.ts";
import type { PeerState } from "./peer_state.ts";
import type { Reorgs } from "./reorgs.ts";

/** The watch over the upgrade that users wait for. */
export class UpgradeWatch {
  readonly #context: ReplicationContext;
  readonly #book: DemandBook;
  readonly #reorgs: Reorgs;
  #hasHadPeers = false;

  /** Channels that may be about to open; an upgrade waits for their word. */
  expectedPeers = 0;
  /** Someone looks for peers while this is above 0; an upgrade then waits for the first. */
  findingPeers = 0;

  constructor(context: ReplicationContext, book: DemandBook, reorgs: Reorgs) {
    this.#context = context;
    this.#book = book;
    this.#reorgs = reorgs;
  }

  /** Resolves the upgrade to false if nobody can bring one. */
  check(): void {
    const { upgrade } = this.#book;
    const { peers } = this.#context;
    this.#hasHadPeers ||= peers.length > 0;
    if (upgrade === null || upgrade.handles.length === 0 || upgrade.requests.length > 0) return;
    if (this.#reorgs.isBusy) return;
    if (this.expectedPeers > 0 && peers.length < UPGRADE_PEERS_MAX) return;
    if (!this.#hasHadPeers && this.findingPeers > 0) return;
    // The word of a few suffices; asking all would make a large swarm slow to answer.
    const { length, fork } = upgrade;
    if (!peers.slice(0, UPGRADE_PEERS_MAX).some((peer) => this.#mayUpgrade(peer, length, fork))) {
      this.#book.resolveUpgrade(false);
    }
  }

  #mayUpgrade(peer: PeerState, length: number, fork: number): boolean {
    const { head, published } = this.#context.log;
    if (!peer.isSynced) return true;
    if (head.length === 0 && peer.remoteLength > 0) return true;
    if (peer.remoteLength <= length || peer.remoteFork !== fork) return false;
    if (peer.upgradeChecks > 0 || peer.remoteCanUpgrade) return true;
    return peer.lengthAcked !== published.length && peer.remoteFork === head.fork;
  }
}

/**
 * Whether blocks are wanted, who is told so, and which channels are closed because neither side wants any.
 *
 * Source: `hypercore/lib/replicator.js`, `updateActivity`, `setDownloading`, `closeIfIdle`.
 *
 * @module
 */
import type { ReplicationContext } from "./context.ts";
import type { Negotiation } from "./negotiation.ts";
import type { PeerState } from "./peer_state.ts";

/** The interest in blocks. */
export class Activity {
  readonly #context: ReplicationContext;
  readonly #negotiation: Negotiation;
  #sessions = 0;

  constructor(context: ReplicationContext, negotiation: Negotiation) {
    this.#context = context;
    this.#negotiation = negotiation;
  }

  /** Sessions that want blocks came (positive) or went. */
  update(change: number): void {
    this.#sessions += change;
    this.setDownloading(this.#sessions > 0);
  }

  /** Says whether blocks are wanted; that they are not takes effect after the linger time. */
  setDownloading(downloading: boolean): void {
    const context = this.#context;
    const wasAllowingPush = context.isAllowingPush;
    context.lingerEndMs = null;
    if (downloading || context.options.lingerMs === 0) this.#set(downloading);
    else context.lingerEndMs = context.nowMs + context.options.lingerMs;
    if (wasAllowingPush !== context.isAllowingPush) this.#negotiation.signalAll();
  }

  /** Time passed. */
  handleTime(): void {
    const { lingerEndMs, nowMs } = this.#context;
    if (lingerEndMs === null || lingerEndMs > nowMs) return;
    this.#context.lingerEndMs = null;
    this.#set(false);
  }

  /** When {@linkcode handleTime} is due, ms; Infinity for never. */
  get deadlineMs(): number {
    return this.#context.lingerEndMs ?? Infinity;
  }

  /** Has the channel closed if neither side downloads; tells whether it does. */
  closeIfIdle(peer: PeerState): boolean {
    if (peer.remoteDownloading || this.#context.isDownloading) return false;
    this.#context.emit({ kind: "close", peer, error: null });
    return true;
  }

  #set(downloading: boolean): void {
    const context = this.#context;
    if (context.downloading === downloading) return;
    context.downloading = downloading;
    if (!downloading && context.isDownloading) return;
    for (const peer of context.peers) this.#negotiation.sendSync(peer);
    if (!downloading) { for (const peer of context.peers) this.closeIfIdle(peer); }
    context.emit({ kind: "downloading", value: downloading });
  }
}

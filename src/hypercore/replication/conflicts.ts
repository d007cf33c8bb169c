/**
 * Finding out whether a proof that did not hold is a lie, or the writer has signed two different logs.
 *
 * A peer whose proof failed is asked for its signed tree before it is cut off. Should both trees be signed, the log is
 * frozen, every peer is shown the proof, and all channels are closed. Source: `hypercore/lib/core.js`,
 * `checkConflict`, and `hypercore/lib/replicator.js`, `_checkIfConflict`, `_onconflict`.
 *
 * @module
 */
import type { HypercoreError } from "../errors.ts";
import type { ConflictResult } from "../log/mod.ts";
import type { ReplicationContext } from "./context.ts";
import { CONFLICT_CHECK_MS } from "./limits.ts";
import type { DataMessage } from "./messages.ts";
import type { PeerState } from "./peer_state.ts";
import type { Uploads } from "./uploads.ts";

/** Peers whose proofs failed. */
export class Conflicts {
  readonly #context: ReplicationContext;
  readonly #uploads: Uploads;
  readonly #suspects = new Map<PeerState, { readonly error: HypercoreError; readonly endMs: number }>();

  constructor(context: ReplicationContext, uploads: Uploads) {
    this.#context = context;
    this.#uploads = uploads;
  }

  /** A proof of `peer` did not hold: it is cut off, at once or once it is known that there is no conflict. */
  suspect(peer: PeerState, error: HypercoreError): void {
    if (peer.isCutOff || this.#suspects.has(peer)) return;
    const { head, published } = this.#context.log;
    const length = Math.min(published.length, peer.remoteLength);
    // Nodes that are out of place say nothing about what was signed.
    if (error.code === "INVALID_OPERATION" || length === 0 || peer.remoteFork !== head.fork) {
      this.#context.cutOff(peer, error);
      return;
    }
    peer.isPaused = true;
    this.#suspects.set(peer, { error, endMs: this.#context.nowMs + CONFLICT_CHECK_MS });
    this.#ask(peer, length);
  }

  /** Asks a peer for its signed tree. */
  ask(peer: PeerState): void {
    const { head } = this.#context.log;
    if (peer.remoteFork === head.fork && peer.remoteLength >= head.length) this.#ask(peer, head.length);
  }

  #ask(peer: PeerState, length: number): void {
    peer.outbox.push({
      kind: "request",
      message: {
        id: 0,
        fork: peer.remoteFork,
        block: null,
        hash: null,
        seek: null,
        upgrade: { start: 0, length },
        manifest: false,
        priority: 0,
      },
    });
  }

  /** A peer shows its signed tree, asked or not; one look at a time. */
  handleProof(peer: PeerState, data: DataMessage): void {
    if (peer.isConflictChecking) return;
    peer.isConflictChecking = true;
    this.#context.jobs.push({ kind: "conflict", peer, data });
  }

  /** A peer has no tree to show. */
  handleNoProof(peer: PeerState): void {
    this.#cutOff(peer);
  }

  /** The log has compared the trees. */
  handleChecked(peer: PeerState, data: DataMessage, result: ConflictResult): void {
    peer.isConflictChecking = false;
    if (result !== "conflict") return this.#cutOff(peer);
    this.#suspects.clear();
    this.#context.emit({ kind: "conflict", data });
    for (const other of this.#context.peers) this.#uploads.showTree(other);
  }

  /** Time passed. */
  handleTime(): void {
    for (const [peer, { endMs }] of this.#suspects) if (endMs <= this.#context.nowMs) this.#cutOff(peer);
  }

  /** When {@linkcode handleTime} is due, ms; Infinity for never. */
  get deadlineMs(): number {
    let deadlineMs = Infinity;
    for (const { endMs } of this.#suspects.values()) deadlineMs = Math.min(deadlineMs, endMs);
    return deadlineMs;
  }

  /** Forgets a peer that is gone. */
  dropPeer(peer: PeerState): void {
    this.#suspects.delete(peer);
  }

  #cutOff(peer: PeerState): void {
    const suspect = this.#suspects.get(peer);
    if (suspect === undefined) return;
    this.#suspects.delete(peer);
    this.#context.cutOff(peer, suspect.error);
  }
}

/**
 * Waiting, after own appends may have been lost, until peers have confirmed that they have nothing that is not here: an
 * append before that could sign a second block at an index that a peer has seen.
 *
 * Source of semantics: `hypercore/lib/session-state.js`, `waitForRecovery`.
 *
 * @module
 */
import { equalBytes } from "../base/mod.ts";
import { HypercoreError } from "./errors.ts";
import { RECOVERY_CHECKS, RECOVERY_INTERVAL_MS, RECOVERY_RETRY_MS } from "./limits.ts";
import type { Log } from "./log/mod.ts";
import type { Peer, Replicator } from "./replication/mod.ts";

/** What is waited for. */
export interface Recovery {
  /** The log. */
  readonly log: Log;
  /** Its peers. */
  readonly replicator: Replicator;
  /** Public keys of those whose word counts; null for everybody's. */
  trusted(): readonly Uint8Array[] | null;
  /** Whether it is too late. */
  isClosing(): boolean;
}

/**
 * Resolves once all peers that count have said for 8 s that they have no more than is here.
 *
 * @throws {HypercoreError} `SESSION_CLOSED`, `SESSION_NOT_WRITABLE` where the log grew meanwhile.
 */
export async function waitForRecovery(recovery: Recovery): Promise<void> {
  const { log } = recovery;
  const { length } = log.head;
  while (!recovery.isClosing()) {
    if (!await isConfirmed(recovery)) continue;
    if (log.head.length !== length) {
      throw new HypercoreError("SESSION_NOT_WRITABLE", "The log was recovered while it was waited for");
    }
    await log.setRecovering(0);
    return;
  }
  throw new HypercoreError("SESSION_CLOSED", "Cannot recover a closed core");
}

async function isConfirmed(recovery: Recovery): Promise<boolean> {
  if (peersThatCount(recovery).length === 0) {
    await pause(recovery, RECOVERY_RETRY_MS);
    return false;
  }
  for (let check = 0; check < RECOVERY_CHECKS; check++) {
    await pause(recovery, RECOVERY_INTERVAL_MS);
    const peers = peersThatCount(recovery);
    if (recovery.isClosing() || peers.length === 0) return false;
    if (!peers.every((peer) => isBehind(peer, recovery.log.head.length))) return false;
  }
  return true;
}

function peersThatCount(recovery: Recovery): readonly Peer[] {
  const { replicator } = recovery;
  const trusted = recovery.trusted();
  if (trusted === null) return replicator.peers;
  return replicator.peers.filter(({ remotePublicKey }) =>
    remotePublicKey !== null && trusted.some((key) => equalBytes(key, remotePublicKey))
  );
}

function isBehind({ remoteLength, remoteSynced }: Peer, length: number): boolean {
  return remoteLength <= length && (remoteLength > 0 || remoteSynced);
}

function pause({ replicator }: Recovery, ms: number): Promise<void> {
  return new Promise((resolve) => replicator.clock.schedule(ms, resolve, { unref: true }));
}

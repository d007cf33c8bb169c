/**
 * When peers are tried again. Source of the waits: `hyperswarm` 4.17.1 (lib/retry-timer.js).
 *
 * @module
 */
import type { Random } from "../base/mod.ts";
import { BACKOFF_JITTER_MS, BACKOFFS, TRIES_MAX } from "./limits.ts";
import type { PeerInfo } from "./peer_info.ts";

/** Options of a {@linkcode RetrySchedule}. */
export interface RetryOptions {
  /** Short, middle, long and last wait, ms. */
  readonly backoffs?: readonly number[];
  /** What is added to each wait at random, ms at most. */
  readonly jitter?: number;
}

interface Waiting {
  readonly peer: PeerInfo;
  readonly dueMs: number;
}

/** Peers that wait for their next try, by how long they wait. */
export class RetrySchedule {
  readonly #waitsMs: readonly number[];
  /** One list a wait: who comes later is due later. */
  readonly #lists: Waiting[][];

  /** Picks the waits. */
  constructor(options: RetryOptions, random: Random) {
    const jitterMs = options.jitter ?? BACKOFF_JITTER_MS;
    const backoffsMs = options.backoffs ??
      BACKOFFS.map(({ baseMs, spreadMs }) => baseMs + spreadMs * random.next());
    this.#waitsMs = backoffsMs.map((ms) => Math.round(ms + jitterMs * random.next()));
    this.#lists = this.#waitsMs.map(() => []);
  }

  /** Lets a peer wait; false for one that is not to be tried again. */
  add(peer: PeerInfo, nowMs: number): boolean {
    const tier = tierOf(peer);
    const waitMs = tier === null ? undefined : this.#waitsMs[tier];
    if (tier === null || waitMs === undefined) return false;
    this.#lists[tier]!.push({ peer, dueMs: nowMs + waitMs });
    return true;
  }

  /** Takes out the peers whose time has come. */
  takeDue(nowMs: number): PeerInfo[] {
    const due: PeerInfo[] = [];
    for (const list of this.#lists) {
      const end = list.findIndex(({ dueMs }) => dueMs > nowMs);
      for (const { peer } of list.splice(0, end === -1 ? list.length : end)) due.push(peer);
    }
    return due;
  }

  /** When the next peer's time comes, null when none waits. */
  get deadlineMs(): number | null {
    let deadlineMs: number | null = null;
    for (const [first] of this.#lists) {
      if (first !== undefined && (deadlineMs === null || first.dueMs < deadlineMs)) deadlineMs = first.dueMs;
    }
    return deadlineMs;
  }

  /** Forgets all. */
  clear(): void {
    for (const list of this.#lists) {
      for (const { peer } of list) peer.waiting = false;
      list.length = 0;
    }
  }
}

/** Which wait is a peer's; one that was connected waits less. */
function tierOf(peer: PeerInfo): number | null {
  if (peer.banned || !peer.reconnecting) return null;
  if (peer.attempts > TRIES_MAX) return peer.explicit ? 3 : null;
  if (peer.attempts === 0) return 0;
  return peer.proven ? peer.attempts - 1 : Math.min(peer.attempts, 2);
}

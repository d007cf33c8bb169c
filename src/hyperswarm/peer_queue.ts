/**
 * Peers that wait for their turn.
 *
 * @module
 */
import type { Random } from "../base/mod.ts";
import type { PeerInfo } from "./peer_info.ts";

/** A queue by priority; which of equals comes first is left to chance, so that not all of a swarm dial the same peer. */
export class PeerQueue {
  readonly #random: Random;
  readonly #levels: PeerInfo[][] = [[], [], [], [], []];
  #length = 0;

  /** Makes an empty queue. */
  constructor(random: Random) {
    this.#random = random;
  }

  /** How many peers wait. */
  get length(): number {
    return this.#length;
  }

  /** Adds a peer and marks it as queued; its priority stays as it is until its turn. */
  add(peer: PeerInfo): void {
    peer.queued = true;
    this.#levels[peer.priority]!.push(peer);
    this.#length++;
  }

  /** Takes the next peer out, null when none waits. */
  shift(): PeerInfo | null {
    const level = this.#levels.findLast((peers) => peers.length > 0);
    if (level === undefined) return null;
    const index = Math.floor(this.#random.next() * level.length);
    const peer = level[index]!;
    const last = level.pop()!;
    if (last !== peer) level[index] = last;
    this.#length--;
    peer.queued = false;
    return peer;
  }

  /** Takes those out that `isUnwanted` accepts. */
  takeOut(isUnwanted: (peer: PeerInfo) => boolean): PeerInfo[] {
    const taken: PeerInfo[] = [];
    for (const [priority, level] of this.#levels.entries()) {
      this.#levels[priority] = level.filter((peer) => {
        if (!isUnwanted(peer)) return true;
        peer.queued = false;
        taken.push(peer);
        return false;
      });
    }
    this.#length -= taken.length;
    return taken;
  }

  /** Takes all peers out. */
  clear(): void {
    for (const level of this.#levels) {
      for (const peer of level) peer.queued = false;
      level.length = 0;
    }
    this.#length = 0;
  }
}

/**
 * Keeping a server announced: which step comes next.
 *
 * An announcer looks for the nodes nearest to the server's topic, announces to the best three of them, which then
 * relay for it, and pings these until it is time, or one was lost, to begin anew.
 *
 * @module
 */
import { addressText, isSameAddress } from "./addresses.ts";
import {
  ANNOUNCE_MOVED_ROUND_MIN,
  ANNOUNCE_PING_INTERVAL_MS,
  ANNOUNCE_PING_ROUNDS,
  ANNOUNCE_RELAYS,
  ANNOUNCE_RETRY_MS,
  RELAY_ADDRESSES_MAX,
} from "./limits.ts";
import type { PeerAddress, RelayInfo } from "./messages.ts";

/** The next step. `reply` is whatever the driver knows a found node by. */
export type AnnouncerStep<Reply> =
  /** Look for the nodes nearest to the topic, beginning with `nodes` if there are some. */
  | { readonly kind: "find"; readonly nodes: readonly PeerAddress[] | null }
  /** Announce to these nodes. */
  | { readonly kind: "announce"; readonly replies: readonly Reply[] }
  /** Withdraw from these nodes. */
  | { readonly kind: "unannounce"; readonly nodes: readonly PeerAddress[] }
  /** Ping these nodes. */
  | { readonly kind: "ping"; readonly nodes: readonly PeerAddress[] }
  /** Wait so long, unless woken. */
  | { readonly kind: "pause"; readonly delayMs: number }
  /** Wait until the node is online, unless woken. */
  | { readonly kind: "offline" }
  /** Wait until resumed or stopped. */
  | { readonly kind: "suspended" }
  /** It is over. */
  | { readonly kind: "stopped" };

/** A node that took an announcement. */
export interface Announced {
  /** The node. */
  readonly relayAddress: PeerAddress;
  /** We as the node sees us. */
  readonly peerAddress: PeerAddress;
}

type Phase<Reply> =
  | { readonly kind: "begin" }
  | { readonly kind: "finding" }
  | { readonly kind: "found"; readonly replies: readonly Reply[] }
  | { readonly kind: "announcing" }
  | { readonly kind: "announced"; readonly removed: readonly PeerAddress[] }
  | { readonly kind: "removing" }
  | { readonly kind: "watch"; readonly round: number }
  | { readonly kind: "pinging"; readonly round: number }
  | { readonly kind: "resting"; readonly round: number };

/** Pure machine of one announcer. Source: hyperdht `lib/announcer.js`. */
export class AnnouncerMachine<Reply> {
  #phase: Phase<Reply> = { kind: "begin" };
  #isStopped = false;
  #isSuspended = false;
  #isRefreshing = false;
  #closestNodes: readonly PeerAddress[] | null = null;
  #relays: readonly RelayInfo[] = [];
  #relayAddresses: readonly PeerAddress[] = [];
  /** Nodes that keep an announcement of ours. */
  readonly #announced = new Map<string, PeerAddress>();
  /** Nodes announced to in the last three updates, the last one at the end. */
  #generations: readonly [Map<string, PeerAddress>, Map<string, PeerAddress>, Map<string, PeerAddress>] = [
    new Map(),
    new Map(),
    new Map(),
  ];

  /** The rest of the announcer's life is over; what is under way ends. */
  stop(): void {
    this.#isStopped = true;
  }

  /** Announces no more until resumed. */
  suspend(): void {
    this.#isSuspended = true;
  }

  /** Announces again, at once. */
  resume(): void {
    this.#isSuspended = false;
    this.refresh();
  }

  /** Begins anew at the next opportunity. */
  refresh(): void {
    this.#isRefreshing = true;
  }

  /** The query ended; `replies` are those of the nearest nodes, nearest first. */
  handleFound(replies: readonly Reply[], closestNodes: readonly PeerAddress[]): void {
    if (this.#phase.kind !== "finding") return;
    if (this.#isStopped || this.#isSuspended) return this.#setPhase({ kind: "watch", round: 0 });
    if (closestNodes.length > 0) this.#closestNodes = closestNodes;
    // Compat: the original has in mind to choose by round trip and takes the nearest (hyperdht lib/announcer.js).
    this.#setPhase({ kind: "found", replies: replies.slice(0, ANNOUNCE_RELAYS) });
  }

  /**
   * The announcements ended: those that were taken, in the order in which they were. `ownAddress` is that of our node
   * when it can be reached by anybody.
   */
  handleAnnounced(announced: readonly Announced[], ownAddress: PeerAddress | null): void {
    if (this.#phase.kind !== "announcing") return;
    const [, previous, current] = this.#generations;
    for (const { relayAddress } of announced) {
      current.set(addressText(relayAddress), relayAddress);
      this.#announced.set(addressText(relayAddress), relayAddress);
    }
    if (this.#isStopped || this.#isSuspended) return this.#setPhase({ kind: "watch", round: 0 });
    this.#relays = announced.map(({ relayAddress, peerAddress }) => ({ relayAddress, peerAddress }));
    const addresses = announced.map(({ relayAddress: { host, port } }) => ({ host, port }));
    this.#relayAddresses = [...(ownAddress === null ? [] : [ownAddress]), ...addresses]
      .slice(0, RELAY_ADDRESSES_MAX);
    const removed = Array.from(previous).filter(([key]) => !current.has(key)).map(([, node]) => node);
    this.#setPhase({ kind: "announced", removed });
  }

  /** The withdrawals ended. */
  handleUnannounced(): void {
    if (this.#phase.kind === "removing") this.#setPhase({ kind: "watch", round: 0 });
  }

  /** The pings ended: so many were answered, and these nodes said where they see us. */
  handlePonged(count: number, seen: readonly Announced[] = []): void {
    if (this.#phase.kind !== "pinging") return;
    const { round } = this.#phase;
    if (count < Math.min(this.currentNodes.length, ANNOUNCE_RELAYS)) this.refresh();
    if (round >= ANNOUNCE_MOVED_ROUND_MIN && this.#hasMoved(seen)) this.refresh();
    this.#setPhase({ kind: "resting", round: round + 1 });
  }

  /** The nodes that keep an announcement, for withdrawing all of them; they are forgotten here. */
  takeAnnounced(): PeerAddress[] {
    const nodes = Array.from(this.#announced.values());
    this.#announced.clear();
    return nodes;
  }

  /** The next step; what came of the last one has been handed in, pauses are over. */
  nextStep(isOnline: boolean): AnnouncerStep<Reply> {
    if (this.#isStopped) return { kind: "stopped" };
    while (true) {
      const phase = this.#phase;
      switch (phase.kind) {
        case "begin":
          return this.#begin();
        case "found":
          this.#setPhase({ kind: "announcing" });
          return { kind: "announce", replies: phase.replies };
        case "announced":
          this.#setPhase({ kind: "removing" });
          for (const node of phase.removed) this.#announced.delete(addressText(node));
          return { kind: "unannounce", nodes: phase.removed };
        case "watch": {
          if (this.#isSuspended) return { kind: "suspended" };
          if (!isOnline && phase.round === 0 && !this.#isRefreshing) return { kind: "offline" };
          if (this.#isRefreshing || phase.round >= ANNOUNCE_PING_ROUNDS) return this.#begin();
          this.#setPhase({ kind: "pinging", round: phase.round });
          return { kind: "ping", nodes: this.currentNodes };
        }
        case "resting":
          this.#setPhase({ kind: "watch", round: phase.round });
          if (this.#isSuspended || this.#isRefreshing) continue;
          return { kind: "pause", delayMs: ANNOUNCE_PING_INTERVAL_MS };
        default:
          // What was under way was not reported: it failed.
          this.#setPhase({ kind: "watch", round: 0 });
          this.refresh();
          return { kind: "pause", delayMs: ANNOUNCE_RETRY_MS };
      }
    }
  }

  /** Nodes that relay for the server, and how they see it. */
  get relays(): readonly RelayInfo[] {
    return this.#relays;
  }

  /** Addresses to give to clients, at most 3. */
  get relayAddresses(): readonly PeerAddress[] {
    return this.#relayAddresses;
  }

  /** Nodes announced to in the last update. */
  get currentNodes(): readonly PeerAddress[] {
    return Array.from(this.#generations[2].values());
  }

  /** Whether a node was announced to lately. */
  isRelay(address: PeerAddress): boolean {
    const key = addressText(address);
    return this.#generations.some((generation) => generation.has(key));
  }

  /** Whether the announcer's life is over. */
  get isStopped(): boolean {
    return this.#isStopped;
  }

  /** Whether the announcer rests. */
  get isSuspended(): boolean {
    return this.#isSuspended;
  }

  /**
   * Whether a relay sees us elsewhere than when we announced: it would go on sending clients to the old address. The
   * original notices after 5 minutes.
   */
  #hasMoved(seen: readonly Announced[]): boolean {
    return seen.some(({ relayAddress, peerAddress }) => {
      const relay = this.#relays.find((known) => isSameAddress(known.relayAddress, relayAddress));
      return relay !== undefined && !isSameAddress(relay.peerAddress, peerAddress);
    });
  }

  #begin(): AnnouncerStep<Reply> {
    this.#isRefreshing = false;
    const [oldest, older, newest] = this.#generations;
    oldest.clear();
    this.#generations = [older, newest, oldest];
    this.#setPhase({ kind: "finding" });
    return { kind: "find", nodes: this.#closestNodes };
  }

  #setPhase(phase: Phase<Reply>): void {
    this.#phase = phase;
  }
}

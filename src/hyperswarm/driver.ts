/**
 * The class that programs use: peers of topics, found, connected and kept.
 *
 * Source for names, options, defaults and behaviour: `hyperswarm` 4.17.1 (index.js).
 *
 * @module
 */
import {
  type CancelTimer,
  type Clock,
  copyBytes,
  equalBytes,
  getStreamError,
  hexText,
  type Random,
  runtimeRandom,
  TypedEventEmitter,
} from "../base/mod.ts";
import { keyPair as makeKeyPair } from "../hypercore_crypto/mod.ts";
import { type DestroyOptions, HyperDHT, type LogOptions } from "../hyperdht/mod.ts";
import { systemClock } from "../platform/mod.ts";
import { ConnectionSet, takesPlace } from "./connection_set.ts";
import type {
  AnnouncedPeer,
  RelayChoice,
  SwarmAddress,
  SwarmConnection,
  SwarmDHT,
  SwarmKeyPair,
} from "./dht.ts";
import { type DiscoverySwarm, PeerDiscovery } from "./discovery.ts";
import type { DiscoverySession } from "./discovery_session.ts";
import { checkKey, HyperswarmError } from "./errors.ts";
import { Flushes } from "./flushes.ts";
import {
  BANNED_PEERS_MAX,
  EXPLICIT_TRIES_MAX,
  EXPLICIT_WAIT_MS,
  KNOWN_PEERS_MAX,
  PARALLEL_MAX,
  PEERS_MAX,
} from "./limits.ts";
import type { HyperswarmOptions, JoinOptions } from "./options.ts";
import { PeerInfo } from "./peer_info.ts";
import { PeerQueue } from "./peer_queue.ts";
import { RetrySchedule } from "./retry_schedule.ts";

/** Events of a {@linkcode Hyperswarm}. */
export interface HyperswarmEvents {
  /** A peer is connected, whoever began. */
  connection: [connection: SwarmConnection, peerInfo: PeerInfo];
  /** Counts have changed. */
  update: [];
  /** A peer was banned. */
  ban: [peerInfo: PeerInfo, error: Error];
}

/** What a swarm counts. */
export interface HyperswarmStats {
  /** How often `update` was emitted. */
  updates: number;
  /** Connections by who began them. */
  readonly connects: {
    readonly client: { opened: number; closed: number; attempted: number };
    readonly server: { opened: number; closed: number };
  };
  /** Bans so far. */
  bannedPeers: number;
}

/** Everything worth watching of a swarm, as plain data. */
export interface HyperswarmMetrics {
  /** A copy of `swarm.stats`. */
  readonly stats: HyperswarmStats;
  /** Connections that are open, by who began them, and those that we are making. */
  readonly connections: { readonly client: number; readonly server: number; readonly connecting: number };
  /** Peers: all that are known, those that wait to be dialled, asked for by their key, and banned. */
  readonly peers: {
    readonly known: number;
    readonly waiting: number;
    readonly explicit: number;
    readonly banned: number;
  };
  /** Topics that are joined, as hexadecimal digits, and how. */
  readonly topics: readonly { readonly topic: string; readonly client: boolean; readonly server: boolean }[];
  /** Whether it pauses. */
  readonly suspended: boolean;
  /** Whether it is destroyed. */
  readonly destroyed: boolean;
}

/** Errors of dialling that a relay may help against. */
const RELAY_CODES: readonly string[] = [
  "HOLEPUNCH_ABORTED",
  "HOLEPUNCH_DOUBLE_RANDOMIZED_NATS",
  "CANNOT_HOLEPUNCH",
  "REMOTE_NOT_HOLEPUNCHABLE",
];

/**
 * Finds the peers of topics and keeps connected to them.
 *
 * @example
 * ```ts
 * import Hyperswarm from "@quince/quince/hyperswarm";
 *
 * await using swarm = new Hyperswarm();
 * swarm.on("connection", (connection) => connection.write("hello"));
 * await swarm.join(new Uint8Array(32).fill(7)).flushed();
 * await swarm.flush();
 * ```
 */
export class Hyperswarm<DHT extends SwarmDHT = HyperDHT> extends TypedEventEmitter<HyperswarmEvents>
  implements AsyncDisposable {
  /** Who we are. */
  readonly keyPair: SwarmKeyPair;
  /** The DHT: the one that was given, else a HyperDHT. */
  readonly dht: DHT;
  /** Our server on it. */
  readonly server: ReturnType<DHT["createServer"]>;
  /** Connections at most. */
  readonly maxPeers: number;
  /** Connections at most that we make. */
  readonly maxClientConnections: number;
  /** Connections at most that others make. */
  readonly maxServerConnections: number;
  /** Connections being made at a time. */
  readonly maxParallel: number;
  /** Picks a blind relay; null where none was given. */
  readonly relayThrough: RelayChoice | null;
  /** Open connections. */
  readonly connections: Set<SwarmConnection> = new Set();
  /** Peers that are known, by the hexadecimal digits of their keys. */
  readonly peers: Map<string, PeerInfo> = new Map();
  /** Peers that were asked for by their key. */
  readonly explicitPeers: Set<PeerInfo> = new Set();
  /** What is counted. */
  readonly stats: HyperswarmStats = {
    updates: 0,
    connects: { client: { opened: 0, closed: 0, attempted: 0 }, server: { opened: 0, closed: 0 } },
    bannedPeers: 0,
  };
  /** The server's start, null before {@linkcode Hyperswarm.listen}. */
  listening: Promise<unknown> | null = null;
  /** Connections being made. */
  connecting = 0;
  /** Whether it is destroyed. */
  destroyed = false;
  /** Whether it pauses. */
  suspended = false;

  readonly #clock: Clock;
  readonly #random: Random;
  readonly #firewall: (remotePublicKey: Uint8Array, payload: unknown) => boolean;
  readonly #discoveries = new Map<string, PeerDiscovery>();
  readonly #queue: PeerQueue;
  readonly #retries: RetrySchedule;
  readonly #flushes = new Flushes();
  /** Open connections and those being made. */
  readonly #allConnections = new ConnectionSet();
  /** The banned ones, in the order of their bans. */
  readonly #bannedIds = new Set<string>();
  readonly #onNetworkChange = (): void => void this.#handleNetworkChange();
  readonly #onNetworkUpdate = (): void => {
    if (this.dht.online) this.#onNetworkChange();
  };
  #cancelRetryTimer: CancelTimer | null = null;
  #clientCount = 0;
  #serverCount = 0;
  #isDialling = false;
  #destroying: Promise<void> | null = null;

  /**
   * Makes a swarm, with a DHT of its own unless one is given. It does nothing before a topic or peer is joined.
   *
   * @throws {HyperswarmError} `BAD_ARGUMENT` for a relay that is no key.
   */
  constructor(options: HyperswarmOptions<DHT> = {}) {
    super();
    this.keyPair = options.keyPair ?? makeKeyPair(options.seed);
    this.maxPeers = options.maxPeers ?? PEERS_MAX;
    this.maxClientConnections = options.maxClientConnections ?? Infinity;
    this.maxServerConnections = options.maxServerConnections ?? Infinity;
    this.maxParallel = options.maxParallel ?? PARALLEL_MAX;
    this.relayThrough = relayChoice(options.relayThrough ?? null, this);
    this.#firewall = options.firewall ?? (() => false);
    this.#clock = options.clock ?? systemClock;
    this.#random = options.random ?? runtimeRandom;
    this.#queue = new PeerQueue(this.#random);
    this.#retries = new RetrySchedule(options, this.#random);
    // Who names no DHT gets the one that the type parameter defaults to.
    this.dht = options.dht ?? ownDHT(options) as SwarmDHT as DHT;
    this.server = this.dht.createServer({
      firewall: (remotePublicKey, payload) => this.#isServerFull || this.#isRefused(remotePublicKey, payload),
      relayThrough: () => this.#pickRelay(false),
      handshakeClearWait: options.handshakeClearWait,
    }, (connection) => this.#handleServerConnection(connection)) as ReturnType<DHT["createServer"]>;
    this.dht.on("network-change", this.#onNetworkChange);
    this.dht.on("network-update", this.#onNetworkUpdate);
    this.on("update", () => this.stats.updates++);
  }

  /** Everything worth watching, as plain data; that of the DHT is `swarm.dht.metrics()`. Not in the npm package. */
  metrics(): HyperswarmMetrics {
    const { connections, connecting, peers, explicitPeers, suspended, destroyed } = this;
    return {
      stats: structuredClone(this.stats),
      connections: {
        client: connections.size - this.#serverCount,
        server: this.#serverCount,
        connecting,
      },
      peers: {
        known: peers.size,
        waiting: this.#queue.length,
        explicit: explicitPeers.size,
        banned: peers.values().filter(({ banned }) => banned).toArray().length,
      },
      topics: Array.from(this.topics(), ({ topic, isClient, isServer }) => ({
        topic: hexText(topic),
        client: isClient,
        server: isServer,
      })),
      suspended,
      destroyed,
    };
  }

  /** The discovery of a topic, null where it is not joined. */
  status(topic: Uint8Array): PeerDiscovery | null {
    return this.#discoveries.get(hexText(topic)) ?? null;
  }

  /** The discoveries of all topics that are joined. */
  topics(): IterableIterator<PeerDiscovery> {
    return this.#discoveries.values();
  }

  /**
   * Starts the server, which `join()` as a server does too.
   *
   * @throws {HyperswarmError} `SWARM_DESTROYED`.
   */
  listen(): Promise<unknown> {
    this.#checkAlive("listen");
    this.listening ??= this.server.listen(this.keyPair);
    return this.listening;
  }

  /**
   * Looks for the peers of a topic and announces us for it, now and from time to time.
   *
   * @param topic 32 bytes.
   * @throws {HyperswarmError} `BAD_ARGUMENT`, `SWARM_DESTROYED`.
   */
  join(topic: Uint8Array, options: JoinOptions = {}): DiscoverySession {
    this.#checkAlive("join a topic");
    checkKey(topic, "A topic");
    const id = hexText(topic);
    const existing = this.#discoveries.get(id);
    if (existing !== undefined && !existing.destroyed) return existing.session(options);
    const discovery = new PeerDiscovery(this.#discoverySwarm, copyBytes(topic), {
      limit: options.limit,
      predecessor: existing?.destroy() ?? null,
      suspended: this.suspended,
    });
    this.#discoveries.set(id, discovery);
    return discovery.session(options);
  }

  get #discoverySwarm(): DiscoverySwarm {
    const listening = (): Promise<unknown> | null => this.listening;
    return {
      dht: this.dht,
      server: this.server,
      keyPair: this.keyPair,
      clock: this.#clock,
      random: this.#random,
      get listening() {
        return listening();
      },
      listen: () => this.listen(),
      leave: (topic) => this.leave(topic),
      isConnectedTo: (publicKey) => this.#allConnections.has(publicKey),
      handlePeer: (peer, topic) => this.#handlePeer(peer, topic),
    };
  }

  /** Stops looking for the peers of a topic and withdraws our announcement. Connections stay. */
  async leave(topic: Uint8Array): Promise<void> {
    checkKey(topic, "A topic");
    const id = hexText(topic);
    const discovery = this.#discoveries.get(id);
    if (discovery === undefined) return;
    try {
      await discovery.destroy();
    } catch {
      // Without a network nothing can be withdrawn; the announcement expires by itself.
    }
    if (this.#discoveries.get(id) === discovery) this.#discoveries.delete(id);
    this.#forgetUnwanted();
  }

  /**
   * Connects to a peer and keeps connected.
   *
   * @param publicKey 32 bytes.
   * @throws {HyperswarmError} `BAD_ARGUMENT`, `SWARM_DESTROYED`.
   */
  joinPeer(publicKey: Uint8Array): void {
    this.#checkAlive("join a peer");
    checkKey(publicKey, "A public key");
    const peer = this.#upsertPeer(publicKey, null, true);
    if (peer === null) return;
    peer.explicit = true;
    this.explicitPeers.add(peer);
    if (!this.#allConnections.has(publicKey) && peer.updatePriority()) this.#enqueue(peer);
  }

  /** Keeps connected to a peer no more. An open connection stays. */
  leavePeer(publicKey: Uint8Array): void {
    const peer = this.peers.get(hexText(publicKey));
    if (peer === undefined) return;
    peer.explicit = false;
    this.explicitPeers.delete(peer);
    this.#forgetMaybe(peer);
  }

  /** Resolves once all topics were looked up and all peers known by now were tried; false where it was destroyed. */
  async flush(): Promise<boolean> {
    await Promise.all(Array.from(this.#discoveries.values(), (discovery) => discovery.flushed()));
    if (this.#flushAllMaybe()) return true;
    const openingCount = this.#allConnections.size - this.connections.size;
    const missing = this.#queue.length + openingCount;
    return missing === 0 ? true : await this.#flushes.add(missing);
  }

  /** Leaves all topics. */
  clear(): Promise<void> {
    return this.#leaveAll({});
  }

  async #leaveAll(options: DestroyOptions): Promise<void> {
    const discoveries = Array.from(this.#discoveries.values());
    this.#discoveries.clear();
    await Promise.allSettled(discoveries.map((discovery) => discovery.destroy(options)));
    this.#forgetUnwanted();
  }

  /** Leaves all topics and destroys the DHT with all connections; with `force`, without telling anyone. */
  destroy(options: DestroyOptions = {}): Promise<void> {
    if (this.#destroying === null || options.force) this.#destroying = this.#destroy(options);
    return this.#destroying;
  }

  async #destroy({ force = false }: DestroyOptions): Promise<void> {
    this.destroyed = true;
    this.#clearWaiting();
    await Promise.all([this.#leaveAll({ force }), this.server.close()]);
    this.#flushes.resolveAll(false);
    this.dht.off("network-change", this.#onNetworkChange);
    this.dht.off("network-update", this.#onNetworkUpdate);
    await this.dht.destroy({ force });
  }

  /** Destroys it. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }

  /** Closes all connections and stops, until {@linkcode Hyperswarm.resume}. */
  async suspend({ log = passOver }: LogOptions = {}): Promise<void> {
    if (this.suspended) return;
    this.suspended = true;
    const work: Promise<unknown>[] = [this.server.suspend({ log })];
    for (const discovery of this.#discoveries.values()) work.push(discovery.suspend({ log }));
    const closing = Array.from(this.#allConnections, closeConnection);
    log(`Suspending server and discovery (${work.length})`);
    await Promise.allSettled(work);
    log("Suspending the DHT");
    await this.dht.suspend({ log });
    await Promise.all(closing);
    this.#clearWaiting();
    log("Swarm is suspended");
  }

  /** Goes on after {@linkcode Hyperswarm.suspend}. */
  async resume({ log = passOver }: LogOptions = {}): Promise<void> {
    if (!this.suspended) return;
    log("Resuming the DHT");
    await this.dht.resume({ log });
    log("Resuming the server");
    await this.server.resume();
    log("Resuming discovery");
    this.suspended = false;
    for (const discovery of this.#discoveries.values()) discovery.resume();
    this.#dial();
    log("Swarm is resumed");
  }

  #clearWaiting(): void {
    this.#cancelRetryTimer?.();
    this.#cancelRetryTimer = null;
    this.#retries.clear();
    this.#queue.clear();
  }

  #checkAlive(action: string): void {
    if (this.destroyed) {
      throw new HyperswarmError("SWARM_DESTROYED", `Cannot ${action} on a swarm that is destroyed`);
    }
  }

  /** A lookup found a peer: a new one gets its turn, one that kept failing a new beginning. */
  #handlePeer({ publicKey, relayAddresses }: AnnouncedPeer, topic: Uint8Array): void {
    const peer = this.#upsertPeer(publicKey, relayAddresses, false);
    peer?.addTopic(topic);
    if (peer === null || this.#allConnections.has(publicKey)) return;
    if (!peer.prioritized || peer.server) peer.reset();
    if (peer.updatePriority()) this.#enqueue(peer);
  }

  /** What is known of a peer; null for ourselves, and for one too many unless it is `wanted`. */
  #upsertPeer(
    publicKey: Uint8Array,
    relayAddresses: readonly SwarmAddress[] | null,
    wanted: boolean,
  ): PeerInfo | null {
    if (equalBytes(publicKey, this.keyPair.publicKey)) return null;
    const known = this.peers.get(hexText(publicKey));
    if (known !== undefined) {
      known.relayAddresses = relayAddresses;
      return known;
    }
    if (!wanted && this.peers.size >= KNOWN_PEERS_MAX + this.#bannedIds.size) return null;
    const peer = new PeerInfo(publicKey, relayAddresses);
    this.peers.set(peer.id, peer);
    return peer;
  }

  #forgetMaybe(peer: PeerInfo): void {
    if (peer.isForgettable && !this.#allConnections.has(peer.publicKey)) this.peers.delete(peer.id);
  }

  /** Peers of topics that were left get their turn while there is room; those that wait for room would wait for ever. */
  #forgetUnwanted(): void {
    if (this.#hasRoom) return;
    for (const peer of this.#queue.takeOut((queued) => !this.#isWanted(queued))) {
      this.#flushes.handleTried(peer.flushTick);
      this.#forgetMaybe(peer);
    }
  }

  #enqueue(peer: PeerInfo): void {
    peer.flushTick = this.#flushes.tick;
    this.#queue.add(peer);
    this.#dial();
  }

  #handleRetries(): void {
    for (const peer of this.#retries.takeDue(this.#clock.nowMs())) {
      peer.waiting = false;
      if (peer.updatePriority() && !this.#allConnections.has(peer.publicKey)) {
        peer.flushTick = this.#flushes.tick;
        this.#queue.add(peer);
      }
    }
    this.#scheduleRetries();
    this.#dial();
  }

  #scheduleRetries(): void {
    this.#cancelRetryTimer?.();
    this.#cancelRetryTimer = null;
    const deadlineMs = this.#retries.deadlineMs;
    if (deadlineMs === null) return;
    const delayMs = Math.max(0, deadlineMs - this.#clock.nowMs());
    this.#cancelRetryTimer = this.#clock.schedule(delayMs, () => this.#handleRetries());
  }

  /** Dials whom there is room for: explicit peers first, then those whose turn it is. */
  #dial(): void {
    if (this.#isDialling || this.suspended || this.destroyed) return;
    this.#isDialling = true;
    for (const peer of this.explicitPeers) {
      if (this.connecting >= this.maxParallel) break;
      const sinceMs = this.#clock.nowMs() - peer.disconnectedTime;
      const isDue = peer.attempts === 0 || sinceMs >= peer.attempts * EXPLICIT_WAIT_MS;
      if (peer.attempts < EXPLICIT_TRIES_MAX && isDue) this.#connect(peer, false);
    }
    while (this.connecting < this.maxParallel && this.#hasRoom) {
      const peer = this.#queue.shift();
      if (peer === null) break;
      this.#connect(peer, true);
    }
    this.#isDialling = false;
    this.#flushAllMaybe();
  }

  get #hasRoom(): boolean {
    return this.#isWithinMaxPeers && this.#clientCount < this.maxClientConnections;
  }

  /** The more peers were asked for by their keys, the less others get. */
  get #isWithinMaxPeers(): boolean {
    const explicitCount = this.explicitPeers.size;
    const factor = explicitCount === 0 ? 1 : explicitCount < 2 ? 2 : explicitCount < 4 ? 3 : 4;
    return factor * this.#allConnections.size < this.maxPeers;
  }

  get #isServerFull(): boolean {
    return this.#serverCount >= this.maxServerConnections;
  }

  #connect(peer: PeerInfo, isQueued: boolean): void {
    const handleTried = (): void => {
      if (isQueued) this.#flushes.handleTried(peer.flushTick);
    };
    if (this.#allConnections.has(peer.publicKey) || this.#isRefused(peer.publicKey, null)) {
      handleTried();
      return;
    }
    const connection = this.dht.connect(peer.publicKey, {
      relayAddresses: peer.relayAddresses ?? undefined,
      keyPair: this.keyPair,
      relayThrough: this.#pickRelay(peer.forceRelaying),
    });
    this.#allConnections.add(peer.publicKey, connection);
    this.stats.connects.client.attempted++;
    this.connecting++;
    this.#clientCount++;
    let isOpen = false;
    connection.on("error", passOver); // it is looked at when the connection closes
    connection.on("open", () => {
      isOpen = true;
      this.connecting--;
      this.stats.connects.client.opened++;
      this.connections.add(connection);
      peer.handleConnected(this.#clock.nowMs());
      this.#dial();
      this.emit("connection", connection, peer);
      handleTried();
      this.emit("update");
    });
    connection.on("close", () => {
      if (!isOpen) this.connecting--;
      this.stats.connects.client.closed++;
      this.connections.delete(connection);
      this.#allConnections.delete(peer.publicKey, connection);
      this.#clientCount--;
      peer.handleDisconnected(this.#clock.nowMs());
      if (!isOpen) this.#considerRelay(peer, getStreamError(connection));
      peer.waiting = this.#isKept(peer) && this.#retries.add(peer, this.#clock.nowMs());
      if (peer.waiting) this.#scheduleRetries();
      this.#forgetMaybe(peer);
      if (!isOpen) handleTried();
      this.#dial();
      this.emit("update");
    });
    this.emit("update");
  }

  /** After an error that a relay may help against, the next try goes through one, and comes soon. */
  #considerRelay(peer: PeerInfo, error: Error | null): void {
    const code = (error as { code?: string } | null)?.code ?? "";
    if (this.relayThrough === null || !RELAY_CODES.includes(code)) return;
    peer.forceRelaying = true;
    peer.attempts = 1;
  }

  /** Whether a peer whose connection ended is still wanted. */
  #isKept(peer: PeerInfo): boolean {
    return !this.suspended && !this.destroyed && this.#isWanted(peer);
  }

  #isWanted(peer: PeerInfo): boolean {
    return peer.explicit || peer.topics.some((topic) => this.#discoveries.has(hexText(topic)));
  }

  #pickRelay(isForced: boolean): Uint8Array | readonly Uint8Array[] | null {
    return this.relayThrough?.(isForced, this) ?? null;
  }

  #isRefused(remotePublicKey: Uint8Array, payload: unknown): boolean {
    if (equalBytes(remotePublicKey, this.keyPair.publicKey)) return true;
    if (this.peers.get(hexText(remotePublicKey))?.banned) return true;
    if (!this.#firewall(remotePublicKey, payload)) return false;
    const peer = this.#upsertPeer(remotePublicKey, null, true);
    if (peer !== null) this.#ban(peer);
    return true;
  }

  #ban(peer: PeerInfo): void {
    peer.ban(true);
    this.stats.bannedPeers++;
    this.#bannedIds.delete(peer.id);
    this.#bannedIds.add(peer.id);
    if (this.#bannedIds.size > BANNED_PEERS_MAX) {
      const [oldest] = this.#bannedIds;
      this.#bannedIds.delete(oldest!);
      this.peers.delete(oldest!);
    }
    this.emit(
      "ban",
      peer,
      new HyperswarmError("PEER_FIREWALLED", `The firewall refused the peer ${peer.id}`),
    );
  }

  #handleServerConnection(connection: SwarmConnection): void {
    connection.on("error", passOver); // it ends the connection, which is all there is to it
    if (this.destroyed || this.suspended) {
      connection.destroy(new HyperswarmError("SWARM_DESTROYED", "The swarm takes no connections any more"));
      return;
    }
    const publicKey = connection.remotePublicKey!;
    const existing = this.#allConnections.get(publicKey);
    if (existing === undefined) {
      this.#addServerConnection(publicKey, connection);
      return;
    }
    const duplicate = new HyperswarmError("DUPLICATE_CONNECTION", "Another connection to this peer is kept");
    if (!takesPlace(connection, existing)) {
      existing.sendKeepAlive();
      connection.destroy(duplicate);
      return;
    }
    // The old one's end is dealt with first, or the new one would be taken for it.
    existing.on("close", () => {
      if (!connection.destroying) this.#handleServerConnection(connection);
    });
    existing.destroy(duplicate);
  }

  #addServerConnection(publicKey: Uint8Array, connection: SwarmConnection): void {
    this.stats.connects.server.opened++;
    const peer = this.#upsertPeer(publicKey, null, true)!;
    peer.client = false;
    this.connections.add(connection);
    this.#allConnections.add(publicKey, connection);
    this.#serverCount++;
    connection.on("close", () => {
      this.connections.delete(connection);
      this.#allConnections.delete(publicKey, connection);
      this.#serverCount--;
      this.stats.connects.server.closed++;
      this.#missMaybe(peer);
      this.#forgetMaybe(peer);
      this.#dial();
      this.emit("update");
    });
    this.emit("connection", connection, peer);
    this.emit("update");
  }

  /**
   * A peer that came by itself is gone. Whoever began a connection makes it again, but perhaps for a topic that is left by
   * now: one that we look for too is tried by us as well, a little later.
   */
  #missMaybe(peer: PeerInfo): void {
    if (peer.waiting || peer.queued || peer.explicit || !this.#isKept(peer)) return;
    peer.handleMissed();
    peer.waiting = this.#retries.add(peer, this.#clock.nowMs());
    if (peer.waiting) this.#scheduleRetries();
  }

  /** Ends all flushes where no more peers can be tried; tells whether it did. */
  #flushAllMaybe(): boolean {
    if (this.connecting > 0 || this.#hasRoom) return false;
    this.#flushes.resolveAll(true);
    return true;
  }

  /** Another network: connections that are dead show it soon, and topics are looked up anew. */
  async #handleNetworkChange(): Promise<void> {
    if (this.suspended || this.destroyed) return;
    for (const connection of this.#allConnections) connection.sendKeepAlive();
    await Promise.allSettled(Array.from(this.#discoveries.values(), (discovery) => discovery.refresh()));
  }
}

function relayChoice(
  relayThrough: HyperswarmOptions["relayThrough"],
  swarm: { readonly dht: SwarmDHT },
): RelayChoice | null {
  if (typeof relayThrough === "function" || !relayThrough) return relayThrough || null;
  for (const key of Array.isArray(relayThrough) ? relayThrough : [relayThrough]) {
    checkKey(key, "A relay's key");
  }
  return (isForced) => isForced || swarm.dht.randomized ? relayThrough : null;
}

function ownDHT(options: HyperswarmOptions): HyperDHT {
  const { bootstrap, nodes, port, host, deferRandomPunch, randomPunchInterval } = options;
  return new HyperDHT({ bootstrap, nodes, port, host, deferRandomPunch, randomPunchInterval });
}

function closeConnection(connection: SwarmConnection): Promise<void> {
  const closed = new Promise<void>((resolve) => connection.on("close", resolve));
  connection.destroy();
  return closed;
}

function passOver(): void {}

/**
 * A node of the network, as programs see it.
 *
 * @module
 */
import { type Clock, runtimeRandom } from "../base/mod.ts";
import { blake2b, randomBytes } from "../crypto/mod.ts";
import {
  type BootstrapperOptions,
  DHT,
  type DHTConfig,
  type DHTMetrics,
  type DHTOptions,
  type DHTStats,
  type IncomingRequest,
  type PeerAddress as NodeAddress,
  type Query,
  type TraceEvent,
} from "../dht_rpc/mod.ts";
import { systemClock } from "../platform/mod.ts";
import { type KeyPair, SecretStream } from "../secret_stream/mod.ts";
import type { UDXStream, UDXStreamOptions } from "../udx/mod.ts";
import { AgeingCache } from "./caches.ts";
import { connect } from "./connect.ts";
import { ConnectionPool } from "./connection_pool.ts";
import { BOOTSTRAP_NODES, COMMANDS, FIREWALL } from "./constants.ts";
import { DHTError } from "./errors.ts";
import { RandomPunchLimiter, SocketPool } from "./holepunch/mod.ts";
import type { PunchStats } from "./holepunch_port.ts";
import {
  CACHE_ENTRIES_MAX,
  CONNECTION_KEEP_ALIVE_MS,
  DEFAULT_PORT,
  RANDOM_PUNCH_INTERVAL_MS,
  RECORD_AGE_MAX_MS,
  RELAY_ADDRESSES_CACHE_MAX,
  VALUE_AGE_MAX_MS,
  WITHDRAW_SILENCE_MS,
} from "./limits.ts";
import { LocalAddresses } from "./local_addresses.ts";
import { type PeerAddress, pluginRequest, tryDecode } from "./messages.ts";
import type { NodeHost } from "./node_host.ts";
import type { Plugin } from "./plugin.ts";
import { RawStreamSet } from "./raw_stream_set.ts";
import { type RecordCounts, RecordStore, type StoreAnswer, type StoreRequest } from "./record_store.ts";
import * as records from "./records.ts";
import { Router } from "./router.ts";
import { Server } from "./server.ts";
import type { ConnectOptions, LogOptions, ServerOptions } from "./server_options.ts";
import type { HyperDHTTraceEvent } from "./trace.ts";

/** Options of {@linkcode HyperDHT}: those of a DHT node, and more. */
export interface HyperDHTOptions extends Omit<DHTOptions, "trace"> {
  /** Key pair of servers and connections that are given none (default: a fresh one). */
  readonly keyPair?: KeyPair;
  /** Seed of that key pair, 32 bytes. */
  readonly seed?: Uint8Array;
  /** Keep-alive of connections, ms (default 5000), or false for none. */
  readonly connectionKeepAlive?: number | false;
  /** Shortest time between punches with a random NAT, ms (default 20 000). */
  readonly randomPunchInterval?: number;
  /** Whether the first of these intervals counts from the start (default false). */
  readonly deferRandomPunch?: boolean;
  /** Entries of each cache (default 65 536; half of it for mutable and for immutable records). */
  readonly maxSize?: number;
  /** Age at which entries are forgotten, ms (default 20 minutes, 48 hours for mutable and immutable records). */
  readonly maxAge?: number;
  /** Told of every step of the node, its servers and its connects. Not in the npm package. */
  readonly trace?: (event: TraceEvent | HyperDHTTraceEvent) => void;
}

/** Counters of {@linkcode HyperDHT}. */
export interface HyperDHTStats extends DHTStats {
  /** How connections came to be. */
  punches: PunchStats;
  /** Blind relays that servers used. */
  relaying: { attempts: number; successes: number; aborts: number };
  /** Sockets that punch. */
  socketPool: { socketsAdded: number; socketsRemoved: number };
}

/** Everything worth watching of a node, as plain data. */
export interface HyperDHTMetrics extends DHTMetrics {
  /** A copy of `dht.stats`. */
  readonly stats: HyperDHTStats;
  /** Servers of this node. */
  readonly servers: number;
  /** Handshakes of these servers that have not led to a connection yet. */
  readonly halfOpenHandshakes: number;
  /** Raw streams that are not closed. */
  readonly rawStreams: number;
  /** Servers that the node knows the way to. */
  readonly routes: number;
  /** Records kept for others, null while the node is not persistent. */
  readonly records: RecordCounts | null;
}

/** Defaults of {@linkcode HyperDHTOptions}. */
export interface HyperDHTDefaults {
  /** See `DHT.DEFAULTS`. */
  readonly concurrency: number;
  /** See `DHT.DEFAULTS`. */
  readonly maxWindow: number;
  /** See `DHT.DEFAULTS`. */
  readonly maxPingDelay: number;
  /** Keep-alive of connections, ms. */
  readonly connectionKeepAlive: number;
  /** Shortest time between punches with a random NAT, ms. */
  readonly randomPunchInterval: number;
}

/** Settings of {@linkcode HyperDHT}. */
export interface HyperDHTConfig extends DHTConfig {
  /** See {@linkcode HyperDHTOptions}. */
  readonly randomPunchInterval: number;
  /** See {@linkcode HyperDHTOptions}; 0 for none. */
  readonly connectionKeepAlive: number;
}

/** Options of `dht.destroy()`. */
export interface DestroyOptions {
  /** Whether to leave announcements to themselves (default false: they are withdrawn). */
  readonly force?: boolean;
}

/** Nodes of test networks that came into the public one by accident. Source: hyperdht `index.js`. */
const STRAY_NODES: ReadonlySet<string> = new Set([
  "134.209.28.98:49738",
  "167.99.142.185:49738",
  "35.233.47.252:9400",
]);
const STRAY_HOST = "150.136.142.116";

/**
 * A node of the Hyperswarm network: servers and connections by public key, announcements and records.
 *
 * Events: those of a DHT node.
 *
 * @example
 * ```ts
 * import DHT from "@quince/quince/hyperdht";
 *
 * await using dht = new DHT();
 * const server = dht.createServer((socket) => socket.end("hello"));
 * await server.listen();
 * const socket = dht.connect(server.publicKey!);
 * for await (const data of socket) console.log(data);
 * ```
 */
export class HyperDHT extends DHT {
  /** Defaults of the options. */
  static override readonly DEFAULTS: HyperDHTDefaults = {
    ...DHT.DEFAULTS,
    connectionKeepAlive: CONNECTION_KEEP_ALIVE_MS,
    randomPunchInterval: RANDOM_PUNCH_INTERVAL_MS,
  };
  /** Bootstrap nodes of the public network. */
  static readonly BOOTSTRAP: readonly string[] = BOOTSTRAP_NODES;
  /** What is known of a NAT, by name. */
  static readonly FIREWALL: typeof FIREWALL = FIREWALL;

  /** Key pair of servers and connections that are given none. */
  readonly defaultKeyPair: KeyPair;
  /** The servers that listen, or are about to. */
  readonly listening: Set<Server> = new Set();
  /** Keep-alive of connections, ms; 0 for none. */
  readonly connectionKeepAlive: number;
  /** The raw streams that are not closed. */
  readonly rawStreams: RawStreamSet;
  /** Plugins by name. */
  readonly plugins: Map<string, Plugin> = new Map();
  /** Counters. */
  declare stats: HyperDHTStats;

  readonly #host: NodeHost;
  readonly #clock: Clock;
  readonly #router: Router;
  readonly #sockets: SocketPool;
  readonly #limiter: RandomPunchLimiter;
  readonly #randomPunchIntervalMs: number;
  readonly #localAddresses: LocalAddresses;
  readonly #options: HyperDHTOptions;
  #store: RecordStore | null = null;
  #isSuspending = false;
  #destroyed: Promise<void> | null = null;

  /**
   * Starts a node; it binds and bootstraps by itself.
   *
   * @throws {Error} for a bootstrap node without a port.
   * @throws {CryptoError} `BAD_ARGUMENT` when the seed has another size.
   */
  constructor(options: HyperDHTOptions = {}) {
    super({
      ...options,
      port: options.port || DEFAULT_PORT,
      bootstrap: options.bootstrap ?? BOOTSTRAP_NODES,
      filterNode: (node) => !isStray(node) && (options.filterNode ?? options.addNode ?? acceptAll)(node),
    });
    const clock = options.clock ?? systemClock;
    const random = options.random ?? runtimeRandom;
    const { maxSize = CACHE_ENTRIES_MAX, maxAge = RECORD_AGE_MAX_MS } = options;

    this.defaultKeyPair = options.keyPair ?? HyperDHT.keyPair(options.seed);
    this.connectionKeepAlive = options.connectionKeepAlive === false
      ? 0
      : options.connectionKeepAlive || CONNECTION_KEEP_ALIVE_MS;
    this.rawStreams = new RawStreamSet(this.udx, random);
    this.#options = options;
    this.#clock = clock;
    this.#router = new Router(clock, { maxSize, maxAgeMs: maxAge });
    this.#sockets = new SocketPool({
      udx: this.udx,
      host: options.host || "0.0.0.0",
      clock,
      onmessage: (socket, message, { host, port }) =>
        this.onmessage(socket, message, { host, port, family: 4 }),
    });
    this.#randomPunchIntervalMs = options.randomPunchInterval || RANDOM_PUNCH_INTERVAL_MS;
    this.#limiter = new RandomPunchLimiter({
      clock,
      intervalMs: this.#randomPunchIntervalMs,
      isDeferred: options.deferRandomPunch === true,
    });
    this.#localAddresses = new LocalAddresses(this.udx, clock);
    this.stats = {
      ...this.stats,
      punches: { consistent: 0, random: 0, open: 0, tryLater: 0, tryLaterRelayedHandshakesAtLeastOnce: 0 },
      relaying: { attempts: 0, successes: 0, aborts: 0 },
      socketPool: this.#sockets.stats,
    };
    this.#host = {
      dht: this,
      clock,
      random,
      randomBytes,
      router: this.#router,
      sockets: this.#sockets,
      relayAddresses: new AgeingCache({ maxSize: Math.min(maxSize, RELAY_ADDRESSES_CACHE_MAX), maxAgeMs: 0 }),
      punch: {
        clock,
        random,
        randomBytes,
        sockets: this.#sockets,
        limiter: this.#limiter,
        stats: this.stats.punches,
        isFirewalled: () => this.firewalled,
        nodeCount: () => this.nodes.length,
        recentNodes: () => recentNodes(this),
      },
      connectToRelay: (publicKey) => connect(this.#host, publicKey, {}, { isRelayAllowed: false }),
      isDestroyed: () => this.#destroyed !== null,
      isConnectable: () => !this.suspended && !this.#isSuspending,
      isPersistent: () => this.#store !== null,
      localAddresses: () => this.#localAddresses.list(this.io.serverSocket),
      trace: options.trace ?? null,
    };

    this.once("persistent", () => this.#becomePersistent());
    this.on("network-change", () => {
      this.#localAddresses.forget();
      for (const server of this.listening) server.refresh();
    });
    this.on("network-update", () => {
      if (!this.online) return;
      for (const server of this.listening) server.notifyOnline();
    });
  }

  /** Settings. */
  override get config(): HyperDHTConfig {
    return {
      ...super.config,
      randomPunchInterval: this.#randomPunchIntervalMs,
      connectionKeepAlive: this.connectionKeepAlive,
    };
  }

  /** Makes an Ed25519 key pair, from a seed of 32 bytes if one is given. */
  static keyPair(seed?: Uint8Array): KeyPair {
    return SecretStream.keyPair(seed);
  }

  /** BLAKE2b-256 of `data`. */
  static hash(data: Uint8Array): Uint8Array {
    return blake2b(data, { byteLength: 32 });
  }

  /**
   * Starts a node that others enter the network by: reachable at `host` and `port`, with no bootstrap nodes of its own.
   *
   * @throws {Error} without a port, or for a host that is no IPv4 address or stands for any.
   */
  static override bootstrapper(
    port: number,
    host: string,
    options: BootstrapperOptions & HyperDHTOptions = {},
  ): HyperDHT {
    return super.bootstrapper(port, host, options) as HyperDHT;
  }

  /**
   * Connects a raw stream to the peer at the other end of `encryptedStream`, whose raw stream `remoteId` is.
   *
   * @throws {DHTError} `STREAM_NOT_CONNECTED`
   */
  static connectRawStream(encryptedStream: SecretStream, rawStream: UDXStream, remoteId: number): void {
    const raw = encryptedStream.rawStream as UDXStream | null;
    if (!raw?.connected) throw new DHTError("STREAM_NOT_CONNECTED");
    rawStream.connect(raw.socket!, remoteId, raw.remotePort, raw.remoteHost!);
  }

  /**
   * Connects to a server: `target` is its key as bytes, hexadecimal digits or z-base-32, or a key with addresses as
   * `address.encode()` makes it. The stream is given at once and opens once there is a way to the server; it is
   * destroyed with a {@linkcode DHTError} whose `report` tells what was tried when there is none.
   *
   * @throws {IdEncodingError} `INVALID_ID`, {EncodingError} when `target` names no server.
   */
  connect(target: Uint8Array | string, options: ConnectOptions = {}): SecretStream {
    return connect(this.#host, target, options);
  }

  /** Makes a server; `server.listen()` announces it. */
  createServer(onconnection?: (socket: SecretStream) => void): Server;
  /** Makes a server; `server.listen()` announces it. */
  createServer(options?: ServerOptions | null, onconnection?: (socket: SecretStream) => void): Server;
  createServer(
    options?: ServerOptions | null | ((socket: SecretStream) => void),
    onconnection?: (socket: SecretStream) => void,
  ): Server {
    if (typeof options === "function") return this.createServer({}, options);
    const listener = options?.onconnection ?? onconnection;
    const server = new Server(this.#host, options ?? {});
    if (listener) server.on("connection", listener);
    return server;
  }

  /** Makes a pool that keeps one connection to each peer. */
  pool(): ConnectionPool {
    return new ConnectionPool();
  }

  /** Makes a raw stream with an id of its own. */
  createRawStream(options?: UDXStreamOptions): UDXStream {
    return this.rawStreams.add(options);
  }

  /** Keeps those addresses of this machine at which datagrams arrive. */
  validateLocalAddresses(addresses: readonly PeerAddress[]): Promise<PeerAddress[]> {
    return this.#localAddresses.validate(addresses);
  }

  /** Adds commands to the node. */
  register(name: string, plugin: Plugin): void {
    this.plugins.set(name, plugin);
    plugin.onregister(this);
  }

  /** Looks for nodes that know the server with that key. @throws {DHTError} `NODE_DESTROYED` */
  findPeer(publicKey: Uint8Array, options?: records.FindPeerOptions): Query<records.FoundPeer> {
    return records.findPeer(this, publicKey, options);
  }

  /** Looks for peers that announced a topic of 32 bytes. @throws {DHTError} `NODE_DESTROYED` */
  lookup(target: Uint8Array, options?: records.RecordQueryOptions): Query<records.FoundPeers> {
    return records.lookup(this, target, options);
  }

  /** Looks for peers that announced a topic and withdraws our own announcement. @throws {DHTError} `NODE_DESTROYED` */
  lookupAndUnannounce(
    target: Uint8Array,
    keyPair: records.Announcing,
    options?: records.UnannounceOptions,
  ): Query<records.FoundPeers> {
    this.#store?.unannounce(target, keyPair.publicKey);
    return records.lookupAndUnannounce(this, target, keyPair, options);
  }

  /**
   * Withdraws an announcement; with `force`, gives up after 2.5 s where nobody answers.
   *
   * @throws {DHTError} `NODE_DESTROYED` (as a rejection).
   */
  async unannounce(
    target: Uint8Array,
    keyPair: records.Announcing,
    options?: records.UnannounceOptions,
  ): Promise<void> {
    const query = this.lookupAndUnannounce(target, keyPair, options);
    // Whoever asks with force is about to leave.
    const cancel = options?.force
      ? this.#clock.schedule(WITHDRAW_SILENCE_MS, () => {
        if (query.successes === 0) query.destroy();
      })
      : null;
    try {
      await query.finished();
    } finally {
      cancel?.();
    }
  }

  /**
   * Announces a peer under a topic of 32 bytes; the query gives the peers that others announced.
   *
   * @throws {DHTError} `NODE_DESTROYED`
   */
  announce(
    target: Uint8Array,
    keyPair: records.Announcing,
    relayAddresses: readonly PeerAddress[] = [],
    options: records.AnnounceOptions = {},
  ): Query<records.FoundPeers> {
    if (options.clear) this.#store?.unannounce(target, keyPair.publicKey);
    return records.announce(this, target, keyPair, relayAddresses, options);
  }

  /** Looks for the value with that hash. @throws {DHTError} `NODE_DESTROYED` (as a rejection). */
  immutableGet(
    target: Uint8Array,
    options?: records.RecordQueryOptions,
  ): Promise<records.ImmutableResult | null> {
    return records.immutableGet(this, target, options);
  }

  /**
   * Has other nodes keep a value. Up to 1 kB pass everywhere, more take datagrams in fragments.
   *
   * @throws {RangeError} (as a rejection) for a value that no node would read, above 1.9 kB.
   * @throws {DHTError} (as a rejection) `NODE_DESTROYED`.
   */
  immutablePut(value: Uint8Array, options?: records.RecordQueryOptions): Promise<records.ImmutablePutResult> {
    return records.immutablePut(this, value, options);
  }

  /** Looks for the record of a key. @throws {DHTError} `NODE_DESTROYED` (as a rejection). */
  mutableGet(
    publicKey: Uint8Array,
    options?: records.MutableGetOptions,
  ): Promise<records.MutableResult | null> {
    return records.mutableGet(this, publicKey, options);
  }

  /**
   * Has other nodes keep the record of a key. Up to 1 kB pass everywhere, more take datagrams in fragments.
   *
   * @throws {RangeError} (as a rejection) for a value that no node would read, above 1.8 kB.
   * @throws {DHTError} (as a rejection) `NODE_DESTROYED`.
   */
  mutablePut(
    keyPair: records.Announcing,
    value: Uint8Array,
    options?: records.MutablePutOptions,
  ): Promise<records.MutablePutResult> {
    return records.mutablePut(this, keyPair, value, options);
  }

  /** Suspends the servers, ends the connections, and lets go of the sockets. */
  override async suspend({ log = () => {} }: LogOptions = {}): Promise<void> {
    this.#isSuspending = true;
    try {
      log("Suspending all hyperdht servers");
      await Promise.allSettled(Array.from(this.listening, (server) => server.suspend()));
      log("Done, clearing all raw streams");
      await this.rawStreams.clear();
      log("Done, suspending dht-rpc");
      await super.suspend({ log });
      log("Done, clearing raw streams again");
      await this.rawStreams.clear();
      log("Done, hyperdht fully suspended");
    } finally {
      this.#isSuspending = false;
    }
  }

  /** Goes on after {@linkcode suspend}. @throws {PlatformError} (as a rejection) when it cannot bind. */
  override async resume({ log = () => {} }: LogOptions = {}): Promise<void> {
    if (this.#options.deferRandomPunch) this.#limiter.defer();
    await super.resume({ log });
    log("Resuming hyperdht servers");
    await Promise.allSettled(Array.from(this.listening, (server) => server.resume()));
    log("Done, hyperdht fully resumed");
  }

  /** Closes the servers and all connections, and ends the node. */
  override destroy(options: DestroyOptions = {}): Promise<void> {
    const isForced = options.force === true;
    this.#destroyed ??= this.#destroy(isForced);
    // Who is in a hurry later does not wait for withdrawals that are under way: their requests end here.
    if (isForced) super.destroy();
    return this.#destroyed;
  }

  /** Everything worth watching, as plain data. */
  override metrics(): HyperDHTMetrics {
    return {
      ...super.metrics(),
      stats: structuredClone(this.stats),
      servers: this.listening.size,
      halfOpenHandshakes: Array.from(this.listening).reduce((sum, server) => sum + server.halfOpenCount, 0),
      rawStreams: this.rawStreams.size,
      routes: this.#router.machine.size,
      records: this.#store?.counts ?? null,
    };
  }

  /** Serves requests of other nodes; false for commands that are not known here. */
  override onrequest(request: IncomingRequest): boolean {
    switch (request.command) {
      case COMMANDS.PEER_HANDSHAKE:
        this.#router.handleHandshake(request);
        return true;
      case COMMANDS.PEER_HOLEPUNCH:
        this.#router.handleHolepunch(request, this.socket);
        return true;
    }
    if (this.#store === null || this.id === null) return false;
    if (request.command === COMMANDS.PLUGIN) {
      this.#handlePlugin(request);
      return true;
    }
    const answer = this.#answer(this.#store, request, this.id);
    if (answer === null) return false;
    sendAnswer(request, answer);
    return true;
  }

  #answer(store: RecordStore, request: IncomingRequest, nodeId: Uint8Array): StoreAnswer | null {
    const { target, token, value, from } = request;
    const storeRequest: StoreRequest = {
      target,
      token,
      value,
      from,
      nodeId,
      nowMs: this.#clock.nowMs(),
      wallMs: this.#clock.wallMs(),
    };
    switch (request.command) {
      case COMMANDS.FIND_PEER:
        return store.handleFindPeer(storeRequest);
      case COMMANDS.LOOKUP:
        return store.handleLookup(storeRequest);
      case COMMANDS.ANNOUNCE:
        return store.handleAnnounce(storeRequest);
      case COMMANDS.UNANNOUNCE:
        return store.handleUnannounce(storeRequest);
      case COMMANDS.MUTABLE_PUT:
        return store.handleMutablePut(storeRequest);
      case COMMANDS.MUTABLE_GET:
        return store.handleMutableGet(storeRequest);
      case COMMANDS.IMMUTABLE_PUT:
        return store.handleImmutablePut(storeRequest);
      case COMMANDS.IMMUTABLE_GET:
        return store.handleImmutableGet(storeRequest);
      default:
        return null;
    }
  }

  #handlePlugin(request: IncomingRequest): void {
    const call = tryDecode(pluginRequest, request.value);
    if (call === null) return;
    const plugin = this.plugins.get(call.plugin);
    if (plugin?.version === call.version) plugin.onrequest(call, request);
  }

  #becomePersistent(): void {
    const { maxSize = CACHE_ENTRIES_MAX, maxAge } = this.#options;
    this.#store = new RecordStore({
      records: { maxSize, maxAgeMs: maxAge ?? RECORD_AGE_MAX_MS },
      values: { maxSize: Math.floor(maxSize / 2), maxAgeMs: maxAge ?? VALUE_AGE_MAX_MS },
      routes: this.#router.machine,
      random: this.#host.random,
    });
    for (const plugin of this.plugins.values()) plugin.onpersistent();
  }

  async #destroy(isForced: boolean): Promise<void> {
    if (!isForced) await Promise.allSettled(Array.from(this.listening, (server) => server.close()));
    this.#abandonServers();
    this.#router.machine.clear();
    this.#store?.clear();
    for (const plugin of this.plugins.values()) plugin.destroy();
    await this.rawStreams.clear();
    await this.#sockets.destroy();
    await super.destroy();
  }

  #abandonServers(): void {
    for (const server of Array.from(this.listening)) server.abandon();
  }
}

function isStray({ host, port }: NodeAddress): boolean {
  return host === STRAY_HOST || STRAY_NODES.has(`${host}:${port}`);
}

function* recentNodes(dht: DHT): IterableIterator<PeerAddress> {
  for (let node = dht.nodes.latest; node !== null; node = node.prev) yield node;
}

function sendAnswer(request: IncomingRequest, answer: StoreAnswer): void {
  switch (answer.kind) {
    case "value":
      request.reply(answer.value);
      break;
    case "done":
      request.reply(null, { token: false, closerNodes: false });
      break;
    case "error":
      request.error(answer.code);
      break;
    case "drop":
      break;
  }
}

function acceptAll(): boolean {
  return true;
}

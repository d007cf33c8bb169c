/**
 * A node of a Kademlia network, as users see it.
 *
 * @module
 */
import { allocBytes, TypedEventEmitter, untilAborted } from "../base/mod.ts";
import { encode, uint32 } from "../compact_encoding/mod.ts";
import { type NetworkInterface, UDX, type UDXAddress, type UDXSocket } from "../udx/mod.ts";
import { DELAYED_PING, FIND_NODE, PING } from "./commands.ts";
import { Driver, type DriverEvent } from "./driver.ts";
import { DHTError, ERROR_INVALID_TOKEN, ERROR_UNKNOWN_COMMAND } from "./errors.ts";
import type { HealthStats, NetworkHealth } from "./health.ts";
import { IncomingRequest, type Responder } from "./incoming_request.ts";
import { IO } from "./io.ts";
import {
  CONCURRENCY,
  DATAGRAM_BYTES_MAX,
  DELAYED_PING_GRACE_MS,
  DOWN_HINTS_PER_TICK,
  ID_BYTES,
  PING_DELAY_MAX_MS,
  WINDOW_REQUESTS,
} from "./limits.ts";
import { requestByteLength } from "./messages.ts";
import type { QueryStats } from "./node_types.ts";
import type {
  BootstrapperOptions,
  DHTOptions,
  PingOptions,
  QueryContent,
  QueryOptions,
  RequestContent,
  RequestOptions,
  SuspendOptions,
  WaitOptions,
} from "./options.ts";
import type { PeerAddress } from "./peer.ts";
import { Query, queryEvents } from "./query.ts";
import type { Reply } from "./query_machine.ts";
import type { RecentNodes, TableNode } from "./recent_nodes.ts";
import type { CommandStats, RequestGroup, RequestStats } from "./request_machine.ts";
import type { RoutingTable } from "./routing_table.ts";
import { Session, sessionGroup } from "./session.ts";
import type { TraceEvent } from "./trace.ts";

/** Events of {@linkcode DHT} with the arguments of their listeners. */
export type DHTEvents = {
  /** The sockets are bound. */
  listening: [];
  /** The table is filled. */
  ready: [];
  /** Others may have the node in their tables from now on. */
  persistent: [];
  /** The machine slept: the node is in nobody's table any more. */
  ephemeral: [];
  /** The machine slept, or the node was resumed. */
  wakeup: [];
  /** The machine's network interfaces changed. */
  "network-change": [interfaces: NetworkInterface[]];
  /** The interfaces changed, or `online` or `degraded` did. */
  "network-update": [];
  /** Our public address is another: null while it is not known, port 0 while others see different ones. */
  "nat-update": [host: string | null, port: number];
  /** A node came into the routing table. */
  "add-node": [node: TableNode];
  /** A node left the routing table. */
  "remove-node": [node: TableNode];
  /** Another node asks something that is not part of the protocol. */
  request: [request: IncomingRequest];
  /** The node stopped until it is resumed. */
  suspend: [];
  /** The node goes on. */
  resume: [];
  /** The node is gone. */
  close: [];
};

/** Counters of {@linkcode DHT}. */
export interface DHTStats {
  /** Queries. */
  queries: QueryStats;
  /** Requests. */
  requests: RequestStats;
  /** Requests of the protocol itself. */
  commands: {
    /** Signs of life. */
    ping: CommandStats;
    /** Tests of the other socket. */
    pingNat: CommandStats;
    /** Questions for nodes near a target. */
    findNode: CommandStats;
    /** Nodes reported down. */
    downHint: CommandStats;
  };
}

/** Defaults of {@linkcode DHTOptions}. */
export interface DHTDefaults {
  /** Requests of a query at the same time. */
  readonly concurrency: number;
  /** Requests that may leave within 750 ms. */
  readonly maxWindow: number;
  /** Longest delay of a delayed ping, in ms. */
  readonly maxPingDelay: number;
}

/** Settings of {@linkcode DHT}. */
export interface DHTConfig {
  /** See {@linkcode DHTOptions}. */
  readonly concurrency: number;
  /** See {@linkcode DHTOptions}. */
  readonly maxWindow: number;
  /** See {@linkcode DHTOptions}. */
  readonly sendDownHints: boolean;
  /** See {@linkcode DHTOptions}. */
  readonly downHintsRateLimit: number;
}

/** What `dht.rttStats()` finds. */
export interface RttStats {
  /** Replies without an error. */
  successes: number;
  /** Requests without an answer, and replies with an error. */
  errors: number;
  /** Of all replies. */
  responses: RttSummary;
  /** Of the replies of the closest nodes. */
  closestReplies: RttSummary;
}

/** Averages of some replies. */
export interface RttSummary {
  /** Mean round trip in ms, NaN without replies. */
  avgRtt: number;
  /** Replies with an error. */
  errors: number;
  /** Mean number of nodes that a reply names, NaN without replies. */
  avgCloserNodes: number;
}

/** Everything worth watching of a node, as plain data. */
export interface DHTMetrics {
  /** A copy of `dht.stats`. */
  readonly stats: DHTStats;
  /** See `dht.health`. */
  readonly health: HealthStats;
  /** Nodes in the routing table. */
  readonly nodes: number;
  /** Our public host, null while it is not known. */
  readonly host: string | null;
  /** Our public port, 0 while it is not known. */
  readonly port: number;
  /** See `dht.ephemeral`. */
  readonly ephemeral: boolean;
  /** See `dht.firewalled`. */
  readonly firewalled: boolean;
  /** See `dht.bootstrapped`. */
  readonly bootstrapped: boolean;
  /** Requests of others that were not served because there were too many. */
  readonly droppedRequests: number;
}

/**
 * A node of a Kademlia network, with the API and the wire of dht-rpc.
 *
 * Events: see {@linkcode DHTEvents}. Subclasses may override {@linkcode DHT.onrequest}.
 *
 * @example
 * ```ts
 * import DHT from "@quince/quince/dht-rpc";
 *
 * await using bootstrap = DHT.bootstrapper(10_001, "127.0.0.1");
 * await bootstrap.fullyBootstrapped();
 * await using node = new DHT({ bootstrap: ["127.0.0.1:10001"] });
 * await node.fullyBootstrapped();
 * const reply = await node.ping({ host: "127.0.0.1", port: 10_001 });
 * console.log(reply.rtt);
 * ```
 */
export class DHT extends TypedEventEmitter<DHTEvents> implements AsyncDisposable {
  /** Defaults of the options. */
  static readonly DEFAULTS: DHTDefaults = {
    concurrency: CONCURRENCY,
    maxWindow: WINDOW_REQUESTS,
    maxPingDelay: PING_DELAY_MAX_MS,
  };
  /** Error number of a reply: none. */
  static readonly OK = 0;
  /** Error number of a reply: the command is not known. */
  static readonly ERROR_UNKNOWN_COMMAND: number = ERROR_UNKNOWN_COMMAND;
  /** Error number of a reply: the token is wrong or too old. */
  static readonly ERROR_INVALID_TOKEN: number = ERROR_INVALID_TOKEN;

  /** Where sockets and streams are made. */
  readonly udx: UDX;
  /** The sockets. */
  readonly io: IO;
  /** Requests of a query at the same time. */
  readonly concurrency: number;
  /** Longest delay of a delayed ping, in ms. */
  readonly maxPingDelay: number;
  /** Whether the node joins the tables of others when stable and reachable. */
  readonly adaptive: boolean;
  /** Counters. */
  stats: DHTStats;
  readonly #driver: Driver;
  readonly #sendDownHints: boolean;
  readonly #downHintsRateLimit: number;
  readonly #trace: ((event: TraceEvent) => void) | null;
  readonly #responder: Responder;
  readonly #bootstrapping = Promise.withResolvers<void>();
  #destroying: Promise<void> | null = null;
  #suspended = false;

  /**
   * Starts a node; it binds and bootstraps by itself.
   *
   * @throws {Error} for a bootstrap node without a port.
   * @throws {TypeError} for a node in `nodes` whose host is no IPv4 address.
   */
  constructor(options: DHTOptions = {}) {
    super();
    const driver = new Driver(options, (event) => this.#onEvent(event));
    const { machine } = driver;
    this.#driver = driver;
    this.udx = driver.udx;
    this.concurrency = options.concurrency || CONCURRENCY;
    this.maxPingDelay = options.maxPingDelay || PING_DELAY_MAX_MS;
    this.adaptive = machine.network.adaptive;
    this.#sendDownHints = options.sendDownHints !== false;
    this.#downHintsRateLimit = options.downHintsRateLimit ?? DOWN_HINTS_PER_TICK;
    this.#trace = options.trace ?? null;
    const { stats, commandStats } = machine.requests;
    this.stats = {
      queries: machine.queryStats,
      requests: stats,
      commands: {
        ping: commandStats[0]!,
        pingNat: commandStats[1]!,
        findNode: commandStats[2]!,
        downHint: commandStats[3]!,
      },
    };
    this.#responder = {
      reply: (request, content) => driver.act((_, nowMs) => machine.service.reply(request, content, nowMs)),
      relay: (request, value, to, socket) =>
        driver.act(() => machine.service.relay(request, value, to, socket)),
    };
    this.io = new IO({
      udx: this.udx,
      host: options.host ?? "0.0.0.0",
      port: options.port ?? 0,
      anyPort: options.anyPort !== false,
      onBound: ({ serverSocket, clientSocket }) =>
        driver.handleBound({
          server: serverSocket!,
          client: clientSocket!,
          serverPort: serverSocket!.address()!.port,
        }),
      onDatagram: (socket, bytes, from) => driver.handleDatagram(socket, bytes, from),
      onInterfaces: (interfaces) => {
        this.emit("network-change", interfaces);
        this.emit("network-update");
      },
      state: {
        get firewalled() {
          return machine.network.firewalled;
        },
        get ephemeral() {
          return machine.network.ephemeral;
        },
        get inflightCount() {
          return machine.requests.activeCount;
        },
        stats: { requests: stats, commands: commandStats },
        maxWindow: options.maxWindow ?? WINDOW_REQUESTS,
      },
    });
    this.#bootstrapping.promise.catch(() => {});
    for (const node of Array.from(options.nodes ?? []).reverse()) this.addNode(node);
    this.#bootstrap();
  }

  /**
   * Starts a node that needs no others to know its place: reachable from all at `host` and `port`.
   *
   * @param host public IPv4 address; `options.host` is the one to bind to.
   * @throws {Error} without a port, or for a host that is no IPv4 address or stands for any.
   */
  static bootstrapper(port: number, host: string, options: BootstrapperOptions = {}): DHT {
    if (!port) throw new Error("Port is required");
    if (!host) throw new Error("Host is required");
    if (host === "0.0.0.0" || host === "::") throw new Error(`Invalid host ${host}`);
    if (!UDX.isIPv4(host)) throw new Error(`Host must be a IPv4 address, not ${host}`);
    const node = new this({
      port,
      ephemeral: false,
      firewalled: false,
      anyPort: false,
      bootstrap: [],
      ...options,
    });
    node.#driver.machine.network.sample({ host, port });
    return node;
  }

  /** Our id, 32 bytes; null while the node is ephemeral. */
  get id(): Uint8Array | null {
    return this.ephemeral ? null : this.table.id;
  }

  /** Our public host by the word of other nodes, null while they do not agree. */
  get host(): string | null {
    return this.#driver.machine.network.host;
  }

  /** Our public port by the word of other nodes, 0 while they do not agree. */
  get port(): number {
    return this.#driver.machine.network.port;
  }

  /** Whether every node sees another port: what is before us draws a new one for each. */
  get randomized(): boolean {
    return this.host !== null && this.port === 0;
  }

  /** Whether the node is in nobody's table. */
  get ephemeral(): boolean {
    return this.#driver.machine.network.ephemeral;
  }

  /** Whether others cannot reach the node unasked, as far as is known. */
  get firewalled(): boolean {
    return this.#driver.machine.network.firewalled;
  }

  /** The socket that requests are sent from. */
  get socket(): UDXSocket | null {
    return this.firewalled ? this.io.clientSocket : this.io.serverSocket;
  }

  /** Settings. */
  get config(): DHTConfig {
    return {
      concurrency: this.concurrency,
      maxWindow: this.io.maxWindow,
      sendDownHints: this.#sendDownHints,
      downHintsRateLimit: this.#downHintsRateLimit,
    };
  }

  /** The bootstrap nodes as given; a host may be `ip@name`. */
  get bootstrapNodes(): readonly PeerAddress[] {
    return this.#driver.bootstrapNodes;
  }

  /** The routing table; another object once the node has another id. */
  get table(): RoutingTable<TableNode> {
    return this.#driver.machine.membership.table;
  }

  /** The nodes of the table, by when they were last heard of. */
  get nodes(): RecentNodes {
    return this.#driver.machine.membership.nodes;
  }

  /** Whether the network works, in figures. */
  get health(): NetworkHealth {
    return this.#driver.machine.health;
  }

  /** Whether the table is filled. */
  get bootstrapped(): boolean {
    return this.#driver.machine.bootstrapped;
  }

  /** Whether other nodes answer, or it is too early to say. */
  get online(): boolean {
    return this.#driver.machine.online;
  }

  /** Whether most requests get no answer. */
  get degraded(): boolean {
    return this.#driver.machine.degraded;
  }

  /**
   * Why the last node that a query came to could not be asked at all, such as `ERR_PERMISSION`; null where all could.
   * Not in the npm package.
   */
  get refusal(): Error | null {
    return this.#driver.machine.refusal;
  }

  /** Whether the node is stopped until it is resumed. */
  get suspended(): boolean {
    return this.#suspended;
  }

  /** Whether `destroy()` was called. */
  get destroyed(): boolean {
    return this.#destroying !== null;
  }

  /** Takes a datagram that arrived on another socket than the node's own. */
  onmessage(socket: UDXSocket, bytes: Uint8Array, from: UDXAddress): void {
    this.io.onmessage(socket, bytes, from);
  }

  /** Binds the sockets, which a new node does by itself. @throws {PlatformError} (as a rejection) when it cannot. */
  bind(): Promise<void> {
    return this.io.bind();
  }

  /** Stops until {@linkcode DHT.resume}: requests under way fail with `IO_SUSPENDED`, the sockets are let go of. */
  async suspend(options: SuspendOptions = {}): Promise<void> {
    const { log = () => {} } = options;
    log("Suspending waiting for io bind...");
    await this.io.bind();
    log("Done, continuing");
    if (this.#suspended || this.destroyed) return;
    this.#suspended = true;
    log("Done, suspending io");
    this.#driver.act((machine, nowMs) => machine.suspend(nowMs));
    await this.io.suspend();
    log("Done, dht suspended");
    this.emit("suspend");
  }

  /** Goes on after {@linkcode DHT.suspend}. @throws {PlatformError} (as a rejection) when it cannot bind. */
  async resume(options: SuspendOptions = {}): Promise<void> {
    const { log = () => {} } = options;
    if (!this.#suspended || this.destroyed) return;
    this.#suspended = false;
    this.#driver.act((machine, nowMs) => machine.resume(nowMs, this.#driver.clock.wallMs()));
    log("Resuming io");
    await this.io.resume();
    log("Done, dht resumed");
    if (this.destroyed) return;
    this.refresh();
    this.emit("resume");
  }

  /** Ends the node, and all requests under way; resolves when the sockets are closed. */
  destroy(): Promise<void> {
    this.#destroying ??= (async () => {
      this.#driver.destroy();
      this.#bootstrapping.reject(new DHTError("NODE_DESTROYED", "Node destroyed"));
      await this.io.destroy();
      this.emit("close");
    })();
    return this.#destroying;
  }

  /** Same as {@linkcode DHT.destroy}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy();
  }

  /** Where {@linkcode DHT.socket} is bound, null before. */
  address(): UDXAddress | null {
    return this.socket?.address() ?? null;
  }

  /** Our address on the local network, null before the sockets are bound; `127.0.0.1` without `--allow-sys`. */
  localAddress(): PeerAddress | null {
    const address = this.io.serverSocket?.address();
    return address ? { host: localHost(this.udx), port: address.port } : null;
  }

  /** Our public address, null unless others can reach us there. */
  remoteAddress(): PeerAddress | null {
    const { host, port } = this;
    if (host === null || port === 0 || this.firewalled) return null;
    return this.io.serverSocket?.address()?.port === port ? { host, port } : null;
  }

  /** Adds a node to the routing table. @throws {TypeError} when its host is no IPv4 address. */
  addNode(node: PeerAddress): void {
    this.#driver.act((machine, nowMs) => machine.addNode(node, nowMs));
  }

  /** The addresses of the table, those heard of last first. */
  toArray(options: { readonly limit?: number } = {}): { host: string; port: number }[] {
    return this.nodes.toArray({ limit: options.limit, reverse: true }).map(({ host, port }) => ({
      host,
      port,
    }));
  }

  /** Resolves when the table is filled. @throws {Error} (as a rejection) when the node cannot bind or is destroyed. */
  fullyBootstrapped(options: WaitOptions = {}): Promise<void> {
    return untilAborted(this.#bootstrapping.promise, options.signal);
  }

  /** Older name of {@linkcode DHT.fullyBootstrapped}. */
  ready(options: WaitOptions = {}): Promise<void> {
    return this.fullyBootstrapped(options);
  }

  /**
   * Walks to the nodes closest to `target`, 32 bytes.
   *
   * @throws {DHTError} `NODE_DESTROYED`.
   * @throws {RangeError} for a target of another length.
   */
  findNode<Data = Reply>(target: Uint8Array, options: QueryOptions<Data> = {}): Query<Data> {
    this.#requireAlive();
    assertTarget(target);
    return new Query(
      this,
      this.#driver,
      { target, internal: true, command: FIND_NODE, value: null },
      options,
    );
  }

  /**
   * Walks to the nodes closest to a target and asks each of them.
   *
   * @throws {DHTError} `NODE_DESTROYED`.
   * @throws {RangeError} for a target that has not 32 bytes, or a value that no node would read, above 1.9 KB.
   */
  query<Data = Reply>(content: QueryContent, options: QueryOptions<Data> = {}): Query<Data> {
    this.#requireAlive();
    const { target, command, value = null } = content;
    assertTarget(target);
    assertReadable(content);
    return new Query(this, this.#driver, { target, internal: false, command, value: value || null }, options);
  }

  /** Asks a node for a sign of life. @throws {DHTError} (as a rejection) as {@linkcode DHT.request}. */
  ping(to: PeerAddress, options: PingOptions = {}): Promise<Reply> {
    const value = options.size ? allocBytes(options.size) : null;
    return this.#request(to, true, { command: PING, value }, options);
  }

  /**
   * Asks a node for a sign of life in `delayMs`.
   *
   * @throws {RangeError} for a delay above {@linkcode DHT.maxPingDelay}.
   * @throws {DHTError} (as a rejection) as {@linkcode DHT.request}.
   */
  delayedPing(to: PeerAddress, delayMs: number, options: RequestOptions = {}): Promise<Reply> {
    if (delayMs > this.maxPingDelay) {
      throw new RangeError(`Delay exceeds max delay: ${this.maxPingDelay}ms, not ${delayMs}ms`);
    }
    const content = { command: DELAYED_PING, value: encode(uint32, delayMs) };
    return this.#request(to, true, content, options, delayMs + DELAYED_PING_GRACE_MS);
  }

  /**
   * Asks a node something.
   *
   * @throws {DHTError} (as a rejection) `REQUEST_TIMEOUT`, `REQUEST_DESTROYED`, `IO_SUSPENDED`, `NODE_DESTROYED`,
   * `TOO_MANY_REQUESTS`; or the reason of `signal`.
   * @throws {RangeError} (as a rejection) for a value that no node would read, above 1.9 KB.
   */
  request(content: RequestContent, to: PeerAddress, options: RequestOptions = {}): Promise<Reply> {
    return this.#request(to, false, content, options);
  }

  /** Creates a group of requests that end together. */
  session(): Session {
    return new Session(this);
  }

  /** Walks to a node of the table in the background, so that what is near it becomes known. */
  refresh(): void {
    if (this.destroyed) return;
    this.#driver.act((machine, nowMs) => machine.refresh(nowMs));
  }

  /** Finds out how long nodes take to answer, by a walk to the one that was heard of last. */
  async rttStats(): Promise<RttStats> {
    const stats: RttStats = { successes: 0, errors: 0, responses: summary(), closestReplies: summary() };
    const { latest } = this.nodes;
    if (!latest) return stats;
    const query = this.findNode(latest.id);
    const replies: Reply[] = [];
    for await (const reply of query) replies.push(reply);
    stats.responses = summarize(replies);
    stats.closestReplies = summarize(query.closestReplies);
    stats.successes = query.successes;
    stats.errors = query.errors;
    return stats;
  }

  /** Everything worth watching, as plain data. */
  metrics(): DHTMetrics {
    const { machine } = this.#driver;
    return {
      stats: structuredClone(this.stats),
      health: machine.health.stats,
      nodes: this.nodes.length,
      host: this.host,
      port: this.port,
      ephemeral: this.ephemeral,
      firewalled: this.firewalled,
      bootstrapped: this.bootstrapped,
      droppedRequests: machine.service.droppedCount,
    };
  }

  /** For subclasses: handles a request of another node; false when nobody did, which is answered as an unknown command. */
  onrequest(request: IncomingRequest): boolean {
    return this.emit("request", request);
  }

  /**
   * Ends the requests of a group; sessions call it.
   *
   * @internal
   */
  cancelRequests(group: RequestGroup, error: Error): void {
    this.#driver.act((machine, nowMs) => machine.cancelGroup(group, error, nowMs));
  }

  async #bootstrap(): Promise<void> {
    try {
      await this.io.bind();
    } catch (error) {
      this.#bootstrapping.reject(error);
      this.#driver.act((machine, nowMs) => machine.handleBindError(error as Error, nowMs));
      return;
    }
    if (this.destroyed) return;
    this.emit("listening");
    this.#driver.act((machine, nowMs) => machine.bootstrap(nowMs));
  }

  #requireAlive(): void {
    if (this.destroyed) throw new DHTError("NODE_DESTROYED", "Node destroyed");
  }

  // deno-lint-ignore require-await -- mistakes of the caller reject, as upstream
  async #request(
    to: PeerAddress,
    internal: boolean,
    content: RequestContent,
    options: RequestOptions,
    timeoutMs?: number,
  ): Promise<Reply> {
    const { signal } = options;
    assertReadable(content);
    return this.#driver.request(
      {
        to,
        internal,
        command: content.command,
        token: content.token ?? null,
        target: content.target ?? null,
        value: content.value ?? null,
        ttl: options.ttl ?? 0,
        retries: options.retry === false ? 0 : undefined,
        timeoutMs: timeoutMs ?? options.timeout,
        socket: options.socket ?? null,
        group: options.session ? options.session[sessionGroup] : null,
      },
      signal,
    );
  }

  #onEvent(event: DriverEvent): void {
    switch (event.kind) {
      case "response":
        return event.handle.resolve(event.reply);
      case "failed":
        return event.handle.reject(event.error);
      case "walk-reply":
        return event.walk.handle![queryEvents].handleReply(event.reply);
      case "walk-finished":
        return event.walk.handle![queryEvents].handleFinished();
      case "request":
        return this.#onRequest(new IncomingRequest(event.request, this.#responder));
      case "resolve":
        this.#resolve(event.ticket);
        return;
      case "nat-update":
        this.emit("nat-update", event.host, event.port);
        return;
      case "add-node":
      case "remove-node":
        this.emit(event.kind, event.node);
        return;
      case "trace":
        return this.#trace?.(event.event);
      case "ready":
        this.#bootstrapping.resolve();
        this.emit("ready");
        return;
      default:
        this.emit(event.kind);
    }
  }

  #onRequest(request: IncomingRequest): void {
    if (this.onrequest(request) !== false) return;
    request.error(ERROR_UNKNOWN_COMMAND);
  }

  #resolve(ticket: Parameters<Driver["resolve"]>[0]): void {
    this.#driver.resolve(ticket, {
      ping: (address) => this.ping(address),
      lookup: async (host) => UDX.isIPv4(host) ? host : (await this.udx.lookup(host, { family: 4 })).host,
    });
  }
}

/** A request that no node reads would be sent again and again, and time out. */
function assertReadable({ command, token = null, target = null, value = null }: RequestContent): void {
  const byteLength = requestByteLength({ id: null, command, token, target, value });
  if (byteLength <= DATAGRAM_BYTES_MAX) return;
  throw new RangeError(`Cannot send a request of ${byteLength} bytes, nodes read ${DATAGRAM_BYTES_MAX}`);
}

/** Our address on the local network. Source: dht-rpc `index.js`. */
function localHost(udx: UDX): string {
  let interfaces: NetworkInterface[];
  try {
    interfaces = udx.networkInterfaces();
  } catch (error) {
    if ((error as { code?: string }).code !== "ERR_PERMISSION") throw error;
    return "127.0.0.1";
  }
  const external = interfaces.filter(({ family, internal }) => family === 4 && !internal);
  // Compat: dht-rpc index.js prefers the first interface of a Mac.
  return (external.find(({ name }) => name === "en0") ?? external[0])?.host ?? "127.0.0.1";
}

function summary(): RttSummary {
  return { avgRtt: 0, errors: 0, avgCloserNodes: 0 };
}

function summarize(replies: readonly Reply[]): RttSummary {
  const total = summary();
  for (const { rtt, error, closerNodes } of replies) {
    total.avgRtt += rtt;
    total.errors += error;
    total.avgCloserNodes += closerNodes?.length ?? 0;
  }
  total.avgRtt /= replies.length;
  total.avgCloserNodes /= replies.length;
  return total;
}

function assertTarget({ byteLength }: Uint8Array): void {
  if (byteLength !== ID_BYTES) {
    throw new RangeError(`Cannot look for a target of ${byteLength} bytes, it has ${ID_BYTES}`);
  }
}

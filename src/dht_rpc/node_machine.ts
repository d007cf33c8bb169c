/**
 * A whole node without its sockets: datagrams, ticks and the wishes of users go in; datagrams, events and the next
 * deadline come out.
 *
 * Source: dht-rpc `index.js`.
 *
 * @module
 */
import { equalBytes, type Random } from "../base/mod.ts";
import { DOWN_HINT, PING, PING_NAT } from "./commands.ts";
import { DHTError, errorCode } from "./errors.ts";
import { NetworkHealth } from "./health.ts";
import {
  CHECKS_MAX,
  FIREWALL_PROBES,
  OLD_TICKS,
  RECENT_TICKS,
  REFRESH_TICKS,
  SLEEP_MS,
  TICK_MS,
} from "./limits.ts";
import { Membership } from "./membership.ts";
import { decodeReply, REPLY_ID, REQUEST_ID } from "./messages.ts";
import { NetworkState } from "./network_state.ts";
import {
  anonymous,
  decodeAddresses,
  encodeAddress,
  encodePort,
  isSameId,
  type Peer,
  type PeerAddress,
  peerId,
  type PersistentPeer,
} from "./peer.ts";
import type { NamedNode, QueryMachine, Reply } from "./query_machine.ts";
import { Queue } from "./queue.ts";
import type { TableNode } from "./recent_nodes.ts";
import {
  type OutgoingRequest,
  type RequestGroup,
  type RequestInit,
  RequestMachine,
  type Transmit,
} from "./request_machine.ts";
import { ServiceMachine } from "./service_machine.ts";
import type {
  Bootstrap,
  BootstrapTicket,
  NodeEvent,
  NodeMachineOptions,
  NodeSockets,
  Probe,
  Purpose,
  QueryStats,
  UserRequest,
  Walk,
  WalkInit,
} from "./node_types.ts";
import type { TraceEvent } from "./trace.ts";
import { makeWalk, upkeepWalk } from "./walks.ts";

/** A node. */
export class NodeMachine<Socket, RequestHandle, QueryHandle> {
  /** Counters of queries. */
  readonly queryStats: QueryStats = { active: 0, total: 0 };
  /** All requests. */
  readonly requests: RequestMachine<Socket, Purpose<RequestHandle, QueryHandle>>;
  /** The routing table. */
  readonly membership: Membership;
  /** Our place in the network. */
  readonly network: NetworkState;
  /** Whether the network works. */
  readonly health: NetworkHealth = new NetworkHealth();
  /** Answers the requests of others. */
  readonly service: ServiceMachine<Socket>;
  readonly #options: NodeMachineOptions;
  readonly #random: Random;
  readonly #backgroundConcurrency: number;
  readonly #trace: ((event: TraceEvent) => void) | null;
  readonly #events = new Queue<NodeEvent<Socket, RequestHandle, QueryHandle>>();
  #sockets: NodeSockets<Socket> | null = null;
  #bootstrap: Bootstrap<QueryHandle> = { kind: "unbound" };
  #probe: Probe | null = null;
  #isSuspended = false;
  #isDestroyed = false;
  #checks = 0;
  /** Why the last node of a walk that could not be asked at all was not. */
  refusal: Error | null = null;
  #refreshTicks: number;
  #hintsThisTick = 0;
  #tickAtMs: number;
  #tickedAtWallMs: number;

  /** Starts without sockets; ticks begin at once. */
  constructor(options: NodeMachineOptions, nowMs: number, wallMs: number) {
    this.#options = options;
    this.#random = options.random;
    const { concurrency } = options;
    this.#backgroundConcurrency = Math.min(concurrency, Math.max(2, Math.floor(concurrency / 8)));
    // Nodes that start together do not tick together.
    this.membership = new Membership(options.tableId, this.#drawTicks(100));
    this.#refreshTicks = this.#drawTicks(REFRESH_TICKS);
    this.network = new NetworkState(options);
    this.#trace = options.isTraced ? (event) => this.#events.push({ kind: "trace", event }) : null;
    this.service = new ServiceMachine({
      ...options,
      membership: this.membership,
      idOf: (socket) => this.#idFor(socket),
      onTrace: this.#trace,
    }, nowMs);
    this.requests = new RequestMachine({
      maxWindow: options.maxWindow,
      random: options.random,
      adaptiveTimeout: options.adaptiveTimeout,
      idOf: (socket) => this.#idFor(socket),
      onTrace: this.#trace,
    }, nowMs);
    this.#tickAtMs = nowMs + TICK_MS;
    this.#tickedAtWallMs = wallMs;
  }

  /** Adds a node that the user knows. @throws {TypeError} when its host is no IPv4 address. */
  addNode({ host, port }: PeerAddress, nowMs: number): void {
    this.membership.add({ id: peerId(host, port), host, port }, null);
    this.#drainMembership(nowMs);
  }

  /** Fills the table by a first walk, once sockets are bound. */
  bootstrap(nowMs: number): void {
    if (this.#bootstrap.kind !== "unbound") return;
    const wantsQuickProbe = this.network.firewalled && this.#options.quickFirewall &&
      !this.network.forcePersistent;
    this.#walkToSelf(0, wantsQuickProbe, nowMs);
  }

  /** Walks to a node of the table, so that what is near it becomes known. */
  refresh(nowMs: number): void {
    const { table } = this.membership;
    this.startWalk(this.#createBackgroundWalk(table.at(this.#random.next())?.id ?? table.id), nowMs);
    this.#drainRequests(nowMs);
  }

  /** Asks a node something. @throws {DHTError} `NODE_DESTROYED`, `IO_SUSPENDED`; and as `RequestMachine.create()`. */
  request(
    init: UserRequest<Socket, RequestHandle>,
    nowMs: number,
  ): OutgoingRequest<Socket, Purpose<RequestHandle, QueryHandle>> {
    const { to, handle, ...rest } = init;
    const request = this.#create({
      ...rest,
      to: { id: null, host: to.host, port: to.port },
      socket: init.socket ?? this.#ownSocket,
      purpose: { kind: "user", handle },
    }, nowMs);
    this.#drainRequests(nowMs);
    return request;
  }

  /** Gives up a request. */
  cancel(
    request: OutgoingRequest<Socket, Purpose<RequestHandle, QueryHandle>>,
    error: Error,
    nowMs: number,
  ): void {
    this.requests.cancel(request, error, nowMs);
    this.#drainRequests(nowMs);
  }

  /** Gives up all requests of a group. */
  cancelGroup(group: RequestGroup, error: Error, nowMs: number): void {
    this.requests.cancelGroup(group, error, nowMs);
    this.#drainRequests(nowMs);
  }

  /** Makes a walk that begins at {@linkcode NodeMachine.startWalk}. */
  createWalk(init: WalkInit<QueryHandle>): Walk<QueryHandle> {
    this.queryStats.total++;
    this.queryStats.active++;
    this.#refreshTicks = REFRESH_TICKS;
    return makeWalk(init, this.membership.table, this.#options.filterNode);
  }

  /** Begins a walk. */
  startWalk(walk: Walk<QueryHandle>, nowMs: number): void {
    const { query, command, internal } = walk;
    if (query.phase !== "starting") return;
    this.#trace?.({ kind: "query-start", command, internal });
    this.#addFromTable(query);
    if (query.needsNodes && !walk.onlyClosestNodes && this.#options.bootstrapCount > 0) {
      this.#events.push({ kind: "resolve", ticket: { kind: "walk", walk } });
      return;
    }
    query.start();
    this.continueWalk(walk, nowMs);
  }

  /** Asks the next nodes of a walk. */
  continueWalk(walk: Walk<QueryHandle>, nowMs: number): void {
    this.#advance(walk, nowMs);
    this.#drainRequests(nowMs);
  }

  /** Ends a walk, and the requests of it that `cancels` says are its own. */
  endWalk(walk: Walk<QueryHandle>, cancels: boolean, nowMs: number): void {
    if (!walk.isActive) return;
    walk.isActive = false;
    walk.query.stop();
    this.queryStats.active--;
    const { query, command, internal } = walk;
    const { visits, successes, errors } = query;
    this.#trace?.({ kind: "query-end", command, internal, visits, successes, errors });
    if (cancels && walk.group.requests.size > 0) {
      this.cancelGroup(walk.group, new DHTError("REQUEST_DESTROYED", "Request destroyed"), nowMs);
    }
  }

  /** Stops: all requests end, nothing is answered. */
  suspend(nowMs: number): void {
    this.#isSuspended = true;
    this.#sockets = null;
    this.service.suspend();
    this.requests.cancelAll(() => new DHTError("IO_SUSPENDED", "I/O suspended"), nowMs);
    this.#drainRequests(nowMs);
  }

  /** Goes on after {@linkcode NodeMachine.suspend}, as after a sleep; sockets follow. */
  resume(nowMs: number, wallMs: number): void {
    this.#isSuspended = false;
    this.#tickAtMs = nowMs + TICK_MS;
    this.#tickedAtWallMs = wallMs;
    this.#wakeUp();
  }

  /** Ends for good. */
  destroy(nowMs: number): void {
    if (this.#isDestroyed) return;
    this.#isDestroyed = true;
    this.service.destroy();
    this.requests.cancelAll(() => new DHTError("REQUEST_DESTROYED", "Request destroyed"), nowMs);
    this.#drainRequests(nowMs);
  }

  /** Sockets were bound. */
  handleBound(sockets: NodeSockets<Socket>, nowMs: number): void {
    this.#sockets = sockets;
    this.requests.handleBound(this.network.firewalled ? sockets.client : sockets.server, nowMs);
  }

  /** Sockets could not be bound: nothing can be asked. */
  handleBindError(error: Error, nowMs: number): void {
    this.requests.handleBindError(error, nowMs);
    this.#drainRequests(nowMs);
  }

  /** The runtime refused to send the request `tid`: the process may not send there. */
  handleRefusal(tid: number, error: Error, nowMs: number): void {
    this.requests.handleRefusal(tid, error, nowMs);
    this.#drainRequests(nowMs);
  }

  /** A datagram arrived; `bytes` belong to the machine from now on. */
  handleDatagram(socket: Socket, bytes: Uint8Array, from: PeerAddress, nowMs: number): void {
    if (this.#isSuspended || this.#isDestroyed || bytes.byteLength < 2 || !(from.port > 0)) return;
    if (from.host.includes(":")) return;
    if (bytes[0] === REQUEST_ID) this.#handleRequest(socket, bytes, from, nowMs);
    else if (bytes[0] === REPLY_ID) this.#handleReply(socket, bytes, from, nowMs);
    this.#drainRequests(nowMs);
  }

  /** Bootstrap nodes were resolved. */
  handleBootstrapNodes(
    ticket: BootstrapTicket<QueryHandle>,
    nodes: readonly PersistentPeer[],
    nowMs: number,
  ): void {
    if (ticket.kind === "probe") {
      this.#askProbes([...ticket.nodes, ...nodes], nowMs);
    } else if (ticket.walk.isActive) {
      ticket.walk.query.addNodes(nodes);
      ticket.walk.query.start();
      this.#advance(ticket.walk, nowMs);
    }
    this.#drainRequests(nowMs);
  }

  /** Time passed. */
  handleTimeout(nowMs: number, wallMs: number): void {
    if (this.#isDestroyed) return;
    this.requests.handleTimeout(nowMs);
    this.service.handleTimeout(nowMs);
    if (nowMs >= this.#tickAtMs && !this.#isSuspended) this.#tick(nowMs, wallMs);
    this.#drainRequests(nowMs);
  }

  /** The next datagram to send. */
  pollTransmit(): Transmit<Socket> | null {
    return this.service.pollTransmit() ?? this.requests.pollTransmit();
  }

  /** The next thing to tell. */
  pollEvent(): NodeEvent<Socket, RequestHandle, QueryHandle> | null {
    return this.#events.shift();
  }

  /** When {@linkcode NodeMachine.handleTimeout} is due. */
  get deadlineMs(): number {
    if (this.#isDestroyed) return Infinity;
    const tickAtMs = this.#isSuspended ? Infinity : this.#tickAtMs;
    return Math.min(tickAtMs, this.requests.deadlineMs, this.service.deadlineMs);
  }

  /** Whether the first walk is over. */
  get bootstrapped(): boolean {
    return this.#bootstrap.kind === "done";
  }

  /** Whether answers come. */
  get online(): boolean {
    return this.health.told.online;
  }

  /** Whether most requests get no answer. */
  get degraded(): boolean {
    return this.health.told.degraded;
  }

  get #ownSocket(): Socket | null {
    if (!this.#sockets) return null;
    return this.network.firewalled ? this.#sockets.client : this.#sockets.server;
  }

  #idFor(socket: Socket): Uint8Array | null {
    return !this.network.ephemeral && socket === this.#sockets?.server ? this.membership.table.id : null;
  }

  #drawTicks(count: number): number {
    return count - Math.floor(this.#random.next() * 0.5 * count);
  }

  // Requests of ours

  #create(
    init: RequestInit<Socket, Purpose<RequestHandle, QueryHandle>>,
    nowMs: number,
  ): OutgoingRequest<Socket, Purpose<RequestHandle, QueryHandle>> {
    if (this.#isDestroyed) {
      throw new DHTError("NODE_DESTROYED", "Cannot send a request, the node is destroyed");
    }
    if (this.#isSuspended) throw new DHTError("IO_SUSPENDED", "Cannot send a request, the node is suspended");
    return this.requests.create(init, nowMs);
  }

  #isRefusal(error: unknown): boolean {
    return error instanceof DHTError || error === this.requests.bindError;
  }

  /** Asks for the node's own upkeep; false when that is not possible now. */
  #ask(
    to: Peer,
    command: number,
    value: Uint8Array | null,
    purpose: Purpose<RequestHandle, QueryHandle>,
    nowMs: number,
    group: RequestGroup | null = null,
  ): boolean {
    try {
      this.#create({ to, internal: true, command, value, socket: this.#ownSocket, group, purpose }, nowMs);
      return true;
    } catch (error) {
      // Upkeep that cannot be done now is done at another time.
      if (!this.#isRefusal(error)) throw error;
      return false;
    }
  }

  #drainRequests(nowMs: number): void {
    this.#drainMembership(nowMs);
    for (let event = this.requests.pollEvent(); event !== null; event = this.requests.pollEvent()) {
      const { request } = event;
      if (event.kind === "cycle") {
        this.#handleCycle(request.purpose, nowMs);
        continue;
      }
      this.#handleFailure(request, event.error, nowMs);
      this.#drainMembership(nowMs);
    }
  }

  #handleCycle(purpose: Purpose<RequestHandle, QueryHandle>, nowMs: number): void {
    if (purpose.kind !== "visit" || purpose.isSlow || !purpose.walk.isActive) return;
    purpose.isSlow = true;
    purpose.walk.query.handleSlow();
    this.#advance(purpose.walk, nowMs);
  }

  #handleFailure(
    request: OutgoingRequest<Socket, Purpose<RequestHandle, QueryHandle>>,
    error: Error,
    nowMs: number,
  ): void {
    const { purpose, to, tid } = request;
    this.#trace?.({ kind: "request-failed", to: anonymous(to), tid, code: errorCode(error) });
    const isTimeout = error instanceof DHTError && error.code === "REQUEST_TIMEOUT";
    switch (purpose.kind) {
      case "user":
        this.#events.push({ kind: "failed", handle: purpose.handle, error });
        break;
      case "visit":
        if (!(error instanceof DHTError)) {
          this.refusal = error;
          purpose.walk.refusal ??= error;
        }
        purpose.walk.query.handleFailure(purpose.visited, isTimeout, purpose.isSlow);
        if (purpose.walk.isActive) this.#advance(purpose.walk, nowMs);
        break;
      case "check":
        this.#checks--;
        if (isTimeout) this.membership.remove(purpose.node);
        break;
      case "challenge":
        this.membership.settleChallenge(purpose.oldest, purpose.replacement, !isTimeout);
        break;
      case "probe":
        this.#handleProbeOver(nowMs);
        break;
    }
    const node = isTimeout ? this.membership.find(to) : null;
    if (node) this.membership.remove(node);
  }

  #handleReply(socket: Socket, bytes: Uint8Array, { host, port }: PeerAddress, nowMs: number): void {
    const message = decodeReply(bytes);
    if (!message) {
      this.#trace?.({ kind: "dropped", from: { host, port }, reason: "malformed" });
      return;
    }
    const from = this.membership.identify(message.id, host, port);
    const request = this.requests.handleReply(message, from, nowMs);
    if (!request) {
      this.#trace?.({ kind: "stray-reply", from: { host, port }, tid: message.tid });
      return;
    }
    this.service.handleProof(from);
    const { tid, token, error, value } = message;
    const { purpose } = request;
    const closer = message.closerNodes && purpose.kind === "visit"
      ? purpose.walk.query.nameNodes(message.closerNodes)
      : null;
    const reply: Reply = {
      tid,
      rtt: Math.round(nowMs - request.sentAtMs),
      from,
      to: { id: null, host: message.to.host, port: message.to.port },
      token,
      closerNodes: closer?.map(({ node }) => node) ??
        (message.closerNodes ? decodeAddresses(message.closerNodes).map(anonymous) : null),
      error,
      value,
    };
    this.#trace?.({ kind: "reply", from: { host, port }, tid, error, rttMs: reply.rtt });
    this.#handleNews(from, reply.to, socket === this.#ownSocket, nowMs);
    this.#handleAnswer(purpose, reply, closer ?? [], socket, nowMs);
  }

  #handleAnswer(
    purpose: Purpose<RequestHandle, QueryHandle>,
    reply: Reply,
    closer: readonly NamedNode[],
    socket: Socket,
    nowMs: number,
  ): void {
    switch (purpose.kind) {
      case "user":
        this.#events.push({ kind: "response", handle: purpose.handle, reply });
        break;
      case "visit":
        purpose.walk.query.handleReply(reply, closer, purpose.visited, purpose.isSlow);
        this.#handleVisited(purpose.walk, reply, nowMs);
        break;
      case "check":
        this.#checks--;
        // Whoever answers without the id that it had has become ephemeral.
        if (!isSameId(reply.from, purpose.node)) this.membership.remove(purpose.node);
        break;
      case "challenge": {
        const { oldest, replacement } = purpose;
        this.membership.settleChallenge(oldest, replacement, isSameId(reply.from, oldest));
        break;
      }
      case "quick-probe":
        // Compat: as in dht-rpc index.js an answer that comes after the first walk changes nothing, so that a node which
        // is ready keeps its socket.
        if (this.#bootstrap.kind === "walking") this.#bootstrap.isProbeAnswered = true;
        break;
      case "probe":
        if (socket === this.#sockets?.server) this.network.handlePong(reply.to);
        this.#handleProbeOver(nowMs);
        break;
    }
  }

  // Walks

  #addFromTable(query: QueryMachine): void {
    if (!query.needsNodes) return;
    query.addFromTable(this.membership.table.closest(query.target, query.missingNodes));
  }

  #advance(walk: Walk<QueryHandle>, nowMs: number): void {
    const { query } = walk;
    while (walk.isActive && query.phase === "walking") {
      for (let node = query.pollVisit(); node !== null; node = query.pollVisit()) {
        this.#visit(walk, node, nowMs);
      }
      for (let hint = query.pollHint(); hint !== null; hint = query.pollHint()) {
        this.#sendHint(walk, hint.to, hint.down, nowMs);
      }
      const next = query.settle();
      if (next === "waiting") return;
      if (next === "needs-table") this.#addFromTable(query);
      else this.#finishWalk(walk, nowMs);
    }
  }

  #visit(walk: Walk<QueryHandle>, visited: NamedNode, nowMs: number): void {
    const { internal, command, target, value, retries, force, group } = walk;
    try {
      this.#create({
        to: visited.node,
        internal,
        command,
        target,
        value,
        socket: this.#ownSocket,
        retries: force ? 0 : retries,
        force,
        group,
        purpose: { kind: "visit", walk, visited, isSlow: false },
      }, nowMs);
    } catch (error) {
      // The walk goes on without the nodes that cannot be asked.
      if (!this.#isRefusal(error)) throw error;
      walk.query.handleFailure(visited, false, false);
    }
  }

  #sendHint(walk: Walk<QueryHandle>, to: Peer, down: PeerAddress, nowMs: number): void {
    const { sendDownHints, downHintsRateLimit } = this.#options;
    if (!sendDownHints || (downHintsRateLimit !== -1 && this.#hintsThisTick >= downHintsRateLimit)) return;
    this.#hintsThisTick++;
    this.#ask(to, DOWN_HINT, encodeAddress(down), { kind: "hint" }, nowMs, walk.group);
  }

  #handleVisited(walk: Walk<QueryHandle>, reply: Reply, nowMs: number): void {
    const { query } = walk;
    if (!walk.isActive || query.phase === "finished") return;
    if (reply.error !== 0) {
      this.#advance(walk, nowMs);
    } else if (walk.handle !== null) {
      this.#events.push({ kind: "walk-reply", walk, reply });
    } else {
      this.#probeQuickly(walk, reply, nowMs);
      // Upkeep yields to other traffic.
      const { concurrency } = this.#options;
      query.concurrency = this.requests.activeCount < 3 ? concurrency : this.#backgroundConcurrency;
      this.#advance(walk, nowMs);
    }
  }

  #createBackgroundWalk(target: Uint8Array): Walk<QueryHandle> {
    return this.createWalk(upkeepWalk(target, this.#backgroundConcurrency));
  }

  #finishWalk(walk: Walk<QueryHandle>, nowMs: number): void {
    if (walk.handle !== null) {
      this.#events.push({ kind: "walk-finished", walk });
      return;
    }
    this.endWalk(walk, true, nowMs);
    const bootstrap = this.#bootstrap;
    if (bootstrap.kind !== "walking" || bootstrap.walk !== walk) return;
    const { forcePersistent } = this.network;
    if (bootstrap.round === 1 || (!bootstrap.isProbeAnswered && !forcePersistent)) {
      this.#finishBootstrap();
      return;
    }
    this.#bootstrap = { kind: "probing" };
    this.#updateNetworkState(!forcePersistent, true, nowMs);
  }

  // Bootstrapping, and becoming persistent

  #walkToSelf(round: number, wantsQuickProbe: boolean, nowMs: number): void {
    const walk = this.#createBackgroundWalk(this.membership.table.id);
    this.#bootstrap = { kind: "walking", round, walk, wantsQuickProbe, isProbeAnswered: false };
    this.startWalk(walk, nowMs);
  }

  #finishBootstrap(): void {
    if (this.#bootstrap.kind === "done") return;
    this.#bootstrap = { kind: "done" };
    this.membership.isSettled = true;
    this.#events.push({ kind: "ready" });
  }

  /** One node that can reach our other socket is reason enough for a real test, adaptive or not. */
  #probeQuickly(walk: Walk<QueryHandle>, reply: Reply, nowMs: number): void {
    const bootstrap = this.#bootstrap;
    if (bootstrap.kind !== "walking" || bootstrap.walk !== walk || !bootstrap.wantsQuickProbe) return;
    bootstrap.wantsQuickProbe = false;
    if (!this.#sockets) return;
    this.#ask(reply.from, PING_NAT, encodePort(this.#sockets.serverPort), { kind: "quick-probe" }, nowMs);
  }

  #updateNetworkState(onlyFirewall: boolean, isBootstrap: boolean, nowMs: number): void {
    const next = this.network.begin(onlyFirewall);
    if (next === "nothing") {
      if (isBootstrap) this.#finishBootstrap();
      return;
    }
    this.#probe = { asked: 0, outstanding: 0, isBootstrap };
    if (next === "conclude") {
      this.#concludeNetworkState(nowMs);
      return;
    }
    const nodes = this.membership.nodes.toArray({ limit: FIREWALL_PROBES, reverse: true });
    if (nodes.length < FIREWALL_PROBES && this.#options.bootstrapCount > 0) {
      this.#events.push({ kind: "resolve", ticket: { kind: "probe", nodes } });
    } else {
      this.#askProbes(nodes, nowMs);
    }
  }

  #askProbes(nodes: readonly PersistentPeer[], nowMs: number): void {
    const probe = this.#probe;
    if (!probe) return;
    probe.asked = nodes.length;
    this.#trace?.({ kind: "firewall-test", asked: probe.asked });
    for (const { id, host, port } of this.#sockets ? nodes : []) {
      const value = encodePort(this.#sockets!.serverPort);
      if (this.#ask({ id, host, port }, PING_NAT, value, { kind: "probe" }, nowMs)) probe.outstanding++;
    }
    if (probe.outstanding === 0) this.#concludeNetworkState(nowMs);
  }

  #handleProbeOver(nowMs: number): void {
    if (this.#probe && --this.#probe.outstanding === 0) this.#concludeNetworkState(nowMs);
  }

  #concludeNetworkState(nowMs: number): void {
    const { asked, isBootstrap } = this.#probe!;
    this.#probe = null;
    const change = this.network.conclude(asked, this.#sockets?.serverPort ?? 0);
    const { firewalled, ephemeral } = this.network;
    this.#trace?.({ kind: "firewall-result", firewalled, persistent: !ephemeral });
    if (!change) {
      if (isBootstrap) this.#finishBootstrap();
      return;
    }
    if (change.isMoved) this.#tellAddress();
    if (!equalBytes(change.id, this.membership.table.id)) {
      this.membership.rename(change.id);
      this.#drainMembership(nowMs);
      if (this.bootstrapped) this.refresh(nowMs);
    }
    if (change.isPersistent) this.#events.push({ kind: "persistent" });
    if (isBootstrap) this.#walkToSelf(1, false, nowMs);
  }

  #tellAddress(): void {
    this.#events.push({ kind: "nat-update", host: this.network.host, port: this.network.port });
  }

  // Other nodes

  /** Somebody was heard of, which counts before what they said is looked at. */
  #handleNews(from: Peer, to: PeerAddress, isSample: boolean, nowMs: number): void {
    const { filterNode } = this.#options;
    if (filterNode && !filterNode(from)) return;
    if (from.id === null) {
      if (this.network.sampleBootstrap(from, to)) this.#tellAddress();
      return;
    }
    this.membership.handleNews(from as PersistentPeer, to, isSample);
    this.#drainMembership(nowMs);
  }

  #drainMembership(nowMs: number): void {
    for (let event = this.membership.pollEvent(); event !== null; event = this.membership.pollEvent()) {
      switch (event.kind) {
        case "added":
          this.#events.push({ kind: "add-node", node: event.node });
          break;
        case "removed":
          this.#events.push({ kind: "remove-node", node: event.node });
          break;
        case "sampled":
          if (this.network.sample(event.to)) this.#tellAddress();
          break;
        case "challenge":
          this.#challenge(event.oldest, event.replacement, nowMs);
          break;
      }
    }
  }

  #challenge(oldest: TableNode, replacement: TableNode, nowMs: number): void {
    const purpose = { kind: "challenge", oldest, replacement } as const;
    if (!this.#ask(anonymous(oldest), PING, null, purpose, nowMs)) {
      this.membership.settleChallenge(oldest, replacement, true);
    }
  }

  #check(node: TableNode, nowMs: number): void {
    node.pinged = this.membership.tick;
    if (this.#ask(anonymous(node), PING, null, { kind: "check", node }, nowMs)) this.#checks++;
  }

  // Requests of others

  #handleRequest(socket: Socket, bytes: Uint8Array, from: PeerAddress, nowMs: number): void {
    const request = this.service.handleRequest(socket, bytes, from, nowMs);
    if (!request) return;
    if (request.from.id !== null) {
      this.#handleNews(request.from, request.to, socket === this.#ownSocket, nowMs);
    }
    if (!request.internal) {
      this.#events.push({ kind: "request", request });
      return;
    }
    const down = this.service.serve(request, nowMs);
    if (down) this.#handleDownHint(down, nowMs);
  }

  #handleDownHint({ host, port }: PeerAddress, nowMs: number): void {
    if (this.#checks >= CHECKS_MAX) return;
    const node = this.membership.table.get(peerId(host, port));
    if (!node || (node.pinged >= this.membership.tick && node.downHints > 0)) return;
    node.downHints++;
    this.#check(node, nowMs);
  }

  // Ticks

  #tick(nowMs: number, wallMs: number): void {
    const slept = wallMs - this.#tickedAtWallMs > SLEEP_MS;
    this.#tickAtMs = nowMs + TICK_MS;
    this.#tickedAtWallMs = wallMs;
    if (slept) this.#wakeUp();
    else this.membership.tick++;
    if (!this.bootstrapped) return;
    if (this.network.handleTick()) this.#updateNetworkState(false, false, nowMs);
    const { tick, nodes, table } = this.membership;
    if ((tick & 7) === 0) this.#pingSome(nowMs);
    const isSparse = (tick & 63) === 0 && nodes.length < table.k;
    if (isSparse || --this.#refreshTicks <= 0) this.refresh(nowMs);
    this.#hintsThisTick = 0;
    this.#updateHealth();
  }

  #wakeUp(): void {
    // Everything appears old, and some nodes are asked in two ticks.
    this.membership.tick += 2 * OLD_TICKS;
    this.membership.tick += 6 - (this.membership.tick & 7);
    this.#refreshTicks = 1;
    this.health.reset();
    this.#tellHealth();
    if (this.network.handleWakeup()) this.#events.push({ kind: "ephemeral" });
    this.#events.push({ kind: "wakeup" });
  }

  #pingSome(nowMs: number): void {
    const { oldest } = this.membership.nodes;
    if (!oldest) return this.refresh(nowMs);
    const isFresh = this.membership.tick - oldest.pinged < RECENT_TICKS;
    let count = isFresh ? 2 : this.requests.activeCount > 2 ? 3 : 5;
    for (let node: TableNode | null = oldest; node !== null && count > 0; node = node.next, count--) {
      if (node.pinged !== this.membership.tick) this.#check(node, nowMs);
    }
  }

  #updateHealth(): void {
    this.health.update(this.requests.stats);
    if (!this.health.cold && !this.health.idle) this.#tellHealth();
  }

  #tellHealth(): void {
    if (this.health.tell()) this.#events.push({ kind: "network-update" });
  }
}

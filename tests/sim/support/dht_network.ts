/**
 * Thousands of DHT nodes without sockets: their machines, a network with latency and loss, and a virtual clock. The same
 * seed gives the same run.
 *
 * @module
 */
import { copyBytes, SeededRandom } from "../../../src/base/mod.ts";
import { FIND_NODE } from "../../../src/dht_rpc/commands.ts";
import {
  CONCURRENCY,
  PING_DELAY_MAX_MS,
  QUERY_RETRIES,
  WINDOW_REQUESTS,
} from "../../../src/dht_rpc/limits.ts";
import { NodeMachine } from "../../../src/dht_rpc/node_machine.ts";
import type { InboundRequest, NodeEvent, NodeMachineOptions, Walk } from "../../../src/dht_rpc/node_types.ts";
import { addressKey, type Peer, type PeerAddress, peerId } from "../../../src/dht_rpc/peer.ts";
import type { Reply } from "../../../src/dht_rpc/query_machine.ts";
import { RequestGroup, type Transmit } from "../../../src/dht_rpc/request_machine.ts";
import { VirtualTime } from "../network.ts";

/** One of a node's two sockets. */
export interface SimSocket {
  readonly node: SimNode;
  readonly address: PeerAddress;
  /** Whom it has sent to, which is what a firewall lets in. */
  readonly contacted: Set<string>;
}

/** Who waits for an answer. */
export interface SimRequest {
  reply: Reply | null;
  error: Error | null;
}

/** A lookup, and what came of it. */
export interface SimLookup {
  walk: Walk<SimLookup> | null;
  /** Nodes of its own table that it begins with. */
  readonly start: readonly PeerAddress[];
  /** Replies in the order of their arrival. */
  readonly replies: Reply[];
  startedAtMs: number;
  /** -1 while it runs. */
  endedAtMs: number;
}

type Machine = NodeMachine<SimSocket, SimRequest, SimLookup>;
type Event = NodeEvent<SimSocket, SimRequest, SimLookup>;

/** What the network does to packets. */
export interface SimConditions {
  /** One-way delay at least. */
  readonly latencyMs: number;
  /** Up to so much more, by the pair of hosts. */
  readonly spreadMs: number;
  /** Part of the packets that vanish. */
  readonly lossRate: number;
}

/** Options of {@linkcode SimNetwork.start}. */
export interface SimNodeOptions extends Partial<NodeMachineOptions> {
  /** Nodes to bootstrap from. */
  readonly bootstrap?: readonly PeerAddress[];
  /** Lets in only what was asked for. */
  readonly isFirewalled?: boolean;
  /** Whether the node begins by itself (default true). */
  readonly bootstraps?: boolean;
}

/** The network. */
export class SimNetwork {
  readonly time: VirtualTime = new VirtualTime();
  readonly random: SeededRandom;
  readonly nodes: SimNode[] = [];
  /** Datagrams that were sent. */
  sentCount = 0;
  readonly #conditions: SimConditions;
  readonly #sockets = new Map<string, SimSocket>();

  constructor(seed: number, conditions: Partial<SimConditions> = {}) {
    this.random = new SeededRandom(seed);
    this.#conditions = { latencyMs: 5, spreadMs: 60, lossRate: 0, ...conditions };
  }

  /** `byteLength` bytes of the seed. */
  randomBytes(byteLength: number): Uint8Array {
    return Uint8Array.from({ length: byteLength }, () => Math.floor(this.random.next() * 256));
  }

  /** Starts a node at an address of its own. */
  start(options: SimNodeOptions = {}): SimNode {
    const node = new SimNode(this, this.nodes.length + 1, options);
    this.nodes.push(node);
    for (const socket of [node.server, node.client]) this.#sockets.set(addressKey(socket.address), socket);
    node.bind(options.bootstraps !== false);
    return node;
  }

  /** Starts a node that others begin with. */
  startBootstrapper(): SimNode {
    const node = this.start({ ephemeral: false, firewalled: false, bootstraps: false });
    node.machine.network.sample(node.server.address);
    node.act((machine, nowMs) => machine.bootstrap(nowMs));
    return node;
  }

  /** Starts a node that knows its address, and whose table `fill` fills when it is needed. */
  startSettled(fill: (node: SimNode) => void): SimNode {
    const node = this.startBootstrapper();
    node.prepare = () => fill(node);
    return node;
  }

  /** A node vanishes: it answers nothing from now on. */
  remove(node: SimNode): void {
    node.isGone = true;
    for (const socket of [node.server, node.client]) this.#sockets.delete(addressKey(socket.address));
    node.machine.destroy(this.time.nowMs);
  }

  /** Takes a datagram on its way. */
  send(from: SimSocket, { host, port, bytes }: Transmit<SimSocket>): void {
    if (from.node.isMuted) return;
    from.contacted.add(`${host}:${port}`);
    this.inject(from.address, { host, port }, bytes);
  }

  /** Takes a datagram on its way from anywhere. */
  inject(from: PeerAddress, to: PeerAddress, bytes: Uint8Array): void {
    this.sentCount++;
    const { latencyMs, spreadMs, lossRate } = this.#conditions;
    if (lossRate > 0 && this.random.next() < lossRate) return;
    const delayMs = latencyMs + spreadMs * distance(from.host, to.host);
    this.time.at(this.time.nowMs + delayMs, () => {
      const socket = this.#sockets.get(addressKey(to));
      if (!socket || (socket.node.isFirewalled && !socket.contacted.has(addressKey(from)))) return;
      socket.node.use();
      if (socket.node.intercept?.(socket, bytes, from)) return;
      socket.node.act((machine, nowMs) => machine.handleDatagram(socket, copyBytes(bytes), from, nowMs));
    });
  }

  /** Lets time pass. */
  run(forMs: number): void {
    const untilMs = this.time.nowMs + forMs;
    // Time stands still after the last event before then.
    this.time.at(untilMs, () => {});
    while (this.time.step(untilMs));
  }

  /** Lets time pass until something is so; false when it is not by then. */
  runUntil(isSo: () => boolean, withinMs: number): boolean {
    const untilMs = this.time.nowMs + withinMs;
    while (!isSo()) {
      // Looking is dear among thousands of nodes, and little happens among few.
      for (let i = 0; i < this.nodes.length; i++) if (!this.time.step(untilMs)) return isSo();
    }
    return true;
  }
}

/** A node. */
export class SimNode {
  readonly network: SimNetwork;
  readonly server: SimSocket;
  readonly client: SimSocket;
  /** The id that the node has once it is persistent. */
  readonly id: Uint8Array;
  readonly machine: Machine;
  readonly bootstrapNodes: readonly PeerAddress[];
  readonly isFirewalled: boolean;
  /** What the machine told, apart from replies. */
  readonly events: string[] = [];
  /** Runs before the node is used for the first time: what thousands of nodes need, but not all of them. */
  prepare: (() => void) | null = null;
  /** Answers requests; the default echoes. */
  onRequest: (request: InboundRequest<SimSocket>) => void;
  isGone = false;
  /** Sees datagrams before the machine; true when it takes one. */
  intercept: ((socket: SimSocket, bytes: Uint8Array, from: PeerAddress) => boolean) | null = null;
  /** Drops what it would send. */
  isMuted = false;
  #timerAtMs = Infinity;
  #isPumping = false;

  constructor(network: SimNetwork, index: number, options: SimNodeOptions) {
    this.network = network;
    this.isFirewalled = options.isFirewalled === true;
    this.bootstrapNodes = options.bootstrap ?? [];
    const host = `10.${(index >> 16) & 255}.${(index >> 8) & 255}.${index & 255}`;
    this.server = { node: this, address: { host, port: 49_737 }, contacted: new Set() };
    this.client = { node: this, address: { host, port: 50_000 }, contacted: new Set() };
    this.id = peerId(host, this.server.address.port);
    this.machine = new NodeMachine(
      {
        tableId: network.randomBytes(32),
        tokenSeed: network.randomBytes(64),
        random: new SeededRandom(Math.floor(network.random.next() * 2 ** 32)),
        concurrency: CONCURRENCY,
        maxWindow: WINDOW_REQUESTS,
        maxPingDelayMs: PING_DELAY_MAX_MS,
        adaptive: true,
        firewalled: true,
        quickFirewall: true,
        sendDownHints: true,
        downHintsRateLimit: 50,
        bootstrapCount: this.bootstrapNodes.length,
        isTraced: false,
        ...options,
      },
      network.time.nowMs,
      network.time.nowMs,
    );
    this.onRequest = (request) =>
      this.machine.service.reply(
        request,
        { error: 0, value: request.value, hasToken: true, hasCloserNodes: true },
        network.time.nowMs,
      );
  }

  /** The node is needed now. */
  use(): void {
    const { prepare } = this;
    this.prepare = null;
    prepare?.();
  }

  /** Gives the machine its sockets. */
  bind(bootstraps: boolean): void {
    this.act((machine, nowMs) => {
      machine.handleBound(
        { server: this.server, client: this.client, serverPort: this.server.address.port },
        nowMs,
      );
      if (bootstraps) machine.bootstrap(nowMs);
    });
  }

  /** Does something with the machine and sees to what follows. */
  act<Result>(action: (machine: Machine, nowMs: number) => Result): Result {
    const result = action(this.machine, this.network.time.nowMs);
    this.#pump();
    return result;
  }

  /** Asks a node. */
  request(
    to: PeerAddress,
    content: { command: number; internal?: boolean; value?: Uint8Array | null },
  ): SimRequest {
    const handle: SimRequest = { reply: null, error: null };
    const { command, internal = false, value = null } = content;
    this.act((machine, nowMs) =>
      machine.request({
        to,
        command,
        internal,
        value,
        token: null,
        target: null,
        ttl: 0,
        group: null,
        handle,
      }, nowMs)
    );
    return handle;
  }

  /** Walks to the nodes closest to `target`. */
  lookup(target: Uint8Array, options: { nodes?: readonly Peer[]; retries?: number } = {}): SimLookup {
    this.use();
    const start = this.machine.membership.table.closest(target);
    const startedAtMs = this.network.time.nowMs;
    const lookup: SimLookup = { walk: null, start, replies: [], startedAtMs, endedAtMs: -1 };
    this.act((machine, nowMs) => {
      lookup.walk = machine.createWalk({
        target,
        internal: true,
        command: FIND_NODE,
        value: null,
        concurrency: CONCURRENCY,
        retries: options.retries ?? QUERY_RETRIES,
        force: false,
        nodes: options.nodes ?? null,
        onlyClosestNodes: false,
        group: new RequestGroup(),
        handle: lookup,
      });
      machine.startWalk(lookup.walk, nowMs);
    });
    return lookup;
  }

  #pump(): void {
    if (this.#isPumping || this.isGone) return;
    this.#isPumping = true;
    let isBusy = true;
    while (isBusy) {
      isBusy = false;
      for (let next = this.machine.pollTransmit(); next !== null; next = this.machine.pollTransmit()) {
        isBusy = true;
        this.network.send(next.socket, next);
      }
      for (let event = this.machine.pollEvent(); event !== null; event = this.machine.pollEvent()) {
        isBusy = true;
        this.#handle(event);
      }
    }
    this.#isPumping = false;
    this.#armTimer();
  }

  #handle(event: Event): void {
    const { machine } = this;
    const { nowMs } = this.network.time;
    switch (event.kind) {
      case "resolve": {
        const nodes = this.bootstrapNodes.map(({ host, port }) => ({ id: peerId(host, port), host, port }));
        machine.handleBootstrapNodes(event.ticket, nodes, nowMs);
        break;
      }
      case "walk-reply":
        event.walk.handle!.replies.push(event.reply);
        machine.continueWalk(event.walk, nowMs);
        break;
      case "walk-finished":
        event.walk.handle!.endedAtMs = nowMs;
        machine.endWalk(event.walk, true, nowMs);
        break;
      case "response":
        event.handle.reply = event.reply;
        break;
      case "failed":
        event.handle.error = event.error;
        break;
      case "request":
        this.onRequest(event.request);
        break;
      case "add-node":
      case "remove-node":
      case "trace":
        break;
      default:
        this.events.push(event.kind);
    }
  }

  #armTimer(): void {
    const { deadlineMs } = this.machine;
    if (deadlineMs >= this.#timerAtMs) return;
    this.#timerAtMs = deadlineMs;
    this.network.time.at(deadlineMs, () => {
      if (this.#timerAtMs !== deadlineMs || this.isGone) return;
      this.#timerAtMs = Infinity;
      this.act((machine, nowMs) => machine.handleTimeout(nowMs, nowMs));
    });
  }
}

/** A number from 0 to 1 for a pair of hosts, the same both ways. */
function distance(a: string, b: string): number {
  let hash = 0;
  for (const text of [a < b ? a : b, a < b ? b : a]) {
    for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 16_777_619) + 1;
  }
  return (hash >>> 8) / 2 ** 24;
}

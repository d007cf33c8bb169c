/**
 * Two homes behind NATs, public nodes between them, and the machines of a punch in both homes: all on a virtual clock.
 *
 * Public nodes answer pings and relay rounds, which are sent again as requests are. A datagram with a low TTL opens
 * the NATs of its own home and goes no further.
 *
 * @module
 */
import { randomBytes } from "../../../src/crypto/mod.ts";
import { SeededRandom } from "../../../src/base/mod.ts";
import { addressText } from "../../../src/hyperdht/addresses.ts";
import { FIREWALL } from "../../../src/hyperdht/constants.ts";
import type { PunchStats } from "../../../src/hyperdht/holepunch_port.ts";
import {
  type ClientPunchAction,
  ClientPunchMachine,
} from "../../../src/hyperdht/holepunch/client_punch_machine.ts";
import { LOW_TTL } from "../../../src/hyperdht/holepunch/limits.ts";
import type { PuncherAction } from "../../../src/hyperdht/holepunch/puncher_machine.ts";
import { RandomPunchLimiter } from "../../../src/hyperdht/holepunch/random_punch_limiter.ts";
import {
  type DecodedHolepunchPayload,
  SecurePayload,
} from "../../../src/hyperdht/holepunch/secure_payload.ts";
import {
  type ServerPunchAction,
  ServerPunchMachine,
} from "../../../src/hyperdht/holepunch/server_punch_machine.ts";
import type { PeerAddress } from "../../../src/hyperdht/messages.ts";
import { VirtualTime } from "../network.ts";

/** What a router does; the terms are those of RFC 4787. */
export interface NatKind {
  /** One outer port for all destinations, or one for each. */
  readonly mapping: "independent" | "random";
  /** Who may send to a mapping. */
  readonly filter: "anyone" | "host" | "endpoint";
  /** Whether the outer port is the inner one when that is free. */
  readonly keepsPorts?: boolean;
  /**
   * Whether a datagram that nobody asked for occupies its place in the table, so that the answer to it would get
   * another outer port: what a Linux router does that does not drop such datagrams.
   */
  readonly isPoisoned?: boolean;
}

/** Routers on the way out of a home, the inner one first; none for a public host. */
export type Home = readonly NatKind[];

/** Conditions of a run. */
export interface PunchConditions {
  readonly seed: number;
  readonly client: Home;
  readonly server: Home;
  /** One way. */
  readonly latencyMs: number;
  readonly jitterMs: number;
  readonly lossRate: number;
  /** Datagrams with a low TTL are sent with an ordinary one. */
  readonly hasNoTtl?: boolean;
  /** Whether a blind relay holds the connection meanwhile. */
  readonly isRelayed?: boolean;
  readonly fastOpen?: boolean;
}

/** How a run went. */
export interface PunchOutcome {
  readonly isConnected: boolean;
  /** The client's error, when it is not. */
  readonly error: Error | null;
  readonly ms: number;
  /** Punches that both sides sent. */
  readonly punchCount: number;
  /** Sockets that are still open, after both sides have ended. */
  readonly socketCount: number;
  readonly stats: Readonly<Record<"client" | "server", PunchStats>>;
  readonly clientFirewall: number;
  readonly serverFirewall: number;
}

/** Virtual time after which a run counts as stuck. */
const LIMIT_MS = 120_000;

/** Requests are sent so often. */
const REQUEST_TRIES = 4;
const REQUEST_TIMEOUT_MS = 1000;

const NODE_COUNT = 12;

interface Datagram {
  readonly from: PeerAddress;
  readonly to: PeerAddress;
  readonly body: unknown;
}

/** One router's table. */
class Nat {
  readonly #kind: NatKind;
  readonly #host: string;
  readonly #random: SeededRandom;
  readonly #outer = new Map<string, number>();
  readonly #inner = new Map<number, { inner: PeerAddress; sentTo: Set<string> }>();
  readonly #poison = new Set<string>();

  constructor(kind: NatKind, host: string, random: SeededRandom) {
    this.#kind = kind;
    this.#host = host;
    this.#random = random;
  }

  out({ from, to, body }: Datagram): Datagram {
    const { mapping, keepsPorts } = this.#kind;
    const destination = addressText(to);
    const isClash = this.#poison.has(`${from.port} ${destination}`);
    const key = `${addressText(from)} ${mapping === "random" || isClash ? destination : ""}`;
    let port = this.#outer.get(key);
    if (port === undefined) {
      port = keepsPorts && !isClash && !this.#inner.has(from.port) ? from.port : this.#freePort();
      this.#outer.set(key, port);
      this.#inner.set(port, { inner: from, sentTo: new Set() });
    }
    this.#inner.get(port)!.sentTo.add(destination).add(to.host);
    return { from: { host: this.#host, port }, to, body };
  }

  in({ from, to, body }: Datagram): Datagram | null {
    const entry = this.#inner.get(to.port);
    const { filter, isPoisoned } = this.#kind;
    const isAdmitted = entry &&
      (filter === "anyone" || entry.sentTo.has(filter === "host" ? from.host : addressText(from)));
    if (isAdmitted) return { from, to: entry.inner, body };
    if (isPoisoned) this.#poison.add(`${to.port} ${addressText(from)}`);
    return null;
  }

  #freePort(): number {
    for (;;) {
      const port = 1024 + Math.floor(this.#random.next() * 64_512);
      if (!this.#inner.has(port)) return port;
    }
  }
}

/** The network, and what runs in it. */
class World {
  readonly time = new VirtualTime();
  readonly random: SeededRandom;
  readonly conditions: PunchConditions;
  readonly hosts = new Map<string, (datagram: Datagram) => void>();
  readonly nodes: PeerAddress[] = [];
  punchCount = 0;

  constructor(conditions: PunchConditions) {
    this.conditions = conditions;
    this.random = new SeededRandom(conditions.seed);
    for (let i = 1; i <= NODE_COUNT; i++) this.nodes.push({ host: `203.0.113.${i}`, port: 49737 });
  }

  /** Carries a datagram to the host that its address names. */
  carry(datagram: Datagram): void {
    const { latencyMs, jitterMs, lossRate } = this.conditions;
    if (this.random.next() < lossRate) return;
    const delayMs = latencyMs + this.random.next() * jitterMs;
    this.time.at(this.time.nowMs + delayMs, () => this.hosts.get(datagram.to.host)?.(datagram));
  }
}

/** A home: routers, ports, and the sockets of a punch. */
class Peer {
  readonly world: World;
  readonly nats: readonly Nat[];
  readonly host: string;
  readonly #receivers = new Map<number, (datagram: Datagram) => void>();
  #nextPort = 40_000;

  constructor(world: World, home: Home, number: number) {
    this.world = world;
    this.host = `198.51.100.${number}`;
    const inner = Math.max(0, home.length - 1);
    this.nats = home.map((kind, i) =>
      new Nat(kind, i === inner ? this.host : `100.64.${number}.${i}`, world.random)
    );
    world.hosts.set(this.host, (datagram) => this.#receive(datagram));
  }

  get socketCount(): number {
    return this.#receivers.size;
  }

  bind(receive: (datagram: Datagram) => void): number {
    const port = this.#nextPort++;
    this.#receivers.set(port, receive);
    return port;
  }

  unbind(port: number): void {
    this.#receivers.delete(port);
  }

  send(port: number, to: PeerAddress, body: unknown, ttl = 64): void {
    const isPublic = this.nats.length === 0;
    let datagram: Datagram = { from: { host: isPublic ? this.host : "192.168.1.10", port }, to, body };
    for (const nat of this.nats) datagram = nat.out(datagram);
    if (ttl > LOW_TTL || this.world.conditions.hasNoTtl) this.world.carry(datagram);
  }

  #receive(datagram: Datagram): void {
    let inner: Datagram | null = datagram;
    for (const nat of this.nats.toReversed()) inner = inner && nat.in(inner);
    if (inner) this.#receivers.get(inner.to.port)?.(inner);
  }
}

type Request = { readonly kind: "ping" } | {
  readonly kind: "relay";
  readonly to: PeerAddress;
  round: unknown;
};

interface Message {
  readonly id: number;
  readonly kind: "request" | "response" | "forward" | "backward";
  readonly request?: Request;
  readonly value?: unknown;
  readonly seen?: PeerAddress;
  readonly peer?: PeerAddress;
}

/** Requests over datagrams: answered by nodes, sent again when there is no answer. */
class Requests {
  readonly #peer: Peer;
  readonly #waiting = new Map<number, (message: Message, node: PeerAddress) => void>();
  static nextId = 0;

  constructor(peer: Peer) {
    this.#peer = peer;
  }

  send(
    port: number,
    to: PeerAddress,
    request: Request,
    tries: number,
    done: (answer: { message: Message; node: PeerAddress } | null) => void,
  ): void {
    const { time } = this.#peer.world;
    const id = Requests.nextId++;
    this.#waiting.set(id, (message, node) => {
      this.#waiting.delete(id);
      done({ message, node });
    });
    const attempt = (left: number): void => {
      if (!this.#waiting.has(id)) return;
      if (left === 0) {
        this.#waiting.delete(id);
        return done(null);
      }
      this.#peer.send(port, to, { id, kind: "request", request } satisfies Message);
      time.at(time.nowMs + REQUEST_TIMEOUT_MS, () => attempt(left - 1));
    };
    attempt(tries);
  }

  handle(message: Message, from: PeerAddress): void {
    if (message.kind === "response") this.#waiting.get(message.id)?.(message, from);
  }
}

/** Lets all public nodes answer pings and relay. */
function runNodes(world: World): void {
  for (const node of world.nodes) {
    world.hosts.set(node.host, ({ from, body }) => {
      const message = body as Message;
      const answer = (to: PeerAddress, reply: Message): void => world.carry({ from: node, to, body: reply });
      if (message.kind === "request" && message.request!.kind === "ping") {
        answer(from, { id: message.id, kind: "response", seen: from });
      } else if (message.kind === "request") {
        const { to, round } = message.request as Request & { kind: "relay" };
        answer(to, { id: message.id, kind: "forward", value: round, peer: from, seen: to });
      } else if (message.kind === "backward") {
        const client = message.peer!;
        answer(client, { id: message.id, kind: "response", value: message.value, peer: from, seen: client });
      }
    });
  }
}

function createStats(): PunchStats {
  return { consistent: 0, random: 0, open: 0, tryLater: 0, tryLaterRelayedHandshakesAtLeastOnce: 0 };
}

/** What both sides do for their machines. */
abstract class Side<Action extends { readonly kind: string }> {
  readonly peer: Peer;
  readonly requests: Requests;
  readonly stats = createStats();
  readonly payloads: SecurePayload;
  readonly ports = new Map<number, number>();
  readonly environment;
  abstract readonly machine: {
    handlePong(slot: number, seen: PeerAddress, by: PeerAddress, nowMs: number): void;
    handlePingFailure(slot: number, nowMs: number): void;
    handlePunch(slot: number, from: PeerAddress, nowMs: number): void;
    handleTimeout(nowMs: number): void;
    pollAction(): Action | null;
    readonly deadlineMs: number;
    readonly isOver: boolean;
  };

  constructor(peer: Peer, secret: Uint8Array, limiter?: RandomPunchLimiter) {
    this.peer = peer;
    this.requests = new Requests(peer);
    this.payloads = new SecurePayload(secret, randomBytes);
    const { world } = peer;
    const clock = { nowMs: () => world.time.nowMs, wallMs: () => 0, schedule: () => () => {} };
    this.environment = {
      random: world.random,
      limiter: limiter ?? new RandomPunchLimiter({ clock, intervalMs: 20_000, isDeferred: false }),
      stats: this.stats,
      isFirewalled: () => peer.nats.length > 0,
      nodeCount: () => world.nodes.length,
      recentNodes: () => world.nodes,
    };
  }

  get nowMs(): number {
    return this.peer.world.time.nowMs;
  }

  abstract perform(action: Action): void;

  update(): void {
    for (let action = this.machine.pollAction(); action !== null; action = this.machine.pollAction()) {
      if (!this.#performCommon(action as unknown as PuncherAction)) this.perform(action);
    }
    const { deadlineMs } = this.machine;
    if (deadlineMs === Infinity) return;
    this.peer.world.time.at(deadlineMs, () => {
      if (this.machine.isOver || this.machine.deadlineMs > this.nowMs) return;
      this.machine.handleTimeout(this.nowMs);
      this.update();
    });
  }

  #performCommon(action: PuncherAction): boolean {
    switch (action.kind) {
      case "open":
        this.ports.set(action.slot, this.peer.bind((datagram) => this.#receive(action.slot, datagram)));
        return true;
      case "release":
        this.peer.unbind(this.ports.get(action.slot)!);
        this.ports.delete(action.slot);
        return true;
      case "ping": {
        const { slot, to } = action;
        this.requests.send(this.ports.get(slot)!, to, { kind: "ping" }, 1, (answer) => {
          if (answer) this.machine.handlePong(slot, answer.message.seen!, answer.node, this.nowMs);
          else this.machine.handlePingFailure(slot, this.nowMs);
          this.update();
        });
        return true;
      }
      case "punch":
        this.peer.world.punchCount++;
        this.peer.send(this.ports.get(action.slot)!, action.to, "punch", action.ttl);
        return true;
      default:
        return false;
    }
  }

  #receive(slot: number, { from, body }: Datagram): void {
    if (body === "punch") {
      this.machine.handlePunch(slot, from, this.nowMs);
      this.update();
    } else {
      this.receive(slot, body as Message, from);
    }
  }

  receive(_slot: number | null, message: Message, from: PeerAddress): void {
    this.requests.handle(message, from);
  }
}

class ServerSide extends Side<ServerPunchAction> {
  readonly machine: ServerPunchMachine;
  readonly mainPort: number;
  readonly #answers = new Map<number, (port: number, payload: Uint8Array) => void>();
  readonly relays: readonly PeerAddress[];

  constructor(peer: Peer, secret: Uint8Array, relays: readonly PeerAddress[]) {
    super(peer, secret);
    this.relays = relays;
    this.mainPort = peer.bind(({ from, body }) => this.receive(null, body as Message, from));
    this.machine = new ServerPunchMachine({
      environment: this.environment,
      remoteFirewall: FIREWALL.UNKNOWN,
      tokenOf: (address) => this.payloads.token(address),
      isRelayed: () => peer.world.conditions.isRelayed === true,
      isServerRelay: (address) => relays.some(({ host }) => host === address.host),
      veto: null,
    });
    this.update();
  }

  perform(action: ServerPunchAction): void {
    if (action.kind !== "reply" || !action.payload) return;
    const port = action.slot === null ? this.mainPort : this.ports.get(action.slot)!;
    this.#answers.get(action.round)!(port, this.payloads.encrypt(action.payload));
  }

  override receive(slot: number | null, message: Message, from: PeerAddress): void {
    if (message.kind !== "forward") return super.receive(slot, message, from);
    const payload = this.payloads.decrypt(message.value as Uint8Array)!;
    const { peer: peerAddress, seen: to, id } = message;
    const round = this.machine.handleRound(
      { payload, peerAddress: peerAddress!, from, to: to!, slot },
      this.nowMs,
    );
    this.#answers.set(round, (port, value) => {
      this.peer.send(port, from, { id, kind: "backward", value, peer: peerAddress } satisfies Message);
    });
    this.update();
  }
}

class ClientSide extends Side<ClientPunchAction> {
  readonly machine: ClientPunchMachine;
  result: { readonly slot: number; readonly from: PeerAddress } | Error | null = null;

  constructor(
    peer: Peer,
    secret: Uint8Array,
    server: {
      relays: readonly { relayAddress: PeerAddress; peerAddress: PeerAddress }[];
      address: PeerAddress;
    },
    relayAddress: PeerAddress,
    limiter?: RandomPunchLimiter,
  ) {
    super(peer, secret, limiter);
    this.machine = new ClientPunchMachine({
      environment: this.environment,
      remoteFirewall: FIREWALL.UNKNOWN,
      relays: server.relays,
      relayAddress,
      serverAddress: server.address,
      isFastOpen: peer.world.conditions.fastOpen !== false,
      tokenOf: (address) => this.payloads.token(address),
      isRelayed: () => peer.world.conditions.isRelayed === true,
      veto: null,
    });
    this.update();
  }

  start(): void {
    this.machine.start(this.nowMs);
    this.update();
  }

  perform(action: ClientPunchAction): void {
    if (action.kind === "connect") this.result = { slot: action.slot, from: action.from };
    else if (action.kind === "abort") this.result = action.error;
    else if (action.kind === "send") this.#send(action);
  }

  #send({ request, slot, payload, peerAddress, relay }: ClientPunchAction & { kind: "send" }): void {
    const round = this.payloads.encrypt(payload);
    const port = this.ports.get(slot)!;
    this.requests.send(port, relay, { kind: "relay", to: peerAddress, round }, REQUEST_TRIES, (answer) => {
      if (!answer) this.machine.handleSendFailure(request, new Error("Request timed out"));
      else {
        const { message: { seen, peer, value }, node } = answer;
        const payload: DecodedHolepunchPayload | null = this.payloads.decrypt(value as Uint8Array);
        this.machine.handleReply(
          request,
          { from: node, to: seen!, peerAddress: peer!, payload },
          this.nowMs,
        );
      }
      this.update();
    });
  }
}

/** Runs one punch to its end. */
export function runPunch(
  conditions: PunchConditions,
  limiter?: (world: VirtualTime) => RandomPunchLimiter,
): PunchOutcome {
  const world = new World(conditions);
  runNodes(world);
  const secret = new Uint8Array(32).fill(7);
  const serverPeer = new Peer(world, conditions.server, 2);
  const clientPeer = new Peer(world, conditions.client, 1);
  const relays = world.nodes.slice(0, 3);
  const server = new ServerSide(serverPeer, secret, relays);
  // What the announcements and the handshake have left behind: how relays see the server's sockets.
  const seenBy = (port: number, node: PeerAddress): PeerAddress => {
    let seen: PeerAddress | null = null;
    world.hosts.set(node.host, ({ from }) => seen = from);
    const { lossRate } = conditions;
    (world as { conditions: PunchConditions }).conditions = { ...conditions, lossRate: 0 };
    serverPeer.send(port, node, null);
    while (seen === null && world.time.step(LIMIT_MS));
    (world as { conditions: PunchConditions }).conditions = { ...conditions, lossRate };
    runNodes(world);
    return seen!;
  };
  const infos = relays.map((relayAddress) => ({
    relayAddress,
    peerAddress: seenBy(server.mainPort, relayAddress),
  }));
  const relayAddress = relays[Math.floor(world.random.next() * relays.length)]!;
  const address = seenBy(server.ports.get(0)!, relayAddress);
  const client = new ClientSide(
    clientPeer,
    secret,
    { relays: infos, address },
    relayAddress,
    limiter?.(world.time),
  );
  const startMs = world.time.nowMs;
  client.start();
  while (client.result === null && world.time.step(startMs + LIMIT_MS));
  const ms = world.time.nowMs - startMs;
  const { result } = client;
  const isConnected = result !== null && !(result instanceof Error) && carriesBothWays(world, client, server);
  const [clientFirewall, serverFirewall] = [client.machine.puncher.firewall, server.machine.puncher.firewall];
  client.machine.destroy();
  server.machine.destroy();
  client.update();
  server.update();
  serverPeer.unbind(server.mainPort);
  return {
    isConnected,
    error: result instanceof Error ? result : null,
    ms,
    punchCount: world.punchCount,
    socketCount: clientPeer.socketCount + serverPeer.socketCount,
    stats: { client: client.stats, server: server.stats },
    clientFirewall,
    serverFirewall,
  };
}

/** Whether a datagram gets to the server on the way that the client found, and an answer back. */
function carriesBothWays(world: World, client: ClientSide, server: ServerSide): boolean {
  const { slot, from } = client.result as { slot: number; from: PeerAddress };
  let isBack = false;
  server.receive = (_slot, message, sender) => {
    if ((message as unknown) === "stream") server.peer.send(server.ports.get(_slot!)!, sender, "stream");
  };
  client.receive = (_slot, message) => {
    if ((message as unknown) === "stream") isBack = true;
  };
  (world as { conditions: PunchConditions }).conditions = { ...world.conditions, lossRate: 0 };
  client.peer.send(client.ports.get(slot)!, from, "stream");
  const limitMs = world.time.nowMs + 2000;
  while (!isBack && world.time.step(limitMs));
  return isBack;
}

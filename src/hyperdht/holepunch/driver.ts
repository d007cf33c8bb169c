/**
 * Runs the machines of a punch: sockets, pings, the timer, and what goes to the node.
 *
 * @module
 */
import type { CancelTimer } from "../../base/mod.ts";
import type { UDXSocket } from "../../udx/mod.ts";
import type {
  ClientPunch,
  ClientPunchOptions,
  IncomingPunch,
  PooledSocket,
  Punch,
  PunchOptions,
  PunchReply,
  ServerPunch,
  ServerPunchOptions,
} from "../holepunch_port.ts";
import type { PeerAddress } from "../messages.ts";
import { FAST_OPEN_HEAD_START_MS } from "./limits.ts";
import { type ClientPunchAction, ClientPunchMachine } from "./client_punch_machine.ts";
import type { PuncherAction, PuncherEnvironment, PuncherMachine } from "./puncher_machine.ts";
import { SecurePayload } from "./secure_payload.ts";
import { type ServerPunchAction, ServerPunchMachine } from "./server_punch_machine.ts";

/** A punch: one byte, which no request and no stream's packet is. Source: hyperdht `lib/holepuncher.js`. */
const PUNCH: Uint8Array = new Uint8Array(1);

/** What the machines of both sides have in common. */
interface PunchMachine<Action> {
  destroy(): void;
  handlePong(slot: number, seen: PeerAddress, by: PeerAddress, nowMs: number): void;
  handlePingFailure(slot: number, nowMs: number): void;
  handleOpenFailure(slot: number, nowMs: number): void;
  handlePunch(slot: number, from: PeerAddress, nowMs: number): void;
  handleTimeout(nowMs: number): void;
  pollAction(): Action | null;
  readonly deadlineMs: number;
  readonly puncher: Pick<PuncherMachine, "slot" | "firewall" | "remoteFirewall" | "connection">;
  readonly isOver: boolean;
}

/** Runs one machine. */
abstract class PunchDriver<Action extends { readonly kind: string }> implements Punch {
  protected readonly payloads: SecurePayload;
  protected readonly options: PunchOptions;
  readonly #sockets = new Map<number, PooledSocket>();
  /** The last main socket, once it is given back. */
  #socket: UDXSocket | null = null;
  #isUpdating = false;
  /** Whether nodes may be pinged: what the peer waits for goes first, since a socket sends in order. */
  #isJudging = false;
  #pings: (PuncherAction & { readonly kind: "ping" })[] = [];
  #cancelStart: CancelTimer | null = null;
  #timerAtMs = Infinity;
  #cancelTimer: CancelTimer | null = null;

  constructor(options: PunchOptions) {
    this.options = options;
    this.payloads = new SecurePayload(options.holepunchSecret, options.host.randomBytes);
  }

  protected abstract readonly machine: PunchMachine<Action>;

  /** Does what only this side's machine asks for. */
  protected abstract perform(action: Action): void;

  /** The socket that punches now. */
  get socket(): UDXSocket {
    return this.#sockets.get(this.machine.puncher.slot)?.socket ?? this.#socket!;
  }

  /** What is known of our NAT. */
  get firewall(): number {
    return this.machine.puncher.firewall;
  }

  /** What the peer said of its NAT last. */
  get remoteFirewall(): number {
    return this.machine.puncher.remoteFirewall;
  }

  /** Whether a hole was found. */
  get connected(): boolean {
    return this.machine.puncher.connection !== null;
  }

  /** Whether it is over. */
  get destroyed(): boolean {
    return this.machine.isOver;
  }

  /** Ends the punch silently. */
  destroy(): void {
    this.machine.destroy();
    this.update();
  }

  /** Begins to judge our NAT, if that is still of interest after `delayMs`. */
  protected judge(delayMs = 0): void {
    this.#cancelStart?.();
    this.#cancelStart = null;
    if (delayMs > 0) {
      this.#cancelStart = this.options.host.clock.schedule(delayMs, () => this.judge());
      return;
    }
    this.#isJudging = true;
    this.update();
  }

  protected get nowMs(): number {
    return this.options.host.clock.nowMs();
  }

  /** The pool's entry of a slot. */
  protected entryOf(slot: number): PooledSocket | null {
    return this.#sockets.get(slot) ?? null;
  }

  /** The slot of a socket; null for one that is none of ours. */
  protected slotOf(socket: UDXSocket): number | null {
    for (const [slot, entry] of this.#sockets) {
      if (entry.socket === socket) return slot;
    }
    return null;
  }

  /** Does all that the machine wants done, then waits for its deadline. */
  protected update(): void {
    if (this.#isUpdating) return;
    this.#isUpdating = true;
    try {
      for (let action = this.machine.pollAction(); action !== null; action = this.machine.pollAction()) {
        if (!this.#performCommon(action as unknown as PuncherAction)) this.perform(action);
      }
      if (this.#isJudging) this.#sendPings();
    } finally {
      // What the program throws when it is told something is the program's.
      this.#isUpdating = false;
      if (this.machine.isOver) this.#end();
      this.#armTimer();
    }
  }

  #end(): void {
    this.payloads.dispose();
    this.#cancelStart?.();
    this.#cancelStart = null;
  }

  #performCommon(action: PuncherAction): boolean {
    switch (action.kind) {
      case "open":
        this.#open(action);
        return true;
      case "release":
        this.#release(action.slot);
        return true;
      case "ping":
        this.#pings.push(action);
        return true;
      case "punch": {
        const { to, ttl } = action;
        this.#sockets.get(action.slot)?.socket.send(PUNCH, to.port, to.host, ttl)
          .catch((error) => this.#handleSendError(to, error));
        return true;
      }
      default:
        return false;
    }
  }

  /** What is lost is sent again; what the process may not send never leaves, which is worth knowing. */
  #handleSendError(to: PeerAddress, error: Error & { code?: string }): void {
    if (error.code !== "ERR_PERMISSION") return;
    this.options.trace?.({ event: "refused", to, error });
    this.options.onrefused?.(error);
  }

  #open({ slot, heedsTtl }: PuncherAction & { kind: "open" }): void {
    let entry: PooledSocket;
    try {
      entry = this.options.host.sockets.acquire({ heedsTtl });
    } catch (error) {
      // Without its first socket a punch cannot be made at all.
      if (this.#socket === null) throw error;
      this.options.trace?.({ event: "no-socket", error });
      this.machine.handleOpenFailure(slot, this.nowMs);
      return;
    }
    entry.onholepunchmessage = (_message, from) => {
      this.machine.handlePunch(slot, from, this.nowMs);
      this.update();
    };
    this.#sockets.set(slot, entry);
    this.#socket ??= entry.socket;
  }

  #release(slot: number): void {
    const entry = this.#sockets.get(slot);
    if (!entry) return;
    if (slot === this.machine.puncher.slot) this.#socket = entry.socket;
    this.#sockets.delete(slot);
    entry.release();
  }

  #sendPings(): void {
    for (const { slot, to } of this.#pings.splice(0)) this.#ping(slot, to);
  }

  #ping(slot: number, to: PeerAddress): void {
    const fail = (): void => {
      this.machine.handlePingFailure(slot, this.nowMs);
      this.update();
    };
    const socket = this.#sockets.get(slot)?.socket;
    if (!socket) return fail();
    this.options.session.ping(to, { socket, retry: false }).then((pong) => {
      this.machine.handlePong(slot, pong.to, pong.from, this.nowMs);
      this.update();
    }, fail);
  }

  #armTimer(): void {
    const { deadlineMs } = this.machine;
    if (deadlineMs === this.#timerAtMs) return;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#timerAtMs = deadlineMs;
    if (deadlineMs === Infinity) return;
    this.#cancelTimer = this.options.host.clock.schedule(Math.max(0, deadlineMs - this.nowMs), () => {
      this.#timerAtMs = Infinity;
      this.machine.handleTimeout(this.nowMs);
      this.update();
    });
  }
}

class ClientPunchDriver extends PunchDriver<ClientPunchAction> implements ClientPunch {
  protected readonly machine: ClientPunchMachine;
  readonly #options: ClientPunchOptions;

  constructor(options: ClientPunchOptions) {
    super(options);
    this.#options = options;
    const { remoteFirewall, relays, relayAddress, serverAddress, isFastOpen, veto } = options;
    this.machine = new ClientPunchMachine({
      environment: environmentOf(options),
      remoteFirewall,
      relays,
      relayAddress,
      serverAddress,
      isFastOpen,
      veto,
      tokenOf: (address) => this.payloads.token(address),
      isRelayed: () => options.isRelayed(),
    });
    this.update();
  }

  start(): void {
    this.machine.start(this.nowMs);
    this.update();
    // A hole that is open by then needs no judgement.
    if (!this.machine.isOver) this.judge(FAST_OPEN_HEAD_START_MS);
  }

  protected perform(action: ClientPunchAction): void {
    const { onconnect, onabort, trace } = this.#options;
    switch (action.kind) {
      case "send":
        return this.#send(action);
      case "connect": {
        const { from: { host, port } } = action;
        onconnect(this.socket, port, host);
        // The stream holds the socket from now on.
        return this.machine.destroy();
      }
      case "abort":
        return onabort(action.error);
      case "trace":
        trace?.(action.event);
    }
  }

  #send(action: ClientPunchAction & { kind: "send" }): void {
    const { request, slot, peerAddress, relay, timeoutMs: timeout } = action;
    const fail = (error: Error): void => {
      this.machine.handleSendFailure(request, error);
      this.update();
    };
    const entry = this.entryOf(slot);
    if (!entry) return;
    const { socket } = entry;
    const payload = this.payloads.encrypt(action.payload);
    this.#options.send({ payload, peerAddress, socket, timeout }, relay).then(
      (reply) => {
        if (this.machine.isOver) return;
        const payload = this.payloads.decrypt(reply.payload);
        this.machine.handleReply(request, { ...reply, payload }, this.nowMs);
        this.judge();
      },
      fail,
    );
  }
}

class ServerPunchDriver extends PunchDriver<ServerPunchAction> implements ServerPunch {
  protected readonly machine: ServerPunchMachine;
  readonly #options: ServerPunchOptions;
  readonly #answers = new Map<number, (reply: PunchReply | null) => void>();

  constructor(options: ServerPunchOptions) {
    super(options);
    this.#options = options;
    const { remoteFirewall, veto } = options;
    this.machine = new ServerPunchMachine({
      environment: environmentOf(options),
      remoteFirewall,
      veto,
      tokenOf: (address) => this.payloads.token(address),
      isRelayed: () => options.isRelayed(),
      isServerRelay: (address) => options.isServerRelay(address),
    });
    this.update();
  }

  start(): void {
    this.judge();
  }

  handleRound({ payload, peerAddress, from, to, socket }: IncomingPunch): Promise<PunchReply | null> {
    const decrypted = this.machine.isOver ? null : this.payloads.decrypt(payload);
    if (!decrypted) return Promise.resolve(null);
    this.judge();
    return new Promise((resolve) => {
      const slot = this.slotOf(socket);
      const round = this.machine.handleRound({ payload: decrypted, peerAddress, from, to, slot }, this.nowMs);
      this.#answers.set(round, resolve);
      this.update();
    });
  }

  protected perform(action: ServerPunchAction): void {
    const { onpunching, onabort, trace } = this.#options;
    switch (action.kind) {
      case "reply":
        return this.#reply(action);
      case "punching":
        return onpunching();
      case "abort":
        return onabort();
      case "trace":
        trace?.(action.event);
    }
  }

  #reply({ round, slot, payload }: ServerPunchAction & { kind: "reply" }): void {
    const answer = this.#answers.get(round);
    this.#answers.delete(round);
    if (!payload) return answer?.(null);
    const socket = slot === null ? null : this.entryOf(slot)?.socket ?? null;
    answer?.({ socket, payload: this.payloads.encrypt(payload) });
  }
}

function environmentOf({ host }: PunchOptions): PuncherEnvironment {
  return {
    random: host.random,
    limiter: host.limiter,
    stats: host.stats,
    isFirewalled: () => host.isFirewalled(),
    nodeCount: () => host.nodeCount(),
    recentNodes: () => host.recentNodes(),
  };
}

/** Makes a client's punch. @throws {PlatformError} when no socket can be bound. */
export function createClientPunch(options: ClientPunchOptions): ClientPunch {
  return new ClientPunchDriver(options);
}

/** Makes a server's punch. @throws {PlatformError} when no socket can be bound. */
export function createServerPunch(options: ServerPunchOptions): ServerPunch {
  return new ServerPunchDriver(options);
}

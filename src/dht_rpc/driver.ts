/**
 * Puts a node's machine on sockets, a clock and randomness.
 *
 * @module
 */
import { type CancelTimer, type Clock, type Random, runtimeRandom } from "../base/mod.ts";
import { randomBytes } from "../crypto/mod.ts";
import { systemClock } from "../platform/mod.ts";
import { UDX, type UDXSocket } from "../udx/mod.ts";
import { type BootstrapResolver, parseBootstrapNode, resolveBootstrapNodes } from "./bootstrap_nodes.ts";
import { CONCURRENCY, DOWN_HINTS_PER_TICK, ID_BYTES, PING_DELAY_MAX_MS, WINDOW_REQUESTS } from "./limits.ts";
import { NodeMachine } from "./node_machine.ts";
import type { BootstrapTicket, NodeEvent, NodeSockets, UserRequest } from "./node_types.ts";
import type { DHTOptions } from "./options.ts";
import type { PeerAddress } from "./peer.ts";
import type { Query } from "./query.ts";
import type { Reply } from "./query_machine.ts";
import type { OutgoingRequest } from "./request_machine.ts";

/** Who waits for an answer. */
export interface RequestHandle {
  /** The answer came. */
  resolve(reply: Reply): void;
  /** It will not come. */
  reject(error: Error): void;
}

/** What the driver tells a node. */
export type DriverEvent = NodeEvent<UDXSocket, RequestHandle, Query<unknown>>;

type Machine = NodeMachine<UDXSocket, RequestHandle, Query<unknown>>;

/** A request under way. */
export type DriverRequest = OutgoingRequest<UDXSocket, unknown>;

/** The machine and what drives it. */
export class Driver {
  readonly machine: Machine;
  readonly clock: Clock;
  readonly udx: UDX;
  readonly bootstrapNodes: readonly PeerAddress[];
  readonly #onEvent: (event: DriverEvent) => void;
  #cancelTimer: CancelTimer | null = null;
  #timerAtMs = Infinity;
  #isFlushing = false;

  /** Creates the machine; its time runs at once. @throws {Error} for a bootstrap node without a port. */
  constructor(options: DHTOptions, onEvent: (event: DriverEvent) => void) {
    const random: Random = options.random ?? runtimeRandom;
    this.clock = options.clock ?? systemClock;
    this.udx = options.udx ?? new UDX({ clock: this.clock, random });
    this.bootstrapNodes = (options.bootstrap || []).map(parseBootstrapNode);
    this.#onEvent = onEvent;
    this.machine = new NodeMachine(
      {
        tableId: randomBytes(ID_BYTES),
        tokenSeed: randomBytes(2 * ID_BYTES),
        random,
        concurrency: options.concurrency || CONCURRENCY,
        maxWindow: options.maxWindow ?? WINDOW_REQUESTS,
        maxPingDelayMs: options.maxPingDelay || PING_DELAY_MAX_MS,
        ephemeral: options.ephemeral,
        adaptive: options.adaptive !== false,
        firewalled: options.firewalled !== false,
        quickFirewall: options.quickFirewall !== false,
        sendDownHints: options.sendDownHints !== false,
        downHintsRateLimit: options.downHintsRateLimit ?? DOWN_HINTS_PER_TICK,
        adaptiveTimeout: options.adaptiveTimeout,
        filterNode: options.filterNode ?? options.addNode ?? null,
        bootstrapCount: this.bootstrapNodes.length,
        inboundRequestsMax: options.inboundRequestsMax,
        isTraced: options.trace !== undefined,
      },
      this.clock.nowMs(),
      this.clock.wallMs(),
    );
  }

  /** Does something with the machine and sees to what follows. */
  act<Result>(action: (machine: Machine, nowMs: number) => Result): Result {
    try {
      return action(this.machine, this.clock.nowMs());
    } finally {
      this.flush();
    }
  }

  /** Asks a node; the promise settles with the answer. */
  request(
    init: Omit<UserRequest<UDXSocket, RequestHandle>, "handle">,
    signal: AbortSignal | undefined,
  ): Promise<Reply> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason);
      const stopListening = (): void => signal?.removeEventListener("abort", onAbort);
      const handle: RequestHandle = {
        resolve: (reply) => (stopListening(), resolve(reply)),
        reject: (error) => (stopListening(), reject(error)),
      };
      const request = this.act((machine, nowMs) => machine.request({ ...init, handle }, nowMs));
      const onAbort = (): void =>
        this.act((machine, nowMs) => machine.cancel(request, signal!.reason, nowMs));
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Sockets were bound. */
  handleBound(sockets: NodeSockets<UDXSocket>): void {
    this.act((machine, nowMs) => machine.handleBound(sockets, nowMs));
  }

  /** A datagram arrived. */
  handleDatagram(socket: UDXSocket, bytes: Uint8Array, from: PeerAddress): void {
    this.machine.handleDatagram(socket, bytes, from, this.clock.nowMs());
    this.flush();
  }

  /** Resolves the bootstrap nodes that the machine wants. */
  async resolve(ticket: BootstrapTicket<Query<unknown>>, resolver: BootstrapResolver): Promise<void> {
    const nodes = await resolveBootstrapNodes(this.bootstrapNodes, resolver);
    this.act((machine, nowMs) => machine.handleBootstrapNodes(ticket, nodes, nowMs));
  }

  /** Sends what there is to send, tells what there is to tell, and sets the timer. */
  flush(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    try {
      do {
        this.#send();
        for (let event = this.machine.pollEvent(); event !== null; event = this.machine.pollEvent()) {
          this.#onEvent(event);
        }
      } while (this.#send());
    } finally {
      this.#isFlushing = false;
      this.#armTimer();
    }
  }

  /** Stops the timer for good. */
  destroy(): void {
    this.act((machine, nowMs) => machine.destroy(nowMs));
    this.#cancelTimer?.();
    this.#cancelTimer = null;
  }

  #send(): boolean {
    let isBusy = false;
    for (let next = this.machine.pollTransmit(); next !== null; next = this.machine.pollTransmit()) {
      isBusy = true;
      const { socket, bytes, port, host, ttl, tid } = next;
      if (tid === null) socket.trySend(bytes, port, host, ttl);
      else socket.send(bytes, port, host, ttl).catch((error) => this.#handleSendError(tid, error));
    }
    return isBusy;
  }

  /** A lost datagram is sent again; one that the process may not send would be refused again. */
  #handleSendError(tid: number, error: Error & { code?: string }): void {
    if (error.code !== "ERR_PERMISSION") return;
    this.act((machine, nowMs) => machine.handleRefusal(tid, error, nowMs));
  }

  #armTimer(): void {
    const { deadlineMs } = this.machine;
    if (deadlineMs >= this.#timerAtMs) return;
    this.#cancelTimer?.();
    this.#timerAtMs = deadlineMs;
    this.#cancelTimer = this.clock.schedule(Math.max(0, deadlineMs - this.clock.nowMs()), this.#onTimer);
  }

  readonly #onTimer = (): void => {
    this.#cancelTimer = null;
    this.#timerAtMs = Infinity;
    this.machine.handleTimeout(this.clock.nowMs(), this.clock.wallMs());
    this.flush();
  };
}

/**
 * A UDP socket that heeds TTLs first and is fast later: `node:dgram` until `settle()`, `Deno.listenDatagram` on the
 * same port from then on.
 *
 * Both sockets share the port with `SO_REUSEADDR` (`SO_REUSEPORT` on BSD), where the one that was bound last gets
 * what arrives. Nothing depends on that: what either receives goes to the same owner.
 *
 * @module
 */
import type {
  DatagramAddress,
  DatagramSocket,
  DatagramSocketHandlers,
  DatagramSocketOptions,
  OutgoingDatagram,
} from "./datagram_socket.ts";
import { bindDenoDatagramSocket, findFreePort } from "./deno_datagram_socket.ts";
import { PlatformError } from "./errors.ts";
import { bindNodeDatagramSocket } from "./node_datagram_socket.ts";

/**
 * How long the first socket stays, to hand over what the system had received for it: turns of the event loop, each with
 * a look at the network, as a busy process may be late for any one timer.
 */
const HANDOVER_TURNS = 3;
const HANDOVER_TURN_MS = 20;

/** Attempts at a port of our own; another process can only take it between two system calls. */
const RESERVE_TRIES_MAX = 8;

/** Binds a socket that can switch. @throws {PlatformError} as `bindDatagramSocket` says. */
export function bindSwitchingDatagramSocket(options: DatagramSocketOptions): DatagramSocket {
  const { host, port, handlers } = options;
  for (let tries = 1;; tries++) {
    try {
      // Asking for port 0 and to share it may give a port that another sharing socket has.
      const shared = port === 0 ? findFreePort(host) : port;
      // Deno hands over one datagram a turn: what comes first is not to wait for a turn without any.
      const socket = bindNodeDatagramSocket({ ...options, port: shared, reuseAddress: true }, true);
      return new SwitchingDatagramSocket(host, socket, handlers);
    } catch (error) {
      const wasTaken = error instanceof PlatformError && error.code === "EADDRINUSE";
      if (port !== 0 || !wasTaken || tries === RESERVE_TRIES_MAX) throw error;
    }
  }
}

class SwitchingDatagramSocket implements DatagramSocket {
  readonly address: DatagramAddress;
  readonly #host: string;
  readonly #handlers: DatagramSocketHandlers;
  #socket: DatagramSocket;
  /** The first socket while it hands over. */
  #leaving: DatagramSocket | null = null;
  #handoverTimer: ReturnType<typeof setTimeout> | undefined;
  #isClosed = false;

  constructor(host: string, socket: DatagramSocket, handlers: DatagramSocketHandlers) {
    this.#host = host;
    this.#socket = socket;
    this.#handlers = handlers;
    this.address = socket.address;
  }

  get backend(): "deno" | "node" {
    return this.#socket.backend;
  }

  get isWritable(): boolean {
    return this.#socket.isWritable;
  }

  sendMany(datagrams: readonly OutgoingDatagram[], count: number): void {
    this.#socket.sendMany(datagrams, count);
  }

  send(
    bytes: Uint8Array,
    address: DatagramAddress,
    options: { readonly ttl?: number } = {},
  ): Promise<boolean> {
    return this.#socket.send(bytes, address, options);
  }

  trySend(bytes: Uint8Array, address: DatagramAddress, options?: { readonly ttl?: number }): void {
    this.#socket.trySend(bytes, address, options);
  }

  settle(): void {
    if (this.#isClosed || this.#socket.backend === "deno") return;
    const host = this.#host;
    const { port } = this.address;
    let settled: DatagramSocket;
    try {
      settled = bindDenoDatagramSocket({ host, port, reuseAddress: true, handlers: this.#handlers });
    } catch {
      // The first socket does all that is needed, only more slowly.
      return;
    }
    const leaving = this.#socket;
    this.#leaving = leaving;
    this.#socket = settled;
    // An owner that waits for room in the first socket's queue may go on in the second's.
    if (!leaving.isWritable) this.#handlers.onWritable();
    this.#handOver(leaving, HANDOVER_TURNS);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    clearTimeout(this.#handoverTimer);
    await Promise.all([this.#leaving?.close(), this.#socket.close()]);
  }

  #handOver(leaving: DatagramSocket, turnsLeft: number): void {
    this.#handoverTimer = setTimeout(() => {
      if (turnsLeft > 1) return this.#handOver(leaving, turnsLeft - 1);
      this.#leaving = null;
      leaving.close();
    }, HANDOVER_TURN_MS);
  }

  setTtl(ttl: number): void {
    this.#socket.setTtl(ttl);
  }

  getBufferSize(direction: "receive" | "send"): number {
    return this.#socket.getBufferSize(direction);
  }

  setBufferSize(direction: "receive" | "send", byteLength: number): void {
    this.#socket.setBufferSize(direction, byteLength);
  }

  setMembership(group: string, interfaceAddress: string, joined: boolean): void {
    this.#socket.setMembership(group, interfaceAddress, joined);
  }
}

/**
 * UDP through `Deno.listenDatagram` (needs `--unstable-net`): the fast way, without TTL and buffer sizes.
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
import { SendQueue } from "./send_queue.ts";
import { RECEIVE_BATCH_MAX, ReceiveBatch } from "./receive_batch.ts";
import { bindError, isPermissionRefusal, netPermissionError, PlatformError } from "./errors.ts";

/** Largest datagram that is received whole; libudx's own buffer has the same size (include/udx.h). */
const DATAGRAM_BYTES_MAX = 2048;

/**
 * A receive that finds a datagram continues within this many microtasks; when none arrived after so many, the
 * system's queue is empty and the batch is complete.
 */
const IDLE_MICROTASKS = 5;

interface NetAddress {
  readonly transport: "udp";
  readonly hostname: string;
  readonly port: number;
}

interface DenoDatagramConn {
  readonly addr: NetAddress;
  receive(into: Uint8Array): Promise<[Uint8Array, NetAddress]>;
  send(bytes: Uint8Array, address: NetAddress): Promise<number>;
  close(): void;
  joinMulticastV4(group: string, networkInterface: string): Promise<MulticastMembership>;
  joinMulticastV6(group: string, networkInterface: number): Promise<MulticastMembership>;
}

interface MulticastMembership {
  leave(): Promise<void>;
}

interface DenoNetwork {
  listenDatagram?(
    options: NetAddress & { readonly reuseAddress?: boolean },
  ): DenoDatagramConn;
  permissions: { querySync(descriptor: { name: "net"; host: string }): { state: string } };
}

const denoNetwork = (globalThis as { Deno?: DenoNetwork }).Deno;

/** Tells whether this runtime has `Deno.listenDatagram`. */
export function hasDenoDatagrams(): boolean {
  return typeof denoNetwork?.listenDatagram === "function";
}

/** Tells whether Deno keeps this process from sending to an address; false in other runtimes. */
export function isNetDenied({ host, port, family }: DatagramAddress): boolean {
  if (!denoNetwork) return false;
  const target = family === 6 ? `[${host}]:${port}` : `${host}:${port}`;
  return denoNetwork.permissions.querySync({ name: "net", host: target }).state !== "granted";
}

/** Binds through `Deno.listenDatagram`. @throws {PlatformError} as `bindDatagramSocket` says. */
export function bindDenoDatagramSocket(options: DatagramSocketOptions): DatagramSocket {
  if (options.ipv6Only) {
    throw new PlatformError("ERR_UNSUPPORTED", "Cannot bind an IPv6-only socket with Deno.listenDatagram");
  }
  return new DenoDatagramSocket(listen(options), options.handlers);
}

/** Finds a port that nobody has, not even to share. @throws {PlatformError} as `bindDatagramSocket` says. */
export function findFreePort(host: string): number {
  const conn = listen({ host, port: 0 });
  const { port } = conn.addr;
  conn.close();
  return port;
}

function listen(options: Omit<DatagramSocketOptions, "handlers">): DenoDatagramConn {
  if (!denoNetwork?.listenDatagram) {
    throw new PlatformError("ERR_UNSUPPORTED", "Cannot use Deno.listenDatagram, it needs --unstable-net", {
      flag: "--unstable-net",
    });
  }
  const { host, port } = options;
  const asked = host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
  if (denoNetwork.permissions.querySync({ name: "net", host: asked }).state === "denied") {
    throw netPermissionError(`Cannot bind ${asked}`);
  }
  try {
    return denoNetwork.listenDatagram({
      transport: "udp",
      hostname: host,
      port,
      reuseAddress: options.reuseAddress ?? false,
    });
  } catch (cause) {
    throw bindError(host, port, cause);
  }
}

class DenoDatagramSocket implements DatagramSocket {
  readonly backend = "deno";
  readonly address: DatagramAddress;
  readonly #conn: DenoDatagramConn;
  readonly #handlers: DatagramSocketHandlers;
  readonly #memberships = new Map<string, Promise<MulticastMembership>>();
  /** Where datagrams are received, in turn; made when its turn comes, for many sockets receive few. */
  readonly #slots: Uint8Array[] = [];
  readonly #batch: ReceiveBatch;
  #receivedCount = 0;
  #idleCheckArmed = false;
  readonly #queue: SendQueue;
  #closed = false;
  readonly #receiving: Promise<void>;
  /** Deno's own form of the addresses last sent to: most sockets talk to few peers at a time. */
  readonly #destinations = new WeakMap<DatagramAddress, NetAddress>();

  constructor(conn: DenoDatagramConn, handlers: DatagramSocketHandlers) {
    this.#conn = conn;
    this.#handlers = handlers;
    this.#batch = new ReceiveBatch((datagrams, count) => handlers.onReceive(datagrams, count));
    this.#queue = new SendQueue({
      send: (bytes, address) => conn.send(bytes, this.#destination(address)),
      onError: (error, address) => this.#reportSend(error, address),
      onWritable: () => handlers.onWritable(),
    });
    const { hostname, port } = conn.addr;
    this.address = { host: hostname, port, family: hostname.includes(":") ? 6 : 4 };
    this.#receiving = this.#receiveLoop();
  }

  get isWritable(): boolean {
    return this.#queue.isWritable;
  }

  sendMany(datagrams: readonly OutgoingDatagram[], count: number): void {
    this.#queue.push(datagrams, count);
  }

  async send(bytes: Uint8Array, address: DatagramAddress): Promise<boolean> {
    if (this.#closed) return false;
    try {
      // The address of a single datagram is new each time, so that remembering it would only cost.
      await this.#conn.send(bytes, netAddress(address));
      return true;
    } catch (cause) {
      if (isPermissionRefusal(cause)) {
        throw netPermissionError(`Cannot send to ${address.host}:${address.port}`, cause);
      }
      return false;
    }
  }

  trySend(bytes: Uint8Array, address: DatagramAddress): void {
    if (!this.#closed) this.#conn.send(bytes, netAddress(address)).catch(ignore);
  }

  async close(): Promise<void> {
    if (!this.#closed) {
      this.#closed = true;
      this.#queue.close();
      this.#conn.close();
    }
    await this.#receiving;
  }

  settle(): void {
    // Nothing is faster.
  }

  setTtl(): void {
    throw unsupported("set the TTL");
  }

  getBufferSize(): number {
    throw unsupported("read buffer sizes");
  }

  setBufferSize(): void {
    throw unsupported("set buffer sizes");
  }

  setMembership(group: string, interfaceAddress: string, joined: boolean): void {
    const key = `${group} ${interfaceAddress}`;
    const held = this.#memberships.get(key);
    if (joined === (held !== undefined)) return;
    if (held) {
      this.#memberships.delete(key);
      held.then((membership) => membership.leave()).catch((error) => this.#reportMembership(error));
      return;
    }
    const membership = group.includes(":")
      ? this.#conn.joinMulticastV6(group, Number(interfaceAddress) || 0)
      : this.#conn.joinMulticastV4(group, interfaceAddress || "0.0.0.0");
    this.#memberships.set(key, membership);
    membership.catch((error) => this.#reportMembership(error));
  }

  #reportMembership(error: unknown): void {
    if (!this.#closed) this.#handlers.onSendError(error, this.address);
  }

  async #receiveLoop(): Promise<void> {
    let slot = 0;
    while (!this.#closed) {
      try {
        const into = this.#slots[slot] ??= new Uint8Array(DATAGRAM_BYTES_MAX);
        const [bytes, from] = await this.#conn.receive(into);
        this.#batch.add(bytes, from.hostname, from.port);
        this.#receivedCount++;
        slot = (slot + 1) % (RECEIVE_BATCH_MAX + 1);
      } catch {
        // Closing interrupts the receive; anything else (Windows reports ICMP errors of earlier sends here)
        // concerns one datagram only.
        if (this.#closed) return;
        await new Promise<void>((resolve) => setTimeout(resolve, 1));
        continue;
      }
      if (this.#batch.isFull) this.#batch.deliver();
      else if (!this.#idleCheckArmed) this.#armIdleCheck();
    }
  }

  #armIdleCheck(): void {
    this.#idleCheckArmed = true;
    let seenCount = this.#receivedCount;
    let quietMicrotasks = 0;
    const check = (): void => {
      if (this.#receivedCount !== seenCount) {
        seenCount = this.#receivedCount;
        quietMicrotasks = 0;
      }
      if (++quietMicrotasks < IDLE_MICROTASKS) return queueMicrotask(check);
      this.#idleCheckArmed = false;
      if (!this.#closed) this.#batch.deliver();
    };
    queueMicrotask(check);
  }

  #destination(address: DatagramAddress): NetAddress {
    let destination = this.#destinations.get(address);
    if (!destination) {
      destination = netAddress(address);
      this.#destinations.set(address, destination);
    }
    return destination;
  }

  #reportSend(error: unknown, address: DatagramAddress): void {
    const isRefusal = isPermissionRefusal(error);
    const target = `${address.host}:${address.port}`;
    this.#handlers.onSendError(
      isRefusal ? netPermissionError(`Cannot send to ${target}`, error) : error,
      address,
    );
  }
}

function ignore(): void {
  // A datagram that was only tried: nobody is told.
}

function netAddress({ host, port }: DatagramAddress): NetAddress {
  return { transport: "udp", hostname: host, port };
}

function unsupported(action: string): PlatformError {
  return new PlatformError(
    "ERR_UNSUPPORTED",
    `Cannot ${action} of a Deno.listenDatagram socket, create it with backend "node"`,
  );
}

/**
 * One UDP socket, whatever the runtime offers: the interface, and the choice of an implementation.
 *
 * The interface is shaped for batches, so that an implementation with `sendmmsg`/`recvmmsg` fits behind it.
 * It knows nothing of the protocols above.
 *
 * @module
 */
import { bindDenoDatagramSocket, hasDenoDatagrams } from "./deno_datagram_socket.ts";
import { bindNodeDatagramSocket } from "./node_datagram_socket.ts";
import { bindSwitchingDatagramSocket } from "./switching_datagram_socket.ts";

/** Where a datagram goes to or came from. */
export interface DatagramAddress {
  /** Textual IPv4 or IPv6 address, never a name; IPv4 in its own notation even on an IPv6 socket. */
  readonly host: string;
  /** 1 to 65535. */
  readonly port: number;
  /** 4 or 6. */
  readonly family: 4 | 6;
}

/** One datagram to send. */
export interface OutgoingDatagram {
  /** The payload; borrowed until the `sendMany` that takes it settles. */
  readonly bytes: Uint8Array;
  /** The destination. */
  readonly address: DatagramAddress;
}

/** One received datagram, valid only while the receive callback runs. */
export interface IncomingDatagram {
  /** The payload: a view into the socket's own memory. */
  readonly bytes: Uint8Array;
  /** The sender. */
  readonly address: DatagramAddress;
}

/** What a socket tells its owner. */
export interface DatagramSocketHandlers {
  /** Some datagrams arrived: the first `count` of `datagrams`, in order. The array is reused after the call. */
  onReceive(datagrams: readonly IncomingDatagram[], count: number): void;
  /** Room is available again after {@linkcode DatagramSocket.isWritable} was false. */
  onWritable(): void;
  /** A datagram could not be handed to the system; UDP being lossy, most owners only look at permissions. */
  onSendError(error: unknown, address: DatagramAddress): void;
}

/** Options of {@linkcode bindDatagramSocket}. */
export interface DatagramSocketOptions {
  /** Textual address to bind; no names. */
  readonly host: string;
  /** 0 lets the system choose. */
  readonly port: number;
  /** An IPv6 socket that refuses IPv4 traffic. */
  readonly ipv6Only?: boolean;
  /** Several sockets may bind the same address. */
  readonly reuseAddress?: boolean;
  /**
   * `deno`: `Deno.listenDatagram`; `node`: `node:dgram`; `auto` (default): the first where it is present and can
   * do what the other options ask, else the second.
   */
  readonly backend?: "auto" | "deno" | "node";
  /**
   * With `auto`: a socket that heeds TTLs until {@linkcode DatagramSocket.settle}, and is as fast as the runtime can
   * make it from then on.
   */
  readonly heedsTtl?: boolean;
  /** Who gets the datagrams. */
  readonly handlers: DatagramSocketHandlers;
}

/** A bound UDP socket. */
export interface DatagramSocket {
  /** Which implementation this is. */
  readonly backend: "deno" | "node";
  /** The bound address. */
  readonly address: DatagramAddress;
  /** False while the system's send queue is full: what is sent now waits in memory. */
  readonly isWritable: boolean;
  /** Sends the first `count` datagrams, in order; never throws, see {@linkcode DatagramSocketHandlers.onSendError}. */
  sendMany(datagrams: readonly OutgoingDatagram[], count: number): void;
  /**
   * Sends one datagram and resolves when the system took it (true) or refused it (false).
   *
   * @throws {PlatformError} `ERR_PERMISSION` (as a rejection) when the destination is not permitted.
   */
  send(bytes: Uint8Array, address: DatagramAddress, options?: { readonly ttl?: number }): Promise<boolean>;
  /** Sends one datagram; nobody is told what becomes of it. */
  trySend(bytes: Uint8Array, address: DatagramAddress, options?: { readonly ttl?: number }): void;
  /**
   * Says that TTLs are not needed any more: a socket with `heedsTtl` goes on with the fastest implementation, on the
   * same port and without losing what arrives meanwhile. Others do nothing.
   */
  settle(): void;
  /** Closes the socket and resolves when the system let go of it. */
  close(): Promise<void>;
  /**
   * Sets the IP time to live of all packets.
   *
   * @throws {PlatformError} `ERR_UNSUPPORTED` with `Deno.listenDatagram`.
   */
  setTtl(ttl: number): void;
  /** Sizes of the system's buffers in bytes. @throws {PlatformError} `ERR_UNSUPPORTED` with `Deno.listenDatagram`. */
  getBufferSize(direction: "receive" | "send"): number;
  /** Asks for another size in bytes. @throws {PlatformError} `ERR_UNSUPPORTED` with `Deno.listenDatagram`. */
  setBufferSize(direction: "receive" | "send", byteLength: number): void;
  /** Joins or leaves a multicast group on the interface with the given address (any when empty). */
  setMembership(group: string, interfaceAddress: string, joined: boolean): void;
}

/**
 * Binds a UDP socket, synchronously.
 *
 * @throws {PlatformError} `ERR_PERMISSION` naming the flag, `EADDRINUSE`, `EADDRNOTAVAIL`, `ERR_UNSUPPORTED`.
 */
export function bindDatagramSocket(options: DatagramSocketOptions): DatagramSocket {
  const backend = options.backend ?? "auto";
  if (backend === "deno") return bindDenoDatagramSocket(options);
  if (backend === "node" || options.ipv6Only || !hasDenoDatagrams()) return bindNodeDatagramSocket(options);
  return options.heedsTtl ? bindSwitchingDatagramSocket(options) : bindDenoDatagramSocket(options);
}

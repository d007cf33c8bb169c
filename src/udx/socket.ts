/**
 * A UDP socket that carries UDX streams and passes everything else on.
 *
 * @module
 */
import { allocBytes, allocBytesUnsafe, copyBytes, TypedEventEmitter } from "../base/mod.ts";
import {
  bindDatagramSocket,
  type DatagramAddress,
  type DatagramSocket,
  type DatagramSocketHandlers,
  PlatformError,
} from "../platform/mod.ts";
import { isIP } from "./address.ts";
import { createTraffic, type Driver, type SocketHost, type Traffic } from "./driver.ts";
import type { UDXStream } from "./stream.ts";
import type { UDX } from "./udx.ts";

/** Messages up to this share an allocation, for one each takes longer than all else that is done with a request. */
const SHARED_MESSAGE_BYTES_MAX = 256;

/** So much stays in memory as long as one of the messages in it does. */
const MESSAGES_BYTES = 2048;

/** An address as sockets report it. */
export interface UDXAddress {
  /** Textual address. */
  readonly host: string;
  /** 4 or 6. */
  readonly family: 4 | 6;
  /** Port number. */
  readonly port: number;
}

/** Options of `udx.createSocket()`. */
export interface UDXSocketOptions {
  /** Refuse IPv4 traffic on an IPv6 socket; needs `node:dgram`. */
  readonly ipv6Only?: boolean;
  /** Allow several sockets on one address. */
  readonly reuseAddress?: boolean;
  /**
   * Which of the runtime's sockets to use: `deno` for `Deno.listenDatagram` (fast), `node` for `node:dgram` (has TTL
   * and buffer sizes), `auto` (default) for the first that is there. Not in udx-native.
   */
  readonly backend?: "auto" | "deno" | "node";
  /**
   * Heed the TTLs of `send` until {@linkcode UDXSocket.settle}; with `backend: "auto"`. Not in udx-native, where all
   * sockets do.
   */
  readonly heedsTtl?: boolean;
}

/** Events of {@linkcode UDXSocket} with the arguments of their listeners. */
export type UDXSocketEvents = {
  /** A datagram that belongs to no stream. */
  message: [message: Uint8Array, from: UDXAddress];
  /** The socket is bound. */
  listening: [];
  /** The last stream left. */
  idle: [];
  /** The first stream came. */
  busy: [];
  /** The socket is closed. */
  close: [];
};

/** What {@linkcode UDXSocket.toJSON} returns. */
export interface UDXSocketJSON {
  /** See the properties of the same names. */
  readonly bound: boolean;
  /** `close()` was called. */
  readonly closing: boolean;
  /** Number of streams. */
  readonly streams: number;
  /** Bound address, null before binding. */
  readonly address: UDXAddress | null;
  /** As given to `createSocket`. */
  readonly ipv6Only: boolean;
  /** As given to `createSocket`. */
  readonly reuseAddress: boolean;
  /** No streams. */
  readonly idle: boolean;
  /** Some streams. */
  readonly busy: boolean;
}

/** What streams do with their socket; not part of the public interface. */
export interface SocketAttachment {
  /** The driver's view of the socket. */
  readonly host: SocketHost;
  /** A stream uses the socket from now on. */
  addStream(stream: UDXStream): void;
  /** A stream does not use the socket any more. */
  removeStream(stream: UDXStream): void;
}

/** Gives streams of this module access to their sockets' inner side. */
export const socketAttachment: unique symbol = Symbol("udx socket attachment");

/**
 * A UDP socket; create one with `udx.createSocket()`.
 *
 * @example
 * ```ts
 * import UDX from "@quince/quince/udx";
 *
 * const udx = new UDX();
 * const socket = udx.createSocket();
 * socket.bind(0, "127.0.0.1");
 * await socket.send(new Uint8Array([1, 2, 3]), 9, "127.0.0.1");
 * await socket.close();
 * ```
 */
export class UDXSocket extends TypedEventEmitter<UDXSocketEvents> implements AsyncDisposable {
  /** The instance that created the socket. */
  readonly udx: UDX;
  /** Streams that are connected through this socket. */
  readonly streams: Set<UDXStream> = new Set();
  /** Yours to use. */
  userData: unknown = null;

  /**
   * Inner side, for streams.
   *
   * @internal
   */
  readonly [socketAttachment]: SocketAttachment;

  readonly #driver: Driver;
  readonly #options: UDXSocketOptions;
  readonly #traffic: Traffic = createTraffic();
  #datagrams: DatagramSocket | null = null;
  /** What short messages are copied to, one behind the other; never used again. */
  #messages = allocBytes(0);
  #messagesUsed = 0;
  #address: UDXAddress | null = null;
  #closing: Promise<void> | null = null;
  #isClosed = false;

  /** Called by `udx.createSocket()`. */
  constructor(udx: UDX, driver: Driver, options: UDXSocketOptions = {}) {
    super();
    this.udx = udx;
    this.#driver = driver;
    this.#options = options;
    const currentDatagrams = (): DatagramSocket | null => this.#datagrams;
    this[socketAttachment] = {
      host: {
        owner: this,
        get datagrams(): DatagramSocket | null {
          return currentDatagrams();
        },
        traffic: this.#traffic,
        handleMessage: (bytes, from) => this.#handleMessage(bytes, from),
      },
      addStream: (stream) => this.#addStream(stream),
      removeStream: (stream) => this.#removeStream(stream),
    };
  }

  /** Whether the socket is bound to a port. */
  get bound(): boolean {
    return this.#address !== null;
  }

  /** Whether `close()` was called. */
  get closing(): boolean {
    return this.#closing !== null;
  }

  /** No stream uses the socket. */
  get idle(): boolean {
    return this.streams.size === 0;
  }

  /** Some stream uses the socket. */
  get busy(): boolean {
    return this.streams.size > 0;
  }

  /** Bytes of stream packets sent. */
  get bytesTransmitted(): number {
    return this.#traffic.bytesTransmitted;
  }

  /** Stream packets sent. */
  get packetsTransmitted(): number {
    return this.#traffic.packetsTransmitted;
  }

  /** Bytes received. */
  get bytesReceived(): number {
    return this.#traffic.bytesReceived;
  }

  /** Datagrams received. */
  get packetsReceived(): number {
    return this.#traffic.packetsReceived;
  }

  /** Always -1, "not known": no runtime tells. */
  get packetsDroppedByKernel(): number {
    return -1;
  }

  /** A summary, for logs. */
  toJSON(): UDXSocketJSON {
    return {
      bound: this.bound,
      closing: this.closing,
      streams: this.streams.size,
      address: this.address(),
      ipv6Only: this.#options.ipv6Only === true,
      reuseAddress: this.#options.reuseAddress === true,
      idle: this.idle,
      busy: this.busy,
    };
  }

  /** The bound address, null before binding. */
  address(): UDXAddress | null {
    return this.#address;
  }

  /**
   * Binds the socket; without a host to `::` or, when that fails, to `0.0.0.0`.
   *
   * @throws {Error} when bound or closed already, or when `host` is no address.
   * @throws {PlatformError} `ERR_PERMISSION`, `EADDRINUSE`, `EADDRNOTAVAIL`.
   */
  bind(port = 0, host?: string): void {
    if (this.bound) throw new Error("Already bound");
    if (this.closing) throw new Error("Socket is closed");
    if (host) {
      requireFamily(host);
      this.#datagrams = this.#bind(port, host);
    } else {
      this.#datagrams = this.#bindAny(port);
    }
    const { address } = this.#datagrams;
    this.#address = { host: address.host, family: address.family, port: address.port };
    this.emit("listening");
  }

  /** Closes the socket once its streams have left; the promise resolves when it is closed. */
  close(): Promise<void> {
    this.#closing ??= new Promise((resolve) => this.once("close", resolve));
    this.#closeMaybe();
    return this.#closing;
  }

  /** Same as {@linkcode UDXSocket.close}. */
  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
  }

  /**
   * Sends a datagram and resolves with whether the system took it; a `ttl` is heeded where the runtime can.
   *
   * @throws {Error} (as a rejection) when `host` is no address.
   * @throws {PlatformError} `ERR_PERMISSION` (as a rejection).
   */
  // deno-lint-ignore require-await -- upstream rejects where this throws
  async send(message: Uint8Array, port: number, host = "127.0.0.1", ttl = 0): Promise<boolean> {
    if (this.closing) return false;
    const family = requireFamily(host);
    if (!this.bound) this.bind(0);
    return this.#datagrams!.send(message, { host, port, family }, { ttl });
  }

  /** Like {@linkcode UDXSocket.send}, without a promise; what goes wrong later is not told. */
  trySend(message: Uint8Array, port: number, host = "127.0.0.1", ttl = 0): void {
    if (this.closing) return;
    const family = requireFamily(host);
    if (!this.bound) this.bind(0);
    this.#datagrams!.trySend(message, { host, port, family }, { ttl });
  }

  /**
   * Says that TTLs are not needed any more: from now on the fastest of the runtime's sockets serves the port, and
   * nothing that arrives meanwhile is lost. Not in udx-native.
   */
  settle(): void {
    this.#datagrams?.settle();
  }

  /** Sets the time to live of packets. @throws {PlatformError} `ERR_UNSUPPORTED` with the `deno` backend. */
  setTTL(ttl: number): void {
    this.#requireActive().setTtl(ttl);
  }

  /** Bytes of the system's receive buffer. @throws {PlatformError} `ERR_UNSUPPORTED` with the `deno` backend. */
  getRecvBufferSize(): number {
    return this.#requireActive().getBufferSize("receive");
  }

  /** Resizes the system's receive buffer. @throws {PlatformError} `ERR_UNSUPPORTED` with the `deno` backend. */
  setRecvBufferSize(byteLength: number): void {
    this.#requireActive().setBufferSize("receive", byteLength);
  }

  /** Bytes of the system's send buffer. @throws {PlatformError} `ERR_UNSUPPORTED` with the `deno` backend. */
  getSendBufferSize(): number {
    return this.#requireActive().getBufferSize("send");
  }

  /** Resizes the system's send buffer. @throws {PlatformError} `ERR_UNSUPPORTED` with the `deno` backend. */
  setSendBufferSize(byteLength: number): void {
    this.#requireActive().setBufferSize("send", byteLength);
  }

  /** Joins a multicast group. */
  addMembership(group: string, interfaceAddress = ""): void {
    this.#requireActive().setMembership(group, interfaceAddress, true);
  }

  /** Leaves a multicast group. */
  dropMembership(group: string, interfaceAddress = ""): void {
    this.#requireActive().setMembership(group, interfaceAddress, false);
  }

  #bindAny(port: number): DatagramSocket {
    try {
      return this.#bind(port, "::");
    } catch (error) {
      if (error instanceof PlatformError && error.code === "ERR_PERMISSION") throw error;
      return this.#bind(port, "0.0.0.0");
    }
  }

  #bind(port: number, host: string): DatagramSocket {
    const { host: own } = this[socketAttachment];
    const handlers: DatagramSocketHandlers = {
      onReceive: (datagrams, count) => this.#driver.handleDatagrams(own, datagrams, count),
      onWritable: () => this.#driver.handleWritable(own),
      onSendError: (error, address) => {
        // Everything but a refusal is a lost packet, which is what the machine is for.
        if (error instanceof PlatformError && error.code === "ERR_PERMISSION") {
          this.#driver.handleRefusal(own, address, error);
        }
      },
    };
    const { backend, heedsTtl, ipv6Only, reuseAddress } = this.#options;
    return bindDatagramSocket({ host, port, backend, heedsTtl, ipv6Only, reuseAddress, handlers });
  }

  #requireActive(): DatagramSocket {
    if (!this.#datagrams) throw new Error("Socket not active");
    return this.#datagrams;
  }

  #handleMessage(bytes: Uint8Array, { host, family, port }: DatagramAddress): void {
    if (!this.#isClosed && this.listenerCount("message") > 0) {
      this.emit("message", this.#copyMessage(bytes), { host, family, port });
    }
  }

  #copyMessage(bytes: Uint8Array): Uint8Array {
    const { byteLength } = bytes;
    if (byteLength > SHARED_MESSAGE_BYTES_MAX) return copyBytes(bytes);
    let start = this.#messagesUsed;
    if (start + byteLength > this.#messages.byteLength) {
      this.#messages = allocBytesUnsafe(MESSAGES_BYTES);
      start = 0;
    }
    this.#messagesUsed = start + byteLength;
    const copy = this.#messages.subarray(start, this.#messagesUsed);
    copy.set(bytes);
    return copy;
  }

  #addStream(stream: UDXStream): void {
    if (this.streams.has(stream)) return;
    this.streams.add(stream);
    if (this.streams.size === 1) this.emit("busy");
  }

  #removeStream(stream: UDXStream): void {
    if (!this.streams.delete(stream)) return;
    this.#closeMaybe();
    if (this.idle && !this.#isClosed) this.emit("idle");
  }

  #closeMaybe(): void {
    if (this.#isClosed || this.#closing === null || this.busy) return;
    this.#isClosed = true;
    const datagrams = this.#datagrams;
    this.#datagrams = null;
    this.#driver.forgetSocket(this[socketAttachment].host);
    if (datagrams) datagrams.close().then(() => this.emit("close"));
    else this.emit("close");
  }
}

/** The family of `host`. @throws {Error} when it is no address. */
export function requireFamily(host: string): 4 | 6 {
  const family = isIP(host);
  if (!family) throw new Error(`${host} is not a valid IP address`);
  return family;
}

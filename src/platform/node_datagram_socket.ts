/**
 * UDP through `node:dgram`: everywhere, with TTL and buffer sizes; slower than `Deno.listenDatagram` in Deno.
 *
 * @module
 */
import dgram from "node:dgram";
import { clearImmediate, setImmediate } from "node:timers";
import type {
  DatagramAddress,
  DatagramSocket,
  DatagramSocketHandlers,
  DatagramSocketOptions,
  OutgoingDatagram,
} from "./datagram_socket.ts";
import { isNetDenied } from "./deno_datagram_socket.ts";
import { bindError, errorCode, isPermissionRefusal, netPermissionError, PlatformError } from "./errors.ts";
import { ReceiveBatch } from "./receive_batch.ts";
import { SendQueue } from "./send_queue.ts";

/** What we ask the system for, as libudx does on bind (src/udx.c); the system may give less. */
const RECEIVE_BUFFER_BYTES = 1024 * 1024;

/** Bytes of a datagram that are received, as by libudx (include/udx.h); the rest of a longer one is cut off. */
const DATAGRAM_BYTES_MAX = 2048;

/**
 * Deno's answer for the size of a socket's receive buffer (ext/node, `udp_wrap.ts`): it does not ask the system, and
 * allocates that much, zeroed, for each datagram that it receives. Doubled on Linux, where the system does so.
 */
const DENO_RECEIVE_BYTES = 65_536;

/** Time to live of packets for which nothing else is asked; hyperdht names the same (lib/holepuncher.js). */
const SYSTEM_TTL = 64;

type LookupCallback = (error: Error | null, host: string, family: number) => void;

/** Hosts are addresses already; answering at once makes `bind` and `send` synchronous. */
function lookupLiteral(host: string, options: unknown, callback?: LookupCallback): void {
  const answer = (callback ?? options) as LookupCallback;
  answer(null, host, host.includes(":") ? 6 : 4);
}

/**
 * Binds through `node:dgram`; a socket that `isPrompt` hands over each datagram at once, which costs streams time.
 *
 * @throws {PlatformError} as `bindDatagramSocket` says.
 */
export function bindNodeDatagramSocket(options: DatagramSocketOptions, isPrompt = false): DatagramSocket {
  const { host, port } = options;
  const socket = dgram.createSocket({
    type: host.includes(":") ? "udp6" : "udp4",
    ipv6Only: options.ipv6Only ?? false,
    reuseAddr: options.reuseAddress ?? false,
    lookup: lookupLiteral as never,
  });
  let failure: unknown = null;
  const onBindError = (error: unknown): void => {
    failure ??= error;
  };
  socket.on("error", onBindError);
  try {
    socket.bind({ port, address: host });
    if (failure) throw failure;
    return new NodeDatagramSocket(socket, options.handlers, isPrompt);
  } catch (cause) {
    closeQuietly(socket);
    throw bindError(host, port, failure ?? cause);
  }
}

/** Makes Deno allocate no more than a datagram needs; false where buffer sizes are what they should be. */
function shrinkDenoReceives(socket: dgram.Socket): boolean {
  if (!("Deno" in globalThis) || socket.getRecvBufferSize() !== DENO_RECEIVE_BYTES) return false;
  socket.setRecvBufferSize(DATAGRAM_BYTES_MAX / 2);
  if (socket.getRecvBufferSize() < DATAGRAM_BYTES_MAX) socket.setRecvBufferSize(DATAGRAM_BYTES_MAX);
  // A system that has been asked after all gives more than that (Linux 2304 at least).
  return socket.getRecvBufferSize() === DATAGRAM_BYTES_MAX;
}

/** Whether a permission lacks: Deno 2.9 reports that as an unknown error of the system here. */
function isSendRefusal(error: unknown, address: DatagramAddress): boolean {
  return isPermissionRefusal(error) || errorCode(error) === "UNKNOWN" && isNetDenied(address);
}

function closeQuietly(socket: dgram.Socket): void {
  try {
    socket.close();
  } catch {
    // A socket that never bound counts as closed already.
  }
}

class NodeDatagramSocket implements DatagramSocket {
  readonly backend = "node";
  readonly address: DatagramAddress;
  readonly #socket: dgram.Socket;
  readonly #handlers: DatagramSocketHandlers;
  readonly #batch: ReceiveBatch;
  readonly #isPrompt: boolean;
  #delivery: NodeJS.Immediate | null = null;
  #receivedCount = 0;
  readonly #queue: SendQueue;
  #closed: Promise<void> | null = null;
  /** Whether sizes of buffers are the system's. */
  #hasBufferSizes = true;
  #ttl = SYSTEM_TTL;
  #currentTtl = SYSTEM_TTL;

  constructor(socket: dgram.Socket, handlers: DatagramSocketHandlers, isPrompt: boolean) {
    this.#socket = socket;
    this.#handlers = handlers;
    this.#isPrompt = isPrompt;
    this.#batch = new ReceiveBatch((datagrams, count) => handlers.onReceive(datagrams, count));
    this.#queue = new SendQueue({
      send: (bytes, address, ttl) => this.#sendOne(bytes, address, ttl || this.#ttl),
      onError: (error, address) => handlers.onSendError(this.#sendError(error, address), address),
      onWritable: () => handlers.onWritable(),
    });
    const bound = socket.address();
    this.address = { host: bound.address, port: bound.port, family: bound.address.includes(":") ? 6 : 4 };
    socket.on("message", (bytes, from) => this.#onMessage(bytes, from.address, from.port));
    socket.on("error", (error) => {
      if (!this.#closed) this.#handlers.onSendError(error, this.address);
    });
    try {
      this.#hasBufferSizes = !shrinkDenoReceives(socket);
      if (this.#hasBufferSizes) socket.setRecvBufferSize(RECEIVE_BUFFER_BYTES);
    } catch {
      // The default size works, only with more loss under load.
    }
  }

  get isWritable(): boolean {
    return this.#queue.isWritable;
  }

  sendMany(datagrams: readonly OutgoingDatagram[], count: number): void {
    this.#queue.push(datagrams, count);
  }

  async send(
    bytes: Uint8Array,
    address: DatagramAddress,
    options: { readonly ttl?: number } = {},
  ): Promise<boolean> {
    try {
      return await this.#queue.pushOne(bytes, address, options.ttl ?? 0);
    } catch (error) {
      if (!this.#closed && isSendRefusal(error, address)) throw this.#sendError(error, address);
      return false;
    }
  }

  trySend(bytes: Uint8Array, address: DatagramAddress, options: { readonly ttl?: number } = {}): void {
    this.#queue.pushOne(bytes, address, options.ttl ?? 0).catch(() => {
      // Nobody is told.
    });
  }

  close(): Promise<void> {
    this.#queue.close();
    if (this.#delivery !== null) clearImmediate(this.#delivery);
    this.#closed ??= new Promise((resolve) => this.#socket.close(() => resolve()));
    return this.#closed;
  }

  settle(): void {
    // A socket that can switch wraps this one.
  }

  setTtl(ttl: number): void {
    if (!(Number.isInteger(ttl) && ttl >= 1 && ttl <= 255)) {
      throw new RangeError(`Cannot set a TTL of ${ttl}, it is 1 to 255`);
    }
    this.#ttl = ttl;
  }

  getBufferSize(direction: "receive" | "send"): number {
    this.#requireBufferSizes();
    return direction === "receive" ? this.#socket.getRecvBufferSize() : this.#socket.getSendBufferSize();
  }

  setBufferSize(direction: "receive" | "send", byteLength: number): void {
    this.#requireBufferSizes();
    if (direction === "receive") this.#socket.setRecvBufferSize(byteLength);
    else this.#socket.setSendBufferSize(byteLength);
  }

  setMembership(group: string, interfaceAddress: string, joined: boolean): void {
    const on = interfaceAddress || undefined;
    if (joined) this.#socket.addMembership(group, on);
    else this.#socket.dropMembership(group, on);
  }

  #requireBufferSizes(): void {
    if (!this.#hasBufferSizes) {
      throw new PlatformError(
        "ERR_UNSUPPORTED",
        "Cannot get or set buffer sizes, Deno has no access to them",
      );
    }
  }

  /** Deno sends later than it sets: the TTL may change only between one datagram and the next. */
  #sendOne(bytes: Uint8Array, address: DatagramAddress, ttl: number): Promise<void> {
    return new Promise((resolve, reject) => {
      if (ttl !== this.#currentTtl) {
        this.#socket.setTTL(ttl);
        this.#currentTtl = ttl;
      }
      this.#sendNow(bytes, address, (error) => error ? reject(error) : resolve());
    });
  }

  #sendNow(bytes: Uint8Array, address: DatagramAddress, done: (error: Error | null) => void): void {
    const needsMapping = this.address.family === 6 && address.family === 4;
    const host = needsMapping ? `::ffff:${address.host}` : address.host;
    try {
      this.#socket.send(bytes, address.port, host, done);
    } catch (error) {
      queueMicrotask(() => done(error as Error));
    }
  }

  #sendError(error: unknown, address: DatagramAddress): unknown {
    if (isSendRefusal(error, address)) {
      return netPermissionError(`Cannot send to ${address.host}:${address.port}`, error);
    }
    return new PlatformError(
      "ERR_SOCKET",
      `Cannot send to ${address.host}:${address.port} (${errorCode(error)})`,
      { cause: error },
    );
  }

  #onMessage(bytes: Uint8Array, host: string, port: number): void {
    this.#batch.add(bytes, host, port);
    this.#receivedCount++;
    if (this.#isPrompt || this.#batch.isFull) return this.#batch.deliver();
    this.#delivery ??= setImmediate(this.#deliverWhenQuiet, this.#receivedCount);
  }

  /** Datagrams come one per turn of the event loop at best: a batch is over when a turn brought none. */
  readonly #deliverWhenQuiet = (countBefore: number): void => {
    if (this.#receivedCount !== countBefore) {
      this.#delivery = setImmediate(this.#deliverWhenQuiet, this.#receivedCount);
      return;
    }
    this.#delivery = null;
    this.#batch.deliver();
  };
}

/**
 * A reliable stream over UDP: streamx's face of the machine.
 *
 * @module
 */
import {
  drained,
  Duplex,
  isBytes,
  type StreamCallback,
  utf8Bytes,
  viewBytes,
  type Writable,
} from "../base/mod.ts";
import { createTraffic, type Driver, type SocketPath, type StreamHost, type Traffic } from "./driver.ts";
import { UDXError } from "./errors.ts";
import { IPV4_OVERHEAD_BYTES, IPV6_OVERHEAD_BYTES } from "./limits.ts";
import { requireFamily, socketAttachment, type UDXSocket, type UDXSocketJSON } from "./socket.ts";
import { StreamMachine } from "./stream_machine.ts";
import type { UDX } from "./udx.ts";

/** Decides whether packets from somewhere else than the stream's own socket may pass; true refuses them. */
export type UDXFirewall = (socket: UDXSocket, port: number, host: string, family: 4 | 6) => boolean;

/** Options of `udx.createStream()`. */
export interface UDXStreamOptions {
  /** Asked for each packet on another socket than the stream's; true refuses. Refuses everything unless given. */
  readonly firewall?: UDXFirewall;
  /**
   * Ask the firewall for packets on the stream's own socket as well, when they come from elsewhere than its remote
   * (default false). Not in udx-native.
   */
  readonly checksRemote?: boolean;
  /** Deliver messages that have a 24-bit length before them whole. */
  readonly framed?: boolean;
  /** First sequence number (default 0). */
  readonly seq?: number;
}

/** Options of {@linkcode UDXStream.connect}. */
export interface UDXConnectOptions {
  /** The peer's first sequence number (default 0). */
  readonly ack?: number;
}

/** Options of {@linkcode UDXStream.relayTo}; udx-native has none. */
export interface UDXRelayOptions {
  /**
   * Asked for each packet, with its size in bytes: how long it waits before it is forwarded, ms; infinity drops it.
   * Packets never overtake each other, except that those which destroy the stream are not asked for and pass at once.
   * Called from within the instance: destroy streams later.
   */
  readonly waitMs?: (byteLength: number) => number;
}

/** What {@linkcode UDXStream.toJSON} returns. */
export interface UDXStreamJSON {
  /** See the properties of the same names. */
  readonly id: number;
  /** Connected. */
  readonly connected: boolean;
  /** Being destroyed. */
  readonly destroying: boolean;
  /** Destroyed. */
  readonly destroyed: boolean;
  /** The peer's id. */
  readonly remoteId: number;
  /** The peer's host. */
  readonly remoteHost: string | null;
  /** The peer's address family. */
  readonly remoteFamily: 0 | 4 | 6;
  /** The peer's port. */
  readonly remotePort: number;
  /** Path MTU. */
  readonly mtu: number;
  /** Round trip, ms. */
  readonly rtt: number;
  /** Congestion window, packets. */
  readonly cwnd: number;
  /** Bytes in flight. */
  readonly inflight: number;
  /** The socket. */
  readonly socket: UDXSocketJSON | null;
}

/** Events of {@linkcode UDXStream}. */
export type UDXStreamEvents = {
  /** `connect()` was called. */
  connect: () => void;
  /** An unordered message arrived. */
  message: (message: Uint8Array) => void;
  /** The former path has nothing left to deliver. */
  "remote-changed": () => void;
  open: () => void;
  close: () => void;
  error: (error: Error) => void;
  piping: (destination: Writable<Uint8Array>) => void;
  pipe: (source: unknown) => void;
  readable: () => void;
  data: (data: Uint8Array) => void;
  end: () => void;
  finish: () => void;
  drain: () => void;
};

/** Streams of a driver, by their host: whom a relay forwards to. */
export const streamHost: unique symbol = Symbol("udx stream host");

/**
 * A duplex byte stream; create one with `udx.createStream()`.
 *
 * @example
 * ```ts
 * import UDX from "@quince/quince/udx";
 *
 * const udx = new UDX();
 * const [a, b] = [udx.createSocket(), udx.createSocket()];
 * a.bind(0, "127.0.0.1");
 * b.bind(0, "127.0.0.1");
 * const [left, right] = [udx.createStream(1), udx.createStream(2)];
 * left.connect(a, 2, b.address()!.port);
 * right.connect(b, 1, a.address()!.port);
 * right.on("data", (data) => console.log(data));
 * right.on("end", () => right.end());
 * left.end("hello");
 * await Promise.all([a.close(), b.close()]);
 * ```
 */
export class UDXStream extends Duplex<
  Uint8Array | string,
  Uint8Array,
  Uint8Array,
  Uint8Array,
  true,
  true,
  UDXStreamEvents
> {
  /** The instance that created the stream. */
  readonly udx: UDX;
  /** The stream's id here. */
  readonly id: number;
  /** The socket, null unless connected. */
  socket: UDXSocket | null = null;
  /** The peer's id, 0 before `connect`. */
  remoteId = 0;
  /** The peer's address, null before `connect`. */
  remoteHost: string | null = null;
  /** 4 or 6, 0 before `connect`. */
  remoteFamily: 0 | 4 | 6 = 0;
  /** The peer's port, 0 before `connect`. */
  remotePort = 0;
  /** Yours to use. */
  userData: unknown = null;

  /**
   * Inner side, for relays.
   *
   * @internal
   */
  readonly [streamHost]: StreamHost;

  readonly #driver: Driver;
  readonly #machine: StreamMachine<SocketPath>;
  readonly #traffic: Traffic = createTraffic();
  readonly #firewall: UDXFirewall;
  readonly #checksRemote: boolean;
  #path: SocketPath | null = null;
  #relayTarget: UDXStream | null = null;
  #relayWaitMs: (byteLength: number) => number = noWait;
  readonly #relaySources = new Set<UDXStream>();
  #previousSocket: UDXSocket | null = null;
  #remoteChange: { promise: Promise<void>; resolve: () => void; reject: (error: Error) => void } | null =
    null;
  #isClosed = false;
  #onWritten: StreamCallback | null = null;
  #onDestroyed: StreamCallback | null = null;
  readonly #unread: (Uint8Array | null)[] = [];
  #unreadBytes = 0;
  #isReaderFull = false;
  readonly #flushes: { readonly offset: number; readonly resolve: (isFlushed: boolean) => void }[] = [];

  /** Called by `udx.createStream()`. */
  constructor(udx: UDX, driver: Driver, id: number, options: UDXStreamOptions = {}) {
    super({ mapWritable: toBytes, eagerOpen: true });
    this.udx = udx;
    this.id = id;
    this.#driver = driver;
    this.#firewall = options.firewall ?? refuseAll;
    this.#checksRemote = options.checksRemote === true;
    this.#machine = new StreamMachine(driver.clock.nowMs(), {
      seq: options.seq,
      isFramed: options.framed,
      random: driver.random,
    });
    this[streamHost] = this.#createHost();
    driver.add(this[streamHost]);
  }

  /** Whether the stream is connected to a socket. */
  get connected(): boolean {
    return this.socket !== null;
  }

  /** Largest IP packet that the path is known to carry. */
  get mtu(): number {
    return this.#machine.sender.mtu.size;
  }

  /** Smoothed round trip, whole ms. */
  get rtt(): number {
    return Math.round(this.#machine.sender.rtt.smoothedMs);
  }

  /** Congestion window, packets. */
  get cwnd(): number {
    return Math.floor(this.#machine.sender.congestion.cwndPackets);
  }

  /** Bytes in flight, headers included. */
  get inflight(): number {
    return this.#machine.sender.inFlightBytes;
  }

  /** Retransmission timeouts so far. */
  get rtoCount(): number {
    return this.#machine.sender.statistics.rtoCount;
  }

  /** Packets sent again so far. */
  get retransmits(): number {
    return this.#machine.sender.statistics.retransmitCount;
  }

  /** Fast recoveries so far. */
  get fastRecoveries(): number {
    return this.#machine.sender.statistics.fastRecoveryCount;
  }

  /** Phase of BBR: 0 startup, 1 drain, 2 probing bandwidth, 3 probing the round trip. */
  get bbrState(): number {
    return this.#machine.sender.congestion.stateCode;
  }

  /** Estimated bandwidth, payload bytes per second. */
  get bbrBandwidth(): number {
    const overheadBytes = this.#path?.overheadBytes ?? IPV4_OVERHEAD_BYTES;
    return Math.floor(this.#machine.sender.congestion.bandwidth * 1000 * (this.mtu - overheadBytes));
  }

  /** Bytes sent. */
  get bytesTransmitted(): number {
    return this.#traffic.bytesTransmitted;
  }

  /** Packets sent. */
  get packetsTransmitted(): number {
    return this.#traffic.packetsTransmitted;
  }

  /** Bytes received. */
  get bytesReceived(): number {
    return this.#traffic.bytesReceived;
  }

  /** Packets received. */
  get packetsReceived(): number {
    return this.#traffic.packetsReceived;
  }

  /** Address that the socket is bound to, null unless connected. */
  get localHost(): string | null {
    return this.socket?.address()?.host ?? null;
  }

  /** Family of the socket's address, 0 unless connected. */
  get localFamily(): 0 | 4 | 6 {
    return this.socket?.address()?.family ?? 0;
  }

  /** Port of the socket, 0 unless connected. */
  get localPort(): number {
    return this.socket?.address()?.port ?? 0;
  }

  /** Accepted and without effect, as in udx-native 1.21.0. */
  setInteractive(_isInteractive: boolean): void {
    // Compat: the original returns unless the stream is closed, and then there is nothing to read
    // (udx-native lib/stream.js).
  }

  /** Sends a heartbeat after so many ms without traffic; 0 for never. libudx has it, udx-native does not expose it. */
  setKeepAlive(intervalMs: number): void {
    this.#machine.setKeepAlive(this.#driver.clock.nowMs(), intervalMs);
    this.#driver.schedule(this[streamHost]);
  }

  /**
   * Connects to the stream `remoteId` at `host` (default 127.0.0.1); nothing is exchanged yet.
   *
   * @throws {Error} when connected already, when the socket closes, when `host` or `port` is none.
   */
  connect(
    socket: UDXSocket,
    remoteId: number,
    port: number,
    host?: string | UDXConnectOptions,
    options: UDXConnectOptions = {},
  ): void {
    if (this.#isClosed) return;
    if (this.connected) throw new Error("Already connected");
    if (socket.closing) throw new Error("Socket is closed");
    if (typeof host === "object") {
      options = host;
      host = undefined;
    }
    const path = this.#createPath(socket, port, host || "127.0.0.1");
    this.#setRemote(socket, remoteId, path);
    this.#machine.connect(this.#driver.clock.nowMs(), remoteId, path, options.ack);
    socket[socketAttachment].addStream(this);
    this.#driver.handleConnect(this[streamHost]);
    this.#driver.schedule(this[streamHost]);
    this.emit("connect");
  }

  /**
   * Moves the stream to another path, and resolves when the former one has nothing left to deliver.
   *
   * @throws {Error} when another change is under way, when not connected, when the socket closes or is another
   *   instance's, when `host` or `port` is none.
   */
  changeRemote(socket: UDXSocket, remoteId: number, port: number, host = "127.0.0.1"): Promise<void> {
    if (this.#remoteChange) throw new Error("Remote already changing");
    if (!this.socket) throw new Error("Not yet connected");
    if (socket.closing) throw new Error("Socket is closed");
    if (this.socket.udx !== socket.udx) {
      throw new Error("Cannot change to a socket on another UDX instance");
    }
    const path = this.#createPath(socket, port, host);
    if (this.socket !== socket) this.#previousSocket = this.socket;
    this.#setRemote(socket, remoteId, path);
    this.#remoteChange = Promise.withResolvers<void>();
    const { promise } = this.#remoteChange;
    this.#machine.changePath(remoteId, path);
    socket[socketAttachment].addStream(this);
    this.#handleOutputs();
    this.#driver.schedule(this[streamHost]);
    return promise;
  }

  /**
   * Forwards all packets for this stream to the peer of `destination` from now on.
   *
   * @throws {UDXError} `EINVAL` when this stream relays already or `destination` is closed.
   */
  relayTo(destination: UDXStream, options: UDXRelayOptions = {}): void {
    if (this.#isClosed) return;
    if (this.#relayTarget || destination.#isClosed) {
      throw new UDXError("EINVAL", "Cannot relay twice or to a closed stream");
    }
    this.#relayTarget = destination;
    this.#relayWaitMs = options.waitMs ?? noWait;
    destination.#relaySources.add(this);
  }

  /** Sends an unordered, unreliable message and resolves with whether the system took it. */
  // deno-lint-ignore require-await -- upstream rejects where this throws
  async send(message: Uint8Array): Promise<boolean> {
    if (!this.connected || this.#isClosed) return false;
    const transmit = this.#machine.encodeMessage(message);
    if (!transmit) return false;
    return transmit.path.socket.datagrams?.send(transmit.bytes, transmit.path.address) ?? false;
  }

  /** Like {@linkcode UDXStream.send}, without a promise. */
  trySend(message: Uint8Array): void {
    this.send(message).catch(() => {
      // As upstream, whoever tries is not told.
    });
  }

  /**
   * Sends one acknowledgement to a relay's stream `remoteId`, though this stream is connected elsewhere: the relay
   * learns where to forward to. libudx forwards nothing before it has heard of the receiver. Not in udx-native.
   */
  greetRelay(socket: UDXSocket, remoteId: number, port: number, host: string): void {
    const bytes = this.#isClosed ? null : this.#machine.encodeAck(remoteId);
    if (bytes !== null) socket.trySend(bytes, port, host);
  }

  /** Resolves with true when the peer acknowledged all that was written, with false when the stream closed first. */
  async flush(): Promise<boolean> {
    const isDrained = await drained(this);
    if (!isDrained || this.destroying || this.#isClosed) return false;
    const { sender } = this.#machine;
    if (sender.ackedOffset >= sender.writtenOffset) return true;
    return new Promise((resolve) => this.#flushes.push({ offset: sender.writtenOffset, resolve }));
  }

  /** A summary, for logs. */
  toJSON(): UDXStreamJSON {
    return {
      id: this.id,
      connected: this.connected,
      destroying: this.destroying,
      destroyed: this.destroyed,
      remoteId: this.remoteId,
      remoteHost: this.remoteHost,
      remoteFamily: this.remoteFamily,
      remotePort: this.remotePort,
      mtu: this.mtu,
      rtt: this.rtt,
      cwnd: this.cwnd,
      inflight: this.inflight,
      socket: this.socket ? this.socket.toJSON() : null,
    };
  }

  /** Destroys the stream and resolves when it is closed. */
  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => {
      if (this.destroyed) return resolve();
      this.once("close", () => resolve());
      this.destroy();
    });
  }

  /** Called by streamx. */
  override _read(done: StreamCallback): void {
    this.#isReaderFull = false;
    this.#feedReader();
    done(null);
  }

  /** Called by streamx. */
  override _writev(chunks: Uint8Array[], done: StreamCallback): void {
    if (!this.connected) {
      return done(new UDXError("ERR_ASSERTION", "Writing while not connected not currently supported"));
    }
    const nowMs = this.#driver.clock.nowMs();
    for (const chunk of chunks) this.#machine.write(nowMs, chunk);
    this.#finishWrite(done);
  }

  /** Called by streamx. */
  override _final(done: StreamCallback): void {
    if (!this.connected) {
      return done(new UDXError("ERR_ASSERTION", "Writing while not connected not currently supported"));
    }
    this.#machine.end(this.#driver.clock.nowMs());
    this.#finishWrite(done);
  }

  /** Called by streamx. */
  override _predestroy(): void {
    if (!this.#isClosed) {
      // A relay leaves it to the two ends to tell each other.
      if (this.#relayTarget) this.#machine.abort(null);
      else this.#machine.destroy();
    }
    this.#driver.schedule(this[streamHost]);
    this.#continueWriter();
  }

  /** Called by streamx. */
  override _destroy(done: StreamCallback): void {
    if (this.#isClosed) return done(null);
    this.#onDestroyed = done;
    if (!this.connected) {
      this.#machine.destroy();
      this.#driver.schedule(this[streamHost]);
    }
  }

  #createHost(): StreamHost {
    const currentPath = (): SocketPath | null => this.#path;
    const currentTarget = (): StreamHost | null => this.#relayTarget?.[streamHost] ?? null;
    return {
      id: this.id,
      machine: this.#machine,
      traffic: this.#traffic,
      get path(): SocketPath | null {
        return currentPath();
      },
      get relayTarget(): StreamHost | null {
        return currentTarget();
      },
      checksRemote: this.#checksRemote,
      relayWaitMs: (byteLength) => this.#relayWaitMs(byteLength),
      isAdmitted: (host, from) => {
        return from.port > 0 && !this.#firewall(host.owner, from.port, from.host, from.family);
      },
      handleOutputs: () => this.#handleOutputs(),
    };
  }

  #createPath(socket: UDXSocket, port: number, host: string): SocketPath {
    const family = requireFamily(host);
    if (!(port > 0 && port < 65536)) throw new Error(`${port} is not a valid port`);
    if (!socket.bound) socket.bind(0);
    // IPv4 peers of an IPv6 socket are reached by mapped addresses, which libudx counts as IPv6 (src/udx.c).
    const isIPv6 = family === 6 || socket.address()?.family === 6;
    const socketHost = socket[socketAttachment].host;
    const address = { host, port, family };
    return {
      socket: socketHost,
      address,
      overheadBytes: isIPv6 ? IPV6_OVERHEAD_BYTES : IPV4_OVERHEAD_BYTES,
      shared: this.#driver.sharedPath(socketHost, address),
    };
  }

  #setRemote(socket: UDXSocket, remoteId: number, path: SocketPath): void {
    this.#path = path;
    this.remoteId = remoteId;
    this.remotePort = path.address.port;
    this.remoteHost = path.address.host;
    this.remoteFamily = path.address.family;
    this.socket = socket;
  }

  #finishWrite(done: StreamCallback): void {
    this.#driver.schedule(this[streamHost]);
    if (this.#machine.isWritable) done(null);
    else this.#onWritten = done;
  }

  #continueWriter(): void {
    const done = this.#onWritten;
    this.#onWritten = null;
    done?.(null);
  }

  #handleOutputs(): void {
    const machine = this.#machine;
    for (let chunk = machine.pollRead(); chunk; chunk = machine.pollRead()) {
      this.#unread.push(viewBytes(chunk));
      this.#unreadBytes += chunk.length;
    }
    this.#feedReader();
    for (let event = machine.pollEvent(); event; event = machine.pollEvent()) {
      if (event.kind === "message") this.emit("message", viewBytes(event.bytes));
      else if (event.kind === "end") this.#handleEnd();
      else if (event.kind === "remoteChanged") this.#handleRemoteChanged();
      else this.#handleClosed(event.error);
    }
    if (this.#onWritten && machine.isWritable) this.#continueWriter();
    while (this.#flushes.length > 0 && this.#flushes[0]!.offset <= machine.sender.ackedOffset) {
      this.#flushes.shift()!.resolve(true);
    }
  }

  #handleEnd(): void {
    this.#unread.push(null);
    this.#feedReader();
  }

  #feedReader(): void {
    while (this.#unread.length > 0 && !this.#isReaderFull && !this.destroying) {
      const chunk = this.#unread.shift()!;
      if (chunk) this.#unreadBytes -= chunk.length;
      this.#isReaderFull = !this.push(chunk) && chunk !== null;
    }
    if (this.#machine.setReadBuffered(this.#unreadBytes)) this.#driver.schedule(this[streamHost]);
  }

  #handleRemoteChanged(): void {
    this.#releasePreviousSocket();
    const change = this.#remoteChange;
    this.#remoteChange = null;
    change?.resolve();
    this.emit("remote-changed");
  }

  #releasePreviousSocket(): void {
    this.#previousSocket?.[socketAttachment].removeStream(this);
    this.#previousSocket = null;
  }

  #handleClosed(error: UDXError | null): void {
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#driver.remove(this[streamHost]);
    this.#leaveRelays();
    const { socket } = this;
    this.socket = null;
    this.#path = null;
    socket?.[socketAttachment].removeStream(this);
    this.#releasePreviousSocket();
    this.#remoteChange?.promise.catch(() => {});
    this.#remoteChange?.reject(new Error("Stream is closed"));
    this.#remoteChange = null;
    for (const { resolve } of this.#flushes.splice(0)) resolve(false);
    if (error && !this.#onDestroyed) this.destroy(error);
    const done = this.#onDestroyed;
    this.#onDestroyed = null;
    done?.(error);
  }

  #leaveRelays(): void {
    if (this.#relayTarget) this.#relayTarget.#relaySources.delete(this);
    for (const source of this.#relaySources) source.destroy();
    this.#relaySources.clear();
  }
}

function toBytes(data: Uint8Array | string): Uint8Array {
  return isBytes(data) ? data : utf8Bytes(data);
}

function refuseAll(): boolean {
  return true;
}

function noWait(): number {
  return 0;
}

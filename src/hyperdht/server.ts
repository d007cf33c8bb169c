/**
 * A server that clients find by its public key.
 *
 * @module
 */
import { type CancelTimer, equalBytes, hexText, TypedEventEmitter } from "../base/mod.ts";
import { blake2b } from "../crypto/mod.ts";
import type { IncomingRequest } from "../dht_rpc/mod.ts";
import { type KeyPair, SecretStream } from "../secret_stream/mod.ts";
import { Announcer, type AnnouncerOptions } from "./announcer.ts";
import type { ConnectionPool } from "./connection_pool.ts";
import { DHTError } from "./errors.ts";
import type { HolepunchVeto, PunchReply } from "./holepunch_port.ts";
import type { HyperDHT } from "./hyperdht.ts";
import { HANDSHAKE_CLEAR_WAIT_MS, NOISE_MESSAGE_BYTES_MAX, RELAY_KEEP_ALIVE_MS } from "./limits.ts";
import type { HandshakeMessage, HolepunchMessage, PeerAddress } from "./messages.ts";
import type { NodeHost } from "./node_host.ts";
import { type CreateHandshake, NoiseWrap } from "./noise_wrap.ts";
import { type RelayThrough, selectRelay } from "./relay_meeting.ts";
import type { HandshakeAnswer, RoutedServer } from "./router.ts";
import { type HandshakeContext, ServerHandshake } from "./server_handshake.ts";
import { ServerMachine } from "./server_machine.ts";
import type {
  CreateSecretStream,
  LogOptions,
  ServerEvents,
  ServerFirewall,
  ServerOptions,
} from "./server_options.ts";

/** Options of `server.listen()`. */
export interface ListenOptions extends AnnouncerOptions {
  /** Closes the server when aborted before it listens. */
  readonly signal?: AbortSignal;
}

/** What a server tells of itself. */
export interface ServerAddress {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** The node's address as others see it, null while that is not known. */
  readonly host: string | null;
  /** The node's port as others see it, 0 while that is not known. */
  readonly port: number;
}

/**
 * Accepts encrypted connections of clients that know its public key; made by `dht.createServer()`.
 *
 * @example
 * ```ts
 * import DHT from "@quince/quince/hyperdht";
 *
 * const dht = new DHT();
 * const server = dht.createServer((socket) => socket.end("hello"));
 * await server.listen(DHT.keyPair());
 * ```
 */
export class Server extends TypedEventEmitter<ServerEvents> implements AsyncDisposable {
  /** The node. */
  readonly dht: HyperDHT;
  /** Topic under which the server is announced: the hash of its key; null before it listens. */
  target: Uint8Array | null = null;
  /** Whether the server is closed. */
  closed = false;
  /** Whether the server rests. */
  suspended = false;
  /** Decides whether a client is refused. */
  firewall: ServerFirewall;
  /** Asked before punching starts. */
  holepunch: HolepunchVeto;
  /** A blind relay to meet clients at. */
  relayThrough: RelayThrough;
  /** Keep-alive of connections to relays, ms. */
  relayKeepAlive: number;
  /** Takes in all connections. */
  readonly pool: ConnectionPool | null;
  /** Makes the Noise handshake. */
  readonly createHandshake: CreateHandshake;
  /** Makes the encrypted streams. */
  readonly createSecretStream: CreateSecretStream;
  /** How long a finished handshake is kept for what is sent again, ms. */
  readonly handshakeClearWait: number;

  readonly #host: NodeHost;
  readonly #options: ServerOptions;
  readonly #machine: ServerMachine;
  readonly #handshakes = new Map<number, ServerHandshake>();
  readonly #routed: RoutedServer;
  #keyPair: KeyPair | null = null;
  #announcer: Announcer | null = null;
  #context: HandshakeContext | null = null;
  #listening: Promise<void> | null = null;
  #closing: Promise<void> | null = null;
  #cancelTimer: CancelTimer | null = null;
  #timerDueMs: number | null = null;

  /** Called by `dht.createServer()`. */
  constructor(host: NodeHost, options: ServerOptions = {}) {
    super();
    this.dht = host.dht;
    this.firewall = options.firewall ?? (() => false);
    this.holepunch = options.holepunch || (() => true);
    this.relayThrough = options.relayThrough ?? null;
    // A mistake shows here, not with the first client.
    if (typeof this.relayThrough !== "function") selectRelay(this.relayThrough, host);
    this.relayKeepAlive = options.relayKeepAlive || RELAY_KEEP_ALIVE_MS;
    this.pool = options.pool ?? null;
    this.createHandshake = options.createHandshake ??
      ((keyPair, remotePublicKey) => new NoiseWrap(keyPair, remotePublicKey, host.randomBytes));
    this.createSecretStream = options.createSecretStream ??
      ((isInitiator, rawStream, streamOptions) => new SecretStream(isInitiator, rawStream, streamOptions));
    this.handshakeClearWait = options.handshakeClearWait || HANDSHAKE_CLEAR_WAIT_MS;
    this.#host = host;
    this.#options = options;
    this.#machine = new ServerMachine({ clearWaitMs: this.handshakeClearWait });
    this.#routed = {
      handleHandshake: (message, request) => this.#handleHandshake(message, request),
      handleHolepunch: (message, request) => this.#handleHolepunch(message, request),
    };
  }

  /** Whether `listen()` was called, and the server is not closed. */
  get listening(): boolean {
    return this.#listening !== null;
  }

  /** The server's key, 32 bytes; null unless listening. */
  get publicKey(): Uint8Array | null {
    return this.#keyPair?.publicKey ?? null;
  }

  /** Addresses of nodes that lead to the server, at most 3. */
  get relayAddresses(): readonly PeerAddress[] {
    return this.#announcer?.relayAddresses ?? [];
  }

  /** Handshakes that have not led to a connection yet. Not in the npm package. */
  get halfOpenCount(): number {
    return this.#machine.halfOpenCount;
  }

  /** The server's key and the node's address; null unless listening. */
  address(): ServerAddress | null {
    if (this.#keyPair === null) return null;
    return { publicKey: this.#keyPair.publicKey, host: this.dht.host, port: this.dht.port };
  }

  /**
   * Announces the server under `keyPair` (default: the node's) and accepts connections; resolves with the server once
   * it is announced.
   *
   * @throws {DHTError} `ALREADY_LISTENING`, `NODE_DESTROYED`, `KEYPAIR_ALREADY_USED`, or the signal's reason (as
   * rejections).
   */
  async listen(keyPair: KeyPair = this.dht.defaultKeyPair, options: ListenOptions = {}): Promise<this> {
    const { signal } = options;
    signal?.throwIfAborted();
    if (this.#listening !== null) throw new DHTError("ALREADY_LISTENING");
    if (this.#host.isDestroyed() || this.closed) throw new DHTError("NODE_DESTROYED");
    const close = (): void => {
      this.close();
    };
    signal?.addEventListener("abort", close, { once: true });
    this.#listening = this.#listen(keyPair, options);
    try {
      await this.#listening;
    } finally {
      signal?.removeEventListener("abort", close);
    }
    signal?.throwIfAborted();
    return this;
  }

  /** Announces anew. */
  refresh(): void {
    if (!this.suspended) this.#announcer?.refresh();
  }

  /** Tells that the node is online again. */
  notifyOnline(): void {
    this.#announcer?.notifyOnline();
  }

  /** Withdraws the announcement, and accepts nothing until resumed. */
  async suspend({ log = () => {} }: LogOptions = {}): Promise<void> {
    log("Suspending hyperdht server");
    await this.#listening?.catch(() => {});
    this.suspended = true;
    this.#clearHandshakes();
    await this.#announcer?.suspend(log);
  }

  /** Announces again. */
  async resume(_options: LogOptions = {}): Promise<void> {
    await this.#listening?.catch(() => {});
    this.suspended = false;
    this.#announcer?.resume();
  }

  /** Withdraws the announcement and accepts nothing more; open connections go on. */
  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  /** Same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  /**
   * Ends without withdrawing the announcement: the node is gone.
   *
   * @internal
   */
  abandon(): void {
    this.#closing ??= Promise.resolve();
    this.#leave();
    this.#clearHandshakes();
    this.#announcer?.stop().catch(() => {});
    this.#announcer = null;
    this.closed = true;
    this.emit("close");
  }

  async #listen(keyPair: KeyPair, options: AnnouncerOptions): Promise<void> {
    this.dht.listening.add(this);
    try {
      await this.dht.bind();
      if (this.#closing !== null) return;
      for (const { publicKey } of this.dht.listening) {
        if (publicKey !== null && equalBytes(publicKey, keyPair.publicKey)) {
          throw new DHTError("KEYPAIR_ALREADY_USED");
        }
      }
      this.#keyPair = keyPair;
      this.target = blake2b(keyPair.publicKey, { byteLength: 32 });
      this.#announcer = new Announcer(this.#host, keyPair, this.target, options);
      this.#context = this.#createContext(keyPair, this.#announcer);
      this.#host.router.machine.addServer(this.target, this.#routed, this.#announcer.record);
      // Takes half a second the first time, which no client should have to wait.
      this.#context.localAddresses().catch(() => {});
      await this.#announcer.start();
    } catch (error) {
      this.#leave();
      await this.#stopAnnouncing();
      throw error;
    }
    if (this.#closing !== null) return;
    if (this.suspended) await this.#announcer.suspend(() => {});
    if (this.#closing !== null) return;
    if (this.#host.isDestroyed()) throw new DHTError("NODE_DESTROYED");
    this.pool?.attachServer(this);
    this.emit("listening");
  }

  async #close(): Promise<void> {
    // What was going to listen finds out by itself; nobody has to wait for its announcement.
    this.#leave();
    this.#clearHandshakes();
    await this.#stopAnnouncing();
    this.closed = true;
    this.emit("close");
  }

  #leave(): void {
    this.dht.listening.delete(this);
    if (this.target !== null) this.#host.router.machine.removeServer(this.target, this.#routed);
  }

  async #stopAnnouncing(): Promise<void> {
    const announcer = this.#announcer;
    this.#announcer = null;
    await announcer?.stop().catch(() => {});
    this.#listening = null;
    this.#keyPair = null;
  }

  #createContext(keyPair: KeyPair, announcer: Announcer): HandshakeContext {
    return {
      host: this.#host,
      server: this,
      keyPair,
      announcer,
      machine: this.#machine,
      isLocalAddressShared: this.#options.shareLocalAddress !== false,
      isSocketReusable: this.#options.reusableSocket === true,
      isPunchingDisabled: this.#options.holepunch === false,
      isOpen: () => this.#closing === null && !this.suspended,
      localAddresses: () => this.dht.validateLocalAddresses(this.#host.localAddresses()),
      meetings: [],
      emitConnection: (stream) => this.#emitConnection(stream),
      settle: () => this.#settle(),
    };
  }

  #emitConnection(stream: SecretStream): void {
    try {
      this.emit("connection", stream);
    } catch (error) {
      // A listener's mistake is the program's, and must not stop what goes on with the packet that led here.
      queueMicrotask(() => {
        throw error;
      });
    }
  }

  async #handleHandshake(
    message: HandshakeMessage,
    request: IncomingRequest,
  ): Promise<HandshakeAnswer | null> {
    const context = this.#context;
    if (context === null || !context.isOpen() || message.noise.byteLength > NOISE_MESSAGE_BYTES_MAX) {
      return null;
    }
    const begun = this.#machine.begin(
      hexText(blake2b(message.noise, { byteLength: 32 })),
      this.#sourceOf(message, request),
      this.#host.clock.nowMs(),
    );
    this.#settle();
    if (begun.kind === "full") return null;
    if (begun.kind === "new") {
      this.#handshakes.set(begun.id, new ServerHandshake(begun.id, context, message, request));
    }
    const answer = await this.#handshakes.get(begun.id)?.answer ?? null;
    return context.isOpen() ? answer : null;
  }

  /** Who has to answer for a handshake: the client, as far as a relay of ours says who that is. */
  #sourceOf({ peerAddress }: HandshakeMessage, { from }: IncomingRequest): PeerAddress {
    return peerAddress && this.#announcer?.isRelay(from) ? peerAddress : from;
  }

  #handleHolepunch(message: HolepunchMessage, request: IncomingRequest): Promise<PunchReply | null> {
    const handshake = this.#context?.isOpen() ? this.#handshakes.get(message.id) : undefined;
    return handshake?.handleRound(message, request) ?? Promise.resolve(null);
  }

  #clearHandshakes(): void {
    this.#machine.clear();
    this.#settle();
  }

  /** Carries out what the machine says, and sets the timer. */
  #settle(): void {
    for (let event = this.#machine.pollEvent(); event !== null; event = this.#machine.pollEvent()) {
      const handshake = this.#handshakes.get(event.id);
      if (event.kind === "timeout") {
        handshake?.abort();
      } else {
        this.#handshakes.delete(event.id);
        handshake?.destroy();
      }
    }
    const dueMs = this.#machine.pollDeadline();
    if (dueMs === this.#timerDueMs) return;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#timerDueMs = dueMs;
    if (dueMs === null) return;
    const delayMs = Math.max(0, dueMs - this.#host.clock.nowMs());
    this.#cancelTimer = this.#host.clock.schedule(delayMs, () => this.#handleTimer(), { unref: true });
  }

  #handleTimer(): void {
    this.#timerDueMs = null;
    this.#machine.handleTimeout(this.#host.clock.nowMs());
    this.#settle();
  }
}

/**
 * Carries out a connect the way {@linkcode ConnectMachine} says.
 *
 * @module
 */
import { type CancelTimer, copyBytes, hexText } from "../base/mod.ts";
import relay from "../blind_relay/mod.ts";
import { blake2b } from "../crypto/mod.ts";
import type { Query, Session } from "../dht_rpc/mod.ts";
import { SecretStream } from "../secret_stream/mod.ts";
import type { UDXSocket, UDXStream } from "../udx/mod.ts";
import { isSameAddress } from "./addresses.ts";
import { type ConnectAction, ConnectMachine, type Path } from "./connect_machine.ts";
import { ERROR, FIREWALL } from "./constants.ts";
import { parseTarget } from "./dht_address.ts";
import { DHTError } from "./errors.ts";
import { createClientPunch } from "./holepunch/mod.ts";
import type { ClientPunch } from "./holepunch_port.ts";
import { FIND_PEER_RETRIES, RELAY_KEEP_ALIVE_MS } from "./limits.ts";
import type { DecodedNoisePayload, PeerAddress } from "./messages.ts";
import type { NodeHost } from "./node_host.ts";
import { type DHTHandshake, type DHTHandshakeResult, NoiseWrap } from "./noise_wrap.ts";
import { RelayMeeting, selectRelay } from "./relay_meeting.ts";
import type { RoutedHandshake } from "./router.ts";
import type { ConnectOptions } from "./server_options.ts";

/** How a connect differs from those that programs make. */
export interface ConnectPolicy {
  /** Whether a relay is met at when the server names one. */
  readonly isRelayAllowed: boolean;
}

/**
 * Connects to a server; the stream opens once there is a way to it.
 *
 * @throws {IdEncodingError} `INVALID_ID`, {EncodingError} when `target` names no server.
 */
export function connect(
  host: NodeHost,
  target: Uint8Array | string,
  options: ConnectOptions = {},
  policy: ConnectPolicy = { isRelayAllowed: true },
): SecretStream {
  const { key, nodes } = parseTarget(target);
  const known = options.pool?.get(key) ?? null;
  if (known !== null) return known;

  const publicKey = copyBytes(key);
  const keyPair = options.keyPair ?? host.dht.defaultKeyPair;
  const createSecretStream = options.createSecretStream ??
    ((isInitiator, rawStream, streamOptions) => new SecretStream(isInitiator, rawStream, streamOptions));
  const stream = createSecretStream(true, null, {
    publicKey: keyPair.publicKey,
    remotePublicKey: publicKey,
    autoStart: false,
    keepAlive: host.dht.connectionKeepAlive,
    signal: options.signal,
  });
  if (host.isDestroyed()) stream.destroy(new DHTError("NODE_DESTROYED"));
  else if (!host.isConnectable()) stream.destroy(new DHTError("SUSPENDED"));
  if (stream.destroying) return stream;

  const relayAddresses = options.relayAddresses ?? options.nodes ?? nodes ?? [];
  const connecting = new Connecting(host, stream, publicKey, { ...options, relayAddresses }, policy);
  options.pool?.attachStream(stream, false);
  connecting.start();
  return stream;
}

/** What is known once a server has answered. */
interface Answer {
  readonly payload: DecodedNoisePayload;
  readonly routed: RoutedHandshake;
  readonly relayAddress: PeerAddress;
  readonly result: DHTHandshakeResult;
}

/** One connect. Source: hyperdht `lib/connect.js`. */
class Connecting {
  readonly #host: NodeHost;
  readonly #stream: SecretStream;
  readonly #publicKey: Uint8Array;
  readonly #target: Uint8Array;
  readonly #options: ConnectOptions;
  readonly #machine: ConnectMachine<UDXSocket>;
  readonly #session: Session;
  readonly #rawStream: UDXStream;
  readonly #handshake: DHTHandshake;
  readonly #relayThrough: Uint8Array | null;
  readonly #relayToken: Uint8Array | null;
  /** Nodes that the handshake was sent to. */
  readonly #asked: PeerAddress[] = [];
  #message: Promise<Uint8Array> | null = null;
  #answer: Answer | null = null;
  /** Settled when no answer is being read. */
  #reading: Promise<void> = Promise.resolve();
  #query: Query<unknown> | null = null;
  #punch: ClientPunch | null = null;
  #meeting: RelayMeeting | null = null;
  #cancelTimer: CancelTimer | null = null;
  #timerAtMs = Infinity;
  #cancelPreparation: CancelTimer | null = null;
  #isDriving = false;

  constructor(
    host: NodeHost,
    stream: SecretStream,
    publicKey: Uint8Array,
    options: ConnectOptions & { readonly relayAddresses: readonly PeerAddress[] },
    { isRelayAllowed }: ConnectPolicy,
  ) {
    this.#host = host;
    this.#stream = stream;
    this.#publicKey = publicKey;
    this.#target = blake2b(publicKey, { byteLength: 32 });
    this.#options = options;
    this.#session = host.dht.session();
    const createHandshake = options.createHandshake ??
      ((keyPair, remotePublicKey) => new NoiseWrap(keyPair, remotePublicKey, host.randomBytes));
    this.#handshake = createHandshake(options.keyPair ?? host.dht.defaultKeyPair, publicKey);
    this.#relayThrough = selectRelay(options.relayThrough, host);
    this.#relayToken = this.#relayThrough === null ? null : relay.token();
    this.#machine = new ConnectMachine({
      nowMs: host.clock.nowMs(),
      wallMs: host.clock.wallMs(),
      route: this.#earlierRoute(),
      relayAddresses: this.#knownNodes(options.relayAddresses),
      isLanAllowed: options.localConnection !== false,
      isRelayWanted: this.#relayThrough !== null,
      isRelayAllowed,
    });
    this.#rawStream = this.#createRawStream();
  }

  start(): void {
    this.#stream.on("close", () => this.#end());
    this.#machine.start(this.#nowMs());
    this.#drive();
    // Those who may know the server are asked by now, and encrypting takes a while. But only a node that has looked
    // around knows what to say of itself.
    if (!this.#host.dht.bootstrapped) return;
    this.#cancelPreparation = this.#host.clock.schedule(0, () => {
      this.#prepareMessage().catch(() => {
        // Whoever sends it is told.
      });
    });
  }

  #nowMs(): number {
    return this.#host.clock.nowMs();
  }

  /** The way of an earlier connection to this server, if its socket is still there. */
  #earlierRoute(): Path<UDXSocket> | null {
    if (!this.#options.reusableSocket) return null;
    const { sockets, dht } = this.#host;
    const route = sockets.routes.get(this.#publicKey);
    if (route === null) return null;
    return sockets.lookup(route.socket) !== null || route.socket === dht.socket ? route : null;
  }

  /** Nodes that are worth a try before any is found: given ones, remembered ones, and what our own records say. */
  #knownNodes(given: readonly PeerAddress[]): readonly PeerAddress[] {
    const nowMs = this.#nowMs();
    const { relayAddresses, router } = this.#host;
    if (this.#host.isPersistent()) {
      const route = router.machine.get(this.#target, nowMs);
      if (route?.kind === "relay") return [route.relay];
    }
    return given.length > 0 ? given : relayAddresses.get(hexText(this.#publicKey), nowMs) ?? [];
  }

  #createRawStream(): UDXStream {
    const rawStream = this.#host.dht.createRawStream({
      framed: true,
      checksRemote: true,
      firewall: (socket, port, host) => {
        // The server talks to us over the relay: that says nothing of a direct way.
        if (this.#meeting?.noteTraffic(socket, port, host)) return false;
        this.#machine.handleIncoming({ socket, address: { host, port } }, this.#nowMs());
        this.#drive();
        return false;
      },
    });
    const onerror = (error: Error): void => {
      this.#stream.destroy(error);
    };
    const onclose = (): void => {
      // The node closes its raw streams when it is suspended or destroyed.
      this.#stream.destroy(new DHTError(this.#host.isDestroyed() ? "NODE_DESTROYED" : "SUSPENDED"));
    };
    rawStream.on("error", onerror);
    rawStream.on("close", onclose);
    // From then on the encrypted stream listens.
    rawStream.once("connect", () => {
      rawStream.off("error", onerror);
      rawStream.off("close", onclose);
    });
    return rawStream;
  }

  /** Does all that the machine wants done, then waits for its deadline. */
  #drive(): void {
    if (this.#isDriving) return;
    this.#isDriving = true;
    for (let action = this.#machine.pollAction(); action !== null; action = this.#machine.pollAction()) {
      this.#trace(action);
      this.#perform(action);
    }
    this.#isDriving = false;
    const dueMs = this.#machine.pollDeadline() ?? Infinity;
    // A timer that is early finds nothing due and is set again, which is cheaper than setting it each time.
    if (dueMs !== Infinity && dueMs >= this.#timerAtMs) return;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#timerAtMs = dueMs;
    if (dueMs === Infinity) return;
    this.#cancelTimer = this.#host.clock.schedule(Math.max(0, dueMs - this.#nowMs()), () => {
      this.#cancelTimer = null;
      this.#timerAtMs = Infinity;
      // Our side of the stream is open as soon as it is started: what counts is that the server's has come.
      if (this.#stream.isAnswered) this.#machine.handleAnswered();
      this.#machine.handleTimeout(this.#nowMs());
      this.#drive();
    });
  }

  #perform(action: ConnectAction<UDXSocket>): void {
    switch (action.kind) {
      case "handshake":
        this.#shakeHands(action.attempt, action.path);
        break;
      case "find":
        this.#find(action.nodes);
        break;
      case "end-find":
        this.#endFind();
        break;
      case "relay":
        this.#meet();
        break;
      case "ping":
        this.#session.ping(action.address).then(
          () => this.#handlePong(null),
          (error) => this.#handlePong(error),
        );
        break;
      case "punch":
        this.#startPunch();
        break;
      case "open":
        this.#open(action);
        break;
      case "fail":
        this.#stream.destroy(action.error);
        break;
    }
  }

  async #shakeHands(attempt: number, { socket, address }: Path<UDXSocket>): Promise<void> {
    const entry = socket === null ? null : this.#host.sockets.lookup(socket);
    entry?.active();
    try {
      this.#asked.push(address);
      const message = await this.#prepareMessage();
      const routed = await this.#host.router.sendHandshake(
        this.#host.dht,
        this.#target,
        message,
        address,
        { socket, session: this.#session },
      );
      const read = this.#reading.then(() => this.#read(attempt, routed, address));
      this.#reading = read.catch(() => {
        // The next one has its own chance.
      });
      await read;
    } catch (error) {
      this.#machine.handleAttemptFailed(attempt, error as Error, this.#nowMs());
    } finally {
      entry?.inactive();
    }
    this.#drive();
  }

  /** Reads a server's answer, one at a time: another node may have been faster, and a handshake ends once. */
  async #read(attempt: number, routed: RoutedHandshake, relayAddress: PeerAddress): Promise<void> {
    if (this.#answer !== null || this.#machine.isOver) throw new DHTError("HANDSHAKE_INVALID", "Not needed");
    const payload = await this.#handshake.recv(routed.noise);
    this.#answer = { payload, routed, relayAddress, result: this.#handshake.final() };
    this.#machine.handleReply(attempt, { ...routed, payload }, this.#nowMs());
  }

  /** One message serves all handshakes of a connect. */
  #prepareMessage(): Promise<Uint8Array> {
    return this.#message ??= this.#createMessage();
  }

  async #createMessage(): Promise<Uint8Array> {
    const { dht } = this.#host;
    const ownAddress = dht.remoteAddress();
    const localAddresses = this.#options.localConnection === false ? [] : this.#host.localAddresses();
    const firewall = ownAddress === null ? FIREWALL.UNKNOWN : FIREWALL.OPEN;
    this.#machine.setLocal(firewall, localAddresses);
    return await this.#handshake.send({
      error: ERROR.NONE,
      firewall,
      holepunch: null,
      addresses4: ownAddress === null ? localAddresses : [ownAddress, ...localAddresses],
      addresses6: [],
      udx: { reusableSocket: this.#options.reusableSocket === true, id: this.#rawStream.id, seq: 0 },
      secretStream: {},
      relayThrough: this.#relayThrough === null
        ? null
        : { publicKey: this.#relayThrough, token: this.#relayToken! },
    });
  }

  async #find(nodes: readonly PeerAddress[] | null): Promise<void> {
    let error: Error | null = null;
    let answerCount = 0;
    try {
      const query = this.#host.dht.findPeer(this.#target, {
        hash: false,
        session: this.#session,
        nodes,
        retries: FIND_PEER_RETRIES,
      });
      this.#query = query;
      for await (const { from } of query) {
        this.#machine.handleFound(from, this.#nowMs());
        this.#drive();
      }
      answerCount = query.successes;
      if (query.refusal !== null) this.#machine.handleRefusal(query.refusal);
      await this.#host.dht.bind(); // a node without sockets finds nobody: this says why
    } catch (cause) {
      error = cause as Error;
    }
    this.#machine.handleFindEnd({ error, answerCount }, this.#nowMs());
    this.#drive();
  }

  #endFind(): void {
    this.#query?.destroy();
    this.#query = null;
    this.#session.destroy();
  }

  #meet(): void {
    const { payload } = this.#answer!;
    // Both may want a relay: the server's is taken. Source: hyperdht `lib/connect.js`.
    const theirs = payload.relayThrough;
    this.#meeting = new RelayMeeting({
      host: this.#host,
      publicKey: theirs?.publicKey ?? this.#relayThrough!,
      token: theirs?.token ?? this.#relayToken!,
      isInitiator: theirs === null,
      rawStream: this.#rawStream,
      keepAliveMs: this.#options.relayKeepAlive || RELAY_KEEP_ALIVE_MS,
      onpaired: ({ socket, remoteId, port, host }) => {
        if (this.#stream.destroying || this.#rawStream.connected) return;
        this.#rawStream.connect(socket, remoteId, port, host);
        this.#stream.start(this.#rawStream, { handshake: this.#answer!.result });
        this.#machine.handleRelayed(this.#nowMs());
        this.#drive();
      },
      onfailed: (error) => {
        this.#machine.handleRelayFailed(error, this.#nowMs());
        this.#drive();
      },
    });
  }

  #handlePong(error: Error | null): void {
    this.#machine.handlePong(error, this.#nowMs());
    this.#drive();
  }

  #startPunch(): void {
    const host = this.#host;
    const { trace } = host;
    const { payload, routed, relayAddress, result } = this.#answer!;
    const { id, relays } = payload.holepunch!;
    try {
      this.#punch = createClientPunch({
        host: host.punch,
        session: this.#session,
        holepunchSecret: result.holepunchSecret,
        remoteFirewall: payload.firewall,
        isRelayed: () => this.#meeting?.isActive ?? false,
        veto: this.#options.holepunch ?? null,
        trace: trace === null ? null : (event) => trace({ kind: "punch", publicKey: this.#publicKey, event }),
        relays,
        relayAddress,
        serverAddress: routed.serverAddress,
        isFastOpen: this.#options.fastOpen !== false,
        send: ({ payload, peerAddress, ...options }, to) =>
          host.router.sendHolepunch(host.dht, this.#target, { id, payload, peerAddress }, to, {
            ...options,
            session: this.#session,
          }),
        onconnect: (socket, port, remoteHost) => {
          this.#noteFirewalls();
          this.#machine.handlePunched({ socket, address: { host: remoteHost, port } }, this.#nowMs());
          this.#drive();
        },
        onabort: (error) => this.#handlePunchFailed(error),
        onrefused: (error) => this.#machine.handleRefusal(error),
      });
      this.#punch.start();
    } catch (error) {
      // No socket could be had.
      this.#handlePunchFailed(error as Error);
    }
  }

  #handlePunchFailed(error: Error): void {
    this.#noteFirewalls();
    this.#machine.handlePunchFailed(error, this.#nowMs());
    this.#drive();
  }

  #noteFirewalls(): void {
    if (this.#punch !== null) {
      this.#machine.setFirewalls(this.#punch.firewall, this.#punch.remoteFirewall);
    }
  }

  /** There is a direct way: the first one, or a better one than the relay. */
  #open({ stage, path, isUpgrade }: ConnectAction<UDXSocket> & { kind: "open" }): void {
    const { dht, sockets, punch } = this.#host;
    const { payload, routed, result } = this.#answer!;
    const udx = payload.udx!;
    const socket = path.socket ?? (stage === "lan" ? dht.io.serverSocket : dht.socket);
    const { host, port } = path.address;
    const rawStream = this.#rawStream;
    if (stage === "direct" && routed.isRelayed) punch.stats.open++;
    try {
      if (isUpgrade) {
        const moved = rawStream.changeRemote(socket!, udx.id, port, host);
        this.#meeting?.upgrade(rawStream, moved);
      } else {
        this.#rememberNodes(payload);
        rawStream.connect(socket!, udx.id, port, host);
        this.#stream.start(rawStream, { handshake: result });
        this.#meeting?.handleDirect();
      }
    } catch (cause) {
      // The socket is closing, or the address is none. A relayed stream goes on as it was.
      if (!isUpgrade) this.#stream.destroy(new DHTError("PEER_CONNECTION_FAILED", undefined, { cause }));
      return;
    }
    if (this.#options.reusableSocket && udx.reusableSocket) {
      sockets.routes.add(this.#publicKey, rawStream);
    }
    this.#endPunch();
  }

  /** Whom to ask first the next time: what the server says, else those that we asked. */
  #rememberNodes({ relayAddresses }: DecodedNoisePayload): void {
    const nodes = relayAddresses !== null && relayAddresses.length > 0
      ? relayAddresses
      : this.#asked.filter((a, index) => this.#asked.findIndex((b) => isSameAddress(a, b)) === index);
    if (nodes.length === 0) return;
    this.#host.relayAddresses.set(hexText(this.#publicKey), nodes.slice(0, 3), this.#nowMs());
  }

  #endPunch(): void {
    this.#punch?.destroy();
    this.#punch = null;
    this.#session.destroy();
  }

  /** The stream is closed: ends whatever is left. */
  #end(): void {
    this.#machine.close();
    this.#cancelPreparation?.();
    this.#drive();
    this.#endFind();
    this.#endPunch();
    this.#meeting?.destroy();
    this.#rawStream.destroy();
  }

  #trace(action: ConnectAction<UDXSocket>): void {
    const { trace } = this.#host;
    if (trace === null) return;
    const address = "path" in action ? action.path.address : "address" in action ? action.address : null;
    trace({
      kind: "connect",
      publicKey: this.#publicKey,
      step: action.kind,
      stage: "stage" in action ? action.stage : null,
      address,
      code: action.kind === "fail" ? action.error.code : null,
    });
  }
}

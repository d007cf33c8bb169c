/**
 * One client's handshake at a server, from its first message to the connection.
 *
 * @module
 */
import relay from "../blind_relay/mod.ts";
import type { IncomingRequest, Session } from "../dht_rpc/mod.ts";
import type { KeyPair, SecretStream } from "../secret_stream/mod.ts";
import type { UDXSocket, UDXStream } from "../udx/mod.ts";
import { isPort, isPrivate, matchAddress } from "./addresses.ts";
import type { Announcer } from "./announcer.ts";
import { ERROR, FIREWALL } from "./constants.ts";
import { createServerPunch } from "./holepunch/mod.ts";
import type { PunchReply, ServerPunch } from "./holepunch_port.ts";
import { ADDRESSES_MAX, CLIENT_RELAYS_MAX } from "./limits.ts";
import type { DecodedNoisePayload, HandshakeMessage, HolepunchMessage, PeerAddress } from "./messages.ts";
import type { NodeHost } from "./node_host.ts";
import type { DHTHandshake, DHTHandshakeResult } from "./noise_wrap.ts";
import { RelayMeeting, selectRelay } from "./relay_meeting.ts";
import type { HandshakeAnswer } from "./router.ts";
import type { Server } from "./server.ts";
import type { ServerMachine } from "./server_machine.ts";
import type { HyperDHTTraceEvent } from "./trace.ts";

type Outcome = (HyperDHTTraceEvent & { kind: "server-handshake" })["outcome"];

/** What a server lends to its handshakes. */
export interface HandshakeContext {
  /** The node. */
  readonly host: NodeHost;
  /** The server as programs see it. */
  readonly server: Server;
  /** Who the server is. */
  readonly keyPair: KeyPair;
  /** Knows the server's relays. */
  readonly announcer: Announcer;
  /** Told how far the handshake has come. */
  readonly machine: ServerMachine;
  /** Whether clients are told addresses of this machine. */
  readonly isLocalAddressShared: boolean;
  /** Whether sockets may be used again. */
  readonly isSocketReusable: boolean;
  /** Whether punching is disabled. */
  readonly isPunchingDisabled: boolean;
  /** Whether the server still takes connections. */
  isOpen(): boolean;
  /** Addresses of this machine that work. */
  localAddresses(): Promise<readonly PeerAddress[]>;
  /** Meetings at relays that clients chose. */
  meetings: RelayMeeting[];
  /** Hands a connection to the program. */
  emitConnection(stream: SecretStream): void;
  /** The machine has changed. */
  settle(): void;
}

/** What is known once the handshake is done. */
interface Accepted {
  readonly payload: DecodedNoisePayload;
  readonly result: DHTHandshakeResult;
  readonly relayThrough: Uint8Array | null;
  readonly relayToken: Uint8Array | null;
  readonly ownAddress: PeerAddress | null;
}

/** A handshake. Source: hyperdht `lib/server.js`. */
export class ServerHandshake {
  /** What to answer, or null for silence. Never rejects. */
  readonly answer: Promise<HandshakeAnswer | null>;

  readonly #id: number;
  readonly #context: HandshakeContext;
  readonly #clientAddress: PeerAddress;
  readonly #request: IncomingRequest;
  readonly #isDirect: boolean;
  /** Made once the client is accepted; null again when a direct way is open. */
  #rawStream: UDXStream | null = null;
  #accepted: Accepted | null = null;
  #punch: ServerPunch | null = null;
  #session: Session | null = null;
  #meeting: RelayMeeting | null = null;
  /** The client did not show itself: only the relay is left. */
  #isAborted = false;
  #isOver = false;

  /** Begins to answer. */
  constructor(id: number, context: HandshakeContext, message: HandshakeMessage, request: IncomingRequest) {
    this.#id = id;
    this.#context = context;
    this.#request = request;
    this.#isDirect = !message.peerAddress;
    const { host, port } = message.peerAddress ?? request.from;
    this.#clientAddress = { host, port };
    this.answer = this.#answer(message.noise).catch(() => {
      // A handshake made by the program failed in its own way, or no socket could be had.
      this.destroy();
      return null;
    });
  }

  /** A hole punching message of the client. */
  handleRound(
    { payload, peerAddress }: HolepunchMessage,
    request: IncomingRequest,
  ): Promise<PunchReply | null> {
    if (this.#punch === null || !peerAddress) return Promise.resolve(null);
    const { from, to, socket } = request;
    return this.#punch.handleRound({ payload, peerAddress, from, to, socket });
  }

  /** The client did not show itself: without a relay that is the end. */
  abort(): void {
    this.#isAborted = true;
    this.#endPunch();
    if (this.#meeting?.isActive) return;
    this.destroy();
  }

  /** Ends everything that is no connection yet. */
  destroy(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    this.#endPunch();
    // A connection over the relay goes on when its server closes, as any other.
    if (this.#rawStream?.connected) return;
    this.#meeting?.destroy();
    this.#rawStream?.destroy();
    this.#rawStream = null;
    this.#finish();
  }

  async #answer(noise: Uint8Array): Promise<HandshakeAnswer | null> {
    const { server, keyPair } = this.#context;
    const handshake = server.createHandshake(keyPair, null);
    const payload = await this.#read(handshake, noise);
    if (payload === null) return this.#refuse("invalid");
    const isRefused = await this.#isRefused(handshake.remotePublicKey!, payload);
    if (isRefused || !this.#context.isOpen()) return this.#refuse("refused");

    const ownAddress = this.#context.host.dht.remoteAddress();
    const localAddresses = this.#context.isLocalAddressShared ? await this.#context.localAddresses() : [];
    if (!this.#context.isOpen() || this.#isOver) return this.#refuse("refused");

    const error = errorOf(payload);
    if (error === ERROR.NONE) this.#createRawStream();
    const relayThrough = selectRelay(server.relayThrough, this.#context.host);
    const relayToken = relayThrough === null ? null : relay.token();
    const addresses = ownAddress === null ? localAddresses : [ownAddress, ...localAddresses];
    const reply = await this.#send(handshake, { error, addresses, ownAddress, relayThrough, relayToken });
    if (!this.#context.isOpen() || this.#isOver) return this.#refuse("refused");
    if (error !== ERROR.NONE) {
      this.#refuse("refused");
      return { socket: null, noise: reply };
    }
    this.#trace("answered");
    this.#accepted = { payload, result: handshake.final(), relayThrough, relayToken, ownAddress };
    const socket = await this.#accept(this.#accepted);
    return { socket, noise: reply, onsent: () => this.#punch?.start() };
  }

  async #read(handshake: DHTHandshake, noise: Uint8Array): Promise<DecodedNoisePayload | null> {
    try {
      return await handshake.recv(noise);
    } catch {
      // Anybody can send bytes that are no handshake; who does gets no answer.
      return null;
    }
  }

  async #isRefused(publicKey: Uint8Array, payload: DecodedNoisePayload): Promise<boolean> {
    try {
      return await this.#context.server.firewall(publicKey, payload, this.#clientAddress);
    } catch {
      // Compat: a firewall that fails refuses (hyperdht lib/server.js).
      return true;
    }
  }

  #createRawStream(): void {
    const rawStream = this.#context.host.dht.createRawStream({
      framed: true,
      // The relay and the client may both come to the node's own socket.
      checksRemote: true,
      firewall: (socket, port, host) => {
        if (!isPort(port)) return true;
        if (this.#meeting?.noteTraffic(socket, port, host)) return false;
        this.#open(socket, { port, host });
        return false;
      },
    });
    rawStream.on("error", () => this.#endPunch());
    rawStream.on("close", () => {
      this.#endPunch();
      this.#finish();
    });
    this.#rawStream = rawStream;
  }

  async #send(
    handshake: DHTHandshake,
    { error, addresses, ownAddress, relayThrough, relayToken }:
      & { readonly error: number; readonly addresses: readonly PeerAddress[] }
      & Pick<Accepted, "ownAddress" | "relayThrough" | "relayToken">,
  ): Promise<Uint8Array> {
    const { announcer, server, isSocketReusable } = this.#context;
    const { relayAddresses } = server;
    return await handshake.send({
      error,
      firewall: ownAddress === null ? FIREWALL.UNKNOWN : FIREWALL.OPEN,
      holepunch: ownAddress === null ? { id: this.#id, relays: announcer.relays } : null,
      addresses4: addresses,
      addresses6: null,
      udx: { reusableSocket: isSocketReusable, id: this.#rawStream?.id ?? 0, seq: 0 },
      secretStream: {},
      relayThrough: relayThrough === null ? null : { publicKey: relayThrough, token: relayToken! },
      relayAddresses: relayAddresses.length > 0 ? relayAddresses : null,
    });
  }

  /** Connects if that is possible at once, or prepares for it; gives the socket to answer through. */
  async #accept({ payload, ownAddress, relayThrough }: Accepted): Promise<UDXSocket | null> {
    const { host, machine } = this.#context;
    if (payload.firewall === FIREWALL.OPEN || this.#isDirect) {
      host.punch.stats.open++;
      this.#open(this.#isDirect ? this.#request.socket : host.dht.socket!, this.#clientAddress);
      return null;
    }
    if (relayThrough !== null || (payload.relayThrough !== null && this.#mayMeet())) this.#meet();
    if (machine.stateOf(this.#id) === "deciding") machine.wait(this.#id, host.clock.nowMs());
    this.#context.settle();
    // Who is reachable or does not punch waits for the client.
    if (ownAddress !== null || this.#context.isPunchingDisabled) return null;
    const isNear = await this.#isInOurNetwork(payload);
    if (this.#isOver || this.#rawStream === null) return null;
    const punch = this.#startPunch();
    // Through the punch's socket, so that the client learns its address; but a client in our network comes to the
    // node's own one.
    return isNear ? null : punch.socket;
  }

  /** Whether the client is behind the same public address and named an address that may be near. */
  async #isInOurNetwork({ addresses4 }: DecodedNoisePayload): Promise<boolean> {
    if (!this.#context.isLocalAddressShared || this.#clientAddress.host !== this.#request.to.host) {
      return false;
    }
    const theirs = addresses4.slice(0, ADDRESSES_MAX).filter(({ host }) => isPrivate(host));
    if (theirs.length === 0) return false;
    return matchAddress(await this.#context.localAddresses(), theirs) !== null;
  }

  #startPunch(): ServerPunch {
    const { host, server, announcer, machine } = this.#context;
    const { payload, result } = this.#accepted!;
    const session = host.dht.session();
    this.#session = session;
    this.#punch = createServerPunch({
      host: host.punch,
      session,
      holepunchSecret: result.holepunchSecret,
      remoteFirewall: payload.firewall,
      isRelayed: () => this.#meeting?.isActive ?? false,
      isServerRelay: (address) => announcer.isRelay(address),
      veto: (...args) => server.holepunch(...args),
      trace: host.trace === null ? null : (event) => {
        host.trace!({ kind: "punch", publicKey: result.remotePublicKey, event });
      },
      onpunching: () => {
        if (machine.stateOf(this.#id) === "waiting") machine.punch(this.#id);
      },
      onabort: () => this.abort(),
    });
    return this.#punch;
  }

  #endPunch(): void {
    this.#punch?.destroy();
    this.#punch = null;
    this.#session?.destroy();
    this.#session = null;
  }

  /** A client's relay costs a search and a connection of ours: not too many at once. */
  #mayMeet(): boolean {
    const context = this.#context;
    context.meetings = context.meetings.filter((meeting) => meeting.isConnecting);
    return context.meetings.length < CLIENT_RELAYS_MAX;
  }

  #meet(): void {
    const { host, server } = this.#context;
    const { payload, relayThrough, relayToken } = this.#accepted!;
    const stats = host.dht.stats.relaying;
    stats.attempts++;
    this.#meeting = new RelayMeeting({
      host,
      publicKey: relayThrough ?? payload.relayThrough!.publicKey,
      token: relayToken ?? payload.relayThrough!.token,
      isInitiator: relayThrough !== null,
      rawStream: this.#rawStream!,
      keepAliveMs: server.relayKeepAlive,
      onpaired: ({ socket, remoteId, port, host: relayHost }) => {
        const rawStream = this.#rawStream;
        if (rawStream === null || rawStream.destroying) return;
        stats.successes++;
        this.#context.machine.relay(this.#id);
        this.#trace("relayed");
        rawStream.connect(socket, remoteId, port, relayHost);
        this.#emit(rawStream);
      },
      onfailed: () => {
        stats.aborts++;
        if (this.#isAborted) this.destroy();
      },
    });
    if (relayThrough === null) this.#context.meetings.push(this.#meeting);
  }

  /** There is a direct way: the first one, or a better one than the relay. */
  #open(socket: UDXSocket, { port, host }: PeerAddress): void {
    const rawStream = this.#rawStream;
    if (rawStream === null || rawStream.destroying || this.#accepted === null) return;
    const { payload, result } = this.#accepted;
    const udx = payload.udx!;
    try {
      if (rawStream.connected) {
        const moved = rawStream.changeRemote(socket, udx.id, port, host);
        this.#meeting?.upgrade(rawStream, moved);
      } else {
        rawStream.connect(socket, udx.id, port, host);
      }
    } catch {
      // The socket is closing: another packet of the client may come by another one.
      return;
    }
    this.#rawStream = null;
    const isFirst = this.#context.machine.stateOf(this.#id) !== "relayed";
    this.#finish();
    if (this.#context.isSocketReusable && udx.reusableSocket) {
      this.#context.host.sockets.routes.add(result.remotePublicKey, rawStream);
    }
    this.#trace("connected");
    if (isFirst) {
      this.#emit(rawStream);
      this.#meeting?.handleDirect();
    }
    this.#endPunch();
  }

  #emit(rawStream: UDXStream): void {
    const { server, host } = this.#context;
    const stream = server.createSecretStream(false, rawStream, {
      handshake: this.#accepted!.result,
      keepAlive: host.dht.connectionKeepAlive,
    });
    this.#context.emitConnection(stream);
  }

  #refuse(outcome: Outcome): null {
    this.#trace(outcome);
    this.destroy();
    return null;
  }

  #finish(): void {
    this.#context.machine.finish(this.#id, this.#context.host.clock.nowMs());
    this.#context.settle();
  }

  #trace(outcome: Outcome): void {
    const { host, keyPair } = this.#context;
    host.trace?.({
      kind: "server-handshake",
      publicKey: keyPair.publicKey,
      id: this.#id,
      outcome,
      clientAddress: this.#clientAddress,
    });
  }
}

function errorOf({ version, udx }: DecodedNoisePayload): number {
  if (version !== 1) return ERROR.VERSION_MISMATCH;
  return udx === null ? ERROR.ABORTED : ERROR.NONE;
}

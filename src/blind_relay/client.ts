/**
 * A relay as its clients see it.
 *
 * @module
 */
import { copyBytes, hexText, Readable, type StreamCallback, TypedEventEmitter } from "../base/mod.ts";
import { type Channel, type FramedStream, type Message, Protomux } from "../protomux/mod.ts";
import type { UDXStream } from "../udx/mod.ts";
import { type ChannelSettings, createRelayChannel } from "./channel.ts";
import { BlindRelayError } from "./errors.ts";
import { ChannelLifetime } from "./lifetime.ts";
import { END_REASONS, pair, type PairMessage, TOKEN_BYTES, unpair, type UnpairMessage } from "./messages.ts";

/** Events of {@linkcode BlindRelayClient} with the arguments of their listeners. */
export type BlindRelayClientEvents = {
  /** The relay has opened its end. */
  open: [];
  /** Either side has closed the channel. */
  close: [];
  /** Closed, and all handlers have returned. */
  destroy: [];
  /** The relay has a pair ready; connect `stream` to `remoteId` at the relay's address. */
  pair: [isInitiator: boolean, token: Uint8Array, stream: RelayedStream, remoteId: number];
  /** The relay refused or ended a request or a pair. Not in the npm package, whose relays say nothing. */
  unpair: [token: Uint8Array, error: BlindRelayError];
};

/** What a client needs of the stream that is to be relayed: the id that the relay sends to. */
export type RelayedStream = Pick<UDXStream, "id">;

/** Options of {@linkcode BlindRelayClient.pair}. Not in the npm package. */
export interface PairOptions {
  /** Takes the request back, and destroys it with the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What a request asks of its client. */
interface RequestHost {
  /** The error that requests end with, null while the channel is open. */
  closeError(): BlindRelayError | null;
  send(request: BlindRelayRequest): void;
  forget(request: BlindRelayRequest): void;
  takeBack(request: BlindRelayRequest, reason: unknown): void;
}

/** A request for a pair: gives the relay's stream id, once, and ends. Created by `client.pair()`. */
export class BlindRelayRequest extends Readable<number> {
  /** Which end of the pair is asked for. */
  readonly isInitiator: boolean;
  /** What both peers know, 32 bytes. */
  readonly token: Uint8Array;
  /** The stream that is to be relayed. */
  readonly stream: RelayedStream;

  readonly #host: RequestHost;
  readonly #signal: AbortSignal | null;
  readonly #onAbort = (): void => this.#host.takeBack(this, this.#signal!.reason);

  /** Called by `client.pair()`. */
  constructor(
    host: RequestHost,
    fields: Pick<BlindRelayRequest, "isInitiator" | "token" | "stream">,
    signal: AbortSignal | null,
  ) {
    super();
    this.#host = host;
    this.isInitiator = fields.isInitiator;
    this.token = fields.token;
    this.stream = fields.stream;
    this.#signal = signal;
    signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /** Called by streamx, when the request is first read. */
  override _open(done: StreamCallback): void {
    const error = this.#host.closeError();
    // Compat: the npm package asks even when the request was taken back before (blind-relay/index.js).
    if (error === null && !this.destroying) this.#host.send(this);
    done(error);
  }

  /** Called by streamx. */
  override _destroy(done: StreamCallback): void {
    this.#signal?.removeEventListener("abort", this.#onAbort);
    this.#host.forget(this);
    done(null);
  }
}

/**
 * Asks a relay to join a stream with that of another peer.
 *
 * @example
 * ```ts
 * import relay from "@quince/quince/blind-relay";
 * import type { FramedStream } from "@quince/quince/protomux";
 * import type { UDXSocket, UDXStream } from "@quince/quince/udx";
 *
 * // `connection` leads to the relay, at `host`; the other peer knows `token` and pairs with `false`.
 * function relayThrough(connection: FramedStream, token: Uint8Array, stream: UDXStream, socket: UDXSocket) {
 *   const client = relay.Client.from(connection);
 *   client.pair(true, token, stream).on("data", (remoteId) => stream.connect(socket, remoteId, 49737, "10.0.0.1"));
 * }
 * ```
 */
export class BlindRelayClient extends TypedEventEmitter<BlindRelayClientEvents> implements AsyncDisposable {
  /** Clients by their streams. */
  static readonly #clients = new WeakMap<FramedStream, BlindRelayClient>();

  readonly #mux: Protomux;
  readonly #channel: Channel;
  readonly #pair: Message<PairMessage>;
  readonly #unpair: Message<UnpairMessage>;
  readonly #requests = new Map<string, BlindRelayRequest>();
  /** Requests that have their answer, but whose reader has not taken it. */
  readonly #answered = new WeakSet<BlindRelayRequest>();
  readonly #host: RequestHost;
  readonly #lifetime: ChannelLifetime;

  /** Creates the client of `stream`. @throws {BlindRelayError} `DUPLICATE_CHANNEL`, `CHANNEL_CLOSED`. */
  constructor(stream: FramedStream | Protomux, options: ChannelSettings = {}) {
    super();
    this.#host = {
      closeError: () => this.#closeError(),
      send: ({ isInitiator, token, stream: { id } }) => {
        this.#pair.send({ isInitiator, token, id, seq: 0 });
      },
      forget: (request) => this.#forget(request),
      takeBack: (request, reason) => {
        this.#unpair.send({ token: request.token });
        request.destroy(reason instanceof Error ? reason : new BlindRelayError("PAIRING_CANCELLED"));
      },
    };
    this.#mux = Protomux.from(stream);
    this.#channel = createRelayChannel(this.#mux, options, {
      onopen: () => {
        this.emit("open");
      },
      onclose: () => this.#handleClose(),
      ondestroy: () => {
        this.#lifetime.handleDestroy();
        this.emit("destroy");
      },
    });
    this.#lifetime = new ChannelLifetime(this.#channel, () => this.#requests.size > 0);
    this.#pair = this.#channel.addMessage({
      encoding: pair,
      onmessage: (message) => this.#handlePair(message),
    });
    this.#unpair = this.#channel.addMessage({
      encoding: unpair,
      onmessage: (message) => this.#handleUnpair(message),
    });
    this.#channel.open(options.handshake);
  }

  /** The client of `stream`, made with `options` when there is none. */
  static from(stream: FramedStream | Protomux, options?: ChannelSettings): BlindRelayClient {
    const { stream: key } = Protomux.from(stream);
    const known = BlindRelayClient.#clients.get(key);
    if (known !== undefined) return known;
    const client = new this(stream, options);
    BlindRelayClient.#clients.set(key, client);
    return client;
  }

  /** Whether either side has closed the channel. */
  get closed(): boolean {
    return this.#channel.closed;
  }

  /** The muxer that the client is on. */
  get mux(): Protomux {
    return this.#mux;
  }

  /** The stream underneath. */
  get stream(): FramedStream {
    return this.#mux.stream;
  }

  /** The requests that the relay has not answered. */
  get requests(): IterableIterator<BlindRelayRequest> {
    return this.#requests.values();
  }

  /**
   * Asks for a pair with whoever asks for the other end with the same token; read the result to send it.
   *
   * @param isInitiator which end: the two peers must differ.
   * @param token what both peers know, 32 bytes.
   * @param stream the stream that is to be relayed.
   * @returns a stream that gives the relay's stream id, once. It is destroyed with a {@linkcode BlindRelayError} when
   * there is no pair: `PAIRING_CANCELLED`, `CHANNEL_CLOSED`, `CHANNEL_DESTROYED`, and what the relay says.
   * @throws {BlindRelayError} `CHANNEL_DESTROYED`, `CHANNEL_CLOSED`, `ALREADY_PAIRING` when a request with that token is
   * under way.
   * @throws {RangeError} when the token has another size.
   */
  pair(
    isInitiator: boolean,
    token: Uint8Array,
    stream: RelayedStream,
    options: PairOptions = {},
  ): BlindRelayRequest {
    const closeError = this.#closeError();
    if (closeError !== null) throw closeError;
    if (token.byteLength !== TOKEN_BYTES) {
      throw new RangeError(`Cannot pair with a token of ${token.byteLength} bytes, it takes ${TOKEN_BYTES}`);
    }
    const key = hexText(token);
    if (this.#requests.has(key)) throw new BlindRelayError("ALREADY_PAIRING");
    const { signal = null } = options;
    signal?.throwIfAborted();
    const request = new BlindRelayRequest(
      this.#host,
      { isInitiator, token: copyBytes(token), stream },
      signal,
    );
    this.#requests.set(key, request);
    return request;
  }

  /**
   * Takes a request back, or ends a pair.
   *
   * @throws {BlindRelayError} `CHANNEL_DESTROYED`.
   */
  unpair(token: Uint8Array): void {
    if (this.#lifetime.isDestroyed) throw new BlindRelayError("CHANNEL_DESTROYED");
    this.#requests.get(hexText(token))?.destroy(new BlindRelayError("PAIRING_CANCELLED"));
    this.#unpair.send({ token });
  }

  /** Collects what is sent until `uncork()`. */
  cork(): void {
    this.#channel.cork();
  }

  /** Sends what was collected. */
  uncork(): void {
    this.#channel.uncork();
  }

  /** Closes the channel, and with it the pairs, once no request waits; resolves when it is closed. */
  end(): Promise<void> {
    return this.#lifetime.end();
  }

  /** Closes the channel, and with it the requests and the pairs; requests are destroyed with `error`. */
  destroy(error?: Error | null): void {
    this.#lifetime.destroy(error);
  }

  /** Destroys the client and waits until its handlers are done. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#lifetime.dispose();
  }

  #closeError(): BlindRelayError | null {
    if (this.#lifetime.isDestroyed) return new BlindRelayError("CHANNEL_DESTROYED");
    return this.#channel.closed ? new BlindRelayError("CHANNEL_CLOSED") : null;
  }

  #handleClose(): void {
    this.#lifetime.handleClose();
    for (const request of this.#requests.values()) request.destroy(this.#lifetime.closeError);
    this.#requests.clear();
    if (BlindRelayClient.#clients.get(this.stream) === this) BlindRelayClient.#clients.delete(this.stream);
    this.emit("close");
  }

  #handlePair({ isInitiator, token, id }: PairMessage): void {
    const request = this.#requests.get(hexText(token));
    if (request === undefined || request.isInitiator !== isInitiator || this.#answered.has(request)) return;
    this.#answered.add(request);
    request.push(id);
    request.push(null);
    this.emit("pair", isInitiator, request.token, request.stream, id);
  }

  #handleUnpair({ token, reason = 0 }: UnpairMessage): void {
    const error = new BlindRelayError(END_REASONS[reason] ?? "PAIRING_CANCELLED");
    this.#requests.get(hexText(token))?.destroy(error);
    this.emit("unpair", copyBytes(token), error);
  }

  #forget(request: BlindRelayRequest): void {
    const key = hexText(request.token);
    if (this.#requests.get(key) === request) this.#requests.delete(key);
    this.#lifetime.endMaybe();
  }
}

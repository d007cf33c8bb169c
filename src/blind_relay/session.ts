/**
 * A client's connection to a relay, as the relay sees it.
 *
 * @module
 */
import { TypedEventEmitter } from "../base/mod.ts";
import { type Channel, type FramedStream, type Message, Protomux } from "../protomux/mod.ts";
import type { UDXStream } from "../udx/mod.ts";
import { type ChannelSettings, createRelayChannel } from "./channel.ts";
import { BlindRelayError } from "./errors.ts";
import { ChannelLifetime } from "./lifetime.ts";
import { UNREAD_REPLIES_MAX } from "./limits.ts";
import { endReasonOf, pair, type PairMessage, unpair, type UnpairMessage } from "./messages.ts";

/** Events of {@linkcode BlindRelaySession} with the arguments of their listeners. */
export type BlindRelaySessionEvents = {
  /** The client has opened its end. */
  open: [];
  /** Either side has closed the channel. */
  close: [];
  /** Closed, and all handlers have returned. */
  destroy: [];
  /** A stream of one of the session's pairs failed; without a listener nothing happens. */
  error: [error: Error];
  /** A pair is being relayed; `stream` is the relay's end towards this client, `remoteId` the client's stream id. */
  pair: [isInitiator: boolean, token: Uint8Array, stream: UDXStream, remoteId: number];
  /** The relay refused or ended a request or a pair of the session. Not in the npm package. */
  unpair: [token: Uint8Array, error: BlindRelayError];
};

/** What a session asks of its relay. */
export interface SessionHost {
  handleOpen(): void;
  handleClose(session: BlindRelaySession, error: Error): void;
  handlePair(session: BlindRelaySession, message: PairMessage): void;
  handleUnpair(session: BlindRelaySession, token: Uint8Array): void;
  /** Whether requests of the session wait. */
  isPairing(session: BlindRelaySession): boolean;
}

/** What a relay does to its sessions; no part of the public surface. */
export interface SessionControl {
  /** Tells the client that its end of a pair is ready. */
  sendPair(session: BlindRelaySession, message: PairMessage): void;
  /** Tells the client that the relay refused or ended something. */
  sendUnpair(session: BlindRelaySession, token: Uint8Array, error: BlindRelayError): void;
  /** Closes the channel when that is wanted and nothing waits any more. */
  endMaybe(session: BlindRelaySession): void;
}

/** The way past the private fields; assigned once, when the class is defined. */
export let sessionControl: SessionControl;

/** A client's connection to a relay. Created by `server.accept()`. */
export class BlindRelaySession extends TypedEventEmitter<BlindRelaySessionEvents> implements AsyncDisposable {
  readonly #host: SessionHost;
  readonly #mux: Protomux;
  readonly #channel: Channel;
  readonly #pair: Message<PairMessage>;
  readonly #unpair: Message<UnpairMessage>;
  readonly #lifetime: ChannelLifetime;
  #unreadReplyCount = 0;

  static {
    sessionControl = {
      sendPair: (session, message) => {
        session.#pair.send(message);
        session.#countReply();
      },
      sendUnpair: (session, token, error) => {
        session.#unpair.send({ token, reason: endReasonOf(error.code) });
        session.emit("unpair", token, error);
        session.#countReply();
      },
      endMaybe: (session) => session.#lifetime.endMaybe(),
    };
  }

  /** Called by `server.accept()`. */
  constructor(host: SessionHost, stream: FramedStream | Protomux, options: ChannelSettings) {
    super();
    this.#host = host;
    this.#mux = Protomux.from(stream);
    this.#channel = createRelayChannel(this.#mux, options, {
      onopen: () => this.#handleOpen(),
      onclose: () => this.#handleClose(),
      ondestroy: () => this.#handleDestroy(),
      ondrain: () => {
        this.#unreadReplyCount = 0;
      },
    });
    this.#lifetime = new ChannelLifetime(this.#channel, () => this.#host.isPairing(this));
    this.#pair = this.#channel.addMessage({
      encoding: pair,
      onmessage: (message) => this.#host.handlePair(this, message),
    });
    this.#unpair = this.#channel.addMessage({
      encoding: unpair,
      onmessage: ({ token }) => this.#host.handleUnpair(this, token),
    });
    this.#channel.open(options.handshake);
  }

  /** Whether either side has closed the channel. */
  get closed(): boolean {
    return this.#channel.closed;
  }

  /** The muxer that the session is on. */
  get mux(): Protomux {
    return this.#mux;
  }

  /** The stream underneath. */
  get stream(): FramedStream {
    return this.#mux.stream;
  }

  /** What the session was destroyed with, null otherwise. Not in the npm package. */
  get error(): Error | null {
    return this.#lifetime.error;
  }

  /** Collects what is sent until `uncork()`. */
  cork(): void {
    this.#channel.cork();
  }

  /** Sends what was collected. */
  uncork(): void {
    this.#channel.uncork();
  }

  /** Closes the session, and with it its pairs, once no request waits; resolves when it is closed. */
  end(): Promise<void> {
    return this.#lifetime.end();
  }

  /** Closes the session, and with it its requests and pairs; their streams are destroyed with `error`. */
  destroy(error?: Error | null): void {
    this.#lifetime.destroy(error);
  }

  /** Destroys the session and waits until its handlers are done. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.#lifetime.dispose();
  }

  #handleOpen(): void {
    this.#host.handleOpen();
    this.emit("open");
  }

  #handleClose(): void {
    this.#lifetime.handleClose();
    this.#host.handleClose(this, this.#lifetime.closeError);
    this.emit("close");
  }

  #handleDestroy(): void {
    this.#lifetime.handleDestroy();
    this.emit("destroy");
  }

  #countReply(): void {
    this.#unreadReplyCount = this.#channel.drained ? 0 : this.#unreadReplyCount + 1;
    if (this.#unreadReplyCount > UNREAD_REPLIES_MAX) this.destroy(new BlindRelayError("REPLIES_EXCEEDED"));
  }
}

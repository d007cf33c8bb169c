/**
 * A relay: the machine, the sessions that feed it, and the streams it has connected.
 *
 * @module
 */
import { type CancelTimer, type Clock, TypedEventEmitter } from "../base/mod.ts";
import { systemClock } from "../platform/mod.ts";
import type { FramedStream, Protomux } from "../protomux/mod.ts";
import type { UDXFirewall, UDXStream } from "../udx/mod.ts";
import type { ChannelSettings } from "./channel.ts";
import { BlindRelayError } from "./errors.ts";
import { DEFAULT_LIMITS, type RelayLimits } from "./limits.ts";
import type { PairMessage } from "./messages.ts";
import {
  type Pair,
  type PairEnd,
  type PairingStats,
  type RelayEvent,
  RelayMachine,
  type TrafficStats,
} from "./relay_machine.ts";
import { BlindRelaySession, sessionControl, type SessionHost } from "./session.ts";

/** Options of {@linkcode BlindRelayServer}. */
export interface BlindRelayServerOptions {
  /** Makes a stream of the UDX instance that the clients' peers send to; for example `udx.createStream(id, options)`. */
  createStream(options: { readonly firewall: UDXFirewall }): UDXStream;
  /** What clients get at most; {@linkcode DEFAULT_LIMITS} unless given. Not in the npm package. */
  readonly limits?: Partial<RelayLimits>;
  /** Another clock than the runtime's. */
  readonly clock?: Clock;
}

/** Counters of a relay; `active` and `pending` are what is now, the others since the start. */
export interface BlindRelayStats {
  /** Sessions. */
  readonly sessions: { accepted: number; opened: number; closed: number; readonly active: number };
  /** Pairings. */
  readonly pairings: Readonly<PairingStats>;
  /** The relay's streams, two for each pair. */
  readonly streams: { opened: number; closed: number; errors: number; readonly active: number };
  /** What passed. Not in the npm package. */
  readonly traffic: Readonly<TrafficStats>;
}

/**
 * Joins the UDX streams of two peers that know the same token, without being able to read them.
 *
 * @example
 * ```ts
 * import relay, { PUBLIC_LIMITS } from "@quince/quince/blind-relay";
 * import type { FramedStream } from "@quince/quince/protomux";
 * import UDX from "@quince/quince/udx";
 *
 * const udx = new UDX();
 * let lastId = 0;
 * const server = new relay.Server({
 *   createStream: (options) => udx.createStream(++lastId, options),
 *   limits: { ...PUBLIC_LIMITS, pairsMax: 64 },
 * });
 * // For each connection, for example of a HyperDHT server:
 * function serve(connection: FramedStream, remotePublicKey: Uint8Array): void {
 *   server.accept(connection, { id: remotePublicKey });
 * }
 * ```
 */
export class BlindRelayServer extends TypedEventEmitter<Record<never, never>> implements AsyncDisposable {
  /** Counters since the start. */
  readonly stats: BlindRelayStats;

  readonly #createStream: BlindRelayServerOptions["createStream"];
  readonly #clock: Clock;
  readonly #machine: RelayMachine<BlindRelaySession>;
  readonly #sessions = new Set<BlindRelaySession>();
  readonly #host: SessionHost;
  /** Streams of the pairs, in the order of their ends; null once closed. */
  readonly #streams = new Map<Pair<BlindRelaySession>, [UDXStream | null, UDXStream | null]>();
  #isProcessing = false;
  #isProcessingScheduled = false;
  #cancelTimer: CancelTimer | null = null;
  #timerAtMs = Infinity;

  /** Creates a relay; give it connections with {@linkcode BlindRelayServer.accept}. */
  constructor(options: BlindRelayServerOptions) {
    super();
    this.#createStream = options.createStream;
    this.#clock = options.clock ?? systemClock;
    this.#machine = new RelayMachine({ ...DEFAULT_LIMITS, ...options.limits });
    this.stats = createStats(this.#machine);
    this.#host = {
      handleOpen: () => {
        this.stats.sessions.opened++;
      },
      handleClose: (session, error) => this.#handleSessionClose(session, error),
      handlePair: (session, message) => this.#handlePair(session, message),
      handleUnpair: (session, token) => {
        const asking = this.#machine.handleUnpair(session, token);
        this.#process();
        if (asking !== null) sessionControl.endMaybe(asking);
      },
      isPairing: (session) => this.#machine.isPairing(session),
    };
  }

  /** The sessions that are not closed. */
  get sessions(): IterableIterator<BlindRelaySession> {
    return this.#sessions[Symbol.iterator]();
  }

  /**
   * Serves the client at the other end of `stream`; past `sessionsMax` the session closes at once.
   *
   * @throws {BlindRelayError} `DUPLICATE_CHANNEL`, `CHANNEL_CLOSED`.
   */
  accept(stream: FramedStream | Protomux, options: ChannelSettings = {}): BlindRelaySession {
    const session = new BlindRelaySession(this.#host, stream, options);
    this.stats.sessions.accepted++;
    // The stream may have gone, or the ids of its muxer be used up.
    if (session.closed) return session;
    this.#sessions.add(session);
    if (!this.#machine.handleSession(session)) {
      // Later, so that the caller can listen.
      queueMicrotask(() => session.destroy(new BlindRelayError("SESSIONS_EXCEEDED")));
    }
    return session;
  }

  /** Ends all sessions, each as soon as no request of it waits. */
  async close(): Promise<void> {
    await Promise.all(Array.from(this.#sessions, (session) => session.end()));
  }

  /** Destroys all sessions and waits until they are closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(Array.from(this.#sessions, (session) => session[Symbol.asyncDispose]()));
  }

  #handleSessionClose(session: BlindRelaySession, error: Error): void {
    this.#machine.handleSessionEnd(session, error);
    this.#sessions.delete(session);
    this.stats.sessions.closed++;
    this.#process();
  }

  #handlePair(session: BlindRelaySession, message: PairMessage): void {
    this.#machine.handlePair(session, message, this.#clock.nowMs());
    this.#process();
  }

  /** Does what the machine wants done. What that leads to waits for its turn. */
  #process(): void {
    if (this.#isProcessing) return;
    this.#isProcessing = true;
    try {
      for (let event = this.#machine.pollEvent(); event; event = this.#machine.pollEvent()) {
        this.#dispatch(event);
      }
    } finally {
      this.#isProcessing = false;
    }
    this.#armTimer();
  }

  #dispatch(event: RelayEvent<BlindRelaySession>): void {
    switch (event.kind) {
      case "matched":
        return this.#connect(event.pair);
      case "ended":
        return this.#disconnect(event.pair, event.error, event.isToBeTold);
      case "refused":
        sessionControl.sendUnpair(event.session, event.token, event.error);
        return sessionControl.endMaybe(event.session);
    }
  }

  #connect(pair: Pair<BlindRelaySession>): void {
    const streams: [UDXStream | null, UDXStream | null] = [null, null];
    this.#streams.set(pair, streams);
    try {
      for (const [index, end] of pair.ends.entries()) streams[index] = this.#createEnd(end);
      for (const [index, end] of pair.ends.entries()) this.#relay(pair, end, streams, index);
    } catch (error) {
      return this.#machine.handleStreamFailure(pair, error);
    }
    // Kept apart, since listeners may end the pair.
    const [first, second] = streams as [UDXStream, UDXStream];
    for (const [end, stream] of [[pair.ends[0], first], [pair.ends[1], second]] as const) {
      const { session, isInitiator, remoteId } = end;
      sessionControl.sendPair(session, { isInitiator, token: pair.token, id: stream.id, seq: 0 });
      sessionControl.endMaybe(session);
      session.emit("pair", isInitiator, pair.token, stream, remoteId);
    }
  }

  #createEnd({ remoteId }: PairEnd<BlindRelaySession>): UDXStream {
    const stream = this.#createStream({
      firewall: (socket, port, host) => {
        if (stream.connected || socket.closing) return true;
        stream.connect(socket, remoteId, port, host);
        return false;
      },
    });
    return stream;
  }

  #relay(
    pair: Pair<BlindRelaySession>,
    { session, isInitiator }: PairEnd<BlindRelaySession>,
    streams: [UDXStream | null, UDXStream | null],
    index: number,
  ): void {
    const stream = streams[index]!;
    this.stats.streams.opened++;
    stream.on("error", (error) => {
      if (streams[index] === null) return;
      this.stats.streams.errors++;
      if (session.listenerCount("error") > 0) session.emit("error", error);
    });
    stream.on("close", () => {
      this.stats.streams.closed++;
      streams[index] = null;
      this.#machine.handleStreamClose(pair, isInitiator);
      if (streams[0] === null && streams[1] === null) this.#streams.delete(pair);
      this.#armTimer();
    });
    const waitMs = (byteLength: number): number => {
      const packetWaitMs = this.#machine.handlePacket(pair, isInitiator, byteLength, this.#clock.nowMs());
      if (packetWaitMs === Infinity && this.#machine.hasEvents) this.#processSoon();
      return packetWaitMs;
    };
    stream.relayTo(streams[1 - index]!, { waitMs });
  }

  #disconnect(pair: Pair<BlindRelaySession>, error: Error, isToBeTold: boolean): void {
    if (isToBeTold && error instanceof BlindRelayError) {
      for (const { session } of pair.ends) sessionControl.sendUnpair(session, pair.token, error);
    }
    const streams = this.#streams.get(pair);
    if (streams === undefined) return;
    this.#streams.delete(pair);
    const open = streams.filter((stream) => stream !== null);
    // What the relay ends itself is no failure of a stream.
    streams.fill(null);
    for (const stream of open) {
      stream.on("error", () => {});
      stream.destroy(error);
    }
  }

  /** From within the UDX instance, whose streams must not be destroyed while it handles a packet. */
  #processSoon(): void {
    if (this.#isProcessingScheduled) return;
    this.#isProcessingScheduled = true;
    queueMicrotask(() => {
      this.#isProcessingScheduled = false;
      this.#process();
    });
  }

  #armTimer(): void {
    const { deadlineMs } = this.#machine;
    if (deadlineMs === this.#timerAtMs) return;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#timerAtMs = deadlineMs;
    if (deadlineMs === Infinity) return;
    const delayMs = Math.max(0, deadlineMs - this.#clock.nowMs());
    this.#cancelTimer = this.#clock.schedule(delayMs, this.#onTimer, { unref: true });
  }

  readonly #onTimer = (): void => {
    this.#cancelTimer = null;
    this.#timerAtMs = Infinity;
    this.#machine.handleTimeout(this.#clock.nowMs());
    this.#process();
  };
}

function createStats(machine: RelayMachine<BlindRelaySession>): BlindRelayStats {
  return {
    sessions: {
      accepted: 0,
      opened: 0,
      closed: 0,
      get active(): number {
        return this.accepted - this.closed;
      },
    },
    pairings: machine.pairings,
    streams: {
      opened: 0,
      closed: 0,
      errors: 0,
      get active(): number {
        return this.opened - this.closed;
      },
    },
    traffic: machine.traffic,
  };
}

/**
 * Who is paired with whom on a relay, for how long and how fast: requests, packets and a time go in; what to connect
 * and what to end comes out.
 *
 * It knows sessions as opaque objects and streams not at all.
 *
 * @module
 */
import { copyBytes, hexText } from "../base/mod.ts";
import { BlindRelayError, type BlindRelayErrorCode } from "./errors.ts";
import type { RelayLimits } from "./limits.ts";
import type { PairMessage } from "./messages.ts";
import { Rate } from "./rate.ts";

/** One end of a pair. */
export interface PairEnd<Session> {
  /** The session that asked for it. */
  readonly session: Session;
  /** Which end this is. */
  readonly isInitiator: boolean;
  /** The peer's stream id. */
  readonly remoteId: number;
}

/** Two peers that asked for the same token. */
export interface Pair<Session> {
  /** The token, 32 bytes. */
  readonly token: Uint8Array;
  /** The end that did not initiate, then the one that did. */
  readonly ends: readonly [PairEnd<Session>, PairEnd<Session>];
}

/** What is to be done. */
export type RelayEvent<Session> =
  /** Make two streams, relay each to the other, and tell both ends. */
  | { readonly kind: "matched"; readonly pair: Pair<Session> }
  /** Destroy the streams; when the relay itself wanted it, tell both ends. */
  | {
    readonly kind: "ended";
    readonly pair: Pair<Session>;
    readonly error: Error;
    readonly isToBeTold: boolean;
  }
  /** Tell the session that its request is not, or no longer, taken. */
  | {
    readonly kind: "refused";
    readonly session: Session;
    readonly token: Uint8Array;
    readonly error: BlindRelayError;
  };

/** Counters of pairings; the first five are those of the npm package. */
export interface PairingStats {
  /** Requests taken. */
  requested: number;
  /** Pairs made. */
  matched: number;
  /** Requests and pairs taken back, and requests of sessions that closed. */
  cancelled: number;
  /** Requests that wait. */
  pending: number;
  /** Pairs being relayed. */
  active: number;
  /** Requests not taken because of a limit. */
  refused: number;
  /** Requests and pairs ended by a limit. */
  ended: number;
}

/** Counters of what passed. */
export interface TrafficStats {
  /** Bytes of packets relayed. */
  bytesRelayed: number;
  /** Bytes of packets dropped for a rate. */
  bytesDropped: number;
}

interface Request<Session> extends PairEnd<Session> {
  readonly token: Uint8Array;
  readonly expiresAtMs: number;
}

interface ActivePair<Session> extends Pair<Session> {
  readonly expiresAtMs: number;
  readonly rates: readonly [Rate, Rate];
  readonly isOpen: [boolean, boolean];
  activeAtMs: number;
  bytesRelayed: number;
}

interface Holdings<Session> {
  readonly requests: Set<Request<Session>>;
  readonly pairs: Set<ActivePair<Session>>;
}

/** The state of a relay. */
export class RelayMachine<Session extends object> {
  /** Counters of pairings. */
  readonly pairings: PairingStats = {
    requested: 0,
    matched: 0,
    cancelled: 0,
    pending: 0,
    active: 0,
    refused: 0,
    ended: 0,
  };
  /** Counters of traffic. */
  readonly traffic: TrafficStats = { bytesRelayed: 0, bytesDropped: 0 };

  readonly #limits: RelayLimits;
  readonly #rate: Rate;
  readonly #sessions = new Map<Session, Holdings<Session>>();
  /** By token in hexadecimal digits. */
  readonly #requests = new Map<string, Request<Session>>();
  readonly #pairs = new Set<ActivePair<Session>>();
  readonly #events: RelayEvent<Session>[] = [];
  /** No request or pair ends before; each may end later than this says. */
  #deadlineMs = Infinity;

  /** Creates a relay without sessions. */
  constructor(limits: RelayLimits) {
    this.#limits = limits;
    this.#rate = new Rate(limits.bytesPerSecond);
  }

  // Inputs

  /** A client came; false when there are too many, and it is not served then. */
  handleSession(session: Session): boolean {
    if (this.#sessions.size >= this.#limits.sessionsMax) return false;
    this.#sessions.set(session, { requests: new Set(), pairs: new Set() });
    return true;
  }

  /** A client left, `error` being the reason: its requests and pairs end. */
  handleSessionEnd(session: Session, error: Error): void {
    const holdings = this.#sessions.get(session);
    if (holdings === undefined) return;
    for (const request of holdings.requests) {
      this.#forget(request);
      this.pairings.cancelled++;
    }
    for (const pair of holdings.pairs) this.#end(pair, error, false);
    this.#sessions.delete(session);
  }

  /** A client asks for a pair. */
  handlePair(session: Session, message: PairMessage, nowMs: number): void {
    const holdings = this.#sessions.get(session);
    if (holdings === undefined) return;
    const key = hexText(message.token);
    const other = this.#requests.get(key);
    // Compat: a second request for an end that is asked for goes unanswered (blind-relay/index.js); only another
    // session, whose own request is not meant, can be told so.
    if (other?.isInitiator === message.isInitiator) {
      if (other.session !== session) this.#refuse(session, message.token, "ALREADY_PAIRING");
      return;
    }
    if (!this.#hasRoom(holdings, other === undefined)) {
      return this.#refuse(session, message.token, "PAIRS_EXCEEDED");
    }
    this.pairings.requested++;
    const end = { session, isInitiator: message.isInitiator, remoteId: message.id };
    if (other === undefined) this.#request(key, message.token, end, nowMs);
    else this.#match(other, end, nowMs);
  }

  /** A client takes a request or a pair back; gives the session whose request it was, null when it was none. */
  handleUnpair(session: Session, token: Uint8Array): Session | null {
    const holdings = this.#sessions.get(session);
    if (holdings === undefined) return null;
    const key = hexText(token);
    // Compat: whoever knows the token may take a request back, whichever session made it (blind-relay/index.js).
    const request = this.#requests.get(key);
    if (request !== undefined) {
      this.#forget(request);
      this.pairings.cancelled++;
      return request.session;
    }
    for (const pair of holdings.pairs) {
      if (hexText(pair.token) !== key) continue;
      this.#end(pair, new BlindRelayError("PAIRING_CANCELLED"), false);
      this.pairings.cancelled++;
    }
    return null;
  }

  /**
   * A packet of `byteLength` came from one end of a pair: how long it waits before it may pass, ms; infinity for one
   * that is dropped.
   */
  handlePacket(pair: Pair<Session>, isFromInitiator: boolean, byteLength: number, nowMs: number): number {
    const active = pair as ActivePair<Session>;
    if (!this.#pairs.has(active)) return Infinity;
    active.activeAtMs = nowMs;
    const rate = active.rates[isFromInitiator ? 1 : 0];
    const waitMs = Math.max(rate.waitMs(nowMs), this.#rate.waitMs(nowMs));
    if (waitMs === Infinity) {
      this.traffic.bytesDropped += byteLength;
      return Infinity;
    }
    if (active.bytesRelayed + byteLength > this.#limits.pairBytesMax) {
      this.#endByLimit(active, "TRAFFIC_EXCEEDED");
      return Infinity;
    }
    rate.take(byteLength, nowMs);
    this.#rate.take(byteLength, nowMs);
    active.bytesRelayed += byteLength;
    this.traffic.bytesRelayed += byteLength;
    return waitMs;
  }

  /** The stream of one end of a pair closed; the pair is over when both have. */
  handleStreamClose(pair: Pair<Session>, isInitiator: boolean): void {
    const active = pair as ActivePair<Session>;
    active.isOpen[isInitiator ? 1 : 0] = false;
    if (!active.isOpen[0] && !active.isOpen[1]) this.#remove(active);
  }

  /** The streams of a pair could not be made. */
  handleStreamFailure(pair: Pair<Session>, cause: unknown): void {
    const error = new BlindRelayError("STREAM_FAILED", { cause });
    this.#end(pair as ActivePair<Session>, error, true);
  }

  /** Time passed {@linkcode RelayMachine.deadlineMs}. */
  handleTimeout(nowMs: number): void {
    this.#deadlineMs = Infinity;
    for (const request of this.#requests.values()) {
      if (request.expiresAtMs <= nowMs) this.#expire(request);
      else this.#expectBy(request.expiresAtMs);
    }
    for (const pair of this.#pairs) {
      const idleAtMs = pair.activeAtMs + this.#limits.idleMs;
      if (pair.expiresAtMs <= nowMs) this.#endByLimit(pair, "PAIR_EXPIRED");
      else if (idleAtMs <= nowMs) this.#endByLimit(pair, "PAIR_IDLE");
      else this.#expectBy(Math.min(pair.expiresAtMs, idleAtMs));
    }
  }

  // Outputs

  /** What is to be done next; null for nothing. */
  pollEvent(): RelayEvent<Session> | null {
    return this.#events.shift() ?? null;
  }

  /** When {@linkcode RelayMachine.handleTimeout} is due; infinity for never. */
  get deadlineMs(): number {
    return this.#requests.size + this.#pairs.size > 0 ? this.#deadlineMs : Infinity;
  }

  // Getters

  /** Whether there are events to poll. */
  get hasEvents(): boolean {
    return this.#events.length > 0;
  }

  /** Whether a session has requests that wait. */
  isPairing(session: Session): boolean {
    return (this.#sessions.get(session)?.requests.size ?? 0) > 0;
  }

  #hasRoom(holdings: Holdings<Session>, isFirst: boolean): boolean {
    const { pairsPerSessionMax, pairsMax, pendingMax } = this.#limits;
    if (holdings.requests.size + holdings.pairs.size >= pairsPerSessionMax) return false;
    return isFirst ? this.#requests.size < pendingMax : this.#pairs.size < pairsMax;
  }

  #request(key: string, token: Uint8Array, end: PairEnd<Session>, nowMs: number): void {
    const request = { ...end, token: copyBytes(token), expiresAtMs: nowMs + this.#limits.pendingMs };
    this.#requests.set(key, request);
    this.#sessions.get(end.session)!.requests.add(request);
    this.pairings.pending++;
    this.#expectBy(request.expiresAtMs);
  }

  #match(request: Request<Session>, end: PairEnd<Session>, nowMs: number): void {
    this.#forget(request);
    const { pairMs, idleMs, pairBytesPerSecond } = this.#limits;
    const pair: ActivePair<Session> = {
      token: request.token,
      ends: end.isInitiator ? [request, end] : [end, request],
      expiresAtMs: nowMs + pairMs,
      rates: [new Rate(pairBytesPerSecond), new Rate(pairBytesPerSecond)],
      isOpen: [true, true],
      activeAtMs: nowMs,
      bytesRelayed: 0,
    };
    this.#pairs.add(pair);
    for (const { session } of pair.ends) this.#sessions.get(session)!.pairs.add(pair);
    this.pairings.matched++;
    this.pairings.active++;
    this.#expectBy(nowMs + Math.min(pairMs, idleMs));
    this.#events.push({ kind: "matched", pair });
  }

  #forget(request: Request<Session>): void {
    this.#requests.delete(hexText(request.token));
    this.#sessions.get(request.session)!.requests.delete(request);
    this.pairings.pending--;
  }

  #expire(request: Request<Session>): void {
    this.#forget(request);
    this.pairings.ended++;
    const error = new BlindRelayError("PAIRING_TIMED_OUT");
    this.#events.push({ kind: "refused", session: request.session, token: request.token, error });
  }

  #refuse(session: Session, token: Uint8Array, code: BlindRelayErrorCode): void {
    this.pairings.refused++;
    this.#events.push({
      kind: "refused",
      session,
      token: copyBytes(token),
      error: new BlindRelayError(code),
    });
  }

  #endByLimit(pair: ActivePair<Session>, code: BlindRelayErrorCode): void {
    this.pairings.ended++;
    this.#end(pair, new BlindRelayError(code), true);
  }

  #end(pair: ActivePair<Session>, error: Error, isToBeTold: boolean): void {
    if (!this.#remove(pair)) return;
    this.#events.push({ kind: "ended", pair, error, isToBeTold });
  }

  #remove(pair: ActivePair<Session>): boolean {
    if (!this.#pairs.delete(pair)) return false;
    for (const { session } of pair.ends) this.#sessions.get(session)?.pairs.delete(pair);
    this.pairings.active--;
    return true;
  }

  #expectBy(deadlineMs: number): void {
    if (deadlineMs < this.#deadlineMs) this.#deadlineMs = deadlineMs;
  }
}

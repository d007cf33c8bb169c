/**
 * The handshakes of a server: which are known, how far each has come, and when each ends.
 *
 * A client's handshake may come several times; all of them are one entry. Handshakes that have not led to a
 * connection cost a stream and perhaps a socket, so there is a bound to them, and the oldest that waits gives way.
 *
 * @module
 */
import { RequestLimiter } from "../dht_rpc/mod.ts";
import {
  HALF_OPEN_HANDSHAKES_MAX,
  HANDSHAKE_INITIAL_TIMEOUT_MS,
  HANDSHAKE_WINDOW_MS,
  HANDSHAKES_MAX,
  HANDSHAKES_PER_SECOND_MAX,
} from "./limits.ts";
import type { PeerAddress } from "./messages.ts";

/** Options of {@linkcode ServerMachine}. */
export interface ServerMachineOptions {
  /** How long a finished handshake is kept for what is sent again, ms. */
  readonly clearWaitMs: number;
  /** Handshakes that have not led to a connection yet (default 512). */
  readonly halfOpenMax?: number;
  /** Handshakes in all (default 4096). */
  readonly handshakesMax?: number;
  /** New handshakes within a second (default 500), of which one source gets up to three quarters. */
  readonly perSecondMax?: number;
}

/** Where a handshake stands. */
export type HandshakeState =
  /** The server has not decided on it. */
  | "deciding"
  /** It was answered, and the client is to show itself. */
  | "waiting"
  /** Both sides punch. */
  | "punching"
  /** There is a connection over a relay. */
  | "relayed"
  /** There is a connection, there will be none, or the connection is over. */
  | "finished";

/** What happened. */
export type ServerEvent =
  /** The client did not show itself in time, or had to give way: end the handshake. */
  | { readonly kind: "timeout"; readonly id: number }
  /** The handshake is forgotten. */
  | { readonly kind: "forgotten"; readonly id: number };

/** What {@linkcode ServerMachine.begin} says. */
export type BegunHandshake =
  | { readonly kind: "new"; readonly id: number }
  | { readonly kind: "known"; readonly id: number }
  /** There is no room, or there are too many at a time. */
  | { readonly kind: "full" };

interface Entry {
  readonly key: string;
  state: HandshakeState;
}

/** Pure table of the handshakes of one server. Source: hyperdht `lib/server.js`. */
export class ServerMachine {
  readonly #clearWaitMs: number;
  readonly #halfOpenMax: number;
  readonly #handshakesMax: number;
  readonly #limiter: RequestLimiter;
  readonly #entries = new Map<number, Entry>();
  readonly #ids = new Map<string, number>();
  /** When those that wait are over, and when finished ones are forgotten: in order of their deadlines. */
  readonly #waiting = new Map<number, number>();
  readonly #finished = new Map<number, number>();
  readonly #events: ServerEvent[] = [];
  #halfOpenCount = 0;
  #nextId = 0;

  /** Creates an empty table. */
  constructor(options: ServerMachineOptions) {
    this.#clearWaitMs = options.clearWaitMs;
    this.#halfOpenMax = options.halfOpenMax ?? HALF_OPEN_HANDSHAKES_MAX;
    this.#handshakesMax = options.handshakesMax ?? HANDSHAKES_MAX;
    const perSecond = options.perSecondMax ?? HANDSHAKES_PER_SECOND_MAX;
    this.#limiter = new RequestLimiter(perSecond * HANDSHAKE_WINDOW_MS / 2000, HANDSHAKE_WINDOW_MS);
  }

  /** A handshake came in from `source`; `key` tells it from others. */
  begin(key: string, source: PeerAddress, nowMs: number): BegunHandshake {
    const known = this.#ids.get(key);
    if (known !== undefined) return { kind: "known", id: known };
    if (!this.#limiter.admit(source, nowMs)) return { kind: "full" };
    if (this.#halfOpenCount >= this.#halfOpenMax && !this.#evictWaiting()) return { kind: "full" };
    if (this.#entries.size >= this.#handshakesMax && !this.#evictFinished()) return { kind: "full" };
    const id = this.#nextId++;
    this.#entries.set(id, { key, state: "deciding" });
    this.#ids.set(key, id);
    this.#halfOpenCount++;
    return { kind: "new", id };
  }

  /** The handshake was answered, and the client has 10 s to show itself. */
  wait(id: number, nowMs: number): void {
    if (this.#move(id, "waiting")) this.#waiting.set(id, nowMs + HANDSHAKE_INITIAL_TIMEOUT_MS);
  }

  /** Both sides punch: there is no deadline but that of punching. */
  punch(id: number): void {
    this.#move(id, "punching");
  }

  /** There is a connection over a relay. */
  relay(id: number): void {
    this.#move(id, "relayed");
  }

  /** There is a connection, or there will be none: the handshake is kept for a while. */
  finish(id: number, nowMs: number): void {
    if (this.#move(id, "finished")) this.#finished.set(id, nowMs + this.#clearWaitMs);
  }

  /** Forgets all handshakes; events tell of each. */
  clear(): void {
    for (const id of Array.from(this.#entries.keys())) this.#forget(id);
  }

  /** Time has passed. */
  handleTimeout(nowMs: number): void {
    for (const [id, dueMs] of this.#waiting) {
      if (dueMs > nowMs) break;
      // Whoever gets the event ends the handshake.
      this.#waiting.delete(id);
      this.#events.push({ kind: "timeout", id });
    }
    for (const [id, dueMs] of this.#finished) {
      if (dueMs > nowMs) break;
      this.#forget(id);
    }
  }

  /** The next event, or null. */
  pollEvent(): ServerEvent | null {
    return this.#events.shift() ?? null;
  }

  /** When {@linkcode handleTimeout} is to be called, or null. */
  pollDeadline(): number | null {
    const [waiting = Infinity] = this.#waiting.values();
    const [finished = Infinity] = this.#finished.values();
    const dueMs = Math.min(waiting, finished);
    return dueMs === Infinity ? null : dueMs;
  }

  /** Where a handshake stands, null when it is not known. */
  stateOf(id: number): HandshakeState | null {
    return this.#entries.get(id)?.state ?? null;
  }

  /** Handshakes that have not led to a connection yet. */
  get halfOpenCount(): number {
    return this.#halfOpenCount;
  }

  /** All handshakes. */
  get size(): number {
    return this.#entries.size;
  }

  /** False when the handshake is not known, or where it should be, or finished. */
  #move(id: number, state: HandshakeState): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.state === state || entry.state === "finished") return false;
    if (isHalfOpen(entry.state) && !isHalfOpen(state)) this.#halfOpenCount--;
    else if (!isHalfOpen(entry.state) && isHalfOpen(state)) this.#halfOpenCount++;
    entry.state = state;
    this.#waiting.delete(id);
    return true;
  }

  #evictWaiting(): boolean {
    const [id] = this.#waiting.keys();
    if (id === undefined) return false;
    this.#events.push({ kind: "timeout", id });
    this.#forget(id);
    return true;
  }

  #evictFinished(): boolean {
    const [id] = this.#finished.keys();
    if (id === undefined) return false;
    this.#forget(id);
    return true;
  }

  #forget(id: number): void {
    const entry = this.#entries.get(id)!;
    if (isHalfOpen(entry.state)) this.#halfOpenCount--;
    this.#entries.delete(id);
    this.#ids.delete(entry.key);
    this.#waiting.delete(id);
    this.#finished.delete(id);
    this.#events.push({ kind: "forgotten", id });
  }
}

function isHalfOpen(state: HandshakeState): boolean {
  return state === "deciding" || state === "waiting" || state === "punching";
}

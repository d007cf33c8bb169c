/**
 * How holes are punched: one side of a punch, from judging the NAT to the first datagram that comes through.
 *
 * Sockets are numbers (slots) here; whoever drives the machine opens and releases them as the actions say.
 *
 * @module
 */
import type { Random } from "../../base/mod.ts";
import { isPort } from "../addresses.ts";
import { FIREWALL } from "../constants.ts";
import type { HolepunchVeto, PunchStats, RandomPunchLimiterPort } from "../holepunch_port.ts";
import type { PeerAddress } from "../messages.ts";
import {
  BIRTHDAY_REST_MS,
  BIRTHDAY_SOCKETS,
  BIRTHDAY_SOCKETS_PER_TURN,
  CONSISTENT_PROBE_INTERVAL_MS,
  CONSISTENT_PROBES,
  EAGER_SOCKET_STEP,
  KEEPING_INTERVAL_MS,
  KEEPING_PUNCHES,
  LATE_PUNCHES_MAX,
  LOW_TTL,
  PORT_PROBE_INTERVAL_MS,
  PORT_PROBES,
  PROBED_PORT_MIN,
  PUNCH_TTL,
  QUICK_PORT_PROBE_INTERVAL_MS,
  QUICK_PORT_PROBES,
  REMOTE_ADDRESSES_MAX,
  REOPENS_MAX,
  UNVERIFIED_PROBE_ROUNDS,
} from "./limits.ts";
import { NatClassifier, type NatEnvironment } from "./nat_classifier.ts";

/** What the machine wants done. */
export type PuncherAction =
  /** Open a socket for a slot; one that heeds TTLs if it has to. */
  | { readonly kind: "open"; readonly slot: number; readonly heedsTtl: boolean }
  /** Give the socket of a slot back. */
  | { readonly kind: "release"; readonly slot: number }
  /** Ping a node through a slot's socket, without retries. */
  | { readonly kind: "ping"; readonly slot: number; readonly to: PeerAddress }
  /** Send a punch, a datagram of one byte. */
  | { readonly kind: "punch"; readonly slot: number; readonly to: PeerAddress; readonly ttl: number };

/** What the machine asks of the node; it only reads, but for the limiter and the counters. */
export interface PuncherEnvironment extends NatEnvironment {
  /** For the ports of random NATs, and waiting times. */
  readonly random: Random;
  /** Shared by all punches of the node. */
  readonly limiter: RandomPunchLimiterPort;
  /** Counts punches. */
  readonly stats: PunchStats;
}

/** An address of the peer. */
export interface RemoteAddress extends PeerAddress {
  /** Whether the peer showed that it receives at this host. */
  readonly isVerified: boolean;
}

/** What the peer says of itself. */
export interface RemoteUpdate {
  /** Whether it is punching, or about to. */
  readonly punching: boolean;
  /** One of `FIREWALL`. */
  readonly firewall: number;
  /** Where it is seen. */
  readonly addresses: readonly PeerAddress[] | null;
  /** A host that it has just shown to receive at. */
  readonly verifiedHost: string | null;
}

type State =
  | { readonly kind: "idle" }
  /** Both mapped ports are known: each side sends to the other's. */
  | { readonly kind: "consistent"; round: number; nextMs: number }
  /** Our port is known, theirs is not: ports are tried at random. */
  | { readonly kind: "probing"; readonly to: PeerAddress; count: number; nextMs: number }
  /** Our ports are not known: many sockets are opened towards their port. */
  | { readonly kind: "opening"; readonly to: PeerAddress; left: number; nextMs: number }
  /** … and kept open. */
  | {
    readonly kind: "keeping";
    readonly to: PeerAddress;
    index: number;
    isFirstPass: boolean;
    left: number;
    nextMs: number;
  }
  | { readonly kind: "connected" }
  | { readonly kind: "over" };

type Reopening =
  | { readonly kind: "none" }
  | { readonly kind: "running"; count: number }
  | { readonly kind: "done"; readonly isStable: boolean };

/** One side of a punch. Source: hyperdht `lib/holepuncher.js`. */
export class PuncherMachine {
  readonly #environment: PuncherEnvironment;
  readonly #isInitiator: boolean;
  readonly #actions: PuncherAction[] = [];
  #state: State = { kind: "idle" };
  #reopening: Reopening = { kind: "none" };
  #punchResult: boolean | null = null;
  #isRandomized = false;
  #connection: { readonly slot: number; readonly from: PeerAddress } | null = null;
  /** Slots with a socket; the last one opened before punching is the main one. */
  #slots: number[] = [];
  #slot = -1;
  #nextSlot = 0;
  #nat!: NatClassifier;
  #remoteFirewall: number;
  #remoteAddresses: readonly RemoteAddress[] = [];
  #isRemotePunching = false;

  /** Opens a socket and judges its NAT. */
  constructor(environment: PuncherEnvironment, isInitiator: boolean, remoteFirewall: number) {
    this.#environment = environment;
    this.#isInitiator = isInitiator;
    this.#remoteFirewall = remoteFirewall;
    this.#openMain();
  }

  /** Takes over what the peer says of itself. */
  updateRemote({ punching, firewall, addresses, verifiedHost }: RemoteUpdate): void {
    const known = this.#remoteAddresses;
    // The port of a random NAT is 0: only the host is known.
    this.#remoteAddresses = (addresses ?? []).slice(0, REMOTE_ADDRESSES_MAX).map(({ host, port }) => ({
      host,
      port,
      isVerified: host === verifiedHost ||
        known.some((address) => address.isVerified && address.host === host),
    }));
    this.#remoteFirewall = firewall;
    this.#isRemotePunching = punching;
  }

  /** Sends a datagram that opens our NAT for `to` and goes no further. */
  openSession(to: PeerAddress): void {
    this.#punchTo(this.#slot, to, LOW_TTL);
  }

  /** Sends a punch to `to`. */
  sendPunch(to: PeerAddress): void {
    this.#punchTo(this.#slot, to, PUNCH_TTL);
  }

  /** Stops judging our NAT: the peer is told of it. */
  freezeNat(): void {
    this.#nat.freeze();
  }

  /**
   * Whether our NAT is good to punch with; null while that is not known. An unstable one is tried again with other
   * sockets if `mayReopen`: mobile networks give some sockets better mappings than others.
   */
  analysis(mayReopen: boolean): boolean | null {
    if (!this.#nat.isAnalyzed) return null;
    if (!mayReopen) return !this.#isUnstable;
    if (this.#reopening.kind === "none") {
      if (!this.#isUnstable) return true;
      this.#reopening = { kind: "running", count: 0 };
      this.#advanceReopening();
    }
    return this.#reopening.kind === "done" ? this.#reopening.isStable : null;
  }

  /**
   * Punches, once: {@linkcode punchResult} says whether it is possible. With a random NAT not all sockets are open
   * afterwards: a peer that waited for them would give up on a busy machine.
   */
  punch(nowMs: number): void {
    if (this.#punchResult !== null) return;
    if (!this.#isOver) this.#state = this.#startPunching(nowMs);
    this.#punchResult = this.#state.kind !== "idle" && this.#state.kind !== "over";
    this.handleTimeout(nowMs);
  }

  /** Ends the punch. */
  destroy(): void {
    if (this.#state.kind === "over") return;
    for (const slot of this.#slots) this.#actions.push({ kind: "release", slot });
    this.#slots = [];
    this.#state = { kind: "over" };
    this.#endRandomized();
  }

  /** A node sees the socket of `slot` at `seen`, as a ping through it shows. */
  handlePong(slot: number, seen: PeerAddress, by: PeerAddress): void {
    if (slot !== this.#slot) return;
    this.#nat.handlePong(seen, by);
    this.#drainNat();
  }

  /** A ping through `slot` was not answered. */
  handlePingFailure(slot: number): void {
    if (slot !== this.#slot) return;
    this.#nat.handlePingFailure();
    this.#drainNat();
  }

  /** A node sees the main socket at `seen`, as a message through it shows. */
  handleSample(seen: PeerAddress, by: PeerAddress): void {
    this.#nat.handleSample(seen, by);
    this.#drainNat();
  }

  /** A socket could not be opened: fewer will do, none will not. */
  handleOpenFailure(slot: number): void {
    this.#slots = this.#slots.filter((other) => other !== slot);
    if (slot === this.#slot) this.destroy();
  }

  /** A punch arrived on the socket of `slot`. */
  handlePunch(slot: number, from: PeerAddress): void {
    if (this.#isOver || !this.#slots.includes(slot)) return;
    // The client decides which way is taken; the server only shows that this one is open.
    if (!this.#isInitiator) return this.#punchTo(slot, from, PUNCH_TTL);
    for (const other of this.#slots) {
      if (other !== slot) this.#actions.push({ kind: "release", slot: other });
    }
    this.#slots = [slot];
    this.#slot = slot;
    this.#connection = { slot, from };
    this.#state = { kind: "connected" };
    this.#endRandomized();
  }

  /** Time has come to `nowMs`. */
  handleTimeout(nowMs: number): void {
    while (this.deadlineMs <= nowMs) this.#step(nowMs);
  }

  /** The next thing to do. */
  pollAction(): PuncherAction | null {
    return this.#actions.shift() ?? null;
  }

  /** When {@linkcode handleTimeout} is due; Infinity for never. */
  get deadlineMs(): number {
    return "nextMs" in this.#state ? this.#state.nextMs : Infinity;
  }

  /** Whether the punch that was asked for is possible; null before {@linkcode punch}. */
  get punchResult(): boolean | null {
    return this.#punchResult;
  }

  /** Where a hole was found; null before. */
  get connection(): { readonly slot: number; readonly from: PeerAddress } | null {
    return this.#connection;
  }

  /** Whether the punch has ended, all its sockets given back. */
  get isDestroyed(): boolean {
    return this.#state.kind === "over";
  }

  /** Whether datagrams are being sent to open a hole. */
  get isPunching(): boolean {
    return "nextMs" in this.#state;
  }

  /** The main socket. */
  get slot(): number {
    return this.#slot;
  }

  /** What is known of our NAT: one of `FIREWALL`. */
  get firewall(): number {
    return this.#nat.firewall;
  }

  /** Where we are seen; null when not known. */
  get addresses(): readonly PeerAddress[] | null {
    return this.#nat.addresses;
  }

  /** What the peer said of its NAT: one of `FIREWALL`. */
  get remoteFirewall(): number {
    return this.#remoteFirewall;
  }

  /** Where the peer is seen. */
  get remoteAddresses(): readonly RemoteAddress[] {
    return this.#remoteAddresses;
  }

  /** Whether the peer said that it is punching. */
  get isRemotePunching(): boolean {
    return this.#isRemotePunching;
  }

  /** Whether one of the sides has a random NAT, so that a punch takes many datagrams. */
  get isRandom(): boolean {
    return this.#remoteFirewall >= FIREWALL.RANDOM || this.firewall >= FIREWALL.RANDOM;
  }

  /** Whether both sides have, so that no punch can work. */
  get isDoubleRandom(): boolean {
    return this.#remoteFirewall >= FIREWALL.RANDOM && this.firewall >= FIREWALL.RANDOM;
  }

  get #isOver(): boolean {
    return this.#state.kind === "connected" || this.#state.kind === "over";
  }

  get #isUnstable(): boolean {
    return this.isDoubleRandom || this.firewall === FIREWALL.UNKNOWN;
  }

  #open(heedsTtl: boolean): number {
    const slot = this.#nextSlot++;
    this.#slots.push(slot);
    this.#actions.push({ kind: "open", slot, heedsTtl });
    return slot;
  }

  #openMain(): void {
    // Only the client opens its NAT by the main socket; of those of a random NAT that is one of the eager ones.
    this.#slot = this.#open(this.#isInitiator);
    this.#nat = new NatClassifier(this.#environment);
    this.#drainNat();
  }

  #drainNat(): void {
    const slot = this.#slot;
    for (let to = this.#nat.pollPing(); to !== null; to = this.#nat.pollPing()) {
      this.#actions.push({ kind: "ping", slot, to });
    }
    this.#advanceReopening();
  }

  #advanceReopening(): void {
    const reopening = this.#reopening;
    if (reopening.kind !== "running" || !this.#nat.isAnalyzed) return;
    const mayReopen = !this.#isOver && !this.isPunching && reopening.count < REOPENS_MAX;
    if (!this.#isUnstable || !mayReopen) {
      this.#reopening = { kind: "done", isStable: isReachable(this.firewall) };
      return;
    }
    reopening.count++;
    const left = this.#slot;
    this.#slots = this.#slots.filter((slot) => slot !== left);
    this.#openMain();
    this.#actions.push({ kind: "release", slot: left });
  }

  #startPunching(nowMs: number): State {
    const isLocalReachable = isReachable(this.firewall);
    const isRemoteReachable = isReachable(this.#remoteFirewall);
    if (this.#remoteAddresses.length === 0) return this.#state;
    const { stats } = this.#environment;
    if (isLocalReachable && isRemoteReachable) {
      stats.consistent++;
      // A server has just sent its punch, see ServerPunchMachine.
      return {
        kind: "consistent",
        round: 1,
        nextMs: nowMs + (this.#isInitiator ? 0 : CONSISTENT_PROBE_INTERVAL_MS),
      };
    }
    const to = this.#remoteAddresses.find(({ isVerified }) => isVerified);
    if (!to) return this.#state;
    if (isLocalReachable && this.#remoteFirewall >= FIREWALL.RANDOM) {
      this.#beginRandomized();
      return { kind: "probing", to, count: 0, nextMs: nowMs };
    }
    if (isRemoteReachable && this.firewall >= FIREWALL.RANDOM) {
      this.#beginRandomized();
      return { kind: "opening", to, left: BIRTHDAY_SOCKETS - this.#slots.length, nextMs: nowMs };
    }
    return this.#state;
  }

  #step(nowMs: number): void {
    const state = this.#state;
    switch (state.kind) {
      case "consistent":
        return this.#probeConsistent(state, nowMs);
      case "probing":
        return this.#probePort(state, nowMs);
      case "opening":
        return this.#openSome(state, nowMs);
      case "keeping":
        return this.#keepOne(state, nowMs);
    }
  }

  #probeConsistent(state: State & { kind: "consistent" }, nowMs: number): void {
    if (state.round > CONSISTENT_PROBES) return this.destroy();
    const isUnverifiedRound = state.round % UNVERIFIED_PROBE_ROUNDS === 0;
    for (const { host, port, isVerified } of this.#remoteAddresses) {
      if (isVerified || isUnverifiedRound) this.#punchTo(this.#slot, { host, port }, PUNCH_TTL);
    }
    state.round++;
    state.nextMs = nowMs + CONSISTENT_PROBE_INTERVAL_MS;
  }

  #probePort(state: State & { kind: "probing" }, nowMs: number): void {
    if (state.count === PORT_PROBES) return this.destroy();
    const isQuick = state.count++ < QUICK_PORT_PROBES;
    const span = 65_536 - PROBED_PORT_MIN;
    const port = PROBED_PORT_MIN + Math.floor(this.#environment.random.next() * span);
    this.#punchTo(this.#slot, { host: state.to.host, port }, PUNCH_TTL);
    state.nextMs = nextMs(
      state.nextMs,
      nowMs,
      isQuick ? QUICK_PORT_PROBE_INTERVAL_MS : PORT_PROBE_INTERVAL_MS,
    );
  }

  #openSome(state: State & { kind: "opening" }, nowMs: number): void {
    for (let i = 0; i < BIRTHDAY_SOCKETS_PER_TURN && state.left > 0; i++, state.left--) {
      this.#punchTo(this.#open(true), state.to, LOW_TTL);
    }
    if (state.left > 0) {
      state.nextMs = nowMs + 1;
      return;
    }
    const nextMs = nowMs + BIRTHDAY_REST_MS;
    this.#state = {
      kind: "keeping",
      to: state.to,
      index: 0,
      isFirstPass: true,
      left: KEEPING_PUNCHES,
      nextMs,
    };
  }

  #keepOne(state: State & { kind: "keeping" }, nowMs: number): void {
    if (state.left-- === 0) return this.destroy();
    if (state.index >= this.#slots.length) {
      state.index = 0;
      state.isFirstPass = false;
    }
    // A peer whose NAT filters by host at most, if at all, is reached by any of them: a few show it at once.
    const isLow = state.isFirstPass && state.index % EAGER_SOCKET_STEP !== 0;
    const slot = this.#slots[state.index++]!;
    this.#punchTo(slot, state.to, isLow ? LOW_TTL : PUNCH_TTL);
    state.nextMs = nextMs(state.nextMs, nowMs, KEEPING_INTERVAL_MS);
  }

  #punchTo(slot: number, { host, port }: PeerAddress, ttl: number): void {
    if (!this.#isOver && isPort(port)) this.#actions.push({ kind: "punch", slot, to: { host, port }, ttl });
  }

  #beginRandomized(): void {
    this.#environment.stats.random++;
    this.#isRandomized = true;
    this.#environment.limiter.begin();
  }

  #endRandomized(): void {
    if (!this.#isRandomized) return;
    this.#isRandomized = false;
    this.#environment.limiter.end();
  }
}

/** Whether peers can send to a port that is known beforehand. */
export function isReachable(firewall: number): boolean {
  return firewall === FIREWALL.OPEN || firewall === FIREWALL.CONSISTENT;
}

/** Asks the user whether to punch; null for yes, else with what the user's function threw, if it did. */
export function askVeto(
  veto: HolepunchVeto | null,
  puncher: PuncherMachine,
): { readonly cause?: unknown } | null {
  const { remoteFirewall, firewall, remoteAddresses, addresses } = puncher;
  const plain = remoteAddresses.map(({ host, port }) => ({ host, port }));
  try {
    return veto === null || veto(remoteFirewall, firewall, plain, addresses ?? []) ? null : {};
  } catch (cause) {
    return { cause };
  }
}

/** Keeps the rate when a timer was late, within reason. */
function nextMs(dueMs: number, nowMs: number, intervalMs: number): number {
  return Math.max(dueMs, nowMs - LATE_PUNCHES_MAX * intervalMs) + intervalMs;
}

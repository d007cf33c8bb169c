/**
 * The server's side of a punch: answers the client's rounds once its own NAT is judged, and punches when the client
 * does.
 *
 * @module
 */
import { equalBytes } from "../../base/mod.ts";
import { isSameAddress } from "../addresses.ts";
import { ERROR, FIREWALL } from "../constants.ts";
import type { HolepunchVeto, PunchEvent } from "../holepunch_port.ts";
import type { HolepunchPayload, PeerAddress } from "../messages.ts";
import { WAITING_ROUNDS_MAX } from "./limits.ts";
import {
  askVeto,
  isReachable,
  type PuncherAction,
  type PuncherEnvironment,
  PuncherMachine,
} from "./puncher_machine.ts";
import type { DecodedHolepunchPayload } from "./secure_payload.ts";

/** What the server's machine wants done. */
export type ServerPunchAction =
  | PuncherAction
  /** Answer a round through the socket of `slot`, or of the node when null; silence when `payload` is null. */
  | {
    readonly kind: "reply";
    readonly round: number;
    readonly slot: number | null;
    readonly payload: HolepunchPayload | null;
  }
  /** The client punches: no more need for a deadline. */
  | { readonly kind: "punching" }
  /** No hole will be. */
  | { readonly kind: "abort" }
  /** For traces. */
  | { readonly kind: "trace"; readonly event: PunchEvent };

/** What a server's machine is made with. */
export interface ServerPunchMachineOptions {
  /** The node. */
  readonly environment: PuncherEnvironment;
  /** What the client said of its NAT in the handshake. */
  readonly remoteFirewall: number;
  /** The token of an address. */
  readonly tokenOf: (address: PeerAddress) => Uint8Array;
  /** Whether a blind relay holds the connection meanwhile. */
  readonly isRelayed: () => boolean;
  /** Whether an address is one of the server's relays. */
  readonly isServerRelay: (address: PeerAddress) => boolean;
  /** Asked when the client punches. */
  readonly veto: HolepunchVeto | null;
}

/** A round of the client. */
export interface ServerRound {
  /** What the client said. */
  readonly payload: DecodedHolepunchPayload;
  /** The client as its relay sees it. */
  readonly peerAddress: PeerAddress;
  /** Who relayed. */
  readonly from: PeerAddress;
  /** We as the relay sees us. */
  readonly to: PeerAddress;
  /** The slot of the socket it came in on; null for another socket. */
  readonly slot: number | null;
}

interface WaitingRound extends Omit<ServerRound, "slot" | "to" | "from"> {
  readonly round: number;
  /** What the client is to send back, when the round came through a relay of ours. */
  readonly token: Uint8Array | null;
  /** Whether other sockets are tried, as our NAT looked unstable. */
  isReopening: boolean;
}

/** A server's punch. Source: hyperdht `lib/server.js`. */
export class ServerPunchMachine {
  readonly #options: ServerPunchMachineOptions;
  readonly #puncher: PuncherMachine;
  readonly #actions: ServerPunchAction[] = [];
  #waiting: WaitingRound[] = [];
  #roundCount = 0;
  /** The client's number of its latest round. */
  #round = 0;
  #wasToldToWait = false;
  #isOver = false;

  /** Opens a socket and begins to judge its NAT. */
  constructor(options: ServerPunchMachineOptions) {
    this.#options = options;
    this.#puncher = new PuncherMachine(options.environment, false, options.remoteFirewall);
    this.#drainPuncher();
  }

  /** Ends the punch without a word. */
  destroy(): void {
    if (this.#isOver) return;
    this.#isOver = true;
    for (const { round } of this.#waiting) this.#silence(round);
    this.#waiting = [];
    this.#puncher.destroy();
    this.#drainPuncher();
  }

  /** The client asks something; the answer comes as an action with the number that is returned. */
  handleRound(incoming: ServerRound, nowMs: number): number {
    const round = this.#roundCount++;
    const { payload, peerAddress, from, to, slot } = incoming;
    if (this.#isOver || this.#waiting.length === WAITING_ROUNDS_MAX) {
      this.#silence(round);
      return round;
    }
    if (payload.error !== ERROR.NONE) {
      this.#round = Math.max(this.#round, payload.round);
      this.#abort(round);
      return round;
    }
    const isServerRelay = this.#options.isServerRelay(from);
    const token = this.#options.tokenOf(peerAddress);
    const { remoteToken } = payload;
    const isEchoed = isServerRelay && remoteToken !== null && equalBytes(token, remoteToken);
    if (slot === this.#puncher.slot) this.#puncher.handleSample(to, from);
    if (payload.round >= this.#round) {
      this.#round = payload.round;
      const { punching, firewall, addresses } = payload;
      const verifiedHost = isEchoed ? peerAddress.host : null;
      this.#puncher.updateRemote({ punching, firewall, addresses, verifiedHost });
    }
    const expected = isServerRelay ? token : null;
    this.#waiting.push({ round, payload, peerAddress, token: expected, isReopening: false });
    this.#advance(nowMs);
    return round;
  }

  /** See {@linkcode PuncherMachine.handlePong}. */
  handlePong(slot: number, seen: PeerAddress, by: PeerAddress, nowMs: number): void {
    this.#puncher.handlePong(slot, seen, by);
    this.#advance(nowMs);
  }

  /** See {@linkcode PuncherMachine.handlePingFailure}. */
  handlePingFailure(slot: number, nowMs: number): void {
    this.#puncher.handlePingFailure(slot);
    this.#advance(nowMs);
  }

  /** See {@linkcode PuncherMachine.handleOpenFailure}. */
  handleOpenFailure(slot: number, nowMs: number): void {
    this.#puncher.handleOpenFailure(slot);
    this.#advance(nowMs);
  }

  /** A punch arrived; it is answered. */
  handlePunch(slot: number, from: PeerAddress, nowMs: number): void {
    this.#puncher.handlePunch(slot, from);
    this.#advance(nowMs);
  }

  /** Time has come to `nowMs`. */
  handleTimeout(nowMs: number): void {
    this.#puncher.handleTimeout(nowMs);
    this.#advance(nowMs);
  }

  /** The next thing to do. */
  pollAction(): ServerPunchAction | null {
    return this.#actions.shift() ?? null;
  }

  /** When {@linkcode handleTimeout} is due; Infinity for never. */
  get deadlineMs(): number {
    return this.#puncher.deadlineMs;
  }

  /** The puncher, to be looked at. */
  get puncher(): Omit<PuncherMachine, `handle${string}` | `poll${string}` | "punch" | "destroy"> {
    return this.#puncher;
  }

  /** Whether the punch is over. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Answers what can be answered by now. */
  #advance(nowMs: number): void {
    this.#drainPuncher();
    if (this.#isOver) return;
    if (this.#puncher.isDestroyed) return this.#end();
    for (const round of this.#waiting.slice()) {
      if (!this.#isOver) this.#tryToAnswer(round, nowMs);
    }
    this.#drainPuncher();
  }

  #tryToAnswer(waiting: WaitingRound, nowMs: number): void {
    const isStable = this.#puncher.analysis(waiting.isReopening);
    if (isStable === null) return;
    if (!isStable && !this.#puncher.isRemotePunching) {
      if (waiting.isReopening) return this.#finishAbort(waiting);
      waiting.isReopening = true;
      this.#trace("reopen");
      return this.#tryToAnswer(waiting, nowMs);
    }
    this.#punchBackAtOnce(waiting);
    if (!this.#puncher.isRemotePunching) return this.#finish(waiting, ERROR.NONE);
    if (!this.#startPunching(waiting, nowMs)) return;
    if (this.#puncher.punchResult) this.#finish(waiting, ERROR.NONE);
    else this.#finishAbort(waiting);
  }

  /** Fast mode: the client has opened its NAT for an address that is ours, so a punch will get through. */
  #punchBackAtOnce({ payload, peerAddress }: WaitingRound): void {
    const { remoteAddress } = payload;
    const { firewall, addresses } = this.#puncher;
    if (!remoteAddress || !isReachable(firewall)) return;
    if (addresses?.some((address) => isSameAddress(address, remoteAddress))) {
      this.#puncher.sendPunch(peerAddress);
    }
  }

  /** Whether punching is under way afterwards; else the round has been answered. */
  #startPunching(waiting: WaitingRound, nowMs: number): boolean {
    const { environment, isRelayed, veto } = this.#options;
    if (askVeto(veto, this.#puncher)) {
      this.#finishAbort(waiting);
      return false;
    }
    this.#actions.push({ kind: "punching" });
    const isUnderWay = this.#puncher.isPunching;
    if (this.#puncher.isRandom && !isUnderWay && !environment.limiter.isAllowed) {
      this.#tellToWait(waiting, isRelayed());
      return false;
    }
    this.#puncher.punch(nowMs);
    const { firewall, remoteFirewall } = this.#puncher;
    if (!isUnderWay) this.#trace("punch", { firewall, remoteFirewall });
    return true;
  }

  #tellToWait(waiting: WaitingRound, isRelayed: boolean): void {
    const { stats } = this.#options.environment;
    stats.tryLater++;
    this.#trace("try-later");
    if (!isRelayed) return this.#finishAbort(waiting, ERROR.TRY_LATER);
    if (!this.#wasToldToWait) {
      this.#wasToldToWait = true;
      stats.tryLaterRelayedHandshakesAtLeastOnce++;
    }
    this.#finish(waiting, ERROR.TRY_LATER);
  }

  #finish(waiting: WaitingRound, error: number): void {
    this.#forget(waiting);
    const { firewall, addresses, isPunching, slot } = this.#puncher;
    // What the client is told has to stay true.
    if (error === ERROR.NONE && firewall !== FIREWALL.UNKNOWN) this.#puncher.freezeNat();
    this.#drainPuncher();
    this.#actions.push({
      kind: "reply",
      round: waiting.round,
      slot,
      payload: {
        error,
        firewall,
        round: this.#round,
        connected: false,
        punching: isPunching,
        addresses,
        remoteAddress: null,
        token: waiting.token,
        remoteToken: waiting.payload.token,
      },
    });
  }

  #finishAbort(waiting: WaitingRound, error: number = ERROR.ABORTED): void {
    this.#forget(waiting);
    this.#abort(waiting.round, error);
  }

  #abort(round: number, error: number = ERROR.ABORTED): void {
    this.#actions.push({
      kind: "reply",
      round,
      slot: null,
      payload: {
        error,
        firewall: FIREWALL.UNKNOWN,
        round: this.#round,
        connected: false,
        punching: false,
        addresses: null,
        remoteAddress: null,
        token: null,
        remoteToken: null,
      },
    });
    this.#end();
  }

  #silence(round: number): void {
    this.#actions.push({ kind: "reply", round, slot: null, payload: null });
  }

  #end(): void {
    this.destroy();
    this.#actions.push({ kind: "abort" });
  }

  #forget(waiting: WaitingRound): void {
    this.#waiting = this.#waiting.filter((other) => other !== waiting);
  }

  #drainPuncher(): void {
    for (let action = this.#puncher.pollAction(); action !== null; action = this.#puncher.pollAction()) {
      this.#actions.push(action);
    }
  }

  #trace(event: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#actions.push({ kind: "trace", event: { event, ...fields } });
  }
}

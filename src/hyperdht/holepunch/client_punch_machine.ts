/**
 * The client's side of a punch: asks the server through its relays what its NAT is, tells it of ours, and punches
 * once both know enough.
 *
 * @module
 */
import { equalBytes } from "../../base/mod.ts";
import { isSameAddress } from "../addresses.ts";
import { ERROR, FIREWALL } from "../constants.ts";
import { DHTError, type DHTErrorCode } from "../errors.ts";
import type { HolepunchVeto, PunchEvent } from "../holepunch_port.ts";
import type { HolepunchPayload, PeerAddress, RelayInfo } from "../messages.ts";
import { RANDOM_PUNCH_ANSWER_MS, SETTLE_MS, TRY_LATER_JITTER_MS, TRY_LATER_MS } from "./limits.ts";
import { askVeto, type PuncherAction, type PuncherEnvironment, PuncherMachine } from "./puncher_machine.ts";
import type { DecodedHolepunchPayload } from "./secure_payload.ts";

/** What the client's machine wants done. */
export type ClientPunchAction =
  | PuncherAction
  /** Encrypt a payload and send it through `relay` to the server at `peerAddress`. */
  | {
    readonly kind: "send";
    /** Names the answer. */
    readonly request: number;
    readonly slot: number;
    readonly payload: HolepunchPayload;
    readonly peerAddress: PeerAddress;
    readonly relay: PeerAddress;
    /** How long an answer is waited for each time, ms; undefined for the usual. */
    readonly timeoutMs?: number;
  }
  /** A hole is open. */
  | { readonly kind: "connect"; readonly slot: number; readonly from: PeerAddress }
  /** No hole will be. */
  | { readonly kind: "abort"; readonly error: Error }
  /** For traces. */
  | { readonly kind: "trace"; readonly event: PunchEvent };

/** What a client's machine is made with. */
export interface ClientPunchMachineOptions {
  /** The node. */
  readonly environment: PuncherEnvironment;
  /** What the server said of its NAT in the handshake. */
  readonly remoteFirewall: number;
  /** Relays of the server, at least one. */
  readonly relays: readonly RelayInfo[];
  /** The relay that the handshake went through. */
  readonly relayAddress: PeerAddress;
  /** The server as that relay sees it. */
  readonly serverAddress: PeerAddress;
  /** Whether to open our NAT for the server while it is asked. */
  readonly isFastOpen: boolean;
  /** The token of an address. */
  readonly tokenOf: (address: PeerAddress) => Uint8Array;
  /** Whether a blind relay holds the connection meanwhile. */
  readonly isRelayed: () => boolean;
  /** Asked once both NATs are known. */
  readonly veto: HolepunchVeto | null;
}

/** What an answer of the server tells. */
export interface ClientReply {
  /** The relay. */
  readonly from: PeerAddress;
  /** We as the relay sees us. */
  readonly to: PeerAddress;
  /** The server as the relay sees it. */
  readonly peerAddress: PeerAddress;
  /** What the server said; null when that could not be decrypted. */
  readonly payload: DecodedHolepunchPayload | null;
}

/** What the server said in a probe. */
interface Probe {
  readonly token: Uint8Array | null;
  readonly peerAddress: PeerAddress;
}

type State =
  | { readonly kind: "new" }
  /** The server is asked for its NAT. */
  | { readonly kind: "probing" }
  /** The server gets time to find out. */
  | { readonly kind: "settling"; readonly probe: Probe; readonly untilMs: number }
  /** Our own NAT is being judged. */
  | { readonly kind: "judging"; readonly probe: Probe; readonly mayReopen: boolean }
  /** The server is told of us, but we may not punch yet. */
  | { readonly kind: "deferring" }
  /** … or it may not. */
  | { readonly kind: "waiting"; readonly untilMs: number }
  /** The server is asked to punch. */
  | { readonly kind: "asking" }
  /** We punch. */
  | { readonly kind: "punching" }
  /** The server is told that there will be no punch. */
  | { readonly kind: "aborting"; readonly error: DHTError }
  | { readonly kind: "over" };

interface Request {
  readonly request: number;
  readonly peerAddress: PeerAddress;
  readonly token: Uint8Array | null;
  readonly isPunching: boolean;
}

/** A client's punch. Source: hyperdht `lib/connect.js`. */
export class ClientPunchMachine {
  readonly #options: ClientPunchMachineOptions;
  readonly #puncher: PuncherMachine;
  readonly #actions: ClientPunchAction[] = [];
  /** The relay that the server listens to and that probes go through. */
  readonly #serverRelay: RelayInfo;
  #state: State = { kind: "new" };
  #request: Request | null = null;
  #requestCount = 0;
  #round = 0;
  #mayProbeAgain = true;
  #serverAddress: PeerAddress;
  #remoteToken: Uint8Array | null = null;
  /** Whether the server has been told of us while waiting, so that its own relay will do from now on. */
  #isDeferred = false;
  #isCommitted = false;

  /** Opens a socket and begins to judge its NAT. */
  constructor(options: ClientPunchMachineOptions) {
    this.#options = options;
    const { environment, remoteFirewall, relays, relayAddress } = options;
    this.#puncher = new PuncherMachine(environment, true, remoteFirewall);
    this.#serverRelay = relays.find((relay) => isSameAddress(relay.relayAddress, relayAddress)) ?? relays[0]!;
    this.#serverAddress = options.serverAddress;
    this.#advance(0);
  }

  /** Begins with the rounds. */
  start(nowMs: number): void {
    if (this.#state.kind !== "new") return;
    this.#probe();
    this.#advance(nowMs);
  }

  /** Ends the punch without a word. */
  destroy(): void {
    this.#end();
  }

  /** The server answered. */
  handleReply(request: number, { from, to, peerAddress, payload }: ClientReply, nowMs: number): void {
    const asked = this.#takeRequest(request);
    if (!asked) return;
    if (this.#state.kind === "aborting") return this.#abort(this.#state.error);
    if (!payload) return this.#abort(this.#error("the answer cannot be decrypted", "HOLEPUNCH_INVALID"));
    if (payload.error === ERROR.TRY_LATER && asked.isPunching && this.#options.isRelayed()) {
      this.#isDeferred = true;
      return this.#wait(nowMs);
    }
    if (payload.error !== ERROR.NONE) {
      const reason = `the server said so with error code ${payload.error}`;
      return this.#abort(this.#error(reason, "REMOTE_ABORTED"));
    }
    const { firewall, punching, addresses, remoteToken } = payload;
    const isEchoed = remoteToken !== null && asked.token !== null && equalBytes(remoteToken, asked.token);
    const verifiedHost = isEchoed ? asked.peerAddress.host : null;
    this.#puncher.updateRemote({ punching, firewall, addresses, verifiedHost });
    switch (this.#state.kind) {
      case "probing": {
        this.#puncher.handleSample(to, from);
        const probe: Probe = { token: payload.token, peerAddress };
        this.#trace("probe", { remoteFirewall: firewall, firewall: this.#puncher.firewall });
        this.#state = firewall === FIREWALL.UNKNOWN
          ? { kind: "settling", probe, untilMs: nowMs + SETTLE_MS }
          : { kind: "judging", probe, mayReopen: false };
        break;
      }
      case "deferring":
        return this.#wait(nowMs);
      case "asking":
        if (!punching) {
          return this.#abort(this.#error("the server does not punch", "REMOTE_NOT_HOLEPUNCHING"));
        }
        this.#state = { kind: "punching" };
        this.#puncher.punch(nowMs);
        this.#trace("punch", { firewall: this.#puncher.firewall, remoteFirewall: firewall });
        break;
    }
    this.#advance(nowMs);
  }

  /** The server did not answer. */
  handleSendFailure(request: number, error: Error): void {
    if (!this.#takeRequest(request)) return;
    if (this.#state.kind === "aborting") return this.#abort(this.#state.error);
    this.#abort(
      new DHTError("HOLEPUNCH_ABORTED", "Holepunch aborted: the server did not answer", { cause: error }),
    );
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

  /** A punch arrived. */
  handlePunch(slot: number, from: PeerAddress, nowMs: number): void {
    this.#puncher.handlePunch(slot, from);
    this.#advance(nowMs);
  }

  /** Time has come to `nowMs`. */
  handleTimeout(nowMs: number): void {
    this.#puncher.handleTimeout(nowMs);
    const state = this.#state;
    if (state.kind === "settling" && state.untilMs <= nowMs) {
      this.#state = { kind: "judging", probe: state.probe, mayReopen: false };
    } else if (state.kind === "waiting" && state.untilMs <= nowMs) {
      this.#askToPunch(nowMs);
    }
    this.#advance(nowMs);
  }

  /** The next thing to do. */
  pollAction(): ClientPunchAction | null {
    return this.#actions.shift() ?? null;
  }

  /** When {@linkcode handleTimeout} is due; Infinity for never. */
  get deadlineMs(): number {
    const untilMs = "untilMs" in this.#state ? this.#state.untilMs : Infinity;
    return Math.min(untilMs, this.#puncher.deadlineMs);
  }

  /** The puncher, to be looked at. */
  get puncher(): Omit<PuncherMachine, `handle${string}` | `poll${string}` | "punch" | "destroy"> {
    return this.#puncher;
  }

  /** Whether the punch is over, with a hole or without. */
  get isOver(): boolean {
    return this.#state.kind === "over";
  }

  /** Goes on as far as what is known allows. */
  #advance(nowMs: number): void {
    this.#drainPuncher();
    const { connection } = this.#puncher;
    if (this.#state.kind === "over") return;
    if (connection) {
      this.#release();
      this.#state = { kind: "over" };
      this.#actions.push({ kind: "connect", slot: connection.slot, from: connection.from });
      return;
    }
    if (this.#puncher.isDestroyed) return this.#abort(this.#error("no datagram came through"));
    if (this.#state.kind === "judging") this.#judge(this.#state, nowMs);
    if (this.#state.kind === "punching" && this.#puncher.punchResult === false) {
      this.#abort(this.#error("the server's NAT gives no way", "REMOTE_NOT_HOLEPUNCHABLE"));
    }
    this.#drainPuncher();
  }

  #drainPuncher(): void {
    for (let action = this.#puncher.pollAction(); action !== null; action = this.#puncher.pollAction()) {
      this.#actions.push(action);
    }
  }

  #probe(): void {
    const { serverAddress, isFastOpen } = this.#options;
    const remoteAddress = isFastOpen ? serverAddress : null;
    if (remoteAddress) this.#puncher.openSession(remoteAddress);
    this.#state = { kind: "probing" };
    this.#send(this.#serverRelay, { remoteAddress });
  }

  #judge({ probe, mayReopen }: State & { kind: "judging" }, nowMs: number): void {
    const isStable = this.#puncher.analysis(mayReopen);
    if (isStable === null) return;
    if (!isStable && !mayReopen) {
      this.#trace("reopen");
      const next = this.#state = { kind: "judging", probe, mayReopen: true } as const;
      return this.#judge(next, nowMs);
    }
    const { firewall, remoteFirewall } = this.#puncher;
    // A socket that replaced another is one that the server knows nothing of.
    const wasReopened = isStable && mayReopen;
    const wantsMore = (remoteFirewall === FIREWALL.UNKNOWN || !probe.token) && this.#mayProbeAgain;
    if (wasReopened || wantsMore) {
      this.#mayProbeAgain = false;
      return this.#probe();
    }
    if (remoteFirewall === FIREWALL.UNKNOWN || firewall === FIREWALL.UNKNOWN) {
      const side = firewall === FIREWALL.UNKNOWN ? "our" : "the server's";
      return this.#refuse(this.#error(`${side} NAT could not be judged in time`, "HOLEPUNCH_PROBE_TIMEOUT"));
    }
    if (this.#puncher.isDoubleRandom) {
      const reason = "both remote and local NATs are randomized";
      return this.#refuse(this.#error(reason, "HOLEPUNCH_DOUBLE_RANDOMIZED_NATS"));
    }
    this.#finishProbing(probe, nowMs);
  }

  #finishProbing({ token, peerAddress }: Probe, nowMs: number): void {
    const { relayAddress, veto } = this.#options;
    const isSameRelay = isSameAddress(this.#serverRelay.relayAddress, relayAddress);
    // The server may have replaced its socket. Another relay than ours is not known to that one.
    if (isSameRelay && !isSameAddress(this.#serverAddress, peerAddress)) {
      this.#serverAddress = peerAddress;
      this.#puncher.openSession(peerAddress);
    }
    const refusal = askVeto(veto, this.#puncher);
    if (refusal) {
      const { cause } = refusal;
      return this.#refuse(new DHTError("HOLEPUNCH_ABORTED", "Client aborted holepunch", { cause }));
    }
    this.#remoteToken = token;
    this.#puncher.freezeNat();
    this.#askToPunch(nowMs);
  }

  #askToPunch(nowMs: number): void {
    const { environment, relayAddress, tokenOf, isRelayed } = this.#options;
    const clientRelay: RelayInfo = { relayAddress, peerAddress: this.#serverAddress };
    const remoteToken = this.#remoteToken;
    if (this.#puncher.isRandom && !environment.limiter.isAllowed) {
      if (!isRelayed()) {
        return this.#abort(this.#error("another punch with a random NAT was a short time ago"));
      }
      if (this.#isDeferred) return this.#wait(nowMs);
      this.#isDeferred = true;
      this.#state = { kind: "deferring" };
      return this.#send(clientRelay, { token: tokenOf(this.#serverAddress), remoteToken });
    }
    if (this.#puncher.isRandom) {
      this.#isCommitted = true;
      environment.limiter.begin();
    }
    this.#state = { kind: "asking" };
    // Both relays have been through by now when it is not the first time.
    if (this.#isDeferred) this.#send(this.#serverRelay, { punching: true, remoteToken });
    else this.#send(clientRelay, { punching: true, token: tokenOf(this.#serverAddress), remoteToken });
  }

  #wait(nowMs: number): void {
    if (!this.#options.isRelayed()) return this.#abort(this.#error("nothing holds the connection meanwhile"));
    const jitterMs = Math.round(this.#options.environment.random.next() * TRY_LATER_JITTER_MS);
    this.#state = { kind: "waiting", untilMs: nowMs + TRY_LATER_MS + jitterMs };
    this.#trace("try-later", { waitMs: TRY_LATER_MS + jitterMs });
  }

  /** Tells the server that there will be no punch, and then the caller. */
  #refuse(error: DHTError): void {
    this.#state = { kind: "aborting", error };
    this.#send(this.#serverRelay, { error: ERROR.ABORTED, firewall: FIREWALL.UNKNOWN, addresses: null });
  }

  #send({ relayAddress, peerAddress }: RelayInfo, parts: Partial<HolepunchPayload>): void {
    this.#drainPuncher();
    const { firewall, addresses, slot } = this.#puncher;
    const payload: HolepunchPayload = {
      error: ERROR.NONE,
      firewall,
      round: this.#round++,
      connected: false,
      punching: false,
      addresses,
      remoteAddress: null,
      token: null,
      remoteToken: null,
      ...parts,
    };
    const request = this.#requestCount++;
    const { token = null, punching = false } = payload;
    this.#request = { request, peerAddress, token, isPunching: punching };
    const timeoutMs = punching && this.#puncher.isRandom ? RANDOM_PUNCH_ANSWER_MS : undefined;
    this.#actions.push({ kind: "send", request, slot, payload, peerAddress, relay: relayAddress, timeoutMs });
  }

  #takeRequest(request: number): Request | null {
    const asked = this.#request;
    if (asked?.request !== request) return null;
    this.#request = null;
    this.#uncommit();
    return asked;
  }

  /** A punch that is under way counts for itself. */
  #uncommit(): void {
    if (!this.#isCommitted) return;
    this.#isCommitted = false;
    this.#options.environment.limiter.cancel();
  }

  #error(reason: string, code?: DHTErrorCode): DHTError {
    const cause = code && new DHTError(code);
    // Compat: whatever the reason, hyperdht's connect ends with this code (lib/connect.js, onabort).
    return new DHTError("HOLEPUNCH_ABORTED", `Holepunch aborted: ${reason}`, { cause });
  }

  #abort(error: Error): void {
    if (this.#state.kind === "over") return;
    this.#end();
    this.#actions.push({ kind: "abort", error });
  }

  #end(): void {
    this.#release();
    this.#state = { kind: "over" };
    this.#puncher.destroy();
    this.#drainPuncher();
  }

  #release(): void {
    this.#request = null;
    this.#uncommit();
  }

  #trace(event: string, fields: Readonly<Record<string, unknown>> = {}): void {
    this.#actions.push({ kind: "trace", event: { event, ...fields } });
  }
}

/**
 * The procedure of a connect: whom to ask for the server, which ways to it to try, and when to give up.
 *
 * Events and times in, actions and a deadline out. Sockets are handed through and never looked at.
 *
 * @module
 */
import { isBogon, isReserved, isSameAddress, matchAddress } from "./addresses.ts";
import { searchFailureText, waysFailureText } from "./connect_failure.ts";
import { CONNECT_ATTEMPTS_MAX, type ConnectReport, type ConnectStage } from "./connect_report.ts";
import { ERROR, FIREWALL } from "./constants.ts";
import { DHTError } from "./errors.ts";
import {
  ADDRESSES_MAX,
  KNOWN_HEAD_START_MS,
  LAN_HEAD_START_MS,
  OPEN_TIMEOUT_MS,
  PARALLEL_HANDSHAKES,
  PASSIVE_CONNECT_TIMEOUT_MS,
} from "./limits.ts";
import type { DecodedNoisePayload, PeerAddress } from "./messages.ts";

/** Nodes that a query found and that wait for their turn; more are not needed. */
const FOUND_NODES_MAX = 64;

/** A socket of ours and an address of the peer. */
export interface Path<Socket> {
  /** Our socket; null for the node's own one. */
  readonly socket: Socket | null;
  /** Where the peer is. */
  readonly address: PeerAddress;
}

/** Options of {@linkcode ConnectMachine}. */
export interface ConnectMachineOptions<Socket> {
  /** Monotonic time, ms. */
  readonly nowMs: number;
  /** Time since 1970, ms. */
  readonly wallMs: number;
  /** Where the server was connected to earlier, if that is to be tried first. */
  readonly route: Path<Socket> | null;
  /** Nodes that are said to route to the server, asked before and beside those that are found. */
  readonly relayAddresses: readonly PeerAddress[];
  /** Whether local addresses may be tried. */
  readonly isLanAllowed: boolean;
  /** Whether we want to meet at a blind relay. */
  readonly isRelayWanted: boolean;
  /** Whether a relay is met at that the server names (default true). */
  readonly isRelayAllowed?: boolean;
}

/** A server's answer to our handshake. */
export interface HandshakeReply {
  /** What the server says. */
  readonly payload: DecodedNoisePayload;
  /** The server as the node sees it that we asked. */
  readonly serverAddress: PeerAddress;
  /** We as that node sees us. */
  readonly clientAddress: PeerAddress;
  /** Whether that node only relayed. */
  readonly isRelayed: boolean;
}

/** How a query for nodes that know the server ended. */
export interface FindResult {
  /** What it failed with; null for its regular end. */
  readonly error: Error | null;
  /** Nodes that answered. */
  readonly answerCount: number;
}

/** A reply that was accepted, with the node it came from. */
export interface AcceptedReply extends HandshakeReply {
  /** The node that we asked. */
  readonly relayAddress: PeerAddress;
}

/** What is to be done. */
export type ConnectAction<Socket> =
  /** Send the handshake to a node, and report on it. */
  | { readonly kind: "handshake"; readonly attempt: number; readonly path: Path<Socket> }
  /** Look for nodes that know the server, those nodes first. */
  | { readonly kind: "find"; readonly nodes: readonly PeerAddress[] | null }
  /** Look no further, and drop the handshakes that are under way. */
  | { readonly kind: "end-find" }
  /** Meet at a blind relay. */
  | { readonly kind: "relay" }
  /** Ping an address in our network. */
  | { readonly kind: "ping"; readonly address: PeerAddress }
  /** Punch holes. */
  | { readonly kind: "punch" }
  /** Use this way: it is the first, or (`isUpgrade`) better than the relay. */
  | {
    readonly kind: "open";
    readonly stage: ConnectStage;
    readonly path: Path<Socket>;
    readonly isUpgrade: boolean;
  }
  /** Give up. */
  | { readonly kind: "fail"; readonly error: DHTError };

type Way = "relay" | "passive" | "lan" | "punch";

const STAGES: Readonly<Record<Way, ConnectStage>> = {
  relay: "relay",
  passive: "passive",
  lan: "lan",
  punch: "holepunch",
};

interface Finding {
  readonly kind: "finding";
  /** Nodes known from the start that are still to be asked, one after the other. */
  known: readonly PeerAddress[];
  /** The first of them that has not been asked. */
  knownIndex: number;
  isKnownActive: boolean;
  /** Nodes that were found and not asked yet. */
  readonly found: PeerAddress[];
  foundCount: number;
  /** Nodes that answered the query that got most answers. */
  answerCount: number;
  activeCount: number;
  isQueryActive: boolean;
  triesLeft: number;
  queryAttempt: number;
}

type State =
  | { readonly kind: "idle" }
  | { readonly kind: "reusing" }
  | Finding
  | {
    readonly kind: "reaching";
    readonly reply: AcceptedReply;
    /** What is under way, with its attempt. */
    readonly ways: Map<Way, number>;
    readonly lanAddress: PeerAddress | null;
    isRelayed: boolean;
  }
  | { readonly kind: "open"; readonly reply: AcceptedReply }
  | { readonly kind: "over" };

interface Attempt {
  readonly stage: ConnectStage;
  readonly address: PeerAddress | null;
  readonly startedMs: number;
  durationMs: number | null;
  outcome: string | null;
}

/** Pure machine of one connect. Source: hyperdht `lib/connect.js`. */
export class ConnectMachine<Socket> {
  readonly #options: ConnectMachineOptions<Socket>;
  readonly #actions: ConnectAction<Socket>[] = [];
  readonly #attempts: Attempt[] = [];
  readonly #paths = new Map<number, Path<Socket>>();
  /** Deadlines, ms; null when not set. */
  readonly #timers: Record<"search" | "passive" | "punch" | "opening", number | null> = {
    search: null,
    passive: null,
    punch: null,
    opening: null,
  };
  #state: State = { kind: "idle" };
  #stage: ConnectStage = "find";
  #attemptCount = 0;
  #localFirewall: number = FIREWALL.UNKNOWN;
  #remoteFirewall: number = FIREWALL.UNKNOWN;
  #localAddresses: readonly PeerAddress[] = [];
  /** Why a datagram could not be sent: the process lacks a permission. */
  #refusal: Error | null = null;
  /** A packet of the server came before its answer. */
  #incoming: Path<Socket> | null = null;

  /** Creates a machine that waits for {@linkcode start}. */
  constructor(options: ConnectMachineOptions<Socket>) {
    this.#options = options;
  }

  /** Begins. */
  start(nowMs: number): void {
    if (this.#state.kind !== "idle") return;
    const { route } = this.#options;
    if (route === null) return this.#startFinding(nowMs);
    this.#state = { kind: "reusing" };
    this.#handshake("reuse", route, nowMs);
  }

  /** The stream was closed: nothing more is to be done. */
  close(): void {
    this.#end();
  }

  /** What we sent about ourselves in the handshake: our firewall, and our addresses in local networks. */
  setLocal(firewall: number, localAddresses: readonly PeerAddress[]): void {
    this.#localFirewall = firewall;
    this.#localAddresses = localAddresses;
  }

  /** What a punch knows of both NATs. */
  setFirewalls(local: number, remote: number): void {
    this.#localFirewall = local;
    this.#remoteFirewall = remote;
  }

  /** The query found a node that knows the server. */
  handleFound(address: PeerAddress, nowMs: number): void {
    const state = this.#state;
    if (state.kind !== "finding" || !state.isQueryActive || state.foundCount >= FOUND_NODES_MAX) return;
    const isKnown = state.triesLeft > 0 && state.known.some((known) => isSameAddress(known, address));
    if (isKnown) return;
    state.foundCount++;
    state.found.push({ host: address.host, port: address.port });
    this.#advanceFinding(nowMs);
  }

  /** We may not send to a node that was to be asked, or to the server. */
  handleRefusal(error: Error): void {
    this.#refusal ??= error;
  }

  /** The query ended. */
  handleFindEnd({ error, answerCount }: FindResult, nowMs: number): void {
    const state = this.#state;
    if (state.kind !== "finding" || !state.isQueryActive) return;
    state.isQueryActive = false;
    state.answerCount = Math.max(state.answerCount, answerCount);
    if (error !== null) {
      this.#finish(state.queryAttempt, outcomeOf(error), nowMs);
      const message = `Looking for the peer failed: ${error.message}`;
      return this.#fail(new DHTError("PEER_CONNECTION_FAILED", message, { cause: error }), nowMs);
    }
    // A query that is not the last one may have found the nodes that were known anyway.
    const isFound = state.foundCount > 0 || (state.triesLeft > 0 && answerCount > 0);
    const outcome = isFound ? "ok" : answerCount > 0 ? "PEER_NOT_FOUND" : "no answer";
    this.#finish(state.queryAttempt, outcome, nowMs);
    this.#advanceFinding(nowMs);
  }

  /** A handshake failed. */
  handleAttemptFailed(attempt: number, error: Error, nowMs: number): void {
    if ((error as { code?: string }).code === "ERR_PERMISSION") this.handleRefusal(error);
    this.#finish(attempt, outcomeOf(error), nowMs);
    const path = this.#paths.get(attempt);
    if (path === undefined) return;
    this.#paths.delete(attempt);
    const state = this.#state;
    if (state.kind === "reusing") this.#startFinding(nowMs);
    else if (state.kind === "finding") this.#releaseSlot(state, path, nowMs);
  }

  /** A server answered a handshake. */
  handleReply(attempt: number, reply: HandshakeReply, nowMs: number): void {
    const path = this.#paths.get(attempt);
    if (path === undefined) return;
    this.#paths.delete(attempt);
    const state = this.#state;
    if (state.kind !== "reusing" && state.kind !== "finding") return;
    const { payload } = reply;
    this.#remoteFirewall = payload.firewall;
    const refusal = refusalOf(payload);
    this.#finish(attempt, refusal?.code ?? "ok", nowMs);
    if (refusal !== null) return this.#fail(refusal, nowMs);

    this.#timers.search = null;
    if (state.kind === "finding" && state.isQueryActive) this.#finish(state.queryAttempt, "ok", nowMs);
    this.#paths.clear();
    this.#actions.push({ kind: "end-find" });
    this.#reach({ ...reply, relayAddress: path.address }, path.socket, nowMs);
  }

  /** A packet of the server's stream came in: there is a way. */
  handleIncoming(path: Path<Socket>, nowMs: number): void {
    if (this.#state.kind === "reaching") this.#open("passive", path, nowMs);
    else this.#incoming ??= path;
  }

  /** Both sides have met at the relay, and the stream runs over it. */
  handleRelayed(nowMs: number): void {
    const state = this.#state;
    if (state.kind !== "reaching") return;
    this.#endWay(state, "relay", "ok", nowMs);
    state.isRelayed = true;
    this.#timers.opening = nowMs + OPEN_TIMEOUT_MS;
  }

  /** Meeting at the relay failed, or the relay was lost. */
  handleRelayFailed(error: Error, nowMs: number): void {
    this.#handleWayFailed("relay", error, nowMs);
  }

  /** The address in our network answered, or did not. */
  handlePong(error: Error | null, nowMs: number): void {
    if (error !== null) {
      this.#startPunch();
      return this.#handleWayFailed("lan", error, nowMs);
    }
    const state = this.#state;
    if (state.kind !== "reaching" || state.lanAddress === null) return;
    this.#open("lan", { socket: null, address: state.lanAddress }, nowMs);
  }

  /** Punching opened a hole. */
  handlePunched(path: Path<Socket>, nowMs: number): void {
    if (this.#state.kind === "reaching") this.#open("holepunch", path, nowMs);
  }

  /** Punching failed. */
  handlePunchFailed(error: Error, nowMs: number): void {
    this.#handleWayFailed("punch", error, nowMs);
  }

  /** The server has begun the encrypted stream. */
  handleAnswered(): void {
    this.#timers.opening = null;
  }

  /** Time has passed. */
  handleTimeout(nowMs: number): void {
    const { search, passive, punch, opening } = this.#timers;
    if (search !== null && search <= nowMs) this.#search(nowMs);
    if (punch !== null && punch <= nowMs) this.#startPunch();
    if (opening !== null && opening <= nowMs) {
      this.#timers.opening = null;
      this.#fail(new DHTError("PEER_CONNECTION_FAILED", "Peer accepted and did not answer"), nowMs);
    }
    if (passive !== null && passive <= nowMs) {
      this.#timers.passive = null;
      this.#handleWayFailed("passive", new DHTError("HOLEPUNCH_ABORTED"), nowMs);
    }
  }

  /** The next thing to do, or null. */
  pollAction(): ConnectAction<Socket> | null {
    return this.#actions.shift() ?? null;
  }

  /** When {@linkcode handleTimeout} is to be called, or null. */
  pollDeadline(): number | null {
    let dueMs: number | null = null;
    for (const timer of Object.values(this.#timers)) {
      if (timer !== null && (dueMs === null || timer < dueMs)) dueMs = timer;
    }
    return dueMs;
  }

  /** Whether a way is still looked for: nothing was opened yet, or only the relay. */
  get isReaching(): boolean {
    return this.#state.kind === "reaching";
  }

  /** Whether nothing more is to be done. */
  get isOver(): boolean {
    return this.#state.kind === "over" || this.#state.kind === "open";
  }

  /** How it went so far. */
  report(nowMs: number): ConnectReport {
    return {
      stage: this.#stage,
      attempts: this.#attempts.map((attempt) => ({ ...attempt })),
      localFirewall: this.#localFirewall,
      remoteFirewall: this.#remoteFirewall,
      startedAt: this.#options.wallMs,
      durationMs: Math.round(nowMs - this.#options.nowMs),
    };
  }

  #startFinding(nowMs: number): void {
    const known = this.#options.relayAddresses;
    this.#state = {
      kind: "finding",
      known,
      knownIndex: 0,
      isKnownActive: false,
      found: [],
      foundCount: 0,
      answerCount: 0,
      activeCount: 0,
      isQueryActive: false,
      triesLeft: known.length > 0 ? 2 : 1,
      queryAttempt: 0,
    };
    if (known.length === 0) return this.#find(this.#state, nowMs);
    this.#state.activeCount++;
    this.#askKnown(this.#state, nowMs);
    // A query asks some twenty nodes, for nothing when the known one answers at once.
    this.#timers.search = nowMs + KNOWN_HEAD_START_MS;
  }

  /** Starts the query that waits for known nodes, if it still does. */
  #search(nowMs: number): void {
    if (this.#timers.search === null) return;
    this.#timers.search = null;
    if (this.#state.kind === "finding") this.#find(this.#state, nowMs);
  }

  #find(state: Finding, nowMs: number): void {
    state.isQueryActive = true;
    state.triesLeft--;
    state.queryAttempt = this.#begin("find", null, nowMs);
    // The last try starts from the routing table: what was known did not help.
    this.#actions.push({ kind: "find", nodes: state.triesLeft > 0 ? state.known : null });
  }

  /** Starts what there is room for, the second query, or gives up. */
  #advanceFinding(nowMs: number): void {
    const state = this.#state;
    if (state.kind !== "finding") return;
    const countMax = PARALLEL_HANDSHAKES + (this.#options.relayAddresses.length > 0 ? 1 : 0);
    while (state.activeCount < countMax && state.found.length > 0) {
      state.activeCount++;
      this.#handshake("handshake", { socket: null, address: state.found.shift()! }, nowMs);
    }
    if (state.isQueryActive || state.found.length > 0) return;
    const isIdle = state.activeCount === 0;
    if (state.triesLeft > 0 && (isIdle || state.foundCount === 0)) return this.#find(state, nowMs);
    if (!isIdle) return;
    const error = new DHTError(state.foundCount > 0 ? "PEER_CONNECTION_FAILED" : "PEER_NOT_FOUND");
    this.#fail(error, nowMs, searchFailureText(state, this.#attempts));
  }

  #askKnown(state: Finding, nowMs: number): void {
    state.isKnownActive = true;
    const address = state.known[state.knownIndex++]!;
    this.#handshake("handshake", { socket: null, address }, nowMs);
  }

  #releaseSlot(state: Finding, path: Path<Socket>, nowMs: number): void {
    this.#search(nowMs);
    const isKnown = state.isKnownActive && state.known[state.knownIndex - 1] === path.address;
    if (isKnown && state.knownIndex < state.known.length) return this.#askKnown(state, nowMs);
    if (isKnown) state.isKnownActive = false;
    state.activeCount--;
    this.#advanceFinding(nowMs);
  }

  #handshake(stage: ConnectStage, path: Path<Socket>, nowMs: number): void {
    const attempt = this.#begin(stage, path.address, nowMs);
    this.#paths.set(attempt, path);
    this.#actions.push({ kind: "handshake", attempt, path });
  }

  /** The server has answered: tries every way to it that there is. */
  #reach(reply: AcceptedReply, socket: Socket | null, nowMs: number): void {
    const { payload, relayAddress, serverAddress } = reply;
    const isBehindRelay = !isSameAddress(serverAddress, relayAddress);
    const lanAddress = isBehindRelay ? this.#lanAddress(reply) : null;
    const ways = new Map<Way, number>();
    this.#state = { kind: "reaching", reply, ways, lanAddress, isRelayed: false };
    if (this.#incoming !== null) return this.#open("passive", this.#incoming, nowMs);
    if (!reply.isRelayed) return this.#open("direct", { socket, address: relayAddress }, nowMs);

    const isPunchable = payload.holepunch !== null && payload.holepunch.relays.length > 0;
    if (payload.firewall === FIREWALL.OPEN || (isBehindRelay && !isPunchable)) {
      const address = payload.addresses4.find(({ host }) => !isBogon(host)) ?? serverAddress;
      return this.#open("direct", { socket: null, address }, nowMs);
    }

    const { isRelayWanted, isRelayAllowed = true } = this.#options;
    if (isRelayWanted || (isRelayAllowed && payload.relayThrough !== null)) {
      this.#beginWay(ways, "relay", null, nowMs);
      this.#actions.push({ kind: "relay" });
    }
    if (this.#localFirewall === FIREWALL.OPEN) {
      this.#beginWay(ways, "passive", null, nowMs);
      this.#timers.passive = nowMs + PASSIVE_CONNECT_TIMEOUT_MS;
      return;
    }
    if (lanAddress !== null) {
      this.#beginWay(ways, "lan", lanAddress, nowMs);
      this.#actions.push({ kind: "ping", address: lanAddress });
    }
    if (isPunchable) {
      this.#beginWay(ways, "punch", null, nowMs);
      // A server that cannot judge its NAT ends the whole handshake when it is asked to punch, though it could be reached
      // in its own network. So the network goes first where there is one.
      this.#timers.punch = lanAddress === null ? nowMs : nowMs + LAN_HEAD_START_MS;
      if (lanAddress === null) this.#startPunch();
    }
    if (ways.size === 0) this.#fail(new DHTError("CANNOT_HOLEPUNCH"), nowMs);
  }

  #startPunch(): void {
    if (this.#timers.punch === null) return;
    this.#timers.punch = null;
    this.#actions.push({ kind: "punch" });
  }

  /** The server's address in our network, when both of us are behind the same public address. */
  #lanAddress({ payload, clientAddress, serverAddress }: AcceptedReply): PeerAddress | null {
    if (!this.#options.isLanAllowed || clientAddress.host !== serverAddress.host) return null;
    const theirs = payload.addresses4.slice(0, ADDRESSES_MAX).filter(({ host }) => !isReserved(host));
    return matchAddress(this.#localAddresses, theirs) ?? theirs[0] ?? null;
  }

  #open(stage: ConnectStage, path: Path<Socket>, nowMs: number): void {
    const state = this.#state;
    if (state.kind !== "reaching") return;
    const way = (Object.keys(STAGES) as Way[]).find((name) => STAGES[name] === stage);
    const attempt = way === undefined ? undefined : state.ways.get(way);
    this.#finish(attempt ?? this.#begin(stage, path.address, nowMs), "ok", nowMs);
    for (const other of state.ways.values()) this.#finish(other, "not needed", nowMs);
    this.#stage = stage;
    this.#state = { kind: "open", reply: state.reply };
    this.#timers.passive = null;
    this.#timers.punch = null;
    if (!state.isRelayed) this.#timers.opening = nowMs + OPEN_TIMEOUT_MS;
    this.#actions.push({ kind: "open", stage, path, isUpgrade: state.isRelayed });
  }

  #beginWay(ways: Map<Way, number>, way: Way, address: PeerAddress | null, nowMs: number): void {
    ways.set(way, this.#begin(STAGES[way], address, nowMs));
  }

  #endWay(state: State & { kind: "reaching" }, way: Way, outcome: string, nowMs: number): void {
    const attempt = state.ways.get(way);
    if (attempt !== undefined) this.#finish(attempt, outcome, nowMs);
    state.ways.delete(way);
  }

  #handleWayFailed(way: Way, error: Error, nowMs: number): void {
    const state = this.#state;
    if (state.kind !== "reaching" || !state.ways.has(way)) return;
    this.#stage = STAGES[way];
    this.#endWay(state, way, outcomeOf(error), nowMs);
    if (state.ways.size > 0 || state.isRelayed) return;
    this.#fail(
      errorOf(error),
      nowMs,
      waysFailureText(this.#attempts, this.#localFirewall, this.#remoteFirewall),
    );
  }

  #begin(stage: ConnectStage, address: PeerAddress | null, nowMs: number): number {
    const attempt = this.#attemptCount++;
    this.#stage = stage;
    if (attempt < CONNECT_ATTEMPTS_MAX) {
      const startedMs = Math.round(nowMs - this.#options.nowMs);
      this.#attempts.push({ stage, address, startedMs, durationMs: null, outcome: null });
    }
    return attempt;
  }

  #finish(index: number, outcome: string, nowMs: number): void {
    const attempt = this.#attempts[index];
    if (attempt === undefined || attempt.outcome !== null) return;
    attempt.outcome = outcome;
    attempt.durationMs = Math.round(nowMs - this.#options.nowMs) - attempt.startedMs;
  }

  #fail(error: DHTError, nowMs: number, reason = ""): void {
    if (this.#state.kind === "over") return;
    this.#end();
    const { code, cause = this.#refusal ?? undefined } = error;
    const hint = this.#refusal === null ? "" : "; the process may not send to all addresses (--allow-net)";
    const message = error.message.slice(code.length + 2) + reason + hint;
    this.#actions.push({
      kind: "fail",
      error: new DHTError(code, message, { cause, report: this.report(nowMs) }),
    });
  }

  #end(): void {
    this.#state = { kind: "over" };
    for (const name of ["search", "passive", "punch", "opening"] as const) this.#timers[name] = null;
    this.#actions.length = 0;
  }
}

function refusalOf({ version, error, udx }: DecodedNoisePayload): DHTError | null {
  if (version !== 1) {
    return new DHTError("SERVER_INCOMPATIBLE", `Server speaks version ${version}, we speak 1`);
  }
  if (error !== ERROR.NONE) return new DHTError("SERVER_ERROR", `Server returned an error: ${error}`);
  return udx === null ? new DHTError("SERVER_ERROR", "Server did not send UDX data") : null;
}

/** The most telling code: an aborted punch has its reason as the cause. */
function outcomeOf(error: Error | null): string {
  if (error === null) return "ok";
  const { code = error.message, cause } = error as { code?: string; cause?: { code?: string } };
  return cause?.code ?? code;
}

function errorOf(error: Error): DHTError {
  if (error instanceof DHTError) return error;
  return new DHTError("PEER_CONNECTION_FAILED", undefined, { cause: error });
}

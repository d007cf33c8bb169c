/**
 * Does what {@linkcode AnnouncerMachine} says: queries, requests and pauses.
 *
 * @module
 */
import { type CancelTimer, copyBytes } from "../base/mod.ts";
import { encode } from "../compact_encoding/mod.ts";
import type { Query, Reply, Session } from "../dht_rpc/mod.ts";
import type { KeyPair } from "../secret_stream/mod.ts";
import { type Announced, AnnouncerMachine, type AnnouncerStep } from "./announcer_machine.ts";
import { COMMANDS } from "./constants.ts";
import { WITHDRAW_SILENCE_MS } from "./limits.ts";
import { announce, type AnnounceMessage, peer, type PeerAddress, type RelayInfo } from "./messages.ts";
import type { NodeHost } from "./node_host.ts";
import { type SignAnnounce, signAnnounce, signUnannounce } from "./signatures.ts";

/** Options of {@linkcode Announcer}, and of `server.listen()`. */
export interface AnnouncerOptions {
  /** Signs announcements, for keys that are elsewhere. */
  readonly signAnnounce?: SignAnnounce;
  /** Signs withdrawals, for keys that are elsewhere. */
  readonly signUnannounce?: SignAnnounce;
}

/** Keeps one server announced. Source: hyperdht `lib/announcer.js`. */
export class Announcer {
  /** The server's record: its key without relays, since whoever keeps it is the relay. */
  readonly record: Uint8Array;

  readonly #host: NodeHost;
  readonly #keyPair: KeyPair;
  readonly #target: Uint8Array;
  readonly #signAnnounce: SignAnnounce;
  readonly #signUnannounce: SignAnnounce;
  readonly #machine = new AnnouncerMachine<Reply>();
  /** Announcements and pings under way, which end when the announcer does. */
  readonly #session: Session;
  readonly #firstUpdate = Promise.withResolvers<void>();
  #loop: Promise<void> | null = null;
  #query: Query<unknown> | null = null;
  #withdrawal: Promise<void> | null = null;
  /** Resolves once nothing is under way: suspended or stopped. */
  #rest = Promise.withResolvers<void>();
  #wakePause: (() => void) | null = null;

  /** Creates an announcer that waits for {@linkcode start}. */
  constructor(host: NodeHost, keyPair: KeyPair, target: Uint8Array, options: AnnouncerOptions = {}) {
    this.#host = host;
    this.#session = host.dht.session();
    this.#keyPair = keyPair;
    this.#target = target;
    this.#signAnnounce = options.signAnnounce ?? signAnnounce;
    this.#signUnannounce = options.signUnannounce ?? signUnannounce;
    this.record = copyBytes(encode(peer, { publicKey: keyPair.publicKey, relayAddresses: [] }));
  }

  /** Nodes that relay for the server, and how they see it. */
  get relays(): readonly RelayInfo[] {
    return this.#machine.relays;
  }

  /** Addresses of nodes that lead to the server, at most 3. */
  get relayAddresses(): readonly PeerAddress[] {
    return this.#machine.relayAddresses;
  }

  /** Whether a node was announced to lately. */
  isRelay(address: PeerAddress): boolean {
    return this.#machine.isRelay(address);
  }

  /** Announces, and goes on doing so; resolves after the first time. */
  start(): Promise<void> {
    this.#loop ??= this.#run();
    return this.#firstUpdate.promise;
  }

  /** Ends, and withdraws. */
  async stop(): Promise<void> {
    this.#machine.stop();
    this.#interrupt();
    await this.#loop;
    await this.#withdrawAll();
  }

  /** Withdraws, and does nothing until resumed. */
  async suspend(log: (message: string) => void): Promise<void> {
    if (this.#machine.isSuspended) return;
    this.#machine.suspend();
    log("Suspending announcer");
    this.#interrupt();
    if (this.#loop !== null) await this.#rest.promise;
    if (!this.#machine.isSuspended) return;
    log("Suspending announcer (withdrawing)");
    await this.#withdrawAll();
    log("Suspending announcer (done)");
  }

  /** Announces again. */
  resume(): void {
    if (!this.#machine.isSuspended) return;
    this.#machine.resume();
    this.#wake();
  }

  /** Announces anew, soon. */
  refresh(): void {
    this.#machine.refresh();
    this.#wake();
  }

  /** The node is online again. */
  notifyOnline(): void {
    this.#wake();
  }

  get #isEnding(): boolean {
    return this.#machine.isStopped || this.#machine.isSuspended;
  }

  async #run(): Promise<void> {
    while (true) {
      const step = this.#machine.nextStep(this.#host.dht.online);
      if (step.kind === "stopped") break;
      if (step.kind !== "find" && step.kind !== "announce" && step.kind !== "unannounce") {
        this.#firstUpdate.resolve();
      }
      await this.#perform(step);
    }
    this.#firstUpdate.resolve();
    this.#rest.resolve();
  }

  async #perform(step: AnnouncerStep<Reply>): Promise<void> {
    const machine = this.#machine;
    switch (step.kind) {
      case "find":
        await this.#withdrawal;
        await this.#find(step.nodes);
        break;
      case "announce": {
        this.#trace("announce", step.replies.length);
        const announced: Announced[] = [];
        await Promise.all(step.replies.map((reply) => this.#announce(reply, announced)));
        machine.handleAnnounced(announced, this.#ownAddress());
        this.#trace("announced", announced.length);
        break;
      }
      case "unannounce":
        await this.#withdraw(step.nodes);
        machine.handleUnannounced();
        break;
      case "ping": {
        const pings = step.nodes.map((node) => this.#session.ping(node));
        const results = await Promise.allSettled(pings);
        const seen = results.filter((result) => result.status === "fulfilled")
          .map(({ value: { from, to } }): Announced => ({ relayAddress: from, peerAddress: to }));
        machine.handlePonged(seen.length, seen);
        break;
      }
      case "pause":
        await this.#pause(step.delayMs);
        break;
      case "offline":
        this.#trace("offline", 0);
        await this.#pause(null);
        break;
      case "suspended":
        this.#rest.resolve();
        await this.#pause(null);
        this.#rest = Promise.withResolvers();
        break;
    }
  }

  async #find(nodes: readonly PeerAddress[] | null): Promise<void> {
    let replies: readonly Reply[] = [];
    let closestNodes: readonly PeerAddress[] = [];
    try {
      const query = this.#host.dht.findPeer(this.#target, { hash: false, nodes });
      this.#query = query;
      await query.finished();
      replies = query.closestReplies;
      closestNodes = query.closestNodes;
    } catch {
      // Too few nodes answered, or the node is being destroyed: the machine tries again, or is told to stop.
    }
    this.#query = null;
    this.#machine.handleFound(replies, closestNodes);
  }

  async #announce({ from, to, token }: Reply, announced: Announced[]): Promise<void> {
    if (token === null || from.id === null) return;
    try {
      const message = this.#message();
      const signature = await this.#signAnnounce(this.#target, token, from.id, message, this.#keyPair);
      if (this.#isEnding) return;
      const { error } = await this.#session.request({
        token,
        target: this.#target,
        command: COMMANDS.ANNOUNCE,
        value: encode(announce, { ...message, signature }),
      }, from);
      if (error === 0) announced.push({ relayAddress: from, peerAddress: to });
    } catch {
      // The node does not relay for us then; but one that was not waited for may have taken the announcement.
      if (this.#isEnding) announced.push({ relayAddress: from, peerAddress: to });
    }
  }

  #withdrawAll(): Promise<void> {
    const withdrawal = Promise.resolve(this.#withdrawal)
      .then(() => this.#withdraw(this.#machine.takeAnnounced()));
    this.#withdrawal = withdrawal;
    return withdrawal;
  }

  async #withdraw(nodes: readonly PeerAddress[]): Promise<void> {
    if (nodes.length === 0) return;
    const { clock, dht } = this.#host;
    const session = dht.session();
    // Nodes of which none answers are not missing one by one: it is the network that is gone.
    const cancel = clock.schedule(WITHDRAW_SILENCE_MS, () => session.destroy());
    await Promise.allSettled(nodes.map((node) => this.#unannounce(node, session, cancel)));
    cancel();
  }

  async #unannounce(node: PeerAddress, session: Session, onanswer: () => void): Promise<void> {
    const found = await session.request({ command: COMMANDS.FIND_PEER, target: this.#target }, node);
    onanswer();
    const { from, token, value } = found;
    if (token === null || from.id === null || value === null) return;
    const message = this.#message();
    const signature = await this.#signUnannounce(this.#target, token, from.id, message, this.#keyPair);
    await session.request({
      token,
      target: this.#target,
      command: COMMANDS.UNANNOUNCE,
      value: encode(announce, { ...message, signature }),
    }, node);
  }

  #message(): AnnounceMessage {
    return { peer: { publicKey: this.#keyPair.publicKey, relayAddresses: [] } };
  }

  #ownAddress(): PeerAddress | null {
    const { dht } = this.#host;
    return dht.firewalled ? null : dht.remoteAddress();
  }

  /** Waits so long, or without end, unless woken. */
  async #pause(delayMs: number | null): Promise<void> {
    const { promise, resolve } = Promise.withResolvers<void>();
    let cancel: CancelTimer | null = null;
    if (delayMs !== null) cancel = this.#host.clock.schedule(delayMs, resolve);
    this.#wakePause = resolve;
    await promise;
    this.#wakePause = null;
    cancel?.();
  }

  #wake(): void {
    this.#wakePause?.();
  }

  /** Ends what is under way: what comes of it would not be used. */
  #interrupt(): void {
    this.#query?.destroy();
    this.#session.destroy();
    this.#wake();
  }

  #trace(step: string, count: number): void {
    this.#host.trace?.({ kind: "announce", publicKey: this.#keyPair.publicKey, step, count });
  }
}

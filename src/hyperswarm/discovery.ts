/**
 * Looking for the peers of one topic, and announcing ourselves for it, again and again.
 *
 * Source of behaviour and times: `hyperswarm` 4.17.1 (lib/peer-discovery.js).
 *
 * @module
 */
import { type CancelTimer, type Clock, equalBytes, hexText, type Random } from "../base/mod.ts";
import type { DestroyOptions, LogOptions } from "../hyperdht/mod.ts";
import type { AnnouncedPeer, SwarmDHT, SwarmKeyPair, SwarmNode, SwarmQuery, SwarmServer } from "./dht.ts";
import { DiscoverySession } from "./discovery_session.ts";
import { HyperswarmError } from "./errors.ts";
import {
  DISCOVERED_MAX,
  EARLY_LOOKS_MS,
  REFRESH_GRACE_MS,
  REFRESH_INTERVAL_MS,
  REFRESH_JITTER_MS,
} from "./limits.ts";
import type { JoinOptions } from "./options.ts";

/** What a discovery asks of its swarm. */
export interface DiscoverySwarm {
  readonly dht: SwarmDHT;
  readonly server: SwarmServer;
  readonly keyPair: SwarmKeyPair;
  readonly clock: Clock;
  readonly random: Random;
  /** The server's start, null before anyone listened. */
  readonly listening: Promise<unknown> | null;
  /** Starts the server. */
  listen(): Promise<unknown>;
  /** Ends the discovery of a topic. */
  leave(topic: Uint8Array): Promise<void>;
  /** Whether there is an open connection to a peer. */
  isConnectedTo(publicKey: Uint8Array): boolean;
  /** A peer of the topic was found. */
  handlePeer(peer: AnnouncedPeer, topic: Uint8Array): void;
}

/** Which of both a topic is joined as. */
export interface DiscoveryMode {
  readonly isClient: boolean;
  readonly isServer: boolean;
}

/** One topic of a swarm; its sessions say whether we look for peers, announce ourselves, or both. */
export class PeerDiscovery {
  /** The topic, 32 bytes. */
  readonly topic: Uint8Array;
  /** Peers at most that lookups hand on. */
  limit: number;
  /** Whether we look for peers. */
  isClient = false;
  /** Whether we announce ourselves. */
  isServer = false;
  /** Whether it has ended. */
  destroyed = false;
  /** Whether it pauses. */
  suspended: boolean;

  readonly #swarm: DiscoverySwarm;
  readonly #sessions = new Set<DiscoverySession>();
  readonly #discovered = new Map<string, Uint8Array>();
  /** What has to end before the first query: the discovery of the same topic that was left. */
  #predecessor: Promise<unknown> | null;
  #query: SwarmQuery | null = null;
  #abandonListening = (): void => {};
  #refresh: Promise<void> | null = null;
  /** Counts refreshes, so that an older one finds that it is. */
  #refreshCount = 0;
  #cancelTimer: CancelTimer | null = null;
  #cancelEarlyTimer: CancelTimer | null = null;
  #earlyQuery: SwarmQuery | null = null;
  /** Early looks so far, since the last session began. */
  #earlyCount = 0;
  #closestNodes: readonly SwarmNode[] | null = null;
  #isFirstAnnounce = true;
  #isAnnounced = false;
  #destroying: Promise<void> | null = null;

  /** Makes a discovery that does nothing before it has a session. */
  constructor(
    swarm: DiscoverySwarm,
    topic: Uint8Array,
    options: {
      readonly limit?: number;
      readonly predecessor: Promise<unknown> | null;
      readonly suspended: boolean;
    },
  ) {
    this.#swarm = swarm;
    this.topic = topic;
    this.limit = options.limit ?? Infinity;
    this.suspended = options.suspended;
    this.#predecessor = options.predecessor;
  }

  /** Another session. */
  session(options: JoinOptions): DiscoverySession {
    this.#checkAlive();
    const session = new DiscoverySession(this);
    this.#sessions.add(session);
    const { server = true, client = true, limit = Infinity, onerror = passOver } = options;
    this.#earlyCount = 0;
    session.refresh({ server, client, limit }).catch(onerror);
    return session;
  }

  /** Looks or announces now, as the sessions together want; false where the network failed. */
  async refresh(): Promise<boolean> {
    this.#checkAlive();
    if (this.suspended) return false;
    const mode = this.#wantedMode();
    const isChanged = mode.isServer !== this.isServer || mode.isClient !== this.isClient;
    if (isChanged) {
      this.#query?.destroy();
      this.isServer = mode.isServer;
      this.isClient = mode.isClient;
    }
    if (isChanged || this.#refresh === null) this.#startRefresh();
    try {
      await this.#refresh;
      return true;
    } catch {
      return false; // the network failed; the next refresh comes by itself
    }
  }

  #wantedMode(): DiscoveryMode {
    const sessions = Array.from(this.#sessions);
    return {
      isClient: sessions.some((session) => session.isClient),
      isServer: sessions.some((session) => session.isServer),
    };
  }

  #startRefresh(): void {
    const refresh = this.#runRefresh();
    this.#refresh = refresh;
    const clear = (): void => {
      if (this.#refresh === refresh) this.#refresh = null;
    };
    refresh.then(clear, clear);
  }

  async #runRefresh(): Promise<void> {
    const count = ++this.#refreshCount;
    const isOvertaken = (): boolean => count !== this.#refreshCount || !this.#isActive;
    if (this.#predecessor !== null) {
      await this.#predecessor;
      this.#predecessor = null;
      if (isOvertaken()) return;
    }
    const isAnnouncing = this.isServer;
    if (isAnnouncing) {
      await this.#listen();
      if (isOvertaken()) return;
    }
    const query = this.#startQuery(isAnnouncing);
    this.#query = query;
    this.#stopLookingEarly();
    let foundCount = 0;
    try {
      foundCount = await this.#handOn(query);
    } catch (error) {
      if (this.#isActive) throw error;
    } finally {
      if (this.#query === query) {
        this.#query = null;
        if (this.#isActive) this.#scheduleRefresh(false);
        if (this.#isActive && foundCount === 0) this.#scheduleEarlyLook();
      }
    }
    this.#closestNodes = query.closestNodes;
    if (!isAnnouncing && count === this.#refreshCount) this.#isAnnounced = false;
  }

  /** Waits until the swarm listens, which takes seconds where nobody answers: whoever ends the discovery does not wait. */
  async #listen(): Promise<void> {
    const abandoned = Promise.withResolvers<void>();
    this.#abandonListening = abandoned.resolve;
    await Promise.race([this.#swarm.listen(), abandoned.promise]);
  }

  #startQuery(isAnnouncing: boolean): SwarmQuery {
    const { dht, keyPair, server } = this.#swarm;
    const clear = isAnnouncing && this.#isFirstAnnounce;
    const options = { clear, closestNodes: this.#closestNodes };
    if (isAnnouncing) {
      this.#isFirstAnnounce = false;
      this.#isAnnounced = true;
      return dht.announce(this.topic, keyPair, server.relayAddresses, options);
    }
    return this.#isAnnounced
      ? dht.lookupAndUnannounce(this.topic, keyPair, options)
      : dht.lookup(this.topic, options);
  }

  /** Hands the peers that a query finds on to the swarm, as many as the limit leaves; tells how many it found. */
  async #handOn(query: SwarmQuery): Promise<number> {
    let foundCount = 0;
    let left = this.limit - this.#connectedCount();
    this.#discovered.clear();
    for await (const { peers } of query) {
      if (!this.isClient || !this.#isActive) continue;
      for (const peer of peers) {
        if (!equalBytes(peer.publicKey, this.#swarm.keyPair.publicKey)) foundCount++;
        if (this.limit < Infinity) {
          if (this.#discovered.size < DISCOVERED_MAX) {
            this.#discovered.set(hexText(peer.publicKey), peer.publicKey);
          }
          if (left <= 0) continue;
          if (!this.#swarm.isConnectedTo(peer.publicKey)) left--;
        }
        this.#swarm.handlePeer(peer, this.topic);
      }
    }
    return foundCount;
  }

  #connectedCount(): number {
    if (this.limit === Infinity) return 0;
    return Array.from(this.#discovered.values()).filter((key) => this.#swarm.isConnectedTo(key)).length;
  }

  #scheduleRefresh(isEager: boolean): void {
    const { clock, random } = this.#swarm;
    this.#cancelTimer?.();
    const jitterMs = Math.round(random.next() * REFRESH_JITTER_MS);
    const delayMs = isEager ? jitterMs : REFRESH_INTERVAL_MS + jitterMs;
    const dueMs = clock.wallMs() + delayMs;
    this.#cancelTimer = clock.schedule(delayMs, () => {
      // A machine that has slept wakes up with many others; they spread over the next minutes.
      if (clock.wallMs() > dueMs + REFRESH_GRACE_MS) this.#scheduleRefresh(true);
      else this.refresh().catch(passOver);
    });
  }

  /** Two that join at the same moment find nobody, nor does a client that came first: it looks again a few times. */
  #scheduleEarlyLook(): void {
    const waitMs = EARLY_LOOKS_MS[this.#earlyCount];
    if (!this.isClient || waitMs === undefined) return;
    const { clock, random } = this.#swarm;
    this.#earlyCount++;
    this.#cancelEarlyTimer = clock.schedule(Math.round(waitMs * (1 + random.next())), () => {
      this.#lookEarly().catch(passOver);
    });
  }

  async #lookEarly(): Promise<void> {
    const query = this.#swarm.dht.lookup(this.topic, { closestNodes: this.#closestNodes });
    this.#earlyQuery = query;
    let foundCount = 0;
    try {
      foundCount = await this.#handOn(query);
    } finally {
      if (this.#earlyQuery === query) {
        this.#earlyQuery = null;
        if (foundCount === 0) this.#scheduleEarlyLook();
      }
    }
  }

  #stopLookingEarly(): void {
    this.#cancelEarlyTimer?.();
    this.#cancelEarlyTimer = null;
    this.#earlyQuery?.destroy();
    this.#earlyQuery = null;
  }

  /** Resolves once what is under way has ended: whether it went well. */
  async flushed(): Promise<boolean> {
    await this.#swarm.listening;
    try {
      await this.#refresh;
      return true;
    } catch {
      return false; // the network failed, which is what is asked
    }
  }

  /** For sessions: one has ended. The last one ends the discovery, the last server withdraws the announcement. */
  async removeSession(session: DiscoverySession): Promise<void> {
    this.#sessions.delete(session);
    if (this.destroyed) return;
    if (this.#sessions.size === 0) await this.#swarm.leave(this.topic);
    else if (this.#isAnnounced && !this.#wantedMode().isServer) await this.refresh();
  }

  /** Ends it, and withdraws what it announced, unless by force. */
  destroy({ force = false }: DestroyOptions = {}): Promise<void> {
    this.destroyed = true;
    if (force) this.#isAnnounced = false;
    this.#destroying ??= this.#abort(passOver);
    return this.#destroying;
  }

  /** Pauses, and withdraws what it announced. */
  async suspend({ log = passOver }: LogOptions = {}): Promise<void> {
    if (this.suspended) return;
    this.suspended = true;
    await this.#abort(log).catch(passOver); // without a network nothing can be withdrawn; it expires by itself
  }

  /** Goes on. */
  resume(): void {
    if (!this.suspended) return;
    this.suspended = false;
    this.refresh().catch(passOver);
  }

  async #abort(log: (message: string) => void): Promise<void> {
    const id = hexText(this.topic);
    log(`Aborting discovery ${id}`);
    await this.#predecessor;
    this.#abandonListening();
    this.#query?.destroy();
    this.#query = null;
    this.#cancelTimer?.();
    this.#cancelTimer = null;
    this.#stopLookingEarly();
    const before = this.#closestNodes ?? [];
    await this.#refresh?.catch(passOver); // it fails because it is aborted
    if (this.#isActive || !this.#isAnnounced) return;
    const nodes = mergeNodes(before, this.#closestNodes ?? []);
    log(`Unannouncing discovery ${id}`);
    if (nodes.length > 0) {
      const { dht, keyPair } = this.#swarm;
      await dht.unannounce(this.topic, keyPair, { closestNodes: nodes, onlyClosestNodes: true, force: true });
    }
    this.#isAnnounced = false;
    log(`Unannounced discovery ${id}`);
  }

  get #isActive(): boolean {
    return !this.destroyed && !this.suspended;
  }

  #checkAlive(): void {
    if (!this.destroyed) return;
    throw new HyperswarmError("DISCOVERY_DESTROYED", "Cannot use the discovery of a topic that was left");
  }
}

/** Both lists, each node once: an announcement may lie at nodes of an earlier query too. */
function mergeNodes(before: readonly SwarmNode[], after: readonly SwarmNode[]): SwarmNode[] {
  const isKnown = (node: SwarmNode): boolean =>
    before.some(({ id }) => id != null && node.id != null && equalBytes(id, node.id));
  return [...before, ...after.filter((node) => node.id != null && !isKnown(node))];
}

function passOver(): void {}

/**
 * What `join()` returns: one user's share in the discovery of a topic.
 *
 * @module
 */
import type { PeerDiscovery } from "./discovery.ts";
import { HyperswarmError } from "./errors.ts";

/** What a session wants of its topic. */
export interface RefreshOptions {
  /** Look for peers (default: as before). */
  readonly client?: boolean;
  /** Announce ourselves (default: as before). */
  readonly server?: boolean;
  /** Peers at most that lookups hand on (default: no limit). */
  readonly limit?: number;
}

/** One share in the discovery of a topic. Modes of all sessions of a topic add up; the last one to end leaves it. */
export class DiscoverySession implements AsyncDisposable {
  /** The discovery that it shares. */
  readonly discovery: PeerDiscovery;
  /** Whether this session looks for peers. */
  isClient = false;
  /** Whether this session announces us. */
  isServer = false;
  /** Whether it has ended. */
  destroyed = false;

  /** Made by `swarm.join()`. */
  constructor(discovery: PeerDiscovery) {
    this.discovery = discovery;
  }

  /** The topic, 32 bytes. */
  get topic(): Uint8Array {
    return this.discovery.topic;
  }

  /**
   * Changes what the session wants, and looks and announces now; resolves false where the network failed.
   *
   * @throws {HyperswarmError} `DISCOVERY_DESTROYED`; `BAD_ARGUMENT` where it would be neither client nor server.
   */
  async refresh(options: RefreshOptions = {}): Promise<boolean> {
    const { client = this.isClient, server = this.isServer, limit = Infinity } = options;
    if (this.destroyed) {
      throw new HyperswarmError("DISCOVERY_DESTROYED", "Cannot refresh a session that was destroyed");
    }
    if (!client && !server) {
      throw new HyperswarmError("BAD_ARGUMENT", "A topic is joined as client, as server or as both");
    }
    this.isClient = client;
    this.isServer = server;
    this.discovery.limit = limit;
    return await this.discovery.refresh();
  }

  /** Resolves once the first lookup or announce has ended: whether it went well. */
  async flushed(): Promise<boolean> {
    return await this.discovery.flushed();
  }

  /** Ends the session; connections stay. */
  async destroy(): Promise<void> {
    if (this.destroyed) return;
    this.destroyed = true;
    this.isClient = false;
    this.isServer = false;
    await this.discovery.removeSession(this);
  }

  /** Ends the session. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.destroy();
  }
}

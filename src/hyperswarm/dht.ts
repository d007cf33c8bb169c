/**
 * What a swarm asks of a DHT: part of HyperDHT's public interface, so that anything with it will do.
 *
 * @module
 */
import type { SecretStream } from "../secret_stream/mod.ts";

/** An address of a node. */
export interface SwarmAddress {
  /** Textual IPv4 address. */
  readonly host: string;
  /** Port. */
  readonly port: number;
}

/** An Ed25519 key pair. */
export interface SwarmKeyPair {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** 64 bytes: the seed, then the public key. */
  readonly secretKey: Uint8Array;
}

/** An encrypted connection to a peer. */
export type SwarmConnection = SecretStream;

/** A node that answered a query, as the DHT gives it. */
export interface SwarmNode extends SwarmAddress {
  /** 32 bytes, or null for an ephemeral node. */
  readonly id?: Uint8Array | null;
}

/** A peer that announced itself. */
export interface AnnouncedPeer {
  /** 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Nodes that route to it. */
  readonly relayAddresses: readonly SwarmAddress[];
}

/** What one node knows of a topic. */
export interface TopicReply {
  /** The peers. */
  readonly peers: readonly AnnouncedPeer[];
}

/** A lookup or announce on its way. */
export interface SwarmQuery extends AsyncIterable<TopicReply> {
  /** The nodes closest to the topic, once it has ended. */
  readonly closestNodes: readonly SwarmNode[];
  /** Gives up. */
  destroy(error?: Error | null): void;
}

/** Options of lookups and announces. */
export interface SwarmQueryOptions {
  /** Unannounce first. */
  readonly clear?: boolean;
  /** Where to begin: what an earlier query ended with. */
  readonly closestNodes?: readonly SwarmNode[] | null;
  /** Ask those nodes only. */
  readonly onlyClosestNodes?: boolean;
  /** Ask in spite of congestion. */
  readonly force?: boolean;
}

/** A server of a DHT. */
export interface SwarmServer {
  /** Nodes that route to it. */
  readonly relayAddresses: readonly SwarmAddress[] | null;
  /** Announces `keyPair` and accepts connections. */
  listen(keyPair: SwarmKeyPair): Promise<unknown>;
  /** Ends it. */
  close(): Promise<unknown>;
  /** Stops announcing for a while. */
  suspend(options: { log?: (message: string) => void }): Promise<unknown>;
  /** Announces again. */
  resume(): Promise<unknown>;
}

/** Picks a blind relay: a key or null for none. `force` says that there is no other way. */
export type RelayChoice = (force: boolean, swarm: unknown) => Uint8Array | readonly Uint8Array[] | null;

/** A DHT. */
export interface SwarmDHT {
  /** Whether the network answers. */
  readonly online: boolean;
  /** Whether our NAT gives every destination another port. */
  readonly randomized: boolean;
  /** Makes a server. */
  createServer(
    options: {
      firewall?: (remotePublicKey: Uint8Array, payload: unknown) => boolean;
      relayThrough?: () => Uint8Array | readonly Uint8Array[] | null;
      handshakeClearWait?: number;
    },
    onconnection: (connection: SwarmConnection) => void,
  ): SwarmServer;
  /** Connects to a peer. */
  connect(
    publicKey: Uint8Array,
    options: {
      relayAddresses?: readonly SwarmAddress[];
      keyPair?: SwarmKeyPair;
      relayThrough?: Uint8Array | readonly Uint8Array[] | null;
    },
  ): SwarmConnection;
  /** Announces us for a topic. */
  announce(
    topic: Uint8Array,
    keyPair: SwarmKeyPair,
    relayAddresses: readonly SwarmAddress[] | null | undefined,
    options: SwarmQueryOptions,
  ): SwarmQuery;
  /** Looks for peers of a topic. */
  lookup(topic: Uint8Array, options: SwarmQueryOptions): SwarmQuery;
  /** Looks for peers of a topic and withdraws what we announced. */
  lookupAndUnannounce(topic: Uint8Array, keyPair: SwarmKeyPair, options: SwarmQueryOptions): SwarmQuery;
  /** Withdraws what we announced. */
  unannounce(topic: Uint8Array, keyPair: SwarmKeyPair, options: SwarmQueryOptions): Promise<unknown>;
  /** Closes it; with `force`, without telling anyone. */
  destroy(options?: { force?: boolean }): Promise<unknown>;
  /** Stops for a while. */
  suspend(options: { log?: (message: string) => void }): Promise<unknown>;
  /** Goes on. */
  resume(options?: { log?: (message: string) => void }): Promise<unknown>;
  /** Listens to changes of the network. */
  on(event: "network-change" | "network-update", listener: () => void): unknown;
  /** Stops listening. */
  off(event: "network-change" | "network-update", listener: () => void): unknown;
}

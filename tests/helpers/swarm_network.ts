/**
 * DHTs without a network: announcements in a map, connections in memory. What a swarm asks is recorded.
 *
 * @module
 */
import { EventEmitter } from "node:events";
import { hexText, Readable } from "../../src/base/mod.ts";
import { keyPair } from "../../src/hypercore_crypto/mod.ts";
import type {
  AnnouncedPeer,
  SwarmAddress,
  SwarmConnection,
  SwarmDHT,
  SwarmKeyPair,
  SwarmNode,
  SwarmQuery,
  SwarmServer,
  TopicReply,
} from "../../src/hyperswarm/mod.ts";
import { SecretStream } from "../../src/secret_stream/mod.ts";
import { memoryPair } from "./memory_pair.ts";

const NODE: SwarmNode = { id: new Uint8Array(32).fill(1), host: "127.0.0.1", port: 1 };

/** Key pairs that tests name by a number; a greater number does not mean a greater key. */
export function numberedKeyPair(number: number): SwarmKeyPair {
  return keyPair(new Uint8Array(32).fill(number));
}

/** Where servers and announcements are found. */
export class SwarmNetwork {
  /** Servers by the hexadecimal digits of their keys. */
  readonly servers = new Map<string, MemoryServer>();
  /** Who announced itself, by topic and key. */
  readonly topics = new Map<string, Map<string, AnnouncedPeer>>();
  /** While false, lookups and announces fail. */
  isUp = true;
}

class MemoryServer implements SwarmServer {
  readonly relayAddresses: readonly SwarmAddress[] = [NODE];
  readonly #network: SwarmNetwork;
  readonly #calls: string[];
  keyPair: SwarmKeyPair | null = null;
  readonly firewall: (remotePublicKey: Uint8Array, payload: unknown) => boolean;
  readonly accept: (connection: SwarmConnection) => void;

  constructor(
    network: SwarmNetwork,
    calls: string[],
    firewall: MemoryServer["firewall"],
    accept: MemoryServer["accept"],
  ) {
    this.#network = network;
    this.#calls = calls;
    this.firewall = firewall;
    this.accept = accept;
  }

  listen(keyPair: SwarmKeyPair): Promise<void> {
    this.#calls.push("listen");
    this.keyPair = keyPair;
    return this.resume();
  }

  close(): Promise<void> {
    return this.suspend();
  }

  suspend(): Promise<void> {
    if (this.keyPair !== null) this.#network.servers.delete(hexText(this.keyPair.publicKey));
    return Promise.resolve();
  }

  resume(): Promise<void> {
    if (this.keyPair !== null) this.#network.servers.set(hexText(this.keyPair.publicKey), this);
    return Promise.resolve();
  }
}

class MemoryQuery extends Readable<TopicReply> implements SwarmQuery {
  readonly closestNodes = [NODE];

  constructor(network: SwarmNetwork, peers: () => readonly AnnouncedPeer[]) {
    super({
      read(callback) {
        if (!network.isUp) return callback(new Error("The network is down"));
        this.push({ peers: peers() });
        this.push(null);
        callback(null);
      },
    });
  }
}

/** A DHT on a {@linkcode SwarmNetwork}. */
export class MemoryDHT extends EventEmitter implements SwarmDHT {
  online = true;
  randomized = false;
  /** While true, lookups and announces find nobody, as those of two that announce at the same moment. */
  isBlind = false;
  /** What was asked, in order: `announce 07 clear`. */
  readonly calls: string[] = [];
  /** What connects were given: `relayThrough`, `relayAddresses`. */
  readonly connects: { relayThrough: unknown; relayAddresses: unknown }[] = [];
  /** The times that servers were given for finished handshakes, ms. */
  readonly handshakeClearWaits: (number | undefined)[] = [];
  /** The code that connects fail with, instead of connecting. */
  connectError: string | null = null;
  readonly #network: SwarmNetwork;
  readonly #streams = new Set<SecretStream>();

  constructor(network: SwarmNetwork) {
    super();
    this.#network = network;
  }

  createServer(
    options: {
      firewall?: (remotePublicKey: Uint8Array, payload: unknown) => boolean;
      handshakeClearWait?: number;
    },
    onconnection: (connection: SwarmConnection) => void,
  ): SwarmServer {
    this.handshakeClearWaits.push(options.handshakeClearWait);
    return new MemoryServer(this.#network, this.calls, options.firewall!, onconnection);
  }

  connect(publicKey: Uint8Array, options: {
    keyPair?: SwarmKeyPair;
    relayThrough?: unknown;
    relayAddresses?: unknown;
  }): SwarmConnection {
    const { relayThrough = null, relayAddresses = null } = options;
    this.connects.push({ relayThrough, relayAddresses });
    const [left, right] = memoryPair();
    const client = this.#track(
      new SecretStream(true, left, { keyPair: options.keyPair, remotePublicKey: publicKey }),
    );
    const server = this.#network.servers.get(hexText(publicKey));
    const isRefused = server?.firewall(options.keyPair!.publicKey, {}) ?? true;
    const code = this.connectError ?? (isRefused ? "PEER_NOT_FOUND" : null);
    if (code !== null) {
      client.destroy(Object.assign(new Error(code), { code }));
      return client;
    }
    const accepted = this.#track(new SecretStream(false, right, { keyPair: server!.keyPair! }));
    accepted.on("error", () => {});
    accepted.once("open", () => server!.accept(accepted));
    return client;
  }

  #track(stream: SecretStream): SecretStream {
    this.#streams.add(stream);
    stream.on("close", () => this.#streams.delete(stream));
    return stream;
  }

  announce(
    topic: Uint8Array,
    keyPair: SwarmKeyPair,
    relayAddresses: readonly SwarmAddress[] | null | undefined,
    { clear }: { clear?: boolean },
  ): SwarmQuery {
    this.#record("announce", topic, clear ? " clear" : "");
    return new MemoryQuery(this.#network, () => {
      const peers = this.#peers(topic);
      const found = this.#found(topic);
      peers.set(hexText(keyPair.publicKey), {
        publicKey: keyPair.publicKey,
        relayAddresses: relayAddresses ?? [],
      });
      return found;
    });
  }

  lookup(topic: Uint8Array): SwarmQuery {
    this.#record("lookup", topic);
    return new MemoryQuery(this.#network, () => this.#found(topic));
  }

  lookupAndUnannounce(topic: Uint8Array, keyPair: SwarmKeyPair): SwarmQuery {
    this.#record("lookupAndUnannounce", topic);
    this.#peers(topic).delete(hexText(keyPair.publicKey));
    return new MemoryQuery(this.#network, () => this.#found(topic));
  }

  unannounce(topic: Uint8Array, keyPair: SwarmKeyPair): Promise<void> {
    this.#record("unannounce", topic);
    this.#peers(topic).delete(hexText(keyPair.publicKey));
    return Promise.resolve();
  }

  #found(topic: Uint8Array): AnnouncedPeer[] {
    return this.isBlind ? [] : Array.from(this.#peers(topic).values());
  }

  #peers(topic: Uint8Array): Map<string, AnnouncedPeer> {
    const id = hexText(topic);
    if (!this.#network.topics.has(id)) this.#network.topics.set(id, new Map());
    return this.#network.topics.get(id)!;
  }

  #record(call: string, topic: Uint8Array, rest = ""): void {
    this.calls.push(`${call} ${hexText(topic.subarray(0, 1))}${rest}`);
  }

  async destroy({ force = false }: { force?: boolean } = {}): Promise<void> {
    this.calls.push(force ? "destroy by force" : "destroy");
    await Promise.all(Array.from(this.#streams, (stream) => {
      const closed = new Promise<void>((resolve) => stream.on("close", resolve));
      stream.destroy();
      return closed;
    }));
  }

  suspend(): Promise<void> {
    this.calls.push("suspend");
    return Promise.resolve();
  }

  resume(): Promise<void> {
    this.calls.push("resume");
    return Promise.resolve();
  }
}

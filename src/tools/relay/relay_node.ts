/**
 * A blind relay that anyone can run: a server on the DHT that joins the streams of peers that find no direct way.
 *
 * @module
 */
import {
  BlindRelayServer,
  type BlindRelayStats,
  PUBLIC_LIMITS,
  type RelayLimits,
} from "../../blind_relay/mod.ts";
import type { HyperDHT, KeyPair, SecretStream, Server } from "../../hyperdht/mod.ts";

/** Options of {@linkcode RelayNode}. */
export interface RelayNodeOptions {
  /** The node to serve on; whoever gave it destroys it. */
  readonly dht: HyperDHT;
  /** Who the relay is: peers name it by the public key (default: the node's own key pair). */
  readonly keyPair?: KeyPair;
  /** What clients get at most (default: that of a relay open to strangers). */
  readonly limits?: Partial<RelayLimits>;
  /** Tells which clients are refused (default: none). */
  readonly firewall?: (remotePublicKey: Uint8Array) => boolean;
}

/**
 * A relay on a node of the DHT.
 *
 * @example
 * ```ts
 * import { HyperDHT } from "@quince/quince";
 * import { RelayNode } from "@quince/quince/tools/relay";
 *
 * await using dht = new HyperDHT();
 * await using relay = new RelayNode({ dht });
 * await relay.listen();
 * console.log(relay.publicKey); // what peers give as `relayThrough`
 * ```
 */
export class RelayNode implements AsyncDisposable {
  readonly #keyPair: KeyPair;
  readonly #relay: BlindRelayServer;
  readonly #server: Server;

  /** Makes a relay that does not listen yet. */
  constructor(options: RelayNodeOptions) {
    const { dht, firewall } = options;
    this.#keyPair = options.keyPair ?? dht.defaultKeyPair;
    this.#relay = new BlindRelayServer({
      createStream: (streamOptions) => dht.createRawStream(streamOptions),
      limits: { ...PUBLIC_LIMITS, ...options.limits },
    });
    this.#server = dht.createServer(
      { shareLocalAddress: false, firewall: (remotePublicKey) => firewall?.(remotePublicKey) ?? false },
      (socket) => this.#accept(socket),
    );
  }

  #accept(socket: SecretStream): void {
    const session = this.#relay.accept(socket, { id: socket.remotePublicKey });
    // A client's failure ends its session alone; the counters tell.
    session.on("error", () => {});
    socket.on("error", () => {});
  }

  /** The key that peers name the relay by, 32 bytes. */
  get publicKey(): Uint8Array {
    return this.#keyPair.publicKey;
  }

  /** What it has done so far. */
  get stats(): BlindRelayStats {
    return this.#relay.stats;
  }

  /** Starts serving. */
  async listen(): Promise<void> {
    await this.#server.listen(this.#keyPair);
  }

  /** Ends all sessions and stops serving. */
  async close(): Promise<void> {
    await this.#server.close();
    await this.#relay.close();
  }

  /** Same as {@linkcode close}. */
  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }
}

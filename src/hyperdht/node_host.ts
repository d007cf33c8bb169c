/**
 * What the parts of a node share, behind its public face.
 *
 * @module
 */
import type { Clock, Random } from "../base/mod.ts";
import type { SecretStream } from "../secret_stream/mod.ts";
import type { AgeingCache } from "./caches.ts";
import type { PunchHost, SocketPoolPort } from "./holepunch_port.ts";
import type { HyperDHT } from "./hyperdht.ts";
import type { PeerAddress } from "./messages.ts";
import type { Router } from "./router.ts";
import type { HyperDHTTraceEvent } from "./trace.ts";

/** The inner side of a node. */
export interface NodeHost {
  /** The node as programs see it. */
  readonly dht: HyperDHT;
  /** Time. */
  readonly clock: Clock;
  /** For choices. */
  readonly random: Random;
  /** For keys and tokens. */
  readonly randomBytes: (byteLength: number) => Uint8Array;
  /** Routes, and messages along them. */
  readonly router: Router;
  /** Sockets that punch. */
  readonly sockets: SocketPoolPort;
  /** The node as punches see it. */
  readonly punch: PunchHost;
  /** Nodes that routed to servers before, by the hexadecimal digits of the servers' keys. */
  readonly relayAddresses: AgeingCache<readonly PeerAddress[]>;
  /** Connects to a blind relay, directly: a relay that names another one to meet at would begin a chain without end. */
  connectToRelay(publicKey: Uint8Array): SecretStream;
  /** Whether the node is being destroyed. */
  isDestroyed(): boolean;
  /** Whether connections may be made now. */
  isConnectable(): boolean;
  /** Whether the node keeps records for others, so that its own routes are worth a look. */
  isPersistent(): boolean;
  /** Addresses of this machine that peers in the same network may reach the node at. */
  localAddresses(): readonly PeerAddress[];
  /** Told what happens; null when nobody asked. */
  readonly trace: ((event: HyperDHTTraceEvent) => void) | null;
}

/**
 * Peers by topic: found, connected and kept, with the API of the npm package `hyperswarm`.
 *
 * @module
 */
export type {
  AnnouncedPeer,
  RelayChoice,
  SwarmAddress,
  SwarmConnection,
  SwarmDHT,
  SwarmKeyPair,
  SwarmNode,
  SwarmQuery,
  SwarmQueryOptions,
  SwarmServer,
  TopicReply,
} from "./dht.ts";
export { PeerDiscovery } from "./discovery.ts";
export { DiscoverySession, type RefreshOptions } from "./discovery_session.ts";
export {
  Hyperswarm,
  Hyperswarm as default,
  type HyperswarmEvents,
  type HyperswarmMetrics,
  type HyperswarmStats,
} from "./driver.ts";
export { HyperswarmError, type HyperswarmErrorCode } from "./errors.ts";
export type { HyperswarmOptions, JoinOptions } from "./options.ts";
export { PeerInfo, type PeerInfoEvents, type PeerPriority } from "./peer_info.ts";

/**
 * Replication of a log with its peers.
 *
 * @module
 */
export type { ReplicationMachineOptions } from "./context.ts";
export type { RangeOptions } from "./demands.ts";
export {
  type ReplicationStatus,
  Replicator,
  type ReplicatorEvents,
  type ReplicatorOptions,
} from "./driver.ts";
export type { ReplicatedLog } from "./log_view.ts";
export {
  type BitfieldMessage,
  data as dataMessage,
  type DataMessage,
  type HandshakeMessage,
  PROTOCOL_ALIAS,
  PROTOCOL_NAME,
  type RequestMessage,
} from "./messages.ts";
export { Peer, type ReplicationChannel, type ReplicationStream } from "./peer.ts";
export {
  areRequestsDestroyed,
  clearRequests,
  destroyRequests,
  RequestHandle,
  type RequestList,
  settleRequest,
} from "./request_handle.ts";
export type { ReplicationStats, WireCounter } from "./stats.ts";
export type { AskedPeer, PeerStatus, PendingStatus, ReplicationStatusOf } from "./status.ts";

/**
 * A Kademlia network of nodes that ask each other things: what `dht-rpc` exports.
 *
 * @example
 * ```ts
 * import DHT from "@quince/quince/dht-rpc";
 *
 * await using bootstrap = DHT.bootstrapper(10_001, "127.0.0.1");
 * await using node = new DHT({ bootstrap: ["127.0.0.1:10001"], ephemeral: false });
 * node.on("request", (request) => request.reply(request.value));
 * await node.fullyBootstrapped();
 * ```
 *
 * @module
 */
export type {
  CancelTimer,
  Clock,
  Duplex,
  DuplexConstructor,
  DuplexEvents,
  DuplexOptions,
  PipeTarget,
  Random,
  Readable,
  ReadableConstructor,
  ReadableEvents,
  ReadableOptions,
  Stream,
  StreamCallback,
  StreamEvents,
  StreamListener,
  StreamOptions,
  Writable,
  WritableConstructor,
  WritableEvents,
  WritableOptions,
} from "../base/mod.ts";
export { QuinceError, type QuinceErrorOptions, TypedEventEmitter } from "../base/mod.ts";
export type {
  LookupResult,
  NetworkInterface,
  NetworkInterfaces,
  NetworkInterfacesEvents,
  UDX,
  UDXAddress,
  UDXConnectOptions,
  UDXFirewall,
  UDXLookupOptions,
  UDXOptions,
  UDXRelayOptions,
  UDXSocket,
  UDXSocketEvents,
  UDXSocketJSON,
  UDXSocketOptions,
  UDXStream,
  UDXStreamEvents,
  UDXStreamJSON,
  UDXStreamOptions,
} from "../udx/mod.ts";
export { DHT, DHT as default } from "./dht.ts";
export type { DHTConfig, DHTDefaults, DHTEvents, DHTMetrics, DHTStats, RttStats, RttSummary } from "./dht.ts";
export type { AdaptiveTimeoutOptions } from "./adaptive_timeout.ts";
export type { BootstrapNode } from "./bootstrap_nodes.ts";
export { DHTError, type DHTErrorCode } from "./errors.ts";
export type { HealthStats, NetworkHealth, RequestCounters } from "./health.ts";
export { IncomingRequest, type ReplyOptions } from "./incoming_request.ts";
export type { IO, IOState } from "./io.ts";
export type { InboundRequest, QueryStats } from "./node_types.ts";
export type {
  BootstrapperOptions,
  DHTOptions,
  PingOptions,
  QueryCommit,
  QueryContent,
  QueryOptions,
  RequestContent,
  RequestOptions,
  SuspendOptions,
  WaitOptions,
} from "./options.ts";
export { type Peer, type PeerAddress, peerId, type PersistentPeer } from "./peer.ts";
export { Query } from "./query.ts";
export type { Reply } from "./query_machine.ts";
export type { RecentNodes, TableNode } from "./recent_nodes.ts";
export { RequestLimiter } from "./request_limiter.ts";
export type { CommandStats, RequestStats } from "./request_machine.ts";
export type { AddResult, RoutingTable, TableEntry, TableRow } from "./routing_table.ts";
export { Session } from "./session.ts";
export type { TraceEvent } from "./trace.ts";

/**
 * Servers and connections by public key, announcements and records, over a distributed hash table: what `hyperdht`
 * exports.
 *
 * @example
 * ```ts
 * import DHT from "@quince/quince/hyperdht";
 *
 * const dht = new DHT();
 * const server = dht.createServer((socket) => socket.end("hello"));
 * await server.listen();
 *
 * const socket = new DHT().connect(server.publicKey!);
 * socket.on("data", (data) => console.log(data));
 * ```
 *
 * @module
 */
export * as address from "./dht_address.ts";
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
  AdaptiveTimeoutOptions,
  AddResult,
  BootstrapNode,
  BootstrapperOptions,
  CommandStats,
  DHT,
  DHTConfig,
  DHTDefaults,
  DHTEvents,
  DHTMetrics,
  DHTOptions,
  DHTStats,
  HealthStats,
  InboundRequest,
  IncomingRequest,
  IO,
  IOState,
  NetworkHealth,
  Peer,
  PersistentPeer,
  PingOptions,
  Query,
  QueryCommit,
  QueryContent,
  QueryOptions,
  QueryStats,
  RecentNodes,
  Reply,
  ReplyOptions,
  RequestContent,
  RequestCounters,
  RequestOptions,
  RequestStats,
  RoutingTable,
  RttStats,
  RttSummary,
  Session,
  SuspendOptions,
  TableEntry,
  TableNode,
  TableRow,
  TraceEvent,
  WaitOptions,
} from "../dht_rpc/mod.ts";
export type {
  Bridge,
  BridgeEvents,
  FlushOptions,
  Handshake,
  KeyPair,
  NoisePattern,
  RawStream,
  SecretStream,
  SecretStreamEvents,
  SecretStreamJSON,
  SecretStreamOptions,
  SecretStreamStartOptions,
} from "../secret_stream/mod.ts";
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
export type { AnnouncerOptions } from "./announcer.ts";
export { ConnectionPool, type ConnectionPoolEvents, ConnectionRef } from "./connection_pool.ts";
export type { ConnectAttempt, ConnectReport, ConnectStage } from "./connect_report.ts";
export { BOOTSTRAP_NODES, COMMANDS, ERROR, FIREWALL } from "./constants.ts";
export type { DHTAddress } from "./dht_address.ts";
export { DHTError, type DHTErrorCode, type DHTErrorOptions } from "./errors.ts";
export type { HolepunchVeto, PunchEvent, PunchStats } from "./holepunch_port.ts";
export {
  type DestroyOptions,
  HyperDHT,
  HyperDHT as default,
  type HyperDHTConfig,
  type HyperDHTDefaults,
  type HyperDHTMetrics,
  type HyperDHTOptions,
  type HyperDHTStats,
} from "./hyperdht.ts";
export type {
  AnnounceMessage,
  DecodedNoisePayload,
  HolepunchInfo,
  LookupReply,
  NoisePayload,
  PeerAddress,
  PeerRecord,
  PluginRequest,
  RelayInfo,
  RelayThroughInfo,
  SecretStreamInfo,
  UdxInfo,
} from "./messages.ts";
export { type CreateHandshake, type DHTHandshake, type DHTHandshakeResult, NoiseWrap } from "./noise_wrap.ts";
export { Plugin, type PluginCall } from "./plugin.ts";
export type { RawStreamSet } from "./raw_stream_set.ts";
export type { RecordCounts } from "./record_store.ts";
export type {
  AnnounceOptions,
  Announcing,
  FindPeerOptions,
  FoundAt,
  FoundPeer,
  FoundPeers,
  ImmutablePutResult,
  ImmutableResult,
  MutableGetOptions,
  MutablePutOptions,
  MutablePutResult,
  MutableResult,
  RecordQueryOptions,
  UnannounceOptions,
} from "./records.ts";
export type { RelayThrough } from "./relay_meeting.ts";
export { type ListenOptions, Server, type ServerAddress } from "./server.ts";
export type {
  ConnectOptions,
  CreateSecretStream,
  LogOptions,
  ServerEvents,
  ServerFirewall,
  ServerOptions,
} from "./server_options.ts";
export type { SignAnnounce, Signer, SignMutable } from "./signatures.ts";
export type { HyperDHTTraceEvent } from "./trace.ts";

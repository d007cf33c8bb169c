/**
 * Hypercore: a secure, distributed append-only log, wire-compatible with the npm package `hypercore` 11.
 *
 * @module
 */
export { Core, type CoreOptions, type CoreSession, type SharedEvents } from "./core.ts";
export { Download, type DownloadSource } from "./download.ts";
export { HypercoreError, type HypercoreErrorCode, type HypercoreErrorOptions } from "./errors.ts";
export { Extension, type ExtensionHandlers, type ExtensionOwner } from "./extension.ts";
export { Hypercore, Hypercore as default, type HypercoreEvents } from "./hypercore.ts";
export type { Info } from "./info.ts";
export type { KeyOptions } from "./keys.ts";
export { DEFAULT_KEEP_ALIVE_MS, MAX_SUGGESTED_BLOCK_SIZE } from "./limits.ts";
export * from "./options.ts";
export type { ProtocolStream } from "./protocol_stream.ts";
export { ByteStream, ReadStream, type StreamSource, WriteStream } from "./streams.ts";
export type { ValueEncoding } from "./value_encoding.ts";
export {
  type CoreAlias,
  CoreStore,
  Log,
  type LogAppendOptions,
  type LogAppendResult,
  type LogChange,
  type LogKeyPair,
  type LogListener,
  type LogOpenOptions,
  type Manifest,
  type ManifestInput,
  type ManifestPrologue,
  type ManifestSigner,
  type ManifestSignerInput,
  type Proof,
  type ProofRequest,
  type ProveResult,
  type SeekResult,
  type TreeHead,
  type TreeNode,
  type VerifyResult,
} from "./log/mod.ts";
export {
  Peer,
  Replicator,
  type ReplicatorEvents,
  type ReplicatorOptions,
  RequestHandle,
  type RequestList,
} from "./replication/mod.ts";

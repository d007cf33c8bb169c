/**
 * Hypercore: a secure, distributed append-only log, wire-compatible with the npm package `hypercore` 11.
 *
 * @module
 */
export type {
  CancelTimer,
  Clock,
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
export { TypedEventEmitter } from "../base/mod.ts";
export { Core, type CoreOptions, type CoreSession, type GroupUpdate, type SharedEvents } from "./core.ts";
export {
  DefaultEncryption,
  type DefaultEncryptionOptions,
  type EncryptionKeys,
} from "./default_encryption.ts";
export { Download, type DownloadSource } from "./download.ts";
export type {
  EncryptionContext,
  EncryptionInput,
  EncryptionOptions,
  EncryptionProvider,
} from "./encryption.ts";
export { HypercoreError, type HypercoreErrorCode, type HypercoreErrorOptions } from "./errors.ts";
export { Extension, type ExtensionHandlers, type ExtensionOwner } from "./extension.ts";
export type { HypercoreEvents } from "./events.ts";
export { Hypercore, Hypercore as default } from "./hypercore.ts";
export type { Info } from "./info.ts";
export type { KeyOptions } from "./keys.ts";
export { DEFAULT_KEEP_ALIVE_MS, MAX_SUGGESTED_BLOCK_SIZE } from "./limits.ts";
export * from "./options.ts";
export { SessionState, StateStorage } from "./session_state.ts";
export type { ProtocolStream } from "./protocol_stream.ts";
export type { ValueEncoding } from "./value_encoding.ts";
export {
  Atom,
  type AtomMember,
  type AuditOptions,
  type AuditResult,
  type Bitfield,
  type BitfieldPiece,
  type BitfieldRange,
  type ConflictResult,
  type CoreAlias,
  type CoreInfo,
  type CoreInit,
  CoreStore,
  createStaticCopy,
  type GatheredNodes,
  type GroupUpdatesOptions,
  type HeadClaim,
  type ImportedLog,
  importLog,
  type ImportLogOptions,
  type KeptRows,
  Log,
  type LogAppendOptions,
  type LogAppendResult,
  type LogChange,
  type LogCommitOptions,
  type LogKeyPair,
  type LogListener,
  type LogOpenOptions,
  LogSnapshot,
  type LogSource,
  type LogStorage,
  type LogTruncateOptions,
  type Manifest,
  manifestCodec,
  type ManifestInput,
  type ManifestPrologue,
  type ManifestSigner,
  type ManifestSignerInput,
  type MarkTable,
  type PartialSignature,
  type Proof,
  type ProofRequest,
  type ProofSource,
  type ProveResult,
  type RemoteTree,
  type Reorg,
  type ReorgWant,
  type SeekResult,
  type SignableTree,
  type TreeHead,
  type TreeNode,
  type UserData,
  type UserDataEntry,
  type UserDataRange,
  type Verifier,
  type VerifyResult,
} from "./log/mod.ts";
export {
  type AskedPeer,
  type DataMessage,
  type HandshakeMessage,
  Peer,
  type PeerStatus,
  type PendingStatus,
  type RangeOptions,
  type ReplicationChannel,
  type ReplicationMachineOptions,
  type ReplicationStats,
  type ReplicationStatus,
  type ReplicationStatusOf,
  type ReplicationStream,
  Replicator,
  type ReplicatorEvents,
  type ReplicatorOptions,
  RequestHandle,
  type RequestList,
  type RequestMessage,
  type WireCounter,
} from "./replication/mod.ts";

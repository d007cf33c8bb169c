/**
 * The log: blocks, the Merkle tree over them, who may sign it, and proofs of parts of it. No network.
 *
 * @module
 */
export { type LogAppendOptions, type LogAppendResult } from "./appender.ts";
export { Atom, type AtomMember } from "./atom.ts";
export type { AuditOptions, AuditResult } from "./audit.ts";
export {
  Bitfield,
  BITFIELD_PAGE_BITS,
  BITFIELD_PAGE_BYTES,
  type BitfieldOptions,
  type BitfieldPiece,
  type BitfieldRange,
} from "./bitfield.ts";
export { createStaticCopy } from "./copy_core.ts";
export { type CoreInit, CoreStore } from "./core_store.ts";
export {
  fullRoots,
  isRightChild,
  leafCount,
  leftChild,
  leftSpan,
  rightChild,
  rightSpan,
  subtreeContains,
  TreeCursor,
  treeDepth,
  treeParent,
  treeSibling,
  treeWidth,
} from "./flat_tree.ts";
export { type GroupUpdatesOptions } from "./group.ts";
export { type HeadClaim, type ImportedLog, importLog, type ImportLogOptions } from "./import_log.ts";
export { type LogSource } from "./import_tree.ts";
export {
  BITFIELD_PAGES_MAX,
  BITFIELD_WANT_BITS,
  LOG_LENGTH_MAX,
  MANIFEST_ENTRIES_MAX,
  MANIFEST_USER_DATA_BYTES_MAX,
  MULTISIG_PATCH_NODES_MAX,
  MULTISIG_PROOFS_MAX,
  NODE_CACHE_NODES,
  PROOF_PATH_NODES_MAX,
  PROOF_UPGRADE_NODES_MAX,
  TREE_INDEX_MAX,
} from "./limits.ts";
export { Log } from "./log.ts";
export { type LogOpenOptions } from "./log_open.ts";
export type { LogCommitOptions, LogTruncateOptions } from "./log_options.ts";
export {
  createManifest,
  decodeManifest,
  defaultSignerManifest,
  encodeManifest,
  isCompat,
  isValidManifest,
  manifestCodec,
  manifestHash,
  type ManifestInput,
  type ManifestSignerInput,
  ownManifest,
} from "./manifest.ts";
export {
  assembleMultiSignature,
  assembleMultiSignatureV0,
  inflateMultiSignature,
  inflateMultiSignatureV0,
  type MultiSignature,
  type MultiSignatureProof,
  type PartialSignature,
  signableLength,
} from "./multisig.ts";
export { namespace, type NamespaceName, replicationCapability } from "./namespaces.ts";
export { partialSignature, type PartialSignatureOptions } from "./partial_signature.ts";
export { type CoreAlias, type CoreInfo } from "./records.ts";
export { type ConflictResult, type RemoteTree } from "./remote_tree.ts";
export { Reorg, type ReorgWant } from "./reorg.ts";
export { SIGNABLE_BYTES, treeSignable, treeSignableCompat } from "./signable.ts";
export { type KeptRows, LogSnapshot } from "./snapshot.ts";
export { EMPTY_HEAD, type SignableTree } from "./tree_batch.ts";
export type {
  LogChange,
  LogKeyPair,
  LogListener,
  Manifest,
  ManifestPrologue,
  ManifestSigner,
  Proof,
  ProofRequest,
  ProveResult,
  SeekResult,
  TreeHead,
  TreeNode,
  VerifyResult,
} from "./types.ts";
export type { LogStorage } from "./log_storage.ts";
export type { MarkTable } from "./mark_table.ts";
export type { GatheredNodes } from "./node_store.ts";
export type { ProofSource } from "./prover.ts";
export type { UserData, UserDataEntry, UserDataRange } from "./user_data.ts";
export { upgradePath } from "./upgrade_path.ts";
export { Verifier, type VerifierOptions } from "./verifier.ts";
export { upgradeLength } from "./verify.ts";

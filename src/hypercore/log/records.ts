/**
 * The records a store keeps for each log, and their keys. Byte table: `docs/spec/hypercore.md`.
 *
 * @module
 */
import { allocBytesPooled, allocBytesUnsafe, concatBytes, copyBytes, utf8Bytes } from "../../base/mod.ts";
import c, { type State } from "../../compact_encoding/mod.ts";
import { StorageError } from "../../storage/mod.ts";
import { decodeManifest, encodeManifest } from "./manifest.ts";
import type { LogKeyPair, Manifest } from "./types.ts";

const RECORD_VERSION = 1;

const CORE_MANIFEST = 1;
const CORE_PUBLIC_KEY = 2;
const CORE_SECRET_KEY = 4;
const CORE_FROZEN = 8;
const CORE_ALIAS = 16;
const CORE_GROUP = 32;

const HEAD_ROOT_HASH = 1;
const HEAD_SIGNATURE = 2;
const HEAD_RECOVERING = 4;

/** A name for a log within a store. */
export interface CoreAlias {
  /** The name. */
  readonly name: string;
  /** 32 bytes: names of different namespaces are different. */
  readonly namespace: Uint8Array;
}

/** What a store knows of a log besides its content. */
export interface CoreInfo {
  /** 32 bytes. */
  readonly discoveryKey: Uint8Array;
  /** Number of the log within its store, the owner of its rows. */
  readonly owner: number;
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** Null while it is not known. */
  readonly manifest: Manifest | null;
  /** Null where we do not write. */
  readonly keyPair: LogKeyPair | null;
  /** Whether two different signed logs were seen under this key, so that neither can be trusted. */
  readonly isFrozen: boolean;
  /** Name of the log within its store. */
  readonly alias: CoreAlias | null;
  /** Topic of the group that the log is in, 32 bytes; null for none. */
  readonly group: Uint8Array | null;
}

/** What of a log changes with every write. */
export interface HeadRecord {
  /** How often the log was truncated. */
  readonly fork: number;
  /** Blocks. */
  readonly length: number;
  /** Bytes of all blocks. */
  readonly byteLength: number;
  /** Blocks from 0 on that are stored without a gap; bitfield pages are stored only for those behind. */
  readonly contiguousLength: number;
  /** The longest gapless start that a peer was known to have, blocks; a hint. */
  readonly remoteContiguousLength: number;
  /** Hash over the roots, null for an empty log. */
  readonly rootHash: Uint8Array | null;
  /** Null for an empty log, and for one that needs none. */
  readonly signature: Uint8Array | null;
  /** Above 0 where peers may have seen own appends that are not stored. */
  readonly recovering: number;
}

/** The state of a log that was never written to. */
export const EMPTY_HEAD_RECORD: HeadRecord = Object.freeze({
  fork: 0,
  length: 0,
  byteLength: 0,
  contiguousLength: 0,
  remoteContiguousLength: 0,
  rootHash: null,
  signature: null,
  recovering: 0,
});

/** Key of a log's head record: its owner number, so that those of neighbours lie together. */
export function ownerKey(owner: number): Uint8Array {
  return Uint8Array.of(owner >>> 24, owner >>> 16, owner >>> 8, owner);
}

/** Key of a user data record. */
export function userKey(owner: number, name: string): Uint8Array {
  return concatBytes([ownerKey(owner), utf8Bytes(name)]);
}

/** Key of an alias record. */
export function aliasKey(alias: CoreAlias): Uint8Array {
  return concatBytes([alias.namespace, utf8Bytes(alias.name)]);
}

/** What begins the keys of the records of a log's branches and of what its snapshots keep. */
const SESSION_KEPT = 0;
const SESSION_BRANCH = 1;

/** A branch as stored. */
export interface BranchRecord {
  /** Number of its rows' owner. */
  readonly owner: number;
  /** Number of the owner whose rows it shares. */
  readonly parentOwner: number;
  /** Blocks from 0 on that it shares. */
  readonly sharedLength: number;
}

/** Key of the record of the branch `name` of the log number `owner`. */
export function branchKey(owner: number, name: string): Uint8Array {
  return concatBytes([ownerKey(owner), Uint8Array.of(SESSION_BRANCH), utf8Bytes(name)]);
}

/** Key of the record that says that the rows of `keptOwner` are kept for snapshots of the log number `owner`. */
export function keptKey(owner: number, keptOwner: number): Uint8Array {
  return concatBytes([ownerKey(owner), Uint8Array.of(SESSION_KEPT), ownerKey(keptOwner)]);
}

/** Number of the kept rows' owner that a key says, null where it is the key of a branch. */
export function keptOwnerOf(key: Uint8Array): number | null {
  if (key[4] !== SESSION_KEPT) return null;
  return ((key[5]! << 24) | (key[6]! << 16) | (key[7]! << 8) | key[8]!) >>> 0;
}

/** Encodes the record of a branch. */
export function encodeBranch({ owner, parentOwner, sharedLength }: BranchRecord): Uint8Array {
  const state: State = { start: 0, end: 1, buffer: null };
  for (const value of [owner, parentOwner, sharedLength]) c.uint.preencode(state, value);
  state.buffer = new Uint8Array(state.end);
  for (const value of [RECORD_VERSION, owner, parentOwner, sharedLength]) c.uint.encode(state, value);
  return state.buffer;
}

/**
 * Decodes the record of a branch.
 *
 * @throws {StorageError} `STORAGE_VERSION`, `STORAGE_CORRUPT`.
 */
export function decodeBranch(bytes: Uint8Array): BranchRecord {
  return decoding("branch", bytes, (state, owner) => ({
    owner,
    parentOwner: c.uint.decode(state),
    sharedLength: c.uint.decode(state),
  }));
}

/** Encodes the value of a core record, which lies under the discovery key. */
export function encodeCoreInfo(info: CoreInfo): Uint8Array {
  const { keyPair, alias, group } = info;
  const manifest = info.manifest && encodeManifest(info.manifest);
  const flags = (manifest ? CORE_MANIFEST : 0) | (keyPair ? CORE_PUBLIC_KEY : 0) |
    (keyPair?.secretKey ? CORE_SECRET_KEY : 0) | (info.isFrozen ? CORE_FROZEN : 0) |
    (alias ? CORE_ALIAS : 0) |
    (group ? CORE_GROUP : 0);
  const state: State = { start: 0, end: 2, buffer: null };
  c.uint.preencode(state, info.owner);
  c.fixed32.preencode(state, info.key);
  if (manifest) c.buffer.preencode(state, manifest);
  if (keyPair) c.fixed32.preencode(state, keyPair.publicKey);
  if (keyPair?.secretKey) c.fixed64.preencode(state, keyPair.secretKey);
  if (alias) c.fixed32.preencode(state, alias.namespace);
  if (alias) c.string.preencode(state, alias.name);
  if (group) c.fixed32.preencode(state, group);
  state.buffer = allocBytesUnsafe(state.end);
  c.uint.encode(state, RECORD_VERSION);
  c.uint.encode(state, flags);
  c.uint.encode(state, info.owner);
  c.fixed32.encode(state, info.key);
  if (manifest) c.buffer.encode(state, manifest);
  if (keyPair) c.fixed32.encode(state, keyPair.publicKey);
  if (keyPair?.secretKey) c.fixed64.encode(state, keyPair.secretKey);
  if (alias) c.fixed32.encode(state, alias.namespace);
  if (alias) c.string.encode(state, alias.name);
  if (group) c.fixed32.encode(state, group);
  return state.buffer;
}

/**
 * Decodes the value of a core record.
 *
 * @throws {StorageError} `STORAGE_VERSION`, `STORAGE_CORRUPT`.
 */
export function decodeCoreInfo(discoveryKey: Uint8Array, bytes: Uint8Array): CoreInfo {
  return decoding("log", bytes, (state, flags) => {
    const owner = c.uint.decode(state);
    const key = copyBytes(c.fixed32.decode(state));
    const manifest = flags & CORE_MANIFEST ? decodeManifest(c.buffer.decode(state)) : null;
    const publicKey = flags & CORE_PUBLIC_KEY ? copyBytes(c.fixed32.decode(state)) : null;
    const secretKey = flags & CORE_SECRET_KEY ? copyBytes(c.fixed64.decode(state)) : null;
    const namespace = flags & CORE_ALIAS ? copyBytes(c.fixed32.decode(state)) : null;
    const alias = namespace && { namespace, name: c.string.decode(state) };
    const group = flags & CORE_GROUP ? copyBytes(c.fixed32.decode(state)) : null;
    const keyPair = publicKey && { publicKey, secretKey };
    const isFrozen = (flags & CORE_FROZEN) !== 0;
    return { discoveryKey: copyBytes(discoveryKey), owner, key, manifest, keyPair, isFrozen, alias, group };
  });
}

/** Encodes the value of a head record. */
export function encodeHead(head: HeadRecord): Uint8Array {
  const { rootHash, signature, recovering } = head;
  const state: State = { start: 0, end: 2, buffer: null };
  c.uint.preencode(state, head.fork);
  c.uint.preencode(state, head.length);
  c.uint.preencode(state, head.byteLength);
  c.uint.preencode(state, head.contiguousLength);
  c.uint.preencode(state, head.remoteContiguousLength);
  if (rootHash) c.fixed32.preencode(state, rootHash);
  if (signature) c.buffer.preencode(state, signature);
  if (recovering) c.uint.preencode(state, recovering);
  state.buffer = allocBytesPooled(state.end);
  const flags = (rootHash ? HEAD_ROOT_HASH : 0) | (signature ? HEAD_SIGNATURE : 0) |
    (recovering ? HEAD_RECOVERING : 0);
  c.uint.encode(state, RECORD_VERSION);
  c.uint.encode(state, flags);
  c.uint.encode(state, head.fork);
  c.uint.encode(state, head.length);
  c.uint.encode(state, head.byteLength);
  c.uint.encode(state, head.contiguousLength);
  c.uint.encode(state, head.remoteContiguousLength);
  if (rootHash) c.fixed32.encode(state, rootHash);
  if (signature) c.buffer.encode(state, signature);
  if (recovering) c.uint.encode(state, recovering);
  return state.buffer;
}

/**
 * Decodes the value of a head record.
 *
 * @throws {StorageError} `STORAGE_VERSION`, `STORAGE_CORRUPT`.
 */
export function decodeHead(bytes: Uint8Array): HeadRecord {
  return decoding("head", bytes, (state, flags) => ({
    fork: c.uint.decode(state),
    length: c.uint.decode(state),
    byteLength: c.uint.decode(state),
    contiguousLength: c.uint.decode(state),
    remoteContiguousLength: c.uint.decode(state),
    rootHash: flags & HEAD_ROOT_HASH ? copyBytes(c.fixed32.decode(state)) : null,
    signature: flags & HEAD_SIGNATURE ? copyBytes(c.buffer.decode(state)) : null,
    recovering: flags & HEAD_RECOVERING ? c.uint.decode(state) : 0,
  }));
}

function decoding<T>(name: string, bytes: Uint8Array, decode: (state: State, flags: number) => T): T {
  try {
    const state: State = { start: 0, end: bytes.byteLength, buffer: bytes };
    const version = c.uint.decode(state);
    if (version > RECORD_VERSION) {
      const message =
        `Cannot read the record of a ${name} of version ${version}: it was written by a newer release`;
      throw new StorageError("STORAGE_VERSION", message);
    }
    return decode(state, c.uint.decode(state));
  } catch (cause) {
    if (cause instanceof StorageError) throw cause;
    throw new StorageError("STORAGE_CORRUPT", `Cannot read the record of a ${name}`, { cause });
  }
}

/**
 * What hypercore 10 wrote into its `oplog`; read only. Byte table: `docs/spec/corestore.md`. Source:
 * `hypercore` 10.38.2 (`lib/messages.js`, `oplog.header`, `oplog.entry`).
 *
 * @module
 */
import { copyBytes } from "../../base/mod.ts";
import c, { type State } from "../../compact_encoding/mod.ts";
import { type LogKeyPair, type Manifest, manifestCodec, type TreeNode } from "../../hypercore/mod.ts";

/** Newest layout of a header that is known. */
const HEADER_VERSION_MAX = 1;

const HEADER_EXTERNAL = 1;
const HEADER_MANIFEST = 2;
const HEADER_KEY_PAIR = 4;

const ENTRY_USER_DATA = 1;
const ENTRY_NODES = 2;
const ENTRY_UPGRADE = 4;
const ENTRY_BITFIELD = 8;

/** The state of a tree as a header has it. */
export interface LegacyTree {
  /** How often the log was truncated. */
  readonly fork: number;
  /** Blocks. */
  readonly length: number;
  /** Null for an empty log. */
  readonly signature: Uint8Array | null;
}

/** A header with everything in it. */
export interface LegacyHeader {
  /** 32 bytes. */
  readonly key: Uint8Array;
  /** Null while it is not known. */
  readonly manifest: Manifest | null;
  /** The secret key is null where corestore derived it from a name. */
  readonly keyPair: LogKeyPair | null;
  /** Values by name, in the order they were set first. */
  readonly userData: ReadonlyMap<string, Uint8Array>;
  /** The tree when the header was written. */
  readonly tree: LegacyTree;
}

/** Where a header lies that was too long for the oplog: in the file `header`. */
export interface ExternalHeader {
  /** First byte. */
  readonly start: number;
  /** Bytes. */
  readonly byteLength: number;
}

/** A change since the header was written. */
export interface LegacyEntry {
  /** A value that was set, or unset with null. */
  readonly userData: { readonly name: string; readonly value: Uint8Array | null } | null;
  /** Nodes that are not in the file `tree` yet. */
  readonly nodes: readonly TreeNode[];
  /** The tree after the change; the first `ancestors` blocks stayed as they were. */
  readonly upgrade: (LegacyTree & { readonly ancestors: number }) | null;
  /** Blocks that arrived or were dropped, not in the file `bitfield` yet. */
  readonly blocks: { readonly start: number; readonly length: number; readonly isDropped: boolean } | null;
}

/** Decodes a header, or tells where it lies. Throws what `compact_encoding` throws, and `TypeError` for a newer layout. */
export function decodeHeader(bytes: Uint8Array): LegacyHeader | ExternalHeader {
  const state: State = { start: 0, end: bytes.byteLength, buffer: bytes };
  const version = c.uint.decode(state);
  if (version > HEADER_VERSION_MAX) throw new TypeError(`Header of version ${version} is not known`);
  return version === 0 ? decodeVersion0(state) : decodeVersion1(state);
}

/** Tells a header that lies elsewhere. */
export function isExternal(header: LegacyHeader | ExternalHeader): header is ExternalHeader {
  return "byteLength" in header;
}

/** Decodes an entry. Throws what `compact_encoding` throws. */
export function decodeEntry(bytes: Uint8Array): LegacyEntry {
  const state: State = { start: 0, end: bytes.byteLength, buffer: bytes };
  const flags = c.uint.decode(state);
  return {
    userData: flags & ENTRY_USER_DATA ? decodeUserData(state) : null,
    nodes: flags & ENTRY_NODES ? decodeNodes(state) : [],
    upgrade: flags & ENTRY_UPGRADE ? decodeUpgrade(state) : null,
    blocks: flags & ENTRY_BITFIELD ? decodeBlocks(state) : null,
  };
}

/** Before manifests: the key is the signer's public key. */
function decodeVersion0(state: State): LegacyHeader {
  for (let i = 0; i < 3; i++) c.string.decode(state); // kinds of tree, bitfield and signer; there is one of each
  const userData = decodeAllUserData(state);
  const tree = decodeTree(state);
  const keyPair = decodeKeyPair(state);
  if (keyPair === null) throw new TypeError("Header has no public key");
  return { key: keyPair.publicKey, manifest: null, keyPair, userData, tree };
}

function decodeVersion1(state: State): LegacyHeader | ExternalHeader {
  const flags = c.uint.decode(state);
  if (flags & HEADER_EXTERNAL) return { start: c.uint.decode(state), byteLength: c.uint.decode(state) };
  const key = copyBytes(c.fixed32.decode(state));
  const manifest = flags & HEADER_MANIFEST ? manifestCodec.decode(state) : null;
  const keyPair = flags & HEADER_KEY_PAIR ? decodeKeyPair(state) : null;
  const userData = decodeAllUserData(state);
  return { key, manifest, keyPair, userData, tree: decodeTree(state) };
}

function decodeKeyPair(state: State): LogKeyPair | null {
  const publicKey = optionalBytes(state);
  const secretKey = optionalBytes(state);
  if (publicKey === null) return null;
  if (publicKey.byteLength !== 32 || (secretKey !== null && secretKey.byteLength !== 64)) {
    throw new TypeError("Header has a key pair of another size");
  }
  return { publicKey, secretKey };
}

function decodeTree(state: State): LegacyTree {
  const fork = c.uint.decode(state);
  const length = c.uint.decode(state);
  optionalBytes(state); // hash of the roots; it is computed anew
  return { fork, length, signature: optionalBytes(state) };
}

function decodeAllUserData(state: State): Map<string, Uint8Array> {
  const userData = new Map<string, Uint8Array>();
  for (let count = c.uint.decode(state); count > 0; count--) {
    const { name, value } = decodeUserData(state);
    if (value !== null) userData.set(name, value);
  }
  return userData;
}

function decodeUserData(state: State): { name: string; value: Uint8Array | null } {
  return { name: c.string.decode(state), value: optionalBytes(state) };
}

function decodeNodes(state: State): TreeNode[] {
  const nodes: TreeNode[] = [];
  // The count is not believed: each node takes bytes.
  for (let count = c.uint.decode(state); count > 0; count--) {
    const index = c.uint.decode(state);
    const size = c.uint.decode(state);
    nodes.push({ index, size, hash: copyBytes(c.fixed32.decode(state)) });
  }
  return nodes;
}

function decodeUpgrade(state: State): LegacyTree & { ancestors: number } {
  const fork = c.uint.decode(state);
  const ancestors = c.uint.decode(state);
  const length = c.uint.decode(state);
  return { fork, ancestors, length, signature: optionalBytes(state) };
}

function decodeBlocks(state: State): NonNullable<LegacyEntry["blocks"]> {
  const flags = c.uint.decode(state);
  return { start: c.uint.decode(state), length: c.uint.decode(state), isDropped: (flags & 1) !== 0 };
}

function optionalBytes(state: State): Uint8Array | null {
  const bytes = c.optionalBuffer.decode(state);
  return bytes && copyBytes(bytes);
}

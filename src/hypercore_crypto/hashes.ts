/**
 * Hashes: of the tree of a hypercore, of keys, and of names.
 *
 * Hashes of data come from the runtime's pool, as upstream; discovery keys and separators, which stay, do not.
 *
 * @module
 */
import { allocBytes, allocBytesPooled, allocBytesUnsafe, isBytes, utf8Bytes } from "../base/mod.ts";
import { type State, uint64 } from "../compact_encoding/mod.ts";
import { blake2b, hashLeaf, hashParent } from "../crypto/mod.ts";

const HASH_BYTES = 32;

const HYPERCORE = utf8Bytes("hypercore");

// Different first bytes keep a leaf from being passed off as a parent.
const ROOT_TYPE = 2;

/** A node of the tree of a hypercore. */
export interface TreeNode {
  /** Index in the flat in-order tree: even for leaves, odd for parents. */
  readonly index: number;
  /** Size of all blocks below, in bytes. */
  readonly size: number;
  /** 32 bytes. */
  readonly hash: Uint8Array;
}

/** Returns the hash of a leaf of the tree: that of a block. Source: hypercore-crypto `index.js`. */
export function data(block: Uint8Array): Uint8Array {
  return hashLeaf(block, allocBytesPooled(HASH_BYTES));
}

/**
 * Returns the hash of the parent of two nodes, which are put in the order of their indexes.
 *
 * Source: hypercore-crypto `index.js`.
 *
 * @throws {CryptoError} `BAD_ARGUMENT` when a hash has another size or the sizes add up to more than 2^53 - 1.
 */
export function parent(a: TreeNode, b: TreeNode): Uint8Array {
  const [left, right] = a.index > b.index ? [b, a] : [a, b];
  return hashParent(left.size, left.hash, right.size, right.hash, allocBytesPooled(HASH_BYTES));
}

/**
 * Returns the hash of a whole tree, given its roots from left to right.
 *
 * Source: hypercore-crypto `index.js`.
 *
 * @param out where to write the hash, 1 to 64 bytes; fresh 32 bytes by default
 * @throws {RangeError} when an index or a size is not a number from 0 to 2^53 - 1.
 */
export function tree(roots: readonly TreeNode[], out?: Uint8Array | null): Uint8Array {
  const end = roots.reduce((byteLength, { hash }) => byteLength + hash.byteLength + 16, 1);
  const state: State = { start: 1, end, buffer: allocBytesPooled(end) };
  const buffer = state.buffer!;
  buffer[0] = ROOT_TYPE;
  for (const root of roots) {
    buffer.set(root.hash, state.start);
    state.start += root.hash.byteLength;
    uint64.encode(state, root.index);
    uint64.encode(state, root.size);
  }
  return blake2bInto(buffer, out);
}

/**
 * Returns the BLAKE2b hash of bytes, or of a list of bytes one behind the other.
 *
 * Source: hypercore-crypto `index.js`.
 *
 * @param out where to write the hash, 1 to 64 bytes; fresh 32 bytes by default
 * @throws {TypeError} for anything but bytes.
 */
export function hash(data: Uint8Array | readonly Uint8Array[], out?: Uint8Array | null): Uint8Array {
  const isHashable = Array.isArray(data) ? data.every(isBytes) : isBytes(data);
  if (!isHashable) throw new TypeError(`Cannot hash ${typeof data}, only bytes or a list of bytes`);
  return blake2bInto(data, out);
}

/**
 * Returns the key under which peers of the hypercore with public key `key` find each other; it does not give away `key`.
 *
 * Source: hypercore-crypto `index.js`: BLAKE2b-256 of the text "hypercore", keyed with `key`.
 *
 * @throws {TypeError} unless `key` has 32 bytes.
 */
export function discoveryKey(key: Uint8Array): Uint8Array {
  if (!isBytes(key) || key.byteLength !== HASH_BYTES) throw new TypeError("Must pass a 32 byte buffer");
  return blake2b(HYPERCORE, { key });
}

/**
 * Returns domain separators for signatures and hashes: 32 bytes each, one for every number from 0 to `count`, exclusive,
 * or for every number of a list.
 *
 * A number counts modulo 256. Source: hypercore-crypto `index.js`: BLAKE2b-256 of the hash of `name`, then the number
 * as a byte.
 *
 * @throws {RangeError} when `count` is no length of a list.
 *
 * @example
 * ```ts
 * import { namespace } from "@quince/quince/hypercore-crypto";
 * const [INVITE, RECEIPT] = namespace("my-app", 2);
 * ```
 */
export function namespace(name: string | Uint8Array, count: number | ArrayLike<number>): Uint8Array[] {
  const ids = typeof count === "number" ? Array.from(new Array(count).keys()) : count;
  const slab = allocBytesUnsafe(HASH_BYTES * ids.length);
  const seed = allocBytes(HASH_BYTES + 1);
  blake2b(typeof name === "string" ? utf8Bytes(name) : name, { out: seed.subarray(0, HASH_BYTES) });
  return Array.from(ids, (id, i) => {
    seed[HASH_BYTES] = id;
    return blake2b(seed, { out: slab.subarray(HASH_BYTES * i, HASH_BYTES * (i + 1)) });
  });
}

function blake2bInto(
  input: Uint8Array | readonly Uint8Array[],
  out?: Uint8Array | null,
): Uint8Array {
  const digest = out ?? allocBytesPooled(HASH_BYTES);
  return blake2b(input, { out: digest, byteLength: digest.byteLength });
}

/**
 * The bytes that signers sign.
 *
 * @module
 */
import { allocBytesPooled } from "../../base/mod.ts";
import { namespace } from "./namespaces.ts";

/** Bytes of {@linkcode treeSignable}. */
export const SIGNABLE_BYTES = 112;

const HASH_BYTES = 32;
const TREE = namespace("tree");

/**
 * What is signed for a log with a manifest.
 *
 * Source: `hypercore/lib/caps.js`, `treeSignable`.
 *
 * @param context 32 bytes: the manifest hash, or the signer's namespace for a manifest of version 0
 * @param treeHash hash of the tree's roots, 32 bytes
 * @param length blocks
 * @param fork how often the log was truncated
 * @returns 112 fresh bytes
 */
export function treeSignable(
  context: Uint8Array,
  treeHash: Uint8Array,
  length: number,
  fork: number,
): Uint8Array {
  const bytes = allocBytesPooled(SIGNABLE_BYTES);
  bytes.set(TREE, 0);
  bytes.set(context, HASH_BYTES);
  writeTree(bytes, 2 * HASH_BYTES, treeHash, length, fork);
  return bytes;
}

/**
 * What is signed for a log whose key is its signer's public key.
 *
 * Source: `hypercore/lib/caps.js`, `treeSignableCompat`.
 *
 * @param legacy leaves out the namespace, as before namespaces
 * @returns 80 fresh bytes, 48 with `legacy`
 */
export function treeSignableCompat(
  treeHash: Uint8Array,
  length: number,
  fork: number,
  legacy: boolean,
): Uint8Array {
  const header = legacy ? 0 : HASH_BYTES;
  const bytes = allocBytesPooled(header + HASH_BYTES + 16);
  if (!legacy) bytes.set(TREE, 0);
  writeTree(bytes, header, treeHash, length, fork);
  return bytes;
}

function writeTree(
  bytes: Uint8Array,
  offset: number,
  treeHash: Uint8Array,
  length: number,
  fork: number,
): void {
  bytes.set(treeHash, offset);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  view.setBigUint64(offset + HASH_BYTES, BigInt(length), true);
  view.setBigUint64(offset + HASH_BYTES + 8, BigInt(fork), true);
}

/**
 * The domain separators of the log, and the proof that a peer knows the log's key.
 *
 * Source: `hypercore/lib/caps.js`: separator `i` is BLAKE2b-256 of (BLAKE2b-256 of "hypercore", one byte `i`).
 *
 * @module
 */
import { hexBytes } from "../../base/mod.ts";
import { blake2b } from "../../crypto/mod.ts";

/** What the names of {@linkcode namespace} stand for. */
export type NamespaceName =
  | "tree"
  | "replicateInitiator"
  | "replicateResponder"
  | "manifest"
  | "defaultSigner"
  | "defaultEncryption";

// Written out so that loading the module hashes nothing; a test derives them.
const NAMESPACE_HEX: Readonly<Record<NamespaceName, string>> = {
  tree: "9fac70b50ca14efc4e91c833b204e75b8b5aad8b5881bfc0adb5ef38a3275b9c",
  replicateInitiator: "51812a2a359b50369536775df89e18e47740f3db72ac0ae70b29594c194dc316",
  replicateResponder: "0438492d02970cc13528ac0262bca0074e0926260256865accc0bf15bd79127d",
  manifest: "e64b7108eacce47cfc61ac850568f55f8b15b82ec5ed78c4ec597b036e2a1498",
  defaultSigner: "4144eea531e483d54e0c14f4ca68e0644f355343ff6fcb0f005200e12cd747cb",
  defaultEncryption: "9aedb6f1dea8487cc1e1698f97eb2f063f6db4c649695622e7b675e2ceafa6e9",
};

/** Returns a separator as 32 fresh bytes. */
export function namespace(name: NamespaceName): Uint8Array {
  return hexBytes(NAMESPACE_HEX[name]);
}

/**
 * What one side of a connection shows to prove that it knows `key`, bound to this connection.
 *
 * Source: `hypercore/lib/caps.js`, `replicate`.
 *
 * @param isInitiator whose proof: of the side that opened the connection, or of the other
 * @param key the log's key, 32 bytes
 * @param handshakeHash hash of the connection's Noise handshake, 64 bytes
 * @returns 32 bytes
 */
export function replicationCapability(
  isInitiator: boolean,
  key: Uint8Array,
  handshakeHash: Uint8Array,
): Uint8Array {
  const role = namespace(isInitiator ? "replicateInitiator" : "replicateResponder");
  return blake2b([role, key], { key: handshakeHash });
}

/**
 * The core of a drive's blobs follows from the core of its metadata: the same signers, in another namespace each.
 *
 * @module
 */
import { Hypercore, type Manifest } from "../hypercore/mod.ts";
import { hash, namespace } from "../hypercore_crypto/mod.ts";

const [BLOBS] = namespace("hyperdrive", 1);

/**
 * The manifest of the blobs' core; null for a metadata core of the first kind, whose header names the blobs' core instead.
 *
 * @param manifest Manifest of the metadata core.
 * @param key Key of the metadata core (default: what follows from the manifest).
 */
export function contentManifest(
  manifest: Manifest,
  key: Uint8Array = Hypercore.key(manifest),
): Manifest | null {
  if (manifest.version < 1) return null;
  return {
    version: manifest.version,
    hash: "blake2b",
    allowPatch: manifest.allowPatch,
    quorum: manifest.quorum,
    signers: manifest.signers.map((signer) => ({
      ...signer,
      namespace: hash([BLOBS!, key, signer.namespace]),
    })),
    prologue: null,
    linked: null,
    userData: null,
  };
}

/**
 * From manifests to keys.
 *
 * @module
 */
import { equalBytes, isBytes } from "../base/mod.ts";
import { HypercoreError } from "./errors.ts";
import { createManifest, type Manifest, manifestHash, type ManifestInput } from "./log/mod.ts";

/** Options of {@linkcode keyOf}. */
export interface KeyOptions {
  /** True: the key is the first signer's public key itself. */
  readonly compat?: boolean;
  /** Version of the manifest that is made around a bare public key. Default 1. */
  readonly version?: number;
  /** 32 bytes; namespace of the signer made from a bare public key. */
  readonly namespace?: Uint8Array;
}

/** The key of a manifest (or its encoding), or of the one-signer manifest made from a public key of 32 bytes. */
export function keyOf(manifest: ManifestInput | Uint8Array, options: KeyOptions = {}): Uint8Array {
  const { compat, version, namespace } = options;
  const input = isBytes(manifest) && manifest.byteLength === 32
    ? { version, signers: [{ publicKey: manifest, namespace }] }
    : manifest;
  const parsed = createManifest(input);
  if (!compat) return manifestHash(parsed);
  const signer = parsed.signers[0];
  if (signer === undefined) {
    throw new HypercoreError("BAD_ARGUMENT", "A manifest without signers has no compat key");
  }
  return signer.publicKey;
}

/**
 * Normalises a manifest or its encoding; null gives null.
 *
 * @throws {HypercoreError} `BAD_ARGUMENT`, or `INVALID_CHECKSUM` where it does not hash to `key`.
 */
export function parseManifest(
  manifest: ManifestInput | Uint8Array | null,
  key?: Uint8Array | null,
): Manifest | null {
  if (manifest === null) return null;
  const parsed = createManifest(manifest);
  if (parsed.quorum > parsed.signers.length) {
    throw new HypercoreError("BAD_ARGUMENT", "Quorum should not be higher than the number of signers");
  }
  if (key && !equalBytes(manifestHash(parsed), key)) {
    throw new HypercoreError("INVALID_CHECKSUM", "Manifest does not hash to the key");
  }
  return parsed;
}

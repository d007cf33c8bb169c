/**
 * Whose log this is: key, manifest, and what checks and makes its signatures.
 *
 * @module
 */
import { WriteBatch } from "../../storage/mod.ts";
import { HypercoreError, type HypercoreErrorCode } from "../errors.ts";
import { putCoreInfo } from "./core_store.ts";
import type { LogStorage } from "./log_storage.ts";
import { defaultSignerManifest, isCompat, isValidManifest } from "./manifest.ts";
import type { CoreInfo } from "./records.ts";
import type { SignableTree } from "./tree_batch.ts";
import type { LogKeyPair, Manifest } from "./types.ts";
import { Verifier } from "./verifier.ts";

/** What of a log's record may change. */
export type InfoChange = Partial<Pick<CoreInfo, "manifest" | "isFrozen" | "group">>;

/** What of a log does not change, but for a manifest that becomes known. */
export class LogIdentity {
  /** Accepts and makes signatures from before namespaces. */
  readonly legacy: boolean;
  #info: CoreInfo;
  #compat: boolean;
  #verifier: Verifier | null;

  /** Takes what the store knows of the log. */
  constructor(info: CoreInfo, compat: boolean, legacy: boolean) {
    this.legacy = legacy;
    this.#info = info;
    this.#compat = compat;
    this.#verifier = info.manifest && new Verifier(info.key, info.manifest, { legacy });
  }

  /** What the store knows of the log. */
  get info(): CoreInfo {
    return this.#info;
  }

  /** 32 bytes. */
  get key(): Uint8Array {
    return this.#info.key;
  }

  /** Whether the key is the signer's public key, as far as is known. */
  get compat(): boolean {
    return this.#compat;
  }

  /** Null while the manifest is not known. */
  get verifier(): Verifier | null {
    return this.#verifier;
  }

  /** Adds a changed record of the log to `batch`. */
  put(batch: WriteBatch, change: InfoChange): void {
    putCoreInfo(batch, { ...this.#info, ...change });
  }

  /**
   * Stores a change, then takes it over.
   *
   * @throws {StorageError} as the storage.
   */
  async store(storage: LogStorage, change: InfoChange): Promise<void> {
    const batch = new WriteBatch();
    this.put(batch, change);
    await storage.write(batch);
    this.apply(change);
  }

  /** Takes over a change once it is stored. */
  apply(change: InfoChange): void {
    this.#info = { ...this.#info, ...change };
    if (!change.manifest) return;
    this.#verifier = new Verifier(this.key, change.manifest, { legacy: this.legacy });
    this.#compat = this.#verifier.compat;
  }

  /** The manifest that writing with this key pair implies, where none is known yet. */
  manifestFor(keyPair: LogKeyPair | null): Manifest | null {
    if (this.#verifier !== null || keyPair === null) return null;
    const manifest = defaultSignerManifest(keyPair.publicKey);
    return isCompat(this.key, manifest) ? manifest : null;
  }

  /**
   * The verifier for a tree that came with this manifest: the log's own where it is known.
   *
   * @throws {HypercoreError} `INVALID_SIGNATURE` for a manifest that does not belong to the key.
   */
  verifierFor(manifest: Manifest | null): Verifier {
    if (this.#verifier !== null) return this.#verifier;
    const claimed = manifest ?? defaultSignerManifest(this.key);
    if (!isValidManifest(this.key, claimed) && !isCompat(this.key, claimed)) {
      throw this.error("INVALID_SIGNATURE", "Proof contains an invalid manifest");
    }
    return new Verifier(this.key, claimed, { legacy: this.legacy });
  }

  /**
   * Signs a tree of our own making, or checks the signature that was passed for it.
   *
   * @param manifest the manifest where it becomes known with this very tree
   * @throws {HypercoreError} `SESSION_NOT_WRITABLE`, `BAD_ARGUMENT`, `INVALID_SIGNATURE`.
   */
  signed(
    tree: SignableTree,
    keyPair: LogKeyPair | null,
    signature: Uint8Array | null,
    manifest: Manifest | null,
  ): Uint8Array | null {
    const verifier = manifest ? new Verifier(this.key, manifest, { legacy: this.legacy }) : this.#verifier;
    if (verifier === null) throw this.error("SESSION_NOT_WRITABLE", "The log's manifest is not known");
    if (signature !== null) {
      if (verifier.verify(tree, signature)) return signature.slice();
      throw this.error("INVALID_SIGNATURE", "The signature passed does not fit the tree");
    }
    if (keyPair?.secretKey) return verifier.signAlone(tree, keyPair);
    // A prologue needs no signature.
    if (verifier.verify(tree, null)) return null;
    throw this.error("SESSION_NOT_WRITABLE", "No key pair to sign with");
  }

  /** An error that names the log. */
  error(code: HypercoreErrorCode, message: string): HypercoreError {
    return new HypercoreError(code, message, { discoveryKey: this.#info.discoveryKey });
  }
}

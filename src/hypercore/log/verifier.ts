/**
 * Signing a tree and checking signatures, as a log's manifest says.
 *
 * Source: `hypercore/lib/verifier.js`.
 *
 * @module
 */
import { allocBytesPooled, equalBytes } from "../../base/mod.ts";
import { sign, SIGN_BYTES, verify } from "../../crypto/mod.ts";
import { HypercoreError } from "../errors.ts";
import { LOG_LENGTH_MAX } from "./limits.ts";
import { isCompat, manifestHash } from "./manifest.ts";
import {
  assembleMultiSignature,
  assembleMultiSignatureV0,
  inflateMultiSignature,
  inflateMultiSignatureV0,
  type MultiSignature,
  type MultiSignatureProof,
  type PartialSignature,
} from "./multisig.ts";
import { treeSignable, treeSignableCompat } from "./signable.ts";
import { type SignableTree, TreeBatch } from "./tree_batch.ts";
import { totalSize } from "./node.ts";
import type { LogKeyPair, Manifest, ManifestPrologue, ManifestSigner, TreeNode } from "./types.ts";
import { upgradePath } from "./upgrade_path.ts";

/** Options of {@linkcode Verifier}. */
export interface VerifierOptions {
  /** The key is the signer's public key. Default: as key and manifest say. */
  readonly compat?: boolean;
  /** Signatures from before namespaces; with `compat` only. Default false. */
  readonly legacy?: boolean;
}

/** Checks and makes the signatures of one log. */
export class Verifier {
  /** The log's key. */
  readonly key: Uint8Array;
  /** Whether the key is the signer's public key. */
  readonly compat: boolean;
  /** Version of the rules: that of the manifest, 0 with `compat`. */
  readonly version: number;
  /** The unsigned start of the log, if there is one. */
  readonly prologue: ManifestPrologue | null;
  /** Who may sign. */
  readonly manifest: Manifest;
  readonly #legacy: boolean;
  readonly #quorum: number;
  readonly #allowPatch: boolean;

  /** Creates the verifier of the log with this key and manifest. */
  constructor(key: Uint8Array, manifest: Manifest, options: VerifierOptions = {}) {
    this.key = key;
    this.compat = options.compat ?? isCompat(key, manifest);
    this.version = this.compat ? 0 : manifest.version;
    this.prologue = this.compat ? null : manifest.prologue;
    this.manifest = manifest;
    this.#legacy = options.legacy ?? false;
    this.#quorum = this.compat ? 1 : manifest.quorum;
    this.#allowPatch = !this.compat && manifest.allowPatch;
  }

  /** The verifier of the log whose key is the hash of `manifest`. */
  static fromManifest(manifest: Manifest, options: VerifierOptions = {}): Verifier {
    return new Verifier(manifestHash(manifest), manifest, options);
  }

  /** Tells whether `signature` is enough for `tree`; false, never an error, for anything malformed. */
  verify(tree: SignableTree, signature: Uint8Array | null): boolean {
    if (this.version === 0) {
      const isSingle = this.compat || (!this.#allowPatch && this.manifest.signers.length === 1);
      if (isSingle) return signature !== null && this.#verifyBy(0, tree, signature);
      return this.#verifyQuorum(tree, signature);
    }
    if (this.prologue !== null && tree.length <= this.prologue.length) {
      return tree.length === this.prologue.length && equalBytes(tree.hash(), this.prologue.hash);
    }
    return this.#verifyQuorum(tree, signature);
  }

  /**
   * Signs `tree` as one of the signers: a whole signature where there is one signer, else that signer's part.
   *
   * @throws {HypercoreError} `BAD_ARGUMENT` without a secret key, or for one that is no signer's.
   */
  sign(tree: SignableTree, keyPair: LogKeyPair | null): Uint8Array {
    const secretKey = keyPair?.secretKey;
    if (!keyPair || !secretKey) throw new HypercoreError("BAD_ARGUMENT", "No key pair was passed");
    const { signers } = this.manifest;
    const index = signers.findIndex((signer) => equalBytes(signer.publicKey, keyPair.publicKey));
    if (index === -1) throw new HypercoreError("BAD_ARGUMENT", "Public key is not a declared signer");
    const signable = this.#signable(signers[index]!, tree);
    if (signers.length !== 1 || this.version === 0) return sign(signable, secretKey);
    const signature = sign(signable, secretKey, allocBytesPooled(SIGN_BYTES));
    return this.assemble([{ signer: 0, signature, patch: 0, nodes: null }]);
  }

  /**
   * Signs `tree` so that {@linkcode verify} accepts it, where one signer is enough.
   *
   * @throws {HypercoreError} `BAD_ARGUMENT` as `sign`, and where it takes more than one signer.
   */
  signAlone(tree: SignableTree, keyPair: LogKeyPair | null): Uint8Array {
    const signature = this.sign(tree, keyPair);
    const { signers } = this.manifest;
    if (signers.length === 1 && !(this.version === 0 && this.#allowPatch)) return signature;
    if (this.#quorum !== 1) {
      const message = `Takes ${this.#quorum} signers: assemble their signatures and pass the result`;
      throw new HypercoreError("BAD_ARGUMENT", message);
    }
    const signer = signers.findIndex((each) => equalBytes(each.publicKey, keyPair!.publicKey));
    return this.assemble([{ signer, signature, patch: 0, nodes: null }]);
  }

  /** Puts parts of several signers together. */
  assemble(inputs: readonly PartialSignature[]): Uint8Array {
    return this.version === 0 ? assembleMultiSignatureV0(inputs) : assembleMultiSignature(inputs);
  }

  #verifyQuorum(tree: SignableTree, signature: Uint8Array | null): boolean {
    if (signature === null || this.#quorum === 0) return false;
    const inflated = this.#inflate(signature);
    if (inflated === null || inflated.proofs.length < this.#quorum) return false;
    const nodes = new Map(inflated.patch.map((node) => [node.index, node]));
    const tried = new Set<number>();
    for (const proof of inflated.proofs.slice(0, this.#quorum)) {
      if (tried.has(proof.signer)) return false;
      tried.add(proof.signer);
      const signed = this.#patched(tree, proof, nodes);
      if (signed === null || !this.#verifyBy(proof.signer, signed, proof.signature)) return false;
    }
    return true;
  }

  #inflate(signature: Uint8Array): MultiSignature | null {
    try {
      return this.version === 0 ? inflateMultiSignatureV0(signature) : inflateMultiSignature(signature);
    } catch (error) {
      if (error instanceof HypercoreError) return null;
      throw error;
    }
  }

  /** The longer tree that this signer signed; null where its nodes do not lead there. */
  #patched(
    tree: SignableTree,
    proof: MultiSignatureProof,
    nodes: ReadonlyMap<number, TreeNode>,
  ): SignableTree | null {
    if (proof.patch === 0 || !this.#allowPatch) return tree;
    const { length, fork, roots } = tree;
    const batch = new TreeBatch({ length, fork, roots, byteLength: totalSize(roots), signature: null });
    if (length + proof.patch > LOG_LENGTH_MAX) return null;
    for (const index of upgradePath(length, length + proof.patch)) {
      const node = nodes.get(index);
      if (node === undefined || !pushes(batch, node)) return null;
    }
    return batch;
  }

  #verifyBy(index: number, tree: SignableTree, signature: Uint8Array): boolean {
    const signer = this.manifest.signers[index];
    return signer !== undefined && verify(this.#signable(signer, tree), signature, signer.publicKey);
  }

  #signable(signer: ManifestSigner, tree: SignableTree): Uint8Array {
    const { length, fork } = tree;
    if (this.compat) return treeSignableCompat(tree.hash(), length, fork, this.#legacy);
    const context = this.version === 0 ? signer.namespace : this.key;
    return treeSignable(context, tree.hash(), length, fork);
  }
}

function pushes(batch: TreeBatch, node: TreeNode): boolean {
  try {
    batch.push(node);
    return true;
  } catch (error) {
    if (error instanceof HypercoreError) return false;
    throw error;
  }
}

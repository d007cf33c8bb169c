/**
 * Trees that peers prove as a whole, checked against the manifest alone.
 *
 * @module
 */
import { equalBytes } from "../../base/mod.ts";
import type { LogIdentity } from "./identity.ts";
import { ownManifest } from "./manifest.ts";
import { EMPTY_HEAD, type SignableTree, TreeBatch } from "./tree_batch.ts";
import type { Manifest, Proof, TreeHead } from "./types.ts";
import { applyUpgrade, checkPaths } from "./verify.ts";

/** What {@linkcode Log.verifyFullyRemote} found. */
export interface RemoteTree {
  /** The state that the proof is about. */
  readonly head: TreeHead;
  /** Hash over its roots, 32 bytes. */
  readonly treeHash: Uint8Array;
  /** Whether it is longer than what is stored here. */
  readonly isNewer: boolean;
}

/** What {@linkcode Log.checkConflict} found. */
export type ConflictResult =
  /** The proof is of another fork, too long or too short to compare, or there is nothing to compare with. */
  | "unrelated"
  /** The proof does not hold. */
  | "invalid"
  /** Both trees are the same. */
  | "same"
  /** Two different trees are signed for one length: the log is frozen now. */
  | "conflict";

/**
 * Checks a proof of a whole log. `head` is what is stored here.
 *
 * @throws {HypercoreError} `INVALID_OPERATION`, `INVALID_PROOF`, `INVALID_SIGNATURE`.
 */
export function verifyFullyRemote(identity: LogIdentity, head: TreeHead, proof: Proof): RemoteTree {
  const paths = checkPaths(proof);
  const batch = new TreeBatch(EMPTY_HEAD);
  if (!proof.upgrade) throw identity.error("INVALID_OPERATION", "Expected upgrade proof");
  const prologue = identity.verifier?.prologue ?? null;
  const { usedRoot } = applyUpgrade(batch, proof.upgrade, paths.root, prologue);
  if (paths.root !== null && !usedRoot) {
    throw identity.error("INVALID_PROOF", "Block is not covered by the upgrade");
  }
  batch.fork = proof.fork;
  batch.signature = proof.upgrade.signature;
  checkSignature(identity, batch, proof.manifest);
  return { head: batch.toHead(), treeHash: batch.hash(), isNewer: batch.length > head.length };
}

/**
 * Compares a peer's proof of its whole log with the one that is stored. Source: `hypercore/lib/core.js`, `checkConflict`.
 *
 * @param localHash the hash of the stored tree at a length; rejects where it is not known
 */
export async function compareTrees(
  identity: LogIdentity,
  head: TreeHead,
  proof: Proof,
  localHash: (length: number) => Promise<Uint8Array>,
): Promise<ConflictResult> {
  const { upgrade } = proof;
  if (upgrade === null || upgrade.start !== 0 || identity.verifier === null) return "unrelated";
  if (proof.fork !== head.fork || head.length < upgrade.length) return "unrelated";
  const batch = new TreeBatch(EMPTY_HEAD);
  try {
    verifyFullyRemote(identity, head, proof);
    // Up to the length asked about, without what the peer has behind it.
    applyUpgrade(batch, { ...upgrade, additionalNodes: [] }, checkPaths(proof).root, null);
  } catch {
    return "invalid";
  }
  try {
    return equalBytes(batch.hash(), await localHash(upgrade.length)) ? "same" : "conflict";
  } catch {
    return "unrelated";
  }
}

/**
 * Throws unless the tree is signed; returns the manifest it is signed by, as a copy.
 *
 * @throws {HypercoreError} `INVALID_SIGNATURE`.
 */
export function checkSignature(
  identity: LogIdentity,
  tree: SignableTree & { readonly signature: Uint8Array | null },
  claimed: Manifest | null,
): Manifest | null {
  const verifier = identity.verifierFor(claimed);
  if (!verifier.verify(tree, tree.signature)) {
    throw identity.error("INVALID_SIGNATURE", "Proof contains an invalid signature");
  }
  return ownManifest(verifier.manifest);
}

/**
 * Roots that were lost, taken from a signed proof of the whole log.
 *
 * Source of semantics: `hypercore/lib/core.js`, `_repairTreeNodes`; `hypercore/index.js`, `recoverFromRemoteProof`.
 *
 * @module
 */
import { equalBytes } from "../../base/mod.ts";
import { HypercoreError } from "../errors.ts";
import type { LogIdentity } from "./identity.ts";
import type { LogState } from "./log_state.ts";
import { copyOfNode } from "./node.ts";
import { verifyFullyRemote } from "./remote_tree.ts";
import { commitRoots } from "./rewrite.ts";
import { EMPTY_HEAD, TreeBatch } from "./tree_batch.ts";
import type { Proof, TreeNode } from "./types.ts";
import { applyUpgrade, checkPaths } from "./verify.ts";

/**
 * Puts lost roots back; false where `proof` does not lead to them.
 *
 * @throws {StorageError} as the storage.
 */
export async function repairRoots(identity: LogIdentity, state: LogState, proof: Proof): Promise<boolean> {
  const roots = rootsFromProof(identity, state, proof);
  if (roots !== null) await commitRoots(state, roots);
  return roots !== null;
}

/** The roots of the log as its stored head has signed them; null where `proof` does not lead to them. */
function rootsFromProof(identity: LogIdentity, state: LogState, proof: Proof): TreeNode[] | null {
  const { head, rootHash } = state;
  const { upgrade } = proof;
  if (upgrade === null || upgrade.start !== 0 || proof.fork !== head.fork || rootHash === null) return null;
  try {
    verifyFullyRemote(identity, head, proof);
    // The head's own state is either what was asked for, or what the proof leads on to.
    for (const additionalNodes of [[], upgrade.additionalNodes]) {
      const batch = new TreeBatch(EMPTY_HEAD);
      applyUpgrade(batch, { ...upgrade, additionalNodes }, checkPaths(proof).root, null);
      const isSame = batch.length === head.length && equalBytes(batch.hash(), rootHash);
      if (isSame) return batch.roots.map(copyOfNode);
    }
    return null;
  } catch (error) {
    if (error instanceof HypercoreError) return null;
    throw error;
  }
}

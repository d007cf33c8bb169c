/**
 * Putting the proofs of one call on a stage, with the stored nodes that they end at.
 *
 * @module
 */
import type { LogIdentity } from "./identity.ts";
import type { LogState } from "./log_state.ts";
import type { TreeNode, VerifyResult } from "./types.ts";
import { type ParsedProof, VerifyStage } from "./verify_stage.ts";

/** Proofs that were checked, and what came of each, in their order. */
export interface StagedProofs {
  readonly stage: VerifyStage;
  readonly results: VerifyResult[];
}

/** Checks proofs one after the other against the state of a log and what those before them bring. */
export async function stageProofs(
  state: LogState,
  identity: LogIdentity,
  proofs: readonly ParsedProof[],
): Promise<StagedProofs> {
  const asked = nodesToRead(proofs);
  const { nodes, pending } = state.nodes.gather(asked);
  if (pending !== null) await pending;
  const stage = new VerifyStage(state, identity);
  const results: VerifyResult[] = [];
  for (const proof of proofs) {
    const index = VerifyStage.neededNode(proof);
    let stored: ReadonlyMap<number, TreeNode> = nodes;
    if (index !== null && !asked.has(index) && !stage.hasNode(index)) {
      // The proof that was to bring it did not hold, which is not this one's fault.
      const node = await state.nodes.read(index);
      if (node !== null) stored = new Map([[index, node]]);
    }
    results.push(stage.add(proof, stored));
  }
  return { stage, results };
}

/**
 * The nodes to look up among the stored ones: most blocks of a run build on a node that an earlier one brings, and asking
 * the storage for what it cannot have costs as much as for what it has.
 */
function nodesToRead(proofs: readonly ParsedProof[]): Set<number> {
  const brought = new Set<number>();
  const asked = new Set<number>();
  for (const proof of proofs) {
    if ("error" in proof) continue;
    const { root, received, computed } = proof.paths;
    if (root !== null && !brought.has(root.index)) asked.add(root.index);
    for (const { index } of received) brought.add(index);
    for (const { index } of computed) brought.add(index);
  }
  return asked;
}

/**
 * Answering many requests for proofs with few reads: plan all, fetch all, build all.
 *
 * @module
 */
import { HypercoreError } from "../errors.ts";
import type { GatheredNodes } from "./node_store.ts";
import { buildProof, checkRequest, planProof, type ProofPlan, visitPlan } from "./prove.ts";
import { seekRoot } from "./seek.ts";
import type { ManifestPrologue, ProofRequest, ProveResult, TreeHead, TreeNode } from "./types.ts";

type Planned = { readonly kind: "planned"; readonly plan: ProofPlan } | ProveResult;

/** What proofs are made from. */
export interface ProofSource {
  /** The latest state. */
  readonly head: TreeHead;
  /** Whether a block may be there; false is certain. */
  mayHaveBlock(index: number): boolean;
  /** Several blocks, in the order of `indexes`; null for those that are not there. */
  readBlocks(indexes: readonly number[]): Promise<(Uint8Array | null)[]>;
  /** A node, at once where it is in memory; null where it is not there. */
  readNode(index: number): TreeNode | null | Promise<TreeNode | null>;
  /** Makes several nodes available. */
  gatherNodes(indexes: Iterable<number>): GatheredNodes;
}

/** Answers `requests` as of `head`; results stand in the order of the requests. */
export async function proveAll(
  source: ProofSource,
  requests: readonly ProofRequest[],
  head: TreeHead,
  prologue: ManifestPrologue | null,
): Promise<ProveResult[]> {
  const planned: (Planned | Promise<Planned>)[] = [];
  let waits = false;
  for (const request of requests) {
    const plan = planOne(source, request, head, prologue);
    waits ||= plan instanceof Promise;
    planned.push(plan);
  }
  const plans = waits ? await Promise.all(planned) : planned as Planned[];

  const { nodes, pending } = source.gatherNodes(nodesOf(plans, head));
  const indexes: number[] = [];
  for (const plan of plans) {
    if (plan.kind === "planned" && plan.plan.request.block) indexes.push(plan.plan.request.block.index);
  }
  const values = indexes.length === 0 ? [] : await source.readBlocks(indexes);
  await pending;

  // A truncation in the meantime may have taken away what was planned for.
  if (source.head.fork !== head.fork) return requests.map(() => ({ kind: "unavailable" }));
  let nextValue = 0;
  return plans.map((planned) => {
    if (planned.kind !== "planned") return planned;
    const value = planned.plan.request.block ? values[nextValue++]! : null;
    if (planned.plan.request.block && value === null) return { kind: "unavailable" };
    return build(planned.plan, value, (index) => nodes.get(index) ?? rootAt(head, index));
  });
}

function planOne(
  source: ProofSource,
  request: ProofRequest,
  head: TreeHead,
  prologue: ManifestPrologue | null,
): Planned | Promise<Planned> {
  const { block, seek } = request;
  if (head.length === 0) return { kind: "unavailable" };
  if (block && (block.index >= head.length || !source.mayHaveBlock(block.index))) {
    return { kind: "unavailable" };
  }
  try {
    const checked = checkRequest(request, head, prologue);
    if (checked.seek === null || !seek) {
      return { kind: "planned", plan: planProof(checked, head, null) };
    }
    const read = (index: number) => source.readNode(index);
    return seekRoot(head, checked.seek, seek.bytes, seek.padding, read).then(
      (root): Planned => ({ kind: "planned", plan: planProof(checked, head, root) }),
    ).catch(refusal);
  } catch (error) {
    return refusal(error);
  }
}

function build(
  plan: ProofPlan,
  value: Uint8Array | null,
  nodeAt: (index: number) => TreeNode | undefined,
): ProveResult {
  try {
    return { kind: "proof", proof: buildProof(plan, value, nodeAt) };
  } catch (error) {
    return refusal(error);
  }
}

function nodesOf(plans: readonly Planned[], head: TreeHead): number[] {
  const indexes: number[] = [];
  const add = (index: number) => {
    if (rootAt(head, index) === undefined) indexes.push(index);
  };
  for (const planned of plans) if (planned.kind === "planned") visitPlan(planned.plan, add);
  return indexes;
}

function rootAt(head: TreeHead, index: number): TreeNode | undefined {
  for (const root of head.roots) if (root.index === index) return root;
  return undefined;
}

function refusal(error: unknown): { readonly kind: "invalid"; readonly error: HypercoreError } {
  if (error instanceof HypercoreError) return { kind: "invalid", error };
  throw error;
}

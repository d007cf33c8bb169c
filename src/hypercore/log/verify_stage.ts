/**
 * Proofs on their way into a log: each is checked against the log as it will be once the ones before it are stored, and
 * what the good ones bring is collected for one write.
 *
 * @module
 */
import { equalBytes } from "../../base/mod.ts";
import type { WriteBatch } from "../../storage/mod.ts";
import { HypercoreError } from "../errors.ts";
import type { BitfieldRange } from "./bitfield.ts";
import type { LogState } from "./log_state.ts";
import type { LogIdentity } from "./identity.ts";
import { isValidManifest, ownManifest } from "./manifest.ts";
import { nodeRows } from "./node.ts";
import { TreeBatch } from "./tree_batch.ts";
import type { Manifest, Proof, TreeHead, TreeNode, VerifyResult } from "./types.ts";
import type { Verifier } from "./verifier.ts";
import { applyUpgrade, type CheckedPaths, checkPaths, upgradeLength } from "./verify.ts";

/** A proof whose own hashes have been computed. */
export type ParsedProof =
  | { readonly proof: Proof; readonly paths: CheckedPaths }
  | { readonly proof: Proof; readonly error: HypercoreError };

interface StagedNode {
  readonly node: TreeNode;
  /** Nothing below it is stored. */
  readonly isChildless: boolean;
}

/** Computes the hashes of a proof; the expensive part, which needs no state. */
export function parseProof(proof: Proof): ParsedProof {
  try {
    return { proof, paths: checkPaths(proof) };
  } catch (error) {
    if (error instanceof HypercoreError) return { proof, error };
    throw error;
  }
}

/** Collects proofs that hold. */
export class VerifyStage {
  readonly #state: LogState;
  readonly #identity: LogIdentity;
  readonly #nodes = new Map<number, StagedNode>();
  readonly #blocks = new Map<number, Uint8Array>();
  /** The stored forms of the nodes, once made. */
  #rows: readonly Uint8Array[] = [];
  /** Stored nodes that got children. */
  readonly #opened = new Set<number>();
  #head: TreeHead;
  #rootHash: Uint8Array | undefined;
  #verifier: Verifier | null;
  #manifest: Manifest | null = null;

  /** Starts from the state of a log. */
  constructor(state: LogState, identity: LogIdentity) {
    this.#state = state;
    this.#identity = identity;
    this.#head = state.head;
    this.#verifier = identity.verifier;
  }

  /** The head once everything collected is stored. */
  get head(): TreeHead {
    return this.#head;
  }

  /** Hash over the roots of `head`; undefined where it did not change. */
  get rootHash(): Uint8Array | undefined {
    return this.#rootHash;
  }

  /** The manifest, where it became known. */
  get manifest(): Manifest | null {
    return this.#manifest;
  }

  /** Whether there is anything to store. */
  get isEmpty(): boolean {
    const isSameHead = this.#head === this.#state.head;
    return isSameHead && this.#nodes.size === 0 && this.#blocks.size === 0 && this.#manifest === null;
  }

  /** Whether a node is among those collected. */
  hasNode(index: number): boolean {
    return this.#nodes.has(index);
  }

  /** The node to which a proof's paths lead, if it has to be looked up among the stored ones. */
  static neededNode(parsed: ParsedProof): number | null {
    return "error" in parsed ? null : parsed.paths.root?.index ?? null;
  }

  /**
   * Checks a proof and collects what it brings. `stored` has the node that {@linkcode neededNode} named if it is stored;
   * it may lack one that is collected.
   */
  add(parsed: ParsedProof, stored: ReadonlyMap<number, TreeNode>): VerifyResult {
    if (parsed.proof.fork !== this.#head.fork) return { kind: "stale" };
    if ("error" in parsed) return { kind: "invalid", error: parsed.error };
    try {
      return this.#add(parsed.proof, parsed.paths, stored);
    } catch (error) {
      if (error instanceof HypercoreError) return { kind: "invalid", error };
      throw error;
    }
  }

  /** Adds the rows of everything collected to `batch`. */
  fill(batch: WriteBatch): void {
    const { owner } = this.#state;
    for (const [index, value] of this.#blocks) batch.putRow("block", owner, index, value);
    this.#rows = nodeRows(Array.from(this.#nodes.values(), ({ node }) => node));
    let next = 0;
    for (const index of this.#nodes.keys()) batch.putRow("node", owner, index, this.#rows[next++]!);
  }

  /** The blocks collected, as ranges. */
  ranges(): BitfieldRange[] {
    const ranges: BitfieldRange[] = [];
    let start = -1;
    let end = -1;
    for (const index of Array.from(this.#blocks.keys()).sort((a, b) => a - b)) {
      if (index !== end) {
        if (start !== -1) ranges.push({ start, end, value: true });
        start = index;
      }
      end = index + 1;
    }
    if (start !== -1) ranges.push({ start, end, value: true });
    return ranges;
  }

  /** Hands the nodes collected to the cache, once they are stored. */
  remember(): void {
    const { nodes } = this.#state;
    let next = 0;
    for (const [index, { isChildless }] of this.#nodes) nodes.put(index, this.#rows[next++]!, isChildless);
    for (const index of this.#opened) nodes.setChildless(index, false);
  }

  #add(proof: Proof, paths: CheckedPaths, stored: ReadonlyMap<number, TreeNode>): VerifyResult {
    const { block, upgrade } = proof;
    const { root } = paths;
    const isLonger = upgrade !== null && upgradeLength(upgrade) > this.#head.length;
    // A manifest alone is worth something, an upgrade to what we have is not.
    if (upgrade !== null && !isLonger && root === null) return { kind: "stale" };

    const batch = isLonger ? new TreeBatch(this.#head) : null;
    let isConnected = root === null;
    let received: readonly TreeNode[] = [];
    if (batch !== null) {
      const checked = applyUpgrade(batch, upgrade!, root, this.#verifier?.prologue ?? null);
      batch.fork = proof.fork;
      batch.signature = upgrade!.signature;
      received = checked.received;
      isConnected ||= checked.usedRoot;
    }
    const wasAbsent = isConnected || this.#isChildless(root!.index);
    let known: TreeNode | null = null;
    if (!isConnected) {
      known = this.#knownNode(root!.index, stored);
      if (known === null && upgrade !== null && !isLonger) return { kind: "stale" };
      compare(root!, known);
    }
    const learnt = this.#checkSignature(proof, batch);

    if (learnt !== null) {
      this.#verifier = learnt;
      this.#manifest = ownManifest(learnt.manifest);
    }
    this.#collectPaths(paths, known, wasAbsent);
    if (batch !== null) {
      const isNew = new Set(received);
      for (const node of batch.added) if (node !== root) this.#collect(node, isNew.has(node));
      this.#rootHash = batch.hash();
      this.#head = batch.toHead();
    }
    if (block !== null && block.value !== null && !this.#state.bitfield.get(block.index)) {
      this.#blocks.set(block.index, block.value);
    }
    return { kind: "applied", upgraded: batch !== null };
  }

  #knownNode(index: number, stored: ReadonlyMap<number, TreeNode>): TreeNode | null {
    return this.#nodes.get(index)?.node ?? this.#state.rootAt(index) ?? stored.get(index) ?? null;
  }

  #collectPaths(paths: CheckedPaths, known: TreeNode | null, wasAbsent: boolean): void {
    const { root, received, computed } = paths;
    for (const node of received) {
      if (node !== root || known === null) this.#collect(node, wasAbsent);
    }
    for (const node of computed) {
      // A size that was made from its parts corrects one that a peer only claimed.
      if (node !== root || known?.size !== node.size) this.#collect(node, false);
    }
    if (root !== null && received.length > 0 && received[0] !== root) this.#opened.add(root.index);
  }

  /** Checks the signature of an upgrade; returns the verifier where the manifest has just become known. */
  #checkSignature(proof: Proof, batch: TreeBatch | null): Verifier | null {
    if (this.#verifier === null && batch === null) {
      if (proof.manifest === null) return null;
      if (!isValidManifest(this.#identity.key, proof.manifest)) {
        throw new HypercoreError("INVALID_CHECKSUM", "Manifest hash does not match");
      }
    }
    const verifier = this.#verifier ?? this.#identity.verifierFor(proof.manifest);
    if (batch !== null && !verifier.verify(batch, batch.signature)) {
      throw new HypercoreError("INVALID_SIGNATURE", "Proof contains an invalid signature");
    }
    return this.#verifier === null ? verifier : null;
  }

  #isChildless(index: number): boolean {
    if (this.#opened.has(index)) return false;
    return this.#nodes.get(index)?.isChildless ?? this.#state.nodes.isChildless(index);
  }

  #collect(node: TreeNode, isChildless: boolean): void {
    this.#nodes.set(node.index, { node, isChildless });
  }
}

/** Compares the top of a proof's paths with the tree that is trusted. */
function compare(root: TreeNode, known: TreeNode | null): void {
  if (known === null) {
    const message = `Expected tree node ${root.index} from storage, got (nil)`;
    throw new HypercoreError("INVALID_OPERATION", message);
  }
  if (!equalBytes(known.hash, root.hash)) {
    throw new HypercoreError("INVALID_CHECKSUM", `Invalid checksum at node ${root.index}`);
  }
}

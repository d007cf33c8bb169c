/**
 * Checking what is stored of a log against itself, and dropping what does not hold: it can be fetched again.
 *
 * Source of semantics: `hypercore/lib/audit.js`.
 *
 * @module
 */
import { equalBytes } from "../../base/mod.ts";
import { WriteBatch } from "../../storage/mod.ts";
import type { BitfieldRange } from "./bitfield.ts";
import { leftChild, leftSpan, rightChild, rightSpan } from "./flat_tree.ts";
import { COPY_ROWS } from "./limits.ts";
import type { LogState } from "./log_state.ts";
import { leafNode, nodeOfRow, parentNode } from "./node.ts";
import type { TreeNode } from "./types.ts";

/** Options of `Log.audit`. */
export interface AuditOptions {
  /** Whether to check the tree. Default true. */
  readonly tree?: boolean;
  /** Whether to check blocks against the tree. Default true. */
  readonly blocks?: boolean;
  /** Whether to check the bitfield against the blocks. Default true. */
  readonly bitfield?: boolean;
  /** Drops nothing. Default false. */
  readonly dryRun?: boolean;
}

/** What `Log.audit` found. */
export interface AuditResult {
  /** Nodes that hold. */
  treeNodes: number;
  /** Blocks that hold. */
  blocks: number;
  /** Bits with a block. */
  bits: number;
  /** Subtrees that do not hold. */
  droppedTreeNodes: number;
  /** Blocks that do not hold, or that no bit says are there. */
  droppedBlocks: number;
  /** Bits without a block. */
  droppedBits: number;
  /** Roots are missing: the tree cannot be checked. */
  corrupt: boolean;
}

/** Operations after which what is dropped is written. */
const BATCH_OPERATIONS = 1024;

/** Checks one log. The caller sees to it that it does not change meanwhile. */
export async function auditLog(state: LogState, options: AuditOptions): Promise<AuditResult> {
  const audit = new Audit(state, options.dryRun ?? false);
  if (options.tree !== false) await audit.checkTree();
  if (options.blocks !== false) await audit.checkBlocks();
  if (options.bitfield !== false) await audit.checkBits();
  return audit.result;
}

class Audit {
  readonly result: AuditResult = {
    treeNodes: 0,
    blocks: 0,
    bits: 0,
    droppedTreeNodes: 0,
    droppedBlocks: 0,
    droppedBits: 0,
    corrupt: false,
  };
  readonly #state: LogState;
  readonly #isDryRun: boolean;
  #batch = new WriteBatch();

  constructor(state: LogState, isDryRun: boolean) {
    this.#state = state;
    this.#isDryRun = isDryRun;
  }

  async checkTree(): Promise<void> {
    const { owner, head } = this.#state;
    this.result.corrupt = this.#state.isBroken;
    const stack: TreeNode[] = head.roots.slice();
    this.result.treeNodes += stack.length;
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if ((node.index & 1) === 0) continue;
      const [left, right] = await this.#nodes([leftChild(node.index), rightChild(node.index)]);
      if (!left && !right) continue;
      if (!left || !right || !isParent(node, left, right)) {
        this.result.droppedTreeNodes++;
        this.#batch.deleteRows("node", owner, leftSpan(node.index), node.index);
        this.#batch.deleteRows("node", owner, node.index + 1, rightSpan(node.index) + 1);
        await this.#flush(BATCH_OPERATIONS);
        continue;
      }
      this.result.treeNodes += 2;
      stack.push(left, right);
    }
    await this.#flush(1);
    this.#state.nodes.reset();
  }

  async checkBlocks(): Promise<void> {
    const { storage, owner, bitfield } = this.#state;
    for await (const { index, value } of storage.rows("block", owner)) {
      const [node] = await this.#nodes([2 * index]);
      if (bitfield.get(index) && node && equalBytes(leafNode(2 * index, value).hash, node.hash)) {
        this.result.blocks++;
        continue;
      }
      this.result.droppedBlocks++;
      this.#batch.deleteRow("block", owner, index);
      await this.#flush(BATCH_OPERATIONS);
    }
    await this.#flush(1);
  }

  async checkBits(): Promise<void> {
    const { storage, owner, bitfield, head } = this.#state;
    const ranges: BitfieldRange[] = [];
    for (const run of bitfield.setRanges(0, head.length)) {
      for (let start = run.start; start < run.end; start += COPY_ROWS) {
        const indexes = Array.from({ length: Math.min(COPY_ROWS, run.end - start) }, (_, i) => start + i);
        const rows = await storage.getRows("block", owner, indexes);
        rows.forEach((row, i) => {
          if (row !== null) this.result.bits++;
          else ranges.push({ start: indexes[i]!, end: indexes[i]! + 1, value: false });
        });
      }
    }
    this.result.droppedBits += ranges.length;
    if (ranges.length > 0 && !this.#isDryRun) await this.#state.commit({ batch: new WriteBatch(), ranges });
  }

  /** As they are stored, whatever memory says. */
  async #nodes(indexes: readonly number[]): Promise<(TreeNode | null)[]> {
    const rows = await this.#state.storage.getRows("node", this.#state.owner, indexes);
    return rows.map((row, i) => row && nodeOfRow(indexes[i]!, row));
  }

  async #flush(operationsMin: number): Promise<void> {
    if (this.#batch.size < operationsMin) return;
    if (!this.#isDryRun) await this.#state.storage.write(this.#batch);
    this.#batch = new WriteBatch();
  }
}

function isParent(node: TreeNode, left: TreeNode, right: TreeNode): boolean {
  const size = left.size + right.size;
  return size === node.size && equalBytes(parentNode(left, right).hash, node.hash);
}

/**
 * What a log takes over from a branch of it.
 *
 * Source of semantics: `hypercore/lib/session-state.js`, `commit`; `hypercore/lib/core.js`, `_validateCommit`.
 *
 * @module
 */
import { equalBytes } from "../../base/mod.ts";
import { WriteBatch } from "../../storage/mod.ts";
import { HypercoreError } from "../errors.ts";
import type { CommittedBlocks } from "./appender.ts";
import { type Layer, putLayer } from "./layer.ts";
import type { LogState } from "./log_state.ts";

/** Which blocks are meant. */
export interface CommitRange {
  /** Blocks that the log has afterwards. */
  readonly length: number;
  /** Blocks from 0 on that are known to be the same in both. */
  readonly treeLength: number;
}

/**
 * Reads what `target` does not have of `source`; null where the two have parted.
 *
 * @throws {HypercoreError} `INVALID_OPERATION` where a block is not stored.
 */
export async function planCommit(
  target: LogState,
  source: LogState,
  { length, treeLength }: CommitRange,
): Promise<Pick<CommittedBlocks, "start" | "blocks" | "missing" | "filled"> | null> {
  const { length: start } = target.head;
  if (start > source.head.length || start > length || length > source.head.length) return null;
  if (start > treeLength && !await hasRootsOf(target, source)) return null;
  const missing: number[] = [];
  for (let index = treeLength; index < start; index++) if (!target.bitfield.get(index)) missing.push(index);
  const filled = await requireBlocks(source, missing);
  const blocks = await requireBlocks(source, Array.from({ length: length - start }, (_, i) => start + i));
  return { start, blocks, missing, filled };
}

/**
 * Has a branch give up its own copies of the first `length` blocks, which the log at `root` has now.
 *
 * @throws {StorageError} as the storage.
 */
export async function handOver(source: LogState, root: Layer, length: number): Promise<void> {
  const { layer, owner } = source;
  if (layer === null) return;
  const batch = new WriteBatch();
  batch.deleteRows("block", owner, 0, length);
  const change = { ...layer, parent: root, sharedLength: length };
  putLayer(batch, change);
  await source.commit({ batch });
  Object.assign(layer, change);
}

async function hasRootsOf(target: LogState, source: LogState): Promise<boolean> {
  for (const root of target.head.roots) {
    const node = source.rootAt(root.index) ?? await source.nodes.read(root.index);
    if (!node || !equalBytes(node.hash, root.hash)) return false;
  }
  return true;
}

async function requireBlocks(source: LogState, indexes: readonly number[]): Promise<Uint8Array[]> {
  const blocks = await source.getBlocks(indexes);
  return blocks.map((block, i) => {
    if (block !== null) return block;
    throw new HypercoreError("INVALID_OPERATION", `Block ${indexes[i]} to be committed is not stored`);
  });
}

/**
 * Taking over a prologue, the fixed start of a log, from another log of which it is the start.
 *
 * Source of semantics: `hypercore/lib/copy-prologue.js`.
 *
 * @module
 */
import { equalBytes } from "../../base/mod.ts";
import { WriteBatch } from "../../storage/mod.ts";
import { HypercoreError } from "../errors.ts";
import { fullRoots, rightSpan } from "./flat_tree.ts";
import { COPY_BATCH_BYTES } from "./limits.ts";
import type { LogState } from "./log_state.ts";
import { totalSize, treeHashOf } from "./node.ts";
import type { LogChange, ManifestPrologue, TreeHead, TreeNode } from "./types.ts";
import type { UserData } from "./user_data.ts";

/** A log with what its user keeps beside it. */
export interface CopySide {
  readonly state: LogState;
  readonly userData: UserData;
}

/**
 * Copies the nodes of the prologue, its blocks as far as they are there, and the user data. Blocks and nodes go first, so
 * that a copy that is cut off leaves the log as it was.
 *
 * @returns what has changed; null where `source` is shorter than the prologue
 * @throws {HypercoreError} `INVALID_CHECKSUM` where `source` begins otherwise, `INVALID_OPERATION` where its roots are lost.
 * @throws {StorageError} as the storage.
 */
export async function copyPrologue(
  source: CopySide,
  target: CopySide,
  prologue: ManifestPrologue,
): Promise<LogChange[] | null> {
  const { length } = prologue;
  if (length === 0 || source.state.head.length < length) return null;
  const roots = await rootsOf(source.state, length);
  if (!equalBytes(treeHashOf(roots), prologue.hash)) {
    throw new HypercoreError("INVALID_CHECKSUM", "Prologue does not match source");
  }
  await copyTable(
    source.state,
    target.state,
    "node",
    2 * length - 1,
    (index) => rightSpan(index) < 2 * length,
  );
  const { bitfield } = source.state;
  await copyTable(source.state, target.state, "block", length, (index) => bitfield.get(index));
  for await (const { key, value } of source.userData.entries()) await target.userData.set(key, value);
  const ranges = Array.from(bitfield.setRanges(0, length), (run) => ({ ...run, value: true }));
  const isLonger = target.state.head.length < length;
  const head: TreeHead = { length, byteLength: totalSize(roots), fork: 0, roots, signature: null };
  const change = isLonger ? { head, rootHash: prologue.hash } : {};
  await target.state.commit({ batch: new WriteBatch(), ranges, ...change });
  const changes: LogChange[] = isLonger ? [{ kind: "upgrade", head, isReorg: false }] : [];
  for (const { start, end } of ranges) {
    changes.push({ kind: "blocks", start, length: end - start, has: true });
  }
  return changes;
}

async function rootsOf(state: LogState, length: number): Promise<TreeNode[]> {
  const roots: TreeNode[] = [];
  for (const index of fullRoots(length)) {
    const node = state.rootAt(index) ?? await state.nodes.read(index);
    if (!node) throw new HypercoreError("INVALID_OPERATION", "Missing nodes for prologue hash");
    roots.push(node);
  }
  return roots;
}

async function copyTable(
  source: LogState,
  target: LogState,
  table: "node" | "block",
  end: number,
  isWanted: (index: number) => boolean,
): Promise<void> {
  let batch = new WriteBatch();
  for await (const { index, value } of source.storage.rows(table, source.owner, { end })) {
    if (!isWanted(index)) continue;
    batch.putRow(table, target.owner, index, value);
    if (batch.byteLength < COPY_BATCH_BYTES) continue;
    await target.storage.write(batch);
    batch = new WriteBatch();
  }
  if (batch.size > 0) await target.storage.write(batch);
}

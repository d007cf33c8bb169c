/**
 * Copying blocks and nodes of a log to another owner, a bounded part at a time.
 *
 * @module
 */
import { WriteBatch } from "../../storage/mod.ts";
import { rightSpan } from "./flat_tree.ts";
import { COPY_BATCH_BYTES, COPY_ROWS } from "./limits.ts";
import type { LogState } from "./log_state.ts";

/** Rows to be copied. */
export interface RowsToCopy {
  readonly table: "block" | "node";
  /** First index. */
  readonly start: number;
  /** End, exclusive. */
  readonly end: number;
  /** Whose rows the copies are. */
  readonly owner: number;
  /** Nodes that reach behind this many blocks are left out. Default: none are. */
  readonly sharedLength?: number;
}

/**
 * Copies rows as `state` sees them; what is not stored is left out.
 *
 * @throws {StorageError} as the storage.
 */
export async function copyRows(state: LogState, rows: RowsToCopy): Promise<void> {
  const { table, start, end, owner, sharedLength = Infinity } = rows;
  for (let at = start; at < end;) {
    const batch = new WriteBatch();
    while (at < end && batch.byteLength < COPY_BATCH_BYTES) {
      const indexes: number[] = [];
      for (; at < end && indexes.length < COPY_ROWS; at++) {
        if (table === "block" || rightSpan(at) < 2 * sharedLength) indexes.push(at);
      }
      const values = await state.storage.getRows(table, state.owner, indexes);
      values.forEach((value, i) => {
        if (value !== null) batch.putRow(table, owner, indexes[i]!, value);
      });
    }
    if (batch.size > 0) await state.storage.write(batch);
  }
}

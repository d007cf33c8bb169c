/**
 * Mark and sweep through a session: blocks that nobody read since marking began are dropped.
 *
 * Source of semantics: `hypercore/index.js`.
 *
 * @module
 */
import { SWEEP_BATCH_SIZE } from "./limits.ts";
import { Marks } from "./marks.ts";
import type { SweepOptions } from "./options.ts";
import type { Session } from "./session.ts";

/** Begins to mark the blocks that are read. */
export async function startMarking<Value>(session: Session<Value>): Promise<void> {
  if (session.marks?.isMarking) throw session.error("ERR_ASSERTION", "Blocks are being marked already");
  const { log } = await session.ready("mark on");
  if (log.name !== null) throw session.error("ERR_ASSERTION", "Blocks of a named session cannot be marked");
  if (log.atom !== null) throw session.error("ERR_ASSERTION", "Blocks of an atomic session cannot be marked");
  const marks = session.marks = new Marks(log);
  await marks.clear();
  marks.isMarking = true;
}

/** Marks the blocks from `start` to `end` (exclusive). */
export async function markBlocks<Value>(session: Session<Value>, start: number, end: number): Promise<void> {
  const { log } = await session.ready("mark on");
  session.checkIndex(start, "Start of the range");
  session.checkIndex(end, "End of the range");
  session.marks ??= new Marks(log);
  await session.marks.mark(start, end);
}

/** Forgets all marks. */
export async function clearMarkings<Value>(session: Session<Value>): Promise<void> {
  const { log } = await session.ready("mark on");
  await (session.marks ?? new Marks(log)).clear();
  session.marks = null;
}

/** Drops every block that is not marked, and ends marking. */
export async function sweep<Value>(
  session: Session<Value>,
  { batchSize = SWEEP_BATCH_SIZE }: SweepOptions,
): Promise<void> {
  const { log, snapshot } = await session.ready("sweep");
  if (snapshot !== null) throw session.error("ERR_ASSERTION", "Cannot sweep a snapshot");
  await (session.marks ?? new Marks(log)).sweep(batchSize);
  session.marks = null;
}

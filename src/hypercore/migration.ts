/**
 * Moving a branch, with all sessions on it, from one log to another.
 *
 * Source of semantics: `hypercore/lib/session-state.js`, `moveTo`; `hypercore/index.js`, `transferSession`.
 *
 * @module
 */
import type { Core } from "./core.ts";
import type { Session } from "./session.ts";
import { sessionOf } from "./session.ts";

/**
 * Moves the branch that `session` is on to the log of `core`, which has its first `length` blocks; what it has behind them
 * goes. Every session on the branch hears `migrate`.
 *
 * @throws {HypercoreError} `ERR_ASSERTION` for a session that is on no branch, `INVALID_OPERATION` where the log is shorter
 *   or has other blocks.
 */
export async function moveBranch(session: Session<unknown>, core: Core, length: number): Promise<void> {
  const { log: old, core: oldCore } = session.require("move");
  const { name } = old;
  if (name === null || old.atom !== null) {
    throw session.error("ERR_ASSERTION", "Only sessions on a branch can be moved to another core");
  }
  await core.ready();
  const previousLength = old.head.length;
  const moving = oldCore.allSessions().map(sessionOf).filter((other) => other.openState?.log === old);
  const log = await core.log.branch(name);
  try {
    if (log.head.length < length) {
      const message = `Cannot move ${length} blocks to a log of ${log.head.length}`;
      throw session.error("INVALID_OPERATION", message);
    }
    if (log.head.length > length) await log.truncate(length, { fork: old.head.fork });
    const hadManifest = oldCore.manifest !== null;
    for (const other of moving) await other.relocate(core, log);
    for (const { face } of moving) {
      face.emit("migrate", core.key!);
      if (!hadManifest && core.manifest !== null) face.emit("manifest");
      if (length < previousLength) face.emit("truncate", length, log.head.fork);
      if (length > previousLength) face.emit("append");
    }
  } finally {
    await log.release();
  }
}

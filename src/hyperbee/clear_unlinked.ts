/**
 * Clearing blocks that the current tree does not lead to any more.
 *
 * Source for what counts as linked: `hyperbee/index.js`, `isLinked` and `clearUnlinked`.
 *
 * @module
 */
import type { Block } from "./block.ts";
import { type BeeCore, Reader, type TreeState } from "./driver.ts";
import { HyperbeeError } from "./errors.ts";
import { isOnTheWay, lookup } from "./lookup.ts";
import type { ClearUnlinkedOptions } from "./options.ts";

/** What the work asks of the bee. */
export interface ClearSource {
  readonly core: BeeCore;
  readonly state: TreeState;
  readonly version: number;
}

/** Clears blocks from `gte` to `lt` that the version in force does not lead to; returns `lt`. */
export async function clearUnlinked(source: ClearSource, options: ClearUnlinkedOptions): Promise<number> {
  const { core, state, version } = source;
  const { gte = 0, lt = version - 1, batchSize = 4096, wait = true } = options;
  let sweep = new Sweep(core, state, version, gte, wait);
  try {
    for (let seq = Math.max(gte, 1), count = 1; seq < lt; seq++, count++) {
      checkOpen(core);
      await sweep.visit(seq);
      if (count % batchSize !== 0) continue;
      sweep.close();
      sweep = new Sweep(core, state, version, gte, wait);
    }
  } finally {
    sweep.close();
  }
  checkOpen(core);
  return lt;
}

function checkOpen(core: BeeCore): void {
  if (core.closing === null) return;
  throw new HyperbeeError("SESSION_CLOSED", "Cannot clear blocks of a core that is closed");
}

class Sweep {
  readonly #core: BeeCore;
  readonly #version: number;
  readonly #previousVersion: number;
  /** Reads the current tree, from peers if it may. */
  readonly #tree: Reader;
  /** Reads what is local: blocks one by one, and the tree as it was before them. */
  readonly #local: Reader;

  constructor(core: BeeCore, state: TreeState, version: number, previousVersion: number, wait: boolean) {
    this.#core = core;
    this.#version = version;
    this.#previousVersion = previousVersion;
    this.#tree = new Reader(state, core, { wait });
    this.#local = new Reader(state, core, { wait: false });
  }

  /** Clears block `seq`, and the entry that it replaced, where the tree does not lead to them. */
  async visit(seq: number): Promise<void> {
    const block = await this.#local.run((shelf) => shelf.block(seq)).catch(nothing);
    if (block === null) return;
    if (!await this.#isLinked(block)) await this.#core.clear(seq, seq + 1);
    const replaced = await this.#replacedBy(block).catch(nothing);
    if (replaced !== null && !await this.#isLinked(replaced)) {
      await this.#core.clear(replaced.seq, replaced.seq + 1);
    }
  }

  async #replacedBy(block: Block): Promise<Block | null> {
    const root = await this.#local.root(this.#previousVersion);
    if (root === null) return null;
    return await this.#local.run((shelf) => lookup(root, block.key, shelf)) as Block | null;
  }

  /** Whether the way to its key, or to the first key of one of its nodes, leads through the block. */
  async #isLinked(block: Block): Promise<boolean> {
    const root = await this.#tree.root(this.#version);
    if (root === null) return false;
    const keys = [block.key];
    for (const seq of block.firstKeys()) {
      const entry = await this.#local.run((shelf) => shelf.entry(seq)).catch(nothing);
      if (entry !== null) keys.push(entry.key);
    }
    for (const key of keys) {
      if (await this.#tree.run((shelf) => isOnTheWay(root, key, block.seq, shelf))) return true;
    }
    return false;
  }

  close(): void {
    this.#tree.close();
    this.#local.close();
  }
}

/** What is not local or cannot be read is left as it is. */
function nothing(): null {
  return null;
}

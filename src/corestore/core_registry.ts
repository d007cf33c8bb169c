/**
 * The cores that a store has open, and those who watch it open more.
 *
 * @module
 */
import { type Clock, hexText } from "../base/mod.ts";
import type { Core } from "../hypercore/mod.ts";
import { IdleDriver } from "./driver.ts";

/** Hears of each core that a store opens; it may not be ready yet. Must not throw. */
export type CoreWatcher = (core: Core) => void;

/** Open cores by discovery key. */
export class CoreRegistry implements Iterable<Core> {
  readonly #cores = new Map<string, Core>();
  readonly #watchers = new Set<ReadonlySet<CoreWatcher>>();
  readonly #idle: IdleDriver<Core>;

  /** Starts empty; `clock` times the closing of idle cores. */
  constructor(clock?: Clock) {
    this.#idle = new IdleDriver((core) => this.#closeIdle(core), clock);
  }

  /** Cores that are open, being opened or being closed. */
  get size(): number {
    return this.#cores.size;
  }

  /** The core with this discovery key (bytes or hexadecimal), unless it is closing; null where there is none. */
  get(discoveryKey: Uint8Array | string): Core | null {
    const core = this.#cores.get(textOf(discoveryKey));
    return core === undefined || core.closing !== null ? null : core;
  }

  /** Whether the core with this discovery key is open and ready. */
  opened(discoveryKey: Uint8Array | string): boolean {
    return this.get(discoveryKey)?.opened === true;
  }

  /** The core with this discovery key for use, even where it is closing; null where there is none. */
  resume(discoveryKey: Uint8Array): Core | null {
    const core = this.#cores.get(hexText(discoveryKey)) ?? null;
    if (core !== null && core.closing === null) this.#idle.use(core);
    return core;
  }

  /** Takes in a core that was just made, in place of one that is closing. */
  add(discoveryKey: Uint8Array, core: Core): void {
    const id = hexText(discoveryKey);
    this.#cores.set(id, core);
    core.onidle = () => this.#idle.idle(core);
    core.ready().catch(() => this.#forget(id, core));
    for (const watchers of this.#watchers) for (const watcher of watchers) watcher(core);
  }

  /** Tells everyone in `watchers` of new cores. */
  watch(watchers: ReadonlySet<CoreWatcher>): void {
    this.#watchers.add(watchers);
  }

  /** Undoes {@linkcode CoreRegistry.watch}. */
  unwatch(watchers: ReadonlySet<CoreWatcher>): void {
    this.#watchers.delete(watchers);
  }

  /** Closes all cores; resolves once they are closed. */
  async close(): Promise<void> {
    this.#idle.stop();
    const cores = Array.from(this.#cores.values());
    await Promise.all(cores.map((core) => closeCore(core)));
    this.#cores.clear();
    this.#idle.stop();
  }

  /** The cores that are not closing. */
  *[Symbol.iterator](): IterableIterator<Core> {
    for (const core of this.#cores.values()) if (core.closing === null) yield core;
  }

  /** Closes a core, unless a session came the moment it was its turn. */
  async #closeIdle(core: Core): Promise<void> {
    if (!core.isIdle) return;
    const id = hexText(core.discoveryKey!);
    await closeCore(core);
    this.#forget(id, core);
  }

  #forget(id: string, core: Core): void {
    this.#idle.use(core);
    if (this.#cores.get(id) === core) this.#cores.delete(id);
  }
}

/** A core that cannot be opened has nothing to close, and has said so to those who waited for it. */
async function closeCore(core: Core): Promise<void> {
  try {
    await core.close();
  } catch {
    // What failed is told to whoever reads or writes the storage next.
  }
}

function textOf(discoveryKey: Uint8Array | string): string {
  return typeof discoveryKey === "string" ? discoveryKey : hexText(discoveryKey);
}

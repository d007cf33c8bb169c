/**
 * What a session reads and writes, with the names that packages built on hypercore rely on.
 *
 * Source of names: `hypercore/lib/session-state.js`, `hypercore-storage/index.js`.
 *
 * @module
 */
import type { Core } from "./core.ts";
import { Atom, type Log, type TreeNode } from "./log/mod.ts";
import { moveBranch } from "./migration.ts";
import type { Session } from "./session.ts";

/** Where a session's blocks lie. */
export class StateStorage {
  readonly #core: Core;
  readonly #log: Log;

  /** Of a log of `core`. */
  constructor(core: Core, log: Log) {
    this.#core = core;
    this.#log = log;
  }

  /** Changes of several logs of this storage that are stored together: sessions take part by their option `atom`. */
  createAtom(): Atom {
    return new Atom(this.#core.store);
  }

  /** The atom that the session is bound to; null for none. */
  get atom(): Atom | null {
    return this.#log.atom;
  }
}

/** The log, branch or pinned state that a session is on. */
export class SessionState {
  /** Where the blocks lie. */
  readonly storage: StateStorage;
  readonly #session: Session<unknown>;

  /** Of an open session. */
  constructor(session: Session<unknown>) {
    const { core, log } = session.require();
    this.#session = session;
    this.storage = new StateStorage(core, log);
  }

  /** What all sessions of the log share. */
  get core(): Core {
    return this.#session.require().core;
  }

  /** Name of the branch; null for the log itself. */
  get name(): string | null {
    return this.#session.require().log.name;
  }

  /** Blocks. */
  get length(): number {
    return this.#session.head!.length;
  }

  /** Bytes of all blocks, padding included. */
  get byteLength(): number {
    return this.#session.head!.byteLength;
  }

  /** How often it was truncated. */
  get fork(): number {
    return this.#session.head!.fork;
  }

  /** The full roots, left to right. */
  get roots(): readonly TreeNode[] {
    return this.#session.head!.roots;
  }

  /** Signature over it; null where there is none. */
  get signature(): Uint8Array | null {
    return this.#session.head!.signature;
  }

  /** Whether it is the log that peers see, or what an atom holds back from that. */
  isDefault(): boolean {
    const { log, snapshot } = this.#session.require();
    return log.isDefault && snapshot === null;
  }

  /** Whether it is pinned. */
  isSnapshot(): boolean {
    return this.#session.require().snapshot !== null;
  }

  /** Blocks from 0 on that the log has too, or had when this branched from it or was committed. */
  flushedLength(): number {
    const { log, snapshot } = this.#session.require();
    return snapshot === null ? log.sharedLength : snapshot.head.length;
  }

  /**
   * Moves the session, and every other one on the same branch, to another log that has the same `length` blocks; what the
   * branch has behind them goes.
   */
  async moveTo(core: Core, length: number): Promise<void> {
    await moveBranch(this.#session, core, length);
  }
}

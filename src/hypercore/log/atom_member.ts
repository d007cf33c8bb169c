/**
 * A log's part in an atom: how what is held back becomes the state of the log it is held back from.
 *
 * @module
 */
import type { Mutex } from "../../base/mod.ts";
import type { WriteBatch } from "../../storage/mod.ts";
import { HypercoreError } from "../errors.ts";
import type { AtomMember } from "./atom.ts";
import type { LogState } from "./log_state.ts";
import type { LogChange } from "./types.ts";

/** The log that changes are held back from. */
export interface AtomizedLog {
  /** Held while it changes. */
  readonly mutex: Mutex;
  /** Blocks that peers know of. */
  toldLength(): number;
  /** Keeps what others need of what is about to be cut; the result is called once it is. */
  beforeCut(length: number): Promise<() => Promise<void>>;
  /** Tells of a change. */
  notify(change: LogChange): void;
}

/** Hands the changes of one log down. */
export class LogAtomMember implements AtomMember {
  /** Held while what is held back changes. */
  mutex: Mutex | null = null;
  readonly #state: LogState;
  readonly #parent: AtomizedLog;
  #noteCut: () => Promise<void> = () => Promise.resolve();

  /** `state` holds changes back from `parent`. */
  constructor(state: LogState, parent: AtomizedLog) {
    this.#state = state;
    this.#parent = parent;
  }

  /** Number of the rows' owner. */
  get owner(): number {
    return this.#state.owner;
  }

  /** Whether anything is held back. */
  get hasChanges(): boolean {
    return this.#state.hasHeldBack;
  }

  /** Runs `section` while neither the log nor what is held back changes otherwise. */
  exclusively<T>(section: () => Promise<T>): Promise<T> {
    return this.#parent.mutex.run(() => this.mutex!.run(section));
  }

  /** Keeps what others need of what is about to be cut. */
  async beforeFlush(): Promise<void> {
    if (!this.hasChanges) return;
    if (!this.#state.isCurrent(this.#parent.toldLength())) {
      const message = "The log was changed otherwise while an atom held changes of it back";
      throw new HypercoreError("INVALID_OPERATION", message);
    }
    this.#noteCut = await this.#parent.beforeCut(this.#state.keptLength);
  }

  /** Adds the deletion of what was appended to the log meanwhile. */
  prepareRows(batch: WriteBatch): void {
    if (this.hasChanges) this.#state.dropOverrun(batch);
  }

  /** Adds the new head. */
  prepareHead(batch: WriteBatch): () => Promise<void> {
    const state = this.#state;
    if (!this.hasChanges) return () => Promise.resolve();
    const { head, keptLength: kept, originLength: previousLength } = state;
    const apply = state.handDown(batch);
    return async () => {
      apply();
      await this.#noteCut();
      const { length, fork } = head;
      if (kept < previousLength) {
        this.#parent.notify({ kind: "truncate", length: kept, fork, previousLength });
      }
      if (length > kept) this.#parent.notify({ kind: "append", head, start: kept, blocks: length - kept });
    };
  }
}

/**
 * Changes of several logs of one store that are stored together or not at all.
 *
 * Source of semantics: `hypercore-storage/index.js` (`createAtom`), `hypercore/lib/session-state.js`.
 *
 * @module
 */
import { WriteBatch } from "../../storage/mod.ts";
import type { CoreStore } from "./core_store.ts";
import type { LogStorage } from "./log_storage.ts";
import { Overlay } from "./overlay.ts";

/** A log that takes part in an atom. */
export interface AtomMember {
  /** Number of its rows' owner; members are locked in this order. */
  readonly owner: number;
  /** Whether anything is held back. */
  readonly hasChanges: boolean;
  /** Runs `section` while nothing else changes the log or the one it was made from. */
  exclusively<T>(section: () => Promise<T>): Promise<T>;
  /** Makes ready for the write; throws where the changes do not fit any more. */
  beforeFlush(): Promise<void>;
  /** Adds to `batch` what has to happen before the changes. */
  prepareRows(batch: WriteBatch): void;
  /** Adds to `batch`, which has the changes, what follows from them; the result is called once it is stored. */
  prepareHead(batch: WriteBatch): () => Promise<void>;
}

/** Changes of several logs that are held back until {@linkcode Atom.flush}. Sessions are bound to it by their option `atom`. */
export class Atom {
  readonly #overlay: Overlay;
  readonly #store: CoreStore;
  readonly #members = new Set<AtomMember>();
  readonly #preflush: (() => unknown)[] = [];
  readonly #onflush: (() => unknown)[] = [];
  #flushing: Promise<void> | null = null;

  /** For logs in `store`. */
  constructor(store: CoreStore) {
    this.#store = store;
    this.#overlay = new Overlay(store.storage);
  }

  /** Where the changes are meanwhile; for logs. */
  get storage(): LogStorage {
    return this.#overlay;
  }

  /** Whether the atom is for logs in `store`. */
  isOf(store: CoreStore): boolean {
    return store === this.#store;
  }

  /** Whether a flush is under way. */
  get flushing(): boolean {
    return this.#flushing !== null;
  }

  /** Resolves once no flush is under way. */
  async flushed(): Promise<void> {
    await this.#flushing;
  }

  /** Calls `hook` at the start of every flush, and waits for what it returns; the flush fails where that does. */
  preflush(hook: () => unknown): void {
    this.#preflush.push(hook);
  }

  /** Calls `hook` at the end of every flush, and waits for what it returns. */
  onflush(hook: () => unknown): void {
    this.#onflush.push(hook);
  }

  /** Adds a log. */
  join(member: AtomMember): void {
    this.#members.add(member);
  }

  /** Takes a log out; its changes that are not flushed are gone, those of its record under `layerKey` too. */
  leave(member: AtomMember, layerKey: Uint8Array | null): void {
    this.#members.delete(member);
    this.#overlay.forget(member.owner, layerKey);
  }

  /**
   * Stores all changes together, then shows them to everybody. The atom can be used again after that.
   *
   * @throws {HypercoreError} `INVALID_OPERATION` where a log was cut below what the changes build on.
   * @throws {StorageError} as the storage; nothing was stored then.
   */
  async flush(): Promise<void> {
    while (this.#flushing !== null) await this.#flushing;
    this.#flushing = this.#flush();
    try {
      await this.#flushing;
    } finally {
      this.#flushing = null;
    }
  }

  async #flush(): Promise<void> {
    for (const hook of this.#preflush) await hook();
    const members = Array.from(this.#members).sort((a, b) => a.owner - b.owner);
    const lockFrom = (index: number): Promise<void> => {
      const member = members[index];
      return member === undefined ? this.#write(members) : member.exclusively(() => lockFrom(index + 1));
    };
    await lockFrom(0);
    for (const hook of this.#onflush) await hook();
  }

  async #write(members: readonly AtomMember[]): Promise<void> {
    if (this.#overlay.isEmpty && !members.some((member) => member.hasChanges)) return;
    for (const member of members) await member.beforeFlush();
    const batch = new WriteBatch();
    for (const member of members) member.prepareRows(batch);
    this.#overlay.drain(batch);
    const follow = members.map((member) => member.prepareHead(batch));
    await this.#store.storage.write(batch);
    this.#overlay.reset();
    for (const step of follow) await step();
  }
}

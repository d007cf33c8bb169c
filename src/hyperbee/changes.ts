/**
 * Single changes of a bee: those that wait for the same lock are made together, each as the block that it makes alone.
 *
 * @module
 */
import { type Gathered, Gathering, type Lock, Mutex } from "../base/mod.ts";
import { CHANGES_AT_ONCE } from "./limits.ts";
import { TreeWriter, type WriteContext } from "./writer.ts";

/** A change of the tree; false where it came to nothing. */
export type Change = (writer: TreeWriter) => Promise<boolean>;

/** What {@linkcode SingleChanges} ask of their bee. */
export interface ChangesContext extends WriteContext {
  /** Called under the lock: the bee is open, and as new as it can be. @throws {HyperbeeError} `SESSION_CLOSED`. */
  prepare(): Promise<void>;
}

/** Changes that are made one by one, and appended together. */
export class SingleChanges {
  /** Taken for the time of each change. */
  readonly lock: Lock;
  readonly #context: ChangesContext;
  readonly #gathering: Gathering<Change, void>;
  /** Made with the first change; used under the lock. */
  #writer: TreeWriter | null = null;

  /** Nothing is changed yet. Whoever shares a `lock` keeps the order of all who do. */
  constructor(context: ChangesContext, lock: Lock | undefined) {
    this.#context = context;
    const mutex = new Mutex();
    this.lock = lock ?? (() => {
      this.#gathering.part();
      return mutex.lock();
    });
    const [taken, countMax] = lock ? [lock, 1] : [() => mutex.lock(), CHANGES_AT_ONCE];
    this.#gathering = new Gathering(taken, countMax, (changes) => this.#make(changes));
  }

  /** Makes a change in its turn; resolves once it is appended, or has come to nothing. */
  async add(change: Change): Promise<void> {
    await this.#gathering.add(change);
  }

  /** Makes changes, one block each, and appends them together. */
  async #make(changes: readonly Gathered<Change, void>[]): Promise<void> {
    await this.#context.prepare();
    const writer = this.#writer ??= new TreeWriter(this.#context, {});
    let made: Gathered<Change, void>[] = [];
    const append = async (): Promise<void> => {
      const appended = made;
      made = [];
      try {
        if (appended.length > 0) await writer.append(writer.encode());
        for (const { resolve } of appended) resolve();
      } catch (error) {
        writer.reset();
        for (const { reject } of appended) reject(error);
      }
    };
    for (const gathered of changes) {
      try {
        if (await gathered.item(writer)) {
          writer.seal();
          made.push(gathered);
          continue;
        }
        gathered.resolve();
      } catch (error) {
        gathered.reject(error);
      }
      // What a change that came to nothing left in memory is no part of the tree.
      await append();
      writer.reset();
    }
    await append();
  }
}

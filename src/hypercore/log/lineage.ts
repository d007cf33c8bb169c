/**
 * How a log is related to others: what it comes from, what comes from it, and how many use it.
 *
 * It opens nothing itself and knows no rows: whoever asks for a relative says how it is made.
 *
 * @module
 */
import type { Atom } from "./atom.ts";
import type { LogAtomMember } from "./atom_member.ts";
import type { Branches } from "./branches.ts";
import type { LogIdentity } from "./identity.ts";
import type { Log } from "./log.ts";

/** Where a log comes from. */
export type LogOrigin =
  /** It is the log that peers see. */
  | { readonly kind: "main"; readonly branches: Branches }
  /** It is a named branch of one. */
  | { readonly kind: "branch"; readonly main: Lineage; readonly name: string }
  /** Its changes are held back from another one. */
  | { readonly kind: "atom"; readonly parent: Lineage; readonly atom: Atom; readonly member: LogAtomMember };

/** The relatives of one log. */
export class Lineage {
  /** The log. */
  readonly log: Log;
  readonly #origin: LogOrigin;
  readonly #identity: LogIdentity;
  /** Branches of the log that peers see by name, those being opened too; and those that are open. */
  readonly #branches = new Map<string, Promise<Log>>();
  readonly #openBranches = new Set<Log>();
  /** The atom that changes of the log are held back in, with what is held back. */
  #atomized: { readonly atom: Atom; readonly log: Log } | null = null;
  /** Users of a branch or of what an atom holds back. */
  #userCount = 1;

  /** Nothing comes from `log` yet. */
  constructor(log: Log, origin: LogOrigin, identity: LogIdentity) {
    this.log = log;
    this.#origin = origin;
    this.#identity = identity;
    if (origin.kind === "branch") origin.main.#openBranches.add(log);
  }

  /** Relatives of the log that peers see: this one, or the one that it branches from. */
  get main(): Lineage {
    const origin = this.#origin;
    if (origin.kind === "main") return this;
    return origin.kind === "branch" ? origin.main : origin.parent.main;
  }

  /** Name of the branch, null for the log itself. */
  get name(): string | null {
    const origin = this.#origin;
    if (origin.kind === "atom") return origin.parent.name;
    return origin.kind === "branch" ? origin.name : null;
  }

  /** The atom that holds changes of the log back; null for none. */
  get atom(): Atom | null {
    return this.#origin.kind === "atom" ? this.#origin.atom : null;
  }

  /** Branches of the log that peers see, as they are stored. */
  get storedBranches(): Branches {
    return (this.main.#origin as LogOrigin & { kind: "main" }).branches;
  }

  /** Branches of the log that peers see, those being opened too. */
  branches(): Promise<Log[]> {
    return Promise.all(this.main.#branches.values());
  }

  /**
   * The branch `name`: the one that is open, with one user more, or what `open` gives.
   *
   * @param isFresh refuses one that is open
   * @throws {HypercoreError} `ERR_ASSERTION` within an atom, and for a fresh one that is open.
   */
  async branch(name: string, isFresh: boolean, open: () => Promise<Log>): Promise<Log> {
    if (this.atom !== null) throw this.#identity.error("ERR_ASSERTION", "Cannot branch within an atom");
    const { main } = this;
    const known = main.#branches.get(name);
    if (known === undefined) {
      const opening = open();
      main.#branches.set(name, opening);
      opening.catch(() => main.#branches.delete(name));
      return await opening;
    }
    const log = await known;
    if (log.isClosing) {
      await log.close();
      return await this.branch(name, isFresh, open);
    }
    if (isFresh) throw this.#identity.error("ERR_ASSERTION", `Session "${name}" is open`);
    log.retain();
    return log;
  }

  /**
   * What `atom` holds back: what it does already, with one user more, or what `make` gives.
   *
   * @throws {HypercoreError} `ERR_ASSERTION` while changes are held back in another atom, or within one.
   */
  atomize(atom: Atom, make: () => Log): Log {
    if (this.atom !== null || (this.#atomized !== null && this.#atomized.atom !== atom)) {
      throw this.#identity.error("ERR_ASSERTION", "Session already atomized");
    }
    if (this.#atomized !== null) {
      this.#atomized.log.retain();
      return this.#atomized.log;
    }
    const log = make();
    this.#atomized = { atom, log };
    return log;
  }

  /** Adds a user. */
  retain(): void {
    this.#userCount++;
  }

  /** Takes a user away; whether the log has to be closed, which is never so for the one that peers see. */
  release(): boolean {
    return --this.#userCount === 0 && this.#origin.kind !== "main";
  }

  /** The log is closing: what comes from it is closed, and what it comes from forgets it. `key` is that of its layer. */
  async end(key: Uint8Array | null): Promise<void> {
    const origin = this.#origin;
    if (origin.kind === "main") {
      await Promise.all(Array.from(this.#openBranches, (branch) => branch.close()));
    } else if (origin.kind === "branch") {
      origin.main.#branches.delete(origin.name);
      origin.main.#openBranches.delete(this.log);
    } else {
      origin.atom.leave(origin.member, key);
      origin.parent.#atomized = null;
    }
  }
}

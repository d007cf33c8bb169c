/**
 * What a log is put together from.
 *
 * @module
 */
import type { Atom } from "./atom.ts";
import type { LogAtomMember } from "./atom_member.ts";
import type { Branches } from "./branches.ts";
import type { CoreStore } from "./core_store.ts";
import type { LogIdentity } from "./identity.ts";
import type { Log } from "./log.ts";
import type { LogState } from "./log_state.ts";

/** Where a log comes from. */
export type LogOrigin =
  /** It is the log that peers see. */
  | { readonly kind: "main"; readonly branches: Branches }
  /** It is a named branch of one. */
  | { readonly kind: "branch"; readonly main: Log; readonly name: string }
  /** Its changes are held back from another one. */
  | { readonly kind: "atom"; readonly parent: Log; readonly atom: Atom; readonly member: LogAtomMember };

/** A log's parts. */
export interface LogParts {
  /** The store that it lies in. */
  readonly store: CoreStore;
  /** What is stored. */
  readonly state: LogState;
  /** Whose it is. */
  readonly identity: LogIdentity;
  /** Where it comes from. */
  readonly origin: LogOrigin;
}

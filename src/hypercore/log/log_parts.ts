/**
 * What a log is put together from.
 *
 * @module
 */
import type { CoreStore } from "./core_store.ts";
import type { LogIdentity } from "./identity.ts";
import type { LogOrigin } from "./lineage.ts";
import type { LogState } from "./log_state.ts";

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

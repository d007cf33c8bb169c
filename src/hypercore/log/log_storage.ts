/**
 * What a log asks of its storage: a storage itself, or a view of one.
 *
 * @module
 */
import type { Storage } from "../../storage/mod.ts";

/** The part of a `Storage` that a log reads and writes through. */
export type LogStorage = Pick<Storage, "getRow" | "getRows" | "rows" | "getRecord" | "records" | "write"> & {
  /** Tree nodes of one log to be kept in memory; left out for the default. */
  readonly treeCacheNodes?: number;
};

/**
 * What a session tells; source: `hypercore/index.js`, `hypercore/lib/core.js`, `hypercore/lib/replicator.js`.
 *
 * @module
 */
import type { SharedEvents } from "./core.ts";

/** Events of {@linkcode Hypercore}. */
export interface HypercoreEvents extends SharedEvents {
  /** The log is open. */
  ready: [];
  /** The session is closed. */
  close: [];
  /** The length grew, by our own append or a peer's. */
  append: [];
  /** The session has moved to another log, whose key (32 bytes) is given. */
  migrate: [key: Uint8Array];
  /** The log was cut to `length`. */
  truncate: [length: number, fork: number];
}

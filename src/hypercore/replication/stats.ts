/**
 * Counters, with the names of the originals; source: `hypercore/lib/replicator.js`.
 *
 * @module
 */

/** Messages of one kind. */
export interface WireCounter {
  /** Sent. */
  tx: number;
  /** Received. */
  rx: number;
}

/** What was sent, received and went wrong, of one peer or of all of them since the core was opened. */
export interface ReplicationStats {
  /** Messages about state. */
  readonly wireSync: WireCounter;
  /** Requests. */
  readonly wireRequest: WireCounter;
  /** Requests taken back. */
  readonly wireCancel: WireCounter;
  /** Answers with data. */
  readonly wireData: WireCounter;
  /** Regions asked about. */
  readonly wireWant: WireCounter;
  /** Regions given up. */
  readonly wireUnwant: WireCounter;
  /** Answers about regions. */
  readonly wireBitfield: WireCounter;
  /** Blocks announced. */
  readonly wireRange: WireCounter;
  /** Messages of extensions. */
  readonly wireExtension: WireCounter;
  /** Blocks asked of a second peer. */
  hotswaps: number;
  /** Proofs that did not verify. */
  invalidData: number;
  /** Requests from peers that cannot be proved. */
  invalidRequests: number;
  /** Requests of ours that peers called invalid. */
  backoffs: number;
  /** Requests of ours that peers had no data for. */
  notAvailableBackoffs: number;
}

/** Names of the wire counters. */
export type WireCounterName = {
  [Name in keyof ReplicationStats]: ReplicationStats[Name] extends WireCounter ? Name : never;
}[keyof ReplicationStats];

/** The counter of each kind of message. Compat: hypercore/lib/replicator.js counts no noData, and unwants only sent. */
export const COUNTER_OF_RECEIVED: { readonly [kind: string]: WireCounterName | undefined } = {
  sync: "wireSync",
  request: "wireRequest",
  cancel: "wireCancel",
  data: "wireData",
  want: "wireWant",
  bitfield: "wireBitfield",
  range: "wireRange",
  extension: "wireExtension",
};

/** All zero. */
export function newStats(): ReplicationStats {
  return {
    wireSync: { tx: 0, rx: 0 },
    wireRequest: { tx: 0, rx: 0 },
    wireCancel: { tx: 0, rx: 0 },
    wireData: { tx: 0, rx: 0 },
    wireWant: { tx: 0, rx: 0 },
    wireUnwant: { tx: 0, rx: 0 },
    wireBitfield: { tx: 0, rx: 0 },
    wireRange: { tx: 0, rx: 0 },
    wireExtension: { tx: 0, rx: 0 },
    hotswaps: 0,
    invalidData: 0,
    invalidRequests: 0,
    backoffs: 0,
    notAvailableBackoffs: 0,
  };
}

/**
 * What a relay gives to its clients, and no more.
 *
 * The npm package has none of these bounds: whoever reaches a relay may use it for any amount and any time.
 *
 * @module
 */

/** Bounds of a relay; infinity for none. */
export interface RelayLimits {
  /** Sessions, that is connections of clients. */
  readonly sessionsMax: number;
  /** Pairs that are relayed. */
  readonly pairsMax: number;
  /** Pairs and requests of one session. */
  readonly pairsPerSessionMax: number;
  /** Requests that wait for the other peer. */
  readonly pendingMax: number;
  /** How long a request may wait for the other peer, ms. */
  readonly pendingMs: number;
  /** How long a pair may last, ms. */
  readonly pairMs: number;
  /** How long a pair may go without a packet, ms. */
  readonly idleMs: number;
  /** Bytes that a pair may relay, both directions together. */
  readonly pairBytesMax: number;
  /** Bytes per second of each direction of a pair; packets wait a little, those beyond are dropped. */
  readonly pairBytesPerSecond: number;
  /** Bytes per second of the whole relay; packets wait a little, those beyond are dropped. */
  readonly bytesPerSecond: number;
}

/** Limits unless a relay is given others: counts and waits are bounded, traffic is not. */
export const DEFAULT_LIMITS: RelayLimits = {
  sessionsMax: 4096,
  pairsMax: 4096,
  pairsPerSessionMax: 128,
  pendingMax: 8192,
  pendingMs: 120_000,
  pairMs: Infinity,
  idleMs: 600_000,
  pairBytesMax: Infinity,
  pairBytesPerSecond: Infinity,
  bytesPerSecond: Infinity,
};

/** Limits of a relay that is open to strangers: 1 MiB/s a pair and direction, 16 MiB/s in all, 4 GiB, 6 hours. */
export const PUBLIC_LIMITS: RelayLimits = {
  sessionsMax: 1024,
  pairsMax: 512,
  pairsPerSessionMax: 16,
  pendingMax: 1024,
  pendingMs: 30_000,
  pairMs: 6 * 3_600_000,
  idleMs: 120_000,
  pairBytesMax: 4 * 1024 ** 3,
  pairBytesPerSecond: 1024 ** 2,
  bytesPerSecond: 16 * 1024 ** 2,
};

/** Answers that may wait to be read by one client. */
export const UNREAD_REPLIES_MAX = 1024;

/** How long a packet may wait for its turn under a rate; one that would wait longer is dropped. */
export const QUEUE_MS_MAX = 200;

/** A rate that is so low that {@linkcode QUEUE_MS_MAX} would hold less lets so many bytes wait. */
export const QUEUE_BYTES_MIN = 24_000;

/** What a rate lets through at once after a pause, ms of it: timers are no finer. */
export const BURST_MS = 10;

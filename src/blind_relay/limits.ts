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
  /** Bytes per second of each direction of a pair; packets beyond are dropped, which the peers take as loss. */
  readonly pairBytesPerSecond: number;
  /** Bytes per second of the whole relay; packets beyond are dropped. */
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

/** What a rate may let through at once after a pause, in ms of it, and bytes at least. */
export const BURST_MS = 250;

/** See {@linkcode BURST_MS}. */
export const BURST_BYTES_MIN = 65_536;

/**
 * Bounds and times of swarms. Source, where nothing else is said: `hyperswarm` 4.17.1 (index.js, lib/).
 *
 * @module
 */

/** Connections at most, unless `maxPeers` says otherwise. */
export const PEERS_MAX = 64;

/** Connections being made at a time, unless `maxParallel` says otherwise. */
export const PARALLEL_MAX = 3;

/** A connection that lived this long counts as a good one: the next try comes soon. */
export const GOOD_CONNECTION_MS = 15_000;

/** A peer is not tried again after this many tries in a row, unless it was asked for by its key. */
export const TRIES_MAX = 3;

/** Explicit peers are not dialled out of turn after this many tries in a row. */
export const EXPLICIT_TRIES_MAX = 5;

/** An explicit peer is dialled out of turn once this long, times the tries so far, has passed since the last one. */
export const EXPLICIT_WAIT_MS = 1000;

/** What is added to each wait, at random, at most. */
export const BACKOFF_JITTER_MS = 500;

/** Waits before a peer is tried again: short, middle, long, and for explicit peers that nothing else is left of. */
export const BACKOFFS: readonly { readonly baseMs: number; readonly spreadMs: number }[] = [
  { baseMs: 1000, spreadMs: BACKOFF_JITTER_MS },
  { baseMs: 5000, spreadMs: 2 * BACKOFF_JITTER_MS },
  { baseMs: 15_000, spreadMs: 4 * BACKOFF_JITTER_MS },
  { baseMs: 600_000, spreadMs: 240 * BACKOFF_JITTER_MS },
];

/** How long a topic's lookup or announce holds. */
export const REFRESH_INTERVAL_MS = 600_000;

/** What is added to that, at random, at most; also how long after a sleep of the machine at most. */
export const REFRESH_JITTER_MS = 120_000;

/** A refresh that is this much too late has slept through its time. */
export const REFRESH_GRACE_MS = 30_000;

/**
 * Waits before each further look for the peers of a topic that had none when it was joined, up to twice as long at random,
 * ms; ours. The npm package looks again with the next refresh.
 */
export const EARLY_LOOKS_MS: readonly number[] = [5000, 30_000];

/** Peers of a topic that are remembered to count them against its limit. */
export const DISCOVERED_MAX = 64;

/** Peers that are known and neither connected nor explicit nor banned, at most; ours. Further ones are passed over. */
export const KNOWN_PEERS_MAX = 16_384;

/** Banned peers that are remembered; ours. The one banned first is forgotten first. */
export const BANNED_PEERS_MAX = 16_384;

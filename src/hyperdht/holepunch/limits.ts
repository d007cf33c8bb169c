/**
 * Numbers of hole punching. What happens at the bounds is in `docs/limits.md`.
 *
 * @module
 */

/** Sockets that a random NAT opens, so that the peer may hit one by chance. Source: hyperdht `lib/holepuncher.js`. */
export const BIRTHDAY_SOCKETS = 256;

/** Sockets opened in one turn of the event loop. */
export const BIRTHDAY_SOCKETS_PER_TURN = 16;

/** Time to live of datagrams that open our own NAT and go no further. Source: hyperdht `lib/holepuncher.js`. */
export const LOW_TTL = 5;

/** Time to live of datagrams that are to arrive. Source: hyperdht `lib/holepuncher.js`. */
export const PUNCH_TTL = 64;

/** Sockets that are tried when the NAT looks unstable. Source: hyperdht `lib/holepuncher.js`. */
export const REOPENS_MAX = 3;

/** Rounds of probes between consistent NATs. Source: hyperdht `lib/holepuncher.js`. */
export const CONSISTENT_PROBES = 10;

/** Time between those rounds, ms. Source: hyperdht `lib/holepuncher.js`. */
export const CONSISTENT_PROBE_INTERVAL_MS = 1000;

/** Addresses that nobody vouched for are probed in each so-manieth round. Source: hyperdht `lib/holepuncher.js`. */
export const UNVERIFIED_PROBE_ROUNDS = 4;

/**
 * Datagrams that keep the sockets of a random NAT open: 50 s. hyperdht sends 1750, for about 35 s, but the busier it is
 * the longer it takes with as many ports on the other side.
 */
export const KEEPING_PUNCHES = 2500;

/** Time between those, ms. Source: hyperdht `lib/holepuncher.js`. */
export const KEEPING_INTERVAL_MS = 20;

/** Ports of a random NAT that are tried, one after the other: 35 s. hyperdht tries 1750. */
export const PORT_PROBES = 2000;

/** So many of them are sent quickly. */
export const QUICK_PORT_PROBES = 500;

/** Time between the quick ones, ms. The npm package has none of them. */
export const QUICK_PORT_PROBE_INTERVAL_MS = 10;

/** Time between the others, ms. Source: hyperdht `lib/holepuncher.js`. */
export const PORT_PROBE_INTERVAL_MS = 20;

/** Datagrams of either kind that may be late and are still sent, all at once. */
export const LATE_PUNCHES_MAX = 5;

/** Rest between opening the sockets of a random NAT and keeping them open, ms. Source: hyperdht `lib/holepuncher.js`. */
export const BIRTHDAY_REST_MS = 100;

/**
 * Each so-manieth of those sockets sends datagrams that are to arrive from the first time on; the others only open
 * our NAT then. The npm package has none of the former.
 */
export const EAGER_SOCKET_STEP = 32;

/** First of the ports that are probed. Source: hyperdht `lib/holepuncher.js`. */
export const PROBED_PORT_MIN = 1000;

/** Addresses of the peer that are probed. */
export const REMOTE_ADDRESSES_MAX = 8;

/** Samples that a NAT is judged by. Source: hyperdht `lib/nat.js`. */
export const NAT_SAMPLES = 4;

/** Samples that a socket's NAT is judged by at most. */
export const NAT_SAMPLES_MAX = 64;

/** In a routing table of so many nodes the ones heard of last are spared. Source: hyperdht `lib/nat.js`. */
export const NAT_SKIP_TABLE_NODES = 8;

/** So many are spared. Source: hyperdht `lib/nat.js`. */
export const NAT_SKIP_NODES = 5;

/** How long a client waits for a server that does not know its NAT yet, ms. Source: hyperdht `lib/connect.js`. */
export const SETTLE_MS = 1000;

/**
 * How long a server may take to answer the round that begins a punch with a random NAT, before it is sent again, ms: one
 * of hyperdht opens 256 sockets first, and ends the punch when the round comes a second time.
 */
export const RANDOM_PUNCH_ANSWER_MS = 3000;

/** Shortest wait of a client that shall try later, ms. Source: hyperdht `lib/connect.js`. */
export const TRY_LATER_MS = 10_000;

/** What is added to that wait by chance, ms. Source: hyperdht `lib/connect.js`. */
export const TRY_LATER_JITTER_MS = 10_000;

/** Rounds of a client that a server has not answered yet; further ones get no answer. */
export const WAITING_ROUNDS_MAX = 8;

/** How long an idle socket lingers that peers may come back to, ms. Source: hyperdht `lib/socket-pool.js`. */
export const LINGER_MS = 3000;

/** Peers whose last address is remembered. */
export const ROUTES_MAX = 4096;

/** How long a client waits for the hole of the fast open, or for the server's answer, before it judges its NAT, ms. */
export const FAST_OPEN_HEAD_START_MS = 10;

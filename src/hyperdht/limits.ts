/**
 * Defaults and bounds. What happens there is in `docs/limits.md`.
 *
 * @module
 */

/** Port that a node tries to bind to. Source: hyperdht `index.js`. */
export const DEFAULT_PORT = 49737;

/** Keep-alive of connections, ms. Source: hyperdht `index.js`. */
export const CONNECTION_KEEP_ALIVE_MS = 5000;

/** Keep-alive of connections to blind relays, ms. Source: hyperdht `lib/server.js`. */
export const RELAY_KEEP_ALIVE_MS = 5000;

/** Shortest time between punches with a random NAT, ms. Source: hyperdht `index.js`. */
export const RANDOM_PUNCH_INTERVAL_MS = 20_000;

/** Entries of each cache of a node. Source: hyperdht `index.js`. */
export const CACHE_ENTRIES_MAX = 65_536;

/** Age at which announcements and routes are forgotten, ms. Source: hyperdht `index.js`. */
export const RECORD_AGE_MAX_MS: number = 20 * 60 * 1000;

/** Age at which mutable and immutable records are forgotten, ms. Source: hyperdht `index.js`. */
export const VALUE_AGE_MAX_MS: number = 48 * 60 * 60 * 1000;

/** Servers whose relays a client remembers. Source: hyperdht `index.js`. */
export const RELAY_ADDRESSES_CACHE_MAX = 512;

/** Bytes of values that one generation of the mutable or immutable records holds. */
export const VALUE_BYTES_MAX: number = 32 * 1024 * 1024;

/**
 * Signatures of announcements and records that a node checks in 100 ms; each costs two curve multiplications. Half of
 * them for whoever comes, as many by shares, and twice as many at most.
 */
export const SIGNATURE_CHECKS_MAX = 200;

/** Peers in the answer to a lookup. Source: hyperdht `lib/persistent.js`. */
export const LOOKUP_PEERS_MAX = 20;

/** Relays in an announcement. Source: hyperdht `lib/persistent.js`. */
export const RELAY_ADDRESSES_MAX = 3;

/** How far a bump may be ahead of our clock, ms. Source: hyperdht `lib/persistent.js`. */
export const BUMP_DRIFT_MAX_MS = 60_000;

/** Relays that an announcer keeps. Source: hyperdht `lib/announcer.js`. */
export const ANNOUNCE_RELAYS = 3;

/** Time between pings of an announcer's relays, ms. Source: hyperdht `lib/announcer.js`. */
export const ANNOUNCE_PING_INTERVAL_MS = 3000;

/** Rounds of pings before an announcer announces anew because relays see it elsewhere: not with each new mapping. */
export const ANNOUNCE_MOVED_ROUND_MIN = 3;

/** Rounds of pings before an announcer announces anew. Source: hyperdht `lib/announcer.js`. */
export const ANNOUNCE_PING_ROUNDS = 100;

/** How long an announcer waits after a failure before it goes on, ms. */
export const ANNOUNCE_RETRY_MS = 1000;

/**
 * How long an announcer that withdraws waits for the first of its relays to answer, ms; ours: three tries, and time for
 * an answer to the last. The package waits for four tries of each of two requests.
 */
export const WITHDRAW_SILENCE_MS = 2500;

/** How long a server keeps a finished handshake, for what is sent again, ms. Source: hyperdht `lib/server.js`. */
export const HANDSHAKE_CLEAR_WAIT_MS = 10_000;

/** How long a server waits for a client after the handshake, ms. Source: hyperdht `lib/server.js`. */
export const HANDSHAKE_INITIAL_TIMEOUT_MS = 10_000;

/** Handshakes of a server that have not led to a connection yet; the oldest gives way. */
export const HALF_OPEN_HANDSHAKES_MAX = 512;

/** Handshakes that a server knows of in all; the oldest finished one gives way. */
export const HANDSHAKES_MAX = 4096;

/**
 * New handshakes that a server takes within a second; each costs five curve multiplications. Half as many are for whoever
 * comes, the rest for each source's share.
 */
export const HANDSHAKES_PER_SECOND_MAX = 500;

/** They are counted for so long, ms: not a part of a second, after which a client asks again. */
export const HANDSHAKE_WINDOW_MS = 300;

/** Relays that clients chose and that a server is connecting to; a client's wish beyond is passed over. */
export const CLIENT_RELAYS_MAX = 64;

/** Longest Noise message that a server looks at, bytes. */
export const NOISE_MESSAGE_BYTES_MAX = 4096;

/** Local addresses that a client looks at, of those a server names. */
export const ADDRESSES_MAX = 16;

/** How long a client that can be reached waits for the server, ms. Source: hyperdht `lib/connect.js`. */
export const PASSIVE_CONNECT_TIMEOUT_MS = 10_000;

/**
 * How long the server's address in our own network may take to answer before holes are punched too, ms; ours. The package
 * does both at once.
 */
export const LAN_HEAD_START_MS = 100;

/** How long it may take until both sides have met at a blind relay, ms. Source: hyperdht `lib/connect.js`. */
export const RELAY_TIMEOUT_MS = 15_000;

/** Greetings to a relay that a peer may be on though there is a direct way, and the time between two of them, ms. */
export const RELAY_GREETINGS = 15;
/** See {@linkcode RELAY_GREETINGS}. */
export const RELAY_GREETING_MS = 1000;

/** How long a server may take to open the encrypted stream once there is a way to it, ms. */
export const OPEN_TIMEOUT_MS = 30_000;

/** How long a client waits for nodes that it knows before it looks for others, ms. */
export const KNOWN_HEAD_START_MS = 20;

/** Handshakes that a client has under way at once. Source: hyperdht `lib/connect.js`. */
export const PARALLEL_HANDSHAKES = 2;

/** Tries of each request while a server is looked for. Source: hyperdht `lib/connect.js`. */
export const FIND_PEER_RETRIES = 3;

/** How long a datagram may take to come back from an own address, ms. Source: hyperdht `index.js`. */
export const LOCAL_ADDRESS_TIMEOUT_MS = 500;

/** Own addresses whose check is remembered. */
export const LOCAL_ADDRESSES_MAX = 256;

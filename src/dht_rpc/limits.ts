/**
 * Numbers of the protocol, each with its origin, and the bounds that keep hostile peers cheap.
 *
 * @module
 */

/** Nodes in a row of the routing table, in an answer, and that a query ends with (kademlia-routing-table `index.js`). */
export const K = 20;

/** Bytes of a node id, a target and a token (dht-rpc `lib/io.js`). */
export const ID_BYTES = 32;

/** Bytes of an IPv4 address with its port (compact-encoding-net `index.js`). */
export const ADDRESS_BYTES = 6;

/** Bytes of a datagram that nodes read, of both makes: longer ones are cut off and make no sense then (udx-native). */
export const DATAGRAM_BYTES_MAX = 2048;

/** Interval of a node's upkeep (dht-rpc `index.js`). */
export const TICK_MS = 5000;

/** A gap between ticks that is longer means that the machine slept (dht-rpc `index.js`). */
export const SLEEP_MS: number = 3 * TICK_MS;

/** Ticks until a new node may become persistent: 20 minutes (dht-rpc `index.js`). */
export const STABLE_TICKS = 240;

/** The same after a sleep or a failed attempt: an hour (dht-rpc `index.js`). */
export const MORE_STABLE_TICKS: number = 3 * STABLE_TICKS;

/** Idle ticks until the table is refreshed: 5 minutes (dht-rpc `index.js`). */
export const REFRESH_TICKS = 60;

/** A node heard of within so many ticks, a minute, is not asked again (dht-rpc `index.js`). */
export const RECENT_TICKS = 12;

/** A node that is in the table for so many ticks, half an hour, is old (dht-rpc `index.js`). */
export const OLD_TICKS = 360;

/** Requests of a query at the same time (dht-rpc `index.js`). */
export const CONCURRENCY = 10;

/** Requests of a query at the same time while its first, given nodes are asked (dht-rpc `lib/query.js`). */
export const SLOW_START_CONCURRENCY = 3;

/** Requests sent within one of four windows of {@linkcode WINDOW_MS} (dht-rpc `lib/io.js`). */
export const WINDOW_REQUESTS = 80;

/** Length of a window of sending (dht-rpc `lib/io.js`). */
export const WINDOW_MS = 750;

/** How long one secret is the newest; a token is good for that long and up to twice as long (dht-rpc `lib/io.js`). */
export const SECRET_MS = 7500;

/** Times that a request is sent again (dht-rpc `lib/io.js`). */
export const REQUEST_RETRIES = 3;

/** Times that a request of a query is sent again (dht-rpc `lib/query.js`). */
export const QUERY_RETRIES = 5;

/** How long an answer is waited for, without adaptive timeouts (dht-rpc `lib/io.js`). */
export const REQUEST_TIMEOUT_MS = 1000;

/** Longest delay of a delayed ping (dht-rpc `index.js`). */
export const PING_DELAY_MAX_MS = 10_000;

/** What a delayed ping may take longer than its delay (dht-rpc `index.js`). */
export const DELAYED_PING_GRACE_MS = 1000;

/** Down hints per tick (dht-rpc `index.js`). */
export const DOWN_HINTS_PER_TICK = 50;

/** Nodes that are asked whether they live, at most at once, on the word of others (dht-rpc `index.js`). */
export const CHECKS_MAX = 10;

/** Nodes of full rows that are asked whether they live, at most at once (dht-rpc `index.js`). */
export const SWAPS_MAX = 3;

/** Nodes that take part in a firewall test (dht-rpc `index.js`). */
export const FIREWALL_PROBES = 5;

/** Nodes that have to be heard of in a firewall test with that many (dht-rpc `index.js`). */
export const FIREWALL_PONGS_MIN = 3;

/** Ports that are tried after a given one before any other (dht-rpc `lib/io.js`). */
export const PORT_RANGE = 5;

/** Requests under way; there are 65 536 transaction ids, and half of them keeps finding a free one quick. */
export const REQUESTS_MAX = 32_768;

/** Addresses that one query asks. Honest networks of 10 000 nodes take about 60; dht-rpc has no bound. */
export const QUERY_VISITS_MAX = 500;

/** Addresses that one query remembers; dht-rpc has no bound. */
export const QUERY_ADDRESSES_MAX = 2000;

/** Delayed pings that wait for their time; dht-rpc has no bound. */
export const DELAYED_PINGS_MAX = 1000;

/** Delayed pings of one host among them. */
export const DELAYED_PINGS_PER_HOST_MAX = 50;

/** Hosts whose token is remembered instead of computed again. */
export const TOKEN_CACHE_HOSTS_MAX = 1024;

/** Length of the window in which requests of others are counted. */
export const INBOUND_WINDOW_MS = 100;

/** Requests that sources share in such a window once half as many were served to anybody. dht-rpc has no bound. */
export const INBOUND_REQUESTS_MAX = 5000;

/** Requests that any source may have served in a window, however many others there are. */
export const INBOUND_SHARE_MIN = 4;

/** Sources that are counted by themselves; the rest share one count. */
export const INBOUND_SOURCES_MAX = 4096;

/**
 * Answers without a request within {@linkcode WINDOW_MS}, above which an answer counts only when it comes from the
 * address that was asked: somebody guesses transaction ids.
 */
export const STRAY_REPLIES_MAX = 100;

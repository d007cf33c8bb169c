/**
 * Numbers of the protocol, each with its origin, and the bounds that keep a hostile peer cheap.
 *
 * @module
 */

/** Bytes of the packet header (libudx include/udx.h). */
export const HEADER_BYTES = 20;

/** IPv4, UDP and UDX headers: what the MTU holds besides payload (libudx include/udx.h). */
export const IPV4_OVERHEAD_BYTES = 20 + 8 + HEADER_BYTES;

/** IPv6, UDP and UDX headers (libudx include/udx.h). */
export const IPV6_OVERHEAD_BYTES = 40 + 8 + HEADER_BYTES;

/** MTU that every path is taken to carry (libudx include/udx.h). */
export const MTU_BASE = 1200;

/** Largest MTU that is probed for (libudx include/udx.h). */
export const MTU_MAX = 1500;

/** Growth from one probe to the next (libudx include/udx.h). */
export const MTU_STEP = 32;

/** Probes of one size that may get lost before the search ends (libudx include/udx.h). */
export const MTU_PROBES_MAX = 3;

/** Selective acknowledgements in one packet at most (libudx src/internal.h). */
export const SACK_RANGES_MAX = 50;

/** Receive window and what we suppose of the peer's until it says (libudx src/udx.c). */
export const WINDOW_BYTES = 4 * 1024 * 1024;

/** Bytes that may wait for transmission beyond the send window (libudx src/udx.c). */
export const WRITE_HIGH_WATERMARK_BYTES = 262144;

/** Retransmission timeout before the first sample and its least value (libudx src/udx.c). */
export const RTO_MIN_MS = 1000;

/** Largest retransmission timeout (libudx src/udx.c). */
export const RTO_MAX_MS = 30_000;

/** Largest round trip that counts as one (libudx src/udx.c). */
export const RTT_MAX_MS = 30_000;

/** Span of the minimum-RTT filter that loss detection uses (libudx src/udx.c). */
export const RTT_MIN_WINDOW_MS = 300_000;

/** Timeouts that one packet may see before the stream gives up (libudx src/udx.c). */
export const RTO_COUNT_MAX = 6;

/** What a receiver may hold an acknowledgement back, in the sender's reckoning (libudx src/udx.c). */
export const ACK_DELAY_MAX_MS = 2;

/** Congestion window at the start, packets (libudx src/udx.c). */
export const INITIAL_CWND_PACKETS = 10;

/** Bytes that may leave at once before any pacing rate is known (libudx src/udx.c). */
export const INITIAL_PACING_BYTES = 25_000;

/** What accumulates for the pacer while a timer is late, in ms of the pacing rate: more overruns short queues. */
export const PACING_BURST_MS = 2;

/** The same where a round trip takes less than twice that: what is in flight bounds bursts there. */
export const SHORT_PATH_BURST_MS = 4;

/**
 * Sequence numbers beyond the next expected one that are kept: twice what the receive window holds of base-size
 * packets. libudx has no such bound.
 */
export const RECEIVE_PACKETS_MAX = 8192;

/** Bytes that are kept out of order: libudx counts only what is in flight against the window, so twice that. */
export const EARLY_BYTES_MAX: number = 2 * WINDOW_BYTES;

/** Window probes that a peer may leave unanswered before the stream gives up; libudx asks forever. */
export const WINDOW_PROBES_UNANSWERED_MAX = 10;

/** Bytes of a message; what a UDP packet can hold besides the headers. */
export const MESSAGE_BYTES_MAX = 65_507 - HEADER_BYTES;

/** How long a closed stream answers packets that the peer sends again. */
export const LINGER_MS = 15_000;

/** Closed streams that are remembered at most. */
export const LINGERING_STREAMS_MAX = 1024;

/** Interval at which network interfaces are compared (udx-native binding.cc). */
export const INTERFACE_POLL_MS = 5000;

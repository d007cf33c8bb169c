/**
 * Bounds and intervals of the replication protocol, with the reason for each number.
 *
 * Those marked "protocol" are those of `hypercore/lib/replicator.js`, `wants.js` and `remote-bitfield.js`; peers
 * rely on them. The others are ours.
 *
 * @module
 */

/** Blocks in the region that one want asks for (protocol). */
export const WANT_BLOCKS = 2097152;
/** The same where peers are asked about small regions (protocol). */
export const SMALL_WANT_BLOCKS = 4096;
/** The longest region a want may ask for; longer ones are ignored (protocol). */
export const WANT_BLOCKS_MAX = 2097152;
/** The shortest aligned region a want may ask for (protocol). */
export const WANT_BLOCKS_MIN = 32;
/** Aligned regions that one peer may want at a time; past it a peer is told of everything (protocol). */
export const WANTS_MAX = 512;
/** Regions of any shape that one peer may want at a time (protocol). */
export const ANY_WANTS_MAX = 16;
/** Different sizes of aligned regions that one peer may want at a time (protocol). */
export const WANT_SIZES_MAX = 4;
/** Regions of one range that are asked about before there is news of them (protocol). */
export const RANGE_WANTS_MAX = 3;
/** New blocks this close to the end are announced to every peer, wanted or not (protocol). */
export const LAST_BLOCKS = 256;
/** Ranges looked at in one pass (protocol). */
export const RANGES_PER_PASS_MAX = 64;
/** Peers asked for an upgrade at once, and peers whose word suffices to say there is none (protocol). */
export const UPGRADE_PEERS_MAX = 3;
/** Requests that cannot be proved, after which a peer is cut off (protocol). */
export const INVALID_REQUESTS_MAX = 64;
/** Answers in a row without data, after which a peer is not asked any more (protocol, there over its whole life). */
export const BACKOFFS_MAX = 32;
/** Blocks asked of one peer at a time, lowest and highest (protocol: `DEFAULT_MAX_INFLIGHT`). */
export const INFLIGHT_RANGE: readonly [number, number] = [16, 512];
/** A window starts at this many times the lowest one; upstream never leaves it on streams other than UDX. */
export const INFLIGHT_START_FACTOR = 3;
/** Peers that one block may be asked of at a time (protocol). */
export const BLOCK_REQUESTS_MAX = 3;
/** Requests open at a peer before blocks asked of others are asked of it too (protocol). */
export const HOTSWAP_INFLIGHT_MIN = 16;
/** How long the core counts as downloading after the last session went, lowest and spread, ms (protocol). */
export const LINGER_MIN_MS = 20_000;
/** See {@linkcode LINGER_MIN_MS}. */
export const LINGER_SPREAD_MS = 20_000;

/**
 * Bytes of blocks that may be under way from one peer, counting what waits to be verified. Wide enough for 160 MB/s
 * at 100 ms; a single larger block is still asked for.
 */
export const INFLIGHT_BYTES_MAX = 16 * 1024 * 1024;
/** An upload run ends once its blocks pass this many bytes, so that back-pressure is looked at between runs. */
export const UPLOAD_RUN_BYTES = 1024 * 1024;
/** Requests of one peer proved in one run, at the start and at most; in between by the size of the last run. */
export const UPLOAD_RUN_REQUESTS_START = 64;
/** See {@linkcode UPLOAD_RUN_REQUESTS_START}. */
export const UPLOAD_RUN_REQUESTS_MAX = 128;
/** Requests of one peer that wait to be answered; a peer that asks for more is cut off. */
export const REMOTE_REQUESTS_MAX = 8192;
/** Requests for a block alone that may wait behind those, 20 MB of them: files of 32 GiB asked for at once. */
export const REMOTE_BLOCK_REQUESTS_MAX: number = 2 ** 19;
/** Pages with both ones and zeros kept of one peer's availability: 8 MiB, or 67 million blocks. */
export const REMOTE_PAGES_MAX = 2048;
/** Ranges waiting to be announced to a peer that does not drain; past it, regions are announced again whole. */
export const PENDING_ANNOUNCEMENTS_MAX = 64;
/** Blocks that one peer is asked for in a row where tree nodes of one proof serve the next. */
export const RUN_BLOCKS_MAX = 64;
/** Bytes of such a run; runs of large blocks are short, so that peers share the work. */
export const RUN_BYTES = 256 * 1024;
/** Blocks given to one peer before the next peer gets its turn. */
export const TURN_BLOCKS = 8;
/** A block asked of another peer may be asked of a second one after this time at the earliest, ms. */
export const HOTSWAP_AGE_MIN_MS = 100;
/** How often requests under way are looked at for such blocks, ms. */
export const HOTSWAP_INTERVAL_MS = 50;
/** Blocks looked at in one such pass. */
export const HOTSWAP_SCAN_MAX = 1024;
/** An upgrade or seek without an answer is asked of another peer too after this time, ms. */
export const STALL_MS = 2_000;
/** The window of a peer grows while answers take less than this beyond the quickest one, ms. */
export const WINDOW_GROW_BELOW_MS = 400;
/** The window of a peer shrinks once answers take more than this beyond the quickest one, ms. */
export const WINDOW_SHRINK_ABOVE_MS = 1_500;
/** Newer forks followed at a time; those of peers beyond it wait. */
export const REORGS_MAX = 8;
/** How long a peer whose proof failed has to show its signed tree before it is cut off, ms. */
export const CONFLICT_CHECK_MS = 2_000;
/** How often in a row a channel that the remote closed is opened again for what is waited for, without data coming. */
export const REOPENS_MAX = 8;
/** Bytes of the name of an extension that we keep for the short form. */
export const EXTENSION_NAME_BYTES_MAX = 1024;

/** How long the answer to an unprovable request is held back, ms, by how many there were (protocol). */
export function invalidRequestDelayMs(count: number): number {
  if (count < 2) return 200;
  if (count < 5) return 500;
  return count < 40 ? 1000 : 5000;
}

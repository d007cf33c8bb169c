/**
 * What streams between the same two sockets have in common: one queue at the bottleneck, and one round trip.
 *
 * Streams that each fill the queue by themselves overrun it together, and the one that sends last loses whole flights
 * to the others. So they divide what fits (RFC 9040 calls that interdependence).
 *
 * @module
 */

/**
 * Where more than this part of the packets gets lost, a short queue is overrun, as that of a receiver's socket: the
 * flight shrinks. Version 1 of BBR ignores loss altogether; version 2 bounds the flight so, from 2 % on, which paths
 * with random loss would suffer from.
 */
const LOSS_MAX = 0.08;
const LOSS_BACKOFF = 0.7;
const LOSS_REGAIN = 1.02;

/** The least bound for all streams together. */
const BOUND_MIN_PACKETS = 8;

/** So many packets are judged at a time, or a round trip's worth of them when that is more: few say little. */
const JUDGED_MIN_PACKETS = 64;

/** A stream may always have so many in flight. */
const SHARE_MIN_PACKETS = 4;

/**
 * What the path itself is taken to hold, in bandwidth-delay products: more than one, as acknowledgements come in
 * bunches and no round trip is as short as the shortest.
 */
const PATH_GAIN = 1.5;

/** A stream that uses less than this part of an equal share leaves the rest to the others. */
const MODEST_PART = 0.5;

/** A stream's place on a path. */
export class PathMember {
  readonly #path: SharedPath;
  /** Packets that the stream may have in flight by its own reckoning. */
  cwndPackets = 0;
  /** Estimated bandwidth, packets per ms. */
  bandwidth = 0;
  /** Least round trip that the stream saw lately. */
  leastRttMs = Infinity;
  /** Most packets in flight since the streams were judged last. */
  peakPackets = 0;

  /** Made by {@linkcode SharedPath.join}. */
  constructor(path: SharedPath) {
    this.#path = path;
  }

  /** Packets that the stream may have in flight for the others' sake. */
  get limitPackets(): number {
    return Math.max(SHARE_MIN_PACKETS, this.pathPackets, this.#path.sharePackets);
  }

  /** Packets that the path itself holds for the stream, by bandwidth and round trip: no queue. */
  get pathPackets(): number {
    // Who came when the queue was full never saw how short the round trip is.
    const rttMs = Math.min(this.leastRttMs, this.#path.leastRttMs);
    return rttMs === Infinity ? 0 : PATH_GAIN * this.bandwidth * rttMs;
  }

  /** Packets were acknowledged or counted as lost while `inFlightCount` travel. */
  handleOutcome(ackedCount: number, lostCount: number, inFlightCount: number): void {
    const peak = inFlightCount + ackedCount + lostCount;
    if (peak > this.peakPackets) this.peakPackets = peak;
    this.#path.handleOutcome(ackedCount, lostCount);
  }

  /** The stream goes elsewhere or ends. */
  leave(): void {
    this.#path.remove(this);
  }
}

/** A path and the streams on it. */
export class SharedPath {
  readonly #members = new Set<PathMember>();
  /** Most packets in flight that did not overrun a queue lately. */
  #boundPackets = Infinity;
  #sharePackets = Infinity;
  #ackedCount = 0;
  #lostCount = 0;
  #judgedPackets = JUDGED_MIN_PACKETS;

  /** Least round trip of the streams that were active when they were judged last. */
  leastRttMs = Infinity;

  /** Smoothed round trip as one of the streams saw it last, null before any did. */
  smoothedRttMs: number | null = null;

  /** No stream is on the path. */
  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  /** What each stream may have in flight that wants more than that. */
  get sharePackets(): number {
    return this.#sharePackets;
  }

  /** A stream comes. */
  join(): PathMember {
    const member = new PathMember(this);
    this.#members.add(member);
    return member;
  }

  /** A stream goes. */
  remove(member: PathMember): void {
    this.#members.delete(member);
  }

  /** Counts packets, and judges them when about a round trip's worth was seen. */
  handleOutcome(ackedCount: number, lostCount: number): void {
    this.#ackedCount += ackedCount;
    this.#lostCount += lostCount;
    if (this.#ackedCount + this.#lostCount >= this.#judgedPackets) this.#judge();
  }

  #judge(): void {
    const active: PathMember[] = [];
    for (const member of this.#members) {
      if (member.peakPackets > 0) active.push(member);
    }
    this.leastRttMs = active.reduce((least, { leastRttMs }) => Math.min(least, leastRttMs), Infinity);
    if (this.#lostCount > LOSS_MAX * (this.#ackedCount + this.#lostCount)) {
      const shrunk = LOSS_BACKOFF * Math.min(this.#boundPackets, sum(active, "cwndPackets"));
      this.#boundPackets = Math.max(BOUND_MIN_PACKETS, sum(active, "pathPackets"), shrunk);
    } else {
      this.#boundPackets *= LOSS_REGAIN;
    }
    // Judging looks at each stream: however many are idle, that is little work per packet.
    this.#judgedPackets = Math.max(JUDGED_MIN_PACKETS, sum(active, "peakPackets"), this.#members.size);
    this.#sharePackets = this.#divide(active);
    for (const member of active) member.peakPackets = 0;
    this.#ackedCount = this.#lostCount = 0;
  }

  /** What is left for each stream that wants more than an equal share or nearly as much. */
  #divide(active: readonly PathMember[]): number {
    const modestPackets = MODEST_PART * this.#boundPackets / active.length;
    const modest = active.filter(({ peakPackets }) => peakPackets <= modestPackets);
    const restPackets = this.#boundPackets - sum(modest, "peakPackets");
    return restPackets / Math.max(1, active.length - modest.length);
  }
}

function sum(
  members: readonly PathMember[],
  field: "cwndPackets" | "pathPackets" | "peakPackets",
): number {
  return members.reduce((total, member) => total + member[field], 0);
}

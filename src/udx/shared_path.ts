/**
 * What streams between the same two sockets have in common: one queue at the bottleneck, and one round trip.
 *
 * Streams that each fill the queue by themselves overrun it together, and the one that sends last loses whole flights
 * to the others. So they divide what fits (RFC 9040 calls that interdependence).
 *
 * @module
 */
import { WindowedFilter } from "./windowed_filter.ts";

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

/**
 * A stream's share is never less, as a flight of two tells little of what was lost. Where that is more than fits, the
 * streams take turns.
 */
const SHARE_MIN_PACKETS = 4;

/** Several streams start with so many in flight together, and half of what arrives more; so many always fit. */
const TOTAL_MIN_PACKETS = 64;
const START_GROWTH = 0.5;

/** The path's rate is the highest of so many round trips. */
const RATE_ROUNDS = 10;

/** A round trip is the least of the path's for so long. */
const LEAST_RTT_MS = 10_000;

/** A shorter round trip counts as this one: acknowledgements come in bunches. */
const ROUND_MIN_MS = 1;

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

  /** Whether there are other streams on the path. */
  get hasCompany(): boolean {
    return this.#path.hasCompany;
  }

  /** Packets were acknowledged or counted as lost until `nowMs` while `inFlightCount` travel. */
  handleOutcome(nowMs: number, ackedCount: number, lostCount: number, inFlightCount: number): void {
    const peak = inFlightCount + ackedCount + lostCount;
    if (peak > this.peakPackets) this.peakPackets = peak;
    this.#path.handleOutcome(nowMs, ackedCount, lostCount);
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
  /** Packets per ms, by round trips. */
  readonly #rate = new WindowedFilter("max", RATE_ROUNDS);
  #roundCount = 0;
  #roundAckedCount = 0;
  #roundStartMs = -Infinity;
  /** Packets in flight at which streams begin to take turns. */
  #totalPackets = TOTAL_MIN_PACKETS;

  /** Of all streams: who came when the queue was full knows only longer ones. */
  readonly #leastRtt = new WindowedFilter("min", LEAST_RTT_MS);

  #inFlightPackets = 0;
  /** Most of them since the streams were judged last. */
  #peakPackets = 0;

  /** Smoothed round trip as one of the streams saw it last, null before any did. */
  smoothedRttMs: number | null = null;

  /** No stream is on the path. */
  get isEmpty(): boolean {
    return this.#members.size === 0;
  }

  /** Least round trip that any of the streams saw lately, infinity before any did. */
  get leastRttMs(): number {
    return this.#leastRtt.value;
  }

  /** Whether there are several streams on the path. */
  get hasCompany(): boolean {
    return this.#members.size > 1;
  }

  /** Packets that several streams may send now; a single one has bounds enough. */
  get roomPackets(): number {
    return this.hasCompany ? this.#totalPackets - this.#inFlightPackets : Infinity;
  }

  /** What each stream may have in flight that wants more than that. */
  get sharePackets(): number {
    return this.#sharePackets;
  }

  /** A stream comes. */
  join(): PathMember {
    const member = new PathMember(this);
    this.#members.add(member);
    // What a single stream had in flight was no news.
    this.#totalPackets = Math.max(this.#totalPackets, this.#inFlightPackets);
    return member;
  }

  /** A stream goes. */
  remove(member: PathMember): void {
    this.#members.delete(member);
  }

  /** So many more packets of a stream are in flight than before; or less. */
  changeFlight(byPackets: number): void {
    this.#inFlightPackets += byPackets;
    if (this.#inFlightPackets > this.#peakPackets) this.#peakPackets = this.#inFlightPackets;
  }

  /** Counts packets, and judges them when about a round trip's worth was seen. */
  handleOutcome(nowMs: number, ackedCount: number, lostCount: number): void {
    this.#ackedCount += ackedCount;
    this.#lostCount += lostCount;
    this.#measureRate(nowMs, ackedCount);
    // A slow start, where what there is gets used. Losses show late, so it is slower than that of a single stream.
    if (this.#boundPackets === Infinity && 2 * this.#peakPackets > this.#totalPackets) {
      this.#totalPackets += START_GROWTH * ackedCount;
    }
    if (this.#ackedCount + this.#lostCount >= this.#judgedPackets) this.#judge(nowMs);
  }

  #measureRate(nowMs: number, ackedCount: number): void {
    this.#roundAckedCount += ackedCount;
    const elapsedMs = nowMs - this.#roundStartMs;
    if (elapsedMs < Math.max(ROUND_MIN_MS, this.leastRttMs)) return;
    this.#rate.add(++this.#roundCount, this.#roundAckedCount / elapsedMs);
    this.#roundAckedCount = 0;
    this.#roundStartMs = nowMs;
  }

  #judge(nowMs: number): void {
    const active: PathMember[] = [];
    for (const member of this.#members) {
      if (member.peakPackets > 0) active.push(member);
    }
    for (const { leastRttMs } of active) this.#leastRtt.add(nowMs, leastRttMs);
    const lostPart = this.#lostCount / (this.#ackedCount + this.#lostCount);
    if (lostPart > LOSS_MAX) {
      const flightPackets = active.length > 1 ? this.#peakPackets : sum(active, "cwndPackets");
      const shrunk = Math.min(LOSS_BACKOFF, 1 - lostPart) * Math.min(this.#boundPackets, flightPackets);
      this.#boundPackets = Math.max(BOUND_MIN_PACKETS, this.#pathPackets(active), shrunk);
    } else {
      this.#boundPackets *= LOSS_REGAIN;
    }
    if (this.#boundPackets !== Infinity) {
      this.#totalPackets = Math.max(TOTAL_MIN_PACKETS, this.#boundPackets, this.#pathPackets(active));
    }
    // Judging looks at each stream: however many are idle, that is little work per packet.
    this.#judgedPackets = Math.max(JUDGED_MIN_PACKETS, sum(active, "peakPackets"), this.#members.size);
    this.#sharePackets = this.#divide(active);
    for (const member of active) member.peakPackets = 0;
    this.#ackedCount = this.#lostCount = 0;
    this.#peakPackets = this.#inFlightPackets;
  }

  /** What the path itself holds: streams that take turns each see it all, so their sum may be too much. */
  #pathPackets(active: readonly PathMember[]): number {
    const ownPackets = sum(active, "pathPackets");
    if (active.length === 1 || this.leastRttMs === Infinity) return ownPackets;
    return Math.min(ownPackets, PATH_GAIN * this.#rate.value * this.leastRttMs);
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

/**
 * Telling peers which blocks we have: in answer to wants, and when blocks come or go.
 *
 * Nothing here is sent while the peer's stream is full. What is to be told then is kept in a bounded form: wants are
 * kept once per region, ranges are merged, and past a limit all wanted regions are told again instead.
 *
 * @module
 */
import type { ReplicationContext } from "./context.ts";
import { ANY_WANTS_MAX, LAST_BLOCKS, PENDING_ANNOUNCEMENTS_MAX, WANTS_MAX } from "./limits.ts";
import type { RangeMessage, WantMessage } from "./messages.ts";
import type { PeerState, WireMessage } from "./peer_state.ts";

/** The announcements to all peers. */
export class Announcer {
  readonly #context: ReplicationContext;

  constructor(context: ReplicationContext) {
    this.#context = context;
  }

  /** Tells a peer that has just opened its channel what we have from 0 on. */
  handleOpen(peer: PeerState): void {
    const length = this.#context.publishedContiguousLength;
    if (length > 0) this.announce(peer, 0, length, false);
  }

  /** A peer asks about a region. */
  handleWant(peer: PeerState, want: WantMessage): void {
    if (!peer.remoteWants.add(want) || !peer.isActive) return;
    const { pendingWants } = peer;
    if (pendingWants.some(({ start, length }) => start === want.start && length === want.length)) return;
    if (pendingWants.length < WANTS_MAX + ANY_WANTS_MAX) pendingWants.push(want);
    else peer.isRetellDue = true;
  }

  /** Blocks came (or went, `drop`): notes what `peer` is to be told. */
  announce(peer: PeerState, start: number, length: number, drop: boolean): void {
    if (!peer.isActive) return;
    const published = this.#context.log.published.length;
    const isWhole = this.#context.log.contiguousLength >= published;
    if (start + LAST_BLOCKS < published && !drop && !isWhole && !peer.remoteWants.hasRange(start, length)) {
      return;
    }
    let isForced = false;
    if (isWhole && !drop) {
      start = 0;
      length = published;
      // Told even to one who has all of it, so that it knows where else to find it.
      if (peer.fullyContiguousSignaled < length) {
        peer.fullyContiguousSignaled = length;
        isForced = true;
      }
    }
    if (!isForced && !drop && peer.has.firstUnset(start) >= start + length) return;
    this.#note(peer, { drop, start, length });
  }

  /** Blocks came or went: notes what each peer is to be told. */
  announceToAll(start: number, length: number, drop: boolean): void {
    for (const peer of this.#context.peers) this.announce(peer, start, length, drop);
  }

  /** The log was cut to `length`. */
  handleTruncate(length: number): void {
    for (const peer of this.#context.peers) {
      peer.fullyContiguousSignaled = Math.min(length, peer.fullyContiguousSignaled);
    }
  }

  /** Sends what is noted, unless the peer's stream is full. */
  flush(peer: PeerState): void {
    if (!peer.isDrained) return;
    if (peer.isRetellDue) {
      peer.isRetellDue = false;
      peer.pendingRanges = [];
      peer.pendingWants = [];
      this.#retell(peer);
      return;
    }
    if (peer.pendingRanges.length > 0) {
      for (const message of peer.pendingRanges) this.#send(peer, { kind: "range", message });
      peer.pendingRanges = [];
    }
    if (peer.pendingWants.length > 0) {
      const wants = peer.pendingWants;
      peer.pendingWants = [];
      for (const { start, length, any } of wants) this.#tell(peer, start, length, any);
    }
  }

  #note(peer: PeerState, range: RangeMessage): void {
    const { pendingRanges } = peer;
    const last = pendingRanges[pendingRanges.length - 1];
    if (last !== undefined && last.drop === range.drop) {
      const end = Math.max(last.start + last.length, range.start + range.length);
      const isAdjacent = range.start <= last.start + last.length && last.start <= range.start + range.length;
      if (isAdjacent) {
        const start = Math.min(last.start, range.start);
        pendingRanges[pendingRanges.length - 1] = { drop: range.drop, start, length: end - start };
        return;
      }
    }
    if (pendingRanges.length < PENDING_ANNOUNCEMENTS_MAX || peer.isDrained) pendingRanges.push(range);
    else peer.isRetellDue = true;
  }

  /** Tells about everything that `peer` wants to know. */
  #retell(peer: PeerState): void {
    const published = this.#context.log.published.length;
    const lastStart = Math.max(0, published - LAST_BLOCKS);
    if (peer.remoteWants.wantsAll) this.#tell(peer, 0, published, false);
    else for (const { start, length } of peer.remoteWants.regions()) this.#tell(peer, start, length, false);
    this.#tell(peer, lastStart, published - lastStart, false);
  }

  /** Says which of `length` blocks from `start` on are here; for `any`, one of them is enough. */
  #tell(peer: PeerState, start: number, length: number, any: boolean): void {
    const { bitfield, published } = this.#context.log;
    const contiguous = this.#context.publishedContiguousLength;
    if (start + length < contiguous || published.length === contiguous || (any && start < contiguous)) {
      if (contiguous > 0) this.#sendRange(peer, 0, contiguous);
      return;
    }
    const end = Math.min(start + length, published.length);
    if (any) {
      const index = bitfield.firstSet(start);
      if (index !== -1 && index < end) this.#sendRange(peer, index, 1);
      return;
    }
    if (start >= end) return;
    for (const message of bitfield.wants(start, end - start)) this.#send(peer, { kind: "bitfield", message });
  }

  #sendRange(peer: PeerState, start: number, length: number): void {
    this.#send(peer, { kind: "range", message: { drop: false, start, length } });
  }

  #send(peer: PeerState, message: Extract<WireMessage, { kind: "range" | "bitfield" }>): void {
    const counter = message.kind === "range" ? "wireRange" : "wireBitfield";
    peer.stats[counter].tx++;
    this.#context.stats[counter].tx++;
    peer.outbox.push(message);
  }
}

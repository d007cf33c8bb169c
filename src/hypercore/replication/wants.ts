/**
 * Who wants to know about which blocks: the regions we asked a peer about, and those a peer asked us about.
 *
 * Source: `hypercore/lib/wants.js`, in the form with large regions that all peers understand.
 *
 * @module
 */
import {
  ANY_WANTS_MAX,
  WANT_BLOCKS,
  WANT_BLOCKS_MAX,
  WANT_BLOCKS_MIN,
  WANT_SIZES_MAX,
  WANTS_MAX,
} from "./limits.ts";
import type { WantMessage } from "./messages.ts";

/** What to send so that a peer tells about a region. */
export interface WantChange {
  readonly want: WantMessage;
  /** A region that nobody here needs any more, given up for the new one. */
  readonly unwant: WantMessage | null;
}

/** The regions we asked one peer about. */
export class LocalWants {
  readonly #regions = new Set<number>();
  readonly #regionBlocks: number;

  /** Regions have `regionBlocks` blocks each. */
  constructor(regionBlocks: number = WANT_BLOCKS) {
    this.#regionBlocks = regionBlocks;
  }

  /** Tells whether the peer was asked about `region`. */
  has(region: number): boolean {
    return this.#regions.has(region);
  }

  /**
   * Notes that `region` is wanted and returns what to send; null when the peer knows already, or when there are
   * {@linkcode WANTS_MAX} regions of which `isNeeded` gives up none.
   */
  add(region: number, isNeeded: (region: number) => boolean): WantChange | null {
    if (this.#regions.has(region)) return null;
    let unwant: WantMessage | null = null;
    if (this.#regions.size >= WANTS_MAX) {
      const unneeded = this.#firstUnneeded(isNeeded);
      if (unneeded === -1) return null;
      this.#regions.delete(unneeded);
      unwant = this.#message(unneeded);
    }
    this.#regions.add(region);
    return { want: this.#message(region), unwant };
  }

  #firstUnneeded(isNeeded: (region: number) => boolean): number {
    for (const region of this.#regions) {
      if (!isNeeded(region)) return region;
    }
    return -1;
  }

  #message(region: number): WantMessage {
    return { start: region * this.#regionBlocks, length: this.#regionBlocks, any: false };
  }
}

/** A run of blocks. */
export interface Region {
  /** First block. */
  readonly start: number;
  /** Blocks. */
  readonly length: number;
}

/** The regions one peer asked us about. Bounded: a peer that wants too many different things is told of everything. */
export class RemoteWants {
  /** Numbers of aligned regions, by their size. */
  readonly #aligned = new Map<number, Set<number>>();
  #any: Region[] = [];
  #count = 0;
  #wantsAll = false;

  /** Whether the peer is told of every block. */
  get wantsAll(): boolean {
    return this.#wantsAll;
  }

  /** Notes a want; false when it is to be ignored. */
  add(want: WantMessage): boolean {
    if (want.any) {
      if (this.#any.length < ANY_WANTS_MAX) this.#any.push({ start: want.start, length: want.length });
      else this.#wantsAll = true;
      return true;
    }
    if (want.length > WANT_BLOCKS_MAX) return false;
    if (!isAligned(want) || this.#count >= WANTS_MAX) {
      this.#wantsAll = true;
      return true;
    }
    let regions = this.#aligned.get(want.length);
    if (regions === undefined) {
      if (this.#aligned.size >= WANT_SIZES_MAX) {
        this.#wantsAll = true;
        return true;
      }
      regions = new Set();
      this.#aligned.set(want.length, regions);
    }
    const countBefore = regions.size;
    regions.add(want.start / want.length);
    this.#count += regions.size - countBefore;
    return true;
  }

  /** Takes a want back. */
  remove(want: WantMessage): void {
    if (want.any) {
      const index = this.#any.findIndex(({ start, length }) =>
        start === want.start && length === want.length
      );
      if (index !== -1) this.#any.splice(index, 1);
      return;
    }
    const regions = this.#aligned.get(want.length);
    if (regions === undefined || !isAligned(want)) return;
    if (regions.delete(want.start / want.length)) this.#count--;
    if (regions.size === 0) this.#aligned.delete(want.length);
  }

  /** Tells whether the peer wants to know about any of `length` blocks from `start` on. */
  hasRange(start: number, length: number): boolean {
    if (this.#wantsAll) return true;
    const end = start + length;
    for (const region of this.#any) {
      if (region.start < end && start < region.start + region.length) return true;
    }
    for (const [size, regions] of this.#aligned) {
      const first = Math.floor(start / size);
      const last = Math.floor((end - 1) / size);
      // A long run touches more regions than there are wants, so the shorter list is walked.
      if (last - first < regions.size) {
        for (let region = first; region <= last; region++) if (regions.has(region)) return true;
      } else {
        for (const region of regions) if (region >= first && region <= last) return true;
      }
    }
    return false;
  }

  /** Goes through the regions the peer wants, unless it {@linkcode wantsAll}. */
  *regions(): Generator<Region, void, void> {
    for (const [size, regions] of this.#aligned) {
      for (const region of regions) yield { start: region * size, length: size };
    }
    yield* this.#any;
  }
}

/** Aligned regions have a size that is a power of two and start at a multiple of it. */
function isAligned({ start, length }: WantMessage): boolean {
  if (length > WANT_BLOCKS_MAX || length < WANT_BLOCKS_MIN) return false;
  return (length & (length - 1)) === 0 && start % length === 0;
}

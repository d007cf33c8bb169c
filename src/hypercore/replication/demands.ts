/**
 * What users of the log asked for and have not got yet, and the blocks under way on behalf of ranges.
 *
 * @module
 */
import type { Outgoing } from "./outgoing.ts";
import type { ReplicationContext, ResolvedValue } from "./context.ts";

/**
 * Where a block stands in the line of blocks that users wait for: `none` when it is under way or wanted by ranges
 * only, `queued` when it is to be asked for, `parked` when no peer could be asked the last time.
 */
export type BlockPlace = "none" | "queued" | "parked";

/** A block that a user waits for, or that is under way. */
export interface BlockDemand {
  readonly kind: "block";
  readonly index: number;
  /** As sent with requests. */
  priority: number;
  /** Asked for even where the log has it, or where nothing is to be asked for. */
  isForced: boolean;
  /** Users that wait. */
  readonly handles: number[];
  readonly requests: Outgoing[];
  place: BlockPlace;
}

/** A range of blocks, or a list of them, to be stored. */
export interface RangeDemand {
  readonly kind: "range";
  readonly handle: number;
  /** First block (or place in `blocks`) that may be missing. */
  start: number;
  /** End, exclusive; -1 follows the log. */
  end: number;
  readonly userStart: number;
  readonly userEnd: number;
  readonly isLinear: boolean;
  readonly blocks: readonly number[] | null;
}

/** A byte to be found. */
export interface SeekDemand {
  readonly kind: "seek";
  readonly handle: number;
  readonly bytes: number;
  readonly padding: number;
  /** The byte lies in one of the blocks from `start` to `end` (exclusive), or past the log when `end` is not above. */
  start: number;
  end: number;
  readonly requests: Outgoing[];
  /** The log is looking; the bounds are about to change. */
  isChecking: boolean;
  /** The log may know more than when it looked. */
  isCheckDue: boolean;
}

/** A longer log than the one there was. */
export interface UpgradeDemand {
  readonly kind: "upgrade";
  /** State that is to be passed. */
  readonly fork: number;
  readonly length: number;
  readonly handles: number[];
  readonly requests: Outgoing[];
}

/** Anything a user asked for. */
export type Demand = BlockDemand | RangeDemand | SeekDemand | UpgradeDemand;

/** Options of a range, as users give them. */
export interface RangeOptions {
  /** First block. Default 0. */
  readonly start?: number;
  /** End, exclusive; -1 follows the log for ever. Default -1. */
  readonly end?: number;
  /** Blocks from `start`, in place of `end`. */
  readonly length?: number;
  /** These blocks only. */
  readonly blocks?: readonly number[] | null;
  /** In order, not at random. Default false. */
  readonly linear?: boolean;
}

/** Priority of blocks that users wait for. */
const PRIORITY_HIGH = 1;

/** All demands. Says when they are met; does not know peers. */
export class DemandBook {
  readonly #context: ReplicationContext;
  readonly #byHandle = new Map<number, Demand>();
  readonly #blocks = new Map<number, BlockDemand>();
  readonly #liveRanges = new Set<RangeDemand>();
  #nextHandle = 1;
  #parked: BlockDemand[] = [];
  #parkedGeneration = 0;

  /** Blocks to be asked for, in order of arrival. */
  queue: BlockDemand[] = [];
  /** Ranges that are not complete. */
  readonly ranges: RangeDemand[] = [];
  readonly seeks: SeekDemand[] = [];
  upgrade: UpgradeDemand | null = null;

  constructor(context: ReplicationContext) {
    this.#context = context;
  }

  /** Blocks that users wait for or that are under way. */
  get blocks(): ReadonlyMap<number, BlockDemand> {
    return this.#blocks;
  }

  /** Whether users wait for anything. */
  get isAwaited(): boolean {
    return this.#byHandle.size > 0;
  }

  /** Whether the newest block is to be fetched with each upgrade. */
  get wantsLatestBlock(): boolean {
    return this.#context.options.alwaysLatestBlock === true || this.#liveRanges.size > 0;
  }

  addBlock(index: number, isForced: boolean): number {
    const demand = this.ensureBlock(index);
    const handle = this.#newHandle(demand);
    demand.handles.push(handle);
    demand.priority = PRIORITY_HIGH;
    demand.isForced ||= isForced;
    this.enqueue(demand);
    return handle;
  }

  addRange(options: RangeOptions): number {
    const { start = 0, end = -1, blocks = null, linear = false } = options;
    const length = options.length ?? (end === -1 ? -1 : Math.max(0, end - start));
    const first = blocks === null ? start : 0;
    const last = blocks !== null ? blocks.length : length === -1 ? -1 : start + length;
    const handle = this.#nextHandle;
    const demand: RangeDemand = {
      kind: "range",
      handle,
      start: first,
      end: last,
      userStart: first,
      userEnd: last,
      isLinear: linear,
      blocks,
    };
    this.#newHandle(demand);
    if (last === -1) this.#liveRanges.add(demand);
    this.ranges.push(demand);
    this.#context.generation++;
    this.checkRange(demand);
    return handle;
  }

  addSeek(bytes: number, padding: number): number {
    const { length, byteLength } = this.#context.log.head;
    const isInside = bytes < byteLength - length * padding;
    const demand: SeekDemand = {
      kind: "seek",
      handle: this.#nextHandle,
      bytes,
      padding,
      start: isInside ? 0 : length,
      end: isInside ? length : 0,
      requests: [],
      isChecking: false,
      isCheckDue: true,
    };
    this.seeks.push(demand);
    return this.#newHandle(demand);
  }

  addUpgrade(): number {
    const demand = this.ensureUpgrade();
    const handle = this.#newHandle(demand);
    demand.handles.push(handle);
    return handle;
  }

  /** The upgrade that is wanted, made if there is none. */
  ensureUpgrade(): UpgradeDemand {
    const { fork, length } = this.#context.log.head;
    this.upgrade ??= { kind: "upgrade", fork, length, handles: [], requests: [] };
    return this.upgrade;
  }

  /** The upgrade that is wanted; made if there is none and nobody has to ask for upgrades. */
  ensureEagerUpgrade(): UpgradeDemand | null {
    return this.#context.options.eagerUpgrade === false ? this.upgrade : this.ensureUpgrade();
  }

  /** The demand for a block, made if there is none. */
  ensureBlock(index: number): BlockDemand {
    let demand = this.#blocks.get(index);
    if (demand === undefined) {
      demand = {
        kind: "block",
        index,
        priority: 0,
        isForced: false,
        handles: [],
        requests: [],
        place: "none",
      };
      this.#blocks.set(index, demand);
    }
    return demand;
  }

  /** What the user's request `handle` belongs to, null when it is met already. */
  demandOf(handle: number): Demand | null {
    return this.#byHandle.get(handle) ?? null;
  }

  /** Forgets the user's request `handle`; returns what it belonged to, null when it is met already. */
  cancel(handle: number): Demand | null {
    const demand = this.#byHandle.get(handle) ?? null;
    if (demand === null) return null;
    this.#byHandle.delete(handle);
    if (demand.kind === "block" || demand.kind === "upgrade") removeFrom(demand.handles, handle);
    if (demand.kind === "range") this.#removeRange(demand);
    if (demand.kind === "seek") removeFrom(this.seeks, demand);
    return demand;
  }

  /** Puts a block in line unless it is there or under way. */
  enqueue(demand: BlockDemand): void {
    if (demand.requests.length > 0 || demand.place === "queued") return;
    if (demand.place === "parked") removeFrom(this.#parked, demand);
    demand.place = "queued";
    this.queue.push(demand);
  }

  /** Takes a block out of the line until something changes at a peer. */
  park(demand: BlockDemand): void {
    demand.place = "parked";
    this.#parked.push(demand);
  }

  /** Puts parked blocks back in line if something has changed since they were looked at. */
  unpark(): void {
    if (this.#parked.length === 0 || this.#parkedGeneration === this.#context.generation) return;
    for (const demand of this.#parked) {
      if (demand.place !== "parked") continue;
      demand.place = "queued";
      this.queue.push(demand);
    }
    this.#parked = [];
  }

  /** Notes that what is parked was looked at in the present state of peers. */
  sealParked(): void {
    this.#parkedGeneration = this.#context.generation;
  }

  /** Forgets a block nobody waits for; what is under way for it is the caller's. */
  dropBlock(demand: BlockDemand): void {
    if (this.#blocks.get(demand.index) === demand) this.#blocks.delete(demand.index);
    if (demand.place === "parked") removeFrom(this.#parked, demand);
    // A place in the queue is given up when it is reached.
    demand.place = "none";
  }

  /** Forgets the block `index` if nobody waits for it and it is not under way. */
  dropUnneeded(index: number): void {
    const demand = this.#blocks.get(index);
    if (demand !== undefined && demand.handles.length === 0 && demand.requests.length === 0) {
      this.dropBlock(demand);
    }
  }

  /** A block is stored: everybody who waits gets `value`. */
  resolveBlock(demand: BlockDemand, value: Uint8Array | null): void {
    this.dropBlock(demand);
    this.#settleAll(demand.handles, value);
  }

  /** A block cannot be read. */
  rejectBlock(demand: BlockDemand, error: unknown): void {
    this.dropBlock(demand);
    for (const handle of demand.handles) {
      this.#byHandle.delete(handle);
      this.#context.emit({ kind: "rejected", handle, error });
    }
    demand.handles.length = 0;
  }

  resolveSeek(demand: SeekDemand, place: readonly [number, number]): void {
    removeFrom(this.seeks, demand);
    this.#settle(demand.handle, place);
  }

  rejectSeek(demand: SeekDemand, error: unknown): void {
    removeFrom(this.seeks, demand);
    this.#byHandle.delete(demand.handle);
    this.#context.emit({ kind: "rejected", handle: demand.handle, error });
  }

  /** Everybody who waits for an upgrade is told whether there was one. */
  resolveUpgrade(hasChanged: boolean): void {
    const demand = this.upgrade;
    if (demand === null) return;
    this.upgrade = null;
    this.#settleAll(demand.handles, hasChanged);
  }

  /** Resolves the upgrade if the log has passed it. */
  checkUpgrade(): void {
    const { upgrade } = this;
    if (upgrade === null) return;
    const { length, fork } = this.#context.log.head;
    if (length !== upgrade.length || fork !== upgrade.fork) this.resolveUpgrade(true);
  }

  /** Narrows each range to what is missing and resolves those that miss nothing. */
  checkRanges(): void {
    for (let i = this.ranges.length - 1; i >= 0; i--) this.checkRange(this.ranges[i]!);
  }

  /** Widens each range to what its user gave; for after blocks were dropped by a fork. */
  resetRanges(): void {
    for (const range of this.ranges) {
      range.start = range.userStart;
      range.end = range.userEnd;
    }
  }

  /** Narrows a range to what is missing and resolves it if that is nothing. */
  checkRange(range: RangeDemand): void {
    const { bitfield } = this.#context.log;
    if (range.blocks !== null) {
      while (range.start < range.end && bitfield.get(range.blocks[range.start]!)) range.start++;
      while (range.start < range.end && bitfield.get(range.blocks[range.end - 1]!)) range.end--;
    } else {
      const first = bitfield.firstUnset(range.start);
      if (range.end === -1) range.start = first;
      else if (first >= range.end) range.start = range.end;
      else {
        range.start = first;
        range.end = bitfield.lastUnset(range.end - 1) + 1;
      }
    }
    if (range.end === -1 || range.start < range.end) return;
    this.#removeRange(range);
    this.#settle(range.handle, true);
  }

  /** The log may know more about the bytes that are sought. */
  markSeeks(): void {
    for (const seek of this.seeks) seek.isCheckDue = true;
  }

  #removeRange(range: RangeDemand): void {
    removeFrom(this.ranges, range);
    this.#liveRanges.delete(range);
    // Crossing back below the number of ranges looked at exposes another one.
    this.#context.generation++;
  }

  #newHandle(demand: Demand): number {
    const handle = this.#nextHandle++;
    this.#byHandle.set(handle, demand);
    return handle;
  }

  #settleAll(handles: number[], value: ResolvedValue): void {
    for (const handle of handles) this.#settle(handle, value);
    handles.length = 0;
  }

  #settle(handle: number, value: ResolvedValue): void {
    if (this.#byHandle.delete(handle)) this.#context.emit({ kind: "resolved", handle, value });
  }
}

/** Removes `item` from `list`, whose order does not matter; false when it is not there. */
export function removeFrom<T>(list: T[], item: T): boolean {
  const index = list.indexOf(item);
  if (index === -1) return false;
  const last = list.pop()!;
  if (index < list.length) list[index] = last;
  return true;
}

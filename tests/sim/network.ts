/**
 * A network without sockets: links with latency, jitter, loss, duplication, reordering, a rate limit with a queue
 * and an MTU, on a virtual clock. The same seed gives the same run.
 */
import type { Random } from "../../src/base/mod.ts";

/** What a link does to packets, in one direction. */
export interface LinkConditions {
  /** One-way delay. */
  readonly latencyMs: number;
  /** Up to so much more, at random. */
  readonly jitterMs?: number;
  /** Part of the packets that vanish, each by itself. */
  readonly lossRate?: number;
  /** Part of the packets that begin a burst of losses. */
  readonly burstRate?: number;
  /** Packets lost in a burst. */
  readonly burstLength?: number;
  /** Part of the packets that arrive twice. */
  readonly duplicateRate?: number;
  /** Part of the packets that are held back by up to {@linkcode LinkConditions.reorderMs}. */
  readonly reorderRate?: number;
  /** How long they are held back. */
  readonly reorderMs?: number;
  /** Bottleneck, bytes per ms; unlimited unless given. */
  readonly bytesPerMs?: number;
  /** Bytes that queue before the bottleneck; what comes on top is dropped. */
  readonly queueBytes?: number;
  /** Larger IP packets vanish. */
  readonly mtu?: number;
}

/** IP and UDP headers. */
const HEADERS_BYTES = 28;

/** Events in the order of their time, then of their scheduling. */
export class VirtualTime {
  #nowMs = 0;
  #order = 0;
  readonly #heap: { atMs: number; order: number; run: () => void }[] = [];

  /** Virtual ms. */
  get nowMs(): number {
    return this.#nowMs;
  }

  /** Calls `run` at `atMs`, at the earliest now. */
  at(atMs: number, run: () => void): void {
    const heap = this.#heap;
    let index = heap.length;
    const event = {
      atMs: Math.max(atMs, this.#nowMs),
      order: this.#order++,
      run,
    };
    heap.push(event);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!isBefore(event, heap[parent]!)) break;
      heap[index] = heap[parent]!;
      index = parent;
    }
    heap[index] = event;
  }

  /** Runs the next event; false when there is none or it is later than `limitMs`. */
  step(limitMs: number): boolean {
    const heap = this.#heap;
    const first = heap[0];
    if (!first || first.atMs > limitMs) return false;
    const last = heap.pop()!;
    if (heap.length > 0) this.#sink(last);
    this.#nowMs = first.atMs;
    first.run();
    return true;
  }

  #sink(event: { atMs: number; order: number; run: () => void }): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= heap.length) break;
      if (child + 1 < heap.length && isBefore(heap[child + 1]!, heap[child]!)) {
        child++;
      }
      if (!isBefore(heap[child]!, event)) break;
      heap[index] = heap[child]!;
      index = child;
    }
    heap[index] = event;
  }
}

function isBefore(
  a: { atMs: number; order: number },
  b: { atMs: number; order: number },
): boolean {
  return a.atMs < b.atMs || (a.atMs === b.atMs && a.order < b.order);
}

/** One direction of a path; several streams may share it. */
export class Link {
  readonly #time: VirtualTime;
  readonly #random: Random;
  readonly #conditions: LinkConditions;
  #freeAtMs = 0;
  #burstLeft = 0;
  droppedCount = 0;
  deliveredCount = 0;

  constructor(time: VirtualTime, random: Random, conditions: LinkConditions) {
    this.#time = time;
    this.#random = random;
    this.#conditions = conditions;
  }

  /** Sends `bytes` on their way to `deliver`. */
  send(bytes: Uint8Array, deliver: (bytes: Uint8Array) => void): void {
    const c = this.#conditions;
    const wireBytes = bytes.length + HEADERS_BYTES;
    if (wireBytes > (c.mtu ?? Infinity) || this.#isLost()) {
      this.droppedCount++;
      return;
    }
    let leavesAtMs = this.#time.nowMs;
    if (c.bytesPerMs) {
      const backlogBytes = Math.max(0, this.#freeAtMs - leavesAtMs) *
        c.bytesPerMs;
      if (backlogBytes + wireBytes > (c.queueBytes ?? Infinity)) {
        this.droppedCount++;
        return;
      }
      this.#freeAtMs = Math.max(this.#freeAtMs, leavesAtMs) +
        wireBytes / c.bytesPerMs;
      leavesAtMs = this.#freeAtMs;
    }
    const copy = bytes.slice();
    const copies = this.#random.next() < (c.duplicateRate ?? 0) ? 2 : 1;
    for (let i = 0; i < copies; i++) {
      let delayMs = c.latencyMs + (c.jitterMs ?? 0) * this.#random.next();
      if (this.#random.next() < (c.reorderRate ?? 0)) {
        delayMs += (c.reorderMs ?? 0) * this.#random.next();
      }
      this.#time.at(leavesAtMs + delayMs, () => {
        this.deliveredCount++;
        deliver(copy);
      });
    }
  }

  #isLost(): boolean {
    const c = this.#conditions;
    if (this.#burstLeft > 0) {
      this.#burstLeft--;
      return true;
    }
    if (this.#random.next() < (c.burstRate ?? 0)) {
      this.#burstLeft = c.burstLength ?? 0;
    }
    return this.#random.next() < (c.lossRate ?? 0);
  }
}

/**
 * How much a receiver lets its peer have on the way: what the socket's queue holds, where that is little.
 *
 * `Deno.listenDatagram` cannot enlarge the system's receive buffer, and senders that ignore loss (libudx's BBR does)
 * fill a short queue again and again: half of what they send gets lost, and now and then a whole flight, after which
 * they wait for a second.
 *
 * @module
 */
import { WINDOW_BYTES } from "./limits.ts";
import { seqAdd, seqDiff } from "./sequence.ts";

/** The window at first, and how much wider it gets for each byte that arrives: twice what a slow start needs. */
const WINDOW_START_BYTES = 128 * 1024;
const GROWTH = 2;

/** Arrivals after which the loss among them is judged. */
const JUDGED_PACKETS = 128;

/** A packet this little late was overtaken, not lost and sent again. */
const REORDERED_PACKETS = 64;

/** More loss than this is a queue that is overrun; from then on the window follows what the queue holds. */
const LOSS_MAX = 0.05;
const BACKOFF = 0.7;
const REGAIN = 1.02;
const WINDOW_MIN_BYTES = 64 * 1024;

/**
 * The least window lets so much pass per ms of round trip, 256 MB/s: where a round trip takes longer than a few ms, a
 * socket's queue is little beside what travels, and loss is the path's.
 */
const MIN_BYTES_PER_MS = 256 * 1024;

/** Adapts the window to the loss seen. */
export class WindowTuner {
  #limitBytes = WINDOW_START_BYTES;
  #isGrowing = true;
  #arrivedCount = 0;
  #missingCount = 0;
  #highestSeq: number | null = null;

  /** Bytes to advertise at most. */
  get limitBytes(): number {
    return this.#limitBytes;
  }

  /**
   * A data packet of `byteLength` arrived; `leastRttMs` is the least round trip, infinity while none is known. Returns
   * whether it would help to know the round trip, or to know it better.
   */
  handleArrival(seq: number, byteLength: number, leastRttMs: number): boolean {
    const expected = this.#highestSeq;
    const distance = expected === null ? 0 : seqDiff(seq, expected);
    if (distance >= 0) {
      this.#missingCount += distance;
      this.#highestSeq = seqAdd(seq, 1);
    } else if (distance >= -REORDERED_PACKETS && this.#missingCount > 0) {
      this.#missingCount--;
    }
    if (this.#isGrowing) this.#limitBytes = Math.min(WINDOW_BYTES, this.#limitBytes + GROWTH * byteLength);
    return ++this.#arrivedCount >= JUDGED_PACKETS && this.#judge(leastRttMs);
  }

  #judge(leastRttMs: number): boolean {
    const isOverrun = this.#missingCount > LOSS_MAX * (this.#arrivedCount + this.#missingCount);
    this.#arrivedCount = this.#missingCount = 0;
    if (leastRttMs === Infinity) return true;
    if (isOverrun) this.#isGrowing = false;
    if (this.#isGrowing) return false;
    const leastBytes = Math.max(WINDOW_MIN_BYTES, leastRttMs * MIN_BYTES_PER_MS);
    const limitBytes = this.#limitBytes * (isOverrun ? BACKOFF : REGAIN);
    this.#limitBytes = Math.floor(Math.min(WINDOW_BYTES, Math.max(leastBytes, limitBytes)));
    return isOverrun;
  }
}

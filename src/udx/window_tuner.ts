/**
 * How much a receiver lets its peer have on the way: less while packets overrun the socket's queue.
 *
 * `Deno.listenDatagram` cannot enlarge the system's receive buffer, and senders that ignore loss (libudx's BBR does)
 * fill a short queue again and again. Random loss of a path stays below the threshold and changes nothing.
 *
 * @module
 */
import { WINDOW_BYTES } from "./limits.ts";
import { seqAdd, seqDiff } from "./sequence.ts";

/** Arrivals after which the loss among them is judged. */
const JUDGED_PACKETS = 256;

/** A packet this little late was overtaken, not lost and sent again. */
const REORDERED_PACKETS = 64;

const LOSS_MAX = 0.1;
const BACKOFF = 0.5;
const REGAIN = 1.25;
const WINDOW_MIN_BYTES = 128 * 1024;
/**
 * The least window lets at least so much pass per ms of round trip: 64 MB/s while a gap takes four round trips to close,
 * as behind it all that arrives counts against the window.
 */
const MIN_BYTES_PER_MS = 256 * 1024;
/** The least window while the round trip is not known, as by a peer that sends nothing itself. */
const UNKNOWN_PATH_MIN_BYTES = 2 * 1024 * 1024;

/** Adapts the window to the loss seen. */
export class WindowTuner {
  #limitBytes = WINDOW_BYTES;
  #arrivedCount = 0;
  #missingCount = 0;
  #highestSeq: number | null = null;

  /** Bytes to advertise at most. */
  get limitBytes(): number {
    return this.#limitBytes;
  }

  /** A data packet arrived; `leastRttMs` is the least round trip, infinity while none is known. */
  handleArrival(seq: number, leastRttMs: number): void {
    const expected = this.#highestSeq;
    const distance = expected === null ? 0 : seqDiff(seq, expected);
    if (distance >= 0) {
      this.#missingCount += distance;
      this.#highestSeq = seqAdd(seq, 1);
    } else if (distance >= -REORDERED_PACKETS && this.#missingCount > 0) {
      this.#missingCount--;
    }
    if (++this.#arrivedCount < JUDGED_PACKETS) return;
    const isOverrun = this.#missingCount > LOSS_MAX * (this.#arrivedCount + this.#missingCount);
    const limitBytes = this.#limitBytes * (isOverrun ? BACKOFF : REGAIN);
    this.#limitBytes = Math.floor(Math.min(WINDOW_BYTES, Math.max(leastBytes(leastRttMs), limitBytes)));
    this.#arrivedCount = this.#missingCount = 0;
  }
}

function leastBytes(leastRttMs: number): number {
  if (leastRttMs === Infinity) return UNKNOWN_PATH_MIN_BYTES;
  return Math.max(WINDOW_MIN_BYTES, leastRttMs * MIN_BYTES_PER_MS);
}

/**
 * Pacing: a bucket of bytes that fills at the rate the congestion controller asks for.
 *
 * @module
 */
import { INITIAL_PACING_BYTES, MTU_MAX } from "./limits.ts";

/** A burst of this many bytes is never held back further: timers are no finer. */
const BURST_BYTES_MIN = 8 * MTU_MAX;

/** Says when the next packet may leave. */
export class Pacer {
  #availableBytes = INITIAL_PACING_BYTES;
  #filledAtMs = -Infinity;

  /** Fills the bucket up to `nowMs` at `bytesPerMs`, with `burstMs` of that at most. */
  fill(nowMs: number, bytesPerMs: number, burstMs: number): void {
    const elapsedMs = nowMs - this.#filledAtMs;
    if (elapsedMs <= 0) return;
    this.#filledAtMs = nowMs;
    if (elapsedMs === Infinity) return;
    const burstBytes = Math.max(BURST_BYTES_MIN, bytesPerMs * burstMs);
    this.#availableBytes = Math.min(burstBytes, this.#availableBytes + elapsedMs * bytesPerMs);
  }

  /** Whether a packet may leave now. */
  get isOpen(): boolean {
    return this.#availableBytes > 0;
  }

  /** Takes the bytes of a packet that leaves; the last one may overdraw. */
  take(byteLength: number): void {
    this.#availableBytes -= byteLength;
  }

  /** Time until a packet may leave, when none may now. */
  waitMs(bytesPerMs: number): number {
    // One full packet's worth beyond zero: a timer per byte would help nobody.
    return Math.max(0, (MTU_MAX - this.#availableBytes) / bytesPerMs);
  }
}

/**
 * A rate, as a bucket that fills with time.
 *
 * @module
 */
import { BURST_BYTES_MIN, BURST_MS } from "./limits.ts";

/** Lets so many bytes per second pass, and a short burst. */
export class TokenBucket {
  readonly #bytesPerMs: number;
  readonly #capacityBytes: number;
  #levelBytes: number;
  #filledAtMs = -Infinity;

  /** Starts full; an infinite rate lets all pass. */
  constructor(bytesPerSecond: number) {
    this.#bytesPerMs = bytesPerSecond / 1000;
    this.#capacityBytes = Math.max(BURST_BYTES_MIN, this.#bytesPerMs * BURST_MS);
    this.#levelBytes = this.#capacityBytes;
  }

  /** Whether `byteLength` may pass at `nowMs`; {@linkcode TokenBucket.take} them then. */
  hasRoom(byteLength: number, nowMs: number): boolean {
    if (this.#bytesPerMs === Infinity) return true;
    if (nowMs > this.#filledAtMs) {
      const gainedBytes = (nowMs - this.#filledAtMs) * this.#bytesPerMs;
      this.#levelBytes = Math.min(this.#capacityBytes, this.#levelBytes + gainedBytes);
      this.#filledAtMs = nowMs;
    }
    return this.#levelBytes >= byteLength;
  }

  /** `byteLength` pass. */
  take(byteLength: number): void {
    this.#levelBytes -= byteLength;
  }
}

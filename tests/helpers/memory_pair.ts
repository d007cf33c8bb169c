/**
 * Two ends of a wire in memory: what is written to one is read from the other, in order, in later microtasks.
 *
 * @module
 */
import { Duplex, type StreamCallback } from "../../src/base/mod.ts";

/** Changes what passes in one direction: the chunks that arrive in place of the one that was written. */
export type WireTap = (bytes: Uint8Array) => readonly Uint8Array[];

/** Options of {@linkcode memoryPair}. */
export interface MemoryPairOptions {
  /** Sees what the left end writes. */
  readonly leftToRight?: WireTap;
  /** Sees what the right end writes. */
  readonly rightToLeft?: WireTap;
}

/** One end of a {@linkcode memoryPair}. */
export class MemoryEnd extends Duplex<Uint8Array, Uint8Array, Uint8Array, Uint8Array> {
  /** All bytes that were written to this end, in the pieces in which they were. */
  readonly written: Uint8Array[] = [];
  #other: MemoryEnd | null = null;
  #writeDone: StreamCallback | null = null;

  /** Makes an end that is not connected yet; `tap` sees what it sends. */
  constructor(tap: WireTap = (bytes) => [bytes]) {
    super({
      read: (done: StreamCallback) => {
        this.#other!.#finishWrite(null);
        done(null);
      },
      write: (data: Uint8Array, done: StreamCallback) => {
        this.written.push(data.slice());
        let hasRoom = true;
        for (const chunk of tap(data)) hasRoom = this.#other!.push(chunk);
        if (hasRoom || this.#other!.destroying) done(null);
        else this.#writeDone = done;
      },
      final: (done: StreamCallback) => {
        this.#other!.push(null);
        done(null);
      },
      predestroy: () => {
        this.#finishWrite(new Error("Memory end destroyed"));
        // As with a socket, the other side learns of it.
        queueMicrotask(() => this.#other!.destroy());
      },
    });
  }

  /** Connects two ends. */
  static connect(left: MemoryEnd, right: MemoryEnd): void {
    left.#other = right;
    right.#other = left;
  }

  #finishWrite(error: Error | null): void {
    const done = this.#writeDone;
    this.#writeDone = null;
    done?.(error);
  }
}

/** Makes two connected ends. */
export function memoryPair(options: MemoryPairOptions = {}): [left: MemoryEnd, right: MemoryEnd] {
  const left = new MemoryEnd(options.leftToRight);
  const right = new MemoryEnd(options.rightToLeft);
  MemoryEnd.connect(left, right);
  return [left, right];
}

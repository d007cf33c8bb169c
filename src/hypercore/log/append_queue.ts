/**
 * Appends that wait for each other: callers that come while a write is under way share the next one.
 *
 * @module
 */
import type { LogKeyPair } from "./types.ts";
import { APPEND_GROUP_BLOCKS_MAX, APPEND_GROUP_BYTES_MAX } from "./limits.ts";

/** One call of `Log.append`. */
export interface PendingAppend {
  /** Borrowed from the caller until the call settles. */
  readonly blocks: readonly Uint8Array[];
  /** Bytes of all blocks. */
  readonly byteLength: number;
  /** Signs; null where a signature was passed, or none is needed. */
  readonly keyPair: LogKeyPair | null;
  /** A ready signature: this append cannot share its write. */
  readonly signature: Uint8Array | null;
  /** Appends nothing where the log would become longer, blocks. */
  readonly maxLength: number;
  /** Changes the blocks in place once it is known where they will stand. */
  readonly preappend: ((blocks: readonly Uint8Array[], start: number) => unknown) | null;
  /** Called once the blocks are stored, before anybody hears of them. */
  readonly postappend: ((blocks: readonly Uint8Array[]) => unknown) | null;
  /** Settles the call: the log's length and bytes after this append. */
  readonly resolve: (result: { length: number; byteLength: number }) => void;
  /** Settles the call. */
  readonly reject: (error: unknown) => void;
}

/** Calls in order of arrival, taken in groups. */
export class AppendQueue {
  #pending: PendingAppend[] = [];

  /** Calls waiting. */
  get size(): number {
    return this.#pending.length;
  }

  /** Adds a call. */
  push(append: PendingAppend): void {
    this.#pending.push(append);
  }

  /** Takes the calls that one write and one signature can serve: at least one where any waits. */
  take(): PendingAppend[] {
    const pending = this.#pending;
    const first = pending[0];
    if (first === undefined) return [];
    let count = 1;
    let blocks = first.blocks.length;
    let byteLength = first.byteLength;
    for (; count < pending.length && first.signature === null; count++) {
      const next = pending[count]!;
      if (next.signature !== null || next.keyPair !== first.keyPair) break;
      blocks += next.blocks.length;
      byteLength += next.byteLength;
      if (blocks > APPEND_GROUP_BLOCKS_MAX || byteLength > APPEND_GROUP_BYTES_MAX) break;
    }
    this.#pending = pending.slice(count);
    return pending.slice(0, count);
  }
}

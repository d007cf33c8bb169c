/**
 * Which blocks peers say they have. Nothing of it is trusted beyond whom to ask first.
 *
 * @module
 */
import type { ReplicationContext } from "./context.ts";
import type { BitfieldMessage, RangeMessage } from "./messages.ts";
import type { PeerState } from "./peer_state.ts";

/** The claims of all peers. */
export class Claims {
  readonly #context: ReplicationContext;
  #contiguousLength = 0;

  constructor(context: ReplicationContext) {
    this.#context = context;
  }

  /** Longest run of blocks from 0 that a peer on our fork has claimed. */
  get contiguousLength(): number {
    return this.#contiguousLength;
  }

  /** A peer says which blocks of a region it has. Misaligned ones are ignored. */
  handleBitfield(peer: PeerState, { start, bitfield }: BitfieldMessage): void {
    this.#context.generation++;
    peer.has.insert(start, bitfield);
  }

  /** A peer got or dropped a run of blocks. */
  handleRange(peer: PeerState, { drop, start, length }: RangeMessage): void {
    this.#context.generation++;
    const end = Math.min(start + length, Number.MAX_SAFE_INTEGER);
    peer.has.setRange(start, end, !drop);
    if (drop || start !== 0 || peer.remoteFork !== this.#context.log.head.fork) return;
    if (end <= this.#contiguousLength) return;
    this.#contiguousLength = end;
    this.#context.emit({ kind: "remote-contiguous-length", length: end });
  }

  /** The log was cut to `length`; what peers claimed beyond is void. */
  handleTruncate(length: number): void {
    this.#contiguousLength = Math.min(this.#contiguousLength, length);
  }
}

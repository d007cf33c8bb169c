/**
 * Memory of streams that are closed: answers to peers whose last packets crossed ours, or got lost.
 *
 * libudx has none: there a peer whose last acknowledgement got lost times out with an error.
 *
 * @module
 */
import { LINGERING_STREAMS_MAX } from "./limits.ts";
import { FLAG_DATA, FLAG_END, FLAG_HEARTBEAT } from "./messages.ts";
import type { PacketPath, Transmit } from "./outgoing_packet.ts";
import type { Epitaph } from "./stream_machine.ts";

/** Flags of packets that want an answer; all others must not get one, or two memories would talk forever. */
const ASKING_FLAGS = FLAG_DATA | FLAG_END | FLAG_HEARTBEAT;

interface Grave<Path extends PacketPath> {
  readonly epitaph: Epitaph<Path>;
  readonly expiresAtMs: number;
}

/** Remembers closed streams for a while, and not too many. */
export class ClosedStreams<Path extends PacketPath> {
  readonly #graves = new Map<number, Grave<Path>>();

  /** Streams remembered. */
  get size(): number {
    return this.#graves.size;
  }

  /** Remembers the stream `id`. */
  add(id: number, epitaph: Epitaph<Path>, nowMs: number): void {
    this.#graves.delete(id);
    this.#graves.set(id, { epitaph, expiresAtMs: nowMs + epitaph.lingerMs });
    for (const [oldest, grave] of this.#graves) {
      if (grave.expiresAtMs > nowMs && this.#graves.size <= LINGERING_STREAMS_MAX) break;
      this.#graves.delete(oldest);
    }
  }

  /** The stream `id` is in use again. */
  delete(id: number): void {
    this.#graves.delete(id);
  }

  /** Forgets the streams whose answers would go through what `isGone` accepts. */
  forget(isGone: (path: Path) => boolean): void {
    for (const [id, grave] of this.#graves) {
      if (isGone(grave.epitaph.reply.path)) this.#graves.delete(id);
    }
  }

  /**
   * What a packet for the stream `id` gets: `undefined` when we know of no such stream, null when nothing is to be
   * said, else the datagram.
   */
  answer(id: number, flags: number, nowMs: number): Transmit<Path> | null | undefined {
    const grave = this.#graves.get(id);
    if (!grave) return undefined;
    if (grave.expiresAtMs <= nowMs) {
      this.#graves.delete(id);
      return undefined;
    }
    return flags & ASKING_FLAGS ? grave.epitaph.reply : null;
  }
}

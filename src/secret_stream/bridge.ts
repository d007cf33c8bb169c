/**
 * The pair of streams that stands in for a raw stream when none is given: what goes in on one side comes out
 * on the other.
 *
 * @module
 */
import { drained, Duplex, type StreamCallback, utf8Bytes } from "../base/mod.ts";
import { SecretStreamError } from "./errors.ts";
import type { SecretStream } from "./secret_stream.ts";
import type { RawStream, SecretStreamEvents } from "./types.ts";

/** Events of a {@linkcode Bridge}. */
export type BridgeEvents = Omit<SecretStreamEvents, "connect" | "message">;

/** One direction: what is written to one side and not yet read from the other. */
class Lane {
  #writeDone: StreamCallback | null = null;

  /** Hands `data` to `reader`; the write is done once there is room for more. */
  write(reader: Duplex, data: Uint8Array, done: StreamCallback): void {
    if (reader.push(data)) done(null);
    else this.#writeDone = done;
  }

  /** Ends a write that waits for room. */
  finish(error: Error | null): void {
    const done = this.#writeDone;
    this.#writeDone = null;
    done?.(error);
  }
}

/** The side of the pair to be piped to the other peer: `stream.rawStream` of a stream made without one. */
export class Bridge
  extends Duplex<Uint8Array | string, Uint8Array, Uint8Array, Uint8Array, true, true, BridgeEvents> {
  /** The secret stream that this is the raw stream of. */
  readonly noiseStream: SecretStream;
  /** The side that the secret stream itself uses. */
  readonly reverse: RawStream;

  /** Makes the pair. */
  constructor(noiseStream: SecretStream) {
    const inward = new Lane();
    const outward = new Lane();
    const reverse: Duplex = new Duplex({
      read: (done: StreamCallback) => finishThen(inward, done),
      write: (data: Uint8Array, done: StreamCallback) => outward.write(this, data, done),
      final: (done: StreamCallback) => endThen(this, done),
    });
    super({
      // Sockets of Node and Deno are typed as if they piped text too.
      mapWritable: (data) => typeof data === "string" ? utf8Bytes(data) : data,
      read: (done: StreamCallback) => finishThen(outward, done),
      write: (data: Uint8Array, done: StreamCallback) => inward.write(reverse, data, done),
      final: (done: StreamCallback) => endThen(reverse, done),
      predestroy: () => inward.finish(new SecretStreamError("DESTROYED")),
    });
    this.noiseStream = noiseStream;
    this.reverse = reverse;
  }

  /** Our public key, 32 bytes; null until it is known. */
  get publicKey(): Uint8Array | null {
    return this.noiseStream.publicKey;
  }

  /** The other side's public key, 32 bytes; null until it is known. */
  get remotePublicKey(): Uint8Array | null {
    return this.noiseStream.remotePublicKey;
  }

  /** The handshake hash, 64 bytes; null until the handshake is done. */
  get handshakeHash(): Uint8Array | null {
    return this.noiseStream.handshakeHash;
  }

  /** Resolves once what was written so far has been read: true, or false when the stream was destroyed. */
  flush(): Promise<boolean> {
    return drained(this);
  }
}

function finishThen(lane: Lane, done: StreamCallback): void {
  lane.finish(null);
  done(null);
}

function endThen(side: Duplex | Bridge, done: StreamCallback): void {
  side.push(null);
  done(null);
}

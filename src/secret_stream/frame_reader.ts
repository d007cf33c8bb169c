/**
 * Cuts a byte stream into frames: uint24 little-endian length, then as many bytes.
 *
 * Knows nothing of what the frames hold. A frame that lies in one chunk is given as a view of it; only a frame
 * that is split over chunks is copied, once.
 *
 * @module
 */
import { allocBytesUnsafe } from "../base/mod.ts";
import { FRAME_BYTES_MAX, FRAME_PREFIX_BYTES, FRAME_RESERVE_BYTES } from "./limits.ts";

const NOTHING: Uint8Array = new Uint8Array(0);

/** A frame whose bytes have not arrived in full, prefix included. */
interface PartialFrame {
  bytes: Uint8Array;
  filledBytes: number;
}

/** Pure frame reader: {@linkcode FrameReader.push} a chunk, then take frames until there is none. */
export class FrameReader {
  #chunk: Uint8Array = NOTHING;
  #offset = 0;
  /** Chunks behind the current one. */
  readonly #queue: Uint8Array[] = [];
  #partial: PartialFrame | null = null;
  #bodyBytesMin = 0;
  #bodyBytesMax = FRAME_BYTES_MAX;
  #invalidBytes: number | null = null;

  /** Refuses frames whose body is not `min` to `max` bytes long, from the next frame on. */
  setBounds(min: number, max: number): void {
    this.#bodyBytesMin = min;
    this.#bodyBytesMax = max;
  }

  /** Hands in the next bytes of the stream; they are read when those before have been. */
  push(chunk: Uint8Array): void {
    if (this.#offset < this.#chunk.byteLength) {
      this.#queue.push(chunk);
      return;
    }
    this.#chunk = chunk;
    this.#offset = 0;
  }

  /** Takes the next frame, prefix included: a view, or null when it has not arrived in full or is refused. */
  nextFrame(): Uint8Array | null {
    while (this.#invalidBytes === null) {
      const frame = this.#partial === null ? this.#takeFromChunk() : this.#takePartial();
      if (frame !== null || !this.#nextChunk()) return frame;
    }
    return null;
  }

  /**
   * Takes as many frames as lie side by side in one buffer, prefixes included, up to about `runBytesMax`: a view,
   * or null when there is no complete frame. A frame of refused length ends the run before it.
   */
  nextRun(runBytesMax: number): Uint8Array | null {
    const first = this.nextFrame();
    if (first === null || first.buffer !== this.#chunk.buffer) return first;
    const start = this.#offset - first.byteLength;
    while (this.#offset - start < runBytesMax) {
      const frameBytes = this.#completeFrameBytes();
      if (frameBytes === null) break;
      this.#offset += frameBytes;
    }
    return this.#chunk.subarray(start, this.#offset);
  }

  /** Length of the frame that was refused for it, or null. No frame follows it. */
  get invalidBytes(): number | null {
    return this.#invalidBytes;
  }

  /** Bytes that the frame begun last still lacks; 0 when there is none or its length is not known. */
  get missingBytes(): number {
    const partial = this.#partial;
    if (partial === null || partial.filledBytes < FRAME_PREFIX_BYTES) return 0;
    return FRAME_PREFIX_BYTES + bodyBytesAt(partial.bytes, 0) - partial.filledBytes;
  }

  /** Bytes kept for a frame that has not arrived in full. */
  get reservedBytes(): number {
    return this.#partial?.bytes.byteLength ?? 0;
  }

  /** Goes on to the next chunk if the current one has been read. */
  #nextChunk(): boolean {
    if (this.#offset < this.#chunk.byteLength || this.#queue.length === 0) return false;
    this.#chunk = this.#queue.shift()!;
    this.#offset = 0;
    return true;
  }

  #takeFromChunk(): Uint8Array | null {
    const frameBytes = this.#completeFrameBytes();
    if (frameBytes !== null) {
      this.#offset += frameBytes;
      return this.#chunk.subarray(this.#offset - frameBytes, this.#offset);
    }
    const restBytes = this.#chunk.byteLength - this.#offset;
    if (restBytes === 0 || this.#invalidBytes !== null) return null;
    this.#partial = { bytes: allocBytesUnsafe(FRAME_PREFIX_BYTES), filledBytes: 0 };
    return this.#takePartial();
  }

  /** Bytes of the frame at the offset if all of it is there; notes a refused length. */
  #completeFrameBytes(): number | null {
    const chunk = this.#chunk;
    const restBytes = chunk.byteLength - this.#offset;
    if (restBytes < FRAME_PREFIX_BYTES) return null;
    const bodyBytes = bodyBytesAt(chunk, this.#offset);
    if (!this.#checkBounds(bodyBytes)) return null;
    const frameBytes = FRAME_PREFIX_BYTES + bodyBytes;
    return frameBytes <= restBytes ? frameBytes : null;
  }

  #takePartial(): Uint8Array | null {
    const partial = this.#partial!;
    if (partial.filledBytes < FRAME_PREFIX_BYTES) {
      this.#fill(partial, FRAME_PREFIX_BYTES);
      if (partial.filledBytes < FRAME_PREFIX_BYTES) return null;
      if (!this.#checkBounds(bodyBytesAt(partial.bytes, 0))) return null;
    }
    const frameBytes = FRAME_PREFIX_BYTES + bodyBytesAt(partial.bytes, 0);
    this.#reserve(partial, frameBytes);
    this.#fill(partial, frameBytes);
    if (partial.filledBytes < frameBytes) return null;
    this.#partial = null;
    return partial.bytes;
  }

  #checkBounds(bodyBytes: number): boolean {
    if (bodyBytes >= this.#bodyBytesMin && bodyBytes <= this.#bodyBytesMax) return true;
    this.#invalidBytes = bodyBytes;
    return false;
  }

  /** Makes room for what the chunk adds to a frame of `frameBytes`; doubling keeps the copying linear. */
  #reserve(partial: PartialFrame, frameBytes: number): void {
    const neededBytes = Math.min(frameBytes, partial.filledBytes + this.#chunk.byteLength - this.#offset);
    if (partial.bytes.byteLength >= neededBytes) return;
    const wishedBytes = Math.max(neededBytes, 2 * partial.bytes.byteLength, FRAME_RESERVE_BYTES);
    const grown = allocBytesUnsafe(Math.min(frameBytes, wishedBytes));
    grown.set(partial.bytes.subarray(0, partial.filledBytes));
    partial.bytes = grown;
  }

  #fill(partial: PartialFrame, untilBytes: number): void {
    const end = Math.min(this.#chunk.byteLength, this.#offset + untilBytes - partial.filledBytes);
    partial.bytes.set(this.#chunk.subarray(this.#offset, end), partial.filledBytes);
    partial.filledBytes += end - this.#offset;
    this.#offset = end;
  }
}

/** Reads the length prefix at `offset`. */
function bodyBytesAt(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16);
}

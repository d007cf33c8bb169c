/**
 * Joins the payloads of packets into the chunks that a reader gets.
 *
 * Plain reads take all that arrived since the last time. Framed reads hold back until a message with its length
 * before it (24 bits, little-endian) is whole, and turn plain for good when the packets do not bear that framing out.
 *
 * @module
 */
import { allocBytesUnsafe } from "../base/mod.ts";

/** A chunk is at most so large, framed or not (udx-native lib/stream.js). */
const CHUNK_BYTES_MAX = 65536;

/** Most streams receive little: the first memory for chunks is small, each further one twice as large. */
const FIRST_SLAB_BYTES = 4096;

const FRAME_PREFIX_BYTES = 3;

/** Collects payloads, hands out chunks. */
export class ReadAssembler {
  #slab: Uint8Array = EMPTY;
  #start = 0;
  #end = 0;
  #isFramed: boolean;
  /** Bytes that complete the frame under way, counted from the start of the chunk; -1 between frames. */
  #frameBytes = -1;
  #readyCount = 0;
  readonly #chunks: Uint8Array[] = [];
  #byteLength = 0;

  constructor(isFramed: boolean) {
    this.#isFramed = isFramed;
  }

  /** Bytes that were not handed out yet. */
  get byteLength(): number {
    return this.#byteLength;
  }

  /** Whether messages are held back until they are whole. */
  get isFramed(): boolean {
    return this.#isFramed;
  }

  /** Adds the payload of one packet (copied). */
  append(payload: Uint8Array): void {
    const byteLength = payload.length;
    const chunkBytes = this.#end - this.#start + byteLength;
    if (chunkBytes > CHUNK_BYTES_MAX) this.#beginSlab(byteLength);
    else if (this.#end + byteLength > this.#slab.length) this.#makeRoom(chunkBytes);
    if (this.#isFramed && this.#frameBytes === -1) this.#beginFrame(payload);
    this.#slab.set(payload, this.#end);
    this.#end += byteLength;
    this.#byteLength += byteLength;
    if (this.#isFramed) this.#checkFrame();
  }

  /** The next chunk for the reader, if one is due; `isFinal` gives out incomplete frames too. */
  take(isFinal = false): Uint8Array | null {
    let chunk = this.#chunks.shift() ?? null;
    if (!chunk) {
      const end = isFinal || !this.#isFramed ? this.#end : this.#start + this.#readyCount;
      if (end === this.#start) return null;
      chunk = this.#slab.subarray(this.#start, end);
      this.#start = end;
      this.#readyCount = 0;
    }
    this.#byteLength -= chunk.length;
    return chunk;
  }

  /** Goes on in larger memory, with what was not handed out; at full size in fresh memory, with a chunk of its own. */
  #makeRoom(chunkBytes: number): void {
    const pending = this.#slab.subarray(this.#start, this.#end);
    if (this.#slab.length >= CHUNK_BYTES_MAX) return this.#beginSlab(chunkBytes - pending.length);
    this.#slab = allocBytesUnsafe(slabBytesAfter(this.#slab.length, chunkBytes));
    this.#slab.set(pending);
    this.#start = 0;
    this.#end = pending.length;
  }

  #beginSlab(byteLength: number): void {
    this.#cut();
    this.#slab = allocBytesUnsafe(slabBytesAfter(this.#slab.length, byteLength));
    this.#start = this.#end = this.#readyCount = 0;
  }

  #cut(): void {
    if (this.#end === this.#start) return;
    this.#chunks.push(this.#slab.subarray(this.#start, this.#end));
    // A frame larger than a chunk goes out in pieces; what is missing counts from the new chunk's start.
    if (this.#frameBytes !== -1) this.#frameBytes -= this.#end - this.#start - this.#readyCount;
    this.#start = this.#end;
    this.#readyCount = 0;
  }

  #beginFrame(payload: Uint8Array): void {
    // Compat: udx-native gives the framing up when a packet is too short to tell a length (binding.cc).
    if (payload.length < FRAME_PREFIX_BYTES) this.#isFramed = false;
    else this.#frameBytes = FRAME_PREFIX_BYTES + (payload[0]! | payload[1]! << 8 | payload[2]! << 16);
  }

  #checkFrame(): void {
    const collected = this.#end - this.#start - this.#readyCount;
    // Compat: a packet that reaches past the frame's end means that frames are not aligned to packets (binding.cc).
    if (collected > this.#frameBytes) {
      this.#isFramed = false;
    } else if (collected === this.#frameBytes) {
      this.#frameBytes = -1;
      this.#readyCount = this.#end - this.#start;
    }
  }
}

const EMPTY = new Uint8Array(0);

function slabBytesAfter(lastBytes: number, neededBytes: number): number {
  return Math.max(Math.min(CHUNK_BYTES_MAX, 2 * lastBytes || FIRST_SLAB_BYTES), neededBytes);
}

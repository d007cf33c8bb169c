/**
 * Puts messages into frames: one each, or while corked many in a batch.
 *
 * A corked message is encoded at once, because the caller may change its value afterwards, straight into chunks that
 * are kept from batch to batch; the frame itself is one allocation when the batch ends.
 *
 * @module
 */
import { allocBytesUnsafe } from "../base/mod.ts";
import { type Encoder, type State, uint } from "../compact_encoding/mod.ts";
import { BATCH_BYTES_MAX } from "./limits.ts";
import { CONTROL, CONTROL_CHANNEL, uintByteLength } from "./messages.ts";

/** The encoding half of a codec. */
export type Encoding<Value> = Pick<Encoder<Value, unknown>, "preencode" | "encode">;

/** Allocates the bytes of one frame; they may hold anything. */
export type AllocFrame = (byteLength: number) => Uint8Array;

const CHUNK_BYTES_MIN = 4 * 1024;
const CHUNK_BYTES_MAX = 64 * 1024;
/** Larger ones, made for a larger message, are not kept for the next batch. */
const CHUNK_BYTES_KEPT_MAX = 2 * CHUNK_BYTES_MAX;
/** A switch to another channel and the length of a message, both at their longest; see {@linkcode FrameWriter}. */
const MESSAGE_HEAD_BYTES_MAX = 2 + 9 + 9;

/** Encodes messages and keeps finished frames until they are polled. */
export class FrameWriter {
  readonly #alloc: AllocFrame;
  readonly #state: State = { start: 0, end: 0, buffer: null };
  /** The oldest finished frame; nearly always the only one. */
  #frame: Uint8Array | null = null;
  readonly #moreFrames: Uint8Array[] = [];
  #isEncoding = false;
  #corkDepth = 0;

  /** Bytes of the batch so far; 0 when there is none. */
  #batchBytes = 0;
  #batchChannelId = 0;
  readonly #fullChunks: Uint8Array[] = [];
  #chunk: Uint8Array | null = null;
  #chunkEnd = 0;
  /** Where in the chunk, or in the frame, the message being encoded ends. */
  #messageEnd = 0;

  /** Creates a writer whose frames come from `alloc`, each filled and ready to be polled before the next is asked for. */
  constructor(alloc: AllocFrame) {
    this.#alloc = alloc;
  }

  /** Number of `cork()` calls without their `uncork()`. */
  get corkDepth(): number {
    return this.#corkDepth;
  }

  /** Collects messages from here on. */
  cork(): void {
    this.#corkDepth++;
  }

  /** Ends the batch when this is the last of the corks; one call too many does nothing. */
  uncork(): void {
    if (this.#corkDepth === 0 || --this.#corkDepth > 0) return;
    this.#finishBatch();
  }

  /** Drops the batch and the frames. */
  clear(): void {
    this.#frame = null;
    this.#moreFrames.length = 0;
    this.#fullChunks.length = this.#chunkEnd = this.#batchBytes = 0;
    this.#chunk = null;
  }

  /**
   * Encodes one message, into a frame of its own or into the batch. What the codec throws is passed on and leaves
   * no trace.
   */
  write<Value>(channelId: number, type: number, encoding: Encoding<Value>, value: Value): void {
    if (this.#isEncoding) throw new TypeError("A codec must not send messages");
    this.#isEncoding = true;
    const isBatched = this.#corkDepth > 0;
    try {
      const state = this.#state;
      state.start = 0;
      state.end = uintByteLength(type);
      state.buffer = null;
      encoding.preencode(state, value);
      const messageBytes = state.end;

      if (isBatched) this.#beginInBatch(channelId, messageBytes);
      else this.#beginFrame(channelId, messageBytes);
      uint.encode(state, type);
      encoding.encode(state, value);

      if (isBatched) this.#commitToBatch(channelId);
      else this.#finish(state.buffer!);
    } finally {
      this.#state.buffer = null;
      this.#isEncoding = false;
    }
  }

  /** The next finished frame, or null. */
  poll(): Uint8Array | null {
    const frame = this.#frame;
    if (frame === null) return null;
    this.#frame = this.#moreFrames.length > 0 ? this.#moreFrames.shift()! : null;
    return frame;
  }

  #finish(frame: Uint8Array): void {
    if (this.#frame === null) this.#frame = frame;
    else this.#moreFrames.push(frame);
  }

  #beginFrame(channelId: number, messageBytes: number): void {
    const state = this.#state;
    state.end = uintByteLength(channelId) + messageBytes;
    state.buffer = this.#alloc(state.end);
    uint.encode(state, channelId);
  }

  #beginInBatch(channelId: number, messageBytes: number): void {
    if (this.#batchBytes >= BATCH_BYTES_MAX) this.#finishBatch();
    const state = this.#state;
    const buffer = this.#reserve(MESSAGE_HEAD_BYTES_MAX + messageBytes);
    state.buffer = buffer;
    state.start = this.#chunkEnd;
    if (this.#batchBytes === 0) {
      buffer[state.start++] = CONTROL_CHANNEL;
      buffer[state.start++] = CONTROL.batch;
      uint.encode(state, channelId);
    } else if (channelId !== this.#batchChannelId) {
      // A message of length 0 announces another channel.
      buffer[state.start++] = 0;
      uint.encode(state, channelId);
    }
    uint.encode(state, messageBytes);
    state.end = this.#messageEnd = state.start + messageBytes;
  }

  #commitToBatch(channelId: number): void {
    this.#batchBytes += this.#messageEnd - this.#chunkEnd;
    this.#chunkEnd = this.#messageEnd;
    this.#batchChannelId = channelId;
  }

  #reserve(byteLength: number): Uint8Array {
    const chunk = this.#chunk;
    if (chunk !== null && this.#chunkEnd + byteLength <= chunk.byteLength) return chunk;
    const doubled = chunk === null ? CHUNK_BYTES_MIN : Math.min(2 * chunk.byteLength, CHUNK_BYTES_MAX);
    if (chunk !== null && this.#chunkEnd > 0) this.#fullChunks.push(chunk.subarray(0, this.#chunkEnd));
    this.#chunkEnd = 0;
    return this.#chunk = allocBytesUnsafe(Math.max(doubled, byteLength));
  }

  #finishBatch(): void {
    if (this.#batchBytes === 0) return;
    const frame = this.#alloc(this.#batchBytes);
    let offset = 0;
    for (const chunk of this.#fullChunks) {
      frame.set(chunk, offset);
      offset += chunk.byteLength;
    }
    frame.set(this.#chunk!.subarray(0, this.#chunkEnd), offset);
    this.#finish(frame);
    this.#fullChunks.length = this.#chunkEnd = this.#batchBytes = 0;
    if (this.#chunk!.byteLength > CHUNK_BYTES_KEPT_MAX) this.#chunk = null;
  }
}

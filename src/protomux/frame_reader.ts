/**
 * Takes a frame apart: one message, or a batch of them. Nothing is copied.
 *
 * @module
 */
import { type State, uint } from "../compact_encoding/mod.ts";
import { ProtomuxError } from "./errors.ts";
import { CONTROL, CONTROL_CHANNEL } from "./messages.ts";

/** What {@linkcode FrameReader.next} came upon. */
export type FrameStep = "message" | "batchStart" | "batchEnd" | "end";

/** A batch around the one that is being read. */
interface OuterBatch {
  readonly end: number;
  readonly channelId: number;
  readonly isReported: boolean;
}

/** Walks through one frame at a time. */
export class FrameReader {
  /** Channel of the message, as numbered by the remote. */
  channelId = 0;
  /** Type of the message. */
  type = 0;
  /** The message behind its type; valid until the next step. */
  readonly payload: State = { start: 0, end: 0, buffer: null };

  readonly #batchDepthMax: number;
  readonly #cursor: State = { start: 0, end: 0, buffer: null };
  #isLoaded = false;
  /** Batches within each other at the cursor; what follows describes the innermost. */
  #depth = 0;
  #batchEnd = 0;
  #batchChannelId = 0;
  /** Whether a `batchStart` was reported, so that a `batchEnd` must follow. */
  #isBatchReported = false;
  readonly #outerBatches: OuterBatch[] = [];

  /** Creates a reader that refuses batches nested deeper than `batchDepthMax`. */
  constructor(batchDepthMax: number) {
    this.#batchDepthMax = batchDepthMax;
  }

  /** Whether a frame is under way. */
  get isActive(): boolean {
    return this.#isLoaded || this.#depth > 0;
  }

  /** Starts with `frame`, which is borrowed until the last step. */
  load(frame: Uint8Array): void {
    const cursor = this.#cursor;
    cursor.buffer = this.payload.buffer = frame;
    cursor.start = 0;
    cursor.end = frame.byteLength;
    this.#isLoaded = true;
  }

  /** Forgets the frame. */
  unload(): void {
    this.#cursor.buffer = this.payload.buffer = null;
    this.#isLoaded = false;
    this.#depth = 0;
    if (this.#outerBatches.length > 0) this.#outerBatches.length = 0;
  }

  /**
   * Goes on to the next message. A batch of more than one message lies between a `batchStart` and a `batchEnd`.
   *
   * @throws {EncodingError | ProtomuxError} when the frame is malformed; there is no going on then.
   */
  next(): FrameStep {
    while (true) {
      const step = this.#depth > 0 ? this.#stepInBatch() : this.#stepIntoFrame();
      if (step !== null) return step;
    }
  }

  #stepIntoFrame(): FrameStep | null {
    if (!this.#isLoaded) return "end";
    this.#isLoaded = false;
    return this.#readMessage(uint.decode(this.#cursor), this.#cursor.end);
  }

  #stepInBatch(): FrameStep | null {
    const cursor = this.#cursor;
    const batchEnd = this.#batchEnd;
    const lengthStart = cursor.start;
    if (lengthStart >= batchEnd) return this.#leaveBatch();
    cursor.end = batchEnd;
    const byteLength = uint.decode(cursor);
    if (byteLength === 0) {
      this.#batchChannelId = uint.decode(cursor);
      return null;
    }
    const end = cursor.start + byteLength;
    if (end > batchEnd) throw overrun(byteLength, batchEnd - cursor.start);
    if (!this.#isBatchReported && end !== batchEnd) {
      this.#isBatchReported = true;
      cursor.start = lengthStart;
      return "batchStart";
    }
    return this.#readMessage(this.#batchChannelId, end);
  }

  /** Reads a message that starts at the cursor; null when it turned out to be a batch. */
  #readMessage(channelId: number, end: number): FrameStep | null {
    const cursor = this.#cursor;
    const payload = this.payload;
    cursor.end = end;
    const type = uint.decode(cursor);
    if (channelId === CONTROL_CHANNEL && type === CONTROL.batch) return this.#enterBatch(end);
    this.channelId = channelId;
    this.type = type;
    payload.start = cursor.start;
    payload.end = end;
    cursor.start = end;
    return "message";
  }

  #enterBatch(end: number): null {
    if (this.#depth === this.#batchDepthMax) {
      throw new ProtomuxError("INVALID_BATCH", `Batches are nested deeper than ${this.#batchDepthMax}`);
    }
    if (this.#depth++ > 0) {
      this.#outerBatches.push({
        end: this.#batchEnd,
        channelId: this.#batchChannelId,
        isReported: this.#isBatchReported,
      });
    }
    this.#batchEnd = end;
    this.#batchChannelId = uint.decode(this.#cursor);
    this.#isBatchReported = false;
    return null;
  }

  #leaveBatch(): FrameStep | null {
    const step = this.#isBatchReported ? "batchEnd" : null;
    if (--this.#depth > 0) {
      const outer = this.#outerBatches.pop()!;
      this.#batchEnd = outer.end;
      this.#batchChannelId = outer.channelId;
      this.#isBatchReported = outer.isReported;
    }
    return step;
  }
}

function overrun(byteLength: number, available: number): ProtomuxError {
  return new ProtomuxError(
    "INVALID_BATCH",
    `Batch has ${available} bytes left for a message of ${byteLength}`,
  );
}

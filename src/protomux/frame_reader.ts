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

/** A batch, or a batch within one. */
interface BatchLevel {
  readonly end: number;
  channelId: number;
  /** Whether a `batchStart` was reported, so that a `batchEnd` must follow. */
  isReported: boolean;
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
  readonly #levels: BatchLevel[] = [];
  #isLoaded = false;

  /** Creates a reader that refuses batches nested deeper than `batchDepthMax`. */
  constructor(batchDepthMax: number) {
    this.#batchDepthMax = batchDepthMax;
  }

  /** Whether a frame is under way. */
  get isActive(): boolean {
    return this.#isLoaded || this.#levels.length > 0;
  }

  /** Starts with `frame`, which is borrowed until the last step. */
  load(frame: Uint8Array): void {
    this.#cursor.buffer = this.payload.buffer = frame;
    this.#cursor.start = 0;
    this.#cursor.end = frame.byteLength;
    this.#levels.length = 0;
    this.#isLoaded = true;
  }

  /** Forgets the frame. */
  unload(): void {
    this.#cursor.buffer = this.payload.buffer = null;
    this.#levels.length = 0;
    this.#isLoaded = false;
  }

  /**
   * Goes on to the next message. A batch of more than one message lies between a `batchStart` and a `batchEnd`.
   *
   * @throws {EncodingError | ProtomuxError} when the frame is malformed; there is no going on then.
   */
  next(): FrameStep {
    while (true) {
      const level = this.#levels.length === 0 ? null : this.#levels[this.#levels.length - 1]!;
      const step = level === null ? this.#stepIntoFrame() : this.#stepInBatch(level);
      if (step !== null) return step;
    }
  }

  #stepIntoFrame(): FrameStep | null {
    if (!this.#isLoaded) {
      this.unload();
      return "end";
    }
    this.#isLoaded = false;
    return this.#readMessage(uint.decode(this.#cursor), this.#cursor.end);
  }

  #stepInBatch(level: BatchLevel): FrameStep | null {
    const cursor = this.#cursor;
    cursor.end = level.end;
    if (cursor.start >= level.end) {
      this.#levels.pop();
      return level.isReported ? "batchEnd" : null;
    }
    const lengthStart = cursor.start;
    const byteLength = uint.decode(cursor);
    if (byteLength === 0) {
      level.channelId = uint.decode(cursor);
      return null;
    }
    const available = level.end - cursor.start;
    if (byteLength > available) {
      throw new ProtomuxError(
        "INVALID_BATCH",
        `Batch has ${available} bytes left for a message of ${byteLength}`,
      );
    }
    const end = cursor.start + byteLength;
    if (!level.isReported && end !== level.end) {
      level.isReported = true;
      cursor.start = lengthStart;
      return "batchStart";
    }
    return this.#readMessage(level.channelId, end);
  }

  /** Reads a message that starts at the cursor; null when it turned out to be a batch. */
  #readMessage(channelId: number, end: number): FrameStep | null {
    const cursor = this.#cursor;
    cursor.end = end;
    const type = uint.decode(cursor);
    if (channelId === CONTROL_CHANNEL && type === CONTROL.batch) {
      if (this.#levels.length === this.#batchDepthMax) {
        throw new ProtomuxError("INVALID_BATCH", `Batches are nested deeper than ${this.#batchDepthMax}`);
      }
      this.#levels.push({ end, channelId: uint.decode(cursor), isReported: false });
      return null;
    }
    this.channelId = channelId;
    this.type = type;
    this.payload.start = cursor.start;
    this.payload.end = end;
    cursor.start = end;
    return "message";
  }
}

/**
 * Two muxers over a wire in memory.
 *
 * @module
 */
import { once } from "node:events";
import { setImmediate } from "node:timers";
import Protomux, { type FramedStream, type ProtomuxOptions } from "../../../src/protomux/mod.ts";
import { type MemoryEnd, memoryPair } from "../../helpers/memory_pair.ts";

/** Two connected muxers. */
export class MuxPair implements AsyncDisposable {
  readonly a: Protomux<MemoryEnd>;
  readonly b: Protomux<MemoryEnd>;

  constructor(options: ProtomuxOptions = {}) {
    const [left, right] = memoryPair();
    this.a = new Protomux(left, options);
    this.b = new Protomux(right, options);
  }

  /** Destroys both streams and waits until they are closed. */
  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all([this.a[Symbol.asyncDispose](), this.b[Symbol.asyncDispose]()]);
  }
}

/** Lets everything that is under way in memory happen. */
export async function settle(): Promise<void> {
  for (let i = 0; i < 4; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}

/** Resolves with the error that `stream` is destroyed with. */
export async function errorOf(stream: MemoryEnd): Promise<unknown> {
  return (await once(stream, "error"))[0];
}

/** A stream that only keeps what is written. */
export class SinkStream implements FramedStream {
  userData: unknown = null;
  destroyed = false;
  readonly frames: Uint8Array[] = [];
  readonly calls: string[] = [];
  readonly #listeners = new Map<string, ((...args: never[]) => void)[]>();

  write(frame: Uint8Array): boolean {
    this.frames.push(frame);
    return true;
  }

  end(): void {
    this.calls.push("end");
  }

  pause(): void {
    this.calls.push("pause");
  }

  resume(): void {
    this.calls.push("resume");
  }

  destroy(error?: Error | null): void {
    if (this.destroyed) return;
    this.destroyed = true;
    this.calls.push(`destroy ${error?.message ?? ""}`.trimEnd());
    this.emit("close");
  }

  on(event: string, listener: (...args: never[]) => void): void {
    this.#listeners.set(event, [...this.#listeners.get(event) ?? [], listener]);
  }

  emit(event: string, ...args: unknown[]): void {
    for (const listener of this.#listeners.get(event) ?? []) listener(...args as never[]);
  }
}
